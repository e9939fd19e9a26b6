//! Processes that the demo started, known by a file that holds their number.

use super::{DemoError, io};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How often a wait looks again.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How many ticks a process has to end before it is killed; ten seconds.
const PATIENCE: u32 = 100;

/// One background process of a demo.
pub(super) struct Background {
    pid_file: PathBuf,
    log: PathBuf,
    /// Words that the command line of the process holds, so that a reused number is not mistaken for it.
    words: Vec<String>,
}

impl Background {
    pub(super) fn new(pid_file: PathBuf, log: PathBuf, words: Vec<String>) -> Self {
        Self { pid_file, log, words }
    }

    /// Starts it apart from our terminal; its output goes to the log.
    pub(super) fn start(&self, exe: &Path) -> Result<(), DemoError> {
        let shown = self.log.display();
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(io(format!("opening {shown}")))?;
        let errors = log.try_clone().map_err(io(format!("opening {shown}")))?;
        let child = Command::new(exe)
            .args(&self.words)
            .env_remove("VALISE_PROFILE")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(io(format!("starting {}", exe.display())))?;
        fs::write(&self.pid_file, child.id().to_string()).map_err(io("noting a process"))?;
        // While this process lives, the end of the other one must not leave a zombie.
        std::thread::spawn(move || {
            let mut child = child;
            child.wait()
        });
        Ok(())
    }

    /// Returns the process number if it runs.
    pub(super) fn pid(&self) -> Option<Pid> {
        let pid: i32 = fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line: Vec<&[u8]> = line.split(|b| *b == 0).skip(1).collect();
        let ours = self.words.iter().all(|word| line.contains(&word.as_bytes()));
        if ours { Pid::from_raw(pid) } else { None }
    }

    /// Ends it: asks first, then kills.
    pub(super) fn stop(&self) -> Result<(), DemoError> {
        self.signal(Signal::TERM)?;
        for _ in 0..PATIENCE {
            if self.pid().is_none() {
                return self.forget();
            }
            sleep(TICK);
        }
        self.kill()
    }

    /// Kills it without asking, as a power cut would.
    pub(super) fn kill(&self) -> Result<(), DemoError> {
        self.signal(Signal::KILL)?;
        while self.pid().is_some() {
            sleep(TICK);
        }
        self.forget()
    }

    fn signal(&self, signal: Signal) -> Result<(), DemoError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        match kill_process(pid, signal) {
            // It ended in between.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(cause) => Err(io("ending a process")(cause.into())),
        }
    }

    fn forget(&self) -> Result<(), DemoError> {
        match fs::remove_file(&self.pid_file) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(io("forgetting a process")(cause))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
