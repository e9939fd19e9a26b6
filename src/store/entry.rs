use super::{Batch, Indexer, Location, MAX_INDEX_VALUE, Record, RecordRef, StoreError};
use crate::case::{Event, HeldEnd, Word};
use crate::evidence::Leaf as LogLeaf;
use crate::model::{ActKind, CaseId, Digest, Head, Held, HeldId, MessageId, Party, Timestamp};
use crate::relay::Row as MailboxRow;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};

/// The kind of a small record: one [`Entry`].
pub(super) const ENTRY: u8 = 1;
/// The kind of a big record: sealed bytes that the next entry names.
pub(super) const BLOB: u8 = 0x81;

/// What a small journal record says; sealed bodies and envelopes lie in the big record before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "few of them live at once")]
pub enum Entry {
    /// One addition to a case.
    Event {
        /// The case.
        case: CaseId,
        /// The addition.
        event: Event,
    },
    /// The big record before this one is the sealed body of a statement.
    Body {
        /// The statement digest.
        statement: Digest,
    },
    /// The big record before this one is an envelope that waits to be delivered.
    Queued(OutboxRow),
    /// An envelope waits no longer.
    Settled {
        /// The envelope.
        envelope: MessageId,
    },
    /// A leaf of the evidence log that is kept with a peer.
    Leaf {
        /// The peer.
        peer: Party,
        /// Which of our logs about the peer: after a loss another begins.
        #[serde(default, skip_serializing_if = "is_zero")]
        nth: u32,
        /// Its place in the log.
        index: u64,
        /// The leaf.
        #[serde(with = "serde_bytes")]
        leaf: Vec<u8>,
        /// The hashes of the whole subtrees of 2, 4, 8 … leaves that it completes, smallest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        completed: Vec<Digest>,
    },
    /// A log head: the newest of our log about a peer, or of the peer's about us that we have seen.
    Head {
        /// The peer.
        peer: Party,
        /// Whose log.
        ours: bool,
        /// Which of our logs about the peer.
        #[serde(default, skip_serializing_if = "is_zero")]
        nth: u32,
        /// Its head.
        head: Head,
        /// The statement whose receipt shows it, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown_by: Option<Digest>,
    },
    /// A receipt: ours for an act that we received, or the peer's for one that we sent.
    Receipt {
        /// The statement digest.
        statement: Digest,
        /// Who signed it.
        ours: bool,
        /// The party that signed it, where it is the principal's for its copy (ISACS 9.3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy: Option<Party>,
        /// The receipt.
        #[serde(with = "serde_bytes")]
        receipt: Vec<u8>,
    },
    /// A peer's proof that its log has gone on from the heads of it that we have seen.
    Audit {
        /// The peer.
        peer: Party,
        /// Its signed answer.
        #[serde(with = "serde_bytes")]
        answer: Vec<u8>,
    },
    /// A head of our log about a peer, signed by both keys.
    Anchor {
        /// The peer.
        peer: Party,
        /// The anchor.
        #[serde(with = "serde_bytes")]
        anchor: Vec<u8>,
    },
    /// Proof that a peer has signed what cannot both be true.
    Alarm {
        /// The peer.
        peer: Party,
        /// When it was found out.
        at: Timestamp,
        /// What it is, in words.
        words: String,
        /// The proof, which verifies alone; empty if nothing signed proves it.
        #[serde(with = "serde_bytes")]
        proof: Vec<u8>,
    },
    /// An answer waits for a courier to carry it back.
    Owed(OwedAnswer),
    /// An answer was packed; the peer asks again if the bag is lost.
    Handed {
        /// To whom it goes.
        peer: Party,
        /// The envelope that it answers.
        envelope: MessageId,
    },
    /// Something that an officer did here (DESIGN §7, the private journal).
    LocalAct(LocalAct),
    /// The big record before this one is what an act says that waits for other officers.
    Held(Held),
    /// An officer has given a word for it.
    Word(Word),
    /// It waits no longer.
    HeldEnded {
        /// The act.
        id: HeldId,
        /// What became of it.
        end: HeldEnd,
    },
    /// A relay has signed for an envelope, and perhaps that it gave it up.
    Custody {
        /// The envelope.
        envelope: MessageId,
        /// The relay.
        relay: Party,
        /// Since when it has it, by its own clock.
        since: Timestamp,
        /// Its custody as it was signed.
        #[serde(with = "serde_bytes")]
        custody: Vec<u8>,
        /// Its notice of expiry as it was signed.
        notice: Option<serde_bytes::ByteBuf>,
    },
    /// How far a thread of our mailbox at a relay has come.
    Mailbox {
        /// The relay.
        relay: Party,
        /// The thread's row.
        row: MailboxRow,
    },
    /// All before this came out of a backup; what came after that backup was made is with the peers.
    Restored {
        /// Drawn once, so that two restores of one backup are not confused.
        id: MessageId,
        /// When it was restored.
        at: Timestamp,
        /// When the backup was made.
        made_at: Timestamp,
    },
    /// A peer has given back what it had, or an officer has decided to go on without it.
    Recovered {
        /// The restore after which.
        restore: MessageId,
        /// The peer.
        peer: Party,
        /// When.
        at: Timestamp,
        /// The officer who decided to go on without it, and why.
        without: Option<(String, String)>,
    },
    /// Another log about a peer was begun, since one was lost.
    Reopened {
        /// The restore after which.
        restore: MessageId,
        /// The peer.
        peer: Party,
    },
    /// Nothing in a case waits for anybody; the next event of the case ends that.
    AtRest {
        /// The case.
        case: CaseId,
    },
}

