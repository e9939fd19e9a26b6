//! Consent, four eyes and emergencies: hostile cases first.

use super::*;
use crate::model::{
    Audience, ConsentGrant, ConsentRequest, DisclosureNotice, Onward, Purpose, Recipient, Restriction, Scope,
};
use crate::rules::release::{Authority, AuthorityKind};

/// XAA and XBB; XAA holds an element that goes on with consent only, and one that is free.
pub(super) fn pair() -> (Side, Side, Digest) {
    let (mut asker, mut asked) = asked(1);
    let label = Label { onward: Onward::WithConsent, ..Label::default() };
    let items = vec![item_answer(0, Outcome::Full, Some(label))];
    let answer = Response { request: asked.request(), items, note: None };
    let answer = asked.act(Command::Respond(answer), start()).unwrap();
    carry(&mut asked, &mut asker, &answer, start());
    (asker, asked, answer.header.digest)
}

pub(super) fn police() -> Authority {
    Authority { name: "police-cid".to_owned(), kind: AuthorityKind::Competent, designated: true }
}

fn abroad() -> Authority {
    Authority {
        name: "XCC".to_owned(),
        kind: AuthorityKind::Foreign("XCC".parse().unwrap()),
        designated: false,
    }
}

pub(super) fn scope(recipient: &str) -> Scope {
    Scope {
        elements: ["items/0/elements/0".parse().unwrap()].into(),
        recipient: recipient.parse().unwrap(),
        purposes: [Purpose::Tracing].into(),
        lifts: [Restriction::F].into(),
    }
}

pub(super) fn question(response: Digest, recipient: &str) -> Command {
    let reason = words("the police make the inquiry");
    Command::AskConsent(ConsentRequest { response, scope: scope(recipient), reason })
}

pub(super) fn granting(question: Digest, recipient: &str, single_use: bool) -> Command {
    let expires = day(10);
    let consent_request = question;
    Command::GrantConsent(ConsentGrant { consent_request, scope: scope(recipient), expires, single_use })
}

pub(super) fn ask_to(seed: u8, to: Authority, terms: Terms) -> Command {
    Command::RequestRelease {
        id: MessageId([seed; 16]),
        to,
        purpose: Purpose::Tracing,
        officer: "awa".to_owned(),
        elements: Some(vec!["items/0/elements/0".to_owned()]),
        terms,
    }
}

fn spend(seed: u8) -> Command {
    Command::UsePermit { id: PermitId::of(&MessageId([seed; 16])), officer: "awa".to_owned(), vouched: all() }
}

fn rule(side: &mut Side, command: Command, now: Timestamp) -> Option<String> {
    let denied = side.decide(command, now).unwrap().denied;
    denied.map(|denial| denial.elements[0].rule.clone())
}

/// Asks, and grants; the grant has arrived at XAA.
fn granted(asker: &mut Side, asked: &mut Side, response: Digest, recipient: &str, single: bool) -> Digest {
    let asking = asker.act(question(response, recipient), day(1)).unwrap();
    carry(asker, asked, &asking, day(1));
    let grant = asked.act(granting(asking.header.digest, recipient, single), day(2)).unwrap();
    carry(asked, asker, &grant, day(2));
    grant.header.digest
}

