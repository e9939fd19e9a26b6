//! What the ledger holds of evidence: receipts, heads, logs, anchors, audits, alarms, and the private journal.

use super::keys;
use super::ledger::{Change, Ledger, resolve, scan};
use super::{Entry, LocalAct, Reader, StoreError, StoredLog};
use crate::evidence::Leaf as LogLeaf;
use crate::model::{Digest, Head, Party, Timestamp};
use crate::wire;

/// Something that a peer has signed and that cannot be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The peer.
    pub peer: Party,
    /// When it was found out.
    pub at: Timestamp,
    /// What it is, in words.
    pub words: String,
    /// The proof; empty if nothing signed proves it.
    pub proof: Vec<u8>,
}

/// Names what the chain of the private journal is over.
const JOURNAL_CHAIN: &[u8] = b"valise private journal v1\0";

impl Change {
    /// Notes the receipt that a peer signed for a statement of ours, and the head it cites; `is_copy` tells
    /// that the peer has it as a principal's copy, beside the one to whom it speaks.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn acknowledged(
        &mut self,
        peer: &Party,
        statement: Digest,
        receipt: &[u8],
        head: Head,
        is_copy: bool,
    ) -> Result<(), StoreError> {
        let copy = is_copy.then(|| peer.clone());
        self.entry(&Entry::Receipt { statement, ours: false, copy, receipt: receipt.to_vec() })?;
        self.entry(&Entry::Head { peer: peer.clone(), ours: false, nth: 0, head, shown_by: Some(statement) })
    }

    /// Notes a peer's answer to an audit, which was proved.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn audited(&mut self, peer: &Party, answer: &[u8], head: Head) -> Result<(), StoreError> {
        self.entry(&Entry::Audit { peer: peer.clone(), answer: answer.to_vec() })?;
        self.entry(&Entry::Head { peer: peer.clone(), ours: false, nth: 0, head, shown_by: None })
    }

    /// Notes an anchor of our log about a peer.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn anchored(&mut self, peer: &Party, anchor: &[u8]) -> Result<(), StoreError> {
        self.entry(&Entry::Anchor { peer: peer.clone(), anchor: anchor.to_vec() })
    }

    /// Notes that a peer has contradicted itself, with the proof.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn alarm(&mut self, alarm: Alarm) -> Result<(), StoreError> {
        let Alarm { peer, at, words, proof } = alarm;
        self.entry(&Entry::Alarm { peer, at, words, proof })
    }

    /// Notes what an officer did here.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn local_act(&mut self, act: LocalAct) -> Result<(), StoreError> {
        self.entry(&Entry::LocalAct(act))
    }
}

