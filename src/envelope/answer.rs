use crate::cose;
use crate::cose::ExportSecret;
use crate::envelope::EnvelopeError;
use crate::envelope::keys::KeyRing;
use crate::envelope::word::GatewayWord;
use crate::model::{Entropy, MessageId, Party, Timestamp};
use crate::trust::Directory;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};

/// One receipt, sealed to the sender of the envelope that it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedReceipt {
    /// The envelope that is answered.
    pub envelope: MessageId,
    /// A COSE_Encrypt0 under the key that both sides export from the envelope's HPKE context.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// The receipts of one commit group to one peer, under a single signature (DESIGN §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipts {
    to: Party,
    receipts: Vec<SealedReceipt>,
}

/// A gateway's signed refusal of one envelope; a transport matter, never an act (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// To whom it is told.
    pub to: Party,
    /// The envelope that is refused.
    pub envelope: MessageId,
    /// The stable code of the first cause.
    pub code: String,
    /// The cause in words; never the contents of what was refused.
    pub words: String,
    /// Whether sending the same bytes later can succeed.
    pub retryable: bool,
}

/// Seals a receipt under the key that its envelope's sender can export too.
///
/// # Errors
/// [`EnvelopeError::Cose`] if it cannot be encoded, which is a bug.
pub fn seal_receipt(
    envelope: MessageId,
    export: &ExportSecret,
    receipt: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<SealedReceipt, EnvelopeError> {
    let sealed = cose::encrypt0(export.as_bytes(), receipt, envelope.as_bytes(), entropy)?;
    Ok(SealedReceipt { envelope, sealed })
}

/// Opens a sealed receipt.
///
/// # Errors
/// [`EnvelopeError::Cose`] if it was not sealed for this copy of the envelope.
pub fn open_receipt(sealed: &SealedReceipt, export: &ExportSecret) -> Result<Vec<u8>, EnvelopeError> {
    Ok(cose::decrypt0(export.as_bytes(), &sealed.sealed, &Limits::RECEIPTS, sealed.envelope.as_bytes())?)
}

impl Receipts {
    /// Signs receipts to one peer as the body of one frame.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if it cannot be encoded, which is a bug.
    pub fn sign(to: &Party, receipts: Vec<SealedReceipt>, ring: &KeyRing) -> Result<Vec<u8>, EnvelopeError> {
        GatewayWord::sign(&Self { to: to.clone(), receipts }, ring)
    }

    /// Verifies the body of a frame of receipts from `peer`.
    ///
    /// # Errors
    /// [`EnvelopeError::WrongSender`] or [`EnvelopeError::NotAddressed`] if they are of another pair.
    pub fn verify(
        bytes: &[u8],
        peer: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Vec<SealedReceipt>, EnvelopeError> {
        let all: Self = from_peer(bytes, peer, directory, now)?;
        Ok(all.receipts)
    }

    /// Tells who made the body of a frame of receipts and for whom, which is all that a relay needs.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature.
    pub fn parties(
        bytes: &[u8],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Party), EnvelopeError> {
        let (from, all) = Self::prove(bytes, directory, now)?;
        Ok((from, all.to))
    }
}

impl Reject {
    /// Signs a refusal as the body of a frame.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if it cannot be encoded, which is a bug.
    pub fn sign(
        to: &Party,
        envelope: MessageId,
        (code, words, retryable): (&str, &str, bool),
        ring: &KeyRing,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let (code, words) = (code.to_owned(), words.to_owned());
        GatewayWord::sign(&Self { to: to.clone(), envelope, code, words, retryable }, ring)
    }

    /// Verifies the body of a refusal from `peer`.
    ///
    /// # Errors
    /// As for [`Receipts::verify`].
    pub fn verify(
        bytes: &[u8],
        peer: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Self, EnvelopeError> {
        from_peer(bytes, peer, directory, now)
    }

    /// Tells who made the body of a refusal and for whom.
    ///
    /// # Errors
    /// As for [`Receipts::parties`].
    pub fn parties(
        bytes: &[u8],
        directory: &Directory,
        now: Timestamp,
    ) -> Result<(Party, Party), EnvelopeError> {
        let (from, reject) = Self::prove(bytes, directory, now)?;
        Ok((from, reject.to))
    }
}

impl GatewayWord for Receipts {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.receipts+cbor";

    fn to(&self) -> &Party {
        &self.to
    }
}

impl GatewayWord for Reject {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.reject+cbor";

    fn to(&self) -> &Party {
        &self.to
    }
}

/// Verifies what `peer` says to whoever holds the directory.
fn from_peer<W: GatewayWord>(
    bytes: &[u8],
    peer: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<W, EnvelopeError> {
    let me = directory.me().ok_or(EnvelopeError::NotAddressed)?;
    <W as GatewayWord>::verify(bytes, (peer, me), directory, now)
}
