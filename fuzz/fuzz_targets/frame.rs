//! The first bytes from outside: a header, then the body that its kind announces.

#![no_main]

use ciborium::Value;
use libfuzzer_sys::fuzz_target;
use valise::envelope::{Receipts, Reject, Want, open};
use valise::trust::federation::Documents;
use valise::wire::{FrameHeader, FrameKind, HEADER_LEN, Limits, check, decode, encode_value, pad, unpad};
use valise_fuzz::{WORLD, World, resigned};

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first_chunk::<HEADER_LEN>() else { return };
    one_encoding(body);
    if let Ok(content) = unpad(body) {
        assert_eq!(pad(content).unwrap(), body, "a padding has one form");
    }
    if let Ok(header) = FrameHeader::parse(first) {
        assert_eq!(header.encode(), *first, "a header has one form");
        accept(header.kind(), body);
    }
});

fn one_encoding(body: &[u8]) {
    if check(body, &Limits::REJECT).is_ok() {
        let value: Value = decode(body, &Limits::REJECT).unwrap();
        assert_eq!(encode_value(&value).unwrap(), body, "an item has one encoding");
    }
}

fn accept(kind: FrameKind, body: &[u8]) {
    let World { xaa: (_, at_xaa), xbb: (ring, at_xbb), federation } = &*WORLD;
    let (peer, now) = (&ring.party, federation.now);
    let again = resigned(body, &ring.log.0);
    for body in [Some(body), again.as_deref()].into_iter().flatten() {
        match kind {
            FrameKind::Envelope => drop(open(body, ring, at_xbb, now)),
            FrameKind::Receipts => drop(Receipts::verify(body, peer, at_xaa, now)),
            FrameKind::Reject => drop(Reject::verify(body, peer, at_xaa, now)),
            FrameKind::Want => drop(Want::open(body, ring, at_xbb, now)),
            FrameKind::News => drop(Documents::from_frame(body)),
            FrameKind::Ping
            | FrameKind::Pong
            | FrameKind::AuditQuestion
            | FrameKind::AuditAnswer
            | FrameKind::Holdings
            | FrameKind::RecoveryQuestion
            | FrameKind::RecoveryList
            | FrameKind::RecoveryAct
            | FrameKind::Custody
            | FrameKind::Collect
            | FrameKind::Parcel
            | FrameKind::Collected
            | FrameKind::Refused => {}
        }
    }
}
