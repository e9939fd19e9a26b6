//! What the journal says of a restore from a backup, and of what peers have given back since.

use super::keys;
use super::ledger::scan;
use super::{Change, Durable, Entry, Ledger, LocalAct, StoreError};
use crate::case::{Bar, Event};
use crate::evidence::{Direction, EvidenceError, Leaf as LogLeaf, Log};
use crate::model::{CaseId, Digest, Entropy, Head, MessageId, Party, Sensitive, Timestamp};
use std::collections::BTreeMap;

/// A restore from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// Its name.
    pub id: MessageId,
    /// When it was done.
    pub at: Timestamp,
    /// When the backup was made.
    pub made_at: Timestamp,
}

/// How it stands with a peer since a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It has given back all that it had.
    Answered(Timestamp),
    /// An officer decided to go on without it.
    Without {
        /// When.
        at: Timestamp,
        /// Who.
        officer: String,
        /// Why.
        reason: String,
    },
}

impl Change {
    /// Notes that all before came out of a backup.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be encoded, which is a bug; so for all that follow.
    pub fn restored(&mut self, restoration: &Restoration) -> Result<(), StoreError> {
        let Restoration { id, at, made_at } = *restoration;
        self.entry(&Entry::Restored { id, at, made_at })
    }

    /// Notes how it stands with a peer since a restore.
    ///
    /// # Errors
    /// As for [`Self::restored`].
    pub fn recovered(&mut self, restore: MessageId, peer: &Party, how: &Recovered) -> Result<(), StoreError> {
        let (at, without) = match how {
            Recovered::Answered(at) => (*at, None),
            Recovered::Without { at, officer, reason } => (*at, Some((officer.clone(), reason.clone()))),
        };
        self.entry(&Entry::Recovered { restore, peer: peer.clone(), at, without })
    }
}

/// A permit of the system to seal a statement again to a party that has it already; it is in the journal.
pub struct Resealing {
    statement: Digest,
}

impl Change {
    /// Begins another log about a peer, which goes on from the last head of the one that was lost.
    ///
    /// # Errors
    /// As for [`Self::restored`].
    pub fn reopened(
        &mut self,
        restore: MessageId,
        (me, peer): (&Party, &Party),
        lost: Head,
        at: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(), StoreError> {
        let (owner, nonce) = (me.clone(), MessageId::random(entropy));
        let genesis = LogLeaf::Genesis { owner, peer: peer.clone(), nonce, at, continues: Some(lost) };
        self.leaf(peer, genesis, false)?;
        self.entry(&Entry::Reopened { restore, peer: peer.clone() })
    }

    /// Writes a leaf again that was lost with its log.
    ///
    /// # Errors
    /// As for [`Self::restored`].
    pub fn logged_again(
        &mut self,
        peer: &Party,
        direction: Direction,
        statement: Digest,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.leaf(peer, LogLeaf::Act { direction, statement, at }, false)
    }

    /// Keeps a receipt of ours that a peer has given back.
    ///
    /// # Errors
    /// As for [`Self::restored`].
    pub fn our_receipt(&mut self, statement: Digest, receipt: &[u8]) -> Result<(), StoreError> {
        self.entry(&Entry::Receipt { statement, ours: true, copy: None, receipt: receipt.to_vec() })
    }
}

impl Ledger {
    /// Notes that a statement is sealed again to its issuer or to one of its recipients (DESIGN §8).
    ///
    /// # Errors
    /// The reason why it was not committed: then nothing may be opened.
    pub async fn permit_resealing(
        &self,
        statement: Digest,
        case: &CaseId,
        at: Timestamp,
    ) -> Result<Durable<Resealing>, StoreError> {
        let (officer, verb) = ("system".to_owned(), "recovery.reseal".to_owned());
        let mut change = Change::default();
        change.local_act(LocalAct { at, officer, verb, case: Some(case.clone()) })?;
        Ok(self.commit(change).await?.map(|()| Resealing { statement }))
    }

