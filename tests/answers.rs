//! Drill of what an officer who answers is told before and while writing: whether the requester can keep confidence
//! (ISACS 8.4), which label covers more than it must (8.3.4.2), and how many restrictions there have been.

mod common;

use common::{Node, Pair, await_some, refuse, request, text};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use valise::control::Command;
use valise::model::{Declaration, Request, Sensitive};

/// A word that stands in what is answered.
const OWNER: &str = "Quellmund Arms";

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn cannot_comply() -> Request {
    let reason = Some(words("our archive act opens the files of courts"));
    Request { declaration: Some(Declaration { can_comply: false, reason }), ..request() }
}

fn ask(pair: &Pair, request: Request, exercise: bool) -> String {
    let made = pair.xaa.ask(Command::RequestSubmit {
        request: Box::new(request),
        to: None,
        incomplete: None,
        exercise,
        on_behalf_of: None,
        via: None,
    });
    let case = text(&made.expect("it is submitted")["case"]);
    await_some("the request at XBB", || pair.xbb.show(&case));
    case
}

/// Lets XBB write the form of a response, and returns what it says beside the file.
fn form(pair: &Pair, case: &str) -> (PathBuf, Value, Output) {
    let file = pair.home.path().join("response.json");
    let path = file.display().to_string();
    let output = pair.xbb.run(&["case", "respond", case, "--new", "-o", &path, "--force"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let form = serde_json::from_str(&fs::read_to_string(&file).expect("a form")).expect("JSON");
    (file, form, output)
}

fn respond(node: &Node, case: &str, file: &PathBuf, form: &Value, more: &[&str]) -> (i32, Value) {
    fs::write(file, form.to_string()).expect("it can be written");
    let path = file.display().to_string();
    let output = node.run(&[&["case", "respond", case, "--from", &path], more].concat());
    let said = if output.status.success() { output.stdout } else { output.stderr };
    let said = String::from_utf8(said).expect("text");
    (output.status.code().unwrap_or(-1), serde_json::from_str(said.trim()).expect("JSON"))
}

/// Gives the owner and the circumstances, each under a label.
fn give(form: &mut Value, labels: [Value; 2]) {
    let [owner, lost] = labels;
    form["items"][0]["outcome"] = json!("full");
    let value = |value: Value| json!({ "state": "value", "value": value });
    form["items"][0]["elements"] = json!([
        { "about": "last_legal_owner", "answer": value(json!({ "name": OWNER })), "label": owner },
        { "about": "circumstances", "answer": value(json!({ "how": "theft" })), "label": lost },
    ]);
}

#[test]
fn clause_8_4_whoever_cannot_keep_confidence_is_shown_so_before_anything_is_written() {
    let pair = Pair::running();
    let case = ask(&pair, cannot_comply(), true);
    let inbox = pair.xbb.ask(Command::InboxList).expect("an inbox");
    assert_eq!((&inbox[0]["case"], &inbox[0]["can_comply"]), (&json!(case), &json!(false)));
    let shown = pair.xbb.show(&case).expect("the case");
    assert_eq!(shown["can_comply"], false);
    assert!(shown["flags"].to_string().contains("cannot_comply"), "{}", shown["flags"]);
    let data = pair.xbb.dir.display().to_string();
    for verb in [&["inbox", "list"][..], &["case", "show", &case]] {
        let told = common::valise(&[verb, &["--data", &data]].concat());
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains("CANNOT KEEP CONFIDENCE"), "{told}");
    }

    let (file, blank, output) = form(&pair, &case);
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warned.contains("cannot keep what it is given confidential"), "{warned}");
    assert!(text(&blank["//declaration"]).contains("ground b"), "{blank}");
    assert_eq!(blank["items"][0]["elements"][0]["answer"]["ground"]["code"], "b", "it is proposed");

    // A value is given knowingly or not at all, with a label or without.
    let bound = json!({ "onward": "with_consent" });
    let mut given = blank.clone();
    give(&mut given, [bound, Value::Null]);
    let (exit, refused) = respond(&pair.xbb, &case, &file, &given, &[]);
    assert_eq!((exit, &refused["error"]["code"]), (1, &json!("response.declaration")));
    let findings = refused["error"]["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 2, "{refused}");
    assert!(findings.iter().all(|finding| finding["clause"] == "8.4"));
    assert!(text(&findings[0]["why"]).contains("its label is no protection"), "{refused}");
    assert!(!refused.to_string().contains(OWNER), "a refusal repeats no value");
    assert_eq!(pair.xbb.show(&case).expect("the case")["state"], "received", "nothing went out");

    let mut withheld = blank.to_string().replace(r#""reason":"""#, r#""reason":"it was declared so""#);
    withheld = withheld.replace(r#""next_state":"""#, r#""next_state":null"#);
    let withheld = serde_json::from_str(&withheld).expect("JSON");
    let (exit, sent) = respond(&pair.xbb, &case, &file, &withheld, &[]);
    assert_eq!((exit, &sent["data"]["warnings"]), (0, &Value::Null), "{sent}");

    let other = ask(&pair, cannot_comply(), true);
    let (_, blank, _) = form(&pair, &other);
    given["request"] = blank["request"].clone();
    let (exit, sent) = respond(&pair.xbb, &other, &file, &given, &["--despite-declaration"]);
    assert_eq!(exit, 0, "{sent}");
}

#[test]
fn clause_8_3_4_2_a_label_that_covers_more_than_it_must_and_an_odd_ground_are_told() {
    let pair = Pair::running();
    let case = ask(&pair, request(), true);
    let inbox = pair.xbb.ask(Command::InboxList).expect("an inbox");
    assert_eq!(inbox[0]["can_comply"], true);
    let (file, blank, output) = form(&pair, &case);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("confidential"));
    let mut given = blank;
    let needless = json!({ "onward": "none", "not_in_court": true });
    give(&mut given, [needless.clone(), needless]);
    let (exit, sent) = respond(&pair.xbb, &case, &file, &given, &[]);
    assert_eq!(exit, 0, "it is told, never refused: {sent}");
    let warnings = sent["data"]["warnings"].to_string();
    for wanted in ["items/0/elements/0", "items/0/elements/1", "may not leave", "same label", "8.3.4.2"] {
        assert!(warnings.contains(wanted), "{wanted} in {warnings}");
    }

    // Ground b against a requester that keeps confidence.
    let case = ask(&pair, request(), true);
    let odd = pair.xbb.ask(refuse(&case)).expect("the choice is the officer's");
    assert!(odd["warnings"].to_string().contains("ground b"), "{odd}");
    let lean = ask(&pair, request(), true);
    let (_, blank, _) = form(&pair, &lean);
    let mut given = blank;
    give(&mut given, [json!({ "onward": "with_consent" }), Value::Null]);
    let (exit, sent) = respond(&pair.xbb, &lean, &file, &given, &[]);
    assert_eq!((exit, &sent["data"]["warnings"]), (0, &Value::Null), "{sent}");
}

#[test]
fn clause_8_3_4_2_restrictions_are_counted_and_no_count_tells_of_a_single_case() {
    let pair = Pair::running();
    let report = |node: &Node| {
        let output = node.run(&["report", "restrictions", "--period", "2000-2099"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        answer["data"].clone()
    };
    assert_eq!(report(&pair.xbb)["lines"], json!([]));
    let refusals = |n: usize, exercise| {
        for _ in 0..n {
            let case = ask(&pair, request(), exercise);
            pair.xbb.ask(refuse(&case)).expect("it is refused");
            await_some("the refusal at XAA", || (pair.xaa.show(&case)?["state"] == "refused").then_some(()));
        }
    };
    refusals(4, false);
    refusals(2, true);
    let few = report(&pair.xbb);
    assert_eq!(few["lines"].as_array().map(Vec::len), Some(1), "{few}");
    let line = &few["lines"][0];
    assert_eq!((&line["code"], &line["acts"], &line["peer"]), (&json!("b"), &Value::Null, &Value::Null));
    refusals(1, false);
    for (node, by, peer) in [(&pair.xbb, "us", "XAA"), (&pair.xaa, "them", "XBB")] {
        let line = report(node)["lines"][0].clone();
        assert_eq!((&line["placed_by"], &line["peer"]), (&json!(by), &json!(peer)), "{line}");
        assert_eq!((&line["acts"], &line["elements"]), (&json!(5), &Value::Null));
    }
    let higher = pair.xbb.run(&["report", "restrictions", "--min-cell", "6"]);
    let higher: Value = serde_json::from_slice(&higher.stdout).expect("JSON");
    assert_eq!(higher["data"]["lines"][0]["acts"], Value::Null);
    let lower = pair.xbb.run(&["report", "restrictions", "--min-cell", "1"]);
    let lower: Value = serde_json::from_slice(&lower.stdout).expect("JSON");
    assert_eq!(lower["data"]["min_cell"], 5, "it can only be raised");
    assert_eq!(pair.xbb.run(&["report", "restrictions", "--period", "2026-2025"]).status.code(), Some(2));
}
