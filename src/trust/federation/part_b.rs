use super::root::{MAX_REASON, is_sentence};
use super::signed::{Document, Signature, SignedDocument};
use super::{Retirement, VerifiedPartA};
use crate::cose::{KemPublic, SigningKey};
use crate::model::{Digest, Party, Timestamp};
use crate::trust::entry::{CertifiedKey, read_leaf};
use crate::trust::{Prekey, PrekeyId, Role, TrustError, Validity, profile};
use crate::wire::encode;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeSet;

/// The most entries of any list; what counts is that the whole stays below 8 KiB.
const MAX_ENTRIES: usize = 16;

/// What a party's gateway says of itself; it changes weekly, and needs neither the offline root nor a publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartB {
    /// Whose it is.
    pub party: Party,
    /// The version, which only rises.
    pub version: u64,
    /// When it was signed.
    pub issued: Timestamp,
    /// The log certificates; retired ones stay, so that old evidence still verifies.
    pub logs: Vec<LogEntry>,
    /// The certificates under which the gateway certifies its TLS keys, in DER.
    pub issuing: Vec<ByteBuf>,
    /// The keys to which messages for the party may be sealed.
    pub prekeys: Vec<PrekeyEntry>,
    /// Where its gateway is reached, best first.
    pub routes: Vec<Route>,
    /// What its gateway can do beyond this version of the protocol; short words.
    pub capabilities: Vec<String>,
}

/// A log certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// The certificate, in DER.
    pub certificate: ByteBuf,
    /// The digest of the ML-DSA-65 key that signs anchor checkpoints beside the log key (DESIGN §7).
    pub twin: Option<Digest>,
    /// If its key speaks no longer.
    pub retired: Option<Retirement>,
}

/// A prekey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrekeyEntry {
    /// 16 bytes.
    pub id: ByteBuf,
    /// The X-Wing key.
    pub public: KemPublic,
    /// The first second in which senders may seal to it.
    pub not_before: Timestamp,
    /// The last second in which senders may seal to it.
    pub not_after: Timestamp,
    /// Whether it is for use only when no other one holds.
    pub last_resort: bool,
}

/// A road to a gateway: `quic://host:port`, `tls://host:port`, or `relay:org:name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// QUIC over UDP, at `host:port`.
    Quic(String),
    /// TLS over TCP, at `host:port`.
    Tls(String),
    /// The mailbox at a relay that the federation knows as this party.
    Relay(Party),
}

/// A part B that one of its party's seal keys has signed, with all certificates in it checked.
#[derive(Debug)]
pub(in crate::trust) struct VerifiedPartB {
    pub part: PartB,
    pub digest: Digest,
    pub bytes: Vec<u8>,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    pub logs: Vec<CertifiedKey>,
    /// Each with whether it is a last resort.
    pub prekeys: Vec<(Prekey, bool)>,
}

impl PartB {
    /// Drafts the first part B of a party with one log key, whose certificate is in DER; it says nothing more.
    pub fn first(party: Party, issued: Timestamp, log: &[u8], twin: Option<Digest>) -> Self {
        Self {
            party,
            version: 1,
            issued,
            logs: vec![LogEntry { certificate: log.to_vec().into(), twin, retired: None }],
            issuing: vec![],
            prekeys: vec![],
            routes: vec![],
            capabilities: vec![],
        }
    }

    /// Signs the part with a seal key, whose certificate has the thumbprint `seal`.
    ///
    /// # Errors
    /// `BadDocument` if it has no encoding or is longer than 8 KiB.
    pub fn sign(&self, seal: &Digest, key: &SigningKey) -> Result<SignedDocument, TrustError> {
        let bad = |why| TrustError::BadDocument { what: Document::PartB, why };
        let document = encode(self).map_err(|_| bad("it has no encoding"))?;
        let signature = Signature::make(Document::PartB, &document, &seal.0, key)?;
        let signed = SignedDocument::new(Document::PartB, document, [signature]);
        if signed.to_bytes().len() > Document::PartB.limits().bytes {
            return Err(bad("it is longer than 8 KiB; drop retired keys or prekeys that no longer hold"));
        }
        Ok(signed)
    }

    /// Reads what a part B says, proving nothing: for its own party, and for tools.
    ///
    /// # Errors
    /// `BadDocument`.
    pub fn read_unproved(bytes: &[u8]) -> Result<Self, TrustError> {
        SignedDocument::parse(Document::PartB, bytes)?.read()
    }

