use super::{Node, Pair, await_some, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// What is drawn for the files of the drill; no two files are equal.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Reads what a verb that went well has answered.
pub fn data(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer in JSON");
    answer["data"].clone()
}

/// Submits the example with photographs that are files beside the request; gives the case.
pub fn submit(pair: &Pair, photographs: &Value) -> String {
    let made = valise::offline::requests::example(valise::offline::requests::Example::OneWeapon);
    let mut request: Value = serde_json::from_str(made).expect("the example is JSON");
    request["items"][0]["photographs"] = photographs.clone();
    let file = pair.home.path().join("request.json");
    fs::write(&file, request.to_string()).expect("it is written");
    let made = pair.xaa.run(&["request", "submit", &file.display().to_string(), "--exercise"]);
    text(&data(&made)["case"])
}

/// Lists the files of a case.
pub fn files(node: &Node, case: &str, more: &[&str]) -> Vec<Value> {
    let answer = data(&node.run(&[&["case", "attachment", case], more].concat()));
    answer["files"].as_array().expect("a list").clone()
}

/// Waits until so many files of a case are whole.
pub fn await_verified(node: &Node, case: &str, count: usize) {
    await_some("all files", || {
        node.show(case)?;
        let list = files(node, case, &[]);
        (list.len() == count && list.iter().all(|file| file["state"] == "verified")).then_some(())
    });
}

/// Writes the files of a case into a folder and reads them back, in the order of the list.
pub fn fetched(node: &Node, case: &str, folder: &Path) -> Vec<Vec<u8>> {
    let folder = folder.display().to_string();
    let written = data(&node.run(&["case", "attachment", case, "-o", &folder]))["written"].clone();
    let read = |path: &Value| fs::read(text(path)).expect("it is written");
    written.as_array().expect("a list").iter().map(read).collect()
}

/// Returns the peak of a process' resident memory, in KiB.
pub fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}
