//! The nouns of the standard (ISACS 05.31): parties, countries, time, identification, acts,
//! restrictions. Nothing here reads a clock, a file or a random source.

mod country;
mod country_table;
mod entropy;
mod ids;
mod party;
mod sensitive;
mod time;

pub use country::{Country, CountryKind};
pub use entropy::Entropy;
pub use ids::{CaseId, Digest, MessageId, ParseIdError};
pub use party::{NpcName, Party, PartyParseError};
pub use sensitive::Sensitive;
pub use time::{DAY, HOUR, MINUTE, PartialDate, TimeParseError, Timestamp, WEEK};
