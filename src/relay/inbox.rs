use super::{Lane, Parcel, Thread};
use crate::model::Party;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most missing numbers that one row remembers; the oldest are forgotten first.
pub const MAX_MISSING: usize = 256;

/// What a member has had from one relay: for each thread the numbers up to which it has all, but for gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    rows: BTreeMap<(Party, Lane), Row>,
}

/// How far one thread has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Whose gateway made the parcels.
    pub from: Party,
    /// The lane.
    pub lane: Lane,
    /// The lowest number that was never seen with all above it unseen too.
    pub next: u64,
    /// The numbers below `next` that never came, ascending.
    pub missing: Vec<u64>,
}

/// What a parcel's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is the next one.
    Next,
    /// It came before: the relay never heard our confirmation, or repeats itself.
    Again,
    /// It fills a gap.
    Late,
    /// Numbers before it have not come: the relay holds them back, has let them expire, or has lost them.
    Skips {
        /// How many.
        missing: u64,
    },
}

impl Inbox {
    /// Lays out what was noted before.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().map(|row| ((row.from.clone(), row.lane), row)).collect() }
    }

    /// Notes a parcel; returns what its number says, and the row as it is now.
    pub fn see(&mut self, parcel: &Parcel) -> (Seen, Row) {
        let Thread { from, lane, .. } = &parcel.thread;
        let fresh = || Row { from: from.clone(), lane: *lane, next: 0, missing: Vec::new() };
        let row = self.rows.entry((from.clone(), *lane)).or_insert_with(fresh);
        let seen = if parcel.index < row.next {
            match row.missing.binary_search(&parcel.index) {
                Ok(at) => {
                    row.missing.remove(at);
                    Seen::Late
                }
                Err(_) => Seen::Again,
            }
        } else {
            let missing = parcel.index - row.next;
            let first = row.next.max(parcel.index.saturating_sub(MAX_MISSING as u64));
            row.missing.extend(first..parcel.index);
            let excess = row.missing.len().saturating_sub(MAX_MISSING);
            row.missing.drain(..excess);
            row.next = parcel.index.saturating_add(1);
            if missing == 0 { Seen::Next } else { Seen::Skips { missing } }
        };
        (seen, row.clone())
    }

    /// Lists the rows.
    pub fn rows(&self) -> Vec<Row> {
        self.rows.values().cloned().collect()
    }
}
