//! Answers officers: one function for each verb of `control::Command`.

use crate::case;
use crate::config::AuthorityKind as ConfiguredKind;
use crate::control::{
    ActedView, CaseDetail, Command, Delivery, ExitCode, Failure, GatewayStatus, InboxEntry, JournalStatus,
    PeerView, PingView, PrintView, QueueEntry, ReleaseShown, Reply, RetryView,
};
use crate::model::{
    ActKind, Addressee, AddresseeBasis, CaseId, Delay, Ground, MessageId, OutcomeNotice, Party, Purpose,
    Refusal, Request, Response, Text,
};
use crate::node::content;
use crate::node::desk::Slot;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Made, Post};
use crate::node::views;
use crate::rules::addressee;
use crate::rules::release::{Authority, AuthorityKind};
use crate::rules::response;
use crate::rules::returns;
use crate::store::{Change, LocalAct};
use crate::wire::FrameKind;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The fewest digits of a digest by which an act may be named.
const MIN_DIGEST: usize = 8;
/// How long a ping may take.
const PING: Duration = Duration::from_secs(10);

/// Answers one command of an officer who may give it.
///
/// # Errors
/// What went wrong, why, and what to do next.
pub async fn answer(post: &Post, officer: &str, command: Command) -> Reply {
    let gateway = &*post.gateway;
    match command {
        Command::GatewayStatus => json(&status(post)?),
        Command::PeerList => json(&peers(gateway)),
        Command::PeerPing { peer } => json(&ping(post, &peer).await?),
        Command::InboxList => json(&inbox(gateway)),
        Command::CaseList => json(&views::cases(gateway)),
        Command::CaseShow { case, reveal } => {
            let verb = reveal.then_some("case.show --reveal");
            json(&show(gateway, officer, &case, verb).await?)
        }
        Command::CasePrint { case } => {
            let detail = show(gateway, officer, &case, Some("case.print")).await?;
            let (party, at) = (gateway.me().clone(), gateway.now());
            json(&PrintView { party, detail, officer: officer.to_owned(), at })
        }
        Command::CaseTemplate { case } => json(&template(gateway, &case)?),
        Command::CaseAck { case, note } => {
            let command = case::Command::Acknowledge { automatic: false, note };
            json(&act(gateway, &case, ActKind::Acknowledgement, command).await?)
        }
        Command::CaseRespond { case, response } => json(&respond(gateway, &case, *response).await?),
        Command::CaseRefuse { case, grounds } => json(&refuse(gateway, &case, grounds).await?),
        Command::CaseReturn { case } => json(&give_back(gateway, &case).await?),
        Command::CaseJudge { case, reasonable, reason } => {
            json(&judge(gateway, officer, &case, reasonable, reason).await?)
        }
        Command::CaseDelay { case, grounds, expected } => {
            let request = content::request_digest(&known(gateway, &case)?.read())?;
            let delay = Delay { request, grounds, expected };
            json(&act(gateway, &case, ActKind::Delay, case::Command::Delay(delay)).await?)
        }
        Command::CaseClarify { case, act, text } => json(&clarify(gateway, &case, &act, text).await?),
        Command::CaseWithdraw { case, reason } => {
            json(&act(gateway, &case, ActKind::Withdrawal, case::Command::Withdraw { reason }).await?)
        }
        Command::CaseOutcome { case, items } => {
            let request = content::request_digest(&known(gateway, &case)?.read())?;
            let notice = OutcomeNotice { request, items };
            json(&act(gateway, &case, ActKind::OutcomeNotice, case::Command::TellOutcome(notice)).await?)
        }
        Command::RequestResubmit { case, request } => {
            json(&act(gateway, &case, ActKind::Resubmission, case::Command::Resubmit { request }).await?)
        }
        Command::RequestSubmit { request, to, incomplete, exercise } => {
            json(&submit(gateway, *request, to, incomplete, exercise).await?)
        }
        Command::ReleaseRequest { case, to, purpose, elements, show } => {
            release(gateway, officer, &case, &to, purpose, elements, show).await
        }
        Command::ReleaseList => json(&views::releases(gateway)),
        Command::ReleaseShow { id } => json(&show_release(gateway, officer, &id).await?),
        Command::DeadlineList => json(&views::deadlines(gateway)),
        Command::QueueList => json(&queue(gateway)),
        Command::QueueRetry { id } => json(&retry(gateway, id)?),
    }
}

fn json<T: Serialize>(view: &T) -> Reply {
    serde_json::to_value(view).map_err(|e| Failure::new(ExitCode::Bug, "bug.view", e))
}

