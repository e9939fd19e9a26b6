//! Rotates the keys of a gateway while it runs: the new key is published and told before it is used, and the old one
//! holds on for a while, so that no act is lost (DESIGN §6).

use crate::control::{KeyUse, RotatedView};
use crate::cose::{PqSigningKey, SigningKey};
use crate::envelope::KeyRing;
use crate::model::{DAY, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::generations::{Generation, Generations, name};
use crate::node::gossip;
use crate::node::keys::{KEY_DAYS, KeyError, ROOT_DAYS, at, certify, replace, write_new};
use crate::trust::federation::{LinkedRoot, LogEntry, PartA, Retirement, SealEntry, link_root};
use crate::trust::{Role, thumbprint, twin_digest};
use std::fs;

/// How long the key before is still good, in seconds: as long as a private half of a prekey outlives its epoch, so that
/// what was signed and waits can be delivered.
pub const OVERLAP: i64 = 90 * DAY;
/// How many issuing certificates are published: the one in use, and the one before.
const ISSUING_KEPT: usize = 2;

/// What is rotated, and why.
pub struct Order {
    /// Which key.
    pub what: KeyUse,
    /// Why, in words that everybody will read.
    pub reason: String,
    /// From when others may have held the key before; then there is no overlap.
    pub compromised_since: Option<Timestamp>,
}

impl Order {
    fn retirement(&self, now: Timestamp) -> Retirement {
        let at = if self.compromised_since.is_some() { now } else { now.saturating_add(OVERLAP) };
        Retirement { at, reason: self.reason.clone(), compromised_since: self.compromised_since }
    }
}

/// Makes a new key and publishes it.
///
/// # Errors
/// [`NodeError::Keys`] if a key or file cannot be made or the root key is not here; what was in force stays.
pub async fn rotate(post: &Post, order: &Order) -> Result<RotatedView, NodeError> {
    let gateway = &post.gateway;
    let own =
        gateway.generations().ok_or_else(|| KeyError::Identity("this gateway keeps no keys".to_owned()))?;
    let _turn = gateway.rotating.lock().await;
    let path = own.pki().join("part-a.cbor");
    let part = PartA::read_self_signed(&fs::read(&path).map_err(at(&path))?).map_err(KeyError::from)?.0;
    let root = own.root(&part)?;
    let made = match order.what {
        KeyUse::Log => log(gateway, &own, &root, order).await?,
        KeyUse::Gateway => match order.compromised_since {
            None => issuing(gateway, &own, &root, ISSUING_KEPT).await?,
            Some(since) => {
                let next = revoking(gateway, part, &root, since)?;
                // The new key first: the list leaves the gateway no other one.
                let made = issuing(gateway, &own, &root, 1).await?;
                replace(&path, &next)?;
                made
            }
        },
        KeyUse::Seal | KeyUse::Root => {
            let (made, next) = amended(gateway, &own, part, &root, order)?;
            // Durable before anybody is told; the authority lists it, and only then is it in force.
            replace(&path, &next)?;
            made
        }
    };
    gossip::tell_all(post).await;
    if adopt(gateway)? {
        gossip::renew_own_part(gateway).await?;
    }
    let revokes = order.what == KeyUse::Gateway && order.compromised_since.is_some();
    let needs_authority = revokes || matches!(order.what, KeyUse::Seal | KeyUse::Root);
    Ok(RotatedView { what: order.what, name: made.0, thumbprint: made.1, needs_authority })
}

/// Puts the newest keys that the directory lists in use; tells whether any changed.
///
/// # Errors
/// [`NodeError::Keys`] if a key cannot be opened; those before stay in use.
pub fn adopt(gateway: &Gateway) -> Result<bool, NodeError> {
    let Some(own) = gateway.generations() else { return Ok(false) };
    let (directory, now, ring) = (gateway.directory(), gateway.now(), gateway.ring());
    let found = own.in_force(&directory, gateway.me(), now)?;
    let entry = directory.entry(gateway.me()).map_err(KeyError::from)?;
    let issuing = own.issuing(entry)?;
    let mut changed = gateway.renewing.reissue(&issuing, &gateway.machine)?;
    if (ring.seal.1, ring.log.1) != (found.seal.1, found.log.1) {
        let (seal, log, twin) = (found.seal, found.log, found.twin);
        gateway.keys.amend(|ring| KeyRing { seal, log, twin, ..ring.clone() });
        tracing::info!("another seal or log key is in use, as the directory lists it");
        changed = true;
    }
    Ok(changed)
}

/// Certifies the issuing key anew once the directory lists another root: the one before vouches only for a while.
///
/// # Errors
/// As for [`rotate`].
pub async fn follow_root(gateway: &Gateway) -> Result<(), NodeError> {
    let Some(own) = gateway.generations() else { return Ok(()) };
    let directory = gateway.directory();
    let entry = directory.entry(gateway.me()).map_err(KeyError::from)?;
    let issuing = own.issuing(entry)?;
    let (part, now) = (entry.part_a().clone(), gateway.now());
    if part.roots.len() < 2 || entry.is_certified_by_root_in_force(&issuing.der, now) {
        return Ok(());
    }
    // The root key may be kept elsewhere: then an officer rotates the gateway key while it is here.
    let Ok(root) = own.root(&part) else { return Ok(()) };
    let _turn = gateway.rotating.lock().await;
    self::issuing(gateway, &own, &root, ISSUING_KEPT).await.map(drop)
}

type Made = (String, crate::model::Digest);

/// Makes a key of the next generation with its certificate.
fn make(
    gateway: &Gateway,
    own: &Generations,
    (base, role): (&str, Role),
    root: Option<&SigningKey>,
) -> Result<Generation, KeyError> {
    let (mut entropy, now) = (gateway.entropy(), gateway.now());
    let name = name(base, own.next(base));
    let key = own.folder().new_signing(&name, &mut *entropy)?;
    let days = if role == Role::Root { ROOT_DAYS } else { KEY_DAYS };
    let issued = certify(role, gateway.me(), &key, root.unwrap_or(&key), (now, days), &mut *entropy)?;
    write_new(&own.pki().join(format!("{name}.pem")), issued.pem.as_bytes(), 0o644)?;
    Ok(Generation { name, x5t: thumbprint(&issued.der), der: issued.der, key })
}

async fn log(
    gateway: &Gateway,
    own: &Generations,
    root: &Generation,
    order: &Order,
) -> Result<Made, NodeError> {
    let twin = PqSigningKey::generate(&mut *gateway.entropy());
    // The twin comes first: a log key without one would not be opened.
    let twin_name = name("log-pq", own.next("log"));
    if !own.folder().holds(&twin_name) {
        own.folder().save(&twin_name, twin.seed(), &mut *gateway.entropy())?;
    }
    let twin = PqSigningKey::from_seed(&*own.folder().open(&twin_name)?);
    let made = make(gateway, own, ("log", Role::Log), Some(&root.key))?;
    let retired = order.retirement(gateway.now());
    let entry = LogEntry {
        certificate: made.der.clone().into(),
        twin: Some(twin_digest(&twin.verifying_key())),
        retired: None,
    };
    gossip::amend_own_part(gateway, |part| {
        for before in part.logs.iter_mut().filter(|log| log.retired.is_none()) {
            before.retired = Some(retired.clone());
        }
        part.logs.push(entry);
    })
    .await?;
    Ok((made.name, made.x5t))
}

/// Revokes every issuing certificate that is published, from an instant on; returns the file of the next part A. A
/// gateway key signs no act, so that nothing which was said needs a mark: its certificate is refused, by whoever shows it.
fn revoking(
    gateway: &Gateway,
    part: PartA,
    root: &Generation,
    since: Timestamp,
) -> Result<Vec<u8>, KeyError> {
    let (directory, now) = (gateway.directory(), gateway.now());
    let published = directory.entry(gateway.me())?.part_b().map_or(&[][..], |b| &b.issuing);
    let stolen: Vec<(&[u8], Timestamp)> = published.iter().map(|der| (der.as_slice(), since)).collect();
    let mut next = PartA { version: part.version + 1, issued: now, ..part };
    next.revoke(&stolen, &root.key, now)?;
    let bytes = next.sign(&root.key)?.to_bytes();
    // What peers would refuse is never handed out.
    PartA::read_self_signed(&bytes)?;
    Ok(bytes)
}

/// Makes another issuing key, and publishes so many of the newest.
async fn issuing(
    gateway: &Gateway,
    own: &Generations,
    root: &Generation,
    kept: usize,
) -> Result<Made, NodeError> {
    let made = make(gateway, own, ("issuing", Role::Issuing), Some(&root.key))?;
    let der = made.der.clone();
    gossip::amend_own_part(gateway, |part| {
        part.issuing.push(der.into());
        let over = part.issuing.len().saturating_sub(kept);
        part.issuing.drain(..over);
    })
    .await?;
    Ok((made.name, made.x5t))
}

/// Changes part A: another seal, or another root that the one before vouches for. Returns what was made and the file.
fn amended(
    gateway: &Gateway,
    own: &Generations,
    part: PartA,
    root: &Generation,
    order: &Order,
) -> Result<(Made, Vec<u8>), KeyError> {
    let now = gateway.now();
    let retired = order.retirement(now);
    let mut next = PartA { version: part.version + 1, issued: now, ..part };
    let (made, signer) = if order.what == KeyUse::Root {
        let made = make(gateway, own, ("root", Role::Root), None)?;
        for before in next.roots.iter_mut().filter(|root| root.retired.is_none()) {
            before.retired = Some(retired.clone());
        }
        let link = Some(link_root(&next.party, (&root.x5t, &root.key), &made.x5t));
        next.roots.push(LinkedRoot { certificate: made.der.clone().into(), link, retired: None });
        if next.revocations.is_some() {
            // A list is believed of the root in force only.
            next.revoke(&[], &made.key, now)?;
        }
        let signer = made.key.clone();
        (made, signer)
    } else {
        let made = make(gateway, own, ("seal", Role::Seal), Some(&root.key))?;
        for before in next.seals.iter_mut().filter(|seal| seal.retired.is_none()) {
            before.retired = Some(retired.clone());
        }
        next.seals.push(SealEntry { certificate: made.der.clone().into(), retired: None });
        (made, root.key.clone())
    };
    let bytes = next.sign(&signer)?.to_bytes();
    // What peers would refuse is never handed out.
    PartA::read_self_signed(&bytes)?;
    Ok(((made.name, made.x5t), bytes))
}
