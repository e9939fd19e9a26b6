use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What the node answers: the data of the verb, or why there is none.
pub type Reply = Result<Value, Failure>;

/// How a command ended, as the shell sees it; the only place where the numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCode {
    /// Done; queued while offline is done.
    Ok,
    /// A check found something, or the thing asked for failed.
    Finding,
    /// The command line is wrong.
    Usage,
    /// A file or message is malformed.
    BadData,
    /// The node or a service is not there.
    Unavailable,
    /// A bug.
    Bug,
    /// It may work later.
    TryLater,
    /// A rule or policy denies it.
    Denied,
    /// The configuration is wrong.
    Config,
}

impl ExitCode {
    /// Returns the process exit status (`sysexits.h` where it has one).
    pub const fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Finding => 1,
            Self::Usage => 2,
            Self::BadData => 65,
            Self::Unavailable => 69,
            Self::Bug => 70,
            Self::TryLater => 75,
            Self::Denied => 77,
            Self::Config => 78,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// Tells an officer what went wrong, why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code for scripts, such as `case.unknown`.
    pub code: String,
    /// What and why, in one sentence without a final stop.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
    /// The underlying cause in its own words, never masked.
    #[serde(default)]
    pub cause: Option<String>,
    /// What a check found, one by one; empty unless a check failed.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub findings: Box<[FindingView]>,
    /// How the command ends.
    pub exit: ExitCode,
}

/// One thing a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// The clause of the standard, such as `6.3(a)`, or the file of a setting.
    pub clause: String,
    /// The path of the field, such as `items[0].make`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub why: String,
}

impl Failure {
    /// Says what went wrong; hint, cause and findings are added by the methods below.
    pub fn new(exit: ExitCode, code: &str, message: impl fmt::Display) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_string(),
            hint: None,
            cause: None,
            findings: Box::default(),
            exit,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Adds the underlying cause.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds what a check found.
    #[must_use]
    pub fn findings(mut self, findings: Vec<FindingView>) -> Self {
        self.findings = findings.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_frozen_ones() {
        let all = [
            (ExitCode::Ok, 0),
            (ExitCode::Finding, 1),
            (ExitCode::Usage, 2),
            (ExitCode::BadData, 65),
            (ExitCode::Unavailable, 69),
            (ExitCode::Bug, 70),
            (ExitCode::TryLater, 75),
            (ExitCode::Denied, 77),
            (ExitCode::Config, 78),
        ];
        for (code, number) in all {
            assert_eq!(code.number(), number);
        }
    }
}
