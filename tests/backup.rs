//! A gateway loses its disk and is restored from a backup: nothing that was acknowledged is lost, no head that it ever
//! signed is contradicted, and it says nothing in its party's name before it has back what came after the backup.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::{Node, Pair, acknowledge, await_some, refuse, request, submit, text, valise};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use valise::control::{Command, ExitCode};
use valise::model::{Addressee, AddresseeBasis, Sensitive};

/// What a gateway shows of a case, but for what only its own journal or the moment says.
fn shown(node: &Node, case: &str) -> Value {
    let mut view = node.show(case).unwrap_or_else(|| panic!("{} does not know {case}", node.code));
    let acts = view["acts"].as_array_mut().unwrap();
    acts.sort_by_key(|act| act["digest"].to_string());
    view
}

fn code(output: &Output) -> (Option<i32>, String) {
    let error: Value = serde_json::from_slice(&output.stderr).unwrap_or(Value::Null);
    (output.status.code(), error["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Where a drill keeps its backup and the secret that opens it.
struct Safe {
    file: PathBuf,
    credential: PathBuf,
}

impl Safe {
    fn at(home: &Path) -> Self {
        Self { file: home.join("xbb.backup"), credential: home.join("backup-credential") }
    }

    fn fill(&self, node: &Node) -> Value {
        let (file, credential) = (self.file.display().to_string(), self.credential.display().to_string());
        let made =
            node.run(&["gateway", "backup", "-o", &file, "--credential", &credential, "--make-credential"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        serde_json::from_slice::<Value>(&made.stdout).unwrap()["data"].clone()
    }

    fn restore(&self, dir: &Path, party: &str) -> Output {
        let (file, credential) = (self.file.display().to_string(), self.credential.display().to_string());
        let dir = dir.display().to_string();
        let words = ["gateway", "restore", &file, "--credential", &credential, "--party", party];
        valise(&[&words[..], &["--data", &dir, "--json"]].concat())
    }
}

/// The names of the prekeys of which a folder holds the private half.
fn prekeys(dir: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(dir.join("keys")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("prekey-") && name.ends_with(".key")).collect()
}

fn lose_disk(pair: &mut Pair) {
    pair.xbb.kill();
    fs::rename(&pair.xbb.dir, pair.home.path().join("lost")).unwrap();
}

/// A request of XBB to XAA.
fn ask_back() -> Command {
    let mut request = request();
    let reason = Some(Sensitive::new("it is the other side of this drill".to_owned()));
    let named = |_| Addressee { party: "XAA".parse().unwrap(), basis: AddresseeBasis::Other, reason };
    request.addressee = request.addressee.map(named);
    let to = Some("XAA".parse().unwrap());
    let request = Box::new(request);
    Command::RequestSubmit { request, to, incomplete: None, exercise: true, on_behalf_of: None, via: None }
}

fn await_recovered(node: &Node) {
    await_some("the end of the recovery", || (node.status()["recovery"] == json!([])).then_some(()));
}

#[test]
fn nothing_acknowledged_is_lost_with_a_disk() {
    let mut pair = Pair::running();
    let safe = Safe::at(pair.home.path());
    let early = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&early));
    pair.xbb.ask(acknowledge(&early)).unwrap();
    pair.drain();
    let made = safe.fill(&pair.xbb);
    assert_eq!((&made["running"], &made["party"]), (&json!(true), &json!("XBB")), "{made}");

    // Both go on, in both directions: an act in an old case, new cases of both, and acts in them.
    pair.xbb.ask(refuse(&early)).unwrap();
    let late = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the second request", || pair.xbb.show(&late));
    pair.xbb.ask(acknowledge(&late)).unwrap();
    let back = text(&pair.xbb.ask(ask_back()).unwrap()["case"]);
    await_some("the request of the other side", || pair.xaa.show(&back));
    pair.xaa.ask(acknowledge(&back)).unwrap();
    pair.drain();
    let cases = [&early, &late, &back];
    let before = cases.map(|case| shown(&pair.xbb, case));
    let theirs = cases.map(|case| shown(&pair.xaa, case));
    let lost_prekeys = prekeys(&pair.xbb.dir);

    lose_disk(&mut pair);
    let restored = safe.restore(&pair.xbb.dir.clone(), "XBB");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(prekeys(&pair.xbb.dir).is_empty(), "no prekey is in a backup");
    pair.xbb.start();
    await_recovered(&pair.xbb);
    assert!(prekeys(&pair.xbb.dir).is_disjoint(&lost_prekeys));
    for (case, before) in cases.iter().zip(&before) {
        assert_eq!(shown(&pair.xbb, case), *before, "{case}");
    }
    for (case, theirs) in cases.iter().zip(&theirs) {
        assert_eq!(shown(&pair.xaa, case), *theirs, "{case}");
        assert!(pair.agreed(case).is_some());
    }

    // Exchange goes on in both directions, and nobody sees a contradiction.
    let next = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("a request after the restore", || pair.xbb.show(&next));
    pair.xbb.ask(refuse(&next)).unwrap();
    pair.xbb.ask(refuse(&late)).unwrap();
    let again = text(&pair.xbb.ask(ask_back()).unwrap()["case"]);
    assert!(!cases.contains(&&again), "no number is given twice");
    await_some("a request of the restored side", || pair.xaa.show(&again));
    pair.drain();
    for node in [&pair.xaa, &pair.xbb] {
        assert_eq!(node.status()["alarms"], json!([]), "{}", node.code);
    }
    for case in [&early, &late, &back, &next, &again] {
        assert!(pair.agreed(case).is_some());
        for node in [&pair.xaa, &pair.xbb] {
            judge(&pair, node, case);
        }
    }
}

/// The dossier of either side holds, offline.
fn judge(pair: &Pair, node: &Node, case: &str) {
    let file = pair.home.path().join(format!("{}-{case}.dossier", node.code)).display().to_string();
    let made = node.run(&["evidence", "export", case, "-o", &file]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let judged = valise(&["--json", "evidence", "verify", &file, "--anchor", &pair.anchor()]);
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let code = judged.status.code();
    assert_eq!(code, Some(0), "{} of {case}: {:#}", node.code, report["data"]["findings"]);
}

#[test]
fn a_restored_gateway_is_silent_until_an_officer_goes_on_without_a_peer_that_stays_away() {
    let mut pair = Pair::running();
    let safe = Safe::at(pair.home.path());
    let early = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&early));
    pair.drain();
    pair.xbb.stop();
    let made = safe.fill(&pair.xbb);
    assert_eq!(made["running"], false);
    pair.xbb.start();
    pair.xbb.ask(acknowledge(&early)).unwrap();
    pair.drain();
    pair.xaa.stop();
    lose_disk(&mut pair);
    assert!(safe.restore(&pair.xbb.dir.clone(), "XBB").status.success());
    pair.xbb.start();

    for said in [acknowledge(&early), refuse(&early), ask_back()] {
        let refused = pair.xbb.ask(said).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.exit), ("gateway.recovering", ExitCode::TryLater));
    }
    let export = Command::EvidenceExport { case: early.parse().unwrap(), elements: None, permit: None };
    assert_eq!(pair.xbb.ask(export).unwrap_err().code, "gateway.recovering");
    let status = pair.xbb.status();
    assert_eq!(status["recovery"][0]["peer"], "XAA", "{status}");
    let doctor = pair.xbb.ask(Command::GatewayDoctor).unwrap();
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["id"] == "recovery").unwrap();
    assert_eq!(check["status"], "fail");
    assert!(check["fix"].as_str().unwrap().contains("--without XAA"), "{check}");

    let go_on = |state: &str| Command::GatewayRecover {
        without: state.parse().unwrap(),
        reason: "its line is down for a month".to_owned(),
    };
    assert_eq!(pair.xbb.ask(go_on("XCC")).unwrap_err().exit, ExitCode::Finding);
    pair.xbb.ask(go_on("XAA")).unwrap();
    pair.xbb.ask(refuse(&early)).unwrap();
    // It stays decided, and the peer is asked all the same.
    pair.xbb.stop();
    pair.xbb.start();
    assert_eq!(pair.xbb.status()["recovery"][0]["without"], "one");
    pair.xaa.start();
    await_recovered(&pair.xbb);
    pair.drain();
    let case = pair.agreed(&early).unwrap();
    let kinds: Vec<&str> =
        case["acts"].as_array().unwrap().iter().filter_map(|act| act["kind"].as_str()).collect();
    assert!(kinds.contains(&"acknowledgement") && kinds.contains(&"refusal"), "{kinds:?}");
}

