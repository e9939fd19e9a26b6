//! The data of each reply, with exactly the field names that scripts rely on.

use crate::control::{AlarmView, BehalfView, CustodyView};
use crate::model::{
    ActKind, CaseId, Digest, ElementPath, Label, Outcome, PartialDate, Party, Ternary, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Whether the requester declares that it can keep confidence and restrictions; none if it does not say (ISACS 8.4).
    #[serde(default)]
    pub can_comply: Option<bool>,
    /// The answer of another State that the request follows (DESIGN §3.9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<FollowsView>,
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

/// The answer of another State from which a trace goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowsView {
    /// Its statement digest, by which alone what is not quoted is known.
    pub response: Digest,
    /// The case in which it stands, if that is one of ours.
    pub case: Option<CaseId>,
    /// Who answered, if that is known here.
    pub answered_by: Option<Party>,
    /// The elements that are quoted from it.
    pub quoted: Vec<ElementPath>,
    /// The codes of the joined label that binds what is quoted.
    pub restrictions: Vec<String>,
    /// The elements to whose passing on their State has not consented; they are known by the digest alone.
    pub pending: BTreeSet<ElementPath>,
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
    /// Whether whoever asks declares that it can keep confidence and restrictions; none if it does not say (ISACS 8.4).
    #[serde(default)]
    pub can_comply: Option<bool>,
    /// The due instant of that, if it has one.
    pub due: Option<Timestamp>,
    /// How that clock stands.
    pub standing: Option<Standing>,
    /// Whether it is a training act.
    pub exercise: bool,
}

/// A form to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormView {
    /// The annotated form, as JSON text.
    pub form: String,
    /// What an officer must know before writing anything, each with its clause.
    #[serde(default)]
    pub warnings: Vec<String>,
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
    /// What an officer may want to think over, each with its clause (ISACS 8.3.4.2, 8.4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
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
    pub custody: Vec<CustodyView>,
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
