use super::frame_io::{InUse, Inlet, Outlet};
use super::tcp;
use super::tls::Verdict;
use super::{CloseCode, PeerCheck, Receiver, Sender, TransportError};
use crate::model::Party;
use crate::trust::{TrustError, Usage};
use quinn::{Connecting, Connection};
use rustls::pki_types::CertificateDer;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a handshake may take.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open connection to one party, whose certificate has been checked; clones share it.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) wire: Wire,
    peer: Party,
    usage: Usage,
    path: Arc<Vec<CertificateDer<'static>>>,
    streams: Arc<InUse>,
}

/// What carries a link.
#[derive(Clone, Debug)]
pub(super) enum Wire {
    Quic(Connection),
    Tcp(Arc<tcp::Connection>),
}

/// By which road a link goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoadKind {
    /// QUIC over UDP.
    Quic,
    /// TLS over TCP.
    Tcp,
}

impl RoadKind {
    /// Returns the name for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
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
        let path = path.map(|path| *path).unwrap_or_default();
        Self::checked(Wire::Quic(connection), verdict, path, usage)
    }

    /// Makes a link of a connection over TCP whose handshake has ended.
    pub(super) fn over_tcp(
        connection: Arc<tcp::Connection>,
        verdict: &Verdict,
        path: Vec<CertificateDer<'static>>,
        usage: Usage,
    ) -> Result<Self, TransportError> {
        Self::checked(Wire::Tcp(connection), verdict, path, usage)
    }

    /// The one place where a link is made: without a good verdict there is none.
    fn checked(
        wire: Wire,
        verdict: &Verdict,
        path: Vec<CertificateDer<'static>>,
        usage: Usage,
    ) -> Result<Self, TransportError> {
        match verdict.get() {
            Some(Ok(peer)) if !path.is_empty() => {
                Ok(Self { wire, peer: peer.clone(), usage, path: Arc::new(path), streams: Arc::default() })
            }
            Some(Err(cause)) => Err(cause.clone().into()),
            Some(Ok(_)) | None => Err(TransportError::Protocol("the peer showed no certificate".to_owned())),
        }
    }

    /// Returns the party for which the peer's certificate speaks.
    pub const fn peer(&self) -> &Party {
        &self.peer
    }

    /// Returns the address from which the peer speaks now.
    pub fn remote(&self) -> SocketAddr {
        match &self.wire {
            Wire::Quic(connection) => connection.remote_address(),
            Wire::Tcp(connection) => connection.remote(),
        }
    }

    /// Returns by which road the link goes.
    pub const fn road(&self) -> RoadKind {
        match self.wire {
            Wire::Quic(_) => RoadKind::Quic,
            Wire::Tcp(_) => RoadKind::Tcp,
        }
    }

    /// Opens a stream in both directions; the peer learns of it when the first frame is sent.
    /// # Errors
    /// Why the link has ended. If the peer refused our certificate, this is the first place to say so:
    /// a TLS 1.3 client's handshake ends before the server has checked it.
    pub async fn open(&self) -> Result<(Sender, Receiver), TransportError> {
        match &self.wire {
            Wire::Quic(connection) => {
                let (send, receive) = connection.open_bi().await?;
                Ok(self.of_quic(connection, send, receive))
            }
            Wire::Tcp(connection) => Ok(self.of_tcp(connection.open().await?)),
        }
    }

    /// Waits for a stream that the peer opens.
    /// # Errors
    /// Why the link has ended.
    pub async fn accept_stream(&self) -> Result<(Sender, Receiver), TransportError> {
        match &self.wire {
            Wire::Quic(connection) => {
                let (send, receive) = connection.accept_bi().await?;
                Ok(self.of_quic(connection, send, receive))
            }
            Wire::Tcp(connection) => Ok(self.of_tcp(connection.accept().await?)),
        }
    }

    /// Waits until the link has ended, and tells why.
    pub async fn closed(&self) -> TransportError {
        match &self.wire {
            Wire::Quic(connection) => connection.closed().await.into(),
            Wire::Tcp(connection) => connection.closed().await,
        }
    }

    /// Tells whether both are the same connection.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.wire, &other.wire) {
            (Wire::Quic(one), Wire::Quic(other)) => one.stable_id() == other.stable_id(),
            (Wire::Tcp(one), Wire::Tcp(other)) => one.id() == other.id(),
            (Wire::Quic(_), Wire::Tcp(_)) | (Wire::Tcp(_), Wire::Quic(_)) => false,
        }
    }

    /// Tells whether the link carries no stream now.
    pub fn is_idle(&self) -> bool {
        self.streams.is_alone()
    }

    /// Closes the link at once; `reason` is read by the peer.
    pub fn close(&self, code: CloseCode, reason: &str) {
        match &self.wire {
            Wire::Quic(connection) => connection.close(code.into(), reason.as_bytes()),
            Wire::Tcp(connection) => connection.close(code, reason),
        }
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

    fn of_quic(
        &self,
        connection: &Connection,
        send: quinn::SendStream,
        receive: quinn::RecvStream,
    ) -> (Sender, Receiver) {
        self.halves(Outlet::Quic(send, connection.clone()), Inlet::Quic(receive, connection.clone()))
    }

    fn of_tcp(&self, half: tcp::Half) -> (Sender, Receiver) {
        self.halves(Outlet::Tcp(half.clone()), Inlet::Tcp(half))
    }

    fn halves(&self, outlet: Outlet, inlet: Inlet) -> (Sender, Receiver) {
        let sender = Sender::new(outlet, InUse::clone(&self.streams));
        (sender, Receiver::new(inlet, InUse::clone(&self.streams)))
    }
}
