//! Requests that follow an answer of another State (DESIGN §3.9): looked at each time before one is signed.

use super::{Draft, Gateway};
use crate::case;
use crate::case::Refused;
use crate::envelope::ClaimedStatement;
use crate::model::{Digest, Timestamp};
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use std::sync::Arc;

impl Gateway {
    /// Refuses a request that follows an answer which we do not hold, or quotes from it what it may not.
    pub(super) fn may_follow(&self, draft: &Draft, now: Timestamp) -> Result<(), NodeError> {
        let Some(follows) = draft.act.request().and_then(|request| request.follows.as_ref()) else {
            return Ok(());
        };
        let source = self.case_of(&follows.response)?;
        for to in &draft.aud {
            case::may_follow(&source.read(), follows, to, now)?;
        }
        Ok(())
    }

    /// Finds the case that holds an act.
    ///
    /// # Errors
    /// [`Refused::NotAnAnswer`] if none does.
    pub(in crate::node) fn case_of(&self, act: &Digest) -> Result<Arc<Slot>, NodeError> {
        let none = || NodeError::Refused(Refused::NotAnAnswer(*act));
        let body = self.ledger.body(act)?.ok_or_else(none)?;
        let claimed = ClaimedStatement::read(&body.statement)?;
        self.desk.known(&claimed.case)?.ok_or_else(none)
    }
}
