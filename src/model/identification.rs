use super::field::{filled, filled_list};
use super::{AttachedFile, Country, Digest, Field, PartialDate, Text};
use serde::{Deserialize, Serialize};

/// What kind of thing is traced (ISACS 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A small arm or light weapon.
    Weapon,
    /// A part or component.
    Part,
    /// A lot of ammunition.
    Ammunition,
}

/// A part of a weapon on which a marking can stand; the frame or receiver is the key one (ISACS 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The frame or receiver, which counts as the weapon.
    FrameReceiver,
    /// The barrel.
    Barrel,
    /// The slide.
    Slide,
    /// The bolt or bolt carrier.
    Bolt,
    /// The cylinder.
    Cylinder,
    /// The magazine.
    Magazine,
    /// The stock.
    Stock,
    /// The grip.
    Grip,
    /// The cartridge case or its packaging.
    Cartridge,
    /// Another part, named in the marking's location.
    Other,
}

/// What a marking is (ISACS 6.4.2, 6.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkingKind {
    /// A serial number.
    Serial,
    /// The make or manufacturer (6.4.2 a).
    Manufacturer,
    /// The model designation.
    Model,
    /// The calibre.
    Calibre,
    /// A proof mark (6.4.2 b).
    Proof,
    /// An assembly number (6.4.2 c).
    Assembly,
    /// A military or police mark or number (6.4.2 d).
    MilitaryPolice,
    /// A patent number (6.4.2 e).
    Patent,
    /// A country of manufacture mark.
    Country,
    /// An import mark (6.3 f).
    Import,
    /// A security marking (6.4.3 a).
    Security,
    /// A date or year mark.
    Date,
    /// A headstamp.
    Headstamp,
    /// Any other mark.
    Other,
}

/// How sure the reader of a marking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read without doubt.
    Certain,
    /// Probably right.
    Probable,
    /// A guess worth trying.
    Doubtful,
}

/// A mark as it stands on the object: the root from which all claims about it are derived (DESIGN §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marking {
    /// A name for it within the item, such as `m1`, which claims point to.
    pub id: String,
    /// The part on which it stands.
    pub part: Part,
    /// What it is.
    pub kind: MarkingKind,
    /// Its text exactly as seen, or why there is none.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub text: Option<Field<Text>>,
    /// Where on the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Text>,
    /// The script, as an ISO 15924 code such as `Latn` or `Cyrl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// How sure the reader is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The photograph that shows it, by its place in [`Item::photographs`], counted from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photograph: Option<u32>,
}

/// A serial number with the part that bears it; which one is primary is derived, never typed (ISACS 6.4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serial {
    /// The part that bears it.
    pub part: Part,
    /// The number, with its leading zeros and punctuation.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub number: Option<Field<Text>>,
    /// Where on the part (ISACS 6.4.1 a).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Text>,
}

/// Whether the item bears an import mark; it decides if ISACS 6.3 f applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportMark {
    /// There is one.
    Present,
    /// There is none.
    Absent,
    /// Nobody has looked yet.
    #[default]
    NotExamined,
}

/// The physical characteristics of ISACS 6.4.1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physical {
    /// The type of action (b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Text>,
    /// The type of stock (c).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Text>,
    /// The materials of its parts (d).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materials: Vec<Material>,
}

/// What a part is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// The part.
    pub part: Part,
    /// Its material.
    pub material: Text,
}

/// A photograph of the item (ISACS 6.4.5); the picture itself is named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photograph {
    /// What it shows.
    pub shows: Text,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// How the file travels, if it does; the gateway fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<AttachedFile>,
}

/// What identifies a lot of ammunition; none of it blocks a request (ISACS 6.5 a–e).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ammunition {
    /// The manufacturer or its code (a).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<Field<Text>>,
    /// The lot or batch number (c).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub lot: Option<Field<Text>>,
    /// Where the lot number was read, such as the packaging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_source: Option<Text>,
    /// The year of production (d).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub produced: Option<Field<PartialDate>>,
    /// From what that year is known, such as the headstamp or the packaging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_source: Option<Text>,
    /// The cartridge designation (e).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub designation: Option<Field<Text>>,
    /// The bullet's widest diameter in millimetres, as decimal text such as `7.92` (e 1).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub bullet_diameter_mm: Option<Field<Text>>,
    /// The length of the case in millimetres, as decimal text (e 2).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub case_length_mm: Option<Field<Text>>,
    /// The overall length in millimetres, as decimal text (e 3).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub overall_length_mm: Option<Field<Text>>,
}

/// One thing to be traced: a weapon, a part or a lot of ammunition (ISACS 6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// What a part is called; for [`ItemKind::Part`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_name: Option<Text>,
    /// The marks that were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markings: Vec<Marking>,
    /// The make (6.3 a).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub make: Option<Field<Text>>,
    /// The model (6.3 b).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub model: Option<Field<Text>>,
    /// The calibres, one for each barrel (6.3 c).
    #[serde(default, deserialize_with = "filled_list", skip_serializing_if = "Vec::is_empty")]
    pub calibres: Vec<Field<Text>>,
    /// The serial numbers (6.3 d).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<Serial>,
    /// The country of manufacture (6.3 e).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub country_of_manufacture: Option<Field<Country>>,
    /// Whether there is an import mark.
    #[serde(default)]
    pub import_mark: ImportMark,
    /// The country of most recent import (6.3 f).
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub country_of_import: Option<Field<Country>>,
    /// When it was made.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub manufactured: Option<Field<PartialDate>>,
    /// From what that date is known, such as a date mark or the maker's records; it weighs in ISACS 5.4 c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufactured_source: Option<Text>,
    /// Physical characteristics (6.4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical: Option<Physical>,
    /// Photographs (6.4.5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photographs: Vec<Photograph>,
    /// Cartridge particulars; for [`ItemKind::Ammunition`] only (6.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ammunition: Option<Ammunition>,
    /// Anything else that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

impl Item {
    /// Returns the serial on the frame or receiver, which is primary by law (ISACS 6.4.4).
    pub fn primary_serial(&self) -> Option<&Serial> {
        self.serials.iter().find(|s| s.part == Part::FrameReceiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clause_6_4_2_a_to_e_each_kind_of_mark_has_its_code() {
        for (kind, code) in [
            (MarkingKind::Manufacturer, "manufacturer"),
            (MarkingKind::Proof, "proof"),
            (MarkingKind::Assembly, "assembly"),
            (MarkingKind::MilitaryPolice, "military_police"),
            (MarkingKind::Patent, "patent"),
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), code);
        }
    }
}
