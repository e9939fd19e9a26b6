use crate::evidence::{Conviction, EvidenceError};
use crate::model::{ActKind, CaseId, Digest, Party, Timestamp};
use serde::Serialize;

/// What a file of evidence is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// All that proves a case.
    #[default]
    Dossier,
    /// One accusation, and nothing of any case.
    Proof,
}

/// What the verification of a dossier, or of a proof alone, found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DossierReport {
    /// What was judged.
    pub kind: FileKind,
    /// Whether everything holds; any doubt makes it false.
    pub valid: bool,
    /// What was found, faults in the order of the checks.
    pub findings: Vec<Finding>,
    /// The case, once the dossier could be read.
    pub case: Option<CaseId>,
    /// Who made the dossier.
    pub made_by: Option<Party>,
    /// When, by its maker's clock.
    pub made_at: Option<Timestamp>,
    /// The acts whose signatures hold.
    pub acts: Vec<ActReport>,
    /// Whose keys signed what.
    pub signers: Vec<SignerReport>,
    /// Between which instants each piece of evidence came into being.
    pub time_bounds: Vec<BoundReport>,
    /// Whether each version of the request was answered in time.
    pub clocks: Vec<ClockReport>,
    /// Whom a proof convicts, if it holds.
    pub convicts: Option<Conviction>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The dossier is not to be believed as it stands.
    Fault,
    /// Something that a reader should know; nothing contradicts it.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable code.
    pub code: &'static str,
    /// What it is about: a part of the dossier, an act, a log.
    pub about: String,
    /// In words.
    pub words: String,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActReport {
    /// Its statement digest.
    pub digest: Digest,
    /// Which act.
    pub act: ActKind,
    /// Who said it.
    pub issuer: Party,
    /// To whom.
    pub audience: Vec<Party>,
    /// When its issuer says that it signed.
    pub issued_at: Timestamp,
    /// When the gateway of the addressed party attests to have had it.
    pub received_at: Option<Timestamp>,
    /// Whether it is a training act.
    pub exercise: bool,
    /// How many elements it has.
    pub elements: u64,
    /// How many of them the dossier discloses.
    pub disclosed: u64,
}

/// One key that signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerReport {
    /// Whose.
    pub party: Party,
    /// `seal` or `log`.
    pub role: &'static str,
    /// The thumbprint of its certificate.
    pub certificate: Digest,
    /// How many signatures of it were verified.
    pub signatures: u64,
}

/// The bounds of one piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoundReport {
    /// `act`, `receipt` or `anchor`.
    pub of: &'static str,
    /// The act that it is, or is the receipt of; the root of an anchor.
    pub digest: Digest,
    /// Who signed it.
    pub signer: Party,
    /// The instant that its signer claims.
    pub claimed: Timestamp,
    /// The newest instant in what it cites of another party.
    pub not_before: Option<Timestamp>,
    /// The earliest instant in what covers it of another party.
    pub not_after: Option<Timestamp>,
}

/// The clocks of one version of the request (ISACS 8.3.1, 8.3.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// The version, from 1.
    pub version: u32,
    /// The request's statement digest.
    pub request: Digest,
    /// When the requested side had it.
    pub received_at: Option<Timestamp>,
    /// The first instant at which an acknowledgement is late.
    pub ack_due: Option<Timestamp>,
    /// When one reached the requester.
    pub ack_at: Option<Timestamp>,
    /// `met`, `met_late`, `running`, `due_soon` or `overdue`, as of the making of the dossier.
    pub ack: Option<&'static str>,
    /// The first instant at which a response is late.
    pub respond_due: Option<Timestamp>,
    /// When one reached the requester.
    pub responded_at: Option<Timestamp>,
    /// As for `ack`.
    pub respond: Option<&'static str>,
}

impl DossierReport {
    /// Adds a fault with the words of its cause.
    pub(in crate::evidence) fn fault(&mut self, about: impl ToString, error: &EvidenceError) {
        self.add(Severity::Fault, error.code(), about, error.to_string());
    }

    /// Adds a finding.
    pub(in crate::evidence) fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        about: impl ToString,
        words: impl ToString,
    ) {
        self.findings.push(Finding { severity, code, about: about.to_string(), words: words.to_string() });
    }

    /// Counts a verified signature.
    pub(in crate::evidence) fn signed(&mut self, party: &Party, role: &'static str, certificate: Digest) {
        let same =
            |s: &&mut SignerReport| s.party == *party && s.role == role && s.certificate == certificate;
        match self.signers.iter_mut().find(same) {
            Some(known) => known.signatures += 1,
            None => {
                let party = party.clone();
                self.signers.push(SignerReport { party, role, certificate, signatures: 1 });
            }
        }
    }

    /// Returns the first fault, if there is one.
    pub fn first_fault(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Fault)
    }
}
