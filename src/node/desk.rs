use crate::case;
use crate::case::{Case, Event};
use crate::model::{CaseId, Digest, MessageId, Party};
use crate::store::{Ledger, StoreError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// How many cases at rest are kept in memory for the next look.
const SPARE: usize = 512;

/// The cases of this node. Those in which something waits for somebody are in memory, the others are read
/// when they are asked for. What stands here is durable: a case changes only after its commit.
pub struct Desk {
    ledger: Ledger,
    drawer: Mutex<Drawer>,
    claims: Mutex<BTreeMap<(Party, MessageId), Digest>>,
    numbers: Mutex<BTreeMap<u16, u32>>,
    changes: AtomicU64,
}

/// The cases in memory; `spare` names those that may go again, the ones least lately touched first.
#[derive(Default)]
struct Drawer {
    slots: BTreeMap<CaseId, Arc<Slot>>,
    spare: VecDeque<CaseId>,
}

/// One case. Whoever decides about it holds `turn` from the decision to the commit; readers never wait.
#[derive(Default)]
pub struct Slot {
    /// The right to decide about the case.
    pub turn: tokio::sync::Mutex<()>,
    case: RwLock<Case>,
}

impl Desk {
    /// Lays out the cases in which something waits.
    ///
    /// # Errors
    /// What the store says if a case cannot be read; so for all that follow.
    pub fn new(ledger: Ledger) -> Result<Self, StoreError> {
        let active = ledger.active_cases()?;
        let desk = Self {
            ledger,
            drawer: Mutex::default(),
            claims: Mutex::default(),
            numbers: Mutex::default(),
            changes: AtomicU64::new(0),
        };
        for id in active {
            let case = desk.ledger.case(&id)?.unwrap_or_default();
            lock(&desk.drawer).slots.insert(id, Arc::new(Slot::holding(case)));
        }
        Ok(desk)
    }

    /// Returns the slot of a case, an empty one if the case is new.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn slot(&self, id: &CaseId) -> Result<Arc<Slot>, StoreError> {
        let mut drawer = lock(&self.drawer);
        if let Some(slot) = drawer.slots.get(id) {
            return Ok(Arc::clone(slot));
        }
        let slot = Arc::new(Slot::holding(self.ledger.case(id)?.unwrap_or_default()));
        drawer.slots.insert(id.clone(), Arc::clone(&slot));
        drawer.spare(id);
        Ok(slot)
    }

    /// Returns the slot of a number that was minted just now, of which the store holds nothing.
    pub fn fresh(&self, id: &CaseId) -> Arc<Slot> {
        let mut drawer = lock(&self.drawer);
        let slot = Arc::clone(drawer.slots.entry(id.clone()).or_default());
        drawer.spare(id);
        slot
    }

    /// Returns the slot of a case that was opened.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn known(&self, id: &CaseId) -> Result<Option<Arc<Slot>>, StoreError> {
        if let Some(slot) = lock(&self.drawer).slots.get(id) {
            return Ok(slot.is_opened().then(|| Arc::clone(slot)));
        }
        // A number that nobody has opened takes no place.
        if !self.ledger.is_opened(id)? {
            return Ok(None);
        }
        Ok(Some(self.slot(id)?).filter(|slot| slot.is_opened()))
    }

    /// Lists the cases in which something waits for somebody, and a few others.
    pub fn active(&self) -> Vec<Arc<Slot>> {
        lock(&self.drawer).slots.values().filter(|slot| slot.is_opened()).map(Arc::clone).collect()
    }

    /// Lists a page of all cases, by minter, year and number.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn page(&self, after: Option<&CaseId>, limit: usize) -> Result<Vec<Arc<Slot>>, StoreError> {
        self.all(self.ledger.cases(after, limit)?)
    }

    /// Lists the cases in which a release was permitted or denied.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn with_releases(&self) -> Result<Vec<Arc<Slot>>, StoreError> {
        self.all(self.ledger.cases_with_releases()?)
    }

    /// Notes that a case has changed.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the changes of all cases since the start.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Lets a case go from memory when room is needed: nothing in it waits.
    pub fn rest(&self, id: &CaseId) {
        lock(&self.drawer).spare(id);
    }

    /// Mints the next case number of a year.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn mint(&self, me: &Party, year: u16) -> Result<CaseId, StoreError> {
        let mut numbers = lock(&self.numbers);
        let newest = match numbers.get(&year) {
            Some(newest) => *newest,
            None => self.ledger.newest_number(me, year)?.unwrap_or(0),
        };
        numbers.insert(year, newest + 1);
        Ok(CaseId::mint(me, year, newest + 1))
    }

    /// Gives a number back whose case was refused before anything was written; a newer one keeps it.
    pub fn unmint(&self, id: &CaseId) {
        let mut numbers = lock(&self.numbers);
        if let Some(newest) = numbers.get_mut(&id.year()).filter(|newest| **newest == id.number()) {
            *newest -= 1;
        }
    }

    /// Claims an act's identity until its commit; returns the digest that holds it already, if another
    /// does (DESIGN §12.12).
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn claim(&self, issuer: &Party, id: MessageId, digest: Digest) -> Result<Option<Digest>, StoreError> {
        let mut claims = lock(&self.claims);
        let held = match claims.get(&(issuer.clone(), id)) {
            Some(held) => Some(*held),
            None => self.ledger.identity(issuer, &id)?,
        };
        if held.is_none() {
            claims.insert((issuer.clone(), id), digest);
        }
        Ok(held.filter(|held| *held != digest))
    }

    /// Ends a claim: what was committed is found in the store from now on.
    pub fn release(&self, issuer: &Party, id: MessageId, digest: Digest) {
        let mut claims = lock(&self.claims);
        if claims.get(&(issuer.clone(), id)) == Some(&digest) {
            claims.remove(&(issuer.clone(), id));
        }
    }

    fn all(&self, ids: Vec<CaseId>) -> Result<Vec<Arc<Slot>>, StoreError> {
        ids.iter().filter_map(|id| self.known(id).transpose()).collect()
    }
}

