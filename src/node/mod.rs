//! Wiring only: it reads the clock, calls the rooms in their order, and carries bytes between them.
//!
//! Outgoing: an officer's command, `case::decide`, sign and seal, one commit, and only then the courier.
//! Incoming: the wire, `envelope::open`, `case::decide`, one commit, and only then the receipt.

mod attachments;
mod audit;
mod backup;
mod board;
mod citations;
mod clock;
mod content;
mod counters;
mod courier;
mod couriers;
mod desk;
mod doctor;
mod entropy;
mod epochs;
mod error;
mod evidence;
mod gateway;
mod generations;
mod gossip;
mod init;
mod intake;
pub mod joining;
mod keys;
mod live;
mod machine;
mod mailbox;
mod mandates;
mod mark;
mod office;
mod parts;
mod prekeys;
mod recovery;
mod relay;
mod renewal;
mod reseal;
mod retry;
mod rotation;
mod serve;
mod sheet;
mod socket;
mod station;
mod telemetry;
mod views;

pub use backup::{BackupOptions, RestoreOptions, backup, restore};
pub use doctor::doctor;
pub use error::NodeError;
pub use gateway::{Doorkeeper, Gateway, Post};
pub use init::{InitOptions, Serves, init};
pub use live::Live;
pub use machine::{Machine, Platform, Resolving};
pub use parts::Parts;
pub use prekeys::PrekeyKeeper;
pub use relay::{RelayParts, RelayPost, RelayStation, init as relay_init, serve as relay_serve};
pub use renewal::{Renewal, Renewing};
pub use rotation::{Order, rotate_stopped};
pub use serve::serve;
pub use station::Station;
