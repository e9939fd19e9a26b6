use super::{Freight, Lane, Notice, Offer, Parcel, Quotas, Refusal, Signer, Thread, Usage};
use crate::model::{Digest, Party, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that a relay holds, and what it may do next.
///
/// `decide` looks and `apply` changes; between them whoever drives the plan makes the events durable.
#[derive(Clone, Debug)]
pub struct Plan {
    signer: Signer,
    quotas: Quotas,
    members: BTreeSet<Party>,
    held: BTreeMap<Digest, Parcel>,
    waiting: BTreeMap<(Party, Lane), BTreeMap<Party, BTreeMap<u64, Digest>>>,
    next: BTreeMap<Thread, u64>,
    usage: BTreeMap<Account, Usage>,
    bulk: u64,
}

/// What a relay is told. All of it is proved: routes, answers and confirmations by their signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A gateway brings a parcel.
    Deposit(Offer),
    /// A member confirms what it has collected.
    Confirm {
        /// The member.
        by: Party,
        /// The parcels' digests.
        parcels: Vec<Digest>,
        /// The member's signed words, which clear the relay.
        proof: Vec<u8>,
    },
    /// Time has passed.
    Tick,
}

/// What has happened at a relay; the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A parcel came into custody.
    Taken(Parcel),
    /// Parcels were collected and are forgotten; the addressee's signed words stay.
    Collected {
        /// Their digests.
        parcels: Vec<Digest>,
        /// The addressee's `Collected`.
        #[serde(with = "serde_bytes")]
        proof: Vec<u8>,
    },
    /// A parcel was not collected in time.
    Expired {
        /// Its digest.
        parcel: Digest,
        /// When that was found.
        at: Timestamp,
    },
}

/// On whose account a parcel waits: the sender's. Answers to one party are counted by themselves, since a party that
/// asks much and collects nothing must not use up what others have for answering the rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Account {
    from: Party,
    lane: Lane,
    answers_to: Option<Party>,
}

impl Account {
    fn of(freight: &Freight, thread: &Thread) -> Self {
        let answers_to = match freight {
            Freight::Receipts | Freight::Reject => Some(thread.to.clone()),
            Freight::Envelope { .. } | Freight::Want | Freight::Notice => None,
        };
        Self { from: thread.from.clone(), lane: thread.lane, answers_to }
    }
}

/// What to do once the events are durable, never before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Give custody for the parcel to whoever brought it.
    Custody(Parcel),
    /// Tell the member's open line that something waits.
    Wake(Party),
    /// Delete the body.
    Forget(Digest),
}

/// What follows from a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// To be made durable and then applied.
    pub events: Vec<Event>,
    /// Bodies that the relay itself wrote, with their digests, to be kept with the events.
    pub bodies: Vec<(Digest, Vec<u8>)>,
    /// To be done afterwards.
    pub effects: Vec<Effect>,
}

impl Plan {
    /// Begins with nothing; `members` are those who have a mailbox.
    pub fn new(signer: Signer, quotas: Quotas, members: BTreeSet<Party>) -> Self {
        Self {
            signer,
            quotas,
            members,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next: BTreeMap::new(),
            usage: BTreeMap::new(),
            bulk: 0,
        }
    }

    /// Lays out what a store holds: the parcels in custody, and the next number of each thread.
    pub fn restore(mut self, parcels: Vec<Parcel>, next: BTreeMap<Thread, u64>) -> Self {
        parcels.into_iter().for_each(|parcel| self.take(parcel));
        self.next = next;
        self
    }

    /// Says who has a mailbox from now on; what waits for others stays until it expires.
    pub fn admit(&mut self, members: BTreeSet<Party>) {
        self.members = members;
    }

    /// Decides about a command.
    ///
    /// # Errors
    /// Why a parcel is not taken; nothing has changed then.
    pub fn decide(&self, command: Command, now: Timestamp) -> Result<Decision, Refusal> {
        match command {
            Command::Deposit(offer) => self.deposit(offer, now),
            Command::Confirm { by, parcels, proof } => Ok(self.confirm(&by, &parcels, proof)),
            Command::Tick => Ok(self.expire(now)),
        }
    }

