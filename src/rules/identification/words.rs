use crate::model::Field;

/// Tells whether a text is only a word for nothing, such as `N/A`, `none`, `S/N`, `???` or `XXXX`.
///
/// Such words hide which state is meant (DESIGN §3.1): removed, unreadable, never marked or not examined.
pub fn is_word_for_nothing(text: &str) -> bool {
    // No more of it is folded than tells: a text may be long.
    let letters: String = folded(text).take(LONGEST_WORD + 1).collect();
    let only_x = letters.len() > 1 && folded(text).all(|c| c == 'x');
    letters.is_empty()
        || only_x
        || state_meant_by(&letters).is_some()
        || WORDS_FOR_NOTHING.contains(&letters.as_str())
}

/// Returns the state that a word for nothing names beyond doubt, such as `filed off` or `illisible`.
pub fn state_meant<T>(text: &str) -> Option<Field<T>> {
    state_meant_by(&letters_of(text)).map(|state| match state {
        State::Removed => Field::Removed,
        State::Unreadable => Field::Unreadable,
        State::NeverMarked => Field::NeverMarked,
        State::NotExamined => Field::NotExamined,
    })
}

/// Folds a text to its letters and digits: lower case, without accents, spaces and punctuation.
pub fn letters_of(text: &str) -> String {
    folded(text).collect()
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).map(without_accent).filter(|c| c.is_alphanumeric())
}

#[derive(Clone, Copy)]
enum State {
    Removed,
    Unreadable,
    NeverMarked,
    NotExamined,
}

fn state_meant_by(letters: &str) -> Option<State> {
    [
        (REMOVED, State::Removed),
        (UNREADABLE, State::Unreadable),
        (NEVER_MARKED, State::NeverMarked),
        (NOT_EXAMINED, State::NotExamined),
    ]
    .into_iter()
    .find_map(|(words, state)| words.contains(&letters).then_some(state))
}

/// The most letters of any word below.
const LONGEST_WORD: usize = 15;

/// Words for a mark that someone took away; folded as [`letters_of`] does.
#[rustfmt::skip]
const REMOVED: &[&str] = &[
    "removed", "erased", "defaced", "obliterated", "filedoff", "groundoff", "scratchedoff", "efface",
    "effacee", "lime", "limee", "meule", "meulee", "raspado", "raspada", "rasurado", "rasurada",
    "suprimido", "suprimida", "removido", "removida", "limado", "limada", "ممسوح", "مطموس",
];

/// Words for a mark that is there and cannot be read.
#[rustfmt::skip]
const UNREADABLE: &[&str] = &[
    "worn", "illegible", "unreadable", "notreadable", "notlegible", "illisible", "nonlisible", "ilegivel",
    "ilegible", "nolegible", "غيرمقروء",
];

/// Words for what the maker never marked.
#[rustfmt::skip]
const NEVER_MARKED: &[&str] = &[
    "nevermarked", "jamaismarque", "jamaismarquee", "nuncamarcado", "nuncamarcada",
];

/// Words for what nobody has looked at.
#[rustfmt::skip]
const NOT_EXAMINED: &[&str] = &[
    "notexamined", "nonexamine", "nonexaminee", "naoexaminado", "naoexaminada", "noexaminado",
    "noexaminada",
];

/// Words for nothing that do not say which state is meant.
#[rustfmt::skip]
const WORDS_FOR_NOTHING: &[&str] = &[
    // English
    "na", "none", "nil", "null", "nothing", "no", "notavailable", "notapplicable", "notknown", "unknown", "unk",
    "unkn", "unspecified", "notspecified", "notstated", "notrecorded", "norecord", "undetermined", "sn",
    "notdetermined", "unidentified", "notidentified", "nonumber", "noserial", "noserialnumber", "nosn",
    "nomarking", "nomarkings", "nomark", "nomarks", "unmarked", "notmarked",
    "scratched",
    "notvisible", "nonevisible", "nonefound", "notfound", "missing", "blank",
    "empty", "tbd", "tba", "tbc",
    // French
    "inconnu", "inconnue", "aucun", "aucune", "neant", "nul", "rien", "sansnumero", "sansmarque", "sansmarquage",
    "sansobjet", "pasdenumero", "manquant",
    "nondisponible", "nonapplicable", "nonrenseigne", "nonprecise", "nonidentifie", "nonvisible",
    "indetermine", "absent", "nd",
    // Portuguese
    "desconhecido", "desconhecida", "nenhum", "nenhuma", "nada", "semnumero", "semmarca", "semmarcacao",
    "apagado", "apagada",
    "ausente", "naodisponivel", "naoaplicavel", "naoinformado", "naoconsta",
    "naoidentificado", "ignorado", "indeterminado",
    // Spanish
    "desconocido", "desconocida", "ninguno", "ninguna", "sinnumero", "sinmarca", "sindatos",
    "borrado", "borrada", "nodisponible", "noaplica", "noconsta", "novisible",
    "noidentificado", "seignora",
    // Arabic
    "مجهول", "غيرمعروف", "غيرمتوفر", "غيرمتاح", "لايوجد", "لاشيء", "بدون", "بدونرقم",
    // Swahili and Russian
    "haijulikani", "hakuna", "неизвестно", "неизвестен", "отсутствует", "нет",
];

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
    use proptest::prelude::*;

    #[test]
    fn words_for_nothing_in_many_languages() {
        #[rustfmt::skip]
        let words = [
            "N/A", "n.a.", "None", "UNKNOWN", "-", "S/N", "s/nº", "???", "XXXX", "xxxxxxxx xxxxxxxx xxxxxxxx", "…", "  ", "Néant", "inconnue",
            "Sem número", "não disponível", "sin número", "Ilegível", "غير معروف", "неизвестно", "filed off",
        ];
        for word in words {
            assert!(is_word_for_nothing(word), "{word}");
        }
        for word in [
            "AK",
            "X",
            "XM177",
            "0000",
            "Norinco",
            "No. 4 Mk I",
            "Removable stock",
            "AB-12",
            "noserialnumbers",
            "xxxxxxxxxxxxxxxxxxxx1",
        ] {
            assert!(!is_word_for_nothing(word), "{word}");
        }
    }

    #[test]
    fn words_that_name_a_state_and_words_that_do_not() {
        let meant = |text| state_meant::<crate::model::Text>(text).map(|field| field.state());
        for (word, state) in [
            ("Removed", "removed"),
            ("raspado", "removed"),
            ("Effacé", "removed"),
            ("مطموس", "removed"),
            ("ilegível", "unreadable"),
            ("never_marked", "never_marked"),
            ("not examined", "not_examined"),
        ] {
            assert_eq!(meant(word), Some(state), "{word}");
        }
        for word in ["N/A", "none", "unknown", "sem marca", "unmarked", "AB 12", ""] {
            assert_eq!(meant(word), None, "{word}");
        }
    }

    #[test]
    fn the_word_lists_are_in_their_folded_form() {
        for list in [REMOVED, UNREADABLE, NEVER_MARKED, NOT_EXAMINED, WORDS_FOR_NOTHING] {
            for word in list {
                assert_eq!(letters_of(&word.to_uppercase()), *word);
                assert!(word.chars().count() <= LONGEST_WORD, "{word}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_with_a_digit_is_no_word_for_nothing(before in "[a-z ]{0,6}", digit in "[0-9]") {
            prop_assert!(!is_word_for_nothing(&(before + &digit)));
        }
    }
}
