//! What does fuzzing try? Plain functions from bytes to a panic, or none.
//!
//! Shared by the fuzz targets and by `tests/fuzz_corpus.rs`, which replays the corpus.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use cupo::log_store::{Appended, LogStore};
use cupo::{
    Catalog, Crash, DirectoryOptions, DirectoryStore, Durability, Engine, FileSystem, ManualClock,
    SimFileSystem, StorageError,
};

/// A catalog is refused with a reason, or it reads back equal in both forms; a small one can be
/// installed. Says whether it was accepted.
pub fn catalog(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut good = false;
    for read in [Catalog::from_toml(text), Catalog::from_json(text)] {
        match read {
            Ok(catalog) => {
                accepted(&catalog);
                good = true;
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a refusal without a reason"),
        }
    }
    good
}

fn accepted(catalog: &Catalog) {
    let toml = Catalog::from_toml(&catalog.to_toml()).expect("its own TOML");
    assert_eq!(&toml, catalog);
    let json = Catalog::from_json(&catalog.to_json()).expect("its own JSON");
    assert_eq!(&json, catalog);
    if catalog.calendars.len() > 2 {
        return;
    }
    let clock =
        ManualClock::at(chrono::DateTime::from_timestamp_millis(1_796_000_000_000).unwrap());
    let engine = Engine::builder().clock(clock).shards(1).open().expect("in memory");
    // A catalog may still be beyond a bound of the engine; it says so.
    if engine.install(catalog).is_ok() {
        assert!(engine.audit().is_clean());
    }
}

const DIR: &str = "log";
const FRAMES: u64 = 6;

fn open(fs: &SimFileSystem) -> Result<DirectoryStore<SimFileSystem>, StorageError> {
    let durability = Durability::Synced;
    let options =
        DirectoryOptions { durability, segment_bytes: 64 << 10, background: false, seed: None };
    DirectoryStore::open(fs.clone(), DIR, options)
}

/// The frame of a position: of different lengths, some over one block.
fn frame(position: u64) -> Vec<u8> {
    (0..200 + position * 397 % 9_000).map(|n| (n * 31 + position * 7).to_le_bytes()[0]).collect()
}

/// A sound directory: six frames in two files, and a snapshot.
fn sound() -> SimFileSystem {
    static SOUND: OnceLock<SimFileSystem> = OnceLock::new();
    let sound = SOUND.get_or_init(|| {
        let fs = SimFileSystem::new();
        for upto in [FRAMES / 2, FRAMES] {
            let store = open(&fs).expect("a sound disk");
            let claimed = store.claim().expect("a sound disk");
            for position in claimed.last + 1..=upto {
                let appended = store.append(claimed.epoch, position, &frame(position));
                assert!(matches!(appended, Appended::Stored), "{appended:?}");
            }
            store.settle(upto == FRAMES).expect("a sound disk");
        }
        let store = open(&fs).expect("a sound disk");
        store.put_snapshot(2, &mut |out| out.write_all(b"a snapshot")).expect("a sound disk");
        drop(store);
        fs
    });
    sound.crash(Crash::KeepAll)
}

/// Five bytes are one piece of damage: a file, an offset in it, what to flip there; a zero flips
/// nothing and cuts the file there. However many there are, opening says what is wrong, or gives
/// back frames of the one true history from its start to some point, and never others. Says
/// whether it opened.
pub fn log_dir(bytes: &[u8]) -> bool {
    let fs = sound();
    let mut names = fs.list(Path::new(DIR)).expect("a directory");
    names.sort();
    let (damage, _) = bytes.as_chunks::<5>();
    for [file, a, b, c, flip] in damage.iter().take(64) {
        let name = &names[usize::from(*file) % names.len()];
        let offset = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
        fs.with_bytes(&Path::new(DIR).join(name), |bytes| match bytes.len() {
            0 => {}
            length if *flip == 0 => bytes.truncate(offset % length),
            length => bytes[offset % length] ^= flip,
        });
    }
    let Ok(store) = open(&fs) else { return false };
    let Ok(claimed) = store.claim() else { return false };
    assert!(claimed.last <= FRAMES, "more frames than were written");
    let (first, mut next) = (store.first(), store.first());
    let read = store.read(first, claimed.last, &mut |position, bytes| {
        assert_eq!((position, bytes), (next, &frame(next)[..]), "another history");
        next += 1;
        ControlFlow::Continue(())
    });
    if damage.is_empty() {
        assert!(read.is_ok() && next == FRAMES + 1, "a sound directory is read whole");
    }
    true
}
