//! States that fork their log, give two receipts, backdate, postdate, deny or use an identity twice: the seed draws who lies, how
//! and when, and the honest side's dossier convicts each of them before somebody who trusts neither (DESIGN §12.4, 5, 12, 13).

use serde_bytes::ByteBuf;
use simnet::federation::{Federation, Member, START};
use std::collections::BTreeMap;
use valise::envelope::{Content, GatewayWord, Heads, StatementDraft};
use valise::evidence::dossier::{DOSSIER_VERSION, Dossier, DossierReport, LogProof, Severity, verify};
use valise::evidence::{
    Accusation, Anchor, AuditAnswer, Checkpoint, Contradiction, Direction, Entry, HeadClaim, Leaf, Log,
    LogBook, LogKeys, MerkleLog, ProvedHead, ProvedLeaf, Receipt, TrustAnchor,
};
use valise::model::{
    Acknowledgement, Act, CaseId, Clarification, ClarificationRequest, DAY, Digest, DirectoryRef, Entropy,
    Head, MessageId, Sensitive, Timestamp,
};
use valise::offline::requests::{Example, example, parse_request};

const SEEDS: u64 = 120;

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
}

impl<'f> Side<'f> {
    fn new(member: &'f Member, peer: &'f Member, seed: u64) -> Self {
        let ring = &member.ring;
        let book = LogBook::new(ring.party.clone(), ring.log.clone(), Box::new(Dice(seed, 0)));
        Self { member, peer, book, log: MerkleLog::default(), leaves: Vec::new(), seen: None }
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
    now: Timestamp,
    said: Vec<(usize, Digest, Content, MessageId)>,
    receipts: Vec<Receipt>,
    alarms: Vec<ByteBuf>,
    told: bool,
}

impl<'f> Play<'f> {
    fn new(federation: &'f Federation, seed: u64) -> Self {
        let mut dice = Dice(seed, 0);
        let [a, b] = [&federation.members[0], &federation.members[1]];
        let lie = Lie::ALL[usize::try_from(seed).expect("few") % Lie::ALL.len()];
        Self {
            sides: [Side::new(a, b, seed * 2), Side::new(b, a, seed * 2 + 1)],
            case: CaseId::mint(&a.party, 2027, 1),
            liar: usize::try_from(dice.below(2)).expect("few"),
            dice,
            lie,
            now: a_while_ago(),
            said: Vec::new(),
            receipts: Vec::new(),
            alarms: Vec::new(),
            told: false,
        }
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
        let mut mine = self.sides[from].head();
        if lies(Lie::Fork) {
            mine = mine.map(|head| Head { root: Digest::of(&[b"another root"]), ..head });
        }
        let used = self.said.iter().rev().find(|(by, ..)| *by == from).map(|(.., id)| *id);
        let fresh = MessageId::random(&mut self.dice);
        let message_id = used.filter(|_| lies(Lie::Equivocate)).unwrap_or(fresh);
        self.told |= last && matches!(self.lie, Lie::Fork | Lie::Backdate | Lie::Postdate)
            || (lies(Lie::Equivocate) && used.is_some());
        let side = &self.sides[from];
        let directory = &side.member.directory;
        let draft = StatementDraft {
            case: self.case.clone(),
            audience: vec![side.peer.party.clone()],
            issued_at,
            message_id,
            parents: self.said.last().map(|(_, digest, ..)| *digest).into_iter().collect(),
            directory: DirectoryRef { version: directory.version(), digest: directory.digest() },
            heads: Heads(mine, side.seen),
            exercise: false,
            on_behalf_of: None,
            act,
        };
        let signed = draft.sign(&side.member.ring, &mut self.dice).expect("it has an encoding");
        let statement = signed.digest;
        let sent = Leaf::Act { direction: Direction::Sent, statement, at: issued_at };
        self.sides[from].add(sent, false);
        let at = self.now.saturating_add(60);
        let got = Leaf::Act { direction: Direction::Received, statement, at };
        let to = 1 - from;
        let receipt = self.sides[to].add(got, true).expect("it was asked for");
        self.sides[from].seen = self.sides[to].head();
        self.receipts.push(receipt);
        self.said.push((from, statement, signed.content(), message_id));
        statement
    }

