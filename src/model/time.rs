use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Seconds in a minute.
pub const MINUTE: i64 = 60;
/// Seconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Seconds in a day; due dates are counted in UTC days, which have no leap here.
pub const DAY: i64 = 24 * HOUR;
/// Seconds in a week.
pub const WEEK: i64 = 7 * DAY;

/// The last second of the year 9999, beyond which RFC 3339 has no text form.
const LATEST: i64 = 253_402_300_799;

/// An instant in UTC, in whole seconds since 1970-01-01T00:00:00Z; RFC 3339 in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Says why a text is no instant or no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {expected}")]
pub struct TimeParseError {
    text: String,
    expected: &'static str,
}

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// Takes seconds since the epoch; `None` outside the years 1970 to 9999.
    pub const fn from_unix(seconds: i64) -> Option<Self> {
        if seconds >= 0 && seconds <= LATEST { Some(Self(seconds)) } else { None }
    }

    /// Returns seconds since the epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Moves by `seconds`, stopping at the ends of the range.
    pub const fn saturating_add(self, seconds: i64) -> Self {
        let moved = self.0.saturating_add(seconds);
        Self(if moved < 0 {
            0
        } else if moved > LATEST {
            LATEST
        } else {
            moved
        })
    }

    /// Returns the seconds from `earlier` to this instant; negative if it is later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Returns midnight UTC of the same day.
    pub const fn start_of_day(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY))
    }

    /// Returns the calendar year in UTC.
    pub fn year(self) -> u16 {
        self.to_string()[..4].parse().unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_second(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.0}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Timestamp {
    type Err = TimeParseError;
    fn from_str(text: &str) -> Result<Self, TimeParseError> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(|t| Self::from_unix(t.as_second()))
            .ok_or_else(|| TimeParseError { text: text.to_owned(), expected: "an RFC 3339 instant" })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(de::Error::custom)
        } else {
            Self::from_unix(i64::deserialize(d)?).ok_or_else(|| de::Error::custom("instant out of range"))
        }
    }
}

/// A date known to the year, the month or the day: `1987`, `1987-04`, `1987-04-12` (DESIGN §3.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartialDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

impl PartialDate {
    /// Returns the year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Returns the month, 1 to 12, if known.
    pub const fn month(self) -> Option<u8> {
        self.month
    }

    /// Returns the day of the month, if known.
    pub const fn day(self) -> Option<u8> {
        self.day
    }
}

impl FromStr for PartialDate {
    type Err = TimeParseError;
    fn from_str(text: &str) -> Result<Self, TimeParseError> {
        let fail =
            || TimeParseError { text: text.to_owned(), expected: "a date like 1987, 1987-04 or 1987-04-12" };
        let shape_ok = matches!(text.len(), 4 | 7 | 10)
            && text
                .bytes()
                .enumerate()
                .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
        if !shape_ok {
            return Err(fail());
        }
        let number = |range: std::ops::Range<usize>| text.get(range).and_then(|s| s.parse::<u8>().ok());
        let year: u16 = text[..4].parse().map_err(|_| fail())?;
        let (month, day) = (number(5..7), number(8..10));
        let full = jiff::civil::Date::new(
            i16::try_from(year).map_err(|_| fail())?,
            i8::try_from(month.unwrap_or(1)).map_err(|_| fail())?,
            i8::try_from(day.unwrap_or(1)).map_err(|_| fail())?,
        );
        full.map(|_| Self { year, month, day }).map_err(|_| fail())
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        self.month.map_or(Ok(()), |m| write!(f, "-{m:02}"))?;
        self.day.map_or(Ok(()), |d| write!(f, "-{d:02}"))
    }
}

impl fmt::Debug for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for PartialDate {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PartialDate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339() {
        let t: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
        assert_eq!(t.to_string(), "2026-01-01T10:00:00Z");
        assert_eq!(t.start_of_day().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(t.year(), 2026);
        assert_eq!("2026-01-01T11:00:00+01:00".parse::<Timestamp>().unwrap(), t);
    }

    #[test]
    fn partial_dates_refuse_impossible_days() {
        for good in ["1944", "1944-06", "1944-06-06", "2024-02-29"] {
            assert_eq!(good.parse::<PartialDate>().unwrap().to_string(), good);
        }
        for bad in ["", "44", "1944-13", "2023-02-29", "1944-6-6", "1944/06", "１９４４"] {
            assert!(bad.parse::<PartialDate>().is_err(), "{bad}");
        }
    }
}
