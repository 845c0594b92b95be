//! How the watcher looks after its roots: whether they are there, how their changes are noticed, when they are
//! compared.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::folders::NotWatched;
use super::listener::Listener;
use super::roots::{Change, Health, Root, Sight as RootSight};
use super::settling::Hint;
use super::walk::{Walk, Walked};
use super::watch_loop::WatchLoop;
use super::watch_status::RootStatus;
use crate::config::Poll;
use crate::storage::{Mounts, WatchMode};

/// How often a root that is away is looked for.
const LOOK_FOR_ROOTS: Duration = Duration::from_secs(10);

/// After how long everything is compared once more when a root has come back: what was under way while it came and went
/// is seen then.
const SECOND_LOOK: Duration = Duration::from_secs(30);

impl WatchLoop {
    pub(super) fn root_of(&self, path: &Path) -> Option<usize> {
        self.roots.iter().position(|root| path.starts_with(&root.real))
    }

    /// A watched folder is gone from its place. Its parent tells of that, but not where the parent of a root or of a
    /// link's target is watched by nobody.
    pub(super) fn vanished(&mut self, folder: &Path, now: Instant) {
        let roots: Vec<usize> = (0..self.roots.len()).filter(|&i| self.roots[i].real == folder).collect();
        for index in &roots {
            // Another folder of the same name is another folder.
            self.roots[*index].health = super::roots::Health::Unknown;
            self.forget_watches(*index);
        }
        if !roots.is_empty() {
            self.look_at_roots(now);
        } else {
            self.stop_watching(folder);
            self.hear(Hint::Path(folder.to_owned()), now);
        }
    }

    pub(super) fn look_at_roots(&mut self, now: Instant) {
        for index in 0..self.roots.len() {
            let sight = RootSight::of(&self.roots[index].configured);
            let was_away = matches!(self.roots[index].health, Health::Away(_));
            let was_at = self.roots[index].real.clone();
            let store = &self.store;
            // Where the database cannot say, nothing is taken for granted.
            let change = self.roots[index].observe(sight, |real| store.knows_files_below(real).unwrap_or(true));
            let shown = self.roots[index].configured.display().to_string();
            if self.roots[index].real != was_at {
                self.stop_watching(&was_at);
                tracing::debug!("{shown}: is {} now", self.roots[index].real.display());
            }
            match change {
                None => {}
                Some(Change::Went(why)) => {
                    tracing::warn!("{shown}: {why} Nothing is deleted; it is looked for again and again");
                    self.forget_watches(index);
                }
                Some(Change::Came) => {
                    self.roots[index].watch_mode = self.watch_mode(index);
                    match &self.roots[index].watch_mode {
                        WatchMode::Watched => tracing::info!("{shown}: watched"),
                        WatchMode::Polled(why) => {
                            let interval = self.plan.watch.poll_interval;
                            tracing::info!("{shown}: looked through every {interval}: {why}");
                        }
                    }
                    self.compare_root(index, true);
                    if was_away {
                        self.next_comparison = self.next_comparison.min(now + SECOND_LOOK);
                    }
                }
            }
        }
        self.look_again(now);
    }

    /// Looks at the roots no sooner than this again, unless something calls for it.
    fn look_again(&mut self, now: Instant) {
        let interval = self.plan.watch.poll_interval.get();
        let is_away = self.roots.iter().any(|root| !root.is_good());
        self.next_look = now + if is_away { LOOK_FOR_ROOTS.min(interval) } else { interval };
    }

    fn watch_mode(&self, index: usize) -> WatchMode {
        let root = &self.roots[index];
        match &self.plan.watch.poll {
            Poll::Auto => Mounts::now().watch_mode(&root.real),
            Poll::Roots(polled) if polled.iter().any(|p| *p == root.configured || *p == root.real) => {
                WatchMode::Polled("the configuration says so".to_owned())
            }
            Poll::Roots(_) => WatchMode::Watched,
        }
    }

    fn forget_watches(&self, index: usize) {
        self.stop_watching(&self.roots[index].real);
    }

