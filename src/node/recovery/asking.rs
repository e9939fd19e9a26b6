//! The side that has lost something: it asks, proves what it gets, and takes it in.

use crate::case;
use crate::case::{ActFacts, ActHeader, Event};
use crate::envelope::{
    ClaimedStatement, GatewayWord, GivenBack, MAX_FETCHED, OfferedPrekey, ProvedGivenBack, RecoveryList,
    RecoveryQuestion, RecoveryWants, Statement,
};
use crate::evidence::{Direction, EvidenceError, Receipt, contradict};
use crate::model::{Digest, Head, Party, Timestamp};
use crate::node::courier::Courier;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post, add_events};
use crate::node::keys::KeyError;
use crate::node::prekeys::{listed, offered};
use crate::node::recovery::relayed;
use crate::node::retry;
use crate::store::{Change, Durable, Kept, Recovered, StoreError};
use crate::transport::{Link, Receiver};
use crate::wire;
use crate::wire::FrameKind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How long a peer may take over one frame.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer by relay is waited for before the question is looked after again.
const BY_RELAY: Duration = Duration::from_secs(120);
/// The longest pause between two tries, in seconds: officers wait for the end of this.
const LONGEST_PAUSE: i64 = 60;
/// How many leaves are written in one transaction.
const LEAVES: usize = 1000;

/// Asks one peer until it has given back all that it has.
pub async fn run(post: Post, courier: Arc<Courier>) {
    let gateway = &post.gateway;
    let peer = &courier.peer;
    let mut failures = 0;
    while gateway.recovery.lacks(peer) {
        match recover(&post, &courier).await {
            Ok(()) => tracing::info!(%peer, "a peer has given back what it had"),
            Err(cause) => {
                failures += 1;
                let pause = retry::pause(failures, &gateway.config.retry, &mut *gateway.entropy());
                let pause = pause.min(LONGEST_PAUSE);
                tracing::warn!(%peer, failures, pause_seconds = pause, cause, "a peer has not given back all yet");
                gateway.recovery.note(peer, |progress| progress.last_cause = Some(cause));
                sleep(Duration::from_secs(pause.unsigned_abs())).await;
            }
        }
    }
}

async fn recover(post: &Post, courier: &Courier) -> Result<(), String> {
    let words = |cause: NodeError| cause.to_string();
    let gateway = &*post.gateway;
    let peer = &courier.peer;
    let line = Line::to(post, courier).await?;
    let (mut from, mut listed, mut lacking) = (0, Vec::new(), Vec::new());
    let mut seen = None;
    loop {
        let list = ask_list(post, courier, &line, from).await?;
        for act in &list.acts {
            if lacks(gateway, act).map_err(words)? {
                lacking.push(*act);
            }
        }
        listed.extend(list.acts);
        seen = seen.max_by_size(list.seen);
        match list.next {
            Some(next) if next > from => from = next,
            Some(_) => return Err("its list goes round in circles".to_owned()),
            None => break,
        }
    }
    for wanted in lacking.chunks(MAX_FETCHED) {
        fetch(post, courier, &line, wanted, &mut seen).await?;
    }
    finish(gateway, peer, &listed, seen).await.map_err(words)
}

/// Chooses the newer of two heads.
trait Newer {
    fn max_by_size(self, other: Self) -> Self;
}

impl Newer for Option<Head> {
    fn max_by_size(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) if b.size > a.size => Some(b),
            (Some(a), _) => Some(a),
            (None, b) => b,
        }
    }
}

/// Tells whether an act is not here, or not the receipt for it.
fn lacks(gateway: &Gateway, act: &Digest) -> Result<bool, NodeError> {
    let ledger = &gateway.ledger;
    let Some(body) = ledger.body(act)? else { return Ok(true) };
    let ours = ClaimedStatement::read(&body.statement)?.issuer == *gateway.me();
    Ok(ours && ledger.receipt(act, false)?.is_none())
}

/// How a peer is asked: over a link, or by its relays, with hours or days between question and answer.
enum Line {
    Direct(Link),
    ByRelay,
}

/// What answers one question.
enum Answers {
    Stream(Receiver),
    Mail(mpsc::Receiver<(FrameKind, Vec<u8>)>),
}

impl Line {
    /// Chooses the direct road where there is one that leads there now.
    async fn to(post: &Post, courier: &Courier) -> Result<Self, String> {
        match courier.link(post).await {
            Ok(link) => Ok(Self::Direct(link)),
            Err(cause) if courier.roads().relays.is_empty() => Err(cause),
            Err(_) => Ok(Self::ByRelay),
        }
    }

