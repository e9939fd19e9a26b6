use crate::cose::CoseError;
use crate::trust::TrustError;
use crate::wire::WireError;

/// Says why an envelope, a receipt or a rejection was refused.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes are not what the wire allows.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A signature or a seal does not hold.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// A key does not speak for the party.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The layers do not fit together.
    #[error("malformed envelope: {0}")]
    Malformed(&'static str),
    /// The statement is of a wire version that this gateway does not speak.
    #[error("statement of wire version {0}, not 0")]
    UnsupportedVersion(u64),
    /// The act is of a kind that this version does not know.
    #[error("unknown act")]
    UnknownAct,
    /// The route or the signed audience does not name this party.
    #[error("not addressed to this party")]
    NotAddressed,
    /// The route was not made by a gateway of the statement's issuer, or not by the peer on the line.
    #[error("sent by a gateway that does not belong to the issuer")]
    WrongSender,
    /// The sealed bytes are not those that the route names.
    #[error("the sealed body is not the one that the route names")]
    BodyMismatch,
    /// An element is not one that the statement signs, or one is missing.
    #[error("the disclosures do not match the signed digests")]
    DisclosureMismatch,
    /// No private prekey of that name is held any more.
    #[error("the prekey is gone")]
    PrekeyGone,
    /// The statement asks for something that this version does not do, such as acting on behalf.
    #[error("{0} is not supported in this version")]
    Unsupported(&'static str),
}

impl EnvelopeError {
    /// Returns the stable code for a rejection (`docs/protocol.md` lists them).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Wire(e) => e.code(),
            Self::Cose(e) => e.code(),
            Self::Trust(e) => e.code(),
            Self::Malformed(_) => "malformed-envelope",
            Self::UnsupportedVersion(_) => "unsupported-version",
            Self::UnknownAct => "unknown-act",
            Self::NotAddressed => "not-addressed",
            Self::WrongSender => "wrong-sender",
            Self::BodyMismatch => "body-mismatch",
            Self::DisclosureMismatch => "disclosure-mismatch",
            Self::PrekeyGone => "prekey-gone",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// Returns words for the peer; they never quote what was received.
    pub fn words_for_peer(&self) -> String {
        match self {
            Self::Wire(e) => e.words_for_peer().to_owned(),
            Self::Cose(e) => e.words_for_peer().to_owned(),
            Self::Trust(e) => e.words_for_peer().to_owned(),
            Self::Malformed(_)
            | Self::UnsupportedVersion(_)
            | Self::UnknownAct
            | Self::NotAddressed
            | Self::WrongSender
            | Self::BodyMismatch
            | Self::DisclosureMismatch
            | Self::PrekeyGone
            | Self::Unsupported(_) => self.to_string(),
        }
    }

    /// Tells whether the same bytes may be taken later, once our directory or clock has moved on.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Trust(_) => true,
            Self::Wire(_)
            | Self::Cose(_)
            | Self::Malformed(_)
            | Self::UnsupportedVersion(_)
            | Self::UnknownAct
            | Self::NotAddressed
            | Self::WrongSender
            | Self::BodyMismatch
            | Self::DisclosureMismatch
            | Self::PrekeyGone
            | Self::Unsupported(_) => false,
        }
    }
}
