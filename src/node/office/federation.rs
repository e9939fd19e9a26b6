//! `federation sync`: asks for news of the directory now, or takes what was handed over by hand.

use crate::control::{AskedView, ExitCode, Failure, KeyUse, RefusedFrame, RotatedView, SyncView};
use crate::model::{Party, Text, Timestamp};
use crate::node::board::Taken;
use crate::node::courier::Courier;
use crate::node::gateway::Post;
use crate::node::gossip;
use crate::node::office::{record, unknown};
use crate::node::rotation;
use crate::node::rotation::Order;
use crate::trust::Freshness;
use crate::trust::federation::Documents;
use std::time::Duration;
use tokio::time::timeout;

/// How long one peer may take to be reached and to compare.
const PATIENCE: Duration = Duration::from_secs(15);

/// Takes news in, or compares directories with a peer or with everybody.
pub(super) async fn sync(
    post: &Post,
    officer: &str,
    peer: Option<&Party>,
    news: Option<&[u8]>,
) -> Result<SyncView, Failure> {
    let gateway = &post.gateway;
    record(gateway, officer, "federation.sync", None).await?;
    let (taken, asked) = match news {
        Some(bytes) => {
            let unreadable = |e: crate::trust::TrustError| {
                Failure::new(ExitCode::BadData, &format!("federation.{}", e.code()), e)
                    .hint("nothing of it was put in force")
            };
            let documents = Documents::parse(bytes).map_err(unreadable)?;
            (gateway.board.take(documents, gateway.now()).await, Vec::new())
        }
        None => ask(post, peer).await?,
    };
    let directory = gateway.directory();
    let (fresh, until) = match directory.freshness(gateway.now()) {
        Freshness::Fresh { until } => (true, until),
        Freshness::Stale { since, .. } => (false, since),
    };
    let refused: Vec<RefusedFrame> = taken.refused.iter().map(refusal).collect();
    if let (0, Some(first), Some(_)) = (taken.new, refused.first(), news) {
        return Err(Failure::new(ExitCode::BadData, &format!("federation.{}", first.code), &first.words)
            .hint("nothing of it was put in force; what was known before still is"));
    }
    Ok(SyncView { new: taken.new, snapshot: directory.version(), fresh, until, asked, refused })
}

/// Rotates a key of this gateway.
pub(super) async fn rotate(
    post: &Post,
    officer: &str,
    what: KeyUse,
    reason: &Text,
    compromised_since: Option<Timestamp>,
) -> Result<RotatedView, Failure> {
    let gateway = &post.gateway;
    let order = Order::new(what, reason.reveal(), compromised_since, gateway.now())?;
    record(gateway, officer, "identity.rotate", None).await?;
    Ok(rotation::rotate(post, &order).await?)
}

async fn ask(post: &Post, only: Option<&Party>) -> Result<(Taken, Vec<AskedView>), Failure> {
    let couriers = match only {
        Some(peer) => vec![post.gateway.couriers.get(peer).ok_or_else(|| unknown("peer", peer))?],
        None => post.gateway.couriers.all(),
    };
    let (mut all, mut asked) = (Taken::default(), Vec::new());
    for courier in couriers {
        let met = timeout(PATIENCE, compare(post, &courier)).await;
        let met = met.unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs())));
        let cause = match met {
            Ok(taken) => {
                all.new += taken.new;
                all.refused.extend(taken.refused);
                None
            }
            Err(cause) => Some(cause),
        };
        asked.push(AskedView { peer: courier.peer.clone(), cause });
    }
    if asked.iter().all(|one| one.cause.is_some()) {
        let cause = asked.into_iter().find_map(|one| Some(format!("{}: {}", one.peer, one.cause?)));
        return Err(Failure::new(ExitCode::Unavailable, "federation.unreached", "nobody could be asked")
            .cause(cause.unwrap_or_else(|| "the directory lists nobody else".to_owned()))
            .hint("`valise federation sync --from FILE` takes what was brought by hand"));
    }
    Ok((all, asked))
}

async fn compare(post: &Post, courier: &Courier) -> Result<Taken, String> {
    let before = post.gateway.board.holdings();
    let link = courier.link(post).await?;
    let mut taken = gossip::meet(post, courier, &link).await?;
    // A link that was opened for this has compared by itself, perhaps first.
    let after = post.gateway.board.holdings();
    taken.new = crate::node::board::count(&before, &after);
    Ok(taken)
}

fn refusal(cause: &crate::node::board::BoardError) -> RefusedFrame {
    RefusedFrame { envelope: None, code: cause.code().to_owned(), words: cause.to_string() }
}
