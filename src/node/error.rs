use crate::case::{DeniedElement, Refused};
use crate::control::{ExitCode, Failure, FindingView};
use crate::envelope::EnvelopeError;
use crate::evidence::EvidenceError;
use crate::model::{MandateFault, Timestamp};
use crate::node::board::BoardError;
use crate::node::keys::KeyError;
use crate::rules::completeness::Finding;
use crate::rules::freshness;
use crate::store::{FileError, StoreError};
use crate::transport::TransportError;

/// Says why the node did not do what an officer or a peer asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The state of the case or a rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It was not committed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An envelope could not be made or opened.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A file of an act was not kept or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A receipt does not prove what it must.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The peer was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A key or certificate of this gateway could not be read, made or written.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// News of the directory is not in force.
    #[error(transparent)]
    Directory(#[from] BoardError),
    /// Nothing restricted leaves while the directory is stale.
    #[error("{}", freshness::words(*.0))]
    Stale(Timestamp),
    /// Nobody of that name is configured.
    #[error("there is no {what} '{name}'")]
    Unknown {
        /// What kind of thing was looked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A peer from which nothing is missing, or that an officer has gone on without.
    #[error("nothing is waited for from {0}")]
    NotWaitedFor(crate::model::Party),
    /// No mandate carries what would be done on another party's behalf (ISACS 9.3).
    #[error("{}", .0.words())]
    Mandate(MandateFault),
    /// National policy forbids it (DESIGN §8).
    #[error("national policy forbids it by rule '{rule}'")]
    Policy {
        /// The row, or the setting.
        rule: String,
        /// What was to be done.
        deed: &'static str,
    },
    /// An officer's word is not known to be that officer's.
    #[error("the word of '{officer}' does not count: {why}")]
    Word {
        /// Whose word it would be.
        officer: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The clock does not stand behind what it showed before.
    #[error("the clock shows {0}, which is not behind what it has shown before")]
    NothingToLower(crate::model::Timestamp),
    /// The gateway was restored from a backup, and this party has not given back yet what came after.
    #[error("the gateway was restored from a backup, and {0} has not given back yet what came after")]
    Recovering(crate::model::Party),
    /// A release was denied by a rule.
    #[error("release denied by {rule}")]
    Denied {
        /// The permit request's id, under which the denial is on record.
        id: String,
        /// The rule that denied it first.
        rule: String,
        /// Each element that forbids it.
        elements: Vec<DeniedElement>,
    },
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(refused) => refusal(&refused),
            NodeError::Store(cause) if cause.retryable() => {
                Self::new(ExitCode::TryLater, "store.busy", cause)
                    .hint("nothing was written; try again later")
            }
            NodeError::Store(cause) => Self::new(ExitCode::Unavailable, "store.failed", cause)
                .hint("see the gateway's log; what was acknowledged is safe"),
            NodeError::File(cause @ FileError::Io { .. }) => {
                Self::new(ExitCode::Unavailable, "attachment.io", cause).hint("look at the disk, then try again")
            }
            NodeError::File(cause) => Self::new(ExitCode::Finding, "attachment.refused", cause)
                .hint("`valise case attachment CASE` shows how far each file has come"),
            NodeError::Envelope(cause) => {
                Self::new(ExitCode::Finding, &format!("envelope.{}", cause.code()), cause)
                    .hint("nothing was sent; `valise peer list` shows the peer's card and keys")
            }
            NodeError::Evidence(cause) => {
                Self::new(ExitCode::Finding, &format!("evidence.{}", cause.code()), cause)
            }
            NodeError::Transport(cause) => Self::new(ExitCode::Unavailable, "peer.unreachable", cause)
                .hint("the act stays in the outbox and is tried again; `valise queue list` shows it"),
            NodeError::Keys(cause) => Self::new(ExitCode::Finding, "identity.keys", cause)
                .hint("nothing was changed; see DATA/keys, DATA/pki and the disk"),
            NodeError::Directory(cause) => {
                Self::new(ExitCode::BadData, &format!("federation.{}", cause.code()), cause)
                    .hint("nothing of it was put in force; `valise federation show` tells what is")
            }
            NodeError::Stale(since) => {
                Self::new(ExitCode::Denied, "directory.stale", freshness::words(since))
                    .cause("nothing restricted leaves under a stale directory; the rest goes on")
                    .hint("`valise federation sync` asks peers and relays for news, `--from FILE` takes it by hand")
            }
            NodeError::Unknown { what, name } => Self::new(
                ExitCode::Finding,
                &format!("unknown.{what}"),
                format!("there is no {what} '{name}'"),
            )
            .hint(format!("`valise {}` shows what there is", listing(what))),
            NodeError::NotWaitedFor(peer) => Self::new(
                ExitCode::Finding,
                "recovery.not_waited_for",
                format!("nothing is waited for from {peer}"),
            )
            .hint("nothing was changed; `valise gateway status` tells what is waited for after a restore"),
            NodeError::Mandate(fault) => Self::new(ExitCode::Denied, &format!("mandate.{}", fault.code()), fault.words())
                .hint("nothing was sent; `valise mandate list` shows what each mandate covers, and whether it stands"),
            NodeError::Policy { rule, deed } => {
                Self::new(ExitCode::Denied, "policy.denied", format!("national policy forbids this {deed} by rule '{rule}'"))
                    .cause(format!("rule {rule}"))
                    .hint("nothing was done; `valise config show` lists the rules of [policy]")
            }
            NodeError::Word { officer, why } => {
                Self::new(ExitCode::Denied, "officer.word", format!("the word of '{officer}' does not count: {why}"))
                    .hint("make a key with `valise officer key`, have it written into the settings, and sign with it")
            }
            NodeError::NothingToLower(_) => Self::new(ExitCode::Finding, "clock.not_behind", &error)
                .hint("nothing was changed; set the machine's clock first if it is wrong"),
            NodeError::Recovering(_) => Self::new(ExitCode::TryLater, "gateway.recovering", &error)
                .hint("`valise gateway status` tells what it waits for; `valise gateway recover --without STATE` goes on"),
            NodeError::Denied { id, rule, elements } => {
                let forbids = elements.into_iter().map(|denied| FindingView {
                    clause: denied.rule,
                    field: denied.element.path,
                    why: denied.why,
                });
                Self::new(ExitCode::Denied, "release.denied", format!("the release is denied by {rule}"))
                    .hint(format!("the denial is on record as {id}; ask the originating State for consent"))
                    .findings(forbids.collect())
            }
        }
    }
}

