//! What a release shows, as a form for the authority that receives it: HTML of which every page bears the caveats,
//! the originator, the recipient, the permit and the digest, and CSV that no spreadsheet takes for formulas.

use super::page;
use super::page::{caveats, visible};
use super::sheet::csv_line;
use super::words::spelt;
use crate::model::{CaseId, Digest, Label, Party, Timestamp};
use crate::rules::label::join_all;
use maud::{Markup, html as markup};
use serde_json::Value;

/// A release on paper.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseForm {
    /// The permit.
    pub permit: String,
    /// The case.
    pub case: CaseId,
    /// Which State gave the information.
    pub originator: Party,
    /// To whom it is released.
    pub recipient: String,
    /// For what.
    pub purpose: String,
    /// The clauses and rules on which it rests.
    pub basis: Vec<String>,
    /// Who releases it.
    pub officer: String,
    /// When.
    pub at: Timestamp,
    /// The digest of the JSON form.
    pub digest: Digest,
    /// What is released.
    pub elements: Vec<ReleasedElement>,
}

/// One released element.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleasedElement {
    /// Where in its act it stands.
    pub path: String,
    /// The statement digest of that act.
    pub act: Digest,
    /// Its label, which goes with it.
    pub label: Label,
    /// What it says.
    pub value: Value,
}

impl ReleaseForm {
    /// Returns the label of the whole: the join of those of its elements (DESIGN §12.9).
    pub fn label(&self) -> Label {
        join_all(self.elements.iter().map(|element| &element.label))
    }

    /// Writes it for paper.
    pub fn html(&self) -> String {
        let foot = markup! { "Permit " (self.permit) " · SHA-256 " (self.digest) };
        page::file(&self.permit, &[page::sheet(&self.page_head(), &foot, &self.content())])
    }

    /// Writes it as a table: one line a value, with where it stands and what restricts it.
    pub fn csv(&self) -> String {
        let mut out =
            csv_line(["permit", "originator", "recipient", "digest", "caveats", "element", "field", "value"]);
        let (originator, digest) = (self.originator.to_string(), self.digest.to_string());
        for element in &self.elements {
            let codes = element.label.codes().join(" ");
            for (field, text) in leaves(&element.value) {
                out += &csv_line([
                    self.permit.as_str(),
                    &originator,
                    &self.recipient,
                    &digest,
                    &codes,
                    &element.path,
                    &field,
                    &text,
                ]);
            }
        }
        out
    }

    fn page_head(&self) -> Markup {
        markup! {
            p.line { strong { "Permit " (self.permit) } " · from " (self.originator) " · to " bdi { (visible(&self.recipient)) } }
            p.digest { "SHA-256 " (self.digest) }
            (page::caveat_line(false, self.elements.iter().map(|element| &element.label)))
        }
    }

    fn content(&self) -> Markup {
        let facts = [
            ("Case", self.case.to_string()),
            ("From", self.originator.to_string()),
            ("To", self.recipient.clone()),
            ("Purpose", self.purpose.replace('_', " ")),
            ("Rests on", self.basis.join(", ")),
            ("Released by", self.officer.clone()),
            ("At", self.at.to_string()),
        ];
        markup! {
            h1 { "Release of restricted information" }
            dl { @for (name, text) in facts { div { dt { (name) } dd { bdi { (visible(&text)) } } } } }
            @if self.elements.len() > 1 {
                h2 { "All of it together" }
                @for caveat in caveats(&self.label()) { p.caveats { (visible(&caveat)) } }
            }
            @for element in &self.elements {
                section {
                    h2 { (visible(&element.path)) }
                    p.digest { "of statement " (element.act) }
                    @for caveat in caveats(&element.label) { p.caveats { (visible(&caveat)) } }
                    dl { @for (field, text) in leaves(&element.value) {
                        div { dt { (spelt(&field)) } dd { bdi { (visible(&text)) } } }
                    } }
                }
            }
        }
    }
}

/// Lists what a value holds, each with where in it that stands.
fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(at: &str, value: &Value, out: &mut Vec<(String, String)>) {
        let deeper = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(members) => members.iter().for_each(|(name, v)| walk(&deeper(name), v, out)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(nth, v)| walk(&deeper(&nth.to_string()), v, out));
            }
            Value::String(text) => out.push((at.to_owned(), text.clone())),
            Value::Bool(_) | Value::Number(_) => out.push((at.to_owned(), value.to_string())),
        }
    }
    let mut out = Vec::new();
    walk("", value, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Onward;
    use serde_json::json;

    fn form() -> ReleaseForm {
        let element = |path: &str, label: Label, value: Value| ReleasedElement {
            path: path.to_owned(),
            act: Digest([3; 32]),
            label,
            value,
        };
        let court = Label { not_in_court: true, ..Label::default() };
        let onward = Label { onward: Onward::WithConsent, ..Label::default() };
        ReleaseForm {
            permit: "R-1f09c3aa".to_owned(),
            case: CaseId::mint(&"XAA".parse().unwrap(), 2026, 1),
            originator: "XBB".parse().unwrap(),
            recipient: "police-cid".to_owned(),
            purpose: "tracing".to_owned(),
            basis: vec!["8.3.4.2(f)".to_owned(), "policy policy.release_approvals".to_owned()],
            officer: "awa".to_owned(),
            at: Timestamp::EPOCH,
            digest: Digest([0xab; 32]),
            elements: vec![
                element("items/0/elements/0", court, json!({ "name": "=cmd|' /C calc'!A0" })),
                element("items/0/elements/1", onward, json!({ "details": "<script>alert(1)</script>" })),
            ],
        }
    }

    #[test]
    fn every_page_bears_caveats_originator_recipient_permit_and_digest() {
        let html = form().html();
        let head = &html[html.find("<thead>").unwrap()..html.find("</thead>").unwrap()];
        for wanted in ["R-1f09c3aa", "XBB", "police-cid", &"ab".repeat(32), "(f)", "(h1)"] {
            assert!(head.contains(wanted), "{wanted} in {head}");
        }
        assert!(!html.contains("<script>"), "what it says is text");
        assert!(html.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_form_of_several_elements_says_what_binds_them_together_and_what_binds_each() {
        let html = form().html();
        let together = &html[html.find("All of it together").unwrap()..html.find("<section>").unwrap()];
        for words in ["not to be used in court", "not to be passed on without the prior consent"] {
            assert!(together.contains(words), "{words} in {together}");
        }
        let sections: Vec<&str> = html.split("<section>").skip(1).collect();
        assert!(sections[0].contains("(h1)") && !sections[0].contains("(f)"), "which source forbids what");
        assert!(sections[1].contains("(f)") && !sections[1].contains("(h1)"));
    }

    #[test]
    fn no_cell_is_a_formula() {
        let csv = form().csv();
        assert_eq!(csv.lines().count(), 3);
        assert!(csv.contains(",'=cmd|"), "{csv}");
        assert!(csv.lines().skip(1).all(|line| line.starts_with("R-1f09c3aa,XBB,police-cid,abab")));
    }
}
