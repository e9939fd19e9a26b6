//! Asks peers to prove that their logs have gone on from the heads that we have seen, answers the same
//! question, and keeps the proof of every contradiction (DESIGN §7). It stops nothing.

use crate::envelope::{EnvelopeError, GatewayWord};
use crate::evidence::{
    Accusation, AuditAnswer, AuditQuestion, Contradiction, Equivocation, EvidenceError, HeadClaim, LogKeys,
    MAX_AUDITED, Receipt, contradict,
};
use crate::model::{DAY, Digest, DirectoryRef, Head, Party};
use crate::node::board;
use crate::node::citations::Citation;
use crate::node::courier::Courier;
use crate::node::error::NodeError;
use crate::node::evidence;
use crate::node::gateway::{Gateway, Post};
use crate::store::{Alarm, Change, Durable};
use crate::wire::FrameKind;
use serde_bytes::ByteBuf;
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the logs that have grown get an anchor (DESIGN §7).
pub const ANCHOR_EVERY: Duration = Duration::from_secs(3600);

/// Says why an audit came to nothing; a contradiction is no error but an alarm.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The peer was not reached, or answered with something else.
    #[error("{0}")]
    Unanswered(String),
    /// What it answered could not be kept.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Answers a peer's question about our log with it.
///
/// # Errors
/// The first cause; an empty log has nothing to prove.
pub fn answer(gateway: &Gateway, peer: &Party, body: &[u8]) -> Result<Vec<u8>, NodeError> {
    gateway.recovery.check([peer])?;
    let now = gateway.now();
    let question = AuditQuestion::verify(body, (peer, gateway.me()), &gateway.directory(), now)?;
    let (log, ring) = (gateway.ledger.log(peer)?, gateway.ring());
    let answer = AuditAnswer::of(&log, (gateway.me(), peer), &question.sizes, &LogKeys::of(&ring), now)?;
    Ok(answer.sign(&ring)?)
}

/// Asks the peer of a courier about the newest head seen and these sizes, and keeps what it proves.
///
/// # Errors
/// [`AuditError::Unanswered`] if there is nothing to ask about yet, or no answer.
pub async fn ask(post: &Post, courier: &Courier, sizes: &[u64]) -> Result<(), AuditError> {
    let gateway = &*post.gateway;
    let peer = &courier.peer;
    gateway.recovery.check([peer])?;
    let seen = gateway.ledger.seen_head(peer).map_err(NodeError::from)?;
    let Some(seen) = seen else { return Err(AuditError::Unanswered("no head was seen yet".to_owned())) };
    let mut sizes: Vec<u64> = sizes.iter().copied().chain([seen.size]).collect();
    sizes.sort_unstable();
    sizes.dedup();
    // The newest ones matter most; the rest is asked about another time.
    let sizes = sizes.split_off(sizes.len().saturating_sub(MAX_AUDITED));
    let question = AuditQuestion { to: peer.clone(), sizes };
    let body = question.sign(&gateway.ring()).map_err(NodeError::from)?;
    let unanswered = |cause: &dyn std::fmt::Display| AuditError::Unanswered(cause.to_string());
    let link = courier.link(post).await.map_err(AuditError::Unanswered)?;
    let exchange = async {
        let (mut sender, mut receiver) = link.open().await?;
        sender.send(FrameKind::AuditQuestion, &body).await?;
        sender.finish();
        receiver.next().await
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(Some((FrameKind::AuditAnswer, answer)))) => Ok(take(gateway, peer, seen, &answer).await?),
        Ok(Ok(_)) => Err(AuditError::Unanswered("the peer gave no answer to an audit".to_owned())),
        Ok(Err(cause)) => Err(unanswered(&cause)),
        Err(_) => Err(unanswered(&"no answer in time")),
    }
}

