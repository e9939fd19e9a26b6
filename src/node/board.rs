//! The directory as a gateway or a relay holds it: news is proved, made durable, and only then in force (DESIGN §12.6).

use crate::model::{Digest, DirectoryRef, Party, Timestamp};
use crate::node::citations::{Citation, Citations};
use crate::node::joining;
use crate::node::live::Live;
use crate::store::Shelf;
use crate::transport::Link;
use crate::trust::federation::{Documents, Holdings, SplitView};
use crate::trust::{Directory, TrustError};
use crate::wire::{FrameKind, Limits, decode, encode};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

/// How long the other may stay silent while directories are compared.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most frames of news that are taken at one meeting; what is left comes at the next.
const FRAMES: usize = 64;

/// The file with the digests of the snapshots that were in force here.
const PAST: &str = "snapshots";
/// How many of them are remembered: some eighty years of weekly ones.
const REMEMBERED: usize = 4096;

/// The directory in force, where it is kept, and who waits for it to change.
pub struct Board {
    live: Arc<Live<Directory>>,
    shelf: Shelf,
    past: std::sync::Mutex<BTreeMap<u64, Digest>>,
    ahead: Citations,
    turn: Mutex<()>,
    changes: watch::Sender<u64>,
}

/// What became of news.
#[derive(Debug, Default)]
pub struct Taken {
    /// How many documents are in force now that were not before.
    pub new: u32,
    /// Why some are not.
    pub refused: Vec<BoardError>,
}

/// Who tells another story of a snapshot than somebody cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// This gateway: another one of that version is or was in force here.
    InForce,
    /// A party that cites another one; none of that version has come in yet.
    CitedBy(Party),
}

/// Says why news is not in force.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// It does not hold.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It could not be made durable; what was in force before still is.
    #[error("the directory was not kept: {0}")]
    Disk(String),
}

impl BoardError {
    /// Returns a stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Trust(error) => error.code(),
            Self::Disk(_) => "disk",
        }
    }
}

impl Board {
    /// Takes what was read at the start.
    pub fn new(live: Arc<Live<Directory>>, shelf: Shelf) -> Self {
        let kept = shelf.read(PAST).ok().flatten();
        let kept: Option<Vec<(u64, Digest)>> = kept.and_then(|bytes| decode(&bytes, &Limits::FILE).ok());
        let mut past: BTreeMap<u64, Digest> = kept.into_iter().flatten().collect();
        past.insert(live.get().version(), live.get().digest());
        let past = std::sync::Mutex::new(past);
        let ahead = Citations::read(&shelf);
        Self { live, shelf, past, ahead, turn: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// Returns the directory in force.
    pub fn get(&self) -> Arc<Directory> {
        self.live.get()
    }

    /// Returns the place where it is kept.
    pub const fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Hears of each change from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Works in what others hand on: the federation's documents together, then each part B by itself, so that a part
    /// that does not hold keeps back no other.
    pub async fn take(&self, news: Documents, now: Timestamp) -> Taken {
        let Documents { roots, snapshot, parts_a, parts_b } = news;
        let first = Documents { roots, snapshot, parts_a, parts_b: Vec::new() };
        let part = |bytes: ByteBuf| Documents { parts_b: vec![bytes], ..Documents::default() };
        let pieces = [first].into_iter().chain(parts_b.into_iter().map(part));
        let mut taken = Taken::default();
        for piece in pieces.filter(|piece| *piece != Documents::default()) {
            match self.work_in(&piece, now).await {
                Ok(new) => taken.new += new,
                Err(cause) => {
                    tracing::warn!(%cause, "news of the directory is refused");
                    taken.refused.push(cause);
                }
            }
        }
        taken
    }

    /// Finds what contradicts a snapshot that somebody cites: another content of the same version.
    pub fn contradiction(&self, cited: &DirectoryRef) -> Option<Contradiction> {
        let in_force = self.in_force(cited.version).map(|digest| digest != cited.digest);
        match in_force {
            Some(differs) => differs.then_some(Contradiction::InForce),
            None => self.ahead.contradiction(cited).map(Contradiction::CitedBy),
        }
    }

    /// Remembers a citation that nothing here can be compared with yet.
    pub fn note(&self, citation: Citation) {
        if citation.cited.version > self.get().version() {
            self.ahead.note(citation, &self.shelf);
        }
    }

    /// Lists the remembered citations that what is in force now contradicts, with the version up to which all can be compared.
    pub fn contradicted(&self) -> (u64, Vec<Citation>) {
        let version = self.get().version();
        let differs = |citation: &Citation| {
            self.in_force(citation.cited.version).is_some_and(|digest| digest != citation.cited.digest)
        };
        (version, self.ahead.up_to(version).into_iter().filter(differs).collect())
    }

    /// Forgets the citations of versions up to this one, which have been compared.
    pub fn compared(&self, version: u64) {
        self.ahead.forget_up_to(version, &self.shelf);
    }

    /// Returns the digest of the snapshot of a version that is or was in force here.
    fn in_force(&self, version: u64) -> Option<Digest> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).get(&version).copied()
    }

