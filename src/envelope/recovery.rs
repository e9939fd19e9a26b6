use crate::cose;
use crate::cose::{KemPublic, OpeningKey, Recipient};
use crate::envelope::EnvelopeError;
use crate::envelope::content::Content;
use crate::envelope::elements::Disclosure;
use crate::envelope::keys::{KeyRing, speaks_for};
use crate::envelope::mandate;
use crate::envelope::mandate::CarriedMandate;
use crate::envelope::statement::Statement;
use crate::envelope::word::GatewayWord;
use crate::model::{Digest, Entropy, Head, MessageId, Party, Timestamp};
use crate::trust::{Directory, Prekey, PrekeyId, SignedPrekey, TrustError, Validity};
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

/// Names what the HPKE context of an act that is given back is bound to.
const CONTEXT: &str = "valise/1 recovery X-Wing SHAKE256 AES-256-GCM";
/// The most acts in one list.
pub const MAX_LISTED: usize = 1024;
/// The most acts that one question asks for.
pub const MAX_FETCHED: usize = 64;
/// The most prekeys that one question offers.
const MAX_OFFERED: usize = 16;

/// What a gateway that was restored from a backup asks each peer: what has passed between them (DESIGN §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryQuestion {
    /// Who is asked.
    pub to: Party,
    /// When the gateway was restored.
    pub restored_at: Timestamp,
    /// Its fresh prekeys: it has lost the private halves of all that the peer may know.
    pub prekeys: Vec<OfferedPrekey>,
    /// What it wants.
    pub wants: RecoveryWants,
}

/// What is wanted of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryWants {
    /// A list of the acts, from this place of the list on.
    List(u64),
    /// These acts.
    Acts(Vec<Digest>),
}

/// A prekey that the asking party's seal key has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferedPrekey {
    /// 16 bytes.
    pub id: MessageId,
    /// The X-Wing key.
    pub public: KemPublic,
    /// The first second in which senders may seal to it.
    pub not_before: Timestamp,
    /// The last second in which senders may seal to it.
    pub not_after: Timestamp,
    /// The thumbprint of the seal certificate whose key signed.
    pub seal: Digest,
    /// An Ed25519 signature.
    pub signature: ByteBuf,
}

/// What a peer has of a gateway that asks, in the order of its own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryList {
    /// Who asked.
    pub to: Party,
    /// The statement digests of acts that passed between the two and have a receipt.
    pub acts: Vec<Digest>,
    /// The place from which the next list goes on; absent at the end.
    pub next: Option<u64>,
    /// The newest head of the asking gateway's log that the peer has seen.
    pub seen: Option<Head>,
}

/// An act with the receipts that were given for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenBack {
    /// What was inside its seal, whole.
    pub content: Content,
    /// The receipts.
    pub receipts: Vec<ByteBuf>,
}

/// An act that was given back and holds.
#[derive(Debug)]
pub struct ProvedGivenBack {
    /// The statement.
    pub statement: Statement,
    /// Its elements.
    pub disclosures: Vec<Disclosure>,
    /// The mandate, where an agent speaks for its principal.
    pub mandate: Option<CarriedMandate>,
}

impl GatewayWord for RecoveryQuestion {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.recovery-question+cbor";

    fn to(&self) -> &Party {
        &self.to
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        let fetched = if let RecoveryWants::Acts(acts) = &self.wants { acts.len() } else { 0 };
        if fetched > MAX_FETCHED || self.prekeys.len() > MAX_OFFERED {
            return Err(EnvelopeError::Malformed("too much is asked for"));
        }
        Ok(())
    }
}

impl RecoveryQuestion {
    /// Reads the prekeys that `peer`, who asks, offers.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`], or [`EnvelopeError::Trust`] if one is not signed by the peer's seal key.
    pub fn offered(
        &self,
        peer: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Vec<SignedPrekey>, EnvelopeError> {
        self.prekeys.iter().map(|offered| offered.read(peer, directory, now)).collect()
    }
}

impl OfferedPrekey {
    /// Writes a signed prekey as it is offered.
    pub fn new(signed: &SignedPrekey) -> Self {
        let SignedPrekey { prekey, seal, signature } = signed;
        Self {
            id: MessageId(prekey.id.0),
            public: prekey.public.clone(),
            not_before: prekey.validity.not_before,
            not_after: prekey.validity.not_after,
            seal: *seal,
            signature: ByteBuf::from(signature.to_vec()),
        }
    }

