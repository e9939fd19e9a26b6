use super::*;
use crate::store::MemDisk;
use crate::vault::pieces::PIECE;
use zeroize::Zeroizing;

struct Counting(u8);
impl Entropy for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

fn files(disk: &MemDisk, key: u8) -> Attachments {
    let key = Arc::new(BodyKey::new(Zeroizing::new([key; 32])));
    Attachments::open(Arc::new(disk.clone()), key, 0, Box::new(Counting(0))).unwrap()
}

fn party(name: &str) -> Party {
    name.parse().unwrap()
}

fn picture() -> Vec<u8> {
    (0..PIECE * 2 + 77).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn attached(files: &Attachments, bytes: &[u8]) -> Digest {
    let sha256 = Digest::of(&[bytes]);
    let held = files.offer(sha256, bytes.len() as u64).unwrap();
    for (at, piece) in bytes.chunks(PIECE).enumerate().skip(usize::try_from(held).unwrap()) {
        files.put(sha256, at as u64, piece).unwrap();
    }
    sha256
}

/// A sender and an addressee of one file, with its key.
fn pair() -> (Attachments, MemDisk, Attachments, [u8; 32]) {
    let (here, disk) = (files(&MemDisk::new(), 1), MemDisk::new());
    let there = files(&disk, 2);
    let sha256 = attached(&here, &picture());
    let (size, key) = here.send(&sha256, &[party("XBB")]).unwrap().unwrap();
    there.expect(&key, sha256, size, &party("XAA")).unwrap();
    (here, disk, there, key)
}

#[test]
fn a_file_comes_piece_by_piece_across_a_crash_and_is_read_when_it_is_whole() {
    let (here, disk, there, key) = pair();
    let out = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap();
    assert_eq!(out.count(), 3);
    let (id, sealed) = out.piece(0).unwrap();
    assert_eq!(out.piece(0).unwrap(), (id, sealed.clone()), "the same bytes each time");
    assert_eq!(there.take(&party("XAA"), id, &mut sealed.clone()).unwrap().1, Progress::Arriving(1));
    assert_eq!(
        there.take(&party("XAA"), id, &mut sealed.clone()).unwrap().1,
        Progress::Arriving(1),
        "twice is once"
    );
    assert!(there.read(&key, 0).is_err(), "nothing is shown before it is whole");
    // What was not synced is lost; the slip is not, and the file goes on from there.
    disk.crash(|_, _| 0);
    let there = files(&disk, 2);
    let [(name, incoming)] = there.awaited(&party("XAA")).try_into().unwrap();
    let (from, end) = there.next(&name, &incoming).unwrap();
    assert_eq!(end, 3);
    for index in from..end {
        let (id, sealed) = out.piece(index).unwrap();
        there.take(&party("XAA"), id, &mut sealed.clone()).unwrap();
    }
    assert_eq!(there.progress(&key).unwrap(), Some(Progress::Verified));
    assert!(there.awaited(&party("XAA")).is_empty());
    let read: Vec<u8> = (0..3).flat_map(|index| there.read(&key, index).unwrap().to_vec()).collect();
    assert!(read == picture());
    assert!(there.read(&key, 3).is_err() && there.read(&[9; 32], 0).is_err());
    let own: Vec<u8> = (0..3).flat_map(|index| here.read(&key, index).unwrap().to_vec()).collect();
    assert!(own == picture());
}

#[test]
fn nobody_else_gets_it_and_nobody_else_can_send_it() {
    let (here, _, there, key) = pair();
    assert!(here.outgoing(&Pieces::name(&key), &party("XCC")).unwrap().is_none());
    let sha256 = Digest::of(&[&picture()]);
    let (_, other) = here.send(&sha256, &[party("XCC")]).unwrap().unwrap();
    assert_ne!(other, key, "each audience has its own key, so that nobody sees that both got it");
    assert_eq!(
        here.send(&sha256, &[party("XBB")]).unwrap().unwrap().1,
        key,
        "the same again is not sent again"
    );
    let (id, sealed) = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap().piece(0).unwrap();
    assert!(there.take(&party("XCC"), id, &mut sealed.clone()).is_err());
    let mut changed = sealed;
    changed[100] ^= 1;
    assert!(there.take(&party("XAA"), id, &mut changed).is_err());
}

#[test]
fn what_does_not_hold_what_its_act_says_begins_anew() {
    let (here, there) = (files(&MemDisk::new(), 1), files(&MemDisk::new(), 2));
    let sha256 = attached(&here, b"one thing");
    let (size, key) = here.send(&sha256, &[party("XBB")]).unwrap().unwrap();
    there.expect(&key, Digest::of(&[b"another"]), size, &party("XAA")).unwrap();
    let (id, sealed) = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap().piece(0).unwrap();
    assert_eq!(there.take(&party("XAA"), id, &mut sealed.clone()).unwrap().1, Progress::Wrong);
    assert_eq!(there.progress(&key).unwrap(), Some(Progress::Arriving(0)));
    assert!(there.read(&key, 0).is_err());
}

#[test]
fn a_file_whose_last_piece_came_right_before_the_stop_is_concluded_after_it() {
    for torn in [false, true] {
        let (here, disk, there, key) = pair();
        let out = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap();
        let [(name, incoming)] = there.awaited(&party("XAA")).try_into().unwrap();
        assert_eq!(there.finish(&name, &incoming).unwrap(), Progress::Arriving(0));
        drop(there);
        // All of it is on the disk, and nothing says yet that it is verified.
        let mut whole: Vec<u8> = (0..3).flat_map(|index| out.piece(index).unwrap().1).collect();
        whole[SEALED_PIECE + 500] ^= u8::from(torn);
        disk.write_at(&name.to_string(), 0, &whole).unwrap();
        disk.sync(&name.to_string()).unwrap();
        let there = files(&disk, 2);
        if torn {
            assert_eq!(there.finish(&name, &incoming).unwrap(), Progress::Arriving(2));
            assert_eq!(there.next(&name, &incoming).unwrap(), (1, 2));
        } else {
            assert_eq!(there.finish(&name, &incoming).unwrap(), Progress::Verified);
            assert!(there.awaited(&party("XAA")).is_empty());
            assert_eq!(there.progress(&key).unwrap(), Some(Progress::Verified));
        }
    }
}

#[test]
fn an_offer_that_is_not_kept_is_refused() {
    let files = files(&MemDisk::new(), 1);
    let sha256 = Digest::of(&[b"this"]);
    assert_eq!(files.offer(sha256, 4).unwrap(), 0);
    assert!(files.put(sha256, 1, b"this").is_err(), "not the next piece");
    assert!(files.put(sha256, 0, b"these").is_err(), "another length");
    assert!(files.put(sha256, 0, b"that").is_err(), "another content");
    assert!(files.send(&sha256, &[party("XBB")]).unwrap().is_none(), "it is not whole");
    assert_eq!(files.put(sha256, 0, b"this").unwrap(), 1);
    assert_eq!(files.offer(sha256, 4).unwrap(), 1, "it is here already");
    assert!(files.offer(sha256, 5).is_err() && files.offer(Digest([1; 32]), MAX_FILE + 1).is_err());
}

#[test]
fn pieces_come_in_any_order_with_gaps_and_a_torn_one_is_asked_for_again() {
    let (here, disk, there, key) = pair();
    let out = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap();
    let take = |files: &Attachments, index| {
        let (id, sealed) = out.piece(index).unwrap();
        files.take(&party("XAA"), id, &mut sealed.clone()).unwrap().1
    };
    assert_eq!(take(&there, 2), Progress::Arriving(1));
    let next = |files: &Attachments| {
        let [(name, incoming)] = files.awaited(&party("XAA")).try_into().unwrap();
        files.next(&name, &incoming).unwrap()
    };
    assert_eq!(next(&there), (0, 2));
    assert_eq!(take(&there, 1), Progress::Arriving(2));
    assert_eq!(next(&there), (0, 1));
    // After a start it is known which are here; one that was torn in the middle looks whole until the end.
    let file = Pieces::name(&key).to_string();
    disk.sync(&file).unwrap();
    assert!(disk.edit(&file, |bytes| bytes[SEALED_PIECE + 500] ^= 1));
    let there = files(&disk, 2);
    assert_eq!(next(&there), (0, 1));
    assert_eq!(take(&there, 0), Progress::Arriving(2), "the torn one is not taken for whole");
    assert_eq!(next(&there), (1, 2), "and nothing else is asked for again");
    assert_eq!(take(&there, 1), Progress::Verified);
    let read: Vec<u8> = (0..3).flat_map(|index| there.read(&key, index).unwrap().to_vec()).collect();
    assert!(read == picture());
}

#[test]
fn what_a_courier_may_carry_is_known_until_it_was_fetched() {
    let (here, _, _, key) = pair();
    let (name, xbb) = (Pieces::name(&key), party("XBB"));
    let owed = |from, end| vec![(name, Owed { to: party("XBB"), from, end })];
    assert_eq!(here.owed(&xbb).unwrap(), owed(0, 3));
    assert_eq!(here.owed(&party("XCC")).unwrap(), []);
    assert!(here.owe(&name, &xbb, None).unwrap());
    assert_eq!(here.owed(&xbb).unwrap(), []);
    here.send(&Digest::of(&[&picture()]), &[party("XBB")]).unwrap();
    assert_eq!(here.owed(&xbb).unwrap(), [], "it was fetched for another act");
    assert!(here.owe(&name, &xbb, Some((1, 9))).unwrap());
    assert_eq!(here.owed(&xbb).unwrap(), owed(1, 3));
    assert!(!here.owe(&name, &party("XCC"), Some((0, 3))).unwrap(), "it goes to somebody else");
    assert!(!here.owe(&Digest([1; 32]), &xbb, Some((0, 3))).unwrap());
}

#[test]
fn after_a_failed_sync_all_of_it_is_asked_for_again_and_what_is_verified_outlives_a_power_cut() {
    let long: Vec<u8> = (0..PIECE * 17 + 5).map(|at| u8::try_from(at % 253).unwrap()).collect();
    let (here, disk) = (files(&MemDisk::new(), 1), MemDisk::new());
    let there = files(&disk, 2);
    let sha256 = attached(&here, &long);
    let (size, key) = here.send(&sha256, &[party("XBB")]).unwrap().unwrap();
    there.expect(&key, sha256, size, &party("XAA")).unwrap();
    let out = here.outgoing(&Pieces::name(&key), &party("XBB")).unwrap().unwrap();
    let take = |index| {
        let (id, sealed) = out.piece(index).unwrap();
        there.take(&party("XAA"), id, &mut sealed.clone()).map(|(_, progress)| progress)
    };
    disk.fail_sync(0);
    assert!(
        (0..17).all(|index| take(index) == Ok(Progress::Arriving(index + 1))),
        "it goes on beside the sync"
    );
    assert!(matches!(take(17), Err(FileError::Io { .. })));
    let [(name, incoming)] = there.awaited(&party("XAA")).try_into().unwrap();
    assert_eq!(there.next(&name, &incoming).unwrap(), (0, 18), "the disk may have none of it");
    assert!((0..17).all(|index| take(index) == Ok(Progress::Arriving(index + 1))));
    assert_eq!(take(17), Ok(Progress::Verified));
    disk.crash(|_, _| 0);
    let there = files(&disk, 2);
    let read: Vec<u8> = (0..18).flat_map(|index| there.read(&key, index).unwrap().to_vec()).collect();
    assert!(read == long);
}
