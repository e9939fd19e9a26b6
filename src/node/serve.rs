//! `gateway serve`: puts the rooms together and runs until it is told to stop.

use crate::case;
use crate::config::{GatewayConfig, Layout, PeersConfig};
use crate::control::{ExitCode, Failure};
use crate::cose::SigningKey;
use crate::envelope::KeyRing;
use crate::evidence::LogBook;
use crate::model::{Party, Timestamp};
use crate::node::clock::Clock;
use crate::node::counters::Counters;
use crate::node::courier::Courier;
use crate::node::desk::Desk;
use crate::node::entropy::OsEntropy;
use crate::node::gateway::{Doorkeeper, Gateway, Post};
use crate::node::intake;
use crate::node::keys::{KeyError, KeyFolder, certify, thumbprint_of_pem};
use crate::node::socket;
use crate::store::{IndexChoice, IndexReport, Ledger, RealDisk, StoreError, StoreOptions};
use crate::transport::{CloseCode, PeerCheck, Road, TlsIdentity};
use crate::trust::issue::GATEWAY_DAYS;
use crate::trust::{Card, Directory, PartyEntry, Role, Validity, certificate_from_pem};
use crate::vault::BodyKey;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::sleep;

/// The longest path of a Unix socket that every Linux takes, in bytes (`unix(7)`).
const SOCKET_PATH: usize = 107;
/// How often the clocks of all cases are looked at.
const TICK: Duration = Duration::from_secs(5);
/// How long a failed store may take to be told to the officers before the process ends.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs a gateway until it is told to stop or its store fails.
///
/// # Errors
/// [`ExitCode::Config`] if it cannot start, with the first cause and what to do.
pub fn serve(layout: &Layout) -> Result<ExitCode, Failure> {
    let config = GatewayConfig::load(layout).map_err(Failure::from)?;
    super::telemetry::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(ExitCode::Unavailable, "serve.runtime", e))?;
    runtime.block_on(run(config, layout))
}

async fn run(config: GatewayConfig, layout: &Layout) -> Result<ExitCode, Failure> {
    // Before anything is opened: a stop that is asked for early must still be an orderly one.
    let told_to_stop = told_to_stop();
    let clock = Arc::new(Clock::default());
    let failed = Arc::new(Notify::new());
    let parts = Parts::load(&config, layout, &clock, &failed)?;
    let listener = socket::listen(&config.socket).map_err(|e| {
        let hint = if config.socket.as_os_str().len() > SOCKET_PATH {
            "the path is too long for a Unix socket; set a shorter 'socket' in the configuration"
        } else {
            "is another gateway running on the same data?"
        };
        start_failure("serve.socket", format!("cannot open {}: {e}", config.socket.display())).hint(hint)
    })?;
    let doorkeeper: Arc<dyn PeerCheck> = parts.doorkeeper.clone();
    let road = Road::bind(config.listen, Arc::clone(&parts.identity), doorkeeper)
        .map_err(|e| start_failure("serve.listen", e).hint("see 'listen' in the configuration"))?;
    let socket_path = config.socket.clone();
    let (post, renewal) = parts.open(config, clock, Arc::new(road))?;
    let party = post.gateway.directory.me().clone();
    let listen = post.road.local_address().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(listen, "the gateway of {party} is ready");

    tokio::spawn(socket::serve(post.clone(), listener));
    tokio::spawn(accept(post.clone()));
    tokio::spawn(watch_clocks(post.clone()));
    tokio::spawn(renewal.run(Arc::clone(&post.gateway.clock)));
    for courier in post.gateway.couriers.values() {
        let (courier, post) = (Arc::clone(courier), post.clone());
        tokio::spawn(async move { courier.run(post).await });
    }
    let code = tokio::select! {
        () = told_to_stop => ExitCode::Ok,
        () = failed.notified() => ExitCode::Finding,
    };
    stop(&post, &socket_path, code).await;
    Ok(code)
}

/// What is read from disk before anything is opened.
struct Parts {
    party: Party,
    directory: Arc<Directory>,
    doorkeeper: Arc<Doorkeeper>,
    identity: Arc<TlsIdentity>,
    renewal: Renewal,
    ring: KeyRing,
    ledger: Ledger,
    peers: PeersConfig,
}

impl Parts {
    fn load(
        config: &GatewayConfig,
        layout: &Layout,
        clock: &Arc<Clock>,
        failed: &Arc<Notify>,
    ) -> Result<Self, Failure> {
        let party = config.party.clone();
        let now = clock.now();
        let keys = KeyFolder::unlock(&layout.keys(), &config.credential).map_err(|e| key_failure(&e))?;
        let peers = read_peers(&config.peers)?;
        let directory = Arc::new(directory(&party, layout, &peers)?);
        let doorkeeper = Arc::new(Doorkeeper { directory: Arc::clone(&directory), clock: Arc::clone(clock) });
        let (identity, renewal) = Renewal::first(&party, layout, &keys, now).map_err(|e| key_failure(&e))?;
        let ring = key_ring(&party, layout, &keys).map_err(|e| key_failure(&e))?;
        let body_key = BodyKey::new(keys.open("body").map_err(|e| key_failure(&e))?);
        let ledger = open_store(config, layout, &ring, body_key, failed)?;
        Ok(Self { party, directory, doorkeeper, identity, renewal, ring, ledger, peers })
    }

