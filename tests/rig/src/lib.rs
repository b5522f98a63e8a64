//! What reached the disk, and in which order? A file in memory, shown through FUSE, on which a
//! loop device and a real file system stand: every write and every flush is remembered, and a
//! write can be refused once.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, FileAttr, FileType, Filesystem, MountOption, ReplyAttr, ReplyData,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
};

const EIO: i32 = 5;
const ENOENT: i32 = 2;
const FILE: u64 = 2;
const TTL: Duration = Duration::from_secs(3_600);

/// What the file system asked of the disk.
#[derive(Clone, Debug)]
pub enum Asked {
    Write { offset: usize, bytes: Vec<u8> },
    Flush,
}

/// One call, and the sizes of the witnesses' files when it came.
#[derive(Clone, Debug)]
pub struct Event {
    pub asked: Asked,
    pub life: usize,
    pub sizes: Vec<u64>,
}

/// The disk.
#[derive(Debug, Default)]
pub struct Disk {
    pub bytes: Vec<u8>,
    pub events: Vec<Event>,
    /// The files outside whose sizes are noted, of the life at present.
    pub witnesses: Vec<PathBuf>,
    pub life: usize,
    /// How many writes that begin with the mark are let through before one is refused.
    pub refuse: Option<(u64, [u8; 4])>,
    pub refused: u64,
}

impl Disk {
    fn note(&mut self, asked: Asked) {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
        let sizes = self.witnesses.iter().map(size).collect();
        self.events.push(Event { asked, life: self.life, sizes });
    }

    fn is_refused(&mut self, bytes: &[u8]) -> bool {
        let Some((left, mark)) = &mut self.refuse else { return false };
        let marked = bytes.chunks(4_096).any(|block| block.starts_with(mark));
        if marked && *left > 0 {
            *left -= 1;
            return false;
        }
        if marked {
            self.refuse = None;
            self.refused += 1;
        }
        marked
    }
}

/// The one file `disk` in the mounted directory.
#[derive(Clone, Debug)]
pub struct Shown(Arc<Mutex<Disk>>);

impl Shown {
    pub fn new(length: usize) -> Self {
        Self(Arc::new(Mutex::new(Disk { bytes: vec![0; length], ..Disk::default() })))
    }

    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("no thread panics with it")
    }

    /// Shows it until the answer is dropped.
    pub fn show(&self, at: &Path) -> std::io::Result<BackgroundSession> {
        let options = [MountOption::FSName("cupo-rig".into()), MountOption::RW];
        fuser::spawn_mount2(self.clone(), at, &options)
    }

    fn attributes(&self, ino: u64) -> FileAttr {
        let size = if ino == FILE { self.disk().bytes.len() as u64 } else { 0 };
        let kind = if ino == FILE { FileType::RegularFile } else { FileType::Directory };
        FileAttr {
            ino,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4_096,
            flags: 0,
        }
    }
}

impl Filesystem for Shown {
    fn lookup(&mut self, _: &Request<'_>, _: u64, name: &OsStr, reply: ReplyEntry) {
        if name == "disk" {
            reply.entry(&TTL, &self.attributes(FILE), 0);
        } else {
            reply.error(ENOENT);
        }
    }

    fn getattr(&mut self, _: &Request<'_>, ino: u64, _: Option<u64>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(ino));
    }

    fn open(&mut self, _: &Request<'_>, _: u64, _: i32, reply: ReplyOpen) {
        // No cache between the loop device and this disk.
        reply.opened(0, fuser::consts::FOPEN_DIRECT_IO);
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        _: u64,
        _: u64,
        offset: i64,
        size: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyData,
    ) {
        let disk = self.disk();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(disk.bytes.len());
        let upto = (from + size as usize).min(disk.bytes.len());
        reply.data(&disk.bytes[from..upto]);
    }

    fn write(
        &mut self,
        _: &Request<'_>,
        _: u64,
        _: u64,
        offset: i64,
        data: &[u8],
        _: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyWrite,
    ) {
        let mut disk = self.disk();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let upto = from.saturating_add(data.len());
        if upto > disk.bytes.len() || disk.is_refused(data) {
            return reply.error(EIO);
        }
        disk.note(Asked::Write { offset: from, bytes: data.to_vec() });
        disk.bytes[from..upto].copy_from_slice(data);
        reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn fsync(&mut self, _: &Request<'_>, _: u64, _: u64, _: bool, reply: ReplyEmpty) {
        self.disk().note(Asked::Flush);
        reply.ok();
    }
}
