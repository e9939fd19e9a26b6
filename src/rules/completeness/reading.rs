//! What a field's state is worth to a validator.

use crate::model::{Field, FieldValue, Text};
use crate::rules::identification::is_word_for_nothing;

/// What a required field gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A value, or the reason why there can be none (ISACS 8.3.2 ¶3).
    Given,
    /// Some characters of a marking.
    InPart,
    /// There is no readable marking; the state's name says why (ISACS 6.2 b, 6.4.3).
    Unmarked(&'static str),
    /// Nothing; the words say what to do.
    Lacking(&'static str),
}

impl Reading {
    pub(super) const fn is_lacking(self) -> bool {
        matches!(self, Self::Lacking(_))
    }
}

/// Weighs a field that may be required.
pub(super) fn read<T: FieldValue>(field: Option<&Field<T>>) -> Reading {
    let Some(field) = field else {
        return Reading::Lacking("it is blank; give a value, or the state that applies");
    };
    match field {
        Field::Value(claim) if is_word_for_nothing(&claim.as_marked.text()) => Reading::Lacking(
            "the value is only a word for nothing; use the state that is meant: removed, unreadable, \
             never_marked, or not_possible with its reason",
        ),
        Field::Value(_) => Reading::Given,
        Field::PartlyRead(pattern) if is_word_for_nothing(pattern.reveal()) => {
            Reading::Lacking("the pattern holds no character that was read; use 'unreadable'")
        }
        Field::PartlyRead(_) => Reading::InPart,
        Field::Removed | Field::Unreadable | Field::NeverMarked => Reading::Unmarked(field.state()),
        Field::NotExamined => Reading::Lacking("nobody has looked yet; examine the item before asking"),
        Field::NotPossible(reason) if said(Some(reason)) => Reading::Given,
        Field::NotPossible(_) => Reading::Lacking("'not_possible' needs its reason in words"),
        Field::Withheld(_) => Reading::Lacking(
            "only the requested State may withhold (8.3.4.2); give a value, or 'not_possible' with its reason",
        ),
    }
}

/// Tells whether a text is there and is more than a word for nothing.
pub(in crate::rules) fn said(text: Option<&Text>) -> bool {
    text.is_some_and(|t| !is_word_for_nothing(t.reveal()))
}
