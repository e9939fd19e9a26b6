use crate::model::Digest;

/// Something about a case that an officer should know; it never stops an act from being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag {
    /// What it is.
    pub code: FlagCode,
    /// The act concerned; none where the whole case is.
    pub act: Option<Digest>,
}

/// What can be remarkable about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagCode {
    /// The case's name belongs to a party that does not ask in it.
    WrongMinter,
    /// An outsider to this case issued the act; it counts for nothing.
    Stranger,
    /// The act is not its issuer's to make in this case; it counts for nothing.
    WrongRole,
    /// The act builds on one that is not here yet; it counts once that one is.
    Waiting,
    /// The act is a further request in a case that has one; it counts for nothing.
    SecondRequest,
    /// The act answers something that is not this case's request; it counts for nothing.
    UnknownRequest,
    /// The acknowledgement repeats another instant of receipt than the gateway attested.
    ReceivedAtMismatch,
    /// A gateway attested two instants of receipt for the act; the first one counts.
    ReceiptConflict,
    /// The issuer used the act's message id for another statement too.
    Equivocation,
    /// The request lacks what ISACS 8.2 asks for.
    IncompleteRequest,
    /// The requesting State cannot comply with ISACS 8.4 a or b.
    CannotComply,
    /// The act lacks what ISACS 05.31 asks of it.
    DefectiveAnswer,
    /// The act is marked as an exercise and the request is not, or the reverse.
    ExerciseMismatch,
    /// The response answers an item that the request does not have.
    UnknownItem,
    /// The response answers an item again.
    AnsweredAgain,
    /// The response came after a refusal.
    AfterRefusal,
    /// The refusal, delay or return came when nothing was left to answer.
    AfterAnswer,
    /// The answer is to a version of the request that was returned.
    AfterReturn,
    /// The return asks for what the request does not lack, or lacks the judgement that it owes.
    UnfoundedReturn,
    /// The response will come late.
    Delayed,
    /// The clarification answers no question of the other side; it counts for nothing.
    UnknownQuestion,
    /// The consent, its refusal or withdrawal comes from one who did not give the information, or names
    /// nothing of this case; it counts for nothing (DESIGN §12.10).
    NotOriginator,
    /// The consent grants more than was asked for; what was not asked for is not granted.
    ConsentBeyondQuestion,
    /// A disclosure of the information is compelled.
    DisclosureCompelled,
    /// Our agent made the act in our name, and its mandate does not carry it (ISACS 9.3).
    BeyondMandate,
}

impl FlagCode {
    /// Returns the code as JSON writes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongMinter => "wrong_minter",
            Self::Stranger => "stranger",
            Self::WrongRole => "wrong_role",
            Self::Waiting => "waiting",
            Self::SecondRequest => "second_request",
            Self::UnknownRequest => "unknown_request",
            Self::ReceivedAtMismatch => "received_at_mismatch",
            Self::ReceiptConflict => "receipt_conflict",
            Self::Equivocation => "equivocation",
            Self::IncompleteRequest => "incomplete_request",
            Self::CannotComply => "cannot_comply",
            Self::DefectiveAnswer => "defective_answer",
            Self::ExerciseMismatch => "exercise_mismatch",
            Self::UnknownItem => "unknown_item",
            Self::AnsweredAgain => "answered_again",
            Self::AfterRefusal => "after_refusal",
            Self::AfterAnswer => "after_answer",
            Self::AfterReturn => "after_return",
            Self::UnfoundedReturn => "unfounded_return",
            Self::Delayed => "delayed",
            Self::UnknownQuestion => "unknown_question",
            Self::NotOriginator => "not_originator",
            Self::ConsentBeyondQuestion => "consent_beyond_question",
            Self::DisclosureCompelled => "disclosure_compelled",
            Self::BeyondMandate => "beyond_mandate",
        }
    }

    /// Says it in words for an officer.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WrongMinter => "the case's number was not minted by the party that asks in it",
            Self::Stranger => "issued by a party outside this case; kept, but it changes nothing",
            Self::WrongRole => "not this party's act to make in this case; kept, but it changes nothing",
            Self::Waiting => "builds on an act that has not arrived yet",
            Self::SecondRequest => "a further request in the same case; kept, but it changes nothing",
            Self::UnknownRequest => "answers something other than this case's request",
            Self::ReceivedAtMismatch => "repeats another instant of receipt than the gateway attested",
            Self::ReceiptConflict => "its receipt was issued twice with different instants; the first counts",
            Self::Equivocation => "its issuer signed two statements under one message id; both are kept",
            Self::IncompleteRequest => "lacks information that ISACS 8.2 asks for",
            Self::CannotComply => "its State declares that it cannot keep ISACS 8.4 (a) or (b)",
            Self::DefectiveAnswer => "lacks what ISACS 05.31 asks of such an act",
            Self::ExerciseMismatch => "its exercise mark differs from the request's",
            Self::UnknownItem => "answers an item that the request does not have",
            Self::AnsweredAgain => "answers an item that was already answered; the last answer is shown",
            Self::AfterRefusal => "came after a refusal",
            Self::AfterAnswer => "came when no item was left to answer",
            Self::AfterReturn => "answers a version of the request that was returned",
            Self::UnfoundedReturn => "returns the request for nothing that ISACS 8.3.2 allows",
            Self::Delayed => "announces that the response will be late; the clock runs on",
            Self::NotOriginator => {
                "speaks of consent to what its issuer did not give; kept, but it changes nothing"
            }
            Self::ConsentBeyondQuestion => "consents to more than was asked; the rest is not granted",
            Self::DisclosureCompelled => "a court or law compels the disclosure of what was given",
            Self::UnknownQuestion => "answers a question that was not asked; kept, but it changes nothing",
            Self::BeyondMandate => "made in our name by an agent whose mandate does not carry it",
        }
    }
}
