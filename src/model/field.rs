use super::{Country, PartialDate, Sensitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Free text that may identify a weapon, a person or a place.
pub type Text = Sensitive<String>;

/// States what is known of one property of a weapon, never an empty string (DESIGN §3.1).
///
/// In JSON: `{"state":"value","value":"AB 1234"}`, `{"state":"not_possible","reason":"…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<T> {
    /// It was read in full.
    Value(Claim<T>),
    /// It was read in part; `?` stands for one character, `*` for any run of them.
    PartlyRead(Text),
    /// The marking was removed on purpose.
    Removed,
    /// The marking is there but worn or damaged.
    Unreadable,
    /// The maker never marked it.
    NeverMarked,
    /// Nobody has looked yet.
    NotExamined,
    /// It cannot be given, for this reason (ISACS 8.3.2 ¶3).
    NotPossible(Text),
    /// It is known and kept back (ISACS 8.3.4.2).
    Withheld(Ground),
}

/// A value as marked, beside its normalised form and the marking it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<T> {
    /// The value exactly as it was seen; never rewritten (DESIGN §3.3).
    pub as_marked: T,
    /// The same value in the words of a named list.
    pub normalised: Option<Normalised>,
    /// The identity of the [`super::Marking`] this claim rests on.
    pub marking: Option<String>,
}

/// A value in the words of a published list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalised {
    /// The list's own word or code.
    pub value: String,
    /// The list's name.
    pub list: String,
    /// The list's version.
    pub version: String,
}

/// One of the closed list of grounds on which information may be delayed, restricted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroundCode {
    /// Would compromise ongoing criminal investigations (ISACS 8.3.4.2 a 1).
    A1,
    /// Would violate laws that protect confidential information (ISACS 8.3.4.2 a 2).
    A2,
    /// The requesting State cannot guarantee confidentiality (ISACS 8.3.4.2 b).
    B,
    /// National security consistent with the Charter (ISACS 8.3.4.2 c).
    C,
}

impl GroundCode {
    /// Returns the code as the standard letters it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::A1 => "a1",
            Self::A2 => "a2",
            Self::B => "b",
            Self::C => "c",
        }
    }
}

/// A ground with the reasons that ISACS 8.3.4.2 obliges the requested State to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Which ground.
    pub code: GroundCode,
    /// The reasons, in words for the requesting State.
    pub reason: Text,
    /// The law relied on, for ground `a2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<Text>,
}

impl<T> Field<T> {
    /// Wraps a value that was read in full.
    pub const fn value(as_marked: T) -> Self {
        Self::Value(Claim { as_marked, normalised: None, marking: None })
    }

    /// Returns the value if it was read in full.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Value(claim) => Some(&claim.as_marked),
            Self::PartlyRead(_)
            | Self::Removed
            | Self::Unreadable
            | Self::NeverMarked
            | Self::NotExamined
            | Self::NotPossible(_)
            | Self::Withheld(_) => None,
        }
    }

    /// Returns the state's name as JSON writes it.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::PartlyRead(_) => "partly_read",
            Self::Removed => "removed",
            Self::Unreadable => "unreadable",
            Self::NeverMarked => "never_marked",
            Self::NotExamined => "not_examined",
            Self::NotPossible(_) => "not_possible",
            Self::Withheld(_) => "withheld",
        }
    }
}

/// A kind of value that a [`Field`] can hold; every one has a text form, on the wire as in files.
pub trait FieldValue: Sized {
    /// Parses the text form.
    ///
    /// # Errors
    /// Words that say what was expected.
    fn parse_text(text: &str) -> Result<Self, String>;
    /// Returns the text form.
    fn text(&self) -> String;
}

impl FieldValue for Text {
    fn parse_text(text: &str) -> Result<Self, String> {
        Ok(Self::new(text.to_owned()))
    }
    fn text(&self) -> String {
        self.reveal().clone()
    }
}

impl FieldValue for Country {
    fn parse_text(text: &str) -> Result<Self, String> {
        Self::from_code(text).ok_or_else(|| {
            format!(
                "'{text}' is no ISO 3166-1 alpha-3 or ISO 3166-3 alpha-4 code (alpha-2 is never accepted)"
            )
        })
    }
    fn text(&self) -> String {
        self.code().to_owned()
    }
}

impl FieldValue for PartialDate {
    fn parse_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|e: super::TimeParseError| e.to_string())
    }
    fn text(&self) -> String {
        self.to_string()
    }
}

impl<T: FieldValue> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Form::from_field(self).serialize(s)
    }
}

impl<'de, T: FieldValue> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Form::deserialize(d)?
            .into_field()
            .map_err(de::Error::custom)?
            .ok_or_else(|| de::Error::custom("the field is blank; give a value or another state"))
    }
}

/// Reads an optional field; one that was left as in the template (a blank value or reason) is absent.
///
/// # Errors
/// An unknown state, or a part that does not belong to the state.
pub fn filled<'de, D: Deserializer<'de>, T: FieldValue>(d: D) -> Result<Option<Field<T>>, D::Error> {
    Option::<Form>::deserialize(d)?.map_or(Ok(None), Form::into_field).map_err(de::Error::custom)
}

