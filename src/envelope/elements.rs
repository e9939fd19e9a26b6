//! Splits an act into its elements and puts it together again.
//!
//! The signed payload of a statement holds only the digests of the act's elements, in order. The
//! elements travel beside it as disclosures, each with its own salt, so that a copy from which some
//! are left out still verifies and tells nothing about what is missing (DESIGN §5.1).
//!
//! One rule says what an element is: each member of the act's body; for `items`, each member of
//! each item; and for an item's `elements`, each entry. An empty list is one element. A resubmission's
//! `request` is cut like a request.

use crate::envelope::EnvelopeError;
use crate::model::{Act, ActKind, Digest, Entropy, Label};
use crate::wire;
use crate::wire::{Limits, WireError};
use ciborium::Value;
use serde_bytes::{ByteBuf, Bytes};
use std::fmt;
use std::ops::Range;

/// Length of an element's salt in bytes: enough that a digest of a guessable value reveals nothing.
const SALT_BYTES: usize = 16;

/// The fewest bytes of a disclosure: its head, its salt, a path of one letter, no label and a value.
pub(super) const SHORTEST_DISCLOSURE: usize = 1 + (1 + SALT_BYTES) + 2 + 1 + 1;

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
        if path.split('/').count() > MAX_SEGMENTS {
            return Err(EnvelopeError::Malformed("a disclosure's path is too long"));
        }
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

    fn make(path: String, value: Value, entropy: &mut dyn Entropy) -> Result<Self, EnvelopeError> {
        let label = label_of(&value)?;
        let mut salt = [0u8; SALT_BYTES];
        entropy.fill(&mut salt);
        Self::parse(&wire::encode(&(Bytes::new(&salt), path, label, value))?)
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

/// Splits an act into disclosures with fresh salts.
///
/// # Errors
/// [`EnvelopeError::Wire`] if the act cannot be encoded, which is a bug.
pub fn split(act: &Act, entropy: &mut dyn Entropy) -> Result<Vec<Disclosure>, EnvelopeError> {
    paths(body(act)?)?.into_iter().map(|(path, value)| Disclosure::make(path, value, entropy)).collect()
}

/// Puts an act together from all its disclosures.
///
/// # Errors
/// [`EnvelopeError::Malformed`] or [`EnvelopeError::Wire`] if an element is missing, doubled, out of
/// order, unknown, ill-typed or cut otherwise than [`split`] cuts it.
pub fn join(kind: ActKind, disclosures: &[Disclosure]) -> Result<Act, EnvelopeError> {
    check_size(disclosures)?;
    let mut body = Value::Map(Vec::new());
    for disclosure in disclosures {
        insert(&mut body, &disclosure.path, disclosure.value())?;
    }
    let act = typed(kind, &body)?;
    // The act decides how it is cut: the same act cut elsewhere could hide a label.
    let expected = paths(self::body(&act)?)?;
    let same = expected.len() == disclosures.len()
        && expected.iter().zip(disclosures).all(|((path, value), d)| *path == d.path && *value == d.value());
    if !same {
        return Err(EnvelopeError::Malformed("the disclosures are not the act's elements in order"));
    }
    for disclosure in disclosures {
        if label_of(&disclosure.value())? != disclosure.label {
            return Err(EnvelopeError::Malformed("a disclosure's label differs from its element's"));
        }
    }
    Ok(act)
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
    typed(kind, &body)
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

/// Gives an act's body with its members in the order of deterministic CBOR (RFC 8949 §4.2.1).
fn body(act: &Act) -> Result<Value, EnvelopeError> {
    let bytes = wire::encode(act)?;
    Ok(wire::decode_value(&bytes, &Limits::ENVELOPE)?)
}

fn typed(kind: ActKind, body: &Value) -> Result<Act, EnvelopeError> {
    Ok(match kind {
        ActKind::Request => Act::Request(wire::from_value(body)?),
        ActKind::Acknowledgement => Act::Acknowledgement(wire::from_value(body)?),
        ActKind::ReturnIncomplete => Act::ReturnIncomplete(wire::from_value(body)?),
        ActKind::Resubmission => Act::Resubmission(wire::from_value(body)?),
        ActKind::Response => Act::Response(wire::from_value(body)?),
        ActKind::Delay => Act::Delay(wire::from_value(body)?),
        ActKind::Refusal => Act::Refusal(wire::from_value(body)?),
        ActKind::ClarificationRequest => Act::ClarificationRequest(wire::from_value(body)?),
        ActKind::Clarification => Act::Clarification(wire::from_value(body)?),
        ActKind::Withdrawal => Act::Withdrawal(wire::from_value(body)?),
        ActKind::OutcomeNotice => Act::OutcomeNotice(wire::from_value(body)?),
        ActKind::ConsentRequest => Act::ConsentRequest(wire::from_value(body)?),
        ActKind::ConsentGrant => Act::ConsentGrant(wire::from_value(body)?),
        ActKind::ConsentDenial => Act::ConsentDenial(wire::from_value(body)?),
        ActKind::ConsentWithdrawal => Act::ConsentWithdrawal(wire::from_value(body)?),
        ActKind::DisclosureNotice => Act::DisclosureNotice(wire::from_value(body)?),
        ActKind::Mandate => Act::Mandate(wire::from_value(body)?),
        ActKind::MandateRevocation => Act::MandateRevocation(wire::from_value(body)?),
        ActKind::Notice => Act::Notice(wire::from_value(body)?),
        ActKind::AssistanceRequest => Act::AssistanceRequest(wire::from_value(body)?),
        ActKind::AssistanceReply => Act::AssistanceReply(wire::from_value(body)?),
    })
}

/// Lists an act's elements as (path, value), in the order of the body's members.
fn paths(body: Value) -> Result<Vec<(String, Value)>, EnvelopeError> {
    let mut out = Vec::new();
    for (key, value) in members(body)? {
        match (key.as_str(), value) {
            ("items", Value::Array(items)) if !items.is_empty() => {
                for (i, item) in items.into_iter().enumerate() {
                    item_paths(&format!("items/{i}"), item, &mut out)?;
                }
            }
            ("request", Value::Map(request)) => {
                let inner = paths(Value::Map(request))?;
                out.extend(inner.into_iter().map(|(path, value)| (format!("request/{path}"), value)));
            }
            (_, whole) => out.push((key, whole)),
        }
    }
    Ok(out)
}

fn item_paths(prefix: &str, item: Value, out: &mut Vec<(String, Value)>) -> Result<(), EnvelopeError> {
    for (key, value) in members(item)? {
        match (key.as_str(), value) {
            ("elements", Value::Array(entries)) if !entries.is_empty() => {
                out.extend(
                    entries.into_iter().enumerate().map(|(j, e)| (format!("{prefix}/elements/{j}"), e)),
                );
            }
            (_, whole) => out.push((format!("{prefix}/{key}"), whole)),
        }
    }
    Ok(())
}

fn members(value: Value) -> Result<Vec<(String, Value)>, EnvelopeError> {
    let map = value.into_map().map_err(|_| EnvelopeError::Malformed("an act's body is not a map"))?;
    let named = |(key, value): (Value, Value)| {
        let key = key.into_text().map_err(|_| EnvelopeError::Malformed("a member's name is not text"))?;
        Ok((key, value))
    };
    map.into_iter().map(named).collect()
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

fn label_of(element: &Value) -> Result<Option<Label>, EnvelopeError> {
    let Some(map) = element.as_map() else { return Ok(None) };
    let label = map.iter().find(|(key, _)| key.as_text() == Some("label")).map(|(_, label)| label);
    Ok(label.map(wire::from_value).transpose()?)
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
}
