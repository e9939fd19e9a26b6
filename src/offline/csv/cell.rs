//! What stands in one cell. No fault repeats it, since it may identify a weapon.

use crate::model::{Country, Field, FieldValue, PartialDate, Text};
use crate::rules::identification::{is_word_for_nothing, letters_of, millimetres, state_meant};
use serde::de::DeserializeOwned;

/// What was read, with words for the officer where it was not plain.
pub(super) struct Read<T> {
    pub value: Option<T>,
    pub warning: Option<String>,
}

/// Reads a cell that tells what is marked: a text, a text with wildcards, or a state.
pub(super) fn mark(cell: &str) -> Result<Read<Field<Text>>, String> {
    field(cell, |plain| {
        if let Some(why) = damage(plain) {
            return Err(why);
        }
        if plain.contains(['?', '*']) {
            let warning = "read as partly read, for its ? or *; if these are marked, write [value: …]";
            let value = Some(Field::PartlyRead(Text::new(plain.to_owned())));
            return Ok(Read { value, warning: Some(warning.to_owned()) });
        }
        Ok(value(Text::new(plain.to_owned())))
    })
}

/// Reads a cell that holds a country or a state.
pub(super) fn country(cell: &str) -> Result<Read<Field<Country>>, String> {
    field(cell, |plain| {
        let why =
            "expected an ISO 3166-1 alpha-3 code such as GHA, or ISO 3166-3 for a former State such as SUHH";
        Country::parse_text(&plain.to_uppercase()).map(value).map_err(|_| why.to_owned())
    })
}

/// Reads a cell that holds a date, however partial, or a state.
pub(super) fn date(cell: &str) -> Result<Read<Field<PartialDate>>, String> {
    field(cell, |plain| {
        let why = "expected a date like 1987, 1987-04 or 1987-04-12; a spreadsheet may have rewritten it: format \
                   the column as text";
        PartialDate::parse_text(plain).map(value).map_err(|_| why.to_owned())
    })
}

/// Reads a cell that holds a length in millimetres, with a decimal point or comma, or a state (ISACS 6.5 e).
pub(super) fn length(cell: &str) -> Result<Read<Field<Text>>, String> {
    field(cell, |plain| {
        let point = plain.replacen(',', ".", 1);
        let why = "expected millimetres such as 7.92 or 7,92";
        millimetres(&point).map(|_| value(Text::new(point))).ok_or_else(|| why.to_owned())
    })
}

/// Reads a cell of free words.
pub(super) fn words(cell: &str) -> Result<Read<Text>, String> {
    if cell.is_empty() {
        return Ok(Read { value: None, warning: None });
    }
    let plain = unprotected(cell);
    if plain.starts_with('#') || plain.starts_with('=') {
        return damage(plain).map_or_else(|| Ok(said(plain)), Err);
    }
    if is_word_for_nothing(plain) {
        let warning = "holds only a word for nothing; left out".to_owned();
        return Ok(Read { value: None, warning: Some(warning) });
    }
    Ok(said(plain))
}

/// Reads a cell that holds one of a closed list of codes, `other` names standing for some.
pub(super) fn code<T: DeserializeOwned>(
    cell: &str,
    others: &[(&str, &str)],
    list: &str,
) -> Result<Read<T>, String> {
    if cell.is_empty() {
        return Ok(Read { value: None, warning: None });
    }
    let letters = letters_of(cell);
    let known = others.iter().find(|(name, _)| *name == letters).map(|(_, code)| (*code).to_owned());
    let code = known.unwrap_or_else(|| cell.to_lowercase().replace([' ', '-'], "_"));
    match serde_json::from_value(serde_json::Value::String(code)) {
        Ok(value) => Ok(Read { value: Some(value), warning: None }),
        Err(_) => Err(format!("expected one of {list}")),
    }
}

/// Tells whether a cell holds a number of digits alone, from which a spreadsheet drops leading zeros.
pub(super) fn is_bare_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit())
}

