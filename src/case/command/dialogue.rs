//! What either side does.

use super::{Decision, opened};
use crate::case::{Case, Refused};
use crate::model::{Act, Clarification, ClarificationRequest, Digest, OutcomeNotice, Text};
use crate::rules::course;

/// A question about any act of the other side, such as the reasons of a refusal (ISACS 8.3.4.2).
pub(super) fn ask(case: &Case, about: Digest, question: Text) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    let theirs = folded.order.iter().map(|record| &record.facts.header).find(|h| h.digest == about);
    if theirs.is_none_or(|header| header.issuer != opening.peer) {
        return Err(Refused::UnknownAct(about));
    }
    let question = ClarificationRequest { about, question };
    Refused::unless_complete(course::question_check(&question))?;
    Ok(Decision::draft(opening, &folded, Act::ClarificationRequest(question)))
}

pub(super) fn clarify(case: &Case, question: Digest, answer: Text) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    let asked = folded.questions.get(&question);
    if asked.is_none_or(|asked| asked.record.facts.header.issuer != opening.peer) {
        return Err(Refused::UnknownQuestion(question));
    }
    let clarification = Clarification { request_for: question, answer };
    Refused::unless_complete(course::clarification_check(&clarification))?;
    Ok(Decision::draft(opening, &folded, Act::Clarification(clarification)))
}

/// What came of the trace; it may be told at any time, also after the end of the case (ISACS 5.3).
pub(super) fn tell_outcome(case: &Case, notice: OutcomeNotice) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    let version = folded.current().ok_or(Refused::NoRequest)?;
    let expected = version.request.facts.header.digest;
    if notice.request != expected {
        return Err(Refused::WrongRequest { named: notice.request, expected });
    }
    let count = u32::try_from(version.items.len()).unwrap_or(u32::MAX);
    Refused::unless_complete(course::outcome_check(count, &notice))?;
    Ok(Decision::draft(opening, &folded, Act::OutcomeNotice(notice)))
}
