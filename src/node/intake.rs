//! Takes in what peers send: proves it, commits it, and only then lets the receipt leave (DESIGN §2).

use crate::cose::ExportSecret;
use crate::envelope;
use crate::envelope::{EnvelopeError, Opened, Receipts, Reject, SealedReceipt};
use crate::model::{ActKind, MessageId, Party};
use crate::node::attachments;
use crate::node::attachments::ReadyPiece;
use crate::node::audit;
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post, Received};
use crate::node::gossip;
use crate::node::mandates::Admission;
use crate::node::recovery;
use crate::store::Durable;
use crate::transport::{CloseCode, Link, Receiver, Sender};
use crate::trust::federation::Documents;
use crate::wire::FrameKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::yield_now;
use tokio::time::timeout;

/// The most envelopes of one stream that are worked on at once; the peer waits beyond that.
const WORKERS: usize = 64;
/// How long a link is kept that carries no stream.
const IDLE: Duration = Duration::from_secs(120);
/// The most receipts in one frame.
pub(super) const RECEIPTS_A_FRAME: usize = 64;

/// What is sent back for one envelope.
pub(super) enum Answer {
    /// The act is durable.
    Receipt(SealedReceipt),
    /// It was refused; the body of a signed rejection.
    Reject(Vec<u8>),
    /// An answer to a ping.
    Pong(Vec<u8>),
    /// A piece of a file.
    Piece(ReadyPiece),
    /// What our log proves.
    Audit(Vec<u8>),
    /// What we have of the directory, or news of it.
    Directory(FrameKind, Vec<u8>),
    /// What a restored peer has lost.
    Recovery(FrameKind, Vec<u8>),
}

/// An act that is durable.
pub(super) struct Kept {
    /// What its sender gets for it.
    pub receipt: SealedReceipt,
    /// Whether it was durable before this copy of it came.
    pub known: bool,
    /// Whether it cites a directory of our version with another content.
    pub split: bool,
}

/// A refusal in the words of the wire.
pub(super) struct Refusal {
    /// The envelope, if its route could be proved.
    pub envelope: Option<MessageId>,
    /// The code of the first cause.
    pub code: String,
    /// The cause in words for the peer.
    pub words: String,
    /// Whether the same bytes may be taken later.
    pub retryable: bool,
}

/// Serves the streams that a peer opens, until the link ends.
pub async fn serve_link(post: Post, link: Link) {
    let peer = link.peer().clone();
    while let Some((sender, receiver)) = next_stream(&link).await {
        if let Some(courier) = post.gateway.couriers.get(&peer) {
            courier.heard(post.gateway.now(), Some(&link));
        }
        let (answers, queue) = mpsc::channel(WORKERS);
        post.spawn(write_answers(post.clone(), peer.clone(), sender, queue));
        post.spawn(read_frames(post.clone(), peer.clone(), receiver, answers));
    }
    if let Some(courier) = post.gateway.couriers.get(&peer) {
        courier.unlink(&link);
    }
}

/// Waits for the next stream that the peer opens; a link that carries nothing for long is closed, since
/// its signs of life cost a metered line more than a new handshake.
pub(super) async fn next_stream(link: &Link) -> Option<(Sender, Receiver)> {
    loop {
        match timeout(IDLE, link.accept_stream()).await {
            Ok(accepted) => return accepted.ok(),
            Err(_) if link.is_idle() => {
                link.close(CloseCode::Done, "nothing to carry");
                return None;
            }
            Err(_) => {}
        }
    }
}

