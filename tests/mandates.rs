//! A regional body that acts for a State (ISACS 9.3), a panel that asks for itself (9.4), and what parties
//! tell and ask each other beside traces (5.3, 9.1, 9.6), between real gateways.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::founded::federate;
use common::{Node, acts, all_cases, await_some};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use valise::control::Command;
use valise::offline::requests::{Example, example};

const AGENT: &str = "org:demo-ecowas";
const FOREVER: &str = "2099-01-01T00:00:00Z";

/// XAA, XBB and the regional body, who all know one another.
struct Region {
    xaa: Node,
    xbb: Node,
    agent: Node,
    home: TempDir,
}

impl Region {
    fn running() -> Self {
        Self::with(AGENT)
    }

    /// Starts XAA, XBB and this organisation.
    fn with(organisation: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let [xaa, xbb, agent] = ["XAA", "XBB", organisation].map(|code| Node::init(home.path(), code));
        let mut region = Self { xaa, xbb, agent, home };
        federate(&region.nodes().map(|node| node.dir.as_path()), &[], common::YEAR);
        for node in [&mut region.xaa, &mut region.xbb, &mut region.agent] {
            node.start();
        }
        region
    }

    fn nodes(&self) -> [&Node; 3] {
        [&self.xaa, &self.xbb, &self.agent]
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn request(&self) -> String {
        self.file("request.json", example(Example::OneWeapon))
    }

    /// Lets the principal give a mandate with these further words, and the agent accept it.
    fn mandate(&self, principal: &Node, words: &[&str]) -> String {
        let grant = ["mandate", "grant", "--agent", AGENT, "--until", FOREVER];
        done(principal, &[&grant, words].concat());
        let mandate = only_mandate(&self.agent, "granted");
        done(&self.agent, &["mandate", "accept", &mandate]);
        assert_eq!(only_mandate(principal, "in_force"), mandate);
        mandate
    }
}

/// Runs a verb that must succeed, and returns its data.
#[track_caller]
fn done(node: &Node, words: &[&str]) -> Value {
    let output = node.run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["data"].clone()
}

/// Runs a verb that must be refused, and returns exit code and error code.
#[track_caller]
fn refused(node: &Node, words: &[&str]) -> (i32, String) {
    let output = node.run(words);
    let said = String::from_utf8(output.stderr).unwrap();
    let error: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap();
    (output.status.code().unwrap(), error["error"]["code"].as_str().unwrap().to_owned())
}

/// Waits until the only mandate that a node sees stands so, and returns its digest.
fn only_mandate(node: &Node, state: &str) -> String {
    await_some(&format!("a mandate that is {state} at {}", node.code), || {
        let list = node.ask(Command::MandateList).unwrap();
        let found = list.as_array().unwrap().iter().find(|mandate| mandate["state"] == state)?;
        Some(found["mandate"].as_str().unwrap().to_owned())
    })
}

/// Waits until a node has an act of this kind in a case, and returns the case as it sees it.
fn with_act(node: &Node, case: &str, kind: &str) -> Value {
    await_some(&format!("{kind} in {case} at {}", node.code), || {
        node.show(case).filter(|view| acts(view).iter().any(|act| act["kind"] == kind))
    })
}

fn of_kind<'v>(view: &'v Value, kind: &str) -> &'v Value {
    acts(view).iter().find(|act| act["kind"] == kind).unwrap()
}

fn respond(region: &Region, node: &Node, case: &str) {
    answer(region, node, case, &json!({ "outcome": "none_found", "reason": "No record of it." }));
}

/// Answers the only item of a case so.
fn answer(region: &Region, node: &Node, case: &str, item: &Value) {
    let form = region.home.path().join("response.json").display().to_string();
    done(node, &["case", "respond", case, "--new", "-o", &form, "--force"]);
    let mut answer: Value = serde_json::from_str(&fs::read_to_string(&form).unwrap()).unwrap();
    let mut item = item.clone();
    item["item"] = json!(0);
    answer["items"] = json!([item]);
    fs::write(&form, answer.to_string()).unwrap();
    done(node, &["case", "respond", case, "--from", &form]);
}

