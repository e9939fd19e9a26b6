use super::{FrameFault, FrameHeader, FrameKind, HEADER_LEN, Limits, WireError, decode, encode};
use crate::model::Party;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The version of the bag; it goes with the version of the wire.
const VERSION: u64 = 1;

/// What a courier carries from one party to another, on a stick or as an attachment of a mail: the very
/// frames that a wire would carry (DESIGN §9), so that either road leaves the same evidence.
///
/// Nothing in it is believed because it is in a bag: `from` and `to` only tell whose it seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bag {
    /// Who packed it, unproved.
    pub from: Party,
    /// For whom it is, unproved.
    pub to: Party,
    /// What it holds: envelopes, receipts, rejections, wants and news of the directory, in the order in which they were packed.
    pub frames: Vec<(FrameKind, Vec<u8>)>,
}

/// Tells where and why bytes are no bag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct BagFault {
    /// The byte at which the fault lies.
    pub offset: usize,
    /// What is wrong there.
    pub cause: BagCause,
}

/// Every way in which a bag can be refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BagCause {
    /// It is no deterministic CBOR within its limits, or not the map that a bag is.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It was packed by a later release.
    #[error("a bag of version {0} is not supported")]
    UnsupportedVersion(u64),
    /// The header of a frame was refused.
    #[error("bad frame: {0}")]
    Frame(#[from] FrameFault),
    /// A frame is longer or shorter than its header says.
    #[error("a frame is not as long as its header says")]
    WrongLength,
    /// A frame of a kind that only a wire carries.
    #[error("a {0:?} frame has no place in a bag")]
    Misplaced(FrameKind),
}

/// Members ascend by their encoded names, so that the frames come last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    to: Party,
    bag: u64,
    from: Party,
    frames: Vec<ByteBuf>,
}

impl Bag {
    /// The most frames that one bag holds.
    pub const MAX_FRAMES: usize = 4096;
    /// The bytes of a bag of few and long frames beside those of the frames themselves; at most.
    const OWN_BYTES: usize = 256;

    /// Returns the bytes that a frame with a body of this length takes in a bag; at most.
    pub const fn room_for(body: usize) -> usize {
        HEADER_LEN + body + 5
    }

    /// Packs frames into as few bags as hold them, none longer than `limit` bytes unless one frame alone is.
    /// Nothing is packed into no bag.
    ///
    /// # Errors
    /// [`WireError::Frame`] if a frame is longer than its kind may be, which is a bug of whoever made it.
    pub fn pack(
        from: &Party,
        to: &Party,
        frames: Vec<(FrameKind, Vec<u8>)>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, WireError> {
        let limit = limit.min(Limits::BAG.bytes);
        let (mut bags, mut bag, mut size) = (Vec::new(), Vec::new(), Self::OWN_BYTES);
        for (kind, body) in frames {
            let header = FrameHeader::new(kind, body.len()).map_err(WireError::Frame)?;
            let full = size + Self::room_for(body.len()) > limit || bag.len() >= Self::MAX_FRAMES;
            if full && !bag.is_empty() {
                bags.push(std::mem::take(&mut bag));
                size = Self::OWN_BYTES;
            }
            size += Self::room_for(body.len());
            bag.push(ByteBuf::from([&header.encode()[..], &body].concat()));
        }
        bags.extend((!bag.is_empty()).then_some(bag));
        let form = |frames| Form { to: to.clone(), bag: VERSION, from: from.clone(), frames };
        bags.into_iter().map(|frames| encode(&form(frames))).collect()
    }

    /// Reads a bag; nothing in it is opened or verified.
    ///
    /// # Errors
    /// The first fault and where it lies.
    pub fn parse(bytes: &[u8]) -> Result<Self, BagFault> {
        let form = decode::<Form>(bytes, &Limits::BAG).map_err(|error| {
            let offset = if let WireError::Cbor(fault) = &error { fault.offset } else { 0 };
            BagFault { offset, cause: error.into() }
        })?;
        if form.bag != VERSION {
            return Err(BagFault { offset: 0, cause: BagCause::UnsupportedVersion(form.bag) });
        }
        // The frames end the bag and each has one encoding, so that lengths tell every place.
        let frames_bytes: usize = form.frames.iter().map(|frame| head_len(frame.len()) + frame.len()).sum();
        let mut at = bytes.len() - frames_bytes;
        let mut frames = Vec::with_capacity(form.frames.len());
        for frame in &form.frames {
            at += head_len(frame.len());
            frames.push(unframe(frame).map_err(|(offset, cause)| BagFault { offset: at + offset, cause })?);
            at += frame.len();
        }
        Ok(Self { from: form.from, to: form.to, frames })
    }

    /// Tells whether bytes begin as a bag does: a map of four whose first member is `to`.
    pub fn looks_like_one(bytes: &[u8]) -> bool {
        bytes.starts_with(b"\xa4\x62to")
    }
}

impl BagCause {
    /// Returns a stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.code(),
            Self::UnsupportedVersion(_) => "unsupported-version",
            Self::Frame(fault) => fault.code(),
            Self::WrongLength => "wrong-length",
            Self::Misplaced(_) => "misplaced-frame",
        }
    }
}

