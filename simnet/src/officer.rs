//! Officers: what they mean to do, when, and how carefully. Every draw depends on the seed and the case.

use crate::draw::Draw;
use crate::heap::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::samples::Form;
use valise::case::{PermitId, RequestFacts};
use valise::model::{CaseId, Digest, Label, Outcome, Purpose, Ternary};
use valise::rules::release::Authority;

/// Something that an officer, or the gateway for one, is about to do.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Asks another State.
    Ask {
        /// Which one.
        to: usize,
        /// About how many items.
        items: u32,
        /// What the form holds.
        form: Form,
    },
    /// Acknowledges a request.
    Acknowledge {
        /// In which case.
        case: CaseId,
        /// Whether the gateway does it because no officer has.
        automatic: bool,
    },
    /// Judges whether a request has a reasonable chance of success.
    Judge {
        /// In which case.
        case: CaseId,
        /// Whether it has.
        reasonable: bool,
        /// Whether the reason is left out.
        careless: bool,
    },
    /// Returns a request for all that it lacks.
    Return {
        /// In which case.
        case: CaseId,
        /// Whether nothing is asked for.
        careless: bool,
    },
    /// Submits a request again.
    Resubmit {
        /// In which case.
        case: CaseId,
        /// What the form holds.
        form: Form,
    },
    /// Answers a request.
    Answer(Answer),
    /// Announces that the answer comes late.
    Delay {
        /// In which case.
        case: CaseId,
        /// Whether the ground has no reason.
        careless: bool,
    },
    /// Refuses what is left of a request.
    Refuse {
        /// In which case.
        case: CaseId,
        /// Whether the ground has no reason.
        careless: bool,
    },
    /// Asks what an act means.
    Question {
        /// In which case.
        case: CaseId,
        /// Which act.
        about: Digest,
        /// Whether the question is empty.
        careless: bool,
    },
    /// Answers a question.
    Clarify {
        /// In which case.
        case: CaseId,
        /// Which question.
        question: Digest,
        /// Whether the answer is empty.
        careless: bool,
    },
    /// Withdraws a request.
    Withdraw {
        /// In which case.
        case: CaseId,
        /// Whether the reason is left out.
        careless: bool,
    },
    /// Tells what came of a trace.
    Tell {
        /// In which case.
        case: CaseId,
        /// Whether the point of diversion was found.
        found: Ternary,
        /// Whether it is told of no item.
        careless: bool,
    },
    /// Asks to give what was received to somebody.
    Release {
        /// In which case.
        case: CaseId,
        /// To whom.
        to: Authority,
        /// For what.
        purpose: Purpose,
        /// When the permit is used after it was granted.
        spend: Vec<(Millis, Spender)>,
    },
    /// Uses a permit.
    Spend {
        /// In which case.
        case: CaseId,
        /// Which permit.
        permit: PermitId,
        /// Who.
        spender: Spender,
    },
}

/// An answer as an officer means it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// In which case.
    pub case: CaseId,
    /// How far which items are answered; none means every open item.
    pub items: Option<Vec<u32>>,
    /// How far.
    pub outcome: Outcome,
    /// The label of what is given.
    pub label: Option<Label>,
    /// Whether a reason that is owed is left out.
    pub careless: bool,
}

/// Who uses a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spender {
    /// The officer who asked.
    Owner,
    /// A colleague, who may not.
    Colleague,
}

/// How an office works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// In time.
    Prompt,
    /// Mostly in time.
    Busy,
    /// Mostly late.
    Slow,
    /// Often never.
    Silent,
}

/// How one State's office works.
#[derive(Clone, Copy, Debug)]
pub struct Office {
    /// Its temper.
    pub temper: Temper,
    /// After how many days the gateway acknowledges by itself.
    pub auto_ack_days: Option<u16>,
}

impl Office {
    /// Draws how a State's office works.
    pub fn draw(seed: u64, state: usize) -> Self {
        let mut draw = Draw::new(seed, "office", &[state as u64]);
        let temper = match draw.below(10) {
            0..4 => Temper::Prompt,
            4..7 => Temper::Busy,
            7..9 => Temper::Slow,
            _ => Temper::Silent,
        };
        let auto_ack_days = draw.chance(300).then_some(5);
        Self { temper, auto_ack_days }
    }
}

