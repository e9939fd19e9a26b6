use super::entry::BLOB;
use super::keys;
use super::notary::LogNotary;
use super::row::{EntryAt, EntryIndexer, Row};
use super::{
    Attachments, Disk, Durable, Entry, FileError, Leaf, OpenReport, OutboxRow, OwedAnswer, Reader, Record,
    Store, StoreError, StoreOptions, Ticket, Transaction,
};
use crate::case::{Case, Event, Permit, PermitUse};
use crate::evidence::{Direction, Leaf as LogLeaf, LogBook};
use crate::model::{CaseId, Digest, Entropy, MessageId, Party, Timestamp};
use crate::relay::Row as MailboxRow;
use crate::vault::{BodyKey, VaultError};
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
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
    /// The seed of its salts, if it is ours.
    pub seed: Option<[u8; 32]>,
}

/// What is kept of a statement beside its elements.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The statement as it was signed.
    pub statement: &'a [u8],
    /// The mandate that is carried beside it (ISACS 9.3).
    pub mandate: Option<&'a [u8]>,
    /// The seed of its salts, if it is ours: it may be sealed again.
    pub seed: Option<[u8; 32]>,
}

/// An envelope of the outbox.
pub struct HeldEnvelope {
    /// The body of its frame, the same at every try.
    pub bytes: Vec<u8>,
    /// The key of the receipt that will answer it.
    pub export: [u8; 32],
}

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<ByteArray<32>>,
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
    /// `elements` are (path, whether it is restricted, disclosure).
    ///
    /// # Errors
    /// As for [`Change::event`].
    pub fn keep_body(
        &self,
        change: &mut Change,
        statement: Digest,
        said: Kept<'_>,
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
        let Kept { statement: bytes, mandate, seed } = said;
        let (mandate, seed) = (mandate.map(ByteBuf::from), seed.map(ByteArray::new));
        let form = BodyForm { statement: bytes.to_vec(), elements: kept, mandate, seed };
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
            seed: form.seed.map(ByteArray::into_array),
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

    /// Tells whether a case was opened.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn is_opened(&self, id: &CaseId) -> Result<bool, StoreError> {
        Ok(self.store.get(&keys::case(id))?.is_some())
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
        Ok(Some(HeldEnvelope { bytes: self.store.read(&blob)?, export: self.export(&row)? }))
    }

    /// Returns the key of the receipt of an envelope in the outbox.
    ///
    /// # Errors
    /// As for [`Self::cases`].
    pub fn receipt_key(&self, envelope: &MessageId) -> Result<Option<[u8; 32]>, StoreError> {
        let Some((Entry::Queued(row), _)) = self.get(&keys::outbox(envelope))? else { return Ok(None) };
        self.export(&row).map(Some)
    }

    fn export(&self, row: &OutboxRow) -> Result<[u8; 32], StoreError> {
        let export = self.body_key.open(&export_context(&row.envelope), &row.export).map_err(sealed)?;
        <[u8; 32]>::try_from(export.as_slice()).map_err(|_| missing("receipt key"))
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
