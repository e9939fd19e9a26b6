//! Which States may be asked about the weapons of one that no longer exists (DESIGN §3.6). Each line is a proposal with its
//! attribution; only an officer chooses, and confirms it with a reason in the request.

use crate::model::{Addressee, AddresseeBasis, Country, Request};
use crate::rules::addressee::first_led_to;
use serde::Serialize;

/// A State that may answer for a former one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Successor {
    /// The State.
    pub state: Country,
    /// On what the proposal rests.
    pub basis: &'static str,
}

/// What a State says of itself in the directory: that it answers for a former one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The State that claims it.
    pub state: Country,
    /// The former State.
    pub former: Country,
    /// On what the claim rests, in the words of the State.
    pub basis: String,
}

/// A State that may answer for a former one, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The State.
    pub state: Country,
    /// On what it rests.
    pub basis: String,
    /// Whether the State itself claims it in the directory.
    pub claimed: bool,
}

/// Says that an item leads to a former State for which the addressee does not answer, while others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuccessor {
    /// The number of the item.
    pub item: usize,
    /// The former State.
    pub former: Country,
    /// The State that was chosen.
    pub chosen: Country,
    /// Who may be asked, those that claim it first.
    pub candidates: Vec<Candidate>,
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

/// Lists who may answer for a former State: those that claim it first, then what is known here.
pub fn candidates(former: Country, claims: &[Claim]) -> Vec<Candidate> {
    let claimed = claims.iter().filter(|claim| claim.former == former);
    let mut all: Vec<Candidate> = claimed
        .map(|claim| Candidate { state: claim.state, basis: claim.basis.clone(), claimed: true })
        .collect();
    for Successor { state, basis } in successors(former) {
        if all.iter().all(|known| known.state != state) {
            all.push(Candidate { state, basis: basis.to_owned(), claimed: false });
        }
    }
    all
}

/// Compares the addressee with what States claim and with what is known here, for each item that leads to a former State.
///
/// Where nobody is known to answer, an officer's reason is enough, as it is on the basis `other`.
///
/// # Errors
/// [`NoSuccessor`] for the first item for whose former State others answer, and not the addressee.
pub fn compare(request: &Request, claims: &[Claim]) -> Result<(), NoSuccessor> {
    let Some(Addressee { party, basis, .. }) = &request.addressee else { return Ok(()) };
    let Some(chosen) = party.state().filter(|_| *basis != AddresseeBasis::Other) else { return Ok(()) };
    for item in 0..request.items.len() {
        let Some(former) = first_led_to(request, item).filter(|state| state.is_withdrawn()) else { continue };
        let candidates = candidates(former, claims);
        if !candidates.is_empty() && candidates.iter().all(|candidate| candidate.state != chosen) {
            return Err(NoSuccessor { item, former, chosen, candidates });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::samples::{complete_request, country};

    fn made_in(former: &str, asked: &str, basis: AddresseeBasis) -> Request {
        let mut request = complete_request();
        request.items[0].country_of_manufacture = Some(country(former));
        request.addressee = Some(Addressee { party: asked.parse().unwrap(), basis, reason: None });
        request
    }

    #[test]
    fn an_addressee_for_a_former_state_is_one_that_answers_for_it() {
        let claims = [Claim {
            state: Country::from_code("XCC").unwrap(),
            former: Country::from_code("SUHH").unwrap(),
            basis: "a treaty".to_owned(),
        }];
        let asked = |former: &str, asked: &str, basis| compare(&made_in(former, asked, basis), &claims);
        let maker = AddresseeBasis::Manufacture;
        assert_eq!(asked("SUHH", "RUS", maker), Ok(()), "it is known here");
        assert_eq!(asked("SUHH", "XCC", maker), Ok(()), "it claims it");
        assert_eq!(asked("SUHH", "XCC/customs", maker), Ok(()), "any NPC of it");
        assert_eq!(asked("SUHH", "XBB", AddresseeBasis::Other), Ok(()), "an officer's own choice");
        assert_eq!(asked("GHA", "XBB", maker), Ok(()), "a State that exists");
        let refused = asked("SUHH", "XBB", maker).unwrap_err();
        let named: Vec<_> = refused.candidates.iter().map(|c| (c.state.code(), c.claimed)).collect();
        assert_eq!((refused.item, named), (0, vec![("XCC", true), ("RUS", false)]));
        assert!(asked("YUCS", "XCC", maker).is_err(), "a claim to one former State is none to another");
    }

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
