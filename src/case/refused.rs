use super::PermitId;
use crate::model::{Digest, HeldId, Party, Timestamp};
use crate::rules::completeness::{Completeness, Finding};

/// Says why a local command was refused. What a peer did is never refused by state (DESIGN §4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The request lacks what ISACS 8.2 asks for and gives no reason to be sent nevertheless.
    #[error("the request is incomplete: {}", clauses(.0))]
    Incomplete(Vec<Finding>),
    /// The request names another addressee than the one it would be sent to (ISACS 8.1).
    #[error("the request is addressed to {named}, not to {to}")]
    AddresseeDiffers {
        /// Whom the request names.
        named: Party,
        /// To whom it would go.
        to: Party,
    },
    /// A party cannot trace with itself.
    #[error("a party cannot send a request to itself")]
    ToSelf,
    /// The case's number belongs to another party.
    #[error("the case number was not minted by {0}")]
    NotMinter(Party),
    /// The case has been opened before.
    #[error("the case exists already")]
    CaseExists,
    /// There is no such case.
    #[error("there is no such case")]
    UnknownCase,
    /// The case has no request yet.
    #[error("the request of this case has not arrived yet")]
    NoRequest,
    /// The party only looks on: its agent speaks in the case (ISACS 9.3).
    #[error("an agent speaks for this party in the case")]
    OnlyObserves,
    /// Only the requested side may do this.
    #[error("only the requested State can do this")]
    NotRequested,
    /// Only the requesting side may do this.
    #[error("only the requesting State can do this")]
    NotRequester,
    /// The request was acknowledged before.
    #[error("the request is acknowledged already")]
    AlreadyAcknowledged,
    /// The request was answered before, which stands for an acknowledgement.
    #[error("the request is answered already")]
    AlreadyAnswered,
    /// The request was refused before.
    #[error("the request is refused already")]
    AlreadyRefused,
    /// The item was answered before, and not in part.
    #[error("item {0} is answered already")]
    ItemAnswered(u32),
    /// The answer names another request.
    #[error("it answers request {named}, but this case's request is {expected}")]
    WrongRequest {
        /// What the answer names.
        named: Digest,
        /// The request of the case.
        expected: Digest,
    },
    /// The response lacks what ISACS 8.3.3 asks for.
    #[error("the response is not in order: {}", clauses(.0))]
    ResponseInvalid(Vec<Finding>),
    /// The refusal lacks what ISACS 8.3.4.2 asks for.
    #[error("the refusal is not in order: {}", clauses(.0))]
    RefusalInvalid(Vec<Finding>),
    /// The return, delay, question, clarification, withdrawal, outcome or judgement lacks what
    /// ISACS 05.31 asks of it.
    #[error("it is not in order: {}", clauses(.0))]
    ActInvalid(Vec<Finding>),
    /// The request was withdrawn, which closes the case.
    #[error("the request was withdrawn")]
    Withdrawn,
    /// The request was returned, and has not come again.
    #[error("the request was returned and has not been submitted again")]
    AlreadyReturned,
    /// Only a returned request is submitted again.
    #[error("the request has not been returned")]
    NotReturned,
    /// A return may ask only for what the request lacks or calls impossible (ISACS 8.3.2).
    #[error("the request does not lack what the return asks for")]
    NothingLacking,
    /// The requester pleads that it cannot give everything, and nobody has judged that there is no
    /// reasonable chance of success (ISACS 8.3.2 ¶3).
    #[error("the requester says that it cannot give everything; no officer has judged it hopeless")]
    NotJudged,
    /// The request is complete, so that its chance of success is not in question.
    #[error("the request is complete; there is nothing to judge")]
    NothingToJudge,
    /// Something is left to answer.
    #[error("the case is not over: something is left to answer")]
    StillOpen,
    /// The requester told no outcome and gives no reason for it (ISACS 5.3, 7.7.1 d).
    #[error("no outcome was told, and no reason is given why none follows")]
    OutcomeNotTold,
    /// The other side made no such act.
    #[error("the other side has made no act {0} in this case")]
    UnknownAct(Digest),
    /// The other side asked no such question.
    #[error("the other side has asked no question {0} in this case")]
    UnknownQuestion(Digest),
    /// No response has come.
    #[error("no response holds anything to release")]
    NothingToRelease,
    /// No response has such an element.
    #[error("no response has the element '{0}'")]
    UnknownElement(String),
    /// The name drawn for a permit is in use.
    #[error("the name {0} is taken")]
    PermitIdTaken(PermitId),
    /// There is no such permit.
    #[error("there is no permit {0}")]
    UnknownPermit(PermitId),
    /// The permit was used before.
    #[error("permit {id} was used at {at}")]
    PermitUsed {
        /// The permit.
        id: PermitId,
        /// When it was used.
        at: Timestamp,
    },
    /// The permit is too old.
    #[error("permit {id} expired at {at}")]
    PermitExpired {
        /// The permit.
        id: PermitId,
        /// When it expired.
        at: Timestamp,
    },
    /// Another officer barred it.
    #[error("permit {id} was barred at {at}")]
    PermitBarred {
        /// The permit.
        id: PermitId,
        /// When.
        at: Timestamp,
    },
    /// Too few officers have agreed to it (DESIGN §12.11).
    #[error("permit {id} has the word of {agreed} of {needed} officers")]
    NotApproved {
        /// The permit.
        id: PermitId,
        /// How many must agree.
        needed: u32,
        /// How many do.
        agreed: u32,
    },
    /// Whoever asks cannot be the second officer.
    #[error("{0} asked for it and cannot approve it")]
    SameOfficer(String),
    /// The officer confirms something else than what is to be approved.
    #[error("the digest {named} is not that of what is to be approved, {expected}")]
    DigestDiffers {
        /// The one that was confirmed.
        named: Digest,
        /// The one to confirm.
        expected: Digest,
    },
    /// The officer has given this word before.
    #[error("{0} has agreed to it already")]
    AgreedBefore(String),
    /// The act waits no longer.
    #[error("{id} {how}")]
    HeldEnded {
        /// The act.
        id: HeldId,
        /// What became of it.
        how: &'static str,
    },
    /// The case has moved on, so that the act would no longer say what the officers agreed to.
    #[error("the case has moved on since {0} was written; it would no longer say the same")]
    HeldMoved(HeldId),
    /// No other State gave such an answer here.
    #[error("{0} is no answer of another State that is held here")]
    NotAnAnswer(Digest),
    /// What would be quoted may not be passed on (ISACS 8.3.4.2 f).
    #[error("{path} cannot be quoted: denied by {rule}: {why}")]
    QuoteForbidden {
        /// The element.
        path: String,
        /// The rule.
        rule: &'static str,
        /// The same in words.
        why: String,
    },
    /// What is derived restricts less than what it was derived from (DESIGN §12.9).
    #[error("the label of what is quoted restricts less than its sources do")]
    LabelStripped,
    /// Nothing about the permit waits for another officer.
    #[error("nothing about {0} waits for another officer")]
    NothingToApprove(PermitId),
    /// A consent on which the permit rests was taken back, has ended or was used up (DESIGN §12.10).
    #[error("the consent {0} on which the permit rests no longer stands")]
    ConsentGone(Digest),
    /// The question for consent has its answer.
    #[error("the question {0} for consent has been answered")]
    ConsentAnswered(Digest),
    /// The consent would have ended before it begins.
    #[error("the consent would have ended at {0}")]
    ConsentOver(Timestamp),
    /// This side gave no such consent.
    #[error("this side has given no consent {0} in this case")]
    UnknownConsent(Digest),
    /// What is done in an emergency or under compulsion stays within the State.
    #[error("an emergency or a court order never carries information across a border")]
    AcrossBorder,
    /// The permit was granted to another officer.
    #[error("permit {id} was granted to {officer}")]
    NotYourPermit {
        /// The permit.
        id: PermitId,
        /// To whom it was granted.
        officer: String,
    },
}

