//! Notices (ISACS 9.6) and assistance (ISACS 5.3, 9.1).

use crate::case;
use crate::case::{ActRecord, Body, Case};
use crate::control::{ActedView, ExchangeView, ExitCode, Failure};
use crate::model::{Act, ActKind, AssistanceOutcome, AssistanceReply, CaseId, Text};
use crate::node::content;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{act, known, record, unknown_case};
use crate::node::views;

/// Lists the acts of one kind that opened cases of their own, newest first; what they say stays sealed.
pub(super) fn list(gateway: &Gateway, kind: ActKind) -> Vec<ExchangeView> {
    // A case that is no trace is never at rest, so that all of them are in memory.
    let slots = gateway.desk.active();
    let mut out: Vec<ExchangeView> =
        slots.iter().filter_map(|slot| view(gateway, &slot.read(), kind)).collect();
    out.sort_by(|a, b| (b.at, &b.case).cmp(&(a.at, &a.case)));
    out
}

/// Shows what a notice says; the look is on record before anything is shown (ISACS 8.4 a).
pub(super) async fn show(gateway: &Gateway, officer: &str, id: &CaseId) -> Result<ExchangeView, NodeError> {
    let slot = known(gateway, id)?;
    let mut view = view(gateway, &slot.read(), ActKind::Notice).ok_or_else(|| unknown_case(id))?;
    record(gateway, officer, "notice.show", Some(id)).await?;
    let acts = [(ActKind::Notice, view.digest)];
    let contents = content::contents(gateway, &slot.read(), &acts)?;
    view.content = contents.into_iter().next().map(|content| content.body);
    Ok(view)
}

/// Answers the request for assistance that opened a case.
pub(super) async fn reply(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    outcome: AssistanceOutcome,
    text: Text,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let asked = view(gateway, &slot.read(), ActKind::AssistanceRequest).ok_or_else(|| {
        Failure::new(ExitCode::Finding, "unknown.case", format!("{id} is no request for assistance"))
            .hint("`valise assistance list` shows them")
    })?;
    let reply = AssistanceReply { request: asked.digest, outcome, text };
    let command = case::Command::Follow { act: Box::new(Act::AssistanceReply(reply)) };
    act(gateway, officer, id, ActKind::AssistanceReply, command).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
fn view(gateway: &Gateway, case: &Case, kind: ActKind) -> Option<ExchangeView> {
    let seen = views::detail(gateway, case)?;
    let record: &ActRecord = case.acts().find(|record| record.facts.kind() == kind)?;
    let act = seen.acts.iter().find(|act| act.digest == record.facts.header.digest)?;
    let (about, trace) = match &record.facts.body {
        Body::Notice { topic } => (topic.code(), None),
        Body::AssistanceRequest { need, about } => (need.code(), about.clone()),
        _ => return None,
    };
    let outcome = case.acts().find_map(|answer| match &answer.facts.body {
        Body::AssistanceReply { request, outcome } if *request == act.digest => Some(outcome.code()),
        _ => None,
    });
    Some(ExchangeView {
        case: seen.case.case,
        digest: act.digest,
        direction: act.direction,
        peer: seen.case.peer,
        at: act.at,
        about: about.to_owned(),
        trace,
        delivery: act.delivery,
        outcome: outcome.map(str::to_owned),
        content: None,
    })
}