    async fn ask(&self, post: &Post, courier: &Courier, wants: RecoveryWants) -> Result<Answers, String> {
        let gateway = &*post.gateway;
        let restored_at = gateway.recovery.restoration().map_or(Timestamp::EPOCH, |r| r.at);
        let prekeys = fresh_prekeys(gateway).map_err(|cause| cause.to_string())?;
        let question = RecoveryQuestion { to: courier.peer.clone(), restored_at, prekeys, wants };
        let body = question.sign(&gateway.ring()).map_err(|cause| cause.to_string())?;
        match self {
            Self::Direct(link) => {
                let (mut sender, receiver) = link.open().await.map_err(|cause| cause.to_string())?;
                sender.send(FrameKind::RecoveryQuestion, &body).await.map_err(|cause| cause.to_string())?;
                sender.finish();
                Ok(Answers::Stream(receiver))
            }
            Self::ByRelay => {
                let mail = gateway.recovery.expect_mail(&courier.peer);
                relayed::ask(post, courier, &body, restored_at).await?;
                Ok(Answers::Mail(mail))
            }
        }
    }
}

impl Answers {
    /// Waits for the next frame of this kind. What a relay brings may be the answer to an earlier question: that is passed
    /// over.
    async fn next(&mut self, wanted: FrameKind) -> Result<Option<Vec<u8>>, String> {
        let frame = match self {
            Self::Stream(receiver) => match timeout(PATIENCE, receiver.next()).await {
                Ok(frame) => frame.map_err(|cause| cause.to_string())?,
                Err(_) => return Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
            },
            Self::Mail(mail) => loop {
                match timeout(BY_RELAY, mail.recv()).await {
                    Ok(Some((kind, body))) if kind == wanted => break Some((kind, body)),
                    Ok(Some(_)) => {}
                    Ok(None) => return Err("another question was asked meanwhile".to_owned()),
                    Err(_) => return Err("a relay keeps the question; there is no answer yet".to_owned()),
                }
            },
        };
        match frame {
            Some((kind, body)) if kind == wanted => Ok(Some(body)),
            Some(_) => Err("it answered with another frame than it was asked for".to_owned()),
            None => Ok(None),
        }
    }
}

async fn ask_list(post: &Post, courier: &Courier, line: &Line, from: u64) -> Result<RecoveryList, String> {
    let gateway = &*post.gateway;
    let mut answer = line.ask(post, courier, RecoveryWants::List(from)).await?;
    let body = answer.next(FrameKind::RecoveryList).await?.ok_or("it gave no list")?;
    RecoveryList::verify(&body, (&courier.peer, gateway.me()), &gateway.directory(), gateway.now())
        .map_err(|cause| format!("its list does not hold: {cause}"))
}

/// Fetches acts and takes them in, each durable before the next.
async fn fetch(
    post: &Post,
    courier: &Courier,
    line: &Line,
    wanted: &[Digest],
    seen: &mut Option<Head>,
) -> Result<(), String> {
    let gateway = &*post.gateway;
    let peer = &courier.peer;
    let mut answer = line.ask(post, courier, RecoveryWants::Acts(wanted.to_vec())).await?;
    let mut lacking: BTreeSet<Digest> = wanted.iter().copied().collect();
    while !lacking.is_empty() {
        let Some(body) = answer.next(FrameKind::RecoveryAct).await? else {
            return Err(format!("it did not give back {} of {} acts", lacking.len(), wanted.len()));
        };
        let (act, given) = GivenBack::open(&body, peer, &gateway.ring())
            .map_err(|cause| format!("an act that it gave back does not open: {cause}"))?;
        if !lacking.remove(&act) {
            match line {
                Line::Direct(_) => {
                    return Err(format!("it gave back act {}, which nobody asked for", act.short()));
                }
                Line::ByRelay => continue,
            }
        }
        let head = take(gateway, courier, act, &given).await;
        let head = head.map_err(|cause| format!("act {} does not hold: {cause}", act.short()))?;
        *seen = seen.max_by_size(head);
        gateway.recovery.note(peer, |progress| progress.recovered += 1);
    }
    Ok(())
}

