use super::entry::{CertifiedKey, PartyEntry};
use super::federation::{
    LinkedRoot, LogEntry, Npc, PartA, PartB, PrekeyEntry, RecordScope, SealEntry, Suspension, VerifiedPartA,
    VerifiedPartB,
};
use super::{Prekey, PrekeyId, Role, SignedPrekey, SignedTwin, TrustError, Validity, profile, twin_digest};
use crate::cose::{KemPublic, PqVerifyingKey};
use crate::model::{Digest, Party, Timestamp};
use crate::wire::encode;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::Arc;

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

impl PartyEntry {
    /// Checks all in a card that does not depend on time; what does is checked at each use.
    /// # Errors
    /// The first fault found; one bad certificate refuses the card.
    pub fn from_card(card: &Card) -> Result<Self, TrustError> {
        let der = |pem: &String| profile::certificate_from_pem(pem).map(ByteBuf::from);
        let party = card.party.clone();
        let revocations = card.revocations.as_deref().map(profile::revocation_list_from_pem).transpose()?;
        let seals = card.seals.iter().map(|pem| Ok(SealEntry { certificate: der(pem)?, retired: None }));
        let npc = Npc { party: party.clone(), records: RecordScope::All };
        let part = PartA {
            version: 1,
            issued: Timestamp::EPOCH,
            roots: vec![LinkedRoot { certificate: der(&card.root)?, link: None, retired: None }],
            seals: seals.collect::<Result<_, TrustError>>()?,
            revocations: revocations.map(ByteBuf::from),
            npcs: if matches!(party, Party::Npc { npc: None, .. }) { vec![npc] } else { vec![] },
            authorities: vec![],
            succession: vec![],
            languages: vec![],
            names: card.names.clone(),
            contact: None,
            approvals: 1,
            party: party.clone(),
        };
        let bytes = encode(&part).map_err(|_| bad_card("it has no encoding"))?;
        let a = VerifiedPartA::trusting(part, Digest::of(&[&bytes]), bytes)?;
        let twins =
            card.twins.iter().map(|t| read_twin(&party, t, &a.seals)).collect::<Result<Vec<_>, _>>()?;
        let logs = card.logs.iter().map(|pem| {
            let certificate = der(pem)?;
            let x5t = profile::thumbprint(&certificate);
            let twin = twins.iter().find(|twin| twin.log == x5t).map(|twin| twin_digest(&twin.key));
            Ok(LogEntry { certificate, twin, retired: None })
        });
        let mut prekeys = Vec::new();
        for prekey in &card.prekeys {
            let signed = read_prekey(&party, prekey, &a.seals)?;
            prekeys.push(PrekeyEntry::new(&signed.prekey, false));
        }
        let part = PartB {
            version: 1,
            issued: Timestamp::EPOCH,
            logs: logs.collect::<Result<_, TrustError>>()?,
            issuing: vec![],
            prekeys,
            routes: vec![],
            capabilities: vec![],
            party,
        };
        let bytes = encode(&part).map_err(|_| bad_card("it has no encoding"))?;
        let seal = card.prekeys.first().map(|p| p.seal).or_else(|| a.seals.first().map(|s| s.x5t));
        let digests = (Digest::of(&[&bytes]), seal.unwrap_or(Digest([0; 32])));
        let b = VerifiedPartB::trusting(part, &a, digests, bytes)?;
        let reason = "suspended".to_owned();
        let suspension = card.suspended_since.map(|since| Suspension { since, reason });
        Ok(Self::new(Arc::new(a), Some(Arc::new(b)), suspension).with_card(card))
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

fn bad_card(why: &str) -> TrustError {
    TrustError::Malformed { what: "card", why: why.to_owned() }
}

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
