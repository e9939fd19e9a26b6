use crate::config::{Address, Authority, AuthorityKind};
use crate::model::{OfficerKey, Party, Role};
use std::fmt::Write;
use std::net::SocketAddr;

/// What a new gateway's settings start from; `gateway init` writes them down.
#[derive(Clone, Debug)]
pub struct Draft {
    /// For whom the gateway speaks.
    pub party: Party,
    /// The UDP address on which it listens.
    pub listen: SocketAddr,
    /// The relays at which it has a mailbox.
    pub relays: Vec<Party>,
    /// Who may use it.
    pub officers: Vec<DraftOfficer>,
    /// To whom content may be released.
    pub authorities: Vec<Authority>,
    /// Where other gateways reach it; told to them, not written down here.
    pub address: Option<Address>,
    /// Whether it is a demo.
    pub demo: bool,
    /// How many officers must agree to an act and to a release.
    pub approvals: u32,
}

/// An officer of a new gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftOfficer {
    /// The name in acts and logs.
    pub name: String,
    /// What the officer may do.
    pub role: Role,
    /// The user account; by default the one of the officer's name, and none in a demo.
    pub user: Option<String>,
    /// The officer's own public key.
    pub key: Option<OfficerKey>,
}

impl Draft {
    fn relays(&self) -> String {
        let names: Vec<String> = self.relays.iter().map(|relay| format!("\"{relay}\"")).collect();
        format!("relays = [{}]\n", names.join(", "))
    }

    /// Writes the settings as a file for [`crate::config::GatewayConfig::parse`].
    pub fn to_toml(&self) -> String {
        let mut out = format!(
            "# Settings of the gateway of {party}. `valise config show --origin` lists every setting in force.\n\
             party = \"{party}\"\nlisten = \"{listen}\"\n{relays}\n[profile]\ndemo = {demo}\n\n\
             # How many officers must agree before an act goes out or restricted information is released; with 1,\n\
             # the directory entry tells other States so.\n\
             [policy]\napprovals = {approvals}\nrelease_approvals = {approvals}\n",
            party = self.party,
            listen = self.listen,
            relays = if self.relays.is_empty() { String::new() } else { self.relays() },
            demo = self.demo,
            approvals = self.approvals,
        );
        if self.demo {
            // A demo tries again soon and needs little room; a real gateway keeps the defaults.
            out.push_str("\n[retry]\nfirst_seconds = 1\nmax_seconds = 5\n");
            out.push_str("\n[store]\nsegment_mib = 8\nfree_floor_mib = 16\n");
        }
        let mut add = |text: std::fmt::Arguments<'_>| out.write_fmt(text).expect("a String takes any text");
        for officer in &self.officers {
            add(format_args!(
                "\n[[officer]]\nname = \"{}\"\nrole = \"{}\"\n",
                officer.name,
                officer.role.code()
            ));
            if let Some(key) = officer.key {
                add(format_args!("key = \"{key}\"\n"));
            }
            if !self.demo {
                add(format_args!("user = \"{}\"\n", officer.user.as_ref().unwrap_or(&officer.name)));
            }
        }
        for authority in &self.authorities {
            let kind = match authority.kind {
                AuthorityKind::Competent => "competent",
                AuthorityKind::Court => "court",
            };
            add(format_args!("\n[[authority]]\nname = \"{}\"\nkind = \"{kind}\"\n", authority.name));
            add(format_args!("designated = {}\n", authority.designated));
        }
        out
    }
}
