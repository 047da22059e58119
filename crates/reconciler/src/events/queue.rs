//! A queue that never makes a sender wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A bounded queue for one receiver. Clones are the same queue.
pub(super) struct Queue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    /// Whom it leads to, for the log.
    leads_to: &'static str,
    capacity: usize,
    state: Mutex<State<T>>,
    news: Notify,
}

struct State<T> {
    items: VecDeque<T>,
    is_closed: bool,
    dropped: u64,
}

impl<T> Queue<T> {
    pub(super) fn new(leads_to: &'static str, capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), is_closed: false, dropped: 0 };
        Self { shared: Arc::new(Shared { leads_to, capacity, state: Mutex::new(state), news: Notify::new() }) }
    }

    /// Adds an item. Where that is one too many, the oldest is dropped: what happened last says more about how things
    /// are.
    pub(super) fn push(&self, item: T) {
        let mut state = self.state();
        let leads_to = self.shared.leads_to;
        if state.is_closed {
            tracing::debug!(leads_to, "dropped an event that came after the end");
            return;
        }
        if state.items.len() >= self.shared.capacity {
            state.items.pop_front();
            state.dropped += 1;
            tracing::warn!(leads_to, dropped = state.dropped, "dropped the oldest event of a full queue");
        }
        state.items.push_back(item);
        drop(state);
        self.shared.news.notify_one();
    }

    /// Takes the oldest item, or waits for one. Nothing, once the queue is closed and empty.
    ///
    /// # Cancellation
    /// Safe: no item is lost.
    pub(super) async fn next(&self) -> Option<T> {
        loop {
            {
                let mut state = self.state();
                if let Some(item) = state.items.pop_front() {
                    return Some(item);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.shared.news.notified().await;
        }
    }

    /// Lets nothing more in. What is there can still be taken.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.shared.news.notify_one();
    }

    /// How many items wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().items.len()
    }

    /// How many items were dropped because the queue was full.
    pub(super) fn dropped(&self) -> u64 {
        self.state().dropped
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn drain(queue: &Queue<u32>) -> Vec<u32> {
        let mut items = Vec::new();
        while let Some(item) = queue.next().await {
            items.push(item);
        }
        items
    }

    #[tokio::test]
    async fn a_full_queue_drops_its_oldest_items() {
        let queue = Queue::new("nobody", 3);
        (0..5).for_each(|item| queue.push(item));
        assert_eq!((queue.waiting(), queue.dropped()), (3, 2));
        queue.close();
        assert_eq!(drain(&queue).await, [2, 3, 4]);
    }

    #[tokio::test]
    async fn a_closed_queue_is_emptied_and_lets_nothing_in() {
        let queue = Queue::new("nobody", 3);
        queue.push(1);
        queue.close();
        queue.push(2);
        assert_eq!(drain(&queue).await, [1]);
        assert_eq!(queue.dropped(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_waits_for_items_and_for_the_end() {
        let queue = Queue::new("nobody", 3);
        let receiver = tokio::spawn({
            let queue = queue.clone();
            async move { drain(&queue).await }
        });
        for item in 0..3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            queue.push(item);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.close();
        assert_eq!(receiver.await.unwrap(), [0, 1, 2]);
    }
}
