use super::fold::{Folded, ItemStanding, ItemState, Version};
use super::{ActFacts, ActRecord, Body, Case, Direction, Flag, Role};
use crate::model::{ActKind, CaseId, Digest, Party, Timestamp};
use crate::rules::deadline::{Clock, Profile, Standing, Warning, standing};
use crate::rules::release;

/// A case as it stands at some instant, for officers and scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The case.
    pub case: CaseId,
    /// Which part this side plays.
    pub role: Role,
    /// The other party.
    pub peer: Party,
    /// How far it has come.
    pub state: CaseState,
    /// Whether it is training (ISACS 7.1.4).
    pub exercise: bool,
    /// The clocks of the whole case: those of the current version of the request.
    pub clocks: Clocks,
    /// When this side committed its acknowledgement; none on the side that asks.
    pub ack_sent_at: Option<Timestamp>,
    /// Whether the acknowledgement was made without an officer.
    pub ack_automatic: bool,
    /// The versions of the request, oldest first.
    pub versions: Vec<VersionView>,
    /// The items of the current version.
    pub items: Vec<ItemView>,
    /// The labels that bind now.
    pub restrictions: Vec<Restriction>,
    /// What is remarkable, in code order.
    pub flags: Vec<Flag>,
    /// The acts, those that wait for an ancestor last.
    pub acts: Vec<ActView>,
}

/// How far a case has come; whether anything is overdue stands in [`Clocks`], since it depends on the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseState {
    /// Acts have come, but not the request on which they build.
    AwaitingRequest,
    /// The request was sent; the other gateway has not attested to have it.
    Sent,
    /// The requested side's gateway has the request.
    Received,
    /// The requested side has acknowledged it.
    Acknowledged,
    /// Some items are answered and some are open.
    PartlyAnswered,
    /// Every item is answered.
    Answered,
    /// The request was refused, or what was left of it.
    Refused,
}

/// Both clocks of a case, a version or an item (ISACS 8.3.1, 8.3.4.1). Every instant in it is a receipt's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// When the requested side received the request.
    pub received_at: Option<Timestamp>,
    /// The first instant at which an acknowledgement is late.
    pub ack_due: Option<Timestamp>,
    /// When the acknowledgement, or an answer that stands for it, reached the requester.
    pub ack_at: Option<Timestamp>,
    /// The first instant at which a response is late.
    pub respond_due: Option<Timestamp>,
    /// When the response or refusal reached the requester; for several items, the last one's.
    pub responded_at: Option<Timestamp>,
    /// Where the ack clock stands; none before it starts.
    pub ack: Option<Standing>,
    /// Where the response clock stands; none before it starts.
    pub respond: Option<Standing>,
}

/// One version of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionView {
    /// Its number, from 1.
    pub version: u32,
    /// Its statement digest.
    pub digest: Digest,
    /// Which way it went.
    pub direction: Direction,
    /// When this side committed it.
    pub at: Timestamp,
    /// Its clocks.
    pub clocks: Clocks,
}

/// One item of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemView {
    /// Its place in the request, counted from zero.
    pub item: u32,
    /// What became of it.
    pub state: ItemState,
    /// Its clocks.
    pub clocks: Clocks,
}

/// A usage label on an element of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The response.
    pub act: Digest,
    /// The element.
    pub path: String,
    /// The label's codes: `d`, `e`, `f`, `h1`, `other`.
    pub codes: Vec<&'static str>,
}

/// One act in the history of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActView {
    /// Its statement digest.
    pub digest: Digest,
    /// Which act it is.
    pub kind: ActKind,
    /// Who made it.
    pub issuer: Party,
    /// Which way it went.
    pub direction: Direction,
    /// When this side committed it.
    pub at: Timestamp,
    /// When the other side had it, by its receipt; for a received act, when this side had it.
    pub arrived_at: Option<Timestamp>,
}

/// Shows a case as it stands at `now`; none if it was never opened.
///
/// Clocks count as due soon within `warn` before they are due.
pub fn view(case: &Case, now: Timestamp, warn: Warning) -> Option<View> {
    let opening = case.opening()?;
    let folded = Folded::of(case, opening);
    let current = folded.current();
    let acts = folded.order.iter().chain(&folded.waiting);
    let ack = current.and_then(|version| version.ack);
    Some(View {
        case: opening.case.clone(),
        role: opening.role,
        peer: opening.peer.clone(),
        state: state(current),
        exercise: current.map(|v| v.request).or(acts.clone().next().copied()).is_some_and(is_exercise),
        clocks: current.map(|v| version_clocks(v, now, warn)).unwrap_or_default(),
        ack_sent_at: ack.filter(|record| record.direction == Direction::Sent).map(|record| record.at),
        ack_automatic: ack.is_some_and(|record| record.facts.is_automatic()),
        versions: (1..).zip(&folded.versions).map(|(n, v)| version_view(n, v, now, warn)).collect(),
        items: current.map(|v| item_views(v, now, warn)).unwrap_or_default(),
        restrictions: folded.order.iter().flat_map(|record| restrictions(&record.facts, now)).collect(),
        acts: acts.map(|record| act_view(case, record)).collect(),
        flags: folded.flags.into_iter().collect(),
    })
}

