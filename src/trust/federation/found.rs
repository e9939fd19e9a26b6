use super::signed::{Document, SignedDocument, Threshold};
use super::{Documents, Listed, PartA, Root, Snapshot, Suspension};
use crate::cose::SigningKey;
use crate::model::{Digest, Party, Timestamp};
use crate::trust::{TrustError, Validity};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// The files of one party: what its root and its seal key have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The file of its part A.
    pub part_a: Vec<u8>,
    /// The file of its part B; a party that was just admitted may have none yet.
    pub part_b: Option<Vec<u8>>,
}

/// An authority of one key that is root signer and publisher in one, for demos, tests and simulations; the signers of a
/// real one sit on machines apart.
#[derive(Clone, Debug)]
pub struct SoleAuthority {
    name: String,
    key: SigningKey,
    roots: Vec<(Root, SignedDocument)>,
    snapshots: u64,
}

impl SoleAuthority {
    /// Names a federation that has published nothing yet.
    pub fn new(name: &str, key: SigningKey) -> Self {
        Self { name: name.to_owned(), key, roots: Vec::new(), snapshots: 0 }
    }

    /// Publishes the next snapshot, under a new root document if whom it admits or suspends, or its end, is another
    /// than before. Returns the whole directory. Each party is admitted by the root that signed its part A, or stays
    /// admitted by the root that it follows by links.
    ///
    /// # Errors
    /// What a part A is refused for.
    pub fn publish(
        &mut self,
        members: &[Member],
        suspended: &BTreeMap<Party, Suspension>,
        validity: Validity,
    ) -> Result<Vec<u8>, TrustError> {
        let mut admitted = BTreeMap::new();
        let mut parties = BTreeMap::new();
        for member in members {
            let (part, thumbprint) = PartA::read_self_signed(&member.part_a)?;
            let part_a = SignedDocument::parse(Document::PartA, &member.part_a)?.digest();
            let before = self.roots.last().and_then(|(root, _)| root.admitted.get(&part.party).copied());
            let follows = |x5t: &Digest| {
                part.roots.iter().any(|root| crate::trust::thumbprint(&root.certificate) == *x5t)
            };
            admitted.insert(part.party.clone(), before.filter(follows).unwrap_or(thumbprint));
            parties.insert(part.party, (Listed { version: part.version, part_a }, member));
        }
        self.turn_to(admitted, suspended.clone(), validity)?;
        let listed = parties.iter().map(|(party, (listed, _))| (party.clone(), *listed)).collect();
        let snapshot = self.snapshot(listed, validity)?;
        let file = |bytes: &Vec<u8>| ByteBuf::from(bytes.clone());
        let documents = Documents {
            roots: self.roots.iter().map(|(_, signed)| ByteBuf::from(signed.to_bytes())).collect(),
            snapshot: Some(ByteBuf::from(snapshot.to_bytes())),
            parts_a: parties.values().map(|(_, member)| file(&member.part_a)).collect(),
            parts_b: parties.values().filter_map(|(_, m)| m.part_b.as_ref().map(file)).collect(),
        };
        Ok(documents.to_bytes())
    }

    /// Returns the digest of the first root document, zeros before anything was published.
    pub fn anchor(&self) -> Digest {
        self.roots.first().map_or(Digest([0; 32]), |(_, signed)| signed.digest())
    }

    fn turn_to(
        &mut self,
        admitted: BTreeMap<Party, Digest>,
        suspended: BTreeMap<Party, Suspension>,
        validity: Validity,
    ) -> Result<(), TrustError> {
        let only = || Threshold::new(1, [self.key.verifying_key()].into());
        let next = Root {
            federation: self.name.clone(),
            genesis: (!self.roots.is_empty()).then(|| self.anchor()),
            version: self.roots.len() as u64 + 1,
            issued: validity.not_before,
            expires: validity.not_after,
            signers: only()?,
            publishers: only()?,
            admitted,
            suspended,
        };
        let is_same = |(root, _): &(Root, SignedDocument)| {
            (&root.admitted, &root.suspended, root.expires) == (&next.admitted, &next.suspended, next.expires)
        };
        if !self.roots.last().is_some_and(is_same) {
            let signed = SignedDocument::new(Document::Root, next.to_bytes()?, [next.sign(&self.key)?]);
            self.roots.push((next, signed));
        }
        Ok(())
    }

    fn snapshot(
        &mut self,
        parties: BTreeMap<Party, Listed>,
        validity: Validity,
    ) -> Result<SignedDocument, TrustError> {
        self.snapshots += 1;
        let root = self.roots.last().map_or((0, validity.not_before), |(r, _)| (r.version, r.issued));
        let snapshot = Snapshot {
            genesis: self.anchor(),
            root: root.0,
            version: self.snapshots,
            issued: Timestamp::max(validity.not_before, root.1),
            expires: validity.not_after,
            parties,
        };
        let signature = snapshot.sign(&self.key)?;
        Ok(SignedDocument::new(Document::Snapshot, snapshot.to_bytes()?, [signature]))
    }
}
