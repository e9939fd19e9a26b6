use super::entry::PartyEntry;
use super::federation::{
    Document, Documents, Held, Holdings, Listed, MAX_LEAP, NationalList, Npc, PartB, Root, Route,
    SignedDocument, Snapshot, SplitView, Stock, VerifiedPartA, VerifiedPartB, VerifiedRoot, VerifiedSnapshot,
    is_further_npc,
};
use super::{Prekey, Role, TrustError, Usage, profile, twin_digest};
use crate::cose::{PqVerifyingKey, VerifyingKey};
use crate::model::{Country, DAY, Digest, Party, Timestamp};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most certificates above a gateway's own that a peer may send.
const MAX_INTERMEDIATES: usize = 2;
/// How far another State's clock may go before ours, in seconds.
const CLOCKS_DIFFER: i64 = DAY;

/// Whom this node knows, and by which root; trust stores of parties are never merged (DESIGN §6).
///
/// There is no other way to one than from documents whose signatures lead to the anchor: the digest of the
/// federation's first root document, which people compared out of band.
#[derive(Clone, Debug)]
pub struct Directory {
    me: Option<Party>,
    entries: BTreeMap<Party, PartyEntry>,
    chain: Arc<Chain>,
    national: NationalList,
}

/// All root documents from the first, and the snapshot in force.
#[derive(Clone, Debug)]
struct Chain {
    roots: Vec<VerifiedRoot>,
    snapshot: VerifiedSnapshot,
}

/// Whether the directory is as new as its signers promised to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh {
        /// The last second in which it is.
        until: Timestamp,
    },
    /// It is not: no new restricted release, but receiving and sending go on (DESIGN §6).
    Stale {
        /// Since when.
        since: Timestamp,
        /// Which document has expired: the root document or the snapshot.
        what: Document,
    },
}

impl Directory {
    /// Verifies a whole directory from its bytes, which may come from anywhere, and the anchor.
    ///
    /// `me` is the party that the reader speaks for; a verifier of evidence speaks for none. An expired snapshot
    /// is no error: see [`Self::freshness`].
    /// # Errors
    /// The first fault; `UnknownParty` if `me` is not in it.
    pub fn from_bundle(anchor: &Digest, bytes: &[u8], me: Option<&Party>) -> Result<Self, TrustError> {
        let documents = Documents::parse(bytes)?;
        let bad = |what, why| TrustError::BadDocument { what, why };
        let first = documents.roots.first().ok_or(bad(Document::Root, "there is none"))?;
        let roots = extend(vec![VerifiedRoot::first(anchor, first)?], &documents.roots[1..])?;
        let snapshot = documents.snapshot.as_ref().ok_or(bad(Document::Snapshot, "there is none"))?;
        let snapshot = VerifiedSnapshot::verify(snapshot, newest(&roots))?;
        let chain = Chain { roots, snapshot };
        let entries = Assembly { chain: &chain, known: &BTreeMap::new(), now: None }.entries(&documents)?;
        let directory = Self::of(chain, entries, me.cloned(), NationalList::default());
        match me {
            Some(me) if !directory.entries.contains_key(me) => Err(TrustError::UnknownParty(me.clone())),
            Some(_) | None => Ok(directory),
        }
    }

    /// Works news in: any of the documents, from anywhere. All checks pass or nothing changes (DESIGN §12.6).
    ///
    /// What is known already is passed over, older parts B too; a part A that no snapshot lists yet is not used.
    /// # Errors
    /// The first fault: `VersionFell`, `WrongVersion`, `Threshold`, `Omitted`, `MissingPart`, `FromTheFuture` and
    /// what the parts are refused for; `SplitView` with a proof if what is known is contradicted.
    pub fn update(&self, news: &Documents, now: Timestamp) -> Result<Self, TrustError> {
        let known = &self.chain;
        let roots = extend(known.roots.clone(), &news.roots)?;
        let root = newest(&roots);
        let snapshot = match &news.snapshot {
            Some(bytes) => next_snapshot(&known.snapshot, bytes, root, now)?,
            // The publishers of the new root document must stand behind the old snapshot, or send a new one.
            None => VerifiedSnapshot::verify(known.snapshot.bytes(), root)?,
        };
        let chain = Chain { roots, snapshot };
        let entries = Assembly { chain: &chain, known: &self.entries, now: Some(now) }.entries(news)?;
        Ok(Self::of(chain, entries, self.me.clone(), self.national.clone()))
    }

