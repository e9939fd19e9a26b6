//! What is looked at, one function for each thing; none of them changes anything.

use crate::model::{DAY, Entropy, Party, Timestamp};
use crate::node::doctor::exam::Found;
use crate::node::generations::Generations;
use crate::node::keys::{CREDENTIAL_BYTES, KeyError, KeyFolder, certify};
use crate::trust::issue::GATEWAY_DAYS;
use crate::trust::{Directory, Freshness, Role, TrustError, Usage, certificate_validity};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The day before which no clock of this release can be right: 2026-01-01.
const EARLIEST: i64 = 1_767_225_600;
/// The instant after which no clock of this release is believed: 2060-01-01.
const LATEST: i64 = 2_840_140_800;
/// How many days before its end a certificate is spoken of.
const SOON: i64 = 30;

/// The secret that unlocks the keys.
pub fn credential(path: &Path) -> Found {
    let shown = path.display();
    let read = fs::metadata(path).and_then(|meta| fs::read(path).map(|bytes| (meta, bytes.len())));
    match read {
        Err(cause) => Found::broken(
            format!("{shown}: {cause}"),
            format!("put the credential that `gateway init` wrote back at {shown}, readable by the gateway"),
        ),
        Ok((_, length)) if length < CREDENTIAL_BYTES => Found::broken(
            format!("{shown} has {length} bytes, not {CREDENTIAL_BYTES}"),
            "put the credential that `gateway init` wrote back; it was cut or replaced",
        ),
        Ok((meta, _)) if meta.permissions().mode() & 0o077 != 0 => Found::broken(
            format!("{shown} can be read by others than its owner"),
            format!("chmod 600 {shown}"),
        ),
        Ok(_) => Found::Sound(format!("{shown} is there, and only its owner reads it")),
    }
}

/// The sealed key files that a gateway cannot do without.
pub fn keys(folder: &Path, credential: &Path) -> Found {
    let opened = KeyFolder::unlock(folder, credential).and_then(|keys| {
        ["seal", "log", "issuing", "body"].into_iter().try_for_each(|name| keys.open(name).map(drop))
    });
    match opened {
        Ok(()) => Found::Sound("the seal, log, issuing and body keys open".to_owned()),
        Err(cause @ KeyError::Vault { .. }) => Found::broken(
            cause,
            "the credential is not the one that sealed this file, or the file is damaged: restore both from one backup",
        ),
        Err(cause) => Found::broken(cause, "restore the file from the last backup, `valise gateway restore`"),
    }
}

/// The space that the store may use.
pub fn disk(free: std::io::Result<u64>, floor: u64) -> Found {
    let mib = |bytes: u64| bytes >> 20;
    match free {
        Err(cause) => Found::broken(cause, "look at the disk and the permissions of the store's folder"),
        Ok(free) if free < floor => Found::broken(
            format!("{} MiB are free, and the gateway takes nothing in below {}", mib(free), mib(floor)),
            format!("free {} MiB on the disk of the store", mib(floor - free) + 1),
        ),
        Ok(free) => Found::Sound(format!("{} MiB are free", mib(free))),
    }
}

/// The clock, against the calendar and the newest record of our own.
pub fn clock(now: Timestamp, newest: Option<Timestamp>) -> Found {
    let fix = "set the clock of this machine (`timedatectl status`), then start the gateway again";
    if !(EARLIEST..LATEST).contains(&now.unix()) {
        return Found::broken(format!("the clock says {now}, which cannot be"), fix);
    }
    match newest {
        Some(newest) if newest > now => {
            Found::broken(format!("the clock says {now}, but the store's newest record is of {newest}"), fix)
        }
        Some(newest) => Found::Sound(format!("{now}; the newest record is of {newest}")),
        None => Found::Sound(format!("{now}; the store has no record yet")),
    }
}

