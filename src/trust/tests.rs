use super::federation::{LinkedRoot, Npc, PrekeyEntry, RecordScope, SealEntry};
use super::fixture::{Listing, NOW, Pki, directory, key, party, prekey, terms};
use super::issue::{self, Issued, RevocationTerms, Serial, Terms};
use super::keys::Authority;
use super::{Directory, Role, TrustError, Usage, Validity, thumbprint};
use crate::model::{DAY, Digest, DomesticRecord, Timestamp};
use proptest::prelude::*;
use rcgen::{ExtendedKeyUsagePurpose as Purpose, IsCa, KeyUsagePurpose, SanType};

fn check(directory: &Directory, gateway: &Issued, issuing: &Issued, at: Timestamp) -> &'static str {
    let verdict = directory.verify_gateway(&gateway.der, &[&issuing.der], Usage::Client, at);
    verdict.map_or_else(|e| e.code(), |_| "trusted")
}

/// The verdict on a gateway certificate that differs from a good one in one thing.
fn verdict_on(change: impl FnOnce(&mut rcgen::CertificateParams)) -> &'static str {
    let xaa = Pki::new("XAA");
    check(&directory(&xaa, &[xaa.listing()]), &xaa.odd_gateway(change), &xaa.issuing, NOW)
}

/// The verdict on what XAA publishes with one thing changed.
fn refusal(pki: &Pki, change: impl FnOnce(&mut Listing)) -> &'static str {
    pki.listing().with(change).verdict()
}

fn seal(der: &[u8]) -> SealEntry {
    SealEntry { certificate: der.to_vec().into(), retired: None }
}

fn root(der: &[u8]) -> LinkedRoot {
    LinkedRoot { certificate: der.to_vec().into(), link: None, retired: None }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.to_owned().try_into().unwrap())
}

#[test]
fn a_gateway_speaks_for_its_party_on_both_sides() {
    for name in ["XAA", "XAA/police", "org:ecowas"] {
        let pki = Pki::new(name);
        // Its State's default NPC lists a further one (ISACS 7.1.1).
        let records = RecordScope::Only([DomesticRecord::Manufacture].into());
        let npcs = ["XAA", "XAA/police"].map(|name| Npc { party: party(name), records: records.clone() });
        let default = Pki::new("XAA").listing().with(|l| l.a.npcs = npcs.into());
        let all: Vec<Listing> = if name == "XAA" { vec![default] } else { vec![default, pki.listing()] };
        let directory = directory(&pki, &all);
        for usage in [Usage::Server, Usage::Client] {
            let found = directory.verify_gateway(&pki.gateway.der, &[&pki.issuing.der], usage, NOW);
            assert_eq!(found, Ok(party(name)));
        }
        directory.entry(&pki.party).unwrap().check(NOW).unwrap();
    }
}

#[test]
fn time_is_checked_for_each_certificate_of_the_path() {
    let xaa = Pki::new("XAA");
    let directory = directory(&xaa, &[xaa.listing()]);
    let at = |seconds| check(&directory, &xaa.gateway, &xaa.issuing, NOW.saturating_add(seconds));
    let end = terms(Role::Gateway, 1).validity.not_after.seconds_since(NOW);
    assert_eq!((at(-DAY), at(end)), ("trusted", "trusted"));
    assert_eq!((at(-DAY - 1), at(end + 1)), ("not-yet-valid", "expired"));

    let ended = xaa.odd(Role::Issuing, &xaa.issuing_key.verifying_key(), &xaa.root_key, |params| {
        params.not_after = rcgen::date_time_ymd(2027, 1, 15);
    });
    let refused = directory.verify_gateway(&xaa.gateway.der, &[&ended.der], Usage::Client, NOW);
    let not_after = "2027-01-15T00:00:00Z".parse().unwrap();
    assert_eq!(refused, Err(TrustError::Expired { role: Role::Issuing, not_after }));
}

