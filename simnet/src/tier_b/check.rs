//! Watches whole nodes from outside: what they hold is compared with what they said, with one another and
//! with the law.

use super::node::Node;
use crate::check::{Rule, Violation, made, seen};
use crate::federation::{Federation, Keys};
use crate::heap::Millis;
use crate::reference::{Reference, may_give};
use std::collections::{BTreeMap, BTreeSet};
use valise::case;
use valise::case::{ActRecord, Case, Direction};
use valise::control::ReleaseShown;
use valise::model::{CaseId, Digest, MessageId, Party, Timestamp};
use valise::node::Gateway;
use valise::rules::deadline::Warning;
use valise::store::{IndexChoice, Ledger, Mode, StoreOptions};
use valise::vault::BodyKey;
use zeroize::Zeroizing;

/// The watcher of a run.
#[derive(Default)]
pub struct Watcher {
    violation: Option<Violation>,
    counts: BTreeMap<Rule, u64>,
    now: Millis,
    /// Acts that an officer was told were made: by whom, in which case.
    promised: BTreeMap<Digest, (usize, CaseId)>,
    made: BTreeMap<Digest, (usize, CaseId, ActRecord)>,
    kept: BTreeMap<(usize, Digest), Timestamp>,
    attested: BTreeMap<Digest, (usize, Timestamp)>,
    ids: BTreeMap<(Party, MessageId), Digest>,
    heads: BTreeMap<(Party, Party, u64), Digest>,
    shown: BTreeMap<String, u32>,
    /// The versions of root document and snapshot that a node held when it was last looked at.
    held: BTreeMap<usize, (u64, u64)>,
    /// Under which root document a node held a party to be suspended, and how many of its acts it had then.
    shut: BTreeMap<(usize, Party), (u64, usize)>,
}

impl Watcher {
    /// Returns what went wrong first.
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Returns how often each rule was checked.
    pub const fn counts(&self) -> &BTreeMap<Rule, u64> {
        &self.counts
    }

    /// Returns the acts that were made.
    pub fn acts(&self) -> impl Iterator<Item = &ActRecord> {
        self.made.values().map(|(_, _, record)| record)
    }

    /// Moves the clock by which violations are dated.
    pub const fn at(&mut self, now: Millis) {
        self.now = now;
    }

    /// An officer was told that an act is made.
    pub fn promised(&mut self, node: usize, case: CaseId, digest: Digest) {
        self.promised.insert(digest, (node, case));
    }

    /// A node that should start does not.
    pub fn damaged(&mut self, node: usize, words: &str) {
        self.require(Rule::Survives, false, || format!("node {node} does not start: {words}"));
    }

    /// Something still waits long after the last fault has ended.
    pub fn unhealed(&mut self, words: impl FnOnce() -> String) {
        self.require(Rule::NoneLost, false, words);
    }

    /// An officer was shown what a permit opens: it must be in what the disk would hold after a crash now.
    pub fn shown(&mut self, federation: &Federation, (number, node): (usize, &Node), shown: &ReleaseShown) {
        let case = durable_case(federation, number, node, &shown.case);
        let id = shown.id.parse().ok();
        let permit = id.as_ref().and_then(|id| case.as_ref()?.permit(id)).cloned();
        let used = id.as_ref().is_some_and(|id| case.as_ref().is_some_and(|c| c.permit_use(id).is_some()));
        self.require(Rule::PermitFirst, permit.is_some() && used, || {
            format!("{}: {} was shown and is not in the journal", shown.case, shown.id)
        });
        let times = self.shown.entry(format!("{number} {}", shown.id)).or_default();
        *times += 1;
        let once = *times == 1;
        self.require(Rule::PermitFirst, once, || format!("{}: {} was used again", shown.case, shown.id));
        let (Some(case), Some(permit)) = (case, permit) else { return };
        for element in &permit.elements {
            let label = case.label(&element.act, &element.path).cloned().unwrap_or_default();
            let may = may_give(&label, &permit.to, permit.purpose, shown.shown_at);
            self.require(Rule::PermitFirst, may, || {
                format!("{}: {} gives {} to {}", shown.case, shown.id, element.path, permit.to.name)
            });
        }
    }

