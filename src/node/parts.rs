//! What a gateway is made of before it runs, read from its files.

use crate::config::{GatewayConfig, Layout, Roads};
use crate::control::{ExitCode, Failure};
use crate::envelope::KeyRing;
use crate::evidence::LogBook;
use crate::model::{Party, Timestamp};
use crate::node::gateway::Doorkeeper;
use crate::node::generations::{Generations, InForce};
use crate::node::joining;
use crate::node::keys::{KeyError, KeyFolder};
use crate::node::live::Live;
use crate::node::machine::Machine;
use crate::node::prekeys::{PrekeyKeeper, private_halves};
use crate::node::renewal::{Renewal, Renewing};
use crate::node::sheet::Sheet;
use crate::store::{
    Attachments, IndexChoice, IndexReport, Ledger, RealDisk, Shelf, StoreError, StoreOptions,
};
use crate::transport::TlsIdentity;
use crate::trust::Directory;
use crate::trust::federation::Route;
use crate::vault::BodyKey;
use std::sync::Arc;
use tokio::sync::Notify;

/// What a gateway is made of before it runs; read from files, or made by a simulation.
pub struct Parts {
    /// The checked configuration.
    pub config: GatewayConfig,
    /// The machine on which it runs.
    pub machine: Arc<Machine>,
    /// Whose key speaks for which party.
    pub directory: Arc<Live<Directory>>,
    /// The keys of this gateway.
    pub ring: Arc<Live<KeyRing>>,
    /// What is durable.
    pub ledger: Ledger,
    /// The files of acts.
    pub attachments: Attachments,
    /// What it shows to peers.
    pub identity: Arc<TlsIdentity>,
    /// Keeps `identity` fresh.
    pub renewal: Renewing,
    /// Where the verified directory is kept.
    pub shelf: Shelf,
    /// Whom it can reach, and by which roads.
    pub peers: Vec<(Party, Roads)>,
    /// Keeps the prekeys; `None` where they stay as they are.
    pub keeper: Option<PrekeyKeeper>,
}

impl Parts {
    /// Reads everything from the gateway's files; `failed` is notified when the store fails later.
    ///
    /// # Errors
    /// The first cause, with what to do.
    pub fn read(
        config: GatewayConfig,
        layout: &Layout,
        machine: Arc<Machine>,
        failed: &Arc<Notify>,
    ) -> Result<Self, Failure> {
        let party = config.party.clone();
        let keys = KeyFolder::unlock(&layout.keys(), &config.credential).map_err(|e| key_failure(&e))?;
        let shelf = joining::shelf(layout)?;
        let directory = joining::read(&shelf, Some(&party))?.ok_or_else(joining::not_joined)?;
        let peers = reachable(&directory, &config);
        let keeper = keeper(layout, &keys, &machine).map_err(|e| key_failure(&e))?;
        // A national list takes away from what the federation admits, and adds nothing.
        let directory = Arc::new(Live::new(directory.narrowed(config.national.clone())));
        let own = Generations::new(keys.clone(), &layout.pki());
        let known = directory.get();
        let renewal = renewal(&party, &own, &known).map_err(|e| key_failure(&e))?;
        let (identity, renewal) = renewal.first(&machine).map_err(|e| key_failure(&e))?;
        let ring = key_ring(&party, &own, &keeper, &known, machine.now()).map_err(|e| key_failure(&e))?;
        let ring = Arc::new(Live::new(ring));
        let body_key = BodyKey::new(keys.open("body").map_err(|e| key_failure(&e))?);
        let ledger = open_store(&config, layout, &ring, body_key, &machine, failed)?;
        let attachments = open_attachments(&config, layout, &ledger, &machine)?;
        let keeper = Some(keeper);
        Ok(Self {
            config,
            machine,
            directory,
            ring,
            ledger,
            attachments,
            identity,
            renewal,
            shelf,
            peers,
            keeper,
        })
    }

    /// Returns the check of peers' certificates against the directory as it stands at each moment.
    pub fn doorkeeper(&self) -> Arc<Doorkeeper> {
        Arc::new(Doorkeeper { directory: Arc::clone(&self.directory), machine: Arc::clone(&self.machine) })
    }
}

/// Finds where each peer is reached: by a route of our own settings, else by what the peer publishes.
pub(super) fn reachable(directory: &Directory, config: &GatewayConfig) -> Vec<(Party, Roads)> {
    let mut peers = Vec::new();
    for party in directory.parties().filter(|party| **party != config.party) {
        let ours = config.routes.iter().find(|(to, _)| to == party).map(|(_, roads)| roads.clone());
        let published = ours.is_none();
        let mut roads = ours.unwrap_or_default();
        for route in directory.routes(party) {
            match route {
                Route::Quic(address) if roads.direct.is_none() => roads.direct = address.parse().ok(),
                Route::Tls(address) if published && roads.tcp.is_none() => roads.tcp = address.parse().ok(),
                Route::Relay(relay) => roads.relays.push(relay.clone()),
                Route::Quic(_) | Route::Tls(_) => {}
            }
        }
        // A peer that takes in nothing but TCP is looked for by QUIC at the same place, in vain.
        if roads.direct.is_none() {
            roads.direct.clone_from(&roads.tcp);
        }
        if roads == Roads::default() {
            tracing::warn!("{party} publishes no address; add a [[route]] if you know one");
        }
        peers.push((party.clone(), roads));
    }
    peers
}

