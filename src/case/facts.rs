use super::Refused;
use crate::model::{
    Act, ActKind, Answer, AssistanceNeed, AssistanceOutcome, CaseId, Delay, Digest, ElementPath, Follows,
    GroundCode, Label, MandateTerms, MessageId, NoticeTopic, OnBehalf, Outcome, OutcomeNotice, PartialDate,
    Party, Purpose, Recipient, Refusal, Request, Response, Resubmission, ReturnIncomplete, Scope, Ternary,
    Timestamp,
};
use crate::rules::completeness::{self, Completeness};
use crate::rules::{consent, course, response, returns};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What clocks and rules need of an act: small, and free of serials, names and texts, so that an index
/// may hold it in the clear. It is a function of the signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActFacts {
    /// What every act has.
    pub header: ActHeader,
    /// What its kind has.
    pub body: Body,
}

/// The particulars that every statement carries in its protected header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActHeader {
    /// The statement digest.
    pub digest: Digest,
    /// The party whose seal key signed it.
    pub issuer: Party,
    /// Its message id.
    pub message_id: MessageId,
    /// The statements on which it builds.
    pub parents: Vec<Digest>,
    /// Whether it is a training act (ISACS 7.1.4).
    pub exercise: bool,
    /// On whose behalf the issuer made it, if on anyone's (ISACS 9.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalf>,
}

/// The particulars of each kind of act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A request (ISACS 8.2).
    Request(RequestFacts),
    /// An acknowledgement (ISACS 8.3.1).
    Acknowledgement {
        /// The request's statement digest.
        request: Digest,
        /// The instant of receipt that it repeats.
        received_at: Timestamp,
        /// Whether no officer made it.
        automatic: bool,
    },
    /// The return of an incomplete request (ISACS 8.3.2).
    ReturnIncomplete {
        /// The request's statement digest.
        request: Digest,
        /// The clauses that it says the request leaves unmet.
        wants: BTreeSet<String>,
        /// Whether it quotes an officer's judgement that there is no reasonable chance of success.
        judged: bool,
        /// The clauses that it leaves unmet itself.
        unmet: BTreeSet<String>,
    },
    /// A returned request, submitted again (ISACS 8.3.2).
    Resubmission {
        /// The statement digest of the version that was returned.
        previous: Digest,
        /// The statement digest of the return.
        returned_by: Digest,
        /// The request.
        request: RequestFacts,
    },
    /// A response (ISACS 8.3.3).
    Response {
        /// The request's statement digest.
        request: Digest,
        /// What became of each item.
        outcomes: Vec<ItemOutcome>,
        /// The grounds on which elements are withheld or delayed (ISACS 8.3.4.2).
        grounds: BTreeSet<GroundCode>,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
        /// Its elements with their labels.
        elements: Vec<ElementFacts>,
    },
    /// The announcement of a delay (ISACS 8.3.4.2).
    Delay {
        /// The request's statement digest.
        request: Digest,
        /// The grounds.
        grounds: BTreeSet<GroundCode>,
        /// When the response is expected.
        expected: Option<PartialDate>,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
    },
    /// A refusal (ISACS 8.3.4.2).
    Refusal {
        /// The request's statement digest.
        request: Digest,
        /// The grounds.
        grounds: BTreeSet<GroundCode>,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
    },
    /// A question about an act (ISACS 8.3.4.2).
    ClarificationRequest {
        /// The statement digest of the act.
        about: Digest,
    },
    /// The answer to a question (ISACS 8.3.4.2).
    Clarification {
        /// The statement digest of the question.
        request_for: Digest,
    },
    /// The withdrawal of a request.
    Withdrawal {
        /// The request's statement digest.
        request: Digest,
    },
    /// What came of a trace (ISACS 5.3, 10.2 c).
    OutcomeNotice {
        /// The request's statement digest.
        request: Digest,
        /// What followed, item by item.
        items: Vec<FollowUpFacts>,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
    },
    /// The question whether information may be passed on (ISACS 8.3.4.2 f).
    ConsentRequest {
        /// The response's statement digest.
        response: Digest,
        /// What is asked for; it can hold no words.
        scope: Scope,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
    },
    /// The consent to it (ISACS 8.3.4.2 f).
    ConsentGrant {
        /// The question's statement digest.
        consent_request: Digest,
        /// What is granted.
        scope: Scope,
        /// The first instant at which it grants nothing.
        expires: Timestamp,
        /// Whether it serves one release only.
        single_use: bool,
    },
    /// The refusal of consent.
    ConsentDenial {
        /// The question's statement digest.
        consent_request: Digest,
    },
    /// The withdrawal of a consent.
    ConsentWithdrawal {
        /// The grant's statement digest.
        grant: Digest,
    },
    /// The notice that a disclosure is compelled (ISACS 8.4).
    DisclosureNotice {
        /// The response's statement digest.
        disclosed: Digest,
        /// The elements.
        elements: BTreeSet<ElementPath>,
        /// To whom.
        recipient: Recipient,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
    },
    /// A mandate that is given, or accepted (ISACS 9.3).
    Mandate {
        /// Its digest.
        mandate: Digest,
        /// Its terms.
        terms: MandateTerms,
        /// Whether the agent has countersigned it.
        accepted: bool,
    },
    /// The end of a mandate.
    MandateRevocation {
        /// The mandate's digest.
        mandate: Digest,
    },
    /// Information that belongs to no trace (ISACS 9.6).
    Notice {
        /// What it is about.
        topic: NoticeTopic,
    },
    /// A request for assistance (ISACS 5.3, 9.1).
    AssistanceRequest {
        /// With what.
        need: AssistanceNeed,
        /// The trace from which the need arose.
        about: Option<CaseId>,
    },
    /// The answer to one.
    AssistanceReply {
        /// The statement digest of the request for assistance.
        request: Digest,
        /// What becomes of it.
        outcome: AssistanceOutcome,
    },
}

