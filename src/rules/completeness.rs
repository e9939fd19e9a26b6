//! The one validator of requests; the sender and the receiver run the same (ISACS 8.2, 8.3.2).

mod item;
mod reading;
#[cfg(test)]
mod tests;

pub(super) use reading::said;

use super::addressee;
use crate::model::{DomesticOutcome, DomesticRecord, Field, FieldValue, IllicitCode, Request};
use reading::{Reading, read};
use serde::Serialize;

/// One thing that an act lacks or could say better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The clause of ISACS 05.31, such as `6.3(a)`.
    pub clause: &'static str,
    /// Where in the act, as a JSON path such as `items[0].make`.
    pub field: String,
    /// What is wrong and what to do, in words that hold no identifying value of the act.
    pub why: String,
}

/// What an act lacks (`missing`) and what would help the trace (`advice`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// What the standard asks for and the act does not hold.
    pub missing: Vec<Finding>,
    /// What it recommends; never a reason to return a request.
    pub advice: Vec<Finding>,
}

impl Completeness {
    /// Tells whether nothing is missing; advice does not count.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn need(&mut self, clause: &'static str, field: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Finding { clause, field: field.into(), why: why.into() });
    }

    pub(super) fn advise(&mut self, clause: &'static str, field: impl Into<String>, why: impl Into<String>) {
        self.advice.push(Finding { clause, field: field.into(), why: why.into() });
    }

    fn absorb(&mut self, other: Self) {
        self.missing.extend(other.missing);
        self.advice.extend(other.advice);
    }
}

/// Checks a request against clauses 5, 6 and 8 of ISACS 05.31.
///
/// `incomplete_reason` plays no part: it explains what is missing and supplies none of it.
pub fn check(request: &Request) -> Completeness {
    let mut found = Completeness::default();
    illicit_nature(request, &mut found);
    domestic_trace(request, &mut found);
    if request.items.is_empty() {
        found.need("8.2.1(b)", "items", "the request names nothing to trace; add at least one item");
    }
    for (at, item) in request.items.iter().enumerate() {
        found.absorb(item::check(at, item));
    }
    addressed(request, &mut found);
    recovery(request, &mut found);
    asked(request, &mut found);
    intended_use(request, &mut found);
    declaration(request, &mut found);
    found
}

/// ISACS 5.1 (why it is traced) and 8.2.1 a (legal justification, circumstances).
fn illicit_nature(request: &Request, found: &mut Completeness) {
    if request.illicit_grounds.is_empty() {
        found.need("5.1", "illicit_grounds", "say on which ground of 5.1 (a to e) the items are illicit");
        found.need("8.2.1(a)(1)", "illicit_grounds", "give the legal justification of the illicit nature");
    }
    for (at, ground) in request.illicit_grounds.iter().enumerate() {
        let path = format!("illicit_grounds[{at}].legal_basis");
        statement("8.2.1(a)(1)", path, ground.legal_basis.as_ref(), found);
        let resolution = ground.resolution.as_deref();
        if ground.code == IllicitCode::B && resolution.is_none_or(super::identification::is_word_for_nothing)
        {
            let path = format!("illicit_grounds[{at}].resolution");
            found.need("5.1(b)", path, "name the Security Council resolution that set the embargo");
        }
    }
    statement("8.2.1(a)(2)", "circumstances", request.circumstances.as_ref(), found);
}

/// ISACS 5.2: the domestic trace comes first, and its outcome is what justifies an international one.
fn domestic_trace(request: &Request, found: &mut Completeness) {
    let Some(trace) = &request.domestic_trace else {
        found.need("5.2", "domestic_trace", "say what the domestic trace found; it comes first");
        return;
    };
    match trace.outcome {
        DomesticOutcome::NotMade => {
            if !said(trace.override_reason.as_ref()) {
                let why = "no domestic trace was made: say why the order of 5.2 is overridden";
                found.need("5.2", "domestic_trace.override_reason", why);
            }
            return;
        }
        DomesticOutcome::Exported => {
            if trace.exported_to.is_none() {
                let why = "it was exported: name the State of destination";
                found.need("8.1(a)", "domestic_trace.exported_to", why);
            }
        }
        DomesticOutcome::NotInRecords | DomesticOutcome::DivertedAfterLeaving => {}
    }
    let unsearched: Vec<&str> = RECORDS
        .into_iter()
        .filter_map(|(record, name)| (!trace.records_searched.contains(&record)).then_some(name))
        .collect();
    if !unsearched.is_empty() {
        let why = format!("not searched, as far as is said: records of {}", unsearched.join(", "));
        found.advise("7.7.1(b)", "domestic_trace.records_searched", why);
    }
}

