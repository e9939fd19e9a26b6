//! To which State a request goes: the one that most recently had jurisdiction (ISACS 8.1).

use crate::model::{AddresseeBasis, Country, Party, Request};
use serde::Serialize;

/// A State that may be asked, most recent jurisdiction first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The State.
    pub state: Country,
    /// Its NPC; none for a State that no longer exists.
    pub party: Option<Party>,
    /// From what the State was derived.
    pub basis: AddresseeBasis,
    /// The clause, `8.1(a)` to `8.1(c)`.
    pub clause: &'static str,
    /// The derivation in words.
    pub why: String,
}

/// Proposes the States to ask in the order of ISACS 8.1.
pub fn propose(_request: &Request) -> Vec<Proposal> {
    Vec::new()
}

/// Says how the chosen addressee departs from the order of ISACS 8.1, if it does.
pub fn deviates(_request: &Request) -> Option<String> {
    None
}
