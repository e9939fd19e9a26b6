//! Bombs, deep, long and many, at every door where bytes come in from outside: each is refused, and costs
//! no more than three times its own bytes.
//!
//! Each case runs in a process of its own, so that its peak is its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(target_os = "linux")]

mod bomb;
mod door;
#[allow(dead_code, reason = "the vectors make what is only read here")]
#[path = "../protocol/federation.rs"]
mod federation;
#[path = "../protocol/hex.rs"]
mod hex;

use bomb::Bomb;
use door::{Door, World};
use std::process::Command;
use std::{env, fs};

/// Names the door and the bomb to a process that tries one case.
const CASE: &str = "VALISE_BOMB";

/// What stack and tables of cryptography come to whatever the input, and the 64 pages by which Linux may
/// be wrong about each thread. What keeps a bomb of 64 KiB in its generic form costs four times this.
const NOISE: usize = 512 << 10;

#[test]
fn a_bomb_is_refused_and_costs_at_most_three_times_its_bytes() {
    if let Ok(case) = env::var(CASE) {
        return try_case(&case);
    }
    let mut wrong = Vec::new();
    for door in door::all() {
        for bomb in bomb::all() {
            let case = format!("{}/{}", door.name, bomb.name);
            let [input, growth, taken] = tried(&case);
            if growth > 3 * input + NOISE || (taken == 1) != (bomb.sound && door.takes_any_item) {
                wrong.push(format!("{case}: {input} bytes cost {growth}, taken {taken}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The measure itself: a case that is known to cost much is seen to.
#[test]
fn memory_that_is_touched_is_counted() {
    let [input, growth, _] = tried("control/array-of-zeros");
    assert!(growth > 3 * input + 2 * NOISE, "{input} bytes cost {growth}");
}

/// Tries one case in a process of its own; gives the bytes of the input, the growth of the resident
/// set in bytes, and whether the input was taken.
fn tried(case: &str) -> [usize; 3] {
    let name = "a_bomb_is_refused_and_costs_at_most_three_times_its_bytes";
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, case);
    // What was freed before the case must not serve it unseen.
    child.env("MALLOC_MMAP_THRESHOLD_", "65536").env("MALLOC_TRIM_THRESHOLD_", "0");
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{case}: {text} {}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.split_once("MEASURED ")).expect("it measured").1;
    let numbers: Vec<usize> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn try_case(case: &str) {
    let (door, bomb) = case.split_once('/').unwrap();
    let door: Door = door::all().chain([door::control()]).find(|known| known.name == door).unwrap();
    let bomb: Bomb = bomb::all().find(|known| known.name == bomb).unwrap();
    let world = World::load();
    let input = (door.wrap)(&world, (bomb.bytes)());
    // The peak starts again from what is resident now (proc(5), clear_refs).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmHWM");
    let taken = (door.open)(&world, &input);
    let growth = resident("VmHWM") - before;
    println!("MEASURED {} {growth} {}", input.len(), u8::from(taken));
}

/// Reads a line of /proc/self/status in bytes.
fn resident(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
