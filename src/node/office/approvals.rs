//! What waits for a second officer (DESIGN §8, §12.11).

use crate::case::{HeldAct, HeldEnd, Word};
use crate::control::{ApprovalState, ApprovalView};
use crate::model::{Digest, HeldId, OfficerSignature, Text};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{record, unknown};

pub(super) fn list(gateway: &Gateway) -> Result<Vec<ApprovalView>, NodeError> {
    Ok(gateway.ledger.waiting()?.iter().map(view).collect())
}

/// Shows what an act says that waits; the look is on record before anything is shown (ISACS 8.4 a).
pub(super) async fn show(gateway: &Gateway, officer: &str, id: &str) -> Result<ApprovalView, NodeError> {
    let act = gateway.waiting(&named(id)?)?;
    record(gateway, officer, "approval.show", Some(&act.held.case)).await?;
    let words = gateway.held_body(&act)?.words;
    Ok(ApprovalView { words: Some(words), ..view(&act) })
}

pub(super) async fn approve(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    digest: Digest,
    signature: Option<OfficerSignature>,
) -> Result<ApprovalView, NodeError> {
    let word = Word { id: named(id)?, officer: officer.to_owned(), digest, at: gateway.now(), signature };
    Ok(view(&gateway.agree(word).await?))
}

pub(super) async fn give_back(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    reason: Text,
) -> Result<ApprovalView, NodeError> {
    Ok(view(&gateway.give_back(&named(id)?, officer, reason).await?))
}

fn named(id: &str) -> Result<HeldId, NodeError> {
    id.parse().map_err(|_| unknown("approval", &id))
}

fn view(act: &HeldAct) -> ApprovalView {
    let (state, statement, reason) = match &act.end {
        None => (ApprovalState::AwaitingApproval, None, None),
        Some(HeldEnd::Sent { statement, .. }) => (ApprovalState::Sent, Some(*statement), None),
        Some(HeldEnd::Returned { reason, .. }) => {
            (ApprovalState::Returned, None, Some(reason.reveal().clone()))
        }
    };
    let agreed_by: Vec<String> = act.words.iter().map(|word| word.officer.clone()).collect();
    ApprovalView {
        held: act.held.clone(),
        state,
        agreed: 1 + u32::try_from(agreed_by.len()).unwrap_or(u32::MAX - 1),
        agreed_by,
        statement,
        reason,
        words: None,
    }
}
