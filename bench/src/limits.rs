//! The parts of an exchange, each called alone on the same cores: what no gateway can be faster than.

use crate::Failure;
use aws_lc_rs::{agreement, kem, signature::KeyPair};
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use valise::cose::{self, KemPrivate, OpeningKey, Recipient, SigningKey};
use valise::model::Entropy;
use valise::wire::Limits;

/// How long each part is called.
const SPAN: Duration = Duration::from_millis(400);

/// The operating system's random bytes.
pub struct Random;

impl Entropy for Random {
    fn fill(&mut self, buf: &mut [u8]) {
        use ring::rand::SecureRandom;
        ring::rand::SystemRandom::new().fill(buf).expect("the kernel gives random bytes");
    }
}

/// The CPU of the cryptography of one exchange, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Crypto {
    /// One Ed25519 signature.
    pub sign: f64,
    /// One Ed25519 verification.
    pub verify: f64,
    /// One encapsulation with the AEADs of a body.
    pub seal: f64,
    /// One decapsulation with the AEADs of a body.
    pub open: f64,
}

impl Crypto {
    /// What one exchange costs: two signatures, two verifications, one encapsulation, one decapsulation, and the
    /// checkpoint of a commit group, which is signed and verified once for `group` acts.
    pub fn exchange(&self, group: f64) -> f64 {
        let checkpoint = (self.sign + self.verify) / group;
        2.0 * (self.sign + self.verify) + self.seal + self.open + checkpoint
    }
}

/// Measures the primitives that a gateway uses, with bodies of so many bytes.
pub fn ours(body: usize) -> Result<Crypto, Failure> {
    let key = SigningKey::generate(&mut Random);
    let verifying = key.verifying_key();
    let message = vec![7; 300];
    let signature = key.sign(&message);
    let private = KemPrivate::generate(&mut Random);
    let public = private.public();
    let plaintext = vec![7; body];
    let recipient = || Recipient { public: &public, kid: b"prekey", info: b"bench" };
    let sealed = cose::seal(&plaintext, &[recipient()], b"aad", &mut Random)?;
    let find = |_: &[u8]| Some(OpeningKey { private: &private, info: b"bench".to_vec() });
    Ok(Crypto {
        sign: micros(|| _ = black_box(key.sign(&message))),
        verify: micros(|| _ = black_box(verifying.verify(&message, &signature))),
        seal: micros(|| _ = black_box(cose::seal(&plaintext, &[recipient()], b"aad", &mut Random))),
        open: micros(|| _ = black_box(cose::open(&sealed.bytes, &Limits::ENVELOPE, &find, b"aad"))),
    })
}

/// Measures the same primitives of AWS-LC: X-Wing is ML-KEM-768 and X25519 side by side, with one hash over both.
pub fn fastest(body: usize) -> Result<Crypto, Failure> {
    let failed = |_| "AWS-LC refuses a primitive";
    let document = aws_lc_rs::signature::Ed25519KeyPair::generate().map_err(failed)?;
    let message = vec![7; 300];
    let signature = document.sign(&message);
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ED25519,
        document.public_key().as_ref().to_vec(),
    );
    let lattice = kem::DecapsulationKey::generate(&kem::ML_KEM_768).map_err(failed)?;
    let outside = lattice.encapsulation_key().map_err(failed)?;
    let (ciphertext, _) = outside.encapsulate().map_err(failed)?;
    let ciphertext = ciphertext.as_ref().to_vec();
    let curve = agreement::PrivateKey::generate(&agreement::X25519).map_err(failed)?;
    let curve_public = agreement::UnparsedPublicKey::new(
        &agreement::X25519,
        curve.compute_public_key().map_err(failed)?.as_ref().to_vec(),
    );
    let agree = |key: &agreement::PrivateKey| {
        agreement::agree(key, &curve_public, "refused", |secret| Ok(secret.to_vec()))
    };
    let aead = ring::aead::LessSafeKey::new(
        ring::aead::UnboundKey::new(&ring::aead::AES_256_GCM, &[7; 32]).map_err(|_| "a key")?,
    );
    let aead_twice = || {
        for length in [body, 48] {
            let mut text = vec![7; length];
            let nonce = ring::aead::Nonce::assume_unique_for_key([0; 12]);
            let _ = black_box(aead.seal_in_place_append_tag(nonce, ring::aead::Aad::empty(), &mut text));
        }
    };
    Ok(Crypto {
        sign: micros(|| _ = black_box(document.sign(&message))),
        verify: micros(|| _ = black_box(public.verify(&message, signature.as_ref()))),
        seal: micros(|| {
            let _ = black_box(outside.encapsulate());
            if let Ok(ephemeral) = agreement::PrivateKey::generate(&agreement::X25519) {
                let _ = black_box((ephemeral.compute_public_key(), agree(&ephemeral)));
            }
            aead_twice();
        }),
        open: micros(|| {
            let _ = black_box(lattice.decapsulate(ciphertext.as_slice().into()));
            let _ = black_box(agree(&curve));
            aead_twice();
        }),
    })
}

/// Returns the microseconds of one call on one core while all cores make it, which is how a gateway finds them.
fn micros(call: impl Fn() + Sync) -> f64 {
    let cores = cores();
    let start = Barrier::new(cores);
    let each = thread::scope(|scope| {
        let run = || {
            call();
            start.wait();
            let (begun, mut calls) = (Instant::now(), 0.0);
            while begun.elapsed() < SPAN {
                for _ in 0..8 {
                    call();
                }
                calls += 8.0;
            }
            begun.elapsed().as_secs_f64() * 1e6 / calls
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().expect("a primitive does not panic")).collect::<Vec<f64>>()
    });
    each.iter().sum::<f64>() / each.iter().map(|_| 1.0).sum::<f64>()
}

/// Counts the cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the milliseconds of `count` synced appends of so many bytes, each.
pub fn syncs(folder: &Path, bytes: usize, count: usize) -> Result<Vec<f64>, Failure> {
    let path = folder.join("raw-sync");
    let mut file = File::create(&path)?;
    let block = vec![7; bytes];
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        file.write_all(&block)?;
        let begun = Instant::now();
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(took)
}

/// Returns the milliseconds of loopback round trips between two threads, each.
pub fn round_trips(count: usize) -> Result<Vec<f64>, Failure> {
    let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    here.connect(there.local_addr()?)?;
    there.connect(here.local_addr()?)?;
    here.set_read_timeout(Some(Duration::from_secs(5)))?;
    let echo = thread::spawn(move || {
        let mut buffer = [0; 1200];
        while let Ok(length) = there.recv(&mut buffer) {
            if length == 0 || there.send(&buffer[..length]).is_err() {
                break;
            }
        }
    });
    let (mut buffer, mut took) = ([7; 1200], Vec::with_capacity(count));
    for _ in 0..count {
        let begun = Instant::now();
        here.send(&buffer)?;
        here.recv(&mut buffer)?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    here.send(&[])?;
    let _ = echo.join();
    Ok(took)
}
