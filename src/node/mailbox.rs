//! Holds a line to a relay of ours, over which what waits there is pushed: no inbound port is needed.

use crate::config::Retry;
use crate::envelope::{EnvelopeError, KeyRing};
use crate::model::Party;
use crate::node::attachments;
use crate::node::attachments::Missed;
use crate::node::gateway::Post;
use crate::node::intake::{Unpacked, sign_receipts, take_parcel};
use crate::node::recovery;
use crate::node::retry;
use crate::relay::{
    Collected, Custody, Freight, Inbox, Lane, MailboxState, Notice, Parcel, RelayError, Seen, Signer, Wrapped,
};
use crate::store::{Change, Durable};
use crate::transport::Sender;
use crate::wire::FrameKind;
use futures_util::future::{FutureExt as _, join_all};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::sleep;

/// The most parcels that are taken in together.
const TOGETHER: usize = 64;

/// Collects from a relay for as long as the gateway runs.
pub async fn run(post: Post, relay: Party) {
    let mut failures = 0;
    loop {
        let mut collected = 0;
        let cause = match collect(&post, &relay, &mut collected).await {
            Ok(()) => "the relay ended the line".to_owned(),
            Err(cause) => cause,
        };
        failures = if collected > 0 { 1 } else { failures + 1 };
        let retry: &Retry = &post.gateway.config.retry;
        let pause = retry::pause(failures, retry, &mut *post.gateway.entropy());
        tracing::warn!(%relay, failures, pause_seconds = pause, cause, "no line to a relay; it is tried again");
        sleep(Duration::from_secs(pause.unsigned_abs())).await;
    }
}

/// Signs as the gateway does.
pub(super) fn signer(ring: &KeyRing) -> Signer {
    Signer { party: ring.party.clone(), name: ring.gateway.clone(), key: ring.log.clone() }
}

/// Opens the mailbox and takes in what comes, until the line ends.
async fn collect(post: &Post, relay: &Party, collected: &mut u64) -> Result<(), String> {
    let gateway = &post.gateway;
    let line = gateway.couriers.get(relay).ok_or("the relay is not among the peers")?;
    let link = line.link(post).await?;
    let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
    let rows = gateway.ledger.mailbox(relay).map_err(|e| e.to_string())?;
    let mut inbox = Inbox::new(rows);
    let state = MailboxState { relay: relay.clone(), at: gateway.now(), rows: inbox.rows() };
    let opening = state.sign(&signer(&gateway.ring()));
    sender.send(FrameKind::Collect, &opening).await.map_err(|e| e.to_string())?;
    tracing::info!(%relay, "the mailbox is open");
    let mut left: Option<Party> = None;
    loop {
        let frame = match left.clone() {
            None => receiver.next().await,
            // What was left at the relay meanwhile comes again over a new line.
            Some(peer) => tokio::select! {
                frame = receiver.next() => frame,
                () = gateway.recovery.cleared(&peer) => return Err(format!("{peer} is no longer waited for")),
            },
        };
        let mut frame = Some(frame);
        let mut parcels = Vec::new();
        // What has come together is taken in together: one sync and one signature each way serve all of it.
        let next = loop {
            match frame.take() {
                Some(Ok(Some((FrameKind::Parcel, body)))) => parcels.push(body),
                other => break other,
            }
            if parcels.len() < TOGETHER {
                frame = receiver.next().now_or_never();
            }
        };
        *collected += parcels.len() as u64;
        if !parcels.is_empty() {
            let waits = take_all(post, relay, &mut inbox, &mut sender, parcels).await?;
            left = waits.or(left);
        }
        match next {
            None => {}
            // An answer that the relay took, or did not: then the sender asks again.
            Some(Ok(Some((FrameKind::Custody | FrameKind::Refused | FrameKind::Pong, _)))) => {}
            Some(Ok(Some(_))) => return Err("the relay sent a frame that has no place here".to_owned()),
            Some(Ok(None)) => return Ok(()),
            Some(Err(cause)) => {
                line.unlink(&link);
                return Err(cause.to_string());
            }
        }
    }
}

