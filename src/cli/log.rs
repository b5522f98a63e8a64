//! What does the journal say? Its records as JSON lines.
//!
//! Only reads, also while an engine runs on the directory.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use cupo::{Seq, SystemClock};

use crate::cli::{Problem, need_engine_directory, records};

/// How often `--follow` looks again.
const PAUSE: Duration = Duration::from_millis(200);

/// Prints the records of a journal as JSON lines, oldest first.
#[derive(Args, Debug)]
#[command(after_help = "\
Every line has `seq` (its place in the one total order), `at` (UTC) and `kind`. By kind:
  granted      claim slot run persons [in_turn] channel service [more_services] party request
               booked [ttl_s] actor [replaces] [overridden]
  confirmed    claim slot run persons [in_turn] channel actor
  extended     the same, and ttl_s
  ended        the same, and how (released expired revoked cancelled) held [returns_at]
  returned     claim slot run persons [in_turn] channel: places back after a cool-off
  taken        a move's new places: the same, and version held [adopted] request
  freed        a move's old places: the same, and held
  marked       the same, and state (checked_in served no_show displaced booked) actor
  assigned     the same, and actor
  archived     claim slot run persons [in_turn] channel
  day_created, day_planned             day begins released unit_min slots plan
  day_closed, day_reopened, day_retired   day
  plan_defined plan ranges give_back_min; then its plan_range: start end capacity max protected
  text         of (catalog reason) offset length text;  installed: version done
  founded      shards
Claims, parties and requests are hexadecimal; a day is CALENDAR@DATE, a slot DAY#INDEX.

Examples:
  cupo log ./cupo-data/peak | head
  cupo log ./cupo-data/peak --from 1000000 | jq -c 'select(.kind == \"ended\")'
  cupo log ./cupo-data/peak --follow")]
pub(crate) struct Options {
    /// The directory of the engine
    dir: PathBuf,
    /// The first record wanted
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// Go on with new records as they become durable, until interrupted
    #[arg(long)]
    follow: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    need_engine_directory(&options.dir)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut from = options.from;
    let clock = SystemClock::new();
    loop {
        let began = clock.elapsed();
        let mut written = Ok(());
        cupo::read_log(&options.dir, Seq(from), &mut |event| {
            from = from.max(event.seq.0 + 1);
            written = writeln!(out, "{}", records::object(&event));
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Err(error) = written.and_then(|()| out.flush()) {
            // The reader has seen enough.
            return match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
                _ => Err(error.into()),
            };
        }
        if !options.follow {
            return Ok(ExitCode::SUCCESS);
        }
        // Every look reads the whole log; looking is to take a fifth of the time at most.
        std::thread::sleep(PAUSE.max(clock.elapsed().saturating_sub(began) * 4));
    }
}
