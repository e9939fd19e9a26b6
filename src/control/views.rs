//! The data of each reply, with exactly the field names that scripts rely on.

use crate::control::{AlarmView, AttachmentView, BehalfView, RecoveryView};
use crate::model::{
    ActKind, CaseId, Digest, Label, Outcome, PartialDate, Party, Purpose, Ternary, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which side of a case this node is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseRole {
    /// It asks.
    Requester,
    /// It is asked.
    Requested,
    /// Its agent asks or is asked (ISACS 9.3).
    Observer,
}

/// One of the two clocks (ISACS 8.3.1, 8.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Seven days to acknowledge.
    Ack,
    /// Eight weeks to respond.
    Respond,
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Time is left.
    Running,
    /// Little time is left.
    DueSoon,
    /// The due instant has passed.
    Overdue,
    /// Stopped in time.
    Met,
    /// Stopped, but late.
    MetLate,
}

/// Whether an act of ours has reached the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Nothing of ours is to be delivered.
    None,
    /// It waits in the outbox.
    Queued,
    /// The peer's receipt is here.
    Delivered,
    /// The peer refused it.
    Refused,
    /// The horizon has passed without a receipt; it is still tried.
    Expired,
}

/// Which way an act went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// We made it.
    Sent,
    /// The peer made it.
    Received,
}

/// A case as lists show it; it holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    /// The case.
    pub case: CaseId,
    /// Our side.
    pub role: CaseRole,
    /// The other party.
    pub peer: Party,
    /// Who acts for whom, if one side is an agent (ISACS 9.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<BehalfView>,
    /// The state's code, as the room `case` names it.
    pub state: String,
    /// When the requested side received the current version; it starts both clocks.
    pub received_at: Option<Timestamp>,
    /// The exclusive end of the acknowledgement clock.
    pub ack_due: Option<Timestamp>,
    /// When the acknowledgement arrived at the requester.
    pub ack_at: Option<Timestamp>,
    /// When we made the acknowledgement; on the requested side only.
    pub ack_sent_at: Option<Timestamp>,
    /// Whether the gateway acknowledged on its own.
    pub ack_automatic: bool,
    /// The exclusive end of the response clock.
    pub respond_due: Option<Timestamp>,
    /// When the response that ended the clock arrived at the requester.
    pub responded_at: Option<Timestamp>,
    /// The clocks that have run out.
    pub overdue: Vec<Clock>,
    /// The clocks that soon will.
    pub due_soon: Vec<Clock>,
    /// The versions of the request, oldest first.
    pub versions: Vec<VersionView>,
    /// The items with their own clocks and outcomes.
    pub items: Vec<ItemView>,
    /// The announcement of a late response, while it matters (ISACS 8.3.4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<DelayView>,
    /// The last judgement of the request's chance of success (ISACS 8.3.2 ¶3); on the side that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<JudgementView>,
    /// Questions about acts, with their answers (ISACS 8.3.4.2).
    pub questions: Vec<QuestionView>,
    /// What each side last told of each item's outcome (ISACS 5.3, 10.2 c).
    pub outcomes: Vec<OutcomeView>,
    /// What either side owes and has not done.
    pub reminders: Vec<ReminderView>,
    /// The restricted elements received or given.
    pub restrictions: Vec<ElementView>,
    /// When an officer put it away, unless something has come since.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Whether our newest act has reached the peer.
    pub delivery: Delivery,
    /// What needs an officer's eye, as codes.
    pub flags: Vec<String>,
    /// Whether it is a training case (ISACS 7.1.4).
    pub exercise: bool,
}

/// The announcement of a late response; the clock runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayView {
    /// The announcement.
    pub act: Digest,
    /// Its grounds: `a1`, `a2`, `b`, `c`.
    pub grounds: Vec<String>,
    /// When the response is expected.
    pub expected: Option<PartialDate>,
}

/// An officer's judgement of the chance of success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgementView {
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub officer: String,
    /// Whether there is a reasonable chance.
    pub reasonable: bool,
    /// Why.
    pub reason: String,
}

/// A question about an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionView {
    /// The question.
    pub digest: Digest,
    /// Who asked.
    pub by: Party,
    /// The act in question.
    pub about: Digest,
    /// The last answer.
    pub answer: Option<Digest>,
}

/// What one side told of one item's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeView {
    /// Who told it.
    pub by: Party,
    /// The item.
    pub item: u32,
    /// Whether the point at which it became illicit was found.
    pub point_of_diversion: Ternary,
    /// Whether those responsible are or were prosecuted.
    pub prosecution: Ternary,
}

/// Something that one side owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderView {
    /// What, as a code such as `clarification_awaited`.
    pub code: String,
    /// Who owes it.
    pub owed_by: CaseRole,
    /// The act to which it is owed.
    pub about: Digest,
    /// The first instant at which it is late.
    pub due: Option<Timestamp>,
}

