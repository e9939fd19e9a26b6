use super::report::{BoundReport, ClockReport, Severity};
use super::verify::Judge;
use crate::case::{
    ActFacts, ActHeader, ActRecord, Behalf, Case, Direction, Event, FlagCode, Opening, Receipt, Role, view,
};
use crate::evidence::{Dated, Leaf, TOLERANCE, bounds};
use crate::model::{ActKind, Digest, Head, Party};
use crate::rules::deadline::Warning;

/// Names a piece of evidence within a dossier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Act(Digest),
    /// By its act and its place among the receipts.
    Receipt(Digest, usize),
    Anchor(Digest, usize),
}

impl Judge<'_> {
    /// Bounds every piece by the words of other parties (DESIGN §7).
    pub(super) fn bound_times(&mut self) {
        let evidence = self.dated();
        let mut found = bounds(&evidence);
        for piece in evidence {
            let Some(bounds) = found.remove(&piece.id) else { continue };
            let (of, digest) = match piece.id {
                Piece::Act(digest) => ("act", digest),
                Piece::Receipt(digest, _) => ("receipt", digest),
                Piece::Anchor(root, _) => ("anchor", root),
            };
            if let Some(how) = bounds.misdated(piece.at, TOLERANCE) {
                let instant = |bound: &Option<(_, _)>| bound.as_ref().map(|(at, _)| *at);
                let words = [
                    instant(&bounds.not_before).map(|at: crate::model::Timestamp| {
                        format!("it cites evidence of another party of {at}")
                    }),
                    instant(&bounds.not_after)
                        .map(|at| format!("another party's evidence of {at} covers it")),
                ];
                let words = words.into_iter().flatten().collect::<Vec<_>>().join("; ");
                let words = format!(
                    "{} dates it {}, but {words}: one of the clocks is wrong",
                    piece.signer, piece.at
                );
                self.report.add(Severity::Fault, how.code(), format!("{of} {}", digest.short()), words);
            }
            self.report.time_bounds.push(BoundReport {
                of,
                digest,
                signer: piece.signer,
                claimed: piece.at,
                not_before: bounds.not_before.map(|(at, _)| at),
                not_after: bounds.not_after.map(|(at, _)| at),
            });
        }
    }

    /// Lists the evidence with what each piece cites: parents, receipted acts, heads and leaves under them.
    fn dated(&self) -> Vec<Dated<Piece>> {
        let mut out = Vec::new();
        for (digest, act) in &self.acts {
            let parents = act.parents.iter().filter(|p| self.acts.contains_key(p)).map(|p| Piece::Act(*p));
            let covered = act.heads.1.iter().flat_map(|head| {
                act.claimed.audience.iter().flat_map(move |peer| self.under(peer, &act.claimed.issuer, head))
            });
            out.push(Dated {
                id: Piece::Act(*digest),
                signer: act.claimed.issuer.clone(),
                at: act.claimed.issued_at,
                cites: parents.chain(covered).collect(),
            });
        }
        for (at, received) in self.receipts.iter().enumerate() {
            out.push(Dated {
                id: Piece::Receipt(received.statement, at),
                signer: received.by.clone(),
                at: received.received_at,
                cites: vec![Piece::Act(received.statement)],
            });
        }
        for (at, (anchor, leaves)) in self.anchors.iter().enumerate() {
            let acts = leaves.iter().filter_map(|(_, leaf)| match leaf {
                Leaf::Act { statement, .. } => Some(Piece::Act(*statement)),
                Leaf::Genesis { .. } => None,
            });
            out.push(Dated {
                id: Piece::Anchor(anchor.head.root, at),
                signer: anchor.owner.clone(),
                at: anchor.at,
                cites: acts
                    .filter(|piece| matches!(piece, Piece::Act(d) if self.acts.contains_key(d)))
                    .collect(),
            });
        }
        out
    }

    /// Lists the receipts of `owner` for acts of `peer` whose leaves lie under a head that is proved.
    fn under(&self, owner: &Party, peer: &Party, head: &Head) -> Vec<Piece> {
        let signed =
            self.heads.iter().any(|(by, about, known, _)| (by, about) == (owner, peer) && known == head);
        if !signed {
            return Vec::new();
        }
        let covered = self.receipts.iter().enumerate().filter(|(_, received)| {
            (&received.by, &received.from) == (owner, peer)
                && received.head.log == head.log
                && received.index < head.size
        });
        covered.map(|(at, received)| Piece::Receipt(received.statement, at)).collect()
    }

    /// Runs both clocks of ISACS 8.3 on acts and receipts, as either side would.
    pub(super) fn run_clocks(&mut self) {
        let Some(opening) = self.opening() else {
            let words = "the request itself is not here, so no clock can be judged";
            self.report.add(Severity::Note, "no-request", "dossier", words);
            return;
        };
        let mut case = Case::default();
        case.apply(&Event::Opened(opening));
        let mut unclear = Vec::new();
        for (digest, act) in &self.acts {
            let header = ActHeader {
                digest: *digest,
                issuer: act.claimed.issuer.clone(),
                message_id: act.claimed.message_id,
                parents: act.parents.clone(),
                exercise: act.exercise,
                on_behalf_of: act.on_behalf_of.clone(),
            };
            let Some(body) = &act.act else {
                unclear.push(*digest);
                continue;
            };
            // Arrival is taken from receipts alone, hence every act is put as one that was sent.
            let (facts, direction) = (ActFacts::of(body, header), Direction::Sent);
            case.apply(&Event::ActRecorded(ActRecord {
                facts,
                direction,
                at: act.claimed.issued_at,
                beyond: None,
            }));
        }
        for received in &self.receipts {
            let (digest, received_at, by) = (received.statement, received.received_at, received.by.clone());
            case.apply(&Event::ReceiptRecorded(Receipt { digest, received_at, by }));
        }
        for digest in unclear {
            let words = "too few of its elements are disclosed to judge what it does to the clocks";
            self.report.add(Severity::Note, "not-judged", format!("act {}", digest.short()), words);
        }
        self.report_clocks(&case);
    }

    fn report_clocks(&mut self, case: &Case) {
        let Some(view) = view(case, self.dossier.made_at, Warning::default()) else { return };
        for version in view.versions {
            let clocks = version.clocks;
            self.report.clocks.push(ClockReport {
                version: version.version,
                request: version.digest,
                received_at: clocks.received_at,
                ack_due: clocks.ack_due,
                ack_at: clocks.ack_at,
                ack: clocks.ack.map(|standing| standing.code()),
                respond_due: clocks.respond_due,
                responded_at: clocks.responded_at,
                respond: clocks.respond.map(|standing| standing.code()),
            });
        }
        for flag in view.flags {
            let Some(severity) = weight(flag.code) else { continue };
            let redacted =
                flag.act.and_then(|act| self.acts.get(&act)).is_some_and(|act| act.shown < act.elements);
            if redacted && severity == Severity::Note {
                continue;
            }
            let about = flag.act.map_or_else(|| "case".to_owned(), |act| format!("act {}", act.short()));
            self.report.add(severity, flag.code.code(), about, flag.code.words());
        }
        let late = |s: &Option<&'static str>| matches!(s, Some("met_late" | "overdue"));
        let mut words = Vec::new();
        for clock in &self.report.clocks {
            let due = |at: Option<crate::model::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            if late(&clock.ack) {
                words.push((
                    "ack-late",
                    clock.version,
                    format!("the acknowledgement was due before {} (ISACS 8.3.1)", due(clock.ack_due)),
                ));
            }
            if late(&clock.respond) {
                words.push((
                    "response-late",
                    clock.version,
                    format!("the response was due before {} (ISACS 8.3.4.1)", due(clock.respond_due)),
                ));
            }
        }
        for (code, version, words) in words {
            self.report.add(Severity::Note, code, format!("request version {version}"), words);
        }
    }

    /// Finds who asks whom: the issuer of the first request that bears the case's own number.
    fn opening(&self) -> Option<Opening> {
        let mut requests = self.acts.values().filter(|act| act.kind == ActKind::Request);
        let request = requests.find(|act| self.dossier.case.minted_by(&act.claimed.issuer))?;
        let peer = request.claimed.audience.first()?.clone();
        let (case, me) = (self.dossier.case.clone(), request.claimed.issuer.clone());
        let behalf = request
            .on_behalf_of
            .as_ref()
            .map(|b| Behalf { principal: b.principal.clone(), agent: me.clone() });
        Some(Opening { behalf, ..Opening::bilateral(case, me, peer, Role::Requester) })
    }
}

/// Says which flags of a case cast doubt on a dossier, and which only inform; the rest are of no use here.
const fn weight(code: FlagCode) -> Option<Severity> {
    match code {
        FlagCode::WrongMinter
        | FlagCode::Stranger
        | FlagCode::WrongRole
        | FlagCode::ReceivedAtMismatch
        | FlagCode::ReceiptConflict
        | FlagCode::BeyondMandate
        | FlagCode::Equivocation => Some(Severity::Fault),
        FlagCode::NotOriginator
        | FlagCode::ConsentBeyondQuestion
        | FlagCode::DisclosureCompelled
        | FlagCode::SecondRequest
        | FlagCode::UnknownRequest
        | FlagCode::IncompleteRequest
        | FlagCode::CannotComply
        | FlagCode::DefectiveAnswer
        | FlagCode::ExerciseMismatch
        | FlagCode::UnknownItem
        | FlagCode::AnsweredAgain
        | FlagCode::AfterRefusal
        | FlagCode::AfterAnswer
        | FlagCode::AfterReturn
        | FlagCode::UnfoundedReturn
        | FlagCode::Delayed
        | FlagCode::UnknownQuestion => Some(Severity::Note),
        // A missing ancestor has been named already.
        FlagCode::Waiting => None,
    }
}
