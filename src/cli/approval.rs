//! Second officers: what waits, what it says, and a word for it under the officer's own key.

use crate::cli::args::{ApprovalVerb, Args, OwnKey, ReleaseVerb, Verb};
use crate::cli::attach;
use crate::cli::face::{Answer, confirm};
use crate::cli::render;
use crate::cli::render::{table, when};
use crate::cli::secret::passphrase;
use crate::cli::verbs::{Readers, connect};
use crate::config::{Environment, Layout, Origin};
use crate::control::{ApprovalState, ApprovalView, Call, Command, ExitCode, Failure, VERSION};
use crate::model::{Digest, Matter, OfficerSignature, Sensitive};
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(super) fn approval(verb: &ApprovalVerb) -> Command {
    match verb {
        ApprovalVerb::List => Command::ApprovalList,
        ApprovalVerb::Show { id, .. } | ApprovalVerb::Approve { id, .. } => {
            Command::ApprovalShow { id: id.clone() }
        }
        ApprovalVerb::Return { id, reason } => {
            Command::ApprovalReturn { id: id.clone(), reason: Sensitive::new(reason.clone()) }
        }
    }
}

/// `approval approve`: shows the act, computes its digest here, asks, signs, and tells the node.
pub(super) fn approve(
    args: &Args,
    layout: &Layout,
    readers: Readers,
    (id, digest, own): (&str, Option<Digest>, &OwnKey),
) -> Result<Answer, Failure> {
    let officer = args.as_officer.as_deref();
    let ask = |command| Call { version: VERSION, as_officer: args.as_officer.clone(), command };
    let named = match digest {
        Some(digest) => digest,
        None => {
            let show = ask(Command::ApprovalShow { id: id.to_owned() });
            let view: ApprovalView = render::read(&connect(layout)?.call(&show)?)?;
            let words = view.words.as_deref().unwrap_or_default();
            let computed = ApprovalView::digest_of(words);
            if computed != view.digest {
                let why = format!("what {id} says has the digest {computed}, not {}", view.digest);
                return Err(Failure::new(ExitCode::Bug, "approval.digest", why)
                    .hint("agree to nothing; the gateway does not show what it keeps"));
            }
            if !args.json {
                eprintln!("{}", text(&view));
            }
            confirm(args.yes, &format!("Agree that this {} goes out?", view.act.code()))?;
            computed
        }
    };
    let signature = word(layout, officer, own, readers, (Matter::Act, id, &named))?;
    let call = ask(Command::ApprovalApprove { id: id.to_owned(), digest: named, signature });
    let data = connect(layout)?.call(&call)?;
    let view: ApprovalView = render::read(&data)?;
    Ok(Answer::ok(call.command.verb(), data, text(&view)))
}

/// `approval show --files`: writes the files that go with an act, so that whoever agrees has seen them.
pub(super) fn show_with_files(
    args: &Args,
    layout: &Layout,
    (id, folder): (&str, &Path),
) -> Result<Answer, Failure> {
    let officer = args.as_officer.as_deref();
    let mut client = connect(layout)?;
    let command = Command::ApprovalShow { id: id.to_owned() };
    let call = Call { version: VERSION, as_officer: args.as_officer.clone(), command };
    let data = client.call(&call)?;
    let view: ApprovalView = render::read(&data)?;
    let written = attach::of_approval(&view, folder, &mut client, officer)?;
    let files: String = written.iter().map(|file| format!("\n{}", file.display())).collect();
    Ok(Answer::ok(call.command.verb(), data, text(&view) + &files))
}

/// `release approve` and `release review`: signs and tells the node.
pub(super) fn second(
    args: &Args,
    layout: &Layout,
    readers: Readers,
    verb: &ReleaseVerb,
) -> Result<Option<Value>, Failure> {
    let officer = args.as_officer.as_deref();
    let command = match verb {
        ReleaseVerb::Approve { id, digest, own } => {
            let signature = word(layout, officer, own, readers, (Matter::Release, id, digest))?;
            Command::ReleaseApprove { id: id.clone(), digest: *digest, signature }
        }
        ReleaseVerb::Review { id, digest, own } => {
            let signature = word(layout, officer, own, readers, (Matter::Review, id, digest))?;
            Command::ReleaseReview { id: id.clone(), digest: *digest, signature }
        }
        ReleaseVerb::Request { .. }
        | ReleaseVerb::Deny { .. }
        | ReleaseVerb::Notify { .. }
        | ReleaseVerb::List
        | ReleaseVerb::Export { .. }
        | ReleaseVerb::Show { .. } => return Ok(None),
    };
    let call = Call { version: VERSION, as_officer: args.as_officer.clone(), command };
    connect(layout)?.call(&call).map(Some)
}

