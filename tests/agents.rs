//! An agent whose software lies is held to its mandate (ISACS 9.3) by the State that it asks, and by its principal.
#![allow(clippy::unwrap_used, reason = "what does not hold ends the drill")]

mod common;

use common::request;
use common::siege::{Siege, run};
use common::stranger::Stranger;
use valise::envelope::{Reject, accept_mandate, document_of, grant_mandate};
use valise::model::{
    Act, CaseScope, DAY, Digest, Ground, GroundCode, Mandate, MandateRevocation, MandateTerms, OnBehalf,
    Party, PeerScope, Power, Refusal, Text,
};
use valise::wire::FrameKind;

/// What XDD lets XCC do: open cases with XBB, for a day.
fn day_of_requests(siege: &Siege, principal: &Party) -> MandateTerms {
    let now = common::dice::now();
    MandateTerms {
        principal: principal.clone(),
        agent: siege.xcc.party.clone(),
        powers: [Power::Initiate].into(),
        cases: CaseScope::All,
        peers: PeerScope::Parties([siege.xbb.clone()].into()),
        not_before: now.saturating_add(-60),
        not_after: now.saturating_add(DAY),
    }
}

/// An agent whose software lies is held to its mandate by the State that it asks, and by the revocation.
#[test]
fn an_agent_beyond_its_mandate() {
    run(lying_agent());
}

async fn lying_agent() {
    let mut xdd = Stranger::new("XDD", 4);
    let mut siege = Siege::begin(&[&xdd]);
    let (xbb, principal) = (siege.xbb.clone(), xdd.party.clone());
    let line = siege.line().await;
    let grant = |terms: MandateTerms, ring| grant_mandate(terms, ring).unwrap();
    let good = grant(day_of_requests(&siege, &principal), &xdd.ring);
    let accepted = accept_mandate(&good, &siege.xcc.ring).unwrap();
    let mut number = 0;
    // Seals an act on XDD's behalf with the mandate beside it, in a case of its own.
    let mut act = |siege: &mut Siege, mandate: &Mandate, audience: &[&Party], act: Act| {
        number += 1;
        let named = OnBehalf { principal: principal.clone(), mandate: mandate.mandate };
        let case = format!("XCC-2026-{number:06}");
        let signed = siege.xcc.sign_for(&siege.directory, audience, &case, Some(named), act);
        siege.seal(&signed.with_mandate(document_of(mandate)))
    };
    let ask = || Act::Request(Box::new(request()));
    let both = [&xbb, &principal];

    let sound = act(&mut siege, &accepted, &both, ask());
    let receipt = siege.receipt(&line, &sound).await;

    let now = common::dice::now();
    let terms = day_of_requests(&siege, &principal);
    let narrowed = [
        ("mandate-wrong-act", MandateTerms { powers: [Power::Conduct].into(), ..terms.clone() }),
        (
            "mandate-wrong-case",
            MandateTerms {
                cases: CaseScope::Cases(["XCC-2026-000999".parse().unwrap()].into()),
                ..terms.clone()
            },
        ),
        (
            "mandate-wrong-peer",
            MandateTerms { peers: PeerScope::Parties(["XAA".parse().unwrap()].into()), ..terms.clone() },
        ),
        ("mandate-expired", MandateTerms { not_after: now, ..terms.clone() }),
        ("mandate-not-yet-valid", MandateTerms { not_before: now.saturating_add(600), ..terms.clone() }),
    ];
    for (code, terms) in narrowed {
        let mandate = accept_mandate(&grant(terms, &xdd.ring), &siege.xcc.ring).unwrap();
        let envelope = act(&mut siege, &mandate, &both, ask());
        siege.refused(&line, &envelope.bytes, code).await;
    }
    // It was given to XAA, which let XCC countersign in its place.
    let handed_on = grant(MandateTerms { agent: "XAA".parse().unwrap(), ..terms.clone() }, &xdd.ring);
    let handed_on = accept_mandate(&handed_on, &siege.xcc.ring).unwrap();
    let unaccepted = act(&mut siege, &good, &both, ask());
    let revoking = Act::MandateRevocation(MandateRevocation { mandate: good.mandate, reason: words() });
    let mut thief = Stranger::new("XDD", 5).ring;
    thief.seal = xdd.ring.log.clone();
    let stolen = accept_mandate(&grant(terms, &thief), &siege.xcc.ring).unwrap();
    for (code, envelope) in [
        ("mandate-wrong-agent", act(&mut siege, &handed_on, &both, ask())),
        ("mandate-not-accepted", unaccepted),
        ("mandate-no-copy", act(&mut siege, &accepted, &both[..1], ask())),
        ("mandate-handed-on", act(&mut siege, &accepted, &both, revoking.clone())),
        ("unknown-key", act(&mut siege, &stolen, &both, ask())),
    ] {
        siege.refused(&line, &envelope.bytes, code).await;
    }

    // Within the case: an agent says each time for whom it speaks, and for nobody else.
    let silent = siege.xcc.sign_for(&siege.directory, &both, "XCC-2026-000001", None, ask());
    let silent = siege.seal(&silent);
    siege.refused(&line, &silent.bytes, "mandate-missing").await;

    // Whoever writes to us and a third party makes neither of us the other's agent.
    let unasked = siege.xcc.sign_for(&siege.directory, &both, "XCC-2026-000900", None, ask());
    let unasked = siege.seal(&unasked);
    siege.refused(&line, &unasked.bytes, "mandate-missing").await;

    // The principal ends it. What was taken in before is answered as it was, what comes after is refused.
    let crossing = act(&mut siege, &accepted, &both, ask());
    let directory = xdd.directory(&siege.pair.xbb.dir);
    let ended = xdd.sign_for(&directory, &[&xbb], "XDD-2026-000001", None, revoking);
    let ended = xdd.seal(&directory, &xbb, &ended);
    let other_line = xdd.call(siege.pair.xbb.port).await.unwrap();
    assert_eq!(other_line.send(&ended.bytes).await.0, FrameKind::Receipts);
    siege.refused(&line, &crossing.bytes, "mandate-revoked").await;
    assert_eq!(siege.receipt(&line, &sound).await, receipt);
}