    /// Applies an event that is durable.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Taken(parcel) => {
                self.next.insert(parcel.thread.clone(), parcel.index + 1);
                self.take(parcel.clone());
            }
            Event::Collected { parcels, .. } => parcels.iter().for_each(|digest| self.drop(digest)),
            Event::Expired { parcel, .. } => self.drop(parcel),
        }
    }

    /// Chooses what a member's open line carries next, at most `most` parcels: acts before bulk, and the
    /// sources of a lane in turn, so that a flood of one source keeps nobody else's acts waiting.
    pub fn next_for(&self, to: &Party, in_flight: &BTreeSet<Digest>, most: usize) -> Vec<Parcel> {
        let mut out = Vec::new();
        for lane in Lane::ALL {
            let Some(sources) = self.waiting.get(&(to.clone(), lane)) else { continue };
            let fresh = |row: &BTreeMap<u64, Digest>| {
                row.values().filter(|digest| !in_flight.contains(digest)).take(most).copied().collect()
            };
            let rows: Vec<Vec<Digest>> = sources.values().map(fresh).collect();
            let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
            let turns = (0..longest).flat_map(|turn| rows.iter().filter_map(move |row| row.get(turn)));
            out.extend(turns.filter_map(|digest| self.held.get(digest)).take(most - out.len()).cloned());
        }
        out
    }

    /// Returns a parcel in custody.
    pub fn held(&self, digest: &Digest) -> Option<&Parcel> {
        self.held.get(digest)
    }

    /// Tells what each source has waiting, by lane.
    pub fn usage(&self) -> impl Iterator<Item = (&Party, Lane, Usage)> {
        self.usage.iter().map(|(account, usage)| (&account.from, account.lane, *usage))
    }

    /// Tells how many parcels wait in each mailbox, and since when the oldest does.
    pub fn mailboxes(&self) -> BTreeMap<Party, (u64, Timestamp)> {
        let mut out: BTreeMap<Party, (u64, Timestamp)> = BTreeMap::new();
        for parcel in self.held.values() {
            let entry = out.entry(parcel.thread.to.clone()).or_insert((0, parcel.received_at));
            entry.0 += 1;
            entry.1 = entry.1.min(parcel.received_at);
        }
        out
    }

    fn deposit(&self, offer: Offer, now: Timestamp) -> Result<Decision, Refusal> {
        let Offer { digest, freight, thread, size, expires, brought_by } = offer;
        if thread.from != brought_by {
            return Err(Refusal::NotTheSender);
        }
        if let Some(held) = self.held.get(&digest).filter(|held| held.thread == thread) {
            // The sender never heard that we had it: the same custody again, and nothing twice.
            return Ok(Decision { effects: vec![Effect::Custody(held.clone())], ..Decision::default() });
        }
        if !self.members.contains(&thread.to) || thread.to == thread.from {
            return Err(Refusal::NoMailbox);
        }
        let latest = now.saturating_add(self.quotas.retention);
        let expires = expires.map_or(latest, |wanted| wanted.min(latest));
        if expires <= now {
            return Err(Refusal::AlreadyExpired);
        }
        let used = self.usage.get(&Account::of(&freight, &thread)).copied().unwrap_or_default();
        if !self.quotas.admits(thread.lane, used, size) {
            return Err(Refusal::QuotaFull);
        }
        if thread.lane == Lane::Bulk && self.bulk.saturating_add(size) > self.quotas.bulk_total {
            return Err(Refusal::BulkFull);
        }
        let index = self.index(&thread);
        let parcel = Parcel { digest, freight, thread, index, size, received_at: now, expires };
        let wake = Effect::Wake(parcel.thread.to.clone());
        let effects = vec![Effect::Custody(parcel.clone()), wake];
        Ok(Decision { events: vec![Event::Taken(parcel)], bodies: Vec::new(), effects })
    }

    /// A member empties its own mailbox only; what is not there was confirmed before.
    fn confirm(&self, by: &Party, parcels: &[Digest], proof: Vec<u8>) -> Decision {
        let own: BTreeSet<Digest> = parcels
            .iter()
            .filter(|digest| self.held.get(digest).is_some_and(|held| held.thread.to == *by))
            .copied()
            .collect();
        if own.is_empty() {
            return Decision::default();
        }
        let parcels: Vec<Digest> = own.into_iter().collect();
        let effects = parcels.iter().copied().map(Effect::Forget).collect();
        Decision { events: vec![Event::Collected { parcels, proof }], bodies: Vec::new(), effects }
    }

    /// Nothing expires in silence: the sender of each parcel gets a signed notice in its own mailbox.
    fn expire(&self, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        let mut numbers: BTreeMap<Thread, u64> = BTreeMap::new();
        for parcel in self.held.values().filter(|parcel| parcel.expires <= now) {
            decision.events.push(Event::Expired { parcel: parcel.digest, at: now });
            decision.effects.push(Effect::Forget(parcel.digest));
            if matches!(parcel.freight, Freight::Notice) {
                continue;
            }
            let to = parcel.thread.from.clone();
            let body = Notice { to: to.clone(), parcel: parcel.clone(), at: now }.sign(&self.signer);
            let digest = Digest::of(&[&body]);
            let thread = Thread { from: self.signer.party.clone(), to: to.clone(), lane: Lane::Acts };
            let number = numbers.entry(thread.clone()).or_insert_with(|| self.index(&thread));
            let notice = Parcel {
                digest,
                freight: Freight::Notice,
                thread,
                index: *number,
                size: body.len() as u64,
                received_at: now,
                expires: now.saturating_add(self.quotas.retention),
            };
            *number += 1;
            decision.events.push(Event::Taken(notice));
            decision.bodies.push((digest, body));
            decision.effects.push(Effect::Wake(to));
        }
        decision
    }

    fn index(&self, thread: &Thread) -> u64 {
        self.next.get(thread).copied().unwrap_or(0)
    }

    fn take(&mut self, parcel: Parcel) {
        let Thread { from, to, lane } = parcel.thread.clone();
        if lane == Lane::Bulk {
            self.bulk += parcel.size;
        }
        let account = Account::of(&parcel.freight, &parcel.thread);
        self.usage.entry(account).or_default().add(parcel.size);
        let row = self.waiting.entry((to, lane)).or_default().entry(from).or_default();
        row.insert(parcel.index, parcel.digest);
        self.held.insert(parcel.digest, parcel);
    }

    fn drop(&mut self, digest: &Digest) {
        let Some(parcel) = self.held.remove(digest) else { return };
        let account = Account::of(&parcel.freight, &parcel.thread);
        let Thread { from, to, lane } = parcel.thread;
        if lane == Lane::Bulk {
            self.bulk -= parcel.size;
        }
        if let Some(used) = self.usage.get_mut(&account) {
            used.remove(parcel.size);
            if used.parcels == 0 {
                self.usage.remove(&account);
            }
        }
        if let Some(sources) = self.waiting.get_mut(&(to.clone(), lane)) {
            if let Some(row) = sources.get_mut(&from) {
                row.remove(&parcel.index);
                if row.is_empty() {
                    sources.remove(&from);
                }
            }
            if sources.is_empty() {
                self.waiting.remove(&(to, lane));
            }
        }
    }
}
