//! `gateway doctor` on real gateways: the first real cause, with its fix, running and stopped.

mod common;

use common::founded::federate;
use common::relay::Relay;
use common::{Node, Pair, submit};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Runs the doctor; returns its exit code and what it found.
fn doctor(node: &Node) -> (i32, Value) {
    let output = node.run(&["gateway", "doctor"]);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(told["schema"], "valise.gateway.doctor/1");
    (output.status.code().expect("it ends by itself"), told["data"].clone())
}

fn check<'v>(found: &'v Value, id: &str) -> &'v Value {
    let checks = found["checks"].as_array().expect("a list of checks");
    checks.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no check {id} in {found}"))
}

#[test]
fn two_gateways_that_reach_each_other_are_well_running_or_stopped() {
    let mut pair = Pair::running();
    pair.xaa.ask(submit()).expect("a request");
    pair.drain();
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["healthy"], &found["running"]), (0, &true.into(), &true.into()), "{found}");
    for id in [
        "clock",
        "disk",
        "store",
        "federation",
        "credential",
        "keys",
        "certificates",
        "directory",
        "prekeys",
        "peer:XBB",
    ] {
        assert_eq!(check(&found, id)["status"], "ok", "{id} in {found}");
    }
    assert!(pair.xaa.stop().success());
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["running"]), (0, &false.into()), "{found}");
    assert_eq!(check(&found, "peer:XBB")["status"], "ok");
    assert!(check(&found, "clock")["detail"].as_str().is_some_and(|d| d.contains("newest record is of")));
    pair.xaa.start();
    pair.xaa.ask(submit()).expect("the gateway works on after it was examined");
}

#[test]
fn a_peer_that_is_down_is_named_and_nothing_else_fails() {
    let mut pair = Pair::running();
    pair.xbb.stop();
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["cause"]), (1, &"peer:XBB".into()), "{found}");
    let fix = check(&found, "peer:XBB")["fix"].as_str().expect("a fix");
    assert!(fix.contains(&format!("127.0.0.1:{}", pair.xbb.port)), "{fix}");
}

#[test]
fn a_lost_credential_is_the_first_cause_and_its_consequences_are_skipped() {
    let pair = Pair::new();
    fs::remove_file(pair.xaa.dir.join("credential")).expect("it was there");
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["cause"]), (1, &"credential".into()), "{found}");
    let failed = found["checks"].as_array().expect("checks").iter().filter(|c| c["status"] == "fail").count();
    assert_eq!(failed, 1, "{found}");
    for id in ["keys", "store", "certificates", "prekeys"] {
        assert_eq!(check(&found, id)["status"], "skip", "{id}");
    }
}

#[test]
fn a_credential_that_others_can_read_and_a_damaged_store_are_told_apart() {
    let mut pair = Pair::running();
    pair.xaa.ask(submit()).expect("a request");
    pair.xaa.stop();
    let credential = pair.xaa.dir.join("credential");
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o644)).expect("chmod");
    let (_, found) = doctor(&pair.xaa);
    assert_eq!(check(&found, "credential")["fix"], format!("chmod 600 {}", credential.display()));
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o600)).expect("chmod");

    let mut journals: Vec<_> =
        fs::read_dir(pair.xaa.store()).expect("a store").flatten().map(|e| e.path()).collect();
    journals.retain(|path| path.is_file() && path.metadata().is_ok_and(|m| m.len() > 2_000));
    journals.sort();
    let mut bytes = fs::read(&journals[0]).expect("a journal");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&journals[0], bytes).expect("one bit is flipped");
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["cause"]), (1, &"store".into()), "{found}");
    assert_eq!(check(&found, "peer:XBB")["status"], "skip");
}

#[test]
fn a_gateway_that_has_joined_nothing_is_told_how() {
    let pair = Pair::apart();
    let (code, found) = doctor(&pair.xaa);
    assert_eq!((code, &found["cause"]), (1, &"federation".into()), "{found}");
    assert!(check(&found, "federation")["fix"].as_str().is_some_and(|fix| fix.contains("identity request")));
    for id in ["store", "certificates", "directory", "freshness", "prekeys", "listen"] {
        assert_eq!(check(&found, id)["status"], "skip", "{id} in {found}");
    }
}

