use super::fold::Folded;
use super::{Body, Case, Decision, Event, Refused};
use crate::model::{DAY, Digest, Label, MessageId, ParseIdError, Purpose, Timestamp};
use crate::rules::release::{Authority, Verdict, decide};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeSet;
use std::{fmt, str::FromStr};

/// How long a permit can be used after it was granted, in seconds.
const VALIDITY: i64 = DAY;

/// Names a permit or a denial within its case, short enough to type: `R-1f09c3aa`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PermitId(String);

/// Permits one release; the vault opens the elements named here and nothing else (DESIGN §8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// Its name.
    pub id: PermitId,
    /// To whom.
    pub to: Authority,
    /// For what.
    pub purpose: Purpose,
    /// The officer who asked and who alone may use it.
    pub officer: String,
    /// The clauses on which it rests.
    pub basis: BTreeSet<String>,
    /// What it opens.
    pub elements: Vec<ElementRef>,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// The first instant at which it opens nothing.
    pub expires: Timestamp,
}

/// An element of a response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ElementRef {
    /// The statement digest of the response.
    pub act: Digest,
    /// The element's path in it.
    pub path: String,
}

/// Tells when a permit was spent; it opens nothing afterwards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PermitUse {
    /// The permit.
    pub id: PermitId,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub officer: String,
}

/// Records that a release was asked for and denied (ISACS 8.4 b).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Denial {
    /// When.
    pub at: Timestamp,
    /// The name that the permit would have had.
    pub id: PermitId,
    /// To whom.
    pub to: Authority,
    /// For what.
    pub purpose: Purpose,
    /// The officer who asked.
    pub officer: String,
    /// Each element that forbids it, at least one.
    pub elements: Vec<DeniedElement>,
}

/// An element that may not be released, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeniedElement {
    /// The element.
    pub element: ElementRef,
    /// The rule, such as `8.3.4.2(d)`.
    pub rule: String,
    /// The rule in words for the officer.
    pub why: String,
}

/// What an officer asks to release.
pub(super) struct ReleaseRequest {
    pub id: PermitId,
    pub to: Authority,
    pub purpose: Purpose,
    pub officer: String,
    pub elements: Option<Vec<String>>,
}

/// Permits or denies a release as a whole (ISACS 8.3.4.2 d–f, 8.4 b).
pub(super) fn request_release(
    case: &Case,
    asked: ReleaseRequest,
    now: Timestamp,
) -> Result<Decision, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    // What an agent has obtained is its principal's to use too (ISACS 9.3).
    if !opening.asks() {
        return Err(Refused::NotRequester);
    }
    if case.permits.contains_key(&asked.id) || case.denials.iter().any(|denial| denial.id == asked.id) {
        return Err(Refused::PermitIdTaken(asked.id));
    }
    let folded = Folded::of(case, opening);
    let selected = select(&folded, asked.elements.as_deref())?;
    let mut basis = BTreeSet::new();
    let mut denied = Vec::new();
    for (element, label) in &selected {
        // No act of a case carries consent, and silence is never consent (DESIGN §8).
        match decide(label, &asked.to, asked.purpose, false, now) {
            Verdict::Permit { basis: clauses } => basis.extend(clauses.into_iter().map(str::to_owned)),
            Verdict::Denied { rule, why } => {
                denied.push(DeniedElement { element: element.clone(), rule: rule.to_owned(), why });
            }
        }
    }
    let ReleaseRequest { id, to, purpose, officer, .. } = asked;
    if !denied.is_empty() {
        let denial = Denial { at: now, id, to, purpose, officer, elements: denied };
        return Ok(Decision {
            events: vec![Event::ReleaseDenied(denial.clone())],
            denied: Some(denial),
            ..Decision::default()
        });
    }
    let elements = selected.into_iter().map(|(element, _)| element).collect();
    let expires = now.saturating_add(VALIDITY);
    let permit = Permit { id, to, purpose, officer, basis, elements, granted_at: now, expires };
    Ok(Decision { events: vec![Event::PermitGranted(permit)], ..Decision::default() })
}

/// Spends a permit; the vault may open its elements once this is committed (DESIGN §12.1).
pub(super) fn use_permit(
    case: &Case,
    id: PermitId,
    officer: String,
    now: Timestamp,
) -> Result<Decision, Refused> {
    let Some(permit) = case.permit(&id) else { return Err(Refused::UnknownPermit(id)) };
    if let Some(earlier) = case.permit_use(&id) {
        return Err(Refused::PermitUsed { id, at: earlier.at });
    }
    if now >= permit.expires {
        return Err(Refused::PermitExpired { id, at: permit.expires });
    }
    if officer != permit.officer {
        return Err(Refused::NotYourPermit { id, officer: permit.officer.clone() });
    }
    Ok(Decision {
        events: vec![Event::PermitUsed(PermitUse { id, at: now, officer })],
        ..Decision::default()
    })
}

/// Finds the elements of the received responses that were asked for; all of them where none is named.
fn select(folded: &Folded<'_>, paths: Option<&[String]>) -> Result<Vec<(ElementRef, Label)>, Refused> {
    let mut known = Vec::new();
    for record in &folded.order {
        let Body::Response { elements, .. } = &record.facts.body else { continue };
        let act = record.facts.header.digest;
        known.extend(elements.iter().map(|element| {
            (ElementRef { act, path: element.path.clone() }, element.label.clone().unwrap_or_default())
        }));
    }
    if let Some(paths) = paths {
        if let Some(unknown) = paths.iter().find(|path| known.iter().all(|(e, _)| e.path != **path)) {
            return Err(Refused::UnknownElement(unknown.clone()));
        }
        known.retain(|(element, _)| paths.contains(&element.path));
    }
    if known.is_empty() { Err(Refused::NothingToRelease) } else { Ok(known) }
}

impl PermitId {
    /// Takes a name from an identity that the caller drew at random.
    pub fn of(id: &MessageId) -> Self {
        Self(format!("R-{}", &id.to_string()[..8]))
    }

    /// Returns the text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PermitId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix("R-").unwrap_or_default().as_bytes();
        let ok = digits.len() == 8 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ok.then(|| Self(text.to_owned()))
            .ok_or(ParseIdError { what: "release", why: "expected a form like R-1f09c3aa" })
    }
}

impl fmt::Display for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PermitId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