/// An envelope that waits to be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The envelope.
    pub envelope: MessageId,
    /// To whom it goes.
    pub peer: Party,
    /// The case.
    pub case: CaseId,
    /// The statement inside.
    pub statement: Digest,
    /// Which act the statement makes.
    pub act: ActKind,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// The key of its receipt, sealed by the body key.
    #[serde(with = "serde_bytes")]
    pub export: Vec<u8>,
}

/// What is owed to a peer for an envelope that a courier brought (DESIGN §9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedAnswer {
    /// To whom it goes.
    pub peer: Party,
    /// The envelope that it answers.
    pub envelope: MessageId,
    /// What is said.
    pub answer: CarriedAnswer,
}

/// What is said about an envelope that a courier brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedAnswer {
    /// Its act is durable: the receipt, sealed for that copy.
    Receipt(#[serde(with = "serde_bytes")] Vec<u8>),
    /// It was refused.
    Reject {
        /// The code of the first cause.
        code: String,
        /// The cause in words for the peer.
        words: String,
        /// Whether the same bytes may be taken later.
        retryable: bool,
    },
}

/// Something that an officer did here and that must be accounted for (ISACS 8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalAct {
    /// When.
    pub at: Timestamp,
    /// Which officer.
    pub officer: String,
    /// The verb, as the command line writes it.
    pub verb: String,
    /// The case, if it was about one.
    pub case: Option<CaseId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(nth: &u32) -> bool {
    *nth == 0
}

impl Entry {
    pub(super) fn record(&self) -> Result<Record, StoreError> {
        let bytes = wire::encode(self).map_err(|e| StoreError::Failed { cause: e.to_string() })?;
        Ok(Record { kind: ENTRY, bytes })
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        wire::decode(bytes, &Limits::FILE).map_err(|e| StoreError::Failed {
            cause: format!("the journal holds an entry that this release cannot read: {e}"),
        })
    }

