//! `gateway doctor`: finds the first real cause and says the exact fix, with the gateway running or stopped.

mod exam;
mod probes;
mod standing;

use crate::config::{Address, GatewayConfig, Layout};
use crate::control::{DoctorView, Failure};
use crate::model::Party;
use crate::node::doctor::exam::{Exam, Found};
use crate::node::gateway::Post;
use crate::node::generations::Generations;
use crate::node::joining;
use crate::node::keys::KeyFolder;
use crate::node::machine::Machine;
use crate::node::mark;
use crate::node::office;
use crate::node::parts::{Parts, store_failure};
use crate::transport::{CloseCode, Listen, Road, RoadKind};
use crate::trust::Directory;
use crate::wire::FrameKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a peer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What each look at a peer needs.
const PEER_NEEDS: [&str; 4] = ["clock", "certificates", "directory", "listen"];

/// Examines a gateway that does not run, from its files; whatever it opens it closes again.
pub fn doctor(layout: &Layout) -> DoctorView {
    let mut exam = Exam::default();
    let loaded = GatewayConfig::load(layout);
    let found = match &loaded {
        Ok(config) => Found::Sound(format!("{} are those of {}", layout.config.display(), config.party)),
        Err(cause) => Found::broken(cause, format!("valise config check {}", layout.config.display())),
    };
    exam.end("settings", found);
    let Ok(config) = loaded else { return rest_unseen(exam) };
    exam.end("gateway", Found::Sound("it does not run; its files were looked at".to_owned()));
    let machine = Arc::new(Machine::os());
    files(&mut exam, &config, layout);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(stopped(&mut exam, config, layout, machine)),
        Err(cause) => exam.end("store", Found::broken(cause, "free memory on this machine")),
    }
    exam.view(false)
}

/// Examines a gateway that runs, from within.
pub async fn examine(post: &Post) -> DoctorView {
    let gateway = &*post.gateway;
    let (config, now, directory) = (&gateway.config, gateway.now(), gateway.directory());
    let layout = Layout::under(&config.data);
    let mut exam = Exam::default();
    exam.end("gateway", Found::Sound(format!("it runs since {}", gateway.since)));
    files(&mut exam, config, &layout);
    exam.check("store", &["disk"], || match gateway.ledger.store().failed() {
        None => Found::Sound(format!("open; {} groups synced", gateway.ledger.store().statistics().groups)),
        Some(cause) => Found::broken(cause, "look at the disk, then start the gateway again"),
    });
    let peers: Vec<Party> = gateway.couriers.all().iter().map(|c| c.peer.clone()).collect();
    exam.check("clock", &["store"], || match standing::clock(&mark::view(gateway)) {
        Some(behind) => behind,
        None => newest(gateway.ledger.newest_leaf(&peers), now),
    });
    exam.end("federation", Found::Sound(belonging(&directory)));
    exam.end("directory", about(&directory));
    exam.end("freshness", probes::freshness(&directory, now));
    let keys = KeyFolder::unlock(&layout.keys(), &config.credential);
    exam.check("certificates", &["clock", "keys", "directory"], || match &keys {
        Ok(keys) => {
            let own = Generations::new(keys.clone(), &layout.pki());
            probes::certificates(&own, (&directory, gateway.me()), now, &mut *gateway.entropy())
        }
        Err(cause) => Found::broken(cause, "put the credential back"),
    });
    exam.check("prekeys", &["clock", "directory"], || {
        probes::prekeys((&directory, gateway.me()), &gateway.ring().prekeys, now)
    });
    exam.end(
        "listen",
        match post.road.local_address() {
            Ok(address) => Found::Sound(listening(address, post.road.tcp_address(), "open")),
            Err(cause) => Found::broken(cause, "start the gateway again"),
        },
    );
    exam.check("recovery", &["store"], || standing::recovery(&gateway.recovery.view()));
    exam.check("alarms", &["store"], || standing::alarms(gateway.ledger.alarms()));
    let mut looks = JoinSet::new();
    for courier in gateway.couriers.all() {
        let (id, peer) = (format!("peer:{}", courier.peer), courier.peer.clone());
        if !exam.begin(&id, &PEER_NEEDS) {
            continue;
        }
        if let Err(found) = probes::standing(&directory, &peer, now) {
            exam.end(&id, found);
            continue;
        }
        let roads = courier.roads();
        let Some(address) = roads.direct else {
            exam.end(&id, Found::Unseen(by_relay(&roads.relays)));
            continue;
        };
        let post = post.clone();
        looks.spawn(async move {
            let found = match office::ping(&post, &peer).await {
                Ok(pong) => answers(&pong.address, &pong.road, Some(pong.rtt_ms)),
                Err(failure) => {
                    let cause = failure.cause.unwrap_or(failure.message);
                    probes::unreached(&peer, &address.to_string(), &cause)
                }
            };
            (id, found)
        });
    }
    end_all(&mut exam, looks.join_all().await);
    exam.view(true)
}

