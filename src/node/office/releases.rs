//! Local release of restricted elements (ISACS 8.3.4.2 d-f).

use crate::case;
use crate::case::{Approval, Terms};
use crate::config::AuthorityKind as ConfiguredKind;
use crate::control::{Failure, ReleaseShown, Reply};
use crate::model::{CaseId, Digest, Matter, MessageId, OfficerSignature, Party, Purpose, Text};
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{json, known, unknown};
use crate::node::views;
use crate::rules::freshness;
use crate::rules::policy::Deed;
use crate::rules::release::{Authority, AuthorityKind};
use std::sync::Arc;

#[expect(clippy::too_many_arguments, reason = "they are the members of one command")]
pub(super) async fn release(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    to: &str,
    purpose: Purpose,
    elements: Vec<String>,
    show: bool,
    emergency: Option<Text>,
) -> Reply {
    let slot = known(gateway, id)?;
    let to = authority(gateway, to)?;
    let terms = terms(gateway, officer, &to, purpose, emergency)?;
    let command = case::Command::RequestRelease {
        id: MessageId::random(&mut *gateway.entropy()),
        to,
        purpose,
        officer: officer.to_owned(),
        elements: (!elements.is_empty()).then_some(elements),
        terms,
    };
    // A denial is committed like a permit: both must be on record before anybody hears of them.
    let decision = gateway.note(id, &slot, command).await?;
    if let Some(denial) = decision.denied {
        let first = denial.elements.first();
        let rule = first.map(|e| e.rule.clone()).unwrap_or_default();
        if let Some(since) = gateway.stale_since().filter(|_| rule == freshness::RULE) {
            return Err(NodeError::Stale(since).into());
        }
        let (id, elements) = (denial.id.as_str().to_owned(), denial.elements);
        return Err(NodeError::Denied { id, rule, elements }.into());
    }
    let granted = |event: &case::Event| {
        if let case::Event::PermitGranted(p) = event { Some(p.id.clone()) } else { None }
    };
    let permit = decision.events.iter().find_map(granted).expect("a release that is not denied is permitted");
    let permit = permit.as_str().to_owned();
    if slot.read().permits().any(|p| p.id.as_str() == permit && p.emergency.is_some()) {
        tracing::warn!(permit, "a release was permitted in an emergency; another officer must review it");
    }
    if show {
        return json(&show_release(gateway, officer, &permit).await?);
    }
    let view = views::releases(gateway)?.into_iter().find(|view| view.id == permit);
    json(&view)
}

pub(super) async fn show_release(
    gateway: &Gateway,
    officer: &str,
    id: &str,
) -> Result<ReleaseShown, Failure> {
    let (slot, permit) = held(gateway, id)?;
    let used = gateway.spend(&slot, permit.clone(), officer).await;
    if let Err(NodeError::Refused(case::Refused::PermitExpired { .. })) = &used {
        // It is on record that it has ended, so that no clock that is set back opens it again.
        let case = slot.read().opening().map(|opening| opening.case.clone());
        if let Some(case) = case {
            gateway.note(&case, &slot, case::Command::Lapse(permit)).await?;
        }
    }
    Ok(used?)
}

/// Agrees to a release, or says that it was reviewed.
pub(super) async fn second(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    (matter, digest): (Matter, Digest),
    signature: Option<OfficerSignature>,
) -> Reply {
    let (slot, permit) = held(gateway, id)?;
    gateway.vouches(officer, (matter, id, &digest), signature.as_ref())?;
    let word = Approval { id: permit, officer: officer.to_owned(), digest, at: gateway.now(), signature };
    let command = match matter {
        Matter::Review => case::Command::ReviewEmergency(word),
        Matter::Release | Matter::Act => case::Command::ApproveRelease(word),
    };
    noted(gateway, &slot, id, command).await
}

/// Asks national policy about a release (DESIGN §8).
fn terms(
    gateway: &Gateway,
    officer: &str,
    to: &Authority,
    purpose: Purpose,
    emergency: Option<Text>,
) -> Result<Terms, NodeError> {
    let ask = |deed| gateway.policy(officer, deed, vec![to.name.clone()], [purpose].into());
    let needed = ask(Deed::Release)?;
    if emergency.is_some() {
        ask(Deed::Emergency)?;
    }
    Ok(Terms {
        approvals: needed.approvals,
        policy: Some(needed.rule),
        emergency,
        stale: gateway.stale_since(),
    })
}

/// Bars a release.
pub(super) async fn deny(gateway: &Gateway, officer: &str, id: &str, reason: Text) -> Reply {
    let (slot, permit) = held(gateway, id)?;
    let command = case::Command::BarRelease { id: permit, officer: officer.to_owned(), reason };
    noted(gateway, &slot, id, command).await
}

async fn noted(gateway: &Gateway, slot: &Slot, id: &str, command: case::Command) -> Reply {
    let case = slot.read().opening().map(|opening| opening.case.clone());
    let case = case.ok_or_else(|| unknown("permit", &id))?;
    gateway.note(&case, slot, command).await?;
    json(&views::releases(gateway)?.into_iter().find(|view| view.id == id))
}

/// Finds the case that holds a permit.
fn held(gateway: &Gateway, id: &str) -> Result<(Arc<Slot>, case::PermitId), NodeError> {
    let no_permit = || unknown("permit", &id);
    let permit: case::PermitId = id.parse().map_err(|_| no_permit())?;
    let mut slots = gateway.desk.with_releases()?.into_iter();
    let slot = slots.find(|slot| slot.read().permit(&permit).is_some()).ok_or_else(no_permit)?;
    Ok((slot, permit))
}

pub(super) fn authority(gateway: &Gateway, name: &str) -> Result<Authority, NodeError> {
    let me = gateway.me();
    if name == me.to_string() || name == "npc" {
        return Ok(Authority { name: me.to_string(), kind: AuthorityKind::OwnNpc, designated: true });
    }
    let configured = gateway.config.authorities.iter().find(|a| a.name == name);
    if let Some(found) = configured {
        let kind = match found.kind {
            ConfiguredKind::Competent => AuthorityKind::Competent,
            ConfiguredKind::Court => AuthorityKind::Court,
        };
        return Ok(Authority { name: found.name.clone(), kind, designated: found.designated });
    }
    match name.parse::<Party>() {
        Ok(party) => {
            Ok(Authority { name: party.to_string(), kind: AuthorityKind::Foreign(party), designated: false })
        }
        Err(_) => Err(unknown("authority", &name)),
    }
}
