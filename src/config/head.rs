use crate::config::gateway::Surroundings;
use crate::config::reader::{Document, Key, Origin, Section};
use crate::config::{ConfigError, Layout};
use crate::model::Party;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What the settings of a gateway and of a relay begin with: who it is, where it listens, where its files lie.
pub(super) struct Head {
    party: Option<Party>,
    listen: Option<SocketAddr>,
    pub listen_tcp: Option<SocketAddr>,
    pub data: PathBuf,
    pub socket: PathBuf,
    pub credential: PathBuf,
}

impl Head {
    /// Reads it; `whose` says what a party may be.
    pub(super) fn read<'t>(
        root: &mut Section<'t>,
        doc: &mut Document<'t>,
        whose: &'static str,
        layout: &Layout,
    ) -> Self {
        let key = Key("party", whose);
        let party: Option<Party> = root.text(doc, key);
        let party = root.required(doc, key, party);
        let key = Key("listen", "a UDP address such as 0.0.0.0:4620");
        let listen: Option<SocketAddr> = root.text(doc, key);
        let listen = root.required(doc, key, listen);
        Self {
            party,
            listen,
            listen_tcp: listen_tcp(root, doc, listen),
            data: place(root, doc, Key("data", "a folder"), &layout.data, layout),
            socket: place(root, doc, Key("socket", "a path"), &layout.socket, layout),
            credential: place(root, doc, Key("credential", "a file"), &layout.credential, layout),
        }
    }

    /// Returns the party, if the file names one.
    pub(super) const fn party(&self) -> Option<&Party> {
        self.party.as_ref()
    }

    /// Returns where it listens, if the file says so.
    pub(super) const fn listen(&self) -> Option<SocketAddr> {
        self.listen
    }

    /// Gives both once the document has told its problems, of which a missing one is one.
    pub(super) fn whole(&self) -> (Party, SocketAddr) {
        let both = self.party.clone().zip(self.listen);
        both.expect("a missing value is a problem, and finish() told it")
    }
}

/// Reads a file of settings with what stands outside it.
///
/// # Errors
/// The file cannot be read, or its problems.
pub(super) fn load<T>(
    layout: &Layout,
    parse: impl FnOnce(&str, &Path, &Surroundings<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let file = layout.config.clone();
    let text = std::fs::read_to_string(&file).map_err(|cause| ConfigError::Unreadable { file, cause })?;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let log = std::env::var("VALISE_LOG").ok();
    parse(&text, &layout.config, &Surroundings { layout, passwd: &passwd, log: log.as_deref() })
}

fn place<'t>(
    root: &mut Section<'t>,
    doc: &mut Document<'t>,
    key: Key,
    default: &Path,
    layout: &Layout,
) -> PathBuf {
    root.path(doc, key).unwrap_or_else(|| {
        doc.setting(key.0.to_owned(), default.display().to_string(), layout.origin.clone());
        default.to_owned()
    })
}

/// Reads where TCP is taken in: by default at the same number as UDP, so that a firewall has one rule.
fn listen_tcp<'t>(
    root: &mut Section<'t>,
    doc: &mut Document<'t>,
    listen: Option<SocketAddr>,
) -> Option<SocketAddr> {
    let key = Key("listen_tcp", "a TCP address such as 0.0.0.0:443, or \"none\"");
    if !root.has(key.0) {
        let shown = listen.map(|l| l.to_string()).unwrap_or_default();
        doc.setting(key.0.to_owned(), shown, Origin::Default);
        return listen;
    }
    root.text(doc, key).and_then(|TcpListen(address)| address)
}

/// The text form of a TCP address to listen on, or `none`.
struct TcpListen(Option<SocketAddr>);

impl FromStr for TcpListen {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|address| Self(Some(address))).map_err(|_| "is neither an address nor \"none\"")
    }
}
