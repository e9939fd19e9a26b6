use super::{
    Prekey, PrekeyId, Role, SignedPrekey, SignedTwin, TrustError, Usage, Validity,
    path::Path,
    profile::{self, Facts, Revocations},
};
use crate::cose::{KemPublic, PqVerifyingKey, VerifyingKey};
use crate::model::{Digest, Party, Timestamp};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use webpki::KeyUsage;

/// The most certificates of one role that a card may carry; two are enough for any rollover.
const MAX_CERTIFICATES: usize = 16;
/// The most prekeys that a card may carry; weekly epochs for more than a year.
const MAX_PREKEYS: usize = 64;

/// What a party publishes about itself, as it stands in a file; nothing in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Whose card it is.
    pub party: Party,
    /// The party's name by language code (ISO 639), `fr = "Point de contact national"`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// The root certificate in PEM.
    pub root: String,
    /// The seal certificates in PEM; old ones stay, so that old evidence still verifies.
    pub seals: Vec<String>,
    /// The log certificates in PEM.
    pub logs: Vec<String>,
    /// The root's revocation list in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations: Option<String>,
    /// From when the party is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_since: Option<Timestamp>,
    /// The keys to which messages for the party may be sealed.
    #[serde(default)]
    pub prekeys: Vec<CardPrekey>,
    /// The ML-DSA-65 twins of the log keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<CardTwin>,
}

/// The twin of a log key in a card; bytes are lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardTwin {
    /// The thumbprint of the log certificate beside which it stands.
    pub log: Digest,
    /// 1,952 bytes.
    pub key: String,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    /// 64 bytes.
    pub signature: String,
}

/// A signed prekey in a card; bytes are lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardPrekey {
    /// 16 bytes.
    pub id: String,
    /// 1,216 bytes.
    pub public: String,
    /// The first second in which senders may seal to it.
    pub not_before: Timestamp,
    /// The last second in which senders may seal to it.
    pub not_after: Timestamp,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    /// 64 bytes.
    pub signature: String,
}

/// A key that its party's root has certified, with the times between which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// The key.
    pub key: VerifyingKey,
    /// The certificate's thumbprint.
    pub x5t: Digest,
    /// When the certificate is valid.
    pub validity: Validity,
    /// From when the root has revoked it.
    pub revoked_at: Option<Timestamp>,
    /// The certificate.
    pub der: Vec<u8>,
}

/// A party whose card has been checked: every certificate leads to its root, every prekey to a seal.
#[derive(Debug)]
pub struct PartyEntry {
    party: Party,
    names: BTreeMap<String, String>,
    root: CertifiedKey,
    anchor: TrustAnchor<'static>,
    seals: Vec<CertifiedKey>,
    logs: Vec<CertifiedKey>,
    prekeys: Vec<SignedPrekey>,
    twins: Vec<SignedTwin>,
    revocations: Option<Revocations>,
    suspended_since: Option<Timestamp>,
    card: Card,
}

impl PartyEntry {
    /// Checks all in a card that does not depend on time; what does is checked at each use.
    /// # Errors
    /// The first fault found; one bad certificate refuses the card.
    pub fn from_card(card: &Card) -> Result<Self, TrustError> {
        check_bounds(card)?;
        let party = card.party.clone();
        let root_der = profile::certificate_from_pem(&card.root)?;
        let root = profile::root(&party, &root_der)?;
        let anchor_der = CertificateDer::from(root_der.as_slice());
        let anchor = webpki::anchor_from_trusted_cert(&anchor_der)
            .map_err(|e| TrustError::Malformed { what: "root certificate", why: format!("{e:?}") })?
            .to_owned();
        let revocations =
            card.revocations.as_deref().map(|pem| profile::revocations(&root, pem)).transpose()?;
        let read_all = |role, usage, pems: &[String]| {
            let read = |pem: &String| read_leaf(role, usage, pem, &root, &anchor, revocations.as_ref());
            pems.iter().map(read).collect::<Result<Vec<_>, _>>()
        };
        let seals = read_all(Role::Seal, KeyUsage::required(&DOCUMENT_SIGNING_DER), &card.seals)?;
        let logs = read_all(Role::Log, KeyUsage::required(&TIME_STAMPING_DER), &card.logs)?;
        let prekeys =
            card.prekeys.iter().map(|p| read_prekey(&party, p, &seals)).collect::<Result<_, _>>()?;
        let twins = card.twins.iter().map(|t| read_twin(&party, t, &seals)).collect::<Result<_, _>>()?;
        Ok(Self {
            card: card.clone(),
            twins,
            names: card.names.clone(),
            root: certified(&root, root_der, None),
            suspended_since: card.suspended_since,
            party,
            anchor,
            seals,
            logs,
            prekeys,
            revocations,
        })
    }

