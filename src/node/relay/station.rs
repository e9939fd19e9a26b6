//! A relay at work: its clerk, and a task for each line; its parts are read from files, or made by a simulation.

use super::clerk::Clerk;
use super::{Desk, lines};
use crate::model::Party;
use crate::node::board::Board;
use crate::node::gateway::Doorkeeper;
use crate::node::live::Live;
use crate::node::machine::Machine;
use crate::node::renewal::Renewing;
use crate::relay::{Quotas, Signer};
use crate::store::{Mailroom, Shelf, StoreError};
use crate::transport::{CloseCode, Road, TlsIdentity};
use crate::trust::Directory;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many KiB of what members bring are in memory at once.
const PLACES_KIB: usize = 16 << 10;

/// What a relay is made of before it runs.
pub struct RelayParts {
    /// The key with which it signs.
    pub signer: Signer,
    /// How much may wait.
    pub quotas: Quotas,
    /// How often it looks whether a parcel has expired.
    pub look: Duration,
    /// The machine on which it runs.
    pub machine: Arc<Machine>,
    /// Whose key speaks for which party, and who has a mailbox.
    pub directory: Arc<Live<Directory>>,
    /// Where the verified directory is kept.
    pub shelf: Shelf,
    /// What is in custody.
    pub room: Mailroom,
    /// What it shows to members.
    pub identity: Arc<TlsIdentity>,
    /// Keeps `identity` fresh.
    pub renewal: Renewing,
}

/// A whole relay, but for the socket on which its keeper speaks to it.
pub struct RelayStation {
    post: RelayPost,
    clerk: Clerk,
    renewal: Renewing,
}

/// A relay that runs.
pub struct RelayPost {
    pub(super) desk: Desk,
    pub(super) road: Arc<Road>,
}

impl RelayParts {
    /// Returns the check that lets members in.
    pub fn doorkeeper(&self) -> Arc<Doorkeeper> {
        Arc::new(Doorkeeper { directory: Arc::clone(&self.directory), machine: Arc::clone(&self.machine) })
    }
}

impl RelayStation {
    /// Lays out what is in custody; nothing runs before [`Self::start`].
    ///
    /// # Errors
    /// What the store says if its parcels cannot be read.
    pub fn open(parts: RelayParts, road: Road) -> Result<Self, StoreError> {
        let doorkeeper = parts.doorkeeper();
        let terms = (parts.signer.clone(), parts.quotas, members(&parts.directory.get()));
        let (clerk, counter) = Clerk::new(terms, parts.room.clone(), Arc::clone(&parts.machine), parts.look)?;
        let desk = Desk {
            since: parts.machine.now(),
            places: Arc::new(Semaphore::new(PLACES_KIB)),
            machine: parts.machine,
            board: Arc::new(Board::new(parts.directory, parts.shelf)),
            doorkeeper,
            signer: Arc::new(parts.signer),
            signed: Arc::default(),
            room: parts.room,
            counter,
            counters: Arc::default(),
        };
        Ok(Self { post: RelayPost { desk, road: Arc::new(road) }, clerk, renewal: parts.renewal })
    }

    /// Starts everything that goes on for the life of the relay; needs a tokio runtime.
    pub fn start(self) -> RelayPost {
        let RelayPost { desk, road } = &self.post;
        desk.spawn(self.clerk.run());
        desk.spawn(follow(desk.clone()));
        desk.spawn(self.renewal.run(Arc::clone(&desk.machine)));
        desk.spawn(accept(desk.clone(), Arc::clone(road)));
        self.post
    }
}

impl RelayPost {
    /// Closes all lines, and lets nothing run on.
    pub async fn close(&self) {
        self.road.close(CloseCode::GoingAway, "the relay is stopping").await;
        self.desk.machine.halt();
    }

    /// Counts what waits for a party.
    pub async fn waiting(&self, party: &Party) -> u64 {
        let standing = self.desk.counter.standing().await;
        standing.and_then(|standing| standing.mailboxes.get(party).map(|(parcels, _)| *parcels)).unwrap_or(0)
    }
}

/// Lists who has a mailbox.
fn members(directory: &Directory) -> BTreeSet<Party> {
    directory.parties().filter(|party| Some(*party) != directory.me()).cloned().collect()
}

/// Gives a mailbox to whom the directory has come to list, and to nobody else.
async fn follow(desk: Desk) {
    let mut changes = desk.board.changes();
    while changes.changed().await.is_ok() {
        desk.counter.admit(members(&desk.board.get())).await;
    }
}

async fn accept(desk: Desk, road: Arc<Road>) {
    while let Some(link) = road.accept().await {
        desk.spawn(lines::serve_link(desk.clone(), link));
    }
}
