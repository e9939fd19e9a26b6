//! Answers officers: one function for each verb of `control::Command`.

mod approvals;
mod attachments;
mod bags;
mod cases;
mod consents;
mod evidence;
mod exchange;
mod federation;
mod follow;
mod mandates;
mod peers;
mod queue;
mod releases;
mod reports;
mod requests;

pub(super) use peers::ping;

use crate::case;
use crate::control::{ActedView, BackupPoint, Command, Delivery, ExitCode, Failure, PrintView, Reply};
use crate::model::{Act, ActKind, CaseId, MandateTerms, Matter, OutcomeNotice};
use crate::node::content;
use crate::node::desk::Slot;
use crate::node::doctor;
use crate::node::error::NodeError;
use crate::node::gateway::{Author, Gateway, Made, Post};
use crate::node::mark;
use crate::node::recovery;
use crate::node::views;
use crate::store::{Change, LocalAct};
use serde::Serialize;
use std::sync::Arc;

/// How an act stands that waits for other officers.
const AWAITING: &str = "awaiting_approval";

/// Answers one command of an officer who may give it; `bytes` are those that came with it, and then those that go with the
/// reply.
///
/// # Errors
/// What went wrong, why, and what to do next.
pub async fn answer(post: &Post, officer: &str, command: Command, bytes: &mut Vec<u8>) -> Reply {
    let brought = std::mem::take(bytes);
    let gateway = &*post.gateway;
    match command {
        Command::GatewayStatus => json(&peers::status(post)?),
        Command::GatewayDoctor => json(&doctor::examine(post).await),
        Command::FederationSync { peer, news } => {
            let news = news.as_ref().map(|hex| hex.0.as_slice());
            json(&federation::sync(post, officer, peer.as_ref(), news).await?)
        }
        Command::IdentityRotate { what, reason, compromised_since } => {
            json(&federation::rotate(post, officer, what, &reason, compromised_since).await?)
        }
        Command::GatewayBackup => {
            record(gateway, officer, "gateway.backup", None).await?;
            let position = gateway.ledger.store().position();
            json(&BackupPoint { sequence: position.sequence, chain: position.chain })
        }
        Command::GatewayClock { lower: None } => json(&mark::view(gateway)),
        Command::GatewayClock { lower: Some(reason) } => json(&mark::lower(gateway, officer, &reason).await?),
        Command::GatewayRecover { without, reason } => {
            let at = recovery::go_on_without(gateway, officer, &without, &reason).await?;
            record(gateway, officer, "gateway.recover", None).await?;
            json(&serde_json::json!({ "peer": without, "at": at }))
        }
        Command::RelayStatus => {
            let failure = Failure::new(ExitCode::Usage, "relay.verb", "this node is a gateway, not a relay");
            Err(failure.hint("name the relay's own folder with --data DIR"))
        }
        Command::PeerList => json(&peers::peers(gateway)),
        Command::PeerPing { peer } => json(&peers::ping(post, &peer).await?),
        Command::InboxList => json(&cases::inbox(gateway)),
        Command::CaseList { after, limit } => json(&views::cases(gateway, after.as_ref(), limit)?),
        Command::CaseShow { case, reveal } => {
            let verb = reveal.then_some("case.show --reveal");
            json(&cases::show(gateway, officer, &case, verb).await?)
        }
        Command::CasePrint { case } => {
            let detail = cases::show(gateway, officer, &case, Some("case.print")).await?;
            let (party, at) = (gateway.me().clone(), gateway.now());
            json(&PrintView { party, detail, officer: officer.to_owned(), at })
        }
        Command::CaseAttachments { case, fetch } => json(&attachments::list(gateway, &case, fetch).await?),
        Command::AttachmentOffer { sha256, size } => json(&attachments::offer(gateway, sha256, size).await?),
        Command::AttachmentPut { sha256, index } => {
            json(&attachments::put(gateway, sha256, index, brought).await?)
        }
        Command::AttachmentRead { case, act, path, place, permit, index } => {
            let file = attachments::Named { case, act, path, place, permit };
            let (view, piece) = attachments::read(gateway, officer, file, index).await?;
            *bytes = piece;
            json(&view)
        }
        Command::CaseTemplate { case } => json(&cases::template(gateway, &case)?),
        Command::CaseFollow { case, quotes, permit, to } => {
            json(&follow::follow(gateway, officer, &case, quotes, permit, to).await?)
        }
        Command::CaseAck { case, note } => {
            let command = case::Command::Acknowledge { automatic: false, note };
            json(&act(gateway, officer, &case, ActKind::Acknowledgement, command).await?)
        }
        Command::CaseRespond { case, response, despite_declaration } => {
            json(&cases::respond(gateway, officer, &case, *response, despite_declaration).await?)
        }
        Command::CaseRefuse { case, grounds } => {
            json(&cases::refuse(gateway, officer, &case, grounds).await?)
        }
        Command::CaseReturn { case } => json(&cases::give_back(gateway, officer, &case).await?),
        Command::CaseJudge { case, reasonable, reason } => {
            json(&cases::judge(gateway, officer, &case, reasonable, reason).await?)
        }
        Command::CaseDelay { case, grounds, expected } => {
            json(&cases::delay(gateway, officer, &case, grounds, expected).await?)
        }
        Command::CaseClarify { case, act, text } => {
            json(&cases::clarify(gateway, officer, &case, &act, text).await?)
        }
        Command::CaseClose { case, reason } => json(&cases::close(gateway, officer, &case, reason).await?),
        Command::CaseWithdraw { case, reason } => json(
            &act(gateway, officer, &case, ActKind::Withdrawal, case::Command::Withdraw { reason }).await?,
        ),
        Command::CaseOutcome { case, items } => {
            let request = content::request_digest(&known(gateway, &case)?.read())?;
            let notice = OutcomeNotice { request, items };
            json(
                &act(gateway, officer, &case, ActKind::OutcomeNotice, case::Command::TellOutcome(notice))
                    .await?,
            )
        }
        Command::RequestResubmit { case, request } => json(
            &act(gateway, officer, &case, ActKind::Resubmission, case::Command::Resubmit { request }).await?,
        ),
        Command::RequestSubmit { request, to, incomplete, exercise, on_behalf_of, via } => {
            let way = requests::Way { to, on_behalf_of, via };
            json(&requests::submit(gateway, officer, *request, way, incomplete, exercise).await?)
        }
        Command::MandateGrant { agent, powers, cases, peers, from, until } => {
            let (principal, not_before) = (gateway.me().clone(), from.unwrap_or_else(|| gateway.now()));
            let terms = MandateTerms { principal, agent, powers, cases, peers, not_before, not_after: until };
            json(&mandates::grant(gateway, officer, terms).await?)
        }
        Command::MandateAccept { mandate } => json(&mandates::accept(gateway, officer, &mandate).await?),
        Command::MandateTell { mandate, to } => json(&mandates::tell(gateway, officer, &mandate, &to).await?),
        Command::MandateRevoke { mandate, reason } => {
            json(&mandates::revoke(gateway, officer, &mandate, reason).await?)
        }
        Command::MandateList => json(&mandates::list(gateway)),
        Command::NoticeNew { to, notice } => {
            json(&mandates::open(gateway, officer, &to, Act::Notice(notice)).await?)
        }
        Command::NoticeList => json(&exchange::list(gateway, ActKind::Notice)),
        Command::NoticeShow { case } => json(&exchange::show(gateway, officer, &case).await?),
        Command::AssistanceAsk { to, request } => {
            json(&mandates::open(gateway, officer, &to, Act::AssistanceRequest(request)).await?)
        }
        Command::AssistanceReply { case, outcome, text } => {
            json(&exchange::reply(gateway, officer, &case, outcome, text).await?)
        }
        Command::AssistanceList => json(&exchange::list(gateway, ActKind::AssistanceRequest)),
        Command::ReleaseRequest { case, to, purpose, elements, show, emergency } => {
            releases::release(gateway, officer, &case, &to, purpose, elements, show, emergency).await
        }
        Command::ReleaseApprove { id, digest, signature } => {
            releases::second(gateway, officer, &id, (Matter::Release, digest), signature).await
        }
        Command::ReleaseReview { id, digest, signature } => {
            releases::second(gateway, officer, &id, (Matter::Review, digest), signature).await
        }
        Command::ReleaseDeny { id, reason } => releases::deny(gateway, officer, &id, reason).await,
        Command::ReleaseNotify { case, to, elements, compelled_by } => {
            json(&consents::notify(gateway, officer, &case, &to, elements, compelled_by).await?)
        }
        Command::ConsentAsk { case, to, purpose, elements, reason } => {
            json(&consents::ask(gateway, officer, &case, &to, purpose, elements, reason).await?)
        }
        Command::ConsentList => json(&consents::list(gateway)?),
        Command::ConsentGrant { id, elements, expires, single_use } => {
            json(&consents::grant(gateway, officer, &id, elements, expires, single_use).await?)
        }
        Command::ConsentDeny { id, reason } => json(&consents::deny(gateway, officer, &id, reason).await?),
        Command::ConsentWithdraw { id, reason } => {
            json(&consents::withdraw(gateway, officer, &id, reason).await?)
        }
        Command::ApprovalList => json(&approvals::list(gateway)?),
        Command::ApprovalShow { id } => json(&approvals::show(gateway, officer, &id).await?),
        Command::ApprovalFile { id, sha256, index } => {
            let (view, piece) = approvals::file(gateway, officer, &id, (sha256, index)).await?;
            *bytes = piece;
            json(&view)
        }
        Command::ApprovalApprove { id, digest, signature } => {
            json(&approvals::approve(gateway, officer, &id, digest, signature).await?)
        }
        Command::ApprovalReturn { id, reason } => {
            json(&approvals::give_back(gateway, officer, &id, reason).await?)
        }
        Command::ReleaseList => json(&views::releases(gateway)?),
        Command::ReleaseShow { id } => json(&releases::show_release(gateway, officer, &id).await?),
        Command::EvidenceCustody { relay } => json(&evidence::custody(gateway, officer, &relay).await?),
        Command::EvidenceExport { case, elements, permit } => {
            json(&evidence::export(post, officer, &case, elements, permit).await?)
        }
        Command::EvidenceProof { alarm } => json(&evidence::export_proof(gateway, officer, alarm).await?),
        Command::EvidenceHead { check } => json(&evidence::head(gateway, check.as_deref())?),
        Command::CaseHistory { case } => json(&evidence::history(gateway, &case)?),
        Command::ReportRestrictions { years, min_cell } => {
            json(&reports::restrictions(gateway, years, min_cell)?)
        }
        Command::DeadlineList => json(&views::deadlines(gateway)),
        Command::QueueList => json(&queue::queue(gateway)),
        Command::QueueRetry { id } => json(&queue::retry(gateway, id)?),
        Command::QueueExport { peer, after } => json(&bags::page(gateway, peer.as_ref(), after.as_ref())?),
        Command::QueueHanded { peer, answers, acts, files } => {
            json(&bags::handed(gateway, officer, &peer, (&answers, &acts), &files).await?)
        }
        Command::QueueFiles { peer } => json(&bags::files(gateway, peer.as_ref()).await?),
        Command::QueuePiece { to, name, index } => {
            *bytes = bags::file_piece(post, &to, name, index).await?;
            json(&())
        }
        Command::QueueImport { from, to, frames } => {
            json(&bags::import(post, officer, (&from, &to), frames).await?)
        }
    }
}

