//! Files that an act names: where they stand in it, and how they travel.

use super::{Act, Answer, Digest, Photograph};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How a photograph travels beside its act: its length, and the key that opens it for whoever may see the
/// element in which it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachedFile {
    /// The length of the file in bytes.
    pub size: u64,
    /// The key of its pieces.
    pub key: FileKey,
}

/// The key of one file for one audience. It is never shown: in JSON it reads `hidden`, which is no key.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey(pub [u8; 32]);

/// A photograph with its place in an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached<'a> {
    /// The path of the element in which it stands, such as `items/0/photographs`.
    pub path: String,
    /// Its place among the element's photographs, counted from zero.
    pub place: usize,
    /// The photograph.
    pub photograph: &'a Photograph,
}

impl Act {
    /// Lists the photographs of the act, in their order.
    pub fn attached(&self) -> Vec<Attached<'_>> {
        let mut out = Vec::new();
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other act bears photographs")]
        match self {
            Self::Request(request) => {
                for (nth, item) in request.items.iter().enumerate() {
                    out.extend(at(&format!("items/{nth}/photographs"), &item.photographs));
                }
            }
            Self::Resubmission(again) => {
                for (nth, item) in again.request.items.iter().enumerate() {
                    out.extend(at(&format!("request/items/{nth}/photographs"), &item.photographs));
                }
            }
            Self::Response(response) => {
                for (nth, item) in response.items.iter().enumerate() {
                    for (place, element) in item.elements.iter().enumerate() {
                        if let Answer::Value { value } = &element.answer {
                            out.extend(at(&format!("items/{nth}/elements/{place}"), &value.photographs));
                        }
                    }
                }
            }
            _ => {}
        }
        out
    }

    /// Lists the photographs of the act, to be told how they travel.
    pub fn attached_mut(&mut self) -> Vec<&mut Photograph> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other act bears photographs")]
        match self {
            Self::Request(request) => {
                request.items.iter_mut().flat_map(|item| &mut item.photographs).collect()
            }
            Self::Resubmission(again) => {
                again.request.items.iter_mut().flat_map(|item| &mut item.photographs).collect()
            }
            Self::Response(response) => {
                let elements = response.items.iter_mut().flat_map(|item| &mut item.elements);
                elements
                    .filter_map(|element| match &mut element.answer {
                        Answer::Value { value } => Some(&mut value.photographs),
                        Answer::NoRecord { .. }
                        | Answer::Withheld { .. }
                        | Answer::Delayed { .. }
                        | Answer::NotApplicable { .. } => None,
                    })
                    .flatten()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

fn at<'a>(path: &str, photographs: &'a [Photograph]) -> Vec<Attached<'a>> {
    let place = |(place, photograph)| Attached { path: path.to_owned(), place, photograph };
    photographs.iter().enumerate().map(place).collect()
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Serialize for FileKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str("hidden");
        }
        Digest(self.0).serialize(serializer)
    }
}

/// Within a tagged enum serde asks as if for JSON, so that only what comes tells the two apart.
impl<'de> Deserialize<'de> for FileKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = FileKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the 32 bytes of a file's key; by hand a file is named by 'path'")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<FileKey, E> {
        bytes.try_into().map(FileKey).map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Particulars;

    #[test]
    fn a_key_travels_in_binary_and_is_never_taken_from_text() {
        let file = AttachedFile { size: 7, key: FileKey([9; 32]) };
        let photograph = Photograph {
            shows: crate::model::Text::new("x".into()),
            sha256: Digest([1; 32]),
            file: Some(file),
        };
        let value = Particulars { photographs: vec![photograph], ..Particulars::default() };
        let answer = Answer::Value { value };
        let mut bytes = Vec::new();
        ciborium::into_writer(&answer, &mut bytes).unwrap();
        assert_eq!(ciborium::from_reader::<Answer, _>(bytes.as_slice()).unwrap(), answer);
        let json = serde_json::to_string(&answer).unwrap();
        assert!(
            json.contains(r#""key":"hidden""#) && serde_json::from_str::<Answer>(&json).is_err(),
            "{json}"
        );
    }
}
