//! Live events between processes, over Redis publish/subscribe.
//!
//! One channel (`<prefix>:events`); a message is a JSON list of events, or an empty list, which means "something may have
//! been missed", or the word `beat`. Every process beats every few seconds: whoever hears nothing for longer sits on a
//! connection whose other end is gone without a word, and connects again. Publish/subscribe keeps nothing, so whenever this process may have missed a message (its subscription was
//! lost, or a publication of its own failed) everybody concerned is told to read again. Events are only a hint to look;
//! the database is the truth.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use redis::{AsyncCommands, aio::ConnectionManager};
use switchboard_core::{
    events::{BusMessage, Event, LocalBus},
    ports::EventBus,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Publications waiting while Redis is slow. When it is full, a resync stands for all of them.
const WAITING: usize = 10_000;
/// A message that says nothing but that the connection lives.
const BEAT: &str = "beat";
/// How often it is sent.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// Silence after which a subscription counts as lost: three beats.
const SILENCE: Duration = Duration::from_secs(9);
/// Pause between attempts to publish while Redis is away. Each failed one makes this process's subscribers read again, so
/// that their screens go on, if slower.
const AWAY: Duration = Duration::from_secs(2);
/// Pause between attempts to listen.
const RETRY: Duration = Duration::from_millis(500);

/// The bus of one process among several.
#[derive(Debug)]
pub struct RedisBus {
    local: Arc<LocalBus>,
    outgoing: mpsc::Sender<Vec<Event>>,
}

impl RedisBus {
    /// Starts listening and publishing until `stop`.
    pub fn start(client: redis::Client, publisher: ConnectionManager, prefix: &str, stop: CancellationToken) -> Self {
        let channel = format!("{prefix}:events");
        let local = Arc::new(LocalBus::default());
        let (outgoing, waiting) = mpsc::channel(WAITING);
        tokio::spawn(listen(client, channel.clone(), Arc::clone(&local), stop.clone()));
        tokio::spawn(publish(publisher, channel, waiting, Arc::clone(&local), stop));
        Self { local, outgoing }
    }
}

#[async_trait::async_trait]
impl EventBus for RedisBus {
    async fn publish(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        // Never waits: the commit has happened, and whoever made it must go on.
        if self.outgoing.try_send(events.to_vec()).is_err() {
            metrics::counter!("switchboard_events_dropped_total").increment(1);
            self.local.send(BusMessage::Resync);
        }
    }

    fn subscribe(&self) -> BoxStream<'static, BusMessage> {
        self.local.subscribe()
    }
}

async fn publish(
    mut connection: ConnectionManager,
    channel: String,
    mut waiting: mpsc::Receiver<Vec<Event>>,
    local: Arc<LocalBus>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    let mut missed = false;
    let mut beat = tokio::time::interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // On stop the sender side is still there: what waits is published before the task ends.
            () = stop.cancelled(), if batch.is_empty() && waiting.is_empty() => return,
            received = waiting.recv_many(&mut batch, 256), if !missed => if received == 0 { return },
            _ = beat.tick(), if !missed => {}
            () = tokio::time::sleep(AWAY), if missed => {}
        }
        let message = if batch.is_empty() && !missed {
            BEAT.to_owned()
        } else {
            let events: Vec<Event> = if missed { Vec::new() } else { batch.concat() };
            serde_json::to_string(&events).unwrap_or_else(|_| "[]".to_owned())
        };
        match connection.publish::<_, _, ()>(&channel, message).await {
            Ok(()) => missed = false,
            Err(error) => {
                if !missed {
                    tracing::warn!(kind = ?error.kind(), "live events could not be published; everybody reads again when Redis is back");
                }
                missed = true;
                local.send(BusMessage::Resync);
                if stop.is_cancelled() {
                    return;
                }
            }
        }
        batch.clear();
    }
}

async fn listen(client: redis::Client, channel: String, local: Arc<LocalBus>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let listening = async {
            let subscribing = async {
                let mut subscription = client.get_async_pubsub().await?;
                subscription.subscribe(&channel).await?;
                Ok::<_, redis::RedisError>(subscription)
            };
            let Ok(subscription) = tokio::time::timeout(SILENCE, subscribing).await else { return Ok(()) };
            let subscription = subscription?;
            // Only now is everything from here on heard: what was before may have been missed.
            local.send(BusMessage::Resync);
            let mut messages = subscription.into_on_message();
            while let Ok(Some(message)) = tokio::time::timeout(SILENCE, messages.next()).await {
                let Ok(text) = message.get_payload::<String>() else { continue };
                if text == BEAT {
                    continue;
                }
                match serde_json::from_str::<Vec<Event>>(&text) {
                    Ok(events) if !events.is_empty() => {
                        for event in events {
                            local.send(BusMessage::Event(event));
                        }
                    }
                    // An empty list, or the message of a newer program.
                    _ => local.send(BusMessage::Resync),
                }
            }
            Ok::<(), redis::RedisError>(())
        };
        tokio::select! {
            () = stop.cancelled() => return,
            ended = listening => if let Err(error) = ended {
                tracing::warn!(kind = ?error.kind(), "live events are not heard; trying again");
            },
        }
        metrics::counter!("switchboard_event_bus_reconnects_total").increment(1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}