fn status(post: &Post) -> Result<GatewayStatus, NodeError> {
    let gateway = &*post.gateway;
    let mut refused = gateway.counters.refusals();
    for (code, count) in post.road.refusals() {
        *refused.entry(code.to_owned()).or_default() += count;
    }
    let journal = gateway.ledger.store().statistics();
    Ok(GatewayStatus {
        party: gateway.me().clone(),
        since: gateway.since,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        socket: gateway.config.socket.display().to_string(),
        listen: post.road.local_address()?.to_string(),
        peers: gateway.couriers.all().len() as u64,
        queue: gateway.couriers.all().iter().map(|c| c.standing().waiting.len() as u64).sum(),
        journal: JournalStatus {
            groups: journal.groups,
            transactions: journal.transactions,
            bytes: journal.bytes,
        },
        refused,
    })
}

fn peers(gateway: &Gateway) -> Vec<PeerView> {
    let view = |courier: &crate::node::courier::Courier| {
        let standing = courier.standing();
        PeerView {
            peer: courier.peer.clone(),
            address: courier.address().to_string(),
            connected: standing.connected,
            last_contact: standing.last_contact,
            queued: standing.waiting.len() as u64,
        }
    };
    gateway.couriers.all().iter().map(|courier| view(courier)).collect()
}

async fn ping(post: &Post, peer: &Party) -> Result<PingView, Failure> {
    let courier = post.gateway.couriers.get(peer).ok_or_else(|| unknown("peer", peer))?;
    let unreachable = |cause: String| {
        Failure::new(ExitCode::Unavailable, "peer.unreachable", format!("{peer} was not reached"))
            .cause(cause)
            .hint("acts for it wait in the outbox and are tried again; `valise queue list` shows them")
    };
    let fresh = !courier.standing().connected;
    let watch = Instant::now();
    let link = courier.link(post).await.map_err(unreachable)?;
    let handshake_ms = fresh.then(|| watch.elapsed().as_secs_f64() * 1000.0);
    let watch = Instant::now();
    let asked = async {
        let (mut sender, mut receiver) = link.open().await?;
        sender.send(FrameKind::Ping, b"valise").await?;
        receiver.next().await
    };
    match timeout(PING, asked).await {
        Ok(Ok(Some((FrameKind::Pong, body)))) if body == b"valise" => {
            courier.heard(post.gateway.now(), None);
            Ok(PingView {
                peer: link.peer().clone(),
                address: link.remote().to_string(),
                rtt_ms: watch.elapsed().as_secs_f64() * 1000.0,
                handshake_ms,
                group: Some("X25519MLKEM768".to_owned()),
            })
        }
        Ok(Ok(_)) => Err(unreachable("the peer gave another answer than a pong".to_owned())),
        Ok(Err(cause)) => {
            courier.unlink();
            Err(unreachable(cause.to_string()))
        }
        Err(_) => {
            courier.unlink();
            Err(unreachable(format!("no answer within {} seconds", PING.as_secs())))
        }
    }
}

fn inbox(gateway: &Gateway) -> Vec<InboxEntry> {
    let mut entries: Vec<InboxEntry> =
        gateway.desk.all().iter().filter_map(|slot| views::inbox(gateway, &slot.read())).collect();
    entries.sort_by_key(|entry| (entry.due.is_none(), entry.due, entry.at));
    entries
}

/// Shows a case; under the name of a verb that reveals, with the content of its acts.
async fn show(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    revealing: Option<&str>,
) -> Result<CaseDetail, NodeError> {
    let slot = known(gateway, id)?;
    let mut detail = views::detail(gateway, &slot.read()).ok_or_else(|| unknown_case(id))?;
    if let Some(verb) = revealing {
        // The look is on record before anything is shown (ISACS 8.4 a).
        record(gateway, officer, verb, Some(id)).await?;
        let acts: Vec<_> = detail.acts.iter().map(|act| (act.kind, act.digest)).collect();
        detail.content = Some(content::contents(gateway, &slot.read(), &acts)?);
    }
    Ok(detail)
}

fn template(gateway: &Gateway, id: &CaseId) -> Result<String, NodeError> {
    let slot = known(gateway, id)?;
    let (digest, request) = content::request(gateway, &slot.read())?;
    Ok(response::template(&request, digest))
}

