use super::{ActRecord, Body, Case, Flag, FlagCode, ItemOutcome, Opening};
use crate::model::{ActKind, Digest, Outcome, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What a set of evidence amounts to.
pub(super) struct Folded<'a> {
    /// The acts whose whole ancestry is known, in topological, then digest order.
    pub order: Vec<&'a ActRecord>,
    /// The acts that wait for an ancestor.
    pub waiting: Vec<&'a ActRecord>,
    /// The versions of the request with what was answered to each; the last one is current.
    pub versions: Vec<Version<'a>>,
    /// What is remarkable.
    pub flags: BTreeSet<Flag>,
}

/// A version of the request and what became of it.
pub(super) struct Version<'a> {
    /// The request.
    pub request: &'a ActRecord,
    /// When the requested party's gateway had it; set once (DESIGN §12.4).
    pub received_at: Option<Timestamp>,
    /// The first acknowledgement.
    pub ack: Option<&'a ActRecord>,
    /// When the first act that satisfies the ack clock arrived at the requester.
    pub ack_at: Option<Timestamp>,
    /// Whether a refusal was made.
    pub refused: bool,
    /// Its items.
    pub items: Vec<ItemStanding>,
}

/// Where one item stands.
#[derive(Clone, Copy)]
pub(super) struct ItemStanding {
    pub state: ItemState,
    /// When the first act that stops its response clock arrived at the requester.
    pub responded_at: Option<Timestamp>,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemState {
    /// Nothing yet.
    Open,
    /// It was answered, this far.
    Answered(Outcome),
    /// It was refused.
    Refused,
}

impl ItemState {
    /// Returns the state as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered(Outcome::Full) => "full",
            Self::Answered(Outcome::Partial) => "partial",
            Self::Answered(Outcome::NoneFound) => "none_found",
            Self::Answered(Outcome::NotOurs) => "not_ours",
            Self::Refused => "refused",
        }
    }
}

impl Version<'_> {
    /// Tells whether an acknowledgement was made, or an answer that stands for one.
    pub fn is_acknowledged(&self) -> bool {
        self.ack.is_some() || self.is_touched()
    }

    /// Tells whether any item was answered or refused.
    pub fn is_touched(&self) -> bool {
        self.refused || self.items.iter().any(|item| item.state != ItemState::Open)
    }

    /// Tells whether no item is left to answer.
    pub fn is_settled(&self) -> bool {
        self.items.iter().all(|item| item.state != ItemState::Open)
    }

    /// Returns when the last item's response clock stopped; none while one runs.
    pub fn responded_at(&self) -> Option<Timestamp> {
        let stops: Option<Vec<_>> = self.items.iter().map(|item| item.responded_at).collect();
        stops?.into_iter().max()
    }
}

impl<'a> Folded<'a> {
    /// Folds a case; `opening` is the case's own.
    pub fn of(case: &'a Case, opening: &'a Opening) -> Self {
        let mut flags = standing_flags(case, opening);
        let (insiders, outsiders): (Vec<_>, Vec<_>) = case
            .acts
            .values()
            .partition(|record| opening.counterparty(&record.facts.header.issuer).is_some());
        flags.extend(outsiders.into_iter().map(|record| flag(FlagCode::Stranger, record)));
        let (order, waiting) = topological(&insiders);
        flags.extend(waiting.iter().map(|record| flag(FlagCode::Waiting, record)));
        let mut folded = Self { order, waiting, versions: Vec::new(), flags };
        folded.open_version(case, opening);
        for record in folded.order.clone() {
            folded.step(case, opening, record);
        }
        folded
    }

