use super::entry::{BLOB, EntryAt, EntryIndexer, Row, keys};
use super::notary::LogNotary;
use super::{
    Attachments, Disk, Durable, Entry, FileError, Leaf, LocalAct, OpenReport, OutboxRow, OwedAnswer, Reader,
    Record, Store, StoreError, StoreOptions, StoredLog, Ticket, Transaction,
};
use crate::case::{Case, Event, Permit, PermitUse};
use crate::evidence::{Direction, Leaf as LogLeaf, LogBook};
use crate::model::{CaseId, Digest, Entropy, Head, MessageId, Party, Timestamp};
use crate::relay::Row as MailboxRow;
use crate::vault::{BodyKey, VaultError};
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::sync::Arc;

/// The store in the words of a gateway: cases, bodies, the outbox, receipts and heads.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
    body_key: Arc<BodyKey>,
}

/// What a relay has signed about an envelope of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCustody {
    /// The relay.
    pub relay: Party,
    /// Since when it has the envelope, by its own clock.
    pub since: Timestamp,
    /// Its custody as it was signed.
    pub custody: Vec<u8>,
    /// Its notice of expiry as it was signed; then it has the envelope no longer.
    pub notice: Option<Vec<u8>>,
}

/// What is about to be written, all or nothing.
#[derive(Default)]
pub struct Change(Transaction);

/// One element of an act as it is kept: its disclosure, or what was sealed of it once more.
#[derive(Clone, Debug)]
pub struct KeptElement {
    /// Its path.
    pub path: String,
    /// The disclosure; `None` for a restricted one, which a permit opens.
    pub disclosure: Option<Vec<u8>>,
}

/// The body of a statement with its restricted elements still sealed.
#[derive(Clone, Debug)]
pub struct Body {
    /// The statement as it was signed.
    pub statement: Vec<u8>,
    /// The elements in the order of the signed digests.
    pub elements: Vec<KeptElement>,
    /// The mandate that was carried beside it, as it came (ISACS 9.3).
    pub mandate: Option<Vec<u8>>,
}

/// An envelope of the outbox.
pub struct HeldEnvelope {
    /// The body of its frame, the same at every try.
    pub bytes: Vec<u8>,
    /// The key of the receipt that will answer it.
    pub export: [u8; 32],
}

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

/// A permit whose use is in the journal: nothing else opens a restricted element (DESIGN §12.1).
pub struct Spent {
    permit: Permit,
}

#[derive(Serialize, Deserialize)]
struct BodyForm {
    #[serde(with = "serde_bytes")]
    statement: Vec<u8>,
    elements: Vec<(String, bool, ByteBuf)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mandate: Option<ByteBuf>,
}

impl Change {
    /// Adds an event to a case.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be encoded, which is a bug; so for all that follow.
    pub fn event(&mut self, case: &CaseId, event: Event) -> Result<(), StoreError> {
        self.entry(&Entry::Event { case: case.clone(), event })
    }

    /// Notes that a statement was received; its receipt comes with the commit.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn received(&mut self, peer: &Party, statement: Digest, at: Timestamp) -> Result<(), StoreError> {
        self.leaf(peer, LogLeaf::Act { direction: Direction::Received, statement, at }, true)
    }

    /// Notes that a statement was made for a peer.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn sent(&mut self, peer: &Party, statement: Digest, at: Timestamp) -> Result<(), StoreError> {
        self.leaf(peer, LogLeaf::Act { direction: Direction::Sent, statement, at }, false)
    }

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

    /// Notes that nothing in a case waits for anybody.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn at_rest(&mut self, case: &CaseId) -> Result<(), StoreError> {
        self.entry(&Entry::AtRest { case: case.clone() })
    }

    /// Takes an envelope out of the outbox.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn settle(&mut self, envelope: MessageId) -> Result<(), StoreError> {
        self.entry(&Entry::Settled { envelope })
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

    /// Notes that a courier is to carry an answer back.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn owe(&mut self, owed: OwedAnswer) -> Result<(), StoreError> {
        self.entry(&Entry::Owed(owed))
    }

    /// Notes that an answer lies in a bag.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn handed(&mut self, peer: &Party, envelope: MessageId) -> Result<(), StoreError> {
        self.entry(&Entry::Handed { peer: peer.clone(), envelope })
    }

    /// Keeps a relay's custody for an envelope, and the notice by which it gave it up, if it has.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn custody(&mut self, envelope: &MessageId, kept: SignedCustody) -> Result<(), StoreError> {
        let SignedCustody { relay, since, custody, notice } = kept;
        let notice = notice.map(ByteBuf::from);
        self.entry(&Entry::Custody { envelope: *envelope, relay, since, custody, notice })
    }

    /// Notes how far a thread of our mailbox at a relay has come.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn mailbox(&mut self, relay: &Party, row: MailboxRow) -> Result<(), StoreError> {
        self.entry(&Entry::Mailbox { relay: relay.clone(), row })
    }

    /// Notes what an officer did here.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn local_act(&mut self, act: LocalAct) -> Result<(), StoreError> {
        self.entry(&Entry::LocalAct(act))
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.0.records.push(entry.record()?);
        Ok(())
    }

    pub(super) fn blob(&mut self, bytes: Vec<u8>, entry: &Entry) -> Result<(), StoreError> {
        self.0.records.push(Record { kind: BLOB, bytes });
        self.entry(entry)
    }

    pub(super) fn leaf(&mut self, peer: &Party, leaf: LogLeaf, receipt: bool) -> Result<(), StoreError> {
        let entry = leaf.encode().map_err(|e| StoreError::Failed { cause: e.to_string() })?;
        self.0.leaves.push(Leaf { peer: peer.to_string(), entry, receipt });
        Ok(())
    }
}

