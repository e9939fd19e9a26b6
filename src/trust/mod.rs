//! Whose key speaks for which party, and when (DESIGN §6): certificates, and the directory of parties.
//!
//! A root speaks only for its own party: a certificate's one DNS name tells which party it claims, and
//! only that party's root may vouch for it. What a part says is checked once, when it is parsed; what
//! depends on time is asked for at each use, so that a node which runs for months refuses what has
//! expired since, and old evidence is still judged by its own time.

mod directory;
mod entry;
mod error;
pub mod federation;
pub mod issue;
mod keys;
mod mandate;
mod path;
mod prekey;
mod profile;
mod twin;
mod validity;

pub use directory::{Directory, Freshness};
pub use entry::{CertifiedKey, PartyEntry};
pub use error::{Role, TrustError};
pub use keys::pkcs8;
pub use mandate::{ActOnBehalf, MandateDocument, MandateError, VerifiedMandate, covers};
pub use path::Usage;
pub use prekey::{Prekey, PrekeyId, SignedPrekey};
pub use profile::{certificate_from_pem, thumbprint, validity as certificate_validity};
pub use twin::twin_digest;
pub use validity::Validity;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod mandate_tests;
#[cfg(test)]
mod tests;
