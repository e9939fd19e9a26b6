//! What officers see of an act that waits for them (DESIGN §8).

use super::{ActKind, CaseId, Digest, MessageId, ParseIdError, Party, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{fmt, str::FromStr};

/// Names an act that waits, short enough to type: `A-1f09c3aa`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HeldId(String);

/// An act that waits for other officers, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name.
    pub id: HeldId,
    /// The case; one that this act would open has its number already.
    pub case: CaseId,
    /// Which act.
    pub act: ActKind,
    /// To whom.
    pub to: Vec<Party>,
    /// The officer who made it.
    pub author: String,
    /// When.
    pub at: Timestamp,
    /// The digest of all that it says, as [`Matter::digest_of`](super::Matter::digest_of) makes it.
    pub digest: Digest,
    /// How many officers must agree, the author among them.
    pub approvals: u32,
    /// The rule that asks for them.
    pub rule: String,
}

impl HeldId {
    /// Takes a name from an identity that the caller drew at random.
    pub fn of(id: &MessageId) -> Self {
        Self(format!("A-{}", &id.to_string()[..8]))
    }

    /// Returns the text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeldId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix("A-").unwrap_or_default().as_bytes();
        let ok = digits.len() == 8 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ok.then(|| Self(text.to_owned()))
            .ok_or(ParseIdError { what: "approval", why: "expected a form like A-1f09c3aa" })
    }
}

impl fmt::Display for HeldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HeldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HeldId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
