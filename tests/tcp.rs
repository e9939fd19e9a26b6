//! Two gateways between which UDP is blocked: the exchange goes by TLS over TCP (DESIGN §9).

mod common;

use common::{Node, Pair, acknowledge, await_some, stopwatch, submit, text};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

/// Writes that a peer's UDP port is a hole into which everything falls, while TCP gets through.
fn block(node: &Node, peer: &Node, hole: &UdpSocket) {
    let hole = hole.local_addr().expect("a bound socket has an address");
    node.route(peer.code, &hole.to_string(), Some(&format!("127.0.0.1:{}", peer.port)));
}

fn ask(node: &Node, words: &[&str]) -> Value {
    let output = node.run(words);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer in JSON");
    answer["data"].clone()
}

#[test]
fn an_exchange_is_completed_over_tcp_where_udp_is_blocked() {
    let mut pair = Pair::new();
    let hole = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    block(&pair.xaa, &pair.xbb, &hole);
    block(&pair.xbb, &pair.xaa, &hole);
    pair.xaa.start();
    pair.xbb.start();
    let watch = stopwatch();
    let case = text(&pair.xaa.ask(submit()).expect("a request is queued")["case"]);
    await_some("the receipt by TCP", || {
        let show = pair.xaa.show(&case)?;
        show["received_at"].is_string().then_some(())
    });
    // Two seconds for the road, the rest for a busy machine.
    assert!(watch.elapsed() < Duration::from_secs(8), "{:?}", watch.elapsed());
    pair.xbb.ask(acknowledge(&case)).expect("an acknowledgement");
    pair.drain();
    assert!(pair.agreed(&case).expect("both know the case")["ack_at"].is_string());

    let ping = ask(&pair.xaa, &["peer", "ping", "XBB"]);
    assert_eq!(ping["road"], "tcp", "{ping}");
    let peers = ask(&pair.xaa, &["peer", "list"]);
    assert_eq!(
        (&peers[0]["road"], &peers[0]["connected"]),
        (&Value::from("tcp"), &Value::from(true)),
        "{peers}"
    );
    let doctor = ask(&pair.xaa, &["gateway", "doctor"]);
    let seen = doctor["checks"].as_array().expect("checks").iter().find(|c| c["id"] == "peer:XBB");
    let detail = text(&seen.expect("the peer is looked at")["detail"]);
    assert!(detail.contains("by tcp; UDP does not get through"), "{detail}");

    // Where UDP gets through again, the next link is by QUIC.
    pair.xaa.stop();
    pair.xbb.stop();
    pair.xaa.forget_routes();
    pair.xbb.forget_routes();
    pair.xaa.start();
    pair.xbb.start();
    assert_eq!(ask(&pair.xaa, &["peer", "ping", "XBB"])["road"], "quic");
}

#[test]
fn a_gateway_may_take_in_no_tcp() {
    let mut pair = Pair::new();
    let settings = pair.xbb.dir.join("valise.toml");
    let text = fs::read_to_string(&settings).expect("settings");
    let listen = text.lines().find(|line| line.starts_with("listen")).expect("an address").to_owned();
    fs::write(&settings, text.replace(&listen, &format!("{listen}\nlisten_tcp = \"none\"")))
        .expect("settings");
    pair.xaa.start();
    pair.xbb.start();
    assert_eq!(pair.xbb.status()["listen_tcp"], Value::Null);
    assert!(TcpStream::connect(("127.0.0.1", pair.xbb.port)).is_err());
    assert_eq!(ask(&pair.xaa, &["peer", "ping", "XBB"])["road"], "quic");

    // The other one does, and hangs up on whoever speaks something else.
    let mut stranger = TcpStream::connect(("127.0.0.1", pair.xaa.port)).expect("TCP is taken in");
    std::io::Write::write_all(&mut stranger, b"GET / HTTP/1.1\r\n\r\n").expect("it is written");
    let mut heard = Vec::new();
    let _ = stranger.read_to_end(&mut heard);
    assert!(heard.len() < 16, "an alert of TLS at most");
    pair.xaa.await_refused("protocol", 0);

    fs::write(&settings, text.replace(&listen, &format!("{listen}\nlisten_tcp = \"everywhere\"")))
        .expect("settings");
    pair.xbb.stop();
    let refused = pair.xbb.run_serve();
    assert_eq!(refused.status.code(), Some(78), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("listen_tcp"));
}
