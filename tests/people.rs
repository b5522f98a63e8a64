//! A booking has its person, and nobody else ever sees who it is.
//!
//! The engine knows parties by 128 opaque bits; who they are lies in a file beside it. Between the
//! two stand promises of their own: no booking without a person, whatever is killed when; nothing
//! personal on disk in the clear; whoever is forgotten is gone from every table; a wrong code and
//! a wrong birth date get one answer. What broke such services before: a booking written before
//! its name, a sweep that met a slow booking, a list of names beside the encrypted ones.

#![cfg(feature = "desk")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use cupo::desk::{
    Code, DeskError, Language, MasterKey, People, Person, PersonKey, Reception, Secrets, Store,
    Telephone,
};
use cupo::{
    Ask, Catalog, ClaimState, DirectoryOptions, DirectoryStore, Engine, ManualClock, Openings,
    PartyId, RequestId,
};
use proptest::prelude::*;
