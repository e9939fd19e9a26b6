use super::country_table::{CURRENT, WITHDRAWN};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A country by its ISO 3166-1 alpha-3 code, or a former one by its ISO 3166-3 alpha-4 code.
///
/// Weapons outlive States (DESIGN §3.6): `SUHH`, `YUCS` and `CSHH` stand on receivers still in use.
/// Alpha-2 codes are never accepted, because withdrawn ones were given out again (`CS`, `AI`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 4]);

/// Tells what kind of code a country has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountryKind {
    /// Listed in ISO 3166-1.
    Current,
    /// Listed in ISO 3166-3, withdrawn in this year.
    Withdrawn(u16),
    /// Set apart by ISO 3166-1 for users (`AAA`–`AAZ`, `QMA`–`QZZ`, `XAA`–`XZZ`, `ZZA`–`ZZZ`).
    UserAssigned,
}

impl Country {
    /// Looks up a code exactly as the standard writes it (upper case); `None` if there is none.
    pub fn from_code(code: &str) -> Option<Self> {
        let known = CURRENT.binary_search_by(|(c, _)| (*c).cmp(code)).is_ok()
            || WITHDRAWN.binary_search_by(|(c, _, _)| (*c).cmp(code)).is_ok()
            || is_user_assigned(code);
        let mut bytes = [0u8; 4];
        known.then(|| {
            bytes[..code.len()].copy_from_slice(code.as_bytes());
            Self(bytes)
        })
    }

    /// Returns the code: three letters, or four for a withdrawn country.
    pub fn code(&self) -> &str {
        let len = if self.0[3] == 0 { 3 } else { 4 };
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }

    /// Returns which list the code is on.
    pub fn kind(&self) -> CountryKind {
        if let Ok(at) = WITHDRAWN.binary_search_by(|(c, _, _)| (*c).cmp(self.code())) {
            return CountryKind::Withdrawn(WITHDRAWN[at].2);
        }
        if is_user_assigned(self.code()) { CountryKind::UserAssigned } else { CountryKind::Current }
    }

    /// Tells whether the State no longer exists under this code, so that no NPC answers for it.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.kind(), CountryKind::Withdrawn(_))
    }

    /// Returns a short English name; a user-assigned code has none and returns the code.
    pub fn name(&self) -> &str {
        let code = self.code();
        CURRENT
            .binary_search_by(|(c, _)| (*c).cmp(code))
            .map(|at| CURRENT[at].1)
            .or_else(|_| WITHDRAWN.binary_search_by(|(c, _, _)| (*c).cmp(code)).map(|at| WITHDRAWN[at].1))
            .unwrap_or(code)
    }
}

fn is_user_assigned(code: &str) -> bool {
    let b = code.as_bytes();
    let [first, second, third] = b else { return false };
    b.iter().all(u8::is_ascii_uppercase)
        && matches!(
            (first, second, third),
            (b'A', b'A', _) | (b'Q', b'M'..=b'Z', _) | (b'X', _, _) | (b'Z', b'Z', _)
        )
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let code = String::deserialize(d)?;
        Self::from_code(&code).ok_or_else(|| {
            de::Error::custom(format_args!(
                "'{code}' is no ISO 3166-1 alpha-3 or ISO 3166-3 alpha-4 code (alpha-2 is never accepted)"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        assert!(CURRENT.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(WITHDRAWN.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!((CURRENT.len(), WITHDRAWN.len()), (249, 31));
    }

    #[test]
    fn former_states_stay_apart() {
        let czechoslovakia = Country::from_code("CSHH").unwrap();
        let serbia_montenegro = Country::from_code("CSXX").unwrap();
        assert_ne!(czechoslovakia, serbia_montenegro);
        assert_eq!(czechoslovakia.kind(), CountryKind::Withdrawn(1993));
        assert!(Country::from_code("CS").is_none(), "alpha-2 is never a key");
    }

    #[test]
    fn demo_states_are_user_assigned() {
        assert_eq!(Country::from_code("XAA").unwrap().kind(), CountryKind::UserAssigned);
        assert_eq!(Country::from_code("GHA").unwrap().name(), "Ghana");
        assert!(Country::from_code("xaa").is_none() && Country::from_code("").is_none());
    }
}
