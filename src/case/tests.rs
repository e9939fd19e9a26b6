mod commands;
mod consent;
mod course;
mod explore;
mod mandates;
mod properties;
mod releases;
mod returns;

use super::*;
use crate::model::{
    About, Act, Answer, CaseId, DAY, Element, Ground, GroundCode, HOUR, ItemAnswer, Label, MessageId,
    Outcome, Particulars, Refusal, Request, Response,
};
use crate::rules::deadline::{Clock, Standing, Warning};
use crate::rules::samples::{complete_request, weapon, words};

fn party(name: &str) -> Party {
    name.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn start() -> Timestamp {
    at("2026-01-01T10:00:00Z")
}

fn case_id() -> CaseId {
    CaseId::mint(&party("XAA"), 2026, 1)
}

fn request_of(items: usize) -> Request {
    Request { items: vec![weapon(); items], ..complete_request() }
}

fn element(about: About, value: Particulars, label: Option<Label>) -> Element {
    Element { about, answer: Answer::Value { value }, label }
}

fn item_answer(item: u32, outcome: Outcome, label: Option<Label>) -> ItemAnswer {
    let owner = Particulars { name: Some(words("Depot Nine")), ..Particulars::default() };
    let lost = Particulars { details: Some(words("stolen from a store")), ..Particulars::default() };
    let withheld =
        Answer::Withheld { ground: Ground { code: GroundCode::A1, reason: words("sub judice"), law: None } };
    let given = vec![element(About::LastLegalOwner, owner, label), element(About::Circumstances, lost, None)];
    let elements = match outcome {
        Outcome::Full => given,
        Outcome::Partial => given
            .into_iter()
            .chain([Element { about: About::Other, answer: withheld, label: None }])
            .collect(),
        Outcome::NoneFound | Outcome::NotOurs => Vec::new(),
    };
    let reason = Some(words("no entry in the register"));
    ItemAnswer { item, outcome, reason, next_state: None, elements }
}

fn response(request: Digest, answers: &[(u32, Outcome)]) -> Response {
    let items = answers.iter().map(|(item, outcome)| item_answer(*item, *outcome, None)).collect();
    Response { request, items, note: None }
}

fn refusal(request: Digest) -> Refusal {
    let ground = Ground { code: GroundCode::C, reason: words("as told by our ministry"), law: None };
    Refusal { request, grounds: vec![ground] }
}

/// A case as one party's gateway keeps it.
#[derive(Clone, Debug)]
struct Side {
    me: Party,
    case: Case,
    journal: Vec<Event>,
}

impl Side {
    fn new(me: &str) -> Self {
        Self { me: party(me), case: Case::default(), journal: Vec::new() }
    }

    fn decide(&mut self, command: Command, now: Timestamp) -> Result<Decision, Refused> {
        let decision = decide(&self.case, command, now)?;
        decision.events.iter().for_each(|event| self.apply(event));
        Ok(decision)
    }

    fn apply(&mut self, event: &Event) {
        self.case.apply(event);
        self.journal.push(event.clone());
    }

    /// Does what makes an act, and signs and records it.
    fn act(&mut self, command: Command, now: Timestamp) -> Result<ActFacts, Refused> {
        let draft = self.decide(command, now)?.draft.expect("the command drafts an act");
        let seed = [self.me.to_string().as_bytes(), &self.journal.len().to_be_bytes()].concat();
        let (digest, message_id) = (Digest::of(&[&seed]), id_of(&seed));
        let event = recorded(&draft, self.me.clone(), digest, message_id, now);
        self.apply(&event);
        Ok(self.case.act(&digest).expect("it was just recorded").facts.clone())
    }

    /// Takes in an act of the peer and answers with the receipt.
    fn take(&mut self, facts: &ActFacts, received_at: Timestamp) -> Receipt {
        let command = Command::PeerAct {
            case: case_id(),
            me: self.me.clone(),
            facts: facts.clone(),
            audience: vec![self.me.clone()],
            received_at,
            beyond: None,
        };
        self.decide(command, received_at).expect("a peer's act is never refused");
        let digest = facts.header.digest;
        let kept = self.case.act(&digest).map_or(received_at, |record| record.at);
        Receipt { digest, received_at: kept, by: self.me.clone() }
    }

    fn confirm(&mut self, receipt: Receipt) {
        self.decide(Command::PeerReceipt(receipt), start()).expect("the case is open");
    }

    fn view(&self, now: Timestamp) -> View {
        view(&self.case, now, Warning::default()).expect("the case is open")
    }

    fn flags(&self) -> Vec<FlagCode> {
        self.view(start()).flags.into_iter().map(|flag| flag.code).collect()
    }

    fn request(&self) -> Digest {
        self.view(start()).versions[0].digest
    }
}

fn id_of(seed: &[u8]) -> MessageId {
    let digest = Digest::of(&[b"id", seed]);
    MessageId(digest.as_bytes()[..16].try_into().unwrap())
}

fn submit_to(to: &str, request: Request) -> Command {
    Command::Submit {
        case: case_id(),
        me: party("XAA"),
        to: party(to),
        request: Box::new(request),
        exercise: false,
        behalf: None,
    }
}

fn acknowledge() -> Command {
    Command::Acknowledge { automatic: false, note: None }
}

/// XAA has asked XBB about so many items; XBB received it at [`start`], and XAA knows.
fn asked(items: usize) -> (Side, Side) {
    let (mut asker, mut asked) = (Side::new("XAA"), Side::new("XBB"));
    let request = asker.act(submit_to("XBB", request_of(items)), start().saturating_add(-HOUR)).unwrap();
    asker.confirm(asked.take(&request, start()));
    (asker, asked)
}

/// Carries an act over, and its receipt back.
fn carry(from: &mut Side, to: &mut Side, facts: &ActFacts, received_at: Timestamp) {
    from.confirm(to.take(facts, received_at));
}

fn day(n: i64) -> Timestamp {
    start().saturating_add(n * DAY)
}

fn due(side: &Side, now: Timestamp) -> Vec<(ReminderCode, Role)> {
    reminders(&side.case, now, Warning::default()).into_iter().map(|r| (r.code, r.owed_by)).collect()
}

/// What both sides must see alike.
fn shared(view: &View) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (view.case.clone(), view.state, view.exercise, view.clocks.clone(), view.ack_automatic),
        (view.items.clone(), view.restrictions.clone(), view.flags.clone()),
        view.versions
            .iter()
            .map(|v| (v.version, v.digest, v.returned_by, v.clocks.clone()))
            .collect::<Vec<_>>(),
        (view.delay.clone(), view.questions.clone(), view.outcomes.clone()),
        view.acts.iter().map(|a| (a.digest, a.kind, a.issuer.clone(), a.arrived_at)).collect::<Vec<_>>(),
    )
}

