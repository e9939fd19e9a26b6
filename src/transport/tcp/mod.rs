//! The road where UDP is blocked: the same frames over mutual TLS 1.3 over TCP, with many streams in one
//! connection (yamux).
//!
//! After the handshake the side that answers says one byte: zero, or the length of the words that tell why
//! the caller is refused, which follow. An alert of TLS has no room for them. What follows a zero is yamux;
//! the first stream of each side carries its signs of life and its last words (`mux`).

mod mux;
mod stream;
mod wire;

pub(super) use mux::Connection;
pub(super) use stream::Half;

use super::error::{MAX_REASON, printable};
use super::link::HANDSHAKE_TIMEOUT;
use super::quic::{MAX_CONNECTIONS, MAX_INCOMING};
use super::{CloseCode, Link, PeerCheck, TlsIdentity, TransportError, tls};
use crate::model::Party;
use crate::trust::Usage;
use rustls::CommonState;
use rustls::pki_types::{CertificateDer, ServerName};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The most connections of one host that may be in their handshake; others are not kept out by it.
const MAX_INCOMING_OF_HOST: usize = 16;
/// How long the end of a link may take to be told, when the road closes.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long to wait when the machine has no room for another socket.
const BREATHER: Duration = Duration::from_millis(100);
/// The word of welcome.
const WELCOME: u8 = 0;

/// A TCP socket that is reached by other gateways, and the way out to them.
#[derive(Debug)]
pub(super) struct Tcp {
    door: Arc<Door>,
    listening: Option<SocketAddr>,
    acceptor: Option<AbortHandle>,
}

/// What is needed to answer or to call.
struct Door {
    identity: Arc<TlsIdentity>,
    check: Arc<dyn PeerCheck>,
    /// One permit for each connection that a peer opened.
    places: Arc<Semaphore>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    links: Mutex<Vec<Weak<Connection>>>,
}

impl Tcp {
    /// Opens a socket and begins to answer, if there is an address; needs a tokio runtime. Links that peers
    /// open go to `links`.
    pub(super) fn bind(
        address: Option<SocketAddr>,
        identity: Arc<TlsIdentity>,
        check: Arc<dyn PeerCheck>,
        links: mpsc::Sender<Link>,
    ) -> Result<Self, TransportError> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let door = Door { identity, check, places, refusals: Mutex::default(), links: Mutex::default() };
        let door = Arc::new(door);
        let Some(address) = address else { return Ok(Self { door, listening: None, acceptor: None }) };
        let listener = listen(address).map_err(|e| TransportError::cannot_listen(&e))?;
        let listening = listener.local_addr().map_err(|e| TransportError::cannot_listen(&e))?;
        let acceptor = tokio::spawn(answer(listener, Arc::clone(&door), links)).abort_handle();
        Ok(Self { door, listening: Some(listening), acceptor: Some(acceptor) })
    }

    /// Connects to a party and makes sure that nobody else answers, and that it takes us.
    pub(super) async fn connect(&self, party: &Party, address: SocketAddr) -> Result<Link, TransportError> {
        let shaken = timeout(HANDSHAKE_TIMEOUT, self.door.call(party, address));
        shaken.await.map_err(|_| TransportError::HandshakeTimeout)?
    }

    /// Returns the address on which it answers.
    pub(super) const fn local_address(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// Returns how many incoming connections failed since the start, by the code of the cause.
    pub(super) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.door.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes all links and answers no more; waits until the peers have been told.
    pub(super) async fn close(&self, code: CloseCode, reason: &str) {
        self.acceptor.iter().for_each(AbortHandle::abort);
        let links = std::mem::take(&mut *self.door.links.lock().unwrap_or_else(PoisonError::into_inner));
        let links: Vec<_> = links.iter().filter_map(Weak::upgrade).collect();
        links.iter().for_each(|link| link.close(code, reason));
        let all_gone = async {
            for link in links {
                link.gone().await;
            }
        };
        // A peer that does not listen hears nothing.
        let _ = timeout(FAREWELL, all_gone).await;
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        self.acceptor.iter().for_each(AbortHandle::abort);
    }
}

impl Door {
    async fn call(&self, party: &Party, address: SocketAddr) -> Result<Link, TransportError> {
        let verdict = tls::Verdict::default();
        let (identity, check) = (Arc::clone(&self.identity), Arc::clone(&self.check));
        let config =
            tls::client_over_tcp(tls::provider(), identity, check, party.clone(), Arc::clone(&verdict))?;
        let cannot =
            |e: &dyn std::fmt::Display| TransportError::CannotConnect { address, why: e.to_string() };
        let socket = TcpStream::connect(address).await.map_err(|e| cannot(&e))?;
        socket.set_nodelay(true).map_err(|e| cannot(&e))?;
        let name = ServerName::try_from(party.dns_suffix()).map_err(|e| cannot(&e))?;
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        if let Some(Err(cause)) = verdict.get() {
            return Err(cause.clone().into());
        }
        let mut stream = TlsStream::Client(shaken.map_err(|e| handshake_failed(&e))?);
        let path = path_of(stream.get_ref().1)?;
        hear_welcome(&mut stream).await?;
        let connection = self.enter(stream, address, yamux::Mode::Client, None);
        Link::over_tcp(connection, &verdict, path, Usage::Server)
    }

