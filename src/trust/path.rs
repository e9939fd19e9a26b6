use super::{Role, TrustError, profile};
use crate::model::{Party, Timestamp};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

/// The side of a TLS connection that a gateway certificate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The peer answered our connection.
    Server,
    /// The peer opened the connection.
    Client,
}

/// One question to the path validator: may `party`'s root vouch for this end entity at `at`?
pub(super) struct Path<'a> {
    pub role: Role,
    pub party: &'a Party,
    pub end_entity: &'a [u8],
    pub intermediates: &'a [&'a [u8]],
    pub anchor: &'a TrustAnchor<'static>,
    pub list: Option<&'a CertRevocationList<'static>>,
    pub usage: KeyUsage,
    pub at: Timestamp,
}

impl Path<'_> {
    /// Builds and verifies the path (RFC 5280 §6), revocation included.
    ///
    /// A revocation list that is past its next update still revokes: an expiry of what is configured
    /// centrally must not disconnect everyone (DESIGN §1). Certificates below the issuing key are on
    /// no list; they are short-lived, and revoking the issuing certificate ends them all.
    pub(super) fn verify(&self) -> Result<(), TrustError> {
        let end_entity = CertificateDer::from(self.end_entity);
        let parsed = EndEntityCert::try_from(&end_entity).map_err(|e| self.refuse(e))?;
        let intermediates: Vec<_> = self.intermediates.iter().map(|der| CertificateDer::from(*der)).collect();
        let lists: Vec<_> = self.list.into_iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        parsed
            .verify_for_usage(
                &[webpki::ring::ED25519],
                std::slice::from_ref(self.anchor),
                &intermediates,
                UnixTime::since_unix_epoch(Duration::from_secs(self.at.unix().unsigned_abs())),
                self.usage,
                revocation,
                None,
            )
            .map(drop)
            .map_err(|e| self.refuse(e))
    }

    /// Names the cause in our words; the validator's own error has no stable text.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the validator's enum grows; the rest is malformed")]
    fn refuse(&self, error: Error) -> TrustError {
        let role = self.role;
        let when = |at: UnixTime| {
            let at = i64::try_from(at.as_secs()).ok().and_then(Timestamp::from_unix);
            at.unwrap_or(Timestamp::EPOCH)
        };
        match error {
            Error::CertExpired { not_after, .. } => {
                TrustError::Expired { role: self.mistimed(), not_after: when(not_after) }
            }
            Error::CertNotValidYet { not_before, .. } => {
                TrustError::NotYetValid { role: self.mistimed(), not_before: when(not_before) }
            }
            Error::CertRevoked => TrustError::Revoked { role },
            Error::NameConstraintViolation => TrustError::NameOutsideConstraint { role },
            Error::UnknownIssuer => TrustError::WrongRoot { role, party: self.party.clone() },
            Error::InvalidSignatureForPublicKey => TrustError::BadSignature { role },
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
                TrustError::WrongUsage { role, why: "the extended key usage is missing or differs" }
            }
            Error::CaUsedAsEndEntity => TrustError::WrongUsage { role, why: "it is an authority" },
            Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => {
                TrustError::WrongUsage { role, why: "a certificate above it may not certify" }
            }
            Error::IssuerNotCrlSigner | Error::InvalidCrlSignatureForPublicKey => {
                let why = "the root did not sign it, or may not";
                TrustError::BadRevocationList { party: self.party.clone(), why }
            }
            Error::SignatureAlgorithmMismatch
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                TrustError::WrongAlgorithm { role }
            }
            other => TrustError::Malformed { what: "certificate path", why: format!("{other:?}") },
        }
    }

    /// Finds whose time is wrong: the validator says when, but not which certificate of the path.
    fn mistimed(&self) -> Role {
        let in_time = profile::validity(self.role, self.end_entity).is_ok_and(|v| v.contains(self.at));
        if in_time { Role::Issuing } else { self.role }
    }
}