impl Ledger {
    /// Opens the store with the logs' keeper and the key that hides bodies at rest.
    ///
    /// # Errors
    /// As for [`Store::open`].
    pub fn open(
        options: StoreOptions,
        logs: LogBook,
        body_key: BodyKey,
    ) -> Result<(Self, OpenReport), StoreError> {
        let notary = Box::new(LogNotary(logs));
        let (store, report) = Store::open(options, notary, Box::new(EntryIndexer::default()))?;
        Ok((Self { store, body_key: Arc::new(body_key) }, report))
    }

    /// Opens the files beside the journal, on a disk of their own, under the key that hides bodies.
    ///
    /// # Errors
    /// [`FileError`] if one of them cannot be read.
    pub fn attachments(
        &self,
        disk: Arc<dyn Disk>,
        floor: u64,
        entropy: Box<dyn Entropy + Send>,
    ) -> Result<Attachments, FileError> {
        Attachments::open(disk, Arc::clone(&self.body_key), floor, entropy)
    }

    /// Hands a change to the committer; changes commit in the order of this call.
    pub fn commit(&self, change: Change) -> Ticket {
        self.store.submit(change.0)
    }

    /// Adds a statement's body to a change, each restricted element sealed apart (ISACS 8.4 a).
    ///
    /// `elements` are (path, whether it is restricted, disclosure); the mandate is the one carried beside it.
    ///
    /// # Errors
    /// As for [`Change::event`].
    pub fn keep_body(
        &self,
        change: &mut Change,
        statement: Digest,
        (bytes, mandate): (&[u8], Option<Vec<u8>>),
        elements: &[(String, bool, Vec<u8>)],
        entropy: &mut dyn Entropy,
    ) -> Result<(), StoreError> {
        let mut kept = Vec::new();
        for (path, restricted, disclosure) in elements {
            let bytes = if *restricted {
                self.body_key.seal(&element_context(&statement, path), disclosure, entropy)
            } else {
                disclosure.clone()
            };
            kept.push((path.clone(), *restricted, ByteBuf::from(bytes)));
        }
        let form =
            BodyForm { statement: bytes.to_vec(), elements: kept, mandate: mandate.map(ByteBuf::from) };
        let plain = wire::encode(&form).map_err(|e| StoreError::Failed { cause: e.to_string() })?;
        let sealed = self.body_key.seal(&body_context(&statement), &plain, entropy);
        change.blob(sealed, &Entry::Body { statement })
    }

    /// Adds an envelope to a change's outbox; `export` is the key of its receipt.
    ///
    /// # Errors
    /// As for [`Change::event`].
    pub fn queue(
        &self,
        change: &mut Change,
        row: OutboxRow,
        envelope: Vec<u8>,
        export: &[u8; 32],
        entropy: &mut dyn Entropy,
    ) -> Result<(), StoreError> {
        let export = self.body_key.seal(&export_context(&row.envelope), export, entropy);
        change.blob(envelope, &Entry::Queued(OutboxRow { export, ..row }))
    }

