use crate::lane::Letter;
use std::collections::BTreeMap;
use std::sync::Arc;
use valise::case::Event;
use valise::envelope::StatementDraft;
use valise::model::{ActKind, CaseId, Digest, Head, MessageId, Timestamp};

/// What a State holds that outlives a crash: the fold of its journal.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The events of each case, in the order in which they were written.
    pub journal: BTreeMap<CaseId, Vec<Event>>,
    /// What was said here, by statement digest.
    pub said: BTreeMap<Digest, Arc<StatementDraft>>,
    /// What waits for its receipt.
    pub outbox: BTreeMap<MessageId, Row>,
    /// The receipts that were issued, by statement digest.
    pub receipts: BTreeMap<Digest, Vec<u8>>,
    /// The leaves of the log about each peer.
    pub leaves: BTreeMap<usize, Vec<Vec<u8>>>,
    /// The head of our log about each peer, and the newest of the peer's about us.
    pub heads: BTreeMap<usize, (Option<Head>, Option<Head>)>,
    /// The newest instant that was written: the clock never falls below it.
    pub newest: Option<Timestamp>,
}

/// One envelope that waits for its receipt.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its identity.
    pub envelope: MessageId,
    /// To whom it goes.
    pub peer: usize,
    /// In which case.
    pub case: CaseId,
    /// The statement digest.
    pub statement: Digest,
    /// Which act it is.
    pub kind: ActKind,
    /// What is sent, every time the same.
    pub letter: Letter,
    /// The key of its receipt, in the real lane.
    pub export: Option<[u8; 32]>,
}

/// One commit group: written as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Group {
    /// Additions to cases.
    pub events: Vec<(CaseId, Event)>,
    /// What was said here.
    pub said: Vec<(Digest, Arc<StatementDraft>)>,
    /// Additions to the outbox.
    pub queued: Vec<Row>,
    /// Envelopes that leave the outbox.
    pub settled: Vec<MessageId>,
    /// New receipts of ours.
    pub receipts: Vec<(Digest, Vec<u8>)>,
    /// New leaves.
    pub leaves: Vec<(usize, Vec<u8>)>,
    /// New heads of our logs.
    pub ours: Vec<(usize, Head)>,
    /// New heads of our peers' logs.
    pub theirs: Vec<(usize, Head)>,
    /// The instant of the commit.
    pub at: Timestamp,
}

impl Disk {
    /// Writes a group.
    pub fn write(&mut self, group: Group) {
        for (case, event) in group.events {
            self.journal.entry(case).or_default().push(event);
        }
        self.said.extend(group.said);
        self.outbox.extend(group.queued.into_iter().map(|row| (row.envelope, row)));
        for envelope in group.settled {
            self.outbox.remove(&envelope);
        }
        self.receipts.extend(group.receipts);
        for (peer, leaf) in group.leaves {
            self.leaves.entry(peer).or_default().push(leaf);
        }
        for (peer, head) in group.ours {
            self.heads.entry(peer).or_default().0 = Some(head);
        }
        for (peer, head) in group.theirs {
            self.heads.entry(peer).or_default().1 = Some(head);
        }
        self.newest = self.newest.max(Some(group.at));
    }
}
