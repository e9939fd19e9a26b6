//! Splits an act into its elements and puts it together again.
//!
//! The signed payload of a statement holds only the digests of the act's elements, in order. The
//! elements travel beside it as disclosures, each with its own salt, so that a copy from which some
//! are left out still verifies and tells nothing about what is missing (DESIGN §5.1).
//!
//! One rule says what an element is: each member of the act's body; for `items`, each member of
//! each item; and for an item's `elements`, each entry. An empty list is one element. A resubmission's
//! `request` is cut like a request.

use crate::cose::hkdf_salts;
use crate::envelope::EnvelopeError;
use crate::model::{Act, ActKind, Digest, Entropy, Label, Sensitive};
use crate::wire;
use crate::wire::{Entries, Limits, Parts, WireError};
use ciborium::Value;
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use std::fmt;
use std::ops::Range;

/// Length of an element's salt in bytes: enough that a digest of a guessable value reveals nothing.
const SALT_BYTES: usize = 16;

/// The fewest bytes of a disclosure: its head, its salt, a path of one letter, no label and a value.
pub(super) const SHORTEST_DISCLOSURE: usize = 1 + (1 + SALT_BYTES) + 2 + 1 + 1;

/// The most elements of an act: some 300 items. What is made of them before their signature is proved stays below 3 MiB.
const MAX_ELEMENTS: usize = 8192;

/// Stands where an element bears no label.
const NULL: &[u8] = &[0xf6];

/// The most segments of a path: `items/0/elements/1`.
const MAX_SEGMENTS: usize = 4;

/// One element of an act as the recipient may see it: salt, path, usage label and value.
///
/// Its `Debug` never shows the value (ISACS 8.4 a).
#[derive(Clone, PartialEq)]
pub struct Disclosure {
    bytes: Vec<u8>,
    path: String,
    label: Option<Label>,
    /// Where the value stands in the bytes. It is decoded when it is asked for: elements are read before
    /// it is proved who signed them, and values cost many times their bytes.
    value: Range<usize>,
}

impl Disclosure {
    /// Reads the exact bytes that were hashed.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] or [`EnvelopeError::Malformed`] if they are no disclosure.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let [salt, path, label, value] = wire::members(bytes, &Limits::ENVELOPE)?;
        let salt: ByteBuf = wire::decode(salt, &Limits::ENVELOPE)?;
        let path: String = wire::decode(path, &Limits::ENVELOPE)?;
        let label = wire::decode(label, &Limits::ENVELOPE)?;
        if salt.len() != SALT_BYTES {
            return Err(EnvelopeError::Malformed("a disclosure's salt is not 16 bytes"));
        }
        check_path(&path)?;
        let value = bytes.len() - value.len()..bytes.len();
        Ok(Self { bytes: bytes.to_vec(), path, label, value })
    }

    /// Returns the bytes that are hashed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns where in the act the element stands, such as `items/0/elements/1`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the usage label, if the element bears one.
    pub const fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// Decodes the element's value.
    pub fn value(&self) -> Value {
        let value = wire::decode_value(self.value_bytes(), &Limits::ENVELOPE);
        value.expect("a disclosure's bytes were checked when it was read")
    }

    /// Computes the digest that the signed payload holds.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.bytes])
    }

    fn of((path, value): Piece<'_>, salt: &[u8; SALT_BYTES]) -> Result<Self, EnvelopeError> {
        check_path(&path)?;
        let label_bytes = label_of(value)?;
        let label = label_bytes.map(|label| wire::decode(label, &Limits::ENVELOPE)).transpose()?;
        let salt = wire::byte_string(salt);
        let bytes = wire::array(&[&salt, &wire::text_string(&path), label_bytes.unwrap_or(NULL), value]);
        let value = bytes.len() - value.len()..bytes.len();
        Ok(Self { bytes, path, label, value })
    }

    /// Returns the salt, which every disclosure has behind the heads of its array and of the salt itself.
    fn salt(&self) -> [u8; SALT_BYTES] {
        *self.bytes[2..].first_chunk().expect("a disclosure's bytes were checked when it was read")
    }

    fn value_bytes(&self) -> &[u8] {
        &self.bytes[self.value.clone()]
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disclosure({}, {:?}, [hidden])", self.path, self.label)
    }
}

