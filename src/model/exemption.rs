use super::{Item, Recovery, Ternary, Text};
use serde::{Deserialize, Serialize};

/// On what a recovered weapon is not traced (ISACS 5.4 a–c).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", rename_all = "snake_case", deny_unknown_fields)]
pub enum Exemption {
    /// A collection programme that promises anonymity and amnesty as ISACS 05.40 sets out (a).
    Collection {
        /// The programme.
        programme: Text,
    },
    /// Tracing would unduly impede the timely destruction of larger quantities, or make diversion
    /// likelier until then (b); it speaks for the whole batch.
    Destruction {
        /// Why tracing would do so.
        reason: Text,
    },
    /// An old military weapon that was recovered singly (c); age, import mark and number are derived
    /// from the record.
    OldMilitary {
        /// Whether it is of a type likely to have been used in military operations (c 1).
        military_type: Ternary,
        /// Whether it bears marks that date from after 1946 (c 3).
        later_marks: Ternary,
    },
}

/// A record of recovered items that are not traced, kept with its reason (ISACS 5.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotTraced {
    /// Why they are not traced.
    pub exemption: Exemption,
    /// How they were recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// What was recovered.
    #[serde(default)]
    pub items: Vec<Item>,
}
