//! `case follow`: the next request of a chain of cases (DESIGN §3.9).

use crate::case;
use crate::case::{Body, PermitId};
use crate::control::{ExitCode, Failure, FormView};
use crate::envelope::Disclosure;
use crate::model::{
    Act, Addressee, AddresseeBasis, CaseId, Digest, Element, ElementPath, Follows, Label, Party, Quotation,
    Request, Text,
};
use crate::node::content;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{known, record, unknown};
use crate::rules::label::{Forbids, join_all};
use crate::rules::release::AuthorityKind;
use crate::wire;
use std::collections::BTreeSet;

/// Writes the request that follows the newest answer of a case: the same items, the answer by its digest, and only
/// those of its words that are asked for and may be quoted. What may not be passed on yet is named by its path, and the
/// officer is told which element is forbidden by which rule.
///
/// # Errors
/// No answer has come, or an element is restricted and no permit opens it for the next addressee.
pub(super) async fn follow(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    quotes: Vec<ElementPath>,
    permit: Option<String>,
    to: Option<Party>,
) -> Result<FormView, Failure> {
    let slot = known(gateway, id)?;
    let (response, request, answered_by) = {
        let case = slot.read();
        let peer = case.opening().map(|opening| opening.peer.clone());
        let answers = case.acts().filter(|record| {
            matches!(record.facts.body, Body::Response { .. })
                && Some(&record.facts.header.issuer) == peer.as_ref()
        });
        let newest = answers.max_by_key(|record| (record.at, record.facts.header.digest));
        let newest = newest.map(|record| record.facts.header.digest).ok_or_else(|| {
            Failure::new(ExitCode::Finding, "follow.no_answer", format!("no answer has come in {id}"))
                .hint("a chain goes on from an answer; `valise case show` shows the acts")
        })?;
        let by = peer.map(|peer| peer.to_string()).unwrap_or_default();
        (newest, content::request(gateway, &case)?.1, by)
    };
    // The look at the answer is on record before anything of it is used (ISACS 8.4 a).
    record(gateway, officer, "case.follow", Some(id)).await?;
    let body =
        gateway.ledger.body(&response).map_err(NodeError::from)?.ok_or_else(|| unknown("act", &response))?;
    let mut free = Vec::new();
    for element in &body.elements {
        if let Some(bytes) = &element.disclosure {
            free.push((element.path.clone(), Disclosure::parse(bytes).map_err(NodeError::from)?));
        }
    }
    let mut quoted = Vec::new();
    for path in quotes {
        let text = path.to_string();
        let found = free.iter().find(|(known, _)| *known == text).ok_or_else(|| sealed(&body, id, &text))?;
        quoted.push((path, found.1.clone()));
    }
    let mut bound_to = None;
    if let Some(name) = permit {
        let (party, opened) = opened(gateway, officer, &slot, &name, &response).await?;
        bound_to = Some(party);
        quoted.extend(opened);
    }
    let to = to.or(bound_to.clone()).or_else(|| next_state(&free));
    if let (Some(party), Some(to)) = (&bound_to, &to)
        && party != to
    {
        let why = format!("the permit is for {party}, not for {to}");
        return Err(Failure::new(ExitCode::Denied, "follow.permit", why)
            .hint("nothing was written; ask for consent that names the next addressee"));
    }
    let forbids = case::restricted_towards(&slot.read(), &response, to.as_ref(), gateway.now());
    let mut follows = follows(response, quoted)?;
    let mut warnings = Vec::new();
    for Forbids { source, rule, why } in forbids {
        if follows.quotes.iter().all(|quote| quote.path != source) {
            warnings.push(format!("{source} of {answered_by} is not quoted: {rule}: {why}"));
            follows.pending.insert(source);
        }
    }
    let form = form(request, follows, to, &answered_by);
    Ok(FormView { form, warnings })
}

/// Spends a permit for what it opens of the answer; the one for whom it is becomes the addressee.
async fn opened(
    gateway: &Gateway,
    officer: &str,
    slot: &crate::node::desk::Slot,
    name: &str,
    response: &Digest,
) -> Result<(Party, Vec<(ElementPath, Disclosure)>), Failure> {
    let none = || NodeError::from(case::Refused::UnknownElement(name.to_owned()));
    let permit: PermitId = name.parse().map_err(|_| unknown("permit", &name))?;
    let kind = slot.read().permit(&permit).map(|permit| permit.to.kind.clone());
    let Some(AuthorityKind::Foreign(party)) = kind else {
        let why = format!("{name} is no permit of this case to tell another party");
        return Err(Failure::new(ExitCode::Denied, "follow.permit", why).hint(
            "`valise release request CASE --to PARTY --purpose tracing`, once the originator consents",
        ));
    };
    let opened = gateway.open_permit(slot, permit, officer).await?;
    let mut out = Vec::new();
    for (act, path, bytes) in opened.disclosures {
        if act == *response {
            let path = path.parse().map_err(|_| none())?;
            out.push((path, Disclosure::parse(&bytes).map_err(NodeError::from)?));
        }
    }
    Ok((party, out))
}

fn follows(response: Digest, quoted: Vec<(ElementPath, Disclosure)>) -> Result<Follows, Failure> {
    let (mut quotes, mut labels) = (Vec::new(), Vec::<Label>::new());
    for (path, disclosure) in quoted {
        let element: Element = wire::from_value(&disclosure.value()).map_err(|cause| {
            Failure::new(ExitCode::Finding, "follow.element", format!("{path} is no element of an answer"))
                .cause(cause)
        })?;
        labels.extend(disclosure.label().cloned());
        quotes.push(Quotation { path, about: element.about, answer: element.answer });
    }
    let label = Some(join_all(&labels)).filter(|label| !label.is_unrestricted());
    Ok(Follows { response, quotes, pending: BTreeSet::new(), label })
}

/// Finds the State to which the answer points, by what in it is free.
fn next_state(free: &[(String, Disclosure)]) -> Option<Party> {
    let named = |(path, disclosure): &(String, Disclosure)| -> Option<Party> {
        let value = content::to_json(&disclosure.value());
        let text = if path.ends_with("next_state") {
            value.as_str().map(str::to_owned)
        } else {
            let exported = matches!(value["about"].as_str(), Some("export" | "recipient"));
            let state = value["answer"]["value"]["state"].as_str();
            state.filter(|_| exported).map(str::to_owned)
        };
        text.or_else(|| value["next_state"].as_str().map(str::to_owned))?.parse().ok()
    };
    free.iter().find_map(named)
}

fn form(request: Request, follows: Follows, to: Option<Party>, answered_by: &str) -> String {
    let reason = Some(Text::new(format!("the answer of {answered_by} leads there")));
    let addressee = to.map(|party| Addressee { party, basis: AddresseeBasis::Export, reason });
    let next = Request { addressee, follows: Some(follows), incomplete_reason: None, ..request };
    let act = Act::Request(Box::new(next));
    serde_json::to_string_pretty(&act).expect("a request has only members that JSON can write")
}

fn sealed(body: &crate::store::Body, id: &CaseId, path: &str) -> Failure {
    if body.elements.iter().any(|element| element.path == *path) {
        let why = format!("{path} is restricted: its originator has not consented to passing it on");
        return Failure::new(ExitCode::Denied, "follow.restricted", why).hint(format!(
            "`valise consent ask {id} --to PARTY --purpose tracing --element {path}`, then `release request` and --permit"
        ));
    }
    NodeError::from(case::Refused::UnknownElement(path.to_owned())).into()
}
