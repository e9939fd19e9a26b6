//! Three States whose private keys everyone may know: they stand in `docs/vectors/federation.json`.

use crate::hex::{hex, unhex};
use serde::{Deserialize, Serialize};
use valise::cose::{KemPrivate, PqSigningKey, SigningKey};
use valise::envelope::KeyRing;
use valise::model::{DAY, Digest, Entropy, Party, Timestamp};
use valise::trust::issue::{Serial, Terms, certificate};
use valise::trust::{
    Card, CardPrekey, Directory, PartyEntry, Prekey, PrekeyId, Role, SignedPrekey, Validity,
    certificate_from_pem, thumbprint,
};

/// The parties of all vectors and the instant at which they are judged.
#[derive(Serialize, Deserialize)]
pub struct Federation {
    pub now: Timestamp,
    pub parties: Vec<Member>,
}

/// One party: what everyone knows of it, and what only its gateway should.
#[derive(Serialize, Deserialize)]
pub struct Member {
    pub card: Card,
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
        Self { now, parties: ["XAA", "XBB", "XCC"].map(|name| Member::make(name, now)).into() }
    }

    pub fn ring(&self, name: &str) -> KeyRing {
        let member = self.member(name);
        let x5t = |pem: &String| thumbprint(&certificate_from_pem(pem).unwrap());
        KeyRing {
            party: member.card.party.clone(),
            gateway: member.gateway.clone(),
            seal: (signing(&member.seal_seed), x5t(&member.card.seals[0])),
            log: (signing(&member.log_seed), x5t(&member.card.logs[0])),
            twin: PqSigningKey::from_seed(&[0; 32]),
            prekeys: vec![(unhex(&member.prekey_id), kem(&member.prekey_seed))],
        }
    }

    /// What a party knows: all cards.
    pub fn directory(&self, name: &str) -> Directory {
        let entries = self.parties.iter().map(|m| PartyEntry::from_card(&m.card).unwrap()).collect();
        Directory::new(name.parse().unwrap(), entries, 1).unwrap()
    }

    fn member(&self, name: &str) -> &Member {
        self.parties.iter().find(|m| m.card.party.to_string() == name).unwrap()
    }
}

impl Member {
    fn make(name: &str, now: Timestamp) -> Self {
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
        let signed = SignedPrekey::sign(&party, prekey, thumbprint(&seal_certificate.der), &signing(&seal));
        let card = Card {
            party: party.clone(),
            names: Default::default(),
            root: certify(Role::Root, &seed("root"), 1, 3650).pem,
            seals: vec![seal_certificate.pem],
            logs: vec![certify(Role::Log, &log, 3, 365).pem],
            revocations: None,
            suspended_since: None,
            prekeys: vec![CardPrekey::new(&signed)],
            twins: Vec::new(),
        };
        let gateway = format!("gw1.{}", party.dns_suffix());
        Self { card, gateway, seal_seed: seal, log_seed: log, prekey_id: hex(&id.0), prekey_seed }
    }
}

fn signing(seed: &str) -> SigningKey {
    SigningKey::from_seed(&unhex(seed).try_into().unwrap())
}

fn kem(seed: &str) -> KemPrivate {
    KemPrivate::from_seed(&unhex(seed).try_into().unwrap())
}
