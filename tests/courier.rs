//! A case by courier: sealed bytes in files, the same evidence as by wire (DESIGN §9).

mod common;

use common::files;
use common::{Node, Pair, acknowledge, acts, await_some, free_port, refuse, submit, text};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use valise::control::Command;
use valise::wire::{Bag, FrameKind};

/// XAA and XBB at addresses where nobody answers: the link is cut.
fn parted() -> Pair {
    let mut pair = Pair::new();
    for (node, peer) in [(&pair.xaa, &pair.xbb), (&pair.xbb, &pair.xaa)] {
        node.route(peer.code, &format!("127.0.0.1:{}", free_port()), None);
    }
    pair.xaa.start();
    pair.xbb.start();
    pair
}

fn data(output: &Output) -> Value {
    let shown = || String::from_utf8_lossy(&output.stderr).into_owned();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown()));
    answer["data"].clone()
}

/// Packs all that waits in `node`; gives the path of the one bag.
fn export(pair: &Pair, node: &Node, name: &str) -> (PathBuf, Value) {
    let file = pair.home.path().join(name);
    let output = node.run(&["queue", "export", "-o", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (file, data(&output))
}

fn import(node: &Node, file: &Path) -> Value {
    let output = node.run(&["queue", "import", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    data(&output)
}

/// Imports what must be refused as a whole; gives the code of the failure.
fn refused(node: &Node, file: &Path, exit: i32) -> Value {
    let output = node.run(&["queue", "import", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(exit), "{}", String::from_utf8_lossy(&output.stdout));
    let failure: Value = serde_json::from_slice(&output.stderr).expect("a failure in JSON");
    failure["error"].clone()
}

/// Reads a bag without the documents of the directory that it brings to whom may not have them.
fn without_news(bytes: &[u8]) -> Bag {
    let mut bag = Bag::parse(bytes).expect("a sound bag");
    bag.frames.retain(|(kind, _)| *kind != FrameKind::News);
    bag
}

fn waiting(node: &Node) -> usize {
    node.ask(Command::QueueList).expect("a queue").as_array().expect("a list").len()
}

fn taken(new: u32, known: u32, receipts: u32) -> Value {
    json!({
        "new": new, "known": known, "receipts": receipts, "rejections": 0, "news": 0, "pieces": 0, "unawaited": 0,
        "wanted": 0, "refused": [],
    })
}

#[test]
fn a_whole_case_goes_by_bags_and_ends_by_wire() {
    let mut pair = parted();
    let case = text(&pair.xaa.ask(submit()).expect("a request is queued")["case"]);
    let (first, told) = export(&pair, &pair.xaa, "first.valise");
    assert_eq!((told["acts"].as_u64(), told["answers"].as_u64()), (Some(1), Some(0)));
    assert_eq!(waiting(&pair.xaa), 1, "it waits on, for the bag may be lost");
    let carried_at = pair.xaa.ask(Command::QueueList).expect("a queue")[0]["carried_at"].clone();
    assert!(carried_at.is_string(), "{carried_at}");

    assert_eq!(import(&pair.xbb, &first), taken(1, 0, 0));
    assert_eq!(import(&pair.xbb, &first), taken(0, 1, 0), "the same bag twice does no harm");
    pair.xbb.ask(acknowledge(&case)).expect("an acknowledgement");
    let (back, told) = export(&pair, &pair.xbb, "back.valise");
    assert_eq!((told["acts"].as_u64(), told["answers"].as_u64()), (Some(1), Some(1)));
    // The return bag is lost; what was packed in it can be had again.
    fs::remove_file(&back).expect("a bag can be lost");
    let (again, told) = export(&pair, &pair.xaa, "again.valise");
    assert_eq!(told["acts"].as_u64(), Some(1));
    assert_eq!(import(&pair.xbb, &again), taken(0, 1, 0));
    // An answer that is owed outlives the node.
    pair.xbb.kill();
    pair.xbb.start();
    let (back, told) = export(&pair, &pair.xbb, "back.valise");
    assert_eq!((told["acts"].as_u64(), told["answers"].as_u64()), (Some(1), Some(1)));

    assert_eq!(import(&pair.xaa, &back), taken(1, 0, 1));
    assert_eq!(import(&pair.xaa, &back), taken(0, 1, 0));
    assert_eq!(waiting(&pair.xaa), 0, "the receipt came by bag");
    let (last, _) = export(&pair, &pair.xaa, "last.valise");
    assert_eq!(import(&pair.xbb, &last), taken(0, 0, 1));
    assert_eq!(waiting(&pair.xbb), 0);
    let seen = pair.agreed(&case).expect("both know the case");
    assert!(seen["ack_at"].is_string() && seen["received_at"].is_string(), "{seen}");

    // The link is back: the case goes on by wire, and an old bag changes nothing any more.
    pair.xaa.stop();
    pair.xbb.stop();
    pair.xaa.forget_routes();
    pair.xbb.forget_routes();
    pair.xaa.start();
    pair.xbb.start();
    pair.xbb.ask(refuse(&case)).expect("a refusal");
    let ended = || {
        let show = pair.xaa.show(&case)?;
        (show["state"] == "refused").then_some(())
    };
    await_some("the refusal by wire", ended);
    pair.drain();
    assert_eq!(import(&pair.xbb, &first), taken(0, 1, 0));
    let seen = pair.agreed(&case).expect("both know the case");
    assert_eq!(acts(&seen).len(), 3, "{seen}");
}

#[test]
fn what_a_bag_carries_is_what_the_wire_carries() {
    let pair = parted();
    pair.xaa.ask(submit()).expect("a request is queued");
    let (file, _) = export(&pair, &pair.xaa, "bag.valise");
    let one = fs::read(&file).expect("a bag");
    let (file, _) = export(&pair, &pair.xaa, "twin.valise");
    assert_eq!(fs::read(&file).expect("a bag"), one, "a retry is the same bytes on every road");
    let bag = without_news(&one);
    assert_eq!((bag.from.to_string(), bag.to.to_string()), ("XAA".into(), "XBB".into()));
    assert!(matches!(&bag.frames[..], [(FrameKind::Envelope, _)]));
    let output = pair.xaa.run(&["inspect", &file.display().to_string()]);
    assert_eq!(data(&output)["kind"], "bag");
    let output = pair.xaa.run(&["queue", "export", "-o", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "a file that is there is not replaced");
}

#[test]
fn a_bag_for_another_party_and_damaged_bags_are_refused() {
    let pair = parted();
    pair.xaa.ask(submit()).expect("a request is queued");
    let (file, _) = export(&pair, &pair.xaa, "bag.valise");
    assert_eq!(refused(&pair.xaa, &file, 65)["code"], "bag.not_ours");
    let bytes = fs::read(&file).expect("a bag");
    let bad = pair.home.path().join("bad.valise");
    let with = |bytes: Vec<u8>| {
        fs::write(&bad, bytes).expect("a bad bag");
        let error = refused(&pair.xbb, &bad, 65);
        assert_eq!(
            pair.xbb.run(&["inspect", "--as", "bag", &bad.display().to_string()]).status.code(),
            Some(65)
        );
        error
    };
    let head = &b"\xa4\x62to\x63XBB\x63bag\x00\x64from\x63XAA\x66frames"[..];
    let faults = [
        ("cut off", bytes[..bytes.len() - 7].to_vec()),
        ("nested 100,000 deep", [head, &[0x81; 100_000], b"\x00"].concat()),
        ("a member twice", b"\xa4\x62to\x63XBB\x62to\x63XBB\x63bag\x00\x66frames\x80".to_vec()),
        ("a path", b"\xa4\x62to\x63XBB\x63bag\x00\x64from\x63XAA\x64path\x6d../../outside".to_vec()),
        ("no bag", b"PK\x03\x04".to_vec()),
    ];
    for (fault, bytes) in faults {
        let error = with(bytes);
        assert_eq!(error["code"], "bag.malformed", "{fault}: {error}");
        assert!(error["message"].as_str().is_some_and(|m| m.contains("at byte ")), "{fault}: {error}");
    }
    fs::write(&bad, vec![0xa4; (8 << 20) + 1]).expect("a bad bag");
    assert_eq!(refused(&pair.xbb, &bad, 65)["code"], "file.too_long");
    assert!(pair.xbb.ask(common::all_cases()).expect("cases").as_array().expect("a list").is_empty());

    // A sound bag with an envelope that was touched: it alone is refused, and its sender is told.
    let mut bag = without_news(&bytes);
    let untouched = bag.frames[0].clone();
    let last = bag.frames[0].1.len() - 1;
    bag.frames[0].1[last] ^= 1;
    bag.frames.push(untouched);
    let packed = Bag::pack(&bag.from, &bag.to, bag.frames.clone(), 8 << 20).expect("packed");
    fs::write(&bad, &packed[0]).expect("a bad bag");
    let output = pair.xbb.run(&["queue", "import", &bad.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let answer = data(&output);
    assert_eq!(
        (answer["new"].as_u64(), answer["refused"][0]["code"].as_str()),
        (Some(1), Some("body-mismatch"))
    );

    // Whoever repacks a bag as somebody else's gets nothing in.
    let stolen = Bag::pack(&bag.to, &bag.from, vec![bag.frames[1].clone()], 8 << 20).expect("packed");
    fs::write(&bad, &stolen[0]).expect("a bad bag");
    let output = pair.xaa.run(&["queue", "import", &bad.display().to_string()]);
    assert_eq!(
        (output.status.code(), data(&output)["refused"][0]["code"].as_str()),
        (Some(1), Some("not-addressed"))
    );
}

#[test]
fn many_acts_fill_several_bags_in_any_order() {
    let pair = parted();
    const CASES: usize = 12;
    for _ in 0..CASES {
        pair.xaa.ask(submit()).expect("a request is queued");
    }
    let (file, told) = export(&pair, &pair.xaa, "all.valise");
    assert_eq!(told["acts"].as_u64(), Some(CASES as u64));
    let bag = without_news(&fs::read(&file).expect("a bag"));
    let largest = bag.frames.iter().map(|(_, body)| body.len()).max().expect("acts");
    let small = 3 * Bag::room_for(largest) + 300;
    let mut parts = Bag::pack(&bag.from, &bag.to, bag.frames, small).expect("packed");
    assert_eq!(parts.len(), CASES / 3);
    parts.reverse();
    let names: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(n, bytes)| {
            let file = pair.home.path().join(format!("part-{n}.valise"));
            fs::write(&file, bytes).expect("a part");
            file.display().to_string()
        })
        .collect();
    let words: Vec<&str> = ["queue", "import"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let output = pair.xbb.run(&words);
    assert_eq!(data(&output), taken(u32::try_from(CASES).expect("few"), 0, 0));
    let (back, _) = export(&pair, &pair.xbb, "back.valise");
    assert_eq!(import(&pair.xaa, &back), taken(0, 0, u32::try_from(CASES).expect("few")));
    assert_eq!(waiting(&pair.xaa), 0);
}

/// Photographs by bag (ISACS 6.4.5): pieces in any order and any number of times, whole and verified before anything is opened.
#[test]
fn clause_6_4_5_files_go_by_bags_in_any_order_and_what_is_lacking_is_asked_for() {
    let pair = parted();
    let film = files::noise(7, 4_400_000);
    fs::write(pair.home.path().join("film"), &film).expect("a film");
    let case = files::submit(&pair, &json!([{ "shows": "a film", "path": "film" }]));
    let export = |node: &Node, name: &str| {
        let stem = pair.home.path().join(name).display().to_string();
        let words = ["queue", "export", "-o", &stem, "--files", "--split", "2"];
        let told = data(&node.run(&words));
        let bags: Vec<String> = told["bags"]
            .as_array()
            .expect("bags")
            .iter()
            .map(|bag| bag["file"].as_str().expect("a path").to_owned())
            .collect();
        (told, bags)
    };
    let import = |node: &Node, bags: &[String]| {
        let bags: Vec<&str> = bags.iter().map(String::as_str).collect();
        data(&node.run(&[&["queue", "import"], bags.as_slice()].concat()))
    };
    let (told, mut bags) = export(&pair.xaa, "out.valise");
    assert_eq!(
        (told["acts"].as_u64(), told["files"].as_u64(), told["pieces"].as_u64()),
        (Some(1), Some(1), Some(5))
    );
    assert!(bags.len() >= 4, "{bags:?}");
    assert!(bags.iter().all(|bag| fs::metadata(bag).expect("a bag").len() <= 2 << 20));
    // One bag is lost; the others come in the wrong order, and again.
    let lost = bags.pop().expect("a bag");
    bags.reverse();
    let taken = import(&pair.xbb, &bags);
    assert_eq!((taken["new"].as_u64(), taken["unawaited"].as_u64()), (Some(1), Some(0)), "{taken}");
    let held = files::files(&pair.xbb, &case, &[])[0]["held"].as_u64().expect("a count");
    assert!((1..5).contains(&held), "{held}");
    let again = import(&pair.xbb, &bags);
    assert_eq!((again["new"].as_u64(), again["known"].as_u64()), (Some(0), Some(1)), "{again}");
    assert_eq!(files::fetched(&pair.xbb, &case, &pair.home.path().join("none")), Vec::<Vec<u8>>::new());
    // A piece that was changed on its way is named, and takes nothing with it.
    let mut bag = Bag::parse(&fs::read(&lost).expect("a bag")).expect("a sound bag");
    let end = bag.frames[0].1.len() - 9;
    bag.frames[0].1[end] ^= 1;
    let packed = Bag::pack(&bag.from, &bag.to, bag.frames, 8 << 20).expect("packed");
    let changed = pair.home.path().join("changed.valise");
    fs::write(&changed, &packed[0]).expect("a bag");
    let output = pair.xbb.run(&["queue", "import", &changed.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(data(&output)["refused"][0]["code"], "body-mismatch");
    // What is lacking goes back with the receipt as a question, and comes with the next bag.
    let (_, back) = export(&pair.xbb, "back.valise");
    let taken = import(&pair.xaa, &back);
    assert_eq!((taken["receipts"].as_u64(), taken["wanted"].as_u64()), (Some(1), Some(1)), "{taken}");
    let (told, more) = export(&pair.xaa, "more.valise");
    assert!(told["pieces"].as_u64() < Some(5), "only what is lacking: {told}");
    import(&pair.xbb, &more);
    files::await_verified(&pair.xbb, &case, 1);
    assert!(files::fetched(&pair.xbb, &case, &pair.home.path().join("got")) == [film]);
    // Its bags come too late, and change nothing.
    assert!(import(&pair.xbb, &[lost])["unawaited"].as_u64() > Some(0));
    assert_eq!(export(&pair.xaa, "rest.valise").0["bags"], json!([]), "nothing is owed any longer");
}
