//! Does a ticket resolve when, and only when, its transaction is durable?

use super::*;
use std::{
    io,
    sync::{
        MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A disk whose syncs wait while the gate is held.
#[derive(Clone, Default)]
struct GatedDisk {
    disk: MemDisk,
    gate: Arc<Mutex<()>>,
}

impl GatedDisk {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }
}

impl Disk for GatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<()> {
        self.disk.create(name)
    }
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_at(name, offset, bytes)
    }
    fn read_at(&self, name: &str, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.disk.read_at(name, offset, buf)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        self.disk.len(name)
    }
    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        self.disk.truncate(name, len)
    }
    fn sync(&self, name: &str) -> io::Result<()> {
        let _held = self.gate.lock().unwrap();
        self.disk.sync(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }
}

fn open_gated(gated: &GatedDisk) -> Store {
    let options = StoreOptions {
        free_space_floor: 0,
        ..StoreOptions::new(Arc::new(gated.clone()), IndexChoice::Memory)
    };
    Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap().0
}

#[test]
fn many_tickets_share_a_sync_and_keep_their_order() {
    let gated = GatedDisk::default();
    let store = open_gated(&gated);
    let before = gated.disk.syncs();
    let held = gated.hold();
    let tickets: Vec<_> = (0..500).map(|n| store.submit(transaction(&[(SMALL, &payload(n, 40))]))).collect();
    drop(held);
    let sequences: Vec<u64> = tickets.into_iter().map(|ticket| ticket.wait().unwrap().sequence()).collect();
    assert!(sequences.is_sorted());
    assert!(gated.disk.syncs() - before <= 2, "the first group, and all the rest");
    assert_eq!(numbers(&history(&store).unwrap()), (0..500).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_says_busy_and_loses_nothing_that_it_took() {
    let gated = GatedDisk::default();
    let store = open_gated(&gated);
    let held = gated.hold();
    let tickets: Vec<_> = (0..6000).map(|n| store.submit(transaction(&[(SMALL, &payload(n, 8))]))).collect();
    drop(held);
    let outcomes: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
    let accepted: Vec<u64> = (0..).zip(&outcomes).filter(|(_, o)| o.is_ok()).map(|(n, _)| n).collect();
    let busy = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Busy))).count();
    assert!(busy > 0 && StoreError::Busy.retryable());
    assert_eq!(accepted.len() + busy, 6000);
    assert_eq!(numbers(&history(&store).unwrap()), accepted);
}

#[test]
fn no_ticket_resolves_before_the_sync() {
    let gated = GatedDisk::default();
    let store = open_gated(&gated);
    let held = gated.hold();
    let ticket = store.submit(transaction(&[(SMALL, b"pending")]));
    let mut ticket = std::pin::pin!(ticket);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(ticket.as_mut().poll(&mut context).is_pending());
    drop(held);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(ticket).unwrap().sequence(), 1);
}

#[test]
fn each_transaction_gets_its_own_locations_and_receipts() {
    let gated = GatedDisk::default();
    let store = open_gated(&gated);
    let held = gated.hold();
    let leaf = |n: u8, receipt| Leaf { peer: "GHA".to_owned(), entry: vec![n], receipt };
    let submit = |n: u8| {
        let mut two = transaction(&[(SMALL, &[n]), (BIG, &[n, n])]);
        two.leaves = vec![leaf(n, true), leaf(n, false)];
        store.submit(two)
    };
    let tickets: Vec<_> = (0..5).map(submit).collect();
    drop(held);
    for (n, ticket) in (0..5).zip(tickets) {
        let durable = ticket.wait().unwrap().map(|()| n);
        let read: Vec<_> = durable.locations().iter().map(|at| store.read(at).unwrap()).collect();
        assert_eq!(read, [vec![n], vec![n, n]]);
        assert_eq!(durable.receipts(), [Some([b"receipt ".as_slice(), &[n]].concat()), None]);
        assert_eq!((*durable.get(), durable.into_inner()), (n, n));
    }
}

#[test]
fn the_notary_seals_each_group_once_and_its_records_are_written_with_it() {
    let (disk, notary) = (MemDisk::new(), EchoNotary::default());
    let (store, _) = Store::open(options(&disk), Box::new(notary.clone()), Box::new(ByPlace)).unwrap();
    let mut with_leaf = transaction(&[(SMALL, b"act")]);
    with_leaf.leaves.push(Leaf { peer: "CIV".to_owned(), entry: b"leaf".to_vec(), receipt: true });
    let _ = store.submit(with_leaf).wait().unwrap();
    let _ = submit(&store, 1, 8).unwrap();
    assert_eq!(notary.groups(), [1, 0]);
    assert_eq!(history(&store).unwrap(), [b"act".to_vec(), b"leaf".to_vec(), payload(1, 8)]);
}

