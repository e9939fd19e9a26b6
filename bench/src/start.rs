//! Seconds to start with very many cases, milliseconds of a page, and memory; all must stay flat as cases close.

use crate::figure::{Bound, Figure};
use crate::limits::Random;
use crate::nodes::{self, Lab, Node, ask};
use crate::{Failure, stats};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use valise::case::{self, ActFacts, ActHeader, Case};
use valise::config::{GatewayConfig, Layout};
use valise::control::Command;
use valise::model::{Act, CaseId, Digest, Entropy, MessageId, Party, Request, Text, Timestamp, Withdrawal};
use valise::node::{Machine, Parts};
use valise::store::{Change, Kept, Ticket};

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// How many closed cases the gateway holds.
    #[arg(long, default_value_t = 1_000_000)]
    cases: u32,
    /// How many open cases beside them.
    #[arg(long, default_value_t = 1000)]
    open: u32,
}

/// Transactions that are handed over before the first of them is awaited.
const AHEAD: usize = 2048;

/// Measures starts, pages, memory, and the cost of one more request.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let (mut xaa, mut xbb) = (lab.gateway("XAA")?, lab.gateway("XBB")?);
    nodes::join(&[&xaa, &xbb])?;
    // The same with few cases, for comparison.
    plant(&xaa, 0..1000, options.open)?;
    let few = Look::at(&mut xaa, &mut xbb)?;
    let begun = Instant::now();
    plant(&xaa, 1000..options.cases.max(1001), 0)?;
    let planting = begun.elapsed().as_secs_f64();
    let many = Look::at(&mut xaa, &mut xbb)?;
    // The index is lost, as after a loss of power: it is made again from the journal.
    std::fs::remove_dir_all(xaa.dir.join("store/index"))?;
    let rebuilt = xaa.start()?.as_secs_f64();
    xaa.stop()?;
    let count = f64::from(options.cases);
    let page = |what: &str, took: f64| Figure::new(what, (took, 50.0), "ms", (Bound::AtMost, 1.0));
    Ok(vec![
        Figure::new("start after a clean stop", (many.start, 2.0), "s", (Bound::AtMost, 1.0))
            .with("closed cases", count)
            .with("with 1,000 closed cases, s", few.start)
            .with("planting them took, s", planting),
        Figure::new("start with a rebuilt index", (rebuilt, 60.0), "s", (Bound::AtMost, 1.0)),
        page("page of case list", many.cases),
        page("page of deadline list", many.deadlines),
        page("page of inbox list", many.inbox),
        Figure::new("memory with many closed cases", (many.memory, few.memory), "MiB", (Bound::AtMost, 1.5)),
        Figure::new(
            "CPU of a request, many cases to few",
            (many.request, few.request),
            "ms",
            (Bound::AtMost, 1.25),
        ),
    ])
}

/// What one start and a few verbs take.
struct Look {
    start: f64,
    cases: f64,
    deadlines: f64,
    inbox: f64,
    memory: f64,
    request: f64,
}

impl Look {
    fn at(xaa: &mut Node, xbb: &mut Node) -> Result<Self, Failure> {
        let start = xaa.start()?.as_secs_f64();
        xbb.start()?;
        let pid = xaa.pid()?;
        let memory = stats::memory(pid, "VmRSS")? / 1024.0;
        let cases = median(xaa, || Command::CaseList { after: None, limit: 50 })?;
        let deadlines = median(xaa, || Command::DeadlineList)?;
        let inbox = median(xaa, || Command::InboxList)?;
        // What the planting left to be merged is no cost of the requests that come now.
        await_rest(pid)?;
        let submit = nodes::submit(&nodes::request(1024, "XBB")?);
        for _ in 0..50 {
            xaa.ask(submit.clone())?;
        }
        xaa.drain()?;
        let before = stats::cpu(pid)?;
        for _ in 0..500 {
            xaa.ask(submit.clone())?;
        }
        xaa.drain()?;
        let request = (stats::cpu(pid)? - before) * 1e3 / 500.0;
        xaa.stop()?;
        xbb.stop()?;
        Ok(Self { start, cases, deadlines, inbox, memory, request })
    }
}

