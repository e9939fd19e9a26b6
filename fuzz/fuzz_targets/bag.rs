//! A courier's file: what is read can be packed again, and every frame of it meets the opener.

#![no_main]

use libfuzzer_sys::fuzz_target;
use valise::envelope::{Receipts, Reject, open};
use valise::wire::{Bag, FrameKind, Limits};
use valise_fuzz::{WORLD, World};

fuzz_target!(|data: &[u8]| {
    let bag = match Bag::parse(data) {
        Ok(bag) => bag,
        Err(fault) => {
            assert!(fault.offset <= data.len(), "a fault lies in the file");
            return;
        }
    };
    if !bag.frames.is_empty() {
        let again = Bag::pack(&bag.from, &bag.to, bag.frames.clone(), Limits::BAG.bytes).unwrap();
        let read: Vec<_> = again.iter().flat_map(|bytes| Bag::parse(bytes).unwrap().frames).collect();
        assert_eq!(read, bag.frames, "packing keeps every frame in its place");
        if let [one] = &again[..] {
            assert_eq!(one, data, "a bag has one form");
        }
    }
    let World { xaa: (_, at_xaa), xbb: (ring, at_xbb), federation } = &*WORLD;
    for (kind, body) in &bag.frames {
        match kind {
            FrameKind::Envelope => drop(open(body, ring, at_xbb, federation.now)),
            FrameKind::Receipts => drop(Receipts::verify(body, &bag.from, at_xaa, federation.now)),
            FrameKind::Reject => drop(Reject::verify(body, &bag.from, at_xaa, federation.now)),
            other => panic!("a {other:?} frame lies in a bag"),
        }
    }
});
