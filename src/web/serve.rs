//! How does the service start, listen and stop?
//!
//! Never answers a request itself.

mod connection;
mod listen;
mod owner;
mod signals;
mod watch;

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::desk::{DeskError, Secrets, Store};
use crate::phone::{PhoneError, fastagi};
use crate::{CatalogError, Engine, Error, StorageError};

use tokio::net::TcpListener;

use super::guard::Gate;
use super::{App, Settings, SettingsError};

pub use signals::stop_on_signals;

/// How long requests may go on after the service was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long what runs beside the requests may take to let go of the engine.
const LET_GO: Duration = Duration::from_secs(5);

/// Why the service could not start or stop in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The settings of the telephone are not usable.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// The catalog is not usable.
    #[error(transparent)]
    Catalog(#[from] Arc<CatalogError>),
    /// The engine says no.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The desk's database says no.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// Another process serves from the same directory.
    #[error("{} is in use by {by}", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who has it, as far as is known.
        by: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Something else of the system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ServeError {
    /// What to do about it.
    pub fn next(&self) -> Option<String> {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        let next = match self {
            Self::Settings(error) => return Some(error.next.clone()),
            Self::Phone(error) => return Some(error.next.clone()),
            Self::InUse { .. } => "stop it, or name another directory with --dir",
            Self::Listen { source, .. } => match source.kind() {
                AddrInUse => {
                    "another program listens there; choose a port with --listen \
                              127.0.0.1:8081, or any free one with --listen 127.0.0.1:0"
                }
                PermissionDenied => {
                    "ports below 1024 are for root; listen on 8080 and let a proxy \
                                     in front take 443"
                }
                AddrNotAvailable => {
                    "this machine does not have that address; --listen 0.0.0.0:8080 \
                                     takes all that it has"
                }
                _ => "name an address and a port, such as --listen 127.0.0.1:8080",
            },
            Self::Catalog(_) => "mend the catalog; examples/miconsulado.toml is a whole one",
            _ => return None,
        };
        Some(next.to_owned())
    }
}

/// A service that has started.
#[derive(Debug)]
pub struct Served {
    /// The service.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where a PBX finds it over `FastAGI`, if it takes calls.
    pub phone: Option<SocketAddr>,
}

/// Opens engine and desk, listens, calls `ready`, and serves until `app.stop` is cancelled; then
/// drains, takes a snapshot and closes.
///
/// # Errors
/// What prevents it.
pub async fn serve(settings: Settings, ready: impl FnOnce(&Served)) -> Result<(), ServeError> {
    if let Some(fault) = settings.faults().into_iter().next() {
        return Err(fault.into());
    }
    let app = open(settings)?;
    let listener = listen::bind(app.settings.listen)?;
    let address = listener.local_addr()?;
    let telephone = app.settings.phone.listen.map(listen::bind).transpose()?;
    let phone = telephone.as_ref().map(TcpListener::local_addr).transpose()?;
    let owner = owner::Note::write(&app.settings.dir, address);
    let gate = Gate::new(super::routes(&app), &app);
    ready(&Served { app: app.clone(), address, phone });
    let calls = telephone.map(|telephone| {
        tokio::spawn(fastagi::serve(telephone, app.exchange.clone(), app.stop.clone()))
    });
    let beside = tokio::spawn(keep_tidy(app.clone(), gate.clone()));
    listen::until_stopped(listener, &app, gate).await;
    if let Some(calls) = calls {
        // It drains within a time of its own.
        let _ = calls.await;
    }
    beside.abort();
    // Whether it ended by itself or was ended, it holds nothing any more.
    let _ = beside.await;
    let closed = close(app).await;
    drop(owner);
    closed
}

/// Engine, store and all that is built on them.
fn open(settings: Settings) -> Result<App, ServeError> {
    let mut directory = std::fs::DirBuilder::new();
    directory.recursive(true).mode(0o700).create(&settings.dir)?;
    let engine = Engine::open(settings.log_dir()).map_err(|error| match error {
        Error::Storage(StorageError::InUse { .. }) => {
            ServeError::InUse { dir: settings.dir.clone(), by: owner::read(&settings.dir) }
        }
        error => error.into(),
    })?;
    let secrets = Secrets::new(&settings.master_key()?);
    let store = Store::open(&settings.desk_file(), &secrets)?;
    App::new(engine, store, settings)
}

/// What has to be done now and then: quiet callers and people without a place are forgotten.
async fn keep_tidy(app: App, gate: Gate) {
    const EVERY: Duration = Duration::from_mins(1);
    /// Longer than any hold lasts from first try to last extension.
    const GRACE: Duration = Duration::from_hours(24);
    let mut minutes = tokio::time::interval(EVERY);
    for minute in 0_u64.. {
        tokio::select! {
            _ = minutes.tick() => {
                gate.tidy();
                app.voices.tidy();
            }
            () = app.stop.cancelled() => return,
        }
        if minute % 60 != 1 {
            continue;
        }
        if let Err(error) = app.reception.sweep(GRACE).await {
            tracing::error!(%error, "people without a place could not be forgotten");
        }
        if let Err(error) = app.exchange.sweep().await {
            tracing::error!(%error, "what is old of the telephone could not be forgotten");
        }
    }
}

/// Closes the engine, then the desk, each once nobody uses it any more.
async fn close(app: App) -> Result<(), ServeError> {
    let (engine, store) = (Arc::clone(&app.engine), Arc::clone(&app.store));
    drop(app);
    let alone = async {
        while Arc::strong_count(&engine) > 1 || Arc::strong_count(&store) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(LET_GO, alone).await.is_err() {
        tracing::warn!("something still uses the engine; it is closed when the process ends");
    }
    let close = move || match Arc::try_unwrap(engine) {
        Ok(engine) => engine.close(),
        Err(engine) => engine.snapshot(),
    };
    tokio::task::spawn_blocking(close).await.map_err(std::io::Error::other)??;
    tokio::task::spawn_blocking(move || drop(store)).await.map_err(std::io::Error::other)?;
    Ok(())
}