/// Why a parcel is not confirmed.
enum Fault {
    /// What the relay brought does not hold.
    Relay(RelayError),
    /// It cannot be taken in now, or the line has ended.
    Here(String),
    /// After a restore nothing is said to this party yet: what it sends stays where it is.
    Waits(Party),
}

/// A parcel whose custody holds, and what became of it.
type Taken = (Parcel, Result<Option<Unpacked>, Fault>);

/// Takes parcels in, brings their answers to the relay, notes how far its threads have come, and confirms what holds.
///
/// Returns a party for which something was left at the relay.
async fn take_all(
    post: &Post,
    relay: &Party,
    inbox: &mut Inbox,
    line: &mut Sender,
    bodies: Vec<Vec<u8>>,
) -> Result<Option<Party>, String> {
    let gateway = &post.gateway;
    let (mut taken, mut acts) = (Vec::new(), Vec::new());
    let mut ended = None;
    for body in bodies {
        match Wrapped::verify(body, relay, &gateway.directory(), gateway.now()) {
            Ok((Custody { parcel, .. }, body)) => {
                match take_at_once(post, relay, line, &parcel, body).await {
                    ControlFlow::Continue(act) => acts.push((parcel, act)),
                    ControlFlow::Break(outcome) => {
                        // What came before is taken in before.
                        take_acts(post, &mut acts, &mut taken).await;
                        taken.push((parcel, outcome.map(|()| None)));
                    }
                }
            }
            Err(error) => ended = refused(post, relay, &error).or(ended),
        }
    }
    take_acts(post, &mut acts, &mut taken).await;
    let (mut left, mut change) = (None, Change::default());
    let (mut answers, mut receipts, mut confirmed) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (parcel, outcome) in taken {
        match outcome {
            Ok(answer) => {
                let from = parcel.thread.from.clone();
                match answer {
                    Some(Unpacked::Kept(receipt)) => {
                        receipts.entry(from).or_insert_with(Vec::new).push(receipt)
                    }
                    Some(Unpacked::Rejected(body)) => answers.push((FrameKind::Reject, body)),
                    Some(Unpacked::Damaged | Unpacked::Later) | None => {}
                }
                note(post, relay, inbox, &parcel, &mut change)?;
                confirmed.push(parcel.digest);
            }
            Err(Fault::Relay(error)) => ended = refused(post, relay, &error).or(ended),
            Err(Fault::Waits(peer)) => left = Some(peer),
            Err(Fault::Here(cause)) => ended = Some(cause),
        }
    }
    answers
        .extend(receipts.into_iter().map(|(from, of)| (FrameKind::Receipts, sign_receipts(post, &from, of))));
    for (kind, answer) in answers {
        line.send(kind, &answer).await.map_err(|e| e.to_string())?;
    }
    if !confirmed.is_empty() {
        let _committed: Durable<()> = gateway.ledger.commit(change).await.map_err(|e| e.to_string())?;
        let said = Collected { relay: relay.clone(), at: gateway.now(), parcels: confirmed };
        let body = said.sign(&signer(&gateway.ring()));
        line.send(FrameKind::Collected, &body).await.map_err(|e| e.to_string())?;
    }
    ended.map_or(Ok(left), Err)
}

/// Counts a parcel that does not hold: it stays in the relay's custody, and on its account. Returns why the line must end.
fn refused(post: &Post, relay: &Party, error: &RelayError) -> Option<String> {
    post.gateway.counters.refused(error.code());
    // It has another key, of which we hear when directories are compared: the next line brings it again.
    if error.code() == "unknown-key" {
        return Some(error.to_string());
    }
    tracing::warn!(%relay, cause = %error, "a parcel of a relay does not hold");
    None
}

