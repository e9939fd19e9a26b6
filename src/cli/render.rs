//! Answers for people: lists as tables, one thing as key and value.

use crate::cli::approval;
use crate::cli::attach;
use crate::cli::consent;
use crate::cli::exchange;
use crate::cli::face::printable;
use crate::cli::federation;
use crate::cli::proof;
use crate::cli::relay;
use crate::control::{
    ActedView, AlarmView, BehalfView, CaseDetail, CaseRole, CaseView, CheckView, Clock, ClockView, Command,
    ControlError, DeadlineView, DoctorView, Failure, FollowsView, FormView, GatewayStatus, InboxEntry,
    PeerView, PingView, QueueEntry, RecoveryView, ReleaseShown, ReleaseView, RestrictionLine,
    RestrictionReport, RetryView,
};
use crate::model::{Digest, Party, Timestamp};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Writes the node's data for a person.
///
/// # Errors
/// The data have another form than this version knows.
pub(super) fn reply(command: &Command, data: &Value) -> Result<String, Failure> {
    Ok(match command {
        Command::GatewayStatus => status(&read(data)?),
        Command::GatewayDoctor => doctor(&read(data)?),
        Command::IdentityRotate { .. } => federation::rotated(&read(data)?),
        Command::FederationSync { .. } => federation::synced(&read(data)?),
        Command::GatewayBackup => String::new(),
        Command::GatewayClock { .. } => clock(&read(data)?),
        Command::GatewayRecover { without, .. } => {
            format!(
                "the gateway goes on without what {without} has not given back; it is asked again whenever it is reached"
            )
        }
        Command::RelayStatus => relay::status(&read(data)?),
        Command::PeerList => peers(&read::<Vec<_>>(data)?),
        Command::PeerPing { .. } => ping(&read(data)?),
        Command::InboxList => inbox(&read::<Vec<_>>(data)?),
        Command::CaseList { .. } => cases(&read::<Vec<_>>(data)?),
        // Paper is written by `cli::paper`; here is what a script would have got.
        Command::CasePrint { .. }
        | Command::AttachmentOffer { .. }
        | Command::AttachmentPut { .. }
        | Command::ApprovalFile { .. }
        | Command::AttachmentRead { .. } => format!("{data:#}"),
        Command::CaseAttachments { .. } => attach::table(&read::<Vec<_>>(data)?),
        Command::CaseShow { .. } | Command::CaseJudge { .. } | Command::CaseClose { .. } => {
            case(&read(data)?)
        }
        Command::CaseAck { .. }
        | Command::CaseRespond { .. }
        | Command::CaseRefuse { .. }
        | Command::CaseReturn { .. }
        | Command::CaseDelay { .. }
        | Command::CaseClarify { .. }
        | Command::CaseWithdraw { .. }
        | Command::CaseOutcome { .. }
        | Command::ReleaseNotify { .. }
        | Command::ConsentAsk { .. }
        | Command::ConsentGrant { .. }
        | Command::ConsentDeny { .. }
        | Command::ConsentWithdraw { .. }
        | Command::MandateGrant { .. }
        | Command::MandateAccept { .. }
        | Command::MandateTell { .. }
        | Command::NoticeNew { .. }
        | Command::AssistanceAsk { .. }
        | Command::AssistanceReply { .. }
        | Command::RequestResubmit { .. }
        | Command::RequestSubmit { .. } => acted(&read(data)?),
        Command::CaseTemplate { .. } | Command::CaseFollow { .. } => read::<FormView>(data)?.form,
        Command::ReleaseRequest { show: true, .. } | Command::ReleaseShow { .. } => shown(&read(data)?),
        Command::ReleaseRequest { show: false, .. }
        | Command::ReleaseApprove { .. }
        | Command::ReleaseDeny { .. }
        | Command::ReleaseReview { .. } => approval::permit(&read(data)?),
        Command::ConsentList => consent::consents(&read::<Vec<_>>(data)?),
        Command::ApprovalList => approval::approvals(&read::<Vec<_>>(data)?),
        Command::ApprovalShow { .. } | Command::ApprovalApprove { .. } | Command::ApprovalReturn { .. } => {
            approval::text(&read(data)?)
        }
        Command::ReleaseList => releases(&read::<Vec<_>>(data)?),
        Command::CaseHistory { .. } => proof::history(&read::<Vec<_>>(data)?),
        // A dossier is written by `cli::proof`; here is what a script would have got.
        Command::EvidenceExport { .. } | Command::EvidenceProof { .. } | Command::EvidenceCustody { .. } => {
            format!("{data:#}")
        }
        Command::EvidenceHead { .. } => proof::head(&read(data)?),
        Command::ReportRestrictions { .. } => restrictions(&read(data)?),
        Command::DeadlineList => deadlines(&read::<Vec<_>>(data)?),
        Command::MandateList => exchange::mandates(&read::<Vec<_>>(data)?),
        Command::MandateRevoke { .. } => exchange::revoked(&read(data)?),
        Command::NoticeList | Command::AssistanceList => exchange::exchanges(&read::<Vec<_>>(data)?),
        Command::NoticeShow { .. } => exchange::shown(&read(data)?),
        Command::QueueList => queue(&read::<Vec<_>>(data)?),
        // Bags are written and read by `cli::bags`; here is what a script would have got.
        Command::QueueExport { .. }
        | Command::QueueHanded { .. }
        | Command::QueueFiles { .. }
        | Command::QueuePiece { .. }
        | Command::QueueImport { .. } => format!("{data:#}"),
        Command::QueueRetry { .. } => {
            let RetryView { woken } = read(data)?;
            format!("trying {} now {}", woken.len(), woken.join(" "))
        }
    })
}

