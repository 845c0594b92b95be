//! Where the processor's work is done: as many threads as cores may be used, each with the plans and buffers that features need.
//!
//! More workers than these are about, since a worker that waits for a disk, for the inference thread or for a tag to reach the disk
//! needs no core. Whoever has something to compute hands it over and waits; so load and memory depend on the number of desks, and no core
//! is idle while somebody waits for something else.

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::features::Extractor;

/// All desks.
pub(super) struct Desks {
    count: usize,
    /// Started when there is something to compute, by a worker whose priority they take over; none where no thread can be had.
    pool: OnceLock<Option<ThreadPool>>,
    /// Of desks that nobody sits at.
    extractors: Mutex<Vec<Extractor>>,
}

impl Desks {
    /// So many, at least one.
    pub(super) fn new(count: usize) -> Self {
        Self { count: count.max(1), pool: OnceLock::new(), extractors: Mutex::default() }
    }

    /// Does some work at a desk, when one is free, and gives what it gives. A panic in it is the caller's.
    pub(super) fn work<T: Send>(&self, work: impl FnOnce(&mut Extractor) -> T + Send) -> T {
        match self.pool.get_or_init(|| start(self.count)) {
            Some(pool) => pool.install(|| self.sit_down(work)),
            None => self.sit_down(work),
        }
    }

    fn sit_down<T>(&self, work: impl FnOnce(&mut Extractor) -> T) -> T {
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
    let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(|number| format!("desk {number}")).build();
    pool.inspect_err(|error| tracing::warn!("no threads to compute with: {error}; each worker computes for itself"))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_than_the_desks_are_worked_at_and_everybody_gets_one() {
        let (desks, busy, served) = (Desks::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        desks.work(|_| {
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
        assert!(desks.extractors().len() <= 2);
    }

    #[test]
    fn a_bug_is_the_caller_s_and_the_desk_is_free_again() {
        let desks = Desks::new(0);
        let bug = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| desks.work(|_| panic!("a bug"))));
        assert!(bug.is_err());
        assert_eq!(desks.work(|_| 1), 1);
        assert_eq!(desks.extractors().len(), 1);
    }
}
