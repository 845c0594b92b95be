//! What the service works with, and what it does with what comes in: a running watch, or, while its database is gone,
//! nothing but the wish for one. [`super::service`] waits; here nothing does, but for the end of a watch.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters::Counters;
use super::database_loss::{DatabaseLoss, DatabaseSight};
use super::error::{DaemonError, Reload};
use super::learning::{Learning, Learnt};
use super::lists::Lists;
use super::lock::{Lock, LockError};
use super::main_loop::{MainLoopHandle, Obstacle, Processed};
use super::memory;
use super::rest::{self, Rest};
use super::running_watch::{PreparedWatch, RunningWatch};
use super::status::{Status, status_path};
use super::status_recorder::StatusRecorder;
use super::trouble::{Kept, Over, Troubles};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::pipeline::{Action, ModelVersions, Report, StageTimes, WaitsFor};
use crate::store::{Loss as LossKind, Store, StoreError};
use crate::watch::Candidate;

/// How long files in flight may take to be finished when a watch ends.
const LAST_FILES: Duration = Duration::from_secs(15);

/// The service at work.
pub(super) struct ServiceState {
    path: PathBuf,
    work: WorkState,
    lock: Lock,
    reload: Reload,
    main_loop: MainLoopHandle,
    recorder: StatusRecorder,
    troubles: Troubles,
    rest_at: Option<Instant>,
    learning: Learning,
    lists: Lists,
}

/// What there is to work with.
enum WorkState {
    Working { store: Arc<Store>, running: Box<RunningWatch> },
    Lost(Box<DatabaseLoss>),
}

impl WorkState {
    fn running(&self) -> Option<&RunningWatch> {
        match self {
            WorkState::Working { running, .. } => Some(running),
            WorkState::Lost(_) => None,
        }
    }
}

impl ServiceState {
    pub(super) fn begin(
        config: Config,
        store: Arc<Store>,
        lock: Lock,
        reload: Reload,
        counters: Arc<Counters>,
        main_loop: MainLoopHandle,
    ) -> Result<Self, DaemonError> {
        let path = store.path().to_owned();
        let running = Box::new(RunningWatch::begin(PreparedWatch::new(config, &store)?, &store, &main_loop)?);
        let recorder = StatusRecorder::new(path.clone(), counters, Arc::clone(&main_loop.watch_status));
        let work = WorkState::Working { store, running };
        let learning = Learning::begin(&path, Instant::now());
        let lists = Lists::begin(Instant::now());
        let troubles = Troubles::default();
        let mut state =
            Self { path, work, lock, reload, main_loop, recorder, troubles, rest_at: None, learning, lists };
        state.take_rest();
        Ok(state)
    }

    fn running(&self) -> Option<&RunningWatch> {
        self.work.running()
    }

    pub(super) fn status(&self) -> Status {
        self.recorder.status(self.running())
    }

    pub(super) fn line(&self) -> String {
        self.status().line()
    }

    pub(super) fn model_versions(&self) -> ModelVersions {
        match &self.work {
            WorkState::Working { running, .. } => running.model_versions.clone(),
            WorkState::Lost(loss) => loss.model_versions.clone(),
        }
    }

    pub(super) fn stale(&mut self) {
        self.recorder.is_stale = true;
    }

    pub(super) fn write_at(&self) -> Option<Instant> {
        self.recorder.write_at()
    }

    pub(super) fn write(&mut self) {
        self.recorder.write(self.work.running());
    }

    pub(super) fn mounts_changed(&self) {
        if let Some(running) = self.running() {
            running.watcher.mounts_changed();
        }
    }

    /// A worker is done with a file.
    ///
    /// # Errors
    /// [`DaemonError`] when the service has to end.
    pub(super) async fn enter(&mut self, done: Processed) -> Result<(), DaemonError> {
        if self.running().is_none() {
            self.enter_last(done);
            return Ok(());
        }
        let Processed { candidate, outcome } = done;
        match outcome {
            Ok((report, stage_times)) => self.came_through(candidate, &report, &stage_times),
            Err(Obstacle::ThisFile(why)) => {
                self.recorder.record_obstacle(&candidate.path, &why);
                self.try_file_again(candidate);
            }
            Err(Obstacle::Everything(why)) => self.keep_everything_back(candidate, &why),
            Err(Obstacle::OtherModels(model_versions)) => {
                return self.take_other_models(candidate, &model_versions).await;
            }
            Err(Obstacle::Lost(error)) => {
                self.lose(error).await;
                return self.check_place().await;
            }
        }
        Ok(())
    }

