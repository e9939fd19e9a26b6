use crate::draw::Draw;
use crate::fault::{Fault, Kind, Tampering};
use crate::heap::{DAY, Millis};
use std::collections::BTreeMap;

/// What becomes of one frame on its way.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// After how long each copy arrives; none if the frame is lost.
    pub copies: Vec<Millis>,
    /// Who tampers with it.
    pub tampering: Option<Tampering>,
    /// After how long a replayed copy arrives.
    pub replayed: Option<Millis>,
}

/// All links. The fate of a frame depends on the seed, the link and the frame's number on it, never on
/// what it holds.
pub struct Links {
    seed: u64,
    by_link: BTreeMap<(usize, usize), Vec<Fault>>,
    by_state: BTreeMap<usize, Vec<Fault>>,
    sent: BTreeMap<(usize, usize), u64>,
}

impl Links {
    /// Lays the faults along the links.
    pub fn new<'a>(seed: u64, faults: impl Iterator<Item = &'a Fault>) -> Self {
        let mut links =
            Self { seed, by_link: BTreeMap::new(), by_state: BTreeMap::new(), sent: BTreeMap::new() };
        for fault in faults {
            match fault.kind {
                Kind::Loss { link, .. }
                | Kind::Delay { link, .. }
                | Kind::Duplication { link, .. }
                | Kind::Tampering { link, .. } => links.by_link.entry(link).or_default().push(*fault),
                Kind::Cut { link: (a, b), one_way } => {
                    links.by_link.entry((a, b)).or_default().push(*fault);
                    if !one_way {
                        links.by_link.entry((b, a)).or_default().push(*fault);
                    }
                }
                Kind::Isolation { state } => links.by_state.entry(state).or_default().push(*fault),
                Kind::Crash { .. } | Kind::Skew { .. } | Kind::Contradiction { .. } => {}
            }
        }
        links
    }

    /// Tells whether somebody tampers with what a State sends to another.
    pub fn is_tampered(&self, from: usize, to: usize, now: Millis) -> bool {
        let on_link = self.by_link.get(&(from, to)).into_iter().flatten();
        on_link.into_iter().any(|f| f.is_on(now) && matches!(f.kind, Kind::Tampering { .. }))
    }

    /// Decides what becomes of the next frame from one State to another.
    pub fn fate(&mut self, from: usize, to: usize, now: Millis) -> Fate {
        let number = self.sent.entry((from, to)).or_default();
        *number += 1;
        let mut draw = Draw::new(self.seed, "fate", &[from as u64, to as u64, *number]);
        let mut fate = Fate::default();
        let isolated = [from, to].iter().filter_map(|s| self.by_state.get(s)).flatten().any(|f| f.is_on(now));
        let mut lost = isolated;
        let mut delay = draw.between(40, 900);
        let mut copies = 1;
        let on_link = self.by_link.get(&(from, to)).into_iter().flatten();
        for fault in on_link.filter(|fault| fault.is_on(now)) {
            match fault.kind {
                Kind::Loss { permille, .. } => lost |= draw.chance(permille),
                Kind::Delay { up_to, .. } => delay += draw.between(0, up_to),
                Kind::Duplication { permille, .. } => copies += u32::from(draw.chance(permille)),
                Kind::Cut { .. } => lost = true,
                // Not every letter: between two forgeries the genuine ones get through.
                Kind::Tampering { how, .. } => fate.tampering = draw.chance(300).then_some(how),
                Kind::Isolation { .. }
                | Kind::Crash { .. }
                | Kind::Skew { .. }
                | Kind::Contradiction { .. } => {}
            }
        }
        if !lost {
            fate.copies = (0..copies).map(|_| delay + draw.between(0, 200)).collect();
        }
        if fate.tampering == Some(Tampering::Replayed) {
            fate.replayed = Some(draw.between(DAY, 20 * DAY));
        }
        fate
    }
}
