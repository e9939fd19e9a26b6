//! Which test shows which requirement of ISACS 05.31, clauses 5, 6, 8 and 9: `docs/conformance.md`.
//!
//! A test names its clause: `clause_8_1_a_…` is 8.1(a), `clause_6_5_a_to_e_…` a run of rows,
//! `clause_8_3_1_and_8_3_4_1_…` two of them. `VALISE_BLESS=1 cargo test --test conformance` writes the page anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// One requirement, in our own short words.
struct Row {
    clause: &'static str,
    /// Parts of test names, one of which must occur; empty where the clause has one row only.
    words: Vec<&'static str>,
    asks: &'static str,
    /// Why no test can show it; empty where one does or will.
    reason: &'static str,
}

#[test]
fn the_page_says_which_test_shows_each_requirement() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = page(&rows(), &tests(root));
    let file = root.join("docs/conformance.md");
    if std::env::var_os("VALISE_BLESS").is_some() {
        fs::write(&file, &page).expect("docs/ can be written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/conformance.md is out of date; run this test with VALISE_BLESS=1");
}

#[test]
fn a_requirement_has_tests_or_a_reason_and_every_named_clause_exists() {
    let rows = rows();
    let named = tests(Path::new(env!("CARGO_MANIFEST_DIR")));
    for row in &rows {
        assert!(
            row.reason.is_empty() || shown_by(row, &named).is_empty(),
            "{} has tests; its reason is stale",
            row.clause
        );
    }
    let lost: Vec<&str> = named.iter().filter(|t| t.clauses.is_empty()).map(|t| t.name.as_str()).collect();
    assert!(lost.is_empty(), "no such clause, or no row of it has such words: {lost:?}");
}

#[test]
fn names_are_read_as_clauses() {
    let rows = rows();
    let read = |name: &str| clauses(name, &rows);
    assert_eq!(read("clause_8_1_a_an_export"), ["8.1(a)"]);
    assert_eq!(read("clause_8_2_1_c_1_and_8_2_1_c_2_both"), ["8.2.1(c)(1)", "8.2.1(c)(2)"]);
    assert_eq!(read("clause_6_3_a_to_c_each"), ["6.3(a)", "6.3(b)", "6.3(c)"]);
    assert_eq!(read("clause_8_3_4_2_a_1_to_b_the_list"), ["8.3.4.2(a)(1)", "8.3.4.2(a)(2)", "8.3.4.2(b)"]);
    assert_eq!(read("clause_8_3_4_2_a_refusal_names"), ["8.3.4.2"], "an article");
    assert_eq!(read("clause_6_5_to_the_letter"), ["6.5"]);
    assert_eq!(read("clause_6_9_is_none"), Vec::<&str>::new());
}

/// A test that names clauses.
struct Named {
    name: String,
    file: String,
    clauses: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let text = include_str!("conformance/rows.tsv");
    let row = |line: &'static str| {
        let [clause, words, asks, reason] = *line.split('\t').collect::<Vec<_>>() else {
            panic!("four columns: {line}");
        };
        Row { clause, words: words.split('|').filter(|w| !w.is_empty()).collect(), asks, reason }
    };
    text.lines().skip(1).map(row).collect()
}

