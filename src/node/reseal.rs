use crate::envelope;
use crate::envelope::{Content, Packed, SaltSeed};
use crate::model::{DAY, MessageId};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::store::{Body, Change, Durable, OutboxRow, StoreError};
use crate::wire;
use serde_bytes::ByteBuf;

impl Gateway {
    /// Seals the statement of an outbox row again, signed as it is, and puts it in the row's place with one
    /// commit. `None` if nothing is gained: its recipient offers no other prekey, and our route is current.
    ///
    /// # Errors
    /// [`NodeError::Envelope`] if the recipient has no prekey now, [`NodeError::Store`] if it was not
    /// committed: then the old row stands.
    pub async fn reseal(&self, old: &OutboxRow) -> Result<Option<OutboxRow>, NodeError> {
        let slot = self.desk.slot(&old.case)?;
        // A receipt for the old copy must not settle a row that is being replaced.
        let _turn = slot.turn.lock().await;
        let (ring, directory, now) = (self.ring(), self.directory(), self.now());
        let Some(held) = self.ledger.envelope(&old.envelope)? else { return Ok(None) };
        let (prekeys, route) = envelope::sealed_under(&held.bytes)?;
        let newest = directory.prekey(&old.peer, now).map_err(envelope::EnvelopeError::from)?.id.0;
        if route == ring.log.1 && prekeys.iter().any(|id| *id == newest) {
            return Ok(None);
        }
        let body = self.ledger.body(&old.statement)?.ok_or_else(not_archived)?;
        let horizon = i64::from(self.config.retry.horizon_days) * DAY;
        let mut entropy = self.entropy();
        let (content, seed) = (content(&body)?, SaltSeed(body.seed.ok_or_else(not_archived)?));
        let peer = &old.peer;
        let packed = Packed::of(&content, &seed)?;
        let out = envelope::seal_packed(&packed, peer, &ring, &directory, now, horizon, &mut *entropy)?;
        let row = OutboxRow { envelope: out.envelope, export: Vec::new(), ..old.clone() };
        let mut change = Change::default();
        change.settle(old.envelope)?;
        self.ledger.queue(&mut change, row.clone(), out.bytes, out.export.as_bytes(), &mut *entropy)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        Ok(Some(row))
    }
}

/// What a courier does about the words of an addressee that refuses an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Seal the same statement again: to a newer prekey, or under our present log key.
    Reseal,
    /// Send the same bytes later.
    Later,
    /// Only an officer can decide what follows.
    Officer,
}

impl Remedy {
    /// Chooses the remedy for a code of docs/protocol.md §13.
    pub fn of(code: &str, retryable: bool) -> Self {
        match code {
            "prekey-gone" | "expired" | "revoked" | "unknown-key" => Self::Reseal,
            _ if retryable => Self::Later,
            _ => Self::Officer,
        }
    }
}

/// Tells whether a rejection names no envelope, since its route could not be read.
pub fn is_nameless(envelope: &MessageId) -> bool {
    envelope.0 == [0; 16]
}

fn content(body: &Body) -> Result<Content, NodeError> {
    let open = |e: &crate::store::KeptElement| e.disclosure.clone().map(ByteBuf::from);
    let disclosures = body.elements.iter().map(open).collect::<Option<_>>().ok_or_else(not_archived)?;
    let mandate = body.mandate.as_deref().map(|bytes| wire::decode(bytes, &wire::Limits::FILE)).transpose();
    let mandate = mandate.map_err(|_| not_archived())?;
    Ok(Content { statement: body.statement.clone(), disclosures, mandate })
}

fn not_archived() -> NodeError {
    let cause = "the statement of an outbox row cannot be read from the archive".to_owned();
    NodeError::Store(StoreError::Failed { cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_but_a_plain_and_final_one_parks_an_envelope() {
        for (code, retryable, remedy) in [
            ("prekey-gone", false, Remedy::Reseal),
            ("revoked", false, Remedy::Reseal),
            ("unknown-key", true, Remedy::Reseal),
            ("suspended", true, Remedy::Later),
            ("try-later", true, Remedy::Later),
            ("a-code-of-a-later-version", true, Remedy::Later),
            ("wrong-case", false, Remedy::Officer),
            ("a-code-of-a-later-version", false, Remedy::Officer),
        ] {
            assert_eq!(Remedy::of(code, retryable), remedy, "{code}");
        }
    }
}