#[test]
fn a_notary_that_cannot_sign_stops_the_store() {
    let disk = MemDisk::new();
    let notary = EchoNotary { refuse: true, ..EchoNotary::default() };
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let on_failure: OnFailure = Box::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let options = StoreOptions { on_failure: Some(on_failure), ..options(&disk) };
    let (store, _) = Store::open(options, Box::new(notary), Box::new(ByPlace)).unwrap();
    assert!(is_failed(&submit(&store, 1, 8)) && is_failed(&submit(&store, 2, 8)));
    assert!(store.failed().unwrap().to_string().contains("the log key is gone"));
    assert_eq!(told.load(Ordering::SeqCst), 1, "the owner is told once");
    assert_eq!(open(&disk).unwrap().1.position, Position::GENESIS);
}

#[test]
fn a_notary_that_panics_stops_the_store() {
    struct Panicking;
    impl Notary for Panicking {
        fn seal_group(&mut self, _: &[Leaf]) -> Result<NotarySeal, String> {
            panic!("a bug")
        }
    }
    let options = StoreOptions { mode: Mode::Thread, ..options(&MemDisk::new()) };
    let (store, _) = Store::open(options, Box::new(Panicking), Box::new(ByPlace)).unwrap();
    assert!(is_failed(&submit(&store, 1, 8)));
    assert!(is_failed(&store.close()), "close waits for the thread's end");
    assert!(store.failed().unwrap().to_string().contains("panicked"));
}

#[test]
fn a_notary_that_cannot_restore_keeps_the_store_shut() {
    struct Lost;
    impl Notary for Lost {
        fn restore(&mut self, reader: &Reader) -> Result<(), String> {
            Err(format!("{} rows are not enough", reader.scan(b"").map_err(|e| e.to_string())?.len()))
        }
        fn seal_group(&mut self, _: &[Leaf]) -> Result<NotarySeal, String> {
            Ok(NotarySeal::default())
        }
    }
    let opened = Store::open(options(&MemDisk::new()), Box::new(Lost), Box::new(ByPlace));
    let words = opened.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(words.contains("0 rows are not enough"), "{words}");
}

#[test]
fn sizes_over_the_limits_are_refused_before_anything_is_written() {
    let (store, _) = open(&MemDisk::new()).unwrap();
    let too_large = |t| matches!(store.submit(t).wait(), Err(StoreError::TooLarge { .. }));
    assert!(too_large(transaction(&[(BIG, &vec![0; (16 << 20) + 1])])));
    assert!(too_large(transaction(&vec![(SMALL, b"".as_slice()); 4097])));
    assert_eq!(submit(&store, 1, 8).unwrap().sequence(), 1);
}

#[test]
fn a_row_over_its_limit_stops_the_store_with_nothing_written() {
    struct Fat;
    impl Indexer for Fat {
        fn index(&mut self, _: &RecordRef<'_>) -> Batch {
            vec![(b"key".to_vec(), Some(vec![0; MAX_INDEX_VALUE + 1]))]
        }
        fn fork(&self) -> Box<dyn Indexer> {
            Box::new(Self)
        }
    }
    let disk = MemDisk::new();
    let notary = Box::new(EchoNotary::default());
    let (store, _) = Store::open(options(&disk), notary, Box::new(Fat)).unwrap();
    assert!(is_failed(&submit(&store, 1, 8)));
    assert_eq!(open(&disk).unwrap().1.position, Position::GENESIS);
}

#[test]
fn below_the_floor_a_write_is_refused_and_may_be_tried_again() {
    let (disk, notary) = (MemDisk::new(), EchoNotary::default());
    let options = StoreOptions { free_space_floor: 4096, ..options(&disk) };
    let (store, _) = Store::open(options, Box::new(notary.clone()), Box::new(ByPlace)).unwrap();
    let _ = submit(&store, 1, 8).unwrap();
    disk.set_capacity(Some(4000));
    let refused = submit(&store, 2, 8).unwrap_err();
    assert!(matches!(refused, StoreError::DiskFull { needed: 4104, .. }) && refused.retryable());
    assert_eq!(notary.groups().len(), 1, "no head is signed that is not written");
    assert_eq!(numbers(&history(&store).unwrap()), [1], "reads are still served");
    disk.set_capacity(None);
    assert_eq!(submit(&store, 3, 8).unwrap().sequence(), 2);
    assert_eq!(store.failed(), None);
}

#[test]
fn a_closed_store_says_so() {
    for mode in [Mode::Inline, Mode::Thread] {
        let options = StoreOptions { mode, ..options(&MemDisk::new()) };
        let (store, _) = Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap();
        let ticket = store.submit(transaction(&[(SMALL, b"last")]));
        store.close().unwrap();
        assert!(ticket.wait().is_ok(), "what was submitted before the close is committed");
        assert_eq!(store.get(b"any"), Err(StoreError::Closed));
        assert_eq!(store.close(), Err(StoreError::Closed));
        assert_eq!(store.failed(), None);
    }
}
