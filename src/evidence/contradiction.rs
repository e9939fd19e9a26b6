use crate::envelope::{GatewayWord, Statement};
use crate::evidence::{Anchor, AuditAnswer, EvidenceError, Receipt};
use crate::model::{Head, Party};
use crate::trust::Directory;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Something signed in which a party names a head of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadClaim {
    /// A receipt.
    Receipt(ByteBuf),
    /// A statement; none of its elements are needed.
    Statement(ByteBuf),
    /// An anchor.
    Anchor(Anchor),
    /// An answer to an audit.
    Answer(ByteBuf),
}

/// Two signed claims that cannot both be true: an object that convicts their signer to anyone who knows
/// the signer's keys (DESIGN §7). Nothing is checked until [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// Who signed both.
    pub owner: Party,
    /// The party that the log is about.
    pub peer: Party,
    /// One claim.
    pub first: HeadClaim,
    /// The other one, or nothing if an audit's answer contradicts itself.
    pub second: Option<HeadClaim>,
}

/// What a verified contradiction proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvedContradiction {
    /// Two heads of one log of one size with different roots.
    Fork(Head, Head),
    /// An answer whose own proofs do not lead to its own head.
    BrokenProof(Head),
}

impl Contradiction {
    /// Verifies all signatures, and that the claims contradict each other.
    ///
    /// # Errors
    /// [`EvidenceError::Malformed`] if they do not; others if a claim is not the owner's.
    pub fn verify(&self, directory: &Directory) -> Result<ProvedContradiction, EvidenceError> {
        let first = self.heads(&self.first, directory)?;
        let Some(second) = &self.second else { return self.broken_proof(directory) };
        let second = self.heads(second, directory)?;
        let fork =
            first.iter().flat_map(|a| second.iter().map(move |b| (*a, *b))).find(|(a, b)| contradict(a, b));
        let (a, b) = fork.ok_or(EvidenceError::Malformed("the claims do not contradict each other"))?;
        Ok(ProvedContradiction::Fork(a, b))
    }

    /// Lists the heads that the owner names in a claim, once its signature is proved.
    fn heads(&self, claim: &HeadClaim, directory: &Directory) -> Result<Vec<Head>, EvidenceError> {
        let pair = (&self.owner, &self.peer);
        match claim {
            HeadClaim::Receipt(bytes) => {
                let receipt = Receipt::from_bytes(bytes.to_vec());
                let claimed = receipt.claimed()?;
                Ok(vec![receipt.verify(pair, &claimed.statement, directory, claimed.signed_at)?.head])
            }
            HeadClaim::Statement(bytes) => {
                let claimed = crate::envelope::ClaimedStatement::read(bytes)?;
                if claimed.issuer != self.owner || !claimed.audience.contains(&self.peer) {
                    return Err(EvidenceError::AboutSomethingElse("another pair of parties"));
                }
                let said = Statement::verify_shown(bytes, &[], directory, claimed.issued_at)?;
                Ok(said.heads.0.into_iter().collect())
            }
            HeadClaim::Anchor(anchor) => {
                let proved = anchor.verify(directory)?;
                if (&proved.owner, &proved.peer) != pair {
                    return Err(EvidenceError::AboutSomethingElse("another pair of parties"));
                }
                Ok(vec![proved.head])
            }
            HeadClaim::Answer(bytes) => {
                let (answer, anchor) = self.answer(bytes, directory)?;
                Ok(answer.heads.iter().map(|earlier| earlier.head).chain([anchor]).collect())
            }
        }
    }

    fn broken_proof(&self, directory: &Directory) -> Result<ProvedContradiction, EvidenceError> {
        let HeadClaim::Answer(bytes) = &self.first else {
            return Err(EvidenceError::Malformed("one claim alone contradicts nothing"));
        };
        let (answer, head) = self.answer(bytes, directory)?;
        match answer.proves(&self.owner, directory) {
            Err(EvidenceError::NotConsistent) => Ok(ProvedContradiction::BrokenProof(head)),
            Ok(_) | Err(_) => Err(EvidenceError::Malformed("the answer does not contradict itself")),
        }
    }

    fn answer(&self, bytes: &[u8], directory: &Directory) -> Result<(AuditAnswer, Head), EvidenceError> {
        // The anchor inside, signed by the same key, says when the answer was made.
        let at = AuditAnswer::unproved(bytes)?.anchor.claimed()?.0;
        let answer = AuditAnswer::verify(bytes, (&self.owner, &self.peer), directory, at)?;
        let head = answer.anchor.verify(directory)?.head;
        Ok((answer, head))
    }
}

/// Tells whether no log can have had both heads.
pub fn contradict(a: &Head, b: &Head) -> bool {
    a.log == b.log && a.size == b.size && a.root != b.root
}