    fn check(&self) -> Result<(), TrustError> {
        let bad = |why| Err(TrustError::BadDocument { what: Document::PartB, why });
        let lists = [
            self.logs.len(),
            self.issuing.len(),
            self.prekeys.len(),
            self.routes.len(),
            self.capabilities.len(),
        ];
        if lists.iter().any(|len| *len > MAX_ENTRIES) {
            return bad("a list is too long");
        }
        let ids: BTreeSet<&[u8]> = self.prekeys.iter().map(|p| p.id.as_slice()).collect();
        if ids.len() != self.prekeys.len() || ids.iter().any(|id| id.len() != 16) {
            return bad("a prekey's id is not 16 bytes, or stands twice");
        }
        let host_ok = |a: &str| {
            (3..=260).contains(&a.len())
                && a.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
                && a.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|p| p > 0))
        };
        let route_ok = |route: &Route| match route {
            Route::Quic(address) | Route::Tls(address) => host_ok(address),
            Route::Relay(_) => true,
        };
        if !self.routes.iter().all(route_ok) {
            return bad("a route is no host:port");
        }
        let reasons = self.logs.iter().filter_map(|l| l.retired.as_ref()).map(|r| &r.reason);
        if !reasons.chain(&self.capabilities).all(|text| is_sentence(text, MAX_REASON)) {
            return bad("a reason or a capability is not 1 to 200 printable characters");
        }
        Ok(())
    }
}

impl PrekeyEntry {
    /// Lists a prekey.
    pub fn new(prekey: &Prekey, last_resort: bool) -> Self {
        Self {
            id: ByteBuf::from(prekey.id.0.to_vec()),
            public: prekey.public.clone(),
            not_before: prekey.validity.not_before,
            not_after: prekey.validity.not_after,
            last_resort,
        }
    }

    /// Reads the prekey, with whether it is a last resort.
    ///
    /// # Errors
    /// `BadPrekey`.
    pub fn read(&self, party: &Party) -> Result<(Prekey, bool), TrustError> {
        let bad = |why| TrustError::BadPrekey { party: party.clone(), why };
        let id = self.id.as_slice().try_into().map_err(|_| bad("its id is not 16 bytes"))?;
        let validity = Validity { not_before: self.not_before, not_after: self.not_after };
        if validity.seconds() <= 0 {
            return Err(bad("it ends before it begins"));
        }
        Ok((Prekey { id: PrekeyId(id), public: self.public.clone(), validity }, self.last_resort))
    }
}

impl VerifiedPartB {
    /// Verifies all in a part B that does not depend on time; what does is checked at each use.
    pub(in crate::trust) fn verify(bytes: &[u8], a: &VerifiedPartA) -> Result<Self, TrustError> {
        let signed = SignedDocument::parse(Document::PartB, bytes)?;
        let part: PartB = signed.read()?;
        let party = &a.part.party;
        if part.party != *party {
            return Err(TrustError::UnexpectedParty { expected: party.clone(), found: part.party });
        }
        let by = a.seals.iter().find(|seal| signed.is_signed_by(&seal.x5t.0, &seal.key));
        let seal = by.ok_or(TrustError::BadSignature { role: Role::Seal })?.x5t;
        Self::trusting(part, a, (signed.digest(), seal), bytes.to_vec())
    }

    /// Checks everything but the signature.
    pub(in crate::trust) fn trusting(
        part: PartB,
        a: &VerifiedPartA,
        (digest, seal): (Digest, Digest),
        bytes: Vec<u8>,
    ) -> Result<Self, TrustError> {
        super::in_range(Document::PartB, part.version)?;
        part.check()?;
        let read = |log: &LogEntry| {
            let key = read_leaf(Role::Log, &log.certificate, &a.roots, a.revocations.as_ref())?;
            Ok(CertifiedKey { retired: log.retired.clone(), twin: log.twin, ..key })
        };
        let logs = part.logs.iter().map(read).collect::<Result<Vec<_>, TrustError>>()?;
        for der in &part.issuing {
            profile::validity(Role::Issuing, der)?;
        }
        let prekeys = part.prekeys.iter().map(|p| p.read(&part.party)).collect::<Result<_, _>>()?;
        Ok(Self { part, digest, bytes, seal, logs, prekeys })
    }
}
