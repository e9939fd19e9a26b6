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
    settled: AtomicI64,
    tasks: Mutex<JoinSet<()>>,
}

/// Stands for a settled instant where nothing is known of an earlier run.
const UNKNOWN: i64 = i64::MIN;

/// The operating system.
struct Os;

impl Machine {
    /// Runs on the operating system.
    pub fn os() -> Self {
        Self::on(Box::new(Os))
    }

    /// Runs on a platform that the caller brings.
    pub fn on(platform: Box<dyn Platform>) -> Self {
        let (newest, settled) = (AtomicI64::new(0), AtomicI64::new(UNKNOWN));
        Self { platform, newest, settled, tasks: Mutex::default() }
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
        let wall = self.platform.wall().unix();
        self.newest.store(wall, Ordering::Relaxed);
        self.settled.fetch_min(wall, Ordering::Relaxed);
    }

    /// Returns up to when time is settled, never later than [`Self::now`]: by how long the gateway has run since it was
    /// settled before, or by what another party has signed. A clock that leaps forward does not move it, so what the
    /// gateway does by itself and cannot take back waits for this and not for the clock.
    pub fn settled(&self) -> Timestamp {
        let now = self.now();
        match self.settled.load(Ordering::Relaxed) {
            UNKNOWN => now,
            settled => Timestamp::from_unix(settled).map_or(now, |settled| settled.min(now)),
        }
    }

    /// Says up to when time was settled in an earlier run.
    pub fn settle_from(&self, mark: Timestamp) {
        self.settled.store(mark.unix(), Ordering::Relaxed);
    }

    /// Counts the seconds for which the gateway has run, by a clock that nobody sets.
    pub fn has_run(&self, seconds: i64) {
        let further = self.settled().saturating_add(seconds).min(self.now());
        self.settled.fetch_max(further.unix(), Ordering::Relaxed);
    }

    /// Takes note that another party has signed something at this instant by its clock: where its clock and ours agree
    /// that time has come so far, it has. Its word alone moves nothing.
    pub fn corroborate(&self, signed: Timestamp) {
        let both = signed.min(self.now());
        self.settled.fetch_max(both.max(self.settled()).unix(), Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DAY;
    use std::sync::Arc;

    /// A clock that is set by hand.
    struct Hand(Arc<AtomicI64>);

    impl Platform for Hand {
        fn wall(&self) -> Timestamp {
            Timestamp::from_unix(self.0.load(Ordering::Relaxed)).unwrap()
        }

        fn entropy(&self) -> Box<dyn Entropy + Send> {
            Box::new(OsEntropy::new())
        }

        fn resolve<'a>(&'a self, address: &'a Address) -> Resolving<'a> {
            Box::pin(async move { Err(format!("nobody asks for {address}")) })
        }
    }

    fn at(days: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000).unwrap().saturating_add(days * DAY)
    }

    fn machine(days: i64) -> (Machine, impl Fn(i64)) {
        let hand = Arc::new(AtomicI64::new(at(days).unix()));
        let set = {
            let hand = Arc::clone(&hand);
            move |days: i64| hand.store(at(days).unix(), Ordering::Relaxed)
        };
        (Machine::on(Box::new(Hand(hand))), set)
    }

    #[test]
    fn a_leap_of_the_clock_settles_nothing_until_another_party_has_come_so_far() {
        let (machine, set) = machine(0);
        machine.has_run(60);
        set(60);
        assert_eq!((machine.now(), machine.settled()), (at(60), at(0)));
        machine.has_run(DAY);
        assert_eq!(machine.settled(), at(1), "no faster than it runs");
        machine.corroborate(at(3));
        assert_eq!(machine.settled(), at(3));
        machine.corroborate(at(2));
        assert_eq!(machine.settled(), at(3), "what was signed earlier takes nothing back");
        machine.corroborate(at(400));
        assert_eq!(machine.settled(), at(60), "no other clock alone moves it");
    }

    #[test]
    fn what_was_settled_by_a_wrong_clock_goes_with_it() {
        let (machine, set) = machine(60);
        machine.settle_from(at(0));
        assert_eq!(machine.settled(), at(0), "not by a restart");
        machine.corroborate(at(61));
        set(1);
        assert_eq!(machine.settled(), at(60), "time does not run backwards");
        machine.lower();
        assert_eq!((machine.now(), machine.settled()), (at(1), at(1)));
        set(2);
        assert_eq!(machine.settled(), at(1), "it is not settled again by itself");
    }

    #[test]
    fn a_new_gateway_goes_by_its_clock() {
        let (machine, set) = machine(0);
        assert_eq!(machine.settled(), at(0));
        set(5);
        assert_eq!(machine.settled(), at(5));
    }
}
