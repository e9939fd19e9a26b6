use crate::draw::Draw;
use std::collections::{BTreeMap, BTreeSet};
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::KeyRing;
use valise::model::{DAY, Digest, Party, Timestamp};
use valise::trust::federation::{
    LogEntry, Member as Files, PartA, PartB, PrekeyEntry, Route, SealEntry, SoleAuthority,
};
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
    /// Who admits them, as of the start.
    pub(crate) authority: SoleAuthority,
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
    /// What it has signed of itself by the start.
    pub(crate) files: Files,
}

/// A generation of a State's seal and log keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys(u64);

/// A seal and a log key as the parts of their State list them.
pub struct Listed {
    /// For part A.
    pub seal: SealEntry,
    /// For part B.
    pub log: LogEntry,
}

impl Keys {
    /// The keys with which a run begins.
    pub const fn first() -> Self {
        Self(1)
    }

    /// Those that follow.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    fn secret(self, number: usize, purpose: &str) -> [u8; 32] {
        if self == Self::first() {
            secret(number, purpose)
        } else {
            secret(number, &format!("{purpose} {}", self.0))
        }
    }

    const fn serial(self, role: Role) -> u64 {
        // A root, an issuing key and the first of both took one to four.
        match role {
            Role::Seal => 2 * self.0 + if self.0 == 1 { 0 } else { 2 },
            Role::Root | Role::Issuing | Role::Gateway | Role::Log => {
                2 * self.0 + if self.0 == 1 { 1 } else { 3 }
            }
        }
    }
}

/// A State before it has met any other.
struct Newcomer {
    party: Party,
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
        let mut all = Self { members: Vec::new(), authority, numbers };
        for (number, (Newcomer { party, files }, acquainted)) in newcomers.into_iter().zip(known).enumerate()
        {
            let (ring, directory) = (all.ring(number, Keys::first()), directory.seen_by(&party)?);
            all.members.push(Member { party, ring, directory, acquainted, files });
        }
        Ok(all)
    }

    /// Makes a State's keys again, of a generation, as its gateway reads them at a start.
    pub fn ring(&self, number: usize, keys: Keys) -> KeyRing {
        let [seal, log] = ["seal", "log"].map(|purpose| SigningKey::from_seed(&keys.secret(number, purpose)));
        let x5t = |role, key: &SigningKey| {
            let made = certify(number, role, key, &self.root(number), keys.serial(role));
            thumbprint(&made.expect("what was certified once can be certified again").der)
        };
        let party = party(number);
        KeyRing {
            gateway: format!("gw1.{}", party.dns_suffix()),
            party,
            seal: (seal.clone(), x5t(Role::Seal, &seal)),
            log: (log.clone(), x5t(Role::Log, &log)),
            twin: PqSigningKey::from_seed(&keys.secret(number, "log twin")),
            prekeys: vec![(prekey_id(number).to_vec(), KemPrivate::from_seed(&secret(number, "prekey")))],
        }
    }

    /// Makes a State's newest keys that a directory lists.
    pub fn ring_listed(&self, number: usize, directory: &Directory) -> KeyRing {
        let mut ring = self.ring(number, Keys::first());
        let Ok(entry) = directory.entry(&ring.party) else { return ring };
        let mut keys = Keys::first();
        for _ in 1..entry.logs().len() {
            keys = keys.next();
        }
        if keys != Keys::first() {
            ring = self.ring(number, keys);
        }
        ring
    }

    /// Certifies a State's seal and log key of a generation, as its parts list them.
    ///
    /// # Errors
    /// [`TrustError`] if they cannot be issued, which is a bug.
    pub fn certificates(&self, number: usize, keys: Keys) -> Result<Listed, TrustError> {
        certificates(number, keys)
    }

    /// Returns a State's root key.
    pub fn root(&self, number: usize) -> SigningKey {
        SigningKey::from_seed(&secret(number, "root"))
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
    let (party, keys) = (party(number), Keys::first());
    let root_key = SigningKey::from_seed(&secret(number, "root"));
    let root = certify(number, Role::Root, &root_key, &root_key, 1)?;
    let Listed { seal, log } = certificates(number, keys)?;
    let seal_key = SigningKey::from_seed(&keys.secret(number, "seal"));
    let seal_x5t = thumbprint(&seal.certificate);
    let public = KemPrivate::from_seed(&secret(number, "prekey")).public();
    let prekey = Prekey { id: PrekeyId(prekey_id(number)), public, validity: valid_around_the_run() };
    let a = PartA::first(party.clone(), BEFORE, &root.der, &seal.certificate);
    let issuing =
        certify(number, Role::Issuing, &SigningKey::from_seed(&secret(number, "issuing")), &root_key, 4)?;
    let b = PartB {
        issuing: vec![issuing.der.into()],
        prekeys: vec![PrekeyEntry::new(&prekey, false)],
        routes: vec![Route::Quic(address(number))],
        ..PartB::first(party.clone(), BEFORE, &log.certificate, log.twin)
    };
    let part_b = Some(b.sign(&seal_x5t, &seal_key)?.to_bytes());
    let files = Files { part_a: a.sign(&root_key)?.to_bytes(), part_b };
    Ok(Newcomer { party, files })
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

fn certificates(number: usize, keys: Keys) -> Result<Listed, TrustError> {
    let root = SigningKey::from_seed(&secret(number, "root"));
    let made = |role, purpose: &str| {
        let key = SigningKey::from_seed(&keys.secret(number, purpose));
        certify(number, role, &key, &root, keys.serial(role)).map(|issued| issued.der.into())
    };
    let twin = PqSigningKey::from_seed(&keys.secret(number, "log twin")).verifying_key();
    Ok(Listed {
        seal: SealEntry { certificate: made(Role::Seal, "seal")?, retired: None },
        log: LogEntry { certificate: made(Role::Log, "log")?, twin: Some(twin_digest(&twin)), retired: None },
    })
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
