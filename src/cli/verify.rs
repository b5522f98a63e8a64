//! Is everything there, and does it add up? Every frame, every snapshot, and two recounts.
//!
//! Only reads, also while an engine runs on the directory.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use cupo::{ClaimState, Error, Seq, StorageError, Verified};

use crate::cli::{Problem, need_engine_directory};
use crate::peak::measure::grouped;
use crate::peak::recount::Recount;

/// Checks every frame and snapshot of a directory and recounts its places.
#[derive(Args, Debug)]
#[command(after_help = "\
Reads every block of the log with its checksum and its place in the chain, rebuilds the state from
every snapshot, recounts the places from the claims, and, where the log goes back to its first
record, once more from the log alone. Changes nothing; works beside a running engine.

Exit status: 0 if all is well, 1 if something is damaged or does not add up.

Example:
  cupo verify ./cupo-data/peak")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    need_engine_directory(&options.dir)?;
    let mut text = format!("{}\n", options.dir.display());
    let sound = match check(options, &mut text) {
        Ok(sound) => sound,
        Err(Error::Storage(damage @ StorageError::Damaged { .. })) => {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  DAMAGE {damage}");
            false
        }
        Err(error) => return Err(error.into()),
    };
    text.push_str(if sound {
        "sound\n"
    } else {
        "NOT SOUND: `cupo salvage DIR TO` saves onto a copy what can be read\n"
    });
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn check(options: &Options, text: &mut String) -> Result<bool, Error> {
    let verified = cupo::verify(&options.dir)?;
    storage(text, &verified);
    let mut recount = Recount::default();
    // The recount needs the log from its first record on; a cut one begins in a snapshot.
    let mut whole = None;
    cupo::read_log(&options.dir, Seq(0), &mut |event| {
        if !*whole.get_or_insert(event.seq <= Seq(1)) {
            return ControlFlow::Break(());
        }
        recount.take(&event);
        ControlFlow::Continue(())
    })?;
    if whole == Some(false) {
        let _ = writeln!(text, "  log       begins after a snapshot: recounted from claims only");
    } else {
        of_log(text, &recount);
    }
    Ok(verified.is_sound() && recount.is_clean())
}

fn storage(text: &mut String, verified: &Verified) {
    let Verified { frames: (first, last), .. } = verified;
    let closed = if verified.clean { "closed in order" } else { "in use, or not closed in order" };
    let lines = [
        format!("blocks    {}, each with its checksum", grouped(verified.blocks)),
        format!("frames    {first} to {last}, synced up to {}; {closed}", verified.synced),
        format!("records   up to {}", grouped(verified.last.0)),
        format!("snapshots {}", verified.snapshots.len()),
        format!(
            "claims    {} keep {} places on {} days; deficit {}",
            grouped(verified.audit.claims),
            grouped(verified.audit.places),
            grouped(verified.days),
            verified.audit.deficit,
        ),
        format!("state     {:016x}", verified.state_hash),
    ];
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    for (name, why) in &verified.bad_snapshots {
        let _ = writeln!(text, "  BAD SNAPSHOT at {}: {why}", name.position);
    }
    for problem in &verified.audit.problems {
        let _ = writeln!(text, "  PROBLEM {problem}");
    }
}

fn of_log(text: &mut String, recount: &Recount) {
    let _ = writeln!(
        text,
        "  log       {} records: {} claims, of them {} booked and {} held now",
        grouped(recount.events),
        grouped(recount.grants),
        grouped(recount.count(ClaimState::Booked)),
        grouped(recount.count(ClaimState::Held)),
    );
    let _ = writeln!(
        text,
        "  recount   double bookings: {}; over a channel's share: {}; broken lives: {}",
        recount.double_bookings, recount.over_channel, recount.broken_lives,
    );
    for line in &recount.evidence {
        let _ = writeln!(text, "  EVIDENCE {line}");
    }
}
