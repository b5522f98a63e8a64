//! What a benchmark with thousands of connections needs of its process: open files, and numbers
//! from its command line.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Asks for so many open files, for this process and its children.
pub fn allow(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return;
    }
    // Beyond the hard limit only with the right to do so.
    let maximum = limit.maximum.map(|maximum| maximum.max(files));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum });
    assert!(raised.is_ok(), "needs `ulimit -n {files}`, has {:?}", limit.maximum);
}

pub fn number(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    at.map_or(default, |at| arguments[at + 1].parse().unwrap())
}
