//! Listening to Asterisk: connect, read, notice when the connection is dead, connect again, and make up for what was missed.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use serde_json::{Map, json};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Message as Frame, protocol::CloseFrame, protocol::frame::coding::CloseCode};
use tokio_util::sync::CancellationToken;

use crate::{
    ambient::Ambient,
    ari::{Ari, Events},
    backoff::Backoff,
    channels::{Channels, Comparison},
    event::{self, Event, Message, SYNTHESISED},
    measures,
    spool::Inlet,
    status::Status,
    trouble::Trouble,
};

/// How long after the list of channels the comparison is used: events about channels that ended while it was made are on
/// their way, and tell the true cause.
const GRACE: Duration = Duration::from_secs(2);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why listening ended.
#[derive(Debug)]
enum End {
    /// The process is to stop.
    Stop,
    /// What was wanted has been done ([`Listener::once`]).
    Compared,
    /// The spool takes no more.
    Full,
    /// Something is wrong.
    Trouble(Trouble),
    /// The writer of the spool is gone.
    NoWriter,
}

/// Everything that listening works with.
pub(crate) struct Listener {
    pub(crate) ari: Ari,
    pub(crate) inlet: Inlet,
    pub(crate) roomy: watch::Receiver<bool>,
    pub(crate) backoff: Backoff,
    pub(crate) keep_alive: Duration,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) status: Arc<Status>,
}

/// What one connection has shown.
#[derive(Default)]
struct Seen {
    /// Something came from Asterisk: the connection works.
    alive: bool,
    /// Channels of the events since the connection began.
    heard: BTreeSet<String>,
}

