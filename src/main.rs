//! The one binary: hands the command line to the face that answers it, and lends it what stands in rooms
//! that a face may not enter.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use valise::cli::{
    self, Answer, Args, BagContent, ConfigVerb, DemoVerb, EvidenceVerb, Face, FederationVerb, GatewayVerb,
    IdentityVerb, Initial, KeysArg, OfficerVerb, Readers, RelayInitial, RelayVerb, RequestVerb, Verb,
};
use valise::config::{Environment, Layout, RelayConfig};
use valise::control::{Carried, CarriedKind, Client, ExitCode, Failure, Hex};
use valise::demo::{self, DemoError, LinkWay, Place, Stage, StateStatus};
use valise::evidence::TrustAnchor;
use valise::node::{self, BackupOptions, InitOptions, Machine, Order, RestoreOptions, Serves, joining};
use valise::offline::OfflineError;
use valise::offline::authority::{self, Authority, AuthorityError, Keys};
use valise::offline::csv;
use valise::offline::custody;
use valise::offline::evidence;
use valise::offline::inspect::{self, Kind};
use valise::offline::officer::{self, OfficerError};
use valise::offline::requests::{self, Example};
use valise::wire::{Bag, FrameKind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    keep_memory_private();
    let exit = match cli::parse(std::env::args_os()) {
        Ok(args) => dispatch(&args),
        Err(exit) => exit,
    };
    exit.into()
}

/// Lets no crash write what an officer was just shown to a disk (ISACS 8.4 a), and no other process of the
/// same account read it. A system that forbids this is not worse off than before.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // A core that goes to a program through a pipe is not bound by the limit.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn dispatch(args: &Args) -> ExitCode {
    let face = Face::new(args.json);
    match &args.verb {
        Verb::Demo(verb) => face.end(play(args, verb)),
        Verb::Gateway(GatewayVerb::Init(initial)) => face.end(layout(args).and_then(|l| init(l, initial))),
        Verb::Gateway(GatewayVerb::Serve) => {
            layout(args).and_then(|l| node::serve(&l)).unwrap_or_else(|failure| face.fail(&failure))
        }
        Verb::Relay(RelayVerb::Init(initial)) => {
            face.end(relay_layout(args).and_then(|l| relay_init(&l, initial)))
        }
        Verb::Relay(RelayVerb::Serve) => relay_layout(args)
            .and_then(|l| node::relay_serve(&l))
            .unwrap_or_else(|failure| face.fail(&failure)),
        Verb::Relay(RelayVerb::Status) => {
            face.end(relay_layout(args).and_then(|l| cli::ask(args, &l, READERS)))
        }
        Verb::Request(RequestVerb::New { output, example, force }) => {
            face.end(request_new(output, *example, *force))
        }
        Verb::Request(RequestVerb::Check { file }) => face.end(request_check(file)),
        Verb::Request(RequestVerb::Exempt { file }) => face.end(request_exempt(file)),
        Verb::Inspect { file, kind } => face.end(inspect_file(file, kind.as_deref())),
        Verb::Evidence(EvidenceVerb::Verify { files, anchor }) => face.end(evidence_verify(files, anchor)),
        Verb::Request(RequestVerb::Import { file, output, into, dry_run, force }) => {
            let output = (!dry_run).then_some(output.as_path());
            face.end(request_import(file, into.as_deref(), output, *force))
        }
        Verb::Config(ConfigVerb::Check { file }) => face.end(cli::config_check(file)),
        Verb::Config(ConfigVerb::Show { origin }) => {
            face.end(layout(args).and_then(|l| cli::config_show(&l, *origin)))
        }
        Verb::Identity(verb) => face.end(layout(args).and_then(|l| identity(args, &l, verb))),
        Verb::Federation(verb) => face.end(federation(args, verb)),
        Verb::Officer(verb) => face.end(officer(verb)),
        Verb::Gateway(GatewayVerb::Doctor) => face.end(layout(args).and_then(|l| doctor(args, &l))),
        Verb::Gateway(GatewayVerb::Backup { output, credential, make_credential }) => {
            let options = |layout| BackupOptions {
                layout,
                output: output.clone(),
                credential: credential.clone(),
                make_credential: *make_credential,
            };
            face.end(layout(args).and_then(|l| backup(args, &options(l))))
        }
        Verb::Gateway(GatewayVerb::Restore { file, credential, party }) => {
            let options = |layout| RestoreOptions {
                layout,
                file: file.clone(),
                credential: credential.clone(),
                party: party.clone(),
            };
            face.end(layout(args).and_then(|l| restore(&options(l))))
        }
        Verb::Gateway(GatewayVerb::Status | GatewayVerb::Clock { .. } | GatewayVerb::Recover { .. })
        | Verb::Peer(_)
        | Verb::Inbox(_)
        | Verb::Case(_)
        | Verb::Request(RequestVerb::Submit { .. })
        | Verb::Release(_)
        | Verb::Report(_)
        | Verb::Evidence(_)
        | Verb::Approval(_)
        | Verb::Consent(_)
        | Verb::Deadline(_)
        | Verb::Mandate(_)
        | Verb::Notice(_)
        | Verb::Assistance(_)
        | Verb::Queue(_) => face.end(layout(args).and_then(|l| cli::ask(args, &l, READERS))),
    }
}