/// An act's body in its one encoding, and the elements into which it is cut, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The body: the map of the act's members in deterministic CBOR.
    pub body: Sensitive<Vec<u8>>,
    /// The elements, each with its own salt.
    pub disclosures: Vec<Disclosure>,
}

/// Names what the salts of an act are derived for.
const SALTS: &[u8] = b"valise v2 element salt";

/// The secret from which the salts of an act's elements are derived; only its issuer and those whom it addresses have it.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltSeed(pub [u8; 32]);

impl fmt::Debug for SaltSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltSeed([hidden])")
    }
}

impl Cut {
    /// Cuts an act into elements whose salts a fresh seed gives.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if the act cannot be encoded, which is a bug.
    pub fn fresh(act: &Act, entropy: &mut dyn Entropy) -> Result<(Self, SaltSeed), EnvelopeError> {
        let mut seed = SaltSeed([0; 32]);
        entropy.fill(&mut seed.0);
        Ok((Self::seeded(wire::encode(act)?, &seed)?, seed))
    }

    /// Cuts a body into its elements, whose salts a seed gives.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] or [`EnvelopeError::Malformed`] if the body is no map that can be cut.
    pub fn seeded(body: Vec<u8>, seed: &SaltSeed) -> Result<Self, EnvelopeError> {
        let pieces = pieces(&body)?;
        let salts = hkdf_salts(&seed.0, SALTS, pieces.len());
        let disclosures = disclosures(pieces, &salts)?;
        Ok(Self { body: Sensitive::new(body), disclosures })
    }

    /// Puts a body together from all its elements.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] or [`EnvelopeError::Wire`] if an element is missing, doubled, out of order, or
    /// cut or labelled otherwise than [`Self::fresh`] does it.
    pub fn of(shown: &[Disclosure]) -> Result<Self, EnvelopeError> {
        let body = body_of(shown)?;
        let salts: Vec<_> = shown.iter().map(Disclosure::salt).collect();
        let pieces = pieces(&body)?;
        // The body decides how it is cut: the same one cut elsewhere could hide a label.
        let same = pieces.len() == shown.len() && disclosures(pieces, &salts)? == shown;
        if same {
            Ok(Self { body: Sensitive::new(body), disclosures: shown.to_vec() })
        } else {
            Err(EnvelopeError::Malformed("the disclosures are not the act's elements in order"))
        }
    }

    /// Reads the body as an act.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if it is none of that kind.
    pub fn act(&self, kind: ActKind) -> Result<Act, EnvelopeError> {
        typed(kind, self.body.reveal())
    }
}

/// Splits an act into disclosures with fresh salts.
///
/// # Errors
/// [`EnvelopeError::Wire`] if the act cannot be encoded, which is a bug.
pub fn split(act: &Act, entropy: &mut dyn Entropy) -> Result<Vec<Disclosure>, EnvelopeError> {
    Ok(Cut::fresh(act, entropy)?.0.disclosures)
}

/// Puts an act together from all its disclosures.
///
/// # Errors
/// As for [`Cut::of`], or if they are ill-typed.
pub fn join(kind: ActKind, disclosures: &[Disclosure]) -> Result<Act, EnvelopeError> {
    Cut::of(disclosures)?.act(kind)
}

/// Puts elements at their paths, in whatever way they were cut.
pub(super) fn body_of(disclosures: &[Disclosure]) -> Result<Vec<u8>, EnvelopeError> {
    check_size(disclosures)?;
    let mut body = Value::Map(Vec::new());
    for disclosure in disclosures {
        insert(&mut body, &disclosure.path, disclosure.value())?;
    }
    Ok(wire::encode_value(&body)?)
}

/// Puts an act together from those of its elements that are shown, as far as they go; an entry of a
/// list is left out with what follows it if one before it is hidden.
///
/// # Errors
/// [`EnvelopeError::Malformed`] or [`EnvelopeError::Wire`] if too little is shown to make an act of.
pub(super) fn join_shown(kind: ActKind, shown: &[Disclosure]) -> Result<Act, EnvelopeError> {
    check_size(shown)?;
    let mut body = Value::Map(Vec::new());
    for disclosure in shown {
        let mut tried = body.clone();
        if insert(&mut tried, &disclosure.path, disclosure.value()).is_ok() {
            body = tried;
        }
    }
    typed(kind, &wire::encode_value(&body)?)
}

