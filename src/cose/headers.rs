use super::CoseError;
use super::algorithms::label::{ALG, CRIT, is_private};
use crate::wire::{Limits, decode_value, encode_value, from_value};
use ciborium::Value;
use coset::ProtectedHeader;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// The header parameters of one bucket, by label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(BTreeMap<i64, Value>);

/// The labels that a reader understands beside `alg` and `crit`; all others are refused.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Labels of the protected bucket.
    pub protected: &'a [i64],
    /// Labels of the unprotected bucket, which no signature covers.
    pub unprotected: &'a [i64],
}

impl Headers {
    /// Returns the value of a label.
    pub fn get(&self, label: i64) -> Option<&Value> {
        self.0.get(&label)
    }

    /// Lists the labels.
    pub fn labels(&self) -> impl Iterator<Item = i64> {
        self.0.keys().copied()
    }

    /// Returns a byte string; fails with `MissingHeader` or `HeaderValue`.
    pub fn bytes(&self, label: i64) -> Result<&[u8], CoseError> {
        let value = self.get(label).ok_or(CoseError::MissingHeader(label))?;
        value.as_bytes().map(Vec::as_slice).ok_or(CoseError::HeaderValue(label))
    }

    /// Reads a typed value; fails with `MissingHeader` or `HeaderValue`.
    pub fn read<T: Serialize + DeserializeOwned>(&self, label: i64) -> Result<T, CoseError> {
        let value = self.get(label).ok_or(CoseError::MissingHeader(label))?;
        from_value(value).map_err(|_| CoseError::HeaderValue(label))
    }

    /// Adds a value; fails with `DuplicateHeader`.
    pub(super) fn insert(&mut self, label: i64, value: Value) -> Result<(), CoseError> {
        self.0.insert(label, value).map_or(Ok(()), |_| Err(CoseError::DuplicateHeader(label)))
    }

    fn from_map(map: Value) -> Result<Self, CoseError> {
        let entries = map.into_map().map_err(|_| CoseError::Structure("a header map"))?;
        let mut headers = Self::default();
        for (key, value) in entries {
            let label = as_label(&key).ok_or(CoseError::HeaderLabel)?;
            headers.insert(label, value)?;
        }
        Ok(headers)
    }

    fn to_map(&self) -> Value {
        Value::Map(self.0.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect())
    }
}

/// The two buckets of one COSE structure with the protected one's bytes as signed (RFC 9052 §3).
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    pub(super) protected: Headers,
    pub(super) unprotected: Headers,
    protected_bytes: Vec<u8>,
}

impl Buckets {
    /// Lays out headers to be sent; adds `alg`, and `crit` for the private labels.
    pub(super) fn build(
        algorithm: i64,
        protected: Vec<(i64, Value)>,
        unprotected: Vec<(i64, Value)>,
    ) -> Result<Self, CoseError> {
        let mut buckets = [Headers::default(), Headers::default()];
        for (bucket, entries) in buckets.iter_mut().zip([protected, unprotected]) {
            for (label, value) in entries {
                if matches!(label, ALG | CRIT) {
                    return Err(CoseError::MisplacedHeader(label));
                }
                bucket.insert(label, value)?;
            }
        }
        let [mut protected, unprotected] = buckets;
        let critical: Vec<Value> =
            protected.labels().filter(|label| is_private(*label)).map(Value::from).collect();
        protected.insert(ALG, Value::from(algorithm))?;
        if !critical.is_empty() {
            protected.insert(CRIT, Value::Array(critical))?;
        }
        if let Some(label) = unprotected.labels().find(|label| protected.get(*label).is_some()) {
            return Err(CoseError::DuplicateHeader(label));
        }
        let protected_bytes = encode_value(&protected.to_map())?;
        Ok(Self { protected, unprotected, protected_bytes })
    }

