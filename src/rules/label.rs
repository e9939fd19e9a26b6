//! The label algebra: labels are a join-semilattice in which higher is more restrictive, and whatever is
//! derived bears the join of what it was derived from (DESIGN §8, invariant 9).

use super::release::{Authority, Verdict, decide};
use crate::model::{
    Answer, Audience, Element, Label, Onward, OtherCaveat, Purpose, Response, Restriction, Timestamp,
};
use std::collections::BTreeSet;

/// The code that [`join`] sets where two labels share no purpose, since an empty set means any purpose.
pub const NO_COMMON_PURPOSE: &str = "no-common-purpose";

/// Combines the labels of two values into that of anything derived from both: whatever the result
/// permits, both permit (DESIGN §8).
pub fn join(a: &Label, b: &Label) -> Label {
    match (a.is_unrestricted(), b.is_unrestricted()) {
        (true, false) => return b.clone(),
        (false, true) => return a.clone(),
        // The end of no restriction means nothing.
        (true, true) => return Label::default(),
        (false, false) => {}
    }
    let mut other: Vec<OtherCaveat> = a.other.iter().chain(&b.other).cloned().collect();
    let mut purposes = match (a.purposes.is_empty(), b.purposes.is_empty()) {
        (true, _) => b.purposes.clone(),
        (_, true) => a.purposes.clone(),
        (false, false) => a.purposes.intersection(&b.purposes).copied().collect(),
    };
    if purposes.is_empty() && !(a.purposes.is_empty() && b.purposes.is_empty()) {
        let text = "derived from values that share no purpose".to_owned();
        other.push(OtherCaveat { code: NO_COMMON_PURPOSE.to_owned(), text });
    }
    if other.iter().any(|caveat| caveat.code == NO_COMMON_PURPOSE) {
        purposes = BTreeSet::new();
    }
    other.sort();
    other.dedup();
    Label {
        audience: join_audience(a.audience.as_ref(), b.audience.as_ref()),
        purposes,
        onward: a.onward.max(b.onward),
        not_in_court: a.not_in_court || b.not_in_court,
        other,
        // One label without an end keeps the whole without an end.
        expires: a.expires.zip(b.expires).map(|(x, y)| x.max(y)),
    }
}

/// Tells whether `derived` restricts at least as much as `input` (DESIGN §12.9).
pub fn covers(derived: &Label, input: &Label) -> bool {
    join(derived, input) == normal(derived)
}

/// Joins the labels of everything that a value was derived from; of nothing, no restriction.
pub fn join_all<'l>(labels: impl IntoIterator<Item = &'l Label>) -> Label {
    labels.into_iter().fold(Label::default(), |all, label| join(&all, label))
}

/// One source of a derived value that stands in the way of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbids<S> {
    /// The source.
    pub source: S,
    /// The rule that forbids it.
    pub rule: &'static str,
    /// The same in words for the officer who asked.
    pub why: String,
}

/// Tells which of the sources of a derived value forbid its release; none if it may be released.
///
/// The sources, each with its label and what its originator has lifted for just this, are asked one by one and not
/// through their join, so that the officer learns whose label it is.
pub fn forbidding<S>(
    sources: impl IntoIterator<Item = (S, Label, BTreeSet<Restriction>)>,
    to: &Authority,
    purpose: Purpose,
    now: Timestamp,
) -> Vec<Forbids<S>> {
    let forbids = |(source, label, lifted): (S, Label, _)| match decide(&label, to, purpose, &lifted, now) {
        Verdict::Permit { .. } => None,
        Verdict::Denied { rule, why } => Some(Forbids { source, rule, why }),
    };
    sources.into_iter().filter_map(forbids).collect()
}

/// Restrictions that a label makes although others of its own make them needless (ISACS 8.3.4.2: as few
/// as possible), each with the reason in words.
pub fn needless(label: &Label) -> Vec<&'static str> {
    let mut found = Vec::new();
    if label.onward == Onward::None && label.audience.is_some() {
        found.push("it names an audience, but may not leave the point of contact at all");
    }
    if label.not_in_court && label.onward == Onward::None {
        found.push("it bars courts, but may not leave the point of contact at all");
    }
    if label.not_in_court && !label.purposes.is_empty() && !label.purposes.contains(&Purpose::Prosecution) {
        found.push("it bars courts, but its purposes leave prosecution out already");
    }
    if label.purposes.len() == Purpose::ALL.len() {
        found.push("it lists every purpose there is");
    }
    if label.is_unrestricted() && label.expires.is_some() {
        found.push("it expires, but restricts nothing");
    }
    found
}

