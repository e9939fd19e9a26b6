//! Either State can prove what happened, to someone who trusts neither: dossiers made by real gateways and
//! judged with no node and no network.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::{Node, Pair, acknowledge, await_some, refuse, submit, text, valise};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use valise::control::Command;
use valise::model::{
    About, Answer, Element, ItemAnswer, Label, Outcome, Particulars, Purpose, Response, Sensitive,
};

/// Runs `evidence verify` with the fingerprint of their federation: exit code and data.
fn judge(pair: &Pair, file: &Path) -> (i32, Value) {
    let file = file.display().to_string();
    let output = valise(&["--json", "evidence", "verify", &file, "--anchor", &pair.anchor()]);
    let data: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), data["data"].clone())
}

fn export(node: &Node, case: &str, file: &Path, more: &[&str]) -> Value {
    let path = file.display().to_string();
    let words = [&["evidence", "export", case, "-o", &path], more].concat();
    let output = node.run(&words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["data"].clone()
}

/// A case that XBB has acknowledged and refused, as both sides know.
fn refused_case(pair: &Pair) -> String {
    let case = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&case));
    pair.xbb.ask(acknowledge(&case)).unwrap();
    pair.xbb.ask(refuse(&case)).unwrap();
    pair.drain();
    let agreed = pair.agreed(&case).unwrap();
    assert_eq!(agreed["acts"].as_array().unwrap().len(), 3, "{agreed}");
    case
}

#[test]
fn a_dossier_of_either_side_proves_the_case_offline() {
    let mut pair = Pair::running();
    let case = refused_case(&pair);
    let file = |name: &str| pair.home.path().join(name);
    let (by_xaa, by_xbb) = (file("xaa.dossier"), file("xbb.dossier"));
    let made = export(&pair.xaa, &case, &by_xaa, &[]);
    assert_eq!((&made["valid"], &made["acts"]), (&json!(true), &json!(3)), "{made}");
    export(&pair.xbb, &case, &by_xbb, &[]);
    let redacted = file("redacted.dossier");
    let made = export(&pair.xaa, &case, &redacted, &["--elements", "circumstances"]);
    assert_eq!(made["disclosed"], 1, "{made}");
    let none = file("none.dossier");
    let path = none.display().to_string();
    let refused = pair.xaa.run(&["evidence", "export", &case, "-o", &path, "--elements", "circumstance"]);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && words.contains("circumstances") && !none.exists(), "{words}");
    pair.xaa.stop();
    pair.xbb.stop();

    let (code, first) = judge(&pair, &by_xaa);
    assert_eq!(code, 0, "{first:#}");
    let (code, second) = judge(&pair, &by_xbb);
    assert_eq!(code, 0, "{second:#}");
    assert_eq!(first["clocks"], second["clocks"], "both sides get equal due dates");
    assert_eq!(first["acts"], second["acts"]);
    assert_eq!(first["clocks"][0]["ack"], "met");
    for member in ["valid", "findings", "acts", "signers", "time_bounds"] {
        assert!(!first[member].is_null(), "{member}");
    }
    let (code, report) = judge(&pair, &redacted);
    assert_eq!(code, 0, "{report:#}");

    // Whoever trusts another federation believes nothing.
    let other = "ab".repeat(32);
    let path = by_xaa.display().to_string();
    let output = valise(&["--json", "evidence", "verify", &path, "--anchor", &other]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["data"]["findings"][0]["code"], "not-anchored");

    let mut bytes = fs::read(&by_xaa).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let spoiled = file("spoiled.dossier");
    fs::write(&spoiled, &bytes).unwrap();
    let (code, report) = judge(&pair, &spoiled);
    assert_eq!((code, &report["valid"]), (1, &json!(false)));
    fs::write(&spoiled, &bytes[..middle]).unwrap();
    assert_eq!(judge(&pair, &spoiled).0, 1);
}