    /// Takes received buckets apart and refuses all that the reader does not know.
    pub(super) fn parse(
        protected: Value,
        unprotected: Value,
        algorithm: i64,
        known: &Known<'_>,
    ) -> Result<Self, CoseError> {
        let protected_bytes = into_bytes(protected, "a protected bucket")?;
        let buckets = Self {
            // RFC 9052 §3: an empty map is written as an empty string.
            protected: if protected_bytes.is_empty() {
                Headers::default()
            } else {
                Headers::from_map(decode_value(&protected_bytes, &Limits::HEADERS)?)?
            },
            unprotected: Headers::from_map(unprotected)?,
            protected_bytes,
        };
        buckets.check_unprotected(known)?;
        buckets.check_protected(algorithm, known)?;
        Ok(buckets)
    }

    /// Returns the first two elements of every COSE structure.
    pub(super) fn to_values(&self) -> [Value; 2] {
        [Value::Bytes(self.protected_bytes.clone()), self.unprotected.to_map()]
    }

    /// Gives the protected bucket, byte for byte, to the functions that build what is authenticated.
    pub(super) fn as_authenticated(&self) -> ProtectedHeader {
        ProtectedHeader { original_data: Some(self.protected_bytes.clone()), ..ProtectedHeader::default() }
    }

    fn check_unprotected(&self, known: &Known<'_>) -> Result<(), CoseError> {
        for label in self.unprotected.labels() {
            if self.protected.get(label).is_some() {
                return Err(CoseError::DuplicateHeader(label));
            }
            if !known.unprotected.contains(&label) {
                let misplaced = matches!(label, ALG | CRIT) || known.protected.contains(&label);
                return Err(if misplaced {
                    CoseError::MisplacedHeader(label)
                } else {
                    CoseError::UnknownHeader(label)
                });
            }
        }
        Ok(())
    }

    fn check_protected(&self, algorithm: i64, known: &Known<'_>) -> Result<(), CoseError> {
        match self.protected.get(ALG) {
            None => return Err(CoseError::MissingHeader(ALG)),
            Some(found) if *found != Value::from(algorithm) => return Err(CoseError::Algorithm),
            Some(_) => {}
        }
        let critical = self.critical()?;
        for label in &critical {
            if !matches!(*label, ALG | CRIT) && !known.protected.contains(label) {
                return Err(CoseError::UnknownCritical(*label));
            }
            // RFC 9052 §3.1: a critical label must be in the protected bucket.
            self.protected.get(*label).ok_or(CoseError::MissingHeader(*label))?;
        }
        for label in self.protected.labels().filter(|label| !matches!(*label, ALG | CRIT)) {
            if !known.protected.contains(&label) {
                return Err(CoseError::UnknownHeader(label));
            }
            if is_private(label) && !critical.contains(&label) {
                return Err(CoseError::NotCritical(label));
            }
        }
        Ok(())
    }

    fn critical(&self) -> Result<BTreeSet<i64>, CoseError> {
        let Some(value) = self.protected.get(CRIT) else { return Ok(BTreeSet::new()) };
        let listed = value.as_array().ok_or(CoseError::HeaderValue(CRIT))?;
        let labels: Option<BTreeSet<i64>> = listed.iter().map(as_label).collect();
        // RFC 9052 §3.1: `crit` is never empty; a repeated entry is as malformed as a missing one.
        labels
            .filter(|labels| !labels.is_empty() && labels.len() == listed.len())
            .ok_or(CoseError::HeaderValue(CRIT))
    }
}

/// Takes a received COSE structure of `N` members apart.
pub(super) fn parts<const N: usize>(
    bytes: &[u8],
    limits: &Limits,
    what: &'static str,
) -> Result<[Value; N], CoseError> {
    into_array(decode_value(bytes, &limits.of_cose())?, what)
}

/// Takes an array of exactly `N` elements apart.
pub(super) fn into_array<const N: usize>(value: Value, what: &'static str) -> Result<[Value; N], CoseError> {
    let items = value.into_array().map_err(|_| CoseError::Structure(what))?;
    items.try_into().map_err(|_| CoseError::Structure(what))
}

/// Takes a byte string.
pub(super) fn into_bytes(value: Value, what: &'static str) -> Result<Vec<u8>, CoseError> {
    value.into_bytes().map_err(|_| CoseError::Structure(what))
}

fn as_label(value: &Value) -> Option<i64> {
    value.as_integer().and_then(|integer| i64::try_from(integer).ok())
}