const READERS: Readers = Readers {
    request: |text| requests::parse_request(text).map_err(bad_data),
    response: |text| requests::parse_response(text).map_err(bad_data),
    sign: |key, passphrase, words| officer::sign(key, passphrase, words).map_err(officer_failure),
    bag: read_bag,
    pack: pack_bags,
};

fn read_bag(bytes: &[u8]) -> Result<BagContent, Failure> {
    let bag = Bag::parse(bytes).map_err(|fault| {
        let why = format!("it is no sound bag at byte {}: {} ({})", fault.offset, fault, fault.cause.code());
        Failure::new(ExitCode::BadData, "bag.malformed", why)
            .hint("nothing of it was taken in; ask for the bag again")
    })?;
    let carried = |(kind, body)| {
        let kind = match kind {
            FrameKind::Envelope => CarriedKind::Envelope,
            FrameKind::Receipts => CarriedKind::Receipts,
            FrameKind::Reject => CarriedKind::Reject,
            FrameKind::News => CarriedKind::News,
            FrameKind::Want => CarriedKind::Want,
            FrameKind::Ping
            | FrameKind::Pong
            | FrameKind::AuditQuestion
            | FrameKind::AuditAnswer
            | FrameKind::Holdings
            | FrameKind::RecoveryQuestion
            | FrameKind::RecoveryList
            | FrameKind::RecoveryAct
            | FrameKind::Custody
            | FrameKind::Collect
            | FrameKind::Parcel
            | FrameKind::Collected
            | FrameKind::Refused => unreachable!("a bag that was read holds no other frames"),
        };
        Carried { kind, body: Hex(body) }
    };
    Ok(BagContent { from: bag.from, to: bag.to, frames: bag.frames.into_iter().map(carried).collect() })
}

fn pack_bags(content: &BagContent, limit: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let frame = |carried: &Carried| {
        let kind = match carried.kind {
            CarriedKind::Envelope => FrameKind::Envelope,
            CarriedKind::Receipts => FrameKind::Receipts,
            CarriedKind::Reject => FrameKind::Reject,
            CarriedKind::News => FrameKind::News,
            CarriedKind::Want => FrameKind::Want,
        };
        (kind, carried.body.0.clone())
    };
    let frames = content.frames.iter().map(frame).collect();
    Bag::pack(&content.from, &content.to, frames, limit)
        .map_err(|cause| Failure::new(ExitCode::Bug, "bug.bag", cause))
}

