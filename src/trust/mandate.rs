//! Mandates: who may act for whom, in what, until when (ISACS 9.3).
//!
//! A mandate is a document of its own, signed by the principal's seal key over its terms and
//! countersigned by the agent's seal key, so that whoever holds it can verify it without the case in
//! which it was given. Its name is the digest of what the principal signed.

use super::{Directory, TrustError};
use crate::cose::{CoseError, Headers, Known, Payload, Sign1, SigningKey, label, sign1};
use crate::model::{
    ActKind, CaseId, CaseScope, Digest, MandateFault, MandateTerms, OnBehalf, Party, PeerScope, Power,
    SignedBytes, Timestamp,
};
use crate::wire;
use crate::wire::{Limits, WireError};
use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const GRANT: &str = "application/vnd.valise.mandate+cbor";
const ACCEPTANCE: &str = "application/vnd.valise.mandate-acceptance+cbor";
/// Names SHA-256 in a certificate thumbprint (RFC 9054 §2.1).
const SHA_256: i64 = -16;
/// The CWT claim that names the signer (RFC 8392 §3.1.1).
const ISSUER: i64 = 1;
const KNOWN: Known<'_> =
    Known { protected: &[label::CONTENT_TYPE, label::CWT_CLAIMS, label::X5T], unprotected: &[] };

/// A mandate as it travels; nothing in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateDocument {
    /// The principal's signature over the terms, a COSE_Sign1.
    pub grant: SignedBytes,
    /// The agent's countersignature, a COSE_Sign1; absent until it accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<SignedBytes>,
}

/// A mandate whose signatures hold at the instant for which it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedMandate {
    terms: MandateTerms,
    digest: Digest,
    accepted: bool,
}

/// What an agent does, or wants to do, on its principal's behalf.
#[derive(Clone, Copy, Debug)]
pub struct ActOnBehalf<'a> {
    /// Who acts.
    pub agent: &'a Party,
    /// For whom, and by which mandate.
    pub on_behalf_of: &'a OnBehalf,
    /// Which act.
    pub kind: ActKind,
    /// Whether the agent's side is the one that asks in the case.
    pub asks: bool,
    /// In which case.
    pub case: &'a CaseId,
    /// Whether it is a training act.
    pub exercise: bool,
    /// All recipients; the first one is the other side of the case.
    pub audience: &'a [Party],
    /// When it is taken in or, by the agent, made.
    pub at: Timestamp,
}

/// Says why a mandate was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MandateError {
    /// It does not carry the act.
    #[error("{}", .0.words())]
    Fault(MandateFault),
    /// A key does not speak for its party.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A signature does not hold.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// It is not what the wire allows.
    #[error(transparent)]
    Wire(#[from] WireError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    mandate: Digest,
}

impl MandateDocument {
    /// Signs terms with the principal's seal key; the agent has yet to countersign.
    ///
    /// # Errors
    /// [`MandateError::Wire`] or [`MandateError::Cose`] if they cannot be encoded, which is a bug.
    pub fn grant(terms: &MandateTerms, seal: &(SigningKey, Digest)) -> Result<Self, MandateError> {
        Ok(Self { grant: sign(GRANT, &terms.principal, terms, seal)?, acceptance: None })
    }

    /// Countersigns with the agent's seal key.
    ///
    /// # Errors
    /// As for [`Self::grant`].
    pub fn accept(&self, agent: &Party, seal: &(SigningKey, Digest)) -> Result<Self, MandateError> {
        let acceptance = sign(ACCEPTANCE, agent, &Acceptance { mandate: self.digest()? }, seal)?;
        Ok(Self { grant: self.grant.clone(), acceptance: Some(acceptance) })
    }

    /// Computes the mandate's name: SHA-256 over the Sig_structure that the principal signed.
    ///
    /// # Errors
    /// [`MandateError::Cose`] if it is no COSE_Sign1.
    pub fn digest(&self) -> Result<Digest, MandateError> {
        Ok(Sign1::parse(&self.grant.0, &Limits::ENVELOPE, &KNOWN)?.sig_structure_digest(None, &[])?)
    }

