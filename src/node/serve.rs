//! `gateway serve`: puts the rooms together and runs until it is told to stop.

use crate::config::{GatewayConfig, Layout};
use crate::control::{ExitCode, Failure};
use crate::node::gateway::Post;
use crate::node::machine::Machine;
use crate::node::mark;
use crate::node::parts::{Parts, start_failure, store_failure};
use crate::node::socket;
use crate::node::station::Station;
use crate::transport::{Listen, Road};
use crate::trust::federation::PartA;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::sleep;

/// The longest path of a Unix socket that every Linux takes, in bytes (`unix(7)`).
const SOCKET_PATH: usize = 107;
/// How long a failed store may take to be told to the officers before the process ends.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs a gateway until it is told to stop or its store fails.
///
/// # Errors
/// [`ExitCode::Config`] if it cannot start, with the first cause and what to do.
pub fn serve(layout: &Layout) -> Result<ExitCode, Failure> {
    let config = GatewayConfig::load(layout).map_err(Failure::from)?;
    as_many_as_others_are_told(&config, layout)?;
    super::telemetry::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(ExitCode::Unavailable, "serve.runtime", e))?;
    runtime.block_on(run(config, layout))
}

/// The directory entry tells other States how many officers agree here; fewer would make it a lie (DESIGN §8).
fn as_many_as_others_are_told(config: &GatewayConfig, layout: &Layout) -> Result<(), Failure> {
    let Ok(bytes) = fs::read(layout.part_a()) else { return Ok(()) };
    let (part, _) = PartA::read_self_signed(&bytes).map_err(|e| start_failure("serve.part_a", e))?;
    let table = &config.policy.table;
    let fewest = table.approvals.min(table.release_approvals);
    if fewest < u32::from(part.approvals) {
        let what = format!(
            "the settings ask for {fewest}, and the directory entry of {} promises other States {}",
            config.party, part.approvals
        );
        return Err(start_failure("serve.approvals", what)
            .hint("set policy.approvals and policy.release_approvals to that, or have the State's root sign an entry that says otherwise"));
    }
    Ok(())
}

async fn run(config: GatewayConfig, layout: &Layout) -> Result<ExitCode, Failure> {
    // Before anything is opened: a stop that is asked for early must still be an orderly one.
    let told_to_stop = told_to_stop();
    let failed = Arc::new(Notify::new());
    let (socket_path, listen) =
        (config.socket.clone(), Listen { quic: config.listen, tcp: config.listen_tcp });
    let parts = Parts::read(config, layout, Arc::new(Machine::os()), &failed)?;
    let listener = socket::listen(&socket_path).map_err(|e| {
        let hint = if socket_path.as_os_str().len() > SOCKET_PATH {
            "the path is too long for a Unix socket; set a shorter 'socket' in the configuration"
        } else {
            "is another gateway running on the same data?"
        };
        start_failure("serve.socket", format!("cannot open {}: {e}", socket_path.display())).hint(hint)
    })?;
    let road = Road::bind(listen, Arc::clone(&parts.identity), parts.doorkeeper()).map_err(|e| {
        start_failure("serve.listen", e).hint("see 'listen' and 'listen_tcp' in the configuration")
    })?;
    let peers: Vec<_> = parts.peers.iter().map(|(peer, _)| peer.clone()).collect();
    mark::resume(&parts.machine, &parts.config.data, &parts.ledger, &peers).map_err(store_failure)?;
    let post = Station::open(parts, road).map_err(store_failure)?.start();
    let listen = post.road.local_address().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(listen, "the gateway of {} is ready", post.gateway.me());
    post.spawn(socket::serve(post.clone(), listener));
    post.spawn(mark::keep(post.clone()));
    let code = tokio::select! {
        () = told_to_stop => ExitCode::Ok,
        () = failed.notified() => ExitCode::Finding,
    };
    stop(&post, &socket_path, code).await;
    Ok(code)
}

/// Listens for signals from now on; what it returns waits for one.
pub(super) fn told_to_stop() -> impl Future<Output = ()> {
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
    mark::note(&post.gateway);
    post.close().await;
    let store = post.gateway.ledger.store().clone();
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    if let Ok(Err(cause)) = closed {
        tracing::error!(%cause, "the store was not closed in good order; its index will be rebuilt");
    }
    // The next start takes over a socket that is left behind, so a failure here does not matter.
    let _ = fs::remove_file(socket);
    tracing::info!("the gateway has stopped");
}