    /// Opens all elements of a statement that is sealed again, in their order.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if its body is missing or does not open.
    pub fn open_resealing(&self, permit: &Durable<Resealing>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.open_whole(&permit.get().statement)
    }

    /// Tells whether one of our logs about a peer holds a statement.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub fn log_holds(&self, peer: &Party, statement: &Digest) -> Result<bool, StoreError> {
        for log in self.logs(peer)? {
            if !log.places(statement)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells whether another log about a peer was begun since a restore; no clock could tell.
    ///
    /// # Errors
    /// As for [`Self::log_holds`].
    pub fn has_reopened(&self, since: MessageId, peer: &Party) -> Result<bool, StoreError> {
        let found = self.get(&keys::reopened(peer))?;
        Ok(matches!(found, Some((Entry::Reopened { restore, .. }, _)) if restore == since))
    }

    /// Lists the leaves of our logs about a peer, oldest first, after the first `skip`.
    ///
    /// # Errors
    /// As for [`Self::log_holds`].
    pub fn logged(&self, peer: &Party, skip: u64, limit: usize) -> Result<Vec<LogLeaf>, StoreError> {
        let (mut out, mut skip) = (Vec::new(), skip);
        for log in self.logs(peer)? {
            let size = log.size();
            for index in skip.min(size)..size {
                if out.len() == limit {
                    return Ok(out);
                }
                out.push(leaf_at(&log, index)?);
            }
            skip = skip.saturating_sub(size);
        }
        Ok(out)
    }

    /// Notes a restore, and bars every permit that may have been spent after the backup was made: one that is used
    /// once must not come back with it (DESIGN §8).
    ///
    /// # Errors
    /// What the store says if it cannot be read or written.
    pub fn begin_restored(&self, restoration: &Restoration) -> Result<Durable<()>, StoreError> {
        let reason = Sensitive::new("it may have been used after the backup was made".to_owned());
        for id in self.cases_with_releases()? {
            let Some(case) = self.case(&id)? else { continue };
            let open = case.permits().filter(|permit| {
                permit.expires > restoration.made_at
                    && case.permit_use(&permit.id).is_none()
                    && !case.is_barred(&permit.id)
            });
            let mut change = Change::default();
            for permit in open {
                let (officer, reason) = (Some("restore".to_owned()), Some(reason.clone()));
                let bar = Bar { at: restoration.at, id: permit.id.clone(), officer, reason };
                change.event(&id, Event::PermitBarred(bar))?;
            }
            let _barred: Durable<()> = self.commit(change).wait()?;
        }
        let mut change = Change::default();
        change.restored(restoration)?;
        self.commit(change).wait()
    }

    /// Returns the last restore; `None` if this journal never came out of a backup.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub fn restoration(&self) -> Result<Option<Restoration>, StoreError> {
        Ok(match self.get(keys::RESTORED)? {
            Some((Entry::Restored { id, at, made_at }, _)) => Some(Restoration { id, at, made_at }),
            _ => None,
        })
    }

    /// Tells how it stands with each peer since a restore.
    ///
    /// # Errors
    /// As for [`Self::restoration`].
    pub fn recovered(&self, since: MessageId) -> Result<BTreeMap<Party, Recovered>, StoreError> {
        let mut out = BTreeMap::new();
        for (entry, _) in scan(&self.store().reader(), keys::RECOVERED)? {
            if let Entry::Recovered { restore, peer, at, without } = entry
                && restore == since
            {
                let how = match without {
                    None => Recovered::Answered(at),
                    Some((officer, reason)) => Recovered::Without { at, officer, reason },
                };
                out.insert(peer, how);
            }
        }
        Ok(out)
    }
}

fn leaf_at(log: &dyn Log, index: u64) -> Result<LogLeaf, StoreError> {
    let failed = |cause: EvidenceError| StoreError::Failed { cause: cause.to_string() };
    LogLeaf::parse(&log.leaf(index).map_err(failed)?).map_err(failed)
}
