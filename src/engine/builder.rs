//! How is an engine opened? Settings with defaults that need no thought, and the opening itself.
//!
//! Never changes a running engine.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_utils::CachePadded;

use crate::catalog::{Catalog, Rules};
use crate::engine::recovery::{Rebuilt, rebuild};
use crate::engine::{Admin, Engine, Hall, World, stash_lines};
use crate::error::{Error, StorageError};
use crate::file_system::RealFileSystem;
use crate::id::Seq;
use crate::journal::{Journal, Tail};
use crate::ledger::Ledger;
use crate::limits::{KEEP_DAYS_MAX, SHARDS_MAX};
use crate::log_store::{DirectoryOptions, DirectoryStore, Durability, LogStore, MemoryStore};
use crate::record::Effect;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, thread};
use crate::time::{Clock, SystemClock, Time};

const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What the rest of the engine asks of the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) window_ms: u64,
    pub(crate) keep_days: u16,
    pub(crate) memory_max: u64,
    pub(crate) snapshot_every: u64,
    pub(crate) snapshot_on_close: bool,
    pub(crate) refuse_when_busy: bool,
    pub(crate) archive: bool,
}

/// Settings of an engine; every one has a default.
pub struct Builder {
    place: Storage,
    durability: Durability,
    clock: Box<dyn Clock>,
    shards: usize,
    segment_bytes: u64,
    allow_clock_jump: bool,
    seed: Option<u64>,
    settings: Settings,
}

enum Storage {
    Memory,
    Directory(PathBuf),
    Store(Arc<dyn LogStore>),
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            place: Storage::Memory,
            durability: Durability::Synced,
            clock: Box::new(SystemClock::new()),
            shards: 256,
            segment_bytes: 64 << 20,
            allow_clock_jump: false,
            seed: None,
            settings: Settings {
                window_ms: 24 * 60 * 60 * 1_000,
                keep_days: 7,
                memory_max: u64::MAX,
                snapshot_every: 1 << 30,
                snapshot_on_close: true,
                refuse_when_busy: false,
                archive: true,
            },
        }
    }
}

impl Builder {
    /// Keep the log in a directory (made if missing). Default: in memory only.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.place = Storage::Directory(directory.as_ref().to_path_buf());
        self
    }

    /// Keep the log in a store of your own.
    #[must_use]
    pub fn store(mut self, store: impl LogStore) -> Self {
        self.place = Storage::Store(Arc::new(store));
        self
    }

    /// What an acknowledgement promises. Default: [`Durability::Synced`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Where time comes from. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Ledger shards of a new log: a power of two up to 2,048. Default: 256. A log keeps the
    /// number it was founded with.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards.clamp(1, SHARDS_MAX).next_power_of_two();
        self
    }

    /// How long an ended claim is remembered for retries. Default: 24 hours.
    #[must_use]
    pub fn idempotency_window(mut self, window: Duration) -> Self {
        self.settings.window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// How many days a past day stays in memory, up to 600. Default: 7.
    #[must_use]
    pub fn keep_days(mut self, days: u16) -> Self {
        self.settings.keep_days = days.min(KEEP_DAYS_MAX);
        self
    }

    /// Bytes of claims and days beyond which grants are refused as [`Error::Busy`]; looked at
    /// every second. Default: none.
    #[must_use]
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.settings.memory_max = bytes;
        self
    }

    /// Bytes of one segment file. Default: 64 MiB.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Take a snapshot after so many bytes of log. Default: 1 GiB.
    #[must_use]
    pub fn snapshot_every(mut self, bytes: u64) -> Self {
        self.settings.snapshot_every = bytes;
        self
    }

    /// Whether closing takes a snapshot. Default: yes.
    #[must_use]
    pub fn snapshot_on_close(mut self, yes: bool) -> Self {
        self.settings.snapshot_on_close = yes;
        self
    }

    /// Refuse with [`Error::Busy`] rather than wait when the ring is full. Default: wait.
    #[must_use]
    pub fn refuse_when_busy(mut self, yes: bool) -> Self {
        self.settings.refuse_when_busy = yes;
        self
    }

    /// Whether what leaves memory is written to the archive. Default: yes.
    #[must_use]
    pub fn archive(mut self, yes: bool) -> Self {
        self.settings.archive = yes;
        self
    }

    /// Open although the wall clock is more than seven days past the log. Default: refuse.
    #[must_use]
    pub fn allow_clock_jump(mut self, yes: bool) -> Self {
        self.allow_clock_jump = yes;
        self
    }

    /// Leaves nothing to chance, for tests that are to be repeated: no threads (the log is written
    /// by whoever waits for it, what is due is done by [`Engine::tick`]), and everything that is
    /// otherwise random follows from the seed. The same seed, clock, storage and calls give the
    /// same log, byte for byte. A caller that waits while the store has no room gets
    /// [`Error::Indeterminate`], as nobody else could make room.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Opens the engine: recovers what the log says, finishes what was begun, starts the threads.
    ///
    /// # Errors
    /// [`Error::Storage`] with what is wrong and where.
    pub fn open(mut self) -> Result<Engine, Error> {
        let store: Arc<dyn LogStore> = match &self.place {
            Storage::Memory => {
                self.settings.archive = false;
                self.settings.snapshot_on_close = false;
                self.settings.snapshot_every = u64::MAX;
                Arc::new(MemoryStore::new())
            }
            Storage::Directory(directory) => {
                let options = DirectoryOptions {
                    durability: self.durability,
                    segment_bytes: self.segment_bytes,
                    background: self.seed.is_none(),
                    seed: self.seed,
                };
                Arc::new(DirectoryStore::open(RealFileSystem, directory, options)?)
            }
            Storage::Store(store) => store.clone(),
        };
        let claimed = store.claim()?;
        let found = rebuild(&*store, claimed.last)?;
        let new = found.is_none();
        let rebuilt = found.unwrap_or_else(|| {
            Rebuilt::new(Ledger::new(self.shards, hash_key(self.seed)), Tail::default())
        });
        self.check_clock(&rebuilt)?;
        let inline = self.seed.is_some();
        let journal = Journal::start(store.clone(), claimed.epoch, rebuilt.tail, inline)?;
        let hall = Arc::new(self.hall(store, journal, rebuilt));
        if new {
            let (shards, key) = (hall.ledger.shards(), hall.ledger.key());
            let shards = u32::try_from(shards).unwrap_or(0);
            let line = Effect::Founded { shards, key }.to_line();
            hall.publish_group(&mut [line], |_, _, _| {}, None)?;
        }
        let engine = Engine { hall, threads: Mutex::default() };
        engine.resume()?;
        if engine.hall.clock_runs && !inline {
            engine.start("cupo-ticker", Hall::run_ticker)?;
            engine.start("cupo-housekeeper", Hall::run_housekeeper)?;
        }
        Ok(engine)
    }

    fn check_clock(&self, rebuilt: &Rebuilt) -> Result<(), Error> {
        let (clock, logged) = (Time::from(self.clock.now()), rebuilt.tail.time);
        let ahead = clock.0.saturating_sub(logged.0);
        if logged > Time(0) && ahead > WEEK_MS && !self.allow_clock_jump {
            return Err(StorageError::ClockJump { days: ahead / (WEEK_MS / 7) }.into());
        }
        Ok(())
    }

    fn hall(self, store: Arc<dyn LogStore>, journal: Arc<Journal>, rebuilt: Rebuilt) -> Hall {
        let Rebuilt { ledger, days, admin, document, tail, .. } = rebuilt;
        let mut world = World { days, ..World::default() };
        if let Some(document) = document {
            let catalog = Arc::new(document.catalog);
            let rules = Rules::new(catalog.clone(), &document.numbers);
            world.numbers = document.numbers;
            (world.catalog, world.rules) = (Some(catalog), Some(Arc::new(rules)));
        }
        let now = Time::from(self.clock.now()).max(tail.time);
        let snapshot_at_bytes = self.settings.snapshot_every;
        Hall {
            stash: stash_lines(journal.lines(), ledger.shards()),
            ledger,
            world: ArcSwap::from_pointee(world),
            journal,
            store,
            now: CachePadded::new(AtomicU64::new(now.0)),
            clock_runs: self.clock.runs() && self.seed.is_none(),
            clock: self.clock,
            settings: self.settings,
            admin: Mutex::new(Admin { snapshot_at_bytes, ..admin }),
            half_done: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            memory: AtomicU64::new(0),
        }
    }
}

