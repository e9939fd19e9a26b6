use crate::config::{ConfigError, Problem};
use std::fmt::{self, Display};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value came from, weakest first (`Default`) to strongest (`Flag`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of a file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
    /// A profile, chosen by `--profile` or `VALISE_PROFILE`.
    Profile(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One value with its origin; `config show` lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The setting, such as `clocks.warn_ack_days`.
    pub key: String,
    /// The value as text.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// A file being read: collects every problem and every value.
pub(super) struct Document<'t> {
    text: &'t str,
    file: &'t Path,
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

/// The name of a setting, and what would be right for it.
#[derive(Clone, Copy)]
pub(super) struct Key(pub(super) &'static str, pub(super) &'static str);

/// One table of the file; what is not asked for by the end is an unknown key.
pub(super) struct Section<'t> {
    prefix: String,
    line: usize,
    table: DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'t> Document<'t> {
    /// Splits the text into its tables.
    ///
    /// # Errors
    /// All places where it is not TOML.
    pub(super) fn parse(text: &'t str, file: &'t Path) -> Result<(Self, Section<'t>), ConfigError> {
        let mut document = Self { text, file, problems: Vec::new(), settings: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = document.line(error.span().unwrap_or_default());
            document.problem(
                line,
                "this line",
                error.message().to_owned(),
                "see https://toml.io for the form",
            );
        }
        document.checked()?;
        let root = Section { prefix: String::new(), line: 0, table: table.into_inner(), known: Vec::new() };
        Ok((document, root))
    }

    /// Notes something wrong.
    pub(super) fn problem(&mut self, line: usize, key: &str, what: String, hint: &str) {
        self.problems.push(Problem { line, key: key.to_owned(), what, hint: hint.to_owned() });
    }

    /// Notes a value that stands in no file.
    pub(super) fn setting(&mut self, key: String, value: String, origin: Origin) {
        self.settings.push(Setting { key, value, origin });
    }

    /// Notes a value that goes before the file's.
    pub(super) fn overridden(&mut self, key: &str, value: &str, origin: Origin) {
        self.settings.retain(|setting| setting.key != key);
        self.setting(key.to_owned(), value.to_owned(), origin);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All problems, if there are any.
    pub(super) fn finish(mut self) -> Result<Vec<Setting>, ConfigError> {
        self.checked()?;
        Ok(self.settings)
    }

    fn checked(&mut self) -> Result<(), ConfigError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let mut problems = std::mem::take(&mut self.problems);
        problems.sort();
        Err(ConfigError::Invalid { file: self.file.to_owned(), problems })
    }

    fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.bytes().filter(|b| *b == b'\n').count() + 1
    }
}

impl<'t> Section<'t> {
    /// Returns the line on which the table begins.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// Returns the full name of a key in this table.
    pub(super) fn name(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) }
    }

    /// Tells whether the file gives this key.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.known.push(key);
        self.table.contains_key(key)
    }

    /// Reads a value written as text.
    pub(super) fn text<T>(&mut self, doc: &mut Document<'t>, key: Key) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.read(doc, key, |value| {
            let text = value.as_str().ok_or_else(|| wrong_type("text in quotes", value))?;
            text.parse().map_err(|e: T::Err| e.to_string())
        })
    }

    /// Reads a list of values written as text.
    pub(super) fn texts<T>(&mut self, doc: &mut Document<'t>, key: Key) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let read = self.read(doc, key, |value| {
            let entries = value.as_array().ok_or_else(|| wrong_type("a list of texts", value))?;
            let parse = |entry: &toml::Spanned<DeValue<'t>>| {
                let value = entry.get_ref();
                let text = value.as_str().ok_or_else(|| wrong_type("text in quotes", value))?;
                text.parse().map_err(|e: T::Err| e.to_string())
            };
            entries.iter().map(parse).collect::<Result<Vec<T>, String>>()
        });
        read.unwrap_or_default()
    }

    /// Reads a whole number within `range`.
    pub(super) fn integer(
        &mut self,
        doc: &mut Document<'t>,
        key: Key,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let read = self.read(doc, key, |value| {
            let digits = value.as_integer().ok_or_else(|| wrong_type("a whole number", value))?;
            u32::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("is {digits}; it must be {} to {}", range.start(), range.end()))
        });
        self.or_default(doc, key, read, default)
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, doc: &mut Document<'t>, key: Key, default: bool) -> bool {
        let read =
            self.read(doc, key, |value| value.as_bool().ok_or_else(|| wrong_type("true or false", value)));
        self.or_default(doc, key, read, default)
    }

    /// Reads one of a closed list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        doc: &mut Document<'t>,
        key: Key,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.read(doc, key, |value| {
            let text = value.as_str().ok_or_else(|| wrong_type("text in quotes", value))?;
            words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
                let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("is '{text}'; it must be one of: {}", all.join(", "))
            })
        })
    }

    /// Reads a path; a relative one starts at the file's own folder.
    pub(super) fn path(&mut self, doc: &mut Document<'t>, key: Key) -> Option<PathBuf> {
        let folder = doc.file.parent().unwrap_or(Path::new("")).to_owned();
        self.text::<String>(doc, key).map(|text| folder.join(text))
    }

    /// Enters a sub-table; an absent one is empty, so that its defaults hold.
    pub(super) fn section(&mut self, doc: &mut Document<'t>, key: Key) -> Self {
        let prefix = self.name(key.0);
        self.known.push(key.0);
        let found = self.table.remove(key.0);
        let line = found.as_ref().map_or(0, |value| doc.line(value.span()));
        let table = match found.map(Spanned::into_inner) {
            Some(DeValue::Table(table)) => table,
            Some(other) => {
                doc.problem(line, &prefix, wrong_type(&format!("a table [{prefix}]"), &other), key.1);
                DeTable::new()
            }
            None => DeTable::new(),
        };
        Self { prefix, line, table, known: Vec::new() }
    }

    /// Enters each table of a list `[[key]]`.
    pub(super) fn list(&mut self, doc: &mut Document<'t>, key: Key) -> Vec<Self> {
        let prefix = self.name(key.0);
        self.known.push(key.0);
        let Some(found) = self.table.remove(key.0) else { return Vec::new() };
        let wanted = format!("a list of tables [[{prefix}]]");
        let line = doc.line(found.span());
        let DeValue::Array(entries) = found.get_ref() else {
            doc.problem(line, &prefix, wrong_type(&wanted, found.get_ref()), key.1);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let line = doc.line(entry.span());
            if let Some(table) = entry.get_ref().as_table() {
                let prefix = format!("{prefix}[{index}]");
                sections.push(Self { prefix, line, table: table.clone(), known: Vec::new() });
            } else {
                doc.problem(line, &prefix, wrong_type(&wanted, entry.get_ref()), key.1);
            }
        }
        sections
    }

    /// Takes a value that must be there.
    pub(super) fn required<T>(&self, doc: &mut Document<'t>, key: Key, value: Option<T>) -> Option<T> {
        let name = self.name(key.0);
        let told = doc.problems.iter().any(|p| p.key == name);
        if value.is_none() && !told {
            doc.problem(self.line, &name, "is missing".into(), key.1);
        }
        value
    }

    /// Takes a value or its default, which is listed as such.
    pub(super) fn or_default<T: ToString>(
        &self,
        doc: &mut Document<'t>,
        key: Key,
        value: Option<T>,
        default: T,
    ) -> T {
        value.unwrap_or_else(|| {
            doc.setting(self.name(key.0), default.to_string(), Origin::Default);
            default
        })
    }

    /// Ends the table: every key that nobody asked for is a problem.
    pub(super) fn finish(self, doc: &mut Document<'t>) {
        for key in self.table.keys() {
            let line = doc.line(key.span());
            let hint = match self.known.iter().find(|known| alike(known, key.get_ref())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            doc.problem(line, &self.name(key.get_ref()), "is not a setting".into(), &hint);
        }
    }

    fn read<T>(
        &mut self,
        doc: &mut Document<'t>,
        key: Key,
        parse: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key.0);
        let found = self.table.remove(key.0)?;
        let (name, line) = (self.name(key.0), doc.line(found.span()));
        match parse(found.get_ref()) {
            Ok(value) => {
                let shown = doc.text.get(found.span()).unwrap_or_default().trim_matches(['"', '\'']);
                let origin = Origin::File { file: doc.file.to_owned(), line };
                doc.setting(name, shown.to_owned(), origin);
                Some(value)
            }
            Err(what) => {
                doc.problem(line, &name, what, key.1);
                None
            }
        }
    }
}

fn wrong_type(wanted: &str, found: &DeValue<'_>) -> String {
    format!("is {} {}; it must be {wanted}", article(found.type_str()), found.type_str())
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// Tells whether two names differ by at most two letters (Levenshtein distance).
fn alike(known: &str, typed: &str) -> bool {
    let typed: Vec<char> = typed.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (i, letter) in known.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in typed.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().is_some_and(|distance| *distance <= 2)
}
