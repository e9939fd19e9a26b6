//! Consent to passing information on (ISACS 8.3.4.2 f), and notice of what is compelled (8.4).

use crate::case;
use crate::case::Consent;
use crate::control::{ActedView, ConsentView, ExitCode, Failure};
use crate::model::{
    ActKind, CaseId, ConsentGrant, ConsentRequest, Digest, DisclosureNotice, ElementPath, Label, Purpose,
    Recipient, Scope, Text, Timestamp,
};
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::releases::authority;
use crate::node::office::{act, known, unknown};
use crate::rules::release;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The fewest digits of a digest by which a question may be named.
const MIN_DIGEST: usize = 8;

/// Asks the originator; the restrictions that stand in the way are found here, not typed.
pub(super) async fn ask(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    to: &str,
    purpose: Purpose,
    elements: Vec<ElementPath>,
    reason: Text,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let to = authority(gateway, to)?;
    let recipient = to.recipient().ok_or_else(|| {
        Failure::new(ExitCode::Usage, "consent.own", "reading here needs no consent")
            .hint("`valise release request` with --to npc opens it for this point of contact")
    })?;
    let (response, labels) = received(&slot, id, &elements)?;
    let mut lifts = BTreeSet::new();
    for (path, label) in &labels {
        let found = release::liftable(label, &to, purpose, gateway.now()).ok_or_else(|| {
            let why = format!("{path} bears a restriction that nobody can lift");
            Failure::new(ExitCode::Denied, "consent.hopeless", why)
                .hint("ask the other State to respond again under another label (ISACS 8.3.4.2)")
        })?;
        lifts.extend(found);
    }
    if lifts.is_empty() {
        let why = "nothing stands in the way of this release";
        return Err(Failure::new(ExitCode::Finding, "consent.needless", why)
            .hint("`valise release request` releases it without consent"));
    }
    let scope =
        Scope { elements: elements.into_iter().collect(), recipient, purposes: [purpose].into(), lifts };
    let asked = ConsentRequest { response, scope, reason };
    act(gateway, officer, id, ActKind::ConsentRequest, case::Command::AskConsent(asked)).await
}

/// Lists the questions for consent of all cases that are not put away.
pub(super) fn list(gateway: &Gateway) -> Result<Vec<ConsentView>, NodeError> {
    let mut found: BTreeMap<(CaseId, Digest), ConsentView> = BTreeMap::new();
    for slot in slots(gateway)? {
        let case = slot.read();
        let Some(opening) = case.opening() else { continue };
        for consent in case::consents(&case, gateway.now()) {
            let ours = consent.asked_by == opening.peer;
            found.insert((opening.case.clone(), consent.question), view(&opening.case, ours, &consent));
        }
    }
    Ok(found.into_values().collect())
}

pub(super) async fn grant(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    elements: Vec<ElementPath>,
    expires: Timestamp,
    single_use: bool,
) -> Result<ActedView, Failure> {
    let (case, consent) = question(gateway, id)?;
    let mut scope = consent.asked;
    if !elements.is_empty() {
        scope.elements = elements.into_iter().collect();
    }
    let grant = ConsentGrant { consent_request: consent.question, scope, expires, single_use };
    act(gateway, officer, &case, ActKind::ConsentGrant, case::Command::GrantConsent(grant)).await
}

pub(super) async fn deny(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    reason: Text,
) -> Result<ActedView, Failure> {
    let (case, consent) = question(gateway, id)?;
    let command = case::Command::DenyConsent { question: consent.question, reason };
    act(gateway, officer, &case, ActKind::ConsentDenial, command).await
}

pub(super) async fn withdraw(
    gateway: &Gateway,
    officer: &str,
    id: &str,
    reason: Text,
) -> Result<ActedView, Failure> {
    let (case, consent) = question(gateway, id)?;
    let grant = consent.grant.map(|grant| grant.digest).ok_or_else(|| {
        Failure::new(ExitCode::Finding, "consent.not_granted", "this consent was not granted")
            .hint("`valise consent list` shows how each stands")
    })?;
    act(gateway, officer, &case, ActKind::ConsentWithdrawal, case::Command::WithdrawConsent { grant, reason })
        .await
}

