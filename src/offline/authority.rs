//! The authority of a federation, all of it without a network: drafts, signatures made on machines apart, and what
//! publishers hand out. Its folder holds:
//!
//! | file | what |
//! |---|---|
//! | `root-N.cbor` | each signed root document |
//! | `draft.cbor` | the next one, while signatures are gathered |
//! | `parts/PARTY.a`, `parts/PARTY.b` | the parts of the parties that were admitted or renewed |
//! | `directory.cbor` | the whole directory as last published |

use crate::cose::{SigningKey, VerifyingKey};
use crate::model::{Digest, Entropy, Party, Timestamp};
use crate::trust::federation::{
    Document, Documents, Listed, PartA, PartB, Root, Signature, SignedDocument, Snapshot, Suspension,
    Threshold, VerifiedRoot,
};
use crate::trust::{Directory, TrustError, Validity, thumbprint};
use crate::vault;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The name under which the key of a signer or publisher is sealed.
const KEY: &str = "federation";

/// Says why a verb of the authority did not do its work; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A document is refused.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A key file does not open.
    #[error("{}: {cause}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: vault::VaultError,
    },
    /// What was asked does not fit what is there.
    #[error("{0}")]
    Unfit(String),
    /// The fingerprint that was read aloud is not that of the file.
    #[error("the file of {party} has the fingerprint {found}")]
    Fingerprint {
        /// Whose file it claims to be.
        party: Party,
        /// Its fingerprint.
        found: Digest,
    },
}

/// An authority's folder.
pub struct Authority {
    folder: PathBuf,
}

/// What `federation init` and `federation rotate` decide about signers and publishers.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Files with the public keys of root signers; empty to keep those in force.
    pub signers: Vec<PathBuf>,
    /// How many of them must sign.
    pub threshold: Option<usize>,
    /// Files with the public keys of publishers; empty to keep those in force.
    pub publishers: Vec<PathBuf>,
    /// How many of them must sign.
    pub publisher_threshold: Option<usize>,
}

/// Makes a signer's or publisher's key: FILE, sealed by `FILE.credential`, and its public half `FILE.pub`.
///
/// # Errors
/// One of the files is there already, or cannot be written.
pub fn make_key(file: &Path, entropy: &mut dyn Entropy) -> Result<Value, AuthorityError> {
    let mut credential = Zeroizing::new(vec![0; 32]);
    entropy.fill(&mut credential);
    let key = SigningKey::generate(entropy);
    let sealed = vault::seal_keyfile(&credential, KEY, key.seed().as_slice(), entropy)
        .map_err(|cause| AuthorityError::Key { path: file.to_owned(), cause })?;
    write_new(file, &sealed, 0o600)?;
    write_new(&beside(file, "credential"), &credential, 0o600)?;
    let public = format!("{}\n", Digest(key.verifying_key().0));
    write_new(&beside(file, "pub"), public.as_bytes(), 0o644)?;
    Ok(json!({ "key": file, "public": public.trim_end() }))
}

/// Signs a draft with one signer's key, on a machine that has nothing but the draft and the key.
///
/// # Errors
/// The draft is none, or the key does not open.
pub fn sign(draft: &[u8], key: &Path) -> Result<(Vec<u8>, Value), AuthorityError> {
    let root = Root::from_draft(draft)?;
    let signature = root.sign(&open_key(key)?)?;
    Ok((signature.as_bytes().to_vec(), describe(&root, draft)))
}

