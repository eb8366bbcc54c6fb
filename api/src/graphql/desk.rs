//! The live subscription: a snapshot, then every change, each read again and each checked again.
//!
//! The bus tells ids and nothing else. It is listened to before the snapshot is read, so that nothing can fall between the
//! two; an event that the snapshot already contains is sent again, which does no harm because calls carry versions.

use std::collections::{HashMap, HashSet};

use async_stream::stream;
use futures::{FutureExt, Stream, StreamExt, stream::BoxStream};
use switchboard_core::{
    Error,
    access::UserActor,
    events::{BusMessage, Event},
    interactions, sessions,
};
use switchboard_entities::interaction;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    error::{Fault, Result},
    types::{CallActivity, CallChanged, CallGone, CallResync, CallSnapshot, Interaction},
    viewer::Viewer,
};

/// The person at the other end of a WebSocket, as of the last check of their session.
pub type LiveUser = watch::Receiver<Option<UserActor>>;

/// Most messages of the bus that are worked off together.
const BURST: usize = 256;
/// Most calls that are remembered as sent. Beyond it those that are no longer on the desk are forgotten, and a client that
/// still shows one learns of its merging when it loads again.
const REMEMBERED: usize = 4096;

/// Follows the calls that `viewer` may see. Ends after an error, so that the client subscribes again and starts from a
/// snapshot.
pub fn activity(viewer: Viewer, live: Option<LiveUser>) -> impl Stream<Item = Result<CallActivity>> {
    stream! {
        let mut bus = viewer.app().bus().subscribe();
        let mut desk = Desk { viewer, live, seq: 0, sent: HashMap::new() };
        match desk.snapshot().await {
            Ok(snapshot) => yield Ok(snapshot),
            Err(error) => {
                yield Err(error);
                return;
            }
        }
        loop {
            let burst = desk.next(&mut bus).await;
            match desk.answer(burst).await {
                Ok(messages) => for message in messages {
                    yield Ok(message);
                },
                Err(error) => {
                    yield Err(error);
                    return;
                }
            }
        }
    }
}

/// What happened since the last time, each thing once.
#[derive(Debug, Default)]
struct Burst {
    calls: Vec<Uuid>,
    callers: HashSet<Uuid>,
    missed: bool,
    access: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    caller_id: Option<Uuid>,
    on_desk: bool,
}

#[derive(Debug)]
struct Desk {
    viewer: Viewer,
    live: Option<LiveUser>,
    seq: i32,
    /// Calls that this client was told of.
    sent: HashMap<Uuid, Sent>,
}

impl Desk {
    /// Waits for something to happen and takes what is there, without waiting for more.
    async fn next(&mut self, bus: &mut BoxStream<'static, BusMessage>) -> Burst {
        let mut burst = Burst::default();
        tokio::select! {
            message = bus.next() => self.sort(message, &mut burst),
            () = changed(self.live.as_mut()) => burst.access = true,
        }
        for _ in 1..BURST {
            match bus.next().now_or_never() {
                Some(message) if !burst.closed => self.sort(message, &mut burst),
                _ => break,
            }
        }
        burst
    }

    fn sort(&self, message: Option<BusMessage>, burst: &mut Burst) {
        let me = self.viewer.user();
        match message {
            None => burst.closed = true,
            Some(BusMessage::Resync) => burst.missed = true,
            Some(BusMessage::Event(Event::CallChanged { interaction_id })) => {
                if !burst.calls.contains(&interaction_id) {
                    burst.calls.push(interaction_id);
                }
            }
            Some(BusMessage::Event(Event::CallerChanged { caller_id })) => {
                burst.callers.insert(caller_id);
            }
            Some(BusMessage::Event(Event::AccessChanged { user_id })) => burst.access |= user_id == me.id,
            Some(BusMessage::Event(Event::SessionEnded { session_id })) => burst.access |= session_id == me.session_id,
        }
    }

    /// The messages that tell a burst.
    async fn answer(&mut self, burst: Burst) -> Result<Vec<CallActivity>> {
        if burst.closed {
            return Err(Error::Unavailable("live updates").into());
        }
        // A message that was missed may have been about the viewer's rights.
        let access_changed = (burst.access || burst.missed) && self.reload().await?;
        if burst.missed || access_changed {
            let reason = if burst.missed { "missed" } else { "access" };
            let resync = CallActivity::Resync(CallResync { seq: self.number(), reason: reason.to_owned() });
            return Ok(vec![resync, self.snapshot().await?]);
        }
        let mut ids = burst.calls;
        let of_callers = self
            .sent
            .iter()
            .filter(|(_, sent)| sent.on_desk && sent.caller_id.is_some_and(|caller| burst.callers.contains(&caller)));
        let more: Vec<Uuid> = of_callers.map(|(id, _)| *id).filter(|id| !ids.contains(id)).collect();
        ids.extend(more);
        self.changes(&ids).await
    }

    async fn changes(&mut self, ids: &[Uuid]) -> Result<Vec<CallActivity>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = interactions::by_ids(self.viewer.app(), self.viewer.actor(), ids).await?;
        let mut rows: HashMap<Uuid, interaction::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut messages = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(row) = rows.remove(id) {
                self.remember(&row);
                let call = Interaction::new(&self.viewer, row);
                messages.push(CallActivity::Changed(CallChanged { seq: self.number(), call }));
            } else if self.sent.remove(id).is_some() {
                messages.push(CallActivity::Gone(CallGone { seq: self.number(), id: *id }));
            }
        }
        Ok(messages)
    }

    async fn snapshot(&mut self) -> Result<CallActivity> {
        let rows = interactions::desk(self.viewer.app(), self.viewer.actor()).await?;
        self.sent.clear();
        for row in &rows {
            self.remember(row);
        }
        let calls = rows.into_iter().map(|row| Interaction::new(&self.viewer, row)).collect();
        let server_time = self.viewer.app().now();
        Ok(CallActivity::Snapshot(CallSnapshot { seq: self.number(), server_time, calls }))
    }

    /// Asks again what the viewer may do. True: something else than before.
    async fn reload(&mut self) -> Result<bool> {
        let before = self.viewer.user();
        let Some(now) = sessions::alive(self.viewer.app(), before.session_id).await? else {
            return Err(Fault::from(Error::Unauthenticated("Your session has ended. Please sign in again.".into())));
        };
        let changed = now.permissions != before.permissions;
        self.viewer = self.viewer.renewed(now);
        Ok(changed)
    }

    fn remember(&mut self, row: &interaction::Model) {
        let on_desk = interactions::on_desk(self.viewer.app(), self.viewer.actor(), row);
        self.sent.insert(row.id, Sent { caller_id: row.caller_id, on_desk });
        if self.sent.len() > REMEMBERED {
            self.sent.retain(|_, sent| sent.on_desk);
        }
    }

    fn number(&mut self) -> i32 {
        self.seq = self.seq.saturating_add(1);
        self.seq
    }
}

/// Waits for the next change of the person; for ever when nobody watches the session.
async fn changed(live: Option<&mut LiveUser>) {
    if let Some(live) = live
        && live.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