fn layout(args: &Args) -> Result<Layout, Failure> {
    let named =
        args.profile.clone().or_else(|| std::env::var("VALISE_PROFILE").ok().filter(|p| !p.is_empty()));
    Ok(Layout::choose(args.data.as_deref(), named.as_deref(), &Environment::read())?)
}

fn relay_layout(args: &Args) -> Result<Layout, Failure> {
    Ok(layout(args)?.of_relay())
}

fn request_new(output: &Path, example: bool, force: bool) -> Result<Answer, Failure> {
    let form = if example { requests::example(Example::OneWeapon) } else { requests::template() };
    cli::request_new(form, output, force)
}

fn request_check(file: &Path) -> Result<Answer, Failure> {
    let report = requests::check(&cli::read_document(file)?).map_err(bad_data)?;
    cli::request_check(serde_json::json!(report))
}

fn request_exempt(file: &Path) -> Result<Answer, Failure> {
    let report = requests::exempt(&cli::read_text(file)?).map_err(bad_data)?;
    cli::request_exempt(json!(report))
}

fn inspect_file(file: &Path, kind: Option<&str>) -> Result<Answer, Failure> {
    let kind = kind.and_then(Kind::from_code);
    let report = inspect::inspect(&cli::read_bytes(file)?, kind).map_err(|error| {
        Failure::new(ExitCode::BadData, "file.malformed", error)
            .hint("docs/protocol.md describes each format")
    })?;
    let data = json!({ "kind": report.kind.code(), "content": report.value });
    Ok(Answer::ok("inspect", data, report.text))
}

/// Judges a dossier by the anchors named: fingerprints of federations, or files that hold some.
fn evidence_verify(files: &[PathBuf], anchors: &[String]) -> Result<Answer, Failure> {
    let mut trusted = TrustAnchor::default();
    for named in anchors {
        let found = match evidence::anchor(named) {
            Some(found) => found,
            None => evidence::anchor(&cli::read_text(Path::new(named))?).ok_or_else(|| {
                let message = format!("{named} holds no fingerprint");
                Failure::new(ExitCode::BadData, "anchor.unreadable", message)
                    .hint("a federation's fingerprint is 64 hex digits, as `valise federation show` tells it")
            })?,
        };
        trusted.roots.extend(found.roots);
    }
    let mut read = Vec::new();
    for file in files {
        read.push((file.display().to_string(), cli::read_large(file, evidence::MAX_DOSSIER)?));
    }
    if read.iter().any(|(_, bytes)| custody::is_custody_file(bytes)) {
        let (report, text) = custody::judge_relay(&read, &trusted);
        let exit = if report.valid { ExitCode::Ok } else { ExitCode::Finding };
        return Ok(Answer { verb: "evidence.verify", data: json!(report), text, exit });
    }
    let [(_, bytes)] = read.as_slice() else {
        return Err(Failure::new(ExitCode::Usage, "evidence.several", "a dossier is judged alone")
            .hint("several files are for a relay only, each made by `valise evidence export --relay`"));
    };
    let bytes = bytes.as_slice();
    let (report, text) = evidence::verify(bytes, &trusted);
    let exit = if report.valid { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "evidence.verify", data: json!(report), text, exit })
}

fn request_import(
    file: &Path,
    into: Option<&Path>,
    output: Option<&Path>,
    force: bool,
) -> Result<Answer, Failure> {
    let table = csv::import(cli::read_text(file)?.as_bytes());
    let base = into.map_or_else(|| Ok(requests::template().to_owned()), cli::read_text)?;
    let write = || csv::with_items(&base, &table.items).map_err(bad_data);
    cli::request_import(json!(table), output, force, write)
}

fn bad_data(error: OfflineError) -> Failure {
    Failure::new(ExitCode::BadData, "file.malformed", error)
        .hint("compare it with the form of `valise request new` or `valise case respond --new`")
}

