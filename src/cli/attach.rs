//! Photographs (ISACS 6.4.5): files that a request or a response names by `path`, and those of a case.
//!
//! A path is read here and never leaves: the document that is sent names the file by its SHA-256.

use crate::cli::document::read_text;
use crate::cli::face::Answer;
use crate::cli::render;
use crate::control::{
    ApprovalView, AttachmentView, Call, Client, Command, ExitCode, Failure, OfferView, PieceView, VERSION,
};
use crate::model::{CaseId, Digest};
use serde_json::{Value, json};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file that a document names.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    path: PathBuf,
    sha256: Digest,
    size: u64,
}

/// Reads a request or response; each photograph that names a file by `path` names it by its SHA-256 then.
///
/// # Errors
/// The document or a file cannot be read (65), or a file is not the one that a `sha256` beside it names.
pub fn read_document(file: &Path) -> Result<String, Failure> {
    resolve(file).map(|(text, _)| text)
}

/// As [`read_document`]; gives the files too.
pub(super) fn resolve(file: &Path) -> Result<(String, Vec<Picked>), Failure> {
    let text = read_text(file)?;
    // What is no JSON is told, with line and column, by whoever reads the document.
    let Ok(mut document) = serde_json::from_str::<Value>(&text) else { return Ok((text, Vec::new())) };
    let base = if file == Path::new("-") { None } else { file.parent() };
    let mut picked = Vec::new();
    pick(&mut document, base, &mut picked)?;
    if picked.is_empty() {
        return Ok((text, picked));
    }
    Ok((document.to_string(), picked))
}

fn pick(value: &mut Value, base: Option<&Path>, picked: &mut Vec<Picked>) -> Result<(), Failure> {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(list)) = members.get_mut("photographs") {
                list.iter_mut().try_for_each(|photograph| pick_one(photograph, base, picked))?;
            }
            members.values_mut().try_for_each(|member| pick(member, base, picked))
        }
        Value::Array(list) => list.iter_mut().try_for_each(|entry| pick(entry, base, picked)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn pick_one(photograph: &mut Value, base: Option<&Path>, picked: &mut Vec<Picked>) -> Result<(), Failure> {
    let Some(members) = photograph.as_object_mut() else { return Ok(()) };
    let Some(named) = members.get("path").and_then(Value::as_str) else { return Ok(()) };
    let path = base.map_or_else(|| PathBuf::from(named), |base| base.join(named));
    let (sha256, size) = digest(&path).map_err(|cause| unreadable(&path, &cause))?;
    let known = members.get("sha256").and_then(Value::as_str);
    if known.is_some_and(|known| known != sha256.to_string()) {
        let message = format!("{} is not the file of that sha256", path.display());
        return Err(Failure::new(ExitCode::BadData, "photograph.other", message)
            .hint("take the sha256 away, or name the right file"));
    }
    members.remove("path");
    members.insert("sha256".to_owned(), json!(sha256));
    picked.push(Picked { path, sha256, size });
    Ok(())
}

/// Computes SHA-256 and length of a file, piece by piece.
fn digest(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        size += read as u64;
    }
    let mut sha256 = Digest([0; 32]);
    sha256.0.copy_from_slice(context.finish().as_ref());
    Ok((sha256, size))
}

/// Hands the files over to the node, each from where an earlier try ended.
pub(super) fn upload(picked: &[Picked], client: &mut Client, officer: Option<&str>) -> Result<(), Failure> {
    for file in picked {
        let offer = Command::AttachmentOffer { sha256: file.sha256, size: file.size };
        let OfferView { held, pieces, piece } = render::read(&client.call(&call(officer, offer))?)?;
        if held >= pieces {
            continue;
        }
        let failed = |cause: io::Error| unreadable(&file.path, &cause);
        let mut source = File::open(&file.path).map_err(failed)?;
        io::Seek::seek(&mut source, io::SeekFrom::Start(held * piece)).map_err(failed)?;
        for index in held..pieces {
            let mut bytes = Vec::new();
            Read::by_ref(&mut source).take(piece).read_to_end(&mut bytes).map_err(failed)?;
            let put = Command::AttachmentPut { sha256: file.sha256, index };
            client.bring(&call(officer, put), &bytes)?;
        }
    }
    Ok(())
}

/// Shows the files of a case, and writes those that are whole into a folder if one is named.
pub(super) fn of_case(
    case: &CaseId,
    fetch: bool,
    folder: Option<&Path>,
    client: &mut Client,
    officer: Option<&str>,
) -> Result<Answer, Failure> {
    let list = Command::CaseAttachments { case: case.clone(), fetch };
    let files: Vec<AttachmentView> = render::read(&client.call(&call(officer, list))?)?;
    let written = match folder {
        Some(folder) => write_all(case, &files, None, folder, client, officer)?,
        None => Vec::new(),
    };
    let text =
        table(&files) + &written.iter().map(|file| format!("\n{}", file.display())).collect::<String>();
    Ok(Answer::ok("case.attachment", json!({ "files": files, "written": written }), text))
}

