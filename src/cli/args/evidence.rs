use crate::model::{CaseId, Party};
use clap::Subcommand;
use std::path::PathBuf;

/// `evidence …`
#[derive(Clone, Debug, Subcommand)]
pub enum EvidenceVerb {
    /// Write a dossier: all that proves offline who said what and when in a case; or the proof of an alarm alone; or what
    /// a relay has signed for.
    Export {
        /// Which case.
        #[arg(required_unless_present_any = ["alarm", "relay"])]
        case: Option<CaseId>,
        /// Instead of a case: the proof of this alarm, by its number in `gateway status`.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["case", "elements", "permit", "relay"])]
        alarm: Option<u64>,
        /// Instead of a case: what this relay has signed for, and what has come from it; the files of both sides judge it.
        #[arg(long, value_name = "RELAY", conflicts_with_all = ["case", "elements", "permit"])]
        relay: Option<Party>,
        /// Where to write it.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Disclose these elements only, as ACT:PATH or PATH; `none` discloses none.
        #[arg(long, value_name = "ELEMENT", value_delimiter = ',')]
        elements: Option<Vec<String>>,
        /// Spend this permit: disclose the restricted elements that it names.
        #[arg(long, value_name = "ID")]
        permit: Option<String>,
        /// Replace a file that is there already.
        #[arg(long)]
        force: bool,
    },
    /// Judge a dossier, the proof of an alarm, or a relay by the files of those who use it; needs no node and no network.
    Verify {
        /// The dossier or proof; or the files of `export --relay`, the sender's first and then those of the addressees.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What you trust: a federation's fingerprint, or a file with fingerprints; may be repeated.
        #[arg(long, value_name = "FILE|FINGERPRINT", required = true)]
        anchor: Vec<String>,
    },
    /// Show the head of the private journal, or check the journal against a head noted down earlier.
    Head {
        /// The noted head, as NUMBER:DIGEST.
        #[arg(long, value_name = "HEAD")]
        check: Option<String>,
    },
}
