//! The bridge from Asterisk to the CRM.
//!
//! Asterisk has no webhooks. It says what happens on its channels on a websocket (ARI) to whoever listens, once. This crate
//! listens, writes what the CRM can use to a spool on disk, and sends each event from there to the CRM's hook, signed after
//! Standard Webhooks, until the CRM has it. Of the rest of the workspace it uses nothing: it may run on the PBX, far from
//! the CRM.
//!
//! ```text
//! Asterisk ──websocket──▶ listen ──▶ spool (disk) ──▶ lanes ──▶ hook ──POST──▶ CRM
//!          ◀──GET /channels──┘                          └─ one event at a time per channel
//! ```
//!
//! What is promised: an event that was read is sent until it is taken or refused, over restarts, `kill -9` and absences of
//! the CRM, in order for each channel, under an id that stays the same. What is not: Asterisk keeps nothing for listeners
//! that are away. What was missed is made up for as far as a list of channels allows (`channels::Comparison`).

mod ambient;
mod ari;
mod backoff;
mod channels;
mod deliver;
mod dial;
mod event;
mod hook;
mod http;
mod lanes;
mod listen;
pub mod measures;
mod secret;
mod sign;
mod spool;
mod status;
mod target;
mod trouble;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use ambient::{Ambient, System};
pub use ari::{App, Ari};
pub use dial::{Dialer, TrustError};
pub use event::{FORWARDED, SYNTHESISED};
pub use secret::{Hidden, SecretFile, SecretSource};
pub use sign::{MalformedSecret, SigningKey};
pub use spool::{REFUSED, SMALLEST as SMALLEST_SPOOL};
pub use status::Status;
pub use target::{Target, TargetError};
pub use trouble::Trouble;

/// First pause after a failure, doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long the CRM may take to answer. Senders of Standard Webhooks wait 15 to 30 s.
const HOOK_PATIENCE: Duration = Duration::from_secs(20);

/// What to carry from where to where.
#[derive(Clone, Debug)]
pub struct Config {
    /// Asterisk.
    pub ari: Ari,
    /// The CRM's hook, with its path.
    pub hook: Target,
    /// For TLS to the CRM.
    pub dialer: Dialer,
    /// Folder of the spool; nobody else may use it.
    pub folder: PathBuf,
    /// Bytes from which on the spool takes no more.
    pub spool_limit: u64,
    /// Time between two pings. After twice that in silence a connection is taken for dead.
    pub keep_alive: Duration,
    /// Longest pause between two attempts, to Asterisk and to the CRM.
    pub longest_pause: Duration,
    /// Most requests to the CRM at once.
    pub at_once: usize,
    /// Connect, catch up, deliver what waits and an event that checks the way, then end; the first failure ends it.
    pub once: bool,
}

/// Runs until `stop`, or until a part cannot go on, which is an error in plain words.
pub async fn run(
    config: Config,
    secret: Arc<dyn SecretSource>,
    ambient: Arc<dyn Ambient>,
    status: Arc<Status>,
    stop: CancellationToken,
) -> Result<(), String> {
    let backoff = backoff::Backoff::new(FIRST_PAUSE, config.longest_pause);
    let http = http::Http::new(config.dialer, config.hook.clone(), HOOK_PATIENCE);
    let hook = Arc::new(hook::Hook::new(http, config.hook.path, secret, Arc::clone(&ambient)).await?);
    let (folder, limit) = (config.folder, config.spool_limit);
    let opened = tokio::task::spawn_blocking(move || spool::Spool::open(&folder, limit))
        .await
        .map_err(|panic| panic.to_string())?
        .map_err(|error| error.to_string())?;
    if !opened.waiting.is_empty() {
        tracing::info!(events = opened.waiting.len(), "events of an earlier run are still to be delivered");
    }
    let mut lanes = lanes::Lanes::new(config.at_once, backoff);
    for entry in opened.waiting {
        lanes.add(entry);
    }
    let listener = listen::Listener {
        ari: config.ari,
        inlet: opened.writer.inlet(),
        roomy: opened.spool.roomy(),
        backoff,
        keep_alive: config.keep_alive,
        ambient: Arc::clone(&ambient),
        status: Arc::clone(&status),
    };
    let delivery = deliver::Delivery { spool: opened.spool, hook, lanes, ambient, status };

    // A part that cannot go on takes the others with it.
    let all = stop.child_token();
    let (stored, arrivals) = mpsc::unbounded_channel();
    let writer = opened.writer;
    let giving_up = all.clone();
    let writing = tokio::task::spawn_blocking(move || writer.run(&stored, &giving_up));
    let listening = {
        let all = all.clone();
        async move {
            let stop = all.clone();
            let result = if config.once { listener.once(stop).await } else { listener.run(stop).await };
            result.inspect_err(|_| all.cancel())
        }
    };
    let delivering = {
        let all = all.clone();
        async move { delivery.run(arrivals, !config.once, all.clone()).await.inspect_err(|_| all.cancel()) }
    };
    let (heard, delivered) = tokio::join!(tokio::spawn(listening), tokio::spawn(delivering));
    all.cancel();
    // The listener is gone and with it the last inlet: the writer ends once everything is on the disk.
    writing.await.map_err(|panic| format!("the writer of the spool panicked: {panic}"))?;
    heard.map_err(|panic| format!("the listener panicked: {panic}"))??;
    delivered.map_err(|panic| format!("the delivery panicked: {panic}"))?
}
