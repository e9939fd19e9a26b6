use super::{Shown, hex, line, malformed, misplaced};
use crate::offline::OfflineError;
use crate::wire;
use crate::wire::{Limits, encode_value};
use ciborium::Value;
use serde_json::{Value as Json, json};

/// How deep byte strings that hold CBOR are looked into; a message of ours has four such layers.
const MAX_EMBEDDED: usize = 8;
/// The most bytes of a byte string that a line shows.
const SHOWN_BYTES: usize = 32;

/// Shows one item of deterministic CBOR that begins at `base` of its file.
pub(super) fn show(bytes: &[u8], limits: &Limits, base: usize) -> Result<Shown, OfflineError> {
    let value = wire::decode::<Value>(bytes, limits).map_err(|error| misplaced(base, &error))?;
    let (node, _) = Node::new(value, base, MAX_EMBEDDED)?;
    let mut text = String::new();
    node.write("", 0, &mut text);
    Ok(Shown { text, value: node.to_json() })
}

/// Returns the length of the head of an item with this argument (RFC 8949 §4.2.1).
pub(super) const fn head_len(argument: usize) -> usize {
    match argument {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        0x1_0000_0000.. => 9,
    }
}

/// An item and the place of its first byte.
struct Node {
    offset: usize,
    item: Item,
}

enum Item {
    Integer(i128),
    Text(String),
    Bytes(Vec<u8>),
    /// A byte string that holds an encoded array or map.
    Embedded(usize, Box<Node>),
    Bool(bool),
    Null,
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Places an item; gives the offset behind it too. Its encoding is the only one it has, so that
    /// lengths tell every place.
    fn new(value: Value, offset: usize, embedded: usize) -> Result<(Self, usize), OfflineError> {
        let own_len = encode_value(&value).map_or(0, |bytes| bytes.len());
        let item = match value {
            Value::Integer(integer) => Item::Integer(integer.into()),
            Value::Text(text) => Item::Text(text),
            Value::Bool(flag) => Item::Bool(flag),
            Value::Null => Item::Null,
            Value::Bytes(bytes) => match Self::embedded(&bytes, offset, embedded) {
                Some(node) => Item::Embedded(bytes.len(), Box::new(node)),
                None => Item::Bytes(bytes),
            },
            Value::Array(items) => {
                let mut at = offset + head_len(items.len());
                let nodes = items.into_iter().map(|item| Self::next(item, &mut at, embedded));
                Item::Array(nodes.collect::<Result<_, _>>()?)
            }
            Value::Map(entries) => {
                let mut at = offset + head_len(entries.len());
                let nodes = entries.into_iter().map(|(key, value)| {
                    Ok((Self::next(key, &mut at, embedded)?, Self::next(value, &mut at, embedded)?))
                });
                Item::Map(nodes.collect::<Result<_, _>>()?)
            }
            Value::Float(_) | Value::Tag(..) | _ => {
                return Err(malformed(offset, &"a value that the strict check lets pass by mistake"));
            }
        };
        Ok((Self { offset, item }, offset + own_len))
    }

    fn next(value: Value, at: &mut usize, embedded: usize) -> Result<Self, OfflineError> {
        let (node, end) = Self::new(value, *at, embedded)?;
        *at = end;
        Ok(node)
    }

    /// Looks into a byte string that is a whole array or map.
    fn embedded(bytes: &[u8], offset: usize, embedded: usize) -> Option<Self> {
        let inside = embedded.checked_sub(1)?;
        let value = wire::decode::<Value>(bytes, &Limits::FILE).ok()?;
        let container = value.is_array() || value.is_map();
        let base = offset + head_len(bytes.len());
        container.then(|| Self::new(value, base, inside).ok()).flatten().map(|(node, _)| node)
    }

    fn write(&self, prefix: &str, depth: usize, out: &mut String) {
        let mut put = |text: &str| out.push_str(&line(self.offset, depth, &format!("{prefix}{text}")));
        match &self.item {
            Item::Integer(integer) => put(&integer.to_string()),
            // A text may hold characters that a terminal would obey.
            Item::Text(text) => put(&format!("{text:?}")),
            Item::Bool(flag) => put(&flag.to_string()),
            Item::Null => put("null"),
            Item::Bytes(bytes) => {
                let more = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
                let shown = hex(&bytes[..bytes.len().min(SHOWN_BYTES)]);
                put(&format!("{} bytes {shown}{more}", bytes.len()));
            }
            Item::Embedded(length, node) => {
                put(&format!("{length} bytes that hold"));
                node.write("", depth + 1, out);
            }
            Item::Array(items) => {
                put(&format!("array of {}", items.len()));
                items.iter().for_each(|item| item.write("", depth + 1, out));
            }
            Item::Map(entries) => {
                put(&format!("map of {}", entries.len()));
                for (key, value) in entries {
                    value.write(&format!("{}: ", key.as_key()), depth + 1, out);
                }
            }
        }
    }

    /// Writes a key, which the strict check has found to be an integer or a text.
    fn as_key(&self) -> String {
        match &self.item {
            Item::Integer(integer) => integer.to_string(),
            Item::Text(text) => format!("{text:?}"),
            Item::Bytes(_)
            | Item::Embedded(..)
            | Item::Bool(_)
            | Item::Null
            | Item::Array(_)
            | Item::Map(_) => String::new(),
        }
    }

    fn to_json(&self) -> Json {
        let offset = self.offset;
        match &self.item {
            Item::Integer(integer) => json!({ "offset": offset, "integer": integer.to_string() }),
            Item::Text(text) => json!({ "offset": offset, "text": text }),
            Item::Bool(flag) => json!({ "offset": offset, "bool": flag }),
            Item::Null => json!({ "offset": offset, "null": true }),
            Item::Bytes(bytes) => json!({ "offset": offset, "bytes": hex(bytes) }),
            Item::Embedded(length, node) => {
                json!({ "offset": offset, "length": length, "holds": node.to_json() })
            }
            Item::Array(items) => {
                json!({ "offset": offset, "array": items.iter().map(Self::to_json).collect::<Vec<_>>() })
            }
            Item::Map(entries) => {
                let entry =
                    |(key, value): &(Self, Self)| json!({ "key": key.to_json(), "value": value.to_json() });
                json!({ "offset": offset, "map": entries.iter().map(entry).collect::<Vec<_>>() })
            }
        }
    }
}
