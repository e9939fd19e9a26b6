//! A peer that says two things under one message id is convicted by a file of its own, with no case in it: made by a real
//! gateway, judged with no node and no network (DESIGN §7, §12.12).
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::stranger::Stranger;
use common::{Pair, request, valise};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use valise::model::{Act, Party};
use valise::wire::FrameKind;

const CASE: &str = "XCC-2026-000001";

/// Runs a verb with `--json`; its exit code and its data.
fn data(output: &std::process::Output) -> (Option<i32>, Value) {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), answer["data"].clone())
}

fn judge(file: &Path, anchor: &str) -> (Option<i32>, Value) {
    let file = file.display().to_string();
    data(&valise(&["--json", "evidence", "verify", &file, "--anchor", anchor]))
}

#[tokio::test]
async fn one_message_id_for_two_statements_convicts_its_issuer_offline() {
    let mut xcc = Stranger::new("XCC", 3);
    let mut pair = Pair::meeting(std::slice::from_ref(&xcc.member));
    pair.xbb.start();
    let (directory, xbb) = (xcc.directory(&pair.xbb.dir), "XBB".parse::<Party>().unwrap());
    let line = xcc.call(pair.xbb.port).await.unwrap();
    let id = xcc.message_id();
    for expected in [FrameKind::Receipts, FrameKind::Reject, FrameKind::Reject] {
        // The elements are salted anew, so the same words make another statement each time.
        let said = xcc.sign(&directory, &xbb, CASE, id, Act::Request(Box::new(request())));
        let sealed = xcc.seal(&directory, &xbb, &said).bytes;
        assert_eq!(line.send(&sealed).await.0, expected);
        if expected == FrameKind::Reject {
            assert_eq!(line.send(&sealed).await.0, FrameKind::Reject, "and again, which is no news");
        }
    }
    let alarms = pair.xbb.status()["alarms"].clone();
    assert_eq!(alarms.as_array().unwrap().len(), 2, "one for each further statement: {alarms}");
    assert_eq!((&alarms[1]["number"], &alarms[1]["peer"]), (&json!(2), &json!("XCC")), "{alarms}");

    let path = pair.home.path().join("twice.proof");
    let file = path.display().to_string();
    let export = |words: &[&str]| pair.xbb.run(&[&["evidence", "export", "-o", &file], words].concat());
    assert_eq!(export(&["--alarm", "3"]).status.code(), Some(1), "there is none");
    assert_eq!(export(&[]).status.code(), Some(2), "neither a case nor an alarm");
    assert_eq!(export(&[CASE, "--alarm", "1"]).status.code(), Some(2), "both");
    assert!(!path.exists());
    let (code, made) = data(&export(&["--alarm", "1"]));
    assert_eq!((code, &made["valid"], &made["peer"]), (Some(0), &json!(true), &json!("XCC")), "{made}");
    // The dossier of the case tells the same, with what was said second.
    let dossier = pair.home.path().join("twice.dossier");
    let (_, told) = data(&pair.xbb.run(&["evidence", "export", CASE, "-o", &dossier.display().to_string()]));
    assert_eq!((&told["valid"], &told["acts"]), (&json!(false), &json!(3)), "{told}");
    pair.xbb.stop();

    let anchor = pair.anchor();
    let (code, report) = judge(&path, &anchor);
    assert_eq!((code, &report["kind"], &report["acts"]), (Some(0), &json!("proof"), &json!([])), "{report}");
    let convicts = &report["convicts"];
    assert_eq!((&convicts["party"], &convicts["code"]), (&json!("XCC"), &json!("equivocation")), "{report}");
    assert_eq!(judge(&path, &"ab".repeat(32)).0, Some(1), "who trusts another federation believes nothing");
    let (code, report) = judge(&dossier, &anchor);
    let findings = report["findings"].as_array().unwrap();
    assert!(code == Some(1) && findings.iter().any(|f| f["code"] == "equivocation"), "{report:#}");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(judge(&path, &anchor).0, Some(1));
    fs::write(&path, &bytes[..middle]).unwrap();
    assert_eq!(judge(&path, &anchor).0, Some(1));
}
