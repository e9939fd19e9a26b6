//! Custody outlives a power cut, and what was collected is gone with its bytes.

use super::*;
use crate::model::{Digest, Timestamp};
use crate::relay::{Event, Freight, Lane, Parcel, Thread};

fn enter(journal: &MemDisk, bodies: &MemDisk) -> Result<Mailroom, StoreError> {
    Mailroom::open(options(journal), Arc::new(bodies.clone())).map(|(room, _)| room)
}

fn parcel(index: u64, body: &[u8]) -> Parcel {
    let thread = Thread { from: "XAA".parse().unwrap(), to: "XBB".parse().unwrap(), lane: Lane::Acts };
    let (received_at, expires) = (Timestamp::EPOCH, Timestamp::EPOCH.saturating_add(60));
    let (digest, size) = (Digest::of(&[body]), body.len() as u64);
    Parcel { digest, freight: Freight::Receipts, thread, index, size, received_at, expires }
}

fn take(room: &Mailroom, index: u64, body: &[u8]) -> Parcel {
    let parcel = parcel(index, body);
    room.commit(&[Event::Taken(parcel.clone())], [(&parcel.digest, body)])
        .unwrap()
        .wait()
        .unwrap()
        .into_inner();
    parcel
}

#[test]
fn custody_outlives_a_power_cut_at_once_after_the_commit() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let [first, second] =
        [b"first".as_slice(), b"second"].map(|body| take(&room, body.len() as u64 - 5, body));
    drop(room);
    journal.crash(|_, _| 0);
    bodies.crash(|_, _| 0);
    let room = enter(&journal, &bodies).unwrap();
    assert_eq!(room.body(&first.digest).unwrap(), b"first");
    assert_eq!(room.body(&second.digest).unwrap(), b"second");
    assert_eq!(room.parcels().unwrap().len(), 2);
    assert_eq!(room.threads().unwrap()[&first.thread], 2);
}

#[test]
fn what_was_collected_is_gone_and_its_number_is_not_given_again() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let parcel = take(&room, 0, b"collected");
    let collected = Event::Collected { parcels: vec![parcel.digest], proof: b"signed".to_vec() };
    room.commit(&[collected], []).unwrap().wait().unwrap().into_inner();
    // The process dies before it deletes the body: the next start does.
    drop(room);
    let room = enter(&journal, &bodies).unwrap();
    assert!(room.parcels().unwrap().is_empty());
    assert!(room.body(&parcel.digest).is_err());
    assert!(!bodies.list().unwrap().contains(&parcel.digest.to_string()));
    assert_eq!(room.threads().unwrap()[&parcel.thread], 1);
}

#[test]
fn body_that_was_never_signed_for_is_deleted_and_one_that_is_missing_or_changed_is_told() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let orphan = Digest::of(&[b"orphan"]);
    room.commit(&[], [(&orphan, b"orphan".as_slice())]).unwrap().wait().unwrap().into_inner();
    let parcel = take(&room, 0, b"kept");
    drop(room);
    let room = enter(&journal, &bodies).unwrap();
    assert!(!bodies.list().unwrap().contains(&orphan.to_string()));
    bodies.edit(&parcel.digest.to_string(), |bytes| bytes[0] ^= 1);
    assert!(matches!(room.body(&parcel.digest), Err(StoreError::Failed { .. })));
    drop(room);
    bodies.remove(&parcel.digest.to_string()).unwrap();
    assert!(matches!(enter(&journal, &bodies).map(drop), Err(StoreError::Failed { .. })));
}
