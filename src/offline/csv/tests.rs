use super::*;
use crate::model::{Country, Field, FieldValue, ImportMark, ItemKind, MarkingKind, Part, Text};
use proptest::prelude::*;

fn faults(list: &[CellFault]) -> Vec<(u64, &str)> {
    list.iter().map(|f| (f.line, f.column.as_str())).collect()
}

/// Imports one column of cells and returns the first item, or the words of the only error.
fn cell(column: &str, content: &str) -> Result<Item, String> {
    let quoted = format!("\"{}\"", content.replace('"', "\"\""));
    let report = import(format!("{column},note\n{quoted},row\n").as_bytes());
    match report.errors.as_slice() {
        [] => Ok(report.items[0].clone()),
        [only] => {
            assert_eq!((only.line, only.column.as_str()), (2, column));
            Err(only.why.clone())
        }
        several => panic!("{several:?}"),
    }
}

fn serial(content: &str) -> Result<Field<Text>, String> {
    cell("serial", content).map(|item| item.serials[0].number.clone().unwrap())
}

fn value(text: &str) -> Field<Text> {
    Field::value(Text::new(text.to_owned()))
}

#[test]
fn rows_become_items_of_every_kind() {
    let file = "\u{FEFF}sep=;\r\nkind;Marque;model;calibre;calibre_2;serial;serial_location;serial_2;serial_part_2;\
                country_of_manufacture;import mark;manufactured;mark;mark_part;mark_kind;lot;case_length_mm;note\r\n\
                weapon;FABRICA XBB;FX-9;9 mm Luger;.22 LR;00 4217;left side;S77;slide;xbb;absent;1944-06;ZZ;barrel;proof;;;\"two\nlines\"\r\n\
                \r\n\
                munição;;;;;;;;;XBB;;;;;;L-0042;44,70;\r\n";
    let report = import(file.as_bytes());
    assert_eq!(report.errors, []);
    assert_eq!(report.lines, [3, 6]);
    let [weapon, lot] = report.items.as_slice() else { panic!("{:?}", report.items) };
    assert_eq!((weapon.kind, lot.kind), (ItemKind::Weapon, ItemKind::Ammunition));
    assert_eq!(weapon.make, Some(value("FABRICA XBB")));
    assert_eq!(weapon.serials[0].number, Some(value("00 4217")), "zeros stay");
    assert_eq!((weapon.serials[0].part, weapon.serials[1].part), (Part::FrameReceiver, Part::Slide));
    assert_eq!(weapon.calibres[0].known().unwrap().text(), "9 mm Luger", "as marked");
    let Field::Value(claim) = &weapon.calibres[0] else { panic!() };
    assert_eq!(claim.normalised.as_ref().unwrap().value, "9×19mm Parabellum");
    assert_eq!(weapon.country_of_manufacture.as_ref().unwrap().known(), Country::from_code("XBB").as_ref());
    assert_eq!(weapon.import_mark, ImportMark::Absent);
    assert_eq!((weapon.markings[0].part, weapon.markings[0].kind), (Part::Barrel, MarkingKind::Proof));
    assert_eq!(weapon.note.as_ref().unwrap().reveal(), "two\nlines");
    let ammunition = lot.ammunition.as_ref().unwrap();
    assert_eq!(ammunition.case_length_mm, Some(value("44.70")));
    assert!(report.missing.is_empty(), "{:?}", report.missing);
}

#[test]
fn every_error_is_named_with_its_line_and_no_row_with_one_is_taken() {
    let file = "make,serial,colour,country_of_manufacture,manufactured,serial_2,make\n\
                FX,AB 1,red,GHA,1987,,\n\
                FX,N/A,red,GH,04/12/1987,S1,\n\
                \n\
                FX,AB 3,,GHA,,,,extra\n";
    let report = import(file.as_bytes());
    assert_eq!(
        faults(&report.errors),
        [
            (1, "colour"),
            (1, "make"),
            (3, "serial"),
            (3, "serial_2"),
            (3, "country_of_manufacture"),
            (3, "manufactured"),
            (5, "column 8")
        ]
    );
    assert_eq!(report.lines, [2]);
}

