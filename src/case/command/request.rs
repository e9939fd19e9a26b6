//! What the requesting side does.

use super::{Decision, Draft, opened};
use crate::case::{Case, Event, Opening, Refused, Role};
use crate::model::{Act, Request, Resubmission, Text, Withdrawal};
use crate::rules::{completeness, course};

pub(super) fn submit(
    case: &Case,
    opening: Opening,
    request: Box<Request>,
    exercise: bool,
) -> Result<Decision, Refused> {
    if case.opening().is_some() {
        return Err(Refused::CaseExists);
    }
    if opening.me == opening.peer {
        return Err(Refused::ToSelf);
    }
    if !opening.case.minted_by(&opening.me) {
        return Err(Refused::NotMinter(opening.me));
    }
    check(&request, &opening)?;
    let aud = opening.audience();
    let act = Act::Request(request);
    let draft = Draft { act, aud, parents: Vec::new(), exercise, on_behalf_of: None };
    Ok(Decision { events: vec![Event::Opened(opening)], draft: Some(draft), ..Decision::default() })
}

/// A new version in the same case, once the last one was returned (ISACS 8.3.2 ¶2).
pub(super) fn resubmit(case: &Case, request: Box<Request>) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    if opening.role != Role::Requester {
        return Err(Refused::NotRequester);
    }
    if folded.withdrawal.is_some() {
        return Err(Refused::Withdrawn);
    }
    let version = folded.current().ok_or(Refused::NoRequest)?;
    let returned = version.returned.ok_or(Refused::NotReturned)?;
    check(&request, opening)?;
    let again = Resubmission {
        previous: version.request.facts.header.digest,
        returned_by: returned.record.facts.header.digest,
        request,
    };
    Ok(Decision::draft(opening, &folded, Act::Resubmission(again)))
}

pub(super) fn withdraw(case: &Case, reason: Text) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    if opening.role != Role::Requester {
        return Err(Refused::NotRequester);
    }
    if folded.withdrawal.is_some() {
        return Err(Refused::Withdrawn);
    }
    let version = folded.current().ok_or(Refused::NoRequest)?;
    if version.is_settled() && version.returned.is_none() {
        return Err(Refused::AlreadyAnswered);
    }
    let withdrawal = Withdrawal { request: version.request.facts.header.digest, reason };
    Refused::unless_complete(course::withdrawal_check(&withdrawal))?;
    Ok(Decision::draft(opening, &folded, Act::Withdrawal(withdrawal)))
}

/// A request leaves to its addressee, and complete or with the reason why not.
fn check(request: &Request, opening: &Opening) -> Result<(), Refused> {
    // Where an agent is asked, the request is addressed to the State for which it is (ISACS 8.1, 9.3).
    let to = match &opening.behalf {
        Some(behalf) if behalf.agent == opening.peer => &behalf.principal,
        Some(_) | None => &opening.peer,
    };
    if let Some(named) = request.addressee.as_ref().map(|a| &a.party).filter(|named| *named != to) {
        return Err(Refused::AddresseeDiffers { named: named.clone(), to: to.clone() });
    }
    let missing = completeness::check(request).missing;
    // ISACS 8.3.2 ¶3 lets an incomplete request be processed for a reason; without an item there is none.
    let reasoned = request.incomplete_reason.as_ref().is_some_and(|r| !r.reveal().trim().is_empty());
    if !missing.is_empty() && (!reasoned || request.items.is_empty()) {
        return Err(Refused::Incomplete(missing));
    }
    Ok(())
}
