//! Keeps `certs-example/` true: every card in it leads to its own root, and to no other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use valise::trust::{Card, Directory, PartyEntry};

fn card(state: &str) -> Card {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example").join(state).join("pki/card.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_example_cards_are_sound_and_know_each_other() {
    let entries = ["xaa", "xbb"].map(|state| PartyEntry::from_card(&card(state)).unwrap());
    let directory = Directory::new("XAA".parse().unwrap(), entries.into(), 1).unwrap();
    assert_eq!(directory.parties().map(ToString::to_string).collect::<Vec<_>>(), ["XAA", "XBB"]);
}

#[test]
fn another_states_root_certifies_nothing_in_a_card() {
    let mixed = Card { root: card("xbb").root, ..card("xaa") };
    assert!(PartyEntry::from_card(&mixed).is_err());
}

#[test]
fn no_example_key_lies_open() {
    let keys: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example/xaa/keys");
    for key in std::fs::read_dir(keys).unwrap().flatten() {
        let bytes = std::fs::read(key.path()).unwrap();
        assert!(bytes.len() > 60, "a sealed key carries salt, nonce and tag: {:?}", key.path());
        assert!(!String::from_utf8_lossy(&bytes).contains("PRIVATE KEY"), "{:?}", key.path());
    }
}
