mod consent;
mod course;
mod exchange;
mod incomplete;
pub mod kinded;
mod mandate;
mod request;
mod response;

pub use consent::*;
pub use course::*;
pub use exchange::*;
pub use incomplete::*;
pub use mandate::*;
pub use request::*;
pub use response::*;

use super::{Digest, Ground, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// Which act a statement makes (DESIGN §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// A tracing request (ISACS 8.1, 8.2).
    Request,
    /// The acknowledgement of its receipt (ISACS 8.3.1).
    Acknowledgement,
    /// The return of an incomplete request (ISACS 8.3.2).
    ReturnIncomplete,
    /// A returned request, submitted again (ISACS 8.3.2).
    Resubmission,
    /// A response (ISACS 8.3.3).
    Response,
    /// The announcement of a delay (ISACS 8.3.4.2).
    Delay,
    /// A refusal (ISACS 8.3.4.2).
    Refusal,
    /// A question about an act of the other side (ISACS 8.3.4.2).
    ClarificationRequest,
    /// The answer to such a question.
    Clarification,
    /// The withdrawal of a request.
    Withdrawal,
    /// What came of a trace (ISACS 5.3, 10.2 c).
    OutcomeNotice,
    /// A mandate that is given or accepted (ISACS 9.3).
    Mandate,
    /// The end of a mandate.
    MandateRevocation,
    /// Information that belongs to no trace (ISACS 9.6).
    Notice,
    /// A request for assistance (ISACS 5.3, 9.1).
    AssistanceRequest,
    /// The answer to one.
    AssistanceReply,
    /// The question whether information may be passed on (ISACS 8.3.4.2 f).
    ConsentRequest,
    /// The consent to it (ISACS 8.3.4.2 f).
    ConsentGrant,
    /// The refusal of that consent.
    ConsentDenial,
    /// The withdrawal of a consent.
    ConsentWithdrawal,
    /// The notice that a disclosure is compelled (ISACS 8.4).
    DisclosureNotice,
}

impl ActKind {
    /// Every kind, in the order of a case.
    pub const ALL: [Self; 21] = [
        Self::Request,
        Self::Acknowledgement,
        Self::ReturnIncomplete,
        Self::Resubmission,
        Self::Response,
        Self::Delay,
        Self::Refusal,
        Self::ClarificationRequest,
        Self::Clarification,
        Self::Withdrawal,
        Self::OutcomeNotice,
        Self::Mandate,
        Self::MandateRevocation,
        Self::Notice,
        Self::AssistanceRequest,
        Self::AssistanceReply,
        Self::ConsentRequest,
        Self::ConsentGrant,
        Self::ConsentDenial,
        Self::ConsentWithdrawal,
        Self::DisclosureNotice,
    ];

    /// Returns the code as the wire and JSON write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Acknowledgement => "acknowledgement",
            Self::ReturnIncomplete => "return_incomplete",
            Self::Resubmission => "resubmission",
            Self::Response => "response",
            Self::Delay => "delay",
            Self::Refusal => "refusal",
            Self::ClarificationRequest => "clarification_request",
            Self::Clarification => "clarification",
            Self::Withdrawal => "withdrawal",
            Self::OutcomeNotice => "outcome_notice",
            Self::ConsentRequest => "consent_request",
            Self::ConsentGrant => "consent_grant",
            Self::ConsentDenial => "consent_denial",
            Self::ConsentWithdrawal => "consent_withdrawal",
            Self::DisclosureNotice => "disclosure_notice",
            Self::Mandate => "mandate",
            Self::MandateRevocation => "mandate_revocation",
            Self::Notice => "notice",
            Self::AssistanceRequest => "assistance_request",
            Self::AssistanceReply => "assistance_reply",
        }
    }

    /// Finds a kind by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }

    /// Tells whether such an act opens a case that is no trace (ISACS 5.3, 9).
    pub const fn opens_exchange(self) -> bool {
        matches!(self, Self::Mandate | Self::MandateRevocation | Self::Notice | Self::AssistanceRequest)
    }
}

