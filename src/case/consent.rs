//! Consent to passing information on (ISACS 8.3.4.2 f): asked, granted, denied, taken back.
//!
//! Only the State that gave the information can consent, silence never does, and of several words of the
//! same State the most restrictive counts, so that the order in which they come plays no part.

use super::permit::Permit;
use super::{ActFacts, ActRecord, Body, Case, FlagCode, Opening, Refused};
use crate::model::{
    Act, ConsentDenial, ConsentGrant, ConsentRequest, ConsentWithdrawal, Digest, DisclosureNotice,
    ElementPath, Party, Purpose, Recipient, Restriction, Scope, Text, Timestamp,
};
use crate::rules::consent as rules;
use std::collections::BTreeSet;

/// A question for consent and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The statement digest of the question.
    pub question: Digest,
    /// Who asked.
    pub asked_by: Party,
    /// The response that it is about.
    pub response: Digest,
    /// What was asked for.
    pub asked: Scope,
    /// Where it stands.
    pub state: ConsentState,
    /// The grant that counts or counted, if there is one.
    pub grant: Option<Granted>,
}

/// What was granted, cut to what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The statement digest of the grant.
    pub digest: Digest,
    /// What it allows.
    pub scope: Scope,
    /// The first instant at which it allows nothing.
    pub expires: Timestamp,
    /// Whether it serves one release only.
    pub single_use: bool,
    /// The permits that rest on it.
    pub permits: usize,
}

/// Where a question for consent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsentState {
    /// Nobody has answered: that is no consent.
    Asked,
    /// It was granted and can be used.
    Granted,
    /// It was granted for one release, and a permit rests on it.
    Spent,
    /// It was granted and has ended.
    Expired,
    /// It was denied.
    Denied,
    /// It was granted and taken back.
    Withdrawn,
}

impl ConsentState {
    /// Returns the state as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Granted => "granted",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Lists the questions for consent in a case as they stand at `now`, by their digest.
pub fn consents(case: &Case, now: Timestamp) -> Vec<Consent> {
    let Some(opening) = case.opening() else { return Vec::new() };
    case.acts().filter_map(|record| standing(case, opening, record, now)).collect()
}

fn standing(case: &Case, opening: &Opening, question: &ActRecord, now: Timestamp) -> Option<Consent> {
    let Body::ConsentRequest { response, scope, .. } = &question.facts.body else { return None };
    let originator = originator(case, response)?;
    if opening.counterparty(originator) != Some(&question.facts.header.issuer) {
        return None;
    }
    let name = question.facts.header.digest;
    // Acts that still wait for others count too: a withdrawal must not be held up by what it builds on.
    let by_originator = || case.acts().filter(|record| record.facts.header.issuer == *originator);
    let denied = by_originator().any(
        |r| matches!(&r.facts.body, Body::ConsentDenial { consent_request } if *consent_request == name),
    );
    let mut best: Option<(ConsentState, Granted)> = None;
    for record in by_originator() {
        let Body::ConsentGrant { consent_request, scope: granted, expires, single_use } = &record.facts.body
        else {
            continue;
        };
        if *consent_request != name || granted.recipient != scope.recipient {
            continue;
        }
        let digest = record.facts.header.digest;
        let withdrawn = by_originator()
            .any(|r| matches!(&r.facts.body, Body::ConsentWithdrawal { grant } if *grant == digest));
        let permits = case.permits().filter(|p| p.consents.contains(&digest)).filter(|p| takes(case, p, now));
        let permits = permits.count();
        let state = if denied {
            ConsentState::Denied
        } else if withdrawn {
            ConsentState::Withdrawn
        } else if now >= *expires {
            ConsentState::Expired
        } else if *single_use && permits > 0 {
            ConsentState::Spent
        } else {
            ConsentState::Granted
        };
        let scope = intersection(granted, scope);
        let granted = Granted { digest, scope, expires: *expires, single_use: *single_use, permits };
        if best.as_ref().is_none_or(|(known, _)| state < *known) {
            best = Some((state, granted));
        }
    }
    let (state, grant) = match best {
        Some((state, grant)) => (state, Some(grant)),
        None if denied => (ConsentState::Denied, None),
        None => (ConsentState::Asked, None),
    };
    let asked_by = question.facts.header.issuer.clone();
    Some(Consent { question: name, asked_by, response: *response, asked: scope.clone(), state, grant })
}

/// A permit takes a single use while it can be used and once it was.
fn takes(case: &Case, permit: &Permit, now: Timestamp) -> bool {
    case.permit_use(&permit.id).is_some() || (now < permit.expires && !case.is_barred(&permit.id))
}

fn intersection(granted: &Scope, asked: &Scope) -> Scope {
    Scope {
        elements: granted.elements.intersection(&asked.elements).copied().collect(),
        recipient: asked.recipient.clone(),
        purposes: granted.purposes.intersection(&asked.purposes).copied().collect(),
        lifts: granted.lifts.intersection(&asked.lifts).copied().collect(),
    }
}

/// Finds what the originator has lifted for the release of one element: the restrictions, and the grants
/// on which that rests.
pub(super) fn lifted(
    known: &[Consent],
    response: &Digest,
    path: &str,
    recipient: Option<&Recipient>,
    purpose: Purpose,
) -> (BTreeSet<Restriction>, BTreeSet<Digest>) {
    let Ok(path) = path.parse::<ElementPath>() else { return Default::default() };
    let (mut lifts, mut grants) = (BTreeSet::new(), BTreeSet::new());
    for consent in known.iter().filter(|c| c.response == *response && c.state == ConsentState::Granted) {
        let Some(grant) = &consent.grant else { continue };
        let covers = grant.scope.elements.contains(&path)
            && grant.scope.purposes.contains(&purpose)
            && recipient == Some(&grant.scope.recipient);
        if covers {
            lifts.extend(&grant.scope.lifts);
            grants.insert(grant.digest);
        }
    }
    (lifts, grants)
}

/// Tells whether all the grants on which a permit rests still stand at `now` (DESIGN §12.10).
pub(super) fn still_stand(case: &Case, permit: &Permit, now: Timestamp) -> Result<(), Refused> {
    if permit.consents.is_empty() {
        return Ok(());
    }
    let known = consents(case, now);
    for digest in &permit.consents {
        let found = known.iter().find(|c| c.grant.as_ref().is_some_and(|g| g.digest == *digest));
        let stands = found.is_some_and(|c| match c.state {
            ConsentState::Granted => true,
            // The permit at hand is the one that takes it, unless another came first.
            ConsentState::Spent => first_taker(case, digest, now) == Some(permit.id.clone()),
            ConsentState::Asked | ConsentState::Expired | ConsentState::Denied | ConsentState::Withdrawn => {
                false
            }
        });
        if !stands {
            return Err(Refused::ConsentGone(*digest));
        }
    }
    Ok(())
}

fn first_taker(case: &Case, grant: &Digest, now: Timestamp) -> Option<super::PermitId> {
    let taking = case.permits().filter(|p| p.consents.contains(grant)).filter(|p| takes(case, p, now));
    let rank = |p: &&Permit| (case.permit_use(&p.id).is_none(), p.granted_at, p.id.clone());
    taking.min_by_key(rank).map(|permit| permit.id.clone())
}

/// Returns the party whose information an act holds: the one who made it.
fn originator<'c>(case: &'c Case, act: &Digest) -> Option<&'c Party> {
    case.act(act).filter(|record| !record.facts.elements().is_empty()).map(|r| &r.facts.header.issuer)
}

