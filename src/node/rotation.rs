//! Rotates the keys of a gateway while it runs: the new key is published and told before it is used, and the old one
//! holds on for a while, so that no act is lost (DESIGN §6).

use crate::config::Layout;
use crate::control::{ExitCode, Failure, KeyUse, RotatedView};
use crate::cose::{PqSigningKey, SigningKey};
use crate::envelope::KeyRing;
use crate::model::{DAY, Digest, Party, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::generations::{Generation, Generations, name};
use crate::node::gossip;
use crate::node::joining;
use crate::node::keys::{KEY_DAYS, KeyError, KeyFolder, ROOT_DAYS, at, certify, replace, write_new};
use crate::node::machine::Machine;
use crate::node::parts::key_failure;
use crate::node::sheet::Sheet;
use crate::store::Shelf;
use crate::trust::federation::{
    Documents, LinkedRoot, LogEntry, PartA, PartB, Retirement, SealEntry, link_root,
};
use crate::trust::{Directory, Role, thumbprint, twin_digest};
use std::fs;
use std::path::Path;

/// How long the key before is still good, in seconds: as long as a private half of a prekey outlives its epoch, so that
/// what was signed and waits can be delivered.
pub const OVERLAP: i64 = 90 * DAY;
/// For how long at least the root before still has an end when the gateway key is certified by the new one, in seconds. Until
/// then whoever was away, and knows the old root alone, lets the gateway in, and hears of the new root by it.
const CHANGEOVER: i64 = OVERLAP / 2;
/// The longest reason for a rotation, in characters.
const MAX_REASON: usize = 200;
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
    /// Checks what was asked for.
    ///
    /// # Errors
    /// [`ExitCode::Usage`] if the reason is none that everybody can read, or the instant lies in the future.
    pub fn new(
        what: KeyUse,
        reason: &str,
        compromised_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            let what = format!("a reason is one line of 1 to {MAX_REASON} characters");
            return Err(Failure::new(ExitCode::Usage, "identity.reason", what).hint("everybody will read it"));
        }
        if compromised_since.is_some_and(|since| since > now) {
            let what = "a key cannot have been compromised in the future";
            return Err(
                Failure::new(ExitCode::Usage, "identity.future", what).hint("give an instant that is past")
            );
        }
        Ok(Self { what, reason, compromised_since })
    }

    fn retirement(&self, now: Timestamp) -> Retirement {
        let at = if self.compromised_since.is_some() { now } else { now.saturating_add(OVERLAP) };
        Retirement { at, reason: self.reason.clone(), compromised_since: self.compromised_since }
    }

    fn told(&self, (name, thumbprint): Made) -> RotatedView {
        let revokes = self.what == KeyUse::Gateway && self.compromised_since.is_some();
        let needs_authority = revokes || matches!(self.what, KeyUse::Seal | KeyUse::Root);
        RotatedView { what: self.what, name, thumbprint, needs_authority }
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
    let (me, machine, directory) = (gateway.me(), &*gateway.machine, gateway.directory());
    let bench = Bench { me, machine, directory: &directory, own: &own };
    let Prepared { made, part_a, part_b } = bench.prepare(part, &root, order)?;
    if let Some(change) = part_b {
        gossip::amend_own_part(gateway, change).await?;
    }
    if let Some(next) = part_a {
        // Durable before anybody is told; the authority lists it, and only then is it in force.
        replace(&path, &next)?;
    }
    gossip::tell_all(post).await;
    if adopt(gateway)? {
        gossip::renew_own_part(gateway).await?;
    }
    Ok(order.told(made))
}

