//! Holds a line to a relay of ours, over which what waits there is pushed: no inbound port is needed.

use crate::config::Retry;
use crate::envelope::{EnvelopeError, KeyRing};
use crate::model::{Digest, Party};
use crate::node::attachments;
use crate::node::attachments::Missed;
use crate::node::error::NodeError;
use crate::node::gateway::Post;
use crate::node::intake::{Unpacked, take_parcel};
use crate::node::recovery;
use crate::node::retry;
use crate::relay::{
    Collected, Custody, Freight, Inbox, Lane, MailboxState, Notice, RelayError, Row, Seen, Signer, Wrapped,
};
use crate::store::Change;
use crate::transport::Sender;
use crate::wire::FrameKind;
use std::time::Duration;
use tokio::time::sleep;

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
        match frame.map_err(|e| {
            line.unlink(&link);
            e.to_string()
        })? {
            Some((FrameKind::Parcel, body)) => {
                *collected += 1;
                let digest = match take(post, relay, &mut inbox, &mut sender, &body).await {
                    Ok(digest) => digest,
                    // It has another key, of which we hear when directories are compared: the next line brings it again.
                    Err(Fault::Relay(error)) if error.code() == "unknown-key" => {
                        gateway.counters.refused(error.code());
                        return Err(error.to_string());
                    }
                    Err(Fault::Relay(error)) => {
                        // It stays in the relay's custody, and on its account.
                        gateway.counters.refused(error.code());
                        tracing::warn!(%relay, cause = %error, "a parcel of a relay does not hold");
                        continue;
                    }
                    Err(Fault::Waits(peer)) => {
                        left = Some(peer);
                        continue;
                    }
                    Err(Fault::Here(cause)) => return Err(cause),
                };
                let said = Collected { relay: relay.clone(), at: gateway.now(), parcels: vec![digest] };
                let body = said.sign(&signer(&gateway.ring()));
                sender.send(FrameKind::Collected, &body).await.map_err(|e| e.to_string())?;
            }
            // An answer that the relay took, or did not: then the sender asks again.
            Some((FrameKind::Custody | FrameKind::Refused | FrameKind::Pong, _)) => {}
            Some(_) => return Err("the relay sent a frame that has no place here".to_owned()),
            None => return Ok(()),
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

/// Takes one parcel in, brings its answer to the relay, and returns what is to be confirmed.
async fn take(
    post: &Post,
    relay: &Party,
    inbox: &mut Inbox,
    line: &mut Sender,
    body: &[u8],
) -> Result<Digest, Fault> {
    let gateway = &post.gateway;
    let (directory, now) = (gateway.directory(), gateway.now());
    let (Custody { parcel, .. }, body) =
        Wrapped::verify(body, relay, &directory, now).map_err(Fault::Relay)?;
    let from = &parcel.thread.from;
    match parcel.freight {
        Freight::Envelope { .. } if parcel.thread.lane == Lane::Bulk => {
            match attachments::take(gateway, from, &body).await {
                Ok(_) => {}
                Err(Missed::Unsound(_)) => return Err(Fault::Relay(RelayError::Damaged)),
                Err(Missed::Disk(cause)) => return Err(Fault::Here(cause)),
                // It has come by another road, or will be asked for again.
                Err(Missed::Unwanted(cause)) => {
                    tracing::info!(cause, "a piece that a relay brought is of no use")
                }
            }
        }
        Freight::Want => {
            if let Err(cause) = attachments::wish(post, from, &body) {
                gateway.counters.refused("want");
                tracing::warn!(cause, "a file that a peer wants by relay is not handed out");
            }
        }
        Freight::Envelope { .. } if recovery::take(post, from, &body, line).await.map_err(damaged)? => {}
        Freight::Envelope { .. } => match take_parcel(post, from, &body).await {
            Unpacked::Answered(kind, answer) => {
                line.send(kind, &answer).await.map_err(|e| Fault::Here(e.to_string()))?;
            }
            Unpacked::Damaged => return Err(Fault::Relay(RelayError::Damaged)),
            Unpacked::Later if gateway.recovery.waits_for(from) => return Err(Fault::Waits(from.clone())),
            Unpacked::Later => return Err(Fault::Here("it cannot be stored now".to_owned())),
        },
        Freight::Receipts | Freight::Reject => {
            if let Some(courier) = gateway.couriers.get(from) {
                let receipts = parcel.freight == Freight::Receipts;
                if let Err(cause) = courier.answered(post, receipts, &body).await {
                    tracing::warn!(cause, "an answer that a relay brought ends nothing");
                }
            }
        }
        Freight::Notice => {
            let notice = Notice::verify(&body, relay, &directory, now).map_err(Fault::Relay)?;
            if let Some(courier) = gateway.couriers.get(&notice.parcel.thread.to) {
                courier.expired(post, relay, &notice, &body).await.map_err(Fault::Here)?;
            }
        }
    }
    let (seen, row) = inbox.see(&parcel);
    if let Seen::Skips { missing } = seen {
        gateway.counters.refused("relay-gap");
        tracing::warn!(%relay, missing, "a relay skips parcels for which it has signed");
    }
    note(post, relay, row).await.map_err(|e| Fault::Here(e.to_string()))?;
    Ok(parcel.digest)
}

/// The relay has proved the route itself; so it has changed what it brings.
fn damaged(cause: EnvelopeError) -> Fault {
    tracing::info!(%cause, "first cause of a refusal");
    Fault::Relay(RelayError::Damaged)
}

async fn note(post: &Post, relay: &Party, row: Row) -> Result<(), NodeError> {
    let mut change = Change::default();
    change.mailbox(relay, row)?;
    post.gateway.ledger.commit(change).await?.into_inner();
    Ok(())
}
