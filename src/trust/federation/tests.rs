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

#[test]
fn k_minus_one_root_signatures_are_too_few() {
    let (_, _, world) = World::two();
    let [one, two, _] = &world.signers;
    let directory = world.directory();
    let expires = |root: &mut Root| root.expires = NOW.saturating_add(800 * DAY);
    assert_eq!(verdict(&directory, &roots(world.next_root(expires, &[one]))), "threshold");
    assert_eq!(verdict(&directory, &roots(world.next_root(expires, &[]))), "threshold");
    assert_eq!(verdict(&directory, &roots(world.next_root(expires, &[one, &key("stranger")]))), "threshold");
    assert_eq!(verdict(&directory, &roots(world.next_root(expires, &[one, &world.publisher]))), "threshold");
    assert_eq!(verdict(&directory, &roots(world.next_root(expires, &[one, two]))), "taken");
}

#[test]
fn the_same_signature_twice_counts_once() {
    let (_, _, world) = World::two();
    let root = Root { genesis: Some(world.anchor), version: 2, ..world.root.clone() };
    let signature = ByteBuf::from(root.sign(&world.signers[0]).unwrap().as_bytes().to_vec());
    let document = ByteBuf::from(root.to_bytes().unwrap());
    let doubled = crate::wire::encode(&(document, vec![signature.clone(), signature])).unwrap();
    assert_eq!(verdict(&world.directory(), &roots(doubled)), "threshold");
}

#[test]
fn a_root_signature_over_another_kind_of_document_does_not_count() {
    let (_, _, world) = World::two();
    let root = Root { genesis: Some(world.anchor), version: 2, ..world.root.clone() };
    let bytes = root.to_bytes().unwrap();
    let as_snapshot = world
        .signers
        .each_ref()
        .map(|key| Signature::make(Document::Snapshot, &bytes, &key.verifying_key().0, key).unwrap());
    let forged = SignedDocument::new(Document::Root, bytes, as_snapshot).to_bytes();
    assert_eq!(verdict(&world.directory(), &roots(forged)), "threshold");
}

#[test]
fn a_skipped_root_version_is_refused_and_so_is_the_highest() {
    let (_, _, world) = World::two();
    let [one, two, _] = &world.signers;
    let directory = world.directory();
    for version in [3, 4, u64::MAX - 1, u64::MAX] {
        let skipped = world.next_root(|root| root.version = version, &[one, two]);
        assert_eq!(verdict(&directory, &roots(skipped)), "wrong-version", "{version}");
    }
}

#[test]
fn a_root_of_another_federation_does_not_follow() {
    let (_, _, world) = World::two();
    let [one, two, _] = &world.signers;
    let directory = world.directory();
    let elsewhere = world.next_root(|root| root.genesis = Some(Digest([1; 32])), &[one, two]);
    assert_eq!(verdict(&directory, &roots(elsewhere)), "wrong-anchor");
    let renamed = world.next_root(|root| root.federation = "east".to_owned(), &[one, two]);
    assert_eq!(verdict(&directory, &roots(renamed)), "bad-document");
}

#[test]
fn root_signers_are_replaced_by_the_thresholds_of_both_versions() {
    let (_, _, world) = World::two();
    let [one, two, three] = &world.signers;
    let (four, five) = (key("four"), key("five"));
    let change = |root: &mut Root| {
        root.signers = Threshold::new(2, [&four, &five].map(SigningKey::verifying_key).into()).unwrap();
    };
    let directory = world.directory();
    assert_eq!(verdict(&directory, &roots(world.next_root(change, &[&four, &five]))), "threshold");
    assert_eq!(verdict(&directory, &roots(world.next_root(change, &[one, two, &four]))), "threshold");
    let rotated = world.next_root(change, &[one, three, &four, &five]);
    let after = directory.update(&roots(rotated), NOW).unwrap();
    assert_eq!(after.root().unwrap().version, 2);
    let by_old = Root { genesis: Some(world.anchor), version: 3, ..world.root.clone() };
    assert_eq!(verdict(&after, &roots(sign_root(&by_old, &[one, two]))), "threshold");
    let again = Directory::from_bundle(&world.anchor, &after.bundle(), Some(&party("XAA"))).unwrap();
    assert_eq!(again.root(), after.root());
}

