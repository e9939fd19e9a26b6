/// Writes one line of a CSV file that no spreadsheet takes for a formula (RFC 4180).
///
/// A cell that begins with `=`, `+`, `-`, `@`, an apostrophe, a tab or a line break gets an apostrophe in
/// front, which the import of items takes away again.
pub fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    cells.into_iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let safe = if formula { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', ';', '"', '\r', '\n', '\t']) || safe.trim() != safe {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let line = csv_line(["GHA-2026-000123", "=1+1", "a,b", "say \"x\"", " -2", "@SUM(A1)", "\t=1", ""]);
        assert_eq!(line, "GHA-2026-000123,'=1+1,\"a,b\",\"say \"\"x\"\"\",' -2,'@SUM(A1),\"'\t=1\",\r\n");
    }

    proptest! {
        #[test]
        fn no_cell_begins_as_a_formula(text in "[=+@\"' a\t\r\n-]{0,8}") {
            let written = cell(&text);
            let seen = match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => written.clone(),
            };
            let seen = seen.trim_start();
            prop_assert!(!seen.starts_with(['=', '+', '-', '@']), "{written}");
            prop_assert!(written.matches('"').count().is_multiple_of(2));
        }
    }
}
