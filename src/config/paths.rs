//! The one place where a file's whereabouts are decided: FHS for a service, XDG for a person,
//! everything below one folder for tests and the demo.

use crate::config::{ConfigError, Origin, is_short_name};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the environment says about where things lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `XDG_CONFIG_HOME` or `~/.config`.
    pub config_home: Option<PathBuf>,
    /// `XDG_DATA_HOME` or `~/.local/share`.
    pub data_home: Option<PathBuf>,
    /// `XDG_STATE_HOME` or `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// `CREDENTIALS_DIRECTORY`, which systemd sets.
    pub credentials: Option<PathBuf>,
    /// `VALISE_DEMO_DATA`.
    pub demo_data: Option<PathBuf>,
    /// Where the last `demo start` put its data, if it is still noted.
    pub demo_noted: Option<PathBuf>,
    /// Whether a service is configured on this machine.
    pub service: bool,
}

/// Where the files of one gateway lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The configuration, `valise.toml`.
    pub config: PathBuf,
    /// The folder of keys, certificates and store.
    pub data: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The secret that unlocks the keys unattended.
    pub credential: PathBuf,
    /// What chose this layout.
    pub origin: Origin,
}

impl Environment {
    /// Reads the variables of this process and the demo's note.
    pub fn read() -> Self {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let home = absolute("HOME");
        let below = |name: &str, rest: &str| absolute(name).or_else(|| home.as_ref().map(|h| h.join(rest)));
        let named = |name: &str| env::var_os(name).filter(|v: &OsString| !v.is_empty()).map(PathBuf::from);
        let mut read = Self {
            config_home: below("XDG_CONFIG_HOME", ".config"),
            data_home: below("XDG_DATA_HOME", ".local/share"),
            state_home: below("XDG_STATE_HOME", ".local/state"),
            runtime: absolute("XDG_RUNTIME_DIR"),
            credentials: absolute("CREDENTIALS_DIRECTORY"),
            demo_data: named("VALISE_DEMO_DATA"),
            demo_noted: None,
            service: Path::new("/etc/valise/valise.toml").exists(),
        };
        let note = read.demo_note().and_then(|note| std::fs::read_to_string(note).ok());
        read.demo_noted = note.map(|text| PathBuf::from(text.trim_end()));
        read
    }

    /// Returns the file in which `demo start` notes where its data lie, so that profiles find them.
    pub fn demo_note(&self) -> Option<PathBuf> {
        self.state_home.as_ref().map(|state| state.join("valise/demo-data"))
    }

    /// Returns where a demo's data lie by default.
    ///
    /// # Errors
    /// No home folder is known.
    pub fn demo_default(&self) -> Result<PathBuf, ConfigError> {
        let state = || self.state_home.as_ref().map(|state| state.join("valise/demo"));
        self.demo_data.clone().or_else(state).ok_or(ConfigError::NoHome)
    }

    /// Returns where the demo's data are: by `VALISE_DEMO_DATA`, by the note, or by default.
    ///
    /// # Errors
    /// No home folder is known.
    pub fn demo(&self) -> Result<PathBuf, ConfigError> {
        self.demo_data.clone().or_else(|| self.demo_noted.clone()).map_or_else(|| self.demo_default(), Ok)
    }
}

impl Layout {
    /// Puts everything below one folder (`--data DIR`).
    pub fn under(dir: &Path) -> Self {
        Self {
            config: dir.join("valise.toml"),
            data: dir.to_owned(),
            socket: dir.join("gateway.sock"),
            credential: dir.join("credential"),
            origin: Origin::Flag("--data"),
        }
    }

    /// Follows the Filesystem Hierarchy Standard, for a service.
    pub fn system(environment: &Environment) -> Self {
        let credentials = environment.credentials.clone();
        Self {
            config: "/etc/valise/valise.toml".into(),
            data: "/var/lib/valise".into(),
            socket: "/run/valise/gateway.sock".into(),
            credential: credentials.map_or_else(|| "/etc/valise/credential".into(), |dir| dir.join("valise")),
            origin: Origin::Default,
        }
    }

    /// Follows the XDG base directories, for a person.
    ///
    /// # Errors
    /// No home folder is known.
    pub fn person(environment: &Environment) -> Result<Self, ConfigError> {
        let below =
            |home: &Option<PathBuf>| home.as_ref().map(|h| h.join("valise")).ok_or(ConfigError::NoHome);
        let (config, data) = (below(&environment.config_home)?, below(&environment.data_home)?);
        let runtime = below(&environment.runtime).or_else(|_| below(&environment.state_home))?;
        Ok(Self {
            credential: config.join("credential"),
            config: config.join("valise.toml"),
            data,
            socket: runtime.join("gateway.sock"),
            origin: Origin::Default,
        })
    }

    /// Chooses by `--data`, then by profile, then by what is installed.
    ///
    /// # Errors
    /// A profile that does not exist, or no home folder.
    pub fn choose(
        data: Option<&Path>,
        profile: Option<&str>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        match (data, profile) {
            (Some(dir), _) => Ok(Self::under(dir)),
            (None, Some("system")) => Ok(Self::system(environment)),
            (None, Some("user")) => Self::person(environment),
            (None, Some(name)) => {
                let unknown = || ConfigError::UnknownProfile(name.to_owned());
                let state = name.strip_prefix("demo-").ok_or_else(unknown)?;
                let is_state = state.len() == 3 && state.bytes().all(|b| b.is_ascii_lowercase());
                let is_relay = state.starts_with("relay-") && is_short_name(state);
                (is_state || is_relay).then_some(()).ok_or_else(unknown)?;
                Ok(Self {
                    origin: Origin::Profile(name.to_owned()),
                    ..Self::under(&environment.demo()?.join(state))
                })
            }
            (None, None) if environment.service => Ok(Self::system(environment)),
            (None, None) => Self::person(environment),
        }
    }

    /// Returns where the files of a relay lie that a person or a service runs on the same machine; below a
    /// folder of its own only the names of settings and socket differ.
    #[must_use]
    pub fn of_relay(self) -> Self {
        let own = matches!(self.origin, Origin::Flag(_) | Origin::Profile(_));
        let beside = |path: &Path, name: &str| path.with_file_name(name);
        Self {
            config: beside(&self.config, "relay.toml"),
            socket: beside(&self.socket, "relay.sock"),
            credential: if own { self.credential } else { beside(&self.credential, "relay-credential") },
            data: if own { self.data } else { self.data.join("relay") },
            origin: self.origin,
        }
    }

    /// Returns the folder of private keys.
    pub fn keys(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// Returns the folder of certificates and of the public parts.
    pub fn pki(&self) -> PathBuf {
        self.data.join("pki")
    }

    /// Returns the file of this party's own part A.
    pub fn part_a(&self) -> PathBuf {
        self.pki().join("part-a.cbor")
    }

    /// Returns the file of this party's own part B, as `gateway init` made it.
    pub fn part_b(&self) -> PathBuf {
        self.pki().join("part-b.cbor")
    }

    /// Returns the folder of the verified directory.
    pub fn federation(&self) -> PathBuf {
        self.data.join("federation")
    }

    /// Returns the folder of journal and index.
    pub fn store(&self) -> PathBuf {
        self.data.join("store")
    }
}
