//! Hostile cases of DESIGN §13 about roots, snapshots, split views and downgrade, each named by its fault.

use super::*;
use crate::cose::{KemPrivate, PqSigningKey, SigningKey};
use crate::model::{DAY, Digest, Party, Timestamp};
use crate::trust::fixture::{NOW, Pki, key, party, prekey};
use crate::trust::{
    CertifiedKey, Directory, Freshness, Role, TrustError, Usage, Validity, thumbprint, twin_digest,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

mod documents;
mod parts;
mod roots;
mod snapshots;

pub(super) fn part_a(pki: &Pki, version: u64) -> PartA {
    let npc = Npc { party: pki.party.clone(), records: RecordScope::All };
    PartA {
        party: pki.party.clone(),
        version,
        issued: NOW,
        roots: vec![LinkedRoot {
            certificate: ByteBuf::from(pki.root.der.clone()),
            link: None,
            retired: None,
        }],
        seals: vec![SealEntry { certificate: ByteBuf::from(pki.seal.der.clone()), retired: None }],
        revocations: None,
        npcs: if matches!(pki.party, Party::Npc { npc: None, .. }) { vec![npc] } else { vec![] },
        authorities: vec![],
        succession: vec![],
        languages: vec!["fr".to_owned()],
        names: BTreeMap::from([("fr".to_owned(), "Point de contact national".to_owned())]),
        contact: None,
        approvals: 1,
    }
}

pub(super) fn part_b(pki: &Pki, version: u64) -> PartB {
    PartB {
        party: pki.party.clone(),
        version,
        issued: NOW,
        logs: vec![LogEntry { certificate: ByteBuf::from(pki.log.der.clone()), twin: None, retired: None }],
        issuing: vec![ByteBuf::from(pki.issuing.der.clone())],
        prekeys: vec![PrekeyEntry::new(&prekey(1), false)],
        routes: vec![Route::Quic("npc.example.org:4620".to_owned())],
        capabilities: vec![],
    }
}

pub(super) fn signed_b(pki: &Pki, part: &PartB) -> Vec<u8> {
    part.sign(&thumbprint(&pki.seal.der), &pki.seal_key).unwrap().to_bytes()
}

/// A 2-of-3 root, one publisher, and what they have signed so far.
pub(super) struct World {
    pub(super) signers: [SigningKey; 3],
    publisher: SigningKey,
    root: Root,
    anchor: Digest,
    snapshot: Snapshot,
    pub(super) docs: Documents,
}

const MONTH: Validity = Validity::days(NOW, 30);

impl World {
    pub(super) fn of(members: &[(&Pki, PartA, PartB)]) -> Self {
        let signers = ["one", "two", "three"].map(key);
        let publisher = key("publisher");
        let keys = signers.iter().map(SigningKey::verifying_key).collect();
        let root = Root {
            federation: "west".to_owned(),
            genesis: None,
            version: 1,
            issued: NOW,
            expires: NOW.saturating_add(400 * DAY),
            signers: Threshold::new(2, keys).unwrap(),
            publishers: Threshold::new(1, [publisher.verifying_key()].into()).unwrap(),
            admitted: members
                .iter()
                .map(|(pki, ..)| (pki.party.clone(), thumbprint(&pki.root.der)))
                .collect(),
            suspended: BTreeMap::new(),
        };
        let first = sign_root(&root, &[&signers[0], &signers[2]]);
        let anchor = SignedDocument::parse(Document::Root, &first).unwrap().digest();
        let mut snapshot = Snapshot {
            genesis: anchor,
            root: 1,
            version: 1,
            issued: NOW,
            expires: MONTH.not_after,
            parties: BTreeMap::new(),
        };
        let mut docs = Documents { roots: vec![ByteBuf::from(first)], ..Documents::default() };
        for (pki, a, b) in members {
            let a = a.sign(&pki.root_key).unwrap();
            let listed = Listed { version: a.read::<PartA>().unwrap().version, part_a: a.digest() };
            snapshot.parties.insert(pki.party.clone(), listed);
            docs.parts_a.push(ByteBuf::from(a.to_bytes()));
            docs.parts_b.push(ByteBuf::from(signed_b(pki, b)));
        }
        docs.snapshot = Some(ByteBuf::from(sign_snapshot(&snapshot, &[&publisher])));
        Self { signers, publisher, root, anchor, snapshot, docs }
    }

    pub(super) fn two() -> (Pki, Pki, Self) {
        let (xaa, xab) = (Pki::new("XAA"), Pki::new("XAB"));
        let members = [&xaa, &xab].map(|p| (p, part_a(p, 1), part_b(p, 1)));
        let world = Self::of(&members);
        (xaa, xab, world)
    }

    fn read(&self) -> Result<Directory, TrustError> {
        Directory::from_bundle(&self.anchor, &self.docs.to_bytes(), Some(&party("XAA")))
    }

    pub(super) fn directory(&self) -> Directory {
        self.read().unwrap()
    }

    /// The next root document after a change, signed by these.
    pub(super) fn next_root(&self, change: impl FnOnce(&mut Root), by: &[&SigningKey]) -> Vec<u8> {
        let mut root = Root { genesis: Some(self.anchor), version: 2, ..self.root.clone() };
        change(&mut root);
        sign_root(&root, by)
    }

    /// The next snapshot after a change, signed by the publisher.
    pub(super) fn next_snapshot(&self, change: impl FnOnce(&mut Snapshot)) -> Vec<u8> {
        let mut snapshot = Snapshot { version: 2, ..self.snapshot.clone() };
        change(&mut snapshot);
        sign_snapshot(&snapshot, &[&self.publisher])
    }
}

fn sign_root(root: &Root, by: &[&SigningKey]) -> Vec<u8> {
    let signatures = by.iter().map(|key| root.sign(key).unwrap());
    SignedDocument::new(Document::Root, root.to_bytes().unwrap(), signatures).to_bytes()
}

fn sign_snapshot(snapshot: &Snapshot, by: &[&SigningKey]) -> Vec<u8> {
    let signatures = by.iter().map(|key| snapshot.sign(key).unwrap());
    SignedDocument::new(Document::Snapshot, snapshot.to_bytes().unwrap(), signatures).to_bytes()
}

pub(super) fn roots(root: Vec<u8>) -> Documents {
    Documents { roots: vec![ByteBuf::from(root)], ..Documents::default() }
}

pub(super) fn snapshots(snapshot: Vec<u8>) -> Documents {
    Documents { snapshot: Some(ByteBuf::from(snapshot)), ..Documents::default() }
}

fn verdict(directory: &Directory, news: &Documents) -> &'static str {
    directory.update(news, NOW).map_or_else(|e| e.code(), |_| "taken")
}

