//! A clock that was 60 days ahead, or is 60 days behind, across a restart: time never runs backwards but by an
//! officer's decision that is on record, and nothing is lost for good meanwhile (DESIGN §7, §13).
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::{Node, Pair, await_some, refuse, submit, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use valise::control::{Command, ExitCode};
use valise::model::{DAY, Timestamp};

fn instant(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}

fn clock(node: &Node) -> Value {
    node.ask(Command::GatewayClock { lower: None }).unwrap()
}

fn prekeys(node: &Node) -> BTreeSet<String> {
    let names = fs::read_dir(node.dir.join("keys")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("prekey-") && name.ends_with(".key")).collect()
}

/// Leaves the mark as a gateway does whose clock showed this before it stopped.
fn showed_before(node: &Node, highest: Timestamp) {
    fs::write(node.dir.join("clock.toml"), format!("highest = \"{highest}\"\n")).unwrap();
}

#[test]
fn a_clock_that_was_ahead_is_lowered_by_an_officer_and_stays_so() {
    let mut pair = Pair::running();
    let early = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&early));
    pair.drain();
    let right = instant(&clock(&pair.xbb)["now"]);
    let before = prekeys(&pair.xbb);
    pair.xbb.stop();
    assert!(pair.xbb.dir.join("clock.toml").exists(), "the mark outlives the process");
    let ahead = right.saturating_add(60 * DAY);
    showed_before(&pair.xbb, ahead);
    pair.xbb.start();

    // The clock is right again, and stands behind what it showed: time stands still, and doctor says why.
    let stands = clock(&pair.xbb);
    assert_eq!(instant(&stands["now"]), ahead);
    assert!(stands["behind_seconds"].as_i64().unwrap() > 59 * DAY, "{stands}");
    let doctor = pair.xbb.ask(Command::GatewayDoctor).unwrap();
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["id"] == "clock").unwrap();
    assert_eq!(check["status"], "fail");
    assert!(check["fix"].as_str().unwrap().contains("gateway clock --lower"), "{check}");
    assert!(prekeys(&pair.xbb).is_superset(&before), "no private half is lost to a clock");

    let noted = pair.xbb.ask(Command::EvidenceHead { check: None }).unwrap()["acts"].as_u64().unwrap();
    let lower = || Command::GatewayClock { lower: Some("the battery of its clock was replaced".to_owned()) };
    let lowered = pair.xbb.ask(lower()).unwrap();
    assert_eq!(instant(&lowered["lowered_from"]), ahead);
    assert!(instant(&lowered["now"]) < right.saturating_add(DAY));
    let after = pair.xbb.ask(Command::EvidenceHead { check: None }).unwrap()["acts"].as_u64().unwrap();
    assert_eq!(after, noted + 1, "it is on record");
    pair.xbb.stop();
    pair.xbb.start();
    assert!(instant(&clock(&pair.xbb)["now"]) < right.saturating_add(DAY), "it stays lowered");
    pair.xbb.ask(refuse(&early)).unwrap();
    pair.drain();
    assert!(pair.agreed(&early).is_some());
}

#[test]
fn the_mark_survives_a_crash_and_is_not_lowered_without_need() {
    let mut pair = Pair::running();
    let stands = clock(&pair.xaa);
    assert!(stands["behind_seconds"].as_i64().unwrap() <= 0, "{stands}");
    let refused = pair.xaa.ask(Command::GatewayClock { lower: Some("why not".to_owned()) }).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.exit), ("clock.not_behind", ExitCode::Finding));
    let before = instant(&stands["now"]);
    pair.xaa.kill();
    pair.xaa.start();
    assert!(instant(&clock(&pair.xaa)["now"]) >= before);
    // A mark that cannot be read does not take the time away: the newest record stands in for it.
    pair.xaa.stop();
    fs::write(pair.xaa.dir.join("clock.toml"), "torn").unwrap();
    pair.xaa.start();
    assert!(instant(&clock(&pair.xaa)["now"]) >= before);
}

/// How far the clock leaps: further than the day after which a request is acknowledged automatically here, and not so far
/// that the short-lived certificates of others have ended, after which nobody is heard at all.
const LEAP: i64 = 2 * DAY;

/// Leaves the marks as a gateway does whose clock leapt to `highest` after it had run until `settled`.
fn leapt(node: &Node, highest: Timestamp, settled: Timestamp) {
    let marks = format!("highest = \"{highest}\"\nsettled = \"{settled}\"\n");
    fs::write(node.dir.join("clock.toml"), marks).unwrap();
}

fn acknowledged(node: &Node, case: &str) -> bool {
    node.show(case).unwrap()["ack_automatic"] == true
}

#[test]
fn a_clock_that_leaps_acknowledges_nothing_by_itself_before_another_party_has_come_so_far() {
    let mut pair = Pair::new();
    let file = pair.xbb.dir.join("valise.toml");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, settings + "\n[clocks]\nauto_acknowledge_days = 1\n").unwrap();
    pair.xaa.start();
    pair.xbb.start();
    let early = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&early));
    pair.drain();
    let right = instant(&clock(&pair.xbb)["now"]);
    let ahead = right.saturating_add(LEAP);
    pair.xbb.stop();
    pair.xaa.stop();
    leapt(&pair.xbb, ahead, right);
    pair.xbb.start();
    let stands = clock(&pair.xbb);
    assert_eq!(instant(&stands["now"]), ahead);
    assert!(instant(&stands["settled"]) < right.saturating_add(3600), "{stands}");
    // Its own clock says that the request has waited for two days; nobody else says so.
    assert!(!acknowledged(&pair.xbb, &early));
    // A peer whose clock is right settles no more than that.
    pair.xaa.start();
    let late = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the second request", || pair.xbb.show(&late));
    pair.drain();
    assert!(instant(&clock(&pair.xbb)["settled"]) < right.saturating_add(3600));
    pair.xbb.stop();
    pair.xbb.start();
    assert!(!acknowledged(&pair.xbb, &early), "not by a restart either");

    // Time has come so far by both clocks: then it is done, as an officer would expect who was away for so long.
    pair.xaa.stop();
    leapt(&pair.xaa, ahead, ahead);
    pair.xaa.start();
    let later = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the third request", || pair.xbb.show(&later));
    assert!(instant(&clock(&pair.xbb)["settled"]) >= ahead);
    pair.xbb.stop();
    pair.xbb.start();
    await_some("the automatic acknowledgement", || acknowledged(&pair.xbb, &early).then_some(()));
    assert!(!acknowledged(&pair.xbb, &later), "a day has not passed for this one");
    pair.drain();
    assert!(pair.agreed(&early).is_some());
}