#[test]
fn clause_9_3_and_8_1_on_behalf_of_a_state_until_the_mandate_is_revoked() {
    let mut region = Region::running();
    let request = region.request();
    let ask = ["request", "submit", &request, "--on-behalf-of", "XAA"];
    assert_eq!(refused(&region.agent, &ask), (77, "mandate.mandate-missing".to_owned()));
    let narrow = ["--power", "initiate", "--power", "conduct", "--peer", "XBB"];
    let mandate = region.mandate(&region.xaa, &narrow);

    // The requested State sees both, the principal sees every act.
    let case = done(&region.agent, &ask)["case"].as_str().unwrap().to_owned();
    assert!(case.starts_with("org.demo-ecowas-"), "{case}");
    let at_xbb = with_act(&region.xbb, &case, "request");
    let named = json!({ "principal": "XAA", "agent": AGENT, "mandates": [mandate], "revoked": false });
    assert_eq!((&at_xbb["peer"], &at_xbb["on_behalf_of"]), (&json!(AGENT), &named));
    let asked = of_kind(&at_xbb, "request");
    assert_eq!((&asked["issuer"], &asked["on_behalf_of"]), (&json!(AGENT), &json!("XAA")));
    let inbox = region.xbb.ask(Command::InboxList).unwrap();
    assert_eq!((&inbox[0]["peer"], &inbox[0]["on_behalf_of"]), (&json!(AGENT), &json!("XAA")));
    let paper = done(&region.xbb, &["case", "print", &case]);
    assert!(paper["html"].as_str().unwrap().contains("On behalf of (9.3)"), "{paper}");

    done(&region.xbb, &["case", "ack", &case]);
    respond(&region, &region.xbb, &case);
    let at_xaa = with_act(&region.xaa, &case, "response");
    assert_eq!((&at_xaa["role"], &at_xaa["peer"]), (&json!("observer"), &json!("XBB")));
    let at_agent = with_act(&region.agent, &case, "response");
    for view in [&at_xaa, &at_agent] {
        for kind in ["request", "acknowledgement", "response"] {
            assert_eq!(
                of_kind(view, kind)["digest"],
                of_kind(&region.xbb.show(&case).unwrap(), kind)["digest"]
            );
        }
        assert_eq!(view["state"], "answered");
        assert_eq!(view["received_at"], at_xbb["received_at"], "the clocks run from one receipt");
    }
    for node in region.nodes() {
        proves(&region, node, &case);
    }
    let withdraw = ["case", "withdraw", &case, "--reason", "It was found."];
    assert_eq!(refused(&region.xaa, &withdraw).1, "case.only_observes");

    // Beyond the mandate: another principal, another addressee.
    let for_xbb = ["request", "submit", &request, "--on-behalf-of", "XBB"];
    assert_eq!(refused(&region.agent, &for_xbb), (77, "mandate.mandate-missing".to_owned()));
    revocation_crosses(&mut region, &mandate, &request);
}

/// Each party's dossier of what was done on behalf of a State holds offline, by the fingerprint of the federation alone.
fn proves(region: &Region, node: &Node, case: &str) {
    let file =
        region.home.path().join(format!("{}.dossier", node.code.replace(':', "-"))).display().to_string();
    let made = done(node, &["evidence", "export", case, "-o", &file]);
    assert_eq!((&made["valid"], &made["acts"]), (&json!(true), &json!(3)), "{}: {made}", node.code);
    let anchor = region.xaa.directory().anchor().to_string();
    let judged = common::valise(&["--json", "evidence", "verify", &file, "--anchor", &anchor]);
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged.status.code(), Some(0), "{}: {:#}", node.code, report["data"]["findings"]);
}

