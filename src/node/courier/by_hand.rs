//! The road by hand: what a courier is given, and what a courier brings.

use super::Courier;
use crate::envelope::{EnvelopeError, Receipts, Reject};
use crate::model::{MessageId, Timestamp};
use crate::node::gateway::Post;

impl Courier {
    /// Takes receipts that a courier carried; returns how many of our acts they settle.
    ///
    /// # Errors
    /// Words on why the frame proves nothing. What is wrong with one receipt is noted with its act.
    pub async fn carried_receipts(&self, post: &Post, body: &[u8]) -> Result<u32, EnvelopeError> {
        let gateway = &post.gateway;
        let receipts = Receipts::verify(body, &self.peer, &gateway.directory(), gateway.now())?;
        let mut settled = 0;
        for sealed in receipts {
            match self.receipt(post, &sealed).await {
                Ok(()) => settled += u32::from(self.bag().waiting.remove(&sealed.envelope).is_some()),
                Err(cause) => self.note(&sealed.envelope, &cause.to_string()),
            }
        }
        Ok(settled)
    }

    /// Takes a rejection that a courier carried.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn carried_reject(&self, post: &Post, body: &[u8]) -> Result<(), EnvelopeError> {
        let gateway = &post.gateway;
        let reject = Reject::verify(body, &self.peer, &gateway.directory(), gateway.now())?;
        let cause = format!("the peer refused it: {} ({})", reject.words, reject.code);
        tracing::warn!(envelope = %reject.envelope, code = %reject.code, "an envelope was refused");
        self.note(&reject.envelope, &cause);
        if let (false, Some(waiting)) = (reject.retryable, self.bag().waiting.get_mut(&reject.envelope)) {
            waiting.refused = true;
        }
        Ok(())
    }

    /// Lists what a courier may be given, oldest first, after a place in that order.
    pub fn to_carry(&self, after: Option<(Timestamp, MessageId)>) -> Vec<(Timestamp, MessageId)> {
        let bag = self.bag();
        let sendable = bag.waiting.values().filter(|w| w.is_sendable());
        let mut places: Vec<_> = sendable.map(|w| (w.row.queued_at, w.row.envelope)).collect();
        places.retain(|at| after.is_none_or(|after| *at > after));
        places.sort_unstable();
        places
    }

    /// Notes that envelopes lie in a bag; they wait on, for the bag may be lost.
    pub fn handed(&self, envelopes: &[MessageId], now: Timestamp) {
        let mut bag = self.bag();
        for id in envelopes {
            if let Some(waiting) = bag.waiting.get_mut(id) {
                waiting.carried_at = Some(now);
                waiting.attempts = waiting.attempts.saturating_add(1);
            }
        }
    }
}
