//! Answers of the federation's verbs for people.

use crate::cli::render::{pairs, table};
use crate::control::SyncView;

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
