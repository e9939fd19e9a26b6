use super::root::{MAX_REASON, is_sentence};
use super::signed::{Document, Signature, SignedDocument};
use crate::cose::SigningKey;
use crate::model::{Country, Digest, DomesticRecord, Party, Timestamp};
use crate::trust::entry::{CertifiedKey, read_leaf};
use crate::trust::profile::{self, Facts, Revocations};
use crate::trust::{Role, TrustError, thumbprint};
use crate::wire::encode;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet};

/// The most roots or seals that a part A lists, retired ones too.
const MAX_CERTIFICATES: usize = 16;
/// The most entries of any other list.
const MAX_ENTRIES: usize = 64;

/// What a party's root says of its party; it changes seldom, since the root is offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartA {
    /// Whose it is.
    pub party: Party,
    /// The version, which only rises.
    pub version: u64,
    /// When it was signed.
    pub issued: Timestamp,
    /// The party's roots, oldest first; the last one is in force and signs.
    pub roots: Vec<LinkedRoot>,
    /// The seal certificates; retired ones stay, so that old evidence still verifies.
    pub seals: Vec<SealEntry>,
    /// The root's revocation list, in DER.
    pub revocations: Option<ByteBuf>,
    /// All NPCs of the State, in the part A of its default NPC only (ISACS 7.1.1).
    pub npcs: Vec<Npc>,
    /// The competent authorities that the State has made known.
    pub authorities: Vec<CompetentAuthority>,
    /// The former States for whose weapons this one answers.
    pub succession: Vec<SuccessionClaim>,
    /// The languages in which the NPC works, by ISO 639 code.
    pub languages: Vec<String>,
    /// The NPC's name by language code.
    pub names: BTreeMap<String, String>,
    /// How people reach the NPC: one line.
    pub contact: Option<String>,
    /// How many officers an outgoing act of this party needs; one or two.
    pub approvals: u8,
}

/// A root of the party, and by what it follows the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedRoot {
    /// The certificate, in DER.
    pub certificate: ByteBuf,
    /// The signature of the root before it; absent for the oldest.
    pub link: Option<ByteBuf>,
    /// If it vouches for nothing new.
    pub retired: Option<Retirement>,
}

/// From when a key speaks no longer, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// From when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// From when others may have held the key; what it signed before stays good.
    pub compromised_since: Option<Timestamp>,
}

/// A seal certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealEntry {
    /// The certificate, in DER.
    pub certificate: ByteBuf,
    /// If its key speaks no longer.
    pub retired: Option<Retirement>,
}

/// An NPC of a State, and which records it may use (ISACS 7.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Npc {
    /// The NPC.
    pub party: Party,
    /// Which records.
    pub records: RecordScope,
}

/// Which domestic records an NPC may use; a single NPC may use all (ISACS 7.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordScope {
    /// All relevant records.
    All,
    /// These only.
    Only(BTreeSet<DomesticRecord>),
}

/// A national authority to which content may be released (ISACS 8.3.4.2 d).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompetentAuthority {
    /// Its name.
    pub name: String,
    /// Whether it is a court.
    pub court: bool,
    /// Whether the State has designated it.
    pub designated: bool,
}

/// A claim to answer for a former State's weapons; a proposal that an officer confirms (DESIGN §3.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuccessionClaim {
    /// The former State.
    pub former: Country,
    /// On what the claim rests; shown with it.
    pub basis: String,
}

/// A part A that its party's root has signed, with all certificates in it checked.
#[derive(Debug)]
pub(in crate::trust) struct VerifiedPartA {
    pub part: PartA,
    pub digest: Digest,
    pub bytes: Vec<u8>,
    pub roots: Vec<RootKey>,
    pub seals: Vec<CertifiedKey>,
    pub revocations: Option<Revocations>,
}

/// One root of a party, ready to vouch.
#[derive(Debug)]
pub(in crate::trust) struct RootKey {
    pub certified: CertifiedKey,
    pub facts: Facts,
    pub anchor: TrustAnchor<'static>,
}

/// Lets an old root vouch for the new one of the same party, which then follows it in part A.
pub fn link_root(party: &Party, old: (&Digest, &SigningKey), new: &Digest) -> ByteBuf {
    ByteBuf::from(old.1.sign(&link_bytes(party, old.0, new)).to_vec())
}

