use crate::draw::Draw;
use std::collections::{BTreeMap, BTreeSet};
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::KeyRing;
use valise::model::{DAY, Digest, Party, Timestamp};
use valise::trust::federation::{Member as Files, PartA, PartB, PrekeyEntry, Route, SoleAuthority};
use valise::trust::issue::{self, Issued, Serial, Terms};
use valise::trust::{Directory, Prekey, PrekeyId, Role, TrustError, Validity, thumbprint, twin_digest};

/// The instant at which every run begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = match Timestamp::from_unix(1_767_225_600) {
    Some(start) => start,
    None => Timestamp::EPOCH,
};

/// The most States whose codes are set apart for users (`XAA`–`XZZ`).
pub const MAX_STATES: usize = 26 * 26;
/// Up to so many States, everybody deals with everybody.
const ALL_KNOWN: usize = 24;
/// How many others a State deals with, at least, in a larger federation.
const ACQUAINTED: usize = 8;
/// How long all keys of a run hold, in days.
const KEY_DAYS: u32 = 3650;

/// The States, their keys and whom each knows; all of it real and none of it changed by a run.
pub struct Federation {
    /// The States, by their number.
    pub members: Vec<Member>,
    numbers: BTreeMap<Party, usize>,
}

/// One State.
pub struct Member {
    /// Its default NPC.
    pub party: Party,
    /// Its gateway's keys.
    pub ring: KeyRing,
    /// The directory as it holds it.
    pub directory: Directory,
    /// The numbers of the States with which it deals.
    pub acquainted: Vec<usize>,
}

/// A State before it has met any other.
struct Newcomer {
    party: Party,
    ring: KeyRing,
    files: Files,
}

impl Federation {
    /// Makes so many States with their certificates and prekeys, all of them members of one federation; `seed` draws
    /// who deals with whom where not everybody does.
    ///
    /// # Errors
    /// [`TrustError`] if a certificate cannot be issued, which is a bug.
    pub fn new(states: usize, seed: u64) -> Result<Self, TrustError> {
        let newcomers = (0..states.min(MAX_STATES)).map(newcomer).collect::<Result<Vec<_>, _>>()?;
        let known = acquaintances(newcomers.len(), seed);
        let mut authority = SoleAuthority::new("simnet", SigningKey::from_seed(&secret(0, "authority")));
        let files: Vec<_> = newcomers.iter().map(|newcomer| newcomer.files.clone()).collect();
        let bundle = authority.publish(&files, &BTreeMap::new(), valid_around_the_run())?;
        let directory = Directory::from_bundle(&authority.anchor(), &bundle, None)?;
        let numbers = newcomers.iter().enumerate().map(|(at, n)| (n.party.clone(), at)).collect();
        let member = |(n, acquainted): (Newcomer, _)| {
            Ok(Member { directory: directory.seen_by(&n.party)?, party: n.party, ring: n.ring, acquainted })
        };
        let members = newcomers.into_iter().zip(known).map(member).collect::<Result<_, TrustError>>()?;
        Ok(Self { members, numbers })
    }

    /// Makes a State's keys again, as its gateway reads them at a start.
    pub fn ring(&self, number: usize) -> KeyRing {
        let log_and_seal = &self.members[number].ring;
        ring(number, log_and_seal.seal.1, log_and_seal.log.1)
    }

    /// Returns a State's issuing key with its certificate.
    ///
    /// # Errors
    /// [`TrustError`] if it cannot be issued, which is a bug.
    pub fn issuing(&self, number: usize) -> Result<(SigningKey, Vec<u8>), TrustError> {
        let key = SigningKey::from_seed(&secret(number, "issuing"));
        let root = SigningKey::from_seed(&secret(number, "root"));
        let issued = certify(number, Role::Issuing, &key, &root, 4)?;
        Ok((key, issued.der))
    }

    /// Returns the key that hides a State's bodies at rest.
    pub fn body_key(&self, number: usize) -> [u8; 32] {
        secret(number, "body")
    }

    /// Finds a State by its party.
    pub fn number(&self, party: &Party) -> Option<usize> {
        self.numbers.get(party).copied()
    }
}

