use crate::cose;
use crate::cose::{Headers, Known, Payload, Sign1, Verified, label, sign1_digested};
use crate::envelope::EnvelopeError;
use crate::envelope::attachment::manifest_root;
use crate::envelope::elements::{Cut, Disclosure, SaltSeed, join, join_shown, label_digest};
use crate::envelope::keys::{KeyRing, speaks_for};
use crate::model::{
    Act, ActKind, CaseId, Digest, DirectoryRef, Entropy, Head, MessageId, OnBehalf, Party, Sensitive,
    Timestamp,
};
use crate::trust::{Directory, MandateDocument};
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// Media type of a statement's payload: the ordered digests of an act's elements.
const CONTENT_TYPE: &str = "application/vnd.valise.statement+cbor";
/// The version of statements that this code speaks.
pub(super) const WIRE_VERSION: u64 = 1;
/// Names SHA-256 in a certificate thumbprint (RFC 9054 §2.1).
const SHA_256: i64 = -16;
/// Flag bit of a training act (ISACS 7.1.4).
const FLAG_EXERCISE: u64 = 1;

const KNOWN: Known<'_> = Known {
    protected: &[
        label::CONTENT_TYPE,
        label::CWT_CLAIMS,
        label::X5T,
        label::VERSION,
        label::ACT,
        label::PARENTS,
        label::DIRECTORY,
        label::LOG_HEADS,
        label::LABEL_DIGEST,
        label::MANIFEST_ROOT,
        label::FLAGS,
        label::ON_BEHALF_OF,
    ],
    unprotected: &[],
};

/// The log heads that a statement carries, so that any of them later proves a fork (DESIGN §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads(
    /// The head of the issuer's own log about the addressed party.
    pub Option<Head>,
    /// The newest head of that party's log that the issuer has seen.
    pub Option<Head>,
);

/// What is about to be said.
#[derive(Clone, Debug)]
pub struct StatementDraft {
    /// The case.
    pub case: CaseId,
    /// The exact recipients; a copy sealed to anyone else is refused there.
    pub audience: Vec<Party>,
    /// The issuer's clock.
    pub issued_at: Timestamp,
    /// The act's random identity.
    pub message_id: MessageId,
    /// The statements on which it rests.
    pub parents: Vec<Digest>,
    /// The directory by which it was sealed.
    pub directory: DirectoryRef,
    /// Log heads.
    pub heads: Heads,
    /// Whether it is a training act.
    pub exercise: bool,
    /// On whose behalf an agent makes it, if on anyone's (ISACS 9.3).
    pub on_behalf_of: Option<OnBehalf>,
    /// The act.
    pub act: Act,
}

/// A statement that its issuer's seal key has signed and whose every element is there.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The party whose seal key signed.
    pub issuer: Party,
    /// SHA-256 over the Sig_structure: with issuer and message id it is the act's identity.
    pub digest: Digest,
    /// What is said.
    pub said: StatementDraft,
}

/// What a statement says of itself before anything is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedStatement {
    /// SHA-256 over the Sig_structure; it can be computed without any key.
    pub digest: Digest,
    /// Who is said to have signed.
    pub issuer: Party,
    /// The case.
    pub case: CaseId,
    /// To whom it is said.
    pub audience: Vec<Party>,
    /// The issuer's clock.
    pub issued_at: Timestamp,
    /// The act's random identity.
    pub message_id: MessageId,
}

/// A statement that its issuer's seal key has signed, with some or all of its elements shown.
#[derive(Clone, Debug)]
pub struct ShownStatement {
    /// Who says it, to whom and when.
    pub claimed: ClaimedStatement,
    /// The thumbprint of the certificate whose key signed.
    pub certificate: Digest,
    /// Which act it makes.
    pub kind: ActKind,
    /// The statements on which it rests.
    pub parents: Vec<Digest>,
    /// The directory by which it was sealed.
    pub directory: DirectoryRef,
    /// Log heads.
    pub heads: Heads,
    /// Whether it is a training act.
    pub exercise: bool,
    /// On whose behalf an agent makes it, if on anyone's (ISACS 9.3).
    pub on_behalf_of: Option<OnBehalf>,
    /// The act, as far as its elements are shown; `None` if too few are.
    pub act: Option<Act>,
    /// How many elements it has.
    pub elements: usize,
    /// How many of them are shown.
    pub shown: usize,
}

/// The bytes of a signed statement with its disclosures.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The COSE_Sign1.
    pub bytes: Vec<u8>,
    /// The statement digest.
    pub digest: Digest,
    /// The act's body, in its one encoding.
    pub body: Sensitive<Vec<u8>>,
    /// The elements.
    pub disclosures: Vec<Disclosure>,
    /// From which their salts are derived.
    pub seed: SaltSeed,
    /// The mandate by which it speaks for a principal, if it does.
    pub mandate: Option<MandateDocument>,
}

