//! How a shell makes its decisions durable: as one group, with one checkpoint for each peer in it.

use crate::disk::{Group, Row};
use crate::lane;
use crate::shell::{Shell, Synced, Taken};
use std::collections::BTreeMap;
use std::sync::Arc;
use valise::case::Event;
use valise::cose::ExportSecret;
use valise::envelope::StatementDraft;
use valise::evidence::{Entry, Leaf, ProvedReceipt, Sealed};
use valise::model::{CaseId, Digest, Head, MessageId, Party, Timestamp};

/// What one decision adds to the next commit group.
pub(crate) struct Pending {
    pub(crate) case: CaseId,
    pub(crate) events: Vec<Event>,
    pub(crate) leaf: Option<(usize, Leaf)>,
    pub(crate) said: Option<(Digest, Arc<StatementDraft>)>,
    pub(crate) row: Option<Row>,
    pub(crate) settled: Option<(MessageId, usize, Head)>,
    pub(crate) proved: Option<(usize, ProvedReceipt)>,
    pub(crate) answer: Option<Waiting>,
    /// A leaf that was sealed too early, and its receipt; only a planted bug does that.
    pub(crate) early: Option<(Sealed, Digest, Vec<u8>)>,
    pub(crate) at: Timestamp,
}

impl Pending {
    pub(crate) fn new(case: CaseId, at: Timestamp) -> Self {
        Self {
            case,
            events: Vec::new(),
            leaf: None,
            said: None,
            row: None,
            settled: None,
            proved: None,
            answer: None,
            early: None,
            at,
        }
    }
}

/// A peer's envelope that waits for the sync.
pub(crate) struct Waiting {
    pub(crate) peer: usize,
    pub(crate) envelope: MessageId,
    pub(crate) export: Option<ExportSecret>,
    /// Whether it is answered with a receipt; an equivocation is rejected.
    pub(crate) receipt: bool,
}

impl Shell {
    /// Adds the group's leaves to the logs and gathers what is to be written.
    pub(crate) fn seal(&mut self, pending: &mut [Pending]) -> (Group, Vec<Option<Vec<u8>>>) {
        let number = |party: &Party| self.federation.number(party);
        let mut entries = Vec::new();
        for change in pending.iter() {
            let receipt = change.answer.as_ref().is_some_and(|answer| answer.receipt);
            let entry = |(peer, leaf): &(usize, Leaf)| Entry {
                peer: self.federation.members[*peer].party.clone(),
                leaf: leaf.clone(),
                receipt,
            };
            entries.extend(change.leaf.as_ref().map(entry));
        }
        let sealed = self.logs.seal_group(&entries).expect("leaves have fixed members, all of which encode");
        let early: Vec<_> = pending.iter_mut().filter_map(|change| change.early.take()).collect();
        let leaves = early.iter().flat_map(|(sealed, _, _)| sealed.leaves.clone());
        let leaves: Vec<_> = leaves.chain(sealed.leaves).collect();
        let mut group = Group {
            events: Vec::new(),
            said: Vec::new(),
            queued: Vec::new(),
            settled: Vec::new(),
            receipts: early.into_iter().map(|(_, digest, receipt)| (digest, receipt)).collect(),
            leaves: leaves.into_iter().filter_map(|new| Some((number(&new.peer)?, new.leaf))).collect(),
            ours: sealed.heads.into_iter().filter_map(|(p, _, head)| Some((number(&p)?, head))).collect(),
            theirs: Vec::new(),
            at: pending.iter().map(|change| change.at).max().unwrap_or(Timestamp::EPOCH),
        };
        for (entry, receipt) in entries.iter().zip(&sealed.receipts) {
            if let (Leaf::Act { statement, .. }, Some(receipt)) = (&entry.leaf, receipt) {
                group.receipts.push((*statement, receipt.as_bytes().to_vec()));
            }
        }
        for change in pending.iter_mut() {
            let events = std::mem::take(&mut change.events).into_iter();
            group.events.extend(events.map(|event| (change.case.clone(), event)));
            group.said.extend(change.said.take());
            group.queued.extend(change.row.take());
            if let Some((envelope, peer, head)) = change.settled.take() {
                group.settled.push(envelope);
                group.theirs.push((peer, head));
            }
        }
        let receipts = sealed.receipts.into_iter().map(|r| r.map(|r| r.as_bytes().to_vec())).collect();
        (group, receipts)
    }

    /// Makes the answers that the group lets leave; `receipts` stand in the order of the leaves.
    pub(crate) fn answers(
        &mut self,
        pending: &[Pending],
        group: &Group,
        receipts: Vec<Option<Vec<u8>>>,
    ) -> Synced {
        let mut synced = Synced {
            events: group.events.clone(),
            queued: group.queued.iter().map(|row| row.envelope).collect(),
            proved: pending.iter().filter_map(|change| change.proved.clone()).collect(),
            heads: group.ours.clone(),
            ..Synced::default()
        };
        let federation = Arc::clone(&self.federation);
        let me = &federation.members[self.me];
        let mut by_peer: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        let mut receipts = receipts.into_iter();
        for change in pending.iter().filter(|change| change.leaf.is_some()) {
            let receipt = receipts.next().flatten();
            let (Some(answer), Some((_, leaf))) = (&change.answer, &change.leaf) else { continue };
            let party = &federation.members[answer.peer].party;
            let (Some(receipt), Leaf::Act { statement, .. }) = (receipt, leaf) else {
                if let Taken::Refused(frames) = self.refuse(party, Some(answer.envelope), "equivocation") {
                    synced.frames.extend(frames.into_iter().map(|frame| (answer.peer, frame)));
                }
                continue;
            };
            synced.receipted.push((change.case.clone(), *statement));
            let export = answer.export.as_ref().map(|key| ExportSecret::from_bytes(*key.as_bytes()));
            by_peer.entry(answer.peer).or_default().push((answer.envelope, export, receipt));
        }
        for (peer, receipts) in by_peer {
            let to = &federation.members[peer].party;
            let frames = lane::answer(to, me, receipts, &mut self.entropy).unwrap_or_default();
            synced.frames.extend(frames.into_iter().map(|frame| (peer, frame)));
        }
        synced
    }
}
