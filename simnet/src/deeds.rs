//! What officers' deeds do in the world, and what the world makes of what a State has synced.

use crate::heap::Millis;
use crate::officer::{self, Answer, Deed, Spender};
use crate::orders::Order;
use crate::samples::{self, Form};
use crate::world::{OFFICERS, World};
use std::collections::BTreeSet;
use valise::case::{self, Body, Case, Command, Direction, Event, PermitId, Refused, Terms};
use valise::model::{ActKind, CaseId, Digest, MessageId, Purpose};
use valise::rules::release::Authority;

/// How long an officer waits while something else of the case is being written.
const PATIENCE: Millis = 300;

impl World {
    /// Does a deed, or has it done a little later.
    pub(crate) fn do_deed(&mut self, state: usize, deed: Deed) {
        if deed.case().is_some_and(|case| self.shells[state].is_busy(case)) {
            return self.plan(state, PATIENCE, deed);
        }
        match &deed {
            Deed::Ask { to, items, form } => self.ask(state, *to, *items, *form, &deed),
            Deed::Release { case, to, purpose, spend } => self.release(state, case, to, *purpose, spend),
            Deed::Spend { case, permit, spender } => self.spend(state, case, permit, *spender),
            Deed::Acknowledge { case, .. }
            | Deed::Judge { case, .. }
            | Deed::Return { case, .. }
            | Deed::Resubmit { case, .. }
            | Deed::Answer(Answer { case, .. })
            | Deed::Delay { case, .. }
            | Deed::Refuse { case, .. }
            | Deed::Question { case, .. }
            | Deed::Clarify { case, .. }
            | Deed::Withdraw { case, .. }
            | Deed::Tell { case, .. } => {
                if let Some(order) = self.order(state, &deed) {
                    self.attempt(state, case, order, &deed);
                }
            }
        }
    }

    /// Tells the checker, and the officers, what a State has made durable.
    pub(crate) fn observe(&mut self, state: usize, events: &[(CaseId, Event)]) {
        let mut touched = Vec::new();
        for (case, event) in events {
            self.observe_one(state, case, event);
            if touched.last() != Some(&case) {
                touched.push(case);
            }
        }
        let now = self.clock(state);
        for case in touched {
            if let Some(view) = self.shells[state].view(case, now) {
                self.checker.seen(case, state, &view, now);
            }
        }
    }

    fn observe_one(&mut self, state: usize, case: &CaseId, event: &Event) {
        match event {
            Event::ActRecorded(record) if record.direction == Direction::Sent => {
                let kind = record.facts.kind();
                *self.tally.acts.entry(kind.code()).or_default() += 1;
                let opening = self.shells[state].case(case).and_then(|case| case.opening());
                let peer = opening.and_then(|opening| self.federation.number(&opening.peer));
                let peer = peer.expect("a State writes only to States of the federation");
                self.checker.made(state, peer, case, record);
            }
            Event::ActRecorded(record) => {
                self.checker.kept(state, case, record);
                self.plan_reaction(state, case, record);
            }
            Event::ReceiptRecorded(receipt) => self.checker.receipted(&receipt.digest),
            Event::Equivocation(proof) => {
                self.tally.equivocations += 1;
                self.checker.contradicted(state, case, proof.second);
            }
            Event::ChanceJudged(judgement) => self.checker.judged(judgement),
            Event::PermitUsed(used) => self.show(state, case, &used.id),
            Event::ReleaseDenied(_) => self.tally.denied += 1,
            Event::Opened(_)
            | Event::ReceiptConflict(_)
            | Event::Filed(_)
            | Event::PermitGranted(_)
            | Event::PermitApproved(_)
            | Event::PermitBarred(_)
            | Event::EmergencyReviewed(_) => {}
        }
    }

    /// Plans what an office does about an act that has come.
    fn plan_reaction(&mut self, state: usize, case: &CaseId, record: &case::ActRecord) {
        let seed = self.settings.seed;
        let digest = &record.facts.header.digest;
        // Counted here and not asked of the view, in which a version may still wait for another.
        let held = self.shells[state].case(case).into_iter().flat_map(|case| case.acts());
        let version = held.filter(|record| record.facts.request().is_some()).count() as u64;
        let mut plan = officer::on_act(seed, case, digest);
        plan.extend(match &record.facts.body {
            Body::Request(request) | Body::Resubmission { request, .. } => {
                officer::on_request(seed, case, (version, request), self.offices[state])
            }
            Body::ReturnIncomplete { .. } => officer::on_return(seed, case, version),
            Body::Response { elements, .. } => {
                let mut plan = officer::on_outcome(seed, case, digest);
                if !elements.is_empty() {
                    plan.extend(officer::on_response(seed, case, digest));
                }
                plan
            }
            Body::ClarificationRequest { .. } => officer::on_question(seed, case, digest),
            Body::OutcomeNotice { .. } => officer::on_outcome(seed, case, digest),
            Body::Acknowledgement { .. }
            | Body::Delay { .. }
            | Body::ConsentRequest { .. }
            | Body::ConsentGrant { .. }
            | Body::ConsentDenial { .. }
            | Body::ConsentWithdrawal { .. }
            | Body::DisclosureNotice { .. }
            | Body::Refusal { .. }
            | Body::Clarification { .. }
            | Body::Withdrawal { .. }
            | Body::Mandate { .. }
            | Body::MandateRevocation { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. }
            | Body::AssistanceReply { .. } => Vec::new(),
        });
        for (after, deed) in plan {
            self.plan(state, after, deed);
        }
    }

