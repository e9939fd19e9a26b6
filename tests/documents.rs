//! Files that an officer or administrator gets wrong: each is told by code, what, why and hint, with the exit
//! code that the command line promises, and nothing is half-read.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::{Node, Pair, submit, text, valise};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use valise::offline::requests::{Example, example};

/// Checks that a verb ended with this exit code and error, and told no more than it should; returns the error.
fn told(output: &Output, exit: i32, code: &str) -> Value {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let last = said.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{code}: {said}"));
    let error = &answer["error"];
    assert_eq!((output.status.code(), &error["code"]), (Some(exit), &json!(code)), "{said}");
    for part in ["message", "hint"] {
        assert!(error[part].as_str().is_some_and(|words| !words.is_empty()), "{code} has no {part}: {said}");
    }
    assert!(output.stdout.is_empty(), "{code} gives no data");
    error.clone()
}

#[test]
fn each_bad_request_is_told_and_none_is_sent() {
    let pair = Pair::running();
    let before = pair.xaa.status()["journal"].clone();
    let file = pair.home.path().join("request.json");
    let good = example(Example::OneWeapon);
    let swapped = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1).into_bytes()
    };
    let addressee = r#""addressee": { "party": "XBB", "basis": "manufacture" },"#;
    let twice = format!(r#"{addressee} "addressee": {{ "party": "XCC", "basis": "manufacture" }},"#);
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let long = format!("{{\"//\": \"{}\"}}", "é".repeat(5 << 20)).into_bytes();
    let cases: [(&str, &str, Vec<u8>); 11] = [
        ("no JSON", "file.malformed", b"party = \"XBB\"".to_vec()),
        ("an empty file", "file.malformed", Vec::new()),
        ("half a file", "file.malformed", good.as_bytes()[..good.len() / 2].to_vec()),
        ("a list", "file.malformed", b"[]".to_vec()),
        ("10^5 lists in lists", "file.malformed", deep),
        ("an unknown field", "file.malformed", swapped(addressee, &format!("{addressee} \"colour\": 1,"))),
        ("a wrong type", "file.malformed", swapped(addressee, "\"addressee\": 7,")),
        ("a key given twice", "file.malformed", swapped(addressee, &twice)),
        (
            "an inner key given twice",
            "file.malformed",
            swapped("\"party\": \"XBB\"", "\"party\": \"XBB\", \"party\": \"XCC\""),
        ),
        ("no UTF-8", "file.unreadable", b"{\"items\": \"\xff\xfe\"}".to_vec()),
        ("ten MiB", "file.too_long", long),
    ];
    let name = file.display().to_string();
    for (what, code, bytes) in cases {
        fs::write(&file, bytes).unwrap();
        for verb in ["check", "submit"] {
            let error = told(&pair.xaa.run(&["request", verb, &name]), 65, code);
            if what.contains("twice") {
                assert!(error.to_string().contains("twice"), "{what}: {error}");
            }
        }
    }
    fs::remove_file(&file).unwrap();
    told(&pair.xaa.run(&["request", "submit", &name]), 65, "file.unreadable");
    told(
        &pair.xaa.run(&["request", "submit", &pair.home.path().display().to_string()]),
        65,
        "file.unreadable",
    );
    assert_eq!(pair.xaa.status()["journal"], before);
    assert_eq!(pair.xaa.ask(common::all_cases()).unwrap(), json!([]));
}

#[test]
fn each_denial_and_absence_has_its_exit_code() {
    let mut pair = Pair::running();
    let case = text(&pair.xaa.ask(submit()).unwrap()["case"]);
    told(&pair.xaa.run(&["case", "list", "--as", "nobody"]), 77, "officer.unknown");
    told(&pair.xaa.run(&["case", "ack", &case, "--as", "aud"]), 77, "role.denied");
    told(&pair.xaa.run(&["case", "show", "XAA-2026-999999"]), 1, "unknown.case");
    told(&pair.xaa.run(&["case", "show", "XAA-1"]), 2, "usage");
    told(&pair.xaa.run(&["peer", "ping", "XCC"]), 1, "unknown.peer");
    assert!(pair.xbb.stop().success());
    told(&pair.xaa.run(&["peer", "ping", "XBB"]), 69, "peer.unreachable");
    told(&pair.xbb.run(&["case", "list"]), 69, "control.unavailable");
}

