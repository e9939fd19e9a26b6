//! A small federation for tests; every key is derived from its owner's name.

use super::issue::{self, Issued, RevocationTerms, Serial, Terms};
use super::{
    Card, CardPrekey, CardTwin, Directory, PartyEntry, Prekey, PrekeyId, Role, SignedPrekey, SignedTwin,
    Validity, thumbprint,
};
use crate::cose::{KemPrivate, PqSigningKey, SigningKey, VerifyingKey};
use crate::model::{DAY, Digest, Party, Timestamp};
use rcgen::CertificateParams;
use std::collections::BTreeMap;

pub(crate) const NOW: Timestamp = match Timestamp::from_unix(1_800_000_000) {
    Some(now) => now,
    None => Timestamp::EPOCH,
};

pub(crate) fn party(name: &str) -> Party {
    name.parse().unwrap()
}

pub(crate) fn key(owner: &str) -> SigningKey {
    SigningKey::from_seed(Digest::of(&[owner.as_bytes()]).as_bytes())
}

/// One party's keys and certificates, all valid at `NOW`.
pub(crate) struct Pki {
    pub party: Party,
    pub root_key: SigningKey,
    pub issuing_key: SigningKey,
    pub gateway_key: SigningKey,
    pub seal_key: SigningKey,
    pub root: Issued,
    pub issuing: Issued,
    pub gateway: Issued,
    pub seal: Issued,
    pub log: Issued,
}

impl Pki {
    pub(crate) fn new(name: &str) -> Self {
        let party = party(name);
        let [root_key, issuing_key, gateway_key, seal_key, log_key] =
            ["root", "issuing", "gateway", "seal", "log"].map(|role| key(&format!("{name} {role}")));
        let certify = |role, subject: &SigningKey, authority, serial| {
            issue::certificate(role, &party, &subject.verifying_key(), authority, terms(role, serial))
                .unwrap()
        };
        Self {
            root: certify(Role::Root, &root_key, &root_key, 1),
            issuing: certify(Role::Issuing, &issuing_key, &root_key, 2),
            seal: certify(Role::Seal, &seal_key, &root_key, 3),
            log: certify(Role::Log, &log_key, &root_key, 4),
            gateway: certify(Role::Gateway, &gateway_key, &issuing_key, 5),
            party,
            root_key,
            issuing_key,
            gateway_key,
            seal_key,
        }
    }

    pub(crate) fn card(&self) -> Card {
        let seal = thumbprint(&self.seal.der);
        let prekey = SignedPrekey::sign(&self.party, prekey(1), seal, &self.seal_key);
        Card {
            party: self.party.clone(),
            names: BTreeMap::from([("en".to_owned(), format!("NPC of {}", self.party))]),
            root: self.root.pem.clone(),
            seals: vec![self.seal.pem.clone()],
            logs: vec![self.log.pem.clone()],
            revocations: None,
            suspended_since: None,
            prekeys: vec![CardPrekey::new(&prekey)],
            twins: vec![CardTwin::new(&self.twin())],
        }
    }

    /// The twin of the log key.
    pub(crate) fn twin_key(&self) -> PqSigningKey {
        PqSigningKey::from_seed(&Digest::of(&[self.party.to_string().as_bytes(), b" twin"]).0)
    }

    fn twin(&self) -> SignedTwin {
        let (log, seal) = (thumbprint(&self.log.der), thumbprint(&self.seal.der));
        SignedTwin::sign(&self.party, log, self.twin_key().verifying_key(), (&self.seal_key, seal))
    }

    /// The card with a list that revokes the certificates of these serial numbers since `NOW`.
    pub(crate) fn card_revoking(&self, serials: &[u64]) -> Card {
        let terms = RevocationTerms {
            number: 1,
            this_update: NOW.saturating_add(-DAY),
            next_update: NOW.saturating_add(DAY),
            revoked: serials.iter().map(|s| (Serial::new(*s).unwrap(), NOW)).collect(),
        };
        let list = issue::revocation_list(&self.party, &self.root_key, &terms).unwrap();
        Card { revocations: Some(list.pem), ..self.card() }
    }

    /// A gateway certificate of this party's issuing key with one thing changed.
    pub(crate) fn odd_gateway(&self, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        self.odd(Role::Gateway, &self.gateway_key.verifying_key(), &self.issuing_key, change)
    }

    pub(crate) fn odd(
        &self,
        role: Role,
        subject: &VerifyingKey,
        authority: &SigningKey,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let mut params = issue::params(role, &self.party, terms(role, 99));
        change(&mut params);
        issue::certify(role, params, subject, &self.party, authority).unwrap()
    }
}

pub(crate) fn prekey(number: u8) -> Prekey {
    Prekey {
        id: PrekeyId([number; 16]),
        public: KemPrivate::from_seed(&[number; 32]).public(),
        validity: Validity::days(NOW.saturating_add(-DAY), 8),
    }
}

/// The directory of `me` with these cards.
pub(crate) fn directory(me: &Pki, cards: &[Card]) -> Directory {
    let entries = cards.iter().map(|c| PartyEntry::from_card(c).unwrap()).collect();
    Directory::new(me.party.clone(), entries, 1).unwrap()
}

pub(crate) fn terms(role: Role, serial: u64) -> Terms {
    let days = match role {
        Role::Root => 3650,
        Role::Issuing | Role::Seal | Role::Log => 365,
        Role::Gateway => issue::GATEWAY_DAYS,
    };
    let start = NOW.saturating_add(if role == Role::Root { -2 * DAY } else { -DAY });
    Terms { serial: Serial::new(serial).unwrap(), validity: Validity::days(start, days) }
}
