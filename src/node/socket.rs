//! The Unix socket on which officers speak to the node; who they are is what the kernel says of the peer.

use crate::config::Officer;
use crate::control;
use crate::control::{Call, ControlError, ExitCode, Failure, Reply};
use crate::node::gateway::Post;
use crate::node::office;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a connection may say nothing; a silent one must not keep a place from an officer.
const IDLE: Duration = Duration::from_secs(30);
/// The most officers' connections at once.
const CONNECTIONS: usize = 64;

/// Opens the socket; one that a dead node left behind is taken over, a living one is not.
///
/// # Errors
/// Why it cannot be opened.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another gateway answers there"));
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Who may speak is decided by the peer's account against the list of officers, not by the file.
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Answers officers for as long as the gateway runs.
pub async fn serve(post: Post, listener: UnixListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = post.clone();
                post.spawn(async move {
                    if let Err(cause) = converse(&desk, stream).await {
                        tracing::debug!(%cause, "an officer's connection ended");
                    }
                    drop(place);
                });
            }
            Err(cause) => {
                tracing::error!(%cause, "the control socket does not accept");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(post: &Post, mut stream: UnixStream) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    loop {
        let mut header = [0; 4];
        match timeout(IDLE, stream.read_exact(&mut header)).await {
            Ok(Ok(_)) => {}
            Err(_) => return Ok(()),
            Ok(Err(end)) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Ok(Err(error)) => return Err(error),
        }
        let length = match control::body_length(header) {
            Ok(length) => length,
            Err(error) => return stream.write_all(&encode(&Err(error.into()))).await,
        };
        let mut body = vec![0; length];
        timeout(IDLE, stream.read_exact(&mut body)).await??;
        let call = match control::decode_call(&body) {
            Ok(call) => call,
            Err(error) => {
                stream.write_all(&encode(&Err(error.into()))).await?;
                continue;
            }
        };
        drop(body);
        let mut bytes = Vec::new();
        if call.command.brings_bytes() {
            match read_bytes(&mut stream).await? {
                Ok(brought) => bytes = brought,
                Err(error) => return stream.write_all(&encode(&Err(error.into()))).await,
            }
        }
        let yields = call.command.yields_bytes();
        let reply = hear(post, uid, call, &mut bytes).await;
        stream.write_all(&encode(&reply)).await?;
        if yields && reply.is_ok() {
            // A piece is bounded where it is made.
            let frame = control::frame_bytes(&bytes).map_err(io::Error::other)?;
            stream.write_all(&frame).await?;
        }
    }
}

/// Reads the bytes that follow a call.
async fn read_bytes(stream: &mut UnixStream) -> io::Result<Result<Vec<u8>, ControlError>> {
    let mut header = [0; 4];
    timeout(IDLE, stream.read_exact(&mut header)).await??;
    let length = match control::bytes_length(header) {
        Ok(length) => length,
        Err(error) => return Ok(Err(error)),
    };
    let mut bytes = vec![0; length];
    timeout(IDLE, stream.read_exact(&mut bytes)).await??;
    Ok(Ok(bytes))
}

/// Finds out who speaks, whether that officer may, and answers.
async fn hear(post: &Post, uid: u32, call: Call, bytes: &mut Vec<u8>) -> Reply {
    let officer = who(post, uid, call.as_officer.as_deref())?;
    if !control::permitted(officer.role, &call.command) {
        let verb = call.command.verb().replace('.', " ");
        return Err(Failure::new(
            ExitCode::Denied,
            "role.denied",
            format!("'{verb}' is not for a {}", officer.role.code()),
        )
        .hint("ask an officer whose role allows it; the configuration gives the roles"));
    }
    let (name, verb) = (officer.name.clone(), call.command.verb());
    let reply = office::answer(post, &name, call.command, bytes).await;
    if let Err(failure) = &reply {
        tracing::info!(verb, code = %failure.code, "a command failed");
    }
    reply
}

/// The account behind the socket names the officer; only a demo lets the caller choose.
fn who<'p>(post: &'p Post, uid: u32, claimed: Option<&str>) -> Result<&'p Officer, Failure> {
    let config = &post.gateway.config;
    let denied =
        |message: String, hint: &str| Failure::new(ExitCode::Denied, "officer.unknown", message).hint(hint);
    let found = match (config.demo, claimed) {
        (true, Some(name)) => config.officers.iter().find(|o| o.name == name),
        (true, None) => config.officers.first(),
        (false, Some(_)) => {
            return Err(denied(
                "--as is for demo profiles only".to_owned(),
                "log in with the officer's own account; the socket tells the node who you are",
            ));
        }
        (false, None) => config.officers.iter().find(|o| o.uid == Some(uid)),
    };
    found.ok_or_else(|| match claimed {
        Some(name) => {
            denied(format!("there is no officer '{name}'"), "`valise config show` lists the officers")
        }
        None => denied(
            format!("user {uid} is no officer of this gateway"),
            "add an [[officer]] with this account to the configuration and restart",
        ),
    })
}

fn encode(reply: &Reply) -> Vec<u8> {
    control::encode(reply).unwrap_or_else(|error| {
        let failure: Failure = error.into();
        control::encode::<Reply>(&Err(failure)).expect("a short failure always fits a frame")
    })
}