#[test]
fn a_store_is_open_once() {
    let mut pair = Pair::new();
    pair.xaa.start();
    told(&pair.xaa.run_serve(), 78, "federation.folder");
    let error = told(
        &pair.xaa.run(&["gateway", "init", "--party", "XAA", "--officer", "x:officer"]),
        78,
        "init.exists",
    );
    assert!(error["message"].as_str().unwrap().contains("holds a gateway already"));
    assert_eq!(pair.xaa.status()["party"], "XAA", "the first one lives on");
    // Another gateway on the same port is told too.
    let settings = pair.xbb.dir.join("valise.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let taken = text.replace(&pair.xbb.port.to_string(), &pair.xaa.port.to_string());
    fs::write(&settings, taken).unwrap();
    told(&pair.xbb.run_serve(), 78, "serve.listen");
}

/// A gateway that does not run, with a file of its own to spoil.
struct Spoilt {
    pair: Pair,
    file: PathBuf,
    sound: Vec<u8>,
}

impl Spoilt {
    fn new(file: &str) -> Self {
        let pair = Pair::new();
        let file = pair.xaa.dir.join(file);
        let sound = fs::read(&file).unwrap();
        Self { pair, file, sound }
    }

    fn node(&self) -> &Node {
        &self.pair.xaa
    }

    /// Starts the gateway with this in the place of the sound file.
    fn serve(&self, spoilt: &[u8], code: &str) -> Value {
        fs::write(&self.file, spoilt).unwrap();
        told(&self.node().run_serve(), 78, code)
    }

    /// With the sound file back, the gateway starts.
    fn mends(mut self) -> Pair {
        fs::write(&self.file, &self.sound).unwrap();
        self.pair.xaa.start();
        assert!(self.pair.xaa.stop().success());
        self.pair
    }
}

#[test]
fn each_bad_setting_is_told_and_the_gateway_does_not_start() {
    let spoilt = Spoilt::new("valise.toml");
    let sound = String::from_utf8(spoilt.sound.clone()).unwrap();
    for (text, names) in [
        (format!("colour = 1\n{sound}"), "colour"),
        (sound.replace("[retry]", "[retry]\nnever = 1"), "retry.never"),
        (sound.replace("\"XAA\"", "\"GHA\""), "profile.demo"),
        (sound.replace("first_seconds = 1", "first_seconds = \"soon\""), "retry.first_seconds"),
        (sound.replace("role = \"officer\"", "role = \"king\""), "role"),
        (format!("{sound}\nparty = "), ""),
    ] {
        let error = spoilt.serve(text.as_bytes(), "config.invalid");
        assert!(error.to_string().contains(names), "{names}: {error}");
        let checked = spoilt.node().run(&["config", "check", &spoilt.file.display().to_string()]);
        let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!((checked.status.code(), &report["data"]["valid"]), (Some(78), &json!(false)));
        assert!(report["data"]["problems"].to_string().contains(names));
    }
    spoilt.serve(b"party = \"\xff\"", "config.unreadable");
    spoilt.mends();
}

#[test]
fn a_credential_that_is_missing_or_wrong_is_told() {
    let spoilt = Spoilt::new("credential");
    let mut wrong = spoilt.sound.clone();
    wrong[7] ^= 1;
    spoilt.serve(&wrong, "serve.keys");
    spoilt.serve(&spoilt.sound[..31], "serve.keys");
    spoilt.serve(b"", "serve.keys");
    fs::remove_file(&spoilt.file).unwrap();
    told(&spoilt.node().run_serve(), 78, "serve.keys");
    spoilt.mends();
}

#[test]
fn a_key_file_with_a_flipped_bit_is_told() {
    for name in ["seal", "log", "issuing", "body"] {
        let spoilt = Spoilt::new(&format!("keys/{name}.key"));
        let mut flipped = spoilt.sound.clone();
        flipped[spoilt.sound.len() / 2] ^= 1;
        spoilt.serve(&flipped, "serve.keys");
        spoilt.mends();
    }
}

#[test]
fn a_directory_with_a_changed_bit_is_told() {
    let spoilt = Spoilt::new("federation/directory");
    let length = spoilt.sound.len();
    for at in (0..8).map(|eighth| eighth * length / 8 + 50) {
        let mut changed = spoilt.sound.clone();
        changed[at] ^= 1;
        let error = spoilt.serve(&changed, "federation.damaged");
        assert!(error["cause"].is_string(), "byte {at}: {error}");
    }
    spoilt.serve(&spoilt.sound[..length / 2], "federation.damaged");
    spoilt.serve(b"", "federation.damaged");
    spoilt.mends();
}

#[test]
fn a_gateway_that_has_joined_nothing_does_not_serve_and_says_how_to_join() {
    let pair = Pair::apart();
    let error = told(&pair.xaa.run_serve(), 78, "federation.none");
    assert!(error["hint"].as_str().unwrap().contains("identity request"), "{error}");
}

#[test]
fn a_journal_that_was_damaged_at_rest_is_told_and_left_alone() {
    let mut pair = Pair::running();
    let cases: Vec<String> = (0..3).map(|_| text(&pair.xaa.ask(submit()).unwrap()["case"])).collect();
    pair.drain();
    assert!(pair.xaa.stop().success());
    let spoilt = Spoilt { file: journal(&pair.xaa.store()), sound: Vec::new(), pair };
    let sound = fs::read(&spoilt.file).unwrap();
    let mut damaged = sound.clone();
    // The head of the first group, which a rebuild must read.
    damaged[100] ^= 4;
    fs::remove_dir_all(spoilt.node().store().join("index")).unwrap();
    let error = spoilt.serve(&damaged, "serve.store");
    assert!(error["message"].as_str().unwrap().contains("journal-"), "{error}");
    assert_eq!(fs::read(&spoilt.file).unwrap(), damaged, "nothing is cut, nothing is guessed");
    let spoilt = Spoilt { sound, ..spoilt };
    let mut pair = spoilt.mends();
    pair.xaa.start();
    cases.iter().for_each(|case| assert!(pair.agreed(case).is_some()));
}

fn journal(store: &Path) -> PathBuf {
    let files = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "vj")).max().unwrap()
}

