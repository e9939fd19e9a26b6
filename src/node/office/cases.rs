//! Cases and the acts in them.

use crate::case;
use crate::control::{ActedView, CaseDetail, ExitCode, Failure, InboxEntry};
use crate::model::{ActKind, CaseId, Ground, Refusal, Response, Text};
use crate::node::content;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{act, known, record, unknown_case};
use crate::node::views;
use crate::rules::label;
use crate::rules::response;
use crate::rules::returns;

/// The fewest digits of a digest by which an act may be named.
const MIN_DIGEST: usize = 8;

pub(super) fn inbox(gateway: &Gateway) -> Vec<InboxEntry> {
    let mut entries: Vec<InboxEntry> =
        gateway.desk.active().iter().filter_map(|slot| views::inbox(gateway, &slot.read())).collect();
    entries.sort_by_key(|entry| (entry.due.is_none(), entry.due, entry.at));
    entries
}

/// Shows a case; under the name of a verb that reveals, with the content of its acts.
pub(super) async fn show(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    revealing: Option<&str>,
) -> Result<CaseDetail, NodeError> {
    let slot = known(gateway, id)?;
    let mut detail = views::detail(gateway, &slot.read()).ok_or_else(|| unknown_case(id))?;
    let of_peer = |alarm: &crate::control::AlarmView| alarm.peer == detail.case.peer;
    let alarms = super::evidence::alarms(gateway)?.into_iter().filter(of_peer).collect();
    detail.alarms = alarms;
    if let Some(verb) = revealing {
        // The look is on record before anything is shown (ISACS 8.4 a).
        record(gateway, officer, verb, Some(id)).await?;
        let acts: Vec<_> = detail.acts.iter().map(|act| (act.kind, act.digest)).collect();
        detail.content = Some(content::contents(gateway, &slot.read(), &acts)?);
    }
    Ok(detail)
}

pub(super) fn template(gateway: &Gateway, id: &CaseId) -> Result<String, NodeError> {
    let slot = known(gateway, id)?;
    let (digest, request) = content::request(gateway, &slot.read())?;
    Ok(response::template(&request, digest))
}

pub(super) async fn respond(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    response: Response,
) -> Result<ActedView, Failure> {
    // As few restrictions as possible (ISACS 8.3.4.2): what a label need not say is told, never refused.
    let elements = response.items.iter().enumerate().flat_map(|(i, answer)| {
        answer.elements.iter().enumerate().map(move |(j, element)| (case::element_path(i, j), element))
    });
    let warnings: Vec<String> = elements
        .filter_map(|(path, element)| Some((path, element.label.as_ref()?)))
        .flat_map(|(path, label)| label::needless(label).into_iter().map(move |why| format!("{path}: {why}")))
        .collect();
    let acted = act(gateway, officer, id, ActKind::Response, case::Command::Respond(response)).await?;
    Ok(ActedView { warnings, ..acted })
}

pub(super) async fn refuse(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    grounds: Vec<Ground>,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let request = content::request_digest(&slot.read())?;
    let refusal = Refusal { request, grounds };
    act(gateway, officer, id, ActKind::Refusal, case::Command::Refuse(refusal)).await
}

/// Returns an incomplete request with the list that the validator finds (ISACS 8.3.2 ¶2).
pub(super) async fn give_back(gateway: &Gateway, officer: &str, id: &CaseId) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let (_, request) = content::request(gateway, &slot.read())?;
    let missing = returns::wanted(&request);
    act(gateway, officer, id, ActKind::ReturnIncomplete, case::Command::Return { missing }).await
}

/// Records a judgement of the chance of success; it says nothing to the peer (ISACS 8.3.2 ¶3).
pub(super) async fn judge(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    reasonable: bool,
    reason: Text,
) -> Result<CaseDetail, NodeError> {
    let slot = known(gateway, id)?;
    let command = case::Command::JudgeChance { officer: officer.to_owned(), reasonable, reason };
    gateway.note(id, &slot, command).await?;
    views::detail(gateway, &slot.read()).ok_or_else(|| unknown_case(id))
}

/// Puts a case away; it says nothing to the peer (ISACS 7.7.1 d).
pub(super) async fn close(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    reason: Option<Text>,
) -> Result<CaseDetail, NodeError> {
    let slot = known(gateway, id)?;
    gateway.note(id, &slot, case::Command::File { officer: officer.to_owned(), reason }).await?;
    views::detail(gateway, &slot.read()).ok_or_else(|| unknown_case(id))
}

/// Answers a question of the other side; about any other act of theirs it asks one.
pub(super) async fn clarify(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    named: &str,
    text: Text,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let found = {
        let case = slot.read();
        let mut named_so = case.acts().filter(|r| r.facts.header.digest.to_string().starts_with(named));
        let found = named_so.next().map(|r| (r.facts.header.digest, r.facts.kind()));
        if named.len() >= MIN_DIGEST && named_so.next().is_none() { found } else { None }
    };
    let (digest, kind) = found.ok_or_else(|| {
        Failure::new(ExitCode::Finding, "unknown.act", format!("no single act of {id} begins with '{named}'"))
            .hint(format!(
                "give at least {MIN_DIGEST} digits of its digest; `valise case show {id}` lists the acts"
            ))
    })?;
    if kind == ActKind::ClarificationRequest {
        let command = case::Command::Clarify { question: digest, answer: text };
        return act(gateway, officer, id, ActKind::Clarification, command).await;
    }
    let command = case::Command::AskClarification { about: digest, question: text };
    act(gateway, officer, id, ActKind::ClarificationRequest, command).await
}