    /// Returns the whole directory as bytes: the same ones, whoever gives them.
    pub fn bundle(&self) -> Vec<u8> {
        let file = |bytes: &[u8]| ByteBuf::from(bytes.to_vec());
        let roots = self.chain.roots.iter().map(|root| file(root.bytes())).collect();
        let snapshot = Some(file(self.chain.snapshot.bytes()));
        let parts_a = self.entries.values().map(|e| file(e.part_a_file().0)).collect();
        let parts_b = self.entries.values().filter_map(|e| e.part_b_file()).map(|(b, _)| file(b)).collect();
        Documents { roots, snapshot, parts_a, parts_b }.to_bytes()
    }

    /// Tells what is held, in full.
    pub fn holdings(&self) -> Holdings {
        self.stock().holdings
    }

    /// Chooses what another holder lacks, in pieces each of which [`Self::update`] can work in by itself; nothing for
    /// a member of another federation.
    ///
    /// Of whoever tells nothing it is believed that it has the first root document only. `of` chooses whose part B may
    /// be among it; everybody's otherwise.
    pub fn news_for(&self, theirs: Option<&Holdings>, of: Option<&Party>) -> Vec<Documents> {
        self.stock().news_for(theirs, of)
    }

    fn stock(&self) -> Stock<'_> {
        let chain = &self.chain;
        let held = |entry: &PartyEntry| {
            let b = entry.part_b().zip(entry.part_b_file());
            let (version, digest) = b.map_or((0, Digest([0; 32])), |(part, file)| (part.version, file.1));
            Held(entry.part_a().version, version, digest)
        };
        let each: BTreeMap<Party, Held> = self.entries.iter().map(|(p, e)| (p.clone(), held(e))).collect();
        let digests: Vec<u8> = each
            .iter()
            .flat_map(|(party, held)| [Digest::of(&[party.to_string().as_bytes()]).0, held.2.0].concat())
            .collect();
        let root = newest(&chain.roots);
        let holdings = Holdings {
            root: (root.root().version, root.digest()),
            genesis: root.genesis(),
            snapshot: (self.version(), self.digest()),
            parts: Digest::of(&[b"valise parts b v1\0", &digests]),
            each: Some(each),
        };
        let parts = self.entries.iter().map(|(party, entry)| {
            (party, (entry.part_a_file().0, entry.part_b_file().map(|(bytes, _)| bytes)))
        });
        Stock {
            holdings,
            roots: chain.roots.iter().map(VerifiedRoot::bytes).collect(),
            snapshot: chain.snapshot.bytes(),
            parts: parts.collect(),
        }
    }

    /// Gives the same directory as another of its parties holds it.
    ///
    /// # Errors
    /// `UnknownParty` if it is none of them.
    pub fn seen_by(&self, me: &Party) -> Result<Self, TrustError> {
        self.known(me)?;
        Ok(Self { me: Some(me.clone()), ..self.clone() })
    }

    /// Narrows the directory by a national list, which takes the place of the one before.
    #[must_use]
    pub fn narrowed(self, national: NationalList) -> Self {
        Self { national, ..self }
    }

    /// Tells whether the directory is fresh at `now`.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        let chain = &self.chain;
        let (root, snapshot) = (newest(&chain.roots).root().expires, chain.snapshot.snapshot().expires);
        let (until, what) =
            if root < snapshot { (root, Document::Root) } else { (snapshot, Document::Snapshot) };
        if now <= until {
            Freshness::Fresh { until }
        } else {
            Freshness::Stale { since: until.saturating_add(1), what }
        }
    }

    /// Proves a split view to whoever holds this directory: the same signers have signed both.
    /// # Errors
    /// What one of the two is refused for.
    pub fn check_split(&self, split: &SplitView) -> Result<(), TrustError> {
        let none = |what| TrustError::BadDocument { what, why: "its signers are not those that we know" };
        let roots = &self.chain.roots;
        for bytes in [&split.a, &split.b] {
            match (split.what(), split.party()) {
                (Document::Root, _) => {
                    let before = usize::try_from(split.version()).ok().and_then(|v| v.checked_sub(2));
                    let before = before.and_then(|at| roots.get(at)).ok_or(none(Document::Root))?;
                    before.next(bytes)?;
                }
                (Document::Snapshot, _) => {
                    let signed = roots.iter().any(|root| VerifiedSnapshot::verify(bytes, root).is_ok());
                    signed.then_some(()).ok_or(none(Document::Snapshot))?;
                }
                (Document::PartA, Some(party)) => {
                    let root = &self.known(party)?.root().x5t;
                    VerifiedPartA::verify(bytes, party, root)?;
                }
                (Document::PartB, Some(party)) => {
                    VerifiedPartB::verify(bytes, self.known(party)?.parts().0)?;
                }
                (what @ (Document::PartA | Document::PartB), None) => return Err(none(what)),
            }
        }
        Ok(())
    }

    /// Returns the party that this node speaks for; none for a verifier of evidence.
    pub const fn me(&self) -> Option<&Party> {
        self.me.as_ref()
    }

    /// Returns the version of the snapshot, which only rises.
    pub fn version(&self) -> u64 {
        self.chain.snapshot.snapshot().version
    }

    /// Returns the digest of the snapshot: an equal version with another digest proves a split view.
    pub fn digest(&self) -> Digest {
        self.chain.snapshot.digest()
    }

    /// Returns the digest of the federation's first root document.
    pub fn anchor(&self) -> Digest {
        newest(&self.chain.roots).genesis()
    }

    /// Returns the root document in force.
    pub fn root(&self) -> &Root {
        newest(&self.chain.roots).root()
    }

    /// Returns the snapshot in force.
    pub fn snapshot(&self) -> &Snapshot {
        self.chain.snapshot.snapshot()
    }

    /// Returns the national list.
    pub const fn national_list(&self) -> &NationalList {
        &self.national
    }

    /// Returns all parties in order, this node's own among them.
    pub fn parties(&self) -> impl Iterator<Item = &Party> {
        self.entries.keys()
    }

    /// Finds a party.
    /// # Errors
    /// `UnknownParty`, or `UnlistedNpc` if the State's default NPC does not list it (ISACS 7.1.1).
    pub fn entry(&self, party: &Party) -> Result<&PartyEntry, TrustError> {
        let entry = self.known(party)?;
        match is_further_npc(party) {
            Some((state, _)) => {
                let listed = self.npcs(state).iter().any(|npc| npc.party == *party);
                listed.then_some(entry).ok_or_else(|| TrustError::UnlistedNpc(party.clone()))
            }
            None => Ok(entry),
        }
    }

    /// Lists the NPCs of a State, as its default NPC's part A does (ISACS 7.1.1); none for a State that is no member.
    pub fn npcs(&self, state: Country) -> &[Npc] {
        let default = Party::Npc { state, npc: None };
        self.entries.get(&default).map_or(&[], |entry| &entry.part_a().npcs)
    }

    /// Returns where a party's gateway is reached, best first.
    pub fn routes(&self, party: &Party) -> &[Route] {
        self.entries.get(party).and_then(PartyEntry::part_b).map_or(&[], |part| &part.routes)
    }

    /// Tells which party a gateway's certificate speaks for, after all checks.
    ///
    /// The certificate's name tells which party it claims; that party's own root alone is asked.
    /// # Errors
    /// The first cause of refusal.
    pub fn verify_gateway(
        &self,
        end_entity: &[u8],
        intermediates: &[&[u8]],
        usage: Usage,
        now: Timestamp,
    ) -> Result<Party, TrustError> {
        if intermediates.len() > MAX_INTERMEDIATES {
            let why = format!("{} certificates above the gateway's own", intermediates.len());
            return Err(TrustError::Malformed { what: "certificate path", why });
        }
        let party = profile::claimed_party(Role::Gateway, end_entity)?;
        self.spoken_with(&party, now)?.check_gateway(end_entity, intermediates, usage, now)?;
        Ok(party)
    }

    /// Finds the seal key with this thumbprint, if it held at `at`, the instant of its use.
    /// # Errors
    /// `UnknownParty`, `UnknownKey`, `Suspended`, `RefusedNationally`, `Revoked`, `Retired`, `Compromised`,
    /// `NotYetValid` or `Expired`. [`PartyEntry::certificate`] tells of a key whatever has become of it.
    pub fn seal_key(&self, party: &Party, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.spoken_with(party, at)?.seal_key(x5t, at)
    }

    /// Finds the log key with this thumbprint, if it held at `at`, the instant of its use.
    /// # Errors
    /// As for `seal_key`.
    pub fn log_key(&self, party: &Party, x5t: &Digest, at: Timestamp) -> Result<VerifyingKey, TrustError> {
        self.spoken_with(party, at)?.log_key(x5t, at)
    }

    /// Checks that a key is the ML-DSA-65 twin of the log key with this thumbprint: the directory lists its digest, and the
    /// key itself, which is long, comes with what it has signed.
    /// # Errors
    /// `UnknownParty`, or `UnknownKey` if there is no such log key or its twin is another.
    pub fn check_log_twin(
        &self,
        party: &Party,
        x5t: &Digest,
        twin: &PqVerifyingKey,
    ) -> Result<(), TrustError> {
        let unknown = || TrustError::UnknownKey { party: party.clone(), role: Role::Log, x5t: *x5t };
        let listed = self.known(party)?.certificate(Role::Log, x5t)?.twin;
        (listed == Some(twin_digest(twin))).then_some(()).ok_or_else(unknown)
    }

    /// Finds the newest prekey to which a message for `party` may be sealed now.
    /// # Errors
    /// `UnknownParty`, `Suspended`, `RefusedNationally` or `NoPrekey`.
    pub fn prekey(&self, party: &Party, now: Timestamp) -> Result<&Prekey, TrustError> {
        self.spoken_with(party, now)?.prekey(now)
    }

    /// Finds a party with which the national list lets this State exchange at `at`.
    fn spoken_with(&self, party: &Party, at: Timestamp) -> Result<&PartyEntry, TrustError> {
        match self.national.refusal(party, at) {
            Some(refusal) => Err(TrustError::RefusedNationally {
                party: party.clone(),
                since: refusal.since,
                reason: refusal.reason.clone(),
            }),
            None => self.entry(party),
        }
    }

    fn known(&self, party: &Party) -> Result<&PartyEntry, TrustError> {
        self.entries.get(party).ok_or_else(|| TrustError::UnknownParty(party.clone()))
    }

    fn of(
        chain: Chain,
        entries: BTreeMap<Party, PartyEntry>,
        me: Option<Party>,
        national: NationalList,
    ) -> Self {
        Self { me, entries, chain: Arc::new(chain), national }
    }
}

