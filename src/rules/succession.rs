//! Which States may be asked about the weapons of one that no longer exists (DESIGN §3.6). Each line is a proposal with its
//! attribution; only an officer chooses, and confirms it with a reason in the request.

use crate::model::Country;
use serde::Serialize;

/// A State that may answer for a former one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Successor {
    /// The State.
    pub state: Country,
    /// On what the proposal rests.
    pub basis: &'static str,
}

const DISSOLVED: &str = "Agreement on Succession Issues, Vienna, 29 June 2001: one of the successor States";
const RENAMED: &str = "the same State under another name";

/// Former code, present code, attribution; of several, the likeliest maker of weapons comes first.
const SUCCESSIONS: &[(&str, &str, &str)] = &[
    ("BUMM", "MMR", RENAMED),
    (
        "CSHH",
        "CZE",
        "Constitutional Act 542/1992 on the dissolution of Czechoslovakia: one of two successor States",
    ),
    (
        "CSHH",
        "SVK",
        "Constitutional Act 542/1992 on the dissolution of Czechoslovakia: one of two successor States",
    ),
    ("CSXX", "SRB", "Constitutional Charter of Serbia and Montenegro, art. 60: the State that continues it"),
    ("CSXX", "MNE", "independent since 3 June 2006: weapons that were made or held in Montenegro"),
    ("DDDE", "DEU", "Unification Treaty of 31 August 1990, in force on 3 October 1990"),
    ("DYBJ", "BEN", RENAMED),
    ("HVBF", "BFA", RENAMED),
    ("RHZW", "ZWE", "independent as Zimbabwe since 18 April 1980"),
    (
        "SUHH",
        "RUS",
        "letter to the Secretary-General of the United Nations, 24 December 1991: continues the membership",
    ),
    ("VDVN", "VNM", "united as the Socialist Republic of Viet Nam on 2 July 1976"),
    ("YDYE", "YEM", "united as the Republic of Yemen on 22 May 1990"),
    ("YUCS", "SRB", DISSOLVED),
    ("YUCS", "BIH", DISSOLVED),
    ("YUCS", "HRV", DISSOLVED),
    ("YUCS", "MKD", DISSOLVED),
    ("YUCS", "SVN", DISSOLVED),
    ("YUCS", "MNE", "part of a successor State until 2006: weapons that were made or held in Montenegro"),
    ("ZRCD", "COD", RENAMED),
];

/// Lists the States that may answer for a former one, likeliest first; none for a State that exists, or of which nothing
/// is known here.
pub fn successors(former: Country) -> Vec<Successor> {
    let of = |(code, state, basis): &(&str, &str, &'static str)| {
        let state = Country::from_code(state).filter(|_| *code == former.code())?;
        Some(Successor { state, basis })
    };
    SUCCESSIONS.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_former_state_is_withdrawn_and_each_successor_exists() {
        for (former, state, basis) in SUCCESSIONS {
            assert!(Country::from_code(former).unwrap().is_withdrawn(), "{former}");
            assert!(!Country::from_code(state).unwrap().is_withdrawn() && !basis.is_empty(), "{state}");
        }
    }

    #[test]
    fn the_former_states_of_weapons_that_are_still_found_have_proposals() {
        for (former, first, count) in
            [("SUHH", "RUS", 1), ("YUCS", "SRB", 6), ("CSHH", "CZE", 2), ("DDDE", "DEU", 1)]
        {
            let found = successors(Country::from_code(former).unwrap());
            assert_eq!((found[0].state.code(), found.len()), (first, count), "{former}");
        }
        assert_eq!(successors(Country::from_code("GHA").unwrap()), []);
    }
}