#[test]
fn clause_8_3_4_1_whole_cases_and_their_clocks_look_alike_from_both_sides() {
    let (mut asker, mut asked) = (Side::new("XAA"), Side::new("XBB"));
    let request = asker.act(submit_to("XBB", request_of(1)), start().saturating_add(-HOUR)).unwrap();
    assert_eq!(asker.view(start()).state, CaseState::Sent);
    assert_eq!(asker.view(start()).clocks, Clocks::default(), "nothing runs before the receipt");

    carry(&mut asker, &mut asked, &request, start());
    let clocks = asker.view(start()).clocks;
    assert_eq!(clocks.received_at, Some(start()));
    assert_eq!(clocks.ack_due, Some(at("2026-01-09T00:00:00Z")));
    assert_eq!(clocks.respond_due, Some(at("2026-02-27T00:00:00Z")));
    assert_eq!(shared(&asker.view(start())), shared(&asked.view(start())));

    let day = |n: i64| start().saturating_add(n * DAY);
    let ack = asked.act(acknowledge(), day(1)).unwrap();
    let before = asked.view(day(1));
    assert_eq!((before.state, before.clocks.ack_at), (CaseState::Acknowledged, None), "not arrived yet");
    assert_eq!(before.ack_sent_at, Some(day(1)));
    carry(&mut asked, &mut asker, &ack, day(2));

    let answer = response(request.header.digest, &[(0, Outcome::Full)]);
    let answer = asked.act(Command::Respond(answer), day(3)).unwrap();
    assert_eq!(answer.header.parents, vec![ack.header.digest]);
    carry(&mut asked, &mut asker, &answer, day(4));

    let (mine, theirs) = (asker.view(day(60)), asked.view(day(60)));
    assert_eq!(shared(&mine), shared(&theirs));
    assert_eq!((mine.state, mine.items[0].state.code()), (CaseState::Answered, "full"));
    assert_eq!((mine.clocks.ack_at, mine.clocks.responded_at), (Some(day(2)), Some(day(4))));
    assert_eq!((mine.clocks.ack, mine.clocks.respond), (Some(Standing::Met), Some(Standing::Met)));
    assert!(mine.flags.is_empty());
}