fn newest(roots: &[VerifiedRoot]) -> &VerifiedRoot {
    roots.last().expect("a chain begins with version 1")
}

/// Lengthens a chain of root documents by those that follow it.
fn extend(mut roots: Vec<VerifiedRoot>, more: &[ByteBuf]) -> Result<Vec<VerifiedRoot>, TrustError> {
    for bytes in more {
        let signed = SignedDocument::parse(Document::Root, bytes)?;
        let version = signed.read::<Root>()?.version;
        let at = usize::try_from(version).unwrap_or(usize::MAX);
        match at.checked_sub(1).and_then(|at| roots.get(at)) {
            Some(known) if known.digest() == signed.digest() => {}
            Some(known) => {
                let (expected, found) = (roots[0].digest(), signed.digest());
                let before = at.checked_sub(2).and_then(|at| roots.get(at));
                // Only what the signers have signed contradicts them.
                before.ok_or(TrustError::WrongAnchor { expected, found })?.next(bytes)?;
                return Err(TrustError::SplitView(Box::new(SplitView::new(known.bytes(), bytes)?)));
            }
            None => {
                let next = newest(&roots).next(bytes)?;
                roots.push(next);
            }
        }
    }
    Ok(roots)
}

fn next_snapshot(
    known: &VerifiedSnapshot,
    bytes: &[u8],
    root: &VerifiedRoot,
    now: Timestamp,
) -> Result<VerifiedSnapshot, TrustError> {
    let what = Document::Snapshot;
    let new = VerifiedSnapshot::verify(bytes, root)?;
    if new.snapshot().version == known.snapshot().version {
        if new.digest() != known.digest() {
            return Err(TrustError::SplitView(Box::new(SplitView::new(known.bytes(), bytes)?)));
        }
        return Ok(new);
    }
    new.follows(known, root)?;
    check_time(what, new.snapshot().issued, now)?;
    Ok(new)
}

