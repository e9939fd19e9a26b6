//! What publishers may say, how old it may be, and what proves two stories.

use super::*;

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
