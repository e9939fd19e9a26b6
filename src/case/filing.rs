use super::fold::{Folded, Version};
use super::{ActRecord, Case, ConsentState, Decision, Direction, Event, Refused, Role, consents};
use crate::model::{ActKind, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// An officer has put a case away: nothing is left to do about the acts that it held then.
///
/// It is a local act and says nothing to the other side. An act that comes later brings the case back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Filing {
    /// How many acts the case held.
    pub acts: u64,
    /// When.
    pub at: Timestamp,
    /// Which officer.
    pub officer: String,
    /// Why nothing follows, where no outcome was told; it names no weapon and no person.
    pub reason: Option<Text>,
}

/// Tells whether nothing in a case waits for anybody: all is answered and receipted, no question is open,
/// and an officer of the requesting side has put it away. Such a case need not be kept in memory.
pub fn is_at_rest(case: &Case) -> bool {
    let Some(opening) = case.opening() else { return false };
    let folded = Folded::of(case, opening);
    let settled = folded.current().is_some_and(is_over);
    let receipted =
        case.acts().all(|record| record.direction == Direction::Received || case.arrival(record).is_some());
    let asked = folded.questions.values().any(|question| question.answer.is_none());
    let consents = consents(case, case.latest());
    let consented = consents.iter().any(|c| matches!(c.state, ConsentState::Asked | ConsentState::Granted));
    let read = opening.role == Role::Requested || case.is_filed();
    // A mandate is asked for at every act that rests on it.
    let mandates = case
        .acts()
        .any(|record| matches!(record.facts.kind(), ActKind::Mandate | ActKind::MandateRevocation));
    settled && !mandates && receipted && folded.waiting.is_empty() && !asked && !consented && read
}

/// Puts a case away (ISACS 7.7.1 d: it does not close silently).
pub(super) fn file(
    case: &Case,
    officer: String,
    reason: Option<Text>,
    now: Timestamp,
) -> Result<Decision, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    let folded = Folded::of(case, opening);
    let exchanged = folded.current().is_none() && folded.order.iter().any(is_read);
    if !folded.current().is_some_and(is_over) && !exchanged {
        return Err(Refused::StillOpen);
    }
    let told = folded.order.iter().any(|record| {
        record.facts.kind() == ActKind::OutcomeNotice && record.facts.header.issuer == opening.me
    });
    if opening.role == Role::Requester && !told && !exchanged && reason.is_none() {
        return Err(Refused::OutcomeNotTold);
    }
    let filing = Filing { acts: case.acts.len() as u64, at: now, officer, reason };
    Ok(Decision { events: vec![Event::Filed(filing)], ..Decision::default() })
}

/// A notice, or the answer to a request for assistance, leaves nothing to do but to read it.
fn is_read(record: &&ActRecord) -> bool {
    matches!(record.facts.kind(), ActKind::Notice | ActKind::AssistanceReply)
}

fn is_over(version: &Version<'_>) -> bool {
    version.withdrawn || (version.returned.is_none() && version.is_settled())
}
