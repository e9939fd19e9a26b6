//! Who signs, and who follows whom.

use super::*;

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
    assert_eq!(after.root().version, 2);
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
