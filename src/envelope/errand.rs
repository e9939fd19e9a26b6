//! How what two gateways say about a recovery goes by a relay: in an envelope of a lane of its own, so that a relay carries
//! it as it carries any other, and signs for it.

use crate::envelope::EnvelopeError;
use crate::envelope::keys::KeyRing;
use crate::envelope::route::{Lane, Route};
use crate::model::{Digest, MessageId, Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::{FrameKind, Limits};
use serde_bytes::{ByteBuf, Bytes};

/// The frames that may go so.
const KINDS: [FrameKind; 3] = [FrameKind::RecoveryQuestion, FrameKind::RecoveryList, FrameKind::RecoveryAct];

/// Puts a frame of a recovery into an envelope for a relay. Its name follows from what it says, so that one that is sent
/// again is the same, and a relay keeps it once.
///
/// # Errors
/// [`EnvelopeError::Wire`] if it is larger than an envelope may be.
pub fn route_errand(
    ring: &KeyRing,
    to: &Party,
    expires: Timestamp,
    (kind, body): (FrameKind, &[u8]),
) -> Result<Vec<u8>, EnvelopeError> {
    let errand = wire::encode(&(kind as u8, Bytes::new(body)))?;
    let digest = Digest::of(&[&errand]);
    let mut name = [0; 16];
    name.copy_from_slice(&digest.0[..16]);
    let route = Route {
        envelope: MessageId(name),
        to: to.clone(),
        size: errand.len() as u64,
        expires,
        body: digest,
        attachments: Vec::new(),
        lane: Lane::Recovery,
    };
    let bytes = route.join(&errand, ring)?;
    wire::check(&bytes, &Limits::ENVELOPE).map_err(wire::WireError::from)?;
    Ok(bytes)
}

/// Takes such an envelope apart and tells who made it; `None` if it is one of another lane.
///
/// # Errors
/// The first cause: structure, sender, key, signature, addressee, body.
pub fn open_errand(
    bytes: &[u8],
    me: &Party,
    directory: &Directory,
    now: Timestamp,
) -> Result<Option<(Party, FrameKind, Vec<u8>)>, EnvelopeError> {
    let (sender, route, errand) = Route::part(bytes, directory, now)?;
    if route.lane != Lane::Recovery {
        return Ok(None);
    }
    if route.to != *me {
        return Err(EnvelopeError::NotAddressed);
    }
    route.check_body(errand)?;
    let (kind, body): (u8, ByteBuf) = wire::decode(errand, &Limits::ENVELOPE)?;
    let kind = KINDS.into_iter().find(|known| *known as u8 == kind);
    let kind = kind.ok_or(EnvelopeError::Malformed("it is no frame of a recovery"))?;
    Ok(Some((sender, kind, body.into_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::fixture::{XAA, XBB, XCC, known_to, named, refusal, ring, signed};
    use crate::trust::fixture::NOW;

    #[test]
    fn an_errand_reaches_its_addressee_unchanged_and_is_no_act() {
        let body = b"what is asked".as_slice();
        let errand =
            || route_errand(&ring(XBB), &named(XAA), NOW, (FrameKind::RecoveryQuestion, body)).unwrap();
        let (bytes, directory) = (errand(), known_to(XAA));
        assert_eq!(bytes, errand(), "the same again");
        let open = |bytes: &[u8], me: &str| open_errand(bytes, &named(me), &directory, NOW);
        let opened = open(&bytes, XAA).unwrap().unwrap();
        assert_eq!(opened, (named(XBB), FrameKind::RecoveryQuestion, body.to_vec()));
        assert_eq!(open(&bytes, XCC).unwrap_err().code(), "not-addressed");
        let (_, refused) = crate::envelope::open(&bytes, &ring(XAA), &directory, NOW).unwrap_err();
        assert_eq!(refused.code(), "unsupported", "nothing in it is taken for an act");
        for at in (0..bytes.len()).step_by(5) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(open(&flipped, XAA).is_err(), "byte {at}");
        }
        let other = route_errand(&ring(XBB), &named(XAA), NOW, (FrameKind::Ping, body)).unwrap();
        assert_eq!(open(&other, XAA).unwrap_err().code(), "malformed-envelope");
        let huge = vec![0; Limits::ENVELOPE.bytes];
        assert!(route_errand(&ring(XBB), &named(XAA), NOW, (FrameKind::RecoveryAct, &huge)).is_err());
    }

    #[test]
    fn an_act_is_no_errand() {
        let statement = signed(refusal());
        let mut entropy = crate::envelope::fixture::Seeded(3);
        let (from, to) = (ring(XBB), named(XAA));
        let sealed =
            crate::envelope::compose(&statement, &to, &from, &known_to(XBB), NOW, 60, &mut entropy).unwrap();
        assert_eq!(open_errand(&sealed.bytes, &to, &known_to(XAA), NOW).unwrap(), None);
    }
}