impl CaseState {
    /// Returns the state as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitingRequest => "awaiting_request",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Acknowledged => "acknowledged",
            Self::PartlyAnswered => "partly_answered",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}

impl Clocks {
    /// Lists the clocks that run although their end has passed.
    pub fn overdue(&self) -> Vec<Clock> {
        self.at(Standing::Overdue)
    }

    /// Lists the clocks whose end is near.
    pub fn due_soon(&self) -> Vec<Clock> {
        self.at(Standing::DueSoon)
    }

    /// Lists the clocks that stopped too late.
    pub fn late(&self) -> Vec<Clock> {
        self.at(Standing::MetLate)
    }

    fn at(&self, wanted: Standing) -> Vec<Clock> {
        [(Clock::Ack, self.ack), (Clock::Respond, self.respond)]
            .into_iter()
            .filter_map(|(clock, standing)| (standing == Some(wanted)).then_some(clock))
            .collect()
    }

    fn new(version: &Version<'_>, responded_at: Option<Timestamp>, now: Timestamp, warn: Warning) -> Self {
        let (received_at, ack_at) = (version.received_at, version.ack_at);
        let ack_due = received_at.map(|at| Profile::ISACS_05_31.ack_due(at));
        let respond_due = received_at.map(|at| Profile::ISACS_05_31.respond_due(at));
        Self {
            received_at,
            ack_due,
            ack_at,
            respond_due,
            responded_at,
            ack: ack_due.map(|due| standing(now, due, ack_at, warn.ack)),
            respond: respond_due.map(|due| standing(now, due, responded_at, warn.respond)),
        }
    }
}

fn state(current: Option<&Version<'_>>) -> CaseState {
    let Some(version) = current else { return CaseState::AwaitingRequest };
    let any = |wanted: fn(&ItemStanding) -> bool| version.items.iter().any(wanted);
    if version.is_settled() {
        let refused = any(|item| item.state == ItemState::Refused);
        if refused { CaseState::Refused } else { CaseState::Answered }
    } else if any(|item| item.state != ItemState::Open) {
        CaseState::PartlyAnswered
    } else if version.is_acknowledged() {
        CaseState::Acknowledged
    } else if version.received_at.is_some() {
        CaseState::Received
    } else {
        CaseState::Sent
    }
}

fn version_clocks(version: &Version<'_>, now: Timestamp, warn: Warning) -> Clocks {
    Clocks::new(version, version.responded_at(), now, warn)
}

fn version_view(number: u32, version: &Version<'_>, now: Timestamp, warn: Warning) -> VersionView {
    VersionView {
        version: number,
        digest: version.request.facts.header.digest,
        direction: version.request.direction,
        at: version.request.at,
        clocks: version_clocks(version, now, warn),
    }
}

fn item_views(version: &Version<'_>, now: Timestamp, warn: Warning) -> Vec<ItemView> {
    let clocks = |item: &ItemStanding| Clocks::new(version, item.responded_at, now, warn);
    (0..)
        .zip(&version.items)
        .map(|(number, item)| ItemView { item: number, state: item.state, clocks: clocks(item) })
        .collect()
}

fn restrictions(facts: &ActFacts, now: Timestamp) -> Vec<Restriction> {
    let Body::Response { elements, .. } = &facts.body else { return Vec::new() };
    elements
        .iter()
        .filter_map(|element| {
            let label = element.label.as_ref().filter(|label| release::binds(label, now))?;
            Some(Restriction { act: facts.header.digest, path: element.path.clone(), codes: label.codes() })
        })
        .collect()
}

fn act_view(case: &Case, record: &ActRecord) -> ActView {
    let header = &record.facts.header;
    ActView {
        digest: header.digest,
        kind: record.facts.kind(),
        issuer: header.issuer.clone(),
        direction: record.direction,
        at: record.at,
        arrived_at: case.arrival(record),
    }
}

const fn is_exercise(record: &ActRecord) -> bool {
    record.facts.header.exercise
}
