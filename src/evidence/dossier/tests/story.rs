use super::super::{Dossier, LogProof};
use crate::cose::PqSigningKey;
use crate::envelope::fixture::{Seeded, XAA, XBB, draft, known_to, named, request, response, ring};
use crate::envelope::{Content, Heads, KeyRing, StatementDraft};
use crate::evidence::dossier::{DOSSIER_VERSION, DossierReport, summary, verify};
use crate::evidence::{
    Anchor, Checkpoint, Direction, Entry, Leaf, Log, LogBook, LogKeys, MerkleLog, ProvedHead, ProvedLeaf,
    Receipt, TrustAnchor,
};
use crate::model::{Act, DAY, Digest, Head, MessageId, Timestamp};
use crate::trust::fixture::{NOW, Pki};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The anchor of the federation of all three States; founded once, since that takes longer than to judge a dossier.
pub(crate) fn anchor() -> TrustAnchor {
    static FOUNDED: OnceLock<TrustAnchor> = OnceLock::new();
    FOUNDED.get_or_init(|| TrustAnchor { roots: vec![known_to(XAA).anchor()] }).clone()
}

pub(crate) fn twin(name: &str) -> PqSigningKey {
    Pki::new(name).twin_key()
}

pub(crate) fn log_keys(name: &str) -> LogKeys {
    LogKeys { log: ring(name).log, twin: twin(name) }
}

/// One side of the story.
pub(crate) struct Side {
    pub ring: KeyRing,
    pub book: LogBook,
    pub log: MerkleLog,
    pub seen: Option<Head>,
}

impl Side {
    fn new(name: &str) -> Self {
        let ring = ring(name);
        let book = LogBook::new(ring.party.clone(), ring.log.clone(), Box::new(Seeded(7)));
        Self { ring, book, log: MerkleLog::default(), seen: None }
    }

    fn add(&mut self, peer: &str, leaf: Leaf, receipt: bool) -> Option<Receipt> {
        let sealed = self.book.seal_group(&[Entry { peer: named(peer), leaf, receipt }]).unwrap();
        for new in sealed.leaves {
            self.log.append(new.leaf);
        }
        sealed.receipts.into_iter().next().flatten()
    }
}

/// XAA asks XBB, which acknowledges and answers; everything arrives a minute after it was said.
pub(crate) struct Story {
    pub sides: BTreeMap<&'static str, Side>,
    pub said: Vec<(Digest, Content)>,
    pub receipts: Vec<Receipt>,
    pub made_at: Timestamp,
    pub alarms: Vec<ByteBuf>,
}

impl Story {
    pub(crate) fn told() -> Self {
        Self::at([0, DAY, 30 * DAY])
    }

    /// The request, the acknowledgement and the response are said so many seconds after `NOW`.
    pub(crate) fn at(seconds: [i64; 3]) -> Self {
        let mut story = Self {
            sides: [XAA, XBB].map(|name| (name, Side::new(name))).into(),
            said: Vec::new(),
            receipts: Vec::new(),
            made_at: NOW.saturating_add(seconds[2] + DAY),
            alarms: Vec::new(),
        };
        let asked = story.say(XAA, XBB, request(), seconds[0]);
        let received_at = NOW.saturating_add(seconds[0] + 60);
        let ack = crate::model::Acknowledgement { request: asked, received_at, automatic: false, note: None };
        story.say(XBB, XAA, Act::Acknowledgement(ack), seconds[1]);
        let Act::Response(answer) = response() else { panic!("a response") };
        story.say(XBB, XAA, Act::Response(crate::model::Response { request: asked, ..answer }), seconds[2]);
        story
    }

    pub(crate) fn say(&mut self, from: &'static str, to: &'static str, act: Act, second: i64) -> Digest {
        self.say_as(from, to, act, (second, second + 60), |_| {})
    }

