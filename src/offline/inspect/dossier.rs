use super::{Shown, cbor, line, misplaced, sha256};
use crate::evidence::dossier::SealedDossier;
use crate::offline::OfflineError;
use crate::wire;
use crate::wire::Limits;
use serde_bytes::ByteBuf;
use serde_json::json;

/// Shows what a dossier says it holds; nothing of it is verified.
pub(super) fn show(bytes: &[u8]) -> Result<Shown, OfflineError> {
    wire::check(bytes, &Limits::DOSSIER).map_err(|fault| misplaced(0, &fault.into()))?;
    let (body, _, _, _): (ByteBuf, ByteBuf, ByteBuf, ByteBuf) =
        wire::decode(bytes, &Limits::DOSSIER).map_err(|error| misplaced(0, &error))?;
    let base = bytes.windows(body.len()).position(|window| window == body.as_slice()).unwrap_or_default();
    wire::check(&body, &Limits::DOSSIER).map_err(|fault| misplaced(base, &fault.into()))?;
    let sealed = SealedDossier::parse(bytes).map_err(|error| super::malformed(base, &error))?;
    let dossier = sealed.dossier;
    let mut text = line(0, 0, &format!("dossier of case {}, nothing is verified", dossier.case));
    text += &line(base, 1, &format!("made by {} at {}", dossier.made_by, dossier.made_at));
    let mut statements = Vec::new();
    for content in &dossier.statements {
        let digest = sha256(&content.statement);
        text +=
            &line(base, 1, &format!("statement, sha256 {digest}, {} elements", content.disclosures.len()));
        statements.push(json!({ "sha256": digest, "elements": content.disclosures.len() }));
    }
    for receipt in &dossier.receipts {
        text += &line(base, 1, &format!("receipt, sha256 {}", sha256(receipt)));
    }
    for log in &dossier.logs {
        let counts = format!("{} leaves and {} heads", log.leaves.len(), log.heads.len());
        text += &line(base, 1, &format!("log proof with {counts}"));
    }
    text += &line(base, 1, &format!("{} alarms", dossier.alarms.len()));
    let trust = cbor::show(&dossier.trust, &Limits::FILE, 0)?;
    let value = json!({
        "case": dossier.case, "made_by": dossier.made_by, "made_at": dossier.made_at,
        "summary": dossier.summary, "statements": statements, "receipts": dossier.receipts.len(),
        "logs": dossier.logs.len(), "alarms": dossier.alarms.len(), "trust": trust.value,
    });
    Ok(Shown { text, value })
}
