//! Verbs that a node answers.

use crate::cli::approval;
use crate::cli::args::{
    ApprovalVerb, Args, CaseVerb, DeadlineVerb, EvidenceVerb, FederationVerb, GatewayVerb, GroundArg,
    IdentityVerb, InboxVerb, PeerVerb, QueueVerb, RelayVerb, ReleaseVerb, ReportVerb, RequestVerb,
    RotatedKey, Verb,
};
use crate::cli::attach;
use crate::cli::attach::Picked;
use crate::cli::bags;
use crate::cli::bags::{BagContent, Packing};
use crate::cli::consent;
use crate::cli::document::{Reserved, is_free, read_bytes, read_text};
use crate::cli::exchange;
use crate::cli::face::Answer;
use crate::cli::local::{form_answer, gateway_doctor};
use crate::cli::paper;
use crate::cli::proof;
use crate::cli::release;
use crate::cli::render;
use crate::config::Layout;
use crate::control::{
    BackupPoint, Call, Client, Command, Failure, FormView, Hex, KeyUse, ReleaseShown, VERSION,
};
use crate::model::{CaseId, FollowUp, Ground, Matter, OfficerSignature, Request, Response, Sensitive};
use serde_json::Value;
use std::path::Path;

/// How many cases are asked for at once.
const PAGE: u32 = 200;

/// How documents are read from text; `main` lends the readers, which stand in a room that no face may enter.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    /// Reads a request (ISACS 8.2).
    pub request: fn(&str) -> Result<Request, Failure>,
    /// Reads a response (ISACS 8.3.3).
    pub response: fn(&str) -> Result<Response, Failure>,
    /// Signs an officer's word with the key in a file, which the passphrase opens.
    pub sign: fn(&Path, &str, &[u8]) -> Result<OfficerSignature, Failure>,
    /// Reads a courier's bag.
    pub bag: fn(&[u8]) -> Result<BagContent, Failure>,
    /// Packs bags that are no longer than so many bytes.
    #[expect(clippy::type_complexity, reason = "it is used once")]
    pub pack: fn(&BagContent, usize) -> Result<Vec<Vec<u8>>, Failure>,
}

/// Asks the node of `layout` what the command line asks.
///
/// # Errors
/// A file that cannot be read or written, no node, or what the node answers.
///
/// # Panics
/// On a verb that no node answers; `main` never passes one.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other cases are alike here")]
pub fn ask(args: &Args, layout: &Layout, readers: Readers) -> Result<Answer, Failure> {
    let officer = args.as_officer.as_deref();
    match &args.verb {
        Verb::Queue(QueueVerb::Export { output, peer, files, split, force }) => {
            let packing = Packing { output, peer: peer.as_ref(), files: *files, mib: *split, force: *force };
            return bags::export(packing, layout, officer, readers);
        }
        Verb::Queue(QueueVerb::Import { files }) => return bags::import(files, layout, officer, readers),
        Verb::Approval(ApprovalVerb::Approve { id, digest, own }) => {
            return approval::approve(args, layout, readers, (id, *digest, own));
        }
        Verb::Approval(ApprovalVerb::Show { id, files: Some(folder) }) => {
            return approval::show_with_files(args, layout, (id, folder));
        }
        Verb::Release(ReleaseVerb::Approve { id, digest, own }) => {
            return approval::second(args, layout, readers, (Matter::Release, id, *digest, own));
        }
        Verb::Release(ReleaseVerb::Review { id, digest, own }) => {
            return approval::second(args, layout, readers, (Matter::Review, id, *digest, own));
        }
        Verb::Case(CaseVerb::Attachment { case, fetch, output }) => {
            return attach::of_case(case, *fetch, output.as_deref(), &mut connect(layout)?, officer);
        }
        _ => {}
    }
    let reserved = match &args.verb {
        // A permit opens once: what is in the way must be known before it is used.
        Verb::Release(ReleaseVerb::Export { output, .. }) => Some(Reserved::new(output)?),
        Verb::Evidence(EvidenceVerb::Export { output, force: false, .. }) => {
            is_free(output)?;
            None
        }
        _ => None,
    };
    let mut picked = Vec::new();
    let command = command(&args.verb, readers, &mut picked)?;
    let command = command.expect("main answers the verbs that need no node");
    let call = Call { version: VERSION, as_officer: args.as_officer.clone(), command };
    if let Verb::Case(CaseVerb::List { after, limit }) = &args.verb {
        let data = pages(&mut connect(layout)?, &call, after.clone(), *limit)?;
        let text = render::reply(&call.command, &data)?;
        return Ok(Answer::ok(call.command.verb(), data, text));
    }
    let mut client = connect(layout)?;
    attach::upload(&picked, &mut client, officer)?;
    let data = client.call(&call)?;
    if let Verb::Release(ReleaseVerb::Show { files: Some(folder), .. }) = &args.verb {
        return released(&call, data, folder, &mut client);
    }
    if call.command == Command::GatewayDoctor {
        return gateway_doctor(data);
    }
    if let Verb::Case(CaseVerb::Respond { new: true, output, force, .. }) = &args.verb {
        let form: FormView = render::read(&data)?;
        // Said before anything is written (ISACS 8.4), beside a form that may go to stdout.
        form.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        return form_answer(call.command.verb(), &form, output, *force, "send it with --from");
    }
    if let Verb::Case(CaseVerb::Follow { output, force, .. }) = &args.verb {
        let form: FormView = render::read(&data)?;
        form.warnings.iter().for_each(|warning| eprintln!("note: {warning}"));
        return form_answer(
            call.command.verb(),
            &form,
            output,
            *force,
            "send it with `valise request submit`",
        );
    }
    if let (Verb::Release(ReleaseVerb::Export { output, .. }), Some(file)) = (&args.verb, reserved) {
        return release::answer(&render::read(&data)?, output, file);
    }
    if let Verb::Case(CaseVerb::Print { output, force, .. }) = &args.verb {
        return paper::answer(&render::read(&data)?, output, *force);
    }
    if let Verb::Evidence(EvidenceVerb::Export { relay: Some(_), output, force, .. }) = &args.verb {
        return proof::custody(&render::read(&data)?, output, *force);
    }
    if let Verb::Evidence(EvidenceVerb::Export { output, force, .. }) = &args.verb {
        return match &call.command {
            Command::EvidenceProof { .. } => proof::alone(&render::read(&data)?, output, *force),
            _ => proof::answer(&render::read(&data)?, output, *force),
        };
    }
    let text = render::reply(&call.command, &data)?;
    Ok(Answer::ok(call.command.verb(), data, text))
}