    /// Shakes hands with one peer. Each connection has its own configuration, and so its own verdict.
    async fn shake_hands(
        &self,
        socket: TcpStream,
        remote: SocketAddr,
        place: OwnedSemaphorePermit,
    ) -> Result<Link, TransportError> {
        let verdict = tls::Verdict::default();
        let (identity, check) = (Arc::clone(&self.identity), Arc::clone(&self.check));
        let config = tls::server_over_tcp(identity, check, Arc::clone(&verdict))?;
        // Small frames that answer each other must not wait for one another.
        socket.set_nodelay(true).map_err(|e| handshake_failed(&e))?;
        let shaken = TlsAcceptor::from(Arc::new(config)).accept(socket).await;
        let mut stream = TlsStream::Server(shaken.map_err(|e| handshake_failed(&e))?);
        if let Some(Err(cause)) = verdict.get() {
            refuse(&mut stream, &tls::words_for_peer(cause)).await;
            return Err(cause.clone().into());
        }
        let path = path_of(stream.get_ref().1)?;
        stream.write_all(&[WELCOME]).await.map_err(|e| handshake_failed(&e))?;
        stream.flush().await.map_err(|e| handshake_failed(&e))?;
        let connection = self.enter(stream, remote, yamux::Mode::Server, Some(place));
        Link::over_tcp(connection, &verdict, path, Usage::Client)
    }

    fn enter(
        &self,
        stream: TlsStream<TcpStream>,
        remote: SocketAddr,
        mode: yamux::Mode,
        place: Option<OwnedSemaphorePermit>,
    ) -> Arc<Connection> {
        let connection = Connection::start(stream, remote, mode, place);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&connection));
        connection
    }

    fn refused(&self, remote: SocketAddr, code: &'static str, cause: &dyn std::fmt::Display) {
        tracing::warn!(%remote, code, %cause, "incoming connection over TCP failed");
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

/// Answers for as long as the road is open; no peer can end or hold up the loop.
async fn answer(listener: TcpListener, door: Arc<Door>, links: mpsc::Sender<Link>) {
    let mut handshakes: JoinSet<IpAddr> = JoinSet::new();
    let mut hosts: BTreeMap<IpAddr, usize> = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            Some(done) = handshakes.join_next() => {
                if let Ok(host) = done {
                    let left = hosts.remove(&host).unwrap_or(1) - 1;
                    if left > 0 {
                        hosts.insert(host, left);
                    }
                }
            }
            accepted = listener.accept() => {
                let Ok((socket, remote)) = accepted else {
                    sleep(BREATHER).await;
                    continue;
                };
                let host = remote.ip();
                let of_host = hosts.get(&host).copied().unwrap_or_default();
                let busy = handshakes.len() >= MAX_INCOMING || of_host >= MAX_INCOMING_OF_HOST;
                match Arc::clone(&door.places).try_acquire_owned() {
                    Ok(place) if !busy => {
                        hosts.insert(host, of_host + 1);
                        handshakes.spawn(welcome(socket, remote, Arc::clone(&door), links.clone(), place));
                    }
                    // The socket closes as it is dropped.
                    Ok(_) | Err(_) => door.refused(remote, "busy", &"too many connections"),
                }
            }
        }
    }
}

async fn welcome(
    socket: TcpStream,
    remote: SocketAddr,
    door: Arc<Door>,
    links: mpsc::Sender<Link>,
    place: OwnedSemaphorePermit,
) -> IpAddr {
    let shaken = timeout(HANDSHAKE_TIMEOUT, door.shake_hands(socket, remote, place)).await;
    match shaken.unwrap_or(Err(TransportError::HandshakeTimeout)) {
        // Nobody waits for links any more if the road is gone; the link then closes as it is dropped.
        Ok(link) => drop(links.send(link).await),
        Err(cause) => door.refused(remote, cause.code(), &cause),
    }
    remote.ip()
}

/// Opens the socket so that a gateway that starts again finds its port free.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}

/// Tells a peer why it is refused, as far as it listens.
async fn refuse(stream: &mut TlsStream<TcpStream>, words: &str) {
    let words: String = words.chars().filter(char::is_ascii).take(MAX_REASON).collect();
    let length = u8::try_from(words.len()).unwrap_or(u8::MAX);
    let mut said = vec![length];
    said.extend_from_slice(&words.as_bytes()[..usize::from(length)]);
    // Whether it heard is its own affair.
    let _ = stream.write_all(&said).await;
    let _ = stream.shutdown().await;
}

/// Waits for the peer's welcome, or for its words.
async fn hear_welcome(stream: &mut TlsStream<TcpStream>) -> Result<(), TransportError> {
    let length = stream.read_u8().await.map_err(|e| handshake_failed(&e))?;
    if length == WELCOME {
        return Ok(());
    }
    let mut words = vec![0; usize::from(length)];
    stream.read_exact(&mut words).await.map_err(|e| handshake_failed(&e))?;
    Err(TransportError::RefusedByPeer { reason: printable(&words) })
}

/// Returns the certificates that the peer showed, once both speak the same protocol: over TCP, TLS lets a
/// peer pass that names none.
fn path_of(tls: &CommonState) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    if tls.alpn_protocol() != Some(tls::ALPN) {
        return Err(TransportError::Protocol("the peer does not speak our protocol".to_owned()));
    }
    let path = tls.peer_certificates().map(<[_]>::to_vec);
    path.ok_or_else(|| TransportError::Protocol("the peer showed no certificate".to_owned()))
}

/// Names why a handshake broke off: an alert is the peer's word, anything else is our own finding.
fn handshake_failed(error: &io::Error) -> TransportError {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => {
            TransportError::RefusedByPeer { reason: format!("TLS alert {alert:?}") }
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            TransportError::Protocol("the peer hung up within the handshake".to_owned())
        }
        _ => TransportError::Protocol(error.to_string()),
    }
}
