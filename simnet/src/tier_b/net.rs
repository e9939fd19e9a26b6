//! A network in memory: one UDP socket a node, and weather that the seed has drawn.

use super::fault::{Fault, Kind};
use crate::draw::Draw;
use crate::heap::Millis;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a datagram travels on a quiet day: at least, and by how much that varies.
const TRAVEL: (Millis, Millis) = (40, 120);
/// A datagram that would wait longer than this before a narrow line is dropped.
const LONGEST_QUEUE: Millis = 4000;
/// The port on which every node listens.
const PORT: u16 = 4620;

/// The network of a run; clones are handles on it.
#[derive(Clone)]
pub struct Net(Arc<Mutex<State>>);

struct State {
    begin: Instant,
    travel: (Millis, Millis),
    faults: Vec<Fault>,
    base_loss: u64,
    loss_ends: Millis,
    fate: Draw,
    next: u64,
    boxes: BTreeMap<usize, Mailbox>,
    busy_until: BTreeMap<(usize, usize), Millis>,
    counts: Counts,
}

/// What the network did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Datagrams that were handed to it.
    pub sent: u64,
    /// Those that never arrived.
    pub lost: u64,
    /// Those that arrived twice.
    pub doubled: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is on its way to one node. A node that was started again has another boot number.
#[derive(Default)]
struct Mailbox {
    boot: u64,
    letters: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    waker: Option<Waker>,
}

/// A node's socket.
pub struct Socket {
    net: Net,
    node: usize,
    boot: u64,
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

/// A socket in memory can always be written to.
#[derive(Debug)]
struct AlwaysWritable;

impl Net {
    /// Spans a network over a run's faults; `base_loss` of a thousand datagrams are lost until `end` in any
    /// weather.
    pub fn new(seed: u64, faults: Vec<Fault>, base_loss: u64, end: Millis) -> Self {
        Self(Arc::new(Mutex::new(State {
            begin: Instant::now(),
            travel: TRAVEL,
            faults,
            base_loss,
            loss_ends: end,
            fate: Draw::new(seed, "datagrams", &[]),
            next: 0,
            boxes: BTreeMap::new(),
            busy_until: BTreeMap::new(),
            counts: Counts::default(),
        })))
    }

    /// Spans a network on which every datagram arrives, and travels for the same time.
    pub fn even(travel: Millis) -> Self {
        let net = Self::new(0, Vec::new(), 0, 0);
        net.state().travel = (travel, 0);
        net
    }

    /// Returns how long the run has lasted.
    pub fn now(&self) -> Millis {
        self.state().now()
    }

    /// Opens a node's socket; the one that it had before hears and says nothing any more.
    pub fn socket(&self, node: usize) -> Arc<Socket> {
        let mut state = self.state();
        state.next += 1;
        let boot = state.next;
        state.boxes.insert(node, Mailbox { boot, ..Mailbox::default() });
        Arc::new(Socket { net: self.clone(), node, boot, timer: Mutex::default() })
    }

    /// Cuts a node off for good, as when its power goes.
    pub fn unplug(&self, node: usize) {
        self.state().boxes.remove(&node);
    }

    /// Tells what the network did so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the address of a node.
pub fn address(node: usize) -> SocketAddr {
    let host = u8::try_from(node + 1).expect("a run has at most 250 nodes");
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)), PORT)
}

