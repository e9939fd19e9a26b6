//! Officers as others know them: by their own keys, whose words stand in the journal (DESIGN §8).

use super::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// What an officer's public key begins with when it is written down.
const PREFIX: &str = "ed25519:";

/// The public key of an officer (Ed25519, RFC 8032), as settings name it: `ed25519:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficerKey(pub [u8; 32]);

/// A signature by an officer's own key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerSignature {
    /// The SHA-256 of the public key.
    pub key: Digest,
    /// The Ed25519 signature.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// On what an officer gives a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// An act that waits to go out.
    Act,
    /// A release of restricted information.
    Release,
    /// A release that was made in an emergency.
    Review,
}

/// Says that the text is no public key of an officer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an officer's key is written ed25519: and 64 hex digits")]
pub struct OfficerKeyError;

impl OfficerKey {
    /// Returns the digest by which a signature names the key.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.0])
    }
}

impl Matter {
    /// Computes what an officer confirms from the words that are shown, so that none need believe the node.
    pub fn digest_of(self, words: &str) -> Digest {
        let matter: &[u8] = match self {
            Self::Act => b"valise act for approval v1\0",
            Self::Release | Self::Review => b"valise permit\0",
        };
        Digest::of(&[matter, words.as_bytes()])
    }

    /// Writes what an officer signs to agree to something: which matter, its name, and the digest of all it says.
    pub fn words(self, id: &str, digest: &Digest) -> Vec<u8> {
        let matter = match self {
            Self::Act => "act",
            Self::Release => "release",
            Self::Review => "review",
        };
        format!("valise officer's word v1\0{matter}\0{id}\0{digest}").into_bytes()
    }
}

impl FromStr for OfficerKey {
    type Err = OfficerKeyError;
    fn from_str(text: &str) -> Result<Self, OfficerKeyError> {
        let digest: Digest =
            text.strip_prefix(PREFIX).ok_or(OfficerKeyError)?.parse().map_err(|_| OfficerKeyError)?;
        Ok(Self(digest.0))
    }
}

impl fmt::Display for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Digest(self.0))
    }
}

impl fmt::Debug for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for OfficerKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OfficerKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = OfficerKey([0xa5; 32]);
        assert_eq!(key.to_string().parse(), Ok(key));
        for wrong in ["", "ed25519:", "ed25519:a5", "x25519:a5a5", &key.to_string()[8..]] {
            assert_eq!(wrong.parse::<OfficerKey>(), Err(OfficerKeyError), "{wrong}");
        }
    }

    #[test]
    fn words_differ_by_matter_name_and_digest() {
        let (one, two) = (Digest([1; 32]), Digest([2; 32]));
        let all = [
            Matter::Act.words("A-1", &one),
            Matter::Release.words("A-1", &one),
            Matter::Review.words("A-1", &one),
            Matter::Act.words("A-2", &one),
            Matter::Act.words("A-1", &two),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
