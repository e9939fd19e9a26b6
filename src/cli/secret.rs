//! Passphrases: from a file, a credential of the service manager or a terminal; never from the command line.

use crate::control::{ExitCode, Failure};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The name under which a service manager hands the passphrase over (`LoadCredential=`).
const CREDENTIAL: &str = "officer-passphrase";

/// Reads a passphrase: from the file named, from `VALISE_PASSPHRASE_FILE`, from the credential, or from the terminal
/// without an echo.
///
/// # Errors
/// There is none of these, or it cannot be read.
pub fn passphrase(file: Option<&Path>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let credential = || variable("CREDENTIALS_DIRECTORY").map(|d| d.join(CREDENTIAL)).filter(|f| f.exists());
    let named = file.map(Path::to_owned).or_else(|| variable("VALISE_PASSPHRASE_FILE")).or_else(credential);
    if let Some(path) = named {
        let unreadable = |cause| {
            Failure::new(
                ExitCode::BadData,
                "passphrase.unreadable",
                format!("cannot read {}", path.display()),
            )
            .hint("its first line is the passphrase")
            .cause(cause)
        };
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(unreadable)?);
        return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    if !io::stdin().is_terminal() || std::env::var_os("VALISE_NO_INPUT").is_some() {
        return Err(Failure::new(ExitCode::Usage, "passphrase.none", "the key needs its passphrase")
            .hint("name a file with --passphrase-file, or run this on a terminal"));
    }
    unseen(prompt).map_err(|cause| {
        Failure::new(ExitCode::Finding, "passphrase.terminal", "the terminal gave no passphrase").cause(cause)
    })
}

/// Asks twice, for a key that is about to be made.
///
/// # Errors
/// As for [`passphrase`], or the two differ.
pub fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let first = passphrase(file, "New passphrase (12 characters or more): ")?;
    let typed =
        file.is_none() && std::env::var_os("VALISE_PASSPHRASE_FILE").is_none() && io::stdin().is_terminal();
    if typed && *passphrase(None, "Again: ")? != *first {
        return Err(Failure::new(ExitCode::Usage, "passphrase.differs", "the two passphrases differ")
            .hint("nothing was made; begin again"));
    }
    Ok(first)
}

fn unseen(prompt: &str) -> io::Result<Zeroizing<String>> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    eprint!("{prompt}");
    io::stderr().flush()?;
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    read?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
