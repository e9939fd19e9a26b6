//! `relay serve`: keeps sealed parcels for members, and can neither read, nor forge, nor silently drop them.

mod clerk;
mod init;
mod lines;
mod signed;
mod station;
mod status;

pub use init::init;
pub use station::{RelayParts, RelayPost, RelayStation};

use crate::config::{Layout, RelayConfig};
use crate::control::{ExitCode, Failure};
use crate::model::Timestamp;
use crate::node::board::Board;
use crate::node::counters::Counters;
use crate::node::gateway::Doorkeeper;
use crate::node::generations::Generations;
use crate::node::joining;
use crate::node::keys::{KeyError, KeyFolder};
use crate::node::live::Live;
use crate::node::machine::Machine;
use crate::node::parts::{key_failure, renewal, start_failure, store_failure};
use crate::node::rotation;
use crate::node::serve::{LAST_WORDS, told_to_stop};
use crate::node::socket;
use crate::relay::{Parcel, Quotas, Signer};
use crate::store::{IndexChoice, Mailroom, RealDisk, StoreOptions};
use crate::transport::{CloseCode, Listen, Road};
use crate::trust::Directory;
use clerk::Counter;
use signed::Signed;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

/// What all lines of a relay share.
#[derive(Clone)]
pub(super) struct Desk {
    machine: Arc<Machine>,
    board: Arc<Board>,
    doorkeeper: Arc<Doorkeeper>,
    signer: Arc<Signer>,
    signed: Arc<Signed>,
    room: Mailroom,
    counter: Counter,
    counters: Arc<Counters>,
    since: Timestamp,
    /// The memory for what members bring, until it is durable.
    places: Arc<Semaphore>,
}

impl Desk {
    fn custody(&self, parcel: &Parcel) -> Vec<u8> {
        self.signed.custody(parcel, &self.signer)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.machine.spawn(task);
    }
}

/// Runs a relay until it is told to stop or its store fails.
///
/// # Errors
/// [`ExitCode::Config`] if it cannot start, with the first cause and what to do.
pub fn serve(layout: &Layout) -> Result<ExitCode, Failure> {
    let config = RelayConfig::load(layout).map_err(Failure::from)?;
    super::telemetry::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(ExitCode::Unavailable, "serve.runtime", e))?;
    runtime.block_on(run(&config, layout))
}

async fn run(config: &RelayConfig, layout: &Layout) -> Result<ExitCode, Failure> {
    let told_to_stop = told_to_stop();
    let failed = Arc::new(Notify::new());
    let machine = Arc::new(Machine::os());
    let keys = KeyFolder::unlock(&layout.keys(), &config.credential).map_err(|e| key_failure(&e))?;
    let shelf = joining::shelf(layout)?;
    let known = joining::read(&shelf, Some(&config.party))?.ok_or_else(joining::not_joined)?;
    let own = Generations::new(keys, &layout.pki());
    let settled = rotation::settle((layout, &shelf), &own, &known, &machine).unwrap_or_else(|cause| {
        tracing::error!(cause = cause.message, "what this relay says of itself was not renewed");
        None
    });
    let trusted = Arc::new(Live::new(settled.unwrap_or(known)));
    let renewal = renewal(&config.party, &own, &trusted.get()).map_err(|e| key_failure(&e))?;
    let (identity, renewing) = renewal.first(&machine).map_err(|e| key_failure(&e))?;
    let signer = signer(config, &own, &trusted.get(), machine.now()).map_err(|e| key_failure(&e))?;
    let room = open_room(config, layout, &failed)?;
    let listener = socket::listen(&config.socket).map_err(|e| {
        start_failure("serve.socket", format!("cannot open {}: {e}", config.socket.display()))
            .hint("is another relay running on the same data?")
    })?;
    let parts = RelayParts {
        look: Duration::from_secs(u64::from(config.custody.look_seconds)),
        signer,
        quotas: quotas(config),
        machine,
        directory: trusted,
        shelf,
        room,
        identity: Arc::clone(&identity),
        renewal: renewing,
    };
    let listen = Listen { quic: config.listen, tcp: config.listen_tcp };
    let road = Road::bind(listen, identity, parts.doorkeeper()).map_err(|e| {
        start_failure("serve.listen", e).hint("see 'listen' and 'listen_tcp' in the configuration")
    })?;
    let RelayPost { desk, road } = RelayStation::open(parts, road).map_err(store_failure)?.start();
    desk.spawn(status::serve(desk.clone(), listener));
    let listen = road.local_address().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(listen, "the relay {} is ready", config.party);
    let code = tokio::select! {
        () = told_to_stop => ExitCode::Ok,
        () = failed.notified() => ExitCode::Finding,
    };
    stop(&desk, &road, config, code).await;
    Ok(code)
}

async fn stop(desk: &Desk, road: &Road, config: &RelayConfig, code: ExitCode) {
    if code != ExitCode::Ok {
        tracing::error!("the store has failed; the relay stops without writing anything more");
        sleep(LAST_WORDS).await;
    }
    road.close(CloseCode::GoingAway, "the relay is stopping").await;
    desk.machine.halt();
    let store = desk.room.store().clone();
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    if let Ok(Err(cause)) = closed {
        tracing::error!(%cause, "the store was not closed in good order; its index will be rebuilt");
    }
    // The next start takes over a socket that is left behind, so a failure here does not matter.
    let _ = fs::remove_file(&config.socket);
    tracing::info!("the relay has stopped");
}

fn signer(
    config: &RelayConfig,
    own: &Generations,
    directory: &Directory,
    now: Timestamp,
) -> Result<Signer, KeyError> {
    let key = own.log_in_force(directory, &config.party, now)?;
    let name = format!("gw1.{}", config.party.dns_suffix());
    Ok(Signer { party: config.party.clone(), name, key })
}

fn open_room(config: &RelayConfig, layout: &Layout, failed: &Arc<Notify>) -> Result<Mailroom, Failure> {
    let folder = layout.store();
    let disk = RealDisk::open(&folder).map_err(store_failure)?;
    let bodies = RealDisk::open(&folder.join("parcels")).map_err(store_failure)?;
    let mut options = StoreOptions::new(Arc::new(disk), IndexChoice::Sled(folder.join("index")));
    options.segment_bytes = u64::from(config.store.segment_mib) << 20;
    options.free_space_floor = u64::from(config.store.free_floor_mib) << 20;
    let failed = Arc::clone(failed);
    options.on_failure = Some(Box::new(move |cause| {
        tracing::error!(%cause, "the store failed");
        failed.notify_one();
    }));
    let (room, report) = Mailroom::open(options, Arc::new(bodies)).map_err(store_failure)?;
    tracing::info!(sequence = report.position.sequence, index = ?report.index, "the store is open");
    Ok(room)
}

fn quotas(config: &RelayConfig) -> Quotas {
    let mib = |n: u32| u64::from(n) << 20;
    let quota = &config.quota;
    Quotas {
        acts_bytes: mib(quota.acts_mib),
        acts_parcels: u64::from(quota.acts_parcels),
        bulk_bytes: mib(quota.bulk_mib),
        bulk_parcels: u64::from(quota.bulk_parcels),
        bulk_total: mib(quota.bulk_total_mib),
        retention: i64::from(config.custody.retention_seconds),
    }
}