impl Authority {
    /// Names the folder; nothing is touched yet.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Drafts the first root document.
    ///
    /// # Errors
    /// There is a federation in the folder already, or keys and thresholds do not fit.
    pub fn init(&self, name: &str, keys: &Keys, now: Timestamp, days: u32) -> Result<Value, AuthorityError> {
        if self.root(1)?.is_some() || self.draft_file().exists() {
            return Err(AuthorityError::Unfit(format!(
                "{} holds a federation already",
                self.folder.display()
            )));
        }
        fs::create_dir_all(self.folder.join("parts")).map_err(at(&self.folder))?;
        let validity = Validity::days(now, days);
        let need = |given: Option<usize>, of: &[PathBuf]| given.unwrap_or(of.len() / 2 + 1);
        let root = Root {
            federation: name.to_owned(),
            genesis: None,
            version: 1,
            issued: now,
            expires: validity.not_after,
            signers: threshold(&keys.signers, need(keys.threshold, &keys.signers))?,
            publishers: threshold(&keys.publishers, need(keys.publisher_threshold, &keys.publishers))?,
            admitted: BTreeMap::new(),
            suspended: BTreeMap::new(),
        };
        self.put_draft(&root)
    }

    /// Puts signatures to the draft; it becomes the root document in force if they suffice.
    ///
    /// # Errors
    /// There is no draft, or too few of those who must sign have signed.
    pub fn assemble(&self, signatures: &[PathBuf]) -> Result<Value, AuthorityError> {
        let draft_file = self.draft_file();
        let draft = fs::read(&draft_file).map_err(at(&draft_file))?;
        let root = Root::from_draft(&draft)?;
        let read = |path: &PathBuf| fs::read(path).map(Signature::from_bytes).map_err(at(path));
        let signatures = signatures.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let signed = SignedDocument::new(Document::Root, draft.clone(), signatures).to_bytes();
        match self.newest()? {
            Some(before) => before.next(&signed)?,
            None => VerifiedRoot::first(&Digest::of(&[&draft]), &signed)?,
        };
        write_new(&self.root_file(root.version), &signed, 0o644)?;
        fs::remove_file(&draft_file).map_err(at(&draft_file))?;
        Ok(describe(&root, &draft))
    }

    /// Takes in a party's parts, and drafts its admission unless its root is admitted already.
    ///
    /// # Errors
    /// The file is no request, or its fingerprint is not the one that was read aloud.
    pub fn admit(
        &self,
        request: &[u8],
        fingerprint: &Digest,
        now: Timestamp,
    ) -> Result<Value, AuthorityError> {
        let documents = Documents::parse(request)?;
        let ([a], [b]) = (documents.parts_a.as_slice(), documents.parts_b.as_slice()) else {
            return Err(AuthorityError::Unfit(
                "the file is no request: it needs one part A and one part B".into(),
            ));
        };
        let (part, root_of_party) = PartA::read_self_signed(a)?;
        if root_of_party != *fingerprint {
            return Err(AuthorityError::Fingerprint { party: part.party, found: root_of_party });
        }
        if PartB::read_unproved(b)?.party != part.party {
            return Err(AuthorityError::Unfit("part A and part B are of two parties".into()));
        }
        let mut root = self.next(now)?;
        let name = part.party.to_string().replace(['/', ':'], ".");
        let file = |end: &str| self.folder.join("parts").join(format!("{name}.{end}"));
        fs::create_dir_all(self.folder.join("parts")).map_err(at(&self.folder))?;
        replace(&file("a"), a)?;
        replace(&file("b"), b)?;
        // A root that follows the admitted one by links speaks for the party already; no signer is needed.
        let admitted = self.newest()?.and_then(|r| r.root().admitted.get(&part.party).copied());
        let known = admitted
            .is_some_and(|known| part.roots.iter().any(|root| thumbprint(&root.certificate) == known));
        if known {
            return Ok(json!({ "party": part.party, "admitted": true, "next": "federation publish" }));
        }
        root.admitted.insert(part.party, root_of_party);
        self.put_draft(&root)
    }

