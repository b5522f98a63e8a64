//! How does the service start, listen and stop?
//!
//! Never answers a request itself.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::desk::{DeskError, Secrets, Store};
use crate::{CatalogError, Engine, Error};

use super::{App, Settings, SettingsError};

/// Why the service could not start or stop in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The catalog is not usable.
    #[error(transparent)]
    Catalog(#[from] Arc<CatalogError>),
    /// The engine says no.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The desk's database says no.
    #[error(transparent)]
    Desk(#[from] DeskError),
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

/// A service that has started.
#[derive(Debug)]
pub struct Served {
    /// The service.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Opens engine and desk, listens, calls `ready`, and serves until `app.stop` is cancelled; then
/// drains, takes a snapshot and closes.
///
/// # Errors
/// What prevents it.
pub async fn serve(settings: Settings, ready: impl FnOnce(&Served)) -> Result<(), ServeError> {
    std::fs::create_dir_all(&settings.dir)?;
    let engine = Engine::open(settings.log_dir())?;
    let secrets = Secrets::new(&settings.master_key()?);
    let store = Store::open(&settings.desk_file(), &secrets)?;
    let listen = settings.listen;
    let app = App::new(engine, store, settings)?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|source| ServeError::Listen { address: listen, source })?;
    let served = Served { address: listener.local_addr()?, app: app.clone() };
    ready(&served);
    let router = super::router(&app);
    let make = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, make).with_graceful_shutdown(app.stop.clone().cancelled_owned()).await?;
    app.engine.snapshot()?;
    Ok(())
}
