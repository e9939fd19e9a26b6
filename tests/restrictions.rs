//! Drill of restricted information between real gateways: consent across an outage, two officers, kill -9
//! between permit and release, and nothing of it on any disk.

mod common;

use common::{Pair, await_some, submit, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use valise::control::{Call, Client, Command, Failure, VERSION};
use valise::model::{
    About, Answer, CaseId, Element, ItemAnswer, Label, Onward, Outcome, Particulars, Purpose, Response,
    Sensitive,
};

/// A name that occurs nowhere else: whatever file holds it holds restricted information.
const SECRET: &str = "Zanzarifabrik Quellmund 7731";
const PATH: &str = "items/0/elements/0";

/// Both gateways with two officers and an authority each; a release takes two officers.
fn pair() -> Pair {
    let mut pair = Pair::new();
    for node in [&pair.xaa, &pair.xbb] {
        let file = node.dir.join("valise.toml");
        let more = "\n[[officer]]\nname = \"two\"\nrole = \"supervisor\"\n\n\
                    [[authority]]\nname = \"police-cid\"\nkind = \"competent\"\ndesignated = true\n";
        let settings = fs::read_to_string(&file).expect("settings");
        let settings = settings.replace("release_approvals = 1", "release_approvals = 2") + more;
        fs::write(&file, settings).expect("settings can be written");
    }
    pair.xaa.start();
    pair.xbb.start();
    pair
}

fn as_officer(node: &common::Node, officer: &str, command: Command) -> Result<Value, Failure> {
    let call = Call { version: VERSION, as_officer: Some(officer.to_owned()), command };
    Client::connect(&node.dir.join("gateway.sock"))?.call(&call)
}

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

/// XBB answers with one element that goes on with consent only.
fn answer(pair: &Pair) -> CaseId {
    let made = pair.xaa.ask(submit()).expect("it is submitted");
    let case = text(&made["case"]);
    await_some("the request at XBB", || pair.xbb.show(&case));
    let request = text(&made["digest"]).parse().expect("a digest");
    let label = Label { onward: Onward::WithConsent, not_in_court: true, ..Label::default() };
    let owner = Particulars { name: Some(words(SECRET)), ..Particulars::default() };
    let lost = Particulars { details: Some(words("stolen from a store")), ..Particulars::default() };
    let element = |about, value, label| Element { about, answer: Answer::Value { value }, label };
    let elements =
        vec![element(About::LastLegalOwner, owner, Some(label)), element(About::Circumstances, lost, None)];
    let items =
        vec![ItemAnswer { item: 0, outcome: Outcome::Full, reason: None, next_state: None, elements }];
    let case: CaseId = case.parse().expect("a case id");
    let response = Box::new(Response { request, items, note: None });
    pair.xbb.ask(Command::CaseRespond { case: case.clone(), response }).expect("it is answered");
    await_some("the answer at XAA", || {
        let shown = pair.xaa.show(case.as_str())?;
        (shown["state"] == "answered").then_some(())
    });
    case
}

fn release(case: &CaseId, emergency: Option<&str>) -> Command {
    Command::ReleaseRequest {
        case: case.clone(),
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.to_owned()],
        show: false,
        emergency: emergency.map(words),
    }
}

fn consent(node: &common::Node, state: &str) -> Option<Value> {
    let list = node.ask(Command::ConsentList).expect("consents can be listed");
    list.as_array()?.iter().find(|consent| consent["state"] == state).cloned()
}

fn code(outcome: Result<Value, Failure>) -> String {
    outcome.expect_err("it is refused").code
}

