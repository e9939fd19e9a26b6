//! Answers of the federation's verbs for people.

use crate::cli::render::{pairs, table};
use crate::control::{RotatedView, SyncView};

pub(super) fn synced(view: &SyncView) -> String {
    let until = if view.fresh { "fresh until" } else { "expired on" };
    let head = pairs(&[
        ("new documents", view.new.to_string()),
        ("snapshot", view.snapshot.to_string()),
        (until, view.until.to_string()),
    ]);
    let asked = view
        .asked
        .iter()
        .map(|one| vec![one.peer.to_string(), one.cause.clone().unwrap_or_else(|| "compared".to_owned())]);
    let asked =
        if view.asked.is_empty() { String::new() } else { table(&["PEER", "DIRECTORY"], asked.collect()) };
    let refused = view.refused.iter().map(|one| format!("refused: {} ({})\n", one.words, one.code));
    format!("{head}\n{asked}\n{}", refused.collect::<String>())
}

pub(super) fn rotated(view: &RotatedView) -> String {
    let next = if view.needs_authority {
        "it is in force once the authority lists it: give it the file of `valise identity request`, and let it run \
         `federation admit` and `federation publish`; this gateway then changes over by itself"
    } else {
        "it is published and in use; the one before holds on, so that nothing under way is lost"
    };
    format!("made {}\n  SHA-256 {}\n\n{next}\n", view.name, view.thumbprint)
}
