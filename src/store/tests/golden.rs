//! Are the bytes on the disk those that the format's table promises?

use super::*;
use crate::model::Digest;

#[test]
fn a_journal_of_one_group() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let durable = store.submit(transaction(&[(SMALL, b"act"), (BIG, b"body")])).wait().unwrap();
    store.close().unwrap();

    let mut segment = b"VALISEJ\x01".to_vec();
    segment.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    segment.extend_from_slice(&[0; 32]);
    segment.extend_from_slice(&sha256(&segment));

    let mut group = b"VJG\x01\0\0\0\0\0\0\0\x01".to_vec();
    group.extend_from_slice(&[0; 32]);
    group.extend_from_slice(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7]);
    group.extend_from_slice(&[0x01, 0, 0, 0, 3]);
    group.extend_from_slice(&sha256(b"act"));
    group.extend_from_slice(&[0x81, 0, 0, 0, 4]);
    group.extend_from_slice(&sha256(b"body"));
    let chain = sha256(&group);
    group.extend_from_slice(&chain);
    group.extend_from_slice(b"actbody");

    assert_eq!(contents(&disk, "journal-0000000001.vj"), [segment, group].concat());
    let [act, body] = durable.locations() else { panic!("two records") };
    assert_eq!((act.offset, act.len, body.offset, body.len), (88 + 162, 3, 88 + 165, 4));
    assert_eq!(Location::from_bytes(&body.to_bytes()), Some(*body));
    assert_eq!(Location::from_bytes(&body.to_bytes()[1..]), None);

    let mut mark = b"VALISES1\0\0\0\0\0\0\0\x01".to_vec();
    mark.extend_from_slice(&chain);
    mark.extend_from_slice(&sha256(&mark));
    assert!(contents(&disk, "synced").starts_with(&mark));
}

#[test]
fn the_first_group_has_a_pinned_chain() {
    let disk = MemDisk::new();
    let (store, _) = open(&disk).unwrap();
    let _ = store.submit(transaction(&[(SMALL, b"act")])).wait().unwrap();
    let chain = open(&disk.copy()).unwrap().1.position.chain;
    assert_eq!(chain.to_string(), "1702debe9f2ca1a3e27311601e30c1507a72cc37bce7f5bf20160909f55b4e87");
}

fn contents(disk: &MemDisk, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(disk.len(name).unwrap()).unwrap()];
    disk.read_at(name, 0, &mut bytes).unwrap();
    bytes
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    *Digest::of(&[bytes]).as_bytes()
}