/// What can be looked at in either way: credential, keys, disk.
fn files(exam: &mut Exam, config: &GatewayConfig, layout: &Layout) {
    exam.check("credential", &[], || probes::credential(&config.credential));
    exam.check("keys", &["credential"], || probes::keys(&layout.keys(), &config.credential));
    let floor = u64::from(config.store.free_floor_mib) << 20;
    exam.check("disk", &[], || {
        let folder = if layout.store().exists() { layout.store() } else { config.data.clone() };
        let stat = rustix::fs::statvfs(&folder).map_err(std::io::Error::from);
        probes::disk(stat.map(|s| s.f_bavail.saturating_mul(s.f_frsize)), floor)
    });
}

async fn stopped(exam: &mut Exam, config: GatewayConfig, layout: &Layout, machine: Arc<Machine>) {
    let listen = Listen { quic: config.listen, tcp: config.listen_tcp };
    let credential = config.credential.clone();
    let joined = joining::peek(layout, Some(&config.party));
    let peers: Vec<Party> = joined.as_ref().map_or_else(
        |_| Vec::new(),
        |directory| directory.parties().filter(|party| **party != config.party).cloned().collect(),
    );
    exam.end("federation", federation(&joined));
    // What the calendar says comes first: by a clock that cannot be right, no certificate holds.
    let calendar = probes::clock(machine.now(), None);
    let is_off = matches!(calendar, Found::Broken { .. });
    if is_off {
        exam.end("clock", calendar);
    }
    let keys = KeyFolder::unlock(&layout.keys(), &credential);
    exam.check("certificates", &["clock", "keys", "federation"], || match (&keys, &joined) {
        (Ok(keys), Ok(directory)) => {
            let own = Generations::new(keys.clone(), &layout.pki());
            let (me, now) = (&config.party, machine.now());
            probes::certificates(&own, (directory, me), now, &mut *machine.entropy())
        }
        (Err(cause), _) => Found::broken(cause, "put the credential back"),
        (_, Err(failure)) => Found::broken(told(failure), "see the federation"),
    });
    let mut parts = None;
    exam.check("store", &["keys", "disk", "federation"], || {
        match Parts::read(config, layout, Arc::clone(&machine), &Arc::new(Notify::new())) {
            Ok(read) => {
                parts = Some(read);
                Found::Sound("opened, and closed again in good order".to_owned())
            }
            Err(failure) => {
                let fix = failure.hint.clone().unwrap_or_else(|| "see the cause".to_owned());
                Found::broken(told(&failure), fix)
            }
        }
    });
    let Some(parts) = parts else {
        let beyond = ["clock", "directory", "freshness", "prekeys", "listen"];
        for id in beyond.into_iter().filter(|id| !is_off || *id != "clock") {
            exam.begin(id, &["store"]);
        }
        for peer in peers {
            exam.begin(&format!("peer:{peer}"), &["store"]);
        }
        return;
    };
    let (now, directory, me) = (machine.now(), parts.directory.get(), parts.config.party.clone());
    let names: Vec<Party> = parts.peers.iter().map(|(peer, _)| peer.clone()).collect();
    if !is_off {
        exam.end("clock", newest(parts.ledger.newest_leaf(&names), now));
    }
    exam.end("directory", about(&directory));
    exam.end("freshness", probes::freshness(&directory, now));
    exam.check("prekeys", &["clock", "directory"], || {
        probes::prekeys((&directory, &me), &parts.ring.get().prekeys, now)
    });
    let road = Road::bind(listen, Arc::clone(&parts.identity), parts.doorkeeper());
    exam.end(
        "listen",
        match &road {
            Ok(road) => Found::Sound(listening(listen.quic, road.tcp_address(), "free")),
            Err(cause) => Found::broken(
                cause,
                "free the address, or set another 'listen' or 'listen_tcp' in the settings",
            ),
        },
    );
    let road = road.ok().map(Arc::new);
    let mut looks = JoinSet::new();
    for (peer, roads) in parts.peers {
        let id = format!("peer:{peer}");
        if !exam.begin(&id, &PEER_NEEDS) {
            continue;
        }
        match (probes::standing(&directory, &peer, now), roads.direct, &road) {
            (Err(found), _, _) => exam.end(&id, found),
            (Ok(()), None, _) => exam.end(&id, Found::Unseen(by_relay(&roads.relays))),
            (Ok(()), Some(_), None) => exam.end(&id, Found::Unseen("there is no road to it".to_owned())),
            (Ok(()), Some(address), Some(road)) => {
                let (road, machine) = (Arc::clone(road), Arc::clone(&machine));
                let tcp = roads.tcp;
                looks.spawn(
                    async move { (id, reach(&road, &machine, &peer, (&address, tcp.as_ref())).await) },
                );
            }
        }
    }
    end_all(exam, looks.join_all().await);
    if let Some(road) = road {
        road.close(CloseCode::Done, "the doctor has seen enough").await;
    }
    if let Err(cause) = parts.ledger.store().close() {
        exam.end("store:close", Found::broken(store_failure(cause), "look at the disk"));
    }
}

