/// A mistake that can be planted at the boundary of a State's shell, to prove that the checks bite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A receipt leaves before its act is synced.
    ReceiptBeforeSync,
    /// Now and then a sync is skipped, but reported as done.
    SkippedSync,
    /// An act that is known already is processed again.
    DuplicateProcessed,
    /// The issuer's own time is taken as the instant of receipt.
    ClockFromIssuer,
    /// The officer is shown due dates that are a day late.
    DueOffByADay,
    /// The officer is shown the clocks of the first version of a request that was submitted again.
    FirstVersionShown,
    /// Elements are shown as soon as they are asked for.
    ReleaseWithoutPermit,
    /// A spent permit opens its elements again.
    PermitReused,
    /// A permit is granted although a label forbids it.
    LabelIgnored,
    /// A retry signs the act again under a new message id.
    RetryAsNewAct,
    /// The parents of a received act are not kept.
    ParentIgnored,
    /// After a crash the outbox is empty.
    OutboxLost,
    /// An answer that comes after its due date is dropped.
    LateActDropped,
    /// The route of an envelope may be signed by anybody.
    RouteOfAnother,
    /// The signed audience of a statement is not looked at.
    AudienceIgnored,
    /// A rejection takes an act out of the outbox.
    RejectSettles,
    /// After a crash the evidence logs begin anew.
    LogForgotten,
    /// A second statement under a known message id is kept as an act.
    EquivocationKept,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 18] = [
        Self::ReceiptBeforeSync,
        Self::SkippedSync,
        Self::DuplicateProcessed,
        Self::ClockFromIssuer,
        Self::DueOffByADay,
        Self::FirstVersionShown,
        Self::ReleaseWithoutPermit,
        Self::PermitReused,
        Self::LabelIgnored,
        Self::RetryAsNewAct,
        Self::ParentIgnored,
        Self::OutboxLost,
        Self::LateActDropped,
        Self::RouteOfAnother,
        Self::AudienceIgnored,
        Self::RejectSettles,
        Self::LogForgotten,
        Self::EquivocationKept,
    ];

    /// Returns the name by which `--bug` plants it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ReceiptBeforeSync => "receipt-before-sync",
            Self::SkippedSync => "skipped-sync",
            Self::DuplicateProcessed => "duplicate-processed",
            Self::ClockFromIssuer => "clock-from-issuer",
            Self::DueOffByADay => "due-off-by-a-day",
            Self::FirstVersionShown => "first-version-shown",
            Self::ReleaseWithoutPermit => "release-without-permit",
            Self::PermitReused => "permit-reused",
            Self::LabelIgnored => "label-ignored",
            Self::RetryAsNewAct => "retry-as-new-act",
            Self::ParentIgnored => "parent-ignored",
            Self::OutboxLost => "outbox-lost",
            Self::LateActDropped => "late-act-dropped",
            Self::RouteOfAnother => "route-of-another",
            Self::AudienceIgnored => "audience-ignored",
            Self::RejectSettles => "reject-settles",
            Self::LogForgotten => "log-forgotten",
            Self::EquivocationKept => "equivocation-kept",
        }
    }

    /// Finds a bug by its name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.code() == code)
    }
}
