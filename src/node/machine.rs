//! What a gateway asks of the machine under it. A simulation brings a machine of its own.

use crate::config::Address;
use crate::model::{Entropy, Timestamp};
use crate::node::entropy::OsEntropy;
use crate::transport::Place;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinSet;

/// The time of day, randomness and names: all that the node would otherwise ask the surroundings for.
pub trait Platform: Send + Sync {
    /// Reads the wall clock; it may step either way.
    fn wall(&self) -> Timestamp;
    /// Opens a random source.
    fn entropy(&self) -> Box<dyn Entropy + Send>;
    /// Finds the first address that a name resolves to, or words for the log.
    fn resolve<'a>(&'a self, address: &'a Address) -> Resolving<'a>;
}

/// A name that is being looked up.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<SocketAddr, String>> + Send + 'a>>;

/// One machine with one gateway on it: its clock, its randomness, and the tasks that run there.
pub struct Machine {
    platform: Box<dyn Platform>,
    newest: AtomicI64,
    tasks: Mutex<JoinSet<()>>,
}

/// The operating system.
struct Os;

impl Machine {
    /// Runs on the operating system.
    pub fn os() -> Self {
        Self::on(Box::new(Os))
    }

    /// Runs on a platform that the caller brings.
    pub fn on(platform: Box<dyn Platform>) -> Self {
        Self { platform, newest: AtomicI64::new(0), tasks: Mutex::default() }
    }

    /// Reads the clock; it never runs backwards but by [`Self::lower`].
    pub fn now(&self) -> Timestamp {
        let read = self.platform.wall().unix();
        let newest = self.newest.fetch_max(read, Ordering::Relaxed).max(read);
        Timestamp::from_unix(newest).unwrap_or(Timestamp::EPOCH)
    }

    /// Reads the wall clock as it stands, whatever it showed before.
    pub fn wall(&self) -> Timestamp {
        self.platform.wall()
    }

    /// Lets time go on from an instant that was shown before.
    pub fn raise(&self, mark: Timestamp) {
        self.newest.fetch_max(mark.unix(), Ordering::Relaxed);
    }

    /// Lets time go on from what the wall clock shows now; only an officer decides so.
    pub fn lower(&self) {
        self.newest.store(self.platform.wall().unix(), Ordering::Relaxed);
    }

    /// Opens a random source.
    pub fn entropy(&self) -> Box<dyn Entropy + Send> {
        self.platform.entropy()
    }

    /// Finds the first address that a name resolves to.
    ///
    /// # Errors
    /// Words for the log if it resolves to none.
    pub async fn resolve(&self, address: &Address) -> Result<SocketAddr, String> {
        self.platform.resolve(address).await
    }

    /// Finds where a peer is reached: over TCP at the same address, unless another is known.
    ///
    /// # Errors
    /// Words for the log if an address resolves to none.
    pub async fn place(&self, quic: &Address, tcp: Option<&Address>) -> Result<Place, String> {
        let mut place = Place::from(self.resolve(quic).await?);
        if let Some(tcp) = tcp {
            place.tcp = self.resolve(tcp).await?;
        }
        Ok(place)
    }

    /// Runs a task until it ends or [`Self::halt`] is called; needs a tokio runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Tasks that have ended are let go here, so that the set holds only what runs.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Drops all tasks where they stand, as a crash would.
    pub fn halt(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        *tasks = JoinSet::new();
    }
}

impl Platform for Os {
    fn wall(&self) -> Timestamp {
        super::clock::wall()
    }

    fn entropy(&self) -> Box<dyn Entropy + Send> {
        Box::new(OsEntropy::new())
    }

    fn resolve<'a>(&'a self, address: &'a Address) -> Resolving<'a> {
        Box::pin(async move {
            let mut found = tokio::net::lookup_host((address.host.as_str(), address.port))
                .await
                .map_err(|e| format!("cannot resolve {address}: {e}"))?;
            found.next().ok_or_else(|| format!("{address} resolves to no address"))
        })
    }
}
