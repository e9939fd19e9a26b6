//! What the acts that steer a case must hold: questions, answers, withdrawal, outcome
//! (ISACS 5.3, 8.3.4.2, 10.2).

use super::completeness::{Completeness, said};
use crate::model::{Clarification, ClarificationRequest, OutcomeNotice, Ternary, Text, Withdrawal};
use std::collections::BTreeSet;

/// Checks that a request for clarification asks something (ISACS 8.3.4.2).
pub fn question_check(question: &ClarificationRequest) -> Completeness {
    words("8.3.4.2", "question", &question.question, "say what is to be explained")
}

/// Checks that a clarification says something (ISACS 8.3.4.2).
pub fn clarification_check(clarification: &Clarification) -> Completeness {
    words("8.3.4.2", "answer", &clarification.answer, "give the explanation")
}

/// Checks that a withdrawal says why, so that the other side can close its file (ISACS 10.2).
pub fn withdrawal_check(withdrawal: &Withdrawal) -> Completeness {
    words("10.2", "reason", &withdrawal.reason, "say why the request is withdrawn")
}

/// Checks what is told of the outcome of a trace of `request_items` items (ISACS 5.3).
///
/// Where a point of diversion was found, the action taken and what prevents its like are advised.
pub fn outcome_check(request_items: u32, notice: &OutcomeNotice) -> Completeness {
    let mut found = Completeness::default();
    if notice.items.is_empty() {
        found.need("5.3", "items", "say what followed for at least one item");
    }
    let mut told = BTreeSet::new();
    for (at, follow_up) in notice.items.iter().enumerate() {
        let path = format!("items[{at}]");
        if follow_up.item >= request_items {
            let why = format!("the request has {request_items} item(s), counted from zero");
            found.need("5.3", format!("{path}.item"), why);
        } else if !told.insert(follow_up.item) {
            found.need("5.3", format!("{path}.item"), "this item is told of more than once");
        }
        if follow_up.point_of_diversion == Ternary::Yes {
            if follow_up.prosecution != Ternary::Yes && !said(follow_up.action.as_ref()) {
                found.advise("5.3(a)", format!("{path}.action"), "say what was done about the diversion");
            }
            if !said(follow_up.preventive_measure.as_ref()) {
                let why = "say what prevents similar diversions";
                found.advise("5.3(b)", format!("{path}.preventive_measure"), why);
            }
        }
    }
    found
}

fn words(clause: &'static str, field: &str, text: &Text, why: &str) -> Completeness {
    let mut found = Completeness::default();
    if !said(Some(text)) {
        found.need(clause, field, why);
    }
    found
}
