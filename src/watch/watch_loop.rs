//! What the watcher's thread does all day: it reads its mail, keeps time, and carries out what comes of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::candidates::{Candidates, Origin};
use super::disk_and_store::DiskAndStore;
use super::inbox::{Inbox, Mail};
use super::plan::Plan;
use super::roots::Root;
use super::settling::{Hint, Settling, Work};
use super::walk::Walk;
use super::walker::{SharedListener, watch_below};
use super::watch_status::SharedWatchStatus;
use crate::pipeline::{Cancel, Found};
use crate::storage::WatchMode;
use crate::store::{Store, StoreError};
use crate::tagging::FileStamp;

/// Files of a new folder that are hinted at one by one; a larger one is compared.
const LISTED: usize = 5000;

/// The watcher's state.
pub(super) struct WatchLoop {
    pub(super) settling: Settling,
    pub(super) roots: Vec<Root>,
    pub(super) plan: Plan,
    pub(super) store: Arc<Store>,
    pub(super) watch_status: Arc<SharedWatchStatus>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) candidates: Arc<Candidates>,
    pub(super) listener: SharedListener,
    pub(super) walks: Sender<Walk>,
    /// Folders whose comparison was asked for and has not ended.
    pub(super) asked: HashSet<PathBuf>,
    /// Of these, those that have to be compared once more: hints were lost meanwhile, maybe behind the walk's back.
    pub(super) once_more: HashSet<PathBuf>,
    pub(super) cancel: Cancel,
    pub(super) next_comparison: Instant,
    pub(super) next_poll: Instant,
    pub(super) next_look: Instant,
}

impl WatchLoop {
    pub(super) fn run(mut self) {
        loop {
            self.say_how_it_stands();
            let mail = self.inbox.take(self.next_deadline(), self.settling.room_for_walks());
            if mail.stop {
                return;
            }
            let now = Instant::now();
            self.read(mail, now);
            self.keep_time(now);
            let candidates = Arc::clone(&self.candidates);
            let disk_and_store = DiskAndStore { store: &self.store, plan: &self.plan, roots: &self.roots };
            let work = self.settling.ripen(now, &disk_and_store, |origin| candidates.room(origin));
            self.carry_out(work, now);
        }
    }

    fn next_deadline(&self) -> Instant {
        let mut deadline = self.next_comparison;
        if self.roots.iter().any(|root| root.is_good() && root.is_polled()) {
            deadline = deadline.min(self.next_poll);
        }
        if self.roots.iter().any(Root::is_looked_for) {
            deadline = deadline.min(self.next_look);
        }
        let ripe = self.settling.next_due(|origin| self.candidates.room(origin));
        ripe.map_or(deadline, |due| deadline.min(due))
    }

    pub(super) fn hear(&mut self, hint: Hint, now: Instant) {
        let disk_and_store = DiskAndStore { store: &self.store, plan: &self.plan, roots: &self.roots };
        let work = self.settling.hear(hint, now, &disk_and_store);
        self.carry_out(work, now);
    }

    fn read(&mut self, mail: Mail, now: Instant) {
        if mail.lost {
            tracing::warn!("more happened than could be listened to: the roots are looked through");
            for root in self.roots.iter().map(|root| root.real.clone()).collect::<Vec<_>>() {
                self.hear(Hint::Rescan(root), now);
            }
        }
        if mail.unlinked {
            for root in
                self.roots.iter().filter(|root| !root.is_polled()).map(|root| root.real.clone()).collect::<Vec<_>>()
            {
                self.hear(Hint::Rescan(root), now);
            }
        }
        for folder in mail.vanished {
            self.vanished(&folder, now);
        }
        if mail.mounts_changed {
            self.look_at_roots(now);
        }
        for path in mail.events {
            if self.plan.selection.is_ignore_file(&path) {
                self.changed_its_mind(&path, now);
            } else {
                self.hear(Hint::Path(path), now);
            }
        }
        for (path, stamp) in mail.found {
            self.hear(Hint::Found(path, stamp), now);
        }
        for candidate in mail.again {
            self.hear(Hint::Again(candidate), now);
        }
        for walked in mail.walked {
            self.walked(walked);
        }
    }

    /// A file that says what in its folder is no music came, went or changed: the folder is watched and looked through
    /// anew.
    fn changed_its_mind(&mut self, ignore_file: &Path, now: Instant) {
        let Some(folder) = ignore_file.parent().filter(|folder| self.takes_folder(folder)) else { return };
        tracing::debug!("{}: what counts in its folder may be something else now", ignore_file.display());
        self.stop_watching(folder);
        self.hear(Hint::Rescan(folder.to_owned()), now);
    }

