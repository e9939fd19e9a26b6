use super::{CloseCode, Link, PeerCheck, TlsIdentity, TransportError, tls};
use crate::model::Party;
use crate::trust::Usage;
use quinn::{
    AsyncUdpSocket, ClientConfig, Endpoint, EndpointConfig, IdleTimeout, Incoming, Runtime, ServerConfig,
    TransportConfig, VarInt,
};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The most connections that may be waiting or in their handshake.
pub(super) const MAX_INCOMING: usize = 64;
/// From this many handshakes on, a peer must first prove that its address is its own (RFC 9000 §8.1.2).
const RETRY_FROM: usize = 16;
/// The most connections at all; a federation has fewer parties than States exist.
pub(super) const MAX_CONNECTIONS: usize = 512;
/// The most bytes that are kept of a connection that has not been answered yet.
const INCOMING_BUFFER: u64 = 16 << 10;
/// The most streams that a peer may have open.
const MAX_STREAMS: u32 = 32;
/// The most bytes of one stream that may wait to be read: one frame of the longest kind, and a little.
const STREAM_WINDOW: u32 = (1 << 20) + (256 << 10);
/// The most bytes of one connection that may wait to be read.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// The bytes that the system is asked to keep while nobody reads the socket.
const SOCKET_BUFFER: usize = 2 << 20;
/// After this long in silence a connection is lost, in milliseconds.
pub(super) const IDLE_TIMEOUT: u32 = 30_000;
/// In silence, this often a sign of life is sent.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What QUIC stands on: a socket, a runtime, and a seed for the numbers that it draws.
pub(super) type Footing = (Arc<dyn AsyncUdpSocket>, Arc<dyn Runtime>, Option<[u8; 32]>);

/// A UDP socket that reaches and is reached by other gateways over QUIC.
#[derive(Debug)]
pub(super) struct Quic {
    endpoint: Endpoint,
    door: Arc<Door>,
    acceptor: AbortHandle,
}

impl Quic {
    /// Opens a socket and begins to answer; needs a tokio runtime. Links that peers open go to `links`.
    pub(super) fn bind(
        address: SocketAddr,
        identity: Arc<TlsIdentity>,
        check: Arc<dyn PeerCheck>,
        links: mpsc::Sender<Link>,
    ) -> Result<Self, TransportError> {
        let socket = UdpSocket::bind(address).map_err(|e| TransportError::cannot_listen(&e))?;
        // The system gives what it allows. With less, what comes in a burst is lost, and the peer slows down.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER);
        let runtime: Arc<dyn Runtime> = Arc::new(quinn::TokioRuntime);
        let socket = runtime.wrap_udp_socket(socket).map_err(|e| TransportError::cannot_listen(&e))?;
        Self::over((socket, runtime, None), identity, check, links)
    }

    /// Begins to answer on a socket, a runtime and a seed that somebody else made.
    pub(super) fn over(
        (socket, runtime, seed): Footing,
        identity: Arc<TlsIdentity>,
        check: Arc<dyn PeerCheck>,
        links: mpsc::Sender<Link>,
    ) -> Result<Self, TransportError> {
        let transport = Arc::new(limits());
        let crypto = tls::server(Arc::clone(&identity), Arc::clone(&check), tls::Verdict::default())?;
        let mut server = ServerConfig::with_crypto(Arc::new(crypto));
        server
            .transport_config(Arc::clone(&transport))
            .max_incoming(MAX_INCOMING)
            .incoming_buffer_size(INCOMING_BUFFER)
            .incoming_buffer_size_total(INCOMING_BUFFER * MAX_INCOMING as u64);
        let mut config = EndpointConfig::default();
        config.rng_seed(seed);
        let endpoint = Endpoint::new_with_abstract_socket(config, Some(server.clone()), socket, runtime)
            .map_err(|e| TransportError::cannot_listen(&e))?;
        let door = Arc::new(Door { identity, check, transport, server, refusals: Mutex::default() });
        let acceptor = tokio::spawn(answer(endpoint.clone(), Arc::clone(&door), links)).abort_handle();
        Ok(Self { endpoint, door, acceptor })
    }

