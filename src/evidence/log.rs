use crate::evidence::EvidenceError;
use crate::model::{Digest, Head};
use std::collections::BTreeMap;

/// What is hashed before a leaf and before a pair of nodes (RFC 9162 §2.1.1).
const LEAF: u8 = 0;
const NODE: u8 = 1;

/// An append-only Merkle log with the hashing of RFC 9162 §2.1, wherever its leaves lie. Every answer
/// takes a number of nodes that grows with the logarithm of the size.
pub trait Log {
    /// Returns how many leaves the log holds.
    fn size(&self) -> u64;

    /// Returns the encoded leaf at `index`.
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if it is not there, [`EvidenceError::Unread`] if it cannot be read.
    fn leaf(&self, index: u64) -> Result<Vec<u8>, EvidenceError>;

    /// Returns the hash over the `1 << level` leaves from `index << level` on, all of which the log holds.
    ///
    /// # Errors
    /// As for [`Self::leaf`].
    fn node(&self, level: u32, index: u64) -> Result<Digest, EvidenceError>;

    /// Names the log: the hash of its first leaf; an empty log has the name of the empty string.
    ///
    /// # Errors
    /// As for [`Self::leaf`]; so for all that follow.
    fn id(&self) -> Result<Digest, EvidenceError> {
        if self.size() == 0 { Ok(Digest::of(&[])) } else { self.node(0, 0) }
    }

    /// Returns the current head; an empty log has the hash of the empty string as its root.
    ///
    /// # Errors
    /// As for [`Self::id`].
    fn head(&self) -> Result<Head, EvidenceError> {
        let root = if self.size() == 0 { Digest::of(&[]) } else { root_over(self, 0, self.size())? };
        Ok(Head { log: self.id()?, size: self.size(), root })
    }

    /// Returns the head that the log had when it held `size` leaves; `None` if it never had, or none.
    ///
    /// # Errors
    /// As for [`Self::id`].
    fn head_at(&self, size: u64) -> Result<Option<Head>, EvidenceError> {
        if size == 0 || size > self.size() {
            return Ok(None);
        }
        Ok(Some(Head { log: self.id()?, size, root: root_over(self, 0, size)? }))
    }

    /// Proves that the leaf at `index` is under the current head (PATH of RFC 9162 §2.1.3.1).
    ///
    /// # Errors
    /// [`EvidenceError::NotIncluded`] if there is no such leaf.
    fn prove(&self, index: u64) -> Result<Inclusion, EvidenceError> {
        if index >= self.size() {
            return Err(EvidenceError::NotIncluded);
        }
        let (mut start, mut leaves, mut path) = (0, self.size(), Vec::new());
        while leaves > 1 {
            let left = split(leaves);
            if index - start < left {
                path.push(root_over(self, start + left, leaves - left)?);
                leaves = left;
            } else {
                path.push(root_over(self, start, left)?);
                (start, leaves) = (start + left, leaves - left);
            }
        }
        path.reverse();
        Ok(Inclusion { index, path })
    }

    /// Proves that the log had `size` leaves on the way to its current head (SUBPROOF of RFC 9162
    /// §2.1.4.1); `None` if it never had.
    ///
    /// # Errors
    /// As for [`Self::id`].
    fn prove_consistency(&self, size: u64) -> Result<Option<Vec<Digest>>, EvidenceError> {
        if size == 0 || size > self.size() {
            return Ok(None);
        }
        let (mut start, mut leaves, mut path) = (0, self.size(), Vec::new());
        while size < start + leaves {
            let left = split(leaves);
            if size <= start + left {
                path.push(root_over(self, start + left, leaves - left)?);
                leaves = left;
            } else {
                path.push(root_over(self, start, left)?);
                (start, leaves) = (start + left, leaves - left);
            }
        }
        // What begins at the first leaf is the old tree itself, whose root the verifier has.
        if start > 0 {
            path.push(root_over(self, start, leaves)?);
        }
        path.reverse();
        Ok(Some(path))
    }
}

