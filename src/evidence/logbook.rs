use crate::cose::SigningKey;
use crate::evidence::{Appended, Checkpoint, EvidenceError, Leaf, Log, MerkleLog, Receipt};
use crate::model::{Digest, Entropy, Head, MessageId, Party, Timestamp};
use std::collections::BTreeMap;

/// Gives the log key that is in use, with its certificate's thumbprint: keys are rotated while the book is open.
pub type KeySource = Box<dyn Fn() -> (SigningKey, Digest) + Send>;

/// All logs that one gateway keeps, one for each peer, with the key that signs their heads (DESIGN §7). Of
/// each it holds only what the next leaves need; what is durable is read where it lies.
pub struct LogBook {
    owner: Party,
    key: KeySource,
    logs: BTreeMap<Party, Kept>,
    entropy: Box<dyn Entropy + Send>,
}

/// A leaf that a commit group is about to add.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose log gets it.
    pub peer: Party,
    /// The leaf.
    pub leaf: Leaf,
    /// Whether its receipt is wanted.
    pub receipt: bool,
}

/// What one commit group added to the logs.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    /// Every new leaf, genesis leaves included.
    pub leaves: Vec<NewLeaf>,
    /// The new head of each log that grew, and which of the logs about that peer it is.
    pub heads: Vec<(Party, u32, Head)>,
    /// The receipts that were wanted, in the order of the entries.
    pub receipts: Vec<Option<Receipt>>,
}

/// A leaf as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLeaf {
    /// Whose log it is in.
    pub peer: Party,
    /// Which of the logs about that peer: a gateway that has lost one begins another.
    pub nth: u32,
    /// Its place and the subtrees that it completes.
    pub added: Appended,
    /// The encoded leaf.
    pub leaf: Vec<u8>,
}

/// The log about a peer that goes on.
#[derive(Default)]
struct Kept {
    nth: u32,
    log: MerkleLog,
}

/// What a commit group adds to one log.
#[derive(Default)]
struct Grown {
    /// The instant of its newest leaf.
    newest: Option<Timestamp>,
    /// The entries that want a receipt, each with its leaf's place in the log.
    places: Vec<(usize, u64)>,
}

impl LogBook {
    /// Opens an empty book; `entropy` supplies the nonce of each genesis leaf.
    pub fn new(owner: Party, key: (SigningKey, Digest), entropy: Box<dyn Entropy + Send>) -> Self {
        Self { owner, key: Box::new(move || key.clone()), logs: BTreeMap::new(), entropy }
    }

    /// Signs with the key that `source` gives for each group.
    #[must_use]
    pub fn with_keys(self, source: KeySource) -> Self {
        Self { key: source, ..self }
    }

    /// Takes up the newest log about a peer where its durable part ends, at the head that was signed last.
    ///
    /// # Errors
    /// As for [`MerkleLog::resume`].
    pub fn resume(&mut self, peer: Party, nth: u32, log: &dyn Log, head: &Head) -> Result<(), EvidenceError> {
        self.logs.insert(peer, Kept { nth, log: MerkleLog::resume(log, head)? });
        Ok(())
    }

    /// Adds a group's leaves and signs one checkpoint for each peer among them. A genesis leaf begins a new log.
    ///
    /// The caller makes the leaves durable before any receipt leaves; until then no signature has.
    ///
    /// # Errors
    /// [`EvidenceError::Wire`] if a leaf cannot be encoded, which is a bug.
    pub fn seal_group(&mut self, entries: &[Entry]) -> Result<Sealed, EvidenceError> {
        let mut sealed = Sealed::default();
        let mut grown: BTreeMap<&Party, Grown> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            match (&entry.leaf, self.logs.get_mut(&entry.peer)) {
                (Leaf::Genesis { .. }, Some(kept)) => {
                    *kept = Kept { nth: kept.nth + 1, log: MerkleLog::default() };
                }
                (Leaf::Genesis { .. }, None) => {}
                (Leaf::Act { .. }, _) => self.open_log(&entry.peer, entry.leaf.at(), &mut sealed)?,
            }
            let index = self.append(&entry.peer, &entry.leaf, &mut sealed)?;
            let grown = grown.entry(&entry.peer).or_default();
            grown.newest = grown.newest.max(Some(entry.leaf.at()));
            grown.places.extend(entry.receipt.then_some((at, index)));
        }
        sealed.receipts = vec![None; entries.len()];
        for (peer, grown) in grown {
            self.sign_head(peer, &grown, &mut sealed)?;
        }
        Ok(sealed)
    }

    fn sign_head(&mut self, peer: &Party, grown: &Grown, sealed: &mut Sealed) -> Result<(), EvidenceError> {
        let at = grown.newest.unwrap_or(Timestamp::EPOCH);
        let places = &grown.places;
        let Kept { nth, log } = self.logs.get_mut(peer).ok_or(EvidenceError::NotIncluded)?;
        let checkpoint = Checkpoint { owner: self.owner.clone(), peer: peer.clone(), head: log.head()?, at };
        sealed.heads.push((peer.clone(), *nth, checkpoint.head));
        let indices: Vec<u64> = places.iter().map(|(_, index)| *index).collect();
        // A head that nobody gets needs no signature.
        let receipts = match indices.as_slice() {
            [] => Vec::new(),
            indices => Receipt::issue(&checkpoint, log, indices, &(self.key)())?,
        };
        for ((slot, _), receipt) in places.iter().zip(receipts) {
            sealed.receipts[*slot] = Some(receipt);
        }
        log.forget();
        Ok(())
    }

    /// A log opens with its genesis leaf, so that no two logs of one pair can be confused.
    fn open_log(&mut self, peer: &Party, at: Timestamp, sealed: &mut Sealed) -> Result<(), EvidenceError> {
        if self.logs.contains_key(peer) {
            return Ok(());
        }
        let nonce = MessageId::random(&mut *self.entropy);
        let genesis =
            Leaf::Genesis { owner: self.owner.clone(), peer: peer.clone(), nonce, at, continues: None };
        self.append(peer, &genesis, sealed).map(|_| ())
    }

    fn append(&mut self, peer: &Party, leaf: &Leaf, sealed: &mut Sealed) -> Result<u64, EvidenceError> {
        let bytes = leaf.encode()?;
        let Kept { nth, log } = self.logs.entry(peer.clone()).or_default();
        let added = log.append(bytes.clone());
        let index = added.index;
        sealed.leaves.push(NewLeaf { peer: peer.clone(), nth: *nth, added, leaf: bytes });
        Ok(index)
    }
}
