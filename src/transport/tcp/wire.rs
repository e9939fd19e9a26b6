//! The encrypted stream as yamux reads and writes it, with an eye on when it last brought anything.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsStream;

/// What is known of a wire while yamux owns it.
#[derive(Debug)]
pub(super) struct Meter {
    since: Instant,
    heard: AtomicU64,
    ended: AtomicBool,
}

/// One encrypted connection.
pub(super) struct Wire {
    stream: TlsStream<TcpStream>,
    meter: Arc<Meter>,
    shut: bool,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), heard: AtomicU64::new(0), ended: AtomicBool::new(false) }
    }

    /// Returns for how long nothing was heard.
    pub(super) fn silence(&self) -> Duration {
        self.since.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    /// Tells whether the wire has ended: streams that end at that moment end for this cause.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Notes that the wire has ended; before anybody who waits for a stream is woken.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn hear(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }
}

impl Wire {
    pub(super) const fn new(stream: TlsStream<TcpStream>, meter: Arc<Meter>) -> Self {
        Self { stream, meter, shut: false }
    }
}

impl futures_io::AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => {
                self.meter.end();
                Poll::Ready(Ok(0))
            }
            Ok(()) => {
                self.meter.hear();
                Poll::Ready(Ok(buffer.filled().len()))
            }
            Err(cause) => {
                self.meter.end();
                Poll::Ready(Err(cause))
            }
        }
    }
}

impl futures_io::AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        if written.is_err() {
            self.meter.end();
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more follows, and waits until the peer has heard it: a socket that is closed while
    /// something waits to be read takes back what was written last (RFC 1122 §4.2.2.13).
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
        }
        let mut unread = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
