use super::*;
use crate::model::{
    Audience, Country, Digest, Investigation, ItemKind, Label, Onward, Request, Text, without_annotations,
};
use crate::rules::completeness::Finding;
use crate::rules::samples::{complete_request, item, words};
use proptest::prelude::*;

fn element(about: About, answer: Answer) -> Element {
    Element { about, answer, label: None }
}

fn owner() -> Element {
    let value = Particulars { name: Some(words("Example Arms Ltd")), ..Particulars::default() };
    element(About::LastLegalOwner, Answer::Value { value })
}

fn theft() -> Element {
    let value = Particulars { how: Some(DiversionKind::Theft), ..Particulars::default() };
    element(About::Circumstances, Answer::Value { value })
}

fn recipient() -> Element {
    let value = Particulars { state: Country::from_code("XCC"), ..Particulars::default() };
    element(About::Recipient, Answer::Value { value })
}

fn no_record(about: About, reason: &str) -> Element {
    element(about, Answer::NoRecord { reason: words(reason) })
}

fn withheld(about: About, code: GroundCode, reason: &str) -> Element {
    element(about, Answer::Withheld { ground: Ground { code, reason: words(reason), law: None } })
}

fn answer(outcome: Outcome, elements: Vec<Element>) -> ItemAnswer {
    ItemAnswer { item: 0, outcome, reason: None, next_state: None, elements }
}

fn response(items: Vec<ItemAnswer>) -> Response {
    Response { request: Digest::of(&[b"request"]), items, note: None }
}

fn brief(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    findings.iter().map(|f| (f.clause, f.field.as_str())).collect()
}

