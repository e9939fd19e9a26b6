//! Files by relay: what is wanted is told there, and its pieces are brought there, while no direct road stands.

use super::{IN_FLIGHT, blocking, piece, sealed_want, wanted};
use crate::envelope::Want;
use crate::model::{Digest, Party};
use crate::node::courier::{Courier, Said, hear};
use crate::node::gateway::Post;
use crate::node::retry;
use crate::relay::{Freight, Lane};
use crate::store::{Incoming, Outgoing};
use crate::transport::{CloseCode, Link};
use crate::wire::FrameKind;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The most files that one peer may want by relay at once; what is beyond is wanted again later.
const MAX_WISHES: usize = 64;

/// What was asked for by relay, by us and of us. It is not kept: whoever misses something asks again.
#[derive(Default)]
pub(super) struct Book {
    asked: Mutex<BTreeMap<Digest, Asked>>,
    wishes: Mutex<BTreeMap<(Party, Digest), Wish>>,
}

/// What we have asked for.
struct Asked {
    end: u64,
    /// When it was asked for, or something of it came.
    moved: Instant,
}

/// What a peer has asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wish {
    from: u64,
    end: u64,
}

/// Why pieces are not brought.
enum Fault {
    /// Nobody may have them.
    Ended(String),
    /// They may be brought later.
    Later(String),
}

impl Book {
    /// Notes that something of a file came, which lacks `next` now; tells whether all that was asked for is here.
    pub(super) fn moved(&self, name: &Digest, next: Option<(u64, u64)>) -> bool {
        let mut asked = self.asked();
        let Some(known) = asked.get_mut(name) else { return false };
        known.moved = Instant::now();
        let is_done = next.is_none_or(|(from, _)| from >= known.end);
        if is_done {
            asked.remove(name);
        }
        is_done
    }

    /// Forgets what a peer has asked for by relay.
    pub(super) fn unwish(&self, peer: &Party, name: &Digest) {
        self.wishes().remove(&(peer.clone(), *name));
    }

    /// Returns a file that a peer wants.
    fn next(&self, peer: &Party) -> Option<Digest> {
        self.wishes().keys().find(|(of, _)| of == peer).map(|(_, name)| *name)
    }

    /// Returns which part of a file a peer wants still.
    fn part(&self, peer: &Party, name: &Digest) -> Option<Wish> {
        self.wishes().get(&(peer.clone(), *name)).copied()
    }