/// Draws a table; nothing in a cell can move the terminal's cursor.
pub(super) fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return "none".into();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headers);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    table.trim_fmt()
}

/// Reads the node's data as the view that the verb has.
///
/// # Errors
/// They have another form than this version knows.
pub(super) fn read<T: DeserializeOwned>(data: &Value) -> Result<T, Failure> {
    T::deserialize(data).map_err(|cause| ControlError::Malformed(cause).into())
}

/// Writes keys and values, one a line.
pub(super) fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    rows.iter().map(|(key, value)| format!("{key:width$}  {}\n", printable(value))).collect()
}

fn status(s: &GatewayStatus) -> String {
    let refused: Vec<String> = s.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
    pairs(&[
        ("party", s.party.to_string()),
        ("since", s.since.to_string()),
        ("version", s.version.clone()),
        ("socket", s.socket.clone()),
        ("listens on", format!("UDP {}, TCP {}", s.listen, s.listen_tcp.as_deref().unwrap_or("none"))),
        ("peers", s.peers.to_string()),
        ("queued", s.queue.to_string()),
        (
            "journal",
            format!(
                "{} transactions in {} groups, each synced once; {} bytes",
                s.journal.transactions, s.journal.groups, s.journal.bytes
            ),
        ),
        ("refused", or_none(refused.join(", "))),
        ("journal head", s.journal_head.clone()),
        ("alarms", or_none(alarms(&s.alarms).join("; "))),
        ("waits for", or_none(s.recovery.iter().map(recovery).collect::<Vec<_>>().join("; "))),
    ])
}

fn clock(c: &ClockView) -> String {
    let behind = match c.behind_seconds {
        ..=0 => "no".to_owned(),
        seconds => format!("{seconds} seconds; time stands still until it has caught up"),
    };
    let lowered = c.lowered_from.map(|from| ("lowered from", from.to_string()));
    let settled = match c.now.seconds_since(c.settled) {
        ..=120 => "yes".to_owned(),
        _ => format!(
            "up to {}; automatic acknowledgements wait until a peer's clock has come further",
            c.settled
        ),
    };
    let rows = [
        ("now", c.now.to_string()),
        ("machine's clock", c.wall.to_string()),
        ("behind", behind),
        ("settled", settled),
    ];
    pairs(&rows.into_iter().chain(lowered).collect::<Vec<_>>())
}

/// Says what is not back from a peer since a restore.
fn recovery(r: &RecoveryView) -> String {
    let back = format!("{}: {} acts are back since the restore of {}", r.peer, r.recovered, r.since);
    let cause = r.last_cause.as_ref().map(|cause| format!(", last try: {cause}")).unwrap_or_default();
    let without = r.without.as_ref().map(|who| format!(", {who} goes on without it")).unwrap_or_default();
    format!("{back}{cause}{without}")
}

fn alarms(list: &[AlarmView]) -> Vec<String> {
    let line = |a: &AlarmView| {
        let proof = match a.proof {
            true => format!(" (`evidence export --alarm {}` writes the proof)", a.number),
            false => String::new(),
        };
        format!("{}: {} at {}{proof}", a.number, a.words, a.at)
    };
    list.iter().map(line).collect()
}

