//! What a gateway does after it was restored from a backup: it asks its peers for what came after, and says nothing
//! in its party's name before it has that back (DESIGN §7).

mod asking;
mod giving;
mod relayed;

pub use asking::run;
pub use giving::serve;
pub use relayed::take;

use crate::control::RecoveryView;
use crate::model::{Party, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::store::{Change, Ledger, Recovered, Restoration, StoreError};
use crate::wire::FrameKind;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

/// A frame's kind and body.
type Frame = (FrameKind, Vec<u8>);

/// The most answers of one peer that wait to be read.
const MAIL: usize = 128;

/// How the recovery stands; without a restore there is nothing to wait for.
pub struct Recovery {
    restoration: Option<Restoration>,
    peers: Mutex<BTreeMap<Party, Progress>>,
    /// Where answers go that a relay brings, while they are waited for.
    mail: Mutex<BTreeMap<Party, mpsc::Sender<Frame>>>,
    changed: watch::Sender<()>,
}

/// How it stands with one peer.
#[derive(Clone, Debug, Default)]
struct Progress {
    done: bool,
    recovered: u64,
    last_cause: Option<String>,
    without: Option<String>,
}

impl Recovery {
    /// Reads how the recovery stands.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub fn load(ledger: &Ledger) -> Result<Self, StoreError> {
        let restoration = ledger.restoration()?;
        let mut peers = BTreeMap::new();
        for (peer, how) in restoration
            .iter()
            .map(|r| ledger.recovered(r.id))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
        {
            let progress = match how {
                Recovered::Answered(_) => Progress { done: true, ..Progress::default() },
                Recovered::Without { officer, .. } => {
                    Progress { without: Some(officer), ..Progress::default() }
                }
            };
            peers.insert(peer, progress);
        }
        Ok(Self {
            restoration,
            peers: Mutex::new(peers),
            mail: Mutex::default(),
            changed: watch::Sender::new(()),
        })
    }

    /// Returns the restore after which the recovery goes on.
    pub const fn restoration(&self) -> Option<&Restoration> {
        self.restoration.as_ref()
    }

    /// Takes a peer among those that are asked.
    pub fn expect(&self, peer: &Party) {
        if self.restoration.is_some() {
            self.peers().entry(peer.clone()).or_default();
        }
    }

    /// Tells whether nothing may be said to a peer yet.
    pub fn waits_for(&self, peer: &Party) -> bool {
        self.peers().get(peer).is_some_and(Progress::waits)
    }

    /// Tells whether a peer has not given back all that it has, whether or not it is waited for.
    pub fn lacks(&self, peer: &Party) -> bool {
        self.peers().get(peer).is_some_and(|progress| !progress.done)
    }

    /// Refuses what may not be said to these parties yet.
    ///
    /// # Errors
    /// [`NodeError::Recovering`].
    pub fn check<'p>(&self, parties: impl IntoIterator<Item = &'p Party>) -> Result<(), NodeError> {
        match parties.into_iter().find(|party| self.waits_for(party)) {
            Some(party) => Err(NodeError::Recovering(party.clone())),
            None => Ok(()),
        }
    }

    /// Refuses what may not be done before all peers have answered, such as giving a case its number.
    ///
    /// # Errors
    /// [`NodeError::Recovering`].
    pub fn check_all(&self) -> Result<(), NodeError> {
        let all: Vec<Party> = self.peers().keys().cloned().collect();
        self.check(&all)
    }

    /// Waits until a peer has given back all, or an officer goes on without it.
    pub async fn cleared(&self, peer: &Party) {
        let mut changes = self.changed.subscribe();
        while self.waits_for(peer) {
            // The sender lives as long as we do.
            let _ = changes.changed().await;
        }
    }

    /// Waits until no peer is waited for.
    pub async fn all_cleared(&self) {
        let mut changes = self.changed.subscribe();
        while self.check_all().is_err() {
            // As above.
            let _ = changes.changed().await;
        }
    }

    /// Lists the peers from which not everything is back.
    pub fn view(&self) -> Vec<RecoveryView> {
        let Some(restoration) = &self.restoration else { return Vec::new() };
        let peers = self.peers();
        let open = peers.iter().filter(|(_, progress)| !progress.done);
        let view = |(peer, progress): (&Party, &Progress)| RecoveryView {
            peer: peer.clone(),
            since: restoration.at,
            recovered: progress.recovered,
            last_cause: progress.last_cause.clone(),
            without: progress.without.clone(),
        };
        open.map(view).collect()
    }

    /// Has the answers of a peer that a relay brings delivered here from now on.
    fn expect_mail(&self, peer: &Party) -> mpsc::Receiver<Frame> {
        let (sender, receiver) = mpsc::channel(MAIL);
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).insert(peer.clone(), sender);
        receiver
    }

    /// Delivers an answer that a relay has brought; what nobody waits for is dropped, and is asked for again if need be.
    fn deliver(&self, peer: &Party, kind: FrameKind, body: Vec<u8>) {
        let mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        if mail.get(peer).is_none_or(|waits| waits.try_send((kind, body)).is_err()) {
            tracing::debug!(%peer, "an answer that a relay brought is waited for by nobody");
        }
    }

    fn note(&self, peer: &Party, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.peers().get_mut(peer) {
            change(progress);
        }
        self.changed.send_replace(());
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<Party, Progress>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    const fn waits(&self) -> bool {
        !self.done && self.without.is_none()
    }
}

/// Goes on without what a peer has not given back, as an officer decides; the peer is still asked.
///
/// # Errors
/// [`NodeError::NotWaitedFor`] if it is not, [`NodeError::Store`] if it was not committed.
pub async fn go_on_without(
    gateway: &Gateway,
    officer: &str,
    peer: &Party,
    reason: &str,
) -> Result<Timestamp, NodeError> {
    let recovery = &gateway.recovery;
    let restoration = recovery.restoration().filter(|_| recovery.waits_for(peer));
    let restoration = restoration.ok_or_else(|| NodeError::NotWaitedFor(peer.clone()))?;
    let at = gateway.now();
    let mut change = Change::default();
    asking::begin_log(gateway, peer, None, &mut change)?;
    let how = Recovered::Without { at, officer: officer.to_owned(), reason: reason.to_owned() };
    change.recovered(restoration.id, peer, &how)?;
    gateway.ledger.commit(change).await?.into_inner();
    recovery.note(peer, |progress| progress.without = Some(officer.to_owned()));
    tracing::warn!(%peer, officer, "the gateway goes on without what a peer has not given back");
    Ok(at)
}
