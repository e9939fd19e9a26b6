//! A federation of three States that is made by the commands of `docs/federation.md`.

use super::relay::Relay;
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
    for at in 0..ports.len() {
        script = script.replace(&format!("127.0.0.1:{}", 4620 + at), &format!("<place {at}>"));
    }
    // Only now: a free port may begin like one of the document's.
    for (at, port) in ports.iter().enumerate() {
        script = script.replace(&format!("<place {at}>"), &format!("127.0.0.1:{port}"));
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
    /// Has a relay admitted and joined, by which XAA and XBB reach one another and by no other road; nothing runs yet.
    pub fn relay(&self) -> Relay {
        self.demand(&format!(
            "valise relay init --data relay --party org:west --listen 127.0.0.1:{} --demo
             WEST=$(valise identity request --data relay -o relay.request | sed -n 's/^fingerprint *//p')
             valise federation admit --folder authority relay.request --fingerprint \"$WEST\"
             for n in 1 2; do valise federation sign authority/draft.cbor --key signer-$n.key -o s-$n; done
             valise federation assemble --folder authority s-1 s-2
             valise federation publish --folder authority --key publisher.key
             valise identity import --data relay authority/directory.cbor
             valise federation join --data relay --anchor ANCHOR
             valise federation sync --data xaa --from authority/directory.cbor
             valise federation sync --data xbb --from authority/directory.cbor",
            free_port()
        ));
        for (state, other) in [("xaa", "XBB"), ("xbb", "XAA")] {
            let path = self.home.path().join(state).join("valise.toml");
            let text = fs::read_to_string(&path).expect("settings");
            let nowhere = format!("\n[[route]]\nparty = \"{other}\"\naddress = \"127.0.0.1:9\"\n");
            fs::write(&path, format!("relays = [\"org:west\"]\n{text}{nowhere}"))
                .expect("settings are written");
        }
        Relay::at(&self.home.path().join("relay"), "org:west")
    }

    /// Has the authority list what a party has signed of itself, and writes the directory.
    pub fn list(&self, data: &str) {
        self.demand(&format!(
            "rm -f {data}.request
             AGAIN=$(valise identity request --data {data} -o {data}.request | sed -n 's/^fingerprint *//p')
             valise federation admit --folder authority {data}.request --fingerprint \"$AGAIN\"
             valise federation publish --folder authority --key publisher.key"
        ));
    }

    /// Returns the standings of all keys of a kind that a party has, oldest first.
    pub fn keys(&self, data: &str, kind: &str) -> Vec<String> {
        let output = shell(self.home.path(), &format!("valise --json identity show --data {data}"));
        let shown: Value = serde_json::from_slice(&output.stdout).expect("an answer");
        let keys = shown["data"]["keys"].as_array().expect("a list").clone();
        keys.iter().filter(|key| key["key"] == kind).map(|key| super::text(&key["standing"])).collect()
    }

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