#[test]
fn a_replaced_publisher_publishes_no_more() {
    let (_, _, world) = World::two();
    let [one, two, _] = &world.signers;
    let other = key("another publisher");
    let change = |root: &mut Root| {
        root.publishers = Threshold::new(1, [other.verifying_key()].into()).unwrap();
    };
    let root = world.next_root(change, &[one, two]);
    let directory = world.directory();
    assert_eq!(
        verdict(&directory, &roots(root.clone())),
        "threshold",
        "nobody stands behind the old snapshot"
    );
    let snapshot = Snapshot { version: 2, root: 2, ..world.snapshot.clone() };
    let by_old = sign_snapshot(&snapshot, &[&world.publisher]);
    let news = |snapshot| Documents { snapshot: Some(ByteBuf::from(snapshot)), ..roots(root.clone()) };
    assert_eq!(verdict(&directory, &news(by_old)), "threshold");
    assert_eq!(verdict(&directory, &news(sign_snapshot(&snapshot, &[&other]))), "taken");
}

#[test]
fn a_publisher_alone_admits_nobody_and_drops_nobody() {
    let (_, xab, world) = World::two();
    let rogue = Pki::new("XAC");
    let a = part_a(&rogue, 1).sign(&rogue.root_key).unwrap();
    let listed = Listed { version: 1, part_a: a.digest() };
    let admits = world.next_snapshot(|s| {
        s.parties.insert(rogue.party.clone(), listed);
    });
    let news = Documents { parts_a: vec![ByteBuf::from(a.to_bytes())], ..snapshots(admits) };
    let after = world.directory().update(&news, NOW).unwrap();
    assert_eq!(code(after.entry(&rogue.party)), "unknown-party");
    let drops = world.next_snapshot(|s| {
        s.parties.remove(&xab.party);
    });
    assert_eq!(verdict(&world.directory(), &snapshots(drops)), "omitted");
}

#[test]
fn a_snapshot_never_falls_back_and_never_leaps() {
    let (_, _, world) = World::two();
    let at = |version: u64| world.next_snapshot(|s| s.version = version);
    let after = world.directory().update(&snapshots(at(5)), NOW).unwrap();
    assert_eq!(verdict(&after, &snapshots(at(4))), "version-fell");
    assert_eq!(verdict(&after, &world.docs), "version-fell", "an old bundle");
    assert_eq!(verdict(&after, &snapshots(at(5))), "taken", "what is known already");
    for version in [u64::MAX, MAX_VERSION + 1, MAX_VERSION, 6 + MAX_LEAP] {
        assert_eq!(verdict(&after, &snapshots(at(version))), "version-leaps", "{version}");
    }
    assert_eq!(verdict(&after, &snapshots(at(6))), "taken");
}

#[test]
fn a_part_a_never_falls_back() {
    let (xaa, xab) = (Pki::new("XAA"), Pki::new("XAB"));
    let world =
        World::of(&[(&xaa, part_a(&xaa, 1), part_b(&xaa, 1)), (&xab, part_a(&xab, 7), part_b(&xab, 1))]);
    let old = part_a(&xab, 6).sign(&xab.root_key).unwrap();
    let listed = Listed { version: 6, part_a: old.digest() };
    let snapshot = world.next_snapshot(|s| {
        s.parties.insert(xab.party.clone(), listed);
    });
    let news = Documents { parts_a: vec![ByteBuf::from(old.to_bytes())], ..snapshots(snapshot) };
    assert_eq!(verdict(&world.directory(), &news), "version-fell");
}

