use crate::config::{Authority, AuthorityKind, Draft, DraftOfficer, SHORT_NAME, is_short_name};
use crate::model::{CaseId, GroundCode, PartialDate, Party, Purpose, Role, Ternary};
use clap::{Args as ClapArgs, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Trace illicit small arms with other States under ISACS 05.31.
#[derive(Clone, Debug, Parser)]
#[command(name = "valise", version, propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    /// Write JSON for scripts: data on stdout, errors on stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// Which node to speak to: demo-xaa, demo-xbb, user or system (also VALISE_PROFILE).
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Find or put everything below this folder.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Act as this officer; demo profiles only.
    #[arg(long = "as", global = true, value_name = "OFFICER")]
    pub as_officer: Option<String>,
    /// Ask nothing, take yes for an answer (also VALISE_NO_INPUT).
    #[arg(long, global = true)]
    pub yes: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The nouns.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Two States on this machine, and a whole story to play.
    #[command(subcommand)]
    Demo(DemoVerb),
    /// The node itself.
    #[command(subcommand)]
    Gateway(GatewayVerb),
    /// The other NPCs.
    #[command(subcommand)]
    Peer(PeerVerb),
    /// What waits for an officer.
    #[command(subcommand)]
    Inbox(InboxVerb),
    /// Cases and the acts in them.
    #[command(subcommand)]
    Case(CaseVerb),
    /// Tracing requests (ISACS 8.2).
    #[command(subcommand)]
    Request(RequestVerb),
    /// Local release of restricted information (ISACS 8.3.4.2 d-f).
    #[command(subcommand)]
    Release(ReleaseVerb),
    /// Due dates.
    #[command(subcommand)]
    Deadline(DeadlineVerb),
    /// The outbox.
    #[command(subcommand)]
    Queue(QueueVerb),
    /// Settings.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Show what the strict decoder sees of a file; needs no keys and no node.
    Inspect {
        /// The file; `-` for stdin.
        file: PathBuf,
        /// As what to read it: cbor, frame, envelope, certificate; guessed by default.
        // It stands for the officer of the other verbs, whose name it shares.
        #[arg(long = "as", value_name = "KIND", value_parser = file_kind, id = "as_officer")]
        kind: Option<String>,
    },
}

/// `demo …`
#[derive(Clone, Debug, Subcommand)]
pub enum DemoVerb {
    /// Play and check a whole story with two States; ends its processes.
    Run {
        /// Keep the data folder even if all held.
        #[arg(long)]
        keep: bool,
    },
    /// Start XAA and XBB in the background.
    Start,
    /// End what `start` started.
    Stop,
    /// Stop, and delete the demo's data.
    Reset,
    /// Show what runs.
    Status,
    /// Cut or restore the link of a State.
    #[command(group = clap::ArgGroup::new("way").required(true))]
    Link {
        /// The State, such as XBB.
        state: Party,
        /// Restore it.
        #[arg(long, group = "way")]
        up: bool,
        /// Cut it.
        #[arg(long, group = "way")]
        down: bool,
    },
    /// Pass datagrams on unless the link is cut.
    #[command(hide = true)]
    Forward {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// Whither to pass on.
        #[arg(long)]
        to: SocketAddr,
        /// Files that cut the link while they exist.
        #[arg(long)]
        cut: Vec<PathBuf>,
    },
}

/// `gateway …`
#[derive(Clone, Debug, Subcommand)]
pub enum GatewayVerb {
    /// Make keys, certificates, settings and the card for peers.
    Init(Initial),
    /// Run the node until it is told to stop.
    Serve,
    /// Show how the node is.
    Status,
}

/// What `gateway init` starts from.
#[derive(Clone, Debug, ClapArgs)]
pub struct Initial {
    /// For whom the gateway speaks, such as GHA.
    #[arg(long)]
    pub party: Party,
    /// The UDP address on which it listens.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:4620")]
    pub listen: SocketAddr,
    /// An officer: NAME:ROLE or NAME:ROLE:ACCOUNT; roles are clerk, officer, supervisor, auditor.
    #[arg(long = "officer", value_name = "NAME:ROLE", required = true)]
    pub officers: Vec<OfficerArg>,
    /// A national authority: NAME:KIND or NAME:KIND:designated; kinds are competent, court.
    #[arg(long = "authority", value_name = "NAME:KIND")]
    pub authorities: Vec<AuthorityArg>,
    /// Make a demo gateway, in which callers choose the officer.
    #[arg(long)]
    pub demo: bool,
}

/// `NAME:ROLE[:ACCOUNT]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerArg(pub DraftOfficer);

/// `NAME:KIND[:designated]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityArg(pub Authority);

/// `peer …`
#[derive(Clone, Debug, Subcommand)]
pub enum PeerVerb {
    /// List the peers.
    List,
    /// Reach a peer and measure.
    Ping {
        /// The peer, such as XBB.
        state: Party,
    },
}

/// `inbox …`
#[derive(Clone, Debug, Subcommand)]
pub enum InboxVerb {
    /// List what waits for an officer.
    List,
}

