//! How is the service told to stop? SIGINT (Ctrl-C) or SIGTERM: once in order, twice at once.
//!
//! Never stops anything itself the first time: the token does.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first SIGINT or SIGTERM; the second ends the process with status 130.
/// Call it within the runtime.
///
/// # Errors
/// If the system lets nobody listen for signals.
pub fn stop_on_signals(stop: CancellationToken) -> io::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for told in 0.. {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            if told > 0 {
                tracing::warn!("told twice: stopping at once; what was acknowledged is on disk");
                std::process::exit(130);
            }
            tracing::info!("stopping: open requests have 10 s; again to stop at once");
            stop.cancel();
        }
    });
    Ok(())
}