/// Weighs an answer and commits it, with an alarm if it contradicts what the peer has signed before.
async fn take(gateway: &Gateway, peer: &Party, seen: Head, bytes: &[u8]) -> Result<(), NodeError> {
    let (now, directory) = (gateway.now(), gateway.directory());
    let answer = AuditAnswer::verify(bytes, (peer, gateway.me()), &directory, now)?;
    let claim = || HeadClaim::Answer(ByteBuf::from(bytes));
    let mut change = Change::default();
    match answer.proves(peer, &directory) {
        Ok(anchor) => {
            gateway.machine.corroborate(anchor.at);
            let heads: Vec<Head> =
                answer.heads.iter().map(|earlier| earlier.head).chain([anchor.head]).collect();
            match against(gateway, peer, &heads)? {
                Some((head, other)) => {
                    let words = two_heads(peer, &head);
                    let proof = contradiction(gateway, peer, claim(), Some(other))?;
                    raise(gateway, &mut change, Alarm { peer: peer.clone(), at: now, words, proof })?;
                }
                None if !led(&heads, &seen) && answer.genesis.check_genesis(&anchor)? != Some(seen) => {
                    let words = format!(
                        "{peer} does not lead a head of {} leaves that it signed to its log",
                        seen.size
                    );
                    raise(
                        gateway,
                        &mut change,
                        Alarm { peer: peer.clone(), at: now, words, proof: Vec::new() },
                    )?;
                }
                None => {}
            }
            change.audited(peer, bytes, anchor.head)?;
        }
        Err(EvidenceError::NotConsistent) => {
            let words = format!("{peer} signed a proof that does not lead to its own head");
            let proof = contradiction(gateway, peer, claim(), None)?;
            raise(gateway, &mut change, Alarm { peer: peer.clone(), at: now, words, proof })?;
        }
        Err(cause) => return Err(cause.into()),
    }
    let _committed: Durable<()> = gateway.ledger.commit(change).await?;
    Ok(())
}

fn led(heads: &[Head], seen: &Head) -> bool {
    heads.contains(seen)
}

/// Finds a receipt of the peer whose head contradicts one of these.
fn against(gateway: &Gateway, peer: &Party, heads: &[Head]) -> Result<Option<(Head, HeadClaim)>, NodeError> {
    let directory = gateway.directory();
    for head in heads {
        for bytes in gateway.ledger.shown_otherwise(peer, head)? {
            let receipt = Receipt::from_bytes(bytes);
            let Ok(claimed) = receipt.claimed() else { continue };
            let pair = (peer, gateway.me());
            let proved = receipt.verify(pair, &claimed.statement, &directory, claimed.signed_at);
            if proved.is_ok_and(|proved| contradict(head, &proved.head)) {
                return Ok(Some((*head, HeadClaim::Receipt(ByteBuf::from(receipt.as_bytes())))));
            }
        }
    }
    Ok(None)
}

/// Compares the head that a receipt of a peer proves with the newest one seen, and with all that its receipts have shown.
///
/// # Errors
/// [`NodeError::Store`] if what is known cannot be read.
pub fn compare_receipt(
    gateway: &Gateway,
    peer: &Party,
    (receipt, proved): (&Receipt, Head),
    change: &mut Change,
) -> Result<(), NodeError> {
    let other = against(gateway, peer, &[proved])?;
    let seen = gateway.ledger.seen_head(peer)?;
    if other.is_none() && !seen.is_some_and(|seen| contradict(&proved, &seen)) {
        return Ok(());
    }
    let words = two_heads(peer, &proved);
    let proof = match other {
        Some((_, other)) => {
            let claim = HeadClaim::Receipt(ByteBuf::from(receipt.as_bytes()));
            contradiction(gateway, peer, claim, Some(other))?
        }
        None => Vec::new(),
    };
    raise(gateway, change, Alarm { peer: peer.clone(), at: gateway.now(), words, proof })
}

fn two_heads(peer: &Party, head: &Head) -> String {
    format!("{peer} signed two heads of {} leaves of one log", head.size)
}