/// The principal revokes while the agent is away; the agent, which does not know, acts once more.
fn revocation_crosses(region: &mut Region, mandate: &str, request: &str) {
    let ask = ["request", "submit", request, "--on-behalf-of", "XAA"];
    let open = done(&region.agent, &ask)["case"].as_str().unwrap().to_owned();
    with_act(&region.xbb, &open, "request");
    with_act(&region.xaa, &open, "request");
    region.agent.stop();
    let revoked = done(&region.xaa, &["mandate", "revoke", mandate, "--reason", "We ask ourselves."]);
    let told: Vec<&Value> = revoked["told"].as_array().unwrap().iter().map(|view| &view["peer"]).collect();
    assert_eq!((told, &revoked["not_told"]), (vec![&json!(AGENT), &json!("XBB")], &json!({})));
    await_some("the revocation at XBB", || {
        (region.xbb.show(&open)?["on_behalf_of"]["revoked"] == true).then_some(())
    });

    // An answer to the agent goes to the principal alone from now on.
    done(&region.xbb, &["case", "ack", &open]);
    with_act(&region.xaa, &open, "acknowledgement");

    // What was taken in is still known after a restart.
    region.xbb.kill();
    region.xbb.start();
    region.xaa.stop();
    region.agent.start();
    let late = done(&region.agent, &ask)["case"].as_str().unwrap().to_owned();
    region.xbb.await_refused("mandate-revoked", 0);
    let cause = await_some("the refusal in the agent's queue", || {
        let queue = region.agent.ask(Command::QueueList).unwrap();
        let entries = queue.as_array().unwrap().clone();
        let entry = entries.into_iter().find(|e| e["case"] == late.as_str() && e["peer"] == "XBB")?;
        entry["last_cause"].as_str().filter(|cause| cause.contains("mandate-revoked")).map(str::to_owned)
    });
    assert!(cause.contains("the principal has revoked the mandate"), "{cause}");
    assert!(region.xbb.show(&late).is_none(), "what was refused opens no case");

    // The principal is back: it keeps its copy of what was done in its name, and the agent learns of the end.
    region.xaa.start();
    region.agent.ask(Command::QueueRetry { id: None }).unwrap();
    let copy = with_act(&region.xaa, &late, "request");
    assert_eq!(of_kind(&copy, "request")["flags"], json!(["beyond_mandate"]));
    assert_eq!(only_mandate(&region.agent, "revoked"), mandate);
    assert_eq!(refused(&region.agent, &ask), (77, "mandate.mandate-revoked".to_owned()));
    let at_agent = region.agent.show(&open).unwrap();
    assert!(!acts(&at_agent).iter().any(|act| act["kind"] == "acknowledgement"), "{at_agent}");
}

#[test]
fn clause_9_3_a_regional_body_receives_for_a_state() {
    let region = Region::running();
    let request = region.request();
    let via = ["request", "submit", &request, "--via", AGENT];
    assert_eq!(refused(&region.xaa, &via), (77, "mandate.mandate-missing".to_owned()));
    let mandate = region.mandate(&region.xbb, &["--power", "receive"]);
    done(&region.xbb, &["mandate", "tell", &mandate, "--to", "XAA"]);
    only_mandate(&region.xaa, "in_force");
    let case = done(&region.xaa, &via)["case"].as_str().unwrap().to_owned();
    with_act(&region.agent, &case, "request");
    let seen = with_act(&region.xbb, &case, "request");
    assert_eq!((&seen["role"], &seen["peer"]), (&json!("observer"), &json!("XAA")));
    done(&region.agent, &["case", "ack", &case]);
    respond(&region, &region.agent, &case);
    for node in [&region.xaa, &region.xbb] {
        let view = with_act(node, &case, "response");
        let answer = of_kind(&view, "response");
        assert_eq!(
            (&answer["issuer"], &answer["on_behalf_of"]),
            (&json!(AGENT), &json!("XBB")),
            "{}",
            node.code
        );
        assert_eq!(view["state"], "answered", "{}", node.code);
    }
    // The body may not ask for XBB: its mandate is to receive.
    let ask = ["request", "submit", &request, "--on-behalf-of", "XBB", "--to", "XAA"];
    assert_ne!(refused(&region.agent, &ask).0, 0);
}