/// Writes the files that a spent permit has opened; what it has opened besides is shown.
fn released(call: &Call, data: Value, folder: &Path, client: &mut Client) -> Result<Answer, Failure> {
    let shown: ReleaseShown = render::read(&data)?;
    let officer = call.as_officer.as_deref();
    let written = attach::of_release((&shown.case, &shown.id), &shown.files, folder, client, officer)?;
    let files: String = written.iter().map(|file| format!("\n{}", file.display())).collect();
    let text = render::reply(&call.command, &data)? + &files;
    Ok(Answer::ok(call.command.verb(), data, text))
}

/// Reads a document, and notes the files that it names.
fn text_of(file: &Path, picked: &mut Vec<Picked>) -> Result<String, Failure> {
    let (text, files) = attach::resolve(file)?;
    picked.extend(files);
    Ok(text)
}

/// Asks for page after page, so that no answer grows with the number of cases.
fn pages(
    client: &mut Client,
    call: &Call,
    mut after: Option<CaseId>,
    limit: Option<u32>,
) -> Result<Value, Failure> {
    let mut left = limit.unwrap_or(u32::MAX);
    let mut all = Vec::new();
    while left > 0 {
        let command = Command::CaseList { after: after.take(), limit: left.min(PAGE) };
        let page: Vec<Value> = render::read(&client.call(&Call { command, ..call.clone() })?)?;
        let last = page.last().and_then(|row| row["case"].as_str()?.parse().ok());
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        all.extend(page);
        match last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    Ok(Value::Array(all))
}

/// Notes at a running gateway that a backup is made, and asks up to where it may reach; `None` if none runs.
///
/// # Errors
/// What the gateway answers, or that this user may not speak to it.
pub fn backup_point(args: &Args, layout: &Layout) -> Result<Option<BackupPoint>, Failure> {
    let mut client = match Client::connect(&layout.socket) {
        Ok(client) => client,
        Err(failure) if failure.code == "control.unavailable" => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let (as_officer, command) = (args.as_officer.clone(), Command::GatewayBackup);
    render::read(&client.call(&Call { version: VERSION, as_officer, command })?).map(Some)
}

pub(super) fn connect(layout: &Layout) -> Result<Client, Failure> {
    let noun = if layout.socket.ends_with("relay.sock") { "relay" } else { "gateway" };
    Client::connect(&layout.socket).map_err(|failure| match failure.code.as_str() {
        "control.unavailable" => {
            failure.hint(format_args!("start it with `valise {noun} serve --data {}`", layout.data.display()))
        }
        _ => failure,
    })
}

/// Turns a verb into what the node is asked, reading the file that it names.
fn command(verb: &Verb, readers: Readers, picked: &mut Vec<Picked>) -> Result<Option<Command>, Failure> {
    let command = match verb {
        Verb::Demo(_)
        | Verb::Config(_)
        | Verb::Identity(IdentityVerb::Request { .. } | IdentityVerb::Import { .. } | IdentityVerb::Show)
        | Verb::Federation(
            FederationVerb::Key { .. }
            | FederationVerb::Init { .. }
            | FederationVerb::Sign { .. }
            | FederationVerb::Assemble { .. }
            | FederationVerb::Admit { .. }
            | FederationVerb::Suspend { .. }
            | FederationVerb::Rotate { .. }
            | FederationVerb::Publish { .. }
            | FederationVerb::Join { .. }
            | FederationVerb::Check { .. }
            | FederationVerb::Show { .. },
        )
        | Verb::Gateway(
            GatewayVerb::Init(_)
            | GatewayVerb::Serve
            | GatewayVerb::Backup { .. }
            | GatewayVerb::Restore { .. },
        )
        | Verb::Relay(RelayVerb::Init(_) | RelayVerb::Serve)
        | Verb::Request(
            RequestVerb::New { .. }
            | RequestVerb::Check { .. }
            | RequestVerb::Import { .. }
            | RequestVerb::Exempt { .. },
        )
        | Verb::Evidence(
            EvidenceVerb::Verify { .. } | EvidenceVerb::Export { case: None, alarm: None, relay: None, .. },
        )
        | Verb::Officer(_)
        | Verb::Inspect { .. } => {
            return Ok(None);
        }
        Verb::Federation(FederationVerb::Sync { peer, from }) => Command::FederationSync {
            peer: peer.clone(),
            news: from.as_deref().map(read_bytes).transpose()?.map(Hex),
        },
        Verb::Identity(IdentityVerb::Rotate { what, reason, compromised_since }) => Command::IdentityRotate {
            what: key_use(*what),
            reason: Sensitive::new(reason.clone()),
            compromised_since: *compromised_since,
        },
        Verb::Gateway(GatewayVerb::Status) => Command::GatewayStatus,
        Verb::Gateway(GatewayVerb::Doctor) => Command::GatewayDoctor,
        Verb::Gateway(GatewayVerb::Clock { reason, .. }) => Command::GatewayClock { lower: reason.clone() },
        Verb::Gateway(GatewayVerb::Recover { without, reason }) => {
            Command::GatewayRecover { without: without.clone(), reason: reason.clone() }
        }
        Verb::Relay(RelayVerb::Status) => Command::RelayStatus,
        Verb::Peer(PeerVerb::List) => Command::PeerList,
        Verb::Peer(PeerVerb::Ping { state }) => Command::PeerPing { peer: state.clone() },
        Verb::Inbox(InboxVerb::List) => Command::InboxList,
        Verb::Case(verb) => case(verb, readers, picked)?,
        Verb::Request(RequestVerb::Submit { file, case: Some(case), .. }) => Command::RequestResubmit {
            case: case.clone(),
            request: Box::new((readers.request)(&text_of(file, picked)?)?),
        },
        Verb::Request(RequestVerb::Submit {
            file,
            to,
            incomplete,
            exercise,
            on_behalf_of,
            via,
            case: None,
        }) => Command::RequestSubmit {
            request: Box::new((readers.request)(&text_of(file, picked)?)?),
            to: to.clone(),
            incomplete: incomplete.clone().map(Sensitive::new),
            exercise: *exercise,
            on_behalf_of: on_behalf_of.clone(),
            via: via.clone(),
        },
        Verb::Mandate(verb) => exchange::mandate(verb),
        Verb::Notice(verb) => exchange::notice(verb)?,
        Verb::Assistance(verb) => exchange::assistance(verb)?,
        Verb::Release(verb) => consent::release(verb),
        Verb::Consent(verb) => consent::consent(verb),
        Verb::Approval(verb) => approval::approval(verb),
        Verb::Evidence(EvidenceVerb::Export { alarm: Some(alarm), .. }) => {
            Command::EvidenceProof { alarm: *alarm }
        }
        Verb::Evidence(EvidenceVerb::Export { relay: Some(relay), .. }) => {
            Command::EvidenceCustody { relay: relay.clone() }
        }
        Verb::Evidence(EvidenceVerb::Export { case: Some(case), elements, permit, .. }) => {
            Command::EvidenceExport {
                case: case.clone(),
                // A list of nothing but `none` discloses nothing.
                elements: elements.clone().map(|list| list.into_iter().filter(|e| e != "none").collect()),
                permit: permit.clone(),
            }
        }
        Verb::Evidence(EvidenceVerb::Head { check }) => Command::EvidenceHead { check: check.clone() },
        Verb::Report(ReportVerb::Restrictions { period, min_cell }) => {
            Command::ReportRestrictions { years: *period, min_cell: *min_cell }
        }
        Verb::Deadline(DeadlineVerb::List) => Command::DeadlineList,
        Verb::Queue(QueueVerb::List) => Command::QueueList,
        Verb::Queue(QueueVerb::Export { .. } | QueueVerb::Import { .. }) => return Ok(None),
        Verb::Queue(QueueVerb::Retry { id }) => Command::QueueRetry { id: id.clone() },
    };
    Ok(Some(command))
}

fn case(verb: &CaseVerb, readers: Readers, picked: &mut Vec<Picked>) -> Result<Command, Failure> {
    Ok(match verb {
        CaseVerb::List { after, limit } => {
            Command::CaseList { after: after.clone(), limit: limit.map_or(PAGE, |limit| limit.min(PAGE)) }
        }
        CaseVerb::Show { case, reveal } => Command::CaseShow { case: case.clone(), reveal: *reveal },
        CaseVerb::Attachment { case, fetch, .. } => {
            Command::CaseAttachments { case: case.clone(), fetch: *fetch }
        }
        CaseVerb::History { case } => Command::CaseHistory { case: case.clone() },
        CaseVerb::Follow { case, quotes, permit, to, .. } => Command::CaseFollow {
            case: case.clone(),
            quotes: quotes.clone(),
            permit: permit.clone(),
            to: to.clone(),
        },
        CaseVerb::Print { case, .. } => Command::CasePrint { case: case.clone() },
        CaseVerb::Ack { case, note } => {
            Command::CaseAck { case: case.clone(), note: note.clone().map(Sensitive::new) }
        }
        CaseVerb::Respond { case, from: Some(file), despite_declaration, .. } => Command::CaseRespond {
            case: case.clone(),
            response: Box::new((readers.response)(&text_of(file, picked)?)?),
            despite_declaration: *despite_declaration,
        },
        CaseVerb::Respond { case, from: None, .. } => Command::CaseTemplate { case: case.clone() },
        CaseVerb::Refuse { case, ground } => {
            Command::CaseRefuse { case: case.clone(), grounds: vec![said(ground)] }
        }
        CaseVerb::Delay { case, ground, expected } => {
            Command::CaseDelay { case: case.clone(), grounds: vec![said(ground)], expected: *expected }
        }
        CaseVerb::Return { case } => Command::CaseReturn { case: case.clone() },
        CaseVerb::Judge { case, reasonable, reason } => Command::CaseJudge {
            case: case.clone(),
            reasonable: *reasonable,
            reason: Sensitive::new(reason.clone()),
        },
        CaseVerb::Clarify { case, act, from } => Command::CaseClarify {
            case: case.clone(),
            act: act.clone(),
            text: Sensitive::new(read_text(from)?.trim().to_owned()),
        },
        CaseVerb::Close { case, reason } => {
            Command::CaseClose { case: case.clone(), reason: reason.clone().map(Sensitive::new) }
        }
        CaseVerb::Withdraw { case, reason } => {
            Command::CaseWithdraw { case: case.clone(), reason: Sensitive::new(reason.clone()) }
        }
        CaseVerb::Outcome { case, item, diversion_found, prosecution, action, prevention } => {
            Command::CaseOutcome {
                case: case.clone(),
                items: vec![FollowUp {
                    item: *item,
                    point_of_diversion: *diversion_found,
                    prosecution: *prosecution,
                    action: action.clone().map(Sensitive::new),
                    preventive_measure: prevention.clone().map(Sensitive::new),
                }],
            }
        }
    })
}

fn said(ground: &GroundArg) -> Ground {
    Ground {
        code: ground.ground,
        reason: Sensitive::new(ground.reason.clone()),
        law: ground.law.clone().map(Sensitive::new),
    }
}

/// Names a key as a node does.
pub const fn key_use(what: RotatedKey) -> KeyUse {
    match what {
        RotatedKey::Seal => KeyUse::Seal,
        RotatedKey::Log => KeyUse::Log,
        RotatedKey::Gateway => KeyUse::Gateway,
        RotatedKey::Root => KeyUse::Root,
    }
}
