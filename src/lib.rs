//! Valise: the gateway that a national point of contact runs to trace illicit small arms with
//! other States under ISACS 05.31.
//!
//! The rooms are listed ground floor first; a room imports only from rooms above it in this list
//! (`ARCHITECTURE.md` draws the house, `tests/layers.rs` guards it).

pub mod case;
pub mod cose;
pub mod envelope;
pub mod evidence;
pub mod model;
pub mod relay;
pub mod report;
pub mod rules;
pub mod trust;
pub mod vault;
pub mod wire;

#[cfg(feature = "gateway")]
pub mod cli;
#[cfg(feature = "gateway")]
pub mod config;
#[cfg(feature = "gateway")]
pub mod control;
#[cfg(feature = "gateway")]
pub mod demo;
#[cfg(feature = "gateway")]
pub mod node;
#[cfg(feature = "gateway")]
pub mod offline;
#[cfg(feature = "gateway")]
pub mod store;
#[cfg(feature = "gateway")]
pub mod transport;
