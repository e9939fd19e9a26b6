//! To which State a request goes: the one that most recently had jurisdiction (ISACS 8.1).

use crate::model::{AddresseeBasis, Country, Field, ImportMark, Item, Party, Request};
use crate::rules::succession::{Successor, successors};
use serde::Serialize;

/// A State that may be asked, most recent jurisdiction first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The State.
    pub state: Country,
    /// Its default NPC; none for a State that no longer exists.
    pub party: Option<Party>,
    /// From what the State was derived.
    pub basis: AddresseeBasis,
    /// The clause, `8.1(a)` to `8.1(c)`.
    pub clause: &'static str,
    /// The derivation in words.
    pub why: String,
    /// Who may answer for it, if it no longer exists; an officer chooses, and confirms it with a reason.
    pub successors: Vec<Successor>,
}

/// Proposes the States to ask in the order of ISACS 8.1, each State once.
pub fn propose(request: &Request) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for (_, proposal) in derived(request) {
        if proposals.iter().all(|p| p.state != proposal.state) {
            proposals.push(proposal);
        }
    }
    proposals
}

/// Says how the chosen addressee departs from the order of ISACS 8.1, if it does.
///
/// A departure is allowed, but it owes a reason. An absent addressee departs from nothing.
pub fn deviates(request: &Request) -> Option<String> {
    let addressee = request.addressee.as_ref()?;
    let Some(chosen) = addressee.party.state() else {
        return Some(format!("{} is not the NPC of a State", addressee.party));
    };
    if addressee.basis == AddresseeBasis::Other {
        return Some("the basis is 'other'".to_owned());
    }
    let all = derived(request);
    for (at, _) in request.items.iter().enumerate() {
        let first = all.iter().find(|(item, _)| item.is_none_or(|i| i == at));
        if let Some((_, first)) = first.filter(|(_, first)| first.state != chosen) {
            let (state, clause) = (first.state, first.clause);
            return Some(match first.party {
                Some(_) => format!("items[{at}] leads to {state} first ({clause}), not to {chosen}"),
                None => format!("items[{at}] leads to {state}, of which {chosen} may be a successor"),
            });
        }
    }
    let derivable = all.iter().any(|(_, p)| p.state == chosen && p.basis == addressee.basis);
    (!derivable).then(|| format!("nothing in the request leads to {chosen} on the basis that is named"))
}

/// Returns the State to which an item leads first in the order of ISACS 8.1, whether it still exists or not.
pub fn first_led_to(request: &Request, item: usize) -> Option<Country> {
    derived(request).into_iter().find(|(of, _)| of.is_none_or(|of| of == item)).map(|(_, p)| p.state)
}

/// Derives every State that had jurisdiction in the order of 8.1, with the item it was derived from;
/// an export in domestic records speaks for all items.
fn derived(request: &Request) -> Vec<(Option<usize>, Proposal)> {
    let items = || request.items.iter().enumerate();
    let export = request.domestic_trace.as_ref().and_then(|trace| trace.exported_to).map(|state| {
        let why = "domestic records show an export to it".to_owned();
        (None, Proposal::new(state, AddresseeBasis::Export, "8.1(a)", why))
    });
    let imports = items().filter_map(|(at, item)| {
        let why = format!("the import mark of items[{at}] names it");
        Some((Some(at), Proposal::new(imported_to(item)?, AddresseeBasis::Import, "8.1(b)", why)))
    });
    let makers = items().filter_map(|(at, item)| {
        let why = format!("items[{at}] was manufactured there");
        let state = known(item.country_of_manufacture.as_ref())?;
        Some((Some(at), Proposal::new(state, AddresseeBasis::Manufacture, "8.1(c)", why)))
    });
    export.into_iter().chain(imports).chain(makers).collect()
}

/// An import counts unless the item is said to bear no import mark (ISACS 8.1 b).
fn imported_to(item: &Item) -> Option<Country> {
    match item.import_mark {
        ImportMark::Present | ImportMark::NotExamined => known(item.country_of_import.as_ref()),
        ImportMark::Absent => None,
    }
}

