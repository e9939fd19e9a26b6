//! What an officer's file and a peer's act say: requests and responses as JSON, act bodies as CBOR.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, str};
use valise::envelope::{join, split};
use valise::model::*;
use valise::offline::requests::{check, parse_request, parse_response};
use valise::rules::{addressee, completeness, exchange, identification, response, returns};
use valise::wire::{Limits, decode, encode};
use valise_fuzz::federation::Seeded;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        document(text);
    }
    body(data, |request: Request| Act::Request(Box::new(request)));
    body(data, Act::Acknowledgement);
    body(data, Act::ReturnIncomplete);
    body(data, Act::Resubmission);
    body(data, Act::Response);
    body(data, Act::Delay);
    body(data, Act::Refusal);
    body(data, Act::ClarificationRequest);
    body(data, Act::Clarification);
    body(data, Act::Withdrawal);
    body(data, Act::OutcomeNotice);
    body(data, Act::ConsentRequest);
    body(data, Act::ConsentGrant);
    body(data, Act::ConsentDenial);
    body(data, Act::ConsentWithdrawal);
    body(data, Act::DisclosureNotice);
    body(data, |mandate: Mandate| Act::Mandate(Box::new(mandate)));
    body(data, Act::MandateRevocation);
    body(data, Act::Notice);
    body(data, Act::AssistanceRequest);
    body(data, Act::AssistanceReply);
});

/// A file that an officer wrote.
fn document(text: &str) {
    drop(check(text));
    if let Ok(request) = parse_request(text) {
        let act = Act::Request(Box::new(request));
        travels(&act);
        judge(&act);
    }
    if let Ok(response) = parse_response(text) {
        let act = Act::Response(response);
        travels(&act);
        judge(&act);
    }
}

/// The body of a peer's act: it has one encoding, and is the same act in a file.
fn body<T>(bytes: &[u8], act: impl Fn(T) -> Act)
where
    T: Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned,
{
    let Ok(body) = decode::<T>(bytes, &Limits::ENVELOPE) else { return };
    assert_eq!(encode(&body).unwrap(), bytes, "a body has one encoding");
    let file = serde_json::to_string(&body).unwrap();
    assert_eq!(serde_json::from_str::<T>(&file).unwrap(), body, "a body is the same in a file: {file}");
    let act = act(body);
    travels(&act);
    judge(&act);
}

/// Cut into elements and put together again, an act is what it was.
fn travels(act: &Act) {
    let elements = split(act, &mut Seeded(0)).unwrap();
    assert_eq!(join(act.kind(), &elements).unwrap(), *act);
}

/// No rule fails on any act.
fn judge(act: &Act) {
    match act {
        Act::Request(request) => judge_request(request),
        Act::Resubmission(again) => judge_request(&again.request),
        Act::ReturnIncomplete(returned) => drop(returns::check(returned)),
        Act::Response(answer) => {
            drop(response::check(1, answer));
            drop(response::next_states(answer));
        }
        Act::Delay(delay) => drop(response::delay_check(delay)),
        Act::Refusal(refusal) => drop(response::refusal_check(refusal)),
        Act::Mandate(_)
        | Act::MandateRevocation(_)
        | Act::Notice(_)
        | Act::AssistanceRequest(_)
        | Act::AssistanceReply(_) => drop(exchange::check(act)),
        Act::Acknowledgement(_)
        | Act::ClarificationRequest(_)
        | Act::Clarification(_)
        | Act::Withdrawal(_)
        | Act::OutcomeNotice(_)
        | Act::ConsentRequest(_)
        | Act::ConsentGrant(_)
        | Act::ConsentDenial(_)
        | Act::ConsentWithdrawal(_)
        | Act::DisclosureNotice(_) => {}
    }
}

fn judge_request(request: &Request) {
    let found = completeness::check(request);
    assert_eq!(found.is_complete(), found.missing.is_empty());
    drop(addressee::propose(request));
    drop(addressee::deviates(request));
    drop(returns::wanted(request));
    returns::pleads_impossibility(request);
    for item in &request.items {
        drop(identification::other_numbers(item));
    }
}
