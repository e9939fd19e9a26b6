//! The one that decides at a relay: what has come together is decided, made durable with one sync, and
//! only then answered.

use crate::model::{Digest, Party, Timestamp};
use crate::node::machine::Machine;
use crate::relay::{Command, Effect, Event, Lane, Parcel, Plan, Quotas, Refusal, Signer, Usage};
use crate::store::{Mailroom, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// The most that is decided before one sync.
const GROUP: usize = 64;
/// What may wait for the clerk.
const QUEUE: usize = 256;

/// What the clerk is asked.
#[expect(clippy::large_enum_variant, reason = "few of them live at once")]
enum Job {
    Act { command: Command, body: Option<Brought>, reply: oneshot::Sender<Outcome> },
    Next { to: Party, in_flight: BTreeSet<Digest>, most: usize, reply: oneshot::Sender<Vec<Parcel>> },
    Admit(BTreeSet<Party>),
    Tell(oneshot::Sender<Standing>),
}

/// The body of a parcel that was brought, with its place in memory until it is durable.
pub struct Brought {
    /// SHA-256 of the body.
    pub digest: Digest,
    /// The body.
    pub body: Vec<u8>,
    /// Its place; what the relay itself wrote needs none.
    pub _place: Option<OwnedSemaphorePermit>,
}

/// What became of a command: the parcel in custody if there is one, or why it was refused.
pub type Outcome = Result<Option<Parcel>, Refusal>;

/// What waits at a relay.
pub struct Standing {
    /// For each mailbox how many parcels, and since when the oldest waits.
    pub mailboxes: BTreeMap<Party, (u64, Timestamp)>,
    /// For each source and lane what is used.
    pub usage: Vec<(Party, Lane, Usage)>,
}

/// The way to the clerk.
#[derive(Clone)]
pub struct Counter {
    jobs: mpsc::Sender<Job>,
    bell: watch::Sender<()>,
}

/// The clerk before it begins.
pub struct Clerk {
    plan: Plan,
    fresh: Plan,
    room: Mailroom,
    machine: Arc<Machine>,
    look: Duration,
    jobs: mpsc::Receiver<Job>,
    bell: watch::Sender<()>,
}

impl Clerk {
    /// Lays out what the store holds.
    ///
    /// # Errors
    /// What the store says if it cannot be read.
    pub fn new(
        (signer, quotas, members): (Signer, Quotas, BTreeSet<Party>),
        room: Mailroom,
        machine: Arc<Machine>,
        look: Duration,
    ) -> Result<(Self, Counter), StoreError> {
        let fresh = Plan::new(signer, quotas, members);
        let plan = fresh.clone().restore(room.parcels()?, room.threads()?);
        let (sender, jobs) = mpsc::channel(QUEUE);
        let bell = watch::Sender::new(());
        let counter = Counter { jobs: sender, bell: bell.clone() };
        Ok((Self { plan, fresh, room, machine, look, jobs, bell }, counter))
    }

    /// Decides for as long as the relay runs.
    pub async fn run(mut self) {
        let mut look = Instant::now();
        let mut jobs = Vec::new();
        loop {
            let ended = tokio::select! {
                biased;
                count = self.jobs.recv_many(&mut jobs, GROUP) => count == 0,
                () = sleep_until(look) => false,
            };
            if ended {
                return;
            }
            let tick = Instant::now() >= look;
            if tick {
                look = Instant::now() + self.look;
            }
            self.group(std::mem::take(&mut jobs), tick).await;
        }
    }

    async fn group(&mut self, jobs: Vec<Job>, tick: bool) {
        let now = self.machine.now();
        let mut group = Group::default();
        let (mut answers, mut questions) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Act { command, body, reply } => {
                    let outcome = self.decide(command, body, now, &mut group);
                    answers.push((reply, outcome));
                }
                Job::Admit(members) => {
                    self.fresh.admit(members.clone());
                    self.plan.admit(members);
                }
                Job::Next { .. } | Job::Tell(_) => questions.push(job),
            }
        }
        if tick {
            // A tick refuses nothing.
            let _ = self.decide(Command::Tick, None, now, &mut group);
        }
        let durable = self.commit(&mut group).await;
        for (reply, outcome) in answers {
            // A line that is gone asks again.
            let _ = reply.send(if durable { outcome } else { outcome.and(Err(Refusal::Later)) });
        }
        if durable {
            self.settle(&group.effects);
        }
        for job in questions {
            self.answer(job);
        }
    }

    /// Decides on top of what this group has decided before; nothing of it is told before the commit.
    fn decide(
        &mut self,
        command: Command,
        body: Option<Brought>,
        now: Timestamp,
        group: &mut Group,
    ) -> Outcome {
        let decision = self.plan.decide(command, now)?;
        let given = |e: &Effect| if let Effect::Custody(parcel) = e { Some(parcel.clone()) } else { None };
        let custody = decision.effects.iter().find_map(given);
        if let Some(brought) = body {
            let taken = |e: &Event| matches!(e, Event::Taken(parcel) if parcel.digest == brought.digest);
            if decision.events.iter().any(taken) {
                group.bodies.push(brought);
            }
        }
        decision.events.iter().for_each(|event| self.plan.apply(event));
        group.events.extend(decision.events);
        let own = decision.bodies.into_iter();
        group.bodies.extend(own.map(|(digest, body)| Brought { digest, body, _place: None }));
        group.effects.extend(decision.effects);
        Ok(custody)
    }

    async fn commit(&mut self, group: &mut Group) -> bool {
        if group.events.is_empty() {
            return true;
        }
        let (room, events) = (self.room.clone(), group.events.clone());
        let bodies = std::mem::take(&mut group.bodies);
        let digests: Vec<Digest> = bodies.iter().map(|brought| brought.digest).collect();
        let written = tokio::task::spawn_blocking(move || {
            room.commit(&events, bodies.iter().map(|brought| (&brought.digest, brought.body.as_slice())))
        });
        let written = written.await;
        let outcome = match written {
            Ok(Ok(ticket)) => ticket.await.map(drop),
            Ok(Err(error)) => Err(error),
            Err(panicked) => Err(StoreError::Failed { cause: panicked.to_string() }),
        };
        let Err(cause) = outcome else { return true };
        tracing::error!(%cause, "a group was not committed");
        // What was decided did not happen: the plan is laid out anew from what is durable.
        match (self.room.parcels(), self.room.threads()) {
            (Ok(parcels), Ok(threads)) => self.plan = self.fresh.clone().restore(parcels, threads),
            // The store has failed, and with it this process ends.
            (Err(cause), _) | (_, Err(cause)) => tracing::error!(%cause, "the custody cannot be read"),
        }
        // Nothing was written of it, and a disk that is full has no room for what nobody waits for. After any other
        // failure the events may yet be found on the disk.
        if cause.retryable() {
            self.forget(&digests);
        }
        false
    }

    /// Erases bodies, but for those that are in custody all the same: they may have been brought again.
    fn forget<'d>(&self, digests: impl IntoIterator<Item = &'d Digest>) {
        let gone = digests.into_iter().filter(|digest| self.plan.held(digest).is_none());
        if let Err(cause) = self.room.forget(gone) {
            tracing::warn!(%cause, "what is left of them is erased at the next start");
        }
    }

    fn settle(&self, effects: &[Effect]) {
        self.forget(effects.iter().filter_map(|effect| match effect {
            Effect::Forget(digest) => Some(digest),
            Effect::Custody(_) | Effect::Wake(_) => None,
        }));
        if effects.iter().any(|effect| matches!(effect, Effect::Wake(_))) {
            self.bell.send_replace(());
        }
    }

    fn answer(&self, job: Job) {
        match job {
            Job::Next { to, in_flight, most, reply } => {
                drop(reply.send(self.plan.next_for(&to, &in_flight, most)));
            }
            Job::Tell(reply) => {
                let usage = self.plan.usage().map(|(party, lane, used)| (party.clone(), lane, used));
                let standing = Standing { mailboxes: self.plan.mailboxes(), usage: usage.collect() };
                drop(reply.send(standing));
            }
            Job::Act { .. } | Job::Admit(_) => unreachable!("acts are decided, not answered"),
        }
    }
}