    /// Verifies the signatures at `at`, the instant of use: a mandate ends with the certificates under
    /// which it was signed.
    ///
    /// # Errors
    /// The first cause: structure, terms, the principal's signature, the agent's.
    pub fn verify(&self, directory: &Directory, at: Timestamp) -> Result<VerifiedMandate, MandateError> {
        let (digest, principal, terms): (_, _, MandateTerms) = verified(&self.grant.0, GRANT, directory, at)?;
        if terms.principal != principal {
            return Err(MandateError::Fault(MandateFault::WrongPrincipal));
        }
        if terms.powers.is_empty() || terms.principal == terms.agent {
            return Err(MandateError::Fault(MandateFault::NotUnderstood));
        }
        if let Some(acceptance) = &self.acceptance {
            let (_, agent, accepted): (_, _, Acceptance) =
                verified(&acceptance.0, ACCEPTANCE, directory, at)?;
            if agent != terms.agent {
                return Err(MandateError::Fault(MandateFault::WrongAgent));
            }
            if accepted.mandate != digest {
                return Err(MandateError::Fault(MandateFault::AnotherMandate));
            }
        }
        Ok(VerifiedMandate { terms, digest, accepted: self.acceptance.is_some() })
    }
}

impl VerifiedMandate {
    /// Returns the terms.
    pub const fn terms(&self) -> &MandateTerms {
        &self.terms
    }

    /// Returns the mandate's name.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Tells whether the agent has countersigned.
    pub const fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Tells whether the mandate carries an act (DESIGN §12.8); whether it was revoked is known to those
    /// who have the revocation.
    ///
    /// # Errors
    /// The first cause: whose mandate, its terms, the recipients.
    pub fn covers(&self, act: &ActOnBehalf<'_>) -> Result<(), MandateFault> {
        if self.digest != act.on_behalf_of.mandate {
            return Err(MandateFault::AnotherMandate);
        }
        if !self.accepted {
            return Err(MandateFault::NotAccepted);
        }
        covers(&self.terms, act)
    }
}

/// Tells whether terms carry an act: a relation of values, without keys.
///
/// # Errors
/// The first cause.
pub fn covers(terms: &MandateTerms, act: &ActOnBehalf<'_>) -> Result<(), MandateFault> {
    let refuse_unless = |holds, fault| if holds { Ok(()) } else { Err(fault) };
    refuse_unless(terms.principal == act.on_behalf_of.principal, MandateFault::WrongPrincipal)?;
    refuse_unless(terms.agent == *act.agent, MandateFault::WrongAgent)?;
    let power = power(act.kind, act.asks).ok_or(MandateFault::SubDelegation)?;
    refuse_unless(terms.powers.contains(&power), MandateFault::Power)?;
    let in_case = match &terms.cases {
        CaseScope::All => true,
        CaseScope::Exercises => act.exercise,
        CaseScope::Cases(cases) => cases.contains(act.case),
    };
    refuse_unless(in_case, MandateFault::Case)?;
    let towards = match (&terms.peers, act.audience.first()) {
        (_, None) => false,
        (PeerScope::All, Some(peer)) => *peer != terms.principal,
        (PeerScope::Parties(parties), Some(peer)) => parties.contains(peer) && *peer != terms.principal,
    };
    refuse_unless(towards, MandateFault::Peer)?;
    // The other side and the principal, and nobody else (ISACS 9.3: the principal always has its copy).
    let copied = matches!(act.audience, [_, principal] if *principal == terms.principal);
    refuse_unless(copied, MandateFault::NoCopy)?;
    refuse_unless(act.at >= terms.not_before, MandateFault::NotYetValid)?;
    refuse_unless(act.at < terms.not_after, MandateFault::Expired)
}

