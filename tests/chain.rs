//! Drill of a chain of cases (DESIGN §3.9): XAA asks XBB, and goes on to XCC; what XBB restricted is quoted only once
//! XBB consents, and never without its label.

mod common;

use common::founded::federate;
use common::{Node, Pair, await_some, submit, text};
use serde_json::{Value, json};
use valise::control::{Command, ExitCode, Failure};
use valise::model::{
    About, Answer, CaseId, Country, Digest, Element, ItemAnswer, Label, Onward, Outcome, Particulars,
    Purpose, Request, Response, Sensitive,
};
use valise::offline::requests::parse_request;

const SECRET: &str = "Zanzarifabrik Quellmund 7731";
const PATH: &str = "items/0/elements/0";
const FREE: &str = "items/0/elements/1";

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

/// XAA holds an answer of XBB: an owner who may be named with consent only, and an export to XCC, which runs too.
fn answered() -> (Pair, Node, CaseId) {
    let mut pair = Pair::apart();
    let mut xcc = Node::init(pair.home.path(), "XCC");
    federate(&[&pair.xaa.dir, &pair.xbb.dir, &xcc.dir], &[], common::YEAR);
    pair.xaa.start();
    pair.xbb.start();
    xcc.start();
    let made = pair.xaa.ask(submit()).expect("it is submitted");
    let case = text(&made["case"]);
    await_some("the request at XBB", || pair.xbb.show(&case));
    let request: Digest = text(&made["digest"]).parse().expect("a digest");
    let owner = Particulars { name: Some(words(SECRET)), ..Particulars::default() };
    let export = Particulars {
        details: Some(words("sold abroad")),
        confirmed: Some(true),
        state: Country::from_code("XCC"),
        ..Particulars::default()
    };
    let element = |about, value, label| Element { about, answer: Answer::Value { value }, label };
    let label = Label { onward: Onward::WithConsent, not_in_court: true, ..Label::default() };
    let elements =
        vec![element(About::LastLegalOwner, owner, Some(label)), element(About::Circumstances, export, None)];
    let items =
        vec![ItemAnswer { item: 0, outcome: Outcome::Full, reason: None, next_state: None, elements }];
    let case: CaseId = case.parse().expect("a case id");
    let response = Box::new(Response { request, items, note: None });
    pair.xbb
        .ask(Command::CaseRespond { case: case.clone(), response, despite_declaration: false })
        .expect("it is answered");
    await_some("the answer at XAA", || (pair.xaa.show(case.as_str())?["state"] == "answered").then_some(()));
    (pair, xcc, case)
}

/// Waits until XCC sees the request of a case that XAA has sent, and returns what it sees.
fn arrived(xcc: &Node, sent: &Value) -> Value {
    await_some("the request at XCC", || xcc.show(&text(&sent["case"])))
}

fn follow(pair: &Pair, case: &CaseId, quotes: &[&str], permit: Option<String>) -> Result<Request, Failure> {
    let quotes = quotes.iter().map(|path| path.parse().expect("a path")).collect();
    let to = Some("XCC".parse().expect("a party"));
    let form = pair.xaa.ask(Command::CaseFollow { case: case.clone(), quotes, permit, to })?;
    Ok(parse_request(form["form"].as_str().expect("a form")).expect("a request"))
}

fn send(pair: &Pair, request: &Request) -> Result<Value, Failure> {
    pair.xaa.ask(Command::RequestSubmit {
        request: Box::new(request.clone()),
        to: None,
        incomplete: None,
        exercise: false,
        on_behalf_of: None,
        via: None,
    })
}

fn refused(outcome: Result<Value, Failure>, code: &str) {
    let failure = outcome.expect_err("it is refused");
    assert_eq!((failure.code.as_str(), failure.exit), (code, ExitCode::Denied), "{failure}");
}

fn consent(node: &Node, state: &str) -> Option<Value> {
    let list = node.ask(Command::ConsentList).expect("consents can be listed");
    list.as_array()?.iter().find(|consent| consent["state"] == state).cloned()
}

