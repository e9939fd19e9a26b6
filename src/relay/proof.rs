use super::{Custody, Lane, MailboxState, Notice, RelayError};
use crate::model::{Party, Timestamp};
use crate::trust::Directory;

/// What is proved against a relay: it signed for a parcel, and after the parcel's time the addressee
/// signed that it never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Which relay.
    pub relay: Party,
    /// For whom the parcel was.
    pub to: Party,
    /// When the relay took it.
    pub received_at: Timestamp,
    /// When the addressee signed that it had not come.
    pub missed_at: Timestamp,
}

/// Says why nothing is proved against a relay.
#[derive(Debug, thiserror::Error)]
pub enum NotProved {
    /// A signature does not hold.
    #[error(transparent)]
    Unbelieved(#[from] RelayError),
    /// The addressee signed before the parcel's time was over: the relay may still bring it.
    #[error("the addressee's word is from before the parcel's expiry")]
    TooEarly,
    /// The addressee's word says that it has come.
    #[error("the addressee has had the parcel")]
    HasCome,
    /// The relay has told the sender that it gave the parcel up: it was not silent.
    #[error("the relay has told that the parcel expired")]
    WasTold,
}

/// Judges a relay by its own custody and the addressee's signed mailbox state.
///
/// What is *not* proved: that the relay acted in bad faith (its disk may have died), nor who is right if
/// the addressee lies; the relay clears itself by showing the addressee's `Collected` for the parcel, or
/// its own signed notice to the sender.
///
/// # Errors
/// Why nothing is proved.
pub fn prove_dropped(
    (relay, addressee): (&Party, &Party),
    custody: &[u8],
    state: &[u8],
    notice: Option<&[u8]>,
    directory: &Directory,
    now: Timestamp,
) -> Result<Dropped, NotProved> {
    let parcel = Custody::verify(custody, relay, directory, now)?.parcel;
    if parcel.thread.to != *addressee {
        return Err(RelayError::WrongParty.into());
    }
    let state = MailboxState::verify(state, (addressee, relay), directory, now)?;
    if state.at <= parcel.expires {
        return Err(NotProved::TooEarly);
    }
    let lane: Lane = parcel.thread.lane;
    let row = state.rows.iter().find(|row| row.from == parcel.thread.from && row.lane == lane);
    if row.is_some_and(|row| parcel.index < row.next && !row.missing.contains(&parcel.index)) {
        return Err(NotProved::HasCome);
    }
    if let Some(notice) = notice {
        let told = Notice::verify(notice, relay, directory, now)?;
        if told.parcel == parcel {
            return Err(NotProved::WasTold);
        }
    }
    let (to, received_at) = (parcel.thread.to, parcel.received_at);
    Ok(Dropped { relay: relay.clone(), to, received_at, missed_at: state.at })
}
