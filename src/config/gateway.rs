use crate::config::head::{self, Head};
use crate::config::policy::policy;
use crate::config::reader::{Document, Key, Origin, Section, Setting};
use crate::config::{Address, ConfigError, Layout, Policy, Roads};
use crate::model::{CountryKind, OfficerKey, Party, Role, Timestamp};
use crate::trust::federation::{NationalList, Pattern, Refusal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The form of an officer's or authority's name.
pub const SHORT_NAME: &str = "1 to 32 lowercase letters, digits or inner hyphens";

/// A gateway's settings, all of them checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    /// For whom the gateway speaks.
    pub party: Party,
    /// The UDP address on which it listens.
    pub listen: SocketAddr,
    /// The TCP address on which it listens, for peers whose UDP is blocked.
    pub listen_tcp: Option<SocketAddr>,
    /// The folder of keys, certificates and store.
    pub data: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The secret that unlocks the keys unattended.
    pub credential: PathBuf,
    /// Where peers are reached, in place of what they publish themselves.
    pub routes: Vec<(Party, Roads)>,
    /// Whom this State does not exchange with, whatever the federation admits.
    pub national: NationalList,
    /// The relays at which the gateway has a mailbox; it holds a line to each.
    pub relays: Vec<Party>,
    /// When the files of peers' acts are fetched.
    pub attachments: Fetch,
    /// When to act and warn.
    pub clocks: Clocks,
    /// Who may use the gateway.
    pub officers: Vec<Officer>,
    /// To whom content may be released.
    pub authorities: Vec<Authority>,
    /// How delivery is retried.
    pub retry: Retry,
    /// How the store uses the disk.
    pub store: Storage,
    /// What national policy narrows.
    pub policy: Policy,
    /// Whether this is a demo, in which a caller may choose the officer.
    pub demo: bool,
    /// What is logged.
    pub log: Log,
    /// Every value with its origin.
    pub settings: Vec<Setting>,
}

/// When the files of peers' acts are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// As soon as their act is here.
    Always,
    /// When an officer asks: the line is metered.
    OnRequest,
}

/// When to acknowledge and when to warn, in whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// After how many days the gateway acknowledges on its own; below the 7 of ISACS 8.3.1.
    pub auto_acknowledge_days: u32,
    /// How many days before its end the acknowledgement clock is due soon.
    pub warn_ack_days: u32,
    /// How many days before its end the response clock is due soon.
    pub warn_respond_days: u32,
}

/// An officer of the NPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// The name in acts and logs.
    pub name: String,
    /// The user that the socket's peer credentials must show; absent in a demo only.
    pub uid: Option<u32>,
    /// What the officer may do.
    pub role: Role,
    /// The agency to which the officer belongs, as policy names it.
    pub agency: Option<String>,
    /// The officer's own public key, by which a word for another's act is known.
    pub key: Option<OfficerKey>,
}

/// What kind of authority a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityKind {
    /// A competent authority, such as a criminal investigation department.
    Competent,
    /// A court.
    Court,
}

/// A national authority to which content may be released (ISACS 8.3.4.2 d).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: AuthorityKind,
    /// Whether the State has designated it.
    pub designated: bool,
}

/// How delivery is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause, in seconds.
    pub first_seconds: u32,
    /// The longest pause, in seconds.
    pub max_seconds: u32,
    /// For how many days delivery is tried.
    pub horizon_days: u32,
}

/// How the store uses the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The size of a journal segment, in MiB.
    pub segment_mib: u32,
    /// The free space below which nothing new is accepted, in MiB.
    pub free_floor_mib: u32,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A `tracing` filter such as `info` or `valise=debug`.
    pub filter: String,
    /// How it looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What stands outside the file but bears on it.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The default places.
    pub layout: &'a Layout,
    /// The text of the user database in the form of `passwd(5)`.
    pub passwd: &'a str,
    /// The value of `VALISE_LOG`, which goes before the file's filter.
    pub log: Option<&'a str>,
}

