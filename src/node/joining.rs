//! How a gateway enters a federation: it asks, imports the answer, and joins once people have compared the anchor.
//!
//! The verified directory is one file below DATA/federation, not an entry of the journal: `federation join` writes it
//! before there is a running node, its bytes are those that every other member holds, and the journal would keep
//! each of them for good. It is replaced as a whole, after all checks, so that no crash can bring an old one back.

use crate::config::Layout;
use crate::control::{ExitCode, Failure};
use crate::model::{Digest, Party, Timestamp};
use crate::node::machine::Machine;
use crate::store::{RealDisk, Shelf, StoreError};
use crate::trust::federation::{Document, Documents, PartA, PartB, Retirement, SignedDocument, SplitView};
use crate::trust::{Directory, Freshness, Role, TrustError, certificate_validity, thumbprint};
use crate::wire::{Limits, decode, encode};
use serde_bytes::{ByteBuf, Bytes};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The anchor and the whole directory, once joined.
pub(super) const DIRECTORY: &str = "directory";
/// A directory that was imported, before the anchor was compared.
const PENDING: &str = "pending";

/// Opens the place of the verified directory; one process at a time holds it.
///
/// # Errors
/// [`ExitCode::Config`] if it cannot be opened, or a running gateway holds it.
pub fn shelf(layout: &Layout) -> Result<Shelf, Failure> {
    let disk = RealDisk::open(&layout.federation()).map_err(|error| {
        let hint = if matches!(error, StoreError::Locked { .. }) {
            "a gateway runs on this data; stop it first"
        } else {
            "see the folder's permissions and the disk"
        };
        Failure::new(ExitCode::Config, "federation.folder", error).hint(hint)
    })?;
    Ok(Shelf::new(Arc::new(disk)))
}

/// Says that nothing was joined yet, and how that is done.
pub fn not_joined() -> Failure {
    Failure::new(ExitCode::Config, "federation.none", "nobody has joined a federation here")
        .hint("`valise identity request` begins the way in; docs/federation.md tells all of it")
}

/// Reads the directory that was joined, all of it verified again; `None` before that.
///
/// # Errors
/// [`ExitCode::Config`] if it cannot be read or does not hold.
pub fn read(shelf: &Shelf, me: Option<&Party>) -> Result<Option<Directory>, Failure> {
    let Some(bytes) = shelf.read(DIRECTORY).map_err(folder_failure)? else { return Ok(None) };
    parse(&bytes, me).map(Some)
}

/// Reads the directory that was joined beside a gateway that may run; nothing is locked.
///
/// # Errors
/// [`ExitCode::Config`] if none was joined, or it does not hold.
pub fn peek(layout: &Layout, me: Option<&Party>) -> Result<Directory, Failure> {
    parse(&joined_file(layout)?.ok_or_else(not_joined)?, me)
}

/// Reads the file of the joined directory, which is only ever replaced as a whole.
fn joined_file(layout: &Layout) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(layout.federation().join(DIRECTORY)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(folder_failure(cause)),
    }
}

fn parse(bytes: &[u8], me: Option<&Party>) -> Result<Directory, Failure> {
    let damaged = |cause: &dyn std::fmt::Display| {
        Failure::new(ExitCode::Config, "federation.damaged", "the directory that was joined does not hold")
            .cause(cause)
            .hint("put the folder 'federation' of the data back from a backup, or take it away, import and join again")
    };
    let (anchor, bundle): (Digest, ByteBuf) = decode(bytes, &Limits::FILE).map_err(|e| damaged(&e))?;
    Directory::from_bundle(&anchor, &bundle, me).map_err(|e| damaged(&e))
}

/// Keeps a directory; it is durable when this returns.
///
/// # Errors
/// [`ExitCode::Unavailable`] if the disk refuses; the one before is then still kept.
pub fn keep(shelf: &Shelf, directory: &Directory) -> Result<(), Failure> {
    let bytes = encode(&(directory.anchor(), Bytes::new(&directory.bundle())))
        .expect("byte strings have an encoding");
    shelf.replace(DIRECTORY, &bytes).map_err(folder_failure)
}

