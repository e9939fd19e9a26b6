use crate::model::CaseId;
use clap::Subcommand;
use std::path::PathBuf;

/// `evidence …`
#[derive(Clone, Debug, Subcommand)]
pub enum EvidenceVerb {
    /// Write a dossier: all that proves offline who said what and when in a case; or the proof of an alarm alone.
    Export {
        /// Which case.
        #[arg(required_unless_present = "alarm")]
        case: Option<CaseId>,
        /// Instead of a case: the proof of this alarm, by its number in `gateway status`.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["case", "elements", "permit"])]
        alarm: Option<u64>,
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
    /// Judge a dossier, or the proof of an alarm; needs no node and no network.
    Verify {
        /// The dossier or proof.
        file: PathBuf,
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
