//! States that fork their log, give two receipts, backdate, postdate, deny or use an identity twice: the seed draws who lies, how
//! and when, and the honest side's dossier convicts each of them before somebody who trusts neither (DESIGN §12.4, 5, 12, 13). Mistakes
//! that are planted in the honest gateways show that the checks bite: a liar goes free, or somebody honest is convicted.

#[macro_use]
#[path = "common/planted.rs"]
mod planted;

use serde_bytes::ByteBuf;
use simnet::federation::{Federation, Member, START};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use valise::envelope::{Content, GatewayWord, Heads, StatementDraft};
use valise::evidence::dossier::{DOSSIER_VERSION, Dossier, DossierReport, LogProof, Severity, verify};
use valise::evidence::{
    Accusation, Anchor, AuditAnswer, Checkpoint, Contradiction, Direction, Entry, HeadClaim, Leaf, Log,
    LogBook, LogKeys, MerkleLog, ProvedHead, ProvedLeaf, Receipt, TrustAnchor,
};
use valise::model::{
    Acknowledgement, Act, CaseId, Clarification, ClarificationRequest, DAY, Digest, DirectoryRef, Entropy,
    Head, MessageId, Party, Sensitive, Timestamp,
};
use valise::offline::requests::{Example, example, parse_request};
use valise::trust::Directory;

const SEEDS: u64 = 120;

static FEDERATION: LazyLock<Federation> =
    LazyLock::new(|| Federation::new(2, 1).expect("States can be made"));

/// What a liar does, once in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lie {
    None,
    /// It names a head of its log that is not the one it has shown.
    Fork,
    /// It attests another instant for an act that it has attested already.
    SecondReceipt,
    /// It dates an act before what the act cites.
    Backdate,
    /// It dates an act after the other side had it.
    Postdate,
    /// It shows a log without an act for which it gave a receipt.
    Deny,
    /// It uses a message id for two statements.
    Equivocate,
}

impl Lie {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Fork,
        Self::SecondReceipt,
        Self::Backdate,
        Self::Postdate,
        Self::Deny,
        Self::Equivocate,
    ];

    /// The finding that convicts it.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Fork | Self::Deny => Some("fork"),
            Self::SecondReceipt => Some("receipt-conflict"),
            Self::Backdate => Some("backdated"),
            Self::Postdate => Some("postdated"),
            Self::Equivocate => Some("equivocation"),
        }
    }
}

/// What must hold, by its number in DESIGN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// §12.4: one instant of receipt for one act.
    ReceivedOnce,
    /// §12.5: both sides get equal due dates.
    SameFold,
    /// §12.12: one digest per message id.
    OneDigest,
    /// §12.13: no two inconsistent heads.
    OneHead,
    /// §7: an act is dated within its bounds.
    Bounds,
    /// §7: the dossier of an honest State is valid.
    Sound,
}

impl Rule {
    /// The rule that a finding says was broken.
    fn of(code: &str) -> Self {
        match code {
            "receipt-conflict" => Self::ReceivedOnce,
            "equivocation" => Self::OneDigest,
            "fork" => Self::OneHead,
            "backdated" | "postdated" | "impossible-time" => Self::Bounds,
            _ => Self::Sound,
        }
    }
}

/// A mistake of gateways that are honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// A duplicate is attested again, at the instant at which it came again.
    AttestsAgain,
    /// Of an act's receipts the first one alone is kept.
    KeepsOneReceipt,
    /// The receipts that the other side gave are not in the dossier.
    LosesReceipts,
    /// The generator gives the message id that it gave before.
    RepeatsIdentity,
    /// A statement under a message id that is known already is dropped.
    DropsSecond,
    /// After a crash the newest leaf, of which a receipt was given, is gone from the log, which goes on without it.
    ForgetsLeaf,
    /// The answer to an audit is not compared with the receipts that are held.
    ComparesNoAnswer,
    /// Each head names a log of its own.
    RenamesLog,
    /// A statement cites neither acts nor heads of the other side.
    CitesNothing,
    /// The clock is set to what the other side says.
    FollowsPeersClock,
}

