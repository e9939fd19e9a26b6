//! A peer whose disk was put back behind our eyes signs other heads for a log that it has shown already. The gateway
//! finds it out, says so, keeps a proof that convinces others offline, and the exchange goes on (DESIGN §7).
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::{Pair, acknowledge, await_some, submit, text, valise};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use valise::control::Command;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_log_that_was_put_back_raises_an_alarm_with_a_proof_and_stops_nothing() {
    let mut pair = Pair::running();
    let ask = |pair: &Pair| {
        let case = text(&pair.xaa.ask(submit()).unwrap()["case"]);
        await_some("the request", || pair.xbb.show(&case));
        pair.drain();
        case
    };
    let early = ask(&pair);
    pair.xbb.stop();
    let kept = pair.home.path().join("kept");
    copy(&pair.xbb.dir, &kept);
    pair.xbb.start();
    let lost = ask(&pair);
    assert_eq!(pair.xaa.status()["alarms"], json!([]), "nothing is wrong yet");

    // The disk is put back without a word: this is no restore, and the same log is signed again with another leaf.
    pair.xbb.kill();
    fs::rename(&pair.xbb.dir, pair.home.path().join("later")).unwrap();
    copy(&kept, &pair.xbb.dir);
    pair.xbb.start();
    assert!(pair.xbb.show(&lost).is_none());
    let late = ask(&pair);
    let alarms = await_some("the alarm", || {
        let alarms = pair.xaa.status()["alarms"].clone();
        alarms.as_array().is_some_and(|list| !list.is_empty()).then_some(alarms)
    });
    assert_eq!((&alarms[0]["peer"], &alarms[0]["proof"]), (&json!("XBB"), &json!(true)), "{alarms}");
    assert!(alarms[0]["words"].as_str().unwrap().contains("two heads"), "{alarms}");
    assert_eq!(pair.xbb.status()["alarms"], json!([]), "its peer has contradicted nothing");
    let doctor = pair.xaa.ask(Command::GatewayDoctor).unwrap();
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["id"] == "alarms").unwrap();
    assert_eq!(check["status"], "fail", "{check}");

    // It stops nothing.
    pair.xbb.ask(acknowledge(&late)).unwrap();
    pair.drain();
    assert_eq!(pair.agreed(&late).unwrap()["state"], pair.xbb.show(&late).unwrap()["state"]);
    assert!(pair.agreed(&early).is_some());

    // The proof convinces whoever trusts the roots, with no node and no network; it outlives the gateway.
    let file = pair.home.path().join("late.dossier").display().to_string();
    let made = pair.xaa.run(&["evidence", "export", &late, "-o", &file]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    pair.xaa.stop();
    pair.xbb.stop();
    let judged = valise(&["--json", "evidence", "verify", &file, "--anchor", &pair.anchor()]);
    assert_eq!(judged.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let findings = report["data"]["findings"].as_array().unwrap();
    let proved = findings.iter().find(|f| f["code"] == "fork" && f["about"] == "alarm 0");
    let words = proved.unwrap_or_else(|| panic!("{findings:#?}"))["words"].as_str().unwrap();
    assert!(words.starts_with("XBB signed two heads"), "{words}");
    pair.xaa.start();
    assert_eq!(pair.xaa.status()["alarms"], alarms, "it is kept");
}
