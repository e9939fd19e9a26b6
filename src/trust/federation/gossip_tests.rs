//! What two holders of a directory tell each other, and what each then has.

use super::tests::{World, part_a, part_b, signed_b};
use super::*;
use crate::trust::Directory;
use crate::trust::fixture::{NOW, Pki, party};

/// Compares as two gateways do, until both agree; returns how many pieces of news were handed over.
fn compare(a: &mut Directory, b: &mut Directory) -> usize {
    let mut pieces = 0;
    for _ in 0..4 {
        let (ha, hb) = (a.holdings(), b.holdings());
        if ha.agrees(&hb) {
            return pieces;
        }
        let (for_b, for_a) = (a.news_for(Some(&hb), None), b.news_for(Some(&ha), None));
        assert_eq!(ha.misses(&hb), !for_a.is_empty(), "one asks only if the other has something");
        pieces += for_a.len() + for_b.len();
        for_b.iter().for_each(|news| *b = b.update(news, NOW).unwrap());
        for_a.iter().for_each(|news| *a = a.update(news, NOW).unwrap());
    }
    panic!("they do not agree");
}

#[test]
fn two_holders_end_with_the_newest_of_both() {
    let (xaa, xab, world) = World::two();
    let (mut one, mut two) = (world.directory(), world.directory());
    assert_eq!(compare(&mut one, &mut two), 0, "the short form is enough");
    let fresh = |pki: &Pki, version| Documents::part_b(&signed_b(pki, &part_b(pki, version)));
    one = one.update(&fresh(&xaa, 4), NOW).unwrap();
    two = two.update(&fresh(&xab, 3), NOW).unwrap();
    let [first, second, _] = &world.signers;
    let root = world.next_root(|_| (), &[first, second]);
    two = two.update(&super::tests::roots(root), NOW).unwrap();
    two = two.update(&super::tests::snapshots(world.next_snapshot(|s| s.version = 9)), NOW).unwrap();
    assert_eq!(compare(&mut one, &mut two), 3);
    assert_eq!(one.bundle(), two.bundle());
    let of = |d: &Directory, p: &Pki| d.entry(&p.party).unwrap().part_b().unwrap().version;
    assert_eq!((of(&one, &xaa), of(&one, &xab), one.version()), (4, 3, 9));
    // Whoever tells nothing of itself, as the reader of a bag, gets all that it may lack and no part B of others.
    let news = two.news_for(None, Some(&xaa.party));
    let parts: Vec<_> = news.iter().flat_map(|n| &n.parts_b).collect();
    assert_eq!(parts.len(), 1);
    let mut late = world.directory();
    news.iter().for_each(|news| late = late.update(news, NOW).unwrap());
    assert_eq!((late.version(), of(&late, &xaa), of(&late, &xab)), (9, 4, 1));
}

#[test]
fn two_stories_of_one_version_are_handed_over_and_prove_a_split_view() {
    let (xaa, _, world) = World::two();
    let told = |address: &str| {
        let part = PartB { routes: vec![Route::Quic(address.to_owned())], ..part_b(&xaa, 2) };
        world.directory().update(&Documents::part_b(&signed_b(&xaa, &part)), NOW).unwrap()
    };
    let (one, two) = (told("one.example.org:1"), told("two.example.org:1"));
    let (h1, h2) = (one.holdings(), two.holdings());
    assert!(h1.misses(&h2) && h2.misses(&h1));
    let news = one.news_for(Some(&h2), None);
    let error = two.update(&news[0], NOW).unwrap_err();
    let crate::trust::TrustError::SplitView(split) = error else { panic!("{error:?}") };
    let read = SplitView::parse(&split.to_bytes()).unwrap();
    assert_eq!(world.directory().check_split(&read), Ok(()));
    assert!(SplitView::parse(&split.a).is_err());
}

#[test]
fn a_member_of_another_federation_is_told_nothing() {
    let (_, _, world) = World::two();
    let directory = world.directory();
    let mut theirs = directory.holdings();
    theirs.genesis = crate::model::Digest([1; 32]);
    theirs.root.0 = 0;
    assert!(directory.news_for(Some(&theirs), None).is_empty());
    assert!(!directory.holdings().misses(&theirs));
}

#[test]
fn a_world_of_193_parties_stays_within_its_sizes() {
    let name = |n: usize| party(&format!("XA{}", char::from(b'A' + u8::try_from(n).unwrap())));
    let pkis: Vec<Pki> = (0..3).map(|n| Pki::new(&name(n).to_string())).collect();
    let world = World::of(&pkis.iter().map(|p| (p, part_a(p, 1), part_b(p, 1))).collect::<Vec<_>>());
    let longest = world.docs.parts_a.iter().map(|a| a.len()).max().unwrap();
    assert!(193 * longest < 1 << 20, "{longest} bytes for one part A");
    let held = world.directory().holdings();
    let each = (0..193).map(|n| (party(&format!("org:p{n}")), Held(1, 1, held.genesis))).collect();
    let all = Holdings { each: Some(each), ..held.clone() }.to_bytes();
    assert!(all.len() < 12 << 10 && held.brief().to_bytes().len() < 256, "{}", all.len());
}
