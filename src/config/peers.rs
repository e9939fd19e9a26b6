use crate::config::reader::{Document, Key};
use crate::config::{ConfigError, Setting};
use crate::model::Party;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The peers that this gateway exchanges with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeersConfig {
    /// Each party once.
    pub peers: Vec<Peer>,
    /// Every value with its origin.
    pub settings: Vec<Setting>,
}

/// One peer: who it is, by which card its certificates are known, and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The party.
    pub party: Party,
    /// Its public card, got by hand from the other NPC.
    pub card: PathBuf,
    /// How it is reached.
    pub roads: Roads,
}

/// The roads to a party: its gateway's address, and the relays at which it has a mailbox, in the order in
/// which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roads {
    /// The UDP address; absent if it takes nothing in from outside.
    pub direct: Option<Address>,
    /// The TCP address, if it is another than the UDP address.
    pub tcp: Option<Address>,
    /// The relays, each a party that is listed too.
    pub relays: Vec<Party>,
}

/// A host, by name or number, and a port; text form `host:port`, IPv6 numbers in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name or number, without brackets.
    pub host: String,
    /// The port, never zero.
    pub port: u16,
}

impl PeersConfig {
    /// Reads a file that holds nothing but `[[peer]]` tables; paths in it start at its own folder.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let (mut document, mut root) = Document::parse(text, file)?;
        let doc = &mut document;
        let mut peers: Vec<Peer> = Vec::new();
        for mut entry in root.list(doc, Key("peer", "write [[peer]] before each peer")) {
            let key = Key("party", "an ISO 3166-1 alpha-3 code, 'GHA/desk' or 'org:name'");
            let party: Option<Party> = entry.text(doc, key);
            let party = entry.required(doc, key, party);
            let key = Key("card", "the path of the card that the other NPC's `gateway init` wrote");
            let card = entry.path(doc, key);
            let card = entry.required(doc, key, card);
            let key = Key("address", "host:port, such as npc.example.org:4620");
            let addressed = entry.has("address");
            let direct: Option<Address> = entry.text(doc, key);
            let relays: Vec<Party> = entry.texts(doc, Key("relays", "a list such as [\"org:relay-west\"]"));
            if relays.is_empty() && !addressed {
                entry.required::<Address>(doc, key, None);
            }
            let tcp =
                entry.text(doc, Key("tcp", "host:port, if TCP is reached elsewhere than at the address"));
            if tcp.is_some() && !addressed {
                let hint = "give an 'address' too; QUIC is tried there first";
                doc.problem(entry.line(), &entry.name("tcp"), "stands alone".into(), hint);
            }
            let roads = Roads { direct, tcp, relays };
            if let (Some(party), Some(card)) = (party, card) {
                if peers.iter().any(|p| p.party == party) {
                    let what = format!("repeats {party}");
                    doc.problem(entry.line(), &entry.name("party"), what, "list each party once");
                }
                peers.push(Peer { party, card, roads });
            }
            entry.finish(doc);
        }
        root.finish(doc);
        Ok(Self { peers, settings: document.finish()? })
    }
}

impl From<Address> for Roads {
    fn from(address: Address) -> Self {
        Self { direct: Some(address), tcp: None, relays: Vec::new() }
    }
}

impl fmt::Display for Roads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direct = self.direct.iter().map(ToString::to_string);
        let tcp = self.tcp.iter().map(|address| format!("tcp {address}"));
        let relays = self.relays.iter().map(|relay| format!("relay {relay}"));
        f.write_str(&direct.chain(tcp).chain(relays).collect::<Vec<_>>().join(", "))
    }
}

impl FromStr for Address {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or("has no port; write host:port")?;
        let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(number) => number.parse::<std::net::Ipv6Addr>().map(|_| number).ok(),
            None => Some(host).filter(|h| {
                (1..=253).contains(&h.len())
                    && h.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            }),
        };
        let host = host.ok_or("has a host that is neither a name nor a number")?.to_owned();
        let port = port.parse().ok().filter(|p| *p > 0).ok_or("has a port outside 1 to 65535")?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
