//! A small town with pages, and a citizen with a browser that knows no scripts.
//!
//! It is seven in the morning in Boston on a Monday. Boston has one desk, Dallas two; both open
//! from nine to eleven on weekdays, in slots of half an hour. Laredo opens in 2030.

#![allow(
    clippy::print_stdout,
    dead_code,
    reason = "a test may panic, and has no readers but its own"
)]

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use cupo::web::{App, router};
use cupo::{Builder, Catalog, Engine, ManualClock};
use http_body_util::BodyExt;
use tower::ServiceExt;

pub const TOWN: &str = r#"
[[offices]]
key = "boston"
zone = "America/New_York"
name = "Office of Boston"
address = "55 Franklin St"
country = "US"
[[offices]]
key = "dallas"
zone = "America/Chicago"
name = "Office of Dallas"
country = "US"
[[offices]]
key = "laredo"
zone = "America/Chicago"
name = "Office of Laredo"
country = "CA"

[[services]]
key = "passport"
name = { es = "Pasaporte", en = "Passport" }
requirements = { es = ["Acta"], en = ["Birth certificate"] }
active_max = 1
cancel_cutoff = "1d"
reschedule_cutoff = "1d"
[[services]]
key = "visa"
units = 2
persons_max = 2
name = { es = "Visa", en = "Visa" }

[[calendars]]
key = "boston"
office = "boston"
services = ["passport", "visa"]
unit = "30m"
capacity = 1
hours = { mon = ["09:00-11:00"], tue = ["09:00-11:00"], wed = ["09:00-11:00"], thu = ["09:00-11:00"], fri = ["09:00-11:00"] }
[[calendars]]
key = "dallas"
office = "dallas"
services = ["passport"]
unit = "30m"
capacity = 2
hours = { mon = ["09:00-11:00"], tue = ["09:00-11:00"], wed = ["09:00-11:00"], thu = ["09:00-11:00"], fri = ["09:00-11:00"] }
[[calendars]]
key = "laredo"
office = "laredo"
services = ["passport"]
unit = "30m"
capacity = 1
opens_at = "2030-01-07T15:00:00Z"
hours = { mon = ["09:00-11:00"] }

[holds]
ttl = "10m"
ttl_max = "10m"
extended_max = "12m"
per_party = 2
"#;

pub const ANA: Person = Person { name: "Ana Ruiz", telephone: "202 555 0101", year: "1990" };
pub const LUIS: Person = Person { name: "Luis Paz", telephone: "202 555 0102", year: "1985" };

/// Born on a 31 January.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub name: &'static str,
    pub telephone: &'static str,
    pub year: &'static str,
}

/// The service, and the hands of its clock.
pub struct Town {
    pub app: App,
    pub clock: ManualClock,
    router: axum::Router,
    runtime: tokio::runtime::Runtime,
}

impl Town {
    pub fn new() -> Self {
        Self::of(TOWN)
    }

    pub fn of(catalog: &str) -> Self {
        Self::on(Engine::builder(), catalog)
    }

    pub fn on(builder: Builder, catalog: &str) -> Self {
        let clock = ManualClock::at("2027-01-04T12:00:00Z".parse().unwrap());
        let engine = builder.clock(clock.clone()).open().unwrap();
        let catalog = Catalog::from_toml(catalog).map_err(Arc::new).unwrap();
        engine.install(&catalog).unwrap();
        let app = App::in_memory(engine).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { router: router(&app), app, clock, runtime }
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn citizen(&self) -> Citizen<'_> {
        Citizen { town: self, jar: Vec::new(), addresses: Vec::new() }
    }

    pub fn held_and_booked(&self) -> (u64, u64) {
        let stats = self.app.engine.stats();
        (stats.held, stats.booked)
    }
}

