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

fn body(room: &Mailroom, parcel: &Parcel) -> Option<Vec<u8>> {
    room.body(&parcel.digest).unwrap()
}

fn lots(bodies: &MemDisk) -> Vec<String> {
    bodies.list().unwrap()
}

/// Everything that can be read from the disk.
fn bytes(bodies: &MemDisk) -> Vec<u8> {
    let read = |name: &String| {
        let mut all = vec![0; usize::try_from(bodies.len(name).unwrap()).unwrap()];
        bodies.read_at(name, 0, &mut all).map(|()| all)
    };
    lots(bodies).iter().flat_map(|name| read(name).unwrap()).collect()
}

fn holds(bodies: &MemDisk, body: &[u8]) -> bool {
    bytes(bodies).windows(body.len()).any(|window| window == body)
}

fn commit(room: &Mailroom, events: &[Event], bodies: &[(&Digest, &[u8])]) {
    room.commit(events, bodies.iter().copied()).unwrap().wait().unwrap().into_inner();
}

fn collect(room: &Mailroom, parcel: &Parcel) {
    let collected = Event::Collected { parcels: vec![parcel.digest], proof: b"signed".to_vec() };
    commit(room, &[collected], &[]);
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
    assert_eq!(body(&room, &first).unwrap(), b"first");
    assert_eq!(body(&room, &second).unwrap(), b"second");
    assert_eq!(room.parcels().unwrap().len(), 2);
    assert_eq!(room.threads().unwrap()[&first.thread], 2);
}

#[test]
fn what_was_collected_is_gone_and_its_number_is_not_given_again() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let parcel = take(&room, 0, b"collected");
    collect(&room, &parcel);
    // The process dies before it deletes the body: the next start does.
    drop(room);
    let room = enter(&journal, &bodies).unwrap();
    assert!(room.parcels().unwrap().is_empty());
    assert_eq!(body(&room, &parcel), None);
    assert!(lots(&bodies).is_empty());
    assert_eq!(room.threads().unwrap()[&parcel.thread], 1);
}

#[test]
fn one_of_a_lot_is_gone_at_once_and_the_others_stay() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let words = [b"the first one".as_slice(), b"the second one", b"the third one"];
    let parcels: Vec<Parcel> = words.iter().zip(0..).map(|(body, index)| parcel(index, body)).collect();
    let taken: Vec<Event> = parcels.iter().cloned().map(Event::Taken).collect();
    let together: Vec<_> = parcels.iter().map(|parcel| &parcel.digest).zip(words).collect();
    commit(&room, &taken, &together);
    assert_eq!(lots(&bodies), ["0000000000000000.lot"], "what comes together is one file");
    let rows = parcels
        .iter()
        .zip([13, 14, 13])
        .flat_map(|(p, length)| [p.digest.0.as_slice(), &[0, 0, 0, length]].concat());
    let layout = b"VALISEL1\0\0\0\x03".iter().copied().chain(rows).chain(words.concat());
    assert_eq!(bytes(&bodies), layout.collect::<Vec<u8>>());
    // Two go together, as an addressee confirms them.
    collect(&room, &parcels[0]);
    collect(&room, &parcels[1]);
    room.forget([&parcels[0].digest, &parcels[1].digest]).unwrap();
    assert_eq!(words.map(|body| holds(&bodies, body)), [false, false, true]);
    assert_eq!((body(&room, &parcels[1]), body(&room, &parcels[2]).unwrap().as_slice()), (None, words[2]));
    // A power cut that undoes the erasing does not bring them back for long.
    drop(room);
    bodies.crash(|_, _| 0);
    assert!(holds(&bodies, words[0]));
    let room = enter(&journal, &bodies).unwrap();
    assert_eq!(words.map(|body| holds(&bodies, body)), [false, false, true]);
    collect(&room, &parcels[2]);
    room.forget([&parcels[2].digest, &parcels[2].digest]).unwrap();
    assert!(lots(&bodies).is_empty());
}

#[test]
fn body_that_came_twice_is_read_from_the_lot_that_is_whole() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let twice = take(&room, 0, b"brought twice");
    let [older] = lots(&bodies).try_into().unwrap();
    commit(&room, &[], &[(&twice.digest, b"brought twice")]);
    let [newer] = lots(&bodies).try_into().unwrap();
    assert_eq!(body(&room, &twice).unwrap(), b"brought twice");
    drop(room);
    // Power fails before the older one is truly gone.
    bodies.crash(|_, _| 0);
    assert_eq!(lots(&bodies), [older.clone(), newer.clone()]);
    for (torn, whole) in [(&older, &newer), (&newer, &older)] {
        let (journal, bodies) = (journal.copy(), bodies.copy());
        assert!(bodies.edit(torn, |bytes| bytes[48..].fill(0)));
        let room = enter(&journal, &bodies).unwrap();
        assert_eq!(body(&room, &twice).unwrap(), b"brought twice");
        assert_eq!(&lots(&bodies), std::slice::from_ref(whole));
    }
}

#[test]
fn full_disk_takes_nothing_and_keeps_nothing_of_it() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    bodies.set_capacity(Some(50));
    let parcel = parcel(0, b"too long");
    let taken = room.commit(&[Event::Taken(parcel.clone())], [(&parcel.digest, b"too long".as_slice())]);
    assert!(matches!(taken, Err(StoreError::Io { .. } | StoreError::DiskFull { .. })));
    assert_eq!((lots(&bodies), body(&room, &parcel)), (Vec::new(), None));
    bodies.set_capacity(None);
    take(&room, 0, b"too long");
    assert_eq!(body(&room, &parcel).unwrap(), b"too long");
}

#[test]
fn body_that_was_never_signed_for_is_deleted_and_one_that_is_missing_or_changed_is_told() {
    let (journal, bodies) = (MemDisk::new(), MemDisk::new());
    let room = enter(&journal, &bodies).unwrap();
    let orphan = Digest::of(&[b"orphan"]);
    commit(&room, &[], &[(&orphan, b"orphan")]);
    let parcel = take(&room, 0, b"kept");
    drop(room);
    let room = enter(&journal, &bodies).unwrap();
    assert!(!holds(&bodies, b"orphan"));
    let [lot] = lots(&bodies).try_into().unwrap();
    bodies.edit(&lot, |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(matches!(room.body(&parcel.digest), Err(StoreError::Failed { .. })));
    drop(room);
    // Cut short in the body, in the list of bodies, in the head: the relay does not start, and erases nothing.
    for length in [51, 47, 11, 0] {
        let (journal, bodies) = (journal.copy(), bodies.copy());
        bodies.edit(&lot, |bytes| bytes.truncate(length));
        let refused = enter(&journal, &bodies).map(drop);
        assert!(matches!(refused, Err(StoreError::Failed { .. })), "{length}");
        assert_eq!(lots(&bodies), std::slice::from_ref(&lot));
    }
}