/// Makes a gateway's keys, certificates and settings.
fn init(layout: Layout, initial: &Initial) -> Result<Answer, Failure> {
    let made = node::init(&InitOptions { draft: initial.draft(), layout, serves: Serves::Gateway })?;
    Ok(cli::gateway_init(made))
}

/// Writes a backup of a gateway that runs, or of one that does not.
fn backup(args: &Args, options: &BackupOptions) -> Result<Answer, Failure> {
    let point = cli::backup_point(args, &options.layout)?;
    let told = node::backup(options, point.as_ref())?;
    let next =
        "keep the credential apart from the backup; who has both has all keys of the gateway but its prekeys";
    Ok(cli::told("gateway.backup", told, next))
}

fn restore(options: &RestoreOptions) -> Result<Answer, Failure> {
    let told = node::restore(options)?;
    let next = "make sure that the old gateway never runs again, start this one with `valise gateway serve`, and give\n\
                the new card to the peers; `valise gateway status` tells what the gateway still waits for. Acts that waited for\n\
                a second officer and were written after the backup are lost: write them again";
    Ok(cli::told("gateway.restore", told, next))
}

/// Answers the verbs by which a gateway asks for admission and takes the answer.
fn identity(args: &Args, layout: &Layout, verb: &IdentityVerb) -> Result<Answer, Failure> {
    match verb {
        IdentityVerb::Request { output } => {
            let (bytes, told) = joining::request(layout)?;
            cli::write_bytes(output, &bytes, false)?;
            let next =
                "send the file to the authority, and read it the fingerprint by a road that both trust";
            Ok(cli::told("identity.request", told, next))
        }
        IdentityVerb::Import { file } => {
            let next = "compare the fingerprint with the authority aloud, then `valise federation join --anchor ...`";
            Ok(cli::told("identity.import", joining::import(layout, &whole(file)?)?, next))
        }
        IdentityVerb::Rotate { what, reason, compromised_since } => {
            let relay = layout.clone().of_relay();
            if layout.config.exists() || !relay.config.exists() {
                return cli::ask(args, layout, READERS);
            }
            let (config, machine) = (RelayConfig::load(&relay)?, Machine::os());
            let relay = Layout { data: config.data.clone(), ..relay };
            let order = Order::new(cli::key_use(*what), reason, *compromised_since, machine.now())?;
            let view = node::rotate_stopped((&relay, &config.credential), &order, &machine)?;
            let next = if view.needs_authority {
                "give the authority the file of `valise identity request`; what it publishes, `federation sync --from` takes in"
            } else {
                "start the relay again: its members hear of the key before it is used"
            };
            Ok(cli::told("identity.rotate", json!(view), next))
        }
        IdentityVerb::Show => {
            Ok(cli::told("identity.show", joining::identity(layout, Machine::os().now())?, ""))
        }
    }
}

/// Answers the verbs by which an officer makes and shows a signing key.
fn officer(verb: &OfficerVerb) -> Result<Answer, Failure> {
    let (name, file, key) = match verb {
        OfficerVerb::Key { output, passphrase_file } => {
            let secret = cli::new_passphrase(passphrase_file.as_deref())?;
            let made = officer::make_key(output, &secret, &mut *Machine::os().entropy());
            ("officer.key", output, made.map_err(officer_failure)?)
        }
        OfficerVerb::Show { file, passphrase_file } => {
            let secret = cli::passphrase(passphrase_file.as_deref(), "Passphrase of your key: ")?;
            ("officer.show", file, officer::public_key(file, &secret).map_err(officer_failure)?)
        }
    };
    let next = format!("have your [[officer]] entry say key = \"{key}\", and restart the gateway");
    Ok(cli::told(name, json!({ "file": file, "key": key }), &next))
}

fn officer_failure(error: OfficerError) -> Failure {
    match &error {
        OfficerError::Io { .. } => Failure::new(ExitCode::Finding, "officer.io", &error)
            .hint("no key is ever replaced; see the path and its folder"),
        OfficerError::Key { cause, .. } => {
            Failure::new(ExitCode::Denied, "officer.key", &error).hint(cause.hint())
        }
    }
}

