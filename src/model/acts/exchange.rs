use crate::model::{CaseId, Digest, Text};
use serde::{Deserialize, Serialize};

/// What a notice is about: the list of ISACS 9.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeTopic {
    /// Authorised manufacturers, dealers, importers, exporters and brokers (9.6 a).
    AuthorisedParties,
    /// Marking systems (9.6 b).
    Markings,
    /// Means of concealment, routes and methods of illicit trafficking (9.6 c).
    Trafficking,
    /// Transfers (9.6 d).
    Transfers,
    /// Practice in the management of stockpiles and records (9.6 e).
    Stockpiles,
}

/// Tells another party what helps tracing in general (ISACS 9.6); it belongs to no trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// What it is about.
    pub topic: NoticeTopic,
    /// What it is called.
    pub title: Text,
    /// What it says.
    pub text: Text,
}

/// With what help is asked (ISACS 5.3, 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistanceNeed {
    /// Following up a point of diversion (5.3).
    FollowUp,
    /// Identifying weapons.
    Identification,
    /// Keeping records.
    Records,
    /// Marking.
    Marking,
    /// Training of personnel.
    Training,
    /// Equipment.
    Equipment,
    /// Laws and procedures.
    Legislation,
    /// Something else, which the text says.
    Other,
}

/// What became of a request for assistance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistanceOutcome {
    /// It is or will be provided.
    Provided,
    /// It is provided in part.
    Partly,
    /// It is not possible.
    NotPossible,
}

/// Asks another party for assistance (ISACS 5.3, 9.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistanceRequest {
    /// With what.
    pub need: AssistanceNeed,
    /// The trace from which the need arose (5.3), if the other party knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<CaseId>,
    /// What is asked.
    pub text: Text,
}

/// Answers a request for assistance (ISACS 5.3, 9.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistanceReply {
    /// The statement digest of the request for assistance.
    pub request: Digest,
    /// What becomes of it.
    pub outcome: AssistanceOutcome,
    /// What is offered, or why nothing is.
    pub text: Text,
}

impl NoticeTopic {
    /// Every topic, in the order of ISACS 9.6 a to e.
    pub const ALL: [Self; 5] =
        [Self::AuthorisedParties, Self::Markings, Self::Trafficking, Self::Transfers, Self::Stockpiles];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AuthorisedParties => "authorised_parties",
            Self::Markings => "markings",
            Self::Trafficking => "trafficking",
            Self::Transfers => "transfers",
            Self::Stockpiles => "stockpiles",
        }
    }
}

impl AssistanceNeed {
    /// Every need.
    pub const ALL: [Self; 8] = [
        Self::FollowUp,
        Self::Identification,
        Self::Records,
        Self::Marking,
        Self::Training,
        Self::Equipment,
        Self::Legislation,
        Self::Other,
    ];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::FollowUp => "follow_up",
            Self::Identification => "identification",
            Self::Records => "records",
            Self::Marking => "marking",
            Self::Training => "training",
            Self::Equipment => "equipment",
            Self::Legislation => "legislation",
            Self::Other => "other",
        }
    }
}

impl AssistanceOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Provided, Self::Partly, Self::NotPossible];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Provided => "provided",
            Self::Partly => "partly",
            Self::NotPossible => "not_possible",
        }
    }
}
