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

    /// Names the log: the hash of its first leaf; an empty log has the name of the empty string.
    pub fn id(&self) -> Digest {
        self.tree.get(0).map_or_else(|| Digest::of(&[]), |first| leaf_hash(first))
    }

    /// Returns the current head; an empty log has the hash of the empty string as its root.
    pub fn head(&self) -> Head {
        let root = self.tree.root();
        Head { log: self.id(), size: root.num_leaves(), root: digest(root.as_bytes()) }
    }

    /// Returns the head that the log had when it held `size` leaves; `None` if it never had, or none.
    pub fn head_at(&self, size: u64) -> Option<Head> {
        let leaves = (0..size).map(|at| self.leaf(at).map(leaf_hash)).collect::<Option<Vec<_>>>()?;
        (size > 0).then(|| Head { log: self.id(), size, root: tree_hash(&leaves) })
    }

    /// Proves that the log had `size` leaves on the way to its current head (RFC 9162 §2.1.4.1); `None`
    /// if it never had.
    pub fn prove_consistency(&self, size: u64) -> Option<Vec<Digest>> {
        let added = self.tree.len().checked_sub(size).filter(|_| size > 0)?;
        if added == 0 {
            return Some(Vec::new());
        }
        let proof = self.tree.prove_consistency(usize::try_from(added).ok()?);
        Some(proof.as_bytes().chunks_exact(32).map(digest).collect())
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

/// Names the log that begins with an encoded leaf, and hashes any leaf (RFC 9162 §2.1.1).
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of(&[&[LEAF], leaf])
}

/// Checks that a log went on from `old` to `new` and changed nothing (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`EvidenceError::NotConsistent`] if the path does not prove that.
pub fn verify_consistency(old: &Head, new: &Head, path: &[Digest]) -> Result<(), EvidenceError> {
    let fail = Err(EvidenceError::NotConsistent);
    if old.log != new.log || old.size == 0 || old.size > new.size {
        return fail;
    }
    if old.size == new.size {
        return if path.is_empty() && old.root == new.root { Ok(()) } else { fail };
    }
    // A tree that is a whole subtree of the new one proves itself.
    let mut path = old.size.is_power_of_two().then_some(old.root).into_iter().chain(path.iter().copied());
    let (mut at, mut last) = (old.size - 1, new.size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let Some(first) = path.next() else { return fail };
    let (mut of_old, mut of_new) = (first, first);
    for node in path {
        if last == 0 {
            return fail;
        }
        if at & 1 == 1 || at == last {
            of_old = node_hash(&node, &of_old);
            of_new = node_hash(&node, &of_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, &node);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && of_old == old.root && of_new == new.root { Ok(()) } else { fail }
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
        let mut hash = leaf_hash(leaf);
        for sibling in &self.path {
            if last == 0 {
                return Err(EvidenceError::NotIncluded);
            }
            if at & 1 == 1 || at == last {
                hash = node_hash(sibling, &hash);
                // A node without a right sibling is carried up unchanged.
                while at & 1 == 0 && at != 0 {
                    at >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            at >>= 1;
            last >>= 1;
        }
        if last == 0 { Ok(hash) } else { Err(EvidenceError::NotIncluded) }
    }
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[NODE], &left.0, &right.0])
}

/// Computes the root over hashes of leaves, one or more (RFC 9162 §2.1.1).
fn tree_hash(leaves: &[Digest]) -> Digest {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    node_hash(&tree_hash(left), &tree_hash(right))
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

    /// SUBPROOF of RFC 9162 §2.1.4.1 written out as its definition says, as a second implementation.
    fn subproof(m: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Digest> {
        let n = leaves.len();
        if m == n {
            return if whole { vec![] } else { vec![mth(leaves)] };
        }
        let k = n.next_power_of_two() / 2;
        let mut path;
        if m <= k {
            path = subproof(m, &leaves[..k], whole);
            path.push(mth(&leaves[k..]));
        } else {
            path = subproof(m - k, &leaves[k..], false);
            path.push(mth(&leaves[..k]));
        }
        path
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
            let id = leaves.first().map_or(Digest::of(&[]), |first| Digest::of(&[&[0], first]));
            let head = Head { log: id, size: leaves.len() as u64, root: mth(&leaves) };
            prop_assert_eq!(log(&leaves).head(), head);
        }

        #[test]
        fn every_earlier_head_is_proved_and_no_other(
            leaves in proptest::collection::vec(any::<Vec<u8>>(), 1..40),
            pick: usize, flip: usize,
        ) {
            let size = 1 + pick % leaves.len();
            let whole = log(&leaves);
            let (old, new) = (log(&leaves[..size]).head(), whole.head());
            prop_assert_eq!(whole.head_at(size as u64), Some(old));
            let path = whole.prove_consistency(size as u64).unwrap();
            prop_assert_eq!(&path, &if size == leaves.len() { vec![] } else { subproof(size, &leaves, true) });
            prop_assert_eq!(verify_consistency(&old, &new, &path), Ok(()));

            let other = Head { root: Digest([9; 32]), ..old };
            prop_assert!(verify_consistency(&other, &new, &path).is_err());
            let changed = Head { root: Digest([9; 32]), ..new };
            prop_assert!(verify_consistency(&old, &changed, &path).is_err());
            if !path.is_empty() {
                let mut bent = path.clone();
                bent[flip % path.len()].0[0] ^= 1;
                prop_assert!(verify_consistency(&old, &new, &bent).is_err());
                prop_assert!(verify_consistency(&old, &new, &path[1..]).is_err());
            }
        }

        #[test]
        fn a_fork_is_never_proved(
            leaves in proptest::collection::vec(any::<u8>(), 2..30), at: usize, size: usize,
        ) {
            let leaves: Vec<Vec<u8>> = leaves.into_iter().map(|byte| vec![byte]).collect();
            let at = 1 + at % (leaves.len() - 1);
            let size = at + 1 + size % (leaves.len() - at);
            let mut forked = leaves.clone();
            forked[at].push(0);
            let path = log(&forked).prove_consistency(size as u64).unwrap();
            let (old, new) = (log(&leaves[..size]).head(), log(&forked).head());
            prop_assert!(verify_consistency(&old, &new, &path).is_err());
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
            let Head { size, root, .. } = log.head();
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
