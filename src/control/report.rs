//! The data of `report` verbs.

use crate::model::Party;
use serde::{Deserialize, Serialize};

/// How many restrictions were placed and met with (ISACS 8.3.4.2, 10.2). It tells nothing of any one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictionReport {
    /// Who reports.
    pub party: Party,
    /// The first year.
    pub from: u16,
    /// The last year.
    pub to: u16,
    /// The fewest acts of which a count tells.
    pub min_cell: u64,
    /// The counts; an exercise is in none.
    pub lines: Vec<RestrictionLine>,
}

/// One count of restrictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictionLine {
    /// The year, in UTC.
    pub year: u16,
    /// `us` or `them`: who placed the restrictions.
    pub placed_by: String,
    /// The other party; none for all those with too few acts of their own, together.
    pub peer: Option<Party>,
    /// The code of the label (`d`, `e`, `f`, `h1`, `other`) or ground (`a1`, `a2`, `b`, `c`).
    pub code: String,
    /// How many acts; none if fewer than may be told.
    pub acts: Option<u64>,
    /// How many elements; none for a ground, or if fewer acts than may be told.
    pub elements: Option<u64>,
}