    /// Says an act at one second, has it received at another, and changes the draft before it is signed.
    pub(crate) fn say_as(
        &mut self,
        from: &'static str,
        to: &'static str,
        act: Act,
        (second, arrived): (i64, i64),
        change: impl FnOnce(&mut StatementDraft),
    ) -> Digest {
        let number = self.said.len() as u8;
        let side = &self.sides[from];
        let mine = (side.log.size() > 0).then(|| side.log.head().unwrap());
        let mut draft = StatementDraft {
            issued_at: NOW.saturating_add(second),
            message_id: MessageId([number + 1; 16]),
            parents: self.said.last().map(|(digest, _)| *digest).into_iter().collect(),
            heads: Heads(mine, side.seen),
            ..draft(act, &[to])
        };
        change(&mut draft);
        let signed = draft.sign(&side.ring, &mut Seeded(u64::from(number) * 1000)).unwrap();
        let statement = signed.digest;
        let leaf = |direction, at: i64| Leaf::Act { direction, statement, at: NOW.saturating_add(at) };
        self.sides.get_mut(from).unwrap().add(to, leaf(Direction::Sent, second), false);
        let receiver = self.sides.get_mut(to).unwrap();
        let receipt = receiver.add(from, leaf(Direction::Received, arrived), true).unwrap();
        let head = receiver.log.head().unwrap();
        self.sides.get_mut(from).unwrap().seen = Some(head);
        self.receipts.push(receipt);
        self.said.push((statement, signed.content()));
        statement
    }

    /// Withholds the elements whose paths `hide` picks.
    pub(crate) fn redact(&mut self, hide: impl Fn(&str) -> bool) {
        for (_, content) in &mut self.said {
            let shown = content.parse_disclosures().unwrap();
            let kept = shown.into_iter().filter(|d| !hide(d.path()));
            content.disclosures = kept.map(|d| ByteBuf::from(d.bytes())).collect();
        }
    }

    /// The anchor of a side's log with all its leaves and earlier heads.
    pub(crate) fn proof(&self, owner: &'static str, peer: &'static str) -> LogProof {
        let log = &self.sides[owner].log;
        let head = log.head().unwrap();
        let checkpoint = Checkpoint { owner: named(owner), peer: named(peer), head, at: self.made_at };
        let earlier = |size| ProvedHead {
            head: log.head_at(size).unwrap().unwrap(),
            path: log.prove_consistency(size).unwrap().unwrap(),
        };
        LogProof {
            anchor: Anchor::sign(&checkpoint, &log_keys(owner)).unwrap(),
            leaves: (0..head.size).map(|index| ProvedLeaf::of(log, index).unwrap()).collect(),
            heads: (1..head.size).map(earlier).collect(),
        }
    }

    /// The dossier's parts, as an honest maker gathers them.
    pub(crate) fn parts(&self, made_by: &'static str) -> Dossier {
        let peer = if made_by == XAA { XBB } else { XAA };
        Dossier {
            version: DOSSIER_VERSION,
            case: draft(request(), &[XBB]).case,
            made_by: named(made_by),
            made_at: self.made_at,
            summary: String::new(),
            trust: ByteBuf::from(known_to(XAA).bundle()),
            statements: self.said.iter().map(|(_, content)| content.clone()).collect(),
            receipts: self.receipts.iter().map(|r| ByteBuf::from(r.as_bytes())).collect(),
            logs: vec![self.proof(made_by, peer), self.proof(peer, made_by)],
            alarms: self.alarms.clone(),
        }
    }

    pub(crate) fn dossier(&self, made_by: &'static str) -> Vec<u8> {
        sealed(self.parts(made_by))
    }
}

/// Writes the summary and seals, whatever the parts are.
pub(crate) fn sealed(mut parts: Dossier) -> Vec<u8> {
    let maker = parts.made_by.to_string();
    let first = parts.seal(&log_keys(&maker)).unwrap();
    let report: DossierReport = verify(&first, &anchor());
    parts.summary = summary(&report);
    parts.seal(&log_keys(&maker)).unwrap()
}
