//! A relay that cannot read, forge or silently drop: real gateways that reach nothing but relays.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::files::{await_verified, fetched, files as listed, noise, peak_kib};
use common::founded::federate;
use common::memory;
use common::relay::Relay;
use common::stranger::{Stranger, frame};
use common::{Node, Pair, acknowledge, await_some, holds, refuse, request, submit, text};
use serde_json::{Value, json};
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use valise::control::Command;
use valise::model::{Act, Digest, Party, Sensitive};
use valise::relay::{Custody, Refused};
use valise::trust::federation::Member;
use valise::wire::FrameKind;

/// Words that are sealed in what the relay carries, and must stand nowhere at the relay.
const SECRETS: [&str; 2] = ["PLANTED-SECRET-WORD", "XB 004217"];

/// XAA and XBB, each of which knows the other by relays only.
struct Apart {
    pair: Pair,
    relays: Vec<Relay>,
}

impl Apart {
    /// Makes both gateways and these relays, whose settings hold `more`; nothing runs yet.
    fn by(names: &[&str], more: &str) -> Self {
        Self::with(names, more, &[])
    }

    /// Makes them in a federation with others that no gateway serves.
    fn with(names: &[&str], more: &str, others: &[Member]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let parties: Vec<String> = names.iter().map(|name| format!("org:{name}")).collect();
        // Nothing gets in at either: the only road to them is by the relays.
        let mut words = vec!["--address", "none"];
        parties.iter().for_each(|relay| words.extend(["--relay", relay]));
        let [xaa, xbb] = ["XAA", "XBB"].map(|code| Node::init_with(home.path(), code, &words));
        let relays: Vec<Relay> = names.iter().map(|name| Relay::init(home.path(), name, more)).collect();
        let mut dirs = vec![xaa.dir.as_path(), &xbb.dir];
        dirs.extend(relays.iter().map(|relay| relay.dir.as_path()));
        federate(&dirs, others, common::YEAR);
        Self { pair: Pair { xaa, xbb, home }, relays }
    }

    fn submit(&self) -> String {
        text(&self.pair.xaa.ask(submit()).unwrap()["case"])
    }

    /// Waits until both sides show a field of a case.
    fn await_field(&self, case: &str, field: &str) {
        let Pair { xaa, xbb, .. } = &self.pair;
        let shows = |view: Option<Value>| view.is_some_and(|view| view[field].is_string());
        let what = format!("{field} of {case} on both sides;\n{}\n{}", xaa.log(), xbb.log());
        await_some(&what, || (shows(xaa.show(case)) && shows(xbb.show(case))).then_some(()));
    }
}

fn queue(node: &common::Node) -> Vec<Value> {
    node.ask(Command::QueueList).unwrap().as_array().unwrap().clone()
}

