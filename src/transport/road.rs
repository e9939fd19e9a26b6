//! Chooses the road to a peer: QUIC first, TLS over TCP where UDP does not get through (DESIGN §9).

use super::quic::{MAX_INCOMING, Quic};
use super::tcp::Tcp;
use super::{CloseCode, Link, PeerCheck, RoadKind, TlsIdentity, TransportError};
use crate::model::Party;
use quinn::{AsyncUdpSocket, Runtime};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How long the first road is tried alone; the other is then open within two seconds of the start on any
/// line that answers at all.
const HEAD_START: Duration = Duration::from_millis(1500);
/// For how long a network on which only TCP got through is remembered; QUIC is then tried first again.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The most networks and peers that are remembered.
const MAX_REMEMBERED: usize = 1024;

/// Where a gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The UDP address for QUIC.
    pub quic: SocketAddr,
    /// The TCP address for TLS; with port 0, the port that UDP has. Absent if it takes in no TCP.
    pub tcp: Option<SocketAddr>,
}

/// Where a peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// By QUIC.
    pub quic: SocketAddr,
    /// By TLS over TCP.
    pub tcp: SocketAddr,
}

/// The ways out of and into this gateway.
#[derive(Debug)]
pub struct Road {
    quic: Quic,
    /// Absent in a simulation, which has no TCP.
    tcp: Option<Tcp>,
    memory: Mutex<Memory>,
    links: tokio::sync::Mutex<mpsc::Receiver<Link>>,
}

/// Our own address towards a peer, which names the network that we are in, and the peer's place.
type Network = (IpAddr, Place);

/// On which networks TCP goes first, and until when.
#[derive(Debug, Default)]
struct Memory(BTreeMap<Network, Instant>);

impl Memory {
    fn holds(&self, network: &Network, now: Instant) -> bool {
        self.0.get(network).is_some_and(|until| now < *until)
    }

    /// Remembers that only TCP got through; a link by QUIC proves that UDP does, and is no news otherwise.
    fn learn(&mut self, network: Network, road: RoadKind, now: Instant) {
        match road {
            RoadKind::Quic => drop(self.0.remove(&network)),
            // While it is remembered it is not prolonged, so that QUIC gets its turn.
            RoadKind::Tcp if self.holds(&network, now) => {}
            RoadKind::Tcp => {
                if self.0.len() >= MAX_REMEMBERED {
                    self.0.clear();
                }
                self.0.insert(network, now + REMEMBERED);
            }
        }
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self { quic: address, tcp: address }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self { quic: address, tcp: Some(address) }
    }
}

impl Road {
    /// Opens the sockets and begins to answer; needs a tokio runtime.
    /// # Errors
    /// `CannotListen` if an address is taken or not ours.
    pub fn bind(
        listen: Listen,
        identity: Arc<TlsIdentity>,
        check: Arc<dyn PeerCheck>,
    ) -> Result<Self, TransportError> {
        let (sender, links) = mpsc::channel(MAX_INCOMING);
        let quic = Quic::bind(listen.quic, Arc::clone(&identity), Arc::clone(&check), sender.clone())?;
        let port = quic.local_address()?.port();
        let same_port = |tcp: SocketAddr| if tcp.port() == 0 { SocketAddr::new(tcp.ip(), port) } else { tcp };
        let tcp = Tcp::bind(listen.tcp.map(same_port), identity, check, sender)?;
        Ok(Self { quic, tcp: Some(tcp), memory: Mutex::default(), links: links.into() })
    }

    /// Begins to answer on a socket that somebody else made, without TCP; with a seed for the numbers that
    /// QUIC draws, a simulated network behaves the same in each run.
    /// # Errors
    /// `CannotListen` if the socket has no address.
    pub fn over(
        socket: Arc<dyn AsyncUdpSocket>,
        runtime: Arc<dyn Runtime>,
        seed: Option<[u8; 32]>,
        identity: Arc<TlsIdentity>,
        check: Arc<dyn PeerCheck>,
    ) -> Result<Self, TransportError> {
        let (sender, links) = mpsc::channel(MAX_INCOMING);
        let quic = Quic::over((socket, runtime, seed), identity, check, sender)?;
        Ok(Self { quic, tcp: None, memory: Mutex::default(), links: links.into() })
    }

    /// Connects to a party by the better road, and makes sure that nobody else answers.
    /// # Errors
    /// Why there is no link. That the peer refused *us* may show only in the first use of the link.
    pub async fn connect(&self, party: &Party, place: Place) -> Result<Link, TransportError> {
        let Some(tcp) = &self.tcp else { return self.quic.connect(party, place.quic).await };
        let network = (source_address(place.quic), place);
        let by_quic = self.quic.connect(party, place.quic);
        let by_tcp = tcp.connect(party, place.tcp);
        let outcome = if self.memory().holds(&network, Instant::now()) {
            first_of(by_tcp, by_quic).await.map_err(|(tcp, quic)| no_road(quic, tcp))
        } else {
            first_of(by_quic, by_tcp).await.map_err(|(quic, tcp)| no_road(quic, tcp))
        };
        if let Ok(link) = &outcome {
            self.memory().learn(network, link.road(), Instant::now());
        }
        outcome
    }

