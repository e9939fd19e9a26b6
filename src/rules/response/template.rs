//! The response that an officer fills in.

use crate::model::{Digest, ItemKind, Request};
use crate::rules::declaration;

/// Writes an annotated response to `request`, incomplete on purpose, for an officer to fill in.
///
/// `digest` is the statement digest of the request. The text repeats no value of the request; where the requester has
/// declared that it cannot keep confidence, it says so first and proposes to withhold on ground b (ISACS 8.4, 8.3.4.2 b).
pub fn template(request: &Request, digest: Digest) -> String {
    let items: Vec<String> = request
        .items
        .iter()
        .enumerate()
        .map(|(at, item)| ITEM.replace("@AT@", &at.to_string()).replace("@KIND@", kind(item.kind)))
        .collect();
    let text = DOCUMENT.replace("@DIGEST@", &digest.to_string()).replace("@ITEMS@", &items.join(",\n"));
    let keeps = request.declaration.as_ref().is_none_or(|declared| declared.can_comply);
    let (outcome, answer, warning) = if keeps {
        ("none_found", NO_RECORD, String::new())
    } else {
        ("partial", WITHHELD, format!("\n  \"//declaration\": \"READ FIRST: {}.\",", declaration::WORDS))
    };
    text.replace("@WARNING@", &warning).replace("@OUTCOME@", outcome).replace("@ANSWER@", answer)
}

const fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Weapon => "a weapon",
        ItemKind::Part => "a part or component",
        ItemKind::Ammunition => "a lot of ammunition",
    }
}

const NO_RECORD: &str = r#"{ "state": "no_record", "reason": "" }"#;
const WITHHELD: &str = r#"{ "state": "withheld", "ground": { "code": "b", "reason": "" } }"#;

const DOCUMENT: &str = r#"{@WARNING@
  "//": "Response to a tracing request (ISACS 05.31, 8.3.3). Keys that begin with // are ignored on reading.",
  "//answers": "An element's answer is one of the five states below. Words such as N/A or unknown are no answer.",
  "//value": { "state": "value", "value": { "name": "Example Arms Ltd", "address": "1 Harbour Road", "date": "2019-04" } },
  "//no_record": { "state": "no_record", "reason": "records before 1996 were destroyed by fire" },
  "//withheld": { "state": "withheld", "ground": { "code": "a1", "reason": "an inquiry is open until June" } },
  "//delayed": { "state": "delayed", "ground": { "code": "a1", "reason": "an inquiry is open until June" }, "expected": "2026-07" },
  "//not_applicable": { "state": "not_applicable", "reason": "the weapon was never exported" },
  "//grounds": "8.3.4.2: a1 ongoing investigation, a2 law on confidential information (name it in 'law'), b the requester cannot keep confidence, c national security. No other ground exists; each owes its reason.",
  "//particulars": "A value may hold: confirmed (true or false), name, address, date (1987, 1987-04 or 1987-04-12), place, state (ISO 3166 alpha-3), transit_states, authorisations, how (theft, loss, intentional_diversion, other), investigation (launched, envisaged, none), details.",
  "//label": "A usage restriction on one element (8.3.4.2 d-f); null for none, which is the rule. It needs no ground and leaves a full answer full.",
  "//label_example": { "audience": "designated", "purposes": ["tracing"], "onward": "with_consent", "not_in_court": true },
  "request": "@DIGEST@",
  "items": [
@ITEMS@
  ],
  "//note": "Words for the requesting point of contact, or null.",
  "note": null
}
"#;

const ITEM: &str = r#"    {
      "//": "The answer to item @AT@ of the request: @KIND@.",
      "item": @AT@,
      "//outcome": "full | partial (something is withheld, delayed or not on record) | none_found (say why) | not_ours (say why, or name next_state).",
      "outcome": "@OUTCOME@",
      "reason": "",
      "//next_state": "The State to ask next, such as XCC, where the outcome is not_ours.",
      "next_state": null,
      "//elements": "8.3.3.1 asks for (a and b) or c. More elements may follow: manufacture and import (8.3.3.2), internal_transfer (8.3.3.3), export (8.3.3.4), diversion (8.3.3.5; say whether it is investigated), other.",
      "elements": [
        {
          "//": "8.3.3.1(a): the last legal owner before the diversion.",
          "about": "last_legal_owner",
          "answer": @ANSWER@,
          "label": null
        },
        {
          "//": "8.3.3.1(b): the circumstances under which it became illicit.",
          "about": "circumstances",
          "answer": @ANSWER@,
          "label": null
        },
        {
          "//": "8.3.3.1(c): the recipient, if it was lawfully exported.",
          "about": "recipient",
          "answer": { "state": "not_applicable", "reason": "" },
          "label": null
        }
      ]
    }"#;