/// The particulars of a request, first or submitted again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// How many items it asks about.
    pub items: u32,
    /// The clauses that its own contents leave unmet (ISACS 8.3.2).
    pub unmet: BTreeSet<String>,
    /// The clauses of which it says that they are impossible to meet (ISACS 8.3.2 ¶3).
    pub impossible: BTreeSet<String>,
    /// Whether it says that something is impossible to give (ISACS 8.3.2 ¶3).
    pub pleads: bool,
    /// The intended uses (ISACS 8.2.1 d).
    pub purposes: BTreeSet<Purpose>,
    /// Whether confidence and restrictions can be kept; none if it does not say (ISACS 8.4).
    pub can_comply: Option<bool>,
    /// The answer of another State from which the trace goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Box<FollowsFacts>>,
    /// What it quotes from another State's answer, with the label that binds the quotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<ElementFacts>,
}

/// The link of a chain: where the trace goes on from, and what of it came along; what it says stays sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowsFacts {
    /// The statement digest of the answer.
    pub response: Digest,
    /// The elements that are quoted from it.
    pub quoted: Vec<ElementPath>,
    /// The elements to whose passing on their State has not consented.
    pub pending: BTreeSet<ElementPath>,
}

/// What followed from the trace of one item; its texts stay sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUpFacts {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// Whether the point at which it became illicit was found.
    pub point_of_diversion: Ternary,
    /// Whether those responsible are or were prosecuted.
    pub prosecution: Ternary,
}

/// How far a response answers one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutcome {
    /// The item's place in the request, counted from zero.
    pub item: u32,
    /// How far.
    pub outcome: Outcome,
}

/// One element of a response, by where it stands; its value stays sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementFacts {
    /// Its [`element_path`].
    pub path: String,
    /// Its usage label, if it has one.
    pub label: Option<Label>,
}

/// Names an element by its place in a response, both counted from zero, as its
/// disclosure does: `items/0/elements/2`.
pub fn element_path(answer: usize, element: usize) -> String {
    format!("items/{answer}/elements/{element}")
}

