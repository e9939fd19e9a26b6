use super::*;
use crate::model::{Audience, Onward, OtherCaveat, Purpose, Request};
use crate::rules::samples::{any_request, complete_request, weapon};
use proptest::prelude::*;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn document(kind: ActKind, act: &Value) -> PrintDocument {
    PrintDocument {
        kind,
        case: "XAA-2026-000123".parse().unwrap(),
        issuer: "XAA".parse().unwrap(),
        on_behalf_of: None,
        audience: vec!["XBB".parse().unwrap()],
        digest: Digest::of(&[b"statement"]),
        issued_at: at("2026-01-01T09:00:00Z"),
        received_at: Some(at("2026-01-01T10:00:00Z")),
        ack_due: Some(at("2026-01-09T00:00:00Z")),
        respond_due: Some(at("2026-02-27T00:00:00Z")),
        exercise: false,
        printed_at: at("2026-01-02T00:00:00Z"),
        printed_by: "awa".to_owned(),
        elements: elements_of(act),
    }
}

fn request(request: &Request) -> String {
    html(&[document(ActKind::Request, &serde_json::to_value(request).unwrap())])
}

/// An answer whose second element bears every restriction.
fn answer() -> Value {
    let label = Label {
        audience: Some(Audience::Named(["XAA customs".to_owned()].into())),
        purposes: [Purpose::Tracing].into(),
        onward: Onward::WithConsent,
        not_in_court: true,
        other: vec![OtherCaveat { code: "x9".to_owned(), text: "eyes only".to_owned() }],
        expires: Some(at("2027-01-01T00:00:00Z")),
    };
    json!({
        "request": Digest::of(&[b"request"]),
        "items": [{"item": 0, "outcome": "full", "elements": [
            {"about": "export", "answer": {"state": "value", "value": {"state": "XCC", "confirmed": true}}},
            {"about": "last_legal_owner", "answer": {"state": "value", "value": {"name": "OWNER-77"}}, "label": label},
            {"about": "recipient", "answer": {"state": "withheld", "ground": {"code": "a2", "reason": "sealed file"}}},
        ]}]
    })
}

#[test]
fn clause_8_1_in_writing_every_member_of_a_request_is_printed() {
    let mut sent = complete_request();
    sent.items.push(weapon());
    let page = request(&sent);
    for text in [
        "XAA-2026-000123",
        "Arms Act of XAA, section 12",
        "found in a vehicle at a checkpoint",
        "not in records",
        "FABRICA XBB",
        "XB 004217",
        "from marking <bdi>m2</bdi>",
        "<h2>Item 2</h2>",
        "2026-01-09T00:00:00Z",
        "2026-02-27T00:00:00Z",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(page.matches(&Digest::of(&[b"statement"]).to_string()).count(), 1, "in the head that repeats");
    for foreign in ["<script", "http:", "https:", "url(", "@import", "<img", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn clause_8_4_b_a_restricted_element_without_a_permit_is_withheld() {
    let sealed = document(ActKind::Response, &answer());
    let page = html(std::slice::from_ref(&sealed));
    assert!(page.contains("withheld from print: restriction d, e, f, h1, other"));
    assert!(!page.contains("OWNER-77") && !page.contains("eyes only"));
    assert!(page.contains("sealed file") && page.contains("withheld by the requested State"), "grounds show");
    assert!(page.contains("designated authorities only (d)"), "the head warns all the same");

    let mut permitted = sealed.clone();
    permitted.elements.iter_mut().for_each(|e| e.permit = Some("R-1f09c3aa".to_owned()));
    let page = html(&[permitted]);
    for text in [
        "OWNER-77",
        "only for XAA customs (d)",
        "only for tracing (e)",
        "prior consent",
        "in court",
        "eyes only (x9)",
        "until 2027-01-01T00:00:00Z",
        "permit R-1f09c3aa",
    ] {
        assert!(page.contains(text), "{text}");
    }

    let mut later = sealed;
    later.printed_at = at("2027-01-01T00:00:00Z");
    let page = html(&[later]);
    assert!(page.contains("OWNER-77") && !page.contains("Restricted:"), "an expired label binds no longer");
}

#[test]
fn a_label_that_cannot_be_read_withholds() {
    let act =
        json!({"items": [{"elements": [{"about": "other", "answer": "OWNER-77", "label": {"newer": 1}}]}]});
    let page = html(&[document(ActKind::Response, &act)]);
    assert!(!page.contains("OWNER-77") && page.contains("restriction other"), "{page}");
}

#[test]
fn a_copy_with_elements_left_out_says_so() {
    let mut copy = document(ActKind::Response, &json!({"note": "as agreed"}));
    copy.elements[0].value = None;
    assert!(html(&[copy]).contains("not disclosed in this copy"));
}

#[test]
fn texts_are_escaped_isolated_and_show_what_is_hidden() {
    let act = json!({"note": "<b>&\"'\u{202E}321\u{200B}", "new_member": {"deep": [{"x_y": 1}]}});
    let page = html(&[document(ActKind::Acknowledgement, &act)]);
    assert!(page.contains("<bdi>&lt;b&gt;&amp;&quot;'"), "{page}");
    assert!(!page.contains('\u{202E}') && page.contains("U+202E") && page.contains("U+200B"));
    assert!(page.contains("New member") && page.contains("X y"), "members of newer acts are printed too");
}

#[test]
fn an_exercise_is_marked_and_acts_follow_one_another() {
    let mut drill = document(ActKind::Refusal, &json!({"grounds": [{"code": "a1", "reason": "sub judice"}]}));
    assert!(!html(std::slice::from_ref(&drill)).contains("EXERCISE"));
    drill.exercise = true;
    let page = html(&[drill.clone(), drill]);
    assert_eq!(page.matches("EXERCISE").count(), 2);
    assert_eq!(page.matches("<table class=\"act\">").count(), 2);
    assert!(page.contains("sub judice"));
}

/// Lists every text in an act that is printed as it stands: no code, country or state.
fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(entries) => entries.iter().for_each(|v| texts(v, out)),
        Value::Object(map) => {
            let spelt = |key: &str| crate::report::words::of(key).2 != crate::report::words::Reading::Words;
            let plain = map.iter().filter(|(key, _)| !spelt(key));
            plain.for_each(|(_, v)| texts(v, out));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

proptest! {
    #[test]
    fn clause_8_1_in_writing_no_text_of_a_request_is_lost(sent in any_request()) {
        let page = request(&sent);
        let mut said = Vec::new();
        texts(&serde_json::to_value(&sent).unwrap(), &mut said);
        for text in said {
            prop_assert!(page.contains(&text), "{text}");
        }
    }

    #[test]
    fn without_permits_no_text_under_a_label_is_printed(secret in "ZZ[0-9]{6}", about in "[a-z_]{1,8}") {
        let element = json!({"about": about, "answer": {"state": "value", "value": {about.as_str(): secret}},
            "label": {"not_in_court": true}});
        let act = json!({"items": [{"item": 0, "elements": [element]}]});
        prop_assert!(!html(&[document(ActKind::Response, &act)]).contains(&secret));
    }
}
