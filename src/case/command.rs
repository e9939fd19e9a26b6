use super::fold::{Folded, ItemState, Version};
use super::permit::{ReleaseRequest, request_release, use_permit};
use super::{
    ActFacts, ActHeader, ActRecord, Case, Denial, Direction, Equivocation, Event, Opening, PermitId, Receipt,
    Refused, Role,
};
use crate::model::{
    Acknowledgement, Act, CaseId, DAY, Digest, MessageId, Outcome, Party, Purpose, Refusal, Request,
    Response, Text, Timestamp,
};
use crate::rules::release::Authority;
use crate::rules::{completeness, response};

/// What an officer, a timer or a peer wants of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a case with a request (ISACS 8.1, 8.2).
    Submit {
        /// The case's number, minted by `me`.
        case: CaseId,
        /// Who asks.
        me: Party,
        /// Who is asked.
        to: Party,
        /// What is asked.
        request: Box<Request>,
        /// Whether it is training (ISACS 7.1.4).
        exercise: bool,
    },
    /// Acknowledges receipt of the request (ISACS 8.3.1).
    Acknowledge {
        /// Whether a timer does it.
        automatic: bool,
        /// Words for the requester.
        note: Option<Text>,
    },
    /// Answers some or all items (ISACS 8.3.3).
    Respond(Response),
    /// Refuses what is not answered yet (ISACS 8.3.4.2).
    Refuse(Refusal),
    /// Takes in an act that was verified as the peer's.
    PeerAct {
        /// The case that the statement names.
        case: CaseId,
        /// Whose gateway this is.
        me: Party,
        /// What the act holds.
        facts: ActFacts,
        /// The instant that this gateway's receipt will name.
        received_at: Timestamp,
    },
    /// Takes in a verified receipt for an act that was sent.
    PeerReceipt(Receipt),
    /// Asks to release what was received (ISACS 8.4 b).
    RequestRelease {
        /// An identity drawn at random, from which the permit takes its name.
        id: MessageId,
        /// To whom.
        to: Authority,
        /// For what.
        purpose: Purpose,
        /// The officer who asks.
        officer: String,
        /// The paths of the elements to release; all of them if absent.
        elements: Option<Vec<String>>,
    },
    /// Spends a permit, once.
    UsePermit {
        /// The permit.
        id: PermitId,
        /// The officer who uses it.
        officer: String,
    },
}

/// What a command causes; the caller signs the draft, if there is one, and commits everything at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What to add to the case.
    pub events: Vec<Event>,
    /// What to sign and send.
    pub draft: Option<Draft>,
    /// Why a release was denied; the denial is among the events too.
    pub denied: Option<Denial>,
    /// Whether it was known before, so that the stored receipt answers it.
    pub duplicate: bool,
}

/// An act that is ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The act.
    pub act: Act,
    /// Its exact recipients.
    pub aud: Vec<Party>,
    /// The statements on which it builds.
    pub parents: Vec<Digest>,
    /// Whether it is training.
    pub exercise: bool,
}

/// Decides what a command does to a case; an empty [`Case`] stands for one that was not opened.
///
/// # Errors
/// [`Refused`] says why the state or the law forbids it; nothing has changed then.
pub fn decide(case: &Case, command: Command, now: Timestamp) -> Result<Decision, Refused> {
    match command {
        Command::Submit { case: id, me, to, request, exercise } => {
            submit(case, Opening { case: id, me, peer: to, role: Role::Requester }, *request, exercise)
        }
        Command::Acknowledge { automatic, note } => acknowledge(case, automatic, note),
        Command::Respond(response) => respond(case, response),
        Command::Refuse(refusal) => refuse(case, refusal),
        Command::PeerAct { case: id, me, facts, received_at } => {
            Ok(peer_act(case, id, me, facts, received_at))
        }
        Command::PeerReceipt(receipt) => peer_receipt(case, receipt),
        Command::RequestRelease { id, to, purpose, officer, elements } => {
            let id = PermitId::of(&id);
            request_release(case, ReleaseRequest { id, to, purpose, officer, elements }, now)
        }
        Command::UsePermit { id, officer } => use_permit(case, id, officer, now),
    }
}

/// Returns the event for a draft that was signed and is committed at `at`.
pub fn recorded(draft: &Draft, me: Party, digest: Digest, message_id: MessageId, at: Timestamp) -> Event {
    let header = ActHeader {
        digest,
        issuer: me,
        message_id,
        parents: draft.parents.clone(),
        exercise: draft.exercise,
    };
    Event::ActRecorded(ActRecord { facts: ActFacts::of(&draft.act, header), direction: Direction::Sent, at })
}

/// Returns when the gateway should acknowledge by itself: `days` after the receipt of a request that this
/// side has neither acknowledged nor answered.
pub fn auto_ack_due(case: &Case, days: u16) -> Option<Timestamp> {
    let opening = case.opening().filter(|opening| opening.role == Role::Requested)?;
    let folded = Folded::of(case, opening);
    let version = folded.current().filter(|version| !version.is_acknowledged())?;
    version.received_at.map(|at| at.saturating_add(i64::from(days) * DAY))
}

