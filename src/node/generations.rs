//! Which of its own keys a gateway uses: of each it may hold several generations, of which the directory says whether they
//! are in force. A key is never overwritten; the newest one that everybody can know of is used.

use crate::cose::{PqSigningKey, SigningKey};
use crate::model::{Digest, Party, Timestamp};
use crate::node::keys::{KeyError, KeyFolder, thumbprint_of_pem};
use crate::trust::federation::PartA;
use crate::trust::{Directory, PartyEntry, Role, certificate_from_pem};
use std::fs;
use std::path::{Path, PathBuf};

/// The keys of a gateway with their certificates: `NAME.key` in one folder, `NAME.pem` in the other.
#[derive(Clone)]
pub struct Generations {
    keys: KeyFolder,
    pki: PathBuf,
}

/// One generation of a key.
pub struct Generation {
    /// Its name in both folders.
    pub name: String,
    /// The private key.
    pub key: SigningKey,
    /// Its certificate, in DER.
    pub der: Vec<u8>,
    /// The certificate's thumbprint.
    pub x5t: Digest,
}

/// The keys that are in force.
pub struct InForce {
    /// Speaks for the party.
    pub seal: (SigningKey, Digest),
    /// Signs routes, receipts and checkpoints.
    pub log: (SigningKey, Digest),
    /// Signs anchors beside it.
    pub twin: PqSigningKey,
}

impl Generations {
    /// Looks into the folders of a gateway.
    pub fn new(keys: KeyFolder, pki: &Path) -> Self {
        Self { keys, pki: pki.to_owned() }
    }

    /// Returns the folder of private keys.
    pub const fn folder(&self) -> &KeyFolder {
        &self.keys
    }

    /// Returns the folder of certificates.
    pub fn pki(&self) -> &Path {
        &self.pki
    }

    /// Names a generation that is not there yet.
    pub fn next(&self, base: &str) -> u32 {
        (2..)
            .find(|n| !self.keys.holds(&name(base, *n)) && !self.pem(&name(base, *n)).exists())
            .unwrap_or(u32::MAX)
    }

    /// Finds the newest generation whose certificate is one of these.
    ///
    /// # Errors
    /// [`KeyError`] if a file that is there cannot be read.
    pub fn newest(
        &self,
        base: &str,
        is_one: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Generation>, KeyError> {
        for n in (1..self.next(base)).rev() {
            let name = name(base, n);
            let path = self.pem(&name);
            // A crash between the two files of a rotation leaves one of them; nobody was told of it.
            if !path.exists() || !self.keys.holds(&name) {
                continue;
            }
            let pem = fs::read_to_string(&path).map_err(|cause| KeyError::Io { path, cause })?;
            let x5t = thumbprint_of_pem(&pem)?;
            if is_one(&x5t) {
                let (key, der) = (self.keys.signing(&name)?, certificate_from_pem(&pem)?);
                return Ok(Some(Generation { name, key, der, x5t }));
            }
        }
        Ok(None)
    }

    /// Chooses the seal and the log key by what the directory says of this party now.
    ///
    /// # Errors
    /// [`KeyError::Identity`] if none of the keys here is listed.
    pub fn in_force(&self, directory: &Directory, me: &Party, now: Timestamp) -> Result<InForce, KeyError> {
        let seal = self.seal_in_force(directory, me, now)?;
        let log = self.listed("log", Role::Log, directory.entry(me)?, now)?;
        let twin = log.name.replacen("log", "log-pq", 1);
        let twin = PqSigningKey::from_seed(&*self.keys.open(&twin)?);
        Ok(InForce { seal, log: (log.key, log.x5t), twin })
    }

    /// Finds the newest seal key that the directory lists.
    ///
    /// # Errors
    /// As for [`Self::in_force`].
    pub fn seal_in_force(
        &self,
        directory: &Directory,
        me: &Party,
        now: Timestamp,
    ) -> Result<(SigningKey, Digest), KeyError> {
        let seal = self.listed("seal", Role::Seal, directory.entry(me)?, now)?;
        Ok((seal.key, seal.x5t))
    }

    /// Finds the newest log key that the directory lists, which is all that a relay signs with.
    ///
    /// # Errors
    /// As for [`Self::in_force`].
    pub fn log_in_force(
        &self,
        directory: &Directory,
        me: &Party,
        now: Timestamp,
    ) -> Result<(SigningKey, Digest), KeyError> {
        let log = self.listed("log", Role::Log, directory.entry(me)?, now)?;
        Ok((log.key, log.x5t))
    }

    /// Finds the newest issuing key that this party's part B lists.
    ///
    /// # Errors
    /// [`KeyError`] if a file cannot be read.
    pub fn issuing(&self, entry: &PartyEntry) -> Result<Generation, KeyError> {
        let listed = entry.part_b().map_or(&[][..], |part| part.issuing.as_slice());
        let thumbprints: Vec<Digest> = listed.iter().map(|der| crate::trust::thumbprint(der)).collect();
        let found = self.newest("issuing", |x5t| thumbprints.contains(x5t))?;
        found
            .ok_or_else(|| KeyError::Identity("the directory lists none of the issuing keys here".to_owned()))
    }

    /// Opens the root key that is in force, if it lies here at all: it may be kept elsewhere.
    ///
    /// # Errors
    /// [`KeyError::Identity`] if it does not.
    pub fn root(&self, part: &PartA) -> Result<Generation, KeyError> {
        let last = part.roots.last().map(|root| crate::trust::thumbprint(&root.certificate));
        let found = self.newest("root", |x5t| Some(*x5t) == last)?;
        let words =
            "the root key is not in the folder of keys; put it there for as long as the rotation takes";
        found.ok_or_else(|| KeyError::Identity(words.to_owned()))
    }

    fn listed(
        &self,
        base: &str,
        role: Role,
        entry: &PartyEntry,
        now: Timestamp,
    ) -> Result<Generation, KeyError> {
        let holds = |x5t: &Digest| entry.certificate(role, x5t).is_ok_and(|key| key.check(role, now).is_ok());
        let known = |x5t: &Digest| entry.certificate(role, x5t).is_ok();
        let found = match self.newest(base, holds)? {
            Some(found) => Some(found),
            // It has expired or was retired with no other in its place: the doctor says so, peers refuse it.
            None => self.newest(base, known)?,
        };
        found.ok_or_else(|| {
            KeyError::Identity(format!("the directory lists none of the {role} keys that are here"))
        })
    }

    fn pem(&self, name: &str) -> PathBuf {
        self.pki.join(format!("{name}.pem"))
    }
}

/// Names a generation: `seal`, then `seal-2`, `seal-3`.
pub fn name(base: &str, generation: u32) -> String {
    if generation == 1 { base.to_owned() } else { format!("{base}-{generation}") }
}
