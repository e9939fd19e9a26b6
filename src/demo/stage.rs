use super::process::{Background, TICK};
use super::{Child, DemoError, io};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread::sleep;

/// The file by which a folder is known to be a demo's.
const MARKER: &str = ".valise-demo";
/// How many ticks a node has to answer; twenty seconds.
const READY: u32 = 200;

/// The relay of the demo.
const RELAY: &str = "org:relay-west";
/// The name of its folder and the end of its profile's name.
pub(super) const RELAY_FOLDER: &str = "relay-west";

/// The national authorities of both States.
const AUTHORITIES: [&str; 3] =
    ["police-cid:competent:designated", "high-court:court:designated", "customs:competent"];

/// A State of the demo; their codes are user-assigned in ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Officers `awa` and `kofi`.
    Xaa,
    /// Officers `rui` and `lea`.
    Xbb,
}

/// A place that a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A State.
    State(State),
    /// The relay.
    Relay,
}

/// What to do with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkWay {
    /// Restore it.
    Up,
    /// Cut it.
    Down,
}

/// How one State's part of a demo is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateStatus {
    /// Which.
    pub state: State,
    /// Whether its node runs.
    pub node: bool,
    /// Whether its forwarder runs.
    pub forwarder: bool,
    /// Its link.
    pub link: LinkWay,
    /// The profile by which its verbs are called.
    pub profile: String,
    /// Its log.
    pub log: PathBuf,
}

/// How the relay of a demo is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelayStatus {
    /// Which.
    pub party: &'static str,
    /// Whether it runs.
    pub node: bool,
    /// Whether the forwarders before it run, one for each State.
    pub forwarder: bool,
    /// Its link.
    pub link: LinkWay,
    /// The profile by which its verbs are called.
    pub profile: String,
    /// Its log.
    pub log: PathBuf,
}

/// A demo in its folder.
#[derive(Clone, Debug)]
pub struct Stage {
    child: Child,
    approvals: u32,
}

/// The loopback ports of one State or of the relay, chosen once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ports {
    node: u16,
    forwarder: u16,
    /// Of the forwarder by which a State reaches the relay.
    to_relay: u16,
}

impl State {
    /// Both States.
    pub const ALL: [Self; 2] = [Self::Xaa, Self::Xbb];

    /// Finds a State by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.to_string() == code)
    }

    /// Returns the name of its folder and the end of its profile's name.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Xaa => "xaa",
            Self::Xbb => "xbb",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Xaa => Self::Xbb,
            Self::Xbb => Self::Xaa,
        }
    }

    const fn officers(self) -> [&'static str; 2] {
        match self {
            Self::Xaa => ["awa:officer", "kofi:supervisor"],
            Self::Xbb => ["rui:officer", "lea:supervisor"],
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xaa => "XAA",
            Self::Xbb => "XBB",
        })
    }
}

impl Place {
    /// Finds a place by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == RELAY { Some(Self::Relay) } else { State::from_code(name).map(Self::State) }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::State(state) => state.folder(),
            Self::Relay => RELAY_FOLDER,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => state.fmt(f),
            Self::Relay => f.write_str(RELAY),
        }
    }
}

impl From<State> for Place {
    fn from(state: State) -> Self {
        Self::State(state)
    }
}

impl Stage {
    /// Sets a demo played by the binary `exe` in the folder `data`; nothing is touched yet.
    pub fn new(exe: PathBuf, data: PathBuf) -> Self {
        Self { child: Child { exe, data }, approvals: 1 }
    }

    /// Has new gateways ask for so many officers; with two, each officer gets a signing key.
    #[must_use]
    pub fn with_approvals(self, approvals: u32) -> Self {
        Self { approvals, ..self }
    }

    /// Returns what runs verbs in this demo.
    pub const fn child(&self) -> &Child {
        &self.child
    }

    /// Returns the folder.
    pub fn data(&self) -> &Path {
        &self.child.data
    }

