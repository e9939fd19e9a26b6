use super::*;
use crate::cose::{decrypt0, encrypt0};
use crate::wire::{FaultKind, WireError, padme_len};
use proptest::prelude::*;

const LIMITS: Limits = Limits::ENVELOPE;
const AAD: &[u8] = b"context";
const INFO: &[u8] = b"GHA>NGA";

/// A counter hashed with SHA-256: unpredictable enough for tests, and the same in every run.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = crate::model::Digest::of(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

fn private(n: u8) -> KemPrivate {
    KemPrivate::from_seed(&[n; 32])
}

fn seal_to(kids: &[u8], plaintext: &[u8]) -> Sealed {
    let publics: Vec<_> = kids.iter().map(|kid| private(*kid).public()).collect();
    let recipients: Vec<_> = kids
        .iter()
        .zip(&publics)
        .map(|(kid, public)| Recipient { public, kid: std::slice::from_ref(kid), info: INFO })
        .collect();
    seal(plaintext, &recipients, AAD, &mut Seeded(7)).unwrap()
}

fn open_with(bytes: &[u8], ours: u8, info: &[u8], aad: &[u8]) -> Result<Opened, CoseError> {
    let key = private(ours);
    open(
        bytes,
        &LIMITS,
        &|kid| (kid == [ours]).then(|| OpeningKey { private: &key, info: info.to_vec() }),
        aad,
    )
}

fn open_1(bytes: &[u8]) -> Result<Opened, CoseError> {
    open_with(bytes, 1, INFO, AAD)
}

/// Takes a message apart: protected, unprotected, ciphertext, recipients.
fn parts(bytes: &[u8]) -> [Value; 4] {
    super::parts(bytes, &LIMITS, WHAT).unwrap()
}

fn assembled(parts: [Value; 4]) -> Vec<u8> {
    encode_value(&Value::Array(parts.to_vec())).unwrap()
}

/// Edits one element of the first recipient: 0 protected, 1 unprotected, 2 ciphertext.
fn with_recipient(bytes: &[u8], edit: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let mut parts = parts(bytes);
    edit(parts[3].as_array_mut().unwrap()[0].as_array_mut().unwrap());
    assembled(parts)
}

/// Lays out a message of a sender that breaks the rules, with the body key of `content_key`.
fn dishonest(content_key: [u8; 32], committed: &[u8], padded: &[u8], given: &[u8]) -> Vec<u8> {
    let public = private(1).public();
    let mut entropy = Seeded(9);
    let layer = Buckets::build(alg::HPKE_XWING, vec![(label::KID, Value::Bytes(vec![1]))], vec![]);
    let mut layer = layer.unwrap();
    let wrapped = wrap(&public, INFO, &recipient_aad(&layer, AAD), given, &mut entropy).unwrap();
    layer.unprotected.insert(label::ENCAPSULATED_KEY, Value::Bytes(wrapped.encapsulated)).unwrap();
    let body = Buckets::build(
        alg::A256GCM,
        vec![(label::KEY_COMMITMENT, Value::Bytes(committed.to_vec()))],
        vec![(label::IV, Value::Bytes(vec![0; 12]))],
    )
    .unwrap();
    let aad = enc_structure_data(EncryptionContext::CoseEncrypt, body.as_authenticated(), AAD);
    let ciphertext = a256gcm_seal(&encryption_key(&content_key), [0; 12], &aad, padded).unwrap();
    let [protected, unprotected] = layer.to_values();
    let layers = vec![Value::Array(vec![protected, unprotected, Value::Bytes(wrapped.ciphertext)])];
    let [protected, unprotected] = body.to_values();
    assembled([protected, unprotected, Value::Bytes(ciphertext), Value::Array(layers)])
}

#[test]
fn every_recipient_opens_it_and_shares_its_own_secret() {
    let sealed = seal_to(&[1, 2, 3], b"serial 12345");
    for (kid, export) in [1, 2, 3].into_iter().zip(&sealed.exports) {
        let opened = open_with(&sealed.bytes, kid, INFO, AAD).unwrap();
        assert_eq!(opened.plaintext, b"serial 12345");
        assert_eq!(opened.kid, [kid]);
        assert_eq!(opened.export.as_bytes(), export.as_bytes());
    }
    let secrets: BTreeSet<_> = sealed.exports.iter().map(|export| *export.as_bytes()).collect();
    assert_eq!(secrets.len(), 3);
}

#[test]
fn the_size_shows_only_the_padded_size() {
    let short = seal_to(&[1], &[0; 1000]).bytes.len();
    assert_eq!(padme_len(1004), padme_len(1020));
    assert_eq!(seal_to(&[1], &[9; 1016]).bytes.len(), short);
    assert!(seal_to(&[1], &[9; 1021]).bytes.len() > short);
}

