//! `gateway init`: makes the keys, certificates, card and configuration of a new gateway.

use crate::config::Layout;
use crate::control::{ExitCode, Failure};
use crate::cose::KemPrivate;
use crate::model::{MessageId, Party, Role as OfficerRole, Timestamp};
use crate::node::clock::Clock;
use crate::node::entropy::OsEntropy;
use crate::node::keys::{KEY_DAYS, KeyError, KeyFolder, PREKEY_DAYS, ROOT_DAYS, at, certify, write_new};
use crate::trust::{Card, CardPrekey, Prekey, PrekeyId, Role, SignedPrekey, Validity, thumbprint};
use crate::vault::BodyKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// What `gateway init` is told.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// For whom the gateway will speak.
    pub party: Party,
    /// Where everything goes.
    pub layout: Layout,
    /// The UDP address on which it will listen.
    pub listen: SocketAddr,
    /// The officers with their roles; on a demo they need no account.
    pub officers: Vec<(String, OfficerRole)>,
    /// Whether it is a demo of a user-assigned State.
    pub demo: bool,
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
    let now = Clock::default().now();
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
    write_new(&layout.config, configuration(options).as_bytes(), 0o644)?;
    let root = thumbprint_of(&card)?;
    Ok(json!({
        "party": options.party,
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
    let party = &options.party;
    let pki = options.layout.pki();
    let root = keys.new_signing("root", entropy)?;
    let issuing = keys.new_signing("issuing", entropy)?;
    let seal = keys.new_signing("seal", entropy)?;
    let log = keys.new_signing("log", entropy)?;
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
    let id = MessageId::random(entropy);
    let private = KemPrivate::generate(entropy);
    keys.save(&format!("prekey-{id}"), &private.seed(), entropy)?;
    let validity = Validity::days(now.saturating_add(-crate::model::DAY), PREKEY_DAYS);
    let prekey = Prekey { id: PrekeyId(id.0), public: private.public(), validity };
    let signed = SignedPrekey::sign(party, prekey, thumbprint(&seal_cert.der), &seal);
    Ok(Card {
        party: party.clone(),
        names: BTreeMap::from([("en".to_owned(), format!("National point of contact of {party}"))]),
        root: root_cert.pem,
        seals: vec![seal_cert.pem],
        logs: vec![log_cert.pem],
        revocations: None,
        suspended_since: None,
        prekeys: vec![CardPrekey::new(&signed)],
    })
}

fn thumbprint_of(card: &Card) -> Result<crate::model::Digest, KeyError> {
    Ok(thumbprint(&crate::trust::certificate_from_pem(&card.root)?))
}

/// Writes the configuration of a new gateway, with a comment above each setting that one may change.
fn configuration(options: &InitOptions) -> String {
    let mut text = format!(
        "# Configuration of a Valise gateway; `valise config check` explains what is wrong with it.\n\
         # config/gateway.toml in the source tree describes every setting.\n\
         party = \"{}\"\n\
         listen = \"{}\"\n",
        options.party, options.listen
    );
    if options.demo {
        text.push_str("\n[profile]\n# A demo lets the caller choose the officer with --as.\ndemo = true\n");
        text.push_str("\n[retry]\n# A demo tries again soon; a real gateway keeps the defaults.\n");
        text.push_str("first_seconds = 1\nmax_seconds = 5\n");
        text.push_str("\n[store]\nsegment_mib = 8\nfree_floor_mib = 16\n");
    }
    for (name, role) in &options.officers {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[officer]]\nname = \"{name}\"\nrole = \"{}\"\n", role.code());
        if !options.demo {
            let _ = writeln!(text, "user = \"{name}\"");
        }
    }
    if options.demo {
        for (name, kind, designated) in
            [("police-cid", "competent", true), ("high-court", "court", true), ("customs", "competent", false)]
        {
            let _ = write!(
                text,
                "\n[[authority]]\nname = \"{name}\"\nkind = \"{kind}\"\ndesignated = {designated}\n"
            );
        }
    }
    text
}

fn parent(path: &Path) -> std::path::PathBuf {
    path.parent().map_or_else(|| ".".into(), Path::to_owned)
}
