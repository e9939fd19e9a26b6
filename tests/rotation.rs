//! Rotates every key of two gateways and of their federation while acts go both ways: none is lost, and what was signed
//! by retired keys still verifies.

mod common;

use common::founded::{Founded, founded};
use common::{Node, acknowledge, acts, await_some, digests, submit, text};
use serde_json::Value;
use std::cell::RefCell;
use valise::control::Command;

struct Traffic {
    all: Founded,
    cases: RefCell<Vec<String>>,
}

impl Traffic {
    fn begin() -> Self {
        let mut all = founded();
        all.nodes.iter_mut().take(2).for_each(Node::start);
        Self { all, cases: RefCell::default() }
    }

    /// Puts requests under way without waiting for them.
    fn more(&self) {
        for _ in 0..3 {
            let made = self.all.nodes[0].ask(submit()).expect("it is submitted, whatever is being rotated");
            self.cases.borrow_mut().push(text(&made["case"]));
        }
    }

    /// Waits until each case is known on both sides, acknowledged, and equal.
    fn all_arrive(&self) {
        let (xaa, xbb) = (&self.all.nodes[0], &self.all.nodes[1]);
        for case in self.cases.borrow().iter() {
            let there = await_some("the request at XBB", || xbb.show(case));
            if there["ack_at"].is_null() {
                xbb.ask(acknowledge(case)).expect("it is acknowledged");
            }
            await_some("the acknowledgement at XAA", || xaa.show(case).filter(|c| acts(c).len() == 2));
        }
        await_some("empty queues", || {
            let empty = |node: &Node| node.ask(Command::QueueList).is_ok_and(|q| q == Value::Array(vec![]));
            (empty(xaa) && empty(xbb)).then_some(())
        });
        for case in self.cases.borrow().iter() {
            let (a, b) = (xaa.show(case).expect("here"), xbb.show(case).expect("there"));
            assert_eq!(digests(&a), digests(&b), "{case}");
        }
    }

    fn rotate(&self, state: &str, what: &str) {
        self.more();
        self.all.demand(&format!("valise identity rotate {what} --data {state} --as one"));
        self.more();
    }

    /// Has the authority list what a State has signed, and hands the directory to that State alone.
    fn list(&self, state: &str) {
        self.all.list(state);
        self.all.demand(&format!(
            "valise federation sync --data {state} --as one --from authority/directory.cbor"
        ));
    }

    fn keys(&self, state: &str, kind: &str) -> Vec<String> {
        self.all.keys(state, kind)
    }
}

#[test]
fn every_key_is_rotated_under_traffic_and_no_act_is_lost() {
    let traffic = Traffic::begin();
    traffic.more();
    traffic.all_arrive();
    let first = traffic.cases.borrow()[0].clone();
    for state in ["xbb", "xaa"] {
        for what in ["log", "gateway"] {
            traffic.rotate(state, what);
        }
        traffic.all_arrive();
        assert_eq!(traffic.keys(state, "log"), ["holds on", "in force"]);
        for what in ["seal", "root"] {
            traffic.rotate(state, what);
            assert_eq!(
                traffic.keys(state, what)[1],
                "awaits the authority",
                "it is not used before it is listed"
            );
            traffic.list(state);
            traffic.more();
            traffic.all_arrive();
            assert_eq!(traffic.keys(state, what), ["holds on", "in force"], "{what} of {state}");
        }
    }
    // What retired keys have signed still proves what it proved.
    let dossier = traffic.all.home.path().join("dossier");
    let dossier = dossier.display();
    traffic.all.demand(&format!(
        "valise evidence export {first} --data xaa --as one -o {dossier}
         valise evidence verify {dossier} --anchor \"$(echo ANCHOR | tr -d ' ')\""
    ));
    // A restart finds the keys that are in force.
    let Traffic { mut all, cases } = traffic;
    for node in 0..2 {
        all.nodes[node].kill();
        all.nodes[node].start();
    }
    let traffic = Traffic { all, cases };
    traffic.more();
    traffic.all_arrive();
}

