use super::order::{head, ordered};
use super::{Limits, WireError, check, strict};
use crate::model::Sensitive;
use ciborium::Value;
use serde::{Serialize, de::DeserializeOwned};
use std::any::type_name;

/// Encodes a value deterministically (RFC 8949 §4.2.1): what it gives, [`check`] accepts.
///
/// Fails with `Encode` on what has no place on our wire: floats, tags, keys other than integers and
/// text, repeated keys, nesting beyond [`super::MAX_DEPTH`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, WireError> {
    let mut plain = Vec::new();
    let written = ciborium::into_writer(value, &mut plain);
    written.map_err(|_| WireError::Encode("the type does not serialise"))?;
    ordered(&plain)
}

/// Checks the bytes strictly, decodes them, and accepts only the one encoding that the value has.
///
/// Fails with `Cbor` before anything is allocated, or with `Shape` if they are no `T`.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, WireError> {
    check(bytes, limits)?;
    let value = ciborium::from_reader(bytes).map_err(|error| shape::<T>(&error))?;
    is_own_form(&value, bytes)?;
    Ok(value)
}

/// Decodes what this node wrote itself and has checked otherwise: its one encoding is not asked for again.
///
/// Fails with `Cbor` or `Shape`.
pub fn read_back<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, WireError> {
    check(bytes, limits)?;
    ciborium::from_reader(bytes).map_err(|error| shape::<T>(&error))
}

/// Checks the bytes strictly and gives them in their generic form, which costs 32 bytes or more an item.
///
/// Fails with `Cbor` before anything is allocated.
pub fn decode_value(bytes: &[u8], limits: &Limits) -> Result<Value, WireError> {
    check(bytes, limits)?;
    // What passes has one encoding, so that nothing need be compared.
    ciborium::from_reader(bytes).map_err(|error| shape::<Value>(&error))
}

/// Checks the bytes strictly and gives each member's own bytes, of an array of `N`; allocates nothing.
///
/// Fails with `Cbor`, or with `Shape` on anything but an array of `N`.
pub fn members<'a, const N: usize>(bytes: &'a [u8], limits: &Limits) -> Result<[&'a [u8]; N], WireError> {
    strict::members(bytes, limits)?.ok_or_else(|| shape::<[Value; N]>(&"an array of another length, or none"))
}

/// Turns a value into its generic form; fails with `Encode` if its type cannot be serialised.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, WireError> {
    Value::serialized(value).map_err(|_| WireError::Encode("the type does not serialise"))
}

/// Reads a typed value out of its generic form, as [`decode`] does; fails with `Shape` if it is no `T`.
pub fn from_value<T: Serialize + DeserializeOwned>(value: &Value) -> Result<T, WireError> {
    let typed = value.deserialized().map_err(|error| shape::<T>(&error))?;
    is_own_form(&typed, &encode_value(value).map_err(|error| shape::<T>(&error))?)?;
    Ok(typed)
}

/// Encodes a generic value deterministically; fails like [`encode`].
pub fn encode_value(value: &Value) -> Result<Vec<u8>, WireError> {
    encode(value)
}

/// Makes an array of members that are encoded already.
pub fn array(members: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + members.iter().map(|member| member.len()).sum::<usize>());
    head(4, members.len() as u64, &mut out);
    members.iter().for_each(|member| out.extend_from_slice(member));
    out
}

/// Makes a byte string.
pub fn byte_string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + bytes.len());
    string(2, bytes, &mut out);
    out
}

/// Makes a text string.
pub fn text_string(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + text.len());
    string(3, text.as_bytes(), &mut out);
    out
}

/// Makes an array of byte strings; each is copied once.
pub fn byte_strings(strings: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + strings.iter().map(|string| 9 + string.len()).sum::<usize>());
    head(4, strings.len() as u64, &mut out);
    strings.iter().for_each(|bytes| string(2, bytes, &mut out));
    out
}