/// Returns the power that an act takes; none for acts that nobody can make for another.
const fn power(kind: ActKind, asks: bool) -> Option<Power> {
    match kind {
        ActKind::Request => Some(Power::Initiate),
        ActKind::Resubmission | ActKind::Withdrawal => Some(Power::Conduct),
        ActKind::Acknowledgement
        | ActKind::ReturnIncomplete
        | ActKind::Response
        | ActKind::Delay
        | ActKind::Refusal => Some(Power::Receive),
        ActKind::ConsentRequest | ActKind::DisclosureNotice => Some(Power::Conduct),
        ActKind::ConsentDenial | ActKind::ConsentWithdrawal => Some(Power::Receive),
        ActKind::ClarificationRequest | ActKind::Clarification | ActKind::OutcomeNotice => {
            Some(if asks { Power::Conduct } else { Power::Receive })
        }
        // Consent is the originator's own to give (DESIGN §12.10).
        ActKind::ConsentGrant
        | ActKind::Mandate
        | ActKind::MandateRevocation
        | ActKind::Notice
        | ActKind::AssistanceRequest
        | ActKind::AssistanceReply => None,
    }
}

impl MandateError {
    /// Returns the stable code for a rejection.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::Trust(e) => e.code(),
            Self::Cose(e) => e.code(),
            Self::Wire(e) => e.code(),
        }
    }

    /// Returns words that may be told to the peer.
    pub const fn words_for_peer(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.words(),
            Self::Trust(e) => e.words_for_peer(),
            Self::Cose(e) => e.words_for_peer(),
            Self::Wire(e) => e.words_for_peer(),
        }
    }
}

fn sign<T: Serialize>(
    media_type: &str,
    signer: &Party,
    content: &T,
    (key, certificate): &(SigningKey, Digest),
) -> Result<SignedBytes, MandateError> {
    let x5t = Value::Array(vec![Value::from(SHA_256), Value::Bytes(certificate.0.to_vec())]);
    let claims = Value::Map(vec![(Value::from(ISSUER), wire::to_value(signer)?)]);
    let protected =
        vec![(label::CONTENT_TYPE, Value::from(media_type)), (label::CWT_CLAIMS, claims), (label::X5T, x5t)];
    let payload = wire::encode(content)?;
    Ok(SignedBytes(sign1(key, protected, Vec::new(), Payload::Attached(&payload), &[])?))
}

/// Verifies with a seal key of the party named in the header, and returns digest, party and content; a
/// key of another use, such as a relay's, speaks for nobody.
fn verified<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    media_type: &str,
    directory: &Directory,
    at: Timestamp,
) -> Result<(Digest, Party, T), MandateError> {
    let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
    let headers = unverified.unverified_headers();
    let (algorithm, certificate): (i64, Digest) = headers.read(label::X5T)?;
    if algorithm != SHA_256 {
        return Err(MandateError::Cose(CoseError::HeaderValue(label::X5T)));
    }
    let signer = signer(headers)?;
    let key = directory.seal_key(&signer, &certificate, at)?;
    let verified = unverified.verify(&key, None, &[])?;
    if verified.headers().read::<String>(label::CONTENT_TYPE)? != media_type {
        return Err(MandateError::Cose(CoseError::HeaderValue(label::CONTENT_TYPE)));
    }
    let content = wire::decode(verified.payload(), &Limits::ENVELOPE)
        .map_err(|_| MandateError::Fault(MandateFault::NotUnderstood))?;
    Ok((verified.sig_structure_digest(), signer, content))
}

fn signer(headers: &Headers) -> Result<Party, MandateError> {
    let refused = MandateError::Cose(CoseError::HeaderValue(label::CWT_CLAIMS));
    let claims = headers.get(label::CWT_CLAIMS).and_then(Value::as_map).map(Vec::as_slice);
    match claims {
        Some([(key, signer)]) if *key == Value::from(ISSUER) => Ok(wire::from_value(signer)?),
        Some(_) | None => Err(refused),
    }
}