async fn read_frames(post: Post, peer: Party, mut receiver: Receiver, answers: mpsc::Sender<Answer>) {
    let workers = Arc::new(Semaphore::new(WORKERS));
    loop {
        match receiver.next().await {
            Ok(Some((FrameKind::Envelope, body))) => {
                let permit = Arc::clone(&workers).acquire_owned().await;
                let (worker, peer, answers) = (post.clone(), peer.clone(), answers.clone());
                post.spawn(async move {
                    if let Some(answer) = take(&worker, &peer, &body).await {
                        // If the stream has ended, the peer asks again and gets the stored receipt.
                        let _ = answers.send(answer).await;
                    }
                    drop(permit);
                });
            }
            Ok(Some((FrameKind::Want, body))) => {
                let (post, peer, answers) = (post.clone(), peer.clone(), answers.clone());
                post.clone().spawn(async move {
                    if let Err(cause) = attachments::serve(&post, &peer, &body, &answers).await {
                        post.gateway.counters.refused("want");
                        tracing::warn!(cause, "a file that a peer wants is not handed out");
                    }
                });
            }
            Ok(Some((FrameKind::Ping, body))) => drop(answers.send(Answer::Pong(body)).await),
            Ok(Some((FrameKind::AuditQuestion, body))) => match audit::answer(&post.gateway, &peer, &body) {
                Ok(answer) => drop(answers.send(Answer::Audit(answer)).await),
                Err(cause) => {
                    tracing::warn!(%cause, "a question about a log was not answered");
                    return;
                }
            },
            Ok(Some((FrameKind::Holdings, body))) => match post.gateway.board.answer(&body) {
                Ok(frames) => {
                    for (kind, body) in frames {
                        let _ = answers.send(Answer::Directory(kind, body)).await;
                    }
                }
                Err(cause) => return post.gateway.counters.refused(cause.code()),
            },
            Ok(Some((FrameKind::News, body))) => {
                let taken = match Documents::from_frame(&body) {
                    Ok(news) => post.gateway.board.take(news, post.gateway.now()).await,
                    Err(cause) => return post.gateway.counters.refused(cause.code()),
                };
                taken.refused.iter().for_each(|cause| post.gateway.counters.refused(cause.code()));
            }
            Ok(Some((FrameKind::RecoveryQuestion, body))) => {
                if let Err(cause) = recovery::serve(&post, &peer, &body, &answers).await {
                    tracing::warn!(%cause, "a restored peer's question was not answered");
                    return;
                }
            }
            Ok(Some((
                FrameKind::Receipts
                | FrameKind::Reject
                | FrameKind::Pong
                | FrameKind::AuditAnswer
                | FrameKind::RecoveryList
                | FrameKind::RecoveryAct
                | FrameKind::Custody
                | FrameKind::Collect
                | FrameKind::Parcel
                | FrameKind::Collected
                | FrameKind::Refused,
                _,
            ))) => {
                post.gateway.counters.refused("unexpected-frame");
                tracing::warn!("a peer sent an answer to nothing; its stream is closed");
                return;
            }
            Ok(None) => return,
            Err(cause) => {
                post.gateway.counters.refused(cause.code());
                tracing::warn!(code = cause.code(), %cause, "a stream of a peer ended badly");
                return;
            }
        }
    }
}

/// What became of an envelope that a relay brought.
pub(super) enum Unpacked {
    /// Its act is durable: the receipt for its sender.
    Kept(SealedReceipt),
    /// It was refused; the body of the signed rejection for its sender.
    Rejected(Vec<u8>),
    /// Its route cannot be proved, or is another's: the relay proved it, so the relay has damaged it.
    Damaged,
    /// It cannot be stored now.
    Later,
}

/// Opens and keeps one envelope of `from` that a relay brought: its route tells whose it is, not the party on the line.
pub(super) async fn take_parcel(post: &Post, from: &Party, body: &[u8]) -> Unpacked {
    if post.gateway.recovery.waits_for(from) {
        return match gone(post, from, body) {
            Some(Answer::Reject(body)) => Unpacked::Rejected(body),
            Some(_) | None => Unpacked::Later,
        };
    }
    match kept(&post.gateway, from, body).await {
        Ok(kept) => Unpacked::Kept(kept.receipt),
        Err(refusal) if refusal.envelope.is_none() => Unpacked::Damaged,
        Err(refusal) if refusal.code == "try-later" => Unpacked::Later,
        Err(refusal) => match reject(post, from, &refusal) {
            Answer::Reject(body) => Unpacked::Rejected(body),
            Answer::Receipt(_)
            | Answer::Pong(_)
            | Answer::Piece(_)
            | Answer::Audit(_)
            | Answer::Directory(..)
            | Answer::Recovery(..) => {
                unreachable!("a refusal is answered with a rejection")
            }
        },
    }
}

