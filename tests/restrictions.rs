//! Drill of restricted information between real gateways: consent across an outage, two officers, kill -9
//! between permit and release, and nothing of it on any disk.

mod common;

use common::{Pair, VALISE, await_some, holds, memory, submit, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use valise::control::{Call, Client, Command, Failure, VERSION};
use valise::model::{
    About, Answer, CaseId, Element, ItemAnswer, Label, Onward, Outcome, Particulars, Purpose, Response,
    Sensitive,
};

/// A name that occurs nowhere else: whatever file holds it holds restricted information.
const SECRET: &str = "Zanzarifabrik Quellmund 7731";
const PATH: &str = "items/0/elements/0";
/// The same of another element of the same answer, to which nobody consents.
const OTHER_SECRET: &str = "Vrabnik Depot 9931";
const OTHER: &str = "items/0/elements/2";

/// Both gateways with two officers and an authority each; a release takes two officers.
fn pair() -> Pair {
    let mut pair = Pair::new();
    for node in [&pair.xaa, &pair.xbb] {
        let file = node.dir.join("valise.toml");
        let more = "\n[[officer]]\nname = \"two\"\nrole = \"supervisor\"\n\n\
                    [[authority]]\nname = \"police-cid\"\nkind = \"competent\"\ndesignated = true\n";
        let settings = fs::read_to_string(&file).expect("settings");
        let settings = settings.replace("release_approvals = 1", "release_approvals = 2") + more;
        fs::write(&file, settings).expect("settings can be written");
    }
    pair.xaa.start();
    pair.xbb.start();
    pair
}

fn as_officer(node: &common::Node, officer: &str, command: Command) -> Result<Value, Failure> {
    let call = Call { version: VERSION, as_officer: Some(officer.to_owned()), command };
    Client::connect(&node.dir.join("gateway.sock"))?.call(&call)
}

fn words(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

/// XBB answers with one element that goes on with consent only.
fn answer(pair: &Pair) -> CaseId {
    let made = pair.xaa.ask(submit()).expect("it is submitted");
    let case = text(&made["case"]);
    await_some("the request at XBB", || pair.xbb.show(&case));
    let request = text(&made["digest"]).parse().expect("a digest");
    let label = Label { onward: Onward::WithConsent, not_in_court: true, ..Label::default() };
    let owner = Particulars { name: Some(words(SECRET)), ..Particulars::default() };
    let lost = Particulars { details: Some(words("stolen from a store")), ..Particulars::default() };
    let element = |about, value, label| Element { about, answer: Answer::Value { value }, label };
    let depot = Particulars { name: Some(words(OTHER_SECRET)), ..Particulars::default() };
    let elements = vec![
        element(About::LastLegalOwner, owner, Some(label.clone())),
        element(About::Circumstances, lost, None),
        element(About::Recipient, depot, Some(label)),
    ];
    let items =
        vec![ItemAnswer { item: 0, outcome: Outcome::Full, reason: None, next_state: None, elements }];
    let case: CaseId = case.parse().expect("a case id");
    let response = Box::new(Response { request, items, note: None });
    pair.xbb
        .ask(Command::CaseRespond { case: case.clone(), response, despite_declaration: false })
        .expect("it is answered");
    await_some("the answer at XAA", || {
        let shown = pair.xaa.show(case.as_str())?;
        (shown["state"] == "answered").then_some(())
    });
    case
}

fn release(case: &CaseId, emergency: Option<&str>) -> Command {
    Command::ReleaseRequest {
        case: case.clone(),
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.to_owned()],
        show: false,
        emergency: emergency.map(words),
    }
}

fn consent(node: &common::Node, state: &str) -> Option<Value> {
    let list = node.ask(Command::ConsentList).expect("consents can be listed");
    list.as_array()?.iter().find(|consent| consent["state"] == state).cloned()
}

fn code(outcome: Result<Value, Failure>) -> String {
    outcome.expect_err("it is refused").code
}

#[test]
fn clause_8_3_4_2_f_consent_comes_over_an_outage_and_two_officers_release() {
    let mut pair = pair();
    let case = answer(&pair);
    let denied = pair.xaa.ask(release(&case, None)).expect_err("silence is no consent");
    assert_eq!(denied.code, "release.denied");
    assert_eq!((denied.findings[0].clause.as_str(), denied.findings[0].field.as_str()), ("8.3.4.2(f)", PATH));
    let listed = pair.xaa.ask(Command::ReleaseList).expect("a list");
    assert_eq!(listed[0]["forbids"][0]["path"], PATH, "the officer sees which source forbids what");
    pair.xbb.kill();
    let asked = pair.xaa.ask(Command::ConsentAsk {
        case: case.clone(),
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.parse().expect("a path")],
        reason: words("the police make the inquiry"),
    });
    let id = text(&asked.expect("it waits in the outbox")["digest"]);
    pair.xbb.start();
    pair.drain();
    let question = await_some("the question at XBB", || consent(&pair.xbb, "asked"));
    assert_eq!((question["id"].as_str(), &question["lifts"]), (Some(id.as_str()), &serde_json::json!(["f"])));
    assert_eq!(
        code(pair.xaa.ask(Command::ConsentDeny { id: id.clone(), reason: words("no") })),
        "case.unknown_question"
    );
    let grant = Command::ConsentGrant {
        id: id.clone(),
        elements: Vec::new(),
        expires: "2099-01-01T00:00:00Z".parse().expect("an instant"),
        single_use: false,
    };
    pair.xbb.ask(grant).expect("it is granted");
    await_some("the grant at XAA", || consent(&pair.xaa, "granted"));

    let permit = pair.xaa.ask(release(&case, None)).expect("it is permitted");
    assert_eq!((&permit["state"], permit["agreed"].as_u64()), (&Value::from("awaiting_approval"), Some(1)));
    let (name, digest) = (text(&permit["id"]), text(&permit["digest"]).parse().expect("a digest"));
    let show = || Command::ReleaseShow { id: name.clone() };
    let approve = || Command::ReleaseApprove { id: name.clone(), digest, signature: None };
    assert_eq!(code(pair.xaa.ask(show())), "case.not_approved");
    assert_eq!(code(pair.xaa.ask(approve())), "case.same_officer");
    let blind =
        Command::ReleaseApprove { id: name.clone(), digest: id.parse().expect("a digest"), signature: None };
    assert_eq!(code(as_officer(&pair.xaa, "two", blind)), "case.digest_differs");
    // The command line shows the permit, and computes from what it shows the digest that the officer confirms.
    let data = pair.xaa.dir.display().to_string();
    let told = common::valise(&["release", "approve", &name, "--as", "two", "--yes", "--data", &data]);
    let (out, seen) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{seen}");
    for wanted in [name.as_str(), "police-cid", PATH, "8.3.4.2(f)", &digest.to_string(), "1 of 2"] {
        assert!(seen.contains(wanted), "{wanted} is shown before the word is given: {seen}");
    }
    assert!(out.contains("2 of 2"), "{out}");
    assert!(!seen.contains(SECRET) && !out.contains(SECRET));

    // kill -9 between permit and release: the permit is there, unused.
    pair.xaa.kill();
    pair.xaa.start();
    let shown = pair.xaa.ask(show()).expect("it is shown once");
    assert!(shown.to_string().contains(SECRET), "{shown}");
    pair.xaa.kill();
    pair.xaa.start();
    assert_eq!(code(pair.xaa.ask(show())), "case.permit_used", "a replayed permit");

    let back = Command::ConsentWithdraw { id: id.clone(), reason: words("a source is at risk") };
    pair.xbb.ask(back).expect("it is taken back");
    await_some("the withdrawal at XAA", || consent(&pair.xaa, "withdrawn"));
    assert_eq!(code(pair.xaa.ask(release(&case, None))), "release.denied");
    pair.drain();
    nothing_holds_the_secret(&pair);
}