/// Lists the checks of the doctor, and what to mend first.
pub(super) fn doctor(d: &DoctorView) -> String {
    let row = |c: &CheckView| vec![c.id.clone(), word(&c.status), c.detail.clone()];
    let mut text = table(&["CHECK", "STATUS", "SEEN"], d.checks.iter().map(row).collect());
    for check in &d.checks {
        if let Some(fix) = &check.fix {
            text += &format!("\n{}: {}", printable(&check.id), printable(fix));
        }
    }
    match &d.cause {
        Some(cause) => text + &format!("\nmend '{}' first", printable(cause)),
        None => text + "\nall is well",
    }
}

fn peers(list: &[PeerView]) -> String {
    let row = |p: &PeerView| {
        let link = p.road.as_ref().map_or_else(|| "-".to_owned(), |road| format!("connected by {road}"));
        vec![p.peer.to_string(), p.address.clone(), link, when(p.last_contact), p.queued.to_string()]
    };
    table(&["PEER", "ADDRESS", "LINK", "LAST CONTACT", "QUEUED"], list.iter().map(row).collect())
}

fn ping(p: &PingView) -> String {
    pairs(&[
        ("peer", p.peer.to_string()),
        ("address", p.address.clone()),
        ("road", p.road.clone()),
        ("round trip", format!("{:.1} ms", p.rtt_ms)),
        ("handshake", p.handshake_ms.map_or_else(|| "stood already".into(), |ms| format!("{ms:.1} ms"))),
        ("key exchange", p.group.clone().unwrap_or_else(|| "-".into())),
    ])
}

fn inbox(list: &[InboxEntry]) -> String {
    let row = |e: &InboxEntry| {
        let standing = e.standing.map_or_else(|| "-".into(), |s| word(&s));
        vec![
            e.case.to_string(),
            for_whom(&e.peer, e.on_behalf_of.as_ref()),
            e.act.code().into(),
            e.at.to_string(),
            declared(&e.todo, e.can_comply),
            when(e.due),
            training(&standing, e.exercise),
        ]
    };
    table(&["CASE", "FROM", "ACT", "CAME", "TO DO", "DUE", "STANDING"], list.iter().map(row).collect())
}

fn cases(list: &[CaseView]) -> String {
    let row = |c: &CaseView| {
        vec![
            c.case.to_string(),
            word(&c.role),
            c.peer.to_string(),
            training(&c.state, c.exercise),
            when(c.ack_due),
            when(c.respond_due),
            clocks(&c.overdue),
            word(&c.delivery),
        ]
    };
    let headers = ["CASE", "ROLE", "PEER", "STATE", "ACK DUE", "RESPOND DUE", "OVERDUE", "DELIVERY"];
    table(&headers, list.iter().map(row).collect())
}

fn case(detail: &CaseDetail) -> String {
    let c = &detail.case;
    let automatic = if c.ack_automatic { " (automatic)" } else { "" };
    let mut text = pairs(&[
        ("case", c.case.to_string()),
        ("role", word(&c.role)),
        ("peer", c.peer.to_string()),
        ("on behalf of", c.on_behalf_of.as_ref().map_or_else(|| "-".into(), behalf)),
        ("state", training(&c.state, c.exercise)),
        ("confidence (8.4)", confidence(c).to_owned()),
        ("received at", when(c.received_at)),
        ("acknowledge by", when(c.ack_due)),
        ("acknowledged", when(c.ack_at) + automatic),
        ("respond by", when(c.respond_due)),
        ("responded", when(c.responded_at)),
        ("overdue", clocks(&c.overdue)),
        ("due soon", clocks(&c.due_soon)),
        ("closed", when(c.closed_at)),
        ("delivery", word(&c.delivery)),
        ("flags", or_none(c.flags.join(", "))),
    ]);
    text += &c.follows.as_ref().map_or_else(String::new, follows);
    text += &course(c);
    for alarm in alarms(&detail.alarms) {
        text += &format!("alarm: {alarm}\n");
    }
    if !c.restrictions.is_empty() {
        let rows = c.restrictions.iter().map(|e| vec![e.path.clone(), e.restrictions.join(" ")]);
        text += &format!("\n{}\n", table(&["RESTRICTED ELEMENT", "LABELS"], rows.collect()));
    }
    let acts = detail.acts.iter().map(|a| {
        let receipt =
            a.receipt.as_ref().map_or_else(|| "-".into(), |r| format!("{} by {}", r.received_at, r.by));
        vec![
            a.kind.code().into(),
            word(&a.direction),
            for_whom(&a.issuer, a.on_behalf_of.as_ref()),
            a.at.to_string(),
            receipt,
            a.digest.short(),
        ]
    });
    text += &format!("\n{}\n", table(&["ACT", "WAY", "BY", "AT", "RECEIPT", "DIGEST"], acts.collect()));
    for content in detail.content.iter().flatten() {
        let head = format!("{} {}", content.kind.code(), content.digest.short());
        text += &format!("\n{head}\n{}\n", printable(&format!("{:#}", content.body)));
    }
    text
}