fn string(major: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(major, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Checks the bytes strictly and lends each string of an array of `N` byte strings; allocates nothing.
///
/// Fails with `Cbor`, or with `Shape` on anything else.
pub fn lend_byte_strings<'a, const N: usize>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<[&'a [u8]; N], WireError> {
    let mut strings = members(bytes, limits)?;
    for string in &mut strings {
        *string = strict::bytes(string).ok_or_else(|| shape::<[Value; N]>(&"a member is no byte string"))?;
    }
    Ok(strings)
}

/// Leaves the last `length` bytes, such as those of the last string that [`lend_byte_strings`] lent: they move to the
/// front, and no second body is asked for.
///
/// # Panics
/// If there are not so many, which is a bug.
pub fn keep_end(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.drain(..bytes.len() - length);
    bytes
}

/// The library reads one value from several encodings: it passes over what follows the last member of
/// a tuple and over members that it does not know, and takes arrays of numbers for byte strings.
fn is_own_form<T: Serialize>(value: &T, bytes: &[u8]) -> Result<(), WireError> {
    match encode(value) {
        Ok(own) if own == bytes => Ok(()),
        Ok(_) | Err(_) => Err(shape::<T>(&"the value is written in another form than its own")),
    }
}

fn shape<T>(error: &impl ToString) -> WireError {
    WireError::Shape { expected: type_name::<T>(), detail: Sensitive::new(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, MessageId, Timestamp};
    use crate::wire::FaultKind;
    use crate::wire::MAX_DEPTH;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        zone: Option<String>,
        at: Timestamp,
        id: MessageId,
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Plain,
        Counted(i64),
    }

    fn sample() -> Sample {
        Sample {
            zone: None,
            at: Timestamp::from_unix(500).unwrap(),
            id: MessageId([7; 16]),
            digest: None,
            kind: Kind::Counted(-25),
        }
    }

    #[test]
    fn a_struct_is_a_map_sorted_by_encoded_keys() {
        let golden = [
            &b"\xa4\x62at\x19\x01\xf4\x62id\x50"[..],
            &[7; 16],
            b"\x64kind\xa1\x67Counted\x38\x18\x64zone\xf6",
        ]
        .concat();
        assert_eq!(encode(&sample()).unwrap(), golden);
        assert_eq!(decode::<Sample>(&golden, &Limits::ENVELOPE).unwrap(), sample());
        let value = to_value(&sample()).unwrap();
        assert_eq!(from_value::<Sample>(&value).unwrap(), sample());
        assert_eq!(encode_value(&value).unwrap(), golden);
    }

    #[test]
    fn integers_take_the_shortest_of_their_five_forms() {
        // RFC 8949 appendix A.
        let golden: [(i128, &[u8]); 9] = [
            (0, b"\x00"),
            (23, b"\x17"),
            (24, b"\x18\x18"),
            (1000, b"\x19\x03\xe8"),
            (1_000_000, b"\x1a\x00\x0f\x42\x40"),
            (1_000_000_000_000, b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"),
            (18_446_744_073_709_551_615, b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
            (-18_446_744_073_709_551_616, b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff"),
            (-1000, b"\x39\x03\xe7"),
        ];
        for (number, bytes) in golden {
            assert_eq!(encode(&number).unwrap(), bytes, "{number}");
        }
    }

    #[test]
    fn maps_of_unknown_length_are_counted_and_sorted() {
        #[derive(Serialize)]
        struct Open {
            zone: Vec<u8>,
            #[serde(flatten)]
            rest: std::collections::BTreeMap<String, Vec<i64>>,
        }
        let rest = [("long".to_owned(), (0..30).collect()), ("a".to_owned(), Vec::new())];
        let open = Open { zone: vec![1, 2], rest: rest.into() };
        let bytes = encode(&open).unwrap();
        assert_eq!(bytes[..4], *b"\xa3\x61a\x80");
        assert_eq!(encode_value(&to_value(&open).unwrap()).unwrap(), bytes);
        check(&bytes, &Limits::ENVELOPE).unwrap();
    }

    #[test]
    fn what_check_would_refuse_is_never_encoded() {
        let one = || Value::from(1);
        let bad = [
            Value::Float(1.5),
            Value::Tag(0, Box::new(one())),
            Value::Map(vec![(one(), one()), (one(), one())]),
            Value::Map(vec![(Value::Null, one())]),
            (0..=MAX_DEPTH).fold(one(), |inner, _| Value::Array(vec![inner])),
        ];
        for value in bad {
            assert!(matches!(encode_value(&value), Err(WireError::Encode(_))), "{value:?}");
        }
        assert!(matches!(encode(&u128::MAX), Err(WireError::Encode(_))));
    }

    #[test]
    fn decoding_checks_before_it_looks() {
        let fault = decode::<Sample>(b"\xa1\x18\x01\x00", &Limits::ENVELOPE).unwrap_err();
        assert!(matches!(fault, WireError::Cbor(fault) if fault.kind == FaultKind::NotShortest));
    }

    #[test]
    fn a_value_is_read_from_one_encoding_only() {
        type Pair = (serde_bytes::ByteBuf, Timestamp);
        let own = b"\x82\x41\x07\x01";
        assert!(decode::<Pair>(own, &Limits::ENVELOPE).is_ok());
        let others: [(&str, &[u8]); 4] = [
            ("a member too many", b"\x83\x41\x07\x01\x00"),
            ("a byte string as an array", b"\x82\x81\x07\x01"),
            ("a byte string as a text", b"\x82\x61\x07\x01"),
            ("a member too few", b"\x81\x41\x07"),
        ];
        for (fault, bytes) in others {
            let refused = decode::<Pair>(bytes, &Limits::ENVELOPE);
            assert!(matches!(refused, Err(WireError::Shape { .. })), "{fault}");
            let value: Value = decode(bytes, &Limits::ENVELOPE).unwrap();
            assert!(matches!(from_value::<Pair>(&value), Err(WireError::Shape { .. })), "{fault}");
        }
        assert!(decode::<(u8, u8)>(b"\x42\x01\x02", &Limits::ENVELOPE).is_err(), "an array as a byte string");
        assert!(decode::<Kind>(b"\xa1\x65Plain\xf6", &Limits::ENVELOPE).is_err(), "a plain variant as a map");
    }

    #[test]
    fn members_are_the_bytes_of_an_array_of_that_length() {
        let members = |bytes| super::members::<3>(bytes, &Limits::ENVELOPE);
        let nested = b"\x83\x82\x01\x81\x02\x80\x61a";
        assert_eq!(members(nested).unwrap(), [&b"\x82\x01\x81\x02"[..], b"\x80", b"\x61a"]);
        for other in [&b"\x82\x01\x02"[..], b"\x84\x01\x02\x03\x04", b"\xa1\x01\x02", b"\x43abc", b"\x80"] {
            assert!(matches!(members(other), Err(WireError::Shape { .. })), "{other:02x?}");
        }
        assert!(matches!(members(b"\x83\x01\x02"), Err(WireError::Cbor(_))));
    }

    #[test]
    fn strings_are_written_and_lent_as_the_library_writes_and_reads_them() {
        use serde_bytes::Bytes;
        for length in [0, 23, 24, 255, 256, 70_000] {
            let (bytes, text) = (vec![7; length], "a".repeat(length));
            assert_eq!(byte_string(&bytes), encode(Bytes::new(&bytes)).unwrap());
            assert_eq!(text_string(&text), encode(&text).unwrap());
            let pair = byte_strings(&[&bytes, b"x"]);
            assert_eq!(pair, encode(&(Bytes::new(&bytes), Bytes::new(b"x"))).unwrap());
            assert_eq!(lend_byte_strings(&pair, &Limits::ENVELOPE), Ok([bytes.as_slice(), b"x"]));
        }
    }

    #[test]
    fn only_an_array_of_that_many_byte_strings_is_lent() {
        let lend = |bytes| lend_byte_strings::<2>(bytes, &Limits::ENVELOPE);
        assert_eq!(lend(b"\x82\x41\x07\x40"), Ok([b"\x07".as_slice(), b""]));
        for other in [
            b"\x81\x41\x07".as_slice(),
            b"\x83\x40\x40\x40",
            b"\x82\x41\x07\x61a",
            b"\x82\x41\x07\x81\x07",
            b"\xa1\x01\x40",
            b"\x41\x07",
        ] {
            assert!(matches!(lend(other), Err(WireError::Shape { .. })), "{other:?}");
        }
        for unsound in [b"\x82\x58\x01\x07\x40".as_slice(), b"\x82\x41\x07\x40\x00", b"\x82\x42\x07"] {
            assert!(matches!(lend(unsound), Err(WireError::Cbor(_))), "{unsound:?}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_stays_out_of_the_log() {
        let error = decode::<Kind>(b"\x68AK-12345", &Limits::ENVELOPE).unwrap_err();
        let WireError::Shape { detail, .. } = &error else { panic!("{error}") };
        assert!(detail.reveal().contains("AK-12345"));
        assert!(!format!("{error} {error:?}").contains("AK-12345"));
    }
}