#[test]
fn clause_8_4_b_what_is_compelled_is_told_first_and_reviewed_afterwards() {
    let pair = pair();
    let case = answer(&pair);
    let urgent = || release(&case, Some("a hearing is today"));
    assert_eq!(code(pair.xaa.ask(urgent())), "release.denied", "its provider was not told");
    let notice = Command::ReleaseNotify {
        case: case.clone(),
        to: "police-cid".to_owned(),
        elements: vec![PATH.parse().expect("a path")],
        compelled_by: words("order 12 of the high court"),
    };
    pair.xaa.ask(notice).expect("the provider is told");
    await_some("the notice at XBB", || {
        let flags = pair.xbb.show(case.as_str())?["flags"].clone();
        flags.to_string().contains("disclosure_compelled").then_some(())
    });
    let permit = pair.xaa.ask(urgent()).expect("it is permitted");
    assert_eq!((&permit["state"], &permit["unreviewed"]), (&Value::from("permitted"), &Value::from(true)));
    let inbox = pair.xaa.ask(Command::InboxList).expect("an inbox");
    assert_eq!(inbox[0]["todo"], "review_emergency");
    let (id, digest) = (text(&permit["id"]), text(&permit["digest"]).parse().expect("a digest"));
    let review = || Command::ReleaseReview { id: id.clone(), digest, signature: None };
    assert_eq!(code(pair.xaa.ask(review())), "case.same_officer");
    let reviewed = as_officer(&pair.xaa, "two", review()).expect("another officer looks at it");
    assert_eq!(reviewed["unreviewed"], false);
    let mut abroad = urgent();
    if let Command::ReleaseRequest { to, .. } = &mut abroad {
        "XCC".clone_into(to);
    }
    assert_eq!(code(pair.xaa.ask(abroad)), "case.across_border");
}