    /// The same when there is no watch to do anything about it.
    pub(super) fn enter_last(&mut self, done: Processed) {
        if let Ok((report, stage_times)) = done.outcome {
            self.recorder.record(&report, &stage_times);
        }
    }

    fn came_through(&mut self, candidate: Candidate, report: &Report, stage_times: &StageTimes) {
        if let Some(WaitsFor::Room { device, size }) = report.waits_for {
            return self.keep_for_room(candidate, (device, size), report, stage_times);
        }
        self.recorder.record(report, stage_times);
        let (was_written, is_news) = (report.action == Action::Written, report.action != Action::Unchanged);
        for Over { why, held } in self.troubles.came_through(&report.path, was_written, is_news, Instant::now()) {
            tracing::info!("that is over: {why}");
            for candidate in held {
                self.try_file_again(Candidate { tries: 0, ..candidate });
            }
        }
        self.say_troubles();
        if !report.is_settled {
            self.try_file_again(candidate);
        }
    }

    fn try_file_again(&self, candidate: Candidate) {
        if let Some(running) = self.running() {
            running.watcher.try_again(candidate);
        }
    }

    fn keep_for_room(&mut self, candidate: Candidate, disk: (u64, u64), report: &Report, stage_times: &StageTimes) {
        let reason = report.reason.as_deref().unwrap_or("there is no room for it");
        let why = format!("{}: {reason}", candidate.path.display());
        match self.troubles.wait_for_room(candidate, disk, &why, Instant::now()) {
            Kept::First => {
                self.recorder.count(report, stage_times);
                let rest = "what else is to be written on its disk waits too, and is tried as soon as there is room";
                self.recorder.record_obstacle(&report.path, &format!("{reason}; {rest}"));
            }
            Kept::Another => self.recorder.count(report, stage_times),
            Kept::Again => {}
        }
        self.say_troubles();
    }

    fn keep_everything_back(&mut self, candidate: Candidate, why: &str) {
        let path = candidate.path.clone();
        let kept = self.troubles.stop_all(candidate, why, Instant::now());
        if kept == Kept::First {
            self.recorder.record_obstacle(&path, &format!("{why}; no file is worked on until that is over"));
        }
        self.say_troubles();
    }

    /// Begins a new watch, which compares everything anew: the models were replaced.
    async fn take_other_models(&mut self, candidate: Candidate, found: &ModelVersions) -> Result<(), DaemonError> {
        let WorkState::Working { store, running } = &self.work else { return Ok(()) };
        if running.model_versions == *found {
            self.try_file_again(candidate);
            return Ok(());
        }
        let store = Arc::clone(store);
        match PreparedWatch::new(running.config.clone(), &store) {
            Err(error) => self.keep_everything_back(candidate, &error.to_string()),
            Ok(prepared) => {
                tracing::info!("the models are others than before: all files are compared anew");
                self.end_watch().await;
                self.begin_watch(prepared, store)?;
            }
        }
        Ok(())
    }

    fn say_troubles(&mut self) {
        if !matches!(self.work, WorkState::Working { .. }) {
            return;
        }
        let said = self.troubles.said();
        if said != self.recorder.trouble {
            self.recorder.trouble = said;
            self.recorder.is_stale = true;
        }
        self.pause_or_not();
    }

    /// When it is to be tried whether a trouble is over.
    pub(super) fn try_at(&self) -> Option<Instant> {
        self.running().and_then(|_| self.troubles.try_at())
    }

    pub(super) fn try_again(&mut self) {
        let candidates = self.troubles.try_again(Instant::now());
        if let Some(running) = self.running() {
            candidates.into_iter().for_each(|candidate| running.watcher.candidates().push(candidate));
        }
        self.pause_or_not();
    }

    fn pause_or_not(&self) {
        if let Some(running) = self.running() {
            running.watcher.candidates().pause(self.recorder.resting.is_some() || self.troubles.stops_all());
        }
    }

    pub(super) fn rest_at(&self) -> Option<Instant> {
        self.rest_at
    }

