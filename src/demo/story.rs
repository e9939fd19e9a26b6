use super::process::TICK;
use super::{DemoError, Run, Stage, State, io};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;

/// How often a State is asked whether it shows what it must, a tick apart; under twenty seconds in all.
const WAIT: u32 = 120;
/// The same where a dead line must first be given up; under a minute in all.
const LONG_WAIT: u32 = 400;
/// The clock fields that both sides of a case must show equal.
const CLOCKS: [&str; 5] = ["received_at", "ack_due", "ack_at", "respond_due", "responded_at"];
/// The invented response of XBB; its labels are those that the story needs.
const RESPONSE: &str = include_str!("../../config/examples/response-restricted.json");

/// A protected word of that response: part of the last legal owner's name.
const OWNER: &str = "Sociedade de Vigilancia";
/// How much of an answer is told, in characters.
const SHORT: usize = 150;

/// A story that was played.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Whether every step held.
    pub held: bool,
    /// The steps, in order; after one that did not hold none follows.
    pub steps: Vec<Step>,
    /// Where data and logs are.
    pub data: PathBuf,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Counted from one.
    pub step: usize,
    /// What happens.
    pub title: &'static str,
    /// Whether all its checks held.
    pub held: bool,
    /// The command lines that were run.
    pub commands: Vec<String>,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// Something that must hold.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// Whether it did.
    pub held: bool,
}

type Act = fn(&mut Play<'_>) -> Result<(), DemoError>;

const STEPS: [(&str, Act); 13] = [
    ("Two States make their keys and start", start),
    ("An incomplete request is caught before it is sent", incomplete),
    ("The completed request is submitted", submit),
    ("The receipt starts the same two clocks on both sides", receipt),
    ("An officer of XBB acknowledges within the seven days", acknowledge),
    ("The link of XBB is cut; its response waits in the queue", queue),
    ("The link returns; the response is delivered", deliver),
    ("The response arrives with its usage restrictions", restricted),
    ("Release to an authority that is not designated is denied", deny),
    ("Release to the police for tracing is permitted, and shown once", release),
    ("Both sides count the same due dates", deadlines),
    ("XBB is away: the relay signs for an act, and brings it while XAA is away", relay),
    ("Both nodes are killed in the middle of an act; nothing is lost", kill),
];

/// Plays the whole story on a stage and tells it line by line; once `halted` is set, no verb follows.
///
/// Processes still run afterwards: the caller stops the stage, however the story ended.
pub fn play(stage: &Stage, halted: &AtomicBool, tell: &mut dyn FnMut(&str)) -> Story {
    let mut play = Play {
        stage,
        halted,
        tell,
        steps: Vec::new(),
        case: String::new(),
        open: String::new(),
        permit: String::new(),
    };
    for (index, (title, act)) in STEPS.into_iter().enumerate() {
        (play.tell)(&format!("\n{}. {title}", index + 1));
        play.steps.push(Step {
            step: index + 1,
            title,
            held: true,
            commands: Vec::new(),
            checks: Vec::new(),
        });
        if let Err(cause) = act(&mut play) {
            play.check(cause, false);
        }
        if play.steps.last().is_some_and(|step| !step.held) {
            break;
        }
    }
    let steps = play.steps;
    let held = steps.len() == STEPS.len() && steps.iter().all(|step| step.held);
    Story { held, steps, data: stage.data().to_owned() }
}

struct Play<'a> {
    stage: &'a Stage,
    halted: &'a AtomicBool,
    tell: &'a mut dyn FnMut(&str),
    steps: Vec<Step>,
    /// The case that is answered.
    case: String,
    /// The training case that stays open.
    open: String,
    /// The permit that is used.
    permit: String,
}

fn start(play: &mut Play<'_>) -> Result<(), DemoError> {
    play.run(&["demo", "start"])?.succeeded()?;
    for state in State::ALL {
        let status = play.by(state, "gateway status")?.succeeded()?;
        play.check(format!("the node of {state} answers"), status.data["party"] == state.to_string());
    }
    let ping = play.by(State::Xaa, "peer ping XBB")?.succeeded()?;
    play.check("XAA reaches XBB, who proves to be XBB", ping.data["peer"] == "XBB");
    Ok(())
}

fn incomplete(play: &mut Play<'_>) -> Result<(), DemoError> {
    let form = play.file("form.json")?;
    play.with_file(State::Xaa, "request new -o", &form, "")?.succeeded()?;
    let found = play.with_file(State::Xaa, "request check", &form, "")?;
    let missing = entries(&found.data["missing"]);
    play.check("the check ends with 1, a finding", found.exit == 1 && found.data["complete"] == false);
    play.check(format!("it lists what is missing, {} things", missing.len()), !missing.is_empty());
    let cited = missing.iter().all(|finding| finding["clause"].as_str().is_some_and(|c| !c.is_empty()));
    play.check("each names the clause that asks for it", cited);
    Ok(())
}

