//! Guards the house of ARCHITECTURE.md: who may import whom, and what a pure room never sees.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may import, ground floor first.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("rules", &["model"]),
    ("report", &["rules", "model"]),
    ("wire", &["model"]),
    ("cose", &["wire", "model"]),
    ("trust", &["cose", "wire", "model"]),
    ("case", &["rules", "model"]),
    ("envelope", &["trust", "cose", "wire", "model"]),
    ("evidence", &["envelope", "case", "trust", "cose", "wire", "rules", "model"]),
    ("relay", &["trust", "cose", "wire", "model"]),
    ("vault", &["rules", "cose", "model"]),
    ("store", &["case", "evidence", "relay", "vault", "wire", "model"]),
    ("transport", &["trust", "cose", "wire", "model"]),
    ("config", &["rules", "trust", "model"]),
    ("control", &["rules", "trust", "model"]),
    (
        "node",
        &[
            "control",
            "config",
            "transport",
            "store",
            "vault",
            "relay",
            "evidence",
            "envelope",
            "case",
            "trust",
            "cose",
            "wire",
            "rules",
            "model",
        ],
    ),
    (
        "offline",
        &["vault", "relay", "evidence", "envelope", "case", "trust", "cose", "wire", "rules", "model"],
    ),
    ("cli", &["control", "report", "config", "model"]),
    ("demo", &[]),
];

/// Rooms without IO, ambient time or ambient randomness.
const PURE: &[&str] =
    &["model", "rules", "report", "wire", "cose", "trust", "case", "envelope", "evidence", "relay", "vault"];

/// What no pure room may name.
const IMPURE: &[&str] = &[
    "tokio",
    "quinn",
    "sled",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "SystemRandom",
    "OsRng",
    "thread_rng",
    "getrandom",
];

#[test]
fn rooms_import_only_from_rooms_below() {
    let mut wrong = Vec::new();
    for (file, room) in sources() {
        let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else { panic!("{room} is no room of the house") };
        for (number, line) in code(&file) {
            for named in line.split("crate::").skip(1).map(first_word) {
                if named != room && !allowed.contains(&named) {
                    wrong.push(format!("{}:{number}: {room} sees {named}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_see_no_io_time_or_chance() {
    let mut wrong = Vec::new();
    for (file, room) in sources() {
        for (number, line) in code(&file) {
            let seen = IMPURE.iter().find(|word| PURE.contains(&room.as_str()) && line.contains(*word));
            if let Some(word) = seen {
                wrong.push(format!("{}:{number}: {room} sees {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_house_and_has_files() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    sources().into_iter().for_each(|(_, room)| *seen.entry(room).or_default() += 1);
    for (room, _) in ROOMS {
        assert!(seen.contains_key(*room), "{room} is drawn but not built");
    }
    assert_eq!(seen.len(), ROOMS.len(), "a folder of src/ is missing from the house: {seen:?}");
}

/// Lists every source file below a room with the room's name.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = Vec::new();
    for entry in fs::read_dir(&root).expect("src/ is there").flatten() {
        if entry.path().is_dir() {
            let room = entry.file_name().into_string().expect("rooms have ASCII names");
            walk(&entry.path(), &room, &mut out);
        }
    }
    out
}

fn walk(folder: &Path, room: &str, out: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a room is a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, room, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push((path, room.to_owned()));
        }
    }
}

/// Gives the numbered lines of a file up to its test module, without comments.
fn code(file: &Path) -> Vec<(usize, String)> {
    if file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("test")) {
        return Vec::new();
    }
    let text = fs::read_to_string(file).expect("sources are UTF-8");
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("").to_owned()))
        .collect()
}

fn first_word(rest: &str) -> &str {
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("")
}
