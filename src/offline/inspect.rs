//! Shows what the strict decoder sees of a file, with no keys and no node.

mod bag;
mod cbor;
mod certificate;
mod dossier;
mod envelope;

use crate::model::Digest;
use crate::offline::OfflineError;
use crate::wire::{Bag, FrameHeader, FrameKind, HEADER_LEN, Limits, WireError};
use serde_json::{Value as Json, json};

/// As what a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One item of deterministic CBOR.
    Cbor,
    /// A frame with its header.
    Frame,
    /// The body of an envelope frame.
    Envelope,
    /// What a courier carries.
    Bag,
    /// An X.509 certificate, in DER or PEM.
    Certificate,
    /// A dossier of evidence.
    Dossier,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// As what the file was read.
    pub kind: Kind,
    /// For a person: one line an item, with its byte offset in front.
    pub text: String,
    /// The same for a program.
    pub value: Json,
}

/// Shows a file; `kind` is guessed from the first bytes if it is not given.
///
/// Nothing is opened and no signature is verified.
///
/// # Errors
/// [`OfflineError::Malformed`] with the first fault and its byte offset.
pub fn inspect(bytes: &[u8], kind: Option<Kind>) -> Result<Report, OfflineError> {
    let kind = kind.unwrap_or_else(|| guess(bytes));
    let shown = match kind {
        Kind::Cbor => cbor::show(bytes, &Limits::FILE, 0),
        Kind::Frame => frame(bytes),
        Kind::Envelope => envelope::show(bytes, 0),
        Kind::Bag => bag::show(bytes),
        Kind::Certificate => certificate::show(bytes),
        Kind::Dossier => dossier::show(bytes),
    }?;
    Ok(Report { kind, text: shown.text, value: shown.value })
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Cbor, Self::Frame, Self::Envelope, Self::Bag, Self::Certificate, Self::Dossier];

    /// Returns the word for it on the command line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cbor => "cbor",
            Self::Frame => "frame",
            Self::Envelope => "envelope",
            Self::Bag => "bag",
            Self::Certificate => "certificate",
            Self::Dossier => "dossier",
        }
    }

    /// Finds a kind by its word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One part of a report.
struct Shown {
    text: String,
    value: Json,
}

/// No CBOR file of ours begins like PEM or like a DER sequence, and no CBOR item like a frame.
fn guess(bytes: &[u8]) -> Kind {
    if bytes.starts_with(b"VL") {
        Kind::Frame
    } else if certificate::looks_like_one(bytes) {
        Kind::Certificate
    } else if Bag::looks_like_one(bytes) {
        Kind::Bag
    } else {
        Kind::Cbor
    }
}

fn frame(bytes: &[u8]) -> Result<Shown, OfflineError> {
    frame_at(bytes, 0)
}

/// Shows a frame that begins at `base` of its file.
fn frame_at(bytes: &[u8], base: usize) -> Result<Shown, OfflineError> {
    let (header, body) = bytes
        .split_first_chunk::<HEADER_LEN>()
        .ok_or_else(|| malformed(base + bytes.len(), &"the frame's header is cut off"))?;
    let header = FrameHeader::parse(header).map_err(|fault| malformed(base + fault.offset(), &fault))?;
    if body.len() < header.length() {
        return Err(malformed(base + bytes.len(), &"the frame's body is cut off"));
    }
    if body.len() > header.length() {
        return Err(malformed(base + HEADER_LEN + header.length(), &"bytes follow the frame"));
    }
    let inner = match header.kind() {
        FrameKind::Envelope => envelope::show(body, base + HEADER_LEN)?,
        FrameKind::Receipts
        | FrameKind::AuditAnswer
        | FrameKind::RecoveryQuestion
        | FrameKind::RecoveryList => cbor::show(body, &Limits::RECEIPTS, base + HEADER_LEN)?,
        FrameKind::Reject
        | FrameKind::AuditQuestion
        | FrameKind::Custody
        | FrameKind::Want
        | FrameKind::Refused => cbor::show(body, &Limits::REJECT, base + HEADER_LEN)?,
        FrameKind::Holdings => cbor::show(body, &Limits::HOLDINGS, base + HEADER_LEN)?,
        FrameKind::News => cbor::show(body, &Limits::NEWS, base + HEADER_LEN)?,
        FrameKind::RecoveryAct => cbor::show(body, &Limits::GIVEN_BACK, base + HEADER_LEN)?,
        FrameKind::Collect => cbor::show(body, &Limits::RECEIPTS, base + HEADER_LEN)?,
        FrameKind::Parcel => cbor::show(body, &Limits::PARCEL, base + HEADER_LEN)?,
        FrameKind::Collected => cbor::show(body, &Limits::COLLECTED, base + HEADER_LEN)?,
        FrameKind::Ping | FrameKind::Pong => {
            Shown { text: line(base + HEADER_LEN, 0, &hex(body)), value: hex(body).into() }
        }
    };
    let kind = format!("{:?}", header.kind()).to_lowercase();
    let title = format!("{kind} frame, version 1, body of {} bytes", header.length());
    let value = json!({ "frame": kind, "length": header.length(), "body": inner.value });
    Ok(Shown { text: line(base, 0, &title) + &inner.text, value })
}

fn malformed(offset: usize, why: &dyn std::fmt::Display) -> OfflineError {
    OfflineError::Malformed { offset, why: why.to_string() }
}

/// Places a fault of an item that begins at `base`.
fn misplaced(base: usize, error: &WireError) -> OfflineError {
    match error {
        WireError::Cbor(fault) => malformed(base + fault.offset, &fault.kind.words()),
        WireError::Frame(_) | WireError::Shape { .. } | WireError::Padding(_) | WireError::Encode(_) => {
            malformed(base, error)
        }
    }
}

/// Writes one line: the byte offset, then the text, indented.
fn line(offset: usize, depth: usize, text: &str) -> String {
    format!("{offset:>8}  {:width$}{text}\n", "", width = 2 * depth)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(&[bytes]).to_string()
}

#[cfg(test)]
mod tests;
