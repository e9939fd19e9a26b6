//! Real gateways of the real binary on loopback, in one federation.

use crate::Failure;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use valise::config::Layout;
use valise::control::{Call, Client, Command, VERSION};
use valise::cose::SigningKey;
use valise::model::{DAY, Request};
use valise::node::{Machine, joining};
use valise::offline::requests::parse_request;
use valise::trust::Validity;
use valise::trust::federation::{Member, SoleAuthority};

/// How long a node may take to answer or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a measurement runs, and with what.
#[derive(Clone)]
pub struct Lab {
    /// The binary.
    pub valise: PathBuf,
    /// The folder of all nodes.
    pub home: PathBuf,
}

/// One node with everything below one folder.
pub struct Node {
    /// Its party.
    pub party: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its UDP port.
    pub port: u16,
    valise: PathBuf,
    noun: &'static str,
    child: Option<Child>,
}

/// Finds the binary, or has cargo build it; beside this package, so that both share what is compiled.
pub fn binary(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(fs::canonicalize(given)?);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Process::new(cargo)
        .args(["build", "--release", "-p", "bench", "-p", "valise", "--bin", "valise"])
        .current_dir(root)
        .status()?;
    if !built.success() {
        return Err("cargo could not build valise; name a binary with --valise".into());
    }
    let beside = std::env::current_exe()?.with_file_name("valise");
    Ok(fs::canonicalize(beside)?)
}

/// Finds a port that is free for UDP and TCP now, below those that the kernel gives to whoever calls out.
pub fn free_port() -> Result<u16, Failure> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    for _ in 0..10_000 {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

impl Lab {
    /// Makes the keys and settings of a gateway.
    pub fn gateway(&self, party: &str) -> Result<Node, Failure> {
        let port = free_port()?;
        self.gateway_behind(party, port, port)
    }

    /// Makes a gateway that listens at one port and is looked for at another.
    pub fn gateway_behind(&self, party: &str, port: u16, reached: u16) -> Result<Node, Failure> {
        let node = self.node("gateway", party, port);
        node.verb(&["--demo", "--officer", "one:officer", "--address", &format!("127.0.0.1:{reached}")])?;
        Ok(node)
    }

    /// Makes a gateway that only a relay reaches.
    pub fn gateway_by(&self, relay: &str, party: &str) -> Result<Node, Failure> {
        let node = self.node("gateway", party, free_port()?);
        node.verb(&["--demo", "--officer", "one:officer", "--address", "none", "--relay", relay])?;
        Ok(node)
    }

    /// Makes the keys and settings of a relay.
    pub fn relay(&self, party: &str) -> Result<Node, Failure> {
        let node = self.node("relay", party, free_port()?);
        node.verb(&["--demo"])?;
        Ok(node)
    }

    fn node(&self, noun: &'static str, party: &str, port: u16) -> Node {
        let dir = self.home.join(party.replace(':', "-").to_lowercase());
        Node { party: party.to_owned(), dir, port, valise: self.valise.clone(), noun, child: None }
    }
}

impl Node {
    fn verb(&self, more: &[&str]) -> Result<(), Failure> {
        let (listen, data) = (format!("127.0.0.1:{}", self.port), self.dir.display().to_string());
        let words = [self.noun, "init", "--party", &self.party, "--listen", &listen, "--data", &data];
        let made = Process::new(&self.valise).args(words).args(more).env("VALISE_NO_INPUT", "1").output()?;
        if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into()) }
    }

    /// Runs a verb of this node to its end and returns its answer.
    pub fn run(&self, words: &[&str]) -> Result<Value, Failure> {
        let mut process = Process::new(&self.valise);
        process.args(words).arg("--json").arg("--data").arg(&self.dir).env("VALISE_NO_INPUT", "1");
        let done = process.env_remove("VALISE_PROFILE").output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
        Ok(serde_json::from_slice::<Value>(&done.stdout)?["data"].take())
    }

    /// Starts it, and returns the time until it answered.
    pub fn start(&mut self) -> Result<Duration, Failure> {
        let log = File::options().create(true).append(true).open(self.dir.join("log"))?;
        let mut process = Process::new(&self.valise);
        process.args([self.noun, "serve", "--data"]).arg(&self.dir).env_remove("VALISE_PROFILE");
        // As in service: warnings only.
        process.env("VALISE_LOG", "warn");
        let begun = Instant::now();
        self.child = Some(process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
        while begun.elapsed() < PATIENCE {
            if self.ask(self.status()).is_ok() {
                return Ok(begun.elapsed());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                let log = fs::read_to_string(self.dir.join("log"))?;
                return Err(format!("{} ended with {status}: {log}", self.party).into());
            }
            sleep(Duration::from_millis(2));
        }
        Err(format!("{} does not answer", self.party).into())
    }

    fn status(&self) -> Command {
        if self.noun == "relay" { Command::RelayStatus } else { Command::GatewayStatus }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        child.wait()?;
        Ok(())
    }

    /// Kills it.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Returns the number of its process.
    pub fn pid(&self) -> Result<u32, Failure> {
        Ok(self.child.as_ref().ok_or_else(|| format!("{} does not run", self.party))?.id())
    }

    /// Opens a connection to its control socket.
    pub fn line(&self) -> Result<Client, Failure> {
        Client::connect(&self.dir.join(format!("{}.sock", self.noun)))
            .map_err(|failure| failure.message.into())
    }

    /// Asks it once.
    pub fn ask(&self, command: Command) -> Result<Value, Failure> {
        ask(&mut self.line()?, command)
    }

    /// Waits until nothing waits in its outbox.
    pub fn drain(&self) -> Result<(), Failure> {
        let (mut line, begun) = (self.line()?, Instant::now());
        while begun.elapsed() < PATIENCE {
            if queued(&mut line)? == 0 {
                return Ok(());
            }
            sleep(Duration::from_millis(1));
        }
        Err(format!("the outbox of {} does not empty", self.party).into())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A measurement that fails must leave no process behind.
        let _ = self.kill();
    }
}

