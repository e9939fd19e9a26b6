use super::{PrintDocument, PrintElement, bound};
use crate::model::{Label, OtherCaveat};
use crate::report::page::{caveats, visible};
use crate::report::words;
use crate::report::words::Reading;
use maud::{Markup, html};
use serde_json::{Map, Value};

/// Cuts the JSON of an act into its elements, none of which has a permit yet.
///
/// An element is each member of the body; for `items`, each member of each item; and for an item's
/// `elements`, each entry. A label that cannot be read restricts everything.
pub fn elements_of(act: &Value) -> Vec<PrintElement> {
    let mut out = Vec::new();
    for (name, value) in act.as_object().into_iter().flatten() {
        let Some(items) = value.as_array().filter(|_| name == "items") else {
            out.push(element(name.clone(), value));
            continue;
        };
        for (at, item) in items.iter().enumerate() {
            item_elements(&format!("items/{at}"), item, &mut out);
        }
    }
    out
}

/// Prints the elements: those of the act first, then item by item.
pub(super) fn sections(document: &PrintDocument) -> Markup {
    let mut items: Vec<(&str, Vec<(&str, &PrintElement)>)> = Vec::new();
    let mut own: Vec<(&str, &PrintElement)> = Vec::new();
    for element in &document.elements {
        let place = element.path.strip_prefix("items/").and_then(|rest| rest.split_once('/'));
        let Some((item, member)) = place else {
            own.push((&element.path, element));
            continue;
        };
        match items.iter_mut().find(|(name, _)| *name == item) {
            Some((_, members)) => members.push((member, element)),
            None => items.push((item, vec![(member, element)])),
        }
    }
    html! {
        (section(document, own))
        @for (item, members) in items {
            h2 { "Item " (ordinal(item)) }
            (section(document, members))
        }
    }
}

fn item_elements(prefix: &str, item: &Value, out: &mut Vec<PrintElement>) {
    for (name, value) in item.as_object().into_iter().flatten() {
        let Some(entries) = value.as_array().filter(|_| name == "elements") else {
            out.push(element(format!("{prefix}/{name}"), value));
            continue;
        };
        let entries = entries.iter().enumerate();
        out.extend(entries.map(|(at, entry)| element(format!("{prefix}/elements/{at}"), entry)));
    }
}

fn element(path: String, value: &Value) -> PrintElement {
    let unreadable = || {
        let text = "a label that cannot be read".to_owned();
        Label { other: vec![OtherCaveat { code: "unreadable".to_owned(), text }], ..Label::default() }
    };
    let label = value.get("label").filter(|label| !label.is_null());
    let label = label.map(|label| serde_json::from_value(label.clone()).unwrap_or_else(|_| unreadable()));
    PrintElement { path, label, permit: None, value: Some(value.clone()) }
}

fn section(document: &PrintDocument, mut members: Vec<(&str, &PrintElement)>) -> Markup {
    members.sort_by_key(|(member, _)| words::of(member).0);
    html! {
        dl {
            @for (member, element) in members {
                div {
                    dt { (heading(member)) }
                    dd { (shown(document, member, element)) }
                }
            }
        }
    }
}

/// Names a member; entries of a list are numbered, as `elements/1` is.
fn heading(member: &str) -> String {
    match member.split_once('/') {
        Some((_, at)) => format!("Element {}", ordinal(at)),
        None => words::of(member).1,
    }
}

fn ordinal(at: &str) -> String {
    at.parse::<u64>().map_or_else(|_| at.to_owned(), |n| n.saturating_add(1).to_string())
}

/// The one place that withholds: a label that binds needs a permit, whatever the caller gave.
fn shown(document: &PrintDocument, member: &str, element: &PrintElement) -> Markup {
    let label = bound(element, document.printed_at);
    let codes = label.map(Label::codes).unwrap_or_default().join(", ");
    match (&element.value, label, &element.permit) {
        (_, Some(_), None) => html! {
            p.withheld { "withheld from print: restriction " (codes) ": " (visible(&withheld_words(label))) }
        },
        (None, _, _) => html! { p.withheld { "not disclosed in this copy" } },
        (Some(value), None, _) => unlabelled(member, value),
        (Some(value), Some(label), Some(permit)) => html! {
            (unlabelled(member, value))
            p.label {
                "Restricted: " (visible(&words_of(Some(label)))) ". Printed under permit " (visible(permit)) "."
            }
        },
    }
}

