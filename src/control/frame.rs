use crate::control::{Call, ExitCode, Failure, VERSION};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The longest body of a frame, in bytes.
pub const MAX_FRAME: usize = 8 * 1024 * 1024;

/// The most bytes that follow a call or a reply: a piece of a file, sealed and routed.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Says why a frame was refused or did not pass.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The body is longer than [`MAX_FRAME`].
    #[error("a message of {0} bytes is over the limit of {MAX_FRAME}")]
    TooLong(usize),
    /// The other end speaks another version.
    #[error("the command line speaks version {theirs} of the control protocol, the node speaks {VERSION}")]
    OtherVersion {
        /// The version that it named.
        theirs: u64,
    },
    /// The body is not the JSON that was expected.
    #[error("not a valid control message: {0}")]
    Malformed(#[source] serde_json::Error),
    /// The socket failed.
    #[error("the control socket failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes a message as one frame: the body's length as four bytes, big-endian, then JSON.
///
/// # Errors
/// The body is over [`MAX_FRAME`].
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(ControlError::Malformed)?;
    let length = frame.len() - 4;
    let header = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME);
    frame[..4].copy_from_slice(&header.ok_or(ControlError::TooLong(length))?.to_be_bytes());
    Ok(frame)
}

/// Reads the length of the body that follows a header; nothing is allocated before this check.
///
/// # Errors
/// The length is over [`MAX_FRAME`].
pub fn body_length(header: [u8; 4]) -> Result<usize, ControlError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length <= MAX_FRAME { Ok(length) } else { Err(ControlError::TooLong(length)) }
}

/// Writes bytes as the frame that follows a call or a reply.
///
/// # Errors
/// They are over [`MAX_BYTES`].
pub fn frame_bytes(bytes: &[u8]) -> Result<Vec<u8>, ControlError> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX_BYTES);
    let header = length.ok_or(ControlError::TooLong(bytes.len()))?.to_be_bytes();
    Ok([header.as_slice(), bytes].concat())
}

/// Reads the length of the bytes that follow a header; nothing is allocated before this check.
///
/// # Errors
/// The length is over [`MAX_BYTES`].
pub fn bytes_length(header: [u8; 4]) -> Result<usize, ControlError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length <= MAX_BYTES { Ok(length) } else { Err(ControlError::TooLong(length)) }
}

/// Reads the body of a frame.
///
/// # Errors
/// It is not JSON of the expected shape.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(ControlError::Malformed)
}

/// Reads a call; its version is looked at first, so that a newer face is told so rather than misread.
///
/// # Errors
/// Another version, an unknown verb or field, or no JSON.
pub fn decode_call(body: &[u8]) -> Result<Call, ControlError> {
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let head: Head = decode(body)?;
    if head.version != u64::from(VERSION) {
        return Err(ControlError::OtherVersion { theirs: head.version });
    }
    decode(body)
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        match &error {
            ControlError::TooLong(_) => Self::new(ExitCode::BadData, "control.too_long", &error)
                .hint("split the request; photographs are named by digest, never embedded"),
            ControlError::OtherVersion { .. } => Self::new(ExitCode::Unavailable, "control.version", &error)
                .hint("use the valise binary that the node runs, or restart the node with this one"),
            ControlError::Malformed(cause) => {
                Self::new(ExitCode::BadData, "control.malformed", "not a valid control message")
                    .hint("use the valise binary that the node runs")
                    .cause(cause)
            }
            ControlError::Io(cause) => {
                Self::new(ExitCode::Unavailable, "control.socket", "the node did not answer to the end")
                    .hint("see its log, then try again; an act that it accepted is not lost")
                    .cause(cause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Command;
    use proptest::prelude::*;

    fn call() -> Call {
        Call { version: VERSION, as_officer: None, command: Command::InboxList }
    }

    #[test]
    fn a_call_is_these_bytes() {
        let frame = encode(&call()).unwrap();
        let body = br#"{"version":1,"as_officer":null,"command":"inbox_list"}"#;
        assert_eq!(&frame[..4], &[0, 0, 0, u8::try_from(body.len()).unwrap()]);
        assert_eq!(&frame[4..], body);
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_the_body() {
        assert_eq!(body_length([0, 0x80, 0, 0]).unwrap(), MAX_FRAME);
        assert!(matches!(body_length([0, 0x80, 0, 1]), Err(ControlError::TooLong(_))));
        assert!(matches!(body_length([0xff; 4]), Err(ControlError::TooLong(_))));
        assert!(matches!(encode(&"x".repeat(MAX_FRAME)), Err(ControlError::TooLong(_))));
    }

    #[test]
    fn bytes_that_follow_have_a_narrower_limit() {
        assert_eq!(frame_bytes(b"hi").unwrap(), b"\0\0\0\x02hi");
        assert_eq!(bytes_length([0, 0x10, 0, 0]).unwrap(), MAX_BYTES);
        assert!(matches!(bytes_length([0, 0x10, 0, 1]), Err(ControlError::TooLong(_))));
        assert!(matches!(frame_bytes(&[0; MAX_BYTES + 1]), Err(ControlError::TooLong(_))));
    }

    #[test]
    fn another_version_is_named() {
        let body = br#"{"version":2,"as_officer":null,"command":{"whole_new":{}}}"#;
        assert!(matches!(decode_call(body), Err(ControlError::OtherVersion { theirs: 2 })));
    }

    #[test]
    fn unknown_fields_and_verbs_are_named() {
        for (body, named) in [
            (r#"{"version":1,"command":"inbox_list","colour":1}"#, "colour"),
            (
                r#"{"version":1,"command":{"case_show":{"case":"XAA-2026-000001","reveal":false,"x":1}}}"#,
                "`x`",
            ),
            (r#"{"version":1,"command":"case_burn"}"#, "case_burn"),
        ] {
            let error = decode_call(body.as_bytes()).unwrap_err();
            let ControlError::Malformed(cause) = error else { panic!("{error}") };
            assert!(cause.to_string().contains(named), "{cause}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_call(&body);
        }
    }
}
