use crate::model::{Country, NpcName, Party, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Whom this State does not exchange with; it can only narrow what the federation admits (DESIGN §6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NationalList {
    /// The refusals; the first that fits a party counts.
    pub refusals: Vec<Refusal>,
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whom it is about.
    pub whom: Pattern,
    /// From when; what was said before is judged as ever.
    pub since: Timestamp,
    /// Why; shown to our own officers only.
    pub reason: String,
}

/// One party or several: `GHA`, `GHA/police`, `GHA/*` for a State with all its NPCs, `org:ecowas`, `org:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this party.
    One(Party),
    /// All NPCs of a State, its default one among them.
    State(Country),
    /// All organisations.
    Organisations,
}

impl NationalList {
    /// Finds the refusal that is in force for a party at `at`.
    pub fn refusal(&self, party: &Party, at: Timestamp) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| at >= refusal.since && refusal.whom.fits(party))
    }
}

impl Pattern {
    fn fits(&self, party: &Party) -> bool {
        match self {
            Self::One(one) => one == party,
            Self::State(state) => party.state() == Some(*state),
            Self::Organisations => matches!(party, Party::Org(_)),
        }
    }
}

impl FromStr for Pattern {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "expected a party such as GHA, GHA/police or org:ecowas, or GHA/* or org:*";
        if text == "org:*" {
            return Ok(Self::Organisations);
        }
        match text.strip_suffix("/*") {
            Some(state) => state.parse().ok().and_then(|p: Party| p.state()).map(Self::State).ok_or(wrong),
            None => text.parse().map(Self::One).map_err(|_| wrong),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(party) => write!(f, "{party}"),
            Self::State(state) => write!(f, "{}/*", state.code()),
            Self::Organisations => f.write_str("org:*"),
        }
    }
}

/// Tells whether a party is one that a State's default NPC must list before it counts (ISACS 7.1.1).
pub(in crate::trust) fn is_further_npc(party: &Party) -> Option<(Country, &NpcName)> {
    match party {
        Party::Npc { state, npc: Some(npc) } => Some((*state, npc)),
        Party::Npc { npc: None, .. } | Party::Org(_) => None,
    }
}
