use super::{CloseCode, TransportError};
use crate::wire::{FrameHeader, FrameKind, HEADER_LEN};
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt, WriteError};
use std::sync::Arc;
use std::{mem, time::Duration};
use tokio::time::timeout;

/// How long a peer may make no progress within a frame. A slow link keeps moving, a dead one does not.
const STALL: Duration = Duration::from_secs(30);

/// Held by each half of a stream, so that a link knows whether it carries any.
#[derive(Clone, Debug, Default)]
pub(super) struct InUse(Arc<()>);

impl InUse {
    /// Tells whether nobody but `self` holds it.
    pub(super) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// The writing half of a stream; dropping it ends the stream.
#[derive(Debug)]
pub struct Sender {
    stream: SendStream,
    connection: Connection,
    within_frame: bool,
    _in_use: InUse,
    pub(super) stall: Duration,
}

/// The reading half of a stream.
#[derive(Debug)]
pub struct Receiver {
    stream: RecvStream,
    connection: Connection,
    header: Option<FrameHeader>,
    buffer: Vec<u8>,
    _in_use: InUse,
    pub(super) stall: Duration,
}

impl Sender {
    pub(super) const fn new(stream: SendStream, connection: Connection, in_use: InUse) -> Self {
        Self { stream, connection, within_frame: false, _in_use: in_use, stall: STALL }
    }

    /// Sends one frame; waits while the peer reads nothing.
    ///
    /// If the future is dropped before it ends, the stream cannot be used any more.
    /// # Errors
    /// `BadFrame` if the body is longer than its kind may be, before anything is sent; otherwise why
    /// the stream or the link has ended.
    pub async fn send(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), TransportError> {
        let header = FrameHeader::new(kind, body.len())?.encode();
        if mem::replace(&mut self.within_frame, true) {
            return Err(TransportError::StreamEnded);
        }
        self.write(&header).await?;
        self.write(body).await?;
        self.within_frame = false;
        Ok(())
    }

    /// Tells the peer that no further frame follows.
    pub fn finish(&mut self) {
        // A stream that the peer or an error has ended already needs no second end.
        let _ = self.stream.finish();
    }

    pub(super) async fn write(&mut self, mut rest: &[u8]) -> Result<(), TransportError> {
        while !rest.is_empty() {
            let Ok(written) = timeout(self.stall, self.stream.write(rest)).await else {
                let _ = self.stream.reset(CloseCode::Stalled.into());
                return Err(TransportError::Stalled);
            };
            rest = &rest[written.map_err(|e| self.failed(&e))?..];
        }
        Ok(())
    }

    /// The end of the link comes first among causes: the stream's own fault only follows from it.
    fn failed(&self, error: &WriteError) -> TransportError {
        if let Some(cause) = self.connection.close_reason() {
            return cause.into();
        }
        match error {
            WriteError::Stopped(code) => stream_refused(*code),
            WriteError::ConnectionLost(cause) => cause.clone().into(),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => TransportError::StreamEnded,
        }
    }
}

impl Receiver {
    pub(super) const fn new(stream: RecvStream, connection: Connection, in_use: InUse) -> Self {
        Self { stream, connection, header: None, buffer: Vec::new(), _in_use: in_use, stall: STALL }
    }

    /// Waits for the next frame; `None` if the peer ended the stream after a whole frame.
    ///
    /// The future may be dropped and asked for again; nothing is lost. Memory grows with the bytes
    /// that came, never with the length that a header announces.
    /// # Errors
    /// `BadFrame`, `Truncated` or `Stalled`, which end this stream only, or why the stream or the
    /// link has ended.
    pub async fn next(&mut self) -> Result<Option<(FrameKind, Vec<u8>)>, TransportError> {
        loop {
            let missing = self.header.map_or(HEADER_LEN, |h| h.length()) - self.buffer.len();
            if missing > 0 {
                if self.read(missing).await? {
                    continue;
                }
                return if self.is_within_frame() { Err(TransportError::Truncated) } else { Ok(None) };
            }
            let full = mem::take(&mut self.buffer);
            match self.header.take() {
                Some(header) => return Ok(Some((header.kind(), full))),
                None => self.header = Some(self.parse(&full)?),
            }
        }
    }

    /// The one place where a peer's first bytes are handed to the parser.
    fn parse(&mut self, bytes: &[u8]) -> Result<FrameHeader, TransportError> {
        let bytes = bytes.try_into().map_err(|_| TransportError::Truncated)?;
        FrameHeader::parse(bytes).map_err(|fault| {
            self.stop(CloseCode::BadFrame);
            fault.into()
        })
    }

    /// Takes up to `at_most` bytes into the buffer; false if the peer has ended the stream.
    async fn read(&mut self, at_most: usize) -> Result<bool, TransportError> {
        let within_frame = self.is_within_frame();
        let chunk = self.stream.read_chunk(at_most, true);
        let chunk = if within_frame { timeout(self.stall, chunk).await } else { Ok(chunk.await) };
        match chunk {
            Ok(Ok(Some(chunk))) => self.buffer.extend_from_slice(&chunk.bytes),
            Ok(Ok(None)) => return Ok(false),
            Ok(Err(error)) => return Err(self.failed(&error)),
            Err(_) => {
                self.stop(CloseCode::Stalled);
                return Err(TransportError::Stalled);
            }
        }
        Ok(true)
    }

    const fn is_within_frame(&self) -> bool {
        self.header.is_some() || !self.buffer.is_empty()
    }

    fn stop(&mut self, code: CloseCode) {
        // A stream that has ended already needs no second end.
        let _ = self.stream.stop(code.into());
    }

    fn failed(&self, error: &ReadError) -> TransportError {
        if let Some(cause) = self.connection.close_reason() {
            return cause.into();
        }
        match error {
            ReadError::Reset(code) => stream_refused(*code),
            ReadError::ConnectionLost(cause) => cause.clone().into(),
            ReadError::ClosedStream | ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected => {
                TransportError::StreamEnded
            }
        }
    }
}

fn stream_refused(code: VarInt) -> TransportError {
    TransportError::StreamRefused { code: CloseCode::from_wire(code) }
}