/// Tells in what the label of an element covers more than it must (ISACS 8.3.4.2).
pub fn excess(element: &Element) -> Vec<&'static str> {
    let Some(label) = &element.label else { return Vec::new() };
    let mut found = needless(label);
    if !matches!(element.answer, Answer::Value { .. }) && !label.is_unrestricted() {
        found.push("it restricts the use of an element that gives nothing");
    }
    found
}

/// Tells whether a response restricts all that it gives alike, as if the label were put on the whole (ISACS 8.3.4.2).
pub fn blanket(response: &Response) -> Option<&'static str> {
    let elements = response.items.iter().flat_map(|item| &item.elements);
    let given: Vec<&Element> =
        elements.filter(|element| matches!(element.answer, Answer::Value { .. })).collect();
    let [first, others @ ..] = given.as_slice() else { return None };
    let alike = !others.is_empty() && others.iter().all(|element| element.label == first.label);
    let restricted = first.label.as_ref().is_some_and(|label| !label.is_unrestricted());
    (alike && restricted)
        .then_some("every element that gives something bears the same label; restrict only what must be")
}

/// Gives the one form of labels that mean the same: caveats sorted, and no end to no restriction.
fn normal(label: &Label) -> Label {
    join(label, label)
}

fn join_audience(a: Option<&Audience>, b: Option<&Audience>) -> Option<Audience> {
    let (a, b) = match (a, b) {
        (None, only) | (only, None) => return only.cloned(),
        (Some(a), Some(b)) => (a, b),
    };
    Some(match (a, b) {
        // Those who are named must be designated too.
        (Audience::Designated, narrower) | (narrower, Audience::Designated) => narrower.clone(),
        (Audience::Named(a), Audience::Named(b)) => Audience::Named(a.intersection(b).cloned().collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::release::AuthorityKind;

    fn named(names: &[&str]) -> Option<Audience> {
        Some(Audience::Named(names.iter().map(|n| (*n).to_owned()).collect()))
    }

    /// Every label over a small world: two authorities, two purposes, two caveats, two ends.
    fn world() -> Vec<Label> {
        let caveat = |code: &str| OtherCaveat { code: code.to_owned(), text: "as agreed".to_owned() };
        let audiences = [None, Some(Audience::Designated), named(&["a"]), named(&["a", "b"]), named(&[])];
        let purposes = [
            vec![],
            vec![Purpose::Tracing],
            vec![Purpose::Analysis],
            vec![Purpose::Tracing, Purpose::Analysis],
        ];
        let others = [vec![], vec![caveat("x")]];
        let ends = [None, Some(Timestamp::EPOCH.saturating_add(1)), Some(Timestamp::EPOCH.saturating_add(2))];
        let mut all = Vec::new();
        for audience in &audiences {
            for purposes in &purposes {
                for onward in [Onward::Free, Onward::WithConsent, Onward::None] {
                    for other in &others {
                        for expires in ends {
                            for not_in_court in [false, true] {
                                all.push(Label {
                                    audience: audience.clone(),
                                    purposes: purposes.iter().copied().collect(),
                                    onward,
                                    not_in_court,
                                    other: other.clone(),
                                    expires,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    /// A part of the world that still has every kind of restriction in it.
    fn some(every: usize) -> Vec<Label> {
        world().into_iter().step_by(every).collect()
    }

    #[test]
    fn every_pair_of_labels_has_one_join_above_both() {
        let (all, others) = (world(), some(7));
        for a in &all {
            assert_eq!(join(a, a), normal(a));
            assert!(covers(a, &Label::default()) && covers(a, a));
            for b in &others {
                let both = join(a, b);
                assert_eq!(both, join(b, a));
                assert!(covers(&both, a) && covers(&both, b), "{a:?} {b:?}");
                if covers(a, b) && covers(b, a) {
                    assert_eq!(normal(a), normal(b), "two labels that cover each other are one");
                }
            }
        }
    }

    #[test]
    fn joins_do_not_depend_on_their_order_and_are_the_least_above_all() {
        let some = some(23);
        for (a, b) in some.iter().flat_map(|a| some.iter().map(move |b| (a, b))) {
            let both = join(a, b);
            for c in &some {
                assert_eq!(join(&both, c), join(a, &join(b, c)));
                if covers(c, a) && covers(c, b) {
                    assert!(covers(c, &both), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_join_permits_every_source_permits() {
        let to = |name: &str, kind, designated| Authority { name: name.to_owned(), kind, designated };
        let recipients = [
            to("a", AuthorityKind::Competent, true),
            to("b", AuthorityKind::Court, true),
            to("c", AuthorityKind::Competent, false),
            to("XCC", AuthorityKind::Foreign("XCC".parse().unwrap()), false),
            to("XAA", AuthorityKind::OwnNpc, true),
        ];
        let lifts = [BTreeSet::new(), [Restriction::F].into(), Restriction::ALL.into()];
        let some = some(11);
        for (a, b) in some.iter().flat_map(|a| some.iter().map(move |b| (a, b))) {
            let both = join(a, b);
            for to in &recipients {
                for purpose in [Purpose::Tracing, Purpose::Prosecution] {
                    for lifted in &lifts {
                        for now in [0, 1, 2].map(|n| Timestamp::EPOCH.saturating_add(n)) {
                            let sources =
                                [("a", a.clone(), lifted.clone()), ("b", b.clone(), lifted.clone())];
                            let forbidden = forbidding(sources, to, purpose, now);
                            let verdict = decide(&both, to, purpose, lifted, now);
                            assert!(
                                forbidden.is_empty() || matches!(verdict, Verdict::Denied { .. }),
                                "{both:?} lets {forbidden:?} out"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_officer_learns_which_source_forbids_what() {
        let free = ("free", Label::default(), BTreeSet::new());
        let consent = Label { onward: Onward::WithConsent, ..Label::default() };
        let asked = ("asked", consent.clone(), BTreeSet::new());
        let granted = ("granted", consent, [Restriction::F].into());
        let closed = ("closed", Label { onward: Onward::None, ..Label::default() }, BTreeSet::new());
        let customs = Authority { name: "c".into(), kind: AuthorityKind::Competent, designated: false };
        let sources = [free, asked, granted, closed];
        let found = forbidding(sources, &customs, Purpose::Tracing, Timestamp::EPOCH);
        let named: Vec<_> = found.iter().map(|f| (f.source, f.rule)).collect();
        assert_eq!(named, [("asked", "8.3.4.2(f)"), ("closed", "8.3.4.2(f)")]);
        assert_ne!(found[0].why, found[1].why, "each label says its own");
    }

    #[test]
    fn an_unknown_caveat_is_above_every_label_that_lacks_it() {
        let unknown = OtherCaveat { code: "code-of-2031".to_owned(), text: String::new() };
        for label in world() {
            let derived = join(&label, &Label { other: vec![unknown.clone()], ..Label::default() });
            assert!(!covers(&label, &derived), "it cannot be dropped");
            let to = Authority { name: "a".into(), kind: AuthorityKind::Competent, designated: true };
            let all = Restriction::ALL.into();
            assert!(matches!(
                decide(&derived, &to, Purpose::Tracing, &all, Timestamp::EPOCH),
                Verdict::Denied { .. }
            ));
        }
    }

    #[test]
    fn clause_8_3_4_2_a_label_on_nothing_or_on_everything_is_told() {
        use crate::model::{About, Digest, ItemAnswer, Outcome, Particulars, Text};
        let label = Some(Label { onward: Onward::WithConsent, ..Label::default() });
        let value = |label: &Option<Label>| Element {
            about: About::Circumstances,
            answer: Answer::Value { value: Particulars::default() },
            label: label.clone(),
        };
        let silent =
            Element { answer: Answer::NoRecord { reason: Text::new("burnt".to_owned()) }, ..value(&label) };
        assert_eq!((excess(&silent).len(), excess(&value(&label)).len()), (1, 0));
        let response = |elements| Response {
            request: Digest([0; 32]),
            items: vec![ItemAnswer {
                item: 0,
                outcome: Outcome::Full,
                reason: None,
                next_state: None,
                elements,
            }],
            note: None,
        };
        assert!(blanket(&response(vec![value(&label), value(&label)])).is_some());
        for spared in [
            vec![value(&label), value(&None)],
            vec![value(&label), silent],
            vec![value(&None), value(&None)],
            vec![],
        ] {
            assert_eq!(blanket(&response(spared)), None);
        }
    }

    #[test]
    fn clause_8_3_4_2_a_label_that_covers_more_than_it_must_is_told() {
        assert!(needless(&Label::default()).is_empty());
        let lean =
            Label { audience: Some(Audience::Designated), onward: Onward::WithConsent, ..Label::default() };
        assert!(needless(&lean).is_empty());
        assert_eq!(needless(&Label { onward: Onward::None, not_in_court: true, ..lean }).len(), 2);
        assert_eq!(needless(&Label { purposes: Purpose::ALL.into(), ..Label::default() }).len(), 1);
    }
}
