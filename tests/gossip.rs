//! How news of the directory travels between gateways that run: by wire, by relay and by courier, the same bytes.

#![expect(clippy::unwrap_used, reason = "a drill that cannot go on ends")]

mod common;

use common::founded::{Founded, founded};
use common::{acts, await_some, submit, text};
use std::fs;
use std::path::Path;
use valise::wire::{Bag, FrameKind};

fn part_b(all: &Founded, at: &str, of: &str) -> u64 {
    let shown = all.show(at);
    let party = shown["parties"].as_array().unwrap().iter().find(|p| p["party"] == of).unwrap().clone();
    party["part_b"].as_u64().unwrap()
}

fn snapshot(all: &Founded, at: &str) -> u64 {
    all.show(at)["snapshot"].as_u64().unwrap()
}

/// Loses the private half of this week's prekey, so that the gateway makes another at its next start.
fn lose_a_prekey(folder: &Path) {
    let ends = |path: &Path| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().find_map(|l| l.strip_prefix("not_after = ").map(str::to_owned))
    };
    let files = fs::read_dir(folder.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let epochs = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let mut epochs: Vec<_> = epochs.filter_map(|path| Some((ends(&path)?, path))).collect();
    epochs.sort();
    fs::remove_file(epochs[0].1.with_extension("key")).unwrap();
}

fn suspend_xcc(all: &Founded) {
    all.demand(
        "cp authority/directory.cbor before.cbor
         valise federation suspend --folder authority XCC --reason found-out
         for n in 1 2; do valise federation sign authority/draft.cbor --key signer-$n.key -o sus-$n; done
         valise federation assemble --folder authority sus-1 sus-2
         valise federation publish --folder authority --key publisher.key",
    );
}

#[test]
fn a_new_part_b_reaches_peers_that_run_and_acts_are_sealed_to_it() {
    let mut all = founded();
    for node in 0..2 {
        all.nodes[node].start();
    }
    let first = text(&all.nodes[0].ask(submit()).unwrap()["case"]);
    await_some("the first request at XBB", || all.nodes[1].show(&first).filter(|c| acts(c).len() == 1));
    all.nodes[1].kill();
    lose_a_prekey(&all.nodes[1].dir);
    assert_eq!(part_b(&all, "xaa", "XBB"), 1);
    // It waits sealed to a key that is lost; the news comes with the gateway, and it is sealed again.
    let waits = text(&all.nodes[0].ask(submit()).unwrap()["case"]);
    all.nodes[1].start();
    await_some("the new part B at XAA", || (part_b(&all, "xaa", "XBB") == 2).then_some(()));
    await_some("the request that waited", || all.nodes[1].show(&waits).filter(|c| acts(c).len() == 1));
    assert_eq!(part_b(&all, "xbb", "XBB"), 2);
    assert_eq!(part_b(&all, "xcc", "XBB"), 1, "it has met nobody yet");
    // XCC never meets XBB: XAA hands it on.
    all.nodes[1].kill();
    all.nodes[2].start();
    let synced = all.try_to("federation sync XAA --data xcc --as one");
    assert_eq!(synced, (Some(0), String::new()));
    assert_eq!(part_b(&all, "xcc", "XBB"), 2, "the same bytes from whoever has them");
    let unreached = all.try_to("federation sync XBB --data xcc --as one");
    assert_eq!(unreached, (Some(69), "federation.unreached".to_owned()));
}

#[test]
fn a_snapshot_that_one_gateway_was_given_reaches_the_others_by_wire() {
    let mut all = founded();
    all.nodes.iter_mut().for_each(common::Node::start);
    let case = text(&all.nodes[0].ask(submit()).unwrap()["case"]);
    await_some("the request at XBB", || all.nodes[1].show(&case).filter(|c| acts(c).len() == 1));
    suspend_xcc(&all);
    all.demand("valise federation sync --data xaa --from authority/directory.cbor");
    assert_eq!(snapshot(&all, "xaa"), 2, "a gateway that runs takes it");
    await_some("the snapshot at XBB", || (snapshot(&all, "xbb") == 2).then_some(()));
    // An old one, by whatever road, is refused by its version.
    let old = all.try_to("federation sync --data xaa --from before.cbor");
    assert_eq!(old, (Some(65), "federation.version-fell".to_owned()));
    let garbage = all.home.path().join("garbage");
    fs::write(garbage, b"\x80").unwrap();
    assert_eq!(all.try_to("federation sync --data xaa --from garbage").0, Some(65));
    assert_eq!(snapshot(&all, "xaa"), 2);
    // What was taken survives a kill.
    all.nodes[1].kill();
    assert_eq!(snapshot(&all, "xbb"), 2);
}

