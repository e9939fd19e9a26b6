//! What the other side sends.

use super::Decision;
use crate::case::{
    ActFacts, ActRecord, Case, Direction, Equivocation, Event, Opening, Receipt, Refused, Role,
};
use crate::model::{CaseId, Party, Timestamp};

/// Keeps every verified act, whatever the state (DESIGN §4, §12.14).
pub(super) fn act(case: &Case, id: CaseId, me: Party, facts: ActFacts, received_at: Timestamp) -> Decision {
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
        let role = if id.minted_by(&me) { Role::Requester } else { Role::Requested };
        events.push(Event::Opened(Opening { case: id, me, peer: header.issuer.clone(), role }));
    }
    let record = ActRecord { facts, direction: Direction::Received, at: received_at };
    events.push(Event::ActRecorded(record));
    Decision { events, ..Decision::default() }
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