#[test]
fn a_refused_snapshot_is_not_cached() {
    let (_, _, world) = World::two();
    let directory = world.directory();
    let refused = world.next_snapshot(|s| {
        s.version = 9;
        s.parties.insert(party("XAA"), Listed { version: 2, part_a: Digest([9; 32]) });
    });
    assert_eq!(verdict(&directory, &snapshots(refused)), "missing-part");
    assert_eq!((directory.version(), directory.bundle()), (1, world.docs.to_bytes()));
    assert_eq!(verdict(&directory, &snapshots(world.next_snapshot(|_| ()))), "taken");
}

#[test]
fn a_snapshot_from_the_future_is_refused() {
    let (_, _, world) = World::two();
    let future = world.next_snapshot(|s| {
        s.issued = NOW.saturating_add(2 * DAY);
        s.expires = NOW.saturating_add(900 * DAY);
    });
    assert_eq!(verdict(&world.directory(), &snapshots(future)), "from-the-future");
}

#[test]
fn a_frozen_directory_is_stale_but_still_read() {
    let (_, _, world) = World::two();
    let directory = world.directory();
    let until = MONTH.not_after;
    assert_eq!(directory.freshness(until), Freshness::Fresh { until });
    let since = until.saturating_add(1);
    assert_eq!(directory.freshness(since), Freshness::Stale { since, what: Document::Snapshot });
    assert!(world.read().is_ok(), "an expiry of what is central disconnects nobody");
}

#[test]
fn two_snapshots_of_one_version_are_a_proof() {
    let (_, _, world) = World::two();
    let directory = world.directory();
    let other = sign_snapshot(
        &Snapshot { expires: NOW.saturating_add(DAY), ..world.snapshot.clone() },
        &[&world.publisher],
    );
    let Err(TrustError::SplitView(proof)) = directory.update(&snapshots(other.clone()), NOW) else {
        panic!("a split view was taken")
    };
    assert_eq!((proof.what(), proof.version()), (Document::Snapshot, 1));
    let verifier = Directory::from_bundle(&world.anchor, &world.docs.to_bytes(), None).unwrap();
    assert_eq!(verifier.check_split(&proof), Ok(()));
    let forged = sign_snapshot(
        &Snapshot { root: 1, expires: NOW.saturating_add(2 * DAY), ..world.snapshot },
        &[&key("stranger")],
    );
    let forged = SplitView::new(&other, &forged).unwrap();
    assert!(
        verifier.check_split(&forged).is_err(),
        "a stranger's signature proves nothing about the publisher"
    );
    assert!(SplitView::new(&other, &other).is_err());
}

#[test]
fn two_root_documents_of_one_version_are_a_proof() {
    let (_, _, world) = World::two();
    let [one, two, three] = &world.signers;
    let days = |days: i64| move |root: &mut Root| root.expires = NOW.saturating_add(days * DAY);
    let after = world.directory().update(&roots(world.next_root(days(500), &[one, two])), NOW).unwrap();
    assert_eq!(
        verdict(&after, &roots(world.next_root(days(500), &[two, three]))),
        "taken",
        "other signatures"
    );
    let other = roots(world.next_root(days(600), &[two, three]));
    let Err(TrustError::SplitView(proof)) = after.update(&other, NOW) else { panic!("it was taken") };
    assert_eq!(after.check_split(&proof), Ok(()));
    let forged = roots(world.next_root(days(600), &[two]));
    assert_eq!(verdict(&after, &forged), "threshold", "one signer alone splits nothing");
}

