//! `gateway restore`: puts a gateway back from a backup, into a place where none is. It reads the backup to its end
//! before it writes anything, and writes the settings last, so that no gateway starts on half of it.

use super::stream::ItemReader;
use super::{
    ATTACHMENTS, BackupError, MANIFEST, Manifest, NEEDED_KEYS, VERSION, at, failure, is_plain, place,
    read_credential,
};
use crate::config::{GatewayConfig, Layout, Surroundings};
use crate::control::Failure;
use crate::evidence::LogBook;
use crate::model::{Entropy, MessageId, Party};
use crate::node::clock;
use crate::node::entropy::OsEntropy;
use crate::node::generations::Generations;
use crate::node::joining;
use crate::node::joining::DIRECTORY;
use crate::node::keys::{KeyFolder, write_new};
use crate::node::sheet::Sheet;
use crate::store::{Disk, IndexChoice, Ledger, RealDisk, Restoration, StoreOptions};
use crate::vault::BodyKey;
use crate::wire;
use crate::wire::Limits;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What `gateway restore` is told.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Where the gateway goes.
    pub layout: Layout,
    /// The backup.
    pub file: PathBuf,
    /// The secret that opens it.
    pub credential: PathBuf,
    /// Whose gateway it is, so that no backup is taken for another's.
    pub party: Party,
}

/// What one item of a backup is.
enum Item {
    Manifest,
    Config,
    Key(String),
    Pki(String),
    Federation(String),
    Journal(String),
    Attachment(String),
}

/// What was found in a backup that was read to its end.
struct Contents {
    manifest: Manifest,
    config: Zeroizing<Vec<u8>>,
}

/// Restores a gateway; see the module.
///
/// # Errors
/// The first cause, with what to do; before anything is written, but for what a disk does.
pub fn restore(options: &RestoreOptions) -> Result<Value, Failure> {
    put_back(options).map_err(failure)
}

