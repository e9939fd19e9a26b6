//! The members of acts in the words of a printed page, in the order in which they are printed.

use crate::model::Country;

/// How the text of a member is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it stands.
    Words,
    /// A code of a closed list.
    Code,
    /// A country's code.
    Country,
    /// A place in a list, counted from zero in the act and from one in print.
    Ordinal,
}

/// Returns a member's place in print, its words and how its text is to be read.
///
/// A member that is not in the list comes last, under its own name.
pub(super) fn of(member: &str) -> (usize, String, Reading) {
    MEMBERS.iter().position(|(name, _, _)| *name == member).map_or_else(
        || (MEMBERS.len(), spelt(member), Reading::Words),
        |at| (at, MEMBERS[at].1.to_owned(), MEMBERS[at].2),
    )
}

/// Spells a text under its member: codes with spaces, countries with their names.
pub(super) fn text(reading: Reading, text: &str) -> String {
    match reading {
        Reading::Words | Reading::Ordinal => text.to_owned(),
        Reading::Code => text.replace('_', " "),
        Reading::Country => match Country::from_code(text) {
            Some(country) if country.name() != text => format!("{} ({text})", country.name()),
            Some(_) | None => text.to_owned(),
        },
    }
}

/// Spells a code as a heading: `illicit_grounds` becomes `Illicit grounds`.
pub(super) fn spelt(code: &str) -> String {
    let spaced = code.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

use Reading::{Code, Country as Place, Ordinal, Words};

#[rustfmt::skip]
const MEMBERS: &[(&str, &str, Reading)] = &[
    // Acts
    ("request", "Request answered", Words),
    ("received_at", "Received by the requested State", Words),
    ("automatic", "Made by the gateway on its own", Words),
    ("code", "Ground", Code),
    ("illicit_grounds", "Why it is traced (5.1)", Words),
    ("legal_basis", "Legal justification (8.2.1 a 1)", Words),
    ("resolution", "Security Council resolution", Words),
    ("circumstances", "Circumstances (8.2.1)", Words),
    ("recovery", "Recovery (8.2.2)", Words),
    ("domestic_trace", "Domestic trace (5.2)", Words),
    ("outcome", "Outcome", Code),
    ("records_searched", "Records searched (7.7.1 b)", Code),
    ("exported_to", "Exported to", Place),
    ("override_reason", "Why no domestic trace was made", Words),
    ("asked", "What is asked (8.2.1 c)", Words),
    ("last_legal_owner", "Last legal owner", Words),
    ("intended_use", "Intended use (8.2.1 d)", Words),
    ("declaration", "Confidentiality declaration (8.4)", Words),
    ("can_comply", "Can comply with 8.4 a and b", Words),
    ("addressee", "Addressee (8.1)", Words),
    ("party", "National point of contact", Words),
    ("basis", "Basis", Code),
    ("external_references", "References in other systems", Words),
    ("scheme", "System", Words),
    ("follows", "Follows an answer of another State", Words),
    ("quotes", "Quoted from it", Words),
    ("pending", "Not consented to yet (8.3.4.2 f)", Words),
    ("path", "Element", Words),
    ("response", "Answer", Words),
    ("scope", "Scope of the consent (8.3.4.2 f)", Words),
    ("recipient", "To whom", Words),
    ("lifts", "Restrictions lifted", Code),
    ("consent_request", "Question for consent", Words),
    ("grant", "Consent", Words),
    ("expires", "Until", Words),
    ("single_use", "For one release only", Words),
    ("disclosed", "Disclosed answer", Words),
    ("compelled_by", "Compelled by", Words),
    ("incomplete_reason", "Why it is sent incomplete (8.3.2)", Words),
    ("item", "Item of the request", Ordinal),
    ("grounds", "Grounds (8.3.4.2)", Words),
    ("ground", "Ground (8.3.4.2)", Code),
    // Identification
    ("kind", "Kind", Code),
    ("part_name", "Part or component", Words),
    ("make", "Make (6.3 a)", Words),
    ("model", "Model (6.3 b)", Words),
    ("calibres", "Calibre (6.3 c)", Words),
    ("serials", "Serial numbers (6.3 d)", Words),
    ("id", "Name", Words),
    ("part", "Part", Code),
    ("number", "Number", Words),
    ("text", "Text as seen", Words),
    ("country_of_manufacture", "Country of manufacture (6.3 e)", Place),
    ("import_mark", "Import mark (6.3 f)", Code),
    ("country_of_import", "Country of most recent import (6.3 f)", Place),
    ("manufactured", "Made", Words),
    ("manufactured_source", "Known from", Words),
    ("physical", "Physical characteristics (6.4.1)", Words),
    ("action", "Action", Words),
    ("stock", "Stock", Words),
    ("materials", "Materials", Words),
    ("material", "Material", Words),
    ("markings", "Markings (6.4.2)", Words),
    ("location", "Where on the part", Words),
    ("script", "Script", Words),
    ("confidence", "Confidence", Code),
    ("photograph", "Photograph", Ordinal),
    ("ammunition", "Lot of ammunition (6.5)", Words),
    ("manufacturer", "Manufacturer (6.5 a)", Words),
    ("lot", "Lot (6.5 c)", Words),
    ("lot_source", "Lot known from", Words),
    ("produced", "Produced (6.5 d)", Words),
    ("produced_source", "Year known from", Words),
    ("designation", "Designation (6.5 e)", Words),
    ("bullet_diameter_mm", "Bullet diameter, mm", Words),
    ("case_length_mm", "Case length, mm", Words),
    ("overall_length_mm", "Overall length, mm", Words),
    ("photographs", "Photographs (6.4.5)", Words),
    ("shows", "Shows", Words),
    ("sha256", "SHA-256", Words),
    // Answers
    ("about", "About", Code),
    ("answer", "Answer", Words),
    ("value", "Value", Words),
    ("confirmed", "Confirmed by records", Words),
    ("name", "Name", Words),
    ("address", "Address", Words),
    ("date", "Date", Words),
    ("place", "Place", Words),
    ("quantity", "Quantity", Words),
    ("state", "State", Place),
    ("transit_states", "States of transit", Place),
    ("authorisations", "Licences and authorisations", Words),
    ("how", "How it became illicit", Code),
    ("investigation", "Investigation (8.3.3.5)", Code),
    ("next_state", "State to ask next", Place),
    ("purposes", "Purposes", Code),
    ("detained", "Detained individuals", Words),
    ("law", "Law", Words),
    ("reason", "Reason", Words),
    ("other", "Other", Words),
    ("detail", "Detail", Words),
    ("details", "Details", Words),
    ("note", "Note", Words),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn members_stand_once_and_unknown_ones_come_last() {
        let names: BTreeSet<_> = MEMBERS.iter().map(|(name, _, _)| name).collect();
        assert_eq!(names.len(), MEMBERS.len());
        assert_eq!(of("new_member"), (MEMBERS.len(), "New member".to_owned(), Words));
        assert!(of("make").0 < of("serials").0);
        assert_eq!(text(Place, "SUHH"), format!("{} (SUHH)", Country::from_code("SUHH").unwrap().name()));
        assert_eq!((text(Place, "XBB"), text(Code, "not_ours")), ("XBB".to_owned(), "not ours".to_owned()));
    }
}