    fn read(
        &self,
        party: &Party,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<SignedPrekey, EnvelopeError> {
        let signature = self.signature.as_slice().try_into();
        let signature =
            signature.map_err(|_| EnvelopeError::Malformed("a signature is not 64 bytes long"))?;
        let validity = Validity { not_before: self.not_before, not_after: self.not_after };
        let prekey = Prekey { id: PrekeyId(self.id.0), public: self.public.clone(), validity };
        let signed = SignedPrekey { prekey, seal: self.seal, signature };
        signed.verify(party, &speaks_for(directory, party, &self.seal, now)?)?;
        Ok(signed)
    }
}

impl GatewayWord for RecoveryList {
    const MEDIA_TYPE: &'static str = "application/vnd.valise.recovery-list+cbor";

    fn to(&self) -> &Party {
        &self.to
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        if self.acts.len() > MAX_LISTED {
            return Err(EnvelopeError::Malformed("too many acts are listed"));
        }
        Ok(())
    }
}

impl GivenBack {
    /// Seals an act to the newest of the prekeys that `to` offers, as the body of a frame.
    ///
    /// # Errors
    /// [`EnvelopeError::Trust`] if none of them is valid now.
    pub fn seal(
        &self,
        statement: &Digest,
        (me, to): (&Party, &Party),
        offered: &[SignedPrekey],
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let valid = offered.iter().map(|signed| &signed.prekey).filter(|p| p.validity.contains(now));
        let newest = valid.max_by_key(|prekey| (prekey.validity.not_before, prekey.id));
        let prekey = newest.ok_or_else(|| TrustError::NoPrekey(to.clone()))?;
        let info = info(me, to, &prekey.id.0)?;
        let recipient = Recipient { public: &prekey.public, kid: &prekey.id.0, info: &info };
        let sealed = cose::seal(&wire::encode(self)?, &[recipient], &statement.0, entropy)?;
        Ok(wire::encode(&(statement, Bytes::new(&sealed.bytes)))?)
    }

