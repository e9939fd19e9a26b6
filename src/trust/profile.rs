use super::{Role, TrustError, Validity, issue::DOCUMENT_SIGNING};
use crate::cose::VerifyingKey;
use crate::model::{DAY, Digest, Party, Timestamp};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension},
    num_bigint::BigUint,
    oid_registry::OID_SIG_ED25519,
    prelude::{ASN1Time, FromDer, X509Version},
    revocation_list::CertificateRevocationList,
    x509::AlgorithmIdentifier,
};

/// The longest life of a gateway certificate, in days; a stolen key ends with it.
const GATEWAY_MAX_DAYS: i64 = 45;

/// What a certificate of a known role says, read under the strict profile of that role.
///
/// The path validator accepts some things that this profile refuses: a missing extended key usage, a
/// revocation list whose signer may sign none, several names, a root without a constraint.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub party: Party,
    pub key: VerifyingKey,
    pub validity: Validity,
    pub x5t: Digest,
    pub serial: BigUint,
    pub subject: Vec<u8>,
}

/// A root's revocation list, and what it says.
#[derive(Debug)]
pub(super) struct Revocations {
    pub list: CertRevocationList<'static>,
    pub revoked: Vec<(BigUint, Timestamp)>,
    pub next_update: Option<Timestamp>,
}

/// Computes a certificate's thumbprint, SHA-256 over its DER bytes (RFC 9360 §2, `x5t`).
pub fn thumbprint(der: &[u8]) -> Digest {
    Digest::of(&[der])
}

/// Reads the one certificate in a PEM text.
/// # Errors
/// `Malformed` if there is none, or more than one.
pub fn certificate_from_pem(pem: &str) -> Result<Vec<u8>, TrustError> {
    single::<CertificateDer<'static>>(pem, "certificate").map(|der| der.as_ref().to_vec())
}

/// Reads which party a certificate of `role` claims to speak for, and checks nothing else.
pub(super) fn claimed_party(role: Role, der: &[u8]) -> Result<Party, TrustError> {
    leaf_party(role, &parse(role, der)?)
}

/// Reads the number under which a certificate can be revoked, and checks nothing else.
pub(super) fn serial(role: Role, der: &[u8]) -> Result<BigUint, TrustError> {
    Ok(parse(role, der)?.serial.clone())
}

/// Reads when a certificate is valid, and checks nothing else.
/// # Errors
/// `Malformed`.
pub fn validity(role: Role, der: &[u8]) -> Result<Validity, TrustError> {
    validity_of(role, &parse(role, der)?)
}

/// Tells whether a key has signed a certificate, and checks nothing else.
pub(super) fn is_signed_by(role: Role, der: &[u8], key: &VerifyingKey) -> bool {
    parse(role, der)
        .is_ok_and(|cert| key.verify(cert.tbs_certificate.as_ref(), &cert.signature_value.data).is_ok())
}

/// Reads a gateway, seal or log certificate under the strict profile of its role.
pub(super) fn leaf(role: Role, der: &[u8]) -> Result<Facts, TrustError> {
    let cert = parse(role, der)?;
    let facts = facts(role, &cert, leaf_party(role, &cert)?, der)?;
    let wrong = |why| TrustError::WrongUsage { role, why };
    if cert.is_ca() {
        return Err(wrong("it is an authority"));
    }
    let (key_usage, purpose): (u16, Purpose) = match role {
        Role::Gateway => (DIGITAL_SIGNATURE, is_tls),
        Role::Seal => (DIGITAL_SIGNATURE | CONTENT_COMMITMENT, is_document_signing),
        Role::Log => (DIGITAL_SIGNATURE, is_time_stamping),
        Role::Root | Role::Issuing => return Err(wrong("an authority was offered as an end entity")),
    };
    if key_usage_flags(role, &cert)? != Some(key_usage) {
        return Err(wrong("the key usage differs"));
    }
    let extended = cert.extended_key_usage().map_err(|e| malformed(role, &e))?;
    if !extended.is_some_and(|e| purpose(e.value)) {
        return Err(wrong("the extended key usage is missing or differs"));
    }
    if role == Role::Gateway && facts.validity.seconds() > GATEWAY_MAX_DAYS * DAY {
        return Err(TrustError::TooLongLived { role, why: "a gateway certificate lives 45 days at most" });
    }
    Ok(facts)
}

