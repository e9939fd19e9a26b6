//! What officers' deeds do in the world, and what the world makes of what a State has synced.

use crate::heap::Millis;
use crate::officer::{self, Answer, Deed, Spender};
use crate::reference::Attempt;
use crate::samples;
use crate::world::World;
use valise::case::{self, Command, Decision, Direction, Event, ItemState, PermitId, Refused, Role};
use valise::model::{ActKind, CaseId, Digest, MessageId, Outcome, Purpose};
use valise::rules::release::Authority;

/// How long an officer waits while something else of the case is being written.
const PATIENCE: Millis = 300;
/// The officer who asks for releases, and a colleague.
const OFFICERS: [&str; 2] = ["ama", "kofi"];

impl World {
    /// Does a deed, or has it done a little later.
    pub(crate) fn do_deed(&mut self, state: usize, deed: Deed) {
        if deed.case().is_some_and(|case| self.shells[state].is_busy(case)) {
            return self.plan(state, PATIENCE, deed);
        }
        match &deed {
            Deed::Ask { to, items, careless } => self.ask(state, *to, *items, *careless, &deed),
            Deed::Acknowledge { case, automatic } => {
                if *automatic && !self.is_due(state, case) {
                    return;
                }
                let command = Command::Acknowledge { automatic: *automatic, note: None };
                self.attempt(state, case, command, &Attempt::Acknowledge, false, &deed);
            }
            Deed::Answer(answer) => self.answer(state, answer, &deed),
            Deed::Refuse { case, careless } => {
                let Some(request) = self.request_of(state, case) else { return };
                let command = Command::Refuse(samples::refusal(request, *careless));
                self.attempt(state, case, command, &Attempt::Refuse, *careless, &deed);
            }
            Deed::Release { case, to, purpose, spend } => self.release(state, case, to, *purpose, spend),
            Deed::Spend { case, permit, spender } => self.spend(state, case, permit, *spender),
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
                self.checker.seen(case, state, &view);
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
            Event::PermitUsed(used) => self.show(state, case, &used.id),
            Event::ReleaseDenied(_) => self.tally.denied += 1,
            Event::Opened(_)
            | Event::ReceiptConflict(_)
            | Event::ChanceJudged(_)
            | Event::Filed(_)
            | Event::PermitGranted(_) => {}
        }
    }

    fn plan_reaction(&mut self, state: usize, case: &CaseId, record: &case::ActRecord) {
        let seed = self.settings.seed;
        let plan = match &record.facts.body {
            case::Body::Request(request) => {
                officer::on_request(seed, case, request.items, self.offices[state])
            }
            case::Body::Response { elements, .. } if !elements.is_empty() => {
                officer::on_response(seed, case, &record.facts.header.digest)
            }
            case::Body::Acknowledgement { .. }
            | case::Body::ReturnIncomplete { .. }
            | case::Body::Resubmission { .. }
            | case::Body::Response { .. }
            | case::Body::Delay { .. }
            | case::Body::Refusal { .. }
            | case::Body::ClarificationRequest { .. }
            | case::Body::Clarification { .. }
            | case::Body::Withdrawal { .. }
            | case::Body::OutcomeNotice { .. }
            | case::Body::Mandate { .. }
            | case::Body::MandateRevocation { .. }
            | case::Body::Notice { .. }
            | case::Body::AssistanceRequest { .. }
            | case::Body::AssistanceReply { .. } => Vec::new(),
        };
        for (after, deed) in plan {
            self.plan(state, after, deed);
        }
    }

    fn ask(&mut self, state: usize, to: usize, items: u32, careless: bool, deed: &Deed) {
        let now = self.clock(state);
        let (me, to_party) = (self.party(state), self.party(to));
        let request = Box::new(samples::request(&self.template, &to_party, items, careless));
        let case = self.shells[state].mint(now);
        let (case_id, exercise) = (case.clone(), false);
        let command = Command::Submit { case: case_id, me, to: to_party, request, exercise, behalf: None };
        let real = self.draws_real(state, to);
        let refused = self.shells[state].command(&case, command, real, now).err();
        let as_it_should = careless == refused.is_some();
        self.checker.law(as_it_should, || format!("{case}: careless {careless}, refused {refused:?}"));
        if !careless {
            self.tally.cases += 1;
            self.checker.commanded(state, &case, ActKind::Request);
            self.in_flight[state].push(deed.clone());
        }
    }

    fn answer(&mut self, state: usize, answer: &Answer, deed: &Deed) {
        let now = self.clock(state);
        let case = &answer.case;
        let Some(view) = self.shells[state].view(case, now) else { return };
        let Some(request) = self.request_of(state, case) else { return };
        let open = |state| matches!(state, ItemState::Open | ItemState::Answered(Outcome::Partial));
        let left = view.items.iter().filter(|item| open(item.state)).map(|item| item.item);
        let mut items = answer.items.clone().unwrap_or_else(|| left.collect());
        if items.is_empty() {
            items.push(0);
        }
        let command = Command::Respond(samples::response(request, answer, &items));
        self.attempt(state, case, command, &Attempt::Answer(&items), answer.careless, deed);
    }

    /// Lets an officer of the requested side try something, and compares the outcome with the law.
    fn attempt(
        &mut self,
        state: usize,
        case: &CaseId,
        command: Command,
        attempt: &Attempt<'_>,
        careless: bool,
        deed: &Deed,
    ) {
        let now = self.clock(state);
        let Some(peer) = self.shells[state].case(case).and_then(|case| case.opening()) else { return };
        let Some(peer) = self.federation.number(&peer.peer) else { return };
        let real = self.draws_real(state, peer);
        let outcome = self.shells[state].command(case, command, real, now);
        let refused = outcome.as_ref().err().map(Refused::code);
        self.tally.refused += u64::from(refused.is_some());
        self.checker.attempted(case, state, attempt, careless, refused);
        if let Ok(Decision { draft: Some(draft), .. }) = outcome {
            self.checker.commanded(state, case, draft.act.kind());
            self.in_flight[state].push(deed.clone());
        }
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
        let command = Command::RequestRelease { id, to: to.clone(), purpose, officer, elements: None };
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
        let may = granted.is_some_and(|granted| now < granted.expires)
            && held.is_some_and(|held| held.permit_use(permit).is_none())
            && spender == Spender::Owner;
        let command = Command::UsePermit { id: permit.clone(), officer };
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

    /// Tells whether the gateway should acknowledge by itself now.
    fn is_due(&self, state: usize, case: &CaseId) -> bool {
        let Some(days) = self.offices[state].auto_ack_days else { return false };
        let due = self.shells[state].case(case).and_then(|case| case::auto_ack_due(case, days));
        due.is_some_and(|due| due <= self.clock(state))
    }

    /// Finds the request that a State is to answer.
    fn request_of(&self, state: usize, case: &CaseId) -> Option<Digest> {
        let view = self.shells[state].view(case, self.clock(state))?;
        let asked = view.role == Role::Requested;
        view.versions.last().filter(|_| asked).map(|version| version.digest)
    }

    fn party(&self, state: usize) -> valise::model::Party {
        self.federation.members[state].party.clone()
    }
}

impl Deed {
    /// Returns the case that the deed concerns; none for one that opens a case.
    const fn case(&self) -> Option<&CaseId> {
        match self {
            Self::Ask { .. } => None,
            Self::Acknowledge { case, .. }
            | Self::Refuse { case, .. }
            | Self::Release { case, .. }
            | Self::Spend { case, .. } => Some(case),
            Self::Answer(answer) => Some(&answer.case),
        }
    }
}
