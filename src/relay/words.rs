//! What a relay and its members sign to each other.

use super::{Parcel, RelayError, Row};
use crate::cose::{Known, Payload, Sign1, SigningKey, label, sign1};
use crate::model::{Digest, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use ciborium::Value;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const CUSTODY: &str = "application/vnd.valise.custody+cbor";
const MAILBOX: &str = "application/vnd.valise.mailbox+cbor";
const COLLECTED: &str = "application/vnd.valise.collected+cbor";
const REFUSED: &str = "application/vnd.valise.refused+cbor";
const EXPIRED: &str = "application/vnd.valise.expired+cbor";
/// The name of SHA-256 in an x5t header (RFC 9360 §2).
const SHA_256: i64 = -16;
const KNOWN: Known<'_> =
    Known { protected: &[label::CONTENT_TYPE, label::KID, label::X5T], unprotected: &[] };

/// The log key with which a relay or a member's gateway signs, and under which name.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The party.
    pub party: Party,
    /// The gateway's or relay's own name under the party's DNS suffix.
    pub name: String,
    /// The log key, with its certificate's thumbprint.
    pub key: (SigningKey, Digest),
}

/// A relay's signed word that it holds a parcel: the sender keeps it as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custody {
    /// Which relay.
    pub relay: Party,
    /// The parcel.
    pub parcel: Parcel,
}

/// A member's signed word on what it has had from a relay; it opens the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxState {
    /// Which relay.
    pub relay: Party,
    /// When.
    pub at: Timestamp,
    /// How far each thread has come.
    pub rows: Vec<Row>,
}

/// A member's signed word that it has collected parcels, which the relay then forgets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collected {
    /// From which relay.
    pub relay: Party,
    /// When.
    pub at: Timestamp,
    /// The parcels' digests.
    pub parcels: Vec<Digest>,
}

/// A relay's signed word that it does not take a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// To whom it is told.
    pub to: Party,
    /// The parcel's digest.
    pub parcel: Digest,
    /// The stable code of the cause.
    pub code: String,
    /// The cause in words.
    pub words: String,
}

/// A relay's signed word that a parcel was not collected in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// To whom it is told: the parcel's sender.
    pub to: Party,
    /// The parcel that was in custody.
    pub parcel: Parcel,
    /// When it was given up.
    pub at: Timestamp,
}

/// A parcel on its way to the addressee: the custody and the body, both as they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The relay's [`Custody`], signed.
    pub custody: Vec<u8>,
    /// The body of the frame that the sender brought.
    pub body: Vec<u8>,
}

impl Custody {
    /// Signs for a parcel.
    pub fn sign(parcel: &Parcel, signer: &Signer) -> Vec<u8> {
        sign(signer, CUSTODY, parcel)
    }

    /// Verifies what `relay` signed for.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature.
    pub fn verify(
        bytes: &[u8],
        relay: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let parcel = verify_by(bytes, CUSTODY, relay, directory, now)?;
        Ok(Self { relay: relay.clone(), parcel })
    }
}

impl MailboxState {
    /// Signs the state.
    pub fn sign(&self, signer: &Signer) -> Vec<u8> {
        sign(signer, MAILBOX, self)
    }

    /// Verifies what `member` signed about its mailbox at `relay`.
    ///
    /// # Errors
    /// The first cause, [`RelayError::WrongParty`] if it is about another relay.
    pub fn verify(
        bytes: &[u8],
        (member, relay): (&Party, &Party),
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let state: Self = verify_by(bytes, MAILBOX, member, directory, now)?;
        if state.relay == *relay { Ok(state) } else { Err(RelayError::WrongParty) }
    }
}

impl Collected {
    /// The most parcels in one confirmation.
    pub const MOST: usize = 1024;

    /// Signs the confirmation.
    pub fn sign(&self, signer: &Signer) -> Vec<u8> {
        sign(signer, COLLECTED, self)
    }

    /// Verifies what `member` has confirmed to `relay`.
    ///
    /// # Errors
    /// The first cause, [`RelayError::WrongParty`] if it is about another relay.
    pub fn verify(
        bytes: &[u8],
        (member, relay): (&Party, &Party),
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let collected: Self = verify_by(bytes, COLLECTED, member, directory, now)?;
        if collected.relay != *relay {
            return Err(RelayError::WrongParty);
        }
        if collected.parcels.len() > Self::MOST {
            return Err(RelayError::Malformed("too many parcels in one confirmation"));
        }
        Ok(collected)
    }
}

impl Refused {
    /// Signs the refusal.
    pub fn sign(&self, signer: &Signer) -> Vec<u8> {
        sign(signer, REFUSED, self)
    }

