//! A small model that knows only the law: who must see what, due when, restricted how. It shares no
//! arithmetic and no fold with `case` and `rules`, which are compared with it.

use std::collections::{BTreeMap, BTreeSet};
use valise::case::ActFacts;
use valise::model::{ActKind, Audience, CaseId, Digest, Label, Onward, Outcome, Purpose, Timestamp};
use valise::rules::release::{Authority, AuthorityKind};

/// Seconds in a day of UTC.
const DAY: i64 = 86_400;

/// An act that its State has made durable.
#[derive(Clone, Debug)]
pub struct Made {
    /// The State that made it.
    pub by: usize,
    /// The State to which it speaks.
    pub to: usize,
    /// Which act it is.
    pub kind: ActKind,
    /// What it rests on: its parents and what it answers.
    pub needs: BTreeSet<Digest>,
    /// The request that it answers.
    pub answers: Option<Digest>,
    /// What it says of which item.
    pub outcomes: Vec<(u32, Outcome)>,
    /// How many items it asks about.
    pub items: u32,
    /// Its elements with their labels.
    pub elements: BTreeMap<String, Label>,
    /// Its facts as they were signed.
    pub facts: ActFacts,
    /// When the other State has had it, by the first durable record there.
    pub kept: Option<Timestamp>,
    /// Whether its State holds the receipt.
    pub receipted: bool,
}

/// What an act does to the clocks of the request that it answers (ISACS 8.3.1, 8.3.4.1).
struct Effect {
    stops_ack: bool,
    stops_response: bool,
}

/// All acts of a run.
#[derive(Default)]
pub struct Reference {
    acts: BTreeMap<Digest, Made>,
    cases: BTreeMap<CaseId, Vec<Digest>>,
}

/// What a State must see of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// When the request was received.
    pub received_at: Option<Timestamp>,
    /// When the acknowledgement is late.
    pub ack_due: Option<Timestamp>,
    /// When the first act that stands for an acknowledgement arrived.
    pub ack_at: Option<Timestamp>,
    /// When the response is late.
    pub respond_due: Option<Timestamp>,
    /// When the last item's clock stopped.
    pub responded_at: Option<Timestamp>,
    /// How each item stands.
    pub items: Vec<Settled>,
    /// The acts that wait for what they rest on.
    pub waiting: BTreeSet<Digest>,
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settled {
    /// Nothing was said.
    Open,
    /// The request was withdrawn first.
    Withdrawn,
    /// It was returned for what the request lacks.
    Returned,
    /// It was answered, and more may follow.
    InPart,
    /// It was answered.
    Answered,
    /// It was refused.
    Refused,
}

/// What an officer of the requested State is about to do.
pub enum Attempt<'a> {
    /// Acknowledge.
    Acknowledge,
    /// Answer these items.
    Answer(&'a [u32]),
    /// Refuse what is left.
    Refuse,
}

impl Reference {
    /// Notes an act that its State has made durable.
    pub fn made(&mut self, case: &CaseId, act: Made) {
        let digest = act.facts.header.digest;
        self.acts.insert(digest, act);
        self.cases.entry(case.clone()).or_default().push(digest);
    }

    /// Finds an act.
    pub fn act(&self, digest: &Digest) -> Option<&Made> {
        self.acts.get(digest)
    }

    /// Finds an act to note what became of it.
    pub fn act_mut(&mut self, digest: &Digest) -> Option<&mut Made> {
        self.acts.get_mut(digest)
    }

    /// Lists all acts.
    pub fn acts(&self) -> impl Iterator<Item = (&Digest, &Made)> {
        self.acts.iter()
    }

    /// Lists all cases.
    pub fn cases(&self) -> impl Iterator<Item = &CaseId> {
        self.cases.keys()
    }

    /// Tells between whom a case runs: who asks, who is asked.
    pub fn parties(&self, case: &CaseId) -> Option<(usize, usize)> {
        let request = self.of(case).find(|act| act.kind == ActKind::Request)?;
        Some((request.by, request.to))
    }

    /// Says what a State must see of a case, given what it holds durably.
    pub fn expect(&self, case: &CaseId, side: usize) -> Expected {
        let held: Vec<&Made> =
            self.of(case).filter(|act| act.by == side || act.to == side && act.kept.is_some()).collect();
        let counted = counted(&held);
        let (held, waiting): (Vec<&Made>, Vec<&Made>) =
            held.into_iter().partition(|act| counted.contains(&act.facts.header.digest));
        let waiting = waiting.into_iter().map(|act| act.facts.header.digest).collect();
        let arrival = |act: &Made| act.kept.filter(|_| act.to == side || act.receipted);
        let mut expected = Expected { waiting, ..Expected::default() };
        let request = held.iter().find(|act| act.kind == ActKind::Request);
        let Some(request) = request else { return expected };
        expected.received_at = arrival(request);
        expected.ack_due = expected.received_at.map(|at| midnight_after(at, 7));
        expected.respond_due = expected.received_at.map(|at| midnight_after(at, 56));
        let answers_it =
            |act: &&Made| act.answers == Some(request.facts.header.digest) && act.by == request.to;
        let answers: Vec<&Made> = held.iter().copied().filter(answers_it).collect();
        let stops_ack = answers.iter().filter(|act| effect(act.kind).stops_ack);
        expected.ack_at = stops_ack.filter_map(|act| arrival(act)).min();
        let mut stops = Vec::new();
        for item in 0..request.items {
            let on_item = concerning(&answers, item);
            expected.items.push(settled(&on_item, item));
            stops.push(on_item.into_iter().filter_map(arrival).min());
        }
        expected.responded_at =
            stops.into_iter().collect::<Option<Vec<_>>>().and_then(|s| s.into_iter().max());
        expected
    }

