//! Is the index always what the journal says, whatever happened to its files?

use super::*;
use crate::model::Digest;
use std::{fs, path::Path};

fn open_at(root: &Path) -> (Store, OpenReport) {
    let disk = Arc::new(RealDisk::open(root).unwrap());
    let options =
        StoreOptions { segment_bytes: 4096, free_space_floor: 0, ..StoreOptions::new(disk, sled(root)) };
    Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap()
}

fn sled(root: &Path) -> IndexChoice {
    IndexChoice::Sled(root.join("index"))
}

fn rebuilt(report: &OpenReport) -> bool {
    matches!(report.index, IndexReport::Rebuilt { in_memory: false, .. })
}

#[test]
fn an_orderly_close_keeps_the_index_each_time() {
    let root = tempfile::tempdir().unwrap();
    for n in 0..12 {
        let (store, report) = open_at(root.path());
        assert_eq!(report.index == IndexReport::Kept, n > 0, "open {n}: {:?}", report.index);
        let _ = submit(&store, n, 500).unwrap();
        assert_eq!(numbers(&history(&store).unwrap()), (0..=n).collect::<Vec<_>>());
        store.close().unwrap();
    }
}

#[test]
fn an_index_without_an_orderly_close_is_caught_up_equal() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_at(root.path());
    let tickets: Vec<_> = (0..200).map(|n| store.submit(transaction(&[(SMALL, &payload(n, 100))]))).collect();
    tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap()));
    let before = store.scan(b"").unwrap();
    drop(store);
    let (store, report) = open_at(root.path());
    assert!(matches!(report.index, IndexReport::CaughtUp { groups: 1.. }), "{report:?}");
    assert_eq!(store.scan(b"").unwrap(), before);
    assert_eq!(store.get(&before[7].0).unwrap().as_ref(), Some(&before[7].1));
    assert_eq!(store.get(b"no such key").unwrap(), None);
}

#[test]
fn a_deleted_or_damaged_index_is_rebuilt_equal() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_at(root.path());
    (0..50).for_each(|n| drop(submit(&store, n, 100).unwrap()));
    let before = store.scan(b"").unwrap();
    store.close().unwrap();
    drop(store);
    let check = |damage: &str, told_at_open: bool| {
        let (store, report) = open_at(root.path());
        assert!(!told_at_open || rebuilt(&report), "{damage}: {report:?}");
        assert_eq!(store.scan(b"").unwrap(), before, "{damage}");
        store.close().unwrap();
    };
    let index = root.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    check("deleted", true);
    fs::write(index.join("runs/runs"), b"").unwrap();
    check("emptied", true);
    fs::write(index.join("stranger"), b"?").unwrap();
    fs::create_dir(index.join("new-7")).unwrap();
    check("files too many", false);
    assert_eq!(fs::read_dir(&index).unwrap().count(), 1, "only the runs outlive a process");
    for twelfth in 0..12 {
        let name = |name: &fs::DirEntry| name.file_name().to_string_lossy().starts_with("run-");
        let run = fs::read_dir(index.join("runs")).unwrap().map(Result::unwrap).find(name).unwrap().path();
        let mut bytes = fs::read(&run).unwrap();
        let at = bytes.len() * twelfth / 12;
        bytes[at] ^= 0x10;
        fs::write(&run, bytes).unwrap();
        check(&format!("byte {at} flipped"), false);
        check("after it", false);
    }
}

#[test]
fn a_nearly_full_disk_keeps_the_index_in_memory_and_serves_reads() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_at(root.path());
    let _ = submit(&store, 1, 100).unwrap();
    store.close().unwrap();
    drop(store);
    let full = |index: &IndexReport| {
        let options = StoreOptions {
            free_space_floor: u64::MAX,
            ..StoreOptions::new(Arc::new(RealDisk::open(root.path()).unwrap()), sled(root.path()))
        };
        let (store, report) =
            Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap();
        assert_eq!(report.index, *index);
        assert_eq!(numbers(&history(&store).unwrap()), [1]);
        assert!(matches!(submit(&store, 2, 8), Err(StoreError::DiskFull { .. })));
        assert_eq!(fs::read_dir(root.path().join("index")).unwrap().count(), 1, "no sled on a full disk");
    };
    full(&IndexReport::Kept);
    fs::remove_dir_all(root.path().join("index")).unwrap();
    let why = "there was none that can be believed, and the disk is nearly full".to_owned();
    full(&IndexReport::Rebuilt { why, in_memory: true });
}

