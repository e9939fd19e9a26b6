//! Makes every vector of `docs/vectors/` from its federation.

use crate::federation::{Federation, Seeded};
use crate::forge::*;
use crate::hex::hex;
use ciborium::Value;
use serde_bytes::Bytes;
use serde_json::{Value as Json, json};
use valise::cose::{self, Recipient, label};
use valise::envelope::{
    Disclosure, Heads, Outgoing, Packed, Receipts, Reject, Signed, StatementDraft, accept_mandate, compose,
    document_of, grant_mandate, seal_receipt,
};
use valise::evidence::{Direction, Entry, Leaf, LogBook};
use valise::model::{
    About, Acknowledgement, Act, ActKind, Answer, AssistanceNeed, AssistanceOutcome, AssistanceReply,
    AssistanceRequest, CaseId, CaseScope, Clarification, ClarificationRequest, ConsentDenial, ConsentGrant,
    ConsentRequest, ConsentWithdrawal, DAY, Delay, Digest, DirectoryRef, DisclosureNotice, Element, FollowUp,
    Ground, GroundCode, Head, ItemAnswer, Label, Mandate, MandateRevocation, MandateTerms, MessageId,
    MissingElement, Notice, NoticeTopic, OnBehalf, Onward, Outcome, OutcomeNotice, Particulars, PeerScope,
    Power, Purpose, Refusal, Response, Restriction, Resubmission, ReturnIncomplete, Scope, Ternary, Text,
    Withdrawal,
};
use valise::wire::{self, FrameKind, Limits, encode_value};

/// A vector's file below `docs/vectors/` and its content.
pub type Vector = (String, Json);

/// Makes all vectors: sound envelopes, what answers the first, and malformed envelopes.
pub fn all(federation: &Federation) -> Vec<Vector> {
    let world = World { federation };
    let mut out: Vec<Vector> = acts().into_iter().map(|act| world.sound(act)).collect();
    out.push(world.on_behalf());
    out.push(world.receipts());
    out.push(world.reject());
    out.extend(world.malformed());
    out
}

/// One act of each kind, in their order.
pub fn acts() -> Vec<Act> {
    let digest = |byte| Digest([byte; 32]);
    let request = digest(0x52);
    let ground = || Ground { code: GroundCode::A1, reason: text("An investigation is open."), law: None };
    let expected = "2027-03".parse().ok();
    let missing = MissingElement {
        clause: "6.3(a)".to_owned(),
        field: "items[0].make".to_owned(),
        why: text("The make is blank."),
    };
    let again = json!({ "incomplete_reason": "The slide is lost.", "items": [{ "kind": "part" }] });
    let again = Box::new(serde_json::from_value(again).unwrap());
    let follow_up = FollowUp {
        item: 0,
        point_of_diversion: Ternary::Yes,
        prosecution: Ternary::Unknown,
        action: Some(text("The store was audited.")),
        preventive_measure: None,
    };
    vec![
        Act::Request(serde_json::from_str(include_str!("request.json")).unwrap()),
        Act::Acknowledgement(Acknowledgement {
            request,
            received_at: "2027-01-15T07:00:00Z".parse().unwrap(),
            automatic: false,
            note: Some(text("Notre référence : 2027/118")),
        }),
        Act::ReturnIncomplete(ReturnIncomplete { request, missing: vec![missing], judgement: None }),
        Act::Resubmission(Resubmission { previous: request, returned_by: digest(0x49), request: again }),
        Act::Response(Response { request, items: vec![answer(ground())], note: None }),
        Act::Delay(Delay { request, grounds: vec![ground()], expected }),
        Act::Refusal(Refusal { request, grounds: vec![ground()] }),
        Act::ClarificationRequest(ClarificationRequest { about: request, question: text("Which barrel?") }),
        Act::Clarification(Clarification { request_for: digest(0x51), answer: text("The longer one.") }),
        Act::Withdrawal(Withdrawal { request, reason: text("It was found at home.") }),
        Act::OutcomeNotice(OutcomeNotice { request, items: vec![follow_up] }),
        Act::Mandate(Box::new(granted("XAA", "XBB"))),
        Act::MandateRevocation(MandateRevocation { mandate: digest(0x46), reason: text("It has moved.") }),
        Act::Notice(Notice {
            topic: NoticeTopic::Markings,
            title: text("Marquage à l’importation"),
            text: text("Since 2026 the year stands below the code."),
        }),
        Act::AssistanceRequest(AssistanceRequest {
            need: AssistanceNeed::FollowUp,
            about: Some(CaseId::mint(&"XBB".parse().unwrap(), 2026, 7)),
            text: text("Who bought the lot?"),
        }),
        Act::AssistanceReply(AssistanceReply {
            request,
            outcome: AssistanceOutcome::Partly,
            text: text("We can name the dealer."),
        }),
        Act::ConsentRequest(ConsentRequest {
            response: digest(0x53),
            scope: scope(),
            reason: text("The trace goes on in XCC."),
        }),
        Act::ConsentGrant(ConsentGrant {
            consent_request: digest(0x43),
            scope: scope(),
            expires: "2027-06-30T00:00:00Z".parse().unwrap(),
            single_use: true,
        }),
        Act::ConsentDenial(ConsentDenial {
            consent_request: digest(0x43),
            reason: text("A source would be at risk."),
        }),
        Act::ConsentWithdrawal(ConsentWithdrawal { grant: digest(0x47), reason: text("It was a mistake.") }),
        Act::DisclosureNotice(DisclosureNotice {
            disclosed: digest(0x53),
            elements: scope().elements,
            recipient: "high-court".parse().unwrap(),
            compelled_by: text("Order 12 of the High Court."),
        }),
    ]
}

