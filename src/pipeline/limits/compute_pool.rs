//! Where the processor's work is done: as many threads as cores may be used, each with the plans and buffers that features need.
//!
//! More workers than these are about, since a worker that waits for a disk, for the inference thread or for a tag to reach the disk
//! needs no core. Whoever has something to compute hands it over and waits; so load and memory depend on the number of threads, and no core
//! is idle while somebody waits for something else.

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::features::Extractor;

/// The threads that compute.
pub(in crate::pipeline) struct ComputePool {
    count: usize,
    /// Started when there is something to compute, by a worker whose priority they take over; none where no thread can be had.
    pool: OnceLock<Option<ThreadPool>>,
    /// Those that no thread uses now.
    extractors: Mutex<Vec<Extractor>>,
}

impl ComputePool {
    /// So many, at least one.
    pub(in crate::pipeline) fn new(count: usize) -> Self {
        Self { count: count.max(1), pool: OnceLock::new(), extractors: Mutex::default() }
    }

    /// Does some work on a thread of the pool, when one is free, and gives what it gives. A panic in it is the caller's.
    pub(in crate::pipeline) fn run<T: Send>(&self, work: impl FnOnce(&mut Extractor) -> T + Send) -> T {
        match self.pool.get_or_init(|| start(self.count)) {
            Some(pool) => pool.install(|| self.with_extractor(work)),
            None => self.with_extractor(work),
        }
    }

    fn with_extractor<T>(&self, work: impl FnOnce(&mut Extractor) -> T) -> T {
        let mut extractor = self.extractors().pop().unwrap_or_default();
        let done = work(&mut extractor);
        // After a panic nobody knows what the buffers hold: they are not put back.
        self.extractors().push(extractor);
        done
    }

    fn extractors(&self) -> std::sync::MutexGuard<'_, Vec<Extractor>> {
        self.extractors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(count: usize) -> Option<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(|number| format!("compute {number}")).build();
    pool.inspect_err(|error| tracing::warn!("no threads to compute with: {error}; each worker computes for itself"))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_work_is_done_at_once_than_there_are_threads_and_all_of_it_is_done() {
        let (pool, busy, served) = (ComputePool::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        pool.run(|_| {
                            assert!(busy.fetch_add(1, Ordering::SeqCst) < 2);
                            std::thread::yield_now();
                            busy.fetch_sub(1, Ordering::SeqCst);
                        });
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(served.into_inner(), 160);
        assert!(pool.extractors().len() <= 2);
    }

    #[test]
    fn a_bug_is_the_caller_s_and_the_thread_is_free_again() {
        let pool = ComputePool::new(0);
        let bug = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.run(|_| panic!("a bug"))));
        assert!(bug.is_err());
        assert_eq!(pool.run(|_| 1), 1);
        assert_eq!(pool.extractors().len(), 1);
    }
}
