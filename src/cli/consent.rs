//! Consent and release: what the node is asked, and how consents are shown.

use crate::cli::args::{ConsentVerb, ReleaseVerb};
use crate::cli::render::{table, when};
use crate::control::{Command, ConsentView};
use crate::model::Sensitive;

pub(super) fn consent(verb: &ConsentVerb) -> Command {
    match verb {
        ConsentVerb::Ask { case, to, purpose, elements, reason } => Command::ConsentAsk {
            case: case.clone(),
            to: to.clone(),
            purpose: *purpose,
            elements: elements.clone(),
            reason: Sensitive::new(reason.clone()),
        },
        ConsentVerb::List => Command::ConsentList,
        ConsentVerb::Grant { id, elements, until, single_use } => Command::ConsentGrant {
            id: id.clone(),
            elements: elements.clone(),
            expires: *until,
            single_use: *single_use,
        },
        ConsentVerb::Deny { id, reason } => {
            Command::ConsentDeny { id: id.clone(), reason: Sensitive::new(reason.clone()) }
        }
        ConsentVerb::Withdraw { id, reason } => {
            Command::ConsentWithdraw { id: id.clone(), reason: Sensitive::new(reason.clone()) }
        }
    }
}

pub(super) fn release(verb: &ReleaseVerb) -> Command {
    match verb {
        ReleaseVerb::Request { case, to, purpose, elements, show, emergency } => Command::ReleaseRequest {
            case: case.clone(),
            to: to.clone(),
            purpose: *purpose,
            elements: elements.clone(),
            show: *show,
            emergency: emergency.clone().map(Sensitive::new),
        },
        ReleaseVerb::Deny { id, reason } => {
            Command::ReleaseDeny { id: id.clone(), reason: Sensitive::new(reason.clone()) }
        }
        ReleaseVerb::Notify { case, to, elements, compelled_by } => Command::ReleaseNotify {
            case: case.clone(),
            to: to.clone(),
            elements: elements.clone(),
            compelled_by: Sensitive::new(compelled_by.clone()),
        },
        // A second officer is shown the permit first; see `cli::approval`.
        ReleaseVerb::Approve { .. } | ReleaseVerb::Review { .. } | ReleaseVerb::List => Command::ReleaseList,
        ReleaseVerb::Show { id, .. } | ReleaseVerb::Export { id, .. } => {
            Command::ReleaseShow { id: id.clone() }
        }
    }
}

pub(super) fn consents(list: &[ConsentView]) -> String {
    let row = |c: &ConsentView| {
        let join = |words: Vec<String>| words.join(" ");
        vec![
            c.id.short(),
            c.case.to_string(),
            c.asked_by.to_string(),
            if c.ours_to_answer && c.state == "asked" { "asked: answer it".into() } else { c.state.clone() },
            c.recipient.to_string(),
            join(c.purposes.iter().map(|p| p.code().to_owned()).collect()),
            join(c.elements.iter().map(ToString::to_string).collect()),
            join(c.lifts.iter().map(|l| l.code().to_owned()).collect()),
            when(c.expires),
        ]
    };
    let headers = ["ID", "CASE", "ASKED BY", "STATE", "TO", "PURPOSE", "ELEMENTS", "LIFTS", "UNTIL"];
    table(&headers, list.iter().map(row).collect())
}
