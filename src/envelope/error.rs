use crate::cose::CoseError;
use crate::model::MandateFault;
use crate::trust::{MandateError, TrustError};
use crate::wire::WireError;

/// Says why an envelope, a receipt or a rejection was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// A mandate does not hold, or does not carry the act.
    #[error(transparent)]
    Mandate(#[from] MandateError),
    /// The layers do not fit together.
    #[error("malformed envelope: {0}")]
    Malformed(&'static str),
    /// The statement is of a version that this gateway does not speak.
    #[error("statement of version {0}, not 1")]
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
    /// The statement asks for something that this version does not do, such as an attachment.
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
            Self::Mandate(e) => e.code(),
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

    /// Returns words that may be told to the peer; they never quote what was refused.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::Wire(e) => e.words_for_peer(),
            Self::Cose(e) => e.words_for_peer(),
            Self::Trust(e) => e.words_for_peer(),
            Self::Mandate(e) => e.words_for_peer(),
            Self::Malformed(words) => words,
            Self::UnsupportedVersion(_) => "the statement is of a version that is not spoken here",
            Self::UnknownAct => "the act is of a kind that is not known here",
            Self::NotAddressed => "the message is not addressed to this party",
            Self::WrongSender => "the gateway that sent the message is not one of its issuer",
            Self::BodyMismatch => "the sealed body is not the one that the route names",
            Self::DisclosureMismatch => "the disclosures do not match the signed digests",
            Self::PrekeyGone => "the prekey is gone; seal the same statement to a newer one",
            Self::Unsupported(_) => "the message asks for something that is not supported here",
        }
    }

    /// Tells whether the same bytes can be accepted later: after our directory or our clock has been
    /// mended, or after another road has brought them unharmed.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Trust(e) | Self::Mandate(MandateError::Trust(e)) => trust_may_change(e),
            Self::Mandate(MandateError::Fault(fault)) => matches!(fault, MandateFault::NotYetValid),
            Self::BodyMismatch => true,
            Self::Wire(_)
            | Self::Cose(_)
            | Self::Mandate(MandateError::Cose(_) | MandateError::Wire(_))
            | Self::Malformed(_)
            | Self::UnsupportedVersion(_)
            | Self::UnknownAct
            | Self::NotAddressed
            | Self::WrongSender
            | Self::DisclosureMismatch
            | Self::PrekeyGone
            | Self::Unsupported(_) => false,
        }
    }
}

/// Tells whether a newer directory, a lifted suspension or the right time would end the refusal.
const fn trust_may_change(error: &TrustError) -> bool {
    match error {
        TrustError::UnknownParty(_)
        | TrustError::Suspended { .. }
        | TrustError::NotYetValid { .. }
        | TrustError::UnknownKey { .. }
        | TrustError::NoValidKey { .. }
        | TrustError::NoPrekey(_)
        | TrustError::BadRevocationList { .. }
        | TrustError::Omitted(_)
        | TrustError::MissingPart(_)
        | TrustError::FromTheFuture { .. }
        | TrustError::UnlistedNpc(_)
        | TrustError::RefusedNationally { .. } => true,
        TrustError::Expired { .. }
        | TrustError::Revoked { .. }
        | TrustError::WrongUsage { .. }
        | TrustError::NameOutsideConstraint { .. }
        | TrustError::WrongName { .. }
        | TrustError::UnexpectedParty { .. }
        | TrustError::WrongRoot { .. }
        | TrustError::BadSignature { .. }
        | TrustError::WrongAlgorithm { .. }
        | TrustError::TooLongLived { .. }
        | TrustError::Malformed { .. }
        | TrustError::BadPrekey { .. }
        | TrustError::Retired { .. }
        | TrustError::Compromised { .. }
        | TrustError::BadDocument { .. }
        | TrustError::Threshold { .. }
        | TrustError::WrongAnchor { .. }
        | TrustError::WrongVersion { .. }
        | TrustError::VersionFell { .. }
        | TrustError::VersionLeaps { .. }
        | TrustError::SplitView(_)
        | TrustError::CannotIssue { .. } => false,
    }
}
