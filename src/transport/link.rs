use super::frame_io::InUse;
use super::tls::Verdict;
use super::{CloseCode, PeerCheck, Receiver, Sender, TransportError};
use crate::model::Party;
use crate::trust::{TrustError, Usage};
use quinn::{Connecting, Connection};
use rustls::pki_types::CertificateDer;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open connection to one party, whose certificate has been checked; clones share it.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) connection: Connection,
    peer: Party,
    usage: Usage,
    path: Arc<Vec<CertificateDer<'static>>>,
    streams: Arc<InUse>,
}

/// What a link has carried so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStats {
    /// UDP payload bytes sent.
    pub sent_bytes: u64,
    /// UDP payload bytes received.
    pub received_bytes: u64,
    /// Packets that were held for lost.
    pub lost_packets: u64,
    /// The present estimate of the round-trip time.
    pub round_trip: Duration,
}

impl Link {
    /// Waits until the handshake has ended; the first cause of a failure is what our own check said.
    pub(super) async fn establish(
        connecting: Connecting,
        verdict: &Verdict,
        usage: Usage,
    ) -> Result<Self, TransportError> {
        let outcome = timeout(HANDSHAKE_TIMEOUT, connecting).await;
        if let Some(Err(cause)) = verdict.get() {
            return Err(cause.clone().into());
        }
        let connection = outcome.map_err(|_| TransportError::HandshakeTimeout)??;
        let path = connection.peer_identity().and_then(|p| p.downcast::<Vec<CertificateDer<'static>>>().ok());
        let (Some(Ok(peer)), Some(path)) = (verdict.get(), path) else {
            return Err(TransportError::Protocol("the peer showed no certificate".to_owned()));
        };
        Ok(Self { connection, peer: peer.clone(), usage, path: Arc::from(path), streams: Arc::default() })
    }

    /// Returns the party for which the peer's certificate speaks.
    pub const fn peer(&self) -> &Party {
        &self.peer
    }

    /// Returns the address from which the peer speaks now.
    pub fn remote(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// Opens a stream in both directions; the peer learns of it when the first frame is sent.
    /// # Errors
    /// Why the link has ended. If the peer refused our certificate, this is the first place to say so:
    /// a TLS 1.3 client's handshake ends before the server has checked it.
    pub async fn open(&self) -> Result<(Sender, Receiver), TransportError> {
        let (send, receive) = self.connection.open_bi().await?;
        Ok(self.halves(send, receive))
    }

    /// Waits for a stream that the peer opens.
    /// # Errors
    /// Why the link has ended.
    pub async fn accept_stream(&self) -> Result<(Sender, Receiver), TransportError> {
        let (send, receive) = self.connection.accept_bi().await?;
        Ok(self.halves(send, receive))
    }

    /// Waits until the link has ended, and tells why.
    pub async fn closed(&self) -> TransportError {
        self.connection.closed().await.into()
    }

    /// Tells whether both are the same connection.
    pub fn is_same(&self, other: &Self) -> bool {
        self.connection.stable_id() == other.connection.stable_id()
    }

    /// Tells whether the link carries no stream now.
    pub fn is_idle(&self) -> bool {
        self.streams.is_alone()
    }

    /// Closes the link at once; `reason` is read by the peer.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.connection.close(code.into(), reason.as_bytes());
    }

    /// Asks the check again about the path that the peer showed: links outlive certificates.
    /// # Errors
    /// Why the peer would be refused today.
    pub fn recheck(&self, check: &dyn PeerCheck) -> Result<(), TrustError> {
        let mut path = self.path.iter().map(AsRef::as_ref);
        let end_entity = path.next().unwrap_or_default();
        let found = check.check(end_entity, &path.collect::<Vec<_>>(), self.usage)?;
        if found == self.peer {
            return Ok(());
        }
        Err(TrustError::UnexpectedParty { expected: self.peer.clone(), found })
    }

    /// Returns what the link has carried so far.
    pub fn stats(&self) -> LinkStats {
        let stats = self.connection.stats();
        LinkStats {
            sent_bytes: stats.udp_tx.bytes,
            received_bytes: stats.udp_rx.bytes,
            lost_packets: stats.path.lost_packets,
            round_trip: self.connection.rtt(),
        }
    }

    fn halves(&self, send: quinn::SendStream, receive: quinn::RecvStream) -> (Sender, Receiver) {
        let (connection, in_use) = (&self.connection, &self.streams);
        let sender = Sender::new(send, connection.clone(), InUse::clone(in_use));
        (sender, Receiver::new(receive, connection.clone(), InUse::clone(in_use)))
    }
}