#[test]
fn two_parts_of_one_version_are_a_proof_against_their_party() {
    let (_, xab, world) = World::two();
    let directory = world.directory();
    let b = PartB { routes: vec![Route::Quic("elsewhere:1".to_owned())], ..part_b(&xab, 1) };
    let news = Documents::part_b(&signed_b(&xab, &b));
    let Err(TrustError::SplitView(proof)) = directory.update(&news, NOW) else { panic!("it was taken") };
    assert_eq!((proof.what(), proof.party()), (Document::PartB, Some(&xab.party)));
    assert_eq!(directory.check_split(&proof), Ok(()));
    let a = PartA { approvals: 2, ..part_a(&xab, 1) }.sign(&xab.root_key).unwrap();
    let listed = Listed { version: 1, part_a: a.digest() };
    let snapshot = world.next_snapshot(|s| {
        s.parties.insert(xab.party.clone(), listed);
    });
    let news = Documents { parts_a: vec![ByteBuf::from(a.to_bytes())], ..snapshots(snapshot) };
    let Err(TrustError::SplitView(proof)) = directory.update(&news, NOW) else { panic!("it was taken") };
    assert_eq!(directory.check_split(&proof), Ok(()));
}

#[test]
fn a_party_renews_its_part_b_alone_and_never_falls_back() {
    let (_, xab, world) = World::two();
    let directory = world.directory();
    let newer = PartB { prekeys: vec![PrekeyEntry::new(&prekey(2), false)], ..part_b(&xab, 2) };
    let after = directory.update(&Documents::part_b(&signed_b(&xab, &newer)), NOW).unwrap();
    assert_eq!(after.prekey(&xab.party, NOW), Ok(&prekey(2)));
    assert_eq!((after.version(), after.digest()), (directory.version(), directory.digest()));
    let old = after.update(&Documents::part_b(&signed_b(&xab, &part_b(&xab, 1))), NOW).unwrap();
    assert_eq!(old.prekey(&xab.party, NOW), Ok(&prekey(2)), "an older one is passed over");
    let leap = PartB { version: u64::MAX, ..newer.clone() };
    assert_eq!(verdict(&after, &Documents::part_b(&signed_b(&xab, &leap))), "version-leaps");
    let by_log = newer.sign(&thumbprint(&xab.seal.der), &key("XAB log")).unwrap().to_bytes();
    assert_eq!(verdict(&directory, &Documents::part_b(&by_log)), "bad-signature");
}

#[test]
fn a_rogue_root_signs_no_other_partys_code() {
    let (_, xab, world) = World::two();
    let rogue = Pki::new("XAA");
    // XAA's root signs a part A that calls itself XAB's.
    let forged = PartA { party: xab.party.clone(), version: 2, ..part_a(&xab, 2) };
    let forged = PartA { roots: part_a(&rogue, 1).roots, ..forged }.sign(&rogue.root_key).unwrap();
    let list = |signed: &SignedDocument| {
        let listed = Listed { version: 2, part_a: signed.digest() };
        let snapshot = world.next_snapshot(|s| {
            s.parties.insert(xab.party.clone(), listed);
        });
        Documents { parts_a: vec![ByteBuf::from(signed.to_bytes())], ..snapshots(snapshot) }
    };
    assert_eq!(
        verdict(&world.directory(), &list(&forged)),
        "wrong-name",
        "it is constrained to its own names"
    );
    // Somebody makes a root of XAB's name, but not the one that was admitted.
    let mut thief = Pki::new("XAB");
    thief.root_key = key("thief");
    let public = thief.root_key.verifying_key();
    thief.root = thief.odd(Role::Root, &public, &thief.root_key, |_| ());
    let forged = PartA { seals: vec![], ..part_a(&thief, 2) }.sign(&thief.root_key).unwrap();
    assert_eq!(verdict(&world.directory(), &list(&forged)), "wrong-root");
    // The admitted root is listed, but another key signs.
    let forged = part_a(&xab, 2).sign(&key("thief")).unwrap();
    assert_eq!(verdict(&world.directory(), &list(&forged)), "bad-signature");
    // The thief's root claims to follow the admitted one, without a link of the admitted one.
    let mut follows = PartA { seals: vec![], ..part_a(&xab, 2) };
    let admitted = thumbprint(&xab.root.der);
    let link = link_root(&xab.party, (&admitted, &thief.root_key), &thumbprint(&thief.root.der));
    let certificate = ByteBuf::from(thief.root.der.clone());
    follows.roots.push(LinkedRoot { certificate, link: Some(link), retired: None });
    assert_eq!(verdict(&world.directory(), &list(&follows.sign(&thief.root_key).unwrap())), "bad-signature");
}

