//! A UDP line between two gateways that counts what passes, and can be made slow.

use crate::Failure;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What IPv4 and UDP add to each datagram, in bytes.
pub const HEADERS: u64 = 28;

/// What passed since the line was opened, both ways.
#[derive(Default)]
pub struct Counts {
    bytes: AtomicU64,
    datagrams: AtomicU64,
    delay: AtomicU64,
    over: AtomicBool,
}

impl Counts {
    /// Returns bytes of UDP payload, and datagrams.
    pub fn read(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.datagrams.load(Ordering::Relaxed))
    }

    /// Delays every datagram so long from now on, each way.
    pub fn slow(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Ends the line.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn pause(&self) -> Duration {
        Duration::from_micros(self.delay.load(Ordering::Relaxed))
    }
}

/// Opens a line on loopback that leads to `to`; returns its port and what it counts.
pub fn open(to: u16) -> Result<(u16, Arc<Counts>), Failure> {
    let front = UdpSocket::bind("127.0.0.1:0")?;
    let port = front.local_addr()?.port();
    let counts = Arc::new(Counts::default());
    let shared = Arc::clone(&counts);
    front.set_read_timeout(Some(Duration::from_millis(200)))?;
    thread::spawn(move || {
        // A line that ends with the measurement has nobody to tell.
        let _ = carry(&front, ([127, 0, 0, 1], to).into(), &shared);
    });
    Ok((port, counts))
}

/// Each caller has a socket of its own behind the line, so that answers find back.
fn carry(front: &UdpSocket, to: SocketAddr, counts: &Arc<Counts>) -> Result<(), Failure> {
    let mut callers: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
    let later = post(Arc::clone(counts));
    let mut buffer = vec![0; 65_536];
    while !counts.over.load(Ordering::Relaxed) {
        let Ok((length, from)) = front.recv_from(&mut buffer) else { continue };
        let socket = match callers.entry(from) {
            Entry::Occupied(known) => known.get().try_clone()?,
            Entry::Vacant(new) => new.insert(behind(from, front, counts, &later)?).try_clone()?,
        };
        later.send((Instant::now() + counts.pause(), socket, to, buffer[..length].to_vec()))?;
    }
    Ok(())
}

/// Opens the socket behind the line for one caller, and carries back what comes to it.
fn behind(
    caller: SocketAddr,
    front: &UdpSocket,
    counts: &Arc<Counts>,
    later: &mpsc::Sender<Parcel>,
) -> Result<UdpSocket, Failure> {
    let behind = UdpSocket::bind("127.0.0.1:0")?;
    behind.set_read_timeout(Some(Duration::from_millis(200)))?;
    let (socket, front) = (behind.try_clone()?, front.try_clone()?);
    let (counts, later) = (Arc::clone(counts), later.clone());
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while !counts.over.load(Ordering::Relaxed) {
            let Ok(length) = socket.recv(&mut buffer) else { continue };
            let Ok(front) = front.try_clone() else { return };
            let _ = later.send((Instant::now() + counts.pause(), front, caller, buffer[..length].to_vec()));
        }
    });
    Ok(behind)
}

type Parcel = (Instant, UdpSocket, SocketAddr, Vec<u8>);

/// Delivers in the order of arrival, each at its time.
fn post(counts: Arc<Counts>) -> mpsc::Sender<Parcel> {
    let (sender, parcels) = mpsc::channel::<Parcel>();
    thread::spawn(move || {
        for (due, socket, to, bytes) in parcels {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            counts.datagrams.fetch_add(1, Ordering::Relaxed);
            // UDP may lose it.
            let _ = socket.send_to(&bytes, to);
        }
    });
    sender
}