fn newcomer(number: usize) -> Result<Newcomer, TrustError> {
    let party = party(number);
    let [root_key, seal_key, log_key] =
        ["root", "seal", "log"].map(|purpose| SigningKey::from_seed(&secret(number, purpose)));
    let root = certify(number, Role::Root, &root_key, &root_key, 1)?;
    let seal = certify(number, Role::Seal, &seal_key, &root_key, 2)?;
    let log = certify(number, Role::Log, &log_key, &root_key, 3)?;
    let seal_x5t = thumbprint(&seal.der);
    let log_x5t = thumbprint(&log.der);
    let ring = ring(number, seal_x5t, log_x5t);
    let public = KemPrivate::from_seed(&secret(number, "prekey")).public();
    let prekey = Prekey { id: PrekeyId(prekey_id(number)), public, validity: valid_around_the_run() };
    let a = PartA::first(party.clone(), BEFORE, &root.der, &seal.der);
    let issuing =
        certify(number, Role::Issuing, &SigningKey::from_seed(&secret(number, "issuing")), &root_key, 4)?;
    let twin = Some(twin_digest(&ring.twin.verifying_key()));
    let b = PartB {
        issuing: vec![issuing.der.into()],
        prekeys: vec![PrekeyEntry::new(&prekey, false)],
        routes: vec![Route::Quic(address(number))],
        ..PartB::first(party.clone(), BEFORE, &log.der, twin)
    };
    let part_b = Some(b.sign(&seal_x5t, &seal_key)?.to_bytes());
    let files = Files { part_a: a.sign(&root_key)?.to_bytes(), part_b };
    Ok(Newcomer { party, ring, files })
}

/// Where a State's node is in the network of the simulation.
pub fn address(number: usize) -> String {
    format!("{number}:4620")
}

fn party(number: usize) -> Party {
    let letter = |at: usize| char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    let code = format!("X{}{}", letter(number / 26), letter(number));
    code.parse().expect("XAA to XZZ are set apart for users")
}

fn secret(number: usize, purpose: &str) -> [u8; 32] {
    Digest::of(&[b"simnet key\0", party(number).to_string().as_bytes(), purpose.as_bytes()]).0
}

fn prekey_id(number: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&secret(number, "prekey id")[..16]);
    id
}

fn certify(
    number: usize,
    role: Role,
    subject: &SigningKey,
    authority: &SigningKey,
    serial: u64,
) -> Result<Issued, TrustError> {
    let serial = Serial::new(serial).expect("the serials of a State begin at one");
    let terms = Terms { serial, validity: valid_around_the_run() };
    issue::certificate(role, &party(number), &subject.verifying_key(), authority, terms)
}

fn ring(number: usize, seal_x5t: Digest, log_x5t: Digest) -> KeyRing {
    let signing = |purpose| SigningKey::from_seed(&secret(number, purpose));
    let party = party(number);
    KeyRing {
        gateway: format!("gw1.{}", party.dns_suffix()),
        party,
        seal: (signing("seal"), seal_x5t),
        log: (signing("log"), log_x5t),
        twin: PqSigningKey::from_seed(&secret(number, "log twin")),
        prekeys: vec![(prekey_id(number).to_vec(), KemPrivate::from_seed(&secret(number, "prekey")))],
    }
}

/// Acquaintance is mutual.
fn acquaintances(states: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut known = vec![BTreeSet::new(); states];
    let met = (0..states).flat_map(|me| {
        let mut draw = Draw::new(seed, "acquaintances", &[me as u64]);
        let others: Vec<usize> = if states <= ALL_KNOWN {
            (0..states).collect()
        } else {
            (0..ACQUAINTED).map(|_| draw.index(states)).collect()
        };
        others.into_iter().filter(move |other| *other != me).map(move |other| (me, other))
    });
    for (me, other) in met {
        known[me].insert(other);
        known[other].insert(me);
    }
    known.into_iter().map(|others| others.into_iter().collect()).collect()
}

/// When everything was signed with which a run begins.
const BEFORE: Timestamp = START.saturating_add(-30 * DAY);

const fn valid_around_the_run() -> Validity {
    Validity::days(BEFORE, KEY_DAYS)
}
