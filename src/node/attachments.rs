//! Brings the files of acts in from those who sent them, and hands out those of ours (ISACS 6.4.5).
//!
//! Nothing is pushed: the addressee asks for the pieces that it lacks, by whichever road there is, and goes on there
//! after a cut or a restart. So neither side keeps more than a piece in memory, and a metered link carries what was
//! asked for.

mod by_relay;

pub(super) use by_relay::{bring, wish};

use crate::case::Draft;
use crate::config::Fetch;
use crate::control::AttachmentView;
use crate::cose::pieces::count;
use crate::envelope::{EnvelopeError, Statement, Want, open_piece, route_piece};
use crate::model::{AttachedFile, DAY, Digest, FileKey, Party, Photograph};
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::retry;
use crate::store::{Attachments, FileError, Incoming, Progress};
use crate::transport::{CloseCode, Link, TransportError};
use crate::wire::FrameKind;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long a sender may take over one piece.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most pieces of one stream that wait to be written.
const IN_FLIGHT: usize = 2;
/// For how long after a permit was spent its files can be read.
const GRANT: Duration = Duration::from_secs(600);
/// The most spent permits whose files can be read at once.
const MAX_GRANTS: usize = 64;

/// The files of a gateway, and what was opened of them.
pub struct Attic {
    /// The files beside the journal.
    pub files: Attachments,
    grants: Mutex<BTreeMap<(String, String), Grant>>,
    by_relay: by_relay::Book,
}

/// Why a piece is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missed {
    /// It does not hold.
    #[error(transparent)]
    Unsound(#[from] EnvelopeError),
    /// No file lacks it, or it is not what the file lacks.
    #[error("{0}")]
    Unwanted(String),
    /// It cannot be written now.
    #[error("{0}")]
    Disk(String),
}

impl From<FileError> for Missed {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { .. } => Self::Disk(error.to_string()),
            FileError::Refused(words) => Self::Unwanted(words),
        }
    }
}

/// What a spent permit opens for the officer who spent it, for a short time.
struct Grant {
    until: Instant,
    photographs: Vec<(Digest, String, Vec<Photograph>)>,
}

/// A piece that is ready for a stream; the permit bounds how many are.
pub(super) struct ReadyPiece {
    pub body: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Attic {
    /// Holds the files; nothing is opened yet.
    pub fn new(files: Attachments) -> Self {
        Self { files, grants: Mutex::default(), by_relay: by_relay::Book::default() }
    }

    /// Lets an officer read the files of a permit that was spent a moment ago.
    pub fn grant(&self, permit: &str, officer: &str, photographs: Vec<(Digest, String, Vec<Photograph>)>) {
        let now = Instant::now();
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.retain(|_, grant| grant.until > now);
        if grants.len() < MAX_GRANTS && photographs.iter().any(|(_, _, list)| !list.is_empty()) {
            let grant = Grant { until: now + GRANT, photographs };
            grants.insert((permit.to_owned(), officer.to_owned()), grant);
        }
    }

    /// Finds a photograph that a spent permit has opened for this officer.
    pub fn granted(
        &self,
        permit: &str,
        officer: &str,
        (act, path, place): (&Digest, &str, usize),
    ) -> Option<Photograph> {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = grants.get(&(permit.to_owned(), officer.to_owned()))?;
        let list = grant.photographs.iter().find(|(a, p, _)| a == act && p == path);
        list.filter(|_| grant.until > Instant::now())?.2.get(place).cloned()
    }
}

impl Gateway {
    /// Lets the files that an officer attached travel with an act; what is not here is named by digest only.
    ///
    /// # Errors
    /// [`NodeError::File`] if the disk fails.
    pub fn attach(&self, draft: &mut Draft) -> Result<(), NodeError> {
        let audience = draft.aud.clone();
        for photograph in draft.act.attached_mut() {
            photograph.file = self
                .attic
                .files
                .send(&photograph.sha256, &audience)?
                .map(|(size, key)| AttachedFile { size, key: FileKey(key) });
        }
        Ok(())
    }

