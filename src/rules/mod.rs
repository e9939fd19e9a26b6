//! The law as pure functions: each branch cites the clause of ISACS 05.31 that it answers to.

pub mod addressee;
#[cfg(test)]
mod clauses;
pub mod completeness;
pub mod consent;
pub mod course;
pub mod deadline;
pub mod declaration;
pub mod exchange;
pub mod exemption;
pub mod freshness;
pub mod identification;
pub mod label;
pub mod policy;
pub mod release;
pub mod response;
pub mod returns;
#[cfg(test)]
pub(crate) mod samples;
pub mod statistics;
pub mod succession;
