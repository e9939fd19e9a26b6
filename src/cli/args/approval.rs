use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// `approval …`
#[derive(Clone, Debug, Subcommand)]
pub enum ApprovalVerb {
    /// List the acts that wait for another officer.
    List,
    /// Show what such an act says; it is recorded.
    Show {
        /// The act, such as A-1f09c3aa.
        id: String,
        /// Write the files (photographs) that go with it into this folder.
        #[arg(long, value_name = "DIR")]
        files: Option<PathBuf>,
    },
    /// Agree to it, as another officer than its author; with enough of them it goes out.
    Approve {
        /// The act.
        id: String,
        /// The digest that was shown; without it the act is shown now, and a terminal asks.
        #[arg(long, value_name = "DIGEST")]
        digest: Option<crate::model::Digest>,
        /// The officer's own key.
        #[command(flatten)]
        own: OwnKey,
    },
    /// Give it back to its author; it does not go out.
    Return {
        /// The act.
        id: String,
        /// Why, in words that name no weapon and no person.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `officer …`
#[derive(Clone, Debug, Subcommand)]
pub enum OfficerVerb {
    /// Make your own signing key, sealed under a passphrase; its public half belongs into the gateway's settings.
    Key {
        /// The file; none is ever replaced.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// A file whose first line is the passphrase; a terminal asks by default (also VALISE_PASSPHRASE_FILE).
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Show the public half of a key.
    Show {
        /// The file.
        file: PathBuf,
        /// A file whose first line is the passphrase; a terminal asks by default (also VALISE_PASSPHRASE_FILE).
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

/// The officer's own key, and what opens it.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct OwnKey {
    /// Your key, as `officer key` made it (also VALISE_OFFICER_KEY).
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// A file whose first line is the passphrase; a terminal asks by default (also VALISE_PASSPHRASE_FILE).
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}
