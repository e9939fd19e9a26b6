//! Which recovered items need not be traced (ISACS 5.4). What is not known leaves an item traceable.

#[cfg(test)]
mod tests;

use super::completeness::{Completeness, said};
use crate::model::{Exemption, Field, ImportMark, Item, NotTraced, Recovery, Ternary};

/// Weapons made before this year may be exempt (ISACS 5.4 c 2).
const OLD_BEFORE: u16 = 1946;

/// Checks that a record of items that are not traced rests on ISACS 5.4; what is missing keeps them
/// traceable.
pub fn check(record: &NotTraced) -> Completeness {
    let mut found = Completeness::default();
    if record.items.is_empty() {
        found.need("5.4", "items", "say what was recovered");
    }
    match &record.exemption {
        Exemption::Collection { programme } => {
            if !said(Some(programme)) {
                found.need("5.4(a)", "exemption.programme", "name the collection programme");
            }
            no_persons(record.recovery.as_ref(), &mut found);
        }
        Exemption::Destruction { reason } => {
            if !said(Some(reason)) {
                let why = "say how tracing would impede the destruction or make diversion likelier";
                found.need("5.4(b)", "exemption.reason", why);
            }
        }
        Exemption::OldMilitary { military_type, later_marks } => {
            let singly = recovered_singly(record);
            for (at, item) in record.items.iter().enumerate() {
                old_military(
                    &format!("items[{at}]"),
                    item,
                    [*military_type, *later_marks, singly],
                    &mut found,
                );
            }
        }
    }
    found
}

/// Tells whether a weapon is old enough to be exempt: made before 1946 (ISACS 5.4 c 2).
pub fn made_before_1946(item: &Item) -> Ternary {
    let known = item.manufactured.as_ref().and_then(Field::known);
    Ternary::from(known.map(|date| date.year() < OLD_BEFORE))
}

/// Tells whether the recovered items are a single one (ISACS 5.4 c 4).
pub fn recovered_singly(record: &NotTraced) -> Ternary {
    let listed = Ternary::from(record.items.len() == 1);
    let quantity = record.recovery.as_ref().and_then(|r| r.quantity);
    listed.and(Ternary::from(quantity.map(|q| q == 1)))
}

/// ISACS 5.4 a: a programme that promises anonymity keeps no persons on its records.
fn no_persons(recovery: Option<&Recovery>, found: &mut Completeness) {
    if recovery.is_some_and(|r| !r.detained.is_empty()) {
        let why = "a collection programme promises anonymity: no person may stand on this record";
        found.need("5.4(a)", "recovery.detained", why);
    }
}

/// ISACS 5.4 c: all four conditions hold; `stated` are the type, later marks and single recovery.
fn old_military(path: &str, item: &Item, stated: [Ternary; 3], found: &mut Completeness) {
    let [military_type, later_marks, singly] = stated;
    // Any import mark names a State that can be asked (8.1 b), so that it counts whatever its date.
    let no_import_mark = match item.import_mark {
        ImportMark::Absent => Ternary::Yes,
        ImportMark::Present => Ternary::No,
        ImportMark::NotExamined => Ternary::Unknown,
    };
    let conditions = [
        ("5.4(c)(1)", "exemption.military_type".to_owned(), military_type, "likely to have been used in war"),
        ("5.4(c)(2)", format!("{path}.manufactured"), made_before_1946(item), "made before 1946"),
        ("5.4(c)(3)", format!("{path}.import_mark"), no_import_mark, "free of import marks"),
        ("5.4(c)(3)", "exemption.later_marks".to_owned(), later_marks.negated(), "free of later marks"),
        ("5.4(c)(4)", "recovery.quantity".to_owned(), singly, "recovered singly"),
    ];
    for (clause, field, holds, what) in conditions {
        match holds {
            Ternary::Yes => {}
            Ternary::No => found.need(clause, field, format!("it is not {what}, so that it is traced")),
            Ternary::Unknown => {
                let why = format!("it is not known to be {what}, so that it is traced");
                found.need(clause, field, why);
            }
        }
    }
}
