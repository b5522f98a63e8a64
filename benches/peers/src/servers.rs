//! Where do real servers come from? Debian packages, started in a directory of the run and ended
//! with it.
//!
//! Never touches a server that was there before: these listen on a Unix socket in that directory
//! only, which is faster than TCP on loopback.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::peer::{Fault, Outcome};

pub const POSTGRES_USER: &str = "cupo";
/// Who runs PostgreSQL when the run is root's: it refuses to be root.
const POSTGRES_ACCOUNT: &str = "postgres";
/// What is set that is not the default. Crash safety is as it comes: fsync, full page writes.
pub const POSTGRES_SETTINGS: [&str; 9] = [
    "listen_addresses=",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_buffers=64MB",
    "max_connections=100",
];
const PREFIX: &str = "cupo-peers-";
const PATIENCE: Duration = Duration::from_secs(30);
const POSTGRES_HOMES: &str = "/usr/lib/postgresql";

static MAY_INSTALL: AtomicBool = AtomicBool::new(false);

/// Lets missing packages be installed, if the run is root's.
pub fn allow_install() {
    MAY_INSTALL.store(true, Ordering::Relaxed);
}

/// A process that ends when this is dropped, or when the run dies.
#[derive(Debug)]
pub struct Server {
    child: Child,
    socket: PathBuf,
    /// How it is told to end at once.
    signal: Signal,
}

impl Server {
    /// Where it listens: the directory of the socket for PostgreSQL, else the socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Until it answers; a server that ends instead is a fault.
    fn wait(&mut self, answers: impl Fn() -> bool, log: &Path) -> Outcome<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if answers() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(Fault::new(format!("the server ended, {status}: {}", last_line(log))));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Fault::new(format!("the server did not answer: {}", last_line(log))))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself; then there is nothing to end.
            let _ = kill_process(pid, self.signal);
        }
        let _ = self.child.wait();
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// A new cluster, started.
pub fn postgres(dir: &Path) -> Outcome<Server> {
    let home = postgres_home()?;
    let account = geteuid().is_root().then_some(POSTGRES_ACCOUNT);
    let own = dir.join("postgres");
    fs::create_dir(&own)?;
    if let Some(name) = account {
        let (user, group) = account_of(name)?;
        chown(&own, Some(user), Some(group))?;
    }
    let (data, log) = (own.join("data"), own.join("log"));
    let made = run_as(account, &home.join("initdb"))
        .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", POSTGRES_USER])
        .arg("-D")
        .arg(&data)
        .current_dir(&own)
        .stdin(Stdio::null())
        .output()?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        return Err(Fault::new(format!("initdb failed: {}", said.trim())));
    }
    let said = fs::File::create(&log)?;
    let mut command = run_as(account, &home.join("postgres"));
    command.arg("-D").arg(&data).arg("-k").arg(&own).current_dir(&own);
    for setting in POSTGRES_SETTINGS {
        command.arg("-c").arg(setting);
    }
    let child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()?;
    let mut server = Server { child, socket: own.clone(), signal: Signal::QUIT };
    let mut config = ::postgres::Config::new();
    config.host_path(&own).user(POSTGRES_USER).dbname("postgres");
    server.wait(|| config.connect(::postgres::NoTls).is_ok(), &log)?;
    Ok(server)
}

/// A new server with an empty append-only file.
pub fn redis(dir: &Path, sync: &str) -> Outcome<Server> {
    let program = found("redis-server")
        .or_else(|| install("redis-server").then(|| found("redis-server")).flatten())
        .ok_or_else(|| missing("redis-server"))?;
    let (socket, log) = (dir.join("redis.sock"), dir.join("redis.log"));
    let said = fs::File::create(&log)?;
    let child = run_as(None, &program)
        .args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", sync])
        .args(["--auto-aof-rewrite-percentage", "0", "--daemonize", "no", "--dir"])
        .arg(dir)
        .arg("--unixsocket")
        .arg(&socket)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn()?;
    let mut server = Server { child, socket: socket.clone(), signal: Signal::KILL };
    let answers = || {
        let client = ::redis::Client::open(format!("unix://{}", socket.display()));
        client.and_then(|client| client.get_connection()).is_ok()
    };
    server.wait(answers, &log)?;
    Ok(server)
}

/// What they call themselves, for the record.
pub fn versions() -> Vec<String> {
    let first = |path: Option<PathBuf>| {
        let told = Command::new(path?).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
    };
    let postgres = first(postgres_home().ok().map(|home| home.join("postgres")));
    [postgres, first(found("redis-server"))].into_iter().flatten().collect()
}

/// Runs it as somebody else if need be, and has it end with the thread that started it.
fn run_as(account: Option<&str>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(name) = account {
        command.arg(format!("--reuid={name}")).arg(format!("--regid={name}"));
        command.arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

fn account_of(name: &str) -> Outcome<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd")?;
    let mut fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.find(|fields| fields.first() == Some(&name));
    let number = |at: usize| found.as_ref()?.get(at)?.parse().ok();
    number(2).zip(number(3)).ok_or_else(|| Fault::new(format!("no account named {name}")))
}

/// The programs of the newest version.
fn postgres_home() -> Outcome<PathBuf> {
    let newest = || {
        let versions = fs::read_dir(POSTGRES_HOMES).ok()?;
        let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
        let paths = versions.flatten().map(|entry| entry.path());
        let newest = paths.filter(|path| path.join("bin/initdb").is_file()).max_by_key(number)?;
        Some(newest.join("bin"))
    };
    let beside = || found("initdb").and_then(|path| Some(path.parent()?.to_path_buf()));
    let any = || newest().or_else(beside);
    any().or_else(|| install("postgresql").then(any).flatten()).ok_or_else(|| missing("postgresql"))
}

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn missing(package: &str) -> Fault {
    Fault::new(format!("{package} is not installed (as root: apt-get install {package})"))
}

/// Installs a Debian package, saying so; whether it worked.
fn install(package: &str) -> bool {
    if !MAY_INSTALL.load(Ordering::Relaxed) || !geteuid().is_root() || found("apt-get").is_none() {
        return false;
    }
    eprintln!("   installing {package} (apt-get)");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    apt(&["update", "-q"]) && apt(&["install", "-y", "-q", package])
}

/// A directory for a run, named by its process; what runs left that were killed is removed.
pub fn directory(below: &Path) -> Outcome<tempfile::TempDir> {
    for entry in fs::read_dir(below)?.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let pid = rest.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Whoever may not remove it did not leave it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(below)?;
    open_to_all(dir.path())?;
    Ok(dir)
}

/// A directory of the run that other accounts may pass through.
pub fn open_to_all(dir: &Path) -> Outcome<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o711))?;
    Ok(())
}
