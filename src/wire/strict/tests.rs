use super::*;
use crate::wire::{decode, encode_value};
use ciborium::Value;
use proptest::prelude::*;

const WIDE: Limits = Limits { bytes: 1 << 16, depth: MAX_DEPTH, items: 1 << 12 };

fn kind(bytes: &[u8]) -> Option<FaultKind> {
    check(bytes, &WIDE).err().map(|fault| fault.kind)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn the_examples_of_rfc_8949_appendix_f_are_refused() {
    let examples = [
        // End of input in a head.
        (
            FaultKind::Truncated,
            "18, 19, 1a, 1b, 1901, 1a0102, 1b01020304050607, 38, 58, 78, 98, 9a01ff00, b8",
        ),
        (FaultKind::Tag, "d8"),
        (FaultKind::Simple, "f8"),
        (FaultKind::Float, "f900, fa0000, fb000000"),
        // Definite-length strings with short data.
        (FaultKind::Truncated, "41, 61, 5affffffff00, 5bffffffffffffffff010203"),
        (FaultKind::Truncated, "7affffffff00, 7b7fffffffffffffff010203"),
        // Definite-length maps and arrays not closed with enough items.
        (FaultKind::Truncated, "81, 818181818181818181, 8200, a1, a20102, a100, a2000000"),
        // Tag number not followed by its content.
        (FaultKind::Tag, "c0"),
        // Indefinite-length strings and containers that are not closed.
        (FaultKind::Indefinite, "5f4100, 7f6100, 9f, 9f0102, bf, bf01020102, 819f, 9f8000"),
        (FaultKind::Indefinite, "9f9f9f9f9fffffffff, 9f819f819f9fffffff"),
        // Reserved additional information.
        (FaultKind::Reserved, "1c, 1d, 1e, 3c, 3d, 3e, 5c, 5d, 5e, 7c, 7d, 7e, 9c, 9d, 9e, bc, bd, be"),
        (FaultKind::Reserved, "dc, dd, de, fc, fd, fe"),
        // Reserved two-byte encodings of simple values.
        (FaultKind::Simple, "f800, f801, f818, f81f"),
        // Indefinite-length string chunks of another type, or themselves indefinite.
        (FaultKind::Indefinite, "5f00ff, 5f21ff, 5f6100ff, 5f80ff, 5fa0ff, 5fc000ff, 5fe0ff, 7f4100ff"),
        (FaultKind::Indefinite, "5f5f4100ffff, 7f7f6100ffff"),
        // Break outside, in a definite container, or after an odd number of map items.
        (FaultKind::Indefinite, "ff, 81ff, 8200ff, bf00ff, bf000000ff, 9f81ff, 9f829f819f9fffffffff"),
        (FaultKind::Truncated, "a1ff, a20000ff"),
        (FaultKind::Indefinite, "a1ff00, a100ff"),
        // Major types 0, 1 and 6 with additional information 31.
        (FaultKind::Reserved, "1f, 3f, df"),
    ];
    for (fault, list) in examples {
        for example in list.split(", ") {
            assert_eq!(kind(&hex(example)), Some(fault), "{example}");
        }
    }
}

#[test]
fn each_fault_is_named_and_placed() {
    use FaultKind::*;
    let cases: [(&str, FaultKind, usize); 20] = [
        ("", Truncated, 0),
        ("0000", Trailing, 1),
        ("1817", NotShortest, 0),
        ("8218181817", NotShortest, 3),
        ("1b00000000ffffffff", NotShortest, 0),
        ("580100", NotShortest, 0),
        ("f7", Simple, 0),
        ("e0", Simple, 0),
        ("81f97e00", Float, 1),
        ("81c100", Tag, 1),
        ("62c328", Utf8, 0),
        // A UTF-16 surrogate written as UTF-8.
        ("63eda080", Utf8, 0),
        ("a14100f6", KeyType, 1),
        ("a18000", KeyType, 1),
        ("a1f500", KeyType, 1),
        ("a201000000", KeyOrder, 3),
        // Bytewise order: -1 (20) before 100 (1864) would be the length-first order of RFC 7049.
        ("a22000186400", KeyOrder, 3),
        ("a2616100616100", DuplicateKey, 4),
        ("8200a200010002", DuplicateKey, 5),
        ("a26261610061620000", KeyOrder, 5),
    ];
    for (bytes, kind, offset) in cases {
        assert_eq!(check(&hex(bytes), &WIDE), Err(Fault { offset, kind }), "{bytes}");
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert_eq!(kind(&nested(16)), None);
    assert_eq!(check(&nested(17), &WIDE), Err(Fault { offset: 16, kind: FaultKind::TooDeep }));
    assert_eq!(kind(&vec![0x81; 60_000]), Some(FaultKind::TooDeep), "a courier's bomb");
    let shallow = Limits { depth: 1, ..WIDE };
    assert_eq!(check(&hex("820102"), &shallow), Ok(()));
    assert!(check(&hex("8180"), &shallow).is_err());
}

#[test]
fn sizes_and_counts_end_at_the_limit() {
    let small = Limits { bytes: 4, depth: 2, items: 3 };
    assert_eq!(check(&hex("820102"), &small), Ok(()));
    assert_eq!(check(&hex("83010203"), &small), Err(Fault { offset: 3, kind: FaultKind::TooMany }));
    assert_eq!(check(&hex("4400000000"), &small), Err(Fault { offset: 4, kind: FaultKind::TooLong }));
}

#[test]
fn a_count_beyond_the_bytes_is_refused_before_anything_is_read() {
    for bomb in
        ["9affffffff", "9bffffffffffffffff", "bbffffffffffffffff", "bb8000000000000001", "5bffffffffffffffff"]
    {
        assert_eq!(check(&hex(bomb), &WIDE), Err(Fault { offset: 0, kind: FaultKind::Truncated }), "{bomb}");
    }
}

#[test]
fn the_examples_of_rfc_8949_appendix_a_pass_or_fail_by_our_profile() {
    let passing = [
        "00, 01, 0a, 17, 1818, 1819, 1864, 1903e8, 1a000f4240, 1b000000e8d4a51000, 1bffffffffffffffff",
        "3bffffffffffffffff, 20, 29, 3863, 3903e7, f4, f5, f6, 40, 4401020304",
        "60, 6161, 6449455446, 62225c, 62c3bc, 63e6b0b4, 64f0908591, 80, 83010203, 8301820203820405",
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819, a0, a201020304, a26161016162820203",
        "826161a161626163, a56161614161626142616361436164614461656145",
    ];
    for example in passing.iter().flat_map(|line| line.split(", ")) {
        let bytes = hex(example);
        let value: Value = decode(&bytes, &WIDE).unwrap();
        assert_eq!(encode_value(&value).unwrap(), bytes, "{example}");
    }
    let failing = [
        (FaultKind::Tag, "c249010000000000000000, c349010000000000000000"),
        (FaultKind::Tag, "c074323031332d30332d32315432303a30343a30305a, c11a514b67b0, c1fb41d452d9e8200000"),
        (FaultKind::Tag, "d74401020304, d818456449455446"),
        (FaultKind::Tag, "d82076687474703a2f2f7777772e6578616d706c652e636f6d"),
        (FaultKind::Float, "f90000, f98000, f93c00, fb3ff199999999999a, f93e00, f97bff, fa47c35000"),
        (FaultKind::Float, "fa7f7fffff, fb7e37e43c8800759c, f90001, f90400, f9c400, fbc010666666666666"),
        (FaultKind::Float, "f97c00, f97e00, f9fc00, fa7f800000, fa7fc00000, faff800000"),
        (FaultKind::Float, "fb7ff0000000000000, fb7ff8000000000000, fbfff0000000000000"),
        (FaultKind::Simple, "f7, f0, f8ff"),
        (FaultKind::Indefinite, "5f42010243030405ff, 7f657374726561646d696e67ff, 9fff, 9f018202039f0405ffff"),
        (FaultKind::Indefinite, "9f01820203820405ff, 83018202039f0405ff, 83019f0203ff820405"),
        (FaultKind::Indefinite, "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff"),
        (FaultKind::Indefinite, "bf61610161629f0203ffff, 826161bf61626163ff, bf6346756ef563416d7421ff"),
    ];
    for (fault, list) in failing {
        for example in list.split(", ") {
            assert_eq!(kind(&hex(example)), Some(fault), "{example}");
        }
    }
}

#[test]
fn keys_are_ordered_by_their_bytes_not_by_their_length() {
    assert_eq!(kind(&hex("a31864002000616100")), None);
}

/// Values that our profile can express; keys are distinct by construction.
fn values() -> impl Strategy<Value = Value> {
    let integer = prop_oneof![-30i64..300, any::<i64>()].prop_map(Value::from);
    let text = "[a-zà-ÿ水]{0,30}".prop_map(Value::from);
    let leaf = prop_oneof![
        integer.clone(),
        text.clone(),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let key = prop_oneof![integer.clone(), text.clone()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..6).prop_map(|mut entries| {
                entries.sort_by_key(|(key, _)| encode_value(key).unwrap());
                entries.dedup_by_key(|(key, _)| encode_value(key).unwrap());
                Value::Map(entries)
            }),
        ]
    })
}

