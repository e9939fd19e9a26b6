use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// The bytes of something signed, kept as they came; lowercase hex in text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignedBytes(pub Vec<u8>);

impl fmt::Debug for SignedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedBytes({} bytes)", self.0.len())
    }
}

impl Serialize for SignedBytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            s.serialize_str(&hex)
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for SignedBytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if !d.is_human_readable() {
            return serde_bytes::ByteBuf::deserialize(d).map(|bytes| Self(bytes.into_vec()));
        }
        let text = String::deserialize(d)?;
        let bytes = text.as_bytes().chunks(2).map(|pair| {
            let digits = std::str::from_utf8(pair).ok().filter(|p| p.len() == 2 && *p == p.to_lowercase());
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.map(Self).ok_or_else(|| de::Error::custom("expected bytes as lowercase hex"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_lowercase_hex_both_ways() {
        let bytes = SignedBytes(vec![0, 0xab, 0xff]);
        let text = serde_json::to_string(&bytes).unwrap();
        assert_eq!(text, r#""00abff""#);
        assert_eq!(serde_json::from_str::<SignedBytes>(&text).unwrap(), bytes);
        for bad in [r#""00A0""#, r#""0""#, r#""zz""#] {
            assert!(serde_json::from_str::<SignedBytes>(bad).is_err(), "{bad}");
        }
    }
}