    /// Returns what the entry changes in the index.
    fn keys(&self, at: &Location) -> Vec<(Vec<u8>, Put)> {
        match self {
            Self::Event { case, event } => {
                let mut changes = vec![(keys::event(case, at), Put::Entry), (keys::active(case), Put::Mark)];
                changes.extend(found_by(case, event));
                // Permits and judgements are local acts too: the private journal holds them (DESIGN §7).
                changes.extend(is_local(event).then(|| (keys::local_act(at), Put::Entry)));
                changes
            }
            Self::AtRest { case } => vec![(keys::active(case), Put::Nothing)],
            Self::Body { statement } => vec![(keys::body(statement), Put::Entry)],
            Self::Queued(row) => vec![
                (keys::outbox(&row.envelope), Put::Entry),
                // It outlives the outbox row: the history of an act names the relays that carried it.
                (keys::envelope_of(&row.statement, &row.envelope), Put::Bytes(row.peer.to_string().into())),
            ],
            Self::Settled { envelope } => vec![(keys::outbox(envelope), Put::Nothing)],
            Self::Leaf { peer, nth, index, leaf, .. } => {
                let mut changes = vec![(keys::leaf(peer, *nth, *index), Put::Entry)];
                if let Ok(LogLeaf::Act { statement, .. }) = LogLeaf::parse(leaf) {
                    changes.push((keys::leaf_of((peer, *nth), &statement, *index), Put::Mark));
                }
                changes
            }
            Self::Head { peer, ours, nth, head, shown_by } => {
                let mut changes = vec![(keys::head(peer, *ours), Put::Entry)];
                changes.extend(ours.then(|| (keys::nth_head(peer, *nth), Put::Entry)));
                changes.extend(shown_by.map(|by| (keys::shown(peer, head), Put::Bytes(by.0.into()))));
                changes
            }
            Self::Receipt { statement, copy: Some(by), .. } => {
                vec![(keys::copy_receipt(statement, by), Put::Entry)]
            }
            Self::Receipt { statement, ours, .. } => vec![(keys::receipt(statement, *ours), Put::Entry)],
            Self::Audit { peer, .. } => vec![(keys::audit(peer, at), Put::Entry)],
            Self::Anchor { peer, .. } => vec![(keys::anchor(peer), Put::Entry)],
            Self::Alarm { .. } => vec![(keys::alarm(at), Put::Entry)],
            Self::Owed(owed) => vec![(keys::owed(&owed.peer, &owed.envelope), Put::Entry)],
            Self::Handed { peer, envelope } => vec![(keys::owed(peer, envelope), Put::Nothing)],
            Self::LocalAct(_) => vec![(keys::local_act(at), Put::Entry)],
            Self::Held(held) => vec![
                (keys::held(&held.id), Put::Entry),
                (keys::waiting(&held.id), Put::Mark),
                (keys::local_act(at), Put::Entry),
            ],
            Self::Word(word) => {
                vec![(keys::word(&word.id, at), Put::Entry), (keys::local_act(at), Put::Entry)]
            }
            Self::HeldEnded { id, .. } => vec![
                (keys::held_end(id), Put::Entry),
                (keys::waiting(id), Put::Nothing),
                (keys::local_act(at), Put::Entry),
            ],
            Self::Custody { envelope, relay, .. } => vec![(keys::custody(envelope, Some(relay)), Put::Entry)],
            Self::Restored { .. } => vec![(keys::RESTORED.to_vec(), Put::Entry)],
            Self::Recovered { peer, .. } => vec![(keys::recovered(peer), Put::Entry)],
            Self::Reopened { peer, .. } => vec![(keys::reopened(peer), Put::Entry)],
            Self::Mailbox { relay, row } => vec![(keys::mailbox(relay, Some(row)), Put::Entry)],
        }
    }
}

/// What comes under a key of the index.
enum Put {
    /// The entry, or its place.
    Entry,
    /// These bytes; what they say is in the entry too.
    Bytes(Vec<u8>),
    /// Nothing but the key.
    Mark,
    /// The key goes.
    Nothing,
}

/// Returns by what else a case is found, once an event is part of it.
fn found_by(case: &CaseId, event: &Event) -> Option<(Vec<u8>, Put)> {
    match event {
        Event::Opened(_) => Some((keys::case(case), Put::Bytes(case.as_str().into()))),
        Event::ActRecorded(record) => {
            let header = &record.facts.header;
            let key = keys::identity(&header.issuer, &header.message_id);
            Some((key, Put::Bytes(header.digest.0.into())))
        }
        Event::PermitGranted(_) | Event::ReleaseDenied(_) => Some((keys::releases(case), Put::Mark)),
        Event::PermitUsed(_)
        | Event::PermitApproved(_)
        | Event::PermitBarred(_)
        | Event::EmergencyReviewed(_)
        | Event::Filed(_)
        | Event::ReceiptRecorded(_)
        | Event::ReceiptConflict(_)
        | Event::Equivocation(_)
        | Event::ChanceJudged(_) => None,
    }
}