    /// Connects to a party and makes sure that nobody else answers. That the peer refused *us* shows only
    /// in the first use of the link.
    pub(super) async fn connect(&self, party: &Party, address: SocketAddr) -> Result<Link, TransportError> {
        let verdict = tls::Verdict::default();
        let door = &self.door;
        let (identity, check) = (Arc::clone(&door.identity), Arc::clone(&door.check));
        let crypto = tls::client(tls::provider(), identity, check, party.clone(), Arc::clone(&verdict))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::clone(&door.transport));
        let connecting = self
            .endpoint
            .connect_with(config, address, &party.dns_suffix())
            .map_err(|e| TransportError::cannot_connect(address, &e))?;
        Link::establish(connecting, &verdict, Usage::Server).await
    }

    /// Returns the address on which it answers.
    pub(super) fn local_address(&self) -> Result<SocketAddr, TransportError> {
        self.endpoint.local_addr().map_err(|e| TransportError::cannot_listen(&e))
    }

    /// Returns how many incoming connections failed since the start, by the code of the cause.
    pub(super) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.door.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes all links and answers no more; waits until the peers have been told.
    pub(super) async fn close(&self, code: CloseCode, reason: &str) {
        self.endpoint.close(code.into(), reason.as_bytes());
        self.endpoint.wait_idle().await;
    }
}

impl Drop for Quic {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// What is needed to answer one connection.
struct Door {
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    transport: Arc<TransportConfig>,
    server: ServerConfig,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl Door {
    /// Shakes hands with one peer. Each connection has its own configuration, and so its own verdict.
    async fn shake_hands(&self, incoming: Incoming) -> Result<Link, TransportError> {
        let verdict = tls::Verdict::default();
        let (identity, check) = (Arc::clone(&self.identity), Arc::clone(&self.check));
        let mut config = self.server.clone();
        config.crypto = Arc::new(tls::server(identity, check, Arc::clone(&verdict))?);
        let connecting = incoming.accept_with(Arc::new(config))?;
        Link::establish(connecting, &verdict, Usage::Client).await
    }

    fn refused(&self, remote: SocketAddr, code: &'static str, cause: &dyn std::fmt::Display) {
        tracing::warn!(%remote, code, %cause, "incoming connection failed");
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

/// Answers until the endpoint is closed; no peer can end or hold up the loop.
async fn answer(endpoint: Endpoint, door: Arc<Door>, links: mpsc::Sender<Link>) {
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = handshakes.join_next() => {}
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { return };
                let busy = handshakes.len() >= MAX_INCOMING || endpoint.open_connections() >= MAX_CONNECTIONS;
                if busy {
                    door.refused(incoming.remote_address(), "busy", &"too many connections");
                    incoming.refuse();
                } else if handshakes.len() >= RETRY_FROM && incoming.may_retry() {
                    // It may retry, so this cannot fail; a peer with a forged address stays away.
                    let _ = incoming.retry();
                } else {
                    handshakes.spawn(welcome(incoming, Arc::clone(&door), links.clone()));
                }
            }
        }
    }
}

async fn welcome(incoming: Incoming, door: Arc<Door>, links: mpsc::Sender<Link>) {
    let remote = incoming.remote_address();
    match door.shake_hands(incoming).await {
        // Nobody waits for links any more if the road is gone; the link then closes as it is dropped.
        Ok(link) => drop(links.send(link).await),
        Err(cause) => door.refused(remote, cause.code(), &cause),
    }
}

fn limits() -> TransportConfig {
    let mut limits = TransportConfig::default();
    limits
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT))))
        .keep_alive_interval(Some(KEEP_ALIVE));
    limits
}