/// `identity request`: gives the file for the authority that admits, and the fingerprint to read to it aloud.
///
/// # Errors
/// [`ExitCode::Config`] if there is no gateway in this folder.
pub fn request(layout: &Layout) -> Result<(Vec<u8>, Value), Failure> {
    let (a, b) = (own(&layout.part_a())?, own(&layout.part_b())?);
    let (part, root) = PartA::read_self_signed(&a).map_err(|e| refused(&e))?;
    let documents = Documents { parts_a: vec![a.into()], parts_b: vec![b.into()], ..Documents::default() };
    let told = json!({ "party": part.party, "version": part.version, "fingerprint": spoken(&root) });
    Ok((documents.to_bytes(), told))
}

/// `identity import`: takes the authority's answer, and keeps it until the anchor has been compared.
///
/// # Errors
/// [`ExitCode::BadData`] if it is no directory, or does not list this gateway as it is.
pub fn import(layout: &Layout, bytes: &[u8]) -> Result<Value, Failure> {
    let a = own(&layout.part_a())?;
    let (part, _) = PartA::read_self_signed(&a).map_err(|e| refused(&e))?;
    let documents = Documents::parse(bytes).map_err(|e| refused(&e))?;
    let anchor = anchor_of(&documents).map_err(|e| refused(&e))?;
    let directory = Directory::from_bundle(&anchor, bytes, Some(&part.party)).map_err(|e| refused(&e))?;
    let listed = directory.entry(&part.party).map_err(|e| refused(&e))?.part_a_file().1;
    let own = SignedDocument::parse(Document::PartA, &a).map_err(|e| refused(&e))?.digest();
    if listed != own {
        let what = format!("the answer lists another part A of {} than the one here", part.party);
        return Err(Failure::new(ExitCode::BadData, "identity.other", what)
            .hint("send the file of `valise identity request` again, and import the answer to that one"));
    }
    shelf(layout)?.replace(PENDING, bytes).map_err(folder_failure)?;
    Ok(json!({ "party": part.party, "fingerprint": spoken(&anchor), "snapshot": directory.version() }))
}

/// `identity show`: lists the keys of this gateway's party, as its own files say and as the joined directory says. The
/// gateway may run.
///
/// # Errors
/// [`ExitCode::Config`] if there is no gateway in this folder, or what it has joined does not hold.
pub fn identity(layout: &Layout, now: Timestamp) -> Result<Value, Failure> {
    let (a, b) = (own(&layout.part_a())?, own(&layout.part_b())?);
    let (part, _) = PartA::read_self_signed(&a).map_err(|e| refused(&e))?;
    let sheet = PartB::read_unproved(&b).map_err(|e| refused(&e))?;
    let directory = match joined_file(layout)? {
        Some(bytes) => Some(parse(&bytes, Some(&part.party))?),
        None => None,
    };
    let entry = directory.as_ref().and_then(|directory| directory.entry(&part.party).ok());
    let mut keys = Vec::new();
    let mut add = |what: &str, role: Role, der: &[u8], retired: Option<&Retirement>| {
        let x5t = thumbprint(der);
        let known = match role {
            Role::Root => entry.map(|entry| entry.part_a().roots.iter().any(|root| *root.certificate == der)),
            Role::Seal | Role::Log => entry.map(|entry| entry.certificate(role, &x5t).is_ok()),
            Role::Issuing | Role::Gateway => None,
        };
        let over = retired.is_some_and(|retired| now >= retired.at);
        let standing = match (over, known) {
            (true, _) => "retired",
            (false, Some(false)) => "awaits the authority",
            (false, Some(true) | None) if retired.is_some() => "holds on",
            (false, Some(true) | None) => "in force",
        };
        let (from, until) =
            certificate_validity(role, der).map_or((None, None), |v| (Some(v.not_before), Some(v.not_after)));
        keys.push(json!({
            "key": what, "thumbprint": x5t, "standing": standing, "from": from, "until": until,
            "retired_at": retired.map(|r| r.at), "reason": retired.map(|r| &r.reason),
            "compromised_since": retired.and_then(|r| r.compromised_since),
        }));
    };
    part.roots.iter().for_each(|r| add("root", Role::Root, &r.certificate, r.retired.as_ref()));
    part.seals.iter().for_each(|s| add("seal", Role::Seal, &s.certificate, s.retired.as_ref()));
    sheet.logs.iter().for_each(|l| add("log", Role::Log, &l.certificate, l.retired.as_ref()));
    sheet.issuing.iter().for_each(|der| add("gateway", Role::Issuing, der, None));
    let prekeys = sheet
        .prekeys
        .iter()
        .map(|p| json!({ "from": p.not_before, "until": p.not_after, "last_resort": p.last_resort }));
    Ok(json!({
        "party": part.party,
        "part_a": part.version,
        "part_a_in_force": entry.map(|entry| entry.part_a().version),
        "part_b": sheet.version,
        "keys": keys,
        "revoked": part.revoked().map_err(|e| refused(&e))?.iter()
            .map(|(serial, from)| json!({ "serial": serial, "from": from })).collect::<Vec<_>>(),
        "prekeys": prekeys.collect::<Vec<_>>(),
    }))
}

