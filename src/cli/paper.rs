//! `case print`: the acts of a case in writing (ISACS 8.1).

use crate::cli::document::write_text;
use crate::cli::face::Answer;
use crate::control::{ActView, ContentView, Failure, PrintView};
use crate::model::Party;
use crate::report::{self, PrintDocument, PrintElement};
use serde_json::json;
use std::path::Path;

/// What stands in place of a permit on our own words: a label binds those who receive, not who says it.
const OWN: &str = "issued here";

/// Writes the acts as one HTML file.
///
/// # Errors
/// The file exists or cannot be written.
pub(super) fn answer(view: &PrintView, output: &Path, force: bool) -> Result<Answer, Failure> {
    let contents = view.detail.content.iter().flatten();
    let act = |content: &ContentView| view.detail.acts.iter().find(|act| act.digest == content.digest);
    let documents: Vec<PrintDocument> =
        contents.filter_map(|content| Some(document(view, act(content)?, content))).collect();
    let html = report::html(&documents);
    if output == Path::new("-") {
        return Ok(Answer::ok("case.print", json!({ "html": html, "acts": documents.len() }), html));
    }
    write_text(output, &html, force)?;
    let told = format!("wrote {} acts to {}", documents.len(), output.display());
    Ok(Answer::ok("case.print", json!({ "file": output, "acts": documents.len() }), told))
}

fn document(view: &PrintView, act: &ActView, content: &ContentView) -> PrintDocument {
    let case = &view.detail.case;
    let own = act.issuer == view.party;
    let version = case.versions.iter().find(|version| version.digest == act.digest);
    PrintDocument {
        kind: act.kind,
        case: case.case.clone(),
        issuer: act.issuer.clone(),
        on_behalf_of: act.on_behalf_of.clone(),
        audience: audience(view, act),
        digest: act.digest,
        issued_at: act.at,
        received_at: act.receipt.as_ref().map(|receipt| receipt.received_at),
        ack_due: version.and_then(|version| version.ack_due),
        respond_due: version.and_then(|version| version.respond_due),
        exercise: case.exercise,
        printed_at: view.at,
        printed_by: view.officer.clone(),
        elements: elements(content, own),
    }
}

/// The other side, and the principal of whichever side is an agent (ISACS 9.3).
fn audience(view: &PrintView, act: &ActView) -> Vec<Party> {
    let case = &view.detail.case;
    let Some(behalf) = &case.on_behalf_of else {
        return vec![if act.issuer == view.party { case.peer.clone() } else { view.party.clone() }];
    };
    let ours = if view.party == behalf.principal { &behalf.agent } else { &view.party };
    let other = if act.issuer == case.peer { ours } else { &case.peer };
    vec![other.clone(), behalf.principal.clone()]
}

fn elements(content: &ContentView, own: bool) -> Vec<PrintElement> {
    if content.sealed.is_empty() {
        let permit = own.then(|| OWN.to_owned());
        let whole = report::elements_of(&content.body).into_iter();
        return whole.map(|element| PrintElement { permit: permit.clone(), ..element }).collect();
    }
    let entries = content.body.as_object().into_iter().flatten();
    let element = |(path, value): (&String, &serde_json::Value)| {
        let label = content.sealed.get(path).cloned();
        let value = label.is_none().then(|| value.clone());
        PrintElement { path: path.clone(), label, permit: None, value }
    };
    entries.map(element).collect()
}
