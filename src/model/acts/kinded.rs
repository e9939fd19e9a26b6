//! Writes an act together with its kind, as a pair, so that it can be read again (`#[serde(with = "kinded")]`).

use super::{Act, ActKind};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Writes the pair of kind and body.
///
/// # Errors
/// What the serializer says.
pub fn serialize<S: Serializer>(act: &Act, s: S) -> Result<S::Ok, S::Error> {
    (act.kind(), act).serialize(s)
}

/// Reads the pair.
///
/// # Errors
/// The body is none of its kind.
pub fn deserialize<'de, D: Deserializer<'de>, A: From<Act>>(d: D) -> Result<A, D::Error> {
    d.deserialize_tuple(2, Pair).map(A::from)
}

struct Pair;

impl<'de> Visitor<'de> for Pair {
    type Value = Act;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an act: its kind, then its body")
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Act, S::Error> {
        let kind: ActKind = seq.next_element()?.ok_or_else(|| S::Error::custom("an act without a kind"))?;
        read(kind, &mut seq)
    }
}

fn read<'de, S: SeqAccess<'de>>(kind: ActKind, seq: &mut S) -> Result<Act, S::Error> {
    fn body<'de, T: Deserialize<'de>, S: SeqAccess<'de>>(seq: &mut S) -> Result<T, S::Error> {
        seq.next_element()?.ok_or_else(|| S::Error::custom("an act without a body"))
    }
    Ok(match kind {
        ActKind::Request => Act::Request(body(seq)?),
        ActKind::Acknowledgement => Act::Acknowledgement(body(seq)?),
        ActKind::ReturnIncomplete => Act::ReturnIncomplete(body(seq)?),
        ActKind::Resubmission => Act::Resubmission(body(seq)?),
        ActKind::Response => Act::Response(body(seq)?),
        ActKind::Delay => Act::Delay(body(seq)?),
        ActKind::Refusal => Act::Refusal(body(seq)?),
        ActKind::ClarificationRequest => Act::ClarificationRequest(body(seq)?),
        ActKind::Clarification => Act::Clarification(body(seq)?),
        ActKind::Withdrawal => Act::Withdrawal(body(seq)?),
        ActKind::OutcomeNotice => Act::OutcomeNotice(body(seq)?),
        ActKind::ConsentRequest => Act::ConsentRequest(body(seq)?),
        ActKind::ConsentGrant => Act::ConsentGrant(body(seq)?),
        ActKind::ConsentDenial => Act::ConsentDenial(body(seq)?),
        ActKind::ConsentWithdrawal => Act::ConsentWithdrawal(body(seq)?),
        ActKind::DisclosureNotice => Act::DisclosureNotice(body(seq)?),
        ActKind::Mandate => Act::Mandate(body(seq)?),
        ActKind::MandateRevocation => Act::MandateRevocation(body(seq)?),
        ActKind::Notice => Act::Notice(body(seq)?),
        ActKind::AssistanceRequest => Act::AssistanceRequest(body(seq)?),
        ActKind::AssistanceReply => Act::AssistanceReply(body(seq)?),
    })
}