impl Engine {
    /// Opens an engine on a directory, durable, with every default.
    ///
    /// # Errors
    /// [`Error::Storage`] with what is wrong and where.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder().directory(directory).open()
    }

    /// An engine that forgets everything when it is dropped.
    ///
    /// # Errors
    /// [`Error::Storage`] when a thread cannot be started.
    pub fn in_memory() -> Result<Self, Error> {
        Self::builder().open()
    }

    /// Settings for an engine.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn start(&self, name: &'static str, life: fn(&Hall)) -> Result<(), Error> {
        let hall = self.hall.clone();
        let started = thread::Builder::new().name(name.into()).spawn(move || life(&hall));
        let failed = |error| StorageError::io("start a thread for", name, error);
        self.threads.lock().push(started.map_err(failed)?);
        Ok(())
    }

    /// Goes on with what a crash interrupted: an install, the closing of a day, the horizon.
    fn resume(&self) -> Result<(), Error> {
        let hall = &self.hall;
        let mut admin = hall.admin.lock();
        let world = hall.world.load_full();
        if admin.unfinished
            && let (Some(catalog), Some(rules)) = (&world.catalog, &world.rules)
        {
            let catalog = Catalog::clone(catalog);
            let document = super::install::Document { numbers: world.numbers.clone(), catalog };
            hall.finish_install(&mut admin, document, rules.clone())?;
        }
        for entry in world.days.iter().filter(|entry| entry.day.is_closed()) {
            for id in hall.roster_of(entry.day.id)? {
                hall.displace(id, entry.day.id)?;
            }
        }
        hall.roll(&mut admin)?;
        drop(admin);
        hall.expire_due();
        // Founding, horizon and expiry are durable before the first caller.
        if hall.journal.last() > Seq(0) { hall.settle() } else { Ok(()) }
    }
}

/// The hash key of a new log, from the system's randomness by way of the standard hasher.
fn hash_key(seed: Option<u64>) -> [u64; 2] {
    let random = || RandomState::new().build_hasher().finish();
    // A schedule can be replayed only if a party's shard is always the same.
    let seed = seed.or(cfg!(shuttle).then_some(1));
    seed.map_or_else(|| [random(), random()], |seed| [seed, !seed])
}