    /// Lays out the cases and the outbox, and opens a way to each peer.
    fn open(
        self,
        config: GatewayConfig,
        clock: Arc<Clock>,
        road: Arc<Road>,
    ) -> Result<(Post, Renewal), Failure> {
        let desk = Desk::new(self.ledger.cases().map_err(store_failure)?, &self.party);
        let mut rows: BTreeMap<Party, Vec<_>> = BTreeMap::new();
        for row in self.ledger.outbox().map_err(store_failure)? {
            rows.entry(row.peer.clone()).or_default().push(row);
        }
        let mut couriers = BTreeMap::new();
        for peer in self.peers.peers {
            let waiting = rows.remove(&peer.party).unwrap_or_default();
            let courier = Courier::new(peer.party.clone(), peer.address, waiting);
            couriers.insert(peer.party, Arc::new(courier));
        }
        for (peer, waiting) in rows {
            tracing::error!(
                acts = waiting.len(),
                "acts wait for {peer}, which the peers file no longer lists"
            );
        }
        let gateway = Gateway {
            since: clock.now(),
            config,
            clock,
            directory: self.directory,
            doorkeeper: self.doorkeeper,
            ring: self.ring,
            ledger: self.ledger,
            desk,
            couriers,
            counters: Counters::default(),
        };
        Ok((Post { gateway: Arc::new(gateway), road }, self.renewal))
    }
}

/// Lets links in, each served on its own.
async fn accept(post: Post) {
    while let Some(link) = post.road.accept().await {
        tokio::spawn(intake::serve_link(post.clone(), link));
    }
}

/// Acknowledges on its own what no officer has acknowledged in the configured days (ISACS 8.3.1).
async fn watch_clocks(post: Post) {
    let gateway = &post.gateway;
    let days = u16::try_from(gateway.config.clocks.auto_acknowledge_days).unwrap_or(u16::MAX);
    loop {
        let now = gateway.clock.now();
        for slot in gateway.desk.all() {
            let due = case::auto_ack_due(&slot.read(), days).filter(|due| now >= *due);
            let id = slot.read().opening().map(|opening| opening.case.clone());
            let (Some(_), Some(id)) = (due, id) else { continue };
            let command = case::Command::Acknowledge { automatic: true, note: None };
            match gateway.make(&id, &slot, command).await {
                Ok(_) => tracing::info!(days, "a request was acknowledged automatically"),
                Err(cause) => tracing::warn!(%cause, "an automatic acknowledgement was not made"),
            }
        }
        for courier in gateway.couriers.values() {
            courier.check_trust(gateway);
        }
        sleep(TICK).await;
    }
}

/// Listens for signals from now on; what it returns waits for one.
fn told_to_stop() -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            _ => std::future::pending().await,
        }
    }
}

async fn stop(post: &Post, socket: &Path, code: ExitCode) {
    if code != ExitCode::Ok {
        // A sync has failed: nothing more is acknowledged; what the disk holds is found out at the next start.
        tracing::error!("the store has failed; the gateway stops without writing anything more");
        sleep(LAST_WORDS).await;
    }
    post.road.close(CloseCode::GoingAway, "the gateway is stopping").await;
    let store = post.gateway.ledger.store().clone();
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    if let Ok(Err(cause)) = closed {
        tracing::error!(%cause, "the store was not closed in good order; its index will be rebuilt");
    }
    // The next start takes over a socket that is left behind, so a failure here does not matter.
    let _ = fs::remove_file(socket);
    tracing::info!("the gateway has stopped");
}

/// Keeps the gateway's short-lived certificate fresh without anybody's help.
struct Renewal {
    party: Party,
    issuing: SigningKey,
    issuing_der: Vec<u8>,
    identity: Arc<TlsIdentity>,
    renew_at: Timestamp,
}

impl Renewal {
    fn first(
        party: &Party,
        layout: &Layout,
        keys: &KeyFolder,
        now: Timestamp,
    ) -> Result<(Arc<TlsIdentity>, Self), KeyError> {
        let issuing = keys.signing("issuing")?;
        let issuing_der = certificate_from_pem(&read_pem(layout, "issuing")?)?;
        let (key, gateway, renew_at) = fresh(party, &issuing, now)?;
        let identity = TlsIdentity::new(&gateway, &issuing_der, &key).map_err(|e| KeyError::Io {
            path: layout.pki().join("issuing.pem"),
            cause: std::io::Error::other(e.to_string()),
        })?;
        let identity = Arc::new(identity);
        let party = party.clone();
        Ok((Arc::clone(&identity), Self { party, issuing, issuing_der, identity, renew_at }))
    }