    /// Spends a permit: what it opens can be read once this use is durable. `after` is committed with it.
    ///
    /// # Errors
    /// The reason why the use was not committed.
    pub async fn spend(
        &self,
        case: &CaseId,
        permit: Permit,
        spending: PermitUse,
        after: Change,
    ) -> Result<Durable<Spent>, StoreError> {
        let mut change = Change::default();
        change.event(case, Event::PermitUsed(spending))?;
        change.0.records.extend(after.0.records);
        change.0.leaves.extend(after.0.leaves);
        Ok(self.commit(change).await?.map(|()| Spent { permit }))
    }

    /// Opens what a spent permit names: (path, disclosure) for each element.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if a body is missing or does not open.
    pub fn open_released(&self, spent: &Durable<Spent>) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut out = Vec::new();
        for element in &spent.get().permit.elements {
            let body = self.form(&element.act)?.ok_or_else(|| missing("body"))?;
            let found = body.elements.into_iter().find(|(path, _, _)| *path == element.path);
            let (path, restricted, bytes) = found.ok_or_else(|| missing("element"))?;
            let disclosure = if restricted {
                let context = element_context(&element.act, &path);
                self.body_key.open(&context, &bytes).map_err(sealed)?.to_vec()
            } else {
                bytes.into_vec()
            };
            out.push((path, disclosure));
        }
        Ok(out)
    }

    /// Opens every element of a statement; only for one who holds the proof of a permit.
    pub(super) fn open_whole(&self, statement: &Digest) -> Result<Vec<Vec<u8>>, StoreError> {
        let body = self.form(statement)?.ok_or_else(|| missing("body"))?;
        let open = |(path, restricted, bytes): (String, bool, ByteBuf)| match restricted {
            true => {
                let opened = self.body_key.open(&element_context(statement, &path), &bytes);
                Ok(opened.map_err(sealed)?.to_vec())
            }
            false => Ok(bytes.into_vec()),
        };
        body.elements.into_iter().map(open).collect()
    }

    /// Returns a statement's body; its restricted elements stay sealed.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it does not open.
    pub fn body(&self, statement: &Digest) -> Result<Option<Body>, StoreError> {
        Ok(self.form(statement)?.map(|form| Body {
            statement: form.statement,
            mandate: form.mandate.map(ByteBuf::into_vec),
            elements: form
                .elements
                .into_iter()
                .map(|(path, restricted, bytes)| KeptElement {
                    path,
                    disclosure: (!restricted).then(|| bytes.into_vec()),
                })
                .collect(),
        }))
    }

    /// Folds a case out of its events; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::Corrupt`] if an event cannot be read.
    pub fn case(&self, id: &CaseId) -> Result<Option<Case>, StoreError> {
        let mut case = None;
        for (entry, _) in scan(&self.store.reader(), &keys::events(id))? {
            if let Entry::Event { event, .. } = entry {
                case.get_or_insert_with(Case::default).apply(&event);
            }
        }
        Ok(case)
    }

    /// Lists at most `limit` of the cases that were opened, by minter, year and number, after a given one.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn cases(&self, after: Option<&CaseId>, limit: usize) -> Result<Vec<CaseId>, StoreError> {
        let rows = self.store.reader().page(keys::CASES, after.map(keys::case).as_deref(), limit)?;
        rows.iter().map(|(_, id)| case_id(id)).collect()
    }

    /// Lists the cases in which something waits for somebody.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn active_cases(&self) -> Result<Vec<CaseId>, StoreError> {
        self.cases_under(keys::ACTIVE)
    }

    /// Lists the cases in which a release was permitted or denied.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn cases_with_releases(&self) -> Result<Vec<CaseId>, StoreError> {
        self.cases_under(keys::RELEASES)
    }

    /// Returns the number of the newest case that a party has minted in a year.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn newest_number(&self, party: &Party, year: u16) -> Result<Option<u32>, StoreError> {
        let minter = CaseId::minter_of(party);
        let newest = self.store.reader().last(&keys::minted(&minter, year))?;
        let opened = newest.map(|(_, id)| Ok::<_, StoreError>(case_id(&id)?.number())).transpose()?;
        // An act that waits for other officers has its number already.
        let waiting = self.waiting()?.into_iter().map(|act| act.held.case);
        let held = waiting.filter(|id| id.minter() == minter && id.year() == year).map(|id| id.number());
        Ok(opened.max(held.max()))
    }

    /// Returns the statement that an issuer has made under a message id (DESIGN §12.12).
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn identity(&self, issuer: &Party, id: &MessageId) -> Result<Option<Digest>, StoreError> {
        let digest = self.store.get(&keys::identity(issuer, id))?;
        let parse = |bytes: Vec<u8>| bytes.try_into().map(Digest).map_err(|_| missing("statement digest"));
        digest.map(parse).transpose()
    }

    /// Lists the outbox, oldest first.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let mut rows: Vec<OutboxRow> = scan(&self.store.reader(), keys::OUTBOX)?
            .into_iter()
            .filter_map(|(entry, _)| if let Entry::Queued(row) = entry { Some(row) } else { None })
            .collect();
        rows.sort_by_key(|row| (row.queued_at, row.envelope));
        Ok(rows)
    }

    /// Lists at most `limit` of the answers that a courier is to carry to a peer, by the envelope answered,
    /// after a given one.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn owed(
        &self,
        peer: &Party,
        after: Option<&MessageId>,
        limit: usize,
    ) -> Result<Vec<OwedAnswer>, StoreError> {
        let reader = self.store.reader();
        let after = after.map(|envelope| keys::owed(peer, envelope));
        let rows = reader.page(&keys::owed_to(peer), after.as_deref(), limit)?;
        let mut owed = Vec::new();
        for (_, row) in rows {
            if let (Entry::Owed(answer), _) = resolve(&reader, &row)? {
                owed.push(answer);
            }
        }
        Ok(owed)
    }

    /// Returns the bytes of an envelope in the outbox and the key of its receipt.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn envelope(&self, envelope: &MessageId) -> Result<Option<HeldEnvelope>, StoreError> {
        let Some((Entry::Queued(row), Some(blob))) = self.get(&keys::outbox(envelope))? else {
            return Ok(None);
        };
        let export = self.body_key.open(&export_context(envelope), &row.export).map_err(sealed)?;
        let export = <[u8; 32]>::try_from(export.as_slice()).map_err(|_| missing("receipt key"))?;
        Ok(Some(HeldEnvelope { bytes: self.store.read(&blob)?, export }))
    }

    /// Lists what relays have signed about an envelope.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
    pub fn custodies(&self, envelope: &MessageId) -> Result<Vec<SignedCustody>, StoreError> {
        let read = |(entry, _)| match entry {
            Entry::Custody { relay, since, custody, notice, .. } => {
                Some(SignedCustody { relay, since, custody, notice: notice.map(ByteBuf::into_vec) })
            }
            _ => None,
        };
        Ok(scan(&self.store.reader(), &keys::custody(envelope, None))?.into_iter().filter_map(read).collect())
    }

    /// Lists all that a relay has signed for, settled or not.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn custodies_of(&self, relay: &Party) -> Result<Vec<SignedCustody>, StoreError> {
        let read = |(entry, _)| {
            let Entry::Custody { relay: by, since, custody, notice, .. } = entry else { return None };
            let notice = notice.map(ByteBuf::into_vec);
            (by == *relay).then_some(SignedCustody { relay: by, since, custody, notice })
        };
        Ok(scan(&self.store.reader(), keys::CUSTODIES)?.into_iter().filter_map(read).collect())
    }

    /// Lists the envelopes in which a statement of ours was sent, settled ones too, each with its recipient.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn envelopes_of(&self, statement: &Digest) -> Result<Vec<(MessageId, Party)>, StoreError> {
        let prefix = keys::envelopes_of(statement);
        let read = |(key, peer): (Vec<u8>, Vec<u8>)| {
            let envelope = key.get(prefix.len()..)?.try_into().ok().map(MessageId)?;
            Some((envelope, std::str::from_utf8(&peer).ok()?.parse().ok()?))
        };
        Ok(self.store.scan(&prefix)?.into_iter().filter_map(read).collect())
    }

    /// Lists how far the threads of our mailbox at a relay have come.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn mailbox(&self, relay: &Party) -> Result<Vec<MailboxRow>, StoreError> {
        let read = |(entry, _)| if let Entry::Mailbox { row, .. } = entry { Some(row) } else { None };
        Ok(scan(&self.store.reader(), &keys::mailbox(relay, None))?.into_iter().filter_map(read).collect())
    }

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
        for (key, statement) in self.store.scan(&keys::shown_at(peer, head))? {
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
        let head = |ours| {
            Ok::<_, StoreError>(match self.get(&keys::head(peer, ours))? {
                Some((Entry::Head { head, .. }, _)) => Some(head),
                _ => None,
            })
        };
        Ok((head(true)?, head(false)?))
    }

    /// Opens our log about a peer as far as it is durable.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn log(&self, peer: &Party) -> Result<StoredLog, StoreError> {
        StoredLog::open(self.store.reader(), peer)
    }

    /// Opens all our logs about a peer, oldest first; more than one only after a loss.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn logs(&self, peer: &Party) -> Result<Vec<StoredLog>, StoreError> {
        StoredLog::all(&self.store.reader(), peer)
    }

    /// Returns a peer's newest answer to an audit of ours.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn newest_audit(&self, peer: &Party) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = self.store.reader();
        let newest = reader.last(&keys::audits(peer))?.map(|(_, row)| resolve(&reader, &row)).transpose()?;
        Ok(newest
            .and_then(|(entry, _)| if let Entry::Audit { answer, .. } = entry { Some(answer) } else { None }))
    }

    /// Lists a peer's answers to our audits, oldest first.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn audits(&self, peer: &Party) -> Result<Vec<Vec<u8>>, StoreError> {
        let found = scan(&self.store.reader(), &keys::audits(peer))?;
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
        let found = scan(&self.store.reader(), keys::ALARMS)?;
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
        for (entry, _) in scan(&self.store.reader(), keys::LOCAL_ACTS)? {
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
        let reader = self.store.reader();
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
        Ok(scan(&self.store.reader(), keys::LOCAL_ACTS)?
            .into_iter()
            .filter_map(|(entry, _)| if let Entry::LocalAct(act) = entry { Some(act) } else { None })
            .collect())
    }

    /// Returns the store below, to close it or to ask how it is.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    fn cases_under(&self, prefix: &[u8]) -> Result<Vec<CaseId>, StoreError> {
        self.store
            .scan(prefix)?
            .iter()
            .map(|(key, _)| case_id(key.get(prefix.len()..).unwrap_or_default()))
            .collect()
    }

    pub(super) fn body_key(&self) -> &BodyKey {
        &self.body_key
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<(Entry, Option<super::Location>)>, StoreError> {
        let Some(value) = self.store.get(key)? else { return Ok(None) };
        resolve(&self.store.reader(), &value).map(Some)
    }

    fn form(&self, statement: &Digest) -> Result<Option<BodyForm>, StoreError> {
        let Some((_, Some(blob))) = self.get(&keys::body(statement))? else { return Ok(None) };
        let plain = self.body_key.open(&body_context(statement), &self.store.read(&blob)?).map_err(sealed)?;
        wire::decode(&plain, &Limits::FILE).map(Some).map_err(|e| StoreError::Failed { cause: e.to_string() })
    }
}

