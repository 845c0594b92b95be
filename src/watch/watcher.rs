//! The watch as others hold it: what to watch, the threads that do, and the way to talk to them.

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::candidates::{Candidate, Candidates};
use super::inbox::Inbox;
use super::plan::Plan;
use super::roots::Root;
use super::settling::Settling;
use super::walker::{SharedListener, Walker};
use super::watch_loop::WatchLoop;
use super::watch_status::SharedWatchStatus;
use crate::pipeline::Cancel;
use crate::store::Store;

/// Files that wait for a worker, of each origin.
const QUEUED: usize = 64;

/// The watch, while it runs. Dropping it ends it.
pub struct Watcher {
    inbox: Arc<Inbox>,
    candidates: Arc<Candidates>,
    cancel: Cancel,
    threads: Vec<JoinHandle<()>>,
}

impl Watcher {
    /// Starts watching. The roots have been looked at when this returns; comparing them goes on, on a thread that calls
    /// `on_walker` first.
    ///
    /// # Errors
    /// What the system says when no thread can be had.
    pub fn start(
        plan: Plan,
        store: Arc<Store>,
        watch_status: Arc<SharedWatchStatus>,
        on_walker: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new(plan.watch.max_pending));
        let waker = Arc::clone(&inbox);
        let candidates = Arc::new(Candidates::new(QUEUED, move || waker.wake()));
        let cancel = Cancel::default();
        let listener: SharedListener = Arc::new(Mutex::new(None));
        let (walks, requests) = channel();
        let walker = Walker {
            store: Arc::clone(&store),
            fingerprints: plan.fingerprints.clone(),
            selection: plan.selection.clone(),
            quiet: plan.quiet,
            inbox: Arc::clone(&inbox),
            candidates: Arc::clone(&candidates),
            listener: Arc::clone(&listener),
            cancel: cancel.clone(),
        };
        let mut watch = WatchLoop {
            settling: Settling::new(plan.quiet, plan.watch.max_pending),
            roots: plan.roots.iter().cloned().map(Root::new).collect(),
            plan,
            store,
            watch_status,
            inbox: Arc::clone(&inbox),
            candidates: Arc::clone(&candidates),
            listener,
            walks,
            asked: HashSet::new(),
            once_more: HashSet::new(),
            cancel: cancel.clone(),
            next_comparison: Instant::now(),
            next_poll: Instant::now(),
            next_look: Instant::now(),
        };
        watch.compare_all(Instant::now());
        let mut threads = vec![];
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        threads.push(thread("walker").spawn(move || {
            on_walker();
            walker.run(&requests);
        })?);
        threads.push(thread("watcher").spawn(move || watch.run())?);
        Ok(Self { inbox, candidates, cancel, threads })
    }

    /// What is ripe.
    pub fn candidates(&self) -> &Arc<Candidates> {
        &self.candidates
    }

    /// A worker could not settle this file now.
    pub fn try_again(&self, candidate: Candidate) {
        self.inbox.again(candidate);
    }

    /// Something was mounted or unmounted.
    pub fn mounts_changed(&self) {
        self.inbox.mounts_changed();
    }

    /// Begins to end it: no more work is handed out. Does not wait.
    pub fn stop(&self) {
        self.cancel.request();
        self.candidates.close();
        self.inbox.close();
    }

    /// Whether its threads have ended.
    pub fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The threads are not waited for: one may hang in a call to a share that is away.
        self.stop();
    }
}
