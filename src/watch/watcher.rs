//! The thread that gives [`Settling`] its clock, its disk and its database, and carries out what comes of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::candidates::{Candidate, Candidates, Origin};
use super::folders::NotWatched;
use super::inbox::{Inbox, Kind, Mail};
use super::listener::Listener;
use super::mounts::{Hearing, Mounts};
use super::outlook::{Outlook, RootOutlook};
use super::roots::{Change, Root, Sight as RootSight};
use super::settling::{Hint, Memory, Settling, Sight, Work};
use super::walker::{Ear, Walk, Walked, Walker, watch_below};
use crate::config::{self, Poll};
use crate::pipeline::{Cancel, Fingerprints, Found, Selection};
use crate::store::Store;
use crate::tagging::FileStamp;

/// How often a root that is away is looked for.
const LOOK_FOR_ROOTS: Duration = Duration::from_secs(10);
/// Files of a new folder that are hinted at one by one; a larger one is compared.
const LISTED: usize = 5000;
/// Files that wait for a worker, of each origin.
const QUEUED: usize = 64;

/// What to watch, and how.
#[derive(Clone)]
pub struct Plan {
    /// The roots, as the configuration names them; none lies in another.
    pub roots: Vec<PathBuf>,
    /// Which files count.
    pub selection: Selection,
    /// Under which a file is settled.
    pub fingerprints: Fingerprints,
    /// How long a file has to be still.
    pub quiet: Duration,
    /// Intervals and bounds.
    pub watch: config::Watch,
}

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
        outlook: Arc<Outlook>,
        on_walker: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new(plan.watch.max_pending));
        let waker = Arc::clone(&inbox);
        let candidates = Arc::new(Candidates::new(QUEUED, move || waker.wake()));
        let cancel = Cancel::default();
        let ear: Ear = Arc::new(Mutex::new(None));
        let (walks, requests) = channel();
        let walker = Walker {
            store: Arc::clone(&store),
            fingerprints: plan.fingerprints.clone(),
            selection: plan.selection.clone(),
            quiet: plan.quiet,
            inbox: Arc::clone(&inbox),
            candidates: Arc::clone(&candidates),
            ear: Arc::clone(&ear),
            cancel: cancel.clone(),
        };
        let mut watch = Watch {
            settling: Settling::new(plan.quiet, plan.watch.max_pending),
            roots: plan.roots.iter().cloned().map(Root::new).collect(),
            plan,
            store,
            outlook,
            inbox: Arc::clone(&inbox),
            candidates: Arc::clone(&candidates),
            ear,
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

struct Watch {
    settling: Settling,
    roots: Vec<Root>,
    plan: Plan,
    store: Arc<Store>,
    outlook: Arc<Outlook>,
    inbox: Arc<Inbox>,
    candidates: Arc<Candidates>,
    ear: Ear,
    walks: Sender<Walk>,
    /// Folders whose comparison was asked for and has not ended.
    asked: HashSet<PathBuf>,
    /// Of these, those that have to be compared once more: hints were lost meanwhile, maybe behind the walk's back.
    once_more: HashSet<PathBuf>,
    cancel: Cancel,
    next_comparison: Instant,
    next_poll: Instant,
    next_look: Instant,
}

impl Watch {
    fn run(mut self) {
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
            let outside = Outside { store: &self.store, plan: &self.plan, roots: &self.roots };
            let work = self.settling.ripen(now, &outside, |origin| candidates.room(origin));
            self.carry_out(work, now);
        }
    }

    fn next_deadline(&self) -> Instant {
        let mut deadline = self.next_comparison;
        if self.roots.iter().any(|root| root.is_good() && root.is_polled()) {
            deadline = deadline.min(self.next_poll);
        }
        if self.roots.iter().any(|root| !root.is_good()) {
            deadline = deadline.min(self.next_look);
        }
        let ripe = self.settling.next_due(|origin| self.candidates.room(origin));
        ripe.map_or(deadline, |due| deadline.min(due))
    }

    fn hear(&mut self, hint: Hint, now: Instant) {
        let outside = Outside { store: &self.store, plan: &self.plan, roots: &self.roots };
        let work = self.settling.hear(hint, now, &outside);
        self.carry_out(work, now);
    }

    fn read(&mut self, mail: Mail, now: Instant) {
        if mail.lost {
            tracing::warn!("more happened than could be listened to: the roots are looked through");
            for root in self.roots.iter().map(|root| root.real.clone()).collect::<Vec<_>>() {
                self.hear(Hint::Rescan(root), now);
            }
        }
        for folder in mail.vanished {
            self.vanished(&folder, now);
        }
        if mail.mounts_changed {
            self.look_at_roots(now);
        }
        for (path, kind) in mail.events {
            let hint = match kind {
                Kind::File => Hint::File(path),
                Kind::Folder if self.takes_folder(&path) => Hint::Folder(path),
                Kind::Folder => continue,
            };
            self.hear(hint, now);
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

    fn keep_time(&mut self, now: Instant) {
        if now >= self.next_comparison {
            self.compare_all(now);
        }
        if now >= self.next_look && self.roots.iter().any(|root| !root.is_good()) {
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
        if self.roots[index].hearing == Hearing::Watched {
            let limit = watch_below(&self.ear, &self.plan.selection, folder, &self.cancel);
            if let Some(setting) = limit {
                self.reached_limit(index, setting);
            }
        }
        let selection = self.plan.selection.clone();
        for (number, found) in selection.walk(folder).enumerate() {
            if number >= LISTED || self.cancel.is_requested() {
                return self.hear(Hint::Rescan(folder.to_owned()), now);
            }
            if let Found::Candidate(path) = found {
                self.hear(Hint::File(path), now);
            }
        }
    }

    /// Where the tracks of an album vote together, a change of one is a change of all. They come as from a walk, so that they do
    /// not hint at each other in turn.
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
        let there: Vec<&Path> = there.map(PathBuf::as_path).collect();
        let mark = || -> Result<usize, crate::store::StoreError> {
            let mut marked = self.store.mark(&there)?;
            for path in there {
                if self.store.knows_files_below(path)? {
                    marked += self.store.mark_gone(path)?;
                }
            }
            Ok(marked)
        };
        match mark() {
            Ok(marked) => self.outlook.update(|standing| standing.gone += marked as u64),
            Err(error) => tracing::error!("cannot note what is gone: {error}; the next comparison does"),
        }
    }

    fn root_of(&self, path: &Path) -> Option<usize> {
        self.roots.iter().position(|root| path.starts_with(&root.real))
    }

    fn takes_folder(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| self.plan.selection.takes_folder(&root.real, path))
    }

    /// A watched folder is gone from its place. Its parent tells of that; a root has none that is watched.
    fn vanished(&mut self, folder: &Path, now: Instant) {
        let roots: Vec<usize> = (0..self.roots.len()).filter(|&i| self.roots[i].real == folder).collect();
        for index in &roots {
            // Another folder of the same name is another folder.
            self.roots[*index].health = super::roots::Health::Unknown;
            self.forget_watches(*index);
        }
        if !roots.is_empty() {
            self.look_at_roots(now);
        }
    }

    fn look_at_roots(&mut self, now: Instant) {
        self.next_look = now + LOOK_FOR_ROOTS.min(self.plan.watch.poll_interval.get());
        for index in 0..self.roots.len() {
            let sight = RootSight::of(&self.roots[index].configured);
            let store = &self.store;
            // Where the database cannot say, nothing is taken for granted.
            let change = self.roots[index].observe(sight, |real| store.knows_files_below(real).unwrap_or(true));
            let shown = self.roots[index].configured.display().to_string();
            match change {
                None => {}
                Some(Change::Went(why)) => {
                    tracing::warn!("{shown}: {why} Nothing is deleted; it is looked for again and again");
                    self.forget_watches(index);
                }
                Some(Change::Came) => {
                    self.roots[index].hearing = self.hearing(index);
                    match &self.roots[index].hearing {
                        Hearing::Watched => tracing::info!("{shown}: watched"),
                        Hearing::Polled(why) => {
                            let interval = self.plan.watch.poll_interval;
                            tracing::info!("{shown}: looked through every {interval}: {why}");
                        }
                    }
                    self.compare_root(index, true);
                }
            }
        }
    }

    fn hearing(&self, index: usize) -> Hearing {
        let root = &self.roots[index];
        match &self.plan.watch.poll {
            Poll::Auto => Mounts::now().hearing(&root.real),
            Poll::Roots(polled) if polled.iter().any(|p| *p == root.configured || *p == root.real) => {
                Hearing::Polled("the configuration says so".to_owned())
            }
            Poll::Roots(_) => Hearing::Watched,
        }
    }

    fn forget_watches(&self, index: usize) {
        if let Some(listener) = self.ear.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            listener.forget_below(&self.roots[index].real);
        }
    }

    fn compare_all(&mut self, now: Instant) {
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

    fn compare_root(&mut self, index: usize, retries: bool) {
        let root = self.roots[index].real.clone();
        let watches = self.roots[index].hearing == Hearing::Watched && self.can_listen(index);
        self.ask(Walk { folder: root.clone(), root, watches, retries });
    }

    fn compare_folder(&mut self, folder: &Path) {
        let Some(index) = self.root_of(folder).filter(|&index| self.roots[index].is_good()) else { return };
        if self.asked.contains(folder) {
            self.once_more.insert(folder.to_owned());
            return;
        }
        let watches = self.roots[index].hearing == Hearing::Watched && self.can_listen(index);
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
        let mut ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        if ear.is_some() {
            return true;
        }
        match Listener::start(Arc::clone(&self.inbox)) {
            Ok(listener) => {
                *ear = Some(listener);
                true
            }
            Err(NotWatched::Limit(setting)) => {
                drop(ear);
                self.reached_limit(index, setting);
                false
            }
            Err(NotWatched::Other(error)) => {
                drop(ear);
                tracing::warn!("inotify cannot be had: {error}; the roots are looked through at an interval");
                self.roots[index].unwatched = Some(format!("inotify cannot be had: {error}"));
                false
            }
        }
    }

    fn reached_limit(&mut self, index: usize, setting: &'static str) {
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

    fn walked(&mut self, walked: Walked) {
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
        self.outlook.update(|standing| {
            standing.gone += gone as u64;
            if let Some(root) = standing.roots.iter_mut().find(|root| root.real == walk.root)
                && compared.is_some()
                && walk.folder == walk.root
            {
                root.compared_at = Some(now);
            }
        });
    }

    fn say_how_it_stands(&self) {
        let watches = self.ear.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Listener::len);
        self.outlook.update(|standing| {
            standing.waiting = self.settling.len();
            standing.watches = watches;
            standing.comparing = self.asked.iter().min().cloned();
            let before = std::mem::take(&mut standing.roots);
            standing.roots = self.roots.iter().map(|root| outlook_of(root, &before)).collect();
        });
    }
}

fn outlook_of(root: &Root, before: &[RootOutlook]) -> RootOutlook {
    use super::roots::Health;
    RootOutlook {
        path: root.configured.clone(),
        real: root.real.clone(),
        away: match &root.health {
            Health::Away(why) => Some(why.clone()),
            Health::Good | Health::Unknown => None,
        },
        polled: match &root.hearing {
            Hearing::Polled(why) => Some(why.clone()),
            Hearing::Watched => root.unwatched.clone(),
        },
        compared_at: before.iter().find(|old| old.path == root.configured).and_then(|old| old.compared_at),
    }
}

/// The disk and the database.
struct Outside<'a> {
    store: &'a Store,
    plan: &'a Plan,
    roots: &'a [Root],
}

impl Memory for Outside<'_> {
    fn look(&self, path: &Path) -> Sight {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => Sight::Folder,
            Ok(metadata) if metadata.is_file() => Sight::File(FileStamp::from(&metadata)),
            Ok(_) => Sight::Unclear,
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Sight::Missing,
                _ => Sight::Unclear,
            },
        }
    }

    fn knows(&self, path: &Path, stamp: &FileStamp) -> bool {
        let known = |path: &Path| self.store.track(path).ok().flatten();
        let by_one_name = || {
            let target = std::fs::canonicalize(path).ok().filter(|target| target != path)?;
            known(&target)
        };
        // Where the database fails, the line finds out and says so.
        let Some(track) = known(path).or_else(by_one_name) else { return false };
        track.stamp == *stamp && self.plan.fingerprints.hold(path, track.settled_by.as_deref())
    }

    fn takes(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| self.plan.selection.takes_file(&root.real, path))
    }
}
