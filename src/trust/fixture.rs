//! A small federation for tests; every key is derived from its owner's name.

use super::federation::{
    Member, PartA, PartB, PrekeyEntry, SoleAuthority, Suspension, VerifiedPartA, VerifiedPartB,
};
use super::issue::{self, Issued, RevocationTerms, Serial, Terms};
use super::{Directory, Prekey, PrekeyId, Role, Validity, thumbprint, twin_digest};
use crate::cose::{KemPrivate, PqSigningKey, SigningKey, VerifyingKey};
use crate::model::{DAY, Digest, Party, Timestamp};
use rcgen::CertificateParams;
use serde_bytes::ByteBuf;
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

    /// What the party publishes; a test may change it before it is signed.
    pub(crate) fn listing(&self) -> Listing {
        let a = PartA {
            languages: vec!["en".to_owned()],
            names: BTreeMap::from([("en".to_owned(), format!("NPC of {}", self.party))]),
            ..PartA::first(self.party.clone(), NOW, &self.root.der, &self.seal.der)
        };
        let twin = Some(twin_digest(&self.twin_key().verifying_key()));
        let b = PartB {
            issuing: vec![file(&self.issuing)],
            prekeys: vec![PrekeyEntry::new(&prekey(1), false)],
            ..PartB::first(self.party.clone(), NOW, &self.log.der, twin)
        };
        Listing {
            a,
            b,
            suspended_since: None,
            root_key: self.root_key.clone(),
            seal_key: self.seal_key.clone(),
        }
    }

    /// The twin of the log key.
    pub(crate) fn twin_key(&self) -> PqSigningKey {
        PqSigningKey::from_seed(&Digest::of(&[self.party.to_string().as_bytes(), b" twin"]).0)
    }

    /// What the party publishes, with a list that revokes the certificates of these serial numbers since `NOW`.
    pub(crate) fn listing_revoking(&self, serials: &[u64]) -> Listing {
        let terms = RevocationTerms {
            number: 1,
            this_update: NOW.saturating_add(-DAY),
            next_update: NOW.saturating_add(DAY),
            revoked: serials.iter().map(|s| (Serial::new(*s).unwrap(), NOW)).collect(),
        };
        let list = issue::revocation_list(&self.party, &self.root_key, &terms).unwrap();
        self.listing().with(|l| l.a.revocations = Some(file(&list)))
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

/// What a party publishes, and the keys that sign it.
#[derive(Clone)]
pub(crate) struct Listing {
    pub a: PartA,
    pub b: PartB,
    pub suspended_since: Option<Timestamp>,
    root_key: SigningKey,
    seal_key: SigningKey,
}

impl Listing {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Both files; there is no part B where no seal is listed that could sign it.
    pub(crate) fn sign(&self) -> Member {
        let by = self.a.seals.first().map(|seal| thumbprint(&seal.certificate));
        Member {
            part_a: self.a.sign(&self.root_key).unwrap().to_bytes(),
            part_b: by.map(|by| self.b.sign(&by, &self.seal_key).unwrap().to_bytes()),
        }
    }

    /// The code of the first fault for which a reader refuses it.
    pub(crate) fn verdict(&self) -> &'static str {
        let Member { part_a, part_b } = self.sign();
        let root = self.a.roots.last().map_or(Digest([0; 32]), |root| thumbprint(&root.certificate));
        let read = VerifiedPartA::verify(&part_a, &self.a.party, &root)
            .and_then(|a| part_b.map_or(Ok(()), |b| VerifiedPartB::verify(&b, &a).map(drop)));
        read.map_or_else(|e| e.code(), |()| "accepted")
    }
}

fn file(issued: &Issued) -> ByteBuf {
    ByteBuf::from(issued.der.clone())
}

/// The whole directory of a federation of these, and its anchor.
pub(crate) fn federation(listings: &[Listing]) -> (Digest, Vec<u8>) {
    let mut authority = SoleAuthority::new("fixture", key("federation"));
    let members: Vec<Member> = listings.iter().map(Listing::sign).collect();
    let reason = || "suspended".to_owned();
    let suspended =
        |l: &Listing| Some((l.a.party.clone(), Suspension { since: l.suspended_since?, reason: reason() }));
    let suspended = listings.iter().filter_map(suspended).collect();
    let years = Validity::days(NOW.saturating_add(-DAY), 3650);
    let bundle = authority.publish(&members, &suspended, years).unwrap();
    (authority.anchor(), bundle)
}

/// The directory of `me` in a federation of these.
pub(crate) fn directory(me: &Pki, listings: &[Listing]) -> Directory {
    let (anchor, bundle) = federation(listings);
    Directory::from_bundle(&anchor, &bundle, Some(&me.party)).unwrap()
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