/// Makes a new key for a party whose gateway or relay does not run, and puts it in the directory that it holds; others
/// hear of it at the first contact after the next start.
///
/// # Errors
/// [`ExitCode::Config`] if the party runs, has joined nothing, or a key or file cannot be made.
pub fn rotate_stopped(
    (layout, credential): (&Layout, &Path),
    order: &Order,
    machine: &Machine,
) -> Result<RotatedView, Failure> {
    let fail = |cause: KeyError| key_failure(&cause);
    let shelf = joining::shelf(layout)?;
    let own = Generations::new(KeyFolder::unlock(&layout.keys(), credential).map_err(fail)?, &layout.pki());
    let file = fs::read(layout.part_a()).map_err(|cause| fail(at(&layout.part_a())(cause)))?;
    let part = PartA::read_self_signed(&file).map_err(|cause| fail(cause.into()))?.0;
    let me = part.party.clone();
    let directory = joining::read(&shelf, Some(&me))?.ok_or_else(joining::not_joined)?;
    let (now, root) = (machine.now(), own.root(&part).map_err(fail)?);
    let bench = Bench { me: &me, machine, directory: &directory, own: &own };
    let Prepared { made, part_a, part_b } = bench.prepare(part, &root, order).map_err(fail)?;
    if let Some(change) = part_b {
        publish_stopped((layout, &shelf), &bench, now, change)?;
    }
    if let Some(next) = part_a {
        replace(&layout.part_a(), &next).map_err(fail)?;
    }
    Ok(order.told(made))
}

/// Has a relay that is about to start say under its newest keys what it says of itself, as a gateway does while it runs: its
/// part B by the seal in force, and its issuing key certified by the root in force if that root's key lies here. Returns
/// the directory with what is new; members hear of it at the first contact.
///
/// # Errors
/// As for [`rotate_stopped`]; what was said before still stands.
pub fn settle(
    (layout, shelf): (&Layout, &Shelf),
    own: &Generations,
    directory: &Directory,
    machine: &Machine,
) -> Result<Option<Directory>, Failure> {
    let fail = |cause: KeyError| key_failure(&cause);
    let (me, now) = (directory.me().ok_or_else(joining::not_joined)?, machine.now());
    let entry = directory.entry(me).map_err(|cause| fail(cause.into()))?;
    let bench = Bench { me, machine, directory, own };
    let part = entry.part_a();
    let issuing = own.issuing(entry).map_err(fail)?;
    let is_new_root = is_to_go_over(part, now) && !entry.is_certified_by_root_in_force(&issuing.der, now);
    // The root key may be kept elsewhere: then the keeper rotates the gateway key while it is here.
    let root = if is_new_root { own.root(part).ok() } else { None };
    let change: Change = match root {
        Some(root) => bench.issuing(&root, ISSUING_KEPT).map_err(fail)?.1,
        None => Box::new(|_| {}),
    };
    publish_stopped((layout, shelf), &bench, now, change)
}

/// Signs the part B of a party that does not run anew if something in it or its seal has changed, and puts it in the directory
/// that the party holds.
fn publish_stopped(
    (layout, shelf): (&Layout, &Shelf),
    Bench { me, directory, own, .. }: &Bench<'_>,
    now: Timestamp,
    change: Change,
) -> Result<Option<Directory>, Failure> {
    let fail = |cause: KeyError| key_failure(&cause);
    let seal = own.seal_in_force(directory, me, now).map_err(fail)?;
    let known = directory.entry(me).ok().and_then(|entry| entry.part_b_file()).map(|(bytes, _)| bytes);
    let amended = Sheet::new(layout.part_b()).amend(known, &seal, now, change).map_err(fail)?;
    let Some(bytes) = amended else { return Ok(None) };
    let next = directory.update(&Documents::part_b(&bytes), now).map_err(|cause| fail(cause.into()))?;
    joining::keep(shelf, &next)?;
    Ok(Some(next))
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

/// Certifies the issuing key by the root in force while the one before, which vouches only for a while, still has a part of it to go.
///
/// # Errors
/// As for [`rotate`].
pub async fn follow_root(gateway: &Gateway) -> Result<(), NodeError> {
    let Some(own) = gateway.generations() else { return Ok(()) };
    let directory = gateway.directory();
    let entry = directory.entry(gateway.me()).map_err(KeyError::from)?;
    let issuing = own.issuing(entry)?;
    let (part, now) = (entry.part_a().clone(), gateway.now());
    if !is_to_go_over(&part, now) || entry.is_certified_by_root_in_force(&issuing.der, now) {
        return Ok(());
    }
    // The root key may be kept elsewhere: then an officer rotates the gateway key while it is here.
    let Ok(root) = own.root(&part) else { return Ok(()) };
    let _turn = gateway.rotating.lock().await;
    let bench = Bench { me: gateway.me(), machine: &gateway.machine, directory: &directory, own: &own };
    let (_, change) = bench.issuing(&root, ISSUING_KEPT)?;
    gossip::amend_own_part(gateway, change).await
}

/// Tells whether the root before the one in force has little time left, or none if it may have been stolen.
fn is_to_go_over(part: &PartA, now: Timestamp) -> bool {
    let before = part.roots.iter().rev().nth(1).and_then(|root| root.retired.as_ref());
    before.is_some_and(|retired| retired.at.seconds_since(now) <= CHANGEOVER)
}

type Made = (String, crate::model::Digest);
type Change = Box<dyn FnOnce(&mut PartB) + Send>;

/// What a rotation comes to: a key that lies in its folder, and what is to be published of it.
struct Prepared {
    made: Made,
    /// The file of the next part A.
    part_a: Option<Vec<u8>>,
    part_b: Option<Change>,
}

/// Where keys of a party are made: its folders, its machine, and what the directory says of it.
struct Bench<'a> {
    me: &'a Party,
    machine: &'a Machine,
    directory: &'a Directory,
    own: &'a Generations,
}

