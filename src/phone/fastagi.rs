//! How does a PBX have a call spoken? `FastAGI`: plain lines over TCP, where we are the server.
//!
//! The protocol has neither password nor encryption: only this machine and named private addresses
//! are let in. Whatever a peer sends is bounded; nothing a caller or a catalog says gets into a
//! line as it is.

mod channel;
mod prelude;
mod speak;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::Exchange;

use channel::Channel;
pub use channel::{Gone, Limits};

/// How long calls may go on after the service was told to stop.
const DRAIN: Duration = Duration::from_secs(8);

/// Takes calls until `stop`; then those under way are ended.
pub async fn serve(listener: TcpListener, exchange: Exchange, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(exchange.settings.calls_max));
    let calls = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot take calls for a moment");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !exchange.settings.admits(peer.ip()) {
            tracing::warn!(%peer, "a connection that is not of a PBX of ours was closed");
            continue;
        }
        // A PBX that is turned away at once sends its caller to an operator.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many calls: one was turned away");
            continue;
        };
        let (exchange, stop) = (exchange.clone(), stop.clone());
        calls.spawn(async move {
            tokio::select! {
                () = take(stream, peer, &exchange) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    calls.close();
    // What calls held is given back by tasks of their own.
    let _ = tokio::time::timeout(DRAIN, calls.wait()).await;
}

/// One connection: one call, or one notice about a call.
async fn take(stream: TcpStream, peer: SocketAddr, exchange: &Exchange) {
    // Commands are small and each waits for its answer.
    let _ = stream.set_nodelay(true);
    let mut channel = Channel::new(stream, Limits::default());
    let taken = async {
        let prelude = prelude::read(&mut channel).await?;
        match prelude.script() {
            "ended" => speak::ended(&mut channel, exchange).await,
            "queued" => speak::queued(&prelude, exchange),
            _ => return speak::call(&mut channel, &prelude, exchange).await,
        }
        Ok(())
    };
    match taken.await {
        Ok(()) | Err(Gone::HungUp) => {}
        // Nothing of the call is told: it may be personal.
        Err(Gone::Broken(what)) => tracing::warn!(%peer, what, "a call was broken off"),
    }
}
