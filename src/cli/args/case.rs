use crate::model::{CaseId, ElementPath, GroundCode, PartialDate, Party, Ternary};
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// `case …`
#[derive(Clone, Debug, Subcommand)]
pub enum CaseVerb {
    /// List the cases, by the State that asked, year and number.
    List {
        /// List those that come after this one.
        #[arg(long, value_name = "CASE")]
        after: Option<CaseId>,
        /// List no more than this many; all by default.
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
    },
    /// Show one case.
    Show {
        /// The case, such as GHA-2026-000123.
        case: CaseId,
        /// Show the content of its acts, which is recorded.
        #[arg(long)]
        reveal: bool,
    },
    /// Show the photographs and other files of a case, and write those that are whole (ISACS 6.4.5).
    Attachment {
        /// The case.
        case: CaseId,
        /// Ask the peer for files that were left there (`attachments = "on-request"`).
        #[arg(long)]
        fetch: bool,
        /// Write them into this folder, which is recorded.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Tell what happened to each act: written, queued, received by proof, acknowledged, answered.
    History {
        /// The case.
        case: CaseId,
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
    /// Write the next request of a chain: to the State to which the answer points, quoting the answer by its digest.
    Follow {
        /// The case whose answer leads on.
        case: CaseId,
        /// Where to write the request; `-` for stdout.
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
        /// Quote this element too; a restricted one needs --permit.
        #[arg(long = "quote", value_name = "PATH")]
        quotes: Vec<ElementPath>,
        /// Use this permit and quote what it opens; it must be for the next addressee, with purpose tracing.
        #[arg(long, value_name = "ID")]
        permit: Option<String>,
        /// The next addressee; by default the State that the answer names.
        #[arg(long, value_name = "STATE")]
        to: Option<Party>,
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
        /// Give values knowingly to a State that declares that it cannot keep confidence or restrictions (8.4).
        #[arg(long, conflicts_with = "new")]
        despite_declaration: bool,
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
    /// Put a case away once it is over; what comes later brings it back (ISACS 7.7.1 d).
    Close {
        /// The case.
        case: CaseId,
        /// Why nothing follows, where no outcome was told; in words that name no weapon and no person.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
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