    /// Returns the party.
    pub const fn party(&self) -> &Party {
        &self.party
    }

    /// Returns the party's names by language code.
    pub const fn names(&self) -> &BTreeMap<String, String> {
        &self.names
    }

    /// Returns the root, which speaks for this party only.
    pub const fn root(&self) -> &CertifiedKey {
        &self.root
    }

    /// Returns all seal certificates of the card, old ones too.
    pub fn seals(&self) -> &[CertifiedKey] {
        &self.seals
    }

    /// Returns all log certificates of the card, old ones too.
    pub fn logs(&self) -> &[CertifiedKey] {
        &self.logs
    }

    /// Returns the card that was checked.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// Finds the ML-DSA-65 twin of the log key with this thumbprint.
    pub(super) fn log_twin(&self, x5t: &Digest) -> Result<&PqVerifyingKey, TrustError> {
        let unknown = || TrustError::UnknownKey { party: self.party.clone(), role: Role::Log, x5t: *x5t };
        self.twins.iter().find(|twin| twin.log == *x5t).map(|twin| &twin.key).ok_or_else(unknown)
    }

    /// Returns by when the root should have made its next revocation list; past it, the list still holds.
    pub fn revocations_due(&self) -> Option<Timestamp> {
        self.revocations.as_ref().and_then(|r| r.next_update)
    }

    /// Tells the first cause, if any, for which this party cannot be spoken with at `now`.
    /// # Errors
    /// `Suspended`, `NotYetValid`, `Expired`, `NoValidKey` or `NoPrekey`.
    pub fn check(&self, now: Timestamp) -> Result<(), TrustError> {
        self.check_standing(now)?;
        let none = |role| TrustError::NoValidKey { party: self.party.clone(), role };
        for (role, keys) in [(Role::Seal, &self.seals), (Role::Log, &self.logs)] {
            keys.iter().find(|k| k.check(role, now).is_ok()).ok_or_else(|| none(role))?;
        }
        self.prekey(now).map(drop)
    }

    /// Verifies the path from a gateway certificate to this party's root, and its strict profile.
    pub(super) fn check_gateway(
        &self,
        end_entity: &[u8],
        intermediates: &[&[u8]],
        usage: Usage,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        self.check_standing(now)?;
        let usage = match usage {
            Usage::Server => KeyUsage::server_auth(),
            Usage::Client => KeyUsage::client_auth(),
        };
        let list = self.revocations.as_ref().map(|r| &r.list);
        let (role, party, anchor) = (Role::Gateway, &self.party, &self.anchor);
        Path { role, party, end_entity, intermediates, anchor, list, usage, at: now }.verify()?;
        profile::leaf(role, end_entity).map(drop)
    }

    /// Finds the seal key with this thumbprint, if it held at `at`.
    pub(super) fn seal_key(&self, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.key(Role::Seal, &self.seals, x5t, at)
    }

    /// Finds the log key with this thumbprint, if it held at `at`.
    pub(super) fn log_key(&self, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.key(Role::Log, &self.logs, x5t, at)
    }

    /// Finds the newest prekey that is valid now and whose seal key still holds.
    pub(super) fn prekey(&self, now: Timestamp) -> Result<&Prekey, TrustError> {
        self.prekeys
            .iter()
            .filter(|p| p.prekey.validity.contains(now) && self.seal_key(&p.seal, now).is_ok())
            .max_by_key(|p| (p.prekey.validity.not_before, p.prekey.id))
            .map(|p| &p.prekey)
            .ok_or_else(|| TrustError::NoPrekey(self.party.clone()))
    }

