//! The outbox.

use crate::control::{CustodyView, Delivery, QueueEntry, RetryView};
use crate::model::{DAY, MessageId};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::unknown;

/// Lists what waits; what is older than the horizon is marked, and tried on: nothing ends silently.
pub(super) fn queue(gateway: &Gateway) -> Vec<QueueEntry> {
    let (now, horizon) = (gateway.now(), i64::from(gateway.config.retry.horizon_days) * DAY);
    let mut entries = Vec::new();
    for courier in gateway.couriers.all() {
        let standing = courier.standing();
        entries.extend(standing.waiting.into_iter().map(|waiting| {
            QueueEntry {
                id: waiting.row.envelope.to_string(),
                peer: courier.peer.clone(),
                case: waiting.row.case,
                act: waiting.row.act,
                state: if waiting.refused {
                    Delivery::Refused
                } else if now.seconds_since(waiting.row.queued_at) > horizon {
                    Delivery::Expired
                } else {
                    Delivery::Queued
                },
                attempts: waiting.attempts,
                next_try: if waiting.refused { None } else { standing.next_try },
                last_cause: waiting.last_cause.or_else(|| standing.last_cause.clone()),
                custody: waiting
                    .custody
                    .into_iter()
                    .map(|held| CustodyView { relay: held.relay, since: held.since })
                    .collect(),
                queued_at: waiting.row.queued_at,
                carried_at: waiting.carried_at,
            }
        }));
    }
    entries
}

pub(super) fn retry(gateway: &Gateway, id: Option<String>) -> Result<RetryView, NodeError> {
    let only = id.as_deref().map(str::parse::<MessageId>).transpose();
    let only = only.map_err(|_| unknown("queue entry", &id.clone().unwrap_or_default()))?;
    let woken: Vec<_> = gateway.couriers.all().iter().flat_map(|courier| courier.retry(only)).collect();
    if let (Some(id), true) = (id, woken.is_empty()) {
        return Err(unknown("queue entry", &id));
    }
    Ok(RetryView { woken: woken.iter().map(ToString::to_string).collect() })
}
