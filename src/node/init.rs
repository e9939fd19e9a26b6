//! `gateway init`: makes the keys, certificates, card and configuration of a new gateway.

use crate::config::{Draft, Layout};
use crate::control::{ExitCode, Failure};
use crate::cose::PqSigningKey;
use crate::model::Timestamp;
use crate::node::clock;
use crate::node::entropy::OsEntropy;
use crate::node::keys::{KEY_DAYS, KeyError, KeyFolder, ROOT_DAYS, at, certify, write_new};
use crate::node::prekeys::{PrekeyKeeper, public_halves};
use crate::trust::{Card, CardTwin, Role, SignedTwin, thumbprint};
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
            format!("{} holds a gateway already", layout.data.display()),
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
    let card = make_card(options, &keys, now, &mut entropy)?;
    let text = toml::to_string(&card).expect("a card has a TOML form");
    let card_path = layout.pki().join("card.toml");
    write_new(&card_path, text.as_bytes(), 0o644)?;
    write_new(&layout.config, options.draft.to_toml().as_bytes(), 0o644)?;
    let root = thumbprint_of(&card)?;
    Ok(json!({
        "party": options.draft.party,
        "data": layout.data,
        "config": layout.config,
        "card": card_path,
        "root_sha256": root,
    }))
}

fn make_card(
    options: &InitOptions,
    keys: &KeyFolder,
    now: Timestamp,
    entropy: &mut OsEntropy,
) -> Result<Card, KeyError> {
    let party = &options.draft.party;
    let pki = options.layout.pki();
    let root = keys.new_signing("root", entropy)?;
    let issuing = keys.new_signing("issuing", entropy)?;
    let seal = keys.new_signing("seal", entropy)?;
    let log = keys.new_signing("log", entropy)?;
    let twin = PqSigningKey::generate(entropy);
    keys.save("log-pq", twin.seed(), entropy)?;
    keys.save("body", BodyKey::generate(entropy).reveal(), entropy)?;
    let root_cert = certify(Role::Root, party, &root, &root, (now, ROOT_DAYS), entropy)?;
    let issuing_cert = certify(Role::Issuing, party, &issuing, &root, (now, KEY_DAYS), entropy)?;
    let seal_cert = certify(Role::Seal, party, &seal, &root, (now, KEY_DAYS), entropy)?;
    let log_cert = certify(Role::Log, party, &log, &root, (now, KEY_DAYS), entropy)?;
    for (name, cert) in
        [("root", &root_cert), ("issuing", &issuing_cert), ("seal", &seal_cert), ("log", &log_cert)]
    {
        write_new(&pki.join(format!("{name}.pem")), cert.pem.as_bytes(), 0o644)?;
    }
    let keeper = PrekeyKeeper::new(keys.clone(), party.clone(), pki.join("card.toml"));
    keeper.turn(now, entropy)?;
    let seal = (seal, thumbprint(&seal_cert.der));
    let twin = SignedTwin::sign(party, thumbprint(&log_cert.der), twin.verifying_key(), (&seal.0, seal.1));
    Ok(Card {
        party: party.clone(),
        names: BTreeMap::from([("en".to_owned(), format!("National point of contact of {party}"))]),
        root: root_cert.pem,
        seals: vec![seal_cert.pem],
        logs: vec![log_cert.pem],
        revocations: None,
        suspended_since: None,
        prekeys: public_halves(party, &keeper.held()?, &seal, now),
        twins: vec![CardTwin::new(&twin)],
    })
}

fn thumbprint_of(card: &Card) -> Result<crate::model::Digest, KeyError> {
    Ok(thumbprint(&crate::trust::certificate_from_pem(&card.root)?))
}

fn parent(path: &Path) -> std::path::PathBuf {
    path.parent().map_or_else(|| ".".into(), Path::to_owned)
}
