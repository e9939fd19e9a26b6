//! Keeps `certs-example/` true: both States have joined its federation, and each leads to its own root only.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use valise::config::Layout;
use valise::node::joining;
use valise::trust::federation::Documents;
use valise::trust::{Directory, TrustError};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example")
}

#[test]
fn the_example_states_have_joined_one_federation() {
    let joined = ["xaa", "xbb"].map(|state| {
        let me = state.to_uppercase().parse().unwrap();
        joining::peek(&Layout::under(&example().join(state)), Some(&me)).unwrap()
    });
    let names: Vec<String> = joined[0].parties().map(ToString::to_string).collect();
    assert_eq!(names, ["XAA", "XBB"]);
    assert_eq!(joined[0].bundle(), joined[1].bundle());
    let noted = fs::read_to_string(example().join("fingerprint")).unwrap();
    assert_eq!(joined[0].anchor().to_string(), noted.replace(char::is_whitespace, ""));
}

#[test]
fn another_states_part_a_is_not_taken_for_ones_own() {
    let directory = joining::peek(&Layout::under(&example().join("xaa")), None).unwrap();
    let mut documents = Documents::parse(&directory.bundle()).unwrap();
    documents.parts_a.swap(0, 1);
    assert!(
        Directory::from_bundle(&directory.anchor(), &documents.to_bytes(), None).is_ok(),
        "their order is free"
    );
    documents.parts_a[1] = documents.parts_a[0].clone();
    let missing = Directory::from_bundle(&directory.anchor(), &documents.to_bytes(), None).unwrap_err();
    assert!(matches!(missing, TrustError::MissingPart(_)), "{missing}");
}

#[test]
fn no_example_key_lies_open() {
    for folder in ["xaa/keys", "xbb/keys"] {
        let files = fs::read_dir(example().join(folder)).unwrap().flatten();
        for key in files.filter(|file| file.path().extension().is_some_and(|end| end == "key")) {
            let bytes = fs::read(key.path()).unwrap();
            assert!(bytes.len() > 60, "a sealed key carries salt, nonce and tag: {:?}", key.path());
            assert!(!String::from_utf8_lossy(&bytes).contains("PRIVATE KEY"), "{:?}", key.path());
        }
    }
}