#[test]
fn what_is_no_sound_backup_of_this_party_is_refused_and_nothing_is_overwritten() {
    let pair = Pair::new();
    let safe = Safe::at(pair.home.path());
    let attachment = Path::new("store/attachments").join("ab".repeat(32));
    fs::create_dir_all(pair.xbb.dir.join("store/attachments")).unwrap();
    fs::write(pair.xbb.dir.join(&attachment), vec![7; 300_000]).unwrap();
    safe.fill(&pair.xbb);
    let empty = |name: &str| pair.home.path().join(name);
    let untouched = |dir: &Path| assert!(!dir.join("valise.toml").exists() && !dir.join("keys").exists());

    let wrong = Safe { credential: empty("wrong"), file: safe.file.clone() };
    fs::write(&wrong.credential, [9; 32]).unwrap();
    let dir = empty("one");
    assert_eq!(code(&wrong.restore(&dir, "XBB")), (Some(77), "backup.credential".to_owned()));
    untouched(&dir);
    fs::write(&wrong.credential, [9; 31]).unwrap();
    assert_eq!(code(&wrong.restore(&dir, "XBB")).0, Some(78));
    assert_eq!(code(&safe.restore(&dir, "XAA")), (Some(65), "backup.other".to_owned()));

    let bytes = fs::read(&safe.file).unwrap();
    let spoiled = Safe { file: empty("spoiled"), credential: safe.credential.clone() };
    let mut flips: Vec<usize> = (0..bytes.len()).step_by(bytes.len() / 40).collect();
    flips.push(bytes.len() - 1);
    for at in flips {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&spoiled.file, &flipped).unwrap();
        assert_eq!(
            code(&spoiled.restore(&dir, "XBB")),
            (Some(65), "backup.unreadable".to_owned()),
            "byte {at}"
        );
        fs::write(&spoiled.file, &bytes[..at]).unwrap();
        assert_eq!(
            code(&spoiled.restore(&dir, "XBB")),
            (Some(65), "backup.unreadable".to_owned()),
            "cut at {at}"
        );
        untouched(&dir);
    }
    fs::write(&spoiled.file, b"no backup at all").unwrap();
    assert_eq!(code(&spoiled.restore(&dir, "XBB")).0, Some(65));
    assert_eq!(code(&Safe { file: empty("nowhere"), ..spoiled }.restore(&dir, "XBB")).0, Some(1));

    // Where a gateway is, none is restored; and no file is written over.
    let before = fs::read(pair.xbb.dir.join("valise.toml")).unwrap();
    assert_eq!(code(&safe.restore(&pair.xbb.dir, "XBB")), (Some(78), "backup.exists".to_owned()));
    assert_eq!(fs::read(pair.xbb.dir.join("valise.toml")).unwrap(), before);
    let (file, credential) = (safe.file.display().to_string(), safe.credential.display().to_string());
    let again = pair.xbb.run(&["gateway", "backup", "-o", &file, "--credential", &credential]);
    assert_eq!(code(&again), (Some(78), "backup.exists".to_owned()));
    assert_eq!(fs::read(&safe.file).unwrap(), bytes);

    assert!(safe.restore(&dir, "XBB").status.success());
    assert!(dir.join("valise.toml").exists());
    assert_eq!(fs::read(dir.join(&attachment)).unwrap(), vec![7; 300_000]);
}

