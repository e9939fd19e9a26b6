use super::{Fault, FrameFault};
use crate::model::Sensitive;

/// Says why bytes were refused at the wire, or why a value has no wire form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not deterministic CBOR within their limits (RFC 8949 §4.2).
    #[error("not deterministic CBOR: {0}")]
    Cbor(#[from] Fault),
    /// The frame header was refused.
    #[error("bad frame: {0}")]
    Frame(#[from] FrameFault),
    /// The bytes are sound CBOR but do not describe the type that was asked for.
    #[error("the content is no {expected}")]
    Shape {
        /// The type that was asked for.
        expected: &'static str,
        /// What did not fit; it may quote a received value, hence hidden from logs (ISACS 8.4 a).
        detail: Sensitive<String>,
    },
    /// The padding is not the one that Padmé prescribes.
    #[error("bad padding: {0}")]
    Padding(&'static str),
    /// The value has no deterministic encoding; a defect of ours, never of a peer.
    #[error("cannot be encoded: {0}")]
    Encode(&'static str),
}

impl WireError {
    /// Returns the stable code that goes into a rejection.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cbor(_) => "not-deterministic-cbor",
            Self::Frame(fault) => fault.code(),
            Self::Shape { .. } => "unexpected-content",
            Self::Padding(_) => "bad-padding",
            Self::Encode(_) => "internal",
        }
    }

    /// Returns words that may be told to the peer; they never quote a value.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::Cbor(fault) => fault.kind.words(),
            Self::Frame(fault) => fault.words_for_peer(),
            Self::Shape { .. } => "the content is not what this message must contain",
            Self::Padding(words) | Self::Encode(words) => words,
        }
    }
}
