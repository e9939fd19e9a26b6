use super::*;
use FlawKind::{Contradictory, Dead};

const POLICE: Subject<'static> = (Role::Officer, Some("police"));
const ARMY: Subject<'static> = (Role::Supervisor, Some("army"));

fn row(name: &str, effect: Effect) -> Row {
    Row {
        name: name.to_owned(),
        role: None,
        agency: None,
        deeds: BTreeSet::new(),
        recipients: BTreeSet::new(),
        purposes: BTreeSet::new(),
        effect,
    }
}

fn table(rows: Vec<Row>) -> Table {
    Table { approvals: 2, release_approvals: 2, rows }
}

fn asked(deed: Deed, to: &str) -> Asked<'static> {
    Asked {
        role: Role::Officer,
        agency: Some("police"),
        deed,
        recipients: vec![to.to_owned()],
        purposes: BTreeSet::new(),
    }
}

fn flaws(rows: Vec<Row>) -> Vec<(String, FlawKind)> {
    let found = table(rows).flaws(&[POLICE, ARMY, (Role::Clerk, None)], &["customs"]);
    found.into_iter().map(|flaw| (flaw.row, flaw.kind)).collect()
}

#[test]
fn where_no_row_fits_the_setting_is_named() {
    let ruling = table(vec![]).decide(&asked(Deed::Act(ActKind::Request), "XBB"));
    assert_eq!(ruling, Ruling { effect: Effect::Approvals(2), rule: "policy.approvals".into() });
    assert_eq!(table(vec![]).decide(&asked(Deed::Release, "customs")).rule, "policy.release_approvals");
    assert_eq!(table(vec![]).decide(&asked(Deed::Emergency, "customs")).effect, Effect::Approvals(1));
}

#[test]
fn the_strictest_row_decides_and_is_named_in_whatever_order_they_stand() {
    let three = Row { deeds: [Deed::Release].into(), ..row("three", Effect::Approvals(3)) };
    let never = Row { recipients: ["customs".to_owned()].into(), ..row("never", Effect::Forbid) };
    for rows in [vec![three.clone(), never.clone()], vec![never, three]] {
        let table = table(rows);
        assert_eq!(table.decide(&asked(Deed::Release, "customs")).rule, "never");
        assert_eq!(table.decide(&asked(Deed::Release, "police-cid")).rule, "three");
        assert_eq!(table.decide(&asked(Deed::Act(ActKind::Delay), "XBB")).rule, "policy.approvals");
    }
}

/// No table whatever lets through what the settings alone would not.
#[test]
fn no_row_widens() {
    let effects = [Effect::Approvals(1), Effect::Approvals(2), Effect::Approvals(3), Effect::Forbid];
    for (first, second) in effects.into_iter().flat_map(|a| effects.map(|b| (a, b))) {
        let table = table(vec![row("a", first), row("b", second)]);
        for deed in Deed::all() {
            let ruling = table.decide(&asked(deed, "XBB"));
            assert!(ruling.effect >= table.floor(deed).effect, "{deed} under {first:?} and {second:?}");
        }
    }
}

#[test]
fn each_condition_narrows_the_row() {
    let full = Row {
        role: Some(Role::Officer),
        agency: Some("police".into()),
        deeds: [Deed::Release].into(),
        recipients: ["customs".into()].into(),
        purposes: [Purpose::Tracing].into(),
        ..row("full", Effect::Forbid)
    };
    let table = table(vec![full]);
    let fits = Asked { purposes: [Purpose::Tracing].into(), ..asked(Deed::Release, "customs") };
    assert_eq!(table.decide(&fits).rule, "full");
    let others = [
        Asked { role: Role::Supervisor, ..fits.clone() },
        Asked { agency: Some("army"), ..fits.clone() },
        Asked { agency: None, ..fits.clone() },
        Asked { deed: Deed::Act(ActKind::Response), ..fits.clone() },
        Asked { recipients: vec!["police-cid".into()], ..fits.clone() },
        Asked { purposes: BTreeSet::new(), ..fits },
    ];
    for other in others {
        assert_ne!(table.decide(&other).rule, "full", "{other:?}");
    }
}

#[test]
fn dead_rows_are_found() {
    let release = |name: &str, effect| Row { deeds: [Deed::Release].into(), ..row(name, effect) };
    assert_eq!(flaws(vec![release("weak", Effect::Approvals(2))]), [("weak".into(), Dead)]);
    let clerk = Row { role: Some(Role::Clerk), ..release("clerk", Effect::Forbid) };
    let nobody = Row { agency: Some("navy".into()), ..release("nobody", Effect::Forbid) };
    let nowhere = Row { recipients: ["No One".into()].into(), ..release("nowhere", Effect::Forbid) };
    let aimless = Row { purposes: [Purpose::Tracing].into(), ..row("aimless", Effect::Forbid) };
    let aimless = Row { deeds: [Deed::Act(ActKind::Delay)].into(), ..aimless };
    for dead in [clerk, nobody, nowhere, aimless] {
        let name = dead.name.clone();
        assert_eq!(flaws(vec![dead]), [(name, Dead)]);
    }
    let wide = release("wide", Effect::Forbid);
    let narrow = Row { recipients: ["customs".into()].into(), ..release("narrow", Effect::Forbid) };
    assert_eq!(flaws(vec![narrow, wide.clone()]), [("narrow".into(), Dead)]);
    assert_eq!(flaws(vec![wide.clone(), release("again", Effect::Forbid)]), [("again".into(), Dead)]);
    assert_eq!(flaws(vec![wide]), []);
}

#[test]
fn contradictory_rows_are_found() {
    let delay = |name: &str, effect| Row { deeds: [Deed::Act(ActKind::Delay)].into(), ..row(name, effect) };
    assert_eq!(flaws(vec![delay("four", Effect::Approvals(4))]), [("four".into(), Contradictory)]);
    let named = vec![delay("same", Effect::Forbid), row("same", Effect::Forbid)];
    assert!(flaws(named).contains(&("same".into(), Contradictory)));
    let rows = vec![
        Row { role: Some(Role::Officer), ..delay("a", Effect::Forbid) },
        Row { role: Some(Role::Officer), ..delay("b", Effect::Approvals(3)) },
    ];
    assert!(flaws(rows).contains(&("b".into(), Contradictory)));
}