#[test]
fn a_root_is_followed_by_the_one_that_it_links() {
    let (xaa, mut xab, world) = World::two();
    let old_seal = xab.seal.clone();
    let new_key = key("XAB new root");
    let mut next = part_a(&xab, 2);
    let old_key = std::mem::replace(&mut xab.root_key, new_key.clone());
    let root = xab.odd(Role::Root, &new_key.verifying_key(), &new_key, |_| ());
    let link = link_root(&xab.party, (&thumbprint(&xab.root.der), &old_key), &thumbprint(&root.der));
    next.roots[0].retired =
        Some(Retirement { at: NOW, reason: "planned".to_owned(), compromised_since: None });
    let certificate = ByteBuf::from(root.der.clone());
    next.roots.push(LinkedRoot { certificate, link: Some(link), retired: None });
    let a = next.sign(&new_key).unwrap();
    let listed = Listed { version: 2, part_a: a.digest() };
    let snapshot = world.next_snapshot(|s| {
        s.parties.insert(xab.party.clone(), listed);
    });
    let news = Documents { parts_a: vec![ByteBuf::from(a.to_bytes())], ..snapshots(snapshot) };
    let after = world.directory().update(&news, NOW).unwrap();
    assert_eq!(after.entry(&xab.party).unwrap().root().x5t, thumbprint(&root.der));
    let seal = after.seal_key(&xab.party, &thumbprint(&old_seal.der), NOW);
    assert!(seal.is_ok(), "what the old root certified is still listed");
    let gateway = |at| code(after.verify_gateway(&xab.gateway.der, &[&xab.issuing.der], Usage::Client, at));
    assert_eq!(gateway(NOW.saturating_add(-1)), "taken", "in the overlap");
    assert_eq!(gateway(NOW), "bad-signature", "the old root vouches for nothing new");
    assert!(after.entry(&xaa.party).is_ok());
}

#[test]
fn evidence_under_a_retired_seal_verifies_and_is_marked_after_a_compromise() {
    let (_, xab, world) = World::two();
    let (theft, found) = (NOW.saturating_add(-3600), NOW.saturating_add(-60));
    let reason = "the vault was opened".to_owned();
    let retired = Retirement { at: found, reason, compromised_since: Some(theft) };
    let mut next = part_a(&xab, 2);
    next.seals[0].retired = Some(retired);
    let a = next.sign(&xab.root_key).unwrap();
    let listed = Listed { version: 2, part_a: a.digest() };
    let snapshot = world.next_snapshot(|s| {
        s.parties.insert(xab.party.clone(), listed);
    });
    let news = Documents { parts_a: vec![ByteBuf::from(a.to_bytes())], ..snapshots(snapshot) };
    let after = world.directory().update(&news, NOW).unwrap();
    let x5t = thumbprint(&xab.seal.der);
    let at = |at: Timestamp| code(after.seal_key(&xab.party, &x5t, at));
    assert_eq!(at(theft.saturating_add(-1)), "taken");
    assert_eq!((at(theft), at(found), at(NOW)), ("compromised", "compromised", "compromised"));
    let key: &CertifiedKey = after.entry(&xab.party).unwrap().certificate(Role::Seal, &x5t).unwrap();
    assert_eq!(key.retired.as_ref().unwrap().compromised_since, Some(theft));
    assert_eq!(
        code(after.prekey(&xab.party, NOW)),
        "no-prekey",
        "nothing is sealed to what a thief may have signed"
    );
    let by_thief = Documents::part_b(&signed_b(&xab, &part_b(&xab, 2)));
    assert_eq!(verdict(&after, &by_thief), "compromised", "a stolen seal renews no part B");
}

