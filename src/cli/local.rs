//! Verbs that need no node.

use crate::cli::document::{read_text, write_text};
use crate::cli::face::Answer;
use crate::cli::render;
use crate::config::{self, Checked, ConfigError, GatewayConfig, Layout, Setting, Surroundings};
use crate::control::{ControlError, DoctorView, ExitCode, Failure, FindingView, FormView};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// `config check FILE`: lists everything wrong with a file; ends with 78 if anything is.
///
/// # Errors
/// The file cannot be read.
pub fn config_check(file: &Path) -> Result<Answer, Failure> {
    let text = read_text(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let layout = Layout::under(folder);
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let around = Surroundings { layout: &layout, passwd: &passwd, log: None };
    let (kind, problems) = match config::check(&text, file, &around) {
        Ok(Checked::Gateway(config)) => (Some("gateway"), config.policy.findings()),
        Ok(Checked::Relay(_)) => (Some("relay"), Vec::new()),
        Err(ConfigError::Invalid { problems, .. }) => (None, problems),
        Err(other) => return Err(other.into()),
    };
    let told: Vec<Value> = problems
        .iter()
        .map(|p| json!({ "line": p.line, "key": p.key, "what": p.what, "hint": p.hint }))
        .collect();
    let data = json!({ "file": file, "valid": kind.is_some(), "kind": kind, "problems": told });
    let shown = file.display();
    let text: String = match kind {
        Some(kind) if problems.is_empty() => format!("{shown}: a valid {kind} file"),
        _ => problems.iter().map(|p| format!("{shown}: {p}\n")).collect(),
    };
    let exit = match kind {
        Some(_) if problems.is_empty() => ExitCode::Ok,
        Some(_) => ExitCode::Finding,
        None => ExitCode::Config,
    };
    Ok(Answer { verb: "config.check", data, text, exit })
}

/// `gateway doctor`: shows what was found; ends with 1 if anything fails.
///
/// # Errors
/// The data have another form than this version knows.
pub fn gateway_doctor(data: Value) -> Result<Answer, Failure> {
    let view: DoctorView = render::read(&data)?;
    let exit = if view.healthy { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "gateway.doctor", data, text: render::doctor(&view), exit })
}

/// `config show`: lists the settings in force.
///
/// # Errors
/// The configuration cannot be read or is wrong (78).
pub fn config_show(layout: &Layout, origin: bool) -> Result<Answer, Failure> {
    let config = GatewayConfig::load(layout)?;
    let data = config.settings.iter().map(|s| {
        let mut entry = json!({ "key": s.key, "value": s.value });
        if origin {
            entry["origin"] = json!(s.origin.to_string());
        }
        entry
    });
    Ok(Answer::ok("config.show", data.collect(), settings_table(&config.settings, origin)))
}

/// `gateway init`: tells what was made and what to do with it.
pub fn gateway_init(made: Value) -> Answer {
    let told = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    let text = format!(
        "made the gateway of {}\n  settings     {}\n  root SHA-256 {}\n\n\
         `valise identity request` writes the file by which a federation admits it; docs/federation.md tells the rest.\n\
         Once it has joined, run `valise gateway serve`.",
        told("party"),
        told("config"),
        told("root_sha256"),
    );
    Answer::ok("gateway.init", made, text)
}

/// Tells what a verb of the ceremony did, member by member, and what comes next.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
pub fn told(verb: &'static str, data: Value, next: &str) -> Answer {
    let mut text = String::new();
    let members = data.as_object().into_iter().flatten();
    for (name, value) in members {
        let shown = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text += &format!("{name:<14} {shown}\n");
    }
    if !next.is_empty() {
        text += &format!("\nnext: {next}");
    }
    Answer::ok(verb, data, text)
}

/// What `request check` found, as its data write it.
#[derive(Deserialize)]
struct CheckView {
    complete: bool,
    missing: Vec<FindingView>,
    advice: Vec<FindingView>,
    addressee: Vec<ProposalView>,
}

/// A State to ask, in the order of ISACS 8.1.
#[derive(Deserialize)]
struct ProposalView {
    state: String,
    clause: String,
    why: String,
    successors: Vec<SuccessorView>,
}

/// A State that may answer for a former one.
#[derive(Deserialize)]
struct SuccessorView {
    state: String,
    basis: String,
}

/// Shows what `request check` found; ends with 1 if anything is missing.
///
/// # Errors
/// The data are not those of a check.
pub fn request_check(data: Value) -> Result<Answer, Failure> {
    let view: CheckView = render::read(&data)?;
    let mut text = String::from(if view.complete { "complete\n" } else { "incomplete\n" });
    for (head, findings) in [("missing", &view.missing), ("advice", &view.advice)] {
        let rows: Vec<_> =
            findings.iter().map(|f| vec![f.clause.clone(), f.field.clone(), f.why.clone()]).collect();
        if !rows.is_empty() {
            text += &format!("\n{head}\n{}\n", render::table(&["CLAUSE", "FIELD", "WHY"], rows));
        }
    }
    let rows = view.addressee.into_iter().flat_map(|p| {
        let (former, clause) = (p.state.clone(), p.clause.clone());
        let proposed = p.successors.into_iter().map(move |s| {
            vec![s.state, clause.clone(), format!("proposed as a successor of {former}: {}", s.basis)]
        });
        [vec![p.state, p.clause, p.why]].into_iter().chain(proposed)
    });
    let rows = rows.collect();
    text += &format!(
        "\naddressee, in the order of ISACS 8.1\n{}\n",
        render::table(&["STATE", "CLAUSE", "WHY"], rows)
    );
    let exit = if view.complete { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "request.check", data, text, exit })
}

