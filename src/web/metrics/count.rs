//! How many requests, how long did they take, how were they answered? Counters by route.
//!
//! A request pays for a lookup and four counters.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use parking_lot::{Mutex, RwLock};
use tower::{Layer, Service};

use crate::SystemClock;

/// Buckets of time: four to each doubling, from a microsecond to 17 seconds.
pub(crate) const BUCKETS: usize = 96;

/// Counters of one route.
#[derive(Debug)]
pub(crate) struct Route {
    /// By hundreds of the status, 1xx to 5xx.
    statuses: [AtomicU64; 5],
    times: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// What a route has counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) statuses: [u64; 5],
    pub(crate) times: [u64; BUCKETS],
    pub(crate) sum_us: u64,
}

/// All counters of requests.
#[derive(Debug)]
pub(crate) struct Counts {
    routes: RwLock<HashMap<Method, HashMap<String, Arc<Route>>>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    clock: SystemClock,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            statuses: Default::default(),
            times: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
        }
    }
}

impl Route {
    fn add(&self, status: u16, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let status = usize::from(status / 100).saturating_sub(1);
        // Relaxed: counters order nothing.
        let one = |counter: Option<&AtomicU64>| counter.map(|c| c.fetch_add(1, Ordering::Relaxed));
        one(self.statuses.get(status));
        one(self.times.get(bucket(micros)));
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }
}

/// The bucket of a time.
fn bucket(micros: u64) -> usize {
    let micros = micros.max(1);
    let doublings = micros.ilog2();
    // The two bits below the highest.
    let quarter = ((micros << 2) >> doublings) & 3;
    usize::try_from(u64::from(doublings) * 4 + quarter).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The longest time in a bucket, in microseconds.
pub(crate) fn upper(bucket: usize) -> u64 {
    let (doublings, quarter) = (bucket / 4, bucket % 4);
    let end = (quarter as u64 + 5) << doublings;
    end.div_ceil(4).saturating_sub(1).max(1)
}

/// The time that so many of a hundred do not exceed, in microseconds; 0 of nothing.
pub(crate) fn quantile(times: &[u64; BUCKETS], percent: u64) -> u64 {
    let total: u64 = times.iter().sum();
    let rank = (total * percent).div_ceil(100);
    let mut seen = 0;
    let found = times.iter().position(|count| {
        seen += count;
        seen >= rank && rank > 0
    });
    found.map_or(0, upper)
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self { routes: RwLock::default(), refusals: Mutex::default(), clock: SystemClock::new() }
    }

    fn route(&self, method: &Method, path: &str) -> Arc<Route> {
        let find = |routes: &HashMap<Method, HashMap<String, Arc<Route>>>| {
            routes.get(method)?.get(path).cloned()
        };
        if let Some(route) = find(&self.routes.read()) {
            return route;
        }
        let mut routes = self.routes.write();
        routes.entry(method.clone()).or_default().entry(path.to_owned()).or_default().clone()
    }

    /// What every route has counted, by path.
    pub(crate) fn counted(&self) -> Vec<Counted> {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let routes = self.routes.read();
        let each = routes.iter().flat_map(|(method, routes)| {
            routes.iter().map(move |(path, route)| Counted {
                method: method.clone(),
                path: path.clone(),
                statuses: route.statuses.each_ref().map(load),
                times: route.times.each_ref().map(load),
                sum_us: load(&route.sum_us),
            })
        });
        let mut counted: Vec<Counted> = each.collect();
        counted.sort_by(|a, b| (&a.path, a.method.as_str()).cmp(&(&b.path, b.method.as_str())));
        counted
    }

    /// Times of all routes together.
    pub(crate) fn times(&self) -> [u64; BUCKETS] {
        let mut sum = [0; BUCKETS];
        for route in self.routes.read().values().flat_map(HashMap::values) {
            for (sum, time) in sum.iter_mut().zip(&route.times) {
                *sum += time.load(Ordering::Relaxed);
            }
        }
        sum
    }

    /// Counts a refusal.
    pub(crate) fn refuse(&self, cause: &'static str) {
        *self.refusals.lock().entry(cause).or_default() += 1;
    }

    /// Refusals by cause.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.lock().clone()
    }

    /// All refusals.
    pub(crate) fn refused(&self) -> u64 {
        self.refusals.lock().values().sum()
    }

    /// Refusals for one cause.
    pub(crate) fn refused_as(&self, cause: &str) -> u64 {
        self.refusals.lock().get(cause).copied().unwrap_or(0)
    }
}