#[test]
fn both_indexes_answer_alike() {
    let root = tempfile::tempdir().unwrap();
    let mut sled = SledIndex::create(&root.path().join("index")).unwrap();
    let mut memory = MemIndex::new();
    let put = |key: &str, value: &str| (key.into(), Some(value.into()));
    let batches: [Batch; 3] = [
        vec![put("case/1", "a"), put("case/2", "b"), put("case/10", "c"), put("outbox/1", "d"), put("", "e")],
        vec![(b"case/2".to_vec(), None), put("case/1", "A")],
        vec![(b"absent".to_vec(), None)],
    ];
    for (n, batch) in (1..).zip(batches) {
        let at = Position { sequence: n, chain: Digest::of(&[&[n as u8]]) };
        sled.apply(batch.clone(), at).unwrap();
        memory.apply(batch, at).unwrap();
        assert_eq!((sled.high_water(), memory.high_water()), (Ok(at), Ok(at)));
        for prefix in ["", "case/", "case/1", "outbox/2", "z"] {
            assert_eq!(
                sled.scan_prefix(prefix.as_bytes()),
                memory.scan_prefix(prefix.as_bytes()),
                "{prefix}"
            );
            assert_eq!(sled.get(prefix.as_bytes()), memory.get(prefix.as_bytes()), "{prefix}");
            assert_eq!(sled.last(prefix.as_bytes(), None), memory.last(prefix.as_bytes(), None), "{prefix}");
            for (after, limit) in [("", 1), ("case/1", 1), ("case/1", 9), ("case/9", 2), ("d", 9)] {
                let page = |index: &dyn Index| index.page(prefix.as_bytes(), Some(after.as_bytes()), limit);
                assert_eq!(page(&sled), page(&memory), "{prefix} after {after}");
                let last = |index: &dyn Index| index.last(prefix.as_bytes(), Some(after.as_bytes()));
                assert_eq!(last(&sled), last(&memory), "{prefix} before {after}");
            }
        }
    }
    let rows = memory.scan_prefix(b"case/").unwrap();
    assert_eq!(rows, [(b"case/1".to_vec(), b"A".to_vec()), (b"case/10".to_vec(), b"c".to_vec())]);
    assert_eq!(memory.page(b"case/", Some(b"case/1"), 9).unwrap(), rows[1..]);
    assert_eq!(memory.last(b"case/", None).unwrap().as_ref(), rows.last());
}

#[test]
fn an_index_that_fails_while_in_use_is_replaced_unnoticed() {
    struct Broken;
    impl Index for Broken {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
        fn page(&self, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<Row>, IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
        fn last(&self, _: &[u8], _: Option<&[u8]>) -> Result<Option<Row>, IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
        fn apply(&mut self, _: Batch, _: Position) -> Result<(), IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
        fn high_water(&self) -> Result<Position, IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
        fn close(self: Box<Self>) -> Result<(), IndexFault> {
            Err(IndexFault("broken".to_owned()))
        }
    }
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    (0..9).for_each(|n| drop(submit(&store, n, 300).unwrap()));
    let rows = store.scan(b"").unwrap();
    let position = open(&disk.copy()).unwrap().1.position;
    let reader = |disk: &MemDisk| {
        let disk = Arc::new(disk.clone());
        let broken: (_, Box<dyn Index>) = (IndexChoice::Memory, Box::new(Broken));
        Reader(Arc::new(view::Shared::new(disk, broken, Box::new(ByPlace), position, None)))
    };
    assert_eq!(reader(&disk).scan(b"").unwrap(), rows);
    assert_eq!(reader(&disk).get(&rows[3].0).unwrap().as_ref(), Some(&rows[3].1));
    let reading = reader(&disk);
    reading.0.apply(Batch::new(), position).unwrap();
    assert_eq!(reading.scan(b"").unwrap(), rows);

    disk.edit("journal-0000000001.vj", |bytes| bytes[100] ^= 1);
    let reading = reader(&disk);
    assert!(is_failed(&reading.scan(b"")), "a lost index and a damaged journal are never guessed over");
    assert!(is_failed(&reading.get(b"")) && reading.0.failed().is_some());
}