fn put_back(options: &RestoreOptions) -> Result<Value, BackupError> {
    let credential = read_credential(&options.credential)?;
    let contents = examine(options, &credential)?;
    let config = settings(&contents, options)?;
    let place = place(&options.layout, &config);
    refuse_occupied(&place)?;
    let mut entropy = OsEntropy::new();
    for folder in [&place.data, &place.pki(), &parent(&place.config), &parent(&place.credential)] {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let keys = KeyFolder::create(&place.keys(), &place.credential, &mut entropy)?;
    write_all(options, &credential, &place, &keys, &mut entropy)?;
    let restoration = Restoration {
        id: MessageId::random(&mut entropy),
        at: clock::wall(),
        made_at: contents.manifest.made_at,
    };
    begin(&contents.manifest, &place, &keys, &restoration)?;
    // Last of all: without settings nothing starts.
    write_new(&place.config, &contents.config, 0o644)?;
    Ok(json!({
        "party": contents.manifest.party,
        "data": place.data,
        "made_at": contents.manifest.made_at,
        "restored_at": restoration.at,
        "groups": contents.manifest.sequence,
    }))
}

/// Reads the backup to its end: that it is whole, whose it is, and that nothing is missing.
fn examine(options: &RestoreOptions, credential: &[u8]) -> Result<Contents, BackupError> {
    let mut reader = open(options, credential)?;
    let (mut config, mut seen) = (None, BTreeSet::new());
    let mut manifest: Option<Manifest> = None;
    while let Some((name, length)) = reader.next_item()? {
        if !seen.insert(name.clone()) {
            return Err(BackupError::Unfit(format!("'{name}' is in it twice")));
        }
        match (Item::parse(&name)?, &manifest) {
            (Item::Manifest, None) => {
                let found: Manifest = wire::decode(&reader.content(length)?, &Limits::FILE)
                    .map_err(|e| BackupError::Unfit(format!("its manifest cannot be read: {e}")))?;
                manifest = Some(found);
            }
            (_, None) => return Err(BackupError::Unfit("it does not begin with its manifest".to_owned())),
            (Item::Manifest, Some(_)) => return Err(BackupError::Unfit("it has two manifests".to_owned())),
            (Item::Config, Some(_)) => config = Some(reader.content(length)?),
            (Item::Journal(_) | Item::Attachment(_), Some(_)) => reader.pieces(length, |_| Ok(()))?,
            (Item::Key(_) | Item::Pki(_) | Item::Federation(_), Some(_)) => {
                drop(reader.content(length)?);
            }
        }
    }
    let missing = |what: &str| BackupError::Unfit(format!("it holds no {what}"));
    let manifest = manifest.ok_or_else(|| missing("manifest"))?;
    if manifest.version != VERSION {
        let words =
            format!("what is inside has version {}, which this release does not know", manifest.version);
        return Err(BackupError::Unfit(words));
    }
    for key in NEEDED_KEYS {
        if !seen.contains(&format!("key/{key}")) {
            return Err(missing(&format!("{key} key")));
        }
    }
    if !seen.contains(&format!("federation/{DIRECTORY}")) {
        return Err(missing("directory of a federation"));
    }
    Ok(Contents { manifest, config: config.ok_or_else(|| missing("settings"))? })
}

/// Reads the settings as they will stand, so that whatever is wrong with them shows before anything is written.
fn settings(contents: &Contents, options: &RestoreOptions) -> Result<GatewayConfig, BackupError> {
    let text = std::str::from_utf8(&contents.config)
        .map_err(|_| BackupError::Unfit("its settings are no text".to_owned()))?;
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let layout = &options.layout;
    let around = Surroundings { layout, passwd: &passwd, log: None };
    let config = GatewayConfig::parse(text, &layout.config, &around)?;
    if config.party != options.party || contents.manifest.party != options.party {
        let words = format!("it is of {}, not of {}", contents.manifest.party, options.party);
        return Err(BackupError::Unfit(words));
    }
    Ok(config)
}

fn refuse_occupied(place: &Layout) -> Result<(), BackupError> {
    let folders = [place.keys(), place.store(), place.pki(), place.federation()];
    let files = [place.config.clone(), place.credential.clone()];
    match folders.into_iter().chain(files).find(|path| path.exists()) {
        Some(path) => Err(BackupError::Exists(path)),
        None => Ok(()),
    }
}

fn write_all(
    options: &RestoreOptions,
    credential: &[u8],
    place: &Layout,
    keys: &KeyFolder,
    entropy: &mut dyn Entropy,
) -> Result<(), BackupError> {
    let journal = RealDisk::open(&place.store())?;
    let attachments = RealDisk::open(&place.store().join(ATTACHMENTS))?;
    let mut reader = open(options, credential)?;
    while let Some((name, length)) = reader.next_item()? {
        let file = match Item::parse(&name)? {
            Item::Manifest | Item::Config => {
                drop(reader.content(length)?);
                continue;
            }
            Item::Journal(name) => {
                write_file(&mut reader, &journal, &name, length)?;
                continue;
            }
            Item::Attachment(name) => {
                write_file(&mut reader, &attachments, &name, length)?;
                continue;
            }
            Item::Key(name) => {
                let content = reader.content(length)?;
                let secret = <&[u8; 32]>::try_from(content.as_slice())
                    .map_err(|_| BackupError::Unfit(format!("its key '{name}' is not 32 bytes long")))?;
                keys.save(&name, secret, entropy)?;
                continue;
            }
            Item::Pki(name) => place.pki().join(name),
            Item::Federation(name) => place.federation().join(name),
        };
        let folder = parent(&file);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        write_new(&file, &reader.content(length)?, 0o644)?;
    }
    attachments.sync_dir().map_err(at(&place.store()))?;
    journal.sync_dir().map_err(at(&place.store()))
}

fn write_file(
    reader: &mut ItemReader<fs::File>,
    disk: &RealDisk,
    name: &str,
    length: u64,
) -> Result<(), BackupError> {
    let io = || at(Path::new(name));
    disk.create(name).map_err(io())?;
    let mut offset = 0;
    reader.pieces(length, |piece| {
        disk.write_at(name, offset, piece).map_err(io())?;
        offset += piece.len() as u64;
        Ok(())
    })?;
    disk.sync(name).map_err(io())
}

/// Opens the journal, which checks it, and notes the restore in it.
fn begin(
    manifest: &Manifest,
    place: &Layout,
    keys: &KeyFolder,
    restoration: &Restoration,
) -> Result<(), BackupError> {
    let unfit = |failure: Failure| BackupError::Unfit(failure.to_string());
    let shelf = joining::shelf(place).map_err(unfit)?;
    let directory = joining::read(&shelf, Some(&manifest.party)).map_err(unfit)?;
    let directory = directory.ok_or_else(|| BackupError::Unfit("it holds no directory".to_owned()))?;
    // The keys that were in force when the backup was made, of whichever generation.
    let own = Generations::new(keys.clone(), &place.pki());
    let own = own.in_force(&directory, &manifest.party, restoration.at)?;
    let logs = LogBook::new(manifest.party.clone(), own.log, Box::new(OsEntropy::new()));
    let body_key = BodyKey::new(keys.open("body")?);
    let disk = Arc::new(RealDisk::open(&place.store())?);
    let options = StoreOptions::new(disk, IndexChoice::Sled(place.store().join("index")));
    let (ledger, report) = Ledger::open(options, logs, body_key)?;
    let found = report.position;
    if (found.sequence, found.chain) != (manifest.sequence, manifest.chain) {
        let words = format!("its journal ends at group {}, not at {}", found.sequence, manifest.sequence);
        return Err(BackupError::Unfit(words));
    }
    ledger.begin_restored(restoration)?.into_inner();
    Sheet::new(place.part_b()).leap(&own.seal, restoration.at)?;
    Ok(ledger.store().close()?)
}

impl Item {
    /// Reads what an item is by its name; no name leads out of the gateway's own folders.
    fn parse(name: &str) -> Result<Self, BackupError> {
        let unknown = || BackupError::Unfit(format!("it holds '{name}', which this release does not know"));
        let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
        let plain = || is_plain(rest).then(|| rest.to_owned()).ok_or_else(unknown);
        Ok(match (kind, rest) {
            (MANIFEST, "") => Self::Manifest,
            ("config", "") => Self::Config,
            ("key", _) => Self::Key(plain()?),
            ("pki", _) => Self::Pki(plain()?),
            ("federation", _) => Self::Federation(plain()?),
            ("journal", _) => Self::Journal(plain()?),
            ("attachment", _) => Self::Attachment(plain()?),
            (_, _) => return Err(unknown()),
        })
    }
}

fn open(options: &RestoreOptions, credential: &[u8]) -> Result<ItemReader<fs::File>, BackupError> {
    let file = fs::File::open(&options.file).map_err(at(&options.file))?;
    ItemReader::begin(file, credential, &options.party.to_string())
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| ".".into(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_gateways_folders() {
        for name in [
            "peers",
            "card/XAA",
            "journal/../x",
            "pki/",
            "pki/.hidden",
            "key/a/b",
            "other",
            "config/x",
            "pki/a\0b",
            "",
        ] {
            assert!(Item::parse(name).is_err(), "{name}");
        }
        for name in ["manifest", "config", "key/log-pq", "pki/part-a.cbor", "federation/directory"] {
            assert!(Item::parse(name).is_ok(), "{name}");
        }
    }
}
