//! Wiring only: it reads the clock, calls the rooms in their order, and carries bytes between them.
//!
//! Outgoing: an officer's command, `case::decide`, sign and seal, one commit, and only then the courier.
//! Incoming: the wire, `envelope::open`, `case::decide`, one commit, and only then the receipt.

mod clock;
mod content;
mod counters;
mod courier;
mod desk;
mod entropy;
mod error;
mod gateway;
mod init;
mod intake;
mod keys;
mod office;
mod retry;
mod serve;
mod socket;
mod telemetry;
mod views;

pub use error::NodeError;
pub use init::{InitOptions, init};
pub use serve::serve;