#[test]
fn clause_8_3_4_2_f_consent_is_asked_granted_and_used_within_its_scope() {
    let (mut asker, mut asked, response) = pair();
    assert_eq!(rule(&mut asker, ask_to(1, police(), Terms::default()), day(1)), Some("8.3.4.2(f)".into()));
    let asking = asker.act(question(response, "police-cid"), day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    assert_eq!(asked.view(day(1)).consents[0].state, ConsentState::Asked);
    assert_eq!(
        rule(&mut asker, ask_to(2, police(), Terms::default()), day(9)),
        Some("8.3.4.2(f)".into()),
        "silence is no consent"
    );
    let grant = asked.act(granting(asking.header.digest, "police-cid", false), day(2)).unwrap();
    carry(&mut asked, &mut asker, &grant, day(2));
    let (mine, theirs) = (asker.view(day(3)).consents, asked.view(day(3)).consents);
    assert_eq!((mine[0].state, &mine), (ConsentState::Granted, &theirs));

    assert_eq!(rule(&mut asker, ask_to(3, police(), Terms::default()), day(9)), None);
    let permit = asker.case.permit(&PermitId::of(&MessageId([3; 16]))).unwrap().clone();
    assert_eq!(permit.consents, [grant.header.digest].into());
    asker.decide(spend(3), day(9)).unwrap();
    let other = Authority { name: "customs".into(), ..police() };
    assert_eq!(rule(&mut asker, ask_to(4, other, Terms::default()), day(9)), Some("8.3.4.2(f)".into()));
    assert_eq!(rule(&mut asker, ask_to(5, abroad(), Terms::default()), day(9)), Some("8.3.4.2(f)".into()));
}

#[test]
fn clause_8_3_4_2_f_the_next_state_of_a_chain_is_a_recipient_like_any_other() {
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "XCC", true);
    assert_eq!(rule(&mut asker, ask_to(1, abroad(), Terms::default()), day(3)), None);
    assert_eq!(rule(&mut asker, ask_to(2, police(), Terms::default()), day(3)), Some("8.3.4.2(f)".into()));
}

#[test]
fn clause_8_3_4_2_f_what_may_not_be_quoted_yet_is_listed_with_its_rule() {
    let (mut asker, mut asked, response) = pair();
    let xcc: Party = "XCC".parse().unwrap();
    let listed = |asker: &Side, to: Option<&Party>, at| {
        let found = restricted_towards(&asker.case, &response, to, at);
        found.iter().map(|forbids| (forbids.source.to_string(), forbids.rule)).collect::<Vec<_>>()
    };
    let path = "items/0/elements/0".to_owned();
    assert_eq!(listed(&asker, None, day(1)), [(path.clone(), "8.3.4.2")], "whoever it will be");
    assert_eq!(listed(&asker, Some(&xcc), day(1)), [(path.clone(), "8.3.4.2(f)")]);
    granted(&mut asker, &mut asked, response, "XCC", false);
    assert_eq!(listed(&asker, Some(&xcc), day(3)), []);
    assert_eq!(listed(&asker, Some(&"XDD".parse().unwrap()), day(3)), [(path.clone(), "8.3.4.2(f)")]);
    assert_eq!(listed(&asker, Some(&xcc), day(10)), [(path, "8.3.4.2(f)")], "the consent has ended");
}

#[test]
fn expired_consent() {
    let (mut asker, mut asked, response) = pair();
    let grant = granted(&mut asker, &mut asked, response, "police-cid", false);
    let end = day(10);
    assert_eq!(rule(&mut asker, ask_to(1, police(), Terms::default()), end.saturating_add(-HOUR)), None);
    assert_eq!(asker.decide(spend(1), end), Err(Refused::ConsentGone(grant)), "it ended before the use");
    assert_eq!(rule(&mut asker, ask_to(2, police(), Terms::default()), end), Some("8.3.4.2(f)".into()));
}

#[test]
fn clock_stepped_back_over_an_expiry() {
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "police-cid", false);
    asker.decide(ask_to(1, police(), Terms::default()), day(9)).unwrap();
    assert_eq!(rule(&mut asker, ask_to(2, police(), Terms::default()), day(10)), Some("8.3.4.2(f)".into()));
    // The denial stands in the journal at its instant; an earlier clock is not believed any more.
    assert_eq!(rule(&mut asker, ask_to(3, police(), Terms::default()), day(8)), Some("8.3.4.2(f)".into()));
    assert!(matches!(asker.decide(spend(1), day(9)), Err(Refused::PermitExpired { .. })));

    // A permit that was found to have ended stays so, whatever the clock says later.
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "police-cid", false);
    asker.decide(ask_to(1, police(), Terms::default()), day(3)).unwrap();
    let id = PermitId::of(&MessageId([1; 16]));
    assert!(matches!(asker.decide(spend(1), day(5)), Err(Refused::PermitExpired { .. })));
    asker.decide(Command::Lapse(id), day(5)).unwrap();
    assert!(matches!(asker.decide(spend(1), day(3)), Err(Refused::PermitExpired { .. })));
}

