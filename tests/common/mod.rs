//! Gateways of the real binary on loopback, and hands to start, ask, kill and look at them.
#![allow(dead_code, reason = "each drill uses its own part")]

pub mod dice;
pub mod files;
pub mod founded;
pub mod memory;
pub mod relay;
pub mod siege;
pub mod stranger;

use founded::federate;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use valise::config::Layout;
use valise::control::{Call, Client, Command, Failure, VERSION};
use valise::model::{CaseId, Ground, GroundCode, Request, Sensitive};
use valise::node::joining;
use valise::offline::requests::{Example, example, parse_request};
use valise::trust::Directory;
use valise::trust::federation::Member;

/// The binary under test.
pub const VALISE: &str = env!("CARGO_BIN_EXE_valise");
/// How often a wait looks again.
pub const TICK: Duration = Duration::from_millis(20);
/// The clock fields that both sides of a case must show equal.
pub const CLOCKS: [&str; 5] = ["received_at", "ack_due", "ack_at", "respond_due", "responded_at"];
/// How many ticks anything may take that must come about; sixty seconds.
const PATIENCE: u32 = 3000;

/// For how many seconds the directory of a drill is fresh, if it is not about that.
pub const YEAR: i64 = 365 * 86_400;

/// One gateway with everything below one folder.
pub struct Node {
    /// Its party.
    pub code: &'static str,
    /// Its folder.
    pub dir: PathBuf,
    /// Its UDP port.
    pub port: u16,
    child: Option<Child>,
}

/// XAA and XBB.
pub struct Pair {
    pub xaa: Node,
    pub xbb: Node,
    pub home: TempDir,
}

impl Pair {
    /// Makes both gateways, which have joined one federation; neither runs yet.
    pub fn new() -> Self {
        Self::meeting(&[])
    }

    /// Makes both gateways in a federation with others that no gateway serves.
    pub fn meeting(others: &[Member]) -> Self {
        let pair = Self::apart();
        federate(&[&pair.xaa.dir, &pair.xbb.dir], others, YEAR);
        pair
    }

    /// Makes both gateways, which have joined nothing yet.
    pub fn apart() -> Self {
        let home = tempfile::tempdir().expect("a folder for the drill");
        let (xaa, xbb) = (Node::init(home.path(), "XAA"), Node::init(home.path(), "XBB"));
        Self { xaa, xbb, home }
    }

    /// Returns the fingerprint of their federation.
    pub fn anchor(&self) -> String {
        self.xaa.directory().anchor().to_string()
    }

    /// Makes both gateways and starts them.
    pub fn running() -> Self {
        let mut pair = Self::new();
        pair.xaa.start();
        pair.xbb.start();
        pair
    }

    /// Wakes both couriers until neither queue holds anything.
    pub fn drain(&self) {
        let sides = [&self.xaa, &self.xbb];
        await_some("an empty queue on both sides", || {
            for node in sides {
                node.ask(Command::QueueRetry { id: None }).expect("a queue can be woken");
            }
            let empty = |node: &Node| node.ask(Command::QueueList).is_ok_and(|q| q == Value::Array(vec![]));
            sides.into_iter().all(empty).then_some(())
        });
    }

    /// Reads a case on both sides, checks that they tell the same story, and returns XAA's view;
    /// `None` if neither knows it.
    pub fn agreed(&self, case: &str) -> Option<Value> {
        let (here, there) = (self.xaa.show(case), self.xbb.show(case));
        let (Some(here), Some(there)) = (here.as_ref(), there.as_ref()) else {
            assert!(here.is_none() && there.is_none(), "{case} stands on one side only: {here:?} {there:?}");
            return None;
        };
        for clock in CLOCKS {
            assert_eq!(here[clock], there[clock], "{clock} of {case}");
        }
        assert_eq!(digests(here), digests(there), "the acts of {case}");
        for side in [here, there] {
            let of = |kind: &str| acts(side).iter().filter(|act| act["kind"] == kind).count();
            let counts = ["request", "acknowledgement", "refusal", "response"].map(of);
            assert!(
                counts[0] == 1 && counts[1..].iter().all(|n| *n <= 1),
                "an act of {case} is doubled: {side}"
            );
        }
        Some(here.clone())
    }
}

impl Node {
    /// Makes the keys and settings of a demo gateway in a folder below `home`.
    pub fn init(home: &Path, code: &'static str) -> Self {
        Self::init_with(home, code, &[])
    }

