//! The life of keys inside real gateways: epochs that come and go while acts are under way.

mod common;

use common::{Node, Pair, acts, await_some, digests, submit, text};
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

#[test]
fn what_was_sealed_to_lost_prekeys_is_sealed_again_as_the_same_statement_and_kept_once() {
    let mut pair = Pair::new();
    pair.xaa.start();
    let case = text(&pair.xaa.ask(submit()).expect("a request is queued")["case"]);
    let old = fs::read(pair.xbb.part_b()).expect("a part B");
    let statement = digests(&pair.xaa.show(&case).expect("a case")).join(" ");

    // XBB comes back with other epochs than those to which the request is sealed, and says so at the first contact.
    forget_prekeys(&pair.xbb);
    pair.xbb.start();
    assert_eq!(prekeys(&pair.xbb).len(), 8, "the gateway makes its epochs itself");
    await_some("its new part B", || (fs::read(pair.xbb.part_b()).ok()? != old).then_some(()));
    // A kill on the way loses nothing.
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
    // A bag that was packed before the epoch ended is refused, and what is in it comes by wire, sealed again.
    pair.xbb.stop();
    let late = text(&pair.xaa.ask(submit()).expect("a second request")["case"]);
    let bag = pair.home.path().join("old.valise").display().to_string();
    assert!(pair.xaa.run(&["queue", "export", "-o", &bag]).status.success());
    pair.xaa.stop();
    forget_prekeys(&pair.xbb);
    pair.xbb.start();
    let refused = pair.xbb.refused("prekey-gone");
    pair.xbb.run(&["queue", "import", &bag]);
    pair.xbb.await_refused("prekey-gone", refused);
    assert!(pair.xbb.show(&late).is_none(), "nothing of it could be read");
    pair.xaa.start();
    pair.drain();
    assert_eq!(acts(&pair.agreed(&late).expect("both have it")).len(), 1);
}
