//! How a case goes on: delayed, questioned, withdrawn, followed up.

use super::returns::{give_back, incomplete, received, resubmit};
use super::*;
use crate::model::{
    Clarification, ClarificationRequest, Delay, FollowUp, OutcomeNotice, Ternary, Withdrawal,
};

pub(super) fn delay(request: Digest, expected: Option<&str>) -> Command {
    let ground = Ground { code: GroundCode::A1, reason: words("an inquiry is open"), law: None };
    let expected = expected.map(|date| date.parse().unwrap());
    Command::Delay(Delay { request, grounds: vec![ground], expected })
}

pub(super) fn withdraw() -> Command {
    Command::Withdraw { reason: words("its owner has claimed it") }
}

pub(super) fn outcome(request: Digest, item: u32, found: Ternary) -> OutcomeNotice {
    let item = FollowUp {
        item,
        point_of_diversion: found,
        prosecution: Ternary::Unknown,
        action: Some(words("store audited")),
        preventive_measure: Some(words("two keys to the store")),
    };
    OutcomeNotice { request, items: vec![item] }
}

#[test]
fn clause_8_3_4_2_delays_name_their_ground_and_the_clock_runs_on() {
    let (mut asker, mut asked) = asked(1);
    let request = asked.request();
    let groundless = Command::Delay(Delay { request, grounds: Vec::new(), expected: None });
    let refused = asked.act(groundless, day(1)).unwrap_err();
    assert_eq!(refused.findings().iter().map(|f| f.clause).collect::<Vec<_>>(), ["8.3.4.2"]);

    let late = asked.act(delay(request, Some("2026-03")), day(1)).unwrap();
    carry(&mut asked, &mut asker, &late, day(2));
    let view = asker.view(day(60));
    assert_eq!(shared(&view), shared(&asked.view(day(60))));
    assert_eq!((view.state, view.clocks.ack_at), (CaseState::Acknowledged, Some(day(2))));
    assert_eq!(view.clocks.overdue(), [Clock::Respond]);
    assert_eq!(asker.flags(), [FlagCode::Delayed]);
    let shown = view.delay.unwrap();
    assert_eq!((shown.act, shown.grounds), (late.header.digest, [GroundCode::A1].into()));
    assert_eq!(shown.expected, "2026-03".parse().ok());
    assert_eq!(asked.act(acknowledge(), day(3)), Err(Refused::AlreadyAcknowledged));

    let answer = asked.act(Command::Respond(response(request, &[(0, Outcome::Full)])), day(61)).unwrap();
    carry(&mut asked, &mut asker, &answer, day(61));
    assert_eq!(asker.view(day(61)).delay, None);
    assert_eq!(asked.act(delay(request, None), day(62)), Err(Refused::AlreadyAnswered));
}

#[test]
fn clause_8_3_4_2_either_side_seeks_clarification() {
    let (mut asker, mut asked) = asked(1);
    let request = asked.request();
    let refused = asked.act(Command::Refuse(refusal(request)), day(1)).unwrap();
    carry(&mut asked, &mut asker, &refused, day(1));
    let ask = |about| Command::AskClarification { about, question: words("until when?") };
    let before = asker.view(day(2)).clocks;

    let question = asker.act(ask(refused.header.digest), day(2)).unwrap();
    carry(&mut asker, &mut asked, &question, day(2));
    assert_eq!(due(&asker, day(2)), [(ReminderCode::ClarificationAwaited, Role::Requested)]);
    assert_eq!(due(&asked, day(2)), due(&asker, day(2)));
    let other_way = asked.act(ask(request), day(2)).unwrap();
    carry(&mut asked, &mut asker, &other_way, day(2));
    let clarify = |question| Command::Clarify { question, answer: words("until the trial") };
    assert_eq!(
        asker.act(clarify(question.header.digest), day(3)),
        Err(Refused::UnknownQuestion(question.header.digest)),
        "nobody answers a question of its own"
    );
    let answer = asked.act(clarify(question.header.digest), day(3)).unwrap();
    carry(&mut asked, &mut asker, &answer, day(3));
    let shown = asker.view(day(3)).questions;
    let answered = shown.iter().find(|q| q.digest == question.header.digest).unwrap();
    assert_eq!(answered.answer, Some(answer.header.digest));
    let answer = asker.act(clarify(other_way.header.digest), day(3)).unwrap();
    carry(&mut asker, &mut asked, &answer, day(3));
    assert_eq!(due(&asker, day(3)), []);
    assert_eq!(asker.view(day(3)).clocks, before, "questions stop no clock");
    assert_eq!(shared(&asker.view(day(3))), shared(&asked.view(day(3))));
}