#[test]
fn a_response_before_an_acknowledgement_satisfies_both_clocks() {
    let (mut asker, mut asked) = asked(1);
    let answer = response(asked.request(), &[(0, Outcome::NoneFound)]);
    let answer = asked.act(Command::Respond(answer), start()).unwrap();
    carry(&mut asked, &mut asker, &answer, start().saturating_add(DAY));
    let clocks = asked.view(start().saturating_add(90 * DAY)).clocks;
    assert_eq!((clocks.ack, clocks.respond), (Some(Standing::Met), Some(Standing::Met)));
    assert_eq!(asked.act(acknowledge(), start()), Err(Refused::AlreadyAnswered));
}

#[test]
fn clause_8_3_1_an_acknowledgement_counts_when_it_arrives_and_late_acts_are_kept() {
    let (mut asker, mut asked) = asked(1);
    let due = at("2026-01-09T00:00:00Z");
    assert_eq!(asker.view(due.saturating_add(-2 * DAY)).clocks.due_soon(), [Clock::Ack]);
    assert!(asker.view(due.saturating_add(-1)).clocks.overdue().is_empty());
    assert_eq!(asker.view(due).clocks.overdue(), [Clock::Ack]);
    assert_eq!(asker.view(at("2026-02-27T00:00:00Z")).clocks.overdue(), [Clock::Ack, Clock::Respond]);

    // Made in time, but it counts when it arrives (ISACS 8.3.1).
    let ack = asked.act(acknowledge(), due.saturating_add(-HOUR)).unwrap();
    assert_eq!(asked.view(due).clocks.overdue(), [Clock::Ack]);
    carry(&mut asked, &mut asker, &ack, due);
    assert_eq!(asker.view(due).clocks.late(), [Clock::Ack]);
    assert_eq!(shared(&asker.view(due)), shared(&asked.view(due)));
}

#[test]
fn items_are_answered_one_by_one() {
    let (mut asker, mut asked) = asked(2);
    let request = asked.request();
    let day = |n: i64| start().saturating_add(n * DAY);
    let mut answer = |side: &mut Side, item, outcome, n| {
        let made = side.act(Command::Respond(response(request, &[(item, outcome)])), day(n))?;
        carry(side, &mut asker, &made, day(n));
        Ok(())
    };
    answer(&mut asked, 1, Outcome::Partial, 5).unwrap();
    let view = asked.view(day(5));
    assert_eq!((view.state, view.clocks.responded_at), (CaseState::PartlyAnswered, None));
    assert_eq!(view.items[1].clocks.responded_at, Some(day(5)));
    assert_eq!(view.items[0].clocks.respond, Some(Standing::Running));

    answer(&mut asked, 0, Outcome::NotOurs, 60).unwrap();
    answer(&mut asked, 1, Outcome::Full, 61).unwrap();
    let view = asked.view(day(70));
    assert_eq!(view.state, CaseState::Answered);
    assert_eq!(view.items.iter().map(|i| i.state.code()).collect::<Vec<_>>(), ["not_ours", "full"]);
    assert_eq!(view.items[1].clocks.responded_at, Some(day(5)), "the first answer stopped its clock");
    assert_eq!((view.clocks.responded_at, view.clocks.late()), (Some(day(60)), vec![Clock::Respond]));
    assert_eq!(answer(&mut asked, 0, Outcome::Full, 62), Err(Refused::AlreadyAnswered));
}

#[test]
fn a_refusal_covers_what_is_open_and_loses_nothing_after_it() {
    let (mut asker, mut asked) = asked(2);
    let request = asked.request();
    let given = asked.act(Command::Respond(response(request, &[(0, Outcome::Full)])), start()).unwrap();
    carry(&mut asked, &mut asker, &given, start());
    let refused = asked.act(Command::Refuse(refusal(request)), start()).unwrap();
    carry(&mut asked, &mut asker, &refused, start().saturating_add(DAY));
    let view = asker.view(start());
    assert_eq!(view.state, CaseState::Refused);
    assert_eq!(view.items.iter().map(|i| i.state.code()).collect::<Vec<_>>(), ["full", "refused"]);
    assert_eq!(view.clocks.responded_at, Some(start().saturating_add(DAY)));

    let second = Command::Respond(response(request, &[(1, Outcome::Full)]));
    assert_eq!(asked.act(second, start()), Err(Refused::AlreadyRefused));
    assert_eq!(asked.act(Command::Refuse(refusal(request)), start()), Err(Refused::AlreadyRefused));

    let late = facts("XBB", 9, &[], &Act::Response(response(request, &[(1, Outcome::Full)])));
    let again = facts("XBB", 10, &[late.header.digest], &Act::Refusal(refusal(request)));
    asker.take(&late, start());
    asker.take(&again, start());
    assert!(asker.case.act(&late.header.digest).is_some() && asker.case.act(&again.header.digest).is_some());
    assert!(asker.flags().contains(&FlagCode::AfterAnswer));
}

