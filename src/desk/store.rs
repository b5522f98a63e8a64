//! Where do people, keys and the audit stay? One file of a small embedded database.
//!
//! Writes of many callers share one sync (group commit). Never sees anything personal in the
//! clear: rooms above encrypt first.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageBackend, TableDefinition, WriteTransaction,
};
use tokio::sync::oneshot;

use super::{DeskError, Secrets, audit, call_backs, people, spoken, wrap_up};

/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 << 20;

/// Changes that share a sync at most: more would only make the first wait longer.
const GROUP_MAX: usize = 1_024;

/// What the file says about itself.
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// The database file of the desk.
///
/// One thread writes. It takes every change that waits, runs them in one transaction, syncs once
/// and then answers them all, so that a thousand callers cost hardly more than one.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    /// `None` only while it is dropped.
    changes: Option<Sender<Box<dyn Change>>>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens or makes the file, for its owner alone. The keys must be those it was made with.
    ///
    /// # Errors
    /// [`DeskError::Store`]: another process has it, it was made with another master key, or what
    /// the disk or the database says.
    pub fn open(path: &Path, secrets: &Secrets) -> Result<Self, DeskError> {
        let at = |error: &dyn std::fmt::Display| {
            DeskError::Store(format!("{}: {error}", path.display()).into())
        };
        let file = private(path).map_err(|error| at(&error))?;
        let file = FileBackend::new(file).map_err(|error| at(&error))?;
        let database = create(file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => at(&"another process has this file open"),
            error => at(&error),
        })?;
        found(&database, Some(secrets)).map_err(|error| at(&error))?;
        // A new file is only there for good once its directory is on disk.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = File::open(parent.unwrap_or(Path::new(".")));
        parent.and_then(|parent| parent.sync_all()).map_err(|error| at(&error))?;
        Self::serving(database)
    }

    /// A store that forgets everything, for tests and demonstrations.
    ///
    /// # Errors
    /// What the database says.
    pub fn in_memory() -> Result<Self, DeskError> {
        let database = create(InMemoryBackend::new()).map_err(DeskError::store)?;
        found(&database, None).map_err(DeskError::store)?;
        Self::serving(database)
    }

    fn serving(database: Database) -> Result<Self, DeskError> {
        let database = Arc::new(database);
        let (changes, waiting) = channel();
        let writer = std::thread::Builder::new().name("cupo-desk".into()).spawn({
            let database = Arc::clone(&database);
            move || serve(&database, &waiting)
        });
        let writer = Some(writer.map_err(DeskError::store)?);
        Ok(Self { database, changes: Some(changes), writer })
    }

    /// Runs `change` in a write transaction that it may share with others; resolves once it is on
    /// disk. It may run more than once, as a neighbour's failure undoes the whole transaction; only
    /// the last run counts. Once polled it is carried out even if nobody waits for the answer.
    ///
    /// # Errors
    /// What the database says; nothing of `change` remains then.
    pub async fn write<T, F>(&self, change: F) -> Result<T, DeskError>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, redb::Error> + Send + 'static,
    {
        let gone = || DeskError::Store("its writer has stopped".into());
        let (answer, answered) = oneshot::channel();
        let waiting = Box::new(Waiting { change, made: None, answer });
        let changes = self.changes.as_ref().ok_or_else(gone)?;
        changes.send(waiting).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Runs `look` on a consistent state.
    ///
    /// # Errors
    /// What the database says.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DeskError> {
        let transaction = self.database.begin_read().map_err(DeskError::store)?;
        look(&transaction).map_err(DeskError::store)
    }
}

impl Drop for Store {
    /// What waits is written, and the file is free for the next one afterwards.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // It panicked only if the database did; whoever waited was told.
            let _ = writer.join();
        }
    }
}

/// The file, readable and writable by its owner alone.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn create(backend: impl StorageBackend) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)
}

/// Makes what is missing, and compares the proof of the master key.
fn found(database: &Database, secrets: Option<&Secrets>) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    if let Some(secrets) = secrets {
        let proof = secrets.sign("store", b"the desk's file, format 1");
        let mut about = transaction.open_table(ABOUT)?;
        let kept = about.get("proof")?.map(|kept| kept.value() == proof);
        match kept {
            Some(true) => {}
            Some(false) => {
                return Err(redb::Error::Corrupted("made with another master key".into()));
            }
            None => drop(about.insert("proof", proof.as_slice())?),
        }
    }
    people::found(&transaction)?;
    audit::found(&transaction)?;
    call_backs::found(&transaction)?;
    spoken::found(&transaction)?;
    wrap_up::found(&transaction)?;
    Ok(transaction.commit()?)
}

/// A change that somebody waits for.
trait Change: Send {
    /// Runs it, keeping what it made.
    fn run(&mut self, transaction: &WriteTransaction) -> Result<(), DeskError>;

    /// Tells who waits.
    fn answer(self: Box<Self>, how: Result<(), DeskError>);
}

struct Waiting<T, F> {
    change: F,
    made: Option<T>,
    answer: oneshot::Sender<Result<T, DeskError>>,
}

impl<T, F> Change for Waiting<T, F>
where
    T: Send,
    F: FnMut(&WriteTransaction) -> Result<T, redb::Error> + Send,
{
    fn run(&mut self, transaction: &WriteTransaction) -> Result<(), DeskError> {
        let ran = catch_unwind(AssertUnwindSafe(|| (self.change)(transaction)));
        let made = ran.map_err(|_| DeskError::Store("a change panicked".into()))?;
        self.made = Some(made.map_err(DeskError::store)?);
        Ok(())
    }

    fn answer(self: Box<Self>, how: Result<(), DeskError>) {
        let Self { made, answer, .. } = *self;
        let nothing = || DeskError::Store("a change made nothing".into());
        // Nobody may be waiting any more.
        let _ = answer.send(how.and_then(|()| made.ok_or_else(nothing)));
    }
}

