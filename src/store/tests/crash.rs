//! Does everything that was acknowledged survive, once and in order, wherever the machine stops?

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Trouble {
    None,
    FailSync(u64),
    TearWrite(u64, usize),
    Capacity(u64),
}

#[derive(Debug, Clone)]
enum End {
    /// kill -9: the page cache survives.
    Kill,
    /// A power cut, after which this share (of 255) of each file's unsynced bytes is there.
    PowerCut(u8),
    Close,
}

#[derive(Debug, Clone)]
struct Life {
    transactions: Vec<Vec<(bool, usize)>>,
    trouble: Trouble,
    end: End,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let record = (any::<bool>(), prop_oneof![8usize..64, 64usize..1500]);
    let transactions = proptest::collection::vec(proptest::collection::vec(record, 0..4), 0..12);
    let trouble = prop_oneof![
        Just(Trouble::None),
        (0u64..30).prop_map(Trouble::FailSync),
        (0u64..40, 0usize..1500).prop_map(|(nth, kept)| Trouble::TearWrite(nth, kept)),
        (0u64..12_000).prop_map(Trouble::Capacity),
    ];
    let end = prop_oneof![Just(End::Kill), any::<u8>().prop_map(End::PowerCut), Just(End::Close)];
    let life = (transactions, trouble, end).prop_map(|(transactions, trouble, end)| Life {
        transactions,
        trouble,
        end,
    });
    proptest::collection::vec(life, 1..6)
}

/// What must be found, and what may be found after it: a transaction that was written but not acknowledged.
#[derive(Default)]
struct Expected {
    sure: Vec<Vec<u8>>,
    perhaps: Vec<Vec<u8>>,
}

impl Expected {
    fn check(&mut self, store: &Store) {
        let found = history(store).expect("nothing is damaged");
        let with = [self.sure.as_slice(), &self.perhaps].concat();
        assert!(found == self.sure || found == with, "found {:?}", numbers(&found));
        *self = Self { sure: found, perhaps: Vec::new() };
    }

    fn live(&mut self, store: &Store, life: &Life, next: &mut u64) {
        for sizes in &life.transactions {
            let records: Vec<_> = sizes
                .iter()
                .map(|(big, len)| {
                    *next += 1;
                    (if *big { BIG } else { SMALL }, payload(*next, *len))
                })
                .collect();
            let borrowed: Vec<_> = records.iter().map(|(kind, bytes)| (*kind, bytes.as_slice())).collect();
            let payloads = records.iter().map(|(_, bytes)| bytes.clone());
            match store.submit(transaction(&borrowed)).wait() {
                Ok(_) => self.sure.extend(payloads),
                Err(StoreError::DiskFull { .. }) => {}
                Err(error) => {
                    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
                    assert!(is_failed(&submit(store, 0, 8)), "a failed store stays failed");
                    assert_eq!(history(store).unwrap(), self.sure, "reads are still served");
                    self.perhaps = payloads.collect();
                    return;
                }
            }
        }
    }
}

/// How the store of these lives works.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Inline,
    Threaded,
    /// With an index on a disk of its own, which meets the same trouble.
    Layered,
}

