//! Permits that are used: the use is durable before the vault is asked (DESIGN §8).

use super::{Gateway, would_rest};
use crate::case;
use crate::case::Event;
use crate::control::{ReleaseShown, ShownElement};
use crate::envelope::Disclosure;
use crate::model::{CaseId, Digest, Timestamp};
use crate::node::attachments;
use crate::node::content;
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::store::Change;

/// What a spent permit has opened.
pub struct OpenedPermit {
    /// The case.
    pub case: CaseId,
    /// The permit.
    pub permit: case::Permit,
    /// When it was spent.
    pub at: Timestamp,
    /// The act, the path and the disclosure of each element.
    pub disclosures: Vec<(Digest, String, Vec<u8>)>,
}

impl Gateway {
    /// Spends a permit and shows what it opens: the use is durable before the vault is asked (DESIGN §8).
    ///
    /// # Errors
    /// [`NodeError::Refused`] if the permit was used, has expired or is another officer's.
    pub async fn spend(
        &self,
        slot: &Slot,
        id: case::PermitId,
        officer: &str,
    ) -> Result<ReleaseShown, NodeError> {
        let opened = self.open_permit(slot, id.clone(), officer).await?;
        let originator = slot.read().opening().expect("a case with a permit was opened").peer.clone();
        let mut elements = Vec::new();
        let mut photographs = Vec::new();
        for (act, path, disclosure) in opened.disclosures {
            let disclosure = Disclosure::parse(&disclosure)?;
            let value = disclosure.value();
            photographs.push((act, path.clone(), attachments::photographs(&path, &value)));
            let value = content::to_json(&value);
            elements.push(ShownElement { act, path, label: disclosure.label().cloned(), value });
        }
        let files = attachments::views(self, &photographs)?;
        self.attic.grant(id.as_str(), officer, photographs);
        Ok(ReleaseShown {
            files,
            id: id.as_str().to_owned(),
            case: opened.case,
            to: opened.permit.to.name,
            purpose: opened.permit.purpose,
            officer: officer.to_owned(),
            shown_at: opened.at,
            originator,
            basis: opened.permit.basis.into_iter().collect(),
            elements,
        })
    }

    /// Spends a permit and gives what it opens as it was signed; else as [`Self::spend`].
    ///
    /// # Errors
    /// As for [`Self::spend`].
    pub async fn open_permit(
        &self,
        slot: &Slot,
        id: case::PermitId,
        officer: &str,
    ) -> Result<OpenedPermit, NodeError> {
        let _turn = slot.turn.lock().await;
        let now = self.now();
        if let Some(since) = self.stale_since() {
            let case = slot.read();
            let why = case.permit(&id).and_then(|permit| case::stale_refusal(&case, permit, since, now));
            why.map_or(Ok(()), |_| Err(NodeError::Stale(since)))?;
        }
        let vouched = self.vouched(&slot.read(), &id);
        let command = case::Command::UsePermit { id: id.clone(), officer: officer.to_owned(), vouched };
        let decision = case::decide(&slot.read(), command, now)?;
        let used =
            |event: &Event| if let Event::PermitUsed(used) = event { Some(used.clone()) } else { None };
        let spending = decision.events.iter().find_map(used);
        let spending = spending.expect("a permit that may be used is used");
        let (case, permit) = {
            let case = slot.read();
            let opening = case.opening().expect("a case with a permit was opened");
            (opening.case.clone(), case.permit(&id).expect("it was decided about").clone())
        };
        let mut after = Change::default();
        if would_rest(slot, &decision.events) {
            after.at_rest(&case)?;
        }
        let spent = self.ledger.spend(&case, permit.clone(), spending, after).await?;
        self.apply(&case, slot, &decision.events);
        let acts = permit.elements.iter().map(|element| element.act);
        let opened = acts.zip(self.ledger.open_released(&spent)?);
        let disclosures = opened.map(|(act, (path, disclosure))| (act, path, disclosure)).collect();
        Ok(OpenedPermit { case, permit, at: now, disclosures })
    }
}
