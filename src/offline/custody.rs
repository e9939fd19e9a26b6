//! `evidence verify` of a relay: judges it by what it signed for and by what those say who should have had it.

use crate::evidence::TrustAnchor;
use crate::model::{Digest, Party, Timestamp};
use crate::relay::{Custody, CustodyFile, Fate, judge};
use crate::trust::Directory;
use serde::Serialize;
use std::fmt::Write;

/// What the files of both sides prove of a relay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustodyReport {
    /// Whether everything in the files holds; that says nothing against the relay.
    pub valid: bool,
    /// Which relay.
    pub relay: Option<Party>,
    /// Who made the files, each as of when.
    pub made_by: Vec<(Party, Timestamp)>,
    /// What became of each parcel.
    pub parcels: Vec<ParcelReport>,
    /// How many the relay is proved to have dropped.
    pub dropped: u64,
    /// What does not hold.
    pub findings: Vec<String>,
}

/// What became of one parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParcelReport {
    /// SHA-256 of the parcel.
    pub parcel: Digest,
    /// Who brought it.
    pub from: Party,
    /// For whom.
    pub to: Party,
    /// When the relay signed for it, by its own clock.
    pub received_at: Timestamp,
    /// Until when it said that it keeps it.
    pub expires: Timestamp,
    /// `dropped`, `delivered`, `given_up`, `too_early` or `unheard`.
    pub fate: &'static str,
    /// When the addressee signed that it had not come, if it was dropped.
    pub missed_at: Option<Timestamp>,
}

/// Tells whether bytes are a gateway's file about a relay.
pub fn is_custody_file(bytes: &[u8]) -> bool {
    CustodyFile::looks_like_one(bytes)
}

/// Judges a relay by files of those who use it, and puts the verdict in words.
pub fn judge_relay(files: &[(String, Vec<u8>)], anchor: &TrustAnchor) -> (CustodyReport, String) {
    let mut report = CustodyReport::default();
    let mut read: Vec<(CustodyFile, Directory)> = Vec::new();
    for (name, bytes) in files {
        match open(bytes, anchor) {
            Ok((file, _)) if read.first().is_some_and(|(first, _)| first.relay != file.relay) => {
                report.findings.push(format!("{name}: it is about {}, another relay", file.relay));
            }
            Ok(opened) => read.push(opened),
            Err(cause) => report.findings.push(format!("{name}: {cause}")),
        }
    }
    report.relay = read.first().map(|(file, _)| file.relay.clone());
    report.made_by = read.iter().map(|(file, _)| (file.made_by.clone(), file.made_at)).collect();
    let words: Vec<_> = read.iter().map(|(file, directory)| (file, directory)).collect();
    for (file, directory) in &words {
        for judged in judge((file, directory), &words) {
            match judged {
                Ok((custody, fate)) => report.parcels.push(parcel(custody, &fate)),
                Err(cause) => {
                    report.findings.push(format!("a custody in the file of {}: {cause}", file.made_by))
                }
            }
        }
    }
    report.dropped = report.parcels.iter().filter(|parcel| parcel.fate == "dropped").count() as u64;
    report.valid = report.findings.is_empty();
    let text = in_words(&report);
    (report, text)
}

fn open(bytes: &[u8], anchor: &TrustAnchor) -> Result<(CustodyFile, Directory), String> {
    let file = CustodyFile::parse(bytes).map_err(|e| e.to_string())?;
    let directory = anchor.directory(&file.trust).map_err(|e| e.to_string())?;
    Ok((file, directory))
}

fn parcel(custody: Custody, fate: &Fate) -> ParcelReport {
    let parcel = custody.parcel;
    let (fate, missed_at) = match fate {
        Fate::Dropped(dropped) => ("dropped", Some(dropped.missed_at)),
        Fate::Delivered => ("delivered", None),
        Fate::GivenUp => ("given_up", None),
        Fate::TooEarly => ("too_early", None),
        Fate::Unheard => ("unheard", None),
    };
    ParcelReport {
        parcel: parcel.digest,
        from: parcel.thread.from,
        to: parcel.thread.to,
        received_at: parcel.received_at,
        expires: parcel.expires,
        fate,
        missed_at,
    }
}

fn in_words(report: &CustodyReport) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    let relay = report.relay.as_ref().map_or_else(|| "no relay".to_owned(), ToString::to_string);
    match (report.findings.first(), report.dropped) {
        (Some(finding), _) => line(format!("NOT VALID: {finding}")),
        (None, 0) => line(format!("nothing is proved against {relay}")),
        (None, dropped) => line(format!(
            "PROVED: {relay} signed for {dropped} parcels that had not come to their addressees when their time was over"
        )),
    }
    for parcel in &report.parcels {
        let fate = match parcel.fate {
            "dropped" => "DROPPED: its addressee signed after that that it had not come",
            "delivered" => "came to its addressee",
            "given_up" => "was given up, and the relay said so",
            "too_early" => "may still come: its time was not over when its addressee last signed",
            _ => "nobody for whom it was has given a file",
        };
        line(format!(
            "{} from {} to {}, signed for at {}, kept until {}: {fate}",
            parcel.parcel.short(),
            parcel.from,
            parcel.to,
            parcel.received_at,
            parcel.expires
        ));
    }
    report.findings.iter().for_each(|finding| line(format!("fault: {finding}")));
    if report.dropped > 0 {
        line("What is not proved is why: its disk may have died. It clears itself by the addressee's signed confirmation.".to_owned());
    }
    out
}
