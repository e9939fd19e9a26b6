//! How acts, receipts and rejections become what a link carries, and what of it is believed.
//!
//! A drawn share of the acts goes through the real `envelope`: signed, sealed, routed, opened, proved.
//! The rest takes the fast lane, in which a struct stands for the bytes and its fields for what the
//! signatures prove. Receipts are real in both lanes, apart from the seal around them.

use crate::bugs::Bug;
use crate::draw::Draw;
use crate::federation::Member;
use std::sync::Arc;
use valise::cose::ExportSecret;
use valise::envelope::{self, EnvelopeError, Receipts, StatementDraft};
use valise::model::{DAY, Digest, MessageId, Party, Timestamp};

/// How long a relay would keep an envelope, in seconds.
pub const KEEP_FOR: i64 = 60 * DAY;

/// What a link carries.
#[derive(Clone, Debug)]
pub enum Frame {
    /// One act on its way.
    Envelope(Letter),
    /// The receipts of a commit group.
    Receipts(Answers),
    /// A signed rejection; always real.
    Reject(Arc<Vec<u8>>),
}

/// One act on its way.
#[derive(Clone, Debug)]
pub enum Letter {
    /// The body of a real frame.
    Real(Arc<Vec<u8>>),
    /// What stands for one.
    Fast(FastLetter),
}

/// Stands for an envelope: each field for what a layer of the real one proves.
#[derive(Clone, Debug)]
pub struct FastLetter {
    /// The envelope's identity.
    pub envelope: MessageId,
    /// Whose log key signed the route.
    pub routed_by: Party,
    /// To whom the route and the seal lead.
    pub to: Party,
    /// Whether every signature and seal holds.
    pub intact: bool,
    /// Whose seal key signed the statement.
    pub issuer: Party,
    /// The statement digest.
    pub digest: Digest,
    /// The statement.
    pub said: Arc<StatementDraft>,
}

/// Receipts on their way.
#[derive(Clone, Debug)]
pub enum Answers {
    /// The body of a real frame.
    Real(Arc<Vec<u8>>),
    /// Real receipts without the seal around them.
    Fast(Arc<Vec<(MessageId, Vec<u8>)>>),
}

/// An act that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The envelope's identity.
    pub envelope: MessageId,
    /// The statement digest.
    pub digest: Digest,
    /// What is sent, and sent again.
    pub letter: Letter,
    /// The key of its receipt, in the real lane.
    pub export: Option<[u8; 32]>,
}

/// An act that was opened and proved.
#[derive(Debug)]
pub struct Opened {
    /// The envelope's identity.
    pub envelope: MessageId,
    /// Who said it.
    pub issuer: Party,
    /// The statement digest.
    pub digest: Digest,
    /// What was said.
    pub said: Arc<StatementDraft>,
    /// The key of its receipt, in the real lane.
    pub export: Option<ExportSecret>,
}

/// Signs, seals and routes an act, or makes what stands for it.
///
/// # Errors
/// As for [`envelope::compose`].
pub fn compose(
    said: &Arc<StatementDraft>,
    to: &Party,
    me: &Member,
    real: bool,
    now: Timestamp,
    entropy: &mut Draw,
) -> Result<Composed, EnvelopeError> {
    if real {
        let signed = said.sign(&me.ring, entropy)?;
        let out = envelope::compose(&signed, to, &me.ring, &me.directory, now, KEEP_FOR, entropy)?;
        return Ok(Composed {
            envelope: out.envelope,
            digest: signed.digest,
            letter: Letter::Real(Arc::new(out.bytes)),
            export: Some(*out.export.as_bytes()),
        });
    }
    let envelope = MessageId::random(entropy);
    // A salt stands for those of the elements: it alone tells two statements apart that say the same.
    let salt = MessageId::random(entropy);
    let issuer = me.party.clone();
    let case = said.case.as_str().as_bytes();
    let digest = Digest::of(&[b"fast\0", issuer.to_string().as_bytes(), case, &said.message_id.0, &salt.0]);
    let letter = Letter::Fast(FastLetter {
        envelope,
        routed_by: issuer.clone(),
        to: to.clone(),
        intact: true,
        issuer,
        digest,
        said: Arc::clone(said),
    });
    Ok(Composed { envelope, digest, letter, export: None })
}

