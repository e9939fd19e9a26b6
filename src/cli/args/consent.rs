use super::release::purpose;
use crate::model::{CaseId, ElementPath, Purpose, Timestamp};
use clap::Subcommand;

/// `consent …`
#[derive(Clone, Debug, Subcommand)]
pub enum ConsentVerb {
    /// Ask the State that gave information whether it may be passed on (ISACS 8.3.4.2 f).
    Ask {
        /// The case.
        case: CaseId,
        /// To whom: an authority by its name in the settings, or a party such as XCC.
        #[arg(long, value_name = "RECIPIENT")]
        to: String,
        /// For what.
        #[arg(long, value_parser = purpose)]
        purpose: Purpose,
        /// The elements, such as items/0/elements/2.
        #[arg(long = "element", value_name = "PATH", required = true)]
        elements: Vec<ElementPath>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the questions for consent and how each stands.
    List,
    /// Consent to what was asked for, or to a part of it.
    Grant {
        /// The question, by its id or the first eight digits of it.
        id: String,
        /// Only these elements; all that were asked for by default.
        #[arg(long = "element", value_name = "PATH")]
        elements: Vec<ElementPath>,
        /// Until when, such as 2027-06-30T00:00:00Z.
        #[arg(long, value_name = "INSTANT")]
        until: Timestamp,
        /// For one release only.
        #[arg(long)]
        single_use: bool,
    },
    /// Refuse consent.
    Deny {
        /// The question, by its id or the first eight digits of it.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take a consent back; what was released under it before stays released.
    Withdraw {
        /// The question, by its id or the first eight digits of it.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