fn refusal(refused: &Refused) -> Failure {
    let denied = matches!(
        refused,
        Refused::PermitUsed { .. }
            | Refused::PermitExpired { .. }
            | Refused::NotYourPermit { .. }
            | Refused::PermitBarred { .. }
            | Refused::NotApproved { .. }
            | Refused::SameOfficer(_)
            | Refused::AgreedBefore(_)
            | Refused::QuoteForbidden { .. }
            | Refused::LabelStripped
            | Refused::HeldEnded { .. }
            | Refused::HeldMoved(_)
            | Refused::DigestDiffers { .. }
            | Refused::ConsentGone(_)
            | Refused::AcrossBorder
    );
    let exit = if denied { ExitCode::Denied } else { ExitCode::Finding };
    let findings = refused.findings().iter().map(finding).collect();
    Failure::new(exit, &format!("case.{}", refused.code()), refused).hint(refused.hint()).findings(findings)
}

/// Shows a finding of the rules to an officer.
pub fn finding(found: &Finding) -> FindingView {
    FindingView { clause: found.clause.to_owned(), field: found.field.clone(), why: found.why.clone() }
}

const fn listing(what: &str) -> &str {
    match what.as_bytes() {
        b"permit" => "release list",
        b"approval" => "approval list",
        b"officer" | b"authority" => "config show",
        b"mandate" => "mandate list",
        b"queue entry" => "queue list",
        b"peer" => "peer list",
        b"alarm" => "gateway status",
        _ => "case list",
    }
}
