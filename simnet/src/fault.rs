//! What goes wrong: drawn from the seed as one list before the run, so that any part of it can be left out.

use crate::draw::Draw;
use crate::heap::{DAY, HOUR, MINUTE, Millis};
use std::fmt;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub from: Millis,
    /// When it ends.
    pub until: Millis,
    /// What it is.
    pub kind: Kind,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A link loses frames.
    Loss {
        /// Between whom.
        link: (usize, usize),
        /// So many of a thousand.
        permille: u64,
    },
    /// A link delivers frames late and out of order.
    Delay {
        /// Between whom.
        link: (usize, usize),
        /// By up to so much.
        up_to: Millis,
    },
    /// A link delivers frames twice.
    Duplication {
        /// Between whom.
        link: (usize, usize),
        /// So many of a thousand.
        permille: u64,
    },
    /// A link is cut.
    Cut {
        /// From whom to whom.
        link: (usize, usize),
        /// Whether in one direction only.
        one_way: bool,
    },
    /// A State is cut off from everybody.
    Isolation {
        /// Which one.
        state: usize,
    },
    /// A State's gateway crashes and comes back at the end.
    Crash {
        /// Which one.
        state: usize,
        /// Whether the group in flight had reached the disk.
        landed: bool,
    },
    /// A State's clock is wrong.
    Skew {
        /// Which one.
        state: usize,
        /// By so many seconds.
        seconds: i64,
    },
    /// Somebody tampers with what a State sends to another.
    Tampering {
        /// From whom to whom.
        link: (usize, usize),
        /// How.
        how: Tampering,
    },
    /// A State signs a second statement under a message id that it has used.
    Contradiction {
        /// Which one.
        state: usize,
    },
}

/// How somebody tampers with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// One bit is changed on the way.
    Edited,
    /// The same letter comes again days later.
    Replayed,
    /// Its addressee seals it to another State.
    Resealed,
    /// Another State signs the route.
    Rerouted,
    /// Its issuer seals it to another State.
    Misaddressed,
}

impl Kind {
    /// The kinds by name, in the order of their rates.
    pub const CODES: [&'static str; 9] =
        ["loss", "delay", "duplication", "cut", "isolation", "crash", "skew", "tampering", "contradiction"];

    /// Returns the name of the kind.
    pub const fn code(&self) -> &'static str {
        let at = match self {
            Self::Loss { .. } => 0,
            Self::Delay { .. } => 1,
            Self::Duplication { .. } => 2,
            Self::Cut { .. } => 3,
            Self::Isolation { .. } => 4,
            Self::Crash { .. } => 5,
            Self::Skew { .. } => 6,
            Self::Tampering { .. } => 7,
            Self::Contradiction { .. } => 8,
        };
        Self::CODES[at]
    }
}

impl Tampering {
    /// Every way.
    pub const ALL: [Self; 5] =
        [Self::Edited, Self::Replayed, Self::Resealed, Self::Rerouted, Self::Misaddressed];

    /// Says what was done to a letter.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Replayed => "replayed",
            Self::Resealed => "sealed to another State by its addressee",
            Self::Rerouted => "routed by another State",
            Self::Misaddressed => "sealed to another State by its issuer",
        }
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
        write!(f, "day {:.2} to {:.2}: {:?}", days(self.from), days(self.until), self.kind)
    }
}

/// Draws the faults of a run: how many of each kind a State meets in thirty days is drawn first, so that
/// every seed has its own weather.
///
/// `partners` lists whom each State writes to; `harsh` multiplies all rates.
pub fn draw(seed: u64, partners: &[Vec<usize>], end: Millis, harsh: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, code) in Kind::CODES.iter().enumerate() {
        let mut draw = Draw::new(seed, code, &[]);
        // In tenths per State and thirty days; crashes and links fail more often than offices lie.
        let base = [5, 5, 4, 4, 2, 6, 1, 3, 1][number];
        let weather = [0, 1, 1, 2, 4][draw.index(5)];
        let months = (end / DAY).unsigned_abs();
        let count = base * weather * harsh * partners.len() as u64 * months / (10 * 30);
        faults.extend((0..count).filter_map(|_| one(number, &mut draw, partners, end)));
    }
    faults.sort_by_key(|fault| fault.from);
    faults
}

fn one(kind: usize, draw: &mut Draw, partners: &[Vec<usize>], end: Millis) -> Option<Fault> {
    let state = draw.index(partners.len());
    let peer = *draw.pick(&partners[state])?;
    let link = if draw.chance(500) { (state, peer) } else { (peer, state) };
    let from = draw.between(0, end);
    let (kind, length) = match kind {
        0 => (Kind::Loss { link, permille: 100 + draw.below(800) }, draw.between(HOUR, 10 * DAY)),
        1 => (Kind::Delay { link, up_to: draw.between(MINUTE, DAY) }, draw.between(HOUR, 10 * DAY)),
        2 => (Kind::Duplication { link, permille: 100 + draw.below(900) }, draw.between(HOUR, 10 * DAY)),
        3 => (Kind::Cut { link, one_way: draw.chance(500) }, draw.between(MINUTE, 8 * DAY)),
        4 => (Kind::Isolation { state }, draw.between(HOUR, 30 * DAY)),
        5 => (Kind::Crash { state, landed: draw.chance(500) }, draw.between(MINUTE, DAY)),
        6 => (Kind::Skew { state, seconds: draw.between(-900, 901) }, draw.between(DAY, 60 * DAY)),
        7 => {
            let how = *draw.pick(&Tampering::ALL)?;
            (Kind::Tampering { link, how }, draw.between(DAY, 20 * DAY))
        }
        _ => (Kind::Contradiction { state }, 1),
    };
    Some(Fault { from, until: (from + length).min(end), kind })
}
