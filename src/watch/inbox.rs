//! Where the threads leave word for the watcher: bounded, and without saying the same twice.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::candidates::Candidate;
use super::walk::Walked;
use crate::tagging::FileStamp;

/// What lies in the inbox.
#[derive(Default)]
pub(super) struct Mail {
    /// Something happened there. What is there is asked of the disk.
    pub(super) events: HashSet<PathBuf>,
    /// Events were lost: anything may have happened.
    pub(super) lost: bool,
    /// A link to watched folders is gone: they may have another name in the library, which was not watched beside that
    /// one.
    pub(super) unlinked: bool,
    /// Watched folders that are gone from where they were.
    pub(super) vanished: Vec<PathBuf>,
    /// What walks found.
    pub(super) found: Vec<(PathBuf, FileStamp)>,
    /// What workers could not settle.
    pub(super) again: Vec<Candidate>,
    /// Walks that ended.
    pub(super) walked: Vec<Walked>,
    /// Mounts changed.
    pub(super) mounts_changed: bool,
    /// There is something to think about, such as room in a queue.
    pub(super) woken: bool,
    /// It is over.
    pub(super) stop: bool,
}

impl Mail {
    fn is_empty(&self) -> bool {
        !(self.lost || self.unlinked || self.mounts_changed || self.woken || self.stop)
            && self.events.is_empty()
            && self.vanished.is_empty()
            && self.found.is_empty()
            && self.again.is_empty()
            && self.walked.is_empty()
    }
}

struct State {
    mail: Mail,
    /// How many files walks may still leave.
    room: usize,
    is_closed: bool,
}

/// The watcher's inbox.
pub(super) struct Inbox {
    state: Mutex<State>,
    mail_came: Condvar,
    room_came: Condvar,
    most: usize,
}

impl Inbox {
    /// An inbox for this many events; beyond them it only remembers that some were lost.
    pub(super) fn new(most: usize) -> Self {
        let state = State { mail: Mail::default(), room: 0, is_closed: false };
        Self { state: Mutex::new(state), mail_came: Condvar::new(), room_came: Condvar::new(), most }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, word: impl FnOnce(&mut Mail)) {
        word(&mut self.state().mail);
        self.mail_came.notify_one();
    }

    pub(super) fn event(&self, path: PathBuf) {
        self.leave(|mail| {
            if mail.events.len() < self.most {
                mail.events.insert(path);
            } else {
                mail.lost = true;
            }
        });
    }

    pub(super) fn unlinked(&self) {
        self.leave(|mail| mail.unlinked = true);
    }

    pub(super) fn events_lost(&self) {
        self.leave(|mail| mail.lost = true);
    }

    pub(super) fn vanished(&self, folder: PathBuf) {
        self.leave(|mail| {
            if mail.vanished.len() < self.most {
                mail.vanished.push(folder);
            } else {
                mail.lost = true;
            }
        });
    }

    pub(super) fn again(&self, candidate: Candidate) {
        self.leave(|mail| mail.again.push(candidate));
    }

    pub(super) fn walked(&self, walked: Walked) {
        self.leave(|mail| mail.walked.push(walked));
    }

    pub(super) fn mounts_changed(&self) {
        self.leave(|mail| mail.mounts_changed = true);
    }

    pub(super) fn wake(&self) {
        self.leave(|mail| mail.woken = true);
    }

    /// Leaves what a walk found as soon as there is room; `false` when it is over instead.
    pub(super) fn found(&self, path: PathBuf, stamp: FileStamp) -> bool {
        let full = |state: &mut State| state.room == 0 && !state.is_closed;
        let mut state = self.room_came.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return false;
        }
        state.room -= 1;
        state.mail.found.push((path, stamp));
        self.mail_came.notify_one();
        true
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.mail.stop = true;
        self.mail_came.notify_all();
        self.room_came.notify_all();
    }

    /// Waits for mail until `deadline`, and takes it. Until the next call walks may leave `room` files.
    pub(super) fn take(&self, deadline: Instant, room: usize) -> Mail {
        let mut state = self.state();
        state.room = room;
        if room > 0 {
            self.room_came.notify_all();
        }
        loop {
            if !state.mail.is_empty() {
                return std::mem::take(&mut state.mail);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Mail::default();
            }
            state = self.mail_came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