    /// Tells what is held.
    pub fn holdings(&self) -> Holdings {
        self.get().holdings()
    }

    /// Answers another holder, who says what it has: with news and with what is held here.
    ///
    /// # Errors
    /// `BadDocument` if the body says nothing of the kind.
    pub fn answer(&self, body: &[u8]) -> Result<Vec<(FrameKind, Vec<u8>)>, TrustError> {
        let theirs = Holdings::parse(body)?;
        let directory = self.get();
        let ours = directory.holdings();
        let held = |h: Holdings| (FrameKind::Holdings, h.to_bytes());
        if theirs.each.is_none() {
            // The short form of both is enough where they agree.
            return Ok(vec![held(if ours.agrees(&theirs) { ours.brief() } else { ours })]);
        }
        let news = directory.news_for(Some(&theirs), None);
        let mut frames: Vec<_> = news.iter().map(|piece| (FrameKind::News, piece.to_bytes())).collect();
        frames.push(held(ours.brief()));
        Ok(frames)
    }

    /// Compares directories over a link: each of the two then has the newest of both.
    ///
    /// # Errors
    /// Words on why the comparison came to no end; what was taken until then is in force.
    pub async fn meet(&self, link: &Link, now: Timestamp) -> Result<Taken, String> {
        let directory = self.get();
        let ours = directory.holdings();
        let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
        let mut taken = Taken::default();
        let brief = ours.clone().brief().to_bytes();
        sender.send(FrameKind::Holdings, &brief).await.map_err(|e| e.to_string())?;
        for _ in 0..FRAMES {
            let silent = |_| format!("no word within {} seconds", PATIENCE.as_secs());
            let frame = timeout(PATIENCE, receiver.next()).await.map_err(silent)?;
            match frame.map_err(|e| e.to_string())? {
                Some((FrameKind::Holdings, body)) => {
                    let theirs = Holdings::parse(&body).map_err(|e| e.to_string())?;
                    if theirs.each.is_none() {
                        break;
                    }
                    for piece in directory.news_for(Some(&theirs), None) {
                        let sent = sender.send(FrameKind::News, &piece.to_bytes()).await;
                        sent.map_err(|e| e.to_string())?;
                    }
                    if !ours.misses(&theirs) {
                        break;
                    }
                    sender.send(FrameKind::Holdings, &ours.to_bytes()).await.map_err(|e| e.to_string())?;
                }
                Some((FrameKind::News, body)) => {
                    let more = self.take(Documents::from_frame(&body).map_err(|e| e.to_string())?, now).await;
                    taken.new += more.new;
                    taken.refused.extend(more.refused);
                }
                Some(_) => return Err("the other answered with a frame that is no answer".to_owned()),
                None => return Err("the other compares no directory".to_owned()),
            }
        }
        sender.finish();
        Ok(taken)
    }

    async fn work_in(&self, piece: &Documents, now: Timestamp) -> Result<u32, BoardError> {
        let _turn = self.turn.lock().await;
        let known = self.live.get();
        let next = known.update(piece, now).inspect_err(|error| self.expose(error))?;
        let (before, after) = (known.holdings(), next.holdings());
        if before == after {
            return Ok(0);
        }
        joining::keep(&self.shelf, &next).map_err(|failure| BoardError::Disk(failure.message))?;
        self.remember(&next);
        tracing::info!(snapshot = next.version(), "news of the directory is in force");
        self.live.replace(next);
        self.changes.send_modify(|count| *count += 1);
        Ok(count(&before, &after))
    }

    /// Notes which snapshot has which version, so that citations of older ones are compared too.
    fn remember(&self, next: &Directory) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if past.insert(next.version(), next.digest()).is_some() {
            return;
        }
        while past.len() > REMEMBERED {
            past.pop_first();
        }
        let list: Vec<(u64, Digest)> = past.iter().map(|(version, digest)| (*version, *digest)).collect();
        let bytes = encode(&list).expect("numbers and digests have an encoding");
        if let Err(cause) = self.shelf.replace(PAST, &bytes) {
            tracing::warn!(%cause, "older snapshots are compared with citations only until the next start");
        }
    }

    /// Keeps the proof that signers have told two stories; anybody can check it.
    fn expose(&self, error: &TrustError) {
        let TrustError::SplitView(split) = error else { return };
        if let Err(cause) = keep_split(&self.shelf, split) {
            tracing::error!(%cause, "the proof of a split view was not kept");
        }
    }
}

