use super::{Shown, hex, malformed, sha256};
use crate::model::Timestamp;
use crate::offline::OfflineError;
use crate::trust::certificate_from_pem;
use serde_json::{Value as Json, json};
use x509_parser::{
    asn1_rs::Any,
    certificate::X509Certificate,
    extensions::{ExtendedKeyUsage, GeneralName, GeneralSubtree, ParsedExtension, X509Extension},
    prelude::{ASN1Time, FromDer},
};

/// How deep DER is searched for the place of a fault; a certificate has about ten levels.
const MAX_DEPTH: usize = 32;

/// Tells whether the bytes begin like a certificate: PEM, or a long DER sequence.
pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN CERTIFICATE") || matches!(bytes, [0x30, 0x81..=0x84, ..])
}

/// Shows a certificate; offsets are those of its DER.
pub(super) fn show(bytes: &[u8]) -> Result<Shown, OfflineError> {
    let der = match std::str::from_utf8(bytes) {
        Ok(pem) if pem.contains("-----BEGIN") => {
            certificate_from_pem(pem).map_err(|error| malformed(0, &error))?
        }
        Ok(_) | Err(_) => bytes.to_vec(),
    };
    let (rest, certificate) = X509Certificate::from_der(&der)
        .map_err(|error| malformed(fault_in(&der, 0, MAX_DEPTH).unwrap_or(0), &error))?;
    if !rest.is_empty() {
        return Err(malformed(der.len() - rest.len(), &"bytes follow the certificate"));
    }
    let value = facts(&certificate, &der);
    Ok(Shown { text: words(&value), value })
}

fn facts(certificate: &X509Certificate<'_>, der: &[u8]) -> Json {
    let extensions: Vec<String> = certificate.extensions().iter().map(extension).collect();
    json!({
        "x5t": sha256(der),
        "serial": hex(certificate.raw_serial()),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "not_before": instant(certificate.validity().not_before),
        "not_after": instant(certificate.validity().not_after),
        "authority": certificate.is_ca(),
        "signature_algorithm": certificate.signature_algorithm.algorithm.to_id_string(),
        "key_algorithm": certificate.public_key().algorithm.algorithm.to_id_string(),
        "key": hex(&certificate.public_key().subject_public_key.data),
        "extensions": extensions,
    })
}

/// Writes an extension in words; one that no role of ours has shows its identifier only.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum grows")]
fn extension(extension: &X509Extension<'_>) -> String {
    let names = |names: &[GeneralName<'_>]| {
        names.iter().map(|name| name.to_string().escape_debug().to_string()).collect::<Vec<_>>().join(", ")
    };
    let subtrees = |trees: Option<&Vec<GeneralSubtree<'_>>>| {
        names(&trees.into_iter().flatten().map(|tree| tree.base.clone()).collect::<Vec<_>>())
    };
    let (name, fact) = match extension.parsed_extension() {
        ParsedExtension::KeyUsage(usage) => ("key usage", usage.to_string()),
        ParsedExtension::ExtendedKeyUsage(usage) => ("extended key usage", purposes(usage)),
        ParsedExtension::SubjectAlternativeName(san) => {
            ("subject alternative name", names(&san.general_names))
        }
        ParsedExtension::NameConstraints(constraints) => {
            let permitted = subtrees(constraints.permitted_subtrees.as_ref());
            let excluded = subtrees(constraints.excluded_subtrees.as_ref());
            ("name constraints", format!("permitted [{permitted}], excluded [{excluded}]"))
        }
        ParsedExtension::BasicConstraints(basic) => {
            let below = basic.path_len_constraint.map_or("any number".to_owned(), |n| n.to_string());
            ("basic constraints", format!("authority {}, {below} of authorities below it", basic.ca))
        }
        _ => ("extension", extension.oid.to_id_string()),
    };
    format!("{name}{}: {fact}", if extension.critical { ", critical" } else { "" })
}

fn purposes(usage: &ExtendedKeyUsage<'_>) -> String {
    let flags = [
        ("any", usage.any),
        ("serverAuth", usage.server_auth),
        ("clientAuth", usage.client_auth),
        ("codeSigning", usage.code_signing),
        ("emailProtection", usage.email_protection),
        ("timeStamping", usage.time_stamping),
        ("OCSPSigning", usage.ocsp_signing),
    ];
    let named = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned());
    named.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect::<Vec<_>>().join(", ")
}

fn instant(at: ASN1Time) -> Json {
    Timestamp::from_unix(at.timestamp()).map_or(Json::Null, |at| at.to_string().into())
}

/// Writes one fact a line.
fn words(facts: &Json) -> String {
    let mut text = String::new();
    for (name, fact) in facts.as_object().into_iter().flatten() {
        let lines: Vec<String> = match fact {
            Json::Array(extensions) => {
                extensions.iter().filter_map(Json::as_str).map(str::to_owned).collect()
            }
            Json::String(fact) => vec![format!("{name}: {}", fact.escape_debug())],
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => vec![format!("{name}: {fact}")],
        };
        lines.iter().for_each(|line| text.extend([line, "\n"]));
    }
    text
}

/// Finds the first element whose head or length is wrong.
fn fault_in(der: &[u8], base: usize, depth: usize) -> Option<usize> {
    let mut rest = der;
    while !rest.is_empty() {
        let at = base + der.len() - rest.len();
        let Ok((after, element)) = Any::from_der(rest) else { return Some(at) };
        if element.header.is_constructed() && depth > 0 {
            let head = rest.len() - after.len() - element.data.len();
            if let Some(found) = fault_in(element.data, at + head, depth - 1) {
                return Some(found);
            }
        }
        rest = after;
    }
    None
}
