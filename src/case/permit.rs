use super::fold::Folded;
use super::{Case, Decision, Event, Opening, Refused, consent};
use crate::model::{
    DAY, Digest, Label, Matter, MessageId, OfficerSignature, ParseIdError, Purpose, Restriction, Text,
    Timestamp,
};
use crate::rules::freshness;
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
    /// The grants of consent on which it rests; each must still stand when it is used.
    #[serde(default)]
    pub consents: BTreeSet<Digest>,
    /// How many officers must agree, the one who asked among them.
    #[serde(default = "one")]
    pub approvals: u32,
    /// Why it was granted without them, in an emergency; in words that name no weapon and no person.
    #[serde(default)]
    pub emergency: Option<Text>,
}

/// What national policy asks of a release, and whether an officer claims an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How many officers must agree, the one who asks among them; at least one.
    pub approvals: u32,
    /// The row of the policy that says so.
    pub policy: Option<String>,
    /// Why it cannot wait, in words that name no weapon and no person.
    pub emergency: Option<Text>,
    /// Since when the directory is stale, if it is.
    pub stale: Option<Timestamp>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { approvals: 1, policy: None, emergency: None, stale: None }
    }
}

/// Another officer's word for a release; it names the digest of what that officer was shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Approval {
    /// The permit.
    pub id: PermitId,
    /// Who.
    pub officer: String,
    /// The [`Permit::digest`].
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// The officer's own signature over the digest; absent in a demo.
    #[serde(default)]
    pub signature: Option<OfficerSignature>,
}

/// Ends a permit before it was used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bar {
    /// When.
    pub at: Timestamp,
    /// The permit.
    pub id: PermitId,
    /// Which officer; none where it lapsed.
    pub officer: Option<String>,
    /// Why, in words that name no weapon and no person.
    pub reason: Option<Text>,
}

const fn one() -> u32 {
    1
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
    pub terms: Terms,
}

/// Permits or denies a release as a whole (ISACS 8.3.4.2 d–f, 8.4 b).
pub(super) fn request_release(
    case: &Case,
    asked: ReleaseRequest,
    now: Timestamp,
) -> Result<Decision, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    if case.permits.contains_key(&asked.id) || case.denials.iter().any(|denial| denial.id == asked.id) {
        return Err(Refused::PermitIdTaken(asked.id));
    }
    if asked.terms.emergency.is_some() && asked.to.is_foreign() {
        return Err(Refused::AcrossBorder);
    }
    let now = now.max(case.latest());
    let folded = Folded::of(case, opening);
    let selected = select(&folded, opening, asked.elements.as_deref())?;
    let known = consent::consents(case, now);
    let recipient = asked.to.recipient();
    let (mut basis, mut consents, mut denied) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (element, label) in &selected {
        let ElementRef { act, path } = element;
        let aim = Some((&asked.to, asked.purpose));
        if let Some(why) = freshness::refusal(label, aim, asked.terms.stale, now) {
            denied.push(DeniedElement { element: element.clone(), rule: freshness::RULE.to_owned(), why });
            continue;
        }
        // Silence is never consent: only a grant that stands lifts anything (DESIGN §8).
        let (lifts, grants) = consent::lifted(&known, act, path, recipient.as_ref(), asked.purpose);
        match decide(label, &asked.to, asked.purpose, &lifts, now) {
            Verdict::Permit { basis: clauses } => {
                if !permits(label, &asked, &BTreeSet::new(), now) {
                    consents.extend(grants);
                }
                basis.extend(clauses.into_iter().map(str::to_owned));
            }
            // What a court compels may go out at home once its provider was told (ISACS 8.4, UNFP 12(5)).
            Verdict::Denied { .. }
                if asked.terms.emergency.is_some()
                    && recipient
                        .as_ref()
                        .is_some_and(|to| consent::told_beforehand(case, opening, act, path, to)) =>
            {
                basis.insert(COMPELLED.to_owned());
            }
            Verdict::Denied { rule, why } => {
                denied.push(DeniedElement { element: element.clone(), rule: rule.to_owned(), why });
            }
        }
    }
    let ReleaseRequest { id, to, purpose, officer, terms, .. } = asked;
    if !denied.is_empty() {
        let denial = Denial { at: now, id, to, purpose, officer, elements: denied };
        return Ok(Decision {
            events: vec![Event::ReleaseDenied(denial.clone())],
            denied: Some(denial),
            ..Decision::default()
        });
    }
    basis.extend(terms.policy.map(|row| format!("policy {row}")));
    let elements = selected.into_iter().map(|(element, _)| element).collect();
    let permit = Permit {
        id,
        to,
        purpose,
        officer,
        basis,
        elements,
        granted_at: now,
        expires: now.saturating_add(VALIDITY),
        consents,
        approvals: terms.approvals.max(1),
        emergency: terms.emergency,
    };
    Ok(Decision { events: vec![Event::PermitGranted(permit)], ..Decision::default() })
}

