//! One connection with many streams, and the task that moves it.
//!
//! On the first stream that it opens each side says records, and the other nothing: `0`, a sign of life; or
//! `1`, a close code, a length and as many bytes of words, after which the link ends.

use super::stream::Half;
use super::wire::{Meter, Wire};
use crate::transport::error::{MAX_REASON, printable};
use crate::transport::quic::{IDLE_TIMEOUT, KEEP_ALIVE};
use crate::transport::{CloseCode, TransportError};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsStream;

/// The most streams of a connection, of both sides together.
const MAX_STREAMS: usize = 64;
/// The most streams that one side opens; a wait beyond that, so that neither reaches the limit.
const MAX_OWN_STREAMS: usize = 24;
/// The most bytes of one connection that may wait to be read: each stream has 256 KiB at least.
const CONNECTION_WINDOW: usize = MAX_STREAMS * (256 << 10);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A record: a sign of life.
const ALIVE: u8 = 0;
/// A record: the last words.
const CLOSE: u8 = 1;
/// The bytes of a close record before its words.
const CLOSE_HEADER: usize = 3;

type Mux = yamux::Connection<Wire>;
type LastWords = (CloseCode, String);

/// A connection over TCP; the last one who lets go of it closes it.
#[derive(Debug)]
pub struct Connection {
    id: usize,
    remote: SocketAddr,
    opens: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
    incoming: Mutex<mpsc::Receiver<yamux::Stream>>,
    closing: watch::Sender<Option<LastWords>>,
    end: watch::Receiver<Option<TransportError>>,
    meter: Arc<Meter>,
    places: Arc<Semaphore>,
}

impl Connection {
    /// Begins to move a connection whose peer has been checked; needs a tokio runtime.
    pub(super) fn start(
        stream: TlsStream<TcpStream>,
        remote: SocketAddr,
        mode: yamux::Mode,
        place: Option<OwnedSemaphorePermit>,
    ) -> Arc<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let meter = Arc::new(Meter::new());
        let mut config = yamux::Config::default();
        // In this order, since the library checks each against the other.
        config.set_max_num_streams(MAX_STREAMS).set_max_connection_receive_window(Some(CONNECTION_WINDOW));
        let mux = Mux::new(Wire::new(stream, Arc::clone(&meter)), config, mode);
        let (opens, orders) = mpsc::channel(MAX_OWN_STREAMS);
        let (arrivals, incoming) = mpsc::channel(MAX_STREAMS);
        let (closing, close) = watch::channel(None);
        let (ended, end) = watch::channel(None);
        let mut alive = interval(KEEP_ALIVE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let driver = Driver {
            mux,
            peers_first: if matches!(mode, yamux::Mode::Client) { 2 } else { 1 },
            said_on: None,
            heard_on: None,
            orders,
            asked: None,
            arrivals,
            alive,
            meter: Arc::clone(&meter),
            heard: Vec::new(),
            unsaid: Vec::new(),
        };
        tokio::spawn(driver.run(close, ended, place));
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            remote,
            opens,
            incoming: incoming.into(),
            closing,
            end,
            meter,
            places: Arc::new(Semaphore::new(MAX_OWN_STREAMS)),
        })
    }

    /// Opens a stream; the peer learns of it with the first bytes.
    pub async fn open(self: &Arc<Self>) -> Result<Half, TransportError> {
        let place = tokio::select! {
            place = Arc::clone(&self.places).acquire_owned() => place.ok(),
            cause = self.closed() => return Err(cause),
        };
        let (reply, stream) = oneshot::channel();
        let asked = async {
            self.opens.send(reply).await.ok()?;
            stream.await.ok()
        };
        match asked.await {
            Some(stream) => Ok(Half::new(Arc::clone(self), stream, place)),
            None => Err(self.closed().await),
        }
    }

    /// Waits for a stream that the peer opens.
    pub async fn accept(self: &Arc<Self>) -> Result<Half, TransportError> {
        match self.incoming.lock().await.recv().await {
            Some(stream) => Ok(Half::new(Arc::clone(self), stream, None)),
            None => Err(self.closed().await),
        }
    }

    /// Closes the connection at once; the words are read by the peer.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let reason = reason.to_owned();
        self.closing.send_if_modified(|words| {
            let first = words.is_none();
            if first {
                *words = Some((code, reason));
            }
            first
        });
    }

    /// Waits until the connection has ended, and tells why.
    pub async fn closed(&self) -> TransportError {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        // Without a driver there is no link: the runtime has stopped.
        ended.ok().and_then(|end| end.clone()).unwrap_or(TransportError::ClosedHere)
    }

    /// Waits until the peer has been told that the connection ends, or cannot be told.
    pub(super) async fn gone(&self) {
        self.opens.closed().await;
    }

    /// Tells whether the connection has ended.
    pub fn has_ended(&self) -> bool {
        self.meter.has_ended() || self.end.borrow().is_some()
    }

    /// Returns the address of the peer.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Returns what tells this connection from all others of the process.
    pub const fn id(&self) -> usize {
        self.id
    }
}