    fn keep_time(&mut self, now: Instant) {
        if now >= self.next_comparison {
            self.compare_all(now);
        }
        if now >= self.next_look && self.roots.iter().any(Root::is_looked_for) {
            self.look_at_roots(now);
        }
        if now >= self.next_poll {
            self.next_poll = now + self.plan.watch.poll_interval.get();
            self.look_at_roots(now);
            for index in 0..self.roots.len() {
                if self.roots[index].is_good() && self.roots[index].is_polled() {
                    self.compare_root(index, false);
                }
            }
        }
    }

    fn carry_out(&mut self, work: impl IntoIterator<Item = Work>, now: Instant) {
        let mut gone = Vec::new();
        for work in work {
            match work {
                Work::Analyse(candidate) => {
                    let is_news = candidate.origin == Origin::Event && candidate.tries == 0;
                    let path = candidate.path.clone();
                    self.candidates.push(candidate);
                    if is_news {
                        self.hint_at_neighbours(&path, now);
                    }
                }
                Work::Gone(path) => {
                    self.hint_at_neighbours(&path, now);
                    gone.push(path);
                }
                Work::List(folder) => self.list(&folder, now),
                Work::Compare(folder) => self.compare_folder(&folder),
            }
        }
        self.mark_gone(&gone, now);
    }

    /// A new folder: watched first, listed then, so that nothing falls between the two.
    fn list(&mut self, folder: &Path, now: Instant) {
        let Some(index) = self.root_of(folder).filter(|_| self.takes_folder(folder)) else { return };
        if self.roots[index].watch_mode == WatchMode::Watched {
            let root = &self.roots[index].real;
            let limit = watch_below(&self.listener, &self.plan.selection, root, folder, &self.cancel);
            if let Some(setting) = limit {
                self.reached_limit(index, setting);
            }
        }
        let selection = self.plan.selection.clone();
        let root = self.roots[index].real.clone();
        for (number, found) in selection.walk_in(&root, folder).enumerate() {
            if number >= LISTED || self.cancel.is_requested() {
                return self.hear(Hint::Rescan(folder.to_owned()), now);
            }
            if let Found::Candidate(path) = found {
                self.hear(Hint::Path(path), now);
            }
        }
    }

    /// Where the tracks of an album vote together, a change of one is a change of all. They come as from a walk, so
    /// that they do not hint at each other in turn.
    fn hint_at_neighbours(&mut self, path: &Path, now: Instant) {
        let Some(folder) = path.parent().filter(|_| self.plan.fingerprints.depend_on_neighbours()) else { return };
        for neighbour in self.plan.selection.files_in(folder) {
            if neighbour != path
                && let Ok(stamp) = FileStamp::of(&neighbour)
            {
                self.hear(Hint::Found(neighbour, stamp), now);
            }
        }
    }

    /// Rows of what is gone, where it is not the root that is.
    fn mark_gone(&mut self, gone: &[PathBuf], now: Instant) {
        if gone.is_empty() {
            return;
        }
        self.look_at_roots(now);
        let there = gone.iter().filter(|path| self.root_of(path).is_some_and(|index| self.roots[index].is_good()));
        // Behind a link, the rows bear the names without links.
        let there: Vec<PathBuf> = there.flat_map(|path| [Some(path.clone()), real_name(path)]).flatten().collect();
        let there: Vec<&Path> = there.iter().map(PathBuf::as_path).collect();
        let mark = || -> Result<usize, StoreError> {
            let mut marked = self.store.mark(&there)?;
            for path in there {
                if self.store.knows_files_below(path)? {
                    marked += self.store.mark_gone(path)?;
                }
            }
            Ok(marked)
        };
        match mark() {
            Ok(marked) => self.watch_status.update(|status| status.gone += marked as u64),
            Err(error) => tracing::error!("cannot note what is gone: {error}; the next comparison does"),
        }
    }

    fn takes_folder(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| self.plan.selection.takes_folder(&root.real, path))
    }
}

/// The name without links of what was at a path, where that is another one.
fn real_name(gone: &Path) -> Option<PathBuf> {
    let folder = std::fs::canonicalize(gone.parent()?).ok()?;
    Some(folder.join(gone.file_name()?)).filter(|real| real != gone)
}