    /// Tells whether the law lets the requested State do something, by all that it has done.
    pub fn allows(&self, case: &CaseId, side: usize, attempt: &Attempt<'_>) -> bool {
        let Some(request) = self.of(case).find(|act| act.kind == ActKind::Request && act.to == side) else {
            return false;
        };
        let said: Vec<&Made> = self.of(case).filter(|act| act.by == side).collect();
        let refused = said.iter().any(|act| act.kind == ActKind::Refusal);
        let stands = |item: u32| settled(&concerning(&said, item), item);
        request.kept.is_some()
            && match attempt {
                Attempt::Acknowledge => said.is_empty(),
                Attempt::Answer(items) => {
                    !refused && items.iter().all(|i| matches!(stands(*i), Settled::Open | Settled::InPart))
                }
                Attempt::Refuse => !refused && (0..request.items).any(|i| stands(i) == Settled::Open),
            }
    }

    fn of(&self, case: &CaseId) -> impl Iterator<Item = &Made> {
        let digests = self.cases.get(case).into_iter().flatten();
        digests.filter_map(|digest| self.acts.get(digest))
    }
}

/// The one table of what each kind of act does.
const fn effect(kind: ActKind) -> Effect {
    match kind {
        ActKind::Request
        | ActKind::Resubmission
        | ActKind::ClarificationRequest
        | ActKind::Clarification
        | ActKind::Withdrawal
        | ActKind::OutcomeNotice
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

/// Seven or fifty-six whole days follow the day of receipt, in UTC; the instant after them is late.
fn midnight_after(received: Timestamp, days: i64) -> Timestamp {
    let day = received.unix() / DAY;
    Timestamp::from_unix((day + 1 + days) * DAY).expect("a run ends long before the year 9999")
}

/// An act counts once all that it rests on counts.
fn counted(held: &[&Made]) -> BTreeSet<Digest> {
    let mut counted = BTreeSet::new();
    loop {
        let before = counted.len();
        for act in held {
            if act.needs.iter().all(|need| counted.contains(need)) {
                counted.insert(act.facts.header.digest);
            }
        }
        if counted.len() == before {
            return counted;
        }
    }
}

/// Picks what was said about an item; a refusal concerns only items that no response has answered.
fn concerning<'a>(answers: &[&'a Made], item: u32) -> Vec<&'a Made> {
    let responds = |act: &&Made| act.outcomes.iter().any(|(at, _)| *at == item);
    let answered = answers.iter().any(responds);
    let refuses = |act: &&Made| act.kind == ActKind::Refusal && !answered;
    let stops = answers.iter().copied().filter(|act| effect(act.kind).stops_response);
    stops.filter(|act| responds(act) || refuses(act)).collect()
}

fn settled(on_item: &[&Made], item: u32) -> Settled {
    let outcomes = on_item.iter().flat_map(|act| &act.outcomes).filter(|(at, _)| *at == item);
    let best = outcomes.map(|(_, outcome)| match outcome {
        Outcome::Partial => Settled::InPart,
        Outcome::Full | Outcome::NoneFound | Outcome::NotOurs => Settled::Answered,
    });
    let refused = on_item.iter().any(|act| act.kind == ActKind::Refusal);
    best.max().unwrap_or(if refused { Settled::Refused } else { Settled::Open })
}

/// Tells whether the law lets an element be given to somebody (ISACS 8.3.4.2 d–f, 8.4 b). No consent exists.
pub fn may_give(label: &Label, to: &Authority, purpose: Purpose, at: Timestamp) -> bool {
    let own_desk = to.kind == AuthorityKind::OwnNpc;
    if label.expires.is_some_and(|end| at >= end) || own_desk && purpose == Purpose::Tracing {
        return true;
    }
    let domestic = matches!(to.kind, AuthorityKind::Competent | AuthorityKind::Court);
    let audience = match &label.audience {
        None => true,
        Some(Audience::Designated) => own_desk || domestic && to.designated,
        Some(Audience::Named(names)) => own_desk || domestic && to.designated && names.contains(&to.name),
    };
    let in_court = to.kind == AuthorityKind::Court || purpose == Purpose::Prosecution;
    audience
        && (label.purposes.is_empty() || label.purposes.contains(&purpose))
        && (label.onward == Onward::Free || own_desk)
        && !(label.not_in_court && in_court)
        && label.other.is_empty()
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