/// A browser: keeps cookies, follows nothing by itself, notes every address it saw.
pub struct Citizen<'a> {
    town: &'a Town,
    pub jar: Vec<(String, String)>,
    pub addresses: Vec<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Citizen<'_> {
    pub fn send(&mut self, method: Method, path: &str, body: &str) -> Page {
        self.addresses.push(path.to_owned());
        let cookies: Vec<_> =
            self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path.split('#').next().unwrap())
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let router = self.town.router.clone();
        let page = self.town.runtime.block_on(async move {
            let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Page { status: parts.status, headers: parts.headers, text }
        });
        assert!(!page.status.is_server_error() || page.status == 503, "{path}: {page:?}");
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite="), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.jar.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.jar.push((name.to_owned(), value.to_owned()));
            }
        }
        self.addresses.extend(page.to().map(str::to_owned));
        page
    }

    /// A page that is there.
    #[track_caller]
    pub fn see(&mut self, path: &str) -> Page {
        let page = self.send(Method::GET, path, "");
        assert_eq!(page.status, 200, "{path}: {:?}", page.to());
        assert!(page.text.len() < 30_000, "{path} has {} bytes", page.text.len());
        page
    }

    /// Where a GET leads.
    #[track_caller]
    pub fn led(&mut self, path: &str) -> String {
        let page = self.send(Method::GET, path, "");
        assert_eq!(page.status, 303, "{path}: {}", page.text);
        page.to().unwrap().to_owned()
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        self.send(Method::POST, path, &pairs.join("&"))
    }

    /// Sends a form and tells where it leads.
    #[track_caller]
    pub fn answer(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let page = self.post(path, fields);
        assert_eq!(page.status, 303, "{path}: {}", page.text);
        page.to().unwrap().to_owned()
    }

    #[track_caller]
    pub fn details(&mut self, person: Person) -> String {
        let Person { name, telephone, year } = person;
        let birth = [("day", "31"), ("month", "1"), ("year", year)];
        let fields = [&[("name", name), ("telephone", telephone), ("email", "")], &birth[..]];
        self.answer("/book/details", &fields.concat())
    }

    /// Up to the list of times for a passport at an office, or at any.
    #[track_caller]
    pub fn goes_to_times(&mut self, person: Person, office: Option<&str>) -> Page {
        self.answer("/book/service", &[("service", "passport"), ("persons", "1")]);
        let office = office.map_or(("any", "1"), |office| ("office", office));
        self.answer("/book/office", &[office]);
        assert_eq!(self.details(person), "/book/when");
        self.see("/book/when")
    }

    /// A place on hold: which one, and the page that asks to confirm it.
    #[track_caller]
    pub fn goes_to_check(&mut self, person: Person, office: Option<&str>) -> (String, Page) {
        let slot = self.goes_to_times(person, office).slots()[0].clone();
        assert_eq!(self.answer("/book/when", &[("slot", &slot)]), "/book/check");
        (slot, self.see("/book/check"))
    }

    /// A booking's code.
    #[track_caller]
    pub fn book(&mut self, person: Person, office: Option<&str>) -> String {
        self.goes_to_check(person, office);
        assert_eq!(self.answer("/book/check", &[]), "/booked");
        self.see("/booked").between("id=\"code\">", "<")
    }

    /// Proves a booking.
    pub fn prove(&mut self, code: &str, person: Person) -> Page {
        let birth = [("day", "31"), ("month", "1"), ("year", person.year)];
        self.post("/manage", &[&[("code", code)], &birth[..]].concat())
    }
}

impl Page {
    pub fn to(&self) -> Option<&str> {
        self.headers.get(header::LOCATION).map(|value| value.to_str().unwrap())
    }

    /// The slots that are offered, in their order.
    pub fn slots(&self) -> Vec<String> {
        let pieces = self.text.split("name=\"slot\" value=\"").skip(1);
        pieces.map(|piece| piece.split('"').next().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub fn between(&self, from: &str, to: &str) -> String {
        let (_, rest) = self.text.split_once(from).unwrap_or_else(|| panic!("no {from}"));
        rest.split(to).next().unwrap().to_owned()
    }

    #[track_caller]
    pub fn has(&self, what: &str) {
        assert!(self.text.contains(what), "no {what} in {}", self.text);
    }

    #[track_caller]
    pub fn lacks(&self, what: &str) {
        assert!(!self.text.contains(what), "{what} in {}", self.text);
    }
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}