/// One element, for the next State of a chain to trace.
fn scope() -> Scope {
    Scope {
        elements: ["items/0/elements/0".parse().unwrap()].into(),
        recipient: "XCC".parse().unwrap(),
        purposes: [Purpose::Tracing].into(),
        lifts: [Restriction::F].into(),
    }
}

/// A mandate for all that an agent can do, not yet countersigned.
fn granted(principal: &str, agent: &str) -> Mandate {
    let federation = crate::federation();
    let terms = MandateTerms {
        principal: principal.parse().unwrap(),
        agent: agent.parse().unwrap(),
        powers: Power::ALL.into(),
        cases: CaseScope::All,
        peers: PeerScope::Parties(["XBB".parse().unwrap()].into()),
        not_before: federation.now,
        not_after: federation.now.saturating_add(90 * DAY),
    };
    grant_mandate(terms, &federation.ring(principal)).unwrap()
}

/// The act of a kind.
pub fn act(kind: ActKind) -> Act {
    acts().into_iter().find(|act| act.kind() == kind).unwrap()
}

/// Gives an act's body as it stands in files.
pub fn body_of(act: &Act) -> Json {
    serde_json::to_value(act).unwrap()
}

/// A partial answer: one element with a usage label, one withheld.
fn answer(ground: Ground) -> ItemAnswer {
    let recipient = Particulars { name: Some(text("Ministry of the Interior")), ..Particulars::default() };
    let element = |answer, label| Element { about: About::Recipient, answer, label };
    let label = Label { onward: Onward::WithConsent, not_in_court: true, ..Label::default() };
    let elements = vec![
        element(Answer::Value { value: recipient }, Some(label)),
        element(Answer::Withheld { ground }, None),
    ];
    ItemAnswer { item: 0, outcome: Outcome::Partial, reason: None, next_state: None, elements }
}

fn text(text: &str) -> Text {
    Text::new(text.to_owned())
}

struct World<'f> {
    federation: &'f Federation,
}

