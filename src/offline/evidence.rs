//! `evidence verify`: judges a dossier, or a proof alone, with nothing but its bytes and what the reader trusts.

use crate::evidence::dossier;
use crate::evidence::dossier::{DossierReport, FileKind, Severity};
use crate::evidence::{TrustAnchor, is_proof, verify_proof};
use crate::model::Digest;
use crate::trust::{certificate_from_pem, thumbprint};
use std::fmt::Write;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The longest dossier, in bytes.
pub const MAX_DOSSIER: usize = crate::wire::Limits::DOSSIER.bytes;

/// Reads what is trusted: fingerprints in hex, one a line, or certificates in PEM with any text around.
///
/// `None` if the text holds neither.
pub fn anchor(text: &str) -> Option<TrustAnchor> {
    let mut roots: Vec<Digest> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let end = rest[begin..].find(END).map(|at| begin + at + END.len())?;
        roots.push(thumbprint(&certificate_from_pem(&rest[begin..end]).ok()?));
        rest = &rest[end..];
    }
    (!roots.is_empty()).then_some(TrustAnchor { roots })
}

/// Judges a dossier or a proof and puts the verdict in words.
pub fn verify(bytes: &[u8], anchor: &TrustAnchor) -> (DossierReport, String) {
    let report = if is_proof(bytes) { verify_proof(bytes, anchor) } else { dossier::verify(bytes, anchor) };
    let text = words(&report);
    (report, text)
}

fn words(report: &DossierReport) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    match report.first_fault() {
        None => match &report.convicts {
            Some(conviction) => line(format!("PROVED: {} [{}]", conviction.words, conviction.code)),
            None => line("VALID: everything in this dossier holds.".to_owned()),
        },
        Some(fault) => line(format!("NOT VALID: {}: {} [{}]", fault.about, fault.words, fault.code)),
    }
    line(String::new());
    match (report.kind, &report.made_by, report.made_at) {
        (FileKind::Dossier, _, _) => line(dossier::summary(report)),
        (FileKind::Proof, Some(by), Some(at)) => line(format!("A proof alone. Made by {by} at {at}.")),
        (FileKind::Proof, _, _) => {}
    }
    for bound in &report.time_bounds {
        let instant = |at: Option<crate::model::Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
        line(format!(
            "{} {} of {}: dated {}, bounds {} .. {}",
            bound.of,
            bound.digest.short(),
            bound.signer,
            bound.claimed,
            instant(bound.not_before),
            instant(bound.not_after)
        ));
    }
    for signer in &report.signers {
        let (party, role, x5t) = (&signer.party, signer.role, signer.certificate.short());
        line(format!("{party}: {} signatures of its {role} key {x5t} hold", signer.signatures));
    }
    for finding in &report.findings {
        let weight = match finding.severity {
            Severity::Fault => "fault",
            Severity::Note => "note",
        };
        line(format!("{weight}: {}: {} [{}]", finding.about, finding.words, finding.code));
    }
    out
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fixture::Pki;

    #[test]
    fn an_anchor_is_read_from_hex_and_from_pem() {
        let pki = Pki::new("XAA");
        let root = thumbprint(&pki.root.der);
        assert_eq!(anchor(&root.to_string()).unwrap().roots, [root]);
        assert_eq!(anchor(&format!("my root\n{root}\n")).unwrap().roots, [root]);
        let card = format!("root = \"\"\"\n{}\"\"\"\n", pki.root.pem);
        assert_eq!(anchor(&card).unwrap().roots, [root]);
        assert_eq!(anchor("nothing"), None);
        assert_eq!(anchor(BEGIN), None);
    }
}