/// Says from which answer a trace goes on, what of it is quoted, and what is known by its digest alone.
fn follows(f: &FollowsView) -> String {
    let paths = |paths: Vec<String>| or_none(paths.join(", "));
    let source = match (&f.case, &f.answered_by) {
        (Some(case), Some(party)) => format!(" of {party} in {case}"),
        (Some(_) | None, _) => " of another State".to_owned(),
    };
    let bound = match f.restrictions.as_slice() {
        [] => String::new(),
        codes => format!(" under the label {}", codes.join(" ")),
    };
    format!(
        "\nfollows the answer{source}, digest {}\n  quoted: {}{bound}\n  known by its digest alone, not consented to: {}\n",
        f.response,
        paths(f.quoted.iter().map(ToString::to_string).collect()),
        paths(f.pending.iter().map(ToString::to_string).collect()),
    )
}

/// Says what the requester has declared of confidence and restrictions (ISACS 8.4).
fn confidence(c: &CaseView) -> &'static str {
    match (c.can_comply, c.role) {
        (Some(true), _) => "the requester declares that it keeps confidence and restrictions",
        (Some(false), CaseRole::Requested) => {
            "THE REQUESTER DECLARES THAT IT CANNOT KEEP CONFIDENCE OR RESTRICTIONS; ground b (8.3.4.2) is open to you"
        }
        (Some(false), CaseRole::Requester | CaseRole::Observer) => {
            "the requester declares that it cannot keep confidence or restrictions"
        }
        (None, _) => "-",
    }
}

/// Adds to what is to be done that whoever asks cannot keep confidence (ISACS 8.4).
fn declared(todo: &str, can_comply: Option<bool>) -> String {
    match can_comply {
        Some(false) => format!("{todo}; CANNOT KEEP CONFIDENCE (8.4)"),
        Some(true) | None => todo.to_owned(),
    }
}

/// Writes who acts in a case for whom, and whether the principal has ended that.
fn behalf(b: &BehalfView) -> String {
    let ended = if b.revoked { "; the mandate is revoked" } else { "" };
    let mandates: Vec<String> = b.mandates.iter().map(Digest::short).collect();
    format!("{}, by its agent {} (mandate {}){ended}", b.principal, b.agent, or_none(mandates.join(", ")))
}

fn for_whom(speaker: &Party, principal: Option<&Party>) -> String {
    principal.map_or_else(|| speaker.to_string(), |principal| format!("{speaker} for {principal}"))
}

