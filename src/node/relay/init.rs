//! `relay init`: makes the keys, certificates, parts and settings of a new relay.

use crate::config::{Draft, Layout, RelayDraft};
use crate::control::{ExitCode, Failure};
use crate::node::init::{InitOptions, Serves, init as init_party};
use crate::node::keys::{at, write_new};
use serde_json::Value;
use std::fs;

/// Makes a new relay. It is a party like any other, with keys of its own, and never overwrites.
///
/// # Errors
/// [`ExitCode::Config`] if something is there already or cannot be written.
pub fn init(draft: &RelayDraft, layout: &Layout) -> Result<Value, Failure> {
    let party = Draft {
        approvals: 1,
        party: draft.party.clone(),
        listen: draft.listen,
        relays: Vec::new(),
        officers: Vec::new(),
        authorities: Vec::new(),
        address: draft.listen.to_string().parse().ok().filter(|_| !draft.listen.ip().is_unspecified()),
        demo: draft.demo,
    };
    let made = init_party(&InitOptions { draft: party, layout: layout.clone(), serves: Serves::Relay })?;
    // What was written a moment ago are a gateway's settings; a relay has its own.
    fs::remove_file(&layout.config)
        .map_err(at(&layout.config))
        .and_then(|()| write_new(&layout.config, draft.to_toml().as_bytes(), 0o644))
        .map_err(|e| Failure::new(ExitCode::Config, "init.failed", &e).cause(e))?;
    Ok(made)
}
