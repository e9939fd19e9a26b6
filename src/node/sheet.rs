use crate::cose::SigningKey;
use crate::model::{Digest, Timestamp};
use crate::node::keys::{KeyError, at, replace};
use crate::trust::federation::{Document, PartB, SignedDocument};
use std::fs;
use std::path::PathBuf;

/// The part B of this gateway's own party: what it says of itself, signed anew by the seal key whenever that changes,
/// with no officer and no authority present (DESIGN §6).
pub struct Sheet(PathBuf);

/// How many versions a gateway that was lost may have signed at once after the one in its backup.
const SPARE: u64 = 1024;

impl Sheet {
    /// Keeps it in a file, which the next start and `identity request` read.
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Signs it anew under a version above all that a lost gateway can have signed since a backup, and above that of every
    /// earlier restore of the same one, however old it is: the instant of the restore in seconds, which others let a version
    /// lead to, or as many above the one in the backup as seconds have passed, since a gateway signs fewer. Where there is
    /// none, none is made.
    ///
    /// # Errors
    /// As for [`Self::amend`].
    pub fn leap(&self, (key, seal): &(SigningKey, Digest), restored: Timestamp) -> Result<(), KeyError> {
        if !self.0.exists() {
            return Ok(());
        }
        let before = PartB::read_unproved(&fs::read(&self.0).map_err(at(&self.0))?)?;
        let seconds = |count: i64| u64::try_from(count).unwrap_or(0);
        let passed = seconds(restored.seconds_since(before.issued));
        let version =
            seconds(restored.unix()).max(before.version.saturating_add(SPARE).saturating_add(passed));
        let next = PartB { version, issued: restored, ..before };
        replace(&self.0, &next.sign(seal, key)?.to_bytes())
    }

    /// Changes what it says; `known` is the one that the directory holds, which may be a later one than the file's if a
    /// backup was restored. Returns the bytes if the directory does not hold them yet.
    ///
    /// The file is durable before anybody is told, so that no version is ever signed with two contents.
    ///
    /// # Errors
    /// [`KeyError::Io`] if the file cannot be read or replaced, [`KeyError::Trust`] if it would become too long.
    pub fn amend(
        &self,
        known: Option<&[u8]>,
        (key, seal): &(SigningKey, Digest),
        now: Timestamp,
        change: impl FnOnce(&mut PartB),
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let file = fs::read(&self.0).map_err(at(&self.0))?;
        let version = |bytes: &[u8]| PartB::read_unproved(bytes).map(|part| part.version);
        let newest = match known {
            Some(known) if version(known)? > version(&file)? => known,
            Some(_) | None => &file,
        };
        let before = PartB::read_unproved(newest)?;
        let by = SignedDocument::parse(Document::PartB, newest)?.claimed_keys();
        let mut after = before.clone();
        change(&mut after);
        if after == before && by == [seal.0] {
            let is_news = known.is_none_or(|known| known != newest);
            return Ok(is_news.then(|| newest.to_vec()));
        }
        let next = PartB { version: before.version + 1, issued: now, ..after };
        let bytes = next.sign(seal, key)?.to_bytes();
        replace(&self.0, &bytes)?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::federation::Route;

    fn empty() -> PartB {
        PartB {
            party: "XAA".parse().unwrap(),
            version: 1,
            issued: Timestamp::EPOCH,
            logs: vec![],
            issuing: vec![],
            prekeys: vec![],
            routes: vec![],
            capabilities: vec![],
        }
    }

    fn version(bytes: &[u8]) -> u64 {
        PartB::read_unproved(bytes).unwrap().version
    }

    #[test]
    fn a_version_is_signed_once_and_stands_above_all_that_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part-b.cbor");
        let seal = (SigningKey::from_seed(&[7; 32]), Digest([1; 32]));
        let first = empty().sign(&seal.1, &seal.0).unwrap().to_bytes();
        fs::write(&path, &first).unwrap();
        let (sheet, now) = (Sheet::new(path.clone()), Timestamp::from_unix(1_800_000_000).unwrap());
        assert_eq!(sheet.amend(Some(&first), &seal, now, |_| ()).unwrap(), None, "nothing has changed");
        let here = |part: &mut PartB| part.routes = vec![Route::Quic("npc.example.org:4620".to_owned())];
        let second = sheet.amend(Some(&first), &seal, now, here).unwrap().unwrap();
        assert_eq!(version(&second), 2);
        // A crash before the directory took it: the same bytes again.
        assert_eq!(sheet.amend(Some(&first), &seal, now, here).unwrap(), Some(second.clone()));
        let ahead = PartB { version: 9, ..empty() }.sign(&seal.1, &seal.0).unwrap().to_bytes();
        let tenth = sheet.amend(Some(&ahead), &seal, now, here).unwrap().unwrap();
        assert_eq!(version(&tenth), 10, "a restored backup signs above what its peers know");
        let other = (SigningKey::from_seed(&[8; 32]), Digest([2; 32]));
        let resigned = sheet.amend(Some(&tenth), &other, now, |_| ()).unwrap().unwrap();
        assert_eq!(version(&resigned), 11, "another seal signs the same words as a new version");
        assert_eq!(fs::read(&path).unwrap(), resigned);
        let restored = |later: i64| {
            fs::write(&path, &resigned).unwrap();
            sheet.leap(&seal, now.saturating_add(later)).unwrap();
            version(&fs::read(&path).unwrap())
        };
        let year = 365 * 86_400;
        for later in [0, 1, 3600, year, year + 1, 100 * year] {
            let instant = u64::try_from(now.unix() + later).unwrap();
            assert_eq!(
                restored(later),
                instant,
                "each restore signs its own version, and none that is refused"
            );
        }
        // A backup of what was restored a moment ago, restored twice.
        let again = |later: i64| {
            let before = PartB { version: 1_800_000_000, issued: now, ..empty() };
            fs::write(&path, before.sign(&seal.1, &seal.0).unwrap().to_bytes()).unwrap();
            sheet.leap(&seal, now.saturating_add(later)).unwrap();
            version(&fs::read(&path).unwrap())
        };
        assert_eq!([-60, 0, 1, 60].map(again).map(|version| version - 1_800_000_000 - SPARE), [0, 0, 1, 60]);
    }
}
