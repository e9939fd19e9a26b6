//! `relay status`: answers on the control socket; it tells what waits, and that is all a relay knows.

use super::Desk;
use crate::control;
use crate::control::{Command, ExitCode, Failure, MailboxView, RelayStatus, Reply, SourceView};
use crate::relay::Lane;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

/// How long a caller may say nothing.
const IDLE: Duration = Duration::from_secs(5);

/// Answers callers, one at a time, for as long as the relay runs.
pub async fn serve(desk: Desk, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Ok(Err(cause)) = timeout(IDLE, converse(&desk, stream)).await {
                    tracing::debug!(%cause, "a caller's connection ended");
                }
            }
            Err(cause) => {
                tracing::error!(%cause, "the control socket does not accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(desk: &Desk, mut stream: UnixStream) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let reply = match control::body_length(header) {
        Ok(length) => {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            match control::decode_call(&body) {
                Ok(call) => answer(desk, uid, &call.command).await,
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    };
    let bytes = control::encode(&reply).unwrap_or_else(|error| {
        let failure: Failure = error.into();
        control::encode::<Reply>(&Err(failure)).expect("a short failure always fits a frame")
    });
    stream.write_all(&bytes).await
}

async fn answer(desk: &Desk, uid: u32, command: &Command) -> Reply {
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(Failure::new(ExitCode::Denied, "relay.denied", "a relay answers its own account only")
            .hint("ask as the user that runs the relay, or as root"));
    }
    if !matches!(command, Command::RelayStatus) {
        let what = format!("a relay does not know '{}'", command.verb().replace('.', " "));
        return Err(Failure::new(ExitCode::Usage, "relay.verb", what)
            .hint("a relay has no cases and no officers; see `valise relay status`"));
    }
    let closed = || Failure::new(ExitCode::Unavailable, "relay.stopping", "the relay is stopping");
    let standing = desk.counter.standing().await.ok_or_else(closed)?;
    let mailbox = |(party, (parcels, oldest))| MailboxView { party, parcels, oldest };
    let source = |(party, lane, used): (_, Lane, crate::relay::Usage)| SourceView {
        party,
        lane: match lane {
            Lane::Acts => "acts",
            Lane::Bulk => "bulk",
        }
        .to_owned(),
        parcels: used.parcels,
        bytes: used.bytes,
    };
    let status = RelayStatus {
        party: desk.signer.party.clone(),
        since: desk.since,
        mailboxes: standing.mailboxes.into_iter().map(mailbox).collect(),
        sources: standing.usage.into_iter().map(source).collect(),
        refused: desk.counters.refusals(),
    };
    serde_json::to_value(status).map_err(|e| Failure::new(ExitCode::Bug, "bug.view", e))
}