/// Asks over a connection that is open.
pub fn ask(line: &mut Client, command: Command) -> Result<Value, Failure> {
    let verb = command.verb();
    let call = Call { version: VERSION, as_officer: None, command };
    line.call(&call).map_err(|failure| format!("{verb}: {} {}", failure.code, failure.message).into())
}

/// Counts what waits in an outbox.
pub fn queued(line: &mut Client) -> Result<usize, Failure> {
    let peers = ask(line, Command::PeerList)?;
    let queued = |peer: &Value| peer["queued"].as_u64().unwrap_or(0);
    Ok(usize::try_from(peers.as_array().ok_or("no list of peers")?.iter().map(queued).sum::<u64>())?)
}

/// Lets nodes that do not run join one federation.
pub fn join(nodes: &[&Node]) -> Result<(), Failure> {
    let machine = Machine::os();
    let now = machine.now();
    let validity = Validity { not_before: now.saturating_add(-DAY), not_after: now.saturating_add(30 * DAY) };
    let mut members = Vec::new();
    for node in nodes {
        let layout = Layout::under(&node.dir);
        members.push(Member { part_a: fs::read(layout.part_a())?, part_b: Some(fs::read(layout.part_b())?) });
    }
    let mut authority = SoleAuthority::new("bench", SigningKey::from_seed(&[7; 32]));
    let bundle = authority.publish(&members, &BTreeMap::new(), validity)?;
    for node in nodes {
        let layout = Layout::under(&node.dir);
        joining::import(&layout, &bundle).map_err(|failure| failure.message)?;
        joining::join(&layout, &authority.anchor(), &machine).map_err(|failure| failure.message)?;
    }
    Ok(())
}

/// Makes XAA and XBB, who have joined and run.
pub fn pair(lab: &Lab) -> Result<(Node, Node), Failure> {
    let (mut xaa, mut xbb) = (lab.gateway("XAA")?, lab.gateway("XBB")?);
    join(&[&xaa, &xbb])?;
    xaa.start()?;
    xbb.start()?;
    Ok((xaa, xbb))
}

/// A complete request to a party, whose CBOR has so many bytes.
pub fn request(bytes: usize, to: &str) -> Result<Request, Failure> {
    let of = |padding: usize| -> Result<(Request, usize), Failure> {
        let mut json: Value = serde_json::from_str(include_str!("../request.json"))?;
        json["addressee"]["party"] = to.into();
        json["items"][0]["country_of_manufacture"]["value"] = to.into();
        json["circumstances"]["value"] = "found under the seat of a lorry at a checkpoint; "
            .chars()
            .cycle()
            .take(padding)
            .collect::<String>()
            .into();
        let request = parse_request(&json.to_string()).map_err(|cause| cause.to_string())?;
        let length = valise::wire::encode(&request)?.len();
        Ok((request, length))
    };
    let (_, least) = of(1)?;
    let padding =
        (bytes + 1).checked_sub(least).ok_or_else(|| format!("a request has {least} bytes at least"))?;
    // A longer text has a longer length before it.
    let (request, length) = of(padding)?;
    if length == bytes { Ok(request) } else { Ok(of(padding + bytes - length)?.0) }
}

/// Submits a request as a training act.
pub fn submit(request: &Request) -> Command {
    Command::RequestSubmit {
        request: Box::new(request.clone()),
        to: None,
        incomplete: None,
        exercise: true,
        on_behalf_of: None,
        via: None,
    }
}

/// Names many States: user-assigned codes of ISO 3166-1 behind XAA.
pub fn codes(count: u32) -> impl Iterator<Item = String> {
    let letter = |n: u32| char::from_u32(u32::from(b'A') + n % 26).unwrap_or('A');
    (0..count).map(move |nth| format!("X{}{}", letter(1 + nth / 26), letter(nth)))
}
