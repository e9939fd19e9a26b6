//! What the fuzz targets share: three States whose keys everyone has, and the signing of anything.

#![allow(clippy::unwrap_used, reason = "the federation's file is ours")]

#[allow(dead_code, reason = "the vectors make what is only read here")]
#[path = "../../tests/protocol/federation.rs"]
pub mod federation;
#[path = "../../tests/protocol/hex.rs"]
pub mod hex;

use ciborium::Value;
use federation::Federation;
use std::sync::LazyLock;
use valise::cose::SigningKey;
use valise::envelope::KeyRing;
use valise::trust::Directory;
use valise::wire::{Limits, decode, encode_value};

/// The federation of `docs/vectors`, seen from its three parties.
pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let federation: Federation =
        serde_json::from_str(include_str!("../../docs/vectors/federation.json")).unwrap();
    World {
        xaa: (federation.ring("XAA"), federation.directory("XAA")),
        xbb: (federation.ring("XBB"), federation.directory("XBB")),
        federation,
    }
});

/// The keys and the knowledge of two parties that write to each other.
pub struct World {
    /// All parties, and the instant at which everything is judged.
    pub federation: Federation,
    /// The sender of envelopes.
    pub xaa: (KeyRing, Directory),
    /// Their recipient, who sends receipts and rejections.
    pub xbb: (KeyRing, Directory),
}

/// Signs a COSE_Sign1 anew over whatever its protected bucket and payload are (RFC 9052 §4.4), so that
/// what lies behind a signature is reached too; gives nothing if the bytes are no array of four.
pub fn resigned(bytes: &[u8], key: &SigningKey) -> Option<Vec<u8>> {
    let parts: Value = decode(bytes, &Limits::ENVELOPE).ok()?;
    let [protected, unprotected, payload, _] = <[Value; 4]>::try_from(parts.into_array().ok()?).ok()?;
    let signed = vec!["Signature1".into(), protected.clone(), Value::Bytes(vec![]), payload.clone()];
    let signature = key.sign(&encode_value(&Value::Array(signed)).ok()?).to_vec();
    encode_value(&Value::Array(vec![protected, unprotected, payload, Value::Bytes(signature)])).ok()
}
