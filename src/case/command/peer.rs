//! What the other side sends.

use super::Decision;
use crate::case::{
    ActFacts, ActHeader, ActRecord, Behalf, Case, Direction, Equivocation, Event, Opening, Receipt, Refused,
    Role,
};
use crate::model::{CaseId, MandateFault, Party, Timestamp};

/// An act as it came.
pub(super) struct Came {
    pub facts: ActFacts,
    pub audience: Vec<Party>,
    pub received_at: Timestamp,
    pub beyond: Option<MandateFault>,
}

/// Keeps every verified act, whatever the state (DESIGN §4, §12.14).
pub(super) fn act(case: &Case, id: CaseId, me: Party, came: Came) -> Decision {
    let Came { facts, audience, received_at, beyond } = came;
    if case.act(&facts.header.digest).is_some() {
        return Decision { duplicate: true, ..Decision::default() };
    }
    let header = &facts.header;
    let same_id = case
        .acts
        .values()
        .map(|record| &record.facts.header)
        .find(|known| known.issuer == header.issuer && known.message_id == header.message_id);
    if let Some(first) = same_id {
        let (first, second) = (first.digest, header.digest);
        if case.equivocations().any(|proof| (proof.first, proof.second) == (first, second)) {
            return Decision { duplicate: true, ..Decision::default() };
        }
        let (issuer, message_id) = (header.issuer.clone(), header.message_id);
        let proof = Equivocation { issuer, message_id, first, second, at: received_at };
        return Decision { events: vec![Event::Equivocation(proof)], ..Decision::default() };
    }
    let mut events = Vec::new();
    if case.opening().is_none() {
        events.push(Event::Opened(opening(id, me, header, audience)));
    }
    let record = ActRecord { facts, direction: Direction::Received, at: received_at, beyond };
    events.push(Event::ActRecorded(record));
    Decision { events, ..Decision::default() }
}

/// Takes back an act of our own.
pub(super) fn own(
    case: &Case,
    id: CaseId,
    me: Party,
    facts: ActFacts,
    audience: Vec<Party>,
    at: Timestamp,
) -> Decision {
    let header = &facts.header;
    if case.act(&header.digest).is_some() {
        return Decision { duplicate: true, ..Decision::default() };
    }
    let mut events = Vec::new();
    if case.opening().is_none() {
        let mut addressed = audience.into_iter();
        let (first, second) = (addressed.next(), addressed.next());
        let behalf = match (&header.on_behalf_of, &first, second) {
            (Some(named), _, _) => Some(Behalf { principal: named.principal.clone(), agent: me.clone() }),
            (None, Some(agent), Some(principal)) => Some(Behalf { principal, agent: agent.clone() }),
            (None, _, _) => None,
        };
        let role = if id.minted_by(&me) { Role::Requester } else { Role::Requested };
        let peer = first.unwrap_or_else(|| me.clone());
        events.push(Event::Opened(Opening { case: id, me, peer, role, behalf }));
    }
    events.push(Event::ActRecorded(ActRecord { facts, direction: Direction::Sent, at, beyond: None }));
    Decision { events, ..Decision::default() }
}

/// Opens a case by its first act. Who acts for whom shows in the act: an agent says so in its header, and
/// an act for an agent is addressed to it first and to its principal second (ISACS 9.3).
fn opening(id: CaseId, me: Party, header: &ActHeader, audience: Vec<Party>) -> Opening {
    let issuer = &header.issuer;
    let mut addressed = audience.into_iter();
    let (first, second) = (addressed.next(), addressed.next());
    let behalf = match (&header.on_behalf_of, &first, second) {
        (Some(named), _, _) => Some(Behalf { principal: named.principal.clone(), agent: issuer.clone() }),
        (None, Some(agent), Some(principal)) => Some(Behalf { principal, agent: agent.clone() }),
        (None, _, _) => None,
    };
    let observes = behalf.as_ref().is_some_and(|behalf| behalf.principal == me);
    let by_agent = behalf.as_ref().is_some_and(|behalf| behalf.agent == *issuer);
    let peer = match first {
        Some(first) if observes && by_agent => first,
        Some(_) | None => issuer.clone(),
    };
    let role = match (observes, id.minted_by(&me)) {
        (true, _) => Role::Observer,
        (false, true) => Role::Requester,
        (false, false) => Role::Requested,
    };
    Opening { case: id, me, peer, role, behalf }
}

pub(super) fn receipt(case: &Case, receipt: Receipt) -> Result<Decision, Refused> {
    case.opening().ok_or(Refused::UnknownCase)?;
    let known = case.receipts.get(&(receipt.digest, receipt.by.clone()));
    if known == Some(&receipt.received_at) || case.receipt_conflicts.contains(&receipt) {
        return Ok(Decision { duplicate: true, ..Decision::default() });
    }
    let event = match known {
        None => Event::ReceiptRecorded(receipt),
        Some(_) => Event::ReceiptConflict(receipt),
    };
    Ok(Decision { events: vec![event], ..Decision::default() })
}
