use super::CellFault;
use super::cell;
use super::cell::Read;
use super::columns::{Header, MAX_REPEATS};
use super::table::{Row, Table};
use crate::model::{Ammunition, Field, Item, ItemKind, Marking, MarkingKind, Part, Physical, Serial, Text};
use crate::rules::identification::normalise_calibres;

/// Reads the item of one row; none if any of its cells is wrong.
pub(super) fn read(
    header: &Header,
    row: &Row,
    errors: &mut Vec<CellFault>,
    warnings: &mut Vec<CellFault>,
) -> Option<Item> {
    let before = errors.len();
    let mut cells = Cells { header, row, errors, warnings };
    cells.shape();
    let item = cells.item();
    (cells.errors.len() == before).then_some(item)
}

/// Warns once for each column of serial numbers in which a spreadsheet may have dropped leading zeros.
pub(super) fn zeros(header: &Header, table: &Table) -> Vec<CellFault> {
    let suspect = |at: usize| {
        let mut numbers = table
            .rows
            .iter()
            .filter_map(|row| row.cells.get(at))
            .filter(|c| cell::is_bare_number(c))
            .peekable();
        numbers.peek().is_some() && numbers.all(|number| !number.starts_with('0'))
    };
    header
        .iter()
        .filter(|((name, _), (at, _))| *name == "serial" && suspect(*at))
        .map(|(_, (_, column))| CellFault {
            line: table.header_line,
            column: column.clone(),
            why: "no number of digits alone begins with a zero: make sure that the spreadsheet dropped none"
                .to_owned(),
        })
        .collect()
}

struct Cells<'a> {
    header: &'a Header,
    row: &'a Row,
    errors: &'a mut Vec<CellFault>,
    warnings: &'a mut Vec<CellFault>,
}

