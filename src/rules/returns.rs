//! When a request is returned for what it lacks, and when it is processed nevertheless (ISACS 8.3.2).

use super::completeness::{self, Completeness, Finding, said};
use crate::model::{Field, FieldValue, Item, MissingElement, Request, ReturnIncomplete, Text};

/// Says whether the requester indicates that it cannot give everything, so that an officer judges the
/// chance of success before the request is returned (ISACS 8.3.2 ¶3).
pub fn pleads_impossibility(request: &Request) -> bool {
    said(request.incomplete_reason.as_ref()) || !impossible(request).is_empty()
}

/// Lists the elements of which the requester says that they are not possible to give (ISACS 8.3.2 ¶3).
pub fn impossible(request: &Request) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, ground) in request.illicit_grounds.iter().enumerate() {
        let path = format!("illicit_grounds[{at}].legal_basis");
        plea("8.2.1(a)(1)", path, ground.legal_basis.as_ref(), &mut found);
    }
    plea("8.2.1(a)(2)", "circumstances".to_owned(), request.circumstances.as_ref(), &mut found);
    for (at, item) in request.items.iter().enumerate() {
        of_item(&format!("items[{at}]"), item, &mut found);
    }
    found
}

/// Writes what a return would ask for: what is missing, and then what is said to be impossible.
pub fn wanted(request: &Request) -> Vec<MissingElement> {
    let findings = completeness::check(request).missing.into_iter().chain(impossible(request));
    findings
        .map(|f| MissingElement { clause: f.clause.to_owned(), field: f.field, why: Text::new(f.why) })
        .collect()
}

/// Checks that a return says what is asked for (ISACS 8.3.2 ¶2).
pub fn check(returned: &ReturnIncomplete) -> Completeness {
    let mut found = Completeness::default();
    if returned.missing.is_empty() {
        found.need("8.3.2", "missing", "a return lists what the request lacks");
    }
    for (at, element) in returned.missing.iter().enumerate() {
        if !is_clause(&element.clause) {
            found.need("8.3.2", format!("missing[{at}].clause"), "name a clause such as '6.3(a)'");
        }
        if !said(Some(&element.why)) {
            found.need("8.3.2", format!("missing[{at}].why"), "say what is wrong and what to do");
        }
    }
    found
}

/// Tells whether a text names a clause from 5 to 8 of ISACS 05.31, such as `6.3(a)`, and nothing else.
pub fn is_clause(text: &str) -> bool {
    let heads = ["5.", "6.", "7.", "8."].iter().any(|head| text.starts_with(head));
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || matches!(c, '.' | '(' | ')');
    heads && text.len() <= 12 && text.chars().all(plain)
}

/// Checks that a judgement of the chance of success gives its reason (ISACS 8.3.2 ¶3).
pub fn judgement_check(reason: &Text) -> Completeness {
    let mut found = Completeness::default();
    if !said(Some(reason)) {
        found.need("8.3.2", "reason", "say why there is a reasonable chance of success, or none");
    }
    found
}

/// The essentials of ISACS 6.3, by the clauses under which `rules::completeness` asks for them.
fn of_item(path: &str, item: &Item, found: &mut Vec<Finding>) {
    plea("6.3(a)", format!("{path}.make"), item.make.as_ref(), found);
    plea("6.3(b)", format!("{path}.model"), item.model.as_ref(), found);
    for (at, calibre) in item.calibres.iter().enumerate() {
        plea("6.3(c)", format!("{path}.calibres[{at}]"), Some(calibre), found);
    }
    for (at, serial) in item.serials.iter().enumerate() {
        plea("6.3(d)", format!("{path}.serials[{at}].number"), serial.number.as_ref(), found);
    }
    let made = item.country_of_manufacture.as_ref();
    plea("6.3(e)", format!("{path}.country_of_manufacture"), made, found);
    plea("6.3(f)", format!("{path}.country_of_import"), item.country_of_import.as_ref(), found);
}

fn plea<T: FieldValue>(
    clause: &'static str,
    path: String,
    field: Option<&Field<T>>,
    found: &mut Vec<Finding>,
) {
    if let Some(Field::NotPossible(_)) = field {
        let why = "it is said to be impossible to give, yet without it the trace has no reasonable chance";
        found.push(Finding { clause, field: path, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::rules::samples::{any_request, complete_request, not_possible, words};
    use proptest::prelude::*;

    fn named(found: &[MissingElement]) -> Vec<(&str, &str)> {
        found.iter().map(|m| (m.clause.as_str(), m.field.as_str())).collect()
    }

    #[test]
    fn clause_8_3_2_returns_list_each_element_by_its_clause() {
        let mut request = complete_request();
        assert!(wanted(&request).is_empty());
        request.circumstances = None;
        request.illicit_grounds[0].legal_basis = Some(not_possible());
        request.items[0].calibres = vec![not_possible()];
        request.items[0].serials[0].number = Some(not_possible());
        let expected = [
            ("8.2.1(a)(2)", "circumstances"),
            ("8.2.1(a)(1)", "illicit_grounds[0].legal_basis"),
            ("6.3(c)", "items[0].calibres[0]"),
            ("6.3(d)", "items[0].serials[0].number"),
        ];
        assert_eq!(named(&wanted(&request)), expected);
    }

    #[test]
    fn clause_8_3_2_pleas_are_reasons_or_fields_that_are_not_possible() {
        let mut request = complete_request();
        assert!(!pleads_impossibility(&request));
        request.incomplete_reason = Some(words(" "));
        assert!(!pleads_impossibility(&request));
        request.incomplete_reason = Some(words("the finder is dead"));
        assert!(pleads_impossibility(&request));
        let mut request = complete_request();
        request.items[0].country_of_manufacture = Some(not_possible());
        assert!(pleads_impossibility(&request));
    }

    #[test]
    fn clauses_are_told_from_other_words() {
        for clause in ["5.1", "6.3(a)", "8.2.1(a)(2)", "8.1"] {
            assert!(is_clause(clause), "{clause}");
        }
        for other in ["", "XB 004217", "004217", "8", "6.3(a) make", "8.2.1(a)(2)(b)", "6.3(A)", "١.٢"] {
            assert!(!is_clause(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_a_return_wants_passes_its_own_check(request in any_request()) {
            let missing = wanted(&request);
            let lacks = completeness::check(&request).missing.len() + impossible(&request).len();
            prop_assert_eq!(missing.len(), lacks);
            let returned = ReturnIncomplete { request: Digest::of(&[]), missing, judgement: None };
            prop_assert_eq!(check(&returned).is_complete(), lacks > 0);
        }
    }
}
