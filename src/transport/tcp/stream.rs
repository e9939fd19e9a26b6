//! One stream of a connection over TCP, shared by its two halves.

use super::Connection;
use crate::transport::TransportError;
use futures_io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// How long the end of a stream may wait for room to be told.
const FAREWELL: Duration = Duration::from_secs(30);

/// A half of a stream; the other half holds the same.
#[derive(Clone, Debug)]
pub struct Half {
    connection: Arc<Connection>,
    /// Absent once the stream was given up.
    stream: Arc<Mutex<Option<yamux::Stream>>>,
    /// Whether we have said that nothing more follows.
    finished: Arc<AtomicBool>,
    /// One of the places that we have for streams of our own.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Half {
    pub(super) fn new(
        connection: Arc<Connection>,
        stream: yamux::Stream,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let stream = Arc::new(Mutex::new(Some(stream)));
        Self { connection, stream, finished: Arc::default(), _place: place.map(Arc::new) }
    }

    /// Writes some bytes; waits while the peer reads nothing.
    pub async fn write(&self, bytes: &[u8]) -> Result<usize, TransportError> {
        let written = poll_fn(|cx| self.poll(|stream| stream.poll_write(cx, bytes))).await;
        match written {
            Ok(written) => Ok(written),
            Err(_) => Err(self.failed().await),
        }
    }

    /// Reads some bytes into a buffer; zero at the end of the stream.
    pub async fn read(&self, into: &mut [u8]) -> Result<usize, TransportError> {
        let read = poll_fn(|cx| self.poll(|stream| stream.poll_read(cx, into))).await;
        match read {
            Ok(0) if self.has_failed() => Err(self.failed().await),
            Ok(read) => Ok(read),
            Err(_) => Err(self.failed().await),
        }
    }

    /// Tells the peer that nothing more follows; what is on its way still arrives.
    pub fn finish(&self) {
        if self.finished.swap(true, Ordering::Relaxed) {
            return;
        }
        let close = |half: &Self, cx: &mut Context<'_>| half.poll(|stream| stream.poll_close(cx));
        if close(self, &mut Context::from_waker(std::task::Waker::noop())).is_ready() {
            return;
        }
        // There is no room to say it now; without a runtime the whole process ends.
        if let Ok(runtime) = Handle::try_current() {
            let half = self.clone();
            runtime.spawn(async move {
                // A peer that takes nothing for so long loses the stream as a whole.
                let _ = timeout(FAREWELL, poll_fn(|cx| close(&half, cx))).await;
            });
        }
    }

    /// Gives up the stream in both directions.
    pub fn reset(&self) {
        drop(self.stream.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn poll<T>(
        &self,
        ask: impl FnOnce(Pin<&mut yamux::Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut *self.stream.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => ask(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Tells whether the stream has not ended in good order.
    fn has_failed(&self) -> bool {
        self.is_given_up() || self.connection.has_ended()
    }

    /// Tells whether somebody gave the stream up: an end in good order leaves our own half as it is.
    fn is_given_up(&self) -> bool {
        match &*self.stream.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => stream.is_closed() && !self.finished.load(Ordering::Relaxed),
            None => true,
        }
    }

    /// The end of the link comes first among causes: the stream's own fault only follows from it.
    async fn failed(&self) -> TransportError {
        if self.connection.has_ended() {
            return self.connection.closed().await;
        }
        let here = self.stream.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if !here && self.is_given_up() {
            return TransportError::StreamRefused { code: None };
        }
        TransportError::StreamEnded
    }
}
