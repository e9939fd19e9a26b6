use super::format::segment_name;
use std::fmt;

/// Says why the store refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused a file operation.
    #[error("cannot {action} {file}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file's name inside the store's directory.
        file: String,
        /// The operating system's words.
        cause: String,
    },
    /// Another process has the store open.
    #[error("{path} is open in another process; stop that one first")]
    Locked {
        /// The store's directory.
        path: String,
    },
    /// Bytes that were synced have changed or gone; nothing is skipped, nothing is guessed.
    #[error("{}, byte {offset}{}: {fault}; restore the store from a backup", segment_name(*.segment), Nth(.record))]
    Corrupt {
        /// The number in the segment's file name.
        segment: u32,
        /// Where the damaged item begins in that file, in bytes.
        offset: u64,
        /// Which record of a group it is, counted from 0, if a record is known.
        record: Option<u32>,
        /// What is wrong there.
        fault: Fault,
    },
    /// A newer release wrote the journal.
    #[error("{} has format version {version}; install a release that knows it", segment_name(*.segment))]
    UnsupportedVersion {
        /// The number in the segment's file name.
        segment: u32,
        /// The version that its head states.
        version: u8,
    },
    /// Writing stopped for good at the first failed write, sync or seal; the process must end.
    #[error("the store has stopped: {cause}; see to the disk, then start again")]
    Failed {
        /// The first failure.
        cause: String,
    },
    /// Too little free space for the write and the floor; nothing was written, a later try may pass.
    #[error("the disk is full: {free} bytes are free and {needed} are needed; free some space")]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// Bytes needed, the floor included.
        needed: u64,
    },
    /// The queue before the committer is full; nothing was written, a later try may pass.
    #[error("the store is busy; try again")]
    Busy,
    /// A transaction, record, key or index value is over its limit; nothing was written.
    #[error("{what}: {size} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, in bytes or items.
        size: u64,
        /// The limit in the same unit.
        limit: u64,
    },
    /// The store was closed in good order.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Tells whether the same submission may pass later, without a restart.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::DiskFull { .. } | Self::Busy => true,
            Self::Io { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::UnsupportedVersion { .. }
            | Self::Failed { .. }
            | Self::TooLarge { .. }
            | Self::Closed => false,
        }
    }

    pub(super) fn io(action: &'static str, file: &str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { action, file: file.to_owned(), cause: error.to_string() }
    }
}

/// Names what is wrong at a damaged place of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A segment's head does not match its digest or its file name.
    SegmentHead,
    /// A group's head does not match its digest or does not fit into the file.
    GroupHead,
    /// A group or segment does not continue the one before it.
    Chain,
    /// A record does not match its digest.
    Record,
    /// A segment file is missing.
    MissingSegment,
    /// The journal ends before a group that is known to have been synced.
    MissingGroups,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SegmentHead => "the head of the segment is damaged",
            Self::GroupHead => "the head of a synced group is damaged",
            Self::Chain => "it does not continue what comes before it",
            Self::Record => "a synced record is damaged",
            Self::MissingSegment => "the segment file is missing",
            Self::MissingGroups => "the journal ends before a group that was synced",
        })
    }
}

struct Nth<'a>(&'a Option<u32>);

impl fmt::Display for Nth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |record| write!(f, ", record {record}"))
    }
}
