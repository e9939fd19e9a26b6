//! Dossiers that are committed for whoever writes another verifier: `docs/vectors/dossiers/`.
//!
//! `VALISE_BLESS=1 cargo test --lib offline::evidence::golden` writes them anew.

use crate::envelope::fixture::{XAA, XBB, named, refusal};
use crate::evidence::dossier::tests::hostile::forked;
use crate::evidence::dossier::tests::story::{Story, anchor, log_keys, sealed};
use crate::evidence::dossier::{Dossier, verify};
use crate::evidence::proof::tests as alone;
use crate::evidence::{Accusation, Contradiction, Equivocation, HeadClaim, verify_proof};
use crate::model::{DAY, MessageId};
use crate::trust::fixture::NOW;
use serde_bytes::ByteBuf;
use serde_json::json;
use std::path::PathBuf;

/// Name, bytes, and the code of its first fault; of a proof that holds, the code of what it proves.
type Golden = (&'static str, Vec<u8>, &'static str);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/vectors/dossiers")
}

/// Name, bytes and first fault of each.
fn all() -> Vec<Golden> {
    let changed = |change: &dyn Fn(&mut Dossier)| {
        let mut parts = Story::told().parts(XAA);
        change(&mut parts);
        sealed(parts)
    };
    let told = |tell: &dyn Fn(&mut Story)| {
        let mut story = Story::told();
        tell(&mut story);
        story.dossier(XAA)
    };
    let refused_at = |issued: i64, id: u8| {
        told(&move |story: &mut Story| {
            story.say_as(XBB, XAA, refusal(), (31 * DAY, 31 * DAY + 60), |draft| {
                draft.issued_at = NOW.saturating_add(issued);
                draft.message_id = MessageId([id; 16]);
            });
        })
    };
    let mut flipped = Story::told().dossier(XAA);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut cut = Story::told().dossier(XAA);
    cut.truncate(middle);
    vec![
        ("good-by-requester", Story::told().dossier(XAA), "valid"),
        ("good-by-requested", Story::told().dossier(XBB), "valid"),
        ("good-late", Story::at([0, 9 * DAY, 70 * DAY]).dossier(XAA), "valid"),
        ("good-redacted", told(&|s| s.redact(|path| path.contains("elements"))), "valid"),
        ("bad-flipped-byte", flipped, ""),
        ("bad-cut", cut, "not-deterministic-cbor"),
        ("bad-unknown-root", with_other_root(), "not-anchored"),
        ("bad-sealed-by-another", Story::told().parts(XAA).seal(&log_keys(XBB)).unwrap(), "unknown-key"),
        ("bad-statement-missing", changed(&without_first), "missing-act"),
        ("bad-receipt-missing", changed(&|d| drop(d.receipts.remove(1))), "receipt-missing"),
        ("bad-not-in-log", changed(&|d| drop(d.logs[0].leaves.remove(1))), "not-in-log"),
        ("bad-elements-swapped", changed(&|d| d.statements[2].disclosures.swap(0, 1)), "disclosure-mismatch"),
        ("bad-leaf-path", changed(&|d| d.logs[0].leaves[1].path[0].0[0] ^= 1), "not-included"),
        ("bad-consistency-path", changed(&|d| d.logs[0].heads[0].path[0].0[0] ^= 1), "not-consistent"),
        ("bad-backdated", refused_at(DAY, 4), "backdated"),
        ("bad-postdated", refused_at(40 * DAY, 4), "postdated"),
        ("bad-one-id-twice", refused_at(31 * DAY, 2), "equivocation"),
        ("bad-fork", told(&accuse), "fork"),
    ]
}

/// Proofs of alarms alone.
fn proofs() -> Vec<Golden> {
    let mut flipped = alone::file(alone::fork());
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let Accusation::Equivocation(twice) = alone::equivocation() else { panic!("an equivocation") };
    let same = Equivocation { second: twice.first.clone(), ..twice.clone() };
    let other = Equivocation { issuer: named(XAA), ..twice };
    let file = |accused| alone::file(Accusation::Equivocation(accused));
    vec![
        ("good-fork", alone::file(alone::fork()), "fork"),
        ("good-equivocation", alone::file(alone::equivocation()), "equivocation"),
        ("bad-flipped-byte", flipped, ""),
        ("bad-one-statement-twice", file(same), "malformed-evidence"),
        ("bad-another-accused", file(other), "about-something-else"),
        ("bad-sealed-by-another", alone::proof(alone::fork()).seal(&log_keys(XBB)).unwrap(), "unknown-key"),
    ]
}

fn without_first(dossier: &mut Dossier) {
    dossier.statements.remove(0);
    dossier.receipts.remove(0);
}

fn accuse(story: &mut Story) {
    let (_, receipt) = forked(story, 2);
    let claim = |bytes: &[u8]| HeadClaim::Receipt(ByteBuf::from(bytes));
    let proof = Contradiction {
        owner: named(XBB),
        peer: named(XAA),
        first: claim(story.receipts[0].as_bytes()),
        second: Some(claim(receipt.as_bytes())),
    };
    story.alarms.push(ByteBuf::from(Accusation::Contradiction(proof).encode().unwrap()));
}

/// A dossier that carries the directory of another federation.
fn with_other_root() -> Vec<u8> {
    let mut parts = Story::told().parts(XAA);
    let listings = [XAA, XBB].map(crate::envelope::fixture::listing);
    parts.trust = ByteBuf::from(crate::trust::fixture::federation(&listings).1);
    parts.seal(&log_keys(XAA)).unwrap()
}

/// Compares one file with what this code makes, or writes it anew.
fn compare(name: &str, bytes: &[u8], bless: bool) {
    let file = folder().join(name);
    if bless {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }
    assert!(std::fs::read(&file).unwrap() == bytes, "{name} is not what this code makes");
}

#[test]
fn dossiers_and_proofs_are_what_this_code_makes_and_judges() {
    let bless = std::env::var_os("VALISE_BLESS").is_some();
    let trusted = anchor();
    let (mut dossiers, mut proved) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, bytes, expected) in all() {
        let report = verify(&bytes, &trusted);
        let found = report.first_fault().map_or("valid", |fault| fault.code);
        assert!(expected.is_empty() && found != "valid" || found == expected, "{name}: {found}");
        dossiers.insert(name.to_owned(), json!({ "valid": report.valid, "first": found }));
        compare(&format!("{name}.dossier"), &bytes, bless);
    }
    for (name, bytes, expected) in proofs() {
        let report = verify_proof(&bytes, &trusted);
        let proves = report.convicts.as_ref().map(|conviction| conviction.code);
        let found = report.first_fault().map(|fault| fault.code).or(proves).unwrap();
        assert!(expected.is_empty() && !report.valid || found == expected, "{name}: {found}");
        assert_eq!(report.valid, name.starts_with("good-"), "{name}");
        proved.insert(name.to_owned(), json!({ "valid": report.valid, "first": found }));
        compare(&format!("{name}.proof"), &bytes, bless);
    }
    let roots: Vec<String> = trusted.roots.iter().map(ToString::to_string).collect();
    let index = json!({ "anchor": roots, "dossiers": dossiers, "proofs": proved });
    compare("index.json", format!("{index:#}\n").as_bytes(), bless);
}
