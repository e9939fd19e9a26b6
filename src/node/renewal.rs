//! Keeps the gateway's short-lived certificate fresh without anybody's help.

use crate::cose::SigningKey;
use crate::model::{Entropy, Party, Timestamp};
use crate::node::generations::Generation;
use crate::node::keys::{KeyError, certify};
use crate::node::machine::Machine;
use crate::transport::TlsIdentity;
use crate::trust::issue::GATEWAY_DAYS;
use crate::trust::{Role, Validity};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A renewal whose first certificate is in use; all copies of it renew the same one.
#[derive(Clone)]
pub struct Renewing {
    state: Arc<Mutex<State>>,
    identity: Arc<TlsIdentity>,
}

struct State {
    renewal: Renewal,
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
        let state = Arc::new(Mutex::new(State { renewal: self, renew_at }));
        Ok((Arc::clone(&identity), Renewing { state, identity }))
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
    pub async fn run(self, machine: Arc<Machine>) {
        loop {
            sleep(LOOK).await;
            let now = machine.now();
            if now < self.state().renew_at {
                continue;
            }
            match self.renew(now, &mut *machine.entropy()) {
                Ok(next) => tracing::info!(%next, "the gateway certificate was renewed"),
                Err(cause) => tracing::error!(%cause, "the gateway certificate was not renewed"),
            }
        }
    }

    /// Certifies by another issuing key from now on; tells whether it was another. Links that stand are kept.
    ///
    /// # Errors
    /// `KeyError` if the key and the certificate do not fit; the one before then stays in use.
    pub(super) fn reissue(&self, issuing: &Generation, machine: &Machine) -> Result<bool, KeyError> {
        let before = {
            let mut state = self.state();
            if state.renewal.issuing_der == issuing.der {
                return Ok(false);
            }
            let next = Renewal::new(state.renewal.party.clone(), issuing.key.clone(), issuing.der.clone());
            std::mem::replace(&mut state.renewal, next)
        };
        if let Err(cause) = self.renew(machine.now(), &mut *machine.entropy()) {
            self.state().renewal = before;
            return Err(cause);
        }
        tracing::info!("the gateway key is certified by another issuing key");
        Ok(true)
    }

    fn renew(&self, now: Timestamp, entropy: &mut dyn Entropy) -> Result<Timestamp, KeyError> {
        let mut state = self.state();
        let (key, gateway, renew_at) = state.renewal.fresh(now, entropy)?;
        let swapped = self.identity.swap(&gateway, &state.renewal.issuing_der, &key);
        swapped.map_err(|e| KeyError::Identity(e.to_string()))?;
        state.renew_at = renew_at;
        Ok(renew_at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
