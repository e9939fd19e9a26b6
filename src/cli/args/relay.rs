use crate::config::RelayDraft;
use crate::model::Party;
use clap::{Args as ClapArgs, Subcommand};
use std::net::SocketAddr;

/// `relay …`
#[derive(Clone, Debug, Subcommand)]
pub enum RelayVerb {
    /// Make keys, certificates, settings and the public parts for a federation.
    Init(RelayInitial),
    /// Run the relay until it is told to stop.
    Serve,
    /// Show what waits, and for whom.
    Status,
}

/// What `relay init` starts from.
#[derive(Clone, Debug, ClapArgs)]
pub struct RelayInitial {
    /// For whom the relay speaks, such as org:relay-west; never a party that has a gateway.
    #[arg(long)]
    pub party: Party,
    /// The UDP address on which it listens.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:4620")]
    pub listen: SocketAddr,
    /// Make a demo relay, which may be told to keep parcels for seconds only.
    #[arg(long)]
    pub demo: bool,
}

impl RelayInitial {
    /// Returns what the new relay's settings start from.
    pub fn draft(&self) -> RelayDraft {
        RelayDraft { party: self.party.clone(), listen: self.listen, demo: self.demo }
    }
}
