//! A chain of bilateral cases (DESIGN §3.9): the request that follows an answer of another State, and what it may
//! quote from it.

use super::{Body, Case, ElementRef, Permit, Refused, consent};
use crate::model::{Follows, Label, Party, Purpose, Timestamp};
use crate::rules::label::{covers, join_all};
use crate::rules::release::{Authority, AuthorityKind, Verdict, decide};
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

fn quotable(
    source: &Case,
    element: &ElementRef,
    label: &Label,
    to: &Party,
    now: Timestamp,
) -> Result<(), Refused> {
    let foreign = AuthorityKind::Foreign(to.clone());
    let authority = Authority { name: to.to_string(), kind: foreign.clone(), designated: false };
    let verdict = decide(label, &authority, Purpose::Tracing, &BTreeSet::new(), now);
    let Verdict::Denied { rule, why } = verdict else { return Ok(()) };
    let fits = |permit: &&Permit| {
        permit.to.kind == foreign
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
