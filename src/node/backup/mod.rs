//! `gateway backup`: one sealed file from which the gateway can be restored (DESIGN §10). The gateway may run.
//!
//! It holds the journal up to one place, the keys, the certificates and the settings. The private halves of prekeys
//! are never in it: what was sealed to them must stay unreadable to whoever finds an old backup (DESIGN §6).

mod restore;
mod stream;

pub use restore::{RestoreOptions, restore};

use crate::config::{ConfigError, GatewayConfig, Layout};
use crate::control::{BackupPoint, ExitCode, Failure};
use crate::model::{Digest, Entropy, Party, Timestamp};
use crate::node::backup::stream::ItemWriter;
use crate::node::clock;
use crate::node::entropy::OsEntropy;
use crate::node::keys::{CREDENTIAL_BYTES, KeyError, KeyFolder, write_new};
use crate::store::{Disk, Extent, Position, RealDisk, SightedDisk, StoreError, extent};
use crate::vault::VaultError;
use crate::wire;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The version of what is inside a backup.
const VERSION: u32 = 1;
/// What a backup's manifest is called; it is the first item.
const MANIFEST: &str = "manifest";
/// The keys without which nothing can be restored.
const NEEDED_KEYS: [&str; 5] = ["seal", "log", "log-pq", "issuing", "body"];
/// Where attachments lie beside the journal.
const ATTACHMENTS: &str = "attachments";
/// How much of a journal file is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// Says why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no credential for the backup.
    #[error("there is no credential at {}", .0.display())]
    NoCredential(PathBuf),
    /// The backup's own file.
    #[error("the backup cannot be read or written: {0}")]
    File(#[from] std::io::Error),
    /// A file of the gateway.
    #[error("{path}: {cause}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It does not open, or is damaged.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A key of the gateway.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something is there already.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// What is inside cannot be restored.
    #[error("{0}")]
    Unfit(String),
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    party: Party,
    made_at: Timestamp,
    sequence: u64,
    chain: Digest,
}

/// What `gateway backup` is told.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Where the gateway is.
    pub layout: Layout,
    /// Where the backup goes.
    pub output: PathBuf,
    /// The secret that will open it; at least 32 random bytes.
    pub credential: PathBuf,
    /// Whether to draw that secret into the file.
    pub make_credential: bool,
}

/// Makes a backup. `point` is up to where a running gateway has all durable; `None` if none runs.
///
/// # Errors
/// [`ExitCode::Config`] if the gateway's files cannot be read, [`ExitCode::Finding`] if the backup cannot be written.
pub fn backup(options: &BackupOptions, point: Option<&BackupPoint>) -> Result<Value, Failure> {
    make(options, point).map_err(failure)
}

fn make(options: &BackupOptions, point: Option<&BackupPoint>) -> Result<Value, BackupError> {
    let layout = &options.layout;
    let config = GatewayConfig::load(layout)?;
    let place = place(layout, &config);
    if options.output.exists() {
        return Err(BackupError::Exists(options.output.clone()));
    }
    let mut entropy = OsEntropy::new();
    if options.make_credential {
        let mut drawn = Zeroizing::new(vec![0; CREDENTIAL_BYTES]);
        entropy.fill(&mut drawn);
        write_new(&options.credential, &drawn, 0o600)?;
    }
    let credential = read_credential(&options.credential)?;
    // Without a running gateway the lock keeps one from starting in the meantime.
    let _held = match point {
        Some(_) => None,
        None => Some(RealDisk::open(&place.store())?),
    };
    let journal = SightedDisk::at(&place.store());
    let until = point.map(|point| Position { sequence: point.sequence, chain: point.chain });
    let found = extent(&journal, until)?;
    let manifest = Manifest {
        version: VERSION,
        party: config.party.clone(),
        made_at: clock::wall(),
        sequence: found.position.sequence,
        chain: found.position.chain,
    };
    let part = options.output.with_extension("part");
    let file = new_file(&part)?;
    let written = write(file, &manifest, (&place, &config), (&journal, &found), &credential);
    let bytes = written.inspect_err(|_| drop(fs::remove_file(&part)))?;
    // A link fails where a rename would overwrite.
    fs::hard_link(&part, &options.output).map_err(at(&options.output))?;
    fs::remove_file(&part).map_err(at(&part))?;
    Ok(json!({
        "party": manifest.party,
        "file": options.output,
        "bytes": bytes,
        "made_at": manifest.made_at,
        "groups": manifest.sequence,
        "running": point.is_some(),
    }))
}