fn json<T: Serialize>(view: &T) -> Reply {
    serde_json::to_value(view).map_err(|e| Failure::new(ExitCode::Bug, "bug.view", e))
}

async fn act(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    kind: ActKind,
    command: case::Command,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let made = gateway.make(id, &slot, command, Author::Officer(officer)).await?;
    Ok(acted(gateway, &slot, &made, kind))
}

fn acted(gateway: &Gateway, slot: &Slot, made: &Made, act: ActKind) -> ActedView {
    let view = views::view(gateway, &slot.read());
    let state = match &made.held {
        Some(_) => AWAITING.to_owned(),
        None => view.as_ref().map_or("", |v| v.state.code()).to_owned(),
    };
    ActedView {
        case: made.case.clone(),
        act,
        digest: made.digest,
        peer: made.peer.clone(),
        state,
        delivery: if made.held.is_some() { Delivery::None } else { Delivery::Queued },
        approval: made.held.as_ref().map(|held| held.id.to_string()),
        at: made.at,
        exercise: view.is_some_and(|v| v.exercise),
        warnings: Vec::new(),
    }
}

async fn record(
    gateway: &Gateway,
    officer: &str,
    verb: &str,
    case: Option<&CaseId>,
) -> Result<(), NodeError> {
    let mut change = Change::default();
    change.local_act(LocalAct {
        at: gateway.now(),
        officer: officer.to_owned(),
        verb: verb.to_owned(),
        case: case.cloned(),
    })?;
    gateway.ledger.commit(change).await?.into_inner();
    Ok(())
}

fn known(gateway: &Gateway, id: &CaseId) -> Result<Arc<Slot>, NodeError> {
    gateway.desk.known(id)?.ok_or_else(|| unknown_case(id))
}

fn unknown_case(id: &CaseId) -> NodeError {
    unknown("case", id)
}

fn unknown(what: &'static str, name: &impl ToString) -> NodeError {
    NodeError::Unknown { what, name: name.to_string() }
}