#[test]
fn consent_from_a_non_originator() {
    let (mut asker, mut asked, response) = pair();
    let asking = asker.act(question(response, "police-cid"), day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    let grant = |by: &str, seed| {
        let Command::GrantConsent(grant) = granting(asking.header.digest, "police-cid", false) else {
            unreachable!()
        };
        facts(by, seed, &[], &Act::ConsentGrant(grant))
    };
    assert_eq!(
        asker.decide(granting(asking.header.digest, "police-cid", false), day(2)),
        Err(Refused::UnknownQuestion(asking.header.digest)),
        "nobody consents to its own question"
    );
    for (by, seed) in [("XAA", 71), ("XCC", 72)] {
        asker.take(&grant(by, seed), day(2));
        assert_eq!(
            rule(&mut asker, ask_to(seed, police(), Terms::default()), day(3)),
            Some("8.3.4.2(f)".into())
        );
    }
    assert!(asker.flags().contains(&FlagCode::NotOriginator), "{:?}", asker.flags());
    asker.take(&grant("XBB", 73), day(2));
    assert_eq!(rule(&mut asker, ask_to(73, police(), Terms::default()), day(3)), None);
}

#[test]
fn consent_beyond_what_was_asked_grants_what_was_asked() {
    let (mut asker, mut asked, response) = pair();
    let asking = asker.act(question(response, "police-cid"), day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    let mut wide = scope("police-cid");
    wide.purposes = Purpose::ALL.into();
    let grant = ConsentGrant {
        consent_request: asking.header.digest,
        scope: wide,
        expires: day(10),
        single_use: false,
    };
    let refused = asked.act(Command::GrantConsent(grant.clone()), day(2)).unwrap_err();
    assert_eq!(refused.findings()[0].clause, "8.3.4.2(f)");
    asker.take(&facts("XBB", 9, &[], &Act::ConsentGrant(grant)), day(2));
    assert!(asker.flags().contains(&FlagCode::ConsentBeyondQuestion));
    let consent = &asker.view(day(2)).consents[0];
    assert_eq!(consent.grant.as_ref().unwrap().scope.purposes, [Purpose::Tracing].into());
}

#[test]
fn concurrent_withdrawal() {
    let (mut asker, mut asked, response) = pair();
    let grant = granted(&mut asker, &mut asked, response, "police-cid", false);
    asker.decide(ask_to(1, police(), Terms::default()), day(3)).unwrap();
    let back = Command::WithdrawConsent { grant, reason: words("the source is at risk") };
    assert_eq!(asker.act(back.clone(), day(3)), Err(Refused::UnknownConsent(grant)), "it is not ours");
    let back = asked.act(back, day(3)).unwrap();
    // It was on its way when the permit was granted; once here, the permit opens nothing.
    carry(&mut asked, &mut asker, &back, day(3));
    assert_eq!(asker.decide(spend(1), day(3)), Err(Refused::ConsentGone(grant)));
    assert_eq!(asker.view(day(3)).consents[0].state, ConsentState::Withdrawn);
    assert_eq!(rule(&mut asker, ask_to(2, police(), Terms::default()), day(3)), Some("8.3.4.2(f)".into()));
}

#[test]
fn a_withdrawal_counts_even_before_what_it_builds_on() {
    let (mut asker, mut asked, response) = pair();
    let grant = granted(&mut asker, &mut asked, response, "police-cid", false);
    let back = crate::model::ConsentWithdrawal { grant, reason: words("a mistake") };
    let unknown = Digest::of(&[b"not here yet"]);
    asker.take(&facts("XBB", 9, &[unknown], &Act::ConsentWithdrawal(back)), day(3));
    assert_eq!(rule(&mut asker, ask_to(1, police(), Terms::default()), day(3)), Some("8.3.4.2(f)".into()));
}

#[test]
fn a_consent_for_one_release_serves_one() {
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "police-cid", true);
    assert_eq!(rule(&mut asker, ask_to(1, police(), Terms::default()), day(3)), None);
    assert_eq!(rule(&mut asker, ask_to(2, police(), Terms::default()), day(3)), Some("8.3.4.2(f)".into()));
    // A permit that ended unused gives it back.
    assert_eq!(rule(&mut asker, ask_to(3, police(), Terms::default()), day(5)), None);
    asker.decide(spend(3), day(5)).unwrap();
    assert_eq!(asker.view(day(5)).consents[0].state, ConsentState::Spent);
    assert_eq!(rule(&mut asker, ask_to(4, police(), Terms::default()), day(7)), Some("8.3.4.2(f)".into()));
}

#[test]
fn consent_is_denied_with_a_reason_and_that_counts_over_a_grant() {
    let (mut asker, mut asked, response) = pair();
    let asking = asker.act(question(response, "police-cid"), day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    let deny = |reason: &str| Command::DenyConsent { question: asking.header.digest, reason: words(reason) };
    assert_eq!(asked.act(deny("  "), day(2)).unwrap_err().findings()[0].clause, "8.3.4.2");
    let denial = asked.act(deny("a source is at risk"), day(2)).unwrap();
    carry(&mut asked, &mut asker, &denial, day(2));
    let late = granting(asking.header.digest, "police-cid", false);
    assert_eq!(asked.act(late.clone(), day(3)), Err(Refused::ConsentAnswered(asking.header.digest)));
    let Command::GrantConsent(grant) = late else { unreachable!() };
    asker.take(&facts("XBB", 9, &[], &Act::ConsentGrant(grant)), day(3));
    assert_eq!(asker.view(day(3)).consents[0].state, ConsentState::Denied);
    assert_eq!(rule(&mut asker, ask_to(1, police(), Terms::default()), day(3)), Some("8.3.4.2(f)".into()));
}

fn approve(side: &Side, seed: u8, officer: &str) -> Approval {
    let id = PermitId::of(&MessageId([seed; 16]));
    let digest = side.case.permit(&id).unwrap().digest();
    Approval { id, officer: officer.to_owned(), digest, at: day(3), signature: None }
}

#[test]
fn a_release_of_two_officers_takes_two_officers() {
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "police-cid", false);
    let two = Terms { approvals: 2, ..Terms::default() };
    asker.decide(ask_to(1, police(), two), day(3)).unwrap();
    assert!(matches!(asker.decide(spend(1), day(3)), Err(Refused::NotApproved { needed: 2, agreed: 1, .. })));
    let own = approve(&asker, 1, "awa");
    assert_eq!(asker.decide(Command::ApproveRelease(own), day(3)), Err(Refused::SameOfficer("awa".into())));
    let mut blind = approve(&asker, 1, "kofi");
    blind.digest = Digest::of(&[b"something else"]);
    assert!(matches!(
        asker.decide(Command::ApproveRelease(blind.clone()), day(3)),
        Err(Refused::DigestDiffers { .. })
    ));
    // Even in the journal such a word counts for nothing.
    asker.apply(&Event::PermitApproved(blind));
    assert!(matches!(asker.decide(spend(1), day(3)), Err(Refused::NotApproved { .. })));
    let second = approve(&asker, 1, "kofi");
    asker.decide(Command::ApproveRelease(second), day(3)).unwrap();
    asker.decide(spend(1), day(3)).unwrap();
}

#[test]
fn a_release_that_was_barred_opens_nothing() {
    let (mut asker, mut asked, response) = pair();
    granted(&mut asker, &mut asked, response, "police-cid", false);
    asker.decide(ask_to(1, police(), Terms::default()), day(3)).unwrap();
    let id = PermitId::of(&MessageId([1; 16]));
    let bar = Command::BarRelease { id, officer: "kofi".into(), reason: words("not needed") };
    asker.decide(bar, day(3)).unwrap();
    assert!(matches!(asker.decide(spend(1), day(3)), Err(Refused::PermitBarred { .. })));
}

#[test]
fn clause_8_4_b_the_provider_is_told_before_a_compelled_disclosure() {
    let (mut asker, mut asked, response) = pair();
    let court = Authority { name: "high-court".into(), kind: AuthorityKind::Court, designated: true };
    let urgent = || Terms { emergency: Some(words("hearing today")), approvals: 2, ..Terms::default() };
    assert_eq!(rule(&mut asker, ask_to(1, court.clone(), urgent()), day(1)), Some("8.3.4.2(f)".into()));
    let notice = |recipient: &str| DisclosureNotice {
        disclosed: response,
        elements: ["items/0/elements/0".parse().unwrap()].into(),
        recipient: recipient.parse::<Recipient>().unwrap(),
        compelled_by: words("order 12 of the high court"),
    };
    let abroad_notice = Command::NotifyDisclosure(notice("XCC"));
    assert_eq!(asker.act(abroad_notice, day(1)), Err(Refused::AcrossBorder));
    let told = asker.act(Command::NotifyDisclosure(notice("high-court")), day(1)).unwrap();
    carry(&mut asker, &mut asked, &told, day(1));
    assert!(asked.flags().contains(&FlagCode::DisclosureCompelled));

    assert_eq!(rule(&mut asker, ask_to(2, police(), urgent()), day(1)), Some("8.3.4.2(f)".into()));
    assert_eq!(rule(&mut asker, ask_to(3, court, urgent()), day(1)), None);
    asker.decide(spend(3), day(1)).unwrap();
    assert_eq!(asker.view(day(1)).unreviewed, [PermitId::of(&MessageId([3; 16]))]);
    let own = approve(&asker, 3, "awa");
    assert_eq!(asker.decide(Command::ReviewEmergency(own), day(2)), Err(Refused::SameOfficer("awa".into())));
    let word = approve(&asker, 3, "kofi");
    asker.decide(Command::ReviewEmergency(word), day(2)).unwrap();
    assert!(asker.view(day(2)).unreviewed.is_empty());
    assert_eq!(asker.decide(ask_to(4, abroad(), urgent()), day(2)), Err(Refused::AcrossBorder));
}

#[test]
fn a_designated_audience_is_lifted_for_the_one_that_the_originator_names() {
    let (mut asker, mut asked) = asked(1);
    let label = Label {
        audience: Some(Audience::Designated),
        purposes: [Purpose::Tracing].into(),
        onward: Onward::WithConsent,
        not_in_court: true,
        ..Label::default()
    };
    let items = vec![item_answer(0, Outcome::Full, Some(label))];
    let answer = Response { request: asked.request(), items, note: None };
    let answer = asked.act(Command::Respond(answer), start()).unwrap();
    carry(&mut asked, &mut asker, &answer, start());
    let mut wanted = scope("XCC");
    wanted.lifts = [Restriction::D, Restriction::F].into();
    let reason = words("the trace goes on there");
    let asking =
        Command::AskConsent(ConsentRequest { response: answer.header.digest, scope: wanted.clone(), reason });
    let asking = asker.act(asking, day(1)).unwrap();
    carry(&mut asker, &mut asked, &asking, day(1));
    let only_f = ConsentGrant {
        consent_request: asking.header.digest,
        scope: scope("XCC"),
        expires: day(10),
        single_use: true,
    };
    asker.take(&facts("XBB", 8, &[], &Act::ConsentGrant(only_f.clone())), day(2));
    assert_eq!(rule(&mut asker, ask_to(1, abroad(), Terms::default()), day(2)), Some("8.3.4.2(d)".into()));
    let both = ConsentGrant { scope: wanted, ..only_f };
    // Several grants to one question: the order of their digests decides which counts, not that of arrival.
    let (mut fresh, mut other, response) = (asker.clone(), asker, answer.header.digest);
    fresh.case.acts.retain(|_, record| record.facts.kind() != crate::model::ActKind::ConsentGrant);
    fresh.take(&facts("XBB", 9, &[], &Act::ConsentGrant(both.clone())), day(2));
    assert_eq!(rule(&mut fresh, ask_to(2, abroad(), Terms::default()), day(2)), None);
    other.take(&facts("XBB", 9, &[], &Act::ConsentGrant(both)), day(2));
    assert_eq!(consents(&other.case, day(2)).iter().filter(|c| c.response == response).count(), 1);
}
