//! Acts that wait for other officers before they go out (DESIGN §8, §12.11). What waits is no part of its case: nobody
//! outside hears of it, and the case decides about it again when it goes.

use super::{Draft, Refused};
use crate::model::{CaseId, Digest, Held, HeldId, OfficerSignature, Text, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Another officer's word for an act that waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Word {
    /// The act.
    pub id: HeldId,
    /// Who.
    pub officer: String,
    /// The digest of what that officer was shown.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// The officer's own signature; absent in a demo whose officers have no keys.
    #[serde(default)]
    pub signature: Option<OfficerSignature>,
}

/// What became of an act that waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldEnd {
    /// It went out.
    Sent {
        /// Its statement digest.
        statement: Digest,
        /// When.
        at: Timestamp,
    },
    /// An officer gave it back to its author.
    Returned {
        /// Who.
        officer: String,
        /// Why, in words that name no weapon and no person.
        reason: Text,
        /// When.
        at: Timestamp,
    },
}

/// An act that waits or waited, with all that officers have said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAct {
    /// The act.
    pub held: Held,
    /// The words for it.
    pub words: Vec<Word>,
    /// What became of it; none while it waits.
    pub end: Option<HeldEnd>,
}

impl HeldAct {
    /// Takes another officer's word, if that officer may give it: it waits, the officer is not its author and has
    /// not agreed before, and confirms what it says.
    ///
    /// # Errors
    /// What forbids it.
    pub fn agree(&self, word: &Word) -> Result<(), Refused> {
        self.waits()?;
        if word.officer == self.held.author {
            return Err(Refused::SameOfficer(word.officer.clone()));
        }
        if word.digest != self.held.digest {
            return Err(Refused::DigestDiffers { named: word.digest, expected: self.held.digest });
        }
        if self.words.iter().any(|earlier| earlier.officer == word.officer) {
            return Err(Refused::AgreedBefore(word.officer.clone()));
        }
        Ok(())
    }

    /// Counts the officers who agree, the author among them; of the others only those whose word still holds.
    pub fn agreed(&self, vouched: &BTreeSet<String>) -> u32 {
        let holds = |word: &&Word| {
            word.digest == self.held.digest
                && word.officer != self.held.author
                && vouched.contains(&word.officer)
        };
        let others: BTreeSet<&String> = self.words.iter().filter(holds).map(|word| &word.officer).collect();
        1 + u32::try_from(others.len()).unwrap_or(u32::MAX - 1)
    }

    /// Tells whether enough officers agree that it goes out.
    pub fn is_ready(&self, vouched: &BTreeSet<String>) -> bool {
        self.end.is_none() && self.agreed(vouched) >= self.held.approvals
    }

    /// Fails unless it waits.
    ///
    /// # Errors
    /// [`Refused::HeldEnded`].
    pub fn waits(&self) -> Result<(), Refused> {
        match &self.end {
            None => Ok(()),
            Some(HeldEnd::Sent { .. }) => {
                Err(Refused::HeldEnded { id: self.held.id.clone(), how: "was sent" })
            }
            Some(HeldEnd::Returned { .. }) => {
                Err(Refused::HeldEnded { id: self.held.id.clone(), how: "was returned" })
            }
        }
    }
}

/// Writes all that an act says and to whom, as the officers read it; its digest is what they confirm. What the act
/// builds on is left out: more may have arrived before it goes.
pub fn words(id: &HeldId, case: &CaseId, author: &str, draft: &Draft) -> String {
    json!({
        "id": id,
        "case": case,
        "author": author,
        "to": draft.aud,
        "on_behalf_of": draft.on_behalf_of.as_ref().map(|behalf| behalf.principal.clone()),
        "exercise": draft.exercise,
        "act": draft.act.kind(),
        "body": draft.act,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActKind, MessageId};

    const OFFICERS: [&str; 3] = ["awa", "kofi", "lea"];

    fn held(approvals: u32) -> HeldAct {
        let held = Held {
            id: HeldId::of(&MessageId([7; 16])),
            case: CaseId::mint(&"XAA".parse().unwrap(), 2026, 1),
            act: ActKind::Request,
            to: vec!["XBB".parse().unwrap()],
            author: "awa".to_owned(),
            at: Timestamp::EPOCH,
            digest: Digest([1; 32]),
            approvals,
            rule: "policy.approvals".to_owned(),
        };
        HeldAct { held, words: vec![], end: None }
    }

    fn word(officer: &str, digest: u8) -> Word {
        Word {
            id: HeldId::of(&MessageId([7; 16])),
            officer: officer.to_owned(),
            digest: Digest([digest; 32]),
            at: Timestamp::EPOCH,
            signature: None,
        }
    }

    /// Every sequence of up to four words or returns, and every set of officers whose word still holds: what goes
    /// out has as many officers as policy asks for, the author counted once (DESIGN §12.11).
    #[test]
    fn no_interleaving_sends_what_too_few_have_agreed_to() {
        let returned = HeldEnd::Returned {
            officer: "kofi".to_owned(),
            reason: Text::new("not yet".to_owned()),
            at: Timestamp::EPOCH,
        };
        let steps: Vec<Option<Word>> = OFFICERS
            .iter()
            .flat_map(|officer| [Some(word(officer, 1)), Some(word(officer, 2))])
            .chain([None])
            .collect();
        let (mut ready, mut paths) = (0, 0);
        for approvals in 1..=3 {
            for path in 0..steps.len().pow(4) {
                let mut act = held(approvals);
                for at in 0..4 {
                    match &steps[path / steps.len().pow(at) % steps.len()] {
                        Some(word) if act.agree(word).is_ok() => act.words.push(word.clone()),
                        Some(_) => {}
                        None => act.end = act.end.take().or(Some(returned.clone())),
                    }
                }
                for chosen in 0..8_u32 {
                    let vouched: BTreeSet<String> = (0..3)
                        .filter(|n| chosen & (1 << n) != 0)
                        .map(|n| OFFICERS[n as usize].to_owned())
                        .collect();
                    let others = ["kofi", "lea"].iter().filter(|name| {
                        vouched.contains(**name)
                            && act.words.iter().any(|w| w.officer == **name && w.digest == Digest([1; 32]))
                    });
                    let agree = 1 + u32::try_from(others.count()).unwrap();
                    assert_eq!(act.is_ready(&vouched), act.end.is_none() && agree >= approvals);
                    ready += usize::from(act.is_ready(&vouched));
                    paths += 1;
                }
            }
        }
        assert!(ready > 1000 && paths > 50_000, "{ready} of {paths}");
    }

    #[test]
    fn the_author_another_digest_a_second_time_and_an_ended_act_are_refused() {
        let mut act = held(2);
        assert_eq!(act.agree(&word("awa", 1)), Err(Refused::SameOfficer("awa".into())));
        assert!(matches!(act.agree(&word("kofi", 2)), Err(Refused::DigestDiffers { .. })));
        act.words.push(word("kofi", 1));
        assert_eq!(act.agree(&word("kofi", 1)), Err(Refused::AgreedBefore("kofi".into())));
        act.end = Some(HeldEnd::Sent { statement: Digest([9; 32]), at: Timestamp::EPOCH });
        assert!(matches!(act.agree(&word("lea", 1)), Err(Refused::HeldEnded { .. })));
    }
}