fn submit(play: &mut Play<'_>) -> Result<(), DemoError> {
    let request = play.file("request.json")?;
    play.with_file(State::Xaa, "request new --example -o", &request, "")?.succeeded()?;
    let found = play.with_file(State::Xaa, "request check", &request, "")?;
    play.check("the check finds it complete", found.exit == 0 && found.data["complete"] == true);
    let sent = play.with_file(State::Xaa, "request submit", &request, "")?.succeeded()?;
    play.case = text(&sent.data["case"]);
    play.check(format!("it opens case {}", play.case), play.case.starts_with("XAA-"));
    Ok(())
}

fn receipt(play: &mut Play<'_>) -> Result<(), DemoError> {
    let case = play.case.clone();
    play.await_field(&case, "received_at")?;
    let due = play.show(State::Xaa, &case)?;
    play.check(format!("acknowledge by {}", text(&due["ack_due"])), due["ack_due"].is_string());
    play.check(format!("respond by {}", text(&due["respond_due"])), due["respond_due"].is_string());
    play.same_clocks(&case)
}

fn acknowledge(play: &mut Play<'_>) -> Result<(), DemoError> {
    let case = play.case.clone();
    play.by(State::Xbb, &format!("case ack {case} --note received"))?.succeeded()?;
    play.await_field(&case, "ack_at")?;
    play.same_clocks(&case)
}

fn queue(play: &mut Play<'_>) -> Result<(), DemoError> {
    let case = play.case.clone();
    play.run(&["demo", "link", "XBB", "--down"])?.succeeded()?;
    let (form, response) = (play.file("response-form.json")?, play.file("response.json")?);
    play.with_file(State::Xbb, &format!("case respond {case} --new -o"), &form, "")?.succeeded()?;
    fs::write(&response, filled_in(&form)?).map_err(io("writing the response"))?;
    (play.tell)("   (an officer of XBB fills in the form)");
    let sent = play.with_file(State::Xbb, &format!("case respond {case} --from"), &response, "")?;
    play.check("the response is accepted although the link is cut (exit 0)", sent.exit == 0);
    let waiting = play.by(State::Xbb, "queue list")?.succeeded()?;
    let queued = entries(&waiting.data).iter().any(|q| q["case"] == case.as_str() && q["act"] == "response");
    play.check("it waits in the queue", queued);
    let asked = play.show(State::Xaa, &case)?;
    play.check("XAA has no response yet", asked["responded_at"].is_null());
    Ok(())
}

fn deliver(play: &mut Play<'_>) -> Result<(), DemoError> {
    let case = play.case.clone();
    play.run(&["demo", "link", "XBB", "--up"])?.succeeded()?;
    play.by(State::Xbb, "queue retry")?.succeeded()?;
    play.await_field(&case, "responded_at")?;
    let waiting = play.by(State::Xbb, "queue list")?.succeeded()?;
    play.check("the queue of XBB is empty", entries(&waiting.data).is_empty());
    play.same_clocks(&case)
}

fn restricted(play: &mut Play<'_>) -> Result<(), DemoError> {
    let shown = play.by(State::Xaa, &format!("case show {}", play.case))?.succeeded()?;
    play.check("XAA holds the answer", shown.data["state"] == "answered");
    let count = entries(&shown.data["restrictions"]).len();
    play.check(format!("{count} elements carry restrictions"), count > 0);
    play.check("nothing that they protect is shown", !shown.data.to_string().contains(OWNER));
    Ok(())
}

fn deny(play: &mut Play<'_>) -> Result<(), DemoError> {
    let words = format!("release request {} --to customs --purpose tracing", play.case);
    let denied = play.by(State::Xaa, &words)?;
    play.check("the release ends with 77, denied", denied.exit == 77);
    play.check("the denial names the rule, 8.3.4.2(d)", denied.error.to_string().contains("8.3.4.2(d)"));
    play.check("nothing protected is shown", !denied.data.to_string().contains(OWNER));
    Ok(())
}

fn release(play: &mut Play<'_>) -> Result<(), DemoError> {
    let words = format!("release request {} --to police-cid --purpose tracing", play.case);
    let permitted = play.by(State::Xaa, &words)?.succeeded()?;
    play.permit = text(&permitted.data["id"]);
    play.check(format!("permit {}", play.permit), !play.permit.is_empty());
    let shown = play.by(State::Xaa, &format!("release show {}", play.permit))?.succeeded()?;
    play.check("the permit shows the last legal owner", shown.data.to_string().contains(OWNER));
    let again = play.by(State::Xaa, &format!("release show {}", play.permit))?;
    play.check("a second showing is denied (77)", again.exit == 77);
    Ok(())
}

