use super::{DemoError, State, io};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs verbs of this binary, as a person at a terminal would.
#[derive(Clone, Debug)]
pub struct Child {
    /// The binary.
    pub exe: PathBuf,
    /// The demo's data, so that its profiles are found.
    pub data: PathBuf,
}

/// How a verb ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command line as a person would type it.
    pub line: String,
    /// The exit code; -1 for one ended by a signal.
    pub exit: i32,
    /// The data, or null.
    pub data: Value,
    /// The error, or null.
    pub error: Value,
}

impl Child {
    /// Runs a verb as an officer of a State.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub fn by(&self, state: State, officer: &str, words: &[&str]) -> Result<Run, DemoError> {
        let profile = format!("demo-{}", state.folder());
        let mut line = vec!["--profile", &profile, "--as", officer];
        line.extend(words);
        self.run(&line)
    }

    /// Runs a verb.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub fn run(&self, words: &[&str]) -> Result<Run, DemoError> {
        let output = Command::new(&self.exe)
            .args(words)
            .arg("--json")
            .env("VALISE_DEMO_DATA", &self.data)
            .env("VALISE_NO_INPUT", "1")
            .env_remove("VALISE_PROFILE")
            .stdin(Stdio::null())
            // An interrupt of the terminal ends the story between two verbs, never inside one.
            .process_group(0)
            .output()
            .map_err(io(format!("starting {}", self.exe.display())))?;
        let part = |bytes: &[u8], name: &str| {
            let text = String::from_utf8_lossy(bytes);
            // Warnings may stand before the last line, which holds the answer.
            let last = text.lines().last().unwrap_or_default();
            serde_json::from_str(last).map_or(Value::Null, |mut answer: Value| answer[name].take())
        };
        Ok(Run {
            line: format!("valise {}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
            exit: output.status.code().unwrap_or(-1),
            data: part(&output.stdout, "data"),
            error: part(&output.stderr, "error"),
        })
    }
}

impl Run {
    /// Passes on a run that succeeded.
    ///
    /// # Errors
    /// It did not.
    pub fn succeeded(self) -> Result<Self, DemoError> {
        if self.exit == 0 {
            return Ok(self);
        }
        let said = if self.error.is_null() { "nothing".to_owned() } else { self.error.to_string() };
        Err(DemoError::Verb { line: self.line, exit: self.exit, said })
    }
}

fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_owned() }
}
