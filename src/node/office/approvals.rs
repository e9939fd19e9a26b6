//! What waits for a second officer (DESIGN §8, §12.11).

use crate::case::{HeldAct, HeldEnd, Word};
use crate::control::{ApprovalState, ApprovalView, HeldFile, PieceView};
use crate::cose::pieces::count;
use crate::model::{Digest, HeldId, OfficerSignature, Text};
use crate::node::attachments::blocking;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{record, unknown};
use crate::store::FileError;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn list(gateway: &Gateway) -> Result<Vec<ApprovalView>, NodeError> {
    Ok(gateway.ledger.waiting()?.iter().map(view).collect())
}

/// Shows what an act says that waits; the look is on record before anything is shown (ISACS 8.4 a).
pub(super) async fn show(gateway: &Gateway, officer: &str, id: &str) -> Result<ApprovalView, NodeError> {
    let act = gateway.waiting(&named(id)?)?;
    record(gateway, officer, "approval.show", Some(&act.held.case)).await?;
    let words = gateway.held_body(&act)?.words;
    let mut files = Vec::new();
    for sha256 in photographs(&words) {
        if let Some(size) = gateway.attic.files.own(&sha256)? {
            files.push(HeldFile { sha256, size });
        }
    }
    Ok(ApprovalView { words: Some(words), files, ..view(&act) })
}

/// Reads one piece of a file that an act names which waits; the look is on record before the first.
pub(super) async fn file(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    (sha256, index): (Digest, u64),
) -> Result<(PieceView, Vec<u8>), NodeError> {
    let act = gateway.waiting(&named(id)?)?;
    if !photographs(&gateway.held_body(&act)?.words).contains(&sha256) {
        return Err(unknown("file", &sha256));
    }
    if index == 0 {
        record(gateway, officer, "approval.show", Some(&act.held.case)).await?;
    }
    let files = gateway.attic.files.clone();
    let read = blocking(move || Ok((files.own(&sha256)?.unwrap_or(0), files.read_own(&sha256, index)?)));
    let (size, bytes) = read.await.map_err(|cause| NodeError::File(FileError::Refused(cause)))?;
    Ok((PieceView { pieces: count(size) }, bytes.to_vec()))
}

/// Lists the photographs that an act names, by the words that its approvers are shown.
fn photographs(words: &str) -> BTreeSet<Digest> {
    fn gather(value: &Value, out: &mut BTreeSet<Digest>) {
        match value {
            Value::Object(members) => {
                let listed = members.get("photographs").and_then(Value::as_array);
                let digests =
                    listed.into_iter().flatten().filter_map(|photograph| photograph["sha256"].as_str());
                out.extend(digests.filter_map(|digest| digest.parse::<Digest>().ok()));
                members.values().for_each(|member| gather(member, out));
            }
            Value::Array(list) => list.iter().for_each(|entry| gather(entry, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut out = BTreeSet::new();
    gather(&serde_json::from_str(words).unwrap_or_default(), &mut out);
    out
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
        files: Vec::new(),
    }
}
