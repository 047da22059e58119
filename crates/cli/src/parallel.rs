//! Work on several threads whose results come back in order.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

/// Results that a thread may be ahead of whoever takes them, which bounds the memory.
const AHEAD: usize = 2;

/// More threads than this wait for the one that takes the results.
const MAX_THREADS: usize = 16;

/// The number of threads that are worth having for so many jobs.
pub(crate) fn threads(jobs: usize) -> usize {
    let available = thread::available_parallelism().map_or(1, usize::from);
    available.min(MAX_THREADS).min(jobs)
}

/// Does `work` for every job and hands the results to `take`, on this thread and in the order of
/// the jobs, until it breaks.
///
/// Each job gets a buffer, which comes along with the result and is used again for later jobs.
/// Whatever the number of jobs, there are only a few buffers for each thread.
///
/// Jobs are dealt out in turn: thread 2 of 4 does jobs 2, 6, 10 and so on. So the next result is
/// always known to come from a certain thread, and no results have to be put in order.
///
/// # Panics
/// If `work` does.
pub(crate) fn in_order<J: Sync, B: Default + Send, R: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(usize, &J, &mut B) -> R + Sync,
    mut take: impl FnMut(&mut B, R) -> ControlFlow<()>,
) {
    if threads <= 1 {
        let mut buffer = B::default();
        for (index, job) in jobs.iter().enumerate() {
            let result = work(index, job, &mut buffer);
            if take(&mut buffer, result).is_break() {
                return;
            }
        }
        return;
    }
    thread::scope(|scope| {
        let work = &work;
        let lanes: Vec<_> = (0..threads)
            .map(|lane| {
                let (results, inbox) = mpsc::sync_channel::<(B, R)>(AHEAD);
                let (spares, used) = mpsc::channel::<B>();
                scope.spawn(move || {
                    for (index, job) in jobs.iter().enumerate().skip(lane).step_by(threads) {
                        let mut buffer = used.try_recv().unwrap_or_default();
                        let result = work(index, job, &mut buffer);
                        if results.send((buffer, result)).is_err() {
                            return; // nobody takes results any more
                        }
                    }
                });
                (inbox, spares)
            })
            .collect();
        for (inbox, spares) in lanes.iter().cycle().take(jobs.len()) {
            // A lane closes early only if its thread panics, which the scope passes on.
            let Ok((mut buffer, result)) = inbox.recv() else { return };
            if take(&mut buffer, result).is_break() {
                return;
            }
            // The thread may have done its last job.
            let _ = spares.send(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn squares(threads: usize, stop_after: usize) -> (Vec<usize>, usize) {
        let jobs: Vec<usize> = (0..100).collect();
        let (mut taken, worked) = (Vec::new(), AtomicUsize::new(0));
        in_order(
            &jobs,
            threads,
            |index, job, buffer: &mut Vec<usize>| {
                worked.fetch_add(1, Ordering::Relaxed);
                buffer.clear();
                buffer.push(index * job);
            },
            |buffer, ()| {
                taken.extend_from_slice(buffer);
                if taken.len() < stop_after { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        );
        (taken, worked.into_inner())
    }

    #[test]
    fn keeps_the_order_whatever_the_threads() {
        let expected: Vec<usize> = (0..100).map(|number| number * number).collect();
        for threads in [1, 2, 3, 7] {
            assert_eq!(squares(threads, 100), (expected.clone(), 100));
        }
    }

    #[test]
    fn stops_when_told_to() {
        let (taken, worked) = squares(3, 10);
        assert_eq!(taken.len(), 10);
        assert!(worked <= 10 + 3 * (AHEAD + 1), "{worked} jobs done");
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn passes_a_panic_on_instead_of_waiting() {
        let work = |_: usize, job: &usize, (): &mut ()| assert!(*job != 5, "five");
        in_order(&(0..100).collect::<Vec<_>>(), 3, work, |(), ()| ControlFlow::Continue(()));
    }
}