impl ActFacts {
    /// Gathers the facts of an act.
    pub fn of(act: &Act, header: ActHeader) -> Self {
        let body = match act {
            Act::Request(request) => Body::Request(of_request(request)),
            Act::Acknowledgement(ack) => Body::Acknowledgement {
                request: ack.request,
                received_at: ack.received_at,
                automatic: ack.automatic,
            },
            Act::ReturnIncomplete(returned) => of_return(returned),
            Act::Resubmission(again) => of_resubmission(again),
            Act::Response(response) => of_response(response),
            Act::Delay(delay) => of_delay(delay),
            Act::Refusal(refusal) => of_refusal(refusal),
            Act::ClarificationRequest(question) => Body::ClarificationRequest { about: question.about },
            Act::Clarification(answer) => Body::Clarification { request_for: answer.request_for },
            Act::Withdrawal(withdrawal) => Body::Withdrawal { request: withdrawal.request },
            Act::OutcomeNotice(notice) => of_outcome(notice),
            Act::ConsentRequest(asked) => Body::ConsentRequest {
                response: asked.response,
                scope: asked.scope.clone(),
                unmet: clauses(consent::request_check(asked)),
            },
            Act::ConsentGrant(grant) => Body::ConsentGrant {
                consent_request: grant.consent_request,
                scope: grant.scope.clone(),
                expires: grant.expires,
                single_use: grant.single_use,
            },
            Act::ConsentDenial(denial) => Body::ConsentDenial { consent_request: denial.consent_request },
            Act::ConsentWithdrawal(withdrawal) => Body::ConsentWithdrawal { grant: withdrawal.grant },
            Act::DisclosureNotice(notice) => Body::DisclosureNotice {
                disclosed: notice.disclosed,
                elements: notice.elements.clone(),
                recipient: notice.recipient.clone(),
                unmet: clauses(consent::notice_check(notice)),
            },
            Act::Mandate(given) => Body::Mandate {
                mandate: given.mandate,
                terms: given.terms.clone(),
                accepted: given.acceptance.is_some(),
            },
            Act::MandateRevocation(ended) => Body::MandateRevocation { mandate: ended.mandate },
            Act::Notice(notice) => Body::Notice { topic: notice.topic },
            Act::AssistanceRequest(asked) => {
                Body::AssistanceRequest { need: asked.need, about: asked.about.clone() }
            }
            Act::AssistanceReply(reply) => {
                Body::AssistanceReply { request: reply.request, outcome: reply.outcome }
            }
        };
        Self { header, body }
    }

    /// Tells whether the act is an acknowledgement that no officer made.
    pub const fn is_automatic(&self) -> bool {
        matches!(self.body, Body::Acknowledgement { automatic: true, .. })
    }

    /// Returns which act it is.
    pub const fn kind(&self) -> ActKind {
        match &self.body {
            Body::Request(_) => ActKind::Request,
            Body::Acknowledgement { .. } => ActKind::Acknowledgement,
            Body::ReturnIncomplete { .. } => ActKind::ReturnIncomplete,
            Body::Resubmission { .. } => ActKind::Resubmission,
            Body::Response { .. } => ActKind::Response,
            Body::Delay { .. } => ActKind::Delay,
            Body::Refusal { .. } => ActKind::Refusal,
            Body::ClarificationRequest { .. } => ActKind::ClarificationRequest,
            Body::Clarification { .. } => ActKind::Clarification,
            Body::Withdrawal { .. } => ActKind::Withdrawal,
            Body::OutcomeNotice { .. } => ActKind::OutcomeNotice,
            Body::ConsentRequest { .. } => ActKind::ConsentRequest,
            Body::ConsentGrant { .. } => ActKind::ConsentGrant,
            Body::ConsentDenial { .. } => ActKind::ConsentDenial,
            Body::ConsentWithdrawal { .. } => ActKind::ConsentWithdrawal,
            Body::DisclosureNotice { .. } => ActKind::DisclosureNotice,
            Body::Mandate { .. } => ActKind::Mandate,
            Body::MandateRevocation { .. } => ActKind::MandateRevocation,
            Body::Notice { .. } => ActKind::Notice,
            Body::AssistanceRequest { .. } => ActKind::AssistanceRequest,
            Body::AssistanceReply { .. } => ActKind::AssistanceReply,
        }
    }