/// Lets XBB consent to what XAA may then permit, and lets two officers do so; returns the permit's name.
fn permitted(pair: &Pair, case: &CaseId) -> String {
    let asked = pair.xaa.ask(Command::ConsentAsk {
        case: case.clone(),
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec![PATH.parse().expect("a path")],
        reason: words("the police make the inquiry"),
    });
    let id = text(&asked.expect("it is asked")["digest"]);
    await_some("the question at XBB", || consent(&pair.xbb, "asked"));
    let expires = "2099-01-01T00:00:00Z".parse().expect("an instant");
    pair.xbb
        .ask(Command::ConsentGrant { id, elements: Vec::new(), expires, single_use: false })
        .expect("it is granted");
    await_some("the grant at XAA", || consent(&pair.xaa, "granted"));
    another_permit(pair, case)
}

fn another_permit(pair: &Pair, case: &CaseId) -> String {
    let permit = pair.xaa.ask(release(case, None)).expect("it is permitted");
    let (id, digest) = (text(&permit["id"]), text(&permit["digest"]).parse().expect("a digest"));
    let approve = Command::ReleaseApprove { id: id.clone(), digest, signature: None };
    as_officer(&pair.xaa, "two", approve).expect("another officer agrees");
    id
}

#[test]
fn kill_9_between_permit_and_release() {
    let mut pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    pair.xaa.kill();
    pair.xaa.start();
    let listed = pair.xaa.ask(Command::ReleaseList).expect("a list");
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&Value::from(permit.as_str()), &"permitted".into()));
    let show = || pair.xaa.ask(Command::ReleaseShow { id: permit.clone() });
    assert!(show().expect("the permit is there, unused").to_string().contains(SECRET));
    assert_eq!(code(show()), "case.permit_used");
}

#[test]
fn replayed_permit() {
    let mut pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    pair.xaa.ask(Command::ReleaseShow { id: permit.clone() }).expect("it opens once");
    for killed in [false, true] {
        if killed {
            pair.xaa.kill();
            pair.xaa.start();
        }
        assert_eq!(code(pair.xaa.ask(Command::ReleaseShow { id: permit.clone() })), "case.permit_used");
        let export =
            Command::EvidenceExport { case: case.clone(), elements: None, permit: Some(permit.clone()) };
        assert_eq!(code(pair.xaa.ask(export)), "case.permit_used", "by whatever verb");
    }
}

