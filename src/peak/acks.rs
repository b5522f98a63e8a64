//! What was promised? An outside witness of every acknowledged booking, move and cancellation.
//!
//! Never written before the acknowledgement, so what stands in it must survive anything. Lines:
//! `booked CLAIM`, `moved CLAIM VERSION SLOT`, `cancelled CLAIM`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use parking_lot::Mutex;

use crate::cli::Problem;
use crate::peak::measure::{Ack, Tally};

/// The file, if one was asked for.
#[derive(Debug)]
pub(crate) struct Witness {
    file: Option<Mutex<File>>,
}

impl Witness {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else {
            return Ok(Self { file: None });
        };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            Problem::new(format!("opening {}: {error}", path.display()))
                .next("name a file in a directory that exists, with --acks")
        })?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    /// Writes what the thread was told since it was here last, in one piece.
    pub(crate) fn note(&self, tally: &mut Tally) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let Some(fresh) = tally.acks.get(tally.noted..).filter(|fresh| !fresh.is_empty()) else {
            return Ok(());
        };
        let mut text = String::with_capacity(fresh.len() * 32);
        for ack in fresh {
            // Writing to a string cannot fail.
            let _ = match ack {
                Ack::Booked(claim) => writeln!(text, "booked {claim}"),
                Ack::Cancelled(claim) => writeln!(text, "cancelled {claim}"),
                Ack::Moved(claim, version, slot) => {
                    writeln!(text, "moved {claim} {version} {slot}")
                }
            };
        }
        tally.noted = tally.acks.len();
        let written = file.lock().write_all(text.as_bytes());
        written.map_err(|error| format!("the --acks file cannot be written: {error}"))
    }
}
