use crate::case::{Case, Event};
use crate::model::{CaseId, Digest, MessageId, Party};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// All cases of this node in memory. What stands here is durable: a case changes only after its commit.
#[derive(Default)]
pub struct Desk {
    slots: Mutex<BTreeMap<CaseId, Arc<Slot>>>,
    acts: Mutex<BTreeMap<(Party, MessageId), Digest>>,
    numbers: Mutex<BTreeMap<u16, u32>>,
}

/// One case. Whoever decides about it holds `turn` from the decision to the commit; readers never wait.
#[derive(Default)]
pub struct Slot {
    /// The right to decide about the case.
    pub turn: tokio::sync::Mutex<()>,
    case: RwLock<Case>,
}

impl Desk {
    /// Lays out the cases that the store holds.
    pub fn new(cases: BTreeMap<CaseId, Case>, me: &Party) -> Self {
        let desk = Self::default();
        for (id, case) in cases {
            if id.minted_by(me) {
                let mut numbers = lock(&desk.numbers);
                let newest = numbers.entry(id.year()).or_default();
                *newest = id.number().max(*newest);
            }
            for header in case.acts().map(|record| &record.facts.header) {
                lock(&desk.acts).insert((header.issuer.clone(), header.message_id), header.digest);
            }
            let slot = Slot { case: RwLock::new(case), ..Slot::default() };
            lock(&desk.slots).insert(id, Arc::new(slot));
        }
        desk
    }

    /// Returns the slot of a case, an empty one if the case is new.
    pub fn slot(&self, id: &CaseId) -> Arc<Slot> {
        Arc::clone(lock(&self.slots).entry(id.clone()).or_default())
    }

    /// Returns the slot of a case that was opened.
    pub fn known(&self, id: &CaseId) -> Option<Arc<Slot>> {
        lock(&self.slots).get(id).filter(|slot| slot.read().opening().is_some()).map(Arc::clone)
    }

    /// Lists all cases that were opened.
    pub fn all(&self) -> Vec<Arc<Slot>> {
        lock(&self.slots).values().filter(|slot| slot.read().opening().is_some()).map(Arc::clone).collect()
    }

    /// Mints the next case number of a year.
    pub fn mint(&self, me: &Party, year: u16) -> CaseId {
        let mut numbers = lock(&self.numbers);
        let newest = numbers.entry(year).or_default();
        *newest += 1;
        CaseId::mint(me, year, *newest)
    }

    /// Gives a number back whose case was refused before anything was written; a newer one keeps it.
    pub fn unmint(&self, id: &CaseId) {
        let mut numbers = lock(&self.numbers);
        if let Some(newest) = numbers.get_mut(&id.year()).filter(|newest| **newest == id.number()) {
            *newest -= 1;
        }
    }

    /// Claims an act's identity; returns the digest that holds it already, if another does (DESIGN §12.12).
    pub fn claim(&self, issuer: &Party, id: MessageId, digest: Digest) -> Option<Digest> {
        let held = *lock(&self.acts).entry((issuer.clone(), id)).or_insert(digest);
        (held != digest).then_some(held)
    }

    /// Gives a claim back when the act was not committed.
    pub fn release(&self, issuer: &Party, id: MessageId, digest: Digest) {
        let mut acts = lock(&self.acts);
        if acts.get(&(issuer.clone(), id)) == Some(&digest) {
            acts.remove(&(issuer.clone(), id));
        }
    }
}

impl Slot {
    /// Reads the case.
    pub fn read(&self) -> RwLockReadGuard<'_, Case> {
        self.case.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds committed events.
    pub fn apply(&self, events: &[Event]) {
        let mut case = self.case.write().unwrap_or_else(PoisonError::into_inner);
        events.iter().for_each(|event| case.apply(event));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
