//! Photographs between real gateways (ISACS 6.4.5): whole and verified, after cuts, on a metered line, under
//! the label of their element, and in constant memory.

mod common;

use common::files::{await_verified, data, fetched, files, noise, peak_kib, submit};
use common::{Pair, await_some, text};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

fn holds(folder: &Path, needle: &[u8]) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = holds(&path, needle) {
                return Some(found);
            }
        } else if path.is_file()
            && fs::read(&path).is_ok_and(|b| b.windows(needle.len()).any(|w| w == needle))
        {
            return Some(path);
        }
    }
    None
}

#[test]
fn clause_6_4_5_photographs_travel_once_survive_cuts_and_lie_encrypted() {
    let mut pair = Pair::running();
    let jpeg = [&[0xff, 0xd8, 0xff], noise(1, 3_000_000).as_slice()].concat();
    let small = b"a small picture, of nothing in particular".to_vec();
    fs::write(pair.home.path().join("left.jpg"), &jpeg).expect("it is written");
    fs::write(pair.home.path().join("small"), &small).expect("it is written");
    pair.xbb.kill();
    let list = json!([
        { "shows": "left side", "path": "left.jpg" },
        { "shows": "the same again", "path": "left.jpg" },
        { "shows": "the grip", "path": "small" },
    ]);
    let case = submit(&pair, &list);
    fs::remove_file(pair.home.path().join("left.jpg")).expect("the node has its own copy");
    pair.xbb.start();
    // Both are killed while it comes, again and again.
    await_some("the request at XBB", || pair.xbb.show(&case));
    pair.xbb.kill();
    pair.xbb.start();
    pair.xaa.kill();
    pair.xaa.start();
    await_verified(&pair.xbb, &case, 3);
    let folder = pair.home.path().join("out");
    assert_eq!(fetched(&pair.xbb, &case, &folder), [jpeg.clone(), jpeg.clone(), small.clone()]);
    let names: Vec<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert!(names.iter().all(|name| name.starts_with(&case)), "no name is the other side's: {names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".jpg")).count(), 2, "{names:?}");
    assert_eq!(
        fetched(&pair.xaa, &case, &pair.home.path().join("ours")),
        [jpeg.clone(), jpeg.clone(), small]
    );

    // One file, however often it is named; and nothing of it can be read at rest.
    for node in [&pair.xaa, &pair.xbb] {
        let attachments = node.store().join("attachments");
        let long = |entry: &fs::DirEntry| entry.metadata().expect("metadata").len() > 2_000_000;
        let kept = fs::read_dir(&attachments).expect("a folder").flatten().filter(long).count();
        assert_eq!(kept, 1, "{}", node.code);
        assert_eq!(holds(&node.dir, &jpeg[1000..1032]), None, "{}", node.code);
    }
    let shown = pair.xbb.run(&["case", "show", &case, "--reveal"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("left side") && shown.contains("\"key\":\"hidden\""), "{shown}");
}

#[test]
fn on_a_metered_line_a_file_waits_until_it_is_asked_for() {
    let mut pair = Pair::new();
    let settings = pair.xbb.dir.join("valise.toml");
    let text = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, format!("attachments = \"on-request\"\n{text}")).expect("settings");
    pair.xaa.start();
    pair.xbb.start();
    let picture = noise(2, 1_500_000);
    fs::write(pair.home.path().join("right.png"), &picture).expect("it is written");
    let case = submit(&pair, &json!([{ "shows": "right side", "path": "right.png" }]));
    await_some("the receipt", || pair.xaa.show(&case)?["received_at"].is_string().then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(files(&pair.xbb, &case, &[])[0]["state"], "on_request");
    assert_eq!(fetched(&pair.xbb, &case, &pair.home.path().join("none")), Vec::<Vec<u8>>::new());
    files(&pair.xbb, &case, &["--fetch"]);
    await_verified(&pair.xbb, &case, 1);
    assert_eq!(fetched(&pair.xbb, &case, &pair.home.path().join("out")), [picture]);
}

#[test]
fn clause_8_3_4_2_d_a_file_in_a_restricted_element_takes_a_permit() {
    let mut pair = Pair::new();
    let settings = pair.xaa.dir.join("valise.toml");
    let more = "\n[[authority]]\nname = \"police-cid\"\nkind = \"competent\"\ndesignated = true\n";
    let text_of = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, text_of + more).expect("settings");
    pair.xaa.start();
    pair.xbb.start();
    let case = submit(&pair, &json!([]));
    await_some("the request at XBB", || pair.xbb.show(&case));
    let scan = noise(3, 1_200_000);
    fs::write(pair.home.path().join("ledger.tif"), &scan).expect("it is written");
    let request = text(&pair.xbb.show(&case).expect("the case")["acts"][0]["digest"]);
    let element = json!({
        "about": "last_legal_owner",
        "answer": { "state": "value", "value": {
            "name": "the owner", "photographs": [{ "shows": "the page of the ledger", "path": "ledger.tif" }] } },
        "label": { "audience": "designated" },
    });
    let lost = json!({
        "about": "circumstances", "answer": { "state": "value", "value": { "details": "stolen from a store" } },
    });
    let response = json!({ "request": request, "items": [{ "item": 0, "outcome": "full", "elements": [element, lost] }] });
    let file = pair.home.path().join("response.json");
    fs::write(&file, response.to_string()).expect("it is written");
    data(&pair.xbb.run(&["case", "respond", &case, "--from", &file.display().to_string()]));
    await_some("the answer", || (pair.xaa.show(&case)?["state"] == "answered").then_some(()));
    // It is fetched and verified, but nobody sees it without a permit.
    assert_eq!(files(&pair.xaa, &case, &[]), Vec::<Value>::new());
    let attachments = pair.xaa.store().join("attachments");
    await_some("the file", || {
        let mut entries = fs::read_dir(&attachments).expect("a folder").flatten();
        entries.any(|entry| entry.metadata().is_ok_and(|m| m.len() > 1_200_000)).then_some(())
    });
    let release = ["release", "request", &case, "--to", "police-cid", "--purpose", "tracing"];
    let permit = text(&data(&pair.xaa.run(&release))["id"]);
    let folder = pair.home.path().join("released");
    let shown = data(&pair.xaa.run(&["release", "show", &permit, "--files", &folder.display().to_string()]));
    assert_eq!(shown["files"][0]["state"], "verified", "{shown}");
    assert!(!shown["elements"].to_string().contains("\"key\""), "{shown}");
    let written = fs::read_dir(&folder).expect("a folder").next().expect("a file").expect("an entry");
    assert_eq!(fs::read(written.path()).expect("it is written"), scan);
    let again = pair.xaa.run(&["release", "show", &permit, "--files", &folder.display().to_string()]);
    assert_eq!(again.status.code(), Some(77), "a permit is used once");
    assert_eq!(holds(&pair.xaa.dir, &scan[5000..5032]), None);
    export(&pair, &case);
}

/// A form for the recipient takes a permit of its own, and does not take it for nothing.
fn export(pair: &Pair, case: &str) {
    let release = ["release", "request", case, "--to", "police-cid", "--purpose", "tracing"];
    let permit = text(&data(&pair.xaa.run(&release))["id"]);
    let export = |name: &str| {
        let file = pair.home.path().join(name);
        let done = pair.xaa.run(&["release", "export", &permit, "-o", &file.display().to_string()]);
        (done.status.code(), fs::read_to_string(&file).unwrap_or_default())
    };
    fs::write(pair.home.path().join("taken.html"), "mine").expect("it is written");
    assert_eq!(export("taken.html"), (Some(1), "mine".to_owned()), "what is there is not replaced");
    assert_eq!(export("form.exe"), (Some(2), String::new()));
    let (code, form) = export("form.html");
    assert_eq!(code, Some(0), "none of these used the permit");
    for words in [permit.as_str(), "XBB", "police-cid"] {
        assert!(form.contains(words), "{words} is not on the form");
    }
    assert!(!form.contains("<script"), "a form does nothing");
    assert_eq!(export("again.json"), (Some(77), String::new()), "a permit is used once");
}

#[test]
fn a_long_file_takes_no_more_memory_than_a_short_one() {
    let mib: u64 = common::number("VALISE_ATTACHMENT_MIB", 32);
    let pair = Pair::running();
    let file = pair.home.path().join("film");
    let mut out = fs::File::create(&file).expect("a file");
    for part in 0..mib {
        out.write_all(&noise(part + 10, 1 << 20)).expect("it is written");
    }
    drop(out);
    // What a small exchange needs is the measure.
    fs::write(pair.home.path().join("small"), noise(9, 2_500_000)).expect("it is written");
    let first = submit(&pair, &json!([{ "shows": "a small one", "path": "small" }]));
    await_verified(&pair.xbb, &first, 1);
    let before = [peak_kib(pair.xaa.pid()), peak_kib(pair.xbb.pid())];
    let case = submit(&pair, &json!([{ "shows": "a film", "path": "film" }]));
    let rounds = 1 + mib / 512;
    for _ in 0..rounds {
        // Each wait has its own minute.
        let done =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| await_verified(&pair.xbb, &case, 1)));
        if done.is_ok() {
            break;
        }
    }
    await_verified(&pair.xbb, &case, 1);
    let after = [peak_kib(pair.xaa.pid()), peak_kib(pair.xbb.pid())];
    println!("{mib} MiB: peak resident memory {before:?} KiB before, {after:?} KiB after");
    for (before, after) in before.into_iter().zip(after) {
        assert!(after < before + 24 * 1024, "{before} KiB, then {after} KiB");
    }
    let folder = pair.home.path().join("out").display().to_string();
    let written = data(&pair.xbb.run(&["case", "attachment", &case, "-o", &folder]))["written"][0].clone();
    let (mut a, mut b) =
        (fs::File::open(&file).expect("a file"), fs::File::open(text(&written)).expect("a file"));
    let (mut one, mut other) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    for _ in 0..mib {
        a.read_exact(&mut one).expect("it is as long");
        b.read_exact(&mut other).expect("it is as long");
        assert!(one == other);
    }
}
