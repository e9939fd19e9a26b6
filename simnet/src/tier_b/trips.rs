//! How many round trips an exchange takes: whole nodes on a line that is slow and otherwise perfect.

use super::in_paused_time;
use super::net::Net;
use super::node::{Failures, Node, Site};
use crate::federation::Federation;
use crate::heap::Millis;
use crate::samples;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use valise::control::Command;
use valise::model::Party;

/// From an officer's word to the verified receipt.
#[derive(Clone, Copy, Debug)]
pub struct Trips {
    /// After a silence so long that no link stands.
    pub cold: Duration,
    /// On a link that stands.
    pub warm: Duration,
}

/// How often the outbox is looked at; what is measured is later than true by so much at most.
const LOOK: Duration = Duration::from_millis(1);
/// A silence after which a link is closed.
const IDLE: Duration = Duration::from_secs(600);
/// How many looks an exchange may take.
const LOOKS: u32 = 60_000;

/// Lets one node ask another twice, over a line on which a datagram travels for `travel` milliseconds.
///
/// # Panics
/// If the machine has no room for a runtime, or a request gets no receipt within a minute.
pub fn trips(federation: &Arc<Federation>, travel: Millis) -> Trips {
    in_paused_time(async {
        let site = Site {
            seed: 1,
            federation: Arc::clone(federation),
            net: Net::even(travel),
            faults: Vec::new(),
            relays: Vec::new(),
            bug: None,
            failed: Arc::new(Failures::default()),
        };
        let partner = *federation.members[0].acquainted.first().expect("everybody knows somebody");
        let mut nodes = [Node::new(0), Node::new(partner)];
        for node in &mut nodes {
            node.start(&site).expect("a new node starts");
        }
        let asked = federation.members[partner].party.clone();
        // At the first contact ever the two compare directories before anything else is said.
        exchange(&nodes[0], &asked).await;
        sleep(IDLE).await;
        let cold = exchange(&nodes[0], &asked).await;
        sleep(Duration::from_secs(5)).await;
        let warm = exchange(&nodes[0], &asked).await;
        for node in &mut nodes {
            node.crash(&site, 1000).await;
        }
        Trips { cold, warm }
    })
}

async fn exchange(node: &Node, asked: &Party) -> Duration {
    let request = samples::request(&samples::template(), asked, 1, samples::Form::Complete);
    let command = Command::RequestSubmit {
        request: Box::new(request),
        to: None,
        incomplete: None,
        exercise: true,
        on_behalf_of: None,
        via: None,
    };
    let begun = Instant::now();
    node.ask("awa", command).await.expect("the node is on").expect("the request is complete");
    let courier =
        node.post().and_then(|post| post.gateway.couriers.get(asked)).expect("they know each other");
    for _ in 0..LOOKS {
        if courier.standing().waiting.is_empty() {
            return begun.elapsed();
        }
        sleep(LOOK).await;
    }
    panic!("no receipt came within a minute");
}
