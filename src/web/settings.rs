//! How is this service set up? What the configuration file may say, and its defaults.
//!
//! Never reads the environment: the program does, and puts it on top.

mod check;
mod read;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::desk::MasterKey;
use crate::phone::{Phone, PhoneError};

use super::app::demo_key;

/// The catalog of the demonstration: 57 offices.
const DEMO_CATALOG: &str = include_str!("../../examples/miconsulado.toml");

/// Everything that can be set. Every field has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where everything is kept.
    pub dir: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address that people use, such as `https://citas.example.org`; in links and problem
    /// types. Default: the listening address.
    pub public_base: Option<String>,
    /// Refuse demonstration keys and plain defaults.
    pub production: bool,
    /// 64 hexadecimal digits: the key of people's data.
    pub master_key: Option<String>,
    /// A catalog to install into an empty directory. Default: the 57 offices.
    pub catalog: Option<PathBuf>,
    /// Keys of staff and programs, beside those made in the administration.
    pub keys: Vec<KeySetting>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Whether webhooks may go to addresses that are not public.
    pub webhooks_private: bool,
    /// What the service is called on its pages.
    pub service_name: String,
    /// The number to call, shown on pages.
    pub telephone: Option<String>,
    /// Requests a second of one caller; ten seconds' worth may come at once. A network (`/24`,
    /// IPv6 `/64`) has five times as much.
    pub requests_per_second: u32,
    /// Requests a second of one key, which then do not count for its address.
    pub key_requests_per_second: u32,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// Seconds within which the head of a request must have arrived, and its body after it.
    pub header_seconds_max: u64,
    /// Seconds that a connection may be silent between requests, or take nothing of an answer.
    pub idle_seconds_max: u64,
    /// Seconds within which a request must be answered.
    pub request_seconds_max: u64,
    /// Connections at a time.
    pub connections_max: usize,
    /// Requests being answered at a time; more are told to come back.
    pub requests_max: usize,
    /// Threads that answer requests. Default: one for each processor.
    pub threads: Option<usize>,
    /// What is told on standard error: `error`, `warn`, `info`, `debug` or `trace`.
    pub log: String,
    /// The telephone.
    pub phone: Phone,
}

/// A key and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySetting {
    /// For the audit.
    pub name: String,
    /// `partner`, `desk` or `admin`.
    pub role: String,
    /// The key itself.
    pub key: String,
}

/// What is wrong with the settings, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; next: {next}")]
pub struct SettingsError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub next: String,
}

impl From<PhoneError> for SettingsError {
    fn from(PhoneError { what, next }: PhoneError) -> Self {
        Self { what, next }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("cupo-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_base: None,
            production: false,
            master_key: None,
            catalog: None,
            keys: Vec::new(),
            trusted_proxies: Vec::new(),
            webhooks_private: false,
            service_name: "Mi Cita Consular".to_owned(),
            telephone: None,
            requests_per_second: 50,
            key_requests_per_second: 50_000,
            body_bytes_max: 256 << 10,
            header_seconds_max: 10,
            idle_seconds_max: 60,
            request_seconds_max: 30,
            connections_max: 16_000,
            requests_max: 4_096,
            threads: None,
            log: "info".to_owned(),
            phone: Phone::default(),
        }
    }
}

impl Settings {
    /// The key of people's data; the demonstration key if none is set.
    ///
    /// # Errors
    /// If it is not 64 hexadecimal digits.
    pub fn master_key(&self) -> Result<MasterKey, SettingsError> {
        let Some(text) = &self.master_key else {
            return Ok(demo_key());
        };
        MasterKey::from_hex(text).ok_or_else(|| SettingsError {
            what: "master_key is not 64 hexadecimal digits".to_owned(),
            next: "make one with `openssl rand -hex 32`".to_owned(),
        })
    }

    /// The text of the catalog to begin with.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn catalog_text(&self) -> Result<String, SettingsError> {
        let Some(path) = &self.catalog else {
            return Ok(DEMO_CATALOG.to_owned());
        };
        std::fs::read_to_string(path).map_err(|error| SettingsError {
            what: format!("{}: {error}", path.display()),
            next: "name a catalog in TOML; examples/miconsulado.toml is one".to_owned(),
        })
    }

    /// Whether people reach it over TLS.
    pub fn is_secure(&self) -> bool {
        self.base().starts_with("https://")
    }

    /// What people type: the public address without a slash at its end.
    pub fn base(&self) -> String {
        let default = || format!("http://{}", self.listen);
        let base = self.public_base.clone().unwrap_or_else(default);
        base.trim_end_matches('/').to_owned()
    }

    /// The directory of the engine's log.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The file of the desk's database.
    pub fn desk_file(&self) -> PathBuf {
        Path::new(&self.dir).join("desk.redb")
    }
}
