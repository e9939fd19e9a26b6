use super::{earliest, item_count};
use crate::case::{ActRecord, Body, Case, FlagCode, ItemOutcome};
use crate::model::{Outcome, Timestamp};
use crate::rules::deadline::Profile;

/// A version of the request and what became of it.
pub(in crate::case) struct Version<'a> {
    /// The request.
    pub request: &'a ActRecord,
    /// When the requested party's gateway had it; set once (DESIGN §12.4).
    pub received_at: Option<Timestamp>,
    /// The receipt from which the response clock runs: its own, or that of an earlier version whose
    /// return restarted nothing.
    pub respond_from: Option<Timestamp>,
    /// The first acknowledgement.
    pub ack: Option<&'a ActRecord>,
    /// Whether an acknowledgement was made, or an act that stands for one.
    pub acknowledged: bool,
    /// When the first act that satisfies the ack clock arrived at the requester.
    pub ack_at: Option<Timestamp>,
    /// The latest announcement of a delay.
    pub delay: Option<&'a ActRecord>,
    /// Its return for what it lacks.
    pub returned: Option<Returned<'a>>,
    /// Whether a refusal was made.
    pub refused: bool,
    /// Whether the case was withdrawn.
    pub withdrawn: bool,
    /// Its items.
    pub items: Vec<ItemStanding>,
}

/// The return of a version.
#[derive(Clone, Copy)]
pub(in crate::case) struct Returned<'a> {
    /// The act.
    pub record: &'a ActRecord,
    /// Whether ISACS 8.3.2 lets the request be returned.
    pub founded: bool,
    /// Whether it was also in time, so that the next version starts both clocks again.
    pub restarts: bool,
}

/// Where one item stands.
#[derive(Clone, Copy)]
pub(in crate::case) struct ItemStanding {
    pub state: ItemState,
    /// When the first act that stops its response clock arrived at the requester.
    pub responded_at: Option<Timestamp>,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemState {
    /// Nothing yet.
    Open,
    /// It was returned for what the request lacks.
    Returned,
    /// It was answered, this far.
    Answered(Outcome),
    /// It was refused.
    Refused,
    /// It was withdrawn before it was answered.
    Withdrawn,
}

impl ItemState {
    /// Returns the state as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Returned => "returned",
            Self::Answered(Outcome::Full) => "full",
            Self::Answered(Outcome::Partial) => "partial",
            Self::Answered(Outcome::NoneFound) => "none_found",
            Self::Answered(Outcome::NotOurs) => "not_ours",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl<'a> Returned<'a> {
    /// Weighs a return of `version` that arrived at the requester at `arrival`.
    pub fn of(version: &Version<'_>, record: &'a ActRecord, arrival: Option<Timestamp>) -> Self {
        let founded = match (&record.facts.body, version.request.facts.request()) {
            (Body::ReturnIncomplete { wants, judged, .. }, Some(request)) => {
                request.returnable(wants, *judged).is_ok()
            }
            (_, _) => false,
        };
        let in_time = version
            .received_at
            .zip(arrival)
            .is_some_and(|(received, returned)| Profile::ISACS_05_31.restarts(received, returned));
        Self { record, founded, restarts: founded && in_time }
    }
}

impl<'a> Version<'a> {
    /// Starts a version whose response clock runs from its own receipt, or from an earlier one.
    pub fn new(case: &Case, request: &'a ActRecord, respond_from: Option<Timestamp>) -> Self {
        let received_at = case.arrival(request);
        Self {
            request,
            received_at,
            respond_from: respond_from.or(received_at),
            ack: None,
            acknowledged: false,
            ack_at: None,
            delay: None,
            returned: None,
            refused: false,
            withdrawn: false,
            items: vec![ItemStanding { state: ItemState::Open, responded_at: None }; item_count(request)],
        }
    }

    /// Tells whether any item was answered or refused.
    pub fn is_touched(&self) -> bool {
        self.refused || self.items.iter().any(|item| matches!(item.state, ItemState::Answered(_)))
    }

    /// Tells whether no item is left to answer.
    pub fn is_settled(&self) -> bool {
        self.items.iter().all(|item| item.state != ItemState::Open)
    }

