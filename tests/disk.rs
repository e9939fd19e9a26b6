//! The real binary against a disk that fails, fills, or syncs too late (DESIGN §10). The drills trace system
//! calls with strace, and the full disk needs root for a tmpfs; `docs/drills.md` says how to run them all.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::founded::federate;
use common::{Node, Pair, TICK, acknowledge, await_some, digests, number, stopwatch, submit, text};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::thread::sleep;
use std::time::Duration;
use valise::control::{Command, ExitCode};

/// The most acts that are made until the injected fault must have struck.
const ACTS: usize = 60;
/// A datagram of at least this many bytes carries more than acknowledgements of QUIC: a receipt, for one.
const CARRIES_MORE: usize = 300;
/// The tmpfs of the full disk: it holds keys, settings, journal and index, and the demo's floor of 16 MiB.
const TMPFS: &str = "size=48m";
/// A full disk refuses within this time, and serves again within this time once there is room.
const REFUSAL: Duration = Duration::from_secs(1);
const RECOVERY: Duration = Duration::from_secs(10);

/// Tells whether strace can trace here; says so where it cannot.
fn can_trace() -> bool {
    let traced =
        Process::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = traced.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: strace is missing or may not trace here");
    }
    can
}

/// Which node the fault strikes.
#[derive(Clone, Copy, PartialEq)]
enum Struck {
    /// XAA, which makes acts.
    Maker,
    /// XBB, which receives them.
    Receiver,
}

impl Struck {
    /// Odd faults strike the maker, even ones the receiver.
    const fn by(nth: u64) -> Self {
        if nth % 2 == 1 { Self::Maker } else { Self::Receiver }
    }

