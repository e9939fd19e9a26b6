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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, FollowUp};
    use crate::rules::completeness::Finding;
    use crate::rules::samples::words;

    fn follow_up(item: u32, found: Ternary) -> FollowUp {
        FollowUp {
            item,
            point_of_diversion: found,
            prosecution: Ternary::No,
            action: None,
            preventive_measure: None,
        }
    }

    fn of(items: Vec<FollowUp>) -> (Vec<String>, Vec<String>) {
        let request = Digest::of(&[b"request"]);
        let found = outcome_check(2, &OutcomeNotice { request, items });
        let brief =
            |all: Vec<Finding>| all.into_iter().map(|f| format!("{} {}", f.clause, f.field)).collect();
        (brief(found.missing), brief(found.advice))
    }

    #[test]
    fn clause_5_3_found_diversions_ask_for_action_and_prevention() {
        let (missing, advice) = of(vec![follow_up(0, Ternary::Yes), follow_up(1, Ternary::No)]);
        assert!(missing.is_empty());
        assert_eq!(advice, ["5.3(a) items[0].action", "5.3(b) items[0].preventive_measure"]);
        let done = FollowUp {
            action: Some(words("charges brought")),
            preventive_measure: Some(words("store audited")),
            ..follow_up(0, Ternary::Yes)
        };
        assert_eq!(of(vec![done]), (Vec::new(), Vec::new()));
        let prosecuted = FollowUp { prosecution: Ternary::Yes, ..follow_up(0, Ternary::Yes) };
        assert_eq!(of(vec![prosecuted]).1, ["5.3(b) items[0].preventive_measure"]);
    }

    #[test]
    fn an_outcome_is_told_once_of_items_that_exist() {
        assert_eq!(of(Vec::new()).0, ["5.3 items"]);
        let unknown = || follow_up(1, Ternary::Unknown);
        assert_eq!(of(vec![unknown(), unknown()]).0, ["5.3 items[1].item"]);
        assert_eq!(of(vec![follow_up(2, Ternary::Unknown)]).0, ["5.3 items[0].item"]);
    }
}
