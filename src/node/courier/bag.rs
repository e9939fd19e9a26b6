//! What waits for one peer, in which order it goes, and how the last tries went.

use crate::model::{ActKind, DAY, MessageId, Party, Timestamp, WEEK};
use crate::store::OutboxRow;
use crate::transport::{Link, RoadKind};
use crate::trust::federation::Holdings;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// What waits for the peer, and how the last tries went.
#[derive(Default)]
pub(super) struct Bag {
    pub waiting: BTreeMap<MessageId, Waiting>,
    pub failures: u32,
    pub next_try: Option<Pause>,
    pub last_cause: Option<String>,
    pub last_contact: Option<Timestamp>,
    pub link: Option<Link>,
    /// When the peer's log was last audited on the link that stands.
    pub audited: Option<Timestamp>,
    /// The relay that took something last.
    pub relay: Option<Party>,
    /// What the peer is known to have of the directory.
    pub holdings: Option<Holdings>,
}

/// Why a delivery broke off.
pub(super) struct Broken {
    pub cause: String,
    /// Whether a word from the peer is a reason to try again: not if the peer or we could not keep what
    /// was said, since two sides that wake each other up would then never rest.
    pub contact_helps: bool,
}

impl From<String> for Broken {
    fn from(cause: String) -> Self {
        Self { cause, contact_helps: true }
    }
}

impl Broken {
    pub const fn until_kept(cause: String) -> Self {
        Self { cause, contact_helps: false }
    }
}

/// When the next try is made: waited for by a clock that nobody sets, shown by the one of the wall.
#[derive(Clone, Copy)]
pub(super) struct Pause {
    pub until: Instant,
    pub contact_helps: bool,
    pub shown: Timestamp,
}

/// One envelope that waits for its receipt.
#[derive(Clone)]
pub struct Waiting {
    /// The row of the outbox.
    pub row: OutboxRow,
    /// How often it was sent.
    pub attempts: u32,
    /// The first cause of the last failure.
    pub last_cause: Option<String>,
    /// Whether the peer refused it for good; it is then sent again only when an officer asks.
    pub refused: bool,
    /// Whether the peer no longer holds the prekey, and offers no newer one that we know of; the same
    /// statement is sealed again as soon as it does.
    pub keyless: bool,
    /// When it was last packed for a courier.
    pub carried_at: Option<Timestamp>,
    /// The relays that have it.
    pub custody: Vec<Held>,
}

impl Waiting {
    /// Begins to wait: nothing was tried yet.
    pub(super) const fn new(row: OutboxRow) -> Self {
        Self {
            row,
            attempts: 0,
            last_cause: None,
            refused: false,
            keyless: false,
            carried_at: None,
            custody: Vec::new(),
        }
    }

    pub(super) const fn is_sendable(&self) -> bool {
        !self.refused && !self.keyless
    }
}

/// A relay that has signed for an envelope.
#[derive(Clone, Debug)]
pub struct Held {
    /// Which.
    pub relay: Party,
    /// Since when, by its own clock.
    pub since: Timestamp,
}

/// How a courier stands.
pub struct Standing {
    /// What waits, oldest first.
    pub waiting: Vec<Waiting>,
    /// When the next try is made; `None` if now or if nothing waits.
    pub next_try: Option<Timestamp>,
    /// The cause of the last failure to reach the peer.
    pub last_cause: Option<String>,
    /// When the peer last spoke to us.
    pub last_contact: Option<Timestamp>,
    /// By which road a link stands.
    pub link: Option<RoadKind>,
}

impl Bag {
    pub fn went_well(&mut self) {
        (self.next_try, self.failures) = (None, 0);
    }

    /// Notes that the peer was heard: whatever waits for it is tried now, unless that was of no use.
    pub fn heard(&mut self, now: Timestamp) {
        self.last_contact = Some(now);
        if self.next_try.is_none_or(|pause| pause.contact_helps) {
            (self.next_try, self.failures) = (None, 0);
        }
    }

    /// Lists what may be sent now, the most urgent first.
    pub fn sendable(&self, now: Timestamp) -> Vec<MessageId> {
        let mut rows: Vec<_> = self.waiting.values().filter(|w| w.is_sendable()).map(|w| &w.row).collect();
        rows.sort_by_key(|row| (urgency(row, now), row.envelope));
        rows.into_iter().map(|row| row.envelope).collect()
    }
}

/// How urgent an act is; the least goes first. Thus an outage leaves no heap of old acts in front of an
/// acknowledgement that can still be in time (DESIGN §9). An act that comes before one on which it rests
/// waits for it at the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// It ends what somebody might otherwise rely on.
    Stops(Timestamp),
    /// It stops a clock that has not ended yet, by about then.
    InTime(Timestamp),
    /// It waits since then.
    Since(Timestamp),
}