impl Listener {
    /// Listens until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), String> {
        let mut failures = 0;
        while !stop.is_cancelled() {
            if !self.wait_for_room(&stop).await {
                break;
            }
            let mut seen = Seen::default();
            let end = match stop.run_until_cancelled(self.ari.events()).await {
                None => break,
                Some(Err(trouble)) => End::Trouble(trouble),
                Some(Ok(events)) => {
                    self.status.set_connected(true);
                    tracing::info!(asterisk = self.ari.peer(), app = self.ari.app().as_str(), "connected to Asterisk");
                    let end = self.listen(events, &mut seen, false, &stop).await;
                    self.status.set_connected(false);
                    end
                }
            };
            match end {
                End::Stop | End::Compared => break,
                End::NoWriter => return Err("the spool has ended".to_owned()),
                // The loop waits for room, and says so.
                End::Full => {}
                End::Trouble(trouble) => {
                    metrics::counter!(measures::DISCONNECTED).increment(1);
                    failures = if seen.alive { 1 } else { failures + 1 };
                    let pause = match trouble {
                        // Two that take the application from each other in turn would go on for ever at full speed.
                        Trouble::Replaced(_) => self.backoff.longest(),
                        _ => self.backoff.pause(failures, self.ambient.fraction()),
                    };
                    tracing::error!(
                        again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                        "no events from Asterisk: {trouble}"
                    );
                    stop.run_until_cancelled(sleep(pause)).await;
                }
            }
        }
        Ok(())
    }

    /// Connects once, makes up for what was missed, and adds an event that checks the way to the CRM.
    pub(crate) async fn once(mut self, stop: CancellationToken) -> Result<(), String> {
        let events = match stop.run_until_cancelled(self.ari.events()).await {
            None => return Ok(()),
            Some(events) => events.map_err(|trouble| trouble.to_string())?,
        };
        self.status.set_connected(true);
        match self.listen(events, &mut Seen::default(), true, &stop).await {
            End::Stop => return Ok(()),
            End::Compared => {}
            End::Full => return Err("the spool is full".to_owned()),
            End::NoWriter => return Err("the spool has ended".to_owned()),
            End::Trouble(trouble) => return Err(trouble.to_string()),
        }
        let check = Map::from_iter([
            ("type".to_owned(), json!("BridgeCheck")),
            ("application".to_owned(), json!(self.ari.app().as_str())),
            ("timestamp".to_owned(), json!(self.ambient.now().format("%Y-%m-%dT%H:%M:%S%.3f%z").to_string())),
            (SYNTHESISED.to_owned(), json!(true)),
        ]);
        if self.inlet.store(Event::new(check)).await { Ok(()) } else { Err("the spool has ended".to_owned()) }
    }

    /// Waits until the spool takes events. `false`: to stop.
    async fn wait_for_room(&mut self, stop: &CancellationToken) -> bool {
        if *self.roomy.borrow() {
            return true;
        }
        self.status.set_full(true);
        tracing::error!(
            "THE SPOOL TAKES NO MORE EVENTS (its bound is reached, or the disk refuses): the connection to Asterisk is closed until there is room, and what happens there until then is not recorded"
        );
        let room = stop.run_until_cancelled(self.roomy.wait_for(|roomy| *roomy)).await.is_some_and(|room| room.is_ok());
        self.status.set_full(false);
        if room {
            tracing::info!("the spool has room again");
        }
        room
    }

    /// Reads one connection to its end.
    async fn listen(&mut self, mut events: Events, seen: &mut Seen, once: bool, stop: &CancellationToken) -> End {
        let end = self.read(&mut events, seen, once, stop).await;
        // Asterisk drops the subscription at once, instead of when it notices.
        let code = if matches!(end, End::Full) { CloseCode::Again } else { CloseCode::Away };
        let goodbye = events.close(Some(CloseFrame { code, reason: "".into() }));
        let _ = timeout(GOODBYE, goodbye).await;
        end
    }

    async fn read(&mut self, events: &mut Events, seen: &mut Seen, once: bool, stop: &CancellationToken) -> End {
        // Asked before the first event of this connection goes in.
        let Some(known) = self.inlet.channels().await else { return End::NoWriter };
        let ari = self.ari.clone();
        let mut listing = pin!(ari.channels());
        let mut listing_done = false;
        let mut comparison: Option<(Instant, Comparison)> = None;

        let mut ping = interval(self.keep_alive);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let mut roomy = self.roomy.clone();
        loop {
            let due = comparison.as_ref().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stop,
                () = full(&mut roomy) => return End::Full,
                list = &mut listing, if !listing_done => {
                    listing_done = true;
                    match list {
                        Ok(list) => {
                            comparison = Some((Instant::now() + GRACE, Comparison::new(&known, list)));
                        }
                        Err(trouble) => return End::Trouble(trouble),
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((_, comparison)) = comparison.take()
                        && !self.make_up(&comparison, &seen.heard).await
                    {
                        return End::NoWriter;
                    }
                    if once {
                        return End::Compared;
                    }
                }
                frame = events.next() => {
                    heard_at = Instant::now();
                    let text = match frame {
                        None | Some(Ok(Frame::Close(_))) => return End::Trouble(Trouble::Closed(self.ari.peer())),
                        Some(Err(error)) => return End::Trouble(self.ari.error_means(error)),
                        Some(Ok(Frame::Text(text))) => text,
                        Some(Ok(_)) => {
                            seen.alive = true;
                            continue;
                        }
                    };
                    seen.alive = true;
                    match event::read(&text) {
                        Some(Message::Forward(event)) => {
                            if comparison.is_some() || !listing_done {
                                seen.heard.insert(event.lane.clone());
                            }
                            if !self.inlet.store(event).await {
                                return End::NoWriter;
                            }
                        }
                        Some(Message::Ignored) => metrics::counter!(measures::IGNORED).increment(1),
                        Some(Message::Replaced) => {
                            return End::Trouble(Trouble::Replaced(self.ari.app().as_str().to_owned()));
                        }
                        None => {
                            return End::Trouble(Trouble::Protocol(self.ari.peer(), "a message is not an event".to_owned()));
                        }
                    }
                }
                // After the frames: what has arrived while the disk held us up is no silence.
                _ = ping.tick() => {
                    // A ping goes out at every tick: whoever lives has said something since the one before the last.
                    if heard_at.elapsed() >= self.keep_alive * 2 {
                        return End::Trouble(Trouble::Silent(self.ari.peer(), heard_at.elapsed().as_secs()));
                    }
                    // A buffer that is full because nothing is taken on the other side must not hold us up.
                    match timeout(self.keep_alive, events.send(Frame::Ping(Bytes::new()))).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return End::Trouble(self.ari.error_means(error)),
                        Err(_) => return End::Trouble(Trouble::Silent(self.ari.peer(), heard_at.elapsed().as_secs())),
                    }
                }
            }
        }
    }

    /// Stores events for what was missed. `false`: the writer is gone.
    async fn make_up(&self, comparison: &Comparison, heard: &BTreeSet<String>) -> bool {
        let Some(open) = self.inlet.channels().await else { return false };
        let open: Channels = open;
        let missed = comparison.missed(&open, heard, self.ari.app(), self.ambient.now());
        if !missed.is_empty() {
            tracing::info!(
                events = missed.len(),
                "channels changed or ended while there was no connection; this is made up for"
            );
            metrics::counter!(measures::SYNTHESISED).increment(missed.len() as u64);
        }
        for event in missed {
            if !self.inlet.store(event).await {
                return false;
            }
        }
        true
    }
}

/// Ends when the spool takes no more.
async fn full(roomy: &mut watch::Receiver<bool>) {
    // An error means that the spool is gone, which storing will tell.
    let _ = roomy.wait_for(|roomy| !*roomy).await;
}