/// The claims of a CWT that a statement makes (RFC 8392 §3.1), by their integer keys.
struct Claims {
    issuer: Party,
    case: CaseId,
    audience: Vec<Party>,
    issued_at: Timestamp,
    message_id: MessageId,
}

impl StatementDraft {
    /// Signs the statement with the party's seal key.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] or [`EnvelopeError::Cose`] if it cannot be encoded, which is a bug.
    pub fn sign(&self, ring: &KeyRing, entropy: &mut dyn Entropy) -> Result<Signed, EnvelopeError> {
        let (Cut { body, disclosures }, seed) = Cut::fresh(&self.act, entropy)?;
        let payload = payload(&disclosures)?;
        let (key, certificate) = ring.for_statement();
        let claims = Claims {
            issuer: ring.party.clone(),
            case: self.case.clone(),
            audience: self.audience.clone(),
            issued_at: self.issued_at,
            message_id: self.message_id,
        };
        let mut protected = vec![
            (label::CONTENT_TYPE, Value::from(CONTENT_TYPE)),
            (label::CWT_CLAIMS, claims.to_value()?),
            (label::X5T, thumbprint(certificate)),
            (label::VERSION, Value::from(WIRE_VERSION)),
            (label::ACT, Value::from(self.act.kind().code())),
            (label::PARENTS, wire::to_value(&self.parents)?),
            (label::DIRECTORY, wire::to_value(&(self.directory.version, self.directory.digest))?),
            (label::LOG_HEADS, wire::to_value(&self.heads)?),
            (label::LABEL_DIGEST, wire::to_value(&label_digest(&disclosures)?)?),
            (label::MANIFEST_ROOT, wire::to_value(&manifest_root(&self.act)?)?),
            (label::FLAGS, Value::from(if self.exercise { FLAG_EXERCISE } else { 0 })),
        ];
        if let Some(on_behalf_of) = &self.on_behalf_of {
            protected.push((label::ON_BEHALF_OF, wire::to_value(on_behalf_of)?));
        }
        let (bytes, digest) = sign1_digested(key, protected, Vec::new(), Payload::Attached(&payload), &[])?;
        Ok(Signed { bytes, digest, body, disclosures, seed, mandate: None })
    }
}

impl ClaimedStatement {
    /// Reads what a statement claims; its signature is not checked.
    ///
    /// # Errors
    /// [`EnvelopeError::Cose`], [`EnvelopeError::UnsupportedVersion`] or [`EnvelopeError::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
        let version: u64 = unverified.unverified_headers().read(label::VERSION)?;
        if version != WIRE_VERSION {
            return Err(EnvelopeError::UnsupportedVersion(version));
        }
        let claims = Claims::read(unverified.unverified_headers())?;
        let Claims { issuer, case, audience, issued_at, message_id } = claims;
        let digest = unverified.sig_structure_digest(None, &[])?;
        Ok(Self { digest, issuer, case, audience, issued_at, message_id })
    }
}

impl ClaimedStatement {
    /// Reads who a statement claims to be from and which log heads it cites; nothing is checked.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn heads(bytes: &[u8]) -> Result<(Party, Heads), EnvelopeError> {
        let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
        let claims = Claims::read(unverified.unverified_headers())?;
        Ok((claims.issuer, unverified.unverified_headers().read(label::LOG_HEADS)?))
    }

    /// Reads by which seal certificate a statement claims to be signed, and which directory it cites; nothing is checked.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn trust(bytes: &[u8]) -> Result<(Digest, DirectoryRef), EnvelopeError> {
        let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
        let headers = unverified.unverified_headers();
        let (version, digest): (u64, Digest) = headers.read(label::DIRECTORY)?;
        Ok((read_thumbprint(headers)?, DirectoryRef { version, digest }))
    }
}

