//! The first byte from outside is parsed here: frames, strict deterministic CBOR (RFC 8949 §4.2),
//! padding, and every limit on a size, a depth or a count.
//!
//! Whatever passes [`check`] has exactly one encoding, so that received bytes can be stored, hashed
//! and compared as they are. Nothing is allocated before a limit has been looked at.

mod bag;
mod bounds;
mod doc;
mod error;
mod frame;
mod order;
mod pad;
mod strict;

pub use bag::{Bag, BagCause, BagFault};
pub use bounds::{Limits, MAX_DEPTH, MAX_HPKE_INFO, MAX_RECIPIENTS};
pub use doc::{
    array, byte_string, byte_strings, decode, decode_value, encode, encode_value, from_value, keep_end,
    lend_byte_strings, members, read_back, text_string, to_value,
};
pub use error::WireError;
pub use frame::{FRAME_VERSION, FrameFault, FrameHeader, FrameKind, HEADER_LEN};
pub use pad::{pad, padme_len, unpad};
pub use strict::{Entries, Fault, FaultKind, Members, Parts, check, count, parts, text};
