//! How many operators does a call centre need? Erlang C, for whoever plans shifts.
//!
//! Never looks at a service that runs. The formula assumes that nobody gives up and nobody calls
//! again; where places are scarce both do, so its answers are a floor.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;

/// Calls at a time that are still computed.
const LOAD_MAX: f64 = 10_000.0;

/// How many operators for so many calls, or how long a call may take with so many operators.
///
/// Without numbers it prints the published case: 35,000 calls a day and 400 operators.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cupo erlang                                     the published case
  cupo erlang --calls 3500 --seconds 360          operators for 80 % within 20 s
  cupo erlang --calls 3500 --operators 400        how long a call may take with 400
  cupo erlang --calls 60 --seconds 600 --operators 14   what callers meet then

Operators are those on the telephone; more have to be on the payroll: breaks, training, leave.")]
pub(crate) struct Options {
    /// Calls an hour.
    #[arg(long, value_name = "N")]
    calls: Option<f64>,
    /// Seconds that a call takes an operator, with what is written down after it.
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// Operators on the telephone.
    #[arg(long, value_name = "N")]
    operators: Option<u32>,
    /// Seconds within which calls are to be answered.
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    within: f64,
    /// The share of calls that is to be, in percent.
    #[arg(long, value_name = "N", default_value_t = 80.0)]
    percent: f64,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let mut out = io::stdout().lock();
    let numbers = [options.calls, options.seconds, Some(options.within), Some(options.percent)];
    let sound = |number: f64| number.is_finite() && number > 0.0 && number <= 1e6;
    if !numbers.into_iter().flatten().all(sound) || options.percent >= 100.0 {
        return Err(Problem::new("a number is not one that a call centre can have")
            .next("numbers above 0, up to a million; percent below 100"));
    }
    if options.calls.unwrap_or(0.0) * options.seconds.unwrap_or(0.0) > 3_600.0 * LOAD_MAX {
        return Err(Problem::new("that is more than ten thousand calls at a time")
            .next("check the numbers: calls an hour, seconds a call"));
    }
    let target = Target { within: options.within, share: options.percent / 100.0 };
    let text = match (options.calls, options.seconds, options.operators) {
        (None, None, None) => published(target),
        (Some(calls), Some(seconds), None) => {
            let need = needed(calls, seconds, target);
            told(&Centre { calls, seconds, operators: need }, target)
        }
        (Some(calls), Some(seconds), Some(operators)) => {
            told(&Centre { calls, seconds, operators }, target)
        }
        (Some(calls), None, Some(operators)) => {
            let longest = longest(calls, operators, target);
            format!(
                "{operators} operators, {calls} calls an hour: a call may take {longest:.0} s for \
                 {:.0} % within {} s\n",
                target.share * 100.0,
                target.within
            )
        }
        _ => {
            return Err(Problem::new("that does not say enough")
                .next("give --calls with --seconds, with --operators, or with both"));
        }
    };
    write!(out, "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// What is promised.
#[derive(Clone, Copy, Debug)]
struct Target {
    within: f64,
    share: f64,
}

/// A call centre in one hour.
#[derive(Clone, Copy, Debug)]
struct Centre {
    calls: f64,
    seconds: f64,
    operators: u32,
}

impl Centre {
    /// Calls under way on average, in erlang.
    fn load(&self) -> f64 {
        self.calls * self.seconds / 3_600.0
    }

    /// The share of calls that wait (Erlang C), by the stable recursion of Erlang B.
    fn waits(&self) -> f64 {
        let (load, operators) = (self.load(), f64::from(self.operators));
        if load >= operators {
            return 1.0;
        }
        let blocked = (1..=self.operators)
            .fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked));
        blocked / (1.0 - load / operators * (1.0 - blocked))
    }

    /// The share that is answered in time.
    fn served(&self, within: f64) -> f64 {
        let spare = f64::from(self.operators) - self.load();
        if spare <= 0.0 {
            return 0.0;
        }
        1.0 - self.waits() * (-spare * within / self.seconds).exp()
    }

    /// Seconds that a call waits on average; `None` if the queue grows for ever.
    fn wait(&self) -> Option<f64> {
        let spare = f64::from(self.operators) - self.load();
        (spare > 0.0).then(|| self.waits() * self.seconds / spare)
    }
}

/// The fewest operators that keep the promise.
fn needed(calls: f64, seconds: f64, target: Target) -> u32 {
    let served = |operators| Centre { calls, seconds, operators }.served(target.within);
    // Fewer than the load never keep it.
    let mut operators = 1;
    while served(operators) < target.share {
        operators += 1;
    }
    operators
}