/// Reads a root under its strict profile; its party is the one whose names it is constrained to.
pub(super) fn root(party: &Party, der: &[u8]) -> Result<Facts, TrustError> {
    let role = Role::Root;
    let cert = parse(role, der)?;
    let facts = facts(role, &cert, party.clone(), der)?;
    let wrong = |why| TrustError::WrongUsage { role, why };
    if !cert.is_ca() {
        return Err(wrong("it is no authority"));
    }
    let flags = key_usage_flags(role, &cert)?.ok_or(wrong("the key usage is missing"))?;
    if flags & KEY_CERT_SIGN == 0 {
        return Err(wrong("keyCertSign is missing"));
    }
    if flags & CRL_SIGN == 0 {
        return Err(wrong("cRLSign is missing"));
    }
    if flags != KEY_CERT_SIGN | CRL_SIGN {
        return Err(wrong("it may do more than certify and revoke"));
    }
    if !is_constrained_to(party, &cert)? {
        let why = "it is not constrained, critically, to its party's names and nothing else";
        return Err(TrustError::WrongName { role, why });
    }
    let self_signed = cert.issuer().as_raw() == cert.subject().as_raw()
        && facts.key.verify(cert.tbs_certificate.as_ref(), &cert.signature_value.data).is_ok();
    if self_signed { Ok(facts) } else { Err(TrustError::BadSignature { role }) }
}

/// Reads a revocation list and checks that the root signed it for all that the root certifies.
///
/// A list with a narrower scope would be passed over by the path validator, and so fail open.
pub(super) fn revocations(root: &Facts, der: &[u8]) -> Result<Revocations, TrustError> {
    let bad = |why| TrustError::BadRevocationList { party: root.party.clone(), why };
    let malformed = |why| TrustError::Malformed { what: "revocation list", why };
    let (rest, list) = CertificateRevocationList::from_der(der).map_err(|e| malformed(e.to_string()))?;
    if !rest.is_empty() {
        return Err(bad("bytes follow it"));
    }
    if list.issuer().as_raw() != root.subject {
        return Err(bad("another authority issued it"));
    }
    if !is_ed25519(&list.signature_algorithm) || !is_ed25519(&list.tbs_cert_list.signature) {
        return Err(bad("it is not signed with Ed25519"));
    }
    if root.key.verify(list.tbs_cert_list.as_ref(), &list.signature_value.data).is_err() {
        return Err(bad("the root did not sign it"));
    }
    let plain = |e: &ParsedExtension<'_>| {
        matches!(e, ParsedExtension::AuthorityKeyIdentifier(_) | ParsedExtension::CRLNumber(_))
    };
    if !list.extensions().iter().all(|e| plain(e.parsed_extension())) {
        return Err(bad("it has a scope or another extension that this profile does not know"));
    }
    let revoked = list
        .iter_revoked_certificates()
        .map(|r| Ok((r.serial().clone(), timestamp(Role::Root, r.revocation_date)?)));
    let next_update = list.next_update().map(|at| timestamp(Role::Root, at)).transpose()?;
    let for_paths = OwnedCertRevocationList::from_der(der).map_err(|e| malformed(format!("{e:?}")))?;
    Ok(Revocations { list: for_paths.into(), revoked: revoked.collect::<Result<_, _>>()?, next_update })
}

type Purpose = fn(&ExtendedKeyUsage<'_>) -> bool;

const DIGITAL_SIGNATURE: u16 = 1 << 0;
const CONTENT_COMMITMENT: u16 = 1 << 1;
const KEY_CERT_SIGN: u16 = 1 << 5;
const CRL_SIGN: u16 = 1 << 6;

fn parse(role: Role, der: &[u8]) -> Result<X509Certificate<'_>, TrustError> {
    let (rest, cert) = X509Certificate::from_der(der).map_err(|e| malformed(role, &e))?;
    if !rest.is_empty() || cert.version() != X509Version::V3 {
        return Err(malformed(role, &"not exactly one version 3 certificate"));
    }
    Ok(cert)
}

fn facts(role: Role, cert: &X509Certificate<'_>, party: Party, der: &[u8]) -> Result<Facts, TrustError> {
    let spki = cert.public_key();
    let algorithms = [&cert.signature_algorithm, &cert.tbs_certificate.signature, &spki.algorithm];
    let key = <[u8; 32]>::try_from(&*spki.subject_public_key.data);
    let (true, Ok(key)) = (algorithms.into_iter().all(is_ed25519), key) else {
        return Err(TrustError::WrongAlgorithm { role });
    };
    let validity = validity_of(role, cert)?;
    if validity.seconds() < 0 {
        return Err(malformed(role, &"it ends before it begins"));
    }
    Ok(Facts {
        party,
        key: VerifyingKey(key),
        validity,
        x5t: thumbprint(der),
        serial: cert.tbs_certificate.serial.clone(),
        subject: cert.subject().as_raw().to_vec(),
    })
}

