//! What a requester that cannot keep confidence is given (ISACS 8.4, last paragraph, and 8.3.4.2 b).

use super::completeness::Completeness;
use crate::model::{Answer, Ground, GroundCode, Response};

/// What an officer is told before writing to a State that has declared that it cannot keep confidence.
pub const WORDS: &str = "the requesting State declares that it cannot keep what it is given confidential, or \
                         cannot respect restrictions on its use (8.4): ground b of 8.3.4.2 lets you withhold";

/// Lists what a response gives although its requester has declared that it cannot keep confidence.
///
/// The choice is the responding State's; a gateway asks that it be made knowingly.
pub fn given(can_comply: Option<bool>, response: &Response) -> Completeness {
    let mut found = Completeness::default();
    if can_comply != Some(false) {
        return found;
    }
    for (at, item) in response.items.iter().enumerate() {
        for (number, element) in item.elements.iter().enumerate() {
            if !matches!(element.answer, Answer::Value { .. }) {
                continue;
            }
            let restricted = element.label.as_ref().is_some_and(|label| !label.is_unrestricted());
            let why = if restricted {
                "its label is no protection there; withhold it on ground b, or give it knowingly"
            } else {
                "it will not stay confidential; withhold it on ground b, or give it knowingly"
            };
            found.need("8.4", format!("items[{at}].elements[{number}].answer"), why);
        }
    }
    found
}

/// Tells whether one of these grounds is at odds with what the requester has declared.
pub fn unfounded<'g>(can_comply: Option<bool>, grounds: impl IntoIterator<Item = &'g Ground>) -> bool {
    can_comply == Some(true) && grounds.into_iter().any(|ground| ground.code == GroundCode::B)
}

/// Lists the grounds on which a response withholds or delays.
pub fn grounds(response: &Response) -> impl Iterator<Item = &Ground> {
    response.items.iter().flat_map(|item| &item.elements).filter_map(|element| match &element.answer {
        Answer::Withheld { ground } | Answer::Delayed { ground, .. } => Some(ground),
        Answer::Value { .. } | Answer::NoRecord { .. } | Answer::NotApplicable { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{About, Digest, Element, ItemAnswer, Label, Onward, Outcome, Particulars, Text};

    fn response(answers: Vec<(Answer, Option<Label>)>) -> Response {
        let element = |(answer, label)| Element { about: About::LastLegalOwner, answer, label };
        let elements = answers.into_iter().map(element).collect();
        let items =
            vec![ItemAnswer { item: 0, outcome: Outcome::Partial, reason: None, next_state: None, elements }];
        Response { request: Digest([0; 32]), items, note: None }
    }

    fn ground(code: GroundCode) -> Ground {
        Ground { code, reason: Text::new("as declared".to_owned()), law: None }
    }

    #[test]
    fn clause_8_4_a_value_for_a_requester_that_cannot_keep_confidence_is_given_knowingly() {
        let value = || Answer::Value { value: Particulars::default() };
        let bound = Label { onward: Onward::None, ..Label::default() };
        let withheld = Answer::Withheld { ground: ground(GroundCode::B) };
        let mixed = response(vec![(value(), None), (withheld, None), (value(), Some(bound))]);
        let fields: Vec<String> =
            given(Some(false), &mixed).missing.into_iter().map(|finding| finding.field).collect();
        assert_eq!(fields, ["items[0].elements[0].answer", "items[0].elements[2].answer"]);
        for declared in [None, Some(true)] {
            assert!(given(declared, &mixed).is_complete());
        }
    }

    #[test]
    fn clause_8_3_4_2_b_is_at_odds_with_a_declaration_that_confidence_is_kept() {
        let withheld = |code| response(vec![(Answer::Withheld { ground: ground(code) }, None)]);
        let b = withheld(GroundCode::B);
        assert!(unfounded(Some(true), grounds(&b)));
        assert!(!unfounded(Some(false), grounds(&b)) && !unfounded(None, grounds(&b)));
        assert!(!unfounded(Some(true), grounds(&withheld(GroundCode::C))));
    }
}
