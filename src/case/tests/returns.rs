//! A request that comes back for what it lacks, and comes again (ISACS 8.3.2).

use super::*;
use crate::model::{MissingElement, Resubmission, ReturnIncomplete};
use crate::rules::returns::wanted;
use crate::rules::samples::not_possible;

/// A request that lacks its circumstances and says why it was sent nevertheless.
pub(super) fn pleading() -> Request {
    Request { circumstances: None, incomplete_reason: Some(words("finder is dead")), ..request_of(1) }
}

/// A request in whose make the requester pleads impossibility, and which is otherwise complete.
fn hopeless() -> Request {
    let mut request = request_of(1);
    request.items[0].make = Some(not_possible());
    request
}

/// XBB has received `request`, past all checks of XAA's own gateway, and XAA knows.
pub(super) fn received(request: Request) -> (Side, Side) {
    let (mut asker, mut asked) = (Side::new("XAA"), Side::new("XBB"));
    let opening = Opening {
        case: case_id(),
        me: party("XAA"),
        peer: party("XBB"),
        role: Role::Requester,
        behalf: None,
    };
    let facts = facts("XAA", 1, &[], &Act::Request(Box::new(request)));
    asker.apply(&Event::Opened(opening));
    let record = ActRecord { facts: facts.clone(), direction: Direction::Sent, at: start(), beyond: None };
    asker.apply(&Event::ActRecorded(record));
    asker.confirm(asked.take(&facts, start()));
    (asker, asked)
}

pub(super) fn incomplete() -> Request {
    Request { circumstances: None, ..request_of(1) }
}

pub(super) fn give_back(request: &Request) -> Command {
    Command::Return { missing: wanted(request) }
}

pub(super) fn judge(reasonable: bool) -> Command {
    Command::JudgeChance { officer: "rui".into(), reasonable, reason: words("too little to search by") }
}

pub(super) fn resubmit(request: Request) -> Command {
    Command::Resubmit { request: Box::new(request) }
}

/// Carries out a return on day `n` and the resubmission on day `n + 10`, both delivered at once.
fn returned_and_sent_again(n: i64) -> (Side, Side) {
    let (mut asker, mut asked) = received(incomplete());
    let returned = asked.act(give_back(&incomplete()), day(n)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(n));
    let again = asker.act(resubmit(request_of(1)), day(n + 10)).unwrap();
    carry(&mut asker, &mut asked, &again, day(n + 10));
    (asker, asked)
}

#[test]
fn clause_8_3_2_returns_list_what_is_missing_and_close_the_version() {
    let (mut asker, mut asked) = received(incomplete());
    let draft = asked.decide(give_back(&incomplete()), day(1)).unwrap().draft.unwrap();
    let Act::ReturnIncomplete(act) = &draft.act else { panic!("it drafts a return") };
    let named: Vec<_> = act.missing.iter().map(|m| (m.clause.as_str(), m.field.as_str())).collect();
    assert_eq!(named, [("8.2.1(a)(2)", "circumstances")]);
    assert_eq!(act.judgement, None, "nothing was pleaded, so that nothing is judged");

    let returned = asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(2));
    let (mine, theirs) = (asker.view(day(90)), asked.view(day(90)));
    assert_eq!(shared(&mine), shared(&theirs));
    assert_eq!((mine.state, mine.items[0].state), (CaseState::Returned, ItemState::Returned));
    assert_eq!((mine.clocks.ack_at, mine.clocks.ack), (Some(day(2)), Some(Standing::Met)));
    assert_eq!((mine.clocks.respond, mine.items[0].clocks.respond), (None, None), "the version is closed");
    assert_eq!(mine.versions[0].returned_by, Some(returned.header.digest));
    assert_eq!(auto_ack_due(&asked.case, 5), None);

    assert_eq!(asked.act(acknowledge(), day(3)), Err(Refused::AlreadyReturned));
    let answer = response(asked.request(), &[(0, Outcome::Full)]);
    assert_eq!(asked.act(Command::Respond(answer), day(3)), Err(Refused::AlreadyReturned));
    assert_eq!(asked.act(give_back(&incomplete()), day(3)), Err(Refused::AlreadyReturned));
}

#[test]
fn clause_8_3_2_complete_requests_are_not_returned() {
    let (_, mut asked) = asked(1);
    assert!(matches!(asked.act(give_back(&request_of(1)), day(1)), Err(Refused::ActInvalid(_))));
    let why = words("we would like it in triplicate");
    let pretext = MissingElement { clause: "6.3(a)".into(), field: "items[0].make".into(), why };
    let pretext = vec![pretext];
    let refused = asked.act(Command::Return { missing: pretext.clone() }, day(1));
    assert_eq!(refused, Err(Refused::NothingLacking));

    let (_, mut asked) = received(incomplete());
    assert_eq!(asked.act(Command::Return { missing: pretext }, day(1)), Err(Refused::NothingLacking));
    let mut silent = wanted(&incomplete());
    silent[0].why = words(" ");
    assert!(matches!(asked.act(Command::Return { missing: silent }, day(1)), Err(Refused::ActInvalid(_))));
}