/// The chains from our own keys to the root: walked as a peer walks them, for the keys that the directory puts in force.
pub fn certificates(
    own: &Generations,
    (directory, me): (&Directory, &Party),
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Found {
    match chains(own, (directory, me), now, entropy) {
        Ok(ends) if ends < now.saturating_add(SOON * DAY) => Found::Sound(format!(
            "all chains lead to the root; the first ends at {ends}: `valise identity rotate` before"
        )),
        Ok(ends) => Found::Sound(format!("all chains lead to the root; the first ends at {ends}")),
        Err(Fault { detail, fix }) => Found::broken(detail, fix),
    }
}

/// A chain that does not hold.
struct Fault {
    detail: String,
    fix: String,
}

/// Returns when the first of our certificates ends.
fn chains(
    own: &Generations,
    (directory, me): (&Directory, &Party),
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Timestamp, Fault> {
    let entry = directory.entry(me).map_err(|e| fault("the directory", &e))?;
    entry.root().check(Role::Root, now).map_err(|e| fault("root", &e))?;
    let found = own.in_force(directory, me, now).map_err(|e| missing(own, &e))?;
    let mut ends = entry.root().validity.not_after;
    for (role, (key, x5t)) in [(Role::Seal, &found.seal), (Role::Log, &found.log)] {
        let listed = entry.certificate(role, x5t).map_err(|e| fault(&role.to_string(), &e))?;
        listed.check(role, now).map_err(|e| fault(&role.to_string(), &e))?;
        if key.verifying_key() != listed.key {
            return Err(unmatched(own, role));
        }
        ends = ends.min(listed.validity.not_after);
    }
    let issuing = own.issuing(entry).map_err(|e| missing(own, &e))?;
    let lasts = certificate_validity(Role::Issuing, &issuing.der).map_err(|e| fault("issuing", &e))?;
    let subject = crate::cose::SigningKey::generate(entropy);
    let gateway = certify(Role::Gateway, me, &subject, &issuing.key, (now, GATEWAY_DAYS), entropy)
        .map_err(|e| missing(own, &e))?;
    directory.verify_gateway(&gateway.der, &[&issuing.der], Usage::Server, now).map_err(|e| {
        if e.code() == "bad-signature" { unmatched(own, Role::Issuing) } else { fault("issuing", &e) }
    })?;
    Ok(ends.min(lasts.not_after))
}

fn unmatched(own: &Generations, role: Role) -> Fault {
    Fault {
        detail: format!("the {role} key that is held is not the one of its certificate"),
        fix: format!(
            "put the key and the certificate of one rotation together, from one backup: {} and {}",
            own.folder().folder().display(),
            own.pki().display()
        ),
    }
}

fn missing(own: &Generations, cause: &dyn std::fmt::Display) -> Fault {
    let (keys, pki) = (own.folder().folder(), own.pki());
    Fault {
        detail: cause.to_string(),
        fix: format!("put {} and {} back from the last backup", keys.display(), pki.display()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
fn fault(what: &str, cause: &TrustError) -> Fault {
    let fix = match cause {
        TrustError::NotYetValid { .. } => "set the clock of this machine: the certificate begins later",
        TrustError::Suspended { .. } => "the party is suspended; ask the federation's authority why",
        TrustError::Revoked { .. } | TrustError::Retired { .. } | TrustError::Compromised { .. } => {
            "`valise identity rotate` makes another key, while the gateway runs"
        }
        _ => "have the party's root certify the key again: `valise identity rotate`, while the gateway runs",
    };
    Fault { detail: format!("{what}: {cause}"), fix: fix.to_owned() }
}

/// The prekeys to which peers seal what they send us.
pub fn prekeys(
    (directory, me): (&Directory, &Party),
    held: &[(Vec<u8>, crate::cose::KemPrivate)],
    now: Timestamp,
) -> Found {
    let fix = "start the gateway again: it makes its own prekeys and publishes them";
    match directory.prekey(me, now) {
        Err(cause) => Found::broken(cause, fix),
        Ok(prekey) if held.iter().any(|(id, _)| *id == prekey.id.0) => Found::Sound(format!(
            "{} are held; peers seal to one that serves until {}",
            held.len(),
            prekey.validity.not_after
        )),
        Ok(_) => Found::broken("peers seal to a prekey whose private half is not held", fix),
    }
}

/// How old the directory is: a stale one still receives, but lets nothing restricted out.
pub fn freshness(directory: &Directory, now: Timestamp) -> Found {
    match directory.freshness(now) {
        Freshness::Fresh { until } => Found::Sound(format!("fresh until {until}")),
        Freshness::Stale { since, what } => Found::broken(
            format!("{what} has expired: stale since {since}, and nothing restricted leaves"),
            "`valise federation sync`; if nobody has newer documents, ask the federation's authority to publish",
        ),
    }
}

/// What the directory says of a peer, before anything is sent.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
pub fn standing(directory: &Directory, peer: &Party, now: Timestamp) -> Result<(), Found> {
    let checked = directory.entry(peer).and_then(|entry| entry.check(now));
    checked.map_err(|cause| {
        let fix = match &cause {
            TrustError::Suspended { .. } => format!("{peer} is suspended; only the federation lifts that"),
            _ => format!("get the newest documents of {peer} from its NPC or from another gateway"),
        };
        Found::broken(cause, fix)
    })
}

/// What to do about a peer that is not reached.
pub fn unreached(peer: &Party, address: &str, cause: &str) -> Found {
    Found::broken(
        format!("not reached at {address}: {cause}"),
        format!(
            "let UDP to {address}, or TCP, out through the firewall, and ask {peer} whether its gateway runs; what waits is sent as soon as it answers"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn fix(found: &Found) -> Option<&str> {
        if let Found::Broken { fix, .. } = found { Some(fix) } else { None }
    }

    #[test]
    fn a_clock_before_this_release_or_behind_the_store_is_wrong() {
        let newest = Some(at("2027-03-01T00:00:00Z"));
        for (now, newest, sound) in [
            ("1970-01-01T00:00:07Z", None, false),
            ("2099-01-01T00:00:00Z", None, false),
            ("2027-02-28T23:59:59Z", newest, false),
            ("2027-03-01T00:00:00Z", newest, true),
            ("2027-03-01T00:00:00Z", None, true),
        ] {
            assert_eq!(fix(&clock(at(now), newest)).is_none(), sound, "{now}");
        }
    }

    #[test]
    fn a_full_disk_says_how_much_to_free() {
        assert_eq!(fix(&disk(Ok(10 << 20), 64 << 20)), Some("free 55 MiB on the disk of the store"));
        assert_eq!(disk(Ok(64 << 20), 64 << 20), Found::Sound("64 MiB are free".to_owned()));
    }

    #[test]
    fn a_credential_that_is_missing_short_or_open_to_others_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credential");
        assert!(fix(&credential(&path)).unwrap().starts_with("put the credential"));
        fs::write(&path, [1; 31]).unwrap();
        assert!(fix(&credential(&path)).unwrap().contains("cut or replaced"));
        fs::write(&path, [1; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(fix(&credential(&path)), Some(format!("chmod 600 {}", path.display()).as_str()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fix(&credential(&path)), None);
    }
}
