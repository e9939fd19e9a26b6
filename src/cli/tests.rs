use super::*;
use crate::cli::face::{error_json, error_text, printable};
use crate::control::FindingView;
use crate::model::Purpose;
use clap::CommandFactory;
use std::path::Path;

fn args(line: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(std::iter::once("valise").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn every_frozen_verb_is_understood() {
    for line in [
        "demo run --keep",
        "demo start --data d",
        "demo stop",
        "demo reset --yes",
        "demo status",
        "demo link XBB --up",
        "gateway init --party XAA --data d --officer awa:officer --officer kofi:supervisor:root --demo",
        "gateway serve --data d",
        "gateway status --profile demo-xaa",
        "peer list",
        "peer ping XBB",
        "inbox list",
        "case list --json",
        "case show XAA-2026-000001 --reveal",
        "case ack XAA-2026-000001 --note seen",
        "case respond XAA-2026-000001 --new -o form.json",
        "case respond XAA-2026-000001 --new",
        "case respond XAA-2026-000001 --from -",
        "case refuse XAA-2026-000001 --ground a2 --reason secret --law act",
        "request new -o form.json --example --force",
        "request check -",
        "request submit form.json --to XBB --incomplete urgent --exercise",
        "release request XAA-2026-000001 --to police-cid --purpose tracing --element a --element b --show",
        "release list",
        "release show R-00000001",
        "deadline list",
        "queue list --as awa",
        "queue retry",
        "queue retry 1",
        "config check valise.toml",
        "config show --origin",
    ] {
        assert!(args(line).is_ok(), "{line}: {}", args(line).unwrap_err());
    }
}

#[test]
fn wrong_lines_are_usage_errors() {
    for line in [
        "",
        "case",
        "case burn XAA-2026-000001",
        "case show XAA-1",
        "case show XAA-2026-000001 --revel",
        "case respond XAA-2026-000001",
        "case respond XAA-2026-000001 --new --from f",
        "case respond XAA-2026-000001 --from f -o g",
        "case refuse XAA-2026-000001 --ground d --reason x",
        "case refuse XAA-2026-000001 --ground a1",
        "demo link XBB",
        "demo link XBB --up --down",
        "peer ping SUHH",
        "release request XAA-2026-000001 --to p --purpose gossip",
        "gateway init --party XAA --data d",
        "gateway init --party XAA --data d --officer awa:chief",
        "gateway init --party XAA --data d --officer Awa:officer",
        "gateway init --party XAA --data d --officer awa:officer --authority c:market",
    ] {
        let error = args(line).unwrap_err();
        let failure = usage(&error);
        assert_eq!((failure.exit, failure.code.as_str()), (ExitCode::Usage, "usage"), "{line}");
        assert!(!failure.message.is_empty() && !failure.message.starts_with("error"), "{}", failure.message);
    }
}

#[test]
fn values_arrive_typed() {
    let parsed = args("release request XAA-2026-000001 --to police-cid --purpose border_control").unwrap();
    let Verb::Release(ReleaseVerb::Request { purpose, elements, .. }) = parsed.verb else { panic!() };
    assert_eq!((purpose, elements.len()), (Purpose::BorderControl, 0));
    let authority: AuthorityArg = "police-cid:competent:designated".parse().unwrap();
    assert!(authority.0.designated && "customs:competent:yes".parse::<AuthorityArg>().is_err());
}

#[test]
fn an_error_has_exactly_the_frozen_shape() {
    let plain = Failure::new(ExitCode::Denied, "role.denied", "no");
    assert_eq!(
        error_json(&plain.clone().hint("ask").cause("why")).to_string(),
        r#"{"error":{"cause":"why","code":"role.denied","hint":"ask","message":"no"},"schema":"valise.error/1"}"#
    );
    assert_eq!(error_json(&plain)["error"]["hint"], serde_json::Value::Null);
}

#[test]
fn an_error_for_a_person_says_what_why_and_what_next() {
    let finding =
        FindingView { clause: "6.3(a)".into(), field: "items[0].make".into(), why: "is missing".into() };
    let failure = Failure::new(ExitCode::Finding, "c", "it failed")
        .cause("disk\u{1b}[2J full")
        .hint("free some")
        .findings(vec![finding]);
    let expected =
        "error: it failed — disk\u{fffd}[2J full\n  6.3(a) items[0].make: is missing\nhint: free some";
    assert_eq!(error_text(&failure, false), expected);
    assert!(error_text(&failure, true).starts_with("\u{1b}[1;31merror:"));
}

#[test]
fn nothing_from_elsewhere_moves_the_cursor() {
    assert_eq!(printable("a\u{1b}[2Jb\rc\nd\u{9b}e"), "a\u{fffd}[2Jb\u{fffd}c\nd\u{fffd}e");
    let drawn = render::table(&["NAME"], vec![vec!["x\u{1b}]0;owned\u{7}".into()]]);
    assert!(!drawn.contains(['\u{1b}', '\u{7}']), "{drawn:?}");
}

#[test]
fn a_file_is_never_overwritten_unasked_and_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("form.json");
    write_text(&file, "one", false).unwrap();
    let refused = write_text(&file, "two", false).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.exit), ("file.exists", ExitCode::Finding));
    assert_eq!(read_text(&file).unwrap(), "one");
    write_text(&file, "2", true).unwrap();
    assert_eq!(read_text(&file).unwrap(), "2");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_absent_or_no_text_is_bad_data() {
    let dir = tempfile::tempdir().unwrap();
    let absent = read_text(&dir.path().join("absent")).unwrap_err();
    let file = dir.path().join("latin1");
    std::fs::write(&file, [0xe9]).unwrap();
    let latin1 = read_text(&file).unwrap_err();
    for failure in [absent, latin1] {
        assert_eq!((failure.exit, failure.cause.is_some()), (ExitCode::BadData, true));
    }
}

#[test]
fn a_config_check_lists_all_and_ends_with_78() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("valise.toml");
    std::fs::write(&file, "party = \"XX\"\nlisten = 4620\n").unwrap();
    let answer = config_check(&file).unwrap();
    assert_eq!(answer.exit, ExitCode::Config);
    assert_eq!(answer.data["problems"].as_array().map(Vec::len), Some(3), "{}", answer.text);
    let good = config_check(Path::new("config/relay.toml")).unwrap();
    assert_eq!((good.exit, &good.data["kind"]), (ExitCode::Ok, &serde_json::json!("relay")));
}

#[test]
fn a_check_of_a_request_with_gaps_is_a_finding() {
    let finding = serde_json::json!({ "clause": "6.3(a)", "field": "items[0].make", "why": "is missing" });
    let successor = serde_json::json!({ "state": "RUS", "basis": "a letter" });
    let state = serde_json::json!({
        "state": "SUHH", "basis": "manufacture", "clause": "8.1(c)", "why": "made there", "successors": [successor],
    });
    let data =
        serde_json::json!({ "complete": false, "missing": [finding], "advice": [], "addressee": [state] });
    let answer = request_check(data.clone()).unwrap();
    assert_eq!((answer.exit, answer.data), (ExitCode::Finding, data));
    for shown in ["incomplete", "6.3(a)", "items[0].make", "8.1(c)", "RUS", "a letter"] {
        assert!(answer.text.contains(shown), "{}", answer.text);
    }
    let whole = serde_json::json!({ "complete": true, "missing": [], "advice": [], "addressee": [] });
    assert_eq!(request_check(whole).unwrap().exit, ExitCode::Ok);
}
