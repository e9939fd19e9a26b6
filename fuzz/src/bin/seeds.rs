//! Writes the first corpora: what `docs/vectors` and `config/examples` hold, cut to each target's door.

#![allow(clippy::unwrap_used, reason = "the vectors are ours")]

use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use valise::model::*;
use valise::wire::{Bag, FrameKind, HEADER_LEN, Limits, decode, encode};
use valise_fuzz::hex::unhex;

fn main() {
    let vectors = here("../docs/vectors");
    for path in files(&vectors).into_iter().chain(files(&vectors.join("malformed"))) {
        let vector: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if let Some(frame) = bytes_at(&vector, "/frame") {
            write("frame", name, &frame);
            layers(name, &frame[HEADER_LEN..]);
        }
        for (layer, at) in [("content", "/opens/content"), ("receipt", "/opens/receipt")] {
            if let Some(bytes) = bytes_at(&vector, at) {
                write("envelope", &format!("{name}-{layer}"), &bytes);
            }
        }
    }
    for path in files(&here("../config/examples")) {
        write("document", path.file_stem().unwrap().to_str().unwrap(), &fs::read(&path).unwrap());
    }
    write("document", "template", valise::offline::requests::template().as_bytes());
    bodies(&vectors);
    bag(&vectors);
}

/// One bag of all that travels.
fn bag(vectors: &Path) {
    let frame = |name: &str, kind| {
        let vector: Value =
            serde_json::from_slice(&fs::read(vectors.join(name).with_extension("json")).unwrap()).unwrap();
        (kind, bytes_at(&vector, "/frame").unwrap()[HEADER_LEN..].to_vec())
    };
    let frames = vec![
        frame("request", FrameKind::Envelope),
        frame("receipts", FrameKind::Receipts),
        frame("reject", FrameKind::Reject),
    ];
    let (from, to) = ("XAA".parse().unwrap(), "XBB".parse().unwrap());
    write("bag", "all-that-travels", &Bag::pack(&from, &to, frames, Limits::BAG.bytes).unwrap()[0]);
}

fn layers(name: &str, envelope: &[u8]) {
    let Ok((route, sealed)) = decode::<(ByteBuf, ByteBuf)>(envelope, &Limits::ENVELOPE) else {
        return write("envelope", name, envelope);
    };
    write("envelope", &format!("{name}-route"), &route);
    write("envelope", &format!("{name}-sealed"), &sealed);
}

/// One body of each act.
fn bodies(vectors: &Path) {
    let of = |name: &str| {
        let vector: Value =
            serde_json::from_slice(&fs::read(vectors.join(name).with_extension("json")).unwrap()).unwrap();
        vector["opens"]["body"].clone()
    };
    let digest = Digest([0x52; 32]);
    let missing = json!([{ "clause": "6.3(a)", "field": "items[0].make", "why": "blank" }]);
    let grounds = of("refusal")["grounds"].clone();
    let follow_up = json!([{ "item": 0, "point_of_diversion": "yes", "prosecution": "unknown" }]);
    body::<Request>("request", of("request"));
    body::<Acknowledgement>("acknowledgement", of("acknowledgement"));
    body::<Response>("response", of("response"));
    body::<Refusal>("refusal", of("refusal"));
    body::<ReturnIncomplete>("return", json!({ "request": digest, "missing": missing, "judgement": "none" }));
    let again = json!({ "previous": digest, "returned_by": digest, "request": of("request") });
    body::<Resubmission>("resubmission", again);
    body::<Delay>("delay", json!({ "request": digest, "grounds": grounds, "expected": "2027-03" }));
    body::<ClarificationRequest>("clarification-request", json!({ "about": digest, "question": "why?" }));
    body::<Clarification>("clarification", json!({ "request_for": digest, "answer": "because" }));
    body::<Withdrawal>("withdrawal", json!({ "request": digest, "reason": "found" }));
    body::<OutcomeNotice>("outcome", json!({ "request": digest, "items": follow_up }));
}

fn body<T: Serialize + DeserializeOwned>(name: &str, json: Value) {
    let body: T = serde_json::from_value(json).unwrap();
    write("document", &format!("{name}-body"), &encode(&body).unwrap());
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = here("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn bytes_at(vector: &Value, pointer: &str) -> Option<Vec<u8>> {
    vector.pointer(pointer)?.as_str().map(unhex)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}

fn here(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}