impl Cells<'_> {
    /// Checks what holds for every cell: it has a column, and no line break outside the note.
    fn shape(&mut self) {
        for (at, cell) in self.row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let column = self.header.iter().find(|(_, (place, _))| *place == at);
            let Some(((name, _), (_, written))) = column else {
                // An unknown column is told once, with the header.
                if at >= self.header.len() {
                    self.error(
                        &format!("column {}", at + 1),
                        "the cell stands in no column; is a quote missing?",
                    );
                }
                continue;
            };
            let broken = |c: char| c.is_control() && !(*name == "note" && matches!(c, '\n' | '\r' | '\t'));
            if cell.contains(broken) {
                self.error(written, "holds a line break or control character; is a quote left open?");
            }
        }
    }

    fn item(&mut self) -> Item {
        let kind = self.code("kind", 1, KINDS, "weapon, part, ammunition").unwrap_or(ItemKind::Weapon);
        if kind != ItemKind::Part && !self.cell("part_name", 1).is_empty() {
            self.error_at("part_name", 1, "belongs to rows of kind part only");
        }
        let mut item = Item {
            kind,
            part_name: self.words("part_name", 1),
            markings: self.markings(kind),
            make: self.mark("make", 1),
            model: self.mark("model", 1),
            calibres: (1..=MAX_REPEATS).filter_map(|n| self.mark("calibre", n)).collect(),
            serials: self.serials(kind),
            country_of_manufacture: self.take("country_of_manufacture", 1, cell::country),
            import_mark: self
                .code("import_mark", 1, IMPORT_MARKS, "present, absent, not_examined")
                .unwrap_or_default(),
            country_of_import: self.take("country_of_import", 1, cell::country),
            manufactured: self.take("manufactured", 1, cell::date),
            manufactured_source: self.words("manufactured_source", 1),
            physical: self.physical(),
            photographs: Vec::new(),
            ammunition: self.ammunition(kind),
            note: self.words("note", 1),
        };
        normalise_calibres(&mut item);
        item
    }

    fn serials(&mut self, kind: ItemKind) -> Vec<Serial> {
        let mut serials = Vec::new();
        for n in 1..=MAX_REPEATS {
            let number = self.mark("serial", n);
            let location = self.words("serial_location", n);
            let part = self.code("serial_part", n, PARTS, PART_CODES);
            if number.is_none() && location.is_none() && part.is_none() {
                continue;
            }
            let usual = match (kind, n) {
                (ItemKind::Weapon, 1) => Some(Part::FrameReceiver),
                (ItemKind::Weapon, _) => None,
                (ItemKind::Part, _) => Some(Part::Other),
                (ItemKind::Ammunition, _) => Some(Part::Cartridge),
            };
            match part.or(usual) {
                Some(part) => serials.push(Serial { part, number, location }),
                None => self.error_at("serial", n, "say on which part the number stands, in serial_part"),
            }
        }
        serials
    }

    fn markings(&mut self, kind: ItemKind) -> Vec<Marking> {
        let mut markings = Vec::new();
        for n in 1..=MAX_REPEATS {
            let text = self.mark("mark", n);
            let location = self.words("mark_location", n);
            let part = self.code("mark_part", n, PARTS, PART_CODES);
            let sort = self.code("mark_kind", n, &[], MARK_CODES);
            if text.is_none() && location.is_none() && part.is_none() && sort.is_none() {
                continue;
            }
            let usual = match kind {
                ItemKind::Weapon => None,
                ItemKind::Part => Some(Part::Other),
                ItemKind::Ammunition => Some(Part::Cartridge),
            };
            let Some(part) = part.or(usual) else {
                self.error_at("mark", n, "say on which part the mark stands, in mark_part");
                continue;
            };
            markings.push(Marking {
                id: format!("m{n}"),
                part,
                kind: sort.unwrap_or(MarkingKind::Other),
                text,
                location,
                script: None,
                confidence: None,
                photograph: None,
            });
        }
        markings
    }

    fn physical(&mut self) -> Option<Physical> {
        let physical = Physical {
            action: self.words("action", 1),
            stock: self.words("stock", 1),
            materials: Vec::new(),
        };
        (physical != Physical::default()).then_some(physical)
    }

    fn ammunition(&mut self, kind: ItemKind) -> Option<Ammunition> {
        let lot = Ammunition {
            manufacturer: self.mark("manufacturer", 1),
            lot: self.mark("lot", 1),
            lot_source: self.words("lot_source", 1),
            produced: self.take("produced", 1, cell::date),
            produced_source: self.words("produced_source", 1),
            designation: self.mark("designation", 1),
            bullet_diameter_mm: self.take("bullet_diameter_mm", 1, cell::length),
            case_length_mm: self.take("case_length_mm", 1, cell::length),
            overall_length_mm: self.take("overall_length_mm", 1, cell::length),
        };
        if lot == Ammunition::default() {
            return None;
        }
        if kind != ItemKind::Ammunition {
            self.error(
                "row",
                "columns from manufacturer to overall_length_mm belong to kind ammunition only",
            );
        }
        Some(lot)
    }

    fn mark(&mut self, name: &'static str, n: u8) -> Option<Field<Text>> {
        self.take(name, n, cell::mark)
    }

    fn words(&mut self, name: &'static str, n: u8) -> Option<Text> {
        self.take(name, n, cell::words)
    }

    fn code<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &'static str,
        n: u8,
        others: &[(&str, &str)],
        list: &str,
    ) -> Option<T> {
        self.take(name, n, |cell| cell::code(cell, others, list))
    }

    fn take<T>(
        &mut self,
        name: &'static str,
        n: u8,
        read: impl FnOnce(&str) -> Result<Read<T>, String>,
    ) -> Option<T> {
        match read(self.cell(name, n)) {
            Ok(Read { value, warning }) => {
                if let Some(why) = warning {
                    let column = self.written(name, n);
                    self.warnings.push(CellFault { line: self.row.line, column, why });
                }
                value
            }
            Err(why) => {
                self.error_at(name, n, &why);
                None
            }
        }
    }

    fn cell(&self, name: &'static str, n: u8) -> &str {
        let place = self.header.get(&(name, n)).map(|(at, _)| *at);
        place.and_then(|at| self.row.cells.get(at)).map_or("", String::as_str)
    }

    fn written(&self, name: &'static str, n: u8) -> String {
        self.header.get(&(name, n)).map_or_else(|| name.to_owned(), |(_, written)| written.clone())
    }

    fn error_at(&mut self, name: &'static str, n: u8, why: &str) {
        let column = self.written(name, n);
        self.error(&column, why);
    }

    fn error(&mut self, column: &str, why: &str) {
        self.errors.push(CellFault { line: self.row.line, column: column.to_owned(), why: why.to_owned() });
    }
}

const PART_CODES: &str =
    "frame_receiver, barrel, slide, bolt, cylinder, magazine, stock, grip, cartridge, other";
const MARK_CODES: &str = "serial, manufacturer, model, calibre, proof, assembly, military_police, patent, country, \
                          import, security, date, headstamp, other";

/// Other names of the codes, folded as `letters_of` does.
const KINDS: &[(&str, &str)] = &[
    ("arme", "weapon"),
    ("arma", "weapon"),
    ("firearm", "weapon"),
    ("component", "part"),
    ("piece", "part"),
    ("peca", "part"),
    ("pieza", "part"),
    ("munition", "ammunition"),
    ("munitions", "ammunition"),
    ("municao", "ammunition"),
    ("municion", "ammunition"),
];
const IMPORT_MARKS: &[(&str, &str)] = &[
    ("yes", "present"),
    ("oui", "present"),
    ("sim", "present"),
    ("si", "present"),
    ("no", "absent"),
    ("non", "absent"),
    ("nao", "absent"),
];
const PARTS: &[(&str, &str)] = &[("frame", "frame_receiver"), ("receiver", "frame_receiver")];