/// Writes what has been said about the course of a case, and what is still owed.
fn course(c: &CaseView) -> String {
    let mut text = String::new();
    if let Some(delay) = &c.delay {
        let expected = delay.expected.map_or_else(|| "no date".into(), |date| date.to_string());
        text += &format!("delayed on {}; expected: {expected}\n", delay.grounds.join(", "));
    }
    if let Some(made) = &c.judgement {
        let chance = if made.reasonable { "a reasonable chance" } else { "no reasonable chance" };
        text += &format!("{} judged {chance}: {}\n", printable(&made.officer), printable(&made.reason));
    }
    for question in &c.questions {
        let answer =
            question.answer.map_or_else(|| "no answer yet".into(), |a| format!("answer {}", a.short()));
        text += &format!(
            "{} asked about {} in {}: {answer}\n",
            question.by,
            question.about.short(),
            question.digest.short()
        );
    }
    for told in &c.outcomes {
        text += &format!(
            "{} on item {}: point of diversion found: {}; prosecution: {}\n",
            told.by,
            told.item,
            told.point_of_diversion.code(),
            told.prosecution.code()
        );
    }
    for owed in &c.reminders {
        let due = owed.due.map_or_else(String::new, |due| format!(", due {due}"));
        text += &format!("reminder: {} by the {}{due}\n", owed.code, word(&owed.owed_by));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn acted(a: &ActedView) -> String {
    let mut text = pairs(&[
        ("case", a.case.to_string()),
        ("act", training(a.act.code(), a.exercise)),
        ("to", a.peer.to_string()),
        ("state", a.state.clone()),
        ("delivery", word(&a.delivery)),
        ("at", a.at.to_string()),
        ("digest", a.digest.to_string()),
    ]);
    if let Some(id) = &a.approval {
        text += &format!("nothing went out yet; another officer: valise approval approve {id}\n");
    }
    for warning in &a.warnings {
        text += &format!("note: {}\n", printable(warning));
    }
    text
}

fn releases(list: &[ReleaseView]) -> String {
    let row = |r: &ReleaseView| {
        vec![
            r.id.clone(),
            r.case.to_string(),
            word(&r.state),
            r.to.clone(),
            r.purpose.code().into(),
            r.officer.clone(),
            r.elements.len().to_string(),
            r.rule.clone().unwrap_or_else(|| "-".into()),
            when(r.expires),
        ]
    };
    let headers = ["PERMIT", "CASE", "STATE", "TO", "PURPOSE", "OFFICER", "ELEMENTS", "RULE", "EXPIRES"];
    table(&headers, list.iter().map(row).collect())
}

fn restrictions(r: &RestrictionReport) -> String {
    let few = format!("fewer than {}", r.min_cell);
    let row = |l: &RestrictionLine| {
        // A ground is counted by acts alone.
        let elements = match (l.acts, l.elements) {
            (None, _) => few.clone(),
            (Some(_), elements) => elements.map_or_else(|| "-".into(), |n| n.to_string()),
        };
        vec![
            l.year.to_string(),
            l.placed_by.clone(),
            l.peer.as_ref().map_or_else(|| "others together".into(), ToString::to_string),
            l.code.clone(),
            l.acts.map_or_else(|| few.clone(), |n| n.to_string()),
            elements,
        ]
    };
    let headers = ["YEAR", "PLACED BY", "OTHER PARTY", "CODE", "ACTS", "ELEMENTS"];
    let table = table(&headers, r.lines.iter().map(row).collect());
    format!("restrictions of {}, {}-{} (8.3.4.2)\n{table}", r.party, r.from, r.to)
}

fn shown(r: &ReleaseShown) -> String {
    let mut text = pairs(&[
        ("permit", r.id.clone()),
        ("case", r.case.to_string()),
        ("to", r.to.clone()),
        ("purpose", r.purpose.code().into()),
        ("officer", r.officer.clone()),
        ("shown at", r.shown_at.to_string()),
    ]);
    for element in &r.elements {
        let label =
            element.label.as_ref().map_or_else(String::new, |l| format!("  [{}]", l.codes().join(" ")));
        text += &format!(
            "\n{}{label}\n{}\n",
            printable(&element.path),
            printable(&format!("{:#}", element.value))
        );
    }
    text
}

fn deadlines(list: &[DeadlineView]) -> String {
    let row = |d: &DeadlineView| {
        vec![
            d.due.to_string(),
            word(&d.standing),
            left(d.seconds_left),
            word(&d.clock),
            d.case.to_string(),
            word(&d.role),
            d.peer.to_string(),
        ]
    };
    table(&["DUE", "STANDING", "LEFT", "CLOCK", "CASE", "ROLE", "PEER"], list.iter().map(row).collect())
}

fn queue(list: &[QueueEntry]) -> String {
    let row = |q: &QueueEntry| {
        vec![
            q.id.clone(),
            q.peer.to_string(),
            q.case.to_string(),
            q.act.code().into(),
            word(&q.state),
            q.attempts.to_string(),
            when(q.next_try),
            or_none(q.custody.iter().map(|c| c.relay.to_string()).collect::<Vec<_>>().join(", ")),
            q.last_cause.clone().unwrap_or_else(|| "-".into()),
        ]
    };
    let headers = ["ID", "PEER", "CASE", "ACT", "STATE", "TRIES", "NEXT TRY", "AT RELAY", "LAST CAUSE"];
    table(&headers, list.iter().map(row).collect())
}

/// Returns the word under which JSON writes a plain enum, with spaces.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text.replace('_', " "),
        Ok(other) => other.to_string(),
        Err(cause) => cause.to_string(),
    }
}

pub(super) fn when(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".into(), |t| t.to_string())
}

fn clocks(list: &[Clock]) -> String {
    or_none(list.iter().map(word).collect::<Vec<_>>().join(", "))
}

pub(super) fn or_none(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}

fn training(text: &str, exercise: bool) -> String {
    if exercise { format!("{text} (EXERCISE)") } else { text.to_owned() }
}

fn left(seconds: i64) -> String {
    let (days, hours) = (seconds.abs() / 86_400, seconds.abs() % 86_400 / 3600);
    let sign = if seconds < 0 { "-" } else { "" };
    format!("{sign}{days} d {hours} h")
}
