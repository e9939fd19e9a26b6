//! Makes prekeys ahead and deletes private halves in time, with no officer present (DESIGN §6).

use crate::cose::{KemPrivate, SigningKey};
use crate::envelope::KeyRing;
use crate::model::{Digest, Entropy, MessageId, Party, Timestamp};
use crate::node::epochs::{Epoch, Plan, plan, settle};
use crate::node::gateway::Post;
use crate::node::gossip;
use crate::node::keys::{KeyError, KeyFolder, at, replace, write_new};
use crate::node::sheet::Sheet;
use crate::trust::federation::PrekeyEntry;
use crate::trust::{Prekey, PrekeyId, SignedPrekey, Validity};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked whether an epoch is to be made or deleted.
const LOOK: Duration = Duration::from_secs(600);

/// Keeps the prekeys of one gateway: their private halves, and what is published of them.
pub struct PrekeyKeeper {
    keys: KeyFolder,
    sheet: Sheet,
}

/// A prekey that is held, with its private half.
pub struct HeldPrekey {
    /// When it serves.
    pub epoch: Epoch,
    /// The private half.
    pub private: KemPrivate,
}

/// When a prekey serves, in the file beside its private half; nothing in it is secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochFile {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Up to where time is settled, as the file says it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettledFile {
    until: Timestamp,
}

impl PrekeyKeeper {
    /// Keeps the prekeys in a folder of keys; they are published on the party's sheet, part B.
    pub const fn new(keys: KeyFolder, sheet: Sheet) -> Self {
        Self { keys, sheet }
    }

    /// Returns the folder of keys.
    pub const fn folder(&self) -> &KeyFolder {
        &self.keys
    }

    /// Returns the sheet on which the gateway says what it is.
    pub const fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Does what the plan asks for now; tells whether anything was made or deleted. `ran` is for how many seconds the
    /// gateway has run since the last turn: nothing is deleted on the word of a clock that has just leapt.
    ///
    /// A private half is synced before anything names it, and is gone before its epoch is forgotten, so that
    /// a crash in between leaves nothing published that does not open and nothing that opens for ever.
    ///
    /// # Errors
    /// The first file that could not be read or written.
    pub fn turn(&self, now: Timestamp, ran: i64, entropy: &mut dyn Entropy) -> Result<bool, KeyError> {
        let settled = self.settle(now, ran)?;
        let held: Vec<Epoch> = self.epochs()?.into_iter().map(|(epoch, _)| epoch).collect();
        let Plan { make, delete } = plan(&held, now, settled);
        let changed = !make.is_empty() || !delete.is_empty();
        for validity in make {
            self.make(validity, entropy)?;
        }
        for id in delete {
            let id = MessageId(id.0);
            self.keys.destroy(&private_name(id), entropy)?;
            let file = self.epoch_file(id);
            fs::remove_file(&file).map_err(at(&file))?;
        }
        Ok(changed)
    }

    /// Opens every prekey that is held.
    ///
    /// # Errors
    /// As for [`Self::turn`].
    pub fn held(&self) -> Result<Vec<HeldPrekey>, KeyError> {
        let open = |(epoch, id): (Epoch, MessageId)| {
            let seed = self.keys.open(&private_name(id))?;
            Ok(HeldPrekey { epoch, private: KemPrivate::from_seed(&seed) })
        };
        self.epochs()?.into_iter().map(open).collect()
    }

    /// Moves on the instant up to which time is settled, which lies beside the keys.
    fn settle(&self, now: Timestamp, ran: i64) -> Result<Timestamp, KeyError> {
        let path = self.keys.folder().join("settled.toml");
        let before = fs::read_to_string(&path).ok();
        let before = before.and_then(|text| toml::from_str::<SettledFile>(&text).ok()).map(|file| file.until);
        let until = settle(before, ran, now);
        if before != Some(until) {
            let text = toml::to_string(&SettledFile { until }).expect("an instant has a TOML form");
            replace(&path, text.as_bytes())?;
        }
        Ok(until)
    }

    fn make(&self, validity: Validity, entropy: &mut dyn Entropy) -> Result<(), KeyError> {
        let id = MessageId::random(entropy);
        let file = EpochFile { not_before: validity.not_before, not_after: validity.not_after };
        let text = toml::to_string(&file).expect("an epoch has a TOML form");
        write_new(&self.epoch_file(id), text.as_bytes(), 0o600)?;
        self.keys.save(&private_name(id), KemPrivate::generate(entropy).seed(), entropy)
    }

    /// Lists the epochs whose private half is there; a file left alone by a crash is passed over.
    fn epochs(&self) -> Result<Vec<(Epoch, MessageId)>, KeyError> {
        let folder = self.keys.folder();
        let mut out = Vec::new();
        for entry in fs::read_dir(folder).map_err(at(folder))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = name.strip_prefix("prekey-").and_then(|n| n.strip_suffix(".toml"));
            let Some(id) = id.and_then(|id| id.parse::<MessageId>().ok()) else { continue };
            if !self.keys.holds(&private_name(id)) {
                continue;
            }
            let path = entry.path();
            let text = fs::read_to_string(&path).map_err(at(&path))?;
            let EpochFile { not_before, not_after } = toml::from_str(&text)
                .map_err(|e| KeyError::Identity(format!("{}: {}", path.display(), e.message())))?;
            let validity = Validity { not_before, not_after };
            out.push((Epoch { id: PrekeyId(id.0), validity }, id));
        }
        Ok(out)
    }

    fn epoch_file(&self, id: MessageId) -> PathBuf {
        self.keys.folder().join(format!("prekey-{id}.toml"))
    }
}