/// Signs an officer's word, if the officer has a key; the node says whether one without will do.
fn word(
    layout: &Layout,
    officer: Option<&str>,
    own: &OwnKey,
    readers: Readers,
    (matter, id, digest): (Matter, &str, &Digest),
) -> Result<Option<OfficerSignature>, Failure> {
    let Some((key, beside)) = key(layout, officer, own) else { return Ok(None) };
    let secret =
        passphrase(own.passphrase_file.as_deref().or(beside.as_deref()), "Passphrase of your key: ")?;
    (readers.sign)(&key, &secret, &matter.words(id, digest)).map(Some)
}

/// Finds the officer's key: named, or in the officer's own place; in a demo it lies with its passphrase beside it.
fn key(layout: &Layout, officer: Option<&str>, own: &OwnKey) -> Option<(PathBuf, Option<PathBuf>)> {
    let variable = || std::env::var_os("VALISE_OFFICER_KEY").filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(named) = own.key.clone().or_else(variable) {
        return Some((named, None));
    }
    if let (Some(officer), Origin::Profile(_) | Origin::Flag(_)) = (officer, &layout.origin) {
        let key = layout.data.join("officers").join(format!("{officer}.key"));
        let beside = key.with_extension("passphrase");
        return key.exists().then(|| (key, Some(beside).filter(|file| file.exists())));
    }
    let own = Environment::read().config_home?.join("valise/officer.key");
    own.exists().then_some((own, None))
}

pub(super) fn approvals(list: &[ApprovalView]) -> String {
    let row = |a: &ApprovalView| {
        vec![
            a.id.clone(),
            a.case.to_string(),
            a.act.code().to_owned(),
            a.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            a.author.clone(),
            format!("{} of {}", a.agreed, a.approvals),
            a.rule.clone(),
            when(Some(a.at)),
        ]
    };
    table(&["ID", "CASE", "ACT", "TO", "AUTHOR", "AGREED", "RULE", "SINCE"], list.iter().map(row).collect())
}

/// Shows one act that waits or waited, with what it says if that was asked for.
pub(super) fn text(a: &ApprovalView) -> String {
    let to: Vec<String> = a.to.iter().map(ToString::to_string).collect();
    let mut out = format!(
        "{} {} in {} to {}, by {}\nneeds {} officers by {}; agreed: {}\ndigest {}\n",
        a.id,
        a.act.code(),
        a.case,
        to.join(", "),
        a.author,
        a.approvals,
        a.rule,
        [std::slice::from_ref(&a.author), &a.agreed_by].concat().join(", "),
        a.digest,
    );
    match a.state {
        ApprovalState::AwaitingApproval => {
            out += &format!("it waits; another officer: valise approval approve {}\n", a.id);
        }
        ApprovalState::Sent => out += "it went out\n",
        ApprovalState::Returned => {
            out += &format!("it was returned: {}\n", a.reason.as_deref().unwrap_or_default());
        }
    }
    for file in &a.files {
        out += &format!("file {} of {} bytes goes with it; --files DIR writes it\n", file.sha256, file.size);
    }
    if let Some(words) = &a.words {
        let value: Value = serde_json::from_str(words).unwrap_or_default();
        out += &serde_json::to_string_pretty(&value).unwrap_or_default();
    }
    out
}

/// Tells whether a verb is a word of a second officer, which takes the officer's own key.
pub(super) fn takes_key(verb: &Verb) -> Option<&ReleaseVerb> {
    let Verb::Release(release) = verb else { return None };
    matches!(release, ReleaseVerb::Approve { .. } | ReleaseVerb::Review { .. }).then_some(release)
}