#[test]
fn an_addressee_that_does_not_answer_for_a_former_state_is_told_at_submit() {
    let mut pair = Pair::new();
    pair.xaa.start();
    let file = pair.home.path().join("request.json");
    let made = |basis: &str| {
        let good = example(Example::OneWeapon);
        let country = r#""country_of_manufacture": { "state": "value", "value": "XBB" }"#;
        assert!(good.contains(country));
        let text = good.replace(country, &country.replace("XBB", "SUHH"));
        let party = r#"{ "party": "XBB", "basis": "manufacture" }"#;
        assert!(text.contains(party));
        let reason =
            format!(r#"{{ "party": "XBB", "basis": "{basis}", "reason": "XBB keeps the ledgers" }}"#);
        fs::write(&file, text.replace(party, &reason)).unwrap();
        pair.xaa.run(&["request", "submit", &file.display().to_string(), "--exercise"])
    };
    let error = told(&made("manufacture"), 1, "request.no_successor");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("RUS (known here: letter to the Secretary-General"), "{hint}");
    let sent = made("other");
    assert!(sent.status.success(), "an officer's own choice: {}", String::from_utf8_lossy(&sent.stderr));
}

#[test]
fn the_command_line_itself_is_checked() {
    for words in
        [vec!["case", "show"], vec!["peer", "ping", "Atlantis"], vec!["deadline", "list", "--colour"]]
    {
        told(&valise(&[&words[..], &["--json"]].concat()), 2, "usage");
    }
}