/// The basis of what a court or law compels.
const COMPELLED: &str = "8.4 compelled";

fn permits(label: &Label, asked: &ReleaseRequest, lifts: &BTreeSet<Restriction>, now: Timestamp) -> bool {
    matches!(decide(label, &asked.to, asked.purpose, lifts, now), Verdict::Permit { .. })
}

/// Tells why a permit cannot be used while the directory is stale since then, if it opens something restricted.
pub fn stale_refusal(case: &Case, permit: &Permit, since: Timestamp, now: Timestamp) -> Option<String> {
    let aim = Some((&permit.to, permit.purpose));
    let label = |element: &ElementRef| {
        let elements = case.act(&element.act)?.facts.elements();
        elements.iter().find(|found| found.path == element.path)?.label.as_ref()
    };
    let refused = |label| freshness::refusal(label, aim, Some(since), now);
    permit.elements.iter().filter_map(label).find_map(refused)
}

/// Spends a permit; the vault may open its elements once this is committed (DESIGN §12.1).
pub(super) fn use_permit(
    case: &Case,
    id: PermitId,
    officer: String,
    vouched: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Decision, Refused> {
    // A clock that was set back opens nothing again that had ended by what the case holds.
    let now = now.max(case.latest());
    let permit = open_permit(case, &id, now)?;
    if officer != permit.officer {
        return Err(Refused::NotYourPermit { id, officer: permit.officer.clone() });
    }
    // A word that does not verify any more, or whose officer has gone, counts for nothing.
    let agreed = agreed(case, permit, |officer| vouched.contains(officer));
    if agreed < permit.approvals && permit.emergency.is_none() {
        return Err(Refused::NotApproved { id, needed: permit.approvals, agreed });
    }
    consent::still_stand(case, permit, now)?;
    Ok(Decision {
        events: vec![Event::PermitUsed(PermitUse { id, at: now, officer })],
        ..Decision::default()
    })
}

/// Agrees to a release; whoever asked for it cannot (DESIGN §12.11).
pub(super) fn approve(case: &Case, approval: Approval, now: Timestamp) -> Result<Decision, Refused> {
    let permit = open_permit(case, &approval.id, now.max(case.latest()))?;
    second(permit, &approval)?;
    if agreed(case, permit, |_| true) >= permit.approvals {
        return Err(Refused::NothingToApprove(approval.id));
    }
    Ok(Decision { events: vec![Event::PermitApproved(approval)], ..Decision::default() })
}

/// Bars a release that was not used yet.
pub(super) fn bar(
    case: &Case,
    id: PermitId,
    officer: String,
    reason: Text,
    now: Timestamp,
) -> Result<Decision, Refused> {
    open_permit(case, &id, now.max(case.latest()))?;
    let bar = Bar { at: now, id, officer: Some(officer), reason: Some(reason) };
    Ok(Decision { events: vec![Event::PermitBarred(bar)], ..Decision::default() })
}

/// Notes that a permit was found to have ended, so that no clock brings it back.
pub(super) fn lapse(case: &Case, id: PermitId, now: Timestamp) -> Result<Decision, Refused> {
    let Some(permit) = case.permit(&id) else { return Err(Refused::UnknownPermit(id)) };
    let mut decision = Decision::default();
    if now >= permit.expires && !case.is_barred(&id) && case.permit_use(&id).is_none() {
        decision.events.push(Event::PermitBarred(Bar { at: now, id, officer: None, reason: None }));
    }
    Ok(decision)
}

/// Notes that another officer has looked at a release made in an emergency.
pub(super) fn review(case: &Case, review: Approval) -> Result<Decision, Refused> {
    let Some(permit) = case.permit(&review.id) else { return Err(Refused::UnknownPermit(review.id)) };
    if permit.emergency.is_none() || case.reviews.contains_key(&review.id) {
        return Err(Refused::NothingToApprove(review.id));
    }
    second(permit, &review)?;
    Ok(Decision { events: vec![Event::EmergencyReviewed(review)], ..Decision::default() })
}

/// Counts the officers who agree to a permit as it stands, the one who asked among them; of the others only
/// those whose word `holds`.
pub(super) fn agreed(case: &Case, permit: &Permit, holds: impl Fn(&String) -> bool) -> u32 {
    let digest = permit.digest();
    let others: BTreeSet<&String> = case
        .approvals
        .iter()
        .filter(|a| a.id == permit.id && a.digest == digest && a.officer != permit.officer)
        .map(|a| &a.officer)
        .filter(|officer| holds(officer))
        .collect();
    1 + u32::try_from(others.len()).unwrap_or(u32::MAX - 1)
}

/// Finds a permit that is neither used, barred nor over.
fn open_permit<'c>(case: &'c Case, id: &PermitId, now: Timestamp) -> Result<&'c Permit, Refused> {
    let permit = case.permit(id).ok_or_else(|| Refused::UnknownPermit(id.clone()))?;
    if let Some(earlier) = case.permit_use(id) {
        return Err(Refused::PermitUsed { id: id.clone(), at: earlier.at });
    }
    if let Some(bar) = case.bars.get(id) {
        return Err(match bar.officer {
            Some(_) => Refused::PermitBarred { id: id.clone(), at: bar.at },
            None => Refused::PermitExpired { id: id.clone(), at: permit.expires },
        });
    }
    if now >= permit.expires {
        return Err(Refused::PermitExpired { id: id.clone(), at: permit.expires });
    }
    Ok(permit)
}

