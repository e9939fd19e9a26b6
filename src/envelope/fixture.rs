//! Three States that write to one another in tests; every key and every random byte is the same in each run.

use crate::cose::KemPrivate;
use crate::envelope::{Heads, KeyRing, Opened, Outgoing, Signed, StatementDraft, compose, open};
use crate::model::{About, Answer};
use crate::model::{
    Acknowledgement, Act, CaseId, Country, DAY, Digest, DirectoryRef, Element, Entropy, Ground, GroundCode,
    ItemAnswer, Label, MessageId, Onward, Outcome, Particulars, Party, Refusal, Response,
};
use crate::trust::federation::PrekeyEntry;
use crate::trust::fixture::{Listing, NOW, Pki, directory, key, party, prekey};
use crate::trust::{Directory, thumbprint};

pub(crate) const XAA: &str = "XAA";
pub(crate) const XBB: &str = "XBB";
pub(crate) const XCC: &str = "XCC";

/// A counter hashed with SHA-256: unpredictable enough for tests, and the same in every run.
pub(crate) struct Seeded(pub u64);

impl Entropy for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = Digest::of(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// The keys of a party's gateway.
pub(crate) fn ring(name: &str) -> KeyRing {
    let pki = Pki::new(name);
    let number = number(name);
    KeyRing {
        gateway: format!("gw1.{}", pki.party.dns_suffix()),
        seal: (pki.seal_key.clone(), thumbprint(&pki.seal.der)),
        log: (key(&format!("{name} log")), thumbprint(&pki.log.der)),
        twin: pki.twin_key(),
        prekeys: vec![(vec![number; 16], KemPrivate::from_seed(&[number; 32]))],
        party: pki.party,
    }
}

/// What a party publishes, with a prekey of its own.
pub(crate) fn listing(name: &str) -> Listing {
    let prekey = PrekeyEntry::new(&prekey(number(name)), false);
    Pki::new(name).listing().with(|listing| listing.b.prekeys = vec![prekey])
}

/// What a party knows of all three.
pub(crate) fn known_to(name: &str) -> Directory {
    directory(&Pki::new(name), &[XAA, XBB, XCC].map(listing))
}

pub(crate) fn draft(act: Act, audience: &[&str]) -> StatementDraft {
    let case = CaseId::mint(&party(XAA), 2027, 1);
    StatementDraft {
        case,
        audience: audience.iter().map(|name| party(name)).collect(),
        issued_at: NOW,
        message_id: MessageId([0x4d; 16]),
        parents: vec![Digest([0x50; 32])],
        directory: DirectoryRef { version: 1, digest: Digest([0x44; 32]) },
        heads: Heads::default(),
        exercise: false,
        on_behalf_of: None,
        act,
    }
}

/// What XAA signs for XBB.
pub(crate) fn signed(act: Act) -> Signed {
    draft(act, &[XBB]).sign(&ring(XAA), &mut Seeded(1)).unwrap()
}

/// Seals and routes with the keys of `from`, whoever has signed.
pub(crate) fn sent(signed: &Signed, from: &str, to: &str) -> Outgoing {
    let keep_for = 60 * DAY;
    compose(signed, &party(to), &ring(from), &known_to(from), NOW, keep_for, &mut Seeded(1000)).unwrap()
}

/// Opens with the keys of `at`; gives the code of the refusal.
pub(crate) fn opened(bytes: &[u8], at: &str) -> Result<Opened, &'static str> {
    open(bytes, &ring(at), &known_to(at), NOW).map_err(|(_, error)| error.code())
}

pub(crate) fn acknowledgement() -> Act {
    Act::Acknowledgement(Acknowledgement {
        request: Digest([0x52; 32]),
        received_at: NOW,
        automatic: false,
        note: None,
    })
}

pub(crate) fn refusal() -> Act {
    let ground = Ground { code: GroundCode::A1, reason: "sub judice".to_owned().into(), law: None };
    Act::Refusal(Refusal { request: Digest([0x52; 32]), grounds: vec![ground] })
}

/// A response whose only element bears a usage label.
pub(crate) fn response() -> Act {
    let recipient = Particulars {
        name: Some("Ministry of the Interior".to_owned().into()),
        state: Country::from_code("XCC"),
        ..Particulars::default()
    };
    let element = |label| Element {
        about: About::Recipient,
        answer: Answer::Value { value: recipient.clone() },
        label,
    };
    let label = Label { onward: Onward::WithConsent, not_in_court: true, ..Label::default() };
    Act::Response(Response {
        request: Digest([0x52; 32]),
        items: vec![ItemAnswer {
            item: 0,
            outcome: Outcome::Full,
            reason: None,
            next_state: None,
            elements: vec![element(Some(label)), element(None)],
        }],
        note: None,
    })
}

/// A fictive request for one pistol.
pub(crate) fn request() -> Act {
    Act::Request(serde_json::from_str(include_str!("testdata/request.json")).unwrap())
}

fn number(name: &str) -> u8 {
    name.as_bytes()[2] - b'A' + 1
}

/// The party of a name, for tests that need no keys.
pub(crate) fn named(name: &str) -> Party {
    party(name)
}
