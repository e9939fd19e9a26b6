use super::{CellFault, MAX_ROWS};

/// A file cut into cells.
pub(super) struct Table {
    /// The line of the header, counted from one.
    pub header_line: u64,
    /// The names of the columns as written.
    pub header: Vec<String>,
    /// The rows that hold anything.
    pub rows: Vec<Row>,
}

/// One row of cells.
pub(super) struct Row {
    /// The line on which it begins, counted from one.
    pub line: u64,
    /// Its cells without the spaces around them.
    pub cells: Vec<String>,
}

/// Cuts a file at commas, semicolons or tabs, whichever its header has most of (RFC 4180 quotes).
///
/// # Errors
/// The reason why nothing at all can be read.
pub(super) fn read(bytes: &[u8]) -> Result<Table, CellFault> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u64;
        fault(line, "the file is not UTF-8; save it from the spreadsheet as 'CSV UTF-8'")
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let (text, hint) = separator_hint(text);
    let skipped = u64::from(hint.is_some());
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(hint.unwrap_or_else(|| most_frequent(text)))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let (mut line, mut seen) = (1 + skipped, 0);
    let mut record = ::csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| fault(line, &e.to_string()))? {
        // Blank lines before a record belong to none.
        let start = record.position().and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or(seen);
        let start = start + text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
        line += text[seen..start].matches('\n').count() as u64;
        seen = start;
        let cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { line, cells });
        }
        if rows.len() > MAX_ROWS + 1 {
            return Err(fault(line, &format!("more than {MAX_ROWS} rows; make several requests of it")));
        }
    }
    if rows.is_empty() {
        return Err(fault(1, "the file is empty"));
    }
    let first = rows.remove(0);
    Ok(Table { header_line: first.line, header: first.cells, rows })
}

/// Reads the line `sep=;` by which some spreadsheets name the separator.
fn separator_hint(text: &str) -> (&str, Option<u8>) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        Some([separator]) => (rest, Some(*separator)),
        Some(_) | None => (text, None),
    }
}

fn most_frequent(text: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.trim_start().bytes().take_while(|b| *b != b'\n') {
        quoted ^= byte == b'"';
        for (separator, count) in &mut counts {
            *count += usize::from(byte == *separator && !quoted);
        }
    }
    // On a tie the first one wins, which is the comma of RFC 4180.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

fn fault(line: u64, why: &str) -> CellFault {
    CellFault { line, column: "file".to_owned(), why: why.to_owned() }
}
