//! Starting and stopping. The first SIGTERM or Ctrl+C stops gently: readiness fails, accepting stops, work in hand ends. A
//! second one ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal, and exits at the second.
pub fn on_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for signals in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if signals > 0 {
                tracing::warn!("stopped at once by a second signal; what was in hand is taken up at the next start");
                std::process::exit(130);
            }
            tracing::info!("stopping; send the signal again to stop at once");
            stop.cancel();
        }
    });
    Ok(())
}
