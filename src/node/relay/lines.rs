//! A relay's lines: what members bring is proved and handed to the clerk, what waits for them is pushed.

use crate::envelope::{EnvelopeError, Receipts, Reject, Want, read_route};
use crate::model::{Digest, Party, Timestamp};
use crate::node::intake::next_stream;
use crate::node::relay::Desk;
use crate::node::relay::clerk::{Brought, Outcome};
use crate::relay::{
    Collected, Command, Freight, Lane, MailboxState, Offer, Refusal, Refused, Thread, Wrapped,
};
use crate::transport::{CloseCode, Link, Receiver, Sender};
use crate::trust::Directory;
use crate::trust::federation::Documents;
use crate::wire::FrameKind;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::sleep;

/// The most parcels of one stream that are worked on at once; the member waits beyond that.
const WORKERS: usize = 32;
/// The most parcels that one line carries before they are confirmed.
const WINDOW: usize = 256;

/// How often it is looked whether a member's certificate still holds.
const RECHECK: Duration = Duration::from_secs(60);

/// How long it is waited for more news of the directory before members are told.
const GATHER: Duration = Duration::from_secs(1);

/// How many KiB of parcels one line keeps in memory on their way to a member.
const LINE_KIB: usize = 2 << 10;

/// A frame for a member, with its place in memory if it is a parcel.
type Frame = (FrameKind, Vec<u8>, Option<OwnedSemaphorePermit>);
type Answers = mpsc::Sender<Frame>;

/// What a line carries and nobody has confirmed yet.
type InFlight = Arc<Mutex<BTreeSet<Digest>>>;

/// Serves the streams that a member opens, until the link ends.
pub async fn serve_link(desk: Desk, link: Link) {
    desk.spawn(watch(desk.clone(), link.clone()));
    desk.spawn(tell(desk.clone(), link.clone()));
    while let Some((sender, receiver)) = next_stream(&link).await {
        let (answers, queue) = mpsc::channel(WORKERS);
        desk.spawn(write(sender, queue));
        desk.spawn(read(desk.clone(), link.clone(), receiver, answers));
    }
}

/// Closes a link whose certificate does not hold any longer: a member's line stands for weeks, and links
/// outlive certificates.
async fn watch(desk: Desk, link: Link) {
    loop {
        tokio::select! {
            _ = link.closed() => return,
            () = sleep(RECHECK) => {}
        }
        if let Err(cause) = link.recheck(&*desk.doorkeeper) {
            tracing::warn!(%cause, "a link is closed");
            link.close(CloseCode::Distrusted, cause.words_for_peer());
            return;
        }
    }
}