    /// Watches a folder no more, nor any below it.
    pub(super) fn stop_watching(&self, folder: &Path) {
        if let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            listener.forget_below(folder);
        }
    }

    pub(super) fn compare_all(&mut self, now: Instant) {
        self.next_comparison = now + self.plan.watch.reconcile_interval.get();
        self.next_poll = now + self.plan.watch.poll_interval.get();
        let known: Vec<bool> = self.roots.iter().map(Root::is_good).collect();
        self.look_at_roots(now);
        // Those that came just now are being compared already.
        for (index, was_good) in known.into_iter().enumerate() {
            if was_good && self.roots[index].is_good() {
                self.compare_root(index, true);
            }
        }
    }

    pub(super) fn compare_root(&mut self, index: usize, retries: bool) {
        let root = self.roots[index].real.clone();
        let watches = self.roots[index].watch_mode == WatchMode::Watched && self.can_listen(index);
        self.ask(Walk { folder: root.clone(), root, watches, retries });
    }

    pub(super) fn compare_folder(&mut self, folder: &Path) {
        let Some(index) = self.root_of(folder).filter(|&index| self.roots[index].is_good()) else { return };
        if self.asked.contains(folder) {
            self.once_more.insert(folder.to_owned());
            return;
        }
        let watches = self.roots[index].watch_mode == WatchMode::Watched && self.can_listen(index);
        self.ask(Walk { root: self.roots[index].real.clone(), folder: folder.to_owned(), watches, retries: false });
    }

    fn ask(&mut self, walk: Walk) {
        if self.asked.insert(walk.folder.clone()) {
            // The walker ends with us.
            let _ = self.walks.send(walk);
        }
    }

    /// Whether there is a listener, after trying to get one.
    fn can_listen(&mut self, index: usize) -> bool {
        let mut slot = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return true;
        }
        match Listener::start(Arc::clone(&self.inbox)) {
            Ok(listener) => {
                *slot = Some(listener);
                true
            }
            Err(NotWatched::Limit(setting)) => {
                drop(slot);
                self.reached_limit(index, setting);
                false
            }
            Err(NotWatched::Other(error)) => {
                drop(slot);
                tracing::warn!("inotify cannot be had: {error}; the roots are looked through at an interval");
                self.roots[index].unwatched = Some(format!("inotify cannot be had: {error}"));
                false
            }
        }
    }

    pub(super) fn reached_limit(&mut self, index: usize, setting: &'static str) {
        let root = &mut self.roots[index];
        let why = format!("the limit {setting} is reached");
        if root.unwatched.as_ref() != Some(&why) {
            let (root, interval) = (root.configured.display(), self.plan.watch.poll_interval);
            tracing::warn!(
                "{root}: {why}: some folders cannot be watched. Raise it (`sysctl {setting}` says how high it is, `sysctl -w \
                 {setting}=NUMBER` sets it). Until then this root is looked through every {interval}"
            );
        }
        self.roots[index].unwatched = Some(why);
    }

    pub(super) fn walked(&mut self, walked: Walked) {
        let Walked { walk, limit, compared, gone } = walked;
        self.asked.remove(&walk.folder);
        if self.once_more.remove(&walk.folder) {
            self.compare_folder(&walk.folder);
        }
        let Some(index) = self.roots.iter().position(|root| root.real == walk.root) else { return };
        if let Some(setting) = limit {
            self.reached_limit(index, setting);
        } else if walk.watches && walk.folder == walk.root && self.roots[index].unwatched.take().is_some() {
            tracing::info!("{}: all its folders are watched again", walk.root.display());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.watch_status.update(|status| {
            status.gone += gone as u64;
            if let Some(root) = status.roots.iter_mut().find(|root| root.real == walk.root)
                && compared.is_some()
                && walk.folder == walk.root
            {
                root.compared_at = Some(now);
            }
        });
    }

    pub(super) fn say_how_it_stands(&self) {
        let watches = self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Listener::len);
        self.watch_status.update(|status| {
            status.waiting = self.settling.len();
            status.watches = watches;
            status.comparing = self.asked.iter().min().cloned();
            let before = std::mem::take(&mut status.roots);
            status.roots = self.roots.iter().map(|root| root_status(root, &before)).collect();
        });
    }
}

fn root_status(root: &Root, before: &[RootStatus]) -> RootStatus {
    RootStatus {
        path: root.configured.clone(),
        real: root.real.clone(),
        away: match &root.health {
            Health::Away(why) => Some(why.clone()),
            Health::Good | Health::Unknown => None,
        },
        polled: match &root.watch_mode {
            WatchMode::Polled(why) => Some(why.clone()),
            WatchMode::Watched => root.unwatched.clone(),
        },
        compared_at: before.iter().find(|old| old.path == root.configured).and_then(|old| old.compared_at),
    }
}