fn deadlines(play: &mut Play<'_>) -> Result<(), DemoError> {
    let request = play.file("request.json")?;
    let sent = play.with_file(State::Xaa, "request submit", &request, "--exercise")?.succeeded()?;
    let open = text(&sent.data["case"]);
    play.open.clone_from(&open);
    play.await_field(&open, "received_at")?;
    let mut due = Vec::new();
    for state in State::ALL {
        let list = play.by(state, "deadline list")?.succeeded()?;
        let mut clocks: Vec<(String, String)> = entries(&list.data)
            .iter()
            .filter(|d| d["case"] == open.as_str())
            .map(|d| (text(&d["clock"]), text(&d["due"])))
            .collect();
        clocks.sort();
        due.push(clocks);
    }
    play.check(
        format!("both clocks of {open} run on both sides"),
        due.iter().all(|clocks| clocks.len() == 2),
    );
    play.check("XAA and XBB list equal due dates", due[0] == due[1]);
    play.same_clocks(&open)
}

fn relay(play: &mut Play<'_>) -> Result<(), DemoError> {
    play.run(&["demo", "link", "XBB", "--down"])?.succeeded()?;
    let request = play.file("request.json")?;
    let sent = play.with_file(State::Xaa, "request submit", &request, "--exercise")?.succeeded()?;
    let case = text(&sent.data["case"]);
    let name = case.clone();
    play.await_that("relay-west has signed for the request", State::Xaa, &["queue", "list"], &|queue| {
        let here = entries(queue).iter().find(|entry| entry["case"] == name.as_str());
        here.is_some_and(|entry| entry["custody"][0]["relay"] == "org:relay-west")
    })?;
    let status = play.run(&["--profile", "demo-relay-west", "relay", "status"])?.succeeded()?;
    let waits = entries(&status.data["mailboxes"]).iter().any(|mailbox| mailbox["party"] == "XBB");
    play.check("the relay knows that something waits for XBB, and nothing else of it", waits);
    play.run(&["demo", "link", "XAA", "--down"])?.succeeded()?;
    play.run(&["demo", "link", "XBB", "--up"])?.succeeded()?;
    play.await_that(
        "XBB has the request although XAA is away",
        State::Xbb,
        &["case", "show", &case],
        &|view| view["received_at"].is_string(),
    )?;
    let here = play.show(State::Xaa, &case)?;
    play.check("XAA does not know that yet", here["received_at"].is_null());
    play.run(&["demo", "link", "XAA", "--up"])?.succeeded()?;
    play.await_that("the receipt has come back to XAA", State::Xaa, &["case", "show", &case], &|view| {
        view["received_at"].is_string()
    })?;
    play.same_clocks(&case)
}

fn kill(play: &mut Play<'_>) -> Result<(), DemoError> {
    play.run(&["demo", "link", "XBB", "--down"])?.succeeded()?;
    let open = play.open.clone();
    let acted = play.by(State::Xbb, &format!("case ack {open}"))?;
    play.check("an acknowledgement is accepted while the link is cut", acted.exit == 0);
    let before = play.everything()?;
    play.command("kill -9 (both nodes)".to_owned());
    play.stage.kill_nodes()?;
    play.run(&["demo", "start"])?.succeeded()?;
    play.check("the cases of both sides are as before", play.everything()? == before);
    let again = play.by(State::Xaa, &format!("release show {}", play.permit))?;
    play.check("a used permit stays used (77)", again.exit == 77);
    play.run(&["demo", "link", "XBB", "--up"])?.succeeded()?;
    play.by(State::Xbb, "queue retry")?.succeeded()?;
    play.await_field(&open, "ack_at")?;
    play.same_clocks(&open)
}

