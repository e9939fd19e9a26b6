//! Logs: for people on a terminal, JSON otherwise; never names, serials or bodies (ISACS 8.4 a).

use crate::config::{Log, LogFormat};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error; a second start in one process changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    let human = match log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    // Only a test starts two gateways in one process; the first one's logging then serves both.
    let _ =
        if human { builder.with_ansi(stderr().is_terminal()).try_init() } else { builder.json().try_init() };
}
