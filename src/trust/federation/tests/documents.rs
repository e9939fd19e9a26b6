//! The bytes: sizes, grammar, flipped bits.

use super::*;

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
    let grammar = include_str!("../../../../docs/valise.cddl");
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
    let part_a = part_a(&pki, 1).sign(&pki.root_key).unwrap().to_bytes();
    let member = Member { part_a, part_b: Some(signed_b(&pki, &part_b(&pki, 1))) };
    let mut authority = SoleAuthority::new("demo", key("founder"));
    let bundle = authority.publish(std::slice::from_ref(&member), &BTreeMap::new(), MONTH).unwrap();
    let directory = Directory::from_bundle(&authority.anchor(), &bundle, Some(&pki.party)).unwrap();
    assert_eq!(directory.bundle(), bundle);
    assert_eq!(directory.routes(&pki.party), [Route::Quic("npc.example.org:4620".to_owned())]);
    let suspended =
        BTreeMap::from([(pki.party.clone(), Suspension { since: NOW, reason: "audit".to_owned() })]);
    let bundle = authority.publish(&[member], &suspended, MONTH).unwrap();
    let next = directory.update(&Documents::parse(&bundle).unwrap(), NOW).unwrap();
    assert_eq!((next.version(), next.root().version), (2, 2));
    assert_eq!(next.entry(&pki.party).unwrap().suspension(), suspended.get(&pki.party));
}
