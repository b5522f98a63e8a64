//! Damage to what was acknowledged stops the start and names its place; nothing else is refused.
//!
//! A log is cut at every byte, zeroed from every byte, has every bit flipped, and every sector
//! swapped with others, made stale, or overwritten by another; so have a snapshot and the manifest.
//! Never is another history read. What may be damaged unseen is said to the byte by `is_idle`: the
//! rest of the file header's block, the closing marker, and what was never written. Damage that
//! takes all that stood behind a frame too is refused as well: the manifest says how far the log
//! had come. What broke stores before: a bad checksum in the middle taken for the end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    missing_docs,
    reason = "a test may panic, and has no readers but its own"
)]

#[path = "stage/evidence.rs"]
mod evidence;
#[path = "stage/log.rs"]
mod log;

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use cupo::log_store::{Appended, LogStore};
use cupo::{Crash, DirectoryReader, Durability, SimFileSystem, StorageError};
use evidence::{Evidence, first_seed, share};
use log::{DIR, Script, check, open};

const BLOCK: usize = 4_096;
const SECTOR: usize = 512;
/// The words of a file's header, and its checksum.
const FILE_HEADER: usize = 56;

/// A closed log of one file, nothing of it forgotten.
struct Stage {
    fs: SimFileSystem,
    script: Script,
    frames: Vec<Vec<u8>>,
    path: PathBuf,
    /// The bytes as they are to be.
    bytes: Vec<u8>,
    /// As `bytes`, before the last frames were written.
    older: Vec<u8>,
    /// Where the closing marker is, and with it the end of what was written.
    closing: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Refused,
    Whole,
    /// Only so many frames, as after a torn write.
    Shorter(u64),
}

/// How often each was told.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    refused: u64,
    whole: u64,
    shorter: u64,
}

impl Counts {
    fn add(&mut self, told: &Told) {
        match told {
            Told::Refused => self.refused += 1,
            Told::Whole => self.whole += 1,
            Told::Shorter(_) => self.shorter += 1,
        }
    }

    fn said(&self) -> String {
        let Self { refused, whole, shorter } = self;
        format!("{refused} refused, {whole} hit nothing acknowledged, {shorter} shorter")
    }
}

impl Stage {
    /// A log of about so many bytes.
    fn of(bytes: u64) -> Self {
        let frames = (bytes / 5_300).max(3);
        let script = Script {
            frames,
            durability: Durability::Synced,
            frame_max: 7_000,
            settle: 0,
            snapshot: 0,
            reopen: 0,
            close: true,
            ..Script::of(first_seed())
        };
        let fs = SimFileSystem::new();
        let store = log::open_with(&fs, script.durability, bytes * 5 / 4 + (32 << 10)).unwrap();
        let epoch = store.claim().unwrap().epoch;
        let path = Path::new(DIR).join(format!("log-{:016x}", 1));
        script.append(&store, epoch, 1..=frames - 2);
        let older = fs.with_bytes(&path, |bytes| bytes.clone()).unwrap();
        script.append(&store, epoch, frames - 1..=frames);
        store.settle(true).unwrap();
        let files = DirectoryReader::open_in(fs.clone(), DIR.as_ref()).unwrap().files().count();
        assert_eq!(files, 1);
        drop(store);
        let bytes = fs.with_bytes(&path, |bytes| bytes.clone()).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        let frames = (1..=frames).map(|position| script.frame(position)).collect();
        Self { fs, script, frames, path, bytes, older, closing: used / BLOCK * BLOCK }
    }

    /// A copy of its own, for another thread.
    fn copy(&self) -> Self {
        let fs = self.fs.crash(Crash::KeepAll);
        let (path, bytes, older) = (self.path.clone(), self.bytes.clone(), self.older.clone());
        Self { fs, path, bytes, older, frames: self.frames.clone(), ..*self }
    }

    /// Bytes that may be damaged unseen: nothing acknowledged depends on them.
    fn is_idle(&self, byte: usize) -> bool {
        (FILE_HEADER..BLOCK).contains(&byte) || byte >= self.closing
    }