fn check_path(path: &str) -> Result<(), EnvelopeError> {
    let short = path.split('/').count() <= MAX_SEGMENTS;
    if short { Ok(()) } else { Err(EnvelopeError::Malformed("a disclosure's path is too long")) }
}

/// Computes the digest of all usage labels with their paths, which the protected header repeats.
///
/// # Errors
/// [`EnvelopeError::Wire`] if a label cannot be encoded, which is a bug.
pub fn label_digest(disclosures: &[Disclosure]) -> Result<Digest, EnvelopeError> {
    let labels: Vec<(&str, &Label)> =
        disclosures.iter().filter_map(|d| Some((d.path.as_str(), d.label.as_ref()?))).collect();
    Ok(Digest::of(&[&wire::encode(&labels)?]))
}

/// Bounds all values together as the body that they were cut from is bounded.
fn check_size(disclosures: &[Disclosure]) -> Result<(), EnvelopeError> {
    let mut left = Limits::ENVELOPE;
    for disclosure in disclosures {
        left.items -= wire::count(disclosure.value_bytes(), &left).map_err(WireError::from)?;
    }
    Ok(())
}

fn typed(kind: ActKind, body: &[u8]) -> Result<Act, EnvelopeError> {
    fn read<T: Serialize + DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
        wire::decode(body, &Limits::ENVELOPE)
    }
    Ok(match kind {
        ActKind::Request => Act::Request(read(body)?),
        ActKind::Acknowledgement => Act::Acknowledgement(read(body)?),
        ActKind::ReturnIncomplete => Act::ReturnIncomplete(read(body)?),
        ActKind::Resubmission => Act::Resubmission(read(body)?),
        ActKind::Response => Act::Response(read(body)?),
        ActKind::Delay => Act::Delay(read(body)?),
        ActKind::Refusal => Act::Refusal(read(body)?),
        ActKind::ClarificationRequest => Act::ClarificationRequest(read(body)?),
        ActKind::Clarification => Act::Clarification(read(body)?),
        ActKind::Withdrawal => Act::Withdrawal(read(body)?),
        ActKind::OutcomeNotice => Act::OutcomeNotice(read(body)?),
        ActKind::ConsentRequest => Act::ConsentRequest(read(body)?),
        ActKind::ConsentGrant => Act::ConsentGrant(read(body)?),
        ActKind::ConsentDenial => Act::ConsentDenial(read(body)?),
        ActKind::ConsentWithdrawal => Act::ConsentWithdrawal(read(body)?),
        ActKind::DisclosureNotice => Act::DisclosureNotice(read(body)?),
        ActKind::Mandate => Act::Mandate(read(body)?),
        ActKind::MandateRevocation => Act::MandateRevocation(read(body)?),
        ActKind::Notice => Act::Notice(read(body)?),
        ActKind::AssistanceRequest => Act::AssistanceRequest(read(body)?),
        ActKind::AssistanceReply => Act::AssistanceReply(read(body)?),
    })
}

/// An element where it stands in the body: its path and the bytes of its value.
type Piece<'a> = (String, &'a [u8]);

/// Finds an act's elements, in the order of the body's members. Nothing is decoded: it is not proved yet who wrote it.
fn pieces(body: &[u8]) -> Result<Vec<Piece<'_>>, EnvelopeError> {
    let mut out = Vec::new();
    pieces_under("", body, &mut out)?;
    Ok(out)
}

fn pieces_under<'a>(prefix: &str, body: &'a [u8], out: &mut Vec<Piece<'a>>) -> Result<(), EnvelopeError> {
    let Some(members) = members(body)? else { return Ok(()) };
    for (key, value) in members {
        match (name(key)?, parts(value)?) {
            ("items", Parts::Array(items)) => {
                for (i, item) in items.enumerate() {
                    pieces_of_item(&format!("{prefix}items/{i}"), item, out)?;
                }
            }
            ("request", Parts::Map(_)) => pieces_under(&format!("{prefix}request/"), value, out)?,
            (key, Parts::Array(_) | Parts::Map(_) | Parts::Whole) => {
                add(out, format!("{prefix}{key}"), value)?
            }
        }
    }
    Ok(())
}