#[test]
fn a_question_is_about_an_act_of_the_other_side_and_says_something() {
    let (mut asker, mut asked) = asked(1);
    let request = asked.request();
    let ask = |about, question: &str| Command::AskClarification { about, question: words(question) };
    assert_eq!(asker.act(ask(request, "why?"), day(1)), Err(Refused::UnknownAct(request)));
    let nowhere = Digest::of(&[b"nowhere"]);
    assert_eq!(asked.act(ask(nowhere, "why?"), day(1)), Err(Refused::UnknownAct(nowhere)));
    assert!(matches!(asked.act(ask(request, " "), day(1)), Err(Refused::ActInvalid(_))));

    let stray = Act::Clarification(Clarification { request_for: request, answer: words("so") });
    asked.take(&facts("XAA", 4, &[request], &stray), day(1));
    let own = Act::ClarificationRequest(ClarificationRequest { about: request, question: words("eh?") });
    let own = facts("XAA", 5, &[request], &own);
    asked.take(&own, day(1));
    let own_answer = Clarification { request_for: own.header.digest, answer: words("so") };
    asked.take(&facts("XAA", 6, &[], &Act::Clarification(own_answer)), day(1));
    assert_eq!(asked.flags(), [FlagCode::UnknownQuestion; 2]);
    assert_eq!(asked.view(day(1)).questions[0].answer, None);
}

#[test]
fn a_withdrawal_closes_the_case_and_loses_nothing_after_it() {
    let (mut asker, mut asked) = asked(2);
    let request = asked.request();
    let answer = asked.act(Command::Respond(response(request, &[(0, Outcome::Full)])), day(1)).unwrap();
    carry(&mut asked, &mut asker, &answer, day(1));
    assert_eq!(asked.act(withdraw(), day(2)), Err(Refused::NotRequester));
    let mute = Command::Withdraw { reason: words("-") };
    assert!(matches!(asker.act(mute, day(2)), Err(Refused::ActInvalid(_))));
    let withdrawn = asker.act(withdraw(), day(2)).unwrap();
    carry(&mut asker, &mut asked, &withdrawn, day(3));
    let view = asked.view(day(90));
    assert_eq!(shared(&view), shared(&asker.view(day(90))));
    assert_eq!(view.state, CaseState::Withdrawn);
    assert_eq!(view.items.iter().map(|i| i.state.code()).collect::<Vec<_>>(), ["full", "withdrawn"]);
    assert_eq!((view.clocks.respond, view.items[0].clocks.respond), (None, Some(Standing::Met)));
    assert!(view.clocks.overdue().is_empty());
    assert_eq!(due(&asked, day(90)), []);

    let rest = Command::Respond(response(request, &[(1, Outcome::Full)]));
    assert_eq!(asked.act(rest, day(4)), Err(Refused::Withdrawn));
    assert_eq!(asker.act(withdraw(), day(4)), Err(Refused::Withdrawn));
    let crossing = Act::Response(response(request, &[(1, Outcome::Full)]));
    let crossing = facts("XBB", 8, &[request], &crossing);
    asker.take(&crossing, day(5));
    let view = asker.view(day(5));
    assert_eq!((view.state, view.items[1].state.code()), (CaseState::Withdrawn, "full"));
}

#[test]
fn a_withdrawn_request_needs_no_acknowledgement() {
    let (mut asker, mut asked) = asked(1);
    let withdrawn = asker.act(withdraw(), day(1)).unwrap();
    carry(&mut asker, &mut asked, &withdrawn, day(1));
    assert_eq!(auto_ack_due(&asked.case, 5), None);
    assert_eq!(asked.view(day(90)).clocks.ack, None);
    let foreign = Act::Withdrawal(Withdrawal { request: Digest::of(&[b"x"]), reason: words("none") });
    let by_asked = Act::Withdrawal(Withdrawal { request: asked.request(), reason: words("none") });
    asked.take(&facts("XAA", 3, &[], &foreign), day(2));
    asker.take(&facts("XBB", 4, &[], &by_asked), day(2));
    assert_eq!(asked.flags(), [FlagCode::Waiting]);
    assert_eq!(asker.flags(), [FlagCode::WrongRole]);
}

