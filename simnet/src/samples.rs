//! Fictive words for fictive officers.

use crate::draw::Draw;
use crate::officer::Answer;
use std::collections::BTreeSet;
use valise::model::{
    About, Audience, Country, Delay, Digest, Element, Field, FollowUp, Ground, GroundCode, ItemAnswer, Label,
    MissingElement, Onward, OtherCaveat, Outcome, OutcomeNotice, Particulars, Party, Purpose, Refusal,
    Request, Response, Ternary, Text, Timestamp, without_annotations,
};
use valise::rules::release::{Authority, AuthorityKind};

/// The request of which all others are copies.
const TEMPLATE: &str = include_str!("../../config/examples/request-one-weapon.json");

/// Reads the request of which all others are copies.
pub fn template() -> Request {
    let document = serde_json::from_str(TEMPLATE).expect("the example is JSON");
    serde_json::from_value(without_annotations(document)).expect("the example is a request")
}

/// What the form of a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Everything.
    Complete,
    /// Less, and it says why.
    Pleading,
    /// Everything but what it says to be impossible to give.
    Impossible,
    /// Less, and it says nothing.
    Careless,
}

impl Form {
    /// Draws a form that may be sent.
    pub fn draw(draw: &mut Draw) -> Self {
        match draw.below(10) {
            0 | 1 => Self::Pleading,
            2 => Self::Impossible,
            _ => Self::Complete,
        }
    }
}

/// Asks a State about so many items that it made.
pub fn request(template: &Request, to: &Party, items: u32, form: Form) -> Request {
    let mut request = template.clone();
    if let Some(addressee) = &mut request.addressee {
        addressee.party = to.clone();
    }
    let made_in = to.state().map(Field::<Country>::value);
    for item in &mut request.items {
        item.country_of_manufacture.clone_from(&made_in);
    }
    if let Some(item) = request.items.first().cloned() {
        request.items = vec![item; usize::try_from(items).unwrap_or(1)];
    }
    match form {
        Form::Complete => {}
        Form::Pleading => {
            request.illicit_grounds.clear();
            request.incomplete_reason = Some(words("the file was lost in the flood"));
        }
        Form::Impossible => {
            request.circumstances = Some(Field::NotPossible(words("nobody saw where it was found")));
        }
        Form::Careless => request.illicit_grounds.clear(),
    }
    request
}

/// Puts an officer's answer into words, for these items.
pub fn response(request: Digest, answer: &Answer, items: &[u32]) -> Response {
    let said = items.iter().map(|item| item_answer(*item, answer)).collect();
    Response { request, items: said, note: None }
}

/// Asks for what these clauses want.
pub fn missing(wants: &BTreeSet<String>) -> Vec<MissingElement> {
    let one = |clause: &String| MissingElement {
        clause: clause.clone(),
        field: "request".to_owned(),
        why: words("we cannot search without it"),
    };
    wants.iter().map(one).collect()
}

/// Puts the announcement of a delay into words.
pub fn delay(request: Digest, careless: bool) -> Delay {
    Delay { request, grounds: vec![ground(careless)], expected: None }
}

/// Tells what came of the trace of the first item, or of none.
pub fn outcome(request: Digest, found: Ternary, careless: bool) -> OutcomeNotice {
    let first = FollowUp {
        item: 0,
        point_of_diversion: found,
        prosecution: Ternary::Unknown,
        action: None,
        preventive_measure: None,
    };
    OutcomeNotice { request, items: (!careless).then_some(first).into_iter().collect() }
}

/// A question, an answer or a reason in words, or in none.
pub fn said(careless: bool) -> Text {
    words(if careless { " " } else { "as set out in our letter" })
}

/// Puts a refusal into words.
pub fn refusal(request: Digest, careless: bool) -> Refusal {
    Refusal { request, grounds: vec![ground(careless)] }
}

/// Draws a usage label, or none.
pub fn label(draw: &mut Draw) -> Option<Label> {
    let bare = Label::default();
    let caveat = OtherCaveat { code: "as-agreed".to_owned(), text: "as agreed between us".to_owned() };
    Some(match draw.below(9) {
        0 => Label { audience: Some(Audience::Designated), ..bare },
        1 => Label { audience: Some(Audience::Named(["police-cid".to_owned()].into())), ..bare },
        2 => Label { purposes: [Purpose::Tracing, Purpose::Analysis].into(), ..bare },
        3 => Label { onward: Onward::WithConsent, ..bare },
        4 => Label { onward: Onward::None, not_in_court: true, ..bare },
        5 => Label { not_in_court: true, ..bare },
        6 => Label { other: vec![caveat], ..bare },
        7 => Label { onward: Onward::None, expires: draw_expiry(draw), ..bare },
        _ => return None,
    })
}

/// Draws to whom an officer would give what came.
pub fn authority(draw: &mut Draw) -> Authority {
    let (name, kind, designated) = match draw.below(5) {
        0 => ("NPC", AuthorityKind::OwnNpc, true),
        1 => ("police-cid", AuthorityKind::Competent, true),
        2 => ("customs", AuthorityKind::Competent, false),
        3 => ("high-court", AuthorityKind::Court, true),
        _ => {
            let party: Party = "XZZ".parse().expect("XZZ is set apart for users");
            ("XZZ", AuthorityKind::Foreign(party), true)
        }
    };
    Authority { name: name.to_owned(), kind, designated }
}

fn draw_expiry(draw: &mut Draw) -> Option<Timestamp> {
    Some(crate::federation::START.saturating_add(draw.between(0, 365) * valise::model::DAY))
}

fn item_answer(item: u32, answer: &Answer) -> ItemAnswer {
    use valise::model::Answer as Said;
    let owner = Particulars { name: Some(words("Depot Nine")), ..Particulars::default() };
    let lost = Particulars { details: Some(words("stolen from a store")), ..Particulars::default() };
    let element = |about, value, label| Element { about, answer: Said::Value { value }, label };
    let given = || {
        vec![
            element(About::LastLegalOwner, owner.clone(), answer.label.clone()),
            element(About::Circumstances, lost.clone(), None),
        ]
    };
    let withheld = Said::Withheld { ground: ground(answer.careless) };
    let elements = match answer.outcome {
        Outcome::Full => given(),
        Outcome::Partial => given()
            .into_iter()
            .chain([Element { about: About::Other, answer: withheld, label: None }])
            .collect(),
        Outcome::NoneFound | Outcome::NotOurs => Vec::new(),
    };
    let reason = (!answer.careless).then(|| words("no entry in the register"));
    ItemAnswer { item, outcome: answer.outcome, reason, next_state: None, elements }
}

fn ground(careless: bool) -> Ground {
    let reason = if careless { " " } else { "as told by our ministry" };
    Ground { code: GroundCode::C, reason: words(reason), law: None }
}

fn words(text: &str) -> Text {
    Text::new(text.to_owned())
}
