//! Four eyes: what policy asks of an act, and acts that wait for other officers (DESIGN §8, §12.11).

use super::{Author, Gateway, Made, Prepared};
use crate::case;
use crate::case::{HeldAct, HeldEnd, PermitId, Refused, Word};
use crate::config::Officer;
use crate::cose::VerifyingKey;
use crate::model::{
    Act, CaseId, Digest, Held, HeldId, Matter, MessageId, OfficerSignature, Party, Purpose, Role, Text,
    Timestamp,
};
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::rules::policy::{Asked, Deed, Effect};
use crate::store::{Change, Durable, HeldBody, StoreError};
use crate::wire;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many officers must agree, and the rule that says so.
pub(in crate::node) struct Needed {
    /// How many, the author among them.
    pub approvals: u32,
    /// The rule.
    pub rule: String,
}

impl Gateway {
    /// Asks national policy whether an officer may do something, and with how many others.
    ///
    /// # Errors
    /// [`NodeError::Policy`] names the row that forbids it; [`NodeError::Unknown`] if there is no such officer.
    pub(in crate::node) fn policy(
        &self,
        officer: &str,
        deed: Deed,
        recipients: Vec<String>,
        purposes: BTreeSet<Purpose>,
    ) -> Result<Needed, NodeError> {
        let who = self.officer(officer)?;
        let asked = Asked { role: who.role, agency: who.agency.as_deref(), deed, recipients, purposes };
        let ruling = self.config.policy.table.decide(&asked);
        match ruling.effect {
            Effect::Approvals(approvals) => Ok(Needed { approvals, rule: ruling.rule }),
            Effect::Forbid => Err(NodeError::Policy { rule: ruling.rule, deed: deed.code() }),
        }
    }

    /// Checks that an officer's word is that officer's: by the key in the settings, or, in a demo, of one without a key.
    ///
    /// # Errors
    /// [`NodeError::Word`] says what is wrong with it.
    pub(in crate::node) fn vouches(
        &self,
        officer: &str,
        (matter, id, digest): (Matter, &str, &Digest),
        signature: Option<&OfficerSignature>,
    ) -> Result<(), NodeError> {
        let fault = |why: &'static str| NodeError::Word { officer: officer.to_owned(), why };
        let who = self.officer(officer)?;
        if !matches!(who.role, Role::Officer | Role::Supervisor) {
            return Err(fault("the role does not act"));
        }
        match (who.key, signature) {
            (Some(_), None) => Err(fault("it is not signed")),
            (None, _) if !self.config.demo => Err(fault("the settings give no key for that officer")),
            (None, _) => Ok(()),
            (Some(key), Some(signature)) if signature.key != key.digest() => {
                Err(fault("it is signed with another key"))
            }
            (Some(key), Some(signature)) => VerifyingKey(key.0)
                .verify(&matter.words(id, digest), &signature.bytes)
                .map_err(|_| fault("the signature does not hold")),
        }
    }

    /// Lists the officers whose words for a permit verify now.
    pub(in crate::node) fn vouched(&self, case: &case::Case, id: &PermitId) -> BTreeSet<String> {
        let holds = |word: &&case::Approval| {
            let about = (Matter::Release, id.as_str(), &word.digest);
            self.vouches(&word.officer, about, word.signature.as_ref()).is_ok()
        };
        case.approvals(id).filter(holds).map(|word| word.officer.clone()).collect()
    }

    /// Returns an act that waits or waited.
    ///
    /// # Errors
    /// [`NodeError::Unknown`] if there is none of that name.
    pub(in crate::node) fn waiting(&self, id: &HeldId) -> Result<HeldAct, NodeError> {
        let unknown = || NodeError::Unknown { what: "approval", name: id.to_string() };
        self.ledger.held(id)?.ok_or_else(unknown)
    }

    /// Returns what a held act says, as its digest was made.
    ///
    /// # Errors
    /// [`NodeError::Store`] if it is not what the journal has promised.
    pub(in crate::node) fn held_body(&self, act: &HeldAct) -> Result<HeldBody, NodeError> {
        let lost = || StoreError::Failed { cause: format!("what {} says is not there", act.held.id) };
        let body = self.ledger.held_body(&act.held.id)?.ok_or_else(lost)?;
        if Matter::Act.digest_of(&body.words) != act.held.digest {
            return Err(NodeError::Store(StoreError::Failed {
                cause: format!("what {} says has changed on the disk", act.held.id),
            }));
        }
        Ok(body)
    }

    /// Takes another officer's word for an act that waits; with enough of them it goes out.
    ///
    /// # Errors
    /// [`NodeError::Refused`] if the officer cannot give it or the case has moved on, [`NodeError::Word`] if the word is
    /// not that officer's.
    pub(in crate::node) async fn agree(&self, word: Word) -> Result<HeldAct, NodeError> {
        let slot = self.desk.slot(&self.waiting(&word.id)?.held.case)?;
        let _turn = slot.turn.lock().await;
        let mut act = self.waiting(&word.id)?;
        let id = act.held.id.clone();
        act.agree(&word)?;
        self.vouches(&word.officer, (Matter::Act, id.as_str(), &word.digest), word.signature.as_ref())?;
        act.words.push(word.clone());
        let mut change = Change::default();
        change.word(word)?;
        let prepared = self.prepare_held(&act, &slot)?;
        // Policy may ask for more than when it was written, never for less.
        let now_needed = self.needed(Author::Officer(&act.held.author), &prepared)?;
        act.held.approvals = act.held.approvals.max(now_needed.approvals);
        let holds = |word: &&Word| {
            let about = (Matter::Act, id.as_str(), &word.digest);
            self.vouches(&word.officer, about, word.signature.as_ref()).is_ok()
        };
        let vouched = act.words.iter().filter(holds).map(|word| word.officer.clone()).collect();
        if !act.is_ready(&vouched) {
            let _committed: Durable<()> = self.ledger.commit(change).await?;
            return Ok(act);
        }
        let case = act.held.case.clone();
        self.send(&case, &slot, prepared, change, Some(&id)).await?;
        self.waiting(&id)
    }

