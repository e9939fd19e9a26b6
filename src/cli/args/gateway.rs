use crate::config::{Address, Authority, AuthorityKind, Draft, DraftOfficer, SHORT_NAME, is_short_name};
use crate::model::{OfficerKey, OfficerKeyError, Party, Role};
use clap::{Args as ClapArgs, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// `gateway …`
#[derive(Clone, Debug, Subcommand)]
pub enum GatewayVerb {
    /// Make keys, certificates, settings and the public parts for a federation.
    Init(Box<Initial>),
    /// Run the node until it is told to stop.
    Serve,
    /// Show how the node is.
    Status,
    /// Find what keeps the gateway from working, and how to mend it; it may run or not.
    Doctor,
    /// Write one sealed file from which the gateway can be restored; it may run or not.
    Backup {
        /// Where to write it.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The file of the secret that will open it, at least 32 random bytes; keep it apart from the backup.
        #[arg(long, value_name = "FILE")]
        credential: PathBuf,
        /// Draw that secret into the file, which must not be there yet.
        #[arg(long)]
        make_credential: bool,
    },
    /// Put a gateway back from a backup, where none is.
    Restore {
        /// The backup.
        file: PathBuf,
        /// The file of the secret that opens it.
        #[arg(long, value_name = "FILE")]
        credential: PathBuf,
        /// Whose gateway it is, such as GHA.
        #[arg(long)]
        party: Party,
    },
    /// Show how the clock stands, or say that what it showed before was wrong.
    Clock {
        /// Go by what the machine's clock shows now, although it showed a later time before.
        #[arg(long, requires = "reason")]
        lower: bool,
        /// Why; it is recorded, and names no weapon and no person.
        #[arg(long, requires = "lower")]
        reason: Option<String>,
    },
    /// After a restore: go on without what a peer has not given back.
    Recover {
        /// The peer.
        #[arg(long, value_name = "STATE")]
        without: Party,
        /// Why; it is recorded.
        #[arg(long)]
        reason: String,
    },
}

/// What `gateway init` starts from.
#[derive(Clone, Debug, ClapArgs)]
pub struct Initial {
    /// For whom the gateway speaks, such as GHA.
    #[arg(long)]
    pub party: Party,
    /// The UDP address on which it listens.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:4620")]
    pub listen: SocketAddr,
    /// A relay at which it has a mailbox, such as org:relay-west, which the federation must have admitted too.
    #[arg(long = "relay", value_name = "PARTY")]
    pub relays: Vec<Party>,
    /// An officer: NAME:ROLE or NAME:ROLE:ACCOUNT; roles are clerk, officer, supervisor, auditor.
    #[arg(long = "officer", value_name = "NAME:ROLE", required = true)]
    pub officers: Vec<OfficerArg>,
    /// A national authority: NAME:KIND or NAME:KIND:designated; kinds are competent, court.
    #[arg(long = "authority", value_name = "NAME:KIND")]
    pub authorities: Vec<AuthorityArg>,
    /// Where other gateways reach it, host:port, or 'none' if nothing gets in; by default the listening address if
    /// it is no wildcard.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub address: Option<Told>,
    /// Make a demo gateway, in which callers choose the officer.
    #[arg(long)]
    pub demo: bool,
    /// How many officers must agree before anything goes out: 2, or 1 in a demo; other States see it.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=2))]
    pub approvals: Option<u32>,
    /// An officer's own public key, as `valise officer key` shows it: NAME=ed25519:HEX.
    #[arg(long = "officer-key", value_name = "NAME=KEY", value_parser = officer_key)]
    pub officer_keys: Vec<(String, OfficerKey)>,
}

/// `NAME:ROLE[:ACCOUNT]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerArg(pub DraftOfficer);

/// `NAME:KIND[:designated]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityArg(pub Authority);

impl Initial {
    /// Returns what the new gateway's settings start from.
    pub fn draft(&self) -> Draft {
        Draft {
            party: self.party.clone(),
            listen: self.listen,
            relays: self.relays.clone(),
            officers: self.officers.iter().map(|o| self.with_key(&o.0)).collect(),
            authorities: self.authorities.iter().map(|a| a.0.clone()).collect(),
            address: match &self.address {
                Some(Told(address)) => address.clone(),
                None if self.listen.ip().is_unspecified() => None,
                None => self.listen.to_string().parse().ok(),
            },
            demo: self.demo,
            approvals: self.approvals.unwrap_or(if self.demo { 1 } else { 2 }),
        }
    }

    fn with_key(&self, officer: &DraftOfficer) -> DraftOfficer {
        let key = self.officer_keys.iter().find(|(name, _)| *name == officer.name).map(|(_, key)| *key);
        DraftOfficer { key, ..officer.clone() }
    }
}

impl FromStr for OfficerArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (name, role) = parts.next().zip(parts.next()).ok_or("write NAME:ROLE")?;
        let role = Role::from_code(role).ok_or("a role is clerk, officer, supervisor or auditor")?;
        let user = parts.next().map(account).transpose()?;
        Ok(Self(DraftOfficer { name: short_name(name)?, role, user, key: None }))
    }
}

impl FromStr for AuthorityArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (name, kind) = parts.next().zip(parts.next()).ok_or("write NAME:KIND")?;
        let kind = match kind {
            "competent" => AuthorityKind::Competent,
            "court" => AuthorityKind::Court,
            _ => return Err("a kind is competent or court".into()),
        };
        let designated = match parts.next() {
            None => false,
            Some("designated") => true,
            Some(other) => return Err(format!("'{other}' is not 'designated'")),
        };
        Ok(Self(Authority { name: short_name(name)?, kind, designated }))
    }
}

/// The address that others are told; none for a gateway that only opens links itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told(pub Option<Address>);

fn address(text: &str) -> Result<Told, String> {
    if text == "none" {
        return Ok(Told(None));
    }
    text.parse().map(|address| Told(Some(address))).map_err(|why: &str| format!("it {why}"))
}

fn officer_key(text: &str) -> Result<(String, OfficerKey), String> {
    let (name, key) = text.split_once('=').ok_or("write NAME=ed25519:HEX")?;
    Ok((short_name(name)?, key.parse().map_err(|e: OfficerKeyError| e.to_string())?))
}

fn short_name(text: &str) -> Result<String, String> {
    is_short_name(text).then(|| text.to_owned()).ok_or_else(|| format!("a name is {SHORT_NAME}"))
}

fn account(text: &str) -> Result<String, String> {
    let ok = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    ok.then(|| text.to_owned()).ok_or_else(|| "an account is a user name on this machine".into())
}
