//! What a node answers about evidence.

use crate::control::Hex;
use crate::model::{ActKind, CaseId, Digest, Party, Timestamp};
use serde::{Deserialize, Serialize};

/// The answer to `evidence export`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DossierView {
    /// The case.
    pub case: CaseId,
    /// When the dossier was made.
    pub made_at: Timestamp,
    /// How many acts it holds.
    pub acts: u64,
    /// How many elements it discloses.
    pub disclosed: u64,
    /// How many it withholds.
    pub withheld: u64,
    /// Its own verdict by this node's directory: whether everything in it holds.
    pub valid: bool,
    /// The first fault, if there is one.
    pub first_fault: Option<String>,
    /// The dossier in hex; the command line writes it into a file and shows its digest instead.
    pub dossier: String,
}

/// The answer to `evidence export --alarm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofView {
    /// Which alarm.
    pub alarm: u64,
    /// Whom it is about.
    pub peer: Party,
    /// When it was found out.
    pub at: Timestamp,
    /// What it is.
    pub words: String,
    /// Its own verdict by this node's directory: whether it convicts.
    pub valid: bool,
    /// The first fault, if there is one.
    pub first_fault: Option<String>,
    /// The proof in hex; the command line writes it into a file and shows its digest instead.
    pub proof: String,
}

/// The answer to `evidence export --relay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyFileView {
    /// Which relay.
    pub relay: Party,
    /// Since when what is in it holds.
    pub at: Timestamp,
    /// How many parcels the relay has signed for.
    pub parcels: u64,
    /// How many threads of our mailbox there we speak about.
    pub threads: u64,
    /// The file in hex; the command line writes it and shows its digest instead.
    pub file: Hex,
}

/// The answer to `evidence head`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHeadView {
    /// How many local acts the private journal holds.
    pub acts: u64,
    /// The chain over them.
    pub chain: Digest,
    /// Both, as they are noted down.
    pub head: String,
    /// Whether the journal begins with the acts of the head that was to be checked; absent if none was.
    pub holds: Option<bool>,
}

/// One act in the answer to `case history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActHistory {
    /// Its statement digest.
    pub digest: Digest,
    /// Which act.
    pub act: ActKind,
    /// Who said it.
    pub issuer: Party,
    /// What happened to it, in order.
    pub steps: Vec<HistoryStep>,
}

/// One step in the life of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// `written`, `queued`, `relay`, `receipt`, `received`, `acknowledged` or `answered`.
    pub step: String,
    /// When; absent for what is still going on.
    pub at: Option<Timestamp>,
    /// Whether another party's signature proves it.
    pub proved: bool,
    /// More in words: attempts, the next try, the first cause of the last failure.
    pub detail: Option<String>,
}

/// A proof, or a suspicion, that a peer has contradicted itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// Its number, from 1, oldest first; `evidence export --alarm` asks for it.
    pub number: u64,
    /// The peer.
    pub peer: Party,
    /// When it was found out.
    pub at: Timestamp,
    /// What it is.
    pub words: String,
    /// Whether a proof that verifies alone is kept; every dossier of a case with the peer carries it too.
    pub proof: bool,
}
