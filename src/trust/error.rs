use super::federation::{Document, SplitView};
use crate::model::{Digest, Party, Timestamp};
use std::fmt;

/// The job of a certificate; each has its own key and its own profile (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The State's offline authority, on which all else of this party rests.
    Root,
    /// The issuing key, held by the gateway, which certifies gateway certificates only.
    Issuing,
    /// The short-lived TLS certificate of a gateway.
    Gateway,
    /// The certificate of the only key that speaks for the State.
    Seal,
    /// The certificate of the key that signs routes, receipts and checkpoints.
    Log,
}

/// Says why a certificate, a key or a card was not trusted; `Display` has the words for our own log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The directory has no such party.
    #[error("{0} is not in the directory")]
    UnknownParty(Party),
    /// The directory has suspended the party.
    #[error("{party} has been suspended since {since}: {reason}")]
    Suspended {
        /// The suspended party.
        party: Party,
        /// The first second of the suspension.
        since: Timestamp,
        /// Why, as the federation tells everybody.
        reason: String,
    },
    /// The certificate's time has not come.
    #[error("the {role} certificate is not valid before {not_before}; is a clock wrong?")]
    NotYetValid {
        /// Which certificate.
        role: Role,
        /// Its first valid second.
        not_before: Timestamp,
    },
    /// The certificate's time has passed.
    #[error("the {role} certificate expired at {not_after}")]
    Expired {
        /// Which certificate.
        role: Role,
        /// Its last valid second.
        not_after: Timestamp,
    },
    /// The party's root has revoked a certificate of the path.
    #[error("the {role} certificate, or the one above it, has been revoked by its root")]
    Revoked {
        /// Which certificate.
        role: Role,
    },
    /// A key usage or extended key usage is missing, or is there and must not be.
    #[error("the certificate does not have exactly the usages of a {role} certificate: {why}")]
    WrongUsage {
        /// The role that the certificate was offered for.
        role: Role,
        /// Which usage is wrong.
        why: &'static str,
    },
    /// The certificate's name lies outside what an authority above it may certify (RFC 5280 §4.2.1.10).
    #[error("the {role} certificate's name lies outside the name constraint of its authority")]
    NameOutsideConstraint {
        /// Which certificate.
        role: Role,
    },
    /// The certificate does not carry exactly one DNS name of exactly one party.
    #[error("the {role} certificate's name is refused: {why}")]
    WrongName {
        /// Which certificate.
        role: Role,
        /// What is wrong with the name.
        why: &'static str,
    },
    /// The peer is a party, but not the one that was meant.
    #[error("meant to reach {expected}, but {found} answered")]
    UnexpectedParty {
        /// The party that was meant.
        expected: Party,
        /// The party that the certificate speaks for.
        found: Party,
    },
    /// No path leads from the certificate to the root of the party that it claims.
    #[error("the {role} certificate does not lead to the root of {party}")]
    WrongRoot {
        /// Which certificate.
        role: Role,
        /// The party that it claims.
        party: Party,
    },
    /// A signature of the path, the root or the revocation list does not verify.
    #[error("a signature on the way to the {role} certificate does not verify")]
    BadSignature {
        /// Which certificate.
        role: Role,
    },
    /// The key or the signature is not Ed25519.
    #[error("the {role} certificate does not use Ed25519 throughout")]
    WrongAlgorithm {
        /// Which certificate.
        role: Role,
    },
    /// The certificate lives longer than its profile or its root allows.
    #[error("the {role} certificate lives too long: {why}")]
    TooLongLived {
        /// Which certificate.
        role: Role,
        /// Which bound it breaks.
        why: &'static str,
    },
    /// The revocation list is not one that the party's root signed for all of its certificates.
    #[error("the revocation list of {party} is refused: {why}")]
    BadRevocationList {
        /// The party whose list it is.
        party: Party,
        /// What is wrong.
        why: &'static str,
    },
    /// Bytes are not what they should be.
    #[error("{what} cannot be read: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The party has no certificate with this thumbprint in the directory.
    #[error("{party} has no {role} certificate with the thumbprint {x5t}")]
    UnknownKey {
        /// The party.
        party: Party,
        /// The role that was asked for.
        role: Role,
        /// SHA-256 of the certificate that was asked for.
        x5t: Digest,
    },
    /// The party has no key of this role that is valid now.
    #[error("{party} has no {role} certificate that is valid now")]
    NoValidKey {
        /// The party.
        party: Party,
        /// The role that was asked for.
        role: Role,
    },
    /// The party has no prekey that is valid now, so nothing can be sealed to it.
    #[error("{0} has no prekey that is valid now; ask it to publish new ones")]
    NoPrekey(Party),
    /// A prekey does not hold.
    #[error("prekey of {party} is refused: {why}")]
    BadPrekey {
        /// The party whose prekey it is.
        party: Party,
        /// What is wrong.
        why: &'static str,
    },
    /// A certificate could not be made.
    #[error("the {role} certificate could not be made: {why}")]
    CannotIssue {
        /// Which certificate.
        role: Role,
        /// What the encoder said.
        why: String,
    },
    /// The key was retired before it was used.
    #[error("the {role} key was retired at {since}: {reason}")]
    Retired {
        /// Which key.
        role: Role,
        /// From when it speaks no longer.
        since: Timestamp,
        /// Why, in its owner's words.
        reason: String,
    },
    /// The key was used after the instant from which it must be taken for stolen.
    #[error("the {role} key is taken for stolen since {since}: {reason}")]
    Compromised {
        /// Which key.
        role: Role,
        /// From when others may hold it.
        since: Timestamp,
        /// Why, in its owner's words.
        reason: String,
    },
    /// A document of the federation is not laid out as it must be, or says what it may not.
    #[error("{what} is refused: {why}")]
    BadDocument {
        /// Which document.
        what: Document,
        /// What is wrong.
        why: &'static str,
    },
    /// Too few of the keys that must sign a document have signed it; distinct keys are counted.
    #[error("{what} bears {found} of the {needed} signatures that it needs")]
    Threshold {
        /// Which document.
        what: Document,
        /// How many distinct keys must sign.
        needed: usize,
        /// How many have.
        found: usize,
    },
    /// The first root document is not the one that was compared out of band.
    #[error("the federation's first root document has the fingerprint {found}, not {expected}")]
    WrongAnchor {
        /// What was compared.
        expected: Digest,
        /// What was found.
        found: Digest,
    },
    /// A document has another version than the one that must come next.
    #[error("{what} has version {found} where {expected} is due")]
    WrongVersion {
        /// Which document.
        what: Document,
        /// The version that is due.
        expected: u64,
        /// The version that it has.
        found: u64,
    },
    /// A document is older than the one that is known; versions never fall.
    #[error("{what} has version {found}, but version {known} is known")]
    VersionFell {
        /// Which document.
        what: Document,
        /// The newest version known.
        known: u64,
        /// The version that it has.
        found: u64,
    },
    /// A version is so high that hardly any could follow; only an attacker writes one.
    #[error("{what} has version {found}, which leaps ahead")]
    VersionLeaps {
        /// Which document.
        what: Document,
        /// The version that it has.
        found: u64,
    },
    /// One version was signed with two contents; the proof can be shown to anyone.
    #[error("{} of version {} was signed with two contents", .0.what(), .0.version())]
    SplitView(Box<SplitView>),
    /// A document says that it was made later than now.
    #[error("{what} was made at {issued}, which is yet to come; is a clock wrong?")]
    FromTheFuture {
        /// Which document.
        what: Document,
        /// When it says that it was made.
        issued: Timestamp,
    },
    /// A snapshot leaves out a party that the root still admits.
    #[error("the snapshot leaves out {0}, which the root has not removed")]
    Omitted(Party),
    /// The snapshot lists a part A that is not among the documents.
    #[error("part A of {0}, as the snapshot lists it, is missing")]
    MissingPart(Party),
    /// A State does not list the NPC for which a party would speak (ISACS 7.1.1).
    #[error("{0} is no NPC that its State lists")]
    UnlistedNpc(Party),
    /// The national list refuses the party.
    #[error("the national list refuses {party} since {since}: {reason}")]
    RefusedNationally {
        /// The party.
        party: Party,
        /// From when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
}

