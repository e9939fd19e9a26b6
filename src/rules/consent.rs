//! What questions for consent, their answers and notices of disclosure must hold (ISACS 8.3.4.2 f, 8.4).

use super::completeness::{Completeness, said};
use crate::model::{ConsentDenial, ConsentGrant, ConsentRequest, ConsentWithdrawal, DisclosureNotice, Scope};

/// Checks a question for consent.
pub fn request_check(asked: &ConsentRequest) -> Completeness {
    let mut found = scope("scope", &asked.scope);
    if !said(Some(&asked.reason)) {
        found.need("8.3.4.2(f)", "reason", "say why the information is to be passed on");
    }
    found
}

/// Checks a grant against the question that it answers: it may grant less, never more.
pub fn grant_check(asked: &Scope, grant: &ConsentGrant) -> Completeness {
    let mut found = scope("scope", &grant.scope);
    if !within(&grant.scope, asked) {
        found.need("8.3.4.2(f)", "scope", "consent to no more than was asked for");
    }
    found
}

/// Checks a denial.
pub fn denial_check(denial: &ConsentDenial) -> Completeness {
    let mut found = Completeness::default();
    if !said(Some(&denial.reason)) {
        found.need("8.3.4.2", "reason", "the reason is owed with the restriction, in words");
    }
    found
}

/// Checks a withdrawal of consent.
pub fn withdrawal_check(withdrawal: &ConsentWithdrawal) -> Completeness {
    let mut found = Completeness::default();
    if !said(Some(&withdrawal.reason)) {
        found.need("8.3.4.2", "reason", "say why the consent is taken back");
    }
    found
}

/// Checks a notice of disclosure.
pub fn notice_check(notice: &DisclosureNotice) -> Completeness {
    let mut found = Completeness::default();
    if notice.elements.is_empty() {
        found.need("8.4(b)", "elements", "name the elements that are to be disclosed");
    }
    if !said(Some(&notice.compelled_by)) {
        found.need("8.4(b)", "compelled_by", "name the order or law that compels the disclosure");
    }
    found
}

/// Tells whether `inner` allows nothing that `outer` does not.
pub fn within(inner: &Scope, outer: &Scope) -> bool {
    inner.recipient == outer.recipient
        && inner.elements.is_subset(&outer.elements)
        && inner.purposes.is_subset(&outer.purposes)
        && inner.lifts.is_subset(&outer.lifts)
}

fn scope(field: &str, scope: &Scope) -> Completeness {
    let mut found = Completeness::default();
    let parts = [
        (
            "elements",
            scope.elements.is_empty(),
            "name the elements; consent is given for elements, not for acts",
        ),
        ("purposes", scope.purposes.is_empty(), "name the purpose; consent for any purpose is none"),
        ("lifts", scope.lifts.is_empty(), "name the restrictions that are to be lifted"),
    ];
    for (part, missing, why) in parts {
        if missing {
            found.need("8.3.4.2(f)", format!("{field}.{part}"), why);
        }
    }
    found
}