/// Puts a counter around each route.
#[derive(Clone, Debug)]
pub(crate) struct Counting(pub(crate) Arc<Counts>);

/// A route with a counter around it.
#[derive(Clone, Debug)]
pub(crate) struct Counter<S> {
    inner: S,
    counts: Arc<Counts>,
}

/// A request on its way; no box is needed for it, as what routes are made of may be moved.
#[derive(Debug)]
pub(crate) struct InFlight<F> {
    answer: F,
    counts: Arc<Counts>,
    method: Method,
    path: Option<MatchedPath>,
    began: Duration,
}

impl<S> Layer<S> for Counting {
    type Service = Counter<S>;

    fn layer(&self, inner: S) -> Counter<S> {
        Counter { inner, counts: Arc::clone(&self.0) }
    }
}

impl<S> Service<Request> for Counter<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Unpin,
{
    type Response = Response;
    type Error = S::Error;
    type Future = InFlight<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        InFlight {
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
            began: self.counts.clock.elapsed(),
            counts: Arc::clone(&self.counts),
            answer: self.inner.call(request),
        }
    }
}

impl<F, E> Future for InFlight<F>
where
    F: Future<Output = Result<Response, E>> + Unpin,
{
    type Output = Result<Response, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        if let Ok(response) = &answer {
            let known = matches!(
                self.method,
                Method::GET
                    | Method::HEAD
                    | Method::POST
                    | Method::PUT
                    | Method::PATCH
                    | Method::DELETE
            );
            let path = self.path.as_ref().filter(|_| known).map_or("", MatchedPath::as_str);
            let method = if known { &self.method } else { &Method::OPTIONS };
            let took = self.counts.clock.elapsed().saturating_sub(self.began);
            self.counts.route(method, path).add(response.status().as_u16(), took);
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_that_says_so() {
        for micros in (1..5_000).chain([1 << 20, (1 << 20) + 1, 9_999_999]) {
            let bucket = bucket(micros);
            assert!(upper(bucket) >= micros, "{micros} in {bucket} up to {}", upper(bucket));
            assert!(bucket < 4 || upper(bucket - 1) < micros || micros < 8, "{micros}");
            assert!(micros < 8 || upper(bucket) <= micros + micros / 4, "{micros}");
        }
        assert_eq!(bucket(u64::MAX >> 3), BUCKETS - 1);
    }

    #[test]
    fn a_quantile_is_never_below_the_truth() {
        let mut times = [0; BUCKETS];
        assert_eq!(quantile(&times, 99), 0);
        for micros in 1..=1_000 {
            times[bucket(micros)] += 1;
        }
        let (half, most) = (quantile(&times, 50), quantile(&times, 99));
        assert!((500..=625).contains(&half), "{half}");
        assert!((990..=1_240).contains(&most), "{most}");
    }

    #[test]
    #[ignore = "a measurement: run it in release with --nocapture"]
    fn what_counting_costs() {
        let counts = Counts::new();
        let clock = SystemClock::new();
        let rounds = 1_000_000;
        for _ in 0..rounds {
            let began = counts.clock.elapsed();
            let route = counts.route(&Method::GET, "/v1/bookings/{reference}/calendar.ics");
            route.add(200, counts.clock.elapsed().saturating_sub(began));
        }
        let each = clock.elapsed().as_nanos() / rounds;
        assert!(each < 1_000, "{each} ns");
        eprintln!("counting a request: {each} ns");
    }
}
