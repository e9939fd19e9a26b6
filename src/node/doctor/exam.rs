//! The order of an examination, without what is looked at: a check whose causes fail is not looked at, so
//! that the first failure is the first real cause.

use crate::control::{CheckStatus, CheckView, DoctorView};

/// What a look at one thing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is in order; what was seen.
    Sound(String),
    /// It is not.
    Broken {
        /// What was seen.
        detail: String,
        /// What to do, exactly.
        fix: String,
    },
    /// It cannot be seen from here, for this reason.
    Unseen(String),
}

/// An examination under way.
#[derive(Debug, Default)]
pub struct Exam {
    checks: Vec<(CheckView, Option<String>)>,
}

impl Found {
    /// Says what was seen and what to do about it.
    pub fn broken(detail: impl std::fmt::Display, fix: impl Into<String>) -> Self {
        Self::Broken { detail: detail.to_string(), fix: fix.into() }
    }
}

impl Exam {
    /// Looks at one thing, unless one of those it needs has failed.
    pub fn check(&mut self, id: &str, needs: &[&str], look: impl FnOnce() -> Found) {
        if self.begin(id, needs) {
            self.end(id, look());
        }
    }

    /// Tells whether a thing is to be looked at; if one of those it needs has failed, notes that instead.
    pub fn begin(&mut self, id: &str, needs: &[&str]) -> bool {
        let Some(cause) = needs.iter().find_map(|need| self.cause_of(need)) else { return true };
        let detail = format!("not looked at: '{cause}' fails first");
        self.note(id, CheckStatus::Skip, detail, None, Some(cause));
        false
    }

    /// Notes what a look gave.
    pub fn end(&mut self, id: &str, found: Found) {
        match found {
            Found::Sound(detail) => self.note(id, CheckStatus::Ok, detail, None, None),
            Found::Unseen(detail) => self.note(id, CheckStatus::Skip, detail, None, None),
            Found::Broken { detail, fix } => {
                self.note(id, CheckStatus::Fail, detail, Some(fix), Some(id.to_owned()));
            }
        }
    }

    /// Ends the examination.
    pub fn view(self, running: bool) -> DoctorView {
        let checks: Vec<CheckView> = self.checks.into_iter().map(|(check, _)| check).collect();
        let cause = checks.iter().find(|c| c.status == CheckStatus::Fail).map(|c| c.id.clone());
        DoctorView { healthy: cause.is_none(), running, cause, checks }
    }

    /// Returns the failure behind a check, its own or that of what it needs.
    fn cause_of(&self, id: &str) -> Option<String> {
        self.checks.iter().find(|(check, _)| check.id == id).and_then(|(_, cause)| cause.clone())
    }

    fn note(
        &mut self,
        id: &str,
        status: CheckStatus,
        detail: String,
        fix: Option<String>,
        cause: Option<String>,
    ) {
        self.checks.push((CheckView { id: id.to_owned(), status, detail, fix }, cause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDS: [&str; 7] = ["settings", "credential", "keys", "disk", "store", "clock", "peer:XBB"];
    const NEEDS: [&[&str]; 7] = [
        &[],
        &["settings"],
        &["credential"],
        &["settings"],
        &["disk", "keys"],
        &["store"],
        &["clock", "keys"],
    ];

    fn examine(broken: &[bool; 7]) -> (DoctorView, Vec<&'static str>) {
        let (mut exam, mut looked) = (Exam::default(), Vec::new());
        for ((id, needs), broken) in IDS.iter().zip(NEEDS).zip(broken) {
            exam.check(id, needs, || {
                looked.push(*id);
                if *broken { Found::broken("b", "mend it") } else { Found::Sound("s".to_owned()) }
            });
        }
        (exam.view(true), looked)
    }

    #[test]
    fn a_lost_credential_is_the_cause_and_all_that_follows_is_skipped() {
        let (view, looked) = examine(&[false, true, true, false, true, true, true]);
        assert_eq!(view.cause.as_deref(), Some("credential"));
        assert_eq!(looked, ["settings", "credential", "disk"]);
        let skipped = |id: &str| view.checks.iter().find(|c| c.id == id).unwrap().clone();
        assert_eq!(skipped("peer:XBB").status, CheckStatus::Skip);
        assert_eq!(skipped("store").detail, "not looked at: 'credential' fails first");
    }

    #[test]
    fn what_cannot_be_seen_from_here_is_no_cause() {
        let mut exam = Exam::default();
        exam.end("disk", Found::Unseen("another machine's".to_owned()));
        exam.check("store", &["disk"], || Found::Sound("open".to_owned()));
        let view = exam.view(false);
        assert!(view.healthy && view.cause.is_none());
        assert_eq!(view.checks[1].status, CheckStatus::Ok);
    }

    proptest! {
        #[test]
        fn every_failure_has_a_fix_and_no_failure_is_the_consequence_of_another(broken: [bool; 7]) {
            let (view, looked) = examine(&broken);
            prop_assert_eq!(view.checks.len(), IDS.len());
            prop_assert_eq!(view.healthy, !broken.contains(&true));
            for check in &view.checks {
                prop_assert_eq!(check.fix.is_some(), check.status == CheckStatus::Fail);
                prop_assert_eq!(looked.contains(&check.id.as_str()), check.status != CheckStatus::Skip);
                let at = IDS.iter().position(|id| *id == check.id).unwrap();
                let sound = |need: &&str| view.checks.iter().any(|c| c.id == **need && c.status == CheckStatus::Ok);
                prop_assert_eq!(NEEDS[at].iter().all(sound), check.status != CheckStatus::Skip);
            }
        }
    }
}