impl Drawer {
    /// Notes that a case may go, and lets go of the first ones that nobody holds.
    fn spare(&mut self, id: &CaseId) {
        self.spare.push_back(id.clone());
        let over = self.spare.len().saturating_sub(SPARE);
        for id in self.spare.drain(..over).collect::<Vec<_>>() {
            let Some(slot) = self.slots.get(&id) else { continue };
            if Arc::strong_count(slot) > 1 {
                self.spare.push_back(id);
            } else if !slot.is_opened() || case::is_at_rest(&slot.read()) {
                self.slots.remove(&id);
            }
        }
    }
}

impl Slot {
    fn holding(case: Case) -> Self {
        Self { case: RwLock::new(case), ..Self::default() }
    }

    fn is_opened(&self) -> bool {
        self.read().opening().is_some()
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{ActFacts, ActHeader, ActRecord, Direction, Opening, Role};
    use crate::cose::SigningKey;
    use crate::evidence::LogBook;
    use crate::model::{Act, Entropy, Timestamp, Withdrawal};
    use crate::store::{Change, IndexChoice, MemDisk, Mode, StoreOptions};
    use crate::vault::BodyKey;
    use zeroize::Zeroizing;

    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&mut self, buf: &mut [u8]) {
            buf.fill(0);
        }
    }

    fn party(code: &str) -> Party {
        code.parse().unwrap()
    }

    fn id(number: u32) -> CaseId {
        CaseId::mint(&party("XAA"), 2026, number)
    }

    fn digest(number: u32) -> Digest {
        Digest::of(&[&number.to_be_bytes()])
    }

    fn message(number: u32) -> MessageId {
        MessageId(u128::from(number).to_be_bytes())
    }

    fn ledger(disk: &MemDisk) -> Ledger {
        let mut options = StoreOptions::new(Arc::new(disk.clone()), IndexChoice::Memory);
        options.mode = Mode::Inline;
        let logs =
            LogBook::new(party("XAA"), (SigningKey::from_seed(&[1; 32]), Digest([1; 32])), Box::new(Zeros));
        Ledger::open(options, logs, BodyKey::new(Zeroizing::new([2; 32]))).unwrap().0
    }

    /// Commits a case of one act, at rest or not.
    fn put(ledger: &Ledger, number: u32, rests: bool) {
        let (case, me, peer) = (id(number), party("XAA"), party("XBB"));
        let act = Act::Withdrawal(Withdrawal { request: digest(0), reason: "no need".to_owned().into() });
        let header = ActHeader {
            digest: digest(number),
            issuer: me.clone(),
            message_id: message(number),
            parents: Vec::new(),
            exercise: false,
            on_behalf_of: None,
        };
        let facts = ActFacts::of(&act, header);
        let mut change = Change::default();
        let opening = Opening { case: case.clone(), me, peer, role: Role::Requester, behalf: None };
        change.event(&case, Event::Opened(opening)).unwrap();
        let record = ActRecord { facts, direction: Direction::Sent, at: Timestamp::EPOCH, beyond: None };
        change.event(&case, Event::ActRecorded(record)).unwrap();
        if rests {
            change.at_rest(&case).unwrap();
        }
        ledger.commit(change).wait().unwrap().into_inner();
    }

    fn names(slots: &[Arc<Slot>]) -> Vec<CaseId> {
        slots.iter().map(|slot| slot.read().opening().unwrap().case.clone()).collect()
    }

    #[test]
    fn cases_at_rest_are_read_when_asked_for_and_all_are_listed_in_pages() {
        let disk = MemDisk::new();
        let store = ledger(&disk);
        (1..=9).for_each(|number| put(&store, number, number != 4));
        drop(store);
        let desk = Desk::new(ledger(&disk)).unwrap();
        assert_eq!(names(&desk.active()), [id(4)], "only what waits is in memory");
        assert_eq!(names(&desk.page(None, 3).unwrap()), [id(1), id(2), id(3)]);
        assert_eq!(names(&desk.page(Some(&id(8)), 3).unwrap()), [id(9)]);
        assert!(desk.page(Some(&id(9)), 3).unwrap().is_empty());
        assert!(desk.known(&id(77)).unwrap().is_none());
        assert_eq!(desk.mint(&party("XAA"), 2026).unwrap(), id(10));
        assert_eq!(desk.mint(&party("XAA"), 2027).unwrap(), CaseId::mint(&party("XAA"), 2027, 1));
        let (xaa, other) = (party("XAA"), Digest([9; 32]));
        assert_eq!(desk.claim(&xaa, message(1), digest(1)).unwrap(), None, "the same act again");
        assert_eq!(desk.claim(&xaa, message(1), other).unwrap(), Some(digest(1)));
        assert_eq!(desk.claim(&party("XBB"), message(1), other).unwrap(), None);
    }

    #[test]
    fn an_event_wakes_a_case_that_was_at_rest() {
        let disk = MemDisk::new();
        let store = ledger(&disk);
        put(&store, 1, true);
        assert_eq!(store.active_cases().unwrap(), []);
        put(&store, 1, false);
        assert_eq!(store.active_cases().unwrap(), [id(1)]);
        assert_eq!(ledger(&disk).active_cases().unwrap(), [id(1)], "a rebuilt index says the same");
    }

    #[test]
    fn nobody_decides_about_a_case_twice_at_once_though_memory_is_short() {
        let disk = MemDisk::new();
        let desk = Desk::new(ledger(&disk)).unwrap();
        let held = desk.slot(&id(1)).unwrap();
        (2..3000).for_each(|number| drop(desk.slot(&id(number)).unwrap()));
        assert!(Arc::ptr_eq(&held, &desk.slot(&id(1)).unwrap()), "a case that is held stays");
        assert!(lock(&desk.drawer).slots.len() <= SPARE + 1);
    }
}