/// Tells how urgent an act is. Its clock began before it was queued, so that the end is an estimate on the
/// safe side; what is late goes by its age.
pub(super) fn urgency(row: &OutboxRow, now: Timestamp) -> Urgency {
    let in_time = |span: i64| {
        let end = row.queued_at.saturating_add(span);
        if now < end { Urgency::InTime(end) } else { Urgency::Since(row.queued_at) }
    };
    match row.act {
        ActKind::MandateRevocation
        | ActKind::ConsentWithdrawal
        | ActKind::ConsentDenial
        | ActKind::DisclosureNotice
        | ActKind::Withdrawal => Urgency::Stops(row.queued_at),
        ActKind::Acknowledgement | ActKind::ReturnIncomplete => in_time(WEEK + DAY),
        ActKind::Response | ActKind::Delay | ActKind::Refusal => in_time(8 * WEEK + DAY),
        ActKind::Request
        | ActKind::Resubmission
        | ActKind::ClarificationRequest
        | ActKind::Clarification
        | ActKind::OutcomeNotice
        | ActKind::ConsentRequest
        | ActKind::ConsentGrant
        | ActKind::Mandate
        | ActKind::Notice
        | ActKind::AssistanceRequest
        | ActKind::AssistanceReply => Urgency::Since(row.queued_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Retry;
    use crate::model::{Digest, Entropy};
    use crate::node::retry;
    use std::time::Duration;

    struct Draw(u64);
    impl Entropy for Draw {
        fn fill(&mut self, out: &mut [u8]) {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            out.fill(self.0.to_be_bytes()[0]);
        }
    }

    fn start() -> Timestamp {
        "2027-01-15T12:00:00Z".parse().expect("a time")
    }

    fn put(bag: &mut Bag, number: u64, act: ActKind, queued_at: Timestamp) -> MessageId {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let row = OutboxRow {
            envelope: MessageId(id),
            peer: "XBB".parse().expect("a party"),
            case: "XAA-2027-000001".parse().expect("a case"),
            statement: Digest([0; 32]),
            act,
            queued_at,
            export: Vec::new(),
        };
        bag.waiting.insert(MessageId(id), Waiting::new(row));
        MessageId(id)
    }

    /// Thirty days without the peer, with an act each hour, then a word from it: nothing waits any longer, what
    /// can still be in time goes first, and the whole heap goes in windows without a pause.
    #[tokio::test]
    async fn after_thirty_days_the_first_contact_drains_the_queue_urgent_acts_first() {
        let retry = Retry { first_seconds: 5, max_seconds: 3600, horizon_days: 60 };
        let (mut bag, mut draw) = (Bag::default(), Draw(1));
        let (mut now, end) = (start(), start().saturating_add(30 * DAY));
        let (mut tries, mut next) = (0, start());
        let mut number = 0;
        while now < end {
            put(&mut bag, number, ActKind::Request, now);
            number += 1;
            while next <= now {
                bag.failures += 1;
                let pause = retry::pause(bag.failures, &retry, &mut draw);
                assert!((1..=3600).contains(&pause), "no pause grows beyond the hour: {pause}");
                next = next.saturating_add(pause);
                let until = Instant::now() + Duration::from_secs(pause.unsigned_abs());
                bag.next_try = Some(Pause { until, contact_helps: true, shown: next });
                tries += 1;
            }
            now = now.saturating_add(3600);
        }
        assert!((720..1500).contains(&tries), "about one try an hour, to the end: {tries}");
        let late = put(&mut bag, number, ActKind::Acknowledgement, start());
        let urgent = put(&mut bag, number + 1, ActKind::Acknowledgement, end.saturating_add(-DAY));
        let answer = put(&mut bag, number + 2, ActKind::Response, end.saturating_add(-2 * DAY));
        let revoked = put(&mut bag, number + 3, ActKind::MandateRevocation, end);

        bag.heard(end);
        assert!(bag.next_try.is_none() && bag.failures == 0, "no cliff: the next try is now");
        let order = bag.sendable(end);
        assert_eq!(order[..3], [revoked, urgent, answer]);
        assert_eq!(order.len(), 724);
        assert_eq!(order[3], MessageId([0; 16]).min(late), "what is late goes by its age");

        let mut windows = 0;
        while !bag.waiting.is_empty() {
            for id in bag.sendable(end).into_iter().take(super::super::WINDOW) {
                bag.waiting.remove(&id);
            }
            windows += 1;
        }
        assert_eq!(windows, 724_usize.div_ceil(super::super::WINDOW), "each window costs one round trip");
    }

    #[test]
    fn what_was_refused_or_has_no_key_is_passed_over() {
        let mut bag = Bag::default();
        let first = put(&mut bag, 1, ActKind::Request, start());
        let second = put(&mut bag, 2, ActKind::Request, start());
        bag.waiting.get_mut(&first).expect("it waits").refused = true;
        assert_eq!(bag.sendable(start()), [second]);
        bag.waiting.get_mut(&second).expect("it waits").keyless = true;
        assert_eq!(bag.sendable(start()), []);
    }
}
