//! Drill of four eyes between real gateways: an act waits for a second officer's signed word, through kill -9, and
//! nothing less lets it out.

mod common;

use common::founded::federate;
use common::{Node, Pair, await_some, submit, text, valise};
use serde_json::Value;
use std::fs;
use valise::control::{Call, Client, Command, ExitCode, Failure, VERSION};
use valise::model::{CaseId, Digest, OfficerSignature, Sensitive};

/// XAA asks for two officers, who have keys of their own; XBB for one.
fn pair() -> Pair {
    let mut pair = Pair::new();
    let dir = pair.xaa.dir.clone();
    let folder = dir.join("officers");
    fs::create_dir(&folder).expect("a folder for keys");
    let key = |name: &str| {
        let (file, secret) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.passphrase")));
        fs::write(&secret, format!("the long passphrase of {name}\n")).expect("a passphrase");
        let words = [
            "officer",
            "key",
            "-o",
            file.to_str().expect("a path of text"),
            "--passphrase-file",
            secret.to_str().expect("a path of text"),
        ];
        let made = valise(&[&words[..], &["--json"]].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let again = valise(&words);
        assert_eq!(again.status.code(), Some(1), "no key is replaced");
        let told: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        text(&told["data"]["key"])
    };
    let file = dir.join("valise.toml");
    let mut settings = fs::read_to_string(&file).expect("settings").replace("approvals = 1", "approvals = 2");
    settings = settings.replace("name = \"one\"\n", &format!("name = \"one\"\nkey = \"{}\"\n", key("one")));
    for (name, role) in [("two", "supervisor"), ("clerk", "clerk")] {
        settings +=
            &format!("\n[[officer]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{}\"\n", key(name));
    }
    settings += "\n[[policy.rule]]\nname = \"no-withdrawal-by-two\"\nrole = \"supervisor\"\nact = [\"withdrawal\"]\nforbid = true\n";
    fs::write(&file, settings).expect("settings can be written");
    pair.xaa.start();
    pair.xbb.start();
    pair
}

fn by(node: &Node, officer: &str, command: Command) -> Result<Value, Failure> {
    let call = Call { version: VERSION, as_officer: Some(officer.to_owned()), command };
    Client::connect(&node.dir.join("gateway.sock"))?.call(&call)
}

/// The verb, as an officer would type it; the key lies where a demo's officer has it.
fn approve(node: &Node, officer: &str, id: &str) -> (i32, Value) {
    let out = node.run(&["approval", "approve", id, "--as", officer, "--yes"]);
    let shown = if out.status.success() { out.stdout } else { out.stderr };
    (out.status.code().unwrap_or(-1), serde_json::from_slice(&shown).expect("JSON"))
}

fn refused(outcome: Result<Value, Failure>, code: &str) {
    let failure = outcome.expect_err("it is refused");
    assert_eq!((failure.code.as_str(), failure.exit), (code, ExitCode::Denied), "{failure}");
}

fn word(id: &str, digest: Digest, signature: Option<OfficerSignature>) -> Command {
    Command::ApprovalApprove { id: id.to_owned(), digest, signature }
}

fn waiting(node: &Node) -> Vec<Value> {
    let list = node.ask(Command::ApprovalList).expect("a list");
    list.as_array().expect("a list").clone()
}

#[test]
fn an_act_goes_out_with_two_officers_and_not_before() {
    let mut pair = pair();
    let made = pair.xaa.ask(submit()).expect("it is taken");
    assert_eq!(made["state"], "awaiting_approval");
    let (case, id) = (text(&made["case"]), text(&made["approval"]));
    let digest: Digest = text(&made["digest"]).parse().expect("a digest");
    assert!(pair.xaa.show(&case).is_none() && pair.xbb.show(&case).is_none(), "nobody hears of it");

    // It survives kill -9, and so does its number.
    pair.xaa.kill();
    pair.xaa.start();
    assert_eq!(waiting(&pair.xaa)[0]["id"], *id);
    let other = pair.xaa.ask(submit()).expect("it is taken");
    assert_ne!(text(&other["case"]), case, "its number stays its own");

    refused(by(&pair.xaa, "one", word(&id, digest, None)), "case.same_officer");
    refused(by(&pair.xaa, "two", word(&id, Digest([7; 32]), None)), "case.digest_differs");
    refused(by(&pair.xaa, "two", word(&id, digest, None)), "officer.word");
    refused(by(&pair.xaa, "clerk", word(&id, digest, None)), "role.denied");
    let forged = OfficerSignature { key: Digest([1; 32]), bytes: vec![0; 64] };
    refused(by(&pair.xaa, "two", word(&id, digest, Some(forged))), "officer.word");
    let words = valise::model::Matter::Act.words(&id, &digest);
    let of_one = pair.xaa.dir.join("officers/one.key");
    let by_one =
        valise::offline::officer::sign(&of_one, "the long passphrase of one", &words).expect("signed");
    refused(by(&pair.xaa, "two", word(&id, digest, Some(by_one))), "officer.word");
    // A sound word for one thing is none for another.
    let of_two = pair.xaa.dir.join("officers/two.key");
    let release = valise::model::Matter::Release.words(&id, &digest);
    let elsewhere =
        valise::offline::officer::sign(&of_two, "the long passphrase of two", &release).expect("signed");
    refused(by(&pair.xaa, "two", word(&id, digest, Some(elsewhere))), "officer.word");
    assert_eq!(waiting(&pair.xaa).len(), 2);
    assert!(pair.xbb.show(&case).is_none(), "nothing went out");

    let (exit, sent) = approve(&pair.xaa, "two", &id);
    assert_eq!(exit, 0, "{sent}");
    assert_eq!((&sent["data"]["state"], &sent["data"]["agreed"]), (&"sent".into(), &2.into()));
    let there = await_some("the request at XBB", || pair.xbb.show(&case));
    assert_eq!(there["acts"][0]["digest"], sent["data"]["statement"]);
    let (exit, again) = approve(&pair.xaa, "two", &id);
    assert_eq!((exit, text(&again["error"]["code"])), (77, "case.held_ended".to_owned()));
}

#[test]
fn a_returned_act_stays_and_one_whose_case_has_moved_on_is_not_sent() {
    let pair = pair();
    let made = pair.xaa.ask(submit()).expect("it is taken");
    let (case, id) = (text(&made["case"]), text(&made["approval"]));
    let reason = Sensitive::new("the addressee is wrong".to_owned());
    let returned =
        by(&pair.xaa, "two", Command::ApprovalReturn { id: id.clone(), reason }).expect("returned");
    assert_eq!(returned["state"], "returned");
    assert_eq!(approve(&pair.xaa, "two", &id).0, 77);
    assert!(waiting(&pair.xaa).is_empty() && pair.xaa.show(&case).is_none());

    let made = pair.xaa.ask(submit()).expect("it is taken");
    let case: CaseId = text(&made["case"]).parse().expect("a case");
    assert_eq!(approve(&pair.xaa, "two", &text(&made["approval"])).0, 0);
    await_some("the request at XBB", || pair.xbb.show(case.as_str()));
    let withdraw = || {
        let reason = Sensitive::new("found otherwise".to_owned());
        Command::CaseWithdraw { case: case.clone(), reason }
    };
    refused(by(&pair.xaa, "two", withdraw()), "policy.denied");
    let [first, second] = [(); 2].map(|()| pair.xaa.ask(withdraw()).expect("it waits"));
    assert_eq!(approve(&pair.xaa, "two", &text(&first["approval"])).0, 0);
    let (exit, moved) = approve(&pair.xaa, "two", &text(&second["approval"]));
    assert_eq!(
        (exit, text(&moved["error"]["code"])),
        (1, "case.withdrawn".to_owned()),
        "the case has moved on"
    );
    let shown = pair.xaa.run(&["approval", "show", &text(&second["approval"])]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert!(text(&shown["data"]["words"]).contains("found otherwise"));
    assert_eq!(pair.xaa.show(case.as_str()).expect("the case")["state"], "withdrawn");
}

#[test]
fn clause_9_3_a_mandate_is_signed_only_once_a_second_officer_agrees() {
    let pair = pair();
    let done = |node: &Node, words: &[&str]| {
        let out = node.run(words);
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        let answer: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        answer["data"].clone()
    };
    let mandates = |node: &Node| done(node, &["mandate", "list"]);
    let grant =
        ["mandate", "grant", "--agent", "XBB", "--power", "initiate", "--until", "2099-01-01T00:00:00Z"];
    let held = done(&pair.xaa, &grant);
    assert_eq!(held["state"], "awaiting_approval");
    let id = text(&held["approval"]);
    let shown = text(&done(&pair.xaa, &["approval", "show", &id, "--as", "two"])["words"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["body"]["grant"], "", "nothing is signed: {shown}");
    assert_eq!(shown["body"]["terms"]["agent"], "XBB", "and all of its terms are shown");
    assert_eq!(mandates(&pair.xaa), serde_json::json!([]));
    assert_eq!(approve(&pair.xaa, "two", &id).0, 0);
    let given = await_some("the mandate at XBB", || {
        mandates(&pair.xbb).as_array()?.iter().find(|held| held["state"] == "granted").cloned()
    });
    let mandate = text(&given["mandate"]);
    assert_ne!(mandate, "0".repeat(64));
    assert_eq!(mandates(&pair.xaa)[0]["mandate"], *mandate);
    done(&pair.xbb, &["mandate", "accept", &mandate]);
    await_some("the acceptance at XAA", || (mandates(&pair.xaa)[0]["state"] == "in_force").then_some(()));
    // Its end takes two officers as well.
    let ended = done(&pair.xaa, &["mandate", "revoke", &mandate, "--reason", "we ask ourselves"]);
    assert_eq!(ended["told"][0]["state"], "awaiting_approval", "{ended}");
    assert_eq!(mandates(&pair.xaa)[0]["state"], "in_force");
    assert_eq!(approve(&pair.xaa, "two", &text(&ended["told"][0]["approval"])).0, 0);
    await_some("the end at XBB", || (mandates(&pair.xbb)[0]["state"] == "revoked").then_some(()));
}

#[test]
fn fewer_officers_than_the_directory_entry_promises_do_not_serve() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("xaa").display().to_string();
    let words =
        ["gateway", "init", "--party", "XAA", "--listen", "127.0.0.1:0", "--demo", "--approvals", "2"];
    let officers = ["--officer", "one:officer", "--officer", "two:officer", "--data", &dir];
    assert!(valise(&[&words[..], &officers].concat()).status.success());
    let node = Node::at(dir.clone().into(), "XAA", 0);
    federate(&[&node.dir], &[], common::YEAR);
    let file = node.dir.join("valise.toml");
    let settings = fs::read_to_string(&file).expect("settings");
    fs::write(&file, settings.replace("approvals = 2", "approvals = 1")).expect("settings can be written");
    let ended = node.run_serve();
    assert_eq!(ended.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("promises other States 2"));
}

#[test]
fn whoever_agrees_sees_the_files_first_and_no_others() {
    let pair = pair();
    let home = pair.home.path();
    let picture = common::files::noise(31, 1_300_000);
    fs::write(home.join("left"), &picture).expect("a picture");
    let made = valise::offline::requests::example(valise::offline::requests::Example::OneWeapon);
    let mut request: Value = serde_json::from_str(made).expect("the example is JSON");
    request["items"][0]["photographs"] = serde_json::json!([{ "shows": "left side", "path": "left" }]);
    let file = home.join("request.json");
    fs::write(&file, request.to_string()).expect("it is written");
    let submitted = pair.xaa.run(&["request", "submit", &file.display().to_string(), "--exercise"]);
    let waits: Value = serde_json::from_slice(&submitted.stdout).expect("JSON");
    let id = text(&waits["data"]["approval"]);
    let folder = home.join("seen");
    let shown =
        pair.xaa.run(&["approval", "show", &id, "--as", "two", "--files", folder.to_str().expect("text")]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(shown["data"]["files"][0]["size"].as_u64(), Some(1_300_000), "{shown}");
    let written = fs::read_dir(&folder).expect("a folder").next().expect("a file").expect("an entry");
    assert!(fs::read(written.path()).expect("it is written") == picture);
    // Nothing that the act does not name is read by its name.
    let other = Command::ApprovalFile { id: id.clone(), sha256: Digest([7; 32]), index: 0 };
    assert_eq!(by(&pair.xaa, "two", other).expect_err("it names no such file").exit, ExitCode::Finding);
    let named = text(&shown["data"]["files"][0]["sha256"]).parse().expect("a digest");
    let clerk = Command::ApprovalFile { id: id.clone(), sha256: named, index: 0 };
    let refused = by(&pair.xaa, "nobody", clerk).expect_err("a stranger sees nothing");
    assert_eq!(refused.exit, ExitCode::Denied);
    // The same file goes out with it.
    assert_eq!(approve(&pair.xaa, "two", &id).0, 0);
    let case = text(&waits["data"]["case"]);
    await_some("the request", || pair.xbb.show(&case));
    common::files::await_verified(&pair.xbb, &case, 1);
}
