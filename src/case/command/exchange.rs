//! Acts of clause 9 and 5.3: each opens a case of its own kind, in which no clock of ISACS 8.3 runs.

use super::{Decision, Draft, opened};
use crate::case::{Body, Case, Event, Opening, Refused};
use crate::model::{Act, ActKind};
use crate::rules::exchange;

pub(super) fn open(case: &Case, opening: Opening, act: Act) -> Result<Decision, Refused> {
    if case.opening().is_some() {
        return Err(Refused::CaseExists);
    }
    if opening.me == opening.peer {
        return Err(Refused::ToSelf);
    }
    if !opening.case.minted_by(&opening.me) {
        return Err(Refused::NotMinter(opening.me));
    }
    if !act.kind().opens_exchange() {
        return Err(Refused::NoRequest);
    }
    Refused::unless_complete(exchange::check(&act))?;
    let draft =
        Draft { act, aud: opening.audience(), parents: Vec::new(), exercise: false, on_behalf_of: None };
    Ok(Decision { events: vec![Event::Opened(opening)], draft: Some(draft), ..Decision::default() })
}

/// Accepts or ends a mandate, or answers a request for assistance, in the case that this opened.
pub(super) fn follow(case: &Case, act: Act) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    let asked = |kind| folded.order.iter().find(|record| record.facts.kind() == kind);
    let fits = match &act {
        Act::Mandate(accepted) => folded.order.iter().any(|record| {
            matches!(&record.facts.body, Body::Mandate { mandate, terms, .. }
                if *mandate == accepted.mandate && terms.agent == opening.me)
        }),
        Act::MandateRevocation(_) => asked(ActKind::Mandate).is_some(),
        Act::AssistanceReply(reply) => asked(ActKind::AssistanceRequest).is_some_and(|record| {
            record.facts.header.digest == reply.request && record.facts.header.issuer == opening.peer
        }),
        Act::Request(_)
        | Act::Acknowledgement(_)
        | Act::ReturnIncomplete(_)
        | Act::Resubmission(_)
        | Act::Response(_)
        | Act::Delay(_)
        | Act::Refusal(_)
        | Act::ClarificationRequest(_)
        | Act::Clarification(_)
        | Act::Withdrawal(_)
        | Act::OutcomeNotice(_)
        | Act::ConsentRequest(_)
        | Act::ConsentGrant(_)
        | Act::ConsentDenial(_)
        | Act::ConsentWithdrawal(_)
        | Act::DisclosureNotice(_)
        | Act::Notice(_)
        | Act::AssistanceRequest(_) => false,
    };
    if !fits {
        return Err(Refused::NoRequest);
    }
    Refused::unless_complete(exchange::check(&act))?;
    Ok(Decision::draft(opening, &folded, act))
}
