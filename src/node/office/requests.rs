//! Tracing requests (ISACS 8.1, 8.2).

use crate::case;
use crate::case::Behalf;
use crate::control::{ActedView, ExitCode, Failure};
use crate::model::{ActKind, Addressee, AddresseeBasis, Party, Request, Text};
use crate::node::error::NodeError;
use crate::node::gateway::{Author, Gateway};
use crate::node::office::{acted, unknown};
use crate::rules::addressee;
use crate::rules::succession;
use crate::rules::succession::{Candidate, Claim, NoSuccessor};
use crate::trust::federation::SuccessionClaim;

/// To whom a request goes, and which agents it passes (ISACS 9.3).
pub(super) struct Way {
    /// The addressee, where the file leaves it to the command line.
    pub to: Option<Party>,
    /// For whom we ask.
    pub on_behalf_of: Option<Party>,
    /// Who is asked in the addressee's place.
    pub via: Option<Party>,
}

pub(super) async fn submit(
    gateway: &Gateway,
    officer: &str,
    mut request: Request,
    Way { to, on_behalf_of, via }: Way,
    incomplete: Option<Text>,
    exercise: bool,
) -> Result<ActedView, Failure> {
    if let (None, Some(party)) = (&request.addressee, &to) {
        request.addressee = Some(addressed_to(&request, party));
    }
    if incomplete.is_some() {
        request.incomplete_reason = incomplete;
    }
    let named = to.or_else(|| request.addressee.as_ref().map(|a| a.party.clone()));
    let Some(to) = named else {
        return Err(Failure::new(ExitCode::Finding, "request.no_addressee", "the request names no addressee")
            .hint("name one in the file, or with --to; `valise request check` proposes them in the order of ISACS 8.1"));
    };
    succession::compare(&request, &claims(gateway)).map_err(|found| no_successor(&found))?;
    let me = gateway.me().clone();
    let (to, behalf) = match (on_behalf_of, via) {
        (Some(principal), None) => (to, Some(Behalf { principal, agent: me.clone() })),
        (None, Some(agent)) => {
            gateway.receives(&to, &agent, &me).map_err(NodeError::Mandate)?;
            (agent.clone(), Some(Behalf { principal: to, agent }))
        }
        (None, None) => (to, None),
        (Some(_), Some(_)) => {
            return Err(Failure::new(ExitCode::Usage, "request.two_agents", "an agent cannot ask an agent")
                .hint("ask the State itself: a mandate holds between one agent and one other side"));
        }
    };
    for party in [&to].into_iter().chain(behalf.as_ref().map(|behalf| &behalf.principal)) {
        if *party != me && gateway.couriers.get(party).is_none() {
            return Err(unknown("peer", party).into());
        }
    }
    gateway.recovery.check_all()?;
    let id = gateway.desk.mint(&me, gateway.now().year()).map_err(NodeError::from)?;
    let slot = gateway.desk.fresh(&id);
    let request = Box::new(request);
    let command = case::Command::Submit { case: id.clone(), me, to, request, exercise, behalf };
    let made = gateway.make(&id, &slot, command, Author::Officer(officer)).await.inspect_err(|error| {
        if matches!(error, NodeError::Refused(_)) {
            gateway.desk.unmint(&id);
        }
    })?;
    Ok(acted(gateway, &slot, &made, ActKind::Request))
}

/// Lists what the members of the federation claim of former States.
fn claims(gateway: &Gateway) -> Vec<Claim> {
    let directory = gateway.directory();
    let entries =
        directory.parties().filter_map(|party| Some((party.state()?, directory.entry(party).ok()?)));
    let claims = entries.flat_map(|(state, entry)| {
        let of =
            move |claim: &SuccessionClaim| Claim { state, former: claim.former, basis: claim.basis.clone() };
        entry.part_a().succession.iter().map(of)
    });
    claims.collect()
}

fn no_successor(found: &NoSuccessor) -> Failure {
    let NoSuccessor { item, former, chosen, candidates } = found;
    let what = format!("items[{item}] leads to {former}, for which {chosen} does not answer");
    let named = candidates.iter().map(|Candidate { state, basis, claimed }| {
        let by = if *claimed { "claims it" } else { "known here" };
        format!("{state} ({by}: {basis})")
    });
    Failure::new(ExitCode::Finding, "request.no_successor", what).hint(format_args!(
        "ask one of these: {}; or take the basis 'other', and say why in addressee.reason",
        named.collect::<Vec<_>>().join("; ")
    ))
}

/// Takes the basis from the proposals, if the party is among them.
pub(super) fn addressed_to(request: &Request, party: &Party) -> Addressee {
    let proposed = addressee::propose(request).into_iter().find(|p| p.party.as_ref() == Some(party));
    let basis = proposed.map_or(AddresseeBasis::Other, |p| p.basis);
    Addressee { party: party.clone(), basis, reason: None }
}
