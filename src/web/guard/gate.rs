//! What stands around all routes? One service: who, how often, from where, how large, how long.
//!
//! Never decides about places, and never lets a panic or a slow handler cost more than its answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use tower::Service;

use crate::web::App;
use crate::web::problem::{self, Problem};

use super::caller::Known;
use super::network::Network;
use super::rates::Rates;
use super::{body, headers, network, origin};

/// All routes with all guards around them.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: App,
    routes: Router,
    trusted: Vec<Network>,
    rates: Rates,
    headers: headers::Security,
    base: String,
    at_work: AtomicUsize,
}

impl Gate {
    pub(crate) fn new(routes: Router, app: &App) -> Self {
        let settings = &app.settings;
        // What is no network was told by `Settings::faults`.
        let trusted = settings.trusted_proxies.iter().filter_map(|text| text.parse().ok());
        Self {
            inner: Arc::new(Inner {
                app: app.clone(),
                routes,
                trusted: trusted.collect(),
                rates: Rates::new(settings),
                headers: headers::Security::new(settings),
                base: settings.base(),
                at_work: AtomicUsize::new(0),
            }),
        }
    }

    /// Forgets callers who have been quiet. Run it now and then.
    pub(crate) fn tidy(&self) {
        self.inner.rates.tidy();
    }

    /// Answers a request that came from `peer`.
    pub(crate) async fn answer<B>(&self, request: Request<B>, peer: Option<SocketAddr>) -> Response
    where
        B: HttpBody<Data = Bytes>,
    {
        let inner = &*self.inner;
        let (mut parts, body) = request.into_parts();
        let line = tracing::enabled!(tracing::Level::DEBUG).then(|| Line::begin(&parts));
        let address = peer.map(|peer| network::client(peer.ip(), &parts.headers, &inner.trusted));
        let known = Known::new(&parts, address, &inner.app);
        let asked = headers::Asked::of(&parts);
        let asker = problem::Asker::of(&parts);
        let response = if let Err(problem) = inner.admit(&parts, &known) {
            headers::hang_up(problem.into_response())
        } else {
            parts.extensions.insert(known);
            if let Some(peer) = peer {
                parts.extensions.insert(ConnectInfo(peer));
            }
            inner.carry_out(parts, body).await
        };
        let response = problem::dress(response, asker, &inner.app).await;
        let response = inner.headers.finish(response, &asked, &inner.app);
        if let Some(line) = line {
            line.end(response.status());
        }
        response
    }
}

impl Inner {
    /// What can be said before the body is looked at.
    fn admit(&self, parts: &Parts, known: &Known) -> Result<(), Problem> {
        if let Err(after) = self.rates.pass(known.address, known.session.as_ref()) {
            if self.rates.may_tell() {
                tracing::warn!(key = known.key(), "too many requests of one caller");
            }
            let what = "too many requests; slow down";
            let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", what);
            problem.retry_after_s = Some(whole_seconds(after));
            return Err(problem);
        }
        if origin::is_foreign(&parts.method, &parts.headers, &self.base) {
            if self.rates.may_tell() {
                tracing::warn!("a page of another site tried to change something");
            }
            let what = "this was sent by a page of another site";
            return Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", what));
        }
        Ok(())
    }

    async fn carry_out<B>(&self, parts: Parts, body: B) -> Response
    where
        B: HttpBody<Data = Bytes>,
    {
        let settings = &self.app.settings;
        let within = Duration::from_secs(settings.header_seconds_max);
        let body = match body::read(body, settings.body_bytes_max, within).await {
            Ok(body) => body,
            Err(cut) => {
                if self.rates.may_tell() {
                    tracing::warn!(?cut, "a body was not taken");
                }
                return headers::hang_up(Problem::from(cut).into_response());
            }
        };
        let Some(_place) = Place::take(&self.at_work, settings.requests_max) else {
            if self.rates.may_tell() {
                tracing::warn!("overloaded: requests are sent away");
            }
            let what = "the service has too much to do at the moment";
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", what);
            problem.retry_after_s = Some(1);
            return problem.into_response();
        };
        let answer = self.routes.clone().call(Request::from_parts(parts, Body::from(body)));
        let within = Duration::from_secs(settings.request_seconds_max);
        match tokio::time::timeout(within, unwound(answer)).await {
            Ok(Some(response)) => response,
            Ok(None) => {
                let what = "the service failed; it has been noted";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failure", what).into_response()
            }
            Err(_) => {
                tracing::warn!("a request was not answered in time");
                let what = "not answered in time; what was asked may still happen: ask again with \
                            the same Idempotency-Key";
                let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-late", what);
                problem.retry_after_s = Some(1);
                problem.into_response()
            }
        }
    }
}

/// For tests and for whoever embeds the router: the same guards, the peer from `ConnectInfo`.
impl Service<Request<Body>> for Gate {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let gate = self.clone();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Box::pin(async move { Ok(gate.answer(request, peer).await) })
    }
}

/// A place among the requests at work, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(at_work: &'a AtomicUsize, most: usize) -> Option<Self> {
        // Relaxed: a count; it orders nothing.
        let place = Self(at_work);
        (at_work.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The response, or nothing if its handler panicked.
async fn unwound<F>(answer: F) -> Option<Response>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    let mut answer = pin!(answer);
    std::future::poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
        match polled {
            Ok(poll) => poll.map(Result::ok),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// For `Retry-After`: never 0, which would mean "at once".
fn whole_seconds(after: Duration) -> u64 {
    u64::try_from(after.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

/// A line in the log about a request, without what its path may name.
struct Line {
    method: axum::http::Method,
    path: String,
    since: tokio::time::Instant,
}

impl Line {
    fn begin(parts: &Parts) -> Self {
        let shown = |part: &str| {
            if part.bytes().any(|byte| byte.is_ascii_digit()) && part != "v1" {
                "*".to_owned()
            } else {
                part.to_owned()
            }
        };
        let path = parts.uri.path().split('/').map(shown).collect::<Vec<_>>().join("/");
        Self { method: parts.method.clone(), path, since: tokio::time::Instant::now() }
    }

    fn end(self, status: StatusCode) {
        let micros = self.since.elapsed().as_micros();
        tracing::debug!(method = %self.method, path = self.path, status = status.as_u16(), micros);
    }
}