#[test]
fn a_suspended_party_is_refused_from_then_on_and_its_past_stands() {
    let (_, xab, world) = World::two();
    let [one, two, _] = &world.signers;
    let reason = "found to share requests".to_owned();
    let suspension = Suspension { since: NOW, reason };
    let suspends = |root: &mut Root| {
        root.suspended.insert(xab.party.clone(), suspension.clone());
    };
    let after = world.directory().update(&roots(world.next_root(suspends, &[one, two])), NOW).unwrap();
    let seal = |at| code(after.seal_key(&xab.party, &thumbprint(&xab.seal.der), at));
    assert_eq!((seal(NOW.saturating_add(-1)), seal(NOW)), ("taken", "suspended"));
    assert_eq!(code(after.prekey(&xab.party, NOW)), "suspended");
    let gateway = after.verify_gateway(&xab.gateway.der, &[&xab.issuing.der], Usage::Server, NOW);
    assert_eq!(code(gateway), "suspended");
    assert_eq!(after.entry(&xab.party).unwrap().suspension(), Some(&suspension));
    let expels = |root: &mut Root| {
        root.admitted.remove(&xab.party);
    };
    let expelled = world.directory().update(&roots(world.next_root(expels, &[one, two])), NOW).unwrap();
    assert_eq!(code(expelled.entry(&xab.party)), "unknown-party");
}

#[test]
fn the_national_list_only_narrows() {
    let (_, xab, world) = World::two();
    let refusal =
        Refusal { whom: "XAB/*".parse().unwrap(), since: NOW, reason: "by order of the minister".to_owned() };
    let admits = Refusal { whom: "XAC".parse().unwrap(), ..refusal.clone() };
    let narrowed = world.directory().narrowed(NationalList { refusals: vec![admits, refusal] });
    let gateway = narrowed.verify_gateway(&xab.gateway.der, &[&xab.issuing.der], Usage::Server, NOW);
    assert_eq!(code(gateway), "refused-nationally");
    assert_eq!(code(narrowed.prekey(&xab.party, NOW)), "refused-nationally");
    assert_eq!(code(narrowed.entry(&party("XAC"))), "unknown-party", "a list admits nobody");
    let seal = |at| code(narrowed.seal_key(&xab.party, &thumbprint(&xab.seal.der), at));
    assert_eq!((seal(NOW.saturating_add(-1)), seal(NOW)), ("taken", "refused-nationally"));
    let later = narrowed.update(&snapshots(world.next_snapshot(|_| ())), NOW).unwrap();
    assert_eq!(code(later.prekey(&xab.party, NOW)), "refused-nationally", "news does not lift it");
    let words = TrustError::RefusedNationally { party: xab.party, since: NOW, reason: "secret".to_owned() };
    assert!(!words.words_for_peer().contains("secret"));
    for bad in ["", "XAB*", "*", "org:", "xab/*"] {
        assert!(bad.parse::<Pattern>().is_err(), "{bad}");
    }
}