fn pieces_of_item<'a>(prefix: &str, item: &'a [u8], out: &mut Vec<Piece<'a>>) -> Result<(), EnvelopeError> {
    let Some(members) = members(item)? else { return Ok(()) };
    for (key, value) in members {
        match (name(key)?, parts(value)?) {
            ("elements", Parts::Array(entries)) => {
                for (j, entry) in entries.enumerate() {
                    add(out, format!("{prefix}/elements/{j}"), entry)?;
                }
            }
            (key, Parts::Array(_) | Parts::Map(_) | Parts::Whole) => {
                add(out, format!("{prefix}/{key}"), value)?
            }
        }
    }
    Ok(())
}

fn add<'a>(out: &mut Vec<Piece<'a>>, path: String, value: &'a [u8]) -> Result<(), EnvelopeError> {
    if out.len() == MAX_ELEMENTS {
        return Err(EnvelopeError::Malformed("an act has more than 8,192 elements"));
    }
    out.push((path, value));
    Ok(())
}

fn parts(item: &[u8]) -> Result<Parts<'_>, EnvelopeError> {
    Ok(wire::parts(item, &Limits::ENVELOPE).map_err(WireError::from)?)
}

/// Lists the members of a map; none if it is empty.
fn members(map: &[u8]) -> Result<Option<Entries<'_>>, EnvelopeError> {
    match parts(map)? {
        Parts::Map(entries) => Ok(Some(entries)),
        // RFC 8949 §3.1: the empty map.
        Parts::Whole if map == [0xa0] => Ok(None),
        Parts::Whole | Parts::Array(_) => Err(EnvelopeError::Malformed("an act's body is not a map")),
    }
}

fn name(key: &[u8]) -> Result<&str, EnvelopeError> {
    wire::text(key).ok_or(EnvelopeError::Malformed("a member's name is not text"))
}

/// Puts `value` at `path`; list entries must come in order from zero.
fn insert(into: &mut Value, path: &str, value: Value) -> Result<(), EnvelopeError> {
    let (head, rest) = path.split_once('/').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let slot = if let Value::Map(map) = into {
        // Elements come in order, so that only the newest member can still grow.
        if map.last().is_none_or(|(key, _)| key.as_text() != Some(head)) {
            map.push((Value::Text(head.to_owned()), Value::Null));
        }
        let newest = map.len() - 1;
        &mut map[newest].1
    } else if let Value::Array(list) = into {
        let at: usize = head.parse().map_err(|_| EnvelopeError::Malformed("a path names no list entry"))?;
        if at == list.len() {
            list.push(Value::Null);
        }
        list.get_mut(at).ok_or(EnvelopeError::Malformed("a list entry is missing"))?
    } else {
        return Err(EnvelopeError::Malformed("a path leads through a value"));
    };
    let Some(rest) = rest else {
        if *slot != Value::Null {
            return Err(EnvelopeError::Malformed("an element is there twice"));
        }
        *slot = value;
        return Ok(());
    };
    if *slot == Value::Null {
        let list = rest.starts_with(|c: char| c.is_ascii_digit());
        *slot = if list { Value::Array(Vec::new()) } else { Value::Map(Vec::new()) };
    }
    insert(slot, rest, value)
}

/// Returns the bytes of an element's usage label, if it bears one.
fn label_of(element: &[u8]) -> Result<Option<&[u8]>, EnvelopeError> {
    let Parts::Map(mut entries) = parts(element)? else { return Ok(None) };
    Ok(entries.find(|(key, _)| wire::text(key) == Some("label")).map(|(_, label)| label))
}

