//! A gateway that is besieged by a party whose software lies.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

use super::stranger::{Line, Stranger};
use super::{Pair, request};
use serde_json::Value;
use std::future::Future;
use valise::cose::ExportSecret;
use valise::envelope::{Outgoing, Receipts, Reject, Signed, open_receipt};
use valise::model::{Act, MessageId, Party};
use valise::trust::Directory;
use valise::wire::FrameKind;

/// A word that stands in what is sent, and must stand in no log.
pub const WORD: &str = "PROTECTED-WORD";
/// The serial number in the request that is sent.
pub const SERIAL: &str = "XB 004217";
/// XAA and XBB, of whom XBB is besieged, and the party XCC, which both know and the drill plays.
pub struct Siege {
    pub pair: Pair,
    pub xbb: Party,
    pub xcc: Stranger,
    pub directory: Directory,
}

/// What must be as before.
pub type Stored = (Value, Value);

impl Siege {
    /// Starts XBB, which knows XCC and these.
    pub fn begin(others: &[&Stranger]) -> Self {
        let xcc = Stranger::new("XCC", 3);
        let members: Vec<_> = [&xcc].iter().chain(others).map(|s| s.member.clone()).collect();
        let mut pair = Pair::meeting(&members);
        pair.xbb.start();
        let directory = xcc.directory(&pair.xbb.dir);
        Self { xbb: "XBB".parse().unwrap(), xcc, directory, pair }
    }

    /// Opens a connection of XCC to XBB.
    pub async fn line(&self) -> Line {
        self.xcc.call(self.pair.xbb.port).await.unwrap()
    }

    /// Returns what must be as before.
    pub fn stored(&self) -> Stored {
        let xbb = &self.pair.xbb;
        (xbb.ask(super::all_cases()).unwrap(), xbb.status()["journal"].clone())
    }

    /// A request of XCC in a case of its own.
    pub fn request(&mut self, case: &str) -> Signed {
        let id = self.xcc.message_id();
        self.say(case, id, Act::Request(Box::new(request())))
    }

    /// An act of XCC, addressed to XBB.
    pub fn say(&mut self, case: &str, id: MessageId, act: Act) -> Signed {
        self.xcc.sign(&self.directory, &self.xbb, case, id, act)
    }

    /// Seals it to XBB.
    pub fn seal(&mut self, signed: &Signed) -> Outgoing {
        self.xcc.seal(&self.directory, &self.xbb, signed)
    }

    /// Sends an envelope and expects a signed refusal with this code, which is counted and logged.
    pub async fn refused(&self, line: &Line, body: &[u8], code: &str) -> Reject {
        let xbb = &self.pair.xbb;
        let (before, logged) = (xbb.refused(code), xbb.log().len());
        let (kind, answer) = line.send(body).await;
        assert_eq!(kind, FrameKind::Reject, "{code}");
        let reject = Reject::verify(&answer, &self.xbb, &self.directory, super::dice::now()).unwrap();
        assert_eq!(
            (reject.code.as_str(), reject.to.to_string()),
            (code, "XCC".to_owned()),
            "{}",
            reject.words
        );
        assert!(!reject.words.is_empty() && !reject.words.contains(WORD));
        assert_eq!(xbb.refused(code), before + 1, "{code} is counted");
        assert!(xbb.log()[logged..].contains(code), "{code} is logged");
        reject
    }

    /// Sends an envelope and returns the receipt that answers it.
    pub async fn receipt(&self, line: &Line, envelope: &Outgoing) -> Vec<u8> {
        let (kind, answer) = line.send(&envelope.bytes).await;
        assert_eq!(kind, FrameKind::Receipts);
        let receipts = Receipts::verify(&answer, &self.xbb, &self.directory, super::dice::now()).unwrap();
        assert_eq!((receipts.len(), receipts[0].envelope), (1, envelope.envelope));
        open_receipt(&receipts[0], &ExportSecret::from_bytes(*envelope.export.as_bytes())).unwrap()
    }

    /// Whatever came before, XBB works, has logged no content, and panicked nowhere.
    pub fn unharmed(&self) {
        let log = self.pair.xbb.log();
        for word in [WORD, SERIAL, "panicked"] {
            assert!(!log.contains(word), "{word} is in the log");
        }
        assert_eq!(self.pair.xbb.status()["party"], "XBB");
    }
}

/// Plays a drill to its end.
pub fn run(drill: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(drill);
}
