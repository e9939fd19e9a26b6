//! What the requested side does.

use super::{Decision, opened};
use crate::case::fold::{Folded, ItemState, Version};
use crate::case::{Case, ChanceJudgement, Event, Opening, Refused, Role};
use crate::model::{
    Acknowledgement, Act, Delay, Digest, MissingElement, Outcome, Refusal, Response, ReturnIncomplete, Text,
    Timestamp,
};
use crate::rules::{response, returns};

pub(super) fn acknowledge(case: &Case, automatic: bool, note: Option<Text>) -> Result<Decision, Refused> {
    answer(case, None, |version| {
        if version.is_touched() {
            return Err(Refused::AlreadyAnswered);
        }
        if version.acknowledged {
            return Err(Refused::AlreadyAcknowledged);
        }
        let received_at = version.received_at.ok_or(Refused::NoRequest)?;
        let request = version.request.facts.header.digest;
        Ok(Act::Acknowledgement(Acknowledgement { request, received_at, automatic, note }))
    })
}

/// ISACS 8.3.2 ¶3: an officer weighs what was given although not everything could be.
pub(super) fn judge_chance(
    case: &Case,
    officer: String,
    reasonable: bool,
    reason: Text,
    now: Timestamp,
) -> Result<Decision, Refused> {
    let (_, folded) = answering(case)?;
    let version = folded.current().ok_or(Refused::NoRequest)?;
    if version.is_settled() {
        return Err(Refused::AlreadyAnswered);
    }
    if !version.request.facts.request().is_some_and(|request| request.wants_judgement()) {
        return Err(Refused::NothingToJudge);
    }
    Refused::unless_complete(returns::judgement_check(&reason))?;
    let request = version.request.facts.header.digest;
    let judgement = ChanceJudgement { at: now, request, officer, reasonable, reason };
    Ok(Decision { events: vec![Event::ChanceJudged(judgement)], ..Decision::default() })
}

pub(super) fn give_back(case: &Case, missing: Vec<MissingElement>) -> Result<Decision, Refused> {
    answer(case, None, |version| {
        if version.is_touched() {
            return Err(Refused::AlreadyAnswered);
        }
        let request = version.request.facts.header.digest;
        let hopeless = case.judgement(&request).filter(|judgement| !judgement.reasonable);
        let judgement = hopeless.map(|judgement| judgement.reason.clone());
        let returned = ReturnIncomplete { request, missing, judgement };
        Refused::unless_complete(returns::check(&returned))?;
        let wants = returned.missing.iter().map(|m| m.clause.clone()).collect();
        let facts = version.request.facts.request().ok_or(Refused::NoRequest)?;
        facts.returnable(&wants, returned.judgement.is_some())?;
        Ok(Act::ReturnIncomplete(returned))
    })
}

pub(super) fn respond(case: &Case, response: Response) -> Result<Decision, Refused> {
    answer(case, Some(response.request), |version| {
        if version.refused {
            return Err(Refused::AlreadyRefused);
        }
        let count = u32::try_from(version.items.len()).unwrap_or(u32::MAX);
        let findings = response::check(count, &response).missing;
        if !findings.is_empty() {
            return Err(Refused::ResponseInvalid(findings));
        }
        let states = || version.items.iter().map(|item| item.state);
        let closed = |state| !matches!(state, ItemState::Open | ItemState::Answered(Outcome::Partial));
        let again = (0u32..)
            .zip(states())
            .find(|(number, state)| closed(*state) && response.items.iter().any(|a| a.item == *number));
        match again {
            Some(_) if states().all(closed) => Err(Refused::AlreadyAnswered),
            Some((number, _)) => Err(Refused::ItemAnswered(number)),
            None => Ok(Act::Response(response)),
        }
    })
}

pub(super) fn delay(case: &Case, delay: Delay) -> Result<Decision, Refused> {
    answer(case, Some(delay.request), |version| {
        if version.is_settled() {
            return Err(Refused::AlreadyAnswered);
        }
        Refused::unless_complete(response::delay_check(&delay))?;
        Ok(Act::Delay(delay))
    })
}

pub(super) fn refuse(case: &Case, refusal: Refusal) -> Result<Decision, Refused> {
    answer(case, Some(refusal.request), |version| {
        if version.refused {
            return Err(Refused::AlreadyRefused);
        }
        if version.is_settled() {
            return Err(Refused::AlreadyAnswered);
        }
        let findings = response::refusal_check(&refusal).missing;
        if findings.is_empty() { Ok(Act::Refusal(refusal)) } else { Err(Refused::RefusalInvalid(findings)) }
    })
}

/// Drafts an act of the requested side on the current version; `names` is the request that it names itself.
fn answer(
    case: &Case,
    names: Option<Digest>,
    act: impl FnOnce(&Version<'_>) -> Result<Act, Refused>,
) -> Result<Decision, Refused> {
    let (opening, folded) = answering(case)?;
    let version = folded.current().ok_or(Refused::NoRequest)?;
    let expected = version.request.facts.header.digest;
    if let Some(named) = names.filter(|named| *named != expected) {
        return Err(Refused::WrongRequest { named, expected });
    }
    Ok(Decision::draft(opening, &folded, act(version)?))
}

/// Folds a case in which this side has a request to answer.
fn answering(case: &Case) -> Result<(&Opening, Folded<'_>), Refused> {
    let (opening, folded) = opened(case)?;
    if opening.role != Role::Requested {
        return Err(Refused::NotRequested);
    }
    if folded.withdrawal.is_some() {
        return Err(Refused::Withdrawn);
    }
    if folded.current().is_some_and(|version| version.returned.is_some()) {
        return Err(Refused::AlreadyReturned);
    }
    Ok((opening, folded))
}
