//! Fictive acts for the tests of this room and of those above it.

use crate::model::{
    Addressee, AddresseeBasis, Asked, Claim, Country, Declaration, Digest, DomesticOutcome, DomesticRecord,
    DomesticTrace, Field, Ground, GroundCode, IllicitCode, IllicitGround, ImportMark, IntendedUse, Item,
    ItemKind, Marking, MarkingKind, Material, Part, PartialDate, Photograph, Physical, Purpose, Recovery,
    Request, Serial, Text,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A field read in full.
pub(crate) fn text(value: &str) -> Field<Text> {
    Field::value(words(value))
}

/// A field that cannot be given, with its reason.
pub(crate) fn not_possible<T>() -> Field<T> {
    Field::NotPossible(words("the weapon was destroyed before it was examined"))
}

/// Plain sensitive text.
pub(crate) fn words(value: &str) -> Text {
    Text::new(value.to_owned())
}

/// A country read in full.
pub(crate) fn country(code: &str) -> Field<Country> {
    Field::value(Country::from_code(code).unwrap())
}

/// An item that holds nothing.
pub(crate) fn item(kind: ItemKind) -> Item {
    Item {
        kind,
        part_name: None,
        markings: Vec::new(),
        make: None,
        model: None,
        calibres: Vec::new(),
        serials: Vec::new(),
        country_of_manufacture: None,
        import_mark: ImportMark::NotExamined,
        country_of_import: None,
        manufactured: None,
        manufactured_source: None,
        physical: None,
        photographs: Vec::new(),
        ammunition: None,
        note: None,
    }
}

/// A weapon made in XBB about which nothing is missing and nothing is advised.
pub(crate) fn weapon() -> Item {
    let claim = |value: &str, marking: &str| {
        Field::Value(Claim { as_marked: words(value), normalised: None, marking: Some(marking.to_owned()) })
    };
    Item {
        markings: vec![
            mark("m1", Part::FrameReceiver, MarkingKind::Manufacturer, "FABRICA XBB"),
            mark("m2", Part::FrameReceiver, MarkingKind::Serial, "XB 004217"),
        ],
        make: Some(claim("FABRICA XBB", "m1")),
        model: Some(text("FX-9")),
        calibres: vec![text("9x19")],
        serials: vec![Serial {
            part: Part::FrameReceiver,
            number: Some(claim("XB 004217", "m2")),
            location: Some(words("left side, above the trigger")),
        }],
        country_of_manufacture: Some(country("XBB")),
        import_mark: ImportMark::Absent,
        physical: Some(Physical {
            action: Some(words("semi-automatic")),
            stock: Some(words("none; pistol grip")),
            materials: vec![Material { part: Part::Grip, material: words("polymer") }],
        }),
        photographs: vec![Photograph {
            shows: words("left side"),
            sha256: Digest::of(&[b"left side"]),
            file: None,
        }],
        ..item(ItemKind::Weapon)
    }
}

/// A marking that was read in full.
pub(crate) fn mark(id: &str, part: Part, kind: MarkingKind, value: &str) -> Marking {
    Marking {
        id: id.to_owned(),
        part,
        kind,
        text: Some(text(value)),
        location: Some(words("left side")),
        script: None,
        confidence: None,
        photograph: Some(0),
    }
}

/// A request to XBB in which nothing is missing and nothing is advised.
pub(crate) fn complete_request() -> Request {
    Request {
        illicit_grounds: vec![IllicitGround {
            code: IllicitCode::A,
            legal_basis: Some(text("Arms Act of XAA, section 12")),
            resolution: None,
        }],
        circumstances: Some(text("found in a vehicle at a checkpoint")),
        recovery: Some(Recovery {
            date: Some(Field::value("2026-03-04".parse::<PartialDate>().unwrap())),
            place: Some(text("northern border post")),
            quantity: Some(1),
            detained: Vec::new(),
        }),
        domestic_trace: Some(DomesticTrace {
            outcome: DomesticOutcome::NotInRecords,
            records_searched: BTreeSet::from([
                DomesticRecord::Manufacture,
                DomesticRecord::Import,
                DomesticRecord::ServiceHoldings,
                DomesticRecord::PrivateHoldings,
                DomesticRecord::Export,
            ]),
            exported_to: None,
            override_reason: None,
        }),
        asked: Some(Asked { last_legal_owner: true, circumstances: true, other: None }),
        intended_use: Some(IntendedUse { purposes: BTreeSet::from([Purpose::Tracing]), detail: None }),
        declaration: Some(Declaration { can_comply: true, reason: None }),
        addressee: Some(Addressee {
            party: "XBB".parse().unwrap(),
            basis: AddresseeBasis::Manufacture,
            reason: None,
        }),
        items: vec![weapon()],
        ..Request::default()
    }
}

/// Any state of a field that holds text.
pub(crate) fn any_field() -> impl Strategy<Value = Field<Text>> {
    let said = "[A-Z]{2}[0-9 /-]{1,6}".prop_map(|t| words(&t));
    prop_oneof![
        (said.clone(), proptest::option::of("m[1-3]")).prop_map(|(as_marked, marking)| Field::Value(Claim {
            as_marked,
            normalised: None,
            marking
        })),
        Just(text("N/A")),
        said.clone().prop_map(Field::PartlyRead),
        Just(Field::Removed),
        Just(Field::Unreadable),
        Just(Field::NeverMarked),
        Just(Field::NotExamined),
        said.clone().prop_map(Field::NotPossible),
        said.prop_map(|reason| Field::Withheld(Ground { code: GroundCode::A1, reason, law: None })),
    ]
}

fn any_marking() -> impl Strategy<Value = Marking> {
    let part = prop_oneof![Just(Part::FrameReceiver), Just(Part::Barrel), Just(Part::Slide)];
    let kind = prop_oneof![Just(MarkingKind::Serial), Just(MarkingKind::Security), Just(MarkingKind::Proof)];
    ("m[1-3]", part, kind, proptest::option::of(any_field()), proptest::option::of(0..3u32)).prop_map(
        |(id, part, kind, text, photograph)| Marking {
            text,
            photograph,
            ..mark(&id, part, kind, "replaced")
        },
    )
}

/// Any item, from blank to full.
pub(crate) fn any_item() -> impl Strategy<Value = Item> {
    let kind = prop_oneof![Just(ItemKind::Weapon), Just(ItemKind::Part), Just(ItemKind::Ammunition)];
    let import =
        prop_oneof![Just(ImportMark::Present), Just(ImportMark::Absent), Just(ImportMark::NotExamined)];
    let origin = prop_oneof![Just(None), Just(Some(country("XBB"))), Just(Some(country("YUCS")))];
    let serial =
        (prop_oneof![Just(Part::FrameReceiver), Just(Part::Slide)], proptest::option::of(any_field()))
            .prop_map(|(part, number)| Serial { part, number, location: None });
    let field = || proptest::option::of(any_field());
    (
        kind,
        proptest::collection::vec(any_marking(), 0..3),
        (field(), field()),
        proptest::collection::vec(any_field(), 0..3),
        proptest::collection::vec(serial, 0..3),
        (origin.clone(), import, origin),
        any::<bool>(),
    )
        .prop_map(
            |(kind, markings, (make, model), calibres, serials, (made, import_mark, imported), photo)| {
                let photographs = if photo { weapon().photographs } else { Vec::new() };
                Item {
                    markings,
                    make,
                    model,
                    calibres,
                    serials,
                    country_of_manufacture: made,
                    import_mark,
                    country_of_import: imported,
                    photographs,
                    ..item(kind)
                }
            },
        )
}

/// Any request, from blank to full.
pub(crate) fn any_request() -> impl Strategy<Value = Request> {
    let field = || proptest::option::of(any_field());
    let full = complete_request();
    let maybe = any::<[bool; 6]>();
    (proptest::collection::vec(any_item(), 0..3), field(), field(), maybe).prop_map(
        move |(
            items,
            legal_basis,
            circumstances,
            [trace, asked, intended, declared, addressed, recovered],
        )| {
            let ground = |legal_basis| IllicitGround {
                code: IllicitCode::A,
                legal_basis: Some(legal_basis),
                resolution: None,
            };
            Request {
                illicit_grounds: legal_basis.map(ground).into_iter().collect(),
                circumstances,
                recovery: full.recovery.clone().filter(|_| recovered),
                domestic_trace: full.domestic_trace.clone().filter(|_| trace),
                asked: full.asked.clone().filter(|_| asked),
                intended_use: full.intended_use.clone().filter(|_| intended),
                declaration: full.declaration.clone().filter(|_| declared),
                addressee: full.addressee.clone().filter(|_| addressed),
                items,
                ..Request::default()
            }
        },
    )
}
