//! Does an index that outlives its process always say what the journal says?

use super::*;
use crate::model::Digest;
use crate::store::{
    layers::{Fresh, LayeredIndex, Ways},
    runs::RunList,
};
use proptest::prelude::*;

fn layered(runs: &MemDisk, fold_rows: usize) -> IndexChoice {
    IndexChoice::Runs { disk: Arc::new(runs.clone()), fold_rows }
}

fn open_on(disk: &MemDisk, runs: &MemDisk) -> (Store, OpenReport) {
    let options = StoreOptions { index: layered(runs, 10), ..options(disk) };
    Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap()
}

/// Checks that the index on `runs` comes to what the journal on `disk` says, and how.
fn comes_to(disk: &MemDisk, runs: &MemDisk) -> IndexReport {
    let (store, report) = open_on(disk, runs);
    assert_eq!(store.scan(b"").unwrap(), open(&disk.copy()).unwrap().0.scan(b"").unwrap());
    report.index
}

fn is_rebuilt(report: &IndexReport) -> bool {
    matches!(report, IndexReport::Rebuilt { in_memory: false, .. })
}

#[test]
fn only_the_groups_after_the_newest_run_are_read_again() {
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let (store, report) = open_on(&disk, &runs);
    assert!(is_rebuilt(&report.index));
    (0..33).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    drop(store);
    assert_eq!(comes_to(&disk, &runs), IndexReport::CaughtUp { groups: 3 });
    assert_eq!(
        comes_to(&disk, &runs),
        IndexReport::CaughtUp { groups: 3 },
        "what was caught up was new again"
    );
    let (store, _) = open_on(&disk, &runs);
    store.close().unwrap();
    assert_eq!(comes_to(&disk, &runs), IndexReport::Kept);
    assert!(RunList::read(&runs).unwrap().runs.len() < 4, "small runs become one");
}

#[test]
fn a_list_that_is_older_than_the_journal_is_caught_up() {
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let (store, _) = open_on(&disk, &runs);
    (0..15).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    let stale = runs.copy();
    (15..60).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    store.close().unwrap();
    assert_eq!(comes_to(&disk, &stale), IndexReport::CaughtUp { groups: 50 });
}

#[test]
fn a_list_that_goes_further_than_the_journal_is_not_believed() {
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let (store, _) = open_on(&disk, &runs);
    (0..15).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    let cut = disk.copy();
    (15..60).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    drop(store);
    assert!(is_rebuilt(&comes_to(&cut, &runs)), "the journal was put back");
    assert_eq!(comes_to(&cut, &runs), IndexReport::Kept);
    assert!(is_rebuilt(&comes_to(&disk, &MemDisk::new())), "there is no list");
}

#[test]
fn a_list_of_another_journal_is_not_believed() {
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let (store, _) = open_on(&disk, &runs);
    (0..30).for_each(|n| drop(submit(&store, n, 200).unwrap()));
    store.close().unwrap();
    for groups in [30, 31, 90] {
        let other = MemDisk::new();
        let (store, _) = open(&other).unwrap();
        (0..groups).for_each(|n| drop(submit(&store, n, 201).unwrap()));
        drop(store);
        assert!(is_rebuilt(&comes_to(&other, &runs.copy())), "{groups} groups");
    }
}

#[test]
fn a_flipped_bit_a_cut_or_a_missing_file_is_never_a_wrong_answer() {
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let (store, _) = open_on(&disk, &runs);
    (0..80).for_each(|n| drop(submit(&store, n, 100).unwrap()));
    store.close().unwrap();
    drop(store);
    let mut kept = 0;
    for name in runs.list().unwrap() {
        let length = usize::try_from(runs.len(&name).unwrap()).unwrap();
        for byte in 0..length {
            let flipped = runs.copy();
            flipped.edit(&name, |bytes| bytes[byte] ^= 1 << (byte % 8));
            // A flip in a run is told when it is read, and then nothing of the runs is believed any more.
            kept += usize::from(comes_to(&disk, &flipped) == IndexReport::Kept);
            comes_to(&disk, &flipped);
        }
        for cut in [0, 1, length / 2, length - 1] {
            let cut_short = runs.copy();
            cut_short.truncate(&name, cut as u64).unwrap();
            assert!(is_rebuilt(&comes_to(&disk, &cut_short)), "{name} cut to {cut}");
        }
        let missing = runs.copy();
        missing.remove(&name).unwrap();
        assert!(is_rebuilt(&comes_to(&disk, &missing)), "without {name}");
    }
    assert!(kept > 1000, "the runs are not read at open: {kept}");
}

