//! What can be said to `cupo serve`?
//!
//! Never says what a setting means twice: `cupo::web::Settings` does.

#![allow(
    clippy::struct_excessive_bools,
    clippy::ref_option,
    reason = "the shape that the parser asks for"
)]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use cupo::web::Settings;

/// Serve citizen pages, administration and HTTP API from one directory.
#[derive(Args, Debug)]
#[command(after_help = "\
Flags go before the environment, the environment before the file, the file before the defaults.
Secrets have no flags:
  CUPO_MASTER_KEY   the key of people's data: what `openssl rand -hex 32` prints
  CUPO_KEYS         keys of staff and programs: NAME:ROLE:KEY, NAME:ROLE:KEY ...
                    with the roles partner, desk and admin
  CUPO_PHONE_KEY    the secret that a telephone platform signs its webhooks with

Examples:
  cupo serve                               a demonstration on http://127.0.0.1:8080
  cupo serve --listen 0.0.0.0:80           for everybody in the network
  cupo serve --print-config > cupo.toml    a configuration file to begin with
  cupo serve --config cupo.toml --production")]
pub(crate) struct Options {
    /// A configuration file in TOML; `--print-config` writes one.
    #[arg(long, env = "CUPO_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where everything is kept; made if missing [default: cupo-data].
    #[arg(long, env = "CUPO_DIR")]
    dir: Option<PathBuf>,
    /// Address and port to listen on; port 0 is any free one [default: 127.0.0.1:8080].
    #[arg(long, env = "CUPO_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where a PBX finds the telephone service over `FastAGI`, such as 127.0.0.1:4573
    /// [default: nowhere].
    #[arg(long, env = "CUPO_PHONE", value_name = "ADDRESS:PORT")]
    phone: Option<SocketAddr>,
    /// The catalog to begin with, in TOML [default: 57 offices of the demonstration].
    #[arg(long, env = "CUPO_CATALOG", value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Print all settings that are in force, without keys, and end.
    #[arg(long)]
    pub(super) print_config: bool,

    /// Refuse to start with what is only good for demonstrations.
    #[arg(long, env = "CUPO_PRODUCTION", help_heading = "For the public")]
    production: bool,
    /// What people type into their browser, such as <https://citas.example>.
    #[arg(long, env = "CUPO_PUBLIC_BASE", value_name = "URL", help_heading = "For the public")]
    public_base: Option<String>,
    /// What the service is called on its pages.
    #[arg(long, env = "CUPO_SERVICE_NAME", value_name = "NAME", help_heading = "For the public")]
    service_name: Option<String>,
    /// The number people can call instead.
    #[arg(long, env = "CUPO_TELEPHONE", value_name = "NUMBER", help_heading = "For the public")]
    telephone: Option<String>,
    /// A proxy or network of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8.
    #[arg(
        long,
        env = "CUPO_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ',',
        help_heading = "For the public"
    )]
    trusted_proxies: Option<Vec<String>>,

    /// Requests a second of one address [default: 50]; a network has five times as much.
    #[arg(long, env = "CUPO_REQUESTS_PER_SECOND", value_name = "N", help_heading = "Limits")]
    requests_per_second: Option<u32>,
    /// Requests a second of one key [default: 50000].
    #[arg(long, env = "CUPO_KEY_REQUESTS_PER_SECOND", value_name = "N", help_heading = "Limits")]
    key_requests_per_second: Option<u32>,
    /// Connections at a time; more wait [default: 16000].
    #[arg(long, env = "CUPO_CONNECTIONS_MAX", value_name = "N", help_heading = "Limits")]
    connections_max: Option<usize>,
    /// Requests being answered at a time; more are sent away for a second [default: 4096].
    #[arg(long, env = "CUPO_REQUESTS_MAX", value_name = "N", help_heading = "Limits")]
    requests_max: Option<usize>,
    /// The largest body in bytes [default: 262144].
    #[arg(long, env = "CUPO_BODY_BYTES_MAX", value_name = "BYTES", help_heading = "Limits")]
    body_bytes_max: Option<usize>,
    /// Seconds for the head of a request to arrive, and for its body [default: 10].
    #[arg(long, env = "CUPO_HEADER_SECONDS_MAX", value_name = "SECONDS", help_heading = "Limits")]
    header_seconds_max: Option<u64>,
    /// Seconds that a connection may be silent [default: 60].
    #[arg(long, env = "CUPO_IDLE_SECONDS_MAX", value_name = "SECONDS", help_heading = "Limits")]
    idle_seconds_max: Option<u64>,
    /// Seconds within which a request is answered [default: 30].
    #[arg(long, env = "CUPO_REQUEST_SECONDS_MAX", value_name = "SECONDS", help_heading = "Limits")]
    request_seconds_max: Option<u64>,
    /// Threads that answer requests [default: one for each processor].
    #[arg(long, env = "CUPO_THREADS", value_name = "N", help_heading = "Limits")]
    threads: Option<usize>,

    /// What to tell on standard error: error, warn, info, debug or trace [default: info].
    #[arg(long, env = "CUPO_LOG", value_name = "LEVEL", help_heading = "Output")]
    log: Option<String>,
    /// Tell where it listens in one line of JSON.
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub(super) json: bool,
    /// Tell nothing at the start.
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,
}

impl Options {
    /// Puts what was said on top of what the file says.
    pub(super) fn put_on(&self, settings: &mut Settings) {
        put(&self.dir, &mut settings.dir);
        put(&self.listen, &mut settings.listen);
        put_some(&self.phone, &mut settings.phone.listen);
        put_some(&self.catalog, &mut settings.catalog);
        settings.production |= self.production;
        put_some(&self.public_base, &mut settings.public_base);
        put(&self.service_name, &mut settings.service_name);
        put_some(&self.telephone, &mut settings.telephone);
        put(&self.trusted_proxies, &mut settings.trusted_proxies);
        put(&self.requests_per_second, &mut settings.requests_per_second);
        put(&self.key_requests_per_second, &mut settings.key_requests_per_second);
        put(&self.connections_max, &mut settings.connections_max);
        put(&self.requests_max, &mut settings.requests_max);
        put(&self.body_bytes_max, &mut settings.body_bytes_max);
        put(&self.header_seconds_max, &mut settings.header_seconds_max);
        put(&self.idle_seconds_max, &mut settings.idle_seconds_max);
        put(&self.request_seconds_max, &mut settings.request_seconds_max);
        put_some(&self.threads, &mut settings.threads);
        put(&self.log, &mut settings.log);
    }
}

fn put<T: Clone>(said: &Option<T>, setting: &mut T) {
    if let Some(said) = said {
        setting.clone_from(said);
    }
}

fn put_some<T: Clone>(said: &Option<T>, setting: &mut Option<T>) {
    if said.is_some() {
        setting.clone_from(said);
    }
}
