use crate::control::{ExitCode, Failure};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};

/// What a verb gives back: data for scripts, text for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Noun and verb, such as `case.list`.
    pub verb: &'static str,
    /// The data.
    pub data: Value,
    /// The same for a person.
    pub text: String,
    /// How the command ends; a check may answer and still end with a finding.
    pub exit: ExitCode,
}

/// Where answers go: to a person or to a script.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    json: bool,
}

impl Answer {
    /// Makes the answer of a verb that succeeded.
    pub fn ok(verb: &'static str, data: Value, text: String) -> Self {
        Self { verb, data, text, exit: ExitCode::Ok }
    }
}

impl Face {
    /// Chooses JSON or text.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows how a verb ended, on stdout or stderr, and returns its exit code.
    pub fn end(self, outcome: Result<Answer, Failure>) -> ExitCode {
        match outcome {
            Ok(answer) => self.show(&answer),
            Err(failure) => self.fail(&failure),
        }
    }

    /// Shows why a verb failed, on stderr, and returns its exit code.
    pub fn fail(self, failure: &Failure) -> ExitCode {
        let text = if self.json { error_json(failure).to_string() } else { error_text(failure, colours()) };
        // A closed stderr leaves nobody to tell; the exit code still speaks.
        let _ = writeln!(io::stderr().lock(), "{text}");
        failure.exit
    }

    fn show(self, answer: &Answer) -> ExitCode {
        let text = if self.json {
            json!({ "schema": format!("valise.{}/1", answer.verb), "data": answer.data }).to_string()
        } else {
            answer.text.trim_end().to_owned()
        };
        match writeln!(io::stdout().lock(), "{text}") {
            Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
                let failed =
                    Failure::new(ExitCode::Finding, "output.failed", "the answer could not be written");
                self.fail(&failed.hint("what was asked is done; only its text is lost").cause(cause))
            }
            Ok(()) | Err(_) => answer.exit,
        }
    }
}

/// Asks a person whether to go on; `yes`, `VALISE_NO_INPUT` or a script's stdin answer for one.
///
/// # Errors
/// The person says no.
pub fn confirm(yes: bool, question: &str) -> Result<(), Failure> {
    if yes || std::env::var_os("VALISE_NO_INPUT").is_some() || !io::stdin().is_terminal() {
        return Ok(());
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(ExitCode::Finding, "not_confirmed", "nothing was done").hint("answer y, or give --yes"))
}

/// Writes a failure as `valise.error/1`.
pub fn error_json(failure: &Failure) -> Value {
    let mut error = json!({
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "cause": failure.cause,
    });
    if !failure.findings.is_empty() {
        error["findings"] = json!(failure.findings);
    }
    json!({ "schema": "valise.error/1", "error": error })
}

/// Writes a failure for a person.
pub fn error_text(failure: &Failure, colours: bool) -> String {
    let (red, bold, plain) = if colours { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error:{plain} {}", printable(&failure.message));
    if let Some(cause) = &failure.cause {
        text += &format!(" — {}", printable(cause));
    }
    for finding in &failure.findings {
        text += &format!("\n  {} {}: {}", finding.clause, finding.field, printable(&finding.why));
    }
    if let Some(hint) = &failure.hint {
        text += &format!("\n{bold}hint:{plain} {}", printable(hint));
    }
    text
}

/// Makes text that came from elsewhere safe for a terminal: control characters become visible.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Tells whether stderr takes colours; `NO_COLOR` forbids them (no-color.org).
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}
