//! How the gateway stands with its peers: what it waits for, and what they have contradicted.

use crate::control::{ClockView, RecoveryView};
use crate::node::doctor::exam::Found;
use crate::node::mark::{BEHIND, UNSETTLED};
use crate::store::{Alarm, StoreError};

/// Whether the machine's clock stands behind what it has shown before; `None` if it does not.
pub fn clock(view: &ClockView) -> Option<Found> {
    let ClockView { now, wall, behind_seconds, settled, .. } = view;
    if *behind_seconds > BEHIND {
        return Some(Found::broken(
            format!(
                "the machine's clock shows {wall}, and has shown {now} before, {behind_seconds} seconds later"
            ),
            "if it is wrong now, set it; if it was wrong then, `valise gateway clock --lower --reason WHY`",
        ));
    }
    (now.seconds_since(*settled) > UNSETTLED).then(|| {
        Found::broken(
            format!("the clock shows {now}, but this gateway has run or heard from others only up to {settled}"),
            "if it is wrong, set it at once: every receipt bears its time; if it was off for so long, reach any peer: its word settles it",
        )
    })
}

/// What a gateway that was restored from a backup still waits for.
pub fn recovery(open: &[RecoveryView]) -> Found {
    let Some(first) = open.iter().find(|view| view.without.is_none()).or_else(|| open.first()) else {
        return Found::Sound("nothing is missing after a restore".to_owned());
    };
    let names: Vec<String> = open.iter().map(|view| view.peer.to_string()).collect();
    let cause = first.last_cause.as_deref().unwrap_or("it was not reached yet");
    let detail = format!("restored at {}; not all is back from {}: {cause}", first.since, names.join(", "));
    match first.without {
        None => {
            let verb = format!("valise gateway recover --without {} --reason WHY", first.peer);
            Found::broken(
                detail,
                format!("bring up the link; if it stays away for long, `{verb}` goes on without it"),
            )
        }
        Some(_) => Found::broken(detail, "bring up the link: what it has comes back once it is reached"),
    }
}

/// Whether a peer has contradicted what it signed.
pub fn alarms(found: Result<Vec<Alarm>, StoreError>) -> Found {
    match found {
        Err(cause) => Found::broken(cause, "look at the disk"),
        Ok(alarms) => match alarms.last() {
            None => Found::Sound("no peer has contradicted what it signed".to_owned()),
            Some(last) => Found::broken(
                format!("{} in all, the last of {}: {}", alarms.len(), last.at, last.words),
                format!(
                    "exchange goes on; take it up with {}: `valise evidence export --alarm {} -o FILE` writes the proof",
                    last.peer,
                    alarms.len()
                ),
            ),
        },
    }
}
