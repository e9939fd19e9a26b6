//! What a measurement found, beside its limit and its target.

use serde::Serialize;
use std::collections::BTreeMap;

/// Which side of its target a ratio must lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The ratio must not be less.
    AtLeast,
    /// The ratio must not be more.
    AtMost,
}

/// One figure with its limit, both measured in one run.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Which figure, such as `exchange 1 KiB`.
    pub what: String,
    /// The figure.
    pub rate: f64,
    /// What bounds it: the sum of its parts, each measured alone in this run, or a number that is asked for.
    pub limit: f64,
    /// `rate` / `limit`.
    pub ratio: f64,
    /// The unit of `rate` and `limit`.
    pub unit: &'static str,
    /// The ratio that is asked for.
    pub target: f64,
    /// Which way.
    pub bound: Bound,
    /// Whether it holds here.
    pub met: bool,
    /// What stayed true of every unit that was counted.
    pub guarantees: Vec<&'static str>,
    /// The parts of the limit and the load, by name with unit.
    pub details: BTreeMap<String, f64>,
}

impl Figure {
    /// Sets a figure beside its limit.
    pub fn new(
        what: impl Into<String>,
        (rate, limit): (f64, f64),
        unit: &'static str,
        (bound, target): (Bound, f64),
    ) -> Self {
        let ratio = rate / limit;
        let met = match bound {
            Bound::AtLeast => ratio >= target,
            Bound::AtMost => ratio <= target,
        };
        let (guarantees, details) = (Vec::new(), BTreeMap::new());
        Self { what: what.into(), rate, limit, ratio, unit, target, bound, met, guarantees, details }
    }

    /// Adds what stayed true.
    #[must_use]
    pub fn guaranteeing(self, guarantees: &[&'static str]) -> Self {
        Self { guarantees: guarantees.to_vec(), ..self }
    }

    /// Adds a part of the limit or of the load.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.details.insert(name.to_owned(), value);
        self
    }

    /// Tells whether the target holds here.
    pub const fn is_met(&self) -> bool {
        self.met
    }
}

/// Prints figures for people, or as one document.
pub fn print(figures: &[Figure], json: bool) {
    if json {
        let data = match figures {
            [one] => serde_json::json!(one),
            many => serde_json::json!(many),
        };
        println!("{}", serde_json::json!({ "schema": "valise.bench/1", "data": data }));
        return;
    }
    for figure in figures {
        let Figure { what, rate, limit, ratio, unit, target, .. } = figure;
        let verdict = if figure.met { "met" } else { "missed" };
        let sign = match figure.bound {
            Bound::AtLeast => "at least",
            Bound::AtMost => "at most",
        };
        println!(
            "{what}: {rate:.2} {unit}, limit {limit:.2}, ratio {ratio:.2} ({sign} {target:.2}: {verdict})"
        );
        for (name, value) in &figure.details {
            println!("    {name}: {value:.2}");
        }
        for guarantee in &figure.guarantees {
            println!("    holds: {guarantee}");
        }
    }
}
