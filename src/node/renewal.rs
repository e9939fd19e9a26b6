//! Keeps the gateway's short-lived certificate fresh without anybody's help.

use crate::cose::SigningKey;
use crate::model::{Entropy, Party, Timestamp};
use crate::node::keys::{KeyError, certify};
use crate::node::machine::Machine;
use crate::transport::TlsIdentity;
use crate::trust::issue::GATEWAY_DAYS;
use crate::trust::{Role, Validity};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked whether the certificate has come to half of its life.
const LOOK: Duration = Duration::from_secs(600);

/// Certifies new gateway keys with the issuing key.
pub struct Renewal {
    party: Party,
    issuing: SigningKey,
    issuing_der: Vec<u8>,
}

/// A renewal whose first certificate is in use.
pub struct Renewing {
    renewal: Renewal,
    identity: Arc<TlsIdentity>,
    renew_at: Timestamp,
}

impl Renewal {
    /// Takes the issuing key with its certificate.
    pub const fn new(party: Party, issuing: SigningKey, issuing_der: Vec<u8>) -> Self {
        Self { party, issuing, issuing_der }
    }

    /// Certifies a first key.
    ///
    /// # Errors
    /// `KeyError::Trust` or `KeyError::Identity` if the key and the certificates do not fit.
    pub fn first(self, machine: &Machine) -> Result<(Arc<TlsIdentity>, Renewing), KeyError> {
        let (key, gateway, renew_at) = self.fresh(machine.now(), &mut *machine.entropy())?;
        let identity = TlsIdentity::new(&gateway, &self.issuing_der, &key)
            .map_err(|e| KeyError::Identity(e.to_string()))?;
        let identity = Arc::new(identity);
        Ok((Arc::clone(&identity), Renewing { renewal: self, identity, renew_at }))
    }

    fn fresh(
        &self,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(SigningKey, Vec<u8>, Timestamp), KeyError> {
        let key = SigningKey::generate(entropy);
        let issued = certify(Role::Gateway, &self.party, &key, &self.issuing, (now, GATEWAY_DAYS), entropy)?;
        Ok((key, issued.der, Validity::days(now, GATEWAY_DAYS).renew_at()))
    }
}

impl Renewing {
    /// Renews at half of each certificate's life, for as long as the gateway runs.
    pub async fn run(mut self, machine: Arc<Machine>) {
        loop {
            sleep(LOOK).await;
            let now = machine.now();
            if now < self.renew_at {
                continue;
            }
            match self.renew(now, &mut *machine.entropy()) {
                Ok(()) => tracing::info!(next = %self.renew_at, "the gateway certificate was renewed"),
                Err(cause) => tracing::error!(%cause, "the gateway certificate was not renewed"),
            }
        }
    }

    fn renew(&mut self, now: Timestamp, entropy: &mut dyn Entropy) -> Result<(), KeyError> {
        let (key, gateway, renew_at) = self.renewal.fresh(now, entropy)?;
        let swapped = self.identity.swap(&gateway, &self.renewal.issuing_der, &key);
        swapped.map_err(|e| KeyError::Identity(e.to_string()))?;
        self.renew_at = renew_at;
        Ok(())
    }
}
