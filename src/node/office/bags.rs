//! The courier's road: what waits is packed, and what was carried here is proved and kept (DESIGN §9).
//!
//! A bag holds the frames that a wire would carry, so both roads end in the same intake. An act that was
//! packed waits on until its receipt is here, and an answer that was packed is asked for again by whoever
//! lost the bag: no bag need ever arrive.

use crate::config::Fetch;
use crate::control::{
    BagMark, BagPage, BagTaken, Carried, CarriedKind, ExitCode, Failure, Hex, OwedFile, RefusedFrame,
};
use crate::envelope::{EnvelopeError, Lane, Receipts, Reject, SealedReceipt, read_route};
use crate::model::{Digest, MessageId, Party};
use crate::node::attachments;
use crate::node::attachments::{Missed, blocking};
use crate::node::board::Taken;
use crate::node::courier::Courier;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::gossip;
use crate::node::intake;
use crate::node::office::{record, unknown};
use crate::store::{CarriedAnswer, Change, FileError, Incoming, OwedAnswer};
use crate::trust::federation::Documents;
use std::sync::Arc;

/// The most bytes of frames in one page; in hex they fit one message of the control socket.
const PAGE_BYTES: usize = 3 << 20;
/// The most answers in one page, and the most acts.
const PAGE_FRAMES: usize = 512;