    /// Makes one with these further words.
    pub fn init_with(home: &Path, code: &'static str, more: &[&str]) -> Self {
        let dir = home.join(code.to_lowercase());
        let node = Self { code, dir, port: free_port(), child: None };
        let listen = format!("127.0.0.1:{}", node.port);
        let words = ["gateway", "init", "--party", code, "--listen", &listen, "--demo"];
        let officers = ["--officer", "one:officer", "--officer", "aud:auditor"];
        let made = node.run(&[&words[..], &officers, more].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        node
    }

    /// Takes over a gateway that was made already.
    pub fn at(dir: PathBuf, code: &'static str, port: u16) -> Self {
        Self { code, dir, port, child: None }
    }

    /// Has the gateway look for a party at another place than the one that it publishes.
    pub fn route(&self, party: &str, address: &str, tcp: Option<&str>) {
        let file = self.dir.join("valise.toml");
        let before = fs::read_to_string(&file).expect("settings");
        let tcp = tcp.map(|tcp| format!("tcp = \"{tcp}\"\n")).unwrap_or_default();
        let route = format!("\n[[route]]\nparty = \"{party}\"\naddress = \"{address}\"\n{tcp}");
        fs::write(&file, before + &route).expect("settings are written");
    }

    /// Has it look for everybody where they say that they are.
    pub fn forget_routes(&self) {
        let file = self.dir.join("valise.toml");
        let before = fs::read_to_string(&file).expect("settings");
        let kept = before.split("\n[[route]]").next().expect("settings begin");
        fs::write(&file, kept).expect("settings are written");
    }

    /// Reads the directory that it has joined.
    pub fn directory(&self) -> Directory {
        joining::peek(&Layout::under(&self.dir), None).expect("it has joined")
    }

    /// Returns the file of its own part B.
    pub fn part_b(&self) -> PathBuf {
        self.dir.join("pki/part-b.cbor")
    }

    /// Returns the folder of the store.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Runs a verb of the binary to its end, with `--json`.
    pub fn run(&self, words: &[&str]) -> Output {
        let data = self.dir.display().to_string();
        valise(&[words, &["--data", &data, "--json"]].concat())
    }

    /// Starts the gateway where it must end by itself at once.
    pub fn run_serve(&self) -> Output {
        let data = self.dir.display().to_string();
        let mut process = Process::new(VALISE);
        process
            .args(["gateway", "serve", "--json", "--data", &data])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = process.stderr(Stdio::piped()).spawn().expect("the binary starts");
        let ended = (0..PATIENCE).any(|_| {
            sleep(TICK);
            child.try_wait().expect("a child can be asked").is_some()
        });
        if !ended {
            child.kill().expect("a child can be killed");
        }
        let output = child.wait_with_output().expect("a child can be awaited");
        assert!(ended, "{} serves: {}", self.code, String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Starts the gateway and returns once it answers.
    pub fn start(&mut self) {
        self.start_under(&[]);
    }

    /// Starts the gateway under a wrapper such as `strace -D`, which must leave it our own child.
    pub fn start_under(&mut self, wrapper: &[&str]) {
        let at = self.log().len();
        self.spawn(wrapper);
        for _ in 0..PATIENCE {
            if self.ask(Command::GatewayStatus).is_ok() {
                return;
            }
            let ended = self.child().try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "{} ended with {ended:?}: {}", self.code, &self.log()[at..]);
            sleep(TICK);
        }
        panic!("{} does not answer: {}", self.code, &self.log()[at..]);
    }

    /// Starts the gateway without waiting for it.
    pub fn spawn(&mut self, wrapper: &[&str]) {
        assert!(self.child.is_none(), "{} runs already", self.code);
        let log = File::options().create(true).append(true).open(self.dir.join("log")).expect("a log");
        let data = self.dir.display().to_string();
        let words = [wrapper, &[VALISE, "gateway", "serve", "--data", &data]].concat();
        let mut process = Process::new(words[0]);
        process.args(&words[1..]).env_remove("VALISE_PROFILE").env_remove("VALISE_LOG");
        let child = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.unwrap_or_else(|cause| panic!("{}: {cause}", words[0])));
    }

    /// Kills the gateway without asking, as kill -9 does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be awaited");
    }

