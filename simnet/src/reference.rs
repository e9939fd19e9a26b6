//! A small model that knows only the law: who must see what, due when, restricted how. It shares no
//! arithmetic and no fold with `case` and `rules`, which are compared with it.

mod history;

use history::{History, Version};
use std::collections::{BTreeMap, BTreeSet};
use valise::case::{ActFacts, CaseState, FollowUpFacts};
use valise::model::{ActKind, Audience, CaseId, Digest, Label, Onward, Outcome, Purpose, Timestamp};
use valise::rules::deadline::Clock;
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
    /// What it rests on: its parents and what it names.
    pub needs: BTreeSet<Digest>,
    /// What it answers, asks about or replaces; the version of the request comes first.
    pub names: Vec<Digest>,
    /// What it says of which item.
    pub outcomes: Vec<(u32, Outcome)>,
    /// What it tells of the end of which item.
    pub follow_ups: Vec<FollowUpFacts>,
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

/// All acts of a run.
#[derive(Default)]
pub struct Reference {
    acts: BTreeMap<Digest, Made>,
    cases: BTreeMap<CaseId, Vec<Digest>>,
    hopeless: BTreeMap<Digest, bool>,
}

/// What a State must see of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How far it has come.
    pub state: CaseState,
    /// The clocks of the version that is to be answered.
    pub times: Times,
    /// The clocks that stopped too late.
    pub late: Vec<Clock>,
    /// The clocks that run although their end has passed.
    pub overdue: Vec<Clock>,
    /// The versions of the request, oldest first: each with its return and its clocks.
    pub versions: Vec<(Digest, Option<Digest>, Times)>,
    /// How each item of the last version stands.
    pub items: Vec<Settled>,
    /// The delay that was last announced, until nothing is left to answer.
    pub delay: Option<Digest>,
    /// The questions: what each is about, and its last answer.
    pub questions: BTreeMap<Digest, (Digest, Option<Digest>)>,
    /// In which act each State has last told of each item.
    pub told: BTreeSet<(Digest, u32)>,
    /// The acts that wait for what they rest on.
    pub waiting: BTreeSet<Digest>,
}

/// The clocks of a version of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// When the acknowledgement is late, and when the first act that stands for one arrived.
    pub ack: [Option<Timestamp>; 2],
    /// When the response is late, and when the last item's clock stopped.
    pub response: [Option<Timestamp>; 2],
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

/// What an officer is about to do in a case.
pub enum Attempt {
    /// Acknowledge.
    Acknowledge,
    /// Judge whether there is a reasonable chance of success.
    Judge,
    /// Return the request, asking for what these clauses want.
    Return(BTreeSet<String>),
    /// Submit the request again.
    Resubmit,
    /// Answer these items.
    Answer(Vec<u32>),
    /// Announce a delay.
    Delay,
    /// Refuse what is left.
    Refuse,
    /// Ask what an act means.
    Question(Digest),
    /// Answer a question.
    Clarify(Digest),
    /// Withdraw the request.
    Withdraw,
    /// Tell what came of the trace.
    Tell,
}

impl Made {
    /// Returns its statement digest.
    pub const fn digest(&self) -> Digest {
        self.facts.header.digest
    }

    /// Returns when the other State has had it, as far as `side` can know.
    fn arrived(&self, side: usize) -> Option<Timestamp> {
        self.kept.filter(|_| self.to == side || self.receipted)
    }
}

impl Reference {
    /// Notes an act that its State has made durable.
    pub fn made(&mut self, case: &CaseId, act: Made) {
        let digest = act.digest();
        self.acts.insert(digest, act);
        self.cases.entry(case.clone()).or_default().push(digest);
    }

    /// Notes an officer's judgement of a request's chance of success.
    pub fn judged(&mut self, request: Digest, reasonable: bool) {
        self.hopeless.insert(request, !reasonable);
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

    /// Says what a State must see of a case at `now`, given what it holds durably.
    pub fn expect(&self, case: &CaseId, side: usize, now: Timestamp) -> Expected {
        History::of(self.of(case), side).expect(now)
    }

    /// Tells whether the law lets a State do something, by all that it holds durably.
    pub fn allows(&self, case: &CaseId, side: usize, attempt: &Attempt) -> bool {
        let history = History::of(self.of(case), side);
        let Some(version) = history.versions.last() else { return false };
        let items = version.items();
        let open = items.contains(&Settled::Open);
        let returned = version.returned().is_some();
        let asks = version.request.by == side && !history.withdrawn;
        let answers = version.request.to == side && !history.withdrawn && !returned;
        match attempt {
            Attempt::Acknowledge => answers && version.answers.is_empty(),
            Attempt::Judge => answers && open && lacks(version).is_some(),
            Attempt::Return(wants) => answers && !version.is_touched() && self.is_founded(version, wants),
            Attempt::Resubmit => asks && returned,
            Attempt::Answer(at) => {
                let fits = |item: &Settled| matches!(item, Settled::Open | Settled::InPart);
                let item = |at: &u32| usize::try_from(*at).ok().and_then(|at| items.get(at));
                answers && !version.is_refused() && at.iter().all(|at| item(at).is_some_and(fits))
            }
            Attempt::Delay => answers && open,
            Attempt::Refuse => answers && !version.is_refused() && open,
            Attempt::Question(about) => history.theirs(about).is_some(),
            Attempt::Clarify(question) => {
                let asked = history.theirs(question);
                asked.is_some_and(|act| act.kind == ActKind::ClarificationRequest)
            }
            Attempt::Withdraw => asks && (open || returned),
            Attempt::Tell => true,
        }
    }

    /// ISACS 8.3.2: a return wants only what the request lacks; where the requester says that it cannot give
    /// everything, an officer has to see no chance in what was given.
    fn is_founded(&self, version: &Version<'_>, wants: &BTreeSet<String>) -> bool {
        let hopeless = self.hopeless.get(&version.request.digest()).copied().unwrap_or(false);
        let founded = |lacking: Lacking| {
            !wants.is_empty() && wants.is_subset(&lacking.clauses) && (hopeless || !lacking.pleads)
        };
        lacks(version).is_some_and(founded)
    }

    fn of(&self, case: &CaseId) -> impl Iterator<Item = &Made> {
        let digests = self.cases.get(case).into_iter().flatten();
        digests.filter_map(|digest| self.acts.get(digest))
    }
}

/// What a request lacks.
struct Lacking {
    clauses: BTreeSet<String>,
    pleads: bool,
}

/// Says what a version of the request lacks; none if it lacks nothing.
fn lacks(version: &Version<'_>) -> Option<Lacking> {
    let request = version.request.facts.request()?;
    let clauses: BTreeSet<String> = request.unmet.union(&request.impossible).cloned().collect();
    (!clauses.is_empty() || request.pleads).then_some(Lacking { clauses, pleads: request.pleads })
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