async fn submit(
    gateway: &Gateway,
    mut request: Request,
    to: Option<Party>,
    incomplete: Option<Text>,
    exercise: bool,
) -> Result<ActedView, Failure> {
    if let (None, Some(party)) = (&request.addressee, &to) {
        request.addressee = Some(addressed_to(&request, party));
    }
    if incomplete.is_some() {
        request.incomplete_reason = incomplete;
    }
    let named = to.or_else(|| request.addressee.as_ref().map(|a| a.party.clone()));
    let Some(to) = named else {
        return Err(Failure::new(ExitCode::Finding, "request.no_addressee", "the request names no addressee")
            .hint("name one in the file, or with --to; `valise request check` proposes them in the order of ISACS 8.1"));
    };
    if gateway.couriers.get(&to).is_none() {
        return Err(unknown("peer", &to).into());
    }
    let me = gateway.me().clone();
    let id = gateway.desk.mint(&me, gateway.now().year());
    let slot = gateway.desk.slot(&id);
    let request = Box::new(request);
    let command = case::Command::Submit { case: id.clone(), me, to, request, exercise };
    let made = gateway.make(&id, &slot, command).await.inspect_err(|error| {
        if matches!(error, NodeError::Refused(_)) {
            gateway.desk.unmint(&id);
        }
    })?;
    Ok(acted(gateway, &slot, &made, ActKind::Request))
}

/// Takes the basis from the proposals, if the party is among them.
fn addressed_to(request: &Request, party: &Party) -> Addressee {
    let proposed = addressee::propose(request).into_iter().find(|p| p.party.as_ref() == Some(party));
    let basis = proposed.map_or(AddresseeBasis::Other, |p| p.basis);
    Addressee { party: party.clone(), basis, reason: None }
}

async fn respond(gateway: &Gateway, id: &CaseId, response: Response) -> Result<ActedView, Failure> {
    act(gateway, id, ActKind::Response, case::Command::Respond(response)).await
}

async fn refuse(gateway: &Gateway, id: &CaseId, grounds: Vec<Ground>) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let request = content::request_digest(&slot.read())?;
    let refusal = Refusal { request, grounds };
    act(gateway, id, ActKind::Refusal, case::Command::Refuse(refusal)).await
}

/// Returns an incomplete request with the list that the validator finds (ISACS 8.3.2 ¶2).
async fn give_back(gateway: &Gateway, id: &CaseId) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let (_, request) = content::request(gateway, &slot.read())?;
    let missing = returns::wanted(&request);
    act(gateway, id, ActKind::ReturnIncomplete, case::Command::Return { missing }).await
}

/// Records a judgement of the chance of success; it says nothing to the peer (ISACS 8.3.2 ¶3).
async fn judge(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    reasonable: bool,
    reason: Text,
) -> Result<CaseDetail, NodeError> {
    let slot = known(gateway, id)?;
    let command = case::Command::JudgeChance { officer: officer.to_owned(), reasonable, reason };
    gateway.note(id, &slot, command).await?;
    views::detail(gateway, &slot.read()).ok_or_else(|| unknown_case(id))
}

/// Answers a question of the other side; about any other act of theirs it asks one.
async fn clarify(gateway: &Gateway, id: &CaseId, named: &str, text: Text) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let found = {
        let case = slot.read();
        let mut named_so = case.acts().filter(|r| r.facts.header.digest.to_string().starts_with(named));
        let found = named_so.next().map(|r| (r.facts.header.digest, r.facts.kind()));
        if named.len() >= MIN_DIGEST && named_so.next().is_none() { found } else { None }
    };
    let (digest, kind) = found.ok_or_else(|| {
        Failure::new(ExitCode::Finding, "unknown.act", format!("no single act of {id} begins with '{named}'"))
            .hint(format!(
                "give at least {MIN_DIGEST} digits of its digest; `valise case show {id}` lists the acts"
            ))
    })?;
    if kind == ActKind::ClarificationRequest {
        let command = case::Command::Clarify { question: digest, answer: text };
        return act(gateway, id, ActKind::Clarification, command).await;
    }
    let command = case::Command::AskClarification { about: digest, question: text };
    act(gateway, id, ActKind::ClarificationRequest, command).await
}

async fn act(
    gateway: &Gateway,
    id: &CaseId,
    kind: ActKind,
    command: case::Command,
) -> Result<ActedView, Failure> {
    let slot = known(gateway, id)?;
    let made = gateway.make(id, &slot, command).await?;
    Ok(acted(gateway, &slot, &made, kind))
}

fn acted(gateway: &Gateway, slot: &Slot, made: &Made, act: ActKind) -> ActedView {
    let view = views::view(gateway, &slot.read());
    let state = view.as_ref().map_or("", |v| v.state.code()).to_owned();
    ActedView {
        case: made.case.clone(),
        act,
        digest: made.digest,
        peer: made.peer.clone(),
        state,
        delivery: Delivery::Queued,
        at: made.at,
        exercise: view.is_some_and(|v| v.exercise),
    }
}

