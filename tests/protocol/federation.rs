//! Three States whose private keys everyone may know: they stand in `docs/vectors/federation.json`.

use crate::hex::{hex, unhex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::KeyRing;
use valise::model::{DAY, Digest, Entropy, Party, Timestamp};
use valise::trust::federation::{Member, PartA, PartB, PrekeyEntry, SoleAuthority};
use valise::trust::issue::{Serial, Terms, certificate};
use valise::trust::{Directory, Prekey, PrekeyId, Role, SignedPrekey, Validity, thumbprint};

/// The parties of all vectors, their signed directory, and the instant at which they are judged.
#[derive(Serialize, Deserialize)]
pub struct Federation {
    pub now: Timestamp,
    pub anchor: Digest,
    pub directory: String,
    pub parties: Vec<Owner>,
}

/// One party, with what only its gateway should know.
#[derive(Serialize, Deserialize)]
pub struct Owner {
    pub party: Party,
    pub gateway: String,
    pub seal_seed: String,
    pub log_seed: String,
    pub prekey_id: String,
    pub prekey_seed: String,
}

/// A counter hashed with SHA-256, so that vectors can be made again.
pub struct Seeded(pub u64);

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Digest::of(&[&self.0.to_be_bytes()]).as_bytes()[..chunk.len()]);
        }
    }
}

impl Federation {
    pub fn make() -> Self {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let made = ["XAA", "XBB", "XCC"].map(|name| Owner::make(name, now));
        let files = made.each_ref().map(|(_, files)| files.clone());
        let mut authority = SoleAuthority::new("vectors", signing(&hex(&Digest::of(&[b"authority"]).0)));
        let years = Validity::days(now.saturating_add(-DAY), 3650);
        let directory = authority.publish(&files, &BTreeMap::new(), years).unwrap();
        let parties = made.map(|(party, _)| party).into();
        Self { now, anchor: authority.anchor(), directory: hex(&directory), parties }
    }

    pub fn ring(&self, name: &str) -> KeyRing {
        let (party, directory) = (self.party(name), self.directory(name));
        let entry = directory.entry(&party.party).unwrap();
        KeyRing {
            party: party.party.clone(),
            gateway: party.gateway.clone(),
            seal: (signing(&party.seal_seed), entry.seals()[0].x5t),
            log: (signing(&party.log_seed), entry.logs()[0].x5t),
            twin: PqSigningKey::from_seed(&[0; 32]),
            prekeys: vec![(unhex(&party.prekey_id), kem(&party.prekey_seed))],
        }
    }

    /// What a party knows.
    pub fn directory(&self, name: &str) -> Directory {
        let me = name.parse().unwrap();
        Directory::from_bundle(&self.anchor, &unhex(&self.directory), Some(&me)).unwrap()
    }

    /// The prekeys of all parties, each signed for itself as a restored gateway offers it.
    pub fn offered(&self) -> Vec<SignedPrekey> {
        let sign = |of: &Owner| {
            let (ring, directory) = (self.ring(&of.party.to_string()), self.directory("XAA"));
            let prekey = directory.prekey(&of.party, self.now).unwrap().clone();
            SignedPrekey::sign(&of.party, prekey, ring.seal.1, &ring.seal.0)
        };
        self.parties.iter().map(sign).collect()
    }

    fn party(&self, name: &str) -> &Owner {
        self.parties.iter().find(|p| p.party.to_string() == name).unwrap()
    }
}

impl Owner {
    fn make(name: &str, now: Timestamp) -> (Self, Member) {
        let party: Party = name.parse().unwrap();
        let seed = |role: &str| hex(&Digest::of(&[name.as_bytes(), b" ", role.as_bytes()]).0);
        let root = signing(&seed("root"));
        let (seal, log, prekey_seed) = (seed("seal"), seed("log"), seed("prekey"));
        let certify = |role, seed: &str, serial, days| {
            let start = now.saturating_add(if role == Role::Root { -2 * DAY } else { -DAY });
            let terms = Terms { serial: Serial::new(serial).unwrap(), validity: Validity::days(start, days) };
            certificate(role, &party, &signing(seed).verifying_key(), &root, terms).unwrap()
        };
        let seal_certificate = certify(Role::Seal, &seal, 2, 365);
        let id = PrekeyId(Digest::of(&[name.as_bytes(), b" prekey id"]).0[..16].try_into().unwrap());
        let validity = Validity::days(now.saturating_add(-DAY), 8);
        let prekey = Prekey { id, public: kem(&prekey_seed).public(), validity };
        let a = PartA::first(
            party.clone(),
            now.saturating_add(-DAY),
            &certify(Role::Root, &seed("root"), 1, 3650).der,
            &seal_certificate.der,
        );
        let b = PartB {
            prekeys: vec![PrekeyEntry::new(&prekey, false)],
            ..PartB::first(party.clone(), a.issued, &certify(Role::Log, &log, 3, 365).der, None)
        };
        let part_b = b.sign(&thumbprint(&seal_certificate.der), &signing(&seal)).unwrap();
        let files = Member { part_a: a.sign(&root).unwrap().to_bytes(), part_b: Some(part_b.to_bytes()) };
        let gateway = format!("gw1.{}", party.dns_suffix());
        (Self { party, gateway, seal_seed: seal, log_seed: log, prekey_id: hex(&id.0), prekey_seed }, files)
    }
}

fn signing(seed: &str) -> SigningKey {
    SigningKey::from_seed(&unhex(seed).try_into().unwrap())
}

fn kem(seed: &str) -> KemPrivate {
    KemPrivate::from_seed(&unhex(seed).try_into().unwrap())
}
