//! The binary as scripts see it: exit codes, and JSON on the right stream.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use std::process::{Command, Output};

fn valise(home: &std::path::Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_valise"))
        .args(words)
        .env_clear()
        .env("HOME", home)
        .output()
        .expect("the binary starts")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn errors_are_json_on_stderr_with_their_exit_codes() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().display().to_string();
    let file = home.path().join("no.json");
    std::fs::write(&file, "{\"items\": [}").unwrap();
    let file = file.display().to_string();
    for (words, exit, code) in [
        (vec!["case", "burn", "--json"], 2, "usage"),
        (vec!["--json"], 2, "usage"),
        (vec!["case", "list", "--json", "--data", &folder], 69, "control.unavailable"),
        (vec!["inbox", "list", "--json", "--profile", "nowhere"], 78, "config.unknown_profile"),
        (vec!["config", "show", "--json", "--data", &folder], 78, "config.unreadable"),
        (vec!["request", "check", &file, "--json"], 65, "file.malformed"),
        (vec!["request", "submit", &file, "--json"], 65, "file.malformed"),
        (vec!["demo", "link", "XCC", "--up", "--json"], 2, "demo.state"),
        (vec!["demo", "link", "XBB", "--up", "--json"], 78, "demo.not_ours"),
    ] {
        let output = valise(home.path(), &words);
        assert_eq!(output.status.code(), Some(exit), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        let error = json(&output.stderr);
        assert_eq!(error["schema"], "valise.error/1");
        assert_eq!(error["error"]["code"], code, "{words:?}");
        for key in ["message", "hint"] {
            assert!(error["error"][key].as_str().is_some_and(|text| !text.is_empty()), "{words:?} {key}");
        }
        assert!(error["error"].get("cause").is_some(), "{words:?}");
    }
}

#[test]
fn an_error_without_json_is_text_without_colours_in_a_pipe() {
    let home = tempfile::tempdir().unwrap();
    let output = valise(home.path(), &["case", "list", "--data", "/nowhere"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: no node answers at /nowhere/gateway.sock"), "{text}");
    assert!(text.contains("\nhint: start it with `valise gateway serve --data /nowhere`"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_new_request_is_incomplete_and_the_example_is_not() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    let (form, example) = (path("form.json"), path("example.json"));
    assert!(valise(home.path(), &["request", "new", "-o", &form]).status.success());
    assert!(valise(home.path(), &["request", "new", "--example", "-o", &example]).status.success());
    let found = valise(home.path(), &["request", "check", &form, "--json"]);
    let report = json(&found.stdout);
    assert_eq!((found.status.code(), &report["schema"]), (Some(1), &Value::from("valise.request.check/1")));
    assert_eq!(report["data"]["complete"], false);
    assert!(report["data"]["missing"].as_array().is_some_and(|m| m.len() > 5));
    let found = valise(home.path(), &["request", "check", &example, "--json"]);
    assert_eq!(
        (found.status.code(), &json(&found.stdout)["data"]["complete"]),
        (Some(0), &Value::Bool(true))
    );
    let again = valise(home.path(), &["request", "new", "-o", &form, "--json"]);
    assert_eq!(
        (again.status.code(), &json(&again.stderr)["error"]["code"]),
        (Some(1), &"file.exists".into())
    );
}

#[test]
fn help_and_version_end_well() {
    let home = tempfile::tempdir().unwrap();
    for words in [["--help"], ["--version"]] {
        let output = valise(home.path(), &words);
        assert!(output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[test]
fn nothing_runs_before_a_demo_starts() {
    let home = tempfile::tempdir().unwrap();
    let output = valise(home.path(), &["demo", "status", "--json"]);
    let states = &json(&output.stdout)["data"]["states"];
    assert_eq!(states[0]["state"], "XAA");
    assert_eq!((&states[0]["node"], &states[1]["node"]), (&Value::Bool(false), &Value::Bool(false)));
    assert!(valise(home.path(), &["demo", "stop"]).status.success(), "stopping nothing is done");
}

#[test]
fn the_whole_story_holds_between_two_states() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("demo").display().to_string();
    let output = valise(home.path(), &["demo", "run", "--data", &data, "--json"]);
    let answer = json(&output.stdout);
    let failed: Vec<&Value> = answer["data"]["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|step| step["held"] != true)
        .collect();
    assert_eq!((output.status.code(), failed), (Some(0), vec![]));
    assert_eq!(answer["data"]["steps"].as_array().map(Vec::len), Some(13));
    let states = valise(home.path(), &["demo", "status", "--data", &data, "--json"]);
    let states = &json(&states.stdout)["data"]["states"];
    assert!((0..2).all(|i| states[i]["node"] == false && states[i]["forwarder"] == false), "all is ended");
}