#[test]
fn several_npcs_follow_7_1_1() {
    let (xaa, police, org) = (Pki::new("XAA"), Pki::new("XAA/police"), Pki::new("org:ecowas"));
    let several = |records: RecordScope| {
        let of = |pki: &Pki, records| Npc { party: pki.party.clone(), records };
        PartA { npcs: vec![of(&xaa, RecordScope::All), of(&police, records)], ..part_a(&xaa, 1) }
    };
    let only = RecordScope::Only([crate::model::DomesticRecord::PrivateHoldings].into());
    let world = |a: PartA| {
        let members = [(&xaa, a, part_b(&xaa, 1)), (&police, part_a(&police, 1), part_b(&police, 1)), {
            (&org, part_a(&org, 1), part_b(&org, 1))
        }];
        World::of(&members)
    };
    let listed = world(several(only.clone())).directory();
    assert!(listed.entry(&police.party).is_ok() && listed.entry(&org.party).is_ok());
    assert_eq!(listed.npcs(xaa.party.state().unwrap())[1].records, only);
    let unlisted = world(part_a(&xaa, 1)).directory();
    assert_eq!(code(unlisted.entry(&police.party)), "unlisted-npc");
    assert_eq!(code(unlisted.seal_key(&police.party, &thumbprint(&police.seal.der), NOW)), "unlisted-npc");
    let refused = |a: PartA| code(world(a).read());
    assert_eq!(refused(several(RecordScope::Only([].into()))), "bad-document", "an NPC without records");
    let single = vec![Npc { party: xaa.party.clone(), records: only.clone() }];
    assert_eq!(refused(PartA { npcs: single, ..part_a(&xaa, 1) }), "bad-document", "a single one has all");
    assert_eq!(refused(PartA { npcs: vec![], ..part_a(&xaa, 1) }), "bad-document", "no default");
    let foreign = vec![
        Npc { party: xaa.party.clone(), records: RecordScope::All },
        Npc { party: party("XAB"), records: RecordScope::All },
    ];
    assert_eq!(refused(PartA { npcs: foreign, ..part_a(&xaa, 1) }), "bad-document", "another State's");
}

#[test]
fn thresholds_are_at_least_one_and_at_most_all() {
    let keys = || [key("one").verifying_key(), key("two").verifying_key()].into();
    assert!(Threshold::new(0, keys()).is_err() && Threshold::new(3, keys()).is_err());
    assert!(Threshold::new(1, [].into()).is_err());
    assert!(Threshold::new(2, keys()).is_ok());
}

#[test]
fn documents_keep_to_their_sizes() {
    let mut parts_a = 0;
    for number in 0..193u8 {
        let name = format!("X{}{}", char::from(b'A' + number / 26), char::from(b'A' + number % 26));
        let pki = Pki::new(&name);
        let mut a = part_a(&pki, 3);
        // Two seals in overlap, and all that people are told.
        a.seals.push(a.seals[0].clone());
        a.names = ["ar", "en", "es", "fr", "pt"]
            .map(|l| (l.to_owned(), "National point of contact on tracing".into()))
            .into();
        a.contact = Some("Police nationale, boulevard de la République, +000 00 00 00 00".to_owned());
        a.authorities = ["police-cid", "high-court", "customs", "border-police"]
            .map(|name| CompetentAuthority { name: name.to_owned(), court: false, designated: true })
            .into();
        parts_a += a.sign(&pki.root_key).unwrap().to_bytes().len();
    }
    assert!(parts_a < 1 << 20, "193 parts A take {parts_a} bytes");
    let pki = Pki::new("XAA");
    let twin = twin_digest(&PqSigningKey::from_seed(&[1; 32]).verifying_key());
    let mut b = part_b(&pki, 3);
    b.logs[0].twin = Some(twin);
    // Two log keys that are retired beside the one in force, and an issuing key in its overlap.
    for reason in ["rotated in time", "a disk was lost, and its backup with it"] {
        let retired = Some(Retirement { at: NOW, reason: reason.to_owned(), compromised_since: Some(NOW) });
        b.logs.push(LogEntry { retired, ..b.logs[0].clone() });
    }
    b.issuing.push(b.issuing[0].clone());
    b.routes.push(Route::Relay(party("org:relay-west")));
    // The weekly epochs that are made ahead, and the one of last resort.
    b.prekeys = [1, 2, 3, 4].map(|n| PrekeyEntry::new(&prekey(n), n == 4)).into();
    let length = signed_b(&pki, &b).len();
    assert!(length < 8 << 10, "a part B takes {length} bytes");
    b.prekeys = (0..8)
        .map(|n| {
            PrekeyEntry::new(
                &crate::trust::Prekey { public: KemPrivate::from_seed(&[n; 32]).public(), ..prekey(n) },
                false,
            )
        })
        .collect();
    assert_eq!(code(b.sign(&thumbprint(&pki.seal.der), &pki.seal_key)), "bad-document");
}