    pub(super) fn take_rest(&mut self) {
        let config = match &self.work {
            WorkState::Working { running, .. } => &running.config,
            WorkState::Lost(loss) => &loss.config,
        };
        let Rest { why, ask_again } = rest::now(&config.watch);
        if why != self.recorder.resting {
            match &why {
                Some(why) => tracing::info!("resting: {why}"),
                None => tracing::info!("working again"),
            }
            self.recorder.resting = why;
            self.recorder.is_stale = true;
        }
        self.pause_or_not();
        self.rest_at = ask_again.map(|wait| Instant::now() + wait);
    }

    /// When to look at the owner's playlists.
    pub(super) fn lists_at(&self) -> Option<Instant> {
        self.running().and_then(|running| self.lists.look_at(&running.config))
    }

    /// Brings the owner's playlists up to date.
    pub(super) fn make_lists(&mut self) {
        if let WorkState::Working { store, running } = &self.work {
            self.lists.start(store, &running.config, Instant::now());
        }
    }

    /// When to look whether it is time to learn, or something else was learned.
    pub(super) fn learn_at(&self) -> Option<Instant> {
        self.running().map(|_| self.learning.look_at)
    }

    /// Looks at what was learned: another generation is worked with from now on, and where there is nothing to do it
    /// may be time to learn anew, on a thread of its own.
    ///
    /// # Errors
    /// [`DaemonError`] when a new watch cannot begin.
    pub(super) async fn look_at_learning(&mut self, learnt: &mpsc::Sender<Learnt>) -> Result<(), DaemonError> {
        let is_another = self.learning.look(&self.path, Instant::now());
        if is_another {
            return self.work_with_learned().await;
        }
        let is_idle = self.status().state == "idle";
        if let WorkState::Working { store, running } = &self.work
            && is_idle
        {
            self.learning.start(store, &running.config, learnt);
        }
        Ok(())
    }

    /// Something was learned, or not.
    ///
    /// # Errors
    /// As for [`ServiceState::look_at_learning`].
    pub(super) async fn enter_learning(&mut self, learnt: Learnt) -> Result<(), DaemonError> {
        if self.learning.enter(learnt, &self.path) { self.work_with_learned().await } else { Ok(()) }
    }

    /// Begins a new watch, in which another generation votes.
    async fn work_with_learned(&mut self) -> Result<(), DaemonError> {
        let WorkState::Working { store, running } = &self.work else { return Ok(()) };
        let store = Arc::clone(store);
        match PreparedWatch::new(running.config.clone(), &store) {
            Err(error) => tracing::error!("what was learned cannot be worked with yet: {error}"),
            Ok(prepared) => {
                tracing::info!("what was learned from the library is another than before: all files are judged anew");
                self.end_watch().await;
                self.begin_watch(prepared, store)?;
            }
        }
        Ok(())
    }

    /// Reads the configuration again and begins a new watch under it. One that cannot be worked with changes nothing.
    ///
    /// # Errors
    /// [`DaemonError`] when the new watch cannot begin.
    pub(super) async fn reload(&mut self) -> Result<(), DaemonError> {
        let (store, before) = match &mut self.work {
            WorkState::Working { store, running } => (Arc::clone(store), &running.config),
            WorkState::Lost(loss) => {
                loss.reload = true;
                tracing::info!("the configuration is read again as soon as there is a database");
                return Ok(());
            }
        };
        let Some(prepared) = prepare_reload(&self.reload, before, &store) else { return Ok(()) };
        if !self.end_watch().await {
            tracing::warn!("a file in flight takes long; it goes on beside the new configuration");
        }
        self.begin_watch(prepared, store)?;
        tracing::info!("the new configuration is in force");
        Ok(())
    }

    fn begin_watch(&mut self, prepared: PreparedWatch, store: Arc<Store>) -> Result<(), DaemonError> {
        let running = Box::new(RunningWatch::begin(prepared, &store, &self.main_loop)?);
        self.work = WorkState::Working { store, running };
        // What was held back is found by the comparison that the new watch begins with.
        self.troubles = Troubles::default();
        memory::give_back();
        self.say_troubles();
        self.take_rest();
        Ok(())
    }

    /// Ends the watch, if there is one. `false` when some thread did not end in time.
    pub(super) async fn end_watch(&self) -> bool {
        match self.running() {
            Some(running) => running.end(LAST_FILES).await,
            None => true,
        }
    }

