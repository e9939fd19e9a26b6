use crate::envelope::{EnvelopeError, GatewayWord};
use crate::evidence::{Anchor, EvidenceError, Inclusion, Log, LogKeys, ProvedAnchor};
use crate::evidence::{Checkpoint, Leaf, leaf_hash, verify_consistency};
use crate::model::{Head, Party, Timestamp};
use crate::trust::Directory;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The most heads that one question asks about.
pub const MAX_AUDITED: usize = 32;

/// Asks a peer to prove that its log has gone on from heads that were seen (DESIGN §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuestion {
    /// Who is asked.
    pub to: Party,
    /// The sizes of the heads, at most [`MAX_AUDITED`].
    pub sizes: Vec<u64>,
}

/// The signed answer: the newest head under both keys, and how it goes on from each head asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditAnswer {
    /// Who asked.
    pub to: Party,
    /// The newest head.
    pub anchor: Anchor,
    /// The log's first leaf with its path, which says whose log it is.
    pub genesis: ProvedLeaf,
    /// The heads asked about, as their owner now gives them.
    pub heads: Vec<ProvedHead>,
}

/// A leaf with its path to a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvedLeaf {
    /// Its place, counted from zero.
    pub index: u64,
    /// The leaf.
    pub leaf: ByteBuf,
    /// The sibling hashes, lowest first.
    pub path: Vec<crate::model::Digest>,
}

/// An earlier head of a log with its consistency proof to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvedHead {
    /// The earlier head.
    pub head: Head,
    /// The nodes of the proof (RFC 9162 §2.1.4).
    pub path: Vec<crate::model::Digest>,
}

impl GatewayWord for AuditQuestion {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.audit-question+cbor";

    fn to(&self) -> &Party {
        &self.to
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        if self.sizes.len() > MAX_AUDITED {
            return Err(EnvelopeError::Malformed("too many heads are asked about"));
        }
        Ok(())
    }
}

/// Whether an answer proves anything says [`AuditAnswer::proves`].
impl GatewayWord for AuditAnswer {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.audit-answer+cbor";

    fn to(&self) -> &Party {
        &self.to
    }
}

impl AuditAnswer {
    /// Answers from a log whose every leaf is durable; sizes that it never had are left out.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if the log is empty.
    pub fn of(
        log: &dyn Log,
        (me, peer): (&Party, &Party),
        sizes: &[u64],
        keys: &LogKeys,
        now: Timestamp,
    ) -> Result<Self, EvidenceError> {
        let checkpoint = Checkpoint { owner: me.clone(), peer: peer.clone(), head: log.head()?, at: now };
        let genesis = ProvedLeaf::of(log, 0)?;
        let heads = ProvedHead::all_of(log, sizes)?;
        Ok(Self { to: peer.clone(), anchor: Anchor::sign(&checkpoint, keys)?, genesis, heads })
    }

    /// Verifies the anchor, the first leaf and every proof.
    ///
    /// # Errors
    /// [`EvidenceError::NotConsistent`] if a head does not lead to the anchor: then the signed answer itself
    /// convicts its owner; others if the anchor does not hold.
    pub fn proves(&self, owner: &Party, directory: &Directory) -> Result<ProvedAnchor, EvidenceError> {
        let anchor = self.anchor.verify(directory)?;
        if (&anchor.owner, &anchor.peer) != (owner, &self.to) {
            return Err(EvidenceError::AboutSomethingElse("another pair of parties"));
        }
        self.genesis.check_genesis(&anchor)?;
        for earlier in &self.heads {
            verify_consistency(&earlier.head, &anchor.head, &earlier.path)?;
        }
        Ok(anchor)
    }
}

impl ProvedHead {
    /// Proves those heads that a log had at these sizes; the sizes that it never had are left out.
    ///
    /// # Errors
    /// What reading the log says.
    pub fn all_of<'s>(
        log: &dyn Log,
        sizes: impl IntoIterator<Item = &'s u64>,
    ) -> Result<Vec<Self>, EvidenceError> {
        let mut proved = Vec::new();
        for size in sizes {
            let (head, path) = (log.head_at(*size)?, log.prove_consistency(*size)?);
            proved.extend(head.zip(path).map(|(head, path)| Self { head, path }));
        }
        Ok(proved)
    }
}

impl ProvedLeaf {
    /// Proves the leaf at `index` under a log's present head.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if there is none.
    pub fn of(log: &dyn Log, index: u64) -> Result<Self, EvidenceError> {
        Ok(Self { index, leaf: ByteBuf::from(log.leaf(index)?), path: log.prove(index)?.path })
    }

    /// Checks the path to a head and reads the leaf.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] or [`EvidenceError::Wire`].
    pub fn check(&self, head: &Head) -> Result<Leaf, EvidenceError> {
        let proof = Inclusion { index: self.index, path: self.path.clone() };
        if proof.root(head.size, &self.leaf)? != head.root {
            return Err(EvidenceError::NotIncluded);
        }
        Leaf::parse(&self.leaf)
    }

    /// Checks that this is the first leaf of the log that `anchor` signs, and that it names the pair.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] or [`EvidenceError::AboutSomethingElse`].
    pub fn check_genesis(&self, anchor: &ProvedAnchor) -> Result<Option<Head>, EvidenceError> {
        let leaf = self.check(&anchor.head)?;
        match leaf {
            Leaf::Genesis { owner, peer, continues, .. }
                if self.index == 0
                    && leaf_hash(&self.leaf) == anchor.head.log
                    && (&owner, &peer) == (&anchor.owner, &anchor.peer) =>
            {
                Ok(continues)
            }
            Leaf::Genesis { .. } | Leaf::Act { .. } => {
                Err(EvidenceError::AboutSomethingElse("the first leaf of another log"))
            }
        }
    }
}