    /// Returns the request that it makes, first or again, if it makes one.
    pub const fn request(&self) -> Option<&RequestFacts> {
        match &self.body {
            Body::Request(request) | Body::Resubmission { request, .. } => Some(request),
            Body::Acknowledgement { .. }
            | Body::ReturnIncomplete { .. }
            | Body::Response { .. }
            | Body::Delay { .. }
            | Body::Refusal { .. }
            | Body::ClarificationRequest { .. }
            | Body::Clarification { .. }
            | Body::Withdrawal { .. }
            | Body::OutcomeNotice { .. }
            | Body::ConsentRequest { .. }
            | Body::ConsentGrant { .. }
            | Body::ConsentDenial { .. }
            | Body::ConsentWithdrawal { .. }
            | Body::DisclosureNotice { .. }
            | Body::Mandate { .. }
            | Body::MandateRevocation { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. }
            | Body::AssistanceReply { .. } => None,
        }
    }

    /// Tells whether it is an answer or a notice that lacks what ISACS 05.31 asks of it.
    pub fn is_defective(&self) -> bool {
        match &self.body {
            Body::ReturnIncomplete { unmet, .. }
            | Body::Response { unmet, .. }
            | Body::Delay { unmet, .. }
            | Body::Refusal { unmet, .. }
            | Body::OutcomeNotice { unmet, .. }
            | Body::ConsentRequest { unmet, .. }
            | Body::DisclosureNotice { unmet, .. } => !unmet.is_empty(),
            Body::Request(_)
            | Body::Acknowledgement { .. }
            | Body::Resubmission { .. }
            | Body::ClarificationRequest { .. }
            | Body::Clarification { .. }
            | Body::Withdrawal { .. }
            | Body::ConsentGrant { .. }
            | Body::ConsentDenial { .. }
            | Body::ConsentWithdrawal { .. }
            | Body::Mandate { .. }
            | Body::MandateRevocation { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. }
            | Body::AssistanceReply { .. } => false,
        }
    }

    /// Lists its elements that can bear a label: those of a response, and what a request quotes.
    pub fn elements(&self) -> &[ElementFacts] {
        if let Body::Response { elements, .. } = &self.body {
            return elements;
        }
        self.request().map_or(&[], |request| &request.quotes)
    }

    /// Returns the acts that it names: what it answers, asks about or replaces.
    pub fn names(&self) -> Vec<Digest> {
        match &self.body {
            Body::Request(_)
            | Body::Mandate { .. }
            | Body::MandateRevocation { .. }
            | Body::Notice { .. }
            | Body::AssistanceRequest { .. } => Vec::new(),
            Body::Acknowledgement { request, .. }
            | Body::ReturnIncomplete { request, .. }
            | Body::Response { request, .. }
            | Body::Delay { request, .. }
            | Body::Refusal { request, .. }
            | Body::Withdrawal { request }
            | Body::OutcomeNotice { request, .. } => vec![*request],
            Body::Resubmission { previous, returned_by, .. } => vec![*previous, *returned_by],
            Body::ClarificationRequest { about } => vec![*about],
            Body::Clarification { request_for } => vec![*request_for],
            Body::ConsentRequest { response, .. } => vec![*response],
            Body::ConsentGrant { consent_request, .. } | Body::ConsentDenial { consent_request } => {
                vec![*consent_request]
            }
            Body::ConsentWithdrawal { grant } => vec![*grant],
            Body::DisclosureNotice { disclosed, .. } => vec![*disclosed],
            Body::AssistanceReply { request, .. } => vec![*request],
        }
    }

    /// Returns the acts that must be known before this one counts: its parents and those it names.
    pub fn needs(&self) -> BTreeSet<Digest> {
        self.header.parents.iter().copied().chain(self.names()).collect()
    }
}

impl RequestFacts {
    /// Tells whether a return may ask for these clauses (ISACS 8.3.2): the request leaves one of them unmet,
    /// and where the requester pleads that it cannot give everything, an officer sees no reasonable chance.
    ///
    /// # Errors
    /// [`Refused::NothingLacking`] or [`Refused::NotJudged`].
    pub fn returnable(&self, wants: &BTreeSet<String>, judged: bool) -> Result<(), Refused> {
        if wants.is_empty() || wants.iter().any(|w| !self.unmet.contains(w) && !self.impossible.contains(w)) {
            return Err(Refused::NothingLacking);
        }
        if self.pleads && !judged { Err(Refused::NotJudged) } else { Ok(()) }
    }