impl Play<'_> {
    /// Runs a verb and tells it.
    fn run(&mut self, words: &[&str]) -> Result<Run, DemoError> {
        self.go_on()?;
        let run = self.stage.child().run(words)?;
        self.tell_run(&run);
        Ok(run)
    }

    /// Runs a verb, written in words without spaces, as the first officer of a State.
    fn by(&mut self, state: State, words: &str) -> Result<Run, DemoError> {
        self.go_on()?;
        let words: Vec<&str> = words.split(' ').collect();
        let run = self.stage.child().by(state, officer(state), &words)?;
        self.tell_run(&run);
        Ok(run)
    }

    /// Runs a verb with a file, whose path may hold spaces.
    fn with_file(&mut self, state: State, words: &str, file: &Path, rest: &str) -> Result<Run, DemoError> {
        self.go_on()?;
        let file = file.display().to_string();
        let mut all: Vec<&str> = words.split(' ').collect();
        all.push(&file);
        all.extend(rest.split_whitespace());
        let run = self.stage.child().by(state, officer(state), &all)?;
        self.tell_run(&run);
        Ok(run)
    }

    fn go_on(&self) -> Result<(), DemoError> {
        if self.halted.load(Ordering::Relaxed) { Err(DemoError::Interrupted) } else { Ok(()) }
    }

    fn tell_run(&mut self, run: &Run) {
        self.command(run.line.clone());
        let said = if run.data.is_null() { &run.error } else { &run.data };
        (self.tell)(&format!("     exit {}  {}", run.exit, short(said)));
    }

    fn command(&mut self, line: String) {
        (self.tell)(&format!("   $ {line}"));
        if let Some(step) = self.steps.last_mut() {
            step.commands.push(line);
        }
    }

    fn check(&mut self, what: impl ToString, held: bool) {
        let what = what.to_string();
        (self.tell)(&format!("   {} {what}", if held { '✓' } else { '✗' }));
        if let Some(step) = self.steps.last_mut() {
            step.held &= held;
            step.checks.push(Check { what, held });
        }
    }

    /// Waits until both sides of a case show a field.
    fn await_field(&mut self, case: &str, field: &str) -> Result<(), DemoError> {
        for _ in 0..WAIT {
            self.go_on()?;
            let seen = State::ALL.map(|state| self.show(state, case));
            if seen.iter().all(|view| view.as_ref().is_ok_and(|view| view[field].is_string())) {
                self.check(format!("both sides know {field}"), true);
                return Ok(());
            }
            sleep(TICK);
        }
        self.check(format!("both sides know {field} in time"), false);
        Ok(())
    }

    /// Asks a State again and again, without telling it, until its answer shows something.
    fn await_that(
        &mut self,
        what: &str,
        state: State,
        words: &[&str],
        holds: &dyn Fn(&Value) -> bool,
    ) -> Result<(), DemoError> {
        for _ in 0..LONG_WAIT {
            self.go_on()?;
            let run = self.stage.child().by(state, officer(state), words)?;
            if run.exit == 0 && holds(&run.data) {
                self.check(what, true);
                return Ok(());
            }
            sleep(TICK);
        }
        self.check(format!("in time, {what}"), false);
        Ok(())
    }

    fn same_clocks(&mut self, case: &str) -> Result<(), DemoError> {
        let [xaa, xbb] = State::ALL.map(|state| self.show(state, case));
        let (xaa, xbb) = (xaa?, xbb?);
        let differ: Vec<&str> = CLOCKS.into_iter().filter(|field| xaa[field] != xbb[field]).collect();
        let what = format!("XAA and XBB show the same {}", CLOCKS.join(", "));
        self.check(
            if differ.is_empty() { what } else { format!("{} differ", differ.join(", ")) },
            differ.is_empty(),
        );
        Ok(())
    }

    /// Reads a case without telling it.
    fn show(&self, state: State, case: &str) -> Result<Value, DemoError> {
        let run = self.stage.child().by(state, officer(state), &["case", "show", case])?;
        Ok(run.succeeded()?.data)
    }

    /// Reads all cases of both sides without telling it.
    fn everything(&self) -> Result<Vec<Value>, DemoError> {
        let list =
            |state| Ok(self.stage.child().by(state, officer(state), &["case", "list"])?.succeeded()?.data);
        State::ALL.into_iter().map(list).collect()
    }

    fn file(&self, name: &str) -> Result<PathBuf, DemoError> {
        let folder = self.stage.data().join("files");
        fs::create_dir_all(&folder).map_err(io("making a folder for files"))?;
        Ok(folder.join(name))
    }
}

const fn officer(state: State) -> &'static str {
    match state {
        State::Xaa => "awa",
        State::Xbb => "rui",
    }
}

/// Writes the invented response as an answer to the request that the form names.
fn filled_in(form: &Path) -> Result<String, DemoError> {
    let unusable = |cause: serde_json::Error| io("filling in the form")(cause.into());
    let form = fs::read_to_string(form).map_err(io("reading the form"))?;
    let mut form: Value = serde_json::from_str(&form).map_err(unusable)?;
    let mut response: Value = serde_json::from_str(RESPONSE).map_err(unusable)?;
    response["request"] = form["request"].take();
    // The story has no consent to ask for; without this restriction the police may have the element.
    response["items"][0]["elements"][0]["label"]["onward"] = json!("free");
    Ok(format!("{response:#}\n"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Shortens an answer to what fits on two lines of a terminal.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let mut cut: String = text.chars().take(SHORT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