    /// Notes the files that a peer's act names, before its receipt can leave.
    ///
    /// # Errors
    /// [`NodeError::File`] if the disk fails.
    pub fn expect_files(&self, statement: &Statement) -> Result<(), NodeError> {
        for attached in statement.said.act.attached() {
            if let Some(file) = &attached.photograph.file {
                let sha256 = attached.photograph.sha256;
                self.attic.files.expect(&file.key.0, sha256, file.size, &statement.issuer)?;
            }
        }
        if let Some(courier) = self.couriers.get(&statement.issuer) {
            courier.files.notify_one();
        }
        Ok(())
    }
}

/// Reads the photographs of one element that was opened.
pub fn photographs(path: &str, value: &ciborium::Value) -> Vec<Photograph> {
    let list = if path.ends_with("/photographs") {
        Some(value)
    } else {
        let answer = member(value, "answer").and_then(|answer| member(answer, "value"));
        answer.and_then(|particulars| member(particulars, "photographs"))
    };
    list.and_then(|list| crate::wire::from_value(list).ok()).unwrap_or_default()
}

fn member<'v>(value: &'v ciborium::Value, name: &str) -> Option<&'v ciborium::Value> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// Asks a peer for what it has sent and is not whole here, for as long as the gateway runs.
pub async fn run(post: Post, peer: Party) {
    let Some(courier) = post.gateway.couriers.get(&peer) else { return };
    // After a restore nothing is signed for a peer before it has given back what it had.
    post.gateway.recovery.cleared(&peer).await;
    let mut failures = 0;
    loop {
        let woken = courier.files.notified();
        let on_request = post.gateway.config.attachments == Fetch::OnRequest;
        let mut wanted = post.gateway.attic.files.awaited(&peer);
        wanted.retain(|(_, incoming)| incoming.asked || !on_request);
        if wanted.is_empty() {
            woken.await;
            continue;
        }
        let mut first = None;
        for (name, _) in &wanted {
            if let Err(cause) = fetch(&post, &peer, *name).await {
                first.get_or_insert(cause);
                break;
            }
        }
        if first.is_some() && courier.is_cut_off() && !courier.roads().relays.is_empty() {
            for (name, incoming) in &wanted {
                if let Err(cause) = by_relay::ask(&post, &courier, (name, incoming)).await {
                    first = Some(cause);
                    break;
                }
            }
        }
        let Some(cause) = first else {
            failures = 0;
            continue;
        };
        failures += 1;
        let pause = retry::pause(failures, &post.gateway.config.retry, &mut *post.gateway.entropy());
        tracing::info!(
            failures,
            pause_seconds = pause,
            cause,
            "a file of a peer is not whole; it is asked for again"
        );
        let _ = timeout(Duration::from_secs(pause.unsigned_abs()), woken).await;
    }
}

/// Asks for one file from the next piece on, and takes in what comes.
async fn fetch(post: &Post, peer: &Party, name: Digest) -> Result<(), String> {
    let gateway = &post.gateway;
    let courier = gateway.couriers.get(peer).ok_or("it is not among the peers")?;
    let files = gateway.attic.files.clone();
    let awaited = files.awaited(peer);
    let Some((_, incoming)) = awaited.into_iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let next = blocking(move || match files.finish(&name, &incoming)? {
        Progress::Arriving(_) | Progress::Wrong => files.next(&name, &incoming).map(Some),
        Progress::Verified => Ok(None),
    });
    let Some((from, end)) = next.await? else { return Ok(()) };
    let link: Link = courier.link(post).await?;
    let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
    sender.in_the_background();
    let want = sealed_want(gateway, peer, &Want { name, from, end })?;
    sender.send(FrameKind::Want, &want).await.map_err(|e| e.to_string())?;
    sender.finish();
    let (mut came, mut taking) = (0, None);
    loop {
        let Ok(frame) = timeout(PATIENCE, receiver.next()).await else {
            // A peer that was cut off says nothing for long; the next try looks for it anew.
            courier.unlink(&link);
            link.close(CloseCode::Done, "the exchange broke off");
            return Err(TransportError::Stalled.to_string());
        };
        match frame.map_err(|e| e.to_string())? {
            Some((FrameKind::Envelope, body)) => {
                came += 1;
                // One piece is opened and written while the next one comes.
                if let Some(before) = taking.replace(spawn_take(gateway, peer, body)) {
                    let (whole, body) = taken(before).await?;
                    if whole {
                        return Ok(());
                    }
                    receiver.reuse(body);
                }
            }
            Some(_) => return Err("the peer answered with a frame that is no piece".to_owned()),
            None => {
                let last = taking.take().ok_or("the peer has nothing of it now")?;
                // If all that was asked for has come and there is another gap, it is asked for next.
                let (whole, _) = taken(last).await?;
                let all = whole || came == end - from;
                return if all { Ok(()) } else { Err("the peer has no more of it now".to_owned()) };
            }
        }
    }
}