/// Answers the verbs of a federation's authority and of its members.
fn federation(args: &Args, verb: &FederationVerb) -> Result<Answer, Failure> {
    let machine = Machine::os();
    let now = machine.now();
    let gather = "every signer runs `valise federation sign`, then `valise federation assemble`";
    match verb {
        FederationVerb::Key { file } => {
            let made = authority::make_key(file, &mut *machine.entropy()).map_err(authority_failure)?;
            let next = "keep the credential apart from the key; give the .pub file to the authority";
            Ok(cli::told("federation.key", made, next))
        }
        FederationVerb::Init { folder, name, keys, days } => {
            let told = Authority::at(folder).init(name, &who(keys), now, *days).map_err(authority_failure)?;
            Ok(cli::told("federation.init", told, gather))
        }
        FederationVerb::Sign { draft, key, output } => {
            let (signature, told) = authority::sign(&whole(draft)?, key).map_err(authority_failure)?;
            cli::write_bytes(output, &signature, false)?;
            Ok(cli::told("federation.sign", told, "bring the signature to the authority's folder"))
        }
        FederationVerb::Assemble { folder, signatures } => {
            let told = Authority::at(folder).assemble(signatures).map_err(authority_failure)?;
            Ok(cli::told("federation.assemble", told, "`valise federation publish` hands it out"))
        }
        FederationVerb::Admit { folder, request, fingerprint } => {
            let told = Authority::at(folder).admit(&whole(request)?, fingerprint, now);
            Ok(cli::told("federation.admit", told.map_err(authority_failure)?, gather))
        }
        FederationVerb::Suspend { folder, party, reason, since, .. } => {
            let since = since.unwrap_or(now);
            let told = Authority::at(folder).suspend(party, reason.as_deref(), since, now);
            Ok(cli::told("federation.suspend", told.map_err(authority_failure)?, gather))
        }
        FederationVerb::Rotate { folder, keys, days } => {
            let told = Authority::at(folder).rotate(&who(keys), now, *days).map_err(authority_failure)?;
            Ok(cli::told("federation.rotate", told, "signers of the old and of the new version sign"))
        }
        FederationVerb::Publish { folder, keys, days } => {
            let told = Authority::at(folder).publish(keys, now, *days).map_err(authority_failure)?;
            Ok(cli::told("federation.publish", told, "send the directory to all members, by any road"))
        }
        FederationVerb::Join { anchor } => {
            let told = joining::join(&layout(args)?, anchor, &machine)?;
            Ok(cli::told("federation.join", told, "`valise gateway serve`"))
        }
        FederationVerb::Check { proof, directory, anchor } => {
            let told = joining::check(&whole(proof)?, &whole(directory)?, anchor)?;
            Ok(cli::told(
                "federation.check",
                told,
                "the signers have signed both; keep the proof, and tell the others",
            ))
        }
        FederationVerb::Sync { from, .. } => {
            let layout = layout(args)?;
            match from {
                // A gateway that runs holds its directory; else the file is worked in here.
                Some(file) if Client::connect(&layout.socket).is_err() => {
                    let told = joining::sync(&layout, &whole(file)?, &machine)?;
                    Ok(cli::told("federation.sync", told, ""))
                }
                Some(_) | None => cli::ask(args, &layout, READERS),
            }
        }
        FederationVerb::Show { output } => {
            let (told, bundle) = joining::show(&layout(args)?, &machine)?;
            if let Some(file) = output {
                cli::write_bytes(file, &bundle, false)?;
            }
            Ok(cli::told("federation.show", told, ""))
        }
    }
}

fn who(keys: &KeysArg) -> Keys {
    Keys {
        signers: keys.signers.clone(),
        threshold: keys.threshold,
        publishers: keys.publishers.clone(),
        publisher_threshold: keys.publisher_threshold,
    }
}