fn known(field: Option<&Field<Country>>) -> Option<Country> {
    field.and_then(Field::known).copied()
}

impl Proposal {
    fn new(state: Country, basis: AddresseeBasis, clause: &'static str, derivation: String) -> Self {
        if state.is_withdrawn() {
            let why = format!(
                "{derivation}, but {} no longer exists: an officer must choose a successor State and confirm \
                 it with a reason",
                state.name()
            );
            return Self { state, party: None, basis, clause, why, successors: successors(state) };
        }
        let (party, why) = (Some(Party::Npc { state, npc: None }), derivation);
        Self { state, party, basis, clause, why, successors: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Addressee, ItemKind};
    use crate::rules::samples::{complete_request, country, item};

    fn states(request: &Request) -> Vec<(&'static str, String)> {
        propose(request).into_iter().map(|p| (p.clause, p.state.to_string())).collect()
    }

    fn address(request: &mut Request, party: &str, basis: AddresseeBasis) {
        request.addressee = Some(Addressee { party: party.parse().unwrap(), basis, reason: None });
    }

    #[test]
    fn clause_8_1_a_to_c_order_export_import_manufacture() {
        let mut request = complete_request();
        assert_eq!(states(&request), [("8.1(c)", "XBB".to_owned())]);
        request.items[0].import_mark = ImportMark::Present;
        request.items[0].country_of_import = Some(country("XCC"));
        assert_eq!(states(&request), [("8.1(b)", "XCC".to_owned()), ("8.1(c)", "XBB".to_owned())]);
        let trace = request.domestic_trace.as_mut().unwrap();
        trace.exported_to = Country::from_code("XBB");
        let expected = [("8.1(a)", "XBB".to_owned()), ("8.1(b)", "XCC".to_owned())];
        assert_eq!(states(&request), expected, "a State is proposed once, for its most recent jurisdiction");
    }

    #[test]
    fn clause_8_1_b_an_absent_import_mark_proves_no_import() {
        let mut request = complete_request();
        request.items[0].country_of_import = Some(country("XCC"));
        request.items[0].import_mark = ImportMark::Absent;
        assert_eq!(states(&request), [("8.1(c)", "XBB".to_owned())]);
    }

    #[test]
    fn clause_8_1_c_a_former_state_has_no_npc() {
        let mut request = complete_request();
        request.items[0].country_of_manufacture = Some(country("SUHH"));
        let proposals = propose(&request);
        assert_eq!(proposals[0].party, None);
        assert!(proposals[0].why.contains("successor"));
        let russia = &proposals[0].successors[0];
        assert!(russia.state.code() == "RUS" && russia.basis.contains("24 December 1991"));
        address(&mut request, "RUS", AddresseeBasis::Manufacture);
        assert!(
            deviates(&request).unwrap().contains("may be a successor"),
            "an officer confirms it with a reason"
        );
        address(&mut request, "XBB", AddresseeBasis::Manufacture);
        assert!(deviates(&request).unwrap().contains("successor"), "XBB is no proposal for SUHH");
    }

    #[test]
    fn clause_8_1_departures() {
        let mut request = complete_request();
        assert_eq!(deviates(&request), None);
        address(&mut request, "XBB/customs", AddresseeBasis::Manufacture);
        assert_eq!(deviates(&request), None, "any NPC of the State");
        for (party, basis) in [
            ("XCC", AddresseeBasis::Manufacture),
            ("XBB", AddresseeBasis::Export),
            ("XBB", AddresseeBasis::Other),
            ("org:ecowas", AddresseeBasis::Manufacture),
        ] {
            address(&mut request, party, basis);
            assert!(deviates(&request).is_some(), "{party} {basis:?}");
        }
    }

    #[test]
    fn clause_8_1_every_item_must_lead_to_the_addressee() {
        let mut request = complete_request();
        request.items.push(item(ItemKind::Part));
        assert_eq!(deviates(&request), None, "an item of unknown origin leads nowhere else");
        request.items[1].country_of_manufacture = Some(country("XCC"));
        assert!(deviates(&request).unwrap().starts_with("items[1]"));
    }
}