#[test]
fn the_committed_dossiers_are_judged_by_the_binary() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/vectors/dossiers");
    let index: Value = serde_json::from_str(&fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    let anchors: Vec<String> = index["anchor"].as_array().unwrap().iter().map(text).collect();
    let dossiers = index["dossiers"].as_object().unwrap();
    assert!(dossiers.len() > 15);
    for (name, expected) in dossiers {
        let file = folder.join(format!("{name}.dossier")).display().to_string();
        let mut words = vec!["--json", "evidence", "verify", &file];
        anchors.iter().for_each(|anchor| words.extend(["--anchor", anchor]));
        let output = valise(&words);
        let valid = expected["valid"] == true;
        assert_eq!(output.status.code(), Some(i32::from(!valid)), "{name}");
        let data: Value = serde_json::from_slice(&output.stdout).unwrap();
        let first = data["data"]["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "fault");
        let code = first.map_or(json!("valid"), |fault| fault["code"].clone());
        assert_eq!(code, expected["first"], "{name}");
        let output = valise(&["inspect", &file, "--as", "dossier"]);
        let sound = name != "bad-cut" && name != "bad-flipped-byte";
        assert!(!sound || output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let proofs = index["proofs"].as_object().unwrap();
    assert!(proofs.len() > 5);
    for (name, expected) in proofs {
        let file = folder.join(format!("{name}.proof")).display().to_string();
        let mut words = vec!["--json", "evidence", "verify", &file];
        anchors.iter().for_each(|anchor| words.extend(["--anchor", anchor]));
        let output = valise(&words);
        let data: Value = serde_json::from_slice::<Value>(&output.stdout).unwrap()["data"].clone();
        let valid = expected["valid"] == true;
        assert_eq!(
            (output.status.code(), &data["valid"]),
            (Some(i32::from(!valid)), &json!(valid)),
            "{name}"
        );
        let fault = data["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "fault");
        let found = fault.map_or(&data["convicts"]["code"], |fault| &fault["code"]);
        assert_eq!(*found, expected["first"], "{name}");
    }
    let cut = folder.join("bad-cut.dossier").display().to_string();
    assert_eq!(valise(&["inspect", &cut, "--as", "dossier"]).status.code(), Some(65));
}

#[test]
fn the_private_journal_is_held_to_a_head_that_was_noted_down() {
    let pair = Pair::running();
    let case = refused_case(&pair);
    let noted = pair.xaa.ask(Command::EvidenceHead { check: None }).unwrap();
    let head = text(&noted["head"]);
    export(&pair.xaa, &case, &pair.home.path().join("a.dossier"), &[]);
    let later = pair.xaa.ask(Command::EvidenceHead { check: Some(head.clone()) }).unwrap();
    assert_eq!(
        (&later["holds"], later["acts"].as_u64()),
        (&json!(true), noted["acts"].as_u64().map(|n| n + 1))
    );
    let (count, chain) = head.split_once(':').unwrap();
    let turned: String = chain.chars().rev().collect();
    for bad in [format!("{count}:{turned}"), format!("{}:{chain}", 1_000_000)] {
        let refused = pair.xaa.ask(Command::EvidenceHead { check: Some(bad) }).unwrap_err();
        assert_eq!(refused.code, "evidence.journal_changed");
    }
}

#[test]
fn the_history_of_an_act_ends_with_the_peers_proof() {
    let pair = Pair::running();
    let case = refused_case(&pair);
    let history = pair.xaa.ask(Command::CaseHistory { case: case.parse().unwrap() }).unwrap();
    let steps: Vec<String> =
        history[0]["steps"].as_array().unwrap().iter().map(|s| text(&s["step"])).collect();
    assert_eq!(steps, ["written", "queued", "receipt", "acknowledged", "answered"]);
    assert_eq!(history[0]["steps"][2]["proved"], true);
    assert_eq!(history[1]["steps"][0]["step"], "received");
}

/// A name that stands in the restricted element and nowhere else.
const SECRET: &str = "Zanzarifabrik Quellmund 7731";

/// XBB answers with one element that no court may see, and one that is free.
fn answered_case(pair: &Pair) -> String {
    let made = pair.xaa.ask(submit()).unwrap();
    let case = text(&made["case"]);
    await_some("the request", || pair.xbb.show(&case));
    let words = |text: &str| Some(Sensitive::new(text.to_owned()));
    let owner = Particulars { name: words(SECRET), ..Particulars::default() };
    let lost = Particulars { details: words("stolen from a store"), ..Particulars::default() };
    let element = |about, value, label| Element { about, answer: Answer::Value { value }, label };
    let label = Label { not_in_court: true, ..Label::default() };
    let elements =
        vec![element(About::LastLegalOwner, owner, Some(label)), element(About::Circumstances, lost, None)];
    let item = ItemAnswer { item: 0, outcome: Outcome::Full, reason: None, next_state: None, elements };
    let request = text(&made["digest"]).parse().unwrap();
    let response = Box::new(Response { request, items: vec![item], note: None });
    pair.xbb
        .ask(Command::CaseRespond { case: case.parse().unwrap(), response, despite_declaration: false })
        .unwrap();
    pair.drain();
    assert_eq!(pair.agreed(&case).unwrap()["state"], "answered");
    case
}

#[test]
fn a_restricted_element_leaves_in_a_dossier_by_a_permit_only_and_the_signatures_hold_either_way() {
    let pair = Pair::running();
    let case = answered_case(&pair);
    let file = |name: &str| pair.home.path().join(name);
    let holds = |path: &Path| common::holds(&fs::read(path).unwrap(), SECRET);
    let (closed, opened) = (file("closed.dossier"), file("opened.dossier"));
    let made = export(&pair.xaa, &case, &closed, &[]);
    assert!(!holds(&closed) && made["withheld"].as_u64().unwrap() > 0, "{made}");

    let release = Command::ReleaseRequest {
        case: case.parse().unwrap(),
        to: "npc".to_owned(),
        purpose: Purpose::Tracing,
        elements: Vec::new(),
        show: false,
        emergency: None,
    };
    let permit = pair.xaa.ask(release).unwrap();
    let id = text(&permit["id"]);
    // What is in the way of the file is found out before the permit is spent.
    let occupied = closed.display().to_string();
    let refused = pair.xaa.run(&["evidence", "export", &case, "-o", &occupied, "--permit", &id]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    let with_permit = export(&pair.xaa, &case, &opened, &["--permit", &id]);
    assert!(holds(&opened), "{with_permit}");
    assert!(with_permit["disclosed"].as_u64() > made["disclosed"].as_u64());
    // A permit is spent once, by the officer who has it.
    let again = file("again.dossier").display().to_string();
    let refused = pair.xaa.run(&["evidence", "export", &case, "-o", &again, "--permit", &id]);
    assert_eq!(refused.status.code(), Some(77), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!file("again.dossier").exists());

    for (path, withholds) in [(&closed, true), (&opened, false)] {
        let (code, report) = judge(&pair, path);
        assert_eq!(code, 0, "{report:#}");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(findings.iter().any(|f| f["code"] == "redacted"), withholds, "{findings:#?}");
    }
    // However the fingerprint was written down when it was read aloud, on the command line or in a file.
    let (ours, other, path) = (pair.anchor(), "ab".repeat(32), opened.display().to_string());
    let spoken = valise::node::joining::spoken(&ours.parse().unwrap());
    let noted = file("anchors.txt").display().to_string();
    fs::write(file("anchors.txt"), format!("of another\n{other}\nours\n{spoken}\n")).unwrap();
    for (anchors, expected) in
        [(vec![&spoken], 0), (vec![&noted], 0), (vec![&other, &ours], 0), (vec![&other], 1)]
    {
        let mut words = vec!["evidence", "verify", &path];
        anchors.iter().for_each(|anchor| words.extend(["--anchor", anchor.as_str()]));
        assert_eq!(valise(&words).status.code(), Some(expected), "{anchors:?}");
    }
}
