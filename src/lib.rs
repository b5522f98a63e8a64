//! cupo
mod catalog;
mod claim;
mod engine;
mod error;
mod file_system;
mod id;
mod inventory;
mod journal;
mod ledger;
pub mod limits;
pub mod log_store;
mod record;
mod rejection;
mod sync;
mod time;

pub use catalog::{
    Calendar, Catalog, CatalogError, Change, ChannelLimits, Exception, Holds, Lead, Names, Office,
    Requirements, Service, Share, Span, Week,
};
pub use claim::{Arrangement, Claim, ClaimState, Place, Receipt, Services};
pub use engine::{
    Ask, Audit, Builder, Closure, DayView, Engine, InstallReport, LogSummary, Opening, Openings,
    SlotView, Stats, Verified, read_log, verify,
};
pub use error::{Error, StorageError};
pub use file_system::{FileHandle, FileSystem, RealFileSystem};
pub use id::{
    ActorId, CalendarId, Channel, ClaimId, DayId, OfficeId, ParseIdError, PartyId, RequestId, Seq,
    ServiceId, SlotId,
};
pub use journal::{Commit, Event, Feed};
pub use log_store::{
    BackupReport, DirectoryOptions, DirectoryReader, DirectoryStore, Durability, MemoryStore,
    SalvageReport, backup, salvage,
};
pub use record::{DayFrame, Detail, Effect, PlanRange, TextOf};
pub use rejection::Rejection;
pub use time::{Clock, ManualClock, SystemClock, Time};