/// Waits until a process has used less than a fiftieth of a core for a second.
fn await_rest(pid: u32) -> Result<(), Failure> {
    let mut before = stats::cpu(pid)?;
    for _ in 0..300 {
        sleep(Duration::from_secs(1));
        let now = stats::cpu(pid)?;
        if now - before < 0.02 {
            return Ok(());
        }
        before = now;
    }
    Err("the gateway does not come to rest".into())
}

fn median(node: &Node, command: impl Fn() -> Command) -> Result<f64, Failure> {
    let mut line = node.line()?;
    let mut took = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        ask(&mut line, command())?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(stats::percentile(&mut took, 0.5))
}

/// Writes closed cases, and open ones behind them, into the store of a gateway that does not run: the events that its
/// own rules decide on, with bodies of the usual size. The bodies are noise, for nobody reads them here.
fn plant(node: &Node, closed: std::ops::Range<u32>, open: u32) -> Result<(), Failure> {
    let layout = Layout::under(&node.dir);
    let config = GatewayConfig::load(&layout).map_err(|cause| cause.to_string())?;
    let parts = Parts::read(config, &layout, Arc::new(Machine::os()), &Arc::new(Notify::new()))
        .map_err(|failure| failure.message)?;
    let now = parts.machine.now();
    let farm = Farm {
        parts,
        request: nodes::request(1024, "XAA")?,
        now,
        me: "XAA".parse().map_err(|_| "a party")?,
        peer: "XBB".parse().map_err(|_| "a party")?,
    };
    let mut tickets: Vec<Ticket> = Vec::with_capacity(AHEAD);
    let first_open = closed.end;
    for number in closed.chain(first_open..first_open + open) {
        tickets.push(farm.case(number + 1, number < first_open)?);
        if tickets.len() == AHEAD {
            for ticket in tickets.drain(..) {
                let _durable = ticket.wait()?;
            }
        }
    }
    for ticket in tickets {
        let _durable = ticket.wait()?;
    }
    farm.parts.ledger.store().close()?;
    Ok(())
}

struct Farm {
    parts: Parts,
    request: Request,
    now: Timestamp,
    me: Party,
    peer: Party,
}

impl Farm {
    fn case(&self, number: u32, closed: bool) -> Result<Ticket, Failure> {
        let id = CaseId::mint(&self.peer, if closed { 2025 } else { 2026 }, number);
        let (mut case, mut change) = (Case::default(), Change::default());
        let asked = Act::Request(Box::new(self.request.clone()));
        let first = self.act(&id, &asked, &mut case, &mut change)?;
        if closed {
            let reason = Text::new("found in the records of the State itself".to_owned());
            let over = Act::Withdrawal(Withdrawal { request: first, reason });
            self.act(&id, &over, &mut case, &mut change)?;
            if !case::is_at_rest(&case) {
                return Err("a withdrawn case does not rest".into());
            }
            change.at_rest(&id)?;
        }
        Ok(self.parts.ledger.commit(change))
    }

    /// Takes in an act of the peer as a gateway does.
    fn act(&self, id: &CaseId, act: &Act, case: &mut Case, change: &mut Change) -> Result<Digest, Failure> {
        let mut digest = Digest([0; 32]);
        Random.fill(&mut digest.0);
        let header = ActHeader {
            digest,
            issuer: self.peer.clone(),
            message_id: MessageId::random(&mut Random),
            parents: Vec::new(),
            exercise: true,
            on_behalf_of: None,
        };
        let came = case::Command::PeerAct {
            case: id.clone(),
            me: self.me.clone(),
            facts: ActFacts::of(act, header),
            audience: vec![self.me.clone()],
            received_at: self.now,
            beyond: None,
        };
        for event in case::decide(case, came, self.now)?.events {
            case.apply(&event);
            change.event(id, event)?;
        }
        let mut body = vec![0; 700];
        Random.fill(&mut body);
        let elements = [("act".to_owned(), false, vec![7; 1024])];
        let kept = Kept { statement: &body, mandate: None, seed: None };
        self.parts.ledger.keep_body(change, digest, kept, &elements, &mut Random)?;
        change.received(&self.peer, digest, self.now)?;
        Ok(digest)
    }
}
