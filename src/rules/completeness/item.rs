//! The identification of one item (ISACS 6).

use super::Completeness;
use super::reading::{Reading, read, said};
use crate::model::{
    Ammunition, Field, FieldValue, ImportMark, Item, ItemKind, MarkingKind, Part, PartialDate, Text,
};
use crate::rules::identification::{is_primary, millimetres, other_numbers};

/// Checks the item at `at` in the request; parts and ammunition get advice only (ISACS 6.5).
pub(super) fn check(at: usize, item: &Item) -> Completeness {
    let mut sheet =
        Sheet { item, path: format!("items[{at}]"), unmarked: Vec::new(), found: Completeness::default() };
    match item.kind {
        ItemKind::Weapon => {
            sheet.essentials();
            sheet.unmarked_frame();
            sheet.physical();
            sheet.markings();
        }
        ItemKind::Part => {
            if !said(item.part_name.as_ref()) {
                sheet.advise("6.5", "part_name", "say which part or component it is");
            }
            sheet.essentials();
            sheet.markings();
        }
        ItemKind::Ammunition => sheet.ammunition(),
    }
    if item.photographs.is_empty() {
        sheet.advise("6.4.5", "photographs", "high-resolution photographs help the identification");
    }
    let mut found = sheet.found;
    if item.kind != ItemKind::Weapon {
        // ISACS 6.5: the guidance "can also be applied" to these, so that none of it blocks.
        found.advice.splice(0..0, found.missing.drain(..));
    }
    found
}

/// One item under examination, with the essential fields that bear no readable marking.
struct Sheet<'a> {
    item: &'a Item,
    path: String,
    unmarked: Vec<String>,
    found: Completeness,
}