/// Keeps a proof under its own digest; returns the name.
pub fn keep_split(shelf: &Shelf, split: &SplitView) -> std::io::Result<String> {
    let bytes = split.to_bytes();
    let name = format!("split-{}", Digest::of(&[&bytes]).short());
    if shelf.read(&name)?.is_none() {
        tracing::error!(what = %split.what(), version = split.version(), name, "a split view is proved");
        shelf.replace(&name, &bytes)?;
    }
    Ok(name)
}

/// Counts the documents that are newer than before.
pub fn count(before: &Holdings, after: &Holdings) -> u32 {
    let mut count = u32::from(before.root != after.root) + u32::from(before.snapshot != after.snapshot);
    for (party, held) in after.each.iter().flatten() {
        let was = before.each.as_ref().and_then(|each| each.get(party));
        count += u32::from(was.is_none_or(|was| was.0 != held.0))
            + u32::from(was.is_none_or(|was| was.2 != held.2));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemDisk;
    use crate::trust::Validity;
    use crate::trust::federation::SoleAuthority;
    use crate::trust::fixture::{NOW, Pki, key};

    /// The anchor of a federation, its one member, and what its publisher has signed first and second.
    fn two_snapshots() -> (Digest, Party, [Vec<u8>; 2]) {
        let xaa = Pki::new("XAA");
        let mut authority = SoleAuthority::new("west", key("authority"));
        let mut publish = || {
            let month = Validity::days(NOW, 30);
            authority.publish(&[xaa.listing().sign()], &BTreeMap::new(), month).unwrap()
        };
        let snapshots = [publish(), publish()];
        (authority.anchor(), xaa.party, snapshots)
    }

    #[tokio::test]
    async fn a_citation_of_any_snapshot_that_was_in_force_here_is_compared() {
        let (anchor, xaa, [first, second]) = two_snapshots();
        let directory = Directory::from_bundle(&anchor, &first, Some(&xaa)).unwrap();
        let (old, disk) = (directory.digest(), Arc::new(MemDisk::new()));
        let board = Board::new(Arc::new(Live::new(directory)), Shelf::new(disk.clone()));
        let cites =
            |board: &Board, version, digest| board.contradiction(&DirectoryRef { version, digest }).is_some();
        assert!(cites(&board, 1, Digest([7; 32])) && !cites(&board, 1, old));
        let taken = board.take(Documents::parse(&second).unwrap(), NOW).await;
        assert_eq!((taken.new, taken.refused.len()), (1, 0));
        let now_held = board.get();
        let again = Board::new(Arc::new(Live::new((*now_held).clone())), Shelf::new(disk));
        for board in [&board, &again] {
            assert!(!cites(board, 1, old) && !cites(board, 2, now_held.digest()));
            assert!(cites(board, 1, now_held.digest()) && cites(board, 2, old), "either tells another story");
            assert!(!cites(board, 3, old), "nothing is known of it yet");
        }
    }

    #[tokio::test]
    async fn a_citation_of_a_newer_snapshot_is_compared_once_that_comes_in() {
        let (anchor, xaa, [first, second]) = two_snapshots();
        let directory = Directory::from_bundle(&anchor, &first, Some(&xaa)).unwrap();
        let true_digest = Directory::from_bundle(&anchor, &second, None).unwrap().digest();
        let disk = Arc::new(MemDisk::new());
        let begin = || Board::new(Arc::new(Live::new(directory.clone())), Shelf::new(disk.clone()));
        let citation = |act: u8, digest| Citation {
            by: crate::trust::fixture::party(["XBB", "XCC"][usize::from(act)]),
            act: Digest([act; 32]),
            cited: DirectoryRef { version: 2, digest },
        };
        let (right, wrong) = (citation(0, true_digest), citation(1, Digest([7; 32])));
        let board = begin();
        board.note(right.clone());
        assert_eq!(board.contradiction(&right.cited), None);
        let cited_by = Some(Contradiction::CitedBy(right.by.clone()));
        assert_eq!(board.contradiction(&wrong.cited), cited_by, "two citations are enough");
        board.note(wrong.clone());
        assert_eq!(board.contradicted(), (1, vec![]), "none has come in");
        let board = begin();
        board.take(Documents::parse(&second).unwrap(), NOW).await;
        assert_eq!(board.contradicted(), (2, vec![wrong.clone()]));
        assert_eq!(board.contradiction(&wrong.cited), Some(Contradiction::InForce));
        board.compared(2);
        assert_eq!(board.contradicted(), (2, vec![]));
        board.note(right);
        assert_eq!(board.ahead.up_to(u64::MAX), [], "what can be compared at once is not remembered");
    }
}
