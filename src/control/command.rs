use crate::control::{BagMark, Carried, Hex, KeyUse};
use crate::model::{
    AssistanceOutcome, AssistanceRequest, CaseId, CaseScope, Digest, ElementPath, FollowUp, Ground,
    MessageId, Notice, OfficerSignature, PartialDate, Party, PeerScope, Power, Purpose, Request, Response,
    Text, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// `gateway doctor`.
    GatewayDoctor,
    /// `federation sync`.
    FederationSync {
        /// Whom to ask; everybody for none.
        peer: Option<Party>,
        /// Documents that were handed over by hand; then nobody is asked.
        news: Option<Hex>,
    },
    /// `identity rotate`.
    IdentityRotate {
        /// Which key.
        what: KeyUse,
        /// Why, in words that everybody will read.
        reason: Text,
        /// From when others may have held the key before.
        compromised_since: Option<Timestamp>,
    },
    /// `gateway backup`: notes that a backup is made, and tells up to where all is durable.
    GatewayBackup,
    /// `gateway clock`: tells how the clock stands, or lowers its mark.
    GatewayClock {
        /// Why the mark is lowered, if it is.
        lower: Option<String>,
    },
    /// `gateway recover --without STATE`: goes on without what a peer has not given back.
    GatewayRecover {
        /// The peer.
        without: Party,
        /// Why.
        reason: String,
    },
    /// `relay status`; a relay answers nothing else.
    RelayStatus,
    /// `peer list`.
    PeerList,
    /// `peer ping STATE`.
    PeerPing {
        /// Whom to reach.
        peer: Party,
    },
    /// `inbox list`.
    InboxList,
    /// `case list`: one page of it.
    CaseList {
        /// The last case of the page before; from the start for none.
        after: Option<CaseId>,
        /// The most cases to list; a node may give fewer, and none after the last one.
        limit: u32,
    },
    /// `case show CASE`.
    CaseShow {
        /// Which case.
        case: CaseId,
        /// Whether to show the content of its acts, which is recorded.
        reveal: bool,
    },
    /// `case print CASE` (ISACS 8.1, "in writing"); it is recorded.
    CasePrint {
        /// Which case.
        case: CaseId,
    },
    /// `case follow CASE`: the next request of a chain, given as text; it is recorded (DESIGN §3.9).
    CaseFollow {
        /// Which case.
        case: CaseId,
        /// The elements of its answer to quote that are free.
        quotes: Vec<ElementPath>,
        /// A permit to spend for restricted ones.
        permit: Option<String>,
        /// The next addressee; by default the State to which the answer points.
        to: Option<Party>,
    },
    /// `case attachment CASE` (ISACS 6.4.5): the files of its acts, as far as they are not restricted.
    CaseAttachments {
        /// Which case.
        case: CaseId,
        /// Whether to ask the peer for those that were left there.
        fetch: bool,
    },
    /// Offers a file that an act will name.
    AttachmentOffer {
        /// SHA-256 of the file.
        sha256: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// Hands over one piece of a file that was offered; its bytes follow the call.
    AttachmentPut {
        /// SHA-256 of the file.
        sha256: Digest,
        /// Which piece.
        index: u64,
    },
    /// Reads one piece of a file that is whole and verified; its bytes follow the reply.
    AttachmentRead {
        /// Which case.
        case: CaseId,
        /// The act that names the file.
        act: Digest,
        /// The element in which it stands.
        path: String,
        /// Its place among the element's photographs.
        place: u32,
        /// The permit that was just spent, if the element is restricted.
        permit: Option<String>,
        /// Which piece.
        index: u64,
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
        /// Whether it gives values knowingly to a requester that cannot keep confidence (ISACS 8.4).
        #[serde(default)]
        despite_declaration: bool,
    },
    /// `case refuse CASE` (ISACS 8.3.4.2).
    CaseRefuse {
        /// Which case.
        case: CaseId,
        /// The grounds, each with its reason.
        grounds: Vec<Ground>,
    },
    /// `case return CASE` (ISACS 8.3.2 ¶2).
    CaseReturn {
        /// Which case.
        case: CaseId,
    },
    /// `case judge CASE` (ISACS 8.3.2 ¶3).
    CaseJudge {
        /// Which case.
        case: CaseId,
        /// Whether there is a reasonable chance of success.
        reasonable: bool,
        /// Why, in words that name no weapon and no person.
        reason: Text,
    },
    /// `case delay CASE` (ISACS 8.3.4.2).
    CaseDelay {
        /// Which case.
        case: CaseId,
        /// The grounds, each with its reason.
        grounds: Vec<Ground>,
        /// When the response is expected.
        expected: Option<PartialDate>,
    },
    /// `case clarify CASE` (ISACS 8.3.4.2): asks what an act means, or answers such a question.
    CaseClarify {
        /// Which case.
        case: CaseId,
        /// The act, by its statement digest or the beginning of it.
        act: String,
        /// The question or the answer.
        text: Text,
    },
    /// `case close CASE` (ISACS 7.7.1 d).
    CaseClose {
        /// Which case.
        case: CaseId,
        /// Why nothing follows, where no outcome was told.
        reason: Option<Text>,
    },
    /// `case withdraw CASE`.
    CaseWithdraw {
        /// Which case.
        case: CaseId,
        /// Why.
        reason: Text,
    },
    /// `case outcome CASE` (ISACS 5.3, 10.2 c).
    CaseOutcome {
        /// Which case.
        case: CaseId,
        /// What followed, item by item.
        items: Vec<FollowUp>,
    },
    /// `request submit FILE --case CASE`: submits a returned request again (ISACS 8.3.2 ¶2).
    RequestResubmit {
        /// Which case.
        case: CaseId,
        /// The whole request, as it now stands.
        request: Box<Request>,
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
        /// For whom this party asks as an agent (ISACS 9.3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<Party>,
        /// The agent through which the addressee is asked (ISACS 9.3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Party>,
    },
    /// `mandate grant` (ISACS 9.3).
    MandateGrant {
        /// Who may act.
        agent: Party,
        /// What it may do.
        powers: BTreeSet<Power>,
        /// In which cases.
        cases: CaseScope,
        /// Towards whom.
        peers: PeerScope,
        /// From when on; from now on if absent.
        from: Option<Timestamp>,
        /// The first instant at which it holds no more.
        until: Timestamp,
    },
    /// `mandate accept MANDATE`.
    MandateAccept {
        /// Its digest, or the beginning of it.
        mandate: String,
    },
    /// `mandate tell MANDATE --to PARTY`.
    MandateTell {
        /// Its digest, or the beginning of it.
        mandate: String,
        /// Who is to know of it.
        to: Party,
    },
    /// `mandate revoke MANDATE`.
    MandateRevoke {
        /// Its digest, or the beginning of it.
        mandate: String,
        /// Why.
        reason: Text,
    },
    /// `mandate list`.
    MandateList,
    /// `notice new` (ISACS 9.6).
    NoticeNew {
        /// To whom.
        to: Party,
        /// What it says.
        notice: Notice,
    },
    /// `notice list`.
    NoticeList,
    /// `notice show CASE`; it is recorded.
    NoticeShow {
        /// The case that it opened.
        case: CaseId,
    },
    /// `assistance ask` (ISACS 5.3, 9.1).
    AssistanceAsk {
        /// Whom.
        to: Party,
        /// What is asked.
        request: AssistanceRequest,
    },
    /// `assistance reply CASE` (ISACS 5.3, 9.1).
    AssistanceReply {
        /// The case that the request opened.
        case: CaseId,
        /// What becomes of it.
        outcome: AssistanceOutcome,
        /// What is offered, or why nothing is.
        text: Text,
    },
    /// `assistance list`.
    AssistanceList,
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
        /// Why it cannot wait, in words that name no weapon and no person (8.4).
        #[serde(default)]
        emergency: Option<Text>,
    },
    /// `release approve ID`: agrees to a release, as another officer than the one who asked.
    ReleaseApprove {
        /// Which permit.
        id: String,
        /// The digest of the permit as it was shown.
        digest: Digest,
        /// The officer's own signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<OfficerSignature>,
    },
    /// `release deny ID`.
    ReleaseDeny {
        /// Which permit.
        id: String,
        /// Why, in words that name no weapon and no person.
        reason: Text,
    },
    /// `release review ID`: says that a release made in an emergency was looked at.
    ReleaseReview {
        /// Which permit.
        id: String,
        /// The digest of the permit as it was shown.
        digest: Digest,
        /// The officer's own signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<OfficerSignature>,
    },
    /// `release notify CASE`: tells the provider that a disclosure is compelled (ISACS 8.4).
    ReleaseNotify {
        /// Which case.
        case: CaseId,
        /// The recipient authority by its configured name.
        to: String,
        /// The element paths.
        elements: Vec<ElementPath>,
        /// The order or law.
        compelled_by: Text,
    },
    /// `consent ask CASE` (ISACS 8.3.4.2 f).
    ConsentAsk {
        /// Which case.
        case: CaseId,
        /// The recipient: an authority by its configured name, or a party.
        to: String,
        /// For what.
        purpose: Purpose,
        /// The element paths.
        elements: Vec<ElementPath>,
        /// Why.
        reason: Text,
    },
    /// `consent list`.
    ConsentList,
    /// `consent grant ID`.
    ConsentGrant {
        /// The question, by its digest or the beginning of it.
        id: String,
        /// Only these of the elements that were asked for; all for none.
        elements: Vec<ElementPath>,
        /// The first instant at which it grants nothing.
        expires: Timestamp,
        /// Whether it serves one release only.
        single_use: bool,
    },
    /// `consent deny ID`.
    ConsentDeny {
        /// The question, by its digest or the beginning of it.
        id: String,
        /// Why.
        reason: Text,
    },
    /// `consent withdraw ID`.
    ConsentWithdraw {
        /// The question, by its digest or the beginning of it.
        id: String,
        /// Why.
        reason: Text,
    },
    /// `approval list`.
    ApprovalList,
    /// `approval show ID`; it is recorded.
    ApprovalShow {
        /// Which act.
        id: String,
    },
    /// `approval show ID --files`: one piece of a file that an act names which waits; its bytes follow the reply.
    ApprovalFile {
        /// Which act.
        id: String,
        /// SHA-256 of the file.
        sha256: Digest,
        /// Which piece.
        index: u64,
    },
    /// `approval approve ID`: agrees to an act, as another officer than its author.
    ApprovalApprove {
        /// Which act.
        id: String,
        /// The digest of the act as it was shown.
        digest: Digest,
        /// The officer's own signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<OfficerSignature>,
    },
    /// `approval return ID`.
    ApprovalReturn {
        /// Which act.
        id: String,
        /// Why, in words that name no weapon and no person.
        reason: Text,
    },
    /// `release list`.
    ReleaseList,
    /// `release show ID`: uses the permit.
    ReleaseShow {
        /// Which permit.
        id: String,
    },
    /// `case history CASE`.
    CaseHistory {
        /// Which case.
        case: CaseId,
    },
    /// `evidence export --relay RELAY`: what it has signed for; it is recorded.
    EvidenceCustody {
        /// Which relay.
        relay: Party,
    },
    /// `evidence export CASE`; it is recorded.
    EvidenceExport {
        /// Which case.
        case: CaseId,
        /// The elements to disclose, as `ACT:PATH` or `PATH`; all that are free for none.
        elements: Option<Vec<String>>,
        /// A permit to spend for restricted elements.
        permit: Option<String>,
    },
    /// `evidence export --alarm NUMBER`; it is recorded.
    EvidenceProof {
        /// Which alarm, from 1.
        alarm: u64,
    },
    /// `evidence head`.
    EvidenceHead {
        /// A head noted down earlier, to be checked.
        check: Option<String>,
    },
    /// `report restrictions` (ISACS 8.3.4.2, 10.2).
    ReportRestrictions {
        /// The first and the last year; the present one for none.
        years: Option<(u16, u16)>,
        /// The fewest acts of which a count tells, if more than the rules ask for.
        min_cell: Option<u64>,
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
    /// `queue export`: a page of what waits for a courier.
    QueueExport {
        /// For whom; all peers, one after the other, for none.
        peer: Option<Party>,
        /// Where the page before ended; from the start for none.
        after: Option<BagMark>,
    },
    /// `queue export`: its bags are written.
    QueueHanded {
        /// For whom.
        peer: Party,
        /// The answers that they hold, by the envelopes answered.
        answers: Vec<MessageId>,
        /// The envelopes that they hold.
        acts: Vec<MessageId>,
        /// The files of which they hold all pieces that were owed, by their names.
        files: Vec<Digest>,
    },
    /// `queue export --files`: the parts of files that a courier may bring.
    QueueFiles {
        /// To whom; to all peers for none.
        peer: Option<Party>,
    },
    /// `queue export --files`: one piece of a file, sealed for a peer; its bytes follow the reply.
    QueuePiece {
        /// For whom.
        to: Party,
        /// The name under which the file travels.
        name: Digest,
        /// Which piece.
        index: u64,
    },
    /// `queue import FILE`: some frames of a bag.
    QueueImport {
        /// Who has packed it, as it says.
        from: Party,
        /// For whom it is, as it says.
        to: Party,
        /// The frames, none of which anybody has proved yet.
        frames: Vec<Carried>,
    },
}

impl Command {
    /// Tells whether bytes follow the call, in a frame of their own.
    pub const fn brings_bytes(&self) -> bool {
        matches!(self, Self::AttachmentPut { .. })
    }

    /// Tells whether bytes follow a reply that is no failure.
    pub const fn yields_bytes(&self) -> bool {
        matches!(self, Self::AttachmentRead { .. } | Self::ApprovalFile { .. } | Self::QueuePiece { .. })
    }

    /// Returns noun and verb as the command line writes them, for schemas, logs and denials.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::GatewayStatus => "gateway.status",
            Self::FederationSync { .. } => "federation.sync",
            Self::IdentityRotate { .. } => "identity.rotate",
            Self::GatewayDoctor => "gateway.doctor",
            Self::GatewayBackup => "gateway.backup",
            Self::GatewayClock { .. } => "gateway.clock",
            Self::GatewayRecover { .. } => "gateway.recover",
            Self::RelayStatus => "relay.status",
            Self::PeerList => "peer.list",
            Self::PeerPing { .. } => "peer.ping",
            Self::InboxList => "inbox.list",
            Self::CaseList { .. } => "case.list",
            Self::CaseShow { .. } => "case.show",
            Self::CasePrint { .. } => "case.print",
            Self::CaseFollow { .. } => "case.follow",
            Self::CaseAttachments { .. } | Self::AttachmentRead { .. } => "case.attachment",
            Self::AttachmentOffer { .. } | Self::AttachmentPut { .. } => "request.submit",
            Self::CaseAck { .. } => "case.ack",
            Self::CaseTemplate { .. } | Self::CaseRespond { .. } => "case.respond",
            Self::CaseRefuse { .. } => "case.refuse",
            Self::CaseReturn { .. } => "case.return",
            Self::CaseJudge { .. } => "case.judge",
            Self::CaseDelay { .. } => "case.delay",
            Self::CaseClarify { .. } => "case.clarify",
            Self::CaseClose { .. } => "case.close",
            Self::CaseWithdraw { .. } => "case.withdraw",
            Self::CaseOutcome { .. } => "case.outcome",
            Self::RequestSubmit { .. } | Self::RequestResubmit { .. } => "request.submit",
            Self::ReleaseRequest { .. } => "release.request",
            Self::ReleaseApprove { .. } => "release.approve",
            Self::ReleaseDeny { .. } => "release.deny",
            Self::ReleaseReview { .. } => "release.review",
            Self::ReleaseNotify { .. } => "release.notify",
            Self::ConsentAsk { .. } => "consent.ask",
            Self::ConsentList => "consent.list",
            Self::ConsentGrant { .. } => "consent.grant",
            Self::ConsentDeny { .. } => "consent.deny",
            Self::ConsentWithdraw { .. } => "consent.withdraw",
            Self::ApprovalList => "approval.list",
            Self::ApprovalShow { .. } | Self::ApprovalFile { .. } => "approval.show",
            Self::ApprovalApprove { .. } => "approval.approve",
            Self::ApprovalReturn { .. } => "approval.return",
            Self::ReleaseList => "release.list",
            Self::ReleaseShow { .. } => "release.show",
            Self::CaseHistory { .. } => "case.history",
            Self::EvidenceExport { .. } | Self::EvidenceProof { .. } | Self::EvidenceCustody { .. } => {
                "evidence.export"
            }
            Self::EvidenceHead { .. } => "evidence.head",
            Self::ReportRestrictions { .. } => "report.restrictions",
            Self::DeadlineList => "deadline.list",
            Self::MandateGrant { .. } => "mandate.grant",
            Self::MandateAccept { .. } => "mandate.accept",
            Self::MandateTell { .. } => "mandate.tell",
            Self::MandateRevoke { .. } => "mandate.revoke",
            Self::MandateList => "mandate.list",
            Self::NoticeNew { .. } => "notice.new",
            Self::NoticeList => "notice.list",
            Self::NoticeShow { .. } => "notice.show",
            Self::AssistanceAsk { .. } => "assistance.ask",
            Self::AssistanceReply { .. } => "assistance.reply",
            Self::AssistanceList => "assistance.list",
            Self::QueueList => "queue.list",
            Self::QueueRetry { .. } => "queue.retry",
            Self::QueueExport { .. }
            | Self::QueueHanded { .. }
            | Self::QueueFiles { .. }
            | Self::QueuePiece { .. } => "queue.export",
            Self::QueueImport { .. } => "queue.import",
        }
    }
}
