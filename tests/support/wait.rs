//! Waiting for a condition, with a limit. The only place in the tests where time passes on purpose.

use std::time::Duration;

use tokio::time::Instant;

/// How long a test waits for something that should happen soon. Generous: two busy cores are slow, and nothing waits
/// longer than it has to.
pub const SOON: Duration = Duration::from_secs(30);

const INTERVAL: Duration = Duration::from_millis(20);

/// Polls the condition until it holds. Panics with `what` when it does not within the time.
pub async fn eventually(what: &str, timeout: Duration, mut condition: impl AsyncFnMut() -> bool) {
    eventually_some(what, timeout, async || condition().await.then_some(())).await;
}

/// Polls until there is a value, and returns it. Panics with `what` when there is none within the time.
/// A single poll that hangs counts as time that passes: it is dropped at the limit.
pub async fn eventually_some<T>(what: &str, timeout: Duration, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    let polling = async {
        loop {
            if let Some(value) = poll().await {
                return value;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::time::timeout_at(deadline, polling).await.unwrap_or_else(|_| panic!("not within {timeout:?}: {what}"))
}
