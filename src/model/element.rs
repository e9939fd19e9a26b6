use super::{NpcName, ParseIdError, Party, PartyParseError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Names an element of a response by its place, both numbers counted from zero: `items/0/elements/2`.
///
/// It can hold no other words, so that it may stand in the clear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementPath {
    /// The answer in the response.
    pub answer: u32,
    /// The element in the answer.
    pub element: u32,
}

/// To whom information would be passed on: an authority of the State that holds it, or another party.
///
/// Their forms differ (`police-cid`, `XCC`), so that one text tells them apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// An authority or court of the State that holds the information, by its name there.
    Authority(NpcName),
    /// Another State's NPC or an organisation.
    Party(Party),
}

impl fmt::Display for ElementPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "items/{}/elements/{}", self.answer, self.element)
    }
}

impl FromStr for ElementPath {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = ParseIdError { what: "element", why: "expected a form like items/0/elements/2" };
        let parts: Vec<&str> = text.split('/').collect();
        let ["items", answer, "elements", element] = parts.as_slice() else { return Err(wrong) };
        let number = |digits: &str| digits.parse().ok();
        let path = number(answer).zip(number(element)).map(|(answer, element)| Self { answer, element });
        // Only the one way of writing a number is accepted, so that a path has one form.
        path.filter(|path| path.to_string() == text).ok_or(wrong)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(name) => f.write_str(name.as_str()),
            Self::Party(party) => write!(f, "{party}"),
        }
    }
}

impl FromStr for Recipient {
    type Err = PartyParseError;
    fn from_str(text: &str) -> Result<Self, PartyParseError> {
        text.parse().map(Self::Authority).or_else(|_| text.parse().map(Self::Party))
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
    };
}
as_text!(ElementPath);
as_text!(Recipient);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_form_and_holds_nothing_but_places() {
        let path: ElementPath = "items/0/elements/12".parse().unwrap();
        assert_eq!((path.answer, path.element), (0, 12));
        for bad in [
            "",
            "items/0",
            "items/00/elements/1",
            "items/+1/elements/1",
            "items/0/elements/1/",
            "items/x/elements/1",
        ] {
            assert!(bad.parse::<ElementPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn authorities_and_parties_are_told_apart_by_their_form() {
        for (text, foreign) in
            [("police-cid", false), ("XCC", true), ("XCC/police", true), ("org:ecowas", true)]
        {
            let recipient: Recipient = text.parse().unwrap();
            assert_eq!(recipient.to_string(), text);
            assert_eq!(matches!(recipient, Recipient::Party(_)), foreign);
        }
        assert!("Inspector Brown".parse::<Recipient>().is_err(), "a name of a person");
    }
}
