//! The files of acts (ISACS 6.4.5): what an officer attaches, and what an officer may read.

use crate::control::{AttachmentView, Failure, OfferView, PieceView};
use crate::cose::pieces::{PIECE, count};
use crate::envelope::Disclosure;
use crate::model::{CaseId, Digest, Photograph};
use crate::node::attachments::{blocking, photographs, views};
use crate::node::error::NodeError;
use crate::node::gateway::Gateway;
use crate::node::office::{known, record, unknown};
use crate::store::FileError;

/// Which file is meant.
pub(super) struct Named {
    pub case: CaseId,
    pub act: Digest,
    pub path: String,
    pub place: u32,
    pub permit: Option<String>,
}

/// Begins, or goes on with, a file that an act will name.
pub(super) async fn offer(gateway: &Gateway, sha256: Digest, size: u64) -> Result<OfferView, Failure> {
    let files = gateway.attic.files.clone();
    let held = work(move || files.offer(sha256, size)).await?;
    Ok(OfferView { held, pieces: count(size), piece: PIECE as u64 })
}

/// Takes the next piece.
pub(super) async fn put(
    gateway: &Gateway,
    sha256: Digest,
    index: u64,
    bytes: Vec<u8>,
) -> Result<u64, Failure> {
    let files = gateway.attic.files.clone();
    work(move || files.put(sha256, index, &bytes)).await
}

/// Lists the files of a case's acts; those in restricted elements are shown by a release only.
pub(super) async fn list(
    gateway: &Gateway,
    id: &CaseId,
    fetch: bool,
) -> Result<Vec<AttachmentView>, Failure> {
    let acts: Vec<Digest> =
        known(gateway, id)?.read().acts().map(|record| record.facts.header.digest).collect();
    let mut elements = Vec::new();
    for act in acts {
        let Some(body) = gateway.ledger.body(&act).map_err(NodeError::from)? else { continue };
        for element in body.elements {
            let Some(bytes) = element.disclosure else { continue };
            let value = Disclosure::parse(&bytes).map_err(NodeError::from)?.value();
            elements.push((act, element.path.clone(), photographs(&element.path, &value)));
        }
    }
    if fetch {
        for file in elements.iter().flat_map(|(_, _, list)| list).filter_map(|p| p.file.clone()) {
            let files = gateway.attic.files.clone();
            work(move || files.ask(&file.key.0)).await?;
        }
        gateway.couriers.all().iter().for_each(|courier| courier.files.notify_one());
    }
    Ok(views(gateway, &elements)?)
}

/// Reads one piece of a file that is whole and verified. In a restricted element it takes a permit that this
/// officer has just spent.
pub(super) async fn read(
    gateway: &Gateway,
    officer: &str,
    file: Named,
    index: u64,
) -> Result<(PieceView, Vec<u8>), Failure> {
    let photograph = find(gateway, officer, &file)?;
    let travels = photograph.file.ok_or_else(|| {
        NodeError::File(FileError::Refused(
            "the act names the file by its digest only; it did not travel".to_owned(),
        ))
    })?;
    if index == 0 {
        record(gateway, officer, "case.attachment", Some(&file.case)).await?;
    }
    let files = gateway.attic.files.clone();
    let bytes = work(move || files.read(&travels.key.0, index)).await?;
    Ok((PieceView { pieces: count(travels.size) }, bytes.to_vec()))
}

fn find(gateway: &Gateway, officer: &str, file: &Named) -> Result<Photograph, NodeError> {
    let place = usize::try_from(file.place).unwrap_or(usize::MAX);
    let missing = || unknown("file", &format!("{} {}", file.path, file.place));
    if let Some(permit) = &file.permit {
        let granted = gateway.attic.granted(permit, officer, (&file.act, &file.path, place));
        return granted.ok_or_else(missing);
    }
    let slot = known(gateway, &file.case)?;
    if slot.read().act(&file.act).is_none() {
        return Err(missing());
    }
    let body = gateway.ledger.body(&file.act)?.ok_or_else(missing)?;
    let element = body.elements.into_iter().find(|element| element.path == file.path).ok_or_else(missing)?;
    let Some(bytes) = element.disclosure else {
        let words = "the element is restricted: `valise release request` asks for a permit, `release show --files` uses it";
        return Err(NodeError::File(FileError::Refused(words.to_owned())));
    };
    let value = Disclosure::parse(&bytes)?.value();
    photographs(&file.path, &value).get(place).cloned().ok_or_else(missing)
}

async fn work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, Failure> {
    blocking(work).await.map_err(|cause| NodeError::File(FileError::Refused(cause)).into())
}