/// A piece that is being taken in; its memory comes back.
type Taking = JoinHandle<Result<(Progress, Vec<u8>), Missed>>;

fn spawn_take(gateway: &Arc<Gateway>, peer: &Party, body: Vec<u8>) -> Taking {
    let (gateway, peer) = (Arc::clone(gateway), peer.clone());
    tokio::spawn(async move { take(&gateway, &peer, body).await })
}

/// Waits until a piece was taken in, and tells whether its file is whole now.
async fn taken(taking: Taking) -> Result<(bool, Vec<u8>), String> {
    let (progress, body) = taking.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    match progress {
        Progress::Verified => Ok((true, body)),
        Progress::Arriving(_) => Ok((false, body)),
        Progress::Wrong => Err("it holds something else than the act says".to_owned()),
    }
}

fn sealed_want(gateway: &Gateway, peer: &Party, want: &Want) -> Result<Vec<u8>, String> {
    let (ring, directory) = (gateway.ring(), gateway.directory());
    want.seal(peer, (&ring, &directory), gateway.now(), &mut *gateway.entropy()).map_err(|e| e.to_string())
}

/// Asks for what is lacking of a peer's file, in a frame that any road may carry.
///
/// # Errors
/// Words on why it cannot be asked for now.
pub(super) fn want(
    gateway: &Gateway,
    peer: &Party,
    name: &Digest,
    incoming: &Incoming,
) -> Result<Vec<u8>, String> {
    let (from, end) = gateway.attic.files.next(name, incoming).map_err(|e| e.to_string())?;
    sealed_want(gateway, peer, &Want { name: *name, from, end })
}

/// Takes in one piece that a peer, a relay or a courier brought; gives its memory back.
///
/// # Errors
/// Why it was not kept.
pub(super) async fn take(
    gateway: &Gateway,
    from: &Party,
    body: Vec<u8>,
) -> Result<(Progress, Vec<u8>), Missed> {
    let (by, me, directory, now) = (from.clone(), gateway.me().clone(), gateway.directory(), gateway.now());
    let files = gateway.attic.files.clone();
    let taken = tokio::task::spawn_blocking(move || {
        let (sender, id, mut sealed) = open_piece(body, &me, &directory, now)?;
        if sender != by {
            return Err(EnvelopeError::WrongSender.into());
        }
        let (name, progress) = files.take(&sender, id, &mut sealed)?;
        let incoming = files.awaited(&sender).into_iter().find(|(known, _)| *known == name);
        let next = incoming.and_then(|(_, incoming)| files.next(&name, &incoming).ok());
        Ok::<_, Missed>((name, progress, next, sealed))
    });
    let (name, progress, next, body) = taken.await.map_err(|e| Missed::Disk(e.to_string()))??;
    if gateway.attic.by_relay.moved(&name, next) {
        gateway.couriers.get(from).iter().for_each(|courier| courier.files.notify_one());
    }
    match progress {
        Progress::Verified => tracing::info!(file = %name, "a file of a peer is whole and verified"),
        Progress::Wrong => {
            tracing::warn!(file = %name, "a file of a peer holds something else than its act says")
        }
        Progress::Arriving(_) => {}
    }
    Ok((progress, body))
}