/// What the task of a connection holds.
struct Driver {
    mux: Mux,
    /// The number of the first stream that the peer opens.
    peers_first: u32,
    /// Our control stream, once it is open.
    said_on: Option<yamux::Stream>,
    /// The peer's, once it has come.
    heard_on: Option<yamux::Stream>,
    orders: mpsc::Receiver<oneshot::Sender<yamux::Stream>>,
    asked: Option<oneshot::Sender<yamux::Stream>>,
    arrivals: mpsc::Sender<yamux::Stream>,
    alive: Interval,
    meter: Arc<Meter>,
    heard: Vec<u8>,
    unsaid: Vec<u8>,
}

impl Driver {
    async fn run(
        mut self,
        mut close: watch::Receiver<Option<LastWords>>,
        ended: watch::Sender<Option<TransportError>>,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let cause = tokio::select! {
            biased;
            cause = poll_fn(|cx| self.poll(cx)) => cause,
            words = async { close.wait_for(Option::is_some).await.ok().and_then(|words| words.clone()) } => {
                let (code, reason) = words.unwrap_or((CloseCode::Done, String::new()));
                self.say_farewell(code, &reason);
                TransportError::ClosedHere
            }
        };
        self.meter.end();
        let closed_here = matches!(cause, TransportError::ClosedHere);
        ended.send_replace(Some(cause));
        if closed_here {
            // A peer that does not read hears nothing; it notices by our silence.
            let _ = timeout(FAREWELL, self.farewell()).await;
        }
        drop(place);
    }

