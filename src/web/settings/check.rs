//! Can a service be run with these settings, and can it be shown to the public?
//!
//! Never changes a setting; tells all that is wrong at once.

use crate::web::guard::{Network, Role};

use super::{Settings, SettingsError};

/// A key shorter than this can be guessed.
const KEY_LETTERS_MIN: usize = 20;
/// What the readers of bodies take at most.
const BODY_BYTES_MOST: usize = 2 << 20;

impl Settings {
    /// Everything that is wrong; nothing if the service can start.
    pub fn faults(&self) -> Vec<SettingsError> {
        let mut faults = self.plain_faults();
        if self.production {
            faults.extend(self.faults_in_public());
        }
        faults
    }

    fn plain_faults(&self) -> Vec<SettingsError> {
        let mut faults: Vec<_> = self.master_key().err().into_iter().collect();
        for text in &self.trusted_proxies {
            if text.parse::<Network>().is_err() {
                let what = format!("trusted_proxies: `{text}` is not a network");
                faults.push(fault(what, "write an address or a network, such as `10.0.0.0/8`"));
            }
        }
        faults.extend(self.phone.faults().into_iter().map(SettingsError::from));
        for key in &self.keys {
            if key.role.parse::<Role>().is_err() {
                let what = format!("key {}: there is no role `{}`", key.name, key.role);
                faults.push(fault(what, "write `partner`, `desk` or `admin`"));
            }
        }
        if let Some(base) = &self.public_base
            && !is_base(base)
        {
            let what = format!("public_base: `{base}` is not an address for browsers");
            faults.push(fault(
                what,
                "write `https://` and the name, such as `https://citas.example`",
            ));
        }
        let counts = [
            ("requests_per_second", self.requests_per_second as usize),
            ("key_requests_per_second", self.key_requests_per_second as usize),
            ("body_bytes_max", self.body_bytes_max),
            ("header_seconds_max", usize::try_from(self.header_seconds_max).unwrap_or(1)),
            ("idle_seconds_max", usize::try_from(self.idle_seconds_max).unwrap_or(1)),
            ("request_seconds_max", usize::try_from(self.request_seconds_max).unwrap_or(1)),
            ("connections_max", self.connections_max),
            ("requests_max", self.requests_max),
            ("threads", self.threads.unwrap_or(1)),
        ];
        for (name, _) in counts.iter().filter(|(_, count)| *count == 0) {
            faults.push(fault(format!("{name} is 0"), "leave it out for its default"));
        }
        if self.body_bytes_max > BODY_BYTES_MOST {
            let what = format!("body_bytes_max is {}", self.body_bytes_max);
            faults.push(fault(what, format!("{BODY_BYTES_MOST} at most")));
        }
        faults
    }

    fn faults_in_public(&self) -> Vec<SettingsError> {
        let mut faults = Vec::new();
        if self.master_key.is_none() {
            let next = "set master_key (CUPO_MASTER_KEY) to what `openssl rand -hex 32` prints, \
                        and keep a copy: without it people's data cannot be read";
            faults.push(fault("there is no key for people's data".to_owned(), next));
        }
        if !self.keys.iter().any(|key| key.role.parse() == Ok(Role::Admin)) {
            let next = "set keys (CUPO_KEYS=me:admin:KEY), with a KEY from `openssl rand -hex 24`";
            let what = "there is no key of an administrator, and demo keys are public".to_owned();
            faults.push(fault(what, next));
        }
        for key in &self.keys {
            if key.key.len() < KEY_LETTERS_MIN || key.key.starts_with("demo-") {
                let what = format!("the key of {} can be guessed", key.name);
                faults.push(fault(what, "make one with `openssl rand -hex 24`"));
            }
        }
        match &self.public_base {
            Some(base) if base.starts_with("https://") => {}
            Some(base) => {
                let what = format!("public_base is {base}: people's data would cross in the clear");
                faults
                    .push(fault(what, "put a proxy with TLS in front, and name its https address"));
            }
            None => {
                let what = "there is no public address".to_owned();
                let next = "set public_base (--public-base) to what people will type, such as \
                            https://citas.example";
                faults.push(fault(what, next));
            }
        }
        if self.catalog.is_none() {
            let next = "set catalog (--catalog) to your own; examples/miconsulado.toml shows how";
            faults.push(fault("the catalog is that of the demonstration".to_owned(), next));
        }
        if self.service_name == Self::default().service_name {
            let next = "set service_name (--service-name) to what people should read";
            faults.push(fault("the service has the demonstration's name".to_owned(), next));
        }
        if self.telephone.is_none() {
            let next = "set telephone (--telephone): pages name it where nothing else helps";
            faults.push(fault("there is no telephone number for people".to_owned(), next));
        }
        faults
    }
}

fn fault(what: String, next: impl Into<String>) -> SettingsError {
    SettingsError { what, next: next.into() }
}

/// A scheme, a name, and no path.
fn is_base(base: &str) -> bool {
    let base = base.trim_end_matches('/');
    let name = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    })
}
