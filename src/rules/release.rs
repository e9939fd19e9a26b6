//! Who may be given an element, and for what (ISACS 8.3.4.2 d–f, 8.4 b). No other place enforces a
//! restriction.

use crate::model::{Audience, Label, Onward, Party, Purpose, Recipient, Restriction, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// To whom information would be released.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Authority {
    /// Its name, as the national configuration and labels write it.
    pub name: String,
    /// What it is.
    pub kind: AuthorityKind,
    /// Whether this State has designated it as a competent authority (ISACS 8.3.4.2 d).
    pub designated: bool,
}

impl Authority {
    /// Names it as acts do; none for the own point of contact, to which nothing is passed on.
    pub fn recipient(&self) -> Option<Recipient> {
        match &self.kind {
            AuthorityKind::OwnNpc => None,
            AuthorityKind::Competent | AuthorityKind::Court => {
                self.name.parse().ok().map(Recipient::Authority)
            }
            AuthorityKind::Foreign(party) => Some(Recipient::Party(party.clone())),
        }
    }

    /// Tells whether releasing to it crosses a border.
    pub fn is_foreign(&self) -> bool {
        match &self.kind {
            AuthorityKind::OwnNpc | AuthorityKind::Competent | AuthorityKind::Court => false,
            AuthorityKind::Foreign(_) => true,
        }
    }
}

/// What a recipient is to the national point of contact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityKind {
    /// The national point of contact itself, to which the response is addressed.
    OwnNpc,
    /// An authority of this State.
    Competent,
    /// A court of this State.
    Court,
    /// An authority of another party.
    Foreign(Party),
}

/// Whether an element may be released, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Permit {
        /// The clauses on which it rests: each restriction that was met, or 8.4(a) where none binds.
        basis: Vec<&'static str>,
    },
    /// It may not.
    Denied {
        /// The first rule that forbids it.
        rule: &'static str,
        /// The same in words for the officer who asked.
        why: String,
    },
}

const D: &str = "8.3.4.2(d)";
const E: &str = "8.3.4.2(e)";
const F: &str = "8.3.4.2(f)";
const H1: &str = "8.4(b) h1";
const OTHER: &str = "8.4(b) other";

/// Decides whether an element under `label` may be released `to` an authority for a `purpose`.
///
/// `lifted` are the restrictions that the originator has lifted for just this release (ISACS 8.3.4.2 f).
pub fn decide(
    label: &Label,
    to: &Authority,
    purpose: Purpose,
    lifted: &BTreeSet<Restriction>,
    now: Timestamp,
) -> Verdict {
    let label = &facing(label, to, now);
    let addressee_traces = to.kind == AuthorityKind::OwnNpc && purpose == Purpose::Tracing;
    if !binds(label, now) || addressee_traces {
        // The response was given to the addressed NPC for tracing, so no label can bar that (ISACS 8.3.3.1).
        return Verdict::Permit { basis: vec!["8.4(a)"] };
    }
    let mut basis = Vec::new();
    for (rule, liftable, check) in checks(label, to, purpose) {
        match check {
            Check::NotBound => {}
            Check::Met => basis.push(rule),
            Check::Broken(_) if liftable.is_some_and(|r| lifted.contains(&r)) => basis.push(rule),
            Check::Broken(why) => return Verdict::Denied { rule, why },
        }
    }
    if basis.is_empty() {
        basis.push("8.4(a)");
    }
    Verdict::Permit { basis }
}

/// Tells whether a label restricts anything at `now`; from its expiry on it does not.
pub fn binds(label: &Label, now: Timestamp) -> bool {
    !label.is_unrestricted() && label.expires.is_none_or(|at| now < at)
}

/// Lists the restrictions of a label that stand in the way of a release and that its originator can lift;
/// none if one stands in the way that nobody can.
pub fn liftable(
    label: &Label,
    to: &Authority,
    purpose: Purpose,
    now: Timestamp,
) -> Option<BTreeSet<Restriction>> {
    let label = &facing(label, to, now);
    let mut lifts = BTreeSet::new();
    if binds(label, now) {
        for (_, liftable, check) in checks(label, to, purpose) {
            if let Check::Broken(_) = check {
                lifts.insert(liftable?);
            }
        }
    }
    Some(lifts)
}