    /// Damages the file, reads it, repairs it. `touched` are the bytes that may now differ.
    fn trial(&self, touched: Range<usize>, damage: impl FnOnce(&mut Vec<u8>), what: &str) -> Told {
        self.fs.with_bytes(&self.path, damage);
        let told = self.told(what);
        self.fs.with_bytes(&self.path, |bytes| {
            bytes.resize(self.bytes.len(), 0);
            bytes[touched.clone()].copy_from_slice(&self.bytes[touched]);
        });
        told
    }

    fn told(&self, what: &str) -> Told {
        let reader = DirectoryReader::open_in(self.fs.clone(), DIR.as_ref());
        match reader {
            Ok(reader) => {
                self.is_history(&reader, what);
                if reader.last() == self.script.frames {
                    return Told::Whole;
                }
                assert!(!reader.is_clean(), "{what}: shorter, and called closed in order");
                Told::Shorter(reader.last())
            }
            Err(StorageError::Damaged { path, offset, position, .. }) => {
                assert_eq!(path, self.path, "{what}");
                assert!(offset <= self.bytes.len() as u64, "{what}: {offset}");
                assert!(position <= self.script.frames, "{what}: {position}");
                Told::Refused
            }
            Err(StorageError::TooNew { .. }) => panic!("{what}: the checksum came first"),
            Err(error) => panic!("{what}: {error}"),
        }
    }

    fn is_history(&self, reader: &DirectoryReader<SimFileSystem>, what: &str) {
        let mut frames = self.frames.iter();
        let read = reader.read(1, reader.last(), &mut |_, bytes| {
            assert!(frames.next().is_some_and(|frame| frame == bytes), "{what}: another history");
            ControlFlow::Continue(())
        });
        read.unwrap();
        assert_eq!((self.frames.len() - frames.len()) as u64, reader.last(), "{what}");
    }

    /// What a start says of the same damage, for it is the start that is promised.
    fn claim_says(&self, told: &Told, damage: impl FnOnce(&mut Vec<u8>), what: &str) {
        let fs = self.fs.crash(Crash::KeepAll);
        fs.with_bytes(&self.path, damage);
        let last = match *told {
            Told::Whole => self.script.frames,
            Told::Shorter(last) => last,
            Told::Refused => {
                let claimed = open(&fs, self.script.durability).unwrap().claim();
                assert!(
                    matches!(claimed, Err(StorageError::Damaged { .. })),
                    "{what}: {claimed:?}"
                );
                return;
            }
        };
        assert_eq!(check(&self.script, &fs, last, what), last, "{what}");
    }

    /// The end of what is looked at: a block past what was written.
    fn end(&self) -> usize {
        self.closing + 2 * BLOCK
    }

    fn flips(&self, bits: impl Iterator<Item = usize>) -> Counts {
        let mut counts = Counts::default();
        for bit in bits {
            let byte = bit / 8;
            let flip = |bytes: &mut Vec<u8>| bytes[byte] ^= 1 << (bit % 8);
            let what = format!("bit {bit}");
            let told = self.trial(byte..byte + 1, flip, &what);
            assert_eq!(told == Told::Whole, self.is_idle(byte), "{what} of byte {byte}");
            if bit % 1_009 == 0 {
                self.claim_says(&told, flip, &what);
            }
            counts.add(&told);
        }
        counts
    }

    fn cuts(&self, bytes: impl Iterator<Item = usize>) -> Counts {
        let mut counts = Counts::default();
        for byte in bytes {
            let what = format!("cut at {byte}");
            let cut = |bytes: &mut Vec<u8>| bytes.truncate(byte);
            // A file shorter than its header says is refused, whatever was in the rest.
            let told = self.trial(byte..self.end(), cut, &what);
            assert_eq!(told, Told::Refused, "{what}");
            counts.add(&told);
            let what = format!("zeros from {byte}");
            let end = self.closing + BLOCK;
            let zero = |bytes: &mut Vec<u8>| bytes[byte.min(end)..end].fill(0);
            let told = self.trial(byte.min(end)..end, zero, &what);
            // Zeros that were there before are no damage.
            let first = (byte..end).find(|byte| self.bytes[*byte] != 0);
            let promised = match first {
                Some(first) if !self.is_idle(first) || first < self.closing => Told::Refused,
                _ => Told::Whole,
            };
            assert_eq!(told, promised, "{what}");
            if byte % 211 == 0 {
                self.claim_says(&told, zero, &what);
            }
            counts.add(&told);
        }
        counts
    }

