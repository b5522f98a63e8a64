//! Who serves from this directory? A note for whoever tries to as well.
//!
//! Never decides: the engine's lock does. A note may be old or missing.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const NAME: &str = "serving";

/// The note, as long as the service runs.
#[derive(Debug)]
pub(super) struct Note(PathBuf);

impl Note {
    pub(super) fn write(dir: &Path, address: SocketAddr) -> Self {
        let path = dir.join(NAME);
        let text = format!("{} http://{address}\n", std::process::id());
        if let Err(error) = fs::write(&path, text) {
            tracing::warn!(%error, "a second start will not say who serves here");
        }
        Self(path)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // If it stays, the lock still tells the truth.
        let _ = fs::remove_file(&self.0);
    }
}

/// Who has the directory, as far as the note says.
pub(super) fn read(dir: &Path) -> String {
    let text = fs::read_to_string(dir.join(NAME)).unwrap_or_default();
    match text.trim().split_once(' ') {
        Some((process, address)) if process.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("process {process}, {address}")
        }
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_and_goes() {
        let dir = std::env::temp_dir().join(format!("cupo-note-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        assert_eq!(read(&dir), "another process");
        let note = Note::write(&dir, SocketAddr::from(([127, 0, 0, 1], 8080)));
        let own = std::process::id();
        assert_eq!(read(&dir), format!("process {own}, http://127.0.0.1:8080"));
        drop(note);
        assert_eq!(read(&dir), "another process");
        fs::write(dir.join(NAME), "half a no").unwrap();
        assert_eq!(read(&dir), "another process");
        fs::remove_dir_all(&dir).unwrap();
    }
}
