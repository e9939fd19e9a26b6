use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What information may be used for; intended uses of a request are compared with it (ISACS 8.2.1 d, 8.3.4.2 e).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Tracing illicit small arms and light weapons.
    Tracing,
    /// A criminal investigation other than the trace itself.
    CriminalInvestigation,
    /// Evidence before a court.
    Prosecution,
    /// Border and customs control.
    BorderControl,
    /// Monitoring of an arms embargo (ISACS 9.4).
    EmbargoMonitoring,
    /// Analysis of trafficking routes.
    Analysis,
}

impl Purpose {
    /// Every purpose, in code order.
    pub const ALL: [Self; 6] = [
        Self::Tracing,
        Self::CriminalInvestigation,
        Self::Prosecution,
        Self::BorderControl,
        Self::EmbargoMonitoring,
        Self::Analysis,
    ];

    /// Returns the code as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tracing => "tracing",
            Self::CriminalInvestigation => "criminal_investigation",
            Self::Prosecution => "prosecution",
            Self::BorderControl => "border_control",
            Self::EmbargoMonitoring => "embargo_monitoring",
            Self::Analysis => "analysis",
        }
    }

    /// Finds a purpose by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }
}

/// To whom an element may be released (ISACS 8.3.4.2 d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Competent authorities that the requesting State has designated.
    Designated,
    /// Of those, only the ones named here.
    Named(BTreeSet<String>),
}

/// A restriction that its originator can lift for one release (ISACS 8.3.4.2 d–f, 8.4 b).
///
/// A caveat under `other` is not among them: a code that is not known here cannot be lifted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// The audience.
    D,
    /// The purposes.
    E,
    /// Onward release, where it needs consent.
    F,
    /// Use in court.
    H1,
}

impl Restriction {
    /// Every one, in code order.
    pub const ALL: [Self; 4] = [Self::D, Self::E, Self::F, Self::H1];

    /// Returns the code as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::D => "d",
            Self::E => "e",
            Self::F => "f",
            Self::H1 => "h1",
        }
    }

    /// Finds one by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}

/// Whether an element may be passed on (ISACS 8.3.4.2 f).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Onward {
    /// To anyone whom the other parts of the label allow.
    #[default]
    Free,
    /// Only with the prior consent of the State that gave it.
    WithConsent,
    /// Not at all.
    None,
}

/// A further caveat; one whose code this version does not know counts as the most restrictive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherCaveat {
    /// The caveat's code.
    pub code: String,
    /// The caveat in words.
    pub text: String,
}

/// The usage restrictions on one element of an act (ISACS 8.3.4.2 d–f; DESIGN §8). None is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// `d`: only these recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// `e`: only these purposes; empty for any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purposes: BTreeSet<Purpose>,
    /// `f`: onward release.
    #[serde(default, skip_serializing_if = "is_free")]
    pub onward: Onward,
    /// `h1`: not in court without permission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_in_court: bool,
    /// Further caveats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<OtherCaveat>,
    /// The instant from which the label no longer binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Label {
    /// Tells whether the label restricts nothing.
    pub fn is_unrestricted(&self) -> bool {
        self.codes().is_empty()
    }

    /// Lists the codes of the restrictions it makes: `d`, `e`, `f`, `h1`, `other`.
    pub fn codes(&self) -> Vec<&'static str> {
        [
            ("d", self.audience.is_some()),
            ("e", !self.purposes.is_empty()),
            ("f", self.onward != Onward::Free),
            ("h1", self.not_in_court),
            ("other", !self.other.is_empty()),
        ]
        .into_iter()
        .filter_map(|(code, set)| set.then_some(code))
        .collect()
    }
}

fn is_free(onward: &Onward) -> bool {
    *onward == Onward::Free
}
