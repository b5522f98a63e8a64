//! Who may connect? Everybody, as long as there is room; the others wait in the system's queue.
//!
//! Never accepts a connection that it has no place for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::web::App;
use crate::web::guard::Gate;

use super::watch::{Order, Watch};
use super::{DRAIN, ServeError, connection};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// Files the process needs beside connections: log, snapshots, database, webhooks.
const OTHER_FILES: u64 = 256;

pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart does not wait for old connections to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|source| ServeError::Listen { address, source })
}

/// Accepts and serves until `app.stop`, then drains.
pub(super) async fn until_stopped(listener: TcpListener, app: &App, gate: Gate) {
    let watch = Arc::new(Watch::new(&app.settings));
    let keep = Arc::clone(&watch);
    let watchman = tokio::spawn(async move { keep.keep().await });
    let places = Arc::new(Semaphore::new(room(app.settings.connections_max)));
    let connections = TaskTracker::new();
    let accept = async {
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let (stream, peer) = accepted(&listener).await;
            // Answers are small and complete: waiting for more would only delay them.
            let _ = stream.set_nodelay(true);
            let (gate, line) = (gate.clone(), watch.line());
            connections.spawn(async move {
                connection::serve(stream, peer, gate, line).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = app.stop.cancelled() => {}
    }
    drop(listener);
    connections.close();
    watch.tell_all(Order::Finish);
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        let open = watch.tell_all(Order::End);
        tracing::warn!(open, "connections were cut off");
        connections.wait().await;
    }
    watchman.abort();
    // Aborted, it ends at once.
    let _ = watchman.await;
}

/// The next connection. Failures pass: of one that went away again, or of the system's, for which
/// a moment is waited.
async fn accepted(listener: &TcpListener) -> (tokio::net::TcpStream, SocketAddr) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                let gone = [ConnectionAborted, ConnectionRefused, ConnectionReset];
                if !gone.contains(&error.kind()) {
                    tracing::warn!(%error, "cannot accept connections for a moment");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// As many connections as the settings and the system allow, which is asked for more files.
fn room(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + OTHER_FILES;
    let Some(current) = limit.current.filter(|current| *current < needed) else { return wanted };
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let asked = Rlimit { current: Some(raised), maximum: limit.maximum };
    let files = if setrlimit(Resource::Nofile, asked).is_ok() { raised } else { current };
    let most = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(wanted).max(16);
    if most < wanted {
        tracing::warn!(most, wanted, "fewer connections: `ulimit -n` allows too few files");
    }
    most.min(wanted)
}
