//! Is damage at rest always harmless or told, and never a wrong value?

use super::*;

/// Three segments of small and big records, the last with two groups; closed in good order, or cut from
/// power right after the last acknowledgement, when the synced mark is not yet on the disk.
fn filled(closed: bool) -> (MemDisk, Vec<Vec<u8>>) {
    let disk = MemDisk::new();
    let store = fill(&disk, 30);
    let expected = history(&store).unwrap();
    if closed {
        store.close().unwrap();
    }
    disk.crash(|_, _| 0);
    (disk, expected)
}

fn fill(disk: &MemDisk, small: usize) -> Store {
    let options = StoreOptions { segment_bytes: 1000, ..options(disk) };
    let (store, _) = Store::open(options, Box::new(EchoNotary::default()), Box::new(ByPlace)).unwrap();
    for n in 0..8 {
        let pair = transaction(&[(SMALL, &payload(n, small)), (BIG, &payload(n + 100, 90))]);
        let _ = store.submit(pair).wait().unwrap();
    }
    store
}

fn each_flip(disk: &MemDisk, mut check: impl FnMut(&MemDisk, &str)) {
    for name in disk.list().unwrap() {
        for byte in 0..usize::try_from(disk.len(&name).unwrap()).unwrap() {
            for bit in 0..8 {
                let flipped = disk.copy();
                assert!(flipped.edit(&name, |bytes| bytes[byte] ^= 1 << bit));
                check(&flipped, &format!("{name}, byte {byte}, bit {bit}"));
            }
        }
    }
}

fn told(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt { .. })
}

#[test]
fn a_flipped_bit_after_a_close_is_harmless_or_told() {
    let (disk, expected) = filled(true);
    let (mut harmless, mut refused) = (0, 0);
    each_flip(&disk, |flipped, at| {
        match open(flipped).and_then(|(store, report)| Ok((history(&store)?, report))) {
            Ok((found, report)) => {
                harmless += 1;
                assert_eq!((found, report.bytes_cut), (expected.clone(), 0), "{at}");
            }
            Err(error) => {
                refused += 1;
                assert!(told(&error), "{at}: {error}");
            }
        }
    });
    assert!(harmless > 0 && refused > harmless);
}

#[test]
fn a_flipped_bit_after_a_power_cut_costs_at_most_the_last_group_and_says_so() {
    let (disk, expected) = filled(false);
    let without_last = &expected[..expected.len() - 2];
    each_flip(&disk, |flipped, at| {
        match open(flipped).and_then(|(store, report)| Ok((history(&store)?, report))) {
            Ok((found, report)) if report.bytes_cut > 0 => assert_eq!(found, without_last, "{at}"),
            Ok((found, _)) => assert_eq!(found, expected, "{at}"),
            Err(error) => assert!(told(&error), "{at}: {error}"),
        }
    });
}

#[test]
fn a_damaged_record_is_named_and_the_others_still_read() {
    let (disk, expected) = filled(true);
    let rows = history_locations(&disk);
    let big = rows[1];
    disk.edit("journal-0000000001.vj", |bytes| bytes[big.offset as usize] ^= 1);
    let (store, _) = open(&disk).expect("a rebuild does not read big records");
    let refused = store.read(&big).unwrap_err();
    let at = (big.segment, big.offset);
    assert!(
        matches!(refused, StoreError::Corrupt { segment, offset, fault: Fault::Record, .. } if (segment, offset) == at)
    );
    assert_eq!(store.read(&rows[2]).unwrap(), expected[2]);

    let small = rows[2];
    disk.edit("journal-0000000001.vj", |bytes| bytes[small.offset as usize] ^= 1);
    let refused = open(&disk).map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, StoreError::Corrupt { record: Some(0), fault: Fault::Record, .. }),
        "{refused}"
    );
    let words = refused.to_string();
    assert!(
        words.starts_with("journal-0000000001.vj, byte ")
            && words.contains("restore the store from a backup"),
        "{words}"
    );
}

