use std::io;

/// Says why a file is not taken, kept or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The disk failed.
    #[error("cannot {action} {file}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        file: String,
        /// What the disk said.
        cause: String,
    },
    /// It cannot be, for this reason.
    #[error("{0}")]
    Refused(String),
}

/// Refuses something for this reason.
pub(super) fn failed(cause: String) -> FileError {
    FileError::Refused(cause)
}

impl FileError {
    pub(super) fn io(action: &'static str, file: &impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { action, file: file.to_string(), cause: error.to_string() }
    }
}
