use super::PartA;
use crate::cose::SigningKey;
use crate::model::Timestamp;
use crate::trust::issue::{RevocationTerms, Serial, revocation_list};
use crate::trust::profile::{self, Revocations};
use crate::trust::{Role, TrustError, Validity};
use serde_bytes::ByteBuf;

/// For how many days a revocation list says that no other is due; past them it still holds.
const LIST_DAYS: u32 = 366;

impl PartA {
    /// Makes the revocation list anew, signed by the root in force: all that the list before revokes, and these
    /// certificates from these instants on.
    ///
    /// # Errors
    /// What the list before is refused for, or `CannotIssue` if it holds a number that was not given here.
    pub fn revoke(
        &mut self,
        certificates: &[(&[u8], Timestamp)],
        root: &SigningKey,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let mut revoked = Vec::new();
        for (serial, from) in self.list()?.map_or_else(Vec::new, |list| list.revoked) {
            revoked.push((Serial::read(&serial.to_bytes_be())?, from));
        }
        for (der, from) in certificates {
            let serial = Serial::read(&profile::serial(Role::Issuing, der)?.to_bytes_be())?;
            revoked.retain(|(known, since)| *known != serial || since <= from);
            if revoked.iter().all(|(known, _)| *known != serial) {
                revoked.push((serial, *from));
            }
        }
        let next_update = Validity::days(now, LIST_DAYS).not_after;
        let terms = RevocationTerms { number: self.version, this_update: now, next_update, revoked };
        let made = revocation_list(&self.party, root, &terms)?;
        self.revocations = Some(ByteBuf::from(made.der));
        Ok(())
    }

    /// Lists the numbers of revoked certificates in hex, and from when each no longer holds.
    ///
    /// # Errors
    /// What the list is refused for.
    pub fn revoked(&self) -> Result<Vec<(String, Timestamp)>, TrustError> {
        let list = self.list()?.map_or_else(Vec::new, |list| list.revoked);
        Ok(list.into_iter().map(|(serial, from)| (format!("{serial:x}"), from)).collect())
    }

    /// Reads the list in force, which the root in force has signed, or the one before while another is being made.
    fn list(&self) -> Result<Option<Revocations>, TrustError> {
        let Some(der) = &self.revocations else { return Ok(None) };
        let mut refusal =
            TrustError::BadRevocationList { party: self.party.clone(), why: "there is no root" };
        for linked in self.roots.iter().rev() {
            match profile::revocations(&profile::root(&self.party, &linked.certificate)?, der) {
                Ok(list) => return Ok(Some(list)),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}
