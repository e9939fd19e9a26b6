use crate::envelope::route::{sign_by_gateway, unproved_by_gateway, verify_by_gateway};
use crate::envelope::{EnvelopeError, KeyRing};
use crate::model::{Party, Timestamp};
use crate::trust::Directory;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What one gateway says to another under its log key: it names for whom it is, and nobody else may take it.
pub trait GatewayWord: Serialize + DeserializeOwned {
    /// Tells its signature from one over anything else.
    const MEDIA_TYPE: &'static str;

    /// Returns for whom it is.
    fn to(&self) -> &Party;

    /// Checks the bounds that its encoding does not.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] if it is out of them.
    fn check(&self) -> Result<(), EnvelopeError> {
        Ok(())
    }

    /// Signs it as the body of a frame.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if it cannot be encoded, which is a bug.
    fn sign(&self, ring: &KeyRing) -> Result<Vec<u8>, EnvelopeError> {
        sign_by_gateway(ring, Self::MEDIA_TYPE, self)
    }

    /// Verifies one that `from` says to `to`, under a key that held at `at`.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature, [`EnvelopeError::WrongSender`], [`EnvelopeError::NotAddressed`],
    /// bounds.
    fn verify(
        bytes: &[u8],
        (from, to): (&Party, &Party),
        directory: &Directory,
        at: Timestamp,
    ) -> Result<Self, EnvelopeError> {
        let (by, word) = Self::prove(bytes, directory, at)?;
        if by != *from {
            return Err(EnvelopeError::WrongSender);
        }
        if word.to() != to {
            return Err(EnvelopeError::NotAddressed);
        }
        word.check()?;
        Ok(word)
    }

    /// Verifies one, whoever says it to whomever, and tells whose gateway signed; that is all that a relay needs.
    ///
    /// # Errors
    /// The first cause: structure, sender, key, signature.
    fn prove(bytes: &[u8], directory: &Directory, at: Timestamp) -> Result<(Party, Self), EnvelopeError> {
        verify_by_gateway(bytes, Self::MEDIA_TYPE, directory, at)
    }

    /// Reads one; nothing is proved.
    ///
    /// # Errors
    /// [`EnvelopeError::Cose`] or [`EnvelopeError::Wire`] if it is not laid out so.
    fn unproved(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        unproved_by_gateway(bytes)
    }
}