/// Says what is remarkable about an act that speaks of consent or disclosure.
pub(super) fn remark(case: &Case, opening: &Opening, facts: &ActFacts) -> Option<FlagCode> {
    let issuer = &facts.header.issuer;
    let asked = |question: &Digest| match case.act(question).map(|record| &record.facts.body) {
        Some(Body::ConsentRequest { response, scope, .. }) => Some((*response, scope)),
        _ => None,
    };
    let gave = |response: &Digest| originator(case, response) == Some(issuer);
    let received = |response: &Digest| {
        originator(case, response).is_some_and(|by| opening.counterparty(by) == Some(issuer))
    };
    match &facts.body {
        Body::ConsentRequest { response, .. } => (!received(response)).then_some(FlagCode::NotOriginator),
        Body::ConsentGrant { consent_request, scope, .. } => match asked(consent_request) {
            Some((response, _)) if !gave(&response) => Some(FlagCode::NotOriginator),
            Some((_, asked)) => (!rules::within(scope, asked)).then_some(FlagCode::ConsentBeyondQuestion),
            None => Some(FlagCode::NotOriginator),
        },
        Body::ConsentDenial { consent_request } => (!asked(consent_request)
            .is_some_and(|(response, _)| gave(&response)))
        .then_some(FlagCode::NotOriginator),
        Body::ConsentWithdrawal { grant } => {
            let same = case.act(grant).is_some_and(|granted| {
                granted.facts.header.issuer == *issuer
                    && matches!(granted.facts.body, Body::ConsentGrant { .. })
            });
            (!same).then_some(FlagCode::NotOriginator)
        }
        Body::DisclosureNotice { disclosed, .. } if received(disclosed) => {
            Some(FlagCode::DisclosureCompelled)
        }
        Body::DisclosureNotice { .. } => Some(FlagCode::NotOriginator),
        Body::Request(_)
        | Body::Acknowledgement { .. }
        | Body::ReturnIncomplete { .. }
        | Body::Resubmission { .. }
        | Body::Response { .. }
        | Body::Delay { .. }
        | Body::Refusal { .. }
        | Body::ClarificationRequest { .. }
        | Body::Clarification { .. }
        | Body::Withdrawal { .. }
        | Body::OutcomeNotice { .. }
        | Body::Mandate { .. }
        | Body::MandateRevocation { .. }
        | Body::Notice { .. }
        | Body::AssistanceRequest { .. }
        | Body::AssistanceReply { .. } => None,
    }
}