/// Says what restricts an element that is withheld: in the words of the standard, never in its provider's.
fn withheld_words(label: Option<&Label>) -> String {
    let label = label.map(|label| {
        let known = Label { other: Vec::new(), ..label.clone() };
        (caveats(&known), !label.other.is_empty())
    });
    let (mut words, further) = label.unwrap_or_default();
    words.extend(further.then(|| "further caveats".to_owned()));
    words.join("; ")
}

fn words_of(label: Option<&Label>) -> String {
    label.map(caveats).unwrap_or_default().join("; ")
}

/// Prints a value without its label, which stands in words beneath it.
fn unlabelled(member: &str, value: &Value) -> Markup {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("label");
    }
    any(&value, words::of(member).2)
}

fn any(value: &Value, reading: Reading) -> Markup {
    match value {
        Value::Null => html! { "–" },
        Value::Bool(yes) => html! { (if *yes { "yes" } else { "no" }) },
        Value::Number(number) if reading == Reading::Ordinal => html! { (ordinal(&number.to_string())) },
        Value::Number(number) => html! { (number) },
        Value::String(text) => html! { bdi { (visible(&words::text(reading, text))) } },
        Value::Array(entries) if entries.is_empty() => html! { "–" },
        Value::Array(entries) => html! {
            ul { @for entry in entries { li { (any(entry, reading)) } } }
        },
        Value::Object(map) => match map.get("state").and_then(Value::as_str).and_then(state) {
            Some(words) => stated(map, words, reading),
            None => members(map),
        },
    }
}

fn members(map: &Map<String, Value>) -> Markup {
    let mut rows: Vec<_> = map.iter().map(|(key, value)| (words::of(key), value)).collect();
    rows.sort_by_key(|((place, _, _), _)| *place);
    html! {
        dl {
            @for ((_, name, reading), value) in rows {
                div { dt { (name) } dd { (any(value, reading)) } }
            }
        }
    }
}

/// Returns the words for the state of a field or answer (DESIGN §3.1); a value needs none.
fn state(code: &str) -> Option<&'static str> {
    Some(match code {
        "value" => "",
        "partly_read" => "read in part, ? for one character, * for any run",
        "removed" => "removed",
        "unreadable" => "unreadable",
        "never_marked" => "never marked",
        "not_examined" => "not examined",
        "not_possible" => "not possible to give",
        "withheld" => "withheld by the requested State",
        "no_record" => "no record",
        "not_applicable" => "does not apply",
        _ => return None,
    })
}

/// Prints a field or answer: its value, its state and all that stands beside them.
fn stated(map: &Map<String, Value>, words: &str, reading: Reading) -> Markup {
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let normalised = map.get("normalised").and_then(Value::as_object);
    let part = |key: &str| normalised.and_then(|n| n.get(key)).and_then(Value::as_str).unwrap_or_default();
    html! {
        @if let Some(value) = map.get("value") { (any(value, reading)) " " }
        @if !words.is_empty() { span.state { (words) } }
        @match map.get("ground") {
            Some(Value::String(code)) => { " on ground " (code) }
            Some(ground) => { (any(ground, Reading::Words)) }
            None => {}
        }
        @if let Some(reason) = text("reason") { ": " bdi { (visible(reason)) } }
        @if let Some(law) = text("law") { " (law: " bdi { (visible(law)) } ")" }
        @if normalised.is_some() {
            span.note {
                "= " bdi { (visible(part("value"))) } ", " (visible(part("list"))) " " (visible(part("version"))) " "
            }
        }
        @if let Some(marking) = text("marking") { span.note { "from marking " bdi { (visible(marking)) } } }
    }
}