/// One version of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// Counted from one.
    pub version: u32,
    /// Its statement digest.
    pub digest: Digest,
    /// The return of it, if it was returned (ISACS 8.3.2 ¶2).
    pub returned_by: Option<Digest>,
    /// When the requested side received it.
    pub received_at: Option<Timestamp>,
    /// The exclusive end of its acknowledgement clock.
    pub ack_due: Option<Timestamp>,
    /// The exclusive end of its response clock.
    pub respond_due: Option<Timestamp>,
}

/// One item of a case; it repeats the clock fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemView {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// What became of it: `open`, `full`, `partial`, `none_found`, `not_ours`, `refused`, `returned`, `withdrawn`.
    pub state: String,
    /// How far it is answered.
    pub outcome: Option<Outcome>,
    /// When the requested side received the request.
    pub received_at: Option<Timestamp>,
    /// The exclusive end of the acknowledgement clock.
    pub ack_due: Option<Timestamp>,
    /// When the acknowledgement arrived.
    pub ack_at: Option<Timestamp>,
    /// The exclusive end of the response clock.
    pub respond_due: Option<Timestamp>,
    /// When the answer to this item arrived.
    pub responded_at: Option<Timestamp>,
    /// The clocks that have run out.
    pub overdue: Vec<Clock>,
}

/// An element and the codes of its restrictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementView {
    /// The path, such as `items/0/elements/1`.
    pub path: String,
    /// The codes: `d`, `e`, `f`, `h1`, `other`.
    pub restrictions: Vec<String>,
}

/// A case with its acts; `case show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseDetail {
    /// The case.
    #[serde(flatten)]
    pub case: CaseView,
    /// Its acts, in the order of the fold.
    pub acts: Vec<ActView>,
    /// The content of its acts; only with `--reveal`, and recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<ContentView>>,
    /// What the other party has signed and contradicted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmView>,
}

/// One act of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActView {
    /// Which act.
    pub kind: ActKind,
    /// Its statement digest.
    pub digest: Digest,
    /// Who made it.
    pub issuer: Party,
    /// On whose behalf, if on anyone's (ISACS 9.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Party>,
    /// Which way it went.
    pub direction: Direction,
    /// When we made or received it.
    pub at: Timestamp,
    /// Whether the gateway made it on its own.
    pub automatic: bool,
    /// The receipt for it, given or got.
    pub receipt: Option<ReceiptView>,
    /// Whether ours has reached the peer.
    pub delivery: Delivery,
    /// What needs an officer's eye, as codes.
    pub flags: Vec<String>,
}

/// A receipt: these bytes are verified and durable with the one who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Who received.
    pub by: Party,
    /// When.
    pub received_at: Timestamp,
}

/// The content of one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentView {
    /// The act.
    pub digest: Digest,
    /// Which act.
    pub kind: ActKind,
    /// The body; one that holds sealed elements is a flat map of their paths, and those show only their codes.
    pub body: Value,
    /// The labels of the sealed elements, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<String, Label>,
}

/// A case as it goes on paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintView {
    /// For whom the gateway speaks.
    pub party: Party,
    /// The case with the content of its acts.
    pub detail: CaseDetail,
    /// Who prints it.
    pub officer: String,
    /// When.
    pub at: Timestamp,
}

/// Something in the inbox that waits for an officer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// The case.
    pub case: CaseId,
    /// Who wrote.
    pub peer: Party,
    /// For whom, where an agent wrote (ISACS 9.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Party>,
    /// What they wrote.
    pub act: ActKind,
    /// When it came.
    pub at: Timestamp,
    /// What to do: `acknowledge`, `respond`, `read`.
    pub todo: String,
    /// The due instant of that, if it has one.
    pub due: Option<Timestamp>,
    /// How that clock stands.
    pub standing: Option<Standing>,
    /// Whether it is a training act.
    pub exercise: bool,
}

/// What became of an act that an officer made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedView {
    /// The case.
    pub case: CaseId,
    /// The act.
    pub act: ActKind,
    /// Its statement digest.
    pub digest: Digest,
    /// To whom it goes.
    pub peer: Party,
    /// The state of the case after it.
    pub state: String,
    /// Whether it has arrived.
    pub delivery: Delivery,
    /// When it was made.
    pub at: Timestamp,
    /// Whether it is a training act.
    pub exercise: bool,
    /// The name under which it waits for other officers, who confirm `digest`; then nothing went out yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// What might have been done with fewer restrictions (ISACS 8.3.4.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Permitted, not yet used.
    Permitted,
    /// Too few officers agree to it yet.
    AwaitingApproval,
    /// Another officer barred it.
    Barred,
    /// Used.
    Used,
    /// Not used in time.
    Expired,
    /// Denied by a rule.
    Denied,
}

