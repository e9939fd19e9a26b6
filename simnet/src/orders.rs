//! What a deed asks of a case: the command to the gateway, and what the law is asked about it.

use crate::officer::{Answer, Deed};
use crate::reference::Attempt;
use crate::samples::{self, Form};
use crate::world::{OFFICERS, World};
use std::collections::BTreeSet;
use valise::case::{self, Command, ItemState, View};
use valise::model::{CaseId, Digest, Outcome};

/// A deed on its way to the gateway.
pub(crate) struct Order {
    /// What the gateway is told.
    pub(crate) command: Command,
    /// What the law is asked.
    pub(crate) attempt: Attempt,
    /// Whether a word is missing that the law asks for.
    pub(crate) careless: bool,
}

impl World {
    /// Puts a deed in a case into an order; none if there is no such case, or nothing is due.
    pub(crate) fn order(&self, state: usize, deed: &Deed) -> Option<Order> {
        let view = self.shells[state].view(deed.case()?, self.clock(state))?;
        let request = view.versions.last()?.digest;
        let (command, attempt, careless) = match deed {
            Deed::Acknowledge { case, automatic } => {
                if *automatic && !self.is_due(state, case) {
                    return None;
                }
                (Command::Acknowledge { automatic: *automatic, note: None }, Attempt::Acknowledge, false)
            }
            Deed::Judge { reasonable, careless, .. } => {
                let (officer, reason) = (OFFICERS[0].to_owned(), samples::said(*careless));
                let command = Command::JudgeChance { officer, reasonable: *reasonable, reason };
                (command, Attempt::Judge, *careless)
            }
            Deed::Return { case, careless } => {
                let wants = if *careless { BTreeSet::new() } else { self.wants(state, case, &request) };
                let command = Command::Return { missing: samples::missing(&wants) };
                (command, Attempt::Return(wants), *careless)
            }
            Deed::Resubmit { form, .. } => {
                let items = u32::try_from(view.items.len()).unwrap_or(u32::MAX);
                let again = samples::request(&self.template, &view.peer, items, *form);
                let command = Command::Resubmit { request: Box::new(again) };
                (command, Attempt::Resubmit, *form == Form::Careless)
            }
            Deed::Answer(answer) => {
                let items = items(&view, answer);
                let command = Command::Respond(samples::response(request, answer, &items));
                (command, Attempt::Answer(items), answer.careless)
            }
            Deed::Delay { careless, .. } => {
                (Command::Delay(samples::delay(request, *careless)), Attempt::Delay, *careless)
            }
            Deed::Refuse { careless, .. } => {
                (Command::Refuse(samples::refusal(request, *careless)), Attempt::Refuse, *careless)
            }
            Deed::Question { about, careless, .. } => {
                let command = Command::AskClarification { about: *about, question: samples::said(*careless) };
                (command, Attempt::Question(*about), *careless)
            }
            Deed::Clarify { question, careless, .. } => {
                let command = Command::Clarify { question: *question, answer: samples::said(*careless) };
                (command, Attempt::Clarify(*question), *careless)
            }
            Deed::Withdraw { careless, .. } => {
                (Command::Withdraw { reason: samples::said(*careless) }, Attempt::Withdraw, *careless)
            }
            Deed::Tell { found, careless, .. } => {
                let notice = samples::outcome(request, *found, *careless);
                (Command::TellOutcome(notice), Attempt::Tell, *careless)
            }
            Deed::Ask { .. } | Deed::Release { .. } | Deed::Spend { .. } => return None,
        };
        Some(Order { command, attempt, careless })
    }

    /// Lists the clauses for which a return would ask; where nothing is lacking, one that has no right to it.
    fn wants(&self, state: usize, case: &CaseId, request: &Digest) -> BTreeSet<String> {
        let record = self.shells[state].case(case).and_then(|case| case.act(request));
        let facts = record.and_then(|record| record.facts.request());
        let lacking = facts.map(|facts| facts.unmet.union(&facts.impossible).cloned().collect());
        let lacking: BTreeSet<String> = lacking.unwrap_or_default();
        if lacking.is_empty() { ["8.2.1(a)(2)".to_owned()].into() } else { lacking }
    }

    /// Tells whether the gateway should acknowledge by itself now.
    fn is_due(&self, state: usize, case: &CaseId) -> bool {
        let Some(days) = self.offices[state].auto_ack_days else { return false };
        let due = self.shells[state].case(case).and_then(|case| case::auto_ack_due(case, days));
        due.is_some_and(|due| due <= self.clock(state))
    }
}

/// Chooses the items to answer: those that the officer means, or all that are open.
fn items(view: &View, answer: &Answer) -> Vec<u32> {
    let open = |state| matches!(state, ItemState::Open | ItemState::Answered(Outcome::Partial));
    let left = view.items.iter().filter(|item| open(item.state)).map(|item| item.item);
    let mut items = answer.items.clone().unwrap_or_else(|| left.collect());
    if items.is_empty() {
        items.push(0);
    }
    items
}