    /// Starts all that does not run yet, and returns when both nodes answer.
    ///
    /// # Errors
    /// The folder holds other things, a verb fails, or a node does not answer.
    pub fn start(&self) -> Result<(), DemoError> {
        self.claim()?;
        self.initialise_relay()?;
        State::ALL.into_iter().try_for_each(|state| self.initialise(state))?;
        self.federate()?;
        self.run_in_background(&self.relay())?;
        for state in State::ALL {
            self.run_in_background(&self.to_relay(state)?)?;
            self.run_in_background(&self.forwarder(state)?)?;
            self.run_in_background(&self.node(state))?;
        }
        self.wait(Place::Relay, "relay")?;
        State::ALL.into_iter().try_for_each(|state| self.wait(state.into(), "gateway"))
    }

    /// Ends what runs; does nothing where nothing does.
    ///
    /// # Errors
    /// A process cannot be ended.
    pub fn stop(&self) -> Result<(), DemoError> {
        if !self.is_ours() {
            return Ok(());
        }
        for state in State::ALL {
            self.node(state).stop()?;
            self.forwarder(state)?.stop()?;
            self.to_relay(state)?.stop()?;
        }
        self.relay().stop()
    }

    /// Kills both nodes without asking, as a power cut would.
    ///
    /// # Errors
    /// A process cannot be killed.
    pub fn kill_nodes(&self) -> Result<(), DemoError> {
        State::ALL.into_iter().try_for_each(|state| self.node(state).kill())
    }

    /// Stops, and deletes the folder.
    ///
    /// # Errors
    /// The folder is there and no demo's, or cannot be deleted.
    pub fn reset(&self) -> Result<(), DemoError> {
        if !self.data().exists() {
            return Ok(());
        }
        if !self.is_ours() {
            return Err(DemoError::NotOurs(self.data().to_owned()));
        }
        self.stop()?;
        fs::remove_dir_all(self.data()).map_err(io(format!("deleting {}", self.data().display())))
    }

    /// Tells what runs.
    ///
    /// # Errors
    /// The ports cannot be read.
    pub fn status(&self) -> Result<Vec<StateStatus>, DemoError> {
        let of = |state: State| {
            Ok(StateStatus {
                state,
                node: self.node(state).pid().is_some(),
                forwarder: self.is_ours() && self.forwarder(state)?.pid().is_some(),
                link: self.way(state.into()),
                profile: format!("demo-{}", state.folder()),
                log: self.log(state.into()),
            })
        };
        State::ALL.into_iter().map(of).collect()
    }

    /// Tells how the relay is.
    ///
    /// # Errors
    /// The ports cannot be read.
    pub fn relay_status(&self) -> Result<RelayStatus, DemoError> {
        let mut forwarder = self.is_ours();
        for state in State::ALL {
            forwarder = forwarder && self.to_relay(state)?.pid().is_some();
        }
        Ok(RelayStatus {
            party: RELAY,
            node: self.relay().pid().is_some(),
            forwarder,
            link: self.way(Place::Relay),
            profile: format!("demo-{RELAY_FOLDER}"),
            log: self.log(Place::Relay),
        })
    }

    /// Cuts or restores the link of a State or of the relay, both ways.
    ///
    /// # Errors
    /// The folder is no demo's, or cannot be written.
    pub fn link(&self, place: Place, way: LinkWay) -> Result<(), DemoError> {
        if !self.is_ours() {
            return Err(DemoError::NotOurs(self.data().to_owned()));
        }
        let file = self.cut_file(place);
        let done = match way {
            LinkWay::Down => fs::write(&file, ""),
            LinkWay::Up if file.exists() => fs::remove_file(&file),
            LinkWay::Up => Ok(()),
        };
        done.map_err(io(format!("marking {}", file.display())))
    }

