//! Shows cases, clocks and releases in the words of `control`; the law is asked, nothing is decided here.

use crate::case;
use crate::case::{Case, ItemState, Permit};
use crate::control::{
    ActView, BehalfView, CaseDetail, CaseRole, CaseView, Clock, DeadlineView, DelayView, Delivery, Direction,
    ElementView, FollowsView, ForbidView, InboxEntry, ItemView, JudgementView, OutcomeView, QuestionView,
    ReceiptView, ReleaseState, ReleaseView, ReminderView, Standing, VersionView,
};
use crate::envelope::ClaimedStatement;
use crate::model::{ActKind, CaseId, DAY, Digest, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::mandates::named_in;
use crate::rules::deadline;
use crate::rules::deadline::Warning;
use crate::trust::{CertifiedKey, Role};

/// The most cases in one answer; a script asks for the next page by the last case of this one.
const PAGE: u32 = 500;

/// Shows a case at the present time; `None` if it was never opened.
pub fn view(gateway: &Gateway, case: &Case) -> Option<case::View> {
    case::view(case, gateway.now(), warning(gateway))
}

fn warning(gateway: &Gateway) -> Warning {
    let clocks = gateway.config.clocks;
    let days = |days: u32| i64::from(days) * DAY;
    Warning { ack: days(clocks.warn_ack_days), respond: days(clocks.warn_respond_days) }
}

/// Lists a page of all cases, by the party that asked, year and number.
///
/// # Errors
/// What the store says if a case cannot be read.
pub fn cases(gateway: &Gateway, after: Option<&CaseId>, limit: u32) -> Result<Vec<CaseView>, NodeError> {
    let page = gateway.desk.page(after, limit.clamp(1, PAGE) as usize)?;
    Ok(page.iter().filter_map(|slot| summary(gateway, &slot.read())).collect())
}

/// Shows a case with its acts.
pub fn detail(gateway: &Gateway, case: &Case) -> Option<CaseDetail> {
    let seen = view(gateway, case)?;
    let acts = seen.acts.iter().map(|act| act_view(gateway, case, &seen, act)).collect();
    Some(CaseDetail { case: summary(gateway, case)?, acts, content: None, alarms: Vec::new() })
}

/// Says what an officer must do about a case, if anything.
pub fn inbox(gateway: &Gateway, case: &Case) -> Option<InboxEntry> {
    let seen = view(gateway, case)?;
    let received = seen.acts.iter().filter(|act| act.direction == case::Direction::Received);
    let newest = received.max_by_key(|act| (act.at, act.digest))?;
    let clocks = &seen.clocks;
    let mine = |code: case::ReminderCode| {
        let owed = case::reminders(case, gateway.now(), warning(gateway));
        owed.iter().any(|reminder| reminder.owed_by == seen.role && reminder.code == code)
    };
    let asked = |c: &case::Consent| c.state == case::ConsentState::Asked && c.asked_by == seen.peer;
    let (todo, due, standing) = match (seen.role, seen.state) {
        _ if !seen.unreviewed.is_empty() => ("review_emergency", None, None),
        _ if seen.consents.iter().any(asked) => ("answer_consent", None, None),
        _ if mine(case::ReminderCode::ClarificationAwaited) => ("clarify", None, None),
        (case::Role::Requester, case::CaseState::Returned) => ("resubmit", None, None),
        (case::Role::Requested, case::CaseState::Received | case::CaseState::Acknowledged)
            if seen.unjudged =>
        {
            ("judge", clocks.respond_due, clocks.respond)
        }
        (case::Role::Requested, case::CaseState::Received) if seen.ack_sent_at.is_none() => {
            ("acknowledge", clocks.ack_due, clocks.ack)
        }
        (
            case::Role::Requested,
            case::CaseState::Received | case::CaseState::Acknowledged | case::CaseState::PartlyAnswered,
        ) => ("respond", clocks.respond_due, clocks.respond),
        (_, case::CaseState::Notice | case::CaseState::AssistanceAnswered) if case.is_filed() => return None,
        (case::Role::Observer, _) if case.is_filed() => return None,
        (case::Role::Requester, _) if case.is_filed() => return None,
        (case::Role::Requester, case::CaseState::PartlyAnswered | case::CaseState::Answered) => {
            ("read", None, None)
        }
        (case::Role::Requester, case::CaseState::Refused) => ("read", None, None),
        (case::Role::Observer, case::CaseState::PartlyAnswered | case::CaseState::Answered) => {
            ("read", None, None)
        }
        (case::Role::Requested, case::CaseState::Notice) => ("read", None, None),
        (case::Role::Requested, case::CaseState::AssistanceAsked) => ("reply", None, None),
        (case::Role::Requester, case::CaseState::AssistanceAnswered) => ("read", None, None),
        (case::Role::Requested, case::CaseState::Mandate) if awaits_acceptance(gateway, case) => {
            ("accept", None, None)
        }
        _ => return None,
    };
    Some(InboxEntry {
        case: seen.case,
        peer: seen.peer,
        on_behalf_of: newest.on_behalf_of.as_ref().map(|named| named.principal.clone()),
        act: newest.kind,
        at: newest.at,
        todo: todo.to_owned(),
        can_comply: seen.can_comply.filter(|_| !seen.asks),
        due,
        standing: standing.map(stand),
        exercise: seen.exercise,
    })
}

/// Lists the clocks that run, the nearest end first.
pub fn deadlines(gateway: &Gateway) -> Vec<DeadlineView> {
    let now = gateway.now();
    let mut out = Vec::new();
    for slot in gateway.desk.active() {
        let Some(seen) = view(gateway, &slot.read()) else { continue };
        let clocks = [
            (Clock::Ack, seen.clocks.ack_due, seen.clocks.ack),
            (Clock::Respond, seen.clocks.respond_due, seen.clocks.respond),
        ];
        for (clock, due, standing) in clocks {
            let (Some(due), Some(standing)) = (due, standing) else { continue };
            if matches!(standing, deadline::Standing::Met | deadline::Standing::MetLate) {
                continue;
            }
            out.push(DeadlineView {
                case: seen.case.clone(),
                clock,
                role: role(seen.role),
                peer: seen.peer.clone(),
                due,
                standing: stand(standing),
                seconds_left: due.seconds_since(now),
            });
        }
    }
    out.sort_by_key(|entry| (entry.due, entry.case.clone(), entry.clock));
    out
}

/// Lists all releases that were permitted or denied, newest first.
///
/// # Errors
/// What the store says if a case cannot be read.
pub fn releases(gateway: &Gateway) -> Result<Vec<ReleaseView>, NodeError> {
    let now = gateway.now();
    let mut out = Vec::new();
    for slot in gateway.desk.with_releases()? {
        let case = slot.read();
        let Some(opening) = case.opening() else { continue };
        out.extend(case.permits().map(|permit| permit_view(&case, &opening.case, permit, now)));
        out.extend(case.denials().map(|denial| {
            ReleaseView {
                id: denial.id.as_str().to_owned(),
                case: opening.case.clone(),
                state: ReleaseState::Denied,
                to: denial.to.name.clone(),
                purpose: denial.purpose,
                officer: denial.officer.clone(),
                elements: denial
                    .elements
                    .iter()
                    .map(|denied| element(&case, &denied.element.act, &denied.element.path))
                    .collect(),
                forbids: denial.elements.iter().map(forbid).collect(),
                basis: Vec::new(),
                rule: denial.elements.first().map(|denied| denied.rule.clone()),
                granted_at: denial.at,
                expires: None,
                digest: None,
                words: None,
                approvals: 0,
                agreed: 0,
                consents: Vec::new(),
                emergency: None,
                unreviewed: false,
            }
        }));
    }
    out.sort_by(|a, b| (b.granted_at, &b.id).cmp(&(a.granted_at, &a.id)));
    Ok(out)
}

fn permit_view(case: &Case, id: &CaseId, permit: &Permit, now: Timestamp) -> ReleaseView {
    let state = if case.permit_use(&permit.id).is_some() {
        ReleaseState::Used
    } else if case.barred(&permit.id).is_some_and(|bar| bar.officer.is_some()) {
        ReleaseState::Barred
    } else if now >= permit.expires || case.barred(&permit.id).is_some() {
        ReleaseState::Expired
    } else if case.agreed(permit) < permit.approvals && permit.emergency.is_none() {
        ReleaseState::AwaitingApproval
    } else {
        ReleaseState::Permitted
    };
    ReleaseView {
        id: permit.id.as_str().to_owned(),
        case: id.clone(),
        state,
        to: permit.to.name.clone(),
        purpose: permit.purpose,
        officer: permit.officer.clone(),
        elements: permit.elements.iter().map(|e| element(case, &e.act, &e.path)).collect(),
        forbids: Vec::new(),
        basis: permit.basis.iter().cloned().collect(),
        rule: None,
        granted_at: permit.granted_at,
        expires: Some(permit.expires),
        digest: Some(permit.digest()),
        words: Some(permit.words()),
        approvals: permit.approvals,
        agreed: case.agreed(permit),
        consents: permit.consents.iter().copied().collect(),
        emergency: permit.emergency.as_ref().map(|why| why.reveal().clone()),
        unreviewed: case.unreviewed().any(|other| other.id == permit.id),
    }
}

fn forbid(denied: &case::DeniedElement) -> ForbidView {
    let case::DeniedElement { element, rule, why } = denied;
    ForbidView { act: element.act, path: element.path.clone(), rule: rule.clone(), why: why.clone() }
}

fn element(case: &Case, act: &Digest, path: &str) -> ElementView {
    let codes = case.label(act, path).map(crate::model::Label::codes).unwrap_or_default();
    ElementView { path: path.to_owned(), restrictions: codes.into_iter().map(str::to_owned).collect() }
}

fn summary(gateway: &Gateway, case: &Case) -> Option<CaseView> {
    let seen = view(gateway, case)?;
    let newest = seen.acts.iter().filter(|act| act.direction == case::Direction::Sent).max_by_key(|a| a.at);
    let delivery = newest.map_or(Delivery::None, |act| delivery(gateway, &seen, act));
    Some(CaseView {
        role: role(seen.role),
        state: seen.state.code().to_owned(),
        can_comply: seen.can_comply,
        follows: seen.follows.as_ref().map(|follows| follows_view(gateway, case, &seen, follows)),
        received_at: seen.clocks.received_at,
        ack_due: seen.clocks.ack_due,
        ack_at: seen.clocks.ack_at,
        ack_sent_at: seen.ack_sent_at,
        ack_automatic: seen.ack_automatic,
        respond_due: seen.clocks.respond_due,
        responded_at: seen.clocks.responded_at,
        overdue: seen.clocks.overdue().into_iter().map(clock).collect(),
        due_soon: seen.clocks.due_soon().into_iter().map(clock).collect(),
        versions: seen.versions.iter().map(version).collect(),
        items: seen.items.iter().map(item).collect(),
        delay: seen.delay.as_ref().map(|delay| DelayView {
            act: delay.act,
            grounds: delay.grounds.iter().map(|ground| ground.code().to_owned()).collect(),
            expected: delay.expected,
        }),
        judgement: seen.judgement.as_ref().map(|made| JudgementView {
            at: made.at,
            officer: made.officer.clone(),
            reasonable: made.reasonable,
            reason: made.reason.reveal().clone(),
        }),
        questions: seen.questions.iter().map(question).collect(),
        outcomes: seen.outcomes.iter().map(outcome).collect(),
        reminders: reminders(gateway, case),
        restrictions: seen
            .restrictions
            .iter()
            .map(|r| ElementView {
                path: r.path.clone(),
                restrictions: r.codes.iter().map(|c| (*c).to_owned()).collect(),
            })
            .collect(),
        closed_at: case.filing().filter(|_| case.is_filed()).map(|filing| filing.at),
        delivery,
        flags: flags(&seen, None),
        exercise: seen.exercise,
        on_behalf_of: seen.behalf.as_ref().map(|behalf| behalf_view(gateway, case, behalf)),
        case: seen.case,
        peer: seen.peer,
    })
}

fn follows_view(
    gateway: &Gateway,
    case: &Case,
    seen: &case::View,
    follows: &case::FollowsFacts,
) -> FollowsView {
    // Only whoever asks holds the answer.
    let source = gateway.case_of(&follows.response).ok();
    let opening = source.and_then(|slot| slot.read().opening().cloned());
    let request = seen.versions.last().map(|version| version.digest);
    let codes = request.and_then(|request| Some(case.label(&request, "follows")?.codes()));
    FollowsView {
        response: follows.response,
        case: opening.as_ref().map(|opening| opening.case.clone()),
        answered_by: opening.map(|opening| opening.peer),
        quoted: follows.quoted.clone(),
        restrictions: codes.into_iter().flatten().map(str::to_owned).collect(),
        pending: follows.pending.clone(),
    }
}

fn act_view(gateway: &Gateway, case: &Case, seen: &case::View, act: &case::ActView) -> ActView {
    let automatic = act.kind == ActKind::Acknowledgement
        && case.act(&act.digest).is_some_and(|record| record.facts.is_automatic());
    let receipt = act.arrived_at.map(|received_at| {
        let by = match act.direction {
            case::Direction::Sent => seen.peer.clone(),
            case::Direction::Received => gateway.me().clone(),
        };
        ReceiptView { by, received_at }
    });
    ActView {
        kind: act.kind,
        digest: act.digest,
        issuer: act.issuer.clone(),
        on_behalf_of: act.on_behalf_of.as_ref().map(|named| named.principal.clone()),
        direction: match act.direction {
            case::Direction::Sent => Direction::Sent,
            case::Direction::Received => Direction::Received,
        },
        at: act.at,
        automatic,
        receipt,
        delivery: delivery(gateway, seen, act),
        flags: flags(seen, Some(&act.digest)).into_iter().chain(compromised(gateway, act)).collect(),
    }
}

/// Tells whether others may have held the key that signed an act when it arrived.
fn compromised(gateway: &Gateway, act: &case::ActView) -> Option<String> {
    let directory = gateway.directory();
    let entry = directory.entry(&act.issuer).ok()?;
    let since = |key: &CertifiedKey| key.retired.as_ref()?.compromised_since;
    // The statement is opened only where some key of its issuer was compromised at all.
    entry.seals().iter().find_map(since)?;
    let statement = gateway.ledger.body(&act.digest).ok()??.statement;
    let (seal, _) = ClaimedStatement::trust(&statement).ok()?;
    let since = since(entry.certificate(Role::Seal, &seal).ok()?)?;
    (act.arrived_at.unwrap_or(act.at) >= since).then(|| "compromised_key".to_owned())
}

fn delivery(gateway: &Gateway, seen: &case::View, act: &case::ActView) -> Delivery {
    match (act.direction, act.arrived_at) {
        (case::Direction::Received, _) => Delivery::None,
        (case::Direction::Sent, Some(_)) => Delivery::Delivered,
        (case::Direction::Sent, None) => {
            match gateway.couriers.get(&seen.peer).and_then(|courier| courier.waits(&act.digest)) {
                Some(true) => Delivery::Refused,
                Some(false) | None => Delivery::Queued,
            }
        }
    }
}

fn behalf_view(gateway: &Gateway, case: &Case, behalf: &case::Behalf) -> BehalfView {
    let mandates = named_in(case);
    let known = gateway.mandates.get();
    let ended = |mandate: &Digest| known.ended(&behalf.principal, mandate).is_some();
    BehalfView {
        principal: behalf.principal.clone(),
        agent: behalf.agent.clone(),
        revoked: !mandates.is_empty() && mandates.iter().all(ended),
        mandates,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
fn awaits_acceptance(gateway: &Gateway, case: &Case) -> bool {
    let known = gateway.mandates.get();
    let mut given = case.acts().filter_map(|record| match &record.facts.body {
        case::Body::Mandate { mandate, .. } => known.get(mandate),
        _ => None,
    });
    given.any(|held| {
        held.terms.agent == *gateway.me()
            && !held.accepted
            && known.ended(&held.terms.principal, &held.mandate).is_none()
    })
}

/// Lists the flags of one act, or those of the whole case and all its acts.
fn flags(seen: &case::View, act: Option<&Digest>) -> Vec<String> {
    let wanted = seen.flags.iter().filter(|flag| act.is_none() || flag.act.as_ref() == act);
    let mut codes: Vec<String> = wanted.map(|flag| flag.code.code().to_owned()).collect();
    codes.dedup();
    codes
}

fn version(version: &case::VersionView) -> VersionView {
    VersionView {
        version: version.version,
        digest: version.digest,
        returned_by: version.returned_by,
        received_at: version.clocks.received_at,
        ack_due: version.clocks.ack_due,
        respond_due: version.clocks.respond_due,
    }
}

fn item(item: &case::ItemView) -> ItemView {
    ItemView {
        item: item.item,
        state: item.state.code().to_owned(),
        outcome: match item.state {
            ItemState::Answered(outcome) => Some(outcome),
            ItemState::Open | ItemState::Refused | ItemState::Returned | ItemState::Withdrawn => None,
        },
        received_at: item.clocks.received_at,
        ack_due: item.clocks.ack_due,
        ack_at: item.clocks.ack_at,
        respond_due: item.clocks.respond_due,
        responded_at: item.clocks.responded_at,
        overdue: item.clocks.overdue().into_iter().map(clock).collect(),
    }
}

fn question(question: &case::QuestionView) -> QuestionView {
    QuestionView {
        digest: question.digest,
        by: question.issuer.clone(),
        about: question.about,
        answer: question.answer,
    }
}

fn outcome(told: &case::OutcomeView) -> OutcomeView {
    OutcomeView {
        by: told.issuer.clone(),
        item: told.item,
        point_of_diversion: told.point_of_diversion,
        prosecution: told.prosecution,
    }
}

fn reminders(gateway: &Gateway, case: &Case) -> Vec<ReminderView> {
    let owed = case::reminders(case, gateway.now(), warning(gateway));
    let shown = |reminder: case::Reminder| ReminderView {
        code: reminder.code.code().to_owned(),
        owed_by: role(reminder.owed_by),
        about: reminder.about,
        due: reminder.due,
    };
    owed.into_iter().map(shown).collect()
}

const fn role(role: case::Role) -> CaseRole {
    match role {
        case::Role::Requester => CaseRole::Requester,
        case::Role::Requested => CaseRole::Requested,
        case::Role::Observer => CaseRole::Observer,
    }
}

const fn clock(clock: deadline::Clock) -> Clock {
    match clock {
        deadline::Clock::Ack => Clock::Ack,
        deadline::Clock::Respond => Clock::Respond,
    }
}

const fn stand(standing: deadline::Standing) -> Standing {
    match standing {
        deadline::Standing::Running => Standing::Running,
        deadline::Standing::DueSoon => Standing::DueSoon,
        deadline::Standing::Overdue => Standing::Overdue,
        deadline::Standing::Met => Standing::Met,
        deadline::Standing::MetLate => Standing::MetLate,
    }
}
