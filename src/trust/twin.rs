use crate::cose::PqVerifyingKey;
use crate::model::Digest;

/// Computes by what a directory lists the ML-DSA-65 twin of a log key (DESIGN §6): SHA-256 of its 1,952 bytes.
pub fn twin_digest(key: &PqVerifyingKey) -> Digest {
    Digest::of(&[key.as_bytes()])
}
