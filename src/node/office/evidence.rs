//! Evidence for people outside: dossiers, the private journal's head, the history of a case.

use crate::case::{Direction, PermitId};
use crate::control::{
    ActHistory, AlarmView, CustodyFileView, DossierView, ExitCode, Failure, Hex, HistoryStep,
    JournalHeadView, ProofView,
};
use crate::evidence::Accusation;
use crate::evidence::dossier::Severity;
use crate::model::{CaseId, Digest, Party, Timestamp};
use crate::node::audit;
use crate::node::error::NodeError;
use crate::node::evidence;
use crate::node::evidence::Disclosing;
use crate::node::gateway::{Gateway, Post};
use crate::node::mailbox;
use crate::node::office::{known, record, unknown};
use crate::node::views;
use crate::relay::{CustodyFile, MailboxState, SignedFor};
use crate::store::SignedCustody;
use std::collections::BTreeSet;

pub(super) async fn export(
    post: &Post,
    officer: &str,
    id: &CaseId,
    elements: Option<Vec<String>>,
    permit: Option<String>,
) -> Result<DossierView, Failure> {
    let gateway = &*post.gateway;
    let slot = known(gateway, id)?;
    if let Some(opening) = slot.read().opening() {
        gateway.recovery.check([&opening.peer])?;
    }
    let (peer, acts) = {
        let case = slot.read();
        let peer = case.opening().map(|opening| opening.peer.clone()).ok_or_else(|| unknown("case", id))?;
        let mut acts: Vec<Digest> = case.acts().map(|record| record.facts.header.digest).collect();
        // What was said under a message id that was used before is no act of the case, but part of the evidence.
        acts.extend(case.equivocations().map(|proof| proof.second));
        (peer, acts)
    };
    check_named(gateway, &acts, elements.as_deref().unwrap_or_default())?;
    let mut disclosing = Disclosing {
        only: elements.map(|list| list.iter().map(|e| named(e)).collect()),
        ..Disclosing::default()
    };
    // The export is on record before anything leaves (ISACS 8.4 a).
    record(gateway, officer, "evidence.export", Some(id)).await?;
    if let Some(permit) = permit {
        let permit: PermitId = permit.parse().map_err(|_| unknown("permit", &permit))?;
        let opened = gateway.open_permit(&slot, permit, officer).await?;
        disclosing.opened =
            opened.disclosures.into_iter().map(|(act, path, bytes)| ((act, path), bytes)).collect();
    }
    // A peer that is there leads its receipts to an anchor; one that is not does not hold the export up.
    if let Some(courier) = gateway.couriers.get(&peer).filter(|courier| courier.standing().link.is_some()) {
        let sizes = evidence::sizes_to_audit(gateway, &peer, &acts)?;
        if let Err(cause) = audit::ask(post, &courier, &sizes).await {
            tracing::info!(%cause, "a dossier is made without a fresh proof of the peer's log");
        }
    }
    let made = evidence::export(gateway, id, &peer, &acts, &disclosing)?;
    let disclosed = made.report.acts.iter().map(|act| act.disclosed).sum();
    let elements: u64 = made.report.acts.iter().map(|act| act.elements).sum();
    let fault = made.report.findings.iter().find(|finding| finding.severity == Severity::Fault);
    let dossier = hex(&made.bytes);
    Ok(DossierView {
        case: id.clone(),
        made_at: gateway.now(),
        acts: made.report.acts.len() as u64,
        disclosed,
        withheld: elements - disclosed,
        valid: made.report.valid,
        first_fault: fault.map(|fault| format!("{}: {}", fault.about, fault.words)),
        dossier,
    })
}

