//! Second officers: what waits, what it says, and a word for it under the officer's own key.

use crate::cli::args::{ApprovalVerb, Args, OwnKey};
use crate::cli::attach;
use crate::cli::face::{Answer, confirm, printable};
use crate::cli::render;
use crate::cli::render::{table, when};
use crate::cli::secret::passphrase;
use crate::cli::verbs::{Readers, connect};
use crate::config::{Environment, Layout, Origin};
use crate::control::{
    ApprovalState, ApprovalView, Call, Command, ExitCode, Failure, ReleaseState, ReleaseView, VERSION,
};
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
            let computed = Matter::Act.digest_of(words);
            if computed != view.held.digest {
                let why = format!("what {id} says has the digest {computed}, not {}", view.held.digest);
                return Err(Failure::new(ExitCode::Bug, "approval.digest", why)
                    .hint("agree to nothing; the gateway does not show what it keeps"));
            }
            if !args.json {
                eprintln!("{}", text(&view));
            }
            confirm(args.yes, &format!("Agree that this {} goes out?", view.held.act.code()))?;
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

/// `release approve` and `release review`: shows the permit, computes its digest here, asks, signs, and tells the node.
pub(super) fn second(
    args: &Args,
    layout: &Layout,
    readers: Readers,
    (matter, id, digest, own): (Matter, &str, Option<Digest>, &OwnKey),
) -> Result<Answer, Failure> {
    let digest = match digest {
        Some(digest) => digest,
        None => shown_permit(args, layout, matter, id)?,
    };
    let signature = word(layout, args.as_officer.as_deref(), own, readers, (matter, id, &digest))?;
    let id = id.to_owned();
    let command = match matter {
        Matter::Review => Command::ReleaseReview { id, digest, signature },
        Matter::Release | Matter::Act => Command::ReleaseApprove { id, digest, signature },
    };
    let call = Call { version: VERSION, as_officer: args.as_officer.clone(), command };
    let data = connect(layout)?.call(&call)?;
    let text = permit(&render::read(&data)?);
    Ok(Answer::ok(call.command.verb(), data, text))
}

/// Shows a permit, asks, and returns the digest of what was shown.
fn shown_permit(args: &Args, layout: &Layout, matter: Matter, id: &str) -> Result<Digest, Failure> {
    let (as_officer, command) = (args.as_officer.clone(), Command::ReleaseList);
    let all: Vec<ReleaseView> =
        render::read(&connect(layout)?.call(&Call { version: VERSION, as_officer, command })?)?;
    let view = all.into_iter().find(|view| view.id == id).ok_or_else(|| {
        Failure::new(ExitCode::Finding, "unknown.permit", format!("there is no permit '{id}'"))
            .hint("`valise release list` shows what there is")
    })?;
    let Some(words) = &view.words else {
        return Err(Failure::new(ExitCode::Finding, "release.denied_already", format!("{id} was denied"))
            .hint("there is nothing to agree to; `valise release list` shows what there is"));
    };
    let computed = matter.digest_of(words);
    if view.digest != Some(computed) {
        let why = format!("what {id} says has the digest {computed}, not the one that the gateway names");
        return Err(Failure::new(ExitCode::Bug, "release.digest", why)
            .hint("agree to nothing; the gateway does not show what it keeps"));
    }
    if !args.json {
        eprintln!("{}", permit(&view));
    }
    let question = match matter {
        Matter::Review => format!("Say that you have looked at {id}, released in an emergency?"),
        Matter::Release | Matter::Act => format!("Agree that {} may be given this?", printable(&view.to)),
    };
    confirm(args.yes, &question)?;
    Ok(computed)
}

/// Shows one permit or denial with all that it says.
pub(super) fn permit(r: &ReleaseView) -> String {
    let mut out = format!(
        "{} {} in {} to {} for {}, asked by {} at {}\n",
        r.id,
        render::word(&r.state),
        r.case,
        printable(&r.to),
        r.purpose.code(),
        printable(&r.officer),
        r.granted_at,
    );
    for element in &r.elements {
        let bound = if element.restrictions.is_empty() {
            String::new()
        } else {
            format!("  [{}]", element.restrictions.join(" "))
        };
        out += &format!("  {}{bound}\n", printable(&element.path));
    }
    for forbids in &r.forbids {
        out += &format!("{} forbids it by {}: {}\n", forbids.path, forbids.rule, printable(&forbids.why));
    }
    let Some(digest) = r.digest else { return out };
    out += &format!("rests on {}; agreed: {} of {}\n", r.basis.join(", "), r.agreed, r.approvals);
    if !r.consents.is_empty() {
        let consents: Vec<String> = r.consents.iter().map(Digest::short).collect();
        out += &format!("by consent {}\n", consents.join(", "));
    }
    if let Some(why) = &r.emergency {
        out += &format!("in an emergency: {}\n", printable(why));
    }
    let end = r.expires.map(|at| format!(" until {at}")).unwrap_or_default();
    out += &match r.state {
        ReleaseState::AwaitingApproval => {
            format!("it waits{end}; another officer: valise release approve {}\n", r.id)
        }
        ReleaseState::Permitted => {
            format!("{} may open it once{end}: valise release show {}\n", printable(&r.officer), r.id)
        }
        ReleaseState::Barred | ReleaseState::Used | ReleaseState::Expired | ReleaseState::Denied => {
            String::new()
        }
    };
    if r.unreviewed {
        out += &format!("not reviewed yet; another officer: valise release review {}\n", r.id);
    }
    out + &format!("digest {digest}\n")
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
            a.held.id.to_string(),
            a.held.case.to_string(),
            a.held.act.code().to_owned(),
            a.held.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            a.held.author.clone(),
            format!("{} of {}", a.agreed, a.held.approvals),
            a.held.rule.clone(),
            when(Some(a.held.at)),
        ]
    };
    table(&["ID", "CASE", "ACT", "TO", "AUTHOR", "AGREED", "RULE", "SINCE"], list.iter().map(row).collect())
}

/// Shows one act that waits or waited, with what it says if that was asked for.
pub(super) fn text(a: &ApprovalView) -> String {
    let to: Vec<String> = a.held.to.iter().map(ToString::to_string).collect();
    let mut out = format!(
        "{} {} in {} to {}, by {}\nneeds {} officers by {}; agreed: {}\ndigest {}\n",
        a.held.id,
        a.held.act.code(),
        a.held.case,
        to.join(", "),
        a.held.author,
        a.held.approvals,
        a.held.rule,
        [std::slice::from_ref(&a.held.author), &a.agreed_by].concat().join(", "),
        a.held.digest,
    );
    match a.state {
        ApprovalState::AwaitingApproval => {
            out += &format!("it waits; another officer: valise approval approve {}\n", a.held.id);
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
