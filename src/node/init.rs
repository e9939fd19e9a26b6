//! `gateway init`: makes the keys, certificates, parts and settings of a new gateway.

use crate::config::{Authority, AuthorityKind, Draft, Layout};
use crate::control::{ExitCode, Failure};
use crate::cose::PqSigningKey;
use crate::model::{Digest, Timestamp};
use crate::node::clock;
use crate::node::entropy::OsEntropy;
use crate::node::keys::{KEY_DAYS, KeyError, KeyFolder, ROOT_DAYS, at, certify, write_new};
use crate::node::prekeys::{PrekeyKeeper, listed};
use crate::node::sheet::Sheet;
use crate::trust::federation::{CompetentAuthority, PartA, PartB, PrekeyEntry, Route};
use crate::trust::{Role, thumbprint, twin_digest};
use crate::vault::BodyKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What `gateway init` is told.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// What its settings start from.
    pub draft: Draft,
    /// Where everything goes.
    pub layout: Layout,
    /// What the party will run.
    pub serves: Serves,
}

/// What a new party runs, which decides the keys that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// A gateway.
    Gateway,
    /// A relay: it opens nothing, keeps no bodies and anchors no logs, and has no keys for any of that.
    Relay,
}

impl Serves {
    const fn noun(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Relay => "relay",
        }
    }
}

/// Makes a new gateway. It never overwrites: what is there already stays and is an error.
///
/// # Errors
/// [`ExitCode::Config`] if something is there already or cannot be written.
pub fn init(options: &InitOptions) -> Result<Value, Failure> {
    let layout = &options.layout;
    if layout.config.exists() || layout.keys().exists() {
        return Err(Failure::new(
            ExitCode::Config,
            "init.exists",
            format!("{} holds a {} already", layout.data.display(), options.serves.noun()),
        )
        .hint("choose another --data folder; nothing was changed"));
    }
    let now = clock::wall();
    make(options, now).map_err(|e| Failure::new(ExitCode::Config, "init.failed", &e).cause(e))
}

fn make(options: &InitOptions, now: Timestamp) -> Result<Value, KeyError> {
    let layout = &options.layout;
    let mut entropy = OsEntropy::new();
    for folder in [&layout.data, &layout.pki(), &parent(&layout.config), &parent(&layout.credential)] {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let keys = KeyFolder::create(&layout.keys(), &layout.credential, &mut entropy)?;
    let (root, a, b) = make_parts(options, &keys, now, &mut entropy)?;
    write_new(&layout.part_a(), &a, 0o644)?;
    write_new(&layout.part_b(), &b, 0o644)?;
    write_new(&layout.config, options.draft.to_toml().as_bytes(), 0o644)?;
    Ok(json!({
        "party": options.draft.party,
        "data": layout.data,
        "config": layout.config,
        "root_sha256": root,
    }))
}

/// Makes the keys with their certificates; returns the root's thumbprint and the files of both parts.
fn make_parts(
    options: &InitOptions,
    keys: &KeyFolder,
    now: Timestamp,
    entropy: &mut OsEntropy,
) -> Result<(Digest, Vec<u8>, Vec<u8>), KeyError> {
    let party = &options.draft.party;
    let pki = options.layout.pki();
    let root = keys.new_signing("root", entropy)?;
    let issuing = keys.new_signing("issuing", entropy)?;
    let seal = keys.new_signing("seal", entropy)?;
    let log = keys.new_signing("log", entropy)?;
    let root_cert = certify(Role::Root, party, &root, &root, (now, ROOT_DAYS), entropy)?;
    let issuing_cert = certify(Role::Issuing, party, &issuing, &root, (now, KEY_DAYS), entropy)?;
    let seal_cert = certify(Role::Seal, party, &seal, &root, (now, KEY_DAYS), entropy)?;
    let log_cert = certify(Role::Log, party, &log, &root, (now, KEY_DAYS), entropy)?;
    for (name, cert) in
        [("root", &root_cert), ("issuing", &issuing_cert), ("seal", &seal_cert), ("log", &log_cert)]
    {
        write_new(&pki.join(format!("{name}.pem")), cert.pem.as_bytes(), 0o644)?;
    }
    let (twin, prekeys) = match options.serves {
        Serves::Gateway => opening_keys(options, keys, now, entropy)?,
        Serves::Relay => (None, Vec::new()),
    };
    let a = part_a(options, now, &root_cert.der, &seal_cert.der).sign(&root)?.to_bytes();
    let b = PartB {
        issuing: vec![issuing_cert.der.clone().into()],
        prekeys,
        routes: routes(&options.draft),
        ..PartB::first(party.clone(), now, &log_cert.der, twin)
    };
    let b = b.sign(&thumbprint(&seal_cert.der), &seal)?.to_bytes();
    Ok((thumbprint(&root_cert.der), a, b))
}

/// Makes what a gateway has beyond a relay's keys: the log key's twin, the key of bodies at rest, and prekeys.
fn opening_keys(
    options: &InitOptions,
    keys: &KeyFolder,
    now: Timestamp,
    entropy: &mut OsEntropy,
) -> Result<(Option<Digest>, Vec<PrekeyEntry>), KeyError> {
    let twin = PqSigningKey::generate(entropy);
    keys.save("log-pq", twin.seed(), entropy)?;
    keys.save("body", BodyKey::generate(entropy).reveal(), entropy)?;
    let keeper = PrekeyKeeper::new(keys.clone(), Sheet::new(options.layout.part_b()));
    keeper.turn(now, 0, entropy)?;
    Ok((Some(twin_digest(&twin.verifying_key())), listed(&keeper.held()?, now)))
}

/// Where a new party is reached: at its own address first, then by its mailboxes.
fn routes(draft: &Draft) -> Vec<Route> {
    let direct = draft.address.iter().map(|address| Route::Quic(address.to_string()));
    direct.chain(draft.relays.iter().cloned().map(Route::Relay)).collect()
}

/// What the root says of a new party; its officers may have it say more before they ask to be admitted.
fn part_a(options: &InitOptions, now: Timestamp, root: &[u8], seal: &[u8]) -> PartA {
    let draft = &options.draft;
    let party = draft.party.clone();
    let authority = |a: &Authority| CompetentAuthority {
        name: a.name.clone(),
        court: a.kind == AuthorityKind::Court,
        designated: a.designated,
    };
    let name = match options.serves {
        Serves::Relay => format!("Relay {party}"),
        Serves::Gateway => format!("National point of contact of {party}"),
    };
    PartA {
        authorities: draft.authorities.iter().map(authority).collect(),
        languages: vec!["en".to_owned()],
        names: BTreeMap::from([("en".to_owned(), name)]),
        approvals: u8::try_from(draft.approvals.clamp(1, 2)).unwrap_or(2),
        ..PartA::first(party, now, root, seal)
    }
}

fn parent(path: &Path) -> std::path::PathBuf {
    path.parent().map_or_else(|| ".".into(), Path::to_owned)
}