/// Writes the files of a permit that was just spent.
pub(super) fn of_release(
    (case, permit): (&CaseId, &str),
    files: &[AttachmentView],
    folder: &Path,
    client: &mut Client,
    officer: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    write_all(case, files, Some(permit), folder, client, officer)
}

pub(super) fn table(files: &[AttachmentView]) -> String {
    let row = |file: &AttachmentView| {
        let size = file.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let state = match file.state.as_str() {
            "arriving" => format!("arriving, {} of {}", file.held, file.pieces),
            "on_request" => "at its sender; --fetch asks for it".to_owned(),
            "named" => "named only".to_owned(),
            other => other.to_owned(),
        };
        vec![file.act.short(), file.path.clone(), file.place.to_string(), file.sha256.short(), size, state]
    };
    render::table(&["ACT", "ELEMENT", "NO", "SHA-256", "BYTES", "STATE"], files.iter().map(row).collect())
}

/// Makes a folder that only the officer may read.
fn private_folder(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|cause| unwritable(folder, &cause))
}

fn write_all(
    case: &CaseId,
    files: &[AttachmentView],
    permit: Option<&str>,
    folder: &Path,
    client: &mut Client,
    officer: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    private_folder(folder)?;
    let mut written = Vec::new();
    for (nth, file) in files.iter().enumerate().filter(|(_, file)| file.state == "verified") {
        // Nothing of the name is the other side's.
        let path = folder.join(format!("{case}-{nth}-{}", file.sha256.short()));
        written.push(write_one((case, file, permit), path, client, officer)?);
    }
    Ok(written)
}

fn write_one(
    (case, file, permit): (&CaseId, &AttachmentView, Option<&str>),
    path: PathBuf,
    client: &mut Client,
    officer: Option<&str>,
) -> Result<PathBuf, Failure> {
    let read = |index| Command::AttachmentRead {
        case: case.clone(),
        act: file.act,
        path: file.path.clone(),
        place: file.place,
        permit: permit.map(str::to_owned),
        index,
    };
    write_pieces(&path, |index| client.fetch(&call(officer, read(index)))).map(|(path, _)| path)
}

/// Writes the files that go with an act that waits for another officer, and makes sure that they are those that it names.
pub(super) fn of_approval(
    view: &ApprovalView,
    folder: &Path,
    client: &mut Client,
    officer: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    private_folder(folder)?;
    let mut written = Vec::new();
    for file in &view.files {
        let path = folder.join(format!("{}-{}", view.held.id, file.sha256.short()));
        let read = |index| Command::ApprovalFile { id: view.held.id.to_string(), sha256: file.sha256, index };
        let (path, sha256) = write_pieces(&path, |index| client.fetch(&call(officer, read(index))))?;
        let named = view.words.as_ref().is_some_and(|words| words.contains(&file.sha256.to_string()));
        if sha256 != file.sha256 || !named {
            let why = format!("{} is not a file that {} names", path.display(), view.held.id);
            return Err(Failure::new(ExitCode::Bug, "approval.file", why)
                .hint("agree to nothing; the gateway does not show what it keeps"));
        }
        written.push(path);
    }
    Ok(written)
}

/// Writes one file under a name of its own, and gives it its name only once it is whole; returns its SHA-256 too.
fn write_pieces(
    path: &Path,
    mut piece: impl FnMut(u64) -> Result<(Value, Vec<u8>), Failure>,
) -> Result<(PathBuf, Digest), Failure> {
    let part = path.with_extension("part");
    let failed = |cause: io::Error| unwritable(&part, &cause);
    let mut out =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).map_err(failed)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut kind = "bin";
    let mut index = 0;
    loop {
        let (view, bytes) = piece(index)?;
        let PieceView { pieces } = render::read(&view)?;
        if index == 0 {
            kind = kind_of(&bytes);
        }
        context.update(&bytes);
        out.write_all(&bytes).map_err(failed)?;
        index += 1;
        if index >= pieces {
            break;
        }
    }
    out.sync_all().map_err(failed)?;
    let whole = path.with_extension(kind);
    std::fs::rename(&part, &whole).map_err(failed)?;
    let mut sha256 = Digest([0; 32]);
    sha256.0.copy_from_slice(context.finish().as_ref());
    Ok((whole, sha256))
}

/// Tells a picture by its first bytes, so that a viewer can open it.
fn kind_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'%', b'P', b'D', b'F', ..] => "pdf",
        [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => "tif",
        _ => "bin",
    }
}

fn call(officer: Option<&str>, command: Command) -> Call {
    Call { version: VERSION, as_officer: officer.map(str::to_owned), command }
}

fn unreadable(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(ExitCode::BadData, "photograph.unreadable", format!("cannot read {}", path.display()))
        .hint("a 'path' starts at the folder of the document that names it")
        .cause(cause)
}

fn unwritable(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(ExitCode::Finding, "file.unwritable", format!("cannot write {}", path.display()))
        .hint("choose a folder that you may write to")
        .cause(cause)
}