    /// What is promised if sectors hold these bytes.
    fn promised(&self, sectors: &[(usize, &[u8])]) -> Told {
        let differ = sectors.iter().flat_map(|(n, bytes)| span(*n).zip(*bytes));
        let hit: Vec<usize> =
            differ.filter(|(at, byte)| self.bytes[*at] != **byte).map(|(at, _)| at).collect();
        if hit.iter().all(|at| self.is_idle(*at)) { Told::Whole } else { Told::Refused }
    }

    /// Every sector in the place of others, and of what was there before.
    fn sectors(&self) -> Counts {
        let mut counts = Counts::default();
        let sectors = self.end() / SECTOR;
        for n in 0..sectors {
            let other = (n * 7_919 + first_seed() as usize * 13 + 1) % sectors;
            let near = (n + 1) % sectors;
            let sources: [(&str, &[u8], usize); 5] = [
                ("blank", &self.older[self.older.len() - SECTOR..], n),
                ("stale", &self.older[span(n)], n),
                ("as its neighbour", &self.bytes[span(near)], n),
                ("as another", &self.bytes[span(other)], n),
                ("swapped with its neighbour", &self.bytes[span(near)], near),
            ];
            let swap = ("swapped with another", &self.bytes[span(other)], other);
            for (how, source, with) in sources.into_iter().chain([swap]) {
                let what = format!("sector {n} {how} ({other})");
                let damage = |bytes: &mut Vec<u8>| {
                    bytes[span(n)].copy_from_slice(source);
                    if with != n {
                        bytes[span(with)].copy_from_slice(&self.bytes[span(n)]);
                    }
                };
                let here = if with == n { source } else { &self.bytes[span(n)] };
                let (low, high) = (n.min(with), n.max(with));
                let told = self.trial(low * SECTOR..(high + 1) * SECTOR, damage, &what);
                assert_eq!(told, self.promised(&[(n, source), (with, here)]), "{what}");
                self.claim_says(&told, damage, &what);
                counts.add(&told);
            }
        }
        counts
    }
}

fn span(sector: usize) -> Range<usize> {
    sector * SECTOR..(sector + 1) * SECTOR
}

/// Work on both cores: every second item each.
fn both(stage: &Stage, work: impl Fn(&Stage, usize) -> Counts + Sync) -> Counts {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| work(&stage.copy(), 1));
        let (mine, other) = (work(&stage.copy(), 0), other.join().unwrap());
        Counts {
            refused: mine.refused + other.refused,
            whole: mine.whole + other.whole,
            shorter: mine.shorter + other.shorter,
        }
    })
}

fn log_bytes() -> u64 {
    share(8 << 10, 1 << 20)
}

#[test]
fn every_flipped_bit_of_acknowledged_data_is_refused() {
    let evidence = Evidence::of("T7 every bit of a log flipped");
    let stage = Stage::of(log_bytes());
    let bits = stage.end() * 8;
    let counts = both(&stage, |stage, n| stage.flips((n..bits).step_by(2)));
    assert_eq!((counts.refused + counts.whole, counts.shorter), (bits as u64, 0));
    evidence.passed(&format!("{bits} flips in {} bytes: {}", stage.end(), counts.said()));
}

#[test]
fn every_cut_is_refused_and_a_tail_of_zeros_hides_nothing_before_it() {
    let evidence = Evidence::of("T7 a log cut, and zeroed, from every byte");
    let stage = Stage::of(log_bytes());
    let bytes = stage.end();
    let counts = both(&stage, |stage, n| stage.cuts((n..bytes).step_by(2)));
    let said = counts.said();
    evidence.passed(&format!("{bytes} cuts and {bytes} tails of zeros: {said}"));
}