#[test]
fn after_each_failing_sync_of_the_index_nothing_is_lost() {
    for nth in 0..40 {
        let (disk, runs) = (MemDisk::new(), MemDisk::new());
        runs.fail_sync(nth);
        let (store, _) = open_on(&disk, &runs);
        (0..70).for_each(|n| drop(submit(&store, n, 200).unwrap()));
        assert_eq!(numbers(&history(&store).unwrap()), (0..70).collect::<Vec<_>>(), "sync {nth}");
        store.close().unwrap();
        runs.crash(|_, _| 0);
        comes_to(&disk, &runs);
    }
}

#[test]
fn a_rebuild_of_many_segments_has_the_newest_row_of_each_key() {
    /// Writes the number of a record under what is left of it by a hundred, and lets every seventh go.
    struct ByRest;
    impl Indexer for ByRest {
        fn index(&mut self, record: &RecordRef<'_>) -> Batch {
            let Some(number) = record.bytes.and_then(|bytes| bytes.first_chunk()) else {
                return Batch::new();
            };
            let number = u64::from_be_bytes(*number);
            let value = (number % 7 > 0).then(|| number.to_be_bytes().to_vec());
            vec![((number % 100).to_be_bytes().to_vec(), value)]
        }
        fn fork(&self) -> Box<dyn Indexer> {
            Box::new(Self)
        }
    }
    let (disk, runs) = (MemDisk::new(), MemDisk::new());
    let opened = |index| {
        let options = StoreOptions { index, ..options(&disk) };
        Store::open(options, Box::new(EchoNotary::default()), Box::new(ByRest)).unwrap()
    };
    let (store, _) = opened(layered(&runs, 64));
    (0..1000).for_each(|n| drop(submit(&store, n, 100 + n as usize % 90).unwrap()));
    let expected = opened(IndexChoice::Memory).0.scan(b"").unwrap();
    assert_eq!(store.scan(b"").unwrap(), expected);
    let (store, report) = opened(layered(&MemDisk::new(), 64));
    assert!(is_rebuilt(&report.index), "{report:?}");
    assert_eq!(store.scan(b"").unwrap(), expected);
    assert!(disk.list().unwrap().len() > 60, "many segments");
    disk.edit("journal-0000000040.vj", |bytes| bytes[500] ^= 1);
    let options = StoreOptions { index: layered(&MemDisk::new(), 64), ..options(&disk) };
    let refused = Store::open(options, Box::new(EchoNotary::default()), Box::new(ByRest)).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Corrupt { segment: 40, .. })), "{refused:?}");
}

/// A batch of changes to few keys, so that they meet each other.
fn batches() -> impl Strategy<Value = Vec<Vec<(u16, Option<u8>)>>> {
    let change = (0u16..300, proptest::option::weighted(0.7, any::<u8>()));
    proptest::collection::vec(proptest::collection::vec(change, 0..40), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn all_layers_together_answer_as_one_map(batches in batches(), fold_rows in 1usize..200) {
        let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
        let list = RunList { at: Position::GENESIS, runs: Vec::new() };
        let ways = Ways { fresh: Fresh::Memory, fold_rows, beside: false };
        let (mut layers, mut one) = (LayeredIndex::open(disk, &list, ways).unwrap(), MemIndex::new());
        let key = |n: u16| [&[b'a' + (n % 3) as u8; 20][..], &n.to_be_bytes()].concat();
        for (sequence, batch) in (1..).zip(batches) {
            let row = |(n, value): &(u16, Option<u8>)| (key(*n), value.map(|v| vec![v; usize::from(v)]));
            let batch: Batch = batch.iter().map(row).collect();
            let at = Position { sequence, chain: Digest([7; 32]) };
            layers.apply(batch.clone(), at).unwrap();
            one.apply(batch, at).unwrap();
        }
        for prefix in [&b""[..], b"a", b"bbbb", b"cccccccccccccccccccc", b"d"] {
            prop_assert_eq!(layers.scan_prefix(prefix), one.scan_prefix(prefix));
            prop_assert_eq!(layers.last(prefix, None), one.last(prefix, None));
            for n in (0..300).step_by(17) {
                let key = key(n);
                prop_assert_eq!(layers.get(&key), one.get(&key));
                prop_assert_eq!(layers.page(prefix, Some(&key), 5), one.page(prefix, Some(&key), 5));
                prop_assert_eq!(layers.last(prefix, Some(&key)), one.last(prefix, Some(&key)));
            }
        }
    }
}
