//! What goes on under a stale directory, and what a suspended party and those who speak with it are told.

mod common;

use common::founded::{federate, founded};
use common::{Node, acts, await_some, refuse, submit, text};
use serde_json::Value;
use std::fs;
use std::thread::sleep;
use std::time::Duration;
use valise::control::{Command, Failure};
use valise::model::{
    About, Answer, Audience, CaseId, Element, ItemAnswer, Label, Outcome, Particulars, Purpose, Response,
    Sensitive,
};

/// Long enough for two gateways to start and answer one request.
const FRESH: i64 = 25;

fn response(request: &str, label: Option<Label>) -> Box<Response> {
    let owner = Particulars { name: Some(Sensitive::new("a name".to_owned())), ..Particulars::default() };
    let lost = Particulars { details: Some(Sensitive::new("stolen".to_owned())), ..Particulars::default() };
    let element = |about, value, label| Element { about, answer: Answer::Value { value }, label };
    let elements =
        vec![element(About::LastLegalOwner, owner, label), element(About::Circumstances, lost, None)];
    let items =
        vec![ItemAnswer { item: 0, outcome: Outcome::Full, reason: None, next_state: None, elements }];
    Box::new(Response { request: request.parse().expect("a digest"), items, note: None })
}

fn label() -> Option<Label> {
    Some(Label { audience: Some(Audience::Designated), ..Label::default() })
}

fn release(case: &CaseId, show: bool) -> Command {
    let (to, purpose) = ("police-cid".to_owned(), Purpose::Tracing);
    Command::ReleaseRequest { case: case.clone(), to, purpose, elements: vec![], show, emergency: None }
}

fn code(outcome: Result<Value, Failure>) -> String {
    outcome.expect_err("it is refused").code
}

/// Submits to XBB and waits for it there; returns the case and the request's digest.
fn traced(xaa: &Node, xbb: &Node) -> (CaseId, String) {
    let made = xaa.ask(submit()).expect("it is submitted");
    let case = text(&made["case"]);
    await_some("the request at XBB", || xbb.show(&case));
    (case.parse().expect("a case"), text(&made["digest"]))
}

#[test]
fn a_stale_directory_receives_and_sends_on_but_lets_nothing_restricted_out() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut xaa, mut xbb) = (Node::init(home.path(), "XAA"), Node::init(home.path(), "XBB"));
    let settings = xaa.dir.join("valise.toml");
    let more = "\n[[authority]]\nname = \"police-cid\"\nkind = \"competent\"\ndesignated = true\n";
    let before = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, before + more).expect("settings are written");
    federate(&[&xaa.dir, &xbb.dir], &[], FRESH);
    let began = common::stopwatch();
    xaa.start();
    xbb.start();
    let (case, request) = traced(&xaa, &xbb);
    let (second, second_request) = traced(&xaa, &xbb);
    xbb.ask(Command::CaseRespond {
        case: case.clone(),
        response: response(&request, label()),
        despite_declaration: false,
    })
    .expect("it is answered while the directory is fresh");
    await_some("the answer at XAA", || (xaa.show(case.as_str())?["state"] == "answered").then_some(()));
    let permit = text(&xaa.ask(release(&case, false)).expect("a permit")["id"]);
    assert!(
        began.elapsed() < Duration::from_secs(FRESH.unsigned_abs()),
        "the machine is too slow for this drill"
    );
    sleep(Duration::from_secs(FRESH.unsigned_abs() + 2).saturating_sub(began.elapsed()));

    assert_eq!(code(xaa.ask(release(&case, false))), "directory.stale", "no new permit");
    assert_eq!(code(xaa.ask(Command::ReleaseShow { id: permit })), "directory.stale", "and none is used");
    let bound = response(&second_request, label());
    let refused =
        xbb.ask(Command::CaseRespond { case: second.clone(), response: bound, despite_declaration: false });
    assert_eq!(code(refused), "directory.stale", "nothing restricted is sent");
    let free = response(&second_request, None);
    xbb.ask(Command::CaseRespond { case: second.clone(), response: free, despite_declaration: false })
        .expect("what is free is sent");
    await_some("the free answer at XAA", || {
        (xaa.show(second.as_str())?["state"] == "answered").then_some(())
    });
    let (third, _) = traced(&xaa, &xbb);
    xbb.ask(refuse(third.as_str())).expect("a refusal is no release");
    let doctor = xaa.ask(Command::GatewayDoctor).expect("it is examined");
    let checks = doctor["checks"].as_array().expect("a list");
    let freshness = checks.iter().find(|check| check["id"] == "freshness").expect("it is looked at");
    assert_eq!(freshness["status"], "fail", "{freshness}");
    let history = xaa.ask(Command::ReleaseList).expect("releases");
    assert!(history.to_string().contains("directory"), "the denial is on record: {history}");
}

#[test]
fn a_suspended_party_is_refused_with_the_cause_on_both_sides() {
    let mut all = founded();
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let (case, _) = traced(&all.nodes[0], &all.nodes[1]);
    all.demand(
        "valise federation suspend --folder authority XBB --reason 'keys were sold'
         for n in 1 2; do valise federation sign authority/draft.cbor --key signer-$n.key -o s-$n; done
         valise federation assemble --folder authority s-1 s-2
         valise federation publish --folder authority --key publisher.key
         valise federation sync --data xaa --as one --from authority/directory.cbor",
    );
    let refused = all.nodes[0].ask(submit()).expect_err("nothing is sealed to a suspended party");
    assert_eq!(refused.code, "envelope.suspended");
    assert!(refused.message.contains("keys were sold"), "{refused:?}");
    // XBB may have heard by the link that still stood; if so it knows the cause, and if not its peer tells it.
    let before = acts(&all.nodes[0].show(case.as_str()).expect("the case")).len();
    let tried = all.nodes[1].ask(refuse(case.as_str()));
    if let Err(failure) = &tried {
        assert_eq!(failure.code, "envelope.suspended", "{failure:?}");
    } else {
        await_some("the cause in XBB's queue", || {
            let queue = all.nodes[1].ask(Command::QueueList).ok()?.to_string();
            queue.contains("suspended").then_some(())
        });
    }
    assert_eq!(
        acts(&all.nodes[0].show(case.as_str()).expect("the case")).len(),
        before,
        "nothing of it was taken in"
    );
    let pinged = all.nodes[0].ask(Command::PeerPing { peer: "XBB".parse().expect("a party") });
    assert!(pinged.is_err(), "its certificate lets it in no more");
}
