//! What an act says, in JSON for an officer; restricted elements show only their codes.

use crate::case::Case;
use crate::control::ContentView;
use crate::envelope::{Content, Disclosure, join};
use crate::model::{Act, ActKind, Digest, Label, Request};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::store::Body;
use ciborium::Value as Cbor;
use serde_bytes::ByteBuf;
use serde_json::{Map, Value, json};

/// Shows the contents of acts, in their order.
///
/// # Errors
/// [`NodeError::Store`] if a body cannot be read.
pub fn contents(
    gateway: &Gateway,
    case: &Case,
    acts: &[(ActKind, Digest)],
) -> Result<Vec<ContentView>, NodeError> {
    let mut out = Vec::new();
    for (kind, digest) in acts {
        if let Some(body) = gateway.ledger.body(digest)? {
            let hidden = body.elements.iter().filter(|element| element.disclosure.is_none());
            let label = |path: &str| case.label(digest, path).cloned().unwrap_or_default();
            let sealed = hidden.map(|element| (element.path.clone(), label(&element.path))).collect();
            let body = show(*kind, digest, &body, case)?;
            out.push(ContentView { digest: *digest, kind: *kind, body, sealed });
        }
    }
    Ok(out)
}

/// Returns the request of a case with its statement digest.
///
/// # Errors
/// [`NodeError::Unknown`] if the case has none yet.
pub fn request(gateway: &Gateway, case: &Case) -> Result<(Digest, Request), NodeError> {
    let digest = request_digest(case)?;
    let missing = || NodeError::Unknown { what: "request", name: digest.to_string() };
    let body = gateway.ledger.body(&digest)?.ok_or_else(missing)?;
    let kind = case.act(&digest).map_or(ActKind::Request, |record| record.facts.kind());
    match whole(kind, &body)? {
        Some(Act::Request(request)) => Ok((digest, *request)),
        Some(Act::Resubmission(again)) => Ok((digest, *again.request)),
        _ => Err(missing()),
    }
}

/// Returns the statement digest of the newest version of a case's request.
///
/// # Errors
/// [`NodeError::Unknown`] if the case has none yet.
pub fn request_digest(case: &Case) -> Result<Digest, NodeError> {
    case.current_request().ok_or_else(|| NodeError::Unknown {
        what: "request",
        name: case.opening().map(|o| o.case.to_string()).unwrap_or_default(),
    })
}

/// Turns the value of an element into JSON; byte strings become lowercase hex.
pub fn to_json(value: &Cbor) -> Value {
    match value {
        Cbor::Integer(number) => {
            i64::try_from(*number).map_or_else(|_| json!(i128::from(*number).to_string()), |n| json!(n))
        }
        Cbor::Bytes(bytes) => json!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Cbor::Text(text) => json!(text),
        Cbor::Bool(flag) => json!(flag),
        Cbor::Array(items) => Value::Array(items.iter().map(to_json).collect()),
        Cbor::Map(entries) => {
            Value::Object(entries.iter().filter(|entry| !is_key(entry)).map(named).collect())
        }
        // Floats and tags have no place on the wire, so nothing else can stand in an element.
        Cbor::Null | Cbor::Float(_) | Cbor::Tag(..) | _ => Value::Null,
    }
}

/// The key of a file is of no use on a screen or on paper.
fn is_key((name, value): &(Cbor, Cbor)) -> bool {
    name.as_text() == Some("key") && matches!(value, Cbor::Bytes(_))
}

fn named((name, value): &(Cbor, Cbor)) -> (String, Value) {
    (name.as_text().unwrap_or_default().to_owned(), to_json(value))
}

fn show(kind: ActKind, digest: &Digest, body: &Body, case: &Case) -> Result<Value, NodeError> {
    if let Some(act) = whole(kind, body)? {
        return Ok(serde_json::to_value(&act).unwrap_or(Value::Null));
    }
    let mut shown = Map::new();
    for element in &body.elements {
        let value = match &element.disclosure {
            Some(bytes) => to_json(&Disclosure::parse(bytes)?.value()),
            None => json!({ "restricted": codes(case, digest, &element.path) }),
        };
        shown.insert(element.path.clone(), value);
    }
    Ok(Value::Object(shown))
}

/// Puts an act together if none of its elements is sealed.
///
/// # Errors
/// [`NodeError::Envelope`] if they are no such act.
pub fn whole(kind: ActKind, body: &Body) -> Result<Option<Act>, NodeError> {
    let open: Option<Vec<ByteBuf>> =
        body.elements.iter().map(|e| e.disclosure.clone().map(ByteBuf::from)).collect();
    let Some(disclosures) = open else { return Ok(None) };
    let content = Content { statement: body.statement.clone(), disclosures, mandate: None };
    Ok(Some(join(kind, &content.parse_disclosures()?)?))
}

fn codes(case: &Case, act: &Digest, path: &str) -> Vec<&'static str> {
    case.label(act, path).map(Label::codes).unwrap_or_default()
}