    /// Asks the gateway to end, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = Pid::from_child(self.child());
        kill_process(pid, Signal::TERM).expect("a child can be asked to end");
        self.ended()
    }

    /// Waits until the gateway has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let status = await_some("its end", || self.child().try_wait().expect("a child can be asked"));
        self.child = None;
        status
    }

    /// Returns the exit code if the gateway has ended by itself; -1 if a signal ended it.
    pub fn code_if_ended(&mut self) -> Option<i32> {
        let ended = self.child().try_wait().expect("a child can be asked");
        ended.map(|status| status.code().unwrap_or(-1))
    }

    /// Makes room for the next start after the gateway has ended by itself.
    pub fn forget(&mut self) {
        self.child = None;
    }

    /// Returns the process number.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Asks the gateway over its control socket, as its first officer.
    pub fn ask(&self, command: Command) -> Result<Value, Failure> {
        Client::connect(&self.dir.join("gateway.sock"))?.call(&call(command))
    }

    /// Reads a case with its acts; `None` if the gateway does not know it.
    pub fn show(&self, case: &str) -> Option<Value> {
        let case: CaseId = case.parse().expect("a case id");
        match self.ask(Command::CaseShow { case, reveal: false }) {
            Ok(view) => Some(view),
            Err(failure) if failure.code == "unknown.case" => None,
            Err(failure) => panic!("{} cannot show a case: {failure:?}", self.code),
        }
    }

    /// Returns how often something was refused with this code.
    pub fn refused(&self, code: &str) -> u64 {
        self.status()["refused"][code].as_u64().unwrap_or(0)
    }

    /// Waits until something was refused with this code more than `before` times.
    pub fn await_refused(&self, code: &str, before: u64) {
        let refused = || (self.refused(code) > before).then_some(());
        await_some(&format!("a refusal with {code}, of {}", self.status()["refused"]), refused);
    }

    /// Returns `gateway status`.
    pub fn status(&self) -> Value {
        self.ask(Command::GatewayStatus).expect("a node that runs has a status")
    }

    /// Returns all that the gateway has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it runs")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A drill that fails must leave no process behind; one that has ended already needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs the binary to its end, apart from the settings of whoever runs the tests.
pub fn valise(words: &[&str]) -> Output {
    let mut process = Process::new(VALISE);
    process.args(words).env_remove("VALISE_PROFILE").env("VALISE_NO_INPUT", "1").stdin(Stdio::null());
    process.output().expect("the binary starts")
}

/// Wraps a command as the first officer's call.
pub fn call(command: Command) -> Call {
    Call { version: VERSION, as_officer: None, command }
}

/// A complete request to XBB.
pub fn request() -> Request {
    parse_request(example(Example::OneWeapon)).expect("the example is a request")
}

/// Submits that request as a training act.
pub fn submit() -> Command {
    Command::RequestSubmit {
        request: Box::new(request()),
        to: None,
        incomplete: None,
        exercise: true,
        on_behalf_of: None,
        via: None,
    }
}

/// Acknowledges a case.
pub fn acknowledge(case: &str) -> Command {
    Command::CaseAck { case: case.parse().expect("a case id"), note: None }
}

/// Refuses a case on ground b.
pub fn refuse(case: &str) -> Command {
    let reason = Sensitive::new("a reason of the drill".to_owned());
    let grounds = vec![Ground { code: GroundCode::B, reason, law: None }];
    Command::CaseRefuse { case: case.parse().expect("a case id"), grounds }
}

/// Lists the acts of a case that was shown.
pub fn acts(case: &Value) -> &[Value] {
    case["acts"].as_array().map_or(&[], Vec::as_slice)
}

/// Lists the digests of a case's acts in order, doubled ones too.
pub fn digests(case: &Value) -> Vec<&str> {
    let mut digests: Vec<&str> = acts(case).iter().filter_map(|act| act["digest"].as_str()).collect();
    digests.sort_unstable();
    digests
}

/// Returns a text of an answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Reads a whole number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(given) => given.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not {given}")),
        Err(_) => default,
    }
}

/// Waits until something is there.
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        sleep(TICK);
    }
    panic!("{what} does not come about");
}

/// Starts a stopwatch, for figures and for the limits that a drill is about.
pub fn stopwatch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a drill on real processes runs in real time")]
    Instant::now()
}

/// Finds a port that is free now for UDP and TCP.
pub fn free_port() -> u16 {
    for _ in 0..100 {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = socket.local_addr().expect("a bound socket has an address").port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free for both");
}

/// Asks for the first page of all cases.
pub fn all_cases() -> Command {
    Command::CaseList { after: None, limit: 500 }
}

/// Tells whether words stand in bytes.
pub fn holds(hay: &[u8], needle: &str) -> bool {
    hay.windows(needle.len()).any(|window| window == needle.as_bytes())
}
