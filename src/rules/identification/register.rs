use super::pattern::{SearchKey, matches, search_key, search_keys};
use super::{calibre, words::letters_of};
use crate::model::{Country, Field, Item, Part, Text};

/// One weapon of a register, as far as identification needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterRow {
    /// Its serial number as the register has it.
    pub serial: Option<Text>,
    /// The make.
    pub make: Option<Text>,
    /// The model.
    pub model: Option<Text>,
    /// The calibre.
    pub calibre: Option<Text>,
    /// The country of manufacture.
    pub country_of_manufacture: Option<Country>,
}

/// How one property of an item compares with a register's, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// They are the same.
    Same,
    /// What was read fits, or one says more than the other.
    InPart,
    /// One side does not say.
    Unknown,
    /// They differ.
    Differs,
}

/// A row of the register whose serial number fits one of the item's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The part whose number fits is not the primary one (ISACS 6.4.4).
    pub secondary: bool,
    /// How the serial numbers compare.
    pub serial: Agreement,
    /// How make, model, calibre and country of manufacture compare, in this order (ISACS 6.3 a–c, e).
    pub others: [Agreement; 4],
    /// The part of the item whose number fits.
    pub part: Part,
    /// The row's place in the register, counted from zero.
    pub row: usize,
}

/// What a search of a register comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No serial number fits.
    NoneFound,
    /// This row is the item: all of serial, make, model and calibre are the same, and no other row can be.
    One(usize),
    /// An officer must choose or look closer.
    Ambiguous,
}

/// Finds the rows that may be the item, best first.
///
/// A serial number is never unique alone (DESIGN §3.4): a row whose make differs is still shown, since
/// registers err, but it comes last.
pub fn candidates(item: &Item, register: &[RegisterRow]) -> Vec<Candidate> {
    let keys = search_keys(item);
    let mut found: Vec<Candidate> = register
        .iter()
        .enumerate()
        .filter_map(|(row, entry)| {
            let serial = entry.serial.as_ref()?;
            let key = keys.iter().find(|key| fits(key, serial))?;
            Some(Candidate {
                secondary: !key.primary,
                serial: if key.whole { Agreement::Same } else { Agreement::InPart },
                others: compare(item, entry),
                part: key.part,
                row,
            })
        })
        .collect();
    found.sort_by_key(|c| (c.others.contains(&Agreement::Differs), c.clone()));
    found
}

/// Weighs the candidates of one search.
pub fn verdict(found: &[Candidate]) -> Verdict {
    let Some(best) = found.first() else { return Verdict::NoneFound };
    let [make, model, calibre, country] = best.others;
    let sure = !best.secondary
        && [best.serial, make, model, calibre].iter().all(|a| *a == Agreement::Same)
        && country != Agreement::Differs;
    let rivals = found[1..].iter().any(|c| !c.others.contains(&Agreement::Differs));
    if sure && !rivals { Verdict::One(best.row) } else { Verdict::Ambiguous }
}

fn fits(key: &SearchKey, serial: &Text) -> bool {
    if key.whole {
        *key.key.reveal() == search_key(serial.reveal())
    } else {
        matches(key.number.reveal(), serial.reveal())
    }
}

fn compare(item: &Item, row: &RegisterRow) -> [Agreement; 4] {
    let calibres = item.calibres.iter().map(|c| agreement(Some(c), row.calibre.as_ref(), calibre::same));
    let country =
        match (item.country_of_manufacture.as_ref().and_then(Field::known), row.country_of_manufacture) {
            (Some(a), Some(b)) if *a == b => Agreement::Same,
            // A successor may hold the register of a former State, so that only an officer can say (DESIGN §3.6).
            (Some(a), Some(b)) if a.is_withdrawn() || b.is_withdrawn() => Agreement::Unknown,
            (Some(_), Some(_)) => Agreement::Differs,
            (None, _) | (_, None) => Agreement::Unknown,
        };
    [
        agreement(item.make.as_ref(), row.make.as_ref(), same_words),
        agreement(item.model.as_ref(), row.model.as_ref(), same_words),
        // A register has one calibre where a weapon with several barrels has several (ISACS 6.3 c).
        calibres.min().unwrap_or(Agreement::Unknown),
        country,
    ]
}

fn agreement(
    seen: Option<&Field<Text>>,
    registered: Option<&Text>,
    same: impl Fn(&Text, &Text) -> bool,
) -> Agreement {
    let (Some(seen), Some(registered)) = (seen, registered) else { return Agreement::Unknown };
    match seen {
        Field::Value(claim) if same(&claim.as_marked, registered) => Agreement::Same,
        Field::Value(claim) if says_more(&claim.as_marked, registered) => Agreement::InPart,
        Field::Value(_) => Agreement::Differs,
        Field::PartlyRead(pattern) if matches(pattern.reveal(), registered.reveal()) => Agreement::InPart,
        Field::PartlyRead(_) => Agreement::Differs,
        Field::Removed
        | Field::Unreadable
        | Field::NeverMarked
        | Field::NotExamined
        | Field::NotPossible(_)
        | Field::Withheld(_) => Agreement::Unknown,
    }
}

