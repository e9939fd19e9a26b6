//! Recovery by relay: the same questions and answers, each in an envelope that a relay keeps until it is collected.

use super::giving;
use crate::envelope::{EnvelopeError, MAX_FETCHED, open_errand, route_errand};
use crate::model::{DAY, Party, Timestamp};
use crate::node::courier::Courier;
use crate::node::gateway::Post;
use crate::node::intake::Answer;
use crate::transport::Sender;
use crate::wire::FrameKind;
use tokio::sync::mpsc;

/// How long a relay is asked to keep a question or an answer.
const KEPT: i64 = 60 * DAY;

/// Brings a question to one of the relays of a peer; `restored_at` makes it the same each time, so that it waits there once.
///
/// # Errors
/// The cause at the last relay, or that there is none.
pub(super) async fn ask(
    post: &Post,
    courier: &Courier,
    question: &[u8],
    restored_at: Timestamp,
) -> Result<(), String> {
    let expires = restored_at.saturating_add(KEPT);
    let errand =
        route_errand(&post.gateway.ring(), &courier.peer, expires, (FrameKind::RecoveryQuestion, question));
    courier.entrust(post, &errand.map_err(|cause| cause.to_string())?).await
}

/// Takes in what a relay has brought, if it is about a recovery: a question is answered over the relay's own line.
/// Tells whether it was.
///
/// # Errors
/// What is wrong with the envelope.
pub async fn take(post: &Post, from: &Party, body: &[u8], line: &mut Sender) -> Result<bool, EnvelopeError> {
    let gateway = &post.gateway;
    let now = gateway.now();
    let Some((sender, kind, body)) = open_errand(body, gateway.me(), &gateway.directory(), now)? else {
        return Ok(false);
    };
    if sender != *from {
        return Err(EnvelopeError::WrongSender);
    }
    if kind != FrameKind::RecoveryQuestion {
        gateway.recovery.deliver(from, kind, body);
        return Ok(true);
    }
    // All answers to one question fit, so that nothing waits for a reader.
    let (answers, mut ready) = mpsc::channel(MAX_FETCHED + 1);
    if let Err(cause) = giving::serve(post, from, &body, &answers).await {
        tracing::warn!(%cause, "a restored peer's question was not answered");
    }
    drop(answers);
    while let Some(answer) = ready.recv().await {
        let Answer::Recovery(kind, body) = answer else { continue };
        let errand = route_errand(&gateway.ring(), from, now.saturating_add(KEPT), (kind, &body));
        let sent = match errand {
            Ok(errand) => line.send(FrameKind::Envelope, &errand).await.map_err(|cause| cause.to_string()),
            Err(cause) => Err(cause.to_string()),
        };
        if let Err(cause) = sent {
            tracing::warn!(cause, "an answer to a restored peer did not reach the relay; it will ask again");
        }
    }
    Ok(true)
}