#[test]
fn clause_8_3_2_pleas_of_impossibility_are_judged_before_a_return() {
    for request in [pleading(), hopeless()] {
        let (_, mut asked) = received(request.clone());
        assert_eq!(asked.act(give_back(&request), day(1)), Err(Refused::NotJudged));
        asked.decide(judge(true), day(1)).unwrap();
        assert_eq!(asked.act(give_back(&request), day(1)), Err(Refused::NotJudged), "it has a chance");
        asked.decide(judge(false), day(2)).unwrap();
        let draft = asked.decide(give_back(&request), day(2)).unwrap().draft.unwrap();
        let Act::ReturnIncomplete(act) = draft.act else { panic!("it drafts a return") };
        assert_eq!(act.judgement, Some(words("too little to search by")), "the judgement is quoted");
    }
}

#[test]
fn clause_8_3_2_requests_that_plead_are_processed() {
    let (mut asker, mut asked) = received(pleading());
    assert_eq!(due(&asked, day(1)), [(ReminderCode::ChanceNotJudged, Role::Requested)]);
    asked.decide(judge(true), day(1)).unwrap();
    assert_eq!(due(&asked, day(1)), []);
    assert!(asked.view(day(1)).judgement.is_some_and(|judgement| judgement.reasonable));
    let answer = response(asked.request(), &[(0, Outcome::Full)]);
    let answer = asked.act(Command::Respond(answer), day(3)).unwrap();
    carry(&mut asked, &mut asker, &answer, day(3));
    assert_eq!(asker.view(day(3)).state, CaseState::Answered);
}

#[test]
fn a_judgement_gives_its_reason_and_has_something_to_judge() {
    let (mut asker, mut asked) = asked(1);
    assert_eq!(asked.decide(judge(true), day(1)), Err(Refused::NothingToJudge));
    assert_eq!(asker.decide(judge(true), day(1)), Err(Refused::NotRequested));
    let (_, mut asked) = received(hopeless());
    let mute = Command::JudgeChance { officer: "rui".into(), reasonable: false, reason: words("n/a") };
    assert!(matches!(asked.decide(mute, day(1)), Err(Refused::ActInvalid(_))));
}

#[test]
fn clause_8_3_2_resubmission_starts_both_clocks_again_and_keeps_both_dates() {
    let (mut asker, mut asked) = returned_and_sent_again(3);
    let view = asker.view(day(13));
    assert_eq!(shared(&view), shared(&asked.view(day(13))));
    assert_eq!((view.state, view.versions.len()), (CaseState::Received, 2));
    let dates = |v: &VersionView| (v.version, v.clocks.received_at, v.clocks.ack_due, v.clocks.respond_due);
    assert_eq!(
        view.versions.iter().map(dates).collect::<Vec<_>>(),
        [
            (1, Some(day(0)), Some(at("2026-01-09T00:00:00Z")), Some(at("2026-02-27T00:00:00Z"))),
            (2, Some(day(13)), Some(at("2026-01-22T00:00:00Z")), Some(at("2026-03-12T00:00:00Z"))),
        ]
    );
    assert_eq!((view.clocks.ack, view.clocks.respond), (Some(Standing::Running), Some(Standing::Running)));

    // Re-submitted requests shall be acknowledged too.
    assert!(auto_ack_due(&asked.case, 5).is_some());
    let ack = asked.act(acknowledge(), day(14)).unwrap();
    carry(&mut asked, &mut asker, &ack, day(15));
    let view = asker.view(day(15));
    assert_eq!((view.state, view.clocks.ack_at), (CaseState::Acknowledged, Some(day(15))));
    let first = asked.request();
    let stale = Command::Respond(response(first, &[(0, Outcome::Full)]));
    let expected = view.versions[1].digest;
    assert_eq!(asked.act(stale, day(16)), Err(Refused::WrongRequest { named: first, expected }));
}

#[test]
fn clause_8_3_2_returns_after_the_ack_was_due_restart_no_response_clock() {
    let (asker, asked) = returned_and_sent_again(9);
    let view = asker.view(day(20));
    assert_eq!(shared(&view), shared(&asked.view(day(20))));
    assert_eq!(view.clocks.ack_due, Some(at("2026-01-28T00:00:00Z")), "each version is acknowledged");
    assert_eq!(view.clocks.respond_due, Some(at("2026-02-27T00:00:00Z")), "as for the first version");
    assert_eq!(asker.view(day(60)).clocks.overdue(), [Clock::Ack, Clock::Respond]);
}

