//! What may not leave while nobody vouches any more for whose key speaks for whom (DESIGN §6).

use super::release::{Authority, AuthorityKind, binds};
use crate::model::{Label, Purpose, Timestamp};

/// The name under which a denial is on record.
pub const RULE: &str = "directory";

/// Tells why something under `label` may not be released, if the directory has been stale since `stale`.
///
/// Receiving, and sending what bears no restriction, go on. What the addressed NPC itself reads to trace is no release.
pub fn refusal(
    label: &Label,
    to: Option<(&Authority, Purpose)>,
    stale: Option<Timestamp>,
    now: Timestamp,
) -> Option<String> {
    let since = stale?;
    let reads =
        to.is_some_and(|(to, purpose)| to.kind == AuthorityKind::OwnNpc && purpose == Purpose::Tracing);
    (binds(label, now) && !reads).then(|| words(since))
}

/// Says what stands in the way.
pub fn words(since: Timestamp) -> String {
    format!(
        "the federation's directory is stale since {since}: nobody vouches that no party was suspended meanwhile"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Audience, DAY, Party};

    #[test]
    fn only_a_restricted_release_needs_a_fresh_directory() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let bound = Label { audience: Some(Audience::Designated), ..Label::default() };
        let over = Label { expires: Some(now), ..bound.clone() };
        let of = |kind| Authority { name: "x".to_owned(), kind, designated: true };
        let police = of(AuthorityKind::Competent);
        let abroad = of(AuthorityKind::Foreign("XCC".parse::<Party>().unwrap()));
        let own = of(AuthorityKind::OwnNpc);
        let stale = Some(now.saturating_add(-DAY));
        let denied = |label: &Label, to: &Authority, purpose, stale| {
            refusal(label, Some((to, purpose)), stale, now).is_some()
        };
        for to in [&police, &abroad] {
            assert!(denied(&bound, to, Purpose::Tracing, stale));
            assert!(!denied(&bound, to, Purpose::Tracing, None));
            assert!(!denied(&Label::default(), to, Purpose::Tracing, stale));
            assert!(!denied(&over, to, Purpose::Tracing, stale));
        }
        assert!(!denied(&bound, &own, Purpose::Tracing, stale), "the addressee reads on");
        assert!(denied(&bound, &own, Purpose::Prosecution, stale));
        assert!(refusal(&bound, None, stale, now).unwrap().contains("stale since"));
        assert!(refusal(&Label::default(), None, stale, now).is_none());
    }
}