/// Tells whether this side has told the provider that it must disclose an element to somebody.
pub(super) fn told_beforehand(
    case: &Case,
    opening: &Opening,
    act: &Digest,
    path: &str,
    to: &Recipient,
) -> bool {
    let Ok(path) = path.parse::<ElementPath>() else { return false };
    case.acts().filter(|record| record.facts.header.issuer == opening.me).any(|record| {
        matches!(
            &record.facts.body,
            Body::DisclosureNotice { disclosed, elements, recipient, unmet }
                if disclosed == act && elements.contains(&path) && recipient == to && unmet.is_empty()
        )
    })
}

/// Drafts the question for consent.
pub(super) fn ask(case: &Case, asked: ConsentRequest) -> Result<Act, Refused> {
    received_elements(case, &asked.response, &asked.scope.elements)?;
    Refused::unless_complete(rules::request_check(&asked))?;
    Ok(Act::ConsentRequest(asked))
}

/// Drafts the consent to a question of the other side.
pub(super) fn grant(case: &Case, grant: ConsentGrant, now: Timestamp) -> Result<Act, Refused> {
    let asked = question(case, &grant.consent_request, now)?;
    if matches!(asked.state, ConsentState::Granted | ConsentState::Denied) {
        return Err(Refused::ConsentAnswered(asked.question));
    }
    if grant.expires <= now {
        return Err(Refused::ConsentOver(grant.expires));
    }
    Refused::unless_complete(rules::grant_check(&asked.asked, &grant))?;
    Ok(Act::ConsentGrant(grant))
}

/// Drafts the refusal of consent.
pub(super) fn deny(
    case: &Case,
    consent_request: Digest,
    reason: Text,
    now: Timestamp,
) -> Result<Act, Refused> {
    let asked = question(case, &consent_request, now)?;
    if asked.state != ConsentState::Asked {
        return Err(Refused::ConsentAnswered(asked.question));
    }
    let denial = ConsentDenial { consent_request, reason };
    Refused::unless_complete(rules::denial_check(&denial))?;
    Ok(Act::ConsentDenial(denial))
}

/// Drafts the withdrawal of a consent that this side gave.
pub(super) fn withdraw(case: &Case, grant: Digest, reason: Text) -> Result<Act, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    let mine = case.act(&grant).is_some_and(|record| {
        record.facts.header.issuer == opening.me && matches!(record.facts.body, Body::ConsentGrant { .. })
    });
    if !mine {
        return Err(Refused::UnknownConsent(grant));
    }
    let withdrawal = ConsentWithdrawal { grant, reason };
    Refused::unless_complete(rules::withdrawal_check(&withdrawal))?;
    Ok(Act::ConsentWithdrawal(withdrawal))
}

/// Drafts the notice that a disclosure is compelled.
pub(super) fn notify(case: &Case, notice: DisclosureNotice) -> Result<Act, Refused> {
    received_elements(case, &notice.disclosed, &notice.elements)?;
    if matches!(notice.recipient, Recipient::Party(_)) {
        return Err(Refused::AcrossBorder);
    }
    Refused::unless_complete(rules::notice_check(&notice))?;
    Ok(Act::DisclosureNotice(notice))
}

/// Finds a question that the other side asked about what this side gave.
fn question(case: &Case, digest: &Digest, now: Timestamp) -> Result<Consent, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    let found = consents(case, now).into_iter().find(|c| c.question == *digest);
    found.filter(|c| c.asked_by == opening.peer).ok_or(Refused::UnknownQuestion(*digest))
}

fn received_elements(case: &Case, act: &Digest, paths: &BTreeSet<ElementPath>) -> Result<(), Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    let record = case.act(act).filter(|record| record.facts.header.issuer == opening.peer);
    let elements = record.map(|record| record.facts.elements()).ok_or(Refused::UnknownAct(*act))?;
    let unknown = paths.iter().map(ToString::to_string).find(|path| elements.iter().all(|e| e.path != *path));
    unknown.map_or(Ok(()), |path| Err(Refused::UnknownElement(path)))
}
