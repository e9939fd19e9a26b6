use super::LogProof;
use super::report::Severity;
use super::verify::Judge;
use crate::evidence::{Direction, EvidenceError, Leaf, ProvedAnchor, contradict, verify_consistency};
use crate::model::{Digest, Head, Party, Timestamp};
use std::collections::BTreeMap;

/// The genesis of a log, and the earlier head from which its proof goes on.
type Beginning = (Digest, Option<Head>);
/// An anchor, the leaves that it covers with their places, and the earlier head from which the log has gone on.
type ProvedLog = (ProvedAnchor, Vec<(u64, Leaf)>, Option<Head>);

impl Judge<'_> {
    /// Proves each log: its anchor, its leaves, and the earlier heads from which it has gone on.
    pub(super) fn prove_logs(&mut self) {
        let dossier = self.dossier;
        let mut begun: BTreeMap<(Party, Party), Vec<Beginning>> = BTreeMap::new();
        for (at, proof) in dossier.logs.iter().enumerate() {
            let about = format!("log {at}");
            match self.prove_log(proof) {
                Ok((anchor, leaves, continues)) => {
                    let pair = (anchor.owner.clone(), anchor.peer.clone());
                    let logs = begun.entry(pair.clone()).or_default();
                    if !logs.iter().any(|(log, _)| *log == anchor.head.log) {
                        logs.push((anchor.head.log, continues));
                    }
                    let source = |what: &str| format!("{what} of log {at}");
                    self.heads.push((pair.0.clone(), pair.1.clone(), anchor.head, source("the anchor")));
                    for earlier in &proof.heads {
                        self.heads.push((
                            pair.0.clone(),
                            pair.1.clone(),
                            earlier.head,
                            source("an earlier head"),
                        ));
                    }
                    self.anchors.push((anchor, leaves));
                }
                Err(error) => self.report.fault(about, &error),
            }
        }
        begun.iter().for_each(|(pair, logs)| self.check_succession(pair, logs));
        self.check_places();
    }

    fn prove_log(&mut self, proof: &LogProof) -> Result<ProvedLog, EvidenceError> {
        let anchor = proof.anchor.verify(&self.directory)?;
        self.report.signed(&anchor.owner, "log", anchor.certificate);
        let first = proof.leaves.first().ok_or(EvidenceError::Malformed("a log without its first leaf"))?;
        let continues = first.check_genesis(&anchor)?;
        if !proof.leaves.is_sorted_by(|a, b| a.index < b.index) {
            return Err(EvidenceError::Malformed("the leaves of a log do not ascend"));
        }
        let mut leaves = Vec::new();
        for leaf in &proof.leaves {
            leaves.push((leaf.index, leaf.check(&anchor.head)?));
        }
        for earlier in &proof.heads {
            verify_consistency(&earlier.head, &anchor.head, &earlier.path)?;
        }
        Ok((anchor, leaves, continues))
    }

    /// A pair has a second log only if it says which lost one it continues, and forgets nothing of that.
    fn check_succession(&mut self, (owner, peer): &(Party, Party), logs: &[(Digest, Option<Head>)]) {
        let about = format!("log of {owner} about {peer}");
        if logs.iter().filter(|(_, continues)| continues.is_none()).count() > 1 {
            let words = format!("{owner} keeps two logs about {peer}, of which neither continues the other");
            self.report.add(Severity::Fault, "fork", &about, words);
        }
        for lost in logs.iter().filter_map(|(_, continues)| *continues) {
            let longer = self.heads.iter().any(|(by, about, head, _)| {
                (by, about) == (owner, peer) && head.log == lost.log && head.size > lost.size
            });
            let (code, severity, words) = if longer {
                ("forgotten", Severity::Fault, "its new log forgets heads of the one that it continues")
            } else {
                ("restored", Severity::Note, "it lost its log, was restored, and goes on with a new one")
            };
            self.report.add(severity, code, &about, format!("{owner}: {words}"));
        }
    }

    /// Every act that the maker of the dossier sent or received must stand in its log, at one instant.
    fn check_places(&mut self) {
        let me = &self.dossier.made_by;
        let mut places: BTreeMap<(&Party, Digest), Timestamp> = BTreeMap::new();
        for (anchor, leaves) in &self.anchors {
            for (_, leaf) in leaves {
                if let Leaf::Act { statement, at, .. } = leaf {
                    places.insert((&anchor.owner, *statement), *at);
                }
            }
        }
        let mut faults = Vec::new();
        for (digest, act) in &self.acts {
            let issuer = &act.claimed.issuer;
            if issuer != me && !act.claimed.audience.contains(me) {
                faults.push((*digest, "stranger", format!("{me} neither sent nor received it")));
            } else if !places.contains_key(&(me, *digest)) {
                faults.push((*digest, "not-in-log", format!("the log of {me} is not shown to hold it")));
            }
        }
        for received in &self.receipts {
            let known = places.get(&(&received.by, received.statement));
            if known.is_some_and(|at| *at != received.received_at) {
                let words = format!("the log of {} and its receipt give different instants", received.by);
                faults.push((received.statement, "receipt-conflict", words));
            }
        }
        let directions = self.anchors.iter().flat_map(|(anchor, leaves)| {
            leaves.iter().filter_map(move |(_, leaf)| match leaf {
                Leaf::Act { direction, statement, .. } => Some((anchor, *direction, *statement)),
                Leaf::Genesis { .. } => None,
            })
        });
        for (anchor, direction, statement) in directions {
            let fits = self.acts.get(&statement).is_none_or(|act| {
                let from = match direction {
                    Direction::Sent => &anchor.owner,
                    Direction::Received => &anchor.peer,
                };
                act.claimed.issuer == *from
            });
            if !fits {
                faults.push((statement, "wrong-direction", "its log gives it another direction".to_owned()));
            }
        }
        for (digest, code, words) in faults {
            self.report.add(Severity::Fault, code, format!("act {}", digest.short()), words);
        }
    }

    /// Compares every two heads that one party signed for one log (DESIGN §12.13).
    pub(super) fn compare_heads(&mut self) {
        let mut found = Vec::new();
        for (at, (owner, peer, head, source)) in self.heads.iter().enumerate() {
            let earlier = self.heads[..at]
                .iter()
                .find(|(by, about, other, _)| (by, about) == (owner, peer) && contradict(other, head));
            if let Some((_, _, _, other)) = earlier {
                let words = format!("{source} and {other} give two roots for {} leaves", head.size);
                found.push((Severity::Fault, "fork", owner, peer, words));
            }
        }
        let proved = |owner: &Party, peer: &Party, head: &Head| {
            self.anchors.iter().any(|(anchor, _)| {
                (&anchor.owner, &anchor.peer) == (owner, peer)
                    && anchor.head.log == head.log
                    && anchor.head.size >= head.size
            }) && self.heads.iter().any(|(by, about, known, source)| {
                (by, about) == (owner, peer) && known == head && source.contains(" of log ")
            })
        };
        let loose = self.heads.iter().filter(|(owner, peer, head, _)| !proved(owner, peer, head));
        let mut loose: Vec<_> = loose.map(|(owner, peer, ..)| (owner, peer)).collect();
        loose.dedup();
        for (owner, peer) in loose {
            let words = format!("some heads of the log of {owner} about {peer} are not led to an anchor");
            found.push((Severity::Note, "not-anchored-yet", owner, peer, words));
        }
        let found: Vec<_> = found
            .into_iter()
            .map(|(severity, code, owner, peer, words)| {
                (severity, code, format!("log of {owner} about {peer}"), words)
            })
            .collect();
        let mut said = std::collections::BTreeSet::new();
        for (severity, code, about, words) in found {
            if said.insert((code, about.clone(), words.clone())) {
                self.report.add(severity, code, about, words);
            }
        }
    }
}
