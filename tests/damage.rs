//! Damage to what was acknowledged is refused with file, offset and position; damage to anything
//! else changes nothing. Never another history, never a shorter one.
//!
//! Every bit of a log flipped, every length cut, every tail zeroed, sectors and blocks swapped,
//! doubled, taken from an earlier use of the file; the manifest, snapshots and whole files too.
//! What may be damaged without being refused is said exactly: what follows the last frame of a
//! file, and what follows the words in its header.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/disk.rs"]
mod disk;
#[path = "stage/evidence.rs"]
mod evidence;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cupo::log_store::{Appended, LogStore};
use cupo::{Crash, Durability, FileSystem, SimFileSystem, StorageError};
use disk::{DIR, Dice, Script, Step, whole_snapshot};
use evidence::{Evidence, share};

const BLOCK: usize = 4_096;
const SECTOR: usize = 512;

/// A log file: where, its bytes, and which of them say what was acknowledged.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    header: Range<usize>,
    frames: Range<usize>,
    /// Up to here something is written.
    used: usize,
}

/// A sound log, and what it is made of.
struct Sound {
    script: Script,
    fs: SimFileSystem,
    last: u64,
    files: Vec<File>,
}

impl File {
    fn of(fs: &SimFileSystem, path: PathBuf) -> Self {
        let bytes = fs.bytes(&path).unwrap();
        let (mut at, mut end) = (BLOCK, BLOCK);
        while bytes[at..].starts_with(b"cupB") {
            let length = u32::from_le_bytes(bytes[at + 24..at + 28].try_into().unwrap()) as usize;
            let frame = bytes[at + 4] == 0;
            at += (64 + length).next_multiple_of(BLOCK);
            end = if frame { at } else { end };
        }
        Self { path, bytes, header: 0..56, frames: BLOCK..end, used: at }
    }

    fn acknowledged(&self, byte: usize) -> bool {
        self.header.contains(&byte) || self.frames.contains(&byte)
    }

    /// Whether these bytes, put there, change what was acknowledged.
    fn changed(&self, offset: usize, new: &[u8]) -> bool {
        let differs = |n: &usize| self.bytes[offset + n] != new[*n];
        (0..new.len()).filter(differs).any(|n| self.acknowledged(offset + n))
    }
}

impl Sound {
    fn of(script: Script) -> Self {
        let fs = SimFileSystem::new();
        let at = script.run(&fs);
        assert!(at.error.is_none() && fs.unsynced() == 0, "{at:?}");
        let mut names = fs.list(Path::new(DIR)).unwrap();
        names.retain(|name| name.starts_with("log-"));
        let path = |name| Path::new(DIR).join(name);
        let files = names.into_iter().map(|name| File::of(&fs, path(name))).collect();
        Self { script, fs, last: at.written, files }
    }

    /// Two files: one closed in order, and one settled, whose owner then died.
    fn small(seed: u64) -> Self {
        use Step::{Close, Frame, Settle, Snapshot};
        let steps = vec![Frame(64), Frame(5_000), Snapshot, Frame(300), Close, Frame(900), Settle];
        Self::of(Script { seed, ..Script::new(Durability::Synced, steps) })
    }

    /// A log of 1 MiB in files of 256 KiB.
    fn large() -> Self {
        let mut dice = Dice(1);
        let mut steps: Vec<Step> =
            (0..88).map(|_| Step::Frame(64 * (1 + dice.below(300)) as usize)).collect();
        steps.push(Step::Close);
        let script = Script { segment_bytes: 256 << 10, ..Script::new(Durability::Synced, steps) };
        Self::of(script)
    }

    fn copy(&self) -> SimFileSystem {
        self.fs.crash(Crash::KeepAll)
    }

    /// Whether it is refused, as damage of a file; if not, it is the one history, all of it.
    fn refused(&self, fs: &SimFileSystem, what: &dyn Fn() -> String) -> bool {
        match self.script.open(&fs.crash(Crash::KeepAll)) {
            Err(StorageError::Damaged { path, position, .. }) => {
                assert!(path.starts_with(DIR) && position <= self.last + 1, "{}", what());
                true
            }
            Err(error) => panic!("{}: {error}", what()),
            Ok((store, claimed)) => {
                assert_eq!(claimed.last, self.last, "{}: a shorter history", what());
                self.script.same(&store, self.last).unwrap();
                false
            }
        }
    }

