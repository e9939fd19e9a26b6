use crate::model::{CaseId, Party};
use clap::Subcommand;
use std::path::PathBuf;

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
        /// Ask for this party, as its agent (ISACS 9.3).
        #[arg(long, value_name = "PARTY", conflicts_with = "via")]
        on_behalf_of: Option<Party>,
        /// Ask the addressee through this agent of it (ISACS 9.3).
        #[arg(long, value_name = "PARTY")]
        via: Option<Party>,
        /// Submit it again in this case, after it was returned (ISACS 8.3.2).
        #[arg(long, value_name = "CASE", conflicts_with_all = ["to", "incomplete", "exercise", "on_behalf_of", "via"])]
        case: Option<CaseId>,
    },
}
