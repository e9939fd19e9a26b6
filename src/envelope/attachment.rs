//! How the files of an act travel beside it: named in its signed header, asked for by the addressee, and
//! carried in pieces that look like any envelope of the lane `bulk`.

use crate::cose::pieces::{MAX_FILE, Pieces, SEALED_PIECE};
use crate::envelope::EnvelopeError;
use crate::envelope::keys::KeyRing;
use crate::envelope::route::{Lane, Route};
use crate::envelope::word::GatewayWord;
use crate::model::{Act, Digest, MessageId, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

/// The most files of one act.
const MAX_FILES: usize = 256;

/// An addressee's word that it wants a file from a piece on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// Who has sent the act that names the file.
    pub to: Party,
    /// The file's name.
    pub name: Digest,
    /// The first piece that is wanted.
    pub from: u64,
}

impl GatewayWord for Want {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.want+cbor";

    fn to(&self) -> &Party {
        &self.to
    }
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
    Ok(wire::encode(&(Bytes::new(&route.sign(ring)?), Bytes::new(sealed)))?)
}

/// Proves a piece's route; tells who made it, its identity, and gives the sealed piece.
///
/// # Errors
/// The first cause.
pub fn open_piece(
    bytes: &[u8],
    me: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<(Party, MessageId, Vec<u8>), EnvelopeError> {
    let (route, sealed): (ByteBuf, ByteBuf) = wire::decode(bytes, &Limits::ENVELOPE)?;
    let (sender, route) = Route::verify(&route, directory, now)?;
    if route.to != *me {
        return Err(EnvelopeError::NotAddressed);
    }
    if route.body != Digest::of(&[&sealed]) || route.size != sealed.len() as u64 {
        return Err(EnvelopeError::BodyMismatch);
    }
    if route.lane != Lane::Bulk || sealed.len() > SEALED_PIECE {
        return Err(EnvelopeError::Malformed("it is no piece of a file"));
    }
    Ok((sender, route.envelope, sealed.into_vec()))
}