#[test]
fn two_members_without_an_inbound_port_complete_a_case_by_relay() {
    let mut apart = Apart::by(&["relay-west"], "");
    apart.relays[0].start();
    apart.pair.xaa.start();
    let case = apart.submit();
    // XBB is not there yet: the relay has signed for the request, and the queue shows it.
    let held = await_some("custody", || {
        queue(&apart.pair.xaa).into_iter().find(|entry| entry["custody"] != Value::Array(vec![]))
    });
    assert_eq!(held["custody"][0]["relay"], "org:relay-west");
    assert_eq!((held["state"].as_str(), &held["last_cause"]), (Some("queued"), &Value::Null));
    assert_eq!(apart.relays[0].waiting("XBB"), 1);
    apart.pair.xbb.start();
    apart.await_field(&case, "received_at");
    apart.pair.xbb.ask(acknowledge(&case)).unwrap();
    apart.await_field(&case, "ack_at");
    apart.pair.xbb.ask(refuse(&case)).unwrap();
    apart.await_field(&case, "responded_at");
    await_some("empty queues", || {
        (queue(&apart.pair.xaa).is_empty() && queue(&apart.pair.xbb).is_empty()).then_some(())
    });
    apart.pair.agreed(&case).unwrap();
    // The history keeps who carried the request, also now that nothing waits any more.
    let history = apart.pair.xaa.ask(Command::CaseHistory { case: case.parse().unwrap() }).unwrap();
    let steps = history[0]["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["written", "queued", "relay", "receipt", "acknowledged", "answered"], "{history}");
    assert_eq!((&steps[2]["proved"], steps[2]["at"].is_string()), (&Value::Bool(true), true));
    let relay = steps[2]["detail"].as_str().unwrap();
    assert!(relay.starts_with("org:relay-west has signed for it for XBB"), "{relay}");
    // What was collected and confirmed is forgotten, its bytes too.
    for party in ["XAA", "XBB"] {
        apart.relays[0].await_waiting(party, 0);
    }
    let left: Vec<_> = fs::read_dir(apart.relays[0].dir.join("store/parcels")).unwrap().flatten().collect();
    assert!(left.iter().all(|file| file.file_name() == "lock"), "{left:?}");
}

#[test]
fn kill_9_of_the_relay_loses_nothing_that_it_signed_for() {
    let mut apart = Apart::by(&["relay-west"], "");
    apart.relays[0].start();
    apart.pair.xaa.start();
    let cases: Vec<String> = (0..6).map(|_| apart.submit()).collect();
    let signed_for = |entry: &Value| entry["custody"] != Value::Array(vec![]);
    await_some("custody for all", || queue(&apart.pair.xaa).iter().all(signed_for).then_some(()));
    apart.relays[0].kill();
    // The sender dies too: nothing but the relay has the acts on the way, and they are not sent again.
    apart.pair.xaa.kill();
    apart.relays[0].start();
    assert_eq!(apart.relays[0].waiting("XBB"), 6);
    apart.pair.xbb.start();
    await_some("all cases at XBB", || {
        cases.iter().all(|case| apart.pair.xbb.show(case).is_some()).then_some(())
    });
    apart.relays[0].kill();
    apart.relays[0].start();
    apart.pair.xaa.start();
    cases.iter().for_each(|case| apart.await_field(case, "received_at"));
    await_some("an empty queue", || queue(&apart.pair.xaa).is_empty().then_some(()));
}

/// Passes datagrams on between a gateway and the relay, and keeps all of them.
fn listen_in(to: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let front = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    let (port, seen) = (front.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&seen);
    thread::spawn(move || {
        let mut clients = std::collections::BTreeMap::new();
        let mut datagram = vec![0; 65_535];
        while let Ok((length, client)) = front.recv_from(&mut datagram) {
            heard.lock().unwrap().extend_from_slice(&datagram[..length]);
            let out = clients.entry(client).or_insert_with(|| {
                let out = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
                out.connect(("127.0.0.1", to)).unwrap();
                let (back, front, heard) = (Arc::clone(&out), Arc::clone(&front), Arc::clone(&heard));
                thread::spawn(move || {
                    let mut datagram = vec![0; 65_535];
                    loop {
                        match back.recv(&mut datagram) {
                            Ok(length) => {
                                heard.lock().unwrap().extend_from_slice(&datagram[..length]);
                                let _ = front.send_to(&datagram[..length], client);
                            }
                            // Nobody listens there just now.
                            Err(_) => thread::sleep(Duration::from_millis(20)),
                        }
                    }
                });
                out
            });
            let _ = out.send(&datagram[..length]);
        }
    });
    (port, seen)
}

fn files(folder: &Path, out: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), out);
        } else if entry.file_type().unwrap().is_file() {
            out.extend(fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn curious_relay_finds_no_secret_in_its_store_its_memory_or_its_traffic() {
    let mut apart = Apart::by(&["relay-west"], "");
    let (port, traffic) = listen_in(apart.relays[0].port);
    for node in [&apart.pair.xaa, &apart.pair.xbb] {
        node.route(&apart.relays[0].party, &format!("127.0.0.1:{port}"), None);
    }
    apart.relays[0].start();
    apart.pair.xaa.start();
    let mut planted = request();
    planted.items[0].note = Some(Sensitive::new(SECRETS[0].to_owned()));
    assert!(serde_json::to_string(&planted).unwrap().contains(SECRETS[1]), "the serial is in the request");
    let mut send = submit();
    if let Command::RequestSubmit { request, .. } = &mut send {
        **request = planted;
    }
    let case = text(&apart.pair.xaa.ask(send).unwrap()["case"]);
    apart.relays[0].await_waiting("XBB", 1);
    let search = |what: &str, hay: &[u8]| {
        for secret in SECRETS {
            assert!(!holds(hay, secret), "{secret} stands in {what}");
        }
        assert!(!holds(hay, &case), "the case stands in {what}");
    };
    let look = |relay: &Relay| {
        let mut store = Vec::new();
        files(&relay.dir, &mut store);
        // The search would find what is there: who sends to whom is all that a relay knows.
        assert!(holds(&store, "XBB"), "the store is searched");
        search("the relay's files", &store);
        match memory::written(relay.pid()) {
            Some(memory) => {
                assert!(holds(&memory, &relay.party), "the memory is searched");
                search("the relay's memory", &memory);
            }
            None => eprintln!("skipped: this user may not read the relay's memory; run as root"),
        }
        search("the traffic", &traffic.lock().unwrap());
    };
    look(&apart.relays[0]);
    apart.pair.xbb.start();
    apart.await_field(&case, "received_at");
    look(&apart.relays[0]);
    assert!(!traffic.lock().unwrap().is_empty(), "the traffic is heard");
}

#[test]
fn of_two_relays_a_dead_one_is_passed_over() {
    let mut apart = Apart::by(&["relay-east", "relay-west"], "");
    apart.relays[1].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let case = apart.submit();
    apart.await_field(&case, "received_at");
    await_some("an empty queue", || queue(&apart.pair.xaa).is_empty().then_some(()));
    // The next act goes by the relay that worked, without a try at the other one.
    apart.pair.xbb.ask(acknowledge(&case)).unwrap();
    apart.await_field(&case, "ack_at");
}

#[test]
fn what_is_not_collected_expires_with_a_signed_notice_to_its_sender() {
    let mut apart = Apart::by(&["relay-west"], "");
    let settings = apart.relays[0].dir.join("relay.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace("[custody]\n", "[custody]\nretention_seconds = 2\n")).unwrap();
    apart.relays[0].start();
    apart.pair.xaa.start();
    let case = apart.submit();
    let told = await_some("a notice of expiry", || {
        queue(&apart.pair.xaa).into_iter().find(|entry| {
            entry["last_cause"]
                .as_str()
                .is_some_and(|cause| cause.contains("org:relay-west") && cause.contains("gave it up"))
        })
    });
    assert_eq!(told["case"], case.as_str());
    // It is not lost: it waits on, and reaches XBB once XBB collects.
    apart.pair.xbb.start();
    apart.await_field(&case, "received_at");
}

#[tokio::test]
#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
async fn junk_of_one_member_stops_no_act_of_another_and_what_does_not_hold_is_refused_with_a_signature() {
    let mut xcc = Stranger::new("XCC", 5);
    let quota = "\n[quota]\nacts_parcels = 4\n";
    let mut apart = Apart::with(&["relay-west"], quota, &[xcc.member.clone()]);
    apart.relays[0].start();
    let relay: Party = apart.relays[0].party.parse().unwrap();
    let directory = xcc.directory(&apart.relays[0].dir);
    let xbb: Party = "XBB".parse().unwrap();
    let line = xcc.call(apart.relays[0].port).await.unwrap();
    let envelope = |xcc: &mut Stranger, number: u32| {
        let (id, case) = (xcc.message_id(), format!("XCC-2026-{number:06}"));
        let signed = xcc.sign(&directory, &xbb, &case, id, Act::Request(Box::new(request())));
        xcc.seal(&directory, &xbb, &signed).bytes
    };
    let now = common::dice::now;
    let mut codes = Vec::new();
    let mut last = Vec::new();
    for number in 1..=12 {
        last = envelope(&mut xcc, number);
        let (kind, body) = line.send(&last).await;
        codes.push(match kind {
            FrameKind::Custody => {
                let custody = Custody::verify(&body, &relay, &directory, now()).unwrap();
                assert_eq!(
                    (custody.parcel.digest, custody.parcel.index),
                    (Digest::of(&[&last]), u64::from(number) - 1)
                );
                "custody".to_owned()
            }
            FrameKind::Refused => Refused::verify(&body, &relay, &directory, now()).unwrap().code,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(codes[..4], ["custody"; 4].map(str::to_owned));
    assert_eq!(codes[4..], ["quota-full"; 8].map(str::to_owned));
    // Damaged, forged or another's: refused before it takes any room.
    let refused = async |body: Vec<u8>| {
        let (kind, body) = line.send(&body).await;
        assert_eq!(kind, FrameKind::Refused);
        Refused::verify(&body, &relay, &directory, now()).unwrap().code
    };
    let mut damaged = last.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(refused(damaged).await, "body-mismatch");
    assert_eq!(refused(b"\x00".to_vec()).await, "unexpected-content");
    let mut xdd = Stranger::new("XCC", 6);
    let foreign = xdd.directory(&apart.relays[0].dir);
    let id = xdd.message_id();
    let signed = xdd.sign(&foreign, &xbb, "XCC-2026-000099", id, Act::Request(Box::new(request())));
    assert_eq!(refused(xdd.seal(&foreign, &xbb, &signed).bytes).await, "unknown-key");
    // An unproved word neither opens a mailbox nor empties one; it ends its own stream only.
    for kind in [FrameKind::Collect, FrameKind::Collected, FrameKind::Parcel] {
        assert!(line.say(&frame(kind, b"\xa0")).await.is_empty());
    }
    assert!(line.lives().await);
    assert_eq!(apart.relays[0].waiting("XBB"), 4);
    // The acts of XAA pass although XCC has filled its share, and before the rest of XCC's parcels.
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let case = apart.submit();
    apart.await_field(&case, "received_at");
}

#[test]
fn a_relay_takes_other_keys_and_its_members_hear_of_them_before_they_are_used() {
    let mut apart = Apart::by(&["relay-west"], "");
    apart.relays[0].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let first = apart.submit();
    apart.await_field(&first, "received_at");
    let data = apart.relays[0].dir.display().to_string();
    let rotate = |what: &str| {
        let words = ["--json", "identity", "rotate", what, "--reason", "in time", "--data", &data];
        common::valise(&words)
    };
    let running = rotate("log");
    assert_eq!(running.status.code(), Some(78), "{}", String::from_utf8_lossy(&running.stderr));
    apart.relays[0].stop();
    for what in ["log", "gateway"] {
        let done = rotate(what);
        assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let bad = common::valise(&["identity", "rotate", "log", "--reason", "", "--data", &data]);
    assert_eq!(bad.status.code(), Some(2));
    apart.relays[0].start();
    let second = apart.submit();
    apart.await_field(&second, "received_at");
    let relay: Party = apart.relays[0].party.parse().unwrap();
    await_some("both log keys at both members", || {
        let logs = |node: &Node| node.directory().entry(&relay).map_or(0, |entry| entry.logs().len());
        (logs(&apart.pair.xaa) == 2 && logs(&apart.pair.xbb) == 2).then_some(())
    });
}

#[test]
fn act_that_arrives_by_two_roads_is_processed_once() {
    let mut apart = Apart::by(&["relay-west", "relay-east"], "");
    apart.relays.iter_mut().for_each(Relay::start);
    apart.pair.xaa.start();
    let case = apart.submit();
    // After five seconds without a receipt, the demo's longest pause, the second relay has it too.
    apart.relays[0].await_waiting("XBB", 1);
    apart.relays[1].await_waiting("XBB", 1);
    apart.pair.xbb.start();
    apart.await_field(&case, "received_at");
    for relay in &apart.relays {
        relay.await_waiting("XBB", 0);
    }
    apart.pair.agreed(&case).unwrap();
}

#[test]
fn a_relay_has_no_key_that_it_does_not_need() {
    let home = tempfile::tempdir().unwrap();
    let relay = Relay::init(home.path(), "relay-west", "");
    let mut keys: Vec<String> = fs::read_dir(relay.dir.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".key"))
        .collect();
    keys.sort();
    assert_eq!(keys, ["issuing.key", "log.key", "root.key", "seal.key"], "none that opens anything");
    let again = common::valise(&[
        "relay",
        "init",
        "--party",
        "org:relay-west",
        "--data",
        &relay.dir.display().to_string(),
    ]);
    assert_eq!(again.status.code(), Some(78), "nothing is overwritten");
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a relay already"));
}

/// Two States that reach one another by relay only, one of them with the power off: the file comes in pieces by whichever
/// relay has them, through kills of everybody, and the relay keeps no more of it in memory than of an act.
#[test]
fn clause_6_4_5_files_come_by_relay_whole_verified_and_in_constant_memory() {
    let mib = common::number("VALISE_ATTACHMENT_MIB", 24).min(2048);
    let mut apart = Apart::by(&["relay-west"], "");
    apart.relays[0].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let home = apart.pair.home.path().to_owned();
    fs::write(home.join("small"), noise(3, 1_500_000)).unwrap();
    let first = common::files::submit(&apart.pair, &json!([{ "shows": "a small one", "path": "small" }]));
    await_verified(&apart.pair.xbb, &first, 1);
    let before = peak_kib(apart.relays[0].pid());
    let film: Vec<u8> = (0..mib).flat_map(|part| noise(part + 20, 1 << 20)).collect();
    fs::write(home.join("film"), &film).unwrap();
    let case = common::files::submit(
        &apart.pair,
        &json!([{ "shows": "a film", "path": "film" }, { "shows": "again", "path": "film" }]),
    );
    // The addressee and then the sender lose power while it comes.
    let coming = |held: u64| {
        await_some("some pieces", || {
            let list = listed(&apart.pair.xbb, &case, &[]);
            list.first()?["held"].as_u64().filter(|now| *now >= held)
        })
    };
    await_some("the request at XBB", || apart.pair.xbb.show(&case));
    coming(2);
    apart.pair.xbb.kill();
    apart.pair.xbb.start();
    apart.pair.xaa.kill();
    apart.pair.xaa.start();
    await_verified(&apart.pair.xbb, &case, 2);
    let after = peak_kib(apart.relays[0].pid());
    println!("{mib} MiB by relay: its peak resident memory {before} KiB before, {after} KiB after");
    assert!(after < before + 40 * 1024, "{before} KiB, then {after} KiB");
    assert!(fetched(&apart.pair.xbb, &case, &home.join("out")) == [film.clone(), film]);
    // Nothing of it is left at the relay.
    await_some("an empty relay", || (apart.relays[0].waiting("XBB") == 0).then_some(()));
    let left = fs::read_dir(apart.relays[0].dir.join("store/parcels")).unwrap().flatten();
    let blocks: u64 = left.map(|entry| entry.metadata().unwrap().blocks()).sum();
    assert!(blocks * 512 < 500_000, "{blocks} blocks of 512 bytes");
}

#[test]
fn files_by_relay_wait_for_room_and_survive_a_relay_that_dies() {
    // One relay has room for two pieces; the file has seven.
    let mut apart = Apart::by(&["relay-west"], "[quota]\nbulk_mib = 2\n");
    apart.relays[0].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let home = apart.pair.home.path().to_owned();
    let film = noise(4, 6_500_000);
    fs::write(home.join("film"), &film).unwrap();
    let case = common::files::submit(&apart.pair, &json!([{ "shows": "a film", "path": "film" }]));
    apart.await_field(&case, "received_at");
    apart.relays[0].kill();
    apart.relays[0].start();
    await_verified(&apart.pair.xbb, &case, 1);
    assert!(fetched(&apart.pair.xbb, &case, &home.join("out")) == [film]);
}

#[test]
fn on_a_metered_line_a_file_is_not_asked_for_by_relay_either() {
    let mut apart = Apart::by(&["relay-west"], "");
    let settings = apart.pair.xbb.dir.join("valise.toml");
    let old = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("attachments = \"on-request\"\n{old}")).unwrap();
    apart.relays[0].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let home = apart.pair.home.path().to_owned();
    fs::write(home.join("left"), noise(5, 1_200_000)).unwrap();
    let case = common::files::submit(&apart.pair, &json!([{ "shows": "left side", "path": "left" }]));
    apart.await_field(&case, "received_at");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(listed(&apart.pair.xbb, &case, &[])[0]["state"], "on_request");
    listed(&apart.pair.xbb, &case, &["--fetch"]);
    await_verified(&apart.pair.xbb, &case, 1);
}

/// Runs `gateway backup` or `gateway restore` on a file beside the gateways.
fn safe(apart: &Apart, verb: &str, more: &[&str]) {
    let path = |name: &str| apart.pair.home.path().join(name).display().to_string();
    let (file, credential, data) = (path("xbb.backup"), path("credential"), path("xbb"));
    let file: &[&str] = if verb == "backup" { &["-o", &file] } else { &[&file] };
    let words = [&["gateway", verb], file, &["--credential", &credential, "--data", &data], more].concat();
    let done = common::valise(&words);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_restored_gateway_that_only_a_relay_reaches_gets_back_what_it_had() {
    let mut apart = Apart::by(&["relay-west"], "");
    apart.relays[0].start();
    apart.pair.xaa.start();
    apart.pair.xbb.start();
    let early = apart.submit();
    apart.await_field(&early, "received_at");
    safe(&apart, "backup", &["--make-credential"]);
    apart.pair.xbb.ask(acknowledge(&early)).unwrap();
    let late = apart.submit();
    apart.await_field(&early, "ack_at");
    apart.await_field(&late, "received_at");
    apart.pair.xbb.ask(refuse(&late)).unwrap();
    apart.await_field(&late, "responded_at");
    await_some("an empty queue at XBB", || queue(&apart.pair.xbb).is_empty().then_some(()));
    let before = [&early, &late].map(|case| apart.pair.xbb.show(case).unwrap());

    apart.pair.xbb.kill();
    fs::rename(&apart.pair.xbb.dir, apart.pair.home.path().join("lost")).unwrap();
    // While it is away, its peer goes on: that is sealed to a prekey which is lost with the disk.
    let meanwhile = apart.submit();
    apart.relays[0].await_waiting("XBB", 1);
    safe(&apart, "restore", &["--party", "XBB"]);
    apart.pair.xaa.stop();
    apart.pair.xbb.start();
    // Its peer is away; the relay keeps the question, and the word that a prekey is gone. Nothing else is said meanwhile.
    apart.relays[0].await_waiting("XAA", 2);
    let silent = apart.pair.xbb.ask(refuse(&early)).unwrap_err();
    assert_eq!(silent.code, "gateway.recovering");
    apart.pair.xaa.start();
    await_some("the end of the recovery", || {
        let open = apart.pair.xbb.status()["recovery"].clone();
        open.as_array().unwrap().is_empty().then_some(())
    });
    for (case, before) in [&early, &late].iter().zip(&before) {
        let after = apart.pair.xbb.show(case).unwrap();
        for field in ["received_at", "ack_at", "responded_at", "state"] {
            assert_eq!(after[field], before[field], "{field} of {case}");
        }
        assert!(apart.pair.agreed(case).is_some());
    }
    // What was said meanwhile arrives, and exchange goes on in both directions.
    apart.await_field(&meanwhile, "received_at");
    apart.pair.xbb.ask(acknowledge(&meanwhile)).unwrap();
    apart.await_field(&meanwhile, "ack_at");
    for node in [&apart.pair.xaa, &apart.pair.xbb] {
        assert_eq!(node.status()["alarms"].as_array().unwrap().len(), 0, "{}", node.code);
    }
}
