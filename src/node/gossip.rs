//! Goes with the directory: what changes in it is followed here and told to peers, and what this gateway says of itself
//! is kept true in it.

use crate::model::Party;
use crate::node::audit;
use crate::node::board::Taken;
use crate::node::courier::Courier;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::parts::reachable;
use crate::node::prekeys::listed;
use crate::node::rotation;
use crate::transport::Link;
use crate::trust::federation::{Documents, Holdings, PartB, Route};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long others may take to hear of news before the work goes on.
const PATIENCE: Duration = Duration::from_secs(3);

/// Follows the directory for as long as the gateway runs.
pub async fn follow(post: Post) {
    let gateway = &post.gateway;
    let mut changes = gateway.board.changes();
    let mut told = gateway.board.holdings();
    loop {
        match audit::compare_citations(gateway).await {
            Ok(tellers) => tellers.iter().for_each(|peer| expose(&post, peer)),
            Err(cause) => tracing::error!(%cause, "an alarm of a split view was not noted"),
        }
        if let Err(cause) = renew_own_part(gateway).await {
            tracing::error!(%cause, "what this gateway says of itself was not renewed");
        }
        let now = gateway.board.holdings();
        spread(&post, &told, &now).await;
        told = now;
        // A key is used only once peers could hear of it.
        let adopted = match rotation::adopt(gateway) {
            // What another seal has signed, the new one signs again: prekeys hold no longer than their seal.
            Ok(true) => renew_own_part(gateway).await,
            Ok(false) => rotation::follow_root(gateway).await,
            Err(cause) => Err(cause),
        };
        if let Err(cause) = adopted {
            tracing::error!(%cause, "the keys that the directory lists are not in use");
        }
        if changes.changed().await.is_err() {
            return;
        }
        meet_newcomers(&post);
        for courier in gateway.couriers.all() {
            courier.check_trust(gateway);
            courier.check_keys(gateway).await;
        }
    }
}

/// Signs this gateway's own part B anew if it says something that is not so any more: prekeys that are over, or other relays
/// than those of the settings, to which a line is held.
///
/// # Errors
/// [`NodeError::Keys`] if a file or the directory refuses it; the one before then stands.
pub async fn renew_own_part(gateway: &Gateway) -> Result<(), NodeError> {
    let Some(keeper) = &gateway.keeper else { return Ok(()) };
    let prekeys = listed(&keeper.held()?, gateway.now());
    let relays = gateway.config.relays.clone();
    amend_own_part(gateway, |part| {
        part.prekeys = prekeys;
        part.routes.retain(|route| !matches!(route, Route::Relay(_)));
        part.routes.extend(relays.into_iter().map(Route::Relay));
    })
    .await
}

/// Changes what this gateway says of itself, and puts it in force here; peers hear of it by [`follow`].
///
/// # Errors
/// As for [`renew_own_part`].
pub async fn amend_own_part(gateway: &Gateway, change: impl FnOnce(&mut PartB)) -> Result<(), NodeError> {
    let Some(keeper) = &gateway.keeper else { return Ok(()) };
    let (directory, now) = (gateway.directory(), gateway.now());
    let known = directory.entry(gateway.me()).map_err(crate::node::keys::KeyError::from)?;
    let known = known.part_b_file().map(|(bytes, _)| bytes.to_vec());
    let amended = keeper.sheet().amend(known.as_deref(), &gateway.ring().seal, now, change)?;
    let Some(bytes) = amended else { return Ok(()) };
    let taken = gateway.board.take(Documents::part_b(&bytes), now).await;
    taken.refused.into_iter().next().map_or(Ok(()), |cause| Err(NodeError::Directory(cause)))
}