/// Reads a file whole; a directory may be longer than any message.
fn whole(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|cause| {
        Failure::new(ExitCode::BadData, "file.unreadable", format_args!("cannot read {}", file.display()))
            .hint("name a readable file")
            .cause(cause)
    })
}

fn authority_failure(error: AuthorityError) -> Failure {
    let (exit, code, hint) = match &error {
        AuthorityError::Io { .. } => {
            (ExitCode::Finding, "authority.io", "nothing is overwritten; see the path and its folder")
        }
        AuthorityError::Trust(cause) => {
            let failure = Failure::new(ExitCode::BadData, &format!("federation.{}", cause.code()), &error);
            return failure.hint("nothing was changed; see the cause");
        }
        AuthorityError::Key { .. } => {
            (ExitCode::Config, "authority.key", "is the credential beside it the one that was made with it?")
        }
        AuthorityError::Unfit(_) => (ExitCode::Finding, "authority.unfit", "nothing was changed"),
        AuthorityError::Fingerprint { .. } => (
            ExitCode::Denied,
            "authority.fingerprint",
            "ask the party to read it again; admit nothing that differs",
        ),
    };
    Failure::new(exit, code, error).hint(hint)
}

/// Asks the gateway how it is, or looks at its files where none runs.
fn doctor(args: &Args, layout: &Layout) -> Result<Answer, Failure> {
    match cli::ask(args, layout, READERS) {
        Err(failure) if failure.code == "control.unavailable" => {
            cli::gateway_doctor(json!(node::doctor(layout)))
        }
        answer => answer,
    }
}

/// Makes a relay's keys, certificates and settings.
fn relay_init(layout: &Layout, initial: &RelayInitial) -> Result<Answer, Failure> {
    Ok(cli::relay_init(node::relay_init(&initial.draft(), layout)?))
}

/// Answers the verbs of the demo.
fn play(args: &Args, verb: &DemoVerb) -> Result<Answer, Failure> {
    let environment = Environment::read();
    let data = |default: Result<PathBuf, _>| args.data.clone().map_or_else(|| default, Ok);
    let stage = |data: PathBuf| {
        let exe = std::env::current_exe()
            .map_err(|cause| DemoError::Io { what: "finding this binary".into(), cause });
        let data = std::path::absolute(&data).unwrap_or(data);
        exe.map(|exe| Stage::new(exe, data)).map_err(demo_failure)
    };
    let running = || stage(data(environment.demo())?);
    match verb {
        DemoVerb::Run { keep } => demo_run(args, *keep, stage),
        DemoVerb::Start { approvals } => {
            let stage = stage(data(environment.demo_default())?)?.with_approvals(*approvals);
            stage.start().map_err(demo_failure)?;
            if environment.demo_data.is_none() {
                note(&environment, &stage)?;
            }
            status("demo.start", &stage)
        }
        DemoVerb::Stop => {
            let stage = running()?;
            stage.stop().map_err(demo_failure)?;
            status("demo.stop", &stage)
        }
        DemoVerb::Reset => {
            let stage = running()?;
            cli::confirm(args.yes, &format!("Delete the demo in {}?", stage.data().display()))?;
            stage.reset().map_err(demo_failure)?;
            let text = format!("deleted {}", stage.data().display());
            Ok(Answer::ok("demo.reset", json!({ "data": stage.data() }), text))
        }
        DemoVerb::Status => status("demo.status", &running()?),
        DemoVerb::Link { state, up, .. } => {
            let stage = running()?;
            let unknown = || {
                Failure::new(ExitCode::Usage, "demo.state", format!("{state} is not in the demo"))
                    .hint("it is XAA, XBB or org:relay-west")
            };
            let place = Place::from_name(&state.to_string()).ok_or_else(unknown)?;
            stage.link(place, if *up { LinkWay::Up } else { LinkWay::Down }).map_err(demo_failure)?;
            status("demo.link", &stage)
        }
        DemoVerb::Forward { listen, to, cut } => {
            let cause = demo::forward(*listen, *to, cut.clone()).err();
            let failure = Failure::new(ExitCode::Finding, "demo.forward", "the forwarder ended");
            Err(cause.map_or_else(|| failure.clone(), |cause| failure.clone().cause(cause)))
        }
    }
}

