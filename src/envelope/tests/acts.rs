//! Draws acts of every kind, with odd texts and every state of a field.

use crate::model::*;
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Draws an act.
pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        request().prop_map(|request| Act::Request(Box::new(request))),
        steering(),
        consents(),
        (any::<[u8; 32]>(), 0i64..4_000_000_000, any::<bool>(), of(text())).prop_map(
            |(request, at, automatic, note)| Act::Acknowledgement(Acknowledgement {
                request: Digest(request),
                received_at: Timestamp::from_unix(at).unwrap(),
                automatic,
                note,
            })
        ),
        (any::<[u8; 32]>(), vec(item_answer(), 0..3), of(text())).prop_map(|(request, items, note)| {
            Act::Response(Response { request: Digest(request), items, note })
        }),
        (any::<[u8; 32]>(), vec(ground(), 1..3))
            .prop_map(|(request, grounds)| Act::Refusal(Refusal { request: Digest(request), grounds })),
    ]
}

/// Draws an act by which a case is returned, delayed, questioned, withdrawn or followed up.
fn steering() -> impl Strategy<Value = Act> {
    let digest = || any::<[u8; 32]>().prop_map(Digest);
    let missing =
        (string(), string(), text()).prop_map(|(clause, field, why)| MissingElement { clause, field, why });
    let ternary = select(vec![Ternary::Yes, Ternary::No, Ternary::Unknown]);
    let follow_up = (any::<u32>(), ternary, of(text())).prop_map(|(item, answer, action)| FollowUp {
        item,
        point_of_diversion: answer,
        prosecution: answer,
        preventive_measure: action.clone(),
        action,
    });
    prop_oneof![
        (digest(), vec(missing, 1..3), of(text())).prop_map(|(request, missing, judgement)| {
            Act::ReturnIncomplete(ReturnIncomplete { request, missing, judgement })
        }),
        (digest(), digest(), request()).prop_map(|(previous, returned_by, request)| {
            Act::Resubmission(Resubmission { previous, returned_by, request: Box::new(request) })
        }),
        (digest(), vec(ground(), 1..3), of(date()))
            .prop_map(|(request, grounds, expected)| { Act::Delay(Delay { request, grounds, expected }) }),
        (digest(), text()).prop_map(|(about, question)| {
            Act::ClarificationRequest(ClarificationRequest { about, question })
        }),
        (digest(), text())
            .prop_map(|(request_for, answer)| { Act::Clarification(Clarification { request_for, answer }) }),
        (digest(), text()).prop_map(|(request, reason)| Act::Withdrawal(Withdrawal { request, reason })),
        (digest(), vec(follow_up, 0..3))
            .prop_map(|(request, items)| { Act::OutcomeNotice(OutcomeNotice { request, items }) }),
    ]
    .boxed()
}

/// Texts that a careless implementation would trim, fold, normalise or cut.
fn string() -> BoxedStrategy<String> {
    let odd = vec![
        " 00123 ",
        "é",
        "e\u{301}",
        "АВ-007432",
        "\u{202e}9X\u{202c}",
        "a\u{0}b",
        "\u{feff}1",
        "١٢٣",
        "🔫",
        "0O1Il",
        "items/0",
        "\r\n",
        "\u{fffd}\u{10ffff}",
    ];
    // A blank value stands for none, so that every text has something to show.
    prop_oneof![select(odd).prop_map(str::to_owned), any::<String>(), "\\PC{30,300}"]
        .prop_map(|text| if text.trim().is_empty() { format!("{text}-") } else { text })
        .boxed()
}

fn text() -> impl Strategy<Value = Text> {
    string().prop_map(Text::new)
}

fn field<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Field<T>> {
    let normalised =
        (string(), string(), string()).prop_map(|(value, list, version)| Normalised { value, list, version });
    prop_oneof![
        (value, of(normalised), of(string())).prop_map(|(as_marked, normalised, marking)| {
            Field::Value(Claim { as_marked, normalised, marking })
        }),
        text().prop_map(Field::PartlyRead),
        Just(Field::Removed),
        Just(Field::Unreadable),
        Just(Field::NeverMarked),
        Just(Field::NotExamined),
        text().prop_map(Field::NotPossible),
        ground().prop_map(Field::Withheld),
    ]
    .boxed()
}

fn ground() -> impl Strategy<Value = Ground> {
    let codes = vec![GroundCode::A1, GroundCode::A2, GroundCode::B, GroundCode::C];
    (select(codes), text(), of(text())).prop_map(|(code, reason, law)| Ground { code, reason, law })
}

fn country() -> impl Strategy<Value = Country> {
    select(vec!["GHA", "XBB", "SUHH", "CSHH"]).prop_map(|code| Country::from_code(code).unwrap())
}

fn date() -> impl Strategy<Value = PartialDate> {
    select(vec!["1944", "1987-04", "2024-02-29"]).prop_map(|date| date.parse().unwrap())
}

