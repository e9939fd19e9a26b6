//! kill -9 at any moment, with up to 64 acts in flight, loses nothing acknowledged and doubles nothing.
//! `VALISE_ROUNDS` sets how often, `VALISE_SEED` draws the same choices again.

mod common;

use common::dice::Dice;
use common::{Pair, acknowledge, acts, call, number, refuse, stopwatch, submit, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;
use valise::control::{Client, Command};
use valise::model::{CaseId, Entropy};

/// Officers of XAA that submit requests at once, and officers of XBB that answer.
const SUBMITTING: usize = 40;
const ANSWERING: usize = 24;
/// How many acts each officer makes in a round, unless its node dies first.
const ACTS_EACH: usize = 2;
/// The latest moment of a kill after the first act, in milliseconds.
const LATEST: u64 = 400;

/// What happens in a round.
#[derive(Debug)]
struct Plan {
    /// Which nodes die: XAA, XBB.
    dies: [bool; 2],
    /// When, in milliseconds.
    at: u64,
    /// What becomes of the index of those that die.
    index: Damage,
    /// Whether both then come to rest and are compared; else the next kill meets them while they recover.
    rests: bool,
    /// What becomes of the index in an orderly stop after the rest, if there is one.
    orderly: Option<Damage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    None,
    Deleted,
    Corrupted,
}

/// All that was acknowledged, and what can be answered next.
#[derive(Default)]
struct Book {
    /// The digests of acknowledged acts, by case.
    acknowledged: BTreeMap<String, BTreeSet<String>>,
    /// Cases that XBB has not acknowledged yet.
    open: Vec<String>,
    /// Cases that XBB has acknowledged and not refused.
    known: Vec<String>,
    /// Cases that were acted upon since both sides were compared, and rounds since then.
    touched: BTreeSet<String>,
    rounds: u32,
    /// The highest case number seen.
    newest: u32,
    /// Acts whose officer never heard what became of them.
    unheard: usize,
}

impl Plan {
    fn draw(dice: &mut Dice) -> Self {
        let rests = dice.below(3) == 0;
        // A node that survives its peer waits ten seconds for it; most rests are spared that.
        let both = rests && dice.below(4) > 0;
        let dies =
            [[true, true], [true, false], [false, true]][if both { 0 } else { dice.below(3) } as usize];
        let orderly = (dice.below(2) == 0).then(|| Damage::draw(dice));
        Self { dies, at: dice.below(LATEST), index: Damage::draw(dice), rests, orderly }
    }
}

impl Damage {
    fn draw(dice: &mut Dice) -> Self {
        [Self::None, Self::Deleted, Self::Corrupted][dice.below(3) as usize]
    }

    /// Does it to the index below `store`.
    fn inflict(self, store: &Path, dice: &mut Dice) {
        let index = store.join("index");
        match self {
            Self::None => {}
            Self::Deleted => fs::remove_dir_all(&index).expect("an index is deleted"),
            Self::Corrupted => corrupt(&index, dice),
        }
    }
}

/// Overwrites up to 64 bytes somewhere in each file below a folder by chance.
fn corrupt(folder: &Path, dice: &mut Dice) {
    for entry in fs::read_dir(folder).expect("an index is a folder") {
        let path = entry.expect("an index can be listed").path();
        if path.is_dir() {
            corrupt(&path, dice);
            continue;
        }
        let mut bytes = fs::read(&path).expect("an index can be read");
        if bytes.is_empty() {
            continue;
        }
        let start = dice.below(bytes.len() as u64) as usize;
        let end = bytes.len().min(start + 64);
        dice.fill(&mut bytes[start..end]);
        fs::write(&path, bytes).expect("an index can be written");
    }
}

#[test]
fn kill_at_any_moment_loses_nothing_acknowledged_and_doubles_nothing() {
    let rounds = number("VALISE_ROUNDS", 12);
    let mut dice = Dice::from_env();
    let mut pair = Pair::running();
    let mut book = Book::default();
    let (watch, mut slowest) = (stopwatch(), Duration::ZERO);
    for round in 1..=rounds {
        let plan = Plan::draw(&mut dice);
        eprintln!("round {round}: {plan:?}");
        act_and_kill(&mut pair, &plan, &mut book);
        let restart = stopwatch();
        for (node, _) in [&mut pair.xaa, &mut pair.xbb].into_iter().zip(plan.dies).filter(|(_, dies)| *dies) {
            plan.index.inflict(&node.store(), &mut dice);
            node.start();
        }
        slowest = slowest.max(restart.elapsed());
        if !plan.rests && round < rounds {
            continue;
        }
        pair.drain();
        book.check_touched(&pair);
        if let Some(damage) = plan.orderly {
            stop_and_damage(&mut pair, damage, &mut dice);
        }
    }
    let cases = book.check_all(&pair);
    eprintln!(
        "{rounds} rounds in {:.0} s: {cases} cases; {} acts acknowledged, {} unheard, none lost, none doubled; \
         the slowest restart took {:.2} s",
        watch.elapsed().as_secs_f64(),
        book.acknowledged.values().map(BTreeSet::len).sum::<usize>(),
        book.unheard,
        slowest.as_secs_f64(),
    );
    assert!(book.acknowledged.len() as u64 > rounds, "the drill was idle");
}

/// Lets all officers act at once and kills in the middle.
fn act_and_kill(pair: &mut Pair, plan: &Plan, book: &mut Book) {
    let open = std::mem::take(&mut book.open).into_iter().map(|case| (acknowledge(&case), case));
    let known = std::mem::take(&mut book.known).into_iter().map(|case| (refuse(&case), case));
    let mut answers: Vec<(Command, String)> = open.chain(known).collect();
    // What no officer has the time for waits until both sides have been compared.
    let left = answers.split_off(answers.len().min(ANSWERING * ACTS_EACH));
    book.touched.extend(answers.iter().chain(&left).map(|(_, case)| case.clone()));
    book.rounds += 1;
    let mut desks: Vec<Vec<Command>> = (0..ANSWERING).map(|_| Vec::new()).collect();
    answers
        .into_iter()
        .zip((0..ANSWERING).cycle())
        .for_each(|((command, _), desk)| desks[desk].push(command));
    let sockets = [&pair.xaa, &pair.xbb].map(|node| node.dir.join("gateway.sock"));
    let (gate, heard) = (Barrier::new(SUBMITTING + ANSWERING + 1), Mutex::new((Vec::new(), 0)));
    thread::scope(|scope| {
        let submitting = (0..SUBMITTING).map(|_| (&sockets[0], vec![submit(); ACTS_EACH]));
        for (socket, commands) in submitting.chain(desks.into_iter().map(|desk| (&sockets[1], desk))) {
            let (gate, heard) = (&gate, &heard);
            scope.spawn(move || {
                let client = Client::connect(socket);
                gate.wait();
                let (done, unheard) = act(client.expect("the node runs"), commands);
                let mut heard = heard.lock().expect("no officer panics");
                heard.0.extend(done);
                heard.1 += unheard;
            });
        }
        gate.wait();
        thread::sleep(Duration::from_millis(plan.at));
        for (node, _) in [&mut pair.xaa, &mut pair.xbb].into_iter().zip(plan.dies).filter(|(_, dies)| *dies) {
            node.kill();
        }
    });
    let (done, unheard) = heard.into_inner().expect("no officer panics");
    book.unheard += unheard;
    for act in done {
        let (case, digest) = (text(&act["case"]), text(&act["digest"]));
        assert!(
            book.acknowledged.entry(case).or_default().insert(digest),
            "one digest was acknowledged twice"
        );
    }
}

/// Makes acts until the node dies; returns the answers, and how many acts were left unheard.
fn act(mut client: Client, commands: Vec<Command>) -> (Vec<Value>, usize) {
    let mut done = Vec::new();
    for command in commands {
        match client.call(&call(command)) {
            Ok(answer) => done.push(answer),
            Err(failure) => {
                assert_eq!(failure.code, "control.socket", "{failure:?}");
                return (done, 1);
            }
        }
    }
    (done, 0)
}

/// Stops both nodes in good order, damages their indexes, and starts them: what was touched is rebuilt.
fn stop_and_damage(pair: &mut Pair, damage: Damage, dice: &mut Dice) {
    for node in [&mut pair.xaa, &mut pair.xbb] {
        assert!(node.stop().success(), "{} stops in good order", node.code);
        damage.inflict(&node.store(), dice);
        let before = node.log().len();
        node.start();
        let log = node.log().split_off(before);
        let rebuilt = log.contains("the index was rebuilt");
        assert_eq!(rebuilt, damage != Damage::None, "{damage:?}: {log}");
    }
}

impl Book {
    /// Checks the cases that were acted upon, finds those that nobody heard of, and plans the next answers.
    fn check_touched(&mut self, pair: &Pair) {
        let mut touched = std::mem::take(&mut self.touched);
        // Each officer may have opened cases that nobody heard of.
        let opened = u32::try_from(SUBMITTING * ACTS_EACH).expect("it is small");
        let last = self.newest + opened * std::mem::take(&mut self.rounds);
        touched.extend((self.newest + 1..=last).map(|number| self.name(number)));
        for case in touched {
            if let Some(view) = self.check(pair, &case) {
                let number = case.parse::<CaseId>().expect("a case id").number();
                self.newest = self.newest.max(number);
                let is = |kind: &str| acts(&view).iter().any(|act| act["kind"] == kind);
                match (is("acknowledgement"), is("refusal")) {
                    (false, _) => self.open.push(case),
                    (true, false) => self.known.push(case),
                    (true, true) => {}
                }
            }
        }
    }

    /// Checks all cases there are, and returns how many.
    fn check_all(&self, pair: &Pair) -> usize {
        (1..=self.newest).filter(|number| self.check(pair, &self.name(*number)).is_some()).count()
    }

    /// Checks that both sides agree about a case, and that it holds all that was acknowledged.
    fn check(&self, pair: &Pair, case: &str) -> Option<Value> {
        let agreed = pair.agreed(case);
        let expected = self.acknowledged.get(case);
        let Some(view) = agreed else {
            assert!(expected.is_none(), "{case} was acknowledged and is lost");
            return None;
        };
        assert!(view["received_at"].is_string(), "{case} has no receipt although the queues are empty");
        for digest in expected.into_iter().flatten() {
            let found = acts(&view).iter().filter(|act| act["digest"] == digest.as_str()).count();
            assert_eq!(found, 1, "act {digest} of {case}");
        }
        Some(view)
    }

    fn name(&self, number: u32) -> String {
        // All rounds lie in one year unless the drill runs over New Year's Eve; any known case tells which.
        let year =
            self.acknowledged.keys().next().map(|case| case.parse::<CaseId>().expect("a case id").year());
        let year = year.unwrap_or_else(|| common::dice::now().year());
        CaseId::mint(&"XAA".parse().expect("a party"), year, number).to_string()
    }
}
