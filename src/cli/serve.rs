//! Starts the web service, and says where it is.
//!
//! Never answers a request itself: `cupo::web` does.

mod options;
mod welcome;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::Problem;
use cupo::web::{KeySetting, ServeError, Served, Settings, SettingsError, serve, stop_on_signals};

pub(crate) use options::Options;

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let settings = settings(options)?;
    let faults = settings.faults();
    if options.print_config {
        writeln!(io::stdout().lock(), "{}", settings.masked().trim_end())?;
    }
    if !faults.is_empty() {
        return Err(all(&faults));
    }
    if options.print_config {
        return Ok(ExitCode::SUCCESS);
    }
    log_to_standard_error(&settings.log)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = settings.threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().thread_name("cupo-web").build()?;
    let ready = |served: &Served| {
        if let Err(error) = stop_on_signals(served.app.stop.clone()) {
            tracing::warn!(%error, "signals do not stop the service in order");
        }
        let told = welcome::tell(served, options);
        if let Err(error) = told {
            tracing::warn!(%error, "nobody reads what is told at the start");
        }
    };
    runtime.block_on(serve(settings, ready)).map_err(told)?;
    Ok(ExitCode::SUCCESS)
}

/// Flags over environment over file over defaults.
fn settings(options: &Options) -> Result<Settings, Problem> {
    let mut settings = match &options.config {
        None => Settings::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Problem::new(format!("{}: {error}", path.display()))
                    .next("name a configuration file in TOML; `--print-config` writes one")
            })?;
            Settings::from_toml(&text).map_err(|error| {
                Problem::new(format!("{}: {}", path.display(), error.what)).next(error.next)
            })?
        }
    };
    options.put_on(&mut settings);
    // Secrets have no flags: everybody on the machine can read those.
    if let Ok(key) = std::env::var("CUPO_MASTER_KEY") {
        settings.master_key = Some(key);
    }
    if let Ok(key) = std::env::var("CUPO_PHONE_KEY") {
        settings.phone.platform_key = Some(key);
    }
    if let Ok(text) = std::env::var("CUPO_KEYS") {
        let keys = text.split([',', '\n']).filter(|part| !part.trim().is_empty());
        settings.keys = keys.map(KeySetting::parse).collect::<Result<_, _>>().map_err(one)?;
    }
    Ok(settings)
}

fn one(fault: SettingsError) -> Problem {
    Problem::new(fault.what).next(fault.next)
}

/// Everything that is wrong, so that nobody has to start again for each.
fn all(faults: &[SettingsError]) -> Problem {
    if let [fault] = faults {
        return one(fault.clone());
    }
    let list: Vec<_> =
        faults.iter().map(|fault| format!("  - {}\n    {}", fault.what, fault.next)).collect();
    Problem::new(format!("{} things are missing or wrong:\n{}", faults.len(), list.join("\n")))
}

fn told(error: ServeError) -> Problem {
    let next = error.next();
    let problem = match error {
        ServeError::Engine(error) => Problem::from(error),
        ServeError::Settings(error) => Problem::new(error.what),
        other => Problem::new(other.to_string()),
    };
    match next {
        Some(next) => problem.next(next),
        None => problem,
    }
}

fn log_to_standard_error(level: &str) -> Result<(), Problem> {
    let filter = level.parse::<tracing_subscriber::EnvFilter>().map_err(|_| {
        Problem::new(format!("log: there is no level `{level}`"))
            .next("write error, warn, info, debug or trace")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false);
    // Somebody has set one already: theirs is as good.
    let _ = lines.try_init();
    Ok(())
}