/// Tells whether an event is an officer's doing that no peer ever hears of.
const fn is_local(event: &Event) -> bool {
    match event {
        Event::ChanceJudged(_)
        | Event::Filed(_)
        | Event::PermitGranted(_)
        | Event::PermitUsed(_)
        | Event::PermitApproved(_)
        | Event::PermitBarred(_)
        | Event::EmergencyReviewed(_)
        | Event::ReleaseDenied(_) => true,
        Event::Opened(_)
        | Event::ActRecorded(_)
        | Event::ReceiptRecorded(_)
        | Event::ReceiptConflict(_)
        | Event::Equivocation(_) => false,
    }
}

/// Where each kind of entry is found in the index.
pub(super) mod keys {
    use super::{CaseId, Digest, Head, HeldId, Location, MailboxRow, MessageId, Party};

    pub const EVENTS: &[u8] = b"e/";
    pub const CASES: &[u8] = b"c/";
    pub const ACTIVE: &[u8] = b"a/";
    pub const RELEASES: &[u8] = b"p/";
    pub const OUTBOX: &[u8] = b"o/";
    pub const HELD: &[u8] = b"d/h/";
    pub const WAITING: &[u8] = b"d/w/";
    pub const LEAVES: &[u8] = b"l/";
    pub const OUR_HEADS: &[u8] = b"h/o/";
    pub const LOCAL_ACTS: &[u8] = b"j/";
    pub const ALARMS: &[u8] = b"x/";
    pub const CUSTODIES: &[u8] = b"k/";

    pub const RESTORED: &[u8] = b"z/restored";
    pub const RECOVERED: &[u8] = b"z/recovered/";

