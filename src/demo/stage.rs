use super::process::{Background, TICK};
use super::{Child, DemoError, io};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread::sleep;

/// The file by which a folder is known to be a demo's.
const MARKER: &str = ".valise-demo";
/// How many ticks a node has to answer; twenty seconds.
const READY: u32 = 200;

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

/// A demo in its folder.
#[derive(Clone, Debug)]
pub struct Stage {
    child: Child,
}

/// The loopback ports of one State, chosen once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ports {
    node: u16,
    forwarder: u16,
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

impl Stage {
    /// Sets a demo played by the binary `exe` in the folder `data`; nothing is touched yet.
    pub fn new(exe: PathBuf, data: PathBuf) -> Self {
        Self { child: Child { exe, data } }
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
        State::ALL.into_iter().try_for_each(|state| self.initialise(state))?;
        for state in State::ALL {
            self.run_in_background(&self.forwarder(state)?)?;
            self.run_in_background(&self.node(state))?;
        }
        State::ALL.into_iter().try_for_each(|state| self.wait(state))
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
        }
        Ok(())
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
                link: if self.cut_file(state).exists() { LinkWay::Down } else { LinkWay::Up },
                profile: format!("demo-{}", state.folder()),
                log: self.log(state),
            })
        };
        State::ALL.into_iter().map(of).collect()
    }

    /// Cuts or restores the link of a State, both ways.
    ///
    /// # Errors
    /// The folder is no demo's, or cannot be written.
    pub fn link(&self, state: State, way: LinkWay) -> Result<(), DemoError> {
        if !self.is_ours() {
            return Err(DemoError::NotOurs(self.data().to_owned()));
        }
        let file = self.cut_file(state);
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
        State::ALL.into_iter().try_for_each(|state| make(&data.join(state.folder())))
    }

    fn is_ours(&self) -> bool {
        self.data().join(MARKER).is_file()
    }

    /// Makes the gateway of a State unless it is there, and names its peer behind the peer's forwarder.
    fn initialise(&self, state: State) -> Result<(), DemoError> {
        let dir = self.dir(state);
        if !dir.join("valise.toml").exists() {
            let (data, listen) = (dir.display().to_string(), at(self.ports(state)?.node).to_string());
            let [first, second] = state.officers();
            let code = state.to_string();
            let mut words = vec!["gateway", "init", "--party", &code, "--data", &data, "--listen", &listen];
            words.extend(["--officer", first, "--officer", second, "--demo"]);
            words.extend(AUTHORITIES.iter().flat_map(|authority| ["--authority", authority]));
            self.child.run(&words)?.succeeded()?;
        }
        let other = state.other();
        let peers = format!(
            "# The peer of {state}, behind a forwarder that `valise demo link` can cut.\n\
             [[peer]]\nparty = \"{other}\"\ncard = \"../{}/pki/card.toml\"\naddress = \"{}\"\n",
            other.folder(),
            at(self.ports(other)?.forwarder),
        );
        fs::write(dir.join("peers.toml"), peers).map_err(io("writing the peers"))
    }

    fn run_in_background(&self, process: &Background) -> Result<(), DemoError> {
        if process.pid().is_some() { Ok(()) } else { process.start(&self.child.exe) }
    }

    /// Waits until the node of a State answers.
    fn wait(&self, state: State) -> Result<(), DemoError> {
        let data = self.dir(state).display().to_string();
        for _ in 0..READY {
            if self.child.run(&["gateway", "status", "--data", &data])?.exit == 0 {
                return Ok(());
            }
            if self.node(state).pid().is_none() {
                break;
            }
            sleep(TICK);
        }
        Err(DemoError::NotReady { state, log: self.log(state) })
    }

    fn node(&self, state: State) -> Background {
        let data = self.dir(state).display().to_string();
        let words = ["gateway", "serve", "--data", &data].map(str::to_owned).to_vec();
        self.background("node", state, words)
    }

    /// Describes what stands before the node of a State; a cut of either link stops it.
    fn forwarder(&self, state: State) -> Result<Background, DemoError> {
        let ports = self.ports(state)?;
        let (listen, to) = (at(ports.forwarder).to_string(), at(ports.node).to_string());
        let mut words = ["demo", "forward", "--listen", &listen, "--to", &to].map(str::to_owned).to_vec();
        for cut in State::ALL {
            words.extend(["--cut".to_owned(), self.cut_file(cut).display().to_string()]);
        }
        Ok(self.background("forwarder", state, words))
    }

    fn background(&self, what: &str, state: State, words: Vec<String>) -> Background {
        let name = format!("{what}-{}.pid", state.folder());
        Background::new(self.data().join("run").join(name), self.log(state), words)
    }

    /// Returns the ports of a State; the first time, two that are free now.
    fn ports(&self, state: State) -> Result<Ports, DemoError> {
        let file = self.data().join("run").join(format!("ports-{}.json", state.folder()));
        let unusable = || io(format!("using {}", file.display()));
        if let Ok(text) = fs::read_to_string(&file) {
            return serde_json::from_str(&text).map_err(|cause| unusable()(cause.into()));
        }
        let free = || UdpSocket::bind(at(0));
        // Both are held at once, so that they differ.
        let (node, forwarder) = free().and_then(|a| Ok((a, free()?))).map_err(io("finding free ports"))?;
        let port =
            |socket: &UdpSocket| socket.local_addr().map(|a| a.port()).map_err(io("finding free ports"));
        let ports = Ports { node: port(&node)?, forwarder: port(&forwarder)? };
        let text = serde_json::to_string(&ports).map_err(|cause| unusable()(cause.into()))?;
        fs::write(&file, text).map_err(unusable())?;
        Ok(ports)
    }

    fn dir(&self, state: State) -> PathBuf {
        self.data().join(state.folder())
    }

    fn log(&self, state: State) -> PathBuf {
        self.dir(state).join("log")
    }

    fn cut_file(&self, state: State) -> PathBuf {
        self.data().join("links").join(format!("{state}.down"))
    }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