impl Bench<'_> {
    fn prepare(&self, part: PartA, root: &Generation, order: &Order) -> Result<Prepared, KeyError> {
        Ok(match (order.what, order.compromised_since) {
            (KeyUse::Log, _) => {
                let (made, change) = self.log(root, order)?;
                Prepared { made, part_a: None, part_b: Some(change) }
            }
            (KeyUse::Gateway, None) => {
                let (made, change) = self.issuing(root, ISSUING_KEPT)?;
                Prepared { made, part_a: None, part_b: Some(change) }
            }
            (KeyUse::Gateway, Some(since)) => {
                let next = self.revoking(part, root, since)?;
                let (made, change) = self.issuing(root, 1)?;
                Prepared { made, part_a: Some(next), part_b: Some(change) }
            }
            (KeyUse::Seal | KeyUse::Root, _) => {
                let (made, next) = self.amended(part, root, order)?;
                Prepared { made, part_a: Some(next), part_b: None }
            }
        })
    }

    /// Makes a key of the next generation with its certificate.
    fn make(&self, (base, role): (&str, Role), root: Option<&SigningKey>) -> Result<Generation, KeyError> {
        let (mut entropy, now, own) = (self.machine.entropy(), self.machine.now(), self.own);
        let name = name(base, own.next(base));
        let key = own.folder().new_signing(&name, &mut *entropy)?;
        let days = if role == Role::Root { ROOT_DAYS } else { KEY_DAYS };
        let issued = certify(role, self.me, &key, root.unwrap_or(&key), (now, days), &mut *entropy)?;
        write_new(&own.pki().join(format!("{name}.pem")), issued.pem.as_bytes(), 0o644)?;
        Ok(Generation { name, x5t: thumbprint(&issued.der), der: issued.der, key })
    }

    fn log(&self, root: &Generation, order: &Order) -> Result<(Made, Change), KeyError> {
        let own = self.own;
        // A relay keeps no log that is anchored, and has no twin.
        let twin = if own.folder().holds("log-pq") { Some(self.twin()?) } else { None };
        let made = self.make(("log", Role::Log), Some(&root.key))?;
        let retired = order.retirement(self.machine.now());
        let entry = LogEntry { certificate: made.der.clone().into(), twin, retired: None };
        let change = move |part: &mut PartB| {
            for before in part.logs.iter_mut().filter(|log| log.retired.is_none()) {
                before.retired = Some(retired.clone());
            }
            part.logs.push(entry);
        };
        Ok(((made.name, made.x5t), Box::new(change)))
    }

    /// Makes the twin of the next log key, and returns its digest. It comes first: a log key without one would not be opened.
    fn twin(&self) -> Result<Digest, KeyError> {
        let (own, mut entropy) = (self.own, self.machine.entropy());
        let name = name("log-pq", own.next("log"));
        if !own.folder().holds(&name) {
            own.folder().save(&name, PqSigningKey::generate(&mut *entropy).seed(), &mut *entropy)?;
        }
        let twin = PqSigningKey::from_seed(&*own.folder().open(&name)?);
        Ok(twin_digest(&twin.verifying_key()))
    }

    /// Makes another issuing key, and publishes so many of the newest.
    fn issuing(&self, root: &Generation, kept: usize) -> Result<(Made, Change), KeyError> {
        let made = self.make(("issuing", Role::Issuing), Some(&root.key))?;
        let der = made.der;
        let change = move |part: &mut PartB| {
            part.issuing.push(der.into());
            let over = part.issuing.len().saturating_sub(kept);
            part.issuing.drain(..over);
        };
        Ok(((made.name, made.x5t), Box::new(change)))
    }

    /// Revokes every issuing certificate that is published, from an instant on; returns the file of the next part A. A
    /// gateway key signs no act, so that nothing which was said needs a mark: its certificate is refused, by whoever
    /// shows it.
    fn revoking(&self, part: PartA, root: &Generation, since: Timestamp) -> Result<Vec<u8>, KeyError> {
        let now = self.machine.now();
        let published = self.directory.entry(self.me)?.part_b().map_or(&[][..], |b| &b.issuing);
        let stolen: Vec<(&[u8], Timestamp)> = published.iter().map(|der| (der.as_slice(), since)).collect();
        let mut next = PartA { version: part.version + 1, issued: now, ..part };
        next.revoke(&stolen, &root.key, now)?;
        sealed(&next, &root.key)
    }

    /// Changes part A: another seal, or another root that the one before vouches for. Returns what was made and the file.
    fn amended(&self, part: PartA, root: &Generation, order: &Order) -> Result<(Made, Vec<u8>), KeyError> {
        let now = self.machine.now();
        let retired = order.retirement(now);
        let mut next = PartA { version: part.version + 1, issued: now, ..part };
        let (made, signer) = if order.what == KeyUse::Root {
            let made = self.make(("root", Role::Root), None)?;
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
            let made = self.make(("seal", Role::Seal), Some(&root.key))?;
            for before in next.seals.iter_mut().filter(|seal| seal.retired.is_none()) {
                before.retired = Some(retired.clone());
            }
            next.seals.push(SealEntry { certificate: made.der.clone().into(), retired: None });
            (made, root.key.clone())
        };
        Ok(((made.name, made.x5t), sealed(&next, &signer)?))
    }
}

/// Signs a part A; what peers would refuse is never handed out.
fn sealed(next: &PartA, root: &SigningKey) -> Result<Vec<u8>, KeyError> {
    let bytes = next.sign(root)?.to_bytes();
    PartA::read_self_signed(&bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fixture::{NOW, party};

    #[test]
    fn a_gateway_goes_over_to_a_new_root_midway_and_at_once_if_the_old_one_was_stolen() {
        let mut part = PartA::first(party("XAA"), NOW, b"first root", b"seal");
        assert!(!is_to_go_over(&part, NOW), "there is no other");
        let order = |compromised_since| {
            Order::new(KeyUse::Root, "in time", compromised_since, NOW).expect("an order").retirement(NOW)
        };
        part.roots[0].retired = Some(order(None));
        part.roots.push(LinkedRoot {
            certificate: b"second root".to_vec().into(),
            link: None,
            retired: None,
        });
        let on = |day: i64| is_to_go_over(&part, NOW.saturating_add(day * DAY));
        assert_eq!([on(0), on(44), on(45), on(89), on(100)], [false, false, true, true, true]);
        part.roots[0].retired = Some(order(Some(NOW.saturating_add(-DAY))));
        assert!(is_to_go_over(&part, NOW));
    }
}
