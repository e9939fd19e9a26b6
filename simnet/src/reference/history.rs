//! What the acts that a State holds of a case amount to.

use super::{DAY, Expected, Made, Settled, Times};
use std::collections::{BTreeMap, BTreeSet};
use valise::case::{CaseState, FollowUpFacts};
use valise::model::{ActKind, Digest, Outcome, Timestamp};
use valise::rules::deadline::Clock;

/// The acts of a case that one State holds, with what they mean.
pub(super) struct History<'a> {
    side: usize,
    /// The acts that count, in the order in which they were made.
    pub(super) counted: Vec<&'a Made>,
    /// The acts that wait for what they rest on.
    waiting: BTreeSet<Digest>,
    /// The versions of the request, oldest first.
    pub(super) versions: Vec<Version<'a>>,
    /// Whether the request was withdrawn.
    pub(super) withdrawn: bool,
}

/// One version of the request and what the asked State has said of it.
pub(super) struct Version<'a> {
    /// The request.
    pub(super) request: &'a Made,
    /// The answers, in the order in which they were made.
    pub(super) answers: Vec<&'a Made>,
    side: usize,
    respond_from: Option<Timestamp>,
    withdrawn: bool,
}

/// What an act does to the clocks of the version that it answers.
struct Effect {
    stops_ack: bool,
    stops_response: bool,
}

/// The one table of what each kind of act does (ISACS 8.3.1, 8.3.2, 8.3.4).
const fn effect(kind: ActKind) -> Effect {
    match kind {
        ActKind::Request
        | ActKind::Resubmission
        | ActKind::ClarificationRequest
        | ActKind::Clarification
        | ActKind::Withdrawal
        | ActKind::OutcomeNotice
        | ActKind::ConsentRequest
        | ActKind::ConsentGrant
        | ActKind::ConsentDenial
        | ActKind::ConsentWithdrawal
        | ActKind::DisclosureNotice
        | ActKind::Mandate
        | ActKind::MandateRevocation
        | ActKind::Notice
        | ActKind::AssistanceRequest
        | ActKind::AssistanceReply => Effect { stops_ack: false, stops_response: false },
        ActKind::Acknowledgement | ActKind::ReturnIncomplete | ActKind::Delay => {
            Effect { stops_ack: true, stops_response: false }
        }
        ActKind::Response | ActKind::Refusal => Effect { stops_ack: true, stops_response: true },
    }
}

impl<'a> History<'a> {
    /// Reads all acts of a case as `side` holds them.
    pub(super) fn of(acts: impl Iterator<Item = &'a Made>, side: usize) -> Self {
        let held: Vec<&Made> =
            acts.filter(|act| act.by == side || act.to == side && act.kept.is_some()).collect();
        let counting = counting(&held);
        let (counted, waiting): (Vec<&Made>, Vec<&Made>) =
            held.into_iter().partition(|act| counting.contains(&act.digest()));
        let withdrawn = counted.iter().any(|act| act.kind == ActKind::Withdrawal);
        let versions = versions(&counted, side, withdrawn);
        Self { side, waiting: waiting.into_iter().map(Made::digest).collect(), counted, versions, withdrawn }
    }

