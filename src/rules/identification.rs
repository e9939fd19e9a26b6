//! What is derived from an identification and never typed (ISACS 6).

use crate::model::{Field, Item, MarkingKind, Part, Text};
use std::collections::BTreeSet;

/// Names the parts that bear another serial number than the frame or receiver (ISACS 6.4.4).
///
/// Only numbers that were read in full are compared, by their [`search_key`].
pub fn other_numbers(item: &Item) -> BTreeSet<Part> {
    let Some(primary) = item.primary_serial().and_then(|s| key_of(s.number.as_ref())) else {
        return BTreeSet::new();
    };
    let serials = item.serials.iter().map(|s| (s.part, key_of(s.number.as_ref())));
    let marks = item.markings.iter().filter(|m| m.kind == MarkingKind::Serial);
    serials
        .chain(marks.map(|m| (m.part, key_of(m.text.as_ref()))))
        .filter(|(part, key)| *part != Part::FrameReceiver && key.as_ref().is_some_and(|k| *k != primary))
        .map(|(part, _)| part)
        .collect()
}

/// Folds a serial number to the key by which records are searched (DESIGN §3.4).
///
/// Case, spaces and punctuation fall away; `O` becomes `0`, `I` and `L` become `1`; Cyrillic and Greek
/// letters become the Latin ones they look like. Leading zeros stay. The number as marked is kept beside it.
pub fn search_key(serial: &str) -> String {
    serial.chars().flat_map(char::to_uppercase).map(look_alike).filter(|c| c.is_alphanumeric()).collect()
}

/// Tells whether a text is only a word for nothing, such as `N/A`, `none`, `S/N`, `???` or `XXXX`.
///
/// Such words hide which state is meant (DESIGN §3.1): removed, unreadable, never marked or not examined.
pub fn is_word_for_nothing(text: &str) -> bool {
    let letters: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(without_accent)
        .filter(|c| c.is_alphanumeric())
        .collect();
    let only_x = letters.len() > 1 && letters.chars().all(|c| c == 'x');
    letters.is_empty() || only_x || WORDS_FOR_NOTHING.contains(&letters.as_str())
}

/// Words for nothing, lower case, without accents, spaces or punctuation.
#[rustfmt::skip]
const WORDS_FOR_NOTHING: &[&str] = &[
    // English
    "na", "none", "nil", "null", "nothing", "no", "notavailable", "notapplicable", "notknown", "unknown", "unk",
    "unkn", "unspecified", "notspecified", "notstated", "notrecorded", "norecord", "undetermined", "sn",
    "notdetermined", "unidentified", "notidentified", "nonumber", "noserial", "noserialnumber", "nosn",
    "nomarking", "nomarkings", "nomark", "nomarks", "unmarked", "notmarked", "removed", "erased", "defaced",
    "obliterated", "filedoff", "groundoff", "scratched", "scratchedoff", "worn", "illegible", "unreadable",
    "notreadable", "notlegible", "notvisible", "nonevisible", "nonefound", "notfound", "missing", "blank",
    "empty", "tbd", "tba", "tbc",
    // French
    "inconnu", "inconnue", "aucun", "aucune", "neant", "nul", "rien", "sansnumero", "sansmarque", "sansmarquage",
    "sansobjet", "pasdenumero", "illisible", "efface", "effacee", "lime", "limee", "meule", "meulee", "manquant",
    "nondisponible", "nonapplicable", "nonrenseigne", "nonprecise", "nonidentifie", "nonlisible", "nonvisible",
    "indetermine", "absent", "nd",
    // Portuguese
    "desconhecido", "desconhecida", "nenhum", "nenhuma", "nada", "semnumero", "semmarca", "semmarcacao",
    "ilegivel", "apagado", "apagada", "raspado", "raspada", "rasurado", "rasurada", "suprimido", "suprimida",
    "removido", "removida", "ausente", "naodisponivel", "naoaplicavel", "naoinformado", "naoconsta",
    "naoidentificado", "ignorado", "indeterminado",
    // Spanish
    "desconocido", "desconocida", "ninguno", "ninguna", "sinnumero", "sinmarca", "sindatos", "ilegible",
    "borrado", "borrada", "limado", "limada", "nodisponible", "noaplica", "noconsta", "nolegible", "novisible",
    "noidentificado", "seignora",
    // Arabic
    "مجهول", "غيرمعروف", "غيرمتوفر", "غيرمتاح", "غيرمقروء", "لايوجد", "لاشيء", "بدون", "بدونرقم", "ممسوح", "مطموس",
    // Swahili and Russian
    "haijulikani", "hakuna", "неизвестно", "неизвестен", "отсутствует", "нет",
];

fn key_of(number: Option<&Field<Text>>) -> Option<String> {
    number.and_then(Field::known).map(|text| search_key(text.reveal()))
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

const fn without_accent(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'º' | '°' | 'ª' => ' ',
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ItemKind, Serial};
    use crate::rules::samples::{item, text};
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
    fn words_for_nothing_in_many_languages() {
        for word in [
            "N/A",
            "n.a.",
            "None",
            "UNKNOWN",
            "-",
            "S/N",
            "s/nº",
            "???",
            "XXXX",
            "…",
            "  ",
            "Néant",
            "inconnue",
            "Sem número",
            "não disponível",
            "sin número",
            "Ilegível",
            "غير معروف",
            "неизвестно",
            "filed off",
        ] {
            assert!(is_word_for_nothing(word), "{word}");
        }
        for word in ["AK", "X", "XM177", "0000", "Norinco", "No. 4 Mk I", "Removable stock", "AB-12"] {
            assert!(!is_word_for_nothing(word), "{word}");
        }
    }

    #[test]
    fn the_word_list_is_in_its_folded_form() {
        for word in WORDS_FOR_NOTHING {
            assert!(is_word_for_nothing(&word.to_uppercase()), "{word}");
        }
    }

    #[test]
    fn clause_6_4_4_another_number_on_the_slide() {
        let mut weapon = item(ItemKind::Weapon);
        let serial = |part, number| Serial { part, number: Some(text(number)), location: None };
        weapon.serials = vec![serial(Part::Slide, "A-1O"), serial(Part::FrameReceiver, "a10")];
        assert!(other_numbers(&weapon).is_empty(), "O and 0 are one reading");
        weapon.serials.push(serial(Part::Barrel, "A2"));
        assert_eq!(other_numbers(&weapon), BTreeSet::from([Part::Barrel]));
    }

    proptest! {
        #[test]
        fn search_key_is_idempotent_and_blind_to_case(serial in "\\PC{0,20}") {
            let key = search_key(&serial);
            prop_assert_eq!(&search_key(&key), &key);
            prop_assert_eq!(search_key(&serial.to_uppercase()), key);
        }

        #[test]
        fn any_text_with_a_digit_is_no_word_for_nothing(before in "[a-z ]{0,6}", digit in "[0-9]") {
            prop_assert!(!is_word_for_nothing(&(before + &digit)));
        }
    }
}
