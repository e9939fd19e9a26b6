use crate::control::Command;
use crate::model::Role;

/// What a verb does to a case, as far as roles care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Reads states and dates, no content.
    Follow,
    /// Prepares drafts and moves the queue; commits the NPC to nothing.
    Prepare,
    /// Speaks for the NPC.
    Act,
    /// Sees content: the identity of weapons and persons (ISACS 8.4 a).
    See,
}

impl Command {
    /// Returns what the verb does.
    pub const fn duty(&self) -> Duty {
        match self {
            Self::GatewayStatus
            | Self::GatewayClock { lower: None }
            | Self::GatewayDoctor
            | Self::RelayStatus
            | Self::PeerList
            | Self::InboxList
            | Self::CaseList { .. }
            | Self::CaseShow { reveal: false, .. }
            | Self::ReleaseList
            | Self::ApprovalList
            | Self::CaseHistory { .. }
            | Self::EvidenceHead { .. }
            | Self::ConsentList
            | Self::DeadlineList
            | Self::ReportRestrictions { .. }
            | Self::MandateList
            | Self::NoticeList
            | Self::AssistanceList
            | Self::QueueList => Duty::Follow,
            Self::PeerPing { .. }
            | Self::CaseTemplate { .. }
            | Self::CaseAttachments { .. }
            | Self::AttachmentOffer { .. }
            | Self::AttachmentPut { .. }
            | Self::FederationSync { .. }
            | Self::QueueRetry { .. }
            | Self::QueueExport { .. }
            | Self::QueueHanded { .. }
            | Self::QueueFiles { .. }
            | Self::QueuePiece { .. }
            | Self::QueueImport { .. } => Duty::Prepare,
            Self::GatewayBackup
            | Self::GatewayClock { lower: Some(_) }
            | Self::GatewayRecover { .. }
            | Self::CaseAck { .. }
            | Self::IdentityRotate { .. }
            | Self::CaseRespond { .. }
            | Self::CaseRefuse { .. }
            | Self::CaseReturn { .. }
            | Self::CaseJudge { .. }
            | Self::CaseDelay { .. }
            | Self::CaseClarify { .. }
            | Self::CaseWithdraw { .. }
            | Self::CaseClose { .. }
            | Self::CaseOutcome { .. }
            | Self::ApprovalApprove { .. }
            | Self::ApprovalReturn { .. }
            | Self::ReleaseApprove { .. }
            | Self::ReleaseDeny { .. }
            | Self::ReleaseReview { .. }
            | Self::ReleaseNotify { .. }
            | Self::ConsentAsk { .. }
            | Self::ConsentGrant { .. }
            | Self::ConsentDeny { .. }
            | Self::ConsentWithdraw { .. }
            | Self::MandateGrant { .. }
            | Self::MandateAccept { .. }
            | Self::MandateTell { .. }
            | Self::MandateRevoke { .. }
            | Self::NoticeNew { .. }
            | Self::AssistanceAsk { .. }
            | Self::AssistanceReply { .. }
            | Self::RequestResubmit { .. }
            | Self::RequestSubmit { .. } => Duty::Act,
            Self::CaseShow { reveal: true, .. }
            | Self::CasePrint { .. }
            | Self::AttachmentRead { .. }
            | Self::NoticeShow { .. }
            | Self::ApprovalShow { .. }
            | Self::ApprovalFile { .. }
            | Self::CaseFollow { .. }
            | Self::ReleaseRequest { .. }
            | Self::EvidenceExport { .. }
            | Self::EvidenceProof { .. }
            | Self::EvidenceCustody { .. }
            | Self::ReleaseShow { .. } => Duty::See,
        }
    }
}

/// Tells whether an officer in `role` may use this verb (DESIGN §8); policy can narrow it, nothing widens it.
pub const fn permitted(role: Role, command: &Command) -> bool {
    match (role, command.duty()) {
        (Role::Officer | Role::Supervisor, Duty::Follow | Duty::Prepare | Duty::Act | Duty::See)
        | (Role::Clerk, Duty::Follow | Duty::Prepare)
        | (Role::Auditor, Duty::Follow) => true,
        (Role::Clerk, Duty::Act | Duty::See) | (Role::Auditor, Duty::Prepare | Duty::Act | Duty::See) => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CaseId;

    fn show(reveal: bool) -> Command {
        Command::CaseShow { case: CaseId::mint(&"XAA".parse().unwrap(), 2026, 1), reveal }
    }

    #[test]
    fn an_auditor_follows_but_neither_sees_nor_acts() {
        assert!(permitted(Role::Auditor, &show(false)));
        assert!(!permitted(Role::Auditor, &show(true)));
        assert!(!permitted(Role::Auditor, &Command::QueueRetry { id: None }));
    }

    #[test]
    fn a_clerk_prepares_but_does_not_speak_for_the_npc() {
        let ack = Command::CaseAck { case: CaseId::mint(&"XAA".parse().unwrap(), 2026, 1), note: None };
        assert!(permitted(Role::Clerk, &Command::QueueRetry { id: None }));
        assert!(!permitted(Role::Clerk, &ack));
        assert!(!permitted(Role::Clerk, &Command::ReleaseShow { id: "R-00000000".into() }));
        assert!(permitted(Role::Officer, &ack) && permitted(Role::Supervisor, &ack));
    }
}
