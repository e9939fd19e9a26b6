mod approval;
mod case;
mod consent;
mod evidence;
mod exchange;
mod federation;
mod gateway;
mod relay;
mod release;
mod report;
mod request;

pub use approval::{ApprovalVerb, OfficerVerb, OwnKey};
pub use case::{CaseVerb, GroundArg};
pub use consent::ConsentVerb;
pub use evidence::EvidenceVerb;
pub use exchange::{AssistanceVerb, MandateVerb, NoticeVerb};
pub use federation::{FederationVerb, IdentityVerb, KeysArg, RotatedKey};
pub use gateway::{AuthorityArg, GatewayVerb, Initial, OfficerArg};
pub use relay::{RelayInitial, RelayVerb};
pub use release::ReleaseVerb;
pub use report::ReportVerb;
pub use request::RequestVerb;

use crate::cli::bags::{MAX_MIB, MIN_MIB};
use crate::model::Party;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// This gateway's keys and certificates.
    #[command(subcommand)]
    Identity(IdentityVerb),
    /// The federation's directory: what its authority does, and how a gateway joins.
    #[command(subcommand)]
    Federation(FederationVerb),
    /// A relay, which keeps sealed messages for members that no road reaches just now.
    #[command(subcommand)]
    Relay(RelayVerb),
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
    /// What is counted for reports (ISACS 10.2).
    #[command(subcommand)]
    Report(ReportVerb),
    /// Acts that wait for a second officer.
    #[command(subcommand)]
    Approval(ApprovalVerb),
    /// Your own signing key, with which you agree to what other officers made.
    #[command(subcommand)]
    Officer(OfficerVerb),
    /// Consent to passing information on (ISACS 8.3.4.2 f).
    #[command(subcommand)]
    Consent(ConsentVerb),
    /// What proves a case to someone who trusts neither State.
    #[command(subcommand)]
    Evidence(EvidenceVerb),
    /// Who may act for whom (ISACS 9.3).
    #[command(subcommand)]
    Mandate(MandateVerb),
    /// What helps tracing in general (ISACS 9.6).
    #[command(subcommand)]
    Notice(NoticeVerb),
    /// Help from other parties (ISACS 5.3, 9.1).
    #[command(subcommand)]
    Assistance(AssistanceVerb),
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
        /// As what to read it: cbor, frame, envelope, bag, certificate, dossier; guessed by default.
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
    /// Start XAA, XBB and the relay in the background.
    Start {
        /// How many officers must agree before anything goes out, in a demo that is new.
        #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2))]
        approvals: u32,
    },
    /// End what `start` started.
    Stop,
    /// Stop, and delete the demo's data.
    Reset,
    /// Show what runs.
    Status,
    /// Cut or restore the link of a State or of the relay.
    #[command(group = clap::ArgGroup::new("way").required(true))]
    Link {
        /// The State, such as XBB, or org:relay-west.
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
    /// Pack what waits into a file for a courier: a stick, a mail.
    Export {
        /// The file; several are named after it, by peer and number.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// For which peer; all by default, each in files of its own.
        #[arg(long, value_name = "STATE")]
        peer: Option<Party>,
        /// Pack the files (photographs) that the peer lacks too; they fill as many bags as they need.
        #[arg(long)]
        files: bool,
        /// The most MiB of one file, 2 to 8.
        #[arg(long, value_name = "MIB", default_value_t = MAX_MIB, value_parser = clap::value_parser!(u64).range(MIN_MIB..=MAX_MIB))]
        split: u64,
        /// Replace files that are there.
        #[arg(long)]
        force: bool,
    },
    /// Take in what a courier brought; the same file twice does no harm.
    Import {
        /// The files, in any order.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// What a file is read as.
fn file_kind(text: &str) -> Result<String, String> {
    ["cbor", "frame", "envelope", "bag", "certificate", "dossier"]
        .into_iter()
        .find(|kind| *kind == text)
        .map(str::to_owned)
        .ok_or_else(|| "it is cbor, frame, envelope, bag, certificate or dossier".into())
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
