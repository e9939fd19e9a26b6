//! The nouns of the standard (ISACS 05.31): parties, countries, time, identification, acts,
//! restrictions. Nothing here reads a clock, a file or a random source.

mod acts;
mod annotations;
mod attached;
mod country;
mod country_table;
mod element;
mod entropy;
mod exemption;
mod field;
mod head;
mod held;
mod identification;
mod ids;
mod label;
mod officer;
mod party;
mod role;
mod sensitive;
mod signed;
mod ternary;
mod time;

pub use acts::*;
pub use annotations::without_annotations;
pub use attached::{Attached, AttachedFile, FileKey};
pub use country::{Country, CountryKind};
pub use element::{ElementPath, Recipient};
pub use entropy::Entropy;
pub use exemption::{Exemption, NotTraced};
pub use field::{Claim, Field, FieldValue, Ground, GroundCode, Normalised, Text};
pub use head::{DirectoryRef, Head};
pub use held::{Held, HeldId};
pub use identification::*;
pub use ids::{CaseId, Digest, MessageId, ParseIdError};
pub use label::{Audience, Label, Onward, OtherCaveat, Purpose, Restriction};
pub use officer::{Matter, OfficerKey, OfficerKeyError, OfficerSignature};
pub use party::{NpcName, Party, PartyParseError};
pub use role::Role;
pub use sensitive::Sensitive;
pub use signed::SignedBytes;
pub use ternary::Ternary;
pub use time::{DAY, HOUR, MINUTE, PartialDate, TimeParseError, Timestamp, WEEK};
