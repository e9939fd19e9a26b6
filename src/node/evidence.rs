//! Gathers evidence from the ledger: dossiers, anchors, and the audits of peers' logs (DESIGN §7).

use crate::envelope::{ClaimedStatement, Content, Disclosure, GatewayWord};
use crate::evidence::dossier;
use crate::evidence::dossier::{DOSSIER_VERSION, Dossier, DossierReport, LogProof};
use crate::evidence::{
    Accusation, Anchor, AuditAnswer, Checkpoint, EvidenceError, LogKeys, PROOF_VERSION, Proof, ProvedHead,
    ProvedLeaf, Receipt, TrustAnchor, verify_proof,
};
use crate::model::{CaseId, Digest, Head, Party, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::store::KeptElement;
use crate::wire;
use crate::wire::Limits;
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet};

/// Which elements a dossier discloses.
#[derive(Clone, Debug, Default)]
pub struct Disclosing {
    /// Only these, as (beginning of the act's digest or nothing, path); all that are free for `None`.
    pub only: Option<Vec<(String, String)>>,
    /// Restricted ones that a spent permit has opened.
    pub opened: BTreeMap<(Digest, String), Vec<u8>>,
}

/// A dossier with what it says of itself.
pub struct Made {
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// The verdict of the verifier, by this node's own directory.
    pub report: DossierReport,
}

/// Makes the dossier of a case with `peer` from what is durable.
///
/// # Errors
/// [`NodeError::Store`] if something cannot be read, [`NodeError::Evidence`] if it does not fit.
pub fn export(
    gateway: &Gateway,
    case: &CaseId,
    peer: &Party,
    acts: &[Digest],
    disclosing: &Disclosing,
) -> Result<Made, NodeError> {
    let now = gateway.now();
    let (directory, keys) = (gateway.directory(), LogKeys::of(&gateway.ring()));
    let mut statements = Vec::new();
    let mut receipts = Vec::new();
    for act in acts {
        let Some(body) = gateway.ledger.body(act)? else { continue };
        let disclosures = disclosed(act, &body.elements, disclosing)?;
        let mandate = body.mandate.map(|bytes| wire::decode(&bytes, &Limits::ENVELOPE)).transpose();
        let mandate = mandate.map_err(EvidenceError::from)?;
        statements.push(Content { statement: body.statement, disclosures, mandate });
        for ours in [true, false] {
            receipts.extend(gateway.ledger.receipt(act, ours)?.map(ByteBuf::from));
        }
    }
    let sizes = cited_sizes(gateway.me(), &statements, &receipts);
    let peers = between(gateway.me(), peer, &statements);
    let mut logs = Vec::new();
    for peer in &peers {
        logs.extend(own_log(gateway, peer, acts, &sizes, &keys, now)?);
        logs.extend(peers_log(gateway, peer, cited_sizes(peer, &statements, &receipts))?);
    }
    let alarms = gateway.ledger.alarms()?.into_iter().filter(|alarm| peers.contains(&alarm.peer));
    let mut dossier = Dossier {
        version: DOSSIER_VERSION,
        case: case.clone(),
        made_by: gateway.me().clone(),
        made_at: now,
        summary: String::new(),
        trust: ByteBuf::from(directory.bundle()),
        statements,
        receipts,
        logs,
        alarms: alarms
            .filter(|alarm| !alarm.proof.is_empty())
            .map(|alarm| ByteBuf::from(alarm.proof))
            .collect(),
    };
    // What people read is what the verifier says, so that the two cannot differ.
    let anchor = TrustAnchor { roots: vec![directory.anchor()] };
    dossier.summary = dossier::summary(&dossier::verify(&dossier.seal(&keys)?, &anchor));
    let bytes = dossier.seal(&keys)?;
    let report = dossier::verify(&bytes, &anchor);
    Ok(Made { bytes, report })
}

/// Lists the other parties of a case: its peer, and where an agent speaks for a principal, the third one of them.
fn between(me: &Party, peer: &Party, statements: &[Content]) -> BTreeSet<Party> {
    let claimed = statements.iter().filter_map(|content| ClaimedStatement::read(&content.statement).ok());
    let parties = claimed.flat_map(|claimed| claimed.audience.into_iter().chain([claimed.issuer]));
    parties.chain([peer.clone()]).filter(|party| party != me).collect()
}

/// Makes a file of one alarm's proof alone, with the keys to judge it by.
///
/// # Errors
/// As for [`export`].
pub fn export_proof(gateway: &Gateway, accusation: Accusation) -> Result<Made, NodeError> {
    let (directory, keys) = (gateway.directory(), LogKeys::of(&gateway.ring()));
    let anchor = TrustAnchor { roots: vec![directory.anchor()] };
    let mut proof = Proof {
        version: PROOF_VERSION,
        made_by: gateway.me().clone(),
        made_at: gateway.now(),
        summary: String::new(),
        trust: ByteBuf::from(directory.bundle()),
        accusation,
    };
    let first = verify_proof(&proof.seal(&keys)?, &anchor);
    proof.summary = first.convicts.map(|conviction| conviction.words).unwrap_or_default();
    let bytes = proof.seal(&keys)?;
    let report = verify_proof(&bytes, &anchor);
    Ok(Made { bytes, report })
}

