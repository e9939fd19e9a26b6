use super::{Location, Record, StoreError, keys};
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
        // Each record has a checksum of its own.
        wire::read_back(bytes, &Limits::FILE).map_err(|e| StoreError::Failed {
            cause: format!("the journal holds an entry that this release cannot read: {e}"),
        })
    }

    /// Returns what the entry changes in the index.
    pub(super) fn keys(&self, at: &Location) -> Vec<(Vec<u8>, Put)> {
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
pub(super) enum Put {
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