#[test]
fn a_damaged_last_group_is_named_where_the_synced_mark_covers_it() {
    let (disk, _) = filled(true);
    let last = *history_locations(&disk).last().unwrap();
    disk.edit("journal-0000000003.vj", |bytes| bytes[last.offset as usize] ^= 1);
    let refused = open(&disk).map(|_| ()).unwrap_err();
    let expected =
        StoreError::Corrupt { segment: 3, offset: last.offset, record: Some(1), fault: Fault::Record };
    assert_eq!(refused, expected);
}

#[test]
fn a_damaged_group_before_a_segment_that_died_at_birth_is_told() {
    let (disk, _) = filled(false);
    disk.remove("journal-0000000003.vj").unwrap();
    disk.create("journal-0000000003.vj").unwrap();
    assert!(open(&disk.copy()).is_ok());
    disk.edit("journal-0000000002.vj", |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(told(&open(&disk).map(|_| ()).unwrap_err()), "it was synced before segment 3 was made");
}

#[test]
fn a_missing_segment_is_told() {
    let (disk, _) = filled(true);
    let segments: Vec<_> = disk.list().unwrap().into_iter().filter(|name| name.ends_with(".vj")).collect();
    assert_eq!(segments.len(), 3);
    for name in segments {
        let disk = disk.copy();
        disk.remove(&name).unwrap();
        let refused = open(&disk).map(|_| ()).unwrap_err();
        let missing = [Fault::MissingSegment, Fault::MissingGroups];
        assert!(
            matches!(refused, StoreError::Corrupt { fault, .. } if missing.contains(&fault)),
            "{name}: {refused}"
        );
    }
}

#[test]
fn a_missing_journal_is_told() {
    let (disk, _) = filled(true);
    for name in disk.list().unwrap().iter().filter(|name| name.ends_with(".vj")) {
        disk.remove(name).unwrap();
    }
    assert!(told(&open(&disk).map(|_| ()).unwrap_err()));
}

#[test]
fn a_synced_journal_cut_at_any_byte_is_told() {
    let (disk, _) = filled(true);
    let last = disk.list().unwrap().into_iter().rfind(|name| name.ends_with(".vj")).unwrap();
    for len in 0..disk.len(&last).unwrap() {
        let disk = disk.copy();
        disk.truncate(&last, len).unwrap();
        assert!(told(&open(&disk).map(|_| ()).unwrap_err()), "cut to {len}");
    }
}

#[test]
fn a_segment_of_a_newer_format_is_left_alone() {
    let (disk, _) = filled(true);
    let last = disk.list().unwrap().into_iter().rfind(|name| name.ends_with(".vj")).unwrap();
    disk.edit(&last, |bytes| {
        bytes[7] = 2;
        let digest = crate::model::Digest::of(&[&bytes[..56]]);
        bytes[56..88].copy_from_slice(digest.as_bytes());
    });
    let refused = open(&disk).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::UnsupportedVersion { version: 2, .. }), "{refused}");
}

#[test]
fn the_journal_of_another_store_is_told() {
    let (disk, _) = filled(true);
    let other = MemDisk::new();
    drop(fill(&other, 31));
    for name in other.list().unwrap().iter().filter(|name| name.ends_with(".vj")) {
        let mut bytes = vec![0; usize::try_from(other.len(name).unwrap()).unwrap()];
        other.read_at(name, 0, &mut bytes).unwrap();
        disk.edit(name, |file| bytes.clone_into(file));
    }
    let refused = open(&disk).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { fault: Fault::Chain, .. }), "{refused}");
}

fn history_locations(disk: &MemDisk) -> Vec<Location> {
    let (store, _) = open(&disk.copy()).unwrap();
    let rows = store.scan(b"").unwrap();
    rows.iter().map(|(_, value)| Location::from_bytes(value).unwrap()).collect()
}
