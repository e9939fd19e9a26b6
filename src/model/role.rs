use serde::{Deserialize, Serialize};

/// What an officer of the NPC is there to do (DESIGN §8); `control` says which verbs each role may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Prepares and follows cases, speaks for nobody.
    Clerk,
    /// Makes the NPC's acts and asks for releases.
    Officer,
    /// Does what an officer does and answers for it.
    Supervisor,
    /// Reads everything but restricted content, changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Clerk, Self::Officer, Self::Supervisor, Self::Auditor];

    /// Returns the code as JSON and the configuration write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Auditor => "auditor",
        }
    }

    /// Finds a role by its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}