fn live_all(lives: &[Life], way: Way) {
    let (disk, mut expected, mut next) = (MemDisk::new(), Expected::default(), 0);
    let runs = MemDisk::new();
    for life in lives {
        let disks = [&disk, &runs];
        match life.trouble {
            Trouble::None => {}
            Trouble::FailSync(nth) => disks.iter().for_each(|disk| disk.fail_sync(nth)),
            Trouble::TearWrite(nth, kept) => disks.iter().for_each(|disk| disk.tear_write(nth, kept)),
            Trouble::Capacity(bytes) => disks.iter().for_each(|disk| disk.set_capacity(Some(bytes))),
        }
        let mode = if way == Way::Threaded { Mode::Thread } else { Mode::Inline };
        let index = match way {
            Way::Inline | Way::Threaded => IndexChoice::Memory,
            Way::Layered => IndexChoice::Runs { disk: Arc::new(runs.clone()), fold_rows: 7 },
        };
        let options = StoreOptions { mode, index, ..options(&disk) };
        match Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)) {
            Ok((store, _)) => {
                expected.check(&store);
                expected.live(&store, life, &mut next);
                if matches!(life.end, End::Close) {
                    // A close on a disk that fails is an unclean stop, and nothing more.
                    let _ = store.close();
                }
            }
            Err(error) => assert!(matches!(error, StoreError::Io { .. }), "{error}"),
        }
        if let End::PowerCut(share) = life.end {
            disks.iter().for_each(|disk| disk.crash(|_, unsynced| unsynced * u64::from(share) / 255));
        }
        disks.iter().for_each(|disk| disk.set_capacity(None));
    }
    disk.crash(|_, _| 0);
    expected.check(&open(&disk).expect("the last open has no trouble").0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn lives_of_a_store_lose_and_double_nothing(lives in lives()) {
        live_all(&lives, Way::Inline);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nor_do_they_with_a_committer_thread(lives in lives()) {
        live_all(&lives, Way::Threaded);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nor_do_they_with_an_index_that_outlives_them(lives in lives()) {
        live_all(&lives, Way::Layered);
    }
}

#[test]
fn after_each_failing_sync_no_ticket_is_acknowledged_and_nothing_is_lost() {
    for nth in 0..50 {
        let disk = MemDisk::new();
        disk.fail_sync(nth);
        let mut acknowledged = Vec::new();
        // A sync that fails during the open makes the open fail; the second one has none to fail.
        if let Ok((store, _)) = open(&disk) {
            let outcomes: Vec<_> = (0..60).map(|n| submit(&store, n, 200)).collect();
            acknowledged = (0..60).take_while(|n| outcomes[*n as usize].is_ok()).collect();
            assert!(outcomes[acknowledged.len()..].iter().all(is_failed), "sync {nth}");
            assert!(store.failed().is_some(), "sync {nth}");
        }
        disk.crash(|_, _| 0);
        let (store, _) = open(&disk).unwrap();
        assert_eq!(numbers(&history(&store).unwrap()), acknowledged, "sync {nth}");
    }
}

#[test]
fn a_group_that_read_well_after_a_failed_sync_survives_the_next_power_cut() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let _ = submit(&store, 1, 100).unwrap();
    disk.fail_sync(0);
    assert!(is_failed(&submit(&store, 2, 100)));
    drop(store);
    let (store, _) = open(&disk).unwrap();
    assert_eq!(numbers(&history(&store).unwrap()), [1, 2], "the page cache has it");
    let _ = submit(&store, 3, 100).unwrap();
    disk.crash(|_, _| 0);
    let (store, _) = open(&disk).unwrap();
    assert_eq!(numbers(&history(&store).unwrap()), [1, 2, 3]);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_reported() {
    let group = 4096;
    let disk = MemDisk::new();
    let (store, _) = open_wide(&disk);
    let _ = submit(&store, 1, 300).unwrap();
    let before = disk.len("journal-0000000001.vj").unwrap();
    for torn in 0..=group {
        let disk = disk.copy();
        let (store, _) = open_wide(&disk);
        disk.tear_write(0, torn);
        assert!(is_failed(&submit(&store, 2, group - 125)));
        drop(store);
        let whole = torn == group;
        disk.crash(|_, unsynced| unsynced);
        let (store, report) = open_wide(&disk);
        let expected: &[u64] = if whole { &[1, 2] } else { &[1] };
        assert_eq!(numbers(&history(&store).unwrap()), expected, "torn at {torn}");
        assert_eq!(report.bytes_cut, if whole { 0 } else { torn as u64 }, "torn at {torn}");
        assert_eq!(disk.len("journal-0000000001.vj").unwrap(), before + if whole { group as u64 } else { 0 });
        let _ = submit(&store, 3, 8).unwrap();
    }
}

#[test]
fn a_cut_whose_sync_failed_is_made_again() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let _ = submit(&store, 1, 100).unwrap();
    disk.tear_write(0, 5);
    assert!(is_failed(&submit(&store, 2, 100)));
    drop(store);
    disk.crash(|_, unsynced| unsynced);
    disk.fail_sync(0);
    assert!(matches!(open(&disk).map(|_| ()), Err(StoreError::Io { .. })), "the cut is not synced");
    let (store, report) = open(&disk).unwrap();
    assert_eq!(report.bytes_cut, 0, "it reads well");
    let _ = submit(&store, 3, 4000).unwrap();
    assert!(disk.len("journal-0000000002.vj").is_ok(), "nothing overwrites what was cut");
    disk.crash(|_, _| 0);
    assert_eq!(numbers(&history(&open(&disk).unwrap().0).unwrap()), [1, 3]);
}

#[test]
fn a_tail_with_a_hole_is_cut_and_reported() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let _ = submit(&store, 1, 300).unwrap();
    disk.fail_sync(0);
    assert!(is_failed(&submit(&store, 2, 300)));
    drop(store);
    let name = "journal-0000000001.vj";
    let end = usize::try_from(disk.len(name).unwrap()).unwrap();
    for from in end - 425..end {
        let disk = disk.copy();
        disk.edit(name, |bytes| {
            bytes.resize(end, 0);
            bytes[from..(from + 64).min(end)].fill(0);
        });
        let (store, report) = open(&disk).unwrap();
        assert_eq!(numbers(&history(&store).unwrap()), [1], "hole at {from}");
        assert_eq!(report.bytes_cut, 425, "hole at {from}");
    }
}

