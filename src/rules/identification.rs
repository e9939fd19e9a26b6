//! What is derived from an identification and never typed (ISACS 6).

mod calibre;
mod pattern;
mod register;
mod words;

pub use calibre::{CALIBRE_LIST, CALIBRE_LIST_VERSION, normalise_calibres, normalised};
pub use pattern::{SearchKey, is_primary, matches, pattern_key, search_key, search_keys};
pub use register::{Agreement, Candidate, RegisterRow, Verdict, candidates, verdict};
pub use words::{is_word_for_nothing, letters_of, state_meant};

use crate::model::{Item, Part};
use std::collections::BTreeSet;

/// Names the parts that bear another serial number than the frame or receiver (ISACS 6.4.4).
///
/// Only numbers that were read in full are compared, by their [`search_key`].
pub fn other_numbers(item: &Item) -> BTreeSet<Part> {
    let on_frame = |key: &SearchKey| key.part == Part::FrameReceiver;
    let whole: Vec<SearchKey> = search_keys(item).into_iter().filter(|key| key.whole).collect();
    let Some(primary) = whole.iter().find(|key| on_frame(key)) else { return BTreeSet::new() };
    whole.iter().filter(|key| !on_frame(key) && key.key != primary.key).map(|key| key.part).collect()
}

/// Reads a length in millimetres written as decimal text such as `7.92`, as thousandths (ISACS 6.5 e).
///
/// Nothing that goes into a small arm or light weapon is a metre long.
pub fn millimetres(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let shape = (1..=3).contains(&whole.len()) && (1..=3).contains(&fraction.len());
    if !shape || !digits(whole) || !digits(fraction) {
        return None;
    }
    let thousandths: u32 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (thousandths > 0).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ItemKind, Serial};
    use crate::rules::samples::{item, text};

    #[test]
    fn clause_6_4_4_another_number_on_the_slide() {
        let mut weapon = item(ItemKind::Weapon);
        let serial = |part, number| Serial { part, number: Some(text(number)), location: None };
        weapon.serials = vec![serial(Part::Slide, "A-1O"), serial(Part::FrameReceiver, "a10")];
        assert!(other_numbers(&weapon).is_empty(), "O and 0 are one reading");
        weapon.serials.push(serial(Part::Barrel, "A2"));
        assert_eq!(other_numbers(&weapon), BTreeSet::from([Part::Barrel]));
    }

    #[test]
    fn clause_6_5_e_lengths_are_decimal_millimetres() {
        for (text, thousandths) in [("7.92", 7920), ("39", 39000), ("0.5", 500), ("57.405", 57405)] {
            assert_eq!(millimetres(text), Some(thousandths), "{text}");
        }
        for text in ["", "0", "7,92", "7.92 mm", ".30", "7.", "1e3", "-7.62", "1200", "7.62.1", "７.６"] {
            assert_eq!(millimetres(text), None, "{text}");
        }
    }
}