    async fn run(mut self, clock: Arc<Clock>) {
        loop {
            sleep(Duration::from_secs(60)).await;
            let now = clock.now();
            if now < self.renew_at {
                continue;
            }
            let renewed = fresh(&self.party, &self.issuing, now).map_err(|e| e.to_string()).and_then(
                |(key, gateway, renew_at)| {
                    let swapped = self.identity.swap(&gateway, &self.issuing_der, &key);
                    swapped.map(|()| renew_at).map_err(|e| e.to_string())
                },
            );
            match renewed {
                Ok(renew_at) => {
                    self.renew_at = renew_at;
                    tracing::info!(next = %renew_at, "the gateway certificate was renewed");
                }
                Err(cause) => tracing::error!(%cause, "the gateway certificate was not renewed"),
            }
        }
    }
}

fn fresh(
    party: &Party,
    issuing: &SigningKey,
    now: Timestamp,
) -> Result<(SigningKey, Vec<u8>, Timestamp), KeyError> {
    let mut entropy = OsEntropy::new();
    let key = SigningKey::generate(&mut entropy);
    let issued = certify(Role::Gateway, party, &key, issuing, (now, GATEWAY_DAYS), &mut entropy)?;
    Ok((key, issued.der, Validity::days(now, GATEWAY_DAYS).renew_at()))
}

fn read_pem(layout: &Layout, name: &str) -> Result<String, KeyError> {
    let path = layout.pki().join(format!("{name}.pem"));
    fs::read_to_string(&path).map_err(|cause| KeyError::Io { path, cause })
}

fn key_ring(party: &Party, layout: &Layout, keys: &KeyFolder) -> Result<KeyRing, KeyError> {
    Ok(KeyRing {
        party: party.clone(),
        gateway: format!("gw1.{}", party.dns_suffix()),
        seal: (keys.signing("seal")?, thumbprint_of_pem(&read_pem(layout, "seal")?)?),
        log: (keys.signing("log")?, thumbprint_of_pem(&read_pem(layout, "log")?)?),
        prekeys: keys.prekeys()?,
    })
}

fn open_store(
    config: &GatewayConfig,
    layout: &Layout,
    ring: &KeyRing,
    body_key: BodyKey,
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
    let logs = LogBook::new(ring.party.clone(), ring.log.clone(), Box::new(OsEntropy::new()));
    let (ledger, report) = Ledger::open(options, logs, body_key).map_err(store_failure)?;
    if report.bytes_cut > 0 {
        tracing::warn!(
            bytes = report.bytes_cut,
            "a group that was never acknowledged was cut from the journal"
        );
    }
    match report.index {
        IndexReport::Kept => tracing::info!(sequence = report.position.sequence, "the store is open"),
        IndexReport::Rebuilt { why, in_memory } => {
            tracing::info!(sequence = report.position.sequence, why, in_memory, "the index was rebuilt");
        }
    }
    Ok(ledger)
}

fn read_peers(path: &Path) -> Result<PeersConfig, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => PeersConfig::parse(&text, path).map_err(Failure::from),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
            tracing::warn!("there is no {}; the gateway knows no peer", path.display());
            Ok(PeersConfig { peers: Vec::new(), settings: Vec::new() })
        }
        Err(cause) => Err(start_failure("config.peers", format!("{}: {cause}", path.display()))
            .hint("name a readable UTF-8 file in 'peers', or take the setting away")),
    }
}

fn directory(me: &Party, layout: &Layout, peers: &PeersConfig) -> Result<Directory, Failure> {
    let mut entries = vec![read_card(me, &layout.pki().join("card.toml"))?];
    for peer in &peers.peers {
        entries.push(read_card(&peer.party, &peer.card)?);
    }
    Directory::new(me.clone(), entries, 1)
        .map_err(|e| start_failure("config.peers", e).hint("see peers.toml"))
}

fn read_card(party: &Party, path: &Path) -> Result<PartyEntry, Failure> {
    let fail = |cause: String| {
        start_failure("config.card", format!("{}: {cause}", path.display()))
            .hint("ask the other NPC for the card that its `gateway init` wrote, pki/card.toml")
    };
    let text = fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
    let card: Card = toml::from_str(&text).map_err(|e| fail(e.message().to_owned()))?;
    if card.party != *party {
        return Err(fail(format!("it is the card of {}, not of {party}", card.party)));
    }
    PartyEntry::from_card(&card).map_err(|e| fail(e.to_string()))
}

fn store_failure(error: StoreError) -> Failure {
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

fn start_failure(code: &str, what: impl std::fmt::Display) -> Failure {
    Failure::new(ExitCode::Config, code, what)
}

fn key_failure(error: &KeyError) -> Failure {
    start_failure("serve.keys", error).hint("is the credential the one that `gateway init` wrote?")
}
