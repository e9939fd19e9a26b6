//! Two stories of one directory are found out and proved, and a national list takes away what a federation admits.

mod common;

use common::founded::{Founded, founded, shell};
use common::{Node, acts, await_some, submit, text};
use serde_json::Value;
use std::fs;

/// Lets the publisher sign two snapshots of version 2: one for XAA, one for XBB.
fn two_stories(all: &Founded) {
    all.demand(
        "cp -r authority other
         valise federation publish --folder authority --key publisher.key --days 30
         valise federation publish --folder other --key publisher.key --days 40
         valise federation sync --data xaa --from authority/directory.cbor
         valise federation sync --data xbb --from other/directory.cbor",
    );
}

fn proofs(all: &Founded, state: &str) -> Vec<String> {
    all.show(state)["split_views"].as_array().expect("a list").iter().map(text).collect()
}

fn check(all: &Founded, proof: &str, directory: &str) -> (Option<i32>, Value) {
    let anchor = &all.anchor;
    let script =
        format!("valise --json federation check {proof} --directory {directory} --anchor \"{anchor}\"");
    let output = shell(all.home.path(), &script);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

#[test]
fn two_stories_are_proved_as_soon_as_their_hearers_meet() {
    let mut all = founded();
    two_stories(&all);
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let case = text(&all.nodes[0].ask(submit()).expect("acts go on")["case"]);
    await_some("the request at XBB", || all.nodes[1].show(&case).filter(|c| acts(c).len() == 1));
    for state in ["xaa", "xbb"] {
        let proof = await_some("a proof", || proofs(&all, state).into_iter().next());
        let proof = all.home.path().join(proof).display().to_string();
        // Whoever holds either directory, or only the one before, is convinced.
        for directory in ["authority/directory.cbor", "other/directory.cbor"] {
            let (code, shown) = check(&all, &proof, directory);
            assert_eq!((code, &shown["data"]["proved"]), (Some(0), &Value::from(true)), "{shown}");
            assert_eq!(
                (&shown["data"]["what"], &shown["data"]["version"]),
                (&"the snapshot".into(), &2.into())
            );
        }
        let bytes = fs::read(&proof).expect("a proof");
        let mut forged = bytes.clone();
        let last = forged.len() - 40;
        forged[last] ^= 1;
        fs::write(all.home.path().join("forged"), forged).expect("a file");
        assert_eq!(check(&all, "forged", "authority/directory.cbor").0, Some(65));
    }
    assert_eq!(check(&all, "authority/directory.cbor", "authority/directory.cbor").0, Some(65));
}

#[test]
fn an_act_in_a_bag_tells_by_what_it_cites_that_there_are_two_stories() {
    let mut all = founded();
    two_stories(&all);
    all.nodes[0].start();
    all.nodes[0].ask(submit()).expect("an act");
    all.demand("valise queue export --data xaa --as one --peer XBB -o bag");
    all.nodes[0].kill();
    all.nodes[1].start();
    let taken = all.try_to("queue import --data xbb --as one bag");
    assert_eq!(taken.0, Some(1), "its news contradicts what is known; its act is taken in");
    let alarms = all.nodes[1].status()["alarms"].to_string();
    assert!(alarms.contains("cites another snapshot of version 2"), "{alarms}");
    let proof = proofs(&all, "xbb").into_iter().next().expect("the bag brought the other story");
    assert_eq!(check(&all, &proof, "authority/directory.cbor").0, Some(0));
}

#[test]
fn a_national_list_refuses_whom_the_federation_admits_and_admits_nobody() {
    let mut all = founded();
    let settings = all.home.path().join("xaa/valise.toml");
    let before = fs::read_to_string(&settings).expect("settings");
    let refusal = "\n[[refusal]]\nparty = \"XBB/*\"\nreason = \"relations are suspended\"\n";
    fs::write(&settings, format!("{before}{refusal}")).expect("settings are written");
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let refused = all.nodes[0].ask(submit()).expect_err("nothing is said to it");
    assert_eq!(refused.code, "envelope.refused-nationally");
    let pinged =
        all.nodes[1].ask(valise::control::Command::PeerPing { peer: "XAA".parse().expect("a party") });
    assert!(pinged.is_err(), "and it is not let in");
    let unknown = format!("{before}\n[[refusal]]\nparty = \"XBB\"\nadmit = true\nreason = \"x\"\n");
    fs::write(&settings, unknown).expect("settings are written");
    assert_eq!(all.try_to("config check xaa/valise.toml").0, Some(78), "a list has no word that widens");
}