fn validity_of(role: Role, cert: &X509Certificate<'_>) -> Result<Validity, TrustError> {
    Ok(Validity {
        not_before: timestamp(role, cert.validity().not_before)?,
        not_after: timestamp(role, cert.validity().not_after)?,
    })
}

/// The one DNS name of a leaf, `HOST.<suffix>`, written exactly as its party writes it.
fn leaf_party(role: Role, cert: &X509Certificate<'_>) -> Result<Party, TrustError> {
    let wrong = |why| TrustError::WrongName { role, why };
    let names = cert
        .subject_alternative_name()
        .map_err(|e| malformed(role, &e))?
        .ok_or(wrong("it has no subject alternative name"))?;
    let [GeneralName::DNSName(name)] = names.value.general_names.as_slice() else {
        return Err(wrong("it must have exactly one name, a DNS name"));
    };
    let party = Party::from_dns_name(name).ok_or(wrong("the name is no party's"))?;
    let host = name.strip_suffix(&party.dns_suffix()).and_then(|h| h.strip_suffix('.'));
    let right_host = match role {
        Role::Seal => host == Some("seal"),
        Role::Log => host == Some("log"),
        Role::Gateway | Role::Root | Role::Issuing => host.is_some_and(|h| !h.is_empty() && h != "*"),
    };
    if right_host { Ok(party) } else { Err(wrong("the name is not written as its role's names are")) }
}

fn is_constrained_to(party: &Party, cert: &X509Certificate<'_>) -> Result<bool, TrustError> {
    let suffix = party.dns_suffix();
    let constraints = cert.name_constraints().map_err(|e| malformed(Role::Root, &e))?;
    Ok(constraints.is_some_and(|c| {
        let permitted = c.value.permitted_subtrees.as_deref().unwrap_or_default();
        c.critical
            && c.value.excluded_subtrees.as_deref().unwrap_or_default().is_empty()
            && matches!(permitted, [one] if matches!(one.base, GeneralName::DNSName(n) if n == suffix))
    }))
}

fn key_usage_flags(role: Role, cert: &X509Certificate<'_>) -> Result<Option<u16>, TrustError> {
    let usage = cert.key_usage().map_err(|e| malformed(role, &e))?;
    Ok(usage.map(|u| u.value.flags))
}

fn is_tls(eku: &ExtendedKeyUsage<'_>) -> bool {
    eku.server_auth && eku.client_auth && !eku.time_stamping && eku.other.is_empty() && has_no_foreign(eku)
}

fn is_time_stamping(eku: &ExtendedKeyUsage<'_>) -> bool {
    eku.time_stamping && !eku.server_auth && !eku.client_auth && eku.other.is_empty() && has_no_foreign(eku)
}

fn is_document_signing(eku: &ExtendedKeyUsage<'_>) -> bool {
    let only = matches!(eku.other.as_slice(), [oid] if oid.iter().is_some_and(|i| i.eq(DOCUMENT_SIGNING)));
    only && !eku.server_auth && !eku.client_auth && !eku.time_stamping && has_no_foreign(eku)
}

/// Tells whether none of the usages is there that no role of ours has.
fn has_no_foreign(eku: &ExtendedKeyUsage<'_>) -> bool {
    !(eku.any || eku.code_signing || eku.email_protection || eku.ocsp_signing)
}

/// RFC 8410 §3: the parameters must be absent.
fn is_ed25519(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.algorithm == OID_SIG_ED25519 && algorithm.parameters.is_none()
}

fn timestamp(role: Role, at: ASN1Time) -> Result<Timestamp, TrustError> {
    Timestamp::from_unix(at.timestamp())
        .ok_or_else(|| malformed(role, &"a time outside the years 1970 to 9999"))
}

fn malformed(role: Role, why: &dyn std::fmt::Display) -> TrustError {
    let what = match role {
        Role::Root => "root certificate",
        Role::Issuing => "issuing certificate",
        Role::Gateway => "gateway certificate",
        Role::Seal => "seal certificate",
        Role::Log => "log certificate",
    };
    TrustError::Malformed { what, why: why.to_string() }
}

fn single<T: PemObject>(pem: &str, what: &'static str) -> Result<T, TrustError> {
    let fail = |why: String| TrustError::Malformed { what, why };
    let mut sections = T::pem_slice_iter(pem.as_bytes());
    let first = sections.next().ok_or_else(|| fail("no such PEM section".to_owned()))?;
    if sections.next().is_some() {
        return Err(fail("more than one PEM section".to_owned()));
    }
    first.map_err(|e| fail(e.to_string()))
}