/// Takes in acts, so that one sync makes all of them durable.
async fn take_acts(post: &Post, acts: &mut Vec<(Parcel, Vec<u8>)>, taken: &mut Vec<Taken>) {
    let one = |(parcel, body): (Parcel, Vec<u8>)| async move {
        let from = &parcel.thread.from;
        let outcome = match take_parcel(post, from, &body).await {
            Unpacked::Damaged => Err(Fault::Relay(RelayError::Damaged)),
            Unpacked::Later if post.gateway.recovery.waits_for(from) => Err(Fault::Waits(from.clone())),
            Unpacked::Later => Err(Fault::Here("it cannot be stored now".to_owned())),
            answered @ (Unpacked::Kept(_) | Unpacked::Rejected(_)) => Ok(Some(answered)),
        };
        (parcel, outcome)
    };
    taken.extend(join_all(acts.drain(..).map(one)).await);
}

/// Takes in a parcel that holds no act, and gives back one that does.
async fn take_at_once(
    post: &Post,
    relay: &Party,
    line: &mut Sender,
    parcel: &Parcel,
    body: Vec<u8>,
) -> ControlFlow<Result<(), Fault>, Vec<u8>> {
    let gateway = &post.gateway;
    let (from, now) = (&parcel.thread.from, gateway.now());
    ControlFlow::Break(match parcel.freight {
        Freight::Envelope { .. } if parcel.thread.lane == Lane::Bulk => {
            match attachments::take(gateway, from, body).await {
                Ok(_) => Ok(()),
                Err(Missed::Unsound(_)) => Err(Fault::Relay(RelayError::Damaged)),
                Err(Missed::Disk(cause)) => Err(Fault::Here(cause)),
                // It has come by another road, or will be asked for again.
                Err(Missed::Unwanted(cause)) => {
                    tracing::info!(cause, "a piece that a relay brought is of no use");
                    Ok(())
                }
            }
        }
        Freight::Want => {
            if let Err(cause) = attachments::wish(post, from, &body) {
                gateway.counters.refused("want");
                tracing::warn!(cause, "a file that a peer wants by relay is not handed out");
            }
            Ok(())
        }
        Freight::Envelope { .. } => match recovery::take(post, from, &body, line).await {
            Ok(true) => Ok(()),
            Ok(false) => return ControlFlow::Continue(body),
            Err(cause) => Err(damaged(cause)),
        },
        Freight::Receipts | Freight::Reject => {
            if let Some(courier) = gateway.couriers.get(from) {
                let receipts = parcel.freight == Freight::Receipts;
                if let Err(cause) = courier.answered(post, receipts, &body).await {
                    tracing::warn!(cause, "an answer that a relay brought ends nothing");
                }
            }
            Ok(())
        }
        Freight::Notice => match Notice::verify(&body, relay, &gateway.directory(), now) {
            Err(error) => Err(Fault::Relay(error)),
            Ok(notice) => match gateway.couriers.get(&notice.parcel.thread.to) {
                Some(courier) => courier.expired(post, relay, &notice, &body).await.map_err(Fault::Here),
                None => Ok(()),
            },
        },
    })
}

/// Notes what a parcel's number says of the relay.
fn note(
    post: &Post,
    relay: &Party,
    inbox: &mut Inbox,
    parcel: &Parcel,
    change: &mut Change,
) -> Result<(), String> {
    let (seen, row) = inbox.see(parcel);
    if let Seen::Skips { missing } = seen {
        post.gateway.counters.refused("relay-gap");
        tracing::warn!(%relay, missing, "a relay skips parcels for which it has signed");
    }
    change.mailbox(relay, row).map_err(|e| e.to_string())
}

/// The relay has proved the route itself; so it has changed what it brings.
fn damaged(cause: EnvelopeError) -> Fault {
    tracing::info!(%cause, "first cause of a refusal");
    Fault::Relay(RelayError::Damaged)
}
