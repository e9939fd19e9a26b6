use super::{Custody, Lane, MailboxState, Notice, RelayError};
use crate::model::{Party, Timestamp};
use crate::trust::Directory;
use crate::wire;
use crate::wire::Limits;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The version of the file.
const FILE_VERSION: u64 = 1;

/// What a gateway holds about a relay, to be judged by somebody else: what the relay has signed for, and the gateway's own
/// word on what it has had from it. Every part bears its own signature; nothing is proved until [`judge`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodyFile {
    /// The version of the file.
    pub custody_file: u64,
    /// The party whose gateway made it.
    pub made_by: Party,
    /// When.
    pub made_at: Timestamp,
    /// The relay.
    pub relay: Party,
    /// The directory by which its signatures are judged.
    pub trust: ByteBuf,
    /// What the relay has signed for, of what this gateway brought.
    pub parcels: Vec<SignedFor>,
    /// The gateway's [`MailboxState`] at the relay as of now.
    pub mailbox: ByteBuf,
}

/// A relay's custody for one parcel, and what it said of it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedFor {
    /// The [`Custody`].
    pub custody: ByteBuf,
    /// The [`Notice`] that it gave the parcel up, if it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<ByteBuf>,
}

/// What became of one parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The addressee signed that it had not come when its time was over: the relay has dropped it.
    Dropped(Dropped),
    /// The addressee signed that it has come.
    Delivered,
    /// The relay told the sender that it gave the parcel up.
    GivenUp,
    /// Its time is not over by the addressee's newest word.
    TooEarly,
    /// There is no word of the addressee.
    Unheard,
}

impl CustodyFile {
    /// Lays out what one gateway holds.
    pub fn new(
        (made_by, relay): (&Party, &Party),
        made_at: Timestamp,
        trust: Vec<u8>,
        parcels: Vec<SignedFor>,
        mailbox: Vec<u8>,
    ) -> Self {
        let (made_by, relay) = (made_by.clone(), relay.clone());
        let (trust, mailbox) = (ByteBuf::from(trust), ByteBuf::from(mailbox));
        Self { custody_file: FILE_VERSION, made_by, made_at, relay, trust, parcels, mailbox }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`RelayError::Wire`] if it is larger than a file may be.
    pub fn encode(&self) -> Result<Vec<u8>, RelayError> {
        let bytes = wire::encode(self)?;
        wire::check(&bytes, &Limits::DOSSIER).map_err(wire::WireError::from)?;
        Ok(bytes)
    }

    /// Reads a file; nothing in it is proved.
    ///
    /// # Errors
    /// [`RelayError::Wire`] if it is none, [`RelayError::Malformed`] if it is of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, RelayError> {
        let file: Self = wire::decode(bytes, &Limits::DOSSIER)?;
        if file.custody_file == FILE_VERSION {
            Ok(file)
        } else {
            Err(RelayError::Malformed("a custody file of another version"))
        }
    }

    /// Tells whether bytes say that they are such a file.
    pub fn looks_like_one(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_ok()
    }
}

/// Judges what a relay has signed for in `file`, by the words of the addressees in the other files; each file comes with
/// the directory by which it is judged.
///
/// # Errors
/// For each parcel the first cause for which its custody is not the relay's.
pub fn judge(
    (file, directory): (&CustodyFile, &Directory),
    words: &[(&CustodyFile, &Directory)],
) -> Vec<Result<(Custody, Fate), RelayError>> {
    file.parcels.iter().map(|parcel| judge_one((file, directory), parcel, words)).collect()
}

fn judge_one(
    (file, directory): (&CustodyFile, &Directory),
    parcel: &SignedFor,
    words: &[(&CustodyFile, &Directory)],
) -> Result<(Custody, Fate), RelayError> {
    let custody = Custody::verify(&parcel.custody, &file.relay, directory, file.made_at)?;
    let notice = parcel.notice.as_ref().map(|notice| notice.as_slice());
    let mut fate = Fate::Unheard;
    let of_addressee = |word: &&(&CustodyFile, &Directory)| {
        word.0.relay == file.relay && word.0.made_by == custody.parcel.thread.to
    };
    for (word, theirs) in words.iter().filter(of_addressee) {
        MailboxState::verify(&word.mailbox, (&word.made_by, &word.relay), theirs, word.made_at)?;
        let now = file.made_at.max(word.made_at);
        let pair = (&file.relay, &word.made_by);
        let judged = prove_dropped(pair, &parcel.custody, &word.mailbox, notice, directory, now);
        fate = match (judged, fate) {
            (Err(NotProved::HasCome), _) | (_, Fate::Delivered) => Fate::Delivered,
            (Err(NotProved::WasTold), _) => Fate::GivenUp,
            (Ok(dropped), _) => Fate::Dropped(dropped),
            (Err(NotProved::TooEarly), Fate::Unheard) => Fate::TooEarly,
            (Err(NotProved::TooEarly), fate) => fate,
            (Err(NotProved::Unbelieved(error)), _) => return Err(error),
        };
    }
    Ok((custody, fate))
}

/// What is proved against a relay: it signed for a parcel, and after the parcel's time the addressee
/// signed that it never came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
        let told = Notice::verify_by_anybody(notice, relay, directory, now)?;
        if told.parcel == parcel {
            return Err(NotProved::WasTold);
        }
    }
    let (to, received_at) = (parcel.thread.to, parcel.received_at);
    Ok(Dropped { relay: relay.clone(), to, received_at, missed_at: state.at })
}