/// `federation join`: takes the directory that was imported, if its anchor is the one that people have compared.
///
/// # Errors
/// [`ExitCode::Denied`] if the anchor is another, [`ExitCode::BadData`] if a document is refused, and
/// [`ExitCode::Config`] if nothing was imported.
pub fn join(layout: &Layout, anchor: &Digest, machine: &Machine) -> Result<Value, Failure> {
    let (part, _) = PartA::read_self_signed(&own(&layout.part_a())?).map_err(|e| refused(&e))?;
    let shelf = shelf(layout)?;
    let known = read(&shelf, Some(&part.party))?;
    let pending = shelf.read(PENDING).map_err(folder_failure)?;
    let directory = match (known, pending) {
        (None, None) => {
            let what = "nothing was imported yet";
            return Err(Failure::new(ExitCode::Config, "federation.nothing", what)
                .hint("`valise identity import FILE` takes the authority's answer"));
        }
        (None, Some(bytes)) => {
            Directory::from_bundle(anchor, &bytes, Some(&part.party)).map_err(|e| refused(&e))?
        }
        (Some(known), _) if known.anchor() != *anchor => {
            let (expected, found) = (*anchor, known.anchor());
            return Err(refused(&TrustError::WrongAnchor { expected, found }));
        }
        // Joined already: what was imported since is news, and versions never fall.
        (Some(known), None) => known,
        (Some(known), Some(bytes)) => {
            let news = Documents::parse(&bytes).map_err(|e| refused(&e))?;
            known.update(&news, machine.now()).map_err(|e| refused(&e))?
        }
    };
    keep(&shelf, &directory)?;
    Ok(view(&directory, machine))
}

/// `federation sync --from`, with the gateway stopped: works in what others hand on.
///
/// # Errors
/// [`ExitCode::BadData`] if nothing of it is new and something of it is refused; [`ExitCode::Config`] before joining.
pub fn sync(layout: &Layout, bytes: &[u8], machine: &Machine) -> Result<Value, Failure> {
    let (part, _) = PartA::read_self_signed(&own(&layout.part_a())?).map_err(|e| refused(&e))?;
    let shelf = shelf(layout)?;
    let known = read(&shelf, Some(&part.party))?.ok_or_else(not_joined)?;
    let news = Documents::parse(bytes).map_err(|e| refused(&e))?;
    let next = known.update(&news, machine.now()).map_err(|e| {
        if let TrustError::SplitView(split) = &e {
            // What cannot be kept is still told.
            let _ = super::board::keep_split(&shelf, split);
        }
        refused(&e)
    })?;
    keep(&shelf, &next)?;
    Ok(view(&next, machine))
}

