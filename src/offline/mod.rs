//! Verbs that need no node: they read what they are given and return values for a face to print.

pub mod authority;
pub mod csv;
pub mod custody;
pub mod evidence;
pub mod inspect;
mod json;
pub mod officer;
pub mod requests;

/// Says why a verb without a node could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfflineError {
    /// The text is not JSON, or not the document that was expected.
    #[error("{path} (line {line}): {why}")]
    BadData {
        /// Where, as a JSON path such as `items[0].make`; `document` for the whole.
        path: String,
        /// The line on which that place begins, counted from one.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The file is not what it should be.
    #[error("byte {offset}: {why}")]
    Malformed {
        /// The first byte of what is wrong, counted from zero.
        offset: usize,
        /// What is wrong.
        why: String,
    },
}