    /// Tells whether its response clock stands still for good although nothing has stopped it: after
    /// a return that lets both clocks start again, and after a withdrawal.
    pub fn is_closed(&self) -> bool {
        self.withdrawn || self.returned.is_some_and(|returned| returned.restarts)
    }

    /// Returns when the last item's response clock stopped; none while one runs.
    pub fn responded_at(&self) -> Option<Timestamp> {
        let stops: Option<Vec<_>> = self.items.iter().map(|item| item.responded_at).collect();
        stops?.into_iter().max()
    }

    /// Keeps the first acknowledgement, and compares the instant that it repeats.
    pub(super) fn confirm(
        &mut self,
        ack: &'a ActRecord,
        received_at: Timestamp,
        raise: &mut dyn FnMut(FlagCode),
    ) {
        if self.received_at.is_some_and(|at| at != received_at) {
            raise(FlagCode::ReceivedAtMismatch);
        }
        self.ack.get_or_insert(ack);
    }

    /// Stops the ack clock.
    pub(super) fn acknowledge(&mut self, arrival: Option<Timestamp>) {
        self.acknowledged = true;
        self.ack_at = earliest(self.ack_at, arrival);
    }

    /// Stops the response clock of each item that is answered (ISACS 8.3.4.1).
    pub(super) fn respond(
        &mut self,
        outcomes: &[ItemOutcome],
        arrival: Option<Timestamp>,
        raise: &mut dyn FnMut(FlagCode),
    ) {
        if self.refused {
            raise(FlagCode::AfterRefusal);
        }
        for answer in outcomes {
            let Some(item) = self.item_mut(answer.item) else {
                raise(FlagCode::UnknownItem);
                continue;
            };
            if matches!(item.state, ItemState::Answered(_)) {
                raise(FlagCode::AnsweredAgain);
            }
            item.state = ItemState::Answered(answer.outcome);
            item.responded_at = earliest(item.responded_at, arrival);
        }
    }

    /// Refuses every item that has no answer yet (ISACS 8.3.4.2).
    pub(super) fn refuse(&mut self, arrival: Option<Timestamp>, raise: &mut dyn FnMut(FlagCode)) {
        self.refused = true;
        let unanswered = self.items.iter_mut().filter(|item| !matches!(item.state, ItemState::Answered(_)));
        let mut refused_any = false;
        for item in unanswered {
            refused_any = true;
            item.state = ItemState::Refused;
            item.responded_at = earliest(item.responded_at, arrival);
        }
        if !refused_any {
            raise(FlagCode::AfterAnswer);
        }
    }

    /// Gives every open item back to the requester (ISACS 8.3.2 ¶2).
    pub(super) fn give_back(
        &mut self,
        record: &'a ActRecord,
        arrival: Option<Timestamp>,
        raise: &mut dyn FnMut(FlagCode),
    ) {
        let returned = Returned::of(self, record, arrival);
        if !returned.founded {
            raise(FlagCode::UnfoundedReturn);
        }
        if self.is_settled() {
            raise(FlagCode::AfterAnswer);
        }
        self.returned.get_or_insert(returned);
        self.turn_open_items(ItemState::Returned);
    }

    /// Notes that the answer comes late; the response clock runs on (ISACS 8.3.4.2).
    pub(super) fn put_off(&mut self, delay: &'a ActRecord, raise: &mut dyn FnMut(FlagCode)) {
        if self.is_settled() {
            raise(FlagCode::AfterAnswer);
        } else {
            raise(FlagCode::Delayed);
        }
        self.delay = Some(delay);
    }

    /// Closes every item that has no answer.
    pub(super) fn withdraw(&mut self) {
        self.withdrawn = true;
        self.turn_open_items(ItemState::Withdrawn);
    }

    fn item_mut(&mut self, number: u32) -> Option<&mut ItemStanding> {
        usize::try_from(number).ok().and_then(|at| self.items.get_mut(at))
    }

    fn turn_open_items(&mut self, into: ItemState) {
        for item in self.items.iter_mut().filter(|item| item.state == ItemState::Open) {
            item.state = into;
        }
    }
}
