use crate::envelope::{ClaimedStatement, Statement};
use crate::evidence::dossier::{DossierReport, FileKind, Severity};
use crate::evidence::sealed::SealedFile;
use crate::evidence::{Contradiction, EvidenceError, LogKeys, ProvedContradiction, TrustAnchor};
use crate::model::{Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

const MEDIA_TYPE: &str = "application/vnd.valise.proof+cbor";
/// The version of the format.
pub const PROOF_VERSION: u64 = 1;

/// Signed words of one party that cannot all be true: they convict it to anyone who knows its keys (DESIGN §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accusation {
    /// It signed heads of its log of which at most one can be right.
    Contradiction(Contradiction),
    /// It signed two statements under one message id (DESIGN §12.12).
    Equivocation(Equivocation),
}

/// Two statements of one issuer under one message id; none of their elements are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivocation {
    /// Who signed both.
    pub issuer: Party,
    /// One statement.
    pub first: ByteBuf,
    /// The other one.
    pub second: ByteBuf,
}

/// What a verified accusation comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conviction {
    /// Who is convicted.
    pub party: Party,
    /// `fork` or `equivocation`.
    pub code: &'static str,
    /// In words.
    pub words: String,
}

/// A file that holds one accusation and the keys to judge it by, and nothing of any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The version of the format.
    pub version: u64,
    /// The party whose gateway made the file.
    pub made_by: Party,
    /// When.
    pub made_at: Timestamp,
    /// What it says, for a reader without tools; a verifier believes none of it.
    pub summary: String,
    /// The keys of the parties: a federation's signed directory.
    pub trust: ByteBuf,
    /// What is proved.
    pub accusation: Accusation,
}

impl Accusation {
    /// Verifies all signatures, and that what is signed cannot all be true.
    ///
    /// # Errors
    /// [`EvidenceError::Malformed`] if it can; others if something in it is not the accused party's.
    pub fn verify(&self, directory: &Directory) -> Result<Conviction, EvidenceError> {
        match self {
            Self::Contradiction(contradiction) => {
                let party = contradiction.owner.clone();
                let words = match contradiction.verify(directory)? {
                    ProvedContradiction::Fork(a, b) => format!(
                        "{party} signed two heads of {} leaves of one log: {} and {}",
                        a.size,
                        a.root.short(),
                        b.root.short()
                    ),
                    ProvedContradiction::BrokenProof(head) => {
                        format!(
                            "{party} signed a proof that does not lead to its head of {} leaves",
                            head.size
                        )
                    }
                };
                Ok(Conviction { party, code: "fork", words })
            }
            Self::Equivocation(equivocation) => equivocation.verify(directory),
        }
    }

    /// Encodes it as it is kept and handed on.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded, which is a bug.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        Ok(wire::encode(self)?)
    }

    /// Reads one; nothing is checked until [`Self::verify`].
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if the bytes are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        Ok(wire::decode(bytes, &Limits::FILE)?)
    }
}

impl Equivocation {
    fn verify(&self, directory: &Directory) -> Result<Conviction, EvidenceError> {
        let read = |bytes: &[u8]| {
            let claimed = ClaimedStatement::read(bytes)?;
            if claimed.issuer != self.issuer {
                return Err(EvidenceError::AboutSomethingElse("a statement of another party"));
            }
            Statement::verify_shown(bytes, &[], directory, claimed.issued_at)?;
            Ok(claimed)
        };
        let (first, second) = (read(&self.first)?, read(&self.second)?);
        if first.message_id != second.message_id || first.digest == second.digest {
            return Err(EvidenceError::Malformed("the statements do not contradict each other"));
        }
        let (party, a, b) = (self.issuer.clone(), first.digest.short(), second.digest.short());
        let words = format!("{party} signed acts {a} and {b} under one message id, {}", first.message_id);
        Ok(Conviction { party, code: "equivocation", words })
    }
}

impl Proof {
    /// Encodes the proof and seals it with the log key and its twin of the party that made it.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if it cannot be encoded.
    pub fn seal(&self, keys: &LogKeys) -> Result<Vec<u8>, EvidenceError> {
        SealedFile::seal(&wire::encode(self)?, MEDIA_TYPE, keys)
    }

    /// Takes a file apart; nothing is proved yet.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] or [`EvidenceError::Malformed`].
    pub fn parse(file: &SealedFile) -> Result<Self, EvidenceError> {
        let proof: Self = wire::decode(&file.body, &Limits::DOSSIER)?;
        if proof.version == PROOF_VERSION {
            Ok(proof)
        } else {
            Err(EvidenceError::Malformed("a proof of another version"))
        }
    }
}

/// Tells whether a file says that it is a proof, and not a dossier; nothing is verified.
pub fn is_proof(bytes: &[u8]) -> bool {
    SealedFile::parse(bytes).is_ok_and(|file| file.claims_to_be(MEDIA_TYPE))
}

/// Judges a proof by nothing but its own bytes and the trust anchor; it never panics and never asks.
pub fn verify_proof(bytes: &[u8], anchor: &TrustAnchor) -> DossierReport {
    let mut report = DossierReport { kind: FileKind::Proof, ..DossierReport::default() };
    let parsed = SealedFile::parse(bytes).and_then(|file| Ok((Proof::parse(&file)?, file)));
    let (proof, file) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            report.fault("proof", &error);
            return report;
        }
    };
    let Proof { made_by, made_at, .. } = &proof;
    (report.made_by, report.made_at) = (Some(made_by.clone()), Some(*made_at));
    let directory = match anchor.directory(&proof.trust) {
        Ok(directory) => directory,
        Err(error) => {
            report.fault("trust", &error);
            return report;
        }
    };
    match file.check(MEDIA_TYPE, (made_by, *made_at), &directory) {
        Ok(certificate) => report.signed(made_by, "log", certificate),
        Err(error) => {
            report.fault("seal", &error);
            return report;
        }
    }
    match proof.accusation.verify(&directory) {
        Ok(conviction) => {
            report.add(
                Severity::Note,
                conviction.code,
                conviction.party.to_string(),
                conviction.words.clone(),
            );
            report.convicts = Some(conviction);
            report.valid = true;
        }
        Err(error) => report.fault("accusation", &error),
    }
    report
}

#[cfg(test)]
pub(crate) mod tests;
