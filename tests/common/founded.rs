//! A federation of three States that is made by the commands of `docs/federation.md`.

use super::{Node, VALISE, free_port};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use valise::config::Layout;
use valise::cose::SigningKey;
use valise::node::{Machine, joining};
use valise::trust::Validity;
use valise::trust::federation::{Member, SoleAuthority};

/// XAA, XBB and XCC, who have joined, and their authority in one folder.
pub struct Founded {
    pub home: tempfile::TempDir,
    pub nodes: Vec<Node>,
    pub anchor: String,
}

/// Lets nodes that do not run join a federation of one key, with others that no node serves; it is fresh for so many
/// seconds from now on.
pub fn federate(dirs: &[&Path], others: &[Member], fresh_for: i64) {
    let now = Machine::os().now();
    let day_before = now.saturating_add(-86_400);
    let validity = Validity { not_before: day_before, not_after: now.saturating_add(fresh_for) };
    let part = |path: PathBuf| fs::read(path).expect("a part of a new gateway");
    let member = |dir: &&Path| {
        let layout = Layout::under(dir);
        Member { part_a: part(layout.part_a()), part_b: Some(part(layout.part_b())) }
    };
    let members: Vec<_> = dirs.iter().map(member).chain(others.iter().cloned()).collect();
    let mut authority = SoleAuthority::new("drill", SigningKey::from_seed(&[42; 32]));
    let bundle = authority.publish(&members, &BTreeMap::new(), validity).expect("a federation");
    for dir in dirs {
        let layout = Layout::under(dir);
        joining::import(&layout, &bundle).expect("it is admitted");
        joining::join(&layout, &authority.anchor(), &Machine::os()).expect("it joins");
    }
}

/// Runs the commands of the document as they stand there, on ports that are free.
pub fn founded() -> Founded {
    let home = tempfile::tempdir().expect("the drill goes on");
    let ports = [free_port(), free_port(), free_port()];
    let document = fs::read_to_string("docs/federation.md").expect("the drill goes on");
    let mut script: String = document
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the drill goes on"))
        .collect();
    for (at, port) in ports.iter().enumerate() {
        script = script.replace(&format!("127.0.0.1:{}", 4620 + at), &format!("127.0.0.1:{port}"));
    }
    script += "printf '%s' \"$ANCHOR\" > anchor\n";
    let made = shell(home.path(), &script);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let anchor = fs::read_to_string(home.path().join("anchor")).expect("the drill goes on");
    let of = |(code, port): (&'static str, u16)| Node::at(home.path().join(code.to_lowercase()), code, port);
    let nodes = ["XAA", "XBB", "XCC"].into_iter().zip(ports).map(of).collect();
    Founded { home, nodes, anchor }
}

/// Runs a script in a folder with the binary under test on the path.
pub fn shell(folder: &Path, script: &str) -> Output {
    let path = format!(
        "{}:{}",
        Path::new(VALISE).parent().expect("the drill goes on").display(),
        std::env::var("PATH").expect("the drill goes on")
    );
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    bash.env("PATH", path)
        .env("VALISE_NO_INPUT", "1")
        .env_remove("VALISE_PROFILE")
        .output()
        .expect("the drill goes on")
}

impl Founded {
    /// Runs one command in the folder of all and returns its exit code and the code of its error.
    pub fn try_to(&self, words: &str) -> (Option<i32>, String) {
        let words = words.replace("ANCHOR", &format!("\"{}\"", self.anchor));
        let output = shell(self.home.path(), &format!("valise --json {words}"));
        let error: Value = serde_json::from_slice(&output.stderr).unwrap_or_default();
        (output.status.code(), error["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script that must succeed.
    pub fn demand(&self, script: &str) {
        let script = script.replace("ANCHOR", &format!("\"{}\"", self.anchor));
        let done = shell(self.home.path(), &script);
        assert!(done.status.success(), "{script}\n{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Returns `federation show` of a State, which may run.
    pub fn show(&self, state: &str) -> Value {
        let output = shell(self.home.path(), &format!("valise --json federation show --data {state}"));
        let shown: Value = serde_json::from_slice(&output.stdout).expect("the drill goes on");
        shown["data"].clone()
    }
}
