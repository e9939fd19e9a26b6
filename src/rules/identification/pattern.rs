use crate::model::{Field, Item, ItemKind, MarkingKind, Part, Text};

/// Folds a serial number to the key by which records are searched (DESIGN §3.4).
///
/// Case, spaces and punctuation fall away; `O` becomes `0`, `I` and `L` become `1`; Cyrillic and Greek
/// letters become the Latin ones they look like. Leading zeros stay. The number as marked is kept beside it.
pub fn search_key(serial: &str) -> String {
    serial.chars().flat_map(key_chars).collect()
}

/// Folds a number that was read in part as [`search_key`] does, keeping its `?` and `*`.
pub fn pattern_key(pattern: &str) -> String {
    let mut out = String::new();
    for c in pattern.chars() {
        match c {
            WILD_RUN if out.ends_with(WILD_RUN) => {}
            WILD_ONE | WILD_RUN => out.push(c),
            read => out.extend(key_chars(read)),
        }
    }
    out
}

/// Tells whether a number fits one that was read in part: `?` stands for one character, `*` for any run.
///
/// It fits as marked or by its search key: `AB?12` finds `ab-12`, whose key `AB12` alone would not fit.
pub fn matches(pattern: &str, candidate: &str) -> bool {
    let marked = |text: &str| -> Vec<String> { text.chars().map(|c| c.to_uppercase().collect()).collect() };
    let one = |c: &String| c == "?";
    let run = |c: &String| c == "*";
    fits(&marked(pattern), &marked(candidate), one, run) || {
        let (pattern, key): (Vec<char>, Vec<char>) =
            (pattern_key(pattern).chars().collect(), search_key(candidate).chars().collect());
        fits(&pattern, &key, |c| *c == WILD_ONE, |c| *c == WILD_RUN)
    }
}

/// A number of an item, folded for a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchKey {
    /// The part that bears it.
    pub part: Part,
    /// Whether it is the primary source for identifying the item (ISACS 6.4.4).
    pub primary: bool,
    /// Whether it was read in full; if not, the key holds `?` and `*`.
    pub whole: bool,
    /// The number as marked.
    pub number: Text,
    /// The key.
    pub key: Text,
}

/// Lists the numbers of an item in the order in which records are searched: primary ones first (ISACS 6.4.4).
///
/// A number of which no character was read is left out, since it finds everything.
pub fn search_keys(item: &Item) -> Vec<SearchKey> {
    let serials = item.serials.iter().map(|s| (s.part, s.number.as_ref()));
    let marks = item.markings.iter().filter(|m| m.kind == MarkingKind::Serial);
    let mut keys: Vec<SearchKey> = Vec::new();
    for (part, number) in serials.chain(marks.map(|m| (m.part, m.text.as_ref()))) {
        let Some(found) = number.and_then(|n| key(part, is_primary(item.kind, part), n)) else { continue };
        if !keys.contains(&found) {
            keys.push(found);
        }
    }
    keys.sort_by_key(|k| !k.primary);
    keys
}

/// Tells whether a number on this part is the primary one: that of the frame or receiver (ISACS 6.4.4).
///
/// A part on its own has no frame or receiver: any number on it identifies it.
pub fn is_primary(kind: ItemKind, part: Part) -> bool {
    part == Part::FrameReceiver || kind == ItemKind::Part
}

const WILD_ONE: char = '?';
const WILD_RUN: char = '*';

fn key(part: Part, primary: bool, number: &Field<Text>) -> Option<SearchKey> {
    let (number, whole) = match number {
        Field::Value(claim) => (&claim.as_marked, true),
        Field::PartlyRead(pattern) => (pattern, false),
        Field::Removed
        | Field::Unreadable
        | Field::NeverMarked
        | Field::NotExamined
        | Field::NotPossible(_)
        | Field::Withheld(_) => return None,
    };
    if super::is_word_for_nothing(number.reveal()) {
        return None;
    }
    let key = if whole { search_key(number.reveal()) } else { pattern_key(number.reveal()) };
    Some(SearchKey { part, primary, whole, number: number.clone(), key: Text::new(key) })
}