/// Has the restored side ask for two officers, the second of whom has no key of his own, as a demo allows.
fn two_officers(pair: &Pair) {
    let file = pair.xbb.dir.join("valise.toml");
    let settings = fs::read_to_string(&file).unwrap().replace("approvals = 1", "approvals = 2");
    fs::write(&file, settings + "\n[[officer]]\nname = \"two\"\nrole = \"supervisor\"\n").unwrap();
}

/// Tells how an act that waited stands, and lets the second officer agree to it.
fn approve(node: &Node, id: &str) -> (i32, Value) {
    let out = node.run(&["approval", "approve", id, "--as", "two", "--yes"]);
    let shown = if out.status.success() { out.stdout } else { out.stderr };
    (out.status.code().unwrap(), serde_json::from_slice(&shown).unwrap())
}

#[test]
fn acts_that_waited_for_a_second_officer_survive_and_none_goes_out_twice() {
    let mut pair = Pair::new();
    two_officers(&pair);
    pair.xaa.start();
    pair.xbb.start();
    let safe = Safe::at(pair.home.path());
    let case = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    await_some("the request", || pair.xbb.show(&case));
    let hold = |command: Command| {
        let made = pair.xbb.ask(command).unwrap();
        assert_eq!(made["state"], "awaiting_approval", "{made}");
        text(&made["approval"])
    };
    let (ack, no, asked) = (hold(acknowledge(&case)), hold(refuse(&case)), hold(ask_back()));
    safe.fill(&pair.xbb);
    // After the backup two of them go out, and another one is written.
    assert_eq!(approve(&pair.xbb, &ack).0, 0);
    assert_eq!(approve(&pair.xbb, &asked).0, 0);
    let lost = hold(ask_back());
    pair.drain();
    let back = await_some("the request of the other side", || {
        let all = pair.xaa.ask(valise::control::Command::CaseList { after: None, limit: 9 }).unwrap();
        let found = all.as_array().unwrap().iter().find(|view| view["role"] == "requested")?;
        Some(text(&found["case"]))
    });

    lose_disk(&mut pair);
    assert!(safe.restore(&pair.xbb.dir.clone(), "XBB").status.success());
    pair.xbb.start();
    await_recovered(&pair.xbb);
    let waiting = pair.xbb.ask(Command::ApprovalList).unwrap();
    let ids: Vec<&Value> = waiting.as_array().unwrap().iter().map(|view| &view["id"]).collect();
    assert_eq!(ids, [&json!(no)], "what went out waits no longer, what did not still does: {waiting}");
    for gone in [&ack, &asked] {
        let (exit, error) = approve(&pair.xbb, gone);
        assert_eq!((exit, &error["error"]["code"]), (77, &json!("case.held_ended")), "{error}");
    }
    let (exit, error) = approve(&pair.xbb, &lost);
    assert_eq!((exit, &error["error"]["code"]), (1, &json!("unknown.approval")), "{error}");
    assert!(pair.xbb.show(&back).is_some());
    assert_eq!(approve(&pair.xbb, &no).0, 0);
    pair.drain();
    let kinds = |case: &str| {
        let case = pair.agreed(case).unwrap();
        case["acts"].as_array().unwrap().iter().map(|act| text(&act["kind"])).collect::<BTreeSet<_>>()
    };
    assert!(kinds(&case).is_superset(&["acknowledgement", "refusal"].map(str::to_owned).into()));
    assert_eq!(kinds(&back), ["request".to_owned()].into(), "one request, not two");
}