fn purposes() -> impl Strategy<Value = std::collections::BTreeSet<Purpose>> {
    btree_set(select(&Purpose::ALL[..]), 0..4)
}

fn marking() -> BoxedStrategy<Marking> {
    let parts = select(vec![Part::FrameReceiver, Part::Barrel, Part::Cartridge]);
    let kinds = select(vec![MarkingKind::Serial, MarkingKind::Import, MarkingKind::Other]);
    (string(), parts, kinds, of(field(text())), of(text()), of(0u32..9))
        .prop_map(|(id, part, kind, text, location, photograph)| Marking {
            id,
            part,
            kind,
            text,
            location,
            script: photograph.map(|_| "Cyrl".to_owned()),
            confidence: photograph.map(|_| Confidence::Doubtful),
            photograph,
        })
        .boxed()
}

fn ammunition() -> BoxedStrategy<Ammunition> {
    (of(field(text())), of(field(date())), of(text()))
        .prop_map(|(lot, produced, lot_source)| Ammunition {
            lot,
            produced,
            lot_source,
            ..Ammunition::default()
        })
        .boxed()
}

fn physical() -> impl Strategy<Value = Physical> {
    (of(text()), vec(text(), 0..2)).prop_map(|(action, materials)| Physical {
        action,
        stock: None,
        materials: materials.into_iter().map(|material| Material { part: Part::Stock, material }).collect(),
    })
}

fn item() -> BoxedStrategy<Item> {
    let kinds = select(vec![ItemKind::Weapon, ItemKind::Part, ItemKind::Ammunition]);
    let marks = select(vec![ImportMark::Present, ImportMark::Absent, ImportMark::NotExamined]);
    let serial = (of(field(text())), of(text())).prop_map(|(number, location)| Serial {
        part: Part::FrameReceiver,
        number,
        location,
    });
    let claims = (of(field(text())), of(field(country())), of(field(date())), vec(field(text()), 0..3));
    let rest = (of(text()), of(physical()), of(ammunition()), any::<[u8; 32]>());
    (kinds, marks, vec(marking(), 0..3), vec(serial, 0..3), claims, rest)
        .prop_map(|(kind, import_mark, markings, serials, claims, (note, physical, ammunition, sha256))| {
            Item {
                kind,
                part_name: note.clone(),
                markings,
                make: claims.0.clone(),
                model: claims.0,
                calibres: claims.3,
                serials,
                country_of_manufacture: claims.1.clone(),
                import_mark,
                country_of_import: claims.1,
                manufactured: claims.2,
                manufactured_source: note.clone(),
                photographs: note
                    .iter()
                    .map(|shows| Photograph { shows: shows.clone(), sha256: Digest(sha256), file: None })
                    .collect(),
                physical,
                ammunition,
                note,
            }
        })
        .boxed()
}

fn request() -> BoxedStrategy<Request> {
    let codes = vec![IllicitCode::A, IllicitCode::B, IllicitCode::C, IllicitCode::D, IllicitCode::E];
    let illicit = (select(codes), of(field(text())), of(string()))
        .prop_map(|(code, legal_basis, resolution)| IllicitGround { code, legal_basis, resolution });
    let recovery = (of(field(date())), of(field(text())), of(any::<u32>()), vec(text(), 0..2))
        .prop_map(|(date, place, quantity, detained)| Recovery { date, place, quantity, detained });
    let trace = (of(country()), of(text())).prop_map(|(exported_to, override_reason)| DomesticTrace {
        outcome: DomesticOutcome::Exported,
        records_searched: [DomesticRecord::Export, DomesticRecord::Import].into(),
        exported_to,
        override_reason,
    });
    let asked =
        (any::<bool>(), any::<bool>(), of(text())).prop_map(|(last_legal_owner, circumstances, other)| {
            Asked { last_legal_owner, circumstances, other }
        });
    let intended = (purposes(), of(text())).prop_map(|(purposes, detail)| IntendedUse { purposes, detail });
    let references = (string(), text()).prop_map(|(scheme, id)| ExternalReference { scheme, id });
    let first = (vec(illicit, 0..3), of(field(text())), of(recovery), of(trace), of(asked), of(intended));
    let second = (any::<bool>(), of(text()), vec(references, 0..2), vec(item(), 0..3));
    (first, second)
        .prop_map(|(first, (yes, reason, external_references, items))| Request {
            illicit_grounds: first.0,
            circumstances: first.1,
            recovery: first.2,
            domestic_trace: first.3,
            asked: first.4,
            intended_use: first.5,
            declaration: yes.then(|| Declaration { can_comply: yes, reason: reason.clone() }),
            addressee: yes.then(|| Addressee {
                party: "XBB/police".parse().unwrap(),
                basis: AddresseeBasis::Other,
                reason: reason.clone(),
            }),
            external_references,
            follows: follows(yes),
            incomplete_reason: reason,
            items,
        })
        .boxed()
}

