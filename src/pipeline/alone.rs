//! One worker a recording: copies of it that turn up at the same time are listened to once, and the others find the answers.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::store::AudioKey;

/// The recordings that are being worked on.
#[derive(Default)]
pub(super) struct Alone {
    taken: Mutex<HashSet<AudioKey>>,
    freed: Condvar,
}

impl Alone {
    /// Waits until nobody else works on this recording. Whoever has one does not ask for another.
    pub(super) fn with(&self, audio: AudioKey) -> Taken<'_> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken =
            self.freed.wait_while(taken, |taken| taken.contains(&audio)).unwrap_or_else(PoisonError::into_inner);
        taken.insert(audio);
        Taken { all: self, audio }
    }
}

/// A recording that nobody else works on, until this is dropped.
pub(super) struct Taken<'a> {
    all: &'a Alone,
    audio: AudioKey,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.all.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.audio);
        self.all.freed.notify_all();
    }
}