/// Signs receipts of acts that a relay brought, as the body of one frame.
pub(super) fn sign_receipts(post: &Post, to: &Party, receipts: Vec<SealedReceipt>) -> Vec<u8> {
    let body = Receipts::sign(to, receipts, &post.gateway.ring());
    body.expect("receipts have fixed members, all of which encode")
}

/// Opens, keeps and answers one envelope. After a restore a peer hears nothing but that a prekey is gone until it has
/// given back what it had; it sends again what was not answered.
async fn take(post: &Post, peer: &Party, body: &[u8]) -> Option<Answer> {
    if let Some(courier) = post.gateway.couriers.get(peer) {
        courier.heard(post.gateway.now(), None);
    }
    if post.gateway.recovery.waits_for(peer) {
        return gone(post, peer, body);
    }
    Some(match kept(&post.gateway, peer, body).await {
        Ok(kept) => {
            if kept.split {
                gossip::expose(post, peer);
            }
            Answer::Receipt(kept.receipt)
        }
        Err(refusal) => reject(post, peer, &refusal),
    })
}

/// All that a restored gateway says about an envelope of a peer that has not given back yet: that its prekey is gone.
fn gone(post: &Post, peer: &Party, body: &[u8]) -> Option<Answer> {
    let (ring, directory) = (post.gateway.ring(), post.gateway.directory());
    let (envelope, error) = envelope::open(body, &ring, &directory, post.gateway.now()).err()?;
    let refusal = Refusal::of(envelope, &error);
    (refusal.code == "prekey-gone").then(|| reject(post, peer, &refusal))
}

/// Opens and keeps one envelope of `from`: the party on the line, or the one that a relay or a bag names.
pub(super) async fn kept(gateway: &Gateway, from: &Party, body: &[u8]) -> Result<Kept, Refusal> {
    let opened = envelope::open(body, &gateway.ring(), &gateway.directory(), gateway.now())
        .map_err(|(envelope, error)| Refusal::of(envelope, &error))?;
    let id = opened.envelope;
    let split = gateway.board.contradiction(&opened.statement.said.directory).is_some();
    if opened.statement.issuer != *from {
        return Err(Refusal::of(Some(id), &EnvelopeError::WrongSender));
    }
    let _turn = match about_mandates(&opened) {
        true => Some(gateway.mandates.turn.lock().await),
        false => None,
    };
    let beyond = match gateway.admit(&opened).map_err(|error| Refusal::later(id, &error))? {
        Admission::Keep(beyond) => beyond,
        Admission::Refuse(code, words, retryable) => {
            return Err(Refusal { retryable, ..Refusal::plain(id, code, words) });
        }
    };
    match gateway.keep(&opened, beyond).await.map_err(|error| Refusal::later(id, &error))? {
        Received::Kept(receipt) => {
            Ok(Kept { receipt: answer_durable(gateway, id, &opened.export, receipt)?, known: false, split })
        }
        Received::Known(receipt) => {
            Ok(Kept { receipt: seal(gateway, id, &opened.export, &receipt)?, known: true, split })
        }
        Received::Equivocation => {
            let words = "the issuer used this message id for another statement; both are kept";
            Err(Refusal::plain(id, "equivocation", words))
        }
    }
}

/// Tells whether an act rests on a mandate, or ends one: these are taken in one after the other.
fn about_mandates(opened: &Opened) -> bool {
    let said = &opened.statement.said;
    said.on_behalf_of.is_some() || said.audience.len() > 1 || said.act.kind() == ActKind::MandateRevocation
}