#[test]
fn files_that_cannot_be_read_at_all() {
    let why = |bytes: &[u8]| {
        let report = import(bytes);
        assert!(report.items.is_empty());
        (report.errors[0].line, report.errors[0].why.clone())
    };
    assert!(why(b"").1.contains("empty"));
    assert!(why(b"make,serial\n").1.contains("no row"));
    let (line, latin_1) = why(b"make,model\nAB,C\nF\xe1brica,FX\n");
    assert_eq!(line, 3);
    assert!(latin_1.contains("UTF-8"), "{latin_1}");
    let many = format!("make\n{}", "FX\n".repeat(MAX_ROWS + 1));
    assert!(why(many.as_bytes()).1.contains("rows"));
    assert_eq!(import(format!("make\n{}", "FX\n".repeat(MAX_ROWS)).as_bytes()).items.len(), MAX_ROWS);
    let unclosed = import(b"make,serial\n\"FX,1\nFY,2\nFZ,3\n");
    assert_eq!(faults(&unclosed.errors), [(2, "make")]);
    assert!(unclosed.errors[0].why.contains("quote"));
}

#[test]
fn states_stand_in_brackets_or_in_words_that_are_beyond_doubt() {
    for (content, state) in [
        ("[removed]", Field::Removed),
        ("[Raspado]", Field::Removed),
        ("filed off", Field::Removed),
        ("illisible", Field::Unreadable),
        ("[never marked]", Field::NeverMarked),
        ("[not_examined]", Field::NotExamined),
        ("[not_possible: destroyed]", Field::NotPossible(Text::new("destroyed".to_owned()))),
        ("[partly_read: 7?42*]", Field::PartlyRead(Text::new("7?42*".to_owned()))),
        ("7?42*", Field::PartlyRead(Text::new("7?42*".to_owned()))),
        ("[value: A*1]", value("A*1")),
        ("[value: [x]]", value("[x]")),
    ] {
        assert_eq!(serial(content).as_ref(), Ok(&state), "{content}");
    }
    for content in [
        "N/A",
        "unknown",
        "sem número",
        "-",
        "???",
        "XXXX",
        "[lost]",
        "[removed",
        "[value: ]",
        "[removed: by file]",
        "[not_possible]",
        "[not_possible: n/a]",
        "[withheld: a1]",
    ] {
        assert!(serial(content).is_err(), "{content}");
    }
    let report = import(b"serial\nraspado\n");
    assert_eq!(faults(&report.warnings), [(2, "serial")]);
    assert_eq!(
        cell("country_of_manufacture", "[removed]").unwrap().country_of_manufacture,
        Some(Field::Removed)
    );
}

#[test]
fn what_a_spreadsheet_did_to_a_number_is_an_error_until_confirmed() {
    for damaged in [
        "1.23457E+11",
        "1,23E+11",
        "12-Mar",
        "Mar-12",
        "12/03/1999",
        "1999/03/12",
        "5-May-99",
        "=\"00123\"",
        "=A1",
        "#REF!",
        "#N/A",
        "#####",
        "1234567890123450",
    ] {
        assert!(serial(damaged).is_err(), "{damaged}");
        assert_eq!(serial(&format!("[value: {damaged}]")), Ok(value(damaged)));
    }
    for marked in
        ["12E4", "1234/56", "MAR-15A", "1-2-3", "123456789012345", "+12", "-12", "@7", "No. 4 Mk I", "12-3"]
    {
        assert_eq!(serial(marked), Ok(value(marked)), "{marked}");
    }
    assert_eq!(serial("'-12"), Ok(value("-12")), "the apostrophe of a formula-safe export");
    assert_eq!(serial("'12"), Ok(value("'12")), "any other apostrophe is marked");
    let warned = |file: &str| faults(&import(file.as_bytes()).warnings).len();
    assert_eq!(warned("serial\n123\nAB 1\n"), 1, "dropped zeros cannot be seen");
    assert_eq!(warned("serial\n0123\n4567\n"), 0, "zeros are there");
    assert_eq!(warned("serial\nAB 1\n"), 0);
}