/// Each rule with its answer, and the restriction whose lifting overcomes it, if one can.
fn checks(
    label: &Label,
    to: &Authority,
    purpose: Purpose,
) -> [(&'static str, Option<Restriction>, Check); 5] {
    let with_consent = (label.onward == Onward::WithConsent).then_some(Restriction::F);
    [
        (D, Some(Restriction::D), audience(label, to)),
        (E, Some(Restriction::E), purposes(label, purpose)),
        (F, with_consent, onward(label, to)),
        (H1, Some(Restriction::H1), court(label, to, purpose)),
        (OTHER, None, others(label)),
    ]
}

/// Returns the label as it stands towards a recipient: what a State provided goes to a panel of the
/// Security Council with that State's consent only, whether or not it said so (ISACS 9.4).
fn facing(label: &Label, to: &Authority, now: Timestamp) -> Label {
    if !matches!(&to.kind, AuthorityKind::Foreign(party) if party.is_un_panel()) {
        return label.clone();
    }
    // A label that binds no more must not take the clause with it.
    let label = if binds(label, now) { label.clone() } else { Label::default() };
    Label { onward: label.onward.max(Onward::WithConsent), ..label }
}

enum Check {
    NotBound,
    Met,
    Broken(String),
}

/// ISACS 8.3.4.2 d: designated competent authorities, or only those named among them.
fn audience(label: &Label, to: &Authority) -> Check {
    let Some(audience) = &label.audience else { return Check::NotBound };
    let in_state = match &to.kind {
        // Its officers are the authorised personnel of the clause.
        AuthorityKind::OwnNpc => return Check::Met,
        AuthorityKind::Competent | AuthorityKind::Court => true,
        AuthorityKind::Foreign(_) => false,
    };
    if !(in_state && to.designated) {
        return Check::Broken(format!(
            "'{}' is not an authority that the requesting State has designated",
            to.name
        ));
    }
    match audience {
        Audience::Designated => Check::Met,
        Audience::Named(names) if names.contains(&to.name) => Check::Met,
        Audience::Named(_) => Check::Broken(format!("the label does not name '{}'", to.name)),
    }
}

/// ISACS 8.3.4.2 e: only for these purposes.
fn purposes(label: &Label, purpose: Purpose) -> Check {
    if label.purposes.is_empty() {
        return Check::NotBound;
    }
    if label.purposes.contains(&purpose) {
        return Check::Met;
    }
    let allowed: Vec<_> = label.purposes.iter().map(|p| p.code()).collect();
    Check::Broken(format!("it may be used only for {}, not for {}", allowed.join(", "), purpose.code()))
}

/// ISACS 8.3.4.2 f: to nobody else without the prior consent of the State that provided it.
fn onward(label: &Label, to: &Authority) -> Check {
    let addressee = match &to.kind {
        AuthorityKind::OwnNpc => true,
        AuthorityKind::Competent | AuthorityKind::Court | AuthorityKind::Foreign(_) => false,
    };
    match label.onward {
        Onward::Free => Check::NotBound,
        Onward::WithConsent | Onward::None if addressee => Check::Met,
        Onward::WithConsent => {
            Check::Broken("the State that provided it has not given its prior consent".to_owned())
        }
        Onward::None => Check::Broken("it may not leave the national point of contact".to_owned()),
    }
}

/// Not before a court, neither by giving it to one nor by giving it to be used as evidence (ISACS 8.4 b).
fn court(label: &Label, to: &Authority, purpose: Purpose) -> Check {
    let before_court = to.kind == AuthorityKind::Court || purpose == Purpose::Prosecution;
    match (label.not_in_court, before_court) {
        (false, _) => Check::NotBound,
        (true, false) => Check::Met,
        (true, true) => {
            Check::Broken("it may not be used in court without the permission of its provider".to_owned())
        }
    }
}

/// The list of restrictions is open ("inter alia"), so a caveat that no rule here knows forbids.
fn others(label: &Label) -> Check {
    label.other.first().map_or(Check::NotBound, |caveat| {
        Check::Broken(format!("its caveat '{}' is not known here, so it is taken to forbid", caveat.code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DAY, OtherCaveat};
    use crate::rules::label::join;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn authority(name: &str, kind: AuthorityKind, designated: bool) -> Authority {
        Authority { name: name.to_owned(), kind, designated }
    }

    #[test]
    fn clause_9_4_a_panel_is_given_what_a_third_state_provided_with_its_consent_only() {
        let to = |name: &str| authority(name, AuthorityKind::Foreign(name.parse().unwrap()), false);
        let asked = |label: &Label, name: &str, consent| {
            decide(label, &to(name), Purpose::EmbargoMonitoring, &lifted(consent), NOW)
        };
        let free = Label::default();
        assert!(matches!(asked(&free, "org:un-panel-x", false), Verdict::Denied { rule: F, .. }));
        assert_eq!(asked(&free, "org:un-panel-x", true), Verdict::Permit { basis: vec![F] });
        assert!(matches!(asked(&free, "org:ecowas", false), Verdict::Permit { .. }), "no panel");
        let none = Label { onward: Onward::None, ..Label::default() };
        assert!(matches!(asked(&none, "org:un-panel-x", true), Verdict::Denied { .. }));
        let expired = Label { expires: Some(NOW), ..none.clone() };
        assert!(matches!(asked(&expired, "org:un-panel-x", false), Verdict::Denied { rule: F, .. }));
        assert_eq!(asked(&expired, "org:un-panel-x", true), Verdict::Permit { basis: vec![F] });
    }

    fn police() -> Authority {
        authority("police-cid", AuthorityKind::Competent, true)
    }

    fn foreign() -> Authority {
        authority("XCC", AuthorityKind::Foreign("XCC".parse().unwrap()), true)
    }

    fn caveat(code: &str) -> OtherCaveat {
        OtherCaveat { code: code.to_owned(), text: "as agreed".to_owned() }
    }

    fn rule(
        label: &Label,
        to: &Authority,
        purpose: Purpose,
        consent: bool,
    ) -> Result<Vec<&'static str>, &'static str> {
        let lifted = if consent { [Restriction::F].into() } else { BTreeSet::new() };
        match decide(label, to, purpose, &lifted, NOW) {
            Verdict::Permit { basis } => Ok(basis),
            Verdict::Denied { rule, why } => {
                assert!(!why.is_empty());
                Err(rule)
            }
        }
    }

    #[test]
    fn no_label_is_free() {
        let label = Label::default();
        assert_eq!(rule(&label, &foreign(), Purpose::Analysis, false), Ok(vec!["8.4(a)"]));
    }

    #[test]
    fn clause_8_3_4_2_d_only_designated_authorities() {
        let label = Label { audience: Some(Audience::Designated), ..Label::default() };
        let customs = authority("customs", AuthorityKind::Competent, false);
        assert_eq!(rule(&label, &police(), Purpose::Tracing, false), Ok(vec![D]));
        assert_eq!(rule(&label, &customs, Purpose::Tracing, false), Err(D));
        assert_eq!(rule(&label, &foreign(), Purpose::Tracing, true), Err(D));
    }

    #[test]
    fn clause_8_3_4_2_d_named_authorities_must_be_designated_too() {
        let names = ["police-cid".to_owned(), "customs".to_owned(), "XCC".to_owned()];
        let label = Label { audience: Some(Audience::Named(names.into())), ..Label::default() };
        let customs = authority("customs", AuthorityKind::Competent, false);
        let court = authority("high-court", AuthorityKind::Court, true);
        assert_eq!(rule(&label, &police(), Purpose::Tracing, false), Ok(vec![D]));
        for refused in [customs, court, foreign()] {
            assert_eq!(rule(&label, &refused, Purpose::Tracing, false), Err(D), "{}", refused.name);
        }
    }

    #[test]
    fn clause_8_3_4_2_e_only_these_purposes() {
        let label = Label { purposes: [Purpose::Tracing].into(), ..Label::default() };
        let own = authority("NPC", AuthorityKind::OwnNpc, true);
        assert_eq!(rule(&label, &police(), Purpose::Tracing, false), Ok(vec![E]));
        assert_eq!(rule(&label, &police(), Purpose::CriminalInvestigation, true), Err(E));
        assert_eq!(rule(&label, &own, Purpose::Analysis, false), Err(E), "its own desk is bound too");
    }

    #[test]
    fn clause_8_3_4_2_f_nobody_else_without_consent() {
        let with_consent = Label { onward: Onward::WithConsent, ..Label::default() };
        assert_eq!(rule(&with_consent, &police(), Purpose::Tracing, false), Err(F));
        assert_eq!(rule(&with_consent, &police(), Purpose::Tracing, true), Ok(vec![F]));
        assert_eq!(rule(&with_consent, &foreign(), Purpose::Tracing, true), Ok(vec![F]));
        let never = Label { onward: Onward::None, ..Label::default() };
        assert_eq!(rule(&never, &police(), Purpose::Tracing, true), Err(F));
        let own = authority("NPC", AuthorityKind::OwnNpc, true);
        assert_eq!(rule(&never, &own, Purpose::Analysis, false), Ok(vec![F]));
    }

    #[test]
    fn h1_bars_courts_and_prosecution() {
        let label = Label { not_in_court: true, ..Label::default() };
        let court = authority("high-court", AuthorityKind::Court, true);
        assert_eq!(rule(&label, &court, Purpose::Tracing, true), Err(H1));
        assert_eq!(rule(&label, &police(), Purpose::Prosecution, true), Err(H1));
        assert_eq!(rule(&label, &police(), Purpose::Tracing, false), Ok(vec![H1]));
    }

    #[test]
    fn an_unknown_caveat_forbids() {
        let label = Label { other: vec![caveat("moon-only")], ..Label::default() };
        assert_eq!(rule(&label, &police(), Purpose::Tracing, true), Err(OTHER));
    }

    #[test]
    fn the_addressed_npc_always_reads_for_tracing() {
        let label = Label {
            audience: Some(Audience::Named(BTreeSet::new())),
            purposes: [Purpose::Analysis].into(),
            onward: Onward::None,
            not_in_court: true,
            other: vec![caveat("moon-only")],
            expires: None,
        };
        let own = authority("NPC", AuthorityKind::OwnNpc, true);
        assert_eq!(rule(&label, &own, Purpose::Tracing, false), Ok(vec!["8.4(a)"]));
        assert_eq!(rule(&label, &own, Purpose::Prosecution, false), Err(E));
    }

    #[test]
    fn the_originator_lifts_what_it_names_and_nothing_else() {
        let label = Label {
            audience: Some(Audience::Designated),
            purposes: [Purpose::Tracing].into(),
            onward: Onward::WithConsent,
            not_in_court: true,
            ..Label::default()
        };
        let asked = liftable(&label, &foreign(), Purpose::Tracing, NOW).unwrap();
        assert_eq!(asked, [Restriction::D, Restriction::F].into());
        assert!(matches!(decide(&label, &foreign(), Purpose::Tracing, &asked, NOW), Verdict::Permit { .. }));
        assert!(matches!(
            decide(&label, &foreign(), Purpose::Prosecution, &asked, NOW),
            Verdict::Denied { rule: E, .. }
        ));
        for hopeless in [
            Label { onward: Onward::None, ..label.clone() },
            Label { other: vec![caveat("moon-only")], ..label },
        ] {
            assert_eq!(liftable(&hopeless, &foreign(), Purpose::Tracing, NOW), None);
            let all = Restriction::ALL.into();
            assert!(matches!(
                decide(&hopeless, &foreign(), Purpose::Tracing, &all, NOW),
                Verdict::Denied { .. }
            ));
        }
    }

    #[test]
    fn a_label_binds_until_just_before_it_expires() {
        let expires = NOW.saturating_add(DAY);
        let label = Label { onward: Onward::None, expires: Some(expires), ..Label::default() };
        let at = |now| decide(&label, &police(), Purpose::Tracing, &BTreeSet::new(), now);
        assert!(matches!(at(expires.saturating_add(-1)), Verdict::Denied { rule: F, .. }));
        assert_eq!(at(expires), Verdict::Permit { basis: vec!["8.4(a)"] });
    }

    fn label() -> impl Strategy<Value = Label> {
        let names =
            || prop::collection::btree_set(prop::sample::select(vec!["a".to_owned(), "b".to_owned()]), 0..3);
        let audience = prop_oneof![Just(Audience::Designated), names().prop_map(Audience::Named)];
        let other = prop::collection::btree_set(prop::sample::select(vec!["x", "y"]).prop_map(caveat), 0..2);
        (
            prop::option::of(audience),
            prop::collection::btree_set(purpose(), 0..3),
            prop::sample::select(vec![Onward::Free, Onward::WithConsent, Onward::None]),
            any::<bool>(),
            other,
            prop::option::of((0i64..4).prop_map(|d| NOW.saturating_add(d))),
        )
            .prop_map(|(audience, purposes, onward, not_in_court, other, expires)| Label {
                audience,
                purposes,
                onward,
                not_in_court,
                other: other.into_iter().collect(),
                expires,
            })
    }

    fn purpose() -> impl Strategy<Value = Purpose> {
        prop::sample::select(Purpose::ALL.to_vec())
    }

    fn recipient() -> impl Strategy<Value = Authority> {
        let kinds = vec![
            AuthorityKind::OwnNpc,
            AuthorityKind::Competent,
            AuthorityKind::Court,
            AuthorityKind::Foreign("XCC".parse().unwrap()),
        ];
        (prop::sample::select(vec!["a", "b", "c"]), prop::sample::select(kinds), any::<bool>())
            .prop_map(|(name, kind, designated)| authority(name, kind, designated))
    }

    fn lifted(all: bool) -> BTreeSet<Restriction> {
        if all { Restriction::ALL.into() } else { BTreeSet::new() }
    }

    fn permits(label: &Label, to: &Authority, purpose: Purpose, consent: bool, now: Timestamp) -> bool {
        matches!(decide(label, to, purpose, &lifted(consent), now), Verdict::Permit { .. })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_a_join_permits_both_permit(
            a in label(), b in label(), to in recipient(), purpose in purpose(), consent: bool, after in 0i64..5,
        ) {
            let now = NOW.saturating_add(after);
            if permits(&join(&a, &b), &to, purpose, consent, now) {
                prop_assert!(permits(&a, &to, purpose, consent, now));
                prop_assert!(permits(&b, &to, purpose, consent, now));
            }
        }

        #[test]
        fn consent_never_takes_a_permit_away(l in label(), to in recipient(), purpose in purpose()) {
            prop_assert!(!permits(&l, &to, purpose, false, NOW) || permits(&l, &to, purpose, true, NOW));
        }
    }
}