/// Reads what every field may hold, a state in brackets or a word for one, and leaves the rest to `plain`.
fn field<T: FieldValue>(
    cell: &str,
    plain: impl Fn(&str) -> Result<Read<Field<T>>, String>,
) -> Result<Read<Field<T>>, String> {
    if cell.is_empty() {
        return Ok(Read { value: None, warning: None });
    }
    if let Some(inner) = cell.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("a state stands in brackets: the closing ] is missing")?;
        let (state, rest) = inner.split_once(':').map_or((inner, ""), |(state, rest)| (state, rest.trim()));
        return bracketed(state, rest).map(|field| Read { value: Some(field), warning: None });
    }
    if let Some(state) = state_meant::<T>(cell) {
        let warning = format!("read as [{}]; write the state in brackets to be sure", state.state());
        return Ok(Read { value: Some(state), warning: Some(warning) });
    }
    if is_word_for_nothing(cell) {
        return Err(format!("a word for nothing does not say which state is meant; write {STATES}"));
    }
    plain(unprotected(cell))
}

fn bracketed<T: FieldValue>(state: &str, rest: &str) -> Result<Field<T>, String> {
    let owned = || Text::new(rest.to_owned());
    let bare = rest.is_empty();
    match letters_of(state).as_str() {
        "value" if !bare => {
            T::parse_text(rest).map(Field::value).map_err(|_| "not of this column's kind".into())
        }
        "partlyread" if !bare => Ok(Field::PartlyRead(owned())),
        "notpossible" if !is_word_for_nothing(rest) => Ok(Field::NotPossible(owned())),
        "value" | "partlyread" | "notpossible" => Err("this state needs its text after a colon".to_owned()),
        "withheld" => Err("only the requested State may withhold (8.3.4.2)".to_owned()),
        _ if bare => state_meant(state).ok_or_else(|| format!("no such state; write {STATES}")),
        _ => Err(format!("no such state with a text; write {STATES}")),
    }
}

const STATES: &str = "[removed], [unreadable], [never_marked], [not_examined], [not_possible: reason], \
                      [partly_read: AB?12*] or, as it is marked, [value: …]";

/// Tells what a spreadsheet seems to have made of a mark; `[value: …]` says that it is so marked.
fn damage(text: &str) -> Option<String> {
    let marked = "; if it is so marked, write [value: …]";
    if text.starts_with('=') {
        return Some(format!("it is a formula: paste the values alone{marked}"));
    }
    let error_value = ["#REF", "#N/A", "#VALUE", "#NAME", "#DIV", "#NUM", "#NULL", "##"];
    if error_value.iter().any(|e| text.starts_with(e)) {
        return Some(format!("it is an error of the spreadsheet{marked}"));
    }
    if is_scientific(text) {
        return Some(format!("a spreadsheet has rounded a long number: enter it again as text{marked}"));
    }
    if is_bare_number(text) && text.len() > 15 && text.ends_with('0') {
        // Spreadsheets keep 15 digits of a number and fill up with zeros.
        return Some(format!("a spreadsheet has filled a long number up with zeros{marked}"));
    }
    looks_like_date(text).then(|| format!("a spreadsheet may have made a date of it{marked}"))
}

/// Recognises `1.23E+11` and `1,23E+11`; a marked `12E4` has no sign.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |part: &str| is_bare_number(part);
    let mantissa_ok =
        mantissa.split_once(['.', ',']).map_or_else(|| digits(mantissa), |(a, b)| digits(a) && digits(b));
    mantissa_ok && exponent.strip_prefix('+').is_some_and(digits)
}

/// Recognises `12-Mar`, `Mar-12`, `12/03/1999` and `1999-03-12 00:00:00`.
fn looks_like_date(text: &str) -> bool {
    let text = text.split(' ').next().unwrap_or(text).to_lowercase();
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let number = |part: &str, most: usize| is_bare_number(part) && part.len() <= most;
    let month = |part: &str| MONTHS.contains(&part);
    match parts.as_slice() {
        [a, b] => (number(a, 2) && month(b)) || (month(a) && matches!(b.len(), 2 | 4) && number(b, 4)),
        [a, b, c] if text.contains('/') => number(a, 4) && number(b, 2) && number(c, 4),
        [a, b, c] => number(a, 2) && month(b) && number(c, 4),
        _ => false,
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Drops the apostrophe by which an export keeps a cell from being a formula.
fn unprotected(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\''])).unwrap_or(cell)
}

fn value<T>(as_marked: T) -> Read<Field<T>> {
    Read { value: Some(Field::value(as_marked)), warning: None }
}

fn said(text: &str) -> Read<Text> {
    Read { value: Some(Text::new(text.to_owned())), warning: None }
}