/// Packs one page for the first peer, from `after` on, for whom anything waits; `None` if nothing does.
pub(super) fn page(
    gateway: &Gateway,
    only: Option<&Party>,
    after: Option<&BagMark>,
) -> Result<Option<BagPage>, NodeError> {
    let couriers = match only {
        Some(peer) => {
            gateway.recovery.check([peer])?;
            vec![courier(gateway, peer)?]
        }
        None => gateway.couriers.all().into_iter().filter(|c| !gateway.recovery.waits_for(&c.peer)).collect(),
    };
    for courier in couriers {
        let (answer, act) = match after {
            Some(mark) if courier.peer < mark.peer => continue,
            Some(mark) if courier.peer == mark.peer => (mark.answer, mark.act),
            Some(_) | None => (None, None),
        };
        let mut page = BagPage {
            from: gateway.me().clone(),
            to: courier.peer.clone(),
            frames: Vec::new(),
            answers: Vec::new(),
            acts: Vec::new(),
            mark: BagMark { peer: courier.peer.clone(), answer, act },
        };
        let is_first = !matches!(after, Some(mark) if mark.peer == courier.peer);
        if is_first {
            add_wants(gateway, &mut page);
        }
        add_answers(gateway, &mut page)?;
        add_acts(gateway, &courier, &mut page)?;
        if !page.frames.is_empty() && is_first {
            add_news(gateway, &courier, &mut page);
        }
        if !page.frames.is_empty() {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

/// Notes what was packed: answers are owed no longer, acts wait on.
pub(super) async fn handed(
    gateway: &Gateway,
    officer: &str,
    peer: &Party,
    (answers, acts): (&[MessageId], &[MessageId]),
    files: &[Digest],
) -> Result<(), NodeError> {
    let courier = courier(gateway, peer)?;
    for name in files {
        gateway.attic.files.owe(name, peer, None)?;
    }
    let mut change = Change::default();
    for envelope in answers {
        change.handed(peer, *envelope)?;
    }
    gateway.ledger.commit(change).await?.into_inner();
    courier.handed(acts, gateway.now());
    record(gateway, officer, "queue.export", None).await
}

/// Takes in frames that a courier brought, as if a wire had.
pub(super) async fn import(
    post: &Post,
    officer: &str,
    (from, to): (&Party, &Party),
    frames: Vec<Carried>,
) -> Result<BagTaken, Failure> {
    let gateway = &post.gateway;
    gateway.recovery.check([from])?;
    if to != gateway.me() {
        let message = format!("the bag is for {to}, this is the gateway of {}", gateway.me());
        return Err(Failure::new(ExitCode::BadData, "bag.not_ours", message)
            .hint("hand it on to whom it is for; nothing of it was read"));
    }
    let courier = courier(gateway, from)?;
    record(gateway, officer, "queue.import", None).await?;
    let mut taken = BagTaken::default();
    for frame in frames {
        let body = frame.body.0;
        let proved = match frame.kind {
            CarriedKind::Envelope => {
                take(gateway, from, body, &mut taken).await?;
                continue;
            }
            CarriedKind::Receipts => {
                courier.carried_receipts(post, &body).await.map(|settled| taken.receipts += settled)
            }
            CarriedKind::Reject => courier.carried_reject(post, &body).map(|()| taken.rejections += 1),
            CarriedKind::Want => {
                wanted(gateway, from, &body, &mut taken).await;
                continue;
            }
            CarriedKind::News => {
                news(gateway, &body, &mut taken).await;
                continue;
            }
        };
        if let Err(cause) = proved {
            taken.refused.push(refused(gateway, &cause));
        }
    }
    Ok(taken)
}

/// Works in what a bag brings of the directory; it bears its own signatures, whoever has packed it.
async fn news(gateway: &Gateway, body: &[u8], taken: &mut BagTaken) {
    let refused = match Documents::from_frame(body) {
        Ok(news) => {
            let Taken { new, refused } = gateway.board.take(news, gateway.now()).await;
            taken.news += new;
            refused
        }
        Err(cause) => vec![cause.into()],
    };
    for cause in refused {
        gateway.counters.refused(cause.code());
        let (code, words) = (cause.code().to_owned(), cause.to_string());
        taken.refused.push(RefusedFrame { envelope: None, code, words });
    }
}

/// Notes which part of a file its addressee lacks: the next bag with files brings it.
async fn wanted(gateway: &Gateway, from: &Party, body: &[u8], taken: &mut BagTaken) {
    let refuse = |words: String| RefusedFrame { envelope: None, code: "want".to_owned(), words };
    let want = match attachments::wanted(gateway, from, body) {
        Ok(want) => want,
        Err(words) => return taken.refused.push(refuse(words)),
    };
    let (files, to) = (gateway.attic.files.clone(), from.clone());
    match blocking(move || files.owe(&want.name, &to, Some((want.from, want.end)))).await {
        Ok(true) => taken.wanted += 1,
        Ok(false) => taken.refused.push(refuse("no file of that name goes to this party".to_owned())),
        Err(words) => taken.refused.push(refuse(words)),
    }
}

/// Takes in a piece of a file, whatever came before it.
async fn piece(gateway: &Gateway, from: &Party, body: Vec<u8>, taken: &mut BagTaken) -> Result<(), Failure> {
    match attachments::take(gateway, from, body).await {
        Ok(_) => taken.pieces += 1,
        Err(Missed::Unwanted(_)) => taken.unawaited += 1,
        Err(Missed::Unsound(cause)) => taken.refused.push(refused(gateway, &cause)),
        Err(Missed::Disk(words)) => return Err(NodeError::File(FileError::Refused(words)).into()),
    }
    Ok(())
}

async fn take(gateway: &Gateway, from: &Party, body: Vec<u8>, taken: &mut BagTaken) -> Result<(), Failure> {
    let route = read_route(&body, &gateway.directory(), gateway.now());
    if matches!(&route, Ok((_, route, _)) if route.lane == Lane::Bulk) {
        return piece(gateway, from, body, taken).await;
    }
    let (envelope, answer) = match intake::kept(gateway, from, &body).await {
        Ok(kept) => {
            *(if kept.known { &mut taken.known } else { &mut taken.new }) += 1;
            (Some(kept.receipt.envelope), CarriedAnswer::Receipt(kept.receipt.sealed))
        }
        Err(refusal) => {
            gateway.counters.refused(&refusal.code);
            let (code, words, retryable) = (refusal.code, refusal.words, refusal.retryable);
            let (envelope, told) = (refusal.envelope, (code.clone(), words.clone()));
            taken.refused.push(RefusedFrame { envelope, code: told.0, words: told.1 });
            (envelope, CarriedAnswer::Reject { code, words, retryable })
        }
    };
    // Whoever packed an envelope without a provable route can be told nothing about it.
    if let Some(envelope) = envelope {
        let mut change = Change::default();
        change.owe(OwedAnswer { peer: from.clone(), envelope, answer }).map_err(NodeError::from)?;
        gateway.ledger.commit(change).await.map_err(NodeError::from)?.into_inner();
    }
    Ok(())
}

fn refused(gateway: &Gateway, cause: &EnvelopeError) -> RefusedFrame {
    gateway.counters.refused(cause.code());
    RefusedFrame { envelope: None, code: cause.code().to_owned(), words: cause.words_for_peer().to_owned() }
}

/// Asks for what is lacking of the peer's files, as a wire would.
fn add_wants(gateway: &Gateway, page: &mut BagPage) {
    let is_wanted = |incoming: &Incoming| incoming.asked || gateway.config.attachments == Fetch::Always;
    let awaited = gateway.attic.files.awaited(&page.to).into_iter();
    for (name, incoming) in awaited.filter(|(_, incoming)| is_wanted(incoming)).take(PAGE_FRAMES) {
        match attachments::want(gateway, &page.to, &name, &incoming) {
            Ok(body) => page.frames.push(Carried { kind: CarriedKind::Want, body: Hex(body) }),
            Err(cause) => tracing::warn!(cause, "a file of a peer is not asked for in a bag"),
        }
    }
}

/// Lists the parts of files that a courier may bring.
pub(super) async fn files(gateway: &Gateway, only: Option<&Party>) -> Result<Vec<OwedFile>, Failure> {
    let peers = match only {
        Some(peer) => vec![courier(gateway, peer)?],
        None => gateway.couriers.all(),
    };
    let mut out = Vec::new();
    for courier in peers.into_iter().filter(|c| !gateway.recovery.waits_for(&c.peer)) {
        let (files, to) = (gateway.attic.files.clone(), courier.peer.clone());
        let owed = blocking(move || files.owed(&to)).await;
        let owed = owed.map_err(|cause| NodeError::File(FileError::Refused(cause)))?;
        out.extend(owed.into_iter().map(|(name, part)| OwedFile {
            sender: gateway.me().clone(),
            to: part.to,
            name,
            from: part.from,
            end: part.end,
        }));
    }
    Ok(out)
}

/// Seals one piece of a file for a bag.
pub(super) async fn file_piece(
    post: &Post,
    to: &Party,
    name: Digest,
    index: u64,
) -> Result<Vec<u8>, Failure> {
    post.gateway.recovery.check([to])?;
    let sealed = attachments::carried(&post.gateway, to, name, index).await;
    sealed.map_err(|cause| NodeError::File(FileError::Refused(cause)).into())
}

/// Adds answers up to a page; those that are ready together share a frame and its signature.
fn add_answers(gateway: &Gateway, page: &mut BagPage) -> Result<(), NodeError> {
    let ring = gateway.ring();
    let owed = gateway.ledger.owed(&page.to, page.mark.answer.as_ref(), PAGE_FRAMES)?;
    let mut receipts = Vec::new();
    for OwedAnswer { envelope, answer, .. } in owed {
        page.answers.push(envelope);
        page.mark.answer = Some(envelope);
        match answer {
            CarriedAnswer::Receipt(sealed) => receipts.push(SealedReceipt { envelope, sealed }),
            CarriedAnswer::Reject { code, words, retryable } => {
                let body = Reject::sign(&page.to, envelope, (&code, &words, retryable), &ring)?;
                page.frames.push(Carried { kind: CarriedKind::Reject, body: Hex(body) });
            }
        }
    }
    for some in receipts.chunks(intake::RECEIPTS_A_FRAME) {
        let body = Receipts::sign(&page.to, some.to_vec(), &ring)?;
        page.frames.push(Carried { kind: CarriedKind::Receipts, body: Hex(body) });
    }
    Ok(())
}

/// Puts what is new of the directory in front, so that the acts behind it are judged by it.
fn add_news(gateway: &Gateway, courier: &Courier, page: &mut BagPage) {
    let news = gossip::to_carry(gateway, courier).into_iter();
    let frames = news.map(|piece| Carried { kind: CarriedKind::News, body: Hex(piece.to_bytes()) });
    page.frames.splice(0..0, frames);
}

/// Adds acts that wait, the oldest first, until the page is full.
fn add_acts(gateway: &Gateway, courier: &Courier, page: &mut BagPage) -> Result<(), NodeError> {
    let mut size: usize = page.frames.iter().map(|frame| frame.body.0.len()).sum();
    for place in courier.to_carry(page.mark.act) {
        let held = gateway.ledger.envelope(&place.1)?;
        // It was delivered by wire in the meantime if it is held no longer.
        let Some(held) = held else { continue };
        size += held.bytes.len();
        if !page.frames.is_empty() && (size > PAGE_BYTES || page.acts.len() >= PAGE_FRAMES) {
            break;
        }
        page.frames.push(Carried { kind: CarriedKind::Envelope, body: Hex(held.bytes) });
        page.acts.push(place.1);
        page.mark.act = Some(place);
    }
    Ok(())
}

fn courier(gateway: &Gateway, peer: &Party) -> Result<Arc<Courier>, NodeError> {
    gateway.couriers.get(peer).ok_or_else(|| unknown("peer", peer))
}
