//! What do all requests share? The engine, the desk, the keys, the settings.
//!
//! Never does anything itself.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::desk::{Audit, MasterKey, Reception, Secrets, Store, Throttle, Tokens};
use crate::phone::{Exchange, Sessions};
use crate::{Catalog, Engine};

use super::admin::Administration;
use super::events::Hub;
use super::guard::{Keys, Session};
use super::metrics::Metrics;
use super::pages::{Call, Draft};
use super::serve::ServeError;
use super::settings::Settings;
use super::webhooks::Webhooks;

/// The service: cheap to clone, one for all requests.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// What the service is made of.
#[derive(Debug)]
pub struct Inner {
    /// The engine.
    pub engine: Arc<Engine>,
    /// People and places.
    pub reception: Arc<Reception>,
    /// The database of the desk.
    pub store: Arc<Store>,
    /// What staff did.
    pub audit: Audit,
    /// Counts of tries.
    pub throttle: Arc<Throttle>,
    /// The settings.
    pub settings: Settings,
    /// The telephone.
    pub exchange: Exchange,
    /// Cancelled when the service is to stop: streams end, workers return.
    pub stop: CancellationToken,
    pub(crate) keys: Keys,
    pub(crate) sessions: Tokens<Session>,
    pub(crate) drafts: Tokens<Draft>,
    pub(crate) calls: Tokens<Call>,
    pub(crate) administration: Administration,
    pub(crate) hub: Hub,
    pub(crate) metrics: Metrics,
    pub(crate) webhooks: Webhooks,
    pub(crate) voices: Sessions,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// On an engine and a store. Installs the catalog of the settings if the engine has none.
    ///
    /// # Errors
    /// What is wrong with the settings, the catalog, or the store.
    pub fn new(engine: Engine, store: Store, settings: Settings) -> Result<Self, ServeError> {
        if engine.catalog().is_none() {
            let catalog = Catalog::from_toml(&settings.catalog_text()?).map_err(Arc::new)?;
            engine.install(&catalog)?;
        }
        let (engine, store) = (Arc::new(engine), Arc::new(store));
        let secrets = Secrets::new(&settings.master_key()?);
        let keys = Keys::new(&settings, &store)?;
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let pulse = (metrics.load.clone(), metrics.check.clone());
        let hub = Hub::start(&engine, settings.base(), pulse, &stop)?;
        let webhooks = Webhooks::start(&engine, &store, secrets.clone(), &settings, &stop)?;
        let reception = Arc::new(Reception::new(engine.clone(), store.clone(), secrets.clone()));
        let throttle = Arc::new(Throttle::default());
        let exchange = Exchange::new(
            reception.clone(),
            store.clone(),
            secrets,
            throttle.clone(),
            settings.phone.clone(),
        )?;
        Ok(Self(Arc::new(Inner {
            voices: Sessions::new(exchange.clone(), &format!("{}/voice", settings.base())),
            exchange,
            reception,
            audit: Audit::new(store.clone()),
            throttle,
            stop,
            keys,
            sessions: Tokens::new(10_000, Duration::from_hours(12)),
            drafts: Tokens::new(200_000, Duration::from_hours(2)),
            calls: Tokens::new(10_000, Duration::from_hours(1)),
            administration: Administration::new(),
            hub,
            metrics,
            webhooks,
            engine,
            store,
            settings,
        })))
    }

    /// Whether anybody can come in with the keys of the demonstration.
    pub fn has_demo_keys(&self) -> bool {
        self.keys.are_public()
    }

    /// In memory, with the settings' defaults: for tests.
    ///
    /// # Errors
    /// As [`App::new`].
    pub fn in_memory(engine: Engine) -> Result<Self, ServeError> {
        let settings = Settings { master_key: Some("5c".repeat(32)), ..Settings::default() };
        Self::new(engine, Store::in_memory()?, settings)
    }
}

/// The default key of demonstrations; refused in production.
pub(crate) fn demo_key() -> MasterKey {
    MasterKey::new(*b"cupo demonstration, not a secret")
}