/// Reads a list of fields and drops those that were left as in the template.
///
/// # Errors
/// As [`filled`].
pub fn filled_list<'de, D: Deserializer<'de>, T: FieldValue>(d: D) -> Result<Vec<Field<T>>, D::Error> {
    let forms = Vec::<Form>::deserialize(d)?;
    forms
        .into_iter()
        .filter_map(|f| f.into_field().transpose())
        .collect::<Result<_, _>>()
        .map_err(de::Error::custom)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Value,
    PartlyRead,
    Removed,
    Unreadable,
    NeverMarked,
    NotExamined,
    NotPossible,
    Withheld,
}

/// The flat form of a field, the same on the wire and in files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ground: Option<GroundCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    law: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normalised: Option<Normalised>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marking: Option<String>,
}

impl Form {
    fn from_field<T: FieldValue>(field: &Field<T>) -> Self {
        let plain = |state| Self {
            state,
            value: None,
            reason: None,
            ground: None,
            law: None,
            normalised: None,
            marking: None,
        };
        match field {
            Field::Value(claim) => Self {
                value: Some(claim.as_marked.text()),
                normalised: claim.normalised.clone(),
                marking: claim.marking.clone(),
                ..plain(State::Value)
            },
            Field::PartlyRead(pattern) => {
                Self { value: Some(pattern.reveal().clone()), ..plain(State::PartlyRead) }
            }
            Field::Removed => plain(State::Removed),
            Field::Unreadable => plain(State::Unreadable),
            Field::NeverMarked => plain(State::NeverMarked),
            Field::NotExamined => plain(State::NotExamined),
            Field::NotPossible(reason) => Self { reason: Some(reason.clone()), ..plain(State::NotPossible) },
            Field::Withheld(ground) => Self {
                reason: Some(ground.reason.clone()),
                ground: Some(ground.code),
                law: ground.law.clone(),
                ..plain(State::Withheld)
            },
        }
    }

    /// Gives `None` for a field whose value or reason was left blank.
    fn into_field<T: FieldValue>(self) -> Result<Option<Field<T>>, String> {
        let blank = |text: &str| text.trim().is_empty();
        let value = self.value.filter(|v| !blank(v));
        let reason = self.reason.filter(|r| !blank(r.reveal()));
        let only_claims = |given: bool| {
            if given {
                Err("'normalised' and 'marking' belong to state 'value' only".to_owned())
            } else {
                Ok(())
            }
        };
        let extra = self.normalised.is_some() || self.marking.is_some();
        match self.state {
            State::Value => value
                .map(|v| {
                    let as_marked = T::parse_text(&v)?;
                    Ok(Field::Value(Claim { as_marked, normalised: self.normalised, marking: self.marking }))
                })
                .transpose(),
            State::PartlyRead => {
                only_claims(extra)?;
                Ok(value.map(|v| Field::PartlyRead(Text::new(v))))
            }
            State::NotPossible => {
                only_claims(extra)?;
                Ok(reason.map(Field::NotPossible))
            }
            State::Withheld => {
                only_claims(extra)?;
                let code = self.ground.ok_or("state 'withheld' needs 'ground': a1, a2, b or c")?;
                Ok(reason.map(|reason| Field::Withheld(Ground { code, reason, law: self.law })))
            }
            State::Removed => Self::bare(value, extra, Field::Removed),
            State::Unreadable => Self::bare(value, extra, Field::Unreadable),
            State::NeverMarked => Self::bare(value, extra, Field::NeverMarked),
            State::NotExamined => Self::bare(value, extra, Field::NotExamined),
        }
    }

    fn bare<T>(value: Option<String>, extra: bool, field: Field<T>) -> Result<Option<Field<T>>, String> {
        if value.is_some() || extra {
            return Err("this state carries no value; use 'value' or 'partly_read'".to_owned());
        }
        Ok(Some(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Field<Text>, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_state_round_trips() {
        for json in [
            r#"{"state":"value","value":"00123"}"#,
            r#"{"state":"value","value":"00123","normalised":{"value":"123","list":"x","version":"1"},"marking":"m1"}"#,
            r#"{"state":"partly_read","value":"?742*"}"#,
            r#"{"state":"removed"}"#,
            r#"{"state":"unreadable"}"#,
            r#"{"state":"never_marked"}"#,
            r#"{"state":"not_examined"}"#,
            r#"{"state":"not_possible","reason":"weapon destroyed"}"#,
            r#"{"state":"withheld","reason":"sub judice","ground":"a1"}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn mixed_and_unknown_forms_are_refused() {
        for json in [
            r#"{"state":"removed","value":"A1"}"#,
            r#"{"state":"withheld","reason":"x"}"#,
            r#"{"state":"withheld","reason":"x","ground":"d"}"#,
            r#"{"state":"lost"}"#,
            r#"{"state":"value","value":"x","colour":"red"}"#,
            r#"{"state":"value","value":"  "}"#,
            r#"{"state":"partly_read","value":"x","marking":"m1"}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn debug_never_shows_a_serial() {
        let shown = format!("{:?}", read(r#"{"state":"value","value":"SECRET99"}"#).unwrap());
        assert!(!shown.contains("SECRET99"), "{shown}");
    }
}
