use super::FrameKind;

/// The deepest nesting of arrays and maps that any item may have (DESIGN §5).
pub const MAX_DEPTH: usize = 16;

/// The most recipients that one sealed message may have.
pub const MAX_RECIPIENTS: usize = 16;

/// The most bytes of HPKE `info`; the library's key schedule takes less than 64 KiB.
pub const MAX_HPKE_INFO: usize = 1024;

/// Bounds one CBOR item; checked before anything is allocated for it (DESIGN §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the whole encoding.
    pub bytes: usize,
    /// The most arrays and maps that enclose one another; never more than [`MAX_DEPTH`].
    pub depth: usize,
    /// The most data items, counting every key, value and container. A decoded item costs 32 bytes
    /// or more however short its encoding is, so this bounds memory.
    pub items: usize,
}

impl Limits {
    /// An envelope, or one of the layers inside it.
    pub const ENVELOPE: Self = Self { bytes: 1 << 20, depth: MAX_DEPTH, items: 1 << 16 };
    /// A batch of receipts.
    pub const RECEIPTS: Self = Self { bytes: 256 << 10, depth: MAX_DEPTH, items: 1 << 14 };
    /// A signed rejection.
    pub const REJECT: Self = Self { bytes: 4 << 10, depth: 8, items: 256 };
    /// A checkpoint with both signatures.
    pub const ANCHOR: Self = Self { bytes: 8 << 10, depth: 8, items: 256 };
    /// A parcel from a mailbox: the relay's custody, and the body of any frame that it carries.
    pub const PARCEL: Self = Self { bytes: (1 << 20) + (8 << 10), depth: 2, items: 4 };
    /// An act that is given back, with its receipts.
    pub const GIVEN_BACK: Self = Self { bytes: (1 << 20) + (256 << 10), depth: MAX_DEPTH, items: 1 << 16 };
    /// A confirmation of parcels.
    pub const COLLECTED: Self = Self { bytes: 64 << 10, depth: 8, items: 1 << 11 };
    /// A courier's bag: as much as a mail may carry, and not more frames than can be read at once.
    pub const BAG: Self = Self { bytes: 8 << 20, depth: 2, items: 4096 + 9 };
    /// What somebody holds of a directory: a line for each party, of which there may be 1,024.
    pub const HOLDINGS: Self = Self { bytes: 128 << 10, depth: 4, items: 1 << 13 };
    /// Documents of a directory on their way: a snapshot with all parts A of 193 parties stays below half of it.
    pub const NEWS: Self = Self { bytes: 2 << 20, depth: 4, items: 1 << 12 };
    /// One bucket of COSE headers.
    pub const HEADERS: Self = Self { bytes: 16 << 10, depth: 8, items: 1024 };
    /// A directory part, a journal record or a member of a dossier.
    pub const FILE: Self = Self { bytes: 16 << 20, depth: MAX_DEPTH, items: 1 << 20 };

    /// A dossier: every member of it has its own, narrower bounds.
    pub const DOSSIER: Self = Self { bytes: 64 << 20, depth: MAX_DEPTH, items: 1 << 20 };

    /// Returns the same bounds for a COSE structure: whatever is long in one stands in its strings, and
    /// six items for each of [`MAX_RECIPIENTS`] with a dozen around them are the most that any has.
    pub const fn of_cose(&self) -> Self {
        Self { items: if self.items < 128 { self.items } else { 128 }, ..*self }
    }
}

/// Returns the most bytes that may follow the header of a frame of this kind.
pub(super) const fn frame_limit(kind: FrameKind) -> usize {
    match kind {
        FrameKind::Envelope => Limits::ENVELOPE.bytes,
        FrameKind::Receipts => Limits::RECEIPTS.bytes,
        FrameKind::Reject
        | FrameKind::AuditQuestion
        | FrameKind::Custody
        | FrameKind::Want
        | FrameKind::Refused => Limits::REJECT.bytes,
        FrameKind::AuditAnswer
        | FrameKind::Collect
        | FrameKind::RecoveryQuestion
        | FrameKind::RecoveryList => Limits::RECEIPTS.bytes,
        FrameKind::RecoveryAct => Limits::GIVEN_BACK.bytes,
        FrameKind::Parcel => Limits::PARCEL.bytes,
        FrameKind::Collected => Limits::COLLECTED.bytes,
        FrameKind::Holdings => Limits::HOLDINGS.bytes,
        FrameKind::News => Limits::NEWS.bytes,
        FrameKind::Ping | FrameKind::Pong => 64,
    }
}
