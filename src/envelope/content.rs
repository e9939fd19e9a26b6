use crate::cose;
use crate::cose::{CoseError, ExportSecret, OpeningKey, Recipient};
use crate::envelope::EnvelopeError;
use crate::envelope::elements::{Disclosure, SHORTEST_DISCLOSURE, SaltSeed};
use crate::envelope::keys::{KeyRing, seal_to};
use crate::envelope::mandate;
use crate::envelope::mandate::CarriedMandate;
use crate::envelope::packed::{Packed, Unpacked};
use crate::envelope::route::{Lane, Route, cited_certificate};
use crate::envelope::statement::{Signed, Statement};
use crate::model::{Digest, Entropy, MessageId, Party, Timestamp};
use crate::trust::{Directory, MandateDocument};
use crate::wire;
use crate::wire::{FrameHeader, FrameKind, Limits, WireError};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use std::fmt;

/// Names what the HPKE context is bound to, so that no key schedule of another use equals it.
const SEAL_CONTEXT: &str = "valise/2 seal X-Wing SHAKE256 AES-256-GCM";

/// A signed statement with the disclosures of its elements, as it is archived and proved with.
///
/// Its `Debug` never shows a value (ISACS 8.4 a).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The statement's COSE_Sign1, as it was signed.
    #[serde(with = "serde_bytes")]
    pub statement: Vec<u8>,
    /// The bytes of each disclosure, in the order of the signed digests.
    pub disclosures: Vec<ByteBuf>,
    /// The mandate, where an agent speaks for its principal: every such act verifies by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateDocument>,
}

/// An envelope that is ready to be sent; sending it again sends the same bytes.
#[derive(Debug)]
pub struct Outgoing {
    /// Its identity.
    pub envelope: MessageId,
    /// The body of its frame.
    pub bytes: Vec<u8>,
    /// The key of the receipt that will answer it.
    pub export: ExportSecret,
}

/// An envelope that was opened and proved.
#[derive(Debug)]
pub struct Opened {
    /// Its identity.
    pub envelope: MessageId,
    /// The statement.
    pub statement: Statement,
    /// The bytes to keep: what was signed.
    pub bytes: Vec<u8>,
    /// The elements.
    pub disclosures: Vec<Disclosure>,
    /// From which their salts are derived.
    pub seed: SaltSeed,
    /// The mandate as it came, where an agent speaks for its principal.
    pub document: Option<MandateDocument>,
    /// The same, proved.
    pub mandate: Option<CarriedMandate>,
    /// The key under which to seal the receipt.
    pub export: ExportSecret,
}

/// Seals a signed statement to one recipient and routes it.
///
/// `keep_for` is how long, in seconds, a relay keeps it.
///
/// # Errors
/// [`EnvelopeError::Trust`] if the recipient has no prekey that is valid now: nothing is ever sent
/// to a recipient that is not post-quantum; [`EnvelopeError::Wire`] if it does not fit in a frame.
pub fn compose(
    signed: &Signed,
    to: &Party,
    ring: &KeyRing,
    directory: &Directory,
    now: Timestamp,
    keep_for: i64,
    entropy: &mut dyn Entropy,
) -> Result<Outgoing, EnvelopeError> {
    seal_packed(&Packed::of_signed(signed)?, to, ring, directory, now, keep_for, entropy)
}

/// Seals a packed act under a new identity: for the first time, or once more, signed as it is, to the newest prekey of its
/// recipient after `prekey-gone`, or under a newer route (DESIGN §5).
///
/// # Errors
/// As for [`compose`].
pub fn seal_packed(
    packed: &Packed,
    to: &Party,
    ring: &KeyRing,
    directory: &Directory,
    now: Timestamp,
    keep_for: i64,
    entropy: &mut dyn Entropy,
) -> Result<Outgoing, EnvelopeError> {
    let prekey = seal_to(directory, to, now)?;
    let envelope = MessageId::random(entropy);
    let content = wire::encode(packed)?;
    let info = seal_info(&ring.party, to, &prekey.id.0)?;
    let recipient = Recipient { public: &prekey.public, kid: &prekey.id.0, info: &info };
    let mut sealed = cose::seal(&content, &[recipient], envelope.as_bytes(), entropy)?;
    let route = Route {
        envelope,
        to: to.clone(),
        size: sealed.bytes.len() as u64,
        expires: now.saturating_add(keep_for),
        body: Digest::of(&[&sealed.bytes]),
        attachments: Vec::new(),
        lane: Lane::Acts,
    };
    let bytes = route.join(&sealed.bytes, ring)?;
    FrameHeader::new(FrameKind::Envelope, bytes.len()).map_err(WireError::from)?;
    let export = sealed.exports.pop().expect("one recipient gives one export secret");
    Ok(Outgoing { envelope, bytes, export })
}

/// Opens an envelope and proves every layer of it, outermost first.
///
/// # Errors
/// The first cause. With it comes the envelope's identity once the route has been proved, so that the
/// refusal can be signed and sent back.
pub fn open(
    bytes: &[u8],
    ring: &KeyRing,
    directory: &Directory,
    now: Timestamp,
) -> Result<Opened, (Option<MessageId>, EnvelopeError)> {
    let (sender, route, sealed) = Route::part(bytes, directory, now).map_err(|e| (None, e))?;
    check_route(&route, sealed, ring)
        .and_then(|()| open_sealed(&sender, &route, sealed, ring, directory, now))
        .map_err(|e| (Some(route.envelope), e))
}