/// Lists the newest heads of our logs.
pub(super) fn our_heads(reader: &Reader) -> Result<Vec<(Party, u32, Head)>, StoreError> {
    let head =
        |entry| if let Entry::Head { peer, nth, head, .. } = entry { Some((peer, nth, head)) } else { None };
    Ok(scan(reader, keys::OUR_HEADS)?.into_iter().filter_map(|(entry, _)| head(entry)).collect())
}

/// Reads the entry under a key.
pub(super) fn find(reader: &Reader, key: &[u8]) -> Result<Option<Entry>, StoreError> {
    reader.get(key)?.map(|row| resolve(reader, &row).map(|(entry, _)| entry)).transpose()
}

pub(super) fn scan(
    reader: &Reader,
    prefix: &[u8],
) -> Result<Vec<(Entry, Option<super::Location>)>, StoreError> {
    reader.scan(prefix)?.into_iter().map(|(_, value)| resolve(reader, &value)).collect()
}

pub(super) fn resolve(reader: &Reader, value: &[u8]) -> Result<(Entry, Option<super::Location>), StoreError> {
    let row = Row::parse(value)?;
    let entry = match row.entry {
        EntryAt::Here(bytes) => Entry::parse(&bytes)?,
        EntryAt::At(location) => Entry::parse(&reader.read(&location)?)?,
    };
    Ok((entry, row.blob))
}

fn body_context(statement: &Digest) -> Vec<u8> {
    [b"body\0", &statement.0[..]].concat()
}

fn element_context(statement: &Digest, path: &str) -> Vec<u8> {
    [b"element\0", &statement.0[..], path.as_bytes()].concat()
}

fn export_context(envelope: &MessageId) -> Vec<u8> {
    [b"receipt key\0", &envelope.0[..]].concat()
}

fn case_id(bytes: &[u8]) -> Result<CaseId, StoreError> {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| missing("case number"))
}

fn missing(what: &'static str) -> StoreError {
    StoreError::Failed { cause: format!("a {what} that the journal names is not there") }
}

fn sealed(error: VaultError) -> StoreError {
    StoreError::Failed { cause: error.to_string() }
}