#[test]
fn a_restricted_answer_is_quoted_only_once_its_originator_consents() {
    let (pair, xcc, case) = answered();
    let bare = follow(&pair, &case, &[], None).expect("a request");
    let follows = bare.follows.clone().expect("it follows the answer");
    assert!(follows.quotes.is_empty() && follows.label.is_none(), "by digest alone");
    assert_eq!(bare.addressee.as_ref().map(|a| a.party.to_string()).as_deref(), Some("XCC"));
    let sent = send(&pair, &bare).expect("a digest tells nothing");
    // The officer of the third State sees the chain: which answer it follows, what is quoted, and what is not consented to.
    let there = arrived(&xcc, &sent)["follows"].clone();
    let chain = json!({
        "response": follows.response, "case": null, "answered_by": null,
        "quoted": [], "restrictions": [], "pending": [PATH],
    });
    assert_eq!(there, chain);
    let told =
        common::valise(&["case", "show", &text(&sent["case"]), "--data", &xcc.dir.display().to_string()]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for wanted in [
        "follows the answer of another State",
        &follows.response.to_string(),
        "not consented to: items/0/elements/0",
    ] {
        assert!(told.contains(wanted), "{wanted} in {told}");
    }
    let here = pair.xaa.show(&text(&sent["case"])).expect("the case")["follows"].clone();
    assert_eq!(
        (&here["case"], &here["answered_by"]),
        (&json!(case), &json!("XBB")),
        "whoever asks knows both"
    );
    let mut invented = bare.clone();
    invented.follows.as_mut().expect("it follows").pending =
        ["items/4/elements/4".parse().expect("a path")].into();
    assert_eq!(send(&pair, &invented).expect_err("no such element").code, "case.unknown_element");
    let free = follow(&pair, &case, &[FREE], None).expect("what is free may be quoted");
    send(&pair, &free).expect("it goes");

    let early = follow(&pair, &case, &[PATH], None).expect_err("it is restricted");
    assert_eq!((early.code.as_str(), early.exit), ("follow.restricted", ExitCode::Denied));
    // What an officer types in by hand is looked at just the same.
    let quote = json!([{ "path": PATH, "about": "last_legal_owner", "answer": { "state": "value", "value": { "name": SECRET } } }]);
    let mut typed = bare.clone();
    typed.follows.as_mut().expect("it follows").quotes = serde_json::from_value(quote).expect("a quotation");
    refused(send(&pair, &typed), "case.quote_forbidden");
    let mut elsewhere = bare;
    elsewhere.follows.as_mut().expect("it follows").response = Digest([7; 32]);
    assert_eq!(send(&pair, &elsewhere).expect_err("no such answer").code, "case.not_an_answer");

    let asked = pair.xaa.ask(Command::ConsentAsk {
        case: case.clone(),
        to: "XCC".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.parse().expect("a path")],
        reason: words("the trace goes on there"),
    });
    let id = text(&asked.expect("it is asked")["digest"]);
    await_some("the question at XBB", || consent(&pair.xbb, "asked"));
    let expires = "2099-01-01T00:00:00Z".parse().expect("an instant");
    let grant = Command::ConsentGrant { id: id.clone(), elements: vec![], expires, single_use: false };
    pair.xbb.ask(grant).expect("it is granted");
    await_some("the grant at XAA", || consent(&pair.xaa, "granted"));
    let release = Command::ReleaseRequest {
        case: case.clone(),
        to: "XCC".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.to_owned()],
        show: false,
        emergency: None,
    };
    let permit = text(&pair.xaa.ask(release).expect("it is permitted")["id"]);
    refused(send(&pair, &typed), "case.quote_forbidden");
    let quoting = follow(&pair, &case, &[], Some(permit.clone())).expect("the permit opens it");
    let follows = quoting.follows.clone().expect("it follows");
    assert!(serde_json::to_string(&follows).expect("JSON").contains(SECRET));
    let label = follows.label.as_ref().expect("the label goes with it");
    assert!(label.not_in_court && label.onward == Onward::WithConsent);
    assert_eq!(follow(&pair, &case, &[], Some(permit)).expect_err("once").code, "case.permit_used");

    let mut stripped = quoting.clone();
    stripped.follows.as_mut().expect("it follows").label = None;
    refused(send(&pair, &stripped), "case.label_stripped");
    let mut thinned = quoting.clone();
    thinned.follows.as_mut().expect("it follows").label.as_mut().expect("a label").not_in_court = false;
    refused(send(&pair, &thinned), "case.label_stripped");
    let mut astray = quoting.clone();
    astray.addressee.as_mut().expect("an addressee").party = "XDD".parse().expect("a party");
    assert!(send(&pair, &astray).is_err(), "the permit is for XCC alone");
    let sent = send(&pair, &quoting).expect("it goes with consent and label");
    // There it is restricted as it was here: named by its path and codes, and released by a permit only.
    let there = arrived(&xcc, &sent);
    let chain = &there["follows"];
    assert_eq!((&chain["quoted"], &chain["pending"]), (&json!([PATH]), &json!([])), "{chain}");
    assert_eq!(chain["restrictions"], json!(["f", "h1"]));
    assert!(!there.to_string().contains(SECRET), "{there}");
    let read = |to: &str| {
        xcc.ask(Command::ReleaseRequest {
            case: text(&sent["case"]).parse().expect("a case"),
            to: to.to_owned(),
            purpose: Purpose::Tracing,
            elements: vec!["follows".to_owned()],
            show: true,
            emergency: None,
        })
    };
    let shown = read("npc").expect("the point of contact to which it came reads it, on record");
    assert!(shown.to_string().contains(SECRET), "{shown}");
    refused(read("XDD"), "release.denied");

    let back = Command::ConsentWithdraw { id, reason: words("a source is at risk") };
    pair.xbb.ask(back).expect("it is taken back");
    await_some("the withdrawal at XAA", || consent(&pair.xaa, "withdrawn"));
    refused(send(&pair, &quoting), "case.consent_gone");
}
