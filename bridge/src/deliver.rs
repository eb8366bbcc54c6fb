//! Delivery: takes events from the spool to the hook.

use std::{sync::Arc, time::Duration};

use chrono::SecondsFormat;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    ambient::Ambient,
    event::Event,
    hook::{Hook, Verdict},
    lanes::{Failure, Lanes},
    measures,
    spool::{Entry, Spool},
    status::Status,
};

/// How long requests that are under way may take to end when the process stops.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// What became of one event.
enum Outcome {
    Settled,
    Failed {
        failure: Failure,
        why: String,
        after: Duration,
    },
    /// The disk does not give the event back.
    Unreadable(std::io::Error),
}

/// Everything that delivery works with.
pub(crate) struct Delivery {
    pub(crate) spool: Spool,
    pub(crate) hook: Arc<Hook>,
    pub(crate) lanes: Lanes,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) status: Arc<Status>,
}

impl Delivery {
    /// Delivers until `stop`, or until the source of new events has ended and nothing waits. With `patient` off, the first
    /// failure ends it with the reason.
    pub(crate) async fn run(
        mut self,
        mut stored: mpsc::UnboundedReceiver<Entry>,
        patient: bool,
        stop: CancellationToken,
    ) -> Result<(), String> {
        let mut under_way = JoinSet::new();
        let mut more = true;
        while !stop.is_cancelled() && (more || !self.lanes.is_empty()) {
            while let Some(entry) = self.lanes.next(Instant::now()) {
                let failures = self.lanes.failures(&entry.lane);
                under_way.spawn(attempt(
                    self.spool.clone(),
                    Arc::clone(&self.hook),
                    Arc::clone(&self.ambient),
                    entry,
                    failures,
                ));
            }
            self.measure();
            let wake_at = self.lanes.wake_at();
            let wake = async {
                match wake_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                arrived = stored.recv(), if more => match arrived {
                    Some(entry) => self.lanes.add(entry),
                    None => more = false,
                },
                Some(ended) = under_way.join_next() => {
                    let (entry, outcome) = ended.map_err(|panic| panicked(&panic))?;
                    if let Some(why) = self.note(entry, outcome) && !patient {
                        return Err(why);
                    }
                }
                () = wake => {}
            }
        }
        let finish = async {
            while let Some(ended) = under_way.join_next().await {
                let (entry, outcome) = ended.map_err(|panic| panicked(&panic))?;
                self.note(entry, outcome);
            }
            Ok(())
        };
        timeout(FINISH_WITHIN, finish).await.unwrap_or_else(|_| {
            tracing::warn!(
                "requests to the CRM that were still under way were cut; they are sent again at the next start"
            );
            Ok(())
        })
    }

    /// Takes in how an attempt ended. Returns why it failed.
    fn note(&mut self, entry: Entry, outcome: Outcome) -> Option<String> {
        match outcome {
            Outcome::Settled => {
                if let Err(error) = self.spool.done(&entry) {
                    tracing::warn!(%error, "the spool does not take down what is done; it may go out again at the next start");
                }
                if self.lanes.settled(&entry) {
                    tracing::info!(waiting = self.lanes.waiting(), "the CRM takes events again");
                }
                None
            }
            Outcome::Failed { failure, why, after } => {
                let n = entry.n;
                let failures = self.lanes.failures(&entry.lane) + 1;
                let away = self.lanes.failed(entry, failure, after, Instant::now(), self.ambient.fraction());
                if let Some(pause) = away {
                    tracing::error!(
                        why,
                        waiting = self.lanes.waiting(),
                        again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                        "the CRM takes no events: they are kept, and sent when it does"
                    );
                } else if !self.lanes.is_away() && failures.is_power_of_two() && failures > 1 {
                    tracing::warn!(
                        why,
                        event = n,
                        failures,
                        "an event is still not taken by the CRM; it is sent again"
                    );
                }
                Some(why)
            }
            Outcome::Unreadable(error) => {
                tracing::error!(%error, event = entry.n, "an event of the spool cannot be read back; it is given up");
                self.lanes.settled(&entry);
                let _ = self.spool.done(&entry);
                None
            }
        }
    }

    fn measure(&self) {
        let away = self.lanes.is_away();
        self.status.set_crm_away(away);
        metrics::gauge!(measures::AWAY).set(if away { 1.0 } else { 0.0 });
        let waiting = u32::try_from(self.lanes.waiting()).unwrap_or(u32::MAX);
        metrics::gauge!(measures::WAITING).set(waiting);
        self.status.set_waiting(waiting);
        #[expect(clippy::cast_precision_loss, reason = "a gauge; exact up to petabytes")]
        metrics::gauge!(measures::SPOOL_BYTES).set(self.spool.bytes() as f64);
    }
}

/// A bug of ours. The process ends rather than go on without the lane; whoever started it starts it again.
fn panicked(error: &JoinError) -> String {
    format!("a delivery panicked: {error}")
}

/// One attempt. Everything that touches the disk is done on a thread where it may block.
async fn attempt(
    spool: Spool,
    hook: Arc<Hook>,
    ambient: Arc<dyn Ambient>,
    entry: Entry,
    failures: u32,
) -> (Entry, Outcome) {
    let (reading, wanted) = (spool.clone(), entry.clone());
    let read = tokio::task::spawn_blocking(move || reading.read(&wanted))
        .await
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
    let event = match read {
        Ok(event) => event,
        Err(error) => return (entry, Outcome::Unreadable(error)),
    };
    let outcome = match hook.deliver(&event, failures).await {
        Verdict::Taken => {
            metrics::counter!(measures::DELIVERED).increment(1);
            Outcome::Settled
        }
        Verdict::Unwanted { status, answer } => put_aside(spool, event, &*ambient, entry.n, status, answer).await,
        Verdict::Again { reason, everywhere, why, after } => {
            metrics::counter!(measures::RETRIES, "reason" => reason).increment(1);
            let failure = if everywhere { Failure::Everywhere } else { Failure::Once };
            Outcome::Failed { failure, why, after }
        }
    };
    (entry, outcome)
}

async fn put_aside(spool: Spool, event: Event, ambient: &dyn Ambient, n: u64, status: u16, answer: String) -> Outcome {
    let at = ambient.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let written = tokio::task::spawn_blocking(move || spool.put_aside(&event, &at, status, &answer))
        .await
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
    match written {
        Ok(path) => {
            metrics::counter!(measures::REFUSED).increment(1);
            tracing::error!(event = n, status, file = %path.display(), "the CRM does not want an event; it is put aside in the file, with the CRM's answer");
            Outcome::Settled
        }
        // Kept in the spool instead of nowhere.
        Err(error) => Outcome::Failed {
            failure: Failure::Once,
            why: format!("an event that the CRM does not want cannot be put aside: {error}"),
            after: Duration::ZERO,
        },
    }
}