/// Tells whether a text is a [`SHORT_NAME`].
pub fn is_short_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl GatewayConfig {
    /// Reads the file of a layout, with the machine's users and `VALISE_LOG`.
    ///
    /// # Errors
    /// The file cannot be read, or its problems.
    pub fn load(layout: &Layout) -> Result<Self, ConfigError> {
        head::load(layout, Self::parse)
    }

    /// Reads the text of a file; paths in it start at the file's own folder.
    ///
    /// # Errors
    /// All problems of the file, not the first only.
    pub fn parse(text: &str, file: &Path, around: &Surroundings<'_>) -> Result<Self, ConfigError> {
        let (mut document, mut root) = Document::parse(text, file)?;
        let doc = &mut document;
        let whose = "the NPC's ISO 3166-1 alpha-3 code, such as GHA";
        let head = Head::read(&mut root, doc, whose, around.layout);
        let relays = root
            .texts(doc, Key("relays", "a list such as [\"org:relay-west\"], each a party of the directory"));
        let key = Key(
            "attachments",
            "on-request leaves the files of peers' acts where they are until an officer asks",
        );
        let attachments =
            root.choice(doc, key, &[("always", Fetch::Always), ("on-request", Fetch::OnRequest)]);
        if attachments.is_none() {
            doc.setting(key.0.to_owned(), "always".to_owned(), Origin::Default);
        }
        let demo = demo(&mut root, doc, head.party(), head.listen());
        let routes = routes(&mut root, doc);
        let national = refusals(&mut root, doc);
        let clocks = clocks(&mut root, doc);
        let officers = officers(&mut root, doc, demo, around.passwd);
        let authorities = authorities(&mut root, doc);
        let (retry, store) = (retry(&mut root, doc), storage(&mut root, doc));
        let policy = policy(&mut root, doc, demo, &officers, &authorities);
        let log = log(&mut root, doc, around.log);
        root.finish(doc);
        let settings = document.finish()?;
        let (party, listen) = head.whole();
        Ok(Self {
            party,
            listen,
            listen_tcp: head.listen_tcp,
            data: head.data,
            socket: head.socket,
            credential: head.credential,
            routes,
            national,
            relays,
            attachments: attachments.unwrap_or(Fetch::Always),
            clocks,
            officers,
            authorities,
            retry,
            store,
            policy,
            demo,
            log,
            settings,
        })
    }
}

fn demo<'t>(
    root: &mut Section<'t>,
    doc: &mut Document<'t>,
    party: Option<&Party>,
    listen: Option<SocketAddr>,
) -> bool {
    let mut section = root.section(doc, Key("profile", "write it as a table"));
    let demo = section.flag(doc, Key("demo", "true lets a caller choose the officer"), false);
    let invented = |p: &Party| match p {
        Party::Npc { state, .. } => state.kind() == CountryKind::UserAssigned,
        Party::Org(name) => name.as_str().starts_with("demo-"),
    };
    if demo && party.is_some_and(|p| !invented(p)) {
        let hint = "a demo speaks for a user-assigned code such as XAA, or for org:demo-NAME, never for a real party";
        doc.problem(section.line(), "profile.demo", "is true for a real party".into(), hint);
    }
    if demo && listen.is_some_and(|l| !l.ip().is_loopback()) {
        doc.problem(section.line(), "profile.demo", "is true off loopback".into(), "listen on 127.0.0.1");
    }
    section.finish(doc);
    demo
}

fn refusals<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> NationalList {
    let mut national = NationalList::default();
    for mut entry in root.list(doc, Key("refusal", "write [[refusal]] before each refusal")) {
        let key = Key("party", "a party, 'GHA/*' for a State with all its NPCs, or 'org:*'");
        let whom: Option<Pattern> = entry.text(doc, key);
        let whom = entry.required(doc, key, whom);
        let since: Option<Timestamp> =
            entry.text(doc, Key("since", "an instant such as 2026-03-01T00:00:00Z"));
        let key = Key("reason", "why; shown to our own officers only");
        let reason: Option<String> = entry.text(doc, key);
        let reason = entry.required(doc, key, reason);
        if let (Some(whom), Some(reason)) = (whom, reason) {
            national.refusals.push(Refusal { whom, since: since.unwrap_or(Timestamp::EPOCH), reason });
        }
        entry.finish(doc);
    }
    national
}

