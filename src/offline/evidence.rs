//! `evidence verify`: judges a dossier, or a proof alone, with nothing but its bytes and what the reader trusts.

use crate::evidence::dossier;
use crate::evidence::dossier::{DossierReport, FileKind, Severity};
use crate::evidence::{TrustAnchor, is_proof, verify_proof};
use crate::model::Digest;
use std::fmt::Write;

/// The longest dossier, in bytes.
pub const MAX_DOSSIER: usize = crate::wire::Limits::DOSSIER.bytes;

/// Reads what is trusted: fingerprints of federations, 64 hex digits, one a line, however people have grouped them.
///
/// `None` if the text holds none.
pub fn anchor(text: &str) -> Option<TrustAnchor> {
    let read = |line: &str| {
        let digits: String = line.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-')).collect();
        digits.to_lowercase().parse().ok()
    };
    let roots: Vec<Digest> = text.lines().filter_map(read).collect();
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
        let hold = match signer.signatures {
            1 => "1 signature holds".to_owned(),
            many => format!("{many} signatures hold"),
        };
        line(format!("{party}: {hold}, of its {role} key {x5t}"));
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

    #[test]
    fn an_anchor_is_read_as_people_write_it() {
        let anchor_of = Digest::of(&[b"a federation"]);
        let spoken = crate::node::joining::spoken(&anchor_of);
        for text in
            [anchor_of.to_string(), format!("ours\n{anchor_of}\n"), spoken.clone(), spoken.to_uppercase()]
        {
            assert_eq!(anchor(&text).unwrap().roots, [anchor_of], "{text}");
        }
        assert_eq!(anchor("nothing"), None);
    }
}