/// Lists the sizes of the peer's log that the evidence of these acts cites.
///
/// # Errors
/// [`NodeError::Store`] if something cannot be read.
pub fn sizes_to_audit(gateway: &Gateway, peer: &Party, acts: &[Digest]) -> Result<Vec<u64>, NodeError> {
    let (mut statements, mut receipts) = (Vec::new(), Vec::new());
    for act in acts {
        let body = gateway.ledger.body(act)?;
        statements.extend(body.map(|body| Content {
            statement: body.statement,
            disclosures: Vec::new(),
            mandate: None,
        }));
        receipts.extend(gateway.ledger.receipt(act, false)?.map(ByteBuf::from));
    }
    Ok(cited_sizes(peer, &statements, &receipts).into_iter().collect())
}

/// Signs the head of our log about a peer with both keys; `None` if the log is empty.
///
/// # Errors
/// As for [`export`].
pub fn sign_anchor(gateway: &Gateway, peer: &Party) -> Result<Option<Anchor>, NodeError> {
    let Some(head) = gateway.ledger.our_head(peer)? else { return Ok(None) };
    let checkpoint = checkpoint(gateway, peer, head, gateway.now());
    Ok(Some(Anchor::sign(&checkpoint, &LogKeys::of(&gateway.ring()))?))
}

fn checkpoint(gateway: &Gateway, peer: &Party, head: Head, at: Timestamp) -> Checkpoint {
    Checkpoint { owner: gateway.me().clone(), peer: peer.clone(), head, at }
}

/// Chooses what is disclosed: what bears a restriction only by a permit or as our own words that the
/// officer names (DESIGN §8).
fn disclosed(
    act: &Digest,
    elements: &[KeptElement],
    disclosing: &Disclosing,
) -> Result<Vec<ByteBuf>, NodeError> {
    let mut out = Vec::new();
    for element in elements {
        let named = disclosing.only.as_ref().map(|only| {
            let digest = act.to_string();
            only.iter().any(|(begin, path)| digest.starts_with(begin.as_str()) && *path == element.path)
        });
        if let Some(opened) = disclosing.opened.get(&(*act, element.path.clone())) {
            out.push(ByteBuf::from(opened.as_slice()));
            continue;
        }
        let Some(bytes) = element.disclosure.as_ref().filter(|_| named != Some(false)) else { continue };
        let restricted = Disclosure::parse(bytes)?.label().is_some_and(|label| !label.is_unrestricted());
        if !restricted || named == Some(true) {
            out.push(ByteBuf::from(bytes.as_slice()));
        }
    }
    Ok(out)
}

/// Lists the sizes of a party's log that receipts and statements cite, so that each is led to an anchor.
fn cited_sizes(me: &Party, statements: &[Content], receipts: &[ByteBuf]) -> BTreeSet<u64> {
    let of_receipts = receipts.iter().filter_map(|bytes| {
        let (by, size) = Receipt::from_bytes(bytes.to_vec()).claimed_size().ok()?;
        (by == *me).then_some(size)
    });
    let of_statements = statements.iter().filter_map(|content| {
        let (issuer, heads) = ClaimedStatement::heads(&content.statement).ok()?;
        let head = if issuer == *me { heads.0 } else { heads.1 };
        head.map(|head| head.size)
    });
    of_receipts.chain(of_statements).collect()
}

fn own_log(
    gateway: &Gateway,
    peer: &Party,
    acts: &[Digest],
    sizes: &BTreeSet<u64>,
    keys: &LogKeys,
    now: Timestamp,
) -> Result<Vec<LogProof>, NodeError> {
    let mut out = Vec::new();
    for log in gateway.ledger.logs(peer)? {
        let Some(head) = log.signed() else { continue };
        let anchor = Anchor::sign(&checkpoint(gateway, peer, *head, now), keys)?;
        let mut places = BTreeSet::from([0]);
        for act in acts {
            places.extend(log.places(act)?);
        }
        let leaves = places.iter().map(|place| ProvedLeaf::of(&log, *place)).collect::<Result<_, _>>()?;
        let heads = ProvedHead::all_of(&log, sizes)?;
        out.push(LogProof { anchor, leaves, heads });
    }
    Ok(out)
}

/// Turns what the peer has proved of its log into parts of the dossier: the newest answer, and of the older
/// ones those that lead a cited head which no newer one leads.
fn peers_log(gateway: &Gateway, peer: &Party, mut cited: BTreeSet<u64>) -> Result<Vec<LogProof>, NodeError> {
    let mut out = Vec::new();
    for answer in gateway.ledger.audits(peer)?.iter().rev() {
        let AuditAnswer { anchor, genesis, heads, .. } = AuditAnswer::unproved(answer)?;
        let before = cited.len();
        heads.iter().for_each(|earlier| {
            cited.remove(&earlier.head.size);
        });
        cited.remove(&anchor.claimed()?.1);
        if out.is_empty() || cited.len() < before {
            out.push(LogProof { anchor, leaves: vec![genesis], heads });
        }
    }
    out.reverse();
    Ok(out)
}
