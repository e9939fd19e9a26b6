use crate::draw::Draw;
use std::collections::{BTreeMap, BTreeSet};
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::KeyRing;
use valise::model::{DAY, Digest, Party, Timestamp};
use valise::trust::issue::{self, Serial, Terms};
use valise::trust::{
    Card, CardPrekey, CardTwin, Directory, PartyEntry, Prekey, PrekeyId, Role, SignedPrekey, SignedTwin,
    TrustError, Validity, thumbprint,
};

/// The instant at which every run begins: 2026-01-01T00:00:00Z.
pub const START: Timestamp = match Timestamp::from_unix(1_767_225_600) {
    Some(start) => start,
    None => Timestamp::EPOCH,
};

/// The most States whose codes are set apart for users (`XAA`–`XZZ`).
pub const MAX_STATES: usize = 26 * 26;
/// Up to so many States, everybody holds everybody's card.
const ALL_KNOWN: usize = 24;
/// How many States a State has the cards of, at least, in a larger federation.
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
    /// Whose cards it holds.
    pub directory: Directory,
    /// The numbers of those States, without its own.
    pub acquainted: Vec<usize>,
}

/// A State before it has met any other.
struct Newcomer {
    party: Party,
    ring: KeyRing,
    card: Card,
}

impl Federation {
    /// Makes so many States with their certificates and prekeys; `seed` draws who knows whom where not
    /// everybody does.
    ///
    /// # Errors
    /// [`TrustError`] if a certificate cannot be issued, which is a bug.
    pub fn new(states: usize, seed: u64) -> Result<Self, TrustError> {
        let newcomers = (0..states.min(MAX_STATES)).map(newcomer).collect::<Result<Vec<_>, _>>()?;
        let known = acquaintances(newcomers.len(), seed);
        let mut directories = Vec::new();
        for (me, others) in known.iter().enumerate() {
            let entries = others.iter().chain([&me]).map(|at| PartyEntry::from_card(&newcomers[*at].card));
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            directories.push(Directory::new(newcomers[me].party.clone(), entries, 1)?);
        }
        let numbers = newcomers.iter().enumerate().map(|(at, n)| (n.party.clone(), at)).collect();
        let members = newcomers
            .into_iter()
            .zip(directories)
            .zip(known)
            .map(|((n, directory), acquainted)| Member {
                party: n.party,
                ring: n.ring,
                directory,
                acquainted,
            })
            .collect();
        Ok(Self { members, numbers })
    }

    /// Finds a State by its party.
    pub fn number(&self, party: &Party) -> Option<usize> {
        self.numbers.get(party).copied()
    }
}

fn newcomer(number: usize) -> Result<Newcomer, TrustError> {
    let letter = |at: usize| char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    let code = format!("X{}{}", letter(number / 26), letter(number));
    let party: Party = code.parse().expect("XAA to XZZ are set apart for users");
    let secret = |use_: &str| Digest::of(&[b"simnet key\0", code.as_bytes(), use_.as_bytes()]).0;
    let [root_key, seal_key, log_key] = ["root", "seal", "log"].map(|u| SigningKey::from_seed(&secret(u)));
    let certify = |role, subject: &SigningKey, serial| {
        let serial = Serial::new(serial).expect("the serials of a State begin at one");
        let terms = Terms { serial, validity: valid_around_the_run() };
        issue::certificate(role, &party, &subject.verifying_key(), &root_key, terms)
    };
    let root = certify(Role::Root, &root_key, 1)?;
    let seal = certify(Role::Seal, &seal_key, 2)?;
    let log = certify(Role::Log, &log_key, 3)?;
    let (seal_x5t, log_x5t) = (thumbprint(&seal.der), thumbprint(&log.der));
    let private = KemPrivate::from_seed(&secret("prekey"));
    let mut id = [0; 16];
    id.copy_from_slice(&secret("prekey id")[..16]);
    let prekey = Prekey { id: PrekeyId(id), public: private.public(), validity: valid_around_the_run() };
    let prekey = SignedPrekey::sign(&party, prekey, seal_x5t, &seal_key);
    let twin = PqSigningKey::from_seed(&secret("log twin"));
    let signed_twin = SignedTwin::sign(&party, log_x5t, twin.verifying_key(), (&seal_key, seal_x5t));
    let card = Card {
        party: party.clone(),
        names: BTreeMap::new(),
        root: root.pem,
        seals: vec![seal.pem],
        logs: vec![log.pem],
        revocations: None,
        suspended_since: None,
        prekeys: vec![CardPrekey::new(&prekey)],
        twins: vec![CardTwin::new(&signed_twin)],
    };
    let ring = KeyRing {
        gateway: format!("gw1.{}", party.dns_suffix()),
        party: party.clone(),
        seal: (seal_key, seal_x5t),
        log: (log_key, log_x5t),
        twin,
        prekeys: vec![(id.to_vec(), private)],
    };
    Ok(Newcomer { party, ring, card })
}

/// Acquaintance is mutual: whoever holds a card has given its own.
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

const fn valid_around_the_run() -> Validity {
    Validity::days(START.saturating_add(-30 * DAY), KEY_DAYS)
}