fn write(
    file: fs::File,
    manifest: &Manifest,
    (place, config): (&Layout, &GatewayConfig),
    (journal, found): (&dyn Disk, &Extent),
    credential: &[u8],
) -> Result<u64, BackupError> {
    let name = manifest.party.to_string();
    let mut out = ItemWriter::begin(file, credential, &name, Box::new(OsEntropy::new()))?;
    let told = wire::encode(manifest).map_err(|e| BackupError::Unfit(e.to_string()))?;
    out.item(MANIFEST, &told)?;
    out.item("config", &read(&place.config)?)?;
    let keys = KeyFolder::unlock(&place.keys(), &config.credential)?;
    for name in key_names(&place.keys())? {
        out.item(&format!("key/{name}"), &*keys.open(&name)?)?;
    }
    for (kind, folder) in [("pki", place.pki()), ("federation", place.federation())] {
        for name in file_names(&folder)? {
            out.item(&format!("{kind}/{name}"), &read(&folder.join(&name))?)?;
        }
    }
    for (name, length) in &found.files {
        out.begin_item(&format!("journal/{name}"), *length)?;
        copy(journal, name, *length, &mut out)?;
    }
    // Those that acts of the journal name were whole before it; what comes in meanwhile is asked for again.
    let folder = place.store().join(ATTACHMENTS);
    let attachments = SightedDisk::at(&folder);
    for name in file_names(&folder)? {
        let length = attachments.len(&name).map_err(at(&folder.join(&name)))?;
        out.begin_item(&format!("attachment/{name}"), length)?;
        copy(&attachments, &name, length, &mut out)?;
    }
    let mut file = out.finish()?;
    file.flush()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn copy(disk: &dyn Disk, name: &str, length: u64, out: &mut ItemWriter<fs::File>) -> Result<(), BackupError> {
    let mut offset = 0;
    while offset < length {
        let now = usize::try_from(length - offset).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; now];
        disk.read_at(name, offset, &mut piece).map_err(at(Path::new(name)))?;
        out.write(&piece)?;
        offset += now as u64;
    }
    Ok(())
}

/// Lists the keys that outlive the machine: all but the prekeys.
fn key_names(folder: &Path) -> Result<Vec<String>, BackupError> {
    let names = file_names(folder)?.into_iter();
    let keys = names.filter_map(|name| name.strip_suffix(".key").map(str::to_owned));
    Ok(keys.filter(|name| !name.starts_with("prekey-")).collect())
}

/// Lists the files of a folder that are whole; a folder that is not there has none.
fn file_names(folder: &Path) -> Result<Vec<String>, BackupError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let is_file = entry.file_type().map_err(at(&entry.path()))?.is_file();
        names.extend(entry.file_name().into_string().ok().filter(|name| is_file && is_plain(name)));
    }
    names.retain(|name| name != "lock" && !name.ends_with(".next"));
    names.sort();
    Ok(names)
}

/// Tells whether a name can be that of a file in a folder of a gateway and nothing else.
fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=100).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

/// Returns where the settings say that everything lies.
fn place(layout: &Layout, config: &GatewayConfig) -> Layout {
    Layout {
        data: config.data.clone(),
        credential: config.credential.clone(),
        socket: config.socket.clone(),
        ..layout.clone()
    }
}

fn read_credential(path: &Path) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let known = fs::read(path).map_err(|cause| {
        let is_missing = cause.kind() == std::io::ErrorKind::NotFound;
        if is_missing { BackupError::NoCredential(path.to_owned()) } else { at(path)(cause) }
    });
    Ok(Zeroizing::new(known?))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    Ok(Zeroizing::new(fs::read(path).map_err(at(path))?))
}

fn new_file(path: &Path) -> Result<fs::File, BackupError> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |cause| BackupError::Io { path, cause }
}

/// Says what an officer can do about it.
fn failure(error: BackupError) -> Failure {
    if let BackupError::Config(cause) = error {
        return cause.into();
    }
    let (exit, code, hint) = match &error {
        BackupError::Vault(VaultError::WrongCredential { .. }) => {
            (ExitCode::Denied, "backup.credential", "name the credential with which the backup was made")
        }
        BackupError::Vault(VaultError::WrongName { .. }) => (
            ExitCode::BadData,
            "backup.other",
            "name the backup of this party, or its own party with --party",
        ),
        BackupError::Vault(VaultError::WeakCredential { .. }) => {
            (ExitCode::Config, "backup.weak_credential", "--make-credential draws one of 32 random bytes")
        }
        BackupError::Vault(cause) => (ExitCode::BadData, "backup.unreadable", cause.hint()),
        BackupError::Exists(_) => (
            ExitCode::Config,
            "backup.exists",
            "nothing was changed, since nothing is ever overwritten; choose another place",
        ),
        BackupError::Store(StoreError::Locked { .. }) => (
            ExitCode::TryLater,
            "backup.held",
            "a gateway holds this data but does not answer yet at its socket; try again",
        ),
        BackupError::Store(_) => (ExitCode::Config, "backup.store", "look at the disk; see the cause"),
        BackupError::Key(_) => {
            (ExitCode::Config, "backup.keys", "is the credential the one that `gateway init` wrote?")
        }
        BackupError::NoCredential(_) => (
            ExitCode::Finding,
            "backup.no_credential",
            "name the credential of your backups; the first backup makes it, with --make-credential",
        ),
        BackupError::Io { .. } | BackupError::File(_) => {
            (ExitCode::Finding, "backup.io", "see the path, its permissions and the disk")
        }
        BackupError::Unfit(_) | BackupError::Config(_) => {
            (ExitCode::BadData, "backup.unfit", "take another copy of the backup")
        }
    };
    Failure::new(exit, code, error).hint(hint)
}