    /// Computes a digest over all that the entry says, each part with its length before it.
    pub(super) fn digest(&self) -> Digest {
        let mut parts: Vec<Vec<u8>> = vec![self.party.to_string().into(), self.root.x5t.0.into()];
        for keys in [&self.seals, &self.logs] {
            let mut thumbprints: Vec<[u8; 32]> = keys.iter().map(|k| k.x5t.0).collect();
            thumbprints.sort_unstable();
            parts.push(thumbprints.concat());
        }
        let mut prekeys: Vec<[u8; 64]> = self.prekeys.iter().map(|p| p.signature).collect();
        prekeys.sort_unstable();
        parts.push(prekeys.concat());
        let mut twins: Vec<[u8; 64]> = self.twins.iter().map(|t| t.signature).collect();
        twins.sort_unstable();
        parts.push(twins.concat());
        parts.push(self.revocations.as_ref().map_or_else(Vec::new, |r| r.digest.0.into()));
        parts.push(self.suspended_since.map_or_else(Vec::new, |at| at.unix().to_be_bytes().into()));
        parts.extend(self.names.iter().flat_map(|(l, n)| [l.clone().into_bytes(), n.clone().into_bytes()]));
        let lengths = parts.iter().map(|p| (p.len() as u64).to_be_bytes());
        let framed: Vec<u8> =
            lengths.zip(&parts).flat_map(|(len, p)| [&len, p.as_slice()].concat()).collect();
        Digest::of(&[b"valise directory entry v0\0", &framed])
    }

    fn key(
        &self,
        role: Role,
        keys: &[CertifiedKey],
        x5t: &Digest,
        at: Timestamp,
    ) -> Result<VerifyingKey, TrustError> {
        self.check_suspension(at)?;
        let unknown = || TrustError::UnknownKey { party: self.party.clone(), role, x5t: *x5t };
        let found = keys.iter().find(|k| k.x5t == *x5t).ok_or_else(unknown)?;
        found.check(role, at).map(|()| found.key)
    }

    fn check_standing(&self, now: Timestamp) -> Result<(), TrustError> {
        self.check_suspension(now)?;
        self.root.check(Role::Root, now)
    }

    fn check_suspension(&self, at: Timestamp) -> Result<(), TrustError> {
        match self.suspended_since {
            Some(since) if at >= since => Err(TrustError::Suspended { party: self.party.clone(), since }),
            Some(_) | None => Ok(()),
        }
    }
}

impl CertifiedKey {
    /// Tells whether the key holds at `at`, the instant at which it was used.
    /// # Errors
    /// `Revoked`, `NotYetValid` or `Expired`.
    pub fn check(&self, role: Role, at: Timestamp) -> Result<(), TrustError> {
        if self.revoked_at.is_some_and(|from| at >= from) {
            return Err(TrustError::Revoked { role });
        }
        if at < self.validity.not_before {
            return Err(TrustError::NotYetValid { role, not_before: self.validity.not_before });
        }
        if at > self.validity.not_after {
            return Err(TrustError::Expired { role, not_after: self.validity.not_after });
        }
        Ok(())
    }
}

impl CardTwin {
    /// Writes a signed twin as it stands in a card.
    pub fn new(signed: &SignedTwin) -> Self {
        Self {
            log: signed.log,
            key: hex(signed.key.as_bytes()),
            seal: signed.seal,
            signature: hex(&signed.signature),
        }
    }

    /// Reads the bytes; the signature is not checked yet.
    /// # Errors
    /// `Malformed` if a field is not hex of the right length.
    pub fn read(&self) -> Result<SignedTwin, TrustError> {
        let bad = || TrustError::Malformed { what: "twin", why: "not hex of the right length".to_owned() };
        let key = unhex(&self.key).and_then(|b| PqVerifyingKey::from_bytes(&b).ok()).ok_or_else(bad)?;
        let signature = unhex(&self.signature).and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
        Ok(SignedTwin { log: self.log, key, seal: self.seal, signature })
    }
}

impl CardPrekey {
    /// Writes a signed prekey as it stands in a card.
    pub fn new(signed: &SignedPrekey) -> Self {
        Self {
            id: hex(&signed.prekey.id.0),
            public: hex(&signed.prekey.public.to_bytes()),
            not_before: signed.prekey.validity.not_before,
            not_after: signed.prekey.validity.not_after,
            seal: signed.seal,
            signature: hex(&signed.signature),
        }
    }

