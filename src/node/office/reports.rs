//! What is counted for reports (ISACS 8.3.4.2, 10.2).

use crate::case::{ActRecord, Body, Direction, Opening};
use crate::control::{RestrictionLine, RestrictionReport};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::rules::statistics;
use crate::rules::statistics::{Count, MIN_CELL, Placed, Restricting};

/// How many cases are looked through at once.
const PAGE: usize = 500;

/// Counts the restrictions of these years; exercises are in no statistics (ISACS 7.1.4).
pub(super) fn restrictions(
    gateway: &Gateway,
    years: Option<(u16, u16)>,
    min_cell: Option<u64>,
) -> Result<RestrictionReport, NodeError> {
    let present = gateway.now().year();
    let (from, to) = years.unwrap_or((present, present));
    let mut acts = Vec::new();
    let mut after = None;
    loop {
        let page = gateway.desk.page(after.as_ref(), PAGE)?;
        for slot in &page {
            let case = slot.read();
            let Some(opening) = case.opening() else { continue };
            after = Some(opening.case.clone());
            let counted = case.acts().filter_map(|record| restricting(gateway, opening, record));
            acts.extend(counted.filter(|act| (from..=to).contains(&act.year)));
        }
        if page.len() < PAGE {
            break;
        }
    }
    let min_cell = min_cell.unwrap_or(MIN_CELL).max(MIN_CELL);
    let lines = statistics::count(acts, min_cell).into_iter().map(line).collect();
    Ok(RestrictionReport { party: gateway.me().clone(), from, to, min_cell, lines })
}

/// Returns what an act restricts; none if it is an exercise, an outsider's, or not one that can.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other act answers a request")]
fn restricting(gateway: &Gateway, opening: &Opening, record: &ActRecord) -> Option<Restricting> {
    let (facts, header) = (&record.facts, &record.facts.header);
    let ours = record.direction == Direction::Sent
        || header.on_behalf_of.as_ref().is_some_and(|named| named.principal == *gateway.me());
    if header.exercise || !(ours || opening.counterparty(&header.issuer).is_some()) {
        return None;
    }
    let grounds = match &facts.body {
        Body::Response { grounds, .. } | Body::Delay { grounds, .. } | Body::Refusal { grounds, .. } => {
            grounds.clone()
        }
        _ => return None,
    };
    let labels = facts.elements().iter().filter_map(|element| element.label.as_ref());
    Some(Restricting {
        year: record.at.year(),
        placed: if ours { Placed::ByUs } else { Placed::ByThem },
        peer: opening.peer.clone(),
        labels: Restricting::count(labels),
        grounds,
    })
}

fn line(line: statistics::Line) -> RestrictionLine {
    let told = |count| match count {
        Count::Told(count) => Some(count),
        Count::TooFew => None,
    };
    let placed_by = match line.placed {
        Placed::ByUs => "us",
        Placed::ByThem => "them",
    };
    RestrictionLine {
        year: line.year,
        placed_by: placed_by.to_owned(),
        peer: line.peer,
        code: line.code.to_owned(),
        acts: told(line.acts),
        elements: line.elements.and_then(told),
    }
}
