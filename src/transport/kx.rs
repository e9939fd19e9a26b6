//! The hybrid key exchange X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem §4): whoever records traffic
//! today must break both ML-KEM-768 (FIPS 203) and X25519 to read it.

use crate::cose::{LATTICE_CIPHERTEXT_LEN, LATTICE_PUBLIC_LEN, LatticePrivate};
use libcrux_ml_kem::mlkem768::{self, MlKem768PublicKey};
use rustls::crypto::ring::{default_provider, kx_group::X25519};
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::Zeroizing;

/// The only group that this gateway offers and accepts.
#[derive(Debug)]
pub(super) struct X25519MlKem768;

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new([0; 64]);
        random(seed.as_mut_slice())?;
        let (lattice, public) = LatticePrivate::generate(&seed);
        let curve = X25519.start()?;
        let share = [public.as_slice(), curve.pub_key()].concat();
        Ok(Box::new(Active { lattice, curve, share }))
    }

    fn start_and_complete(&self, client_share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (lattice, curve) = client_share.split_at_checked(LATTICE_PUBLIC_LEN).ok_or(BAD_SHARE)?;
        let lattice = MlKem768PublicKey::try_from(lattice).map_err(|_| BAD_SHARE)?;
        if !mlkem768::validate_public_key(&lattice) {
            return Err(BAD_SHARE);
        }
        let curve = X25519.start_and_complete(curve)?;
        let mut message = Zeroizing::new([0; 32]);
        random(message.as_mut_slice())?;
        let (ciphertext, secret) = mlkem768::encapsulate(&lattice, *message);
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key: [ciphertext.as_ref(), &curve.pub_key].concat(),
            secret: join(Zeroizing::new(secret).as_slice(), &curve.secret),
        })
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

struct Active {
    lattice: LatticePrivate,
    curve: Box<dyn ActiveKeyExchange>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Active {
    fn complete(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        let (lattice, curve) = server_share.split_first_chunk::<LATTICE_CIPHERTEXT_LEN>().ok_or(BAD_SHARE)?;
        let curve = self.curve.complete(curve)?;
        Ok(join(self.lattice.decapsulate(lattice).as_slice(), &curve))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        X25519MlKem768.name()
    }
}

const BAD_SHARE: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

/// The lattice's secret goes first (draft-ietf-tls-ecdhe-mlkem §4.3).
fn join(lattice: &[u8], curve: &SharedSecret) -> SharedSecret {
    SharedSecret::from([lattice, curve.secret_bytes()].concat())
}

/// TLS randomness comes from the TLS library's own source, like that of its X25519 half.
fn random(buffer: &mut [u8]) -> Result<(), Error> {
    Ok(default_provider().secure_random.fill(buffer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768 as THEIRS;

    #[test]
    fn the_group_agrees_with_another_implementation_both_ways() {
        let pairs: [(&dyn SupportedKxGroup, &dyn SupportedKxGroup); 3] =
            [(&X25519MlKem768, THEIRS), (THEIRS, &X25519MlKem768), (&X25519MlKem768, &X25519MlKem768)];
        for (client, server) in pairs {
            let started = client.start().unwrap();
            assert_eq!(started.pub_key().len(), 1216);
            let answer = server.start_and_complete(started.pub_key()).unwrap();
            assert_eq!((answer.pub_key.len(), answer.group), (1120, NamedGroup::X25519MLKEM768));
            let secret = started.complete(&answer.pub_key).unwrap();
            assert_eq!(secret.secret_bytes(), answer.secret.secret_bytes());
            assert_eq!(secret.secret_bytes().len(), 64);
        }
    }

    #[test]
    fn edited_or_cut_shares_never_agree() {
        let share = || X25519MlKem768.start().unwrap().pub_key().to_vec();
        for cut in [0, 1183, 1184, 1215] {
            assert!(X25519MlKem768.start_and_complete(&share()[..cut]).is_err(), "{cut}");
        }
        let too_long = [share(), vec![0]].concat();
        assert!(X25519MlKem768.start_and_complete(&too_long).is_err());
        let mut out_of_range = share();
        out_of_range[..3].fill(0xff);
        assert!(X25519MlKem768.start_and_complete(&out_of_range).is_err(), "FIPS 203 §7.2 modulus check");

        for flip in [0, 1087, 1088] {
            let started = X25519MlKem768.start().unwrap();
            let mut answer = X25519MlKem768.start_and_complete(started.pub_key()).unwrap();
            answer.pub_key[flip] ^= 1;
            let secret = started.complete(&answer.pub_key).unwrap();
            assert_ne!(secret.secret_bytes(), answer.secret.secret_bytes(), "{flip}");
        }
        let started = X25519MlKem768.start().unwrap();
        let answer = X25519MlKem768.start_and_complete(started.pub_key()).unwrap();
        assert!(started.complete(&answer.pub_key[..1119]).is_err());
    }
}