fn code<T>(result: Result<T, TrustError>) -> &'static str {
    result.map_or_else(|e| e.code(), |_| "taken")
}

#[test]
fn a_directory_is_the_same_bytes_from_anyone_and_needs_only_the_anchor() {
    let (xaa, xab, world) = World::two();
    let directory = world.directory();
    assert_eq!(directory.bundle(), world.docs.to_bytes());
    let verifier = Directory::from_bundle(&world.anchor, &directory.bundle(), None).unwrap();
    assert_eq!((verifier.version(), verifier.digest()), (1, directory.digest()));
    assert!(verifier.seal_key(&xab.party, &thumbprint(&xab.seal.der), NOW).is_ok());
    assert!(verifier.log_key(&xaa.party, &thumbprint(&xaa.log.der), NOW).is_ok());
    assert_eq!(verifier.prekey(&xab.party, NOW), Ok(&prekey(1)));
    let gateway = directory.verify_gateway(&xab.gateway.der, &[&xab.issuing.der], Usage::Client, NOW);
    assert_eq!(gateway, Ok(xab.party.clone()));
    let other = Digest([7; 32]);
    assert_eq!(code(Directory::from_bundle(&other, &directory.bundle(), None)), "wrong-anchor");
    let stranger = party("XAC");
    assert_eq!(
        code(Directory::from_bundle(&world.anchor, &directory.bundle(), Some(&stranger))),
        "unknown-party"
    );
}