    pub fn reopened(peer: &Party) -> Vec<u8> {
        [b"z/reopened/", peer.to_string().as_bytes()].concat()
    }
    pub fn recovered(peer: &Party) -> Vec<u8> {
        [RECOVERED, peer.to_string().as_bytes()].concat()
    }
    pub fn event(case: &CaseId, at: &Location) -> Vec<u8> {
        [&events(case)[..], &order(at)].concat()
    }
    pub fn events(case: &CaseId) -> Vec<u8> {
        [EVENTS, case.as_str().as_bytes(), b"\0"].concat()
    }
    /// Sorts by minter, year and number.
    pub fn case(case: &CaseId) -> Vec<u8> {
        [&minted(case.minter(), case.year())[..], &case.number().to_be_bytes()].concat()
    }
    /// What the cases begin with that one party minted in one year.
    pub fn minted(minter: &str, year: u16) -> Vec<u8> {
        [CASES, minter.as_bytes(), b"\0", &year.to_be_bytes()].concat()
    }
    pub fn active(case: &CaseId) -> Vec<u8> {
        [ACTIVE, case.as_str().as_bytes()].concat()
    }
    pub fn releases(case: &CaseId) -> Vec<u8> {
        [RELEASES, case.as_str().as_bytes()].concat()
    }
    pub fn identity(issuer: &Party, id: &MessageId) -> Vec<u8> {
        [b"i/", issuer.to_string().as_bytes(), b"\0", &id.0[..]].concat()
    }
    pub fn body(statement: &Digest) -> Vec<u8> {
        [b"b/", &statement.0[..]].concat()
    }
    pub fn outbox(envelope: &MessageId) -> Vec<u8> {
        [OUTBOX, &envelope.0[..]].concat()
    }
    pub fn held(id: &HeldId) -> Vec<u8> {
        [HELD, id.as_str().as_bytes()].concat()
    }
    pub fn waiting(id: &HeldId) -> Vec<u8> {
        [WAITING, id.as_str().as_bytes()].concat()
    }
    pub fn held_end(id: &HeldId) -> Vec<u8> {
        [b"d/e/", id.as_str().as_bytes()].concat()
    }
    /// What the words for one act begin with.
    pub fn words(id: &HeldId) -> Vec<u8> {
        [b"d/v/", id.as_str().as_bytes(), b"\0"].concat()
    }
    pub fn word(id: &HeldId, at: &Location) -> Vec<u8> {
        [&words(id)[..], &order(at)].concat()
    }
    pub fn leaf(peer: &Party, nth: u32, index: u64) -> Vec<u8> {
        [&leaves(peer)[..], &nth.to_be_bytes(), &index.to_be_bytes()].concat()
    }
    /// Marks that a statement has a leaf, and which.
    pub fn leaf_of(log: (&Party, u32), statement: &Digest, index: u64) -> Vec<u8> {
        [&leaves_of(log, statement)[..], &index.to_be_bytes()].concat()
    }
    /// What the marks of a statement's leaves in one log begin with.
    pub fn leaves_of((peer, nth): (&Party, u32), statement: &Digest) -> Vec<u8> {
        [b"s/", peer.to_string().as_bytes(), b"\0", &nth.to_be_bytes(), &statement.0[..]].concat()
    }
    /// Finds the statement whose receipt shows a head.
    pub fn shown(peer: &Party, head: &Head) -> Vec<u8> {
        [&shown_at(peer, head)[..], &head.root.0[..]].concat()
    }
    /// What the heads of one log at one size begin with; a log has but one root there.
    pub fn shown_at(peer: &Party, head: &Head) -> Vec<u8> {
        let size = head.size.to_be_bytes();
        [b"g/", peer.to_string().as_bytes(), b"\0", &head.log.0[..], &size[..]].concat()
    }
    /// What the leaves of all logs about a peer begin with.
    pub fn leaves(peer: &Party) -> Vec<u8> {
        [LEAVES, peer.to_string().as_bytes(), b"\0"].concat()
    }
    /// The newest head of each of our logs about a peer.
    pub fn nth_head(peer: &Party, nth: u32) -> Vec<u8> {
        [&nth_heads(peer)[..], &nth.to_be_bytes()].concat()
    }
    pub fn nth_heads(peer: &Party) -> Vec<u8> {
        [b"h/n/", peer.to_string().as_bytes(), b"\0"].concat()
    }
    pub fn head(peer: &Party, ours: bool) -> Vec<u8> {
        [if ours { OUR_HEADS } else { b"h/p/" }, peer.to_string().as_bytes()].concat()
    }
    pub fn receipt(statement: &Digest, ours: bool) -> Vec<u8> {
        [if ours { b"r/o/" } else { b"r/p/" }, &statement.0[..]].concat()
    }
    pub fn audits(peer: &Party) -> Vec<u8> {
        [b"y/", peer.to_string().as_bytes(), b"\0"].concat()
    }
    pub fn audit(peer: &Party, at: &Location) -> Vec<u8> {
        [audits(peer), order(at).to_vec()].concat()
    }
    pub fn anchor(peer: &Party) -> Vec<u8> {
        [b"n/", peer.to_string().as_bytes()].concat()
    }
    pub fn alarm(at: &Location) -> Vec<u8> {
        [ALARMS, &order(at)[..]].concat()
    }
    pub fn envelope_of(statement: &Digest, envelope: &MessageId) -> Vec<u8> {
        [&envelopes_of(statement)[..], &envelope.0].concat()
    }
    /// What the marks of a statement's envelopes begin with.
    pub fn envelopes_of(statement: &Digest) -> Vec<u8> {
        [b"q/", &statement.0[..]].concat()
    }
    pub fn custody(envelope: &MessageId, relay: Option<&Party>) -> Vec<u8> {
        let relay = relay.map(ToString::to_string).unwrap_or_default();
        [CUSTODIES, &envelope.0[..], relay.as_bytes()].concat()
    }
    pub fn mailbox(relay: &Party, row: Option<&MailboxRow>) -> Vec<u8> {
        let row = row.map(|row| format!("{}/{:?}", row.from, row.lane)).unwrap_or_default();
        [b"m/", relay.to_string().as_bytes(), b"\0", row.as_bytes()].concat()
    }
    pub fn copy_receipt(statement: &Digest, by: &Party) -> Vec<u8> {
        [b"r/c/", &statement.0[..], by.to_string().as_bytes()].concat()
    }
    pub fn local_act(at: &Location) -> Vec<u8> {
        [LOCAL_ACTS, &order(at)[..]].concat()
    }

