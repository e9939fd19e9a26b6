//! Carries opaque sealed bytes between gateways over mutual TLS 1.3, by QUIC (RFC 9000) or by TCP, and
//! checks who the peer is; it knows nothing of acts, cases or envelopes.

mod error;
mod frame_io;
mod kx;
mod link;
mod quic;
mod road;
mod tcp;
mod tls;

pub use error::{CloseCode, TransportError};
pub use frame_io::{Receiver, Sender};
pub use link::{Link, RoadKind};
pub use road::{Listen, Place, Road};
pub use tls::{PeerCheck, TlsIdentity};

#[cfg(test)]
mod tests;