#[test]
fn root_signers_and_publishers_are_rotated_under_traffic() {
    let traffic = Traffic::begin();
    traffic.more();
    traffic.all.demand(
        "valise federation key signer-4.key
         valise federation key publisher-2.key
         valise federation rotate --folder authority --threshold 2 --signer signer-3.key.pub --signer signer-4.key.pub \
           --publisher publisher-2.key.pub
         for n in 1 3 4; do valise federation sign authority/draft.cbor --key signer-$n.key -o rotate-$n; done
         valise federation assemble --folder authority rotate-1 rotate-3 rotate-4
         valise federation publish --folder authority --key publisher-2.key
         valise federation sync --data xbb --as one --from authority/directory.cbor",
    );
    traffic.more();
    traffic.all_arrive();
    await_some("the new root at XAA", || (traffic.all.show("xaa")["root"] == 2).then_some(()));
}

#[test]
fn what_a_compromised_key_signed_is_marked_from_that_instant_on() {
    let traffic = Traffic::begin();
    traffic.more();
    traffic.all_arrive();
    let (xaa, xbb) = (&traffic.all.nodes[0], &traffic.all.nodes[1]);
    let before = traffic.cases.borrow()[0].clone();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let since = valise::node::Machine::os().now();
    traffic.cases.borrow_mut().clear();
    traffic.more();
    traffic.all_arrive();
    let after = traffic.cases.borrow()[0].clone();
    traffic.all.demand(&format!(
        "valise identity rotate seal --data xbb --as one --reason 'a disk was stolen' --compromised-since {since}"
    ));
    traffic.list("xbb");
    // Until the new seal has signed the prekeys, nothing is sealed to any that the stolen one has signed.
    await_some("the new seal at XAA, and prekeys that it has signed", || {
        let xbb = traffic.all.show("xaa")["parties"][1].clone();
        (xbb["part_a"] == 2 && xbb["part_b"] == 2).then_some(())
    });
    traffic.more();
    traffic.all_arrive();
    let verify = |case: &str| {
        let script = format!(
            "rm -f dossier; valise evidence export {case} --data xaa --as one -o dossier > /dev/null
             valise --json evidence verify dossier --anchor \"$(echo '{}' | tr -d ' ')\" || true",
            traffic.all.anchor
        );
        let output = common::founded::shell(traffic.all.home.path(), &script);
        let shown: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        shown["data"].clone()
    };
    assert_eq!(verify(&before)["valid"], true, "what it signed before stays good");
    let marked = verify(&after);
    assert_eq!(marked["valid"], false, "{marked}");
    assert!(marked["findings"].to_string().contains("compromised"), "{}", marked["findings"]);
    let shown = xaa.show(&after).expect("the case is there as ever");
    let flagged =
        |shown: &Value, act: usize| acts(shown)[act]["flags"].to_string().contains("compromised_key");
    assert!(flagged(&shown, 1) && !flagged(&shown, 0), "only XBB's key was: {shown}");
    assert!(!flagged(&xaa.show(&before).expect("a case"), 1));
    assert_eq!(traffic.keys("xbb", "seal"), ["retired", "in force"]);
    assert!(xbb.ask(Command::GatewayDoctor).is_ok());
}

