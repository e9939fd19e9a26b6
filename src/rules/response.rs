//! What a response and a refusal must hold before they leave (ISACS 8.3.3, 8.3.4.2).

use super::completeness::Completeness;
use crate::model::{Digest, Refusal, Request, Response};

/// Checks a response to a request of `request_items` items.
pub fn check(_request_items: u32, _response: &Response) -> Completeness {
    Completeness::default()
}

/// Checks a refusal.
pub fn refusal_check(_refusal: &Refusal) -> Completeness {
    Completeness::default()
}

/// Writes an annotated response to `request`, incomplete on purpose, for an officer to fill in.
pub fn template(_request: &Request, _digest: Digest) -> String {
    String::new()
}
