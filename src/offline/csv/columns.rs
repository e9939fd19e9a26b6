use super::CellFault;
use crate::rules::identification::letters_of;
use std::collections::BTreeMap;

/// How often a column that repeats may stand in a file: `serial`, `serial_2` … `serial_9`.
pub(super) const MAX_REPEATS: u8 = 9;

/// A column by its name and its number, 1 where it has none.
pub(super) type Column = (&'static str, u8);

/// Where each column stands, with its name as written.
pub(super) type Header = BTreeMap<Column, (usize, String)>;

/// Finds the columns of a header; an unknown or doubled one is an error, since its cells would be lost.
pub(super) fn read_header(cells: &[String], line: u64, errors: &mut Vec<CellFault>) -> Header {
    let mut header = Header::new();
    for (at, cell) in cells.iter().enumerate() {
        let mut fault = |why: String| {
            let column = if cell.is_empty() { format!("column {}", at + 1) } else { cell.clone() };
            errors.push(CellFault { line, column, why });
        };
        match find(cell) {
            // A trailing separator makes a column without a name; cells in it are told with their row.
            None if cell.is_empty() => {}
            None => {
                fault(format!("no such column; the columns are {}", names().collect::<Vec<_>>().join(", ")))
            }
            Some(column) if header.contains_key(&column) => fault("the column stands twice".to_owned()),
            Some(column) => {
                header.insert(column, (at, cell.clone()));
            }
        }
    }
    header
}

/// Lists the names of the columns; one that repeats stands once.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _, _)| *name)
}

fn find(cell: &str) -> Option<Column> {
    let letters = letters_of(cell);
    let base = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    let (name, repeats, _) =
        COLUMNS.iter().find(|(name, _, others)| letters_of(name) == base || others.contains(&base))?;
    match &letters[base.len()..] {
        "" => Some((name, 1)),
        number => {
            let number = number.parse().ok().filter(|n| *repeats && (2..=MAX_REPEATS).contains(n))?;
            Some((name, number))
        }
    }
}

/// Each column: its name, whether it repeats, and other names folded as [`letters_of`] does.
#[rustfmt::skip]
const COLUMNS: &[(&str, bool, &[&str])] = &[
    ("kind", false, &["type", "tipo", "categorie", "categoria"]),
    ("part_name", false, &["piece", "peca", "pieza"]),
    ("make", false, &["marque", "marca", "fabricant", "fabricante"]),
    ("model", false, &["modele", "modelo"]),
    ("calibre", true, &["caliber"]),
    ("serial", true, &["serialnumber", "numerodeserie", "numeroserie", "nserie", "sn"]),
    ("serial_part", true, &[]),
    ("serial_location", true, &[]),
    ("country_of_manufacture", false, &["paysdefabrication", "paisdefabrico", "paisdefabricacao", "paisdefabricacion"]),
    ("import_mark", false, &["marquedimportation", "marcadeimportacao", "marcadeimportacion"]),
    ("country_of_import", false, &["paysdimportation", "paisdeimportacao", "paisdeimportacion"]),
    ("manufactured", false, &["datedefabrication", "datadefabrico", "fechadefabricacion"]),
    ("manufactured_source", false, &[]),
    ("action", false, &[]),
    ("stock", false, &[]),
    ("mark", true, &[]),
    ("mark_part", true, &[]),
    ("mark_kind", true, &[]),
    ("mark_location", true, &[]),
    ("manufacturer", false, &[]),
    ("lot", false, &[]),
    ("lot_source", false, &[]),
    ("produced", false, &[]),
    ("produced_source", false, &[]),
    ("designation", false, &[]),
    ("bullet_diameter_mm", false, &[]),
    ("case_length_mm", false, &[]),
    ("overall_length_mm", false, &[]),
    ("note", false, &["remarque", "observacao", "observacion", "nota"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn columns_are_found_by_each_of_their_names() {
        assert_eq!(find("Serial_2"), Some(("serial", 2)));
        assert_eq!(find("Número de série"), Some(("serial", 1)));
        assert_eq!(find("Pays de fabrication"), Some(("country_of_manufacture", 1)));
        assert_eq!(find("Calibre 3"), Some(("calibre", 3)));
        for none in ["colour", "make_2", "serial_1", "serial_10", "serial_0", "2", ""] {
            assert_eq!(find(none), None, "{none}");
        }
        let mut seen = BTreeSet::new();
        for (name, _, others) in COLUMNS {
            for folded in others.iter().map(|o| (*o).to_owned()).chain([letters_of(name)]) {
                assert_eq!(letters_of(&folded), folded);
                assert!(seen.insert(folded), "{name} has the name of another column");
            }
        }
    }

    #[test]
    fn the_manual_explains_every_column() {
        let manual = include_str!("../../../docs/csv-import.md");
        for name in names() {
            assert!(manual.contains(&format!("`{name}`")), "{name}");
        }
    }
}