#[test]
fn all_documents_fit_the_grammar() {
    let (xaa, _, world) = World::two();
    let grammar = include_str!("../../../docs/valise.cddl");
    let fits = |rule: &str, bytes: &[u8]| {
        cddl::validate_cbor_from_slice(&format!("start = {rule}\n{grammar}"), bytes, None)
            .map_err(|e| e.to_string())
    };
    let reason = "found out".to_owned();
    let retired = Some(Retirement { at: NOW, reason: reason.clone(), compromised_since: Some(NOW) });
    let mut root = world.root.clone();
    root.suspended.insert(xaa.party.clone(), Suspension { since: NOW, reason });
    let mut a = part_a(&xaa, 1);
    a.seals[0].retired = retired.clone();
    a.succession = vec![SuccessionClaim {
        former: crate::model::Country::from_code("SUHH").unwrap(),
        basis: "treaty".into(),
    }];
    a.npcs.push(Npc {
        party: party("XAA/police"),
        records: RecordScope::Only([crate::model::DomesticRecord::Import].into()),
    });
    let mut b = part_b(&xaa, 1);
    b.logs[0] = LogEntry {
        twin: Some(twin_digest(&PqSigningKey::from_seed(&[1; 32]).verifying_key())),
        retired,
        ..b.logs[0].clone()
    };
    b.routes = vec![Route::Tls("h:1".into()), Route::Relay(party("org:relay-west"))];
    let documents = [
        ("documents", world.docs.to_bytes()),
        ("signed-document", signed_b(&xaa, &b)),
        ("federation-root", root.to_bytes().unwrap()),
        ("federation-snapshot", world.snapshot.to_bytes().unwrap()),
        ("directory-part-a", a.sign(&xaa.root_key).unwrap().unproved().to_vec()),
        (
            "directory-part-b",
            SignedDocument::parse(Document::PartB, &signed_b(&xaa, &b)).unwrap().unproved().to_vec(),
        ),
    ];
    for (rule, bytes) in &documents {
        assert_eq!(fits(rule, bytes), Ok(()), "{rule}");
    }
    assert!(
        fits("directory-part-a", &documents[5].1).is_err()
            && fits("federation-root", &documents[3].1).is_err()
    );
}

#[test]
fn a_last_resort_is_for_when_there_is_no_other() {
    let (_, xab, world) = World::two();
    let mut b = part_b(&xab, 2);
    let mut last = prekey(2);
    last.validity = Validity::days(NOW, 365);
    b.prekeys.push(PrekeyEntry::new(&last, true));
    let after = world.directory().update(&Documents::part_b(&signed_b(&xab, &b)), NOW).unwrap();
    assert_eq!(after.prekey(&xab.party, NOW), Ok(&prekey(1)));
    assert_eq!(after.prekey(&xab.party, NOW.saturating_add(9 * DAY)), Ok(&last));
}

#[test]
fn a_flipped_bit_is_never_taken() {
    let (_, _, world) = World::two();
    let whole = world.docs.to_bytes();
    let good = world.directory();
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Ok(other) = Directory::from_bundle(&world.anchor, &flipped, Some(&party("XAA"))) {
            // A signature too many may be spoilt, but nothing that is said may change.
            assert_eq!((other.digest(), other.root()), (good.digest(), good.root()), "byte {at}");
        }
    }
}

#[test]
fn a_founded_federation_can_be_read() {
    let pki = Pki::new("XAA");
    let member = (part_a(&pki, 1).sign(&pki.root_key).unwrap().to_bytes(), signed_b(&pki, &part_b(&pki, 1)));
    let (anchor, bundle) = found("demo", &key("founder"), &[member], MONTH).unwrap();
    let directory = Directory::from_bundle(&anchor, &bundle, Some(&pki.party)).unwrap();
    assert_eq!(directory.bundle(), bundle);
    assert_eq!(directory.routes(&pki.party), [Route::Quic("npc.example.org:4620".to_owned())]);
}
