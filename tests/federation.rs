//! Makes a federation of three States from nothing by the commands of `docs/federation.md`, and tries to cheat it.

mod common;

use common::founded::founded;
use common::{acts, await_some, submit, text};
use serde_json::Value;
use std::fs;

#[test]
fn three_states_are_joined_by_the_documented_commands_and_trace() {
    let mut all = founded();
    let shown = all.show("xbb");
    assert_eq!((&shown["snapshot"], &shown["fresh"]), (&Value::from(1), &Value::from(true)));
    let parties = shown["parties"].as_array().unwrap();
    assert!(parties.iter().all(|p| p["standing"] == "good") && parties.len() == 3, "{shown}");
    all.nodes[0].start();
    all.nodes[1].start();
    let case = text(&all.nodes[0].ask(submit()).unwrap()["case"]);
    await_some("the request at XBB", || all.nodes[1].show(&case).filter(|c| acts(c).len() == 1));
    let busy = all.try_to("federation join --data xaa --anchor ANCHOR");
    assert_eq!(busy, (Some(78), "federation.folder".to_owned()), "a gateway that runs holds its directory");
}

#[test]
fn no_step_is_taken_on_a_wrong_word() {
    let all = founded();
    let zeros = "0".repeat(64);
    let admit = format!("federation admit --folder authority xaa.request --fingerprint {zeros}");
    assert_eq!(all.try_to(&admit), (Some(77), "authority.fingerprint".to_owned()));
    let join = format!("federation join --data xaa --anchor {zeros}");
    assert_eq!(all.try_to(&join), (Some(77), "federation.wrong-anchor".to_owned()));
    all.demand(
        "valise gateway init --data xdd --party XDD --listen 127.0.0.1:4999 --demo --officer one:officer",
    );
    let alone = all.try_to("identity import --data xdd authority/directory.cbor");
    assert_eq!(alone, (Some(65), "federation.unknown-party".to_owned()), "it was never admitted");
    assert_eq!(all.try_to("federation show --data xdd"), (Some(78), "federation.none".to_owned()));
    let again = all.try_to(
        "federation init --folder authority --name x --signer signer-1.key.pub --publisher publisher.key.pub",
    );
    assert_eq!(again, (Some(1), "authority.unfit".to_owned()), "nothing is overwritten");
    assert_eq!(all.try_to("federation key signer-1.key"), (Some(1), "authority.io".to_owned()));
    // A bit of the directory changes on its way.
    let file = all.home.path().join("authority/directory.cbor");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(all.home.path().join("spoilt"), bytes).unwrap();
    assert_eq!(all.try_to("identity import --data xaa spoilt").0, Some(65));
}

#[test]
fn a_suspension_needs_two_signers_and_is_never_forgotten() {
    let mut all = founded();
    all.demand("cp authority/directory.cbor before.cbor; valise federation suspend --folder authority XCC --reason found-out");
    all.demand("valise federation sign authority/draft.cbor --key signer-2.key -o two.signature");
    let alone = all.try_to("federation assemble --folder authority two.signature");
    assert_eq!(alone, (Some(65), "federation.threshold".to_owned()));
    let twice = all.try_to("federation assemble --folder authority two.signature two.signature");
    assert_eq!(twice, (Some(65), "federation.threshold".to_owned()), "one signature twice");
    all.demand(
        "valise federation sign authority/draft.cbor --key signer-3.key -o three-2.signature
         valise federation assemble --folder authority two.signature three-2.signature
         valise federation publish --folder authority --key publisher.key
         valise identity import --data xaa authority/directory.cbor
         valise federation join --data xaa --anchor ANCHOR",
    );
    let standing = |shown: Value| text(&shown["parties"][2]["standing"]);
    assert_eq!(standing(all.show("xaa")), "suspended");
    assert_eq!(standing(all.show("xbb")), "good", "it has not heard yet");
    // An old directory by courier, and a kill: versions never fall.
    all.demand("valise identity import --data xaa before.cbor");
    let old = all.try_to("federation join --data xaa --anchor ANCHOR");
    assert_eq!(old, (Some(65), "federation.version-fell".to_owned()));
    all.nodes[0].start();
    all.nodes[0].kill();
    assert_eq!(
        (standing(all.show("xaa")), all.show("xaa")["snapshot"].clone()),
        ("suspended".to_owned(), 2.into())
    );
}

#[test]
fn signers_and_publishers_are_replaced_by_old_and_new_together() {
    let all = founded();
    all.demand(
        "valise federation key signer-4.key
         valise federation key publisher-2.key
         valise federation rotate --folder authority --threshold 2 --signer signer-3.key.pub --signer signer-4.key.pub \
           --publisher publisher-2.key.pub
         for n in 1 3 4; do valise federation sign authority/draft.cbor --key signer-$n.key -o rotate-$n; done",
    );
    let new_alone = all.try_to("federation assemble --folder authority rotate-3 rotate-4");
    assert_eq!(new_alone, (Some(65), "federation.threshold".to_owned()));
    all.demand("valise federation assemble --folder authority rotate-1 rotate-3 rotate-4");
    let replaced = all.try_to("federation publish --folder authority --key publisher.key");
    assert_eq!(
        replaced,
        (Some(65), "federation.threshold".to_owned()),
        "a replaced publisher publishes no more"
    );
    all.demand(
        "valise federation publish --folder authority --key publisher-2.key
         valise identity import --data xbb authority/directory.cbor
         valise federation join --data xbb --anchor ANCHOR",
    );
    let shown = all.show("xbb");
    assert_eq!((&shown["root"], &shown["snapshot"]), (&Value::from(2), &Value::from(2)));
}
