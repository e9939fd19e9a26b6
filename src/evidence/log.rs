use crate::evidence::EvidenceError;
use crate::model::{Digest, Head};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;

/// What is hashed before a leaf and before a pair of nodes (RFC 9162 §2.1.1).
const LEAF: u8 = 0;
const NODE: u8 = 1;

/// One append-only Merkle log, with the hashing of RFC 9162 §2.1.
#[derive(Clone, Debug, Default)]
pub struct MerkleLog {
    tree: MemoryBackedTree<Sha256, Vec<u8>>,
}

/// The path from one leaf to the root (RFC 9162 §2.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The leaf's place, counted from zero.
    pub index: u64,
    /// The sibling hashes, lowest first.
    pub path: Vec<Digest>,
}

impl MerkleLog {
    /// Appends an encoded leaf and returns its index.
    pub fn append(&mut self, leaf: Vec<u8>) -> u64 {
        self.tree.push(leaf);
        self.tree.len() - 1
    }

    /// Returns the current head; an empty log has the hash of the empty string as its root.
    pub fn head(&self) -> Head {
        let root = self.tree.root();
        Head { size: root.num_leaves(), root: digest(root.as_bytes()) }
    }

    /// Proves that the leaf at `index` is under the current head; `None` if there is no such leaf.
    pub fn prove(&self, index: u64) -> Option<Inclusion> {
        let at = usize::try_from(index).ok().filter(|_| index < self.tree.len())?;
        let proof = self.tree.prove_inclusion(at);
        Some(Inclusion { index, path: proof.as_bytes().chunks_exact(32).map(digest).collect() })
    }

    /// Returns the encoded leaf at `index`.
    pub fn leaf(&self, index: u64) -> Option<&[u8]> {
        self.tree.get(usize::try_from(index).ok()?).map(Vec::as_slice)
    }
}

impl Inclusion {
    /// Computes the root that this proof gives `leaf` in a log of `size` leaves (RFC 9162 §2.1.3.2).
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if the path has not the length that index and size prescribe.
    pub fn root(&self, size: u64, leaf: &[u8]) -> Result<Digest, EvidenceError> {
        if self.index >= size {
            return Err(EvidenceError::NotIncluded);
        }
        let (mut at, mut last) = (self.index, size - 1);
        let mut hash = Digest::of(&[&[LEAF], leaf]);
        for sibling in &self.path {
            if last == 0 {
                return Err(EvidenceError::NotIncluded);
            }
            if at & 1 == 1 || at == last {
                hash = Digest::of(&[&[NODE], &sibling.0, &hash.0]);
                // A node without a right sibling is carried up unchanged.
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = Digest::of(&[&[NODE], &hash.0, &sibling.0]);
            }
            at >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok(hash) } else { Err(EvidenceError::NotIncluded) }
    }
}

fn digest(bytes: impl AsRef<[u8]>) -> Digest {
    let mut out = [0u8; 32];
    out.copy_from_slice(bytes.as_ref());
    Digest(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9162 §2.1.1 written out as its definition says, as a second implementation.
    fn mth(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => Digest::of(&[]),
            [leaf] => Digest::of(&[&[0], leaf]),
            many => {
                let k = many.len().next_power_of_two() / 2;
                Digest::of(&[&[1], &mth(&many[..k]).0, &mth(&many[k..]).0])
            }
        }
    }

    fn log(leaves: &[Vec<u8>]) -> MerkleLog {
        let mut log = MerkleLog::default();
        leaves.iter().for_each(|leaf| {
            log.append(leaf.clone());
        });
        log
    }

    proptest! {
        #[test]
        fn head_is_the_merkle_tree_hash(leaves in proptest::collection::vec(any::<Vec<u8>>(), 0..40)) {
            prop_assert_eq!(log(&leaves).head(), Head { size: leaves.len() as u64, root: mth(&leaves) });
        }

        #[test]
        fn every_leaf_is_proved_and_no_other(
            // Equal neighbours would be proved by one another's proofs.
            leaves in proptest::collection::btree_set(any::<Vec<u8>>(), 1..40),
            pick: u64,
        ) {
            let leaves = Vec::from_iter(leaves);
            let log = log(&leaves);
            let index = pick % leaves.len() as u64;
            let proof = log.prove(index).unwrap();
            let Head { size, root } = log.head();
            let mut other = log.leaf(index).unwrap().to_vec();
            prop_assert_eq!(proof.root(size, &other), Ok(root));
            other.push(0);
            prop_assert_ne!(proof.root(size, &other), Ok(root));
            prop_assert_ne!(Inclusion { index: index + 1, ..proof }.root(size, log.leaf(index).unwrap()), Ok(root));
        }
    }

    #[test]
    fn impossible_sizes_are_refused_without_work() {
        let proof = Inclusion { index: 0, path: vec![Digest([0; 32]); 64] };
        assert_eq!(proof.root(0, b"x"), Err(EvidenceError::NotIncluded));
        assert_eq!(proof.root(1, b"x"), Err(EvidenceError::NotIncluded));
        assert!(proof.root(u64::MAX, b"x").is_ok(), "sixty-four siblings lead to the top of a full tree");
        assert_eq!(
            Inclusion { index: 0, path: vec![] }.root(u64::MAX, b"x"),
            Err(EvidenceError::NotIncluded)
        );
    }
}
