use serde::{Deserialize, Serialize};

/// What `gateway doctor` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorView {
    /// Whether nothing fails.
    pub healthy: bool,
    /// Whether the gateway runs.
    pub running: bool,
    /// The first check that fails: the cause to mend first.
    pub cause: Option<String>,
    /// All checks, causes before their consequences.
    pub checks: Vec<CheckView>,
}

/// One check of `gateway doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// What was looked at: `clock`, `store`, `peer:XBB`.
    pub id: String,
    /// How it stands.
    pub status: CheckStatus,
    /// What was seen, or why it was not looked at.
    pub detail: String,
    /// What to do, exactly; only with a failure.
    pub fix: Option<String>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// In order.
    Ok,
    /// Not in order.
    Fail,
    /// Not looked at: it is a consequence of another failure, or cannot be seen from here.
    Skip,
}
