//! The frame of whatever goes on paper: one HTML file without scripts or outside resources, whose pages all bear the
//! same head and foot, and the words of labels in it.

use crate::model::{Audience, Label, Onward};
use crate::rules::label::join_all;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

/// Writes a whole file.
pub(super) fn file(title: &str, sheets: &[Markup]) -> String {
    markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(include_str!("print.css"))) }
            }
            body { @for sheet in sheets { (sheet) } }
        }
    }
    .into_string()
}

/// Lays something out as a table, since only a table's head and foot repeat on every page everywhere.
pub(super) fn sheet(head: &Markup, foot: &Markup, content: &Markup) -> Markup {
    markup! {
        table.act {
            thead { tr { td { (head) } } }
            tfoot { tr { td { p.foot { (foot) } } } }
            tbody { tr { td { (content) } } }
        }
    }
}

/// The line of caveats in the head of a page: the join of the labels of all that stands on it (DESIGN §12.9).
///
/// Kept short whatever they say: browsers repeat a head only while it is less than a quarter of a page.
pub(super) fn caveat_line<'l>(exercise: bool, labels: impl IntoIterator<Item = &'l Label>) -> Markup {
    markup! {
        p.caveats {
            @if exercise { strong { "EXERCISE" } " · " }
            "Confidential (ISACS 05.31, 8.4 a)"
            @for code in join_all(labels).codes() { " · " (short_caveat(code)) }
        }
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

/// Shows a text exactly, with characters that would not show or would reorder it named by their code points.
pub(super) fn visible(text: &str) -> Markup {
    markup! {
        @for piece in text.split_inclusive(is_hidden) {
            @match piece.chars().next_back().filter(|c| is_hidden(*c)) {
                Some(c) => {
                    (&piece[..piece.len() - c.len_utf8()])
                    span.hidden { (format!("U+{:04X}", u32::from(c))) }
                }
                None => { (piece) }
            }
        }
    }
}

fn short_caveat(code: &str) -> &'static str {
    match code {
        "d" => "designated authorities only (d)",
        "e" => "stated purposes only (e)",
        "f" => "not to be passed on freely (f)",
        "h1" => "not in court without permission (h1)",
        _ => "further caveats",
    }
}

/// Tells whether a character would not show or would reorder what stands beside it (Unicode `Cc` and `Cf`).
fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(
            c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{FEFF}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}
