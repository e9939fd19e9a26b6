use crate::wire::WireError;

/// Says why a COSE structure was refused or could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// The bytes failed the strict check, or a value has no encoding.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The item is not laid out like the named structure.
    #[error("not laid out like {0}")]
    Structure(&'static str),
    /// A label is neither known nor even an integer of ours.
    #[error("a header label is a text or too big")]
    HeaderLabel,
    /// A label that the reader does not know (we refuse what RFC 9052 §3 would let pass).
    #[error("header {0} is unknown")]
    UnknownHeader(i64),
    /// A label that must be there.
    #[error("header {0} is missing")]
    MissingHeader(i64),
    /// A header whose value has another form than its label prescribes.
    #[error("header {0} has a wrong value")]
    HeaderValue(i64),
    /// A header in the wrong bucket, or one that callers may not set.
    #[error("header {0} is out of place")]
    MisplacedHeader(i64),
    /// A label in both buckets, or given twice (RFC 9052 §3).
    #[error("header {0} is given twice")]
    DuplicateHeader(i64),
    /// `crit` names a label that the reader does not know (RFC 9052 §3.1).
    #[error("critical header {0} is unknown")]
    UnknownCritical(i64),
    /// One of our private labels is not listed in `crit`.
    #[error("header {0} is not marked critical")]
    NotCritical(i64),
    /// Another algorithm than the one that this structure must use.
    #[error("the algorithm is not the expected one")]
    Algorithm,
    /// The payload is inside where it must be detached, or the other way round.
    #[error("the payload is not where it must be")]
    Detachment,
    /// The signature does not verify under the given key.
    #[error("the signature does not verify")]
    Signature,
    /// Key material that is not a key of its kind.
    #[error("not a valid {0}")]
    Key(&'static str),
    /// There are no recipients, too many, or one twice.
    #[error("the list of recipients is empty, too long or repeats one")]
    Recipients,
    /// No recipient's key is at hand.
    #[error("no key of ours opens this message")]
    NotForUs,
    /// A ciphertext, its key or its context is not the one that was sealed.
    #[error("decryption failed")]
    Decryption,
    /// The content key is not the one that the message commits to.
    #[error("the content key breaks the commitment")]
    Commitment,
    /// An input of ours is longer than the cipher takes.
    #[error("too long to be encrypted")]
    TooLong,
}

impl CoseError {
    /// Returns the stable code that goes into a rejection.
    ///
    /// All failures to decrypt share one code, so that a rejection tells nobody how far we got.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.code(),
            Self::Structure(_) => "bad-structure",
            Self::HeaderLabel | Self::UnknownHeader(_) => "unknown-header",
            Self::MissingHeader(_) => "missing-header",
            Self::HeaderValue(_) => "bad-header",
            Self::MisplacedHeader(_) => "misplaced-header",
            Self::DuplicateHeader(_) => "duplicate-header",
            Self::UnknownCritical(_) => "unknown-critical-header",
            Self::NotCritical(_) => "not-marked-critical",
            Self::Algorithm => "wrong-algorithm",
            Self::Detachment => "bad-payload",
            Self::Signature => "bad-signature",
            Self::Key(_) => "bad-key",
            Self::Recipients => "bad-recipients",
            Self::NotForUs => "no-such-key",
            Self::Decryption | Self::Commitment => "cannot-open",
            Self::TooLong => "internal",
        }
    }

    /// Returns words that may be told to the peer.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.words_for_peer(),
            Self::Structure(_) => "the item is not laid out as its COSE structure",
            Self::HeaderLabel | Self::UnknownHeader(_) => "a header is unknown here",
            Self::MissingHeader(_) => "a header is missing",
            Self::HeaderValue(_) => "a header has a wrong value",
            Self::MisplacedHeader(_) => "a header stands in the wrong bucket",
            Self::DuplicateHeader(_) => "a header is given twice",
            Self::UnknownCritical(_) => "a critical header is unknown here",
            Self::NotCritical(_) => "a private header is not marked critical",
            Self::Algorithm => "the algorithm is not the one that is required",
            Self::Detachment => "the payload is not where it must be",
            Self::Signature => "the signature does not verify",
            Self::Key(_) => "a key is malformed",
            Self::Recipients => "the list of recipients is empty, too long or repeats one",
            Self::NotForUs => "no key here opens this message",
            Self::Decryption | Self::Commitment => "the message cannot be opened",
            Self::TooLong => "a message is too long",
        }
    }
}