/// Compares directories with a member whenever there is news here; a member does so by itself when it comes.
async fn tell(desk: Desk, link: Link) {
    let mut changes = desk.board.changes();
    loop {
        tokio::select! {
            _ = link.closed() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        // What comes together is told together.
        sleep(GATHER).await;
        changes.mark_unchanged();
        if let Err(cause) = desk.board.meet(&link, desk.machine.now()).await {
            tracing::debug!(cause, "a member did not hear what is new");
        }
    }
}

async fn write(mut sender: Sender, mut queue: mpsc::Receiver<Frame>) {
    while let Some((kind, body, place)) = queue.recv().await {
        if let Err(cause) = sender.send(kind, &body).await {
            tracing::info!(%cause, "a frame did not reach a member; it will ask again");
            return;
        }
        drop(place);
    }
    sender.finish();
}

async fn read(desk: Desk, link: Link, mut receiver: Receiver, answers: Answers) {
    let peer = link.peer().clone();
    let workers = Arc::new(Semaphore::new(WORKERS));
    let in_flight = InFlight::default();
    let mut open = false;
    loop {
        let said = match receiver.next().await {
            Ok(Some((kind, body))) if is_brought(kind) => {
                let permit = Arc::clone(&workers).acquire_owned().await;
                let digest = Digest::of(&[&body]);
                // In the order in which they came: answers are in custody before what they answer is gone.
                let outcome = deposit(&desk, &peer, kind, body).await;
                let (worker, answers, peer) = (desk.clone(), answers.clone(), peer.clone());
                desk.spawn(async move {
                    let answer = answer(&worker, &peer, digest, outcome).await;
                    // If the stream has ended, the member brings it again and gets the same custody.
                    let _ = answers.send(answer).await;
                    drop(permit);
                });
                Ok(())
            }
            Ok(Some((FrameKind::Collect, body))) if !open => {
                open = true;
                opened(&desk, &peer, &body).map(|()| {
                    desk.spawn(push(desk.clone(), link.clone(), Arc::clone(&in_flight), answers.clone()));
                })
            }
            Ok(Some((FrameKind::Collected, body))) => collected(&desk, &peer, body, &in_flight).await,
            Ok(Some((FrameKind::Holdings, body))) => match desk.board.answer(&body) {
                Ok(frames) => {
                    for (kind, body) in frames {
                        let _ = answers.send((kind, body, None)).await;
                    }
                    Ok(())
                }
                Err(cause) => Err(cause.code()),
            },
            Ok(Some((FrameKind::News, body))) => news(&desk, &body).await,
            Ok(Some((FrameKind::Ping, body))) => {
                let _ = answers.send((FrameKind::Pong, body, None)).await;
                Ok(())
            }
            Ok(Some(_)) => Err("unexpected-frame"),
            Ok(None) => return,
            Err(cause) => Err(cause.code()),
        };
        if let Err(code) = said {
            desk.counters.refused(code);
            tracing::warn!(code, "a stream of a member is closed");
            return;
        }
    }
}

/// Works in what a member has of the directory and we have not.
async fn news(desk: &Desk, body: &[u8]) -> Result<(), &'static str> {
    let news = Documents::from_frame(body).map_err(|cause| cause.code())?;
    let taken = desk.board.take(news, desk.machine.now()).await;
    taken.refused.iter().for_each(|cause| desk.counters.refused(cause.code()));
    Ok(())
}

/// Proves what is brought and hands it over; a parcel that does not hold never reaches the clerk.
async fn deposit(
    desk: &Desk,
    peer: &Party,
    kind: FrameKind,
    body: Vec<u8>,
) -> Result<oneshot::Receiver<Outcome>, Refusal> {
    let (directory, now) = (desk.board.get(), desk.machine.now());
    let offer = prove(peer, kind, &body, &directory, now).map_err(|error| {
        tracing::info!(cause = %error, "first cause of a refusal");
        Refusal::Unsound(error.code())
    })?;
    let digest = offer.digest;
    // Beyond that the member waits, and its stream with it.
    let place = Arc::clone(&desk.places).acquire_many_owned(kib(body.len())).await;
    let place = place.map_err(|_| Refusal::Later)?;
    let brought = Brought { digest, body, _place: Some(place) };
    Ok(desk.counter.hand_over(Command::Deposit(offer), Some(brought)).await)
}

/// Counts the memory that a body takes, in KiB.
fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