/// Finds the tests of clauses 5, 6, 8 and 9 in the sources, in the order of their files.
fn tests(root: &Path) -> Vec<Named> {
    let rows = rows();
    let mut files = Vec::new();
    ["src", "tests", "simnet"].iter().for_each(|folder| walk(&root.join(folder), &mut files));
    files.sort();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.ends_with("conformance.rs")) {
        let text = fs::read_to_string(file).expect("sources are UTF-8");
        let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn clause_"));
        for rest in names {
            let end = rest.find('(').unwrap_or(rest.len());
            let name = format!("clause_{}", &rest[..end]);
            if ["5", "6", "8", "9"].iter().any(|clause| name.starts_with(&format!("clause_{clause}_"))) {
                let file = file.strip_prefix(root).expect("found below it").display().to_string();
                found.push(Named { clauses: clauses(&name, &rows), name, file });
            }
        }
    }
    found
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Reads the clauses that a test's name begins with; none if there is no such row.
fn clauses(name: &str, rows: &[Row]) -> Vec<&'static str> {
    let words: Vec<&str> = name.split('_').skip(1).collect();
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let Some((first, length)) = clause(&words[at..], rows) else { return found };
        at += length;
        let last = match words.get(at) {
            Some(&"to") => ending(rows[first].clause, &words[at + 1..], rows),
            Some(_) | None => None,
        };
        if let Some((end, length)) = last {
            at += 1 + length;
            found.extend(rows[first..=end].iter().map(|row| row.clause));
        } else {
            found.push(rows[first].clause);
        }
        let more = words.get(at) == Some(&"and") && words.get(at + 1).is_some_and(|w| is_number(w));
        if !more {
            found.dedup();
            return found;
        }
        at += 1;
    }
}

/// Reads the longest run of words that names a row, and returns the row's place and the run's length.
fn clause(words: &[&str], rows: &[Row]) -> Option<(usize, usize)> {
    let numbers = words.iter().take_while(|w| is_number(w)).count();
    let mut id = words[..numbers].join(".");
    let mut best = place(&id, rows).map(|row| (row, numbers));
    for (at, word) in words.iter().enumerate().skip(numbers).take(2) {
        let letter = word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase());
        if !letter && !is_number(word) {
            break;
        }
        write!(id, "({word})").expect("writing to a text cannot fail");
        best = place(&id, rows).map(|row| (row, at + 1)).or(best);
    }
    best
}

/// Reads the end of a run such as `a_to_e`, whose last row has the letter or number of its last word.
fn ending(first: &str, words: &[&str], rows: &[Row]) -> Option<(usize, usize)> {
    let word = words.first().filter(|w| w.len() == 1)?;
    let base = first.split('(').next().unwrap_or(first);
    place(&format!("{base}({word})"), rows).map(|row| (row, 1))
}

fn place(id: &str, rows: &[Row]) -> Option<usize> {
    rows.iter().position(|row| row.clause == id)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn shown_by<'a>(row: &Row, named: &'a [Named]) -> Vec<&'a Named> {
    let said = |test: &Named| row.words.is_empty() || row.words.iter().any(|word| test.name.contains(word));
    named.iter().filter(|test| test.clauses.contains(&row.clause) && said(test)).collect()
}

fn page(rows: &[Row], named: &[Named]) -> String {
    let head = String::from(
        "# Conformance to ISACS 05.31, clauses 5, 6, 8 and 9\n\n\
         Written by `VALISE_BLESS=1 cargo test --test conformance` from the names of the tests and from\n\
         `tests/conformance/rows.tsv`, which holds the requirements in our own words. A requirement is shown by\n\
         tests that name its clause, or has a reason why no test can; **pending** is neither.\n\n",
    );
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut table = String::from("| clause | what it asks | shown by |\n|---|---|---|\n");
    for row in rows {
        let tests = shown_by(row, named);
        let (kind, shown) = match (tests.is_empty(), row.reason.is_empty()) {
            (false, _) => {
                let list: Vec<String> = tests.iter().map(|t| format!("`{}` in {}", t.name, t.file)).collect();
                ("shown by tests", list.join("<br>"))
            }
            (true, false) => ("with a reason", row.reason.to_owned()),
            (true, true) => ("pending", "**pending**".to_owned()),
        };
        *counts.entry(kind).or_default() += 1;
        writeln!(table, "| {} | {} | {shown} |", row.clause, row.asks)
            .expect("writing to a text cannot fail");
    }
    let counts: Vec<String> = counts.into_iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    head + &format!("{} requirements: {}.\n\n", rows.len(), counts.join(", ")) + &table
}