    /// Finds an act that counts and that the other State made.
    pub(super) fn theirs(&self, digest: &Digest) -> Option<&'a Made> {
        self.counted.iter().copied().find(|act| act.digest() == *digest && act.to == self.side)
    }

    /// Says what the State must see at `now`.
    pub(super) fn expect(self, now: Timestamp) -> Expected {
        let current = self.versions.last();
        let (times, items) = current.map(|v| (v.times(), v.items())).unwrap_or_default();
        let (questions, told) = (self.questions(), self.told());
        let open = items.contains(&Settled::Open);
        Expected {
            state: self.state(),
            late: lists(
                [times.ack, times.response].map(|[due, at]| at.zip(due).is_some_and(|(a, d)| a >= d)),
            ),
            overdue: current.map(|version| version.overdue(now)).unwrap_or_default(),
            versions: self
                .versions
                .iter()
                .map(|v| (v.request.digest(), v.returned_by(), v.times()))
                .collect(),
            times,
            delay: current.filter(|_| open).and_then(Version::delay),
            items,
            questions,
            told,
            waiting: self.waiting,
        }
    }

    fn state(&self) -> CaseState {
        let Some(version) = self.versions.last() else { return CaseState::AwaitingRequest };
        let items = version.items();
        let answered = version.answers.iter().any(|act| effect(act.kind).stops_ack);
        let open = items.contains(&Settled::Open);
        if self.withdrawn {
            CaseState::Withdrawn
        } else if version.returned().is_some() {
            CaseState::Returned
        } else if open && items.iter().any(|item| *item != Settled::Open) {
            CaseState::PartlyAnswered
        } else if items.contains(&Settled::Refused) {
            CaseState::Refused
        } else if !open {
            CaseState::Answered
        } else if answered {
            CaseState::Acknowledged
        } else if version.request.arrived(self.side).is_some() {
            CaseState::Received
        } else {
            CaseState::Sent
        }
    }

    /// Lists the questions: what each is about, and its last answer.
    fn questions(&self) -> BTreeMap<Digest, (Digest, Option<Digest>)> {
        let of = |kind| self.counted.iter().filter(move |act| act.kind == kind);
        let mut questions = BTreeMap::new();
        for question in of(ActKind::ClarificationRequest) {
            questions.extend(question.names.first().map(|about| (question.digest(), (*about, None))));
        }
        for answer in of(ActKind::Clarification) {
            let question = answer.names.first().and_then(|question| questions.get_mut(question));
            if let Some((_, last)) = question {
                *last = Some(answer.digest());
            }
        }
        questions
    }

    /// Lists in which act each State has last told of each item.
    fn told(&self) -> BTreeSet<(Digest, u32)> {
        let mut last = BTreeMap::new();
        for act in &self.counted {
            let follow_ups = act.follow_ups.iter().map(|FollowUpFacts { item, .. }| *item);
            last.extend(follow_ups.map(|item| ((act.by, item), (act.digest(), item))));
        }
        last.into_values().collect()
    }
}

impl<'a> Version<'a> {
    /// Returns the return of this version, if it was returned.
    pub(super) fn returned(&self) -> Option<&'a Made> {
        self.answers.iter().copied().find(|act| act.kind == ActKind::ReturnIncomplete)
    }

    /// Tells whether the asked State has answered or refused anything of it.
    pub(super) fn is_touched(&self) -> bool {
        self.answers.iter().any(|act| effect(act.kind).stops_response)
    }

    /// Tells whether it was refused.
    pub(super) fn is_refused(&self) -> bool {
        self.answers.iter().any(|act| act.kind == ActKind::Refusal)
    }

    /// Says how each item stands.
    pub(super) fn items(&self) -> Vec<Settled> {
        (0..self.request.items).map(|item| self.item(item)).collect()
    }

    fn item(&self, item: u32) -> Settled {
        let said = self.concerning(item);
        let outcomes = said.iter().flat_map(|act| &act.outcomes).filter(|(at, _)| *at == item);
        let best = outcomes.map(|(_, outcome)| match outcome {
            Outcome::Partial => Settled::InPart,
            Outcome::Full | Outcome::NoneFound | Outcome::NotOurs => Settled::Answered,
        });
        if let Some(best) = best.max() {
            best
        } else if !said.is_empty() {
            Settled::Refused
        } else if self.returned().is_some() {
            Settled::Returned
        } else if self.withdrawn {
            Settled::Withdrawn
        } else {
            Settled::Open
        }
    }

    /// Picks what settles an item; a refusal concerns only items that no response has answered.
    fn concerning(&self, item: u32) -> Vec<&'a Made> {
        let responds = |act: &Made| act.outcomes.iter().any(|(at, _)| *at == item);
        let answered = self.answers.iter().any(|act| responds(act));
        let refuses = |act: &&Made| act.kind == ActKind::Refusal && !answered;
        let settles = self.answers.iter().copied().filter(|act| effect(act.kind).stops_response);
        settles.filter(|act| responds(act) || refuses(act)).collect()
    }

    fn delay(&self) -> Option<Digest> {
        let last = self.answers.iter().rev().find(|act| act.kind == ActKind::Delay);
        last.map(|act| act.digest())
    }

    fn returned_by(&self) -> Option<Digest> {
        self.returned().map(Made::digest)
    }

    fn times(&self) -> Times {
        let received_at = self.request.arrived(self.side);
        let acks = self.answers.iter().filter(|act| effect(act.kind).stops_ack);
        let stop = |item| self.concerning(item).into_iter().filter_map(|act| act.arrived(self.side)).min();
        let stops: Option<Vec<_>> = (0..self.request.items).map(stop).collect();
        Times {
            received_at,
            ack: [
                received_at.map(|at| midnight_after(at, 7)),
                acks.filter_map(|act| act.arrived(self.side)).min(),
            ],
            response: [
                self.respond_from.map(|at| midnight_after(at, 56)),
                stops.and_then(|stops| stops.into_iter().max()),
            ],
        }
    }

    /// A return in time closes the version; one that comes late lets the response clock run on, into
    /// the next version too. No officer can make a return without cause, so that the cause is not asked.
    fn is_returned_in_time(&self) -> bool {
        let returned = self.returned().and_then(|act| act.arrived(self.side));
        let [ack_due, _] = self.times().ack;
        returned.zip(ack_due).is_some_and(|(at, due)| at < due)
    }

    fn overdue(&self, now: Timestamp) -> Vec<Clock> {
        let Times { ack, response, .. } = self.times();
        let runs_out = |[due, at]: [Option<Timestamp>; 2]| at.is_none() && due.is_some_and(|due| now >= due);
        let [ack, response] = [ack, response].map(runs_out);
        lists([ack && !self.withdrawn, response && !self.withdrawn && !self.is_returned_in_time()])
    }
}

