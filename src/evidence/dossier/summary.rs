use super::DossierReport;
use std::fmt::Write;

/// Puts a report in words for people, one line a fact.
pub fn summary(report: &DossierReport) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    if let (Some(case), Some(by), Some(at)) = (&report.case, &report.made_by, report.made_at) {
        line(format!("Case {case}. Made by {by} at {at}."));
    }
    for act in &report.acts {
        let to: Vec<String> = act.audience.iter().map(ToString::to_string).collect();
        let (kind, digest) = (act.act.code().replace('_', " "), act.digest.short());
        line(format!(
            "{} to {}: {kind} {digest}, signed at {} by its own clock.",
            act.issuer,
            to.join(", "),
            act.issued_at
        ));
        match act.received_at {
            Some(at) => line(format!("  The addressed gateway attests to have had it at {at}.")),
            None => line("  No receipt of the addressed gateway is here.".to_owned()),
        }
        if act.disclosed < act.elements {
            line(format!("  {} of its {} elements are disclosed.", act.disclosed, act.elements));
        }
        if act.exercise {
            line("  It is a training act (ISACS 7.1.4).".to_owned());
        }
    }
    for clock in &report.clocks {
        let version = clock.version;
        let at = |at: Option<_>| {
            at.map_or_else(|| "never, so far".to_owned(), |at: crate::model::Timestamp| at.to_string())
        };
        if let (Some(due), Some(standing)) = (clock.ack_due, clock.ack) {
            line(format!(
                "Request version {version}: acknowledgement due before {due}, arrived {}: {} (ISACS 8.3.1).",
                at(clock.ack_at),
                words(standing)
            ));
        }
        if let (Some(due), Some(standing)) = (clock.respond_due, clock.respond) {
            line(format!(
                "Request version {version}: response due before {due}, arrived {}: {} (ISACS 8.3.4.1).",
                at(clock.responded_at),
                words(standing)
            ));
        }
    }
    out
}

fn words(standing: &str) -> &'static str {
    match standing {
        "met" => "in time",
        "met_late" => "late",
        "overdue" => "overdue when this was made",
        _ => "not yet due when this was made",
    }
}