#[test]
fn every_sector_swapped_stale_or_doubled_is_refused() {
    let evidence = Evidence::of("T7 every sector swapped, stale, blank, doubled");
    let stage = Stage::of(share(48 << 10, 1 << 20));
    let counts = stage.sectors();
    evidence.passed(&format!("{} sectors, 6 ways: {}", stage.end() / SECTOR, counts.said()));
}

#[test]
fn every_damage_of_a_snapshot_or_the_manifest_is_refused() {
    let evidence = Evidence::of("T7 every bit and byte of a snapshot and of the manifest");
    let script = Script { frame_max: 4_000, ..Script::of(first_seed()) };
    let fs = SimFileSystem::new();
    let store = open(&fs, Durability::Synced).unwrap();
    let epoch = store.claim().unwrap().epoch;
    script.append(&store, epoch, 1..=3);
    let state = vec![0xa5; share(2_000, 20_000) as usize];
    let name = store.put_snapshot(2, &mut |out| out.write_all(&state)).unwrap();
    let snapshot = format!("snapshot-{:016x}-{:08x}", name.position, name.hash);
    let (mut flips, mut cuts) = (0_u64, 0_u64);
    for file in [Path::new(DIR).join(snapshot), Path::new(DIR).join("manifest")] {
        let refused = |what: &str| {
            let manifest = DirectoryReader::open_in(fs.clone(), DIR.as_ref()).map(|_| ());
            let told = manifest.and_then(|()| store.get_snapshot(name, &mut |_| Ok(())));
            let Err(StorageError::Damaged { path, .. }) = told else { panic!("{what}: {told:?}") };
            assert_eq!(path, file, "{what}");
        };
        let whole = fs.with_bytes(&file, |bytes| bytes.clone()).unwrap();
        for bit in 0..whole.len() * 8 {
            fs.with_bytes(&file, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            refused(&format!("{file:?}, bit {bit}"));
            fs.with_bytes(&file, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            flips += 1;
        }
        for byte in 0..whole.len() {
            fs.with_bytes(&file, |bytes| bytes.truncate(byte));
            refused(&format!("{file:?}, cut at {byte}"));
            fs.with_bytes(&file, |bytes| bytes.resize(whole.len(), 0));
            if whole[byte..].iter().any(|byte| *byte != 0) {
                refused(&format!("{file:?}, zeros from {byte}"));
            }
            fs.with_bytes(&file, |bytes| bytes.clone_from(&whole));
            cuts += 1;
        }
    }
    evidence.passed(&format!("{flips} flips, {cuts} cuts, {cuts} tails of zeros"));
}

#[test]
fn twice_synced_even_the_last_frame_is_proven() {
    let frame = [0x5a; 300];
    let path = Path::new(DIR).join(format!("log-{:016x}", 1));
    let one = |durability| {
        let fs = SimFileSystem::new();
        let store = open(&fs, durability).unwrap();
        let epoch = store.claim().unwrap().epoch;
        assert!(matches!(store.append(epoch, 1, &frame), Appended::Stored));
        fs
    };
    // The process dies here, with no marker but the one of the second sync.
    let fs = one(Durability::SyncedTwice);
    for bit in BLOCK * 8..2 * BLOCK * 8 {
        let copy = fs.crash(Crash::LoseUnsynced);
        copy.with_bytes(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        let told = DirectoryReader::open_in(copy, DIR.as_ref());
        assert!(told.is_err(), "bit {bit} was taken for a torn tail");
    }
    // Synced once, the same damage looks like a torn tail: the stated exception.
    let copy = one(Durability::Synced).crash(Crash::LoseUnsynced);
    copy.with_bytes(&path, |bytes| bytes[BLOCK + 100] ^= 0x10);
    assert_eq!(open(&copy, Durability::Synced).unwrap().claim().unwrap().last, 0);
}