#[test]
fn clause_9_6_a_to_e_notices_are_given_and_read() {
    let region = Region::running();
    let words = region.file("words.txt", "Since 2026 the year stands below the code.\n");
    let topics = ["authorised_parties", "markings", "trafficking", "transfers", "stockpiles"];
    for topic in topics {
        let new =
            ["notice", "new", "--to", "XBB", "--topic", topic, "--title", "What is new", "--from", &words];
        let notice = done(&region.xaa, &new)["case"].as_str().unwrap().to_owned();
        with_act(&region.xbb, &notice, "notice");
        let list = done(&region.xbb, &["notice", "list"]);
        let listed = list.as_array().unwrap().iter().find(|entry| entry["case"] == notice.as_str()).unwrap();
        assert_eq!(
            (&listed["about"], listed.get("content")),
            (&json!(topic), None),
            "a list tells no content"
        );
        let shown = done(&region.xbb, &["notice", "show", &notice]);
        assert_eq!(shown["content"]["text"], "Since 2026 the year stands below the code.");
        assert_eq!(done(&region.xbb, &["inbox", "list"])[0]["todo"], "read");
        done(&region.xbb, &["case", "close", &notice]);
        assert_eq!(done(&region.xbb, &["inbox", "list"]), json!([]));
    }
    assert_eq!(done(&region.xbb, &["notice", "list"]).as_array().unwrap().len(), topics.len());
    let wrong = ["notice", "new", "--to", "XBB", "--topic", "weather", "--title", "x", "--from", &words];
    assert_eq!(region.xaa.run(&wrong).status.code(), Some(2));
}

#[test]
fn clause_9_4_a_panel_asks_for_itself_and_is_given_a_third_states_words_with_consent_only() {
    let region = Region::with("org:demo-un-panel-x");
    let panel = &region.agent;
    let request = region.request();
    let asked = done(panel, &["request", "submit", &request])["case"].as_str().unwrap().to_owned();
    assert!(asked.starts_with("org.demo-un-panel-x-"), "{asked}");
    with_act(&region.xbb, &asked, "request");
    done(&region.xbb, &["case", "ack", &asked]);
    respond(&region, &region.xbb, &asked);
    assert_eq!(with_act(panel, &asked, "response")["state"], "answered");

    // What XBB tells XAA without any restriction is still XBB's to give to the panel.
    let case = done(&region.xaa, &["request", "submit", &request])["case"].as_str().unwrap().to_owned();
    with_act(&region.xbb, &case, "request");
    let recipient =
        json!({ "about": "recipient", "answer": { "state": "value", "value": { "name": "Depot Nine" } } });
    let owner = json!({ "about": "last_legal_owner", "answer": { "state": "no_record", "reason": "burnt" } });
    let circumstances =
        json!({ "about": "circumstances", "answer": { "state": "no_record", "reason": "burnt" } });
    let elements = [recipient, owner, circumstances];
    answer(&region, &region.xbb, &case, &json!({ "outcome": "partial", "elements": elements }));
    with_act(&region.xaa, &case, "response");
    let release = |to: &str| {
        let words = ["release", "request", case.as_str(), "--to", to, "--purpose", "embargo_monitoring"];
        region.xaa.run(&words)
    };
    let denied = release(panel.code);
    assert_eq!(denied.status.code(), Some(77), "{}", String::from_utf8_lossy(&denied.stdout));
    assert!(String::from_utf8_lossy(&denied.stderr).contains("8.3.4.2(f)"));
    assert!(release("npc").status.success(), "to nobody else it is restricted");
}

#[test]
fn clause_9_1_and_5_3_assistance_is_asked_for_and_they_assist_when_they_can() {
    let region = Region::running();
    let words = region.file("words.txt", "Two weeks at the proof house.\n");
    let blank = region.file("blank.txt", " \n");
    let need = ["assistance", "ask", "--to", AGENT, "--need", "training", "--from"];
    assert_eq!(refused(&region.xaa, &[&need[..], &[blank.as_str()]].concat()).1, "case.act_invalid");
    let asked =
        done(&region.xaa, &[&need[..], &[words.as_str()]].concat())["case"].as_str().unwrap().to_owned();
    with_act(&region.agent, &asked, "assistance_request");
    assert_eq!(done(&region.agent, &["inbox", "list"])[0]["todo"], "reply");
    let reply = ["assistance", "reply", &asked, "--outcome", "provided", "--from", &words];
    assert_eq!(refused(&region.xaa, &reply).1, "case.no_request", "who asks does not answer");
    done(&region.agent, &reply);
    with_act(&region.xaa, &asked, "assistance_reply");
    assert_eq!(done(&region.xaa, &["assistance", "list"])[0]["outcome"], "provided");
    let traces = region.xaa.ask(all_cases()).unwrap();
    let states: Vec<&Value> = traces.as_array().unwrap().iter().map(|case| &case["state"]).collect();
    assert_eq!(states, [&json!("assistance_answered")]);
}