/// Whoever agrees is another officer than the one who asked, and saw what is agreed to.
fn second(permit: &Permit, word: &Approval) -> Result<(), Refused> {
    if word.officer == permit.officer {
        return Err(Refused::SameOfficer(word.officer.clone()));
    }
    if word.digest != permit.digest() {
        return Err(Refused::DigestDiffers { named: word.digest, expected: permit.digest() });
    }
    Ok(())
}

/// Finds the elements that were received and asked for; all of them where none is named.
fn select(
    folded: &Folded<'_>,
    opening: &Opening,
    paths: Option<&[String]>,
) -> Result<Vec<(ElementRef, Label)>, Refused> {
    let mut known = Vec::new();
    for record in folded.order.iter().filter(|record| record.facts.header.issuer == opening.peer) {
        let act = record.facts.header.digest;
        known.extend(record.facts.elements().iter().map(|element| {
            (ElementRef { act, path: element.path.clone() }, element.label.clone().unwrap_or_default())
        }));
    }
    // What an agent has obtained is its principal's to use too (ISACS 9.3).
    if known.is_empty() && !opening.asks() {
        return Err(Refused::NotRequester);
    }
    if let Some(paths) = paths {
        if let Some(unknown) = paths.iter().find(|path| known.iter().all(|(e, _)| e.path != **path)) {
            return Err(Refused::UnknownElement(unknown.clone()));
        }
        known.retain(|(element, _)| paths.contains(&element.path));
    }
    if known.is_empty() { Err(Refused::NothingToRelease) } else { Ok(known) }
}

impl Permit {
    /// Computes what another officer confirms: the digest of all that the permit says.
    pub fn digest(&self) -> Digest {
        Matter::Release.digest_of(&self.words())
    }

    /// Writes all that the permit says, as another officer reads it.
    pub fn words(&self) -> String {
        serde_json::to_string(self).expect("a permit has only members that JSON can write")
    }
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
