mod request;
mod response;

pub use request::*;
pub use response::*;

use super::{Digest, Ground, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// Which act a statement makes (DESIGN §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// A tracing request (ISACS 8.1, 8.2).
    Request,
    /// The acknowledgement of its receipt (ISACS 8.3.1).
    Acknowledgement,
    /// A response (ISACS 8.3.3).
    Response,
    /// A refusal (ISACS 8.3.4.2).
    Refusal,
}

impl ActKind {
    /// Every kind, in the order of a case.
    pub const ALL: [Self; 4] = [Self::Request, Self::Acknowledgement, Self::Response, Self::Refusal];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Acknowledgement => "acknowledgement",
            Self::Response => "response",
            Self::Refusal => "refusal",
        }
    }

    /// Finds a kind by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }
}

/// What one party says to another in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A tracing request.
    Request(Request),
    /// An acknowledgement.
    Acknowledgement(Acknowledgement),
    /// A response.
    Response(Response),
    /// A refusal.
    Refusal(Refusal),
}

impl Act {
    /// Returns which act this is.
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::Request(_) => ActKind::Request,
            Self::Acknowledgement(_) => ActKind::Acknowledgement,
            Self::Response(_) => ActKind::Response,
            Self::Refusal(_) => ActKind::Refusal,
        }
    }

    /// Returns the statement digest of the request that this act answers, if it answers one.
    pub const fn answers(&self) -> Option<Digest> {
        match self {
            Self::Request(_) => None,
            Self::Acknowledgement(a) => Some(a.request),
            Self::Response(r) => Some(r.request),
            Self::Refusal(r) => Some(r.request),
        }
    }
}

/// Acknowledges receipt of a request; made by the NPC, apart from the gateway's receipt (ISACS 8.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The statement digest of the request.
    pub request: Digest,
    /// The instant of receipt that starts both clocks, repeated under the seal key.
    pub received_at: Timestamp,
    /// Whether the gateway made it on its own because no officer had within the configured days.
    pub automatic: bool,
    /// Words for the requesting NPC, such as a reference of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// Refuses to provide the information sought, with the reasons that are owed (ISACS 8.3.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The statement digest of the request.
    pub request: Digest,
    /// At least one ground, each with its reason.
    pub grounds: Vec<Ground>,
}
