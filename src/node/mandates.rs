//! Acting for another party (ISACS 9.3): which mandate an act of ours rests on, and whether an act that
//! came in a principal's name may be taken in.

use crate::case;
use crate::case::{Draft, HeldMandate, Mandates, Opening};
use crate::envelope;
use crate::envelope::Opened;
use crate::model::{
    Act, ActKind, Digest, Mandate, MandateFault, OnBehalf, Party, PeerScope, Power, Timestamp,
};
use crate::node::content;
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::trust::{ActOnBehalf, MandateDocument, MandateError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The mandates that this gateway has seen.
#[derive(Default)]
pub struct Register {
    known: Mutex<Mandates>,
    /// Held from the verdict on an act to its commit, so that an act and the revocation that crosses it are
    /// taken in one after the other: what came before the revocation stands, what comes after is refused.
    pub turn: tokio::sync::Mutex<()>,
}

/// What becomes of an act that came.
pub enum Admission {
    /// It is kept; why our agent's mandate does not carry it, if it does not.
    Keep(Option<MandateFault>),
    /// It is refused: a code, words for the peer, and whether it may be accepted later.
    Refuse(&'static str, &'static str, bool),
}

impl Register {
    /// Returns the mandates.
    pub fn get(&self) -> MutexGuard<'_, Mandates> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// Finds the mandate for an act that we make as an agent, and names it in the draft; sees to it that an
    /// answer to an agent whose mandate has ended goes to the principal alone.
    ///
    /// # Errors
    /// [`NodeError::Mandate`] with the cause if no mandate carries the act.
    pub fn mandated(
        &self,
        opening: &Opening,
        draft: &mut Draft,
        now: Timestamp,
    ) -> Result<Option<MandateDocument>, NodeError> {
        let Some(behalf) = &opening.behalf else { return Ok(None) };
        if behalf.agent != *self.me() {
            if self.has_ended(opening)? {
                draft.aud = vec![behalf.principal.clone()];
            }
            return Ok(None);
        }
        let mut cause = MandateFault::Missing;
        for held in self.held(&behalf.principal) {
            let on_behalf_of = OnBehalf { principal: behalf.principal.clone(), mandate: held.mandate };
            match self.carries(&held, &on_behalf_of, opening, draft, now)? {
                Ok(document) => {
                    draft.on_behalf_of = Some(on_behalf_of);
                    return Ok(Some(document));
                }
                Err(fault) => cause = fault,
            }
        }
        Err(NodeError::Mandate(cause))
    }

    /// Decides whether a verified act may be taken in: it belongs into its case, which is one of this pair
    /// (DESIGN §4), and an agent's act rests on a mandate that carries it (DESIGN §12.8).
    ///
    /// # Errors
    /// [`NodeError::Store`] if the case cannot be read.
    pub fn admit(&self, opened: &Opened) -> Result<Admission, NodeError> {
        let statement = &opened.statement;
        let (id, issuer) = (&statement.said.case, &statement.issuer);
        let known = self.desk.known(id)?;
        if known.as_ref().is_some_and(|slot| slot.read().act(&statement.digest).is_some()) {
            // It is answered with the receipt that it got, whatever has become of the mandate since.
            return Ok(Admission::Keep(None));
        }
        let opening = known.and_then(|slot| slot.read().opening().cloned());
        Ok(match opening {
            Some(opening) if opening.counterparty(issuer).is_none() => {
                Admission::Refuse("wrong-case", "the case is one with another party", false)
            }
            Some(opening) => self.verdict(opened, Some(&opening)),
            None if id.minted_by(issuer) || self.is_acted_for(opened) => self.verdict(opened, None),
            None if self.is_answered_for(opened) => Admission::Keep(None),
            None => {
                Admission::Refuse("unknown-case", "the case is not one that this party has opened", false)
            }
        })
    }

    /// Tells whether an agent of ours speaks in a case that the side which asks it has opened; that side's
    /// own copy may come later.
    fn is_acted_for(&self, opened: &Opened) -> bool {
        let named = opened.statement.said.on_behalf_of.as_ref();
        named.is_some_and(|named| named.principal == *self.me())
    }

    /// Tells whether an act answers an agent of ours in a case that the agent has opened: we observe it from
    /// here on, also if the agent withholds our copy of what it said itself.
    fn is_answered_for(&self, opened: &Opened) -> bool {
        let said = &opened.statement.said;
        let [agent, principal] = said.audience.as_slice() else { return false };
        let mandated = |held: &HeldMandate| held.terms.principal == *principal && held.terms.agent == *agent;
        *principal == *self.me() && said.case.minted_by(agent) && self.mandates.get().all().any(mandated)
    }

    /// Returns the document of a mandate.
    ///
    /// # Errors
    /// [`NodeError::Unknown`] if its act is not here.
    pub fn mandate_of(&self, held: &HeldMandate) -> Result<Mandate, NodeError> {
        match self.ledger.body(&held.act)?.map(|body| content::whole(ActKind::Mandate, &body)).transpose()? {
            Some(Some(Act::Mandate(mandate))) => Ok(*mandate),
            _ => Err(NodeError::Unknown { what: "mandate", name: held.mandate.to_string() }),
        }
    }

    fn verdict(&self, opened: &Opened, opening: Option<&Opening>) -> Admission {
        let statement = &opened.statement;
        let refuse = |fault: MandateFault| Admission::Refuse(fault.code(), fault.words(), false);
        let behalf = opening.and_then(|opening| opening.behalf.as_ref());
        let acts_for = behalf.filter(|behalf| behalf.agent == statement.issuer).map(|b| &b.principal);
        let Some((named, carried)) = statement.said.on_behalf_of.as_ref().zip(opened.mandate.as_ref()) else {
            // An agent in whose case we are says each time for whom it speaks.
            if acts_for.is_some() {
                return refuse(MandateFault::Missing);
            }
            return match (opening, self.may_open(opened)) {
                (None, Err(fault)) => refuse(fault),
                (Some(_), _) | (None, Ok(())) => Admission::Keep(None),
            };
        };
        if opening.is_some() && acts_for != Some(&named.principal) {
            return refuse(MandateFault::AnotherCase);
        }
        let observed = statement.said.audience.first() != Some(self.me());
        let ended = self.mandates.get().ended(&named.principal, &named.mandate);
        let fault = carried.beyond.or(ended.map(|_| MandateFault::Revoked));
        match fault {
            // What an agent does in our name we want to know, also where it must not.
            Some(fault) if named.principal == *self.me() && observed && is_our_mandate(fault) => {
                Admission::Keep(Some(fault))
            }
            Some(MandateFault::NotYetValid) => {
                let fault = MandateFault::NotYetValid;
                Admission::Refuse(fault.code(), fault.words(), true)
            }
            Some(fault) => refuse(fault),
            None => Admission::Keep(None),
        }
    }

    /// Tells whether a case may be opened by an act with these recipients: where it goes to an agent and its
    /// principal, the one must have a mandate of the other to receive it.
    fn may_open(&self, opened: &Opened) -> Result<(), MandateFault> {
        match opened.statement.said.audience.as_slice() {
            [_] => Ok(()),
            [agent, principal] => self.receives(principal, agent, &opened.statement.issuer),
            _ => Err(MandateFault::NoCopy),
        }
    }

    /// Tells whether a mandate that is known here lets an agent receive for its principal from a party.
    ///
    /// # Errors
    /// Why the last one that was looked at does not; that there is none.
    pub fn receives(&self, principal: &Party, agent: &Party, from: &Party) -> Result<(), MandateFault> {
        let (known, now) = (self.mandates.get(), self.now());
        let mut cause = MandateFault::Missing;
        for held in known.all().filter(|h| h.terms.principal == *principal && h.terms.agent == *agent) {
            let towards = match &held.terms.peers {
                PeerScope::All => true,
                PeerScope::Parties(parties) => parties.contains(from),
            };
            cause = match held {
                _ if known.ended(principal, &held.mandate).is_some() => MandateFault::Revoked,
                _ if !held.accepted => MandateFault::NotAccepted,
                _ if !held.terms.powers.contains(&Power::Receive) => MandateFault::Power,
                _ if !towards => MandateFault::Peer,
                _ if now < held.terms.not_before => MandateFault::NotYetValid,
                _ if now >= held.terms.not_after => MandateFault::Expired,
                _ => return Ok(()),
            };
        }
        Err(cause)
    }

    fn held(&self, principal: &Party) -> Vec<HeldMandate> {
        let known = self.mandates.get();
        let ours = known.all().filter(|h| h.terms.principal == *principal && h.terms.agent == *self.me());
        ours.cloned().collect()
    }

    fn carries(
        &self,
        held: &HeldMandate,
        on_behalf_of: &OnBehalf,
        opening: &Opening,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<Result<MandateDocument, MandateFault>, NodeError> {
        if self.mandates.get().ended(&on_behalf_of.principal, &held.mandate).is_some() {
            return Ok(Err(MandateFault::Revoked));
        }
        let document = envelope::document_of(&self.mandate_of(held)?);
        let act = ActOnBehalf {
            agent: self.me(),
            on_behalf_of,
            kind: draft.act.kind(),
            asks: opening.asks(),
            case: &opening.case,
            exercise: draft.exercise,
            audience: &draft.aud,
            at: now,
        };
        match document.verify(&self.directory(), now) {
            Ok(mandate) => Ok(mandate.covers(&act).map(|()| document)),
            Err(MandateError::Fault(fault)) => Ok(Err(fault)),
            Err(cause) => Err(envelope::EnvelopeError::from(cause).into()),
        }
    }

    /// Tells whether the principal has ended every mandate on which the other side has acted in a case.
    fn has_ended(&self, opening: &Opening) -> Result<bool, NodeError> {
        let Some(slot) = self.desk.known(&opening.case)? else { return Ok(false) };
        let case = slot.read();
        let known = self.mandates.get();
        let mut named: Vec<&OnBehalf> =
            case.acts().filter_map(|record| record.facts.header.on_behalf_of.as_ref()).collect();
        named.dedup();
        Ok(!named.is_empty() && named.iter().all(|n| known.ended(&n.principal, &n.mandate).is_some()))
    }
}

/// Tells whether a mandate with this fault is still one that we have given to this agent.
const fn is_our_mandate(fault: MandateFault) -> bool {
    match fault {
        MandateFault::Power
        | MandateFault::Case
        | MandateFault::Peer
        | MandateFault::NotYetValid
        | MandateFault::Expired
        | MandateFault::Revoked => true,
        MandateFault::Missing
        | MandateFault::NotUnderstood
        | MandateFault::AnotherMandate
        | MandateFault::WrongPrincipal
        | MandateFault::WrongAgent
        | MandateFault::NotAccepted
        | MandateFault::SubDelegation
        | MandateFault::NoCopy
        | MandateFault::AnotherCase => false,
    }
}

/// Returns the digests of the mandates on which an agent has acted in a case.
pub fn named_in(case: &case::Case) -> Vec<Digest> {
    let mut named: Vec<Digest> =
        case.acts().filter_map(|r| Some(r.facts.header.on_behalf_of.as_ref()?.mandate)).collect();
    named.sort_unstable();
    named.dedup();
    named
}
