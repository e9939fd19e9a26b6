//! Requests and responses as files: templates, examples, checking before sending.

use super::OfflineError;
use super::json::Unambiguous;
use crate::model::{NotTraced, Request, Response, without_annotations};
use crate::rules::addressee::{Proposal, propose};
use crate::rules::completeness::{self, Finding};
use crate::rules::exemption;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};
use std::collections::BTreeMap;

/// What a check of a request says; `request check --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether nothing is missing.
    pub complete: bool,
    /// What the standard asks for and the request does not hold.
    pub missing: Vec<Finding>,
    /// What would help the trace.
    pub advice: Vec<Finding>,
    /// The States to ask, in the order of ISACS 8.1.
    pub addressee: Vec<Proposal>,
}

/// A fictive document that shows how one is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// A complete request for one weapon.
    OneWeapon,
    /// A complete request for a weapon without its serial number and for a lot of ammunition.
    TwoItems,
    /// A request with the commonest faults, each told in an annotation.
    Incomplete,
    /// A full response with usage labels.
    RestrictedResponse,
}

/// Returns the annotated request that an officer fills in; it is incomplete on purpose.
pub const fn template() -> &'static str {
    include_str!("request-template.json")
}

/// Returns an annotated example between the fictive States `XAA` and `XBB`.
pub const fn example(which: Example) -> &'static str {
    match which {
        Example::OneWeapon => include_str!("../../config/examples/request-one-weapon.json"),
        Example::TwoItems => include_str!("../../config/examples/request-two-items.json"),
        Example::Incomplete => include_str!("../../config/examples/request-incomplete.json"),
        Example::RestrictedResponse => include_str!("../../config/examples/response-restricted.json"),
    }
}

/// Checks a request as the sender and the receiver will (ISACS 8.2, 8.3.2).
///
/// # Errors
/// As [`parse_request`].
pub fn check(text: &str) -> Result<CheckReport, OfflineError> {
    let request = parse_request(text)?;
    let found = completeness::check(&request);
    Ok(CheckReport {
        complete: found.is_complete(),
        missing: found.missing,
        advice: found.advice,
        addressee: propose(&request),
    })
}

/// What a check of an exemption says; `request exempt --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExemptionReport {
    /// Whether the items need not be traced (ISACS 5.4); what is not known keeps them traceable.
    pub exempt: bool,
    /// What stands against it.
    pub missing: Vec<Finding>,
    /// What would make the record better.
    pub advice: Vec<Finding>,
}

/// Checks a record of items that are not to be traced (ISACS 5.4).
///
/// # Errors
/// As [`parse_request`].
pub fn exempt(text: &str) -> Result<ExemptionReport, OfflineError> {
    let found = exemption::check(&parse::<NotTraced>(text)?);
    Ok(ExemptionReport { exempt: found.is_complete(), missing: found.missing, advice: found.advice })
}

/// Reads a request and drops its annotations.
///
/// # Errors
/// [`OfflineError::BadData`] with the path and line of the first fault.
pub fn parse_request(text: &str) -> Result<Request, OfflineError> {
    parse(text)
}