fn disclosures(pieces: Vec<Piece<'_>>, salts: &[[u8; SALT_BYTES]]) -> Result<Vec<Disclosure>, EnvelopeError> {
    pieces.into_iter().zip(salts).map(|(piece, salt)| Disclosure::of(piece, salt)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Clarification, ClarificationRequest, Delay, FollowUp, Ground, GroundCode, MissingElement,
        OutcomeNotice, Request, Resubmission, ReturnIncomplete, Ternary, Text, Withdrawal,
    };

    struct Counter(u8);

    impl Entropy for Counter {
        fn fill(&mut self, out: &mut [u8]) {
            self.0 += 1;
            out.fill(self.0);
        }
    }

    fn words(text: &str) -> Text {
        Text::new(text.to_owned())
    }

    /// The acts that steer a case, with the paths at which they are cut.
    fn steering_acts() -> [(Act, &'static [&'static str]); 7] {
        let digest = |n| Digest([n; 32]);
        let ground = Ground { code: GroundCode::A1, reason: words("inquiry open"), law: None };
        let missing = MissingElement {
            clause: "6.3(a)".to_owned(),
            field: "items[0].make".to_owned(),
            why: words("blank"),
        };
        let items = vec![FollowUp {
            item: 0,
            point_of_diversion: Ternary::Yes,
            prosecution: Ternary::Unknown,
            action: Some(words("store audited")),
            preventive_measure: None,
        }];
        let again = Request {
            incomplete_reason: Some(words("finder is dead")),
            items: serde_json::from_str(r#"[{"kind":"part","import_mark":"absent"}]"#).unwrap(),
            ..Request::default()
        };
        [
            (
                Act::ReturnIncomplete(ReturnIncomplete {
                    request: digest(1),
                    missing: vec![missing],
                    judgement: None,
                }),
                &["missing", "request"],
            ),
            (
                Act::Resubmission(Resubmission {
                    previous: digest(1),
                    returned_by: digest(2),
                    request: Box::new(again),
                }),
                &[
                    "request/items/0/kind",
                    "request/items/0/import_mark",
                    "request/incomplete_reason",
                    "previous",
                    "returned_by",
                ],
            ),
            (
                Act::Delay(Delay {
                    request: digest(1),
                    grounds: vec![ground],
                    expected: "2026-07".parse().ok(),
                }),
                &["grounds", "request", "expected"],
            ),
            (
                Act::ClarificationRequest(ClarificationRequest { about: digest(3), question: words("why?") }),
                &["about", "question"],
            ),
            (
                Act::Clarification(Clarification { request_for: digest(4), answer: words("because") }),
                &["answer", "request_for"],
            ),
            (
                Act::Withdrawal(Withdrawal { request: digest(1), reason: words("found at home") }),
                &["reason", "request"],
            ),
            (
                Act::OutcomeNotice(OutcomeNotice { request: digest(1), items }),
                &[
                    "items/0/item",
                    "items/0/action",
                    "items/0/prosecution",
                    "items/0/point_of_diversion",
                    "request",
                ],
            ),
        ]
    }

    #[test]
    fn the_acts_that_steer_a_case_are_cut_and_joined() {
        for (act, paths) in steering_acts() {
            let cut = split(&act, &mut Counter(0)).unwrap();
            assert_eq!(cut.iter().map(Disclosure::path).collect::<Vec<_>>(), paths, "{:?}", act.kind());
            assert_eq!(join(act.kind(), &cut).unwrap(), act);
            for other in ActKind::ALL.into_iter().filter(|kind| *kind != act.kind()) {
                assert!(join(other, &cut).is_err(), "{:?} is no {other:?}", act.kind());
            }
            assert!(join(act.kind(), &cut[1..]).is_err(), "{:?} lacks an element", act.kind());
        }
    }

    #[test]
    fn a_resubmission_of_nothing_is_still_an_act() {
        let request = Box::new(Request::default());
        let act = Act::Resubmission(Resubmission {
            previous: Digest([1; 32]),
            returned_by: Digest([2; 32]),
            request,
        });
        let cut = split(&act, &mut Counter(0)).unwrap();
        assert_eq!(join(ActKind::Resubmission, &cut).unwrap(), act);
    }

    #[test]
    fn an_act_of_more_elements_than_any_needs_is_not_cut() {
        let body = |members: usize| {
            let member = |nth: usize| (format!("{nth:05}").into(), Value::Null);
            wire::encode_value(&Value::Map((0..members).map(member).collect())).unwrap()
        };
        let seed = SaltSeed([1; 32]);
        assert_eq!(Cut::seeded(body(MAX_ELEMENTS), &seed).unwrap().disclosures.len(), MAX_ELEMENTS);
        assert_eq!(Cut::seeded(body(MAX_ELEMENTS + 1), &seed).unwrap_err().code(), "malformed-envelope");
        let of_members = |bytes: &[u8]| Cut::seeded(bytes.to_vec(), &seed).map(|cut| cut.disclosures.len());
        assert_eq!(of_members(&[0xa0]).unwrap(), 0);
        for none in [&[0x80][..], b"\xa1\x01\x02", b"\xf6", b""] {
            assert!(of_members(none).is_err(), "{none:02x?}");
        }
    }
}
