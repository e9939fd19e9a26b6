//! Acts in writing (ISACS 8.1): one HTML file without scripts or outside resources, for paper and archive.

mod body;
#[cfg(test)]
mod tests;

pub use body::elements_of;

use super::words::spelt;
use crate::model::{ActKind, Audience, CaseId, Digest, Label, Onward, Party, Timestamp};
use crate::rules::release::binds;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use serde_json::Value;
use std::collections::BTreeSet;

/// One act as it goes on paper.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintDocument {
    /// Which act it is.
    pub kind: ActKind,
    /// Its case.
    pub case: CaseId,
    /// Who made it.
    pub issuer: Party,
    /// On whose behalf, where an agent made it (ISACS 9.3).
    pub on_behalf_of: Option<Party>,
    /// To whom it is addressed.
    pub audience: Vec<Party>,
    /// Its statement digest, by which the signed original is found.
    pub digest: Digest,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When the other side had it, by its receipt.
    pub received_at: Option<Timestamp>,
    /// The first instant at which an acknowledgement is late, for a request (ISACS 8.3.1).
    pub ack_due: Option<Timestamp>,
    /// The first instant at which a response is late, for a request (ISACS 8.3.4.1).
    pub respond_due: Option<Timestamp>,
    /// Whether it is training (ISACS 7.1.4).
    pub exercise: bool,
    /// When it is printed.
    pub printed_at: Timestamp,
    /// The officer who prints it.
    pub printed_by: String,
    /// What it says, in order; see [`elements_of`].
    pub elements: Vec<PrintElement>,
}

/// One element of an act.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintElement {
    /// Where in the act it stands, such as `items/0/elements/1`.
    pub path: String,
    /// Its usage label.
    pub label: Option<Label>,
    /// The permit under which it may be printed; without one a restricted element is withheld.
    pub permit: Option<String>,
    /// Its value in JSON; none if the printer was not given it.
    pub value: Option<Value>,
}

/// Prints acts one after the other, each on pages of its own that all bear its digest and caveats.
///
/// A restricted element without a permit is withheld here whether or not its value was given (ISACS 8.4 b).
pub fn html(documents: &[PrintDocument]) -> String {
    let title = documents.first().map_or_else(String::new, |first| first.case.to_string());
    markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(include_str!("print.css"))) }
            }
            body {
                @for document in documents {
                    (act(document))
                }
            }
        }
    }
    .into_string()
}

/// Lays one act out as a table, since only a table's head and foot repeat on every page everywhere.
fn act(document: &PrintDocument) -> Markup {
    markup! {
        table.act {
            thead { tr { td { (page_head(document)) } } }
            tfoot { tr { td { p.foot {
                "Printed " (document.printed_at) " by " bdi { (body::visible(&document.printed_by)) }
                ". The signed original is the statement with this digest."
            } } } }
            tbody { tr { td {
                h1 { (spelt(document.kind.code())) }
                (particulars(document))
                (body::sections(document))
            } } }
        }
    }
}

/// Kept short whatever the act holds: browsers repeat a head only while it is less than a quarter of a page.
fn page_head(document: &PrintDocument) -> Markup {
    let codes = bound_codes(document);
    markup! {
        p.line { strong { (document.case) } " · " (spelt(document.kind.code())) " · " (document.issuer) }
        p.digest { "SHA-256 " (document.digest) }
        p.caveats {
            @if document.exercise { strong { "EXERCISE" } " · " }
            "Confidential (ISACS 05.31, 8.4 a)"
            @for code in codes { " · " (short_caveat(code)) }
        }
    }
}

fn particulars(document: &PrintDocument) -> Markup {
    let audience: Vec<String> = document.audience.iter().map(ToString::to_string).collect();
    let instants = [
        ("Made", Some(document.issued_at)),
        ("Received", document.received_at),
        ("Acknowledgement due before", document.ack_due),
        ("Response due before", document.respond_due),
    ];
    markup! {
        dl {
            div { dt { "From" } dd { (document.issuer) } }
            @if let Some(principal) = &document.on_behalf_of {
                div { dt { "On behalf of (9.3)" } dd { (principal) } }
            }
            div { dt { "To" } dd { (audience.join(", ")) } }
            @for (name, at) in instants {
                @if let Some(at) = at { div { dt { (name) } dd { (at) } } }
            }
        }
    }
}

/// Lists the codes of all restrictions in the act that bind when it is printed, withheld elements included.
fn bound_codes(document: &PrintDocument) -> BTreeSet<&'static str> {
    let labels = document.elements.iter().filter_map(|e| bound(e, document.printed_at));
    labels.flat_map(Label::codes).collect()
}

/// Returns the label of an element if it restricts anything now.
fn bound(element: &PrintElement, now: Timestamp) -> Option<&Label> {
    element.label.as_ref().filter(|label| binds(label, now))
}

pub(super) fn short_caveat(code: &str) -> &'static str {
    match code {
        "d" => "designated authorities only (d)",
        "e" => "stated purposes only (e)",
        "f" => "not to be passed on freely (f)",
        "h1" => "not in court without permission (h1)",
        _ => "further caveats",
    }
}

/// Spells a label out (ISACS 8.3.4.2 d–f).
pub(super) fn caveats(label: &Label) -> Vec<String> {
    let mut out = Vec::new();
    match &label.audience {
        None => {}
        Some(Audience::Designated) => {
            out.push(
                "only for competent authorities that the requesting State has designated (d)".to_owned(),
            );
        }
        Some(Audience::Named(names)) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            out.push(format!("only for {} (d)", names.join(", ")));
        }
    }
    if !label.purposes.is_empty() {
        let purposes: Vec<String> = label.purposes.iter().map(|p| p.code().replace('_', " ")).collect();
        out.push(format!("only for {} (e)", purposes.join(", ")));
    }
    match label.onward {
        Onward::Free => {}
        Onward::WithConsent => {
            out.push("not to be passed on without the prior consent of its provider (f)".to_owned());
        }
        Onward::None => out.push("not to be passed on (f)".to_owned()),
    }
    if label.not_in_court {
        out.push("not to be used in court without the permission of its provider (h1)".to_owned());
    }
    out.extend(label.other.iter().map(|caveat| format!("{} ({})", caveat.text, caveat.code)));
    out.extend(label.expires.map(|at| format!("until {at}")));
    out
}