/// What a member may bring.
const fn is_brought(kind: FrameKind) -> bool {
    matches!(kind, FrameKind::Envelope | FrameKind::Receipts | FrameKind::Reject | FrameKind::Want)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
fn prove(
    peer: &Party,
    kind: FrameKind,
    body: &[u8],
    directory: &Directory,
    now: Timestamp,
) -> Result<Offer, EnvelopeError> {
    let (digest, size, brought_by) = (Digest::of(&[body]), body.len() as u64, peer.clone());
    let (from, to, freight, lane, expires) = match kind {
        FrameKind::Envelope => {
            let (from, route, route_digest) = read_route(body, directory, now)?;
            let freight =
                Freight::Envelope { envelope: route.envelope, route: route_digest, sealed: route.body };
            let lane = match route.lane {
                crate::envelope::Lane::Acts | crate::envelope::Lane::Recovery => Lane::Acts,
                crate::envelope::Lane::Bulk => Lane::Bulk,
            };
            (from, route.to, freight, lane, Some(route.expires))
        }
        FrameKind::Receipts => {
            let (from, to) = Receipts::parties(body, directory, now)?;
            (from, to, Freight::Receipts, Lane::Acts, None)
        }
        FrameKind::Want => {
            let (from, to) = Want::parties(body, directory, now)?;
            (from, to, Freight::Want, Lane::Acts, None)
        }
        _ => {
            let (from, to) = Reject::parties(body, directory, now)?;
            (from, to, Freight::Reject, Lane::Acts, None)
        }
    };
    Ok(Offer { digest, freight, thread: Thread { from, to, lane }, size, expires, brought_by })
}

/// Signs for a parcel that is durable, or says why it was not taken.
async fn answer(
    desk: &Desk,
    peer: &Party,
    parcel: Digest,
    outcome: Result<oneshot::Receiver<Outcome>, Refusal>,
) -> Frame {
    let outcome = match outcome {
        Ok(waiting) => waiting.await.unwrap_or(Err(Refusal::Later)),
        Err(refusal) => Err(refusal),
    };
    match outcome.and_then(|custody| custody.ok_or(Refusal::Later)) {
        Ok(parcel) => (FrameKind::Custody, desk.custody(&parcel), None),
        Err(refusal) => {
            desk.counters.refused(refusal.code());
            let (code, words) = (refusal.code().to_owned(), refusal.words().to_owned());
            let refused = Refused { to: peer.clone(), parcel, code, words };
            (FrameKind::Refused, refused.sign(&desk.signer), None)
        }
    }
}

fn opened(desk: &Desk, peer: &Party, body: &[u8]) -> Result<(), &'static str> {
    let pair = (peer, &desk.signer.party);
    MailboxState::verify(body, pair, &desk.board.get(), desk.machine.now()).map_err(|cause| {
        tracing::info!(%cause, "a mailbox was not opened");
        cause.code()
    })?;
    Ok(())
}

async fn collected(
    desk: &Desk,
    peer: &Party,
    body: Vec<u8>,
    in_flight: &InFlight,
) -> Result<(), &'static str> {
    let pair = (peer, &desk.signer.party);
    let said = Collected::verify(&body, pair, &desk.board.get(), desk.machine.now())
        .map_err(|cause| cause.code())?;
    let command = Command::Confirm { by: peer.clone(), parcels: said.parcels.clone(), proof: body };
    let outcome = desk.counter.hand_over(command, None).await;
    let (desk, in_flight) = (desk.clone(), Arc::clone(in_flight));
    desk.clone().spawn(async move {
        if outcome.await.is_ok_and(|outcome| outcome.is_ok()) {
            let mut carried = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            carried.retain(|digest| !said.parcels.contains(digest));
        }
        desk.counter.ring();
    });
    Ok(())
}

/// Pushes what waits over a member's line, and goes on as more arrives, until the line ends.
async fn push(desk: Desk, link: Link, in_flight: InFlight, line: Answers) {
    let to = link.peer();
    let places = Arc::new(Semaphore::new(LINE_KIB));
    let mut bell = desk.counter.bell();
    loop {
        let carried = in_flight.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A little at a time, so that an act that comes meanwhile overtakes what waits in bulk.
        let most = WINDOW.saturating_sub(carried.len()).min(8);
        let mut next = desk.counter.next(to, &carried, most).await;
        if next.first().is_some_and(|parcel| parcel.thread.lane == Lane::Bulk) {
            next.truncate(1);
        }
        if next.is_empty() {
            tokio::select! {
                changed = bell.changed() => if changed.is_err() { return },
                _ = link.closed() => return,
                () = line.closed() => return,
            }
            continue;
        }
        for parcel in next {
            let digest = parcel.digest;
            in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
            let size = kib(usize::try_from(parcel.size).unwrap_or(usize::MAX)).min(LINE_KIB as u32);
            let Ok(place) = Arc::clone(&places).acquire_many_owned(size).await else { return };
            let body = match desk.room.body(&digest) {
                Ok(Some(body)) => body,
                // It was collected over another line, or has expired.
                Ok(None) => continue,
                Err(cause) => {
                    tracing::warn!(%cause, "a parcel is not brought now");
                    continue;
                }
            };
            let wrapped = Wrapped { custody: desk.custody(&parcel), body };
            if line.send((FrameKind::Parcel, wrapped.encode(), Some(place))).await.is_err() {
                return;
            }
        }
    }
}
