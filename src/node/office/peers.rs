//! The node itself and whom it reaches.

use crate::control::{ExitCode, Failure, GatewayStatus, JournalStatus, PeerView, PingView};
use crate::model::Party;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::office::unknown;
use crate::wire::FrameKind;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a ping may take.
const PING: Duration = Duration::from_secs(10);

pub(super) fn status(post: &Post) -> Result<GatewayStatus, NodeError> {
    let gateway = &*post.gateway;
    let mut refused = gateway.counters.refusals();
    for (code, count) in post.road.refusals() {
        *refused.entry(code.to_owned()).or_default() += count;
    }
    let journal = gateway.ledger.store().statistics();
    Ok(GatewayStatus {
        party: gateway.me().clone(),
        since: gateway.since,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        socket: gateway.config.socket.display().to_string(),
        listen: post.road.local_address()?.to_string(),
        listen_tcp: post.road.tcp_address().map(|address| address.to_string()),
        peers: gateway.couriers.all().len() as u64,
        queue: gateway.couriers.all().iter().map(|c| c.standing().waiting.len() as u64).sum(),
        journal: JournalStatus {
            groups: journal.groups,
            transactions: journal.transactions,
            bytes: journal.bytes,
        },
        refused,
        journal_head: super::evidence::journal_head(gateway)?,
        alarms: super::evidence::alarms(gateway)?,
        recovery: gateway.recovery.view(),
    })
}

pub(super) fn peers(gateway: &Gateway) -> Vec<PeerView> {
    let view = |courier: &crate::node::courier::Courier| {
        let standing = courier.standing();
        PeerView {
            peer: courier.peer.clone(),
            address: courier.roads().to_string(),
            connected: standing.link.is_some(),
            road: standing.link.map(|road| road.name().to_owned()),
            last_contact: standing.last_contact,
            queued: standing.waiting.len() as u64,
        }
    };
    gateway.couriers.all().iter().map(|courier| view(courier)).collect()
}

pub async fn ping(post: &Post, peer: &Party) -> Result<PingView, Failure> {
    let courier = post.gateway.couriers.get(peer).ok_or_else(|| unknown("peer", peer))?;
    let unreachable = |cause: String| {
        Failure::new(ExitCode::Unavailable, "peer.unreachable", format!("{peer} was not reached"))
            .cause(cause)
            .hint("acts for it wait in the outbox and are tried again; `valise queue list` shows them")
    };
    let fresh = courier.standing().link.is_none();
    let watch = Instant::now();
    let link = courier.link(post).await.map_err(unreachable)?;
    let handshake_ms = fresh.then(|| watch.elapsed().as_secs_f64() * 1000.0);
    let watch = Instant::now();
    let asked = async {
        let (mut sender, mut receiver) = link.open().await?;
        sender.send(FrameKind::Ping, b"valise").await?;
        receiver.next().await
    };
    match timeout(PING, asked).await {
        Ok(Ok(Some((FrameKind::Pong, body)))) if body == b"valise" => {
            courier.heard(post.gateway.now(), None);
            Ok(PingView {
                peer: link.peer().clone(),
                address: link.remote().to_string(),
                road: link.road().name().to_owned(),
                rtt_ms: watch.elapsed().as_secs_f64() * 1000.0,
                handshake_ms,
                group: Some("X25519MLKEM768".to_owned()),
            })
        }
        Ok(Ok(_)) => Err(unreachable("the peer gave another answer than a pong".to_owned())),
        Ok(Err(cause)) => {
            courier.unlink(&link);
            Err(unreachable(cause.to_string()))
        }
        Err(_) => {
            courier.unlink(&link);
            Err(unreachable(format!("no answer within {} seconds", PING.as_secs())))
        }
    }
}