#[test]
fn an_expired_root_vouches_for_nobody() {
    let mut xaa = Pki::new("XAA");
    let root_terms =
        Terms { validity: Validity::days(NOW.saturating_add(-2 * DAY), 3), ..terms(Role::Root, 1) };
    let public = xaa.root_key.verifying_key();
    xaa.root = issue::certificate(Role::Root, &xaa.party, &public, &xaa.root_key, root_terms).unwrap();
    let directory = directory(&xaa, &[xaa.listing().with(|l| l.a.seals.clear())]);
    assert_eq!(check(&directory, &xaa.gateway, &xaa.issuing, NOW), "trusted");
    assert_eq!(check(&directory, &xaa.gateway, &xaa.issuing, NOW.saturating_add(DAY + 1)), "expired");
    assert_eq!(xaa.listing().verdict(), "too-long-lived", "a seal must not outlive its root");
}

#[test]
fn a_party_needs_its_own_root() {
    let (xaa, xab, stranger) = (Pki::new("XAA"), Pki::new("XAB"), Pki::new("XAC"));
    let directory = directory(&xaa, &[xaa.listing(), xab.listing()]);
    assert_eq!(check(&directory, &stranger.gateway, &stranger.issuing, NOW), "unknown-party");
    // XAB's authorities certify XAA's name: XAA's root is asked, and has not.
    let claims_xaa = xab.odd_gateway(|p| p.subject_alt_names = vec![dns("gw1.npc.xaa.valise.internal")]);
    assert_eq!(check(&directory, &claims_xaa, &xab.issuing, NOW), "wrong-root");
    // The same name, but other keys.
    let mut forger = Pki::new("XAA");
    forger.issuing_key = key("forger");
    let forged = forger.odd_gateway(|_| ());
    assert_eq!(check(&directory, &forged, &xaa.issuing, NOW), "bad-signature");
    assert_eq!(
        check(&directory, &xaa.gateway, &xab.issuing, NOW),
        "wrong-root",
        "the issuing certificate is missing"
    );
}

#[test]
fn names_outside_the_constraint_are_refused() {
    let xaa = Pki::new("XAA");
    let narrow = xaa.odd(Role::Issuing, &xaa.issuing_key.verifying_key(), &xaa.root_key, |p| {
        let name = "other.npc.xaa.valise.internal".to_owned();
        p.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName(name)],
            excluded_subtrees: vec![],
        });
    });
    let directory = directory(&xaa, &[xaa.listing()]);
    assert_eq!(check(&directory, &xaa.gateway, &narrow, NOW), "name-outside-constraint");
}

#[test]
fn a_gateway_has_exactly_one_name() {
    let one = "gw1.npc.xaa.valise.internal";
    for names in [
        vec![],
        vec![dns(one), dns("gw2.npc.xaa.valise.internal")],
        vec![dns(one), dns("gw1.npc.xab.valise.internal")],
        vec![dns("npc.xaa.valise.internal")],
        vec![dns("*.npc.xaa.valise.internal")],
        vec![dns("gw1.npc.xAa.valise.internal")],
        vec![dns(one), SanType::IpAddress([127, 0, 0, 1].into())],
        vec![SanType::Rfc822Name("gw1@npc.xaa.valise.internal".to_owned().try_into().unwrap())],
    ] {
        let shown = format!("{names:?}");
        assert_eq!(verdict_on(|p| p.subject_alt_names = names), "wrong-name", "{shown}");
    }
}

#[test]
fn a_gateway_has_exactly_its_usages() {
    let (server, client) = (Purpose::ServerAuth, Purpose::ClientAuth);
    for purposes in [
        vec![],
        vec![server.clone()],
        vec![client.clone()],
        vec![Purpose::Any],
        vec![server.clone(), client.clone(), Purpose::CodeSigning],
        vec![server, client, Purpose::Other(issue::DOCUMENT_SIGNING.to_vec())],
    ] {
        let shown = format!("{purposes:?}");
        assert_eq!(verdict_on(|p| p.extended_key_usages = purposes), "wrong-usage", "{shown}");
    }
    assert_eq!(verdict_on(|p| p.key_usages = vec![]), "wrong-usage");
    assert_eq!(verdict_on(|p| p.key_usages.push(KeyUsagePurpose::KeyAgreement)), "wrong-usage");
    assert_eq!(verdict_on(|p| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0))), "wrong-usage");
}

