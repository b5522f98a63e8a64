//! Which directories does a log open on? A sound one that was damaged, and files made up whole.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use cupo::log_store::{Appended, LogStore};
use cupo::{
    Crash, DirectoryOptions, DirectoryStore, Durability, FileHandle, FileSystem, SimFileSystem,
    StorageError,
};

const DIR: &str = "log";
const FRAMES: u64 = 6;

fn open(fs: &SimFileSystem) -> Result<DirectoryStore<SimFileSystem>, StorageError> {
    let durability = Durability::Synced;
    let options =
        DirectoryOptions { durability, segment_bytes: 64 << 10, background: false, seed: Some(1) };
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

const BLOCK: usize = 4_096;
const HEAD: usize = 64;

/// Reads the input piece by piece; zeros once it is used up.
struct Pieces<'a>(&'a [u8]);

impl Pieces<'_> {
    fn number(&mut self, bytes: usize) -> u64 {
        let (now, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        now.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// Mostly a small number, at times any.
    fn count(&mut self) -> u64 {
        match self.number(1) {
            255 => self.number(8),
            254 => u64::MAX - self.number(1),
            small => small,
        }
    }
}

fn put(bytes: &mut [u8], word: usize, value: u64) {
    bytes[word * 8..word * 8 + 8].copy_from_slice(&value.to_le_bytes());
}

/// A log file as the input says: a header, blocks, and right checksums but where it asks for
/// wrong ones.
fn file(own: u64, pieces: &mut Pieces<'_>) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK];
    let flags = pieces.number(1);
    let salt = pieces.count();
    let magic = u64::from(u32::from_le_bytes(*b"cupS")) | (1 + (flags & 1)) << 32;
    let (number, epoch, first) = (pieces.count(), pieces.count(), pieces.count());
    let number = if flags & 64 == 0 { own } else { number };
    let blocks = pieces.number(1) % 12;
    let told = if flags & 2 == 0 { None } else { Some(pieces.count()) };
    let mut previous = 0;
    for _ in 0..blocks {
        previous = block(pieces, salt, previous, &mut bytes);
    }
    bytes.resize(bytes.len() + (flags as usize >> 2 & 7) * BLOCK, 0);
    let length = told.unwrap_or(bytes.len() as u64);
    for (word, value) in [magic, salt, number, epoch, first, length].into_iter().enumerate() {
        put(&mut bytes, word, value);
    }
    let crc = crc32c::crc32c(&bytes[..48]);
    put(&mut bytes, 6, u64::from(crc) ^ (flags >> 7));
    bytes
}

fn block(pieces: &mut Pieces<'_>, salt: u64, previous: u32, out: &mut Vec<u8>) -> u32 {
    let flags = pieces.number(1);
    let kind = flags & 3;
    let (position, synced) = (pieces.count(), pieces.count());
    let length = pieces.number(2) % 9_000;
    let (salt, previous) = match flags >> 2 & 7 {
        1 => (salt ^ 1, previous),
        2 => (salt, previous ^ 1),
        _ => (salt, previous),
    };
    let start = out.len();
    let said = if flags & 32 == 0 { length } else { pieces.number(4) };
    let size = (HEAD + length as usize).next_multiple_of(BLOCK);
    out.resize(start + size, 0);
    let bytes = &mut out[start..];
    bytes[HEAD..HEAD + length as usize].fill(flags as u8);
    let magic = u64::from(u32::from_le_bytes(*b"cupB")) | kind << 32;
    let counts = said & 0xffff_ffff | u64::from(previous) << 32;
    for (word, value) in [magic, salt, position, counts, synced].into_iter().enumerate() {
        put(bytes, word, value);
    }
    let crc = crc32c::crc32c(&bytes[..HEAD - 8]);
    let crc = crc32c::crc32c_append(crc, &bytes[HEAD..HEAD + length as usize]);
    put(bytes, 7, u64::from(crc) ^ (flags >> 7));
    crc
}

/// A manifest that says so: two slots, of which the second is the newer.
fn manifest(number: u64, synced: u64) -> Vec<u8> {
    let magic = u64::from(u32::from_le_bytes(*b"cupM")) | 1 << 32;
    let mut bytes = vec![0; 2 * BLOCK];
    for (turn, slot) in bytes.chunks_mut(BLOCK).enumerate() {
        for (word, value) in [magic, turn as u64, 1, number, synced].into_iter().enumerate() {
            put(slot, word, value);
        }
        let crc = crc32c::crc32c(&slot[..40]);
        put(slot, 5, u64::from(crc));
    }
    bytes
}

/// Log files made up whole, up to three of them, beside a snapshot's name or none, and a manifest.
/// Opening says what is wrong; or the frames can be read, a frame goes in after the last, and both
/// are found by the next owner. Says whether it opened.
pub fn segments(bytes: &[u8]) -> bool {
    let mut pieces = Pieces(bytes);
    let fs = SimFileSystem::new();
    let flags = pieces.number(1);
    for number in 0..=flags % 3 {
        write(&fs, &format!("log-{:016x}", number + 1), &file(number + 1, &mut pieces));
    }
    if flags & 4 != 0 {
        let position = pieces.count();
        write(&fs, &format!("snapshot-{position:016x}-00000000"), b"");
    }
    let said = |pieces: &mut Pieces<'_>| (pieces.number(1) % 5, pieces.count());
    let (newest, synced) = if flags & 8 == 0 { (0, 0) } else { said(&mut pieces) };
    write(&fs, "manifest", &manifest(newest, synced));
    let Ok(store) = open(&fs) else { return false };
    let Ok(claimed) = store.claim() else { return false };
    let before = whole(&store, claimed.last);
    if claimed.last == u64::MAX {
        return true;
    }
    let added = store.append(claimed.epoch, claimed.last + 1, b"one more");
    assert!(matches!(added, Appended::Stored), "{added:?}");
    store.settle(true).expect("a sound disk");
    drop(store);
    let store = open(&fs).expect("it opened before");
    let again = store.claim().expect("it opened before");
    assert_eq!(again.last, claimed.last + 1);
    if let (Some(mut before), Some(after)) = (before, whole(&store, again.last)) {
        before.push(b"one more".to_vec());
        assert_eq!(before, after, "the next owner finds another history");
    }
    true
}

fn write(fs: &SimFileSystem, name: &str, bytes: &[u8]) {
    let file = fs.open(&Path::new(DIR).join(name), true).expect("a sound disk");
    file.write_at(0, bytes).expect("a sound disk");
    file.sync_all().expect("a sound disk");
}

fn whole(store: &impl LogStore, last: u64) -> Option<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    let read = store.read(store.first(), last, &mut |_, frame| {
        frames.push(frame.to_vec());
        ControlFlow::Continue(())
    });
    read.is_ok().then_some(frames)
}
