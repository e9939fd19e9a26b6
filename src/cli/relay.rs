//! Answers of the relay's verbs for people.

use crate::cli::face::Answer;
use crate::cli::render::{or_none, pairs, table};
use crate::control::RelayStatus;
use serde_json::Value;

/// Tells what `relay init` made.
pub fn relay_init(made: Value) -> Answer {
    let told = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    let text = format!(
        "made the relay {}\n  settings     {}\n  root SHA-256 {}\n\n\
         `valise identity request` writes the file by which a federation admits it; docs/federation.md tells the rest.\n\
         Once it has joined, run `valise relay serve`.",
        told("party"),
        told("config"),
        told("root_sha256"),
    );
    Answer::ok("relay.init", made, text)
}

pub(super) fn status(s: &RelayStatus) -> String {
    let refused: Vec<String> = s.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
    let head = pairs(&[
        ("party", s.party.to_string()),
        ("since", s.since.to_string()),
        ("refused", or_none(refused.join(", "))),
    ]);
    let mailboxes =
        s.mailboxes.iter().map(|m| vec![m.party.to_string(), m.parcels.to_string(), m.oldest.to_string()]);
    let sources = s
        .sources
        .iter()
        .map(|u| vec![u.party.to_string(), u.lane.clone(), u.parcels.to_string(), u.bytes.to_string()]);
    let mailboxes = table(&["MAILBOX", "PARCELS", "OLDEST"], mailboxes.collect());
    let sources = table(&["SENDER", "LANE", "PARCELS", "BYTES"], sources.collect());
    format!("{head}\n{mailboxes}\n\n{sources}\n")
}
