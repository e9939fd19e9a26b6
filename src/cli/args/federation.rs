use crate::model::{Digest, Party, Timestamp};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `identity …`
#[derive(Clone, Debug, Subcommand)]
pub enum IdentityVerb {
    /// Write the file by which an authority admits this gateway, and the fingerprint to read to it aloud.
    Request {
        /// Where to write it.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Take the authority's answer; `federation join` puts it in force.
    Import {
        /// The directory that the authority has published.
        file: PathBuf,
    },
    /// Make a new key and publish it; the one before holds on for 90 days, so that nothing is lost. The gateway runs.
    Rotate {
        /// Which key.
        what: RotatedKey,
        /// Why; everybody will read it.
        #[arg(long, default_value = "rotated in time")]
        reason: String,
        /// From when others may have held the key before: what it signs from then on is marked, and it ends at once.
        #[arg(long, value_name = "TIME")]
        compromised_since: Option<Timestamp>,
    },
    /// Show the keys of this gateway's party: which are in force, and which are retired, when and why.
    Show,
}

/// A key that can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RotatedKey {
    /// Speaks for the party; the authority must list it.
    Seal,
    /// Signs routes, receipts and checkpoints.
    Log,
    /// Certifies the TLS keys of the gateway, which are renewed weekly by themselves.
    Gateway,
    /// Certifies all others; the authority must list it.
    Root,
}

/// `federation …`
#[derive(Clone, Debug, Subcommand)]
pub enum FederationVerb {
    /// Authority: make the key of a root signer or publisher: FILE, FILE.credential and FILE.pub.
    Key {
        /// The file of the sealed key.
        file: PathBuf,
    },
    /// Authority: draft the first root document of a new federation.
    Init {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// The federation's short name.
        #[arg(long)]
        name: String,
        /// Who signs and publishes.
        #[command(flatten)]
        keys: KeysArg,
        /// For how many days the root document is fresh.
        #[arg(long, default_value_t = 400)]
        days: u32,
    },
    /// Authority: sign a draft, on a machine that has nothing but the draft and one signer's key.
    Sign {
        /// The draft.
        draft: PathBuf,
        /// The signer's key; its credential lies beside it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to write the signature.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Authority: put the signatures to the draft.
    Assemble {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// The signatures.
        #[arg(required = true)]
        signatures: Vec<PathBuf>,
    },
    /// Authority: draft the admission of a party, or take in a newer file of one that is admitted.
    Admit {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// The file of `identity request`.
        request: PathBuf,
        /// The fingerprint that the party has read aloud; spaces do not matter.
        #[arg(long, value_parser = fingerprint)]
        fingerprint: Digest,
    },
    /// Authority: draft the suspension of a party, or its end.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Suspend {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// The party.
        party: Party,
        /// Why; told to everybody.
        #[arg(long, group = "what")]
        reason: Option<String>,
        /// From when; now by default.
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// End the suspension.
        #[arg(long, group = "what")]
        lift: bool,
    },
    /// Authority: draft other signers or publishers, or a later expiry.
    Rotate {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// Who signs and publishes; what is left out stays.
        #[command(flatten)]
        keys: KeysArg,
        /// For how many days the root document is fresh.
        #[arg(long, default_value_t = 400)]
        days: u32,
    },
    /// Authority: sign the next snapshot and write the directory for all members.
    Publish {
        /// The authority's folder.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// A publisher's key; its credential lies beside it.
        #[arg(long = "key", value_name = "FILE", required = true)]
        keys: Vec<PathBuf>,
        /// For how many days the snapshot is fresh.
        #[arg(long, default_value_t = 35)]
        days: u32,
    },
    /// Put the imported directory in force, if the federation's fingerprint is the one that was compared.
    Join {
        /// The federation's fingerprint, as the authority has read it aloud; spaces do not matter.
        #[arg(long, value_parser = fingerprint)]
        anchor: Digest,
    },
    /// Compare directories with peers and relays now, or take in a file of it; what is newer on either side is then on both.
    Sync {
        /// Whom to ask; everybody that can be reached by default.
        peer: Option<Party>,
        /// A directory or news of it, whoever has handed it on.
        #[arg(long, value_name = "FILE", conflicts_with = "peer")]
        from: Option<PathBuf>,
    },
    /// Show the directory of this gateway.
    Show {
        /// Write its documents to a file too, for whom no wire reaches.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Who signs root documents, and who publishes.
#[derive(Clone, Debug, ClapArgs)]
pub struct KeysArg {
    /// The public key of a root signer, FILE.pub.
    #[arg(long = "signer", value_name = "FILE")]
    pub signers: Vec<PathBuf>,
    /// How many root signers must sign; by default more than half.
    #[arg(long, value_name = "K")]
    pub threshold: Option<usize>,
    /// The public key of a publisher, FILE.pub.
    #[arg(long = "publisher", value_name = "FILE")]
    pub publishers: Vec<PathBuf>,
    /// How many publishers must sign; by default more than half.
    #[arg(long, value_name = "K")]
    pub publisher_threshold: Option<usize>,
}

/// Reads 64 hex digits, however people have grouped them.
fn fingerprint(text: &str) -> Result<Digest, String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-')).collect();
    digits
        .to_lowercase()
        .parse()
        .map_err(|_| "a fingerprint is 64 hex digits, sixteen groups of four".to_owned())
}
