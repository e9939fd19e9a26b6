//! Local release of restricted elements (ISACS 8.3.4.2 d-f).

use crate::case;
use crate::config::AuthorityKind as ConfiguredKind;
use crate::control::{Failure, ReleaseShown, Reply};
use crate::model::{CaseId, MessageId, Party, Purpose};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{json, known, unknown};
use crate::node::views;
use crate::rules::release::{Authority, AuthorityKind};

pub(super) async fn release(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    to: &str,
    purpose: Purpose,
    elements: Vec<String>,
    show: bool,
) -> Reply {
    let slot = known(gateway, id)?;
    let command = case::Command::RequestRelease {
        id: MessageId::random(&mut *gateway.entropy()),
        to: authority(gateway, to)?,
        purpose,
        officer: officer.to_owned(),
        elements: (!elements.is_empty()).then_some(elements),
    };
    // A denial is committed like a permit: both must be on record before anybody hears of them.
    let decision = gateway.note(id, &slot, command).await?;
    if let Some(denial) = decision.denied {
        let first = denial.elements.first();
        let rule = first.map(|e| e.rule.clone()).unwrap_or_default();
        let why = first.map(|e| format!("{}: {}", e.element.path, e.why)).unwrap_or_default();
        return Err(NodeError::Denied { id: denial.id.as_str().to_owned(), rule, why }.into());
    }
    let granted = |event: &case::Event| {
        if let case::Event::PermitGranted(p) = event { Some(p.id.clone()) } else { None }
    };
    let permit = decision.events.iter().find_map(granted).expect("a release that is not denied is permitted");
    let permit = permit.as_str().to_owned();
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
    let no_permit = || unknown("permit", &id);
    let permit_id: case::PermitId = id.parse().map_err(|_| no_permit())?;
    let held = gateway
        .desk
        .with_releases()
        .map_err(NodeError::from)?
        .into_iter()
        .find(|slot| slot.read().permit(&permit_id).is_some());
    let slot = held.ok_or_else(no_permit)?;
    let shown = gateway.spend(&slot, permit_id, officer).await?;
    Ok(shown)
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
