//! What the acts of clause 9 and of 5.3 must hold: mandates, notices, assistance.

use super::completeness::{Completeness, said};
use crate::model::{Act, CaseScope, Mandate, PeerScope, Text};

/// Checks an act that belongs to no trace; any other act lacks nothing here.
pub fn check(act: &Act) -> Completeness {
    let mut found = Completeness::default();
    match act {
        Act::Mandate(given) => return mandate_check(given),
        Act::MandateRevocation(ended) => words(&mut found, "9.3", "reason", &ended.reason),
        Act::Notice(notice) => {
            words(&mut found, "9.6", "title", &notice.title);
            words(&mut found, "9.6", "text", &notice.text);
        }
        Act::AssistanceRequest(asked) => words(&mut found, "9.1", "text", &asked.text),
        Act::AssistanceReply(reply) => words(&mut found, "9.1", "text", &reply.text),
        Act::Request(_)
        | Act::Acknowledgement(_)
        | Act::ReturnIncomplete(_)
        | Act::Resubmission(_)
        | Act::Response(_)
        | Act::Delay(_)
        | Act::Refusal(_)
        | Act::ClarificationRequest(_)
        | Act::Clarification(_)
        | Act::Withdrawal(_)
        | Act::OutcomeNotice(_)
        | Act::ConsentRequest(_)
        | Act::ConsentGrant(_)
        | Act::ConsentDenial(_)
        | Act::ConsentWithdrawal(_)
        | Act::DisclosureNotice(_) => {}
    }
    found
}

/// A mandate says who, what, where and until when (ISACS 9.3).
fn mandate_check(given: &Mandate) -> Completeness {
    let (mut found, terms) = (Completeness::default(), &given.terms);
    if terms.powers.is_empty() {
        found.need("9.3", "powers", "say what the agent may do");
    }
    if terms.agent == terms.principal {
        found.need("9.3", "agent", "name another party than the principal");
    }
    if matches!(&terms.cases, CaseScope::Cases(cases) if cases.is_empty()) {
        found.need("9.3", "cases", "name at least one case");
    }
    if matches!(&terms.peers, PeerScope::Parties(parties) if parties.is_empty()) {
        found.need("9.3", "peers", "name at least one party");
    }
    if terms.not_before >= terms.not_after {
        found.need("9.3", "not_after", "let it end after it begins");
    }
    found
}

fn words(found: &mut Completeness, clause: &'static str, field: &str, text: &Text) {
    if !said(Some(text)) {
        found.need(clause, field, "say it in words");
    }
}