/// Opens an act and proves it.
///
/// # Errors
/// The first cause, with the envelope's identity where its route holds.
pub fn open(
    letter: &Letter,
    me: &Member,
    now: Timestamp,
    bug: Option<Bug>,
) -> Result<Opened, (Option<MessageId>, EnvelopeError)> {
    match letter {
        Letter::Real(bytes) => {
            let opened = envelope::open(bytes, &me.ring, &me.directory, now)?;
            Ok(Opened {
                envelope: opened.envelope,
                issuer: opened.statement.issuer,
                digest: opened.statement.digest,
                said: Arc::new(opened.statement.said),
                export: Some(opened.export),
            })
        }
        Letter::Fast(letter) => open_fast(letter, me, bug),
    }
}

fn open_fast(
    letter: &FastLetter,
    me: &Member,
    bug: Option<Bug>,
) -> Result<Opened, (Option<MessageId>, EnvelopeError)> {
    let known = me.directory.entry(&letter.routed_by).map_err(|e| (None, e.into()))?;
    let fail = |error| Err((Some(letter.envelope), error));
    if letter.to != me.party {
        return Err((None, EnvelopeError::NotAddressed));
    }
    if !letter.intact {
        return fail(EnvelopeError::BodyMismatch);
    }
    if letter.issuer != *known.party() && bug != Some(Bug::RouteOfAnother) {
        return fail(EnvelopeError::WrongSender);
    }
    if !letter.said.audience.contains(&me.party) && bug != Some(Bug::AudienceIgnored) {
        return fail(EnvelopeError::NotAddressed);
    }
    Ok(Opened {
        envelope: letter.envelope,
        issuer: letter.issuer.clone(),
        digest: letter.digest,
        said: Arc::clone(&letter.said),
        export: None,
    })
}

/// Puts the receipts for one peer into frames: a real one for the real lane, another for the rest.
///
/// # Errors
/// As for [`envelope::seal_receipt`].
pub fn answer(
    to: &Party,
    me: &Member,
    receipts: Vec<(MessageId, Option<ExportSecret>, Vec<u8>)>,
    entropy: &mut Draw,
) -> Result<Vec<Frame>, EnvelopeError> {
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    for (envelope, export, receipt) in receipts {
        match export {
            Some(export) => sealed.push(envelope::seal_receipt(envelope, &export, &receipt, entropy)?),
            None => plain.push((envelope, receipt)),
        }
    }
    let mut frames = Vec::new();
    if !sealed.is_empty() {
        let body = Receipts::sign(to, sealed, &me.ring)?;
        frames.push(Frame::Receipts(Answers::Real(Arc::new(body))));
    }
    if !plain.is_empty() {
        frames.push(Frame::Receipts(Answers::Fast(Arc::new(plain))));
    }
    Ok(frames)
}

/// Opens a frame of receipts from `peer`; `export` finds the key of an envelope's receipt.
///
/// # Errors
/// As for [`Receipts::verify`] and [`envelope::open_receipt`].
pub fn open_answers(
    answers: &Answers,
    peer: &Party,
    me: &Member,
    now: Timestamp,
    export: impl Fn(&MessageId) -> Option<[u8; 32]>,
) -> Result<Vec<(MessageId, Vec<u8>)>, EnvelopeError> {
    match answers {
        Answers::Fast(receipts) => Ok(receipts.to_vec()),
        Answers::Real(body) => Receipts::verify(body, peer, &me.directory, now)?
            .into_iter()
            .filter_map(|sealed| Some((export(&sealed.envelope)?, sealed)))
            .map(|(key, sealed)| {
                let receipt = envelope::open_receipt(&sealed, &ExportSecret::from_bytes(key))?;
                Ok((sealed.envelope, receipt))
            })
            .collect(),
    }
}
