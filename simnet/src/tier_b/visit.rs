//! What an officer does about an entry of the inbox.

use crate::draw::Draw;
use crate::officer::Answer;
use crate::samples;
use serde_json::Value;
use valise::case::{ItemState, View};
use valise::control::{Command, InboxEntry};
use valise::model::{CaseId, Digest, FollowUp, Outcome, Purpose, Refusal, Sensitive, Ternary};

/// Reads an inbox.
pub fn entries(inbox: &Value) -> Vec<InboxEntry> {
    serde_json::from_value(inbox.clone()).unwrap_or_default()
}

/// Draws what is done about an entry: what the inbox asks for, and now and then something beside it.
pub fn deeds(entry: &InboxEntry, seen: &View, request: Digest, draw: &mut Draw) -> Vec<Command> {
    let case = entry.case.clone();
    let mut deeds = match entry.todo.as_str() {
        "acknowledge" => vec![Command::CaseAck { case: case.clone(), note: None }],
        "respond" => vec![answer(&case, seen, request, draw)],
        "clarify" => clarifications(&case, seen),
        "read" => reading(&case, draw),
        _ => Vec::new(),
    };
    let theirs = seen.acts.iter().find(|act| act.issuer == seen.peer);
    if let (true, Some(act)) = (draw.chance(60), theirs) {
        let act = act.digest.to_string();
        deeds.push(Command::CaseClarify { case, act, text: words("what does this mean?") });
    }
    deeds
}

fn answer(case: &CaseId, seen: &View, request: Digest, draw: &mut Draw) -> Command {
    let case = case.clone();
    let open = seen
        .items
        .iter()
        .filter(|item| matches!(item.state, ItemState::Open | ItemState::Answered(Outcome::Partial)));
    let items: Vec<u32> = open.map(|item| item.item).collect();
    let untouched = seen.items.iter().all(|item| item.state == ItemState::Open);
    match draw.below(10) {
        0 if untouched => {
            let Refusal { grounds, .. } = samples::refusal(request, false);
            Command::CaseRefuse { case, grounds }
        }
        1 if seen.delay.is_none() => {
            let Refusal { grounds, .. } = samples::refusal(request, false);
            Command::CaseDelay { case, grounds, expected: None }
        }
        drawn => {
            let outcome =
                [Outcome::Full, Outcome::Full, Outcome::Partial, Outcome::NoneFound, Outcome::NotOurs]
                    [draw.index(5)];
            let items = if drawn == 2 { items.into_iter().take(1).collect() } else { items };
            let label = samples::label(draw);
            let said = Answer { case: case.clone(), items: None, outcome, label, careless: false };
            let response = Box::new(samples::response(request, &said, &items));
            Command::CaseRespond { case, response, despite_declaration: false }
        }
    }
}

fn clarifications(case: &CaseId, seen: &View) -> Vec<Command> {
    let open =
        seen.questions.iter().filter(|question| question.issuer == seen.peer && question.answer.is_none());
    let answer = |question: &valise::case::QuestionView| Command::CaseClarify {
        case: case.clone(),
        act: question.digest.to_string(),
        text: words("it means what it says"),
    };
    open.map(answer).collect()
}

fn reading(case: &CaseId, draw: &mut Draw) -> Vec<Command> {
    let mut deeds = Vec::new();
    for _ in 0..draw.below(3) {
        let to = samples::authority(draw);
        // The own desk is called `npc` on the command line.
        let to = if to.name == "NPC" { "npc".to_owned() } else { to.name };
        let purpose = draw.pick(&Purpose::ALL).copied().unwrap_or(Purpose::Tracing);
        let (case, elements) = (case.clone(), Vec::new());
        deeds.push(Command::ReleaseRequest { case, to, purpose, elements, show: true, emergency: None });
    }
    if draw.chance(400) {
        let items = vec![FollowUp {
            item: 0,
            point_of_diversion: Ternary::Yes,
            prosecution: Ternary::Unknown,
            action: Some(words("store audited")),
            preventive_measure: None,
        }];
        deeds.push(Command::CaseOutcome { case: case.clone(), items });
    }
    if draw.chance(600) {
        deeds.push(Command::CaseClose { case: case.clone(), reason: Some(words("nothing more follows")) });
    }
    deeds
}

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}