/// `federation check`: proves that the signers of a federation have told two stories, to whoever has its directory and the
/// anchor that people have compared; needs no gateway.
///
/// # Errors
/// [`ExitCode::BadData`] if it is no proof, [`ExitCode::Denied`] if the anchor is another.
pub fn check(proof: &[u8], directory: &[u8], anchor: &Digest) -> Result<Value, Failure> {
    let split = SplitView::parse(proof).map_err(|e| refused(&e))?;
    let directory = Directory::from_bundle(anchor, directory, None).map_err(|e| refused(&e))?;
    directory.check_split(&split).map_err(|e| refused(&e))?;
    let digest = |bytes: &[u8]| SignedDocument::guess(bytes).map(|signed| signed.digest()).ok();
    Ok(json!({
        "proved": true,
        "what": split.what().to_string(),
        "version": split.version(),
        "party": split.party(),
        "one": digest(&split.a),
        "other": digest(&split.b),
    }))
}

/// `federation show`: tells what the joined directory says, and gives it as a file. The gateway may run.
///
/// # Errors
/// [`ExitCode::Config`] if none was joined, or it does not hold.
pub fn show(layout: &Layout, machine: &Machine) -> Result<(Value, Vec<u8>), Failure> {
    let directory = peek(layout, None)?;
    let mut told = view(&directory, machine);
    told["split_views"] = json!(splits(layout)?);
    Ok((told, directory.bundle()))
}

/// Lists the proofs of split views that were kept.
fn splits(layout: &Layout) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(layout.federation()).map_err(folder_failure)?;
    let is_one = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("split-"))
            && path.extension().is_none()
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_one).collect();
    found.sort();
    Ok(found)
}

/// Writes a digest as people read it to one another: sixteen groups of four.
pub fn spoken(digest: &Digest) -> String {
    let text = digest.to_string();
    let groups: Vec<&str> = (0..16).map(|at| &text[4 * at..4 * at + 4]).collect();
    groups.join(" ")
}

fn view(directory: &Directory, machine: &Machine) -> Value {
    let now = machine.now();
    let root = directory.root();
    let parties = directory.parties().map(|party| {
        let entry = directory.entry(party);
        let standing =
            entry.as_ref().map_or_else(|e| Some(e.code()), |e| e.check(now).err().map(|e| e.code()));
        json!({
            "party": party,
            "standing": standing.unwrap_or("good"),
            "part_a": entry.as_ref().ok().map(|e| e.part_a().version),
            "part_b": entry.as_ref().ok().and_then(|e| e.part_b()).map(|b| b.version),
            "approvals": entry.as_ref().ok().map(|e| e.part_a().approvals),
            "succession": entry.as_ref().ok().map(|e| &e.part_a().succession),
        })
    });
    let (fresh, until) = match directory.freshness(now) {
        Freshness::Fresh { until } => (true, until),
        Freshness::Stale { since, .. } => (false, since),
    };
    json!({
        "federation": root.federation,
        "fingerprint": spoken(&directory.anchor()),
        "root": root.version,
        "signers": json!({ "threshold": root.signers.threshold, "keys": root.signers.keys.len() }),
        "snapshot": directory.version(),
        "digest": directory.digest(),
        "fresh": fresh,
        "until": until,
        "parties": parties.collect::<Vec<_>>(),
    })
}

fn anchor_of(documents: &Documents) -> Result<Digest, TrustError> {
    let why = "there is no root document";
    let first = documents.roots.first().ok_or(TrustError::BadDocument { what: Document::Root, why })?;
    Ok(SignedDocument::parse(Document::Root, first)?.digest())
}

fn own(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| {
        Failure::new(ExitCode::Config, "identity.none", format!("cannot read {}", path.display()))
            .hint("`valise gateway init` makes it")
            .cause(cause)
    })
}

fn refused(error: &TrustError) -> Failure {
    let (exit, hint) = if matches!(error, TrustError::WrongAnchor { .. }) {
        (ExitCode::Denied, "compare the fingerprint with the authority again, by a road that both trust")
    } else {
        (ExitCode::BadData, "nothing was changed; ask the authority for its newest directory")
    };
    Failure::new(exit, &format!("federation.{}", error.code()), error).hint(hint)
}

fn folder_failure(cause: std::io::Error) -> Failure {
    Failure::new(ExitCode::Unavailable, "federation.disk", "the directory's folder does not work")
        .hint("see its permissions and the disk; what was kept is still there")
        .cause(cause)
}
