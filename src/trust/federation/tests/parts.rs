//! What a party says of itself: roots that follow one another, seals that retire, NPCs, national lists.

use super::*;

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
    let seconds = u64::try_from(NOW.unix()).unwrap();
    for (version, expected) in [
        (u64::MAX, "version-leaps"),
        (MAX_VERSION, "version-leaps"),
        (seconds + MAX_LEAP + 1, "version-leaps"),
        // A restored gateway goes on from the instant of the restore, above all that it may have signed since its backup.
        (seconds, "taken"),
    ] {
        let leap = PartB { version, ..newer.clone() };
        assert_eq!(verdict(&after, &Documents::part_b(&signed_b(&xab, &leap))), expected, "{version}");
    }
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
fn a_revoked_issuing_key_is_refused_under_whichever_root_and_the_list_outlives_a_new_root() {
    let (xaa, xab) = (Pki::new("XAA"), Pki::new("XAB"));
    let mut part = part_a(&xaa, 2);
    part.revoke(&[(&xaa.issuing.der, NOW)], &xaa.root_key, NOW).unwrap();
    part.revoke(&[(&xaa.issuing.der, NOW.saturating_add(DAY))], &xaa.root_key, NOW).unwrap();
    assert_eq!(part.revoked().unwrap(), [("2".to_owned(), NOW)], "the earlier instant stands");
    let second = key("the second root of XAA");
    let new = Pki { root_key: second.clone(), ..Pki::new("XAA") };
    let root = new.odd(Role::Root, &second.verifying_key(), &second, |_| ());
    let link =
        Some(link_root(&xaa.party, (&thumbprint(&xaa.root.der), &xaa.root_key), &thumbprint(&root.der)));
    part.roots.push(LinkedRoot { certificate: ByteBuf::from(root.der.clone()), link, retired: None });
    assert_eq!(code(PartA::read_self_signed(&part.sign(&second).unwrap().to_bytes())), "bad-revocation-list");
    part.revoke(&[], &second, NOW).unwrap();
    assert_eq!(part.revoked().unwrap().len(), 1, "nothing on it is forgotten");
    let members = [(&xaa, part, part_b(&xaa, 1)), (&xab, part_a(&xab, 1), part_b(&xab, 1))];
    let signed = Pki { root_key: second, ..Pki::new("XAA") };
    let [(_, a, b), other] = members;
    let world = World::of(&[(&signed, a, b), other]);
    let directory = world.directory();
    let shown = directory.verify_gateway(&xaa.gateway.der, &[&xaa.issuing.der], Usage::Client, NOW);
    assert_eq!(code(shown), "revoked", "the root before still holds, and its issuing key does not");
}
