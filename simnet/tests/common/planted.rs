//! What all tests of planted bugs have in common: a name for each, and seeds until one shows itself.

use std::fmt::Debug;

/// How many seeds a bug has to show itself.
const SEEDS: u64 = 100;

/// Runs seeds until one breaks a rule, which must be one of those that the bug breaks; `replay` begins the command that plays a seed again.
pub fn find<R: PartialEq + Debug>(
    bug: &str,
    rules: &[R],
    replay: &str,
    run: impl Fn(u64) -> Option<(R, String)>,
) {
    for seed in 0..SEEDS {
        let Some((rule, words)) = run(seed) else { continue };
        println!("{bug}: seed {seed}: {words}");
        let again = format!("{replay} --seed {seed} --bug {bug}");
        assert!(rules.contains(&rule), "found by another rule, {rule:?}: {words}; {again}");
        return;
    }
    panic!("{bug} was not found in {SEEDS} seeds");
}

/// Makes a test of each bug, which calls the file's own `find`, and one that none is left out.
macro_rules! found {
    ($bugs:ident by $rules:ident; $($name:ident: $bug:ident by $($rule:ident),+;)+) => {
        $(
            #[test]
            fn $name() {
                find($bugs::$bug, &[$($rules::$rule),+]);
            }
        )+

        #[test]
        fn every_bug_has_its_test() {
            assert_eq!([$($bugs::$bug),+], $bugs::ALL);
        }
    };
}
