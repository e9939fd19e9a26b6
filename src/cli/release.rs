//! `release export`: what a permit opens, as a form for the authority that receives it.

use crate::cli::document::Reserved;
use crate::cli::face::Answer;
use crate::control::{ControlError, Failure, ReleaseShown};
use crate::model::Digest;
use crate::report::{ReleaseForm, ReleasedElement};
use serde_json::json;
use std::path::Path;

/// Writes the form in the manner that the file's ending names.
///
/// # Errors
/// The file cannot be written.
pub(super) fn answer(shown: &ReleaseShown, output: &Path, file: Reserved) -> Result<Answer, Failure> {
    // As it stands in the file, members in alphabetical order: whoever has the file can compute it.
    let release = serde_json::to_value(shown).map_err(ControlError::Malformed)?;
    let digest = Digest::of(&[release.to_string().as_bytes()]);
    let form = form(shown, digest);
    let text = match output.extension().and_then(|ending| ending.to_str()) {
        Some("html") => form.html(),
        Some("csv") => form.csv(),
        _ => {
            let data = json!({ "release": release, "label": form.label(), "digest": digest });
            format!("{:#}\n", json!({ "schema": "valise.release.export/1", "data": data }))
        }
    };
    file.write(&text)?;
    let told = format!("wrote {}; the permit {} is used\nSHA-256 {digest}", output.display(), shown.id);
    let data = json!({ "file": output, "id": shown.id, "digest": digest, "elements": shown.elements.len() });
    Ok(Answer::ok("release.export", data, told))
}

fn form(shown: &ReleaseShown, digest: Digest) -> ReleaseForm {
    let element = |element: &crate::control::ShownElement| ReleasedElement {
        path: element.path.clone(),
        act: element.act,
        label: element.label.clone().unwrap_or_default(),
        value: element.value.clone(),
    };
    ReleaseForm {
        permit: shown.id.clone(),
        case: shown.case.clone(),
        originator: shown.originator.clone(),
        recipient: shown.to.clone(),
        purpose: shown.purpose.code().to_owned(),
        basis: shown.basis.clone(),
        officer: shown.officer.clone(),
        at: shown.shown_at,
        digest,
        elements: shown.elements.iter().map(element).collect(),
    }
}
