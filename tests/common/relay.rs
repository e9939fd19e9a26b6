use super::{PATIENCE, TICK, VALISE, await_some, call, free_port, valise};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::thread::sleep;
use valise::control::{Client, Command};

/// One relay with everything below one folder.
pub struct Relay {
    /// Its party.
    pub party: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its UDP port.
    pub port: u16,
    child: Option<Child>,
}

impl Relay {
    /// Makes the keys and settings of a demo relay in a folder below `home`; `more` is added to the settings.
    pub fn init(home: &Path, name: &str, more: &str) -> Self {
        let party = format!("org:{name}");
        let relay = Self { party, dir: home.join(name), port: free_port(), child: None };
        let (listen, data) = (format!("127.0.0.1:{}", relay.port), relay.dir.display().to_string());
        let words =
            ["relay", "init", "--party", &relay.party, "--listen", &listen, "--demo", "--data", &data];
        let made = valise(&words);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let path = relay.dir.join("relay.toml");
        let text = fs::read_to_string(&path).expect("settings are read");
        let text = text.replace("[custody]\n", &format!("{more}\n[custody]\n"));
        fs::write(&path, text).expect("settings are written");
        relay
    }

    /// Finds a relay that was made by hand.
    pub fn at(dir: &Path, party: &str) -> Self {
        Self { party: party.to_owned(), dir: dir.to_owned(), port: 0, child: None }
    }

    /// Starts the relay and returns once it answers.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "the relay runs already");
        let log = File::options().create(true).append(true).open(self.dir.join("log")).expect("a log");
        let data = self.dir.display().to_string();
        let mut process = Process::new(VALISE);
        process
            .args(["relay", "serve", "--data", &data])
            .env_remove("VALISE_PROFILE")
            .env_remove("VALISE_LOG");
        let child = process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.expect("the binary starts"));
        for _ in 0..PATIENCE {
            if self.ask().is_some() {
                return;
            }
            let ended = self.child.as_mut().expect("it runs").try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the relay ended with {ended:?}: {}", self.log());
            sleep(TICK);
        }
        panic!("the relay does not answer: {}", self.log());
    }

    /// Kills the relay without asking, as kill -9 does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be awaited");
    }

    /// Asks the relay to end, and waits until it has.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        kill_process(Pid::from_child(&child), Signal::TERM).expect("a child can be asked to end");
        child.wait().expect("a child can be awaited");
    }

    /// Returns the process number.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Returns `relay status`.
    pub fn status(&self) -> Value {
        self.ask().expect("a relay that runs has a status")
    }

    /// Returns how many parcels wait for a party.
    pub fn waiting(&self, party: &str) -> u64 {
        let status = self.status();
        let mailboxes = status["mailboxes"].as_array().expect("a list").clone();
        let of = mailboxes.iter().find(|mailbox| mailbox["party"] == party);
        of.and_then(|mailbox| mailbox["parcels"].as_u64()).unwrap_or(0)
    }

    /// Waits until so many parcels wait for a party.
    pub fn await_waiting(&self, party: &str, parcels: u64) {
        let what = format!("{parcels} parcels for {party}; {}", self.log());
        await_some(&what, || (self.waiting(party) == parcels).then_some(()));
    }

    /// Returns all that the relay has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn ask(&self) -> Option<Value> {
        Client::connect(&self.dir.join("relay.sock")).ok()?.call(&call(Command::RelayStatus)).ok()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A drill that fails must leave no process behind; one that has ended already needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