#[test]
fn a_chain_that_does_not_fit_is_named_before_what_follows_from_it() {
    let pair = Pair::new();
    // The certificates of one gateway beside the keys of another.
    for name in ["seal", "log", "issuing"] {
        let file = format!("pki/{name}.pem");
        let sound = fs::read(pair.xaa.dir.join(&file)).expect("a certificate");
        fs::copy(pair.xbb.dir.join(&file), pair.xaa.dir.join(&file)).expect("it is replaced");
        let (code, found) = doctor(&pair.xaa);
        assert_eq!((code, &found["cause"]), (1, &"certificates".into()), "{name}: {found}");
        let told = check(&found, "certificates");
        assert!(told["detail"].as_str().is_some_and(|d| d.contains(name)), "{told}");
        assert!(told["fix"].as_str().is_some_and(|fix| fix.contains("from the last backup")), "{told}");
        fs::write(pair.xaa.dir.join(&file), sound).expect("it is put back");
    }
    assert_eq!(check(&doctor(&pair.xaa).1, "certificates")["status"], "ok");
}

#[test]
fn a_stale_directory_and_a_relay_that_is_down_are_named_with_what_to_do() {
    let home = tempfile::tempdir().expect("a folder");
    let words = ["--relay", "org:relay-west"];
    let mut xaa = Node::init_with(home.path(), "XAA", &words);
    let relay = Relay::init(home.path(), "relay-west", "");
    federate(&[&xaa.dir, &relay.dir], &[], 2);
    xaa.start();
    std::thread::sleep(Duration::from_secs(3));
    for running in [true, false] {
        if !running {
            xaa.stop();
        }
        let (code, found) = doctor(&xaa);
        assert_eq!((code, &found["cause"]), (1, &"freshness".into()), "{found}");
        let stale = check(&found, "freshness");
        assert!(stale["fix"].as_str().is_some_and(|fix| fix.contains("valise federation sync")), "{stale}");
        assert!(stale["detail"].as_str().is_some_and(|d| d.contains("nothing restricted leaves")), "{stale}");
        let down = check(&found, "peer:org:relay-west");
        assert_eq!(down["status"], "fail", "{found}");
        assert!(down["fix"].as_str().is_some_and(|f| f.contains(&relay.port.to_string())), "{down}");
        assert_eq!(check(&found, "certificates")["status"], "ok");
    }
}

#[test]
fn a_disk_below_its_floor_is_the_first_cause_running_or_stopped() {
    let mut pair = Pair::running();
    pair.xaa.stop();
    let settings = pair.xaa.dir.join("valise.toml");
    let text = fs::read_to_string(&settings).expect("settings");
    // The highest floor that may be set, in place of a disk that is filled; that is `tests/full-disk.sh`.
    let high = text.replace("free_floor_mib = 16\n", "free_floor_mib = 1048576\n");
    assert_ne!(high, text);
    fs::write(&settings, high).expect("settings are written");
    for running in [false, true] {
        if running {
            pair.xaa.start();
        }
        let (code, found) = doctor(&pair.xaa);
        let disk = check(&found, "disk");
        if disk["status"] == "ok" {
            eprintln!("SKIPPED: more than 1 TiB is free here: {disk}");
            return;
        }
        assert_eq!((code, &found["cause"]), (1, &"disk".into()), "{found}");
        let fix = disk["fix"].as_str().expect("a fix");
        assert!(fix.starts_with("free ") && fix.ends_with("MiB on the disk of the store"), "{fix}");
        assert_eq!(check(&found, "store")["status"], "skip", "{found}");
    }
    let refused = pair.xaa.ask(submit()).expect_err("nothing new is taken");
    assert!(refused.message.contains("disk"), "{refused:?}");
}
