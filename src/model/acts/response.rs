use crate::model::{Country, Digest, Ground, Label, PartialDate, Photograph, Text};
use serde::{Deserialize, Serialize};

/// How far one item of a request is answered (DESIGN §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was sought is given; usage labels leave a full answer full.
    Full,
    /// Some elements are withheld or delayed on grounds.
    Partial,
    /// The records hold nothing.
    NoneFound,
    /// Another State most recently exercised jurisdiction.
    NotOurs,
}

/// What an element of an answer is about (ISACS 8.3.3.1–8.3.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The last legal owner before the diversion (8.3.3.1 a).
    LastLegalOwner,
    /// The circumstances under which it became illicit (8.3.3.1 b).
    Circumstances,
    /// The recipient of a lawful export (8.3.3.1 c).
    Recipient,
    /// Lawful manufacture (8.3.3.2).
    Manufacture,
    /// Lawful import (8.3.3.2).
    Import,
    /// A lawful transfer within the State (8.3.3.3).
    InternalTransfer,
    /// Export (8.3.3.4).
    Export,
    /// Diversion within the State (8.3.3.5).
    Diversion,
    /// Anything else that helps the trace.
    Other,
}

/// How a weapon became illicit (ISACS 8.2.1 c 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiversionKind {
    /// Theft.
    Theft,
    /// Loss.
    Loss,
    /// Intentional diversion.
    IntentionalDiversion,
    /// Another way, told in the details.
    Other,
}

/// Whether the circumstances of a diversion are investigated (ISACS 8.3.3.5 ¶2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Investigation {
    /// One has been launched.
    Launched,
    /// One is envisaged.
    Envisaged,
    /// Neither.
    None,
}

/// The particulars of one element; `rules::response` says which of them an element needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Particulars {
    /// Whether the event is confirmed by records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    /// The owner, recipient, manufacturer, importer or consignee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text>,
    /// The date of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<PartialDate>,
    /// The place of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Text>,
    /// The importing State, or the recipient's State.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Country>,
    /// The States of transit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transit_states: Vec<Country>,
    /// Licences and authorisations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorisations: Vec<Text>,
    /// How it became illicit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<DiversionKind>,
    /// Whether an investigation is launched or envisaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub investigation: Option<Investigation>,
    /// Anything else, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Text>,
    /// Pictures of the records, or of the item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photographs: Vec<Photograph>,
}

/// What is said about one element that was sought (ISACS 8.3.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The records say this.
    Value {
        /// What they say.
        value: Particulars,
    },
    /// The records are silent, for this reason.
    NoRecord {
        /// Why, such as records destroyed.
        reason: Text,
    },
    /// It is withheld on a ground of ISACS 8.3.4.2.
    Withheld {
        /// The ground and its reason.
        ground: Ground,
    },
    /// It follows later, on a ground of ISACS 8.3.4.2.
    Delayed {
        /// The ground and its reason.
        ground: Ground,
        /// When it is expected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<PartialDate>,
    },
    /// It does not apply to this item.
    NotApplicable {
        /// Why.
        reason: Text,
    },
}

/// One element of an answer; restrictions attach here and travel with the value (DESIGN §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Element {
    /// What it is about.
    pub about: About,
    /// What is said.
    pub answer: Answer,
    /// The usage label; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

/// The answer to one item of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemAnswer {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// How far it is answered.
    pub outcome: Outcome,
    /// Why; owed where the outcome is `none_found` or `not_ours` (DESIGN §12.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The State to ask next, where the outcome is `not_ours`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_state: Option<Country>,
    /// What is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

/// A response to a tracing request (ISACS 8.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The statement digest of the request.
    pub request: Digest,
    /// The answers, item by item.
    pub items: Vec<ItemAnswer>,
    /// Words for the requesting NPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}
