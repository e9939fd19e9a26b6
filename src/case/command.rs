mod answer;
mod dialogue;
mod exchange;
mod peer;
mod request;

use super::consent;
use super::filing;
use super::fold::Folded;
use super::permit;
use super::permit::{ReleaseRequest, request_release, use_permit};
use super::{
    ActFacts, ActHeader, ActRecord, Approval, Behalf, Case, Denial, Direction, Event, Opening, PermitId,
    Receipt, Refused, Role, Terms,
};
use crate::model::{
    Act, CaseId, ConsentGrant, ConsentRequest, DAY, Delay, Digest, DisclosureNotice, MandateFault, MessageId,
    MissingElement, OnBehalf, OutcomeNotice, Party, Purpose, Refusal, Request, Response, Text, Timestamp,
    kinded,
};
use crate::rules::release::Authority;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an officer, a timer or a peer wants of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        /// Who acts for whom, if `me` or the one who is asked is an agent (ISACS 9.3).
        behalf: Option<Behalf>,
    },
    /// Acknowledges receipt of the request (ISACS 8.3.1).
    Acknowledge {
        /// Whether a timer does it.
        automatic: bool,
        /// Words for the requester.
        note: Option<Text>,
    },
    /// Records an officer's judgement whether an incomplete request has a reasonable chance of success
    /// (ISACS 8.3.2 ¶3); a return quotes one that sees none.
    JudgeChance {
        /// The officer.
        officer: String,
        /// Whether there is a reasonable chance.
        reasonable: bool,
        /// Why, in words that name no weapon and no person.
        reason: Text,
    },
    /// Returns the request for what it lacks (ISACS 8.3.2 ¶2); only an officer does this, never a timer.
    Return {
        /// What it lacks; `rules::returns::wanted` writes it.
        missing: Vec<MissingElement>,
    },
    /// Submits a returned request again (ISACS 8.3.2 ¶2).
    Resubmit {
        /// The whole request, as it now stands.
        request: Box<Request>,
    },
    /// Answers some or all items (ISACS 8.3.3).
    Respond(Response),
    /// Announces that the response will be late (ISACS 8.3.4.2).
    Delay(Delay),
    /// Refuses what is not answered yet (ISACS 8.3.4.2).
    Refuse(Refusal),
    /// Asks what an act of the other side means (ISACS 8.3.4.2).
    AskClarification {
        /// The act's statement digest.
        about: Digest,
        /// The question.
        question: Text,
    },
    /// Answers a question of the other side (ISACS 8.3.4.2).
    Clarify {
        /// The question's statement digest.
        question: Digest,
        /// The answer.
        answer: Text,
    },
    /// Withdraws the request.
    Withdraw {
        /// Why.
        reason: Text,
    },
    /// Tells the other side what came of the trace (ISACS 5.3, 10.2 c).
    TellOutcome(OutcomeNotice),
    /// Takes in an act that was verified as the peer's.
    PeerAct {
        /// The case that the statement names.
        case: CaseId,
        /// Whose gateway this is.
        me: Party,
        /// What the act holds.
        facts: ActFacts,
        /// All recipients, as the statement names them.
        audience: Vec<Party>,
        /// The instant that this gateway's receipt will name.
        received_at: Timestamp,
        /// Why our agent's mandate does not carry the act, where it made it in our name nevertheless.
        beyond: Option<MandateFault>,
    },
    /// Takes in an act of our own that was lost here and that a peer has given back.
    OwnAct {
        /// The case that the statement names.
        case: CaseId,
        /// Whose gateway this is.
        me: Party,
        /// What the act holds.
        facts: ActFacts,
        /// All recipients, as the statement names them.
        audience: Vec<Party>,
        /// When it was made.
        at: Timestamp,
    },
    /// Opens a case of its own with a notice, a request for assistance, or a mandate or its end
    /// (ISACS 5.3, 9).
    Open {
        /// The case's number, minted by `me`.
        case: CaseId,
        /// Who speaks.
        me: Party,
        /// To whom.
        to: Party,
        /// What is said.
        #[serde(with = "kinded")]
        act: Box<Act>,
    },
    /// Says something more in such a case: accepts or ends the mandate, answers the request for assistance.
    Follow {
        /// What is said.
        #[serde(with = "kinded")]
        act: Box<Act>,
    },
    /// Takes in a verified receipt for an act that was sent.
    PeerReceipt(Receipt),
    /// Puts the case away: nothing is left to do (ISACS 7.7.1 d).
    File {
        /// The officer.
        officer: String,
        /// Why nothing follows, where no outcome was told; in words that name no weapon and no person.
        reason: Option<Text>,
    },
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
        /// What national policy asks of it.
        terms: Terms,
    },
    /// Agrees to a release, as another officer than the one who asked (DESIGN §12.11).
    ApproveRelease(Approval),
    /// Bars a release that was not used yet.
    BarRelease {
        /// The permit.
        id: PermitId,
        /// Which officer.
        officer: String,
        /// Why, in words that name no weapon and no person.
        reason: Text,
    },
    /// Notes that a permit has ended, if it has.
    Lapse(PermitId),
    /// Says that another officer has looked at a release that was made in an emergency.
    ReviewEmergency(Approval),
    /// Asks the State that gave information to consent to passing it on (ISACS 8.3.4.2 f).
    AskConsent(ConsentRequest),
    /// Consents to it.
    GrantConsent(ConsentGrant),
    /// Refuses consent.
    DenyConsent {
        /// The question's statement digest.
        question: Digest,
        /// Why.
        reason: Text,
    },
    /// Takes a consent back.
    WithdrawConsent {
        /// The grant's statement digest.
        grant: Digest,
        /// Why.
        reason: Text,
    },
    /// Tells the provider that a disclosure is compelled (ISACS 8.4).
    NotifyDisclosure(DisclosureNotice),
    /// Spends a permit, once.
    UsePermit {
        /// The permit.
        id: PermitId,
        /// The officer who uses it.
        officer: String,
        /// The officers whose words for it were verified just now.
        vouched: BTreeSet<String>,
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
    /// On whose behalf it is made; the caller names the mandate.
    pub on_behalf_of: Option<OnBehalf>,
}