fn check_time(what: Document, issued: Timestamp, now: Timestamp) -> Result<(), TrustError> {
    if issued > now.saturating_add(CLOCKS_DIFFER) {
        return Err(TrustError::FromTheFuture { what, issued });
    }
    Ok(())
}

/// Puts entries together from what is known and what is new.
struct Assembly<'a> {
    chain: &'a Chain,
    known: &'a BTreeMap<Party, PartyEntry>,
    /// The present time where news is worked in; a whole directory is read as of no time.
    now: Option<Timestamp>,
}

impl Assembly<'_> {
    fn entries(&self, news: &Documents) -> Result<BTreeMap<Party, PartyEntry>, TrustError> {
        let mut parts_a = BTreeMap::new();
        for bytes in &news.parts_a {
            parts_a.insert(SignedDocument::parse(Document::PartA, bytes)?.digest(), bytes.as_slice());
        }
        let mut parts_b: BTreeMap<Party, Vec<&[u8]>> = BTreeMap::new();
        for bytes in &news.parts_b {
            parts_b.entry(PartB::read_unproved(bytes)?.party).or_default().push(bytes);
        }
        let root = newest(&self.chain.roots).root();
        let mut entries = BTreeMap::new();
        for (party, listed) in &self.chain.snapshot.snapshot().parties {
            // A publisher alone admits nobody.
            let Some(admitted) = root.admitted.get(party) else { continue };
            let a = self.part_a(party, *listed, admitted, &parts_a)?;
            let b = self.part_b(party, &a, parts_b.get(party).map_or(&[], Vec::as_slice))?;
            let suspension = root.suspended.get(party).cloned();
            entries.insert(party.clone(), PartyEntry::new(a, b, suspension));
        }
        Ok(entries)
    }

    fn part_a(
        &self,
        party: &Party,
        listed: Listed,
        admitted: &Digest,
        news: &BTreeMap<Digest, &[u8]>,
    ) -> Result<Arc<VerifiedPartA>, TrustError> {
        let known = self.known.get(party).map(|entry| entry.parts().0);
        if let Some(known) = known.filter(|known| known.digest == listed.part_a) {
            // The party may have been admitted anew, by another root.
            if known.roots.iter().any(|root| root.certified.x5t == *admitted) {
                return Ok(Arc::clone(known));
            }
        }
        let bytes = news.get(&listed.part_a).ok_or_else(|| TrustError::MissingPart(party.clone()))?;
        let a = VerifiedPartA::verify(bytes, party, admitted)?;
        if a.part.version != listed.version {
            let why = "its version is not the one that the snapshot lists";
            return Err(TrustError::BadDocument { what: Document::PartA, why });
        }
        match known {
            Some(known) if known.part.version == a.part.version && known.digest != a.digest => {
                Err(TrustError::SplitView(Box::new(SplitView::new(&known.bytes, bytes)?)))
            }
            Some(_) | None => Ok(Arc::new(a)),
        }
    }

    fn part_b(
        &self,
        party: &Party,
        a: &Arc<VerifiedPartA>,
        news: &[&[u8]],
    ) -> Result<Option<Arc<VerifiedPartB>>, TrustError> {
        let before = self.known.get(party).and_then(|entry| {
            let (old_a, b) = entry.parts();
            let b = b?;
            if Arc::ptr_eq(old_a, a) {
                return Some(Arc::clone(b));
            }
            // A part B whose seal part A lists no longer is gone with it.
            VerifiedPartB::verify(&b.bytes, a).ok().map(Arc::new)
        });
        let mut newest = before;
        for bytes in news {
            let signed = SignedDocument::parse(Document::PartB, bytes)?;
            let version = signed.read::<PartB>()?.version;
            let known = newest.as_ref().map_or(0, |b| b.part.version);
            if version < known || newest.as_ref().is_some_and(|b| b.digest == signed.digest()) {
                continue;
            }
            let b = VerifiedPartB::verify(bytes, a)?;
            if let Some(same) = newest.as_ref().filter(|_| version == known) {
                return Err(TrustError::SplitView(Box::new(SplitView::new(&same.bytes, bytes)?)));
            }
            if let Some(now) = self.now {
                // A restored gateway goes on from the instant of its restore in seconds.
                let reach = known.max(u64::try_from(now.unix()).unwrap_or(0));
                if version > reach.saturating_add(MAX_LEAP) {
                    return Err(TrustError::VersionLeaps { what: Document::PartB, found: version });
                }
                check_time(Document::PartB, b.part.issued, now)?;
                let seal = a.seals.iter().find(|seal| seal.x5t == b.seal);
                seal.map_or(Ok(()), |seal| seal.check(Role::Seal, now))?;
            }
            newest = Some(Arc::new(b));
        }
        Ok(newest)
    }
}