/// Asserts what is missing from an answer to the only item.
fn lacks(outcome: Outcome, elements: Vec<Element>, expected: &[(&'static str, &str)]) {
    let found = check(1, &response(vec![answer(outcome, elements)]));
    assert_eq!(brief(&found.missing), expected);
}

#[test]
fn clause_8_3_3_1_a_to_c_owner_and_circumstances_or_recipient() {
    lacks(Outcome::Full, vec![owner(), theft()], &[]);
    lacks(Outcome::Full, vec![recipient()], &[]);
    lacks(Outcome::Full, vec![owner()], &[("8.3.3.1(b)", "items[0].elements")]);
    lacks(Outcome::Full, vec![theft()], &[("8.3.3.1(a)", "items[0].elements")]);
    lacks(Outcome::Partial, vec![owner(), no_record(About::Circumstances, "never reported")], &[]);
    let not_exported = element(About::Recipient, Answer::NotApplicable { reason: words("never exported") });
    let both = [("8.3.3.1(a)", "items[0].elements"), ("8.3.3.1(b)", "items[0].elements")];
    let manufacture = no_record(About::Manufacture, "ledgers lost");
    lacks(Outcome::Partial, vec![manufacture, not_exported], &both);
    lacks(Outcome::Partial, vec![withheld(About::Recipient, GroundCode::C, "defence contract")], &[]);
}

#[test]
fn a_full_answer_withholds_nothing_and_gives_something() {
    let sealed = withheld(About::Export, GroundCode::A1, "inquiry open");
    lacks(Outcome::Full, vec![recipient(), sealed], &[("8.3.4.2", "items[0].outcome")]);
    let silent = vec![no_record(About::LastLegalOwner, "burned"), no_record(About::Circumstances, "burned")];
    lacks(Outcome::Full, silent, &[("8.3.3.1", "items[0].outcome")]);
}

#[test]
fn clause_8_3_3_1_partial_answers_show_their_gap() {
    lacks(Outcome::Partial, vec![owner(), theft()], &[("8.3.4.2", "items[0].outcome")]);
    lacks(
        Outcome::Partial,
        vec![owner(), theft(), withheld(About::Export, GroundCode::B, "no guarantee")],
        &[],
    );
}

#[test]
fn none_found_and_not_ours_say_why() {
    let reasoned = |outcome, reason: &str| {
        let answer = ItemAnswer { reason: Some(words(reason)), ..answer(outcome, Vec::new()) };
        brief(&check(1, &response(vec![answer])).missing).len()
    };
    for outcome in [Outcome::NoneFound, Outcome::NotOurs] {
        lacks(outcome, Vec::new(), &[("8.3.3.1", "items[0].reason")]);
        assert_eq!(reasoned(outcome, "n/a"), 1);
        assert_eq!(reasoned(outcome, "searched all registers since 1980"), 0);
    }
    let next = ItemAnswer { next_state: Country::from_code("XCC"), ..answer(Outcome::NotOurs, Vec::new()) };
    assert!(check(1, &response(vec![next])).is_complete());
    let contradicted =
        ItemAnswer { reason: Some(words("searched all")), ..answer(Outcome::NoneFound, vec![owner()]) };
    assert_eq!(brief(&check(1, &response(vec![contradicted])).missing), [("8.3.3.1", "items[0].outcome")]);
}

#[test]
fn clause_8_3_3_5_diversions_say_whether_they_are_investigated() {
    let diversion = |investigation| {
        let value = Particulars { confirmed: Some(true), investigation, ..Particulars::default() };
        vec![owner(), theft(), element(About::Diversion, Answer::Value { value })]
    };
    let path = "items[0].elements[2].answer.value.investigation";
    lacks(Outcome::Full, diversion(None), &[("8.3.3.5", path)]);
    lacks(Outcome::Full, diversion(Some(Investigation::None)), &[]);
}

#[test]
fn clause_8_3_3_1_values_say_what_their_element_is_about() {
    let blank = |about| {
        let value = Particulars { name: Some(words("unknown")), ..Particulars::default() };
        element(about, Answer::Value { value })
    };
    for (about, clause, field) in [
        (About::LastLegalOwner, "8.3.3.1(a)", ".name"),
        (About::Circumstances, "8.3.3.1(b)", ".how"),
        (About::Recipient, "8.3.3.1(c)", ".name"),
        (About::Manufacture, "8.3.3.2", ""),
        (About::Import, "8.3.3.2", ""),
        (About::InternalTransfer, "8.3.3.3", ""),
        (About::Export, "8.3.3.4", ""),
        (About::Other, "8.3.3.1", ""),
    ] {
        let path = format!("items[0].elements[2].answer.value{field}");
        lacks(Outcome::Full, vec![owner(), theft(), blank(about)], &[(clause, &path)]);
    }
    let untold = Particulars { how: Some(DiversionKind::Other), ..Particulars::default() };
    let other = element(About::Circumstances, Answer::Value { value: untold });
    let path = "items[0].elements[1].answer.value.how";
    lacks(Outcome::Full, vec![owner(), other], &[("8.3.3.1(b)", path)]);
}

#[test]
fn clause_8_3_4_2_reasons_are_owed() {
    let sealed = vec![owner(), theft(), withheld(About::Export, GroundCode::A2, " ")];
    let found = check(1, &response(vec![answer(Outcome::Partial, sealed)]));
    assert_eq!(brief(&found.missing), [("8.3.4.2", "items[0].elements[2].answer.ground.reason")]);
    assert_eq!(brief(&found.advice), [("8.3.4.2(a)(2)", "items[0].elements[2].answer.ground.law")]);
    let silent = vec![owner(), no_record(About::Circumstances, "-")];
    lacks(Outcome::Partial, silent, &[("8.3.3.1", "items[0].elements[1].answer.reason")]);
}

#[test]
fn clause_8_3_4_2_usage_labels_need_no_ground_and_leave_a_full_answer_full() {
    let label = Label { audience: Some(Audience::Designated), onward: Onward::None, ..Label::default() };
    let labelled = Element { label: Some(label), ..recipient() };
    assert_eq!(check(1, &response(vec![answer(Outcome::Full, vec![labelled])])), Completeness::default());
}

#[test]
fn items_are_answered_at_most_once_and_exist() {
    let full = || answer(Outcome::Full, vec![recipient()]);
    assert_eq!(brief(&check(1, &response(Vec::new())).missing), [("8.3.3.1", "items")]);
    assert_eq!(brief(&check(1, &response(vec![full(), full()])).missing), [("8.3.3.1", "items[1].item")]);
    let beyond = ItemAnswer { item: 2, ..full() };
    assert_eq!(brief(&check(2, &response(vec![full(), beyond])).missing), [("8.3.3.1", "items[1].item")]);
    let some = check(u32::MAX, &response(vec![full()]));
    assert!(some.is_complete(), "answers may come one by one");
    assert_eq!(brief(&some.advice), [("8.3.3.1", "items")]);
}

#[test]
fn clause_8_3_4_2_refusals_name_grounds_and_reasons() {
    let refusal = |grounds| Refusal { request: Digest::of(&[b"request"]), grounds };
    let on =
        |code, reason: &str, law: Option<&str>| Ground { code, reason: words(reason), law: law.map(words) };
    assert_eq!(brief(&refusal_check(&refusal(Vec::new())).missing), [("8.3.4.2", "grounds")]);
    let blank = refusal(vec![on(GroundCode::C, "defence contract", None), on(GroundCode::B, "", None)]);
    assert_eq!(brief(&refusal_check(&blank).missing), [("8.3.4.2", "grounds[1].reason")]);
    let unlawful = refusal_check(&refusal(vec![on(GroundCode::A2, "privacy of owners", None)]));
    assert!(unlawful.is_complete());
    assert_eq!(brief(&unlawful.advice), [("8.3.4.2(a)(2)", "grounds[0].law")]);
    let lawful = refusal(vec![on(GroundCode::A2, "privacy of owners", Some("Data Act 2011, s. 8"))]);
    assert_eq!(refusal_check(&lawful), Completeness::default());
}

/// What is advised about one element beside an owner and the circumstances.
fn advised(about: About, value: Particulars) -> Vec<(&'static str, String)> {
    let told = vec![owner(), theft(), element(about, Answer::Value { value })];
    let found = check(1, &response(vec![answer(Outcome::Full, told)]));
    let prefix = "items[0].elements[2].answer.value.";
    let field = |field: String| field.strip_prefix(prefix).unwrap().to_owned();
    found.advice.into_iter().map(|f| (f.clause, field(f.field))).collect()
}

fn clauses_of(found: Vec<(&'static str, String)>) -> Vec<&'static str> {
    found.into_iter().map(|(clause, _)| clause).collect()
}

/// Particulars that leave nothing to advise.
fn whole() -> Particulars {
    Particulars {
        confirmed: Some(true),
        name: Some(words("Example Arms Ltd")),
        date: "2019-04".parse().ok(),
        state: Country::from_code("XCC"),
        authorisations: vec![words("licence 12 of 2019")],
        investigation: Some(Investigation::Launched),
        details: Some(words("proofed in 2019")),
        ..Particulars::default()
    }
}

fn only_place() -> Particulars {
    Particulars {
        place: Some(words("northern depot")),
        investigation: Some(Investigation::None),
        ..Particulars::default()
    }
}

#[test]
fn clause_8_3_3_2_a_to_d_manufacture_and_import() {
    for about in [About::Manufacture, About::Import] {
        assert_eq!(advised(about, whole()), []);
        let found = advised(about, only_place());
        let expected = [("8.3.3.2(a)", "confirmed"), ("8.3.3.2(b)", "name"), ("8.3.3.2(c)", "date")];
        assert_eq!(found, expected.map(|(c, f)| (c, f.to_owned())));
        let marks = Particulars { details: Some(words("hidden mark under the grip")), ..whole() };
        assert_eq!(advised(about, marks), [], "anything else may be added (d)");
    }
}

#[test]
fn clause_8_3_3_3_a_to_c_internal_transfer() {
    assert_eq!(advised(About::InternalTransfer, whole()), []);
    let found = advised(About::InternalTransfer, only_place());
    assert_eq!(clauses_of(found), ["8.3.3.3(a)", "8.3.3.3(b)", "8.3.3.3(c)"]);
    let twice = vec![
        owner(),
        theft(),
        element(About::InternalTransfer, Answer::Value { value: whole() }),
        element(About::InternalTransfer, Answer::Value { value: whole() }),
    ];
    lacks(Outcome::Full, twice, &[]);
}

#[test]
fn clause_8_3_3_4_a_to_e_export() {
    let transit = Particulars { transit_states: vec![Country::from_code("XBB").unwrap()], ..whole() };
    assert_eq!(advised(About::Export, transit), []);
    let found = advised(About::Export, only_place());
    // Transit States (c) are given if there were any, which only the requested State knows.
    assert_eq!(clauses_of(found), ["8.3.3.4(a)", "8.3.3.4(b)", "8.3.3.4(d)", "8.3.3.4(e)"]);
}

#[test]
fn clause_8_3_3_5_a_to_b_diversion() {
    assert_eq!(advised(About::Diversion, whole()), []);
    assert_eq!(clauses_of(advised(About::Diversion, only_place())), ["8.3.3.5(a)"]);
    let ownerless = |value| {
        let diverted = vec![recipient(), element(About::Diversion, Answer::Value { value })];
        let found = check(1, &response(vec![answer(Outcome::Full, diverted)]));
        brief(&found.advice).into_iter().map(|(clause, _)| clause).collect::<Vec<_>>()
    };
    assert_eq!(ownerless(only_place()), ["8.3.3.5(b)", "8.3.3.5(a)"]);
    assert!(ownerless(whole()).is_empty());
}

#[test]
fn clause_8_3_3_1_delayed_elements_owe_ground_and_reason() {
    let later = |reason: &str| {
        let ground = Ground { code: GroundCode::A1, reason: words(reason), law: None };
        let expected = "2026-07".parse().ok();
        vec![recipient(), element(About::Export, Answer::Delayed { ground, expected })]
    };
    lacks(Outcome::Partial, later("inquiry open"), &[]);
    lacks(Outcome::Full, later("inquiry open"), &[("8.3.4.2", "items[0].outcome")]);
    lacks(Outcome::Partial, later(" "), &[("8.3.4.2", "items[0].elements[1].answer.ground.reason")]);
}

#[test]
fn clause_8_3_3_1_c_recipients_abroad_are_asked_next() {
    let exported = |about, code: &str| {
        let value = Particulars { state: Country::from_code(code), ..Particulars::default() };
        element(about, Answer::Value { value })
    };
    let not_ours =
        ItemAnswer { next_state: Country::from_code("XCC"), ..answer(Outcome::NotOurs, Vec::new()) };
    let sent_on = ItemAnswer {
        item: 1,
        ..answer(
            Outcome::Full,
            vec![
                exported(About::Recipient, "XCC"),
                exported(About::Export, "XCC"),
                exported(About::Export, "XBB"),
                exported(About::LastLegalOwner, "XAA"),
                no_record(About::Recipient, "burned"),
            ],
        )
    };
    let next = next_states(&response(vec![not_ours, sent_on]));
    let brief: Vec<_> = next.iter().map(|n| (n.item, n.state.code(), n.clause)).collect();
    assert_eq!(brief, [(0, "XCC", "8.1"), (1, "XCC", "8.3.3.1(c)"), (1, "XBB", "8.3.3.4(b)")]);
}

#[test]
fn clause_8_3_4_2_delays_name_grounds_and_reasons() {
    let delay = |grounds, expected: Option<&str>| Delay {
        request: Digest::of(&[b"request"]),
        grounds,
        expected: expected.map(|d| d.parse().unwrap()),
    };
    let on = |reason: &str| vec![Ground { code: GroundCode::A1, reason: words(reason), law: None }];
    assert_eq!(delay_check(&delay(on("inquiry open"), Some("2026-07"))), Completeness::default());
    assert_eq!(brief(&delay_check(&delay(Vec::new(), None)).missing), [("8.3.4.2", "grounds")]);
    assert_eq!(brief(&delay_check(&delay(on(""), None)).missing), [("8.3.4.2", "grounds[0].reason")]);
    assert_eq!(brief(&delay_check(&delay(on("inquiry open"), None)).advice), [("8.3.4.2", "expected")]);
}

fn read(text: &str) -> Response {
    serde_json::from_value(without_annotations(serde_json::from_str(text).unwrap())).unwrap()
}

#[test]
fn the_template_reads_back_as_an_incomplete_answer_to_every_item() {
    let mut request = complete_request();
    request.items.push(item(ItemKind::Ammunition));
    let digest = Digest::of(&[b"request"]);
    let text = template(&request, digest);
    let blank = read(&text);
    assert_eq!((blank.request, blank.items.len()), (digest, 2));
    let found = check(2, &blank);
    assert_eq!(found.missing.len(), 8, "an outcome and three elements of each item lack their reason");
    assert!(found.missing.iter().all(|f| f.field.ends_with(".reason")));
    let filled = read(&text.replace(r#""reason": """#, r#""reason": "the ledgers burned in 1996""#));
    assert_eq!(check(2, &filled), Completeness::default());
}

#[test]
fn clause_8_4_the_form_says_first_that_confidence_cannot_be_kept_and_proposes_ground_b() {
    let mut request = complete_request();
    let plain = template(&request, Digest::of(&[b"request"]));
    assert!(!plain.contains("//declaration"));
    request.declaration =
        Some(crate::model::Declaration { can_comply: false, reason: Some(words("courts are open here")) });
    let text = template(&request, Digest::of(&[b"request"]));
    assert!(text.lines().nth(1).unwrap().contains("cannot keep what it is given confidential"), "{text}");
    let blank = read(&text);
    let codes: Vec<_> = crate::rules::declaration::grounds(&blank).map(|ground| ground.code).collect();
    assert_eq!(codes, [GroundCode::B; 2]);
    assert!(!check(1, &blank).is_complete(), "the reason is the officer's to write");
    let filled = read(&text.replace(r#""reason": """#, r#""reason": "it was declared so""#));
    assert_eq!(check(1, &filled), Completeness::default());
}

#[test]
fn the_templates_examples_are_true() {
    let document: serde_json::Value =
        serde_json::from_str(&template(&Request::default(), Digest::of(&[]))).unwrap();
    for state in ["//value", "//no_record", "//withheld", "//delayed", "//not_applicable"] {
        let answer: Answer = serde_json::from_value(document[state].clone()).unwrap();
        let mut found = Completeness::default();
        said_about("", &element(About::LastLegalOwner, answer), &mut found);
        assert_eq!(found, Completeness::default(), "{state}");
    }
    let label: Label = serde_json::from_value(document["//label_example"].clone()).unwrap();
    assert_eq!(label.codes(), ["d", "e", "f", "h1"]);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let reason = || "[a-z ]{0,8}".prop_map(|t: String| words(&t));
    let value = (proptest::option::of(reason()), proptest::option::of(Just(DiversionKind::Loss)))
        .prop_map(|(name, how)| Answer::Value { value: Particulars { name, how, ..Particulars::default() } });
    let sealed = reason().prop_map(|reason: Text| Answer::Withheld {
        ground: Ground { code: GroundCode::C, reason, law: None },
    });
    prop_oneof![
        value,
        sealed,
        reason().prop_map(|reason| Answer::NoRecord { reason }),
        reason().prop_map(|reason| Answer::NotApplicable { reason }),
    ]
}

fn any_item_answer() -> impl Strategy<Value = ItemAnswer> {
    let about = prop_oneof![Just(About::LastLegalOwner), Just(About::Circumstances), Just(About::Recipient)];
    let element = (about, any_answer()).prop_map(|(about, answer)| element(about, answer));
    let outcome = prop_oneof![
        Just(Outcome::Full),
        Just(Outcome::Partial),
        Just(Outcome::NoneFound),
        Just(Outcome::NotOurs)
    ];
    (0..3u32, outcome, proptest::collection::vec(element, 0..4))
        .prop_map(|(item, outcome, elements)| ItemAnswer { item, ..answer(outcome, elements) })
}

proptest! {
    #[test]
    fn responses_round_trip_through_json(items in proptest::collection::vec(any_item_answer(), 0..4)) {
        let response = response(items);
        let json = serde_json::to_string(&response).unwrap();
        prop_assert_eq!(serde_json::from_str::<Response>(&json).unwrap(), response);
    }

    #[test]
    fn what_is_kept_back_without_reason_or_from_a_full_answer_never_leaves(item in any_item_answer()) {
        let unexplained = item.elements.iter().any(|e| match &e.answer {
            Answer::Withheld { ground } | Answer::Delayed { ground, .. } => {
                item.outcome == Outcome::Full || ground.reason.reveal().trim().is_empty()
            }
            Answer::NoRecord { reason } | Answer::NotApplicable { reason } => reason.reveal().trim().is_empty(),
            Answer::Value { .. } => false,
        });
        let found = check(3, &response(vec![item]));
        prop_assert!(!unexplained || !found.is_complete());
    }
}
