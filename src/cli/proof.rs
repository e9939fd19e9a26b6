//! Puts a dossier into a file.

use crate::cli::document::write_bytes;
use crate::cli::face::Answer;
use crate::control::{
    ActHistory, CustodyFileView, DossierView, ExitCode, Failure, JournalHeadView, ProofView,
};
use crate::model::Digest;
use serde_json::json;
use std::path::Path;

/// Writes the dossier that a node made and tells what is in it.
///
/// # Errors
/// The file cannot be written, or the answer is no dossier.
pub(super) fn answer(view: &DossierView, output: &Path, force: bool) -> Result<Answer, Failure> {
    let bytes = unhex(&view.dossier)
        .ok_or_else(|| Failure::new(ExitCode::Bug, "bug.reply", "the dossier is no hex"))?;
    write_bytes(output, &bytes, force)?;
    let digest = Digest::of(&[&bytes]);
    let data = json!({
        "case": view.case, "file": output, "sha256": digest, "bytes": bytes.len(), "made_at": view.made_at,
        "acts": view.acts, "disclosed": view.disclosed, "withheld": view.withheld,
        "valid": view.valid, "first_fault": view.first_fault,
    });
    let mut text = format!(
        "{}: {} acts of {}, {} elements disclosed and {} withheld; sha256 {digest}\n",
        output.display(),
        view.acts,
        view.case,
        view.disclosed,
        view.withheld
    );
    text += &match &view.first_fault {
        None => "everything in it holds; check it with `valise evidence verify`".to_owned(),
        Some(fault) => format!("it shows a fault: {fault}"),
    };
    Ok(Answer::ok("evidence.export", data, text))
}

/// Writes the proof of one alarm and tells what it proves.
///
/// # Errors
/// The file cannot be written, or the answer is no proof.
pub(super) fn alone(view: &ProofView, output: &Path, force: bool) -> Result<Answer, Failure> {
    let bytes =
        unhex(&view.proof).ok_or_else(|| Failure::new(ExitCode::Bug, "bug.reply", "the proof is no hex"))?;
    write_bytes(output, &bytes, force)?;
    let digest = Digest::of(&[&bytes]);
    let data = json!({
        "alarm": view.alarm, "peer": view.peer, "at": view.at, "words": view.words, "file": output,
        "sha256": digest, "bytes": bytes.len(), "valid": view.valid, "first_fault": view.first_fault,
    });
    let verdict = match &view.first_fault {
        None => "it convicts whoever signed it, with no case in it; check it with `valise evidence verify`"
            .to_owned(),
        Some(fault) => format!("it does not convict by the keys that are known now: {fault}"),
    };
    let text = format!("{}: {}; sha256 {digest}\n{verdict}", output.display(), view.words);
    Ok(Answer::ok("evidence.export", data, text))
}

/// Writes what a node holds about a relay and tells how it is judged.
///
/// # Errors
/// The file cannot be written.
pub(super) fn custody(view: &CustodyFileView, output: &Path, force: bool) -> Result<Answer, Failure> {
    write_bytes(output, &view.file.0, force)?;
    let digest = Digest::of(&[&view.file.0]);
    let data = json!({
        "relay": view.relay, "at": view.at, "parcels": view.parcels, "threads": view.threads, "file": output,
        "sha256": digest, "bytes": view.file.0.len(),
    });
    let text = format!(
        "{}: {} parcels for which {} has signed, and our word on {} threads of our mailbox there; sha256 {digest}\n\
         the other side writes the same on its gateway; `valise evidence verify` judges the relay by both files",
        output.display(),
        view.parcels,
        view.relay,
        view.threads
    );
    Ok(Answer::ok("evidence.export", data, text))
}

/// Puts the histories of acts in words.
pub(super) fn history(acts: &[ActHistory]) -> String {
    let mut out = String::new();
    for act in acts {
        out += &format!("{} {} by {}\n", act.act.code(), act.digest.short(), act.issuer);
        for step in &act.steps {
            let at = step.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            let proof = if step.proved { " (proved)" } else { "" };
            let detail = step.detail.as_ref().map(|words| format!("  {words}")).unwrap_or_default();
            out += &format!("  {:<12} {at}{proof}{detail}\n", step.step);
        }
    }
    if out.is_empty() { "nothing has happened yet".to_owned() } else { out }
}

/// Puts the private journal's head in words.
pub(super) fn head(view: &JournalHeadView) -> String {
    let checked = match view.holds {
        Some(true) => "\nthe journal begins with the acts of the head that you noted",
        Some(false) | None => "",
    };
    format!(
        "{}\n{} local acts; note the line above down, and check it later with --check{checked}",
        view.head, view.acts
    )
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