    /// Looks at everything that the nodes hold, those that are on.
    pub fn look(&mut self, federation: &Federation, nodes: &[Node]) {
        let on = |node: &Node| node.post().map(|post| std::sync::Arc::clone(&post.gateway));
        let gateways: Vec<_> = nodes.iter().map(on).collect();
        for (number, gateway) in gateways.iter().enumerate() {
            let Some(gateway) = gateway else { continue };
            self.directory(number, gateway);
            self.heads(federation, number, gateway);
            for slot in gateway.desk.page(None, usize::MAX).unwrap_or_default() {
                let case = slot.read();
                let Some(id) = case.opening().map(|opening| opening.case.clone()) else { continue };
                case.acts().for_each(|record| self.record(number, &id, record));
            }
        }
        let on = (0..gateways.len()).filter(|number| gateways[*number].is_some()).collect();
        for (number, gateway) in gateways.iter().enumerate() {
            if let Some(gateway) = gateway {
                self.receipts(federation, number, gateway, &on);
            }
        }
        for (digest, (node, id)) in self.promised.clone() {
            let Some(gateway) = &gateways[node] else { continue };
            let there = holds(gateway, &id, &digest).is_some();
            self.require(Rule::Survives, there, || {
                format!("{id}: node {node} told its officer that {digest} was made, and has lost it")
            });
        }
        for (digest, (by, at)) in self.attested.clone() {
            let (Some(gateway), Some((_, id, _))) = (&gateways[by], self.made.get(&digest)) else { continue };
            let (id, kept) = (id.clone(), holds(gateway, id, &digest));
            self.require(Rule::Survives, kept.is_some(), || {
                format!("{id}: node {by} gave a receipt for {digest} and has lost it")
            });
            self.require(Rule::ReceivedOnce, kept.is_none_or(|kept| kept == at), || {
                format!("{id}: the receipt for {digest} says {at}, node {by} has it as of {kept:?}")
            });
        }
    }

    /// What a node holds of the federation only rises, and whom it holds to be suspended is not heard meanwhile.
    fn directory(&mut self, number: usize, gateway: &Gateway) {
        let directory = gateway.directory();
        let held = (directory.root().version, directory.version());
        let before = self.held.insert(number, held);
        let rises = before.is_none_or(|before| before.0 <= held.0 && before.1 <= held.1);
        self.require(Rule::DirectoryRises, rises, || {
            format!("node {number} held root and snapshot {before:?}, and holds {held:?}")
        });
        for party in directory.root().suspended.keys().filter(|party| *party != gateway.me()) {
            let taken = acts_of(gateway, party);
            // One version of the root document has one list of the suspended.
            let before = self.shut.insert((number, party.clone()), (held.0, taken));
            let Some((_, had)) = before.filter(|(root, _)| *root == held.0) else { continue };
            self.require(Rule::Suspended, taken == had, || {
                format!("node {number} had {had} acts of {party}, and has {taken}, while it is suspended")
            });
        }
    }

    /// Everything has healed: each act is where it belongs, and both sides see what the law says.
    pub fn converged(&mut self, federation: &Federation, nodes: &[Node]) {
        self.look(federation, nodes);
        let mut law = Reference::default();
        for (digest, (by, id, record)) in in_order(&self.made) {
            let gateway = nodes[by].post().map(|post| &post.gateway);
            let peer = gateway.and_then(|gateway| opening_peer(gateway, &id));
            let Some(to) = peer.and_then(|peer| federation.number(&peer)) else { continue };
            let kept = self.kept.get(&(to, digest)).copied();
            let receipted = self.attested.contains_key(&digest);
            self.require(Rule::NoneLost, kept.is_some(), || format!("{id}: {digest} never arrived"));
            self.require(Rule::NoneLost, receipted, || format!("{id}: {digest} never got its receipt"));
            let mut act = made(by, to, &record);
            (act.kept, act.receipted) = (kept, receipted);
            law.made(&id, act);
        }
        for id in law.cases().cloned().collect::<Vec<_>>() {
            self.agree(&law, &id, nodes);
        }
    }

    fn agree(&mut self, law: &Reference, id: &CaseId, nodes: &[Node]) {
        let Some((asker, asked)) = law.parties(id) else { return };
        let gateways = [asker, asked].map(|side| nodes[side].post().map(|post| &post.gateway));
        let [Some(mine), Some(theirs)] = gateways else { return };
        // Both are asked at one instant, so that only what they hold can make a difference.
        let now = mine.now().max(theirs.now());
        let views = [mine, theirs].map(|gateway| view(gateway, id, now));
        let [Some(first), Some(second)] = &views else {
            return self.require(Rule::SameFold, false, || format!("{id}: one side has no such case"));
        };
        for (side, view) in [(asker, first), (asked, second)] {
            let (expected, shown) = (law.expect(id, side, now), seen(view));
            self.require(Rule::SameFold, expected == shown, || {
                format!("{id}, node {side}: sees {shown:?}, the law says {expected:?}")
            });
        }
        let same =
            (first.state, &first.clocks, &first.items) == (second.state, &second.clocks, &second.items);
        self.require(Rule::SameFold, same, || format!("{id}: the sides do not agree"));
    }

    fn record(&mut self, node: usize, id: &CaseId, record: &ActRecord) {
        let header = &record.facts.header;
        let digest = header.digest;
        let first = *self.ids.entry((header.issuer.clone(), header.message_id)).or_insert(digest);
        self.require(Rule::OneDigest, first == digest, || {
            format!("{id}: {} used one message id for {first} and {digest}", header.issuer)
        });
        if record.direction == Direction::Sent {
            self.made.entry(digest).or_insert_with(|| (node, id.clone(), record.clone()));
            return;
        }
        let at = *self.kept.entry((node, digest)).or_insert(record.at);
        self.require(Rule::ReceivedOnce, at == record.at, || {
            format!("{id}: node {node} received {digest} at {at}, and then at {}", record.at)
        });
        let Some((_, _, made)) = self.made.get(&digest).cloned() else { return };
        self.require(Rule::SameFold, made.facts == record.facts, || {
            format!("{id}: {digest} is kept otherwise than it was made")
        });
    }

