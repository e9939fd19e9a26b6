use crate::model::{
    Act, ActKind, Answer, Digest, GroundCode, Label, MessageId, Outcome, Party, Purpose, Refusal, Request,
    Response, Timestamp,
};
use crate::rules::completeness::{self, Completeness};
use crate::rules::response;
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
}

/// The particulars of each kind of act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A request (ISACS 8.2).
    Request {
        /// How many items it asks about.
        items: u32,
        /// The clauses that its own contents leave unmet (ISACS 8.3.2).
        unmet: BTreeSet<String>,
        /// The intended uses (ISACS 8.2.1 d).
        purposes: BTreeSet<Purpose>,
        /// Whether confidence and restrictions can be kept; none if it does not say (ISACS 8.4).
        can_comply: Option<bool>,
    },
    /// An acknowledgement (ISACS 8.3.1).
    Acknowledgement {
        /// The request's statement digest.
        request: Digest,
        /// The instant of receipt that it repeats.
        received_at: Timestamp,
        /// Whether no officer made it.
        automatic: bool,
    },
    /// A response (ISACS 8.3.3).
    Response {
        /// The request's statement digest.
        request: Digest,
        /// What became of each item.
        outcomes: Vec<ItemOutcome>,
        /// The grounds on which elements are withheld (ISACS 8.3.4.2).
        grounds: BTreeSet<GroundCode>,
        /// The clauses that it leaves unmet.
        unmet: BTreeSet<String>,
        /// Its elements with their labels.
        elements: Vec<ElementFacts>,
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
            Act::Request(request) => of_request(request),
            Act::Acknowledgement(ack) => Body::Acknowledgement {
                request: ack.request,
                received_at: ack.received_at,
                automatic: ack.automatic,
            },
            Act::Response(response) => of_response(response),
            Act::Refusal(refusal) => of_refusal(refusal),
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
            Body::Request { .. } => ActKind::Request,
            Body::Acknowledgement { .. } => ActKind::Acknowledgement,
            Body::Response { .. } => ActKind::Response,
            Body::Refusal { .. } => ActKind::Refusal,
        }
    }

    /// Returns the request that it answers, if it answers one.
    pub const fn answers(&self) -> Option<Digest> {
        match &self.body {
            Body::Request { .. } => None,
            Body::Acknowledgement { request, .. }
            | Body::Response { request, .. }
            | Body::Refusal { request, .. } => Some(*request),
        }
    }

    /// Returns the acts that must be known before this one counts: its parents and what it answers.
    pub fn needs(&self) -> BTreeSet<Digest> {
        self.header.parents.iter().copied().chain(self.answers()).collect()
    }
}

fn of_request(request: &Request) -> Body {
    Body::Request {
        items: u32::try_from(request.items.len()).unwrap_or(u32::MAX),
        unmet: clauses(completeness::check(request)),
        purposes: request.intended_use.as_ref().map(|u| u.purposes.clone()).unwrap_or_default(),
        can_comply: request.declaration.as_ref().map(|d| d.can_comply),
    }
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
                Answer::Withheld { ground } => Some(ground.code),
                Answer::Value { .. } | Answer::NoRecord { .. } | Answer::NotApplicable { .. } => None,
            })
            .collect(),
        // The facts are the statement's own; whether an item exists is for the fold, which has the request.
        unmet: clauses(response::check(u32::MAX, response)),
        elements: elements().map(|(path, e)| ElementFacts { path, label: e.label.clone() }).collect(),
    }
}

fn of_refusal(refusal: &Refusal) -> Body {
    Body::Refusal {
        request: refusal.request,
        grounds: refusal.grounds.iter().map(|g| g.code).collect(),
        unmet: clauses(response::refusal_check(refusal)),
    }
}

fn clauses(found: Completeness) -> BTreeSet<String> {
    found.missing.into_iter().map(|f| f.clause.to_owned()).collect()
}