/// Reads to which prekeys an envelope of ours was sealed and which log certificate its route cites.
///
/// # Errors
/// [`EnvelopeError::Wire`] or [`EnvelopeError::Cose`] if the bytes are no envelope.
pub fn sealed_under(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Digest), EnvelopeError> {
    let [route, sealed] = wire::lend_byte_strings(bytes, &Limits::ENVELOPE)?;
    Ok((cose::recipients(sealed, &Limits::ENVELOPE)?, cited_certificate(route)?))
}

/// Reads what a relay may read: who made the envelope, its route and the route's digest. That the sealed
/// body is the one that the route names is checked, and nothing in it is looked at.
///
/// # Errors
/// The first cause.
pub fn read_route(
    bytes: &[u8],
    directory: &Directory,
    now: Timestamp,
) -> Result<(Party, Route, Digest), EnvelopeError> {
    let [route, sealed] = wire::lend_byte_strings(bytes, &Limits::ENVELOPE)?;
    let digest = Digest::of(&[route]);
    let (sender, route) = Route::verify(route, directory, now)?;
    route.check_body(sealed)?;
    Ok((sender, route, digest))
}

impl Signed {
    /// Adds the mandate by which it speaks for a principal.
    pub fn with_mandate(self, mandate: MandateDocument) -> Self {
        Self { mandate: Some(mandate), ..self }
    }

    /// Returns what is archived of it.
    pub fn content(&self) -> Content {
        let disclosures = self.disclosures.iter().map(|d| ByteBuf::from(d.bytes())).collect();
        Content { statement: self.bytes.clone(), disclosures, mandate: self.mandate.clone() }
    }
}

impl Content {
    /// Reads an archived act; whether its parts are sound is seen when they are read themselves.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] if the bytes are no content.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        // A map, its two keys, a string and a list stand around disclosures, which are never shorter: a
        // list of many strings of nothing would cost many times its bytes. A mandate is longer than its items.
        let items = 5 + bytes.len() / SHORTEST_DISCLOSURE;
        let limits = Limits { items: items.min(Limits::ENVELOPE.items), ..Limits::ENVELOPE };
        Ok(wire::decode(bytes, &limits)?)
    }

    /// Reads the disclosures.
    ///
    /// # Errors
    /// [`EnvelopeError::Wire`] or [`EnvelopeError::Malformed`] on the first that is none.
    pub fn parse_disclosures(&self) -> Result<Vec<Disclosure>, EnvelopeError> {
        self.disclosures.iter().map(|bytes| Disclosure::parse(bytes)).collect()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content(statement of {} bytes, ", self.statement.len())?;
        write!(f, "{} disclosures [hidden])", self.disclosures.len())
    }
}

fn check_route(route: &Route, sealed: &[u8], ring: &KeyRing) -> Result<(), EnvelopeError> {
    if route.to != ring.party {
        return Err(EnvelopeError::NotAddressed);
    }
    route.check_body(sealed)?;
    if !route.attachments.is_empty() || route.lane != Lane::Acts {
        return Err(EnvelopeError::Unsupported("an attachment"));
    }
    Ok(())
}

fn open_sealed(
    sender: &Party,
    route: &Route,
    sealed: &[u8],
    ring: &KeyRing,
    directory: &Directory,
    now: Timestamp,
) -> Result<Opened, EnvelopeError> {
    let find = |kid: &[u8]| {
        let private = ring.prekey(kid)?;
        Some(OpeningKey { private, info: seal_info(sender, &ring.party, kid).ok()? })
    };
    let opened = match cose::open(sealed, &Limits::ENVELOPE, &find, route.envelope.as_bytes()) {
        Err(CoseError::NotForUs) => return Err(EnvelopeError::PrekeyGone),
        other => other?,
    };
    let Unpacked { statement, cut, seed, mandate: document } = Packed::parse(&opened.plaintext)?.unpack()?;
    let (statement, bytes) = Statement::verify_cut(&statement, &cut, directory, now)?;
    // What we said ourselves never comes from outside.
    if statement.issuer != *sender || statement.issuer == ring.party {
        return Err(EnvelopeError::WrongSender);
    }
    if !statement.said.audience.contains(&ring.party) {
        return Err(EnvelopeError::NotAddressed);
    }
    let mandate = mandate::check(&statement, document.as_ref(), directory, now)?;
    let (envelope, disclosures, export) = (route.envelope, cut.disclosures, opened.export);
    Ok(Opened { envelope, statement, bytes, disclosures, seed, document, mandate, export })
}

/// Binds a seal to its suite, sender, recipient and prekey (RFC 9180 §5.1 `info`).
fn seal_info(sender: &Party, recipient: &Party, prekey: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    Ok(wire::encode(&(SEAL_CONTEXT, sender, recipient, Bytes::new(prekey)))?)
}