/// Decides what a command does to a case; an empty [`Case`] stands for one that was not opened.
///
/// # Errors
/// [`Refused`] says why the state or the law forbids it; nothing has changed then.
pub fn decide(case: &Case, command: Command, now: Timestamp) -> Result<Decision, Refused> {
    match command {
        Command::Submit { case: id, me, to, request, exercise, behalf } => request::submit(
            case,
            Opening { behalf, ..Opening::bilateral(id, me, to, Role::Requester) },
            request,
            exercise,
        ),
        Command::Acknowledge { automatic, note } => answer::acknowledge(case, automatic, note),
        Command::JudgeChance { officer, reasonable, reason } => {
            answer::judge_chance(case, officer, reasonable, reason, now)
        }
        Command::Return { missing } => answer::give_back(case, missing),
        Command::Resubmit { request } => request::resubmit(case, request),
        Command::Respond(response) => answer::respond(case, response),
        Command::Delay(delay) => answer::delay(case, delay),
        Command::Refuse(refusal) => answer::refuse(case, refusal),
        Command::AskClarification { about, question } => dialogue::ask(case, about, question),
        Command::Clarify { question, answer } => dialogue::clarify(case, question, answer),
        Command::Withdraw { reason } => request::withdraw(case, reason),
        Command::TellOutcome(notice) => dialogue::tell_outcome(case, notice),
        Command::PeerAct { case: id, me, facts, audience, received_at, beyond } => {
            Ok(peer::act(case, id, me, peer::Came { facts, audience, received_at, beyond }))
        }
        Command::OwnAct { case: id, me, facts, audience, at } => {
            Ok(peer::own(case, id, me, facts, audience, at))
        }
        Command::Open { case: id, me, to, act } => {
            exchange::open(case, Opening::bilateral(id, me, to, Role::Requester), *act)
        }
        Command::Follow { act } => exchange::follow(case, *act),
        Command::PeerReceipt(receipt) => peer::receipt(case, receipt),
        Command::File { officer, reason } => filing::file(case, officer, reason, now),
        Command::RequestRelease { id, to, purpose, officer, elements, terms } => {
            let id = PermitId::of(&id);
            request_release(case, ReleaseRequest { id, to, purpose, officer, elements, terms }, now)
        }
        Command::ApproveRelease(approval) => permit::approve(case, approval, now),
        Command::BarRelease { id, officer, reason } => permit::bar(case, id, officer, reason, now),
        Command::Lapse(id) => permit::lapse(case, id, now),
        Command::ReviewEmergency(word) => permit::review(case, word),
        Command::AskConsent(asked) => draft(case, consent::ask(case, asked)),
        Command::GrantConsent(grant) => draft(case, consent::grant(case, grant, now)),
        Command::DenyConsent { question, reason } => draft(case, consent::deny(case, question, reason, now)),
        Command::WithdrawConsent { grant, reason } => draft(case, consent::withdraw(case, grant, reason)),
        Command::NotifyDisclosure(notice) => draft(case, consent::notify(case, notice)),
        Command::UsePermit { id, officer, vouched } => use_permit(case, id, officer, &vouched, now),
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
        on_behalf_of: draft.on_behalf_of.clone(),
    };
    let facts = ActFacts::of(&draft.act, header);
    Event::ActRecorded(ActRecord { facts, direction: Direction::Sent, at, beyond: None })
}

/// Returns when the gateway should acknowledge by itself: `days` after the receipt of a request that this
/// side has neither acknowledged nor answered.
pub fn auto_ack_due(case: &Case, days: u16) -> Option<Timestamp> {
    let opening = case.opening().filter(|opening| opening.role == Role::Requested)?;
    let folded = Folded::of(case, opening);
    let version = folded.current().filter(|version| !version.acknowledged && !version.withdrawn)?;
    version.received_at.map(|at| at.saturating_add(i64::from(days) * DAY))
}

impl Decision {
    /// Drafts an act to the other side, building on all that is known.
    fn draft(opening: &Opening, folded: &Folded<'_>, act: Act) -> Self {
        let draft = Draft {
            act,
            aud: opening.audience(),
            parents: folded.heads(),
            exercise: folded.current().is_some_and(|version| version.request.facts.header.exercise),
            on_behalf_of: None,
        };
        Self { draft: Some(draft), ..Self::default() }
    }
}

/// Drafts an act that builds on all that is known, once it is in order.
fn draft(case: &Case, act: Result<Act, Refused>) -> Result<Decision, Refused> {
    let (opening, folded) = opened(case)?;
    Ok(Decision::draft(opening, &folded, act?))
}

/// Folds a case that was opened, for somebody who may speak in it.
fn opened(case: &Case) -> Result<(&Opening, Folded<'_>), Refused> {
    let opening = case.opening().ok_or(Refused::UnknownCase)?;
    if opening.role == Role::Observer {
        return Err(Refused::OnlyObserves);
    }
    Ok((opening, Folded::of(case, opening)))
}
