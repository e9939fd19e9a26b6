use super::signed::{Document, SignedDocument, Threshold};
use super::{Documents, Listed, PartA, Root, Snapshot};
use crate::cose::SigningKey;
use crate::model::{Digest, Timestamp};
use crate::trust::{TrustError, Validity};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// Founds a federation by one key that is root signer and publisher in one, for demos, tests and simulations; the
/// signers of a real one sit on machines apart. Returns the anchor and the whole directory.
///
/// `members` are files of part A and part B; each party is admitted by the root that signed its part A.
///
/// # Errors
/// What a part A is refused for.
pub fn found(
    name: &str,
    key: &SigningKey,
    members: &[(Vec<u8>, Vec<u8>)],
    validity: Validity,
) -> Result<(Digest, Vec<u8>), TrustError> {
    let only = || Threshold::new(1, [key.verifying_key()].into());
    let mut root = Root {
        federation: name.to_owned(),
        genesis: None,
        version: 1,
        issued: validity.not_before,
        expires: validity.not_after,
        signers: only()?,
        publishers: only()?,
        admitted: BTreeMap::new(),
        suspended: BTreeMap::new(),
    };
    let mut parties = BTreeMap::new();
    for (a, b) in members {
        let (part, thumbprint) = PartA::read_self_signed(a)?;
        let part_a = SignedDocument::parse(Document::PartA, a)?.digest();
        root.admitted.insert(part.party.clone(), thumbprint);
        parties.insert(part.party, (Listed { version: part.version, part_a }, a, b));
    }
    let signed_root = SignedDocument::new(Document::Root, root.to_bytes()?, [root.sign(key)?]);
    let snapshot = publish(
        (&root, signed_root.digest()),
        1,
        parties.iter().map(|(party, (listed, ..))| (party.clone(), *listed)).collect(),
        validity,
    );
    let signed = SignedDocument::new(Document::Snapshot, snapshot.to_bytes()?, [snapshot.sign(key)?]);
    let file = |bytes: &Vec<u8>| ByteBuf::from(bytes.clone());
    let documents = Documents {
        roots: vec![ByteBuf::from(signed_root.to_bytes())],
        snapshot: Some(ByteBuf::from(signed.to_bytes())),
        parts_a: parties.values().map(|(_, a, _)| file(a)).collect(),
        parts_b: parties.values().map(|(_, _, b)| file(b)).collect(),
    };
    Ok((signed_root.digest(), documents.to_bytes()))
}

/// Drafts a snapshot under a root document whose genesis is `anchor`.
fn publish(
    (root, anchor): (&Root, Digest),
    version: u64,
    parties: BTreeMap<crate::model::Party, Listed>,
    validity: Validity,
) -> Snapshot {
    Snapshot {
        genesis: root.genesis.unwrap_or(anchor),
        root: root.version,
        version,
        issued: Timestamp::max(validity.not_before, root.issued),
        expires: validity.not_after,
        parties,
    }
}
