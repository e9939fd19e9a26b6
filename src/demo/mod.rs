//! Two States on this machine. The demo imports no room: it starts the same binary and uses the same verbs
//! as everybody, and owns nothing but a small UDP forwarder, so that a link can be cut.

mod ceremony;
mod child;
mod forward;
mod process;
mod stage;
mod story;

pub use child::{Child, Run};
pub use forward::forward;
pub use stage::{LinkWay, Place, RelayStatus, Stage, State, StateStatus};
pub use story::{Check, Step, Story};

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Says why the demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A folder is not a demo's, so that nothing in it is touched.
    #[error("{} holds other things than a demo", .0.display())]
    NotOurs(PathBuf),
    /// A file or process could not be used.
    #[error("{what}: {cause}")]
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// A verb ended otherwise than it must.
    #[error("`{line}` ended with {exit}: {said}")]
    Verb {
        /// The command line.
        line: String,
        /// Its exit code.
        exit: i32,
        /// What it said.
        said: String,
    },
    /// A node did not answer in time.
    #[error("the node of {place} does not answer; see {}", log.display())]
    NotReady {
        /// Which.
        place: Place,
        /// Its log.
        log: PathBuf,
    },
    /// The story was stopped from outside.
    #[error("interrupted")]
    Interrupted,
}

/// Plays the whole story on a stage, tells it line by line, and ends all its processes, however it ends:
/// a failed step and an interrupt too.
///
/// # Errors
/// Signals cannot be watched, or a process cannot be ended.
pub fn run(stage: &Stage, tell: &mut dyn FnMut(&str)) -> Result<Story, DemoError> {
    let halted = Arc::new(AtomicBool::new(false));
    watch_signals(Arc::clone(&halted)).map_err(io("watching for an interrupt"))?;
    let story = story::play(stage, &halted, tell);
    stage.stop()?;
    Ok(story)
}

/// Sets `halted` at the first interrupt or termination signal.
fn watch_signals(halted: Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        halted.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Gives an IO error the words for what was being done.
fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    let what = what.into();
    move |cause| DemoError::Io { what, cause }
}

#[cfg(test)]
mod tests;