#[test]
fn a_disk_that_fills_at_any_point_loses_nothing() {
    for capacity in (0..6000).step_by(41) {
        let disk = MemDisk::new();
        disk.set_capacity(Some(capacity));
        let mut acknowledged = Vec::new();
        if let Ok((store, _)) = open(&disk) {
            acknowledged = (0..40).take_while(|n| submit(&store, *n, 150).is_ok()).collect();
            assert!(acknowledged.len() < 40);
            assert_eq!(numbers(&history(&store).unwrap()), acknowledged, "capacity {capacity}");
        }
        disk.crash(|_, unsynced| unsynced);
        disk.set_capacity(None);
        let (store, _) = open(&disk).unwrap();
        assert_eq!(numbers(&history(&store).unwrap()), acknowledged, "capacity {capacity}");
        let _ = submit(&store, 99, 8).unwrap();
    }
}

#[test]
fn a_segment_that_died_at_birth_is_made_anew() {
    for kept in 0..88 {
        let disk = MemDisk::new();
        let (store, _) = open(&disk).unwrap();
        let _ = submit(&store, 1, 1900).unwrap();
        disk.tear_write(0, kept);
        assert!(is_failed(&submit(&store, 2, 1900)), "the head of segment 2 is torn at {kept}");
        drop(store);
        disk.crash(|_, unsynced| unsynced);
        let (store, report) = open(&disk).unwrap();
        assert_eq!(report.bytes_cut, kept as u64);
        assert_eq!(numbers(&history(&store).unwrap()), [1]);
        assert_eq!(submit(&store, 3, 1900).unwrap().locations()[0].segment, 2);
    }
}

#[test]
fn the_head_of_a_segment_is_synced_before_its_first_group_is_written() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let _ = submit(&store, 1, 1900).unwrap();
    disk.tear_write(1, 1000);
    assert!(is_failed(&submit(&store, 2, 1900)));
    disk.crash(|_, _| 0);
    assert_eq!(disk.len("journal-0000000002.vj").unwrap(), 88);
}

/// Opens with segments that hold any group of these tests.
fn open_wide(disk: &MemDisk) -> (Store, OpenReport) {
    let options = StoreOptions { segment_bytes: 1 << 20, ..options(disk) };
    Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap()
}