/// Matches with one remembered `*`, so that a long pattern costs at most pattern × text steps.
fn fits<T: PartialEq>(pattern: &[T], text: &[T], one: impl Fn(&T) -> bool, run: impl Fn(&T) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_run: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p).is_some_and(&run) {
            last_run = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| one(c) || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, start)) = last_run {
            last_run = Some((star, start + 1));
            (p, t) = (star + 1, start + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(run)
}

fn key_chars(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().map(look_alike).filter(|c| c.is_alphanumeric())
}

/// Maps an upper-case character to the one that stands for all that look like it.
const fn look_alike(c: char) -> char {
    match c {
        'O' | 'О' | 'Ο' => '0',
        'I' | 'L' | 'І' | 'Ӏ' | 'Ι' => '1',
        'З' => '3',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ё' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        // Arabic-Indic, Persian and full-width digits stand for the same numbers.
        '\u{0660}'..='\u{0669}' => digit(c, '\u{0660}'),
        '\u{06F0}'..='\u{06F9}' => digit(c, '\u{06F0}'),
        '\u{FF10}'..='\u{FF19}' => digit(c, '\u{FF10}'),
        plain => plain,
    }
}

const fn digit(c: char, zero: char) -> char {
    // The caller's ranges keep the difference below ten.
    (b'0' + (c as u32 - zero as u32) as u8) as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Serial;
    use crate::rules::samples::{item, mark, text, words};
    use proptest::prelude::*;

    #[test]
    fn search_key_folds_what_a_reader_confuses_and_keeps_zeros() {
        assert_eq!(search_key("00-12 oO.iIlL"), "0012001111");
        assert_eq!(search_key("АК 47"), search_key("AK-47"), "Cyrillic А and К");
        assert_eq!(search_key("ΑΒ١٢٣"), "AB123", "Greek letters, Arabic-Indic digits");
        assert_ne!(search_key("0123"), search_key("123"));
        assert_ne!(search_key("Ж1"), search_key("1"), "a letter without a double stays");
    }

    #[test]
    fn wildcards_stand_for_one_character_and_for_any_run() {
        for (pattern, candidate) in [
            ("AB?12", "ab012"),
            ("AB?12", "AB-12"),
            ("*7742", "XK 7742"),
            ("7?42*", "7O42"),
            ("A*1*9", "A11199"),
        ] {
            assert!(matches(pattern, candidate), "{pattern} {candidate}");
        }
        for (pattern, candidate) in
            [("AB?12", "AB12"), ("AB?12", "AB0012"), ("*7742", "77420"), ("", "1"), ("A*1*9", "A9")]
        {
            assert!(!matches(pattern, candidate), "{pattern} {candidate}");
        }
        assert_eq!(pattern_key("ab-o?**l *"), "AB0?*1*");
    }

    #[test]
    fn clause_6_4_4_records_are_searched_by_the_frames_number_first() {
        let mut weapon = item(ItemKind::Weapon);
        let serial = |part, number| Serial { part, number: Some(number), location: None };
        weapon.serials = vec![
            serial(Part::Slide, text("S-1")),
            serial(Part::Barrel, Field::Removed),
            serial(Part::FrameReceiver, Field::PartlyRead(words("F?2"))),
            serial(Part::Bolt, Field::PartlyRead(words("??"))),
        ];
        weapon.markings = vec![mark("m1", Part::Slide, MarkingKind::Serial, "S-1")];
        let found: Vec<_> = search_keys(&weapon)
            .into_iter()
            .map(|k| (k.part, k.primary, k.whole, k.key.reveal().clone()))
            .collect();
        assert_eq!(
            found,
            [
                (Part::FrameReceiver, true, false, "F?2".to_owned()),
                (Part::Slide, false, true, "S1".to_owned())
            ]
        );
        weapon.kind = ItemKind::Part;
        assert!(search_keys(&weapon).iter().all(|k| k.primary));
    }

    proptest! {
        #[test]
        fn search_key_is_idempotent_and_blind_to_case(serial in "\\PC{0,20}") {
            let key = search_key(&serial);
            prop_assert_eq!(&search_key(&key), &key);
            prop_assert_eq!(search_key(&serial.to_uppercase()), key);
        }

        #[test]
        fn a_number_fits_itself_with_any_characters_unread(
            serial in "\\PC{1,16}", unread in proptest::collection::vec(any::<bool>(), 16)
        ) {
            let pattern: String =
                serial.chars().zip(unread).map(|(c, unread)| if unread { '?' } else { c }).collect();
            prop_assert!(matches(&pattern, &serial));
        }

        #[test]
        fn a_number_fits_itself_with_any_run_unread(
            head in "\\PC{0,8}", run in "\\PC{0,8}", tail in "\\PC{0,8}"
        ) {
            let whole = format!("{head}{run}{tail}");
            let pattern = format!("{head}*{tail}");
            prop_assert!(matches(&pattern, &whole));
        }

        #[test]
        fn without_wildcards_only_equal_keys_fit(a in "[A-C0-2oil .-]{0,4}", b in "[A-C0-2oil .-]{0,4}") {
            prop_assert_eq!(matches(&a, &b), search_key(&a) == search_key(&b));
        }

        #[test]
        fn one_wildcard_fixes_the_length(digits in "[0-9]{0,6}", more in "[0-9]{1,3}") {
            let pattern = "?".repeat(digits.len());
            prop_assert!(matches(&pattern, &digits));
            let longer = digits + &more;
            prop_assert!(!matches(&pattern, &longer));
        }
    }
}