fn same_words(a: &Text, b: &Text) -> bool {
    search_key(&letters_of(a.reveal())) == search_key(&letters_of(b.reveal()))
}

/// Tells whether one text begins with the other, as `FX-9 Mk 2` does with `FX-9`.
fn says_more(a: &Text, b: &Text) -> bool {
    let [a, b] = [a, b].map(|text| search_key(&letters_of(text.reveal())));
    !a.is_empty() && !b.is_empty() && (a.starts_with(&b) || b.starts_with(&a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Serial;
    use crate::rules::samples::{any_item, text, weapon, words};
    use proptest::prelude::*;

    fn row(serial: &str, make: &str, model: &str, calibre: &str) -> RegisterRow {
        let [serial, make, model, calibre] = [serial, make, model, calibre].map(|t| Some(words(t)));
        RegisterRow { serial, make, model, calibre, country_of_manufacture: Country::from_code("XBB") }
    }

    fn twin() -> RegisterRow {
        row("xb-OO4217", "Fábrica XBB", "FX 9", "9 mm Luger")
    }

    #[test]
    fn clause_6_3_a_serial_alone_is_never_unique() {
        let register = [row("XB004217", "OTHER WORKS", "T-1", "7.62x25"), twin()];
        let found = candidates(&weapon(), &register);
        assert_eq!(found.iter().map(|c| c.row).collect::<Vec<_>>(), [1, 0], "a row that differs comes last");
        assert_eq!(verdict(&found), Verdict::One(1));
        assert_eq!(verdict(&candidates(&weapon(), &register[..1])), Verdict::Ambiguous);
        let bare = RegisterRow { serial: Some(words("XB004217")), ..RegisterRow::default() };
        assert_eq!(
            verdict(&candidates(&weapon(), std::slice::from_ref(&bare))),
            Verdict::Ambiguous,
            "nothing confirms it"
        );
        assert_eq!(
            verdict(&candidates(&weapon(), &[twin(), bare])),
            Verdict::Ambiguous,
            "nothing excludes it"
        );
        assert_eq!(verdict(&candidates(&weapon(), &[twin(), twin()])), Verdict::Ambiguous, "two alike");
        assert_eq!(verdict(&candidates(&weapon(), &[])), Verdict::NoneFound);
    }

    #[test]
    fn a_number_read_in_part_finds_and_never_decides() {
        let mut seen = weapon();
        seen.serials[0].number = Some(Field::PartlyRead(words("XB 0?42*")));
        seen.markings.clear();
        let found = candidates(&seen, &[twin(), row("XC 4217", "FABRICA XBB", "FX-9", "9x19")]);
        assert_eq!(found.iter().map(|c| (c.row, c.serial)).collect::<Vec<_>>(), [(0, Agreement::InPart)]);
        assert_eq!(verdict(&found), Verdict::Ambiguous);
    }

    #[test]
    fn clause_6_4_4_a_row_found_by_the_slides_number_is_not_the_weapon_yet() {
        let mut seen = weapon();
        seen.serials.push(Serial { part: Part::Slide, number: Some(text("S 77")), location: None });
        let found = candidates(&seen, &[row("S77", "FABRICA XBB", "FX-9", "9x19"), twin()]);
        assert_eq!(
            found.iter().map(|c| (c.row, c.part, c.secondary)).collect::<Vec<_>>(),
            [(1, Part::FrameReceiver, false), (0, Part::Slide, true)]
        );
        assert_eq!(verdict(&found), Verdict::Ambiguous);
    }

    #[test]
    fn a_longer_model_agrees_in_part_and_a_former_state_is_left_to_an_officer() {
        let mut entry = row("XB 004217", "FABRICA XBB", "FX-9 Mk 2", "9x19");
        entry.country_of_manufacture = Country::from_code("YUCS");
        let found = candidates(&weapon(), &[entry]);
        use Agreement::{InPart, Same, Unknown};
        assert_eq!(found[0].others, [Same, InPart, Same, Unknown]);
    }

    proptest! {
        #[test]
        fn every_candidate_fits_a_number_and_one_is_found_only_with_all_four(
            item in any_item(), serials in proptest::collection::vec("[A-B]{2}[0-1]{1,2}", 0..6)
        ) {
            let register: Vec<_> = serials.iter().map(|s| row(s, "AA 1", "BB 1", "9x19")).collect();
            let found = candidates(&item, &register);
            let keys = search_keys(&item);
            for candidate in &found {
                let serial = register[candidate.row].serial.as_ref().unwrap();
                prop_assert!(keys.iter().any(|key| key.part == candidate.part && fits(key, serial)));
            }
            if let Verdict::One(row) = verdict(&found) {
                prop_assert_eq!(row, found[0].row);
                prop_assert_eq!(&found[0].others[..3], [Agreement::Same; 3]);
            }
        }
    }
}