    /// Returns the version of the request that is to be answered.
    pub fn current(&self) -> Option<&Version<'a>> {
        self.versions.last()
    }

    /// Returns the acts that no other act builds on yet: the parents of the next one.
    pub fn heads(&self) -> Vec<Digest> {
        let built_on: BTreeSet<Digest> = self.order.iter().flat_map(|record| record.facts.needs()).collect();
        let all: BTreeSet<Digest> = self.order.iter().map(|record| record.facts.header.digest).collect();
        all.difference(&built_on).copied().collect()
    }

    /// Picks the request of the case: of several, the one that was received first, so that a later one
    /// can never move a clock that runs (DESIGN §12.4).
    fn open_version(&mut self, case: &'a Case, opening: &Opening) {
        let requests = self.order.iter().filter(|record| {
            record.facts.kind() == ActKind::Request && record.facts.header.issuer == *opening.requester()
        });
        let first = requests.min_by_key(|record| {
            let received_at = case.arrival(record);
            (received_at.is_none(), received_at, record.facts.header.digest)
        });
        self.versions.extend(first.copied().map(|request| Version {
            request,
            received_at: case.arrival(request),
            ack: None,
            ack_at: None,
            refused: false,
            items: vec![ItemStanding { state: ItemState::Open, responded_at: None }; item_count(request)],
        }));
    }

    fn step(&mut self, case: &Case, opening: &Opening, record: &'a ActRecord) {
        let maker = match record.facts.kind() {
            ActKind::Request => opening.requester(),
            ActKind::Acknowledgement | ActKind::Response | ActKind::Refusal => opening.requested(),
        };
        if record.facts.header.issuer != *maker {
            self.flags.insert(flag(FlagCode::WrongRole, record));
            return;
        }
        let arrival = case.arrival(record);
        let concerns = record.facts.answers().unwrap_or(record.facts.header.digest);
        let flags = &mut self.flags;
        let mut raise = |code| {
            flags.insert(flag(code, record));
        };
        let version = self.versions.iter_mut().find(|v| v.request.facts.header.digest == concerns);
        let Some(version) = version else {
            raise(match record.facts.kind() {
                ActKind::Request => FlagCode::SecondRequest,
                ActKind::Acknowledgement | ActKind::Response | ActKind::Refusal => FlagCode::UnknownRequest,
            });
            return;
        };
        if record.facts.header.exercise != version.request.facts.header.exercise {
            raise(FlagCode::ExerciseMismatch);
        }
        match &record.facts.body {
            Body::Request { unmet, can_comply, .. } => {
                if !unmet.is_empty() {
                    raise(FlagCode::IncompleteRequest);
                }
                if *can_comply == Some(false) {
                    raise(FlagCode::CannotComply);
                }
                return;
            }
            Body::Acknowledgement { received_at, .. } => {
                if version.received_at.is_some_and(|at| at != *received_at) {
                    raise(FlagCode::ReceivedAtMismatch);
                }
                version.ack.get_or_insert(record);
            }
            Body::Response { outcomes, unmet, .. } => {
                if !unmet.is_empty() {
                    raise(FlagCode::DefectiveAnswer);
                }
                version.respond(outcomes, arrival, raise);
            }
            Body::Refusal { unmet, .. } => {
                if !unmet.is_empty() {
                    raise(FlagCode::DefectiveAnswer);
                }
                version.refuse(arrival, raise);
            }
        }
        // Each of these tells the requester that its request was received (ISACS 8.3.1, DESIGN §4).
        version.ack_at = earliest(version.ack_at, arrival);
    }
}

impl Version<'_> {
    /// Stops the response clock of each item that is answered (ISACS 8.3.4.1).
    fn respond(
        &mut self,
        outcomes: &[ItemOutcome],
        arrival: Option<Timestamp>,
        mut raise: impl FnMut(FlagCode),
    ) {
        if self.refused {
            raise(FlagCode::AfterRefusal);
        }
        for answer in outcomes {
            let item = usize::try_from(answer.item).ok().and_then(|at| self.items.get_mut(at));
            let Some(item) = item else {
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
    fn refuse(&mut self, arrival: Option<Timestamp>, mut raise: impl FnMut(FlagCode)) {
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
}

/// The remarkable things that need no order.
fn standing_flags(case: &Case, opening: &Opening) -> BTreeSet<Flag> {
    let minter = (!opening.case.minted_by(opening.requester()))
        .then_some(Flag { code: FlagCode::WrongMinter, act: None });
    let conflicts = case
        .receipt_conflicts
        .iter()
        .map(|receipt| Flag { code: FlagCode::ReceiptConflict, act: Some(receipt.digest) });
    let equivocations =
        case.equivocations.iter().map(|proof| Flag { code: FlagCode::Equivocation, act: Some(proof.first) });
    minter.into_iter().chain(conflicts).chain(equivocations).collect()
}

/// Sorts acts so that each follows all that it needs, by digest where that leaves a choice; returns
/// those whose ancestry is not complete apart.
fn topological<'a>(acts: &[&'a ActRecord]) -> (Vec<&'a ActRecord>, Vec<&'a ActRecord>) {
    let mut pending: BTreeMap<Digest, (&ActRecord, usize)> = BTreeMap::new();
    let mut needed_by: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for record in acts {
        let needs = record.facts.needs();
        let digest = record.facts.header.digest;
        pending.insert(digest, (*record, needs.len()));
        needs.into_iter().for_each(|need| needed_by.entry(need).or_default().push(digest));
    }
    let mut ready: BTreeSet<Digest> =
        pending.iter().filter(|(_, (_, open))| *open == 0).map(|(digest, _)| *digest).collect();
    let mut order = Vec::new();
    while let Some(digest) = ready.pop_first() {
        order.extend(pending.remove(&digest).map(|(record, _)| record));
        for child in needed_by.remove(&digest).unwrap_or_default() {
            if let Some((_, open)) = pending.get_mut(&child) {
                *open -= 1;
                if *open == 0 {
                    ready.insert(child);
                }
            }
        }
    }
    (order, pending.into_values().map(|(record, _)| record).collect())
}

/// A request without items, which only a peer can send, is answered or refused as a whole.
fn item_count(request: &ActRecord) -> usize {
    match &request.facts.body {
        Body::Request { items, .. } => usize::try_from(*items).unwrap_or(usize::MAX).max(1),
        Body::Acknowledgement { .. } | Body::Response { .. } | Body::Refusal { .. } => 0,
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

const fn flag(code: FlagCode, record: &ActRecord) -> Flag {
    Flag { code, act: Some(record.facts.header.digest) }
}
