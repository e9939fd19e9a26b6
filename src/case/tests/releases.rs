use super::*;
use crate::model::{Audience, Onward, Purpose};
use crate::rules::release::{Authority, AuthorityKind};

/// XAA holds a response with one element under `label` and one without.
fn answered(label: Label) -> Side {
    let (mut asker, mut asked) = asked(1);
    let items = vec![item_answer(0, Outcome::Full, Some(label))];
    let answer = Response { request: asked.request(), items, note: None };
    let answer = asked.act(Command::Respond(answer), start()).unwrap();
    carry(&mut asked, &mut asker, &answer, start());
    asker
}

fn restricted() -> Label {
    Label { audience: Some(Audience::Designated), purposes: [Purpose::Tracing].into(), ..Label::default() }
}

fn authority(name: &str, designated: bool) -> Authority {
    Authority { name: name.to_owned(), kind: AuthorityKind::Competent, designated }
}

fn ask(seed: u8, designated: bool, elements: Option<Vec<String>>) -> Command {
    Command::RequestRelease {
        id: MessageId([seed; 16]),
        to: authority("police-cid", designated),
        purpose: Purpose::Tracing,
        officer: "awa".to_owned(),
        elements,
        terms: Terms::default(),
    }
}

fn spend(id: &PermitId, officer: &str) -> Command {
    Command::UsePermit { id: id.clone(), officer: officer.to_owned(), vouched: all() }
}

fn path() -> String {
    element_path(0, 0)
}

#[test]
fn a_permit_names_what_it_opens_and_opens_it_once() {
    let mut side = answered(restricted());
    let decision = side.decide(ask(0xab, true, None), start()).unwrap();
    assert!(decision.denied.is_none());
    let id: PermitId = "R-abababab".parse().unwrap();
    let permit = side.case.permit(&id).unwrap().clone();
    assert_eq!(
        permit.elements.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(),
        ["items/0/elements/0", "items/0/elements/1"]
    );
    let basis = ["8.3.4.2(d)", "8.3.4.2(e)", "8.4(a)"].map(str::to_owned);
    assert_eq!(permit.basis, basis.into());
    assert_eq!(permit.expires, start().saturating_add(DAY));

    let other = side.decide(spend(&id, "kofi"), start());
    assert_eq!(other, Err(Refused::NotYourPermit { id: id.clone(), officer: "awa".to_owned() }));
    let used_at = start().saturating_add(HOUR);
    side.decide(spend(&id, "awa"), used_at).unwrap();
    let again = side.decide(spend(&id, "awa"), used_at.saturating_add(1));
    assert_eq!(again, Err(Refused::PermitUsed { id: id.clone(), at: used_at }));
    assert_eq!(side.case.permit_use(&id).map(|u| u.at), Some(used_at));
}

#[test]
fn a_permit_opens_nothing_once_it_has_expired() {
    let mut side = answered(restricted());
    side.decide(ask(1, true, None), start()).unwrap();
    let id = PermitId::of(&MessageId([1; 16]));
    let end = start().saturating_add(DAY);
    assert_eq!(side.decide(spend(&id, "awa"), end), Err(Refused::PermitExpired { id: id.clone(), at: end }));
    side.decide(spend(&id, "awa"), end.saturating_add(-1)).unwrap();
}

#[test]
fn clause_8_4_b_one_forbidden_element_denies_the_whole_and_is_journaled() {
    let mut side = answered(restricted());
    let decision = side.decide(ask(1, false, None), start()).unwrap();
    let denial = decision.denied.unwrap();
    assert_eq!(decision.events, [Event::ReleaseDenied(denial.clone())]);
    assert_eq!(denial.elements.len(), 1);
    assert_eq!(
        (denial.elements[0].element.path.clone(), denial.elements[0].rule.as_str()),
        (path(), "8.3.4.2(d)")
    );
    assert_eq!(side.case.permits().count(), 0);
    assert_eq!(side.case.denials().collect::<Vec<_>>(), [&denial]);
    assert_eq!(side.decide(ask(1, true, None), start()), Err(Refused::PermitIdTaken(denial.id)));

    let free = side.decide(ask(2, false, Some(vec![element_path(0, 1)])), start()).unwrap();
    assert!(matches!(free.events.as_slice(), [Event::PermitGranted(p)] if p.elements.len() == 1));
}

#[test]
fn silence_is_never_consent() {
    let mut side = answered(Label { onward: Onward::WithConsent, ..Label::default() });
    let denial = side.decide(ask(1, true, None), start()).unwrap().denied.unwrap();
    assert_eq!(denial.elements[0].rule, "8.3.4.2(f)");
    assert!(denial.elements[0].why.contains("consent"));
}

#[test]
fn only_what_was_received_can_be_released() {
    let (mut asker, mut asked) = asked(1);
    assert_eq!(asker.decide(ask(1, true, None), start()), Err(Refused::NothingToRelease));
    assert_eq!(asked.decide(ask(1, true, None), start()), Err(Refused::NotRequester));
    let mut side = answered(restricted());
    let unknown = "items/9/elements/9".to_owned();
    let asked = side.decide(ask(1, true, Some(vec![path(), unknown.clone()])), start());
    assert_eq!(asked, Err(Refused::UnknownElement(unknown)));
    assert_eq!(side.decide(ask(1, true, Some(Vec::new())), start()), Err(Refused::NothingToRelease));
    let id: PermitId = "R-00000000".parse().unwrap();
    assert_eq!(side.decide(spend(&id, "awa"), start()), Err(Refused::UnknownPermit(id)));
}

#[test]
fn a_view_lists_the_labels_that_bind() {
    let expires = start().saturating_add(DAY);
    let side = answered(Label { expires: Some(expires), ..restricted() });
    let shown = side.view(start()).restrictions;
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].path.clone(), shown[0].codes.clone()), (path(), vec!["d", "e"]));
    assert!(side.view(expires).restrictions.is_empty());
}

#[test]
fn permit_names_are_strict() {
    for bad in ["", "R-", "R-1234567", "R-1234567G", "R-ABCDEF01", "r-12345678", "R-123456789"] {
        assert!(bad.parse::<PermitId>().is_err(), "{bad}");
    }
}