/// What is made durable together.
#[derive(Default)]
struct Group {
    events: Vec<Event>,
    bodies: Vec<Brought>,
    effects: Vec<Effect>,
}

impl Counter {
    /// Hands a command over, in the order of this call; what it becomes is known once it is durable.
    pub async fn hand_over(&self, command: Command, body: Option<Brought>) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        // If the clerk is gone, so is `reply`, and the wait for it ends at once.
        let _ = self.jobs.send(Job::Act { command, body, reply }).await;
        outcome
    }

    /// Asks what a member's line carries next.
    pub async fn next(&self, to: &Party, in_flight: &BTreeSet<Digest>, most: usize) -> Vec<Parcel> {
        let (reply, parcels) = oneshot::channel();
        let _ = self.jobs.send(Job::Next { to: to.clone(), in_flight: in_flight.clone(), most, reply }).await;
        parcels.await.unwrap_or_default()
    }

    /// Says who has a mailbox from now on.
    pub async fn admit(&self, members: BTreeSet<Party>) {
        let _ = self.jobs.send(Job::Admit(members)).await;
    }

    /// Asks what waits.
    pub async fn standing(&self) -> Option<Standing> {
        let (reply, standing) = oneshot::channel();
        let _ = self.jobs.send(Job::Tell(reply)).await;
        standing.await.ok()
    }

    /// Lets every line look again at what it may carry.
    pub fn ring(&self) {
        self.bell.send_replace(());
    }

    /// Hears when something new waits for anybody.
    pub fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Offer;
    use crate::relay::fixture::{KIB, RELAY, offer, quotas, signer};
    use crate::store::{Disk, IndexChoice, MemDisk, StoreOptions};
    use crate::trust::fixture::party;

    #[tokio::test]
    async fn full_disk_leaves_no_body_behind_and_takes_it_once_there_is_room() {
        let (journal, bodies) = (MemDisk::new(), MemDisk::new());
        let mut options = StoreOptions::new(Arc::new(journal.clone()), IndexChoice::Memory);
        options.free_space_floor = 64 * KIB;
        let (room, _) = Mailroom::open(options, Arc::new(bodies.clone())).unwrap();
        let terms = (signer(RELAY), quotas(), ["XAA", "XBB"].map(party).into());
        let look = Duration::from_secs(60);
        let (clerk, counter) = Clerk::new(terms, room.clone(), Arc::new(Machine::os()), look).unwrap();
        tokio::spawn(clerk.run());
        let body = b"a sealed act".to_vec();
        let digest = Digest::of(&[&body]);
        let bring = async || {
            let offer =
                Offer { digest, expires: None, ..offer(1, "XAA", "XBB", Lane::Acts, body.len() as u64) };
            let brought = Brought { digest, body: body.clone(), _place: None };
            counter.hand_over(Command::Deposit(offer), Some(brought)).await.await.unwrap()
        };
        journal.set_capacity(Some(64 * KIB));
        assert_eq!(bring().await, Err(Refusal::Later));
        assert_eq!((bodies.list().unwrap(), room.body(&digest).unwrap()), (Vec::new(), None));
        journal.set_capacity(None);
        assert_eq!(bring().await.unwrap().unwrap().digest, digest);
        assert_eq!(room.body(&digest).unwrap(), Some(body));
    }
}