/// An act that a peer's own software made, for better or worse.
fn facts(issuer: &str, seed: u8, parents: &[Digest], act: &Act) -> ActFacts {
    let header = ActHeader {
        digest: Digest::of(&[issuer.as_bytes(), &[seed]]),
        issuer: party(issuer),
        message_id: id_of(&[seed]),
        parents: parents.to_vec(),
        exercise: false,
        on_behalf_of: None,
    };
    ActFacts::of(act, header)
}

fn ack_of(request: Digest, received_at: Timestamp) -> Act {
    let ack = crate::model::Acknowledgement { request, received_at, automatic: true, note: None };
    Act::Acknowledgement(ack)
}

#[test]
fn a_second_copy_is_a_duplicate_and_a_second_statement_is_proof() {
    let (mut asker, _) = asked(1);
    let request = asker.request();
    let ack = facts("XBB", 1, &[request], &ack_of(request, start()));
    let peer_act = |facts: &ActFacts, n: i64| Command::PeerAct {
        case: case_id(),
        me: party("XAA"),
        facts: facts.clone(),
        audience: vec![party("XAA")],
        received_at: start().saturating_add(n),
        beyond: None,
    };
    assert!(!asker.decide(peer_act(&ack, 1), start()).unwrap().duplicate);
    let before = asker.case.clone();
    assert!(asker.decide(peer_act(&ack, 2), start()).unwrap().duplicate);
    assert_eq!(asker.case, before);

    let mut other = facts("XBB", 2, &[request], &Act::Refusal(refusal(request)));
    other.header.message_id = ack.header.message_id;
    let decision = asker.decide(peer_act(&other, 3), start()).unwrap();
    assert!(matches!(decision.events.as_slice(), [Event::Equivocation(_)]));
    assert!(asker.decide(peer_act(&other, 4), start()).unwrap().duplicate);
    assert_eq!(asker.view(start()).state, CaseState::Acknowledged, "the second statement does not count");
    assert_eq!(asker.flags(), [FlagCode::Equivocation]);
    assert_eq!(asker.case.equivocations().count(), 1);
}

#[test]
fn a_second_receipt_never_moves_the_clock() {
    let (mut asker, _) = asked(1);
    let digest = asker.request();
    for shift in [-DAY, DAY] {
        let other = Receipt { digest, received_at: start().saturating_add(shift), by: party("XBB") };
        asker.confirm(other);
        assert_eq!(asker.view(start()).clocks.received_at, Some(start()));
    }
    assert_eq!(asker.flags(), [FlagCode::ReceiptConflict]);
    let foreign = Receipt { digest, received_at: start().saturating_add(-9 * DAY), by: party("XCC") };
    asker.confirm(foreign);
    assert_eq!(asker.view(start()).clocks.received_at, Some(start()), "an outsider attests nothing");
}

#[test]
fn an_acknowledgement_that_repeats_another_instant_is_flagged() {
    let (mut asker, _) = asked(1);
    let request = asker.request();
    let ack = facts("XBB", 1, &[request], &ack_of(request, start().saturating_add(DAY)));
    asker.take(&ack, start().saturating_add(2 * DAY));
    assert_eq!(asker.flags(), [FlagCode::ReceivedAtMismatch]);
    let view = asker.view(start());
    assert_eq!(view.clocks.received_at, Some(start()));
    assert!(view.ack_automatic);
}

#[test]
fn an_early_act_waits_for_what_it_builds_on() {
    let request = facts("XAA", 1, &[], &Act::Request(Box::new(request_of(1))));
    let missing = facts("XAA", 2, &[request.header.digest], &Act::Request(Box::new(request_of(1))));
    let digest = request.header.digest;
    let mut ack = facts("XBB", 3, &[missing.header.digest], &ack_of(digest, start()));
    ack.header.parents.push(digest);
    let mut side = Side::new("XBB");
    side.case.apply(&Event::Opened(Opening {
        case: case_id(),
        me: party("XBB"),
        peer: party("XAA"),
        role: Role::Requested,
        behalf: None,
    }));
    side.case.apply(&Event::ActRecorded(ActRecord {
        facts: ack,
        direction: Direction::Sent,
        at: start(),
        beyond: None,
    }));
    assert_eq!(side.view(start()).state, CaseState::AwaitingRequest);
    assert_eq!(side.flags(), [FlagCode::Waiting]);
    side.take(&request, start());
    assert_eq!(side.view(start()).state, CaseState::Received);
    side.take(&missing, start().saturating_add(1));
    assert_eq!(side.view(start()).state, CaseState::Acknowledged);
    assert_eq!(side.flags(), [FlagCode::SecondRequest]);
}

