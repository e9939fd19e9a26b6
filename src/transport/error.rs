use crate::trust::TrustError;
use crate::wire::FrameFault;
use quinn::{ConnectError, ConnectionError, VarInt};
use std::{io, net::SocketAddr};

/// The longest reason that is kept of a peer's words, in characters.
pub(super) const MAX_REASON: usize = 200;
/// What the TLS library writes before the words of the peer's certificate check.
const TLS_LIBRARY_WORDS: &str = "other error: ";

/// Tells the peer why a link or a stream was closed (RFC 9000 §20.2, application error codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum CloseCode {
    /// Nothing is left to say.
    Done = 0,
    /// The gateway is shutting down; come back later.
    GoingAway = 1,
    /// A frame on this stream could not be read; the link lives on.
    BadFrame = 2,
    /// The peer made no progress in the middle of a frame.
    Stalled = 3,
    /// The peer's certificate does not hold any longer.
    Distrusted = 4,
}

/// Says why something did not go through; `Display` has the words for our own log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// A socket could not be opened.
    #[error("cannot listen: {0}")]
    CannotListen(String),
    /// Our own gateway certificate and key are of no use.
    #[error("our own gateway identity cannot be used: {0}")]
    Identity(String),
    /// No connection can be tried to this address.
    #[error("cannot connect to {address}: {why}")]
    CannotConnect {
        /// The address that was tried.
        address: SocketAddr,
        /// What is wrong with it.
        why: String,
    },
    /// We refused the peer's certificate.
    #[error("we refused the peer's certificate: {0}")]
    Distrusted(#[from] TrustError),
    /// The peer's TLS refused us; the reason is in its words.
    #[error("the peer refused us: {reason}")]
    RefusedByPeer {
        /// The peer's words, with control characters removed.
        reason: String,
    },
    /// The peer takes no more connections now.
    #[error("the peer is busy and takes no more connections now")]
    PeerBusy,
    /// The handshake failed on our side for another cause than the peer's certificate.
    #[error("the handshake or the protocol failed: {0}")]
    Protocol(String),
    /// The handshake did not end in time.
    #[error("the handshake did not end in time")]
    HandshakeTimeout,
    /// The peer is reached neither by QUIC nor by TLS over TCP.
    #[error("by QUIC: {quic}; by TLS over TCP: {tcp}")]
    NoRoad {
        /// Why not by QUIC.
        quic: Box<TransportError>,
        /// Why not by TCP.
        tcp: Box<TransportError>,
    },
    /// Nothing was heard from the peer for too long.
    #[error("nothing was heard from the peer for too long")]
    Lost,
    /// The peer closed the link in good order.
    #[error("the peer closed the link: {}{reason}", close_words(*code))]
    ClosedByPeer {
        /// Why; absent if the code is none of ours.
        code: Option<CloseCode>,
        /// The peer's words, with control characters removed.
        reason: String,
    },
    /// We closed the link or the road.
    #[error("the link was closed here")]
    ClosedHere,
    /// The peer gave up this stream; the link lives on.
    #[error("the peer gave up the stream: {}", close_words(*code))]
    StreamRefused {
        /// Why; absent if the code is none of ours.
        code: Option<CloseCode>,
    },
    /// The stream was used after its end, or after a sending was broken off within a frame.
    #[error("the stream has already ended")]
    StreamEnded,
    /// The stream ended within a frame.
    #[error("the stream ended within a frame")]
    Truncated,
    /// The peer made no progress within a frame.
    #[error("the peer made no progress within a frame")]
    Stalled,
    /// The header of a frame was refused.
    #[error("a frame was refused: {0}")]
    BadFrame(#[from] FrameFault),
}

impl CloseCode {
    /// Every code.
    pub const ALL: [Self; 5] = [Self::Done, Self::GoingAway, Self::BadFrame, Self::Stalled, Self::Distrusted];

    /// Returns words for a person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::GoingAway => "shutting down",
            Self::BadFrame => "a frame could not be read",
            Self::Stalled => "no progress within a frame",
            Self::Distrusted => "the certificate does not hold any longer",
        }
    }

    pub(super) fn from_wire(code: VarInt) -> Option<Self> {
        Self::ALL.into_iter().find(|c| VarInt::from(*c) == code)
    }

    /// Reads the code as one byte, as it travels over TCP.
    pub(super) fn from_byte(code: u8) -> Option<Self> {
        Self::from_wire(VarInt::from(code))
    }
}

