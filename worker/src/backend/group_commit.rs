//! Many requests, one write: what arrives while a write is under way goes into the next one. No timer, so a lone request
//! is written at once, and a hundred at the same time cost little more than one.

use std::{fmt, time::Duration};

use switchboard_core::ports::QueueUnavailable;
use tokio::sync::{mpsc, oneshot};

/// Writes a group.
#[async_trait::async_trait]
pub trait Commit<T>: Send + 'static {
    /// Writes the items in order; tells for each whether it is stored durably.
    async fn commit(&mut self, items: Vec<T>) -> Vec<bool>;
}

struct Waiting<T> {
    item: T,
    answer: oneshot::Sender<bool>,
}

/// The way in. Cheap to clone; the writing task ends with the last clone.
pub struct GroupCommit<T> {
    sender: mpsc::Sender<Waiting<T>>,
    patience: Duration,
}

impl<T> Clone for GroupCommit<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), patience: self.patience }
    }
}

impl<T> fmt::Debug for GroupCommit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCommit").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> GroupCommit<T> {
    /// Starts the writing task; needs a tokio runtime. At most `group` items a write and `in_flight` items waiting.
    pub fn spawn(mut commit: impl Commit<T>, group: usize, in_flight: usize, patience: Duration) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Waiting<T>>(in_flight);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(group);
            while receiver.recv_many(&mut waiting, group).await > 0 {
                // Whoever gave up has told the provider to come again: storing it now would only make a duplicate.
                let (items, answers): (Vec<_>, Vec<_>) = waiting
                    .drain(..)
                    .filter(|waiting| !waiting.answer.is_closed())
                    .map(|waiting| (waiting.item, waiting.answer))
                    .unzip();
                if items.is_empty() {
                    continue;
                }
                // An answer that is missing is a dropped channel, which reads as "not stored".
                for (answer, stored) in answers.into_iter().zip(commit.commit(items).await) {
                    // An error means that the request has given up meanwhile.
                    let _ = answer.send(stored);
                }
            }
        });
        Self { sender, patience }
    }

    /// Waits until the item is stored, at most for the patience. When it ran out, the item may be stored all the same.
    pub async fn push(&self, item: T) -> Result<(), QueueUnavailable> {
        let (answer, answered) = oneshot::channel();
        let pushed = async {
            self.sender.send(Waiting { item, answer }).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(self.patience, pushed).await {
            Ok(Some(true)) => Ok(()),
            _ => Err(QueueUnavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;

    struct Recorder {
        groups: Arc<Mutex<Vec<Vec<u32>>>>,
        go: Arc<Semaphore>,
    }

    #[async_trait::async_trait]
    impl Commit<u32> for Recorder {
        async fn commit(&mut self, items: Vec<u32>) -> Vec<bool> {
            self.go.acquire().await.unwrap().forget();
            self.groups.lock().unwrap().push(items.clone());
            items.iter().map(|item| *item != 13).collect()
        }
    }

    #[tokio::test]
    async fn what_arrives_during_a_write_goes_into_the_next_one_in_order() {
        let (groups, go) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let recorder = Recorder { groups: Arc::clone(&groups), go: Arc::clone(&go) };
        let commits = GroupCommit::spawn(recorder, 8, 64, Duration::from_mins(1));
        let first = tokio::spawn({
            let commits = commits.clone();
            async move { commits.push(0).await }
        });
        // The channel is empty again when the first write has begun.
        while commits.sender.capacity() < 64 || go.available_permits() > 0 || first.is_finished() {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        let mut rest = Vec::new();
        for item in 11..=20 {
            let commits = commits.clone();
            rest.push(tokio::spawn(async move { (item, commits.push(item).await.is_ok()) }));
            tokio::task::yield_now().await;
        }
        go.add_permits(10);
        assert!(first.await.unwrap().is_ok());
        for pushed in rest {
            let (item, stored) = pushed.await.unwrap();
            assert_eq!(stored, item != 13, "{item}");
        }
        let groups = groups.lock().unwrap();
        assert!(groups.iter().all(|group| group.len() <= 8), "{groups:?}");
        assert!(groups.len() < 11, "{groups:?}");
        assert!(groups.concat().is_sorted(), "{groups:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_the_patience_and_who_gave_up_is_not_written() {
        let (groups, go) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let recorder = Recorder { groups: Arc::clone(&groups), go: Arc::clone(&go) };
        let commits = GroupCommit::spawn(recorder, 8, 1, Duration::from_secs(2));
        // One in the write, one in the channel, one before it.
        let (a, b, c) = tokio::join!(commits.push(1), commits.push(2), commits.push(3));
        assert!(a.is_err() && b.is_err() && c.is_err());
        go.add_permits(10);
        assert!(commits.push(4).await.is_ok());
        assert_eq!(groups.lock().unwrap().concat(), [1, 4]);
    }
}
