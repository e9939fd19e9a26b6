use crate::model::{CaseId, Ground, Party, Purpose, Request, Response, Text};
use serde::{Deserialize, Serialize};

/// The version of the control protocol that this binary speaks.
pub const VERSION: u32 = 1;

/// One verb, asked of the node by an officer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The protocol version of the caller.
    pub version: u32,
    /// The officer whom the caller claims to be; a node that is not a demo goes by the socket's peer
    /// credentials and refuses any claim.
    #[serde(default)]
    pub as_officer: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// What a node can be asked; one variant for each verb that needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// `gateway status`.
    GatewayStatus,
    /// `peer list`.
    PeerList,
    /// `peer ping STATE`.
    PeerPing {
        /// Whom to reach.
        peer: Party,
    },
    /// `inbox list`.
    InboxList,
    /// `case list`.
    CaseList,
    /// `case show CASE`.
    CaseShow {
        /// Which case.
        case: CaseId,
        /// Whether to show the content of its acts, which is recorded.
        reveal: bool,
    },
    /// `case ack CASE` (ISACS 8.3.1).
    CaseAck {
        /// Which case.
        case: CaseId,
        /// Words for the requesting NPC.
        note: Option<Text>,
    },
    /// `case respond CASE --new`: an annotated form for the case's items, given as text.
    CaseTemplate {
        /// Which case.
        case: CaseId,
    },
    /// `case respond CASE --from FILE` (ISACS 8.3.3).
    CaseRespond {
        /// Which case.
        case: CaseId,
        /// The response.
        response: Box<Response>,
    },
    /// `case refuse CASE` (ISACS 8.3.4.2).
    CaseRefuse {
        /// Which case.
        case: CaseId,
        /// The grounds, each with its reason.
        grounds: Vec<Ground>,
    },
    /// `request submit FILE` (ISACS 8.1, 8.2).
    RequestSubmit {
        /// The request.
        request: Box<Request>,
        /// The addressee, where the file leaves it to the command line.
        to: Option<Party>,
        /// Why it is sent although incomplete (ISACS 8.3.2 ¶3).
        incomplete: Option<Text>,
        /// Whether it is a training act (ISACS 7.1.4).
        exercise: bool,
    },
    /// `release request CASE` (ISACS 8.3.4.2 d–f).
    ReleaseRequest {
        /// Which case.
        case: CaseId,
        /// The recipient authority by its configured name.
        to: String,
        /// For what it will be used.
        purpose: Purpose,
        /// The element paths; empty for all.
        elements: Vec<String>,
        /// Whether to use the permit at once.
        show: bool,
    },
    /// `release list`.
    ReleaseList,
    /// `release show ID`: uses the permit.
    ReleaseShow {
        /// Which permit.
        id: String,
    },
    /// `deadline list`.
    DeadlineList,
    /// `queue list`.
    QueueList,
    /// `queue retry [ID]`.
    QueueRetry {
        /// Which queued act; all for none.
        id: Option<String>,
    },
}

impl Command {
    /// Returns noun and verb as the command line writes them, for schemas, logs and denials.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::GatewayStatus => "gateway.status",
            Self::PeerList => "peer.list",
            Self::PeerPing { .. } => "peer.ping",
            Self::InboxList => "inbox.list",
            Self::CaseList => "case.list",
            Self::CaseShow { .. } => "case.show",
            Self::CaseAck { .. } => "case.ack",
            Self::CaseTemplate { .. } | Self::CaseRespond { .. } => "case.respond",
            Self::CaseRefuse { .. } => "case.refuse",
            Self::RequestSubmit { .. } => "request.submit",
            Self::ReleaseRequest { .. } => "release.request",
            Self::ReleaseList => "release.list",
            Self::ReleaseShow { .. } => "release.show",
            Self::DeadlineList => "deadline.list",
            Self::QueueList => "queue.list",
            Self::QueueRetry { .. } => "queue.retry",
        }
    }
}
