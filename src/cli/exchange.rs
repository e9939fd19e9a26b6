//! Mandates, notices and assistance: what the node is asked, and how its answers are shown.

use crate::cli::args::{AssistanceVerb, MandateVerb, NoticeVerb};
use crate::cli::document::read_text;
use crate::cli::face::printable;
use crate::cli::render::table;
use crate::control::{Command, ExchangeView, Failure, MandateView, RevocationView};
use crate::model::{AssistanceRequest, CaseScope, Notice, PeerScope, Sensitive, Text};
use std::path::Path;

pub(super) fn mandate(verb: &MandateVerb) -> Command {
    match verb {
        MandateVerb::Grant(grant) => Command::MandateGrant {
            agent: grant.agent.clone(),
            powers: grant.powers.iter().copied().collect(),
            cases: grant.case_scope(),
            peers: grant.peer_scope(),
            from: grant.from,
            until: grant.until,
        },
        MandateVerb::Accept { mandate } => Command::MandateAccept { mandate: mandate.clone() },
        MandateVerb::Tell { mandate, to } => {
            Command::MandateTell { mandate: mandate.clone(), to: to.clone() }
        }
        MandateVerb::Revoke { mandate, reason } => {
            Command::MandateRevoke { mandate: mandate.clone(), reason: Sensitive::new(reason.clone()) }
        }
        MandateVerb::List => Command::MandateList,
    }
}

pub(super) fn notice(verb: &NoticeVerb) -> Result<Command, Failure> {
    Ok(match verb {
        NoticeVerb::New { to, topic, title, from } => {
            let (title, text) = (Sensitive::new(title.clone()), words(from)?);
            Command::NoticeNew { to: to.clone(), notice: Notice { topic: *topic, title, text } }
        }
        NoticeVerb::List => Command::NoticeList,
        NoticeVerb::Show { case } => Command::NoticeShow { case: case.clone() },
    })
}

pub(super) fn assistance(verb: &AssistanceVerb) -> Result<Command, Failure> {
    Ok(match verb {
        AssistanceVerb::Ask { to, need, case, from } => {
            let request = AssistanceRequest { need: *need, about: case.clone(), text: words(from)? };
            Command::AssistanceAsk { to: to.clone(), request }
        }
        AssistanceVerb::Reply { case, outcome, from } => {
            Command::AssistanceReply { case: case.clone(), outcome: *outcome, text: words(from)? }
        }
        AssistanceVerb::List => Command::AssistanceList,
    })
}

pub(super) fn mandates(list: &[MandateView]) -> String {
    let row = |m: &MandateView| {
        let powers: Vec<&str> = m.terms.powers.iter().map(|power| power.code()).collect();
        let cases = match &m.terms.cases {
            CaseScope::All => "all".to_owned(),
            CaseScope::Exercises => "exercises".to_owned(),
            CaseScope::Cases(cases) => join(cases),
        };
        let peers = match &m.terms.peers {
            PeerScope::All => "all".to_owned(),
            PeerScope::Parties(parties) => join(parties),
        };
        vec![
            m.mandate.short(),
            m.terms.principal.to_string(),
            m.terms.agent.to_string(),
            powers.join(" "),
            cases,
            peers,
            m.terms.not_after.to_string(),
            m.state.replace('_', " "),
        ]
    };
    let headers = ["MANDATE", "PRINCIPAL", "AGENT", "POWERS", "CASES", "TOWARDS", "UNTIL", "STATE"];
    table(&headers, list.iter().map(row).collect())
}

pub(super) fn revoked(view: &RevocationView) -> String {
    let told: Vec<String> = view.told.iter().map(|acted| acted.peer.to_string()).collect();
    let mut text = format!("mandate {} is revoked; told to {}", view.mandate.short(), told.join(", "));
    for (party, why) in &view.not_told {
        text += &format!("\nnot told to {party}: {}", printable(why));
    }
    text
}

pub(super) fn exchanges(list: &[ExchangeView]) -> String {
    let row = |e: &ExchangeView| {
        let way = match e.direction {
            crate::control::Direction::Sent => "to",
            crate::control::Direction::Received => "from",
        };
        vec![
            e.case.to_string(),
            format!("{way} {}", e.peer),
            e.at.to_string(),
            e.about.replace('_', " "),
            e.trace.as_ref().map_or_else(|| "-".into(), ToString::to_string),
            e.outcome.as_ref().map_or_else(|| "-".into(), |outcome| outcome.replace('_', " ")),
        ]
    };
    table(&["CASE", "PARTY", "AT", "ABOUT", "TRACE", "OUTCOME"], list.iter().map(row).collect())
}

pub(super) fn shown(view: &ExchangeView) -> String {
    let content = view.content.as_ref().map(|content| printable(&format!("{content:#}")));
    format!("{}\n\n{}", exchanges(std::slice::from_ref(view)), content.unwrap_or_default())
}

fn words(file: &Path) -> Result<Text, Failure> {
    Ok(Sensitive::new(read_text(file)?.trim().to_owned()))
}

fn join<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" ")
}
