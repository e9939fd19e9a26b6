//! The highest instant that this gateway's own clock has shown, kept across restarts (DESIGN §7): time never runs
//! backwards here but by an officer's decision that is on record. No other party's word moves it. Beside it stands up to
//! when time is settled ([`Machine::settled`]), for which a leap of the clock is not enough.

use crate::control::ClockView;
use crate::model::{DAY, Timestamp};
use crate::node::error::NodeError;
use crate::node::gateway::{Gateway, Post};
use crate::node::keys::replace;
use crate::node::machine::Machine;
use crate::store::{Change, Ledger, LocalAct, StoreError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// How often the mark is written.
const WRITE: Duration = Duration::from_secs(60);
/// How far the wall clock may stand behind the mark without a word, in seconds: time servers make small steps.
pub const BEHIND: i64 = 120;

/// How far time may stand unsettled without a word, in seconds: a gateway is switched off for a night.
pub const UNSETTLED: i64 = 2 * DAY;

/// The marks as they are kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkFile {
    highest: Timestamp,
    settled: Option<Timestamp>,
}

/// Lets the machine's time go on from where it was; without a mark, from the newest record of our own.
///
/// # Errors
/// What the store says if its newest record cannot be read.
pub fn resume(
    machine: &Machine,
    data: &Path,
    ledger: &Ledger,
    peers: &[crate::model::Party],
) -> Result<(), StoreError> {
    let kept = fs::read_to_string(file(data)).ok().and_then(|text| toml::from_str::<MarkFile>(&text).ok());
    let newest = ledger.newest_leaf(peers)?;
    let (highest, settled) = kept.map_or((None, None), |kept| (Some(kept.highest), kept.settled));
    // What lies in the store was written, or was signed by a peer, when time had come so far.
    if let Some(settled) = settled.or(newest) {
        machine.settle_from(settled);
    }
    let mark = highest.or(newest);
    let Some(mark) = mark else { return Ok(()) };
    machine.raise(mark);
    let behind = mark.seconds_since(machine.wall());
    if behind > BEHIND {
        tracing::error!(
            behind_seconds = behind,
            "the clock stands behind what it has shown before; time stands still here until it has caught up"
        );
    }
    let unsettled = machine.now().seconds_since(machine.settled());
    if unsettled > UNSETTLED {
        tracing::warn!(
            unsettled_seconds = unsettled,
            "the clock is ahead of all that this gateway has run for or heard; what cannot be taken back waits for a word of a peer"
        );
    }
    Ok(())
}

/// Keeps the mark for as long as the gateway runs.
pub async fn keep(post: Post) {
    loop {
        note(&post.gateway);
        sleep(WRITE).await;
    }
}

/// Writes the mark down.
pub fn note(gateway: &Gateway) {
    let marks = MarkFile { highest: gateway.now(), settled: Some(gateway.machine.settled()) };
    let text = toml::to_string(&marks).expect("a mark has a TOML form");
    if let Err(cause) = replace(&file(&gateway.config.data), text.as_bytes()) {
        tracing::warn!(%cause, "the clock's mark was not written");
    }
}

/// Tells how the clock stands.
pub fn view(gateway: &Gateway) -> ClockView {
    let (now, wall) = (gateway.now(), gateway.machine.wall());
    let settled = gateway.machine.settled();
    ClockView { now, wall, behind_seconds: now.seconds_since(wall), settled, lowered_from: None }
}

/// Lowers the mark to what the clock shows now: an officer has found that it was ahead.
///
/// # Errors
/// [`NodeError::Unknown`] if the clock is not behind its mark, [`NodeError::Store`] if it was not committed.
pub async fn lower(gateway: &Gateway, officer: &str, reason: &str) -> Result<ClockView, NodeError> {
    let from = gateway.now();
    let to = gateway.machine.wall();
    if from.seconds_since(to) <= 0 {
        return Err(NodeError::NothingToLower(to));
    }
    let verb = format!("gateway.clock --lower from {from} to {to}: {reason}");
    let mut change = Change::default();
    change.local_act(LocalAct { at: from, officer: officer.to_owned(), verb, case: None })?;
    gateway.ledger.commit(change).await?.into_inner();
    gateway.machine.lower();
    note(gateway);
    tracing::warn!(%from, %to, officer, "the clock's mark was lowered");
    Ok(ClockView { lowered_from: Some(from), ..view(gateway) })
}

fn file(data: &Path) -> PathBuf {
    data.join("clock.toml")
}
