//! The officer's command line: parses verbs, asks the node through `control`, and shows the answer to a
//! person or, with `--json`, to a script.

mod approval;
mod args;
mod attach;
mod bags;
mod consent;
mod document;
mod exchange;
mod face;
mod federation;
mod local;
mod paper;
mod proof;
mod relay;
mod release;
mod render;
mod secret;
mod verbs;

pub use args::{
    ApprovalVerb, Args, AuthorityArg, CaseVerb, ConfigVerb, ConsentVerb, DeadlineVerb, DemoVerb,
    EvidenceVerb, FederationVerb, GatewayVerb, GroundArg, IdentityVerb, InboxVerb, Initial, KeysArg,
    OfficerArg, OfficerVerb, OwnKey, PeerVerb, QueueVerb, RelayInitial, RelayVerb, ReleaseVerb, RequestVerb,
    Verb,
};
pub use attach::read_document;
pub use bags::BagContent;
pub use document::{read_bytes, read_large, read_text, write_bytes, write_text};
pub use face::{Answer, Face, confirm};
pub use local::{
    config_check, config_show, gateway_doctor, gateway_init, request_check, request_exempt, request_import,
    request_new, told,
};
pub use relay::relay_init;
pub use secret::{new_passphrase, passphrase};
pub use verbs::{Readers, ask, backup_point, key_use};

use crate::control::{ExitCode, Failure};
use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io;
use std::io::Write;

/// Reads a command line, or shows what was asked about it.
///
/// # Errors
/// The exit code of a command that ends here: help and version (0), a usage error (2), which is told as
/// JSON where the line holds `--json`.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Args, ExitCode> {
    let line: Vec<OsString> = line.into_iter().collect();
    let json = line.iter().any(|word| word == "--json");
    Args::try_parse_from(line).map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            // Whoever has read enough of it may close the pipe.
            let _ = write!(io::stdout().lock(), "{error}");
            return ExitCode::Ok;
        }
        Face::new(json).fail(&usage(&error))
    })
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "the command is not complete"
    } else {
        first.strip_prefix("error: ").unwrap_or(first)
    };
    let details: Vec<&str> =
        text.lines().skip(1).map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("For more")).collect();
    let failure = Failure::new(ExitCode::Usage, "usage", message).hint("see `valise --help` or add --help");
    if details.is_empty() { failure } else { failure.cause(details.join("; ")) }
}

#[cfg(test)]
mod tests;
