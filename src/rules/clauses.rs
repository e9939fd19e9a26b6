//! Clauses of ISACS 05.31 that more than one file of this room answers to.

use super::completeness::{Finding, check};
use super::identification::other_numbers;
use super::response::refusal_check;
use super::samples::{complete_request, mark, text, weapon, words};
use crate::model::{
    Digest, DomesticOutcome, Field, Ground, GroundCode, IllicitCode, IllicitGround, Item, MarkingKind, Part,
    Refusal, Request, Serial,
};

fn missing(change: impl FnOnce(&mut Request)) -> Vec<(&'static str, String)> {
    let mut request = complete_request();
    change(&mut request);
    check(&request).missing.into_iter().map(|f: Finding| (f.clause, f.field)).collect()
}

fn one(clause: &'static str, field: &str) -> Vec<(&'static str, String)> {
    vec![(clause, field.to_owned())]
}

fn on(code: IllicitCode) -> IllicitGround {
    IllicitGround { code, legal_basis: Some(text("Arms Act of XAA, section 12")), resolution: None }
}

#[test]
fn clause_5_1_requests_say_on_which_ground() {
    let none = missing(|r| r.illicit_grounds.clear());
    let field = "illicit_grounds".to_owned();
    assert_eq!(none, [("5.1", field.clone()), ("8.2.1(a)(1)", field)]);
}

#[test]
fn clause_5_1_a_and_8_2_1_a_1_grounds_name_the_law() {
    for code in [IllicitCode::A, IllicitCode::C, IllicitCode::D, IllicitCode::E] {
        let lawless = missing(|r| r.illicit_grounds = vec![IllicitGround { legal_basis: None, ..on(code) }]);
        assert_eq!(lawless, one("8.2.1(a)(1)", "illicit_grounds[0].legal_basis"));
    }
}

#[test]
fn clause_5_1_c_an_unmarked_weapon_takes_the_path_of_other_marks() {
    let unmarked = |r: &mut Request| {
        r.illicit_grounds = vec![on(IllicitCode::C)];
        r.items[0].serials[0].number = Some(Field::NeverMarked);
    };
    assert_eq!(missing(unmarked), one("6.2(b)", "items[0].markings"));
    let with_mark = missing(|r| {
        unmarked(r);
        r.items[0].markings.push(mark("m3", Part::Barrel, MarkingKind::Proof, "P1"));
    });
    assert_eq!(with_mark, []);
}

#[test]
fn clause_5_1_d_and_5_1_e_several_grounds_hold_at_once() {
    let several = [IllicitCode::A, IllicitCode::D, IllicitCode::E];
    assert_eq!(missing(|r| r.illicit_grounds = several.map(on).into()), []);
}

#[test]
fn clause_5_2_not_in_domestic_records_leads_abroad() {
    for outcome in [DomesticOutcome::NotInRecords, DomesticOutcome::DivertedAfterLeaving] {
        assert_eq!(missing(|r| r.domestic_trace.as_mut().unwrap().outcome = outcome), []);
    }
}

#[test]
fn clause_6_2_the_frames_number_is_the_primary_one() {
    let slide = Serial { part: Part::Slide, number: Some(text("XB 000001")), location: None };
    let mut item: Item = weapon();
    item.serials.insert(0, slide);
    assert_eq!(item.primary_serial().map(|s| s.part), Some(Part::FrameReceiver), "wherever it is listed");
    assert_eq!(other_numbers(&item), [Part::Slide].into());
}

#[test]
fn clause_6_2_b_1_and_6_2_b_2_unmarked_and_unreadable_frames_need_other_marks() {
    for state in [Field::NeverMarked, Field::Unreadable, Field::Removed] {
        let blind = |r: &mut Request| r.items[0].serials[0].number = Some(state);
        assert_eq!(missing(blind), one("6.2(b)", "items[0].markings"));
    }
}

#[test]
fn clause_8_2_1_a_2_the_circumstances_of_finding_are_told() {
    assert_eq!(missing(|r| r.circumstances = None), one("8.2.1(a)(2)", "circumstances"));
}

#[test]
fn clause_8_2_1_b_requests_identify_what_they_ask_about() {
    let nothing = missing(|r| r.items.clear());
    assert!(nothing.contains(&("8.2.1(b)", "items".to_owned())), "{nothing:?}");
    let blank = missing(|r| r.items[0].make = None);
    assert_eq!(blank, one("6.3(a)", "items[0].make"));
}

#[test]
fn clause_8_3_4_2_a_1_to_c_the_list_of_grounds_is_closed() {
    for (code, name) in
        [(GroundCode::A1, "a1"), (GroundCode::A2, "a2"), (GroundCode::B, "b"), (GroundCode::C, "c")]
    {
        assert_eq!(serde_json::from_value::<GroundCode>(name.into()).unwrap(), code);
        let ground = |reason: &str| {
            let given = Ground { code, reason: words(reason), law: Some(words("Data Act 2011")) };
            refusal_check(&Refusal { request: Digest::of(&[b"request"]), grounds: vec![given] }).missing.len()
        };
        assert_eq!((ground("told in a note"), ground("")), (0, 1), "{name} owes its reason");
    }
    for other in ["a", "d", "e", "f", "other", ""] {
        assert!(serde_json::from_value::<GroundCode>(other.into()).is_err(), "{other}");
    }
}

#[test]
fn clause_8_3_4_2_b_doubtful_askers_are_known_when_they_ask() {
    let mut request = complete_request();
    let declared = request.declaration.as_mut().unwrap();
    (declared.can_comply, declared.reason) = (false, Some(words("our archive act opens court files")));
    let advice = check(&request).advice;
    assert!(advice.iter().any(|f| f.clause == "8.4" && f.why.contains("8.3.4.2 b")), "{advice:?}");
}
