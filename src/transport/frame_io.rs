use super::tcp::Half;
use super::{CloseCode, TransportError};
use crate::wire::{FrameHeader, FrameKind, HEADER_LEN};
use bytes::{Buf, Bytes};
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt, WriteError};
use std::sync::Arc;
use std::{mem, slice, time::Duration};
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

/// The most bytes that are read at once from a stream over TCP.
const PIECE: usize = 64 << 10;

/// What a sender writes to.
#[derive(Debug)]
pub(super) enum Outlet {
    Quic(SendStream, Connection),
    Tcp(Half),
}

/// What a receiver reads from.
#[derive(Debug)]
pub(super) enum Inlet {
    Quic(RecvStream, Connection),
    Tcp(Half),
}

/// The writing half of a stream; dropping it ends the stream.
#[derive(Debug)]
pub struct Sender {
    stream: Outlet,
    within_frame: bool,
    _in_use: InUse,
    pub(super) stall: Duration,
}

/// The reading half of a stream.
#[derive(Debug)]
pub struct Receiver {
    stream: Inlet,
    header: Option<FrameHeader>,
    buffer: Vec<u8>,
    /// Where the frame after this one goes.
    spare: Vec<u8>,
    _in_use: InUse,
    pub(super) stall: Duration,
}

impl Sender {
    pub(super) const fn new(stream: Outlet, in_use: InUse) -> Self {
        Self { stream, within_frame: false, _in_use: in_use, stall: STALL }
    }

    /// Sends one frame; waits while the peer reads nothing.
    ///
    /// If the future is dropped before it ends, the stream cannot be used any more.
    /// # Errors
    /// `BadFrame` if the body is longer than its kind may be, before anything is sent; otherwise why
    /// the stream or the link has ended.
    pub async fn send(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), TransportError> {
        let header = self.begin(kind, body.len())?;
        self.write(&header).await?;
        self.write(body).await?;
        self.within_frame = false;
        Ok(())
    }

    /// Sends one frame as [`Self::send`] does, without a copy of its body where the road allows it.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn hand_over(&mut self, kind: FrameKind, mut body: Bytes) -> Result<(), TransportError> {
        let header = self.begin(kind, body.len())?;
        self.write(&header).await?;
        while !body.is_empty() {
            let Ok(given) = timeout(self.stall, self.stream.give(&mut body)).await else {
                return Err(self.stalled());
            };
            given?;
        }
        self.within_frame = false;
        Ok(())
    }

    fn begin(&mut self, kind: FrameKind, length: usize) -> Result<[u8; HEADER_LEN], TransportError> {
        let header = FrameHeader::new(kind, length)?.encode();
        if mem::replace(&mut self.within_frame, true) {
            return Err(TransportError::StreamEnded);
        }
        Ok(header)
    }

    /// Lets what else the link carries go first, where the road can tell.
    pub fn in_the_background(&mut self) {
        if let Outlet::Quic(stream, _) = &mut self.stream {
            // A stream that has ended needs no order any more.
            let _ = stream.set_priority(-1);
        }
    }

    /// Tells the peer that no further frame follows.
    pub fn finish(&mut self) {
        match &mut self.stream {
            // A stream that the peer or an error has ended already needs no second end.
            Outlet::Quic(stream, _) => drop(stream.finish()),
            Outlet::Tcp(half) => half.finish(),
        }
    }

    pub(super) async fn write(&mut self, mut rest: &[u8]) -> Result<(), TransportError> {
        while !rest.is_empty() {
            let Ok(written) = timeout(self.stall, self.stream.write(rest)).await else {
                return Err(self.stalled());
            };
            rest = &rest[written?..];
        }
        Ok(())
    }

    fn stalled(&mut self) -> TransportError {
        self.stream.reset(CloseCode::Stalled);
        TransportError::Stalled
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Outlet {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError> {
        match self {
            Self::Quic(stream, connection) => {
                stream.write(bytes).await.map_err(|e| write_failed(connection, &e))
            }
            Self::Tcp(half) => half.write(bytes).await,
        }
    }

    /// Gives away as much of a body as the stream takes now, without a copy where the road allows it.
    async fn give(&mut self, body: &mut Bytes) -> Result<(), TransportError> {
        match self {
            Self::Quic(stream, connection) => {
                let given = stream.write_chunks(slice::from_mut(body)).await;
                given.map(drop).map_err(|e| write_failed(connection, &e))
            }
            Self::Tcp(half) => {
                let written = half.write(body).await?;
                body.advance(written);
                Ok(())
            }
        }
    }

    fn reset(&mut self, code: CloseCode) {
        match self {
            // A stream that has ended already needs no second end.
            Self::Quic(stream, _) => drop(stream.reset(code.into())),
            Self::Tcp(half) => half.reset(),
        }
    }
}

impl Receiver {
    pub(super) const fn new(stream: Inlet, in_use: InUse) -> Self {
        Self { stream, header: None, buffer: Vec::new(), spare: Vec::new(), _in_use: in_use, stall: STALL }
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
            if let Some(header) = self.header.take() {
                let full = mem::replace(&mut self.buffer, mem::take(&mut self.spare));
                return Ok(Some((header.kind(), full)));
            }
            self.header = Some(self.parse()?);
            self.buffer.clear();
        }
    }

    /// Takes back the body of a frame that nobody needs any more: the next but one is read into its place. So what
    /// brings many long frames asks for the memory of two.
    pub fn reuse(&mut self, mut body: Vec<u8>) {
        body.clear();
        self.spare = body;
    }

    /// The one place where a peer's first bytes are handed to the parser.
    fn parse(&mut self) -> Result<FrameHeader, TransportError> {
        let bytes = self.buffer.as_slice().try_into().map_err(|_| TransportError::Truncated)?;
        FrameHeader::parse(bytes).map_err(|fault| {
            self.stream.stop(CloseCode::BadFrame);
            fault.into()
        })
    }

    /// Takes up to `at_most` bytes into the buffer; false if the peer has ended the stream.
    async fn read(&mut self, at_most: usize) -> Result<bool, TransportError> {
        let within_frame = self.is_within_frame();
        let (stream, buffer) = (&mut self.stream, &mut self.buffer);
        let read = stream.read(at_most, buffer);
        let read = if within_frame { timeout(self.stall, read).await } else { Ok(read.await) };
        read.unwrap_or_else(|_| {
            self.stream.stop(CloseCode::Stalled);
            Err(TransportError::Stalled)
        })
    }

    const fn is_within_frame(&self) -> bool {
        self.header.is_some() || !self.buffer.is_empty()
    }
}