/// Signs each prekey that is published for itself, newest last: whoever lost all others offers these.
pub fn offered(
    party: &Party,
    published: &[PrekeyEntry],
    (seal, certificate): &(SigningKey, Digest),
) -> Vec<SignedPrekey> {
    let read = published.iter().filter_map(|entry| entry.read(party).ok());
    read.map(|(prekey, _)| SignedPrekey::sign(party, prekey, *certificate, seal)).collect()
}

/// Lists what is published of the prekeys as a part B does, newest last.
pub fn listed(held: &[HeldPrekey], now: Timestamp) -> Vec<PrekeyEntry> {
    let mut served: Vec<_> = held.iter().filter(|h| h.epoch.is_published(now)).collect();
    served.sort_by_key(|h| (h.epoch.validity, h.epoch.id));
    let entry = |held: &&HeldPrekey| {
        let Epoch { id, validity } = held.epoch;
        let prekey = Prekey { id, public: held.private.public(), validity };
        PrekeyEntry::new(&prekey, held.epoch.is_last_resort())
    };
    served.iter().map(entry).collect()
}

/// Keeps the prekeys for as long as the gateway runs.
pub async fn run(post: Post) {
    let gateway = &post.gateway;
    let Some(keeper) = &gateway.keeper else { return };
    loop {
        sleep(LOOK).await;
        let now = gateway.now();
        // By a clock that nobody sets, and no more than was slept: a machine that was suspended has not run.
        let ran = i64::try_from(LOOK.as_secs()).unwrap_or(0);
        let turned = keeper.turn(now, ran, &mut *gateway.entropy()).and_then(|changed| {
            if changed {
                let prekeys = private_halves(keeper.held()?);
                gateway.keys.amend(|ring| KeyRing { prekeys, ..ring.clone() });
            }
            Ok(changed)
        });
        let renewed = match turned {
            Ok(true) => gossip::renew_own_part(gateway).await.map(|()| true),
            Ok(false) => Ok(false),
            Err(cause) => Err(cause.into()),
        };
        match renewed {
            Ok(true) => tracing::info!("prekeys were made or deleted, as their epochs ask"),
            Ok(false) => {}
            Err(cause) => tracing::error!(%cause, "the prekeys could not be kept"),
        }
    }
}

/// Returns the private halves as the key ring holds them.
pub fn private_halves(held: Vec<HeldPrekey>) -> Vec<(Vec<u8>, KemPrivate)> {
    held.into_iter().map(|held| (held.epoch.id.0.to_vec(), held.private)).collect()
}

fn private_name(id: MessageId) -> String {
    format!("prekey-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DAY;
    use crate::node::entropy::OsEntropy;
    use crate::node::epochs::KEPT_DAYS;
    use std::path::Path;

    fn keeper_in(dir: &Path, keys: KeyFolder) -> PrekeyKeeper {
        let sheet = Sheet::new(dir.join("part-b.cbor"));
        PrekeyKeeper::new(keys, sheet)
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn private_halves_are_made_kept_and_at_last_gone_from_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        let mut entropy = OsEntropy::new();
        let keys = KeyFolder::create(&folder, &dir.path().join("credential"), &mut entropy).unwrap();
        let keeper = keeper_in(dir.path(), keys);
        let start = Timestamp::from_unix(1_800_000_000).unwrap();
        assert!(keeper.turn(start, 0, &mut entropy).unwrap());
        assert!(!keeper.turn(start, 0, &mut entropy).unwrap(), "nothing is made twice");
        let first = keeper.held().unwrap();
        assert_eq!((first.len(), names(&folder).len()), (4, 9));
        assert_eq!(listed(&first, start).len(), 4);

        let later = start.saturating_add((KEPT_DAYS + 8) * DAY);
        // The clock has leapt: nothing is deleted on its word alone, but after it has stood so for some days.
        keeper.turn(later, 0, &mut entropy).unwrap();
        assert!(first.iter().all(|f| keeper.held().unwrap().iter().any(|h| h.epoch.id == f.epoch.id)));
        keeper.turn(later, DAY, &mut entropy).unwrap();
        assert!(first.iter().all(|f| keeper.held().unwrap().iter().any(|h| h.epoch.id == f.epoch.id)));
        keeper.turn(later, 5 * DAY, &mut entropy).unwrap();
        let held = keeper.held().unwrap();
        let over: Vec<_> = first.iter().filter(|h| h.epoch.is_over(later)).collect();
        assert_eq!(over.len(), 1);
        for gone in over {
            let name = private_name(MessageId(gone.epoch.id.0));
            assert!(!names(&folder).iter().any(|n| n.contains(&name)), "{name} is still on the disk");
            assert!(held.iter().all(|h| h.epoch.id != gone.epoch.id));
        }
        assert!(listed(&held, later).len() <= 5);
    }

    #[test]
    fn an_epoch_file_without_its_private_half_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        let mut entropy = OsEntropy::new();
        let keys = KeyFolder::create(&folder, &dir.path().join("credential"), &mut entropy).unwrap();
        let keeper = keeper_in(dir.path(), keys);
        let start = Timestamp::from_unix(1_800_000_000).unwrap();
        keeper.turn(start, 0, &mut entropy).unwrap();
        let private = names(&folder).into_iter().find(|n| n.ends_with(".key")).unwrap();
        fs::remove_file(folder.join(private)).unwrap();
        assert_eq!(keeper.held().unwrap().len(), 3);
        assert!(keeper.turn(start, 0, &mut entropy).unwrap(), "the week that lost its key gets another");
        assert_eq!(keeper.held().unwrap().len(), 4);
    }
}