/// Tells the provider, before anything is disclosed, that a court or law compels it.
pub(super) async fn notify(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    to: &str,
    elements: Vec<ElementPath>,
    compelled_by: Text,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let recipient: Recipient =
        authority(gateway, to)?.recipient().ok_or_else(|| unknown("authority", &to))?;
    let (disclosed, _) = received(&slot, id, &elements)?;
    let elements = elements.into_iter().collect();
    let notice = DisclosureNotice { disclosed, elements, recipient, compelled_by };
    act(gateway, officer, id, ActKind::DisclosureNotice, case::Command::NotifyDisclosure(notice)).await
}

/// Finds the one received response that has all these elements, with their labels.
fn received(
    slot: &Slot,
    id: &CaseId,
    elements: &[ElementPath],
) -> Result<(Digest, Vec<(ElementPath, Label)>), Failure> {
    let case = slot.read();
    let peer = case.opening().map(|opening| opening.peer.clone());
    let of_peer = case.acts().filter(|record| Some(&record.facts.header.issuer) == peer.as_ref());
    let mut fitting = of_peer.filter_map(|record| {
        let labels: Option<Vec<_>> = elements
            .iter()
            .map(|path| {
                let text = path.to_string();
                let found = record.facts.elements().iter().find(|e| e.path == text)?;
                Some((*path, found.label.clone().unwrap_or_default()))
            })
            .collect();
        Some((record.at, record.facts.header.digest, labels.filter(|l| !l.is_empty())?))
    });
    let first = fitting.next().ok_or_else(|| {
        Failure::new(ExitCode::Finding, "unknown.element", format!("no response in {id} has these elements"))
            .hint(format!("`valise case show {id}` lists the restricted elements"))
    })?;
    // A later response that repeats an element stands for the earlier one.
    let (_, digest, labels) = fitting.fold(first, |a, b| if (b.0, b.1) > (a.0, a.1) { b } else { a });
    Ok((digest, labels))
}

/// Finds a question by its digest or the beginning of it.
fn question(gateway: &Gateway, id: &str) -> Result<(CaseId, Consent), Failure> {
    let mut found: BTreeMap<Digest, (CaseId, Consent)> = BTreeMap::new();
    for slot in slots(gateway)? {
        let case = slot.read();
        let Some(opening) = case.opening() else { continue };
        for consent in case::consents(&case, gateway.now()) {
            if consent.question.to_string().starts_with(id) {
                found.insert(consent.question, (opening.case.clone(), consent));
            }
        }
    }
    match found.into_values().collect::<Vec<_>>().as_mut_slice() {
        [one] if id.len() >= MIN_DIGEST => Ok(one.clone()),
        _ => Err(Failure::new(
            ExitCode::Finding,
            "unknown.consent",
            format!("no single question for consent begins with '{id}'"),
        )
        .hint(format!("give at least {MIN_DIGEST} digits of its id; `valise consent list` shows them"))),
    }
}

/// A case whose consent is open or stands is kept in memory; one with releases is found by them.
fn slots(gateway: &Gateway) -> Result<Vec<Arc<Slot>>, NodeError> {
    let mut all = gateway.desk.active();
    all.extend(gateway.desk.with_releases()?);
    Ok(all)
}

fn view(case: &CaseId, ours: bool, consent: &Consent) -> ConsentView {
    let grant = consent.grant.as_ref();
    let scope = grant.map_or(&consent.asked, |grant| &grant.scope);
    ConsentView {
        id: consent.question,
        case: case.clone(),
        asked_by: consent.asked_by.clone(),
        ours_to_answer: ours,
        state: consent.state.code().to_owned(),
        response: consent.response,
        elements: scope.elements.clone(),
        recipient: scope.recipient.clone(),
        purposes: scope.purposes.clone(),
        lifts: scope.lifts.clone(),
        grant: grant.map(|grant| grant.digest),
        expires: grant.map(|grant| grant.expires),
        single_use: grant.map(|grant| grant.single_use),
    }
}