/// The writer's life: until the store is dropped and nothing waits.
fn serve(database: &Database, waiting: &Receiver<Box<dyn Change>>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(GROUP_MAX - 1));
        settle(database, group);
    }
}

/// Commits a group and answers it. A change that fails leaves it, and the rest begins again.
fn settle(database: &Database, mut group: Vec<Box<dyn Change>>) {
    while !group.is_empty() {
        match attempt(database, &mut group) {
            Err(Failure::Of(at, error)) => group.remove(at).answer(Err(error)),
            Err(Failure::OfAll(error)) => {
                group.drain(..).for_each(|change| change.answer(Err(error.clone())));
            }
            Ok(()) => group.drain(..).for_each(|change| change.answer(Ok(()))),
        }
    }
}

enum Failure {
    Of(usize, DeskError),
    OfAll(DeskError),
}

fn attempt(database: &Database, group: &mut [Box<dyn Change>]) -> Result<(), Failure> {
    let of_all = |error: redb::Error| Failure::OfAll(DeskError::store(error));
    let mut transaction = database.begin_write().map_err(|error| of_all(error.into()))?;
    transaction.set_durability(Durability::Immediate).map_err(|error| of_all(error.into()))?;
    for (at, change) in group.iter_mut().enumerate() {
        // Dropped, the transaction undoes all of it.
        change.run(&transaction).map_err(|error| Failure::Of(at, error))?;
    }
    transaction.commit().map_err(|error| of_all(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::MasterKey;

    const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

    fn secrets(byte: u8) -> Secrets {
        Secrets::new(&MasterKey::new([byte; 32]))
    }

    fn insert(to: &WriteTransaction, number: u64) -> Result<(), redb::Error> {
        to.open_table(NUMBERS)?.insert(number, number)?;
        Ok(())
    }

    fn numbers(store: &Store) -> Vec<u64> {
        let read = store.read(|from| {
            let numbers = from.open_table(NUMBERS)?;
            numbers.range(0..)?.map(|number| Ok(number?.0.value())).collect()
        });
        read.unwrap()
    }

    /// Writers that all wait at once, each with what it is told.
    fn at_once<T: Send + 'static>(
        store: &Arc<Store>,
        count: u64,
        change: impl Fn(&WriteTransaction, u64) -> Result<T, redb::Error> + Copy + Send + 'static,
    ) -> Vec<Result<T, DeskError>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let write = |number| {
                let store = Arc::clone(store);
                async move { store.write(move |to| change(to, number)).await }
            };
            let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(write(number))).collect();
            let mut told = Vec::new();
            for task in tasks {
                told.push(task.await.unwrap());
            }
            told
        })
    }

    #[test]
    fn what_was_written_is_there_after_a_reopen() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("desk.redb");
        let store = Arc::new(Store::open(&path, &secrets(1)).unwrap());
        let told = at_once(&store, 500, |to, number| insert(to, number).map(|()| number * 2));
        assert!(told.into_iter().zip(0..).all(|(told, number)| told.unwrap() == number * 2));
        drop(store);
        let store = Store::open(&path, &secrets(1)).unwrap();
        assert_eq!(numbers(&store), (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn a_change_that_fails_undoes_itself_and_none_of_its_neighbours() {
        let store = Arc::new(Store::in_memory().unwrap());
        let told = at_once(&store, 300, |to, number| {
            insert(to, number)?;
            assert!(number % 50 != 7, "planned");
            if number % 50 == 9 { Err(redb::Error::Corrupted("planned".into())) } else { Ok(()) }
        });
        for (told, number) in told.into_iter().zip(0_u64..) {
            let error = told.err().map(|error| error.to_string());
            let expected = match number % 50 {
                7 => Some("the store of people failed: a change panicked"),
                9 => Some("the store of people failed: DB corrupted: planned"),
                _ => None,
            };
            assert_eq!(error.as_deref(), expected);
        }
        let left: Vec<u64> = (0..300).filter(|n| n % 50 != 7 && n % 50 != 9).collect();
        assert_eq!(numbers(&store), left);
    }

    #[test]
    fn a_change_is_carried_out_also_if_nobody_waits_any_more() {
        let store = Arc::new(Store::in_memory().unwrap());
        let mut write = Box::pin(store.write(|to| insert(to, 1)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = write.as_mut().poll(&mut context);
        drop(write);
        at_once(&store, 1, |to, _| insert(to, 2)).remove(0).unwrap();
        assert_eq!(numbers(&store), [1, 2]);
    }

    #[test]
    fn another_master_key_is_refused() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("desk.redb");
        drop(Store::open(&path, &secrets(1)).unwrap());
        let refused = Store::open(&path, &secrets(2)).unwrap_err().to_string();
        assert!(refused.contains("another master key"), "{refused}");
        assert!(Store::open(&path, &secrets(1)).is_ok());
    }

    #[test]
    fn a_file_has_one_owner_and_no_other_reader() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("desk.redb");
        let store = Store::open(&path, &secrets(1)).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = Store::open(&path, &secrets(1)).unwrap_err().to_string();
        assert!(refused.ends_with("another process has this file open"), "{refused}");
        drop(store);
        assert!(Store::open(&path, &secrets(1)).is_ok());
    }

    #[test]
    fn what_is_no_such_file_is_refused_and_left_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("desk.redb");
        std::fs::write(&path, b"something else, and longer than a header of any kind".repeat(100))
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(Store::open(&path, &secrets(1)).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(Store::open(&room.path().join("no/such/room"), &secrets(1)).is_err());
    }
}
