use crate::cli::args::OwnKey;
use crate::model::{CaseId, Digest, ElementPath, Purpose};
use clap::Subcommand;
use std::path::{Path, PathBuf};

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
        /// Why it cannot wait for other officers, in words that name no weapon and no person; reviewed afterwards.
        #[arg(long, value_name = "TEXT")]
        emergency: Option<String>,
    },
    /// Agree to a release, as another officer than the one who asked.
    Approve {
        /// The permit.
        id: String,
        /// The digest that was shown; without it the permit is shown now, and a terminal asks.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<Digest>,
        /// The officer's own key.
        #[command(flatten)]
        own: OwnKey,
    },
    /// Bar a release that was not used yet.
    Deny {
        /// The permit.
        id: String,
        /// Why, in words that name no weapon and no person.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say that a release made in an emergency was looked at, as another officer.
    Review {
        /// The permit.
        id: String,
        /// The digest that was shown; without it the permit is shown now, and a terminal asks.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<Digest>,
        /// The officer's own key.
        #[command(flatten)]
        own: OwnKey,
    },
    /// Tell the State that gave information, beforehand, that a court or law compels its disclosure (ISACS 8.4).
    Notify {
        /// The case.
        case: CaseId,
        /// To whom it will be disclosed, by its name in the settings.
        #[arg(long, value_name = "AUTHORITY")]
        to: String,
        /// The elements, such as items/0/elements/2.
        #[arg(long = "element", value_name = "PATH", required = true)]
        elements: Vec<ElementPath>,
        /// The order or law.
        #[arg(long, value_name = "TEXT")]
        compelled_by: String,
    },
    /// List permits and denials.
    List,
    /// Use a permit, once, and write what it opens as a form for the recipient: JSON, HTML or CSV by the file's ending.
    Export {
        /// The permit.
        id: String,
        /// The file, FILE.json, FILE.html or FILE.csv; none is replaced.
        #[arg(short, long, value_name = "FILE", value_parser = release_form)]
        output: PathBuf,
    },
    /// Use a permit: show what it opens, once.
    Show {
        /// The permit.
        id: String,
        /// Write the files that stand in it into this folder.
        #[arg(long, value_name = "DIR")]
        files: Option<PathBuf>,
    },
}

fn release_form(text: &str) -> Result<PathBuf, String> {
    let ending = Path::new(text).extension().and_then(|e| e.to_str());
    matches!(ending, Some("json" | "html" | "csv"))
        .then(|| text.into())
        .ok_or_else(|| "name a file that ends in .json, .html or .csv".into())
}

pub(super) fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_code(text)
        .ok_or_else(|| format!("a purpose is one of: {}", Purpose::ALL.map(Purpose::code).join(", ")))
}