/// `case …`
#[derive(Clone, Debug, Subcommand)]
pub enum CaseVerb {
    /// List the cases.
    List,
    /// Show one case.
    Show {
        /// The case, such as GHA-2026-000123.
        case: CaseId,
        /// Show the content of its acts, which is recorded.
        #[arg(long)]
        reveal: bool,
    },
    /// Write the acts of a case as one HTML file for paper; restricted elements are left out.
    Print {
        /// The case.
        case: CaseId,
        /// Where to write it; `-` for stdout.
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Acknowledge a request (ISACS 8.3.1).
    Ack {
        /// The case.
        case: CaseId,
        /// Words for the requesting NPC.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Respond to a request (ISACS 8.3.3): first --new for a form, then --from the form.
    #[command(group = clap::ArgGroup::new("step").required(true))]
    Respond {
        /// The case.
        case: CaseId,
        /// Write a form for the items of the case.
        #[arg(long, group = "step")]
        new: bool,
        /// Where to write it; `-` for stdout.
        #[arg(short, long, value_name = "FILE", default_value = "-", conflicts_with = "from")]
        output: PathBuf,
        /// Replace the file if it exists.
        #[arg(long, conflicts_with = "from")]
        force: bool,
        /// Send the response in this file; `-` for stdin.
        #[arg(long, value_name = "FILE", group = "step")]
        from: Option<PathBuf>,
    },
    /// Refuse a request, on a ground and with its reason (ISACS 8.3.4.2).
    Refuse {
        /// The case.
        case: CaseId,
        /// On what ground.
        #[command(flatten)]
        ground: GroundArg,
    },
    /// Announce that the response will be late, on a ground and with its reason (ISACS 8.3.4.2).
    Delay {
        /// The case.
        case: CaseId,
        /// On what ground.
        #[command(flatten)]
        ground: GroundArg,
        /// When the response is expected: 2027, 2027-03 or 2027-03-31.
        #[arg(long, value_name = "DATE")]
        expected: Option<PartialDate>,
    },
    /// Return an incomplete request with the list of what it lacks (ISACS 8.3.2).
    Return {
        /// The case.
        case: CaseId,
    },
    /// Record whether an incomplete request has a reasonable chance of success (ISACS 8.3.2).
    Judge {
        /// The case.
        case: CaseId,
        /// Whether there is a reasonable chance.
        #[arg(long, value_parser = yes_or_no, value_name = "yes|no", action = clap::ArgAction::Set)]
        reasonable: bool,
        /// Why, in words that name no weapon and no person.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Ask what an act of the other side means, or answer its question (ISACS 8.3.4.2).
    Clarify {
        /// The case.
        case: CaseId,
        /// The act or the question, by its digest or the first eight digits of it.
        #[arg(long, value_name = "DIGEST")]
        act: String,
        /// A file with the words; `-` for stdin.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Withdraw a request.
    Withdraw {
        /// The case.
        case: CaseId,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Tell the other side what came of the trace of an item (ISACS 5.3).
    Outcome {
        /// The case.
        case: CaseId,
        /// The item, counted from zero.
        #[arg(long, default_value_t = 0)]
        item: u32,
        /// Whether the point of diversion was found.
        #[arg(long, value_parser = ternary, value_name = "yes|no|unknown")]
        diversion_found: Ternary,
        /// Whether those responsible are or were prosecuted.
        #[arg(long, value_parser = ternary, value_name = "yes|no|unknown", default_value = "unknown")]
        prosecution: Ternary,
        /// What was done about the diversion.
        #[arg(long, value_name = "TEXT")]
        action: Option<String>,
        /// What prevents its like.
        #[arg(long, value_name = "TEXT")]
        prevention: Option<String>,
    },
}

/// A ground of ISACS 8.3.4.2 with its reasons.
#[derive(Clone, Debug, ClapArgs)]
pub struct GroundArg {
    /// The ground: a1, a2, b or c.
    #[arg(long, value_parser = ground)]
    pub ground: GroundCode,
    /// The reasons, in words for the requesting State.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The law relied on, for ground a2.
    #[arg(long, value_name = "TEXT")]
    pub law: Option<String>,
}

/// `request …`
#[derive(Clone, Debug, Subcommand)]
pub enum RequestVerb {
    /// Write a form for a request; it is incomplete on purpose.
    New {
        /// Where to write it; `-` for stdout.
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// Write a complete, invented request instead.
        #[arg(long)]
        example: bool,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Tell what a request lacks before it is sent, and to whom it should go.
    Check {
        /// The request; `-` for stdin.
        file: PathBuf,
    },
    /// Tell whether items need not be traced (ISACS 5.4).
    Exempt {
        /// The record; `-` for stdin. `config/examples/not-traced.json` shows one.
        file: PathBuf,
    },
    /// Put the rows of a spreadsheet into a request, one for each item; tells every error by its line.
    Import {
        /// The spreadsheet as CSV; `docs/csv-import.md` lists its columns.
        file: PathBuf,
        /// Where to write the request; `-` for stdout.
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// The request to add the items to; a blank one by default.
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        /// Only tell what would be imported.
        #[arg(long)]
        dry_run: bool,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Send a request.
    Submit {
        /// The request; `-` for stdin.
        file: PathBuf,
        /// The addressee, where the file names none.
        #[arg(long, value_name = "STATE")]
        to: Option<Party>,
        /// Send it although it is incomplete, for this reason (ISACS 8.3.2).
        #[arg(long, value_name = "REASON")]
        incomplete: Option<String>,
        /// Mark it as a training act (ISACS 7.1.4).
        #[arg(long)]
        exercise: bool,
        /// Submit it again in this case, after it was returned (ISACS 8.3.2).
        #[arg(long, value_name = "CASE", conflicts_with_all = ["to", "incomplete", "exercise"])]
        case: Option<CaseId>,
    },
}

/// `release …`
#[derive(Clone, Debug, Subcommand)]
pub enum ReleaseVerb {
    /// Ask to release what a response says to a national authority.
    Request {
        /// The case.
        case: CaseId,
        /// The authority, by its name in the settings.
        #[arg(long, value_name = "AUTHORITY")]
        to: String,
        /// For what: tracing, criminal_investigation, prosecution, border_control, embargo_monitoring, analysis.
        #[arg(long, value_parser = purpose)]
        purpose: Purpose,
        /// Only these elements; all by default.
        #[arg(long = "element", value_name = "PATH")]
        elements: Vec<String>,
        /// Use the permit at once.
        #[arg(long)]
        show: bool,
    },
    /// List permits and denials.
    List,
    /// Use a permit: show what it opens, once.
    Show {
        /// The permit.
        id: String,
    },
}

/// `deadline …`
#[derive(Clone, Debug, Subcommand)]
pub enum DeadlineVerb {
    /// List the clocks that run, soonest first.
    List,
}

/// `queue …`
#[derive(Clone, Debug, Subcommand)]
pub enum QueueVerb {
    /// List what waits to be delivered.
    List,
    /// Try now instead of at the next time.
    Retry {
        /// Which; all by default.
        id: Option<String>,
    },
}

/// What a file is read as.
fn file_kind(text: &str) -> Result<String, String> {
    ["cbor", "frame", "envelope", "certificate"]
        .into_iter()
        .find(|kind| *kind == text)
        .map(str::to_owned)
        .ok_or_else(|| "it is cbor, frame, envelope or certificate".into())
}

/// `config …`
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigVerb {
    /// List everything wrong with a file.
    Check {
        /// A gateway's settings or a list of peers.
        file: PathBuf,
    },
    /// Show the settings in force.
    Show {
        /// Say where each value came from.
        #[arg(long)]
        origin: bool,
    },
}

impl Initial {
    /// Returns what the new gateway's settings start from.
    pub fn draft(&self) -> Draft {
        Draft {
            party: self.party.clone(),
            listen: self.listen,
            officers: self.officers.iter().map(|o| o.0.clone()).collect(),
            authorities: self.authorities.iter().map(|a| a.0.clone()).collect(),
            demo: self.demo,
        }
    }
}

impl FromStr for OfficerArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (name, role) = parts.next().zip(parts.next()).ok_or("write NAME:ROLE")?;
        let role = Role::from_code(role).ok_or("a role is clerk, officer, supervisor or auditor")?;
        let user = parts.next().map(account).transpose()?;
        Ok(Self(DraftOfficer { name: short_name(name)?, role, user }))
    }
}

impl FromStr for AuthorityArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (name, kind) = parts.next().zip(parts.next()).ok_or("write NAME:KIND")?;
        let kind = match kind {
            "competent" => AuthorityKind::Competent,
            "court" => AuthorityKind::Court,
            _ => return Err("a kind is competent or court".into()),
        };
        let designated = match parts.next() {
            None => false,
            Some("designated") => true,
            Some(other) => return Err(format!("'{other}' is not 'designated'")),
        };
        Ok(Self(Authority { name: short_name(name)?, kind, designated }))
    }
}

fn short_name(text: &str) -> Result<String, String> {
    is_short_name(text).then(|| text.to_owned()).ok_or_else(|| format!("a name is {SHORT_NAME}"))
}

fn account(text: &str) -> Result<String, String> {
    let ok = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    ok.then(|| text.to_owned()).ok_or_else(|| "an account is a user name on this machine".into())
}

fn ground(text: &str) -> Result<GroundCode, String> {
    [GroundCode::A1, GroundCode::A2, GroundCode::B, GroundCode::C]
        .into_iter()
        .find(|g| g.code() == text)
        .ok_or_else(|| "a ground is a1, a2, b or c (ISACS 8.3.4.2)".into())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is yes or no".into()),
    }
}

fn ternary(text: &str) -> Result<Ternary, String> {
    [Ternary::Yes, Ternary::No, Ternary::Unknown]
        .into_iter()
        .find(|t| t.code() == text)
        .ok_or_else(|| "it is yes, no or unknown".into())
}

fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_code(text)
        .ok_or_else(|| format!("a purpose is one of: {}", Purpose::ALL.map(Purpose::code).join(", ")))
}
