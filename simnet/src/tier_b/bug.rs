/// A mistake that can be planted under a whole node, to prove that the checks bite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeBug {
    /// The disk reports a sync as done and does it before its next write: a receipt leaves too early.
    SyncsLate,
    /// The disk reports syncs as done and does none.
    SyncsNever,
    /// After a start the random generator gives what it gave before: one message id for two statements.
    EntropyRepeats,
    /// After a crash the disk holds what it held at the crash before.
    DiskRollsBack,
    /// After a crash the node cannot open what is sealed to it.
    KeysForgotten,
    /// After a crash the node has no way to one of its partners: what waits for that one is lost.
    PartnerForgotten,
    /// After a crash the node holds the directory with which it began.
    DirectoryForgotten,
}

impl NodeBug {
    /// Every bug.
    pub const ALL: [Self; 7] = [
        Self::SyncsLate,
        Self::SyncsNever,
        Self::EntropyRepeats,
        Self::DiskRollsBack,
        Self::KeysForgotten,
        Self::PartnerForgotten,
        Self::DirectoryForgotten,
    ];

    /// Returns the name of the bug.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SyncsLate => "syncs-late",
            Self::SyncsNever => "syncs-never",
            Self::EntropyRepeats => "entropy-repeats",
            Self::DiskRollsBack => "disk-rolls-back",
            Self::KeysForgotten => "keys-forgotten",
            Self::PartnerForgotten => "partner-forgotten",
            Self::DirectoryForgotten => "directory-forgotten",
        }
    }

    /// Finds a bug by its name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.code() == code)
    }
}