/// Compares the head that a statement of a peer names with the newest that its receipts have shown.
///
/// # Errors
/// [`NodeError::Store`] if what is known cannot be read.
pub fn compare_statement(
    gateway: &Gateway,
    peer: &Party,
    (digest, bytes): (Digest, &[u8]),
    named: Option<Head>,
    change: &mut Change,
) -> Result<(), NodeError> {
    let seen = gateway.ledger.seen_head(peer)?;
    let (Some(named), Some(seen)) = (named, seen) else { return Ok(()) };
    if !contradict(&named, &seen) {
        return Ok(());
    }
    let claim = HeadClaim::Statement(ByteBuf::from(bytes));
    let words = format!("{}, one in act {}", two_heads(peer, &named), digest.short());
    let proof = match against(gateway, peer, &[named])? {
        Some((_, other)) => contradiction(gateway, peer, claim, Some(other))?,
        None => Vec::new(),
    };
    raise(gateway, change, Alarm { peer: peer.clone(), at: gateway.now(), words, proof })
}

fn contradiction(
    gateway: &Gateway,
    peer: &Party,
    first: HeadClaim,
    second: Option<HeadClaim>,
) -> Result<Vec<u8>, NodeError> {
    let (owner, peer) = (peer.clone(), gateway.me().clone());
    convincing(gateway, &Accusation::Contradiction(Contradiction { owner, peer, first, second }))
}

/// A proof that would not convince anybody else is kept as words only.
fn convincing(gateway: &Gateway, accusation: &Accusation) -> Result<Vec<u8>, NodeError> {
    Ok(match accusation.verify(&gateway.directory()) {
        Ok(_) => accusation.encode()?,
        Err(_) => Vec::new(),
    })
}

/// Raises an alarm about a peer that has signed two statements under one message id (DESIGN §12.12).
///
/// # Errors
/// [`NodeError::Store`] if what it said first cannot be read.
pub fn compare_identity(
    gateway: &Gateway,
    peer: &Party,
    first: &Digest,
    (second, bytes): (&Digest, &[u8]),
    change: &mut Change,
) -> Result<(), NodeError> {
    let words = format!("{peer} signed acts {} and {} under one message id", first.short(), second.short());
    let proof = match gateway.ledger.body(first)? {
        Some(body) => {
            let (first, second) = (ByteBuf::from(body.statement), ByteBuf::from(bytes));
            convincing(
                gateway,
                &Accusation::Equivocation(Equivocation { issuer: peer.clone(), first, second }),
            )?
        }
        None => Vec::new(),
    };
    raise(gateway, change, Alarm { peer: peer.clone(), at: gateway.now(), words, proof })
}

/// Adds an alarm to a change, once for each thing that is wrong.
fn raise(gateway: &Gateway, change: &mut Change, alarm: Alarm) -> Result<(), NodeError> {
    let known = gateway.ledger.alarms()?;
    if !known.iter().any(|k| k.peer == alarm.peer && k.words == alarm.words) {
        tracing::error!(peer = %alarm.peer, "a peer contradicts what it has signed: {}", alarm.words);
        change.alarm(alarm)?;
    }
    Ok(())
}

/// Compares the directory that a statement cites with ours: one version with two contents means that its publishers have
/// told two stories (DESIGN §6). The proof is made of both documents, at the next comparison of directories. What is newer
/// than ours is remembered until it comes in.
///
/// # Errors
/// [`NodeError::Store`] if the alarm cannot be noted.
pub fn compare_directory(
    gateway: &Gateway,
    peer: &Party,
    (digest, cited): (Digest, &DirectoryRef),
    change: &mut Change,
) -> Result<(), NodeError> {
    let citation = Citation { by: peer.clone(), act: digest, cited: *cited };
    gateway.board.note(citation.clone());
    let Some(other) = gateway.board.contradiction(cited) else { return Ok(()) };
    raise(gateway, change, split_alarm(gateway, &citation, &other))
}