impl World<'_> {
    fn draft(&self, act: Act) -> StatementDraft {
        let head = Head { log: Digest([0x47; 32]), size: 2, root: Digest([0x48; 32]) };
        StatementDraft {
            case: CaseId::mint(&"XAA".parse().unwrap(), 2027, 1),
            audience: vec!["XBB".parse().unwrap()],
            issued_at: self.federation.now,
            message_id: MessageId([0x4d; 16]),
            parents: vec![Digest([0x50; 32])],
            directory: DirectoryRef { version: 1, digest: self.federation.directory("XAA").digest() },
            heads: Heads(Some(head), None),
            exercise: true,
            on_behalf_of: None,
            act,
        }
    }

    fn signed(&self, act: Act) -> Signed {
        self.draft(act).sign(&self.federation.ring("XAA"), &mut Seeded(1)).unwrap()
    }

    fn sent_by(&self, signed: &Signed, from: &str) -> Outgoing {
        let (ring, directory) = (self.federation.ring(from), self.federation.directory(from));
        let (to, now) = ("XBB".parse().unwrap(), self.federation.now);
        compose(signed, &to, &ring, &directory, now, 60 * DAY, &mut Seeded(1000)).unwrap()
    }

    fn sound(&self, act: Act) -> Vector {
        let name = format!("{}.json", act.kind().code());
        (name, self.opens(self.draft(act.clone()), &self.signed(act)))
    }

    /// A request that XAA makes as the agent of XCC.
    fn on_behalf(&self) -> Vector {
        let mandate = accept_mandate(&granted("XCC", "XAA"), &self.federation.ring("XAA")).unwrap();
        let on_behalf_of = OnBehalf { principal: "XCC".parse().unwrap(), mandate: mandate.mandate };
        let draft = StatementDraft {
            audience: vec!["XBB".parse().unwrap(), "XCC".parse().unwrap()],
            on_behalf_of: Some(on_behalf_of),
            ..self.draft(act(ActKind::Request))
        };
        let signed = draft.sign(&self.federation.ring("XAA"), &mut Seeded(1)).unwrap();
        let signed = signed.with_mandate(document_of(&mandate));
        ("on_behalf_of.json".to_owned(), self.opens(draft, &signed))
    }

    fn opens(&self, draft: StatementDraft, signed: &Signed) -> Json {
        let sent = self.sent_by(signed, "XAA");
        let elements: Vec<Json> = signed
            .disclosures
            .iter()
            .map(|d| json!({ "path": d.path(), "disclosure": hex(d.bytes()), "digest": hex(&d.digest().0) }))
            .collect();
        let mut vector = json!({
            "frame": hex(&frame(FrameKind::Envelope, &sent.bytes)),
            "from": "XAA",
            "to": "XBB",
            "opens": {
                "envelope": sent.envelope,
                "export_secret": hex(sent.export.as_bytes()),
                "plaintext": hex(&wire::encode(&Packed::of_signed(signed).unwrap()).unwrap()),
                "content": hex(&wire::encode(&signed.content()).unwrap()),
                "statement_digest": signed.digest,
                "case": draft.case,
                "audience": draft.audience,
                "issued_at": draft.issued_at,
                "message_id": draft.message_id,
                "parents": draft.parents,
                "exercise": draft.exercise,
                "act": draft.act.kind().code(),
                "body": body_of(&draft.act),
                "elements": elements,
            },
        });
        if let Some(on_behalf_of) = &draft.on_behalf_of {
            vector["opens"]["on_behalf_of"] = json!(on_behalf_of);
        }
        vector
    }

    /// XBB's answer to the request: the second leaf of its log about XAA.
    fn receipts(&self) -> Vector {
        let request = act(ActKind::Request);
        let (statement, ring) = (self.signed(request), self.federation.ring("XBB"));
        let sent = self.sent_by(&statement, "XAA");
        let mut book = LogBook::new(ring.party.clone(), ring.log.clone(), Box::new(Seeded(2000)));
        let entry = |statement, direction, receipt| {
            let leaf = Leaf::Act { direction, statement, at: self.federation.now };
            Entry { peer: "XAA".parse().unwrap(), leaf, receipt }
        };
        let entries = [
            entry(Digest([0x31; 32]), Direction::Sent, false),
            entry(statement.digest, Direction::Received, true),
            entry(Digest([0x32; 32]), Direction::Received, false),
        ];
        let group = book.seal_group(&entries).unwrap();
        let receipt = group.receipts[1].clone().unwrap();
        let sealed =
            seal_receipt(sent.envelope, &sent.export, receipt.as_bytes(), &mut Seeded(3000)).unwrap();
        let body = Receipts::sign(&"XAA".parse().unwrap(), vec![sealed], &ring).unwrap();
        let head = group.heads[0].2;
        let leaves: Vec<String> = group.leaves.iter().map(|new| hex(&new.leaf)).collect();
        let vector = json!({
            "frame": hex(&frame(FrameKind::Receipts, &body)),
            "from": "XBB",
            "to": "XAA",
            "opens": {
                "envelope": sent.envelope,
                "export_secret": hex(sent.export.as_bytes()),
                "receipt": hex(receipt.as_bytes()),
                "statement_digest": statement.digest,
                "received_at": self.federation.now,
                "head": { "size": head.size, "root": head.root },
                "log": leaves,
            },
        });
        ("receipts.json".to_owned(), vector)
    }

    fn reject(&self) -> Vector {
        let cause = ("prekey-gone", "the prekey is gone; seal the same statement to a newer one", false);
        let envelope = MessageId([0x45; 16]);
        let (to, ring) = ("XAA".parse().unwrap(), self.federation.ring("XBB"));
        let body = Reject::sign(&to, envelope, cause, &ring).unwrap();
        let opens = json!({ "envelope": envelope, "code": cause.0, "words": cause.1, "retryable": cause.2 });
        let frame = hex(&frame(FrameKind::Reject, &body));
        ("reject.json".to_owned(), json!({ "frame": frame, "from": "XBB", "to": "XAA", "opens": opens }))
    }

    fn malformed(&self) -> Vec<Vector> {
        let mut out = self.broken_frames();
        out.extend(self.broken_routes());
        out.extend(self.broken_seals());
        out.extend(self.broken_statements());
        out.extend(self.broken_elements());
        out.into_iter()
            .map(|(fault, code, frame)| {
                let vector = json!({ "frame": hex(&frame), "to": "XBB", "error": code });
                (format!("malformed/{fault}.json"), vector)
            })
            .collect()
    }

    /// A small sound envelope, the body of its frame.
    fn small(&self) -> Vec<u8> {
        self.sent_by(&self.signed(act(ActKind::Refusal)), "XAA").bytes
    }

    fn broken_frames(&self) -> Vec<Fault> {
        let good = frame(FrameKind::Envelope, &self.small());
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let mut third = parts(body(&good));
        third.push(Value::Null);
        let body = |bytes: &[u8]| frame(FrameKind::Envelope, bytes);
        let small = &good[8..];
        vec![
            ("frame-without-magic", "not-a-frame", with(0, b'X')),
            ("frame-of-version-0", "unsupported-version", with(2, 0)),
            ("frame-of-unknown-kind", "unknown-kind", with(3, 0x60)),
            ("frame-too-long", "too-long", b"VL\x01\x01\x00\x10\x00\x01".to_vec()),
            ("item-cut-off", "not-deterministic-cbor", body(&small[..small.len() - 1])),
            ("bytes-after-the-item", "not-deterministic-cbor", body(&[small, b"\0"].concat())),
            ("length-not-shortest", "not-deterministic-cbor", body(&[b"\x98\x02", &small[1..]].concat())),
            ("indefinite-length", "not-deterministic-cbor", body(&[b"\x9f", &small[1..], b"\xff"].concat())),
            ("tagged", "not-deterministic-cbor", body(&[b"\xd8\x60", small].concat())),
            ("member-too-many", "unexpected-content", body(&assembled(third))),
        ]
    }

    fn broken_routes(&self) -> Vec<Fault> {
        let (good, ring) = (self.small(), self.federation.ring("XAA"));
        let (route, sealed) = layers(&good);
        let frame = |bytes: &[u8]| frame(FrameKind::Envelope, bytes);
        let edited = |key: &str, value: Value| {
            frame(&rerouted(&good, &sealed, &ring, |route| set(route, key.into(), value)))
        };
        let stripped = changed(&route, 3, |signature| *signature = Value::Bytes(vec![]));
        let stranger = changed_inside(&route, 0, |headers| {
            set(headers, label::KID.into(), Value::Bytes(b"gw1.npc.xdd.valise.internal".to_vec()));
        });
        let no_gateway = changed_inside(&route, 0, |headers| {
            set(headers, label::KID.into(), Value::Bytes(b"gw1.example.org".to_vec()));
        });
        let mut other = sealed.clone();
        *other.last_mut().unwrap() ^= 1;
        let by_another = self.sent_by(&self.signed(act(ActKind::Refusal)), "XCC").bytes;
        vec![
            ("route-without-signature", "bad-signature", frame(&joined(&stripped, &sealed))),
            ("route-of-an-unknown-party", "unknown-party", frame(&joined(&stranger, &sealed))),
            ("route-of-no-party", "malformed-envelope", frame(&joined(&no_gateway, &sealed))),
            ("route-to-another-party", "not-addressed", edited("to", "XCC".into())),
            ("route-with-an-unknown-member", "unexpected-content", edited("colour", "red".into())),
            ("route-in-the-bulk-lane", "unsupported", edited("lane", "bulk".into())),
            ("body-of-another-route", "body-mismatch", frame(&joined(&route, &other))),
            ("routed-by-another-party", "wrong-sender", frame(&by_another)),
        ]
    }

    fn broken_seals(&self) -> Vec<Fault> {
        let (good, ring) = (self.small(), self.federation.ring("XAA"));
        let sealed = layers(&good).1;
        let frame = |sealed: &[u8]| frame(FrameKind::Envelope, &rerouted(&good, sealed, &ring, |_| ()));
        let recipient = |change: &dyn Fn(&mut Vec<Value>)| {
            frame(&changed(&sealed, 3, |layers| {
                change(layers.as_array_mut().unwrap()[0].as_array_mut().unwrap());
            }))
        };
        let commitment = changed_inside(&sealed, 0, |headers| {
            set(headers, label::KEY_COMMITMENT.into(), Value::Bytes(vec![0; 32]));
        });
        let twice = changed(&sealed, 1, |headers| set(headers, label::ALG.into(), 3.into()));
        let iv = changed(&sealed, 1, |headers| set(headers, label::IV.into(), Value::Bytes(vec![0; 12])));
        let short_iv =
            changed(&sealed, 1, |headers| set(headers, label::IV.into(), Value::Bytes(vec![0; 11])));
        let nobody = changed(&sealed, 3, |layers| *layers = Value::Array(vec![]));
        let envelope = |route: &mut Value| set(route, "envelope".into(), Value::Bytes(vec![0; 16]));
        let renamed = rerouted(&good, &sealed, &ring, envelope);
        vec![
            (
                "kem-ciphertext-changed",
                "cannot-open",
                recipient(&|layer| {
                    let encapsulated = layer[1].as_map_mut().unwrap()[0].1.as_bytes_mut().unwrap();
                    encapsulated[0] ^= 1;
                }),
            ),
            (
                "kem-ciphertext-too-short",
                "bad-key",
                recipient(&|layer| {
                    layer[1].as_map_mut().unwrap()[0].1.as_bytes_mut().unwrap().pop();
                }),
            ),
            (
                "wrapped-key-changed",
                "cannot-open",
                recipient(&|layer| layer[2].as_bytes_mut().unwrap()[0] ^= 1),
            ),
            (
                "prekey-that-is-gone",
                "prekey-gone",
                recipient(&|layer| {
                    let mut header = wire::decode(layer[0].as_bytes().unwrap(), &Limits::HEADERS).unwrap();
                    set(&mut header, label::KID.into(), Value::Bytes(vec![0; 16]));
                    layer[0] = Value::Bytes(wire::encode_value(&header).unwrap());
                }),
            ),
            ("key-commitment-changed", "cannot-open", frame(&commitment)),
            ("iv-changed", "cannot-open", frame(&iv)),
            ("iv-too-short", "bad-header", frame(&short_iv)),
            ("alg-in-both-buckets", "duplicate-header", frame(&twice)),
            ("no-recipients", "bad-recipients", frame(&nobody)),
            ("seal-of-another-envelope", "cannot-open", crate::forge::frame(FrameKind::Envelope, &renamed)),
        ]
    }

    fn broken_statements(&self) -> Vec<Fault> {
        let ring = self.federation.ring("XAA");
        let good = self.signed(act(ActKind::Refusal));
        let with =
            |edit: &dyn Fn(&mut Value)| self.framed(&forged(&good, &ring, good.disclosures.clone(), edit));
        let header =
            |label: i64, value: Value| with(&move |headers| set(headers, label.into(), value.clone()));
        let listed = |headers: &mut Value, extra: i64| {
            let map = headers.as_map_mut().unwrap();
            let crit = map.iter_mut().find(|(key, _)| *key == label::CRIT.into()).unwrap();
            crit.1.as_array_mut().unwrap().push(extra.into());
        };
        let claim = |key: i64, value: Value| {
            with(&move |headers| {
                let map = headers.as_map_mut().unwrap();
                let claims = map.iter_mut().find(|(key, _)| *key == label::CWT_CLAIMS.into()).unwrap();
                set(&mut claims.1, key.into(), value.clone());
            })
        };
        let for_xcc = |headers: &mut Value| {
            listed(headers, label::ON_BEHALF_OF);
            let (principal, mandate) = ("principal".into(), "mandate".into());
            let named = vec![(mandate, Value::Bytes(vec![0; 32])), (principal, "XCC".into())];
            set(headers, label::ON_BEHALF_OF.into(), Value::Map(named));
        };
        // XAA's own gateway key, as a relay has one, signs a mandate of XCC to itself.
        let mut thief = self.federation.ring("XCC");
        thief.seal = ring.log.clone();
        let terms = granted("XCC", "XAA").terms;
        let stolen = document_of(&grant_mandate(terms, &thief).unwrap());
        let stripped = changed(&good.bytes, 3, |signature| *signature = Value::Bytes(vec![]));
        let by_log_key = resigned(&good.bytes, &ring.log.0);
        let with_bytes = |bytes| self.framed(&Signed { bytes, ..good.clone() });
        vec![
            ("statement-without-signature", "bad-signature", with_bytes(stripped)),
            ("statement-signed-by-the-log-key", "bad-signature", with_bytes(by_log_key)),
            ("statement-in-another-partys-name", "unknown-key", claim(1, "XCC".into())),
            ("statement-for-another-party", "not-addressed", claim(3, Value::Array(vec!["XCC".into()]))),
            ("statement-with-an-expiry", "malformed-envelope", claim(4, 1.into())),
            ("statement-of-version-0", "unsupported-version", header(label::VERSION, 0.into())),
            ("statement-of-an-unknown-act", "unknown-act", header(label::ACT, "extradition".into())),
            ("statement-of-another-act", "unexpected-content", header(label::ACT, "acknowledgement".into())),
            ("statement-with-an-unknown-flag", "unsupported", header(label::FLAGS, 2.into())),
            (
                "statement-with-a-manifest",
                "malformed-envelope",
                header(label::MANIFEST_ROOT, Value::Bytes(vec![0; 32])),
            ),
            (
                "statement-of-another-media-type",
                "malformed-envelope",
                header(label::CONTENT_TYPE, "text/plain".into()),
            ),
            ("unknown-header", "unknown-header", header(99, 1.into())),
            ("unknown-critical-header", "unknown-critical-header", with(&|headers| listed(headers, -70099))),
            (
                "private-header-not-critical",
                "not-marked-critical",
                with(&|headers| headers.as_map_mut().unwrap().retain(|(key, _)| *key != label::CRIT.into())),
            ),
            ("acting-on-behalf-without-a-mandate", "mandate-missing", with(&for_xcc)),
            (
                "acting-on-behalf-by-a-mandate-of-another-key",
                "unknown-key",
                self.framed(&forged(&good, &ring, good.disclosures.clone(), for_xcc).with_mandate(stolen)),
            ),
            (
                "mandate-on-nobodys-behalf",
                "malformed-envelope",
                self.framed(&good.clone().with_mandate(document_of(&granted("XCC", "XAA")))),
            ),
        ]
    }

    fn broken_elements(&self) -> Vec<Fault> {
        let ring = self.federation.ring("XAA");
        let refusal = self.signed(act(ActKind::Refusal));
        let response = self.signed(act(ActKind::Response));
        let signed = |good: &Signed, disclosures| self.framed(&forged(good, &ring, disclosures, |_| ()));
        let packed = |good: &Signed, edit: &dyn Fn(&mut Packed)| {
            let mut packed = Packed::of_signed(good).unwrap();
            edit(&mut packed);
            self.sealed(&wire::encode(&packed).unwrap())
        };
        let dropped = |packed: &mut Packed| {
            changed_body(packed, |members| drop(members.remove(0)));
        };
        let unlabelled = |packed: &mut Packed| changed_body(packed, |members| remove_label(members));
        let mut extra = refusal.disclosures.clone();
        extra.insert(1, altered(&altered(&extra[0], 1, "reasons".into()), 3, Value::Null));
        let mut blank = refusal.disclosures.clone();
        blank[0] = altered(&blank[0], 3, Value::Array(vec!["a1".into()]));
        vec![
            ("element-dropped", "bad-signature", packed(&refusal, &dropped)),
            ("seed-of-other-salts", "bad-signature", packed(&refusal, &|packed| packed.seed[0] ^= 1)),
            (
                "body-that-is-no-map",
                "malformed-envelope",
                packed(&refusal, &|packed| packed.body = vec![0x80]),
            ),
            ("label-removed", "bad-signature", packed(&response, &unlabelled)),
            (
                "statement-with-its-payload",
                "bad-payload",
                packed(&refusal, &|packed| packed.statement.clone_from(&refusal.bytes)),
            ),
            ("element-of-an-unknown-name", "unexpected-content", signed(&refusal, extra)),
            ("element-of-another-type", "unexpected-content", signed(&refusal, blank)),
        ]
    }

    /// Seals a plaintext of our own under the envelope that a refusal travels in.
    fn sealed(&self, plaintext: &[u8]) -> Vec<u8> {
        let (ring, to) = (self.federation.ring("XAA"), "XBB".parse().unwrap());
        let outgoing = self.sent_by(&self.signed(act(ActKind::Refusal)), "XAA");
        let prekey = self.federation.directory("XAA").prekey(&to, self.federation.now).unwrap().clone();
        let info = (SEAL_CONTEXT, &ring.party, &to, Bytes::new(&prekey.id.0));
        let info = wire::encode(&info).unwrap();
        let recipient = Recipient { public: &prekey.public, kid: &prekey.id.0, info: &info };
        let envelope = outgoing.envelope.as_bytes();
        let sealed = cose::seal(plaintext, &[recipient], envelope, &mut Seeded(7)).unwrap().bytes;
        frame(FrameKind::Envelope, &rerouted(&outgoing.bytes, &sealed, &ring, |_| ()))
    }

    fn framed(&self, signed: &Signed) -> Vec<u8> {
        frame(FrameKind::Envelope, &self.sent_by(signed, "XAA").bytes)
    }
}