/// Plans what the asked office does about a version of a request, by its number: when, counted from its
/// receipt.
pub fn on_request(
    seed: u64,
    case: &CaseId,
    (version, request): (u64, &RequestFacts),
    office: Office,
) -> Vec<(Millis, Deed)> {
    let mut draw = of_case(seed, "request", case, version);
    let mut plan = Vec::new();
    let (ack_days, answer_days, never_acks, never_answers) = match office.temper {
        Temper::Prompt => (3, 30, 20, 20),
        Temper::Busy => (9, 60, 50, 100),
        Temper::Slow => (20, 120, 150, 250),
        Temper::Silent => (40, 150, 500, 700),
    };
    if let Some(days) = office.auto_ack_days {
        let deed = Deed::Acknowledge { case: case.clone(), automatic: true };
        plan.push((Millis::from(days) * DAY + MINUTE, deed));
    }
    let ack = draw.between(HOUR, ack_days * DAY);
    if !draw.chance(never_acks) {
        let deed = Deed::Acknowledge { case: case.clone(), automatic: false };
        if draw.chance(30) {
            plan.push((ack + draw.between(MINUTE, DAY), deed.clone()));
        }
        plan.push((ack, deed));
    }
    if returns(&mut draw, case, request, ack_days, &mut plan) || draw.chance(never_answers) {
        return plan;
    }
    if draw.chance(300) {
        let deed = Deed::Delay { case: case.clone(), careless: draw.chance(100) };
        plan.push((draw.between(HOUR, 40 * DAY), deed));
    }
    // Some answer as soon as they have acknowledged, and the two overtake each other on the way.
    let hurried = draw.chance(200);
    let at = if hurried { ack + draw.between(200, MINUTE) } else { draw.between(HOUR, answer_days * DAY) };
    if draw.chance(100) {
        plan.push((at - draw.between(1, HOUR), careless(&mut draw, case)));
    }
    answers(&mut draw, case, request.items, at, &mut plan);
    plan
}

/// Plans what the asking office does about a request of its own, by the way.
pub fn on_asked(seed: u64, case: &CaseId) -> Vec<(Millis, Deed)> {
    let mut draw = of_case(seed, "withdrawal", case, 0);
    let withdraw = |careless| Deed::Withdraw { case: case.clone(), careless };
    let at = draw.between(MINUTE, 80 * DAY);
    match draw.below(100) {
        0..6 => vec![(at, withdraw(false))],
        6 => vec![(at, withdraw(true))],
        _ => Vec::new(),
    }
}

/// Plans what the asking office does about a return, by the number of the version that was returned.
pub fn on_return(seed: u64, case: &CaseId, version: u64) -> Vec<(Millis, Deed)> {
    let mut draw = of_case(seed, "return", case, version);
    let form = match draw.below(10) {
        0 if version < 3 => Form::Pleading,
        1 if version < 3 => Form::Impossible,
        2 => Form::Careless,
        _ => Form::Complete,
    };
    let at = draw.between(HOUR, 20 * DAY);
    match draw.below(10) {
        0 => vec![(at, Deed::Withdraw { case: case.clone(), careless: false })],
        1 => Vec::new(),
        _ => vec![(at, Deed::Resubmit { case: case.clone(), form })],
    }
}

/// Plans what an office asks about any act that comes.
pub fn on_act(seed: u64, case: &CaseId, act: &Digest) -> Vec<(Millis, Deed)> {
    let mut draw = of_act(seed, "question", act);
    let ask = |careless| Deed::Question { case: case.clone(), about: *act, careless };
    let at = draw.between(MINUTE, 10 * DAY);
    match draw.below(100) {
        0..8 => vec![(at, ask(false))],
        8 => vec![(at, ask(true))],
        _ => Vec::new(),
    }
}

/// Plans what an office does about a question.
pub fn on_question(seed: u64, case: &CaseId, question: &Digest) -> Vec<(Millis, Deed)> {
    let mut draw = of_act(seed, "clarification", question);
    let answer = |careless| Deed::Clarify { case: case.clone(), question: *question, careless };
    let at = draw.between(HOUR, 20 * DAY);
    match draw.below(10) {
        0 => Vec::new(),
        1 => vec![(at, answer(true)), (at + DAY, answer(false)), (at + 2 * DAY, answer(false))],
        _ => vec![(at, answer(false))],
    }
}

/// Plans what an office tells of the end of a trace once it has heard of an answer, or of what the other
/// office tells.
pub fn on_outcome(seed: u64, case: &CaseId, act: &Digest) -> Vec<(Millis, Deed)> {
    let mut draw = of_act(seed, "outcome", act);
    let found =
        draw.pick(&[Ternary::Yes, Ternary::No, Ternary::Unknown]).copied().unwrap_or(Ternary::Unknown);
    let tell = |careless| Deed::Tell { case: case.clone(), found, careless };
    let at = draw.between(DAY, 30 * DAY);
    match draw.below(10) {
        0 => vec![(at, tell(true))],
        1..3 => vec![(at, tell(false))],
        _ => Vec::new(),
    }
}