/// Reads a response and drops its annotations.
///
/// # Errors
/// [`OfflineError::BadData`] with the path and line of the first fault.
pub fn parse_response(text: &str) -> Result<Response, OfflineError> {
    parse(text)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, OfflineError> {
    let Unambiguous(document) = serde_json::from_str(text).map_err(|e| {
        let (line, place) = (e.line(), format!(" at line {} column {}", e.line(), e.column()));
        let why = e.to_string().replace(&place, &format!(", at column {}", e.column()));
        OfflineError::BadData { path: "document".to_owned(), line, why }
    })?;
    // A derived reader also takes a list for an object, field by field; a request is never meant so.
    if !document.is_object() {
        let why = "expected an object in braces".to_owned();
        return Err(OfflineError::BadData { path: "document".to_owned(), line: 1, why });
    }
    serde_path_to_error::deserialize(without_annotations(document)).map_err(|e| {
        let path = match e.path().to_string() {
            root if root == "." => "document".to_owned(),
            inner => inner,
        };
        OfflineError::BadData { path, line: line_of(text, e.path()), why: e.inner().to_string() }
    })
}

/// Finds the line on which the value at `path` begins, or as much of the path as the text holds.
fn line_of(text: &str, path: &Path) -> usize {
    let mut offset = 0;
    let mut here = serde_json::from_str::<&RawValue>(text).ok();
    let mut segments = path.iter();
    while let Some(value) = here {
        // Raw values borrow from `text`, so that the distance of their starts is an offset in it.
        offset = value.get().as_ptr() as usize - text.as_ptr() as usize;
        here = segments.next().and_then(|segment| child(value, segment));
    }
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

fn child<'a>(value: &'a RawValue, segment: &Segment) -> Option<&'a RawValue> {
    match segment {
        Segment::Seq { index } => {
            serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(*index).copied()
        }
        Segment::Map { key } => {
            serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()).ok()?.get(key).copied()
        }
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::response;
    use crate::rules::samples::complete_request;

    fn fault(text: &str) -> (String, usize, String) {
        match parse_request(text) {
            Err(OfflineError::BadData { path, line, why }) => (path, line, why),
            other => panic!("{other:?}"),
        }
    }

    fn clauses(findings: &[Finding]) -> Vec<(&'static str, &str)> {
        findings.iter().map(|f| (f.clause, f.field.as_str())).collect()
    }

    #[test]
    fn the_template_reads_and_is_incomplete_on_purpose() {
        let report = check(template()).unwrap();
        assert!(!report.complete);
        assert_eq!(
            clauses(&report.missing),
            [
                ("8.2.1(a)(1)", "illicit_grounds[0].legal_basis"),
                ("8.2.1(a)(2)", "circumstances"),
                ("5.2", "domestic_trace.override_reason"),
                ("6.3(a)", "items[0].make"),
                ("6.3(b)", "items[0].model"),
                ("6.3(c)", "items[0].calibres"),
                ("6.3(d)", "items[0].serials[0].number"),
                ("6.3(e)", "items[0].country_of_manufacture"),
                ("6.3(f)", "items[0].import_mark"),
                ("8.1", "addressee"),
                ("8.2.1(d)", "intended_use"),
                ("8.4", "declaration.reason"),
            ]
        );
    }

    #[test]
    fn the_template_annotates_every_key() {
        fn unexplained(value: &serde_json::Value, path: &str, out: &mut Vec<String>) {
            let Some(map) = value.as_object() else {
                for inner in value.as_array().into_iter().flatten() {
                    unexplained(inner, path, out);
                }
                return;
            };
            for (key, inner) in map.iter().filter(|(key, _)| !key.starts_with("//")) {
                // A field's own keys are explained once, at the top.
                if !map.contains_key("state") && !map.contains_key(&format!("//{key}")) {
                    out.push(format!("{path}.{key}"));
                }
                unexplained(inner, &format!("{path}.{key}"), out);
            }
        }
        let mut out = Vec::new();
        unexplained(&serde_json::from_str(template()).unwrap(), "", &mut out);
        assert_eq!(out, Vec::<String>::new());
    }

    /// Puts each `//example` in the place of the key that it explains.
    fn with_examples(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Object(map) => {
                let examples: Vec<(String, Value)> = map
                    .iter()
                    .filter_map(|(key, v)| Some((key.strip_prefix("//example_")?.to_owned(), v.clone())))
                    .collect();
                let plain = map.into_iter().map(|(key, v)| (key, with_examples(v)));
                Value::Object(plain.chain(examples).collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(with_examples).collect()),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }

    #[test]
    fn the_templates_examples_make_a_complete_request() {
        let filled = with_examples(serde_json::from_str(template()).unwrap());
        let report = check(&filled.to_string()).unwrap();
        assert_eq!((clauses(&report.missing), clauses(&report.advice)), (vec![], vec![]));
    }

    #[test]
    fn complete_examples_are_complete() {
        for which in [Example::OneWeapon, Example::TwoItems] {
            let report = check(example(which)).unwrap();
            assert!(report.complete, "{which:?}: {:?}", report.missing);
            assert_eq!(clauses(&report.advice), [], "{which:?}");
            assert_eq!(report.addressee[0].party.as_ref().unwrap().to_string(), "XBB");
        }
        assert_eq!(parse_request(example(Example::TwoItems)).unwrap().items.len(), 2);
    }

    #[test]
    fn the_incomplete_example_has_the_faults_that_it_tells() {
        let report = check(example(Example::Incomplete)).unwrap();
        assert_eq!(
            clauses(&report.missing),
            [
                ("8.2.1(a)(1)", "illicit_grounds[0].legal_basis"),
                ("5.2", "domestic_trace"),
                ("6.3(a)", "items[0].make"),
                ("6.3(c)", "items[0].calibres"),
                ("6.3(f)", "items[0].import_mark"),
                ("6.2(b)", "items[0].markings"),
                ("8.1", "addressee.reason"),
                ("8.4", "declaration"),
            ]
        );
    }

    #[test]
    fn the_restricted_response_is_full_and_labelled() {
        let answer = parse_response(example(Example::RestrictedResponse)).unwrap();
        assert_eq!(response::check(1, &answer), completeness::Completeness::default());
        let codes: Vec<_> = answer.items[0].elements.iter().filter_map(|e| e.label.as_ref()).collect();
        assert_eq!(codes[0].codes(), ["d", "e", "f", "h1"]);
    }

    #[test]
    fn clause_5_4_c_the_example_of_an_exemption_holds_until_something_is_unknown() {
        let example = include_str!("../../config/examples/not-traced.json");
        assert!(exempt(example).unwrap().exempt);
        let unsure = example.replace(r#""later_marks": "no""#, r#""later_marks": "unknown""#);
        assert!(!exempt(&unsure).unwrap().exempt);
    }

    #[test]
    fn faults_name_their_path_and_line() {
        let bad =
            "{\n  \"items\": [\n    {\"kind\": \"weapon\",\n     \"make\": {\"state\": \"lost\"}}\n  ]\n}";
        let (path, line, why) = fault(bad);
        assert_eq!((path.as_str(), line), ("items[0].make.state", 4));
        assert!(why.contains("lost"), "{why}");

        let alpha_2 = "{\n\n\"items\": [{\"kind\": \"weapon\",\n\"country_of_manufacture\": {\"state\": \"value\", \"value\": \"GH\"}}]}";
        let (path, line, why) = fault(alpha_2);
        assert_eq!((path.as_str(), line), ("items[0].country_of_manufacture", 4));
        assert!(why.contains("alpha-2"), "{why}");

        let (path, line, why) = fault("{\n\"items\": [],\n\"colour\": 1\n}");
        assert_eq!((path.as_str(), line), ("colour", 3));
        assert!(why.contains("unknown field"), "{why}");

        let (path, line, why) = fault("{\n\"items\": [,]}");
        assert_eq!((path.as_str(), line), ("document", 2));
        assert_eq!(why.matches("line").count(), 0, "{why}");

        let (path, line, why) = fault("{\n\"items\": [],\n\"//\": 1, \"//\": 2,\n\"items\": []}");
        assert_eq!((path.as_str(), line), ("document", 4));
        assert!(why.starts_with("\"items\" is given twice"), "{why}");

        assert_eq!(fault("[]").0, "document");
        assert_eq!(fault("").1, 1);
        assert!(fault(&"[".repeat(100_000)).2.contains("recursion"), "deep nesting is refused");
    }

    #[test]
    fn a_check_report_has_the_fields_that_scripts_rely_on() {
        let mut request = complete_request();
        request.items[0].make = None;
        let report = check(&serde_json::to_string(&request).unwrap()).unwrap();
        let json = serde_json::to_value(report).unwrap();
        assert_eq!(json["complete"], false);
        assert_eq!(json["missing"][0]["clause"], "6.3(a)");
        assert_eq!(json["missing"][0]["field"], "items[0].make");
        assert!(json["missing"][0]["why"].is_string() && json["advice"].is_array());
        assert_eq!(json["addressee"][0]["basis"], "manufacture");
        assert_eq!(json["addressee"][0]["party"], "XBB");
    }
}
