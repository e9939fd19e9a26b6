use clap::Subcommand;

/// `report …`
#[derive(Clone, Debug, Subcommand)]
pub enum ReportVerb {
    /// Count the restrictions placed and met with, by year, party and code; no count tells of a single case.
    Restrictions {
        /// A year such as 2026, or years such as 2025-2026; this year by default.
        #[arg(long, value_name = "YEARS", value_parser = years)]
        period: Option<(u16, u16)>,
        /// The fewest acts of which a count tells; never under 5.
        #[arg(long, value_name = "N")]
        min_cell: Option<u64>,
    },
}

fn years(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "a period is a year such as 2026, or years such as 2025-2026".to_owned();
    let year = |text: &str| text.parse().ok().filter(|year| (1900..=9999).contains(year)).ok_or_else(wrong);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (year(from)?, year(to)?);
    if from <= to { Ok((from, to)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_year_or_two_in_order() {
        assert_eq!((years("2026"), years("2025-2026")), (Ok((2026, 2026)), Ok((2025, 2026))));
        for wrong in ["", "26", "2026-2025", "2025-", "2025-2026-2027", "May 2026"] {
            assert!(years(wrong).is_err(), "{wrong}");
        }
    }
}