/// Plans what the asking office does with a response that holds something.
pub fn on_response(seed: u64, case: &CaseId, response: &Digest) -> Vec<(Millis, Deed)> {
    let mut draw = of_act(seed, "response", response);
    let mut plan = Vec::new();
    for _ in 0..draw.below(3) {
        let at = draw.between(HOUR, 3 * DAY);
        let first = if draw.chance(100) { 25 * HOUR } else { draw.between(MINUTE, 20 * HOUR) };
        let spender = if draw.chance(100) { Spender::Colleague } else { Spender::Owner };
        let mut spend = vec![(first, spender)];
        if draw.chance(250) {
            spend.push((first + draw.between(MINUTE, HOUR), Spender::Owner));
        }
        let to = crate::samples::authority(&mut draw);
        let purpose = draw.pick(&Purpose::ALL).copied().unwrap_or(Purpose::Tracing);
        plan.push((at, Deed::Release { case: case.clone(), to, purpose, spend }));
    }
    plan
}

/// Plans to judge and to return a request; true if nothing else is planned.
fn returns(
    draw: &mut Draw,
    case: &CaseId,
    request: &RequestFacts,
    within: i64,
    plan: &mut Vec<(Millis, Deed)>,
) -> bool {
    let give_back = |careless| Deed::Return { case: case.clone(), careless };
    let at = draw.between(HOUR, within * DAY);
    if !request.wants_judgement() {
        if draw.chance(40) {
            plan.push((at, give_back(false)));
        }
        return false;
    }
    let reasonable = draw.chance(250);
    let judge = |careless| Deed::Judge { case: case.clone(), reasonable, careless };
    if draw.chance(100) {
        plan.push((at - MINUTE, judge(true)));
    }
    if draw.chance(100) {
        // Too early: the judgement is owed first.
        plan.push((at - MINUTE, give_back(false)));
    }
    plan.push((at, judge(false)));
    let after = at + draw.between(MINUTE, 6 * DAY);
    if draw.chance(100) {
        plan.push((after - SECOND, give_back(true)));
    }
    if !reasonable || draw.chance(100) {
        plan.push((after, give_back(false)));
    }
    !reasonable && draw.chance(850)
}

fn answers(draw: &mut Draw, case: &CaseId, items: u32, at: Millis, plan: &mut Vec<(Millis, Deed)>) {
    let in_steps = items > 1 && draw.chance(400);
    let label = crate::samples::label(draw);
    let (outcome, refuse) = outcome(draw);
    let refusal = |case: &CaseId| Deed::Refuse { case: case.clone(), careless: false };
    let answer = |items, outcome, label| {
        Deed::Answer(Answer { case: case.clone(), items, outcome, label, careless: false })
    };
    if in_steps {
        plan.push((at, answer(Some(vec![0]), Outcome::Full, label.clone())));
        let later = at + draw.between(MINUTE, 30 * DAY);
        plan.push((later, if refuse { refusal(case) } else { answer(None, outcome, label) }));
        return;
    }
    plan.push((at, if refuse { refusal(case) } else { answer(None, outcome, label.clone()) }));
    if outcome == Outcome::Partial && !refuse && draw.chance(500) {
        plan.push((at + draw.between(DAY, 20 * DAY), answer(None, Outcome::Full, label)));
    }
    if draw.chance(50) {
        plan.push((at + draw.between(MINUTE, 5 * DAY), refusal(case)));
    }
}

fn outcome(draw: &mut Draw) -> (Outcome, bool) {
    match draw.below(10) {
        0..5 => (Outcome::Full, false),
        5 | 6 => (Outcome::Partial, false),
        7 => (Outcome::NoneFound, false),
        8 => (Outcome::NotOurs, false),
        _ => (Outcome::Full, true),
    }
}

fn careless(draw: &mut Draw, case: &CaseId) -> Deed {
    if draw.chance(500) {
        return Deed::Refuse { case: case.clone(), careless: true };
    }
    let outcome = if draw.chance(500) { Outcome::NoneFound } else { Outcome::Partial };
    Deed::Answer(Answer { case: case.clone(), items: None, outcome, label: None, careless: true })
}

fn of_case(seed: u64, purpose: &str, case: &CaseId, version: u64) -> Draw {
    let digest = Digest::of(&[case.as_str().as_bytes()]);
    Draw::new(seed, purpose, &[number(&digest), version])
}

fn of_act(seed: u64, purpose: &str, act: &Digest) -> Draw {
    Draw::new(seed, purpose, &[number(act)])
}

fn number(digest: &Digest) -> u64 {
    u64::from_be_bytes(digest.0[..8].try_into().unwrap_or_default())
}