/// A receipt for a new act takes the proof that it is durable.
fn answer_durable(
    gateway: &Gateway,
    id: MessageId,
    export: &ExportSecret,
    receipt: Durable<Vec<u8>>,
) -> Result<SealedReceipt, Refusal> {
    seal(gateway, id, export, &receipt.into_inner())
}

fn seal(
    gateway: &Gateway,
    id: MessageId,
    export: &ExportSecret,
    receipt: &[u8],
) -> Result<SealedReceipt, Refusal> {
    envelope::seal_receipt(id, export, receipt, &mut *gateway.entropy())
        .map_err(|error| Refusal::of(Some(id), &error))
}

fn reject(post: &Post, peer: &Party, refusal: &Refusal) -> Answer {
    post.gateway.counters.refused(&refusal.code);
    tracing::warn!(code = %refusal.code, words = %refusal.words, "an envelope was refused");
    // An envelope whose route cannot be read has no name; zeros stand for it.
    let id = refusal.envelope.unwrap_or(MessageId([0; 16]));
    let cause = (refusal.code.as_str(), refusal.words.as_str(), refusal.retryable);
    let body = Reject::sign(peer, id, cause, &post.gateway.ring());
    Answer::Reject(body.expect("a rejection has fixed members, all of which encode"))
}

/// Writes answers; the receipts that are ready together share a frame and its signature.
async fn write_answers(post: Post, peer: Party, mut sender: Sender, mut queue: mpsc::Receiver<Answer>) {
    let mut ready = Vec::new();
    while queue.recv_many(&mut ready, RECEIPTS_A_FRAME).await > 0 {
        // What one sync has made durable is ready at once: it goes under one signature.
        yield_now().await;
        while ready.len() < RECEIPTS_A_FRAME
            && let Ok(answer) = queue.try_recv()
        {
            ready.push(answer);
        }
        let mut receipts = Vec::new();
        let mut frames = Vec::new();
        let mut pieces = Vec::new();
        for answer in ready.drain(..) {
            match answer {
                Answer::Receipt(receipt) => receipts.push(receipt),
                Answer::Reject(body) => frames.push((FrameKind::Reject, body)),
                Answer::Pong(body) => frames.push((FrameKind::Pong, body)),
                Answer::Piece(piece) => pieces.push(piece),
                Answer::Audit(body) => frames.push((FrameKind::AuditAnswer, body)),
                Answer::Directory(kind, body) => frames.push((kind, body)),
                Answer::Recovery(kind, body) => frames.push((kind, body)),
            }
        }
        if !receipts.is_empty() {
            frames.push((FrameKind::Receipts, sign_receipts(&post, &peer, receipts)));
        }
        for (kind, body) in frames {
            if let Err(cause) = sender.send(kind, &body).await {
                tracing::info!(%cause, "an answer did not reach the peer; it will ask again");
                return;
            }
        }
        for piece in pieces {
            sender.in_the_background();
            if let Err(cause) = sender.hand_over(FrameKind::Envelope, piece.body).await {
                tracing::info!(%cause, "a piece did not reach the peer; it will ask again");
                return;
            }
        }
    }
    sender.finish();
}

impl From<ReadyPiece> for Answer {
    fn from(piece: ReadyPiece) -> Self {
        Self::Piece(piece)
    }
}

impl Refusal {
    fn of(envelope: Option<MessageId>, error: &EnvelopeError) -> Self {
        tracing::info!(cause = %error, "first cause of a refusal");
        let words = error.words_for_peer().to_owned();
        Self { envelope, code: error.code().to_owned(), words, retryable: error.is_retryable() }
    }

    fn plain(envelope: MessageId, code: &str, words: &str) -> Self {
        let (code, words) = (code.to_owned(), words.to_owned());
        Self { envelope: Some(envelope), code, words, retryable: false }
    }

    /// It was sound, but could not be kept now.
    fn later(envelope: MessageId, error: &NodeError) -> Self {
        tracing::error!(cause = %error, "an act could not be kept");
        let words = "the gateway cannot store it now; try again later".to_owned();
        Self { envelope: Some(envelope), code: "try-later".to_owned(), words, retryable: true }
    }
}
