use super::*;
use crate::model::{ItemKind, PartialDate, Ternary};
use crate::rules::samples::{item, weapon, words};
use proptest::prelude::*;

fn record(exemption: Exemption) -> NotTraced {
    let recovery = Recovery { quantity: Some(1), ..Recovery::default() };
    NotTraced { exemption, recovery: Some(recovery), items: vec![made(Some("1944"))] }
}

fn made(date: Option<&str>) -> Item {
    let manufactured = date.map(|d| Field::value(d.parse::<PartialDate>().unwrap()));
    Item { manufactured, import_mark: ImportMark::Absent, ..weapon() }
}

fn old() -> Exemption {
    Exemption::OldMilitary { military_type: Ternary::Yes, later_marks: Ternary::No }
}

fn keeps(record: &NotTraced) -> Vec<(&'static str, String)> {
    check(record).missing.into_iter().map(|f| (f.clause, f.field)).collect()
}

fn one(clause: &'static str, field: &str) -> Vec<(&'static str, String)> {
    vec![(clause, field.to_owned())]
}

#[test]
fn clause_5_1_what_is_not_traced_owes_a_reason() {
    let collection = |programme: &str| record(Exemption::Collection { programme: words(programme) });
    assert_eq!(keeps(&collection("n/a")), one("5.4(a)", "exemption.programme"));
    let nothing = NotTraced { items: Vec::new(), ..collection("Hand In 2026") };
    assert_eq!(keeps(&nothing), one("5.4", "items"));
}

#[test]
fn clause_5_4_a_an_amnesty_keeps_no_persons() {
    let mut collected = record(Exemption::Collection { programme: words("Hand In 2026") });
    assert_eq!(keeps(&collected), []);
    collected.recovery.as_mut().unwrap().detained.push(words("N. N."));
    assert_eq!(keeps(&collected), one("5.4(a)", "recovery.detained"));
}

#[test]
fn clause_5_4_b_batches_are_destroyed_for_a_reason() {
    let destroyed = |reason: &str| {
        let items = vec![item(ItemKind::Weapon); 900];
        NotTraced { items, ..record(Exemption::Destruction { reason: words(reason) }) }
    };
    assert_eq!(keeps(&destroyed("the store cannot be guarded beyond June")), []);
    assert_eq!(keeps(&destroyed("???")), one("5.4(b)", "exemption.reason"));
}

#[test]
fn clause_5_4_c_all_four_conditions_hold() {
    assert_eq!(keeps(&record(old())), []);
    let later = |date| keeps(&NotTraced { items: vec![made(date)], ..record(old()) });
    assert_eq!(later(Some("1945-12-31")), []);
    assert_eq!(later(Some("1946")), one("5.4(c)(2)", "items[0].manufactured"));
    assert_eq!(later(None), one("5.4(c)(2)", "items[0].manufactured"), "unknown keeps it traceable");
    for import_mark in [ImportMark::Present, ImportMark::NotExamined] {
        let items = vec![Item { import_mark, ..made(Some("1944")) }];
        let marked = NotTraced { items, ..record(old()) };
        assert_eq!(keeps(&marked), one("5.4(c)(3)", "items[0].import_mark"));
    }
    for quantity in [None, Some(2)] {
        let recovery = Some(Recovery { quantity, ..Recovery::default() });
        let batch = NotTraced { recovery, ..record(old()) };
        assert_eq!(keeps(&batch), one("5.4(c)(4)", "recovery.quantity"));
    }
    let two = NotTraced { items: vec![made(Some("1944")); 2], ..record(old()) };
    assert_eq!(keeps(&two).len(), 2, "neither of two was recovered singly");
}

fn ternary() -> impl Strategy<Value = Ternary> {
    prop_oneof![Just(Ternary::Yes), Just(Ternary::No), Just(Ternary::Unknown)]
}

proptest! {
    #[test]
    fn clause_5_4_c_one_false_or_unknown_keeps_it_traceable(
        military_type in ternary(),
        later_marks in ternary(),
        date in prop_oneof![Just(None), Just(Some("1911")), Just(Some("1950-02"))],
        mark in prop_oneof![Just(ImportMark::Absent), Just(ImportMark::Present), Just(ImportMark::NotExamined)],
        quantity in proptest::option::of(1u32..3),
    ) {
        let items = vec![Item { import_mark: mark, ..made(date) }];
        let recovery = Some(Recovery { quantity, ..Recovery::default() });
        let exemption = Exemption::OldMilitary { military_type, later_marks };
        let exempt = military_type == Ternary::Yes
            && later_marks == Ternary::No
            && date == Some("1911")
            && mark == ImportMark::Absent
            && quantity == Some(1);
        prop_assert_eq!(check(&NotTraced { exemption, recovery, items }).is_complete(), exempt);
    }

    #[test]
    fn both_hold_only_where_each_does(a in ternary(), b in ternary(), c in ternary()) {
        prop_assert_eq!(a.and(b), b.and(a));
        prop_assert_eq!(a.and(b).and(c), a.and(b.and(c)));
        prop_assert_eq!(a.and(Ternary::Yes), a);
        prop_assert_eq!(a.and(Ternary::No), Ternary::No);
        prop_assert_eq!(a.and(b) == Ternary::Yes, a == Ternary::Yes && b == Ternary::Yes);
        prop_assert_eq!(a.negated().negated(), a);
    }

    #[test]
    fn records_round_trip_through_json(military_type in ternary(), later_marks in ternary()) {
        let record = record(Exemption::OldMilitary { military_type, later_marks });
        let json = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<NotTraced>(&json).unwrap(), record);
    }
}