impl PartA {
    /// Drafts the first part A of a party with one root and one seal, both certificates in DER; it says nothing more.
    pub fn first(party: Party, issued: Timestamp, root: &[u8], seal: &[u8]) -> Self {
        let npc = Npc { party: party.clone(), records: RecordScope::All };
        Self {
            version: 1,
            issued,
            roots: vec![LinkedRoot { certificate: root.to_vec().into(), link: None, retired: None }],
            seals: vec![SealEntry { certificate: seal.to_vec().into(), retired: None }],
            revocations: None,
            npcs: if matches!(party, Party::Npc { npc: None, .. }) { vec![npc] } else { vec![] },
            authorities: vec![],
            succession: vec![],
            languages: vec![],
            names: BTreeMap::new(),
            contact: None,
            approvals: 1,
            party,
        }
    }

    /// Signs the part with the root that is in force.
    ///
    /// # Errors
    /// `BadDocument` if it has no encoding or lists no root.
    pub fn sign(&self, root: &SigningKey) -> Result<SignedDocument, TrustError> {
        let bad = |why| TrustError::BadDocument { what: Document::PartA, why };
        let document = encode(self).map_err(|_| bad("it has no encoding"))?;
        let last = self.roots.last().ok_or(bad("it lists no root"))?;
        let signature = Signature::make(Document::PartA, &document, &thumbprint(&last.certificate).0, root)?;
        Ok(SignedDocument::new(Document::PartA, document, [signature]))
    }

    /// Reads a part A and checks that its own root has signed it; whether that root is the party's is for whoever
    /// admits it to compare.
    ///
    /// # Errors
    /// The first fault found.
    pub fn read_self_signed(bytes: &[u8]) -> Result<(Self, Digest), TrustError> {
        let claimed: Self = SignedDocument::parse(Document::PartA, bytes)?.read()?;
        let last = claimed.roots.last().map(|root| thumbprint(&root.certificate));
        let root = last.ok_or(TrustError::BadDocument { what: Document::PartA, why: "it lists no root" })?;
        let verified = VerifiedPartA::verify(bytes, &claimed.party, &root)?;
        Ok((verified.part, root))
    }

    fn check(&self) -> Result<(), TrustError> {
        let bad = |why| Err(TrustError::BadDocument { what: Document::PartA, why });
        if self.roots.is_empty() || self.roots.len() > MAX_CERTIFICATES || self.seals.len() > MAX_CERTIFICATES
        {
            return bad("it lists no root, or too many certificates");
        }
        let lists = [self.npcs.len(), self.authorities.len(), self.succession.len(), self.languages.len()];
        if lists.iter().any(|len| *len > MAX_ENTRIES) || self.names.len() > MAX_ENTRIES {
            return bad("a list is too long");
        }
        let language_ok = |l: &String| matches!(l.len(), 2 | 3) && l.bytes().all(|b| b.is_ascii_lowercase());
        if !self.languages.iter().chain(self.names.keys()).all(language_ok) {
            return bad("a language is no code of ISO 639");
        }
        let retired = self.roots.iter().map(|r| &r.retired).chain(self.seals.iter().map(|s| &s.retired));
        let texts = self.names.values().chain(&self.contact);
        let texts = texts.chain(self.authorities.iter().map(|a| &a.name));
        let texts = texts.chain(self.succession.iter().map(|s| &s.basis));
        let mut texts = texts.chain(retired.flatten().map(|r| &r.reason));
        if !texts.all(|text| is_sentence(text, MAX_REASON)) {
            return bad("a name, contact, basis or reason is not 1 to 200 printable characters");
        }
        if !(1..=2).contains(&self.approvals) {
            return bad("an act needs one officer or two");
        }
        self.check_npcs()
    }

