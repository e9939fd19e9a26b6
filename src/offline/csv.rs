//! Many items from a spreadsheet: one row for each weapon, part or lot (`docs/csv-import.md`).

mod cell;
mod columns;
mod row;
mod table;
#[cfg(test)]
mod tests;

use super::OfflineError;
use super::requests::{parse_request, template};
use crate::model::{Item, Request};
use crate::rules::completeness;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most rows of one file; more would not go into an envelope of 1 MiB as one request.
pub const MAX_ROWS: usize = 500;

/// What a file of items holds and what is wrong with it; nothing is written while `errors` holds anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CsvReport {
    /// The items of the rows without errors, in the order of the file.
    #[serde(skip)]
    pub items: Vec<Item>,
    /// The line on which each of these items begins, counted from one.
    pub lines: Vec<u64>,
    /// What must be put right first, in the order of the file: every error, not only the first.
    pub errors: Vec<CellFault>,
    /// What was understood, but an officer should look at.
    pub warnings: Vec<CellFault>,
    /// What the standard asks for and a row does not give (ISACS 6.3).
    pub missing: Vec<RowGap>,
}

/// Something about one cell, in words that do not repeat what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CellFault {
    /// The line on which the row begins, counted from one.
    pub line: u64,
    /// The column by the name in its header; `row` or `file` for the whole.
    pub column: String,
    /// What is wrong and what to do.
    pub why: String,
}

/// Something that the standard asks for and a row does not give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowGap {
    /// The line on which the row begins, counted from one.
    pub line: u64,
    /// The clause of ISACS 05.31.
    pub clause: &'static str,
    /// Where in the item, such as `serials[0].number`.
    pub field: String,
    /// What to do.
    pub why: String,
}

/// Reads a file of items without writing anything.
pub fn import(bytes: &[u8]) -> CsvReport {
    let mut report = CsvReport::default();
    let table = match table::read(bytes) {
        Ok(table) => table,
        Err(fault) => return CsvReport { errors: vec![fault], ..report },
    };
    let header = columns::read_header(&table.header, table.header_line, &mut report.errors);
    for entry in &table.rows {
        if let Some(item) = row::read(&header, entry, &mut report.errors, &mut report.warnings) {
            report.lines.push(entry.line);
            report.items.push(item);
        }
    }
    if report.items.is_empty() && report.errors.is_empty() {
        let why = "no row holds anything".to_owned();
        report.errors.push(CellFault { line: table.header_line, column: "file".to_owned(), why });
    }
    report.warnings.extend(row::zeros(&header, &table));
    report.missing = gaps(&report.items, &report.lines);
    report
}

/// Returns the header of a blank file, every column once, ready for a spreadsheet.
pub fn header() -> String {
    columns::names().collect::<Vec<_>>().join(",")
}

/// Adds items to the text of a request and keeps the rest of it, annotations included.
///
/// The blank item of a template that was not filled in is left out; for a new request, pass
/// [`template`].
///
/// # Errors
/// [`OfflineError::BadData`] if the text is no request or has no list of items.
pub fn with_items(request: &str, items: &[Item]) -> Result<String, OfflineError> {
    let fault = |why: String| OfflineError::BadData { path: "items".to_owned(), line: 1, why };
    let present = parse_request(request)?.items;
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(request).map_err(|e| fault(e.to_string()))?;
    let list =
        members.get("items").ok_or_else(|| fault("the request has no list of items".to_owned()))?.get();
    let untouched = present == parse_request(template())?.items;
    let kept = if untouched || present.is_empty() { "" } else { list.trim_matches(['[', ']']).trim() };
    let mut entries: Vec<String> = Vec::new();
    if !kept.is_empty() {
        entries.push(kept.to_owned());
    }
    for item in items {
        let text = serde_json::to_string_pretty(item).map_err(|e| fault(e.to_string()))?;
        entries.push(text.replace('\n', "\n    "));
    }
    // Raw values borrow from `request`, so that the distance of their starts is an offset in it.
    let start = list.as_ptr() as usize - request.as_ptr() as usize;
    let (before, after) = (&request[..start], &request[start + list.len()..]);
    Ok(format!("{before}[\n    {}\n  ]{after}", entries.join(",\n    ")))
}

/// Says what each item lacks by the validator of requests, item by item.
fn gaps(items: &[Item], lines: &[u64]) -> Vec<RowGap> {
    let check =
        |item: &Item| completeness::check(&Request { items: vec![item.clone()], ..Request::default() });
    items
        .iter()
        .zip(lines)
        .flat_map(|(item, line)| check(item).missing.into_iter().map(move |finding| (*line, finding)))
        .filter_map(|(line, finding)| {
            let field = finding.field.strip_prefix("items[0].")?.to_owned();
            Some(RowGap { line, clause: finding.clause, field, why: finding.why })
        })
        .collect()
}