impl Ledger {
    /// Returns the receipt for a statement: ours if we received it, the peer's if we sent it.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn receipt(&self, statement: &Digest, ours: bool) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self.get(&keys::receipt(statement, ours))? {
            Some((Entry::Receipt { receipt, .. }, _)) => Some(receipt),
            _ => None,
        })
    }

    /// Lists the receipts of a peer that show its log at the size of `head` with another root.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn shown_otherwise(&self, peer: &Party, head: &Head) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found = Vec::new();
        for (key, statement) in self.store().scan(&keys::shown_at(peer, head))? {
            let Ok(statement) = <[u8; 32]>::try_from(statement.as_slice()) else { continue };
            if key != keys::shown(peer, head) {
                let statement = Digest(statement);
                found.extend(self.receipt(&statement, false)?);
                found.extend(self.copy_receipt(&statement, peer)?);
            }
        }
        Ok(found)
    }

    /// Returns the receipt of a principal for its copy of a statement that we sent (ISACS 9.3).
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn copy_receipt(&self, statement: &Digest, by: &Party) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match self.get(&keys::copy_receipt(statement, by))? {
            Some((Entry::Receipt { receipt, .. }, _)) => Some(receipt),
            _ => None,
        })
    }

    /// Returns the head of our log about a peer, and the newest of the peer's about us that we have seen.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn heads(&self, peer: &Party) -> Result<(Option<Head>, Option<Head>), StoreError> {
        Ok((self.our_head(peer)?, self.seen_head(peer)?))
    }

    /// Returns the head of our log about a peer.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn our_head(&self, peer: &Party) -> Result<Option<Head>, StoreError> {
        self.head(peer, true)
    }

    /// Returns the newest head of a peer's log about us that its receipts have shown.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn seen_head(&self, peer: &Party) -> Result<Option<Head>, StoreError> {
        self.head(peer, false)
    }

    fn head(&self, peer: &Party, ours: bool) -> Result<Option<Head>, StoreError> {
        Ok(match self.get(&keys::head(peer, ours))? {
            Some((Entry::Head { head, .. }, _)) => Some(head),
            _ => None,
        })
    }

    /// Opens our log about a peer as far as it is durable.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn log(&self, peer: &Party) -> Result<StoredLog, StoreError> {
        StoredLog::open(self.store().reader(), peer)
    }

    /// Opens all our logs about a peer, oldest first; more than one only after a loss.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn logs(&self, peer: &Party) -> Result<Vec<StoredLog>, StoreError> {
        StoredLog::all(&self.store().reader(), peer)
    }

    /// Returns a peer's newest answer to an audit of ours.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn newest_audit(&self, peer: &Party) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = self.store().reader();
        let newest = reader.last(&keys::audits(peer))?.map(|(_, row)| resolve(&reader, &row)).transpose()?;
        Ok(newest
            .and_then(|(entry, _)| if let Entry::Audit { answer, .. } = entry { Some(answer) } else { None }))
    }

    /// Lists a peer's answers to our audits, oldest first.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn audits(&self, peer: &Party) -> Result<Vec<Vec<u8>>, StoreError> {
        let found = scan(&self.store().reader(), &keys::audits(peer))?;
        let answer = |entry| if let Entry::Audit { answer, .. } = entry { Some(answer) } else { None };
        Ok(found.into_iter().filter_map(|(entry, _)| answer(entry)).collect())
    }

    /// Returns the newest anchor of our log about a peer.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn anchor(&self, peer: &Party) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.get(&keys::anchor(peer))?;
        Ok(found.and_then(
            |(entry, _)| if let Entry::Anchor { anchor, .. } = entry { Some(anchor) } else { None },
        ))
    }

    /// Lists the alarms, oldest first.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
    pub fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        let alarm = |entry| match entry {
            Entry::Alarm { peer, at, words, proof } => Some(Alarm { peer, at, words, proof }),
            _ => None,
        };
        let found = scan(&self.store().reader(), keys::ALARMS)?;
        Ok(found.into_iter().filter_map(|(entry, _)| alarm(entry)).collect())
    }

    /// Computes the head of the private journal: how many local acts it holds, and the chain over them.
    ///
    /// With `until`, the head after so many acts; `None` if there are fewer.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn journal_head(&self, until: Option<u64>) -> Result<Option<(u64, Digest)>, StoreError> {
        let (mut count, mut chain) = (0, Digest::of(&[JOURNAL_CHAIN]));
        for (entry, _) in scan(&self.store().reader(), keys::LOCAL_ACTS)? {
            if until == Some(count) {
                break;
            }
            let bytes = wire::encode(&entry).map_err(|e| StoreError::Failed { cause: e.to_string() })?;
            chain = Digest::of(&[JOURNAL_CHAIN, &chain.0, &Digest::of(&[&bytes]).0]);
            count += 1;
        }
        Ok((until.is_none_or(|until| until == count)).then_some((count, chain)))
    }

    /// Returns when the newest act or log that is kept with one of these peers was recorded.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn newest_leaf(&self, peers: &[Party]) -> Result<Option<Timestamp>, StoreError> {
        let reader = self.store().reader();
        let mut newest = None;
        for peer in peers {
            let Some((_, row)) = reader.last(&keys::leaves(peer))? else { continue };
            if let (Entry::Leaf { leaf, .. }, _) = resolve(&reader, &row)? {
                let leaf = LogLeaf::parse(&leaf).map_err(|e| StoreError::Failed { cause: e.to_string() })?;
                newest = newest.max(Some(leaf.at()));
            }
        }
        Ok(newest)
    }

    /// Lists what officers did here, oldest first.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn local_acts(&self) -> Result<Vec<LocalAct>, StoreError> {
        Ok(scan(&self.store().reader(), keys::LOCAL_ACTS)?
            .into_iter()
            .filter_map(|(entry, _)| if let Entry::LocalAct(act) = entry { Some(act) } else { None })
            .collect())
    }
}

/// Lists the newest heads of our logs.
pub(super) fn our_heads(reader: &Reader) -> Result<Vec<(Party, u32, Head)>, StoreError> {
    let head =
        |entry| if let Entry::Head { peer, nth, head, .. } = entry { Some((peer, nth, head)) } else { None };
    Ok(scan(reader, keys::OUR_HEADS)?.into_iter().filter_map(|(entry, _)| head(entry)).collect())
}
