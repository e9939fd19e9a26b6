use crate::model::{
    AssistanceNeed, AssistanceOutcome, CaseId, CaseScope, NoticeTopic, Party, PeerScope, Power, Timestamp,
};
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// `mandate …`
#[derive(Clone, Debug, Subcommand)]
pub enum MandateVerb {
    /// Let an agent, such as a regional body, act for this party (ISACS 9.3).
    Grant(Grant),
    /// Countersign a mandate that was given to this party.
    Accept {
        /// The mandate, by its digest or the first eight digits of it.
        mandate: String,
    },
    /// Show a mandate to a party that may then ask this one through its agent.
    Tell {
        /// The mandate, by its digest or the first eight digits of it.
        mandate: String,
        /// Who is to know of it.
        #[arg(long, value_name = "PARTY")]
        to: Party,
    },
    /// End a mandate; the agent and all whom it concerns are told.
    Revoke {
        /// The mandate, by its digest or the first eight digits of it.
        mandate: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the mandates that were given, accepted or seen here, and whether they stand.
    List,
}

/// What a mandate says.
#[derive(Clone, Debug, ClapArgs)]
pub struct Grant {
    /// Who may act, such as org:ecowas.
    #[arg(long, value_name = "PARTY")]
    pub agent: Party,
    /// What it may do: initiate, conduct, receive.
    #[arg(long = "power", value_name = "POWER", value_parser = power, required = true)]
    pub powers: Vec<Power>,
    /// Only in this case, whose number was agreed on; all by default.
    #[arg(long = "case", value_name = "CASE", conflicts_with = "exercises")]
    pub cases: Vec<CaseId>,
    /// Only in training cases (ISACS 7.1.4).
    #[arg(long)]
    pub exercises: bool,
    /// Only towards this party; all by default.
    #[arg(long = "peer", value_name = "PARTY")]
    pub peers: Vec<Party>,
    /// From when on, such as 2027-01-01T00:00:00Z; from now on by default.
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<Timestamp>,
    /// The first instant at which it holds no more.
    #[arg(long, value_name = "INSTANT")]
    pub until: Timestamp,
}

/// `notice …`
#[derive(Clone, Debug, Subcommand)]
pub enum NoticeVerb {
    /// Tell another party what helps tracing in general (ISACS 9.6).
    New {
        /// To whom.
        #[arg(long, value_name = "PARTY")]
        to: Party,
        /// About what: authorised_parties, markings, trafficking, transfers, stockpiles (9.6 a to e).
        #[arg(long, value_parser = topic)]
        topic: NoticeTopic,
        /// What it is called.
        #[arg(long, value_name = "TEXT")]
        title: String,
        /// A file with the words; `-` for stdin.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// List the notices given and received.
    List,
    /// Show what a notice says, which is recorded.
    Show {
        /// The case that it opened.
        case: CaseId,
    },
}

/// `assistance …`
#[derive(Clone, Debug, Subcommand)]
pub enum AssistanceVerb {
    /// Ask another party for assistance (ISACS 5.3, 9.1).
    Ask {
        /// Whom.
        #[arg(long, value_name = "PARTY")]
        to: Party,
        /// With what: follow_up, identification, records, marking, training, equipment, legislation, other.
        #[arg(long, value_parser = need)]
        need: AssistanceNeed,
        /// The trace from which the need arose.
        #[arg(long, value_name = "CASE")]
        case: Option<CaseId>,
        /// A file with the words; `-` for stdin.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Answer a request for assistance.
    Reply {
        /// The case that it opened.
        case: CaseId,
        /// What becomes of it: provided, partly, not_possible.
        #[arg(long, value_parser = outcome)]
        outcome: AssistanceOutcome,
        /// A file with the words; `-` for stdin.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// List what was asked for, by this party and of it.
    List,
}

impl Grant {
    /// Returns in which cases the mandate holds.
    pub fn case_scope(&self) -> CaseScope {
        match (self.exercises, self.cases.is_empty()) {
            (true, _) => CaseScope::Exercises,
            (false, true) => CaseScope::All,
            (false, false) => CaseScope::Cases(self.cases.iter().cloned().collect()),
        }
    }

    /// Returns towards whom the mandate holds.
    pub fn peer_scope(&self) -> PeerScope {
        if self.peers.is_empty() {
            PeerScope::All
        } else {
            PeerScope::Parties(self.peers.iter().cloned().collect())
        }
    }
}

fn power(text: &str) -> Result<Power, String> {
    Power::from_code(text).ok_or_else(|| "a power is initiate, conduct or receive".into())
}

fn topic(text: &str) -> Result<NoticeTopic, String> {
    let found = NoticeTopic::ALL.into_iter().find(|topic| topic.code() == text);
    found.ok_or_else(|| codes(NoticeTopic::ALL.map(NoticeTopic::code).as_slice()))
}

fn need(text: &str) -> Result<AssistanceNeed, String> {
    let found = AssistanceNeed::ALL.into_iter().find(|need| need.code() == text);
    found.ok_or_else(|| codes(AssistanceNeed::ALL.map(AssistanceNeed::code).as_slice()))
}

fn outcome(text: &str) -> Result<AssistanceOutcome, String> {
    let found = AssistanceOutcome::ALL.into_iter().find(|outcome| outcome.code() == text);
    found.ok_or_else(|| codes(AssistanceOutcome::ALL.map(AssistanceOutcome::code).as_slice()))
}

fn codes(all: &[&str]) -> String {
    format!("it is one of {}", all.join(", "))
}
