use super::{Entry, Leaf, Notary, NotarySeal, Reader, StoredLog, proofs};
use crate::evidence::{Entry as LogEntry, EvidenceError, Leaf as LogLeaf, LogBook, NewLeaf};
use crate::model::Party;

/// Keeps the evidence logs in step with the journal: their leaves are records of the same group.
pub(super) struct LogNotary(pub LogBook);

impl Notary for LogNotary {
    fn restore(&mut self, reader: &Reader) -> Result<(), String> {
        for (peer, nth, head) in proofs::our_heads(reader).map_err(|e| e.to_string())? {
            let log = StoredLog::open(reader.clone(), &peer).map_err(|e| e.to_string())?;
            let resumed = self.0.resume(peer.clone(), nth, &log, &head);
            resumed.map_err(|e| format!("the log about {peer} does not come to its signed head: {e}"))?;
        }
        Ok(())
    }

    fn seal_group(&mut self, leaves: &[Leaf]) -> Result<NotarySeal, String> {
        let entries = leaves.iter().map(log_entry).collect::<Result<Vec<_>, _>>()?;
        let sealed = self.0.seal_group(&entries).map_err(|e| e.to_string())?;
        let mut records = Vec::new();
        let mut push = |entry: Entry| {
            records.push(entry.record().map_err(|e| e.to_string())?);
            Ok::<(), String>(())
        };
        for NewLeaf { peer, nth, added, leaf } in sealed.leaves {
            push(Entry::Leaf { peer, nth, index: added.index, leaf, completed: added.completed })?;
        }
        for (peer, nth, head) in sealed.heads {
            push(Entry::Head { peer, ours: true, nth, head, shown_by: None })?;
        }
        for (entry, receipt) in entries.iter().zip(&sealed.receipts) {
            if let (LogLeaf::Act { statement, .. }, Some(receipt)) = (&entry.leaf, receipt) {
                let receipt = receipt.as_bytes().to_vec();
                push(Entry::Receipt { statement: *statement, ours: true, copy: None, receipt })?;
            }
        }
        let receipts = sealed.receipts.into_iter().map(|r| r.map(|r| r.as_bytes().to_vec())).collect();
        Ok(NotarySeal { records, receipts })
    }
}

fn log_entry(leaf: &Leaf) -> Result<LogEntry, String> {
    let peer: Party = leaf.peer.parse().map_err(|e| format!("a leaf names no party: {e}"))?;
    let parsed = LogLeaf::parse(&leaf.entry).map_err(|e: EvidenceError| e.to_string())?;
    Ok(LogEntry { peer, leaf: parsed, receipt: leaf.receipt })
}
