//! What comes with an act that an agent makes for its principal, and mandates that are acts themselves.

use crate::envelope::EnvelopeError;
use crate::envelope::keys::KeyRing;
use crate::envelope::statement::{ShownStatement, Statement};
use crate::model::{Act, Digest, Mandate, MandateFault, MandateTerms, Party, Timestamp};
use crate::trust::{ActOnBehalf, Directory, MandateDocument, MandateError, VerifiedMandate};

/// The mandate that came with an act, and whether it carries the act.
#[derive(Clone, Debug)]
pub struct CarriedMandate {
    /// The mandate; its signatures hold.
    pub mandate: VerifiedMandate,
    /// Why it does not carry the act. Who takes acts in refuses such a one, but for the principal, who must
    /// see what is done in its name, and for one that it has taken in before.
    pub beyond: Option<MandateFault>,
}

/// Gives a mandate: signs its terms for the principal.
///
/// # Errors
/// [`EnvelopeError::Mandate`] if it cannot be encoded, which is a bug.
pub fn grant_mandate(terms: MandateTerms, ring: &KeyRing) -> Result<Mandate, EnvelopeError> {
    let document = MandateDocument::grant(&terms, ring.for_statement())?;
    Ok(Mandate { mandate: document.digest()?, terms, grant: document.grant, acceptance: None })
}

/// Accepts a mandate: countersigns it for the agent.
///
/// # Errors
/// As for [`grant_mandate`].
pub fn accept_mandate(given: &Mandate, ring: &KeyRing) -> Result<Mandate, EnvelopeError> {
    let document = document_of(given).accept(&ring.party, ring.for_statement())?;
    Ok(Mandate { acceptance: document.acceptance, ..given.clone() })
}

/// Makes the signature that a mandate still lacks, once it may go out (DESIGN §8).
///
/// # Errors
/// As for [`grant_mandate`].
pub fn complete_mandate(given: Mandate, ring: &KeyRing) -> Result<Mandate, EnvelopeError> {
    if given.lacks_grant() {
        grant_mandate(given.terms, ring)
    } else if given.lacks_acceptance() {
        accept_mandate(&Mandate { acceptance: None, ..given }, ring)
    } else {
        Ok(given)
    }
}

/// Returns the document that a mandate's act holds.
pub fn document_of(given: &Mandate) -> MandateDocument {
    MandateDocument { grant: given.grant.clone(), acceptance: given.acceptance.clone() }
}

/// Proves what was carried beside a statement, and what a mandate's own act says.
pub(super) fn check(
    statement: &Statement,
    carried: Option<&MandateDocument>,
    directory: &Directory,
    now: Timestamp,
) -> Result<Option<CarriedMandate>, EnvelopeError> {
    if let Act::Mandate(given) = &statement.said.act {
        check_given(given, &statement.issuer, directory, now)?;
    }
    let Some(on_behalf_of) = &statement.said.on_behalf_of else {
        return match carried {
            None => Ok(None),
            Some(_) => Err(EnvelopeError::Malformed("a mandate comes with an act on nobody's behalf")),
        };
    };
    let document = carried.ok_or(MandateError::Fault(MandateFault::Missing))?;
    let mandate = document.verify(directory, now)?;
    let act = ActOnBehalf {
        agent: &statement.issuer,
        on_behalf_of,
        kind: statement.said.act.kind(),
        asks: statement.said.case.minted_by(&statement.issuer),
        case: &statement.said.case,
        exercise: statement.said.exercise,
        audience: &statement.said.audience,
        at: now,
    };
    let beyond = mandate.covers(&act).err();
    Ok(Some(CarriedMandate { mandate, beyond }))
}

impl ShownStatement {
    /// Proves that the mandate carried beside the statement covers it, where an agent speaks for a principal.
    ///
    /// # Errors
    /// [`EnvelopeError::Mandate`] if it does not, or is missing; [`EnvelopeError::Malformed`] if one is too many.
    pub fn check_mandate(
        &self,
        carried: Option<&MandateDocument>,
        directory: &Directory,
        at: Timestamp,
    ) -> Result<(), EnvelopeError> {
        let claims = &self.claimed;
        if let Some(Act::Mandate(given)) = &self.act {
            check_given(given, &claims.issuer, directory, at)?;
        }
        let (on_behalf_of, document) = match (&self.on_behalf_of, carried) {
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                return Err(EnvelopeError::Malformed("a mandate comes with an act on nobody's behalf"));
            }
            (Some(_), None) => return Err(MandateError::Fault(MandateFault::Missing).into()),
            (Some(on_behalf_of), Some(document)) => (on_behalf_of, document),
        };
        let act = ActOnBehalf {
            agent: &claims.issuer,
            on_behalf_of,
            kind: self.kind,
            asks: claims.case.minted_by(&claims.issuer),
            case: &claims.case,
            exercise: self.exercise,
            audience: &claims.audience,
            at,
        };
        let covered = document.verify(directory, at)?.covers(&act);
        covered.map_err(|fault| MandateError::Fault(fault).into())
    }
}

/// A mandate's act says what the document says, and is made by one of the two who signed it.
fn check_given(
    given: &Mandate,
    issuer: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), EnvelopeError> {
    let verified = document_of(given).verify(directory, now)?;
    let (terms, digest): (&MandateTerms, Digest) = (verified.terms(), verified.digest());
    if digest != given.mandate || *terms != given.terms {
        return Err(MandateError::Fault(MandateFault::AnotherMandate).into());
    }
    let its_own = *issuer == terms.principal || (given.acceptance.is_some() && *issuer == terms.agent);
    if its_own { Ok(()) } else { Err(MandateError::Fault(MandateFault::SubDelegation).into()) }
}
