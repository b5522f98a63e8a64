//! What did it run on? Said in every report, as no figure means anything without it.
//!
//! Never names the machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::peer::Outcome;

/// Syncs of the probe.
const SYNCS: usize = 300;

/// What is said of it.
#[derive(Clone, Debug)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub system: String,
    pub file_system: String,
    /// Of a bare append of 4 KiB and fdatasync, one after the other.
    pub sync_median: Duration,
    pub sync_p99: Duration,
    /// The load average of one minute, when it began.
    pub load: String,
}

impl Machine {
    pub fn look(dir: &Path) -> Outcome<Self> {
        let (sync_median, sync_p99) = syncs(dir)?;
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let release = read("/etc/os-release");
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
        let kernel = read("/proc/sys/kernel/osrelease");
        Ok(Self {
            processor: model.unwrap_or("unknown").trim_matches(['\t', ':', ' ']).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            // Without what a builder of kernels appends.
            kernel: kernel.split('-').next().unwrap_or_default().trim().to_owned(),
            system: name.unwrap_or("unknown").trim_matches('"').to_owned(),
            file_system: file_system(dir),
            sync_median,
            sync_p99,
            load: load(),
        })
    }

    /// Whether others were at work when it began.
    pub fn is_busy(&self) -> bool {
        self.load.parse::<f64>().is_ok_and(|load| load > self.cores as f64 / 2.0)
    }

    pub fn lines(&self) -> Vec<String> {
        vec![
            format!(
                "{} ({} cores), Linux {}, {}",
                self.processor, self.cores, self.kernel, self.system
            ),
            format!(
                "{}; append of 4 KiB and fdatasync: median {:.2} ms, p99 {:.2} ms",
                self.file_system,
                self.sync_median.as_secs_f64() * 1e3,
                self.sync_p99.as_secs_f64() * 1e3,
            ),
        ]
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The load average of the last minute.
pub fn load() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned()
}

/// How far the run stands back behind others: its nice value.
pub fn nice() -> String {
    let stat = read("/proc/self/stat");
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().nth(16).unwrap_or("unknown").to_owned()
}

/// The kind of file system under a directory: that of the longest mount point above it.
fn file_system(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    let mounts = read("/proc/mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let above = fields.filter_map(|fields| {
        let (point, kind) = (Path::new(fields.get(1)?).to_path_buf(), fields.get(2)?.to_string());
        dir.starts_with(&point).then_some((point.as_os_str().len(), kind))
    });
    above.max_by_key(|(length, _)| *length).map_or("unknown".to_owned(), |(_, kind)| kind)
}

fn syncs(dir: &Path) -> Outcome<(Duration, Duration)> {
    let path = dir.join("probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&[1; 4_096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    let at = |part: usize| times.get(SYNCS * part / 100).copied().unwrap_or_default();
    Ok((at(50), at(99)))
}