/// Compares directories with a peer over a link that has just been opened: before anything else is said if the peer is
/// not known to have what we have, since it could not judge what is signed with a key that it has not heard of.
pub async fn greet(post: &Post, courier: &Courier, link: &Link) {
    let ours = post.gateway.board.holdings();
    if courier.holdings().is_none_or(|theirs| !theirs.agrees(&ours)) {
        let met = timeout(PATIENCE, meet(post, courier, link)).await;
        if let Err(cause) = met.unwrap_or_else(|_| Err("it took too long".to_owned())) {
            tracing::debug!(peer = %courier.peer, cause, "directories were not compared");
        }
        return;
    }
    let Some(courier) = post.gateway.couriers.get(&courier.peer) else { return };
    let (post_too, link) = (post.clone(), link.clone());
    post.spawn(async move {
        if let Err(cause) = meet(&post_too, &courier, &link).await {
            tracing::debug!(peer = %courier.peer, cause, "directories were not compared");
        }
    });
}

/// Gets the document of a peer that contradicts ours, so that the two prove what its signers have done.
pub fn expose(post: &Post, peer: &Party) {
    let Some(courier) = post.gateway.couriers.get(peer) else { return };
    let post_too = post.clone();
    post.spawn(async move {
        let met = match courier.link(&post_too).await {
            Ok(link) => meet(&post_too, &courier, &link).await.map(drop),
            Err(cause) => Err(cause),
        };
        if let Err(cause) = met {
            tracing::warn!(peer = %courier.peer, cause, "the other story of a split view was not got");
        }
    });
}

/// Compares directories with a peer over a link.
///
/// # Errors
/// Words on why it came to no end.
pub async fn meet(post: &Post, courier: &Courier, link: &Link) -> Result<Taken, String> {
    let board = &post.gateway.board;
    let before = board.holdings();
    let taken = board.meet(link, post.gateway.now()).await?;
    // It had what we have now, or has been given what we had.
    courier.informed(Some(if taken.new == 0 { before } else { board.holdings() }));
    Ok(taken)
}

/// Tells everybody who can be reached what this gateway has, and waits for that a little.
pub async fn tell_all(post: &Post) {
    tell(post, |_| true).await;
}

/// Tells peers what is new: all that can be reached if it is our own part, those with a link if it is a document of the
/// federation, and otherwise nobody, since a part B is carried on at the next contact.
async fn spread(post: &Post, told: &Holdings, now: &Holdings) {
    let me = post.gateway.me();
    let own = |h: &Holdings| h.each.as_ref().and_then(|each| each.get(me)).map(|held| held.1);
    let ours = own(told) != own(now);
    let federations = told.root != now.root || told.snapshot != now.snapshot;
    tell(post, |courier| ours || federations && courier.standing_link().is_some()).await;
}

async fn tell(post: &Post, whom: impl Fn(&Courier) -> bool) {
    let mut told = JoinSet::new();
    for courier in post.gateway.couriers.all() {
        if !whom(&courier) {
            continue;
        }
        let post = post.clone();
        told.spawn(async move {
            let met = match courier.standing_link() {
                Some(link) => meet(&post, &courier, &link).await.map(drop),
                // Whoever opens a link compares directories over it.
                None => courier.link(&post).await.map(drop),
            };
            if let Err(cause) = met {
                tracing::debug!(peer = %courier.peer, cause, "a peer did not hear what is new");
            }
        });
    }
    // Whoever is not reached by then hears of it at the next contact.
    let _ = timeout(PATIENCE, async { while told.join_next().await.is_some() {} }).await;
}

/// Opens ways to parties that are new, and looks for others where they say that they are now.
fn meet_newcomers(post: &Post) {
    let gateway = &post.gateway;
    for (peer, roads) in reachable(&gateway.directory(), &gateway.config) {
        match gateway.couriers.get(&peer) {
            Some(courier) if courier.roads() != roads => courier.readdress(roads),
            Some(_) => {}
            None => post.enlist(Courier::new(peer, roads, Vec::new())),
        }
    }
}

/// The news that a courier's bag brings a peer: our own part B, and of the rest what it is not known to have.
pub fn to_carry(gateway: &Gateway, courier: &Courier) -> Vec<Documents> {
    gateway.directory().news_for(courier.holdings().as_ref(), Some(gateway.me()))
}
