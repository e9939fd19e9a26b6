use super::*;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 64];
    socket.recv_from(&mut buffer).ok().map(|(length, from)| (buffer[..length].to_vec(), from))
}

/// Starts a forwarder to `server` and returns its address.
fn forwarder(server: &UdpSocket, cut: &[PathBuf]) -> SocketAddr {
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let (at, to, cut) = (front.local_addr().unwrap(), server.local_addr().unwrap(), Arc::from(cut));
    std::thread::spawn(move || forward::run(front, to, cut));
    at
}

#[test]
fn a_forwarder_keeps_its_clients_apart() {
    let (server, one, two) = (socket(), socket(), socket());
    let at = forwarder(&server, &[]);
    for (client, said) in [(&one, b"one"), (&two, b"two")] {
        client.send_to(said, at).unwrap();
        let (heard, from) = receive(&server).unwrap();
        assert_eq!(heard, said);
        server.send_to(&[heard.as_slice(), b"!"].concat(), from).unwrap();
    }
    assert_eq!(receive(&one).unwrap(), (b"one!".to_vec(), at));
    assert_eq!(receive(&two).unwrap(), (b"two!".to_vec(), at));
}

#[test]
fn a_cut_link_carries_nothing_either_way_until_it_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("XBB.down");
    let (server, client) = (socket(), socket());
    let at = forwarder(&server, &[dir.path().join("XAA.down"), cut.clone()]);
    client.send_to(b"before", at).unwrap();
    let (_, from) = receive(&server).unwrap();
    std::fs::write(&cut, "").unwrap();
    client.send_to(b"lost", at).unwrap();
    server.send_to(b"lost too", from).unwrap();
    assert_eq!((receive(&server), receive(&client)), (None, None));
    std::fs::remove_file(&cut).unwrap();
    client.send_to(b"after", at).unwrap();
    assert_eq!(receive(&server).unwrap().0, b"after");
    server.send_to(b"answer", from).unwrap();
    assert_eq!(receive(&client).unwrap().0, b"answer");
}

#[test]
fn a_forwarder_outlives_a_node_that_restarts() {
    let (server, client) = (socket(), socket());
    let at = forwarder(&server, &[]);
    let address = server.local_addr().unwrap();
    drop(server);
    client.send_to(b"nobody hears", at).unwrap();
    client.send_to(b"nobody hears", at).unwrap();
    let server = UdpSocket::bind(address).unwrap();
    server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let heard = (0..10).find_map(|_| {
        client.send_to(b"again", at).unwrap();
        receive(&server).filter(|(text, _)| text == b"again")
    });
    assert!(heard.is_some());
}

#[test]
fn a_folder_that_holds_other_things_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let letter = dir.path().join("letter.txt");
    std::fs::write(&letter, "dear").unwrap();
    let stage = Stage::new("/bin/false".into(), dir.path().to_owned());
    assert!(matches!(stage.start(), Err(DemoError::NotOurs(_))));
    assert!(matches!(stage.reset(), Err(DemoError::NotOurs(_))));
    assert!(matches!(stage.link(State::Xbb.into(), LinkWay::Down), Err(DemoError::NotOurs(_))));
    assert!(stage.stop().is_ok() && letter.exists());
}

#[test]
fn a_failed_start_names_the_verb_and_reset_removes_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    let stage = Stage::new("/bin/false".into(), data.clone());
    let failed = stage.start().unwrap_err();
    assert!(failed.to_string().starts_with("`valise relay init --party org:relay-west"), "{failed}");
    assert!(stage.status().unwrap().iter().all(|s| !s.node && !s.forwarder && s.link == LinkWay::Up));
    stage.reset().unwrap();
    assert!(!data.exists());
    stage.reset().unwrap();
}

#[test]
fn a_process_number_that_was_given_to_another_is_not_ours_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("node.pid");
    std::fs::write(&pid_file, std::process::id().to_string()).unwrap();
    let words = vec!["gateway".to_owned(), "serve".to_owned()];
    let process = process::Background::new(pid_file, dir.path().join("log"), words);
    assert!(process.pid().is_none());
    process.stop().unwrap();
}

#[test]
fn a_story_that_fails_ends_at_the_step_and_says_what_failed() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::new("/bin/false".into(), dir.path().to_owned());
    let mut told = String::new();
    let story = run(&stage, &mut |line| told += line).unwrap();
    assert!(!story.held && story.steps.len() == 1 && !story.steps[0].held);
    assert_eq!(story.steps[0].commands, ["valise demo start"]);
    assert!(told.contains('✗'), "{told}");
}

/// Writes a stand-in for the binary: it makes folders, stays, and answers once it stays.
fn stand_in(dir: &std::path::Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let exe = dir.join("stand-in");
    let script = r#"#!/bin/sh
case "$1 $2" in
"gateway init") touch "$6/valise.toml" ;; # --party XAA --data DIR
"relay init") touch "$6/relay.toml" ;;
"gateway serve" | "relay serve") trap 'rm -f "$4/serves"; exit 0' TERM; echo $$ > "$4/serves"; while :; do sleep 0.05; done ;;
"federation key" | "federation init" | "federation admit" | "federation sign" | "federation assemble") ;;
"federation publish") echo '{"data":{"fingerprint":"00"}}' ;;
"identity request" | "identity import") ;;
"federation join") mkdir -p "$6/federation"; touch "$6/federation/directory" ;; # --anchor 00 --data DIR
"demo forward") while :; do sleep 0.05; done ;;
"gateway status" | "relay status") kill -0 "$(cat "$4/serves")" || exit 69; echo "{\"schema\":\"valise.$1.status/1\",\"data\":{}}" ;;
*) exit 2 ;;
esac
"#;
    std::fs::write(&exe, script).unwrap();
    std::fs::set_permissions(&exe, std::fs::Permissions::from_mode(0o700)).unwrap();
    exe
}

#[test]
fn what_starts_is_found_again_killed_restarted_and_ended() {
    let dir = tempfile::tempdir().unwrap();
    let stage = Stage::new(stand_in(dir.path()), dir.path().join("demo"));
    let running = |stage: &Stage| {
        let states = stage.status().unwrap();
        (states.iter().filter(|s| s.node).count(), states.iter().filter(|s| s.forwarder).count())
    };
    stage.start().unwrap();
    assert_eq!(running(&stage), (2, 2));
    let pid = |stage: &Stage| std::fs::read_to_string(stage.data().join("run/node-xaa.pid")).unwrap();
    let first = pid(&stage);
    stage.start().unwrap();
    assert_eq!(pid(&stage), first, "what runs is left running");
    stage.kill_nodes().unwrap();
    assert_eq!(running(&stage), (0, 2), "only the nodes are killed");
    stage.link(State::Xbb.into(), LinkWay::Down).unwrap();
    stage.start().unwrap();
    assert_eq!(running(&stage), (2, 2));
    assert_eq!(stage.status().unwrap()[1].link, LinkWay::Down, "a restart leaves a cut link cut");
    stage.stop().unwrap();
    stage.stop().unwrap();
    assert_eq!(running(&stage), (0, 0));
    assert!(!stage.data().join("xaa/serves").exists(), "a stop asks before it kills");
    stage.reset().unwrap();
    assert!(!stage.data().exists());
}