    /// Tells whether an officer of the requested side should judge its chance of success (ISACS 8.3.2 ¶3).
    pub fn wants_judgement(&self) -> bool {
        self.pleads || !self.unmet.is_empty()
    }
}

fn of_request(request: &Request) -> RequestFacts {
    RequestFacts {
        items: u32::try_from(request.items.len()).unwrap_or(u32::MAX),
        unmet: clauses(completeness::check(request)),
        impossible: returns::impossible(request).into_iter().map(|f| f.clause.to_owned()).collect(),
        pleads: returns::pleads_impossibility(request),
        purposes: request.intended_use.as_ref().map(|u| u.purposes.clone()).unwrap_or_default(),
        can_comply: request.declaration.as_ref().map(|d| d.can_comply),
        follows: request.follows.as_ref().map(|follows| {
            Box::new(FollowsFacts {
                response: follows.response,
                quoted: follows.quotes.iter().map(|quote| quote.path).collect(),
                pending: follows.pending.clone(),
            })
        }),
        quotes: request
            .follows
            .iter()
            .filter(|f| !f.quotes.is_empty() || f.label.is_some())
            .map(quoted)
            .collect(),
    }
}

/// The link of a chain is one element of the request; a resubmission's stands one step deeper.
fn quoted(follows: &Follows) -> ElementFacts {
    ElementFacts { path: "follows".to_owned(), label: follows.label.clone() }
}

fn of_return(returned: &ReturnIncomplete) -> Body {
    Body::ReturnIncomplete {
        request: returned.request,
        // A peer's words must not reach the facts, which stand in the clear.
        wants: returned
            .missing
            .iter()
            .map(|m| &m.clause)
            .filter(|c| returns::is_clause(c))
            .cloned()
            .collect(),
        judged: returned.judgement.is_some(),
        unmet: clauses(returns::check(returned)),
    }
}

fn of_resubmission(again: &Resubmission) -> Body {
    let request = of_request(&again.request);
    Body::Resubmission { previous: again.previous, returned_by: again.returned_by, request }
}

fn of_response(response: &Response) -> Body {
    let elements = || {
        response.items.iter().enumerate().flat_map(|(i, answer)| {
            answer.elements.iter().enumerate().map(move |(j, element)| (element_path(i, j), element))
        })
    };
    Body::Response {
        request: response.request,
        outcomes: response
            .items
            .iter()
            .map(|answer| ItemOutcome { item: answer.item, outcome: answer.outcome })
            .collect(),
        grounds: elements()
            .filter_map(|(_, element)| match &element.answer {
                Answer::Withheld { ground } | Answer::Delayed { ground, .. } => Some(ground.code),
                Answer::Value { .. } | Answer::NoRecord { .. } | Answer::NotApplicable { .. } => None,
            })
            .collect(),
        // The facts are the statement's own; whether an item exists is for the fold, which has the request.
        unmet: clauses(response::check(u32::MAX, response)),
        elements: elements().map(|(path, e)| ElementFacts { path, label: e.label.clone() }).collect(),
    }
}

fn of_delay(delay: &Delay) -> Body {
    Body::Delay {
        request: delay.request,
        grounds: delay.grounds.iter().map(|g| g.code).collect(),
        expected: delay.expected,
        unmet: clauses(response::delay_check(delay)),
    }
}

fn of_refusal(refusal: &Refusal) -> Body {
    Body::Refusal {
        request: refusal.request,
        grounds: refusal.grounds.iter().map(|g| g.code).collect(),
        unmet: clauses(response::refusal_check(refusal)),
    }
}

fn of_outcome(notice: &OutcomeNotice) -> Body {
    let follow_ups = notice.items.iter().map(|f| FollowUpFacts {
        item: f.item,
        point_of_diversion: f.point_of_diversion,
        prosecution: f.prosecution,
    });
    Body::OutcomeNotice {
        request: notice.request,
        items: follow_ups.collect(),
        unmet: clauses(course::outcome_check(u32::MAX, notice)),
    }
}

fn clauses(found: Completeness) -> BTreeSet<String> {
    found.missing.into_iter().map(|f| f.clause.to_owned()).collect()
}