/// Whoever has a gateway's key shows its certificate, speaks for nobody, and is hung up on once the root has revoked it.
#[test]
fn a_stolen_gateway_key_is_revoked_and_no_peer_takes_it_any_more() {
    let mut all = founded();
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let first = text(&all.nodes[0].ask(submit()).expect("a request")["case"]);
    await_some("the request at XBB", || all.nodes[1].show(&first));
    // The thief has all files of the gateway as they were, and another port.
    let here = all.nodes[0].port.to_string();
    let there = common::free_port().to_string();
    all.demand(&format!(
        "mkdir thief; cp -r xaa/keys xaa/pki xaa/federation xaa/credential thief; rm -f thief/federation/lock
         sed 's/{here}/{there}/' xaa/valise.toml > thief/valise.toml"
    ));
    let reached = |who: &str| {
        let seen =
            common::founded::shell(all.home.path(), &format!("valise --json gateway doctor --data {who}"));
        let told: Value = serde_json::from_slice(&seen.stdout).expect("an answer");
        let checks = told["data"]["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["id"] == "peer:XBB").expect("a look at XBB")
    };
    assert_eq!(reached("thief")["status"], "ok", "nobody knows of the theft yet");
    let world = Traffic { all, cases: RefCell::default() };
    world.more();
    world.all.demand("valise identity rotate gateway --compromised-since 2026-01-01T00:00:00Z --reason theft --data xaa --as one");
    world.list("xaa");
    world.more();
    await_some("word of it at XBB", || {
        let shown = world.all.show("xbb");
        let of = |p: &&Value| p["party"] == "XAA";
        (shown["parties"].as_array()?.iter().find(of)?["part_a"] == 2).then_some(())
    });
    world.all_arrive();
    let before = world.all.nodes[1].refused("revoked");
    let seen = common::founded::shell(world.all.home.path(), "valise --json gateway doctor --data thief");
    let told: Value = serde_json::from_slice(&seen.stdout).expect("an answer");
    let checks = told["data"]["checks"].as_array().expect("checks");
    let look = checks.iter().find(|check| check["id"] == "peer:XBB").expect("a look at XBB");
    assert_eq!(look["status"], "fail", "{look}");
    assert!(world.all.nodes[1].refused("revoked") > before, "{}", world.all.nodes[1].status()["refused"]);
    let shown = common::founded::shell(world.all.home.path(), "valise --json identity show --data xaa");
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("an answer");
    assert_eq!(shown["data"]["revoked"][0]["from"], "2026-01-01T00:00:00Z");
}

/// Both roots hold for a while: a peer that knows the old one alone lets its party in, and hears of the new one by it.
#[test]
fn a_peer_that_was_away_while_a_root_was_rotated_is_met_all_the_same() {
    let mut all = founded();
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let asked = |all: &Founded| text(&all.nodes[0].ask(submit()).expect("a request")["case"]);
    let first = asked(&all);
    await_some("the request at XBB", || all.nodes[1].show(&first));
    all.nodes[1].stop();
    all.demand("valise identity rotate root --data xaa --as one");
    all.list("xaa");
    all.demand("valise federation sync --data xaa --as one --from authority/directory.cbor");
    let waits = asked(&all);
    all.nodes[1].start();
    await_some("the request that waited", || all.nodes[1].show(&waits));
    assert_eq!(all.show("xbb")["parties"][0]["part_a"], 2, "it has heard of the new root");
    assert_eq!(all.keys("xaa", "root"), ["holds on", "in force"]);
}

/// A relay's keys are rotated with it stopped; its members, which hear of them by it alone, bring acts by it under each.
#[test]
fn a_relays_seal_and_root_are_rotated_and_acts_go_by_it_ever_after() {
    let mut all = founded();
    let mut relay = all.relay();
    relay.start();
    all.nodes.iter_mut().take(2).for_each(Node::start);
    let arrives = |all: &Founded| {
        let case = text(&all.nodes[0].ask(submit()).expect("a request")["case"]);
        await_some("the request at XBB", || all.nodes[1].show(&case));
        let delivered = |case: &Value| !case["received_at"].is_null();
        await_some("its receipt at XAA", || all.nodes[0].show(&case).filter(delivered));
    };
    let west = |all: &Founded, part: &str| {
        let shown = all.show("xaa");
        let parties = shown["parties"].as_array().expect("parties").clone();
        parties.iter().find(|p| p["party"] == "org:west").and_then(|west| west[part].as_u64())
    };
    arrives(&all);
    for (what, parts) in [("seal", (2, 2)), ("root", (3, 2))] {
        relay.stop();
        all.demand(&format!("valise identity rotate {what} --reason 'in time' --data relay"));
        assert_eq!(all.keys("relay", what)[1], "awaits the authority");
        relay.start();
        arrives(&all);
        relay.stop();
        all.list("relay");
        all.demand("valise federation sync --data relay --from authority/directory.cbor");
        relay.start();
        assert_eq!(all.keys("relay", what), ["holds on", "in force"]);
        arrives(&all);
        let heard =
            || (west(&all, "part_a") == Some(parts.0) && west(&all, "part_b") == Some(parts.1)).then_some(());
        await_some("both parts at a member, the second signed by the new seal", heard);
    }
    assert!(!relay.log().contains("was not renewed"), "{}", relay.log());
}
