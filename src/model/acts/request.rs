use crate::model::field::filled;
use crate::model::{
    About, Answer, Country, Digest, ElementPath, Field, Item, Label, PartialDate, Party, Purpose, Text,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Why a weapon counts as illicit (ISACS 5.1 a–e); several may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IllicitCode {
    /// Illicit under the law of the State where it was found.
    A,
    /// Suspected of having been transferred in breach of a Security Council arms embargo.
    B,
    /// Not marked as ISACS 05.30 asks.
    C,
    /// Suspected of unlicensed manufacture or assembly.
    D,
    /// Suspected of transfer without licence or authorisation.
    E,
}

/// One illicit ground with its legal justification (ISACS 8.2.1 a 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IllicitGround {
    /// Which ground of ISACS 5.1.
    pub code: IllicitCode,
    /// The law or rule that makes it illicit.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<Field<Text>>,
    /// The Security Council resolution, for ground `b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// What the domestic trace found (ISACS 5.2, 7.7.1 b–e).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomesticOutcome {
    /// In no domestic record, so that illicit entry is suspected.
    NotInRecords,
    /// Exported lawfully; it was diverted after it left.
    Exported,
    /// In domestic records, diverted abroad afterwards.
    DivertedAfterLeaving,
    /// No domestic trace was made; an officer overrides the order of ISACS 5.2 and says why.
    NotMade,
}

/// A set of domestic records that was searched (ISACS 7.7.1 b 1–5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomesticRecord {
    /// Records of manufacture.
    Manufacture,
    /// Records of import.
    Import,
    /// Holdings of the armed and police services.
    ServiceHoldings,
    /// Private holdings.
    PrivateHoldings,
    /// Records of export.
    Export,
}

/// The result of the domestic trace, which comes before any international one (ISACS 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomesticTrace {
    /// What was found.
    pub outcome: DomesticOutcome,
    /// Which records were searched.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub records_searched: BTreeSet<DomesticRecord>,
    /// The State of destination, for outcome `exported` (ISACS 8.1 a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_to: Option<Country>,
    /// Why no domestic trace was made, for outcome `not_made`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<Text>,
}

/// What is asked about the weapon's history (ISACS 8.2.1 c); both are asked by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The last legal owner (c 1).
    pub last_legal_owner: bool,
    /// The circumstances under which it became illicit (c 2).
    pub circumstances: bool,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Text>,
}

/// The intended use of the information sought (ISACS 8.2.1 d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntendedUse {
    /// Coded purposes, later compared with usage labels.
    #[serde(default)]
    pub purposes: BTreeSet<Purpose>,
    /// The use in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text>,
}

/// Whether the requesting State can keep confidence and respect restrictions (ISACS 8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Whether it can comply with 8.4 a and b.
    pub can_comply: bool,
    /// Why it cannot, which it must say when the request is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

/// On what an addressee was chosen, from most to least recent jurisdiction (ISACS 8.1 a–c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddresseeBasis {
    /// The State to which it was exported, from domestic records (a).
    Export,
    /// The State of most recent import, from import marks (b).
    Import,
    /// The State of manufacture, from marks (c).
    Manufacture,
    /// Another State, for a stated reason.
    Other,
}

/// To whom the request goes and why (ISACS 8.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressee {
    /// The addressed NPC.
    pub party: Party,
    /// The basis of the choice.
    pub basis: AddresseeBasis,
    /// Why, where the basis is `other` or differs from the order of ISACS 8.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

/// Additional information on the recovery (ISACS 8.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The date of recovery.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub date: Option<Field<PartialDate>>,
    /// The place of recovery.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub place: Option<Field<Text>>,
    /// How many items were recovered together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// The individuals detained with the weapons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detained: Vec<Text>,
}

/// A reference in another system, such as INTERPOL iARMS (ISACS 7.1.3 c, d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalReference {
    /// The system, such as `iarms`, `ifrt`, `ibin`.
    pub scheme: String,
    /// The reference there.
    pub id: Text,
}

/// What one element of another State's answer says, quoted; it is derived from that element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotation {
    /// The element.
    pub path: ElementPath,
    /// What it is about.
    pub about: About,
    /// What it says.
    pub answer: Answer,
}

/// The link of a chain of bilateral cases to the answer before (DESIGN §3.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follows {
    /// The statement digest of that answer; it tells nothing of what the answer says.
    pub response: Digest,
    /// What is quoted from it; nothing is until its originator allows it (ISACS 8.3.4.2 f).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<Quotation>,
    /// What else stands in that answer and may not be passed on yet: its originator has not consented (ISACS 8.3.4.2 f).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pending: BTreeSet<ElementPath>,
    /// The join of the labels of all that is quoted: it binds whoever receives the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

/// A tracing request (ISACS 8.2). Parts may be missing: `rules::completeness` says which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Why the items are illicit (5.1, 8.2.1 a 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub illicit_grounds: Vec<IllicitGround>,
    /// The circumstances under which they were found (8.2.1 a 2), shared by all items.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub circumstances: Option<Field<Text>>,
    /// More on the recovery (8.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The result of the domestic trace (5.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domestic_trace: Option<DomesticTrace>,
    /// What is asked (8.2.1 c).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// What it is for (8.2.1 d).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_use: Option<IntendedUse>,
    /// The confidentiality declaration (8.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<Declaration>,
    /// To whom it goes (8.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressee: Option<Addressee>,
    /// References in other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_references: Vec<ExternalReference>,
    /// The answer of another State from which the trace goes on (8.1 a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follows>,
    /// Why it is sent although incomplete (8.3.2 ¶3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_reason: Option<Text>,
    /// What is to be traced; at least one.
    #[serde(default)]
    pub items: Vec<Item>,
}
