//! Checked configuration: a file is parsed once into types that cannot hold a forbidden value, all its
//! problems are told together, and every value knows where it came from.

mod draft;
mod error;
mod gateway;
mod paths;
mod peers;
mod policy;
mod reader;
mod relay;

pub use draft::{Draft, DraftOfficer};
pub use error::{ConfigError, Problem};
pub use gateway::{
    Authority, AuthorityKind, Clocks, Fetch, GatewayConfig, Log, LogFormat, Officer, Retry, SHORT_NAME,
    Storage, Surroundings, is_short_name,
};
pub use paths::{Environment, Layout};
pub use peers::{Address, Peer, PeersConfig, Roads};
pub use policy::Policy;
pub use reader::{Origin, Setting};
pub use relay::{CustodyTerms, Quota, RelayConfig, RelayDraft};

use std::path::Path;

/// Which kind of file a check read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// A gateway's settings.
    Gateway(Box<GatewayConfig>),
    /// A relay's settings.
    Relay(Box<RelayConfig>),
    /// A list of peers.
    Peers(PeersConfig),
}

/// Checks a file of any kind; a file with a `[[peer]]` table is a list of peers, one named `relay.toml` a
/// relay's settings.
///
/// # Errors
/// All problems of the file.
pub fn check(text: &str, file: &Path, around: &Surroundings<'_>) -> Result<Checked, ConfigError> {
    let lists_peers = |line: &str| line.trim_start().starts_with("[[peer]]");
    if text.lines().any(lists_peers) {
        PeersConfig::parse(text, file).map(Checked::Peers)
    } else if file.file_name().is_some_and(|name| name == "relay.toml") {
        RelayConfig::parse(text, file, around).map(|config| Checked::Relay(Box::new(config)))
    } else {
        GatewayConfig::parse(text, file, around).map(|config| Checked::Gateway(Box::new(config)))
    }
}

#[cfg(test)]
mod tests;
