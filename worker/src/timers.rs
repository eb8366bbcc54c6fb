//! Jobs that are done from time to time in every worker process, such as removing expired rows.
//!
//! A timer is for work that may be done twice, or late, or by two processes at once: it keeps no record of its runs. What
//! must happen exactly once belongs into the queue.
//!
//! ```ignore
//! timers::run(vec![Timer::new("sessions", Duration::from_mins(10), move || {
//!     let app = app.clone();
//!     async move { sessions::purge(&app).await.map(drop) }
//! })], entropy, shutdown).await;
//! ```

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture, future::join_all};
use switchboard_core::{Result, entropy::Entropy};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, error, warn};

use crate::backoff::Backoff;

/// A job and how often it is done.
#[derive(Clone)]
pub struct Timer {
    name: &'static str,
    every: Duration,
    job: Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("name", &self.name).field("every", &self.every).finish_non_exhaustive()
    }
}

impl Timer {
    /// `name` is for the log. The first run comes after one interval, so that a start is not slowed down; each interval is
    /// shortened at random by up to a half, so that processes do not run all at once.
    pub fn new<F>(name: &'static str, every: Duration, job: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self { name, every, job: Arc::new(move || job().boxed()) }
    }
}

/// Runs the timers until `shutdown`; a job that is under way then is given up. Runs of one timer never overlap, and a run
/// that fails or panics is in the log and does not keep the next from happening.
pub async fn run(timers: Vec<Timer>, entropy: Arc<dyn Entropy>, shutdown: CancellationToken) {
    let all = join_all(timers.into_iter().map(|timer| repeat(timer, Arc::clone(&entropy))));
    shutdown.run_until_cancelled(all).await;
}

async fn repeat(timer: Timer, entropy: Arc<dyn Entropy>) {
    let mut pause = Backoff::new(timer.every, timer.every, entropy);
    loop {
        tokio::time::sleep(pause.next_wait()).await;
        // A task of its own keeps a panic away from the other timers.
        match AbortOnDropHandle::new(tokio::spawn((timer.job)())).await {
            Ok(Ok(())) => debug!(timer = timer.name, "done"),
            Ok(Err(fault)) if fault.is_transient() => {
                warn!(timer = timer.name, code = fault.code(), "comes again later");
            }
            Ok(Err(fault)) => {
                let cause = std::error::Error::source(&fault).map(ToString::to_string);
                error!(timer = timer.name, code = fault.code(), cause, "failed");
            }
            Err(_) => error!(timer = timer.name, "panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use switchboard_core::{Error, entropy::SeededEntropy};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_goes_on_after_errors_and_panics_and_ends_with_the_shutdown() {
        let (runs, shutdown) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let (counted, stop) = (Arc::clone(&runs), shutdown.clone());
        let timer = Timer::new("test", Duration::from_mins(1), move || {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            let stop = stop.clone();
            async move {
                match run {
                    0 => Err(Error::Unavailable("database")),
                    1 => Err(Error::internal("broken")),
                    #[expect(clippy::panic, reason = "that is the test")]
                    2 => panic!("as a bug would"),
                    3 => Ok(()),
                    _ => {
                        stop.cancel();
                        std::future::pending().await
                    }
                }
            }
        });
        let begun = tokio::time::Instant::now();
        run(vec![timer], Arc::new(SeededEntropy::new(1)), shutdown).await;
        assert_eq!(runs.load(Ordering::SeqCst), 5);
        assert!(begun.elapsed() >= Duration::from_secs(150), "{:?}", begun.elapsed());
    }
}
