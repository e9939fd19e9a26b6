//! Real gateways between which nothing stands but relays, one of which lies: what each vice comes to (DESIGN §13). The same
//! relay lies to whole nodes in virtual time in `simnet/tests/relays.rs`.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;
#[path = "../simnet/src/rogue.rs"]
#[allow(dead_code, missing_docs, reason = "the simulation uses the rest")]
mod rogue;

use common::founded::federate;
use common::relay::Relay;
use common::stranger::Stranger;
use common::{Node, Pair, acknowledge, await_some, submit, text};
use rogue::{Deeds, Rogue, Vice};
use serde_json::Value;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use valise::control::Command;
use valise::node::{Doorkeeper, Live, Machine};
use valise::relay::Signer;
use valise::transport::{Listen, Road};

/// XAA and XBB, a relay that lies, and perhaps one that does not.
struct Stage {
    pair: Pair,
    rogue: Arc<Rogue>,
    honest: Option<Relay>,
    _runtime: Runtime,
}

impl Stage {
    /// Starts everything.
    fn with(vice: Vice, honest: bool) -> Self {
        Self::keeping(vice, honest, 60 * 86_400)
    }

    /// Starts everything; the relay that lies says that it keeps parcels for so many seconds.
    fn keeping(vice: Vice, honest: bool, retention: i64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let stranger = Stranger::new("org:relay-rogue", 77);
        let mut words = vec!["--address", "none", "--relay", "org:relay-rogue"];
        if honest {
            words.extend(["--relay", "org:relay-west"]);
        }
        let [mut xaa, mut xbb] = ["XAA", "XBB"].map(|code| Node::init_with(home.path(), code, &words));
        let mut honest = honest.then(|| Relay::init(home.path(), "relay-west", ""));
        let mut dirs = vec![xaa.dir.clone(), xbb.dir.clone()];
        dirs.extend(honest.iter().map(|relay| relay.dir.clone()));
        let dirs: Vec<_> = dirs.iter().map(|dir| dir.as_path()).collect();
        federate(&dirs, std::slice::from_ref(&stranger.member), common::YEAR);

        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let machine = Arc::new(Machine::os());
        let directory = || stranger.directory(&xaa.dir);
        let check = Arc::new(Doorkeeper {
            directory: Arc::new(Live::new(directory())),
            machine: Arc::clone(&machine),
        });
        let listen = Listen { quic: "127.0.0.1:0".parse().unwrap(), tcp: None };
        let road = {
            let _inside = runtime.enter();
            Arc::new(Road::bind(listen, Arc::new(stranger.identity()), check).unwrap())
        };
        let at = road.local_address().unwrap().to_string();
        [&xaa, &xbb].into_iter().for_each(|node| node.route("org:relay-rogue", &at, None));
        let signer = Signer {
            party: stranger.party.clone(),
            name: stranger.ring.gateway.clone(),
            key: stranger.ring.log.clone(),
        };
        let terms = (vice, retention);
        let rogue = Rogue::new(signer, directory(), terms, Box::new(move || machine.now()));
        runtime.spawn(Arc::clone(&rogue).serve(road));
        honest.iter_mut().for_each(Relay::start);
        xaa.start();
        xbb.start();
        Self { pair: Pair { xaa, xbb, home }, rogue, honest, _runtime: runtime }
    }

    /// Plays a case from its request to its acknowledgement; all of it arrives, once.
    fn play(&self) {
        let Pair { xaa, xbb, .. } = &self.pair;
        let case = text(&xaa.ask(submit()).unwrap()["case"]);
        let shows = |field: &str| {
            let what = format!("{field} on both sides;\n{}\n{}", xaa.log(), xbb.log());
            await_some(&what, || {
                let views = [xaa.show(&case)?, xbb.show(&case)?];
                views.iter().all(|view| view[field].is_string()).then_some(())
            });
        };
        shows("received_at");
        xbb.ask(acknowledge(&case)).unwrap();
        shows("ack_at");
        let view = self.pair.agreed(&case).unwrap();
        assert_eq!(common::acts(&view).len(), 2, "each act counts once: {view}");
    }