/// A release as lists show it; it holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseView {
    /// The permit.
    pub id: String,
    /// The case.
    pub case: CaseId,
    /// What became of it.
    pub state: ReleaseState,
    /// The recipient authority.
    pub to: String,
    /// For what.
    pub purpose: Purpose,
    /// Who asked.
    pub officer: String,
    /// The elements it opens.
    pub elements: Vec<ElementView>,
    /// The rule that denied it, such as `8.3.4.2(d)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it was granted or denied.
    pub granted_at: Timestamp,
    /// From when it can no longer be used.
    pub expires: Option<Timestamp>,
    /// The digest that another officer confirms.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// How many officers must agree, the one who asked among them.
    #[serde(default)]
    pub approvals: u32,
    /// How many do.
    #[serde(default)]
    pub agreed: u32,
    /// The consents on which it rests.
    #[serde(default)]
    pub consents: Vec<Digest>,
    /// Why it was made without waiting for them.
    #[serde(default)]
    pub emergency: Option<String>,
    /// Whether another officer must still look at it.
    #[serde(default)]
    pub unreviewed: bool,
}

/// A used release with what it opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseShown {
    /// The permit.
    pub id: String,
    /// The case.
    pub case: CaseId,
    /// The recipient authority.
    pub to: String,
    /// For what.
    pub purpose: Purpose,
    /// Who asked.
    pub officer: String,
    /// When it was shown.
    pub shown_at: Timestamp,
    /// Which State gave it.
    pub originator: Party,
    /// The clauses and rules on which it rests.
    pub basis: Vec<String>,
    /// What it opened.
    pub elements: Vec<ShownElement>,
    /// The files that stand in it; they can be read for ten minutes.
    #[serde(default)]
    pub files: Vec<AttachmentView>,
}

/// An opened element; its label travels with it (DESIGN §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownElement {
    /// The statement digest of the act that holds it.
    pub act: Digest,
    /// The path.
    pub path: String,
    /// The label.
    pub label: Option<Label>,
    /// The value.
    pub value: Value,
}

/// A clock of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadlineView {
    /// The case.
    pub case: CaseId,
    /// Which clock.
    pub clock: Clock,
    /// Our side.
    pub role: CaseRole,
    /// The other party.
    pub peer: Party,
    /// The exclusive end.
    pub due: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// Seconds left; negative when overdue.
    pub seconds_left: i64,
}

/// An act in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// The outbox row.
    pub id: String,
    /// To whom.
    pub peer: Party,
    /// The case.
    pub case: CaseId,
    /// Which act.
    pub act: ActKind,
    /// Where it is.
    pub state: Delivery,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try: Option<Timestamp>,
    /// The first real cause of the last failure.
    pub last_cause: Option<String>,
    /// The relays that have signed for it.
    #[serde(default)]
    pub custody: Vec<crate::control::CustodyView>,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// When it was last packed for a courier, since the node's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_at: Option<Timestamp>,
}

/// What `queue retry` woke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryView {
    /// The outbox rows that are tried now.
    pub woken: Vec<String>,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// The party.
    pub peer: Party,
    /// Where it is reached, `host:port`.
    pub address: String,
    /// Whether a connection stands now.
    pub connected: bool,
    /// By which road it stands: `quic` or `tcp`.
    pub road: Option<String>,
    /// When it last spoke to us.
    pub last_contact: Option<Timestamp>,
    /// How many of our acts wait for it.
    pub queued: u64,
}

/// How a peer answered a ping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PingView {
    /// The party, as its certificate says.
    pub peer: Party,
    /// Where it was reached.
    pub address: String,
    /// By which road: `quic`, or `tcp` where UDP is blocked.
    pub road: String,
    /// The round trip, in milliseconds.
    pub rtt_ms: f64,
    /// The handshake, in milliseconds; absent on a connection that stood.
    pub handshake_ms: Option<f64>,
    /// The key exchange group, such as `X25519MLKEM768`.
    pub group: Option<String>,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// For whom it speaks.
    pub party: Party,
    /// Since when it runs.
    pub since: Timestamp,
    /// The program's version.
    pub version: String,
    /// Its control socket.
    pub socket: String,
    /// Its UDP address.
    pub listen: String,
    /// Its TCP address; absent if it takes in no TCP.
    pub listen_tcp: Option<String>,
    /// How many peers it knows.
    pub peers: u64,
    /// How many acts wait in the outbox.
    pub queue: u64,
    /// The journal since start.
    pub journal: JournalStatus,
    /// Refused messages by code.
    pub refused: BTreeMap<String, u64>,
    /// The head of the private journal, to be noted down and checked with `evidence head --check`.
    pub journal_head: String,
    /// The peers that have contradicted what they signed.
    pub alarms: Vec<AlarmView>,
    /// The peers from which a gateway that was restored from a backup has not everything back.
    pub recovery: Vec<RecoveryView>,
}

/// The journal's counters since start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatus {
    /// Commit groups; each was synced once.
    pub groups: u64,
    /// The transactions in them.
    pub transactions: u64,
    /// Bytes written.
    pub bytes: u64,
}
