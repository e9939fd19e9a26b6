//! National policy (DESIGN §8): a small table that says which role of which agency may do what, for whom, for
//! which purposes, and with how many officers. It only narrows: the strictest row that fits decides, and
//! none asks for fewer officers than the State has chosen for all.

use crate::model::{ActKind, Party, Purpose, Role};
use std::collections::BTreeSet;
use std::fmt;

/// Something that policy can narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// To say something to another party.
    Act(ActKind),
    /// To release restricted information to an authority (ISACS 8.3.4.2 d–f).
    Release,
    /// To do so without waiting for other officers (ISACS 8.4).
    Emergency,
}

/// What a row asks where it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// So many officers must agree, the author among them.
    Approvals(u32),
    /// Nobody may.
    Forbid,
}

/// A row; what it leaves out fits everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, which every decision tells.
    pub name: String,
    /// Only officers in this role.
    pub role: Option<Role>,
    /// Only officers of this agency.
    pub agency: Option<String>,
    /// Only these deeds.
    pub deeds: BTreeSet<Deed>,
    /// Only towards these parties or authorities.
    pub recipients: BTreeSet<String>,
    /// Only for these purposes.
    pub purposes: BTreeSet<Purpose>,
    /// What is asked.
    pub effect: Effect,
}

/// The whole table, with what holds where no row fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// How many officers an act needs.
    pub approvals: u32,
    /// How many officers a release needs.
    pub release_approvals: u32,
    /// The rows.
    pub rows: Vec<Row>,
}

/// Who wants to do what.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// In which role.
    pub role: Role,
    /// Of which agency.
    pub agency: Option<&'a str>,
    /// What.
    pub deed: Deed,
    /// Towards whom.
    pub recipients: Vec<String>,
    /// For what, where that is said.
    pub purposes: BTreeSet<Purpose>,
}

/// What policy says, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What is asked.
    pub effect: Effect,
    /// The rule: the name of a row, or of the setting that holds where none fits.
    pub rule: String,
}

/// Something wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The row.
    pub row: String,
    /// What kind of flaw.
    pub kind: FlawKind,
    /// What, in words.
    pub why: String,
}

/// Which kind of flaw a row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// It never decides anything.
    Dead,
    /// It cannot be obeyed, or another row says otherwise of the same.
    Contradictory,
}

/// An officer, as far as policy cares.
pub type Subject<'a> = (Role, Option<&'a str>);

impl Table {
    /// Returns what the setting asks that holds where no row fits.
    pub fn floor(&self, deed: Deed) -> Ruling {
        let (approvals, rule) = match deed {
            Deed::Act(_) => (self.approvals, "policy.approvals"),
            Deed::Release => (self.release_approvals, "policy.release_approvals"),
            Deed::Emergency => (1, "8.4"),
        };
        Ruling { effect: Effect::Approvals(approvals), rule: rule.to_owned() }
    }

    /// Decides; the first of the strictest rows is the one that is named.
    pub fn decide(&self, asked: &Asked<'_>) -> Ruling {
        let fitting = self.rows.iter().filter(|row| row.fits(asked));
        fitting.fold(self.floor(asked.deed), |strictest, row| {
            if row.effect > strictest.effect {
                Ruling { effect: row.effect, rule: row.name.clone() }
            } else {
                strictest
            }
        })
    }

    /// Lists what is wrong with the rows, given who the officers are and to which authorities they release.
    pub fn flaws(&self, officers: &[Subject<'_>], authorities: &[&str]) -> Vec<Flaw> {
        let mut out = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let mut tell = |kind, why: String| out.push(Flaw { row: row.name.clone(), kind, why });
            if let Some(why) = row.moot(officers, authorities) {
                tell(FlawKind::Dead, why);
            } else if row.deeds().all(|deed| row.effect <= self.floor(deed).effect) {
                tell(FlawKind::Dead, "the settings ask for as many officers everywhere".to_owned());
            }
            if let Some(other) = self.rows[..at].iter().find(|other| other.name == row.name) {
                tell(FlawKind::Contradictory, format!("another row is called '{}' too", other.name));
            } else if let Some(other) = self.rows[..at].iter().find(|other| other.is_about_the_same(row)) {
                if other.effect == row.effect {
                    tell(FlawKind::Dead, format!("it repeats row '{}'", other.name));
                } else {
                    tell(FlawKind::Contradictory, format!("row '{}' says otherwise of the same", other.name));
                }
            } else if let Some(other) = self.rows.iter().find(|other| {
                other.name != row.name
                    && other.covers(row)
                    && !row.covers(other)
                    && other.effect >= row.effect
            }) {
                tell(FlawKind::Dead, format!("row '{}' covers it and is as strict", other.name));
            }
            if let Some(why) = row.unpayable(officers) {
                tell(FlawKind::Contradictory, why);
            }
        }
        out
    }
}