#[test]
fn columns_that_do_not_belong_to_the_kind_are_errors() {
    let errors = |file: &str| import(file.as_bytes()).errors.len();
    assert_eq!(errors("kind,lot\nweapon,L1\n"), 1);
    assert_eq!(errors("kind,part_name\nweapon,bolt\n"), 1);
    assert_eq!(errors("kind,part_name\npart,bolt\n"), 0);
    assert_eq!(errors("kind,mark\nweapon,ZZ\n"), 1, "on which part?");
    assert_eq!(errors("kind,mark,mark_part\nweapon,ZZ,frame\n"), 0);
    assert_eq!(errors("kind\nvehicle\n"), 1);
    assert!(cell("bullet_diameter_mm", "0.30 in").is_err());
}

#[test]
fn clause_6_3_a_to_f_a_dry_run_says_what_each_row_lacks() {
    let report = import(b"make,model\nFX,9\n\nFX,\n");
    let gaps: Vec<_> = report.missing.iter().map(|g| (g.line, g.clause)).collect();
    let every = ["6.3(c)", "6.3(d)", "6.3(e)", "6.3(f)"];
    let expected: Vec<_> =
        every.iter().map(|c| (2, *c)).chain([(4, "6.3(b)")]).chain(every.map(|c| (4, c))).collect();
    assert_eq!(gaps, expected);
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("\"lines\":[2,4]") && !json.contains("\"items\""), "items are not for a terminal");
}

#[test]
fn items_go_into_a_request_that_keeps_everything_else() {
    let items = import(b"make,serial\nFX,00 1\nFY,00 2\n").items;
    let fresh = with_items(template(), &items).unwrap();
    assert_eq!(parse_request(&fresh).unwrap().items, items, "the blank item of the template is left out");
    assert!(fresh.starts_with(template().split("\"items\": [").next().unwrap()));
    let more = with_items(&fresh, &items[..1]).unwrap();
    let request = parse_request(&more).unwrap();
    assert_eq!(request.items, [&items[..], &items[..1]].concat());
    assert!(more.contains("//legal_basis"), "annotations stay");
    let nested = r#"{"items": [{"kind": "part", "calibres": [{"state": "removed"}]}], "//": "end"}"#;
    let request = parse_request(&with_items(nested, &items).unwrap()).unwrap();
    assert_eq!((request.items.len(), request.items[0].calibres.len()), (3, 1));
    assert_eq!(
        with_items("{\"items\": []}", &items).map(|t| parse_request(&t).unwrap().items),
        Ok(items.clone())
    );
    assert!(matches!(with_items("{}", &items), Err(OfflineError::BadData { path, .. }) if path == "items"));
    assert!(with_items("[]", &items).is_err());
}

#[test]
fn the_blank_header_is_understood() {
    let report = import(format!("{}\nweapon\n", header()).as_bytes());
    assert_eq!((report.errors, report.items.len()), (vec![], 1));
}

proptest! {
    #[test]
    fn a_mark_comes_through_as_it_stands(marked in "[A-Z0-9][A-Za-z0-9 ,;\"'/.-]{0,12}[A-Z]") {
        let expected = value(&marked);
        if let Ok(read) = serial(&marked) {
            prop_assert_eq!(read, expected);
        }
        prop_assert_eq!(serial(&format!("[value: {marked}]")), Ok(value(&marked)));
    }

    #[test]
    fn no_file_makes_it_panic_and_no_fault_repeats_a_cell(
        cells in proptest::collection::vec("[=+@#\\[0-9?*\"\n;,\t-]{0,6}", 0..12), secret in "ZZ[0-9]{6}E\\+[0-9]"
    ) {
        let file = format!("serial,manufactured,mark,country_of_import\n{}\n{secret},{secret},[{secret}],{secret}\n", cells.join(","));
        let report = import(file.as_bytes());
        let said = serde_json::to_string(&report).unwrap();
        prop_assert!(!said.contains(&secret));
    }
}