fn routes<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> Vec<(Party, Roads)> {
    let mut routes: Vec<(Party, Roads)> = Vec::new();
    for mut entry in root.list(doc, Key("route", "write [[route]] before each route")) {
        let key = Key("party", "an ISO 3166-1 alpha-3 code, 'GHA/desk' or 'org:name'");
        let party: Option<Party> = entry.text(doc, key);
        let party = entry.required(doc, key, party);
        let key = Key("address", "host:port, such as npc.example.org:4620");
        let address = entry.text(doc, key);
        let address: Option<Address> = entry.required(doc, key, address);
        let tcp = entry.text(doc, Key("tcp", "host:port, if TCP is reached elsewhere than at the address"));
        if let (Some(party), Some(address)) = (party, address) {
            if routes.iter().any(|(known, _)| *known == party) {
                let what = format!("repeats {party}");
                doc.problem(entry.line(), &entry.name("party"), what, "one route a party");
            }
            routes.push((party, Roads { tcp, ..Roads::from(address) }));
        }
        entry.finish(doc);
    }
    routes
}

fn clocks<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> Clocks {
    let mut section = root.section(doc, Key("clocks", "write it as a table"));
    let auto = Key("auto_acknowledge_days", "it must leave before the seven days of ISACS 8.3.1 end");
    let warn_ack = Key("warn_ack_days", "within the seven days of ISACS 8.3.1");
    let warn_respond = Key("warn_respond_days", "within the eight weeks of ISACS 8.3.3");
    let clocks = Clocks {
        auto_acknowledge_days: section.integer(doc, auto, 1..=6, 5),
        warn_ack_days: section.integer(doc, warn_ack, 1..=6, 2),
        warn_respond_days: section.integer(doc, warn_respond, 1..=55, 14),
    };
    section.finish(doc);
    clocks
}

fn officers<'t>(root: &mut Section<'t>, doc: &mut Document<'t>, demo: bool, passwd: &str) -> Vec<Officer> {
    let roles = Role::ALL.map(|role| (role.code(), role));
    let mut officers: Vec<Officer> = Vec::new();
    for mut entry in root.list(doc, Key("officer", "write [[officer]] before each officer")) {
        let name = name(&mut entry, doc);
        let key = Key("role", "see `gateway.toml` in config/");
        let role = entry.choice(doc, key, &roles);
        let role = entry.required(doc, key, role);
        let uid = login(&mut entry, doc, demo, passwd);
        let agency: Option<String> = entry.text(doc, Key("agency", "a word such as police"));
        let own = Key("key", "as `valise officer key` writes it, such as ed25519:5f0c...");
        let key: Option<OfficerKey> = entry.text(doc, own);
        let line = entry.line();
        if name.as_ref().is_some_and(|name| officers.iter().any(|o| o.name == *name)) {
            doc.problem(line, &entry.name("name"), "is given twice".into(), "one entry an officer");
        }
        if uid.is_some() && officers.iter().any(|o| o.uid == uid) {
            let hint = "the socket must tell officers apart; give each an account";
            doc.problem(line, &entry.name("uid"), "is another officer's account".into(), hint);
        }
        if key.is_some() && officers.iter().any(|o| o.key == key) {
            let hint = "nobody may speak for two officers; each makes a key of their own";
            doc.problem(line, &entry.name("key"), "is another officer's key".into(), hint);
        }
        if let (Some(name), Some(role)) = (name, role) {
            officers.push(Officer { name, uid, role, agency, key });
        }
        entry.finish(doc);
    }
    if officers.is_empty() {
        doc.problem(0, "officer", "is missing".into(), "nobody could use the gateway; add an [[officer]]");
    }
    officers
}

/// Finds the account of an officer; a demo, in which callers choose the officer, needs none.
fn login<'t>(entry: &mut Section<'t>, doc: &mut Document<'t>, demo: bool, passwd: &str) -> Option<u32> {
    let given = (entry.has("uid"), entry.has("user"));
    let uid = Key("uid", "the number of a user account");
    let user = Key("user", "the name of a user account on this machine");
    let by_name: Option<String> = entry.text(doc, user);
    let name = entry.name("user");
    match given {
        (true, false) => Some(entry.integer(doc, uid, 0..=u32::MAX, 0)),
        (false, true) => by_name.and_then(|wanted| {
            let found = uid_of(&wanted, passwd);
            if found.is_none() {
                let what = format!("'{wanted}' is no local account");
                doc.problem(entry.line(), &name, what, "give uid = NUMBER for an account from a directory");
            }
            found
        }),
        (false, false) if demo => None,
        (true, true) | (false, false) => {
            let what = "needs one of uid and user".into();
            doc.problem(entry.line(), &name, what, "it ties the officer to an account");
            None
        }
    }
}