    /// Something came or went beside the database. Looks whether database, lock and status are still in their places.
    ///
    /// # Errors
    /// [`DaemonError`] when another service took our place.
    pub(super) async fn check_place(&mut self) -> Result<(), DaemonError> {
        if let WorkState::Working { store, .. } = &self.work
            && let Err(error) = store.check_in_place()
        {
            self.lose(error).await;
        }
        if !self.lock.is_in_place() {
            match Lock::take(&self.path) {
                Ok(lock) => {
                    tracing::warn!("the lock beside the database was deleted; it is made anew");
                    self.lock = lock;
                }
                Err(error @ LockError::Held { .. }) => return Err(error.into()),
                Err(error) => tracing::debug!("the lock is gone: {error}"),
            }
        }
        if !status_path(&self.path).exists() && self.path.exists() {
            self.recorder.is_stale = true;
        }
        Ok(())
    }

    /// Stops all work: the database is not the one at its place any more.
    async fn lose(&mut self, error: StoreError) {
        let WorkState::Working { store, running } = &self.work else { return };
        let why = error.to_string();
        tracing::error!("{why}; no file is worked on until a database is in its place");
        let loss = DatabaseLoss::new(
            error,
            running.config.clone(),
            running.model_versions.clone(),
            Arc::downgrade(store),
            Instant::now(),
        );
        self.recorder.trouble = Some(why);
        if !self.end_watch().await {
            tracing::warn!("a file in flight takes long; it is not written any more");
        }
        // With the watch goes the database that was open.
        self.work = WorkState::Lost(Box::new(loss));
        self.troubles = Troubles::default();
        self.write();
    }

    /// When to look for a database, while there is none.
    pub(super) fn look_at(&self) -> Option<Instant> {
        match &self.work {
            WorkState::Working { .. } => None,
            WorkState::Lost(loss) => Some(loss.look_at),
        }
    }

    /// Looks whether there is a database again, and begins a watch with it.
    ///
    /// # Errors
    /// [`DaemonError`] when there was none for too long, or it cannot be worked with.
    pub(super) fn look_for_database(&mut self) -> Result<(), DaemonError> {
        let WorkState::Lost(loss) = &mut self.work else { return Ok(()) };
        match loss.look(&self.path, Instant::now()) {
            DatabaseSight::NotYet => return Ok(()),
            DatabaseSight::Hopeless => {
                let nothing = StoreError::Lost { path: self.path.clone(), how: LossKind::Deleted };
                return Err(std::mem::replace(&mut loss.why, nothing).into());
            }
            DatabaseSight::There => {}
        }
        let wait = Duration::from_secs(loss.config.database.busy_timeout_seconds.into());
        let store = match Store::open(&self.path, wait) {
            Ok(store) => Arc::new(store),
            Err(error) => {
                tracing::debug!("cannot be worked with yet: {error}");
                loss.why = error;
                return Ok(());
            }
        };
        let (config, is_reload) = (loss.config.clone(), loss.reload);
        let reloaded = is_reload.then(|| prepare_reload(&self.reload, &config, &store)).flatten();
        let prepared = match reloaded {
            Some(prepared) => prepared,
            None => PreparedWatch::new(config, &store)?,
        };
        if !self.lock.is_in_place() {
            self.lock = Lock::take(&self.path)?;
        }
        self.begin_watch(prepared, store)?;
        tracing::warn!("{}: another database is in its place; it is worked with from now on", self.path.display());
        self.recorder.is_stale = true;
        Ok(())
    }

    pub(super) fn stopping(&mut self) {
        tracing::info!("stopping: no file is begun any more, writes in flight are finished");
        for root in self.recorder.never_seen() {
            tracing::warn!("{}: was not there in all that time: is the path right?", root.display());
        }
        self.recorder.stopping(self.work.running());
    }

    pub(super) fn stopped(&mut self) {
        tracing::info!("stopped");
        self.recorder.stopped(self.work.running());
    }
}

/// A new configuration, tried out; what cannot be worked with is said, and nothing changes.
fn prepare_reload(reload: &Reload, before: &Config, store: &Arc<Store>) -> Option<PreparedWatch> {
    let new = reload().and_then(|config| {
        if config.database.path != before.database.path {
            tracing::warn!("[database] path: another database takes a restart; this one goes on");
        }
        if config.metrics != before.metrics {
            tracing::warn!("[metrics]: another place for the figures takes a restart");
        }
        if config.log != before.log {
            tracing::warn!("[log]: another way of logging takes a restart");
        }
        PreparedWatch::new(config, store).map_err(|error| error.to_string())
    });
    new.map_err(|error| tracing::error!("the configuration stays as it was: {error}")).ok()
}