/// Compares what was cited before it came in with what is in force now; returns whose documents are needed for a proof.
///
/// # Errors
/// [`NodeError::Store`] if an alarm was not committed; the citations are then still remembered.
pub async fn compare_citations(gateway: &Gateway) -> Result<Vec<Party>, NodeError> {
    let (version, contradicted) = gateway.board.contradicted();
    let mut change = Change::default();
    for citation in &contradicted {
        raise(gateway, &mut change, split_alarm(gateway, citation, &board::Contradiction::InForce))?;
    }
    if !contradicted.is_empty() {
        let _committed: Durable<()> = gateway.ledger.commit(change).await?;
    }
    gateway.board.compared(version);
    Ok(contradicted.into_iter().map(|citation| citation.by).collect())
}

fn split_alarm(gateway: &Gateway, citation: &Citation, other: &board::Contradiction) -> Alarm {
    let Citation { by, act, cited } = citation;
    let (version, act) = (cited.version, act.short());
    let other = match other {
        board::Contradiction::InForce => "was in force here".to_owned(),
        board::Contradiction::CitedBy(party) => format!("{party} does"),
    };
    let words = format!(
        "{by} cites another snapshot of version {version} than {other}, in act {act}: its publishers have told two stories"
    );
    Alarm { peer: by.clone(), at: gateway.now(), words, proof: Vec::new() }
}

/// Signs an anchor of each log that has grown since its last one.
///
/// # Errors
/// [`NodeError::Store`] if it was not committed.
pub async fn anchor_what_has_grown(gateway: &Gateway) -> Result<(), NodeError> {
    for courier in gateway.couriers.all() {
        let peer = &courier.peer;
        if gateway.recovery.waits_for(peer) {
            continue;
        }
        let Some(head) = gateway.ledger.our_head(peer)? else { continue };
        let last =
            gateway.ledger.anchor(peer)?.map(|bytes| crate::evidence::Anchor::parse(&bytes)).transpose()?;
        if last.map(|last| last.claimed()).transpose()?.is_some_and(|(_, size)| size == head.size) {
            continue;
        }
        let Some(anchor) = evidence::sign_anchor(gateway, peer)? else { continue };
        let mut change = Change::default();
        change.anchored(peer, &anchor.encode()?)?;
        let _committed: Durable<()> = gateway.ledger.commit(change).await?;
    }
    Ok(())
}

/// Audits a peer in the background, unless all that it has shown is led to an anchor not a day old; what
/// comes to nothing is tried again at the next contact.
pub async fn audit(post: Post, peer: Party) {
    let Some(courier) = post.gateway.couriers.get(&peer) else { return };
    match is_led(&post.gateway, &peer) {
        Ok(true) => return,
        Ok(false) => {}
        Err(cause) => return tracing::warn!(%peer, %cause, "what was audited cannot be read"),
    }
    if let Err(cause) = ask(&post, &courier, &[]).await {
        tracing::debug!(%peer, %cause, "an audit came to nothing");
    }
}

/// Tells whether the newest head seen of a peer is that of an anchor that it signed within a day. One of a smaller log is
/// not: whoever put a log back shows such a head (that one of the same size has the same root, [`compare_receipt`] sees to).
fn is_led(gateway: &Gateway, peer: &Party) -> Result<bool, NodeError> {
    let Some(newest) = gateway.ledger.newest_audit(peer)? else { return Ok(false) };
    let (at, size) = AuditAnswer::unproved(&newest)?.anchor.claimed()?;
    let seen = gateway.ledger.seen_head(peer)?;
    let is_recent = gateway.now().seconds_since(at) < DAY;
    Ok(is_recent && seen.is_some_and(|seen| seen.size == size))
}

impl From<EnvelopeError> for AuditError {
    fn from(error: EnvelopeError) -> Self {
        Self::Node(error.into())
    }
}
