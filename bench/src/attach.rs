//! A large photograph between two gateways, against one stream of raw quinn that does the same work.

use crate::figure::{Bound, Figure};
use crate::nodes::{self, Lab, Node};
use crate::{Failure, stats};
use quinn::{ClientConfig, Endpoint, ServerConfig};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use valise::control::Command;
use valise::offline::requests::{Example, example};

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// MiB of the photograph.
    #[arg(long, default_value_t = 1024)]
    mib: u32,
}

/// One piece, as the gateway seals them.
const PIECE: usize = 1 << 20;
/// The most memory above idle that a side may take, in MiB.
const MEMORY: f64 = 64.0;

/// Measures rate and memory.
pub fn measure(lab: &Lab, options: &Options) -> Result<Vec<Figure>, Failure> {
    let file = lab.home.join("photograph.jpg");
    draw(&file, options.mib)?;
    let (xaa, mut xbb) = nodes::pair(lab)?;
    sleep(Duration::from_secs(1));
    let idle = (stats::memory(xaa.pid()?, "VmRSS")?, stats::memory(xbb.pid()?, "VmRSS")?);
    xbb.stop()?;
    let case = offer(lab, &xaa, &file)?;
    xbb.start()?;
    stats::forget_peak(xaa.pid()?)?;
    let took = fetch(&xaa, &xbb, &case)?;
    let peak = (stats::memory(xaa.pid()?, "VmHWM")?, stats::memory(xbb.pid()?, "VmHWM")?);
    drop((xaa, xbb));
    let raw = raw(&file, &lab.home.join("raw"))?;
    let mib = f64::from(options.mib);
    let memory = |what: &str, peak: f64, idle: f64| {
        Figure::new(what, ((peak - idle).max(0.0) / 1024.0, MEMORY), "MiB above idle", (Bound::AtMost, 1.0))
    };
    Ok(vec![
        Figure::new(format!("attach {} MiB", options.mib), (mib / took, mib / raw), "MiB/s", (Bound::AtLeast, 0.8))
            .guaranteeing(&["encrypted at rest on both sides, verified whole before it can be opened, synced, resumable by piece"])
            .with("seconds", took)
            .with("seconds of raw quinn", raw),
        memory("memory of the sender", peak.0, idle.0),
        memory("memory of the addressee", peak.1, idle.1),
    ])
}

/// Writes a file that nothing compresses.
fn draw(path: &Path, mib: u32) -> Result<(), Failure> {
    let mut file = File::create(path)?;
    let mut random = File::open("/dev/urandom")?;
    let mut piece = vec![0; PIECE];
    for _ in 0..mib {
        random.read_exact(&mut piece)?;
        file.write_all(&piece)?;
    }
    Ok(file.sync_all()?)
}

/// Submits a request with the photograph while the addressee is away; returns its case.
fn offer(lab: &Lab, xaa: &Node, file: &Path) -> Result<String, Failure> {
    let mut request: Value = serde_json::from_str(example(Example::OneWeapon))?;
    request["items"][0]["photographs"] = json!([
        { "shows": "left side", "path": file }, { "shows": "serial number", "path": file }
    ]);
    let path = lab.home.join("request.json");
    std::fs::write(&path, request.to_string())?;
    let made = xaa.run(&["request", "submit", &path.display().to_string(), "--exercise"])?;
    Ok(made["case"].as_str().ok_or("no case")?.to_owned())
}

/// Waits for the case and then for its photograph; returns the seconds between.
fn fetch(xaa: &Node, xbb: &Node, case: &str) -> Result<f64, Failure> {
    let begun = Instant::now();
    let attachments = || -> Result<Command, Failure> {
        Ok(Command::CaseAttachments { case: case.parse().map_err(|_| "a case")?, fetch: false })
    };
    xaa.ask(Command::QueueRetry { id: None })?;
    let mut arrived = None;
    while begun.elapsed() < Duration::from_secs(1800) {
        if let Ok(answer) = xbb.ask(attachments()?) {
            arrived.get_or_insert_with(Instant::now);
            let files = answer.as_array().cloned().unwrap_or_default();
            if !files.is_empty() && files.iter().all(|file| file["state"] == "verified") {
                return Ok(arrived.map_or(0.0, |at: Instant| at.elapsed().as_secs_f64()));
            }
        }
        sleep(Duration::from_millis(20));
    }
    Err("the photograph does not arrive".into())
}

/// Sends a file over one stream of raw quinn, each piece sealed and hashed; the other end opens, hashes, writes and
/// syncs. Returns the seconds.
fn raw(from: &Path, to: &Path) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let made = rcgen::generate_simple_self_signed(["peer.internal".to_owned()])?;
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let server = ServerConfig::with_single_cert(vec![made.cert.der().clone()], key.into())?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let there = Endpoint::server(server, ([127, 0, 0, 1], 0).into())?;
        let mut here = Endpoint::client(([127, 0, 0, 1], 0).into())?;
        here.set_default_client_config(ClientConfig::with_root_certificates(Arc::new(roots))?);
        let address = there.local_addr()?;
        let to = to.to_owned();
        let taken = tokio::spawn(async move { take(&there, &to).await });
        let begun = Instant::now();
        let link = here.connect(address, "peer.internal")?.await?;
        let mut stream = link.open_uni().await?;
        let (mut file, mut hash) = (File::open(from)?, Context::new(&SHA256));
        let sealing = key_of_the_day()?;
        let mut piece = vec![0; PIECE];
        let mut nth = 0u32;
        loop {
            let length = file.read(&mut piece)?;
            if length == 0 {
                break;
            }
            hash.update(&piece[..length]);
            let mut sealed = piece[..length].to_vec();
            sealing.seal_in_place_append_tag(nonce(nth), Aad::empty(), &mut sealed).map_err(|_| "sealing")?;
            stream.write_all(&u32::try_from(sealed.len())?.to_be_bytes()).await?;
            stream.write_all(&sealed).await?;
            nth += 1;
        }
        stream.finish()?;
        taken.await??;
        let took = begun.elapsed().as_secs_f64();
        link.close(0u32.into(), b"done");
        Ok(took)
    })
}

async fn take(there: &Endpoint, to: &Path) -> Result<(), Failure> {
    let link = there.accept().await.ok_or("nobody calls")?.await?;
    let mut stream = link.accept_uni().await?;
    let (mut file, mut hash) = (File::create(to)?, Context::new(&SHA256));
    let opening = key_of_the_day()?;
    let mut head = [0; 4];
    let mut nth = 0u32;
    while stream.read_exact(&mut head).await.is_ok() {
        let mut piece = vec![0; usize::try_from(u32::from_be_bytes(head))?];
        stream.read_exact(&mut piece).await?;
        let open = opening.open_in_place(nonce(nth), Aad::empty(), &mut piece).map_err(|_| "opening")?;
        hash.update(open);
        file.write_all(open)?;
        nth += 1;
    }
    file.sync_data()?;
    Ok(())
}

fn key_of_the_day() -> Result<LessSafeKey, Failure> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| "a key")?))
}

fn nonce(nth: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&nth.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}