#[test]
fn concurrent_withdrawal() {
    let pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    let id = text(&consent(&pair.xaa, "granted").expect("a consent")["id"]);
    let back = Command::ConsentWithdraw { id, reason: words("a source is at risk") };
    pair.xbb.ask(back).expect("it is taken back while the permit waits");
    await_some("the withdrawal at XAA", || consent(&pair.xaa, "withdrawn"));
    assert_eq!(code(pair.xaa.ask(Command::ReleaseShow { id: permit })), "case.consent_gone");
    assert_eq!(code(pair.xaa.ask(release(&case, None))), "release.denied");
}

#[test]
fn permit_for_another_element_opens_nothing_else() {
    let pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    let file = pair.home.path().join("dossier.valise");
    let export = |more: &[&str]| {
        let path = file.display().to_string();
        let words = ["evidence", "export", case.as_str(), "-o", &path, "--force"];
        let out = pair.xaa.run(&[&words[..], more].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let dossier = fs::read(&file).expect("a dossier");
        [SECRET, OTHER_SECRET].map(|secret| holds(&dossier, secret))
    };
    assert_eq!(export(&[]), [false, false], "without a permit what is restricted is left out");
    assert_eq!(export(&["--elements", OTHER]), [false, false], "and asking for it opens nothing");
    assert_eq!(export(&["--permit", &permit]), [true, false], "a permit opens what it names");
    let permit = another_permit(&pair, &case);
    assert!(!export(&["--elements", OTHER, "--permit", &permit])[1], "whatever else is asked for");
    let permit = another_permit(&pair, &case);
    let shown =
        pair.xaa.ask(Command::ReleaseShow { id: permit }).expect("it opens what it names").to_string();
    assert!(shown.contains(SECRET) && !shown.contains(OTHER_SECRET), "{shown}");
    let unknown = pair.xaa.ask(Command::ReleaseRequest {
        case,
        to: "police-cid".to_owned(),
        purpose: Purpose::Tracing,
        elements: vec!["items/0/elements/7".to_owned()],
        show: false,
        emergency: None,
    });
    assert_eq!(code(unknown), "case.unknown_element");
}

#[test]
fn label_stripped_from_a_derived_document_is_seen() {
    let pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    let folder = pair.home.path();
    let run = |words: &[&str]| {
        let out = pair.xaa.run(words);
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    // Print without a permit: the restriction in words, and not what it restricts.
    let paper = folder.join("case.html").display().to_string();
    run(&["case", "print", case.as_str(), "-o", &paper]);
    let paper = fs::read_to_string(&paper).expect("paper");
    assert!(!paper.contains(SECRET) && !paper.contains(OTHER_SECRET));
    for wanted in
        ["withheld from print", "not to be passed on freely (f)", "(h1)", "prior consent of its provider"]
    {
        assert!(paper.contains(wanted), "{wanted}");
    }
    // A notification and a list name codes and paths at most.
    for list in [Command::InboxList, Command::ReleaseList, Command::ConsentList, common::all_cases()] {
        let said = pair.xaa.ask(list).expect("a list").to_string();
        assert!(!said.contains(SECRET) && !said.contains(OTHER_SECRET), "{said}");
    }
    // Each form of a release bears the joined label.
    let file = |name: &str| folder.join(name).display().to_string();
    run(&["release", "export", &permit, "-o", &file("form.json")]);
    let form: Value =
        serde_json::from_str(&fs::read_to_string(file("form.json")).expect("a form")).expect("JSON");
    let data = &form["data"];
    let digest = |release: &Value| valise::model::Digest::of(&[release.to_string().as_bytes()]).to_string();
    assert_eq!(data["digest"], digest(&data["release"]), "anybody can compute it");
    assert_eq!(
        (&data["label"]["onward"], &data["label"]["not_in_court"]),
        (&"with_consent".into(), &true.into())
    );
    let mut stripped = data["release"].clone();
    stripped["elements"][0]["label"] = Value::Null;
    assert_ne!(data["digest"], digest(&stripped), "a form without its label is another");
    for (ending, bound) in [("html", "not to be used in court"), ("csv", ",f h1,")] {
        let (name, permit) = (file(&format!("form.{ending}")), another_permit(&pair, &case));
        run(&["release", "export", &permit, "-o", &name]);
        let form = fs::read_to_string(&name).expect("a form");
        assert!(form.contains(bound) && form.contains(SECRET), "{ending}: {form}");
        let again = pair.xaa.run(&["release", "export", &permit, "-o", &file("again.json")]);
        assert_eq!(again.status.code(), Some(77), "a permit opens once");
        assert!(!folder.join("again.json").exists(), "nothing is left where nothing was opened");
    }
    // What is in the way uses no permit.
    let permit = another_permit(&pair, &case);
    let taken = pair.xaa.run(&["release", "export", &permit, "-o", &file("form.json")]);
    assert_eq!(taken.status.code(), Some(1));
    run(&["release", "show", &permit]);
}

#[test]
fn clause_8_4_a_a_core_dump_of_the_command_line_holds_nothing() {
    let pair = pair();
    let case = answer(&pair);
    let permit = permitted(&pair, &case);
    let folder = pair.home.path().join("cores");
    fs::create_dir(&folder).expect("a folder");
    let under = |script: &str, stdout: Stdio| {
        let mut process = Process::new("sh");
        process.args(["-c", &format!("ulimit -c unlimited; {script}")]).current_dir(&folder);
        process.env_remove("VALISE_PROFILE").stdin(Stdio::null()).stderr(Stdio::null()).stdout(stdout);
        process.spawn().expect("a shell")
    };
    // Where this machine writes cores at all, a program that holds the word and takes no care leaves it on the disk.
    let careless = under(&format!("WORD='{SECRET}'; kill -ABRT $$"), Stdio::null()).wait().expect("it ends");
    let cores = || fs::read_dir(&folder).expect("a folder").flatten().map(|e| e.path()).collect::<Vec<_>>();
    if careless.core_dumped() {
        for core in cores() {
            let held = holds(&fs::read(&core).expect("a core"), SECRET);
            assert!(held, "the careless core holds the word");
            fs::remove_file(core).expect("it can go");
        }
    } else {
        eprintln!("this machine writes no cores; only the limits of the command line are looked at");
    }
    // The pipe is full, so that the command line still holds what the permit has opened when it crashes.
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&[b'.'; 64 << 10]).expect("it fills the pipe");
    let show = format!("exec {VALISE} release show {permit} --data {}", pair.xaa.dir.display());
    let mut child = under(&show, writer.into());
    await_some("the use of the permit", || {
        let list = pair.xaa.ask(Command::ReleaseList).expect("a list");
        (list[0]["state"] == "used").then_some(())
    });
    let pid = child.id();
    await_some("the secret in the command line's memory", || memory_holds_the_secret(pid).then_some(()));
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    kill_process(Pid::from_child(&child), Signal::ABORT).expect("it can be sent");
    let ended = child.wait().expect("it ends");
    drop(reader);
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()), "it crashed while it held the secret");
    assert!(!ended.core_dumped() && cores().is_empty(), "{:?}", cores());
    nothing_holds_the_secret(&pair);
}

/// Looks through a process's memory, as the superuser can; whoever cannot look sees it as there once it waits.
fn memory_holds_the_secret(pid: u32) -> bool {
    match memory::written(pid) {
        Some(bytes) => holds(&bytes, SECRET),
        None => fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(" S ")),
    }
}

#[test]
fn clause_8_4_a_no_crash_writes_memory_to_a_disk() {
    let pair = pair();
    let limits = fs::read_to_string(format!("/proc/{}/limits", pair.xaa.pid())).expect("limits");
    let core =
        limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit of cores");
    let numbers: Vec<&str> = core.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}

/// Looks at every byte of both folders: store, logs, settings and keys.
fn nothing_holds_the_secret(pair: &Pair) {
    let looked = [&pair.xaa.dir, &pair.xbb.dir].map(|dir| search(dir));
    assert!(looked.iter().all(|bytes| *bytes > 10_000), "there was something to look at: {looked:?}");
}

fn search(folder: &Path) -> usize {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes += search(&path);
        } else if let Ok(content) = fs::read(&path) {
            for secret in [SECRET, OTHER_SECRET] {
                let held = holds(&content, secret);
                assert!(!held, "{} holds restricted information", path.display());
            }
            bytes += content.len();
        }
    }
    bytes
}