fn unframe(bytes: &[u8]) -> Result<(FrameKind, Vec<u8>), (usize, BagCause)> {
    let split = bytes.split_first_chunk::<HEADER_LEN>();
    let (header, body) = split.ok_or((bytes.len(), BagCause::WrongLength))?;
    let header = FrameHeader::parse(header).map_err(|fault| (fault.offset(), fault.into()))?;
    if !travels(header.kind()) {
        return Err((3, BagCause::Misplaced(header.kind())));
    }
    if body.len() != header.length() {
        return Err((4, BagCause::WrongLength));
    }
    Ok((header.kind(), body.to_vec()))
}

/// What a courier may carry: signed things, which are the same on every road.
const fn travels(kind: FrameKind) -> bool {
    match kind {
        FrameKind::Envelope | FrameKind::Receipts | FrameKind::Reject | FrameKind::Want | FrameKind::News => {
            true
        }
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
        | FrameKind::Refused => false,
    }
}

/// Returns the length of the head of a string of this length (RFC 8949 §4.2.1).
const fn head_len(length: usize) -> usize {
    match length {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        0x1_0000_0000.. => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FaultKind, encode_value};
    use ciborium::Value;
    use proptest::prelude::*;

    fn party(code: &str) -> Party {
        code.parse().unwrap()
    }

    fn pack(frames: Vec<(FrameKind, Vec<u8>)>, limit: usize) -> Vec<Vec<u8>> {
        Bag::pack(&party("XAA"), &party("XBB"), frames, limit).unwrap()
    }

    fn one(frames: Vec<(FrameKind, Vec<u8>)>) -> Vec<u8> {
        let bags = pack(frames, usize::MAX);
        <[_; 1]>::try_from(bags).unwrap().into_iter().next().unwrap()
    }

    /// A bag with anything under `frames`.
    fn with_frames(frames: Value) -> Vec<u8> {
        let member = |name: &str, value: Value| (Value::from(name), value);
        let members = vec![
            member("to", "XBB".into()),
            member("bag", 1.into()),
            member("from", "XAA".into()),
            member("frames", frames),
        ];
        encode_value(&Value::Map(members)).unwrap()
    }

    fn fault(bytes: &[u8]) -> (usize, &'static str) {
        let fault = Bag::parse(bytes).unwrap_err();
        (fault.offset, fault.cause.code())
    }

    #[test]
    fn a_bag_is_these_bytes() {
        let golden =
            b"\xa4\x62to\x63XBB\x63bag\x01\x64from\x63XAA\x66frames\x81\x4aVL\x01\x01\x00\x00\x00\x02hi";
        assert_eq!(one(vec![(FrameKind::Envelope, b"hi".to_vec())]), golden);
        assert!(Bag::looks_like_one(golden));
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let sound = one(vec![(FrameKind::Envelope, b"hi".to_vec()), (FrameKind::Reject, vec![7; 300])]);
        let first = 31;
        let second = first + 10 + 3;
        let with = |at: usize, byte: u8| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            bytes
        };
        assert!(Bag::parse(&sound).is_ok());
        assert_eq!(fault(&with(first, b'X')), (first, "not-a-frame"));
        assert_eq!(fault(&with(first + 2, 0)), (first + 2, "unsupported-version"));
        assert_eq!(fault(&with(second + 3, 99)), (second + 3, "unknown-kind"));
        assert_eq!(fault(&with(second + 4, 0xff)), (second + 4, "too-long"));
        assert_eq!(fault(&with(second + 7, 0)), (second + 4, "wrong-length"));
        assert_eq!(fault(&with(second + 3, FrameKind::Ping as u8)), (second + 4, "too-long"));
        assert_eq!(fault(&sound[..sound.len() - 1]).1, "not-deterministic-cbor");
        assert_eq!(fault(&[&sound[..], b"\0"].concat()), (sound.len(), "not-deterministic-cbor"));
        assert_eq!(fault(b""), (0, "not-deterministic-cbor"));
        assert_eq!(fault(b"\x80"), (0, "unexpected-content"));
        let version_at = sound.iter().position(|b| *b == b'g').unwrap() + 1;
        assert_eq!(fault(&with(version_at, 0)), (0, "unsupported-version"));
    }

    #[test]
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
    fn only_what_is_signed_travels() {
        for kind in FrameKind::ALL {
            let bytes = one(vec![(kind, vec![1, 2])]);
            match kind {
                FrameKind::Envelope
                | FrameKind::Receipts
                | FrameKind::Reject
                | FrameKind::Want
                | FrameKind::News => {
                    assert!(Bag::parse(&bytes).is_ok());
                }
                _ => assert_eq!(fault(&bytes), (34, "misplaced-frame"), "{kind:?}"),
            }
        }
    }

    #[test]
    fn a_bag_of_deep_nesting_is_refused_without_following_it() {
        let deep = [&b"\xa4\x62to\x63XBB\x63bag\x01\x64from\x63XAA\x66frames"[..], &[0x81; 100_000], b"\x00"];
        let fault = Bag::parse(&deep.concat()).unwrap_err();
        assert!(
            matches!(&fault.cause, BagCause::Wire(WireError::Cbor(f)) if f.kind == FaultKind::TooDeep),
            "{fault:?}"
        );
    }

    #[test]
    fn doubled_members_too_many_frames_and_too_many_bytes_are_refused() {
        let doubled = b"\xa4\x62to\x63XBB\x62to\x63XCC\x63bag\x01\x66frames\x80";
        let refused = Bag::parse(doubled).unwrap_err();
        assert!(
            matches!(&refused.cause, BagCause::Wire(WireError::Cbor(f)) if f.kind == FaultKind::DuplicateKey)
        );
        let many = with_frames(Value::Array(vec![Value::Bytes(Vec::new()); Bag::MAX_FRAMES + 20]));
        let refused = Bag::parse(&many).unwrap_err();
        assert!(matches!(&refused.cause, BagCause::Wire(WireError::Cbor(f)) if f.kind == FaultKind::TooMany));
        let refused = Bag::parse(&vec![0; Limits::BAG.bytes + 1]).unwrap_err();
        assert!(matches!(&refused.cause, BagCause::Wire(WireError::Cbor(f)) if f.kind == FaultKind::TooLong));
        for other in [Value::from("x"), Value::Array(vec![0.into()]), Value::Null] {
            assert_eq!(fault(&with_frames(other)), (0, "unexpected-content"));
        }
        let path = b"\xa4\x62to\x63XBB\x63bag\x01\x64from\x63XAA\x64path\x63../";
        assert_eq!(fault(path), (0, "unexpected-content"), "no member of a bag is a path");
    }

    #[test]
    fn the_fullest_bag_is_read() {
        let frames = vec![(FrameKind::Reject, Vec::new()); Bag::MAX_FRAMES + 1];
        let bags = pack(frames, usize::MAX);
        assert_eq!(bags.len(), 2);
        assert_eq!(Bag::parse(&bags[0]).unwrap().frames.len(), Bag::MAX_FRAMES);
        let long = vec![(FrameKind::Envelope, vec![1; 1 << 20]); 20];
        let bags = pack(long, usize::MAX);
        assert!(bags.len() == 3 && bags.iter().all(|bag| Bag::parse(bag).is_ok()));
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_in_order_within_the_limit(
            lengths in prop::collection::vec(0usize..3_000, 0..40),
            limit in 4_000usize..9_000,
        ) {
            let frames: Vec<_> =
                lengths.iter().enumerate().map(|(n, l)| (FrameKind::Reject, vec![n as u8; *l])).collect();
            let bags = pack(frames.clone(), limit);
            let mut found = Vec::new();
            for bag in &bags {
                prop_assert!(bag.len() <= limit, "{} of {limit}", bag.len());
                let bag = Bag::parse(bag).unwrap();
                prop_assert_eq!((bag.from, bag.to), (party("XAA"), party("XBB")));
                prop_assert!(!bag.frames.is_empty());
                found.extend(bag.frames);
            }
            prop_assert_eq!(found, frames);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Bag::parse(&bytes);
            let _ = Bag::parse(&[&b"\xa4\x62to\x63XBB\x63bag\x01\x64from\x63XAA\x66frames"[..], &bytes].concat());
        }
    }
}
