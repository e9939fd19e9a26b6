use crate::model::{CaseId, Purpose};
use clap::Subcommand;

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

fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_code(text)
        .ok_or_else(|| format!("a purpose is one of: {}", Purpose::ALL.map(Purpose::code).join(", ")))
}