    /// Notes that a piece is in custody; tells whether more is wanted.
    fn brought(&self, peer: &Party, name: &Digest, index: u64) -> bool {
        let mut wishes = self.wishes();
        let Some(wish) = wishes.get_mut(&(peer.clone(), *name)) else { return false };
        wish.from = wish.from.max(index + 1);
        let more = wish.from < wish.end;
        if !more {
            wishes.remove(&(peer.clone(), *name));
        }
        more
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<Digest, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wishes(&self) -> MutexGuard<'_, BTreeMap<(Party, Digest), Wish>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks by relay for what a file lacks, unless that was done a while ago and is still on its way.
pub(super) async fn ask(
    post: &Post,
    courier: &Courier,
    (name, incoming): (&Digest, &Incoming),
) -> Result<(), String> {
    let gateway = &post.gateway;
    let patience = Duration::from_secs(u64::from(gateway.config.retry.max_seconds));
    if gateway.attic.by_relay.asked().get(name).is_some_and(|asked| asked.moved.elapsed() < patience) {
        return Ok(());
    }
    let (from, end) = blocking({
        let (files, name, incoming) = (gateway.attic.files.clone(), *name, incoming.clone());
        move || files.next(&name, &incoming)
    })
    .await?;
    let want = sealed_want(gateway, &courier.peer, &Want { name: *name, from, end })?;
    let mut first = None;
    for relay in courier.relays_in_order() {
        match leave(post, courier, &relay, &want).await {
            Ok(()) => {
                tracing::info!(file = %name, %relay, from, end, "a file was asked for by relay");
                gateway.attic.by_relay.asked().insert(*name, Asked { end, moved: Instant::now() });
                return Ok(());
            }
            Err(cause) => drop(first.get_or_insert(format!("{relay}: {cause}"))),
        }
    }
    Err(first.unwrap_or_else(|| "no relay is known".to_owned()))
}

/// Leaves our word that we want something at a relay.
async fn leave(post: &Post, courier: &Courier, relay: &Party, want: &[u8]) -> Result<(), String> {
    let link = courier.link_to_relay(post, relay).await?;
    let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
    sender.send(FrameKind::Want, want).await.map_err(|e| e.to_string())?;
    sender.finish();
    match hear(post, relay, &mut receiver).await? {
        Said::Custody(parcel, _)
            if parcel.digest == Digest::of(&[want]) && parcel.freight == Freight::Want =>
        {
            Ok(())
        }
        Said::Custody(..) => Err("it signed for something else".to_owned()),
        Said::Refused(refused) => Err(format!("it is not taken: {} ({})", refused.words, refused.code)),
    }
}

/// Notes what a peer wants, as a relay has brought it.
///
/// # Errors
/// Words on why it is not handed out.
pub(in crate::node) fn wish(post: &Post, peer: &Party, body: &[u8]) -> Result<(), String> {
    let gateway = &post.gateway;
    let want = wanted(gateway, peer, body)?;
    let courier = gateway.couriers.get(peer).ok_or("it is not among the peers")?;
    let mut wishes = gateway.attic.by_relay.wishes();
    let known = wishes.contains_key(&(peer.clone(), want.name));
    if !known && wishes.keys().filter(|(of, _)| of == peer).count() >= MAX_WISHES {
        return Err("it wants too many files at once".to_owned());
    }
    if want.from < want.end {
        wishes.insert((peer.clone(), want.name), Wish { from: want.from, end: want.end });
    }
    drop(wishes);
    courier.wishes.notify_one();
    Ok(())
}

/// Brings what a peer has asked for by relay to its relays, for as long as the gateway runs.
pub(in crate::node) async fn bring(post: Post, peer: Party) {
    let Some(courier) = post.gateway.couriers.get(&peer) else { return };
    let mut failures = 0;
    loop {
        let woken = courier.wishes.notified();
        let Some(name) = post.gateway.attic.by_relay.next(&peer) else {
            failures = 0;
            woken.await;
            continue;
        };
        match bring_one(&post, &courier, &name).await {
            Ok(()) => failures = 0,
            Err(Fault::Ended(cause)) => {
                tracing::warn!(file = %name, cause, "a file that a peer wants by relay is not brought");
                post.gateway.attic.by_relay.unwish(&peer, &name);
            }
            Err(Fault::Later(cause)) => {
                failures += 1;
                let pause = retry::pause(failures, &post.gateway.config.retry, &mut *post.gateway.entropy());
                tracing::info!(failures, pause_seconds = pause, cause, "a file is not at a relay yet");
                let _ = timeout(Duration::from_secs(pause.unsigned_abs()), woken).await;
            }
        }
    }
}

/// Brings what is wanted of one file to the first relay that takes it; what is left when one takes no more goes to the next.
async fn bring_one(post: &Post, courier: &Courier, name: &Digest) -> Result<(), Fault> {
    let gateway = &post.gateway;
    let (files, to, of) = (gateway.attic.files.clone(), courier.peer.clone(), *name);
    let file = blocking(move || {
        files.owe(&of, &to, None)?;
        files.outgoing(&of, &to)
    });
    let file = file.await.map_err(Fault::Ended)?;
    let file = Arc::new(file.ok_or_else(|| Fault::Ended("no file of that name goes there".to_owned()))?);
    let mut last = Err(Fault::Ended("no relay of the peer is known".to_owned()));
    for relay in courier.relays_in_order() {
        last = bring_to(post, courier, &relay, (name, &file)).await;
        if !matches!(last, Err(Fault::Later(_))) {
            break;
        }
    }
    last
}

async fn bring_to(
    post: &Post,
    courier: &Courier,
    relay: &Party,
    (name, file): (&Digest, &Arc<Outgoing>),
) -> Result<(), Fault> {
    let (gateway, peer) = (&post.gateway, &courier.peer);
    let later = |cause: String| Fault::Later(format!("{relay}: {cause}"));
    let Some(Wish { from, end }) = gateway.attic.by_relay.part(peer, name) else { return Ok(()) };
    let link: Link = courier.link_to_relay(post, relay).await.map_err(later)?;
    let broken = |cause: String| {
        courier.unlink_relay(post, relay, &link);
        link.close(CloseCode::Done, "the exchange broke off");
        later(cause)
    };
    let (mut sender, mut receiver) = link.open().await.map_err(|e| broken(e.to_string()))?;
    sender.in_the_background();
    let mut waiting: BTreeMap<Digest, u64> = BTreeMap::new();
    let (mut next, end) = (from, end.min(file.count()));
    while next < end || !waiting.is_empty() {
        while next < end && waiting.len() < IN_FLIGHT {
            let body = piece(gateway, peer, file, next).await.map_err(Fault::Ended)?;
            sender.send(FrameKind::Envelope, &body).await.map_err(|e| broken(e.to_string()))?;
            waiting.insert(Digest::of(&[&body]), next);
            next += 1;
        }
        match hear(post, relay, &mut receiver).await.map_err(broken)? {
            Said::Custody(parcel, _) => {
                let index = waiting.remove(&parcel.digest).filter(|_| parcel.thread.lane == Lane::Bulk);
                let index = index.ok_or_else(|| broken("it signed for something else".to_owned()))?;
                if !gateway.attic.by_relay.brought(peer, name, index) {
                    break;
                }
            }
            Said::Refused(refused) => {
                return Err(later(format!("it does not take a piece: {} ({})", refused.words, refused.code)));
            }
        }
    }
    sender.finish();
    // What was beyond the end of the file is wanted in vain.
    gateway.attic.by_relay.unwish(peer, name);
    Ok(())
}
