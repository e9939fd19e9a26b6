//! Drill between real network namespaces: `tests/namespaces.sh` has the story, and says why it is skipped
//! where there are none (it needs root, `ip` and `nft`).

use std::process::Command;

#[test]
fn three_states_and_two_relays_between_namespaces() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/namespaces.sh");
    let output =
        Command::new(script).arg(env!("CARGO_BIN_EXE_valise")).output().expect("bash runs the script");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("all held") || said.contains("skipped: "), "{said}");
}
