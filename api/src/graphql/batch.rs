//! When the reads of an operation are sent: as soon as nothing else in it can go on, and not a moment earlier.
//!
//! A data loader gathers keys for a while and reads them with one statement. Waiting a fixed time makes every level of a
//! query slower; spawning the read at once lets another thread start it while this one is still gathering, and then the
//! number of statements depends on luck. Here the reads wait in a [`Hub`] until the operation is stuck on them: all keys
//! that could be gathered have been. It needs no timer and no other task, and dropping the operation drops its reads.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use async_graphql::dataloader::DataLoader;
use futures::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
    task::AtomicWaker,
};

use super::limits;

/// The reads of one operation that wait to be sent. Whoever makes loaders on it must run the operation with [`drive`] or
/// [`drive_stream`].
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hub")
    }
}

impl Hub {
    /// A loader whose reads wait here.
    pub(super) fn loader<T>(&self, reader: T) -> DataLoader<T> {
        let hub = self.clone();
        // An operation has no more keys than it may have values, and both databases take that many in one statement.
        DataLoader::new(reader, move |read| hub.lock().push(read))
            .delay(Duration::ZERO)
            .max_batch_size(limits::MAX_COMPLEXITY)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<BoxFuture<'static, ()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits, if the operation is stuck, and goes on with what was sent. True: something was read, so the
    /// operation may go on.
    fn advance(&self, stuck: bool, running: &mut Running, cx: &mut Context<'_>) -> bool {
        if stuck {
            running.extend(std::mem::take(&mut *self.lock()));
        }
        let mut progress = false;
        while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {
            progress = true;
        }
        progress
    }
}

type Running = FuturesUnordered<BoxFuture<'static, ()>>;

/// Tells an operation that is stuck from one that only let others go first. Joined futures do that after some dozens, and
/// wake themselves; what they have not looked at yet has keys to add.
#[derive(Default)]
struct Awake {
    woken: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.outer.wake();
    }
}

/// Lets an operation and its reads go on as far as they can.
fn go_on<T>(
    hub: &Hub,
    awake: &Arc<Awake>,
    running: &mut Running,
    cx: &mut Context<'_>,
    mut operation: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let waker = Waker::from(Arc::clone(awake));
    loop {
        awake.outer.register(cx.waker());
        awake.woken.store(false, Ordering::Release);
        if let Poll::Ready(output) = operation(&mut Context::from_waker(&waker)) {
            return Poll::Ready(output);
        }
        // Woken while it was looked at: the task is run again at once, after everybody else.
        let stuck = !awake.woken.load(Ordering::Acquire);
        if !hub.advance(stuck, running, cx) {
            return Poll::Pending;
        }
    }
}

/// Runs an operation and the reads it waits for.
pub(super) async fn drive<F: Future>(hub: &Hub, operation: F) -> F::Output {
    let mut operation = pin!(operation);
    let (awake, mut running) = (Arc::default(), Running::new());
    poll_fn(|cx| go_on(hub, &awake, &mut running, cx, |cx| operation.as_mut().poll(cx))).await
}

/// Runs a subscription and the reads of its events.
pub(super) fn drive_stream<T>(hub: Hub, mut operation: BoxStream<'static, T>) -> impl Stream<Item = T> + Send {
    let (awake, mut running) = (Arc::default(), Running::new());
    stream::poll_fn(move |cx| go_on(&hub, &awake, &mut running, cx, |cx| operation.poll_next_unpin(cx)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::{collections::HashMap, sync::atomic::AtomicUsize};

    use async_graphql::dataloader::Loader;
    use futures::future::join_all;

    use super::*;

    #[derive(Default, Clone)]
    struct Doubles(Arc<AtomicUsize>);

    impl Loader<u32> for Doubles {
        type Value = u32;
        type Error = ();

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, ()> {
            self.0.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(keys.iter().map(|key| (*key, key * 2)).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_read_a_level_however_many_rows_and_threads() {
        for rows in [1_u32, 50, 500] {
            let (hub, reader) = (Hub::default(), Doubles::default());
            let loader = hub.loader(reader.clone());
            // Three levels, nested as objects in lists are.
            let row = |key: u32| {
                let loader = &loader;
                async move {
                    let second = loader.load_one(key).await.unwrap().unwrap();
                    let fields = (0..3).map(|field| loader.load_one(second + field));
                    let third: u32 = join_all(fields).await.into_iter().map(|value| value.unwrap().unwrap()).sum();
                    loader.load_one(third).await.unwrap().unwrap()
                }
            };
            let all = drive(&hub, join_all((0..rows).map(row))).await;
            assert_eq!(all.len(), rows as usize);
            assert_eq!(reader.0.load(Ordering::SeqCst), 3, "{rows} rows");
        }
    }
}