#[test]
fn an_answered_request_is_not_withdrawn_but_a_returned_one_may_be() {
    let (mut asker, mut asked) = asked(1);
    let answer = response(asked.request(), &[(0, Outcome::NoneFound)]);
    let answer = asked.act(Command::Respond(answer), day(1)).unwrap();
    carry(&mut asked, &mut asker, &answer, day(1));
    assert_eq!(asker.act(withdraw(), day(2)), Err(Refused::AlreadyAnswered));

    let (mut asker, mut asked) = received(incomplete());
    let returned = asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut asked, &mut asker, &returned, day(1));
    asker.act(withdraw(), day(2)).unwrap();
    assert_eq!(asker.view(day(2)).state, CaseState::Withdrawn);
    assert_eq!(asker.act(resubmit(request_of(1)), day(3)), Err(Refused::Withdrawn));
}

#[test]
fn clause_5_3_either_side_tells_what_came_of_the_trace() {
    let (mut asker, mut asked) = asked(2);
    let request = asked.request();
    let beyond = Command::TellOutcome(outcome(request, 2, Ternary::Yes));
    assert!(matches!(asked.act(beyond, day(1)), Err(Refused::ActInvalid(_))));
    let elsewhere = Command::TellOutcome(outcome(Digest::of(&[b"x"]), 0, Ternary::Yes));
    assert!(matches!(asked.act(elsewhere, day(1)), Err(Refused::WrongRequest { .. })));
    let before = asked.view(day(5)).clocks;
    for (found, n) in [(Ternary::Unknown, 1), (Ternary::Yes, 2)] {
        let told = asked.act(Command::TellOutcome(outcome(request, 1, found)), day(n)).unwrap();
        carry(&mut asked, &mut asker, &told, day(n));
    }
    let withdrawn = asker.act(withdraw(), day(3)).unwrap();
    carry(&mut asker, &mut asked, &withdrawn, day(3));
    let told = asker.act(Command::TellOutcome(outcome(request, 0, Ternary::No)), day(4)).unwrap();
    carry(&mut asker, &mut asked, &told, day(4));
    let shown = |side: &Side| {
        let all = side.view(day(5)).outcomes;
        all.into_iter().map(|o| (o.issuer.to_string(), o.item, o.point_of_diversion)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&asker), [("XAA".into(), 0, Ternary::No), ("XBB".into(), 1, Ternary::Yes)]);
    assert_eq!(shown(&asked), shown(&asker));
    assert_eq!(asked.view(day(5)).clocks.ack_due, before.ack_due);
}

#[test]
fn an_outcome_of_nothing_known_is_flagged() {
    let (mut asker, _) = asked(1);
    let request = asker.request();
    let beyond = Act::OutcomeNotice(outcome(request, 7, Ternary::Yes));
    let empty = Act::OutcomeNotice(OutcomeNotice { request, items: Vec::new() });
    asker.take(&facts("XBB", 1, &[], &beyond), day(1));
    asker.take(&facts("XBB", 2, &[], &empty), day(1));
    assert_eq!(asker.flags(), [FlagCode::DefectiveAnswer, FlagCode::UnknownItem]);
    assert!(asker.view(day(1)).outcomes.is_empty());
}