/// ISACS 8.1: to the State that most recently had jurisdiction, or a reason why not.
fn addressed(request: &Request, found: &mut Completeness) {
    let Some(addressee) = &request.addressee else {
        found.need("8.1", "addressee", "name the national point of contact to which the request goes");
        return;
    };
    if let Some(departure) = addressee::deviates(request)
        && !said(addressee.reason.as_ref())
    {
        let why = format!("{departure}; say why this addressee was chosen");
        found.need("8.1", "addressee.reason", why);
    }
}

/// ISACS 8.2.2: what else might assist.
fn recovery(request: &Request, found: &mut Completeness) {
    let recovery = request.recovery.as_ref();
    let lacks_date = recovery.is_none_or(|r| read(r.date.as_ref()).is_lacking());
    let lacks_place = recovery.is_none_or(|r| read(r.place.as_ref()).is_lacking());
    let lacks_quantity = recovery.is_none_or(|r| r.quantity.is_none());
    for (lacks, field, why) in [
        (lacks_date, "recovery.date", "the date of recovery helps the trace"),
        (lacks_place, "recovery.place", "the place of recovery helps the trace"),
        (lacks_quantity, "recovery.quantity", "say how many items were recovered together"),
    ] {
        if lacks {
            found.advise("8.2.2", field, why);
        }
    }
}

/// ISACS 8.2.1 c: the two questions that a request puts by default.
fn asked(request: &Request, found: &mut Completeness) {
    let asked = request.asked.as_ref();
    // A request that asks something else instead of both still asks about the weapon's history.
    let asks_something =
        asked.is_some_and(|a| a.last_legal_owner || a.circumstances || said(a.other.as_ref()));
    for (clause, field, set, what) in [
        (
            "8.2.1(c)(1)",
            "asked.last_legal_owner",
            asked.is_some_and(|a| a.last_legal_owner),
            "the last legal owner",
        ),
        (
            "8.2.1(c)(2)",
            "asked.circumstances",
            asked.is_some_and(|a| a.circumstances),
            "the circumstances under which it became illicit",
        ),
    ] {
        match (set, asks_something) {
            (true, _) => {}
            (false, true) => found.advise(clause, field, format!("the request does not ask for {what}")),
            (false, false) => found.need(clause, field, format!("ask for {what}")),
        }
    }
}

/// ISACS 8.2.1 d: what the answer is for.
fn intended_use(request: &Request, found: &mut Completeness) {
    let stated =
        request.intended_use.as_ref().is_some_and(|u| !u.purposes.is_empty() || said(u.detail.as_ref()));
    if !stated {
        found.need("8.2.1(d)", "intended_use", "state the intended use, as purposes or in words");
    }
}

/// ISACS 8.4: a State that cannot keep confidence says so when it asks.
fn declaration(request: &Request, found: &mut Completeness) {
    match &request.declaration {
        None => {
            let why = "declare whether confidentiality and restrictions (8.4 a, b) can be respected";
            found.need("8.4", "declaration", why);
        }
        Some(declared) if declared.can_comply => {}
        Some(declared) if said(declared.reason.as_ref()) => {
            let why = "the requested State may refuse an asker that cannot keep confidence (8.3.4.2 b)";
            found.advise("8.4", "declaration.can_comply", why);
        }
        Some(_) => {
            let why = "say why 8.4 a and b cannot be complied with, or declare that they can";
            found.need("8.4", "declaration.reason", why);
        }
    }
}

/// Checks a required field that is told in words and not read from a marking.
fn statement<T: FieldValue>(
    clause: &'static str,
    path: impl Into<String>,
    field: Option<&Field<T>>,
    found: &mut Completeness,
) {
    match read(field) {
        Reading::Given | Reading::InPart => {}
        Reading::Unmarked(_) => found.need(
            clause,
            path,
            "this state tells of a marking; give a value, or 'not_possible' with its reason",
        ),
        Reading::Lacking(why) => found.need(clause, path, why),
    }
}

/// The five sets of records in the order of ISACS 7.7.1 b.
const RECORDS: [(DomesticRecord, &str); 5] = [
    (DomesticRecord::Manufacture, "manufacture"),
    (DomesticRecord::Import, "import"),
    (DomesticRecord::ServiceHoldings, "service holdings"),
    (DomesticRecord::PrivateHoldings, "private holdings"),
    (DomesticRecord::Export, "export"),
];
