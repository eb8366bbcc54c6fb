//! What is told to live subscribers after a commit: ids, never data. Every subscriber reads again with its own rights.

use futures::{StreamExt, stream::BoxStream};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use uuid::Uuid;

use crate::ports::EventBus;

/// Something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A call: state, caller, agent, disposition, notes.
    CallChanged {
        /// The interaction.
        interaction_id: Uuid,
    },
    /// A caller: details, owner, notes.
    CallerChanged {
        /// The caller.
        caller_id: Uuid,
    },
    /// What a user may do, or whether they may sign in.
    AccessChanged {
        /// The user.
        user_id: Uuid,
    },
    /// A session ended: its sockets are closed.
    SessionEnded {
        /// The session.
        session_id: Uuid,
    },
}

/// What a subscriber of the bus receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusMessage {
    /// Something changed.
    Event(Event),
    /// Messages may have been missed (a slow reader, a lost connection to the bus): read everything again.
    Resync,
}

/// How many events a slow subscriber may lag before it must resync.
const CAPACITY: usize = 4096;

/// The event bus of one process: the whole bus in embedded mode, the last step of the Redis bus otherwise.
#[derive(Debug)]
pub struct LocalBus {
    sender: broadcast::Sender<BusMessage>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self { sender: broadcast::channel(CAPACITY).0 }
    }
}

impl LocalBus {
    /// Hands a message to every subscriber of this process. Nobody listening is not an error.
    pub fn send(&self, message: BusMessage) {
        drop(self.sender.send(message));
    }
}

#[async_trait::async_trait]
impl EventBus for LocalBus {
    async fn publish(&self, events: &[Event]) {
        for event in events {
            self.send(BusMessage::Event(*event));
        }
    }

    fn subscribe(&self) -> BoxStream<'static, BusMessage> {
        BroadcastStream::new(self.sender.subscribe())
            .map(|message| match message {
                Ok(message) => message,
                Err(BroadcastStreamRecvError::Lagged(_)) => BusMessage::Resync,
            })
            .boxed()
    }
}