    /// Puts bytes into a file of the copy, looks, and takes them out again.
    fn try_with(&self, copy: &SimFileSystem, file: &File, offset: usize, new: &[u8]) -> bool {
        copy.damage(&file.path, offset, new);
        let what = || format!("{}: {} bytes at {offset}", file.path.display(), new.len());
        let refused = self.refused(copy, &what);
        copy.damage(&file.path, offset, &file.bytes[offset..offset + new.len()]);
        assert_eq!(refused, file.changed(offset, new), "{}", what());
        refused
    }

    /// Flips each bit of a byte.
    fn flips(&self, copy: &SimFileSystem, file: &File, byte: usize) -> u64 {
        let flip = |bit| self.try_with(copy, file, byte, &[file.bytes[byte] ^ (1_u8 << bit)]);
        (0..8).filter(|bit| flip(*bit)).count() as u64
    }

    /// Cuts a file at each length, and zeroes each tail of it.
    fn cuts(&self, file: &File, step: usize) -> (u64, u64) {
        let length = file.bytes.len();
        let copy = self.copy();
        let lengths = || (0..length).rev().filter(|at| at % step == 0 || at % SECTOR < 2);
        for at in lengths() {
            copy.damage_len(&file.path, at);
            let what = || format!("{} cut at {at}", file.path.display());
            assert!(self.refused(&copy, &what), "{}", what());
        }
        let (copy, mut from, mut changed) = (self.copy(), length, false);
        for at in lengths() {
            let zeros = vec![0; from - at];
            changed |= file.changed(at, &zeros);
            copy.damage(&file.path, at, &zeros);
            from = at;
            let what = || format!("{} zeros from {at}", file.path.display());
            assert_eq!(self.refused(&copy, &what), changed, "{}", what());
        }
        let count = lengths().count() as u64;
        (count, count)
    }
}

#[test]
fn every_flipped_bit_of_acknowledged_data_is_refused() {
    let evidence = Evidence::of("T7 every bit of a small log flipped");
    let sound = Sound::small(7);
    let copy = sound.copy();
    let (mut flips, mut refused) = (0, 0);
    for file in &sound.files {
        // Of the zeros behind what is written, ordinarily a sample.
        let rest = (file.used..file.bytes.len()).filter(|at| share(0, 1) == 1 || at % 509 == 0);
        for byte in (0..file.used).chain(rest) {
            refused += sound.flips(&copy, file, byte);
            flips += 8;
        }
    }
    assert!(refused > flips / 2);
    evidence.passed(&format!("{flips} flips, {refused} refused, the others change nothing"));
}

#[test]
fn every_cut_and_every_tail_of_zeros_is_refused_or_changes_nothing() {
    let evidence = Evidence::of("T7 every byte of a small log cut and zeroed");
    let sound = Sound::small(7);
    let step = if share(0, 1) == 1 { 1 } else { 5 };
    let (mut cuts, mut zeroed) = (0, 0);
    for file in &sound.files {
        let (more, tails) = sound.cuts(file, step);
        (cuts, zeroed) = (cuts + more, zeroed + tails);
    }
    evidence.passed(&format!("{cuts} cuts, {zeroed} tails of zeros"));
}

