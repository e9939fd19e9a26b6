//! Signs and verifies, seals and opens with a *given* key (RFC 9052, RFC 9180); who owns a key is
//! decided elsewhere.
//!
//! Every structure passes the strict check of `wire` before it is decoded, and every header label
//! must be one that the caller knows. COSE leaves both to the application.

mod algorithms;
mod encrypt0;
mod error;
mod headers;
mod kdf;
mod kem;
mod lattice;
pub mod pieces;
mod pq;
mod seal;
mod sign1;
mod signing;
mod xwing;

pub use algorithms::{alg, label};
pub use encrypt0::{decrypt0, encrypt0};
pub use error::CoseError;
pub use headers::{Headers, Known};
pub use kdf::{constant_time_eq, hkdf_salts, hkdf32};
pub use kem::{ExportSecret, KEM_PUBLIC_LEN, KemPrivate, KemPublic};
pub use lattice::{LATTICE_CIPHERTEXT_LEN, LATTICE_PUBLIC_LEN, LatticePrivate};
pub use pq::{PQ_PUBLIC_LEN, PQ_SIGNATURE_LEN, PqSigningKey, PqVerifyingKey};
pub use seal::{Opened, OpeningKey, Recipient, Sealed, open, recipients, seal};
pub use sign1::{
    LastChecked, Payload, Sign1, Verified, attach, detach, sign1, sign1_digested, sign1_many, sign1_pq,
};
pub use signing::{SIGNATURE_LEN, SigningKey, VerifyingKey};
