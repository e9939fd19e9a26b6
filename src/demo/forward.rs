use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// The most clients of one forwarder; a demo has one or two.
const MAX_CLIENTS: usize = 64;
/// The largest UDP datagram.
const DATAGRAM: usize = 65_535;

/// Passes datagrams from `listen` on to `to` and the answers back, each client by a socket of its own;
/// drops them in both directions while any of the files `cut` exists. Returns only on an error.
///
/// # Errors
/// `listen` cannot be bound, or its socket fails.
pub fn forward(listen: SocketAddr, to: SocketAddr, cut: Vec<PathBuf>) -> io::Result<()> {
    run(Arc::new(UdpSocket::bind(listen)?), to, cut.into())
}

pub(super) fn run(front: Arc<UdpSocket>, to: SocketAddr, cut: Arc<[PathBuf]>) -> io::Result<()> {
    let mut clients: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut datagram = vec![0; DATAGRAM];
    loop {
        let (length, client) = match front.recv_from(&mut datagram) {
            // An earlier answer met a closed port; UDP reports it here (ICMP), and it concerns no other client.
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => continue,
            received => received?,
        };
        if is_cut(&cut) {
            continue;
        }
        if !clients.contains_key(&client) {
            if clients.len() == MAX_CLIENTS {
                clients.clear();
            }
            clients.insert(client, back(&front, client, to, &cut)?);
        }
        // A datagram may be lost on any link; the sender repeats it.
        clients.get(&client).map(|out| out.send(&datagram[..length]));
    }
}

/// Opens a client's own socket towards `to`, and carries the answers back on a thread of its own.
fn back(
    front: &Arc<UdpSocket>,
    client: SocketAddr,
    to: SocketAddr,
    cut: &Arc<[PathBuf]>,
) -> io::Result<Arc<UdpSocket>> {
    let out = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
    out.connect(to)?;
    let (out_thread, front, cut) = (Arc::clone(&out), Arc::clone(front), Arc::clone(cut));
    thread::spawn(move || {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            match out_thread.recv(&mut datagram) {
                Ok(length) if !is_cut(&cut) => drop(front.send_to(&datagram[..length], client)),
                Ok(_) => {}
                // Nobody listens at `to` just now, as when a node restarts.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    });
    Ok(out)
}

fn is_cut(cut: &[PathBuf]) -> bool {
    cut.iter().any(|file| file.exists())
}