/// Dials a peer and asks for one pong.
async fn reach(
    road: &Road,
    machine: &Machine,
    peer: &Party,
    (quic, tcp): (&Address, Option<&Address>),
) -> Found {
    let shown = quic.to_string();
    let asked = async {
        let place = machine.place(quic, tcp).await?;
        let link = road.connect(peer, place).await.map_err(|e| e.to_string())?;
        let (mut sender, mut receiver) = link.open().await.map_err(|e| e.to_string())?;
        sender.send(FrameKind::Ping, b"valise").await.map_err(|e| e.to_string())?;
        let answer = receiver.next().await.map_err(|e| e.to_string())?;
        link.close(CloseCode::Done, "the doctor has seen enough");
        match answer {
            Some((FrameKind::Pong, body)) if body == b"valise" => Ok((link.remote(), link.road())),
            _ => Err("the peer gave another answer than a pong".to_owned()),
        }
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok((address, road))) => answers(&address.to_string(), road.name(), None),
        Ok(Err(cause)) => probes::unreached(peer, &shown, &cause),
        Err(_) => {
            probes::unreached(peer, &shown, &format!("no answer within {} seconds", PATIENCE.as_secs()))
        }
    }
}

/// Says where the sockets of the gateway are.
fn listening(udp: SocketAddr, tcp: Option<SocketAddr>, how: &str) -> String {
    match tcp {
        Some(tcp) => format!("UDP {udp} and TCP {tcp} are {how}"),
        None => format!("UDP {udp} is {how}; no TCP is taken in"),
    }
}

/// Says that a peer answers, and whether UDP is blocked on the way to it.
fn answers(address: &str, road: &str, ms: Option<f64>) -> Found {
    let within = ms.map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let blocked = if road == RoadKind::Tcp.name() { "; UDP does not get through" } else { "" };
    Found::Sound(format!("answers at {address}{within} by {road}{blocked}"))
}

fn end_all(exam: &mut Exam, mut found: Vec<(String, Found)>) {
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.into_iter().for_each(|(id, found)| exam.end(&id, found));
}

fn newest(
    newest: Result<Option<crate::model::Timestamp>, crate::store::StoreError>,
    now: crate::model::Timestamp,
) -> Found {
    match newest {
        Ok(newest) => probes::clock(now, newest),
        Err(cause) => Found::broken(cause, "look at the disk, then start the gateway again"),
    }
}

fn about(directory: &Directory) -> Found {
    let others = directory.parties().count().saturating_sub(1);
    if others == 0 {
        return Found::broken(
            "it knows nobody but this party",
            "ask the federation's authority for its newest directory, and `valise federation sync --from FILE`",
        );
    }
    Found::Sound(format!("version {}, {others} others are known", directory.version()))
}

/// Says whether a federation was joined, without which nothing can be told from anybody.
fn federation(joined: &Result<Directory, Failure>) -> Found {
    match joined {
        Ok(directory) => Found::Sound(belonging(directory)),
        Err(failure) => {
            let fix = failure.hint.clone().unwrap_or_else(|| "see the cause".to_owned());
            Found::broken(told(failure), fix)
        }
    }
}

fn belonging(directory: &Directory) -> String {
    format!("'{}' was joined, {}", directory.root().federation, joining::spoken(&directory.anchor()))
}

/// Says why a peer is not called: it takes nothing in from outside.
fn by_relay(relays: &[Party]) -> String {
    let names: Vec<String> = relays.iter().map(ToString::to_string).collect();
    format!("no direct road; what is for it goes by relay {}", names.join(", "))
}

fn rest_unseen(mut exam: Exam) -> DoctorView {
    let beyond = [
        "credential",
        "keys",
        "disk",
        "federation",
        "store",
        "clock",
        "directory",
        "freshness",
        "certificates",
        "prekeys",
    ];
    for id in beyond {
        exam.begin(id, &["settings"]);
    }
    exam.view(false)
}

fn told(failure: &Failure) -> String {
    failure.cause.as_ref().map_or_else(|| failure.message.clone(), |c| format!("{}: {c}", failure.message))
}
