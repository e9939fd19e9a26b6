use crate::model::Party;
use crate::node::courier::Courier;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The ways out to all peers; one can be added while the gateway runs.
#[derive(Default)]
pub struct Couriers(RwLock<BTreeMap<Party, Arc<Courier>>>);

impl Couriers {
    /// Returns the way to a peer.
    pub fn get(&self, peer: &Party) -> Option<Arc<Courier>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(peer).map(Arc::clone)
    }

    /// Lists all ways in the order of their peers.
    pub fn all(&self) -> Vec<Arc<Courier>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    /// Adds a way; one that is there already stays.
    pub fn add(&self, courier: Courier) -> Arc<Courier> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(courier.peer.clone()).or_insert_with(|| Arc::new(courier)))
    }
}
