//! What lies inside a seal: an act with nothing that its reader can compute.
//!
//! The signed payload of a statement is the digests of the act's elements, the elements follow from the act and their
//! salts, and the salts from one seed. So none of them travels: the reader cuts the act, hashes the elements, and checks
//! the signature over the digests that come out (RFC 9052 §4.1, detached content).

use crate::cose;
use crate::envelope::EnvelopeError;
use crate::envelope::content::Content;
use crate::envelope::elements::{Cut, SaltSeed};
use crate::envelope::statement::Signed;
use crate::trust::MandateDocument;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The plaintext of a sealed act.
///
/// Its `Debug` never shows a value (ISACS 8.4 a).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// The statement's COSE_Sign1, without its payload.
    #[serde(with = "serde_bytes")]
    pub statement: Vec<u8>,
    /// The act's body: the map of its members.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// From which the salts of its elements are derived.
    #[serde(with = "serde_bytes")]
    pub seed: [u8; 32],
    /// The mandate, where an agent speaks for its principal: every such act verifies by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateDocument>,
}

/// What was packed.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The statement's COSE_Sign1, without its payload.
    pub statement: Vec<u8>,
    /// The act.
    pub cut: Cut,
    /// From which the salts of its elements are derived.
    pub seed: SaltSeed,
    /// The mandate.
    pub mandate: Option<MandateDocument>,
}

impl Packed {
    /// Packs a statement that was signed just now.
    ///
    /// # Errors
    /// [`EnvelopeError::Cose`] if it carries no payload, which is a bug.
    pub fn of_signed(signed: &Signed) -> Result<Self, EnvelopeError> {
        Self::make(&signed.bytes, signed.body.reveal(), &signed.seed, signed.mandate.as_ref())
    }

    /// Packs an archived act, of which every element must be there, and the seed of their salts.
    ///
    /// # Errors
    /// As for [`Cut::of`], [`EnvelopeError::Malformed`] if the seed is another's, or [`EnvelopeError::Cose`] if the
    /// statement is none.
    pub fn of(content: &Content, seed: &SaltSeed) -> Result<Self, EnvelopeError> {
        let archived = Cut::of(&content.parse_disclosures()?)?;
        let cut = Cut::seeded(archived.body.reveal().clone(), seed)?;
        if cut.disclosures != archived.disclosures {
            return Err(EnvelopeError::Malformed("the salts do not come from their seed"));
        }
        Self::make(&content.statement, cut.body.reveal(), seed, content.mandate.as_ref())
    }

    fn make(
        statement: &[u8],
        body: &[u8],
        seed: &SaltSeed,
        mandate: Option<&MandateDocument>,
    ) -> Result<Self, EnvelopeError> {
        let (statement, _) = cose::detach(statement, &Limits::ENVELOPE)?;
        Ok(Self { statement, body: body.to_vec(), seed: seed.0, mandate: mandate.cloned() })
    }

    /// Reads what was inside a seal; whether its parts are sound is seen when they are unpacked.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if the bytes are no such plaintext.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Ok(wire::decode(bytes, &Limits::ENVELOPE)?)
    }

    /// Cuts the act into what was signed: nothing is proved yet.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] or [`EnvelopeError::Malformed`] if it cannot be cut.
    pub(super) fn unpack(self) -> Result<Unpacked, EnvelopeError> {
        let seed = SaltSeed(self.seed);
        let cut = Cut::seeded(self.body, &seed)?;
        Ok(Unpacked { statement: self.statement, cut, seed, mandate: self.mandate })
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed(statement of {} bytes, ", self.statement.len())?;
        write!(f, "body of {} bytes [hidden])", self.body.len())
    }
}
