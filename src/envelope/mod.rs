//! Composes and takes apart what travels: statement, seal, route (DESIGN §5), and what answers it.
//!
//! Three layers, S/MIME's triple wrapping made strict: the *statement* is signed by the party's seal
//! key; the *seal* encrypts it to the addressed party's prekey; the *route* is signed by the
//! gateway's log key and is all that a relay can read. Which key serves which message is chosen in
//! `keys` and nowhere else.

mod answer;
mod attachment;
mod content;
mod elements;
mod errand;
mod error;
mod keys;
mod mandate;
mod packed;
mod recovery;
mod route;
mod statement;
mod word;

pub use answer::{Receipts, Reject, SealedReceipt, open_receipt, seal_receipt};
pub use attachment::{Want, open_piece, route_piece};
pub use content::{Content, Opened, Outgoing, compose, open, read_route, seal_packed, sealed_under};
pub use elements::{Cut, Disclosure, SaltSeed, join, label_digest, split};
pub use errand::{open_errand, route_errand};
pub use error::EnvelopeError;
pub use keys::KeyRing;
pub use mandate::{CarriedMandate, accept_mandate, complete_mandate, document_of, grant_mandate};
pub use packed::Packed;
pub use recovery::{
    GivenBack, MAX_FETCHED, MAX_LISTED, OfferedPrekey, ProvedGivenBack, RecoveryList, RecoveryQuestion,
    RecoveryWants,
};
pub use route::{Lane, Route};
pub use statement::{ClaimedStatement, Heads, ShownStatement, Signed, Statement, StatementDraft};
pub use word::GatewayWord;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