fn submit(case: &Case, opening: Opening, request: Request, exercise: bool) -> Result<Decision, Refused> {
    if case.opening().is_some() {
        return Err(Refused::CaseExists);
    }
    if opening.me == opening.peer {
        return Err(Refused::ToSelf);
    }
    if !opening.case.minted_by(&opening.me) {
        return Err(Refused::NotMinter(opening.me));
    }
    if let Some(named) = request.addressee.as_ref().map(|a| &a.party).filter(|named| **named != opening.peer)
    {
        return Err(Refused::AddresseeDiffers { named: named.clone(), to: opening.peer });
    }
    let missing = completeness::check(&request).missing;
    // ISACS 8.3.2 ¶3 lets an incomplete request be processed for a reason; without an item there is none.
    let reasoned = request.incomplete_reason.as_ref().is_some_and(|r| !r.reveal().trim().is_empty());
    if !missing.is_empty() && (!reasoned || request.items.is_empty()) {
        return Err(Refused::Incomplete(missing));
    }
    let draft =
        Draft { act: Act::Request(request), aud: vec![opening.peer.clone()], parents: Vec::new(), exercise };
    Ok(Decision { events: vec![Event::Opened(opening)], draft: Some(draft), ..Decision::default() })
}

fn acknowledge(case: &Case, automatic: bool, note: Option<Text>) -> Result<Decision, Refused> {
    answer(case, None, |version| {
        if version.is_touched() {
            return Err(Refused::AlreadyAnswered);
        }
        if version.is_acknowledged() {
            return Err(Refused::AlreadyAcknowledged);
        }
        let received_at = version.received_at.ok_or(Refused::NoRequest)?;
        let request = version.request.facts.header.digest;
        Ok(Act::Acknowledgement(Acknowledgement { request, received_at, automatic, note }))
    })
}

fn respond(case: &Case, response: Response) -> Result<Decision, Refused> {
    answer(case, Some(response.request), |version| {
        if version.refused {
            return Err(Refused::AlreadyRefused);
        }
        let count = u32::try_from(version.items.len()).unwrap_or(u32::MAX);
        let findings = response::check(count, &response).missing;
        if !findings.is_empty() {
            return Err(Refused::ResponseInvalid(findings));
        }
        let states = || version.items.iter().map(|item| item.state);
        let closed = |state| !matches!(state, ItemState::Open | ItemState::Answered(Outcome::Partial));
        let again = (0u32..)
            .zip(states())
            .find(|(number, state)| closed(*state) && response.items.iter().any(|a| a.item == *number));
        match again {
            Some(_) if states().all(closed) => Err(Refused::AlreadyAnswered),
            Some((number, _)) => Err(Refused::ItemAnswered(number)),
            None => Ok(Act::Response(response)),
        }
    })
}

fn refuse(case: &Case, refusal: Refusal) -> Result<Decision, Refused> {
    answer(case, Some(refusal.request), |version| {
        if version.refused {
            return Err(Refused::AlreadyRefused);
        }
        if version.is_settled() {
            return Err(Refused::AlreadyAnswered);
        }
        let findings = response::refusal_check(&refusal).missing;
        if findings.is_empty() { Ok(Act::Refusal(refusal)) } else { Err(Refused::RefusalInvalid(findings)) }
    })
}

/// Drafts an act of the requested side on the current version; `names` is the request that it names itself.
fn answer(
    case: &Case,
    names: Option<Digest>,
    act: impl FnOnce(&Version<'_>) -> Result<Act, Refused>,
) -> Result<Decision, Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    if opening.role != Role::Requested {
        return Err(Refused::NotRequested);
    }
    let folded = Folded::of(case, opening);
    let version = folded.current().ok_or(Refused::NoRequest)?;
    let expected = version.request.facts.header.digest;
    if let Some(named) = names.filter(|named| *named != expected) {
        return Err(Refused::WrongRequest { named, expected });
    }
    let draft = Draft {
        act: act(version)?,
        aud: vec![opening.peer.clone()],
        parents: folded.heads(),
        exercise: version.request.facts.header.exercise,
    };
    Ok(Decision { draft: Some(draft), ..Decision::default() })
}

/// Keeps every verified act, whatever the state (DESIGN §4, §12.14).
fn peer_act(case: &Case, id: CaseId, me: Party, facts: ActFacts, received_at: Timestamp) -> Decision {
    if case.act(&facts.header.digest).is_some() {
        return Decision { duplicate: true, ..Decision::default() };
    }
    let header = &facts.header;
    let same_id = case
        .acts
        .values()
        .map(|record| &record.facts.header)
        .find(|known| known.issuer == header.issuer && known.message_id == header.message_id);
    if let Some(first) = same_id {
        let (first, second) = (first.digest, header.digest);
        if case.equivocations().any(|proof| (proof.first, proof.second) == (first, second)) {
            return Decision { duplicate: true, ..Decision::default() };
        }
        let (issuer, message_id) = (header.issuer.clone(), header.message_id);
        let proof = Equivocation { issuer, message_id, first, second, at: received_at };
        return Decision { events: vec![Event::Equivocation(proof)], ..Decision::default() };
    }
    let mut events = Vec::new();
    if case.opening().is_none() {
        let role = if id.minted_by(&me) { Role::Requester } else { Role::Requested };
        events.push(Event::Opened(Opening { case: id, me, peer: header.issuer.clone(), role }));
    }
    let record = ActRecord { facts, direction: Direction::Received, at: received_at };
    events.push(Event::ActRecorded(record));
    Decision { events, ..Decision::default() }
}

fn peer_receipt(case: &Case, receipt: Receipt) -> Result<Decision, Refused> {
    case.opening().ok_or(Refused::UnknownCase)?;
    let known = case.receipts.get(&(receipt.digest, receipt.by.clone()));
    if known == Some(&receipt.received_at) || case.receipt_conflicts.contains(&receipt) {
        return Ok(Decision { duplicate: true, ..Decision::default() });
    }
    let event = match known {
        None => Event::ReceiptRecorded(receipt),
        Some(_) => Event::ReceiptConflict(receipt),
    };
    Ok(Decision { events: vec![event], ..Decision::default() })
}