/// A log that grows in memory. It keeps the hashes that later heads and proofs of new leaves need, and the
/// leaves and older hashes as long as nobody lets them go with [`Self::forget`].
#[derive(Clone, Debug, Default)]
pub struct MerkleLog {
    size: u64,
    id: Option<Digest>,
    leaves: BTreeMap<u64, Vec<u8>>,
    nodes: BTreeMap<(u32, u64), Digest>,
}

/// The path from one leaf to the root (RFC 9162 §2.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The leaf's place, counted from zero.
    pub index: u64,
    /// The sibling hashes, lowest first.
    pub path: Vec<Digest>,
}

/// What one more leaf adds to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its place, counted from zero.
    pub index: u64,
    /// The hashes of the whole subtrees of 2, 4, 8 … leaves that it completes, smallest first.
    pub completed: Vec<Digest>,
}

impl MerkleLog {
    /// Takes up a log where its durable part ends.
    ///
    /// # Errors
    /// [`EvidenceError::NotConsistent`] if its nodes do not come to `head`, and what reading them says.
    pub fn resume(log: &dyn Log, head: &Head) -> Result<Self, EvidenceError> {
        let mut resumed = Self { size: log.size(), id: Some(log.id()?), ..Self::default() };
        for (level, index) in edge(log.size()) {
            resumed.nodes.insert((level, index), log.node(level, index)?);
        }
        if resumed.head()? == *head { Ok(resumed) } else { Err(EvidenceError::NotConsistent) }
    }

    /// Appends an encoded leaf.
    pub fn append(&mut self, leaf: Vec<u8>) -> Appended {
        let index = self.size;
        let mut hash = leaf_hash(&leaf);
        self.id.get_or_insert(hash);
        self.leaves.insert(index, leaf);
        self.nodes.insert((0, index), hash);
        self.size += 1;
        let mut completed = Vec::new();
        for level in 1..=index.trailing_ones() {
            let place = index >> level;
            let left = self.nodes.get(&(level - 1, place << 1));
            hash = node_hash(left.expect("the left sibling is on the edge of the log"), &hash);
            self.nodes.insert((level, place), hash);
            completed.push(hash);
        }
        Appended { index, completed }
    }

    /// Lets go of all leaves and of the hashes that no later head needs.
    pub fn forget(&mut self) {
        self.leaves.clear();
        let edge = edge(self.size).filter_map(|at| self.nodes.remove_entry(&at)).collect();
        self.nodes = edge;
    }
}

impl Log for MerkleLog {
    fn size(&self) -> u64 {
        self.size
    }

    fn leaf(&self, index: u64) -> Result<Vec<u8>, EvidenceError> {
        self.leaves.get(&index).cloned().ok_or(EvidenceError::NotIncluded)
    }

    fn node(&self, level: u32, index: u64) -> Result<Digest, EvidenceError> {
        self.nodes.get(&(level, index)).copied().ok_or(EvidenceError::NotIncluded)
    }

    fn id(&self) -> Result<Digest, EvidenceError> {
        Ok(self.id.unwrap_or_else(|| Digest::of(&[])))
    }
}

/// Lists the whole subtrees that a log of `size` leaves falls into, from the left.
fn edge(size: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..u64::BITS)
        .rev()
        .filter(move |level| size >> level & 1 == 1)
        .map(move |level| (level, (size >> level) - 1))
}