#[test]
fn a_gateway_certificate_is_short_lived_and_ed25519() {
    assert_eq!(verdict_on(|p| p.not_after = rcgen::date_time_ymd(2027, 2, 27)), "trusted");
    assert_eq!(verdict_on(|p| p.not_after = rcgen::date_time_ymd(2027, 3, 2)), "too-long-lived");

    let xaa = Pki::new("XAA");
    let p256 = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(
        issue::params(Role::Issuing, &xaa.party, terms(Role::Issuing, 2)),
        Authority::new(&xaa.issuing_key),
    );
    let params = issue::params(Role::Gateway, &xaa.party, terms(Role::Gateway, 5));
    let der = params.signed_by(&p256, &issuer).unwrap().der().to_vec();
    let directory = directory(&xaa, &[xaa.listing()]);
    let gateway = Issued { der, pem: String::new() };
    assert_eq!(check(&directory, &gateway, &xaa.issuing, NOW), "wrong-algorithm");
}

#[test]
fn a_gateway_certificate_certifies_nobody() {
    let xaa = Pki::new("XAA");
    let params = issue::params(Role::Gateway, &xaa.party, terms(Role::Gateway, 6));
    let issuer = rcgen::Issuer::new(params.clone(), Authority::new(&xaa.gateway_key));
    let below = params.signed_by(&key("below").verifying_key(), &issuer).unwrap();
    let directory = directory(&xaa, &[xaa.listing()]);
    let path = [xaa.gateway.der.as_slice(), &xaa.issuing.der];
    let verdict = directory.verify_gateway(below.der(), &path, Usage::Client, NOW).unwrap_err();
    assert_eq!(verdict.code(), "wrong-usage");
    let long = [path[0], path[1], path[1]];
    let verdict = directory.verify_gateway(&xaa.gateway.der, &long, Usage::Client, NOW).unwrap_err();
    assert_eq!(verdict.code(), "malformed");
}

#[test]
fn revoking_the_issuing_certificate_ends_its_gateways() {
    let xaa = Pki::new("XAA");
    let verdict =
        |serials| check(&directory(&xaa, &[xaa.listing_revoking(serials)]), &xaa.gateway, &xaa.issuing, NOW);
    assert_eq!((verdict(&[2]), verdict(&[3]), verdict(&[])), ("revoked", "trusted", "trusted"));

    let stale = directory(&xaa, &[xaa.listing_revoking(&[2])]);
    let later = NOW.saturating_add(3 * DAY);
    assert!(stale.entry(&xaa.party).unwrap().revocations_due().unwrap() < later);
    assert_eq!(check(&stale, &xaa.gateway, &xaa.issuing, later), "revoked", "a stale list still revokes");
}

