use std::fmt;
use std::path::PathBuf;

/// Says why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is wrong; all its problems are listed.
    #[error("{} has {} problem(s)", file.display(), problems.len())]
    Invalid {
        /// Which file.
        file: PathBuf,
        /// At least one, in the order of the file.
        problems: Vec<Problem>,
    },
    /// `--profile` names none.
    #[error("there is no profile '{0}'")]
    UnknownProfile(String),
    /// Neither a home nor a state folder is known.
    #[error("this user has no home folder")]
    NoHome,
}

impl ConfigError {
    /// Returns a stable code for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config.unreadable",
            Self::Invalid { .. } => "config.invalid",
            Self::UnknownProfile(_) => "config.unknown_profile",
            Self::NoHome => "config.no_home",
        }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "name the node's folder with --data DIR; `valise gateway init` or `valise relay init` makes one".into()
            }
            Self::Invalid { file, .. } => {
                format!("correct the lines and try `valise config check {}`", file.display())
            }
            Self::UnknownProfile(_) => {
                "profiles are demo-<state> (such as demo-xaa), user and system; or give --data DIR".into()
            }
            Self::NoHome => "set HOME, or give --data DIR".into(),
        }
    }

    /// Returns the problems of the file; empty for the other errors.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            Self::Unreadable { .. } | Self::UnknownProfile(_) | Self::NoHome => &[],
        }
    }
}

/// One thing wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, counted from one; zero where something is absent from the whole file.
    pub line: usize,
    /// The setting, such as `clocks.warn_ack_days`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "{} {} ({})", self.key, self.what, self.hint)
    }
}