/// The link of a chain that quotes one element under its label.
fn follows(yes: bool) -> Option<Follows> {
    let quote = || Quotation {
        path: "items/0/elements/1".parse().unwrap(),
        about: About::Recipient,
        answer: Answer::NoRecord { reason: Text::new("burnt".to_owned()) },
    };
    let label = Label { onward: Onward::WithConsent, ..Label::default() };
    yes.then(|| Follows {
        response: Digest([7; 32]),
        quotes: vec![quote()],
        pending: ["items/0/elements/1".parse().unwrap()].into(),
        label: Some(label),
    })
}

/// Draws an act by which consent is asked for, given, denied or taken back, or a disclosure is told.
fn consents() -> impl Strategy<Value = Act> {
    let digest = || any::<[u8; 32]>().prop_map(Digest);
    let elements = || {
        btree_set((any::<u32>(), any::<u32>()), 0..3).prop_map(|set| {
            set.into_iter().map(|(answer, element)| ElementPath { answer, element }).collect()
        })
    };
    let recipient = || select(vec!["police-cid", "XCC", "XCC/police", "org:ecowas"]);
    let scope = || {
        (elements(), recipient(), purposes(), btree_set(select(Restriction::ALL.to_vec()), 0..4)).prop_map(
            |(elements, to, purposes, lifts)| Scope {
                elements,
                recipient: to.parse().unwrap(),
                purposes,
                lifts,
            },
        )
    };
    prop_oneof![
        (digest(), scope(), text()).prop_map(|(response, scope, reason)| {
            Act::ConsentRequest(ConsentRequest { response, scope, reason })
        }),
        (digest(), scope(), 0i64..4_000_000_000, any::<bool>()).prop_map(
            |(consent_request, scope, expires, single_use)| {
                let expires = Timestamp::from_unix(expires).unwrap();
                Act::ConsentGrant(ConsentGrant { consent_request, scope, expires, single_use })
            }
        ),
        (digest(), text()).prop_map(|(consent_request, reason)| {
            Act::ConsentDenial(ConsentDenial { consent_request, reason })
        }),
        (digest(), text())
            .prop_map(|(grant, reason)| Act::ConsentWithdrawal(ConsentWithdrawal { grant, reason })),
        (digest(), elements(), recipient(), text()).prop_map(|(disclosed, elements, to, compelled_by)| {
            let recipient = to.parse().unwrap();
            Act::DisclosureNotice(DisclosureNotice { disclosed, elements, recipient, compelled_by })
        }),
    ]
    .boxed()
}

fn label() -> BoxedStrategy<Label> {
    let audience =
        prop_oneof![Just(Audience::Designated), btree_set(string(), 0..3).prop_map(Audience::Named)];
    let onward = select(vec![Onward::Free, Onward::WithConsent, Onward::None]);
    let caveat = (string(), string()).prop_map(|(code, text)| OtherCaveat { code, text });
    (of(audience), purposes(), onward, any::<bool>(), vec(caveat, 0..2), of(0i64..4_000_000_000))
        .prop_map(|(audience, purposes, onward, not_in_court, other, expires)| Label {
            audience,
            purposes,
            onward,
            not_in_court,
            other,
            expires: expires.and_then(Timestamp::from_unix),
        })
        .boxed()
}

fn particulars() -> BoxedStrategy<Particulars> {
    (of(any::<bool>()), of(text()), of(date()), of(country()), vec(country(), 0..3), vec(text(), 0..2))
        .prop_map(|(confirmed, name, date, state, transit_states, authorisations)| Particulars {
            confirmed,
            address: name.clone(),
            name,
            date,
            state,
            transit_states,
            authorisations,
            how: confirmed.map(|_| DiversionKind::Theft),
            investigation: confirmed.map(|_| Investigation::None),
            ..Particulars::default()
        })
        .boxed()
}

fn item_answer() -> BoxedStrategy<ItemAnswer> {
    let answer = prop_oneof![
        particulars().prop_map(|value| Answer::Value { value }),
        text().prop_map(|reason| Answer::NoRecord { reason }),
        ground().prop_map(|ground| Answer::Withheld { ground }),
        (ground(), of(date())).prop_map(|(ground, expected)| Answer::Delayed { ground, expected }),
        text().prop_map(|reason| Answer::NotApplicable { reason }),
    ];
    let abouts = select(vec![About::LastLegalOwner, About::Recipient, About::Diversion]);
    let element =
        (abouts, answer, of(label())).prop_map(|(about, answer, label)| Element { about, answer, label });
    let outcomes = select(vec![Outcome::Full, Outcome::Partial, Outcome::NoneFound, Outcome::NotOurs]);
    (any::<u32>(), outcomes, of(text()), of(country()), vec(element, 0..4))
        .prop_map(|(item, outcome, reason, next_state, elements)| ItemAnswer {
            item,
            outcome,
            reason,
            next_state,
            elements,
        })
        .boxed()
}