    /// Drafts a suspension, or its end if there is no reason.
    ///
    /// # Errors
    /// The party is not admitted.
    pub fn suspend(
        &self,
        party: &Party,
        reason: Option<&str>,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Value, AuthorityError> {
        let mut root = self.next(now)?;
        if !root.admitted.contains_key(party) {
            return Err(AuthorityError::Unfit(format!("{party} is not admitted")));
        }
        match reason {
            Some(reason) => {
                root.suspended.insert(party.clone(), Suspension { since, reason: reason.to_owned() });
            }
            None => {
                root.suspended.remove(party);
            }
        }
        self.put_draft(&root)
    }

    /// Drafts other signers or publishers, or a later expiry.
    ///
    /// # Errors
    /// Keys and thresholds do not fit.
    pub fn rotate(&self, keys: &Keys, now: Timestamp, days: u32) -> Result<Value, AuthorityError> {
        let mut root = self.next(now)?;
        root.expires = Validity::days(now, days).not_after;
        let new = |files: &[PathBuf], need: Option<usize>, old: &Threshold| {
            let need = need.unwrap_or(old.threshold);
            if files.is_empty() {
                Ok(Threshold::new(need, old.keys.clone())?)
            } else {
                threshold(files, need)
            }
        };
        root.signers = new(&keys.signers, keys.threshold, &root.signers)?;
        root.publishers = new(&keys.publishers, keys.publisher_threshold, &root.publishers)?;
        self.put_draft(&root)
    }

    /// Signs the next snapshot and writes the whole directory, which every member verifies by itself.
    ///
    /// # Errors
    /// There is no root document, a part does not hold, or the keys are not those of the publishers.
    pub fn publish(&self, keys: &[PathBuf], now: Timestamp, days: u32) -> Result<Value, AuthorityError> {
        let none = || AuthorityError::Unfit("there is no root document yet; gather signatures first".into());
        let root = self.newest()?.ok_or_else(none)?;
        let (mut documents, mut parties) = (Documents::default(), BTreeMap::new());
        for version in 1..=root.root().version {
            documents.roots.push(self.root(version)?.ok_or_else(none)?.into());
        }
        for (party, (a, b)) in self.parts(root.root())? {
            let part: PartA = PartA::read_self_signed(&a)?.0;
            let part_a = SignedDocument::parse(Document::PartA, &a)?.digest();
            parties.insert(party, Listed { version: part.version, part_a });
            documents.parts_a.push(a.into());
            documents.parts_b.push(b.into());
        }
        let file = self.folder.join("directory.cbor");
        let before = match fs::read(&file) {
            Ok(bytes) => Some(Directory::from_bundle(&root.genesis(), &bytes, None)?),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(at(&file)(cause)),
        };
        let snapshot = Snapshot {
            genesis: root.genesis(),
            root: root.root().version,
            version: before.as_ref().map_or(0, Directory::version) + 1,
            issued: now,
            expires: Validity::days(now, days).not_after,
            parties,
        };
        let sign = |path: &PathBuf| Ok(snapshot.sign(&open_key(path)?)?);
        let signatures = keys.iter().map(sign).collect::<Result<Vec<_>, AuthorityError>>()?;
        let signed = SignedDocument::new(Document::Snapshot, snapshot.to_bytes()?, signatures);
        documents.snapshot = Some(signed.to_bytes().into());
        // What members would refuse is never handed out.
        let directory = match before {
            Some(before) => before.update(&documents, now)?,
            None => Directory::from_bundle(&root.genesis(), &documents.to_bytes(), None)?,
        };
        replace(&file, &directory.bundle())?;
        Ok(json!({
            "directory": file,
            "snapshot": directory.version(),
            "digest": directory.digest(),
            "fingerprint": root.genesis(),
            "parties": directory.parties().collect::<Vec<_>>(),
        }))
    }

    #[expect(clippy::type_complexity, reason = "it is used once")]
    fn parts(&self, root: &Root) -> Result<BTreeMap<Party, (Vec<u8>, Vec<u8>)>, AuthorityError> {
        let folder = self.folder.join("parts");
        let mut parts = BTreeMap::new();
        for party in root.admitted.keys() {
            let name = party.to_string().replace(['/', ':'], ".");
            let read = |end: &str| {
                let path = folder.join(format!("{name}.{end}"));
                fs::read(&path).map_err(at(&path))
            };
            parts.insert(party.clone(), (read("a")?, read("b")?));
        }
        Ok(parts)
    }

    /// Returns the draft if there is one, else the next version of the root document in force.
    fn next(&self, now: Timestamp) -> Result<Root, AuthorityError> {
        if self.draft_file().exists() {
            let draft = fs::read(self.draft_file()).map_err(at(&self.draft_file()))?;
            return Ok(Root::from_draft(&draft)?);
        }
        let none =
            || AuthorityError::Unfit("there is no federation here; `federation init` drafts one".into());
        let newest = self.newest()?.ok_or_else(none)?;
        let (genesis, version) = (Some(newest.genesis()), newest.root().version + 1);
        Ok(Root { genesis, version, issued: now, ..newest.root().clone() })
    }

    fn newest(&self) -> Result<Option<VerifiedRoot>, AuthorityError> {
        let Some(first) = self.root(1)? else { return Ok(None) };
        let anchor = SignedDocument::parse(Document::Root, &first)?.digest();
        let mut newest = VerifiedRoot::first(&anchor, &first)?;
        while let Some(next) = self.root(newest.root().version + 1)? {
            newest = newest.next(&next)?;
        }
        Ok(Some(newest))
    }

    fn root(&self, version: u64) -> Result<Option<Vec<u8>>, AuthorityError> {
        let path = self.root_file(version);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(at(&path)(cause)),
        }
    }

