//! What comes from a peer: a verified act, or the receipt for one of ours. Each is committed before anything is said.

use super::{Gateway, add_events};
use crate::case;
use crate::case::{ActFacts, ActHeader, Case, Equivocation, Event, Opening};
use crate::envelope;
use crate::envelope::{EnvelopeError, Opened};
use crate::evidence::Receipt;
use crate::model::{Digest, MandateFault, Timestamp};
use crate::node::audit;
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::store::{Change, Durable, Kept, OutboxRow};
use crate::wire;
use std::sync::PoisonError;

/// What a verified peer act has come to: its receipt is durable, or it contradicts an earlier act.
pub enum Received {
    /// It is kept; the receipt may leave.
    Kept(Durable<Vec<u8>>),
    /// It was kept before; this is the receipt it got then.
    Known(Vec<u8>),
    /// The same identity was used for another statement; the proof is kept (DESIGN §12.12).
    Equivocation,
}

impl Gateway {
    /// Keeps a verified act of a peer. It is never refused by the state of its case (DESIGN §4); `beyond` is
    /// why our agent's mandate does not carry it.
    ///
    /// # Errors
    /// [`NodeError::Store`] if it was not committed: then no receipt may leave.
    pub async fn keep(&self, opened: &Opened, beyond: Option<MandateFault>) -> Result<Received, NodeError> {
        let statement = &opened.statement;
        let slot = self.desk.slot(&statement.said.case)?;
        let _turn = slot.turn.lock().await;
        if slot.read().act(&statement.digest).is_some() {
            return self.known(&statement.digest);
        }
        let (issuer, id) = (&statement.issuer, statement.said.message_id);
        let first = self.desk.claim(issuer, id, statement.digest)?;
        let now = self.now();
        let events = match first {
            Some(first) => match equivocation(&slot.read(), opened, first, now) {
                Some(event) => vec![event],
                None => return Ok(Received::Equivocation),
            },
            None => case::decide(&slot.read(), self.peer_act(opened, beyond, now), now)?.events,
        };
        let kept = self.commit_received(opened, &slot, &events, now).await;
        self.desk.release(issuer, id, statement.digest);
        match first {
            Some(_) => kept.map(|_| Received::Equivocation),
            None => kept.map(Received::Kept),
        }
    }

    /// Takes a peer's receipt for one of our acts: proves it, commits it, and empties the outbox row.
    ///
    /// # Errors
    /// [`NodeError::Evidence`] if it proves nothing, [`NodeError::Store`] if it was not committed.
    pub async fn receipted(&self, row: &OutboxRow, receipt: Vec<u8>) -> Result<(), NodeError> {
        let now = self.now();
        let receipt = Receipt::from_bytes(receipt);
        let parties = (&row.peer, self.me());
        let proved = {
            let mut last = self.last_checked.lock().unwrap_or_else(PoisonError::into_inner);
            receipt.verify_after(&mut last, parties, &row.statement, &self.directory(), now)?
        };
        self.machine.corroborate(receipt.claimed()?.signed_at);
        let slot = self.desk.slot(&row.case)?;
        let _turn = slot.turn.lock().await;
        let seen = case::Receipt { digest: proved.statement, received_at: proved.received_at, by: proved.by };
        let decision = case::decide(&slot.read(), case::Command::PeerReceipt(seen), now)?;
        let mut change = Change::default();
        add_events(&mut change, &row.case, &slot, &decision.events)?;
        let copied = |o: &Opening| o.behalf.as_ref().is_some_and(|b| b.principal == row.peer);
        let is_copy = slot.read().opening().is_some_and(copied);
        audit::compare_receipt(self, &row.peer, (&receipt, proved.head), &mut change)?;
        change.acknowledged(&row.peer, row.statement, receipt.as_bytes(), proved.head, is_copy)?;
        change.settle(row.envelope)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        self.apply(&row.case, &slot, &decision.events);
        Ok(())
    }

    fn peer_act(&self, opened: &Opened, beyond: Option<MandateFault>, now: Timestamp) -> case::Command {
        let said = &opened.statement.said;
        let header = ActHeader {
            digest: opened.statement.digest,
            issuer: opened.statement.issuer.clone(),
            message_id: said.message_id,
            parents: said.parents.clone(),
            exercise: said.exercise,
            on_behalf_of: said.on_behalf_of.clone(),
        };
        case::Command::PeerAct {
            case: said.case.clone(),
            me: self.me().clone(),
            facts: ActFacts::of(&said.act, header),
            audience: said.audience.clone(),
            received_at: now,
            beyond,
        }
    }

    async fn commit_received(
        &self,
        opened: &Opened,
        slot: &Slot,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Durable<Vec<u8>>, NodeError> {
        let statement = &opened.statement;
        self.expect_files(&opened.statement)?;
        let mut change = Change::default();
        add_events(&mut change, &statement.said.case, slot, events)?;
        let restricted = |d: &envelope::Disclosure| d.label().is_some_and(|label| !label.is_unrestricted());
        let elements: Vec<_> = opened
            .disclosures
            .iter()
            .map(|d| (d.path().to_owned(), restricted(d), d.bytes().to_vec()))
            .collect();
        let mandate = opened.document.as_ref().map(wire::encode).transpose();
        let mandate = mandate.map_err(EnvelopeError::from)?;
        let body = Kept { statement: &opened.bytes, mandate: mandate.as_deref(), seed: None };
        self.ledger.keep_body(&mut change, statement.digest, body, &elements, &mut *self.entropy())?;
        let (bytes, named) = (opened.bytes.as_slice(), statement.said.heads.0);
        audit::compare_statement(self, &statement.issuer, (statement.digest, bytes), named, &mut change)?;
        for proof in events.iter().filter_map(|e| if let Event::Equivocation(p) = e { Some(p) } else { None })
        {
            let second = (&proof.second, bytes);
            audit::compare_identity(self, &proof.issuer, &proof.first, second, &mut change)?;
        }
        let cited = (statement.digest, &statement.said.directory);
        audit::compare_directory(self, &statement.issuer, cited, &mut change)?;
        change.received(&statement.issuer, statement.digest, now)?;
        self.machine.corroborate(statement.said.issued_at);
        let committed = self.ledger.commit(change).await?;
        self.apply(&statement.said.case, slot, events);
        let receipt = committed.receipts().first().cloned().flatten();
        let receipt = receipt.expect("the notary gives a receipt for every leaf that asks for one");
        Ok(committed.map(|()| receipt))
    }

    fn known(&self, statement: &Digest) -> Result<Received, NodeError> {
        let receipt = self.ledger.receipt(statement, true)?;
        Ok(Received::Known(receipt.expect("an act that was kept has the receipt of its commit")))
    }
}

/// The case keeps each contradiction once; `None` if it has it, however often a peer sends it again.
fn equivocation(case: &Case, opened: &Opened, first: Digest, at: Timestamp) -> Option<Event> {
    let (issuer, second) = (opened.statement.issuer.clone(), opened.statement.digest);
    if case.equivocations().any(|known| known.second == second) {
        return None;
    }
    let message_id = opened.statement.said.message_id;
    Some(Event::Equivocation(Equivocation { issuer, message_id, first, second, at }))
}
