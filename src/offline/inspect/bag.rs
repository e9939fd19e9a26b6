use super::cbor::head_len;
use super::{Shown, frame_at, line, malformed};
use crate::offline::OfflineError;
use crate::wire::{Bag, HEADER_LEN};
use serde_json::json;

/// Shows a courier's bag: whose it seems to be, then every frame.
pub(super) fn show(bytes: &[u8]) -> Result<Shown, OfflineError> {
    let bag = Bag::parse(bytes).map_err(|fault| {
        let words = format!("{} [{}]", fault.cause, fault.cause.code());
        malformed(fault.offset, &words)
    })?;
    let length = |body: &[u8]| HEADER_LEN + body.len();
    // The frames end the bag.
    let all: usize = bag.frames.iter().map(|(_, body)| head_len(length(body)) + length(body)).sum();
    let mut at = bytes.len() - all;
    let title = format!("bag of {} from {} to {}, as it says itself", count(&bag), bag.from, bag.to);
    let (mut text, mut frames) = (line(0, 0, &title), Vec::new());
    for (_, body) in &bag.frames {
        at += head_len(length(body));
        let frame = frame_at(&bytes[at..at + length(body)], at)?;
        at += length(body);
        text += &frame.text;
        frames.push(frame.value);
    }
    Ok(Shown { text, value: json!({ "from": bag.from, "to": bag.to, "frames": frames }) })
}

fn count(bag: &Bag) -> String {
    if bag.frames.len() == 1 { "one frame".to_owned() } else { format!("{} frames", bag.frames.len()) }
}
