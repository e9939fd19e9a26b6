use super::*;

#[test]
fn clause_8_3_2_an_incomplete_request_leaves_only_with_a_reason() {
    let lacking = Request { circumstances: None, ..request_of(1) };
    let mut side = Side::new("XAA");
    let refused = side.act(submit_to("XBB", lacking.clone()), start()).unwrap_err();
    assert!(refused.findings().iter().any(|f| f.clause == "8.2.1(a)(2)"), "{refused}");
    assert!(side.journal.is_empty());

    let blank = Request { incomplete_reason: Some(words("  ")), ..lacking.clone() };
    assert!(matches!(side.act(submit_to("XBB", blank), start()), Err(Refused::Incomplete(_))));
    let reasoned = Request { incomplete_reason: Some(words("finder is dead")), ..lacking };
    let empty = Request { items: Vec::new(), ..reasoned.clone() };
    assert!(matches!(side.act(submit_to("XBB", empty), start()), Err(Refused::Incomplete(_))));
    side.act(submit_to("XBB", reasoned), start()).unwrap();
    assert_eq!(side.flags(), [FlagCode::IncompleteRequest]);
}

#[test]
fn clause_8_1_requests_go_to_another_party_under_a_number_of_their_own() {
    let mut side = Side::new("XAA");
    let differs = Refused::AddresseeDiffers { named: party("XBB"), to: party("XCC") };
    assert_eq!(side.act(submit_to("XCC", request_of(1)), start()), Err(differs));
    assert_eq!(side.act(submit_to("XAA", request_of(1)), start()), Err(Refused::ToSelf));
    let foreign = Command::Submit {
        case: CaseId::mint(&party("XCC"), 2026, 1),
        me: party("XAA"),
        to: party("XBB"),
        request: Box::new(request_of(1)),
        exercise: false,
        behalf: None,
    };
    assert_eq!(side.act(foreign, start()), Err(Refused::NotMinter(party("XAA"))));
    side.act(submit_to("XBB", request_of(1)), start()).unwrap();
    assert_eq!(side.act(submit_to("XBB", request_of(1)), start()), Err(Refused::CaseExists));
}

#[test]
fn only_the_requested_side_answers_and_only_its_own_request() {
    let (mut asker, mut asked) = asked(1);
    assert_eq!(asker.act(acknowledge(), start()), Err(Refused::NotRequested));
    assert_eq!(Side::new("XBB").act(acknowledge(), start()), Err(Refused::UnknownCase));
    let named = Digest::of(&[b"elsewhere"]);
    let expected = asked.request();
    let wrong = Command::Respond(response(named, &[(0, Outcome::Full)]));
    assert_eq!(asked.act(wrong, start()), Err(Refused::WrongRequest { named, expected }));
    let bare = Response { request: expected, items: Vec::new(), note: None };
    assert!(matches!(asked.act(Command::Respond(bare), start()), Err(Refused::ResponseInvalid(_))));
    let groundless = Refusal { request: expected, grounds: Vec::new() };
    assert!(matches!(asked.act(Command::Refuse(groundless), start()), Err(Refused::RefusalInvalid(_))));
    asked.act(acknowledge(), start()).unwrap();
    assert_eq!(asked.act(acknowledge(), start()), Err(Refused::AlreadyAcknowledged));
}

#[test]
fn clause_8_3_1_the_timer_acknowledges_only_what_nobody_has() {
    let (asker, mut asked) = asked(1);
    assert_eq!(auto_ack_due(&asker.case, 5), None, "the requester owes none");
    assert_eq!(auto_ack_due(&asked.case, 5), Some(start().saturating_add(5 * DAY)));
    asked.act(Command::Acknowledge { automatic: true, note: None }, start()).unwrap();
    assert_eq!(auto_ack_due(&asked.case, 5), None);
    assert!(asked.view(start()).ack_automatic);
}