/// Hands out what a peer wants, piece by piece, as fast as the stream takes it.
///
/// # Errors
/// Words on why it is not handed out.
pub(super) async fn serve<T: From<ReadyPiece> + Send>(
    post: &Post,
    peer: &Party,
    body: &[u8],
    answers: &mpsc::Sender<T>,
) -> Result<(), String> {
    let gateway = &post.gateway;
    let want = wanted(gateway, peer, body)?;
    // What goes by this road need go by no other.
    gateway.attic.by_relay.unwish(peer, &want.name);
    let files = gateway.attic.files.clone();
    let to = peer.clone();
    let file = blocking(move || {
        files.owe(&want.name, &to, None)?;
        files.outgoing(&want.name, &to)
    });
    let file = Arc::new(file.await?.ok_or("no file of that name goes to this party")?);
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    for index in want.from..want.end.min(file.count()) {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let body = piece(gateway, peer, &file, index).await?;
        if answers.send(T::from(ReadyPiece { body: body.into(), _place: place })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Proves and opens a peer's word that it wants a file.
pub(super) fn wanted(gateway: &Gateway, peer: &Party, body: &[u8]) -> Result<Want, String> {
    gateway.recovery.check([peer]).map_err(|e| e.to_string())?;
    let opened = Want::open(body, &gateway.ring(), &gateway.directory(), gateway.now());
    let (by, want) = opened.map_err(|e| e.to_string())?;
    if by == *peer { Ok(want) } else { Err("another party wants it".to_owned()) }
}

/// Seals and routes one piece of a file for a party, for a courier.
pub(super) async fn carried(
    gateway: &Arc<Gateway>,
    peer: &Party,
    name: Digest,
    index: u64,
) -> Result<Vec<u8>, String> {
    let (files, to) = (gateway.attic.files.clone(), peer.clone());
    let file = blocking(move || files.outgoing(&name, &to)).await?;
    let file = Arc::new(file.ok_or("no file of that name goes to this party")?);
    piece(gateway, peer, &file, index).await
}

/// Seals and routes one piece for a peer.
async fn piece(
    gateway: &Arc<Gateway>,
    peer: &Party,
    file: &Arc<crate::store::Outgoing>,
    index: u64,
) -> Result<Vec<u8>, String> {
    // To the day, so that a piece that is brought again to a relay is the same parcel.
    let days = i64::from(gateway.config.retry.horizon_days) + 1;
    let expires = gateway.now().start_of_day().saturating_add(days * DAY);
    let (gateway, peer, file) = (Arc::clone(gateway), peer.clone(), Arc::clone(file));
    let made = tokio::task::spawn_blocking(move || {
        let (id, sealed) = file.piece(index).map_err(|e| e.to_string())?;
        route_piece(&gateway.ring(), &peer, id, expires, &sealed).map_err(|e| e.to_string())
    });
    made.await.map_err(|e| e.to_string())?
}

/// Works on the disk without holding up others.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?;
    done.map_err(|e| e.to_string())
}

/// Shows how far the files of some elements have come.
///
/// # Errors
/// [`NodeError::File`] if the disk fails.
pub fn views(
    gateway: &Gateway,
    elements: &[(Digest, String, Vec<Photograph>)],
) -> Result<Vec<AttachmentView>, NodeError> {
    let mut out = Vec::new();
    for (act, path, photographs) in elements {
        for (place, photograph) in photographs.iter().enumerate() {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            out.push(view(gateway, (act, path, place), photograph)?);
        }
    }
    Ok(out)
}

fn view(
    gateway: &Gateway,
    (act, path, place): (&Digest, &str, u32),
    photograph: &Photograph,
) -> Result<AttachmentView, NodeError> {
    let size = photograph.file.as_ref().map(|file| file.size);
    let pieces = size.map_or(0, count);
    let on_request = gateway.config.attachments == Fetch::OnRequest;
    let progress = match &photograph.file {
        Some(file) => gateway.attic.files.progress(&file.key.0)?,
        None => None,
    };
    let (state, held) = match progress {
        Some(Progress::Verified) => ("verified", pieces),
        Some(Progress::Arriving(held)) if held == 0 && on_request => ("on_request", 0),
        Some(Progress::Arriving(held)) => ("arriving", held),
        Some(Progress::Wrong) | None => ("named", 0),
    };
    Ok(AttachmentView {
        act: *act,
        path: path.to_owned(),
        place,
        sha256: photograph.sha256,
        size,
        state: state.to_owned(),
        held,
        pieces,
    })
}