    /// Opens an act that `peer` has given back; what is in it is proved by whoever takes it.
    ///
    /// # Errors
    /// The first cause: structure, key, seal.
    pub fn open(bytes: &[u8], peer: &Party, ring: &KeyRing) -> Result<(Digest, Self), EnvelopeError> {
        let (statement, sealed): (Digest, ByteBuf) = wire::decode(bytes, &Limits::GIVEN_BACK)?;
        let find = |kid: &[u8]| {
            let private = ring.prekey(kid)?;
            Some(OpeningKey { private, info: info(peer, &ring.party, kid).ok()? })
        };
        let opened = cose::open(&sealed, &Limits::GIVEN_BACK, &find, &statement.0)?;
        Ok((statement, wire::decode(&opened.plaintext, &Limits::GIVEN_BACK)?))
    }
}

impl GivenBack {
    /// Proves the statement, whose key must have held at `at`, with all its elements and its mandate.
    ///
    /// # Errors
    /// As for [`Statement::verify`].
    pub fn prove(&self, directory: &Directory, at: Timestamp) -> Result<ProvedGivenBack, EnvelopeError> {
        let disclosures = self.content.parse_disclosures()?;
        let statement = Statement::verify(&self.content.statement, &disclosures, directory, at)?;
        let mandate = mandate::check(&statement, self.content.mandate.as_ref(), directory, at)?;
        Ok(ProvedGivenBack { statement, disclosures, mandate })
    }
}

fn info(sender: &Party, recipient: &Party, prekey: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    Ok(wire::encode(&(CONTEXT, sender, recipient, Bytes::new(prekey)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::fixture::{Seeded, XAA, XBB, XCC, known_to, listing, named, refusal, ring, signed};
    use crate::trust::fixture::NOW;

    fn offered(name: &str) -> Vec<SignedPrekey> {
        let (listing, seal) = (listing(name), ring(name).seal);
        let read = listing.b.prekeys.iter().map(|entry| entry.read(&named(name)).unwrap().0);
        read.map(|prekey| SignedPrekey::sign(&named(name), prekey, seal.1, &seal.0)).collect()
    }

    fn question(prekeys: Vec<OfferedPrekey>) -> RecoveryQuestion {
        RecoveryQuestion { to: named(XAA), restored_at: NOW, prekeys, wants: RecoveryWants::List(0) }
    }

    #[test]
    fn a_question_offers_only_prekeys_that_the_asking_seal_key_has_signed() {
        let (peer, me, directory) = (named(XBB), named(XAA), known_to(XAA));
        let own: Vec<_> = offered(XBB).iter().map(OfferedPrekey::new).collect();
        let sound = question(own.clone()).sign(&ring(XBB)).unwrap();
        let read = RecoveryQuestion::verify(&sound, (&peer, &me), &directory, NOW).unwrap();
        assert_eq!(read.offered(&peer, &directory, NOW).unwrap(), offered(XBB));
        assert_eq!(read, question(own.clone()));
        let elsewhere = RecoveryQuestion::verify(&sound, (&named(XCC), &me), &directory, NOW);
        assert_eq!(elsewhere.unwrap_err().code(), "wrong-sender");
        let other = RecoveryQuestion::verify(&sound, (&peer, &named(XCC)), &directory, NOW);
        assert_eq!(other.unwrap_err().code(), "not-addressed");
        // A gateway whose log key was stolen cannot have acts sealed to a key of the thief.
        let foreign: Vec<_> = offered(XCC).iter().map(OfferedPrekey::new).collect();
        let mut changed = own;
        changed[0].id = MessageId([9; 16]);
        for prekeys in [foreign, changed] {
            let forged = question(prekeys).sign(&ring(XBB)).unwrap();
            let read = RecoveryQuestion::verify(&forged, (&peer, &me), &directory, NOW).unwrap();
            assert!(read.offered(&peer, &directory, NOW).is_err());
        }
        let many = RecoveryWants::Acts(vec![Digest([1; 32]); MAX_FETCHED + 1]);
        let many = RecoveryQuestion { wants: many, ..question(vec![]) }.sign(&ring(XBB)).unwrap();
        assert_eq!(
            RecoveryQuestion::verify(&many, (&peer, &me), &directory, NOW).unwrap_err().code(),
            "malformed-envelope"
        );
    }

    #[test]
    fn an_act_comes_back_whole_and_to_nobody_else() {
        let statement = signed(refusal());
        let receipts = vec![ByteBuf::from(b"a receipt")];
        let given = GivenBack { content: statement.content(), receipts };
        let (pair, prekeys) = ((&named(XAA), &named(XBB)), offered(XBB));
        let sealed = given.seal(&statement.digest, pair, &prekeys, NOW, &mut Seeded(7)).unwrap();
        let (digest, opened) = GivenBack::open(&sealed, &named(XAA), &ring(XBB)).unwrap();
        assert_eq!((digest, &opened), (statement.digest, &given));
        assert_eq!(opened.prove(&known_to(XBB), NOW).unwrap().statement.digest, digest);
        assert!(GivenBack::open(&sealed, &named(XCC), &ring(XBB)).is_err(), "as from another");
        assert!(GivenBack::open(&sealed, &named(XAA), &ring(XCC)).is_err(), "with another key");
        for at in (0..sealed.len()).step_by(7) {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert!(GivenBack::open(&flipped, &named(XAA), &ring(XBB)).is_err(), "byte {at}");
        }
        let late = NOW.saturating_add(400 * crate::model::DAY);
        assert_eq!(
            given.seal(&digest, pair, &prekeys, late, &mut Seeded(8)).unwrap_err().code(),
            "no-prekey"
        );
    }
}
