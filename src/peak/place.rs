//! Where does the run's data go? A directory that is replaced only if an earlier run made it.
//!
//! Never removes a directory without the file that says so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Problem;
use crate::peak::options::Options;

/// The file that says that a directory is a run's own.
const MARK: &str = "peak.json";

/// Makes the directory, empty but for its mark. Says what became of an earlier run.
pub(crate) fn prepare(options: &Options, citizens: u64) -> Result<Option<String>, Problem> {
    let dir = options.dir.as_path();
    let failed = |doing: &str, error: &io::Error| {
        Problem::new(format!("{doing} {}: {error}", dir.display()))
            .next("name another directory with --dir, or use --in-memory")
    };
    let mut said = None;
    let is_empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed("reading", &error)),
    };
    if !is_empty {
        if !dir.join(MARK).is_file() {
            let what = format!("{} holds something that no peak run made", dir.display());
            return Err(Problem::new(what)
                .next("name another directory with --dir, or empty this one yourself"));
        }
        said = Some(if options.keep {
            let aside = free_name(dir);
            fs::rename(dir, &aside).map_err(|error| failed("moving aside", &error))?;
            format!("The earlier run is in {} now.", aside.display())
        } else {
            fs::remove_dir_all(dir).map_err(|error| failed("replacing", &error))?;
            "Replaces the earlier run there (--keep moves it aside).".to_owned()
        });
    }
    fs::create_dir_all(dir).map_err(|error| failed("making", &error))?;
    let mark = serde_json::json!({
        "program": "cupo peak",
        "version": env!("CARGO_PKG_VERSION"),
        "citizens": citizens,
        "threads": options.threads,
        "seed": options.seed,
    });
    fs::write(dir.join(MARK), format!("{mark}\n")).map_err(|error| failed("marking", &error))?;
    Ok(said)
}

/// The first of DIR.1, DIR.2, ... that is not there.
fn free_name(dir: &Path) -> PathBuf {
    (1..=u32::MAX)
        .map(|number| {
            let mut name = dir.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        })
        .find(|name| !name.exists())
        .unwrap_or_else(|| dir.with_extension("old"))
}