/// Offers the prekeys that this gateway holds: those of before the restore are lost, whatever the directory says.
fn fresh_prekeys(gateway: &Gateway) -> Result<Vec<OfferedPrekey>, KeyError> {
    let published = match &gateway.keeper {
        Some(keeper) => listed(&keeper.held()?, gateway.now()),
        // A machine without files has them in its directory only.
        None => {
            let directory = gateway.directory();
            directory.entry(gateway.me())?.part_b().map(|part| part.prekeys.clone()).unwrap_or_default()
        }
    };
    let signed = offered(gateway.me(), &published, &gateway.ring().seal);
    Ok(signed.iter().map(OfferedPrekey::new).collect())
}

/// Proves an act with its receipt and commits both; returns the head of our lost log that the receipt shows.
async fn take(
    gateway: &Gateway,
    courier: &Courier,
    act: Digest,
    given: &GivenBack,
) -> Result<Option<Head>, NodeError> {
    let (me, peer, directory) = (gateway.me(), &courier.peer, gateway.directory());
    let claimed = ClaimedStatement::read(&given.content.statement)?;
    let ours = claimed.issuer == *me;
    let between = if ours {
        claimed.audience.contains(peer)
    } else {
        claimed.issuer == *peer && claimed.audience.contains(me)
    };
    if claimed.digest != act || !between {
        return Err(EvidenceError::AboutSomethingElse("another act, or one of other parties").into());
    }
    let (by, from) = if ours { (peer, me) } else { (me, peer) };
    let receipt =
        given.receipts.iter().map(|bytes| Receipt::from_bytes(bytes.to_vec())).find(|receipt| {
            receipt.claimed().is_ok_and(|claims| claims.by == *by && claims.statement == act)
        });
    let receipt = receipt.ok_or(EvidenceError::AboutSomethingElse("no act with its receipt"))?;
    // A key that was stolen later cannot sign what a gateway already had.
    let at = receipt.claimed()?.signed_at;
    let proof = receipt.verify((by, from), &act, &directory, at)?;
    let proved = given.prove(&directory, at)?;
    gateway.machine.corroborate(if ours { at } else { proved.statement.said.issued_at });
    let slot = gateway.desk.slot(&claimed.case)?;
    let _turn = slot.turn.lock().await;
    let mut change = Change::default();
    let mut events = Vec::new();
    if slot.read().act(&act).is_none() {
        events = decide(gateway, &slot.read(), &proved, ours, proof.received_at)?;
        keep_body(gateway, &mut change, given, &proved, ours)?;
        if !ours {
            gateway.expect_files(&proved.statement)?;
        }
    }
    let mut case = slot.read().clone();
    events.iter().for_each(|event| case.apply(event));
    let head = if ours {
        let seen = case::Receipt { digest: act, received_at: proof.received_at, by: by.clone() };
        events.extend(case::decide(&case, case::Command::PeerReceipt(seen), gateway.now())?.events);
        let is_copy = claimed.audience.first() != Some(peer);
        change.acknowledged(peer, act, receipt.as_bytes(), proof.head, is_copy)?;
        waits_no_longer(gateway, &proved.statement, &mut change)?;
        for envelope in courier.of_statement(&act) {
            change.settle(envelope)?;
        }
        None
    } else {
        change.our_receipt(act, receipt.as_bytes())?;
        Some(proof.head)
    };
    add_events(&mut change, &claimed.case, &slot, &events)?;
    let _committed: Durable<()> = gateway.ledger.commit(change).await?;
    gateway.apply(&claimed.case, &slot, &events);
    courier.settled(&act);
    Ok(head)
}

/// An act that waited for other officers when the backup was made, and that a peer has: it went out after that.
fn waits_no_longer(gateway: &Gateway, statement: &Statement, change: &mut Change) -> Result<(), NodeError> {
    let said = &statement.said;
    let draft = case::Draft {
        act: said.act.clone(),
        aud: said.audience.clone(),
        parents: said.parents.clone(),
        exercise: said.exercise,
        on_behalf_of: said.on_behalf_of.clone(),
    };
    for waiting in gateway.ledger.waiting()? {
        let held = &waiting.held;
        if held.case == said.case
            && held.act == said.act.kind()
            && case::held_words(&held.id, &held.case, &held.author, &draft)
                == gateway.held_body(&waiting)?.words
        {
            let end = case::HeldEnd::Sent { statement: statement.digest, at: said.issued_at };
            return Ok(change.held_ended(&held.id, end)?);
        }
    }
    Ok(())
}

