//! Holds `docs/protocol.md` to its word: real messages against `docs/valise.cddl`, and the vectors of
//! `docs/vectors/`, which another implementation can check with their private keys.
//!
//! After a wanted change of the wire, `VALISE_BLESS=1 cargo test --test protocol vectors_are` writes the vectors.

#![expect(clippy::unwrap_used, reason = "what these helpers read is made here or stands in docs/vectors")]

mod cddl;
mod federation;
mod forge;
mod hex;
mod vectors;

use federation::Federation;
use forge::body;
use hex::{hex, unhex};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::{env, fs};
use valise::cose::ExportSecret;
use valise::envelope::{EnvelopeError, Receipts, Reject, open, open_receipt};
use valise::evidence::Receipt;
use valise::model::{Digest, Party, Timestamp};
use valise::wire::{FrameHeader, FrameKind, HEADER_LEN, WireError};

#[test]
fn vectors_are_what_this_code_makes() {
    if env::var_os("VALISE_BLESS").is_some() {
        let federation = Federation::make();
        write("federation.json", &serde_json::to_value(&federation).unwrap());
        vectors::all(&federation).iter().for_each(|(name, vector)| write(name, vector));
    }
    let federation = federation();
    for (name, vector) in vectors::all(&federation) {
        assert_eq!(read(&name), vector, "docs/vectors/{name} differs; see the head of this file");
    }
    let made = vectors::all(&federation).len();
    assert_eq!(files("").len() + files("malformed").len(), made + 1, "a vector that nothing makes");
}

#[test]
fn sound_envelopes_open() {
    let federation = federation();
    for act in vectors::acts() {
        let vector = read(&format!("{}.json", act.kind().code()));
        let (ring, directory) = (federation.ring("XBB"), federation.directory("XBB"));
        let frame = unhex(text(&vector, "/frame"));
        let opened = open(body(&frame), &ring, &directory, federation.now).unwrap();
        let said = opened.statement.said;
        assert_eq!(said.act, act);
        assert_eq!(vectors::body_of(&said.act), vector["opens"]["body"]);
        assert_eq!(opened.statement.issuer.to_string(), text(&vector, "/from"));
        assert_eq!(opened.statement.digest.to_string(), text(&vector, "/opens/statement_digest"));
        assert_eq!(opened.envelope.to_string(), text(&vector, "/opens/envelope"));
        assert_eq!(hex(opened.export.as_bytes()), text(&vector, "/opens/export_secret"));
        assert_eq!(said.case.as_str(), text(&vector, "/opens/case"));
    }
}

#[test]
fn the_request_of_an_agent_rests_on_its_mandate() {
    let (federation, vector) = (federation(), read("on_behalf_of.json"));
    let (ring, directory) = (federation.ring("XBB"), federation.directory("XBB"));
    let frame = unhex(text(&vector, "/frame"));
    let opened = open(body(&frame), &ring, &directory, federation.now).unwrap();
    let named = opened.statement.said.on_behalf_of.unwrap();
    let carried = opened.mandate.unwrap();
    assert_eq!(serde_json::to_value(&named).unwrap(), vector["opens"]["on_behalf_of"]);
    assert_eq!((carried.mandate.digest(), carried.beyond), (named.mandate, None));
    assert_eq!(carried.mandate.terms().principal, named.principal);
}

#[test]
fn the_receipt_proves_the_request() {
    let (federation, vector) = (federation(), read("receipts.json"));
    let [from, to]: [Party; 2] = ["/from", "/to"].map(|at| text(&vector, at).parse().unwrap());
    let directory = federation.directory("XAA");
    let frame = unhex(text(&vector, "/frame"));
    let sealed = Receipts::verify(body(&frame), &from, &directory, federation.now).unwrap().remove(0);
    let export = unhex(text(&vector, "/opens/export_secret")).try_into().unwrap();
    let bytes = open_receipt(&sealed, &ExportSecret::from_bytes(export)).unwrap();
    assert_eq!(hex(&bytes), text(&vector, "/opens/receipt"));

    let statement: Digest = text(&vector, "/opens/statement_digest").parse().unwrap();
    assert_eq!(statement.to_string(), text(&read("request.json"), "/opens/statement_digest"));
    let proved =
        Receipt::from_bytes(bytes).verify((&from, &to), &statement, &directory, federation.now).unwrap();
    let received_at: Timestamp = text(&vector, "/opens/received_at").parse().unwrap();
    assert_eq!((proved.received_at, proved.by), (received_at, from));
    assert_eq!(proved.head.size, vector["opens"]["head"]["size"]);
    assert_eq!(proved.head.root.to_string(), text(&vector, "/opens/head/root"));
}

#[test]
fn the_rejection_is_read() {
    let (federation, vector) = (federation(), read("reject.json"));
    let frame = unhex(text(&vector, "/frame"));
    let from = text(&vector, "/from").parse().unwrap();
    let directory = federation.directory("XAA");
    let reject = Reject::verify(body(&frame), &from, &directory, federation.now).unwrap();
    let opens = &vector["opens"];
    assert_eq!(reject.envelope.to_string(), text(opens, "/envelope"));
    assert_eq!((reject.code.as_str(), reject.words.as_str()), (text(opens, "/code"), text(opens, "/words")));
    assert_eq!(opens["retryable"], reject.retryable);
}

#[test]
fn malformed_envelopes_are_refused_for_their_fault() {
    let federation = federation();
    for path in files("malformed") {
        let name = format!("malformed/{}", path.file_name().unwrap().to_string_lossy());
        let vector = read(&name);
        assert_eq!(verdict(&federation, &unhex(text(&vector, "/frame"))), text(&vector, "/error"), "{name}");
    }
}

#[test]
fn every_code_is_in_the_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/protocol.md")).unwrap();
    let files = ["wire/error", "wire/frame", "cose/error", "trust/error", "envelope/error", "evidence/error"];
    for file in files.into_iter().chain(["model/acts/mandate"]) {
        let source = fs::read_to_string(root.join(format!("src/{file}.rs"))).unwrap();
        let (_, rest) = source.split_once("fn code(").unwrap();
        let codes: Vec<&str> = rest.split("fn ").next().unwrap().split('"').skip(1).step_by(2).collect();
        assert!(!codes.is_empty(), "{file}");
        for code in codes {
            assert!(document.contains(&format!("`{code}`")), "{code} of {file} is not in docs/protocol.md");
        }
    }
}

/// What XBB says to a frame that should be an envelope.
fn verdict(federation: &Federation, frame: &[u8]) -> &'static str {
    let header = FrameHeader::parse(frame[..HEADER_LEN].try_into().unwrap());
    let header = match header.map_err(|fault| EnvelopeError::from(WireError::from(fault))) {
        Ok(header) => header,
        Err(error) => return error.code(),
    };
    assert_eq!((header.kind(), header.length()), (FrameKind::Envelope, frame.len() - HEADER_LEN));
    let opened = open(body(frame), &federation.ring("XBB"), &federation.directory("XBB"), federation.now);
    opened.map_or_else(|(_, error)| error.code(), |_| "accepted")
}

fn federation() -> Federation {
    serde_json::from_value(read("federation.json")).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vectors")
}

fn files(below: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(below)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
}

fn read(name: &str) -> Json {
    let text = fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("docs/vectors/{name}: {e}"));
    serde_json::from_str(&text).unwrap()
}

fn write(name: &str, vector: &Json) {
    fs::write(folder().join(name), serde_json::to_string_pretty(vector).unwrap() + "\n").unwrap();
}

fn text<'j>(vector: &'j Json, pointer: &str) -> &'j str {
    vector.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}
