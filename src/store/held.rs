//! Acts that wait for other officers, in the ledger: each survives a restart, with every word for it.

use super::keys;
use super::ledger::{Change, Ledger, resolve, scan};
use super::{Entry, StoreError};
use crate::case::{HeldAct, HeldEnd, Word};
use crate::model::{Entropy, Held, HeldId};
use crate::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a held act says, and what the case is asked when it goes; sealed in the journal (ISACS 8.4 a).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBody {
    /// All that it says, as the officers read it.
    pub words: String,
    /// The command that makes it, encoded.
    #[serde(with = "serde_bytes")]
    pub command: Vec<u8>,
}

impl Change {
    /// Notes another officer's word for an act that waits.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn word(&mut self, word: Word) -> Result<(), StoreError> {
        self.entry(&Entry::Word(word))
    }

    /// Notes that an act waits no longer.
    ///
    /// # Errors
    /// As for [`Self::event`].
    pub fn held_ended(&mut self, id: &HeldId, end: HeldEnd) -> Result<(), StoreError> {
        self.entry(&Entry::HeldEnded { id: id.clone(), end })
    }
}

impl Ledger {
    /// Adds an act to a change that waits for other officers.
    ///
    /// # Errors
    /// As for [`Change::event`].
    pub fn hold(
        &self,
        change: &mut Change,
        held: Held,
        body: &HeldBody,
        entropy: &mut dyn Entropy,
    ) -> Result<(), StoreError> {
        let plain =
            Zeroizing::new(wire::encode(body).map_err(|e| StoreError::Failed { cause: e.to_string() })?);
        let sealed = self.body_key().seal(&context(&held.id), &plain, entropy);
        change.blob(sealed, &Entry::Held(held))
    }

    /// Returns an act that waits or waited, with every word for it.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn held(&self, id: &HeldId) -> Result<Option<HeldAct>, StoreError> {
        let Some((Entry::Held(held), _)) = self.get(&keys::held(id))? else { return Ok(None) };
        let word = |(entry, _)| if let Entry::Word(word) = entry { Some(word) } else { None };
        let reader = self.store().reader();
        let words = scan(&reader, &keys::words(id))?.into_iter().filter_map(word).collect();
        let end = match self.get(&keys::held_end(id))? {
            Some((Entry::HeldEnded { end, .. }, _)) => Some(end),
            _ => None,
        };
        Ok(Some(HeldAct { held, words, end }))
    }

    /// Returns what a held act says.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it does not open.
    pub fn held_body(&self, id: &HeldId) -> Result<Option<HeldBody>, StoreError> {
        let Some(row) = self.store().get(&keys::held(id))? else { return Ok(None) };
        let (_, Some(blob)) = resolve(&self.store().reader(), &row)? else { return Ok(None) };
        let plain = self
            .body_key()
            .open(&context(id), &self.store().read(&blob)?)
            .map_err(|e| StoreError::Failed { cause: e.to_string() })?;
        wire::decode(&plain, &wire::Limits::FILE)
            .map(Some)
            .map_err(|e| StoreError::Failed { cause: e.to_string() })
    }

    /// Lists the acts that wait, oldest first.
    ///
    /// # Errors
    /// As for [`Self::case`].
    pub fn waiting(&self) -> Result<Vec<HeldAct>, StoreError> {
        let mut out = Vec::new();
        for (key, _) in self.store().scan(keys::WAITING)? {
            let name = key.get(keys::WAITING.len()..).and_then(|name| std::str::from_utf8(name).ok());
            let id: Option<HeldId> = name.and_then(|name| name.parse().ok());
            out.extend(id.map(|id| self.held(&id)).transpose()?.flatten());
        }
        out.sort_by(|a, b| (a.held.at, &a.held.id).cmp(&(b.held.at, &b.held.id)));
        Ok(out)
    }
}

fn context(id: &HeldId) -> Vec<u8> {
    [b"held act\0", id.as_str().as_bytes()].concat()
}