/// Hands out the proof of one alarm alone, by its number in `gateway status`.
pub(super) async fn export_proof(
    gateway: &Gateway,
    officer: &str,
    number: u64,
) -> Result<ProofView, Failure> {
    let alarms = gateway.ledger.alarms().map_err(NodeError::from)?;
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let alarm =
        at.and_then(|at| alarms.into_iter().nth(at)).ok_or_else(|| unknown("alarm", &number.to_string()))?;
    let unproved = || {
        Failure::new(
            ExitCode::Finding,
            "evidence.unproved",
            format!("nothing that is signed proves this alarm alone: {}", alarm.words),
        )
        .hint("where directories differ, the proof lies in the folder `federation` and `federation check` judges it")
    };
    let accusation = Accusation::parse(&alarm.proof).map_err(|_| unproved())?;
    record(gateway, officer, &format!("evidence.export --alarm {number}"), None).await?;
    let made = evidence::export_proof(gateway, accusation)?;
    let fault = made.report.first_fault();
    Ok(ProofView {
        alarm: number,
        peer: alarm.peer,
        at: alarm.at,
        words: alarm.words,
        valid: made.report.valid,
        first_fault: fault.map(|fault| format!("{}: {}", fault.about, fault.words)),
        proof: hex(&made.bytes),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes down what a relay has signed for and, under our signature, what has come from it.
pub(super) async fn custody(
    gateway: &Gateway,
    officer: &str,
    relay: &Party,
) -> Result<CustodyFileView, Failure> {
    // It is a signed word about what was had, which a restored gateway does not know before it has asked.
    gateway.recovery.check_all()?;
    let held = gateway.ledger.custodies_of(relay).map_err(NodeError::from)?;
    let rows = gateway.ledger.mailbox(relay).map_err(NodeError::from)?;
    if held.is_empty() && rows.is_empty() && !gateway.config.relays.contains(relay) {
        let why = format!("{relay} has signed for nothing of ours and has brought us nothing");
        return Err(Failure::new(ExitCode::Finding, "unknown.relay", why)
            .hint("`valise peer list` shows the relays among the peers"));
    }
    record(gateway, officer, "evidence.export", None).await?;
    let at = gateway.now();
    let threads = rows.len() as u64;
    let state = MailboxState { relay: relay.clone(), at, rows };
    let signed: Vec<SignedFor> = held
        .into_iter()
        .filter(|kept| !kept.custody.is_empty())
        .map(|kept| SignedFor { custody: kept.custody.into(), notice: kept.notice.map(Into::into) })
        .collect();
    let parcels = signed.len() as u64;
    let word = state.sign(&mailbox::signer(&gateway.ring()));
    let trust = gateway.directory().bundle();
    let file = CustodyFile::new((gateway.me(), relay), at, trust, signed, word);
    let file = file.encode().map_err(|e| Failure::new(ExitCode::Finding, "evidence.too_large", e))?;
    Ok(CustodyFileView { relay: relay.clone(), at, parcels, threads, file: Hex(file) })
}

/// Writes the private journal's head as it is noted down.
pub(super) fn journal_head(gateway: &Gateway) -> Result<String, NodeError> {
    let head = gateway.ledger.journal_head(None)?;
    let (acts, chain) = head.expect("a journal has a head however short it is");
    Ok(format!("{acts}:{chain}"))
}

/// Lists the peers that have contradicted themselves, oldest alarm first.
pub(super) fn alarms(gateway: &Gateway) -> Result<Vec<AlarmView>, NodeError> {
    let view = |(number, alarm): (u64, crate::store::Alarm)| AlarmView {
        number,
        peer: alarm.peer,
        at: alarm.at,
        words: alarm.words,
        proof: !alarm.proof.is_empty(),
    };
    Ok((1..).zip(gateway.ledger.alarms()?).map(view).collect())
}

/// Shows the private journal's head, or checks the journal against one that was noted down.
pub(super) fn head(gateway: &Gateway, check: Option<&str>) -> Result<JournalHeadView, Failure> {
    let ledger = &gateway.ledger;
    let holds = match check {
        None => None,
        Some(noted) => {
            let parsed = noted
                .split_once(':')
                .and_then(|(n, d)| Some((n.parse::<u64>().ok()?, d.parse::<Digest>().ok()?)));
            let (count, chain) = parsed.ok_or_else(|| {
                Failure::new(ExitCode::Usage, "evidence.head", format!("'{noted}' is no head"))
                    .hint("write it as it was shown, NUMBER:DIGEST")
            })?;
            let then = ledger.journal_head(Some(count)).map_err(NodeError::from)?;
            if then != Some((count, chain)) {
                return Err(Failure::new(
                    ExitCode::Finding,
                    "evidence.journal_changed",
                    "the private journal does not begin with the acts of that head",
                )
                .hint(
                    "it was changed or cut, or the head is another gateway's; keep the data folder as it is",
                ));
            }
            Some(true)
        }
    };
    let now = ledger.journal_head(None).map_err(NodeError::from)?;
    let (acts, chain) = now.expect("a journal has a head however short it is");
    Ok(JournalHeadView { acts, chain, head: format!("{acts}:{chain}"), holds })
}

/// Tells what happened to each act of a case: written, queued, received by proof, acknowledged, answered.
pub(super) fn history(gateway: &Gateway, id: &CaseId) -> Result<Vec<ActHistory>, Failure> {
    let slot = known(gateway, id)?;
    let case = slot.read();
    let view = views::view(gateway, &case).ok_or_else(|| unknown("case", id))?;
    let mut out = Vec::new();
    for act in &view.acts {
        let mut steps = Vec::new();
        let mut step = |step: &str, at, proved, detail| {
            steps.push(HistoryStep { step: step.to_owned(), at, proved, detail });
        };
        match act.direction {
            Direction::Sent => {
                step("written", Some(act.at), false, None);
                step("queued", Some(act.at), false, waiting(gateway, &view.peer, &act.digest));
                for (relay, since, gave_up) in carried(gateway, &act.digest)? {
                    step("relay", Some(since), true, Some(format!("{relay} has signed for it{gave_up}")));
                }
                if let Some(at) = act.arrived_at {
                    step("receipt", Some(at), true, Some(format!("the gateway of {} has it", view.peer)));
                }
            }
            Direction::Received => {
                step("received", Some(act.at), true, Some(format!("signed by {}", act.issuer)))
            }
        }
        for version in view.versions.iter().filter(|version| version.digest == act.digest) {
            if let Some(at) = version.clocks.ack_at {
                step("acknowledged", Some(at), true, None);
            }
            if let Some(at) = version.clocks.responded_at {
                step("answered", Some(at), true, None);
            }
        }
        out.push(ActHistory { digest: act.digest, act: act.kind, issuer: act.issuer.clone(), steps });
    }
    Ok(out)
}

/// Lists the relays that have signed for an act, by the time of their own clocks, and whether one gave it up.
fn carried(gateway: &Gateway, act: &Digest) -> Result<Vec<(String, Timestamp, String)>, NodeError> {
    let mut out = Vec::new();
    for (envelope, to) in gateway.ledger.envelopes_of(act)? {
        for SignedCustody { relay, since, notice, .. } in gateway.ledger.custodies(&envelope)? {
            let gave_up = if notice.is_some() { ", and later that it gave it up" } else { "" };
            out.push((relay.to_string(), since, format!(" for {to}{gave_up}")));
        }
    }
    out.sort_by_key(|(_, since, _)| *since);
    Ok(out)
}

/// Says how delivery stands, while an act waits.
fn waiting(gateway: &Gateway, peer: &crate::model::Party, act: &Digest) -> Option<String> {
    let standing = gateway.couriers.get(peer)?.standing();
    let waiting = standing.waiting.into_iter().find(|waiting| waiting.row.statement == *act)?;
    let mut words = format!("{} attempts", waiting.attempts);
    if let Some(cause) = waiting.last_cause.or(standing.last_cause) {
        words += &format!("; {cause}");
    }
    if let Some(next) = standing.next_try.filter(|_| !waiting.refused) {
        words += &format!("; next try at {next}");
    }
    Some(words)
}

/// Reads `ACT:PATH` or `PATH`.
/// Checks that each element that is to be disclosed is one of the case: a dossier without it would be found out too late.
fn check_named(gateway: &Gateway, acts: &[Digest], elements: &[String]) -> Result<(), Failure> {
    if elements.is_empty() {
        return Ok(());
    }
    let mut there: Vec<(String, String)> = Vec::new();
    for act in acts {
        let body = gateway.ledger.body(act).map_err(NodeError::from)?;
        let paths = body.into_iter().flat_map(|body| body.elements).map(|element| element.path);
        there.extend(paths.map(|path| (act.to_string(), path)));
    }
    let is_there = |element: &&String| {
        let (begin, path) = named(element);
        there.iter().any(|(act, known)| act.starts_with(&begin) && *known == path)
    };
    let Some(missing) = elements.iter().find(|element| !is_there(element)) else { return Ok(()) };
    let words = format!("no act of the case has an element '{missing}'");
    let paths: BTreeSet<String> = there.into_iter().map(|(_, path)| path).collect();
    let paths: Vec<String> = paths.into_iter().collect();
    let hint = format!("these are there, each also as ACT:PATH: {}", paths.join(", "));
    Err(Failure::new(ExitCode::Finding, "evidence.no_element", words).hint(hint))
}

fn named(element: &str) -> (String, String) {
    match element.split_once(':') {
        Some((act, path)) => (act.to_owned(), path.to_owned()),
        None => (String::new(), element.to_owned()),
    }
}