/// The longest call with which the promise is kept.
fn longest(calls: f64, operators: u32, target: Target) -> f64 {
    let (mut low, mut high) = (1.0, f64::from(operators) * 3_600.0 / calls);
    for _ in 0..60 {
        let seconds = f64::midpoint(low, high);
        if (Centre { calls, seconds, operators }).served(target.within) >= target.share {
            low = seconds;
        } else {
            high = seconds;
        }
    }
    low
}

fn told(centre: &Centre, target: Target) -> String {
    let wait = centre.wait().map_or("for ever".to_owned(), |wait| format!("{wait:.1} s"));
    format!(
        "{} operators for {} calls an hour of {} s: {:.1} erlang, {:.0} % busy\n\
         {:.1} % answered within {} s, {:.1} % wait at all, the average wait is {wait}\n",
        centre.operators,
        centre.calls,
        centre.seconds,
        centre.load(),
        100.0 * centre.load() / f64::from(centre.operators),
        100.0 * centre.served(target.within),
        target.within,
        100.0 * centre.waits(),
    )
}

/// The published case: what 35,000 calls a day ask of 400 operators.
fn published(target: Target) -> String {
    let mut text = format!(
        "35,000 calls a day, open 13 hours: how long a call may take (in seconds) for\n\
         {:.0} % answered within {} s, by operators on the telephone\n\n\
         {:<34}{:>8}{:>8}{:>8}\n",
        target.share * 100.0,
        target.within,
        "calls an hour",
        400,
        280,
        200
    );
    let hours = [
        ("2,692, spread evenly", 35_000.0 / 13.0),
        ("3,500, a busy hour of 10 %", 3_500.0),
        ("4,200, a busy hour of 12 %", 4_200.0),
        ("3,889, evenly on a weekend (9 h)", 35_000.0 / 9.0),
    ];
    for (name, calls) in hours {
        let at = |operators| longest(calls, operators, target);
        let row = format!("{name:<34}{:>8.0}{:>8.0}{:>8.0}\n", at(400), at(280), at(200));
        text.push_str(&row);
    }
    text.push_str(
        "\noperators needed in the busy hour (3,500 calls), by what the machine keeps\n\n",
    );
    let head = format!("{:<34}{:>8}{:>8}{:>8}\n", "seconds a call", "0 %", "30 %", "50 %");
    text.push_str(&head);
    for seconds in [240.0, 300.0, 360.0, 420.0] {
        let need = |kept: f64| needed(3_500.0 * (1.0 - kept), seconds, target);
        let row = format!("{seconds:<34}{:>8}{:>8}{:>8}\n", need(0.0), need(0.3), need(0.5));
        text.push_str(&row);
    }
    text.push_str(
        "\nErlang C: nobody gives up, nobody calls again. Where places are scarce both happen.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Target = Target { within: 20.0, share: 0.8 };

    #[test]
    fn the_published_tables() {
        // The usual textbook case: 200 calls an hour of 3 minutes are 10 erlang; with 14 operators
        // 17.4 % wait and 88.8 % are answered within 20 s, 7.8 s on average.
        let centre = Centre { calls: 200.0, seconds: 180.0, operators: 14 };
        assert_eq!(format!("{:.1}", centre.load()), "10.0");
        assert_eq!(format!("{:.3}", centre.waits()), "0.174");
        assert_eq!(format!("{:.3}", centre.served(20.0)), "0.888");
        assert_eq!(format!("{:.1}", centre.wait().unwrap()), "7.8");
        // Erlang C of common tables: the probability to wait for A erlang and N servers.
        for (load, operators, waits) in
            [(1.0, 2, "0.333"), (2.0, 3, "0.444"), (5.0, 6, "0.588"), (20.0, 25, "0.209")]
        {
            let centre = Centre { calls: load * 3_600.0, seconds: 1.0, operators };
            assert_eq!(format!("{:.3}", centre.waits()), waits, "{load} {operators}");
        }
    }

    #[test]
    fn the_published_case() {
        for (calls, operators, seconds) in [
            (35_000.0 / 13.0, 400, 515),
            (3_500.0, 400, 398),
            (3_500.0, 280, 277),
            (4_200.0, 400, 332),
            (35_000.0 / 9.0, 400, 358),
        ] {
            assert_eq!(format!("{:.0}", longest(calls, operators, USUAL)), seconds.to_string());
        }
        for (kept, need) in [(0.0, 363), (0.3, 257), (0.5, 186)] {
            assert_eq!(needed(3_500.0 * (1.0 - kept), 360.0, USUAL), need);
        }
        assert!(published(USUAL).contains("515"));
    }

    #[test]
    fn too_few_operators_keep_nobody_waiting_for_a_number() {
        let centre = Centre { calls: 100.0, seconds: 360.0, operators: 10 };
        assert_eq!((centre.served(20.0), centre.wait()), (0.0, None));
        assert!(told(&centre, USUAL).contains("for ever"));
    }
}
