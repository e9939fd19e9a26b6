//! Cases and the acts in them.

use crate::case;
use crate::control::{ActedView, CaseDetail, ExitCode, Failure, FindingView, FormView, InboxEntry};
use crate::model::{ActKind, CaseId, Delay, Ground, PartialDate, Refusal, Response, Text};
use crate::node::content;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{act, known, record, unknown_case};
use crate::node::views;
use crate::rules::declaration;
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

/// Writes the form of a response; what its writer must know of the requester comes with it (ISACS 8.4).
pub(super) fn template(gateway: &Gateway, id: &CaseId) -> Result<FormView, NodeError> {
    let slot = known(gateway, id)?;
    let (digest, request) = content::request(gateway, &slot.read())?;
    let cannot = request.declaration.as_ref().is_some_and(|declared| !declared.can_comply);
    let warnings = if cannot { vec![declaration::WORDS.to_owned()] } else { Vec::new() };
    Ok(FormView { form: response::template(&request, digest), warnings })
}

pub(super) async fn respond(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    response: Response,
    despite_declaration: bool,
) -> Result<ActedView, Failure> {
    let declared = declared(gateway, id)?;
    let given = declaration::given(declared, &response);
    if !despite_declaration && !given.is_complete() {
        let found = given.missing.into_iter().map(|f| FindingView {
            clause: f.clause.to_owned(),
            field: f.field,
            why: f.why,
        });
        return Err(Failure::new(ExitCode::Finding, "response.declaration", declaration::WORDS)
            .hint("nothing was sent; withhold it on ground b, or repeat with --despite-declaration")
            .findings(found.collect()));
    }
    // As few restrictions as possible (ISACS 8.3.4.2): what a label need not say is told, never refused.
    let elements = response.items.iter().enumerate().flat_map(|(i, answer)| {
        answer.elements.iter().enumerate().map(move |(j, element)| (case::element_path(i, j), element))
    });
    let mut warnings: Vec<String> = elements
        .flat_map(|(path, element)| {
            label::excess(element).into_iter().map(move |why| format!("{path}: {why} (8.3.4.2)"))
        })
        .collect();
    warnings.extend(label::blanket(&response).map(|why| format!("{why} (8.3.4.2)")));
    warnings.extend(unfounded(declared, declaration::grounds(&response)));
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
    let warnings = unfounded(declared(gateway, id)?, &grounds).into_iter().collect();
    let refusal = Refusal { request, grounds };
    let acted = act(gateway, officer, id, ActKind::Refusal, case::Command::Refuse(refusal)).await?;
    Ok(ActedView { warnings, ..acted })
}

/// Announces a late response on grounds (ISACS 8.3.4.2).
pub(super) async fn delay(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    grounds: Vec<Ground>,
    expected: Option<PartialDate>,
) -> Result<ActedView, Failure> {
    let request = content::request_digest(&known(gateway, id)?.read())?;
    let warnings = unfounded(declared(gateway, id)?, &grounds).into_iter().collect();
    let delay = Delay { request, grounds, expected };
    let acted = act(gateway, officer, id, ActKind::Delay, case::Command::Delay(delay)).await?;
    Ok(ActedView { warnings, ..acted })
}

/// Returns what the requester has declared of the confidence that it can keep (ISACS 8.4).
fn declared(gateway: &Gateway, id: &CaseId) -> Result<Option<bool>, NodeError> {
    let slot = known(gateway, id)?;
    let seen = views::view(gateway, &slot.read());
    Ok(seen.and_then(|seen| seen.can_comply))
}

/// Ground b is told to be at odds with a declaration that confidence is kept; the choice stays the officer's.
fn unfounded<'g>(declared: Option<bool>, grounds: impl IntoIterator<Item = &'g Ground>) -> Option<String> {
    let odd = declaration::unfounded(declared, grounds);
    odd.then(|| {
        "ground b, though the requester declares that it keeps confidence and restrictions (8.4)".to_owned()
    })
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