/// What one party says to another in a case. It is serialised as its body; the kind travels apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Act {
    /// A tracing request.
    Request(Box<Request>),
    /// An acknowledgement.
    Acknowledgement(Acknowledgement),
    /// The return of an incomplete request.
    ReturnIncomplete(ReturnIncomplete),
    /// A returned request, submitted again.
    Resubmission(Resubmission),
    /// A response.
    Response(Response),
    /// The announcement of a delay.
    Delay(Delay),
    /// A refusal.
    Refusal(Refusal),
    /// A question about an act.
    ClarificationRequest(ClarificationRequest),
    /// The answer to a question.
    Clarification(Clarification),
    /// The withdrawal of a request.
    Withdrawal(Withdrawal),
    /// What came of a trace.
    OutcomeNotice(OutcomeNotice),
    /// The question whether information may be passed on (ISACS 8.3.4.2 f).
    ConsentRequest(ConsentRequest),
    /// The consent to it (ISACS 8.3.4.2 f).
    ConsentGrant(ConsentGrant),
    /// The refusal of that consent.
    ConsentDenial(ConsentDenial),
    /// The withdrawal of a consent.
    ConsentWithdrawal(ConsentWithdrawal),
    /// The notice that a disclosure is compelled (ISACS 8.4).
    DisclosureNotice(DisclosureNotice),
    /// A mandate that is given or accepted.
    Mandate(Box<Mandate>),
    /// The end of a mandate.
    MandateRevocation(MandateRevocation),
    /// Information that belongs to no trace.
    Notice(Notice),
    /// A request for assistance.
    AssistanceRequest(AssistanceRequest),
    /// The answer to one.
    AssistanceReply(AssistanceReply),
}

impl Act {
    /// Returns which act this is.
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::Request(_) => ActKind::Request,
            Self::Acknowledgement(_) => ActKind::Acknowledgement,
            Self::ReturnIncomplete(_) => ActKind::ReturnIncomplete,
            Self::Resubmission(_) => ActKind::Resubmission,
            Self::Response(_) => ActKind::Response,
            Self::Delay(_) => ActKind::Delay,
            Self::Refusal(_) => ActKind::Refusal,
            Self::ClarificationRequest(_) => ActKind::ClarificationRequest,
            Self::Clarification(_) => ActKind::Clarification,
            Self::Withdrawal(_) => ActKind::Withdrawal,
            Self::OutcomeNotice(_) => ActKind::OutcomeNotice,
            Self::ConsentRequest(_) => ActKind::ConsentRequest,
            Self::ConsentGrant(_) => ActKind::ConsentGrant,
            Self::ConsentDenial(_) => ActKind::ConsentDenial,
            Self::ConsentWithdrawal(_) => ActKind::ConsentWithdrawal,
            Self::DisclosureNotice(_) => ActKind::DisclosureNotice,
            Self::Mandate(_) => ActKind::Mandate,
            Self::MandateRevocation(_) => ActKind::MandateRevocation,
            Self::Notice(_) => ActKind::Notice,
            Self::AssistanceRequest(_) => ActKind::AssistanceRequest,
            Self::AssistanceReply(_) => ActKind::AssistanceReply,
        }
    }

    /// Returns the request that this act makes, first or again, if it makes one.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Request(request) => Some(request),
            Self::Resubmission(again) => Some(&again.request),
            Self::Acknowledgement(_)
            | Self::ReturnIncomplete(_)
            | Self::Response(_)
            | Self::Delay(_)
            | Self::Refusal(_)
            | Self::ClarificationRequest(_)
            | Self::Clarification(_)
            | Self::Withdrawal(_)
            | Self::OutcomeNotice(_)
            | Self::ConsentRequest(_)
            | Self::ConsentGrant(_)
            | Self::ConsentDenial(_)
            | Self::ConsentWithdrawal(_)
            | Self::DisclosureNotice(_)
            | Self::Mandate(_)
            | Self::MandateRevocation(_)
            | Self::Notice(_)
            | Self::AssistanceRequest(_)
            | Self::AssistanceReply(_) => None,
        }
    }
}

/// Acknowledges receipt of a request; made by the NPC, apart from the gateway's receipt (ISACS 8.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The statement digest of the request.
    pub request: Digest,
    /// The instant of receipt that starts both clocks, repeated under the seal key.
    pub received_at: Timestamp,
    /// Whether the gateway made it on its own because no officer had within the configured days.
    pub automatic: bool,
    /// Words for the requesting NPC, such as a reference of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// Refuses to provide the information sought, with the reasons that are owed (ISACS 8.3.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The statement digest of the request.
    pub request: Digest,
    /// At least one ground, each with its reason.
    pub grounds: Vec<Ground>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kinds_code_is_what_json_writes() {
        for kind in ActKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
            assert_eq!(ActKind::from_code(kind.code()), Some(kind));
        }
    }
}