impl Refused {
    /// Refuses an act from which something is missing.
    pub(super) fn unless_complete(found: Completeness) -> Result<(), Self> {
        if found.is_complete() { Ok(()) } else { Err(Self::ActInvalid(found.missing)) }
    }

    /// Returns a stable code for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Incomplete(_) => "incomplete",
            Self::AddresseeDiffers { .. } => "addressee_differs",
            Self::ToSelf => "to_self",
            Self::NotMinter(_) => "not_minter",
            Self::CaseExists => "case_exists",
            Self::UnknownCase => "unknown_case",
            Self::NoRequest => "no_request",
            Self::OnlyObserves => "only_observes",
            Self::NotRequested => "not_requested",
            Self::NotRequester => "not_requester",
            Self::AlreadyAcknowledged => "already_acknowledged",
            Self::AlreadyAnswered => "already_answered",
            Self::AlreadyRefused => "already_refused",
            Self::ItemAnswered(_) => "item_answered",
            Self::WrongRequest { .. } => "wrong_request",
            Self::ResponseInvalid(_) => "response_invalid",
            Self::RefusalInvalid(_) => "refusal_invalid",
            Self::ActInvalid(_) => "act_invalid",
            Self::Withdrawn => "withdrawn",
            Self::AlreadyReturned => "already_returned",
            Self::NotReturned => "not_returned",
            Self::NothingLacking => "nothing_lacking",
            Self::NotJudged => "not_judged",
            Self::NothingToJudge => "nothing_to_judge",
            Self::StillOpen => "still_open",
            Self::OutcomeNotTold => "outcome_not_told",
            Self::UnknownAct(_) => "unknown_act",
            Self::UnknownQuestion(_) => "unknown_question",
            Self::NothingToRelease => "nothing_to_release",
            Self::UnknownElement(_) => "unknown_element",
            Self::PermitIdTaken(_) => "permit_id_taken",
            Self::UnknownPermit(_) => "unknown_permit",
            Self::PermitUsed { .. } => "permit_used",
            Self::PermitExpired { .. } => "permit_expired",
            Self::NotYourPermit { .. } => "not_your_permit",
            Self::PermitBarred { .. } => "permit_barred",
            Self::NotApproved { .. } => "not_approved",
            Self::SameOfficer(_) => "same_officer",
            Self::DigestDiffers { .. } => "digest_differs",
            Self::AgreedBefore(_) => "agreed_before",
            Self::HeldEnded { .. } => "held_ended",
            Self::HeldMoved(_) => "held_moved",
            Self::NotAnAnswer(_) => "not_an_answer",
            Self::QuoteForbidden { .. } => "quote_forbidden",
            Self::LabelStripped => "label_stripped",
            Self::NothingToApprove(_) => "nothing_to_approve",
            Self::ConsentGone(_) => "consent_gone",
            Self::ConsentAnswered(_) => "consent_answered",
            Self::ConsentOver(_) => "consent_over",
            Self::UnknownConsent(_) => "unknown_consent",
            Self::AcrossBorder => "across_border",
        }
    }

    /// Tells the officer what to do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Incomplete(_) => {
                "complete it, say of a field why it is not possible, or give a reason to send it incomplete"
            }
            Self::AddresseeDiffers { .. } => {
                "change the addressee in the request, or send it to the one named"
            }
            Self::ToSelf => "name the State that most recently had jurisdiction (ISACS 8.1)",
            Self::NotMinter(_) | Self::CaseExists => "open a case under a new number",
            Self::UnknownCase => "list the cases to find its number",
            Self::NoRequest => "wait until the request has arrived",
            Self::OnlyObserves => "let the agent act, or revoke its mandate and ask in a case of your own",
            Self::NotRequested => "the requested State acknowledges, returns, answers, delays and refuses",
            Self::NotRequester => "the requesting State resubmits, withdraws and releases what it received",
            Self::AlreadyAcknowledged | Self::AlreadyAnswered | Self::AlreadyRefused => {
                "show the case to see what was said and when"
            }
            Self::ItemAnswered(_) => "leave the item out; only one answered in part can be answered again",
            Self::WrongRequest { .. } => "write a new response file for this case",
            Self::ResponseInvalid(_) | Self::RefusalInvalid(_) | Self::ActInvalid(_) => {
                "amend what the findings name"
            }
            Self::Withdrawn => "open a new case to ask again",
            Self::AlreadyReturned => "wait until the requesting State submits it again",
            Self::NotReturned => "send a clarification, or withdraw it and open a new case",
            Self::NothingLacking => "name only clauses that the check of the request finds missing",
            Self::NotJudged => "record the judgement of its chance of success first, or process the request",
            Self::NothingToJudge => "process the request",
            Self::StillOpen => "answer, refuse or withdraw what is open; then put the case away",
            Self::OutcomeNotTold => "tell it with `valise case outcome`, or give a --reason (ISACS 5.3)",
            Self::UnknownAct(_) | Self::UnknownQuestion(_) => "show the history of the case to find it",
            Self::NothingToRelease => "wait for the response",
            Self::UnknownElement(_) => "show the case to see the paths of its elements",
            Self::PermitIdTaken(_) => "ask again; a new name is drawn",
            Self::UnknownPermit(_) => "list the releases to find its name",
            Self::PermitUsed { .. } | Self::PermitExpired { .. } => "ask for a new release",
            Self::NotYourPermit { .. } => "ask for a release of your own",
            Self::PermitBarred { .. } => "ask for a new release",
            Self::NotApproved { .. } => "ask another officer for `valise release approve`",
            Self::SameOfficer(_) => "ask another officer",
            Self::DigestDiffers { .. } => "show it again, read it, and confirm the digest that is shown",
            Self::AgreedBefore(_) => "ask a third officer, if policy wants more than two",
            Self::HeldEnded { .. } => "`valise approval list` shows what waits",
            Self::HeldMoved(_) => "return it with `valise approval return`; its author writes it anew",
            Self::NotAnAnswer(_) => "`valise case follow CASE` writes the request with the right digest",
            Self::QuoteForbidden { .. } => {
                "ask its originator with `valise consent ask`; until it consents, quote by digest only"
            }
            Self::LabelStripped => "leave the label as `valise case follow` wrote it",
            Self::NothingToApprove(_) => "`valise release list` shows what waits",
            Self::ConsentGone(_) => "ask the originating State for consent again",
            Self::ConsentAnswered(_) => "list the questions for consent",
            Self::ConsentOver(_) => "name an expiry that is still to come",
            Self::UnknownConsent(_) => "list the consents to find it",
            Self::AcrossBorder => "ask the originating State for consent",
        }
    }

    /// Returns the findings that it rests on, for a screen that shows each.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Incomplete(found)
            | Self::ResponseInvalid(found)
            | Self::RefusalInvalid(found)
            | Self::ActInvalid(found) => found,
            Self::AddresseeDiffers { .. }
            | Self::ToSelf
            | Self::NotMinter(_)
            | Self::CaseExists
            | Self::UnknownCase
            | Self::NoRequest
            | Self::OnlyObserves
            | Self::NotRequested
            | Self::NotRequester
            | Self::AlreadyAcknowledged
            | Self::AlreadyAnswered
            | Self::AlreadyRefused
            | Self::ItemAnswered(_)
            | Self::WrongRequest { .. }
            | Self::Withdrawn
            | Self::AlreadyReturned
            | Self::NotReturned
            | Self::NothingLacking
            | Self::NotJudged
            | Self::NothingToJudge
            | Self::StillOpen
            | Self::OutcomeNotTold
            | Self::UnknownAct(_)
            | Self::UnknownQuestion(_)
            | Self::NothingToRelease
            | Self::UnknownElement(_)
            | Self::PermitIdTaken(_)
            | Self::UnknownPermit(_)
            | Self::PermitUsed { .. }
            | Self::PermitExpired { .. }
            | Self::NotYourPermit { .. }
            | Self::PermitBarred { .. }
            | Self::NotApproved { .. }
            | Self::SameOfficer(_)
            | Self::DigestDiffers { .. }
            | Self::AgreedBefore(_)
            | Self::HeldEnded { .. }
            | Self::HeldMoved(_)
            | Self::NotAnAnswer(_)
            | Self::QuoteForbidden { .. }
            | Self::LabelStripped
            | Self::NothingToApprove(_)
            | Self::ConsentGone(_)
            | Self::ConsentAnswered(_)
            | Self::ConsentOver(_)
            | Self::UnknownConsent(_)
            | Self::AcrossBorder => &[],
        }
    }
}

fn clauses(found: &[Finding]) -> String {
    let list: Vec<_> = found.iter().map(|f| format!("{} ({})", f.clause, f.field)).collect();
    list.join(", ")
}