#[test]
fn clause_8_3_4_2_f_consent_comes_over_an_outage_and_two_officers_release() {
    let mut pair = pair();
    let case = answer(&pair);
    assert_eq!(code(pair.xaa.ask(release(&case, None))), "release.denied", "silence is no consent");
    pair.xbb.kill();
    let asked = pair.xaa.ask(Command::ConsentAsk {
        case: case.clone(),
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.parse().expect("a path")],
        reason: words("the police make the inquiry"),
    });
    let id = text(&asked.expect("it waits in the outbox")["digest"]);
    pair.xbb.start();
    pair.drain();
    let question = await_some("the question at XBB", || consent(&pair.xbb, "asked"));
    assert_eq!((question["id"].as_str(), &question["lifts"]), (Some(id.as_str()), &serde_json::json!(["f"])));
    assert_eq!(
        code(pair.xaa.ask(Command::ConsentDeny { id: id.clone(), reason: words("no") })),
        "case.unknown_question"
    );
    let grant = Command::ConsentGrant {
        id: id.clone(),
        elements: Vec::new(),
        expires: "2099-01-01T00:00:00Z".parse().expect("an instant"),
        single_use: false,
    };
    pair.xbb.ask(grant).expect("it is granted");
    await_some("the grant at XAA", || consent(&pair.xaa, "granted"));

    let permit = pair.xaa.ask(release(&case, None)).expect("it is permitted");
    assert_eq!((&permit["state"], permit["agreed"].as_u64()), (&Value::from("awaiting_approval"), Some(1)));
    let (name, digest) = (text(&permit["id"]), text(&permit["digest"]).parse().expect("a digest"));
    let show = || Command::ReleaseShow { id: name.clone() };
    let approve = || Command::ReleaseApprove { id: name.clone(), digest, signature: None };
    assert_eq!(code(pair.xaa.ask(show())), "case.not_approved");
    assert_eq!(code(pair.xaa.ask(approve())), "case.same_officer");
    let blind =
        Command::ReleaseApprove { id: name.clone(), digest: id.parse().expect("a digest"), signature: None };
    assert_eq!(code(as_officer(&pair.xaa, "two", blind)), "case.digest_differs");
    as_officer(&pair.xaa, "two", approve()).expect("another officer agrees");

    // kill -9 between permit and release: the permit is there, unused.
    pair.xaa.kill();
    pair.xaa.start();
    let shown = pair.xaa.ask(show()).expect("it is shown once");
    assert!(shown.to_string().contains(SECRET), "{shown}");
    pair.xaa.kill();
    pair.xaa.start();
    assert_eq!(code(pair.xaa.ask(show())), "case.permit_used", "a replayed permit");

    let back = Command::ConsentWithdraw { id: id.clone(), reason: words("a source is at risk") };
    pair.xbb.ask(back).expect("it is taken back");
    await_some("the withdrawal at XAA", || consent(&pair.xaa, "withdrawn"));
    assert_eq!(code(pair.xaa.ask(release(&case, None))), "release.denied");
    pair.drain();
    nothing_holds_the_secret(&pair);
}

#[test]
fn clause_8_4_b_what_is_compelled_is_told_first_and_reviewed_afterwards() {
    let pair = pair();
    let case = answer(&pair);
    let urgent = || release(&case, Some("a hearing is today"));
    assert_eq!(code(pair.xaa.ask(urgent())), "release.denied", "its provider was not told");
    let notice = Command::ReleaseNotify {
        case: case.clone(),
        to: "police-cid".to_owned(),
        elements: vec![PATH.parse().expect("a path")],
        compelled_by: words("order 12 of the high court"),
    };
    pair.xaa.ask(notice).expect("the provider is told");
    await_some("the notice at XBB", || {
        let flags = pair.xbb.show(case.as_str())?["flags"].clone();
        flags.to_string().contains("disclosure_compelled").then_some(())
    });
    let permit = pair.xaa.ask(urgent()).expect("it is permitted");
    assert_eq!((&permit["state"], &permit["unreviewed"]), (&Value::from("permitted"), &Value::from(true)));
    let inbox = pair.xaa.ask(Command::InboxList).expect("an inbox");
    assert_eq!(inbox[0]["todo"], "review_emergency");
    let (id, digest) = (text(&permit["id"]), text(&permit["digest"]).parse().expect("a digest"));
    let review = || Command::ReleaseReview { id: id.clone(), digest, signature: None };
    assert_eq!(code(pair.xaa.ask(review())), "case.same_officer");
    let reviewed = as_officer(&pair.xaa, "two", review()).expect("another officer looks at it");
    assert_eq!(reviewed["unreviewed"], false);
    let mut abroad = urgent();
    if let Command::ReleaseRequest { to, .. } = &mut abroad {
        "XCC".clone_into(to);
    }
    assert_eq!(code(pair.xaa.ask(abroad)), "case.across_border");
}

#[test]
fn clause_8_4_a_no_crash_writes_memory_to_a_disk() {
    let pair = pair();
    let limits = fs::read_to_string(format!("/proc/{}/limits", pair.xaa.pid())).expect("limits");
    let core =
        limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit of cores");
    let numbers: Vec<&str> = core.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}

/// Looks at every byte of both folders: store, logs, settings and keys.
fn nothing_holds_the_secret(pair: &Pair) {
    let looked = [&pair.xaa.dir, &pair.xbb.dir].map(|dir| search(dir));
    assert!(looked.iter().all(|bytes| *bytes > 10_000), "there was something to look at: {looked:?}");
}

fn search(folder: &Path) -> usize {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes += search(&path);
        } else if let Ok(content) = fs::read(&path) {
            let held = content.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!held, "{} holds restricted information", path.display());
            bytes += content.len();
        }
    }
    bytes
}