impl TrustError {
    /// Returns the stable name of the cause, for logs, counters and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownParty(_) => "unknown-party",
            Self::Suspended { .. } => "suspended",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::WrongUsage { .. } => "wrong-usage",
            Self::NameOutsideConstraint { .. } => "name-outside-constraint",
            Self::WrongName { .. } => "wrong-name",
            Self::UnexpectedParty { .. } => "unexpected-party",
            Self::WrongRoot { .. } => "wrong-root",
            Self::BadSignature { .. } => "bad-signature",
            Self::WrongAlgorithm { .. } => "wrong-algorithm",
            Self::TooLongLived { .. } => "too-long-lived",
            Self::BadRevocationList { .. } => "bad-revocation-list",
            Self::Malformed { .. } => "malformed",
            Self::UnknownKey { .. } => "unknown-key",
            Self::NoValidKey { .. } => "no-valid-key",
            Self::NoPrekey(_) => "no-prekey",
            Self::BadPrekey { .. } => "bad-prekey",
            Self::CannotIssue { .. } => "cannot-issue",
            Self::Retired { .. } => "retired",
            Self::Compromised { .. } => "compromised",
            Self::BadDocument { .. } => "bad-document",
            Self::Threshold { .. } => "threshold",
            Self::WrongAnchor { .. } => "wrong-anchor",
            Self::WrongVersion { .. } => "wrong-version",
            Self::VersionFell { .. } => "version-fell",
            Self::VersionLeaps { .. } => "version-leaps",
            Self::SplitView(_) => "split-view",
            Self::FromTheFuture { .. } => "from-the-future",
            Self::Omitted(_) => "omitted",
            Self::MissingPart(_) => "missing-part",
            Self::UnlistedNpc(_) => "unlisted-npc",
            Self::RefusedNationally { .. } => "refused-nationally",
        }
    }

    /// Returns the words for the peer: what it must mend, and nothing of what we know.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::UnknownParty(_) => "your party is not in our directory",
            Self::Suspended { .. } => "your party is suspended in our directory",
            Self::NotYetValid { .. } => "your certificate is not valid yet by our clock; compare the clocks",
            Self::Expired { .. } => "your certificate has expired by our clock; renew it",
            Self::Revoked { .. } => "your certificate has been revoked by your root",
            Self::WrongUsage { .. } => "your certificate does not have the usages of its role",
            Self::NameOutsideConstraint { .. } => {
                "your certificate's name lies outside its authority's constraint"
            }
            Self::WrongName { .. } => "your certificate does not name exactly one party",
            Self::UnexpectedParty { .. } => "you are not the party that we meant to reach",
            Self::WrongRoot { .. } => {
                "your certificate does not lead to the root that we know for your party"
            }
            Self::BadSignature { .. } => "a signature in your certificate path does not verify",
            Self::WrongAlgorithm { .. } => "your certificate path does not use Ed25519 throughout",
            Self::TooLongLived { .. } => "your certificate lives longer than is allowed",
            Self::BadRevocationList { .. } => {
                "the revocation list that we hold for you is refused; send a new one"
            }
            Self::Malformed { .. } => "your certificate or signature cannot be read",
            Self::UnknownKey { .. } => "we do not know the key that you signed with",
            Self::NoValidKey { .. } => "we know no key of yours that is valid now",
            Self::NoPrekey(_) => "we know no prekey of yours that is valid now",
            Self::BadPrekey { .. } => "your prekey is refused",
            Self::Retired { .. } => "you used a key that you have retired",
            Self::Compromised { .. } => "you used a key that you have declared stolen",
            Self::BadDocument { .. } => "a document of the federation cannot be read",
            Self::Threshold { .. } => "a document of the federation bears too few signatures",
            Self::WrongAnchor { .. } => "you belong to another federation",
            Self::WrongVersion { .. } | Self::VersionFell { .. } | Self::VersionLeaps { .. } => {
                "a document of the federation does not follow the one that we hold"
            }
            Self::SplitView(_) => "a document of the federation was signed with two contents",
            Self::FromTheFuture { .. } => "a document is from the future by our clock; compare the clocks",
            Self::Omitted(_) | Self::MissingPart(_) => "the documents of the federation are not complete",
            Self::UnlistedNpc(_) => "your State does not list your NPC",
            Self::RefusedNationally { .. } => "our State does not exchange with your party",
            Self::CannotIssue { .. } => "we have a fault of our own",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Issuing => "issuing",
            Self::Gateway => "gateway",
            Self::Seal => "seal",
            Self::Log => "log",
        })
    }
}