#[test]
fn only_the_root_with_crl_sign_revokes() {
    let xaa = Pki::new("XAA");
    let terms_of_list = RevocationTerms {
        number: 1,
        this_update: NOW,
        next_update: NOW.saturating_add(DAY),
        revoked: vec![(Serial::new(2).unwrap(), NOW)],
    };
    let by_another = issue::revocation_list(&xaa.party, &xaa.issuing_key, &terms_of_list).unwrap();
    assert_eq!(refusal(&xaa, |l| l.a.revocations = Some(by_another.der.into())), "bad-revocation-list");
    let of_another = Pki::new("XAB").listing_revoking(&[]).a.revocations;
    assert_eq!(refusal(&xaa, |l| l.a.revocations = of_another), "bad-revocation-list");

    let without = xaa.odd(Role::Root, &xaa.root_key.verifying_key(), &xaa.root_key, |p| {
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    let listing = xaa.listing_revoking(&[]).with(|l| l.a.roots = vec![root(&without.der)]);
    assert_eq!(listing.verdict(), "wrong-usage", "cRLSign is missing");
}

#[test]
fn a_list_of_narrower_scope_does_not_fail_open() {
    let xaa = Pki::new("XAA");
    let mut params = issue::params(Role::Root, &xaa.party, terms(Role::Root, 1));
    params.name_constraints = None;
    let list = rcgen::CertificateRevocationListParams {
        this_update: params.not_before,
        next_update: params.not_after,
        crl_number: 1u64.into(),
        issuing_distribution_point: Some(rcgen::CrlIssuingDistributionPoint {
            distribution_point: rcgen::CrlDistributionPoint { uris: vec!["http://x.internal".to_owned()] },
            scope: Some(rcgen::CrlScope::UserCertsOnly),
        }),
        revoked_certs: vec![],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let signed = list.signed_by(&rcgen::Issuer::new(params, Authority::new(&xaa.root_key))).unwrap();
    let list = signed.der().to_vec();
    assert_eq!(refusal(&xaa, |l| l.a.revocations = Some(list.into())), "bad-revocation-list");
}

#[test]
fn a_root_is_refused_unless_it_is_exactly_its_partys() {
    let xaa = Pki::new("XAA");
    let with = |der: &[u8]| refusal(&xaa, |l| l.a.roots = vec![root(der)]);
    let odd = |change: fn(&mut rcgen::CertificateParams)| {
        with(&xaa.odd(Role::Root, &xaa.root_key.verifying_key(), &xaa.root_key, change).der)
    };
    assert_eq!(odd(|_| ()), "accepted");
    assert_eq!(odd(|p| p.name_constraints = None), "wrong-name");
    assert_eq!(odd(|p| p.key_usages = vec![]), "wrong-usage");
    assert_eq!(odd(|p| p.key_usages.push(KeyUsagePurpose::DigitalSignature)), "wrong-usage");
    assert_eq!(odd(|p| p.is_ca = IsCa::NoCa), "wrong-usage");
    let another = Pki::new("XAB");
    assert_eq!(with(&another.root.der), "wrong-name");
    let not_self = xaa.odd(Role::Root, &xaa.root_key.verifying_key(), &another.root_key, |_| ());
    assert_eq!(with(&not_self.der), "bad-signature");
}

#[test]
fn the_issuing_key_cannot_make_a_seal() {
    let xaa = Pki::new("XAA");
    let thief = key("thief").verifying_key();
    let with = |der: &[u8]| refusal(&xaa, |l| l.a.seals = vec![seal(der)]);
    let forged = xaa.odd(Role::Seal, &thief, &xaa.issuing_key, |_| ());
    assert_eq!(with(&forged.der), "bad-signature");
    assert_eq!(with(&xaa.log.der), "wrong-name");
    assert_eq!(with(&Pki::new("XAB").seal.der), "unexpected-party");
    let tls = xaa.odd(Role::Seal, &thief, &xaa.root_key, |p| {
        p.extended_key_usages = vec![Purpose::ServerAuth, Purpose::ClientAuth];
    });
    assert_eq!(with(&tls.der), "wrong-usage");
}

#[test]
fn a_key_is_judged_by_the_time_of_its_use() {
    let xaa = Pki::new("XAA");
    let directory = directory(&xaa, &[xaa.listing_revoking(&[3])]);
    let x5t = thumbprint(&xaa.seal.der);
    let code = |x5t, at| directory.seal_key(&xaa.party, x5t, at).map_or_else(|e| e.code(), |_| "holds");
    assert_eq!(code(&x5t, NOW.saturating_add(-1)), "holds", "signed before the revocation");
    assert_eq!(code(&x5t, NOW), "revoked");
    assert_eq!(code(&x5t, NOW.saturating_add(-2 * DAY)), "not-yet-valid");
    assert_eq!(code(&Digest([0; 32]), NOW), "unknown-key");
    assert_eq!(code(&thumbprint(&xaa.log.der), NOW), "unknown-key", "a log key is no seal key");
    let log = |at| directory.log_key(&xaa.party, &thumbprint(&xaa.log.der), at).map_err(|e| e.code());
    assert!(log(NOW).is_ok());
    assert_eq!(log(NOW.saturating_add(400 * DAY)), Err("expired"));
    assert_eq!(directory.prekey(&xaa.party, NOW).map_err(|e| e.code()), Err("no-prekey"));
}

#[test]
fn the_newest_valid_prekey_is_chosen() {
    let xaa = Pki::new("XAA");
    let mut newer = prekey(2);
    newer.validity = Validity::days(NOW, 7);
    let mut coming = prekey(3);
    coming.validity = Validity::days(NOW.saturating_add(DAY), 7);
    let listed = [&newer, &prekey(1), &coming].map(|p| PrekeyEntry::new(p, false));
    let directory = directory(&xaa, &[xaa.listing().with(|l| l.b.prekeys = listed.into())]);
    let at = |days| directory.prekey(&xaa.party, NOW.saturating_add(days * DAY));
    assert_eq!(at(0), Ok(&newer));
    assert_eq!(at(2), Ok(&coming));
    assert_eq!(at(9), Err(TrustError::NoPrekey(xaa.party.clone())));
}

#[test]
fn a_prekey_that_ends_before_it_begins_is_refused() {
    let xaa = Pki::new("XAA");
    let mut backwards = prekey(1);
    backwards.validity = Validity { not_before: NOW, not_after: NOW };
    let listed = vec![PrekeyEntry::new(&backwards, false)];
    assert_eq!(refusal(&xaa, |l| l.b.prekeys = listed), "bad-prekey");
}

#[test]
fn a_suspended_party_is_refused_from_then_on() {
    let (xaa, xab) = (Pki::new("XAA"), Pki::new("XAB"));
    let listing = xab.listing().with(|l| l.suspended_since = Some(NOW));
    let directory = directory(&xaa, &[xaa.listing(), listing]);
    assert_eq!(check(&directory, &xab.gateway, &xab.issuing, NOW), "suspended");
    let before = NOW.saturating_add(-1);
    assert_eq!(check(&directory, &xab.gateway, &xab.issuing, before), "trusted");
    assert!(directory.seal_key(&xab.party, &thumbprint(&xab.seal.der), before).is_ok());
    assert!(directory.prekey(&xab.party, NOW).is_err());
}

#[test]
fn parts_keep_to_their_bounds() {
    let xaa = Pki::new("XAA");
    let named =
        |l: &str, n: &str| refusal(&xaa, |listing| listing.a.names = [(l.to_owned(), n.to_owned())].into());
    assert_eq!(named("fr", "Côte d’Ivoire"), "accepted");
    assert_eq!(named("fr", "a\u{1b}[2J"), "bad-document");
    assert_eq!(named("FR", "x"), "bad-document");
    assert_eq!(refusal(&xaa, |l| l.a.seals = vec![seal(&xaa.seal.der); 17]), "bad-document");
    let two = [xaa.root.der.as_slice(), &xaa.seal.der].concat();
    assert_eq!(refusal(&xaa, |l| l.a.roots = vec![root(&two)]), "malformed");
    assert_eq!(refusal(&xaa, |l| l.a.roots = vec![root(b"")]), "malformed");
}

#[test]
fn certificates_are_reproducible() {
    let (one, two) = (Pki::new("XAA"), Pki::new("XAA"));
    assert_eq!((one.gateway, one.root, one.seal), (two.gateway, two.root, two.seal));
}

proptest! {
    #[test]
    fn a_flipped_bit_is_never_trusted(at in 0usize..2000, bit in 0u8..8) {
        let xaa = Pki::new("XAA");
        let directory = directory(&xaa, &[xaa.listing()]);
        let mut der = xaa.gateway.der.clone();
        let at = at % der.len();
        der[at] ^= 1 << bit;
        prop_assert!(directory.verify_gateway(&der, &[&xaa.issuing.der], Usage::Server, NOW).is_err());
        let cut = &xaa.gateway.der[..at];
        prop_assert!(directory.verify_gateway(cut, &[&xaa.issuing.der], Usage::Server, NOW).is_err());
    }

    #[test]
    fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let xaa = Pki::new("XAA");
        let directory = directory(&xaa, &[xaa.listing()]);
        prop_assert!(directory.verify_gateway(&bytes, &[&bytes], Usage::Server, NOW).is_err());
        prop_assert!(directory.verify_gateway(&xaa.gateway.der, &[&bytes], Usage::Server, NOW).is_err());
    }
}