    /// What the liar does about an act that it has received.
    fn lie_about_the_past(&mut self) {
        let (liar, honest) = (self.liar, 1 - self.liar);
        let received = self.said.iter().rev().find(|(by, ..)| *by == honest).map(|(_, digest, ..)| *digest);
        let Some(statement) = received else { return };
        let (member, peer) = (self.sides[liar].member, self.sides[liar].peer);
        match self.lie {
            Lie::SecondReceipt => {
                let at = self.now.saturating_add(20 * DAY);
                let mut other = Side::new(member, peer, 999);
                let again = Leaf::Act { direction: Direction::Received, statement, at };
                self.receipts.push(other.add(again, true).expect("it was asked for"));
                self.told = true;
            }
            Lie::Deny => {
                // The same log but for one leaf, as it stands in the answer to an audit.
                let mut other = MerkleLog::default();
                other.append(self.sides[liar].log.leaf(0).expect("its genesis"));
                for leaf in &self.sides[liar].leaves {
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
                let answer =
                    AuditAnswer::of(&other, (me, to), &sizes, &keys, self.now).expect("it is in memory");
                let answer = answer.sign(&member.ring).expect("it has an encoding");
                let directory = &peer.directory;
                let proofs = self.receipts.iter().filter_map(|receipt| {
                    let proof = Contradiction {
                        owner: me.clone(),
                        peer: to.clone(),
                        first: HeadClaim::Answer(ByteBuf::from(answer.clone())),
                        second: Some(HeadClaim::Receipt(ByteBuf::from(receipt.as_bytes()))),
                    };
                    let proof = Accusation::Contradiction(proof);
                    proof.verify(directory).is_ok().then(|| proof.encode().expect("it has an encoding"))
                });
                self.alarms = proofs.take(1).map(ByteBuf::from).collect();
                self.told = true;
            }
            Lie::None | Lie::Fork | Lie::Backdate | Lie::Postdate | Lie::Equivocate => {}
        }
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
            statements: self.said.iter().map(|(_, _, content, _)| content.clone()).collect(),
            receipts: self.receipts.iter().map(|r| ByteBuf::from(r.as_bytes())).collect(),
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
fn play(federation: &Federation, seed: u64) -> Play<'_> {
    let mut play = Play::new(federation, seed);
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
    play.lie_about_the_past();
    play
}

#[test]
fn every_lie_is_convicted_and_no_honest_state_is() {
    let federation = Federation::new(2, 1).expect("States can be made");
    let mut found: BTreeMap<Lie, u32> = BTreeMap::new();
    for seed in 0..SEEDS {
        let play = play(&federation, seed);
        let report = play.dossier(1 - play.liar);
        let faults: Vec<_> = report.findings.iter().filter(|f| f.severity == Severity::Fault).collect();
        match play.lie.code() {
            None => {
                assert!(report.valid, "seed {seed}: {faults:#?}");
                // Both sides get equal due dates and acts from their dossiers (DESIGN §12.5).
                let other = play.dossier(play.liar);
                assert_eq!((&report.clocks, &report.acts), (&other.clocks, &other.acts), "seed {seed}");
            }
            Some(code) => {
                assert!(play.told, "seed {seed}: the liar had no occasion for {:?}", play.lie);
                let convicted = !report.valid && faults.iter().any(|fault| fault.code == code);
                assert!(convicted, "seed {seed}: {:?} of {} is not found: {faults:#?}", play.lie, play.liar);
            }
        }
        *found.entry(play.lie).or_default() += 1;
    }
    assert_eq!(found.len(), Lie::ALL.len());
    println!("{found:?}");
}
