use crate::cose::{Known, Payload, Sign1, label, sign1};
use crate::envelope::EnvelopeError;
use crate::envelope::keys::{KeyRing, routes_for};
use crate::envelope::statement::{read_thumbprint, thumbprint};
use crate::model::{Digest, MessageId, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const MEDIA_TYPE: &str = "application/vnd.valise.route+cbor";
const KNOWN: Known<'_> =
    Known { protected: &[label::CONTENT_TYPE, label::KID, label::X5T], unprotected: &[] };

/// Whether an envelope travels with acts or with bulk, so that bulk can never delay acts (DESIGN §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Statements, receipts and directory parts.
    Acts,
    /// Attachments.
    Bulk,
    /// What is asked and given back after a restore, where only a relay leads from one gateway to the other.
    Recovery,
}

/// All that a relay learns of an envelope (DESIGN §5.3): no case, no clause, no kind of act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The envelope's random identity.
    pub envelope: MessageId,
    /// The party in whose mailbox it goes.
    pub to: Party,
    /// The length of the sealed body in bytes, which Padmé has already rounded.
    pub size: u64,
    /// Until when a relay keeps it.
    pub expires: Timestamp,
    /// SHA-256 of the sealed body.
    pub body: Digest,
    /// SHA-256 of each attachment's ciphertext.
    pub attachments: Vec<Digest>,
    /// Its lane.
    pub lane: Lane,
}

impl Route {
    pub(super) fn sign(&self, ring: &KeyRing) -> Result<Vec<u8>, EnvelopeError> {
        sign_by_gateway(ring, MEDIA_TYPE, self)
    }

    /// Verifies a route and tells which party's gateway made it.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature.
    pub fn verify(
        bytes: &[u8],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Self), EnvelopeError> {
        verify_by_gateway(bytes, MEDIA_TYPE, directory, now)
    }

    /// Joins the signed route and its body as they travel.
    pub(super) fn join(&self, body: &[u8], ring: &KeyRing) -> Result<Vec<u8>, EnvelopeError> {
        Ok(wire::byte_strings(&[&self.sign(ring)?, body]))
    }

    /// Takes apart what [`Self::join`] joined: whose gateway made the route, the route, and a body of which nothing is
    /// proved.
    pub(super) fn part<'a>(
        bytes: &'a [u8],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Self, &'a [u8]), EnvelopeError> {
        let [route, body] = wire::lend_byte_strings(bytes, &Limits::ENVELOPE)?;
        let (sender, route) = Self::verify(route, directory, now)?;
        Ok((sender, route, body))
    }

    /// Checks that a body is the one of this route.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), EnvelopeError> {
        if self.body != Digest::of(&[body]) || self.size != body.len() as u64 {
            return Err(EnvelopeError::BodyMismatch);
        }
        Ok(())
    }
}

/// Reads which log certificate a route cites; nothing in it is proved.
pub(super) fn cited_certificate(bytes: &[u8]) -> Result<Digest, EnvelopeError> {
    read_thumbprint(Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?.unverified_headers())
}

/// Signs what a gateway, not a party, says: a route, a frame of receipts, a rejection.
///
/// # Errors
/// [`EnvelopeError::Wire`] if it cannot be encoded, which is a bug.
pub fn sign_by_gateway<T: Serialize>(
    ring: &KeyRing,
    media_type: &str,
    content: &T,
) -> Result<Vec<u8>, EnvelopeError> {
    let (key, certificate) = ring.for_route();
    let protected = vec![
        (label::CONTENT_TYPE, media_type.into()),
        (label::KID, Value::Bytes(ring.gateway.clone().into_bytes())),
        (label::X5T, thumbprint(certificate)),
    ];
    let payload = wire::encode(content)?;
    Ok(sign1(key, protected, Vec::new(), Payload::Attached(&payload), &[])?)
}

/// Verifies what a gateway says and tells which party the gateway belongs to.
///
/// # Errors
/// The first cause: structure, sender, key, signature, media type, content.
pub fn verify_by_gateway<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    media_type: &str,
    directory: &Directory,
    now: Timestamp,
) -> Result<(Party, T), EnvelopeError> {
    let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
    let headers = unverified.unverified_headers();
    let party = std::str::from_utf8(headers.bytes(label::KID)?)
        .ok()
        .and_then(Party::from_dns_name)
        .ok_or(EnvelopeError::Malformed("the sender is no gateway of a party"))?;
    let key = routes_for(directory, &party, &read_thumbprint(headers)?, now)?;
    let verified = unverified.verify(&key, None, &[])?;
    if verified.headers().read::<String>(label::CONTENT_TYPE)? != media_type {
        return Err(EnvelopeError::Malformed("signed for another use"));
    }
    Ok((party, wire::decode(verified.payload(), &Limits::ENVELOPE)?))
}

/// Reads what a gateway is said to have signed; nothing is proved.
///
/// # Errors
/// [`EnvelopeError::Cose`] or [`EnvelopeError::Wire`] if it is not laid out so.
pub fn unproved_by_gateway<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, EnvelopeError> {
    let unverified = Sign1::parse(bytes, &Limits::ENVELOPE, &KNOWN)?;
    Ok(wire::decode(unverified.unverified_payload().unwrap_or_default(), &Limits::ENVELOPE)?)
}