impl Statement {
    /// Verifies a statement with all its disclosures.
    ///
    /// # Errors
    /// The first cause: structure, version, key, signature, then each disclosure.
    pub fn verify(
        bytes: &[u8],
        disclosures: &[Disclosure],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, EnvelopeError> {
        let act = |kind| join(kind, disclosures);
        Self::verify_with(bytes, None, disclosures, act, directory, now)
    }

    /// Verifies a statement that came without its payload, which its act gives; returns it with the bytes that were
    /// signed, payload and all. Else as [`Self::verify`].
    ///
    /// # Errors
    /// As for [`Self::verify`].
    pub fn verify_cut(
        detached: &[u8],
        cut: &Cut,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Self, Vec<u8>), EnvelopeError> {
        let digests = payload(&cut.disclosures)?;
        let act = |kind| cut.act(kind);
        let statement = Self::verify_with(detached, Some(&digests), &cut.disclosures, act, directory, now)?;
        Ok((statement, cose::attach(detached, &digests, &Limits::ENVELOPE)?))
    }

    /// `digests` is the payload where the statement carries none: what the disclosures give.
    fn verify_with(
        bytes: &[u8],
        digests: Option<&[u8]>,
        disclosures: &[Disclosure],
        act: impl FnOnce(ActKind) -> Result<Act, EnvelopeError>,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, EnvelopeError> {
        let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
        let version: u64 = unverified.unverified_headers().read(label::VERSION)?;
        if version != WIRE_VERSION {
            return Err(EnvelopeError::UnsupportedVersion(version));
        }
        let claimed = Claims::read(unverified.unverified_headers())?;
        let certificate = read_thumbprint(unverified.unverified_headers())?;
        let key = speaks_for(directory, &claimed.issuer, &certificate, now)?;
        let verified = unverified.verify(&key, digests, &[])?;
        let kind = check_headers(verified.headers(), disclosures)?;
        if digests.is_none() {
            check_digests(&verified, disclosures)?;
        }
        let act = act(kind)?;
        check_manifest(verified.headers(), &act)?;
        Self::assemble(verified.headers(), claimed, verified.sig_structure_digest(), act)
    }

    /// Verifies a statement of which only some elements are shown, those in their signed order.
    ///
    /// `at` is when its key must have held. With all elements shown, this proves what [`Self::verify`] does.
    ///
    /// # Errors
    /// As for [`Self::verify`].
    pub fn verify_shown(
        bytes: &[u8],
        shown: &[Disclosure],
        directory: &Directory,
        at: Timestamp,
    ) -> Result<ShownStatement, EnvelopeError> {
        let claimed = ClaimedStatement::read(bytes)?;
        let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
        let certificate = read_thumbprint(unverified.unverified_headers())?;
        let key = speaks_for(directory, &claimed.issuer, &certificate, at)?;
        let verified = unverified.verify(&key, None, &[])?;
        let headers = verified.headers();
        let kind = check_kind(headers)?;
        let elements = check_shown(&verified, shown)?;
        let act = if elements == shown.len() {
            check_labels(headers, shown)?;
            let act = join(kind, shown)?;
            check_manifest(headers, &act)?;
            Some(act)
        } else {
            join_shown(kind, shown).ok()
        };
        let (version, digest): (u64, Digest) = headers.read(label::DIRECTORY)?;
        let flags: u64 = headers.read(label::FLAGS)?;
        if flags & !FLAG_EXERCISE != 0 {
            return Err(EnvelopeError::Unsupported("an unknown flag"));
        }
        Ok(ShownStatement {
            parents: headers.read(label::PARENTS)?,
            directory: DirectoryRef { version, digest },
            heads: headers.read(label::LOG_HEADS)?,
            exercise: flags & FLAG_EXERCISE != 0,
            on_behalf_of: headers
                .get(label::ON_BEHALF_OF)
                .map(|_| headers.read(label::ON_BEHALF_OF))
                .transpose()?,
            certificate,
            claimed,
            kind,
            act,
            elements,
            shown: shown.len(),
        })
    }

    fn assemble(headers: &Headers, claims: Claims, digest: Digest, act: Act) -> Result<Self, EnvelopeError> {
        let (version, directory_digest): (u64, Digest) = headers.read(label::DIRECTORY)?;
        let flags: u64 = headers.read(label::FLAGS)?;
        if flags & !FLAG_EXERCISE != 0 {
            return Err(EnvelopeError::Unsupported("an unknown flag"));
        }
        Ok(Self {
            issuer: claims.issuer,
            digest,
            said: StatementDraft {
                case: claims.case,
                audience: claims.audience,
                issued_at: claims.issued_at,
                message_id: claims.message_id,
                parents: headers.read(label::PARENTS)?,
                directory: DirectoryRef { version, digest: directory_digest },
                heads: headers.read(label::LOG_HEADS)?,
                exercise: flags & FLAG_EXERCISE != 0,
                on_behalf_of: headers
                    .get(label::ON_BEHALF_OF)
                    .map(|_| headers.read(label::ON_BEHALF_OF))
                    .transpose()?,
                act,
            },
        })
    }
}

/// Writes what is signed: the digests of the elements in their order.
pub(super) fn payload(disclosures: &[Disclosure]) -> Result<Vec<u8>, EnvelopeError> {
    let digests: Vec<ByteArray<32>> = disclosures.iter().map(|d| ByteArray::new(d.digest().0)).collect();
    Ok(wire::encode(&digests)?)
}

fn check_headers(headers: &Headers, disclosures: &[Disclosure]) -> Result<ActKind, EnvelopeError> {
    let kind = check_kind(headers)?;
    check_labels(headers, disclosures)?;
    Ok(kind)
}

fn check_kind(headers: &Headers) -> Result<ActKind, EnvelopeError> {
    if headers.read::<String>(label::CONTENT_TYPE)? != CONTENT_TYPE {
        return Err(EnvelopeError::Malformed("the payload is of another media type"));
    }
    let kind: String = headers.read(label::ACT)?;
    ActKind::from_code(&kind).ok_or(EnvelopeError::UnknownAct)
}

fn check_labels(headers: &Headers, disclosures: &[Disclosure]) -> Result<(), EnvelopeError> {
    let same = headers.read::<Digest>(label::LABEL_DIGEST)? == label_digest(disclosures)?;
    if same { Ok(()) } else { Err(EnvelopeError::DisclosureMismatch) }
}

/// The names of the files stand in the signed header too, so that a copy with hidden elements names them.
fn check_manifest(headers: &Headers, act: &Act) -> Result<(), EnvelopeError> {
    let same = headers.read::<Option<Digest>>(label::MANIFEST_ROOT)? == manifest_root(act)?;
    if same { Ok(()) } else { Err(EnvelopeError::Malformed("the manifest is not that of the act's files")) }
}

/// Finds each shown element among the signed digests, in their order; tells how many there are.
fn check_shown(verified: &Verified, shown: &[Disclosure]) -> Result<usize, EnvelopeError> {
    let signed: Vec<ByteArray<32>> = wire::decode(verified.payload(), &Limits::ENVELOPE)?;
    let mut rest = signed.iter();
    let all_there = shown.iter().all(|d| rest.any(|digest| **digest == d.digest().0));
    if all_there { Ok(signed.len()) } else { Err(EnvelopeError::DisclosureMismatch) }
}

fn check_digests(verified: &Verified, disclosures: &[Disclosure]) -> Result<(), EnvelopeError> {
    // An array of byte strings has one encoding.
    let same = verified.payload() == payload(disclosures)?;
    if same { Ok(()) } else { Err(EnvelopeError::DisclosureMismatch) }
}

impl Claims {
    const ISSUER: i64 = 1;
    const SUBJECT: i64 = 2;
    const AUDIENCE: i64 = 3;
    const ISSUED_AT: i64 = 6;
    const ID: i64 = 7;

    fn to_value(&self) -> Result<Value, EnvelopeError> {
        let claims = [
            (Self::ISSUER, wire::to_value(&self.issuer)?),
            (Self::SUBJECT, wire::to_value(&self.case)?),
            (Self::AUDIENCE, wire::to_value(&self.audience)?),
            (Self::ISSUED_AT, wire::to_value(&self.issued_at)?),
            (Self::ID, wire::to_value(&self.message_id)?),
        ];
        Ok(Value::Map(claims.into_iter().map(|(key, value)| (Value::from(key), value)).collect()))
    }

    fn read(headers: &Headers) -> Result<Self, EnvelopeError> {
        let malformed = EnvelopeError::Malformed("the claims are not iss, sub, aud, iat, cti");
        let Some(map) = headers.get(label::CWT_CLAIMS).and_then(Value::as_map) else { return Err(malformed) };
        let keys = [Self::ISSUER, Self::SUBJECT, Self::AUDIENCE, Self::ISSUED_AT, Self::ID].map(Value::from);
        if !map.iter().map(|(key, _)| key).eq(keys.iter()) {
            return Err(malformed);
        }
        let read = |at: usize| &map[at].1;
        Ok(Self {
            issuer: wire::from_value(read(0))?,
            case: wire::from_value(read(1))?,
            audience: wire::from_value(read(2))?,
            issued_at: wire::from_value(read(3))?,
            message_id: wire::from_value(read(4))?,
        })
    }
}

/// Writes a certificate's thumbprint as an x5t header (RFC 9360 §2).
pub(super) fn thumbprint(certificate: &Digest) -> Value {
    Value::Array(vec![Value::from(SHA_256), Value::Bytes(certificate.0.to_vec())])
}

/// Reads an x5t header.
pub(super) fn read_thumbprint(headers: &Headers) -> Result<Digest, EnvelopeError> {
    let (algorithm, digest): (i64, Digest) = headers.read(label::X5T)?;
    if algorithm != SHA_256 {
        return Err(EnvelopeError::Malformed("the certificate's thumbprint is not SHA-256"));
    }
    Ok(digest)
}