    fn ask(&mut self, state: usize, to: usize, items: u32, form: Form, deed: &Deed) {
        let now = self.clock(state);
        let (me, to_party) = (self.party(state), self.party(to));
        let request = Box::new(samples::request(&self.template, &to_party, items, form));
        let case = self.shells[state].mint(now);
        let (case_id, exercise) = (case.clone(), false);
        let command = Command::Submit { case: case_id, me, to: to_party, request, exercise, behalf: None };
        let real = self.draws_real(state, to);
        let refused = self.shells[state].command(&case, command, real, now).err();
        let careless = form == Form::Careless;
        let as_it_should = careless == refused.is_some();
        self.checker.law(as_it_should, || format!("{case}: careless {careless}, refused {refused:?}"));
        if !careless {
            self.tally.cases += 1;
            self.checker.commanded(state, &case, ActKind::Request);
            self.in_flight[state].push(deed.clone());
            for (after, deed) in officer::on_asked(self.settings.seed, &case) {
                self.plan(state, after, deed);
            }
        }
    }

    /// Lets an officer try something in a case, and compares the outcome with the law.
    fn attempt(&mut self, state: usize, case: &CaseId, order: Order, deed: &Deed) {
        let now = self.clock(state);
        let Some(peer) = self.shells[state].case(case).and_then(|case| case.opening()) else { return };
        let Some(peer) = self.federation.number(&peer.peer) else { return };
        let real = self.draws_real(state, peer);
        let outcome = self.shells[state].command(case, order.command, real, now);
        let refused = outcome.as_ref().err().map(Refused::code);
        self.tally.refused += u64::from(refused.is_some());
        self.checker.attempted(case, state, &order.attempt, order.careless, refused);
        let Ok(decision) = outcome else { return };
        if let Some(draft) = decision.draft {
            self.checker.commanded(state, case, draft.act.kind());
        }
        self.in_flight[state].push(deed.clone());
    }

    fn release(
        &mut self,
        state: usize,
        case: &CaseId,
        to: &Authority,
        purpose: Purpose,
        spend: &[(Millis, Spender)],
    ) {
        let now = self.clock(state);
        let name = format!("{case} {} {}", self.tally.releases, self.settings.seed);
        let mut id = MessageId([0; 16]);
        id.0.copy_from_slice(&Digest::of(&[name.as_bytes()]).0[..16]);
        self.tally.releases += 1;
        let officer = OFFICERS[0].to_owned();
        let (to, terms) = (to.clone(), Terms::default());
        let command = Command::RequestRelease { id, to, purpose, officer, elements: None, terms };
        let Ok(decision) = self.shells[state].command(case, command, false, now) else { return };
        if self.shells[state].shows_early() {
            for event in &decision.events {
                if let Event::PermitGranted(permit) = event {
                    let journal = self.shells[state].disk().journal.get(case).cloned().unwrap_or_default();
                    self.checker.shown(case, permit, &journal, now);
                }
            }
        }
        let permit = PermitId::of(&id);
        for (after, spender) in spend {
            let deed = Deed::Spend { case: case.clone(), permit: permit.clone(), spender: *spender };
            self.plan(state, *after, deed);
        }
    }

    fn spend(&mut self, state: usize, case: &CaseId, permit: &PermitId, spender: Spender) {
        let now = self.clock(state);
        let officer = OFFICERS[usize::from(spender == Spender::Colleague)].to_owned();
        let held = self.shells[state].case(case);
        let granted = held.and_then(|held| held.permit(permit));
        let latest = held.map_or(now, Case::latest);
        let may = granted.is_some_and(|granted| now.max(latest) < granted.expires)
            && held.is_some_and(|held| held.permit_use(permit).is_none())
            && spender == Spender::Owner;
        let command = Command::UsePermit { id: permit.clone(), officer, vouched: BTreeSet::default() };
        let outcome = self.shells[state].command(case, command, false, now);
        let refused = outcome.as_ref().err().map(Refused::code);
        self.checker
            .law(may == outcome.is_ok(), || format!("{case}: {permit} may be used: {may}, {refused:?}"));
        if matches!(outcome, Err(Refused::PermitUsed { .. })) && self.shells[state].shows_again() {
            self.show(state, case, permit);
        }
    }

    /// Shows an officer what a permit opens.
    fn show(&mut self, state: usize, case: &CaseId, permit: &PermitId) {
        let now = self.clock(state);
        let permit = self.shells[state].case(case).and_then(|case| case.permit(permit)).cloned();
        let Some(permit) = permit else { return };
        self.tally.shown += 1;
        let journal = self.shells[state].disk().journal.get(case).cloned().unwrap_or_default();
        self.checker.shown(case, &permit, &journal, now);
    }

    fn party(&self, state: usize) -> valise::model::Party {
        self.federation.members[state].party.clone()
    }
}

impl Deed {
    /// Returns the case that the deed concerns; none for one that opens a case.
    pub(crate) const fn case(&self) -> Option<&CaseId> {
        match self {
            Self::Ask { .. } => None,
            Self::Acknowledge { case, .. }
            | Self::Judge { case, .. }
            | Self::Return { case, .. }
            | Self::Resubmit { case, .. }
            | Self::Delay { case, .. }
            | Self::Question { case, .. }
            | Self::Clarify { case, .. }
            | Self::Withdraw { case, .. }
            | Self::Tell { case, .. }
            | Self::Refuse { case, .. }
            | Self::Release { case, .. }
            | Self::Spend { case, .. } => Some(case),
            Self::Answer(answer) => Some(&answer.case),
        }
    }
}