    fn of(self, pair: &mut Pair) -> &mut Node {
        match self {
            Self::Maker => &mut pair.xaa,
            Self::Receiver => &mut pair.xbb,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Maker => Self::Receiver,
            Self::Receiver => Self::Maker,
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_the_process_ends() {
    let faults = faults("VALISE_SYNCS", &[1, 2, 3, 4, 9]);
    let mut drill = Drill::default();
    for nth in &faults {
        let ended = drill.strike(Struck::by(*nth), &format!("fdatasync:error=EIO:when={nth}"));
        assert!(
            ended.is_some_and(|code| code != 0),
            "sync {nth} failed, and the process ended with {ended:?}"
        );
    }
    drill.check("failing syncs", faults.len());
}

#[test]
fn a_write_that_finds_no_space_loses_nothing_acknowledged() {
    let faults = faults("VALISE_WRITES", &[2, 5, 9]);
    let mut drill = Drill::default();
    for nth in &faults {
        // A write of the journal ends the process; one of the index or of a mark beside the journal does not.
        let ended = drill.strike(Struck::by(*nth), &format!("pwrite64:error=ENOSPC:when={nth}"));
        assert!(ended != Some(0), "nobody asked it to end");
    }
    drill.check("failing writes", faults.len());
}

/// Lists the calls to fail: the first so many that the variable says, or a sample; none without strace.
fn faults(variable: &str, sample: &[u64]) -> Vec<u64> {
    match (can_trace(), number(variable, 0)) {
        (false, _) => Vec::new(),
        (true, 0) => sample.to_vec(),
        (true, all) => (1..=all).collect(),
    }
}

/// Two gateways that live through one fault after the other.
struct Drill {
    pair: Pair,
    acknowledged: Vec<Value>,
}

impl Default for Drill {
    fn default() -> Self {
        Self { pair: Pair::new(), acknowledged: Vec::new() }
    }
}

impl Drill {
    /// Makes acts until a node has ended by an injected fault or has had time to; returns its exit code.
    /// Then both come to rest without faults, and stop.
    fn strike(&mut self, struck: Struck, inject: &str) -> Option<i32> {
        let pair = &mut self.pair;
        struck.other().of(pair).start();
        let call = inject.split(':').next().expect("a system call");
        let (trace, inject) = (format!("trace={call}"), format!("inject={inject}"));
        let node = struck.of(pair);
        node.spawn(&["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
        // The fault may strike before the node is ready.
        let ready =
            |node: &mut Node| node.code_if_ended().is_some() || node.ask(Command::GatewayStatus).is_ok();
        await_some("an answer or an end", || ready(node).then_some(()));
        let mut refused = false;
        for _ in 0..ACTS {
            if struck.of(pair).code_if_ended().is_some() {
                break;
            }
            match pair.xaa.ask(submit()) {
                Ok(act) => {
                    assert!(!refused, "acknowledged after the failure: {act}");
                    self.acknowledged.push(act);
                }
                Err(failure) => {
                    refused = true;
                    assert_eq!(failure.exit, ExitCode::Unavailable, "{failure:?}");
                }
            }
            // Each act shall have a commit of its own, here and there.
            sleep(Duration::from_millis(15));
        }
        let node = struck.of(pair);
        // A failed store has half a second to tell its officers.
        let ended = (0..200).find_map(|_| {
            sleep(TICK);
            node.code_if_ended()
        });
        match ended {
            Some(_) => node.forget(),
            None => assert!(node.stop().success()),
        }
        node.start();
        pair.drain();
        for side in [struck, struck.other()] {
            assert!(side.of(pair).stop().success());
        }
        ended
    }

    /// Checks that both sides hold all that was acknowledged.
    fn check(mut self, what: &str, faults: usize) {
        self.pair.xaa.start();
        self.pair.xbb.start();
        for act in &self.acknowledged {
            let view = self.pair.agreed(&text(&act["case"])).expect("it was acknowledged");
            assert!(view["received_at"].is_string() && digests(&view) == [text(&act["digest"])]);
        }
        let acts = self.acknowledged.len();
        assert!(acts > 0 || faults == 0, "the drill was idle");
        eprintln!("{faults} {what}: {acts} acts acknowledged, none lost, none doubled");
    }
}

#[test]
fn what_is_said_follows_the_sync_that_covers_it() {
    if !can_trace() {
        return;
    }
    for (traced, syncs) in [(Struck::Receiver, 1), (Struck::Maker, 2)] {
        let mut pair = Pair::new();
        let trace = pair.home.path().join("trace");
        let calls = "trace=pwrite64,fdatasync,sendmsg,sendmmsg,sendto,write";
        let file = trace.display().to_string();
        traced.other().of(&mut pair).start();
        traced
            .of(&mut pair)
            .start_under(&["strace", "-D", "-f", "-qq", "-yy", "-s0", "-o", &file, "-e", calls]);
        let before = Trace::read(&trace).syncs;
        let case = text(&pair.xaa.ask(submit()).unwrap()["case"]);
        // The traced node is left in peace: what it says must be about this act alone.
        let knows = |view: &Value| traced == Struck::Maker || view["received_at"].is_string();
        let quiet = traced.other().of(&mut pair);
        await_some("the act on the other side", || quiet.show(&case).filter(knows));
        sleep(Duration::from_millis(500));
        let after = Trace::read(&trace);
        // An audit of the peer's log may follow with a commit of its own.
        assert!(after.syncs - before >= syncs, "one commit for the act, one for a receipt got");
        assert!(
            after.said > 0 && after.early == Vec::<String>::new(),
            "said before its sync: {:?}",
            after.early
        );
        assert!(traced.of(&mut pair).stop().success());
    }
}

/// What a trace of system calls shows.
#[derive(Default)]
struct Trace {
    /// Syncs of a journal segment that had been written.
    syncs: usize,
    /// What was said after such a sync: to a peer, or to an officer.
    said: usize,
    /// What was said while a segment was written and not yet synced.
    early: Vec<String>,
}

impl Trace {
    /// Reads what strace wrote. A line that begins a call stands where the call begins, and one that ends it
    /// where it ends, so a sync counts from its end and what is said from its beginning.
    fn read(file: &Path) -> Self {
        let mut trace = Self::default();
        let mut dirty = false;
        let mut syncing = None;
        for line in fs::read_to_string(file).expect("a trace").lines() {
            let (thread, call) = line.split_once(' ').expect("a thread and a call");
            let call = call.trim_start();
            let of_journal = call.contains("/store/journal-");
            if call.starts_with("pwrite64(") && of_journal {
                dirty = true;
            } else if call.starts_with("fdatasync(") && of_journal {
                syncing = Some(thread.to_owned());
            } else if (is_to_peer(call) || is_to_officer(call)) && dirty {
                trace.early.push(line.to_owned());
            } else if (is_to_peer(call) || is_to_officer(call)) && trace.syncs > 0 {
                trace.said += 1;
            }
            let ends_sync = call.starts_with("fdatasync(") || call.starts_with("<... fdatasync resumed");
            if ends_sync && call.ends_with("= 0") && syncing.as_deref() == Some(thread) {
                trace.syncs += usize::from(dirty);
                (dirty, syncing) = (false, None);
            }
        }
        trace
    }
}

/// Tells whether a call sends a datagram that may hold a receipt or an envelope.
fn is_to_peer(call: &str) -> bool {
    let sends = ["sendmsg(", "sendmmsg(", "sendto("].iter().any(|name| call.starts_with(name));
    let longest =
        call.split("iov_len=").skip(1).filter_map(|rest| rest.split([',', '}']).next()?.parse().ok()).max();
    sends && call.contains("<UDP:") && longest.unwrap_or(0) >= CARRIES_MORE
}

/// Tells whether a call answers an officer.
fn is_to_officer(call: &str) -> bool {
    ["write(", "sendto("].iter().any(|name| call.starts_with(name)) && call.contains("<UNIX-STREAM:")
}

#[test]
#[ignore = "mounts a tmpfs, which needs root: run tests/full-disk.sh"]
fn a_full_disk_refuses_soon_serves_reads_and_recovers() {
    let mut full = FullDisk::prepare();
    let pair = &mut full.pair;
    let cases: Vec<String> = (0..6).map(|_| text(&pair.xaa.ask(submit()).unwrap()["case"])).collect();
    pair.drain();
    let held = pair.xbb.ask(common::all_cases()).unwrap();
    full.ballast.fill();
    let late: Vec<String> = (0..3).map(|_| text(&pair.xaa.ask(submit()).unwrap()["case"])).collect();
    pair.xbb.await_refused("try-later", 0);
    for restart in 0..=3 {
        match restart {
            0 => {}
            2 => drop(pair.xbb.stop()),
            _ => pair.xbb.kill(),
        }
        if restart > 0 {
            full.ballast.fill();
            let watch = stopwatch();
            pair.xbb.start();
            eprintln!("restart {restart} on the full disk took {:?}", watch.elapsed());
        }
        let watch = stopwatch();
        let failure = pair.xbb.ask(acknowledge(&cases[0])).unwrap_err();
        let took = watch.elapsed();
        assert_eq!((failure.exit, failure.code.as_str()), (ExitCode::TryLater, "store.busy"));
        assert!(failure.message.contains("the disk is full") && took < REFUSAL, "{took:?}: {failure:?}");
        eprintln!("refused in {took:?}: {}", failure.message);
        assert_eq!(pair.xbb.ask(common::all_cases()).unwrap(), held, "reads are served");
        let doctor = pair.xbb.ask(Command::GatewayDoctor).unwrap();
        assert_eq!(doctor["cause"], "disk", "{doctor}");
    }
    full.ballast.remove();
    let watch = stopwatch();
    pair.xbb.ask(acknowledge(&cases[0])).unwrap();
    await_some("an empty queue of XAA", || (pair.xaa.status()["queue"] == 0).then_some(()));
    let took = watch.elapsed();
    eprintln!("{} acts that waited were delivered {took:?} after there was room", late.len());
    assert!(took < RECOVERY, "{took:?}");
    pair.drain();
    for case in cases.iter().chain(&late) {
        assert!(pair.agreed(case).unwrap()["received_at"].is_string(), "{case}");
    }
    assert!(pair.agreed(&cases[0]).unwrap()["ack_at"].is_string());
}

/// XBB lives on a small tmpfs of its own.
struct FullDisk {
    pair: Pair,
    ballast: Ballast,
    _mount: Mount,
}

struct Mount(PathBuf);

/// A file that fills the disk to its last byte.
struct Ballast(PathBuf);

impl FullDisk {
    fn prepare() -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("xbb");
        fs::create_dir(&dir).unwrap();
        let mount = Mount::tmpfs(&dir);
        let (xaa, xbb) = (Node::init(home.path(), "XAA"), Node::init(home.path(), "XBB"));
        let mut pair = Pair { xaa, xbb, home };
        federate(&[&pair.xaa.dir, &pair.xbb.dir], &[], common::YEAR);
        pair.xaa.start();
        pair.xbb.start();
        Self { pair, ballast: Ballast(dir.join("ballast")), _mount: mount }
    }
}

impl Mount {
    fn tmpfs(dir: &Path) -> Self {
        let mounted = Process::new("mount").args(["-t", "tmpfs", "-o", TMPFS, "valise"]).arg(dir).status();
        assert!(mounted.is_ok_and(|status| status.success()), "mounting a tmpfs needs root");
        Self(dir.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, since the folder below is deleted only after this.
        let _ = Process::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl Ballast {
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(&self.0).unwrap();
        for chunk in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; chunk]).is_ok() {}
        }
    }

    fn remove(&self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn the_reader_of_traces_sees_what_is_said_too_early() {
    let write = "7 pwrite64(5</d/store/journal-0000000001.vj>, \"\"..., 99, 0) = 99\n";
    let begin = "7 fdatasync(5</d/store/journal-0000000001.vj> <unfinished ...>\n";
    let end = "7 <... fdatasync resumed>)             = 0\n";
    let say = "8 sendmsg(9<UDP:[127.0.0.1:1]>, {msg_iov=[{iov_base=\"\"..., iov_len=700}], msg_iovlen=1}, 0) = 700\n";
    let ack =
        "8 sendmsg(9<UDP:[127.0.0.1:1]>, {msg_iov=[{iov_base=\"\"..., iov_len=40}], msg_iovlen=1}, 0) = 40\n";
    let reply = "8 sendto(4<UNIX-STREAM:[1->2]>, \"\"..., 90, MSG_NOSIGNAL, NULL, 0) = 90\n";
    let dir = tempfile::tempdir().unwrap();
    let read = |lines: &[&str]| {
        let file = dir.path().join("trace");
        fs::write(&file, lines.concat()).unwrap();
        let trace = Trace::read(&file);
        (trace.syncs, trace.said, trace.early.len())
    };
    assert_eq!(read(&[write, ack, begin, ack, end, say, reply]), (1, 2, 0));
    assert_eq!(read(&[write, say, begin, end]), (1, 0, 1));
    assert_eq!(read(&[write, begin, reply, end, say]), (1, 1, 1));
    assert_eq!(
        read(&[write, begin, "7 <... fdatasync resumed>) = -1 EIO (Input/output error)\n", say]),
        (0, 0, 1)
    );
}