/// Where each item of a sound encoding starts, with its major type, its argument and its head's width.
fn heads(bytes: &[u8]) -> Vec<(usize, u8, u64, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let (major, info) = (bytes[at] >> 5, bytes[at] & 0x1f);
        let width = [0, 1, 2, 4, 8][usize::from(info.saturating_sub(23)).min(4)];
        let width = if major == 7 { 0 } else { width };
        let long = bytes[at + 1..=at + width].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let argument = if width == 0 { u64::from(info) } else { long };
        found.push((at, major, argument, 1 + width));
        at += 1 + width + if matches!(major, 2 | 3) { usize::try_from(argument).unwrap() } else { 0 };
    }
    found
}

fn splice(bytes: &[u8], at: usize, cut: usize, insert: &[u8]) -> Vec<u8> {
    [&bytes[..at], insert, &bytes[at + cut..]].concat()
}

proptest! {
    #[test]
    fn every_value_encodes_to_what_check_accepts_and_back(value in values()) {
        let bytes = encode_value(&value).unwrap();
        prop_assert_eq!(check(&bytes, &WIDE), Ok(()));
        prop_assert_eq!(ciborium::from_reader::<Value, _>(&bytes[..]).unwrap(), value);
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_refused(value in values(), extra: u8) {
        let bytes = encode_value(&value).unwrap();
        for end in 0..bytes.len() {
            prop_assert_eq!(kind(&bytes[..end]), Some(FaultKind::Truncated));
        }
        let longer = [&bytes[..], &[extra]].concat();
        prop_assert_eq!(check(&longer, &WIDE), Err(Fault { offset: bytes.len(), kind: FaultKind::Trailing }));
    }

    #[test]
    fn every_other_form_of_an_item_is_refused_where_it_stands(value in values(), pick: prop::sample::Index) {
        let bytes = encode_value(&value).unwrap();
        let heads = heads(&bytes);
        let (at, major, argument, width) = heads[pick.index(heads.len())];
        let fault = |kind| Err(Fault { offset: at, kind });

        prop_assert_eq!(check(&splice(&bytes, at, 0, &[0xc1]), &WIDE), fault(FaultKind::Tag));
        prop_assert_eq!(check(&splice(&bytes, at, 0, &[0xf9, 0x3c, 0]), &WIDE), fault(FaultKind::Float));
        prop_assert_eq!(check(&splice(&bytes, at, 0, &[0xf7]), &WIDE), fault(FaultKind::Simple));
        prop_assert_eq!(check(&splice(&bytes, at, 0, &[0xff]), &WIDE), fault(FaultKind::Indefinite));
        if major != 7 && width < 9 {
            let longest = [&[major << 5 | 27][..], &argument.to_be_bytes()].concat();
            prop_assert_eq!(check(&splice(&bytes, at, width, &longest), &WIDE), fault(FaultKind::NotShortest));
        }
        if (2..=5).contains(&major) {
            let open = splice(&bytes, at, width, &[major << 5 | 31]);
            prop_assert_eq!(check(&open, &WIDE), fault(FaultKind::Indefinite));
        }
        if major == 3 && argument > 0 {
            prop_assert_eq!(check(&splice(&bytes, at + width, 1, &[0xff]), &WIDE), fault(FaultKind::Utf8));
        }
    }

    #[test]
    fn swapped_and_repeated_keys_are_refused(
        keys in prop::collection::btree_set(any::<i32>(), 2..8),
    ) {
        let entry = |key: &i32| [encode_value(&Value::from(*key)).unwrap(), vec![0xf6]].concat();
        let mut entries: Vec<_> = keys.iter().map(entry).collect();
        entries.sort();
        let head = 0xa0 | u8::try_from(entries.len()).unwrap();
        let map = |entries: &[Vec<u8>]| [vec![head], entries.concat()].concat();
        prop_assert_eq!(kind(&map(&entries)), None);
        entries.swap(0, 1);
        prop_assert_eq!(kind(&map(&entries)), Some(FaultKind::KeyOrder));
        entries[0] = entries[1].clone();
        prop_assert_eq!(kind(&map(&entries)), Some(FaultKind::DuplicateKey));
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_passes_has_one_encoding(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if check(&bytes, &WIDE).is_ok() {
            let value: Value = ciborium::from_reader(&bytes[..]).unwrap();
            prop_assert_eq!(encode_value(&value).unwrap(), bytes);
        }
    }
}
