use crate::model::{Digest, MessageId, Party, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One frame that a courier carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// What it is.
    pub kind: CarriedKind,
    /// The body of the frame.
    pub body: Hex,
}

/// What a courier carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedKind {
    /// A sealed act.
    Envelope,
    /// Receipts for acts.
    Receipts,
    /// The refusal of an envelope.
    Reject,
    /// A word that a part of a file is wanted.
    Want,
    /// Documents of the federation's directory.
    News,
}

/// Bytes, written as lowercase hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

/// A part of what waits for one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BagPage {
    /// Who we are.
    pub from: Party,
    /// For whom all of it is.
    pub to: Party,
    /// The frames.
    pub frames: Vec<Carried>,
    /// The envelopes of the peer that are answered here.
    pub answers: Vec<MessageId>,
    /// Our envelopes that are here.
    pub acts: Vec<MessageId>,
    /// From where to go on.
    pub mark: BagMark,
}

/// How far an export has come: peer by peer, answers before acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagMark {
    /// The peer that was being packed for.
    pub peer: Party,
    /// The last answer.
    pub answer: Option<MessageId>,
    /// The last act.
    pub act: Option<(Timestamp, MessageId)>,
}

/// A part of a file of ours that a courier may bring to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwedFile {
    /// Who we are.
    pub sender: Party,
    /// To whom.
    pub to: Party,
    /// The name under which it travels.
    pub name: Digest,
    /// The first piece.
    pub from: u64,
    /// The first piece after it that is not owed.
    pub end: u64,
}

/// What became of the frames of a bag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BagTaken {
    /// Acts that were not known before.
    pub new: u32,
    /// Acts that had come already, by whichever road.
    pub known: u32,
    /// Acts of ours that are proved to have arrived.
    pub receipts: u32,
    /// Acts of ours that the peer has refused.
    pub rejections: u32,
    /// Documents of the directory that were new here.
    #[serde(default)]
    pub news: u32,
    /// Pieces of files that were new or known here.
    #[serde(default)]
    pub pieces: u32,
    /// Pieces for which no file waits: it is whole, or the act that names it has not come.
    #[serde(default)]
    pub unawaited: u32,
    /// Files of ours that the peer asks for.
    #[serde(default)]
    pub wanted: u32,
    /// What was refused here, with the first cause.
    pub refused: Vec<RefusedFrame>,
}

/// A frame that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFrame {
    /// The envelope, if its route could be proved.
    pub envelope: Option<MessageId>,
    /// The code of the cause.
    pub code: String,
    /// The cause in words.
    pub words: String,
}

impl BagTaken {
    /// Adds what became of further frames.
    pub fn add(&mut self, more: Self) {
        self.new += more.new;
        self.known += more.known;
        self.receipts += more.receipts;
        self.rejections += more.rejections;
        self.news += more.news;
        self.pieces += more.pieces;
        self.unawaited += more.unawaited;
        self.wanted += more.wanted;
        self.refused.extend(more.refused);
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in &self.0 {
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
        let whole = bytes.filter(|_| rest.is_empty());
        whole.map(Self).ok_or_else(|| serde::de::Error::custom("not lowercase hex"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_and_read_as_lowercase_hex() {
        let bytes = Hex((0..=255).collect());
        let text = serde_json::to_string(&bytes).unwrap();
        assert!(text.starts_with("\"000102") && text.ends_with("fdfeff\""));
        assert_eq!(serde_json::from_str::<Hex>(&text).unwrap(), bytes);
        for wrong in ["\"0\"", "\"0g\"", "\"AB\"", "\"é\"", "7"] {
            assert!(serde_json::from_str::<Hex>(wrong).is_err(), "{wrong}");
        }
    }
}