/// Plays the story in a folder of its own unless one is given, which is deleted at the end if all held.
fn demo_run(
    args: &Args,
    keep: bool,
    stage: impl Fn(PathBuf) -> Result<Stage, Failure>,
) -> Result<Answer, Failure> {
    let own = || std::env::temp_dir().join(format!("valise-demo-{}", std::process::id()));
    let stage = stage(args.data.clone().unwrap_or_else(own))?;
    let story = demo::run(&stage, &mut |line| {
        if !args.json {
            println!("{line}");
        }
    });
    let story = story.map_err(demo_failure)?;
    let keep = keep || args.data.is_some() || !story.held;
    if !keep {
        stage.reset().map_err(demo_failure)?;
    }
    let place =
        if keep { format!("; data and logs are in {}", stage.data().display()) } else { String::new() };
    let text = match story.steps.iter().find(|step| !step.held) {
        None => format!("\nall {} steps held{place}", story.steps.len()),
        Some(step) => format!("\nstep {} did not hold: {}{place}", step.step, step.title),
    };
    let exit = if story.held { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "demo.run", data: json!(story), text, exit })
}

/// Notes where the demo's data are, so that its profiles find them.
fn note(environment: &Environment, stage: &Stage) -> Result<(), Failure> {
    let Some(file) = environment.demo_note() else { return Ok(()) };
    let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(&file, stage.data().display().to_string())).map_err(|cause| {
        let what = format!("noting the demo in {}", file.display());
        demo_failure(DemoError::Io { what, cause })
    })
}

fn status(verb: &'static str, stage: &Stage) -> Result<Answer, Failure> {
    let states = stage.status().map_err(demo_failure)?;
    let word = |runs: bool| if runs { "runs" } else { "stopped" };
    let line = |s: &StateStatus| {
        let link = match s.link {
            LinkWay::Up => "up",
            LinkWay::Down => "cut",
        };
        format!(
            "{}  node {}, forwarder {}, link {link}; --profile {}; log {}\n",
            s.state,
            word(s.node),
            word(s.forwarder),
            s.profile,
            s.log.display()
        )
    };
    let relay = stage.relay_status().map_err(demo_failure)?;
    let link = match relay.link {
        LinkWay::Up => "up",
        LinkWay::Down => "cut",
    };
    let mut text: String = states.iter().map(line).collect();
    text.push_str(&format!(
        "{}  relay {}, forwarders {}, link {link}; --profile {}; log {}\n",
        relay.party,
        word(relay.node),
        word(relay.forwarder),
        relay.profile,
        relay.log.display()
    ));
    let data: Value = json!({ "data": stage.data(), "states": states, "relay": relay });
    Ok(Answer::ok(verb, data, text))
}

fn demo_failure(error: DemoError) -> Failure {
    let (exit, code, hint) = match &error {
        DemoError::NotOurs(_) => (ExitCode::Config, "demo.not_ours", "name an empty folder with --data DIR"),
        DemoError::Io { .. } => {
            (ExitCode::Finding, "demo.io", "see the cause; --data DIR chooses another folder")
        }
        DemoError::Verb { .. } => {
            (ExitCode::Finding, "demo.verb", "try the verb by hand; `demo reset` starts anew")
        }
        DemoError::NotReady { .. } => (ExitCode::Unavailable, "demo.not_ready", "its log says why"),
        DemoError::Interrupted => (ExitCode::Finding, "demo.interrupted", "start again"),
    };
    Failure::new(exit, code, error).hint(hint)
}
