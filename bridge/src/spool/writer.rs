//! The thread that writes: batches of events, each batch flushed once.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Entry, Line, segments::Segments};
use crate::{channels::Channels, event::Event, measures};

/// Events that may wait for the disk. Little: what is here dies with the process.
const QUEUE: usize = 256;
/// Most events of one batch.
const BATCH: usize = 256;
/// Pause before the disk is asked again after it refused.
const DISK_PAUSE: Duration = Duration::from_secs(1);

enum Command {
    Store(Event),
    Channels(oneshot::Sender<Channels>),
}

/// Where events go in. Cheap to clone; the writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Inlet(mpsc::Sender<Command>);

impl Inlet {
    /// Hands an event over. Waits while the disk is slow. `false`: the writer has ended.
    pub async fn store(&self, event: Event) -> bool {
        self.0.send(Command::Store(event)).await.is_ok()
    }

    /// The channels that are open after everything that was handed over before. `None`: the writer has ended.
    pub async fn channels(&self) -> Option<Channels> {
        let (answer, receiver) = oneshot::channel();
        self.0.send(Command::Channels(answer)).await.ok()?;
        receiver.await.ok()
    }
}

/// The writing side of a spool.
pub struct Writer {
    segments: Arc<Mutex<Segments>>,
    next: u64,
    channels: Channels,
    inlet: Inlet,
    commands: mpsc::Receiver<Command>,
}

impl Writer {
    pub(super) fn new(segments: Arc<Mutex<Segments>>, next: u64, channels: Channels) -> Self {
        let (sender, commands) = mpsc::channel(QUEUE);
        Self { segments, next, channels, inlet: Inlet(sender), commands }
    }

    /// Where events go in.
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Writes until every inlet is gone, and names each event to `stored` once it is safe. Blocks: for a thread of its own.
    /// `stop`: do not wait any longer for a disk that refuses.
    pub fn run(self, stored: &mpsc::UnboundedSender<Entry>, stop: &CancellationToken) {
        let Self { segments, mut next, mut channels, inlet, mut commands } = self;
        drop(inlet);
        while let Some(first) = commands.blocking_recv() {
            let mut batch = Batch::default();
            let mut command = Some(first);
            while let Some(now) = command {
                batch.add(now, &mut next, &mut channels);
                command = if batch.lines.len() < BATCH { commands.try_recv().ok() } else { None };
            }
            if !commit(&segments, batch, &channels, next, stored, stop) {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Number, lane, place within the bytes, length.
    lines: Vec<(u64, Arc<str>, u64, usize)>,
    questions: Vec<(oneshot::Sender<Channels>, Channels)>,
}

impl Batch {
    fn add(&mut self, command: Command, next: &mut u64, channels: &mut Channels) {
        match command {
            Command::Channels(answer) => self.questions.push((answer, channels.clone())),
            Command::Store(Event { id, lane, body }) => {
                channels.observe(&body);
                let lane_name = Arc::from(lane.as_str());
                let line = Line { n: *next, id, lane, body };
                // Texts and a number always serialise; if they did not, the event would be lost alone.
                let Ok(mut text) = serde_json::to_vec(&line) else { return };
                text.push(b'\n');
                self.lines.push((line.n, lane_name, self.bytes.len() as u64, text.len()));
                self.bytes.append(&mut text);
                *next += 1;
            }
        }
    }
}

/// Writes the batch, however long the disk refuses. `false`: given up, because the process has to end.
fn commit(
    segments: &Mutex<Segments>,
    batch: Batch,
    channels: &Channels,
    next: u64,
    stored: &mpsc::UnboundedSender<Entry>,
    stop: &CancellationToken,
) -> bool {
    if !batch.lines.is_empty() {
        let mut complained = false;
        let (segment, at) = loop {
            match write(segments, &batch.bytes) {
                Ok(place) => break place,
                Err(error) => {
                    locked(segments).disk_failed();
                    if !complained {
                        tracing::error!(%error, events = batch.lines.len(), "the spool cannot be written: Asterisk is left until it can");
                        complained = true;
                    }
                    if stop.is_cancelled() {
                        tracing::error!(
                            events = batch.lines.len(),
                            "events are lost: the spool could not be written before the end"
                        );
                        return false;
                    }
                    std::thread::sleep(DISK_PAUSE);
                }
            }
        };
        if complained {
            tracing::info!("the spool can be written again");
        }
        let mut all = locked(segments);
        all.grown(segment, batch.bytes.len() as u64, batch.lines.len() as u64);
        if all.newest_is_full()
            && let Err(error) = all.begin(next, channels)
        {
            // The present one grows on; the next batch tries again.
            tracing::warn!(%error, "no new segment of the spool can be begun");
        }
        drop(all);
        metrics::counter!(measures::STORED).increment(batch.lines.len() as u64);
        for (n, lane, offset, length) in batch.lines {
            // Nobody delivers any more while the process ends: it is for the next start.
            let _ = stored.send(Entry { n, lane, segment, at: at + offset, length });
        }
    }
    for (answer, channels) in batch.questions {
        let _ = answer.send(channels);
    }
    true
}

fn write(segments: &Mutex<Segments>, bytes: &[u8]) -> io::Result<(u64, u64)> {
    // Not under the lock: the delivery must not wait for the disk.
    let (first, file, at) = locked(segments).newest()?;
    Segments::write(&file, at, bytes)?;
    Ok((first, at))
}

fn locked(segments: &Mutex<Segments>) -> MutexGuard<'_, Segments> {
    segments.lock().unwrap_or_else(PoisonError::into_inner)
}
