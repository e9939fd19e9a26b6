use super::fold::{Folded, ItemStanding, ItemState, Version};
use super::{
    ActFacts, ActRecord, Behalf, Body, Case, ChanceJudgement, Consent, Direction, Flag, FollowsFacts,
    PermitId, Role, consents,
};
use crate::model::{ActKind, CaseId, Digest, GroundCode, OnBehalf, PartialDate, Party, Ternary, Timestamp};
use crate::rules::deadline::{Clock, Profile, Standing, Warning, standing};
use crate::rules::release;
use std::collections::BTreeSet;

/// A case as it stands at some instant, for officers and scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The case.
    pub case: CaseId,
    /// Which part this side plays.
    pub role: Role,
    /// Whether this side, or the agent for which it looks on, is the one that asks.
    pub asks: bool,
    /// The other party.
    pub peer: Party,
    /// Who acts for whom, if one side is an agent (ISACS 9.3).
    pub behalf: Option<Behalf>,
    /// How far it has come.
    pub state: CaseState,
    /// Whether it is training (ISACS 7.1.4).
    pub exercise: bool,
    /// Whether the requester declares that it can keep confidence and restrictions; none if it does not say (ISACS 8.4).
    pub can_comply: Option<bool>,
    /// The answer of another State that the request follows (DESIGN §3.9).
    pub follows: Option<FollowsFacts>,
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
    /// The latest delay of the current version, until nothing is left to answer.
    pub delay: Option<DelayView>,
    /// The judgement of the current version's chance of success, on the side that made it.
    pub judgement: Option<ChanceJudgement>,
    /// Whether this side still has to make that judgement.
    pub unjudged: bool,
    /// The questions about acts, by their digest.
    pub questions: Vec<QuestionView>,
    /// What each side last told of each item's outcome.
    pub outcomes: Vec<OutcomeView>,
    /// The labels that bind now.
    pub restrictions: Vec<Restriction>,
    /// The questions for consent (ISACS 8.3.4.2 f).
    pub consents: Vec<Consent>,
    /// The releases made in an emergency at which no other officer has looked.
    pub unreviewed: Vec<PermitId>,
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
    /// The requested side has returned it for what it lacks; the requester submits it again or withdraws it.
    Returned,
    /// Some items are answered and some are open.
    PartlyAnswered,
    /// Every item is answered.
    Answered,
    /// The request was refused, or what was left of it.
    Refused,
    /// The requester has withdrawn the request; the case is closed.
    Withdrawn,
    /// It is no trace: a mandate is given, accepted or ended in it (ISACS 9.3).
    Mandate,
    /// It is no trace: a notice was given (ISACS 9.6).
    Notice,
    /// It is no trace: assistance was asked for (ISACS 5.3, 9.1).
    AssistanceAsked,
    /// The request for assistance was answered.
    AssistanceAnswered,
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
    /// The first instant at which a response is late; a return that restarts nothing leaves that of the
    /// version before.
    pub respond_due: Option<Timestamp>,
    /// When the response or refusal reached the requester; for several items, the last one's.
    pub responded_at: Option<Timestamp>,
    /// Where the ack clock stands; none before it starts, and where the request was withdrawn first.
    pub ack: Option<Standing>,
    /// Where the response clock stands; none before it starts, and where the version was returned or
    /// withdrawn first.
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
    /// The statement digest of its return, if it was returned.
    pub returned_by: Option<Digest>,
    /// Its clocks.
    pub clocks: Clocks,
}

/// The announcement that a response comes late (ISACS 8.3.4.2); the clock runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayView {
    /// The announcement.
    pub act: Digest,
    /// Its grounds.
    pub grounds: BTreeSet<GroundCode>,
    /// When the response is expected.
    pub expected: Option<PartialDate>,
}

/// A question about an act (ISACS 8.3.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionView {
    /// The question.
    pub digest: Digest,
    /// Who asked.
    pub issuer: Party,
    /// The act that it is about.
    pub about: Digest,
    /// The last answer.
    pub answer: Option<Digest>,
}

