//! Checked configuration: a file is parsed once into types that cannot hold a forbidden value, all its
//! problems are told together, and every value knows where it came from.

mod draft;
mod error;
mod gateway;
mod head;
mod paths;
mod policy;
mod reader;
mod relay;
mod roads;

pub use draft::{Draft, DraftOfficer};
pub use error::{ConfigError, Problem};
pub use gateway::{
    Authority, AuthorityKind, Clocks, Fetch, GatewayConfig, Log, LogFormat, Officer, Retry, SHORT_NAME,
    Storage, Surroundings, is_short_name,
};
pub use paths::{Environment, Layout};
pub use policy::Policy;
pub use reader::{Origin, Setting};
pub use relay::{CustodyTerms, Quota, RelayConfig, RelayDraft};
pub use roads::{Address, Roads};

use std::path::Path;

/// Which kind of file a check read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// A gateway's settings.
    Gateway(Box<GatewayConfig>),
    /// A relay's settings.
    Relay(Box<RelayConfig>),
}

/// Checks a file of either kind; one named `relay.toml` holds a relay's settings.
///
/// # Errors
/// All problems of the file.
pub fn check(text: &str, file: &Path, around: &Surroundings<'_>) -> Result<Checked, ConfigError> {
    if file.file_name().is_some_and(|name| name == "relay.toml") {
        RelayConfig::parse(text, file, around).map(|config| Checked::Relay(Box::new(config)))
    } else {
        GatewayConfig::parse(text, file, around).map(|config| Checked::Gateway(Box::new(config)))
    }
}

#[cfg(test)]
mod tests;