pub(super) fn renewal(party: &Party, own: &Generations, directory: &Directory) -> Result<Renewal, KeyError> {
    let issuing = own.issuing(directory.entry(party)?)?;
    Ok(Renewal::new(party.clone(), issuing.key, issuing.der))
}

/// Brings the prekeys up to date before anything reads them: a gateway that was off for months must not come back with
/// epochs that nobody may seal to. What is published of them follows once it runs.
fn keeper(layout: &Layout, keys: &KeyFolder, machine: &Machine) -> Result<PrekeyKeeper, KeyError> {
    let keeper = PrekeyKeeper::new(keys.clone(), Sheet::new(layout.part_b()));
    keeper.turn(machine.now(), 0, &mut *machine.entropy())?;
    Ok(keeper)
}

fn key_ring(
    party: &Party,
    own: &Generations,
    keeper: &PrekeyKeeper,
    directory: &Directory,
    now: Timestamp,
) -> Result<KeyRing, KeyError> {
    let InForce { seal, log, twin } = own.in_force(directory, party, now)?;
    let (party, prekeys) = (party.clone(), private_halves(keeper.held()?));
    Ok(KeyRing { gateway: format!("gw1.{}", party.dns_suffix()), party, seal, log, twin, prekeys })
}

fn open_store(
    config: &GatewayConfig,
    layout: &Layout,
    ring: &Arc<Live<KeyRing>>,
    body_key: BodyKey,
    machine: &Machine,
    failed: &Arc<Notify>,
) -> Result<Ledger, Failure> {
    let folder = layout.store();
    let disk = RealDisk::open(&folder).map_err(store_failure)?;
    let mut options = StoreOptions::new(Arc::new(disk), IndexChoice::Sled(folder.join("index")));
    options.segment_bytes = u64::from(config.store.segment_mib) << 20;
    options.free_space_floor = u64::from(config.store.free_floor_mib) << 20;
    let failed = Arc::clone(failed);
    options.on_failure = Some(Box::new(move |cause| {
        tracing::error!(%cause, "the store failed");
        failed.notify_one();
    }));
    let (first, source) = (ring.get(), Arc::clone(ring));
    let logs = LogBook::new(first.party.clone(), first.log.clone(), machine.entropy())
        .with_keys(Box::new(move || source.get().log.clone()));
    let (ledger, report) = Ledger::open(options, logs, body_key).map_err(store_failure)?;
    if report.bytes_cut > 0 {
        tracing::warn!(
            bytes = report.bytes_cut,
            "a group that was never acknowledged was cut from the journal"
        );
    }
    match report.index {
        IndexReport::Kept => tracing::info!(sequence = report.position.sequence, "the store is open"),
        IndexReport::CaughtUp { groups } => {
            tracing::info!(
                sequence = report.position.sequence,
                groups,
                "the store is open, its index caught up"
            );
        }
        IndexReport::Rebuilt { why, in_memory } => {
            tracing::info!(sequence = report.position.sequence, why, in_memory, "the index was rebuilt");
        }
    }
    Ok(ledger)
}

fn open_attachments(
    config: &GatewayConfig,
    layout: &Layout,
    ledger: &Ledger,
    machine: &Machine,
) -> Result<Attachments, Failure> {
    let disk = RealDisk::open(&layout.store().join("attachments")).map_err(store_failure)?;
    let floor = u64::from(config.store.free_floor_mib) << 20;
    ledger
        .attachments(Arc::new(disk), floor, machine.entropy())
        .map_err(|e| start_failure("attachments.open", e).hint("look at the disk; see the gateway's log"))
}

pub fn store_failure(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Locked { .. } => "`valise gateway status` asks the gateway that runs",
        StoreError::Corrupt { .. } => "nothing was changed; keep the damaged folder, and look at the disk",
        StoreError::UnsupportedVersion { .. } => "nothing was changed",
        StoreError::DiskFull { .. } | StoreError::Busy => "nothing was written; start again later",
        StoreError::Io { .. }
        | StoreError::Failed { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Closed => "see the folder's permissions and the disk; what was acknowledged is safe",
    };
    start_failure("serve.store", error).hint(hint)
}

pub fn start_failure(code: &str, what: impl std::fmt::Display) -> Failure {
    Failure::new(ExitCode::Config, code, what)
}

pub(super) fn key_failure(error: &KeyError) -> Failure {
    let hint = match error {
        KeyError::Identity(_) => "put the folders 'keys' and 'pki' of the data back, both from one backup",
        KeyError::Io { .. } | KeyError::Vault { .. } | KeyError::Trust(_) | KeyError::Credential(_) => {
            "is the credential the one that `gateway init` wrote?"
        }
    };
    start_failure("serve.keys", error).hint(hint)
}