impl Row {
    fn fits(&self, asked: &Asked<'_>) -> bool {
        let any = |wanted: &BTreeSet<String>| {
            wanted.is_empty() || asked.recipients.iter().any(|recipient| wanted.contains(recipient))
        };
        self.role.is_none_or(|role| role == asked.role)
            && self.agency.as_deref().is_none_or(|agency| Some(agency) == asked.agency)
            && (self.deeds.is_empty() || self.deeds.contains(&asked.deed))
            && any(&self.recipients)
            && (self.purposes.is_empty() || !self.purposes.is_disjoint(&asked.purposes))
    }

    fn deeds(&self) -> impl Iterator<Item = Deed> {
        let all = Deed::all().filter(|_| self.deeds.is_empty());
        self.deeds.iter().copied().chain(all)
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }

    /// Tells whether it fits wherever another row does.
    fn covers(&self, other: &Self) -> bool {
        fn wider<T: Ord>(wide: &BTreeSet<T>, narrow: &BTreeSet<T>) -> bool {
            wide.is_empty() || (!narrow.is_empty() && narrow.is_subset(wide))
        }
        self.role.is_none_or(|role| other.role == Some(role))
            && (self.agency.is_none() || self.agency == other.agency)
            && wider(&self.deeds, &other.deeds)
            && wider(&self.recipients, &other.recipients)
            && wider(&self.purposes, &other.purposes)
    }

    /// Says why it can never fit anything.
    fn moot(&self, officers: &[Subject<'_>], authorities: &[&str]) -> Option<String> {
        let acting = |role: Role| matches!(role, Role::Officer | Role::Supervisor);
        if let Some(role) = self.role.filter(|role| !acting(*role)) {
            return Some(format!("a {} neither acts nor releases, whatever policy says", role.code()));
        }
        let subject = |(role, agency): &Subject<'_>| {
            acting(*role)
                && self.role.is_none_or(|wanted| wanted == *role)
                && self.agency.as_deref().is_none_or(|wanted| Some(wanted) == *agency)
        };
        if !officers.iter().any(subject) {
            return Some("there is no such officer".to_owned());
        }
        let known = |name: &String| authorities.contains(&name.as_str()) || name.parse::<Party>().is_ok();
        if !self.recipients.is_empty() && !self.recipients.iter().any(known) {
            return Some("no party and no authority has that name".to_owned());
        }
        let purposeful = self.deeds().any(Deed::has_purpose);
        (!self.purposes.is_empty() && !purposeful).then(|| "such acts name no purpose".to_owned())
    }

    /// Says why nobody could ever obey it.
    fn unpayable(&self, officers: &[Subject<'_>]) -> Option<String> {
        let Effect::Approvals(needed) = self.effect else { return None };
        let able = officers.iter().filter(|(role, _)| matches!(role, Role::Officer | Role::Supervisor));
        let able = u32::try_from(able.count()).unwrap_or(u32::MAX);
        (needed > able).then(|| format!("it asks for {needed} officers, and {able} may act"))
    }
}

impl Deed {
    /// Every deed.
    pub fn all() -> impl Iterator<Item = Self> {
        ActKind::ALL.into_iter().map(Self::Act).chain([Self::Release, Self::Emergency])
    }

    /// Returns the word by which settings name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Act(kind) => kind.code(),
            Self::Release => "release",
            Self::Emergency => "emergency",
        }
    }

    /// Finds a deed by its word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|deed| deed.code() == code)
    }

    const fn has_purpose(self) -> bool {
        matches!(
            self,
            Self::Release | Self::Emergency | Self::Act(ActKind::ConsentRequest | ActKind::ConsentGrant)
        )
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