/// Returns how many leaves are left of the top of a tree of `leaves`, two or more (RFC 9162 §2.1.1).
const fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Computes the hash over `leaves` leaves from `start` on, which a tree of RFC 9162 has on its way.
fn root_over<L: Log + ?Sized>(log: &L, start: u64, leaves: u64) -> Result<Digest, EvidenceError> {
    if leaves.is_power_of_two() {
        let level = leaves.ilog2();
        return log.node(level, start >> level);
    }
    let left = split(leaves);
    Ok(node_hash(&root_over(log, start, left)?, &root_over(log, start + left, leaves - left)?))
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
            prop_assert_eq!(log(&leaves).head(), Ok(head));
        }

        #[test]
        fn every_earlier_head_is_proved_and_no_other(
            leaves in proptest::collection::vec(any::<Vec<u8>>(), 1..40),
            pick: usize, flip: usize,
        ) {
            let size = 1 + pick % leaves.len();
            let whole = log(&leaves);
            let (old, new) = (log(&leaves[..size]).head().unwrap(), whole.head().unwrap());
            prop_assert_eq!(whole.head_at(size as u64), Ok(Some(old)));
            let path = whole.prove_consistency(size as u64).unwrap().unwrap();
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
            let path = log(&forked).prove_consistency(size as u64).unwrap().unwrap();
            let (old, new) = (log(&leaves[..size]).head().unwrap(), log(&forked).head().unwrap());
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
            let Head { size, root, .. } = log.head().unwrap();
            let mut other = log.leaf(index).unwrap();
            prop_assert_eq!(proof.root(size, &other), Ok(root));
            other.push(0);
            prop_assert_ne!(proof.root(size, &other), Ok(root));
            prop_assert_ne!(Inclusion { index: index + 1, ..proof }.root(size, &log.leaf(index).unwrap()), Ok(root));
        }
    }

    proptest! {
        #[test]
        fn a_log_that_forgets_says_the_same(
            leaves in proptest::collection::vec(any::<Vec<u8>>(), 1..80),
            cuts in proptest::collection::btree_set(1usize..80, 0..5),
        ) {
            let whole = log(&leaves);
            let mut lean = MerkleLog::default();
            for (at, leaf) in leaves.iter().enumerate() {
                if cuts.contains(&at) {
                    lean.forget();
                    let durable = log(&leaves[..at]);
                    lean = MerkleLog::resume(&durable, &durable.head().unwrap()).unwrap();
                }
                let added = lean.append(leaf.clone());
                prop_assert_eq!(added.index, at as u64);
                for (level, hash) in (1..).zip(added.completed) {
                    prop_assert_eq!(whole.node(level, (at >> level) as u64), Ok(hash));
                }
                prop_assert_eq!(lean.head(), log(&leaves[..=at]).head());
                prop_assert_eq!(lean.prove(at as u64), log(&leaves[..=at]).prove(at as u64));
            }
        }

        #[test]
        fn another_implementation_agrees(
            leaves in proptest::collection::vec(any::<Vec<u8>>(), 1..60), pick: usize, size: usize,
        ) {
            let mut other = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
            leaves.iter().cloned().for_each(|leaf| other.push(leaf));
            let (ours, index) = (log(&leaves), pick % leaves.len());
            let path = |bytes: &[u8]| bytes.chunks_exact(32).map(|d| Digest(d.try_into().unwrap())).collect::<Vec<_>>();
            prop_assert_eq!(ours.head().unwrap().root, path(other.root().as_bytes())[0]);
            prop_assert_eq!(ours.prove(index as u64).unwrap().path, path(other.prove_inclusion(index).as_bytes()));
            let size = 1 + size % leaves.len();
            if size < leaves.len() {
                let proof = other.prove_consistency(leaves.len() - size);
                prop_assert_eq!(ours.prove_consistency(size as u64), Ok(Some(path(proof.as_bytes()))));
            }
        }
    }

    #[test]
    fn a_log_is_not_taken_up_at_a_head_that_is_not_its_own() {
        let leaves: Vec<Vec<u8>> = (0..9u8).map(|byte| vec![byte]).collect();
        let durable = log(&leaves);
        let other = Head { root: Digest([9; 32]), ..durable.head().unwrap() };
        assert_eq!(MerkleLog::resume(&durable, &other).unwrap_err(), EvidenceError::NotConsistent);
        let shorter = durable.head_at(8).unwrap().unwrap();
        assert_eq!(MerkleLog::resume(&durable, &shorter).unwrap_err(), EvidenceError::NotConsistent);
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