#[test]
fn sectors_and_blocks_swapped_doubled_or_stale_are_refused() {
    let evidence = Evidence::of("T7 sectors and blocks of a small log swapped, doubled, stale");
    let (sound, other) = (Sound::small(7), Sound::small(8));
    let copy = sound.copy();
    let (mut trials, mut refused) = (0, 0);
    let mut count = |was: bool| {
        trials += 1;
        refused += u64::from(was);
    };
    for size in [SECTOR, BLOCK] {
        let places: Vec<(&File, usize)> = sound
            .files
            .iter()
            .flat_map(|file| (0..file.used).step_by(size).map(move |at| (file, at)))
            .collect();
        for (n, (file, at)) in places.iter().enumerate() {
            // The oldest version of every place is zeros; another is of another use of the file.
            count(sound.try_with(&copy, file, *at, &vec![0; size]));
            for stale in &other.files {
                count(sound.try_with(&copy, file, *at, &stale.bytes[*at..at + size]));
            }
            for (m, (from, there)) in places.iter().enumerate() {
                let mine = &file.bytes[*at..at + size];
                let theirs = &from.bytes[*there..there + size];
                count(sound.try_with(&copy, file, *at, theirs));
                if n < m {
                    copy.damage(&from.path, *there, mine);
                    copy.damage(&file.path, *at, theirs);
                    let what = || format!("{at} of {:?} for {there} of {:?}", file.path, from.path);
                    let was = sound.refused(&copy, &what);
                    let changed = file.changed(*at, theirs) || from.changed(*there, mine);
                    assert_eq!(was, changed, "{}", what());
                    copy.damage(&from.path, *there, theirs);
                    copy.damage(&file.path, *at, mine);
                    count(was);
                }
            }
        }
    }
    evidence.passed(&format!("{trials} trials, {refused} refused, the others change nothing"));
}

#[test]
fn the_manifest_and_snapshots_are_sound_or_refused() {
    let evidence = Evidence::of("T7 every bit and byte of manifest and snapshot");
    let sound = Sound::small(7);
    let names = sound.fs.list(Path::new(DIR)).unwrap();
    let (mut flips, mut cuts) = (0, 0);
    for name in names.iter().filter(|name| *name == "manifest" || name.starts_with("snapshot-")) {
        let path = Path::new(DIR).join(name);
        let bytes = sound.fs.bytes(&path).unwrap();
        let refused = |copy: &SimFileSystem, what: &dyn Fn() -> String| {
            let copy = copy.crash(Crash::KeepAll);
            let opened = sound.script.open(&copy);
            let error = if name == "manifest" {
                opened.err()
            } else {
                // The log stands by itself; who asks for the snapshot is told.
                let (store, claimed) = opened.unwrap();
                assert_eq!(claimed.last, sound.last, "{}", what());
                let snapshots = store.snapshots().unwrap();
                snapshots.into_iter().find_map(|name| whole_snapshot(&store, name).err())
            };
            let error = error.unwrap_or_else(|| panic!("{}: was accepted", what()));
            assert!(matches!(error, StorageError::Damaged { .. }), "{}: {error}", what());
        };
        let copy = sound.copy();
        for bit in 0..bytes.len() * 8 {
            copy.damage(&path, bit / 8, &[bytes[bit / 8] ^ (1_u8 << (bit % 8))]);
            refused(&copy, &|| format!("{name}: bit {bit}"));
            copy.damage(&path, bit / 8, &bytes[bit / 8..=bit / 8]);
            flips += 1;
        }
        let zeros = sound.copy();
        for at in (0..bytes.len()).rev() {
            copy.damage_len(&path, at);
            refused(&copy, &|| format!("{name}: cut at {at}"));
            zeros.damage(&path, at, &[0]);
            if bytes[at..].iter().any(|byte| *byte != 0) {
                refused(&zeros, &|| format!("{name}: zeros from {at}"));
            }
            cuts += 2;
        }
    }
    evidence.passed(&format!("{flips} flips, {cuts} cuts and tails of zeros"));
}

#[test]
fn a_missing_file_is_refused() {
    let sound = Sound::small(7);
    let mut refused = Vec::new();
    for name in sound.fs.list(Path::new(DIR)).unwrap() {
        for empty in [false, true] {
            let copy = sound.copy();
            let path = Path::new(DIR).join(&name);
            if empty {
                copy.damage_len(&path, 0);
            } else {
                copy.remove(&path).unwrap();
            }
            if !name.starts_with("snapshot-") && sound.refused(&copy, &|| name.clone()) {
                refused.push(name.clone());
            }
        }
    }
    // The newest log file too, of which once nobody knew; and the manifest, without which the
    // epochs once began again.
    let log = |n| format!("log-{n:016x}");
    let want = [log(1), log(1), log(2), log(2), "manifest".into(), "manifest".into()];
    assert_eq!(refused, want);
}