impl Mistake {
    const ALL: [Self; 10] = [
        Self::AttestsAgain,
        Self::KeepsOneReceipt,
        Self::LosesReceipts,
        Self::RepeatsIdentity,
        Self::DropsSecond,
        Self::ForgetsLeaf,
        Self::ComparesNoAnswer,
        Self::RenamesLog,
        Self::CitesNothing,
        Self::FollowsPeersClock,
    ];
}

/// A counter hashed with SHA-256: what it draws depends on the seed alone.
struct Dice(u64, u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes) % n
    }
}

impl Entropy for Dice {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.1 += 1;
            let block = Digest::of(&[&self.0.to_be_bytes(), &self.1.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// One State with its log about the other.
struct Side<'f> {
    member: &'f Member,
    peer: &'f Member,
    book: LogBook,
    log: MerkleLog,
    leaves: Vec<Leaf>,
    seen: Option<Head>,
    seed: u64,
}

impl<'f> Side<'f> {
    fn new(member: &'f Member, peer: &'f Member, seed: u64) -> Self {
        let ring = &member.ring;
        let book = LogBook::new(ring.party.clone(), ring.log.clone(), Box::new(Dice(seed, 0)));
        Self { member, peer, book, log: MerkleLog::default(), leaves: Vec::new(), seen: None, seed }
    }

    /// Loses its newest leaf; the log keeps its name.
    fn forget(&mut self) {
        let mut leaves = std::mem::take(&mut self.leaves);
        leaves.pop();
        let seen = self.seen;
        *self = Self { seen, ..Self::new(self.member, self.peer, self.seed) };
        for leaf in leaves {
            self.add(leaf, false);
        }
    }

    fn add(&mut self, leaf: Leaf, receipt: bool) -> Option<Receipt> {
        self.leaves.push(leaf.clone());
        let entry = Entry { peer: self.peer.party.clone(), leaf, receipt };
        let sealed = self.book.seal_group(&[entry]).expect("leaves have an encoding");
        for new in sealed.leaves {
            self.log.append(new.leaf);
        }
        sealed.receipts.into_iter().next().flatten()
    }

    fn head(&self) -> Option<Head> {
        (self.log.size() > 0).then(|| self.log.head().expect("it is in memory"))
    }

    fn proof(&self, at: Timestamp) -> LogProof {
        let head = self.head().expect("it has leaves");
        let (owner, peer) = (self.member.party.clone(), self.peer.party.clone());
        let anchor = Anchor::sign(&Checkpoint { owner, peer, head, at }, &LogKeys::of(&self.member.ring));
        let sizes: Vec<u64> = (1..head.size).collect();
        LogProof {
            anchor: anchor.expect("an anchor has an encoding"),
            leaves: (0..head.size).map(|at| ProvedLeaf::of(&self.log, at).expect("it is there")).collect(),
            heads: ProvedHead::all_of(&self.log, &sizes).expect("it is in memory"),
        }
    }
}

/// One case of a seed.
struct Play<'f> {
    sides: [Side<'f>; 2],
    dice: Dice,
    case: CaseId,
    liar: usize,
    lie: Lie,
    mistake: Option<Mistake>,
    now: Timestamp,
    said: Vec<(usize, Digest, Content, MessageId)>,
    /// Each with the side that gave it.
    receipts: Vec<(usize, Receipt)>,
    alarms: Vec<ByteBuf>,
    told: bool,
}

impl<'f> Play<'f> {
    fn new(federation: &'f Federation, seed: u64, mistake: Option<Mistake>) -> Self {
        let mut dice = Dice(seed, 0);
        let [a, b] = [&federation.members[0], &federation.members[1]];
        let lie = Lie::ALL[usize::try_from(seed).expect("few") % Lie::ALL.len()];
        Self {
            sides: [Side::new(a, b, seed * 2), Side::new(b, a, seed * 2 + 1)],
            case: CaseId::mint(&a.party, 2027, 1),
            liar: usize::try_from(dice.below(2)).expect("few"),
            dice,
            lie,
            mistake,
            now: a_while_ago(),
            said: Vec::new(),
            receipts: Vec::new(),
            alarms: Vec::new(),
            told: false,
        }
    }

    fn errs(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// What a statement cites: the act before it, and heads of both logs.
    fn cited(&mut self, from: usize, forked: bool) -> (Vec<Digest>, Heads) {
        let mut mine = self.sides[from].head();
        if forked {
            mine = mine.map(|head| Head { root: Digest::of(&[b"another root"]), ..head });
        }
        if self.errs(Mistake::RenamesLog) {
            let name = MessageId::random(&mut self.dice);
            mine = mine.map(|head| Head { log: Digest::of(&[&name.0]), ..head });
        }
        if self.errs(Mistake::CitesNothing) {
            return (Vec::new(), Heads(mine, None));
        }
        let before = self.said.last().map(|(_, digest, ..)| *digest);
        (before.into_iter().collect(), Heads(mine, self.sides[from].seen))
    }

    /// Says an act; its receipt comes after a while.
    fn say(&mut self, from: usize, act: Act) -> Digest {
        let wait = i64::try_from(self.dice.below(3 * 86_400)).expect("few");
        self.now = self.now.saturating_add(DAY + wait);
        let last = self.said.len() >= 3 && from == self.liar && !self.told;
        let lies = |lie| last && self.lie == lie;
        let issued_at = match () {
            () if lies(Lie::Backdate) => self.now.saturating_add(-30 * DAY),
            () if lies(Lie::Postdate) => self.now.saturating_add(30 * DAY),
            () => self.now,
        };
        let (forks, equivocates) = (lies(Lie::Fork), lies(Lie::Equivocate));
        let used = self.said.iter().rev().find(|(by, ..)| *by == from).map(|(.., id)| *id);
        let fresh = MessageId::random(&mut self.dice);
        let message_id = used.filter(|_| equivocates || self.errs(Mistake::RepeatsIdentity)).unwrap_or(fresh);
        self.told |= last && matches!(self.lie, Lie::Fork | Lie::Backdate | Lie::Postdate)
            || (equivocates && used.is_some());
        let (parents, heads) = self.cited(from, forks);
        let side = &self.sides[from];
        let directory = &side.member.directory;
        let draft = StatementDraft {
            case: self.case.clone(),
            audience: vec![side.peer.party.clone()],
            issued_at,
            message_id,
            parents,
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads,
            exercise: false,
            on_behalf_of: None,
            act,
        };
        let signed = draft.sign(&side.member.ring, &mut self.dice).expect("it has an encoding");
        let statement = signed.digest;
        let sent = Leaf::Act { direction: Direction::Sent, statement, at: issued_at };
        self.sides[from].add(sent, false);
        if self.errs(Mistake::FollowsPeersClock) {
            self.now = self.now.max(issued_at);
        }
        let at = self.now.saturating_add(60);
        let got = Leaf::Act { direction: Direction::Received, statement, at };
        let to = 1 - from;
        if self.errs(Mistake::ForgetsLeaf) && self.said.len() == 2 {
            self.sides[to].forget();
        }
        let receipt = self.sides[to].add(got, true).expect("it was asked for");
        self.sides[from].seen = self.sides[to].head();
        self.receipts.push((to, receipt));
        self.said.push((from, statement, signed.content(), message_id));
        statement
    }

    /// What becomes of an act that was received long ago.
    fn look_back(&mut self) {
        let (liar, honest) = (self.liar, 1 - self.liar);
        match self.lie {
            Lie::SecondReceipt => self.told |= self.attest_again(liar),
            Lie::Deny => self.told |= self.deny(liar),
            Lie::None | Lie::Fork | Lie::Backdate | Lie::Postdate | Lie::Equivocate => {}
        }
        if self.errs(Mistake::AttestsAgain) {
            self.attest_again(honest);
        }
    }

    /// The newest act that a side has received.
    fn newest_received(&self, by: usize) -> Option<Digest> {
        self.said.iter().rev().find(|(from, ..)| *from != by).map(|(_, digest, ..)| *digest)
    }

    /// A side gives a second receipt for an act, at another instant.
    fn attest_again(&mut self, by: usize) -> bool {
        let Some(statement) = self.newest_received(by) else { return false };
        let at = self.now.saturating_add(20 * DAY);
        let mut other = Side::new(self.sides[by].member, self.sides[by].peer, 999);
        let again = Leaf::Act { direction: Direction::Received, statement, at };
        self.receipts.push((by, other.add(again, true).expect("it was asked for")));
        true
    }

    /// A side answers an audit by the same log but for one leaf; the other one holds that against its receipts.
    fn deny(&mut self, by: usize) -> bool {
        let Some(statement) = self.newest_received(by) else { return false };
        let (member, peer) = (self.sides[by].member, self.sides[by].peer);
        let mut other = MerkleLog::default();
        other.append(self.sides[by].log.leaf(0).expect("its genesis"));
        for leaf in &self.sides[by].leaves {
            let denied = matches!(leaf, Leaf::Act { statement: s, .. } if *s == statement);
            let kept = if denied {
                Leaf::Act { direction: Direction::Sent, statement: Digest([9; 32]), at: leaf.at() }
            } else {
                leaf.clone()
            };
            other.append(kept.encode().expect("a leaf has an encoding"));
        }
        let (me, to) = (&member.party, &peer.party);
        let keys = LogKeys::of(&member.ring);
        let sizes: Vec<u64> = (1..=other.size()).collect();
        let answer = AuditAnswer::of(&other, (me, to), &sizes, &keys, self.now).expect("it is in memory");
        let answer = answer.sign(&member.ring).expect("it has an encoding");
        if !self.errs(Mistake::ComparesNoAnswer) {
            self.alarms = self.compare(&answer, (me, to), &peer.directory);
        }
        true
    }

    /// What a receipt proves of an answer that cannot both be true.
    fn compare(&self, answer: &[u8], (owner, peer): (&Party, &Party), directory: &Directory) -> Vec<ByteBuf> {
        let proofs = self.receipts.iter().filter_map(|(_, receipt)| {
            let proof = Accusation::Contradiction(Contradiction {
                owner: owner.clone(),
                peer: peer.clone(),
                first: HeadClaim::Answer(ByteBuf::from(answer)),
                second: Some(HeadClaim::Receipt(ByteBuf::from(receipt.as_bytes()))),
            });
            proof.verify(directory).is_ok().then(|| proof.encode().expect("it has an encoding"))
        });
        proofs.take(1).map(ByteBuf::from).collect()
    }

    /// The statements that the maker of a dossier holds.
    fn statements(&self) -> Vec<Content> {
        let mut ids = BTreeSet::new();
        let known = self.said.iter().filter(|(by, .., id)| {
            let is_new = ids.insert((*by, id.0));
            is_new || !self.errs(Mistake::DropsSecond)
        });
        known.map(|(_, _, content, _)| content.clone()).collect()
    }

    /// The receipts that the maker of a dossier holds.
    fn receipts(&self, by: usize) -> Vec<ByteBuf> {
        let mut attested = BTreeSet::new();
        let held = self.receipts.iter().filter(|(to, receipt)| {
            let about = receipt.claimed().expect("it was just made").statement;
            let is_first = attested.insert((*to, about));
            (is_first || !self.errs(Mistake::KeepsOneReceipt))
                && (*to == by || !self.errs(Mistake::LosesReceipts))
        });
        held.map(|(_, receipt)| ByteBuf::from(receipt.as_bytes())).collect()
    }

    fn dossier(&self, by: usize) -> DossierReport {
        let made_at = self.now.saturating_add(40 * DAY);
        let directory = &self.sides[by].member.directory;
        let dossier = Dossier {
            version: DOSSIER_VERSION,
            case: self.case.clone(),
            made_by: self.sides[by].member.party.clone(),
            made_at,
            summary: String::new(),
            trust: ByteBuf::from(directory.bundle()),
            statements: self.statements(),
            receipts: self.receipts(by),
            logs: vec![self.sides[by].proof(made_at), self.sides[1 - by].proof(made_at)],
            alarms: self.alarms.clone(),
        };
        let keys = LogKeys::of(&self.sides[by].member.ring);
        let anchor = TrustAnchor { roots: vec![directory.anchor()] };
        let first = verify(&dossier.seal(&keys).expect("it has an encoding"), &anchor);
        let summary = valise::evidence::dossier::summary(&first);
        verify(&Dossier { summary, ..dossier }.seal(&keys).expect("it has an encoding"), &anchor)
    }
}

fn a_while_ago() -> Timestamp {
    START.saturating_add(30 * DAY)
}

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

/// Plays a case: a request, an acknowledgement, and questions and answers to and fro.
fn play(seed: u64, mistake: Option<Mistake>) -> Play<'static> {
    let mut play = Play::new(&FEDERATION, seed, mistake);
    let request = parse_request(example(Example::OneWeapon)).expect("the example is a request");
    let asked = play.say(0, Act::Request(Box::new(request)));
    let received_at = play.now.saturating_add(60);
    play.say(
        1,
        Act::Acknowledgement(Acknowledgement { request: asked, received_at, automatic: false, note: None }),
    );
    for _ in 0..2 + play.dice.below(4) {
        let about = play.said[0].1;
        let question =
            play.say(1, Act::ClarificationRequest(ClarificationRequest { about, question: words("which?") }));
        play.say(0, Act::Clarification(Clarification { request_for: question, answer: words("this one") }));
    }
    play.look_back();
    play
}

/// The first rule that is broken before somebody who trusts neither: a lie that is not convicted, or a State that is and told none.
fn judge(play: &Play<'_>) -> Option<(Rule, String)> {
    let report = play.dossier(1 - play.liar);
    let faults: Vec<_> = report.findings.iter().filter(|f| f.severity == Severity::Fault).collect();
    let Some(code) = play.lie.code() else {
        if !report.valid {
            let rule = faults.iter().map(|fault| Rule::of(fault.code)).find(|rule| *rule != Rule::Sound);
            return Some((rule.unwrap_or(Rule::Sound), format!("nobody has lied: {faults:#?}")));
        }
        let other = play.dossier(play.liar);
        let differ = (&report.clocks, &report.acts) != (&other.clocks, &other.acts);
        let words = || format!("{:#?} here and {:#?} there", report.clocks, other.clocks);
        return differ.then(|| (Rule::SameFold, words()));
    };
    let is_convicted = !report.valid && faults.iter().any(|fault| fault.code == code);
    let words = || format!("{:?} of {} is not found: {faults:#?}", play.lie, play.liar);
    (!is_convicted).then(|| (Rule::of(code), words()))
}

#[test]
fn every_lie_is_convicted_and_no_honest_state_is() {
    let mut found: BTreeMap<Lie, u32> = BTreeMap::new();
    for seed in 0..SEEDS {
        let play = play(seed, None);
        let is_honest = play.lie == Lie::None;
        assert!(play.told || is_honest, "seed {seed}: the liar had no occasion for {:?}", play.lie);
        assert_eq!(judge(&play), None, "seed {seed}");
        *found.entry(play.lie).or_default() += 1;
    }
    assert_eq!(found.len(), Lie::ALL.len());
    println!("{found:?}");
}

/// Plays seeds with a mistake until a rule is broken.
fn find(mistake: Mistake, rules: &[Rule]) {
    planted::find(&format!("{mistake:?}"), rules, "cargo test -p simnet --test liars", |seed| {
        judge(&play(seed, Some(mistake)))
    });
}

found! {
    Mistake by Rule;
    a_duplicate_that_is_attested_again: AttestsAgain by ReceivedOnce;
    a_second_receipt_that_is_not_kept: KeepsOneReceipt by ReceivedOnce;
    receipts_that_are_lost: LosesReceipts by SameFold;
    an_identity_that_is_used_again: RepeatsIdentity by OneDigest;
    a_second_statement_that_is_dropped: DropsSecond by OneDigest;
    a_leaf_that_is_forgotten: ForgetsLeaf by OneHead;
    an_answer_that_is_not_compared: ComparesNoAnswer by OneHead;
    a_log_that_is_renamed: RenamesLog by OneHead;
    a_statement_that_cites_nothing: CitesNothing by Bounds;
    a_clock_that_follows_the_peers: FollowsPeersClock by Bounds;
}
