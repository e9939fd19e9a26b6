//! A chain of bilateral cases (DESIGN §3.9): the request that follows an answer of another State, and what it may
//! quote from it.

use super::{Body, Case, ElementRef, Permit, Refused, consent};
use crate::model::{Digest, ElementPath, Follows, Label, Party, Purpose, Timestamp};
use crate::rules::label::{Forbids, covers, forbidding, join_all};
use crate::rules::release::{Authority, AuthorityKind, Verdict, binds, decide};
use std::collections::BTreeSet;

/// Decides whether a request `to` a party may follow an answer that `source` holds, and quote what it quotes.
///
/// What is restricted is quoted only under a permit for just that party that was used for it, all of whose consents
/// stand (ISACS 8.3.4.2 f); and the whole bears the join of the labels of what it quotes (DESIGN §12.9).
///
/// # Errors
/// [`Refused::NotAnAnswer`], [`Refused::UnknownElement`], [`Refused::QuoteForbidden`], [`Refused::ConsentGone`] or
/// [`Refused::LabelStripped`].
pub fn may_follow(source: &Case, follows: &Follows, to: &Party, now: Timestamp) -> Result<(), Refused> {
    let now = now.max(source.latest());
    let opening = source.opening().ok_or(Refused::NotAnAnswer(follows.response))?;
    let record = source.act(&follows.response).filter(|record| {
        matches!(record.facts.body, Body::Response { .. }) && record.facts.header.issuer == opening.peer
    });
    let record = record.ok_or(Refused::NotAnAnswer(follows.response))?;
    let stands = |path: &ElementPath| {
        let path = path.to_string();
        record.facts.elements().iter().any(|element| element.path == path)
    };
    if let Some(invented) = follows.pending.iter().find(|path| !stands(path)) {
        return Err(Refused::UnknownElement(invented.to_string()));
    }
    let mut labels: Vec<Label> = Vec::new();
    for quote in &follows.quotes {
        let path = quote.path.to_string();
        let found = record.facts.elements().iter().find(|element| element.path == path);
        let label =
            found.ok_or_else(|| Refused::UnknownElement(path.clone()))?.label.clone().unwrap_or_default();
        let element = ElementRef { act: follows.response, path };
        // Whoever gave it knows it.
        if *to != opening.peer {
            quotable(source, &element, &label, to, now)?;
        }
        labels.push(label);
    }
    let stated = follows.label.clone().unwrap_or_default();
    if covers(&stated, &join_all(&labels)) { Ok(()) } else { Err(Refused::LabelStripped) }
}

/// Lists the elements of an answer that may not be passed on to a party as consents stand, and which rule of which
/// label forbids it; for no party yet, all that are restricted.
pub fn restricted_towards(
    source: &Case,
    response: &Digest,
    to: Option<&Party>,
    now: Timestamp,
) -> Vec<Forbids<ElementPath>> {
    let elements = source.act(response).map_or(&[][..], |record| record.facts.elements());
    let now = now.max(source.latest());
    let Some(to) = to else {
        let bound = elements.iter().filter_map(|element| {
            let label = element.label.as_ref().filter(|label| binds(label, now))?;
            let why = format!("it bears a label ({}), and no addressee is named", label.codes().join(" "));
            Some(Forbids { source: element.path.parse().ok()?, rule: "8.3.4.2", why })
        });
        return bound.collect();
    };
    let (to, known) = (abroad(to), consent::consents(source, now));
    let recipient = to.recipient();
    let sources = elements.iter().filter_map(|element| {
        let path = element.path.parse().ok()?;
        let (lifted, _) =
            consent::lifted(&known, response, &element.path, recipient.as_ref(), Purpose::Tracing);
        Some((path, element.label.clone().unwrap_or_default(), lifted))
    });
    forbidding(sources, &to, Purpose::Tracing, now)
}

fn abroad(to: &Party) -> Authority {
    Authority { name: to.to_string(), kind: AuthorityKind::Foreign(to.clone()), designated: false }
}

fn quotable(
    source: &Case,
    element: &ElementRef,
    label: &Label,
    to: &Party,
    now: Timestamp,
) -> Result<(), Refused> {
    let authority = abroad(to);
    let verdict = decide(label, &authority, Purpose::Tracing, &BTreeSet::new(), now);
    let Verdict::Denied { rule, why } = verdict else { return Ok(()) };
    let fits = |permit: &&Permit| {
        permit.to.kind == authority.kind
            && permit.purpose == Purpose::Tracing
            && permit.elements.contains(element)
            && source.permit_use(&permit.id).is_some()
    };
    let mut gone = None;
    for permit in source.permits().filter(fits) {
        match consent::still_stand(source, permit, now) {
            Ok(()) => return Ok(()),
            Err(refused) => gone = Some(refused),
        }
    }
    Err(gone.unwrap_or_else(|| Refused::QuoteForbidden { path: element.path.clone(), rule, why }))
}
