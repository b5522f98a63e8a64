//! Starts the web service, and says where it is.
//!
//! Never answers a request itself: `cupo::web` does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Problem;
use cupo::web::{ServeError, Settings, serve};

/// Serve citizen pages, operator desk, administration and HTTP API.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where everything is kept.
    #[arg(long, env = "CUPO_DIR")]
    dir: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, env = "CUPO_LISTEN")]
    listen: Option<SocketAddr>,
    /// A configuration file in TOML.
    #[arg(long, env = "CUPO_CONFIG")]
    config: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Problem> {
    let mut settings = match &options.config {
        None => Settings::default(),
        Some(path) => Settings::from_toml(&std::fs::read_to_string(path)?)
            .map_err(|error| Problem::new(error.what).next(error.next))?,
    };
    if let Some(dir) = &options.dir {
        settings.dir.clone_from(dir);
    }
    if let Some(listen) = options.listen {
        settings.listen = listen;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ready = |served: &cupo::web::Served| {
        eprintln!("listening on http://{}", served.address);
        let stop = served.app.stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        });
    };
    runtime.block_on(serve(settings, ready)).map_err(|error| match error {
        ServeError::Engine(error) => Problem::from(error),
        other => Problem::new(other.to_string()),
    })?;
    Ok(ExitCode::SUCCESS)
}
