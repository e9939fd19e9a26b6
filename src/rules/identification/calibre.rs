use super::words::letters_of;
use crate::model::{Field, Item, Normalised, Text};

/// The name of the list of [`normalised`] designations, which stands beside each of them (DESIGN §3.3).
pub const CALIBRE_LIST: &str = "valise-calibres";
/// The version of that list; it rises with every change of the list.
pub const CALIBRE_LIST_VERSION: &str = "1";

/// Finds the designation of a calibre as it stands in the list [`CALIBRE_LIST`], if it names one beyond doubt.
///
/// `9 mm` or `7.62` alone name several cartridges and get none; a code never replaces the mark.
pub fn normalised(as_marked: &str) -> Option<Normalised> {
    let key = key(as_marked);
    let (designation, _) = CALIBRES.iter().find(|(_, names)| names.contains(&key.as_str()))?;
    Some(Normalised {
        value: (*designation).to_owned(),
        list: CALIBRE_LIST.to_owned(),
        version: CALIBRE_LIST_VERSION.to_owned(),
    })
}

/// Puts the list's designation beside each calibre that was read in full and has none yet.
pub fn normalise_calibres(item: &mut Item) {
    for calibre in &mut item.calibres {
        if let Field::Value(claim) = calibre
            && claim.normalised.is_none()
        {
            claim.normalised = normalised(claim.as_marked.reveal());
        }
    }
}

/// Tells whether two calibres are the same by the list or by their letters and digits.
pub(super) fn same(a: &Text, b: &Text) -> bool {
    let (a, b) = (a.reveal(), b.reveal());
    key(a) == key(b) || normalised(a).is_some_and(|a| normalised(b) == Some(a))
}

/// Folds a designation: `7,62 × 39 mm` and `7.62x39` become `762x39`.
fn key(text: &str) -> String {
    let mut letters = letters_of(&text.replace(['×', '*', 'х', 'Х'], "x"));
    for filler in ["calibre", "caliber", "calibro"] {
        letters = letters.replace(filler, "");
    }
    // Only after a number, since `44 Rem Mag` is no length.
    for digit in '0'..='9' {
        letters = letters.replace(&format!("{digit}mm"), &digit.to_string());
    }
    letters
}

/// Designations in common use with their other names, folded as [`key`] does. Cartridges that fit the
/// same chamber stay apart where their marks differ, such as 5.56×45 and .223. Written for this project;
/// no published list is copied.
#[rustfmt::skip]
const CALIBRES: &[(&str, &[&str])] = &[
    (".22 Long Rifle", &["22longrifle", "22lr", "22lfb"]),
    (".25 ACP", &["25acp", "25auto", "635browning", "635x15", "635x15sr", "635x16sr"]),
    (".32 ACP", &["32acp", "32auto", "765browning", "765x17", "765x17sr"]),
    (".38 Special", &["38special", "38spl", "38spcl", "38smithwessonspecial", "38swspecial"]),
    (".380 ACP", &["380acp", "380auto", "9browning", "9browningshort", "9browningcourt", "9kurz", "9short", "9corto", "9x17"]),
    (".357 Magnum", &["357magnum", "357mag", "357swmagnum"]),
    (".40 S&W", &["40sw", "40smithwesson", "10x22"]),
    (".44 Magnum", &["44magnum", "44mag", "44remmag", "44remingtonmagnum"]),
    (".45 ACP", &["45acp", "45auto", "1143x23"]),
    ("9×18mm Makarov", &["9x18", "9makarov", "9x18makarov", "9x18pm"]),
    ("9×19mm Parabellum", &["9x19", "9parabellum", "9para", "9luger", "9x19parabellum", "9x19para", "9x19luger", "9nato", "9x19nato"]),
    ("7.62×25mm Tokarev", &["762x25", "762tokarev", "762x25tokarev"]),
    ("7.65×21mm Parabellum", &["765x21", "765x21parabellum", "765parabellum", "765para", "30luger"]),
    ("5.45×39mm", &["545x39"]),
    ("5.56×45mm NATO", &["556x45", "556x45nato", "556nato"]),
    (".223 Remington", &["223remington", "223rem"]),
    ("7.62×39mm", &["762x39", "762x39soviet", "762m43"]),
    ("7.62×51mm NATO", &["762x51", "762x51nato", "762nato"]),
    (".308 Winchester", &["308winchester", "308win"]),
    ("7.62×54mmR", &["762x54r", "762x54"]),
    ("7.92×57mm Mauser", &["792x57", "792x57mauser", "8x57", "8x57is", "8x57js", "8mauser"]),
    (".30-06 Springfield", &["3006springfield", "3006", "3006sprg", "762x63"]),
    (".303 British", &["303british", "77x56r"]),
    ("12.7×99mm NATO", &["127x99", "127x99nato", "50bmg"]),
    ("12.7×108mm", &["127x108"]),
    ("14.5×114mm", &["145x114"]),
    ("12 gauge", &["12gauge", "12ga", "12bore", "12gage", "1270", "12x70", "1276", "12x76"]),
    ("20 gauge", &["20gauge", "20ga", "20bore", "20gage"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ItemKind;
    use crate::rules::samples::{item, text, words};
    use std::collections::BTreeSet;

    #[test]
    fn clause_6_3_c_a_calibre_gets_its_designation_beside_the_mark() {
        for (marked, designation) in [
            ("9x19", "9×19mm Parabellum"),
            ("9 mm Luger", "9×19mm Parabellum"),
            ("7,62 × 39 mm", "7.62×39mm"),
            ("7.62Х54R", "7.62×54mmR"),
            (".45 ACP", ".45 ACP"),
            ("calibre 5.56x45", "5.56×45mm NATO"),
        ] {
            assert_eq!(normalised(marked).map(|n| n.value).as_deref(), Some(designation), "{marked}");
        }
        for marked in ["9 mm", "7.62", "9x19x2", ".223", "", "XB 004217"] {
            assert_eq!(normalised(marked), None, "{marked} is no or more than one cartridge");
        }
        let mut weapon = item(ItemKind::Weapon);
        weapon.calibres = vec![text("9 mm Para"), Field::Removed];
        normalise_calibres(&mut weapon);
        assert_eq!(weapon.calibres[0].known(), Some(&words("9 mm Para")), "the mark is never rewritten");
        let json = serde_json::to_value(&weapon.calibres[0]).unwrap();
        let beside =
            serde_json::json!({"value": "9×19mm Parabellum", "list": "valise-calibres", "version": "1"});
        assert_eq!(json["normalised"], beside);
    }

    #[test]
    fn every_name_leads_to_one_designation_and_each_designation_to_itself() {
        let mut seen = BTreeSet::new();
        for (designation, names) in CALIBRES {
            assert_eq!(normalised(designation).map(|n| n.value).as_deref(), Some(*designation));
            for name in *names {
                assert_eq!(key(name), *name, "folded form");
                assert!(seen.insert(*name), "{name} stands twice");
            }
        }
    }
}
