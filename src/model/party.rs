use super::Country;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Names who speaks and is addressed: a State's default NPC (`GHA`), one of several NPCs of a State
/// (`GHA/police`, ISACS 7.1.1), or an organisation (`org:ecowas`, ISACS 9.3, 9.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A State's national point of contact.
    Npc {
        /// The State; never a withdrawn one, which has no NPC.
        state: Country,
        /// Which of several NPCs; absent for the default one.
        npc: Option<NpcName>,
    },
    /// A regional body or a UN panel.
    Org(NpcName),
}

/// A short lowercase name: letters, digits and inner hyphens, at most 32 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NpcName(String);

/// Says why a party's name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no party: {why}")]
pub struct PartyParseError {
    text: String,
    why: &'static str,
}

impl Party {
    /// Returns the State that this party speaks for, if it speaks for one.
    pub const fn state(&self) -> Option<Country> {
        match self {
            Self::Npc { state, .. } => Some(*state),
            Self::Org(_) => None,
        }
    }

    /// Tells whether this is a panel of the Security Council on an embargo: `org:un-panel-…` (ISACS 9.4).
    pub fn is_un_panel(&self) -> bool {
        match self {
            Self::Npc { .. } => false,
            // A demo's panel is an invented one.
            Self::Org(NpcName(name)) => name.strip_prefix("demo-").unwrap_or(name).starts_with("un-panel-"),
        }
    }

    /// Returns the DNS name under which all certificates of this party live (RFC 5280 §4.2.1.10).
    ///
    /// `.internal` is reserved for private use, so no public authority can ever certify such a name.
    pub fn dns_suffix(&self) -> String {
        match self {
            Self::Npc { state, npc: None } => format!("npc.{}.valise.internal", state.code().to_lowercase()),
            Self::Npc { state, npc: Some(npc) } => {
                format!("npc-{}.{}.valise.internal", npc.0, state.code().to_lowercase())
            }
            Self::Org(name) => format!("org.o-{}.valise.internal", name.0),
        }
    }

    /// Finds the party for which a certificate's DNS name (`HOST.<suffix>`) speaks.
    pub fn from_dns_name(name: &str) -> Option<Self> {
        let labels: Vec<&str> = name.split('.').collect();
        let [_host, desk, who, "valise", "internal"] = labels.as_slice() else { return None };
        match (*desk, who.len()) {
            ("org", _) => format!("org:{}", who.strip_prefix("o-")?).parse().ok(),
            ("npc", 3) => who.to_uppercase().parse().ok(),
            (desk, 3) => format!("{}/{}", who.to_uppercase(), desk.strip_prefix("npc-")?).parse().ok(),
            _ => None,
        }
    }
}

impl NpcName {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NpcName {
    type Err = PartyParseError;
    fn from_str(text: &str) -> Result<Self, PartyParseError> {
        let ok = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        ok.then(|| Self(text.to_owned())).ok_or_else(|| PartyParseError {
            text: text.to_owned(),
            why: "a name is 1 to 32 lowercase letters, digits or inner hyphens",
        })
    }
}

impl FromStr for Party {
    type Err = PartyParseError;
    fn from_str(text: &str) -> Result<Self, PartyParseError> {
        if let Some(name) = text.strip_prefix("org:") {
            return Ok(Self::Org(name.parse()?));
        }
        let (code, npc) = text.split_once('/').map_or((text, None), |(c, n)| (c, Some(n)));
        let state =
            Country::from_code(code).filter(|c| !c.is_withdrawn()).ok_or_else(|| PartyParseError {
                text: text.to_owned(),
                why: "expected an ISO 3166-1 alpha-3 code, 'GHA/desk' or 'org:name'",
            })?;
        Ok(Self::Npc { state, npc: npc.map(str::parse).transpose()? })
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npc { state, npc: None } => f.write_str(state.code()),
            Self::Npc { state, npc: Some(npc) } => write!(f, "{}/{}", state.code(), npc.0),
            Self::Org(name) => write!(f, "org:{}", name.0),
        }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Party {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Party {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_round_trip_through_text_and_dns() {
        for text in ["GHA", "GHA/police", "org:ecowas", "XAA"] {
            let party: Party = text.parse().unwrap();
            assert_eq!(party.to_string(), text);
            assert_eq!(Party::from_dns_name(&format!("gw1.{}", party.dns_suffix())), Some(party));
        }
    }

    #[test]
    fn a_name_below_another_partys_suffix_is_not_that_party() {
        assert_eq!(Party::from_dns_name("npc.gha.valise.internal"), None);
        assert_eq!(Party::from_dns_name("a.b.npc.gha.valise.internal"), None);
        assert_eq!(Party::from_dns_name("gw1.npc.gha.valise.internal.example.org"), None);
    }

    #[test]
    fn panels_are_told_from_regional_bodies_and_states() {
        for (text, panel) in [
            ("org:un-panel-somalia", true),
            ("org:demo-un-panel-x", true),
            ("org:ecowas", false),
            ("org:un-panel", false),
            ("GHA/un-panel-x", false),
        ] {
            assert_eq!(text.parse::<Party>().unwrap().is_un_panel(), panel, "{text}");
        }
    }

    #[test]
    fn withdrawn_states_and_alpha_2_are_no_parties() {
        for bad in ["SUHH", "GH", "gha", "ABC", "GHA/", "GHA/Police", "org:", "org:UN"] {
            assert!(bad.parse::<Party>().is_err(), "{bad}");
        }
    }
}