/// The stated exception: until the log is settled, damage to the very last frame looks as if it had
/// never been written whole. Synced twice there is no exception.
#[test]
fn only_an_unsettled_last_frame_can_be_taken_for_torn() {
    for durability in [Durability::Synced, Durability::SyncedTwice] {
        let script = Script::new(durability, vec![Step::Frame(200), Step::Frame(5_000)]);
        let fs = SimFileSystem::new();
        assert!(script.run(&fs).error.is_none());
        let file = File::of(&fs, Path::new(DIR).join(format!("log-{:016x}", 1)));
        let second = file.frames.end - 2 * BLOCK;
        for byte in 0..file.used {
            let copy = fs.crash(Crash::KeepAll);
            copy.damage(&file.path, byte, &[file.bytes[byte] ^ 0x10]);
            let last = script.open(&copy).map(|(_, claimed)| claimed.last).ok();
            let want = match file.acknowledged(byte) {
                false => Some(2),
                true if durability == Durability::Synced && byte >= second => Some(1),
                true => None,
            };
            assert_eq!(last, want, "{durability:?}, byte {byte}");
        }
    }
}

/// Damage wider than any frame, with whole blocks behind it: the search for proof once gave up
/// after 4 MiB of it, and took the log for one that ended there.
#[test]
fn damage_however_wide_hides_nothing_behind_it() {
    let script = Script {
        segment_bytes: 16 << 20,
        ..Script::new(Durability::Synced, vec![Step::Frame(1 << 20); 8])
    };
    let fs = SimFileSystem::new();
    let (store, claimed) = script.open(&fs).unwrap();
    for (position, frame) in (1..).zip(&script.frames) {
        assert!(matches!(store.append(claimed.epoch, position, frame), Appended::Stored));
    }
    drop(store);
    let path = Path::new(DIR).join(format!("log-{:016x}", 1));
    fs.damage(&path, 2 << 20, &vec![0; 5 << 20]);
    let refused = script.open(&fs.crash(Crash::KeepAll)).unwrap_err();
    assert!(matches!(refused, StorageError::Damaged { position: 2, .. }), "{refused}");
}

#[test]
fn every_flip_and_cut_of_a_large_log() {
    let evidence = Evidence::of("T7 every bit and byte of a log of 1 MiB");
    let sound = Sound::large();
    let used: usize = sound.files.iter().map(|file| file.used).sum();
    assert!(used >= 1 << 20, "{used}");
    let total = used as u64;
    let stride = (total / share(2_000, total).min(total)) as usize;
    let (flips, cuts, swaps) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let workers = share(1, 2).min(2) as usize;
    let work = |worker: usize| {
        let copy = sound.copy();
        for file in &sound.files {
            for byte in (0..file.used).step_by(stride).filter(|at| at / stride % workers == worker)
            {
                sound.flips(&copy, file, byte);
                flips.fetch_add(8, Ordering::Relaxed);
            }
        }
        for file in sound.files.iter().skip(worker).step_by(workers) {
            let (a, b) = sound.cuts(file, stride * 4);
            cuts.fetch_add(a + b, Ordering::Relaxed);
            let mut dice = Dice(worker as u64);
            for at in (0..file.used - SECTOR).step_by(SECTOR * stride.min(64)) {
                let there = SECTOR * dice.below((file.used / SECTOR) as u64) as usize;
                for from in [at + SECTOR, there] {
                    let theirs = &file.bytes[from..from + SECTOR];
                    sound.try_with(&copy, file, at, theirs);
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let work = &work;
            scope.spawn(move || work(worker));
        }
    });
    let (flips, cuts, swaps) = (flips.into_inner(), cuts.into_inner(), swaps.into_inner());
    evidence
        .passed(&format!("{used} bytes, {flips} flips, {cuts} cuts and tails, {swaps} sectors"));
}