#[test]
fn recipients_are_some_few_and_distinct() {
    let public = private(1).public();
    let kids: Vec<[u8; 1]> = (0..=16).map(|kid| [kid]).collect();
    let all: Vec<_> = kids.iter().map(|kid| Recipient { public: &public, kid, info: INFO }).collect();
    let sealing = |recipients: &[Recipient<'_>]| seal(b"", recipients, AAD, &mut Seeded(0)).map(|_| ());
    assert_eq!(sealing(&[]), Err(CoseError::Recipients));
    assert_eq!(sealing(&all), Err(CoseError::Recipients));
    assert_eq!(sealing(&[all[0], all[0]]), Err(CoseError::Recipients));

    let mut parts = parts(&seal_to(&[1], b"x").bytes);
    let layers = parts[3].as_array_mut().unwrap();
    layers.push(layers[0].clone());
    assert_eq!(open_1(&assembled(parts.clone())).unwrap_err(), CoseError::Recipients, "repeated");
    parts[3] = Value::Array(vec![]);
    assert_eq!(open_1(&assembled(parts)).unwrap_err(), CoseError::Recipients, "none");
}

#[test]
fn info_beyond_the_limit_is_refused_not_a_panic() {
    let public = private(1).public();
    let info = vec![0; 70_000];
    let recipient = Recipient { public: &public, kid: &[1], info: &info };
    assert_eq!(seal(b"", &[recipient], AAD, &mut Seeded(0)).unwrap_err(), CoseError::TooLong);
    assert_eq!(open_with(&seal_to(&[1], b"").bytes, 1, &info, AAD).unwrap_err(), CoseError::TooLong);
}

#[test]
fn key_info_and_context_are_bound() {
    let sealed = seal_to(&[1], b"x").bytes;
    let wrong = private(2);
    let find = |_: &[u8]| Some(OpeningKey { private: &wrong, info: INFO.to_vec() });
    assert_eq!(open(&sealed, &LIMITS, &find, AAD).unwrap_err(), CoseError::Decryption, "key");
    assert_eq!(open_with(&sealed, 1, b"GHA>FRA", AAD).unwrap_err(), CoseError::Decryption, "info");
    assert_eq!(open_with(&sealed, 1, INFO, b"").unwrap_err(), CoseError::Decryption, "aad");
    assert_eq!(open_with(&sealed, 2, INFO, AAD).unwrap_err(), CoseError::NotForUs, "kid");
}

#[test]
fn swapped_recipient_kem_ciphertext() {
    let other = parts(
        &seal(
            b"x",
            &[Recipient { public: &private(1).public(), kid: &[1], info: INFO }],
            AAD,
            &mut Seeded(99),
        )
        .unwrap()
        .bytes,
    );
    let other_layer = other[3].as_array().unwrap()[0].as_array().unwrap().clone();
    let sealed = seal_to(&[1], b"x").bytes;
    let swapped = with_recipient(&sealed, |layer| layer[1] = other_layer[1].clone());
    assert_eq!(open_1(&swapped).unwrap_err(), CoseError::Decryption, "encapsulated key");
    let swapped = with_recipient(&sealed, |layer| *layer = other_layer);
    assert_eq!(open_1(&swapped).unwrap_err(), CoseError::Commitment, "whole recipient of another message");
}

#[test]
fn renamed_recipient() {
    let renamed = with_recipient(&seal_to(&[2], b"x").bytes, |layer| {
        layer[0] = Buckets::build(alg::HPKE_XWING, vec![(label::KID, Value::Bytes(vec![1]))], vec![])
            .unwrap()
            .to_values()[0]
            .clone();
    });
    assert_eq!(open_1(&renamed).unwrap_err(), CoseError::Decryption);
}

#[test]
fn wrong_commitment() {
    let (ours, other) = ([5; 32], [6; 32]);
    let padded = pad(b"x").unwrap();
    let honest = dishonest(ours, &commitment(&ours), &padded, &ours);
    assert_eq!(open_1(&honest).unwrap().plaintext, b"x");
    // The body opens under the key that was sent; only the commitment tells that others got another.
    let two_faced = dishonest(ours, &commitment(&other), &padded, &ours);
    assert_eq!(open_1(&two_faced).unwrap_err(), CoseError::Commitment);
    let short = dishonest(ours, &commitment(&ours)[..31], &padded, &ours);
    assert_eq!(open_1(&short).unwrap_err(), CoseError::Commitment);
    let short_key = dishonest(ours, &commitment(&ours), &padded, &ours[..16]);
    assert_eq!(open_1(&short_key).unwrap_err(), CoseError::Decryption);
}

#[test]
fn padding_that_hides_something() {
    let key = [5; 32];
    let mut padded = pad(&[7; 97]).unwrap();
    *padded.last_mut().unwrap() = 1;
    let error = open_1(&dishonest(key, &commitment(&key), &padded, &key)).unwrap_err();
    assert_eq!(error, CoseError::Wire(WireError::Padding("it is not zero")));
}

#[test]
fn headers_of_the_wrong_kind() {
    let sealed = seal_to(&[1], b"x").bytes;
    let mut body = parts(&sealed);
    let map = |entries: &[(i64, Value)]| {
        Value::Map(entries.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect())
    };
    let protected = |entries: &[(i64, Value)]| Value::Bytes(encode_value(&map(entries)).unwrap());
    let iv = (label::IV, Value::Bytes(vec![0; 12]));

    body[1] = map(&[iv.clone(), (label::ALG, Value::from(alg::A256GCM))]);
    assert_eq!(open_1(&assembled(body.clone())).unwrap_err(), CoseError::DuplicateHeader(label::ALG));
    body[1] = map(&[(label::IV, Value::Bytes(vec![0; 13]))]);
    assert_eq!(open_1(&assembled(body.clone())).unwrap_err(), CoseError::HeaderValue(label::IV));
    body[1] = map(&[iv]);
    body[0] = protected(&[(label::ALG, Value::from(alg::A256GCM))]);
    let missing = CoseError::MissingHeader(label::KEY_COMMITMENT);
    assert_eq!(open_1(&assembled(body)).unwrap_err(), missing, "stripped commitment");

    let classical = with_recipient(&sealed, |layer| {
        layer[0] = protected(&[(label::ALG, Value::from(-25)), (label::KID, Value::Bytes(vec![1]))]);
    });
    assert_eq!(open_1(&classical).unwrap_err(), CoseError::Algorithm, "recipient that is not post-quantum");
    let nested = with_recipient(&sealed, |layer| layer.push(Value::Array(vec![])));
    assert_eq!(
        open_1(&nested).unwrap_err(),
        CoseError::Structure(WHAT_RECIPIENT),
        "recipient of a recipient"
    );
}

#[test]
fn truncated_or_flipped_at_every_byte() {
    let key = private(1);
    let sealed = seal_to(&[1], b"x").bytes;
    let opening = |bytes: &[u8]| {
        open(bytes, &LIMITS, &|_| Some(OpeningKey { private: &key, info: INFO.to_vec() }), AAD)
    };
    assert!(opening(&sealed).is_ok());
    for at in 0..sealed.len() {
        assert!(opening(&sealed[..at]).is_err(), "cut at {at}");
        let mut flipped = sealed.clone();
        flipped[at] ^= 0x10;
        assert!(opening(&flipped).is_err(), "byte {at}");
    }
    let trailing = opening(&[&sealed[..], &[0]].concat()).unwrap_err();
    assert!(matches!(trailing, CoseError::Wire(WireError::Cbor(fault)) if fault.kind == FaultKind::Trailing));
}

#[test]
fn encrypt0_is_bound_to_key_context_and_every_byte() {
    let bytes = encrypt0(&[1; 32], b"receipt", AAD, &mut Seeded(0)).unwrap();
    // [<<{1: 3}>>, {5: h'…12'}, h'…7 + 16']
    assert_eq!(bytes[..8], *b"\x83\x43\xa1\x01\x03\xa1\x05\x4c");
    assert_eq!(bytes.len(), 8 + 12 + 1 + 23);
    let opening = |key: u8, bytes: &[u8], aad: &[u8]| decrypt0(&[key; 32], bytes, &Limits::RECEIPTS, aad);
    assert_eq!(opening(1, &bytes, AAD).unwrap(), b"receipt");
    assert_eq!(opening(2, &bytes, AAD), Err(CoseError::Decryption));
    assert_eq!(opening(1, &bytes, b""), Err(CoseError::Decryption));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(opening(1, &flipped, AAD).is_err(), "byte {at}");
        assert!(opening(1, &bytes[..at], AAD).is_err(), "cut at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sealed_content_round_trips(content in prop::collection::vec(any::<u8>(), 0..3000), seed: u32) {
        let public = private(1).public();
        let recipient = Recipient { public: &public, kid: &[1], info: INFO };
        let sealed = seal(&content, &[recipient], AAD, &mut Seeded(seed.into())).unwrap();
        let opened = open_1(&sealed.bytes).unwrap();
        prop_assert_eq!(opened.plaintext, content);
        prop_assert_eq!(opened.export.as_bytes(), sealed.exports[0].as_bytes());
    }

    #[test]
    fn encrypt0_round_trips(content: Vec<u8>, key: [u8; 32], aad: Vec<u8>) {
        let bytes = encrypt0(&key, &content, &aad, &mut Seeded(1)).unwrap();
        prop_assert_eq!(decrypt0(&key, &bytes, &LIMITS, &aad).unwrap(), content);
    }
}