/// Another party's word ends no mandate, and a mandate that is revoked before it is seen is dead.
#[test]
fn a_revocation_by_the_wrong_party_and_one_that_comes_first() {
    run(odd_revocations());
}

async fn odd_revocations() {
    let mut xdd = Stranger::new("XDD", 4);
    let mut siege = Siege::begin(&[&xdd]);
    let (xbb, principal) = (siege.xbb.clone(), xdd.party.clone());
    let line = siege.line().await;
    let accepted = |siege: &Siege, until| {
        let terms = MandateTerms { not_after: until, ..day_of_requests(siege, &principal) };
        accept_mandate(&grant_mandate(terms, &xdd.ring).unwrap(), &siege.xcc.ring).unwrap()
    };
    let now = common::dice::now();
    let [one, two] = [DAY, 2 * DAY].map(|days| accepted(&siege, now.saturating_add(days)));
    let end = |mandate: &Mandate| {
        Act::MandateRevocation(MandateRevocation { mandate: mandate.mandate, reason: words() })
    };
    let by_agent = siege.xcc.sign_for(&siege.directory, &[&xbb], "XCC-2026-000007", None, end(&one));
    let by_agent = siege.seal(&by_agent);
    siege.receipt(&line, &by_agent).await;
    let directory = xdd.directory(&siege.pair.xbb.dir);
    let early = xdd.sign_for(&directory, &[&xbb], "XDD-2026-000001", None, end(&two));
    let early = xdd.seal(&directory, &xbb, &early);
    let other_line = xdd.call(siege.pair.xbb.port).await.unwrap();
    assert_eq!(other_line.send(&early.bytes).await.0, FrameKind::Receipts);
    for (number, mandate, stands) in [(1, &one, true), (2, &two, false)] {
        let named = OnBehalf { principal: principal.clone(), mandate: mandate.mandate };
        let (case, ask) = (format!("XCC-2026-{number:06}"), Act::Request(Box::new(request())));
        let audience = [&xbb, &principal];
        let signed = siege.xcc.sign_for(&siege.directory, &audience, &case, Some(named), ask);
        let envelope = siege.seal(&signed.with_mandate(document_of(mandate)));
        if stands {
            siege.receipt(&line, &envelope).await;
        } else {
            siege.refused(&line, &envelope.bytes, "mandate-revoked").await;
        }
    }
}

/// A principal hears from the other side what its agent withholds; nobody else gets a foot in its door.
#[test]
fn an_agent_that_withholds_its_acts_from_the_principal() {
    run(withholding_agent());
}

async fn withholding_agent() {
    let mut xdd = Stranger::new("XDD", 4);
    let siege = Siege::begin(&[&xdd]);
    let (xbb, xcc) = (siege.xbb.clone(), siege.xcc.party.clone());
    let grounds = vec![Ground { code: GroundCode::B, reason: words(), law: None }];
    let refusal = Act::Refusal(Refusal { request: Digest([7; 32]), grounds });
    let directory = xdd.directory(&siege.pair.xbb.dir);
    let mut answer = || {
        let signed = xdd.sign_for(&directory, &[&xcc, &xbb], "XCC-2026-000001", None, refusal.clone());
        xdd.seal(&directory, &xbb, &signed)
    };
    let (before, after) = (answer(), answer());
    let other_line = xdd.call(siege.pair.xbb.port).await.unwrap();
    let (kind, body) = other_line.send(&before.bytes).await;
    assert_eq!(kind, FrameKind::Reject);
    let reject = Reject::verify(&body, &xbb, &directory, common::dice::now()).unwrap();
    assert_eq!((reject.code.as_str(), reject.retryable), ("unknown-case", false));

    let grant =
        ["mandate", "grant", "--agent", "XCC", "--power", "initiate", "--until", "2099-01-01T00:00:00Z"];
    assert!(siege.pair.xbb.run(&grant).status.success());
    let (kind, _) = other_line.send(&after.bytes).await;
    assert_eq!(kind, FrameKind::Receipts);
    let seen = siege.pair.xbb.show("XCC-2026-000001").unwrap();
    assert_eq!(
        (&seen["role"], &seen["peer"], &seen["state"]),
        (&"observer".into(), &"XDD".into(), &"awaiting_request".into())
    );
}

fn words() -> Text {
    Text::new("It has moved.".to_owned())
}
