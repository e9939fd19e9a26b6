//! The demo's own verbs may be given again and again: each leads to the state that it names.

mod common;

use common::VALISE;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A demo that ends with the drill, however that ends.
struct Demo(tempfile::TempDir);

impl Demo {
    fn verb(&self, words: &[&str]) -> Value {
        let output = Command::new(VALISE)
            .args(words)
            .args(["--json", "--yes", "--data"])
            .arg(self.folder())
            .env_remove("VALISE_PROFILE")
            .env("HOME", self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("an answer in JSON")
    }

    /// What a verb of the demo says of both States: node and forwarder run, and the link.
    fn states(&self, words: &[&str]) -> [(bool, bool, String); 2] {
        let answer = self.verb(words);
        [0, 1].map(|nth| {
            let state = &answer["data"]["states"][nth];
            let runs = |what: &str| state[what].as_bool().expect("a node runs or does not");
            (
                runs("node"),
                runs("forwarder"),
                state["link"].as_str().expect("a link is up or down").to_owned(),
            )
        })
    }

    /// The process numbers of all that runs.
    fn processes(&self) -> Vec<String> {
        let of = |name: &str| std::fs::read_to_string(self.folder().join("run").join(name));
        let names = ["node-xaa.pid", "node-xbb.pid", "forwarder-xaa.pid", "forwarder-xbb.pid"];
        let relay = ["node-relay-west.pid", "to-relay-xaa.pid", "to-relay-xbb.pid"];
        names.iter().chain(&relay).filter_map(|name| of(name).ok()).collect()
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("demo")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let folder = self.folder();
        // Its processes are not ours by birth; a drill that fails must leave none behind.
        let _ = Command::new(VALISE).args(["demo", "stop", "--data"]).arg(folder).output();
    }
}

#[test]
fn each_verb_of_the_demo_may_be_given_twice() {
    let demo = Demo(tempfile::tempdir().expect("a folder for the drill"));
    let all = |runs: bool, xbb: &str| [(runs, runs, "up".to_owned()), (runs, runs, xbb.to_owned())];
    assert_eq!(demo.states(&["demo", "stop"]), all(false, "up"), "stopping nothing is done");
    assert_eq!(demo.states(&["demo", "start"]), all(true, "up"));
    let first = demo.processes();
    assert_eq!(first.len(), 7);
    assert_eq!(demo.states(&["demo", "start"]), all(true, "up"));
    assert_eq!(demo.processes(), first, "what runs is left running");
    for (way, link) in [("--down", "down"), ("--down", "down"), ("--up", "up"), ("--up", "up")] {
        assert_eq!(demo.states(&["demo", "link", "XBB", way]), all(true, link));
        assert_eq!(demo.states(&["demo", "status"]), all(true, link));
    }
    let at = demo.folder();
    let case = submitted(&demo, &at);
    assert_eq!(demo.states(&["demo", "stop"]), all(false, "up"));
    assert_eq!(demo.states(&["demo", "stop"]), all(false, "up"));
    assert!(demo.processes().is_empty());
    assert_eq!(demo.states(&["demo", "start"]), all(true, "up"));
    assert_eq!(cases(&at), [case], "a stopped demo keeps its cases");
    demo.verb(&["demo", "reset"]);
    assert!(!at.exists());
    demo.verb(&["demo", "reset"]);
    assert_eq!(demo.states(&["demo", "status"]), all(false, "up"));
}

fn submitted(demo: &Demo, at: &Path) -> String {
    let file = demo.0.path().join("request.json").display().to_string();
    let new = common::valise(&["request", "new", "--example", "-o", &file]);
    assert!(new.status.success());
    let data = at.join("xaa").display().to_string();
    let sent = common::valise(&["request", "submit", &file, "--data", &data, "--json"]);
    let answer: Value = serde_json::from_slice(&sent.stdout).expect("it is submitted");
    common::text(&answer["data"]["case"])
}

fn cases(at: &Path) -> Vec<String> {
    let data = at.join("xaa").display().to_string();
    let list = common::valise(&["case", "list", "--data", &data, "--json"]);
    let answer: Value = serde_json::from_slice(&list.stdout).expect("cases are listed");
    answer["data"].as_array().expect("a list").iter().map(|case| common::text(&case["case"])).collect()
}
