//! How is a log copied, or saved from damage? Work on directories from outside an engine.
//!
//! Never writes into the directory that it reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StorageError;
use crate::file_system::{FileHandle, FileSystem, RealFileSystem};
use crate::limits::BLOCK_BYTES;
use crate::log_store::recovery::damaged;
use crate::log_store::segment::{BLOCK_HEADER, FileHeader, Kind, read_block};
use crate::log_store::{
    Appended, DirectoryOptions, DirectoryReader, DirectoryStore, LogStore, Position, SnapshotName,
    manifest, snapshots,
};

/// How often a backup starts again because the running engine cut its log meanwhile.
const TRIES: u32 = 5;

/// What a backup copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Files copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last frame in the copy.
    pub last: Position,
}

/// What could be saved, and what was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// The snapshot that the copy begins with, if any.
    pub snapshot: Option<SnapshotName>,
    /// Frames saved after it.
    pub frames: u64,
    /// The last frame in the copy.
    pub last: Position,
    /// The last frame known to have been synced; what lies between was acknowledged and is lost.
    pub synced: Position,
    /// Frames beyond the first gap that are whole but cannot be used.
    pub stranded: u64,
    /// Snapshots that do not have their hash, log files without a sound header.
    pub damaged: Vec<PathBuf>,
}

fn empty_directory(to: &Path) -> Result<(), StorageError> {
    let io = |error| StorageError::io("create", to, error);
    fs::create_dir_all(to).map_err(io)?;
    if fs::read_dir(to).map_err(io)?.next().is_some() {
        let full = io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty");
        return Err(io(full));
    }
    Ok(())
}

/// Copies a directory, also while its engine runs: everything that was durable when it began.
///
/// # Errors
/// Damage, a target that is not empty, or the system's refusal.
pub fn backup(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<BackupReport, StorageError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    empty_directory(to)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match copy_files(from, to) {
            Ok(mut report) => {
                let copy = DirectoryReader::open(to)?;
                report.last = copy.last();
                return Ok(report);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => {
                let io = |error| StorageError::io("clear", to, error);
                for entry in fs::read_dir(to).map_err(io)? {
                    fs::remove_file(entry.map_err(io)?.path()).map_err(io)?;
                }
            }
            Err(error) => return Err(StorageError::io("copy", from, error)),
        }
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<BackupReport> {
    let mut report = BackupReport::default();
    if !from.join("manifest").is_file() {
        return Err(io::Error::other("this is no directory of an engine"));
    }
    let mut copy = |name: &str| -> io::Result<()> {
        report.bytes += fs::copy(from.join(name), to.join(name))?;
        report.files += 1;
        fs::File::open(to.join(name))?.sync_all()
    };
    // What the manifest says is there when the files are listed; and a log that reaches further
    // than its snapshot is as it should be, the other way round is not.
    copy("manifest")?;
    let names = RealFileSystem.list(from)?;
    for kind in ["snapshot-", "log-"] {
        for name in names.iter().filter(|name| name.starts_with(kind)) {
            copy(name)?;
        }
    }
    RealFileSystem.sync_directory(to)?;
    Ok(report)
}

/// Where a whole frame stands.
type Places = BTreeMap<Position, (PathBuf, u64, u64)>;

/// Saves what can be read of a damaged directory onto a new one: the newest usable snapshot and
/// every frame after it up to the first gap.
///
/// # Errors
/// A target that is not empty, or the system's refusal; damage is in the report.
pub fn salvage(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
) -> Result<SalvageReport, StorageError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    empty_directory(to)?;
    let mut report = SalvageReport::default();
    let places = whole_frames(from, &mut report)?;
    report.snapshot = usable_snapshot(from, &places, &mut report)?;
    let start = report.snapshot.map_or(0, |name| name.position);
    if let Some(name) = report.snapshot {
        let file = format!("snapshot-{:016x}-{:08x}", name.position, name.hash);
        let io = |error| StorageError::io("copy", from.join(&file), error);
        fs::copy(from.join(&file), to.join(&file)).map_err(io)?;
    }
    manifest::raise(&RealFileSystem, to, None)?;
    let store = DirectoryStore::open(RealFileSystem, to, DirectoryOptions::default())?;
    let claimed = store.claim()?;
    report.last = start;
    let mut buffer = Vec::new();
    while let Some((path, offset, salt)) = places.get(&(report.last + 1)) {
        let io = |error| StorageError::io("read", path, error);
        let file = RealFileSystem.open(path, false).map_err(io)?;
        let block = read_block(&file, *offset, *salt, None, &mut buffer).map_err(io)?;
        let Some((block, _)) = block else { break };
        let end = BLOCK_HEADER + block.length as usize;
        let frame = buffer.get(BLOCK_HEADER..end).unwrap_or(&[]);
        match store.append(claimed.epoch, report.last + 1, frame) {
            Appended::Stored => report.last += 1,
            Appended::Broken(error) => return Err(error),
            _ => {
                return Err(damaged(to, 0, report.last + 1, "the copy cannot be written"));
            }
        }
    }
    report.frames = report.last - start;
    report.stranded = places.range(report.last + 1..).count() as u64;
    store.settle(true)?;
    Ok(report)
}

fn whole_frames(from: &Path, report: &mut SalvageReport) -> Result<Places, StorageError> {
    let mut places = Places::new();
    let io = |error| StorageError::io("read", from, error);
    let mut names = RealFileSystem.list(from).map_err(io)?;
    names.retain(|name| name.starts_with("log-"));
    names.sort_unstable();
    for name in names {
        let path = from.join(name);
        let file = RealFileSystem.open(&path, false).map_err(io)?;
        let mut head = vec![0; BLOCK_BYTES];
        file.read_at(0, &mut head).map_err(io)?;
        let Ok(header) = FileHeader::from_bytes(&head) else {
            report.damaged.push(path);
            continue;
        };
        report.synced = report.synced.max(header.first - 1);
        let length = file.len().map_err(io)?;
        let (mut offset, mut buffer) = (BLOCK_BYTES as u64, Vec::new());
        while offset < length {
            match read_block(&file, offset, header.salt, None, &mut buffer).map_err(io)? {
                Some((block, _)) => {
                    report.synced = report.synced.max(block.synced_upto);
                    if block.kind == Kind::Frame {
                        places.insert(block.position, (path.clone(), offset, header.salt));
                    }
                    offset += block.size();
                }
                None => offset += BLOCK_BYTES as u64,
            }
        }
    }
    Ok(places)
}

/// The snapshot from which one gets furthest.
fn usable_snapshot(
    from: &Path,
    places: &Places,
    report: &mut SalvageReport,
) -> Result<Option<SnapshotName>, StorageError> {
    let reach = |start: Position| {
        let mut last = start;
        while places.contains_key(&(last + 1)) {
            last += 1;
        }
        last
    };
    let mut best: Option<SnapshotName> = None;
    for name in snapshots::list(&RealFileSystem, from)? {
        if snapshots::get(&RealFileSystem, from, name, &mut |_| Ok(())).is_err() {
            report.damaged.push(from.join(format!("snapshot-{:016x}", name.position)));
        } else if best.is_none_or(|best| reach(name.position) > reach(best.position)) {
            best = Some(name);
        }
    }
    Ok(best)
}
