//! Mandates (ISACS 9.3): given and ended by the principal, accepted by the agent.

use crate::case;
use crate::case::HeldMandate;
use crate::control::{ActedView, ExitCode, Failure, MandateView, RevocationView};
use crate::model::{Act, ActKind, Digest, Mandate, MandateRevocation, MandateTerms, Party, PeerScope, Text};
use crate::node::error::NodeError;
use crate::node::gateway::{Author, Gateway};
use crate::node::office::{act, acted, unknown};
use std::collections::{BTreeMap, BTreeSet};

/// The fewest digits of a digest by which a mandate may be named.
const MIN_DIGEST: usize = 8;
/// How many cases are looked through at once.
const PAGE: usize = 500;

/// Gives a mandate; it is signed when it goes out, after all officers who must agree.
pub(super) async fn grant(
    gateway: &Gateway,
    officer: &str,
    terms: MandateTerms,
) -> Result<ActedView, Failure> {
    gateway.recovery.check_all()?;
    let agent = terms.agent.clone();
    open(gateway, officer, &agent, Act::Mandate(Box::new(Mandate::unsigned(terms)))).await
}

/// Accepts a mandate for this party, the agent; it is countersigned when that goes out, and from then on it can act.
pub(super) async fn accept(gateway: &Gateway, officer: &str, named: &str) -> Result<ActedView, Failure> {
    let held = find(gateway, named)?;
    if held.terms.agent != *gateway.me() {
        return Err(not_ours(&held, "the agent to whom it was given accepts it"));
    }
    gateway.recovery.check_all()?;
    let given = gateway.mandate_of(&held)?;
    let command = case::Command::Follow { act: Box::new(Act::Mandate(Box::new(given.to_accept()))) };
    act(gateway, officer, &held.case, ActKind::Mandate, command).await
}

/// Shows an accepted mandate to a party that may want to ask this one through its agent.
pub(super) async fn tell(
    gateway: &Gateway,
    officer: &str,
    named: &str,
    to: &Party,
) -> Result<ActedView, Failure> {
    let held = find(gateway, named)?;
    if held.terms.principal != *gateway.me() || !held.accepted {
        return Err(not_ours(&held, "its principal tells others of it, once the agent has accepted it"));
    }
    let given = gateway.mandate_of(&held)?;
    open(gateway, officer, to, Act::Mandate(Box::new(given))).await
}

/// Ends a mandate, and says so to the agent and to everyone towards whom it may have been used.
pub(super) async fn revoke(
    gateway: &Gateway,
    officer: &str,
    named: &str,
    reason: Text,
) -> Result<RevocationView, Failure> {
    let held = find(gateway, named)?;
    if held.terms.principal != *gateway.me() {
        return Err(not_ours(&held, "its principal revokes it"));
    }
    let others = concerned(gateway, &held)?;
    let revocation = || {
        let ended = MandateRevocation { mandate: held.mandate, reason: reason.clone() };
        Box::new(Act::MandateRevocation(ended))
    };
    // The agent first: from here on it makes no act, and every copy of one is known as beyond its mandate.
    let command = case::Command::Follow { act: revocation() };
    let mut told = vec![act(gateway, officer, &held.case, ActKind::MandateRevocation, command).await?];
    let mut not_told = BTreeMap::new();
    for peer in others {
        match open(gateway, officer, &peer, *revocation()).await {
            Ok(view) => told.push(view),
            Err(failure) => drop(not_told.insert(peer, failure.message)),
        }
    }
    Ok(RevocationView { mandate: held.mandate, told, not_told })
}

pub(super) fn list(gateway: &Gateway) -> Vec<MandateView> {
    let (known, now) = (gateway.mandates.get(), gateway.now());
    let view = |held: &HeldMandate| {
        let revoked_at = known.ended(&held.terms.principal, &held.mandate);
        let state = match (revoked_at, held.accepted) {
            (Some(_), _) => "revoked",
            (None, _) if now >= held.terms.not_after => "expired",
            (None, false) => "granted",
            (None, true) if now < held.terms.not_before => "not_yet_valid",
            (None, true) => "in_force",
        };
        MandateView {
            mandate: held.mandate,
            case: held.case.clone(),
            terms: held.terms.clone(),
            state: state.to_owned(),
            revoked_at,
        }
    };
    let mut all: Vec<MandateView> = known.all().map(view).collect();
    all.sort_by(|a, b| {
        (&a.terms.principal, &a.case, a.mandate).cmp(&(&b.terms.principal, &b.case, b.mandate))
    });
    all
}

/// Opens a case that is no trace, with its first act.
pub(super) async fn open(
    gateway: &Gateway,
    officer: &str,
    to: &Party,
    said: Act,
) -> Result<ActedView, Failure> {
    if gateway.couriers.get(to).is_none() {
        return Err(unknown("peer", to).into());
    }
    let (me, kind) = (gateway.me().clone(), said.kind());
    gateway.recovery.check_all()?;
    let id = gateway.desk.mint(&me, gateway.now().year()).map_err(NodeError::from)?;
    let slot = gateway.desk.slot(&id).map_err(NodeError::from)?;
    let command = case::Command::Open { case: id.clone(), me, to: to.clone(), act: Box::new(said) };
    let made = gateway.make(&id, &slot, command, Author::Officer(officer)).await.inspect_err(|error| {
        if matches!(error, NodeError::Refused(_)) {
            gateway.desk.unmint(&id);
        }
    })?;
    Ok(acted(gateway, &slot, &made, kind))
}

/// Lists those who must know that a mandate has ended: whoever it names, and whoever the agent has acted
/// towards; where it names all, every peer.
fn concerned(gateway: &Gateway, held: &HeldMandate) -> Result<BTreeSet<Party>, NodeError> {
    let mut out: BTreeSet<Party> = match &held.terms.peers {
        PeerScope::All => gateway.couriers.all().iter().map(|courier| courier.peer.clone()).collect(),
        PeerScope::Parties(parties) => parties.clone(),
    };
    let mut after = None;
    loop {
        let page = gateway.desk.page(after.as_ref(), PAGE)?;
        for slot in &page {
            let case = slot.read();
            let Some(opening) = case.opening() else { continue };
            after = Some(opening.case.clone());
            if opening.behalf.as_ref().is_some_and(|behalf| behalf.agent == held.terms.agent) {
                out.insert(opening.peer.clone());
            }
        }
        if page.len() < PAGE {
            break;
        }
    }
    out.remove(gateway.me());
    out.remove(&held.terms.agent);
    Ok(out)
}

/// Finds a mandate by its digest or the beginning of it.
fn find(gateway: &Gateway, named: &str) -> Result<HeldMandate, Failure> {
    let known = gateway.mandates.get();
    let mut fitting = known.all().filter(|held| held.mandate.to_string().starts_with(named));
    let found = fitting.next().cloned().filter(|_| named.len() >= MIN_DIGEST && fitting.next().is_none());
    found.ok_or_else(|| {
        let message = format!("no single mandate begins with '{named}'");
        Failure::new(ExitCode::Finding, "unknown.mandate", message).hint(format!(
            "give at least {MIN_DIGEST} digits of its digest; `valise mandate list` shows them"
        ))
    })
}

fn not_ours(held: &HeldMandate, hint: &str) -> Failure {
    let (principal, agent): (&Party, &Party) = (&held.terms.principal, &held.terms.agent);
    let mandate: Digest = held.mandate;
    let message = format!("mandate {} was given by {principal} to {agent}", mandate.short());
    Failure::new(ExitCode::Finding, "mandate.not_yours", message).hint(hint)
}