fn uid_of(user: &str, passwd: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next() == Some(user)).then(|| parts.nth(1)?.parse().ok()).flatten()
    })
}

fn authorities<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> Vec<Authority> {
    let kinds = [("competent", AuthorityKind::Competent), ("court", AuthorityKind::Court)];
    let mut authorities: Vec<Authority> = Vec::new();
    for mut entry in root.list(doc, Key("authority", "write [[authority]] before each authority")) {
        let name = name(&mut entry, doc);
        let key = Key("kind", "a court is bound by h1, others are not");
        let kind = entry.choice(doc, key, &kinds);
        let kind = entry.required(doc, key, kind);
        let designated = entry.flag(doc, Key("designated", "see ISACS 8.3.4.2 d"), false);
        if name.as_ref().is_some_and(|name| authorities.iter().any(|a| a.name == *name)) {
            doc.problem(entry.line(), &entry.name("name"), "is given twice".into(), "one entry an authority");
        }
        if let (Some(name), Some(kind)) = (name, kind) {
            authorities.push(Authority { name, kind, designated });
        }
        entry.finish(doc);
    }
    authorities
}

fn name<'t>(entry: &mut Section<'t>, doc: &mut Document<'t>) -> Option<String> {
    let key = Key("name", SHORT_NAME);
    let text: Option<String> = entry.text(doc, key);
    let text = entry.required(doc, key, text)?;
    if !is_short_name(&text) {
        doc.problem(entry.line(), &entry.name("name"), format!("'{text}' is no name"), key.1);
        return None;
    }
    Some(text)
}

fn retry<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> Retry {
    let mut section = root.section(doc, Key("retry", "write it as a table"));
    let max = Key("max_seconds", "after an outage a peer is tried at least once an hour");
    let horizon = Key("horizon_days", "weeks of outage are normal; two are the least");
    let retry = Retry {
        first_seconds: section.integer(doc, Key("first_seconds", "seconds"), 1..=3600, 5),
        max_seconds: section.integer(doc, max, 1..=3600, 3600),
        horizon_days: section.integer(doc, horizon, 14..=365, 60),
    };
    if retry.first_seconds > retry.max_seconds {
        let what = format!("is below first_seconds = {}", retry.first_seconds);
        doc.problem(section.line(), "retry.max_seconds", what, "the pause only grows");
    }
    section.finish(doc);
    retry
}

pub(super) fn storage<'t>(root: &mut Section<'t>, doc: &mut Document<'t>) -> Storage {
    let mut section = root.section(doc, Key("store", "write it as a table"));
    let floor = Key("free_floor_mib", "below it nothing new is accepted, so that nothing is lost");
    let store = Storage {
        segment_mib: section.integer(doc, Key("segment_mib", "MiB"), 1..=1024, 64),
        free_floor_mib: section.integer(doc, floor, 16..=1_048_576, 256),
    };
    section.finish(doc);
    store
}

pub(super) fn log<'t>(root: &mut Section<'t>, doc: &mut Document<'t>, variable: Option<&str>) -> Log {
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    let mut section = root.section(doc, Key("log", "write it as a table"));
    let key = Key("filter", "such as info, warn or valise=debug");
    let in_file: Option<String> = section.text(doc, key);
    let filter = if let Some(filter) = variable {
        doc.overridden(&section.name("filter"), filter, Origin::Environment("VALISE_LOG"));
        filter.to_owned()
    } else {
        section.or_default(doc, key, in_file, "info".to_owned())
    };
    let format = section.choice(doc, Key("format", "auto is JSON when not on a terminal"), &formats);
    if format.is_none() {
        doc.setting("log.format".into(), "auto".into(), Origin::Default);
    }
    section.finish(doc);
    Log { filter, format: format.unwrap_or(LogFormat::Auto) }
}