/// What one side told of one item's outcome (ISACS 5.3, 10.2 c).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeView {
    /// The notice.
    pub act: Digest,
    /// Who told it.
    pub issuer: Party,
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// Whether the point at which it became illicit was found.
    pub point_of_diversion: Ternary,
    /// Whether those responsible are or were prosecuted.
    pub prosecution: Ternary,
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
    /// On whose behalf, if on anyone's.
    pub on_behalf_of: Option<OnBehalf>,
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
        asks: opening.asks(),
        peer: opening.peer.clone(),
        behalf: opening.behalf.clone(),
        state: state(&folded),
        exercise: current.map(|v| v.request).or(acts.clone().next().copied()).is_some_and(is_exercise),
        can_comply: current.and_then(|v| v.request.facts.request()?.can_comply),
        follows: current.and_then(|v| v.request.facts.request()?.follows.as_deref().cloned()),
        clocks: current.map(|v| version_clocks(v, now, warn)).unwrap_or_default(),
        ack_sent_at: ack.filter(|record| record.direction == Direction::Sent).map(|record| record.at),
        ack_automatic: ack.is_some_and(|record| record.facts.is_automatic()),
        versions: (1..).zip(&folded.versions).map(|(n, v)| version_view(n, v, now, warn)).collect(),
        items: current.map(|v| item_views(v, now, warn)).unwrap_or_default(),
        delay: current.and_then(delay_view),
        judgement: current.and_then(|v| case.judgement(&v.request.facts.header.digest)).cloned(),
        unjudged: opening.role == Role::Requested && current.is_some_and(|v| is_unjudged(case, v)),
        questions: question_views(&folded),
        outcomes: outcome_views(&folded),
        restrictions: folded.order.iter().flat_map(|record| restrictions(&record.facts, now)).collect(),
        consents: consents(case, now),
        unreviewed: case.unreviewed().map(|permit| permit.id.clone()).collect(),
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
            Self::Returned => "returned",
            Self::PartlyAnswered => "partly_answered",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Mandate => "mandate",
            Self::Notice => "notice",
            Self::AssistanceAsked => "assistance_asked",
            Self::AssistanceAnswered => "assistance_answered",
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
        let respond_due = version.respond_from.map(|at| Profile::ISACS_05_31.respond_due(at));
        let ack_runs = !version.withdrawn || ack_at.is_some();
        let respond_runs = !version.is_closed() || responded_at.is_some();
        Self {
            received_at,
            ack_due,
            ack_at,
            respond_due,
            responded_at,
            ack: ack_due.filter(|_| ack_runs).map(|due| standing(now, due, ack_at, warn.ack)),
            respond: respond_due
                .filter(|_| respond_runs)
                .map(|due| standing(now, due, responded_at, warn.respond)),
        }
    }
}

fn state(folded: &Folded<'_>) -> CaseState {
    let Some(version) = folded.current() else { return exchange_state(folded) };
    let any = |wanted: fn(&ItemStanding) -> bool| version.items.iter().any(wanted);
    if version.withdrawn {
        CaseState::Withdrawn
    } else if version.returned.is_some() {
        CaseState::Returned
    } else if version.is_settled() {
        let refused = any(|item| item.state == ItemState::Refused);
        if refused { CaseState::Refused } else { CaseState::Answered }
    } else if any(|item| item.state != ItemState::Open) {
        CaseState::PartlyAnswered
    } else if version.acknowledged {
        CaseState::Acknowledged
    } else if version.received_at.is_some() {
        CaseState::Received
    } else {
        CaseState::Sent
    }
}

/// The state of a case without a request: of another kind, or one whose request has not come yet.
fn exchange_state(folded: &Folded<'_>) -> CaseState {
    let has = |wanted: ActKind| folded.order.iter().any(|record| record.facts.kind() == wanted);
    if has(ActKind::Mandate) || has(ActKind::MandateRevocation) {
        CaseState::Mandate
    } else if has(ActKind::Notice) {
        CaseState::Notice
    } else if has(ActKind::AssistanceReply) {
        CaseState::AssistanceAnswered
    } else if has(ActKind::AssistanceRequest) {
        CaseState::AssistanceAsked
    } else {
        CaseState::AwaitingRequest
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
        returned_by: version.returned.map(|returned| returned.record.facts.header.digest),
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

fn delay_view(version: &Version<'_>) -> Option<DelayView> {
    let record = version.delay.filter(|_| !version.is_settled())?;
    let Body::Delay { grounds, expected, .. } = &record.facts.body else { return None };
    Some(DelayView { act: record.facts.header.digest, grounds: grounds.clone(), expected: *expected })
}

/// An incomplete request waits for the judgement until it is answered, returned or withdrawn.
fn is_unjudged(case: &Case, version: &Version<'_>) -> bool {
    let request = &version.request.facts;
    request.request().is_some_and(|facts| facts.wants_judgement())
        && case.judgement(&request.header.digest).is_none()
        && !version.is_touched()
        && !version.is_settled()
}

fn question_views(folded: &Folded<'_>) -> Vec<QuestionView> {
    let views = folded.questions.values().map(|question| QuestionView {
        digest: question.record.facts.header.digest,
        issuer: question.record.facts.header.issuer.clone(),
        about: question.about,
        answer: question.answer.map(|record| record.facts.header.digest),
    });
    views.collect()
}

fn outcome_views(folded: &Folded<'_>) -> Vec<OutcomeView> {
    let views = folded.follow_ups.values().map(|told| OutcomeView {
        act: told.record.facts.header.digest,
        issuer: told.record.facts.header.issuer.clone(),
        item: told.said.item,
        point_of_diversion: told.said.point_of_diversion,
        prosecution: told.said.prosecution,
    });
    views.collect()
}

fn restrictions(facts: &ActFacts, now: Timestamp) -> Vec<Restriction> {
    facts
        .elements()
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
        on_behalf_of: header.on_behalf_of.clone(),
        direction: record.direction,
        at: record.at,
        arrived_at: case.arrival(record),
    }
}

const fn is_exercise(record: &ActRecord) -> bool {
    record.facts.header.exercise
}