    /// Reads the bytes; the signature is not checked yet.
    /// # Errors
    /// `Malformed` if a field is not hex of the right length.
    pub fn read(&self) -> Result<SignedPrekey, TrustError> {
        let bad = || TrustError::Malformed { what: "prekey", why: "not hex of the right length".to_owned() };
        let public = unhex(&self.public).and_then(|b| KemPublic::from_bytes(&b).ok()).ok_or_else(bad)?;
        let validity = Validity { not_before: self.not_before, not_after: self.not_after };
        let id = unhex(&self.id).and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
        let signature = unhex(&self.signature).and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
        Ok(SignedPrekey { prekey: Prekey { id: PrekeyId(id), public, validity }, seal: self.seal, signature })
    }
}

fn check_bounds(card: &Card) -> Result<(), TrustError> {
    let bad = |why: &str| TrustError::Malformed { what: "card", why: why.to_owned() };
    let certificates = card.seals.len().max(card.logs.len());
    if certificates > MAX_CERTIFICATES
        || card.prekeys.len() > MAX_PREKEYS
        || card.twins.len() > MAX_CERTIFICATES
    {
        return Err(bad("too many certificates or prekeys"));
    }
    let language_ok = |l: &str| matches!(l.len(), 2 | 3) && l.bytes().all(|b| b.is_ascii_lowercase());
    let name_ok = |n: &str| (1..=200).contains(&n.chars().count()) && !n.chars().any(char::is_control);
    if !card.names.iter().all(|(l, n)| language_ok(l) && name_ok(n)) {
        return Err(bad("a name needs a language code of ISO 639 and 1 to 200 printable characters"));
    }
    Ok(())
}

/// Reads a seal or log certificate, which the root itself must have certified: the issuing key lies on
/// the gateway, and whoever steals it must not speak as the State.
fn read_leaf(
    role: Role,
    usage: KeyUsage,
    pem: &str,
    root: &Facts,
    anchor: &TrustAnchor<'static>,
    revocations: Option<&Revocations>,
) -> Result<CertifiedKey, TrustError> {
    let der = profile::certificate_from_pem(pem)?;
    let facts = profile::leaf(role, &der)?;
    if facts.party != root.party {
        return Err(TrustError::UnexpectedParty { expected: root.party.clone(), found: facts.party });
    }
    if !facts.validity.within(&root.validity) {
        return Err(TrustError::TooLongLived { role, why: "it begins before its root or outlives it" });
    }
    let (party, at) = (&root.party, facts.validity.not_before);
    Path { role, party, end_entity: &der, intermediates: &[], anchor, list: None, usage, at }.verify()?;
    let mut revoked = revocations.into_iter().flat_map(|r| &r.revoked);
    let revoked_at = revoked.find(|(serial, _)| *serial == facts.serial).map(|(_, from)| *from);
    Ok(certified(&facts, der, revoked_at))
}

fn read_prekey(party: &Party, card: &CardPrekey, seals: &[CertifiedKey]) -> Result<SignedPrekey, TrustError> {
    let signed = card.read()?;
    let unknown = || TrustError::UnknownKey { party: party.clone(), role: Role::Seal, x5t: signed.seal };
    let seal = seals.iter().find(|s| s.x5t == signed.seal).ok_or_else(unknown)?;
    signed.verify(party, &seal.key)?;
    Ok(signed)
}

fn read_twin(party: &Party, card: &CardTwin, seals: &[CertifiedKey]) -> Result<SignedTwin, TrustError> {
    let signed = card.read()?;
    let unknown = || TrustError::UnknownKey { party: party.clone(), role: Role::Seal, x5t: signed.seal };
    let seal = seals.iter().find(|s| s.x5t == signed.seal).ok_or_else(unknown)?;
    signed.verify(party, &seal.key)?;
    Ok(signed)
}

fn certified(facts: &Facts, der: Vec<u8>, revoked_at: Option<Timestamp>) -> CertifiedKey {
    CertifiedKey { key: facts.key, x5t: facts.x5t, validity: facts.validity, revoked_at, der }
}

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8 (RFC 5280 §4.2.1.12), as the content of its DER encoding.
const TIME_STAMPING_DER: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];
/// id-kp-documentSigning, 1.3.6.1.5.5.7.3.36 (RFC 9336 §3.1), likewise.
const DOCUMENT_SIGNING_DER: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 36];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
    rest.is_empty().then(|| bytes.collect())?
}