#[test]
fn files_of_acts_that_came_back_are_asked_for_again() {
    let mut pair = Pair::running();
    let safe = Safe::at(pair.home.path());
    safe.fill(&pair.xbb);
    let picture = [&[0xff, 0xd8, 0xff], vec![7; 400_000].as_slice()].concat();
    fs::write(pair.home.path().join("left.jpg"), &picture).unwrap();
    let mut form: Value = serde_json::from_str(valise::offline::requests::example(
        valise::offline::requests::Example::OneWeapon,
    ))
    .unwrap();
    form["items"][0]["photographs"] = json!([{ "shows": "left side", "path": "left.jpg" }]);
    let file = pair.home.path().join("request.json");
    fs::write(&file, form.to_string()).unwrap();
    let made = pair.xaa.run(&["request", "submit", &file.display().to_string(), "--exercise"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let case = text(&serde_json::from_slice::<Value>(&made.stdout).unwrap()["data"]["case"]);
    let verified = |pair: &Pair| {
        await_some("the photograph", || {
            pair.xbb.show(&case)?;
            let listed = pair.xbb.run(&["case", "attachment", &case]);
            let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
            (listed["data"]["files"][0]["state"] == "verified").then_some(())
        });
    };
    verified(&pair);
    pair.drain();
    lose_disk(&mut pair);
    assert!(safe.restore(&pair.xbb.dir.clone(), "XBB").status.success());
    let kept = fs::read_dir(pair.xbb.dir.join("store/attachments")).unwrap();
    let kept: u64 = kept.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(kept < 100_000, "the photograph is not in the backup: {kept} bytes");
    pair.xbb.start();
    await_recovered(&pair.xbb);
    verified(&pair);
    let out = pair.home.path().join("out").display().to_string();
    let written = pair.xbb.run(&["case", "attachment", &case, "-o", &out]);
    let written: Value = serde_json::from_slice(&written.stdout).unwrap();
    assert_eq!(fs::read(text(&written["data"]["written"][0])).unwrap(), picture);
}