    /// Gives an act that waits back to its author; it will not go out.
    ///
    /// # Errors
    /// [`NodeError::Refused`] if it waits no longer.
    pub(in crate::node) async fn give_back(
        &self,
        id: &HeldId,
        officer: &str,
        reason: Text,
    ) -> Result<HeldAct, NodeError> {
        let slot = self.desk.slot(&self.waiting(id)?.held.case)?;
        let _turn = slot.turn.lock().await;
        let mut act = self.waiting(id)?;
        act.waits()?;
        let end = HeldEnd::Returned { officer: officer.to_owned(), reason, at: self.now() };
        let mut change = Change::default();
        change.held_ended(id, end.clone())?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        act.end = Some(end);
        Ok(act)
    }

    /// Lays an act by until other officers agree: it is durable, and nobody outside hears of it.
    pub(super) async fn hold(
        &self,
        (id, author): (&CaseId, &str),
        prepared: Prepared,
        command: &case::Command,
        needed: Needed,
    ) -> Result<Made, NodeError> {
        let now = self.now();
        let mut entropy = self.entropy();
        let name = HeldId::of(&MessageId::random(&mut *entropy));
        let words = case::held_words(&name, id, author, &prepared.draft);
        let failed = |e: wire::WireError| StoreError::Failed { cause: e.to_string() };
        let body = HeldBody { words, command: wire::encode(command).map_err(failed)? };
        let held = Held {
            id: name,
            case: id.clone(),
            act: prepared.draft.act.kind(),
            to: prepared.draft.aud.clone(),
            author: author.to_owned(),
            at: now,
            digest: Matter::Act.digest_of(&body.words),
            approvals: needed.approvals,
            rule: needed.rule,
        };
        let mut change = Change::default();
        self.ledger.hold(&mut change, held.clone(), &body, &mut *entropy)?;
        let _committed: Durable<()> = self.ledger.commit(change).await?;
        let peer: Party = held.to.first().cloned().expect("an act is addressed to somebody");
        Ok(Made { case: id.clone(), digest: held.digest, peer, at: now, held: Some(held) })
    }

    /// Says how many officers an act needs that is ready to go.
    pub(super) fn needed(&self, author: Author<'_>, prepared: &Prepared) -> Result<Needed, NodeError> {
        let draft = &prepared.draft;
        let kind = draft.act.kind();
        match author {
            Author::Officer(officer) => {
                let recipients = draft.aud.iter().map(ToString::to_string).collect();
                self.policy(officer, Deed::Act(kind), recipients, purposes(&draft.act))
            }
            // It is the one act that every State has agreed to beforehand, and it says so of itself (ISACS 8.3.1).
            Author::Timer if matches!(&draft.act, Act::Acknowledgement(ack) if ack.automatic) => {
                Ok(Needed { approvals: 1, rule: "8.3.1 automatic".to_owned() })
            }
            Author::Timer => {
                Err(NodeError::Policy { rule: "policy.approvals".to_owned(), deed: kind.code() })
            }
        }
    }

    /// Decides about a held act again; it must say what the officers were shown.
    fn prepare_held(&self, act: &HeldAct, slot: &Arc<Slot>) -> Result<Prepared, NodeError> {
        let body = self.held_body(act)?;
        let failed = |e: wire::WireError| StoreError::Failed { cause: e.to_string() };
        let command = wire::decode(&body.command, &wire::Limits::FILE).map_err(failed)?;
        let held = &act.held;
        let prepared = self.prepare(slot, command)?;
        if case::held_words(&held.id, &held.case, &held.author, &prepared.draft) != body.words {
            return Err(Refused::HeldMoved(held.id.clone()).into());
        }
        Ok(prepared)
    }

    fn officer(&self, name: &str) -> Result<&Officer, NodeError> {
        let found = self.config.officers.iter().find(|officer| officer.name == name);
        found.ok_or_else(|| NodeError::Unknown { what: "officer", name: name.to_owned() })
    }
}

/// Adds to a change that a held act has gone out.
pub(super) fn sent(
    change: &mut Change,
    id: &HeldId,
    statement: Digest,
    at: Timestamp,
) -> Result<(), StoreError> {
    change.held_ended(id, HeldEnd::Sent { statement, at })
}

/// Tells for which purposes an act is, where it says so.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other act names purposes")]
fn purposes(act: &Act) -> BTreeSet<Purpose> {
    match act {
        Act::ConsentRequest(asked) => asked.scope.purposes.clone(),
        Act::ConsentGrant(grant) => grant.scope.purposes.clone(),
        _ => BTreeSet::new(),
    }
}
