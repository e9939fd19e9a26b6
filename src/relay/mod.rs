//! A relay's decisions as a plan without IO: custody, mailboxes, quotas, expiry (DESIGN §5.3, §9).
//!
//! A relay keeps sealed parcels for members that no road reaches just now. It cannot read them, since it
//! holds no key that opens any; it cannot forge them, since each is signed by its sender's log key; and it
//! cannot drop one in silence, since it has signed for each with a number in an unbroken row
//! ([`Custody`], [`prove_dropped`]).

mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod inbox;
mod parcel;
mod plan;
mod proof;
mod quota;
#[cfg(test)]
mod tests;
mod words;

pub use error::{Refusal, RelayError};
pub use inbox::{Inbox, Row, Seen};
pub use parcel::{Freight, Lane, Offer, Parcel, Thread};
pub use plan::{Command, Decision, Effect, Event, Plan};
pub use proof::{CustodyFile, Dropped, Fate, NotProved, SignedFor, judge, prove_dropped};
pub use quota::{Quotas, Usage};
pub use words::{Collected, Custody, MailboxState, Notice, Refused, Signer, Wrapped};