#[test]
fn an_outsider_and_the_wrong_side_change_nothing() {
    let (mut asker, mut asked) = asked(1);
    let request = asker.request();
    let stands = |side: &Side| {
        let view = side.view(start());
        (view.state, view.clocks, view.items)
    };
    let before = stands(&asked);
    for (seed, issuer) in [(1, "XCC"), (2, "XAA/police")] {
        asked.take(&facts(issuer, seed, &[request], &Act::Refusal(refusal(request))), start());
    }
    assert_eq!(stands(&asked), before);
    assert_eq!(asked.flags(), [FlagCode::Stranger, FlagCode::Stranger]);

    let ack = asked.act(acknowledge(), start()).unwrap();
    carry(&mut asked, &mut asker, &ack, start());
    assert_eq!(asker.view(start()).state, CaseState::Acknowledged, "it does not build on an outsider's act");

    let before = stands(&asked);
    asked.take(&facts("XAA", 3, &[request], &Act::Refusal(refusal(request))), start());
    assert_eq!(stands(&asked), before);
    assert!(asked.flags().contains(&FlagCode::WrongRole));
}

#[test]
fn a_second_request_cannot_move_a_running_clock() {
    let (_, mut asked) = asked(1);
    let first = asked.request();
    let later: Vec<_> =
        (0..40).map(|seed| facts("XAA", seed, &[], &Act::Request(Box::new(request_of(3))))).collect();
    assert!(later.iter().any(|facts| facts.header.digest < first), "digest order must not decide");
    for request in &later {
        asked.take(request, start().saturating_add(DAY));
        assert_eq!((asked.request(), asked.view(start()).clocks.received_at), (first, Some(start())));
    }
    assert_eq!(asked.view(start()).items.len(), 1);
}

#[test]
fn answers_to_nothing_and_to_unknown_items_are_flagged() {
    let (mut asker, _) = asked(1);
    let request = asker.request();
    let ack = facts("XBB", 1, &[request], &ack_of(request, start()));
    asker.take(&ack, start());
    let beside = response(ack.header.digest, &[(0, Outcome::Full)]);
    asker.take(&facts("XBB", 2, &[], &Act::Response(beside)), start());
    let beyond = response(request, &[(u32::MAX, Outcome::Full), (1, Outcome::Full)]);
    asker.take(&facts("XBB", 3, &[request], &Act::Response(beyond)), start());
    let empty = Refusal { request: ack.header.digest, grounds: Vec::new() };
    asker.take(&facts("XBB", 4, &[], &Act::Refusal(empty)), start());
    let mut training = facts("XBB", 5, &[request], &ack_of(request, start()));
    training.header.exercise = true;
    asker.take(&training, start());
    assert_eq!(asker.view(start()).state, CaseState::Acknowledged);
    let flags = asker.flags();
    let expected = [FlagCode::UnknownRequest, FlagCode::UnknownItem, FlagCode::ExerciseMismatch];
    assert!(expected.iter().all(|code| flags.contains(code)), "{flags:?}");
    assert!(asker.view(start()).items[0].clocks.responded_at.is_none());
}

#[test]
fn clause_8_4_a_events_round_trip_and_hold_nothing_sensitive() {
    let (mut asker, mut asked) = asked(2);
    let answer = response(asked.request(), &[(0, Outcome::Partial), (1, Outcome::NoneFound)]);
    let answer = asked.act(Command::Respond(answer), start()).unwrap();
    carry(&mut asked, &mut asker, &answer, start());
    let refused = asked.act(Command::Refuse(refusal(asked.request())), start());
    assert_eq!(refused, Err(Refused::AlreadyAnswered));
    for event in asked.journal.iter().chain(&asker.journal) {
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), *event);
        let mut cbor = Vec::new();
        ciborium::into_writer(event, &mut cbor).unwrap();
        assert_eq!(ciborium::from_reader::<Event, _>(cbor.as_slice()).unwrap(), *event);
        for secret in ["Depot Nine", "stolen", "sub judice", "register", "serial"] {
            assert!(!json.contains(secret), "{json}");
        }
    }
}

/// The words of all officers of the tests hold.
fn all() -> BTreeSet<String> {
    ["awa", "kofi", "lea", "rui", "two", "one"].map(str::to_owned).into()
}
