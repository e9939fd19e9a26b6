//! Carries opaque sealed bytes between gateways over QUIC (RFC 9000) with mutual TLS 1.3, and checks
//! who the peer is; it knows nothing of acts, cases or envelopes.

mod error;
mod frame_io;
mod kx;
mod link;
mod quic;
mod tls;

pub use error::{CloseCode, TransportError};
pub use frame_io::{Receiver, Sender};
pub use link::{Link, LinkStats};
pub use quic::Road;
pub use tls::{PeerCheck, TlsIdentity};

#[cfg(test)]
mod tests;
