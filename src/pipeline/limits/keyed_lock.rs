//! One worker a thing: who comes to what another works on waits until that is done, and finds its results. The thing is a recording, of which
//! copies may turn up at the same time, or a file, which an album asks for besides its own turn.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The things that are being worked on.
pub(in crate::pipeline) struct KeyedLock<T> {
    locked: Mutex<HashSet<T>>,
    freed: Condvar,
}

impl<T> Default for KeyedLock<T> {
    fn default() -> Self {
        Self { locked: Mutex::default(), freed: Condvar::new() }
    }
}

impl<T: Eq + Hash + Clone> KeyedLock<T> {
    /// Waits until nobody else works on it. Whoever has one does not ask for another of the same kind.
    pub(in crate::pipeline) fn lock(&self, key: T) -> KeyedLockGuard<'_, T> {
        let mut locked = self
            .freed
            .wait_while(self.locked(), |locked| locked.contains(&key))
            .unwrap_or_else(PoisonError::into_inner);
        locked.insert(key.clone());
        KeyedLockGuard { lock: self, key }
    }

    /// Whether somebody works on it just now.
    pub(in crate::pipeline) fn is_locked(&self, key: &T) -> bool {
        self.locked().contains(key)
    }

    fn locked(&self) -> MutexGuard<'_, HashSet<T>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that nobody else works on, until this is dropped.
pub(in crate::pipeline) struct KeyedLockGuard<'a, T: Eq + Hash + Clone> {
    lock: &'a KeyedLock<T>,
    key: T,
}

impl<T: Eq + Hash + Clone> Drop for KeyedLockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.locked().remove(&self.key);
        self.lock.freed.notify_all();
    }
}