fn decide(
    gateway: &Gateway,
    case: &case::Case,
    proved: &ProvedGivenBack,
    ours: bool,
    received_at: Timestamp,
) -> Result<Vec<Event>, NodeError> {
    let said = &proved.statement.said;
    let header = ActHeader {
        digest: proved.statement.digest,
        issuer: proved.statement.issuer.clone(),
        message_id: said.message_id,
        parents: said.parents.clone(),
        exercise: said.exercise,
        on_behalf_of: said.on_behalf_of.clone(),
    };
    let facts = ActFacts::of(&said.act, header);
    let (id, me, audience) = (said.case.clone(), gateway.me().clone(), said.audience.clone());
    let beyond = proved.mandate.as_ref().and_then(|mandate| mandate.beyond);
    let command = if ours {
        case::Command::OwnAct { case: id, me, facts, audience, at: said.issued_at }
    } else {
        case::Command::PeerAct { case: id, me, facts, audience, received_at, beyond }
    };
    Ok(case::decide(case, command, gateway.now())?.events)
}

fn keep_body(
    gateway: &Gateway,
    change: &mut Change,
    given: &GivenBack,
    proved: &ProvedGivenBack,
    ours: bool,
) -> Result<(), NodeError> {
    // Our own words are not restricted to us.
    let restricted =
        |d: &crate::envelope::Disclosure| !ours && d.label().is_some_and(|label| !label.is_unrestricted());
    let elements: Vec<_> =
        proved.disclosures.iter().map(|d| (d.path().to_owned(), restricted(d), d.bytes().to_vec())).collect();
    let mandate = given.content.mandate.as_ref().map(wire::encode).transpose();
    let mandate = mandate.map_err(crate::envelope::EnvelopeError::from)?;
    let body = Kept { statement: &given.content.statement, mandate: mandate.as_deref(), seed: None };
    let digest = proved.statement.digest;
    Ok(gateway.ledger.keep_body(change, digest, body, &elements, &mut *gateway.entropy())?)
}

/// Opens a new log that goes on from the lost one, writes the leaves again that were lost with it, and lets the
/// gateway speak to the peer.
async fn finish(
    gateway: &Gateway,
    peer: &Party,
    listed: &[Digest],
    seen: Option<Head>,
) -> Result<(), NodeError> {
    let mut change = Change::default();
    begin_log(gateway, peer, seen, &mut change)?;
    let mut leaves = 0;
    for act in listed {
        if gateway.ledger.log_holds(peer, act)? {
            continue;
        }
        let Some((direction, at)) = passed(gateway, act)? else { continue };
        change.logged_again(peer, direction, *act, at)?;
        leaves += 1;
        if leaves % LEAVES == 0 {
            gateway.ledger.commit(std::mem::take(&mut change)).await?.into_inner();
        }
    }
    if let Some(restoration) = gateway.recovery.restoration() {
        change.recovered(restoration.id, peer, &Recovered::Answered(gateway.now()))?;
    }
    gateway.ledger.commit(change).await?.into_inner();
    gateway.recovery.note(peer, |progress| progress.done = true);
    Ok(())
}

/// Finds which way an act went and when, as our log must say it.
fn passed(gateway: &Gateway, act: &Digest) -> Result<Option<(Direction, Timestamp)>, StoreError> {
    let Some(body) = gateway.ledger.body(act)? else { return Ok(None) };
    let Ok(claimed) = ClaimedStatement::read(&body.statement) else { return Ok(None) };
    let Some(slot) = gateway.desk.known(&claimed.case)? else { return Ok(None) };
    let case = slot.read();
    let record = case.act(act);
    Ok(record.map(|record| match record.direction {
        case::Direction::Sent => (Direction::Sent, record.at),
        case::Direction::Received => (Direction::Received, record.at),
    }))
}

/// Begins a new log about a peer, once after a restore. The lost one may have had leaves and heads that nobody gives
/// back, so it is never continued itself: then no head can contradict another (DESIGN §12.13).
pub(super) fn begin_log(
    gateway: &Gateway,
    peer: &Party,
    seen: Option<Head>,
    change: &mut Change,
) -> Result<(), NodeError> {
    let Some(restoration) = gateway.recovery.restoration() else { return Ok(()) };
    if gateway.ledger.has_reopened(restoration.id, peer)? {
        return Ok(());
    }
    let kept = gateway.ledger.our_head(peer)?;
    if let (Some(kept), Some(seen)) = (&kept, &seen)
        && contradict(kept, seen)
    {
        return Err(EvidenceError::Malformed("it names a head that our log never had").into());
    }
    let last = kept.max_by_size(seen);
    // Where neither side knows of a log, the first act opens one.
    let Some(last) = last else { return Ok(()) };
    Ok(change.reopened(restoration.id, (gateway.me(), peer), last, gateway.now(), &mut *gateway.entropy())?)
}