    /// Waits for the next link that a peer has opened; `None` after `close`.
    pub async fn accept(&self) -> Option<Link> {
        self.links.lock().await.recv().await
    }

    /// Returns a link that a peer has opened already.
    #[cfg(test)]
    pub(super) fn accept_now(&self) -> Option<Link> {
        self.links.try_lock().ok()?.try_recv().ok()
    }

    /// Returns the UDP address on which the road answers.
    /// # Errors
    /// `CannotListen` if the socket has lost it.
    pub fn local_address(&self) -> Result<SocketAddr, TransportError> {
        self.quic.local_address()
    }

    /// Returns the TCP address on which the road answers; `None` if it takes in no TCP.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.local_address()
    }

    /// Returns how many incoming connections failed since the start, by the code of the cause.
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let mut refusals = self.quic.refusals();
        for (code, count) in self.tcp.iter().flat_map(Tcp::refusals) {
            *refusals.entry(code).or_default() += count;
        }
        refusals
    }

    /// Closes all links and answers no more; waits until the peers have been told.
    pub async fn close(&self, code: CloseCode, reason: &str) {
        if let Some(tcp) = &self.tcp {
            tcp.close(code, reason).await;
        }
        self.quic.close(code, reason).await;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries one road, and the other beside it once the first has failed or its head start is over. What our
/// check or the peer's says of a certificate ends both: the other road has the same certificates.
async fn first_of(
    first: impl Future<Output = Result<Link, TransportError>>,
    second: impl Future<Output = Result<Link, TransportError>>,
) -> Result<Link, (TransportError, TransportError)> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let early = match timeout(HEAD_START, &mut first).await {
        Ok(Ok(link)) => return Ok(link),
        Ok(Err(cause)) if cause.is_verdict() => return Err((cause.clone(), cause)),
        Ok(Err(cause)) => Some(cause),
        Err(_) => None,
    };
    if let Some(cause) = early {
        return second.await.map_err(|other| (cause, other));
    }
    tokio::select! {
        biased;
        outcome = &mut first => match outcome {
            Err(cause) if !cause.is_verdict() => second.await.map_err(|other| (cause, other)),
            Err(cause) => Err((cause.clone(), cause)),
            Ok(link) => Ok(link),
        },
        outcome = &mut second => match outcome {
            Err(cause) if !cause.is_verdict() => first.await.map_err(|other| (other, cause)),
            Err(cause) => Err((cause.clone(), cause)),
            Ok(link) => Ok(link),
        },
    }
}

/// Says why neither road is open: a verdict is the cause, else both are told.
fn no_road(quic: TransportError, tcp: TransportError) -> TransportError {
    if quic.is_verdict() {
        return quic;
    }
    if tcp.is_verdict() {
        return tcp;
    }
    TransportError::NoRoad { quic: Box::new(quic), tcp: Box::new(tcp) }
}

/// Finds the address of our own from which a peer would be reached: it names the network that we are in.
fn source_address(peer: SocketAddr) -> IpAddr {
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // Connecting a UDP socket sends nothing; without a route to the peer there is no network to remember.
    let found = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(peer)?;
        socket.local_addr()
    });
    found.map_or(peer.ip(), |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_goes_first_for_ten_minutes_on_that_network_and_then_quic_gets_its_turn() {
        let at = |port| Place::from(SocketAddr::from(([192, 0, 2, 1], port)));
        let here = (IpAddr::from([10, 0, 0, 1]), at(4620));
        let elsewhere = (IpAddr::from([10, 0, 0, 2]), at(4620));
        let another_peer = (here.0, at(4621));
        let (start, mut memory) = (Instant::now(), Memory::default());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!memory.holds(&here, start));
        memory.learn(here, RoadKind::Tcp, start);
        assert!(memory.holds(&here, start) && memory.holds(&here, after(599)));
        assert!(!memory.holds(&elsewhere, start) && !memory.holds(&another_peer, start));
        // What goes on by TCP meanwhile prolongs nothing.
        memory.learn(here, RoadKind::Tcp, after(500));
        assert!(!memory.holds(&here, after(600)), "QUIC goes first again");
        // It does not get through yet: another ten minutes; and once it does, it goes first at once.
        memory.learn(here, RoadKind::Tcp, after(602));
        assert!(memory.holds(&here, after(1201)));
        memory.learn(here, RoadKind::Quic, after(700));
        assert!(!memory.holds(&here, after(701)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (now, mut memory) = (Instant::now(), Memory::default());
        for port in 0..=u16::try_from(MAX_REMEMBERED).unwrap() {
            let place = Place::from(SocketAddr::from(([192, 0, 2, 1], port)));
            memory.learn((IpAddr::from([10, 0, 0, 1]), place), RoadKind::Tcp, now);
            assert!(memory.0.len() <= MAX_REMEMBERED);
        }
    }
}
