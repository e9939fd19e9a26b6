use super::bounds::frame_limit;

/// The number of bytes in front of every frame.
pub const HEADER_LEN: usize = 8;

/// The version of the wire; 0 until the format is frozen (DESIGN §5).
pub const FRAME_VERSION: u8 = 1;

const MAGIC: [u8; 2] = *b"VL";

/// Tells what a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// A routed, sealed statement.
    Envelope = 1,
    /// A batch of sealed receipts.
    Receipts = 2,
    /// A signed refusal of an envelope.
    Reject = 3,
    /// A question whether the peer is there.
    Ping = 4,
    /// The answer to a ping.
    Pong = 5,
    /// A question whether a log has gone on from heads that were seen.
    AuditQuestion = 6,
    /// The proof.
    AuditAnswer = 7,
    /// What the sender holds of the federation's directory.
    Holdings = 8,
    /// Documents of the directory.
    News = 9,
    /// A restored gateway's question about what it has lost.
    RecoveryQuestion = 10,
    /// A list of the acts that its peer has.
    RecoveryList = 11,
    /// One of these acts, sealed to a fresh prekey.
    RecoveryAct = 12,
    /// An addressee's signed word that it wants a file.
    Want = 13,
    /// A relay's signed custody for a parcel that was brought to it.
    Custody = 16,
    /// A member's signed mailbox state, which opens its mailbox at a relay.
    Collect = 17,
    /// A parcel from a mailbox, with the relay's custody.
    Parcel = 18,
    /// A member's signed confirmation of parcels.
    Collected = 19,
    /// A relay's signed word that it does not take a parcel.
    Refused = 20,
}

/// Announces one frame: `"VL"`, version, kind, then the body's length as a big-endian u32.
///
/// A header that exists is within the limit of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    kind: FrameKind,
    length: u32,
}

/// Says why a frame header was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The first two bytes are not `VL`.
    #[error("the stream does not start with VL")]
    WrongMagic,
    /// The peer speaks another version of the wire.
    #[error("frame version {0} is not supported")]
    UnsupportedVersion(u8),
    /// The kind byte is none of [`FrameKind`].
    #[error("frame kind {0} is unknown")]
    UnknownKind(u8),
    /// The body is longer than frames of its kind may be.
    #[error("a {kind:?} frame of {length} bytes is longer than {limit}")]
    TooLong {
        /// What the frame carries.
        kind: FrameKind,
        /// The announced length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

impl FrameHeader {
    /// Announces a body of `length` bytes; fails with `TooLong` above the limit of the kind.
    pub fn new(kind: FrameKind, length: usize) -> Result<Self, FrameFault> {
        let limit = frame_limit(kind);
        let too_long = FrameFault::TooLong { kind, length, limit };
        let fitting = u32::try_from(length).ok().filter(|_| length <= limit);
        fitting.map(|length| Self { kind, length }).ok_or(too_long)
    }

    /// Reads the first bytes that a peer sends; the checks go from left to right.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, FrameFault> {
        let [m0, m1, version, kind, length @ ..] = *bytes;
        if [m0, m1] != MAGIC {
            return Err(FrameFault::WrongMagic);
        }
        if version != FRAME_VERSION {
            return Err(FrameFault::UnsupportedVersion(version));
        }
        let kind = FrameKind::from_byte(kind).ok_or(FrameFault::UnknownKind(kind))?;
        let length = u32::from_be_bytes(length);
        Self::new(kind, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Writes the header.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [MAGIC[0], MAGIC[1], FRAME_VERSION, self.kind as u8, l0, l1, l2, l3]
    }

    /// Returns what the frame carries.
    pub const fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Returns the body's length in bytes.
    pub const fn length(&self) -> usize {
        self.length as usize
    }
}

impl FrameKind {
    /// Every kind, in the order of their bytes.
    pub const ALL: [Self; 18] = [
        Self::Envelope,
        Self::Receipts,
        Self::Reject,
        Self::Ping,
        Self::Pong,
        Self::AuditQuestion,
        Self::AuditAnswer,
        Self::Holdings,
        Self::News,
        Self::RecoveryQuestion,
        Self::RecoveryList,
        Self::RecoveryAct,
        Self::Want,
        Self::Custody,
        Self::Collect,
        Self::Parcel,
        Self::Collected,
        Self::Refused,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

impl FrameFault {
    /// Returns the byte of the header at which the fault lies.
    pub const fn offset(&self) -> usize {
        match self {
            Self::WrongMagic => 0,
            Self::UnsupportedVersion(_) => 2,
            Self::UnknownKind(_) => 3,
            Self::TooLong { .. } => 4,
        }
    }

    /// Returns the stable code that goes into a rejection.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongMagic => "not-a-frame",
            Self::UnsupportedVersion(_) => "unsupported-version",
            Self::UnknownKind(_) => "unknown-kind",
            Self::TooLong { .. } => "too-long",
        }
    }

    /// Returns words that may be told to the peer.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::WrongMagic => "this is no Valise frame",
            Self::UnsupportedVersion(_) => "this gateway speaks version 1 of frames only",
            Self::UnknownKind(_) => "this gateway knows no such kind of frame",
            Self::TooLong { .. } => "the frame is longer than its kind may be",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_these_eight_bytes() {
        let header = FrameHeader::new(FrameKind::Receipts, 0x0001_0203).unwrap();
        assert_eq!(header.encode(), *b"VL\x01\x02\x00\x01\x02\x03");
        assert_eq!(FrameHeader::parse(&header.encode()), Ok(header));
    }

    #[test]
    fn every_kind_round_trips_at_its_limit_and_fails_above_it() {
        for (kind, limit) in [
            (FrameKind::Envelope, 1_048_576),
            (FrameKind::Receipts, 262_144),
            (FrameKind::Reject, 4096),
            (FrameKind::Ping, 64),
            (FrameKind::Pong, 64),
            (FrameKind::AuditQuestion, 4096),
            (FrameKind::AuditAnswer, 262_144),
            (FrameKind::Holdings, 131_072),
            (FrameKind::News, 2_097_152),
            (FrameKind::RecoveryQuestion, 262_144),
            (FrameKind::RecoveryList, 262_144),
            (FrameKind::RecoveryAct, 1_310_720),
            (FrameKind::Custody, 4096),
            (FrameKind::Collect, 262_144),
            (FrameKind::Parcel, 1_056_768),
            (FrameKind::Collected, 65_536),
            (FrameKind::Refused, 4096),
        ] {
            let mut bytes = FrameHeader::new(kind, limit).unwrap().encode();
            assert_eq!(FrameHeader::parse(&bytes).unwrap().length(), limit);
            bytes[4..].copy_from_slice(&u32::try_from(limit + 1).unwrap().to_be_bytes());
            let fault = FrameHeader::parse(&bytes).unwrap_err();
            assert_eq!(fault, FrameFault::TooLong { kind, length: limit + 1, limit });
        }
    }

    #[test]
    fn each_field_has_its_own_fault() {
        let parse = |bytes: &[u8; 8]| FrameHeader::parse(bytes).unwrap_err();
        assert_eq!(parse(b"GET / HT"), FrameFault::WrongMagic);
        assert_eq!(parse(b"VL\x00\x01\0\0\0\0"), FrameFault::UnsupportedVersion(0));
        assert_eq!(parse(b"VL\x01\x00\0\0\0\0"), FrameFault::UnknownKind(0));
        assert_eq!(parse(b"VL\x01\x60\0\0\0\0"), FrameFault::UnknownKind(0x60));
        assert_eq!(parse(b"VL\x01\x04\xff\xff\xff\xff").code(), "too-long");
    }
}
