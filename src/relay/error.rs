use crate::cose::CoseError;
use crate::trust::TrustError;
use crate::wire::WireError;

/// Says why something that a relay or a member signed was not believed.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The bytes are not what the wire allows.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A signature does not hold.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// A key does not speak for the party.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The layers do not fit together.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Another party signed than the one on the line, or it is about another one.
    #[error("it is said by or about another party")]
    WrongParty,
    /// The parcel's bytes are not those for which the relay signed.
    #[error("the bytes are not those in custody")]
    Damaged,
}

impl RelayError {
    /// Returns the stable code for logs and counters.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Wire(e) => e.code(),
            Self::Cose(e) => e.code(),
            Self::Trust(e) => e.code(),
            Self::Malformed(_) => "malformed-envelope",
            Self::WrongParty => "wrong-sender",
            Self::Damaged => "relay-damage",
        }
    }
}

/// Says why a relay does not take a parcel; it is told to the sender, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The addressed party has no mailbox here.
    NoMailbox,
    /// The parcel was not brought by the gateway that made it.
    NotTheSender,
    /// Its own expiry has passed.
    AlreadyExpired,
    /// What the source has in this lane fills its share.
    QuotaFull,
    /// The bulk lane as a whole is full.
    BulkFull,
    /// It is sound, but cannot be stored now.
    Later,
    /// The parcel itself does not hold; the code is that of the first cause.
    Unsound(&'static str),
}

impl Refusal {
    /// Returns the stable code for the sender.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMailbox => "no-mailbox",
            Self::NotTheSender => "wrong-sender",
            Self::AlreadyExpired => "expired",
            Self::QuotaFull => "quota-full",
            Self::BulkFull => "bulk-full",
            Self::Later => "try-later",
            Self::Unsound(code) => code,
        }
    }

    /// Returns words for the sender.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::NoMailbox => "the addressed party has no mailbox at this relay",
            Self::NotTheSender => "a parcel is taken only from the gateway that made it",
            Self::AlreadyExpired => "the parcel's own expiry has passed",
            Self::QuotaFull => "what this sender has waiting here fills its share",
            Self::BulkFull => "the bulk lane is full; acts are still taken",
            Self::Later => "the relay cannot store it now; try again later",
            Self::Unsound(_) => "the parcel does not hold",
        }
    }
}
