use super::report::{ActReport, DossierReport, Severity};
use super::{Dossier, SealedDossier};
use crate::envelope::{ClaimedStatement, Content, ShownStatement, Statement};
use crate::evidence::{Accusation, EvidenceError, Leaf, ProvedAnchor, Receipt, TrustAnchor};
use crate::model::{Digest, Head, Party, Timestamp};
use crate::trust::Directory;
use std::collections::{BTreeMap, BTreeSet};

/// Judges a dossier by nothing but its own bytes and the trust anchor; it never panics and never asks.
pub fn verify(bytes: &[u8], anchor: &TrustAnchor) -> DossierReport {
    let mut report = DossierReport::default();
    let sealed = match SealedDossier::parse(bytes) {
        Ok(sealed) => sealed,
        Err(error) => {
            report.fault("dossier", &error);
            return report;
        }
    };
    let dossier = &sealed.dossier;
    report.case = Some(dossier.case.clone());
    report.made_by = Some(dossier.made_by.clone());
    report.made_at = Some(dossier.made_at);
    let directory = match anchor.directory(&dossier.trust) {
        Ok(directory) => directory,
        Err(error) => {
            report.fault("trust", &error);
            return report;
        }
    };
    match sealed.check_seals(&directory) {
        Ok(certificate) => report.signed(&dossier.made_by, "log", certificate),
        Err(error) => {
            report.fault("seal", &error);
            return report;
        }
    }
    let mut judge = Judge {
        dossier,
        directory,
        report,
        claimed: BTreeMap::new(),
        acts: BTreeMap::new(),
        receipts: Vec::new(),
        anchors: Vec::new(),
        heads: Vec::new(),
    };
    judge.read_statements();
    judge.prove_receipts();
    judge.prove_statements();
    judge.check_ancestry();
    judge.prove_logs();
    judge.compare_heads();
    judge.prove_alarms();
    judge.bound_times();
    judge.run_clocks();
    judge.report.valid = judge.report.first_fault().is_none();
    judge.report
}

/// A dossier on trial: what of it has been proved so far.
pub(super) struct Judge<'a> {
    pub dossier: &'a Dossier,
    pub directory: Directory,
    pub report: DossierReport,
    /// The statements that can be read, by digest.
    pub claimed: BTreeMap<Digest, (ClaimedStatement, &'a Content)>,
    /// The statements whose signatures and elements hold.
    pub acts: BTreeMap<Digest, ShownStatement>,
    /// The receipts that hold.
    pub receipts: Vec<Received>,
    /// The anchors that hold, each with the leaves that are proved under it.
    pub anchors: Vec<(ProvedAnchor, Vec<(u64, Leaf)>)>,
    /// Every head that its owner signed: (owner, peer, head, what says so).
    pub heads: Vec<(Party, Party, Head, String)>,
}

/// A receipt that holds.
pub(super) struct Received {
    pub by: Party,
    pub from: Party,
    pub statement: Digest,
    pub received_at: Timestamp,
    pub index: u64,
    pub head: Head,
}

impl<'a> Judge<'a> {
    fn read_statements(&mut self) {
        let dossier = self.dossier;
        for (at, content) in dossier.statements.iter().enumerate() {
            let about = format!("statement {at}");
            match ClaimedStatement::read(&content.statement) {
                Ok(claimed) => {
                    let digest = claimed.digest;
                    if self.claimed.insert(digest, (claimed, content)).is_some() {
                        let words = "the same statement is there twice";
                        self.report.add(Severity::Fault, "duplicate", about, words);
                    }
                }
                Err(error) => self.report.fault(about, &error.into()),
            }
        }
        if dossier.statements.is_empty() {
            self.report.add(Severity::Fault, "empty", "dossier", "it holds no act");
        }
    }

    /// Receipts come first: they say at which instant the key of a statement must have held.
    fn prove_receipts(&mut self) {
        let dossier = self.dossier;
        for (at, bytes) in dossier.receipts.iter().enumerate() {
            match self.prove_receipt(bytes) {
                Ok(received) => self.keep_receipt(at, received),
                Err(error) => self.report.fault(format!("receipt {at}"), &error),
            }
        }
    }

    fn prove_receipt(&mut self, bytes: &[u8]) -> Result<Received, EvidenceError> {
        let receipt = Receipt::from_bytes(bytes.to_vec());
        let claims = receipt.claimed()?;
        let Some((act, _)) = self.claimed.get(&claims.statement) else {
            return Err(EvidenceError::AboutSomethingElse("an act that is not in the dossier"));
        };
        if act.issuer != claims.from || !act.audience.contains(&claims.by) {
            return Err(EvidenceError::AboutSomethingElse("parties between which the act did not pass"));
        }
        let pair = (&claims.by, &claims.from);
        let proved = receipt.verify(pair, &claims.statement, &self.directory, claims.signed_at)?;
        self.report.signed(&claims.by, "log", claims.certificate);
        Ok(Received {
            received_at: proved.received_at,
            head: proved.head,
            statement: claims.statement,
            index: claims.index,
            by: claims.by,
            from: claims.from,
        })
    }