    /// Verifies what `relay` has refused to `member`.
    ///
    /// # Errors
    /// The first cause, [`RelayError::WrongParty`] if it is told to another party.
    pub fn verify(
        bytes: &[u8],
        relay: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let refused: Self = verify_by(bytes, REFUSED, relay, directory, now)?;
        if directory.me() == Some(&refused.to) { Ok(refused) } else { Err(RelayError::WrongParty) }
    }
}

impl Notice {
    /// Signs the notice.
    pub fn sign(&self, signer: &Signer) -> Vec<u8> {
        sign(signer, EXPIRED, self)
    }

    /// Verifies what `relay` says has expired.
    ///
    /// # Errors
    /// The first cause, [`RelayError::WrongParty`] if it is about another party's parcel.
    pub fn verify(
        bytes: &[u8],
        relay: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let notice = Self::verify_by_anybody(bytes, relay, directory, now)?;
        if directory.me() == Some(&notice.to) { Ok(notice) } else { Err(RelayError::WrongParty) }
    }

    /// Verifies what `relay` has told somebody of an expiry, whoever asks.
    ///
    /// # Errors
    /// As for [`Self::verify`].
    pub(super) fn verify_by_anybody(
        bytes: &[u8],
        relay: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, RelayError> {
        let notice: Self = verify_by(bytes, EXPIRED, relay, directory, now)?;
        if notice.parcel.thread.from != notice.to {
            return Err(RelayError::WrongParty);
        }
        if notice.at < notice.parcel.expires {
            return Err(RelayError::Malformed("a notice from before the expiry"));
        }
        Ok(notice)
    }
}

impl Wrapped {
    /// Writes the body of a parcel frame.
    pub fn encode(&self) -> Vec<u8> {
        let parts = (serde_bytes::Bytes::new(&self.custody), serde_bytes::Bytes::new(&self.body));
        wire::encode(&parts).expect("two byte strings always encode")
    }

    /// Reads the body of a parcel frame, and checks that the custody is `relay`'s, that the mailbox is
    /// ours, and that the body is the one in custody: damage on the way is found before anything is opened.
    ///
    /// # Errors
    /// The first cause; [`RelayError::Damaged`] if the body is another one.
    pub fn verify(
        bytes: Vec<u8>,
        relay: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Custody, Vec<u8>), RelayError> {
        let [custody, body] = wire::lend_byte_strings(&bytes, &Limits::PARCEL)?;
        let custody = Custody::verify(custody, relay, directory, now)?;
        if directory.me() != Some(&custody.parcel.thread.to) {
            return Err(RelayError::WrongParty);
        }
        if custody.parcel.digest != Digest::of(&[body]) {
            return Err(RelayError::Damaged);
        }
        let length = body.len();
        Ok((custody, wire::keep_end(bytes, length)))
    }
}

fn sign<T: Serialize>(signer: &Signer, media_type: &str, content: &T) -> Vec<u8> {
    let (key, certificate) = &signer.key;
    let thumbprint = Value::Array(vec![Value::from(SHA_256), Value::Bytes(certificate.0.to_vec())]);
    let protected = vec![
        (label::CONTENT_TYPE, media_type.into()),
        (label::KID, Value::Bytes(signer.name.clone().into_bytes())),
        (label::X5T, thumbprint),
    ];
    let payload = wire::encode(content).expect("fixed members, all of which encode");
    sign1(key, protected, Vec::new(), Payload::Attached(&payload), &[]).expect("fixed headers always encode")
}

/// Verifies what the log key of `party` has signed for this use.
fn verify_by<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    media_type: &str,
    party: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<T, RelayError> {
    let unverified = Sign1::parse(bytes, &Limits::RECEIPTS, &KNOWN)?;
    let headers = unverified.unverified_headers();
    let name = std::str::from_utf8(headers.bytes(label::KID)?).ok().and_then(Party::from_dns_name);
    if name.as_ref() != Some(party) {
        return Err(RelayError::WrongParty);
    }
    let (algorithm, certificate): (i64, Digest) = headers.read(label::X5T)?;
    if algorithm != SHA_256 {
        return Err(RelayError::Malformed("the certificate's thumbprint is not SHA-256"));
    }
    let key = directory.log_key(party, &certificate, now)?;
    let verified = unverified.verify(&key, None, &[])?;
    if verified.headers().read::<String>(label::CONTENT_TYPE)? != media_type {
        return Err(RelayError::Malformed("signed for another use"));
    }
    Ok(wire::decode(verified.payload(), &Limits::RECEIPTS)?)
}