    /// ISACS 7.1.1: one NPC is the default; a single one has all records, several say which records each may use.
    fn check_npcs(&self) -> Result<(), TrustError> {
        let bad = |why| Err(TrustError::BadDocument { what: Document::PartA, why });
        let state = match &self.party {
            Party::Npc { state, npc: None } => *state,
            Party::Npc { npc: Some(_), .. } | Party::Org(_) if self.npcs.is_empty() => return Ok(()),
            Party::Npc { npc: Some(_), .. } | Party::Org(_) => {
                return bad("only a State's default NPC lists the State's NPCs");
            }
        };
        if !self.npcs.iter().all(|npc| npc.party.state() == Some(state)) {
            return bad("it lists an NPC of another State");
        }
        if !self.npcs.windows(2).all(|pair| pair[0].party < pair[1].party) {
            return bad("its NPCs are not in order, each once");
        }
        if !self.npcs.iter().any(|npc| npc.party == self.party) {
            return bad("it does not list the default NPC");
        }
        if self.npcs.len() == 1 && self.npcs[0].records != RecordScope::All {
            return bad("a single NPC has all records");
        }
        let empty = |npc: &Npc| matches!(&npc.records, RecordScope::Only(some) if some.is_empty());
        if self.npcs.iter().any(empty) {
            return bad("an NPC has no records");
        }
        Ok(())
    }
}

impl VerifiedPartA {
    /// Verifies all in a part A that does not depend on time; what does is checked at each use.
    ///
    /// `admitted` is the thumbprint by which the federation admitted the party; a root that follows it by links
    /// speaks for the party too.
    pub(in crate::trust) fn verify(
        bytes: &[u8],
        party: &Party,
        admitted: &Digest,
    ) -> Result<Self, TrustError> {
        let signed = SignedDocument::parse(Document::PartA, bytes)?;
        let part: PartA = signed.read()?;
        if part.party != *party {
            return Err(TrustError::UnexpectedParty { expected: party.clone(), found: part.party });
        }
        let verified = Self::trusting(part, signed.digest(), bytes.to_vec())?;
        if !verified.roots.iter().any(|root| root.certified.x5t == *admitted) {
            return Err(TrustError::WrongRoot { role: Role::Root, party: party.clone() });
        }
        let root = &verified.root().certified;
        if !signed.is_signed_by(&root.x5t.0, &root.key) {
            return Err(TrustError::BadSignature { role: Role::Root });
        }
        Ok(verified)
    }

    /// Checks everything but the signature and that the root is the one that was admitted.
    pub(in crate::trust) fn trusting(
        part: PartA,
        digest: Digest,
        bytes: Vec<u8>,
    ) -> Result<Self, TrustError> {
        super::in_range(Document::PartA, part.version)?;
        part.check()?;
        let roots = read_roots(&part)?;
        let current = roots.last().expect("part.check() demands a root");
        let revocations = match &part.revocations {
            Some(der) => Some(profile::revocations(&current.facts, der)?),
            None => None,
        };
        let read = |seal: &SealEntry| {
            let key = read_leaf(Role::Seal, &seal.certificate, &roots, revocations.as_ref())?;
            Ok(CertifiedKey { retired: seal.retired.clone(), ..key })
        };
        let seals = part.seals.iter().map(read).collect::<Result<Vec<_>, TrustError>>()?;
        Ok(Self { part, digest, bytes, roots, seals, revocations })
    }

    /// Returns the root that is in force.
    pub(in crate::trust) fn root(&self) -> &RootKey {
        self.roots.last().expect("part.check() demands a root")
    }
}

fn read_roots(part: &PartA) -> Result<Vec<RootKey>, TrustError> {
    let party = &part.party;
    let mut roots: Vec<RootKey> = Vec::new();
    for linked in &part.roots {
        let der = linked.certificate.as_slice();
        let facts = profile::root(party, der)?;
        let linked_soundly = match (roots.last(), &linked.link) {
            (None, None) => true,
            (Some(before), Some(link)) => {
                let signed = link_bytes(party, &before.facts.x5t, &facts.x5t);
                before.facts.key.verify(&signed, link).is_ok()
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !linked_soundly {
            return Err(TrustError::BadSignature { role: Role::Root });
        }
        let anchor = webpki::anchor_from_trusted_cert(&CertificateDer::from(der))
            .map_err(|e| TrustError::Malformed { what: "root certificate", why: format!("{e:?}") })?
            .to_owned();
        let certified =
            CertifiedKey { retired: linked.retired.clone(), ..CertifiedKey::of(&facts, der, None) };
        roots.push(RootKey { certified, facts, anchor });
    }
    Ok(roots)
}

/// What an old root signs to vouch for the new one; every part has a fixed or a written length.
fn link_bytes(party: &Party, old: &Digest, new: &Digest) -> Vec<u8> {
    let party = party.to_string();
    let length = (party.len() as u64).to_be_bytes();
    [b"valise root link v1\0".as_slice(), &length, party.as_bytes(), &old.0, &new.0].concat()
}
