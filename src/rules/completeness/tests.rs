use super::*;
use crate::model::{
    Addressee, AddresseeBasis, Ammunition, Ground, GroundCode, ImportMark, Item, ItemKind, MarkingKind, Part,
    Serial, Text,
};
use crate::rules::samples::{
    any_field, any_item, any_request, complete_request, country, item, mark, not_possible, text, weapon,
    words,
};
use proptest::prelude::*;

type Found = Vec<(&'static str, String)>;

fn brief(findings: &[Finding]) -> Found {
    findings.iter().map(|f| (f.clause, f.field.clone())).collect()
}

/// Changes the complete request and returns what is missing and what is advised.
fn after(change: impl FnOnce(&mut Request)) -> (Found, Found) {
    let mut request = complete_request();
    change(&mut request);
    let found = check(&request);
    (brief(&found.missing), brief(&found.advice))
}

fn missing(change: impl FnOnce(&mut Request)) -> Found {
    after(change).0
}

fn advice(change: impl FnOnce(&mut Request)) -> Found {
    let (missing, advice) = after(change);
    assert!(missing.is_empty(), "{missing:?}");
    advice
}

fn one(clause: &'static str, field: &str) -> Found {
    vec![(clause, field.to_owned())]
}

#[test]
fn a_complete_request_has_neither_gaps_nor_advice() {
    assert_eq!(check(&complete_request()), Completeness::default());
}

#[test]
fn a_blank_request_lacks_every_clause() {
    let found = brief(&check(&Request::default()).missing);
    let clauses: Vec<_> = found.iter().map(|(clause, _)| *clause).collect();
    assert_eq!(
        clauses,
        [
            "5.1",
            "8.2.1(a)(1)",
            "8.2.1(a)(2)",
            "5.2",
            "8.2.1(b)",
            "8.1",
            "8.2.1(c)(1)",
            "8.2.1(c)(2)",
            "8.2.1(d)",
            "8.4"
        ]
    );
}

#[test]
fn clause_5_1_b_an_embargo_names_its_resolution() {
    let embargo = |resolution: Option<&str>| {
        let resolution = resolution.map(str::to_owned);
        missing(|r| {
            r.illicit_grounds[0].code = IllicitCode::B;
            r.illicit_grounds[0].resolution = resolution;
        })
    };
    assert_eq!(embargo(None), one("5.1(b)", "illicit_grounds[0].resolution"));
    assert_eq!(embargo(Some("n/a")), one("5.1(b)", "illicit_grounds[0].resolution"));
    assert_eq!(embargo(Some("S/RES/1970 (2011)")), []);
}

#[test]
fn clause_5_2_the_domestic_trace_comes_first() {
    assert_eq!(missing(|r| r.domestic_trace = None), one("5.2", "domestic_trace"));
    let not_made = |reason: Option<&str>| {
        missing(|r| {
            let trace = r.domestic_trace.as_mut().unwrap();
            trace.outcome = DomesticOutcome::NotMade;
            trace.override_reason = reason.map(words);
        })
    };
    assert_eq!(not_made(None), one("5.2", "domestic_trace.override_reason"));
    assert_eq!(not_made(Some("none")), one("5.2", "domestic_trace.override_reason"));
    assert_eq!(not_made(Some("the registry burned down")), []);
}

#[test]
fn clause_8_1_a_an_export_names_its_destination() {
    let exported = |r: &mut Request| r.domestic_trace.as_mut().unwrap().outcome = DomesticOutcome::Exported;
    assert_eq!(missing(exported), one("8.1(a)", "domestic_trace.exported_to"));
}

#[test]
fn clause_7_7_1_b_records_not_searched_are_advice() {
    let unsearched = |r: &mut Request| r.domestic_trace.as_mut().unwrap().records_searched.clear();
    assert_eq!(advice(unsearched), one("7.7.1(b)", "domestic_trace.records_searched"));
}

#[test]
fn clause_6_3_a_to_e_each_essential_is_missing_when_absent() {
    assert_eq!(missing(|r| r.items[0].make = None), one("6.3(a)", "items[0].make"));
    assert_eq!(missing(|r| r.items[0].model = None), one("6.3(b)", "items[0].model"));
    assert_eq!(missing(|r| r.items[0].calibres.clear()), one("6.3(c)", "items[0].calibres"));
    assert_eq!(missing(|r| r.items[0].serials.clear()), one("6.3(d)", "items[0].serials"));
    assert_eq!(missing(|r| r.items[0].serials[0].number = None), one("6.3(d)", "items[0].serials[0].number"));
    let unknown_origin = missing(|r| r.items[0].country_of_manufacture = None);
    let expected = [("6.3(e)", "items[0].country_of_manufacture"), ("8.1", "addressee.reason")];
    assert_eq!(unknown_origin, expected.map(|(c, f)| (c, f.to_owned())));
}

#[test]
fn clause_6_3_d_a_number_on_the_slide_is_not_the_frames() {
    let found = missing(|r| r.items[0].serials[0].part = Part::Slide);
    assert_eq!(found, one("6.3(d)", "items[0].serials"));
}

#[test]
fn clause_6_3_e_a_former_state_is_a_country() {
    let found = missing(|r| {
        r.items[0].country_of_manufacture = Some(country("YUCS"));
        r.addressee.as_mut().unwrap().reason = Some(words("XBB is the agreed successor"));
    });
    assert_eq!(found, []);
}

#[test]
fn clause_6_3_f_depends_on_the_import_mark() {
    let import = |mark, country| {
        missing(|r| {
            r.items[0].import_mark = mark;
            r.items[0].country_of_import = country;
        })
    };
    assert_eq!(import(ImportMark::Present, None), one("6.3(f)", "items[0].country_of_import"));
    assert_eq!(import(ImportMark::NotExamined, None), one("6.3(f)", "items[0].import_mark"));
    assert_eq!(import(ImportMark::NotExamined, Some(not_possible())), []);
    assert_eq!(import(ImportMark::Present, Some(country("XBB"))), []);
    assert_eq!(import(ImportMark::Absent, None), []);
}

#[test]
fn states_that_pass_and_states_that_do_not() {
    let ground = Ground { code: GroundCode::A1, reason: words("sub judice"), law: None };
    for field in [text("unknown"), text("???"), Field::NotExamined, Field::Withheld(ground)] {
        assert_eq!(missing(|r| r.items[0].make = Some(field.clone())), one("6.3(a)", "items[0].make"));
        assert_eq!(
            missing(|r| r.circumstances = Some(field.clone())),
            one("8.2.1(a)(2)", "circumstances"),
            "{field:?}"
        );
    }
    assert_eq!(missing(|r| r.items[0].make = Some(Field::PartlyRead(words("??*")))).len(), 1);
    assert_eq!(missing(|r| r.items[0].make = Some(Field::NotPossible(words("n/a")))).len(), 1);
    let partly = |r: &mut Request| r.items[0].model = Some(Field::PartlyRead(words("FX-?")));
    assert_eq!(advice(partly), one("6.3(b)", "items[0].model"));
    assert_eq!(missing(|r| r.circumstances = Some(Field::Removed)), one("8.2.1(a)(2)", "circumstances"));
}

#[test]
fn clause_6_2_b_an_unreadable_frame_needs_other_marks() {
    let blocked = one("6.2(b)", "items[0].markings");
    for state in [Field::Removed, Field::Unreadable, Field::NeverMarked] {
        let scratched = |r: &mut Request| r.items[0].serials[0].number = Some(state.clone());
        assert_eq!(missing(scratched), blocked, "{state:?}");
        let with = |extra: &dyn Fn(&mut Item)| {
            missing(|r| {
                scratched(r);
                extra(&mut r.items[0]);
            })
        };
        let none_found = |item: &mut Item| {
            let mut barrel = mark("m3", Part::Barrel, MarkingKind::Other, "replaced");
            barrel.text = Some(Field::NeverMarked);
            item.markings.push(barrel);
        };
        assert_eq!(with(&|i| i.markings.push(mark("m3", Part::Barrel, MarkingKind::Proof, "P1"))), []);
        assert_eq!(
            with(&|i| i.markings.push(mark("m3", Part::FrameReceiver, MarkingKind::Security, "Z"))),
            []
        );
        let slide = Serial { part: Part::Slide, number: Some(text("4217")), location: None };
        assert_eq!(with(&|i| i.serials.push(slide.clone())), []);
        assert_eq!(with(&none_found), [], "none found, and a photograph");
        let unproven = with(&|i| {
            none_found(i);
            i.photographs.clear();
        });
        assert_eq!(unproven, blocked, "none found, without a photograph");
        let frame_only =
            with(&|i| i.markings.push(mark("m3", Part::FrameReceiver, MarkingKind::Proof, "P1")));
        assert_eq!(frame_only, blocked, "marks on the frame are not other marks");
    }
}

#[test]
fn clause_6_4_3_b_marks_on_other_parts_come_with_their_location() {
    let found = advice(|r| {
        r.items[0].serials[0].number = Some(Field::Removed);
        let security = mark("m3", Part::FrameReceiver, MarkingKind::Security, "Z");
        let barrel = mark("m4", Part::Barrel, MarkingKind::Assembly, "P1");
        r.items[0].markings.extend([security, crate::model::Marking { location: None, ..barrel }]);
    });
    assert_eq!(found, one("6.4.2", "items[0].markings[3].location"));
}

#[test]
fn clause_6_4_3_a_security_marks_are_asked_for() {
    let found = advice(|r| {
        r.items[0].serials[0].number = Some(Field::Removed);
        r.items[0].markings.push(mark("m3", Part::Barrel, MarkingKind::Proof, "P1"));
    });
    assert_eq!(found, one("6.4.3(a)", "items[0].markings"));
}

#[test]
fn clause_6_4_1_a_to_d_and_6_4_2_and_6_4_5_are_advice() {
    let item = |change: fn(&mut Item)| advice(move |r| change(&mut r.items[0]));
    assert_eq!(item(|i| i.serials[0].location = None), one("6.4.1(a)", "items[0].serials[0].location"));
    let physical = item(|i| i.physical = None);
    assert_eq!(physical.iter().map(|(c, _)| *c).collect::<Vec<_>>(), ["6.4.1(b)", "6.4.1(c)", "6.4.1(d)"]);
    assert_eq!(item(|i| i.markings[1].location = None), one("6.4.2", "items[0].markings[1].location"));
    assert_eq!(item(|i| i.markings[1].text = None), one("6.4.2", "items[0].markings[1].text"));
    assert_eq!(item(|i| i.markings[1].photograph = Some(1)), one("6.4.5", "items[0].markings[1].photograph"));
}

#[test]
fn clause_6_4_4_differing_serials_are_advice() {
    let found = advice(|r| {
        let slide = Serial { part: Part::Slide, number: Some(text("999")), location: None };
        r.items[0].serials.push(slide);
    });
    assert_eq!(found, one("6.4.4", "items[0].serials"));
}

#[test]
fn claims_rest_on_markings_that_exist_once() {
    let dangling = advice(|r| r.items[0].markings[1].id = "m9".to_owned());
    assert_eq!(dangling, one("6.2", "items[0].serials[0].number.marking"));
    let twice = advice(|r| {
        let again = mark("m2", Part::Barrel, MarkingKind::Proof, "P1");
        r.items[0].markings.push(again);
    });
    assert_eq!(twice, one("6.2", "items[0].markings[2].id"));
}

#[test]
fn clause_6_5_parts_and_ammunition_never_block() {
    for kind in [ItemKind::Part, ItemKind::Ammunition] {
        let found = advice(|r| r.items.push(item(kind)));
        assert!(found.iter().any(|(clause, _)| clause.starts_with("6.5")), "{kind:?} {found:?}");
    }
    let lot = |r: &mut Request| {
        r.items.push(Item {
            ammunition: Some(Ammunition { lot: Some(text("none")), ..Ammunition::default() }),
            ..item(ItemKind::Ammunition)
        });
    };
    assert!(advice(lot).contains(&("6.5(c)", "items[1].ammunition.lot".to_owned())));
}

#[test]
fn clause_6_5_a_to_e_each_particular_of_a_lot_is_advice() {
    let lot = |change: fn(&mut Item)| {
        advice(move |r| {
            let ammunition = Ammunition {
                manufacturer: Some(text("FMX")),
                lot: Some(text("L-0042/2018")),
                lot_source: Some(words("printed on the crate")),
                produced: Some(Field::value("2018".parse().unwrap())),
                produced_source: Some(words("headstamp")),
                designation: Some(text("5.56x45 ball")),
                bullet_diameter_mm: Some(text("5.70")),
                case_length_mm: Some(text("44.70")),
                overall_length_mm: Some(text("57.40")),
            };
            let mut lot = Item {
                country_of_manufacture: Some(country("XBB")),
                photographs: weapon().photographs,
                ammunition: Some(ammunition),
                ..item(ItemKind::Ammunition)
            };
            change(&mut lot);
            r.items.push(lot);
        })
    };
    fn of(item: &mut Item) -> &mut Ammunition {
        item.ammunition.as_mut().unwrap()
    }
    assert_eq!(lot(|_| {}), []);
    assert_eq!(lot(|i| of(i).manufacturer = None), one("6.5(a)", "items[1].ammunition.manufacturer"));
    assert_eq!(lot(|i| i.country_of_manufacture = None), one("6.5(b)", "items[1].country_of_manufacture"));
    assert_eq!(lot(|i| of(i).lot = None), one("6.5(c)", "items[1].ammunition.lot"));
    assert_eq!(lot(|i| of(i).produced = None), one("6.5(d)", "items[1].ammunition.produced"));
    assert_eq!(lot(|i| of(i).produced_source = None), one("5.4(c)", "items[1].ammunition.produced_source"));
    assert_eq!(lot(|i| of(i).designation = None), one("6.5(e)", "items[1].ammunition.designation"));
    let diameter = one("6.5(e)(1)", "items[1].ammunition.bullet_diameter_mm");
    assert_eq!(lot(|i| of(i).bullet_diameter_mm = None), diameter);
    assert_eq!(lot(|i| of(i).bullet_diameter_mm = Some(text("5,70"))), diameter, "a decimal comma");
    assert_eq!(lot(|i| of(i).case_length_mm = Some(text("1.76 in"))).len(), 1);
    let overall = one("6.5(e)", "items[1].ammunition.overall_length_mm");
    assert_eq!(lot(|i| of(i).overall_length_mm = Some(text("44.7"))), overall, "no longer than its case");
}

#[test]
fn clause_5_4_c_a_date_says_from_what_it_is_known() {
    let dated = |change: fn(&mut Item)| {
        advice(move |r| {
            r.items[0].manufactured = Some(Field::value("1944-06".parse().unwrap()));
            change(&mut r.items[0]);
        })
    };
    assert_eq!(dated(|_| {}), one("5.4(c)", "items[0].manufactured_source"));
    assert_eq!(dated(|i| i.manufactured_source = Some(words("unknown"))).len(), 1);
    assert_eq!(dated(|i| i.manufactured_source = Some(words("date mark on the barrel"))), []);
    assert_eq!(dated(|i| i.manufactured = Some(Field::Removed)), []);
}

#[test]
fn clause_6_2_a_supplementary_marks_may_be_read_in_part() {
    let mut barrel = mark("m3", Part::Barrel, MarkingKind::Proof, "replaced");
    let with = |text: &str, barrel: &mut crate::model::Marking| {
        barrel.text = Some(Field::PartlyRead(words(text)));
        let barrel = barrel.clone();
        advice(move |r| r.items[0].markings.push(barrel))
    };
    assert_eq!(with("P?1", &mut barrel), []);
    assert_eq!(with("P1", &mut barrel), one("6.2", "items[0].markings[2].text"), "nothing is unread");
}

#[test]
fn clause_8_1_departing_owes_a_reason() {
    assert_eq!(missing(|r| r.addressee = None), one("8.1", "addressee"));
    let elsewhere = |reason: Option<&str>| Addressee {
        party: "XCC".parse().unwrap(),
        basis: AddresseeBasis::Other,
        reason: reason.map(words),
    };
    assert_eq!(missing(|r| r.addressee = Some(elsewhere(None))), one("8.1", "addressee.reason"));
    assert_eq!(missing(|r| r.addressee = Some(elsewhere(Some("XCC took over the records")))), []);
}

#[test]
fn clause_8_2_1_c_1_and_8_2_1_c_2_both_questions_are_default_on() {
    let both = [("8.2.1(c)(1)", "asked.last_legal_owner"), ("8.2.1(c)(2)", "asked.circumstances")]
        .map(|(c, f)| (c, f.to_owned()));
    assert_eq!(missing(|r| r.asked = None), both);
    let neither = |r: &mut Request| {
        let asked = r.asked.as_mut().unwrap();
        (asked.last_legal_owner, asked.circumstances) = (false, false);
    };
    assert_eq!(missing(neither), both);
    let one_only = advice(|r| r.asked.as_mut().unwrap().circumstances = false);
    assert_eq!(one_only, one("8.2.1(c)(2)", "asked.circumstances"));
    let another = |r: &mut Request| {
        neither(r);
        r.asked.as_mut().unwrap().other = Some(words("was it ever reported stolen?"));
    };
    assert_eq!(advice(another), both);
}

#[test]
fn clause_8_2_1_d_the_intended_use_is_stated() {
    assert_eq!(missing(|r| r.intended_use = None), one("8.2.1(d)", "intended_use"));
    let in_words = |detail: Option<&str>| {
        missing(|r| {
            let intended = r.intended_use.as_mut().unwrap();
            intended.purposes.clear();
            intended.detail = detail.map(words);
        })
    };
    assert_eq!(in_words(Some("  ")), one("8.2.1(d)", "intended_use"));
    assert_eq!(in_words(Some("to find the point of diversion")), []);
}

#[test]
fn clause_8_2_2_recovery_is_advice() {
    let found = advice(|r| r.recovery = None);
    assert_eq!(found.iter().map(|(c, _)| *c).collect::<Vec<_>>(), ["8.2.2"; 3]);
}

#[test]
fn clause_8_4_the_declaration_is_made_with_the_request() {
    assert_eq!(missing(|r| r.declaration = None), one("8.4", "declaration"));
    let cannot = |reason: Option<&str>| {
        let reason = reason.map(words);
        after(|r| r.declaration = Some(crate::model::Declaration { can_comply: false, reason }))
    };
    assert_eq!(cannot(None).0, one("8.4", "declaration.reason"));
    assert_eq!(cannot(Some("our archive act opens court files")).1, one("8.4", "declaration.can_comply"));
}

#[test]
fn clause_8_3_2_an_incomplete_reason_completes_nothing() {
    let found = missing(|r| {
        r.items[0].make = None;
        r.incomplete_reason = Some(words("the make is not on any list"));
    });
    assert_eq!(found, one("6.3(a)", "items[0].make"));
}

/// Adds what `item` does not yet say, leaving alone what it says.
fn add(item: &mut Item, more: Item) {
    item.make = item.make.take().or(more.make);
    item.model = item.model.take().or(more.model);
    item.country_of_manufacture = item.country_of_manufacture.take().or(more.country_of_manufacture);
    item.physical = item.physical.take().or(more.physical);
    item.markings.extend(more.markings);
    item.photographs.extend(more.photographs);
    item.serials.extend(more.serials.into_iter().filter(|s| s.part != Part::FrameReceiver));
}

proptest! {
    #[test]
    fn clause_8_3_2_not_possible_with_a_reason_always_passes(
        which in proptest::collection::vec(any::<bool>(), 7)
    ) {
        let mut request = complete_request();
        let set = |at: usize, field: &mut Option<Field<Text>>| if which[at] { *field = Some(not_possible()) };
        set(0, &mut request.items[0].make);
        set(1, &mut request.items[0].model);
        set(2, &mut request.items[0].serials[0].number);
        set(3, &mut request.circumstances);
        set(4, &mut request.illicit_grounds[0].legal_basis);
        if which[5] { request.items[0].calibres = vec![not_possible()] }
        if which[6] {
            request.items[0].country_of_manufacture = Some(not_possible());
            request.addressee.as_mut().unwrap().reason = Some(words("the style of the weapon points to XBB"));
        }
        prop_assert!(check(&request).is_complete());
    }

    #[test]
    fn adding_information_never_makes_a_complete_request_incomplete(
        gaps in proptest::collection::vec(any_field(), 3),
        more in any_item(),
        sibling in any_item(),
    ) {
        let mut request = complete_request();
        let [make, model, number] = <[_; 3]>::try_from(gaps).unwrap();
        let first = &mut request.items[0];
        (first.make, first.model, first.serials[0].number) = (Some(make), Some(model), Some(number));
        first.markings.push(mark("m3", Part::Barrel, MarkingKind::Proof, "P1"));
        prop_assume!(check(&request).is_complete());
        let mut richer = request.clone();
        add(&mut richer.items[0], more);
        prop_assert!(check(&richer).is_complete());
        richer.items.push(Item { kind: ItemKind::Part, country_of_manufacture: None, country_of_import: None, ..sibling });
        richer.items.push(weapon());
        prop_assert!(check(&richer).is_complete());
    }

    #[test]
    fn odd_marks_beside_whole_identifications_block_nothing(request in any_request()) {
        let mut filled = complete_request();
        for item in request.items {
            let mut whole = weapon();
            whole.kind = item.kind;
            whole.markings.extend(item.markings);
            filled.items.push(whole);
        }
        prop_assert!(check(&filled).is_complete());
    }

    #[test]
    fn requests_round_trip_through_json_and_no_finding_repeats_a_serial(mut request in any_request()) {
        let secret = "ZZ93715";
        for item in &mut request.items {
            item.serials.push(Serial { part: Part::Barrel, number: Some(text(secret)), location: None });
        }
        let json = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Request>(&json).unwrap(), &request);
        let found = serde_json::to_string(&check(&request)).unwrap();
        prop_assert!(!found.contains(secret));
    }
}