    /// Takes the folder for this demo; one that holds other things is left alone.
    fn claim(&self) -> Result<(), DemoError> {
        let data = self.data();
        let make = |dir: &Path| fs::create_dir_all(dir).map_err(io(format!("making {}", dir.display())));
        make(data)?;
        let mut entries = fs::read_dir(data).map_err(io(format!("reading {}", data.display())))?;
        if !self.is_ours() {
            if entries.next().is_some() {
                return Err(DemoError::NotOurs(data.to_owned()));
            }
            fs::write(data.join(MARKER), "").map_err(io("marking the folder"))?;
        }
        make(&data.join("links"))?;
        make(&data.join("run"))?;
        make(&data.join(RELAY_FOLDER))?;
        State::ALL.into_iter().try_for_each(|state| make(&data.join(state.folder())))
    }

    fn way(&self, place: Place) -> LinkWay {
        if self.cut_file(place).exists() { LinkWay::Down } else { LinkWay::Up }
    }

    fn is_ours(&self) -> bool {
        self.data().join(MARKER).is_file()
    }

    /// Makes the relay unless it is there.
    fn initialise_relay(&self) -> Result<(), DemoError> {
        let dir = self.dir(Place::Relay);
        if !dir.join("relay.toml").exists() {
            let (data, listen) = (dir.display().to_string(), at(self.ports(RELAY_FOLDER)?.node).to_string());
            let words = ["relay", "init", "--party", RELAY, "--data", &data, "--listen", &listen, "--demo"];
            self.child.run(&words)?.succeeded()?;
        }
        Ok(())
    }

    /// Makes the gateway of a State unless it is there, and has it look for others behind their forwarders.
    fn initialise(&self, state: State) -> Result<(), DemoError> {
        let dir = self.dir(state.into());
        if !dir.join("valise.toml").exists() {
            let (data, listen) =
                (dir.display().to_string(), at(self.ports(state.folder())?.node).to_string());
            let [first, second] = state.officers();
            let code = state.to_string();
            let mut words = vec!["gateway", "init", "--party", &code, "--data", &data, "--listen", &listen];
            words.extend(["--officer", first, "--officer", second, "--demo", "--relay", RELAY]);
            words.extend(AUTHORITIES.iter().flat_map(|authority| ["--authority", authority]));
            let approvals = self.approvals.to_string();
            words.extend(["--approvals", &approvals]);
            let keys = match self.approvals {
                1 => vec![],
                _ => vec![self.officer_key(&dir, first)?, self.officer_key(&dir, second)?],
            };
            words.extend(keys.iter().flat_map(|key: &String| ["--officer-key", key]));
            self.child.run(&words)?.succeeded()?;
        }
        let other = state.other();
        let roads = (self.ports(other.folder())?.forwarder, self.ports(state.folder())?.to_relay);
        self.route(state, &[(&other.to_string(), roads.0), (RELAY, roads.1)])
    }

    /// Makes an officer's key with its passphrase beside it, as no real officer would; gives `NAME=KEY`.
    fn officer_key(&self, dir: &Path, officer: &str) -> Result<String, DemoError> {
        let name = officer.split(':').next().unwrap_or_default();
        let folder = dir.join("officers");
        fs::create_dir_all(&folder).map_err(io(format!("making {}", folder.display())))?;
        let (file, secret) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.passphrase")));
        // What an earlier try left behind has no place in the settings.
        let _ = fs::remove_file(&file);
        fs::write(&secret, format!("the demo of {name} in {}\n", folder.display()))
            .map_err(io("writing a passphrase of the demo"))?;
        let (file, secret) = (file.display().to_string(), secret.display().to_string());
        let made =
            self.child.run(&["officer", "key", "-o", &file, "--passphrase-file", &secret])?.succeeded()?;
        Ok(format!("{name}={}", made.data["key"].as_str().unwrap_or_default()))
    }

    fn run_in_background(&self, process: &Background) -> Result<(), DemoError> {
        if process.pid().is_some() { Ok(()) } else { process.start(&self.child.exe) }
    }

