//! The life of keys inside real gateways: epochs that come and go while acts are under way.

mod common;

use common::{Node, Pair, acts, await_some, digests, submit, text};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use valise::control::Command;

/// Lists the files of a node's prekeys.
fn prekeys(node: &Node) -> Vec<PathBuf> {
    let entries = fs::read_dir(node.dir.join("keys")).expect("a folder of keys").flatten();
    let mut files: Vec<_> = entries.map(|e| e.path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("prekey-")));
    files.sort();
    files
}

/// Deletes every prekey, as a gateway does with epochs that are long over.
fn forget_prekeys(node: &Node) {
    prekeys(node).iter().for_each(|file| fs::remove_file(file).expect("a prekey is deleted"));
}

fn queue(node: &Node) -> Vec<Value> {
    let queue = node.ask(Command::QueueList).expect("a queue");
    queue.as_array().cloned().unwrap_or_default()
}

#[test]
fn after_prekey_gone_the_same_statement_is_sealed_again_and_kept_once() {
    let mut pair = Pair::new();
    pair.xaa.start();
    let case = text(&pair.xaa.ask(submit()).expect("a request is queued")["case"]);
    let old_card = fs::read(pair.xbb.card()).expect("a card");
    let first = queue(&pair.xaa);
    let statement = digests(&pair.xaa.show(&case).expect("a case")).join(" ");

    // XBB comes back with other epochs than those to which the request is sealed.
    forget_prekeys(&pair.xbb);
    pair.xbb.start();
    assert_eq!(prekeys(&pair.xbb).len(), 8, "the gateway makes its epochs itself");
    assert_ne!(fs::read(pair.xbb.card()).expect("a card"), old_card, "and publishes them");
    let waits = await_some("word that the prekey is gone", || {
        pair.xaa.ask(Command::QueueRetry { id: None }).expect("a queue can be woken");
        queue(&pair.xaa).into_iter().find(|e| e["last_cause"].to_string().contains("prekey-gone"))
    });
    assert_eq!(waits["id"], first[0]["id"], "the same bytes, until a newer prekey is known");
    assert_eq!(waits["state"], "queued", "it is not given up");

    // XAA learns XBB's new card; a kill on the way loses nothing.
    pair.xaa.kill();
    pair.xaa.start();
    pair.drain();
    let view = pair.agreed(&case).expect("both have the case");
    assert_eq!(digests(&view).join(" "), statement, "the same statement, not another one");
    assert_eq!(acts(&view).len(), 1);
}

#[test]
fn a_deleted_epoch_opens_nothing_and_what_it_brought_is_still_there() {
    let mut pair = Pair::running();
    let case = text(&pair.xaa.ask(submit()).expect("a request")["case"]);
    pair.drain();
    let before = pair.agreed(&case).expect("both have the case");
    pair.xbb.stop();
    forget_prekeys(&pair.xbb);
    pair.xbb.start();
    let shown = pair.xbb.show(&case).expect("the case outlives the epoch");
    assert_eq!(digests(&shown), digests(&before));
    let revealed = Command::CaseShow { case: case.parse().expect("a case id"), reveal: true };
    let detail = pair.xbb.ask(revealed).expect("its content lies under the vault's key");
    assert!(detail.to_string().contains("serial"), "the request can still be read");
    let refused = pair.xbb.refused("prekey-gone");
    pair.xaa.ask(submit()).expect("a second request, sealed to the deleted epoch");
    pair.xbb.await_refused("prekey-gone", refused);
}
