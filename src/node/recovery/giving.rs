//! The side that is asked: it gives back what it holds of the acts between the two, to a prekey that the asking
//! party's seal key has signed.

use crate::envelope::{
    ClaimedStatement, Content, EnvelopeError, GatewayWord, GivenBack, MAX_LISTED, RecoveryList,
    RecoveryQuestion, RecoveryWants,
};
use crate::evidence::{Leaf, Receipt};
use crate::model::{CaseId, Digest, Party};
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::intake::Answer;
use crate::store::{Body, StoreError};
use crate::wire;
use crate::wire::{FrameKind, Limits};
use serde_bytes::ByteBuf;
use tokio::sync::mpsc;

/// Answers a peer that was restored from a backup, frame by frame.
///
/// # Errors
/// The first cause.
pub async fn serve(
    post: &Post,
    peer: &Party,
    body: &[u8],
    answers: &mpsc::Sender<Answer>,
) -> Result<(), NodeError> {
    let gateway = &*post.gateway;
    let (now, directory) = (gateway.now(), gateway.directory());
    let question = RecoveryQuestion::verify(body, (peer, gateway.me()), &directory, now)?;
    let offered = question.offered(peer, &directory, now)?;
    match question.wants {
        RecoveryWants::List(from) => {
            tracing::warn!(%peer, restored_at = %question.restored_at, "a peer was restored from a backup and asks");
            let list = list(gateway, peer, from)?;
            // If the stream has ended, the peer asks again.
            let _ =
                answers.send(Answer::Recovery(FrameKind::RecoveryList, list.sign(&gateway.ring())?)).await;
        }
        RecoveryWants::Acts(acts) => {
            for act in acts {
                let Some(given) = give(gateway, peer, &act).await? else { continue };
                let pair = (gateway.me(), peer);
                let sealed = given.seal(&act, pair, &offered, now, &mut *gateway.entropy())?;
                let _ = answers.send(Answer::Recovery(FrameKind::RecoveryAct, sealed)).await;
            }
        }
    }
    Ok(())
}

/// Lists the acts that passed between the two, in the order of our log, from a place on.
fn list(gateway: &Gateway, peer: &Party, from: u64) -> Result<RecoveryList, NodeError> {
    let leaves = gateway.ledger.logged(peer, from, MAX_LISTED)?;
    let next = (leaves.len() == MAX_LISTED).then(|| from + leaves.len() as u64);
    let mut acts = Vec::new();
    for leaf in leaves {
        let Leaf::Act { statement, .. } = leaf else { continue };
        let receipted = !receipts(gateway, peer, &statement)?.is_empty();
        if receipted && !acts.contains(&statement) {
            acts.push(statement);
        }
    }
    let seen = gateway.ledger.seen_head(peer)?;
    Ok(RecoveryList { to: peer.clone(), acts, next, seen })
}

/// Gathers an act that passed between the two; `None` if there is none, or it is not the asking party's to have.
async fn give(gateway: &Gateway, peer: &Party, act: &Digest) -> Result<Option<GivenBack>, NodeError> {
    let Some(body) = gateway.ledger.body(act)? else { return Ok(None) };
    let claimed = ClaimedStatement::read(&body.statement)?;
    let me = gateway.me();
    let theirs = claimed.issuer == *peer && claimed.audience.contains(me);
    let to_them = claimed.issuer == *me && claimed.audience.contains(peer);
    let receipts = receipts(gateway, peer, act)?;
    if !(theirs || to_them) || receipts.is_empty() {
        return Ok(None);
    }
    let disclosures = whole(gateway, act, &claimed.case, &body).await?;
    let mandate = body.mandate.map(|bytes| wire::decode(&bytes, &Limits::ENVELOPE)).transpose();
    let mandate = mandate.map_err(EnvelopeError::from)?;
    let content = Content { statement: body.statement, disclosures, mandate };
    Ok(Some(GivenBack { content, receipts }))
}

/// Reads all elements; those that are sealed here are opened by a permit of the system, which is in the journal
/// first and shows them to nobody but the party that said them, or to which they were said (DESIGN §8).
async fn whole(
    gateway: &Gateway,
    act: &Digest,
    case: &CaseId,
    body: &Body,
) -> Result<Vec<ByteBuf>, NodeError> {
    let open: Option<Vec<ByteBuf>> =
        body.elements.iter().map(|element| element.disclosure.clone().map(ByteBuf::from)).collect();
    match open {
        Some(all) => Ok(all),
        None => {
            let permit = gateway.ledger.permit_resealing(*act, case, gateway.now()).await?;
            Ok(gateway.ledger.open_resealing(&permit)?.into_iter().map(ByteBuf::from).collect())
        }
    }
}

/// Lists the receipts that were given between the two for an act.
fn receipts(gateway: &Gateway, peer: &Party, act: &Digest) -> Result<Vec<ByteBuf>, StoreError> {
    let ledger = &gateway.ledger;
    let found = [ledger.receipt(act, true)?, ledger.receipt(act, false)?, ledger.copy_receipt(act, peer)?];
    let between = |bytes: &Vec<u8>| {
        Receipt::from_bytes(bytes.clone()).claimed().is_ok_and(|claims| {
            let pair = (&claims.by, &claims.from);
            pair == (peer, gateway.me()) || pair == (gateway.me(), peer)
        })
    };
    Ok(found.into_iter().flatten().filter(between).map(ByteBuf::from).collect())
}
