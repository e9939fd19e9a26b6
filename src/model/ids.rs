use super::{Entropy, Party};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Says why a textual identifier was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct ParseIdError {
    /// Which kind of identifier was expected.
    pub what: &'static str,
    /// What is wrong with the text.
    pub why: &'static str,
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Returns the bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let fail = |why| ParseIdError { what: $what, why };
                if text.len() != 2 * $len || !text.is_ascii() {
                    return Err(fail(concat!("expected ", $len, " bytes as lowercase hex")));
                }
                let mut out = [0u8; $len];
                for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    *byte = (nibble(pair[0]).ok_or(fail("not lowercase hex"))? << 4)
                        | nibble(pair[1]).ok_or(fail("not lowercase hex"))?;
                }
                Ok(Self(out))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let bytes = if d.is_human_readable() {
                    // Within a tagged enum serde asks as if for text, whatever comes.
                    match d.deserialize_any(TextOrBytes)? {
                        Ok(text) => return text.parse().map_err(de::Error::custom),
                        Err(bytes) => bytes,
                    }
                } else {
                    d.deserialize_byte_buf(ByteVisitor)?
                };
                let fixed = bytes
                    .try_into()
                    .map_err(|_| de::Error::custom(concat!($what, " is not ", $len, " bytes long")))?;
                Ok(Self(fixed))
            }
        }
    };
}

byte_id!(
    /// A SHA-256 digest; 32 bytes, lowercase hex in text.
    Digest, 32, "digest"
);
byte_id!(
    /// A message's random 128-bit identity (DESIGN §4); with issuer and digest it names one act.
    MessageId, 16, "message id"
);

impl Digest {
    /// Computes SHA-256 over the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut out = [0u8; 32];
        out.copy_from_slice(context.finish().as_ref());
        Self(out)
    }

    /// Gives the first eight hex digits, enough for a person to compare on a screen.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl MessageId {
    /// Draws a fresh identity.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0u8; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

/// Names a bilateral case, minted by the requesting party: `GHA-2026-000123` (DESIGN §4).
///
/// A party that is not a State's default NPC writes its separator as a dot: `GHA.police-2026-000001`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(String);

impl CaseId {
    /// Mints the identity of `party`'s `number`-th case in `year`.
    pub fn mint(party: &Party, year: u16, number: u32) -> Self {
        Self(format!("{}-{year:04}-{number:06}", Self::prefix(party)))
    }

    /// Tells whether `party` is the one that may mint this identity.
    pub fn minted_by(&self, party: &Party) -> bool {
        self.parts().is_some_and(|(prefix, _, _)| prefix == Self::prefix(party))
    }

    /// Returns the year in the identity.
    pub fn year(&self) -> u16 {
        self.parts().map_or(0, |(_, year, _)| year)
    }

    /// Returns the running number within the year.
    pub fn number(&self) -> u32 {
        self.parts().map_or(0, |(_, _, number)| number)
    }

    /// Returns how the minting party is written in the identity; only that party has this form.
    pub fn minter(&self) -> &str {
        self.parts().map_or("", |(prefix, _, _)| prefix)
    }

    /// Returns how a party is written in the identities that it mints.
    pub fn minter_of(party: &Party) -> String {
        Self::prefix(party)
    }

    /// Returns the text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn prefix(party: &Party) -> String {
        party.to_string().replace(['/', ':'], ".")
    }

    fn parts(&self) -> Option<(&str, u16, u32)> {
        let mut pieces = self.0.rsplitn(3, '-');
        let number = pieces.next()?;
        let year = pieces.next()?;
        let prefix = pieces.next()?;
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let prefix_ok =
            !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        let ok = year.len() == 4 && (6..=9).contains(&number.len()) && digits(year) && digits(number);
        (ok && prefix_ok).then_some(())?;
        Some((prefix, year.parse().ok()?, number.parse().ok()?))
    }
}

impl FromStr for CaseId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let id = Self(text.to_owned());
        if text.len() > 64 || id.parts().is_none() {
            return Err(ParseIdError { what: "case", why: "expected a form like GHA-2026-000123" });
        }
        Ok(id)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for CaseId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

const fn nibble(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

/// Takes a text, or bytes as an error.
struct TextOrBytes;

impl de::Visitor<'_> for TextOrBytes {
    type Value = Result<String, Vec<u8>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lowercase hex")
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Ok(v.to_owned()))
    }
    fn visit_bytes<E>(self, v: &[u8]) -> Result<Self::Value, E> {
        Ok(Err(v.to_vec()))
    }
}

struct ByteVisitor;

impl de::Visitor<'_> for ByteVisitor {
    type Value = Vec<u8>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }
    fn visit_bytes<E>(self, v: &[u8]) -> Result<Vec<u8>, E> {
        Ok(v.to_vec())
    }
    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_id_names_its_minter() {
        let gha: Party = "GHA".parse().unwrap();
        let police: Party = "GHA/police".parse().unwrap();
        let id = CaseId::mint(&police, 2026, 7);
        assert_eq!(id.as_str(), "GHA.police-2026-000007");
        assert!(id.minted_by(&police) && !id.minted_by(&gha));
        assert_eq!((id.year(), id.number()), (2026, 7));
    }

    #[test]
    fn case_id_refuses_paths_and_nonsense() {
        for bad in
            ["", "GHA", "GHA-26-000001", "GHA-2026-1", "../x-2026-000001", "G A-2026-000001", "-2026-000001"]
        {
            assert!(bad.parse::<CaseId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn digest_text_round_trip() {
        let d = Digest::of(&[b"valise"]);
        assert_eq!(d.to_string().parse::<Digest>().unwrap(), d);
        assert!("AB".repeat(32).parse::<Digest>().is_err(), "uppercase is not canonical");
    }
}