#[test]
fn reminders_follow_the_clocks() {
    let (mut asker, mut asked) = asked(1);
    let codes = |side: &Side, now| -> Vec<_> {
        let due = reminders(&side.case, now, Warning::default());
        assert!(due.iter().all(|r| r.owed_by == Role::Requested));
        due.into_iter().map(|r| (r.code, r.due)).collect()
    };
    let (ack_due, respond_due) = (at("2026-01-09T00:00:00Z"), at("2026-02-27T00:00:00Z"));
    assert_eq!(codes(&asker, day(1)), []);
    assert_eq!(codes(&asker, day(6)), [(ReminderCode::AckDueSoon, Some(ack_due))]);
    assert_eq!(codes(&asked, ack_due), [(ReminderCode::AckOverdue, Some(ack_due))]);
    let late = asked.act(delay(asked.request(), Some("2026-02-20")), day(9)).unwrap();
    carry(&mut asked, &mut asker, &late, day(9));
    assert_eq!(codes(&asked, day(10)), []);
    let soon = (ReminderCode::ResponseDueSoon, Some(respond_due));
    let passed = (ReminderCode::DelayPassed, None);
    assert_eq!(codes(&asked, at("2026-02-20T23:59:59Z")), [soon]);
    assert_eq!(codes(&asked, at("2026-02-21T00:00:00Z")), [soon, passed]);
    let overdue = (ReminderCode::ResponseOverdue, Some(respond_due));
    assert_eq!(codes(&asker, respond_due), [overdue, passed]);
    assert_eq!(codes(&asked, respond_due), codes(&asker, respond_due));
    assert!(reminders(&Case::default(), start(), Warning::default()).is_empty());
}

#[test]
fn clause_8_4_a_the_acts_that_steer_a_case_leave_no_words_in_its_events() {
    let (mut asker, mut asked) = asked(1);
    let request = asked.request();
    let ask = Command::AskClarification { about: request, question: words("until when?") };
    let question = asked.act(ask, day(1)).unwrap();
    carry(&mut asked, &mut asker, &question, day(1));
    let clarify = Command::Clarify { question: question.header.digest, answer: words("until the trial") };
    for command in [clarify, Command::TellOutcome(outcome(request, 0, Ternary::Yes)), withdraw()] {
        let made = asker.act(command, day(2)).unwrap();
        carry(&mut asker, &mut asked, &made, day(2));
    }
    let (mut other_asker, mut other_asked) = received(incomplete());
    let late = other_asked.act(delay(other_asked.request(), Some("2026-03")), day(1)).unwrap();
    carry(&mut other_asked, &mut other_asker, &late, day(1));
    let returned = other_asked.act(give_back(&incomplete()), day(1)).unwrap();
    carry(&mut other_asked, &mut other_asker, &returned, day(1));
    other_asker.act(resubmit(request_of(1)), day(2)).unwrap();
    for event in [asker.journal, asked.journal, other_asker.journal].concat() {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        for secret in ["trial", "when", "audited", "claimed", "inquiry", "blank", "XB 004217", "checkpoint"] {
            assert!(!json.contains(secret), "{json}");
        }
    }
}

fn close(reason: Option<&str>) -> Command {
    Command::File { officer: "awa".to_owned(), reason: reason.map(words) }
}

#[test]
fn clause_7_7_1_d_a_case_does_not_close_silently() {
    let (mut asker, mut asked) = asked(1);
    let request = asked.request();
    assert_eq!(asker.decide(close(Some("found")), day(1)), Err(Refused::StillOpen));
    let answer = asked.act(Command::Respond(response(request, &[(0, Outcome::Full)])), day(1)).unwrap();
    assert!(!is_at_rest(&asked.case), "its response has not arrived");
    carry(&mut asked, &mut asker, &answer, day(1));
    assert!(is_at_rest(&asked.case), "the side that answered has nothing more to do");

    assert_eq!(asker.decide(close(None), day(2)), Err(Refused::OutcomeNotTold));
    assert!(!is_at_rest(&asker.case), "somebody must read the answer");
    let told = asker.act(Command::TellOutcome(outcome(request, 0, Ternary::Yes)), day(2)).unwrap();
    asker.decide(close(None), day(2)).unwrap();
    assert!(asker.case.is_filed() && !is_at_rest(&asker.case), "the outcome has not arrived");
    carry(&mut asker, &mut asked, &told, day(3));
    assert!(is_at_rest(&asker.case) && is_at_rest(&asked.case));

    let late = asked.act(Command::TellOutcome(outcome(request, 0, Ternary::No)), day(9)).unwrap();
    carry(&mut asked, &mut asker, &late, day(9));
    assert!(!asker.case.is_filed() && !is_at_rest(&asker.case), "what comes later brings it back");
    asker.decide(close(Some("nothing new")), day(10)).unwrap();
    assert!(is_at_rest(&asker.case));
}
