//! What goes wrong in a run of whole nodes; the seed draws all of it.

use crate::draw::Draw;
use crate::heap::{DAY, HOUR, MINUTE, Millis, SECOND};
use std::fmt;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Since when.
    pub from: Millis,
    /// Until when; a crash lasts until the node is started again.
    pub until: Millis,
    /// What.
    pub kind: Kind,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No datagram passes between two nodes, or none in one direction.
    Cut {
        /// From and to.
        link: (usize, usize),
        /// Whether the way back is open.
        one_way: bool,
    },
    /// No datagram reaches or leaves a node.
    Isolation {
        /// Which node.
        node: usize,
    },
    /// Datagrams between two nodes are lost, so many of a thousand.
    Loss {
        /// From and to, and back.
        link: (usize, usize),
        /// How many of a thousand.
        permille: u64,
    },
    /// Datagrams between two nodes come late, and so overtake one another.
    Delay {
        /// From and to, and back.
        link: (usize, usize),
        /// By up to so much.
        up_to: Millis,
    },
    /// Datagrams come twice, so many of a thousand.
    Duplication {
        /// From and to, and back.
        link: (usize, usize),
        /// How many of a thousand.
        permille: u64,
    },
    /// A line carries few bytes a second.
    Narrow {
        /// From and to, and back.
        link: (usize, usize),
        /// How many.
        bytes_per_second: u64,
    },
    /// A node loses its power, and what was not synced.
    Crash {
        /// Which node.
        node: usize,
        /// How many of a thousand of its unsynced bytes reach the disk nevertheless.
        survives: u64,
    },
    /// A node's clock is wrong by so many seconds.
    Skew {
        /// Which node.
        node: usize,
        /// By how much.
        seconds: i64,
    },
    /// Nothing more fits on a node's disk.
    FullDisk {
        /// Which node.
        node: usize,
    },
    /// The next sync of a node's disk fails; its process ends, and is started again.
    FailedSync {
        /// Which node.
        node: usize,
    },
    /// The federation suspends a node's party, and takes it back in the end.
    Suspension {
        /// Which node.
        node: usize,
    },
    /// A node's party has another seal and log key, in the midst of everything.
    Rotation {
        /// Which node.
        node: usize,
    },
}

impl Kind {
    /// The kinds by name.
    pub const CODES: [&'static str; 12] = [
        "cut",
        "isolation",
        "loss",
        "delay",
        "duplication",
        "narrow",
        "crash",
        "skew",
        "full-disk",
        "failed-sync",
        "suspension",
        "rotation",
    ];

    /// Returns the name of the kind.
    pub const fn code(&self) -> &'static str {
        let at = match self {
            Self::Cut { .. } => 0,
            Self::Isolation { .. } => 1,
            Self::Loss { .. } => 2,
            Self::Delay { .. } => 3,
            Self::Duplication { .. } => 4,
            Self::Narrow { .. } => 5,
            Self::Crash { .. } => 6,
            Self::Skew { .. } => 7,
            Self::FullDisk { .. } => 8,
            Self::FailedSync { .. } => 9,
            Self::Suspension { .. } => 10,
            Self::Rotation { .. } => 11,
        };
        Self::CODES[at]
    }
}

impl Fault {
    /// Tells whether it is going on.
    pub const fn is_on(&self, now: Millis) -> bool {
        self.from <= now && now < self.until
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = |at: Millis| at as f64 / DAY as f64;
        write!(f, "day {:.3} to {:.3}: {:?}", days(self.from), days(self.until), self.kind)
    }
}

/// Draws the faults of a run: how much of each kind there is is drawn first, so that every seed has its
/// own weather. In sixty days, mild weather brings each node some five crashes and the whole some twenty
/// partitions.
pub fn draw(seed: u64, nodes: usize, end: Millis, harsh: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, code) in Kind::CODES.iter().enumerate() {
        let mut draw = Draw::new(seed, code, &[1]);
        // In tenths per node and sixty days.
        let base = [10, 8, 10, 10, 8, 8, 50, 10, 8, 6, 6, 8][number];
        let weather = [0, 1, 1, 1, 2][draw.index(5)];
        let days = (end / DAY).unsigned_abs().max(1);
        let count = (base * weather * harsh * nodes as u64 * days).div_ceil(10 * 60);
        faults.extend((0..count).map(|_| one(number, &mut draw, nodes, end)));
    }
    faults.sort_by_key(|fault| fault.from);
    faults
}

fn one(kind: usize, draw: &mut Draw, nodes: usize, end: Millis) -> Fault {
    let node = draw.index(nodes);
    let link = (node, (node + 1 + draw.index(nodes - 1)) % nodes);
    let from = draw.between(0, end);
    let (kind, length) = match kind {
        0 => (Kind::Cut { link, one_way: draw.chance(400) }, draw.between(MINUTE, 8 * DAY)),
        1 => (Kind::Isolation { node }, draw.between(MINUTE, 10 * DAY)),
        2 => (Kind::Loss { link, permille: 50 + draw.below(500) }, draw.between(HOUR, 6 * DAY)),
        3 => (Kind::Delay { link, up_to: draw.between(10, 20 * SECOND) }, draw.between(HOUR, 6 * DAY)),
        4 => (Kind::Duplication { link, permille: 50 + draw.below(950) }, draw.between(HOUR, 6 * DAY)),
        5 => {
            let bytes_per_second = 300 + draw.below(8000);
            (Kind::Narrow { link, bytes_per_second }, draw.between(HOUR, 6 * DAY))
        }
        6 => {
            let survives = [0, 0, draw.below(1000), 1000][draw.index(4)];
            (Kind::Crash { node, survives }, draw.between(SECOND, DAY))
        }
        7 => {
            let far = draw.chance(300);
            let most = if far { 20 * 3600 } else { 600 };
            (Kind::Skew { node, seconds: draw.between(-most, most + 1) }, draw.between(HOUR, 20 * DAY))
        }
        8 => (Kind::FullDisk { node }, draw.between(MINUTE, 2 * DAY)),
        9 => (Kind::FailedSync { node }, draw.between(SECOND, HOUR)),
        10 => (Kind::Suspension { node }, draw.between(12 * HOUR, 4 * DAY)),
        _ => (Kind::Rotation { node }, draw.between(HOUR, 2 * DAY)),
    };
    Fault { from, until: (from + length).min(end), kind }
}
