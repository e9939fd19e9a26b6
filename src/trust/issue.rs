//! Makes certificates and revocation lists; the keys, numbers and times are arguments.

use super::{Role, TrustError, Validity, keys::Authority};
use crate::cose::{SigningKey, VerifyingKey};
use crate::model::{Entropy, Party, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose as Purpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose as Usage,
    NameConstraints, RevokedCertParams, SanType, SerialNumber,
};
use std::time::{Duration, SystemTime};

/// How many days a gateway certificate lives; it is renewed unattended at half of them.
pub const GATEWAY_DAYS: u32 = 7;

/// The object identifier of id-kp-documentSigning (RFC 9336 §3.1).
pub(super) const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];

/// The serial number of a certificate, unique under its authority (RFC 5280 §4.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(u64);

/// What an authority decides when it certifies a key.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The number under which the certificate can be revoked.
    pub serial: Serial,
    /// When the certificate is valid.
    pub validity: Validity,
}

/// A revocation list before it is signed (RFC 5280 §5).
#[derive(Clone, Debug)]
pub struct RevocationTerms {
    /// The list's own number, which only rises.
    pub number: u64,
    /// The instant at which the list was made.
    pub this_update: Timestamp,
    /// The instant by which the next list will be made; later than `this_update`.
    pub next_update: Timestamp,
    /// The revoked certificates, and from when each no longer holds.
    pub revoked: Vec<(Serial, Timestamp)>,
}

/// A signed certificate or revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The DER bytes, over which thumbprints are taken.
    pub der: Vec<u8>,
    /// The same in PEM, for people and tools.
    pub pem: String,
}

/// Certifies `subject` for a role of `party`; a root is certified by its own key.
///
/// `authority` is the root's key, and for a gateway the issuing key.
/// # Errors
/// `CannotIssue` if the encoder refuses.
pub fn certificate(
    role: Role,
    party: &Party,
    subject: &VerifyingKey,
    authority: &SigningKey,
    terms: Terms,
) -> Result<Issued, TrustError> {
    certify(role, params(role, party, terms), subject, party, authority)
}

/// Signs a revocation list by the party's root.
/// # Errors
/// `CannotIssue` if the encoder refuses, for one if `next_update` is not later than `this_update`.
pub fn revocation_list(
    party: &Party,
    root: &SigningKey,
    terms: &RevocationTerms,
) -> Result<Issued, TrustError> {
    let fail = |e: rcgen::Error| TrustError::CannotIssue { role: Role::Root, why: e.to_string() };
    let list = CertificateRevocationListParams {
        this_update: instant(terms.this_update).into(),
        next_update: instant(terms.next_update).into(),
        crl_number: SerialNumber::from(terms.number),
        issuing_distribution_point: None,
        revoked_certs: terms.revoked.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = list.signed_by(&issuer(Role::Root, party, root)).map_err(fail)?;
    Ok(Issued { der: signed.der().to_vec(), pem: signed.pem().map_err(fail)? })
}

impl Serial {
    /// Takes a number that the authority has given to no other certificate; `None` for zero.
    pub const fn new(number: u64) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// Reads the number of a certificate, big-endian.
    ///
    /// # Errors
    /// `CannotIssue` if it is zero or longer than the numbers that are given here.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        let number = bytes
            .iter()
            .try_fold(0_u64, |number, byte| (number >> 56 == 0).then_some(number << 8 | u64::from(*byte)));
        number.and_then(Self::new).ok_or_else(|| TrustError::CannotIssue {
            role: Role::Root,
            why: "a revoked certificate has a number that was not given here".to_owned(),
        })
    }

    /// Draws a number so large that chance repeats it practically never.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        Self((u64::from_be_bytes(bytes) >> 1) | (1 << 62))
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Gives the parameters of a role's profile; `profile` checks the same on what comes from outside.
pub(crate) fn params(role: Role, party: &Party, terms: Terms) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = instant(terms.validity.not_before).into();
    params.not_after = instant(terms.validity.not_after).into();
    params.serial_number = Some(SerialNumber::from(terms.serial.0));
    params.distinguished_name = name(role, party);
    params.use_authority_key_identifier_extension = true;
    match role {
        Role::Root => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![Usage::KeyCertSign, Usage::CrlSign];
            params.name_constraints = Some(constraint(party));
        }
        Role::Issuing => {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![Usage::KeyCertSign];
            params.extended_key_usages = vec![Purpose::ServerAuth, Purpose::ClientAuth];
            params.name_constraints = Some(constraint(party));
        }
        Role::Gateway => {
            params.key_usages = vec![Usage::DigitalSignature];
            params.extended_key_usages = vec![Purpose::ServerAuth, Purpose::ClientAuth];
            params.subject_alt_names = host("gw1", party);
        }
        Role::Seal => {
            params.key_usages = vec![Usage::DigitalSignature, Usage::ContentCommitment];
            params.extended_key_usages = vec![Purpose::Other(DOCUMENT_SIGNING.to_vec())];
            params.subject_alt_names = host("seal", party);
        }
        Role::Log => {
            params.key_usages = vec![Usage::DigitalSignature];
            params.extended_key_usages = vec![Purpose::TimeStamping];
            params.subject_alt_names = host("log", party);
        }
    }
    params
}

/// Signs parameters as they are; tests change them first, to make certificates that must be refused.
pub(crate) fn certify(
    role: Role,
    params: CertificateParams,
    subject: &VerifyingKey,
    party: &Party,
    authority: &SigningKey,
) -> Result<Issued, TrustError> {
    let above = match role {
        Role::Root | Role::Issuing | Role::Seal | Role::Log => Role::Root,
        Role::Gateway => Role::Issuing,
    };
    let signed = params
        .signed_by(subject, &issuer(above, party, authority))
        .map_err(|e| TrustError::CannotIssue { role, why: e.to_string() })?;
    Ok(Issued { der: signed.der().to_vec(), pem: signed.pem() })
}

fn issuer<'a>(role: Role, party: &Party, key: &'a SigningKey) -> Issuer<'static, Authority<'a>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(role, party);
    Issuer::new(params, Authority::new(key))
}

fn name(role: Role, party: &Party) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, party.to_string());
    name.push(DnType::CommonName, format!("{party} {role}"));
    name
}

fn constraint(party: &Party) -> NameConstraints {
    NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(party.dns_suffix())],
        excluded_subtrees: Vec::new(),
    }
}

fn host(label: &str, party: &Party) -> Vec<SanType> {
    let name = format!("{label}.{}", party.dns_suffix());
    vec![SanType::DnsName(name.try_into().expect("a party's DNS name is ASCII"))]
}

fn revoked((serial, from): &(Serial, Timestamp)) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: SerialNumber::from(serial.0),
        revocation_time: instant(*from).into(),
        reason_code: None,
        invalidity_date: None,
    }
}

fn instant(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.unix().unsigned_abs())
}
