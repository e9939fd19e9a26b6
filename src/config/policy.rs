//! `[policy]`: how many officers must agree, and the table of national policy.

use crate::config::Problem;
use crate::config::gateway::{Authority, Officer, is_short_name};
use crate::config::reader::{Document, Key, Section};
use crate::model::{Purpose, Role};
use crate::rules::policy::{Deed, Effect, Flaw, FlawKind, Row, Subject, Table};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most officers that a rule may ask for.
const MOST: u32 = 5;

/// What national policy narrows; no variable or flag touches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The table.
    pub table: Table,
    /// The rows that never decide anything; `config check` tells them.
    pub dead: Vec<Flaw>,
}

impl Policy {
    /// Tells of the rows that never decide anything; the gateway runs with them.
    pub fn findings(&self) -> Vec<Problem> {
        let problem = |flaw: &Flaw| Problem {
            line: 0,
            key: format!("policy.rule {}", flaw.row),
            what: format!("never decides: {}", flaw.why),
            hint: "delete the row, or say what it was meant for".to_owned(),
        };
        self.dead.iter().map(problem).collect()
    }
}

/// A deed as a row writes it.
struct DeedWord(Deed);

/// A purpose as a row writes it.
struct PurposeWord(Purpose);

pub(super) fn policy<'t>(
    root: &mut Section<'t>,
    doc: &mut Document<'t>,
    demo: bool,
    officers: &[Officer],
    authorities: &[Authority],
) -> Policy {
    let mut section = root.section(doc, Key("policy", "write it as a table"));
    let default = if demo { 1 } else { 2 };
    let approvals = Key("approvals", "two see more than one; a State with one officer says 1");
    let releases = Key("release_approvals", "two see more than one; one must be chosen");
    let approvals = section.integer(doc, approvals, 1..=MOST, default);
    let release_approvals = section.integer(doc, releases, 1..=MOST, default);
    let able = officers.iter().filter(|o| matches!(o.role, Role::Officer | Role::Supervisor)).count();
    for (key, needed) in [("policy.approvals", approvals), ("policy.release_approvals", release_approvals)] {
        if able > 0 && needed as usize > able {
            let what = format!("is {needed}, and {able} of the officers may act: nothing could ever go out");
            let hint = "name more officers, or choose 1 explicitly; the directory entry shows that choice to other States";
            doc.problem(section.line(), key, what, hint);
        }
    }
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for mut entry in section.list(doc, Key("rule", "write [[policy.rule]] before each row")) {
        lines.push(entry.line());
        rows.extend(row(&mut entry, doc));
        entry.finish(doc);
    }
    section.finish(doc);
    let table = Table { approvals, release_approvals, rows };
    let subjects: Vec<Subject<'_>> = officers.iter().map(|o| (o.role, o.agency.as_deref())).collect();
    let names: Vec<&str> = authorities.iter().map(|a| a.name.as_str()).collect();
    let mut dead = Vec::new();
    for flaw in table.flaws(&subjects, &names) {
        match flaw.kind {
            FlawKind::Dead => dead.push(flaw),
            FlawKind::Contradictory => {
                let at = table.rows.iter().rposition(|row| row.name == flaw.row).unwrap_or(0);
                let line = lines.get(at).copied().unwrap_or(0);
                let what = format!("'{}' contradicts: {}", flaw.row, flaw.why);
                doc.problem(
                    line,
                    "policy.rule",
                    what,
                    "a row must be obeyable, and the only one about its matter",
                );
            }
        }
    }
    Policy { table, dead }
}

fn row<'t>(entry: &mut Section<'t>, doc: &mut Document<'t>) -> Option<Row> {
    let name: Option<String> = entry.text(doc, Key("name", "every decision tells it"));
    let name = entry.required(doc, Key("name", "every decision tells it"), name);
    if let Some(name) = name.as_ref().filter(|name| !is_short_name(name)) {
        let what = format!("'{name}' is no name");
        doc.problem(entry.line(), "policy.rule.name", what, crate::config::SHORT_NAME);
    }
    let role = entry.choice(doc, Key("role", "officer or supervisor"), &Role::ALL.map(|r| (r.code(), r)));
    let agency: Option<String> = entry.text(doc, Key("agency", "as [[officer]] entries name it"));
    let deeds: Vec<DeedWord> = entry.texts(doc, Key("act", "a list such as [\"refusal\", \"release\"]"));
    let recipients: Vec<String> =
        entry.texts(doc, Key("recipient", "a list of parties or authorities such as [\"XBB\", \"customs\"]"));
    let purposes: Vec<PurposeWord> = entry.texts(doc, Key("purposes", "a list such as [\"tracing\"]"));
    let forbids = entry.flag(doc, Key("forbid", "true for what nobody may do"), false);
    let asks = entry.has("approvals");
    let approvals = Key("approvals", "how many officers must agree");
    let approvals = if asks { entry.integer(doc, approvals, 1..=MOST, 1) } else { 0 };
    let effect = match (forbids, asks) {
        (true, false) => Effect::Forbid,
        (false, true) => Effect::Approvals(approvals),
        (true, true) | (false, false) => {
            let what = "needs one of approvals and forbid".to_owned();
            doc.problem(entry.line(), "policy.rule", what, "a row says what it asks");
            return None;
        }
    };
    Some(Row {
        name: name?,
        role,
        agency,
        deeds: deeds.into_iter().map(|word| word.0).collect(),
        recipients: recipients.into_iter().collect(),
        purposes: purposes.into_iter().map(|word| word.0).collect::<BTreeSet<_>>(),
        effect,
    })
}

/// Says which words a list may hold.
struct UnknownWord(String, Vec<&'static str>);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is '{}'; it must be one of: {}", self.0, self.1.join(", "))
    }
}

impl FromStr for DeedWord {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = || Deed::all().map(Deed::code).collect();
        Deed::from_code(text).map(Self).ok_or_else(|| UnknownWord(text.to_owned(), all()))
    }
}

impl FromStr for PurposeWord {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = || Purpose::ALL.map(Purpose::code).to_vec();
        Purpose::from_code(text).map(Self).ok_or_else(|| UnknownWord(text.to_owned(), all()))
    }
}
