//! What a response, a delay and a refusal must hold before they leave (ISACS 8.3.3, 8.3.4.2).

mod template;
#[cfg(test)]
mod tests;

pub use template::template;

use super::completeness::{Completeness, said};
use crate::model::{
    About, Answer, Country, Delay, DiversionKind, Element, Ground, GroundCode, ItemAnswer, Outcome,
    Particulars, Refusal, Response,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A State that a response leads to, so that the trace can go on there (ISACS 8.1, 8.3.3.1 c).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextState {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// The State; perhaps one that no longer exists, so that an officer must choose a successor.
    pub state: Country,
    /// The clause that leads there.
    pub clause: &'static str,
}

/// Checks a response to a request of `request_items` items (ISACS 8.3.3, 8.3.4.2).
///
/// Items that are not answered yet are advice: answers may come one by one (DESIGN §3.8). A usage label
/// asks for no ground (DESIGN §12.3).
pub fn check(request_items: u32, response: &Response) -> Completeness {
    let mut found = Completeness::default();
    if response.items.is_empty() {
        found.need("8.3.3.1", "items", "the response answers nothing; answer at least one item");
    }
    let mut answered = BTreeSet::new();
    for (at, answer) in response.items.iter().enumerate() {
        let path = format!("items[{at}]");
        if answer.item >= request_items {
            let why = format!("the request has {request_items} item(s), counted from zero");
            found.need("8.3.3.1", format!("{path}.item"), why);
        } else if !answered.insert(answer.item) {
            found.need("8.3.3.1", format!("{path}.item"), "this item is answered more than once");
        }
        outcome(&path, answer, &mut found);
        diverted_from(&path, answer, &mut found);
        for (at, element) in answer.elements.iter().enumerate() {
            said_about(&format!("{path}.elements[{at}].answer"), element, &mut found);
        }
    }
    let open = u64::from(request_items).saturating_sub(answered.len() as u64);
    if open > 0 && !answered.is_empty() {
        found.advise("8.3.3.1", "items", format!("{open} item(s) of the request are not answered yet"));
    }
    found
}

/// Checks a refusal: the reasons are owed with the grounds (ISACS 8.3.4.2).
pub fn refusal_check(refusal: &Refusal) -> Completeness {
    grounds("a refusal", &refusal.grounds)
}

/// Checks the announcement of a delay: the reasons are owed with the grounds (ISACS 8.3.4.2).
pub fn delay_check(delay: &Delay) -> Completeness {
    let mut found = grounds("a delay", &delay.grounds);
    if delay.expected.is_none() {
        found.advise("8.3.4.2", "expected", "say when the response is expected");
    }
    found
}

/// Lists the States to which a response leads, each once an item (ISACS 8.3.3.1 c, 8.3.3.4 b).
pub fn next_states(response: &Response) -> Vec<NextState> {
    let mut next: Vec<NextState> = Vec::new();
    for answer in &response.items {
        let named = answer.next_state.map(|state| ("8.1", state));
        let recipients = answer.elements.iter().filter_map(|element| {
            let Answer::Value { value } = &element.answer else { return None };
            match element.about {
                About::Recipient => Some(("8.3.3.1(c)", value.state?)),
                About::Export => Some(("8.3.3.4(b)", value.state?)),
                About::LastLegalOwner
                | About::Circumstances
                | About::Manufacture
                | About::Import
                | About::InternalTransfer
                | About::Diversion
                | About::Other => None,
            }
        });
        for (clause, state) in named.into_iter().chain(recipients) {
            if next.iter().all(|n| (n.item, n.state) != (answer.item, state)) {
                next.push(NextState { item: answer.item, state, clause });
            }
        }
    }
    next
}

/// What the outcome of an item promises must be in its elements.
fn outcome(path: &str, answer: &ItemAnswer, found: &mut Completeness) {
    let given = answer.elements.iter().any(|e| matches!(e.answer, Answer::Value { .. }));
    let kept_back = |e: &Element| matches!(e.answer, Answer::Withheld { .. } | Answer::Delayed { .. });
    let withheld = answer.elements.iter().any(kept_back);
    let silent = answer.elements.iter().any(|e| matches!(e.answer, Answer::NoRecord { .. }));
    let field = format!("{path}.outcome");
    match answer.outcome {
        Outcome::Full => {
            if withheld {
                found.need(
                    "8.3.4.2",
                    field,
                    "an element is withheld or delayed, so that the answer is 'partial'",
                );
            } else if !given {
                found.need("8.3.3.1", field, "a full answer gives something; say 'partial' or 'none_found'");
            }
            sought(path, answer, found);
        }
        Outcome::Partial => {
            if !withheld && !silent {
                let why = "a partial answer says what is withheld, delayed or not on record, and why";
                found.need("8.3.4.2", field, why);
            }
            sought(path, answer, found);
        }
        Outcome::NoneFound => {
            if given || withheld {
                let why = "an element says that records hold something, so that this is not 'none_found'";
                found.need("8.3.3.1", field, why);
            }
            if !said(answer.reason.as_ref()) {
                found.need("8.3.3.1", format!("{path}.reason"), "say why nothing was found");
            }
        }
        Outcome::NotOurs => {
            if answer.next_state.is_none() && !said(answer.reason.as_ref()) {
                let why =
                    "say why the weapon was never under this jurisdiction, or name the State to ask next";
                found.need("8.3.3.1", format!("{path}.reason"), why);
            }
        }
    }
}

/// ISACS 8.3.3.1: (last legal owner and circumstances) or recipient; what is not given is explained.
fn sought(path: &str, answer: &ItemAnswer, found: &mut Completeness) {
    let addressed = |about| answer.elements.iter().any(|e| e.about == about);
    // A recipient that is withheld still says that the weapon left lawfully; a missing record does not.
    let exported = answer.elements.iter().any(|e| {
        e.about == About::Recipient
            && match e.answer {
                Answer::Value { .. } | Answer::Withheld { .. } | Answer::Delayed { .. } => true,
                Answer::NoRecord { .. } | Answer::NotApplicable { .. } => false,
            }
    });
    for (clause, about, what) in [
        ("8.3.3.1(a)", About::LastLegalOwner, "the last legal owner"),
        ("8.3.3.1(b)", About::Circumstances, "how it became illicit"),
    ] {
        if !exported && !addressed(about) {
            let why =
                format!("give {what}, or the recipient of a lawful export (c), or why it cannot be given");
            found.need(clause, format!("{path}.elements"), why);
        }
    }
}

/// ISACS 8.3.3.5 b: a diversion names the last legal owner, in its own value or in an element of that kind.
fn diverted_from(path: &str, answer: &ItemAnswer, found: &mut Completeness) {
    let owner = answer.elements.iter().any(|e| e.about == About::LastLegalOwner);
    for (at, element) in answer.elements.iter().enumerate() {
        let Answer::Value { value } = &element.answer else { continue };
        if element.about == About::Diversion && !owner && !said(value.name.as_ref()) {
            let field = format!("{path}.elements[{at}].answer.value.name");
            found.advise("8.3.3.5(b)", field, "name the last legal owner");
        }
    }
}

/// Checks one element; `path` is that of its answer.
fn said_about(path: &str, element: &Element, found: &mut Completeness) {
    match &element.answer {
        Answer::Value { value } => {
            let path = format!("{path}.value");
            particulars(&path, element.about, value, found);
            helpful(&path, element.about, value, found);
        }
        Answer::NoRecord { reason } | Answer::NotApplicable { reason } => {
            if !said(Some(reason)) {
                found.need("8.3.3.1", format!("{path}.reason"), "say why there is no answer");
            }
        }
        Answer::Withheld { ground: given } | Answer::Delayed { ground: given, .. } => {
            ground(&format!("{path}.ground"), given, found);
        }
    }
}

/// Checks that a value says what its element is about (ISACS 8.3.3.1–8.3.3.5).
fn particulars(path: &str, about: About, value: &Particulars, found: &mut Completeness) {
    let mut owes = |clause, field: &str, kept: bool, why: &str| {
        if !kept {
            found.need(clause, format!("{path}{field}"), why);
        }
    };
    let named = said(value.name.as_ref());
    let detailed = said(value.details.as_ref());
    let not_blank = !is_blank(value);
    let blank = "the value says nothing; use 'no_record' with its reason";
    match about {
        About::LastLegalOwner => {
            owes("8.3.3.1(a)", ".name", named, "name the owner, or use 'no_record' with its reason");
        }
        About::Circumstances => {
            let told = detailed || value.how.is_some_and(|how| how != DiversionKind::Other);
            owes("8.3.3.1(b)", ".how", told, "say how it became illicit; 'other' is told in the details");
        }
        About::Recipient => {
            let known = named || value.state.is_some();
            owes("8.3.3.1(c)", ".name", known, "name the recipient or its State");
        }
        About::Manufacture | About::Import => owes("8.3.3.2", "", not_blank, blank),
        About::InternalTransfer => owes("8.3.3.3", "", not_blank, blank),
        About::Export => owes("8.3.3.4", "", not_blank, blank),
        About::Diversion => {
            let why = "say whether an investigation is launched, envisaged or none";
            owes("8.3.3.5", ".investigation", value.investigation.is_some(), why);
        }
        About::Other => owes("8.3.3.1", "", not_blank, blank),
    }
}

/// Advises what a block may also say (ISACS 8.3.3.2–8.3.3.5: "may include").
fn helpful(path: &str, about: About, value: &Particulars, found: &mut Completeness) {
    let named = said(value.name.as_ref());
    let authorised = value.authorisations.iter().any(|a| said(Some(a)));
    let told = value.confirmed.is_some() || said(value.details.as_ref());
    let dated = (value.date.is_some(), "date", "say when");
    let hints: &[(&'static str, (bool, &str, &str))] = match about {
        About::Manufacture | About::Import => &[
            ("8.3.3.2(a)", (value.confirmed.is_some(), "confirmed", "say whether records confirm it")),
            ("8.3.3.2(b)", (named, "name", "name the manufacturer or importer")),
            ("8.3.3.2(c)", dated),
        ],
        About::InternalTransfer => &[
            ("8.3.3.3(a)", dated),
            ("8.3.3.3(b)", (named, "name", "name the final consignee")),
            ("8.3.3.3(c)", (authorised, "authorisations", "give the transfer licence, if there was one")),
        ],
        About::Export => &[
            ("8.3.3.4(a)", dated),
            ("8.3.3.4(b)", (value.state.is_some(), "state", "name the importing State")),
            ("8.3.3.4(d)", (named, "name", "name the final consignee")),
            (
                "8.3.3.4(e)",
                (authorised, "authorisations", "give the import, export and transit authorisations"),
            ),
        ],
        About::Diversion => {
            &[("8.3.3.5(a)", (told, "details", "say whether records confirm the diversion, and its details"))]
        }
        About::LastLegalOwner | About::Circumstances | About::Recipient | About::Other => &[],
    };
    for (clause, (there, field, why)) in hints {
        if !there {
            found.advise(clause, format!("{path}.{field}"), *why);
        }
    }
}

fn is_blank(value: &Particulars) -> bool {
    let texts = [&value.name, &value.address, &value.place, &value.details];
    let coded = value.confirmed.is_some()
        || value.date.is_some()
        || value.state.is_some()
        || value.how.is_some()
        || value.investigation.is_some();
    !coded
        && value.transit_states.is_empty()
        && !texts.into_iter().any(|t| said(t.as_ref()))
        && !value.authorisations.iter().any(|t| said(Some(t)))
}

/// Checks the grounds of a whole act.
fn grounds(act: &str, given: &[Ground]) -> Completeness {
    let mut found = Completeness::default();
    if given.is_empty() {
        found.need("8.3.4.2", "grounds", format!("{act} rests on a ground of 8.3.4.2: a1, a2, b or c"));
    }
    for (at, each) in given.iter().enumerate() {
        ground(&format!("grounds[{at}]"), each, &mut found);
    }
    found
}

/// ISACS 8.3.4.2: whoever delays, restricts or refuses shall inform of the reasons.
fn ground(path: &str, given: &Ground, found: &mut Completeness) {
    if !said(Some(&given.reason)) {
        found.need("8.3.4.2", format!("{path}.reason"), "the reason is owed with the ground, in words");
    }
    if given.code == GroundCode::A2 && !said(given.law.as_ref()) {
        found.advise("8.3.4.2(a)(2)", format!("{path}.law"), "name the law that protects the information");
    }
}