    fn put_draft(&self, root: &Root) -> Result<Value, AuthorityError> {
        let draft = root.to_bytes()?;
        replace(&self.draft_file(), &draft)?;
        let mut told = describe(root, &draft);
        told["draft"] = json!(self.draft_file());
        Ok(told)
    }

    fn draft_file(&self) -> PathBuf {
        self.folder.join("draft.cbor")
    }

    fn root_file(&self, version: u64) -> PathBuf {
        self.folder.join(format!("root-{version}.cbor"))
    }
}

/// Tells a signer what the draft says, and the federation's fingerprint.
fn describe(root: &Root, draft: &[u8]) -> Value {
    json!({
        "federation": root.federation,
        "version": root.version,
        "fingerprint": root.genesis.unwrap_or(Digest::of(&[draft])),
        "draft_sha256": Digest::of(&[draft]),
        "expires": root.expires,
        "signers": { "threshold": root.signers.threshold, "keys": root.signers.keys.len() },
        "publishers": { "threshold": root.publishers.threshold, "keys": root.publishers.keys.len() },
        "admitted": root.admitted,
        "suspended": root.suspended,
    })
}

fn threshold(files: &[PathBuf], need: usize) -> Result<Threshold, AuthorityError> {
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(at(path))?;
        let key: Digest = text.trim().parse().map_err(|_| {
            AuthorityError::Unfit(format!("{} is no public key of `federation key`", path.display()))
        })?;
        Ok(VerifyingKey(key.0))
    };
    let keys: BTreeSet<VerifyingKey> = files.iter().map(read).collect::<Result<_, AuthorityError>>()?;
    if keys.len() != files.len() {
        return Err(AuthorityError::Unfit("one key is given twice; distinct keys are counted".into()));
    }
    Ok(Threshold::new(need, keys)?)
}

fn open_key(path: &Path) -> Result<SigningKey, AuthorityError> {
    let credential_file = beside(path, "credential");
    let credential = Zeroizing::new(fs::read(&credential_file).map_err(at(&credential_file))?);
    let sealed = fs::read(path).map_err(at(path))?;
    let fail = |cause| AuthorityError::Key { path: path.to_owned(), cause };
    let secret = vault::open_keyfile(&credential, KEY, &sealed).map_err(fail)?;
    let seed: [u8; 32] = secret.as_slice().try_into().map_err(|_| fail(vault::VaultError::Body))?;
    Ok(SigningKey::from_seed(&Zeroizing::new(seed)))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// Writes a file that must not exist, and syncs it.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), AuthorityError> {
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

/// Puts a file in the place of the one before.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    let next = beside(path, "next");
    fs::write(&next, bytes).and_then(|()| fs::File::open(&next)?.sync_all()).map_err(at(&next))?;
    fs::rename(&next, path).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |cause| AuthorityError::Io { path, cause }
}