#[test]
fn an_unfounded_return_of_a_peer_is_kept_flagged_and_moves_no_clock() {
    let (mut asker, _) = asked(1);
    let request = asker.request();
    let missing = MissingElement { clause: "XB 004217".into(), field: "make".into(), why: words("more") };
    let act = Act::ReturnIncomplete(ReturnIncomplete { request, missing: vec![missing], judgement: None });
    let returned = facts("XBB", 1, &[request], &act);
    assert!(!serde_json::to_string(&returned).unwrap().contains("004217"), "facts hold no words of a peer");
    asker.take(&returned, day(1));
    assert_eq!(asker.flags(), [FlagCode::DefectiveAnswer, FlagCode::UnfoundedReturn]);
    let view = asker.view(day(60));
    assert_eq!((view.state, view.clocks.overdue()), (CaseState::Returned, vec![Clock::Respond]));
    let again = asker.act(resubmit(request_of(1)), day(2)).unwrap();
    asker.confirm(Receipt { digest: again.header.digest, received_at: day(3), by: party("XBB") });
    assert_eq!(asker.view(day(4)).clocks.respond_due, Some(at("2026-02-27T00:00:00Z")));
}

#[test]
fn a_return_without_the_judgement_it_owes_is_flagged() {
    let (mut asker, _) = received(pleading());
    let request = asker.request();
    let missing = wanted(&pleading());
    let act = Act::ReturnIncomplete(ReturnIncomplete { request, missing, judgement: None });
    asker.take(&facts("XBB", 2, &[request], &act), day(1));
    assert!(asker.flags().contains(&FlagCode::UnfoundedReturn));
}

#[test]
fn a_request_comes_again_only_after_its_return() {
    let (mut asker, mut asked) = asked(1);
    assert_eq!(asker.act(resubmit(request_of(1)), day(1)), Err(Refused::NotReturned));
    assert_eq!(asked.act(resubmit(request_of(1)), day(1)), Err(Refused::NotRequester));
    let request = asked.request();
    let ack = asked.act(acknowledge(), day(1)).unwrap().header.digest;
    for (seed, previous, returned_by) in [(7, request, request), (8, request, ack), (9, ack, ack)] {
        let again = Resubmission { previous, returned_by, request: Box::new(request_of(2)) };
        asked.take(&facts("XAA", seed, &[request], &Act::Resubmission(again)), day(2));
    }
    let view = asked.view(day(2));
    assert_eq!((view.versions.len(), view.clocks.received_at), (1, Some(start())));
    assert_eq!(asked.flags(), [FlagCode::SecondRequest; 3]);
}

#[test]
fn of_two_resubmissions_the_first_received_counts() {
    let (mut asker, mut asked) = received(incomplete());
    let returned = asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(1));
    let (previous, returned_by) = (asked.request(), returned.header.digest);
    let again = |seed| {
        let request = Box::new(request_of(usize::from(seed)));
        let act = Act::Resubmission(Resubmission { previous, returned_by, request });
        facts("XAA", seed, &[returned_by], &act)
    };
    for (n, seed) in [5, 2, 3, 4].into_iter().enumerate() {
        asked.take(&again(seed), day(2 + n as i64));
        let view = asked.view(day(10));
        assert_eq!((view.versions.len(), view.items.len()), (2, 5));
        assert_eq!(view.clocks.received_at, Some(day(2)));
    }
}

#[test]
fn answers_to_a_returned_version_are_flagged() {
    let (mut asker, mut asked) = received(incomplete());
    let returned = asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(1));
    let request = asker.request();
    let answer = Act::Response(response(request, &[(0, Outcome::Full)]));
    asker.take(&facts("XBB", 7, &[returned.header.digest], &answer), day(2));
    assert!(asker.flags().contains(&FlagCode::AfterReturn));
    assert_eq!(asker.view(day(2)).items[0].state.code(), "full");
}

#[test]
fn a_returned_request_is_awaited_from_its_requester() {
    let (mut asker, mut asked) = received(incomplete());
    assert_eq!(due(&asked, day(1)), [(ReminderCode::ChanceNotJudged, Role::Requested)]);
    assert_eq!(due(&asker, day(1)), [], "only the requested side judges");
    let returned = asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(1));
    let awaited = reminders(&asker.case, day(90), Warning::default());
    assert_eq!(awaited, reminders(&asked.case, day(90), Warning::default()));
    let about = returned.header.digest;
    let code = ReminderCode::ResubmissionAwaited;
    assert_eq!(awaited, [Reminder { code, owed_by: Role::Requester, about, due: None }]);
}