/// An act counts once all that it rests on counts.
fn counting(held: &[&Made]) -> BTreeSet<Digest> {
    let mut counting = BTreeSet::new();
    loop {
        let before = counting.len();
        for act in held {
            if act.needs.iter().all(|need| counting.contains(need)) {
                counting.insert(act.digest());
            }
        }
        if counting.len() == before {
            return counting;
        }
    }
}

/// Follows the request through its returns and resubmissions.
fn versions<'a>(counted: &[&'a Made], side: usize, withdrawn: bool) -> Vec<Version<'a>> {
    let find = |kind, named: Option<Digest>| {
        let mut acts = counted.iter().copied();
        acts.find(|act| act.kind == kind && act.names.first() == named.as_ref())
    };
    let mut versions: Vec<Version<'_>> = Vec::new();
    let mut next = find(ActKind::Request, None);
    while let Some(request) = next {
        let digest = request.digest();
        let answers = |act: &&Made| act.names.first() == Some(&digest) && effect(act.kind).stops_ack;
        let running = versions.last().filter(|last| !last.is_returned_in_time());
        let respond_from = running.and_then(|last| last.respond_from).or(request.arrived(side));
        let answers = counted.iter().copied().filter(answers).collect();
        versions.push(Version { request, answers, side, respond_from, withdrawn });
        next = find(ActKind::Resubmission, Some(digest));
    }
    versions
}

/// Seven or fifty-six whole days follow the day of receipt, in UTC; the instant after them is late.
fn midnight_after(received: Timestamp, days: i64) -> Timestamp {
    let day = received.unix() / DAY;
    Timestamp::from_unix((day + 1 + days) * DAY).expect("a run ends long before the year 9999")
}

fn lists([ack, response]: [bool; 2]) -> Vec<Clock> {
    [(Clock::Ack, ack), (Clock::Respond, response)]
        .into_iter()
        .filter_map(|(clock, there)| there.then_some(clock))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_are_those_of_the_standard() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (received, ack, respond) in [
            ("2026-01-01T10:00:00Z", "2026-01-09T00:00:00Z", "2026-02-27T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2027-01-08T00:00:00Z", "2027-02-26T00:00:00Z"),
            ("2028-02-28T00:00:00Z", "2028-03-07T00:00:00Z", "2028-04-25T00:00:00Z"),
        ] {
            assert_eq!(midnight_after(at(received), 7), at(ack), "{received}");
            assert_eq!(midnight_after(at(received), 56), at(respond), "{received}");
        }
    }
}