/// Returns the node at an address.
pub fn node_at(address: SocketAddr) -> Option<usize> {
    match address.ip() {
        IpAddr::V4(ip) if ip.octets()[..3] == [10, 0, 0] => usize::from(ip.octets()[3]).checked_sub(1),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

impl State {
    fn now(&self) -> Millis {
        Millis::try_from(self.begin.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// Decides what becomes of a datagram: by the seed and its number, never by what it says.
    fn send(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let now = self.now();
        self.counts.sent += 1;
        self.counts.bytes += bytes.len() as u64;
        let (loss, twice) = (self.fate.below(1000), self.fate.below(1000));
        let travel = self.fate.between(self.travel.0, self.travel.0 + self.travel.1);
        let (slower, again) = (self.fate.below(1_000_000), self.fate.between(1, 2000));
        let weather = self.weather((from, to), now);
        let queue = self.queue((from, to), now, bytes.len(), weather.bytes_per_second);
        let dropped = weather.cut || loss < weather.loss || queue > LONGEST_QUEUE;
        if dropped {
            self.counts.lost += 1;
            return;
        }
        let slower = weather.up_to * Millis::try_from(slower).unwrap_or(0) / 1_000_000;
        let arrives = travel + queue + slower;
        self.deliver(from, to, arrives, bytes);
        if twice < weather.twice {
            self.counts.doubled += 1;
            self.deliver(from, to, arrives + again, bytes);
        }
    }

    fn deliver(&mut self, from: usize, to: usize, after: Millis, bytes: &[u8]) {
        self.next += 1;
        let at = Instant::now() + Duration::from_millis(after.unsigned_abs());
        let Some(mailbox) = self.boxes.get_mut(&to) else { return };
        mailbox.letters.insert((at, self.next), (address(from), bytes.to_vec()));
        if let Some(waker) = mailbox.waker.take() {
            waker.wake();
        }
    }

    fn queue(&mut self, link: (usize, usize), now: Millis, len: usize, bytes_per_second: u64) -> Millis {
        if bytes_per_second == 0 {
            return 0;
        }
        let takes = Millis::try_from(len as u64 * 1000 / bytes_per_second).unwrap_or(Millis::MAX);
        let busy = self.busy_until.entry(link).or_default();
        let waits = (*busy - now).max(0);
        if waits <= LONGEST_QUEUE {
            *busy = now + waits + takes;
        }
        waits + takes
    }

    fn weather(&self, link: (usize, usize), now: Millis) -> Weather {
        let base = if now < self.loss_ends { self.base_loss } else { 0 };
        let mut weather = Weather { loss: base, ..Weather::default() };
        let either_way = |other: (usize, usize)| other == link || (other.1, other.0) == link;
        for fault in self.faults.iter().filter(|fault| fault.is_on(now)) {
            match fault.kind {
                Kind::Cut { link: cut, one_way } => weather.cut |= cut == link || !one_way && either_way(cut),
                Kind::Isolation { node } => weather.cut |= link.0 == node || link.1 == node,
                Kind::Loss { link, permille } if either_way(link) => weather.loss += permille,
                Kind::Delay { link, up_to } if either_way(link) => weather.up_to += up_to,
                Kind::Duplication { link, permille } if either_way(link) => weather.twice += permille,
                Kind::Narrow { link, bytes_per_second } if either_way(link) => {
                    weather.bytes_per_second = bytes_per_second;
                }
                Kind::Loss { .. }
                | Kind::Delay { .. }
                | Kind::Duplication { .. }
                | Kind::Narrow { .. }
                | Kind::Crash { .. }
                | Kind::Skew { .. }
                | Kind::FullDisk { .. }
                | Kind::FailedSync { .. }
                | Kind::Suspension { .. }
                | Kind::Rotation { .. } => {}
            }
        }
        weather
    }
}

#[derive(Default)]
struct Weather {
    cut: bool,
    loss: u64,
    twice: u64,
    up_to: Millis,
    bytes_per_second: u64,
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut state = self.net.state();
        let plugged = state.boxes.get(&self.node).is_some_and(|mailbox| mailbox.boot == self.boot);
        if let (true, Some(to)) = (plugged, node_at(transmit.destination)) {
            state.send(self.node, to, transmit.contents);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut state = self.net.state();
            let mailbox = state.boxes.get_mut(&self.node).filter(|mailbox| mailbox.boot == self.boot);
            let Some(mailbox) = mailbox else { return Poll::Pending };
            let first = mailbox.letters.first_key_value().map(|(key, _)| *key);
            if let Some((from, bytes)) =
                first.filter(|(at, _)| *at <= Instant::now()).and_then(|key| mailbox.letters.remove(&key))
            {
                let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
                    return Poll::Ready(Ok(0));
                };
                let len = bytes.len().min(buf.len());
                buf[..len].copy_from_slice(&bytes[..len]);
                *meta = RecvMeta { addr: from, len, stride: len, ecn: None, dst_ip: None };
                return Poll::Ready(Ok(1));
            }
            mailbox.waker = Some(cx.waker().clone());
            drop(state);
            let Some((at, _)) = first else { return Poll::Pending };
            let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
            let sleep = timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            sleep.as_mut().reset(at);
            ready!(sleep.as_mut().poll(cx));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(address(self.node))
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket of node {}", self.node)
    }
}
