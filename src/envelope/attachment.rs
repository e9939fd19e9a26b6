//! How the files of an act travel beside it: named in its signed header, asked for by the addressee, and
//! carried in pieces that look like any envelope of the lane `bulk`.

use crate::cose;
use crate::cose::pieces::{MAX_FILE, Pieces, SEALED_PIECE};
use crate::cose::{CoseError, OpeningKey, Recipient};
use crate::envelope::EnvelopeError;
use crate::envelope::keys::{KeyRing, seal_to};
use crate::envelope::route::{Lane, Route, sign_by_gateway, verify_by_gateway};
use crate::model::{Act, Digest, Entropy, MessageId, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

const WANT: &str = "application/vnd.valise.want+cbor";

/// The most files of one act.
const MAX_FILES: usize = 256;

/// Names what the HPKE context is bound to, so that no key schedule of another use equals it.
const WANT_CONTEXT: &str = "valise/1 want X-Wing SHAKE256 AES-256-GCM";

/// An addressee's word that it wants a part of a file.
///
/// It travels sealed to whoever has sent the act, so that a relay cannot tell which pieces belong to one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// The file's name.
    pub name: Digest,
    /// The first piece that is wanted.
    pub from: u64,
    /// The first piece after it that is not.
    pub end: u64,
}

/// What the log key signs of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedWant {
    to: Party,
    #[serde(with = "serde_bytes")]
    sealed: Vec<u8>,
}

impl Want {
    /// Seals it to a prekey of `to` and signs it with the log key.
    ///
    /// # Errors
    /// [`EnvelopeError::Trust`] if no prekey of `to` is valid now.
    pub fn seal(
        &self,
        to: &Party,
        (ring, directory): (&KeyRing, &Directory),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let prekey = seal_to(directory, to, now)?;
        let info = want_info(&ring.party, to, &prekey.id.0)?;
        let recipient = Recipient { public: &prekey.public, kid: &prekey.id.0, info: &info };
        let sealed = cose::seal(&wire::encode(self)?, &[recipient], &[], entropy)?.bytes;
        sign_by_gateway(ring, WANT, &SealedWant { to: to.clone(), sealed })
    }

    /// Proves it, opens it, and tells who wants the file.
    ///
    /// # Errors
    /// The first cause; [`EnvelopeError::PrekeyGone`] if it is sealed to a prekey that is held no longer.
    pub fn open(
        bytes: &[u8],
        ring: &KeyRing,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Self), EnvelopeError> {
        let (by, want): (Party, SealedWant) = verify_by_gateway(bytes, WANT, directory, now)?;
        if want.to != ring.party {
            return Err(EnvelopeError::NotAddressed);
        }
        let find = |kid: &[u8]| {
            let private = ring.prekey(kid)?;
            Some(OpeningKey { private, info: want_info(&by, &ring.party, kid).ok()? })
        };
        let opened = match cose::open(&want.sealed, &Limits::REJECT.of_cose(), &find, &[]) {
            Err(CoseError::NotForUs) => return Err(EnvelopeError::PrekeyGone),
            other => other?,
        };
        Ok((by, wire::decode(&opened.plaintext, &Limits::REJECT)?))
    }

    /// Tells who wants a file of whom, which is all that a relay needs.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature.
    pub fn parties(
        bytes: &[u8],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Party), EnvelopeError> {
        let (by, want): (Party, SealedWant) = verify_by_gateway(bytes, WANT, directory, now)?;
        Ok((by, want.to))
    }
}

fn want_info(sender: &Party, recipient: &Party, prekey: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    Ok(wire::encode(&(WANT_CONTEXT, sender, recipient, Bytes::new(prekey)))?)
}

/// Computes what the signed header says of an act's files: SHA-256 over their names, nothing for none.
///
/// # Errors
/// [`EnvelopeError::Malformed`] if a file is longer, or they are more, than any may be.
pub(super) fn manifest_root(act: &Act) -> Result<Option<Digest>, EnvelopeError> {
    let attached = act.attached();
    let files: Vec<_> = attached.iter().filter_map(|a| a.photograph.file.as_ref()).collect();
    if files.len() > MAX_FILES || files.iter().any(|file| file.size > MAX_FILE) {
        return Err(EnvelopeError::Malformed("an attachment is too long, or there are too many"));
    }
    let names: Vec<Digest> = files.iter().map(|file| Pieces::name(&file.key.0)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    Ok(Some(Digest::of(&[&wire::encode(&names)?])))
}

/// Routes a sealed piece: the body of an envelope frame in the lane `bulk`.
///
/// # Errors
/// [`EnvelopeError::Wire`] if it cannot be encoded, which is a bug.
pub fn route_piece(
    ring: &KeyRing,
    to: &Party,
    envelope: MessageId,
    expires: Timestamp,
    sealed: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let route = Route {
        envelope,
        to: to.clone(),
        size: sealed.len() as u64,
        expires,
        body: Digest::of(&[sealed]),
        attachments: Vec::new(),
        lane: Lane::Bulk,
    };
    route.join(sealed, ring)
}

/// Proves a piece's route; tells who made it and its identity, and leaves the sealed piece of the body.
///
/// # Errors
/// The first cause.
pub fn open_piece(
    body: Vec<u8>,
    me: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<(Party, MessageId, Vec<u8>), EnvelopeError> {
    let (sender, route, sealed) = Route::part(&body, directory, now)?;
    if route.to != *me {
        return Err(EnvelopeError::NotAddressed);
    }
    route.check_body(sealed)?;
    if route.lane != Lane::Bulk || sealed.len() > SEALED_PIECE {
        return Err(EnvelopeError::Malformed("it is no piece of a file"));
    }
    let length = sealed.len();
    Ok((sender, route.envelope, wire::keep_end(body, length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::fixture::{Seeded, XAA, XBB, XCC, known_to, named, ring};
    use crate::trust::fixture::NOW;

    #[test]
    fn a_want_opens_for_whom_it_was_sealed_and_tells_a_relay_the_pair_only() {
        let want = Want { name: Digest([7; 32]), from: 3, end: 12 };
        let keys = (&ring(XBB), &known_to(XBB));
        let sealed = want.seal(&named(XAA), keys, NOW, &mut Seeded(4)).unwrap();
        let open = |bytes: &[u8], who| Want::open(bytes, &ring(who), &known_to(who), NOW);
        assert_eq!(open(&sealed, XAA).unwrap(), (named(XBB), want));
        assert_eq!(open(&sealed, XCC).unwrap_err().code(), "not-addressed");
        assert_eq!(Want::parties(&sealed, &known_to(XCC), NOW).unwrap(), (named(XBB), named(XAA)));
        assert!(!sealed.windows(32).any(|part| part == [7; 32]), "the file's name cannot be read");
        for at in (0..sealed.len()).step_by(11) {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(open(&flipped, XAA).is_err(), "byte {at}");
        }
        let without = KeyRing { prekeys: Vec::new(), ..ring(XAA) };
        assert_eq!(Want::open(&sealed, &without, &known_to(XAA), NOW).unwrap_err().code(), "prekey-gone");
    }
}
