use super::{Case, CaseState, QuestionView, Role, View, view};
use crate::model::{Digest, Timestamp};
use crate::rules::deadline::{Standing, Warning, has_passed};

/// Something that one side owes and has not done; derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reminder {
    /// What is owed.
    pub code: ReminderCode,
    /// Who owes it.
    pub owed_by: Role,
    /// The act to which it is owed.
    pub about: Digest,
    /// The first instant at which it is late, where there is one.
    pub due: Option<Timestamp>,
}

/// What a side can owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReminderCode {
    /// The acknowledgement is due soon (ISACS 8.3.1).
    AckDueSoon,
    /// The acknowledgement is late.
    AckOverdue,
    /// The response is due soon (ISACS 8.3.4.1).
    ResponseDueSoon,
    /// The response is late.
    ResponseOverdue,
    /// The day for which a delay announced the response has passed (ISACS 8.3.4.2).
    DelayPassed,
    /// No officer has judged the chance of success of an incomplete request (ISACS 8.3.2 ¶3).
    ChanceNotJudged,
    /// A returned request has not been submitted again (ISACS 8.3.2 ¶2).
    ResubmissionAwaited,
    /// A question has no answer (ISACS 8.3.4.2).
    ClarificationAwaited,
}

impl ReminderCode {
    /// Returns the code as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AckDueSoon => "ack_due_soon",
            Self::AckOverdue => "ack_overdue",
            Self::ResponseDueSoon => "response_due_soon",
            Self::ResponseOverdue => "response_overdue",
            Self::DelayPassed => "delay_passed",
            Self::ChanceNotJudged => "chance_not_judged",
            Self::ResubmissionAwaited => "resubmission_awaited",
            Self::ClarificationAwaited => "clarification_awaited",
        }
    }
}

/// Lists what either side owes in a case at `now`; both sides derive the same from the same evidence,
/// except that a chance to be judged is known only where it is judged.
pub fn reminders(case: &Case, now: Timestamp, warn: Warning) -> Vec<Reminder> {
    let Some(shown) = view(case, now, warn) else { return Vec::new() };
    let open = shown.questions.iter().filter(|question| question.answer.is_none());
    let mut due: Vec<Reminder> = open.map(|question| clarification(&shown, question)).collect();
    let Some(version) = shown.versions.last() else { return due };
    let requested = |code, due| Reminder { code, owed_by: Role::Requested, about: version.digest, due };
    let clocks = &shown.clocks;
    let ack = at_standing(clocks.ack, ReminderCode::AckDueSoon, ReminderCode::AckOverdue);
    due.extend(ack.map(|code| requested(code, clocks.ack_due)));
    if shown.state == CaseState::Returned {
        // The requester has the next word, whatever the response clock says.
        let about = version.returned_by.unwrap_or(version.digest);
        let code = ReminderCode::ResubmissionAwaited;
        due.push(Reminder { code, owed_by: Role::Requester, about, due: None });
        return due;
    }
    let respond = at_standing(clocks.respond, ReminderCode::ResponseDueSoon, ReminderCode::ResponseOverdue);
    due.extend(respond.map(|code| requested(code, clocks.respond_due)));
    if shown.delay.as_ref().and_then(|delay| delay.expected).is_some_and(|date| has_passed(date, now)) {
        due.push(requested(ReminderCode::DelayPassed, None));
    }
    if shown.unjudged {
        due.push(requested(ReminderCode::ChanceNotJudged, None));
    }
    due
}

fn clarification(shown: &View, question: &QuestionView) -> Reminder {
    let owed_by = match (shown.asks, question.issuer == shown.peer) {
        (true, true) | (false, false) => Role::Requester,
        (true, false) | (false, true) => Role::Requested,
    };
    Reminder { code: ReminderCode::ClarificationAwaited, owed_by, about: question.digest, due: None }
}

fn at_standing(
    standing: Option<Standing>,
    soon: ReminderCode,
    overdue: ReminderCode,
) -> Option<ReminderCode> {
    match standing? {
        Standing::DueSoon => Some(soon),
        Standing::Overdue => Some(overdue),
        Standing::Running | Standing::Met | Standing::MetLate => None,
    }
}
