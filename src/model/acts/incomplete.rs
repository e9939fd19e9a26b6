use crate::model::{Digest, Request, Text};
use serde::{Deserialize, Serialize};

/// One element of ISACS 8.2 that a returned request lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingElement {
    /// The clause that asks for it, such as `6.3(a)`.
    pub clause: String,
    /// Where in the request, as a JSON path such as `items[0].make`.
    pub field: String,
    /// What is wrong and what to do, in words for the requesting NPC.
    pub why: Text,
}

/// Returns an incomplete request and asks for it again with what it lacks (ISACS 8.3.2 ¶2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnIncomplete {
    /// The statement digest of the request.
    pub request: Digest,
    /// What it lacks; at least one element.
    pub missing: Vec<MissingElement>,
    /// Why an officer sees no reasonable chance of success in what was given; owed where the requester
    /// said that it cannot give everything (ISACS 8.3.2 ¶3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Text>,
}

/// Submits a returned request again, as a new version in the same case (ISACS 8.3.2 ¶2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resubmission {
    /// The statement digest of the version that was returned.
    pub previous: Digest,
    /// The statement digest of the return that this answers.
    pub returned_by: Digest,
    /// The whole request, as it now stands.
    #[serde(default)]
    pub request: Box<Request>,
}