impl Inlet {
    /// Appends up to `at_most` bytes; false at the end of the stream. Nothing is lost if the future is dropped.
    async fn read(&mut self, at_most: usize, into: &mut Vec<u8>) -> Result<bool, TransportError> {
        match self {
            Self::Quic(stream, connection) => {
                let chunk =
                    stream.read_chunk(at_most, true).await.map_err(|e| read_failed(connection, &e))?;
                if let Some(chunk) = &chunk {
                    make_room(into, chunk.bytes.len(), at_most);
                    into.extend_from_slice(&chunk.bytes);
                }
                Ok(chunk.is_some())
            }
            Self::Tcp(half) => {
                let mut piece = vec![0; at_most.min(PIECE)];
                let read = half.read(&mut piece).await?;
                into.extend_from_slice(&piece[..read]);
                Ok(read > 0)
            }
        }
    }

    fn stop(&mut self, code: CloseCode) {
        match self {
            // A stream that has ended already needs no second end.
            Self::Quic(stream, _) => drop(stream.stop(code.into())),
            Self::Tcp(half) => half.reset(),
        }
    }
}

/// Makes room for bytes that came, and with them for up to three times what is there already: a long frame is
/// seldom moved, and a short one that announces much takes little.
fn make_room(buffer: &mut Vec<u8>, came: usize, at_most: usize) {
    if buffer.capacity() - buffer.len() < came {
        buffer.reserve_exact(at_most.min(3 * buffer.len()).max(came));
    }
}

/// The end of the link comes first among causes: the stream's own fault only follows from it.
fn write_failed(connection: &Connection, error: &WriteError) -> TransportError {
    if let Some(cause) = connection.close_reason() {
        return cause.into();
    }
    match error {
        WriteError::Stopped(code) => stream_refused(*code),
        WriteError::ConnectionLost(cause) => cause.clone().into(),
        WriteError::ClosedStream | WriteError::ZeroRttRejected => TransportError::StreamEnded,
    }
}

fn read_failed(connection: &Connection, error: &ReadError) -> TransportError {
    if let Some(cause) = connection.close_reason() {
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

fn stream_refused(code: VarInt) -> TransportError {
    TransportError::StreamRefused { code: CloseCode::from_wire(code) }
}