/// Writes a form to a file, or to stdout for `-`.
///
/// # Errors
/// The file exists or cannot be written.
pub fn request_new(form: &str, output: &Path, force: bool) -> Result<Answer, Failure> {
    let form = FormView { form: form.to_owned(), warnings: Vec::new() };
    form_answer("request.new", &form, output, force, "check it with `valise request check`")
}

/// `request exempt`: tells whether items need not be traced; ends with 1 if they must be.
///
/// # Errors
/// The data are not those of a check.
pub fn request_exempt(data: Value) -> Result<Answer, Failure> {
    let view: ExemptView = render::read(&data)?;
    let mut text = String::from(if view.exempt { "need not be traced (5.4)\n" } else { "to be traced\n" });
    for found in view.missing.iter().chain(&view.advice) {
        text += &format!("{} {}: {}\n", found.clause, found.field, found.why);
    }
    let exit = if view.exempt { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "request.exempt", data, text, exit })
}

/// What `request exempt` found, as its data write it.
#[derive(Deserialize)]
struct ExemptView {
    exempt: bool,
    missing: Vec<FindingView>,
    advice: Vec<FindingView>,
}

/// `request import`: tells what a spreadsheet holds; `write` makes the request, unless it is a dry run.
///
/// # Errors
/// A row is in error (65), or the file exists or cannot be written.
pub fn request_import(
    report: Value,
    output: Option<&Path>,
    force: bool,
    write: impl FnOnce() -> Result<String, Failure>,
) -> Result<Answer, Failure> {
    let view: ImportView = render::read(&report)?;
    let line = |fault: &RowView| format!("line {}", fault.line);
    if !view.errors.is_empty() {
        let found = view.errors.iter().map(|fault| FindingView {
            clause: line(fault),
            field: fault.column.clone(),
            why: fault.why.clone(),
        });
        let count = view.errors.len();
        return Err(Failure::new(
            ExitCode::BadData,
            "csv.rows",
            format!("{count} errors; nothing was written"),
        )
        .hint("correct the rows; docs/csv-import.md lists the columns and what a cell may say")
        .findings(found.collect()));
    }
    let mut text = format!("{} items\n", view.lines.len());
    for warning in &view.warnings {
        text += &format!("{}, {}: {}\n", line(warning), warning.column, warning.why);
    }
    for gap in &view.missing {
        text += &format!("line {}, {} {}: {}\n", gap.line, gap.clause, gap.field, gap.why);
    }
    let Some(output) = output else {
        return Ok(Answer::ok("request.import", report, text + "a dry run: nothing was written"));
    };
    let request = write()?;
    if output == Path::new("-") {
        return Ok(Answer::ok("request.import", report, request));
    }
    write_text(output, &request, force)?;
    let told = format!("{text}wrote {}; check it with `valise request check`", output.display());
    Ok(Answer::ok("request.import", report, told))
}

/// What `request import` found, as its data write it.
#[derive(Deserialize)]
struct ImportView {
    lines: Vec<u64>,
    errors: Vec<RowView>,
    warnings: Vec<RowView>,
    missing: Vec<GapView>,
}

/// Something about one cell.
#[derive(Deserialize)]
struct RowView {
    line: u64,
    column: String,
    why: String,
}

/// Something that the standard asks for and a row does not give.
#[derive(Deserialize)]
struct GapView {
    line: u64,
    clause: String,
    field: String,
    why: String,
}

/// Hands a form out: written to a file, or on stdout for `-`.
pub(super) fn form_answer(
    verb: &'static str,
    form: &FormView,
    output: &Path,
    force: bool,
    next: &str,
) -> Result<Answer, Failure> {
    if output == Path::new("-") {
        let data = serde_json::from_str(&form.form).map_err(ControlError::Malformed)?;
        return Ok(Answer::ok(verb, data, form.form.clone()));
    }
    write_text(output, &form.form, force)?;
    let told = format!("wrote {}; fill it in, then {next}", output.display());
    Ok(Answer::ok(verb, json!({ "file": output, "warnings": form.warnings }), told))
}

fn settings_table(settings: &[Setting], origin: bool) -> String {
    let row = |s: &Setting| {
        let mut row = vec![s.key.clone(), s.value.clone()];
        row.extend(origin.then(|| s.origin.to_string()));
        row
    };
    let headers: &[&str] = if origin { &["SETTING", "VALUE", "FROM"] } else { &["SETTING", "VALUE"] };
    render::table(headers, settings.iter().map(row).collect())
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let findings = error.problems().iter().map(|p| FindingView {
            clause: format!("line {}", p.line),
            field: p.key.clone(),
            why: format!("{} ({})", p.what, p.hint),
        });
        Self::new(ExitCode::Config, error.code(), &error).hint(error.hint()).findings(findings.collect())
    }
}