    /// Submits a request that must not arrive; gives what is said of it after a while.
    fn stuck(&self) -> String {
        let case = text(&self.pair.xaa.ask(submit()).unwrap()["case"]);
        await_some("what the relay does", || {
            (self.rogue.deeds().dropped + self.rogue.deeds().damaged > 0).then_some(())
        });
        thread::sleep(Duration::from_secs(2));
        assert!(self.pair.xbb.show(&case).is_none(), "nothing has come");
        let view = self.pair.xaa.show(&case).unwrap();
        assert!(view["received_at"].is_null(), "nobody believes that it has: {view}");
        let queue = self.pair.xaa.ask(Command::QueueList).unwrap();
        queue[0].to_string()
    }

    /// Both sides write down what they have about the relay; whoever has the federation's fingerprint judges it.
    fn is_proved(&self) {
        let Pair { xaa, xbb, home } = &self.pair;
        thread::sleep(Duration::from_secs(2));
        let export = |node: &Node| {
            let file = home.path().join(format!("{}.custody", node.code)).display().to_string();
            let made = node.run(&["evidence", "export", "--relay", "org:relay-rogue", "-o", &file]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            file
        };
        let (ours, theirs, anchor) = (export(xaa), export(xbb), self.pair.anchor());
        let verify = |files: &[&str]| {
            let words = [&["--json", "evidence", "verify"], files, &["--anchor", &anchor]].concat();
            let judged = common::valise(&words);
            let answer: Value = serde_json::from_slice(&judged.stdout).unwrap_or_default();
            (judged.status.code(), answer["data"].clone())
        };
        let (code, judged) = verify(&[&ours, &theirs]);
        assert_eq!(
            (code, judged["valid"].as_bool(), judged["dropped"].as_u64()),
            (Some(0), Some(true), Some(1)),
            "{judged}"
        );
        assert_eq!(
            (&judged["parcels"][0]["from"], &judged["parcels"][0]["fate"]),
            (&"XAA".into(), &"dropped".into())
        );
        // By one side alone nothing is proved, and a file that was touched proves nothing at all.
        let (code, alone) = verify(&[&ours]);
        assert_eq!((code, &alone["parcels"][0]["fate"]), (Some(0), &"unheard".into()), "{alone}");
        let mut bytes = std::fs::read(&theirs).unwrap();
        let last = bytes.len() - 20;
        bytes[last] ^= 1;
        let touched = home.path().join("touched").display().to_string();
        std::fs::write(&touched, bytes).unwrap();
        let (code, touched) = verify(&[&ours, &touched]);
        assert_eq!(
            (code, touched["valid"].as_bool(), touched["dropped"].as_u64()),
            (Some(1), Some(false), Some(0)),
            "{touched}"
        );
    }

    fn deeds(&self) -> Deeds {
        self.rogue.deeds()
    }
}

#[test]
fn dropping_relay_is_shown_with_its_custody_and_passed_by_where_there_is_another() {
    let alone = Stage::with(Vice::Drops, false);
    let said = alone.stuck();
    assert!(said.contains("\"relay\":\"org:relay-rogue\""), "its custody is kept as evidence: {said}");
    drop(alone);
    let alone = Stage::keeping(Vice::Drops, false, 2);
    alone.stuck();
    alone.is_proved();
    drop(alone);
    let stage = Stage::with(Vice::Drops, true);
    stage.play();
    assert!(stage.honest.is_some() && stage.deeds().dropped > 0);
}

#[test]
fn repeating_reordering_and_replaying_relays_change_nothing() {
    for vice in [Vice::Duplicates, Vice::Reorders, Vice::Replays] {
        let stage = Stage::with(vice, false);
        (0..2).for_each(|_| stage.play());
        assert!(vice == Vice::Reorders || stage.deeds().repeated > 0, "{vice:?}: {:?}", stage.deeds());
    }
}

#[test]
fn forging_relay_is_not_believed() {
    let alone = Stage::with(Vice::Forges, false);
    let said = alone.stuck();
    assert!(said.contains("custody") && said.contains("\"custody\":[]"), "no custody is kept: {said}");
    drop(alone);
    Stage::with(Vice::Forges, true).play();
}

#[test]
fn damaging_relay_is_counted_and_parks_nothing() {
    let alone = Stage::with(Vice::Damages, false);
    alone.stuck();
    alone.pair.xbb.await_refused("relay-damage", 0);
}

#[test]
fn relay_that_withholds_the_directory_holds_no_act_up() {
    let stage = Stage::with(Vice::Withholds, false);
    stage.play();
    assert!(stage.deeds().withheld > 0, "it was asked: {:?}", stage.deeds());
}