impl From<CloseCode> for VarInt {
    fn from(code: CloseCode) -> Self {
        Self::from_u32(code as u32)
    }
}

impl TransportError {
    /// Returns the stable name of the cause, for logs, counters and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CannotListen(_) => "cannot-listen",
            Self::Identity(_) => "bad-identity",
            Self::CannotConnect { .. } => "cannot-connect",
            Self::Distrusted(cause) => cause.code(),
            Self::RefusedByPeer { .. } => "refused-by-peer",
            Self::PeerBusy => "peer-busy",
            Self::Protocol(_) => "protocol",
            Self::HandshakeTimeout => "handshake-timeout",
            Self::NoRoad { .. } => "no-road",
            Self::Lost => "lost",
            Self::ClosedByPeer { .. } => "closed-by-peer",
            Self::ClosedHere => "closed-here",
            Self::StreamRefused { .. } => "stream-refused",
            Self::StreamEnded => "stream-ended",
            Self::Truncated => "truncated",
            Self::Stalled => "stalled",
            Self::BadFrame(fault) => fault.code(),
        }
    }

    /// Tells whether somebody has judged a certificate, or we ended it: another road changes nothing.
    pub(super) const fn is_verdict(&self) -> bool {
        match self {
            Self::Distrusted(_) | Self::RefusedByPeer { .. } | Self::Identity(_) | Self::ClosedHere => true,
            Self::CannotListen(_)
            | Self::CannotConnect { .. }
            | Self::PeerBusy
            | Self::Protocol(_)
            | Self::HandshakeTimeout
            | Self::NoRoad { .. }
            | Self::Lost
            | Self::ClosedByPeer { .. }
            | Self::StreamRefused { .. }
            | Self::StreamEnded
            | Self::Truncated
            | Self::Stalled
            | Self::BadFrame(_) => false,
        }
    }

    pub(super) fn cannot_listen(error: &io::Error) -> Self {
        Self::CannotListen(error.to_string())
    }

    pub(super) fn cannot_connect(address: SocketAddr, error: &ConnectError) -> Self {
        match error {
            ConnectError::EndpointStopping => Self::ClosedHere,
            ConnectError::CidsExhausted
            | ConnectError::InvalidServerName(_)
            | ConnectError::InvalidRemoteAddress(_)
            | ConnectError::NoDefaultClientConfig
            | ConnectError::UnsupportedVersion => Self::CannotConnect { address, why: error.to_string() },
        }
    }
}

/// Names why a connection ended; a code in 0x100 to 0x1ff is a TLS alert (RFC 9001 §4.8).
impl From<ConnectionError> for TransportError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ConnectionClosed(close) => {
                let code = u64::from(close.error_code);
                if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED {
                    Self::PeerBusy
                } else if (0x100..0x200).contains(&code) {
                    let reason = printable(&close.reason);
                    let words = reason.strip_prefix(TLS_LIBRARY_WORDS).unwrap_or(&reason);
                    Self::RefusedByPeer { reason: words.to_owned() }
                } else {
                    Self::RefusedByPeer { reason: printable(close.to_string().as_bytes()) }
                }
            }
            ConnectionError::ApplicationClosed(close) => Self::ClosedByPeer {
                code: CloseCode::from_wire(close.error_code),
                reason: printable(&close.reason),
            },
            ConnectionError::TransportError(cause) => Self::Protocol(cause.to_string()),
            ConnectionError::VersionMismatch => {
                Self::Protocol("the peer speaks no version of QUIC that we do".to_owned())
            }
            ConnectionError::CidsExhausted => Self::Protocol("connection ids are exhausted".to_owned()),
            ConnectionError::Reset | ConnectionError::TimedOut => Self::Lost,
            ConnectionError::LocallyClosed => Self::ClosedHere,
        }
    }
}

/// Keeps what can be printed of a peer's words: they end in our log.
pub(super) fn printable(words: &[u8]) -> String {
    String::from_utf8_lossy(words).chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

fn close_words(code: Option<CloseCode>) -> &'static str {
    code.map_or("for a reason that we do not know; ", CloseCode::words)
}