    /// One gateway attests one instant for one act (DESIGN §12.4).
    fn keep_receipt(&mut self, at: usize, received: Received) {
        let same = |known: &&Received| known.by == received.by && known.statement == received.statement;
        match self.receipts.iter().find(same) {
            Some(known) if known.received_at != received.received_at => {
                let (by, statement) = (&received.by, received.statement.short());
                let words = format!(
                    "{by} attests that it had {statement} at {} and at {}",
                    known.received_at, received.received_at
                );
                self.report.add(Severity::Fault, "receipt-conflict", format!("receipt {at}"), words);
            }
            Some(_) => {
                let words = "the same receipt is there twice";
                self.report.add(Severity::Fault, "duplicate", format!("receipt {at}"), words);
            }
            None => {}
        }
        let source = format!("the receipt of {}", received.statement.short());
        self.heads.push((received.by.clone(), received.from.clone(), received.head, source));
        self.receipts.push(received);
    }

    fn prove_statements(&mut self) {
        let claimed: Vec<_> =
            self.claimed.iter().map(|(digest, (c, content))| (*digest, c.clone(), *content)).collect();
        let mut ids: BTreeMap<(Party, _), Digest> = BTreeMap::new();
        for (digest, claims, content) in claimed {
            let about = format!("act {}", digest.short());
            match self.prove_statement(&claims, content) {
                Ok(shown) => {
                    if let Some(other) = ids.insert((claims.issuer.clone(), claims.message_id), digest) {
                        let words = format!(
                            "{} signed {} and {} under one message id",
                            claims.issuer,
                            other.short(),
                            digest.short()
                        );
                        self.report.add(Severity::Fault, "equivocation", &about, words);
                    }
                    self.keep_act(shown);
                }
                Err(error) => self.report.fault(about, &error),
            }
        }
        // People read a case from its beginning.
        self.report
            .acts
            .sort_by_key(|act| (act.received_at.unwrap_or(act.issued_at), act.issued_at, act.digest));
    }

    fn prove_statement(
        &mut self,
        claims: &ClaimedStatement,
        content: &Content,
    ) -> Result<ShownStatement, EvidenceError> {
        if claims.case != self.dossier.case {
            return Err(EvidenceError::AboutSomethingElse("another case"));
        }
        let shown = content.parse_disclosures()?;
        // A key that was stolen later cannot sign what another gateway already had.
        let at = self.received(&claims.digest).map_or(claims.issued_at, |received| received.received_at);
        let act = Statement::verify_shown(&content.statement, &shown, &self.directory, at)?;
        act.check_mandate(content.mandate.as_ref(), &self.directory, at)?;
        Ok(act)
    }

    fn keep_act(&mut self, shown: ShownStatement) {
        let claims = &shown.claimed;
        let received = self.received(&claims.digest);
        let received_at = received.map(|received| received.received_at);
        self.report.signed(&claims.issuer, "seal", shown.certificate);
        self.report.acts.push(ActReport {
            digest: claims.digest,
            act: shown.kind,
            issuer: claims.issuer.clone(),
            audience: claims.audience.clone(),
            issued_at: claims.issued_at,
            received_at,
            exercise: shown.exercise,
            elements: shown.elements as u64,
            disclosed: shown.shown as u64,
        });
        let about = format!("act {}", claims.digest.short());
        if received_at.is_none() {
            let issuer = &claims.issuer;
            if *issuer == self.dossier.made_by {
                let words = "no receipt is here: that it ever arrived is not proved";
                self.report.add(Severity::Note, "no-receipt", &about, words);
            } else {
                let words =
                    format!("{} holds an act of {issuer} but shows no receipt for it", self.dossier.made_by);
                self.report.add(Severity::Fault, "receipt-missing", &about, words);
            }
        }
        if shown.shown < shown.elements {
            let words = format!(
                "{} of {} elements are withheld from this dossier",
                shown.elements - shown.shown,
                shown.elements
            );
            self.report.add(Severity::Note, "redacted", &about, words);
        }
        if let Some(head) = shown.heads.0 {
            let source = format!("the head in act {}", claims.digest.short());
            for peer in &claims.audience {
                self.heads.push((claims.issuer.clone(), peer.clone(), head, source.clone()));
            }
        }
        self.acts.insert(claims.digest, shown);
    }

    /// The acts of a case cite those before them; one that is cited must be there.
    fn check_ancestry(&mut self) {
        let cited: BTreeSet<(Digest, Digest)> = self
            .acts
            .iter()
            .flat_map(|(digest, act)| act.parents.iter().map(|parent| (*digest, *parent)))
            .filter(|(_, parent)| !self.claimed.contains_key(parent))
            .collect();
        for (digest, parent) in cited {
            let words = format!("it builds on act {}, which is missing", parent.short());
            self.report.add(Severity::Fault, "missing-act", format!("act {}", digest.short()), words);
        }
    }

    fn prove_alarms(&mut self) {
        let dossier = self.dossier;
        for (at, bytes) in dossier.alarms.iter().enumerate() {
            let about = format!("alarm {at}");
            match Accusation::parse(bytes).and_then(|accusation| accusation.verify(&self.directory)) {
                Ok(found) => self.report.add(Severity::Fault, found.code, about, found.words),
                Err(error) => self.report.fault(about, &error),
            }
        }
    }

    /// Finds what the gateway of the addressed party attested about an act; where it has several, the first
    /// one's word sets the clocks (DESIGN §4).
    pub fn received(&self, statement: &Digest) -> Option<&Received> {
        let first = self.claimed.get(statement).and_then(|(claims, _)| claims.audience.first());
        let mut found = self.receipts.iter().filter(|received| received.statement == *statement);
        let by_first = found.clone().find(|received| Some(&received.by) == first);
        by_first.or_else(|| found.next())
    }
}
