use crate::model::Party;
use std::fmt;
use std::str::FromStr;

/// The roads to a party: its gateway's address, and the relays at which it has a mailbox, in the order in
/// which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roads {
    /// The UDP address; absent if it takes nothing in from outside.
    pub direct: Option<Address>,
    /// The TCP address, if it is another than the UDP address.
    pub tcp: Option<Address>,
    /// The relays, each a party of the directory too.
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