#[test]
fn a_bag_brings_news_and_an_old_one_is_refused() {
    let mut all = founded();
    all.nodes[0].start();
    all.nodes[0].ask(submit()).unwrap();
    all.demand("valise queue export --data xaa --as one --peer XBB -o old.bag");
    suspend_xcc(&all);
    all.demand("valise federation sync --data xaa --from authority/directory.cbor");
    all.demand("valise queue export --data xaa --as one --peer XBB -o new.bag");
    all.nodes[0].kill();
    all.nodes[1].start();
    all.demand("valise queue import --data xbb --as one new.bag");
    assert_eq!(snapshot(&all, "xbb"), 2, "by hand only");
    let shown = all.show("xbb");
    assert_eq!(shown["parties"][2]["standing"], "suspended");
    let old = all.try_to("queue import --data xbb --as one old.bag");
    assert_eq!(old.0, Some(1), "its act is known, its directory is old");
    assert_eq!(snapshot(&all, "xbb"), 2);
}

/// XAA was told another second snapshot than XBB, which meets nothing but XAA's act at first.
#[test]
fn an_act_that_cites_what_is_not_here_yet_is_compared_once_it_is() {
    let mut all = founded();
    all.demand(
        "cp -r authority other
         valise federation publish --folder authority --key publisher.key
         valise federation publish --folder other --key publisher.key --days 20
         valise federation sync --data xaa --from authority/directory.cbor",
    );
    all.nodes[0].start();
    all.nodes[0].ask(submit()).unwrap();
    all.demand("valise queue export --data xaa --as one --peer XBB -o full.bag");
    all.nodes[0].kill();
    let Bag { from, to, frames } = Bag::parse(&fs::read(all.home.path().join("full.bag")).unwrap()).unwrap();
    let (acts, news): (Vec<_>, Vec<_>) =
        frames.into_iter().partition(|(kind, _)| *kind == FrameKind::Envelope);
    assert_eq!((acts.len(), news.is_empty()), (1, false));
    let bags = Bag::pack(&from, &to, acts, 1 << 20).unwrap();
    fs::write(all.home.path().join("acts.bag"), &bags[0]).unwrap();

    all.nodes[1].start();
    all.demand("valise queue import --data xbb --as one acts.bag");
    let alarms = |all: &Founded| all.nodes[1].status()["alarms"].to_string();
    assert_eq!((snapshot(&all, "xbb"), alarms(&all).contains("another snapshot")), (1, false));
    all.nodes[1].kill();
    all.nodes[1].start();
    all.demand("valise federation sync --data xbb --from other/directory.cbor");
    let told = || alarms(&all).contains("XAA cites another snapshot of version 2").then_some(());
    await_some("the alarm", told);
    assert_eq!(
        all.show("xbb")["split_views"].as_array().map(Vec::len),
        Some(0),
        "XAA's file is not here yet"
    );
    all.nodes[0].start();
    let proof = await_some("the proof", || all.show("xbb")["split_views"][0].as_str().map(str::to_owned));
    all.demand(&format!(
        "valise federation check '{proof}' --directory other/directory.cbor --anchor ANCHOR"
    ));
}

#[test]
fn a_relay_hands_news_on_between_members_that_never_meet() {
    let mut all = founded();
    let mut relay = all.relay();
    relay.start();
    lose_a_prekey(&all.nodes[0].dir);
    all.nodes[1].start();
    all.nodes[0].start();
    await_some("XAA's new part B at the relay", || (part_b(&all, "relay", "XAA") == 2).then_some(()));
    await_some("XAA's new part B at XBB", || (part_b(&all, "xbb", "XAA") == 2).then_some(()));
    suspend_xcc(&all);
    all.demand("valise federation sync --data xbb --from authority/directory.cbor");
    await_some("the snapshot at XAA", || (snapshot(&all, "xaa") == 3).then_some(()));
}
