//! Bytes that must not change unless the wire does.

use super::forge::{layers, parts};
use super::*;

/// Compares with bytes in lowercase hex; on a wanted change of the wire, the message is the new file.
fn assert_golden(name: &str, golden: &str, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<&str> = hex.as_bytes().chunks(100).map(|l| std::str::from_utf8(l).unwrap()).collect();
    assert_eq!(lines.join("\n"), golden.trim_end(), "src/envelope/testdata/{name}.hex differs");
}

#[test]
fn statement_envelope_receipts_and_reject_have_their_golden_bytes() {
    let mine = KeyRing { seal: (ring(XAA).seal.0, Digest([0x5e; 32])), ..ring(XAA) };
    let statement = draft(response(), &[XBB, XCC]).sign(&mine, &mut Seeded(1)).unwrap();
    assert_golden("statement", include_str!("../testdata/statement.hex"), &statement.bytes);

    // Thumbprints of fixed bytes, so that only the wire can change these bytes, never an encoder of certificates.
    let mine = KeyRing { log: (ring(XAA).log.0, Digest([0x10; 32])), ..mine };
    let envelope =
        compose(&statement, &named(XBB), &mine, &known_to(XAA), NOW, 86_400, &mut Seeded(50)).unwrap();
    assert_golden("envelope", include_str!("../testdata/envelope.hex"), &envelope.bytes);

    let theirs = KeyRing { log: (ring(XBB).log.0, Digest([0x11; 32])), ..ring(XBB) };
    let sealed = seal_receipt(envelope.envelope, &envelope.export, b"receipt", &mut Seeded(60)).unwrap();
    let receipts = Receipts::sign(&named(XAA), vec![sealed], &theirs).unwrap();
    assert_golden("receipts", include_str!("../testdata/receipts.hex"), &receipts);

    let reject = Reject::sign(&named(XAA), envelope.envelope, ("prekey-gone", "gone", false), &theirs);
    assert_golden("reject", include_str!("../testdata/reject.hex"), &reject.unwrap());
}

#[test]
fn a_statement_reads_in_hex_as_the_protocol_says() {
    let statement = signed(acknowledgement());
    let [protected, unprotected, payload, signature] = parts(&statement.bytes).try_into().unwrap();
    let protected = protected.into_bytes().unwrap();
    // A map of 13: alg −19, crit, content type, …
    assert_eq!(protected[..4], [0xad, 0x01, 0x32, 0x02]);
    assert_eq!(unprotected, ciborium::Value::Map(Vec::new()));
    let digests = payload.into_bytes().unwrap();
    // An array of three digests: an acknowledgement without a note has three elements.
    assert_eq!((digests.len(), digests[0], digests[1..3].to_vec()), (1 + 3 * 34, 0x83, vec![0x58, 32]));
    assert_eq!(signature.into_bytes().unwrap().len(), 64);
    assert_eq!(layers(&sent(&statement, XAA, XBB).bytes).1[0], 0x84, "COSE_Encrypt, untagged");
}
