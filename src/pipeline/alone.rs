//! One worker a thing: who comes to what another works on waits until that is done, and finds its results. The thing is a recording, of which
//! copies may turn up at the same time, or a file, which an album asks for besides its own turn.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The things that are being worked on.
pub(super) struct Alone<T> {
    taken: Mutex<HashSet<T>>,
    freed: Condvar,
}

impl<T> Default for Alone<T> {
    fn default() -> Self {
        Self { taken: Mutex::default(), freed: Condvar::new() }
    }
}

impl<T: Eq + Hash + Clone> Alone<T> {
    /// Waits until nobody else works on it. Whoever has one does not ask for another of the same kind.
    pub(super) fn with(&self, thing: T) -> Taken<'_, T> {
        let mut taken =
            self.freed.wait_while(self.taken(), |taken| taken.contains(&thing)).unwrap_or_else(PoisonError::into_inner);
        taken.insert(thing.clone());
        Taken { all: self, thing }
    }

    /// Whether somebody works on it just now.
    pub(super) fn is_taken(&self, thing: &T) -> bool {
        self.taken().contains(thing)
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<T>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that nobody else works on, until this is dropped.
pub(super) struct Taken<'a, T: Eq + Hash + Clone> {
    all: &'a Alone<T>,
    thing: T,
}

impl<T: Eq + Hash + Clone> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.all.taken().remove(&self.thing);
        self.all.freed.notify_all();
    }
}
