//! Files that are ripe and wait for a worker: two short queues, what just happened before what a walk found.
//!
//! They are bounded, so that whoever fills them waits and memory does not grow; a pause keeps workers away and nothing
//! else.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a file came to our notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Something happened to it just now.
    Event,
    /// A walk found that it differs from the database.
    Walk,
}

/// A file to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// How it came to our notice.
    pub origin: Origin,
    /// How often it was tried in vain since.
    pub tries: u32,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ripe files that wait for a worker.
    pub queued: usize,
    /// Files that workers have.
    pub working: usize,
}

/// The queues between the watcher and the workers.
pub struct Candidates {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
    capacity: usize,
    on_room: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    events: VecDeque<Candidate>,
    walks: VecDeque<Candidate>,
    working: usize,
    is_paused: bool,
    is_closed: bool,
}

impl State {
    fn queue(&mut self, origin: Origin) -> &mut VecDeque<Candidate> {
        match origin {
            Origin::Event => &mut self.events,
            Origin::Walk => &mut self.walks,
        }
    }
}

/// What a worker is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Work on this.
    Work(Candidate),
    /// There was nothing to do for as long as it wanted to wait.
    Nothing,
    /// There will be nothing more to do.
    Closed,
}

impl Candidates {
    /// Queues of this many files each; `on_room` is called when a full one has room again.
    pub fn new(capacity: usize, on_room: impl Fn() + Send + Sync + 'static) -> Self {
        let (work, room) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::default(), work, room, capacity: capacity.max(1), on_room: Box::new(on_room) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more files of this origin there is room for.
    pub fn room(&self, origin: Origin) -> usize {
        let mut state = self.state();
        self.capacity.saturating_sub(state.queue(origin).len())
    }

    /// Adds a file, also beyond the capacity; who asks for [`Candidates::room`] first keeps to it.
    pub fn push(&self, candidate: Candidate) {
        let mut state = self.state();
        let queue = state.queue(candidate.origin);
        if !queue.contains(&candidate) {
            queue.push_back(candidate);
            self.work.notify_one();
        }
    }

    /// Adds a file as soon as there is room; `false` when the queues were closed instead.
    pub fn push_when_there_is_room(&self, candidate: Candidate) -> bool {
        let is_full = |state: &mut State| state.queue(candidate.origin).len() >= self.capacity && !state.is_closed;
        let mut state = self.room.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return false;
        }
        state.queue(candidate.origin).push_back(candidate);
        self.work.notify_one();
        true
    }

    /// The next file for a worker, which calls [`Candidates::done`] when it is done with it. Waits, for ever or for so
    /// long.
    pub fn next(&self, wait: Option<Duration>) -> Next {
        let nothing = |state: &mut State| {
            !state.is_closed && (state.is_paused || (state.events.is_empty() && state.walks.is_empty()))
        };
        let mut state = match wait {
            None => self.work.wait_while(self.state(), nothing).unwrap_or_else(PoisonError::into_inner),
            Some(wait) => {
                let waited = self.work.wait_timeout_while(self.state(), wait, nothing);
                let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                if timeout.timed_out() {
                    return Next::Nothing;
                }
                state
            }
        };
        if state.is_closed {
            return Next::Closed;
        }
        let was_full = state.events.len() >= self.capacity || state.walks.len() >= self.capacity;
        let Some(candidate) = state.events.pop_front().or_else(|| state.walks.pop_front()) else {
            return Next::Nothing;
        };
        state.working += 1;
        drop(state);
        if was_full {
            self.room.notify_all();
            (self.on_room)();
        }
        Next::Work(candidate)
    }

    /// A worker is done with a file.
    pub fn done(&self) {
        let mut state = self.state();
        state.working = state.working.saturating_sub(1);
    }

    /// Keeps workers from taking files, or lets them.
    pub fn pause(&self, pause: bool) {
        self.state().is_paused = pause;
        self.work.notify_all();
    }

    /// Nothing more is handed out; who waits is told so.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    /// How much waits.
    pub fn depth(&self) -> Depth {
        let state = self.state();
        Depth { queued: state.events.len() + state.walks.len(), working: state.working }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn candidate(name: &str, origin: Origin) -> Candidate {
        Candidate { path: name.into(), origin, tries: 0 }
    }

    #[test]
    fn what_just_happened_comes_before_what_a_walk_found() {
        let queue = Candidates::new(4, || {});
        queue.push(candidate("old", Origin::Walk));
        queue.push(candidate("new", Origin::Event));
        assert_eq!(queue.next(None), Next::Work(candidate("new", Origin::Event)));
        assert_eq!(queue.next(None), Next::Work(candidate("old", Origin::Walk)));
        assert_eq!(queue.depth(), Depth { queued: 0, working: 2 });
        assert_eq!(queue.next(Some(Duration::from_millis(1))), Next::Nothing);
    }

    #[test]
    fn a_walk_waits_for_room_and_events_find_some() {
        let rooms = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rooms);
        let queue = Candidates::new(1, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        queue.push(candidate("1", Origin::Walk));
        assert_eq!((queue.room(Origin::Walk), queue.room(Origin::Event)), (0, 1));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.push_when_there_is_room(candidate("2", Origin::Walk)));
            assert_eq!(queue.next(None), Next::Work(candidate("1", Origin::Walk)));
            assert!(waiting.join().unwrap());
        });
        assert_eq!(rooms.load(Ordering::Relaxed), 1);
        assert_eq!(queue.next(None), Next::Work(candidate("2", Origin::Walk)));
    }

    #[test]
    fn a_pause_keeps_workers_away_and_an_end_sends_them_home() {
        let queue = Candidates::new(4, || {});
        queue.push(candidate("1", Origin::Event));
        queue.pause(true);
        assert_eq!(queue.next(Some(Duration::from_millis(1))), Next::Nothing);
        queue.pause(false);
        assert!(matches!(queue.next(None), Next::Work(_)));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| queue.next(None));
            queue.close();
            assert_eq!(worker.join().unwrap(), Next::Closed);
        });
        assert!(!queue.push_when_there_is_room(candidate("2", Origin::Walk)));
    }
}