    /// Waits until the node of a place answers; `noun` is what it is.
    fn wait(&self, place: Place, noun: &str) -> Result<(), DemoError> {
        let data = self.dir(place).display().to_string();
        let node = match place {
            Place::State(state) => self.node(state),
            Place::Relay => self.relay(),
        };
        for _ in 0..READY {
            if self.child.run(&[noun, "status", "--data", &data])?.exit == 0 {
                return Ok(());
            }
            if node.pid().is_none() {
                break;
            }
            sleep(TICK);
        }
        Err(DemoError::NotReady { place, log: self.log(place) })
    }

    fn relay(&self) -> Background {
        let data = self.dir(Place::Relay).display().to_string();
        let words = ["relay", "serve", "--data", &data].map(str::to_owned).to_vec();
        self.background("node", Place::Relay, words)
    }

    /// Describes what stands between a State and the relay; a cut of either link stops it.
    fn to_relay(&self, state: State) -> Result<Background, DemoError> {
        let listen = at(self.ports(state.folder())?.to_relay).to_string();
        let to = at(self.ports(RELAY_FOLDER)?.node).to_string();
        let mut words = ["demo", "forward", "--listen", &listen, "--to", &to].map(str::to_owned).to_vec();
        for cut in [state.into(), Place::Relay] {
            words.extend(["--cut".to_owned(), self.cut_file(cut).display().to_string()]);
        }
        Ok(self.background("to-relay", state.into(), words))
    }

    fn node(&self, state: State) -> Background {
        let data = self.dir(state.into()).display().to_string();
        let words = ["gateway", "serve", "--data", &data].map(str::to_owned).to_vec();
        self.background("node", state.into(), words)
    }

    /// Describes what stands before the node of a State; a cut of either link stops it.
    fn forwarder(&self, state: State) -> Result<Background, DemoError> {
        let ports = self.ports(state.folder())?;
        let (listen, to) = (at(ports.forwarder).to_string(), at(ports.node).to_string());
        let mut words = ["demo", "forward", "--listen", &listen, "--to", &to].map(str::to_owned).to_vec();
        for cut in State::ALL {
            words.extend(["--cut".to_owned(), self.cut_file(cut.into()).display().to_string()]);
        }
        Ok(self.background("forwarder", state.into(), words))
    }

    fn background(&self, what: &str, place: Place, words: Vec<String>) -> Background {
        let name = format!("{what}-{}.pid", place.folder());
        Background::new(self.data().join("run").join(name), self.log(place), words)
    }

    /// Returns the ports of a place by its folder; the first time, three that are free now.
    fn ports(&self, folder: &str) -> Result<Ports, DemoError> {
        let file = self.data().join("run").join(format!("ports-{folder}.json"));
        let unusable = || io(format!("using {}", file.display()));
        if let Ok(text) = fs::read_to_string(&file) {
            return serde_json::from_str(&text).map_err(|cause| unusable()(cause.into()));
        }
        let free = || {
            let socket = UdpSocket::bind(at(0))?;
            // A node takes in TCP at the same number.
            TcpListener::bind(socket.local_addr()?).map(|_| socket)
        };
        // All are held at once, so that they differ.
        let all = free().and_then(|a| Ok((a, free()?, free()?)));
        let (node, forwarder, to_relay) = all.map_err(io("finding free ports"))?;
        let port =
            |socket: &UdpSocket| socket.local_addr().map(|a| a.port()).map_err(io("finding free ports"));
        let ports = Ports { node: port(&node)?, forwarder: port(&forwarder)?, to_relay: port(&to_relay)? };
        let text = serde_json::to_string(&ports).map_err(|cause| unusable()(cause.into()))?;
        fs::write(&file, text).map_err(unusable())?;
        Ok(ports)
    }

    fn dir(&self, place: Place) -> PathBuf {
        self.data().join(place.folder())
    }

    fn log(&self, place: Place) -> PathBuf {
        self.dir(place).join("log")
    }

    fn cut_file(&self, place: Place) -> PathBuf {
        let name = match place {
            Place::State(state) => state.to_string(),
            Place::Relay => RELAY_FOLDER.to_owned(),
        };
        self.data().join("links").join(format!("{name}.down"))
    }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
