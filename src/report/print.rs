//! Acts in writing (ISACS 8.1): one HTML file without scripts or outside resources, for paper and archive.

mod body;
#[cfg(test)]
mod tests;

pub use body::elements_of;

use super::page;
use super::page::visible;
use super::words::spelt;
use crate::model::{ActKind, CaseId, Digest, Label, Party, Timestamp};
use crate::rules::release::binds;
use maud::{Markup, html as markup};
use serde_json::Value;

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
    let sheets: Vec<Markup> = documents.iter().map(act).collect();
    page::file(&title, &sheets)
}

fn act(document: &PrintDocument) -> Markup {
    let foot = markup! {
        "Printed " (document.printed_at) " by " bdi { (visible(&document.printed_by)) }
        ". The signed original is the statement with this digest."
    };
    let content = markup! {
        h1 { (spelt(document.kind.code())) }
        (particulars(document))
        (body::sections(document))
    };
    page::sheet(&page_head(document), &foot, &content)
}

fn page_head(document: &PrintDocument) -> Markup {
    // Those of elements that are withheld too: the page is of an act that has them.
    let labels = document.elements.iter().filter_map(|e| bound(e, document.printed_at));
    markup! {
        p.line { strong { (document.case) } " · " (spelt(document.kind.code())) " · " (document.issuer) }
        p.digest { "SHA-256 " (document.digest) }
        (page::caveat_line(document.exercise, labels))
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

/// Returns the label of an element if it restricts anything now.
fn bound(element: &PrintElement, now: Timestamp) -> Option<&Label> {
    element.label.as_ref().filter(|label| binds(label, now))
}
