use crate::config::gateway::{log, storage};
use crate::config::head::{self, Head};
use crate::config::reader::{Document, Key};
use crate::config::{ConfigError, Layout, Log, Setting, Storage, Surroundings};
use crate::model::{CountryKind, DAY, Party};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The shortest custody of a relay that is no demo, in days: weeks of outage are normal.
const LEAST_DAYS: u32 = 14;

/// A relay's settings, all of them checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// For whom the relay speaks.
    pub party: Party,
    /// The UDP address on which it listens.
    pub listen: SocketAddr,
    /// The TCP address on which it listens, for members whose UDP is blocked.
    pub listen_tcp: Option<SocketAddr>,
    /// The folder of keys, certificates and store.
    pub data: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The secret that unlocks the keys unattended.
    pub credential: PathBuf,
    /// How long parcels are kept.
    pub custody: CustodyTerms,
    /// How much may wait.
    pub quota: Quota,
    /// How the store uses the disk.
    pub store: Storage,
    /// What is logged.
    pub log: Log,
    /// Every value with its origin.
    pub settings: Vec<Setting>,
}

/// How long parcels are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyTerms {
    /// For how many seconds at most; the sender's own expiry may be earlier.
    pub retention_seconds: u32,
    /// How often it is looked whether any has expired, in seconds.
    pub look_seconds: u32,
}

/// How much of one sender may wait, by lane; no other sender's parcels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// MiB of acts and answers.
    pub acts_mib: u32,
    /// Number of acts and answers.
    pub acts_parcels: u32,
    /// MiB of bulk.
    pub bulk_mib: u32,
    /// Number of bulk parcels.
    pub bulk_parcels: u32,
    /// MiB of bulk of all senders.
    pub bulk_total_mib: u32,
}

/// What a new relay's settings start from.
#[derive(Clone, Debug)]
pub struct RelayDraft {
    /// For whom the relay speaks.
    pub party: Party,
    /// The UDP address on which it listens.
    pub listen: SocketAddr,
    /// Whether it is a demo.
    pub demo: bool,
}

impl RelayDraft {
    /// Writes the settings as a file for [`RelayConfig::parse`].
    pub fn to_toml(&self) -> String {
        let mut out = format!(
            "# Settings of the relay {party}; docs/relay.md explains them.\n\
             party = \"{party}\"\nlisten = \"{listen}\"\n\n[profile]\ndemo = {demo}\n",
            party = self.party,
            listen = self.listen,
            demo = self.demo,
        );
        if self.demo {
            out.push_str("\n[custody]\nlook_seconds = 1\n");
            out.push_str("\n[store]\nsegment_mib = 8\nfree_floor_mib = 16\n");
        }
        out
    }
}

impl RelayConfig {
    /// Reads the file of a relay's layout.
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
        let whose = "the relay's own party, such as org:relay-west";
        let head = Head::read(&mut root, doc, whose, around.layout);
        let mut section = root.section(doc, Key("profile", "write it as a table"));
        let demo = section.flag(doc, Key("demo", "true allows short custody"), false);
        let real = |p: &Party| p.state().is_some_and(|s| s.kind() != CountryKind::UserAssigned);
        if demo && (head.party().is_some_and(real) || head.listen().is_some_and(|l| !l.ip().is_loopback())) {
            let hint = "a demo speaks for no State and listens on 127.0.0.1";
            doc.problem(section.line(), "profile.demo", "is true for a real relay".into(), hint);
        }
        section.finish(doc);
        let day = u32::try_from(DAY).unwrap_or(u32::MAX);
        let mut section = root.section(doc, Key("custody", "write it as a table"));
        let least = if demo { 1 } else { LEAST_DAYS * day };
        let key = Key("retention_seconds", "weeks of outage are normal; two are the least");
        let custody = CustodyTerms {
            retention_seconds: section.integer(doc, key, least..=365 * day, 60 * day),
            look_seconds: section.integer(doc, Key("look_seconds", "seconds"), 1..=3600, 60),
        };
        section.finish(doc);
        let quota = quota(&mut root, doc);
        let store = storage(&mut root, doc);
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
            custody,
            quota,
            store,
            log,
            settings,
        })
    }
}

fn quota<'t>(root: &mut crate::config::reader::Section<'t>, doc: &mut Document<'t>) -> Quota {
    let mut section = root.section(doc, Key("quota", "write it as a table"));
    let (mib, parcels) = ("MiB of one sender", "parcels of one sender");
    let quota = Quota {
        acts_mib: section.integer(doc, Key("acts_mib", mib), 1..=1_048_576, 256),
        acts_parcels: section.integer(doc, Key("acts_parcels", parcels), 1..=1_000_000, 20_000),
        bulk_mib: section.integer(doc, Key("bulk_mib", mib), 1..=1_048_576, 2048),
        bulk_parcels: section.integer(doc, Key("bulk_parcels", parcels), 1..=1_000_000, 20_000),
        bulk_total_mib: section.integer(doc, Key("bulk_total_mib", "MiB"), 1..=16_777_216, 16_384),
    };
    section.finish(doc);
    quota
}