/// What a seal is bound to (docs/protocol.md 7).
const SEAL_CONTEXT: &str = "valise/2 seal X-Wing SHAKE256 AES-256-GCM";

/// Changes the members of a packed body.
fn changed_body(packed: &mut Packed, edit: impl FnOnce(&mut Vec<(Value, Value)>)) {
    let mut body: Value = wire::decode(&packed.body, &Limits::ENVELOPE).unwrap();
    edit(body.as_map_mut().unwrap());
    packed.body = encode_value(&body).unwrap();
}

/// Removes the first usage label of a response's elements.
fn remove_label(members: &mut [(Value, Value)]) {
    let of = |map: &mut Value, key: &str| {
        let map = map.as_map_mut().unwrap();
        map.iter().position(|(name, _)| name.as_text() == Some(key))
    };
    let items = members.iter_mut().find(|(name, _)| name.as_text() == Some("items")).unwrap();
    for item in items.1.as_array_mut().unwrap() {
        let Some(at) = of(item, "elements") else { continue };
        for element in item.as_map_mut().unwrap()[at].1.as_array_mut().unwrap() {
            if let Some(label) = of(element, "label") {
                element.as_map_mut().unwrap().remove(label);
                return;
            }
        }
    }
    panic!("no element bears a label");
}

type Fault = (&'static str, &'static str, Vec<u8>);

/// Changes one of salt, path, label and value.
fn altered(element: &Disclosure, member: usize, value: Value) -> Disclosure {
    Disclosure::parse(&changed(element.bytes(), member, |old| *old = value)).unwrap()
}