impl Sheet<'_> {
    /// ISACS 6.3 a–f.
    fn essentials(&mut self) {
        let item = self.item;
        self.essential("6.3(a)", "make", item.make.as_ref());
        self.essential("6.3(b)", "model", item.model.as_ref());
        if item.calibres.is_empty() {
            self.need("6.3(c)", "calibres", "give the calibre of each barrel");
        }
        for (at, calibre) in item.calibres.iter().enumerate() {
            self.essential("6.3(c)", &format!("calibres[{at}]"), Some(calibre));
        }
        self.serials();
        self.essential("6.3(e)", "country_of_manufacture", item.country_of_manufacture.as_ref());
        self.country_of_import();
    }

    /// ISACS 6.3 d, 6.4.4 and 6.4.1 a.
    fn serials(&mut self) {
        let item = self.item;
        let mut primaries = 0;
        for (at, serial) in item.serials.iter().enumerate() {
            let path = format!("serials[{at}].number");
            if !is_primary(item.kind, serial.part) {
                self.helpful("6.4.4", &path, serial.number.as_ref());
                continue;
            }
            primaries += 1;
            self.essential("6.3(d)", &path, serial.number.as_ref());
            if !said(serial.location.as_ref()) {
                let path = format!("serials[{at}].location");
                self.advise("6.4.1(a)", &path, "say where on the part the serial number stands");
            }
        }
        if primaries == 0 {
            let why =
                "give the serial number on the frame or receiver, or say by its state why there is none";
            self.need("6.3(d)", "serials", why);
        }
        if primaries > 1 && item.kind == ItemKind::Weapon {
            let why = "the frame or receiver has several serial numbers; the first one counts as primary";
            self.advise("6.4.4", "serials", why);
        }
        let others = other_numbers(item).len();
        if others > 0 {
            let why = format!(
                "{others} other part(s) bear another number than the frame or receiver: the weapon may be \
                 assembled from several, or have replacement parts"
            );
            self.advise("6.4.4", "serials", why);
        }
    }

    /// ISACS 6.3 f: owed if, and only if, there is an import mark.
    fn country_of_import(&mut self) {
        let country = self.item.country_of_import.as_ref();
        match self.item.import_mark {
            ImportMark::Present => self.essential("6.3(f)", "country_of_import", country),
            ImportMark::Absent => {
                if country.is_some() {
                    let why = "a country of import is given, yet the import mark is said to be absent";
                    self.advise("6.3(f)", "import_mark", why);
                }
            }
            ImportMark::NotExamined => match read(country) {
                Reading::Given | Reading::InPart => {
                    self.advise("6.3(f)", "import_mark", "say whether there is an import mark");
                }
                Reading::Unmarked(_) | Reading::Lacking(_) => {
                    let why = "look for an import mark and say whether it is present or absent";
                    self.need("6.3(f)", "import_mark", why);
                }
            },
        }
    }

    /// ISACS 6.2 b, 6.4.3: other marks shall serve where those of the frame or receiver cannot be read.
    fn unmarked_frame(&mut self) {
        if self.unmarked.is_empty() {
            return;
        }
        if !self.other_marks_serve() {
            let why = format!(
                "no readable marking gives {}: give the markings on other parts and any security marking \
                 (6.4.3), or enter one that says that none was found, with a photograph",
                self.unmarked.join(", ")
            );
            self.need("6.2(b)", "markings", why);
        }
        if self.item.markings.iter().all(|m| m.kind != MarkingKind::Security) {
            self.advise("6.4.3(a)", "markings", "say whether there is a security marking");
        }
    }

    fn other_marks_serve(&self) -> bool {
        let item = self.item;
        let marks = item
            .markings
            .iter()
            .filter(|m| m.part != Part::FrameReceiver || m.kind == MarkingKind::Security)
            .map(|m| read(m.text.as_ref()));
        let serials =
            item.serials.iter().filter(|s| s.part != Part::FrameReceiver).map(|s| read(s.number.as_ref()));
        marks.chain(serials).any(|reading| match reading {
            Reading::Given | Reading::InPart => true,
            Reading::Unmarked(_) => !item.photographs.is_empty(),
            Reading::Lacking(_) => false,
        })
    }

    /// ISACS 6.4.1 b–d.
    fn physical(&mut self) {
        let physical = self.item.physical.as_ref();
        if !said(physical.and_then(|p| p.action.as_ref())) {
            self.advise("6.4.1(b)", "physical.action", "give the type of action");
        }
        if !said(physical.and_then(|p| p.stock.as_ref())) {
            self.advise("6.4.1(c)", "physical.stock", "give the type of stock, such as fixed or folding");
        }
        if physical.is_none_or(|p| p.materials.is_empty()) {
            self.advise("6.4.1(d)", "physical.materials", "give the materials of the parts");
        }
    }

    /// ISACS 6.4.2: other marks with their location, and that claims rest on marks that exist.
    fn markings(&mut self) {
        let item = self.item;
        self.claim("manufactured", item.manufactured.as_ref());
        self.source("manufactured", item.manufactured.as_ref(), item.manufactured_source.as_ref());
        if item.markings.is_empty() {
            self.advise("6.4.2", "markings", "give the markings as they stand, each with its location");
        }
        for (at, mark) in item.markings.iter().enumerate() {
            if item.markings[..at].iter().any(|earlier| earlier.id == mark.id) {
                let why = "another marking has the same id; a claim cannot tell which one it rests on";
                self.advise("6.2", &format!("markings[{at}].id"), why);
            }
            self.helpful("6.4.2", &format!("markings[{at}].text"), mark.text.as_ref());
            if !said(mark.location.as_ref()) {
                self.advise("6.4.2", &format!("markings[{at}].location"), "say where on the part it stands");
            }
            if mark.photograph.is_some_and(|p| p as usize >= item.photographs.len()) {
                let why = "there is no such photograph; they are counted from zero";
                self.advise("6.4.5", &format!("markings[{at}].photograph"), why);
            }
        }
    }

    /// ISACS 6.5 a–e: as many as possible, none of them blocking.
    fn ammunition(&mut self) {
        let nothing = Ammunition::default();
        let lot = self.item.ammunition.as_ref().unwrap_or(&nothing);
        self.helpful("6.5(a)", "ammunition.manufacturer", lot.manufacturer.as_ref());
        self.helpful("6.5(b)", "country_of_manufacture", self.item.country_of_manufacture.as_ref());
        self.helpful("6.5(c)", "ammunition.lot", lot.lot.as_ref());
        self.helpful("6.5(d)", "ammunition.produced", lot.produced.as_ref());
        self.helpful("6.5(e)", "ammunition.designation", lot.designation.as_ref());
        self.source("ammunition.produced", lot.produced.as_ref(), lot.produced_source.as_ref());
        let bullet =
            self.length("6.5(e)(1)", "ammunition.bullet_diameter_mm", lot.bullet_diameter_mm.as_ref());
        let case = self.length("6.5(e)(2)", "ammunition.case_length_mm", lot.case_length_mm.as_ref());
        let overall =
            self.length("6.5(e)(3)", "ammunition.overall_length_mm", lot.overall_length_mm.as_ref());
        if overall.is_some_and(|all| case.is_some_and(|c| c >= all) || bullet.is_some_and(|b| b >= all)) {
            let why = "a cartridge is longer than its case and than its bullet is wide; check the lengths";
            self.advise("6.5(e)", "ammunition.overall_length_mm", why);
        }
    }

    /// ISACS 6.5 e: a length as decimal text, in thousandths of a millimetre.
    fn length(&mut self, clause: &'static str, field: &str, value: Option<&Field<Text>>) -> Option<u32> {
        self.helpful(clause, field, value);
        let text = value.and_then(Field::known)?;
        let length = millimetres(text.reveal());
        if length.is_none() {
            self.advise(clause, field, "give millimetres as a number with a decimal point, such as 7.92");
        }
        length
    }

    /// A date says from what it is known: the exemption of ISACS 5.4 c turns on it (DESIGN §3.7).
    fn source(&mut self, field: &str, date: Option<&Field<PartialDate>>, source: Option<&Text>) {
        let Some(Field::Value(claim)) = date else { return };
        if claim.marking.is_none() && !said(source) {
            let why = "say from what the date is known, or name the marking it was read from";
            self.advise("5.4(c)", &format!("{field}_source"), why);
        }
    }

    /// Checks a field without which a weapon is not identified.
    fn essential<T: FieldValue>(&mut self, clause: &'static str, field: &str, value: Option<&Field<T>>) {
        self.claim(field, value);
        match read(value) {
            Reading::Given => {}
            Reading::InPart => {
                self.advise(clause, field, "read in part only; other markings and photographs help");
            }
            Reading::Unmarked(state) => self.unmarked.push(format!("{field} ({state})")),
            Reading::Lacking(why) => self.need(clause, field, why),
        }
    }

    /// Checks a field that only helps.
    fn helpful<T: FieldValue>(&mut self, clause: &'static str, field: &str, value: Option<&Field<T>>) {
        self.claim(field, value);
        match read(value) {
            Reading::Given | Reading::InPart | Reading::Unmarked(_) => {}
            Reading::Lacking(why) => self.advise(clause, field, why),
        }
    }

    /// A claim rests on a marking of the same item (ISACS 6.2; DESIGN §3.2), and a pattern says what is unread.
    fn claim<T>(&mut self, field: &str, value: Option<&Field<T>>) {
        match value {
            Some(Field::Value(claim)) => {
                let known = |id: &String| self.item.markings.iter().any(|m| m.id == *id);
                if claim.marking.as_ref().is_some_and(|id| !known(id)) {
                    let why = "it points to a marking that the item does not list";
                    self.advise("6.2", &format!("{field}.marking"), why);
                }
            }
            Some(Field::PartlyRead(pattern)) if !pattern.reveal().contains(['?', '*']) => {
                let why = "it is said to be read in part: put ? for each character not read, * for a run";
                self.advise("6.2", field, why);
            }
            Some(
                Field::PartlyRead(_)
                | Field::Removed
                | Field::Unreadable
                | Field::NeverMarked
                | Field::NotExamined
                | Field::NotPossible(_)
                | Field::Withheld(_),
            )
            | None => {}
        }
    }

    fn need(&mut self, clause: &'static str, field: &str, why: impl Into<String>) {
        self.found.need(clause, format!("{}.{field}", self.path), why);
    }

    fn advise(&mut self, clause: &'static str, field: &str, why: impl Into<String>) {
        self.found.advise(clause, format!("{}.{field}", self.path), why);
    }
}