    /// Moves everything that can move; ready when the connection has ended for this cause.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TransportError> {
        loop {
            match self.mux.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => self.arrived(stream),
                // What the peer said before the end is the cause.
                Poll::Ready(Some(Err(cause))) => {
                    return Poll::Ready(self.told(cx).unwrap_or(ended_by(&cause)));
                }
                Poll::Ready(None) => return Poll::Ready(self.told(cx).unwrap_or(TransportError::Lost)),
                Poll::Pending => break,
            }
        }
        if let Poll::Ready(cause) = self.poll_orders(cx) {
            return Poll::Ready(cause);
        }
        while self.alive.poll_tick(cx).is_ready() {
            if self.meter.silence() > Duration::from_millis(u64::from(IDLE_TIMEOUT)) {
                return Poll::Ready(TransportError::Lost);
            }
            // What was not sent since the last tick says the same.
            if self.unsaid.is_empty() {
                self.unsaid.push(ALIVE);
            }
        }
        if !self.say(cx) {
            return Poll::Ready(TransportError::Lost);
        }
        self.told(cx).map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes a stream that the peer opened. More than may wait are given up.
    fn arrived(&mut self, stream: yamux::Stream) {
        if self.heard_on.is_none() && stream.id().val() == self.peers_first {
            self.heard_on = Some(stream);
        } else if self.arrivals.try_send(stream).is_err() {
            tracing::debug!("a stream is given up: nobody takes in so many");
        }
    }

    /// Opens our control stream first, then what is asked for.
    fn poll_orders(&mut self, cx: &mut Context<'_>) -> Poll<TransportError> {
        loop {
            let for_control = self.said_on.is_none();
            if !for_control && self.asked.is_none() {
                match self.orders.poll_recv(cx) {
                    Poll::Ready(Some(reply)) => self.asked = Some(reply),
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
            match self.mux.poll_new_outbound(cx) {
                Poll::Ready(Ok(stream)) if for_control => self.said_on = Some(stream),
                Poll::Ready(Ok(stream)) => {
                    // Who asked may have gone; the stream is then given up before it was begun.
                    self.asked.take().map(|reply| reply.send(stream).ok());
                }
                Poll::Ready(Err(cause)) => return Poll::Ready(ended_by(&cause)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Says what is not said yet, as far as there is room; false if it cannot be said any more.
    fn say(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = &mut self.said_on else { return true };
        while !self.unsaid.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, &self.unsaid) {
                Poll::Ready(Ok(said)) => drop(self.unsaid.drain(..said)),
                Poll::Ready(Err(_)) => return false,
                Poll::Pending => break,
            }
        }
        true
    }

    /// Reads what the peer says; tells why the link ends if it does.
    fn told(&mut self, cx: &mut Context<'_>) -> Option<TransportError> {
        let stream = self.heard_on.as_mut()?;
        let mut buffer = [0; CLOSE_HEADER + u8::MAX as usize];
        loop {
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(0) | Err(_)) => return Some(TransportError::Lost),
                Poll::Ready(Ok(read)) => {
                    self.heard.extend_from_slice(&buffer[..read]);
                    if let Some(cause) = last_words(&mut self.heard) {
                        return Some(cause);
                    }
                }
                Poll::Pending => return None,
            }
        }
    }

    fn say_farewell(&mut self, code: CloseCode, reason: &str) {
        let words: String = reason.chars().filter(char::is_ascii).take(MAX_REASON).collect();
        let length = u8::try_from(words.len()).unwrap_or_default();
        self.unsaid.extend_from_slice(&[CLOSE, code as u8, length]);
        self.unsaid.extend_from_slice(&words.as_bytes()[..usize::from(length)]);
    }

    /// Says the last words, and ends the connection in good order.
    async fn farewell(&mut self) {
        poll_fn(|cx| {
            let can_be_said = self.say(cx);
            if self.unsaid.is_empty() || !can_be_said {
                return Poll::Ready(());
            }
            // The connection must move for the stream to move, and the stream may have to be opened first.
            while let Poll::Ready(Some(Ok(late))) = self.mux.poll_next_inbound(cx) {
                drop(late);
            }
            match self.poll_orders(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending if self.said_on.is_some() => {
                    self.say(cx);
                    if self.unsaid.is_empty() { Poll::Ready(()) } else { Poll::Pending }
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        // The end of the connection follows what was written; its own failure has nobody to be told to.
        let _ = poll_fn(|cx| self.mux.poll_close(cx)).await;
    }
}

/// Reads whole records off the front; tells why the link ends if they say so.
fn last_words(heard: &mut Vec<u8>) -> Option<TransportError> {
    loop {
        match *heard.as_slice() {
            [] => return None,
            [ALIVE, ..] => drop(heard.drain(..1)),
            [CLOSE, code, length, ref words @ ..] => {
                let words = words.get(..usize::from(length))?;
                let (code, reason) = (CloseCode::from_byte(code), printable(words));
                return Some(TransportError::ClosedByPeer { code, reason });
            }
            [CLOSE, ..] => return None,
            [other, ..] => {
                return Some(TransportError::Protocol(format!(
                    "record {other} of the control stream is unknown"
                )));
            }
        }
    }
}

fn ended_by(cause: &yamux::ConnectionError) -> TransportError {
    match cause {
        yamux::ConnectionError::Io(_)
        | yamux::ConnectionError::Decode(yamux::FrameDecodeError::Io(_))
        | yamux::ConnectionError::Closed => TransportError::Lost,
        // The library may add causes; none of them is about the wire.
        yamux::ConnectionError::Decode(_)
        | yamux::ConnectionError::NoMoreStreamIds
        | yamux::ConnectionError::TooManyStreams
        | yamux::ConnectionError::InvalidWindowUpdate
        | _ => TransportError::Protocol(cause.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_pieces_and_an_unknown_one_ends_the_link() {
        let mut heard = vec![ALIVE, ALIVE, CLOSE, 1];
        assert_eq!(last_words(&mut heard), None);
        heard.extend_from_slice(&[3, b'b', b'y']);
        assert_eq!(last_words(&mut heard), None);
        heard.push(b'e');
        let reason = "bye".to_owned();
        let closed = TransportError::ClosedByPeer { code: Some(CloseCode::GoingAway), reason };
        assert_eq!(last_words(&mut heard), Some(closed));
        assert_eq!(last_words(&mut vec![7]).map(|e| e.code()), Some("protocol"));
    }
}