    /// What a node takes for receipted, its peer must hold.
    fn receipts(&mut self, federation: &Federation, number: usize, gateway: &Gateway, on: &BTreeSet<usize>) {
        for slot in gateway.desk.page(None, usize::MAX).unwrap_or_default() {
            let case = slot.read();
            let Some(seen) = case::view(&case, gateway.now(), Warning { ack: 0, respond: 0 }) else {
                continue;
            };
            let Some(peer) = federation.number(&seen.peer) else { continue };
            for act in seen.acts {
                if act.direction == Direction::Received {
                    // A maker that is off cannot be asked.
                    let known = self.made.contains_key(&act.digest) || !on.contains(&peer);
                    self.require(Rule::VerifiedFirst, known, || {
                        format!("{}: node {number} has {} of nobody", seen.case, act.digest)
                    });
                    continue;
                }
                let Some(at) = act.arrived_at else { continue };
                let (_, first) = *self.attested.entry(act.digest).or_insert((peer, at));
                self.require(Rule::ReceivedOnce, first == at, || {
                    format!("{}: {} has receipts of {first} and {at}", seen.case, act.digest)
                });
            }
        }
    }

    fn heads(&mut self, federation: &Federation, number: usize, gateway: &Gateway) {
        let me = &federation.members[number].party;
        for peer in federation.members[number].acquainted.iter().map(|at| &federation.members[*at].party) {
            let Ok((mine, theirs)) = gateway.ledger.heads(peer) else { continue };
            for (owner, about, head) in [(me, peer, mine), (peer, me, theirs)] {
                let Some(head) = head else { continue };
                let key = (owner.clone(), about.clone(), head.size);
                let first = *self.heads.entry(key).or_insert(head.root);
                self.require(Rule::OneHead, first == head.root, || {
                    format!("{owner} signed two heads of size {} about {about}", head.size)
                });
            }
        }
    }

    fn require(&mut self, rule: Rule, holds: bool, words: impl FnOnce() -> String) {
        *self.counts.entry(rule).or_default() += 1;
        if !holds && self.violation.is_none() {
            self.violation = Some(Violation { rule, at: self.now, words: words() });
        }
    }
}

/// An act that was made: by whom, in which case.
type Made = (usize, CaseId, ActRecord);

/// Puts acts into an order in which each follows all that it rests on: the law asks which was said last.
fn in_order(made: &BTreeMap<Digest, Made>) -> Vec<(Digest, Made)> {
    let mut ordered = Vec::new();
    let mut left = made.clone();
    while !left.is_empty() {
        let rests = |record: &ActRecord| record.facts.needs().iter().any(|need| left.contains_key(need));
        let next: Vec<Digest> =
            left.iter().filter(|(_, (_, _, record))| !rests(record)).map(|(digest, _)| *digest).collect();
        assert!(!next.is_empty(), "no act rests on itself, since it would hold its own digest");
        ordered.extend(next.into_iter().filter_map(|digest| left.remove_entry(&digest)));
    }
    ordered
}

/// Shows a case as a node sees it at an instant.
pub fn view(gateway: &Gateway, id: &CaseId, now: Timestamp) -> Option<case::View> {
    let slot = gateway.desk.known(id).ok()??;
    let case = slot.read();
    case::view(&case, now, Warning { ack: 0, respond: 0 })
}

fn opening_peer(gateway: &Gateway, id: &CaseId) -> Option<Party> {
    let slot = gateway.desk.known(id).ok()??;
    let case = slot.read();
    Some(case.opening()?.peer.clone())
}

/// Returns since when a node holds an act; `None` if it does not.
/// Counts what a node has received of a party.
fn acts_of(gateway: &Gateway, party: &Party) -> usize {
    let mut count = 0;
    for slot in gateway.desk.page(None, usize::MAX).unwrap_or_default() {
        let case = slot.read();
        count += case
            .acts()
            .filter(|r| r.direction == Direction::Received && r.facts.header.issuer == *party)
            .count();
    }
    count
}

fn holds(gateway: &Gateway, id: &CaseId, digest: &Digest) -> Option<Timestamp> {
    let slot = gateway.desk.known(id).ok()??;
    let case = slot.read();
    Some(case.act(digest)?.at)
}

/// Reads a case as a node would find it if its power went now.
fn durable_case(federation: &Federation, number: usize, node: &Node, id: &CaseId) -> Option<Case> {
    let disk = node.disk.copy();
    disk.crash(|_, _| 0);
    let mut options = StoreOptions::new(std::sync::Arc::new(disk), IndexChoice::Memory);
    options.mode = Mode::Inline;
    let ring = federation.ring(number, Keys::first());
    let entropy = Box::new(crate::draw::Draw::new(0, "unused", &[]));
    let logs = valise::evidence::LogBook::new(ring.party, ring.log, entropy);
    let body_key = BodyKey::new(Zeroizing::new(federation.body_key(number)));
    Ledger::open(options, logs, body_key).ok()?.0.case(id).ok()?
}
