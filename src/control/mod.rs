//! What an officer's face and the node say to each other over the Unix socket: one [`Call`], one
//! [`Reply`], each a length-prefixed JSON frame, with a frame of plain bytes behind it where a file is handed over
//! ([`Command::brings_bytes`], [`Command::yields_bytes`]); and who may say what (DESIGN §8).

mod approval;
mod attachment;
mod bag;
mod client;
mod command;
mod consent;
mod doctor;
mod evidence;
mod exchange;
mod federation;
mod frame;
mod outcome;
mod relay;
mod release;
mod report;
mod roles;
mod upkeep;
mod views;

pub use approval::{ApprovalState, ApprovalView, HeldFile};
pub use attachment::{AttachmentView, OfferView, PieceView};
pub use bag::{BagMark, BagPage, BagTaken, Carried, CarriedKind, Hex, OwedFile, RefusedFrame};
pub use client::Client;
pub use command::{Call, Command, VERSION};
pub use consent::ConsentView;
pub use doctor::{CheckStatus, CheckView, DoctorView};
pub use evidence::{
    ActHistory, AlarmView, CustodyFileView, DossierView, HistoryStep, JournalHeadView, ProofView,
};
pub use exchange::{BehalfView, ExchangeView, MandateView, RevocationView};
pub use federation::{AskedView, KeyUse, RotatedView, SyncView};
pub use frame::{
    ControlError, MAX_BYTES, MAX_FRAME, body_length, bytes_length, decode, decode_call, encode, frame_bytes,
};
pub use outcome::{ExitCode, Failure, FindingView, Reply};
pub use relay::{CustodyView, MailboxView, RelayStatus, SourceView};
pub use release::{ForbidView, ReleaseShown, ReleaseState, ReleaseView, ShownElement};
pub use report::{RestrictionLine, RestrictionReport};
pub use roles::{Duty, permitted};
pub use upkeep::{BackupPoint, ClockView, GatewayStatus, JournalStatus, PeerView, PingView, RecoveryView};
pub use views::*;