    /// What the answers begin with that a courier is to carry to one peer.
    pub fn owed_to(peer: &Party) -> Vec<u8> {
        [b"w/", peer.to_string().as_bytes(), b"\0"].concat()
    }
    pub fn owed(peer: &Party, envelope: &MessageId) -> Vec<u8> {
        [&owed_to(peer)[..], &envelope.0[..]].concat()
    }

    /// Sorts as the journal does: by segment, then by place in it.
    fn order(at: &Location) -> [u8; 12] {
        let mut out = [0; 12];
        out[..4].copy_from_slice(&at.segment.to_be_bytes());
        out[4..].copy_from_slice(&at.offset.to_be_bytes());
        out
    }
}

/// A row of the index: the entry or its place, and the place of the big record that it names.
pub(super) struct Row {
    pub entry: EntryAt,
    pub blob: Option<Location>,
}

/// An entry that is small enough to stand in the index itself, or the place where it lies.
pub(super) enum EntryAt {
    Here(Vec<u8>),
    At(Location),
}

const HERE: u8 = 0;
const AT: u8 = 1;
const WITH_BLOB: u8 = 2;

impl Row {
    fn encode(entry: &[u8], at: &Location, blob: Option<&Location>) -> Vec<u8> {
        let blob_bytes = blob.map(Location::to_bytes);
        let here = entry.len() + 1 + Location::BYTES <= MAX_INDEX_VALUE;
        let mut out = vec![if here { HERE } else { AT } | if blob.is_some() { WITH_BLOB } else { 0 }];
        out.extend(blob_bytes.iter().flatten());
        if here {
            out.extend_from_slice(entry)
        } else {
            out.extend_from_slice(&at.to_bytes())
        }
        out
    }

    pub fn parse(value: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Failed { cause: "an index row cannot be read".to_owned() };
        let (flags, mut rest) = value.split_first().ok_or_else(damaged)?;
        let mut blob = None;
        if flags & WITH_BLOB != 0 {
            let (bytes, after) = rest.split_at_checked(Location::BYTES).ok_or_else(damaged)?;
            blob = Some(Location::from_bytes(bytes).ok_or_else(damaged)?);
            rest = after;
        }
        let entry = if flags & AT == 0 {
            EntryAt::Here(rest.to_vec())
        } else {
            EntryAt::At(Location::from_bytes(rest).ok_or_else(damaged)?)
        };
        Ok(Self { entry, blob })
    }
}

/// Builds the index from entries; a big record belongs to the entry right after it.
#[derive(Default)]
pub(super) struct EntryIndexer {
    blob: Option<Location>,
}

impl Indexer for EntryIndexer {
    fn index(&mut self, record: &RecordRef<'_>) -> Batch {
        let blob = self.blob.take();
        let Some(bytes) = record.bytes else {
            self.blob = Some(record.location);
            return Batch::new();
        };
        // What cannot be parsed has no keys; reading the journal as a whole reports it.
        let Ok(entry) = Entry::parse(bytes) else { return Batch::new() };
        let named =
            matches!(entry, Entry::Body { .. } | Entry::Queued(_) | Entry::Held(_)).then_some(blob).flatten();
        let row = |put: Put| match put {
            Put::Entry => Some(Row::encode(bytes, &record.location, named.as_ref())),
            Put::Bytes(bytes) => Some(bytes),
            Put::Mark => Some(Vec::new()),
            Put::Nothing => None,
        };
        entry.keys(&record.location).into_iter().map(|(key, put)| (key, row(put))).collect()
    }
}