async fn release(
    gateway: &Gateway,
    officer: &str,
    id: &CaseId,
    to: &str,
    purpose: Purpose,
    elements: Vec<String>,
    show: bool,
) -> Reply {
    let slot = known(gateway, id)?;
    let command = case::Command::RequestRelease {
        id: MessageId::random(&mut *gateway.entropy()),
        to: authority(gateway, to)?,
        purpose,
        officer: officer.to_owned(),
        elements: (!elements.is_empty()).then_some(elements),
    };
    // A denial is committed like a permit: both must be on record before anybody hears of them.
    let decision = gateway.note(id, &slot, command).await?;
    if let Some(denial) = decision.denied {
        let first = denial.elements.first();
        let rule = first.map(|e| e.rule.clone()).unwrap_or_default();
        let why = first.map(|e| format!("{}: {}", e.element.path, e.why)).unwrap_or_default();
        return Err(NodeError::Denied { id: denial.id.as_str().to_owned(), rule, why }.into());
    }
    let granted = |event: &case::Event| {
        if let case::Event::PermitGranted(p) = event { Some(p.id.clone()) } else { None }
    };
    let permit = decision.events.iter().find_map(granted).expect("a release that is not denied is permitted");
    let permit = permit.as_str().to_owned();
    if show {
        return json(&show_release(gateway, officer, &permit).await?);
    }
    let view = views::releases(gateway).into_iter().find(|view| view.id == permit);
    json(&view)
}

async fn show_release(gateway: &Gateway, officer: &str, id: &str) -> Result<ReleaseShown, Failure> {
    let no_permit = || unknown("permit", &id);
    let permit_id: case::PermitId = id.parse().map_err(|_| no_permit())?;
    let held = gateway.desk.all().into_iter().find(|slot| slot.read().permit(&permit_id).is_some());
    let slot = held.ok_or_else(no_permit)?;
    let shown = gateway.spend(&slot, permit_id, officer).await?;
    Ok(shown)
}

fn authority(gateway: &Gateway, name: &str) -> Result<Authority, NodeError> {
    let me = gateway.me();
    if name == me.to_string() || name == "npc" {
        return Ok(Authority { name: me.to_string(), kind: AuthorityKind::OwnNpc, designated: true });
    }
    let configured = gateway.config.authorities.iter().find(|a| a.name == name);
    if let Some(found) = configured {
        let kind = match found.kind {
            ConfiguredKind::Competent => AuthorityKind::Competent,
            ConfiguredKind::Court => AuthorityKind::Court,
        };
        return Ok(Authority { name: found.name.clone(), kind, designated: found.designated });
    }
    match name.parse::<Party>() {
        Ok(party) => {
            Ok(Authority { name: party.to_string(), kind: AuthorityKind::Foreign(party), designated: false })
        }
        Err(_) => Err(unknown("authority", &name)),
    }
}

fn queue(gateway: &Gateway) -> Vec<QueueEntry> {
    let mut entries = Vec::new();
    for courier in gateway.couriers.all() {
        let standing = courier.standing();
        entries.extend(standing.waiting.into_iter().map(|waiting| QueueEntry {
            id: waiting.row.envelope.to_string(),
            peer: courier.peer.clone(),
            case: waiting.row.case,
            act: waiting.row.act,
            state: if waiting.refused { Delivery::Refused } else { Delivery::Queued },
            attempts: waiting.attempts,
            next_try: if waiting.refused { None } else { standing.next_try },
            last_cause: waiting.last_cause.or_else(|| standing.last_cause.clone()),
            queued_at: waiting.row.queued_at,
        }));
    }
    entries
}

fn retry(gateway: &Gateway, id: Option<String>) -> Result<RetryView, NodeError> {
    let only = id.as_deref().map(str::parse::<MessageId>).transpose();
    let only = only.map_err(|_| unknown("queue entry", &id.clone().unwrap_or_default()))?;
    let woken: Vec<_> = gateway.couriers.all().iter().flat_map(|courier| courier.retry(only)).collect();
    if let (Some(id), true) = (id, woken.is_empty()) {
        return Err(unknown("queue entry", &id));
    }
    Ok(RetryView { woken: woken.iter().map(ToString::to_string).collect() })
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
    gateway.desk.known(id).ok_or_else(|| unknown_case(id))
}

fn unknown_case(id: &CaseId) -> NodeError {
    unknown("case", id)
}

fn unknown(what: &'static str, name: &impl ToString) -> NodeError {
    NodeError::Unknown { what, name: name.to_string() }
}
